//! The steps of `up`, put together piece by piece: make, change live, replace, recreate.

use crate::model::capability::{Cost, Field};
use crate::model::image::ImageSource;
use crate::model::observed::{Instance, Observed, Power};
use crate::model::spec::{BaseImage, InstanceSpec};
use crate::model::stamp::{Asked, Stamp};

use super::action::{Action, Fetch, StopMode, Target};
use super::diff::Change;
use super::error::PlanError;
use super::network::{Choice, Wanted};
use super::outside;
use super::steps::{Recreate, RunningGoal};
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
    /// What is worth saying of them.
    pub(super) warnings: Vec<String>,
}

impl Builder<'_> {
    pub(super) fn push(&mut self, action: Action, cost: Cost, cause: Cause) {
        self.steps.push(Step { action, cost, cause });
    }

    pub(super) fn free(&mut self, action: Action, cause: Cause) {
        self.steps.push(Step::free(action, cause));
    }

    pub(super) fn fetch_image(&mut self, cause: &Cause) {
        let image = &self.goal.desired.image;
        if image.value == ImageSource::Blank {
            return;
        }
        // What is built follows its files whenever an instance is made of it.
        let wanted = self.observed.image.is_none() || image.value.is_built();
        if wanted || self.goal.fetch == Fetch::Always {
            let (image, fetch) = (image.value.clone(), self.goal.fetch);
            self.free(Action::FetchImage { image, fetch }, cause.clone());
        }
    }

    pub(super) fn spec(&self, image: BaseImage, generation: u32, created_at: &str) -> InstanceSpec {
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
            vm: desired.vm_settings(self.goal.ssh_port).map(Box::new),
            stamp,
        }
    }

    pub(super) fn target_of(&self, spec: &InstanceSpec) -> Target {
        Target {
            name: spec.name.clone(),
            id: None,
            uuid: spec.stamp.uuid,
            generation: spec.stamp.generation,
            infra_type: spec.stamp.infra_type,
        }
    }

    pub(super) fn create(&mut self, spec: InstanceSpec, cost: Cost, cause: &Cause, start: bool) {
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
            match self.is_vm() {
                true => self.make_machine_after(instance),
                false => self.make_after(instance),
            }
            return Ok(());
        }
        let refused: Vec<_> = changes
            .iter()
            .filter(|change| change.cost == Cost::Refused)
            .map(|change| self.refused(change))
            .collect();
        if !refused.is_empty() {
            return Err(refused);
        }
        let dearest = changes.iter().map(|change| change.cost).max().unwrap_or(Cost::None);
        let cause = match self.goal.recreate {
            Recreate::Always => Cause::option("--recreate"),
            Recreate::WhereNeeded => Cause::of_changes(changes, Cost::Recreate),
        };
        let recreate = self.goal.recreate == Recreate::Always || dearest == Cost::Recreate;
        match (self.is_vm(), recreate) {
            (true, true) => self.recreate_machine(instance, &cause),
            (true, false) => self.change_machine(instance, changes),
            (false, true) => self.recreate(instance, cause),
            (false, false) if matches!(dearest, Cost::Replace | Cost::Restart) => {
                self.replace(instance, changes);
            }
            (false, false) => self.change_live(instance, changes),
        }
        Ok(())
    }

    fn refused(&self, change: &Change) -> PlanError {
        if change.field == Field::DiskSize
            && let Some(vm) = &self.observed.instance().and_then(|instance| instance.vm.as_ref())
        {
            return PlanError::DiskShrinks {
                found: vm.settings.disk_size,
                wanted: self.goal.desired.disk_size.value,
                place: change.place.clone(),
            };
        }
        PlanError::Unsupported {
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
        }
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

    pub(super) fn grace(&self) -> StopMode {
        StopMode::Graceful { grace: self.goal.desired.stop_timeout.value.duration() }
    }
}
