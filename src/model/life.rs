//! How an instance's main process fares: what the provider says of it beyond up or down.

use serde::{Deserialize, Serialize};

use super::units::Memory;

/// How an instance's main process fares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// Whether the provider says that it ended because there was no memory left for it.
    #[serde(default)]
    pub out_of_memory: bool,
    /// How often the provider has started it again by itself since it was last started.
    #[serde(default)]
    pub restarts: u32,
    /// Its image's health check, where there is one.
    #[serde(default)]
    pub health: Option<Health>,
    /// The limits that hold while it runs, where they are not those that it was made with: somebody
    /// has changed them, until its next start.
    #[serde(default)]
    pub limits: Option<Limits>,
    /// Why the provider cannot look into it any more, in its own words.
    #[serde(default)]
    pub damaged: Option<String>,
}

/// Limits in force; none where there is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The memory limit.
    #[serde(default)]
    pub memory: Option<Memory>,
    /// The CPU limit, in thousandths of a CPU.
    #[serde(default)]
    pub millicpus: Option<u32>,
}

/// An image's health check and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// What the provider makes of the results.
    pub verdict: Verdict,
    /// How many checks in a row have failed.
    #[serde(default)]
    pub failures: u32,
    /// When the last check ended (RFC 3339); none where there was none.
    #[serde(default)]
    pub checked_at: Option<String>,
    /// What the last check wrote.
    #[serde(default)]
    pub output: String,
    /// How often a check is due, in seconds.
    pub interval: u64,
}

/// What a provider makes of the results of health checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// There is none yet.
    Starting,
    /// The last check succeeded.
    Healthy,
    /// As many checks as the image allows have failed in a row.
    Unhealthy,
}

impl Verdict {
    /// As in JSON and on the screen.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Starting => "starting",
            Verdict::Healthy => "healthy",
            Verdict::Unhealthy => "unhealthy",
        }
    }
}

impl Health {
    /// Whether a check is due at this moment: none was made since the start, or the last is as old
    /// as the time between two. Both moments are seconds since 1970.
    #[must_use]
    pub fn is_due(&self, checked: Option<i64>, now: i64) -> bool {
        let interval = i64::try_from(self.interval).unwrap_or(i64::MAX);
        // A clock that was set back must not keep a check away for ever.
        checked.is_none_or(|checked| checked > now || now.saturating_sub(checked) >= interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_due_at_first_and_then_once_in_its_interval() {
        let health = Health {
            verdict: Verdict::Starting,
            failures: 0,
            checked_at: None,
            output: String::new(),
            interval: 30,
        };
        assert!(health.is_due(None, 1000));
        assert!(!health.is_due(Some(1000), 1029));
        assert!(health.is_due(Some(1000), 1030));
        assert!(health.is_due(Some(2000), 1030), "the clock was set back");
    }
}
