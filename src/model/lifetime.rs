//! How long an instance may live.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The units, the largest first, in minutes.
const UNITS: [(char, u32); 3] = [('d', 24 * 60), ('h', 60), ('m', 1)];

/// A span of time: INFRA_TTL, and `--older-than`. In minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ttl(pub u32);

impl Ttl {
    /// Ten years: more is a mistake in the unit.
    pub const LONGEST: Ttl = Ttl(3650 * 24 * 60);

    /// The minutes of a unit, by its letter in any case.
    #[must_use]
    pub fn unit(letter: char) -> Option<u32> {
        let letter = letter.to_ascii_lowercase();
        UNITS.iter().find(|(name, _)| *name == letter).map(|(_, minutes)| *minutes)
    }

    /// The same as a duration.
    #[must_use]
    pub fn duration(self) -> SignedDuration {
        SignedDuration::from_mins(i64::from(self.0))
    }
}

impl fmt::Display for Ttl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, factor): &&(char, u32)| self.0.is_multiple_of(*factor);
        let (unit, factor) = UNITS.iter().find(fits).expect("a minute fits everything");
        write!(f, "{}{unit}", self.0 / factor)
    }
}

/// A time to live, and when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// How long.
    pub ttl: Ttl,
    /// Since when: the last `up`.
    pub since: Timestamp,
}

impl Lifetime {
    /// When it is over; none after the end of all time.
    #[must_use]
    pub fn end(&self) -> Option<Timestamp> {
        self.since.checked_add(self.ttl.duration()).ok()
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.end().is_some_and(|end| end <= now)
    }
}

/// How far away a moment is, in the largest unit that leaves a whole number: `3 h`, `2 days`.
#[must_use]
pub fn roughly(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.duration_since(from).as_secs().unsigned_abs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_life_ends_when_its_time_is_over_and_not_before() {
        let life = Lifetime { ttl: Ttl(480), since: at("2026-01-01T00:00:00Z") };
        assert_eq!(life.end(), Some(at("2026-01-01T08:00:00Z")));
        assert!(!life.is_over(at("2026-01-01T07:59:59Z")));
        assert!(life.is_over(at("2026-01-01T08:00:00Z")));
        // A clock that was set back ends no life.
        assert!(!life.is_over(at("2025-12-31T23:00:00Z")));
        let endless = Lifetime { ttl: Ttl::LONGEST, since: Timestamp::MAX };
        assert_eq!((endless.end(), endless.is_over(Timestamp::MAX)), (None, false));
    }

    #[test]
    fn a_distance_is_told_in_its_own_unit() {
        let from = at("2026-01-01T00:00:00Z");
        for (to, says) in [
            ("2026-01-01T00:00:59Z", "59 s"),
            ("2026-01-01T01:59:00Z", "119 min"),
            ("2026-01-01T08:30:00Z", "8 h"),
            ("2026-01-03T01:00:00Z", "2 days"),
            ("2025-12-31T23:00:00Z", "60 min"),
        ] {
            assert_eq!(roughly(from, at(to)), says);
        }
    }
}
