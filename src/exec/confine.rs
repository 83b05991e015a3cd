//! Mounts of a process's own: what it starts sees some paths in another way than the rest of the host.

use std::fs;
use std::io;
use std::path::Path;

use rustix::fs::{StatVfsMountFlags, statvfs};
use rustix::mount::{MountFlags, MountPropagationFlags, mount_bind, mount_change, mount_remount};
use rustix::thread::UnshareFlags;

/// Gives this process mounts of its own: what is mounted from now on is its own and its children's
/// alone. Without root's rights it takes a user namespace with it, in which the caller stays who they
/// are. Call it before any other thread runs.
///
/// # Errors
/// The host lets this user have none.
pub fn own_mounts() -> io::Result<()> {
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let alone =
        if uid == 0 { unshare(UnshareFlags::NEWNS) } else { Err(io::ErrorKind::Other.into()) };
    if alone.is_err() {
        unshare(UnshareFlags::NEWNS | UnshareFlags::NEWUSER)?;
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{uid} {uid} 1"))?;
        fs::write("/proc/self/gid_map", format!("{gid} {gid} 1"))?;
    }
    // What the host mounts later comes in; nothing goes out.
    let inwards = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
    Ok(mount_change("/", inwards)?)
}

/// Mounts a path onto itself: what is mounted cannot be moved away or removed by who has these mounts.
///
/// # Errors
/// It is not there, or must not be mounted.
pub fn pin(path: &Path) -> io::Result<()> {
    Ok(mount_bind(path, path)?)
}

/// Mounts a path onto itself, not to be written.
///
/// # Errors
/// As for [`pin`].
pub fn seal(path: &Path) -> io::Result<()> {
    mount_bind(path, path)?;
    // What the mount beneath forbids has to stay forbidden: the kernel insists on it.
    let beneath = statvfs(path)?.f_flag;
    let mut flags = MountFlags::BIND | MountFlags::RDONLY;
    for (found, kept) in [
        (StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
        (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
        (StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
        (StatVfsMountFlags::NODIRATIME, MountFlags::NODIRATIME),
        (StatVfsMountFlags::RELATIME, MountFlags::RELATIME),
    ] {
        if beneath.contains(found) {
            flags |= kept;
        }
    }
    Ok(mount_remount(path, flags, "")?)
}

#[expect(unsafe_code, reason = "a process that has one thread changes what it belongs to")]
fn unshare(what: UnshareFlags) -> io::Result<()> {
    // SAFETY: neither namespace has to do with descriptors, which is what this can make a thread lose.
    Ok(unsafe { rustix::thread::unshare_unsafe(what) }?)
}
