//! Which process something belongs to: a pid alone could be somebody else's by now.

use serde::{Deserialize, Serialize};

/// A process, told apart from a later one with the same pid by its start time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Its process id.
    pub pid: i32,
    /// Its start time in clock ticks after boot (`proc(5)`, field 22 of `/proc/PID/stat`).
    pub started: u64,
}

impl Owner {
    /// This process.
    #[must_use]
    pub fn myself() -> Self {
        let pid = rustix::process::getpid().as_raw_nonzero().get();
        Owner { pid, started: start_time(pid).unwrap_or(0) }
    }

    /// Whether it is still there.
    #[must_use]
    pub fn is_alive(self) -> bool {
        start_time(self.pid) == Some(self.started)
    }
}

fn start_time(pid: i32) -> Option<u64> {
    procfs::process::Process::new(pid).and_then(|process| process.stat()).ok().map(|s| s.starttime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reused_pid_is_not_the_owner() {
        let me = Owner::myself();
        assert!(me.is_alive());
        assert!(!Owner { started: me.started + 1, ..me }.is_alive());
        assert!(!Owner { pid: i32::MAX, started: 1 }.is_alive());
    }
}
