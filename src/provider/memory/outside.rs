//! What others have done to an instance, put right.

use super::{World, stale};
use crate::plan::action::{Action, Outcome};
use crate::provider::ProviderError;

impl World {
    /// Networks and limits; another action is none of this.
    pub(super) fn put_right(&mut self, action: &Action) -> Result<Outcome, ProviderError> {
        match action {
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
            Action::SetLimits { target, .. } => {
                let Some(at) = self.find(target) else { return stale("there is no such instance") };
                if self.instances[at].life.limits.take().is_none() {
                    return Ok(Outcome::AlreadyDone);
                }
            }
            _ => return stale("nothing that others could have done"),
        }
        Ok(Outcome::Done)
    }
}
