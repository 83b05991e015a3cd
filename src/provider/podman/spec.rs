//! The container that is asked for → what Podman is told. Pure.
//!
//! Podman's own form is used and not Docker's: there, a mount is text with commas or colons in it,
//! and paths may have both.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use ipnet::Ipv4Net;
use serde_json::{Map, Value, json};

use super::label;
use super::reply::Network;
use crate::model::capability::Field;
use crate::model::command::MainProcess;
use crate::model::mount::{Mount, MountAccess};
use crate::model::network::{MacAddress, PortForward};
use crate::model::spec::{InstanceSpec, NetworkSpec};
use crate::model::units::{CpuCount, Memory};

/// The period that CPU limits are counted in, in microseconds: the kernel's own.
const CPU_PERIOD: u64 = 100_000;

/// What the instance's spec does not say and only the engine knows.
#[derive(Clone, Debug, Default)]
pub(super) struct Surroundings {
    /// The local name of the image.
    pub(super) image: String,
    /// The address that it gets in its network where none is asked for.
    pub(super) address: Option<Ipv4Addr>,
    /// The limits that the engine cannot enforce: asked for all the same, it starts nothing.
    pub(super) unlimited: Vec<Field>,
    /// Volumes of the container that is replaced: name and path inside.
    pub(super) volumes: Vec<(String, String)>,
    /// Its health check, which an image that is made from a container does not keep.
    pub(super) health_check: Option<Value>,
}

/// The body of `POST libpod/containers/create`.
pub(super) fn container(spec: &InstanceSpec, around: &Surroundings) -> Value {
    let project = &spec.stamp.project;
    let mounts = spec.mounts.iter().map(|one| mount(one, project));
    let mut body = json!({
        "name": spec.name,
        "hostname": spec.hostname,
        "image": around.image,
        "labels": label::for_container(&spec.stamp),
        // A first process that buries the dead and passes signals on.
        "init": true,
        "netns": { "nsmode": "bridge" },
        "Networks": { spec.network.clone(): network_options(spec, around) },
        "portmappings": spec.ports.iter().map(port).collect::<Vec<_>>(),
        "mounts": mounts.collect::<Vec<_>>(),
        "resource_limits": limits(spec.memory, spec.cpus, &around.unlimited),
        "restart_policy": if spec.autostart { "always" } else { "no" },
    });
    let Value::Object(fields) = &mut body else { unreachable!("it was written as an object") };
    main_process(fields, &spec.command);
    let dns = &spec.stamp.asked.dns;
    if !dns.is_empty() {
        fields.insert("dns_server".to_owned(), json!(dns));
    }
    if !around.volumes.is_empty() {
        let volumes = around.volumes.iter().map(|(name, at)| json!({ "Name": name, "Dest": at }));
        fields.insert("volumes".to_owned(), volumes.collect());
    }
    if let Some(check) = &around.health_check {
        fields.insert("healthconfig".to_owned(), check.clone());
    }
    body
}

/// Limits, as they are set at the creation and set again, without those that cannot be enforced.
pub(super) fn limits(memory: Memory, cpus: CpuCount, unlimited: &[Field]) -> Value {
    let mut limits = json!({});
    if !unlimited.contains(&Field::Memory) {
        // As much swap as memory means none on top of it.
        limits["memory"] = json!({ "limit": memory.bytes(), "swap": memory.bytes() });
    }
    if !unlimited.contains(&Field::Cpus) {
        let quota = u64::from(cpus.0) * CPU_PERIOD;
        limits["cpu"] = json!({ "period": CPU_PERIOD, "quota": quota });
    }
    limits
}

fn main_process(fields: &mut Map<String, Value>, command: &MainProcess) {
    // The whole command is the entry point: the image's own would swallow a command as arguments.
    let argv = match command {
        MainProcess::Idle => json!(MainProcess::IDLE_ARGV),
        MainProcess::Argv(argv) => json!(argv),
        MainProcess::Masked(masked) => json!(masked.argv()),
        MainProcess::Image => return,
    };
    fields.insert("entrypoint".to_owned(), argv);
    fields.insert("command".to_owned(), json!([]));
}

/// Left to itself, the engine gives another address of either kind at each start.
fn network_options(spec: &InstanceSpec, around: &Surroundings) -> Value {
    let mut options = json!({ "static_mac": MacAddress::of_instance(spec.stamp.uuid).to_string() });
    if let Some(address) = spec.address.or(around.address) {
        options["static_ips"] = json!([address]);
    }
    options
}

/// The address for the one container of a network that the engine shows.
pub(super) fn first_address_of(network: &Network) -> Option<Ipv4Addr> {
    network
        .subnets
        .iter()
        .find_map(|subnet| first_address(subnet.subnet.parse().ok()?, subnet.gateway.parse().ok()))
}

/// The address for the one container of a network: the first that is not the gateway's. Others that
/// a user attaches by hand get those that follow.
pub(super) fn first_address(subnet: Ipv4Net, gateway: Option<Ipv4Addr>) -> Option<Ipv4Addr> {
    subnet.hosts().find(|address| Some(*address) != gateway.or_else(|| subnet.hosts().next()))
}

fn port(port: &PortForward) -> Value {
    // The engine takes 0.0.0.0 for one address that packets may be sent to, and forwards none; what
    // it understands as all addresses is none.
    let everywhere = port.bind == IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    json!({
        "host_ip": if everywhere { String::new() } else { port.bind.to_string() },
        "host_port": port.host,
        "container_port": port.guest,
        "protocol": port.protocol.as_str(),
    })
}

fn mount(mount: &Mount, project: &Path) -> Value {
    // Read-only holds for the mounted directory alone; what is mounted beneath it on the host would
    // stay writable, so a read-only mount leaves that out.
    let mut options = match mount.access {
        MountAccess::ReadWrite => vec!["rbind", "rw"],
        MountAccess::ReadOnly => vec!["bind", "ro"],
    };
    // With SELinux the project's files get the label that containers may use, shared by all of them.
    // Those outside of it keep theirs, which other programs of the host's may need. Without SELinux it
    // means nothing.
    if mount.host.starts_with(project) {
        options.push("z");
    }
    json!({
        "type": "bind",
        "source": mount.host,
        "destination": mount.guest,
        "options": options,
    })
}

/// The body of `POST libpod/networks/create`. Without `isolate` the networks of two projects reach
/// each other. On a bridge of the host's the container has a card of its own there, by macvlan, and
/// is as open as everything else on it.
pub(super) fn network(spec: &NetworkSpec) -> Value {
    let mut body = json!({
        "name": spec.name,
        "driver": "bridge",
        "options": { "isolate": "true" },
        "labels": { label::UUID: spec.uuid.to_string(), label::UID: spec.uid.to_string() },
    });
    if let Some(bridge) = &spec.bridge {
        body["driver"] = json!("macvlan");
        body["options"] = json!({});
        body["network_interface"] = json!(bridge);
    }
    if let Some(subnet) = spec.subnet {
        body["subnets"] = match spec.gateway {
            Some(gateway) => json!([{ "subnet": subnet, "gateway": gateway }]),
            None => json!([{ "subnet": subnet }]),
        };
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::network::{DEFAULT_BIND, Protocol};

    fn spec() -> InstanceSpec {
        let stamp = json!({
            "schema": 1, "uuid": "11111111-2222-5333-8444-555555555555", "uid": 1000,
            "project": "/home/me/we b", "device": 1, "inode": 2, "infra_type": "container",
            "provider": "podman", "infra_id": "web", "generation": 1,
            "created_at": "2026-01-02T03:04:05Z", "version": "0.1.0",
            "asked": {
                "image": { "registry": "docker.io/library/alpine:latest" }, "image_id": null,
                "memory": 512, "cpus": 2, "command": "idle", "ports": [], "mounts": [],
                "address": null,
            },
        });
        InstanceSpec {
            name: "web".to_owned(),
            hostname: "web".to_owned(),
            image: crate::model::spec::BaseImage::Saved("x".to_owned()),
            memory: Memory(512),
            cpus: CpuCount(2),
            command: MainProcess::Idle,
            network: "vagrantp-111111112222".to_owned(),
            address: Some(Ipv4Addr::new(10, 77, 0, 9)),
            ports: vec![PortForward {
                bind: DEFAULT_BIND,
                host: 8080,
                guest: 80,
                protocol: Protocol::Tcp,
                auto: false,
            }],
            mounts: vec![Mount {
                guest: "/a:b,c d".into(),
                host: "/home/me/we b".into(),
                access: MountAccess::ReadOnly,
            }],
            autostart: false,
            volumes_from: None,
            vm: None,
            stamp: serde_json::from_value(stamp).expect("a stamp"),
        }
    }

    #[test]
    fn a_container_is_spelled_out() {
        let around = Surroundings {
            image: "docker.io/library/alpine:latest".to_owned(),
            address: Some(Ipv4Addr::new(10, 77, 0, 2)),
            unlimited: Vec::new(),
            volumes: vec![("0a1b".to_owned(), "/var/lib/x".to_owned())],
            health_check: Some(json!({ "Test": ["CMD", "true"], "Interval": 5_000_000_000_u64 })),
        };
        let mut wanted = spec();
        wanted.stamp.asked.dns = vec![Ipv4Addr::new(9, 9, 9, 9)];
        let mut body = container(&wanted, &around);
        let labels = body["labels"].take();
        assert_eq!(labels[label::UID], "1000");
        assert_eq!(labels[label::PROJECT], "/home/me/we b");
        let stamp = serde_json::from_str(labels[label::STAMP].as_str().expect("text"));
        assert_eq!(wanted.stamp, stamp.expect("the stamp can be read back"));
        assert_eq!(
            body,
            json!({
                "name": "web",
                "hostname": "web",
                "image": "docker.io/library/alpine:latest",
                "labels": null,
                "init": true,
                "entrypoint": ["sleep", "infinity"],
                "command": [],
                "netns": { "nsmode": "bridge" },
                "Networks": { "vagrantp-111111112222": {
                    "static_ips": ["10.77.0.9"], "static_mac": "56:55:55:55:55:55",
                } },
                "portmappings": [{
                    "host_ip": "127.0.0.1", "host_port": 8080, "container_port": 80,
                    "protocol": "tcp",
                }],
                "mounts": [{
                    "type": "bind", "source": "/home/me/we b", "destination": "/a:b,c d",
                    "options": ["bind", "ro", "z"],
                }],
                "resource_limits": {
                    "memory": { "limit": 536_870_912, "swap": 536_870_912 },
                    "cpu": { "period": 100_000, "quota": 200_000 },
                },
                "restart_policy": "no",
                "dns_server": ["9.9.9.9"],
                "volumes": [{ "Name": "0a1b", "Dest": "/var/lib/x" }],
                "healthconfig": { "Test": ["CMD", "true"], "Interval": 5_000_000_000_u64 },
            })
        );
    }

    #[test]
    fn the_images_own_process_is_left_to_the_image() {
        let spec = InstanceSpec { command: MainProcess::Image, ..spec() };
        let body = container(&spec, &Surroundings::default());
        assert!(body.get("entrypoint").is_none() && body.get("command").is_none());
    }

    #[test]
    fn limits_that_cannot_be_enforced_are_not_asked_for() {
        let limits = |unlimited: &[Field]| limits(spec().memory, spec().cpus, unlimited);
        assert_eq!(limits(&[Field::Memory, Field::Cpus]), json!({}));
        let of_memory = json!({ "memory": { "limit": 536_870_912, "swap": 536_870_912 } });
        assert_eq!(limits(&[Field::Cpus]), of_memory);
    }

    #[test]
    fn an_address_that_nobody_asked_for_is_the_first_of_the_network() {
        let around =
            Surroundings { address: Some(Ipv4Addr::new(10, 77, 0, 2)), ..Surroundings::default() };
        let body = container(&InstanceSpec { address: None, ..spec() }, &around);
        let options = &body["Networks"]["vagrantp-111111112222"];
        assert_eq!(options["static_ips"], json!(["10.77.0.2"]));
        let subnet = "10.77.0.0/24".parse().expect("a range");
        let first = |gateway| first_address(subnet, gateway).map(|address| address.octets()[3]);
        assert_eq!((first(None), first(Some(Ipv4Addr::new(10, 77, 0, 254)))), (Some(2), Some(1)));
        assert_eq!(first_address("10.77.0.1/32".parse().expect("a range"), None), None);
    }

    #[test]
    fn a_network_keeps_others_out_or_is_on_a_bridge() {
        let mut wanted = NetworkSpec {
            name: "n".to_owned(),
            subnet: Some("10.77.0.0/24".parse().expect("a range")),
            gateway: Some(Ipv4Addr::new(10, 77, 0, 254)),
            bridge: None,
            uuid: spec().stamp.uuid,
            uid: 1000,
        };
        let body = network(&wanted);
        assert_eq!(body["options"], json!({ "isolate": "true" }));
        let subnets = json!([{ "subnet": "10.77.0.0/24", "gateway": "10.77.0.254" }]);
        assert_eq!(body["subnets"], subnets);
        wanted.bridge = Some("br0".to_owned());
        let body = network(&wanted);
        let found = [&body["driver"], &body["network_interface"], &body["options"]];
        assert_eq!(found, [&json!("macvlan"), &json!("br0"), &json!({})]);
        assert_eq!(body["subnets"], subnets);
    }
}
