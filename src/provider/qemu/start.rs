//! A machine's process comes to be.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::process::Child;
use std::time::{Duration, Instant};

use super::client::Monitor;
use super::definition::Definition;
use super::execute::{stale, the};
use super::files::{self, Started};
use super::launch::{LAUNCH_VERB, Order, Server};
use super::look::Machine;
use super::process::{self, Launch};
use super::share::{Guard, Share, no_directory, shares};
use super::spec::{self, Beginning, Sharing, Surroundings};
use super::startup::{self, Why, Wish};
use super::virtiofs::Virtiofsd;
use super::{PAUSE, Qemu, Settings, fault, host, seed};
use crate::deed;
use crate::event::{Event, Listener};
use crate::exec::{ChildInput, Program};
use crate::model::code::Code;
use crate::model::mount::MountAccess;
use crate::model::spec::InstanceSpec;
use crate::model::vm::{Acceleration, DisplayMode};
use crate::plan::action::{Outcome, Target};
use crate::private;
use crate::provider::ProviderError;

/// How long QEMU may take until it can be talked to. It makes the machine first, for which a host that
/// is busy needs its time.
const STARTUP: Duration = Duration::from_secs(60);

/// A serial log that is longer is put aside at the next start.
const LONG_LOG: u64 = 4 << 20;

const START: &str = "start the machine";

pub(super) async fn start(
    room: &Qemu,
    target: &Target,
    listener: &dyn Listener,
) -> Result<Outcome, ProviderError> {
    let machine = the!(room, target);
    if machine.process.is_some() {
        return Ok(Outcome::AlreadyDone);
    }
    if machine.is_part {
        return Ok(stale(format!("{} is being removed", target.name)));
    }
    if machine.has_memory() {
        return Ok(stale(format!("{} is suspended", target.name)));
    }
    let acceleration = host::acceleration(&room.settings);
    if acceleration == Acceleration::Emulation {
        let message = host::why_emulation(&room.settings);
        listener.hear(&Event::Warning { message });
    }
    launch(room, &machine, Beginning::Boot, acceleration, listener).await?;
    Ok(Outcome::Done)
}

/// What a machine's process is started with.
struct How<'a> {
    machine: &'a Machine,
    shares: &'a [Share],
    around: Surroundings<'a>,
}

/// Starts the machine's process, and returns a connection to it once it can be talked to.
pub(super) async fn launch(
    room: &Qemu,
    machine: &Machine,
    beginning: Beginning,
    acceleration: Acceleration,
    listener: &dyn Listener,
) -> Result<Monitor, ProviderError> {
    let definition = &machine.definition;
    let shares = shares(&definition.spec.mounts);
    check(machine, &shares)?;
    prepare(machine)?;
    let virtiofsd = match room.settings.virtiofsd().filter(|_| !shares.is_empty()) {
        Some(program) => Some(Virtiofsd::known(program).await?),
        None => None,
    };
    let sharing = if virtiofsd.is_some() { Sharing::Virtiofs } else { Sharing::NineP };
    let around = Surroundings {
        place: &machine.place,
        acceleration,
        sharing,
        can_guard: true,
        beginning,
        sandboxed: true,
    };
    let mut how = How { machine, shares: &shares, around };
    loop {
        let told = seed::write(&machine.place, definition, sharing, how.around.can_guard)?;
        match attempt(room, &how, virtiofsd.as_ref()).await? {
            Ok(monitor) => {
                told.into_iter().for_each(|message| listener.hear(&Event::Warning { message }));
                return Ok(monitor);
            }
            Err(Why::NotConfined) if how.around.can_guard => {
                how.around.can_guard = false;
                listener.hear(&Event::Warning { message: not_guarded(&shares) });
            }
            Err(Why::NoSandbox) if how.around.sandboxed => how.around.sandboxed = false,
            Err(Why::Fatal(error)) => return Err(error),
            Err(Why::NotConfined | Why::NoSandbox) => {
                return Err(fault::refused(START, "it failed in the same way twice"));
            }
        }
    }
}

fn not_guarded(shares: &[Share]) -> String {
    let guarded = shares.iter().filter(|share| !share.guards.is_empty());
    let names: Vec<String> = guarded.map(|share| share.mount.guest.display().to_string()).collect();
    format!(
        "{} can only be read inside: this host lets no user protect single files (user namespaces \
         are off), and the project's own files beneath must not be written from inside",
        names.join(" and ")
    )
}

/// What QEMU would say less well, or after much work.
fn check(machine: &Machine, shares: &[Share]) -> Result<(), ProviderError> {
    let vm = machine.definition.vm();
    if let Some(mount) = no_directory(shares, host::is_directory) {
        let says = format!("{} is no directory that is there", mount.host.display());
        let help = "a virtual machine mounts directories alone: correct MOUNTS";
        return Err(fault::with(START, &says, help, Code::Unsupported));
    }
    for port in &machine.definition.spec.ports {
        if port.bind.is_ipv6() {
            let says = format!("{port}: its network listens on IPv4 addresses alone");
            let help = "bind 127.0.0.1 or 0.0.0.0 in PORTS";
            return Err(fault::with(START, &says, help, Code::Unsupported));
        }
    }
    if let Some(bridge) = &vm.bridge
        && super::bridge::obstacle(bridge).is_some()
    {
        return Err(startup::bridge_fault(bridge, ""));
    }
    if let Some(path) = machine.place.too_long() {
        return Err(fault::long_socket(&path));
    }
    if !machine.definition.disk.exists() {
        let says = format!("its disk {} is gone", machine.definition.disk.display());
        let help = "put it back, or `vagrantp up --recreate` makes another from IMAGE";
        return Err(fault::with(START, &says, help, Code::InvalidState));
    }
    Ok(())
}

/// A place for sockets, a log that has room, and what UEFI keeps.
fn prepare(machine: &Machine) -> Result<(), ProviderError> {
    let place = &machine.place;
    let base = place.sockets().parent().unwrap_or(place.sockets());
    private::check_base(base.parent().unwrap_or(base))
        .map_err(|error| fault::io(START, base, &error))?;
    files::make_dir(base)?;
    // Sockets of a process that was killed.
    files::remove_dir(place.sockets())?;
    files::make_dir(place.sockets())?;
    if std::fs::metadata(place.serial_log()).is_ok_and(|log| log.len() > LONG_LOG) {
        files::rename(&place.serial_log(), &place.serial_log_old())?;
    }
    let made = deed::at_once("qemu.serial_log", || {
        let mut options = File::options();
        private::open(&place.serial_log(), options.append(true).create(true))
    });
    made.map_err(|error| fault::io(START, &place.serial_log(), &error))?;
    if let Some(uefi) = &machine.definition.uefi
        && !place.nvram().exists()
    {
        let template = std::fs::read(&uefi.template)
            .map_err(|error| fault::io("read UEFI's variables", &uefi.template, &error))?;
        files::write(&place.nvram(), &template)?;
    }
    Ok(())
}

async fn attempt(
    room: &Qemu,
    how: &How<'_>,
    virtiofsd: Option<&Virtiofsd>,
) -> Result<Result<Monitor, Why>, ProviderError> {
    let place = &how.machine.place;
    let definition = &how.machine.definition;
    let log = deed::at_once("qemu.log", || {
        let mut options = File::options();
        private::open(&place.log(), options.write(true).create(true).truncate(true))
    });
    let log = log.map_err(|error| fault::io(START, &place.log(), &error))?;
    let serial_from = std::fs::metadata(place.serial_log()).map_or(0, |log| log.len());
    let order = order(room, how, virtiofsd)?;
    let input = order.to_descriptor().map_err(|error| fault::io(START, &place.log(), &error))?;
    let desktop: Vec<(OsString, OsString)> = match definition.vm().display {
        DisplayMode::Gtk => {
            let pair = |(name, value): (&String, &String)| (name.into(), value.into());
            room.settings.desktop.iter().map(pair).collect()
        }
        DisplayMode::None | DisplayMode::Spice => Vec::new(),
    };
    let input = ChildInput::Descriptor(input);
    let started = deed::at_once("qemu.start", || {
        Program::at(&room.settings.helper).spawn_detached(
            &[LAUNCH_VERB],
            &desktop,
            input,
            Some(log),
        )
    });
    let mut child = started.map_err(|error| fault::exec(START, &error))?;
    write_down(how.machine, &child, serial_from)?;
    match reach(how.machine, &mut child).await {
        Ok(monitor) => Ok(Ok(monitor)),
        Err(error) if child.try_wait().is_ok_and(|ended| ended.is_some()) => {
            let text = private::read(&place.log()).unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            let wish = Wish {
                qemu_args: &definition.vm().qemu_args,
                memory: definition.spec.memory,
                bridge: definition.vm().bridge.as_deref(),
            };
            let _ = error;
            files::remove_dir(place.sockets())?;
            files::make_dir(place.sockets())?;
            Ok(Err(startup::why(&text, &wish)))
        }
        Err(error) => Err(fault::lost(START, &error)),
    }
}

/// What the hidden verb is to do.
fn order(
    room: &Qemu,
    how: &How<'_>,
    virtiofsd: Option<&Virtiofsd>,
) -> Result<Order, ProviderError> {
    let definition = &how.machine.definition;
    let mut guards: Vec<Guard> = Vec::new();
    let mut servers = Vec::new();
    for (number, share) in how.shares.iter().enumerate() {
        if let Some(virtiofsd) = virtiofsd {
            let read_only = spec::access(share, how.around.can_guard) == MountAccess::ReadOnly;
            servers.push(Server {
                program: virtiofsd.program.path().into(),
                socket: how.machine.place.share(number),
                directory: share.mount.host.clone().into(),
                options: virtiofsd.options(read_only),
            });
            if read_only && !virtiofsd.serves_read_only {
                guards
                    .push(Guard { path: share.mount.host.clone(), access: MountAccess::ReadOnly });
            }
        }
        if how.around.can_guard {
            guards.extend(share.guards.iter().cloned());
        }
    }
    Ok(Order {
        program: room.settings.emulator()?.path().into(),
        arguments: spec::arguments(definition, &how.around),
        guards,
        bridge: definition.vm().bridge.clone(),
        servers,
    })
}

/// Writes down which process it is, and what it was started with. Where that is lost, the process is
/// searched for.
fn write_down(machine: &Machine, child: &Child, serial_from: u64) -> Result<(), ProviderError> {
    let pid = i32::try_from(child.id()).unwrap_or_default();
    let Some(began) = process::began_at(pid) else { return Ok(()) };
    let at = jiff::Timestamp::now().to_string();
    let launch = Launch { pid, began, boot: process::boot_id(), at };
    let definition = Box::new(Definition { snapshots: Vec::new(), ..machine.definition.clone() });
    let started = Started { launch, serial_from, definition };
    let text = serde_json::to_vec_pretty(&started).expect("it holds nothing that JSON cannot");
    files::write(&machine.place.launch(), &text)
}

/// Connects to the process as soon as it can be talked to.
async fn reach(machine: &Machine, child: &mut Child) -> io::Result<Monitor> {
    let begun = Instant::now();
    loop {
        // The child first: what it wrote before it ended is all that there will be.
        let ended = child.try_wait()?.is_some();
        match Monitor::connect(&machine.place.control(), STARTUP).await {
            Ok(monitor) => return Ok(monitor),
            Err(error) if ended || begun.elapsed() > STARTUP => return Err(error),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// The arguments as text, for `render`.
pub(super) fn rendered(settings: &Settings, spec: &InstanceSpec) -> String {
    let place = settings.place(spec.stamp.uuid);
    let vm = spec.vm.as_deref();
    let definition = Definition {
        format: Definition::FORMAT,
        machine: "q35".to_owned(),
        disk: vm.and_then(|vm| vm.disk_path.clone()).unwrap_or_else(|| place.disk()),
        instance_id: String::new(),
        uefi: None,
        snapshots: Vec::new(),
        spec: spec.clone(),
    };
    if vm.is_none() {
        return String::new();
    }
    let around = Surroundings {
        place: &place,
        acceleration: host::acceleration(settings),
        sharing: if settings.virtiofsd().is_some() { Sharing::Virtiofs } else { Sharing::NineP },
        can_guard: true,
        beginning: Beginning::Boot,
        sandboxed: true,
    };
    let mut text = format!("qemu-system-{}", std::env::consts::ARCH);
    for argument in spec::arguments(&definition, &around) {
        let argument = argument.to_string_lossy().into_owned();
        text.push_str(if argument.starts_with('-') { " \\\n  " } else { " " });
        text.push_str(&shlex::try_quote(&argument).unwrap_or(argument.as_str().into()));
    }
    text
}
