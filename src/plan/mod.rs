//! Desired and observed → plan. Pure: no files, no clock, no provider.
//!
//! [`steps`] decides, [`diff`] compares, [`ports`] settles ports, [`limits`] holds the wish against
//! the host, [`describe`] puts a step into one sentence, [`undo`] knows what takes a step back.

use std::fmt::Display;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::model::capability::Cost;
use crate::model::source::Place;
use crate::model::units::Bytes;

pub mod action;
mod adopt;
mod appeared;
pub mod beside;
mod build;
pub mod check;
mod clear;
pub mod describe;
pub mod diff;
mod down;
pub mod error;
#[cfg(test)]
pub(crate) mod fixture;
pub mod garbage;
pub mod limits;
pub mod machine;
mod network;
mod outside;
pub mod ports;
pub mod power;
pub mod ranges;
pub mod refuse;
mod replace;
pub mod saved;
pub mod seen;
pub mod snapshots;
pub mod steps;
pub mod undo;

pub use error::PlanError;

use action::Action;
use diff::Change;

/// Ordered steps with their causes. An empty plan is a good outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What will be done, in this order.
    pub steps: Vec<Step>,
    /// What is worth saying and stops nothing.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Every difference that the steps make up for.
    #[serde(default)]
    pub changes: Vec<Change>,
    /// How much a replacement copies, where there is one.
    #[serde(default)]
    pub copied: Option<Bytes>,
    /// The files of the host that what runs inside may have written since it was started: whatever
    /// the plan does may be its wish.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unguarded: Vec<PathBuf>,
}

/// One action, what it costs, and why it is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What is done.
    #[serde(flatten)]
    pub action: Action,
    /// What it costs.
    pub cost: Cost,
    /// Why.
    pub cause: Cause,
}

impl Step {
    /// A step that costs nobody anything.
    #[must_use]
    pub fn free(action: Action, cause: Cause) -> Self {
        Step { action, cost: Cost::None, cause }
    }
}

/// Why a step is there: the line that asks for it, or what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The key, where one asks for it.
    pub key: Option<String>,
    /// Where that key is written; none for a default.
    pub place: Option<Place>,
    /// What was found.
    pub found: Option<String>,
    /// What is wanted instead.
    pub wanted: Option<String>,
}

impl Cause {
    /// The verb itself asks for it.
    #[must_use]
    pub fn asked() -> Self {
        Cause::default()
    }

    /// What was found is the reason.
    #[must_use]
    pub fn found(found: &str) -> Self {
        Cause { found: Some(found.to_owned()), ..Cause::default() }
    }

    /// An option of the command line asks for it.
    #[must_use]
    pub fn option(option: &str) -> Self {
        Cause { key: Some(option.to_owned()), ..Cause::default() }
    }

    /// A key asks for it.
    #[must_use]
    pub fn key(key: &str, place: Option<&Place>, found: &str, wanted: impl Display) -> Self {
        Cause {
            key: Some(key.to_owned()),
            place: place.cloned(),
            found: Some(found.to_owned()),
            wanted: Some(wanted.to_string()),
        }
    }

    /// The dearest of these changes is the reason; the others come along.
    #[must_use]
    pub fn of_changes(changes: &[Change], cost: Cost) -> Self {
        let change = changes
            .iter()
            .find(|change| change.cost == cost)
            .or_else(|| changes.iter().max_by_key(|change| change.cost));
        change.map_or_else(Cause::default, |change| {
            Cause::key(change.field.key(), change.place.as_ref(), &change.found, &change.wanted)
        })
    }
}

/// What has to be agreed to before a plan is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// Nothing.
    None,
    /// That what runs is stopped and started.
    Restart,
    /// That the files say what a person wants, since what runs inside could have written them.
    Unguarded,
    /// That what was written since the creation is lost.
    Recreate,
}

/// Above this, a replacement's copy takes long enough to ask first.
pub const ASK_ABOVE: Bytes = Bytes(1024 * 1024 * 1024);

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// What the plan costs at most.
    #[must_use]
    pub fn cost(&self) -> Cost {
        self.steps.iter().map(|step| step.cost).max().unwrap_or(Cost::None)
    }

    /// What has to be agreed to first.
    #[must_use]
    pub fn consent(&self) -> Consent {
        // What others have begun to remove is beyond anybody's consent.
        let asked = self.steps.iter().map(|step| step.cost).filter(|cost| *cost != Cost::Destroy);
        match asked.max().unwrap_or(Cost::None) {
            Cost::Recreate => Consent::Recreate,
            _ if !self.is_empty() && !self.unguarded.is_empty() => Consent::Unguarded,
            Cost::Restart => Consent::Restart,
            Cost::Replace if self.copied.is_some_and(|copied| copied > ASK_ABOVE) => {
                Consent::Restart
            }
            Cost::None | Cost::Live | Cost::Replace | Cost::Destroy | Cost::Refused => {
                Consent::None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::image::ImageSource;
    use crate::model::observed::{Instance, Power};
    use fixture::{desired, observed, up, written};

    #[test]
    fn what_may_be_the_instances_own_wish_is_asked_for() {
        let mut wish = desired();
        let mut world = observed(&wish, Power::Running);
        world.instances[0].unguarded = vec!["/projects/web/.env".into()];
        let plan = up(&wish, &world).unwrap();
        assert_eq!((plan.is_empty(), plan.consent()), (true, Consent::None));
        assert_eq!(plan.warnings, [world.instances[0].unguarded_text().unwrap()]);
        wish.autostart = written(true);
        let plan = up(&wish, &world).unwrap();
        assert_eq!((plan.cost(), plan.consent()), (Cost::Replace, Consent::Unguarded));
        assert_eq!(plan.unguarded, world.instances[0].unguarded);
        wish.image = written(ImageSource::Registry("docker.io/library/debian:12".to_owned()));
        assert_eq!(up(&wish, &world).unwrap().consent(), Consent::Recreate);
        world.instances[0].unguarded.clear();
        wish.image = desired().image;
        assert_eq!(up(&wish, &world).unwrap().consent(), Consent::None);
    }

    #[test]
    fn what_others_remove_covers_nothing_that_is_ours_to_ask() {
        let mut wish = desired();
        let mut world = observed(&wish, Power::Running);
        let going =
            Instance { id: "0".to_owned(), state: Power::Removing, ..world.instances[0].clone() };
        world.instances.push(going);
        let plan = up(&wish, &world).unwrap();
        assert_eq!((plan.cost(), plan.consent()), (Cost::Destroy, Consent::None));
        let image = ImageSource::Registry("docker.io/library/debian:12".to_owned());
        wish.image = written(image);
        let plan = up(&wish, &world).unwrap();
        assert_eq!((plan.cost(), plan.consent()), (Cost::Destroy, Consent::Recreate));
    }
}
