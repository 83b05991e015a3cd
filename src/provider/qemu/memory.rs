//! The memory of a machine goes into a file, and comes back from it.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Failure, Monitor};
use super::{PAUSE, fault};
use crate::deed;
use crate::event::{Event, Listener};
use crate::model::code::Code;
use crate::private;
use crate::provider::ProviderError;

/// From this version on, memory is written in place: a page that is written twice is there once, and
/// one that was never used takes no room.
const IN_PLACE_FROM: u64 = 9;

/// Faster than any disk: nothing but the memory is waited for.
const UNLIMITED: u64 = 1 << 40;

/// Whether this QEMU writes memory in place.
fn in_place(monitor: &Monitor) -> bool {
    monitor.version[0] >= IN_PLACE_FROM
}

/// Settles how memory is written and read. Left on, no snapshot can be made: QEMU 10 then fails to
/// write one.
pub(super) async fn set_in_place(monitor: &mut Monitor, on: bool) -> Result<(), Failure> {
    if !in_place(monitor) {
        return Ok(());
    }
    let capabilities = json!({ "capabilities": [{ "capability": "mapped-ram", "state": on }] });
    let setting = monitor.tell("migrate-set-capabilities", capabilities);
    deed::around("qemu.set_capabilities", setting).await.map(drop)
}

/// Writes the memory of a machine that stands still into a file, and everything of it onto the disk.
pub(super) async fn save(
    monitor: &mut Monitor,
    path: &Path,
    listener: &dyn Listener,
) -> Result<(), ProviderError> {
    const SAVE: &str = "keep the machine's memory";
    let failed = |failure: Failure| refusal(failure.of(SAVE));
    set_in_place(monitor, true).await.map_err(failed)?;
    let limits = json!({ "max-bandwidth": UNLIMITED });
    let setting = monitor.tell("migrate-set-parameters", limits);
    deed::around("qemu.set_parameters", setting).await.map_err(failed)?;
    let file = deed::at_once("qemu.create_memory", || {
        let mut options = File::options();
        private::open(path, options.read(true).write(true).create(true).truncate(true))
    });
    let file = file.map_err(|error| fault::io(SAVE, path, &error))?;
    let uri = given(monitor, path, &file, SAVE).await?;
    let saving = monitor.tell("migrate", json!({ "uri": uri }));
    deed::around("qemu.save_memory", saving).await.map_err(failed)?;
    finished(monitor, SAVE, "saving its memory", listener).await?;
    file.sync_all().map_err(|error| fault::io(SAVE, path, &error))
}

/// Gives a machine that waits for its memory what is in a file.
pub(super) async fn load(
    monitor: &mut Monitor,
    path: &Path,
    listener: &dyn Listener,
) -> Result<(), ProviderError> {
    const LOAD: &str = "give the machine its memory back";
    let failed = |failure: Failure| failure.of(LOAD);
    set_in_place(monitor, true).await.map_err(failed)?;
    let file = private::open(path, File::options().read(true));
    let file = file.map_err(|error| fault::io(LOAD, path, &error))?;
    let uri = given(monitor, path, &file, LOAD).await?;
    let loading = monitor.tell("migrate-incoming", json!({ "uri": uri }));
    deed::around("qemu.load_memory", loading).await.map_err(failed)?;
    finished(monitor, LOAD, "reading its memory", listener).await?;
    set_in_place(monitor, false).await.map_err(failed)
}

/// The file in QEMU's words. Written in place, it has to be named; else it is handed over open.
async fn given(
    monitor: &mut Monitor,
    path: &Path,
    file: &File,
    operation: &str,
) -> Result<String, ProviderError> {
    if in_place(monitor)
        && let Some(path) = path.to_str()
        // QEMU takes a comma for the beginning of options.
        && !path.contains(',')
    {
        return Ok(format!("file:{path}"));
    }
    set_in_place(monitor, false).await.map_err(|failure| failure.of(operation))?;
    let giving = monitor.tell_with("getfd", json!({ "fdname": "memory" }), file.as_fd());
    let given = deed::around("qemu.give_file", giving).await;
    given.map_err(|failure| failure.of(operation))?;
    Ok("fd:memory".to_owned())
}

/// Waits until memory is where it shall be.
async fn finished(
    monitor: &mut Monitor,
    operation: &str,
    says: &str,
    listener: &dyn Listener,
) -> Result<(), ProviderError> {
    loop {
        let said = monitor.ask("query-migrate", json!({})).await;
        let said = said.map_err(|failure| failure.of(operation))?;
        match said["status"].as_str() {
            Some("completed") => return Ok(()),
            Some("failed" | "cancelled") => {
                let reason = said["error-desc"].as_str().unwrap_or("QEMU does not say why");
                return Err(fault::refused(operation, reason));
            }
            _ => {}
        }
        if let Some((done, total)) = progress(&said["ram"]) {
            let (item, says) = ("memory".to_owned(), says.to_owned());
            listener.hear(&Event::Progress { item, done, total: Some(total), says });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn progress(ram: &Value) -> Option<(u64, u64)> {
    let total = ram["total"].as_u64().filter(|total| *total > 0)?;
    Some((total.saturating_sub(ram["remaining"].as_u64()?), total))
}

/// A memory that cannot be kept while directories of the host are mounted says so in QEMU's own terms.
pub(super) fn refusal(error: ProviderError) -> ProviderError {
    match error {
        ProviderError::Refused { operation, message, .. } if message.contains("VirtFS") => {
            let says = "directories of the host are mounted in it (MOUNTS), by a way (9p) whose state \
                        cannot be kept";
            let help = "install virtiofsd on the host and restart the machine, or unmount them inside \
                        first: sudo umount -a -t 9p";
            fault::with(&operation, says, help, Code::Unsupported)
        }
        error => error,
    }
}

/// How long a machine has until its disk shows whether there is room again.
pub(super) const RECOVERY: Duration = Duration::from_millis(300);
