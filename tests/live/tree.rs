//! Every file of a directory with all that a copy can lose of it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{lgetxattr, llistxattr};
use sha2::{Digest, Sha256};

/// What is known of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    /// Kind and rights.
    mode: u32,
    owner: (u32, u32),
    /// In whole seconds, which is what an image keeps.
    modified: i64,
    /// Major and minor of a device.
    device: u64,
    /// The size of a file; that of a directory says nothing.
    size: u64,
    /// Of a file its checksum, of a symlink its target.
    content: Vec<u8>,
    /// The first of the paths that are this very file.
    same_as: PathBuf,
    attributes: BTreeMap<OsString, Vec<u8>>,
}

/// Every file below a directory, by its path from there. What is mounted beneath is left out, and
/// the directory itself: an engine makes a new one for each container.
pub(crate) fn tree(root: &Path) -> BTreeMap<PathBuf, File> {
    let device = facts(root).dev();
    let mut paths = vec![PathBuf::new()];
    let mut at = 0;
    while at < paths.len() {
        let whole = root.join(&paths[at]);
        if facts(&whole).is_dir() {
            for entry in std::fs::read_dir(&whole).expect("a directory").flatten() {
                let path = paths[at].join(entry.file_name());
                if facts(&entry.path()).dev() == device {
                    paths.push(path);
                }
            }
        }
        at += 1;
    }
    paths.sort();
    let mut first = BTreeMap::new();
    let mut files = BTreeMap::new();
    for path in paths {
        let whole = root.join(&path);
        let known = facts(&whole);
        let same_as = first.entry(known.ino()).or_insert_with(|| path.clone()).clone();
        let file = File {
            mode: known.mode(),
            owner: (known.uid(), known.gid()),
            modified: known.mtime(),
            device: known.rdev(),
            size: if known.is_file() { known.size() } else { 0 },
            content: content(&whole, &known),
            same_as,
            attributes: attributes(&whole),
        };
        files.insert(path, file);
    }
    files.remove(Path::new(""));
    files
}

/// The paths that are not the same in two trees, each with both sides.
pub(crate) fn differences(
    before: &BTreeMap<PathBuf, File>,
    after: &BTreeMap<PathBuf, File>,
) -> Vec<String> {
    let mut paths: Vec<_> = before.keys().chain(after.keys()).collect();
    paths.sort();
    paths.dedup();
    let differs = paths.into_iter().filter(|path| before.get(*path) != after.get(*path));
    differs
        .map(|path| format!("{}: {:?} → {:?}", path.display(), before.get(path), after.get(path)))
        .collect()
}

fn facts(path: &Path) -> Metadata {
    std::fs::symlink_metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn content(path: &Path, known: &Metadata) -> Vec<u8> {
    if known.is_symlink() {
        return std::fs::read_link(path).expect("a symlink").into_os_string().into_vec();
    }
    if !known.is_file() {
        return Vec::new();
    }
    let mut hash = Sha256::new();
    let mut file = std::fs::File::open(path).expect("it can be read");
    std::io::copy(&mut file, &mut hash).expect("it can be read");
    hash.finalize().to_vec()
}

fn attributes(path: &Path) -> BTreeMap<OsString, Vec<u8>> {
    let mut names = vec![0; 4096];
    let length = llistxattr(path, &mut names[..]).unwrap_or(0);
    let names = names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let value = |name: &OsStr| {
        let mut value = vec![0; 4096];
        let length = lgetxattr(path, name, &mut value[..]).unwrap_or(0);
        value.truncate(length);
        value
    };
    names.map(OsStr::from_bytes).map(|name| (name.to_owned(), value(name))).collect()
}
