//! A machine goes, with all that it had, or leaving its disk.

use std::path::Path;

use super::create::is_part;
use super::execute::{find, stale};
use super::look::{self, Found, Machine};
use super::{Qemu, fault, files, stop};
use crate::model::code::Code;
use crate::model::id::InstanceUuid;
use crate::plan::action::{Outcome, Target, Volumes};
use crate::provider::ProviderError;

const REMOVE: &str = "remove the machine";

pub(super) async fn remove(
    room: &Qemu,
    target: &Target,
    volumes: Volumes,
) -> Result<Outcome, ProviderError> {
    let machine = match find(room, target)? {
        Ok(machine) => machine,
        Err(outcome) => {
            let nothing = matches!(look::find(room, target.uuid)?, Found::Nothing | Found::Disk(_));
            return Ok(if nothing { Outcome::AlreadyDone } else { outcome });
        }
    };
    if let Some(process) = &machine.process {
        if !machine.is_part {
            return Ok(stale(format!("{} is running", target.name)));
        }
        stop::end(&machine, process).await?;
    }
    if volumes == Volumes::KeepDisk && !machine.is_part {
        keep_disk(&machine)?;
    } else {
        clear(&machine)?;
    }
    Ok(Outcome::Done)
}

/// Removes all of a machine but its disk and its keys.
fn keep_disk(machine: &Machine) -> Result<(), ProviderError> {
    let place = &machine.place;
    files::write(&place.kept(), &machine.definition.text())?;
    // From here on there is a disk that is kept, and no machine.
    files::remove(&place.definition())?;
    for part in [
        place.part(),
        place.adopted(),
        place.launch(),
        place.seed(),
        place.nvram(),
        place.serial_log(),
        place.serial_log_old(),
        place.log(),
    ] {
        files::remove(&part)?;
    }
    stop::clear(machine)
}

/// Removes all of a machine. While that is done, what is left is known as a part of one.
pub(super) fn clear(machine: &Machine) -> Result<(), ProviderError> {
    let place = &machine.place;
    // Of a disk that was kept once and has been in use since.
    files::remove(&place.kept())?;
    if !machine.is_part {
        files::rename(&place.definition(), &place.part())?;
    }
    stop::clear(machine)?;
    files::remove(&machine.definition.disk)?;
    let entries = std::fs::read_dir(place.dir()).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let ours = name.to_str().is_some_and(|name| is_part(place, name));
        if ours && entry.path() != place.part() {
            files::remove(&entry.path())?;
        }
    }
    files::remove(&place.part())?;
    // Where somebody has put something there, it stays.
    files::remove_empty(place.dir())
}

/// Removes the disk of a machine that is gone.
pub(super) fn disk(room: &Qemu, path: &Path, uuid: InstanceUuid) -> Result<Outcome, ProviderError> {
    let place = room.settings.place(uuid);
    let definition = match look::find(room, uuid)? {
        Found::Disk(definition) => definition,
        Found::Machine(_) => return Ok(stale("there is a machine that has it".to_owned())),
        Found::Newer(_) | Found::Nothing => return Ok(Outcome::AlreadyDone),
    };
    if definition.disk != path {
        let says = format!("{} is not the disk that was kept", path.display());
        return Err(fault::with(REMOVE, &says, "look with `vagrantp plan`", Code::Internal));
    }
    // What is left is a part of a machine from here on.
    files::rename(&place.kept(), &place.part())?;
    if let Found::Machine(machine) = look::find(room, uuid)? {
        clear(&machine)?;
    }
    Ok(Outcome::Done)
}
