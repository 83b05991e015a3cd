//! What an action makes: complete, concrete, ready to be rendered by a room.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::command::MainProcess;
use super::image::ImageSource;
use super::mount::Mount;
use super::network::PortForward;
use super::stamp::Stamp;
use super::units::{CpuCount, Memory};
use super::vm::VmSettings;

/// The image that an instance is made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BaseImage {
    /// What IMAGE names.
    Source(ImageSource),
    /// The files of the container that this one replaces, saved under this local name.
    Saved(String),
    /// The disk of the VM before, which `rm --preserve-disk` kept.
    KeptDisk,
}

/// An instance to be made: a container, or a VM where `vm` says how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceSpec {
    /// The provider's name for it.
    pub name: String,
    /// The host name inside.
    pub hostname: String,
    /// What it is made from.
    pub image: BaseImage,
    /// The memory limit; no swap on top of it.
    pub memory: Memory,
    /// The CPU limit.
    pub cpus: CpuCount,
    /// The main process.
    pub command: MainProcess,
    /// The network that it joins.
    pub network: String,
    /// The fixed address in that network.
    pub address: Option<Ipv4Addr>,
    /// The forwarded ports.
    pub ports: Vec<PortForward>,
    /// The mounts, outer ones before those inside of them.
    pub mounts: Vec<Mount>,
    /// Whether it comes back when the host starts.
    pub autostart: bool,
    /// Volumes of the container that this one replaces, to be attached again.
    pub volumes_from: Option<String>,
    /// What a VM is made of; none for a container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vm: Option<Box<VmSettings>>,
    /// What marks it as ours.
    pub stamp: Stamp,
}

/// A network of a project's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkSpec {
    /// The provider's name for it.
    pub name: String,
    /// Its range, where IP_ADDRESS fixes one; else the provider picks.
    pub subnet: Option<Ipv4Net>,
    /// The gateway, where GATEWAY fixes one.
    pub gateway: Option<Ipv4Addr>,
    /// The bridge of the host's that it is on; none for a network of its own behind the host.
    #[serde(default)]
    pub bridge: Option<String>,
    /// The uuid of the instance that it belongs to.
    pub uuid: super::id::InstanceUuid,
    /// The user that it belongs to.
    pub uid: u32,
}
