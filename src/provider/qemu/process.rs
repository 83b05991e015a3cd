//! The process that is a running machine.
//!
//! A number alone is nothing: it may have been given to another since. What counts is that the process
//! with this number began when ours did, is this user's, and was started with our machine's uuid and
//! serial log among its arguments.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use super::options;
use super::place::Place;
use crate::model::id::InstanceUuid;

/// A process that runs a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Running {
    /// Its number.
    pub(super) pid: i32,
    /// When it began, in the kernel's ticks since the host's start.
    pub(super) began: u64,
    /// What it was started with, without the program.
    pub(super) arguments: Vec<OsString>,
}

/// `launch.json`: the last start of a machine, so that its process need not be searched for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Launch {
    /// The process's number.
    pub(super) pid: i32,
    /// When it began, in ticks since the host's start.
    pub(super) began: u64,
    /// The host's start that this counts from.
    pub(super) boot: String,
    /// The moment (RFC 3339).
    pub(super) at: String,
}

/// What tells one start of the host from another.
pub(super) fn boot_id() -> String {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    text.trim().to_owned()
}

/// The process of the machine that is kept at this place: the one that was written down, or, where
/// that is not it, whichever is.
pub(super) fn find(place: &Place, uuid: InstanceUuid, hint: Option<&Launch>) -> Option<Running> {
    let hinted = hint.filter(|hint| hint.boot == boot_id()).and_then(|hint| {
        let found = look_at(hint.pid, place, uuid)?;
        (found.began == hint.began).then_some(found)
    });
    hinted.or_else(|| search(place, uuid))
}

fn search(place: &Place, uuid: InstanceUuid) -> Option<Running> {
    let entries = fs::read_dir("/proc").ok()?;
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.into_iter().find_map(|pid| look_at(pid, place, uuid))
}

/// The process with this number, where it is the machine's and lives.
fn look_at(pid: i32, place: &Place, uuid: InstanceUuid) -> Option<Running> {
    let home = format!("/proc/{pid}");
    if fs::metadata(&home).ok()?.uid() != rustix::process::geteuid().as_raw() {
        return None;
    }
    let text = fs::read(format!("{home}/cmdline")).ok()?;
    let arguments = words(&text);
    if !is_machines(&arguments, place, uuid) {
        return None;
    }
    let began = began(&fs::read_to_string(format!("{home}/stat")).ok()?)?;
    Some(Running { pid, began, arguments: arguments[1..].to_vec() })
}

/// The arguments of a process, the program first.
fn words(text: &[u8]) -> Vec<OsString> {
    let text = text.strip_suffix(b"\0").unwrap_or(text);
    text.split(|byte| *byte == 0).map(|word| OsString::from_vec(word.to_vec())).collect()
}

fn is_machines(arguments: &[OsString], place: &Place, uuid: InstanceUuid) -> bool {
    let has = |name: &str, fits: &dyn Fn(&OsStr) -> bool| {
        arguments.windows(2).any(|pair| pair[0] == name && fits(&pair[1]))
    };
    let (uuid, log) = (uuid.to_string(), place.serial_log());
    let logs = |value: &OsStr| {
        options::value(value, "logfile").is_some_and(|file| file == log.as_os_str())
    };
    has("-uuid", &|value| value.as_bytes() == uuid.as_bytes()) && has("-chardev", &logs)
}

/// When a process began; none for one that has ended and is only waited for (proc(5)).
fn began(stat: &str) -> Option<u64> {
    // The name of a program may hold blanks and brackets: what counts stands behind the last one.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X" | "x") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// When the process with this number began; none where there is none.
pub(super) fn began_at(pid: i32) -> Option<u64> {
    began(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

impl Running {
    /// A handle that is this process and never another one that got its number.
    fn handle(&self) -> Option<std::os::fd::OwnedFd> {
        let handle = pidfd_open(Pid::from_raw(self.pid)?, PidfdFlags::empty()).ok()?;
        // It may have ended, and its number have been given away, before the handle was had.
        self.lives().then_some(handle)
    }

    /// Whether it is still there.
    pub(super) fn lives(&self) -> bool {
        began_at(self.pid) == Some(self.began)
    }

    /// Sends it a signal, where it still lives.
    pub(super) fn signal(&self, signal: Signal) -> std::io::Result<()> {
        match self.handle() {
            Some(handle) => match pidfd_send_signal(handle, signal) {
                Err(rustix::io::Errno::SRCH) => Ok(()),
                result => Ok(result?),
            },
            None => Ok(()),
        }
    }

    /// When it was started, in seconds since 1970.
    pub(super) fn started_at(&self) -> Option<i64> {
        let stat = fs::read_to_string("/proc/stat").ok()?;
        let boot: i64 =
            stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
        let ticks = rustix::param::clock_ticks_per_second();
        Some(boot + i64::try_from(self.began / ticks.max(1)).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::qemu::fixture;

    fn place() -> Place {
        Place::new("/data/a,b".into(), "/run/x".into())
    }

    fn line(uuid: &str, log: &str) -> Vec<OsString> {
        let chardev = format!("socket,id=serial,path=/run/x/serial,logfile={log}");
        ["qemu", "-uuid", uuid, "-chardev", "spicevmc,id=a", "-chardev", &chardev]
            .map(OsString::from)
            .to_vec()
    }

    #[test]
    fn a_process_is_the_machines_by_uuid_and_directory() {
        let uuid = fixture::uuid("/p");
        let is = |line: &[OsString]| is_machines(line, &place(), uuid);
        let text = uuid.to_string();
        assert!(is(&line(&text, "/data/a,,b/serial.log")));
        assert!(!is(&line(&fixture::uuid("/q").to_string(), "/data/a,,b/serial.log")));
        assert!(!is(&line(&text, "/data/other/serial.log")));
        assert!(!is(&[]));
        assert!(!is(&["editor".into(), format!("-uuid {text}").into()]));
    }

    #[test]
    fn a_process_that_has_ended_is_none() {
        let stat = |state: &str| format!("7 (a) b) {state} 1 {} 4711 5 6", "0 ".repeat(17));
        assert_eq!(began(&stat("S")), Some(4711));
        assert_eq!(began(&stat("Z")), None);
        assert_eq!(began("7 (a"), None);
    }

    #[test]
    fn this_very_process_began_and_lives() {
        let pid = i32::try_from(std::process::id()).expect("a number");
        let stat = fs::read_to_string("/proc/self/stat").expect("a process");
        let myself = Running { pid, began: began(&stat).expect("it lives"), arguments: Vec::new() };
        assert!(myself.lives());
        assert!(!Running { began: myself.began + 1, ..myself.clone() }.lives());
        let now = jiff::Timestamp::now().as_second();
        let started = myself.started_at().expect("it began");
        assert!(started <= now + 1 && now - started < 3600, "{started} {now}");
    }
}
