//! The one file of the user's that vagrantp writes: as a whole, over nothing that it has not read.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::Path;

use miette::Diagnostic;
use rustix::fs::{FlockOperation, flock};
use thiserror::Error;

use crate::config::ground::{Ground, appended, has_room};
use crate::deed;
use crate::model::code::Code;
use crate::model::problem::Problem;

/// How the name of a file begins that is not whole yet.
const TEMPORARY: &str = ".vagrantp-new-";

/// Why the file was not written.
#[derive(Debug, Error, Diagnostic)]
enum WriteError {
    #[error("{name} cannot be written")]
    #[diagnostic(code(vagrantp::config::env_file_unwritable), help("{help}"))]
    Io {
        name: String,
        help: String,
        #[source]
        cause: io::Error,
    },
    #[error("{name} was written by somebody else just now")]
    #[diagnostic(
        code(vagrantp::config::env_file_changed),
        help("nothing was changed; call `vagrantp init` again")
    )]
    Changed { name: String },
}

impl From<WriteError> for Problem {
    fn from(error: WriteError) -> Self {
        let code = match &error {
            WriteError::Changed { .. } => Code::InvalidState,
            WriteError::Io { cause, .. } => match cause.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    Code::PermissionDenied
                }
                io::ErrorKind::StorageFull
                | io::ErrorKind::QuotaExceeded
                | io::ErrorKind::FileTooLarge => Code::InsufficientResources,
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Code::ConfigMissing,
                _ => Code::Internal,
            },
        };
        Problem::new(code, error)
    }
}

/// Writes the file, or these lines to the end of what it holds.
///
/// # Errors
/// It cannot be written, or holds something else by now.
pub(super) fn write(ground: &Ground, block: &str) -> Result<(), Problem> {
    let dir = ground.path.parent().unwrap_or(Path::new("/"));
    let failed = |cause: io::Error| {
        let help = match cause.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => format!(
                "see with `ls -ld` who may write to {} and what is in it; `vagrantp init --dry-run` \
                 prints the lines",
                dir.display()
            ),
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                format!("there is no directory {}: create it, or name another file", dir.display())
            }
            io::ErrorKind::FileTooLarge => "it would be larger than 1 MiB".to_owned(),
            _ => "see what the system says above; what was there is intact".to_owned(),
        };
        Problem::from(WriteError::Io { name: ground.name.clone(), help, cause })
    };
    let changed = || Problem::from(WriteError::Changed { name: ground.name.clone() });
    // Two at once write one after the other, and none while what it read is being replaced.
    let lock = File::open(dir).map_err(failed)?;
    if flock(&lock, FlockOperation::LockExclusive).is_ok() {
        sweep(dir);
    }
    let content = match &ground.content {
        None => block.as_bytes().to_owned(),
        Some(before) => appended(before, block),
    };
    if !has_room(content.len()) {
        return Err(failed(io::ErrorKind::FileTooLarge.into()));
    }
    // The rights of a new file are what the caller's umask leaves of these.
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix(TEMPORARY).permissions(Permissions::from_mode(0o666));
    let beside = || builder.tempfile_in(dir);
    let mut file = deed::at_once("init.create", beside).map_err(failed)?;
    if ground.content.is_some() {
        // Whoever made it read-only meant it, though a directory may be written.
        let writable = rustix::fs::access(&ground.path, rustix::fs::Access::WRITE_OK);
        writable.map_err(|errno| failed(errno.into()))?;
        let old = fs::metadata(&ground.path).map_err(failed)?;
        let new = file.as_file().metadata().map_err(failed)?;
        if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
            let give = || fchown(file.as_file(), Some(old.uid()), Some(old.gid()));
            deed::at_once("init.owner", give).map_err(failed)?;
        }
        let keep = || file.as_file().set_permissions(old.permissions());
        deed::at_once("init.rights", keep).map_err(failed)?;
    }
    let fill = || file.write_all(&content).and_then(|()| file.as_file().sync_all());
    deed::at_once("init.write", fill).map_err(failed)?;
    let persisted = match &ground.content {
        None => {
            let place =
                || file.persist_noclobber(&ground.path).map(drop).map_err(|lost| lost.error);
            deed::at_once("init.place", place)
        }
        Some(before) => {
            if fs::read(&ground.path).map_err(failed)? != *before {
                return Err(changed());
            }
            let place = || file.persist(&ground.path).map(drop).map_err(|lost| lost.error);
            deed::at_once("init.place", place)
        }
    };
    match persisted {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(changed()),
        other => other.map_err(failed)?,
    }
    // The rename itself is on disk only once the directory is.
    lock.sync_all().map_err(failed)
}

/// Removes what a call left that was killed; nobody else writes while the lock is held.
fn sweep(dir: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let is_left = entry.file_name().as_encoded_bytes().starts_with(TEMPORARY.as_bytes());
        if is_left && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            // One that stays is in nobody's way.
            let _ = deed::at_once("init.sweep", || fs::remove_file(entry.path()));
        }
    }
}
