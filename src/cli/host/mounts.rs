//! What is mounted where, from `/proc/self/mountinfo`.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::model::mount::unescaped;
use crate::plan::garbage::Ground;

/// Where the file system is mounted that a path is in, whether or not the path is there.
#[must_use]
pub fn mount_of(path: &Path) -> Option<PathBuf> {
    holds(&std::fs::read("/proc/self/mountinfo").ok()?, path)
}

/// What there is where a project's directory was.
#[must_use]
pub fn ground(project: &Path) -> Ground {
    match std::fs::metadata(project) {
        Ok(_) => return Ground::There,
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        // Whoever may not look does not know.
        Err(_) => return Ground::Unknown,
    }
    let above = project.ancestors().skip(1).find_map(|above| std::fs::metadata(above).ok());
    match (above, mount_of(project)) {
        (Some(above), Some(mount)) => Ground::Bare { device: above.dev(), mount },
        _ => Ground::Unknown,
    }
}

/// The mount point that is nearest above a path; of several at one place the last one counts, which
/// is the same place.
fn holds(mountinfo: &[u8], path: &Path) -> Option<PathBuf> {
    let mounts = mountinfo.split(|byte| *byte == b'\n');
    let points = mounts.filter_map(|line| line.split(|byte| *byte == b' ').nth(4)).map(unescaped);
    points.filter(|point| path.starts_with(point)).max_by_key(|point| point.as_os_str().len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_mount_point_counts() {
        let info = b"22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n\
            30 22 8:17 / /mnt/my\\040disk rw - ext4 /dev/sdb1 rw\n\
            31 22 8:1 /data /srv/bind rw - ext4 /dev/sda1 rw\n";
        let of = |path: &str| holds(info, Path::new(path)).expect("something is mounted");
        assert_eq!(of("/home/me/web"), Path::new("/"));
        assert_eq!(of("/mnt/my disk/web"), Path::new("/mnt/my disk"));
        assert_eq!(of("/mnt/my diskette"), Path::new("/"));
        assert_eq!(of("/srv/bind"), Path::new("/srv/bind"));
        assert_eq!(holds(b"", Path::new("/")), None);
    }

    #[test]
    fn what_is_there_is_told_from_what_is_not() {
        let dir = tempfile::tempdir().expect("a directory");
        let real = dir.path().canonicalize().expect("a path");
        assert_eq!(ground(&real), Ground::There);
        let device = real.metadata().expect("facts").dev();
        let mount = mount_of(&real).expect("a mount");
        assert_eq!(ground(&real.join("a/b")), Ground::Bare { device, mount });
        std::fs::write(real.join("file"), "").expect("a file");
        assert_eq!(ground(&real.join("file/b")), Ground::Unknown, "a file is in the way");
    }
}
