//! Looks at machines: their files, their process, and what QEMU says.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::client::Monitor;
use super::definition::Definition;
use super::files::{self, Kept, Started};
use super::observe::{self, Process, Seen};
use super::place::Place;
use super::process::{self, Running};
use super::running;
use super::share::shares;
use super::{Qemu, address, guards, snapshot};
use crate::model::id::{Identity, InstanceUuid};
use crate::model::observed::{EngineFacts, Instance, Newer, Observed, Stranger};
use crate::model::units::DiskSize;
use crate::model::vm::{Artifact, KeptDisk};
use crate::provider::{Depth, ProviderError, Query};

/// How long a machine has to say how it fares. One that takes longer is not fine.
const LOOK: Duration = Duration::from_millis(1500);

/// A machine of ours, with its process where it runs.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    pub(super) place: Place,
    pub(super) definition: Definition,
    pub(super) started: Option<Started>,
    pub(super) process: Option<Running>,
    /// Whether it is being made or removed, or was when somebody was cut off.
    pub(super) is_part: bool,
}

impl Machine {
    /// Whether its memory is kept on disk.
    pub(super) fn has_memory(&self) -> bool {
        self.place.memory().exists()
    }
}

/// What is kept for a uuid.
pub(super) enum Found {
    Machine(Box<Machine>),
    /// The disk of a machine that is gone.
    Disk(Box<Definition>),
    Newer(Newer),
    /// Nothing, or nothing of ours.
    Nothing,
}

/// Looks for the machine with this uuid, without asking it anything.
pub(super) fn find(room: &Qemu, uuid: InstanceUuid) -> Result<Found, ProviderError> {
    let place = room.settings.place(uuid);
    let (definition, is_part) = match files::kept(&place, uuid)? {
        Kept::Whole(definition) => (definition, false),
        Kept::Part(definition) => (definition, true),
        Kept::Disk(definition) => return Ok(Found::Disk(definition)),
        Kept::Newer { name, version } => return Ok(Found::Newer(Newer { name, version })),
        Kept::Nothing => return Ok(Found::Nothing),
    };
    let started = files::started(&place);
    let hint = started.as_ref().map(|started| &started.launch);
    let process = process::find(&place, uuid, hint);
    let definition = *definition;
    Ok(Found::Machine(Box::new(Machine { place, definition, started, process, is_part })))
}

/// The machine as an instance, with what QEMU says where it runs.
pub(super) async fn instance(machine: &Machine) -> Instance {
    let process = match &machine.process {
        Some(process) => ask(machine, process).await,
        None => None,
    };
    let started_at = match &machine.process {
        Some(process) => process
            .started_at()
            .and_then(|at| jiff::Timestamp::from_second(at).ok())
            .map(|at| at.to_string()),
        None => machine.started.as_ref().map(|started| started.launch.at.clone()),
    };
    let seen = Seen {
        place: &machine.place,
        definition: &machine.definition,
        process,
        started_at,
        has_memory: machine.has_memory(),
        is_part: machine.is_part,
        disk: files::disk(&machine.definition.disk),
        host_key: super::seed::host_key(&machine.place),
        files: parts(machine),
    };
    let mut instance = observe::instance(&seen);
    if instance.pid.is_some() && machine.definition.vm().bridge.is_some() {
        instance.address = address::on_bridge(&machine.definition);
    }
    instance
}

/// What the process runs with, and how it fares.
async fn ask(machine: &Machine, process: &Running) -> Option<Process> {
    let at_start = machine.started.as_ref().filter(|started| {
        (started.launch.pid, started.launch.began) == (process.pid, process.began)
    });
    let at_start = at_start.map(|started| &*started.definition);
    let mut effective =
        running::effective(&machine.definition, at_start, &machine.place, &process.arguments);
    let mut status = None;
    if let Ok(mut monitor) = Monitor::connect(&machine.place.look(), LOOK).await
        && let Ok(said) = monitor.ask("query-status", json!({})).await
    {
        status = said["status"].as_str().map(str::to_owned);
        if effective.definition.vm().bridge.is_none()
            && let Ok(table) = monitor.ask_line("info usernet").await
        {
            let asked = effective.definition.spec.ports.clone();
            let ssh_port = machine.definition.vm().ssh_port;
            let before = effective.definition.vm().ssh_port;
            let (ssh, ports) = running::forwards(&table, &asked, ssh_port.or(before));
            effective.definition.spec.ports = ports;
            effective.definition.vm_mut().ssh_port = ssh;
        }
    } else if !process.lives() {
        // It ended while it was being asked.
        return None;
    }
    let unguarded = if effective.can_guard {
        guards::lost(process.pid, &shares(&effective.definition.spec.mounts))
    } else {
        Vec::new()
    };
    let pid = u32::try_from(process.pid).ok()?;
    Some(Process { pid, effective, status, unguarded })
}

/// The files of a machine that there are.
fn parts(machine: &Machine) -> Vec<Artifact> {
    let place = &machine.place;
    let part =
        |kind: &str, path: PathBuf| path.exists().then(|| Artifact { kind: kind.to_owned(), path });
    let parts = [
        part("definition", place.definition()),
        part("disk", machine.definition.disk.clone()),
        part("seed", place.seed()),
        part("nvram", place.nvram()),
        part("memory", place.memory()),
        part("serial_log", place.serial_log()),
        part("log", place.log()),
    ];
    parts.into_iter().flatten().collect()
}

/// Looks for one project's instance.
pub(super) async fn observe(room: &Qemu, query: &Query<'_>) -> Result<Observed, ProviderError> {
    let identity = query.identity;
    let mut observed = Observed::default();
    match find(room, identity.uuid)? {
        Found::Machine(machine) => {
            observed.instances.push(instance(&machine).await);
            if query.depth == Depth::Glance {
                return Ok(observed);
            }
            observed.snapshots = snapshot::list(room, &machine).await?;
        }
        Found::Newer(newer) => observed.newer = Some(newer),
        Found::Disk(definition) => observed.kept_disk = kept(*definition),
        Found::Nothing => {}
    }
    around(room, identity, &mut observed).await;
    if query.depth == Depth::Full {
        observed.image = query.image.and_then(|image| super::image::there(room, image));
        observed.engine =
            EngineFacts { storage: Some(room.settings.data.clone()), ..EngineFacts::default() };
    }
    Ok(observed)
}

/// Another machine of this user's that has the name, or was made in this very directory.
async fn around(room: &Qemu, identity: &Identity, observed: &mut Observed) {
    for uuid in files::all(&room.settings) {
        if uuid == identity.uuid {
            continue;
        }
        let Ok(Found::Machine(machine)) = find(room, uuid) else { continue };
        let spec = &machine.definition.spec;
        if observed.stranger.is_none() && spec.name == identity.id.as_str() {
            let (name, stamp) = (spec.name.clone(), Some(spec.stamp.clone()));
            observed.stranger = Some(Stranger { name, stamp });
        }
        let exists = |path: &std::path::Path| path.exists();
        if observed.moved.is_none() && observe::may_have_moved(&spec.stamp, identity, exists) {
            observed.moved = Some(instance(&machine).await);
            observed.stranger = observed
                .stranger
                .take()
                .filter(|stranger| stranger.stamp.as_ref() != Some(&spec.stamp));
        }
    }
}

fn kept(definition: Definition) -> Option<KeptDisk> {
    let disk = files::disk(&definition.disk)?;
    Some(KeptDisk {
        size: DiskSize(disk.size >> 20),
        used: Some(crate::model::units::Bytes(disk.used)),
        path: definition.disk,
        stamp: definition.spec.stamp,
    })
}

/// All machines of this user's.
pub(super) async fn list(room: &Qemu) -> Result<Vec<Instance>, ProviderError> {
    let mut all = Vec::new();
    for uuid in files::all(&room.settings) {
        // One that cannot be read must not hide the others.
        if let Ok(Found::Machine(machine)) = find(room, uuid) {
            all.push(instance(&machine).await);
        }
    }
    Ok(all)
}
