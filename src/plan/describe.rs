//! Action → one sentence, and the reason behind it.

mod says;

pub use says::says;

use crate::model::capability::Cost;

use super::action::Action;
use super::diff::Change;
use super::{Cause, Plan, Step};

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
