//! What takes a step back, for a plan that fails before the new instance is up.

use crate::model::snapshot::Snapshot;
use crate::model::spec::{BaseImage, InstanceSpec};

use super::Plan;
use super::action::{Action, StopMode, Target, Volumes};

/// The action that takes `action` back; none where there is nothing to take back, or where it
/// cannot be.
#[must_use]
pub fn inverse(action: &Action) -> Option<Action> {
    match action {
        Action::CreateNetwork { network } => {
            Some(Action::RemoveNetwork { name: network.name.clone(), uuid: network.uuid })
        }
        Action::Create { spec } => Some(Action::Remove {
            target: created(spec),
            volumes: match (&spec.image, &spec.volumes_from) {
                // It is somebody's files that this one was made around.
                (BaseImage::KeptDisk, _) => Volumes::KeepDisk,
                (_, Some(_)) => Volumes::Keep,
                (_, None) => Volumes::Remove,
            },
        }),
        Action::Stop { target, .. } => Some(Action::Start { target: target.clone() }),
        Action::Rename { target, to } => Some(Action::Rename {
            target: Target { name: to.clone(), ..target.clone() },
            to: target.name.clone(),
        }),
        Action::SaveFiles { image, .. } | Action::UseSnapshot { image, .. } => {
            Some(Action::RemoveImage { image: image.clone() })
        }
        Action::Suspend { target } => Some(Action::Resume { target: target.clone() }),
        Action::Resume { target } => Some(Action::Suspend { target: target.clone() }),
        Action::Start { target } => {
            Some(Action::Stop { target: target.clone(), mode: StopMode::Kill })
        }
        Action::TakeSnapshot { snapshot, .. } => {
            Some(Action::RemoveSnapshot { snapshot: snapshot.clone() })
        }
        Action::MoveSnapshot { snapshot, to } => Some(Action::MoveSnapshot {
            snapshot: Snapshot { of: *to, ..snapshot.clone() },
            to: snapshot.of,
        }),
        Action::SetAutostart { target, autostart } => {
            Some(Action::SetAutostart { target: target.clone(), autostart: !autostart })
        }
        Action::ChangeNetwork { target, from, to, former, address } => {
            Some(Action::ChangeNetwork {
                target: target.clone(),
                from: to.clone(),
                to: from.clone(),
                former: *address,
                address: *former,
            })
        }
        // A fetched image is a cache; what was removed is gone; the former address is not known.
        Action::FetchImage { .. }
        | Action::ChangeAddress { .. }
        // A VM that was changed and does not start is changed back by another edit.
        | Action::AwaitReady { .. }
        | Action::Configure { .. }
        | Action::ChangePorts { .. }
        | Action::GrowDisk { .. }
        | Action::AuthorizeKeys { .. }
        | Action::RevertSnapshot { .. }
        // What somebody else had made of it is not brought back.
        | Action::JoinNetwork { .. }
        | Action::LeaveNetwork { .. }
        | Action::SetLimits { .. }
        | Action::Remove { .. }
        | Action::RemoveNetwork { .. }
        | Action::RemoveSnapshot { .. }
        | Action::RemoveImage { .. }
        | Action::RemoveDisk { .. } => None,
    }
}

/// The actions that take a plan back that failed at the step `failed`, the last one first, the
/// failed step's own inverse in front: it may have been done half-way.
///
/// Only a plan that was to make an instance is taken back: a `stop` that failed must not start what
/// it could not stop. Once the new instance was started, or an old one removed, there is no way
/// back: what remains is for the next `up`.
#[must_use]
pub fn way_back_from(plan: &Plan, failed: usize) -> Vec<Action> {
    let made_here = plan.steps.iter().find_map(|step| match &step.action {
        Action::Create { spec } => Some(created(spec)),
        _ => None,
    });
    let Some(made_here) = made_here else { return Vec::new() };
    let mut way = Vec::new();
    for (index, step) in plan.steps.iter().enumerate().take(failed + 1) {
        let ends_the_way = match &step.action {
            Action::Start { target } => *target == made_here,
            Action::Remove { .. } => true,
            _ => false,
        };
        if ends_the_way && index < failed {
            way.clear();
        } else {
            way.extend(inverse(&step.action));
        }
    }
    way.reverse();
    way
}

fn created(spec: &InstanceSpec) -> Target {
    Target {
        name: spec.name.clone(),
        id: None,
        uuid: spec.stamp.uuid,
        generation: spec.stamp.generation,
        infra_type: spec.stamp.infra_type,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observed::{Observed, Power};
    use crate::plan::fixture::{desired, observed, up, written};

    fn way(plan: &Plan, failed: &str) -> Vec<&'static str> {
        let at = plan.steps.iter().position(|step| step.action.name() == failed).unwrap();
        way_back_from(plan, at).iter().map(Action::name).collect()
    }

    #[test]
    fn what_was_made_is_taken_away_in_reverse() {
        let plan = up(&desired(), &Observed::default()).unwrap();
        assert_eq!(way(&plan, "fetch_image"), Vec::<&str>::new());
        assert_eq!(way(&plan, "create_network"), ["remove_network"]);
        assert_eq!(way(&plan, "create"), ["remove", "remove_network"]);
        assert_eq!(way(&plan, "start"), ["stop", "remove", "remove_network"]);
    }

    #[test]
    fn a_replacement_that_fails_brings_the_old_one_back() {
        let mut wish = desired();
        let seen = observed(&wish, Power::Running);
        wish.memory = written(crate::model::units::Memory(4096));
        let plan = up(&wish, &seen).unwrap();
        assert_eq!(way(&plan, "stop"), ["start"]);
        assert_eq!(way(&plan, "save_files"), ["remove_image", "start"]);
        assert_eq!(
            way(&plan, "start"),
            ["stop", "remove", "rename", "remove_image", "start"],
            "the new one goes, the old one gets its name back and runs again"
        );
        assert_eq!(way(&plan, "remove"), Vec::<&str>::new(), "the new one is up: no way back");
    }

    #[test]
    fn a_whole_plan_leads_back_where_nothing_old_was_removed() {
        let plan = up(&desired(), &Observed::default()).unwrap();
        let whole = |plan: &Plan| -> Vec<_> {
            way_back_from(plan, plan.steps.len() - 1).iter().map(Action::name).collect()
        };
        assert_eq!(whole(&plan), ["stop", "remove", "remove_network"]);
        let mut wish = desired();
        let seen = observed(&wish, Power::Running);
        wish.memory = written(crate::model::units::Memory(4096));
        assert_eq!(whole(&up(&wish, &seen).unwrap()), Vec::<&str>::new(), "its files are in it");
        let stopped = observed(&desired(), Power::Stopped);
        assert_eq!(whole(&up(&desired(), &stopped).unwrap()), Vec::<&str>::new());
    }

    #[test]
    fn a_network_that_gave_way_comes_back() {
        use crate::model::network::HostAddress;
        let address = |text: &str| Some(written(HostAddress::parse(text).unwrap()));
        let mut wish = desired();
        wish.network.address = address("10.77.0.5");
        let mut seen = observed(&wish, Power::Running);
        seen.network.as_mut().unwrap().subnet = Some("10.77.0.0/24".parse().unwrap());
        wish.network.address = address("10.78.0.5");
        let plan = up(&wish, &seen).unwrap();
        let back = ["stop", "remove", "change_network", "rename", "remove_image", "start"];
        assert_eq!(way(&plan, "start"), back);
        let at = plan.steps.iter().position(|step| step.action.name() == "change_network");
        let forth = &plan.steps[at.unwrap()].action;
        let Some(Action::ChangeNetwork { from, to, address, .. }) = inverse(forth) else {
            panic!("{forth:?}")
        };
        assert_eq!(from.subnet, Some("10.78.0.0/24".parse().unwrap()));
        assert_eq!(to.subnet, Some("10.77.0.0/24".parse().unwrap()));
        assert_eq!(address, Some(std::net::Ipv4Addr::new(10, 77, 0, 5)));
        assert_eq!(inverse(&inverse(forth).unwrap()).as_ref(), Some(forth));
    }

    #[test]
    fn a_stop_that_failed_starts_nothing() {
        let seen = observed(&desired(), Power::Running);
        let plan = crate::plan::steps::to_stopped(&seen, StopMode::Kill).unwrap();
        assert_eq!(way_back_from(&plan, 0), []);
    }
}
