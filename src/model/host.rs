//! Facts of the host, read once by `cli/host.rs` and handed on as values.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use ipnet::Ipv4Net;

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
    /// How the host itself is attached to them.
    pub attached: HostNetworks,
    /// Where things are kept.
    pub places: Places,
    /// The process environment: only the names that vagrantp documents are read from it, and
    /// those that a `.env` refers to as `${NAME}`.
    pub environment: BTreeMap<String, String>,
    /// The caller's own SSH key, of the names that `ssh` itself looks for.
    pub own_key: Option<OwnKey>,
    /// The distribution: `ID` and `ID_LIKE` of os-release.
    pub distribution: Vec<String>,
}

/// A key pair of the caller's. vagrantp names the private half to `ssh` and never reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnKey {
    /// The private half's file.
    pub private: PathBuf,
    /// The public half, one line.
    pub public: String,
}

/// How the host is attached where a machine may be attached too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostNetworks {
    /// The ranges in which the host is on one of its bridges.
    pub on_bridges: Vec<BridgeNetwork>,
    /// Whether the host knows a name server that others on a bridge can ask too.
    pub has_name_servers: bool,
}

/// A range in which the host is on a bridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgeNetwork {
    /// The bridge.
    pub bridge: String,
    /// The range.
    pub range: Ipv4Net,
    /// The way out that the host takes there, where it takes one.
    pub gateway: Option<Ipv4Addr>,
}

impl HostFacts {
    /// The bridges that a machine may be meant for: those of Podman's own networks are not.
    pub fn bridges_to_join(&self) -> impl Iterator<Item = &String> {
        let of_podman = |name: &str| {
            let number = name.strip_prefix("podman");
            number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
        };
        self.bridges.iter().filter(move |name| !of_podman(name))
    }

    /// The bridge of bridge mode where none is written: the only one there is.
    #[must_use]
    pub fn only_bridge(&self) -> Option<&String> {
        let mut bridges = self.bridges_to_join();
        bridges.next().filter(|_| bridges.next().is_none())
    }

    /// What the host has on a bridge in the network of this address.
    #[must_use]
    pub fn on_bridge(&self, bridge: &str, address: Ipv4Addr) -> Option<&BridgeNetwork> {
        let here =
            |network: &&BridgeNetwork| network.bridge == bridge && network.range.contains(&address);
        self.attached.on_bridges.iter().find(here)
    }
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
