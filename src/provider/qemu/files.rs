//! The files of machines: whole ones alone, and all of them the user's own.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::definition::{Definition, Read};
use super::fault;
use super::observe::Disk;
use super::place::Place;
use super::process::Launch;
use super::settings::Settings;
use crate::deed;
use crate::model::id::InstanceUuid;
use crate::private;
use crate::provider::ProviderError;

/// How the name of a file begins that is not whole yet.
pub(super) const TEMPORARY: &str = ".new-";

/// Writes a file as a whole: beside its place, synced, then renamed onto it, with mode 0600.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<(), ProviderError> {
    let whole = || {
        let dir = path.parent().unwrap_or(Path::new("/"));
        let beside = || tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(dir);
        let mut file = deed::at_once("qemu.create_file", beside)?;
        let fill = || file.write_all(content).and_then(|()| file.as_file().sync_all());
        deed::at_once("qemu.write_file", fill)?;
        let rename = || file.persist(path).map(drop).map_err(|error| error.error);
        deed::at_once("qemu.rename_file", rename)?;
        File::open(dir)?.sync_all()
    };
    whole().map_err(|error| fault::io("write a part of the machine", path, &error))
}

/// Writes a machine's definition.
pub(super) fn define(place: &Place, definition: &Definition) -> Result<(), ProviderError> {
    write(&place.definition(), &definition.text())
}

/// What is kept in the directory of a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// A machine.
    Whole(Box<Definition>),
    /// What is left of one that was being made or removed.
    Part(Box<Definition>),
    /// The disk of one that is gone.
    Disk(Box<Definition>),
    /// A machine that a newer vagrantp made.
    Newer {
        /// The name that it has there.
        name: String,
        /// The version that made it.
        version: String,
    },
    /// Nothing of ours.
    Nothing,
}

/// What is kept in the directory of the machine with this uuid.
pub(super) fn kept(place: &Place, uuid: InstanceUuid) -> Result<Kept, ProviderError> {
    private::check_directory(place.dir())
        .map_err(|error| fault::io("look at the machine", place.dir(), &error))?;
    let read = |path: PathBuf| match private::read(&path) {
        Ok(text) => Ok(Some(Definition::read(&text, uuid))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(fault::io("look at the machine", &path, &error)),
    };
    match read(place.definition())? {
        Some(Read::Ours(definition)) => return Ok(Kept::Whole(definition)),
        Some(Read::Newer { name, version }) => return Ok(Kept::Newer { name, version }),
        // Of another uuid: it is about to become the machine of this one.
        Some(Read::Strange) => {
            return Ok(match read(place.adopted())? {
                Some(Read::Ours(definition)) => Kept::Whole(definition),
                _ => Kept::Nothing,
            });
        }
        None => {}
    }
    // A disk that is kept comes before what a machine was to be made of it.
    if let Some(Read::Ours(definition)) = read(place.kept())?
        && definition.disk.exists()
    {
        return Ok(Kept::Disk(definition));
    }
    Ok(match read(place.part())? {
        Some(Read::Ours(definition)) => Kept::Part(definition),
        _ => Kept::Nothing,
    })
}

/// `launch.json`: what was written down at the last start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Started {
    /// The process.
    #[serde(flatten)]
    pub(super) launch: Launch,
    /// How long the serial log was before.
    #[serde(default)]
    pub(super) serial_from: u64,
    /// What it was started with.
    pub(super) definition: Box<Definition>,
}

/// What was written down at the last start; none where that cannot be read: it is no more than a hint.
pub(super) fn started(place: &Place) -> Option<Started> {
    serde_json::from_slice(&private::read(&place.launch()).ok()?).ok()
}

/// The disk's size and what it takes, from its own heading (qcow2's: magic, version, …, size).
pub(super) fn disk(path: &Path) -> Option<Disk> {
    use std::io::Read;
    let mut file = File::open(path).ok()?;
    let facts = file.metadata().ok()?;
    let mut heading = [0; 32];
    file.read_exact(&mut heading).ok()?;
    let size = (&heading[..4] == b"QFI\xfb").then(|| heading[24..32].try_into().ok())??;
    Some(Disk { size: u64::from_be_bytes(size), used: facts.blocks().saturating_mul(512) })
}

/// Gives a file its place.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), ProviderError> {
    let renamed = deed::at_once("qemu.rename", || fs::rename(from, to));
    let synced = renamed.and_then(|()| File::open(to.parent().unwrap_or(to))?.sync_all());
    synced.map_err(|error| fault::io("rename a part of the machine", from, &error))
}

/// Removes a file; one that is not there is no harm.
pub(super) fn remove(path: &Path) -> Result<(), ProviderError> {
    match deed::at_once("qemu.remove_file", || fs::remove_file(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(fault::io("remove a part of the machine", path, &error))
        }
        _ => Ok(()),
    }
}

/// Makes a directory of ours.
pub(super) fn make_dir(path: &Path) -> Result<(), ProviderError> {
    let made = deed::at_once("qemu.make_dir", || private::make_directory(path));
    made.map_err(|error| fault::io("make a directory", path, &error))
}

/// Empties a directory of ours and removes it. What is in it was made by vagrantp and QEMU alone: the
/// directory is the user's own.
pub(super) fn remove_dir(path: &Path) -> Result<(), ProviderError> {
    match deed::at_once("qemu.remove_dir", || fs::remove_dir_all(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(fault::io("remove the machine's directory", path, &error))
        }
        _ => Ok(()),
    }
}

/// Removes a directory of ours where nothing is in it.
pub(super) fn remove_empty(path: &Path) -> Result<(), ProviderError> {
    match deed::at_once("qemu.remove_dir", || fs::remove_dir(path)) {
        Err(error)
            if !matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty
            ) =>
        {
            Err(fault::io("remove the machine's directory", path, &error))
        }
        _ => Ok(()),
    }
}

/// The uuids of all directories where machines are kept that have a name of ours.
pub(super) fn all(settings: &Settings) -> Vec<InstanceUuid> {
    let entries = fs::read_dir(&settings.data).into_iter().flatten().flatten();
    let uuid = |entry: fs::DirEntry| {
        let name = entry.file_name();
        let uuid: InstanceUuid = serde_json::from_value(name.to_str()?.into()).ok()?;
        // The one way in which we write it.
        (name.to_str() == Some(&uuid.to_string())).then_some(uuid)
    };
    let mut all: Vec<InstanceUuid> = entries.filter_map(uuid).collect();
    all.sort_unstable();
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::qemu::{fixture, settings};

    #[test]
    fn machines_are_found_and_strangers_are_not() {
        let root = tempfile::tempdir().unwrap();
        let settings = settings::tests::below(root.path());
        let definition = fixture::definition();
        let uuid = definition.spec.stamp.uuid;
        let place = settings.place(uuid);
        make_dir(place.dir()).unwrap();
        let found = || kept(&place, uuid).unwrap();
        assert_eq!(found(), Kept::Nothing);
        let boxed = || Box::new(definition.clone());
        write(&place.part(), &definition.text()).unwrap();
        assert_eq!(found(), Kept::Part(boxed()));
        write(&place.kept(), &definition.text()).unwrap();
        assert_eq!(found(), Kept::Part(boxed()), "its disk is gone");
        let disk = Definition { disk: place.disk(), ..definition.clone() };
        fs::write(place.disk(), "x").unwrap();
        write(&place.kept(), &disk.text()).unwrap();
        assert_eq!(found(), Kept::Disk(Box::new(disk)));
        define(&place, &definition).unwrap();
        assert_eq!(found(), Kept::Whole(boxed()));
        let mut other = definition.clone();
        other.spec.stamp.uuid = fixture::uuid("/before");
        define(&place, &other).unwrap();
        assert_eq!(found(), Kept::Nothing);
        write(&place.adopted(), &definition.text()).unwrap();
        assert_eq!(found(), Kept::Whole(boxed()));
        for other in ["x", "A0000000-0000-5000-8000-000000000000"] {
            fs::create_dir(settings.data.join(other)).unwrap();
        }
        assert_eq!(all(&settings), [uuid]);
        let mode = fs::metadata(place.definition()).unwrap().mode() & 0o777;
        assert_eq!(mode, 0o600);
        fs::remove_file(place.definition()).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", place.definition()).unwrap();
        let refused = kept(&place, uuid).expect_err("a link is nobody's");
        assert!(matches!(refused, ProviderError::Untrusted { .. }), "{refused:?}");
    }

    #[test]
    fn a_disk_says_its_size() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("disk");
        let mut heading = b"QFI\xfb\0\0\0\x03".to_vec();
        heading.resize(24, 0);
        heading.extend((6_u64 << 30).to_be_bytes());
        fs::write(&path, &heading).unwrap();
        assert_eq!(disk(&path).map(|disk| disk.size), Some(6 << 30));
        fs::write(&path, "something else that is long enough for it").unwrap();
        assert_eq!(disk(&path), None);
        assert_eq!(disk(&root.path().join("missing")), None);
    }
}
