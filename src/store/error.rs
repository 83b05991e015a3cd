//! What can go wrong with the files of vagrantp's own.

use std::io;
use std::path::{Path, PathBuf};

use miette::Diagnostic;
use thiserror::Error;

use super::holder::Held;
use crate::model::code::Code;
use crate::model::problem::Problem;
use crate::private::Untrusted;

/// A failure of the store.
#[derive(Debug, Error, Diagnostic)]
pub enum StoreError {
    /// The system said no.
    #[error("cannot {operation} {}", path.display())]
    #[diagnostic(code(vagrantp::store::io), help("{help}"))]
    Io {
        /// What was tried, as a verb.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// What to do.
        help: String,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// Something among vagrantp's own files is not the user's alone.
    #[error("{cause}, and is not used")]
    #[diagnostic(code(vagrantp::store::untrusted), help("{}", cause.help("XDG_STATE_HOME")))]
    Untrusted {
        /// What it is.
        cause: Untrusted,
    },
    /// Another vagrantp is at work on the same instance.
    #[error("another vagrantp is at work on this instance: {holder}")]
    #[diagnostic(
        code(vagrantp::store::locked),
        help("wait for it, or give it longer than {waited} s with --lock-timeout")
    )]
    Locked {
        /// Who holds the lock: verb, pid and age.
        holder: Box<Held>,
        /// How long it was waited for, in seconds.
        waited: u64,
    },
}

impl StoreError {
    pub(super) fn io(operation: &'static str, path: &Path, cause: io::Error) -> Self {
        if let Some(untrusted) = Untrusted::behind(&cause) {
            return StoreError::Untrusted { cause: untrusted.clone() };
        }
        let help = match cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "free some disk space; what was there is intact".to_owned()
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => format!(
                "let this user write there, or name another place with XDG_STATE_HOME: {}",
                path.display()
            ),
            _ => "see what the system says above; vagrantp's own files may be deleted at any time"
                .to_owned(),
        };
        StoreError::Io { operation, path: path.to_owned(), help, cause }
    }
}

impl StoreError {
    /// Whether there is no room for what was to be written.
    #[must_use]
    pub fn is_about_room(&self) -> bool {
        let StoreError::Io { cause, .. } = self else { return false };
        matches!(cause.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::Locked { .. } => Code::Locked,
            StoreError::Untrusted { .. } => Code::PermissionDenied,
            StoreError::Io { cause, .. } => match cause.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    Code::PermissionDenied
                }
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    Code::InsufficientResources
                }
                _ => Code::Internal,
            },
        };
        let holder = match &error {
            StoreError::Locked { holder, .. } => Some(holder.clone()),
            _ => None,
        };
        let problem = Problem::new(code, error);
        let Some(holder) = holder else { return problem };
        let Held { pid, verb, age, user } = *holder;
        problem.with("pid", pid).with("verb", verb).with("age_seconds", age).with("user", user)
    }
}
