//! Timeouts: whole seconds.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::number::{NumberError, small_number};

/// A timeout in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seconds(pub u32);

impl Seconds {
    /// Reads a whole number of seconds.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        small_number(text).map(Seconds)
    }

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn timeouts_are_whole_seconds() {
        assert_eq!(Seconds::parse("300"), Ok(Seconds(300)));
        assert_eq!(Seconds(300).duration(), std::time::Duration::from_secs(300));
        for text in ["", "30s", "-1", "1.5", "5m"] {
            assert!(matches!(Seconds::parse(text), Err(NumberError::NotANumber { .. })), "{text}");
        }
        assert!(matches!(Seconds::parse("\u{ff12}"), Err(NumberError::LookAlike { .. })));
        assert!(matches!(Seconds::parse("4294967296"), Err(NumberError::TooLarge { .. })));
    }

    proptest! {
        #[test]
        fn seconds_read_back_as_they_are_counted(seconds: u32) {
            let printed = Seconds(seconds).to_string();
            prop_assert_eq!(printed.strip_suffix(" s").map(Seconds::parse), Some(Ok(Seconds(seconds))));
        }
    }
}
