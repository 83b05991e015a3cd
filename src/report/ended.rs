//! How an instance's main process came to its end: who ended it, when, and its last words.

use serde::Serialize;

use crate::model::observed::{Instance, Power};
use crate::model::units::Memory;

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ended {
    /// Its exit status; 128 plus the signal's number where a signal ended it.
    pub status: i32,
    /// When (RFC 3339).
    pub at: Option<String>,
    /// Why.
    pub cause: Cause,
    /// The last lines that it wrote, where they were asked for.
    pub last_output: Option<String>,
    /// The memory that it had.
    #[serde(skip)]
    memory: Option<Memory>,
}

/// Why it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// vagrantp stopped it.
    Stopped,
    /// It ended by itself.
    Exited,
    /// A signal ended it, and it was not vagrantp's.
    Killed,
    /// The kernel killed it, for want of memory.
    OutOfMemory,
}

const SIGKILL: i32 = 9;

impl Ended {
    /// How the instance ended, where it has. `last_stopped` is when vagrantp last stopped it.
    #[must_use]
    pub fn of(instance: &Instance, last_stopped: Option<&str>) -> Option<Ended> {
        let status = instance.exit_status.filter(|_| instance.state == Power::Stopped)?;
        let at = instance.finished_at.clone();
        let cause = if at.is_some() && at.as_deref() == last_stopped {
            Cause::Stopped
        } else if instance.life.out_of_memory {
            Cause::OutOfMemory
        } else if status > 128 {
            Cause::Killed
        } else {
            Cause::Exited
        };
        Some(Ended { status, at, cause, last_output: None, memory: instance.memory })
    }

    /// Whether nobody asked for it by vagrantp's hand, so that its last words are of interest.
    #[must_use]
    pub fn is_unasked(&self) -> bool {
        self.cause != Cause::Stopped
    }

    /// One sentence without its end, as of this moment.
    #[must_use]
    pub fn says(&self, now: jiff::Timestamp) -> String {
        let ago = self.ago(now).map(|ago| format!(" {ago} ago")).unwrap_or_default();
        let memory = self.memory.map_or_else(String::new, |memory| format!(" than its {memory}"));
        match self.cause {
            Cause::Stopped => format!("stopped by vagrantp{ago}"),
            Cause::Exited => {
                format!("its main process ended by itself{ago}, with exit status {}", self.status)
            }
            Cause::OutOfMemory => {
                format!("its main process was killed{ago}: it wanted more memory{memory} (MEMORY)")
            }
            Cause::Killed if self.status == 128 + SIGKILL => format!(
                "its main process was killed{ago} (SIGKILL); if nobody did that, it wanted more \
                 memory{memory} (MEMORY)"
            ),
            Cause::Killed => {
                format!("its main process was ended{ago} by signal {}", self.status - 128)
            }
        }
    }

    fn ago(&self, now: jiff::Timestamp) -> Option<String> {
        let at: jiff::Timestamp = self.at.as_deref()?.parse().ok()?;
        let seconds = now.as_second().saturating_sub(at.as_second()).max(0);
        Some(match seconds {
            0..120 => format!("{seconds} s"),
            120..7200 => format!("{} min", seconds / 60),
            7200..172_800 => format!("{} h", seconds / 3600),
            _ => format!("{} days", seconds / 86_400),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(status: i32, cause: Cause) -> Ended {
        Ended {
            status,
            at: Some("2026-01-02T03:04:05.678Z".to_owned()),
            cause,
            last_output: None,
            memory: Some(Memory(512)),
        }
    }

    fn says(status: i32, cause: Cause, now: &str) -> String {
        ended(status, cause).says(now.parse().expect("a moment"))
    }

    #[test]
    fn each_end_has_its_sentence() {
        let now = "2026-01-02T03:04:08Z";
        for (status, cause, expected) in [
            (143, Cause::Stopped, "stopped by vagrantp 3 s ago"),
            (1, Cause::Exited, "its main process ended by itself 3 s ago, with exit status 1"),
            (143, Cause::Killed, "its main process was ended 3 s ago by signal 15"),
            (
                137,
                Cause::OutOfMemory,
                "its main process was killed 3 s ago: it wanted more memory than its 512 MiB \
                 (MEMORY)",
            ),
            (
                137,
                Cause::Killed,
                "its main process was killed 3 s ago (SIGKILL); if nobody did that, it wanted \
                 more memory than its 512 MiB (MEMORY)",
            ),
        ] {
            assert_eq!(says(status, cause, now), expected);
        }
    }

    #[test]
    fn the_time_since_is_told_in_one_unit() {
        for (now, expected) in [
            ("2026-01-02T03:04:04Z", "0 s"),
            ("2026-01-02T03:06:04Z", "119 s"),
            ("2026-01-02T04:04:05Z", "60 min"),
            ("2026-01-03T03:04:05Z", "24 h"),
            ("2026-01-09T03:04:05Z", "7 days"),
        ] {
            let text = says(0, Cause::Exited, now);
            assert!(text.contains(&format!("by itself {expected} ago")), "{text}");
        }
    }
}
