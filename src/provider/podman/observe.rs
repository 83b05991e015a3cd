//! Podman's answers → observed values. Pure: same meaning, same value, whatever the spelling.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use super::reply::{Container, Image, Listed};
use super::{copies, label, life};
use crate::model::capability::Field;
use crate::model::id::{Identity, InstanceUuid};
use crate::model::life::Life;
use crate::model::mount::{Mount, MountAccess};
use crate::model::network::{PortForward, Protocol};
use crate::model::observed::{Instance, Newer, ObservedImage, Power, Stranger};
use crate::model::stamp::Stamp;
use crate::model::units::{Bytes, Memory};

/// Podman's states. `stopped` is the short time between the end of the main process and the
/// engine's clearing up; it ends in `exited`.
pub(super) fn power(status: &str) -> Power {
    match status {
        "created" | "configured" | "initialized" => Power::Created,
        "running" => Power::Running,
        "paused" => Power::Paused,
        "stopping" => Power::Stopping,
        "stopped" | "exited" | "dead" => Power::Stopped,
        "removing" => Power::Removing,
        _ => Power::Unknown,
    }
}

/// A container of ours; nothing where it carries no stamp, or somebody else's hand put it there.
pub(super) fn instance(container: &Container) -> Option<Instance> {
    let stamp = label::stamp(&container.config.labels).filter(|_| !copies::by_hand(container))?;
    let state = power(&container.state.status);
    let host = &container.host_config;
    let settings = &container.network_settings;
    // Of several networks, its own is the one that its address is in.
    let own = format!("vagrantp-{}", stamp.uuid.short(12));
    let address = settings
        .networks
        .get(&own)
        .into_iter()
        .chain(settings.networks.values())
        .map(|attachment| attachment.address.as_str())
        .chain([settings.address.as_str()])
        .find_map(|text| text.parse::<Ipv4Addr>().ok());
    Some(Instance {
        id: container.id.clone(),
        name: container.name.trim_start_matches('/').to_owned(),
        state,
        exit_status: (state == Power::Stopped).then_some(container.state.exit_code),
        memory: u64::try_from(host.memory).ok().filter(|m| *m > 0).map(Memory::from_bytes),
        millicpus: millicpus(host.nano_cpus),
        ports: ports(container, &stamp),
        mounts: mounts(container),
        networks: settings.networks.keys().cloned().collect(),
        address: address.filter(|_| state.is_up()),
        autostart: matches!(host.restart_policy.name.as_str(), "always" | "unless-stopped"),
        pid: u32::try_from(container.state.pid).ok().filter(|pid| *pid > 0),
        arch: Some(std::env::consts::ARCH.to_owned()),
        created_at: time(&container.created),
        started_at: time(&container.state.started_at),
        finished_at: time(&container.state.finished_at),
        written: container.size_rw.and_then(|size| u64::try_from(size).ok()).map(Bytes),
        unlimited: Vec::new(),
        unguarded: Vec::new(),
        life: life::of(container),
        vm: None,
        stamp,
    })
}

fn millicpus(nano_cpus: i64) -> Option<u32> {
    u32::try_from(nano_cpus / 1_000_000).ok().filter(|millicpus| *millicpus > 0)
}

/// Go's zero time stands for never.
pub(super) fn time(text: &str) -> Option<String> {
    (!text.is_empty() && !text.starts_with("0001-")).then(|| text.to_owned())
}

fn ports(container: &Container, stamp: &Stamp) -> Vec<PortForward> {
    let mut ports = Vec::new();
    for (guest, bindings) in &container.host_config.port_bindings {
        let (guest, protocol) = guest.split_once('/').unwrap_or((guest, "tcp"));
        let (Ok(guest), Some(protocol)) = (guest.parse(), protocol_named(protocol)) else {
            continue;
        };
        for binding in bindings.iter().flatten() {
            let Ok(host) = binding.host_port.parse() else { continue };
            ports.push(forward(&binding.host_ip, host, guest, protocol, stamp));
        }
    }
    ports.sort_unstable();
    ports
}

fn forward(bind: &str, host: u16, guest: u16, protocol: Protocol, stamp: &Stamp) -> PortForward {
    // Podman shows no address where it listens on all of them.
    let bind = bind.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let port = PortForward { bind, host, guest, protocol, auto: false };
    let auto = stamp.asked.ports.iter().any(|asked| asked.auto && asked.same_as(&port));
    PortForward { auto, ..port }
}

fn protocol_named(name: &str) -> Option<Protocol> {
    [Protocol::Tcp, Protocol::Udp].into_iter().find(|protocol| protocol.as_str() == name)
}

fn mounts(container: &Container) -> Vec<Mount> {
    let mut mounts: Vec<Mount> = container
        .mounts
        .iter()
        .filter(|mount| mount.kind == "bind")
        .map(|mount| Mount {
            guest: PathBuf::from(&mount.destination),
            host: PathBuf::from(&mount.source),
            access: if mount.writable { MountAccess::ReadWrite } else { MountAccess::ReadOnly },
        })
        .collect();
    mounts.sort_unstable();
    mounts
}

/// A container as the list shows it: no limits, no mounts, no address.
pub(super) fn listed(entry: &Listed) -> Option<Instance> {
    let stamp = label::stamp(&entry.labels)?;
    let state = power(&entry.state);
    let mut ports = Vec::new();
    for port in &entry.ports {
        let Some(protocol) = protocol_named(&port.protocol) else { continue };
        for offset in 0..port.range.max(1) {
            let (Some(host), Some(guest)) =
                (port.host_port.checked_add(offset), port.container_port.checked_add(offset))
            else {
                continue;
            };
            ports.push(forward(&port.host_ip, host, guest, protocol, &stamp));
        }
    }
    ports.sort_unstable();
    Some(Instance {
        id: entry.id.clone(),
        name: entry.names.first().cloned().unwrap_or_default(),
        state,
        exit_status: (state == Power::Stopped).then_some(entry.exit_code),
        memory: None,
        millicpus: None,
        ports,
        mounts: Vec::new(),
        networks: entry.networks.clone(),
        address: None,
        autostart: false,
        pid: u32::try_from(entry.pid).ok().filter(|pid| *pid > 0 && state.is_up()),
        arch: Some(std::env::consts::ARCH.to_owned()),
        created_at: time(&entry.created),
        started_at: seconds(entry.started_at),
        finished_at: seconds(entry.exited_at),
        written: None,
        unlimited: Vec::new(),
        unguarded: Vec::new(),
        life: Life { restarts: entry.restarts, ..Life::default() },
        vm: None,
        stamp,
    })
}

/// Of the controllers of limits those that the engine cannot use: as root it has them all; else the
/// file of the user's own has to name them, and there is none with version 1 of cgroups.
pub(super) fn unlimited(rootless: bool, controllers: Option<&str>) -> Vec<Field> {
    let has = |name: &str| {
        let controllers = controllers.unwrap_or_default();
        !rootless || controllers.split_whitespace().any(|controller| controller == name)
    };
    let known = [(Field::Memory, "memory"), (Field::Cpus, "cpu")];
    known.into_iter().filter(|(_, name)| !has(name)).map(|(field, _)| field).collect()
}

/// Seconds since 1970; Go's zero time, far below, stands for never.
fn seconds(seconds: i64) -> Option<String> {
    let time = jiff::Timestamp::from_second(seconds).ok()?;
    (seconds > 0).then(|| time.to_string())
}

/// Whether this container is the project's own instance.
pub(super) fn is_ours(instance: &Instance, identity: &Identity) -> bool {
    instance.stamp.uuid == identity.uuid && instance.stamp.uid == identity.uid
}

/// A container of the project's that a newer vagrantp made.
pub(super) fn newer<'a>(
    labelled: impl IntoIterator<Item = (&'a str, &'a HashMap<String, String>)>,
    identity: &Identity,
) -> Option<Newer> {
    let newer = |(name, labels): (&str, &HashMap<String, String>)| {
        let version = label::version_of_newer(labels)?;
        let name = name.trim_start_matches('/').to_owned();
        label::belongs_to(labels, identity.uuid).then_some(Newer { name, version })
    };
    labelled.into_iter().find_map(newer)
}

/// What has a wanted name without being ours.
pub(super) fn stranger(name: &str, container: &Container) -> Stranger {
    Stranger { name: name.to_owned(), stamp: instance(container).map(|other| other.stamp) }
}

pub(super) fn image(image: &Image) -> ObservedImage {
    ObservedImage {
        id: image.id.clone(),
        architecture: Some(image.architecture.clone()).filter(|text| !text.is_empty()),
        outdated: false,
    }
}

/// Which of the local names hold files of this project's replaced containers.
pub(super) fn saved_images<'a>(
    names: impl IntoIterator<Item = &'a String>,
    uuid: InstanceUuid,
) -> Vec<String> {
    let prefix = format!("localhost/vagrantp/{uuid}:");
    let mut saved: Vec<String> =
        names.into_iter().filter(|name| name.starts_with(&prefix)).cloned().collect();
    saved.sort_unstable();
    saved.dedup();
    saved
}

#[cfg(test)]
mod tests {
    use super::super::moved::{Moved, may_have_moved};
    use super::*;
    use crate::model::id::{InfraId, InfraType, ProjectDir, ProviderKind};

    macro_rules! recorded {
        ($name:literal) => {{
            let text = include_str!(concat!("../../../tests/fixtures/podman/", $name, ".json"));
            serde_json::from_str(text).expect("a recorded answer")
        }};
    }

    const UUID: &str = "11111111-2222-5333-8444-555555555555";

    fn of(container: &Container) -> Instance {
        instance(container).expect("it carries a stamp")
    }

    fn identity() -> Identity {
        Identity {
            uuid: InstanceUuid(UUID.parse().expect("a uuid")),
            id: InfraId::new("web").expect("a label"),
            id_is_explicit: true,
            project: ProjectDir {
                path: "/home/me/web".into(),
                device: 2049,
                inode: 77,
                mount: None,
            },
            uid: 0,
            infra_type: InfraType::Container,
            provider: ProviderKind::Podman,
        }
    }

    #[test]
    fn a_running_container_shows_what_was_asked_in_our_words() {
        let found = of(&recorded!("running"));
        let port = |bind: &str, host, guest, protocol, auto| PortForward {
            bind: bind.parse().expect("an address"),
            host,
            guest,
            protocol,
            auto,
        };
        let mount = |guest: &str, host: &str, access| Mount {
            guest: guest.into(),
            host: host.into(),
            access,
        };
        assert_eq!((found.name.as_str(), found.state), ("web", Power::Running));
        assert_eq!((found.memory, found.millicpus), (Some(Memory(512)), Some(2000)));
        assert_eq!(
            found.ports,
            [
                port("0.0.0.0", 18053, 53, Protocol::Udp, false),
                port("127.0.0.1", 18080, 80, Protocol::Tcp, true),
            ]
        );
        assert_eq!(
            found.mounts,
            [
                mount("/wo,rk sp:ace", "/home/me/web/etc", MountAccess::ReadOnly),
                mount("/work", "/home/me/web", MountAccess::ReadWrite),
            ]
        );
        assert_eq!(found.networks, ["vagrantp-111111112222"]);
        assert_eq!(found.address, Some(Ipv4Addr::new(10, 77, 0, 9)));
        assert!(found.autostart && found.pid.is_some() && found.written.is_some());
        assert!(found.started_at.is_some() && found.finished_at.is_none());
        assert_eq!(found.exit_status, None);
    }

    #[test]
    fn a_container_that_does_not_run_has_no_address_and_no_process() {
        let created = of(&recorded!("created"));
        assert_eq!((created.state, created.exit_status), (Power::Created, None));
        assert_eq!((created.address, created.pid, created.started_at), (None, None, None));
        let exited = of(&recorded!("exited"));
        assert_eq!((exited.state, exited.exit_status), (Power::Stopped, Some(143)));
        assert_eq!((exited.address, exited.pid), (None, None));
        assert!(exited.finished_at.is_some());
    }

    #[test]
    fn the_moment_after_a_death_is_a_stop_and_a_new_word_breaks_nothing() {
        let dying = of(&recorded!("stopped"));
        assert_eq!(dying.state, Power::Stopped);
        let mut odd: Container = recorded!("running");
        odd.state.status = "levitating".to_owned();
        assert_eq!(of(&odd).state, Power::Unknown);
    }

    #[test]
    fn the_list_agrees_with_the_closer_look() {
        let list: Vec<Listed> = recorded!("list");
        let (short, long) = (listed(&list[0]).expect("ours"), of(&recorded!("running")));
        assert_eq!((&short.id, &short.name, short.state), (&long.id, &long.name, long.state));
        assert_eq!(
            (&short.ports, &short.networks, &short.stamp),
            (&long.ports, &long.networks, &long.stamp)
        );
        let seconds = |time: Option<&str>| {
            let time = time.and_then(|time| time.parse::<jiff::Timestamp>().ok());
            time.expect("it was started").as_second()
        };
        assert_eq!(seconds(short.started_at.as_deref()), seconds(long.started_at.as_deref()));
        assert_eq!(short.finished_at, None);
    }

    #[test]
    fn a_stamp_that_does_not_fit_its_labels_is_none() {
        let mut forged: Container = recorded!("running");
        forged.config.labels.insert(label::UUID.to_owned(), "another".to_owned());
        assert_eq!(instance(&forged), None);
        assert_eq!(stranger("web", &forged).stamp, None);
        let mut bare: Container = recorded!("running");
        bare.config.labels.clear();
        assert_eq!(instance(&bare), None);
    }

    #[test]
    fn a_moved_directory_is_known_by_its_number_or_by_its_name() {
        let found = of(&recorded!("running"));
        assert!(is_ours(&found, &identity()));
        assert_eq!(may_have_moved(&found, &identity()), Moved::No, "it is where it was");
        let mut moved = identity();
        moved.uuid = InstanceUuid::derive("m", 0, "/elsewhere".as_ref(), InfraType::Container);
        assert_eq!(may_have_moved(&found, &moved), Moved::SameDirectory);
        moved.project.inode = 78;
        assert_eq!(may_have_moved(&found, &moved), Moved::SameName);
        moved.id = InfraId::new("other").expect("a label");
        assert_eq!(may_have_moved(&found, &moved), Moved::No);
        moved.project.inode = 77;
        moved.uid = 1000;
        assert_eq!(may_have_moved(&found, &moved), Moved::No, "another user's");
    }

    #[test]
    fn limits_need_root_or_their_controllers() {
        let (memory, cpus) = (Field::Memory, Field::Cpus);
        assert_eq!(unlimited(false, None), []);
        assert_eq!(unlimited(true, None), [memory, cpus]);
        assert_eq!(unlimited(true, Some("memory pids\n")), [cpus]);
        assert_eq!(unlimited(true, Some("cpuset cpu io memory pids\n")), []);
    }

    #[test]
    fn images_are_read() {
        let uuid = identity().uuid;
        assert_eq!(image(&recorded!("image")).architecture.as_deref(), Some("amd64"));
        let names = [format!("localhost/vagrantp/{uuid}:4"), "localhost/vagrantp/x:4".to_owned()];
        assert_eq!(saved_images(&names, uuid), names[..1]);
    }
}
