//! A machine's end: asked for by ACPI, then of the agent, then made by QEMU, then by the kernel.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use super::agent::Agent;
use super::client::Monitor;
use super::execute::the;
use super::look::Machine;
use super::observe::power;
use super::process::Running;
use super::{PAUSE, Qemu, fault, files};
use crate::deed;
use crate::model::code::Code;
use crate::model::observed::Power;
use crate::plan::action::{Outcome, StopMode, Target};
use crate::provider::ProviderError;

/// How long QEMU itself may take to end once it was told to.
const QUIT: Duration = Duration::from_secs(5);

pub(super) async fn stop(
    room: &Qemu,
    target: &Target,
    mode: StopMode,
) -> Result<Outcome, ProviderError> {
    let machine = the!(room, target);
    let Some(process) = &machine.process else {
        // What was kept of its memory goes with what ran in it.
        let had_memory = machine.has_memory();
        clear(&machine)?;
        return Ok(if had_memory { Outcome::Done } else { Outcome::AlreadyDone });
    };
    if let StopMode::Graceful { grace } = mode {
        ask(&machine, process, grace).await;
    }
    end(&machine, process).await?;
    clear(&machine)?;
    Ok(Outcome::Done)
}

/// Asks what runs in the machine to end, and gives it its time.
async fn ask(machine: &Machine, process: &Running, grace: Duration) {
    let begun = Instant::now();
    let left = || grace.saturating_sub(begun.elapsed());
    if !press(machine, left().min(QUIT)).await {
        return;
    }
    // Some guests have nobody who listens to the button: their agent may.
    if gone_within(process, grace / 3).await {
        return;
    }
    if let Some(mut agent) = Agent::connect(&machine.place.agent()).await {
        let _ = deed::around("qemu.agent_stop", async {
            agent.shut_down().await.then_some(()).ok_or(std::io::Error::other("it did not take it"))
        })
        .await;
    } else {
        // It may not have been far enough to notice the first time.
        press(machine, left().min(QUIT)).await;
    }
    gone_within(process, left()).await;
}

/// Presses the machine's button, and says whether there is anybody to hear it.
async fn press(machine: &Machine, limit: Duration) -> bool {
    let Ok(mut monitor) = Monitor::connect(&machine.place.control(), limit).await else {
        return false;
    };
    let Ok(status) = monitor.ask("query-status", json!({})).await else { return false };
    let (state, trouble) = power(status["status"].as_str().unwrap_or_default());
    if trouble.is_some() {
        return false;
    }
    if state == Power::Paused {
        // It hears nothing while it stands still.
        let going = deed::around("qemu.continue", monitor.tell("cont", json!({}))).await;
        if going.is_err() {
            return false;
        }
    }
    deed::around("qemu.power_down", monitor.tell("system_powerdown", json!({}))).await.is_ok()
}

pub(super) async fn gone_within(process: &Running, limit: Duration) -> bool {
    let begun = Instant::now();
    while process.lives() {
        if begun.elapsed() >= limit {
            return false;
        }
        tokio::time::sleep(PAUSE).await;
    }
    true
}

/// Ends the process, which has had its time.
pub(super) async fn end(machine: &Machine, process: &Running) -> Result<(), ProviderError> {
    if !process.lives() {
        return Ok(());
    }
    // So that what was written is on the disk.
    if let Ok(mut monitor) = Monitor::connect(&machine.place.control(), QUIT).await {
        let told = deed::around("qemu.quit", monitor.tell("quit", json!({}))).await;
        if told.is_ok() && gone_within(process, QUIT).await {
            return Ok(());
        }
    }
    let killing = || process.signal(Signal::KILL);
    let operation = "end the machine's process";
    deed::at_once("qemu.kill", killing)
        .map_err(|error| fault::io(operation, machine.place.dir(), &error))?;
    if gone_within(process, QUIT).await {
        return Ok(());
    }
    let says = format!("process {} does not end", process.pid);
    Err(fault::with(operation, &says, "the host's disk may not answer", Code::Internal))
}

/// Clears away what is of use to nobody once the machine's process has ended.
pub(super) fn clear(machine: &Machine) -> Result<(), ProviderError> {
    let place = &machine.place;
    for path in [place.memory(), place.hardware(), place.memory_part(), place.memory_used()] {
        if path.exists() {
            files::remove(&path)?;
        }
    }
    if place.sockets().exists() {
        files::remove_dir(place.sockets())?;
    }
    Ok(())
}
