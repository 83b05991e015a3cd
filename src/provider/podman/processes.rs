//! The processes of a command that runs inside, as the host sees them. An engine on this host puts
//! them into our own process table; for one that is elsewhere, behind a forwarded socket, the
//! numbers mean nothing here, so each is checked before it is believed.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use procfs::process::Process;
use rustix::fs::{Mode, OFlags, ResolveFlags, open, openat2};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// A user database that is longer than this is not read.
const LARGEST: u64 = 1 << 20;

/// The process of an exec session: its parent is the monitor that has the session's id among its
/// arguments.
pub(super) fn of_session(pid: i64, session: &str) -> Option<Pid> {
    let pid = i32::try_from(pid).ok().filter(|pid| *pid > 1)?;
    let parent = Process::new(pid).ok()?.stat().ok()?.ppid;
    is_monitor_of(parent, session).then(|| Pid::from_raw(pid)).flatten()
}

/// The same where the engine has not written the number down, since the program that was to do so has
/// ended: the monitor is looked for in the process table.
pub(super) fn under_monitor_of(session: &str) -> Option<Pid> {
    let all = || procfs::process::all_processes().into_iter().flatten().flatten();
    let monitors: Vec<i32> =
        all().map(|one| one.pid).filter(|pid| is_monitor_of(*pid, session)).collect();
    all()
        .filter(|one| !monitors.contains(&one.pid))
        .find(|one| one.stat().is_ok_and(|stat| monitors.contains(&stat.ppid)))
        .and_then(|one| Pid::from_raw(one.pid))
}

fn is_monitor_of(pid: i32, id: &str) -> bool {
    let arguments = Process::new(pid).and_then(|monitor| monitor.cmdline()).unwrap_or_default();
    arguments.iter().any(|argument| argument == id)
}

/// The main process of a container: its parent is the monitor that has the container's id among its
/// arguments.
pub(super) fn main_process(pid: i64, monitor: i64, container: &str) -> Option<i32> {
    let (pid, monitor) = (i32::try_from(pid).ok()?, i32::try_from(monitor).ok()?);
    if pid <= 1 || monitor <= 1 || !is_monitor_of(monitor, container) {
        return None;
    }
    (Process::new(pid).ok()?.stat().ok()?.ppid == monitor).then_some(pid)
}

/// Whether the main process counts its users otherwise than the monitor that started it; no where
/// that cannot be seen.
pub(super) fn has_own_users(pid: i32, monitor: i64) -> bool {
    let users = |pid: i64| std::fs::read_link(format!("/proc/{pid}/ns/user")).ok();
    matches!((users(pid.into()), users(monitor)), (Some(own), Some(its)) if own != its)
}

/// Sends a signal to the process and its group, as a terminal does.
pub(super) fn signal(pid: Pid, number: i32) {
    if let Some(signal) = Signal::from_named_raw(number) {
        // Gone is as good as reached.
        let _ = kill_process_group(pid, signal);
    }
}

/// Everything that the command has started and that did not leave its session.
pub(super) fn session_of(leader: Pid) -> Vec<Pid> {
    let leader = leader.as_raw_nonzero().get();
    let all = procfs::process::all_processes().into_iter().flatten().flatten();
    all.filter_map(|process| process.stat().ok())
        .filter(|stat| stat.session == leader && stat.state != 'Z')
        .filter_map(|stat| Pid::from_raw(stat.pid))
        .collect()
}

/// Sends a signal to each.
pub(super) fn signal_all(processes: &[Pid], signal: Signal) {
    for process in processes {
        let _ = kill_process(*process, signal);
    }
}

/// The login shell of a container's user, where the container can be looked into from here and has
/// that shell.
pub(super) fn login_shell(pid: i64, monitor: i64, container: &str, user: &str) -> Option<String> {
    let pid = main_process(pid, monitor, container)?;
    let root = format!("/proc/{pid}/root");
    let root =
        open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    // What runs inside may have put links anywhere; they lead nowhere but inside.
    let within = |path: &Path, flags: OFlags| {
        let flags = flags | OFlags::CLOEXEC;
        openat2(&root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT)
    };
    let users = within(Path::new("etc/passwd"), OFlags::RDONLY | OFlags::NONBLOCK).ok()?;
    let mut text = Vec::new();
    File::from(users).take(LARGEST).read_to_end(&mut text).ok()?;
    let shell = shell_in(&String::from_utf8_lossy(&text), user)?;
    within(Path::new(&shell), OFlags::PATH).ok().map(|_| shell)
}

/// The shell of a user, given by name or number. Shells that refuse to be one are none.
fn shell_in(users: &str, user: &str) -> Option<String> {
    let mut lines = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let line = lines.find(|fields| {
        fields.first() == Some(&user) || fields.get(2).is_some_and(|uid| *uid == user)
    })?;
    let shell = line.get(6)?.trim();
    let refuses = ["nologin", "false"].iter().any(|name| shell.ends_with(name));
    (shell.starts_with('/') && !refuses).then(|| shell.to_owned())
}

/// A descriptor that becomes readable when the process ends.
pub(super) fn ending(pid: Pid) -> Option<std::os::fd::OwnedFd> {
    rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::NONBLOCK).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_is_the_users_own_and_one_that_lets_in() {
        let users = "root:x:0:0:root:/root:/bin/bash\nweb:x:33:33::/:/usr/sbin/nologin\nodd:x:1\n";
        assert_eq!(shell_in(users, "root").as_deref(), Some("/bin/bash"));
        assert_eq!(shell_in(users, "0").as_deref(), Some("/bin/bash"));
        for user in ["web", "odd", "nobody", ""] {
            assert_eq!(shell_in(users, user), None, "{user}");
        }
    }

    #[test]
    fn a_number_is_believed_only_where_its_monitor_names_the_session() {
        assert_eq!(of_session(i64::from(std::process::id()), "0123456789abcdef"), None);
        assert_eq!(of_session(0, ""), None);
        assert_eq!(of_session(i64::MAX, ""), None);
    }
}
