//! The container that is asked for → what Podman is told. Pure.
//!
//! Podman's own form is used and not Docker's: there, a mount is text with commas or colons in it,
//! and paths may have both.

use std::net::Ipv4Addr;

use serde_json::{Map, Value, json};

use super::label;
use crate::model::command::MainProcess;
use crate::model::mount::{Mount, MountAccess};
use crate::model::network::PortForward;
use crate::model::spec::{InstanceSpec, NetworkSpec};

/// The period that CPU limits are counted in, in microseconds: the kernel's own.
const CPU_PERIOD: u64 = 100_000;

/// What the instance's spec does not say and only the engine knows.
#[derive(Clone, Debug, Default)]
pub(super) struct Surroundings {
    /// The local name of the image.
    pub(super) image: String,
    /// The name servers that its network wants.
    pub(super) dns: Vec<Ipv4Addr>,
    /// Volumes of the container that is replaced: name and path inside.
    pub(super) volumes: Vec<(String, String)>,
}

/// The body of `POST libpod/containers/create`.
pub(super) fn container(spec: &InstanceSpec, around: &Surroundings) -> Value {
    let mut body = json!({
        "name": spec.name,
        "hostname": spec.hostname,
        "image": around.image,
        "labels": label::for_container(&spec.stamp),
        // A first process that buries the dead and passes signals on.
        "init": true,
        "netns": { "nsmode": "bridge" },
        "Networks": { spec.network.clone(): network_options(spec.address) },
        "portmappings": spec.ports.iter().map(port).collect::<Vec<_>>(),
        "mounts": spec.mounts.iter().map(mount).collect::<Vec<_>>(),
        "resource_limits": {
            // As much swap as memory means none on top of it.
            "memory": { "limit": spec.memory.bytes(), "swap": spec.memory.bytes() },
            "cpu": { "period": CPU_PERIOD, "quota": u64::from(spec.cpus.0) * CPU_PERIOD },
        },
        "restart_policy": if spec.autostart { "always" } else { "no" },
    });
    let Value::Object(fields) = &mut body else { unreachable!("it was written as an object") };
    main_process(fields, &spec.command);
    if !around.dns.is_empty() {
        fields.insert("dns_server".to_owned(), json!(around.dns));
    }
    if !around.volumes.is_empty() {
        let volumes = around.volumes.iter().map(|(name, at)| json!({ "Name": name, "Dest": at }));
        fields.insert("volumes".to_owned(), volumes.collect());
    }
    if !spec.mounts.is_empty() {
        // The alternative is to relabel the user's own files. Nothing happens without SELinux.
        fields.insert("selinux_opts".to_owned(), json!(["disable"]));
    }
    body
}

fn main_process(fields: &mut Map<String, Value>, command: &MainProcess) {
    // The whole command is the entry point: the image's own would swallow a command as arguments.
    let argv = match command {
        MainProcess::Idle => json!(MainProcess::IDLE_ARGV),
        MainProcess::Argv(argv) => json!(argv),
        MainProcess::Image => return,
    };
    fields.insert("entrypoint".to_owned(), argv);
    fields.insert("command".to_owned(), json!([]));
}

fn network_options(address: Option<Ipv4Addr>) -> Value {
    match address {
        Some(address) => json!({ "static_ips": [address] }),
        None => json!({}),
    }
}

fn port(port: &PortForward) -> Value {
    json!({
        "host_ip": port.bind,
        "host_port": port.host,
        "container_port": port.guest,
        "protocol": port.protocol.as_str(),
    })
}

fn mount(mount: &Mount) -> Value {
    // Read-only holds for the mounted directory alone; what is mounted beneath it on the host would
    // stay writable, so a read-only mount leaves that out.
    let options = match mount.access {
        MountAccess::ReadWrite => ["rbind", "rw"],
        MountAccess::ReadOnly => ["bind", "ro"],
    };
    json!({
        "type": "bind",
        "source": mount.host,
        "destination": mount.guest,
        "options": options,
    })
}

/// The body of `POST libpod/networks/create`. Without `isolate` the networks of two projects reach
/// each other. Podman 4.3 keeps no name servers with a network, so they go on a label, from where
/// they reach the containers that join.
pub(super) fn network(spec: &NetworkSpec) -> Value {
    let mut labels =
        json!({ label::UUID: spec.uuid.to_string(), label::UID: spec.uid.to_string() });
    if !spec.dns.is_empty() {
        let servers: Vec<String> = spec.dns.iter().map(Ipv4Addr::to_string).collect();
        labels[label::DNS] = json!(servers.join(","));
    }
    let mut body = json!({
        "name": spec.name,
        "driver": "bridge",
        "options": { "isolate": "true" },
        "labels": labels,
    });
    if let Some(subnet) = spec.subnet {
        body["subnets"] = match spec.gateway {
            Some(gateway) => json!([{ "subnet": subnet, "gateway": gateway }]),
            None => json!([{ "subnet": subnet }]),
        };
    }
    body
}

/// The name servers that a network's label holds.
pub(super) fn name_servers(text: &str) -> Vec<Ipv4Addr> {
    text.split(',').filter_map(|server| server.trim().parse().ok()).collect()
}
