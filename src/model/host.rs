//! Facts of the host, read once by `cli/host.rs` and handed on as values.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::units::{Bytes, Memory};

/// What the calling process and its host are like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFacts {
    /// The caller's user id.
    pub uid: u32,
    /// The caller's group id.
    pub gid: u32,
    /// The caller's login name, where it is known.
    pub user: Option<String>,
    /// The caller's home directory.
    pub home: PathBuf,
    /// The content of `/etc/machine-id`, or the host name where there is none.
    pub machine_id: String,
    /// CPUs that are online.
    pub cpus: u32,
    /// Memory that can be had without swapping (`MemAvailable`).
    pub memory_available: Memory,
    /// All memory.
    pub memory_total: Memory,
    /// The lowest port that this user may listen on.
    pub first_unprivileged_port: u16,
    /// The bridges of the host.
    pub bridges: Vec<String>,
    /// Where things are kept.
    pub places: Places,
    /// The process environment: only the names that vagrantp documents are read from it, and
    /// those that a `.env` refers to as `${NAME}`.
    pub environment: BTreeMap<String, String>,
    /// The distribution: `ID` and `ID_LIKE` of os-release.
    pub distribution: Vec<String>,
}

/// Where vagrantp keeps things, after the XDG base directory specification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// `$XDG_STATE_HOME/vagrantp`: may be deleted at any moment.
    pub state: PathBuf,
    /// `$XDG_DATA_HOME/vagrantp`: parts of machines.
    pub data: PathBuf,
    /// `$XDG_CACHE_HOME/vagrantp`: can be had again.
    pub cache: PathBuf,
    /// `$XDG_RUNTIME_DIR/vagrantp`: sockets.
    pub runtime: PathBuf,
}

/// What is free where something will be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskFree(pub Bytes);
