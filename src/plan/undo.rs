//! What takes a step back, for a plan that fails before the new instance is up.

use crate::model::spec::InstanceSpec;

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
            volumes: if spec.volumes_from.is_some() { Volumes::Keep } else { Volumes::Remove },
        }),
        Action::Stop { target, .. } => Some(Action::Start { target: target.clone() }),
        Action::Rename { target, to } => Some(Action::Rename {
            target: Target { name: to.clone(), ..target.clone() },
            to: target.name.clone(),
        }),
        Action::SaveFiles { image, .. } => Some(Action::RemoveImage { image: image.clone() }),
        Action::Suspend { target } => Some(Action::Resume { target: target.clone() }),
        Action::Resume { target } => Some(Action::Suspend { target: target.clone() }),
        Action::Start { target } => {
            Some(Action::Stop { target: target.clone(), mode: StopMode::Kill })
        }
        Action::SetAutostart { target, autostart } => {
            Some(Action::SetAutostart { target: target.clone(), autostart: !autostart })
        }
        // A fetched image is a cache; what was removed is gone; the former address is not known.
        Action::FetchImage { .. }
        | Action::ChangeAddress { .. }
        | Action::Remove { .. }
        | Action::RemoveNetwork { .. }
        | Action::RemoveImage { .. } => None,
    }
}

/// The actions that take the done ones back, the last one first. Once an instance of the plan's
/// has been started there is no way back: what remains is for the next `up`.
#[must_use]
pub fn way_back<'a>(done: impl IntoIterator<Item = &'a Action>) -> Vec<Action> {
    let mut way = Vec::new();
    let mut made_here: Option<Target> = None;
    for action in done {
        match action {
            Action::Create { spec } => made_here = Some(created(spec)),
            Action::Start { target } if made_here.as_ref() == Some(target) => {
                way.clear();
                continue;
            }
            // What was there and has been removed cannot come back: going back from here would
            // leave less than going on.
            Action::Remove { .. } => {
                way.clear();
                continue;
            }
            _ => {}
        }
        way.extend(inverse(action));
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
    }
}
