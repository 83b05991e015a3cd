//! The in-memory provider's snapshots: names without files.

use crate::model::snapshot::Snapshot;
use crate::plan::action::{Action, Outcome};
use crate::provider::ProviderError;

use super::{World, refused, stale};

impl World {
    /// Does an action that is about a snapshot.
    pub(super) fn snapshots(&mut self, action: &Action) -> Result<Outcome, ProviderError> {
        match action {
            Action::TakeSnapshot { target, snapshot } => {
                if self.find(target).is_none() {
                    return stale("there is no such instance");
                }
                if let Some(there) = self.snapshot(snapshot) {
                    return if self.snapshots[there].created_at == snapshot.created_at {
                        Ok(Outcome::AlreadyDone)
                    } else {
                        stale("there is a snapshot of that name")
                    };
                }
                self.snapshots.push(snapshot.clone());
            }
            Action::UseSnapshot { snapshot, image } => {
                if self.snapshot(snapshot).is_none() {
                    return stale("the snapshot is gone");
                }
                if self.saved.contains(image) {
                    return Ok(Outcome::AlreadyDone);
                }
                self.saved.push(image.clone());
            }
            Action::RemoveSnapshot { snapshot } => match self.snapshot(snapshot) {
                Some(at) => drop(self.snapshots.remove(at)),
                None => return Ok(Outcome::AlreadyDone),
            },
            Action::MoveSnapshot { snapshot, to } => {
                let moved = Snapshot { of: *to, ..snapshot.clone() };
                match (self.snapshot(snapshot), self.snapshot(&moved)) {
                    (Some(at), None) => self.snapshots[at] = moved,
                    (Some(_), Some(_)) => return stale("there is a snapshot of that name"),
                    (None, Some(_)) => return Ok(Outcome::AlreadyDone),
                    (None, None) => return stale("the snapshot is gone"),
                }
            }
            _ => return Err(refused(action.name(), "it is about no snapshot")),
        }
        Ok(Outcome::Done)
    }

    fn snapshot(&self, wanted: &Snapshot) -> Option<usize> {
        self.snapshots.iter().position(|it| (it.of, &it.name) == (wanted.of, &wanted.name))
    }
}
