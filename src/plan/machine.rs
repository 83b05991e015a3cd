//! The steps of `up` where the instance is a virtual machine: it is changed at rest and started
//! again, and never made again around its files, since its disk is its own.

use crate::model::capability::{Cost, Field};
use crate::model::desired::Desired;
use crate::model::observed::{Instance, Power};
use crate::model::snapshot::Snapshot;
use crate::model::spec::{BaseImage, InstanceSpec};
use crate::model::vm::{DesiredVm, KeptDisk, Readiness, Trouble, WaitFor};

use super::action::{Action, StopMode, Target, Volumes};
use super::build::Builder;
use super::diff::Change;
use super::error::PlanError;
use super::power::{WAIT, await_ready, invalid};
use super::steps::{Recreate, at_rest, down, stop};
use super::{Cause, Plan, Step};

/// What is waited for once it is started.
#[must_use]
pub fn readiness(desired: &Desired, vm: &DesiredVm) -> Readiness {
    Readiness {
        wait_for: vm.wait_for.value,
        timeout: desired.boot_timeout.value,
        user: desired.user.value.clone(),
        key: vm.ssh_key.as_ref().map(|key| key.value.clone()),
    }
}

impl Builder<'_> {
    pub(super) fn is_vm(&self) -> bool {
        self.goal.desired.vm.is_some()
    }

    fn readiness(&self) -> Option<Readiness> {
        self.goal.desired.vm.as_ref().map(|vm| readiness(self.goal.desired, vm))
    }

    fn await_ready(&mut self, target: &Target, cause: &Cause) {
        if let Some(readiness) = self.readiness() {
            let target = target.clone();
            self.free(Action::AwaitReady { target, readiness }, cause.clone());
        }
    }

    fn create_machine(
        &mut self,
        image: BaseImage,
        generation: u32,
        made: (&str, bool),
        cause: &Cause,
    ) {
        let (created_at, start) = made;
        let mut spec = self.spec(image, generation, created_at);
        spec.network = String::new();
        let target = self.target_of(&spec);
        self.free(Action::Create { spec: Box::new(spec) }, cause.clone());
        if start {
            self.start_machine(target, cause);
        }
    }

    pub(super) fn start_machine(&mut self, target: Target, cause: &Cause) {
        self.free(Action::Start { target: target.clone() }, cause.clone());
        self.await_ready(&target, cause);
    }

    fn source(&self) -> BaseImage {
        BaseImage::Source(self.goal.desired.image.value.clone())
    }

    /// There is nothing yet, or nothing but the disk of the one before.
    pub(super) fn make_machine(&mut self) -> Result<(), Vec<PlanError>> {
        let (now, start) = (self.goal.now, self.goal.start);
        let Some(disk) = &self.observed.kept_disk else {
            let cause = Cause::found("no instance of the project's");
            self.fetch_image(&cause);
            self.create_machine(self.source(), 1, (now, start), &cause);
            return Ok(());
        };
        let generation = disk.stamp.generation.saturating_add(1);
        if let Some(cause) = self.not_taken_up(disk) {
            let (path, uuid) = (disk.path.clone(), disk.stamp.uuid);
            self.push(Action::RemoveDisk { path, uuid }, Cost::Recreate, cause.clone());
            self.fetch_image(&cause);
            self.create_machine(self.source(), generation, (now, start), &cause);
            return Ok(());
        }
        let size = &self.goal.desired.disk_size;
        if size.value < disk.size {
            let place = size.place().cloned();
            return Err(vec![PlanError::DiskShrinks {
                found: disk.size,
                wanted: size.value,
                place,
            }]);
        }
        let cause = Cause::found("a disk that was kept");
        // What it was made from lies beneath it.
        self.fetch_image(&cause);
        let created_at = disk.stamp.created_at.as_str();
        self.create_machine(BaseImage::KeptDisk, generation, (created_at, start), &cause);
        Ok(())
    }

    /// Why a disk that was kept is not the disk of what is wanted.
    fn not_taken_up(&self, disk: &KeptDisk) -> Option<Cause> {
        let desired = self.goal.desired;
        let (had, wants) = (&disk.stamp.asked.image, &desired.image);
        if self.goal.recreate == Recreate::Always {
            return Some(Cause::option("--recreate"));
        }
        if *had != wants.value {
            let found = format!("{had}, which the disk that was kept was made from");
            return Some(Cause::key("IMAGE", wants.place(), &found, &wants.value));
        }
        let path = desired.vm.as_ref().and_then(|vm| vm.disk_path.as_ref());
        let elsewhere = path.filter(|path| path.value != disk.path)?;
        let found = disk.path.display().to_string();
        Some(Cause::key("DISK_PATH", elsewhere.place(), &found, elsewhere.value.display()))
    }

    /// What an interrupted making or removing left goes, and another one is made.
    pub(super) fn make_machine_after(&mut self, half: &Instance) {
        self.see_off(half);
        let cause = Cause::found("no other instance of the project's");
        self.fetch_image(&cause);
        let generation = half.stamp.generation.saturating_add(1);
        let (now, start) = (self.goal.now, self.goal.start);
        self.create_machine(self.source(), generation, (now, start), &cause);
    }

    /// From the image again; what was written since is lost.
    pub(super) fn recreate_machine(&mut self, instance: &Instance, cause: &Cause) {
        self.fetch_image(cause);
        let target = Target::of(instance);
        // Nothing of it is kept, so that nothing is gained by letting it end.
        if !at_rest(instance.state) {
            let stop = Action::Stop { target: target.clone(), mode: StopMode::Kill };
            self.push(stop, Cost::Recreate, cause.clone());
        }
        let snapshots = self.observed.snapshots.len();
        if snapshots > 0 {
            let (it, they) =
                if snapshots == 1 { ("snapshot", "it is") } else { ("snapshots", "they are") };
            self.warnings.push(format!(
                "its {snapshots} {it} would go as well: {they} in the disk that is deleted"
            ));
        }
        let remove = Action::Remove { target, volumes: Volumes::Remove };
        self.push(remove, Cost::Recreate, cause.clone());
        let generation = instance.stamp.generation.saturating_add(1);
        let start = self.goal.start || instance.state == Power::Running;
        self.create_machine(self.source(), generation, (self.goal.now, start), cause);
    }

    /// As cheaply as can be to what is wanted; nothing of it needs another disk.
    pub(super) fn change_machine(&mut self, instance: &Instance, changes: &[Change]) {
        let is_live = |change: &&Change| change.cost <= Cost::Live;
        let through_it =
            |change: &Change| matches!(change.field, Field::AuthorizedKeys | Field::DiskSize);
        let state = self.out_of_trouble(instance);
        // What runs is told of other ports; at rest they are what it is made of, as all else is.
        let by_rest = changes.iter().any(|change| !is_live(&change))
            || at_rest(state) && changes.iter().any(|change| !through_it(change));
        if by_rest {
            self.change_at_rest(instance, state, changes);
        } else {
            self.change_as_it_runs(instance, state, changes);
        }
    }

    /// One that cannot go on is brought to where it can; the state that it is in then.
    fn out_of_trouble(&mut self, instance: &Instance) -> Power {
        let trouble = instance.vm.as_ref().and_then(|vm| vm.trouble);
        match trouble.filter(|_| instance.state.is_up() && self.goal.start) {
            // It is asked to go on, and waits again where the disk is still full.
            Some(Trouble::DiskError) => Power::Paused,
            Some(trouble) => {
                let stop = Action::Stop { target: Target::of(instance), mode: StopMode::Kill };
                self.free(stop, Cause::found(&format!("it {}", trouble.says())));
                Power::Stopped
            }
            None => instance.state,
        }
    }

    fn change_at_rest(&mut self, instance: &Instance, state: Power, changes: &[Change]) {
        let cause = Cause::of_changes(changes, Cost::Restart);
        let cost = if at_rest(state) { Cost::Live } else { Cost::Restart };
        let current = Instance { state, ..instance.clone() };
        for step in down(&current, self.grace(), &cause) {
            self.steps.push(Step { cost, ..step });
        }
        let mut target = Target::of(instance);
        self.grow(&target, changes);
        let spec = self.configured(instance);
        let name = spec.name.clone();
        let configure = Action::Configure { target: target.clone(), spec: Box::new(spec) };
        self.push(configure, cost, cause.clone());
        target.name = name;
        if self.goal.start || state == Power::Running {
            self.start_machine(target.clone(), &cause);
            self.let_in(&target, changes);
        } else {
            self.keys_wait(changes);
        }
    }

    /// What it is made of from now on. The keys are those that are let in: the others come through
    /// what runs in it.
    pub(super) fn configured(&self, instance: &Instance) -> InstanceSpec {
        let old = &instance.stamp;
        let mut spec = self.spec(self.source(), old.generation, &old.created_at);
        spec.network = String::new();
        spec.stamp.asked.image_id.clone_from(&old.asked.image_id);
        if let (Some(settings), Some(has)) = (&mut spec.vm, &instance.vm) {
            settings.authorized_keys.clone_from(&has.settings.authorized_keys);
            let picked = self.goal.desired.vm.as_ref().is_some_and(|vm| vm.mac.origin.is_default());
            if picked {
                settings.mac = has.settings.mac;
            }
        }
        spec
    }

    fn change_as_it_runs(&mut self, instance: &Instance, state: Power, changes: &[Change]) {
        let target = Target::of(instance);
        let was_paused = state == Power::Paused;
        if was_paused && (self.goal.start || !changes.is_empty()) {
            let cause = Cause::found(&waits_because(instance));
            self.free(Action::Resume { target: target.clone() }, cause);
        }
        self.grow(&target, changes);
        for change in changes {
            let cause = Cause::of_changes(std::slice::from_ref(change), change.cost);
            match change.field {
                Field::Ports => {
                    let ports = self.goal.ports.to_vec();
                    let target = target.clone();
                    self.push(Action::ChangePorts { target, ports }, Cost::Live, cause);
                }
                Field::Autostart => {
                    let autostart = self.goal.desired.autostart.value;
                    let target = target.clone();
                    self.push(Action::SetAutostart { target, autostart }, Cost::Live, cause);
                }
                // The disk is bigger by now, and keys come last; no other is changed live.
                _ => {}
            }
        }
        if !self.goal.start && state != Power::Running {
            self.keys_wait(changes);
            if was_paused && !changes.is_empty() {
                let cause = Cause::found("it was suspended");
                self.free(Action::Suspend { target }, cause);
            }
            return;
        }
        self.go_on(instance, state, &target);
        self.let_in(&target, changes);
    }

    /// From any state to one that can be reached.
    fn go_on(&mut self, instance: &Instance, state: Power, target: &Target) {
        let paused = waits_because(instance);
        let found = match state {
            Power::Running if !self.is_starting(instance) => return,
            Power::Running => "it does not answer yet",
            Power::Paused => &paused,
            Power::Created => "it was never started",
            Power::Stopped => "it is stopped",
            Power::Stopping | Power::Removing | Power::Unknown => "it is on its way down",
        };
        let cause = Cause::found(found);
        if matches!(state, Power::Stopping | Power::Removing | Power::Unknown) {
            let stop = Action::Stop { target: target.clone(), mode: self.grace() };
            self.free(stop, cause.clone());
        }
        if !matches!(state, Power::Running | Power::Paused) {
            self.free(Action::Start { target: target.clone() }, cause.clone());
        }
        self.await_ready(target, &cause);
    }

    /// Whether it is up and does not answer, where somebody waits for that.
    fn is_starting(&self, instance: &Instance) -> bool {
        let waits = |vm: &DesiredVm| vm.wait_for.value == WaitFor::Ssh;
        self.goal.desired.vm.as_ref().is_some_and(waits)
            && instance.vm.as_ref().is_some_and(|vm| vm.answers == Some(false))
    }

    fn grow(&mut self, target: &Target, changes: &[Change]) {
        let Some(change) = changes.iter().find(|change| change.field == Field::DiskSize) else {
            return;
        };
        let size = self.goal.desired.disk_size.value;
        let cause = Cause::of_changes(std::slice::from_ref(change), change.cost);
        self.push(Action::GrowDisk { target: target.clone(), size }, Cost::Live, cause);
    }

    fn let_in(&mut self, target: &Target, changes: &[Change]) {
        let change = changes.iter().find(|change| change.field == Field::AuthorizedKeys);
        let (Some(change), Some(vm)) = (change, &self.goal.desired.vm) else { return };
        let (keys, readiness) =
            (vm.authorized_keys.value.clone(), readiness(self.goal.desired, vm));
        let cause = Cause::of_changes(std::slice::from_ref(change), change.cost);
        let target = target.clone();
        self.push(Action::AuthorizeKeys { target, keys, readiness }, Cost::Live, cause);
    }

    /// Keys come in through what runs, and it does not, and is not to.
    fn keys_wait(&mut self, changes: &[Change]) {
        if changes.iter().any(|change| change.field == Field::AuthorizedKeys) {
            self.warnings.push(
                "SSH_AUTHORIZED_KEYS has changed, which takes a machine that runs: `vagrantp up` \
                 starts it and lets them in"
                    .to_owned(),
            );
        }
    }
}

/// Why one that is paused is so.
fn waits_because(instance: &Instance) -> String {
    match instance.vm.as_ref().and_then(|vm| vm.trouble) {
        Some(trouble) => format!("it {}", trouble.says()),
        None => "it is suspended".to_owned(),
    }
}

/// The way back to a snapshot of a VM, whose disk holds them: what runs is killed, since whatever it would
/// still write is lost. With a snapshot of its memory it goes on where that was taken, and runs; else
/// it runs if it did before.
pub(super) fn reverted(
    old: &Instance,
    snapshot: &Snapshot,
    ready: Option<&Readiness>,
) -> Result<Plan, PlanError> {
    match old.state {
        Power::Unknown => return Err(PlanError::UnknownState { found: old.state }),
        Power::Removing => return Err(invalid("revert", old, WAIT)),
        _ => {}
    }
    let (cause, target) = (Cause::asked(), Target::of(old));
    let goes_on = snapshot.memory && old.state == Power::Running;
    let mut steps = Vec::new();
    if !at_rest(old.state) && !goes_on {
        let stop = stop(old, StopMode::Kill, cause.clone());
        steps.push(Step { cost: Cost::Recreate, ..stop });
    }
    let revert = Action::RevertSnapshot { target: target.clone(), snapshot: snapshot.clone() };
    steps.push(Step { action: revert, cost: Cost::Recreate, cause: cause.clone() });
    let runs = snapshot.memory || old.state == Power::Running;
    if !snapshot.memory && runs {
        steps.push(Step::free(Action::Start { target }, cause.clone()));
    }
    steps.extend(await_ready(old, ready.filter(|_| runs), &cause));
    Ok(Plan { steps, ..Plan::default() })
}

#[cfg(test)]
mod tests;
