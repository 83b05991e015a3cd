//! What was read of a machine, in the words that all providers share. Pure.

use std::path::Path;

use super::definition::Definition;
use super::place::Place;
use super::running::Effective;
use crate::model::id::Identity;
use crate::model::observed::{Instance, Power};
use crate::model::stamp::Stamp;
use crate::model::units::{Bytes, DiskSize};
use crate::model::vm::{Artifact, DisplayMode, ObservedVm, Trouble};

/// What was read of a machine.
#[derive(Clone, Debug)]
pub(super) struct Seen<'a> {
    /// Where it is.
    pub(super) place: &'a Place,
    /// What it is made of.
    pub(super) definition: &'a Definition,
    /// Its process.
    pub(super) process: Option<Process>,
    /// When it was last started (RFC 3339); none where it never was.
    pub(super) started_at: Option<String>,
    /// Whether its memory is kept on disk.
    pub(super) has_memory: bool,
    /// Whether it is being made or removed, or was when somebody was cut off.
    pub(super) is_part: bool,
    /// Its disk; none where there is none.
    pub(super) disk: Option<Disk>,
    /// Its public host key.
    pub(super) host_key: Option<String>,
    /// Which of its files there are.
    pub(super) files: Vec<Artifact>,
}

/// A machine's process.
#[derive(Clone, Debug)]
pub(super) struct Process {
    /// Its number.
    pub(super) pid: u32,
    /// What it runs with.
    pub(super) effective: Effective,
    /// What QEMU says it is doing; none where it does not answer.
    pub(super) status: Option<String>,
    /// The files that what runs inside must not write and could.
    pub(super) unguarded: Vec<std::path::PathBuf>,
}

/// A machine's disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Disk {
    /// Its virtual size in bytes.
    pub(super) size: u64,
    /// How much of the host's disk it takes, in bytes.
    pub(super) used: u64,
}

/// What QEMU says it is doing (`RunState`), in the words that all providers share.
pub(super) fn power(status: &str) -> (Power, Option<Trouble>) {
    match status {
        "running" => (Power::Running, None),
        "io-error" => (Power::Paused, Some(Trouble::DiskError)),
        "guest-panicked" => (Power::Running, Some(Trouble::Panicked)),
        "internal-error" | "watchdog" => (Power::Running, Some(Trouble::Crashed)),
        "shutdown" => (Power::Stopping, None),
        "paused" | "prelaunch" | "inmigrate" | "postmigrate" | "finish-migrate" | "save-vm"
        | "restore-vm" | "suspended" | "debug" | "colo" => (Power::Paused, None),
        _ => (Power::Unknown, None),
    }
}

/// The machine as an instance.
pub(super) fn instance(seen: &Seen<'_>) -> Instance {
    let (state, trouble) = match &seen.process {
        Some(process) => process.status.as_deref().map_or((Power::Unknown, None), power),
        None if seen.is_part => (Power::Removing, None),
        None if seen.has_memory => (Power::Paused, None),
        None if seen.started_at.is_some() => (Power::Stopped, None),
        None => (Power::Created, None),
    };
    let effective = seen.process.as_ref().map(|process| &process.effective);
    let made_of = effective.map_or(seen.definition, |effective| &effective.definition);
    let mut settings = made_of.vm().clone();
    if let Some(disk) = seen.disk {
        settings.disk_size = DiskSize(disk.size >> 20);
    }
    let spec = &made_of.spec;
    let stamp = seen.definition.spec.stamp.clone();
    let vm = ObservedVm {
        settings,
        acceleration: effective.map(|effective| effective.acceleration),
        suspended_to_disk: seen.has_memory,
        trouble,
        answers: None,
        host_key: seen.host_key.clone(),
        key: Some(seen.place.key()),
        pending: effective.is_some_and(|effective| effective.pending),
        disk_used: seen.disk.map(|disk| Bytes(disk.used)),
        artifacts: artifacts(seen, made_of.vm().display),
    };
    Instance {
        id: stamp.uuid.to_string(),
        name: spec.name.clone(),
        state,
        exit_status: None,
        memory: Some(spec.memory),
        millicpus: Some(spec.cpus.0.saturating_mul(1000)),
        ports: spec.ports.clone(),
        mounts: spec.mounts.clone(),
        networks: Vec::new(),
        address: made_of.vm().fixed.as_ref().map(|fixed| fixed.address).or(spec.address),
        autostart: false,
        pid: seen.process.as_ref().map(|process| process.pid),
        arch: Some(std::env::consts::ARCH.to_owned()),
        created_at: Some(stamp.created_at.clone()),
        started_at: seen.started_at.clone(),
        finished_at: None,
        written: None,
        unlimited: Vec::new(),
        unguarded: seen
            .process
            .as_ref()
            .map(|process| process.unguarded.clone())
            .unwrap_or_default(),
        life: Default::default(),
        vm: Some(Box::new(vm)),
        stamp,
    }
}

/// The machine's files, and, while it runs, its sockets.
fn artifacts(seen: &Seen<'_>, display: DisplayMode) -> Vec<Artifact> {
    let artifact = |kind: &str, path| Artifact { kind: kind.to_owned(), path };
    let mut artifacts = seen.files.clone();
    if seen.process.is_some() {
        artifacts.push(artifact("monitor", seen.place.control()));
        artifacts.push(artifact("serial", seen.place.serial()));
        artifacts.push(artifact("agent", seen.place.agent()));
        if display == DisplayMode::Spice {
            artifacts.push(artifact("spice", seen.place.spice()));
        }
    }
    artifacts
}

/// Whether a machine was made in this very directory when that lay elsewhere.
pub(super) fn may_have_moved(
    stamp: &Stamp,
    identity: &Identity,
    exists: impl Fn(&Path) -> bool,
) -> bool {
    let related = stamp.uid == identity.uid
        && stamp.uuid != identity.uuid
        && stamp.infra_type == identity.infra_type;
    let project = &identity.project;
    let same_directory = (stamp.device, stamp.inode) == (project.device, project.inode);
    // A directory whose disk is not there was not removed.
    let is_gone =
        || !exists(&stamp.project) && stamp.mount.as_ref().is_none_or(|mount| exists(mount));
    related && (same_directory || stamp.infra_id == identity.id && is_gone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::qemu::fixture;

    #[test]
    fn every_state_of_qemus_has_its_meaning() {
        use Power::{Paused, Running, Stopping, Unknown};
        for (status, state, trouble) in [
            ("running", Running, None),
            ("paused", Paused, None),
            ("postmigrate", Paused, None),
            ("inmigrate", Paused, None),
            ("suspended", Paused, None),
            ("io-error", Paused, Some(Trouble::DiskError)),
            ("guest-panicked", Running, Some(Trouble::Panicked)),
            ("internal-error", Running, Some(Trouble::Crashed)),
            ("shutdown", Stopping, None),
            ("of a later version", Unknown, None),
        ] {
            assert_eq!(power(status), (state, trouble), "{status}");
        }
    }

    #[test]
    fn a_machine_at_rest_says_what_becomes_of_it() {
        let definition = fixture::definition();
        let place = Place::new("/d".into(), "/r".into());
        let mut seen = Seen {
            place: &place,
            definition: &definition,
            process: None,
            started_at: None,
            has_memory: false,
            is_part: false,
            disk: Some(Disk { size: 6 << 30, used: 4096 }),
            host_key: None,
            files: Vec::new(),
        };
        assert_eq!(instance(&seen).state, Power::Created);
        seen.started_at = Some("2026-11-21T12:00:00Z".to_owned());
        assert_eq!(instance(&seen).state, Power::Stopped);
        seen.has_memory = true;
        let suspended = instance(&seen);
        let vm = suspended.vm.expect("it is a VM");
        assert_eq!((suspended.state, vm.suspended_to_disk), (Power::Paused, true));
        assert_eq!(vm.settings.disk_size, DiskSize(6 << 10));
        assert!(vm.artifacts.is_empty(), "there are no sockets");
    }

    #[test]
    fn a_moved_directory_is_known_by_its_number_or_by_its_name() {
        let stamp = fixture::definition().spec.stamp;
        let mut identity = fixture::identity("/elsewhere/web");
        assert!(!may_have_moved(&stamp, &identity, |_| true));
        assert!(may_have_moved(&stamp, &identity, |_| false), "the same name, and it is gone");
        (identity.project.device, identity.project.inode) = (stamp.device, stamp.inode);
        assert!(may_have_moved(&stamp, &identity, |_| true));
        identity.uid += 1;
        assert!(!may_have_moved(&stamp, &identity, |_| true), "another user's");
        assert!(!may_have_moved(&stamp, &fixture::identity("/projects/web"), |_| true));
    }
}
