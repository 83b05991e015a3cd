//! What the `.env` asks for, with no gaps: every field has a value and knows who said so.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use super::command::MainProcess;
use super::id::Identity;
use super::image::ImageSource;
use super::lifetime::Ttl;
use super::mount::Mount;
use super::network::{HostAddress, NetworkMode, PortPool, PortRule};
use super::source::{Origin, Sourced};
use super::units::{CpuCount, DiskSize, Memory, Seconds};

/// A complete wish. Made by [`crate::resolve`], nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// Whose it is.
    pub identity: Identity,
    /// Who said INFRA_ID.
    pub id_origin: Origin,
    /// Who said INFRA_TYPE.
    pub infra_type_origin: Origin,
    /// Who said PROVIDER.
    pub provider_origin: Origin,
    /// MEMORY.
    pub memory: Sourced<Memory>,
    /// CPUS.
    pub cpus: Sourced<CpuCount>,
    /// DISK_SIZE.
    pub disk_size: Sourced<DiskSize>,
    /// IMAGE.
    pub image: Sourced<ImageSource>,
    /// COMMAND.
    pub command: Sourced<MainProcess>,
    /// The network keys.
    pub network: DesiredNetwork,
    /// PORTS, in the order in which they were written.
    pub ports: Vec<Sourced<PortRule>>,
    /// PORT_POOL.
    pub port_pool: Sourced<PortPool>,
    /// MOUNTS, and the read-only mounts that protect the project's own files beneath them.
    pub mounts: Vec<Sourced<Mount>>,
    /// The directory inside where `ssh` starts: the mount of the project.
    pub workdir: Option<PathBuf>,
    /// SSH_USER.
    pub user: Sourced<String>,
    /// STOP_TIMEOUT.
    pub stop_timeout: Sourced<Seconds>,
    /// BOOT_TIMEOUT.
    pub boot_timeout: Sourced<Seconds>,
    /// SSH_TIMEOUT.
    pub ssh_timeout: Sourced<Seconds>,
    /// AUTOSTART.
    pub autostart: Sourced<bool>,
    /// INFRA_TTL: how long after its last `up` the instance may live; none for as long as it likes.
    pub ttl: Option<Sourced<Ttl>>,
    /// The configuration files that were read because they were there, and not because somebody
    /// named them; real paths.
    pub found: Vec<PathBuf>,
}

/// The network keys, as understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredNetwork {
    /// NETWORK_MODE.
    pub mode: Sourced<NetworkMode>,
    /// BRIDGE.
    pub bridge: Option<Sourced<String>>,
    /// IP_ADDRESS.
    pub address: Option<Sourced<HostAddress>>,
    /// GATEWAY.
    pub gateway: Option<Sourced<Ipv4Addr>>,
    /// DNS.
    pub dns: Vec<Sourced<Ipv4Addr>>,
}
