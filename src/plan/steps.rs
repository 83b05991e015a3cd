//! Goal and observed → ordered actions. The one place where every state meets every verb.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::capability::{Capabilities, Cost};
use crate::model::desired::Desired;
use crate::model::id::Identity;
use crate::model::network::PortForward;
use crate::model::observed::{Instance, Observed, ObservedNetwork, Power};

use super::action::{Action, Fetch, StopMode, Target, Volumes};
use super::adopt::rest_of_adoption;
use super::appeared::appeared;
use super::build::Builder;
use super::diff::{Change, diff};
use super::error::PlanError;
use super::network::{self, choose};
use super::refuse::{instance_name, network_refusal, refusals};
use super::snapshots::{own, removal};
use super::{Cause, Plan, Step};

/// Consent to lose what a recreate loses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recreate {
    /// Only where the `.env` asks for something that cannot be had otherwise.
    WhereNeeded,
    /// In any case: `up --recreate`.
    Always,
}

/// What `up` is asked to reach.
#[derive(Clone, Debug)]
pub struct RunningGoal<'a> {
    /// The wish.
    pub desired: &'a Desired,
    /// The wish's ports, settled.
    pub ports: &'a [PortForward],
    /// Whether to start from the image again.
    pub recreate: Recreate,
    /// Whether to fetch the image although it is there.
    pub fetch: Fetch,
    /// Whether it is started, or only made.
    pub start: bool,
    /// Whether an instance from this directory's former place stands in the way.
    pub twin: Twin,
    /// The time, for the stamp (RFC 3339).
    pub now: &'a str,
}

/// What to do about an instance that was made when the project lay elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Twin {
    /// Refuse, and say how to adopt it.
    Refuse,
    /// Make another beside it: `up --new`.
    Allow,
    /// Take it over: `adopt`.
    Adopt,
}

impl Target {
    /// The target that an observed instance is.
    #[must_use]
    pub fn of(instance: &Instance) -> Self {
        Target {
            name: instance.name.clone(),
            id: Some(instance.id.clone()),
            uuid: instance.stamp.uuid,
            generation: instance.stamp.generation,
            infra_type: instance.stamp.infra_type,
        }
    }
}

/// The way to a running instance (or, without `start`, to an existing one) that is as desired.
///
/// # Errors
/// What cannot be done here, or would touch what is not ours.
pub fn to_running(
    goal: &RunningGoal<'_>,
    observed: &Observed,
    capabilities: &Capabilities,
) -> Result<Plan, Vec<PlanError>> {
    let desired = goal.desired;
    known(observed).map_err(|error| vec![error])?;
    let mut errors = refusals(desired, &observed.engine, capabilities);
    let name = match instance_name(desired, observed, goal.twin) {
        Ok(name) => name,
        Err(error) => {
            errors.push(error);
            desired.identity.id.to_string()
        }
    };
    errors.extend(appeared(desired, observed));
    if let Some(error) = network_refusal(observed) {
        errors.push(error);
    }
    let adopted = match (&observed.moved, goal.twin) {
        (Some(moved), Twin::Refuse) if observed.instance().is_none() => {
            errors.push(PlanError::Moved {
                name: moved.name.clone(),
                from: moved.stamp.project.clone(),
            });
            None
        }
        (None, Twin::Adopt) if observed.instance().is_none() => {
            errors.push(PlanError::NothingToAdopt);
            None
        }
        (moved, Twin::Adopt) => moved.as_ref(),
        _ => None,
    };
    if !errors.is_empty() {
        return Err(errors);
    }
    let network = choose(desired, observed, observed.instance());
    let mut builder = Builder { goal, observed, name, network, steps: Vec::new() };
    for leftover in observed.leftovers() {
        builder.remove_leftover(leftover);
    }
    builder.see_adoption_through();
    // Whichever of them runs, the files are the same.
    let could_write = || observed.instances.iter().chain(adopted);
    let mut warnings: Vec<String> = could_write().filter_map(Instance::unguarded_text).collect();
    let mut unguarded: Vec<_> =
        could_write().flat_map(|instance| &instance.unguarded).cloned().collect();
    unguarded.sort_unstable();
    unguarded.dedup();
    let mut changes = Vec::new();
    match (observed.instance(), adopted) {
        (None, Some(moved)) => builder.adopt(moved),
        (None, None) => builder.make(),
        (Some(instance), _) => {
            changes = changes_of(goal, &builder.name, instance, observed, capabilities);
            builder.mend(instance, &changes)?;
            warnings.extend(outdated(&builder));
        }
    }
    Ok(Plan { steps: builder.steps, changes, warnings, unguarded, ..Plan::default() })
}

/// What to say where the image would be another one if it were built now, and will not be.
fn outdated(builder: &Builder<'_>) -> Option<String> {
    let image = &builder.goal.desired.image.value;
    let is_outdated = builder.observed.image.as_ref().is_some_and(|image| image.outdated);
    let builds = builder.steps.iter().any(|step| step.action.name() == "fetch_image");
    (is_outdated && !builds).then(|| {
        format!(
            "files beside {image} have changed since the image was built from it; `vagrantp up \
             --recreate` builds it again"
        )
    })
}

/// Whether what there is was made by this version or an earlier one.
///
/// # Errors
/// [`PlanError::NewerVersion`]: nothing can be said of it, and nothing done to it.
pub fn known(observed: &Observed) -> Result<(), PlanError> {
    let Some(newer) = observed.newer.clone() else { return Ok(()) };
    Err(PlanError::NewerVersion { name: newer.name, version: newer.version })
}

fn changes_of(
    goal: &RunningGoal<'_>,
    name: &str,
    instance: &Instance,
    observed: &Observed,
    capabilities: &Capabilities,
) -> Vec<Change> {
    let network = network::of_instance(observed, instance);
    diff(goal.desired, goal.ports, name, instance, network, &observed.engine, capabilities)
}

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
        .filter(|instance| !at_rest(instance.state))
        .map(|instance| stop(instance, mode, Cause::asked()))
        .collect();
    Ok(Plan { steps, ..Plan::default() })
}

/// The way to nothing: every object of the project's goes, the network and saved files included.
#[must_use]
pub fn to_absent(identity: &Identity, observed: &Observed, mode: StopMode) -> Plan {
    let mut steps = Vec::new();
    for instance in &observed.instances {
        if !at_rest(instance.state) {
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

pub(super) fn stop(instance: &Instance, mode: StopMode, cause: Cause) -> Step {
    Step::free(Action::Stop { target: Target::of(instance), mode }, cause)
}

/// How `stop` and `rm` stop: killed with `--force`, else asked first.
#[must_use]
pub fn stop_mode(force: bool, grace: Duration) -> StopMode {
    if force { StopMode::Kill } else { StopMode::Graceful { grace } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::image::ImageSource;
    use crate::model::observed::Newer;
    use crate::plan::check::contradictions;
    use crate::plan::fixture::{desired, observed, up};

    const POWERS: [Power; 7] = [
        Power::Created,
        Power::Running,
        Power::Paused,
        Power::Stopping,
        Power::Stopped,
        Power::Removing,
        Power::Unknown,
    ];

    fn names(plan: &Plan) -> Vec<&'static str> {
        assert_eq!(contradictions(plan), Vec::<String>::new());
        plan.steps.iter().map(|step| step.action.name()).collect()
    }

    #[test]
    fn every_state_and_verb_is_decided() {
        let wish = desired();
        let mode = stop_mode(false, Duration::from_secs(30));
        for power in POWERS {
            let seen = observed(&wish, power);
            let (up, stop) = match power {
                Power::Running => (Some(vec![]), vec!["stop"]),
                Power::Paused => (Some(vec!["resume"]), vec!["stop"]),
                Power::Created | Power::Stopped => (Some(vec!["start"]), vec![]),
                Power::Stopping => (Some(vec!["stop", "start"]), vec!["stop"]),
                Power::Removing => (Some(vec!["remove", "create", "start"]), vec![]),
                Power::Unknown => (None, vec!["stop"]),
            };
            let planned = super::super::fixture::up(&wish, &seen).ok();
            assert_eq!(planned.as_ref().map(names), up, "up of {power:?}");
            assert_eq!(names(&to_stopped(&seen, mode).unwrap()), stop, "stop of {power:?}");
            let removed = names(&to_absent(&wish.identity, &seen, mode));
            assert_eq!(removed.contains(&"stop"), !at_rest(power), "rm of {power:?}");
            assert_eq!(removed[removed.len() - 2..], ["remove", "remove_network"]);
        }
        let nothing = Observed::default();
        let made = up(&wish, &nothing).unwrap();
        assert_eq!(names(&made), ["fetch_image", "create_network", "create", "start"]);
        assert_eq!(to_stopped(&nothing, mode), Err(PlanError::NotFound));
        assert!(to_absent(&wish.identity, &nothing, mode).is_empty());
    }

    #[test]
    fn files_that_changed_since_a_build_are_a_note_until_it_is_built_again() {
        let mut wish = desired();
        wish.image.value = ImageSource::Containerfile("/projects/web/Containerfile".into());
        let mut seen = observed(&wish, Power::Running);
        assert_eq!(up(&wish, &seen).unwrap(), Plan::default());
        if let Some(image) = &mut seen.image {
            image.outdated = true;
        }
        let plan = up(&wish, &seen).unwrap();
        assert!(plan.is_empty() && plan.changes.is_empty());
        assert!(plan.warnings[0].contains("`vagrantp up --recreate` builds it again"));
        seen.instances.clear();
        let made = up(&wish, &seen).unwrap();
        assert_eq!((names(&made)[0], &made.warnings[..]), ("fetch_image", &[][..]));
    }

    #[test]
    fn rm_stops_before_it_removes() {
        let wish = desired();
        let seen = observed(&wish, Power::Running);
        let gentle = to_absent(&wish.identity, &seen, stop_mode(false, Duration::from_secs(7)));
        assert_eq!(names(&gentle), ["stop", "remove", "remove_network"]);
        let Action::Stop { mode, .. } = &gentle.steps[0].action else { panic!("{gentle:?}") };
        assert_eq!(*mode, StopMode::Graceful { grace: Duration::from_secs(7) });
        let hard = to_absent(&wish.identity, &seen, stop_mode(true, Duration::from_secs(7)));
        let Action::Stop { mode, .. } = &hard.steps[0].action else { panic!("{hard:?}") };
        assert_eq!(*mode, StopMode::Kill);
    }

    #[test]
    fn what_is_somebody_elses_is_named_and_stays() {
        let wish = desired();
        let mut seen = observed(&wish, Power::Stopped);
        seen.copies = vec!["web-clone".to_owned()];
        let network = seen.network.as_mut().expect("it has one");
        network.shared_with = vec!["web-clone".to_owned()];
        let plan = to_absent(&wish.identity, &seen, StopMode::Kill);
        assert_eq!(names(&plan), ["remove"], "the network cannot go while it is used");
        assert_eq!(plan.warnings.len(), 2);
        assert!(plan.warnings.iter().all(|warning| warning.contains("web-clone")));
        seen.newer = Some(Newer { name: "web".to_owned(), version: "9.0.0".to_owned() });
        let refused = up(&wish, &seen).unwrap_err();
        assert_eq!(refused[0].code(), crate::model::code::Code::InvalidState);
    }
}
