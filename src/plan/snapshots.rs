//! Snapshots: taken, gone back to, removed.

use std::net::Ipv4Addr;

use crate::model::capability::Cost;
use crate::model::id::InstanceUuid;
use crate::model::observed::{Instance, Observed, Power};
use crate::model::snapshot::{Snapshot, SnapshotName};
use crate::model::spec::{BaseImage, InstanceSpec};
use crate::model::stamp::{Asked, Stamp};

use super::action::{Action, StopMode, Target, Volumes};
use super::error::PlanError;
use super::power::{WAIT, invalid};
use super::steps::{at_rest, stop};
use super::{Cause, Plan, Step};

/// The way to a snapshot of the instance's files under a name that is free.
///
/// # Errors
/// There is no instance, it is on its way to something else, or the name is taken.
pub fn to_snapshot(
    observed: &Observed,
    name: &SnapshotName,
    description: Option<&str>,
    now: &str,
) -> Result<Plan, PlanError> {
    let instance = observed.instance().ok_or(PlanError::NotFound)?;
    match instance.state {
        Power::Created | Power::Running | Power::Paused | Power::Stopped => {}
        Power::Stopping | Power::Removing => {
            return Err(invalid("take a snapshot of", instance, WAIT));
        }
        Power::Unknown => return Err(PlanError::UnknownState { found: instance.state }),
    }
    let asked = &instance.stamp.asked;
    let snapshot = Snapshot {
        name: name.clone(),
        of: instance.stamp.uuid,
        created_at: now.to_owned(),
        description: description.map(str::to_owned),
        image: asked.image.clone(),
        image_id: asked.image_id.clone(),
        size: None,
        memory: false,
    };
    if let Some(there) = own(observed, snapshot.of).find(|there| there.name == *name) {
        return Err(PlanError::SnapshotExists { name: name.clone(), taken: there.taken() });
    }
    let action = Action::TakeSnapshot { target: Target::of(instance), snapshot };
    let steps = vec![Step::free(action, Cause::asked())];
    Ok(Plan { steps, copied: instance.written, ..Plan::default() })
}

/// The way back to a snapshot: a container around its files takes the place of the one that is
/// there, which stays until the new one is up.
///
/// All but the files stays: name, ports, address, limits, mounts and volumes. What ran runs
/// afterwards; what was suspended does not, since its memory belongs to other files.
///
/// # Errors
/// There is no such snapshot or no instance, or the instance is on its way to something else.
pub fn to_reverted(
    observed: &Observed,
    of: InstanceUuid,
    name: &SnapshotName,
    mode: StopMode,
    now: &str,
) -> Result<Plan, PlanError> {
    let snapshot = wanted(observed, of, name)?;
    let old = observed.instance().ok_or(PlanError::NotFound)?;
    let unready = |doing: &str| PlanError::InvalidState {
        verb: "revert",
        name: old.stamp.infra_id.to_string(),
        doing: doing.to_owned(),
        help: "`vagrantp up` puts that right; then call it again".to_owned(),
    };
    match old.state {
        Power::Unknown => return Err(PlanError::UnknownState { found: old.state }),
        Power::Removing => return Err(invalid("revert", old, WAIT)),
        _ if observed.instances.len() > 1 => {
            return Err(unready("is there twice, since a replacement was interrupted"));
        }
        _ if observed.network.as_ref().is_none_or(|network| !network.ours) => {
            return Err(unready("has lost its network"));
        }
        Power::Created | Power::Running | Power::Paused | Power::Stopping | Power::Stopped => {}
    }
    let cause = Cause::asked();
    let mut steps = Vec::new();
    if !at_rest(old.state) {
        steps.push(Step { cost: Cost::Recreate, ..stop(old, mode, cause.clone()) });
    }
    let spec = spec(old, snapshot, address(old, observed), now);
    let BaseImage::Saved(image) = &spec.image else { unreachable!("it was made of saved files") };
    let files = Action::UseSnapshot { snapshot: snapshot.clone(), image: image.clone() };
    steps.push(Step::free(files, cause.clone()));
    let mut target = Target::of(old);
    let aside = format!("{}-replaced-{}", spec.name, old.stamp.generation);
    if target.name != aside {
        let rename = Action::Rename { target: target.clone(), to: aside.clone() };
        steps.push(Step::free(rename, cause.clone()));
    }
    target.name = aside;
    let made = Target {
        name: spec.name.clone(),
        id: None,
        uuid: spec.stamp.uuid,
        generation: spec.stamp.generation,
        infra_type: spec.stamp.infra_type,
    };
    steps.push(Step::free(Action::Create { spec: Box::new(spec) }, cause.clone()));
    if old.state == Power::Running {
        steps.push(Step::free(Action::Start { target: made }, cause.clone()));
    }
    let remove = Action::Remove { target, volumes: Volumes::KeepAlone };
    steps.push(Step { action: remove, cost: Cost::Recreate, cause: cause.clone() });
    for former in &observed.saved_images {
        steps.push(Step::free(Action::RemoveImage { image: former.clone() }, cause.clone()));
    }
    Ok(Plan { steps, ..Plan::default() })
}

/// The container that takes the place of `old` around the files of a snapshot.
fn spec(old: &Instance, snapshot: &Snapshot, address: Option<Ipv4Addr>, now: &str) -> InstanceSpec {
    let asked = &old.stamp.asked;
    let generation = old.stamp.generation.saturating_add(1);
    // Named as the files of a replacement are: what holds for those, at the next one and at the
    // end, holds for these.
    let moment: String = now.chars().filter(char::is_ascii_digit).collect();
    let image = format!("localhost/vagrantp/{}:{generation}-{moment}", old.stamp.uuid);
    let was_aside = format!("-replaced-{}", old.stamp.generation);
    let stamp = Stamp {
        generation,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        asked: Asked {
            // What the files came from, so that IMAGE is compared with the truth.
            image: snapshot.image.clone(),
            image_id: snapshot.image_id.clone(),
            // A stopped instance shows no address: there the stamp speaks.
            address,
            ..asked.clone()
        },
        ..old.stamp.clone()
    };
    InstanceSpec {
        name: old.name.strip_suffix(&was_aside).unwrap_or(&old.name).to_owned(),
        hostname: old.stamp.infra_id.to_string(),
        image: BaseImage::Saved(image),
        memory: asked.memory,
        cpus: asked.cpus,
        command: asked.command.clone(),
        network: old.networks.first().cloned().unwrap_or_default(),
        address,
        ports: asked.ports.clone(),
        mounts: asked.mounts.clone(),
        autostart: old.autostart,
        volumes_from: Some(old.id.clone()),
        vm: None,
        stamp,
    }
}

/// The address that it has, or had when it ran, where its network has it to give.
fn address(old: &Instance, observed: &Observed) -> Option<Ipv4Addr> {
    let address = old.address.or(old.stamp.asked.address)?;
    let subnet = observed.network.as_ref().and_then(|network| network.subnet);
    subnet.is_none_or(|subnet| subnet.contains(&address)).then_some(address)
}

/// The way to one snapshot less.
///
/// # Errors
/// There is no such snapshot.
pub fn to_snapshot_gone(
    observed: &Observed,
    of: InstanceUuid,
    name: &SnapshotName,
) -> Result<Plan, PlanError> {
    let steps = vec![removal(wanted(observed, of, name)?)];
    Ok(Plan { steps, ..Plan::default() })
}

/// The step that removes a snapshot.
pub(super) fn removal(snapshot: &Snapshot) -> Step {
    let action = Action::RemoveSnapshot { snapshot: snapshot.clone() };
    Step { action, cost: Cost::Destroy, cause: Cause::asked() }
}

/// The snapshots of one instance; beside them, those of a moved one may have been seen.
pub fn own(observed: &Observed, of: InstanceUuid) -> impl Iterator<Item = &Snapshot> {
    observed.snapshots.iter().filter(move |snapshot| snapshot.of == of)
}

fn wanted<'a>(
    observed: &'a Observed,
    of: InstanceUuid,
    name: &SnapshotName,
) -> Result<&'a Snapshot, PlanError> {
    let mut known: Vec<_> = own(observed, of).collect();
    if known.is_empty() && observed.instances.is_empty() {
        return Err(PlanError::NotFound);
    }
    if let Some(at) = known.iter().position(|snapshot| snapshot.name == *name) {
        return Ok(known.swap_remove(at));
    }
    let known = known.iter().map(|snapshot| snapshot.name.clone()).collect();
    Err(PlanError::SnapshotNotFound { name: name.clone(), known })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::code::Code;
    use crate::model::image::ImageSource;
    use crate::plan::check::contradictions;
    use crate::plan::fixture::{desired, observed, snapshot};
    use crate::plan::undo::way_back_from;
    use std::time::Duration;

    const NOW: &str = "2026-11-21T12:00:00Z";

    fn name(text: &str) -> SnapshotName {
        SnapshotName::new(text).unwrap()
    }

    /// An instance with the snapshot `before`.
    fn seen(power: Power) -> Observed {
        let wish = desired();
        Observed { snapshots: vec![snapshot(&wish, "before")], ..observed(&wish, power) }
    }

    fn of() -> InstanceUuid {
        desired().identity.uuid
    }

    fn revert(seen: &Observed, to: &str) -> Result<Plan, PlanError> {
        let mode = StopMode::Graceful { grace: Duration::from_secs(30) };
        to_reverted(seen, of(), &name(to), mode, NOW)
    }

    /// The names of the steps, or the code.
    fn comes_to(plan: Result<Plan, PlanError>) -> Result<Vec<&'static str>, Code> {
        let plan = plan.map_err(|error| error.code())?;
        assert_eq!(contradictions(&plan), Vec::<String>::new());
        Ok(plan.steps.iter().map(|step| step.action.name()).collect())
    }

    #[test]
    fn every_state_and_verb_is_decided() {
        const NO: Code = Code::InvalidState;
        let up = ["stop", "use_snapshot", "rename", "create", "start", "remove"];
        let frozen = ["stop", "use_snapshot", "rename", "create", "remove"];
        for (power, taken, reverted) in [
            (Power::Created, true, Ok(frozen[1..].to_vec())),
            (Power::Running, true, Ok(up.to_vec())),
            (Power::Paused, true, Ok(frozen.to_vec())),
            (Power::Stopping, false, Ok(frozen.to_vec())),
            (Power::Stopped, true, Ok(frozen[1..].to_vec())),
            (Power::Removing, false, Err(NO)),
            (Power::Unknown, false, Err(NO)),
        ] {
            let seen = seen(power);
            let take = comes_to(to_snapshot(&seen, &name("now"), None, NOW));
            let expected = if taken { Ok(vec!["take_snapshot"]) } else { Err(NO) };
            assert_eq!(take, expected, "create of {power:?}");
            assert_eq!(comes_to(revert(&seen, "before")), reverted, "revert of {power:?}");
            let gone = to_snapshot_gone(&seen, of(), &name("before"));
            assert_eq!(comes_to(gone), Ok(vec!["remove_snapshot"]), "rm of {power:?}");
        }
    }

    #[test]
    fn where_there_is_no_machine_only_its_snapshots_can_go() {
        let nothing = Observed::default();
        assert_eq!(to_snapshot(&nothing, &name("x"), None, NOW), Err(PlanError::NotFound));
        assert_eq!(revert(&nothing, "x"), Err(PlanError::NotFound));
        assert_eq!(to_snapshot_gone(&nothing, of(), &name("x")), Err(PlanError::NotFound));
        let left = Observed { instances: Vec::new(), ..seen(Power::Running) };
        assert_eq!(revert(&left, "before"), Err(PlanError::NotFound));
        let gone = to_snapshot_gone(&left, of(), &name("before"));
        assert_eq!(comes_to(gone), Ok(vec!["remove_snapshot"]));
    }

    #[test]
    fn a_name_is_there_once_and_a_wrong_one_shows_the_others() {
        let seen = seen(Power::Running);
        let again = to_snapshot(&seen, &name("before"), None, NOW).unwrap_err();
        assert_eq!(again.code(), Code::SnapshotExists);
        let wrong = revert(&seen, "befor").unwrap_err();
        assert_eq!(wrong.code(), Code::SnapshotNotFound);
        let help = miette::Diagnostic::help(&wrong).unwrap().to_string();
        assert_eq!(help, "there are: before");
        let mut moved = seen;
        moved.snapshots[0].of = InstanceUuid(uuid::Uuid::from_u128(7));
        let none = revert(&moved, "before").unwrap_err();
        assert_eq!(none.code(), Code::SnapshotNotFound, "it is the one of another path");
    }

    #[test]
    fn going_back_keeps_all_but_the_files_and_tells_what_they_came_from() {
        let mut seen = seen(Power::Running);
        let image = ImageSource::Registry("docker.io/library/debian:12".to_owned());
        seen.snapshots[0].image = image.clone();
        let plan = revert(&seen, "before").unwrap();
        let made = plan.steps.iter().find_map(|step| match &step.action {
            Action::Create { spec } => Some(spec),
            _ => None,
        });
        let (made, old) = (made.unwrap(), &seen.instances[0]);
        assert_eq!(
            made.image,
            BaseImage::Saved(format!("localhost/vagrantp/{}:2-20261121120000", of()))
        );
        assert_eq!(made.stamp.asked.image, image);
        assert_eq!((&made.name, &made.ports, &made.mounts), (&old.name, &old.ports, &old.mounts));
        assert_eq!(made.volumes_from.as_ref(), Some(&old.id));
        assert_eq!((made.stamp.uuid, made.stamp.generation), (of(), 2));
        assert_eq!(made.stamp.created_at, old.stamp.created_at);
    }

    #[test]
    fn a_way_back_that_fails_leaves_what_was() {
        let plan = revert(&seen(Power::Running), "before").unwrap();
        let at =
            |name: &str| plan.steps.iter().position(|step| step.action.name() == name).unwrap();
        let way = |failed: usize| -> Vec<&str> {
            way_back_from(&plan, failed).iter().map(Action::name).collect()
        };
        assert_eq!(way(at("start")), ["stop", "remove", "rename", "remove_image", "start"]);
        assert_eq!(way(at("remove")), [""; 0], "the new one is up");
    }

    #[test]
    fn what_an_interrupted_call_left_is_put_right_first() {
        let mut two = seen(Power::Running);
        two.instances.push(two.instances[0].clone());
        assert_eq!(comes_to(revert(&two, "before")), Err(Code::InvalidState));
        let mut cut_off = seen(Power::Running);
        cut_off.network = None;
        assert_eq!(comes_to(revert(&cut_off, "before")), Err(Code::InvalidState));
        let mut aside = seen(Power::Stopped);
        aside.instances[0].name = "web-replaced-1".to_owned();
        let steps = comes_to(revert(&aside, "before")).unwrap();
        assert_eq!(steps, ["use_snapshot", "create", "remove"], "it stands aside already");
    }
}
