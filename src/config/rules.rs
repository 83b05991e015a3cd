//! What can be wrong with keys that are right each by itself: bounds, what a provider asks for,
//! and keys that do not go together. One variant a mistake, with the fix in its help.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use miette::Diagnostic;
use thiserror::Error;

use crate::model::code::Code;
use crate::model::id::{InfraType, ProviderKind};
use crate::model::problem::Problem;
use crate::model::source::Place;
use crate::model::units::{CpuCount, DiskSize, Memory};

/// A broken rule.
#[derive(Debug, Error, Diagnostic)]
pub(crate) enum RuleError {
    #[error("INFRA_TYPE is required")]
    #[diagnostic(
        code(vagrantp::config::infra_type_missing),
        help(
            "add the line `{prefix}INFRA_TYPE=container`, or `{prefix}INFRA_TYPE=vm` for a virtual \
             machine"
        )
    )]
    TypeMissing {
        /// What the keys of these files start with.
        prefix: &'static str,
    },
    #[error("PROVIDER is required for a vm")]
    #[diagnostic(code(vagrantp::config::provider_missing), help("{help}"))]
    ProviderMissing {
        #[label(collection, "more than one provider can make a vm")]
        place: Option<Place>,
        help: String,
    },
    #[error("PROVIDER {provider} runs no {kind}")]
    #[diagnostic(
        code(vagrantp::config::provider_of_other_type),
        help("write one of {words}, or set INFRA_TYPE={other}")
    )]
    ProviderOfOtherType {
        #[label(collection, "makes a {other}")]
        place: Option<Place>,
        provider: ProviderKind,
        kind: InfraType,
        other: InfraType,
        words: &'static str,
    },
    #[error("MEMORY must be at least 512 MiB")]
    #[diagnostic(
        code(vagrantp::config::memory_too_small),
        help("set MEMORY=512 or more, or delete the line to use the default (2048)")
    )]
    MemoryTooSmall {
        #[label(collection, "this is {found}")]
        place: Option<Place>,
        found: Memory,
    },
    #[error("CPUS must be at least 1")]
    #[diagnostic(
        code(vagrantp::config::cpus_too_few),
        help("set CPUS=1 or more, or delete the line to use the default (2)")
    )]
    CpusTooFew {
        #[label(collection, "this is {found}")]
        place: Option<Place>,
        found: CpuCount,
    },
    #[error("DISK_SIZE must be at least 5 GiB")]
    #[diagnostic(
        code(vagrantp::config::disk_too_small),
        help("set DISK_SIZE=5G or more, or delete the line to use the default (20G)")
    )]
    DiskTooSmall {
        #[label(collection, "this is {found}")]
        place: Option<Place>,
        found: DiskSize,
    },
    #[error("{key} must be from 1 to 3600 seconds")]
    #[diagnostic(
        code(vagrantp::config::timeout_out_of_range),
        help("write the number of seconds, from 1 to 3600, or delete the line")
    )]
    TimeoutOutOfRange {
        key: &'static str,
        #[label(collection, "expected 1 to 3600")]
        place: Option<Place>,
    },
    #[error("SSH_PORT must be at least 1024 where it is forwarded")]
    #[diagnostic(
        code(vagrantp::config::ssh_port_reserved),
        help("write a port from 1024 to 65535, or delete the line: a free one is picked and kept")
    )]
    SshPortReserved {
        #[label(collection, "reserved for the system's own services")]
        place: Option<Place>,
    },
    #[error("{key} has a port that only root may listen on")]
    #[diagnostic(
        code(vagrantp::config::port_privileged),
        help("take a port from {first} on, such as {port} + 8000, or `auto`")
    )]
    PortPrivileged {
        key: &'static str,
        #[label(collection, "ports below {first} are root's")]
        place: Option<Place>,
        port: u16,
        first: u16,
    },
    #[error("PORTS forwards one host port twice")]
    #[diagnostic(
        code(vagrantp::config::port_twice),
        help("give one of them another host port, or `auto`")
    )]
    PortTwice {
        #[label(collection, "here first")]
        first: Option<Place>,
        #[label(collection, "the same address, port and protocol")]
        place: Option<Place>,
    },
    #[error("PORT_POOL has fewer ports than PORTS asks for")]
    #[diagnostic(
        code(vagrantp::config::pool_too_small),
        help("make the range hold at least {wanted} ports")
    )]
    PoolTooSmall {
        #[label(collection, "holds {size}; `auto` stands {wanted} times in PORTS")]
        place: Option<Place>,
        size: usize,
        wanted: usize,
    },
    #[error("MOUNTS mounts two directories onto one")]
    #[diagnostic(code(vagrantp::config::mount_twice), help("give one of them another path inside"))]
    MountTwice {
        #[label(collection, "here first")]
        first: Option<Place>,
        #[label(collection, "the same path inside")]
        place: Option<Place>,
    },
    #[error("BRIDGE names no bridge of this host")]
    #[diagnostic(code(vagrantp::config::unknown_bridge), help("{help}"))]
    UnknownBridge {
        #[label(collection, "no such bridge")]
        place: Option<Place>,
        help: String,
    },
    #[error("NETWORK_MODE=bridge needs BRIDGE")]
    #[diagnostic(code(vagrantp::config::bridge_missing), help("{help}"))]
    BridgeMissing {
        #[label(collection, "which bridge?")]
        place: Option<Place>,
        help: String,
    },
    #[error("NETWORK_MODE=bridge needs IP_ADDRESS with podman")]
    #[diagnostic(
        code(vagrantp::config::bridge_needs_address),
        help(
            "add a line such as `IP_ADDRESS=192.168.1.50/24`, with a free address of the bridge's network"
        )
    )]
    BridgeNeedsAddress {
        #[label(collection, "nobody hands a container an address there")]
        place: Option<Place>,
    },
    #[error("IP_ADDRESS needs the prefix of its network on {bridge}: {found}")]
    #[diagnostic(
        code(vagrantp::config::bridge_needs_prefix),
        help("write it with the prefix, such as `IP_ADDRESS={suggestion}`")
    )]
    BridgeNeedsPrefix {
        #[label(collection, "in which network?")]
        place: Option<Place>,
        bridge: String,
        found: String,
        suggestion: String,
    },
    #[error("NETWORK_MODE=bridge needs GATEWAY: the host has none on {bridge} that would do")]
    #[diagnostic(
        code(vagrantp::config::bridge_needs_gateway),
        help("add a line such as `GATEWAY={suggestion}`")
    )]
    BridgeNeedsGateway {
        #[label(collection, "the way out of its network?")]
        place: Option<Place>,
        bridge: String,
        suggestion: Ipv4Addr,
    },
    #[error(
        "NETWORK_MODE=bridge needs DNS: the host has no name server that can be asked from there"
    )]
    #[diagnostic(
        code(vagrantp::config::bridge_needs_dns),
        help("add a line such as `DNS=9.9.9.9`, or the address of a name server of that network")
    )]
    BridgeNeedsDns {
        #[label(collection, "on a bridge")]
        place: Option<Place>,
    },
    #[error("IP_ADDRESS cannot be fixed with qemu's default network")]
    #[diagnostic(
        code(vagrantp::config::address_on_qemu),
        help("delete the line, or set NETWORK_MODE=bridge")
    )]
    AddressOnQemu {
        #[label(collection, "not possible here")]
        place: Option<Place>,
    },
    #[error("IP_ADDRESS is the address of the gateway")]
    #[diagnostic(
        code(vagrantp::config::address_is_gateway),
        help("take another address of {network}, such as {suggestion}")
    )]
    AddressIsGateway {
        #[label(collection, "the gateway of {network}")]
        place: Option<Place>,
        network: Ipv4Net,
        suggestion: Ipv4Addr,
    },
    #[error("GATEWAY is no host of IP_ADDRESS's network")]
    #[diagnostic(
        code(vagrantp::config::gateway_outside),
        help("write an address of {network}, such as {suggestion}")
    )]
    GatewayOutside {
        #[label(collection, "not a host of {network}")]
        place: Option<Place>,
        #[label(collection, "this is in {network}")]
        address: Option<Place>,
        network: Ipv4Net,
        suggestion: Ipv4Addr,
    },
    #[error("a vm needs one of IMAGE, BOX, ISO and KERNEL")]
    #[diagnostic(
        code(vagrantp::config::vm_without_image),
        help(
            "add a line such as `IMAGE=https://cloud.debian.org/images/cloud/bookworm/latest/\
             debian-12-genericcloud-amd64.qcow2`"
        )
    )]
    VmWithoutImage {
        #[label(collection, "made from what?")]
        place: Option<Place>,
    },
    #[error("BOX and {other} exclude each other")]
    #[diagnostic(code(vagrantp::config::box_excludes), help("delete one of the two lines"))]
    BoxExcludes {
        other: &'static str,
        #[label(collection, "a box brings its own disk")]
        place: Option<Place>,
        #[label(collection, "so this cannot be used")]
        excluded: Option<Place>,
    },
    #[error("{key} needs KERNEL")]
    #[diagnostic(
        code(vagrantp::config::kernel_missing),
        help("add a line such as `KERNEL=./vmlinuz`, or delete this one")
    )]
    KernelMissing {
        key: &'static str,
        #[label(collection, "handed to the kernel of KERNEL")]
        place: Option<Place>,
    },
    #[error("SSH_HOST is required with PROVIDER=ssh")]
    #[diagnostic(
        code(vagrantp::config::ssh_host_missing),
        help("add a line such as `SSH_HOST=build.example.org`")
    )]
    SshHostMissing {
        #[label(collection, "a machine that exists: which one?")]
        place: Option<Place>,
    },
    #[error("no INFRA_ID can be made from the directory's name")]
    #[diagnostic(
        code(vagrantp::config::no_infra_id),
        help("add the line `INFRA_ID={suggestion}`, or rename the directory")
    )]
    NoInfraId { suggestion: String },
}

impl RuleError {
    /// The key to look at, and where.
    fn field(&self) -> (&'static str, Option<&Place>) {
        match self {
            RuleError::TypeMissing { .. } => ("INFRA_TYPE", None),
            RuleError::ProviderMissing { place, .. }
            | RuleError::ProviderOfOtherType { place, .. } => ("PROVIDER", place.as_ref()),
            RuleError::MemoryTooSmall { place, .. } => ("MEMORY", place.as_ref()),
            RuleError::CpusTooFew { place, .. } => ("CPUS", place.as_ref()),
            RuleError::DiskTooSmall { place, .. } => ("DISK_SIZE", place.as_ref()),
            RuleError::TimeoutOutOfRange { key, place }
            | RuleError::PortPrivileged { key, place, .. }
            | RuleError::KernelMissing { key, place } => (key, place.as_ref()),
            RuleError::SshPortReserved { place } => ("SSH_PORT", place.as_ref()),
            RuleError::PortTwice { place, .. } => ("PORTS", place.as_ref()),
            RuleError::PoolTooSmall { place, .. } => ("PORT_POOL", place.as_ref()),
            RuleError::MountTwice { place, .. } => ("MOUNTS", place.as_ref()),
            RuleError::UnknownBridge { place, .. } | RuleError::BridgeMissing { place, .. } => {
                ("BRIDGE", place.as_ref())
            }
            RuleError::BridgeNeedsAddress { place }
            | RuleError::AddressOnQemu { place }
            | RuleError::BridgeNeedsPrefix { place, .. }
            | RuleError::AddressIsGateway { place, .. } => ("IP_ADDRESS", place.as_ref()),
            RuleError::BridgeNeedsDns { place } => ("DNS", place.as_ref()),
            RuleError::BridgeNeedsGateway { place, .. }
            | RuleError::GatewayOutside { place, .. } => ("GATEWAY", place.as_ref()),
            RuleError::VmWithoutImage { place } => ("IMAGE", place.as_ref()),
            RuleError::BoxExcludes { place, .. } => ("BOX", place.as_ref()),
            RuleError::SshHostMissing { place } => ("SSH_HOST", place.as_ref()),
            RuleError::NoInfraId { .. } => ("INFRA_ID", None),
        }
    }

    pub(crate) fn into_problem(self) -> Problem {
        let (field, place) = self.field();
        let place = place.cloned();
        Problem::new(Code::ConfigInvalid, self).at(field, place.as_ref())
    }
}
