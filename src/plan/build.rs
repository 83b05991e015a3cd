//! The steps of `up`, put together piece by piece: make, change live, replace, recreate.

use crate::model::capability::{Cost, Field};
use crate::model::id::InstanceUuid;
use crate::model::observed::{Instance, Observed, ObservedNetwork, Power};
use crate::model::spec::{BaseImage, InstanceSpec};
use crate::model::stamp::{Asked, Stamp};

use super::action::{Action, Fetch, StopMode, Target, Volumes};
use super::diff::Change;
use super::error::PlanError;
use super::network::{Choice, Wanted, as_it_is, of_instance};
use super::outside;
use super::steps::{Recreate, RunningGoal, at_rest};
use super::{Cause, Step};

/// A plan of `up` in the making.
pub(super) struct Builder<'a> {
    pub(super) goal: &'a RunningGoal<'a>,
    pub(super) observed: &'a Observed,
    /// The name that the instance gets.
    pub(super) name: String,
    /// The network that it is to be in.
    pub(super) network: Choice,
    pub(super) steps: Vec<Step>,
}

impl Builder<'_> {
    pub(super) fn push(&mut self, action: Action, cost: Cost, cause: Cause) {
        self.steps.push(Step { action, cost, cause });
    }

    pub(super) fn free(&mut self, action: Action, cause: Cause) {
        self.steps.push(Step::free(action, cause));
    }

    fn fetch_image(&mut self, cause: &Cause) {
        let image = &self.goal.desired.image;
        // What is built follows its files whenever an instance is made of it.
        let wanted = self.observed.image.is_none() || image.value.is_built();
        if wanted || self.goal.fetch == Fetch::Always {
            let (image, fetch) = (image.value.clone(), self.goal.fetch);
            self.free(Action::FetchImage { image, fetch }, cause.clone());
        }
    }

    fn spec(&self, image: BaseImage, generation: u32, created_at: &str) -> InstanceSpec {
        let desired = self.goal.desired;
        let identity = &desired.identity;
        let mounts: Vec<_> = desired.mounts.iter().map(|mount| mount.value.clone()).collect();
        let address = desired.network.address.as_ref().map(|address| address.value.address);
        let address_range = Wanted::of(desired).subnet;
        let stamp = Stamp {
            schema: Stamp::SCHEMA,
            uuid: identity.uuid,
            uid: identity.uid,
            project: identity.project.path.clone(),
            device: identity.project.device,
            inode: identity.project.inode,
            mount: identity.project.mount.clone(),
            infra_type: identity.infra_type,
            provider: identity.provider,
            infra_id: identity.id.clone(),
            generation,
            created_at: created_at.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            asked: Asked {
                image: desired.image.value.clone(),
                // That of a build is known when it has been built.
                image_id: self
                    .observed
                    .image
                    .as_ref()
                    .filter(|_| !desired.image.value.is_built())
                    .map(|image| image.id.clone()),
                memory: desired.memory.value,
                cpus: desired.cpus.value,
                command: desired.command.value.clone(),
                ports: self.goal.ports.to_vec(),
                mounts: mounts.clone(),
                address,
                gateway: desired.network.gateway.as_ref().map(|gateway| gateway.value),
                subnet: address_range,
                bridge: desired.network.bridge.as_ref().map(|bridge| bridge.value.clone()),
                dns: desired.network.dns.iter().map(|server| server.value).collect(),
                ttl: desired.ttl.as_ref().map(|ttl| ttl.value),
            },
        };
        InstanceSpec {
            name: self.name.clone(),
            hostname: identity.id.to_string(),
            image,
            memory: desired.memory.value,
            cpus: desired.cpus.value,
            command: desired.command.value.clone(),
            network: self.network.name().to_owned(),
            address,
            ports: self.goal.ports.to_vec(),
            mounts,
            autostart: desired.autostart.value,
            volumes_from: None,
            vm: None,
            stamp,
        }
    }

    fn target_of(&self, spec: &InstanceSpec) -> Target {
        Target {
            name: spec.name.clone(),
            id: None,
            uuid: spec.stamp.uuid,
            generation: spec.stamp.generation,
            infra_type: spec.stamp.infra_type,
        }
    }

    fn create(&mut self, spec: InstanceSpec, cost: Cost, cause: &Cause, start: bool) {
        let target = self.target_of(&spec);
        self.push(Action::Create { spec: Box::new(spec) }, cost, cause.clone());
        if start {
            self.free(Action::Start { target }, cause.clone());
        }
    }

    /// There is nothing yet.
    pub(super) fn make(&mut self) {
        let cause = Cause::found("no instance of the project's");
        self.fetch_image(&cause);
        // What is in nobody's use goes first: its range may be in the way.
        self.remove_other_networks(&cause);
        self.create_network();
        let image = BaseImage::Source(self.goal.desired.image.value.clone());
        let spec = self.spec(image, 1, self.goal.now);
        self.create(spec, Cost::None, &cause, self.goal.start);
        self.remove_all_files();
    }

    /// Somebody is removing it: that is seen through, and another one made.
    fn make_after(&mut self, going: &Instance) {
        self.see_off(going);
        let cause = Cause::found("no other instance of the project's");
        self.fetch_image(&cause);
        self.remove_other_networks(&cause);
        self.create_network();
        let image = BaseImage::Source(self.goal.desired.image.value.clone());
        let generation = going.stamp.generation.saturating_add(1);
        let spec = self.spec(image, generation, self.goal.now);
        self.create(spec, Cost::None, &cause, self.goal.start);
        self.remove_all_files();
    }

    /// There is one: as cheaply as can be, to what is wanted.
    pub(super) fn mend(
        &mut self,
        instance: &Instance,
        changes: &[Change],
    ) -> Result<(), Vec<PlanError>> {
        if let Some(why) = &instance.life.damaged
            && self.goal.recreate != Recreate::Always
        {
            let (name, why) = (instance.name.clone(), why.clone());
            return Err(vec![PlanError::Damaged { name, why }]);
        }
        if instance.state == Power::Unknown {
            return Err(vec![PlanError::UnknownState { found: instance.state }]);
        }
        if instance.state == Power::Removing {
            self.make_after(instance);
            return Ok(());
        }
        let refused: Vec<_> = changes
            .iter()
            .filter(|change| change.cost == Cost::Refused)
            .map(|change| PlanError::Unsupported {
                provider: self.goal.desired.identity.provider,
                key: change.field.key(),
                what: format!(
                    "change {} from {} to {}",
                    change.field.key(),
                    change.found,
                    change.wanted
                ),
                help: "set it back, or `vagrantp rm` and `vagrantp up`".to_owned(),
                place: change.place.clone(),
            })
            .collect();
        if !refused.is_empty() {
            return Err(refused);
        }
        let dearest = changes.iter().map(|change| change.cost).max().unwrap_or(Cost::None);
        if self.goal.recreate == Recreate::Always {
            self.recreate(instance, Cause::option("--recreate"));
        } else if dearest == Cost::Recreate {
            self.recreate(instance, Cause::of_changes(changes, Cost::Recreate));
        } else if matches!(dearest, Cost::Replace | Cost::Restart) {
            self.replace(instance, changes);
        } else {
            self.change_live(instance, changes);
        }
        Ok(())
    }

    fn change_live(&mut self, instance: &Instance, changes: &[Change]) {
        let cause = Cause::found("a network that is not used any more");
        self.remove_other_networks(&cause);
        self.create_network();
        let mut target = Target::of(instance);
        let mut limited = false;
        for change in changes {
            let cause = Cause::of_changes(std::slice::from_ref(change), change.cost);
            match change.field {
                Field::Name => {
                    let to = self.name.clone();
                    self.push(
                        Action::Rename { target: target.clone(), to: to.clone() },
                        Cost::Live,
                        cause,
                    );
                    target.name = to;
                }
                Field::Address => {
                    let address = self.goal.desired.network.address.as_ref();
                    let action = Action::ChangeAddress {
                        target: target.clone(),
                        network: self.network.name().to_owned(),
                        address: address.map(|address| address.value.address),
                    };
                    self.push(action, Cost::Live, cause);
                }
                Field::Autostart => {
                    let autostart = self.goal.desired.autostart.value;
                    let action = Action::SetAutostart { target: target.clone(), autostart };
                    self.push(action, Cost::Live, cause);
                }
                Field::Memory | Field::Cpus if limited => {}
                Field::Memory | Field::Cpus | Field::Network => {
                    limited |= change.field != Field::Network;
                    let own = self.network.name().to_owned();
                    let desired = self.goal.desired;
                    for action in outside::mend(change.field, desired, instance, &target, &own) {
                        self.push(action, Cost::Live, cause.clone());
                    }
                }
                // No container has these, or has them changed live; the capabilities say so.
                _ => {}
            }
        }
        if self.goal.start {
            self.bring_up(instance, target);
        }
        self.remove_old_files(instance);
    }

    /// Every state that is not running, and the way to running.
    fn bring_up(&mut self, instance: &Instance, target: Target) {
        match instance.state {
            Power::Running => {}
            Power::Paused => self.free(Action::Resume { target }, Cause::found("it is suspended")),
            Power::Created => {
                self.free(Action::Start { target }, Cause::found("it was never started"));
            }
            Power::Stopped => self.free(Action::Start { target }, Cause::found("it is stopped")),
            Power::Stopping | Power::Removing | Power::Unknown => {
                let cause = Cause::found("it is on its way down");
                // By the name that it has by now.
                let stop = Action::Stop { target: target.clone(), mode: self.grace() };
                self.free(stop, cause.clone());
                self.free(Action::Start { target }, cause);
            }
        }
    }

    fn grace(&self) -> StopMode {
        StopMode::Graceful { grace: self.goal.desired.stop_timeout.value.duration() }
    }

    /// Made again around its files.
    fn replace(&mut self, instance: &Instance, changes: &[Change]) {
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
    fn recreate(&mut self, instance: &Instance, cause: Cause) {
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
