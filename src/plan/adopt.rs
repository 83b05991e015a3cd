//! The steps of `adopt`: what was made for this directory at another path is made again for this one.

use std::collections::BTreeSet;

use crate::model::id::Identity;
use crate::model::observed::Instance;

use super::Cause;
use super::action::Action;
use super::build::Builder;
use super::snapshots::own;

impl Builder<'_> {
    /// The object of another path's project, made again as this one's.
    pub(super) fn adopt(&mut self, moved: &Instance) {
        let cause = Cause::found("an instance of this directory's, made at another path");
        let uuid = self.goal.desired.identity.uuid;
        let former = Identity { uuid: moved.stamp.uuid, ..self.goal.desired.identity.clone() };
        // First: once the old object is gone, nothing leads to them any more.
        for snapshot in own(self.observed, former.uuid) {
            let (snapshot, to) = (snapshot.clone(), uuid);
            self.free(Action::MoveSnapshot { snapshot, to }, cause.clone());
        }
        let networks: Vec<_> = self
            .observed
            .networks
            .iter()
            .filter(|network| former.names_network(&network.name))
            .collect();
        let from = networks.iter().find(|network| moved.networks.contains(&network.name)).copied();
        self.replace_with(moved, uuid, from, cause.clone());
        let gone = from.filter(|_| self.makes_network()).map(|network| network.name.as_str());
        let mut names: BTreeSet<&str> =
            networks.iter().map(|network| network.name.as_str()).collect();
        let expected = former.network_name();
        names.insert(&expected);
        for name in names.into_iter().filter(|name| Some(*name) != gone) {
            let name = name.to_owned();
            self.free(Action::RemoveNetwork { name, uuid: former.uuid }, cause.clone());
        }
        for image in self.observed.former_images.clone() {
            self.free(Action::RemoveImage { image }, cause.clone());
        }
    }
}
