//! The steps of `stop` and `rm`: goal and observed → ordered actions, on the way down.

use super::action::{Action, StopMode, Target, Volumes};
use super::adopt::rest_of_adoption;
use super::error::PlanError;
use super::snapshots::{own, removal};
use super::{Cause, Plan, Step};
use crate::model::capability::{Capabilities, Cost};
use crate::model::id::{Identity, InfraType};
use crate::model::observed::{Instance, Observed, ObservedNetwork, Power};

/// The way to a stopped instance.
///
/// # Errors
/// [`PlanError::NotFound`] where there is none.
pub fn to_stopped(observed: &Observed, mode: StopMode) -> Result<Plan, PlanError> {
    if observed.instances.is_empty() {
        return Err(PlanError::NotFound);
    }
    let steps = observed
        .instances
        .iter()
        .flat_map(|instance| down(instance, mode, &Cause::asked()))
        .collect();
    Ok(Plan { steps, ..Plan::default() })
}

/// The way to nothing but the disk of a VM, which the next `up` takes up again. Where there is no VM
/// any more there is nothing to do: a disk that was kept stays.
///
/// # Errors
/// The provider keeps no disks.
pub fn to_disk(
    identity: &Identity,
    observed: &Observed,
    mode: StopMode,
    capabilities: &Capabilities,
) -> Result<Plan, PlanError> {
    if !capabilities.keeps_disk && !observed.instances.is_empty() {
        let (what, help) = match identity.infra_type {
            InfraType::Container => (
                "keep the disk of a container, which has none",
                "leave the option out; to keep files, put them in a mount",
            ),
            InfraType::Vm => ("keep a disk without its machine", "leave the option out"),
        };
        return Err(PlanError::Unsupported {
            provider: identity.provider,
            key: "--preserve-disk",
            what: what.to_owned(),
            help: help.to_owned(),
            place: None,
        });
    }
    let mut steps = Vec::new();
    for instance in &observed.instances {
        steps.extend(down(instance, mode, &Cause::asked()));
        // What is there by half has no disk that anybody has written to.
        let (volumes, cost) = match instance.state {
            Power::Removing => (Volumes::Remove, Cost::Destroy),
            _ => (Volumes::KeepDisk, Cost::Destroy),
        };
        let action = Action::Remove { target: Target::of(instance), volumes };
        steps.push(Step { action, cost, cause: Cause::asked() });
    }
    Ok(Plan { steps, ..Plan::default() })
}

/// The way to nothing: every object of the project's goes, the network and saved files included.
#[must_use]
pub fn to_absent(identity: &Identity, observed: &Observed, mode: StopMode) -> Plan {
    let mut steps = Vec::new();
    for instance in &observed.instances {
        if !at_rest(instance.state) {
            // What is in memory on disk is deleted with it, and cannot be asked.
            let asleep = instance.vm.is_some() && instance.state == Power::Paused;
            let mode = if asleep { StopMode::Kill } else { mode };
            steps.push(stop(instance, mode, Cause::asked()));
        }
        steps.push(Step {
            action: Action::Remove { target: Target::of(instance), volumes: Volumes::Remove },
            cost: Cost::Destroy,
            cause: Cause::asked(),
        });
    }
    steps.extend(rest_of_adoption(identity, observed));
    steps.extend(own(observed, identity.uuid).map(removal));
    for image in observed.saved_images.iter().chain(&observed.built_images) {
        steps.push(Step::free(Action::RemoveImage { image: image.clone() }, Cause::asked()));
    }
    if let Some(disk) = &observed.kept_disk {
        let (path, uuid) = (disk.path.clone(), disk.stamp.uuid);
        let action = Action::RemoveDisk { path, uuid };
        steps.push(Step { action, cost: Cost::Destroy, cause: Cause::asked() });
    }
    let mut warnings = copies(observed);
    for network in observed.own_networks() {
        if !network.shared_with.is_empty() {
            warnings.push(still_used(network));
            continue;
        }
        steps.push(Step::free(
            Action::RemoveNetwork { name: network.name.clone(), uuid: identity.uuid },
            Cause::asked(),
        ));
    }
    Plan { steps, warnings, ..Plan::default() }
}

/// What to say of objects that carry the stamp and are somebody else's.
#[must_use]
pub fn copies(observed: &Observed) -> Vec<String> {
    let says = |name: &String| {
        format!(
            "{name} carries the labels of this project's and was not made by vagrantp: it is left \
             alone"
        )
    };
    observed.copies.iter().map(says).collect()
}

fn still_used(network: &ObservedNetwork) -> String {
    let (name, users) = (&network.name, network.shared_with.join(", "));
    format!(
        "the network {name} stays, since {users} is in it, which vagrantp did not make; \
         `vagrantp gc` removes it once it is in nobody's use"
    )
}

/// Whether there is nothing left to stop.
pub(super) fn at_rest(state: Power) -> bool {
    match state {
        Power::Created | Power::Stopped | Power::Removing => true,
        Power::Running | Power::Paused | Power::Stopping | Power::Unknown => false,
    }
}

/// The way to rest. A VM whose memory is on disk goes on first, so that it can end by itself: killed,
/// it would lose what it had in memory.
pub(super) fn down(instance: &Instance, mode: StopMode, cause: &Cause) -> Vec<Step> {
    if at_rest(instance.state) {
        return Vec::new();
    }
    let ends = instance.vm.is_some()
        && instance.state == Power::Paused
        && matches!(mode, StopMode::Graceful { .. });
    let resume = Action::Resume { target: Target::of(instance) };
    let first = ends.then(|| Step::free(resume, cause.clone()));
    first.into_iter().chain([stop(instance, mode, cause.clone())]).collect()
}

pub(super) fn stop(instance: &Instance, mode: StopMode, cause: Cause) -> Step {
    Step::free(Action::Stop { target: Target::of(instance), mode }, cause)
}
