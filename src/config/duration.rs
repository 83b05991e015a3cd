//! INFRA_TTL: how long an instance may live, with a unit.

use super::mistake::Mistake;
use super::reader::Wrong;
use crate::model::lifetime::Ttl;
use crate::model::units::plain_digits;

impl Ttl {
    /// Reads a whole number and its unit, in any case: `30m`, `8h`, `2d`.
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        plain_digits(text)?;
        let bad = || Mistake::BadDuration { at: (0..text.len()).into() };
        let factor = text.chars().last().and_then(Ttl::unit).ok_or_else(bad)?;
        let number = &text[..text.len() - 1];
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(bad().into());
        }
        let minutes = number.parse::<u32>().ok().and_then(|number| number.checked_mul(factor));
        let minutes = minutes.filter(|minutes| (1..=Ttl::LONGEST.0).contains(minutes));
        Ok(Ttl(minutes.ok_or_else(bad)?))
    }
}

/// A span of time from the command line, which is written as INFRA_TTL is.
///
/// # Errors
/// What a span of time looks like.
pub fn span(text: &str) -> Result<Ttl, &'static str> {
    Ttl::parse(text).map_err(|_| "a whole number and `m`, `h` or `d`: 30m, 8h, 2d")
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
            ("3650d", Ttl::LONGEST.0, "3650d"),
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
