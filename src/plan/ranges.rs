//! Whether a network that a plan makes is in the way of what is there: the host's routes, and the
//! networks of others. On a bridge, whether somebody has the address.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::model::desired::Desired;
use crate::model::observed::{Observed, ObservedNetwork};
use crate::model::spec::NetworkSpec;

use super::Plan;
use super::action::Action;
use super::error::PlanError;

/// A range that the host reaches by a route, or has an address in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The range.
    pub range: Ipv4Net,
    /// The interface, where it is known.
    pub device: Option<String>,
}

/// Looks at every network that the plan makes with a range.
#[must_use]
pub fn conflicts(
    plan: &Plan,
    desired: &Desired,
    observed: &Observed,
    routes: &[Route],
) -> Vec<PlanError> {
    let mut goes: Vec<&str> = Vec::new();
    let mut made: Vec<&NetworkSpec> = Vec::new();
    for step in &plan.steps {
        match &step.action {
            Action::RemoveNetwork { name, .. } => goes.push(name),
            Action::ChangeNetwork { from, to, .. } => {
                goes.push(&from.name);
                made.push(to);
            }
            Action::CreateNetwork { network } => made.push(network),
            _ => {}
        }
    }
    let networks: Vec<&ObservedNetwork> =
        observed.network.iter().chain(&observed.networks).collect();
    let stays = |network: &&&ObservedNetwork| !goes.contains(&network.name.as_str());
    let place = || desired.network.address.as_ref().and_then(|address| address.place()).cloned();
    let mut errors = Vec::new();
    let address = desired.network.address.as_ref().map(|address| address.value.address);
    for spec in made {
        let Some(range) = spec.subnet else { continue };
        if let (Some(bridge), Some(address)) = (&spec.bridge, address) {
            let by = on_bridge(bridge, address, networks.iter().filter(stays).copied(), routes);
            errors.extend(by.map(|by| PlanError::AddressTaken { address, by, place: place() }));
            continue;
        }
        let by = networks
            .iter()
            .filter(stays)
            .find_map(|network| {
                let theirs = network.subnet.filter(|theirs| overlap(*theirs, range))?;
                let by = match &network.owner {
                    Some(owner) => format!("the network of {owner}"),
                    None => format!("the network `{}`", network.name),
                };
                // One that is on a bridge has its range in common with the host.
                network.bridge.is_none().then_some((theirs, by))
            })
            .or_else(|| in_the_way(range, routes, &networks));
        if let Some((theirs, by)) = by {
            errors.push(PlanError::RangeTaken { range, theirs, by, place: place() });
        }
    }
    errors
}

/// A route of the host's that is not the route to one of the engine's networks.
fn in_the_way(
    range: Ipv4Net,
    routes: &[Route],
    networks: &[&ObservedNetwork],
) -> Option<(Ipv4Net, String)> {
    let of_a_network = |route: &Route| {
        networks.iter().any(|network| {
            network.bridge.is_none() && network.subnet.is_some_and(|own| own.contains(&route.range))
        })
    };
    let route = routes.iter().find(|route| overlap(route.range, range) && !of_a_network(route))?;
    let by = match &route.device {
        Some(device) => format!("the host's route through {device}"),
        None => "a route of the host's".to_owned(),
    };
    Some((route.range, by))
}

/// Who has an address on a bridge, as far as can be known from here.
fn on_bridge<'a>(
    bridge: &str,
    address: Ipv4Addr,
    mut networks: impl Iterator<Item = &'a ObservedNetwork>,
    routes: &[Route],
) -> Option<String> {
    let own = Ipv4Net::new(address, 32).ok()?;
    if routes.iter().any(|route| route.range == own) {
        return Some("this host".to_owned());
    }
    let holder = networks.find(|network| {
        network.bridge.as_deref() == Some(bridge) && network.address == Some(address)
    })?;
    holder.owner.clone()
}

fn overlap(a: Ipv4Net, b: Ipv4Net) -> bool {
    a.contains(&b) || b.contains(&a)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::network::HostAddress;
    use crate::model::observed::Power;
    use crate::plan::fixture::{desired, observed, up, written};

    fn at(text: &str) -> Desired {
        let mut wish = desired();
        wish.network.address = Some(written(HostAddress::parse(text).unwrap()));
        wish
    }

    fn route(range: &str, device: Option<&str>) -> Route {
        Route { range: range.parse().unwrap(), device: device.map(str::to_owned) }
    }

    fn said(wish: &Desired, observed: &Observed, routes: &[Route]) -> Vec<String> {
        let plan = up(wish, observed).unwrap();
        let errors = conflicts(&plan, wish, observed, routes);
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_route_of_the_hosts_is_in_the_way() {
        let routes = [route("192.168.0.0/16", Some("eth0")), route("100.64.0.0/10", None)];
        let nothing = Observed::default();
        for (address, by) in [
            ("192.168.7.5", "192.168.0.0/16, the host's route through eth0"),
            ("192.0.0.5/8", "192.168.0.0/16, the host's route through eth0"),
            ("100.64.9.5", "100.64.0.0/10, a route of the host's"),
        ] {
            let said = said(&at(address), &nothing, &routes);
            assert!(said.len() == 1 && said[0].contains(by), "{address}: {said:?}");
        }
        assert_eq!(said(&at("10.9.0.5"), &nothing, &routes), [""; 0]);
        assert_eq!(said(&desired(), &nothing, &routes), [""; 0], "the engine picks a free one");
    }

    #[test]
    fn networks_of_others_are_in_the_way_and_the_own_is_not() {
        let named = |owner: Option<&str>| ObservedNetwork {
            name: "other".to_owned(),
            subnet: Some("10.77.0.0/16".parse().unwrap()),
            isolated: true,
            owner: owner.map(str::to_owned),
            ..ObservedNetwork::default()
        };
        let mut seen = Observed { networks: vec![named(None)], ..Observed::default() };
        // Its route is not told besides.
        let routes = [route("10.77.0.0/16", Some("podman7")), route("10.77.0.1/32", None)];
        let wish = at("10.77.3.5");
        assert!(said(&wish, &seen, &routes)[0].contains("the network `other`"));
        seen.networks = vec![named(Some("the project `api` (/a)"))];
        assert!(said(&wish, &seen, &routes)[0].contains("the network of the project `api` (/a)"));
        // The network that gives way is nobody's obstacle, and neither is its route.
        let before = at("10.77.3.5");
        let mut own = observed(&before, Power::Running);
        own.network.as_mut().unwrap().subnet = Some("10.77.3.0/24".parse().unwrap());
        let routes = [route("10.77.3.0/24", Some("podman7"))];
        assert_eq!(said(&at("10.77.3.5/16"), &own, &routes), [""; 0]);
    }

    #[test]
    fn on_a_bridge_the_address_counts_and_not_the_range() {
        let mut wish = at("192.168.7.5/24");
        wish.network.bridge = Some(written("br0".to_owned()));
        let routes = [route("192.168.7.0/24", Some("br0")), route("192.168.7.2/32", None)];
        let mut seen = Observed::default();
        assert_eq!(said(&wish, &seen, &routes), [""; 0]);
        let theirs = ObservedNetwork {
            name: "other".to_owned(),
            bridge: Some("br0".to_owned()),
            subnet: Some("192.168.7.0/24".parse().unwrap()),
            owner: Some("the project `api` (/a)".to_owned()),
            address: Some(Ipv4Addr::new(192, 168, 7, 5)),
            ..ObservedNetwork::default()
        };
        seen.networks = vec![theirs];
        assert_eq!(said(&wish, &seen, &routes), ["192.168.7.5 belongs to the project `api` (/a)"]);
        wish.network.address = Some(written(HostAddress::parse("192.168.7.2/24").unwrap()));
        assert_eq!(said(&wish, &seen, &routes), ["192.168.7.2 belongs to this host"]);
    }
}
