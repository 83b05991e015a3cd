//! Action → one sentence, and the reason behind it.

use crate::model::capability::Cost;
use crate::model::image::{ImageSource, LocalImage};
use crate::model::spec::BaseImage;
use crate::model::vm::WaitFor;

use super::action::{Action, Fetch, StopMode, Volumes};
use super::diff::Change;
use super::{Cause, Plan, Step};

/// What a step does, in one sentence without its reason.
#[must_use]
pub fn says(action: &Action) -> String {
    match action {
        Action::FetchImage { image: ImageSource::Containerfile(path), fetch: Fetch::IfMissing } => {
            format!("Build the image from {}", path.display())
        }
        Action::FetchImage { image: ImageSource::Containerfile(path), fetch: Fetch::Always } => {
            format!(
                "Build the image from {}, with what it is made from fetched again",
                path.display()
            )
        }
        Action::FetchImage { image, fetch: Fetch::IfMissing } => format!("Fetch the image {image}"),
        Action::FetchImage { image, fetch: Fetch::Always } => {
            format!("Fetch the image {image} again")
        }
        Action::CreateNetwork { network } => match network.subnet {
            Some(subnet) if network.bridge.is_some() => format!(
                "Create the network {} on {} ({subnet})",
                network.name,
                network.bridge.as_deref().unwrap_or_default()
            ),
            Some(subnet) => format!("Create the network {} ({subnet})", network.name),
            None => format!("Create the network {}", network.name),
        },
        Action::Create { spec } => match &spec.image {
            BaseImage::Source(image) => format!(
                "Create the container {} from {image} ({}, {})",
                spec.name,
                spec.memory,
                count(spec.cpus.0, "CPU"),
            ),
            BaseImage::Saved(_) => format!(
                "Create the container {} again with its files ({}, {})",
                spec.name,
                spec.memory,
                count(spec.cpus.0, "CPU"),
            ),
        },
        Action::Start { target } => format!("Start the container {}", target.name),
        Action::AwaitReady { target, readiness } => {
            let what = match readiness.wait_for {
                WaitFor::Ssh => "answers by SSH",
                WaitFor::Boot => "runs",
            };
            format!("Wait until {} {what} (at most {} s)", target.name, readiness.timeout.0)
        }
        Action::Configure { spec, .. } => format!(
            "Change what {} is made of ({}, {})",
            spec.name,
            spec.memory,
            count(spec.cpus.0, "CPU"),
        ),
        Action::ChangePorts { target, .. } => format!("Forward other ports to {}", target.name),
        Action::GrowDisk { target, size } => format!("Grow the disk of {} to {size}", target.name),
        Action::AuthorizeKeys { target, .. } => {
            format!("Let other SSH keys into {}", target.name)
        }
        Action::Resume { target } => format!("Resume the container {}", target.name),
        Action::Suspend { target } => format!("Suspend the container {}", target.name),
        Action::Stop { target, mode: StopMode::Graceful { grace } } => {
            format!("Stop the container {} (killed after {} s)", target.name, grace.as_secs())
        }
        Action::Stop { target, mode: StopMode::Kill } => {
            format!("Kill the container {}", target.name)
        }
        Action::Rename { target, to } => format!("Rename the container {} to {to}", target.name),
        Action::SaveFiles { target, .. } => {
            format!("Save the files of the container {}", target.name)
        }
        Action::TakeSnapshot { target, snapshot } => {
            format!("Take the snapshot {} of the container {}", snapshot.name, target.name)
        }
        Action::UseSnapshot { snapshot, .. } => {
            format!("Take the files of the snapshot {} ({})", snapshot.name, snapshot.taken())
        }
        Action::RevertSnapshot { target, snapshot } => {
            format!(
                "Take {} back to the snapshot {} ({})",
                target.name,
                snapshot.name,
                snapshot.taken()
            )
        }
        Action::RemoveSnapshot { snapshot } => {
            format!("DELETE the snapshot {} ({})", snapshot.name, snapshot.taken())
        }
        Action::MoveSnapshot { snapshot, .. } => {
            format!("Take over the snapshot {} ({})", snapshot.name, snapshot.taken())
        }
        Action::ChangeAddress { target, address: Some(address), .. } => {
            format!("Give the container {} the address {address}", target.name)
        }
        Action::ChangeAddress { target, address: None, .. } => {
            format!("Give the container {} another address", target.name)
        }
        Action::JoinNetwork { target, network, .. } => {
            format!("Connect the container {} with its network {network}", target.name)
        }
        Action::LeaveNetwork { target, network } => {
            format!("Disconnect the container {} from the network {network}", target.name)
        }
        Action::SetLimits { target, memory, cpus } => format!(
            "Limit the container {} to {memory} and {} again",
            target.name,
            count(cpus.0, "CPU")
        ),
        Action::ChangeNetwork { from, to, .. } => match to.subnet {
            Some(subnet) => {
                format!("Replace the network {} by {} ({subnet})", from.name, to.name)
            }
            None => format!("Replace the network {} by {}", from.name, to.name),
        },
        Action::SetAutostart { target, autostart: true } => {
            format!("Start the container {} with the host from now on", target.name)
        }
        Action::SetAutostart { target, autostart: false } => {
            format!("Do not start the container {} with the host any more", target.name)
        }
        Action::Remove { target, volumes: Volumes::Remove } => {
            format!("DELETE the container {} with everything written in it", target.name)
        }
        Action::Remove { target, volumes: Volumes::Keep } => {
            format!("Remove the old container {} (its files are kept)", target.name)
        }
        Action::Remove { target, volumes: Volumes::KeepAlone } => {
            format!("DELETE the container {} with what was written since the snapshot", target.name)
        }
        Action::Remove { target, volumes: Volumes::KeepDisk } => {
            format!("Remove {} (its disk is kept)", target.name)
        }
        Action::RemoveNetwork { name, .. } => format!("Remove the network {name}"),
        Action::RemoveImage { image } => match LocalImage::of(image) {
            LocalImage::Saved => format!("Remove the saved files {image}"),
            LocalImage::Imported => format!("Remove the imported image {image}"),
            LocalImage::Built => format!("Remove the built image {image}"),
            LocalImage::Snapshot => format!("DELETE the snapshot {image}"),
        },
    }
}

/// Why the step is there: `MEMORY 2 GiB → 4 GiB (.env:4)`, or what was found.
#[must_use]
pub fn because(cause: &Cause) -> Option<String> {
    let Some(key) = &cause.key else { return cause.found.clone() };
    let mut text = key.clone();
    if let (Some(found), Some(wanted)) = (&cause.found, &cause.wanted) {
        text.push_str(&format!(": {found} → {wanted}"));
    }
    match &cause.place {
        Some(place) => text.push_str(&format!(" ({}:{})", place.file, place.line)),
        None if key.starts_with('-') => {}
        None => text.push_str(" (default)"),
    }
    Some(text)
}

/// The plan as people read it: one line a step, the cost in front where there is one, the reason
/// behind.
#[must_use]
pub fn plan_text(plan: &Plan) -> String {
    if plan.is_empty() {
        return "Nothing to do.\n".to_owned();
    }
    let mut text = String::new();
    let mut last_reason = None;
    for (index, step) in plan.steps.iter().enumerate() {
        text.push_str(&step_line(index + 1, step, &mut last_reason));
        text.push('\n');
    }
    text.push_str(&summary(plan));
    text.push('\n');
    // One change stands behind its step already.
    if plan.changes.len() > 1 {
        for change in &plan.changes {
            text.push_str(&format!("  {}\n", change_text(change)));
        }
    }
    text
}

/// One difference: `MEMORY: 2 GiB → 4 GiB (.env:4)`.
#[must_use]
pub fn change_text(change: &Change) -> String {
    let change = std::slice::from_ref(change);
    because(&Cause::of_changes(change, change[0].cost)).unwrap_or_default()
}

fn step_line(number: usize, step: &Step, last_reason: &mut Option<String>) -> String {
    let cost = match step.cost {
        Cost::None => String::new(),
        cost => format!("[{}] ", cost.as_str()),
    };
    let mut line = format!("{number:>3}. {cost}{}", says(&step.action));
    let reason = because(&step.cause);
    // The same reason again would only make the lines longer.
    if reason.is_some() && reason != *last_reason {
        line.push_str(&format!("  ← {}", reason.as_deref().unwrap_or_default()));
    }
    *last_reason = reason;
    line
}

/// One line about the whole.
#[must_use]
pub fn summary(plan: &Plan) -> String {
    let steps = count(u32::try_from(plan.steps.len()).unwrap_or(u32::MAX), "step");
    let has = |name: &str| plan.steps.iter().any(|step| step.action.name() == name);
    let inside = match (has("stop"), has("start")) {
        (true, true) => "what runs inside is restarted; files stay",
        (true, false) => "what runs inside is stopped; files stay",
        (false, _) => "files stay",
    };
    // Who asks for it finds nothing; what others have begun is found.
    let mut destroys = plan.steps.iter().filter(|step| step.cost == Cost::Destroy);
    let begun_by_others = destroys.all(|step| step.cause.found.is_some());
    let cost = match plan.cost() {
        Cost::None | Cost::Refused => return format!("{steps}."),
        Cost::Live => "nothing is interrupted".to_owned(),
        Cost::Restart => inside.to_owned(),
        Cost::Replace => match plan.copied {
            Some(copied) => format!("{inside} ({copied} are copied)"),
            None => inside.to_owned(),
        },
        Cost::Recreate if goes_back(plan) => {
            "WHAT WAS WRITTEN SINCE THE SNAPSHOT IS LOST; volumes \
                                              and mounts stay as they are"
                .to_owned()
        }
        Cost::Recreate => "EVERYTHING WRITTEN IN THE CONTAINER IS LOST".to_owned(),
        Cost::Destroy if removes_snapshots_alone(plan) => {
            "what it holds cannot be gone back to any more".to_owned()
        }
        Cost::Destroy if removes_snapshots(plan) => {
            "the container, everything written in it and its snapshots are deleted".to_owned()
        }
        Cost::Destroy if begun_by_others => {
            "what others are removing goes with everything written in it".to_owned()
        }
        Cost::Destroy => "the container and everything written in it are deleted".to_owned(),
    };
    format!("{steps}: {cost}.")
}

/// Whether the files of a snapshot take the place of those that are there.
fn goes_back(plan: &Plan) -> bool {
    plan.steps.iter().any(|step| matches!(step.action, Action::UseSnapshot { .. }))
}

fn removes_snapshots(plan: &Plan) -> bool {
    plan.steps.iter().any(|step| matches!(step.action, Action::RemoveSnapshot { .. }))
}

fn removes_snapshots_alone(plan: &Plan) -> bool {
    plan.steps.iter().all(|step| matches!(step.action, Action::RemoveSnapshot { .. }))
}

fn count(number: u32, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Why each step is there and what it costs, for whoever asks before saying yes.
#[must_use]
pub fn explanation(plan: &Plan) -> String {
    let mut text = String::new();
    for (index, step) in plan.steps.iter().enumerate() {
        let reason = because(&step.cause).unwrap_or_else(|| "it was asked for".to_owned());
        text.push_str(&format!(
            "{:>3}. {}\n     why: {reason}\n     cost: {}\n",
            index + 1,
            says(&step.action),
            if step.cost == Cost::Recreate && goes_back(plan) {
                "what was written inside since the snapshot is lost"
            } else {
                cost_text(step)
            }
        ));
    }
    text
}

/// What this step alone costs; the cost of a plan stands at each step that it is paid by.
fn cost_text(step: &Step) -> &'static str {
    match (&step.action, step.cost) {
        (Action::Stop { .. }, _) => return "what runs inside is stopped",
        (Action::SaveFiles { .. }, _) => return "nothing is lost: its files are copied",
        (Action::Create { .. }, Cost::Replace) => {
            return "nothing is lost: it is made again around its files";
        }
        _ => {}
    }
    match step.cost {
        Cost::None => "nothing is lost",
        Cost::Live => "nothing is interrupted",
        Cost::Restart => "what runs inside is stopped and started; files stay",
        Cost::Replace => "what runs inside is stopped; it is made again around its files",
        Cost::Recreate => "what was written inside since its creation is lost",
        Cost::Destroy => "it is deleted with everything written in it",
        Cost::Refused => "it cannot be done",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observed::Power;
    use crate::plan::action::Target;
    use crate::plan::fixture::{desired, instance, spec};

    #[test]
    fn every_action_has_its_sentence() {
        let wish = desired();
        let target = Target::of(&instance(&wish, Power::Running));
        let plan = crate::plan::fixture::up(&wish, &Default::default()).unwrap();
        let mut actions: Vec<Action> = plan.steps.into_iter().map(|step| step.action).collect();
        let network = actions
            .iter()
            .find_map(|action| match action {
                Action::CreateNetwork { network } => Some(network.clone()),
                _ => None,
            })
            .unwrap();
        let mode = StopMode::Kill;
        let snapshot = crate::plan::fixture::snapshot(&wish, "before");
        let volumes = Volumes::Remove;
        actions.extend([
            Action::Resume { target: target.clone() },
            Action::Suspend { target: target.clone() },
            Action::Stop { target: target.clone(), mode },
            Action::Rename { target: target.clone(), to: "api".to_owned() },
            Action::SaveFiles { target: target.clone(), image: "saved".to_owned() },
            Action::TakeSnapshot { target: target.clone(), snapshot: snapshot.clone() },
            Action::UseSnapshot { snapshot: snapshot.clone(), image: "saved".to_owned() },
            Action::RemoveSnapshot { snapshot: snapshot.clone() },
            Action::MoveSnapshot { snapshot, to: target.uuid },
            Action::ChangeAddress {
                target: target.clone(),
                network: spec(&wish).network,
                address: None,
            },
            Action::JoinNetwork {
                target: target.clone(),
                network: spec(&wish).network,
                address: None,
            },
            Action::LeaveNetwork { target: target.clone(), network: "net".to_owned() },
            Action::SetLimits {
                target: target.clone(),
                memory: spec(&wish).memory,
                cpus: spec(&wish).cpus,
            },
            Action::ChangeNetwork {
                target: target.clone(),
                from: network.clone(),
                to: network,
                former: None,
                address: None,
            },
            Action::SetAutostart { target: target.clone(), autostart: true },
            Action::Remove { target: target.clone(), volumes },
            Action::RemoveNetwork { name: "net".to_owned(), uuid: target.uuid },
            Action::RemoveImage { image: "saved".to_owned() },
        ]);
        let mut names: Vec<_> = actions.iter().map(Action::name).collect();
        let sentences: Vec<_> = actions.iter().map(says).collect();
        for (sentence, name) in sentences.iter().zip(&names) {
            assert!(sentence.starts_with(char::is_uppercase) && sentence.len() > 12, "{name}");
        }
        names.sort_unstable();
        let mut all = Action::NAMES.to_vec();
        all.sort_unstable();
        assert_eq!(names, all, "each action once");
        let destroys = says(&Action::Remove { target, volumes });
        assert_eq!(destroys, "DELETE the container web with everything written in it");
    }
}
