//! Rules that hold between keys, and bounds: the typed [`Config`] → broken rules and doubts.

use std::collections::BTreeMap;

use validator::Validate;

use super::findings::Findings;
use super::keys;
use super::rules::RuleError;
use super::types::Config;
use super::warning::Doubt;
use crate::model::host::HostFacts;
use crate::model::id::{InfraType, ProviderKind};
use crate::model::network::{HostPort, PortForward};
use crate::model::source::{Place, Sourced};

mod network;

/// Where each written key's value stands.
pub(super) type Places = BTreeMap<&'static str, Place>;

/// What the rules look at, and where their findings go.
pub(super) struct Check<'a> {
    pub(super) config: &'a Config,
    pub(super) places: &'a Places,
    pub(super) facts: &'a HostFacts,
    pub(super) errors: &'a mut Findings,
    pub(super) warnings: &'a mut Findings,
}

/// The values that have bounds, as plain numbers; each field is called like its key.
#[derive(Validate)]
struct Bounds {
    #[validate(range(min = 512))]
    memory: Option<u64>,
    #[validate(range(min = 1))]
    cpus: Option<u32>,
    #[validate(range(min = 5120))]
    disk_size: Option<u64>,
    #[validate(range(min = 1, max = 3600))]
    boot_timeout: Option<u32>,
    #[validate(range(min = 1, max = 3600))]
    stop_timeout: Option<u32>,
    #[validate(range(min = 1, max = 3600))]
    ssh_timeout: Option<u32>,
    #[validate(range(min = 1024))]
    ssh_port: Option<u16>,
}

impl Check<'_> {
    /// Looks at everything.
    pub(super) fn all(&mut self) {
        self.bounds();
        self.provider();
        self.ports();
        self.mounts();
        self.network();
        self.vm();
        self.unused();
    }

    fn place(&self, key: &str) -> Option<Place> {
        self.places.get(key).cloned()
    }

    fn broken(&mut self, rule: RuleError) {
        self.errors.push(rule.into_problem());
    }

    fn doubt(&mut self, doubt: Doubt) {
        self.warnings.push(doubt.into_problem());
    }

    fn bounds(&mut self) {
        let config = self.config;
        let forwarded = config.provider_kind() != Some(ProviderKind::Ssh);
        let bounds = Bounds {
            memory: config.memory.as_ref().map(|memory| memory.value.0),
            cpus: config.cpus.as_ref().map(|cpus| cpus.value.0),
            disk_size: config.disk_size.as_ref().map(|size| size.value.0),
            boot_timeout: config.boot_timeout.as_ref().map(|timeout| timeout.value.0),
            stop_timeout: config.stop_timeout.as_ref().map(|timeout| timeout.value.0),
            ssh_timeout: config.ssh_timeout.as_ref().map(|timeout| timeout.value.0),
            ssh_port: config.ssh_port.as_ref().map(|port| port.value).filter(|_| forwarded),
        };
        let Err(errors) = bounds.validate() else { return };
        // Only the names are taken: the errors carry the rejected values besides.
        for field in errors.field_errors().into_keys() {
            let Some(key) = keys::find(&field.to_ascii_uppercase()) else { continue };
            let place = self.place(key.name);
            let rule = match (key.name, &config.memory, &config.cpus, &config.disk_size) {
                ("MEMORY", Some(found), _, _) => {
                    RuleError::MemoryTooSmall { place, found: found.value }
                }
                ("CPUS", _, Some(found), _) => RuleError::CpusTooFew { place, found: found.value },
                ("DISK_SIZE", _, _, Some(found)) => {
                    RuleError::DiskTooSmall { place, found: found.value }
                }
                ("SSH_PORT", ..) => RuleError::SshPortReserved { place },
                (name, ..) => RuleError::TimeoutOutOfRange { key: name, place },
            };
            self.broken(rule);
        }
    }

    fn provider(&mut self) {
        let Some(kind) = self.config.kind() else { return };
        let place = self.place("PROVIDER");
        match &self.config.provider {
            Some(provider) if provider.value.infra_type() != kind => {
                let words = match kind {
                    InfraType::Vm => "libvirt, qemu, virtualbox, ssh",
                    InfraType::Container => "podman",
                };
                let (provider, other) = (provider.value, provider.value.infra_type());
                self.broken(RuleError::ProviderOfOtherType { place, provider, kind, other, words });
            }
            // Written and wrong is another mistake, and told already.
            None if kind == InfraType::Vm && place.is_none() => {
                let help = installed_providers(self.facts);
                let place = self.place("INFRA_TYPE");
                self.broken(RuleError::ProviderMissing { place, help });
            }
            _ => {}
        }
    }

    fn ports(&mut self) {
        let first = self.facts.first_unprivileged_port;
        let mut taken: Vec<(PortForward, &Sourced<_>)> = Vec::new();
        for rule in &self.config.ports {
            let HostPort::Fixed(port) = rule.value.host else { continue };
            if self.facts.uid != 0 && port < first {
                let place = rule.place().cloned();
                let broken = RuleError::PortPrivileged { key: "PORTS", place, port, first };
                self.errors.push(broken.into_problem());
            }
            let forward = PortForward {
                bind: rule.value.bind,
                host: port,
                guest: rule.value.guest,
                protocol: rule.value.protocol,
                auto: false,
            };
            let collides = |(other, _): &&(PortForward, &Sourced<_>)| {
                other.collides_with(forward.bind, port, forward.protocol)
            };
            if let Some((_, before)) = taken.iter().find(collides) {
                let (first, place) = (before.place().cloned(), rule.place().cloned());
                self.errors.push(RuleError::PortTwice { first, place }.into_problem());
            }
            taken.push((forward, rule));
        }
        let Some(pool) = &self.config.port_pool else { return };
        let place = pool.place().cloned();
        let auto =
            |rule: &&Sourced<crate::model::network::PortRule>| rule.value.host == HostPort::Auto;
        let wanted = self.config.ports.iter().filter(auto).count();
        if self.facts.uid != 0 && pool.value.first < first {
            let port = pool.value.first;
            self.broken(RuleError::PortPrivileged { key: "PORT_POOL", place, port, first });
        } else if pool.value.size() < wanted {
            let size = pool.value.size();
            self.broken(RuleError::PoolTooSmall { place, size, wanted });
        }
    }

    fn mounts(&mut self) {
        let mounts = &self.config.mounts;
        for (index, mount) in mounts.iter().enumerate() {
            let same = |before: &&Sourced<crate::model::mount::Mount>| {
                before.value.guest == mount.value.guest
            };
            if let Some(before) = mounts[..index].iter().find(same) {
                let (first, place) = (before.place().cloned(), mount.place().cloned());
                self.errors.push(RuleError::MountTwice { first, place }.into_problem());
            }
        }
    }

    fn vm(&mut self) {
        let config = self.config;
        let has = |key: &str| self.places.contains_key(key);
        let is_vm = config.kind() == Some(InfraType::Vm);
        let provider = config.provider_kind();
        let made_from = ["IMAGE", "BOX", "ISO", "KERNEL"].into_iter().any(has);
        let mut broken = Vec::new();
        if is_vm && provider == Some(ProviderKind::Ssh) {
            if !has("SSH_HOST") {
                broken.push(RuleError::SshHostMissing { place: self.place("PROVIDER") });
            }
        } else if is_vm && !made_from {
            broken.push(RuleError::VmWithoutImage { place: self.place("INFRA_TYPE") });
        }
        for other in ["IMAGE", "ISO"] {
            if is_vm && has("BOX") && has(other) {
                let (place, excluded) = (self.place("BOX"), self.place(other));
                broken.push(RuleError::BoxExcludes { other, place, excluded });
            }
        }
        for key in ["INITRD", "APPEND"] {
            if is_vm && has(key) && !has("KERNEL") {
                broken.push(RuleError::KernelMissing { key, place: self.place(key) });
            }
        }
        broken.into_iter().for_each(|rule| self.broken(rule));
        if is_vm && provider != Some(ProviderKind::Ssh) {
            self.unusual();
        }
    }

    /// Bounds that only make one look twice.
    fn unusual(&mut self) {
        let config = self.config;
        let rows = [
            ("MEMORY", config.memory.as_ref().map(|m| m.value.0), 2048, 32 * 1024, "2G to 32G"),
            ("CPUS", config.cpus.as_ref().map(|c| u64::from(c.value.0)), 1, 8, "1 to 8"),
            (
                "DISK_SIZE",
                config.disk_size.as_ref().map(|d| d.value.0),
                20 * 1024,
                500 * 1024,
                "20G to 500G",
            ),
        ];
        for (key, found, least, most, usual) in rows {
            let more_or_less = match found {
                Some(found) if found < least => "less",
                Some(found) if found > most => "more",
                _ => continue,
            };
            if let Some(place) = self.place(key) {
                self.doubt(Doubt::Unusual { key, more_or_less, usual, place });
            }
        }
    }

    fn unused(&mut self) {
        let Some(provider) = self.config.provider_kind() else { return };
        // With a provider of the other type the doubt would be about the wrong mistake.
        if Some(provider.infra_type()) != self.config.kind() {
            return;
        }
        for key in keys::all().filter(|key| !key.used_by.contains(&provider)) {
            if let Some(place) = self.place(key.name) {
                self.doubt(Doubt::Unused { key: key.name, provider, place });
            }
        }
    }
}

/// Which providers of a vm are installed: looked for only where somebody has to choose.
fn installed_providers(facts: &HostFacts) -> String {
    let path = facts.environment.get("PATH").cloned().unwrap_or_default();
    // Daemons are where an ordinary user's PATH does not reach.
    let path = format!("{path}:/usr/local/sbin:/usr/sbin:/sbin");
    let any = |programs: &[&str]| {
        programs.iter().any(|program| which::which_in(program, Some(&path), "/").is_ok())
    };
    let qemu = format!("qemu-system-{}", std::env::consts::ARCH);
    let found: Vec<&str> = [
        ("libvirt", any(&["virsh", "libvirtd", "virtqemud"])),
        ("qemu", any(&[&qemu, "qemu-kvm"])),
        ("virtualbox", any(&["VBoxManage"])),
    ]
    .into_iter()
    .filter_map(|(name, found)| found.then_some(name))
    .collect();
    match found.as_slice() {
        [] => {
            "none of libvirt, qemu and virtualbox was found on this host: install one and write, \
               say, `PROVIDER=libvirt`; `PROVIDER=ssh` takes a machine that exists, and \
               `INFRA_TYPE=container` needs no vm"
                .to_owned()
        }
        [first, ..] => {
            format!("add the line `PROVIDER={first}`; found on this host: {}", found.join(", "))
        }
    }
}
