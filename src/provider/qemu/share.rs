//! Which directories of the host a machine gets to see, and what of them is kept from it. Pure.
//!
//! A guard is a mount that shows, at its own place in a writable one, what that would show there
//! anyway: it is no directory of its own to QEMU, but something that is put in the way of the process
//! that serves the outer one.

use std::path::{Path, PathBuf};

use crate::model::mount::{Mount, MountAccess};

/// A directory that a machine gets to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Share {
    /// What it is called between host and guest.
    pub(super) tag: String,
    /// The mount.
    pub(super) mount: Mount,
    /// What of it is put in the way, outer places before those inside of them.
    pub(super) guards: Vec<Guard>,
}

/// Something beneath a shared directory that is not to be written, or not to be moved away.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Guard {
    /// The host's path.
    pub(super) path: PathBuf,
    /// Whether what is there may be written: a directory on the way to what may not.
    pub(super) access: MountAccess,
}

/// The shares that these mounts come to.
pub(super) fn shares(mounts: &[Mount]) -> Vec<Share> {
    let mut shares: Vec<Share> = Vec::new();
    for mount in mounts {
        match outer(mount, mounts) {
            Some(outer) => {
                let guard = Guard { path: mount.host.clone(), access: mount.access };
                let share = shares.iter_mut().find(|share| share.mount == *outer);
                if let Some(share) = share
                    && !share.guards.contains(&guard)
                {
                    share.guards.push(guard);
                }
            }
            None => {
                let tag = tag(shares.len());
                shares.push(Share { tag, mount: mount.clone(), guards: Vec::new() });
            }
        }
    }
    shares
}

/// What the share with this number is called.
pub(super) fn tag(number: usize) -> String {
    format!("vagrantp{number}")
}

/// The writable mount that this one is a guard of: it comes before it, is the nearest around it, and
/// shows the same at the same place.
fn outer<'a>(mount: &Mount, mounts: &'a [Mount]) -> Option<&'a Mount> {
    let is_around = |other: &&Mount| {
        other.guest != mount.guest
            && mount.guest.starts_with(&other.guest)
            && !is_a_step(other, mounts)
    };
    let outer = mounts
        .iter()
        .filter(is_around)
        .max_by_key(|other| other.guest.components().count())
        .filter(|other| other.access == MountAccess::ReadWrite)?;
    let within = mount.guest.strip_prefix(&outer.guest).ok()?;
    (mount.host == outer.host.join(within)).then_some(outer)
}

/// Whether a mount is itself a guard: something inside of it belongs to what it guards.
fn is_a_step(mount: &Mount, mounts: &[Mount]) -> bool {
    mounts.iter().any(|other| {
        other.guest != mount.guest
            && other.access == MountAccess::ReadWrite
            && mount
                .guest
                .strip_prefix(&other.guest)
                .is_ok_and(|within| mount.host == other.host.join(within))
    })
}

/// The first host path that is no directory: that cannot be shared with a virtual machine.
pub(super) fn no_directory(
    shares: &[Share],
    is_directory: impl Fn(&Path) -> bool,
) -> Option<&Mount> {
    shares.iter().map(|share| &share.mount).find(|mount| !is_directory(&mount.host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use MountAccess::{ReadOnly, ReadWrite};

    fn mount(host: &str, guest: &str, access: MountAccess) -> Mount {
        Mount { guest: guest.into(), host: host.into(), access }
    }

    #[test]
    fn guards_belong_to_the_share_around_them() {
        let mounts = [
            mount("/p", "/work", ReadWrite),
            mount("/p/.env", "/work/.env", ReadOnly),
            mount("/p/play", "/work/play", ReadWrite),
            mount("/p/play/site.yml", "/work/play/site.yml", ReadOnly),
            mount("/data", "/work/data", ReadOnly),
            mount("/x", "/x", ReadOnly),
            mount("/x/y", "/x/y", ReadOnly),
        ];
        let shares = shares(&mounts);
        let seen: Vec<_> =
            shares.iter().map(|share| (share.tag.as_str(), share.mount.host.to_str())).collect();
        let hosts = [
            ("vagrantp0", "/p"),
            ("vagrantp1", "/data"),
            ("vagrantp2", "/x"),
            ("vagrantp3", "/x/y"),
        ];
        assert_eq!(seen, hosts.map(|(tag, host)| (tag, Some(host))));
        let guard = |path: &str, access| Guard { path: path.into(), access };
        let expected = [
            guard("/p/.env", ReadOnly),
            guard("/p/play", ReadWrite),
            guard("/p/play/site.yml", ReadOnly),
        ];
        assert_eq!(shares[0].guards, expected);
        assert!(shares[1..].iter().all(|share| share.guards.is_empty()));
    }

    #[test]
    fn a_file_cannot_be_shared() {
        let shares = shares(&[mount("/d", "/a", ReadOnly), mount("/f", "/b", ReadOnly)]);
        let found = no_directory(&shares, |path| path == Path::new("/d"));
        assert_eq!(found.map(|mount| mount.host.as_path()), Some(Path::new("/f")));
        assert_eq!(no_directory(&shares, |_| true), None);
    }
}
