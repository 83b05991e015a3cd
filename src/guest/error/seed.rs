//! Keys that cannot be used and seeds that cannot be written.

use std::path::PathBuf;

use miette::Diagnostic;
use thiserror::Error;

use crate::model::code::Code;

/// Why a key of vagrantp's own cannot be used.
#[derive(Debug, Error, Diagnostic)]
pub enum KeyError {
    /// The file is damaged, or holds a key of another kind.
    #[error("{} holds no key that vagrantp made", path.display())]
    #[diagnostic(
        code(vagrantp::guest::bad_key),
        help(
            "put the file back from a backup; without it the machine cannot be known for sure: \
             `vagrantp up --recreate` makes it anew with another key"
        )
    )]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read or written.
    #[error("the key {} cannot be {operation}", path.display())]
    #[diagnostic(
        code(vagrantp::guest::key_io),
        help(
            "see who owns the directory and whether its disk is full; XDG_DATA_HOME names another"
        )
    )]
    Io {
        /// `read` or `written`.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
}

impl KeyError {
    /// The stable code.
    #[must_use]
    pub fn stable_code(&self) -> Code {
        match self {
            KeyError::Damaged { .. } => Code::InvalidState,
            KeyError::Io { .. } => Code::PermissionDenied,
        }
    }
}

/// Why there is no seed.
#[derive(Debug, Error, Diagnostic)]
pub enum SeedError {
    /// CLOUD_INIT is no YAML.
    #[error("the file of CLOUD_INIT is no YAML: {reason}, at line {line}, column {column}")]
    #[diagnostic(
        code(vagrantp::guest::cloud_init_not_yaml),
        help("correct that line; `cloud-init schema --config-file FILE` checks the whole of it")
    )]
    NotYaml {
        /// From 1.
        line: u64,
        /// From 1.
        column: u64,
        /// What is wrong.
        reason: String,
    },
    /// CLOUD_INIT is something else that cloud-init knows.
    #[error(
        "the file of CLOUD_INIT is {found}, and only cloud-config can be joined to vagrantp's own"
    )]
    #[diagnostic(
        code(vagrantp::guest::cloud_init_not_config),
        help(
            "write a mapping of YAML that starts with `#cloud-config`; a script goes under `runcmd`"
        )
    )]
    NotConfig {
        /// What it is: `a script`, `a list`.
        found: String,
    },
    /// CLOUD_INIT would lock vagrantp out.
    #[error("`{key}` in the file of CLOUD_INIT would lock vagrantp out of the machine")]
    #[diagnostic(code(vagrantp::guest::cloud_init_locks_out), help("{help}"))]
    LocksOut {
        /// The path of the key: `ssh_keys.ed25519_private`.
        key: String,
        /// What to do.
        help: &'static str,
    },
    /// It is larger than a guest is ever told.
    #[error("the seed has {size} bytes, and more than {most} no guest is told")]
    #[diagnostic(
        code(vagrantp::guest::seed_too_large),
        help(
            "move what is large out of the file of CLOUD_INIT: into IMAGE, or a directory of MOUNTS"
        )
    )]
    TooLarge {
        /// Bytes of it.
        size: usize,
        /// Bytes that are taken.
        most: usize,
    },
    /// It cannot be written.
    #[error("the seed {} cannot be written", path.display())]
    #[diagnostic(
        code(vagrantp::guest::seed_io),
        help(
            "see who owns the directory and whether its disk is full; XDG_DATA_HOME names another"
        )
    )]
    Io {
        /// Where it belongs.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
}

impl SeedError {
    /// The stable code.
    #[must_use]
    pub fn stable_code(&self) -> Code {
        match self {
            SeedError::NotYaml { .. }
            | SeedError::NotConfig { .. }
            | SeedError::LocksOut { .. }
            | SeedError::TooLarge { .. } => Code::ConfigInvalid,
            SeedError::Io { .. } => Code::CreateFailed,
        }
    }

    /// The key of the `.env` that it is about.
    #[must_use]
    pub fn field(&self) -> Option<&'static str> {
        match self {
            SeedError::Io { .. } => None,
            _ => Some("CLOUD_INIT"),
        }
    }
}
