//! Whether an instance is that of a directory which lay elsewhere when it was made. Pure.

use crate::model::id::Identity;
use crate::model::observed::Instance;

/// Whether an object was made in this very directory when that lay elsewhere. A stamped directory
/// that is gone says so too, under the same name; whether it is gone is the caller's to look up.
pub(super) fn may_have_moved(instance: &Instance, identity: &Identity) -> Moved {
    let stamp = &instance.stamp;
    let related = stamp.uid == identity.uid
        && stamp.uuid != identity.uuid
        && stamp.infra_type == identity.infra_type;
    let project = &identity.project;
    if related && (stamp.device, stamp.inode) == (project.device, project.inode) {
        // The same directory, unless it is a new one that was given the old one's number.
        Moved::SameDirectory
    } else if related && stamp.infra_id == identity.id {
        Moved::SameName
    } else {
        Moved::No
    }
}

/// What speaks for a moved directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moved {
    /// Device and inode.
    SameDirectory,
    /// The name; the stamped path has to be gone besides.
    SameName,
    /// Nothing.
    No,
}
