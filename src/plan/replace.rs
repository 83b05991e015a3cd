//! The steps that put another container into the place of one: around its files, or without them.

use crate::model::capability::Cost;
use crate::model::id::InstanceUuid;
use crate::model::observed::{Instance, ObservedNetwork, Power};
use crate::model::spec::BaseImage;

use super::Cause;
use super::action::{Action, Target, Volumes};
use super::build::Builder;
use super::diff::Change;
use super::network::{Choice, as_it_is, of_instance};
use super::steps::at_rest;

impl Builder<'_> {
    /// Made again around its files.
    pub(super) fn replace(&mut self, instance: &Instance, changes: &[Change]) {
        let cause = Cause::of_changes(changes, Cost::Replace);
        let uuid = self.goal.desired.identity.uuid;
        let from = of_instance(self.observed, instance);
        // What is in nobody's use goes first: its range may be in the way.
        self.remove_networks_but(from.map(|network| network.name.as_str()), &cause);
        self.replace_with(instance, uuid, from, cause.clone());
        if let (Some(from), Choice::There(name)) = (from, &self.network)
            && from.name != *name
        {
            self.free(Action::RemoveNetwork { name: from.name.clone(), uuid }, cause);
        }
    }

    /// `from` is the network that the old one is in, where it was observed.
    pub(super) fn replace_with(
        &mut self,
        old: &Instance,
        uuid: InstanceUuid,
        from: Option<&ObservedNetwork>,
        cause: Cause,
    ) {
        let cost = Cost::Replace;
        let mut target = Target::of(old);
        if from.is_none() {
            self.create_network();
        }
        if !at_rest(old.state) {
            let action = Action::Stop { target: target.clone(), mode: self.grace() };
            self.push(action, cost, cause.clone());
        }
        let generation = old.stamp.generation.saturating_add(1);
        // A name that was never used: an interrupted replacement's files may be older than these.
        let moment: String = self.goal.now.chars().filter(char::is_ascii_digit).collect();
        let image = format!("localhost/vagrantp/{uuid}:{generation}-{moment}");
        let save = Action::SaveFiles { target: target.clone(), image: image.clone() };
        self.push(save, cost, cause.clone());
        let aside = format!("{}-replaced-{}", self.name, old.stamp.generation);
        if target.name != aside {
            let to = aside.clone();
            self.free(Action::Rename { target: target.clone(), to }, cause.clone());
        }
        target.name = aside;
        if let (Some(from), Choice::Make(to)) = (from, &self.network) {
            let action = Action::ChangeNetwork {
                target: target.clone(),
                from: as_it_is(from, old.stamp.uuid, old.stamp.uid),
                to: to.clone(),
                former: old.stamp.asked.address,
                address: None,
            };
            self.push(action, cost, cause.clone());
        }
        let mut spec =
            self.spec(BaseImage::Saved(image.clone()), generation, &old.stamp.created_at);
        spec.address = spec.address.or_else(|| self.kept_address(old));
        // What the files came from stays what it was, so that IMAGE is compared with the truth.
        spec.stamp.asked.image_id = old.stamp.asked.image_id.clone();
        spec.volumes_from = Some(old.id.clone());
        let start = self.goal.start || old.state == Power::Running;
        self.create(spec, cost, &cause, start);
        self.free(Action::Remove { target, volumes: Volumes::Keep }, cause.clone());
        for former in self.observed.saved_images.iter().filter(|saved| **saved != image) {
            self.free(Action::RemoveImage { image: former.clone() }, cause.clone());
        }
    }

    /// From the image again; what was written since is lost.
    pub(super) fn recreate(&mut self, instance: &Instance, cause: Cause) {
        let was_up = instance.state == Power::Running;
        self.fetch_image(&cause);
        // Where another is in the way, that one has to go first, and the instance before it.
        let early = self.observed.own_networks().next().is_none();
        if early {
            self.create_network();
        }
        if !at_rest(instance.state) {
            let action = Action::Stop { target: Target::of(instance), mode: self.grace() };
            self.push(action, Cost::Recreate, cause.clone());
        }
        let target = Target::of(instance);
        let remove = Action::Remove { target, volumes: Volumes::Remove };
        self.push(remove, Cost::Recreate, cause.clone());
        if !early {
            self.remove_other_networks(&cause);
            self.create_network();
        }
        let image = BaseImage::Source(self.goal.desired.image.value.clone());
        let generation = instance.stamp.generation.saturating_add(1);
        let spec = self.spec(image, generation, self.goal.now);
        self.create(spec, Cost::None, &cause, self.goal.start || was_up);
        let another = instance.stamp.asked.image != self.goal.desired.image.value;
        let built = self.observed.built_images.iter().filter(|_| another);
        for former in self.observed.saved_images.iter().chain(built).cloned().collect::<Vec<_>>() {
            self.free(Action::RemoveImage { image: former }, cause.clone());
        }
    }
}
