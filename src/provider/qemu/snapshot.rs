//! The state of a machine under a name, inside of its disk: what is on that, and, taken while it runs,
//! what is in its memory.
//!
//! The disk is the truth about which there are; what the definition knows of one beyond that is written
//! before it is taken and after it is removed, and means nothing where the disk has none.

use serde_json::{Value, json};

use super::client::{Failure, Monitor};
use super::definition::{Definition, Kept};
use super::execute::{stale, the};
use super::files;
use super::look::{self, Found, Machine};
use super::spec::{Beginning, DISK};
use super::suspend::{control, hardware, needed, status};
use super::{PAUSE, Qemu, fault, memory, process, running, start, stop, suspend};
use crate::deed;
use crate::event::Listener;
use crate::guest::GuestError;
use crate::guest::disk::{Format, Info, Tool};
use crate::model::code::Code;
use crate::model::snapshot::Snapshot;
use crate::model::units::Bytes;
use crate::plan::action::{Outcome, Target};
use crate::provider::ProviderError;

const TAKE: &str = "take the snapshot";
const REVERT: &str = "go back to the snapshot";
const REMOVE: &str = "remove the snapshot";

/// What the disk says of itself.
async fn info(room: &Qemu, definition: &Definition) -> Result<Info, ProviderError> {
    let guest = |error: crate::guest::error::DiskError| fault::guest(GuestError::from(error));
    let tool = Tool::find(room.settings.path.as_deref()).map_err(guest)?;
    tool.info(&definition.disk, Format::Qcow2).await.map_err(guest)
}

fn has(info: &Info, name: &str) -> bool {
    info.snapshots.iter().any(|snapshot| snapshot.name == name)
}

/// The machine's snapshots.
pub(super) async fn list(room: &Qemu, machine: &Machine) -> Result<Vec<Snapshot>, ProviderError> {
    if machine.definition.snapshots.is_empty() || !machine.definition.disk.exists() {
        return Ok(Vec::new());
    }
    let info = info(room, &machine.definition).await?;
    let known = |kept: &Kept| {
        let on_disk = info.snapshots.iter().find(|one| one.name == kept.snapshot.name.as_str())?;
        let size = (on_disk.vm_state_size > 0).then_some(Bytes(on_disk.vm_state_size));
        let memory = on_disk.vm_state_size > 0;
        Some(Snapshot { size, memory, ..kept.snapshot.clone() })
    };
    Ok(machine.definition.snapshots.iter().filter_map(known).collect())
}

pub(super) async fn take(
    room: &Qemu,
    target: &Target,
    snapshot: &Snapshot,
) -> Result<Outcome, ProviderError> {
    let machine = the!(room, target);
    let name = snapshot.name.as_str();
    if machine.process.is_none() && machine.has_memory() {
        return Ok(stale(format!("{} is suspended to disk", target.name)));
    }
    let known = machine.definition.snapshots.iter().any(|kept| kept.snapshot.name == snapshot.name);
    if has(&info(room, &machine.definition).await?, name) {
        if known {
            return Ok(Outcome::AlreadyDone);
        }
        let says = format!("its disk has a snapshot {name} that vagrantp did not take");
        return Err(fault::with(TAKE, &says, "choose another name", Code::SnapshotExists));
    }
    let memory = machine.process.as_ref().map(|process| hardware(&machine, process));
    let mut definition = machine.definition.clone();
    definition.snapshots.retain(|kept| kept.snapshot.name != snapshot.name);
    definition.snapshots.push(Kept { snapshot: snapshot.clone(), memory });
    files::define(&machine.place, &definition)?;
    match &machine.process {
        Some(_) => {
            let mut monitor = control(&machine, TAKE).await?;
            memory::set_in_place(&mut monitor, false).await.map_err(|failure| failure.of(TAKE))?;
            let devices = json!({ "tag": name, "vmstate": DISK, "devices": [DISK] });
            job(&mut monitor, "snapshot-save", devices, TAKE).await?;
        }
        None => tool(room, &machine, &["snapshot", "-c", name], TAKE).await?,
    }
    Ok(Outcome::Done)
}

/// Has qemu-img do something to the disk of a machine at rest.
async fn tool(
    room: &Qemu,
    machine: &Machine,
    words: &[&str],
    operation: &str,
) -> Result<(), ProviderError> {
    let program = room.settings.disk_tool()?;
    let mut arguments: Vec<std::ffi::OsString> = words.iter().map(Into::into).collect();
    arguments.push(machine.definition.disk.clone().into());
    let done = deed::around("qemu.snapshot_at_rest", program.run(&arguments)).await;
    done.map(drop).map_err(|error| fault::exec(operation, &error))
}

/// Has QEMU do something that takes its time.
async fn job(
    monitor: &mut Monitor,
    command: &str,
    mut arguments: Value,
    operation: &str,
) -> Result<(), ProviderError> {
    const JOB: &str = "vagrantp";
    let failed = |failure: Failure| failure.of(operation);
    arguments["job-id"] = JOB.into();
    let begun = deed::around("qemu.snapshot", monitor.tell(command, arguments)).await;
    begun.map_err(failed)?;
    loop {
        let jobs = monitor.ask("query-jobs", json!({})).await.map_err(failed)?;
        let job = jobs.as_array().and_then(|jobs| jobs.iter().find(|job| job["id"] == JOB));
        let Some(job) = job else { return Ok(()) };
        if job["status"] == "concluded" {
            let error = job["error"].as_str().map(str::to_owned);
            let dismissing = monitor.tell("job-dismiss", json!({ "id": JOB }));
            deed::around("qemu.dismiss", dismissing).await.map_err(failed)?;
            return match error {
                Some(says) => Err(refusal(operation, &says)),
                None => Ok(()),
            };
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn refusal(operation: &str, says: &str) -> ProviderError {
    memory::refusal(fault::refused(operation, says))
}

pub(super) async fn revert(
    room: &Qemu,
    target: &Target,
    snapshot: &Snapshot,
    listener: &dyn Listener,
) -> Result<Outcome, ProviderError> {
    let machine = the!(room, target);
    let name = snapshot.name.as_str();
    let info = info(room, &machine.definition).await?;
    let Some(on_disk) = info.snapshots.iter().find(|one| one.name == name) else {
        let says = format!("its disk has no snapshot {name} any more");
        return Err(fault::with(REVERT, &says, "vagrantp snapshot list", Code::SnapshotNotFound));
    };
    if on_disk.vm_state_size == 0 {
        if machine.process.is_some() {
            return Ok(stale(format!("{} is running", target.name)));
        }
        // What was kept of another moment's memory fits no other disk.
        stop::clear(&machine)?;
        tool(room, &machine, &["snapshot", "-a", name], REVERT).await?;
        return Ok(Outcome::Done);
    }
    let kept = machine.definition.snapshots.iter().find(|kept| kept.snapshot.name.as_str() == name);
    let hardware = kept.and_then(|kept| kept.memory.clone());
    if machine.process.is_none() {
        stop::clear(&machine)?;
        let acceleration = match &hardware {
            Some(hardware) => needed(room, hardware)?,
            None => super::host::acceleration(&room.settings),
        };
        start::launch(room, &machine, Beginning::Still, acceleration, listener).await?;
    }
    let uuid = machine.definition.spec.stamp.uuid;
    let process = process::find(&machine.place, uuid, None);
    let process = process.ok_or_else(|| fault::refused(REVERT, "its process has ended"))?;
    let now = running::fingerprint(&process.arguments);
    if hardware.is_some_and(|hardware| hardware.fingerprint != now) {
        if machine.process.is_none() {
            stop::end(&machine, &process).await?;
            stop::clear(&machine)?;
        }
        let says = "it was taken of a machine with other hardware, and holds its memory";
        let help = "set the keys back that were changed since, such as MEMORY or MOUNTS";
        return Err(fault::with(REVERT, says, help, Code::InvalidState));
    }
    let mut monitor = control(&machine, REVERT).await?;
    let failed = |failure: Failure| failure.of(REVERT);
    memory::set_in_place(&mut monitor, false).await.map_err(failed)?;
    if status(&mut monitor, REVERT).await? == "running" {
        let stopping = monitor.tell("stop", json!({}));
        deed::around("qemu.pause", stopping).await.map_err(failed)?;
    }
    let devices = json!({ "tag": name, "vmstate": DISK, "devices": [DISK] });
    job(&mut monitor, "snapshot-load", devices, REVERT).await?;
    let going = deed::around("qemu.continue", monitor.tell("cont", json!({}))).await;
    going.map_err(failed)?;
    drop(monitor);
    suspend::set_clock(room, &machine).await;
    Ok(Outcome::Done)
}

pub(super) async fn remove(room: &Qemu, snapshot: &Snapshot) -> Result<Outcome, ProviderError> {
    let Found::Machine(machine) = look::find(room, snapshot.of)? else {
        return Ok(Outcome::AlreadyDone);
    };
    let name = snapshot.name.as_str();
    let known = machine.definition.snapshots.iter().any(|kept| kept.snapshot.name == snapshot.name);
    if !known {
        return Ok(Outcome::AlreadyDone);
    }
    if has(&info(room, &machine.definition).await?, name) {
        match &machine.process {
            Some(_) => {
                let mut monitor = control(&machine, REMOVE).await?;
                let devices = json!({ "tag": name, "devices": [DISK] });
                job(&mut monitor, "snapshot-delete", devices, REMOVE).await?;
            }
            None => tool(room, &machine, &["snapshot", "-d", name], REMOVE).await?,
        }
    }
    let mut definition = machine.definition.clone();
    definition.snapshots.retain(|kept| kept.snapshot.name != snapshot.name);
    files::define(&machine.place, &definition)?;
    Ok(Outcome::Done)
}
