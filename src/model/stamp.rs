//! What marks an object as ours, written on the object itself.
//!
//! The stamp is what makes records expendable: whose the object is, and what was asked when it was
//! made, can be read back from the provider. It never holds secrets.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::command::MainProcess;
use super::id::{InfraId, InfraType, InstanceUuid, ProviderKind};
use super::image::ImageSource;
use super::lifetime::Ttl;
use super::mount::Mount;
use super::network::PortForward;
use super::units::{CpuCount, Memory};

/// The stamp on an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The stamp's own format.
    pub schema: u32,
    /// Whose instance it is.
    pub uuid: InstanceUuid,
    /// The user that made it.
    pub uid: u32,
    /// The project's real path at that time.
    pub project: PathBuf,
    /// The directory's device number, to know it again after a move.
    pub device: u64,
    /// The directory's inode number.
    pub inode: u64,
    /// Where the file system was mounted that the directory was in. A directory whose disk is not
    /// there is not a directory that was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mount: Option<PathBuf>,
    /// A VM or a container.
    pub infra_type: InfraType,
    /// What runs it.
    pub provider: ProviderKind,
    /// INFRA_ID at creation.
    pub infra_id: InfraId,
    /// Counts the replacements of the object, so that of two the newer can be told.
    pub generation: u32,
    /// When the instance was first made (RFC 3339); replacements keep it.
    pub created_at: String,
    /// The version of vagrantp that made the object.
    pub version: String,
    /// What was asked for.
    pub asked: Asked,
}

impl Stamp {
    /// The format that this version writes.
    pub const SCHEMA: u32 = 1;
}

/// What was asked for at creation: it speaks only where the provider shows nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The image as understood from the `.env`.
    pub image: ImageSource,
    /// The digest or id of the image that this was at the time.
    pub image_id: Option<String>,
    /// The memory limit.
    pub memory: Memory,
    /// The CPU limit.
    pub cpus: CpuCount,
    /// The main process.
    pub command: MainProcess,
    /// The forwarded ports, with the picks of `auto`.
    pub ports: Vec<PortForward>,
    /// The mounts.
    pub mounts: Vec<Mount>,
    /// The fixed address.
    pub address: Option<Ipv4Addr>,
    /// The network's range, where the address fixed one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet: Option<Ipv4Net>,
    /// The host's bridge that it is on, in bridge mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridge: Option<String>,
    /// The network's gateway, where one was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Ipv4Addr>,
    /// The name servers, where some were written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<Ipv4Addr>,
    /// INFRA_TTL. It may have been changed since: the record knows, and this is for when that is
    /// lost and the project's files with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Ttl>,
}
