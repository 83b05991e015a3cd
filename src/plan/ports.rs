//! Port rules → settled forwards: what was picked before is kept, `auto` picks the lowest port of
//! the pool that nobody has.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use crate::model::desired::Desired;
use crate::model::network::{HostPort, PortForward, PortPool, PortRule, Protocol};
use crate::model::plain::one_line;
use crate::model::source::Sourced;

use super::error::PlanError;

/// A host port that is not to be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenPort {
    /// The host address that it is taken on.
    pub bind: IpAddr,
    /// The port.
    pub port: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// Who has it.
    pub by: Holder,
}

/// Who has a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// Another project of vagrantp's, running or not.
    Project {
        /// Its INFRA_ID.
        id: String,
        /// Its directory.
        path: PathBuf,
    },
    /// A process of the host.
    Process {
        /// Its name.
        name: String,
        /// Its pid.
        pid: u32,
    },
    /// Somebody whom this user may not see.
    Unknown,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Holder::Project { id, path } => write!(f, "the project `{id}` ({})", one_line(path)),
            Holder::Process { name, pid } => write!(f, "the process `{name}` (pid {pid})"),
            Holder::Unknown => f.write_str("another program"),
        }
    }
}

/// The host ports of an instance, settled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// PORTS.
    pub ports: Vec<PortForward>,
    /// The port on 127.0.0.1 that leads to a VM's SSH server; none for a container, or on a bridge.
    pub ssh: Option<u16>,
}

impl Settled {
    /// The same, not owned.
    #[must_use]
    pub fn forwards(&self) -> Forwards<'_> {
        Forwards { ports: &self.ports, ssh: self.ssh }
    }

    /// Every port, as what it is: a port of the host that leads inside.
    pub fn all(&self) -> impl Iterator<Item = PortForward> {
        self.ports.iter().copied().chain(self.ssh.map(PortForward::to_ssh))
    }
}

/// The host ports of an instance, settled, where somebody else has them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Forwards<'a> {
    /// PORTS.
    pub ports: &'a [PortForward],
    /// The port that leads to a VM's SSH server.
    pub ssh: Option<u16>,
}

/// Where the search for a port that leads to SSH begins.
const FIRST_TO_SSH: u16 = 22220;

/// Whether a forwarded port leads to the SSH server: not into a container, and not on a bridge.
#[must_use]
pub fn forwards_ssh(desired: &Desired) -> bool {
    desired.vm.is_some() && desired.network.bridge.is_none()
}

/// The port of SSH, as far as it can be told without a look at the host; none where it takes one.
#[must_use]
pub fn ssh_settled_already(desired: &Desired, has: Option<u16>) -> Option<Option<u16>> {
    if !forwards_ssh(desired) {
        return Some(None);
    }
    let written = desired.vm.as_ref().and_then(|vm| vm.ssh_port.as_ref());
    written.map(|written| written.value).or(has).map(Some)
}

/// Settles the port of SSH: the one that is written, else the one that the machine has, where nobody
/// else has taken that, else the first free one. `ports` are its other ports.
///
/// # Errors
/// The written one is taken, or there is none left.
pub fn settle_ssh(
    desired: &Desired,
    has: Option<u16>,
    ports: &[PortForward],
    taken: &[TakenPort],
) -> Result<Option<u16>, PlanError> {
    let Some(vm) = desired.vm.as_ref().filter(|_| forwards_ssh(desired)) else { return Ok(None) };
    let holder = |port: u16| {
        let forward = PortForward::to_ssh(port);
        let own = ports.iter().any(|own| own.collides_with(forward.bind, port, forward.protocol));
        if own {
            return Some("a line of PORTS".to_owned());
        }
        let taken = taken.iter().find(|t| forward.collides_with(t.bind, t.port, t.protocol));
        taken.map(|taken| taken.by.to_string())
    };
    if let Some(written) = &vm.ssh_port {
        let (port, place) = (written.value, written.place().cloned());
        return match holder(port) {
            Some(holder) => Err(PlanError::SshPortTaken { port, holder, place }),
            None => Ok(Some(port)),
        };
    }
    let free = |port: &u16| holder(*port).is_none();
    has.filter(free).or_else(|| (FIRST_TO_SSH..=u16::MAX).find(free)).map(Some).ok_or_else(|| {
        let pool = format!("{FIRST_TO_SSH}-{}", u16::MAX);
        PlanError::PortPoolEmpty { pool, place: None }
    })
}

/// The rules as far as they can be settled from what the instance has already: the forwards, or
/// none where a rule would need a look at the host.
#[must_use]
pub fn settled_already(
    rules: &[Sourced<PortRule>],
    has: &[PortForward],
) -> Option<Vec<PortForward>> {
    kept(rules, has).into_iter().collect()
}

/// Settles every rule.
///
/// `has` are the forwards of the project's own instance, which are no conflict for itself and
/// which `auto` keeps. `taken` is what everybody else has.
///
/// # Errors
/// All fixed ports that are taken, and all `auto`s that find the pool empty, at once.
pub fn settle(
    rules: &[Sourced<PortRule>],
    pool: PortPool,
    has: &[PortForward],
    taken: &[TakenPort],
) -> Result<Vec<PortForward>, Vec<PlanError>> {
    let mut settled: Vec<PortForward> = Vec::new();
    let mut errors = Vec::new();
    let holder = |forward: &PortForward| {
        taken.iter().find(|t| forward.collides_with(t.bind, t.port, t.protocol))
    };
    // Fixed ports and kept picks come first, so that a new pick cannot take one of them.
    let mut open = Vec::new();
    for (index, (rule, kept)) in rules.iter().zip(kept(rules, has)).enumerate() {
        match kept.filter(|forward| !forward.auto || holder(forward).is_none()) {
            Some(forward) => {
                if let Some(taken) = holder(&forward) {
                    errors.push(PlanError::PortTaken {
                        port: forward.host,
                        bind: forward.bind,
                        guest: forward.guest,
                        holder: taken.by.to_string(),
                        place: rule.place().cloned(),
                    });
                }
                settled.push(forward);
                open.push(None);
            }
            None => open.push(Some(index)),
        }
    }
    let mut picks = Vec::new();
    for rule in open.into_iter().flatten().map(|index| &rules[index]) {
        let candidate = |host| PortForward {
            bind: rule.value.bind,
            host,
            guest: rule.value.guest,
            protocol: rule.value.protocol,
            auto: true,
        };
        let free = (pool.first..=pool.last).map(candidate).find(|forward| {
            holder(forward).is_none()
                && !settled
                    .iter()
                    .chain(&picks)
                    .any(|own| own.collides_with(forward.bind, forward.host, forward.protocol))
        });
        match free {
            Some(forward) => picks.push(forward),
            None => errors.push(PlanError::PortPoolEmpty {
                pool: pool.to_string(),
                place: rule.place().cloned(),
            }),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    settled.extend(picks);
    settled.sort();
    Ok(settled)
}

/// The forward that each rule already has: its own fixed port, or the pick of an earlier time. A
/// pick serves one rule, also where two ask for the same.
fn kept(rules: &[Sourced<PortRule>], has: &[PortForward]) -> Vec<Option<PortForward>> {
    let mut picks: Vec<PortForward> = has.iter().filter(|own| own.auto).copied().collect();
    let of = |rule: &Sourced<PortRule>| {
        let PortRule { bind, guest, protocol, host } = rule.value;
        match host {
            HostPort::Fixed(host) => Some(PortForward { bind, host, guest, protocol, auto: false }),
            HostPort::Auto => {
                let wanted = (bind, guest, protocol);
                let at = picks
                    .iter()
                    .position(|pick| (pick.bind, pick.guest, pick.protocol) == wanted)?;
                Some(picks.remove(at))
            }
        }
    };
    rules.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::network::DEFAULT_BIND;

    fn rule(host: HostPort, guest: u16) -> Sourced<PortRule> {
        Sourced::default_of(PortRule { bind: DEFAULT_BIND, host, guest, protocol: Protocol::Tcp })
    }

    fn taken(port: u16) -> TakenPort {
        TakenPort { bind: DEFAULT_BIND, port, protocol: Protocol::Tcp, by: Holder::Unknown }
    }

    fn hosts(settled: Result<Vec<PortForward>, Vec<PlanError>>) -> Vec<u16> {
        settled.expect("settles").iter().map(|forward| forward.host).collect()
    }

    const POOL: PortPool = PortPool { first: 8100, last: 8103 };

    #[test]
    fn the_port_of_ssh_is_the_first_that_nobody_has() {
        use crate::plan::fixture::{desired, desired_vm, written};
        let mut wish = desired_vm();
        let busy = [taken(22220), taken(22221)];
        assert_eq!(settle_ssh(&desired(), None, &[], &[]), Ok(None), "a container needs none");
        assert_eq!(settle_ssh(&wish, None, &[], &[]), Ok(Some(22220)));
        assert_eq!(settle_ssh(&wish, None, &[], &busy), Ok(Some(22222)));
        assert_eq!(settle_ssh(&wish, Some(22230), &[], &busy), Ok(Some(22230)), "it is kept");
        assert_eq!(settle_ssh(&wish, Some(22221), &[], &busy), Ok(Some(22222)), "it was taken");
        let of_ports = PortForward { guest: 80, ..PortForward::to_ssh(22220) };
        assert_eq!(settle_ssh(&wish, None, &[of_ports], &[]), Ok(Some(22221)));
        wish.vm.as_mut().unwrap().ssh_port = Some(written(22221));
        let refused = settle_ssh(&wish, Some(22230), &[], &busy).unwrap_err();
        assert!(matches!(refused, PlanError::SshPortTaken { port: 22221, .. }), "{refused:?}");
        assert_eq!(settle_ssh(&wish, Some(22230), &[], &[]), Ok(Some(22221)));
        wish.network.bridge = Some(written("br0".to_owned()));
        assert_eq!(settle_ssh(&wish, Some(22230), &[], &busy), Ok(None));
    }

    #[test]
    fn auto_picks_the_lowest_port_that_nobody_has() {
        let rules =
            [rule(HostPort::Auto, 80), rule(HostPort::Fixed(8101), 81), rule(HostPort::Auto, 82)];
        assert_eq!(hosts(settle(&rules, POOL, &[], &[taken(8100)])), [8101, 8102, 8103]);
    }

    #[test]
    fn a_pick_is_kept_and_given_up_only_where_someone_else_has_it() {
        let rules = [rule(HostPort::Auto, 80)];
        let has = settle(&rules, POOL, &[], &[taken(8100)]).expect("settles");
        assert_eq!(hosts(settle(&rules, POOL, &has, &[])), [8101]);
        assert_eq!(settled_already(&rules, &has), Some(has.clone()));
        assert_eq!(hosts(settle(&rules, POOL, &has, &[taken(8101)])), [8100]);
    }

    #[test]
    fn two_rules_that_ask_for_the_same_have_a_pick_each() {
        let rules = [rule(HostPort::Auto, 80), rule(HostPort::Auto, 80)];
        let has = settle(&rules, POOL, &[], &[]).expect("settles");
        assert_eq!(hosts(Ok(has.clone())), [8100, 8101]);
        assert_eq!(settled_already(&rules, &has), Some(has.clone()));
        assert_eq!(hosts(settle(&rules, POOL, &has, &[])), [8100, 8101]);
        assert_eq!(settled_already(&rules, &has[..1]), None);
    }

    #[test]
    fn every_conflict_is_named_at_once() {
        let rules = [
            rule(HostPort::Fixed(80), 80),
            rule(HostPort::Fixed(81), 81),
            rule(HostPort::Auto, 82),
        ];
        let everything: Vec<_> = [80, 81, 8100, 8101, 8102, 8103].into_iter().map(taken).collect();
        let errors = settle(&rules, POOL, &[], &everything).expect_err("conflicts");
        assert_eq!(errors.len(), 3);
        assert_eq!(settled_already(&rules, &[]), None);
    }
}
