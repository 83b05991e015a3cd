//! Definition and surroundings to QEMU's arguments. Pure.
//!
//! Every value that is not vagrantp's own goes through [`Options`] or is an argument by itself, so that
//! none of them can be read as another option. What is given here comes back from the process that was
//! started with it, see [`super::running`].

use std::ffi::OsString;
use std::path::Path;

use super::definition::Definition;
use super::options::Options;
use super::place::Place;
use super::share::{Share, shares};
use crate::model::mount::MountAccess;
use crate::model::network::PortForward;
use crate::model::vm::{Acceleration, DisplayMode};

/// What the arguments depend on beside the machine itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Surroundings<'a> {
    /// Where the machine's parts are.
    pub(super) place: &'a Place,
    /// What runs its instructions.
    pub(super) acceleration: Acceleration,
    /// How directories get in.
    pub(super) sharing: Sharing,
    /// Whether anything can be put in the way within a shared directory; where nothing can, a
    /// directory with something to guard is not written at all.
    pub(super) can_guard: bool,
    /// Where it begins.
    pub(super) beginning: Beginning,
    /// Whether what nobody asked for is kept from it; not every QEMU is built so that it can be.
    pub(super) sandboxed: bool,
}

/// How directories of the host get into a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Sharing {
    /// By QEMU itself.
    #[serde(rename = "9p")]
    NineP,
    /// By a server beside it, over memory that both have.
    Virtiofs,
}

/// Where a machine begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// It boots.
    Boot,
    /// It has been given everything and stands still.
    Still,
    /// It waits for a memory that it goes on with.
    Memory,
}

/// The descriptor that the hidden verb hands over where the machine is on a bridge.
pub(super) const BRIDGE_DESCRIPTOR: i32 = 3;

/// The last of vagrantp's own arguments: what follows is QEMU_ARGS.
pub(super) const LAST: [&str; 2] = ["-msg", "timestamp=on"];

/// The arguments that a machine waits with for its memory.
pub(super) const WAITING: [&str; 3] = ["-S", "-incoming", "defer"];

/// What QEMU is started with.
pub(super) fn arguments(definition: &Definition, around: &Surroundings<'_>) -> Vec<OsString> {
    let mut list = List::default();
    let shares = shares(&definition.spec.mounts);
    machine(&mut list, definition, around, &shares);
    lines(&mut list, around.place);
    disks(&mut list, definition, around.place);
    network(&mut list, definition);
    directories(&mut list, &shares, around);
    screen(&mut list, definition, around.place);
    let waiting = match around.beginning {
        Beginning::Boot => 0,
        Beginning::Still => 1,
        Beginning::Memory => WAITING.len(),
    };
    list.0.extend(WAITING[..waiting].iter().map(OsString::from));
    list.0.extend(LAST.map(OsString::from));
    list.0.extend(definition.vm().qemu_args.iter().map(OsString::from));
    list.0
}

#[derive(Default)]
struct List(Vec<OsString>);

impl List {
    fn flag(&mut self, name: &str) {
        self.0.push(name.into());
    }

    fn add(&mut self, name: &str, value: impl Into<OsString>) {
        self.0.push(name.into());
        self.0.push(value.into());
    }

    fn device(&mut self, driver: &str) {
        self.add("-device", driver);
    }
}

fn machine(list: &mut List, definition: &Definition, around: &Surroundings<'_>, shares: &[Share]) {
    let (spec, vm) = (&definition.spec, definition.vm());
    list.flag("-nodefaults");
    list.flag("-no-user-config");
    list.add("-name", Options::new().with("guest", &spec.name));
    list.add("-uuid", spec.stamp.uuid.to_string());
    // What nobody asked for is not there to be misused by what runs inside.
    let has_own = vm.qemu_args.iter().any(|argument| argument.trim_start_matches('-') == "sandbox");
    if around.sandboxed && !has_own {
        list.add(
            "-sandbox",
            "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
        );
    }
    let (accelerator, cpu) = match around.acceleration {
        Acceleration::Kvm => ("kvm", "host"),
        Acceleration::Emulation => ("tcg", "max"),
    };
    let machine = Options::of(&definition.machine).with("accel", accelerator);
    let memory = format!("{}M", spec.memory.0);
    let shares_memory = around.sharing == Sharing::Virtiofs && !shares.is_empty();
    if shares_memory {
        let backend = Options::of("memory-backend-memfd").with("id", "ram").with("size", &memory);
        list.add("-object", backend.with("share", "on"));
        list.add("-machine", machine.with("memory-backend", "ram"));
    } else {
        list.add("-machine", machine);
    }
    list.add("-cpu", cpu);
    list.add("-m", Options::new().with("size", memory));
    list.add("-smp", Options::new().with("cpus", spec.cpus.0.to_string()));
    list.add("-rtc", "base=utc,clock=host");
    list.add("-boot", "strict=on");
    if let Some(uefi) = &definition.uefi {
        list.add("-blockdev", file("uefi", &uefi.code, "raw", true));
        list.add("-blockdev", file("nvram", &around.place.nvram(), "raw", false));
        list.add("-machine", Options::new().with("pflash0", "uefi").with("pflash1", "nvram"));
    }
    for (option, path) in [("-kernel", &vm.kernel), ("-initrd", &vm.initrd)] {
        if let Some(path) = path {
            list.add(option, path);
        }
    }
    if let Some(append) = &vm.append {
        list.add("-append", append);
    }
    list.device("virtio-rng-pci");
    list.device("virtio-balloon-pci,free-page-reporting=on");
    // A kernel that panics says so, and what is left of it can be looked at.
    list.device("pvpanic-pci");
    list.add("-action", "panic=pause");
}

/// Its serial line, the way to what runs in it, and the two monitors.
fn lines(list: &mut List, place: &Place) {
    let socket = |id: &str, path: &Path| {
        Options::of("socket")
            .with("id", id)
            .with("path", path)
            .with("server", "on")
            .with("wait", "off")
    };
    let serial = socket("serial", &place.serial()).with("logfile", place.serial_log());
    list.add("-chardev", serial.with("logappend", "on"));
    list.add("-serial", "chardev:serial");
    list.device("virtio-serial-pci");
    list.add("-chardev", socket("agent", &place.agent()));
    list.device("virtserialport,chardev=agent,name=org.qemu.guest_agent.0");
    for (id, path) in [("control", place.control()), ("look", place.look())] {
        list.add("-chardev", socket(id, &path));
        list.add("-mon", Options::new().with("chardev", id).with("mode", "control"));
    }
}

/// A block device of a file.
fn file(name: &str, path: &Path, driver: &str, read_only: bool) -> Options {
    let options = Options::new().with("driver", driver).with("node-name", name);
    options
        .with("read-only", if read_only { "on" } else { "off" })
        .with("file.driver", "file")
        .with("file.filename", path)
}

/// The name of the disk within QEMU.
pub(super) const DISK: &str = "disk";

fn disks(list: &mut List, definition: &Definition, place: &Place) {
    let disk = file(DISK, &definition.disk, "qcow2", false);
    // What the guest has no use for any more takes no room on the host.
    list.add("-blockdev", disk.with("discard", "unmap").with("detect-zeroes", "unmap"));
    list.device("virtio-blk-pci,drive=disk,id=disk0,bootindex=1");
    list.add("-blockdev", file("seed", &place.seed(), "raw", true));
    list.device("virtio-blk-pci,drive=seed,id=seed0");
    if let Some(iso) = &definition.vm().iso {
        list.add("-blockdev", file("iso", iso, "raw", true));
        // After the disk: what an installer has put there is what boots the next time.
        if definition.machine.contains("q35") {
            list.device("ide-cd,drive=iso,bus=ide.0,id=iso0,bootindex=2");
        } else {
            list.device("virtio-scsi-pci,id=scsi0");
            list.device("scsi-cd,drive=iso,bus=scsi0.0,id=iso0,bootindex=2");
        }
    }
}

/// The name of the network within QEMU.
pub(super) const NETWORK: &str = "net0";

/// The guest's port of SSH.
pub(super) const SSH: u16 = 22;

fn network(list: &mut List, definition: &Definition) {
    let vm = definition.vm();
    let backend = match &vm.bridge {
        Some(_) => Options::of("tap").with("id", NETWORK).with("fd", BRIDGE_DESCRIPTOR.to_string()),
        None => {
            let user =
                Options::of("user").with("id", NETWORK).with("hostname", &definition.spec.hostname);
            let forwards = ssh_forward(vm.ssh_port);
            let forwards = forwards.iter().chain(&definition.spec.ports);
            forwards.fold(user, |user, port| user.with("hostfwd", forward(port)))
        }
    };
    list.add("-netdev", backend);
    // Without a ROM to boot from the network: that is not offered.
    let device =
        Options::of("virtio-net-pci").with("netdev", NETWORK).with("mac", vm.mac.to_string());
    list.add("-device", device.with("romfile", ""));
}

/// The forward to the guest's SSH server.
pub(super) fn ssh_forward(port: Option<u16>) -> Option<PortForward> {
    port.map(|host| PortForward {
        bind: crate::model::network::DEFAULT_BIND,
        host,
        guest: SSH,
        protocol: crate::model::network::Protocol::Tcp,
        auto: false,
    })
}

/// A forwarded port in QEMU's words.
pub(super) fn forward(port: &PortForward) -> String {
    format!("{}-:{}", listener(port), port.guest)
}

/// The host's side of it, by which it is taken away again.
pub(super) fn listener(port: &PortForward) -> String {
    format!("{}:{}:{}", port.protocol, port.bind, port.host)
}

/// What the share's mount is to what runs inside: read-only also where something in it has to be
/// guarded and cannot be.
pub(super) fn access(share: &Share, can_guard: bool) -> MountAccess {
    match share.mount.access {
        MountAccess::ReadWrite if !can_guard && !share.guards.is_empty() => MountAccess::ReadOnly,
        access => access,
    }
}

fn directories(list: &mut List, shares: &[Share], around: &Surroundings<'_>) {
    for (number, share) in shares.iter().enumerate() {
        match around.sharing {
            Sharing::NineP => {
                let export = Options::of("local")
                    .with("id", &share.tag)
                    .with("path", &share.mount.host)
                    // What is written belongs to who runs QEMU, as everything in a project does.
                    .with("security_model", "none")
                    .with("multidevs", "remap");
                let read_only = access(share, around.can_guard) == MountAccess::ReadOnly;
                list.add("-fsdev", if read_only { export.with("readonly", "on") } else { export });
                let device = Options::of("virtio-9p-pci").with("fsdev", &share.tag);
                list.add("-device", device.with("mount_tag", &share.tag));
            }
            Sharing::Virtiofs => {
                let line = Options::of("socket").with("id", &share.tag);
                list.add("-chardev", line.with("path", around.place.share(number)));
                let device = Options::of("vhost-user-fs-pci").with("chardev", &share.tag);
                list.add("-device", device.with("tag", &share.tag));
            }
        }
    }
}

fn screen(list: &mut List, definition: &Definition, place: &Place) {
    let display = definition.vm().display;
    let q35 = definition.machine.contains("q35");
    if display == DisplayMode::None {
        list.add("-display", "none");
        return;
    }
    list.device(if q35 { "virtio-vga" } else { "virtio-gpu-pci" });
    list.device("qemu-xhci");
    list.device("usb-kbd");
    list.device("usb-tablet");
    if display == DisplayMode::Gtk {
        list.add("-display", "gtk");
        return;
    }
    list.add("-display", "none");
    let spice = Options::new().with("unix", "on").with("addr", place.spice());
    list.add("-spice", spice.with("disable-ticketing", "on"));
    list.add("-chardev", "spicevmc,id=vdagent,name=vdagent");
    list.device("virtserialport,chardev=vdagent,name=com.redhat.spice.0");
}

#[cfg(test)]
mod tests;
