//! An instance at rest leaves its network for another. A network cannot be changed, and two with one
//! range cannot be there at once, so the old one goes before the new one is made.

use std::net::Ipv4Addr;

use super::client::CHANGE;
use super::execute::{Found, doing, find, gone, remove_network, stale, the};
use super::outside::{connect, disconnect};
use super::{Podman, make};
use crate::model::spec::NetworkSpec;
use crate::plan::action::{Outcome, Target};
use crate::provider::ProviderError;

pub(super) async fn change_network(
    room: &Podman,
    target: &Target,
    from: &NetworkSpec,
    to: &NetworkSpec,
    address: Option<Ipv4Addr>,
) -> Result<Outcome, ProviderError> {
    let seen = the!(room, target);
    if seen.instance.state.is_up() {
        return Ok(stale(format!("{} {}", target.name, doing(seen.instance.state))));
    }
    let id = &seen.instance.id;
    let is_in = |network: &NetworkSpec| seen.instance.networks.contains(&network.name);
    if is_in(from) {
        let operation = format!("take {} out of the network {}", target.name, from.name);
        let left = disconnect(room, id, &from.name).await;
        left.map_err(|error| room.said(&operation, CHANGE, error))?;
    }
    // Where somebody else has joined it, it cannot go, and the step is taken back.
    if let other @ Outcome::Stale { .. } = remove_network(room, &from.name, from.uuid).await? {
        return Ok(other);
    }
    if let other @ Outcome::Stale { .. } = make::network(room, to).await? {
        return Ok(other);
    }
    if !is_in(to) {
        let operation = format!("put {} into the network {}", target.name, to.name);
        let joined = connect(room, target, id, &to.name, address).await;
        joined.map_err(|error| room.said(&operation, CHANGE, error))?;
    }
    Ok(Outcome::Done)
}
