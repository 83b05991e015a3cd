//! Whole numbers in plain digits, and the counts that are written so.

use std::fmt;

use miette::{Diagnostic, SourceSpan};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a text is not a whole number. Spans count within the text; whoever knows where the text
/// stands moves them there.
#[derive(Clone, Debug, PartialEq, Eq, Error, Diagnostic)]
pub enum NumberError {
    /// Anything but digits.
    #[error("must be a whole number")]
    #[diagnostic(code(vagrantp::config::not_a_number), help("write digits alone, such as `2`"))]
    NotANumber {
        /// The text.
        #[label("expected digits")]
        at: SourceSpan,
    },
    /// A digit of another script, which only looks right.
    #[error("has a character that looks like a digit and is none")]
    #[diagnostic(
        code(vagrantp::config::lookalike_digit),
        help("type the number again with the plain digits 0 to 9")
    )]
    LookAlike {
        /// The character.
        #[label("not one of 0 to 9")]
        at: SourceSpan,
    },
    /// More than 64 bits hold.
    #[error("is too large a number")]
    #[diagnostic(code(vagrantp::config::number_too_large), help("write a smaller number"))]
    TooLarge {
        /// The digits.
        #[label("too large")]
        at: SourceSpan,
    },
}

/// Refuses digits of other scripts, which only look like ours.
pub fn plain_digits(text: &str) -> Result<(), NumberError> {
    match text.char_indices().find(|(_, c)| !c.is_ascii() && c.is_numeric()) {
        Some((index, c)) => Err(NumberError::LookAlike { at: (index, c.len_utf8()).into() }),
        None => Ok(()),
    }
}

/// The whole number that `text` writes in plain digits.
pub fn whole_number(text: &str) -> Result<u64, NumberError> {
    plain_digits(text)?;
    let at = SourceSpan::from(0..text.len());
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NumberError::NotANumber { at });
    }
    text.parse().map_err(|_| NumberError::TooLarge { at })
}

/// The same, of 32 bits at most.
pub(super) fn small_number(text: &str) -> Result<u32, NumberError> {
    let too_large = |_| NumberError::TooLarge { at: (0..text.len()).into() };
    u32::try_from(whole_number(text)?).map_err(too_large)
}

/// A number of virtual CPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CpuCount(pub u32);

impl CpuCount {
    /// CPUS where none is written.
    pub const DEFAULT: CpuCount = CpuCount(2);

    /// Reads a whole number.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        small_number(text).map(CpuCount)
    }
}

impl fmt::Display for CpuCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn counts_are_plain_digits() {
        assert_eq!(CpuCount::parse("2"), Ok(CpuCount(2)));
        for text in ["two", "-1", "+1", "", "2.0", " 2", "0x2", "1e3"] {
            assert!(matches!(CpuCount::parse(text), Err(NumberError::NotANumber { .. })), "{text}");
        }
        for text in ["4294967296", "18446744073709551616"] {
            assert!(matches!(CpuCount::parse(text), Err(NumberError::TooLarge { .. })), "{text}");
        }
        for text in ["\u{ff12}", "1\u{664}", "\u{1d7d8}"] {
            assert!(matches!(CpuCount::parse(text), Err(NumberError::LookAlike { .. })), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_count_reads_back_as_it_prints(count: u32) {
            prop_assert_eq!(CpuCount::parse(&CpuCount(count).to_string()), Ok(CpuCount(count)));
        }
    }
}
