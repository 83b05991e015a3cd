//! Networks in memory: made, removed, changed, joined and left.

use crate::model::observed::ObservedNetwork;
use crate::model::spec::NetworkSpec;
use crate::plan::action::{Action, Outcome};
use crate::provider::ProviderError;

use super::{World, stale};

impl World {
    pub(super) fn networks_action(&mut self, action: &Action) -> Result<Outcome, ProviderError> {
        match action {
            Action::CreateNetwork { network } => {
                match self.networks.iter().find(|(held, _)| held.name == network.name) {
                    Some((_, owner)) if *owner == network.uuid => return Ok(Outcome::AlreadyDone),
                    Some(_) => return stale("a network of somebody else's has the name"),
                    None => {}
                }
                self.networks.push((made(network), network.uuid));
            }
            Action::RemoveNetwork { name, uuid } => {
                match self.networks.iter().position(|(held, _)| held.name == *name) {
                    None => return Ok(Outcome::AlreadyDone),
                    Some(at) if self.networks[at].1 == *uuid => drop(self.networks.remove(at)),
                    Some(_) => return stale("the network is somebody else's"),
                }
            }
            Action::ChangeNetwork { target, from, to, address, .. } => {
                let Some(at) = self.find(target) else { return stale("there is no such instance") };
                if self.instances[at].state.is_up() {
                    return stale("it is running");
                }
                self.networks
                    .retain(|(held, owner)| (&held.name, owner) != (&from.name, &from.uuid));
                if !self.networks.iter().any(|(held, _)| held.name == to.name) {
                    self.networks.push((made(to), to.uuid));
                }
                self.instances[at].networks = vec![to.name.clone()];
                self.instances[at].address = *address;
            }
            Action::JoinNetwork { target, network, address } => {
                let Some(at) = self.find(target) else { return stale("there is no such instance") };
                if self.instances[at].networks.contains(network) {
                    return Ok(Outcome::AlreadyDone);
                }
                self.instances[at].networks.push(network.clone());
                self.instances[at].address = *address;
            }
            Action::LeaveNetwork { target, network } => {
                let Some(at) = self.find(target) else { return stale("there is no such instance") };
                let before = self.instances[at].networks.len();
                self.instances[at].networks.retain(|name| name != network);
                if self.instances[at].networks.len() == before {
                    return Ok(Outcome::AlreadyDone);
                }
            }
            _ => return stale("it is not about networks"),
        }
        Ok(Outcome::Done)
    }
}

fn made(network: &NetworkSpec) -> ObservedNetwork {
    ObservedNetwork {
        name: network.name.clone(),
        ours: true,
        isolated: network.bridge.is_none(),
        subnet: network.subnet,
        gateway: network.gateway,
        bridge: network.bridge.clone(),
        ..ObservedNetwork::default()
    }
}
