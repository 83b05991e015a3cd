//! What was found, for people and as JSON.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::exit;
use crate::model::image::LocalImage;
use crate::model::lifetime::roughly;
use crate::model::state::State;
use crate::model::units::Bytes;
use crate::plan::action::Action;
use crate::plan::describe::{because, says};
use crate::plan::garbage::{Leftover, Verdict};
use crate::report::Answer;

use super::super::Context;
use super::collect::Removed;
use super::look::{Found, Machine, Notes};

impl Machine {
    /// What is going to happen to it.
    pub(super) fn says(&self) -> String {
        let state = State::of(Some(self.state), None);
        let snapshots =
            self.plan.steps.iter().filter(|step| step.action.name() == "remove_snapshot");
        let snapshots = match snapshots.count() {
            0 => String::new(),
            1 => ", with 1 snapshot".to_owned(),
            count => format!(", with {count} snapshots"),
        };
        let (name, project) = (&self.name, self.identity.project.path.display());
        format!(
            "DELETE the {} {name} of {project} with everything written in it ({state}{snapshots})",
            self.identity.infra_type
        )
    }

    pub(super) fn why(&self) -> String {
        match &self.verdict {
            Verdict::Expired(lifetime) => {
                let ago = lifetime.end().map(|end| roughly(end, Timestamp::now()));
                format!("its INFRA_TTL of {} ended {} ago", lifetime.ttl, ago.unwrap_or_default())
            }
            _ => "its directory is gone".to_owned(),
        }
    }
}

impl Notes {
    pub(super) fn says(&self) -> String {
        match &self.project {
            Some(project) => {
                format!("Forget the machine of {}, which is gone", project.display())
            }
            None => format!("Forget the machine {}, which is gone", self.uuid),
        }
    }
}

fn why(leftover: &Leftover) -> String {
    because(&leftover.step.cause).unwrap_or_default()
}

impl Found {
    fn size(&self) -> Bytes {
        Bytes(self.leftovers().filter_map(|leftover| leftover.size).map(|size| size.0).sum())
    }

    /// A line each.
    pub(super) fn text(&self) -> String {
        let machines =
            self.machines().map(|machine| format!("{}  ← {}", machine.says(), machine.why()));
        let leftovers = self.leftovers().map(|leftover| {
            let says = says(&leftover.step.action);
            let size = leftover.size.map(|size| format!(" ({size})")).unwrap_or_default();
            format!("{says}{size}  ← {}", why(leftover))
        });
        let notes = self.notes.iter().map(Notes::says);
        let mut text = String::new();
        for (index, line) in machines.chain(leftovers).chain(notes).enumerate() {
            text.push_str(&format!("{:>3}. {line}\n", index + 1));
        }
        text
    }

    pub(super) fn items(&self) -> Vec<Value> {
        let machines = self.machines().map(|machine| {
            let steps: Vec<_> = machine.plan.steps.iter().map(|step| says(&step.action)).collect();
            json!({
                "kind": "machine", "name": machine.name, "uuid": machine.identity.uuid,
                "project": machine.identity.project.path, "bytes": null, "says": machine.says(),
                "why": machine.why(), "steps": steps,
            })
        });
        let leftovers = self.leftovers().map(|leftover| {
            let (kind, name) = match &leftover.step.action {
                Action::RemoveNetwork { name, .. } => ("network", name.as_str()),
                Action::RemoveImage { image } => match LocalImage::of(image) {
                    LocalImage::Snapshot => ("snapshot", image.as_str()),
                    _ => ("image", image.as_str()),
                },
                other => (other.name(), ""),
            };
            json!({
                "kind": kind, "name": name, "uuid": leftover.owner, "project": null,
                "bytes": leftover.size.map(|size| size.0), "says": says(&leftover.step.action),
                "why": why(leftover), "steps": [],
            })
        });
        let notes = self.notes.iter().map(|notes| {
            let name = notes.project.as_ref().map(|path| path.display().to_string());
            let name = name.unwrap_or_else(|| notes.uuid.to_string());
            json!({
                "kind": "notes", "name": name, "uuid": notes.uuid, "project": notes.project,
                "bytes": null, "says": notes.says(), "why": "its machine is gone", "steps": [],
            })
        });
        machines.chain(leftovers).chain(notes).collect()
    }

    fn kept(&self) -> Vec<Value> {
        let one = |kept: &super::look::Kept| json!({ "name": kept.name, "uuid": kept.uuid, "says": kept.says });
        self.kept.iter().map(one).collect()
    }
}

/// `removed` is how much went; none where it was only shown.
pub(super) fn answer(context: &Context<'_>, found: &Found, removed: Option<Removed>) -> Answer {
    let things = |count: usize| match count {
        1 => "1 thing".to_owned(),
        count => format!("{count} things"),
    };
    let at_most = |size: Bytes| match size {
        Bytes(0) => String::new(),
        size => format!(", {size} at most"),
    };
    let message = match (&removed, found.count()) {
        (_, 0) => "There is nothing to remove.".to_owned(),
        (None, count) => format!("{} would be removed{}.", things(count), at_most(found.size())),
        (Some(removed), _) => {
            format!("{} removed{}.", things(removed.count), at_most(removed.size))
        }
    };
    let mut document = context.document(&[]);
    document.message = Some(message.clone());
    document.changed = Some(removed.as_ref().is_some_and(|removed| removed.count > 0));
    document.more.insert("leftovers", json!(found.items()));
    document.more.insert("kept", json!(found.kept()));
    let list = if removed.is_none() { found.text() } else { String::new() };
    Answer { document, text: format!("{list}{message}\n"), exit: exit::SUCCESS }
}
