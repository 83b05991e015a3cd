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
use super::steps::Recreate;
use super::{Plan, Step};

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
    /// The steps.
    pub steps: Vec<Step>,
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
    #[diagnostic(
        code(vagrantp::plan::saved_outdated),
        help("nothing was done; look at a new one: `vagrantp plan --json > plan.json`")
    )]
    Outdated {
        /// The file.
        file: String,
        /// The first difference.
        difference: String,
    },
}

impl From<SavedPlanError> for Problem {
    fn from(error: SavedPlanError) -> Self {
        let code = match &error {
            SavedPlanError::Unreadable { .. }
            | SavedPlanError::NotAPlan { .. }
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

    /// Reads what `plan --json` printed.
    ///
    /// # Errors
    /// It is something else, or of another version's format.
    pub fn read(file: &str, text: &str) -> Result<Self, SavedPlanError> {
        let not_a_plan =
            |reason: String| SavedPlanError::NotAPlan { file: file.to_owned(), reason };
        let document: serde_json::Value =
            serde_json::from_str(text).map_err(|error| not_a_plan(error.to_string()))?;
        let Some(saved) = document.get("saved") else {
            return Err(not_a_plan("it has no `saved`".to_owned()));
        };
        let found = saved.get("schema").and_then(serde_json::Value::as_u64).unwrap_or_default();
        if found != u64::from(Self::SCHEMA) {
            let known = Self::SCHEMA;
            return Err(SavedPlanError::Format { file: file.to_owned(), found, known });
        }
        serde_json::from_value(saved.clone()).map_err(|error| not_a_plan(error.to_string()))
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

    /// Where the plan of this moment is another one; none where both are the same.
    #[must_use]
    pub fn difference(&self, plan: &Plan) -> Option<String> {
        let text = |step: &Step| serde_json::to_string(step).unwrap_or_default();
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
        (saved != now).then(|| format!("it has {saved} steps, and {now} are needed now"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observed::{Observed, Power};
    use crate::model::units::Memory;
    use crate::plan::fixture::{desired, observed, up, written};

    fn saved(plan: &Plan) -> SavedPlan {
        SavedPlan {
            schema: SavedPlan::SCHEMA,
            uuid: desired().identity.uuid,
            made_at: "2026-11-21T12:00:00Z".to_owned(),
            recreate: Recreate::WhereNeeded,
            fetch: Fetch::IfMissing,
            steps: plan.steps.clone(),
        }
    }

    #[test]
    fn a_plan_reads_back_and_fits_what_it_was_made_for() {
        let mut wish = desired();
        wish.memory = written(Memory(4096));
        let plan = up(&wish, &observed(&wish, Power::Stopped)).unwrap();
        let text = serde_json::json!({ "saved": saved(&plan) }).to_string();
        let read = SavedPlan::read("p", &text).unwrap();
        assert_eq!(read.difference(&plan), None, "places lose their offsets and still fit");
    }

    #[test]
    fn another_wish_or_another_world_is_another_plan() {
        let wish = desired();
        let made = saved(&up(&wish, &Observed::default()).unwrap());
        let mut more = desired();
        more.memory = written(Memory(4096));
        let of = |plan: Result<Plan, _>| made.difference(&plan.unwrap()).unwrap();
        assert_eq!(
            of(up(&more, &Observed::default())),
            "step 3 was `Create the container web from docker.io/library/alpine:latest (2 GiB, \
             2 CPUs)` and would be `Create the container web from \
             docker.io/library/alpine:latest (4 GiB, 2 CPUs)` now"
        );
        assert_eq!(
            of(up(&wish, &observed(&wish, Power::Running))),
            "it has 4 steps, and 0 are needed now"
        );
    }

    #[test]
    fn what_is_no_plan_of_this_format_is_told_apart() {
        let reason = |text: &str| SavedPlan::read("p", text).unwrap_err().to_string();
        assert!(reason("x").starts_with("p is no saved plan: expected value"));
        assert_eq!(reason("{}"), "p is no saved plan: it has no `saved`");
        let future = r#"{"saved": {"schema": 2, "steps": "who knows"}}"#;
        assert_eq!(reason(future), "the plan p has the format 2, and this version knows 1");
        let torn = r#"{"saved": {"schema": 1}}"#;
        assert_eq!(reason(torn), "p is no saved plan: missing field `uuid`");
    }

    #[test]
    fn plans_of_released_versions_still_read() {
        let made = include_str!("../../tests/fixtures/plans/0.1.0-make.json");
        let replaced = include_str!("../../tests/fixtures/plans/0.1.0-replace.json");
        for (text, actions) in [(made, 4), (replaced, 6)] {
            assert_eq!(SavedPlan::read("fixture", text).unwrap().steps.len(), actions);
        }
    }
}
