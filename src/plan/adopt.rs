//! The steps of `adopt`: what was made for this directory at another path is made again for this one.

use std::collections::BTreeSet;

use crate::model::capability::Cost;
use crate::model::id::Identity;
use crate::model::observed::{Instance, Observed, Power};

use super::action::{Action, Target, Volumes};
use super::build::Builder;
use super::snapshots::own;
use super::steps::{at_rest, down};
use super::{Cause, Step};

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

    /// The VM of another path's project, with this one's stamp from now on: it is the same machine,
    /// with the disk, the keys and the addresses that it had.
    pub(super) fn adopt_machine(&mut self, moved: &Instance) {
        let cause = Cause::found("an instance of this directory's, made at another path");
        for step in down(moved, self.grace(), &cause) {
            self.steps.push(Step { cost: Cost::Restart, ..step });
        }
        let spec = self.configured(moved);
        let target = self.target_of(&spec);
        let configure = Action::Configure { target: Target::of(moved), spec: Box::new(spec) };
        self.free(configure, cause.clone());
        if self.goal.start || moved.state == Power::Running {
            self.start_machine(target, &cause);
        }
    }

    /// Sees a taking over to its end that was interrupted when the new object was there already.
    pub(super) fn see_adoption_through(&mut self) {
        let identity = &self.goal.desired.identity;
        self.steps.extend(rest_of_adoption(identity, self.observed));
    }
}

/// The object that this instance was made from when the directory moved, where it is still there. It
/// was put aside, its files are in the instance, and it has not run since.
fn taken_over(observed: &Observed) -> Option<&Instance> {
    let instance = observed.instance()?;
    let (old, new) = (observed.moved.as_ref()?, &instance.stamp);
    let is_former = old.stamp.created_at == new.created_at
        && old.stamp.generation < new.generation
        && old.name.ends_with(&format!("-replaced-{}", old.stamp.generation));
    (is_former && at_rest(old.state)).then_some(old)
}

/// What an interrupted `adopt` has left to remove. Its snapshots went over before anything else.
pub(super) fn rest_of_adoption(identity: &Identity, observed: &Observed) -> Vec<Step> {
    let Some(old) = taken_over(observed) else { return Vec::new() };
    let former = Identity { uuid: old.stamp.uuid, ..identity.clone() };
    let cause = Cause::found("what this instance was made from when the directory moved");
    let remove = Action::Remove { target: Target::of(old), volumes: Volumes::Keep };
    let named = observed.networks.iter().filter(|network| former.names_network(&network.name));
    let mut names: BTreeSet<String> = named.map(|network| network.name.clone()).collect();
    names.insert(former.network_name());
    let networks = names.into_iter().map(|name| Action::RemoveNetwork { name, uuid: former.uuid });
    let images = observed.former_images.iter().cloned();
    let images = images.map(|image| Action::RemoveImage { image });
    let all = std::iter::once(remove).chain(networks).chain(images);
    all.map(|action| Step::free(action, cause.clone())).collect()
}
