//! Amounts: memory, disk, CPUs, time. Newtypes, because two bare numbers could be swapped.

mod number;
mod seconds;
mod size;

pub use number::{CpuCount, NumberError, plain_digits, whole_number};
pub use seconds::Seconds;
pub use size::{Bytes, DiskSize, Memory, SizeError, Unit};
