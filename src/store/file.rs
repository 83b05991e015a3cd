//! Atomic files: a reader sees the old content or the new, never half of one.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::deed;

use super::StoreError;
use crate::private::{self, Untrusted};

/// How the name of a file begins that is not whole yet.
const TEMPORARY: &[u8] = b".new-";

/// Makes a directory, and those above it, for the owner alone; one that is there has to be.
pub(super) fn make_dir(dir: &Path) -> Result<(), StoreError> {
    let made = deed::at_once("store.make_dir", || private::make_directory(dir));
    made.map_err(|error| StoreError::io("create the directory", dir, error))
}

/// Writes a file as a whole: beside its place, synced, then renamed onto it, with mode 0600.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let failed = |error| StoreError::io("write", path, error);
    let dir = path.parent().unwrap_or(Path::new("."));
    make_dir(dir)?;
    let beside = || tempfile::Builder::new().prefix(OsStr::from_bytes(TEMPORARY)).tempfile_in(dir);
    let mut file = deed::at_once("store.create", beside).map_err(failed)?;
    let fill = || file.write_all(content).and_then(|()| file.as_file().sync_all());
    deed::at_once("store.write", fill).map_err(failed)?;
    let rename = || file.persist(path).map(drop).map_err(|error| error.error);
    deed::at_once("store.rename", rename).map_err(failed)?;
    // The rename itself is on disk only once the directory is.
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed)
}

/// Writes a value as one JSON document.
pub(super) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), StoreError> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|error| StoreError::io("write", path, io::Error::other(error)))?;
    text.push(b'\n');
    write(path, &text)
}

/// What a file of ours holds: a document that says by which rules it was written.
pub(super) trait Document: DeserializeOwned {
    /// The rules that this version knows; a document by later ones means what nobody here knows.
    const SCHEMA: u32;
}

/// A value as it was read.
#[derive(Debug)]
pub struct Loaded<T> {
    /// The value; none where there is no file, or one that cannot be understood.
    pub value: Option<T>,
}

/// What has to be said about files of ours that are of no use, each once: one that is left where it
/// is would be met by every look.
#[derive(Clone, Debug, Default)]
pub(super) struct Warnings(Arc<Mutex<Vec<String>>>);

impl Warnings {
    /// Remembers one.
    pub(super) fn add(&self, warning: String) {
        let mut warnings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }

    /// Those that came since the last time.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[derive(Deserialize)]
struct Version {
    schema: u32,
}

/// Reads a JSON document of ours. A torn, foreign or future file is set aside and never stops
/// anybody: what it said can be had from the provider.
pub(super) fn read_json<T: Document>(path: &Path, warnings: &Warnings) -> Loaded<T> {
    let why = match private::read(path) {
        Ok(content) => match understood(&content) {
            Ok(value) => return Loaded { value: Some(value) },
            Err(why) => format!("could not be understood ({why})"),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Loaded { value: None },
        // What somebody else has put there is left for people to look at.
        Err(error) if Untrusted::behind(&error).is_some() && !is_directory(path) => {
            warnings.add(format!("cannot read {}: {error}", path.display()));
            return Loaded { value: None };
        }
        Err(error) => format!("could not be read ({error})"),
    };
    warnings.add(format!("{} {why} and was {}", path.display(), set_aside(path)));
    Loaded { value: None }
}

fn understood<T: Document>(content: &[u8]) -> Result<T, String> {
    let Version { schema } = serde_json::from_slice(content).map_err(|error| error.to_string())?;
    if schema > T::SCHEMA {
        return Err(format!("a newer vagrantp wrote it: schema {schema}, known is {}", T::SCHEMA));
    }
    serde_json::from_slice(content).map_err(|error| error.to_string())
}

/// Whether there is a directory, itself and not behind a link.
pub(super) fn is_directory(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

/// Gives something that is in the way of a file of ours another name; what came of it, as the end of
/// a sentence.
pub(super) fn set_aside(path: &Path) -> String {
    // A file takes the place of the one before it; a directory has to find a place of its own.
    let places = (1..=9).map(|number| match number {
        1 => path.with_extension("unreadable"),
        _ => path.with_extension(format!("unreadable-{number}")),
    });
    let renamed = deed::at_once("store.set_aside", || {
        let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
        for place in places {
            match fs::rename(path, &place) {
                Ok(()) => return Ok(place),
                Err(error) => last = error,
            }
        }
        Err(last)
    });
    match renamed {
        Ok(aside) => format!("set aside as {}", aside.display()),
        Err(error) => format!("left where it is: {error}"),
    }
}

/// Removes what was never finished in a directory: who wrote it was killed. The caller keeps others
/// from writing there.
pub(super) fn sweep(dir: &Path) -> Result<(), StoreError> {
    for path in unfinished(dir) {
        remove(&path)?;
    }
    Ok(())
}

/// The files of a directory that are not whole yet, or never will be.
pub(super) fn unfinished(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let is_temporary = |name: &OsStr| name.as_encoded_bytes().starts_with(TEMPORARY);
    entries.filter(|entry| is_temporary(&entry.file_name())).map(|entry| entry.path()).collect()
}

/// Removes a file that may not be there.
pub(super) fn remove(path: &Path) -> Result<(), StoreError> {
    match deed::at_once("store.remove", || fs::remove_file(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(StoreError::io("remove", path, error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Note {
        schema: u32,
        text: String,
    }

    impl Document for Note {
        const SCHEMA: u32 = 2;
    }

    fn note(text: &str) -> Note {
        Note { schema: 2, text: text.to_owned() }
    }

    fn read(path: &Path) -> (Option<Note>, Vec<String>) {
        let warnings = Warnings::default();
        (read_json::<Note>(path, &warnings).value, warnings.take())
    }

    #[test]
    fn a_file_is_replaced_whole_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/value.json");
        write_json(&path, &note("one")).unwrap();
        write_json(&path, &note("two")).unwrap();
        assert_eq!(read(&path), (Some(note("two")), vec![]));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let parent = path.parent().unwrap();
        assert_eq!(fs::metadata(parent).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(parent).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn what_cannot_be_understood_is_set_aside_with_a_warning() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("value.json");
        let damages = [
            &b""[..],
            b"{",
            b"\xff\x00",
            b"[1,",
            b"7",
            b"{\"schema\":1}",
            b"{\"schema\":3,\"text\":\"x\"}",
        ];
        for content in damages {
            fs::write(&path, content).unwrap();
            let (value, warnings) = read(&path);
            assert!(value.is_none());
            assert!(warnings.len() == 1 && warnings[0].contains("set aside"), "{warnings:?}");
            assert!(!path.exists());
            assert_eq!(fs::read(dir.path().join("value.unreadable")).unwrap(), content);
        }
        assert_eq!(read(&dir.path().join("none.json")), (None, vec![]));
    }

    #[test]
    fn a_later_version_and_what_is_no_file_are_set_aside_too() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("value.json");
        fs::write(&path, b"{\"schema\":3,\"text\":\"x\"}").unwrap();
        let (_, warnings) = read(&path);
        assert!(warnings[0].contains("a newer vagrantp wrote it: schema 3"), "{warnings:?}");
        for time in 0..2 {
            fs::create_dir_all(path.join("inner")).unwrap();
            let (value, warnings) = read(&path);
            assert!(value.is_none() && warnings[0].contains("set aside"), "{time}: {warnings:?}");
            assert!(!path.exists(), "{time}");
        }
    }

    #[test]
    fn a_write_that_fails_leaves_the_old_content_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("value.json");
        write_json(&path, &note("old")).unwrap();
        for deed in ["store.create", "store.write", "store.rename"] {
            deed::arm_here(Some(format!("{deed}:before:1:fail").parse().unwrap()));
            let error = write_json(&path, &note("new")).unwrap_err();
            assert!(!deed::passed_here().is_empty());
            let StoreError::Io { cause, help, .. } = error else { panic!("{error}") };
            assert_eq!(cause.kind(), io::ErrorKind::StorageFull, "{deed}");
            assert!(help.contains("free some disk space"), "{deed}: {help}");
            assert_eq!(read(&path), (Some(note("old")), vec![]), "{deed}");
            assert_eq!(unfinished(dir.path()).len(), 0, "{deed}");
        }
    }

    #[test]
    fn what_a_killed_writer_left_is_swept() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(".new-x1"), "half").unwrap();
        fs::write(dir.path().join("value.json"), "whole").unwrap();
        sweep(dir.path()).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
