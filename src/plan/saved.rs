//! A plan that was looked at before it is carried out: what `plan --json` prints and `up --plan`
//! takes.
//!
//! `up` makes the plan anew, with the saved one's moment and picks, and goes ahead only if both are
//! the same to the last step: then neither the `.env` nor what the provider has can have changed in
//! any way that matters.

use miette::Diagnostic;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::model::code::Code;
use crate::model::id::InstanceUuid;
use crate::model::network::PortForward;
use crate::model::problem::Problem;

use super::action::{Action, Fetch};
use super::diff::Change;
use super::seen::Seen;
use super::steps::Recreate;
use super::{Cause, Plan, Step};
use crate::model::units::Bytes;

/// A saved plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedPlan {
    /// The format.
    pub schema: u32,
    /// Whose instance it is about.
    pub uuid: InstanceUuid,
    /// When it was made (RFC 3339): the moment that its stamps carry.
    pub made_at: String,
    /// Whether it starts from the image again in any case.
    pub recreate: Recreate,
    /// Whether it fetches the image in any case.
    pub fetch: Fetch,
    /// What was written outside of the files, without its value: `--set MEMORY`.
    pub given: Vec<String>,
    /// What it was made for; none where there was nothing to do.
    pub seen: Option<Seen>,
    /// The steps.
    pub steps: Vec<Step>,
    /// The differences that they make up for.
    pub changes: Vec<Change>,
    /// How much a replacement copies.
    pub copied: Option<Bytes>,
}

/// Why a saved plan is not carried out.
#[derive(Debug, Error, Diagnostic)]
pub enum SavedPlanError {
    /// The file cannot be read.
    #[error("the plan {file} cannot be read")]
    #[diagnostic(
        code(vagrantp::plan::saved_unreadable),
        help("make one with `vagrantp plan --json > plan.json`")
    )]
    Unreadable {
        /// The file.
        file: String,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// It is no plan.
    #[error("{file} is no saved plan: {reason}")]
    #[diagnostic(
        code(vagrantp::plan::saved_not_a_plan),
        help("make one with `vagrantp plan --json > plan.json`")
    )]
    NotAPlan {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// What it shows is not what it would do.
    #[error("the plan {file} was altered: its `{field}` is not what it would do")]
    #[diagnostic(
        code(vagrantp::plan::saved_altered),
        help("nothing was done; make a new one: `vagrantp plan --json > plan.json`")
    )]
    Altered {
        /// The file.
        file: String,
        /// The first field that differs from what it says in `saved`.
        field: String,
    },
    /// It was made by a version that writes plans differently.
    #[error("the plan {file} has the format {found}, and this version knows {known}")]
    #[diagnostic(
        code(vagrantp::plan::saved_format),
        help("make it again with this version: `vagrantp plan --json > plan.json`")
    )]
    Format {
        /// The file.
        file: String,
        /// Its format.
        found: u64,
        /// The format of this version.
        known: u32,
    },
    /// It is about another project.
    #[error("the plan {file} was made for another project")]
    #[diagnostic(
        code(vagrantp::plan::saved_elsewhere),
        help("go to the directory that it was made in, or make one here")
    )]
    Elsewhere {
        /// The file.
        file: String,
    },
    /// What is wanted or what is there has changed.
    #[error("the plan {file} does not fit any more: {difference}")]
    #[diagnostic(code(vagrantp::plan::saved_outdated), help("nothing was done; {help}"))]
    Outdated {
        /// The file.
        file: String,
        /// The first difference.
        difference: String,
        /// What to do.
        help: String,
    },
}

impl From<SavedPlanError> for Problem {
    fn from(error: SavedPlanError) -> Self {
        let code = match &error {
            SavedPlanError::Unreadable { .. }
            | SavedPlanError::NotAPlan { .. }
            | SavedPlanError::Altered { .. }
            | SavedPlanError::Format { .. } => Code::Usage,
            SavedPlanError::Elsewhere { .. } | SavedPlanError::Outdated { .. } => {
                Code::InvalidState
            }
        };
        Problem::new(code, error)
    }
}

impl SavedPlan {
    /// The format that this version reads and writes.
    pub const SCHEMA: u32 = 1;

    /// The plan in the form in which it is kept.
    #[must_use]
    pub fn plan(&self) -> Plan {
        Plan {
            steps: self.steps.clone(),
            warnings: Vec::new(),
            changes: self.changes.clone(),
            copied: self.copied,
            unguarded: Vec::new(),
        }
    }

    /// The host ports that the plan picked.
    #[must_use]
    pub fn ports(&self) -> &[PortForward] {
        let made = self.steps.iter().find_map(|step| match &step.action {
            Action::Create { spec } => Some(&spec.ports[..]),
            _ => None,
        });
        made.unwrap_or_default()
    }

    /// Where the plan of this moment is another one, or was made for another world; none where both
    /// are the same. On which line of a file a reason stands makes no difference.
    #[must_use]
    pub fn difference(&self, plan: &Plan, seen: &Seen) -> Option<String> {
        let then = self.seen.as_ref();
        then.and_then(|then| then.difference(seen))
            .or_else(|| self.difference_of_steps(plan))
            .or_else(|| then.and_then(|then| then.difference_of_image(seen)))
    }

    fn difference_of_steps(&self, plan: &Plan) -> Option<String> {
        for (index, (saved, now)) in self.steps.iter().zip(&plan.steps).enumerate() {
            let number = index + 1;
            if text(saved) != text(now) {
                let (saved, now) =
                    (super::describe::says(&saved.action), super::describe::says(&now.action));
                return Some(if saved == now {
                    format!("step {number} ({now}) would be done differently now")
                } else {
                    format!("step {number} was `{saved}` and would be `{now}` now")
                });
            }
        }
        let (saved, now) = (self.steps.len(), plan.steps.len());
        if saved != now {
            return Some(format!("it has {saved} steps, and {now} are needed now"));
        }
        let bare = |changes: &[Change]| -> Vec<Change> {
            changes.iter().map(|change| Change { place: None, ..change.clone() }).collect()
        };
        (bare(&self.changes) != bare(&plan.changes))
            .then(|| "what the steps are for is something else now".to_owned())
    }

    /// What was written outside of the files when it was made, and is not now.
    #[must_use]
    pub fn lacking(&self, given: &[String]) -> Vec<&str> {
        let lacks = |then: &&String| !given.contains(then);
        self.given.iter().filter(lacks).map(String::as_str).collect()
    }
}

/// What is done and why, without the line that asks for it.
fn text(step: &Step) -> String {
    let cause = Cause { place: None, ..step.cause.clone() };
    serde_json::to_string(&Step { cause, ..step.clone() }).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observed::{Observed, Power};
    use crate::model::units::Memory;
    use crate::plan::fixture::{desired, observed, up, written};

    fn saved(plan: &Plan, seen: &Observed) -> SavedPlan {
        SavedPlan {
            schema: SavedPlan::SCHEMA,
            uuid: desired().identity.uuid,
            made_at: "2026-11-21T12:00:00Z".to_owned(),
            recreate: Recreate::WhereNeeded,
            fetch: Fetch::IfMissing,
            given: Vec::new(),
            seen: Some(Seen::of(seen, None)),
            steps: plan.steps.clone(),
            changes: plan.changes.clone(),
            copied: plan.copied,
        }
    }

    #[test]
    fn a_plan_reads_back_and_fits_what_it_was_made_for() {
        let mut wish = desired();
        wish.memory = written(Memory(4096));
        let world = observed(&wish, Power::Stopped);
        let plan = up(&wish, &world).unwrap();
        let text = serde_json::to_string(&saved(&plan, &world)).unwrap();
        let read: SavedPlan = serde_json::from_str(&text).unwrap();
        let seen = Seen::of(&world, None);
        assert_eq!(read.difference(&plan, &seen), None, "places lose their offsets and still fit");
    }

    #[test]
    fn a_line_of_the_applications_above_changes_nothing() {
        let mut wish = desired();
        let world = observed(&wish, Power::Running);
        wish.memory = written(Memory(4096));
        let plan = up(&wish, &world).unwrap();
        let made = saved(&plan, &world);
        let mut moved = plan.clone();
        for place in moved.steps.iter_mut().filter_map(|step| step.cause.place.as_mut()) {
            place.line += 1;
        }
        for place in moved.changes.iter_mut().filter_map(|change| change.place.as_mut()) {
            place.line += 1;
        }
        assert_ne!(moved, plan);
        assert_eq!(made.difference(&moved, &Seen::of(&world, None)), None);
        // Another reason for the same steps is another plan.
        for step in &mut moved.steps {
            step.cause.key = Some("CPUS".to_owned());
        }
        assert!(made.difference(&moved, &Seen::of(&world, None)).is_some());
    }

    #[test]
    fn another_wish_or_another_world_is_another_plan() {
        let wish = desired();
        let nothing = Observed::default();
        let made = saved(&up(&wish, &nothing).unwrap(), &nothing);
        let mut more = desired();
        more.memory = written(Memory(4096));
        let of = |wish, world: &Observed| {
            made.difference(&up(wish, world).unwrap(), &Seen::of(world, None)).unwrap()
        };
        assert_eq!(
            of(&more, &nothing),
            "step 3 was `Create the container web from docker.io/library/alpine:latest (2 GiB, \
             2 CPUs)` and would be `Create the container web from \
             docker.io/library/alpine:latest (4 GiB, 2 CPUs)` now"
        );
        assert_eq!(
            of(&wish, &observed(&wish, Power::Running)),
            "there is a container web that was not there then"
        );
    }

    #[test]
    fn what_was_given_then_and_is_not_now_is_named() {
        let nothing = Observed::default();
        let made = SavedPlan {
            given: vec!["--set CPUS".to_owned(), "--set MEMORY".to_owned()],
            ..saved(&Plan::default(), &nothing)
        };
        assert_eq!(made.lacking(&["--set CPUS".to_owned()]), ["--set MEMORY"]);
    }
}
