//! INFRA_TTL: how long an instance may live, with a unit.

use std::fmt;

use serde::Serialize;

use super::mistake::Mistake;
use super::reader::Wrong;
use crate::model::units::plain_digits;

/// Ten years, in minutes: more is a mistake in the unit.
const LONGEST: u32 = 3650 * 24 * 60;

/// The units, the largest first.
const UNITS: [(char, u32); 3] = [('d', 24 * 60), ('h', 60), ('m', 1)];

/// INFRA_TTL, in minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Ttl(pub u32);

impl Ttl {
    /// Reads a whole number and its unit, in any case: `30m`, `8h`, `2d`.
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        plain_digits(text)?;
        let bad = || Mistake::BadDuration { at: (0..text.len()).into() };
        let unit = text.chars().last().map(|c| c.to_ascii_lowercase());
        let factor = UNITS.iter().find(|(name, _)| Some(*name) == unit).ok_or_else(bad)?.1;
        let number = &text[..text.len() - 1];
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(bad().into());
        }
        let minutes = number.parse::<u32>().ok().and_then(|number| number.checked_mul(factor));
        let minutes = minutes.filter(|minutes| (1..=LONGEST).contains(minutes));
        Ok(Ttl(minutes.ok_or_else(bad)?))
    }
}

impl fmt::Display for Ttl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, factor): &&(char, u32)| self.0.is_multiple_of(*factor);
        let (unit, factor) = UNITS.iter().find(fits).expect("a minute fits everything");
        write!(f, "{}{unit}", self.0 / factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_to_live_have_a_unit_and_read_back_as_they_print() {
        for (text, minutes, printed) in [
            ("30m", 30, "30m"),
            ("1m", 1, "1m"),
            ("60m", 60, "1h"),
            ("8H", 480, "8h"),
            ("36h", 36 * 60, "36h"),
            ("2d", 2880, "2d"),
            ("3650d", LONGEST, "3650d"),
        ] {
            let ttl = Ttl::parse(text).expect(text);
            assert_eq!((ttl, ttl.to_string().as_str()), (Ttl(minutes), printed));
            assert_eq!(Ttl::parse(printed).ok(), Some(ttl));
        }
    }

    #[test]
    fn what_is_no_span_of_time_says_so() {
        for text in [
            "",
            "30",
            "m",
            "-1h",
            "+1h",
            "0m",
            "1.5h",
            "3651d",
            "99999999999d",
            "1w",
            "1\u{e9}",
            "1 h",
            "1h30m",
            "h1",
            "4294967296m",
        ] {
            let wrong = Ttl::parse(text).expect_err(text);
            assert_eq!(wrong.to_string(), "must be a span of time", "{text}");
        }
        let arabic = Ttl::parse("\u{668}h").expect_err("another script's");
        assert_eq!(
            arabic.code().map(|c| c.to_string()).as_deref(),
            Some("vagrantp::config::lookalike_digit")
        );
    }
}
