//! Which of the read-only mounts over the project's own files still stand.
//!
//! A mount lies on a file, not on its name: where a program on the host puts a new file in the old
//! one's place, the kernel takes the mount away, and what runs inside can write the new file. Podman
//! goes on showing the mount, so only the kernel's table of the main process tells. An engine that is
//! elsewhere shows process ids that mean nothing here: each is checked first.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::processes;
use super::reply::Container;
use crate::model::mount::{Mount, MountAccess, unescaped};

/// A table that is longer than this is read no further.
const LARGEST: u64 = 4 << 20;

/// The files of the host, and directories, whose read-only mount over a writable one is gone. None
/// where the container does not run on this host, or cannot be looked into from here.
pub(super) fn lost(container: &Container, mounts: &[Mount]) -> Vec<PathBuf> {
    let state = &container.state;
    let guards = guards(mounts);
    if guards.is_empty() || !matches!(state.status.as_str(), "running" | "paused") {
        return Vec::new();
    }
    let Some(pid) = processes::main_process(state.pid, state.conmon_pid, &container.id) else {
        return Vec::new();
    };
    let mut table = Vec::new();
    let read = File::open(format!("/proc/{pid}/mountinfo"))
        .and_then(|file| file.take(LARGEST).read_to_end(&mut table));
    // It may have ended just now; of another user's, nothing can be said.
    if read.is_err() || table.is_empty() {
        return Vec::new();
    }
    // In a user namespace of its own, the main process can make up a table as it likes.
    if matches!(container.host_config.userns_mode.as_str(), "" | "host")
        && processes::has_own_users(pid, state.conmon_pid)
    {
        table.clear();
    }
    gone(&guards, &table)
}

/// A read-only mount that shows what a writable one would show at the same place.
#[derive(Debug, PartialEq, Eq)]
struct Guard<'a> {
    /// What is mounted.
    mount: &'a Mount,
    /// The writable mount that it lies on.
    over: &'a Mount,
    /// Where it lies in that.
    within: &'a Path,
}

fn guards(mounts: &[Mount]) -> Vec<Guard<'_>> {
    mounts.iter().filter_map(|mount| guard(mount, mounts)).collect()
}

fn guard<'a>(mount: &'a Mount, mounts: &'a [Mount]) -> Option<Guard<'a>> {
    let lies_on = |over: &&Mount| over.guest != mount.guest && mount.guest.starts_with(&over.guest);
    let over = mounts
        .iter()
        .filter(lies_on)
        .max_by_key(|over| over.guest.components().count())
        .filter(|over| over.access == MountAccess::ReadWrite)?;
    let within = mount.guest.strip_prefix(&over.guest).ok()?;
    let is_guard = mount.access == MountAccess::ReadOnly && mount.host == over.host.join(within);
    is_guard.then_some(Guard { mount, over, within })
}

/// The host's paths of those that the kernel's table has no more.
fn gone(guards: &[Guard<'_>], table: &[u8]) -> Vec<PathBuf> {
    let entries: Vec<Entry> = table.split(|byte| *byte == b'\n').filter_map(Entry::of).collect();
    let is_there = |path: &Path| entries.iter().any(|entry| entry.point == path);
    let stands = |guard: &&Guard<'_>| {
        let at = |entry: &Entry| entry.read_only && entry.point == guard.mount.guest;
        // An image may have a symlink on the way to where it is mounted: then the table has another
        // path, and what counts is how the two mounts lie to each other.
        let elsewhere = |entry: &Entry| {
            let over = entries.iter().find(|over| over.id == entry.parent);
            entry.read_only
                && over.is_some_and(|over| {
                    entry.point == over.point.join(guard.within)
                        && entry.root == over.root.join(guard.within)
                })
        };
        entries.iter().any(at) || !is_there(&guard.over.guest) && entries.iter().any(elsewhere)
    };
    let gone = guards.iter().filter(|guard| !stands(guard));
    let mut gone: Vec<PathBuf> = gone.map(|guard| guard.mount.host.clone()).collect();
    gone.sort_unstable();
    gone.dedup();
    gone
}

/// A line of the kernel's table (proc(5)).
struct Entry {
    id: u64,
    parent: u64,
    /// What of its file system is mounted.
    root: PathBuf,
    /// Where.
    point: PathBuf,
    read_only: bool,
}

impl Entry {
    fn of(line: &[u8]) -> Option<Entry> {
        let mut fields = line.split(|byte| *byte == b' ');
        let mut number = || std::str::from_utf8(fields.next()?).ok()?.parse().ok();
        let (id, parent) = (number()?, number()?);
        let (root, point) = (unescaped(fields.nth(1)?), unescaped(fields.next()?));
        let read_only = fields.next()?.split(|byte| *byte == b',').any(|option| option == b"ro");
        Some(Entry { id, parent, root, point, read_only })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use MountAccess::{ReadOnly, ReadWrite};

    fn mount(host: &str, guest: &str, access: MountAccess) -> Mount {
        Mount { guest: guest.into(), host: host.into(), access }
    }

    fn project() -> Vec<Mount> {
        vec![
            mount("/home/me/web", "/work", ReadWrite),
            mount("/home/me/web/.env", "/work/.env", ReadOnly),
            mount("/home/me/web/my plays", "/work/my plays", ReadWrite),
            mount("/home/me/web/my plays/site.yml", "/work/my plays/site.yml", ReadOnly),
        ]
    }

    const WHOLE: &str = "\
900 800 0:52 / / rw,relatime - overlay overlay rw\n\
910 900 8:2 /me/web /work rw,relatime master:1 - ext4 /dev/sda2 rw\n\
911 910 8:2 /me/web/.env /work/.env ro,nosuid master:1 - ext4 /dev/sda2 rw\n\
912 910 8:2 /me/web/my\\040plays /work/my\\040plays rw master:1 - ext4 /dev/sda2 rw\n\
913 912 8:2 /me/web/my\\040plays/site.yml /work/my\\040plays/site.yml ro - ext4 /dev/sda2 rw\n";

    fn of(mounts: &[Mount], table: &str) -> Vec<String> {
        let gone = gone(&guards(mounts), table.as_bytes());
        gone.iter().map(|path| path.display().to_string()).collect()
    }

    fn without(table: &str, id: &str) -> String {
        table.lines().filter(|line| !line.starts_with(id)).map(|line| format!("{line}\n")).collect()
    }

    #[test]
    fn a_guard_is_a_read_only_mount_of_what_lies_there_anyway() {
        let mut mounts = project();
        mounts.push(mount("/home/me/web/docs", "/docs", ReadOnly));
        mounts.push(mount("/etc/hosts", "/work/hosts", ReadOnly));
        let guards = guards(&mounts);
        let within: Vec<&Path> = guards.iter().map(|guard| guard.within).collect();
        assert_eq!(within, [Path::new(".env"), Path::new("site.yml")]);
        let closed = [
            mount("/home/me/web", "/work", ReadOnly),
            mount("/home/me/web/.env", "/work/.env", ReadOnly),
        ];
        assert_eq!(super::guards(&closed), []);
    }

    #[test]
    fn a_mount_that_is_gone_or_writable_protects_nothing() {
        assert_eq!(of(&project(), WHOLE), [""; 0]);
        assert_eq!(of(&project(), &without(WHOLE, "911")), ["/home/me/web/.env"]);
        let site = "/home/me/web/my plays/site.yml";
        assert_eq!(of(&project(), &without(WHOLE, "913")), [site]);
        assert_eq!(of(&project(), ""), ["/home/me/web/.env", site]);
        let writable = WHOLE.replace("ro,nosuid", "rw,nosuid");
        assert_eq!(of(&project(), &writable), ["/home/me/web/.env"]);
        // The file was moved away with its mount, and another put in its place.
        let moved = WHOLE.replace("web/.env /work/.env ", "web/.old /work/.old ");
        assert_eq!(of(&project(), &moved), ["/home/me/web/.env"]);
    }

    #[test]
    fn a_symlink_on_the_way_to_the_mount_is_no_loss() {
        // `/var/run` leads to `/run` in the image.
        let mounts = [
            mount("/home/me/web", "/var/run/work", ReadWrite),
            mount("/home/me/web/.env", "/var/run/work/.env", ReadOnly),
        ];
        let table = WHOLE.replace(" /work", " /run/work");
        assert_eq!(of(&mounts, &table), [""; 0]);
        assert_eq!(of(&mounts, &without(&table, "911")), ["/home/me/web/.env"]);
        // Another mount of the same name is none of it.
        let other =
            without(&table, "911") + "920 900 8:2 /me/.env /etc/.env ro - ext4 /dev/sda2 rw\n";
        assert_eq!(of(&mounts, &other), ["/home/me/web/.env"]);
    }
}
