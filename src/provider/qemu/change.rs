//! A machine becomes one that is made of something else: at rest, or while it runs where QEMU can.

use std::ffi::OsString;
use std::path::Path;

use serde_json::json;

use super::client::{Failure, Monitor};
use super::definition::Definition;
use super::execute::{stale, the};
use super::look::Machine;
use super::spec::{self, DISK, NETWORK};
use super::suspend::control;
use super::{Qemu, fault, files, host, running};
use crate::deed;
use crate::guest::GuestError;
use crate::guest::disk::{self, Tool};
use crate::model::code::Code;
use crate::model::network::PortForward;
use crate::model::spec::InstanceSpec;
use crate::model::units::DiskSize;
use crate::plan::action::{Outcome, Target};
use crate::provider::ProviderError;

/// Makes a machine at rest one that is made of something else. Its disk, keys and addresses stay.
pub(super) async fn configure(
    room: &Qemu,
    target: &Target,
    spec: &InstanceSpec,
) -> Result<Outcome, ProviderError> {
    let machine = the!(room, target);
    if machine.process.is_some() {
        return Ok(stale(format!("{} is running", target.name)));
    }
    if machine.has_memory() {
        return Ok(stale(format!("{} is suspended", target.name)));
    }
    let Some(vm) = spec.vm.as_deref() else {
        return Ok(stale("it is a container".to_owned()));
    };
    let mut definition = machine.definition.clone();
    definition.spec = spec.clone();
    if vm.firmware != machine.definition.vm().firmware {
        definition.uefi = host::uefi(&room.settings, vm.firmware, &definition.machine)?;
    }
    if definition == machine.definition {
        return Ok(Outcome::AlreadyDone);
    }
    if spec.stamp.uuid != target.uuid {
        return adopt(room, &machine, definition).await;
    }
    files::define(&machine.place, &definition)?;
    if definition.uefi != machine.definition.uefi {
        // What another firmware kept means nothing to this one.
        files::remove(&machine.place.nvram())?;
    }
    Ok(Outcome::Done)
}

/// Makes a machine that of the directory that its project moved to. At each moment, one of the two
/// finds it.
async fn adopt(
    room: &Qemu,
    machine: &Machine,
    mut definition: Definition,
) -> Result<Outcome, ProviderError> {
    let (from, to) = (&machine.place, room.settings.place(definition.spec.stamp.uuid));
    if definition.disk == from.disk() {
        definition.disk = to.disk();
    }
    files::write(&from.adopted(), &definition.text())?;
    if definition.disk != to.disk() && from.base().exists() {
        // A disk that lies elsewhere names its image by its whole path. Where this is cut off before
        // the directory is renamed, it is done again.
        point_elsewhere(room, &definition.disk, &from.base(), &to.base()).await?;
    }
    files::rename(from.dir(), to.dir())?;
    files::define(&to, &definition)?;
    files::remove(&to.adopted())?;
    Ok(Outcome::Done)
}

/// Has a disk read from the same image at another place, which is not looked at.
async fn point_elsewhere(
    room: &Qemu,
    disk: &Path,
    now: &Path,
    then: &Path,
) -> Result<(), ProviderError> {
    let format = if files::disk(now).is_some() { "qcow2" } else { "raw" };
    let words = ["rebase", "-q", "-u", "-f", "qcow2", "-F", format, "-b"].map(OsString::from);
    let paths = [OsString::from(then), OsString::from(disk)];
    let arguments: Vec<OsString> = words.into_iter().chain(paths).collect();
    let program = room.settings.disk_tool()?;
    let moved = deed::around("qemu.rebase", program.run(&arguments)).await;
    moved.map(drop).map_err(|error| fault::exec("take the machine over", &error))
}

pub(super) fn rename(room: &Qemu, target: &Target, to: &str) -> Result<Outcome, ProviderError> {
    let machine = the!(room, target);
    if machine.definition.spec.name == to {
        return Ok(Outcome::AlreadyDone);
    }
    if machine.process.is_some() || machine.has_memory() {
        return Ok(stale(format!("{} is not at rest", target.name)));
    }
    let mut definition = machine.definition.clone();
    definition.spec.name = to.to_owned();
    files::define(&machine.place, &definition)?;
    Ok(Outcome::Done)
}

/// Forwards other ports, from now on and after each start.
pub(super) async fn ports(
    room: &Qemu,
    target: &Target,
    ports: &[PortForward],
) -> Result<Outcome, ProviderError> {
    const OPERATION: &str = "forward other ports";
    let machine = the!(room, target);
    let mut definition = machine.definition.clone();
    definition.spec.ports = ports.to_vec();
    definition.spec.stamp.asked.ports = ports.to_vec();
    if machine.process.is_none() {
        if definition == machine.definition {
            return Ok(Outcome::AlreadyDone);
        }
        files::define(&machine.place, &definition)?;
        return Ok(Outcome::Done);
    }
    if let Some(port) = ports.iter().find(|port| port.bind.is_ipv6()) {
        let says = format!("{port}: its network listens on IPv4 addresses alone");
        let help = "bind 127.0.0.1 or 0.0.0.0 in PORTS";
        return Err(fault::with(OPERATION, &says, help, Code::Unsupported));
    }
    let mut monitor = control(&machine, OPERATION).await?;
    let failed = |failure: Failure| failure.of(OPERATION);
    let table = monitor.ask_line("info usernet").await.map_err(failed)?;
    let (_, there) = running::forwards(&table, ports, definition.vm().ssh_port);
    let is_in = |list: &[PortForward], port: &PortForward| list.iter().any(|one| one.same_as(port));
    let gone: Vec<_> = there.iter().filter(|port| !is_in(ports, port)).copied().collect();
    let new: Vec<_> = ports.iter().filter(|port| !is_in(&there, port)).copied().collect();
    if gone.is_empty() && new.is_empty() && definition == machine.definition {
        return Ok(Outcome::AlreadyDone);
    }
    // One that goes may be in the way of one that comes.
    let mut done: Vec<(bool, PortForward)> = Vec::new();
    for (adding, port) in
        gone.into_iter().map(|p| (false, p)).chain(new.into_iter().map(|p| (true, p)))
    {
        match change(&mut monitor, adding, &port).await {
            Ok(()) => done.push((adding, port)),
            Err(error) => {
                // It is as it was, or as nearly so as the host lets it be.
                for (adding, port) in done.into_iter().rev() {
                    let _ = change(&mut monitor, !adding, &port).await;
                }
                return Err(error);
            }
        }
    }
    files::define(&machine.place, &definition)?;
    Ok(Outcome::Done)
}

async fn change(
    monitor: &mut Monitor,
    adding: bool,
    port: &PortForward,
) -> Result<(), ProviderError> {
    let line = if adding {
        format!("hostfwd_add {NETWORK} {}", spec::forward(port))
    } else {
        format!("hostfwd_remove {NETWORK} {}", spec::listener(port))
    };
    let telling = monitor.tell_line(&line);
    let said = deed::around("qemu.change_port", telling).await;
    let said = said.map_err(|failure| failure.of("forward other ports"))?;
    let said = said.trim();
    if said.is_empty() || said.ends_with("removed") {
        return Ok(());
    }
    if adding {
        let reason = format!("QEMU cannot listen for {port}: {}", crate::exec::printable(said));
        return Err(ProviderError::PortConflict { reason, port: Some(port.host) });
    }
    Err(fault::refused("take a forwarded port away", said))
}

/// Makes the disk bigger, running or at rest.
pub(super) async fn grow(
    room: &Qemu,
    target: &Target,
    size: DiskSize,
) -> Result<Outcome, ProviderError> {
    const OPERATION: &str = "grow the disk";
    let machine = the!(room, target);
    if machine.process.is_none() && machine.has_memory() {
        return Ok(stale(format!("{} is suspended", target.name)));
    }
    let (bytes, path) = (size.0 << 20, &machine.definition.disk);
    let now = files::disk(path).map(|disk| disk.size);
    if now.is_some_and(|now| now > bytes) {
        let says = format!("it has {} MiB already", now.unwrap_or_default() >> 20);
        let help = "a disk is never made smaller: correct DISK_SIZE";
        return Err(fault::with(OPERATION, &says, help, Code::ConfigInvalid));
    }
    let mut definition = machine.definition.clone();
    definition.vm_mut().disk_size = size;
    if now == Some(bytes) && definition == machine.definition {
        return Ok(Outcome::AlreadyDone);
    }
    if machine.process.is_some() {
        let mut monitor = control(&machine, OPERATION).await?;
        let size = json!({ "node-name": DISK, "size": bytes });
        let resizing = monitor.tell("block_resize", size);
        let resized = deed::around("qemu.grow_disk", resizing).await;
        resized.map_err(|failure| failure.of(OPERATION))?;
    } else {
        let guest = |error: crate::guest::error::DiskError| fault::guest(GuestError::from(error));
        let tool = Tool::find(room.settings.path.as_deref()).map_err(guest)?;
        disk::grow(&tool, path, bytes).await.map_err(guest)?;
    }
    files::define(&machine.place, &definition)?;
    Ok(Outcome::Done)
}
