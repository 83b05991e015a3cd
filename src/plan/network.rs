//! The project's network: what it has to be, which of those that are there fits, and under which
//! name another is made. A network is never changed: one that does not fit gives way to another.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::model::desired::Desired;
use crate::model::id::{Identity, InstanceUuid};
use crate::model::observed::{Instance, Observed, ObservedNetwork};
use crate::model::spec::NetworkSpec;

use super::Cause;
use super::action::Action;
use super::build::Builder;

/// The length of the prefix of a project's own network, where none is written.
const DEFAULT_PREFIX: u8 = 24;

/// What the wish says of the network. Where it fixes no address, any range will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) subnet: Option<Ipv4Net>,
    gateway: Option<Ipv4Addr>,
    pub(super) bridge: Option<String>,
}

impl Wanted {
    pub(super) fn of(desired: &Desired) -> Wanted {
        let network = &desired.network;
        let address = network.address.as_ref().map(|address| address.value);
        Wanted {
            subnet: address.and_then(|address| address.network(DEFAULT_PREFIX)),
            gateway: network.gateway.as_ref().map(|gateway| gateway.value),
            bridge: network.bridge.as_ref().map(|bridge| bridge.value.clone()),
        }
    }

    pub(super) fn fits(&self, network: &ObservedNetwork) -> bool {
        let kind = network.bridge == self.bridge && (self.bridge.is_some() || network.isolated);
        let gateway = |subnet: Ipv4Net, gateway: Option<Ipv4Addr>| gateway.or(first_host(subnet));
        let range = self.subnet.is_none_or(|subnet| {
            network.subnet == Some(subnet)
                && gateway(subnet, network.gateway) == gateway(subnet, self.gateway)
        });
        network.ours && kind && range
    }

    fn spec(self, name: String, identity: &Identity) -> NetworkSpec {
        NetworkSpec {
            name,
            subnet: self.subnet,
            gateway: self.gateway,
            bridge: self.bridge,
            uuid: identity.uuid,
            uid: identity.uid,
        }
    }
}

/// The gateway of a network that names none.
pub(super) fn first_host(subnet: Ipv4Net) -> Option<Ipv4Addr> {
    subnet.hosts().next()
}

/// Which network the instance is to be in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// The one of this name, which is there.
    There(String),
    /// One that has to be made.
    Make(NetworkSpec),
}

impl Choice {
    pub(super) fn name(&self) -> &str {
        match self {
            Choice::There(name) => name,
            Choice::Make(spec) => &spec.name,
        }
    }
}

/// Chooses a network of the project's for the wish: the one that the instance is in, where it fits.
pub(super) fn choose(
    desired: &Desired,
    observed: &Observed,
    instance: Option<&Instance>,
) -> Choice {
    let identity = &desired.identity;
    let wanted = Wanted::of(desired);
    let fitting = || observed.own_networks().filter(|network| wanted.fits(network));
    let attached = |name: &String| instance.is_some_and(|it| it.networks.contains(name));
    let chosen = fitting().find(|network| attached(&network.name)).or(fitting().next());
    if let Some(network) = chosen {
        return Choice::There(network.name.clone());
    }
    let is_there = |name: &str| {
        observed.network.iter().chain(&observed.networks).any(|network| network.name == name)
    };
    // An instance at rest knows its network by name: one that was removed is made under that again.
    let lost = instance
        .into_iter()
        .flat_map(|instance| &instance.networks)
        .find(|name| identity.names_network(name) && !is_there(name));
    let name = match lost {
        Some(name) => name.clone(),
        None => identity
            .network_names()
            .find(|name| !is_there(name))
            .expect("there are more names than networks"),
    };
    Choice::Make(wanted.spec(name, identity))
}

/// The project's network that the instance is in, where it was observed.
pub(super) fn of_instance<'a>(
    observed: &'a Observed,
    instance: &Instance,
) -> Option<&'a ObservedNetwork> {
    observed.own_networks().find(|network| instance.networks.contains(&network.name))
}

/// What makes a network again as it was observed.
pub(super) fn as_it_is(network: &ObservedNetwork, uuid: InstanceUuid, uid: u32) -> NetworkSpec {
    NetworkSpec {
        name: network.name.clone(),
        subnet: network.subnet,
        gateway: network.gateway,
        bridge: network.bridge.clone(),
        uuid,
        uid,
    }
}

impl Builder<'_> {
    /// The address that nobody asks for and that it has all the same, where its network stays.
    pub(super) fn kept_address(&self, old: &Instance) -> Option<Ipv4Addr> {
        let stays = |network: &&ObservedNetwork| network.name == self.network.name();
        let subnet = self.observed.own_networks().find(stays)?.subnet?;
        let address = old.address.or(old.stamp.asked.address)?;
        subnet.contains(&address).then_some(address)
    }

    pub(super) fn create_network(&mut self) {
        let Choice::Make(network) = &self.network else { return };
        let (network, cause) = (network.clone(), self.cause_of_network("no network"));
        self.free(Action::CreateNetwork { network }, cause);
    }

    fn cause_of_network(&self, found: &str) -> Cause {
        match &self.goal.desired.network.address {
            Some(address) => Cause::key("IP_ADDRESS", address.place(), found, address.value),
            None => Cause::found("no network of the project's"),
        }
    }

    /// Networks of the project's that its instance is not in, and will not be in.
    pub(super) fn remove_other_networks(&mut self, cause: &Cause) {
        self.remove_networks_but(None, cause);
    }

    pub(super) fn remove_networks_but(&mut self, used: Option<&str>, cause: &Cause) {
        let others: Vec<_> = self
            .observed
            .own_networks()
            .filter(|network| network.name != self.network.name())
            .filter(|network| Some(network.name.as_str()) != used)
            .filter(|network| network.shared_with.is_empty())
            .map(|network| network.name.clone())
            .collect();
        let uuid = self.goal.desired.identity.uuid;
        for name in others {
            self.free(Action::RemoveNetwork { name, uuid }, cause.clone());
        }
    }

    pub(super) fn makes_network(&self) -> bool {
        matches!(self.network, Choice::Make(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::network::HostAddress;
    use crate::model::observed::Power;
    use crate::plan::fixture::{desired, observed, written};

    fn at(text: &str) -> Desired {
        let mut wish = desired();
        wish.network.address = Some(written(HostAddress::parse(text).unwrap()));
        wish
    }

    fn seen(subnet: &str) -> Observed {
        let wish = desired();
        let mut seen = observed(&wish, Power::Running);
        let network = seen.network.as_mut().unwrap();
        network.subnet = Some(subnet.parse().unwrap());
        seen
    }

    #[test]
    fn a_network_that_fits_is_kept() {
        let base = desired().identity.network_name();
        for (wish, subnet) in [
            (desired(), "10.9.0.0/24"),
            (at("10.9.0.7"), "10.9.0.0/24"),
            (at("10.9.0.7/16"), "10.9.0.0/16"),
        ] {
            let seen = seen(subnet);
            assert_eq!(choose(&wish, &seen, seen.instance()), Choice::There(base.clone()));
        }
        let mut wish = at("10.9.0.7");
        wish.network.gateway = Some(written(Ipv4Addr::new(10, 9, 0, 1)));
        let seen = seen("10.9.0.0/24");
        assert_eq!(choose(&wish, &seen, None), Choice::There(base), "the first is the default");
    }

    #[test]
    fn one_that_does_not_fit_gives_way_to_one_of_another_name() {
        let base = desired().identity.network_name();
        let mut gateway = at("10.9.0.7");
        gateway.network.gateway = Some(written(Ipv4Addr::new(10, 9, 0, 254)));
        let mut bridged = at("10.9.0.7");
        bridged.network.bridge = Some(written("br0".to_owned()));
        for wish in [at("10.8.0.7"), at("10.9.0.7/16"), gateway, bridged] {
            let mut seen = seen("10.9.0.0/24");
            let choice = choose(&wish, &seen, seen.instance());
            let Choice::Make(spec) = &choice else { panic!("{choice:?}") };
            assert_eq!(spec.name, format!("{base}-2"));
            assert_eq!(
                (spec.subnet, &spec.bridge),
                (Wanted::of(&wish).subnet, &Wanted::of(&wish).bridge)
            );
            // Once it is there, it is the one; what it takes the place of is not.
            let made = ObservedNetwork {
                name: spec.name.clone(),
                ours: true,
                isolated: spec.bridge.is_none(),
                subnet: spec.subnet,
                gateway: spec.gateway,
                bridge: spec.bridge.clone(),
                ..ObservedNetwork::default()
            };
            seen.networks.push(made);
            assert_eq!(choose(&wish, &seen, seen.instance()), Choice::There(format!("{base}-2")));
        }
        let mut open = seen("10.9.0.0/24");
        open.network.as_mut().unwrap().isolated = false;
        assert!(matches!(choose(&desired(), &open, None), Choice::Make(_)), "others get in");
    }

    #[test]
    fn a_network_that_was_removed_is_made_under_its_name() {
        let wish = desired();
        let mut seen = observed(&wish, Power::Stopped);
        let name = format!("{}-2", wish.identity.network_name());
        seen.instances[0].networks = vec![name.clone()];
        seen.network = None;
        assert_eq!(choose(&wish, &seen, seen.instance()).name(), name);
        seen.instances[0].networks = vec!["podman".to_owned()];
        assert_eq!(choose(&wish, &seen, seen.instance()).name(), wish.identity.network_name());
    }
}
