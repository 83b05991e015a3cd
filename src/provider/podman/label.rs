//! What is written on Podman's objects to know them again.

use std::collections::{BTreeMap, HashMap};

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
    let stamp: Stamp = serde_json::from_str(labels.get(STAMP)?).ok()?;
    let fits = labels.get(UUID).is_some_and(|uuid| *uuid == stamp.uuid.to_string())
        && labels.get(UID).is_some_and(|uid| *uid == stamp.uid.to_string());
    fits.then_some(stamp)
}

/// Whether an object without a stamp, such as a network, belongs to this instance.
pub(super) fn belongs_to(labels: &HashMap<String, String>, uuid: InstanceUuid) -> bool {
    labels.get(UUID).is_some_and(|label| *label == uuid.to_string())
}
