//! The instance as people read it: a line for each thing that there is to say.

use jiff::Timestamp;

use super::Infrastructure;
use crate::model::id::InfraType;
use crate::model::lifetime::{Lifetime, roughly};
use crate::model::network::Protocol;
use crate::model::units::Memory;
use crate::model::vm::Acceleration;

impl Infrastructure {
    /// The lines under the headline of `up` and `status`.
    #[must_use]
    pub fn lines(&self) -> Vec<(String, String)> {
        let mut lines = Vec::new();
        let mut line = |name: &str, value: String| lines.push((name.to_owned(), value));
        line("resources", {
            let cpus = if self.resources.cpus == 1 { "CPU" } else { "CPUs" };
            let memory = Memory(self.resources.memory_mb);
            let mut text = format!("{memory} of memory, {} {cpus}", self.resources.cpus);
            if self.infra_type == InfraType::Vm {
                text.push_str(&format!(", a disk of {} GiB", self.resources.disk_gb));
            }
            if self.acceleration == Some(Acceleration::Emulation.as_str()) {
                text.push_str("  (software emulation: this host gives no /dev/kvm)");
            }
            if !self.resources.not_enforced.is_empty() {
                let which = self.resources.not_enforced.join(" and ").replace("cpus", "CPUs");
                text.push_str(&format!("  ({which} not enforced)"));
            }
            text
        });
        if let Some(why) = &self.damaged {
            line("damaged", why.clone());
        }
        if let Some(trouble) = self.trouble {
            line("trouble", format!("it {trouble}"));
        }
        if self.pending {
            line(
                "pending",
                "what it is made of was changed; `vagrantp restart` applies it".to_owned(),
            );
        }
        for file in &self.unguarded {
            line("unguarded", format!("{}: can be written from inside", file.display()));
        }
        if let Some(health) = &self.health {
            line("health", health.says());
        }
        if self.restarts > 0 {
            let times = if self.restarts == 1 { "once" } else { "times" };
            let count =
                if self.restarts == 1 { String::new() } else { format!("{} ", self.restarts) };
            line(
                "restarts",
                format!(
                    "{count}{times}: its main process ends, and {} starts it again",
                    self.provider
                ),
            );
        }
        if let Some(expires) = &self.expires {
            line("expires", expires.clone());
        }
        if let Some(address) = &self.networking.ip_address {
            line("address", address.clone());
        }
        if let Some(bridge) = &self.networking.bridge {
            let reached = match self.infra_type {
                InfraType::Container => ": reached from there, not from this host",
                InfraType::Vm => "",
            };
            line("network", format!("bridge {bridge}{reached}"));
        }
        if let (Some(host), Some(port), Some(user)) =
            (&self.access.host, self.access.port, &self.access.user)
        {
            line("ssh", format!("{user}@{host}:{port}"));
        }
        for port in &self.networking.ports {
            let bind = if port.bind.contains(':') {
                format!("[{}]", port.bind)
            } else {
                port.bind.clone()
            };
            let protocol = match port.protocol {
                Protocol::Tcp => "",
                Protocol::Udp => "/udp",
            };
            let picked = if port.auto { "  (picked by vagrantp)" } else { "" };
            line(
                "port",
                format!("{bind}:{} → {}{protocol}{picked}", port.host_port, port.container_port),
            );
        }
        lines
    }
}

pub(super) fn expires(lifetime: &Lifetime, now: Timestamp) -> Option<String> {
    let (end, ttl) = (lifetime.end()?, lifetime.ttl);
    let distance = roughly(now, end);
    Some(if lifetime.is_over(now) {
        format!(
            "{distance} ago (INFRA_TTL={ttl}): `vagrantp gc` removes it, `vagrantp up` renews it"
        )
    } else {
        format!("in {distance} (INFRA_TTL={ttl}); each `vagrantp up` renews it")
    })
}
