//! What only virtual machines have, compared: what it is made of with what it is to be made of.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::model::capability::{Cost, Field};
use crate::model::desired::Desired;
use crate::model::observed::{Instance, Power};
use crate::model::source::{Place, Sourced};
use crate::model::vm::{CloudInit, DesiredVm, ObservedVm, WaitFor};

/// A field as it is and as it is to be, the place that says so, and what the change costs where that
/// is not what the provider's capabilities say.
pub(super) struct Compared<'a> {
    pub(super) field: Field,
    pub(super) found: String,
    pub(super) wanted: String,
    pub(super) place: Option<&'a Place>,
    pub(super) cost: Option<Cost>,
}

/// Every such field; most are as wanted. What vagrantp picks where nothing is written (the MAC
/// address, the port of SSH) stays what it is.
pub(super) fn compared<'a>(
    desired: &'a Desired,
    vm: &'a DesiredVm,
    ssh: Option<u16>,
    instance: &Instance,
    seen: &ObservedVm,
) -> Vec<Compared<'a>> {
    let has = &seen.settings;
    let row = |field, found: String, wanted: String, place| Compared {
        field,
        found,
        wanted,
        place,
        cost: None,
    };
    let (found, wanted) = (has.disk_size, desired.disk_size.value);
    let mut rows = vec![
        Compared {
            // What is on the far end of a disk cannot be kept in a smaller one.
            cost: (wanted < found).then_some(Cost::Refused),
            ..row(Field::DiskSize, found.to_string(), wanted.to_string(), desired.disk_size.place())
        },
        row(
            Field::DiskPath,
            path(has.disk_path.as_deref(), "beside its other files"),
            path(written(&vm.disk_path), "beside its other files"),
            place(&vm.disk_path),
        ),
        row(
            Field::Iso,
            path(has.iso.as_deref(), "none"),
            path(written(&vm.iso), "none"),
            place(&vm.iso),
        ),
        row(
            Field::Kernel,
            path(has.kernel.as_deref(), "none"),
            path(written(&vm.kernel), "none"),
            place(&vm.kernel),
        ),
        row(
            Field::Initrd,
            path(has.initrd.as_deref(), "none"),
            path(written(&vm.initrd), "none"),
            place(&vm.initrd),
        ),
        row(
            Field::Append,
            has.append.clone().unwrap_or_else(|| "none".to_owned()),
            vm.append.as_ref().map_or_else(|| "none".to_owned(), |append| append.value.clone()),
            place(&vm.append),
        ),
        row(
            Field::Firmware,
            has.firmware.as_str().to_owned(),
            vm.firmware.value.as_str().to_owned(),
            vm.firmware.place(),
        ),
        cloud_init(has.cloud_init.as_ref(), vm.cloud_init.as_ref()),
        row(
            Field::DisplayMode,
            has.display.as_str().to_owned(),
            vm.display.value.as_str().to_owned(),
            vm.display.place(),
        ),
        row(
            Field::QemuArgs,
            arguments(&has.qemu_args),
            arguments(&vm.qemu_args.value),
            vm.qemu_args.place(),
        ),
        row(Field::SshUser, has.user.clone(), desired.user.value.clone(), desired.user.place()),
        keys(vm, instance, seen),
    ];
    if !vm.mac.origin.is_default() {
        let (found, wanted) = (has.mac.to_string(), vm.mac.value.to_string());
        rows.push(row(Field::MacAddress, found, wanted, vm.mac.place()));
    }
    // From a bridge, or onto one, is a change of the network.
    if let (Some(wanted), Some(found)) = (ssh, has.ssh_port) {
        let (found, wanted) = (found.to_string(), wanted.to_string());
        rows.push(row(Field::SshPort, found, wanted, place(&vm.ssh_port)));
    }
    rows
}

fn cloud_init<'a>(
    found: Option<&CloudInit>,
    wanted: Option<&'a Sourced<CloudInit>>,
) -> Compared<'a> {
    let shown = |file: &CloudInit| file.path.display().to_string();
    let none = || "none".to_owned();
    let mut was = found.map_or_else(none, shown);
    let is = wanted.map_or_else(none, |wanted| shown(&wanted.value));
    match (found, wanted) {
        // What it says is what is asked for, not where it lies.
        (Some(found), Some(wanted)) if found.sha256 == wanted.value.sha256 => was.clone_from(&is),
        (Some(_), Some(_)) if was == is => was.push_str(", which said something else"),
        _ => {}
    }
    let place = wanted.and_then(Sourced::place);
    Compared { field: Field::CloudInit, found: was, wanted: is, place, cost: None }
}

/// Keys are told by what they are, and shown by how many there are.
fn keys<'a>(vm: &'a DesiredVm, instance: &Instance, seen: &ObservedVm) -> Compared<'a> {
    let bare = |keys: &[String]| -> BTreeSet<String> {
        let bare = |key: &String| key.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        keys.iter().map(bare).collect()
    };
    let (had, wants) = (bare(&seen.settings.authorized_keys), bare(&vm.authorized_keys.value));
    let count = |keys: &BTreeSet<String>| match keys.len() {
        0 => "none".to_owned(),
        1 => "1 key".to_owned(),
        many => format!("{many} keys"),
    };
    let (found, mut wanted) = (count(&had), count(&wants));
    if had != wants && found == wanted {
        wanted.push_str(", not the same");
    }
    let answers = match (instance.state, seen.answers) {
        (Power::Running, Some(answers)) => answers,
        // It will have answered by the time that it is asked.
        _ => vm.wait_for.value == WaitFor::Ssh,
    };
    let place = vm.authorized_keys.place();
    let cost = (!answers).then_some(Cost::Recreate);
    Compared { field: Field::AuthorizedKeys, found, wanted, place, cost }
}

fn written(path: &Option<Sourced<PathBuf>>) -> Option<&Path> {
    path.as_ref().map(|path| path.value.as_path())
}

fn place<T>(written: &Option<Sourced<T>>) -> Option<&Place> {
    written.as_ref().and_then(Sourced::place)
}

fn path(path: Option<&Path>, none: &str) -> String {
    path.map_or_else(|| none.to_owned(), |path| path.display().to_string())
}

fn arguments(arguments: &[String]) -> String {
    match arguments {
        [] => "none".to_owned(),
        some => some.join(" "),
    }
}
