//! What is being done: intent before an action, outcome after. It is gone when all is done.
//!
//! The journal is not needed to go on after a crash (the provider is looked at for that). It tells
//! readers what is under way, and the next writer what was interrupted.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::file::{self, Document, Loaded};
use super::owner::Owner;
use super::{InstanceStore, StoreError};

/// The work of one call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The entry's own format.
    pub schema: u32,
    /// What was called: `up`.
    pub verb: String,
    /// By which process.
    pub owner: Owner,
    /// When.
    pub since: Timestamp,
    /// The steps of the plan.
    pub steps: Vec<StepEntry>,
}

/// One step, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepEntry {
    /// The action's name.
    pub action: String,
    /// What it does.
    pub says: String,
    /// How far it is.
    pub progress: StepProgress,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepProgress {
    /// Not begun.
    Pending,
    /// Begun: it may or may not have happened.
    Begun,
    /// Done.
    Done,
    /// Failed.
    Failed,
}

impl Entry {
    /// The format that this version writes.
    pub const SCHEMA: u32 = 1;

    /// Whether the process that wrote it is still at it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.owner.is_alive()
    }

    /// Whether an action of this name is under way.
    #[must_use]
    pub fn is_at(&self, action: &str) -> bool {
        let under_way = |step: &StepEntry| step.progress == StepProgress::Begun;
        self.steps.iter().any(|step| step.action == action && under_way(step))
    }

    /// Whether an action of this name is planned or under way.
    #[must_use]
    pub fn intends(&self, action: &str) -> bool {
        self.steps.iter().any(|step| step.action == action)
    }
}

impl Document for Entry {
    const SCHEMA: u32 = Entry::SCHEMA;
}

/// Whether nothing is begun that could not be written down before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    Written,
    WhereRoom,
}

/// The journal of a call that is under way.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    entry: Entry,
    need: Need,
    /// Why it could not be written, where that was no reason to stop.
    lacking: Option<StoreError>,
}

impl InstanceStore {
    /// The open entry, or what a call left that was interrupted or has failed half-way.
    #[must_use]
    pub fn journal(&self) -> Loaded<Entry> {
        file::read_json(&self.journal_path(), &self.warnings)
    }

    /// Writes down what is about to be done. The caller holds the lock.
    ///
    /// # Errors
    /// The file cannot be written: then nothing is begun.
    pub fn begin(
        &self,
        verb: &str,
        steps: impl IntoIterator<Item = StepEntry>,
    ) -> Result<Journal, StoreError> {
        self.write_down(verb, steps, Need::Written)
    }

    /// The same for what makes room: where there is none for the journal, it is begun all the same,
    /// and the object itself shows how far it came. See [`Journal::lacking`].
    ///
    /// # Errors
    /// The file cannot be written for another reason.
    pub fn begin_where_room(
        &self,
        verb: &str,
        steps: impl IntoIterator<Item = StepEntry>,
    ) -> Result<Journal, StoreError> {
        self.write_down(verb, steps, Need::WhereRoom)
    }

    fn write_down(
        &self,
        verb: &str,
        steps: impl IntoIterator<Item = StepEntry>,
        need: Need,
    ) -> Result<Journal, StoreError> {
        let entry = Entry {
            schema: Entry::SCHEMA,
            verb: verb.to_owned(),
            owner: Owner::myself(),
            since: Timestamp::now(),
            steps: steps.into_iter().collect(),
        };
        let mut journal = Journal { path: self.journal_path(), entry, need, lacking: None };
        journal.write()?;
        Ok(journal)
    }

    fn journal_path(&self) -> PathBuf {
        self.dir.join("journal.json")
    }
}

impl Journal {
    /// Writes how far a step is; `index` counts from 0.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn mark(&mut self, index: usize, progress: StepProgress) -> Result<(), StoreError> {
        if let Some(step) = self.entry.steps.get_mut(index) {
            step.progress = progress;
        }
        // The next step's beginning, or the end, brings this to disk: being told that a done step
        // is only begun misleads nobody.
        if progress == StepProgress::Done { Ok(()) } else { self.write() }
    }

    /// Whether at least one step was done.
    #[must_use]
    pub fn has_done(&self) -> bool {
        self.entry.steps.iter().any(|step| step.progress == StepProgress::Done)
    }

    /// All is done, or taken back: there is nothing to tell any more.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn close(self) -> Result<(), StoreError> {
        file::remove(&self.path)
    }

    /// Why it is not written down what is done, where there was no room for that.
    #[must_use]
    pub fn lacking(&self) -> Option<&StoreError> {
        self.lacking.as_ref()
    }

    fn write(&mut self) -> Result<(), StoreError> {
        match file::write_json(&self.path, &self.entry) {
            Err(error) if self.need == Need::WhereRoom && error.is_about_room() => {
                self.lacking = Some(error);
                Ok(())
            }
            written => written,
        }
    }
}
