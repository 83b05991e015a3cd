//! Ports: who has which, and what this instance gets. The choosing is the plan's; the looking and
//! the claiming is done here.

use crate::model::desired::Desired;
use crate::model::id::InstanceUuid;
use crate::model::network::{HostPort, PortForward};
use crate::model::observed::{Instance, Observed};
use crate::plan::PlanError;
use crate::plan::ports::{
    Holder, Settled, TakenPort, settle, settle_ssh, settled_already, ssh_settled_already,
};
use crate::provider::{Provider, ProviderError};
use crate::store::lease::{Lease, standing};
use crate::store::owner::Owner;

use super::{Context, Failure, host};

/// Whether the choice is to last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Others are told: `up`.
    Keep,
    /// Nobody is told: `plan`, `--dry-run`, `render`.
    Forget,
}

/// The forwards that the instance has, with the picks of `auto` marked.
#[must_use]
pub fn own_ports(instance: Option<&Instance>) -> Vec<PortForward> {
    let Some(instance) = instance else { return Vec::new() };
    // What the provider shows counts; who picked the port only the stamp knows.
    let asked = &instance.stamp.asked.ports;
    let marked = |port: &PortForward| PortForward {
        auto: asked.iter().any(|asked| asked.auto && asked.same_as(port)),
        ..*port
    };
    instance.ports.iter().map(marked).collect()
}

/// Settles the ports of a wish: what the instance has already is kept without a look at the host.
///
/// # Errors
/// Every port that is taken, with who has it.
pub async fn ports(
    context: &Context<'_>,
    desired: &Desired,
    observed: &Observed,
    provider: &dyn Provider,
    claim: Claim,
    picks: &[PortForward],
) -> Result<Settled, Failure> {
    let instance = observed.instance();
    let own = match instance {
        Some(_) => own_ports(instance),
        // What a saved plan picked is picked again, if it can still be had.
        None => picks.to_vec(),
    };
    let own_ssh = instance.and_then(Instance::ssh_port);
    let running = instance.is_some_and(|instance| instance.state.is_up());
    let is_kept = |ssh: Option<u16>| ssh.is_none() || running && ssh == own_ssh;
    if let Some(ports) = settled_already(&desired.ports, &own)
        && (ports.is_empty() || running && same_set(&ports, &own))
        && let Some(ssh) = ssh_settled_already(desired, own_ssh)
        && is_kept(ssh)
    {
        return Ok(Settled { ports, ssh });
    }
    let identity = &desired.identity;
    let mut leases = match claim {
        Claim::Keep => Some(context.store.leases(context.lock_timeout(), context.reporter).await?),
        Claim::Forget => None,
    };
    let others = provider.list().await?;
    let visible: Vec<InstanceUuid> = others.iter().map(|other| other.stamp.uuid).collect();
    let all = match &leases {
        Some(leases) => leases.all().to_vec(),
        None => context.store.leases_unlocked(),
    };
    let standing = standing(&all, identity.uuid, identity.provider, &visible);
    let mut taken = taken_by_projects(&others, &standing, identity.uuid);
    let written = desired.ports.iter().filter_map(|rule| match rule.value.host {
        HostPort::Fixed(port) => Some(port),
        HostPort::Auto => None,
    });
    let to_ssh = desired.vm.as_ref().and_then(|vm| vm.ssh_port.as_ref());
    let fixed: Vec<u16> = written.chain(to_ssh.map(|port| port.value)).collect();
    let listening = host::ports::taken(&host::ports::listening(), &fixed);
    let held_by_us = |taken: &TakenPort| {
        let held = || own.iter().copied().chain(own_ssh.map(PortForward::to_ssh));
        running && held().any(|port| port.collides_with(taken.bind, taken.port, taken.protocol))
    };
    taken.extend(listening.into_iter().filter(|taken| !held_by_us(taken)));
    let settled = loop {
        let ports = settle(&desired.ports, desired.port_pool.value, &own, &taken)?;
        let ssh = settle_ssh(desired, own_ssh, &ports, &taken)?;
        let settled = Settled { ports, ssh };
        let held = |port: &PortForward| {
            let to_ssh = own_ssh.map(PortForward::to_ssh);
            running && own.iter().chain(&to_ssh).any(|own| own.same_as(port))
        };
        let fresh = settled.all().filter(|port| !held(port));
        // Some listeners do not show in /proc: those of other namespaces that forward from here.
        let refused: Vec<_> = fresh
            .filter_map(|port| Some((port, host::ports::trial_bind(&port)?)))
            .filter(|(_, error)| error.kind() == std::io::ErrorKind::AddrInUse)
            .map(|(port, _)| TakenPort {
                bind: port.bind,
                port: port.host,
                protocol: port.protocol,
                by: Holder::Unknown,
            })
            .collect();
        if refused.is_empty() {
            break settled;
        }
        taken.extend(refused);
    };
    let unusable: Vec<_> =
        settled.ports.iter().filter_map(|port| unusable(desired, port)).collect();
    if !unusable.is_empty() {
        return Err(unusable.into());
    }
    if let Some(leases) = &mut leases {
        let lease = Lease {
            uuid: identity.uuid,
            infra_id: identity.id.to_string(),
            project: identity.project.path.clone(),
            provider: identity.provider,
            owner: Owner::myself(),
            ports: settled.all().collect(),
        };
        leases.claim(lease, &standing)?;
    }
    Ok(settled)
}

/// Whether a failure is about a port that `auto` picked a moment ago, and that nobody has been told
/// of yet: then another one is as good.
#[must_use]
pub fn was_picked_now(
    error: &ProviderError,
    ports: &[PortForward],
    instance: Option<&Instance>,
) -> bool {
    let ProviderError::PortConflict { port: Some(port), .. } = error else { return false };
    let had = own_ports(instance);
    let of_it = ports.iter().filter(|forward| forward.host == *port);
    let mut of_it = of_it.peekable();
    of_it.peek().is_some()
        && of_it.all(|forward| forward.auto && !had.iter().any(|own| own.same_as(forward)))
}

fn same_set(a: &[PortForward], b: &[PortForward]) -> bool {
    a.len() == b.len() && a.iter().all(|one| b.iter().any(|other| one.same_as(other)))
}

fn taken_by_projects(others: &[Instance], leases: &[Lease], uuid: InstanceUuid) -> Vec<TakenPort> {
    let taken = |port: &PortForward, id: &str, path: &std::path::Path| TakenPort {
        bind: port.bind,
        port: port.host,
        protocol: port.protocol,
        by: Holder::Project { id: id.to_owned(), path: path.to_owned() },
    };
    let instances = others.iter().filter(|other| other.stamp.uuid != uuid).flat_map(|other| {
        let (id, path) = (other.stamp.infra_id.as_str(), &other.stamp.project);
        other.held_ports().map(move |port| taken(&port, id, path))
    });
    let leases = leases.iter().flat_map(|lease| {
        lease.ports.iter().map(move |port| taken(port, &lease.infra_id, &lease.project))
    });
    instances.chain(leases).collect()
}

/// A port that cannot be bound for another reason than that it is taken.
fn unusable(desired: &Desired, port: &PortForward) -> Option<PlanError> {
    let error = host::ports::trial_bind(port)?;
    let help = match error.kind() {
        std::io::ErrorKind::AddrNotAvailable => {
            format!("this host has no address {}: write one that it has, or none", port.bind)
        }
        std::io::ErrorKind::PermissionDenied => "use a host port of 1024 or above".to_owned(),
        _ => return None,
    };
    let place = desired.ports.iter().find(|rule| rule.value.guest == port.guest);
    Some(PlanError::Unsupported {
        provider: desired.identity.provider,
        key: "PORTS",
        what: format!("listen on {} port {}: {error}", port.bind, port.host),
        help,
        place: place.and_then(|rule| rule.place()).cloned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::network::{DEFAULT_BIND, Protocol};
    use crate::model::observed::Power;
    use crate::plan::fixture;

    #[test]
    fn only_a_fresh_pick_is_given_up() {
        let forward = |host, auto| PortForward {
            bind: DEFAULT_BIND,
            host,
            guest: 80,
            protocol: Protocol::Tcp,
            auto,
        };
        let conflict = |port| ProviderError::PortConflict { port, reason: String::new() };
        let ports = [forward(8100, true), forward(8200, false)];
        let is_given_up =
            |port, instance: Option<&Instance>| was_picked_now(&conflict(port), &ports, instance);
        assert!(is_given_up(Some(8100), None));
        assert!(!is_given_up(Some(8200), None), "it was written");
        assert!(!is_given_up(Some(9000), None) && !is_given_up(None, None), "not ours to say");
        let mut had = fixture::observed(&fixture::desired(), Power::Stopped).instances.remove(0);
        had.ports = vec![forward(8100, true)];
        had.stamp.asked.ports = had.ports.clone();
        assert!(!is_given_up(Some(8100), Some(&had)), "it has been told to somebody");
        let error = ProviderError::NameTaken { name: "web".to_owned() };
        assert!(!was_picked_now(&error, &ports, None));
    }
}
