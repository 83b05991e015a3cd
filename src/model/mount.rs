//! Directories of the host inside the instance.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Whether the guest may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MountAccess {
    /// The guest may read and write.
    ReadWrite,
    /// The guest may read.
    ReadOnly,
}

/// One entry of MOUNTS: `host:guest[:ro]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mount {
    /// The absolute path inside.
    pub guest: PathBuf,
    /// The absolute path on the host, symlinks resolved.
    pub host: PathBuf,
    /// Whether the guest may write.
    pub access: MountAccess,
}

impl fmt::Display for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host.display(), self.guest.display())?;
        match self.access {
            MountAccess::ReadWrite => Ok(()),
            MountAccess::ReadOnly => f.write_str(":ro"),
        }
    }
}
