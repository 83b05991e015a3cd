//! Amounts: memory, disk, CPUs, time. Newtypes, because two bare numbers could be swapped.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An amount of memory in MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Memory(pub u64);

impl Memory {
    /// The same in bytes; saturates far beyond what any host has.
    #[must_use]
    pub fn bytes(self) -> u64 {
        self.0.saturating_mul(1024 * 1024)
    }

    /// From bytes, rounded down to whole MiB.
    #[must_use]
    pub fn from_bytes(bytes: u64) -> Self {
        Memory(bytes / (1024 * 1024))
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_mebibytes(f, self.0)
    }
}

/// The size of a disk in MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DiskSize(pub u64);

impl DiskSize {
    /// Whole GiB, rounded up, as the JSON shape shows it.
    #[must_use]
    pub fn gibibytes_up(self) -> u64 {
        self.0.div_ceil(1024)
    }
}

impl fmt::Display for DiskSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_mebibytes(f, self.0)
    }
}

fn write_mebibytes(f: &mut fmt::Formatter<'_>, mebibytes: u64) -> fmt::Result {
    if mebibytes >= 1024 && mebibytes.is_multiple_of(1024) {
        write!(f, "{} GiB", mebibytes / 1024)
    } else {
        write!(f, "{mebibytes} MiB")
    }
}

/// A number of bytes, for people: `3.2 GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
        let mut value = self.0 as f64;
        let mut unit = 0;
        while value >= 1024.0 && unit + 1 < UNITS.len() {
            value /= 1024.0;
            unit += 1;
        }
        if unit == 0 { write!(f, "{} B", self.0) } else { write!(f, "{value:.1} {}", UNITS[unit]) }
    }
}

/// A number of virtual CPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CpuCount(pub u32);

impl fmt::Display for CpuCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A timeout in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seconds(pub u32);

impl Seconds {
    /// The same as a duration.
    #[must_use]
    pub fn duration(self) -> std::time::Duration {
        std::time::Duration::from_secs(u64::from(self.0))
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0)
    }
}
