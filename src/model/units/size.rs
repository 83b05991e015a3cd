//! Sizes of memory and of disks: a whole number with M or G, counted in steps of 1024.

use std::fmt;

use miette::{Diagnostic, SourceSpan};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::number::{NumberError, whole_number};

/// Why a text is not a size.
#[derive(Clone, Debug, PartialEq, Eq, Error, Diagnostic)]
pub enum SizeError {
    /// No whole number in front.
    #[error("must be a size")]
    #[diagnostic(
        code(vagrantp::config::not_a_size),
        help("write a whole number and M or G, such as `4G`; half a GiB is `512M`")
    )]
    NotASize {
        /// The text.
        #[label("expected a whole number, then M or G")]
        at: SourceSpan,
    },
    /// A number with a unit that is none of ours.
    #[error("has a unit that is not known")]
    #[diagnostic(
        code(vagrantp::config::unknown_unit),
        help("the units are M, MB, MiB and G, GB, GiB, each counted in steps of 1024")
    )]
    UnknownUnit {
        /// The unit.
        #[label("expected M or G")]
        at: SourceSpan,
    },
    /// More than can be counted.
    #[error("is too large a size")]
    #[diagnostic(code(vagrantp::config::size_too_large), help("write a smaller size"))]
    TooLarge {
        /// The text.
        #[label("too large")]
        at: SourceSpan,
    },
    /// The number is none.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Number(NumberError),
}

/// Whether a size was written with its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// M or G stands there.
    Written,
    /// It was taken for granted.
    Assumed,
}

/// `text` in MiB; a bare number counts `bare` MiB each.
fn mebibytes(text: &str, bare: u64) -> Result<(u64, Unit), SizeError> {
    let digits = text.find(|c: char| !c.is_numeric()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let all = SourceSpan::from(0..text.len());
    if number.is_empty() {
        return Err(SizeError::NotASize { at: all });
    }
    let number = whole_number(number).map_err(SizeError::Number)?;
    let name = unit.trim_start_matches(' ');
    let (factor, unit) = match name.to_ascii_lowercase().as_str() {
        "" => (bare, Unit::Assumed),
        "m" | "mb" | "mib" => (1, Unit::Written),
        "g" | "gb" | "gib" => (1024, Unit::Written),
        other if other.starts_with(['.', ',']) => return Err(SizeError::NotASize { at: all }),
        _ => {
            let at = (text.len() - name.len(), name.len()).into();
            return Err(SizeError::UnknownUnit { at });
        }
    };
    // What cannot be counted in bytes is no size either.
    let size = number.checked_mul(factor).filter(|size| *size <= u64::MAX >> 20);
    size.map(|size| (size, unit)).ok_or(SizeError::TooLarge { at: all })
}

/// An amount of memory in MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Memory(pub u64);

impl Memory {
    /// MEMORY where none is written.
    pub const DEFAULT: Memory = Memory(2048);

    /// Reads `2G`, `2048M`, `2048`: a bare number counts MiB.
    pub fn parse(text: &str) -> Result<Self, SizeError> {
        mebibytes(text, 1).map(|(size, _)| Memory(size))
    }

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
    /// DISK_SIZE where none is written.
    pub const DEFAULT: DiskSize = DiskSize(20 * 1024);

    /// Reads `20G`, `50000M`, `20`: a bare number counts GiB, and the answer says that it was bare.
    pub fn parse(text: &str) -> Result<(Self, Unit), SizeError> {
        mebibytes(text, 1024).map(|(size, unit)| (DiskSize(size), unit))
    }

    /// The same in bytes; saturates far beyond what any host has.
    #[must_use]
    pub fn bytes(self) -> u64 {
        self.0.saturating_mul(1024 * 1024)
    }

    /// As the `.env` has it: `20G`.
    #[must_use]
    pub fn written(self) -> String {
        if self.0 > 0 && self.0.is_multiple_of(1024) {
            format!("{}G", self.0 / 1024)
        } else {
            format!("{}M", self.0)
        }
    }

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_count_in_steps_of_1024_and_in_any_case() {
        for (text, size) in [
            ("2G", 2048),
            ("2 GiB", 2048),
            ("2gb", 2048),
            ("512", 512),
            ("512m", 512),
            ("512MiB", 512),
            ("0", 0),
        ] {
            assert_eq!(Memory::parse(text), Ok(Memory(size)), "{text}");
        }
        assert_eq!(DiskSize::parse("20"), Ok((DiskSize(20480), Unit::Assumed)));
        assert_eq!(DiskSize::parse("5119M"), Ok((DiskSize(5119), Unit::Written)));
        assert!(DiskSize(5119) < DiskSize(5 * 1024));
    }

    #[test]
    fn what_is_no_size_says_where() {
        let all = |text: &str| SourceSpan::from(0..text.len());
        for text in ["", "x", "-1", "2.5X", "2.5G", "1,5G", "G", "+1G"] {
            assert_eq!(Memory::parse(text), Err(SizeError::NotASize { at: all(text) }), "{text}");
        }
        for (text, from) in [("2T", 1), ("2 XB", 2), ("5%", 1), ("0x200", 1), ("1e3", 1)] {
            let at = SourceSpan::from(from..text.len());
            assert_eq!(Memory::parse(text), Err(SizeError::UnknownUnit { at }), "{text}");
        }
        let big = "18446744073709551616";
        let too_large = NumberError::TooLarge { at: all(big) };
        assert_eq!(Memory::parse(big), Err(SizeError::Number(too_large)));
        let big = "18446744073709551615G";
        assert_eq!(Memory::parse(big), Err(SizeError::TooLarge { at: all(big) }));
        let arabic = SizeError::Number(NumberError::LookAlike { at: (1, 2).into() });
        assert_eq!(Memory::parse("2\u{664}G"), Err(arabic));
    }

    proptest! {
        #[test]
        fn a_size_reads_back_as_it_prints(mebibytes in 0..=u64::MAX >> 20) {
            let memory = Memory(mebibytes);
            prop_assert_eq!(Memory::parse(&memory.to_string()), Ok(memory));
            let disk = DiskSize(mebibytes);
            prop_assert_eq!(DiskSize::parse(&disk.to_string()), Ok((disk, Unit::Written)));
            prop_assert_eq!(DiskSize::parse(&disk.written()), Ok((disk, Unit::Written)));
        }
    }
}
