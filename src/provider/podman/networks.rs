//! Podman's networks → observed values. Pure.

use super::reply::{Listed, Network};
use super::{label, observe};
use crate::model::id::InstanceUuid;
use crate::model::observed::{Instance, ObservedNetwork};

/// Whether the engine keeps it apart from other such networks.
pub(super) fn is_isolated(network: &Network) -> bool {
    let isolate = network.options.get("isolate").map(String::as_str);
    matches!(isolate, Some("true" | "1" | "strict"))
}

/// Whether a network is this instance's: a label alone can be copied, so the name has to be one that
/// vagrantp would have given it.
pub(super) fn belongs_to(network: &Network, uuid: InstanceUuid) -> bool {
    label::belongs_to(&network.labels, uuid) && uuid.names_network(&network.name)
}

pub(super) fn network(network: &Network, uuid: InstanceUuid) -> ObservedNetwork {
    ObservedNetwork {
        name: network.name.clone(),
        ours: belongs_to(network, uuid),
        subnet: network.subnets.iter().find_map(|subnet| subnet.subnet.parse().ok()),
        isolated: is_isolated(network),
        gateway: network.subnets.iter().find_map(|subnet| subnet.gateway.parse().ok()),
        bridge: (network.driver == "macvlan").then(|| network.network_interface.clone()),
        ..ObservedNetwork::default()
    }
}

/// The engine's networks, with whose they are where this user's projects have them: `entries` are
/// the user's containers.
pub(super) fn networks(
    networks: &[Network],
    entries: &[Listed],
    uuid: InstanceUuid,
) -> Vec<ObservedNetwork> {
    let projects: Vec<Instance> = entries.iter().filter_map(observe::listed).collect();
    let seen = |found: &Network| {
        let project = projects.iter().find(|project| {
            project.stamp.uuid != uuid && label::belongs_to(&found.labels, project.stamp.uuid)
        });
        let stamp = project.map(|project| &project.stamp);
        ObservedNetwork {
            owner: stamp.map(|stamp| {
                format!("the project `{}` ({})", stamp.infra_id, stamp.project.display())
            }),
            address: stamp.and_then(|stamp| stamp.asked.address),
            ..network(found, uuid)
        }
    };
    networks.iter().map(seen).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::model::id::InfraType;

    fn recorded() -> Network {
        let text = include_str!("../../../tests/fixtures/podman/network.json");
        serde_json::from_str(text).expect("a recorded answer")
    }

    #[test]
    fn a_network_is_read() {
        let uuid = InstanceUuid(recorded().labels[label::UUID].parse().expect("a uuid"));
        let found = network(&recorded(), uuid);
        assert_eq!(found.subnet, Some("10.77.0.0/24".parse().expect("a range")));
        assert_eq!(found.gateway, Some("10.77.0.1".parse().expect("an address")));
        assert!(found.ours && found.isolated && found.bridge.is_none());
        let other = InstanceUuid::derive("m", 0, Path::new("/p"), InfraType::Container);
        assert!(!network(&recorded(), other).ours);
        let macvlan = Network {
            driver: "macvlan".to_owned(),
            network_interface: "br0".to_owned(),
            ..recorded()
        };
        assert_eq!(network(&macvlan, uuid).bridge.as_deref(), Some("br0"));
    }
}
