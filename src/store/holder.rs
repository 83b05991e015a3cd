//! Who holds a lock: by what the holder wrote into it, and until that is written by what the kernel
//! knows of it.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use procfs::Current;
use procfs::process::Process;
use serde::{Deserialize, Serialize};

use super::owner::Owner;
use crate::private;

/// How long a holder is waited for that has not written its name yet.
const UNTIL_SIGNED: Duration = Duration::from_millis(250);
/// How long between two looks.
const BETWEEN: Duration = Duration::from_millis(10);

/// What a holder writes into its lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process.
    pub owner: Owner,
    /// What it is doing: `up`.
    pub verb: String,
    /// Since when.
    pub since: Timestamp,
}

impl Holder {
    /// This process.
    pub(super) fn myself(verb: &str) -> Self {
        Holder { owner: Owner::myself(), verb: verb.to_owned(), since: Timestamp::now() }
    }

    /// What stands in the lock; none where it is not written yet, or by a process that is gone.
    pub(super) fn signed(path: &Path) -> Option<Holder> {
        let holder: Holder = serde_json::from_slice(&private::read(path).ok()?).ok()?;
        holder.owner.is_alive().then_some(holder)
    }
}

/// Who holds a lock, as far as that can be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// The process.
    pub pid: Option<i32>,
    /// What it is doing: `up`. None where it could not write that: its disk is full.
    pub verb: Option<String>,
    /// For how many seconds; where the verb is not known, since the process began.
    pub age: Option<u64>,
    /// Whose process it is.
    pub user: Option<String>,
}

impl Held {
    /// Looks who holds the lock at this moment, and waits a little for a holder that has it and has
    /// not said so yet.
    pub(super) async fn of(path: &Path) -> Self {
        let mut waited = Duration::ZERO;
        loop {
            let by_kernel = locked_by(path);
            match Holder::signed(path) {
                // What stands there may be from whoever had it before.
                Some(holder) if by_kernel.is_none_or(|pid| pid == holder.owner.pid) => {
                    return Held::by_name(holder);
                }
                _ if waited >= UNTIL_SIGNED => {
                    return by_kernel.map(Held::by_pid).unwrap_or_default();
                }
                _ => {}
            }
            tokio::time::sleep(BETWEEN).await;
            waited += BETWEEN;
        }
    }

    fn by_name(holder: Holder) -> Self {
        let age = Timestamp::now().duration_since(holder.since).as_secs();
        let pid = holder.owner.pid;
        Held {
            pid: Some(pid),
            verb: Some(holder.verb),
            age: Some(u64::try_from(age).unwrap_or_default()),
            user: user_of(pid),
        }
    }

    fn by_pid(pid: i32) -> Self {
        Held { pid: Some(pid), verb: None, age: age_of(pid), user: user_of(pid) }
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.verb {
            Some(verb) => write!(f, "`vagrantp {verb}`")?,
            None => f.write_str("a call that could not write down what it does")?,
        }
        match (self.pid, self.age) {
            (Some(pid), Some(age)) => write!(f, " (pid {pid}, for {age} s)"),
            (Some(pid), None) => write!(f, " (pid {pid})"),
            (None, _) => f.write_str(" (a process that cannot be seen from here)"),
        }
    }
}

/// The process that has the kernel's lock on a file; `flock(2)` counts as its who opened it.
fn locked_by(path: &Path) -> Option<i32> {
    let file = std::fs::metadata(path).ok()?;
    let (major, minor) = (rustix::fs::major(file.dev()), rustix::fs::minor(file.dev()));
    let locks = procfs::locks().ok()?;
    let lock = locks
        .into_iter()
        .find(|lock| (lock.devmaj, lock.devmin, lock.inode) == (major, minor, file.ino()))?;
    // Of a process in another namespace the kernel tells no number.
    lock.pid.filter(|pid| *pid > 0)
}

fn user_of(pid: i32) -> Option<String> {
    let uid = Process::new(pid).and_then(|process| process.uid()).ok()?;
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let mut entries = passwd.lines().map(|line| line.split(':'));
    let name = entries.find_map(|mut fields| {
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    Some(name.unwrap_or_else(|| uid.to_string()))
}

/// For how many seconds a process runs.
fn age_of(pid: i32) -> Option<u64> {
    let started = Process::new(pid).and_then(|process| process.stat()).ok()?.starttime;
    let uptime = procfs::Uptime::current().ok()?.uptime_duration().as_secs();
    Some(uptime.saturating_sub(started / procfs::ticks_per_second()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked(content: &[u8]) -> (tempfile::TempDir, std::path::PathBuf, std::fs::File) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        private::write(&path, content).unwrap();
        let file = std::fs::File::open(&path).unwrap();
        file.try_lock().unwrap();
        (dir, path, file)
    }

    #[tokio::test]
    async fn a_holder_that_never_signs_is_named_by_the_kernel() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let other = Holder { owner: Owner { pid: 1, started: 0 }, ..Holder::myself("rm") };
        for content in [Vec::new(), serde_json::to_vec(&other).unwrap()] {
            let (_dir, path, _file) = locked(&content);
            let held = Held::of(&path).await;
            assert_eq!((held.pid, &held.verb), (Some(pid), &None));
            assert!(held.age.is_some() && held.user.is_some(), "{held:?}");
            assert!(held.to_string().contains(&format!("(pid {pid}, for ")), "{held}");
        }
    }

    #[tokio::test]
    async fn a_holder_that_is_about_to_sign_is_waited_for() {
        let (_dir, path, _file) = locked(b"");
        let signing = {
            let path = path.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(60)).await;
                let text = serde_json::to_vec(&Holder::myself("up")).unwrap();
                private::write(&path, &text).unwrap();
            })
        };
        let held = Held::of(&path).await;
        signing.await.unwrap();
        assert_eq!(held.verb.as_deref(), Some("up"));
        assert!(held.to_string().starts_with("`vagrantp up` (pid "), "{held}");
    }

    #[tokio::test]
    async fn where_nobody_is_to_be_seen_that_is_said() {
        let held = Held::of(Path::new("/nonexistent/lock")).await;
        assert_eq!(held, Held::default());
        assert!(held.to_string().ends_with("cannot be seen from here)"), "{held}");
    }
}
