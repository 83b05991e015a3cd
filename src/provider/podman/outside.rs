//! Puts right, while the container runs on, what others have done to it: networks and limits.

use std::net::Ipv4Addr;

use bollard::models::{
    EndpointIpamConfig, EndpointSettings, NetworkConnectRequest, NetworkDisconnectRequest,
};

use super::client::{CHANGE, LIBPOD, escape};
use super::execute::{Found, doing, find, gone, stale, the};
use super::look;
use super::{Podman, cgroup, networks, spec};
use crate::deed;
use crate::model::life::Limits;
use crate::model::network::MacAddress;
use crate::model::observed::Power;
use crate::model::units::{CpuCount, Memory};
use crate::plan::action::{Outcome, Target};
use crate::provider::ProviderError;

/// Brings a container back into the project's network, with its forwarded ports.
pub(super) async fn join(
    room: &Podman,
    target: &Target,
    network: &str,
    address: Option<Ipv4Addr>,
) -> Result<Outcome, ProviderError> {
    let seen = the!(room, target);
    if seen.instance.networks.iter().any(|name| name == network) {
        return Ok(Outcome::AlreadyDone);
    }
    let first = match look::network(&room.client, network).await? {
        Some(found) if networks::belongs_to(&found, target.uuid) => spec::first_address_of(&found),
        Some(_) => return Ok(stale(format!("the network {network} is not this project's"))),
        None => return Ok(stale(format!("the network {network} is gone"))),
    };
    let operation = format!("connect {} with the network {network}", target.name);
    // Left to itself, the engine would give it another address at each start from here on.
    let mut joined = connect(room, target, &seen.instance.id, network, address.or(first)).await;
    if joined.is_err() && address.is_none() {
        // Somebody else may have it, who was put there by hand.
        drop(disconnect(room, &seen.instance.id, network).await);
        joined = connect(room, target, &seen.instance.id, network, None).await;
    }
    match joined {
        Ok(()) => Ok(Outcome::Done),
        Err(error) => {
            // A connection that failed half-way is in the engine's books, and in the way of another.
            drop(disconnect(room, &seen.instance.id, network).await);
            Err(room.said(&operation, CHANGE, error))
        }
    }
}

/// Takes a container out of a network. The network itself may be anybody's: it is not touched.
pub(super) async fn leave(
    room: &Podman,
    target: &Target,
    network: &str,
) -> Result<Outcome, ProviderError> {
    let seen = the!(room, target);
    if seen.instance.networks.iter().all(|name| name != network) {
        return Ok(Outcome::AlreadyDone);
    }
    let Err(error) = disconnect(room, &seen.instance.id, network).await else {
        return Ok(Outcome::Done);
    };
    match find(room, target).await? {
        Found::It(seen) if seen.instance.networks.iter().any(|name| name == network) => {
            let operation = format!("disconnect {} from the network {network}", target.name);
            Err(room.said(&operation, CHANGE, error))
        }
        _ => Ok(Outcome::Done),
    }
}

/// Sets the limits that the container was made with. Podman 4.3 forgets such a change at the next
/// start, which does no harm: then those that it was made with hold by themselves.
pub(super) async fn set_limits(
    room: &Podman,
    target: &Target,
    memory: Memory,
    cpus: CpuCount,
) -> Result<Outcome, ProviderError> {
    let seen = the!(room, target);
    let wanted = Limits { memory: Some(memory), millicpus: Some(cpus.0.saturating_mul(1000)) };
    let made_with = Limits { memory: seen.instance.memory, millicpus: seen.instance.millicpus };
    match seen.instance.state {
        Power::Running | Power::Paused => {}
        // It was stopped meanwhile: the next start sets what it was made with.
        _ if made_with == wanted => return Ok(Outcome::AlreadyDone),
        other => return Ok(stale(format!("{} {}", target.name, doing(other)))),
    }
    if cgroup::in_force(&seen.container).is_some_and(|found| found == wanted) {
        return Ok(Outcome::AlreadyDone);
    }
    let operation = format!("set the limits of {}", target.name);
    let path = format!("{LIBPOD}/containers/{}/update", escape(&seen.instance.id));
    let limits = spec::limits(memory, cpus, &look::unlimited(room));
    let update = room.client.post(&path, Some(&limits), CHANGE);
    deed::around("podman.set_limits", update).await?.success(&operation)?;
    Ok(Outcome::Done)
}

pub(super) async fn disconnect(
    room: &Podman,
    id: &str,
    network: &str,
) -> Result<(), bollard::errors::Error> {
    let request = NetworkDisconnectRequest { container: id.to_owned(), force: None };
    let docker = bollard_for_changes(room)?;
    deed::around("podman.disconnect", docker.disconnect_network(network, request)).await
}

pub(super) fn bollard_for_changes(
    room: &Podman,
) -> Result<bollard::Docker, bollard::errors::Error> {
    room.client.docker(CHANGE).map_err(|error| bollard::errors::Error::IOError {
        err: std::io::Error::other(error.to_string()),
    })
}

pub(super) async fn connect(
    room: &Podman,
    target: &Target,
    id: &str,
    network: &str,
    address: Option<Ipv4Addr>,
) -> Result<(), bollard::errors::Error> {
    let fixed = address.map(|address| EndpointIpamConfig {
        ipv4_address: Some(address.to_string()),
        ..EndpointIpamConfig::default()
    });
    // Not told of one, the engine makes up another.
    let mac_address = Some(MacAddress::of_instance(target.uuid).to_string());
    let settings = EndpointSettings { ipam_config: fixed, mac_address, ..Default::default() };
    let request =
        NetworkConnectRequest { container: id.to_owned(), endpoint_config: Some(settings) };
    let docker = bollard_for_changes(room)?;
    deed::around("podman.connect", docker.connect_network(network, request)).await
}
