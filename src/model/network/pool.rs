//! PORT_POOL: where `auto` picks.

use std::fmt;

use miette::SourceSpan;
use serde::{Deserialize, Serialize};

use super::port::{PortError, port};

/// PORT_POOL: where `auto` picks, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortPool {
    /// First port.
    pub first: u16,
    /// Last port.
    pub last: u16,
}

impl PortPool {
    /// The pool where none is written.
    pub const DEFAULT: PortPool = PortPool { first: 8100, last: 8900 };

    /// Reads `8100-8900`.
    pub fn parse(text: &str) -> Result<Self, PortError> {
        let at = SourceSpan::from(0..text.len());
        let Some(dash) = text.find('-') else { return Err(PortError::NotARange { at }) };
        let first_end = text[..dash].trim_end_matches(' ').len();
        let last_from = text.len() - text[dash + 1..].trim_start_matches(' ').len();
        let (first, last) = (port(text, 0, first_end)?, port(text, last_from, text.len())?);
        if last < first {
            return Err(PortError::Reversed { at, first, last });
        }
        Ok(PortPool { first, last })
    }

    /// How many ports there are to pick from.
    #[must_use]
    pub fn size(self) -> usize {
        usize::from(self.last - self.first) + 1
    }
}

impl fmt::Display for PortPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_goes_upwards() {
        assert_eq!(PortPool::parse("8100-8900"), Ok(PortPool::DEFAULT));
        assert_eq!(PortPool::parse("5 - 5").map(PortPool::size), Ok(1));
        assert!(matches!(PortPool::parse("8100"), Err(PortError::NotARange { .. })));
        assert!(matches!(
            PortPool::parse("9-8"),
            Err(PortError::Reversed { first: 9, last: 8, .. })
        ));
        assert!(matches!(PortPool::parse("0-8"), Err(PortError::OutOfRange { .. })));
        assert!(matches!(PortPool::parse("1-65536"), Err(PortError::OutOfRange { .. })));
        assert!(matches!(PortPool::parse("-"), Err(PortError::NotAPort { .. })));
    }
}
