//! The file between `plan --json` and `up --plan`: what people read in it, and what is done.
//!
//! The file has two halves. What people read (`message`, `plan`, `changes`) is derived from what is
//! kept (`saved`); a file in which it is anything else was altered, and is refused. Nothing of the
//! file is carried out as such: it only has to be the same as the plan of the moment.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use crate::config::Setting;
use crate::config::keys::PREFIX;
use crate::model::desired::Desired;
use crate::model::id::InstanceUuid;
use crate::model::image::ImageSource;
use crate::model::observed::Observed;
use crate::model::problem::Problem;
use crate::model::source::{Layer, Origin};
use crate::plan::saved::{SavedPlan, SavedPlanError};
use crate::plan::seen::Seen;
use crate::plan::{Plan, describe};
use crate::report::{Document, json};

use super::{Failure, host};

mod strict;

/// What clocks may differ by.
const SKEW: SignedDuration = SignedDuration::from_mins(1);

/// More than any plan has; what is read may be a device that has no end.
const LARGEST: u64 = 16 << 20;

/// The form of the whole document, where plans are concerned.
const DOCUMENT: u32 = 1;

/// What is compared again before a saved plan is carried out.
pub fn seen(desired: &Desired, observed: &Observed) -> Seen {
    let file = match &desired.image.value {
        ImageSource::Rootfs(path)
        | ImageSource::OciArchive(path)
        | ImageSource::Containerfile(path)
        | ImageSource::DiskFile { path, .. } => host::file_facts(path),
        ImageSource::Blank | ImageSource::Registry(_) | ImageSource::DiskUrl { .. } => None,
    };
    Seen::of(observed, file)
}

/// What was written outside of the files, without its values.
#[must_use]
pub fn given(settings: &[Setting]) -> Vec<String> {
    let of = |setting: &Setting| match &setting.origin {
        Origin::Written { layer: Layer::Set, .. } => Some(format!("--set {}", setting.key)),
        Origin::Written { layer: Layer::Environment, .. } => {
            Some(format!("{PREFIX}{}", setting.key))
        }
        Origin::Written { layer: Layer::File, .. } | Origin::Default => None,
    };
    let mut given: Vec<String> = settings.iter().filter_map(of).collect();
    given.sort();
    given
}

/// Says of a plan what people read.
pub fn show(document: &mut Document, plan: &Plan) {
    document.plan = Some(json::steps(plan));
    document.more.insert("changes", json::changes(plan));
    document.changed = Some(false);
    document.message =
        Some(if plan.is_empty() { "Nothing to do.".to_owned() } else { describe::summary(plan) });
}

/// Says both: what people read, and what is kept.
pub fn write(document: &mut Document, saved: &SavedPlan) {
    show(document, &saved.plan());
    document.more.insert("saved", serde_json::json!(saved));
}

/// Reads a saved plan, which has to be about this instance.
///
/// # Errors
/// It cannot be read, is no plan, was altered, or is about another instance.
pub fn load(file: &Path, uuid: InstanceUuid) -> Result<(String, SavedPlan), Failure> {
    let name = file.display().to_string();
    // One byte more than there may be shows that there is more.
    let bounded = |from: &mut dyn std::io::Read| {
        std::io::read_to_string(std::io::Read::take(from, LARGEST + 1))
    };
    let text = if name == "-" {
        bounded(&mut std::io::stdin())
    } else {
        std::fs::File::open(file).and_then(|mut file| bounded(&mut file))
    };
    let text = text.map_err(|cause| {
        let file = name.clone();
        Problem::from(SavedPlanError::Unreadable { file, cause })
    })?;
    if text.len() as u64 > LARGEST {
        let reason = format!("it is larger than {} MiB", LARGEST >> 20);
        return Err(Problem::from(SavedPlanError::NotAPlan { file: name, reason }).into());
    }
    let saved = read(&name, &text, Timestamp::now()).map_err(Problem::from)?;
    if saved.uuid != uuid {
        return Err(Problem::from(SavedPlanError::Elsewhere { file: name }).into());
    }
    Ok((name, saved))
}

/// Reads what `plan --json` printed.
fn read(file: &str, text: &str, now: Timestamp) -> Result<SavedPlan, SavedPlanError> {
    let no_plan = |reason: &str| SavedPlanError::NotAPlan {
        file: file.to_owned(),
        reason: reason.to_owned(),
    };
    let altered =
        |field: &str| SavedPlanError::Altered { file: file.to_owned(), field: field.to_owned() };
    let document = strict::parse(text).map_err(|error| no_plan(&error.to_string()))?;
    if !document.is_object() {
        return Err(no_plan("it is no object"));
    }
    let Some(kept) = document.get("saved") else {
        return Err(no_plan("it has no `saved`"));
    };
    for (schema, known) in [(&document["schema"], DOCUMENT), (&kept["schema"], SavedPlan::SCHEMA)] {
        let found = schema.as_u64().unwrap_or_default();
        if found != u64::from(known) {
            return Err(SavedPlanError::Format { file: file.to_owned(), found, known });
        }
    }
    let saved: SavedPlan =
        serde_json::from_value(kept.clone()).map_err(|error| no_plan(&error.to_string()))?;
    // What is not known is not in what was understood: nothing is passed over, however deep.
    if serde_json::json!(saved) != *kept {
        return Err(altered("saved"));
    }
    let moment: Option<Timestamp> = saved.made_at.parse().ok();
    match moment.filter(|moment| moment.to_string() == saved.made_at) {
        None => return Err(no_plan("its `made_at` is no moment")),
        Some(moment) if moment > now + SKEW => {
            return Err(no_plan("its `made_at` lies in the future"));
        }
        Some(_) => {}
    }
    let mut expected = Document::default();
    write(&mut expected, &saved);
    let expected = serde_json::json!(expected);
    // Warnings are about the moment that they were given in; `up` gives its own.
    let unknown = |key: &&String| expected.get(key.as_str()).is_none() && *key != "warnings";
    let fields = document.as_object().into_iter().flat_map(|fields| fields.keys());
    let all = expected.as_object().into_iter().flat_map(|fields| fields.keys());
    let mut differ = all
        .filter(|key| document.get(key.as_str()) != expected.get(key.as_str()))
        .chain(fields.filter(unknown));
    match differ.next() {
        Some(field) => Err(altered(field)),
        None => Ok(saved),
    }
}

#[cfg(test)]
mod tests;
