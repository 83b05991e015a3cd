//! The limits that the kernel holds a container to. Podman 4.3 changes them for `podman update` and
//! goes on showing those that the container was made with, so only the kernel's own files tell. An
//! engine that is elsewhere shows process ids that mean nothing here: each is checked first.

use std::path::{Path, PathBuf};

use super::processes;
use super::reply::Container;
use crate::model::life::Limits;
use crate::model::units::Memory;

/// Where the kernel's files are.
const ROOT: &str = "/sys/fs/cgroup";

/// The limits in force, where the container runs on this host and has a control group of its own.
pub(super) fn in_force(container: &Container) -> Option<Limits> {
    let state = &container.state;
    if !matches!(state.status.as_str(), "running" | "paused") {
        return None;
    }
    let pid = processes::main_process(state.pid, state.conmon_pid, &container.id)?;
    let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let read = |path: PathBuf| std::fs::read_to_string(path).ok();
    match Groups::of(&groups, &container.id)? {
        Groups::One(path) => {
            let base = below(&path);
            Some(Limits {
                memory: memory(&read(base.join("memory.max"))?),
                millicpus: read(base.join("cpu.max")).and_then(|text| cpu_max(&text)),
            })
        }
        Groups::Split { memory: of_memory, cpu } => {
            let limit = read(below(&of_memory).join("memory.limit_in_bytes"))?;
            let cpu = below(&cpu);
            let quota = read(cpu.join("cpu.cfs_quota_us"))?;
            let period = read(cpu.join("cpu.cfs_period_us"))?;
            Some(Limits { memory: memory(&limit), millicpus: share(&quota, &period) })
        }
    }
}

fn below(path: &str) -> PathBuf {
    Path::new(ROOT).join(path.trim_start_matches('/'))
}

/// Where a container's limits are kept.
#[derive(Debug, PartialEq, Eq)]
enum Groups {
    /// Version 2: one group for everything.
    One(String),
    /// Version 1: one for each kind, each below the kind's own directory.
    Split { memory: String, cpu: String },
}

impl Groups {
    /// Out of a process's list of groups, `number:kinds:path` a line. A process may be in a group
    /// below its container's, which is the one that has the container's id in its name; without
    /// such a name, the limits are somebody else's.
    fn of(text: &str, id: &str) -> Option<Groups> {
        let path = |wanted: &str| {
            text.lines().find_map(|line| {
                let (_, rest) = line.split_once(':')?;
                let (kinds, path) = rest.split_once(':')?;
                kinds.split(',').any(|kind| kind == wanted).then(|| of_container(path, id))?
            })
        };
        match (path("memory"), path("cpu")) {
            (Some(memory), Some(cpu)) => {
                Some(Groups::Split { memory: format!("memory{memory}"), cpu: format!("cpu{cpu}") })
            }
            _ => path("").map(Groups::One),
        }
    }
}

/// The path up to the part that names the container.
fn of_container(path: &str, id: &str) -> Option<String> {
    let mut found = String::new();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        // A path that leads upwards is seen from another place than ours.
        if part == ".." {
            return None;
        }
        found.push('/');
        found.push_str(part);
        if part.contains(id) {
            return Some(found);
        }
    }
    None
}

/// Version 1 writes the largest number that it has for no limit, version 2 a word.
fn memory(text: &str) -> Option<Memory> {
    let bytes: u64 = text.trim().parse().ok()?;
    (bytes < 1 << 60).then(|| Memory::from_bytes(bytes))
}

/// `QUOTA PERIOD`, in microseconds.
fn cpu_max(text: &str) -> Option<u32> {
    let (quota, period) = text.trim().split_once(' ')?;
    share(quota, period)
}

fn share(quota: &str, period: &str) -> Option<u32> {
    let (quota, period): (u64, u64) = (quota.trim().parse().ok()?, period.trim().parse().ok()?);
    u32::try_from(quota.checked_mul(1000)?.checked_div(period)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4031332abd53074d1a42ead247c517792ee9bacf9b3e51a113453d8915f0b268";

    #[test]
    fn the_container_s_own_group_is_found_in_both_versions() {
        let split = format!(
            "4:memory:/libpod_parent/libpod-{ID}\n1:cpu,cpuacct:/libpod_parent/libpod-{ID}\n\
             0::/libpod_parent/libpod-{ID}\n"
        );
        let path = |kind: &str| format!("{kind}/libpod_parent/libpod-{ID}");
        let expected = Groups::Split { memory: path("memory"), cpu: path("cpu") };
        assert_eq!(Groups::of(&split, ID), Some(expected));
        let one = format!("0::/machine.slice/libpod-{ID}.scope/container/app\n");
        let expected = Groups::One(format!("/machine.slice/libpod-{ID}.scope"));
        assert_eq!(Groups::of(&one, ID), Some(expected));
        for text in ["", "0::/user.slice/session-1.scope\n", &format!("0::/../libpod-{ID}\n")] {
            assert_eq!(Groups::of(text, ID), None, "{text:?}");
        }
    }

    #[test]
    fn no_limit_is_none_in_either_spelling() {
        assert_eq!(memory("33554432\n"), Some(Memory(32)));
        assert_eq!(memory("9223372036854771712\n"), None);
        assert_eq!(memory("max\n"), None);
        assert_eq!(cpu_max("50000 100000\n"), Some(500));
        assert_eq!(cpu_max("max 100000\n"), None);
        assert_eq!(share("-1\n", "100000\n"), None);
        assert_eq!(share("1\n", "0\n"), None);
    }
}
