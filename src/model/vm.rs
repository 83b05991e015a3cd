//! What a virtual machine has beyond what every instance has.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::network::MacAddress;
use super::source::Sourced;
use super::stamp::Stamp;
use super::units::{Bytes, DiskSize, Seconds};

/// FIRMWARE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Firmware {
    /// What suits the image.
    Auto,
    /// BIOS.
    Bios,
    /// UEFI.
    Uefi,
}

/// DISPLAY_MODE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisplayMode {
    /// No screen.
    None,
    /// A window.
    Gtk,
    /// A SPICE server.
    Spice,
}

/// WAIT_FOR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitFor {
    /// SSH answers.
    Ssh,
    /// The machine runs.
    Boot,
}

/// CLOUD_INIT: a file, as it was when it was read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CloudInit {
    /// Its absolute path.
    pub path: PathBuf,
    /// The SHA-256 of its content, in lower-case hexadecimal: another content is another wish.
    pub sha256: String,
}

/// An address that is fixed in the guest.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FixedAddress {
    /// The address.
    pub address: Ipv4Addr,
    /// The length of its network's prefix.
    pub prefix: u8,
    /// The way out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Ipv4Addr>,
    /// The name servers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<Ipv4Addr>,
}

/// What a VM is made of. A wish and an observation are in the same words, so that comparing them is
/// comparing values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmSettings {
    /// DISK_SIZE: the disk's virtual size.
    pub disk_size: DiskSize,
    /// DISK_PATH: where the disk is, where it is not beside the machine's other parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_path: Option<PathBuf>,
    /// ISO.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iso: Option<PathBuf>,
    /// KERNEL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<PathBuf>,
    /// INITRD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initrd: Option<PathBuf>,
    /// APPEND.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub append: Option<String>,
    /// FIRMWARE, as it was written; what `auto` came to is the room's to know.
    pub firmware: Firmware,
    /// CLOUD_INIT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_init: Option<CloudInit>,
    /// MAC_ADDRESS, or the one that follows from the uuid.
    pub mac: MacAddress,
    /// DISPLAY_MODE.
    pub display: DisplayMode,
    /// QEMU_ARGS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub qemu_args: Vec<String>,
    /// SSH_USER: the user that the seed makes.
    pub user: String,
    /// SSH_AUTHORIZED_KEYS, or the caller's own: public keys, one each. The machine's own key goes in
    /// besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorized_keys: Vec<String>,
    /// The port on 127.0.0.1 that leads to the guest's SSH server; none on a bridge, where the guest
    /// has an address of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_port: Option<u16>,
    /// BRIDGE, in bridge mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridge: Option<String>,
    /// IP_ADDRESS, where one is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed: Option<FixedAddress>,
}

/// What runs a VM's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Acceleration {
    /// The processor itself, through `/dev/kvm`.
    Kvm,
    /// Software: many times slower.
    Emulation,
}

/// What is known of a VM beyond what is known of every instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedVm {
    /// What it is made of: while it runs, what it runs with.
    pub settings: VmSettings,
    /// What runs its instructions, while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acceleration: Option<Acceleration>,
    /// Whether its memory is kept on disk: it goes on from there when it is resumed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspended_to_disk: bool,
    /// What keeps it from going on, although it was not stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
    /// Whether what runs in it answers by SSH; none where nobody has tried. Rooms leave it at none:
    /// who asks them tries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<bool>,
    /// The host key that it is known by, without a comment: `ssh-ed25519 AAAA…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_key: Option<String>,
    /// The machine's own private key, which is let in beside the user's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// Whether what it is made of was changed while it ran, and takes effect at the next start.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pending: bool,
    /// How much of the host's disk its disk takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_used: Option<Bytes>,
    /// Its files, sockets and process, by what they are for: `disk`, `seed`, `nvram`, `monitor`,
    /// `serial`, `serial_log`, `log`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
}

/// What keeps a machine from going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// Its disk could not be read or written, and it waits: the host's disk may be full.
    DiskError,
    /// The kernel of what runs in it has given up.
    Panicked,
    /// What runs it has failed.
    Crashed,
}

impl Trouble {
    /// What happened, after the machine's name.
    #[must_use]
    pub fn says(self) -> &'static str {
        match self {
            Trouble::DiskError => {
                "waits, since its disk cannot be read or written: is the host's disk full?"
            }
            Trouble::Panicked => "has panicked",
            Trouble::Crashed => "cannot go on: what runs it has failed",
        }
    }
}

/// The disk of a VM that is gone, kept by `rm --preserve-disk`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptDisk {
    /// Where it is.
    pub path: PathBuf,
    /// Its virtual size.
    pub size: DiskSize,
    /// How much of the host's disk it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<Bytes>,
    /// The stamp of the machine that it was the disk of.
    pub stamp: Stamp,
}

/// Something on the host that belongs to a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// What it is for.
    pub kind: String,
    /// Where it is.
    pub path: PathBuf,
}

/// What is waited for when a VM was started, and how what runs in it is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// WAIT_FOR.
    pub wait_for: WaitFor,
    /// BOOT_TIMEOUT.
    pub timeout: Seconds,
    /// SSH_USER.
    pub user: String,
    /// SSH_KEY, or the caller's own private key, beside the machine's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
}

/// The keys that only VMs have, as understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredVm {
    /// DISK_PATH.
    pub disk_path: Option<Sourced<PathBuf>>,
    /// ISO.
    pub iso: Option<Sourced<PathBuf>>,
    /// KERNEL.
    pub kernel: Option<Sourced<PathBuf>>,
    /// INITRD.
    pub initrd: Option<Sourced<PathBuf>>,
    /// APPEND.
    pub append: Option<Sourced<String>>,
    /// FIRMWARE.
    pub firmware: Sourced<Firmware>,
    /// CLOUD_INIT.
    pub cloud_init: Option<Sourced<CloudInit>>,
    /// MAC_ADDRESS, or the one that follows from the uuid.
    pub mac: Sourced<MacAddress>,
    /// DISPLAY_MODE.
    pub display: Sourced<DisplayMode>,
    /// QEMU_ARGS.
    pub qemu_args: Sourced<Vec<String>>,
    /// SSH_AUTHORIZED_KEYS, or the caller's own public key; empty where there is none.
    pub authorized_keys: Sourced<Vec<String>>,
    /// SSH_KEY, or the caller's own private key; none leaves the machine's own.
    pub ssh_key: Option<Sourced<PathBuf>>,
    /// SSH_PORT, where one is written; else one is picked and kept.
    pub ssh_port: Option<Sourced<u16>>,
    /// WAIT_FOR.
    pub wait_for: Sourced<WaitFor>,
}
