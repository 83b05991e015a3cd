//! A machine comes to be: its directory, its disk, its keys. What is not whole is known as such, and
//! removed by whoever comes next.

use std::path::{Path, PathBuf};

use super::definition::{Definition, Uefi};
use super::execute::stale;
use super::look::{self, Found};
use super::place::Place;
use super::{Qemu, fault, files, host, image, remove, seed};
use crate::event::Listener;
use crate::guest::GuestError;
use crate::guest::disk::{self, Tool, Wanted};
use crate::guest::image::Image;
use crate::model::code::Code;
use crate::model::image::ImageSource;
use crate::model::spec::{BaseImage, InstanceSpec};
use crate::model::vm::{Firmware, VmSettings};
use crate::plan::action::Outcome;
use crate::provider::ProviderError;

const CREATE: &str = "create the machine";

pub(super) async fn create(
    room: &Qemu,
    spec: &InstanceSpec,
    listener: &dyn Listener,
) -> Result<Outcome, ProviderError> {
    let uuid = spec.stamp.uuid;
    let place = room.settings.place(uuid);
    let Some(vm) = spec.vm.as_deref() else {
        return Err(fault::with(
            CREATE,
            "it is a container",
            "take PROVIDER=podman",
            Code::Internal,
        ));
    };
    let kept = match look::find(room, uuid)? {
        Found::Machine(machine) if machine.is_part => {
            remove::clear(&machine)?;
            None
        }
        Found::Machine(machine) => {
            let same = machine.definition.spec.stamp.generation == spec.stamp.generation;
            let name = &machine.definition.spec.name;
            return Ok(if same { Outcome::AlreadyDone } else { stale(format!("{name} is there")) });
        }
        Found::Newer(newer) => return Ok(stale(format!("vagrantp {} made it", newer.version))),
        Found::Disk(definition) => Some(definition),
        Found::Nothing => None,
    };
    if kept.is_some() != (spec.image == BaseImage::KeptDisk) {
        return Ok(stale(match kept {
            Some(_) => "the disk of the machine before is kept".to_owned(),
            None => "no disk is kept".to_owned(),
        }));
    }
    check_stranger(&place)?;
    let tool =
        Tool::find(room.settings.path.as_deref()).map_err(|error| fault::guest(error.into()))?;
    let base = base(room, &tool, spec, vm, listener).await?;
    let emulator = room.settings.emulator()?;
    let machine = host::machine_type(&emulator).await?;
    let uefi = uefi(room, vm, &machine, base.as_ref())?;
    let disk = match &kept {
        Some(kept) => kept.disk.clone(),
        None => vm.disk_path.clone().unwrap_or_else(|| place.disk()),
    };
    if kept.is_none() && disk.symlink_metadata().is_ok() {
        let says = format!("there is a file already at {}", disk.display());
        let help = "vagrantp writes over no disk: move it away, or change DISK_PATH";
        return Err(fault::with(CREATE, &says, help, Code::InfraExists));
    }
    let definition = Definition {
        format: Definition::FORMAT,
        spec: spec.clone(),
        machine,
        disk,
        instance_id: format!("{}-{}-{}", uuid, spec.stamp.generation, spec.stamp.created_at),
        uefi,
        snapshots: kept.map(|kept| kept.snapshots).unwrap_or_default(),
    };
    files::make_dir(&room.settings.data)?;
    files::make_dir(place.dir())?;
    files::write(&place.part(), &definition.text())?;
    seed::keep_keys(&place, &definition)?;
    let size = vm.disk_size.0 << 20;
    let made = match (&base, &spec.image) {
        (_, BaseImage::KeptDisk) => disk::grow(&tool, &definition.disk, size).await.map(drop),
        (Some(base), _) => {
            let kept = crate::guest::image::keep(&base.image, &place.base()).await;
            kept.map_err(|error| fault::guest(GuestError::from(error)))?;
            let from = backing(&place, &definition.disk);
            disk::create_overlay(&tool, &definition.disk, &from, base.format, size).await
        }
        (None, _) => disk::create_blank(&tool, &definition.disk, size).await,
    };
    made.map_err(|error| fault::guest(GuestError::from(error)))?;
    files::rename(&place.part(), &place.definition())?;
    files::remove(&place.kept())?;
    Ok(Outcome::Done)
}

/// What a disk begins as.
struct Base {
    image: Image,
    format: disk::Format,
    starts_by_efi: bool,
}

async fn base(
    room: &Qemu,
    tool: &Tool,
    spec: &InstanceSpec,
    vm: &VmSettings,
    listener: &dyn Listener,
) -> Result<Option<Base>, ProviderError> {
    let architecture = std::env::consts::ARCH;
    let guest = |error: crate::guest::error::DiskError| fault::guest(GuestError::from(error));
    if let Some(iso) = &vm.iso {
        disk::examine_iso(iso, architecture).map_err(guest)?;
    }
    if let Some(kernel) = &vm.kernel {
        disk::examine_kernel(kernel, architecture).map_err(guest)?;
    }
    let image = match &spec.image {
        BaseImage::Source(ImageSource::Blank) | BaseImage::KeptDisk => return Ok(None),
        BaseImage::Source(image) => image,
        BaseImage::Saved(name) => {
            let says = format!("{name} holds the files of a container");
            return Err(fault::with(CREATE, &says, "take another IMAGE", Code::Internal));
        }
    };
    let Some(image) = image::had(room, image, false, listener).await? else { return Ok(None) };
    let wanted = Wanted { disk_size: vm.disk_size.0 << 20, architecture };
    let found = disk::examine(tool, &image.path, wanted).await.map_err(guest)?;
    Ok(Some(Base { image, format: found.format, starts_by_efi: found.has_system_partition }))
}

/// Where a disk finds the image that it reads from: beside it, so that both can move, or by its whole
/// path where DISK_PATH puts the disk elsewhere.
pub(super) fn backing(place: &Place, disk: &Path) -> PathBuf {
    let base = place.base();
    match base.file_name() {
        Some(name) if disk.parent() == Some(place.dir()) => PathBuf::from(name),
        _ => base,
    }
}

/// The UEFI that the machine gets. A disk that can be started by it alone is not looked into further:
/// most that have a partition for it start by BIOS as well, and that is what `auto` takes.
fn uefi(
    room: &Qemu,
    vm: &VmSettings,
    machine: &str,
    base: Option<&Base>,
) -> Result<Option<Uefi>, ProviderError> {
    let _ = base.map(|base| base.starts_by_efi);
    // A kernel that is handed over needs none.
    let wanted = match vm.firmware {
        Firmware::Auto if vm.kernel.is_some() => Firmware::Bios,
        firmware => firmware,
    };
    host::uefi(&room.settings, wanted, machine)
}

/// A directory of our name with something in it that vagrantp did not put there.
fn check_stranger(place: &Place) -> Result<(), ProviderError> {
    let entries = std::fs::read_dir(place.dir()).into_iter().flatten().flatten();
    let is_ours = |name: &str| name == "kept.json" || is_part(place, name);
    for entry in entries {
        let name = entry.file_name();
        if !name.to_str().is_some_and(is_ours) {
            let says = format!("{} is in the way", entry.path().display());
            let help = "vagrantp did not make it: move it away";
            return Err(fault::with(CREATE, &says, help, Code::InfraExists));
        }
    }
    Ok(())
}

/// Whether a file in the machine's directory has a name that vagrantp gives.
pub(super) fn is_part(place: &Place, name: &str) -> bool {
    let known = [
        place.definition(),
        place.part(),
        place.adopted(),
        place.kept(),
        place.launch(),
        place.disk(),
        place.base(),
        place.seed(),
        place.nvram(),
        place.memory(),
        place.memory_part(),
        place.memory_used(),
        place.hardware(),
        place.key(),
        place.host_key(),
        crate::guest::keys::public_of(&place.key()),
        crate::guest::keys::public_of(&place.host_key()),
        place.known_hosts(),
        place.serial_log(),
        place.serial_log_old(),
        place.log(),
    ];
    name.starts_with(files::TEMPORARY)
        || known.iter().any(|path| path.file_name() == Some(Path::new(name).as_os_str()))
}
