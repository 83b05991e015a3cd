//! What is written on Podman's objects to know them again.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use crate::model::id::InstanceUuid;
use crate::model::stamp::Stamp;

/// Whose instance an object belongs to.
pub(super) const UUID: &str = "io.vagrantp.uuid";
/// The user that made it.
pub(super) const UID: &str = "io.vagrantp.uid";
/// The project's directory, for people who look at `podman ps`.
pub(super) const PROJECT: &str = "io.vagrantp.project";
/// The whole stamp as JSON.
pub(super) const STAMP: &str = "io.vagrantp.stamp";

/// On what is built, and on the parts of a build: the user that built it.
pub(super) const BUILD: &str = "io.vagrantp.build";
/// On a snapshot: what is known of it, as JSON.
pub(super) const SNAPSHOT: &str = "io.vagrantp.snapshot";

/// Everything that a container carries; an image that is made from it must carry none of it.
pub(super) const ON_CONTAINERS: [&str; 4] = [UUID, UID, PROJECT, STAMP];

/// The labels of a container.
pub(super) fn for_container(stamp: &Stamp) -> BTreeMap<&'static str, String> {
    let text = serde_json::to_string(stamp).expect("a stamp has no keys but text");
    BTreeMap::from([
        (UUID, stamp.uuid.to_string()),
        (UID, stamp.uid.to_string()),
        (PROJECT, stamp.project.to_string_lossy().into_owned()),
        (STAMP, text),
    ])
}

/// The stamp among an object's labels. A stamp that does not fit the labels beside it was not
/// written by vagrantp.
pub(super) fn stamp(labels: &HashMap<String, String>) -> Option<Stamp> {
    if version_of_newer(labels).is_some() {
        return None;
    }
    let stamp: Stamp = serde_json::from_str(labels.get(STAMP)?).ok()?;
    let fits = labels.get(UUID).is_some_and(|uuid| *uuid == stamp.uuid.to_string())
        && labels.get(UID).is_some_and(|uid| *uid == stamp.uid.to_string());
    fits.then_some(stamp)
}

/// The version that wrote a stamp of a later format than this one knows.
pub(super) fn version_of_newer(labels: &HashMap<String, String>) -> Option<String> {
    #[derive(Deserialize)]
    struct Any {
        schema: u32,
        #[serde(default)]
        version: String,
    }
    let any: Any = serde_json::from_str(labels.get(STAMP)?).ok()?;
    (any.schema > Stamp::SCHEMA).then_some(any.version)
}

/// Whether an object without a stamp, such as a network, belongs to this instance.
pub(super) fn belongs_to(labels: &HashMap<String, String>, uuid: InstanceUuid) -> bool {
    labels.get(UUID).is_some_and(|label| *label == uuid.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_format_is_known_as_such_and_is_not_guessed_at() {
        let stamped = |text: &str| HashMap::from([(STAMP.to_owned(), text.to_owned())]);
        let version = |text: &str| version_of_newer(&stamped(text));
        assert_eq!(version(r#"{"schema":2,"version":"9.0.0","new":[]}"#).as_deref(), Some("9.0.0"));
        assert_eq!(version(r#"{"schema":1,"version":"0.1.0"}"#), None);
        assert_eq!(version("torn"), None);
        assert_eq!(stamp(&stamped(r#"{"schema":2}"#)), None);
    }
}
