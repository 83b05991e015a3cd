//! Atomic files: a reader sees the old content or the new, never half of one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
use crate::private;

/// Makes a directory, and those above it, for the owner alone; one that is there has to be.
pub(super) fn make_dir(dir: &Path) -> Result<(), StoreError> {
    private::make_directory(dir).map_err(|error| StoreError::io("create the directory", dir, error))
}

/// Writes a file as a whole: beside its place, synced, then renamed onto it, with mode 0600.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let failed = |error| StoreError::io("write", path, error);
    let dir = path.parent().unwrap_or(Path::new("."));
    make_dir(dir)?;
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(dir).map_err(failed)?;
    file.write_all(content).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
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

/// A value as it was read, and what has to be said about the file.
#[derive(Debug)]
pub struct Loaded<T> {
    /// The value; none where there is no file, or one that cannot be understood.
    pub value: Option<T>,
    /// A file that could not be understood, and where it is now.
    pub warning: Option<String>,
}

/// Reads a JSON document of ours. A torn, foreign or future file is set aside and never stops
/// anybody: what it said can be had from the provider.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Loaded<T> {
    let content = match private::read(path) {
        Ok(content) => content,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Loaded { value: None, warning: None };
        }
        Err(error) => {
            let warning = format!("cannot read {}: {error}", path.display());
            return Loaded { value: None, warning: Some(warning) };
        }
    };
    match serde_json::from_slice(&content) {
        Ok(value) => Loaded { value: Some(value), warning: None },
        Err(error) => {
            let aside = path.with_extension("unreadable");
            let outcome = match fs::rename(path, &aside) {
                Ok(()) => format!("set aside as {}", aside.display()),
                Err(error) => format!("left where it is: {error}"),
            };
            let warning =
                format!("{} could not be understood ({error}) and was {outcome}", path.display());
            Loaded { value: None, warning: Some(warning) }
        }
    }
}

/// Removes a file that may not be there.
pub(super) fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
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

    #[test]
    fn a_file_is_replaced_whole_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/value.json");
        write_json(&path, &1).unwrap();
        write_json(&path, &2).unwrap();
        assert_eq!(read_json::<i32>(&path).value, Some(2));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let parent = path.parent().unwrap();
        assert_eq!(fs::metadata(parent).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(parent).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn what_cannot_be_understood_is_set_aside_with_a_warning() {
        let dir = tempfile::tempdir().unwrap();
        for content in [&b""[..], b"{", b"\xff\x00", b"[1,"] {
            let path = dir.path().join("value.json");
            fs::write(&path, content).unwrap();
            let loaded = read_json::<Vec<i32>>(&path);
            assert!(loaded.value.is_none());
            assert!(loaded.warning.unwrap().contains("set aside"));
            assert!(!path.exists());
            assert!(dir.path().join("value.unreadable").exists());
        }
        assert!(read_json::<i32>(&dir.path().join("none.json")).warning.is_none());
    }
}
