//! What a running machine was started with, read from its process. Pure.
//!
//! The definition may have been changed since, by hand or by a call that was cut off. So it is rendered
//! again, and where that is not what the process was started with, what was written down at the start
//! is tried; where that is gone too, what can be read from the arguments is.

use std::ffi::{OsStr, OsString};

use super::definition::Definition;
use super::options;
use super::place::Place;
use super::spec::{self, Beginning, LAST, Sharing, Surroundings, WAITING};
use crate::model::network::PortForward;
use crate::model::units::{CpuCount, Memory};
use crate::model::vm::Acceleration;

/// What a machine runs with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Effective {
    /// What it is made of for now.
    pub(super) definition: Definition,
    /// Whether its next start makes another of it.
    pub(super) pending: bool,
    /// What runs its instructions.
    pub(super) acceleration: Acceleration,
    /// How directories get in.
    pub(super) sharing: Sharing,
    /// Whether what is to be guarded could be.
    pub(super) can_guard: bool,
}

/// What a process with these arguments runs, of what is defined and what was at its start.
pub(super) fn effective(
    defined: &Definition,
    at_start: Option<&Definition>,
    place: &Place,
    arguments: &[OsString],
) -> Effective {
    let (own, _) = apart(arguments);
    let has = |name: &str, part: &str| {
        values(own, name).any(|value| value.to_string_lossy().contains(part))
    };
    let accelerated = values(own, "-machine")
        .any(|value| options::value(value, "accel").is_some_and(|accel| accel == "kvm"));
    let acceleration = if accelerated { Acceleration::Kvm } else { Acceleration::Emulation };
    let virtiofs = has("-device", "vhost-user-fs-pci");
    let sharing = if virtiofs { Sharing::Virtiofs } else { Sharing::NineP };
    let sandboxed = values(own, "-sandbox").next().is_some();
    let whole = comparable(arguments);
    let is = |definition: &Definition, can_guard| {
        let beginning = Beginning::Boot;
        let around = Surroundings { place, acceleration, sharing, can_guard, beginning, sandboxed };
        comparable(&spec::arguments(definition, &around)) == whole
    };
    let found = |definition: &Definition| {
        [true, false].into_iter().find(|can_guard| is(definition, *can_guard))
    };
    let of = |definition: Definition, pending, can_guard| Effective {
        definition,
        pending,
        acceleration,
        sharing,
        can_guard,
    };
    if let Some(can_guard) = found(defined) {
        return of(defined.clone(), false, can_guard);
    }
    if let Some((before, can_guard)) = at_start.and_then(|old| Some((old, found(old)?))) {
        return of(before.clone(), true, can_guard);
    }
    let mut definition = defined.clone();
    let read = |name: &str, key: &str| {
        let value = values(own, name).find_map(|value| options::value(value, key))?;
        value.to_str()?.trim_end_matches('M').parse::<u64>().ok()
    };
    if let Some(memory) = read("-m", "size") {
        definition.spec.memory = Memory(memory);
    }
    if let Some(cpus) = read("-smp", "cpus").and_then(|cpus| u32::try_from(cpus).ok()) {
        definition.spec.cpus = CpuCount(cpus);
    }
    of(definition, true, true)
}

/// What kept memory needs to go on: arguments that are the same but for what may change.
pub(super) fn fingerprint(arguments: &[OsString]) -> String {
    use sha2::{Digest, Sha256};
    let mut digest = Sha256::new();
    for argument in comparable(arguments) {
        digest.update(argument.as_encoded_bytes());
        digest.update([0]);
    }
    digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// The arguments without those that are another each time: how it begins, and forwards, which are
/// changed while it runs.
fn comparable(arguments: &[OsString]) -> Vec<OsString> {
    let (own, users) = apart(arguments);
    let mut comparable: Vec<OsString> = Vec::with_capacity(arguments.len());
    let mut after_netdev = false;
    for argument in own {
        if after_netdev {
            comparable.push(without_forwards(argument));
        } else if !WAITING.iter().any(|waiting| argument == waiting) {
            comparable.push(argument.clone());
        }
        after_netdev = argument == "-netdev";
    }
    comparable.extend(users.iter().cloned());
    comparable
}

fn without_forwards(netdev: &OsStr) -> OsString {
    let mut rest = options::Options::new();
    for (key, value) in options::parts(netdev) {
        rest = match key.as_str() {
            "hostfwd" => rest,
            "" => options::Options::of(&value.to_string_lossy()),
            key => rest.with(key, value),
        };
    }
    rest.into()
}

/// vagrantp's own arguments, and those of QEMU_ARGS with the mark before them.
fn apart(arguments: &[OsString]) -> (&[OsString], &[OsString]) {
    let mark = arguments.windows(2).position(|pair| pair[0] == LAST[0] && pair[1] == LAST[1]);
    arguments.split_at(mark.unwrap_or(arguments.len()))
}

fn values<'a>(arguments: &'a [OsString], name: &'a str) -> impl Iterator<Item = &'a OsString> {
    arguments.windows(2).filter(move |pair| pair[0] == name).map(|pair| &pair[1])
}

/// The forwards that QEMU says it has (`info usernet`), each as it was asked for where it was: what
/// QEMU shows does not hold who picked the port. The one to SSH is the first of the two.
pub(super) fn forwards(
    said: &str,
    asked: &[PortForward],
    ssh_port: Option<u16>,
) -> (Option<u16>, Vec<PortForward>) {
    let all: Vec<PortForward> = said.lines().filter_map(listener).collect();
    let is_ssh =
        |port: &&PortForward| spec::ssh_forward(ssh_port).is_some_and(|ssh| ssh.same_as(port));
    let ssh = all.iter().find(is_ssh).map(|port| port.host);
    let known = |port: &PortForward| {
        asked.iter().find(|asked| asked.same_as(port)).copied().unwrap_or(*port)
    };
    let mut others: Vec<PortForward> = all.iter().filter(|port| !is_ssh(port)).map(known).collect();
    // In the order in which they were asked for; others after them.
    let place = |port: &PortForward| asked.iter().position(|asked| asked.same_as(port));
    others.sort_by_key(|port| (place(port).unwrap_or(usize::MAX), *port));
    (ssh, others)
}

/// A line such as `TCP[HOST_FORWARD]  15  127.0.0.1 22220  10.0.2.15  22  0  0`.
fn listener(line: &str) -> Option<PortForward> {
    let mut words = line.split_whitespace();
    let protocol = match words.next()? {
        "TCP[HOST_FORWARD]" => crate::model::network::Protocol::Tcp,
        "UDP[HOST_FORWARD]" => crate::model::network::Protocol::Udp,
        _ => return None,
    };
    let bind = match words.nth(1)? {
        "*" => std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
        address => address.parse().ok()?,
    };
    let host = words.next()?.parse().ok()?;
    let guest = words.nth(1)?.parse().ok()?;
    Some(PortForward { bind, host, guest, protocol, auto: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::mount::{Mount, MountAccess};
    use crate::provider::qemu::fixture;

    fn place() -> Place {
        Place::new("/d,d".into(), "/r".into())
    }

    fn started(definition: &Definition, beginning: Beginning, can_guard: bool) -> Vec<OsString> {
        let place = place();
        let around = Surroundings { beginning, can_guard, ..fixture::surroundings(&place) };
        spec::arguments(definition, &around)
    }

    #[test]
    fn what_it_runs_with_is_known_however_the_definition_changed() {
        let before = fixture::definition();
        let arguments = started(&before, Beginning::Memory, true);
        let same = effective(&before, None, &place(), &arguments);
        assert_eq!((&same.definition, same.pending), (&before, false));
        assert_eq!(same.acceleration, Acceleration::Emulation);

        let mut after = before.clone();
        after.spec.memory = Memory(4096);
        after.vm_mut().kernel = Some("/k".into());
        let known = effective(&after, Some(&before), &place(), &arguments);
        assert_eq!((&known.definition, known.pending), (&before, true));
        let unknown = effective(&after, Some(&after), &place(), &arguments);
        assert_eq!((unknown.definition.spec.memory, unknown.pending), (Memory(1024), true));

        let mut ports = before.clone();
        ports.spec.ports.clear();
        assert!(!effective(&ports, None, &place(), &arguments).pending, "forwards change live");
    }

    #[test]
    fn hostile_values_come_back_as_they_went() {
        let mut definition = fixture::definition();
        definition.vm_mut().append = Some("-uuid x -msg timestamp=on ,,readonly=off".to_owned());
        definition.vm_mut().qemu_args =
            vec!["-netdev".into(), "user,id=x,hostfwd=tcp::1-:1".into(), "-S".into()];
        let path = std::path::PathBuf::from("/p,readonly=off,path=/etc");
        let access = MountAccess::ReadOnly;
        definition.spec.mounts = vec![Mount { guest: "/w".into(), host: path.clone(), access }];
        let arguments = started(&definition, Beginning::Boot, true);
        let seen = effective(&definition, None, &place(), &arguments);
        assert_eq!((&seen.definition, seen.pending), (&definition, false));
        let export = values(&arguments, "-fsdev").next().expect("it is shared");
        assert_eq!(options::value(export, "path").expect("a path"), path.as_os_str());
        assert_eq!(options::value(export, "readonly").expect("read-only"), "on");
        let mut other = definition.clone();
        other.vm_mut().qemu_args.pop();
        assert!(effective(&other, None, &place(), &arguments).pending);
    }

    #[test]
    fn what_is_not_guarded_shows() {
        let mut definition = fixture::definition();
        let mount = |host: &str, guest: &str, access| Mount {
            guest: guest.into(),
            host: host.into(),
            access,
        };
        definition.spec.mounts = vec![
            mount("/p", "/w", MountAccess::ReadWrite),
            mount("/p/.env", "/w/.env", MountAccess::ReadOnly),
        ];
        for can_guard in [true, false] {
            let arguments = started(&definition, Beginning::Boot, can_guard);
            let seen = effective(&definition, None, &place(), &arguments);
            assert_eq!((seen.can_guard, seen.pending), (can_guard, false));
        }
    }

    #[test]
    fn a_memory_goes_on_with_the_same_hardware_alone() {
        let definition = fixture::definition();
        let of =
            |definition: &Definition, beginning| fingerprint(&started(definition, beginning, true));
        let one = of(&definition, Beginning::Boot);
        assert_eq!(one, of(&definition, Beginning::Memory));
        let mut ports = definition.clone();
        ports.vm_mut().ssh_port = Some(22999);
        assert_eq!(one, of(&ports, Beginning::Boot));
        let mut other = definition;
        other.spec.cpus = CpuCount(4);
        assert_ne!(one, of(&other, Beginning::Boot));
    }

    #[test]
    fn forwards_are_read_from_qemus_table() {
        let said = "Hub -1 (net):\r\n  Protocol[State]    FD  Source Address  Port   Dest. Address  \
                    Port RecvQ SendQ\r\n  TCP[HOST_FORWARD]  15       127.0.0.1 22220       \
                    10.0.2.15    22     0     0\r\n  UDP[HOST_FORWARD]  16       *  53       \
                    10.0.2.15    53     0     0\r\n  TCP[ESTABLISHED]  17       127.0.0.1 40000       \
                    10.0.2.15    22     0     0\r\n  TCP[HOST_FORWARD]  18       127.0.0.1 8080       \
                    10.0.2.15    80     0     0\r\n";
        let asked = PortForward { auto: true, ..fixture::definition().spec.ports[0] };
        let (ssh, ports) = forwards(said, &[asked], Some(22220));
        assert_eq!(ssh, Some(22220));
        assert_eq!(ports[0], asked);
        assert_eq!(ports[1].to_string(), "0.0.0.0:53:53/udp");
        assert_eq!(ports.len(), 2);
        assert_eq!(forwards("", &[asked], Some(22220)), (None, Vec::new()));
    }
}
