//! Which of the guards within shared directories still stand.
//!
//! A guard lies on a file, not on its name: where a program on the host puts a new file in the old
//! one's place, the kernel takes the mount away, and what runs inside can write the new file. The
//! kernel's table of QEMU's own mounts tells.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::share::Share;
use crate::model::mount::{MountAccess, unescaped};

/// A table that is longer than this is read no further.
const LARGEST: u64 = 4 << 20;

/// The files that what runs in this process was to be kept from, and is not any more.
pub(super) fn lost(pid: i32, shares: &[Share]) -> Vec<PathBuf> {
    if shares.iter().all(|share| share.guards.is_empty()) {
        return Vec::new();
    }
    let mut table = Vec::new();
    let read = File::open(format!("/proc/{pid}/mountinfo"))
        .and_then(|file| file.take(LARGEST).read_to_end(&mut table));
    // It may have ended just now.
    if read.is_err() || table.is_empty() {
        return Vec::new();
    }
    gone(shares, &table)
}

fn gone(shares: &[Share], table: &[u8]) -> Vec<PathBuf> {
    let sealed: Vec<PathBuf> = table.split(|byte| *byte == b'\n').filter_map(sealed).collect();
    let guards = shares.iter().flat_map(|share| &share.guards);
    let mut gone: Vec<PathBuf> = guards
        .filter(|guard| guard.access == MountAccess::ReadOnly)
        .map(|guard| guard.path.clone())
        .filter(|path| !sealed.iter().any(|point: &PathBuf| point.as_path() == Path::new(path)))
        .collect();
    gone.sort_unstable();
    gone.dedup();
    gone
}

/// Where a line of the kernel's table (proc(5)) has something mounted that cannot be written.
fn sealed(line: &[u8]) -> Option<PathBuf> {
    let mut fields = line.split(|byte| *byte == b' ').skip(4);
    let point = unescaped(fields.next()?);
    let read_only = fields.next()?.split(|byte| *byte == b',').any(|option| option == b"ro");
    read_only.then_some(point)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::mount::Mount;
    use crate::provider::qemu::share::shares;

    #[test]
    fn a_guard_that_is_gone_is_named() {
        let mount = |host: &str, guest: &str, access| Mount {
            guest: guest.into(),
            host: host.into(),
            access,
        };
        let shares = shares(&[
            mount("/p q", "/w", MountAccess::ReadWrite),
            mount("/p q/.env", "/w/.env", MountAccess::ReadOnly),
            mount("/p q/d", "/w/d", MountAccess::ReadWrite),
            mount("/p q/d/x.yml", "/w/d/x.yml", MountAccess::ReadOnly),
        ]);
        let table = "36 1 8:1 /p /p\\040q/.env ro,relatime - ext4 /dev/vda rw\n\
                     37 1 8:1 /p /p\\040q/d rw,relatime - ext4 /dev/vda rw\n";
        assert_eq!(gone(&shares, table.as_bytes()), [PathBuf::from("/p q/d/x.yml")]);
    }
}
