//! Whole files for the user alone: a reader sees the old content or the new.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use crate::deed;

/// How the name of a file begins that is not whole yet: what a killed call leaves can be told by it.
const TEMPORARY: &str = ".new-";

/// Writes a file as a whole, with mode 0600: beside its place, synced, then renamed onto it.
pub(super) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let beside = || tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(dir);
    let mut file = deed::at_once("guest.create", beside)?;
    let fill = || file.write_all(content).and_then(|()| file.as_file().sync_all());
    deed::at_once("guest.write", fill)?;
    let rename = || file.persist(path).map(drop).map_err(|error| error.error);
    deed::at_once("guest.rename", rename)?;
    // The rename itself is on disk only once the directory is.
    File::open(dir).and_then(|dir| dir.sync_all())
}
