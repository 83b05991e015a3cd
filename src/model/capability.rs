//! What a provider can do, and what each change costs there: data, read by the plan.

use serde::{Deserialize, Serialize};

use super::id::InfraType;

/// What a change costs the person who asked for it, the dearest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cost {
    /// Nothing that exists is touched.
    None,
    /// What runs is changed, and nothing is interrupted.
    Live,
    /// The instance is stopped and started; its files stay.
    Restart,
    /// The instance is made again around its files; what ran in it is stopped.
    Replace,
    /// The instance starts from its image again; what was written since is lost.
    Recreate,
    /// The instance is removed with its files.
    Destroy,
    /// It cannot be done here.
    Refused,
}

impl Cost {
    /// One word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Cost::None => "none",
            Cost::Destroy => "destroy",
            Cost::Live => "live",
            Cost::Restart => "restart",
            Cost::Replace => "replace",
            Cost::Recreate => "recreate",
            Cost::Refused => "refused",
        }
    }
}

/// A field of the instance that can differ from what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// INFRA_ID.
    Name,
    /// MEMORY.
    Memory,
    /// CPUS.
    Cpus,
    /// PORTS.
    Ports,
    /// MOUNTS.
    Mounts,
    /// COMMAND.
    Command,
    /// IMAGE.
    Image,
    /// IP_ADDRESS.
    Address,
    /// GATEWAY.
    Gateway,
    /// DNS.
    Dns,
    /// NETWORK_MODE.
    Network,
    /// AUTOSTART.
    Autostart,
    /// BRIDGE, where it is another one.
    Bridge,
    /// DISK_SIZE.
    DiskSize,
    /// DISK_PATH.
    DiskPath,
    /// ISO.
    Iso,
    /// KERNEL.
    Kernel,
    /// INITRD.
    Initrd,
    /// APPEND.
    Append,
    /// FIRMWARE.
    Firmware,
    /// CLOUD_INIT.
    CloudInit,
    /// MAC_ADDRESS.
    MacAddress,
    /// DISPLAY_MODE.
    DisplayMode,
    /// QEMU_ARGS.
    QemuArgs,
    /// SSH_PORT.
    SshPort,
    /// SSH_USER.
    SshUser,
    /// SSH_AUTHORIZED_KEYS.
    AuthorizedKeys,
}

impl Field {
    /// Every field.
    pub const ALL: [Field; 27] = [
        Field::Name,
        Field::Memory,
        Field::Cpus,
        Field::Ports,
        Field::Mounts,
        Field::Command,
        Field::Image,
        Field::Address,
        Field::Gateway,
        Field::Dns,
        Field::Network,
        Field::Autostart,
        Field::Bridge,
        Field::DiskSize,
        Field::DiskPath,
        Field::Iso,
        Field::Kernel,
        Field::Initrd,
        Field::Append,
        Field::Firmware,
        Field::CloudInit,
        Field::MacAddress,
        Field::DisplayMode,
        Field::QemuArgs,
        Field::SshPort,
        Field::SshUser,
        Field::AuthorizedKeys,
    ];

    /// The key of the `.env` that it belongs to.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Field::Name => "INFRA_ID",
            Field::Memory => "MEMORY",
            Field::Cpus => "CPUS",
            Field::Ports => "PORTS",
            Field::Mounts => "MOUNTS",
            Field::Command => "COMMAND",
            Field::Image => "IMAGE",
            Field::Address => "IP_ADDRESS",
            Field::Gateway => "GATEWAY",
            Field::Dns => "DNS",
            Field::Network => "NETWORK_MODE",
            Field::Autostart => "AUTOSTART",
            Field::Bridge => "BRIDGE",
            Field::DiskSize => "DISK_SIZE",
            Field::DiskPath => "DISK_PATH",
            Field::Iso => "ISO",
            Field::Kernel => "KERNEL",
            Field::Initrd => "INITRD",
            Field::Append => "APPEND",
            Field::Firmware => "FIRMWARE",
            Field::CloudInit => "CLOUD_INIT",
            Field::MacAddress => "MAC_ADDRESS",
            Field::DisplayMode => "DISPLAY_MODE",
            Field::QemuArgs => "QEMU_ARGS",
            Field::SshPort => "SSH_PORT",
            Field::SshUser => "SSH_USER",
            Field::AuthorizedKeys => "SSH_AUTHORIZED_KEYS",
        }
    }
}

/// What one provider can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// What a change of each field costs; a field that is not listed is refused.
    pub costs: Vec<(Field, Cost)>,
    /// What its instances are. A container is replaced around its files, and has a network of the
    /// project's; a VM is changed at rest and started again.
    pub runs: InfraType,
    /// Whether it can attach an instance to a bridge of the host's.
    pub bridge: bool,
    /// Whether an instance that is behind the host can have a fixed address.
    pub fixed_address: bool,
    /// Whether the state of an instance can be kept under a name.
    pub snapshots: bool,
    /// Whether the disk of an instance can outlive it.
    pub keeps_disk: bool,
    /// Whether an instance can be frozen and go on.
    pub suspend: bool,
    /// Whether AUTOSTART can be kept.
    pub autostart: bool,
    /// The kinds of IMAGE that it takes.
    pub images: Vec<ImageKind>,
}

/// A kind of IMAGE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ImageKind {
    /// A registry reference.
    Registry,
    /// A tarball of a root file system.
    Rootfs,
    /// A tarball in OCI layout.
    OciArchive,
    /// A Containerfile.
    Containerfile,
    /// A disk image.
    Disk,
}

impl Capabilities {
    /// What a change of `field` costs.
    #[must_use]
    pub fn cost(&self, field: Field) -> Cost {
        self.costs
            .iter()
            .find(|(listed, _)| *listed == field)
            .map_or(Cost::Refused, |(_, cost)| *cost)
    }
}
