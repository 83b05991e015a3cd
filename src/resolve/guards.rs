//! What protects the files that decide the next `up` from what runs inside.

use std::path::{Path, PathBuf};

use crate::model::mount::{Mount, MountAccess};
use crate::model::source::Sourced;

/// Read-only mounts over the guarded files that lie beneath a writable mount, so that what runs
/// inside does not get to write the next `up`. A mount of a guarded file itself is made read-only.
/// Each directory on the way to one is mounted onto itself: what is a mount point cannot be moved
/// away, and another put in its place.
pub(super) fn over(mounts: &mut [Sourced<Mount>], guarded: &[PathBuf]) -> Vec<Sourced<Mount>> {
    for mount in mounts.iter_mut().filter(|mount| guarded.contains(&mount.value.host)) {
        mount.value.access = MountAccess::ReadOnly;
    }
    let mut guards: Vec<Sourced<Mount>> = Vec::new();
    for mount in mounts.iter().filter(|mount| mount.value.access == MountAccess::ReadWrite) {
        // Another mount further in hides what lies there, and may have no such path.
        let is_hidden = |guest: &Path| {
            mounts.iter().any(|other| {
                guest.starts_with(&other.value.guest)
                    && other.value.guest.starts_with(&mount.value.guest)
                    && other.value.guest != mount.value.guest
            })
        };
        let mut add = |within: &Path, access| {
            let guest = mount.value.guest.join(within);
            let guard = Mount { guest, host: mount.value.host.join(within), access };
            if !is_hidden(&guard.guest) && guards.iter().all(|known| known.value != guard) {
                guards.push(Sourced { value: guard, origin: mount.origin.clone() });
            }
        };
        for file in guarded {
            let Ok(within) = file.strip_prefix(&mount.value.host) else { continue };
            let above = within.ancestors().skip(1).filter(|dir| !dir.as_os_str().is_empty());
            above.for_each(|dir| add(dir, MountAccess::ReadWrite));
            add(within, MountAccess::ReadOnly);
        }
    }
    guards
}
