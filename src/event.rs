//! Everything that apply and provision have to say. Rooms emit events; `report` alone prints.

use serde::{Deserialize, Serialize};

/// Something that happened, for people and for `--json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A step of the plan begins.
    StepStarted {
        /// Its number, from 1.
        number: usize,
        /// How many there are.
        of: usize,
        /// The action's name.
        action: String,
        /// What it does, as the plan says it.
        says: String,
    },
    /// A step ended well.
    StepDone {
        /// Its number, from 1.
        number: usize,
        /// The action's name.
        action: String,
        /// How long it took.
        milliseconds: u64,
        /// Whether it found its work done already.
        already: bool,
    },
    /// A step failed.
    StepFailed {
        /// Its number, from 1.
        number: usize,
        /// The action's name.
        action: String,
        /// The code of the failure.
        code: String,
        /// What went wrong.
        message: String,
    },
    /// How far the running step is.
    Progress {
        /// What is under way: a layer, a file.
        item: String,
        /// How far, in units of the room's.
        done: u64,
        /// How much there is, where that is known.
        total: Option<u64>,
        /// A word for it: `downloading`.
        says: String,
    },
    /// A line that the running step wrote: of a build's output.
    Output {
        /// The line, without its end.
        line: String,
    },
    /// Waiting for someone else.
    Waiting {
        /// For what, and who has it.
        says: String,
    },
    /// Something that the user should know and that stops nothing.
    Warning {
        /// What.
        message: String,
    },
}

/// Takes events as they happen. Cheap, and never fails: a full disk must not stop a machine.
pub trait Listener: Send + Sync {
    /// Takes one event.
    fn hear(&self, event: &Event);
}

/// Hears nothing; for callers that have nobody to tell.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silence;

impl Listener for Silence {
    fn hear(&self, _: &Event) {}
}
