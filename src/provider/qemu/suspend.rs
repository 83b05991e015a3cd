//! A machine stops where it is, with its memory on disk, and goes on from there.
//!
//! The file with the memory has its name only once it is whole. It loses it before the machine goes on:
//! a memory that is older than the disk would destroy what is on it.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::agent::Agent;
use super::client::{Failure, Monitor, PROMPT};
use super::definition::Hardware;
use super::execute::{stale, the};
use super::look::Machine;
use super::process::Running;
use super::spec::Beginning;
use super::{Qemu, fault, files, host, keys, memory, running, start, stop};
use crate::deed;
use crate::event::Listener;
use crate::model::code::Code;
use crate::model::vm::Acceleration;
use crate::plan::action::{Outcome, Target};
use crate::private;
use crate::provider::ProviderError;

const SUSPEND: &str = "suspend the machine";
const RESUME: &str = "resume the machine";

/// What the kept memory needs, as it is written beside it.
#[derive(Serialize, Deserialize)]
struct Beside {
    #[serde(flatten)]
    hardware: Hardware,
}

/// What this process is, for a memory of it.
pub(super) fn hardware(machine: &Machine, process: &Running) -> Hardware {
    let effective =
        running::effective(&machine.definition, None, &machine.place, &process.arguments);
    let fingerprint = running::fingerprint(&process.arguments);
    Hardware { acceleration: effective.acceleration, fingerprint }
}

pub(super) async fn control(machine: &Machine, operation: &str) -> Result<Monitor, ProviderError> {
    let connecting = Monitor::connect(&machine.place.control(), PROMPT).await;
    connecting.map_err(|error| Failure::Lost(error).of(operation))
}

pub(super) async fn status(
    monitor: &mut Monitor,
    operation: &str,
) -> Result<String, ProviderError> {
    let said = monitor.ask("query-status", json!({})).await;
    let said = said.map_err(|failure| failure.of(operation))?;
    Ok(said["status"].as_str().unwrap_or_default().to_owned())
}

pub(super) async fn suspend(
    room: &Qemu,
    target: &Target,
    listener: &dyn Listener,
) -> Result<Outcome, ProviderError> {
    let machine = the!(room, target);
    let Some(process) = &machine.process else {
        return Ok(if machine.has_memory() {
            Outcome::AlreadyDone
        } else {
            stale(format!("{} is stopped", target.name))
        });
    };
    let place = &machine.place;
    let mut monitor = control(&machine, SUSPEND).await?;
    let before = status(&mut monitor, SUSPEND).await?;
    if !(before == "postmigrate" && machine.has_memory()) {
        if !matches!(before.as_str(), "running" | "paused" | "prelaunch" | "postmigrate") {
            return Ok(stale(format!("{} is not running", target.name)));
        }
        if let Err(error) = keep(&machine, process, &mut monitor, listener).await {
            give_up(&machine, &mut monitor, before == "running").await;
            return Err(error);
        }
        files::rename(&place.memory_part(), &place.memory())?;
    }
    stop::end(&machine, process).await?;
    files::remove_dir(place.sockets())?;
    Ok(Outcome::Done)
}

async fn keep(
    machine: &Machine,
    process: &Running,
    monitor: &mut Monitor,
    listener: &dyn Listener,
) -> Result<(), ProviderError> {
    let place = &machine.place;
    let beside = Beside { hardware: hardware(machine, process) };
    let text = serde_json::to_vec(&beside).expect("it holds nothing that JSON cannot");
    files::write(&place.hardware(), &text)?;
    // Standing still, it changes nothing that was kept already.
    let stopping = monitor.tell("stop", json!({}));
    deed::around("qemu.pause", stopping).await.map_err(|failure| failure.of(SUSPEND))?;
    memory::save(monitor, &place.memory_part(), listener).await
}

/// Lets a machine go on that could not be suspended.
async fn give_up(machine: &Machine, monitor: &mut Monitor, was_running: bool) {
    let _ = memory::set_in_place(monitor, false).await;
    if was_running {
        let _ = deed::around("qemu.continue", monitor.tell("cont", json!({}))).await;
    }
    let _ = files::remove(&machine.place.memory_part());
    let _ = files::remove(&machine.place.hardware());
}

pub(super) async fn resume(
    room: &Qemu,
    target: &Target,
    listener: &dyn Listener,
) -> Result<Outcome, ProviderError> {
    let machine = the!(room, target);
    match &machine.process {
        Some(process) => go_on(room, &machine, process, listener).await,
        None if machine.has_memory() => come_back(room, &machine, listener).await,
        None => Ok(stale(format!("{} is stopped", target.name))),
    }
}

/// Lets a process go on that stands still.
async fn go_on(
    room: &Qemu,
    machine: &Machine,
    process: &Running,
    listener: &dyn Listener,
) -> Result<Outcome, ProviderError> {
    let mut monitor = control(machine, RESUME).await?;
    let before = status(&mut monitor, RESUME).await?;
    if before == "running" {
        return Ok(Outcome::AlreadyDone);
    }
    if before == "inmigrate" && machine.has_memory() {
        // Whoever was to give it its memory was cut off.
        drop(monitor);
        stop::end(machine, process).await?;
        return come_back(room, machine, listener).await;
    }
    consume(machine)?;
    let word = if before == "suspended" { "system_wakeup" } else { "cont" };
    let going = deed::around("qemu.continue", monitor.tell(word, json!({}))).await;
    going.map_err(|failure| failure.of(RESUME))?;
    if before == "io-error" {
        tokio::time::sleep(memory::RECOVERY).await;
        if status(&mut monitor, RESUME).await? == "io-error" {
            let says = "its disk still cannot be written";
            let help = "see whether the host's disk is full (df), and resume it again";
            return Err(fault::with(RESUME, says, help, Code::InsufficientResources));
        }
    }
    drop(monitor);
    files::remove(&machine.place.memory_used())?;
    set_clock(room, machine).await;
    Ok(Outcome::Done)
}

/// Takes its name from the memory that was kept: what goes on now makes it worthless.
fn consume(machine: &Machine) -> Result<(), ProviderError> {
    if machine.has_memory() {
        files::rename(&machine.place.memory(), &machine.place.memory_used())?;
        files::remove(&machine.place.hardware())?;
    }
    Ok(())
}

/// Makes a process again that goes on with the memory that was kept.
async fn come_back(
    room: &Qemu,
    machine: &Machine,
    listener: &dyn Listener,
) -> Result<Outcome, ProviderError> {
    let place = &machine.place;
    let beside = private::read(&place.hardware()).ok();
    let kept: Option<Hardware> = beside
        .and_then(|text| serde_json::from_slice::<Beside>(&text).ok())
        .map(|beside| beside.hardware);
    let acceleration = match &kept {
        Some(hardware) => needed(room, hardware)?,
        None => host::acceleration(&room.settings),
    };
    let mut monitor =
        start::launch(room, machine, Beginning::Memory, acceleration, listener).await?;
    // Looked up again: the process is another one than there was.
    let process = super::process::find(place, machine.definition.spec.stamp.uuid, None);
    let process = process.ok_or_else(|| fault::refused(RESUME, "its process has ended"))?;
    let same = kept.is_none_or(|kept| kept.fingerprint == running::fingerprint(&process.arguments));
    let loaded = if same {
        memory::load(&mut monitor, &place.memory(), listener).await
    } else {
        let says = "what it is made of has changed since it was suspended";
        let help = "set the keys back, or `vagrantp stop` and `vagrantp up`, which boots it anew";
        Err(fault::with(RESUME, says, help, Code::InvalidState))
    };
    if let Err(error) = loaded {
        drop(monitor);
        stop::end(machine, &process).await?;
        files::remove_dir(place.sockets())?;
        return Err(error);
    }
    consume(machine)?;
    let going = deed::around("qemu.continue", monitor.tell("cont", json!({}))).await;
    going.map_err(|failure| failure.of(RESUME))?;
    drop(monitor);
    files::remove(&place.memory_used())?;
    set_clock(room, machine).await;
    Ok(Outcome::Done)
}

/// What runs the instructions of a memory that was kept, where the host still has it.
pub(super) fn needed(room: &Qemu, hardware: &Hardware) -> Result<Acceleration, ProviderError> {
    let here = host::acceleration(&room.settings);
    if hardware.acceleration == Acceleration::Kvm && here == Acceleration::Emulation {
        let says = "it ran on KVM, which cannot be used now";
        let help =
            "see whether /dev/kvm is there and may be used; `vagrantp stop` gives its memory up";
        return Err(fault::with(RESUME, says, help, Code::ProviderNotAvailable));
    }
    Ok(hardware.acceleration)
}

/// Sets the guest's clock, which stood still: by its agent, or by SSH. A guest that has neither sets it
/// by itself, or not.
pub(super) async fn set_clock(room: &Qemu, machine: &Machine) {
    if let Some(mut agent) = Agent::connect(&machine.place.agent()).await {
        let now = jiff::Timestamp::now().as_nanosecond();
        let setting = deed::around("qemu.agent_time", async {
            Ok::<_, std::io::Error>(agent.set_time(now).await)
        });
        if setting.await.unwrap_or(false) {
            return;
        }
    }
    keys::set_clock(room, machine).await;
}
