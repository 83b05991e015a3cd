//! What the rooms for virtual machines share: keys, seeds, disks, images, the way in by SSH, and
//! waiting until it is there. Nothing here knows a room, or which machine is wanted: plain values
//! come in, files and values go out.
//!
//! - [`keys`]: a host key and a key of the instance's own, made once
//! - [`seed`]: what a guest is told at its start, as cloud-init reads it
//! - [`ssh`]: the arguments that lead into a guest

pub mod error;
mod file;
#[cfg(feature = "guest")]
pub mod keys;
#[cfg(feature = "guest")]
pub mod seed;

pub mod ssh;

pub use error::GuestError;
