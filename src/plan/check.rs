//! Is a finished plan consistent with itself? Lints the plan apart from the code that made it.

use std::collections::BTreeSet;

use crate::model::capability::Cost;
use crate::model::id::InstanceUuid;

use super::Plan;
use super::action::{Action, Volumes};

/// Every way in which the plan contradicts itself; none for a plan that can be carried out.
#[must_use]
pub fn contradictions(plan: &Plan) -> Vec<String> {
    let mut found = Vec::new();
    let mut created: BTreeSet<(String, u32)> = BTreeSet::new();
    // By the provider's id: a copy that somebody made of a container has its uuid and generation.
    let mut removed: Vec<(&InstanceUuid, u32, &Option<String>)> = Vec::new();
    for (index, step) in plan.steps.iter().enumerate() {
        let number = index + 1;
        match &step.action {
            Action::Create { spec } => {
                let key = (spec.stamp.uuid.to_string(), spec.stamp.generation);
                if !created.insert(key) {
                    found.push(format!("step {number} creates what an earlier step created"));
                }
                if spec.stamp.asked.ports != spec.ports || spec.stamp.asked.mounts != spec.mounts {
                    found.push(format!("step {number} stamps something else than it creates"));
                }
            }
            Action::Remove { target, volumes } => {
                removed.push((&target.uuid, target.generation, &target.id));
                let loses = !matches!(volumes, Volumes::Keep | Volumes::KeepDisk);
                if loses && !matches!(step.cost, Cost::Recreate | Cost::Destroy) {
                    found.push(format!("step {number} loses data and does not say so"));
                }
            }
            Action::RemoveSnapshot { .. } if step.cost != Cost::Destroy => {
                found.push(format!("step {number} loses data and does not say so"));
            }
            Action::Start { target } | Action::Resume { target } => {
                if removed.contains(&(&target.uuid, target.generation, &target.id)) {
                    found.push(format!("step {number} starts what an earlier step removed"));
                }
                if target.id.is_none()
                    && !created.contains(&(target.uuid.to_string(), target.generation))
                {
                    found.push(format!("step {number} starts what nobody made"));
                }
            }
            _ => {}
        }
        if step.cost == Cost::Refused {
            found.push(format!("step {number} was refused and is there all the same"));
        }
    }
    found
}
