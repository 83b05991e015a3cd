//! The instance as every verb shows it: one shape in JSON, one block of lines for people.

mod lines;

use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;

use crate::model::capability::Field;
use crate::model::id::{Identity, InfraType, InstanceUuid, ProviderKind};
use crate::model::life::{Health, Limits};
use crate::model::lifetime::Lifetime;
use crate::model::network::{NetworkMode, PortForward, Protocol};
use crate::model::observed::{Instance, Power};
use crate::model::state::State;
use crate::model::vm::{Acceleration, Trouble};

use super::clean;
use super::ended::Ended;

/// The instance.
#[derive(Clone, Debug, Serialize)]
pub struct Infrastructure {
    /// INFRA_ID.
    pub id: String,
    /// The uuid.
    pub uuid: InstanceUuid,
    /// The provider's name for it.
    pub name: String,
    /// A VM or a container.
    #[serde(rename = "type")]
    pub infra_type: InfraType,
    /// What runs it.
    pub provider: ProviderKind,
    /// The state.
    pub state: State,
    /// Where a suspended instance is kept: `memory` or `disk`.
    pub suspend_kind: Option<&'static str>,
    /// The project.
    pub project_path: PathBuf,
    /// When it was made (RFC 3339).
    pub created_at: Option<String>,
    /// When it was last changed.
    pub updated_at: Option<String>,
    /// When it was last started.
    pub last_started: Option<String>,
    /// When it was last stopped.
    pub last_stopped: Option<String>,
    /// INFRA_TTL as the last `up` took it, where there is one.
    pub ttl: Option<String>,
    /// When `gc` may remove it (RFC 3339): the last `up`, and INFRA_TTL after that.
    pub expires_at: Option<String>,
    /// The same for people.
    #[serde(skip)]
    pub expires: Option<String>,
    /// The architecture.
    pub arch: Option<String>,
    /// What it may use.
    pub resources: Resources,
    /// How it is attached.
    pub networking: Networking,
    /// How to reach it.
    pub access: Access,
    /// Its image's health check, where there is one and it runs.
    pub health: Option<HealthShown>,
    /// How often the provider has started it again by itself since it was last started.
    pub restarts: u32,
    /// How its main process ended, where it has.
    pub ended: Option<Ended>,
    /// The host's files that lost their protection: what runs inside could have written them.
    pub unguarded: Vec<PathBuf>,
    /// Why the provider cannot look into it any more; the state is then `error`.
    pub damaged: Option<String>,
    /// What keeps a VM from going on; the state is then `error`.
    pub trouble: Option<&'static str>,
    /// What runs a VM's instructions, while it runs: `kvm` or `emulation`.
    pub acceleration: Option<&'static str>,
    /// What of a VM is changed and takes effect at its next start.
    pub pending: bool,
}

/// A health check and what came of it.
#[derive(Clone, Debug, Serialize)]
pub struct HealthShown {
    /// `starting`, `healthy` or `unhealthy`.
    pub status: &'static str,
    /// How many checks in a row have failed.
    pub failures: u32,
    /// When the last check ended (RFC 3339).
    pub checked_at: Option<String>,
    /// The last line that the last check wrote.
    pub output: Option<String>,
}

impl HealthShown {
    fn of(health: &Health) -> Self {
        let output = health.output.lines().rfind(|line| !line.trim().is_empty());
        HealthShown {
            status: health.verdict.as_str(),
            failures: health.failures,
            checked_at: health.checked_at.clone(),
            output: output.map(clean::line),
        }
    }

    /// For people, in one line.
    fn says(&self) -> String {
        let output = self.output.as_ref().map(|line| format!(": {line}")).unwrap_or_default();
        match (self.failures, &self.checked_at) {
            (_, None) => format!("{}: not checked yet", self.status),
            (0, Some(_)) => self.status.to_owned(),
            (1, Some(_)) => format!("{}: the last check failed{output}", self.status),
            (count, Some(_)) => {
                format!("{}: the last {count} checks failed{output}", self.status)
            }
        }
    }
}

/// What it may use.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Resources {
    /// Memory in MiB.
    pub memory_mb: u64,
    /// CPUs.
    pub cpus: u32,
    /// Disk in GiB, rounded up.
    pub disk_gb: u64,
    /// Which of them the provider cannot hold it to: `memory`, `cpus`.
    pub not_enforced: &'static [&'static str],
}

/// How it is attached.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Networking {
    /// `default` or `bridge`.
    pub mode: &'static str,
    /// The bridge of the host's that it is on, in bridge mode.
    #[serde(skip)]
    pub bridge: Option<String>,
    /// Its address.
    pub ip_address: Option<String>,
    /// The forwarded ports.
    pub ports: Vec<Port>,
}

/// A forwarded port.
#[derive(Clone, Debug, Serialize)]
pub struct Port {
    /// The host address that listens.
    pub bind: String,
    /// The host's port.
    pub host_port: u16,
    /// The port inside.
    pub container_port: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// Whether vagrantp picked the host port.
    pub auto: bool,
}

/// How to reach it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Access {
    /// The host to connect to; none for a container, which is entered through its engine.
    pub host: Option<String>,
    /// The port to connect to.
    pub port: Option<u16>,
    /// The user inside.
    pub user: Option<String>,
    /// The private key's path.
    pub key: Option<String>,
    /// vagrantp's own command.
    pub command: String,
    /// The command without vagrantp.
    pub ssh_command: Option<String>,
    /// Where forwarded TCP ports can be opened in a browser.
    pub web_urls: Vec<String>,
}

/// What leads into a VM.
#[derive(Clone, Debug)]
pub struct Way {
    /// The host to connect to.
    pub host: String,
    /// The port to connect to.
    pub port: u16,
    /// The user inside.
    pub user: String,
    /// The private key's path, where one is named.
    pub key: Option<String>,
    /// The whole command.
    pub command: String,
}

/// What is known beside the identity.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// What the provider has.
    pub instance: Option<&'a Instance>,
    /// The state that people see.
    pub state: State,
    /// DISK_SIZE in GiB.
    pub disk_gb: u64,
    /// Memory in MiB and CPUs, where the provider shows none.
    pub wanted: Resources,
    /// When vagrantp last changed it.
    pub updated_at: Option<&'a str>,
    /// When vagrantp last stopped it.
    pub last_stopped: Option<&'a str>,
    /// What leads into a VM, where its address is known.
    pub access: Option<&'a Way>,
    /// The user inside.
    pub user: &'a str,
    /// How long it may live, and the time at which that is told.
    pub lifetime: Option<(Lifetime, Timestamp)>,
}

impl Infrastructure {
    /// Puts together what is known.
    #[must_use]
    pub fn new(identity: &Identity, facts: Facts<'_>) -> Self {
        let instance = facts.instance;
        let stamp = instance.map(|instance| &instance.stamp);
        let life = instance.map(|instance| &instance.life);
        let vm = instance.and_then(|instance| instance.vm.as_deref());
        let resources = Resources {
            memory_mb: instance
                .and_then(|instance| limits(instance).memory)
                .or(stamp.map(|stamp| stamp.asked.memory))
                .map_or(facts.wanted.memory_mb, |memory| memory.0),
            cpus: instance
                .and_then(|instance| limits(instance).millicpus)
                .map(|millicpus| millicpus.div_ceil(1000))
                .or(stamp.map(|stamp| stamp.asked.cpus.0))
                .unwrap_or(facts.wanted.cpus),
            disk_gb: vm.map_or(facts.disk_gb, |vm| vm.settings.disk_size.gibibytes_up()),
            not_enforced: not_enforced(instance),
        };
        let name =
            instance.map_or_else(|| identity.id.to_string(), |instance| instance.name.clone());
        let ports: Vec<_> = instance.map_or(&[][..], |instance| &instance.ports).to_vec();
        let picked = |port: &PortForward| {
            stamp.is_some_and(|stamp| {
                stamp.asked.ports.iter().any(|asked| asked.auto && asked.same_as(port))
            })
        };
        let bridge = stamp.and_then(|stamp| stamp.asked.bridge.as_deref());
        let running = facts.state == State::Running;
        let path = identity.project.path.display().to_string();
        let path = shlex::try_quote(&path).map(|quoted| quoted.into_owned()).unwrap_or(path);
        Infrastructure {
            id: identity.id.to_string(),
            uuid: identity.uuid,
            infra_type: identity.infra_type,
            provider: identity.provider,
            state: facts.state,
            suspend_kind: (facts.state == State::Suspended).then_some(match vm {
                Some(vm) if vm.suspended_to_disk => "disk",
                _ => "memory",
            }),
            project_path: identity.project.path.clone(),
            created_at: stamp.map(|stamp| stamp.created_at.clone()),
            updated_at: facts
                .updated_at
                .map(str::to_owned)
                .or_else(|| instance.and_then(|instance| instance.created_at.clone())),
            last_started: instance.and_then(|instance| instance.started_at.clone()),
            last_stopped: instance
                .filter(|instance| instance.state != Power::Running)
                .and_then(|instance| instance.finished_at.clone())
                .or(facts.last_stopped.map(str::to_owned)),
            ttl: facts.lifetime.map(|(lifetime, _)| lifetime.ttl.to_string()),
            expires_at: facts
                .lifetime
                .and_then(|(lifetime, _)| lifetime.end())
                .map(|end| end.to_string()),
            expires: facts.lifetime.and_then(|(lifetime, now)| lines::expires(&lifetime, now)),
            arch: instance.and_then(|instance| instance.arch.clone()),
            resources,
            networking: Networking {
                mode: match bridge {
                    Some(_) => NetworkMode::Bridge.as_str(),
                    None => NetworkMode::Default.as_str(),
                },
                bridge: bridge.map(str::to_owned),
                ip_address: instance
                    .and_then(|instance| instance.address)
                    .map(|address| address.to_string()),
                ports: ports
                    .iter()
                    .map(|port| Port {
                        bind: port.bind.to_string(),
                        host_port: port.host,
                        container_port: port.guest,
                        protocol: port.protocol,
                        auto: port.auto || picked(port),
                    })
                    .collect(),
            },
            access: Access {
                user: Some(match vm {
                    Some(vm) => vm.settings.user.clone(),
                    None => facts.user.to_owned(),
                }),
                host: facts.access.map(|way| way.host.clone()),
                port: facts.access.map(|way| way.port),
                key: facts.access.and_then(|way| way.key.clone()),
                command: format!("vagrantp -C {path} ssh"),
                ssh_command: match (vm, facts.access) {
                    (None, _) => running.then(|| format!("podman exec -it {name} sh -l")),
                    (Some(_), way) => way.filter(|_| running).map(|way| way.command.clone()),
                },
                web_urls: if running { web_urls(&ports) } else { Vec::new() },
            },
            health: life
                .filter(|_| running)
                .and_then(|life| life.health.as_ref())
                .map(HealthShown::of),
            restarts: life.map_or(0, |life| life.restarts),
            ended: instance
                .filter(|_| facts.state == State::Stopped)
                .and_then(|instance| Ended::of(instance, facts.last_stopped)),
            unguarded: instance.map_or_else(Vec::new, |instance| instance.unguarded.clone()),
            damaged: life.and_then(|life| life.damaged.clone()),
            trouble: vm.and_then(|vm| vm.trouble).map(Trouble::says),
            acceleration: vm.and_then(|vm| vm.acceleration).map(Acceleration::as_str),
            pending: vm.is_some_and(|vm| vm.pending),
            name,
        }
    }
}

fn not_enforced(instance: Option<&Instance>) -> &'static [&'static str] {
    let lacks = |field| instance.is_some_and(|instance| instance.unlimited.contains(&field));
    match (lacks(Field::Memory), lacks(Field::Cpus)) {
        (false, false) => &[],
        (true, false) => &["memory"],
        (false, true) => &["cpus"],
        (true, true) => &["memory", "cpus"],
    }
}

/// The limits that hold now.
fn limits(instance: &Instance) -> Limits {
    let made_with = Limits { memory: instance.memory, millicpus: instance.millicpus };
    instance.life.limits.unwrap_or(made_with)
}

fn web_urls(ports: &[PortForward]) -> Vec<String> {
    let url = |port: &PortForward| {
        let host = match port.bind {
            bind if bind.is_unspecified() || bind.is_loopback() && bind.is_ipv4() => {
                "127.0.0.1".to_owned()
            }
            std::net::IpAddr::V4(address) => address.to_string(),
            std::net::IpAddr::V6(address) => format!("[{address}]"),
        };
        let scheme = if matches!(port.guest, 443 | 8443) { "https" } else { "http" };
        format!("{scheme}://{host}:{}", port.host)
    };
    ports.iter().filter(|port| port.protocol == Protocol::Tcp).map(url).collect()
}
