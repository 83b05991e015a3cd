//! Config: what the user wrote, typed, with every key still optional.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use serde::{Serialize, Serializer};

use crate::model::command::MainProcess;
use crate::model::id::{InfraId, InfraType, ProviderKind};
use crate::model::image::ImageSource;
pub use crate::model::lifetime::Ttl;
use crate::model::mount::Mount;
use crate::model::network::{HostAddress, MacAddress, NetworkMode, PortPool, PortRule};
use crate::model::source::Sourced;
use crate::model::units::{CpuCount, DiskSize, Memory, Seconds};
use crate::model::vm::CloudInit;
pub use crate::model::vm::{DisplayMode, Firmware, WaitFor};

/// A key's value, if it was written.
pub type Written<T> = Option<Sourced<T>>;

/// Every key of the table. Paths are absolute; a list that was not written is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// INFRA_TYPE; there in every configuration without errors.
    pub infra_type: Written<InfraType>,
    /// INFRA_ID.
    pub infra_id: Written<InfraId>,
    /// PROVIDER.
    pub provider: Written<ProviderKind>,
    /// MEMORY.
    pub memory: Written<Memory>,
    /// CPUS.
    pub cpus: Written<CpuCount>,
    /// DISK_SIZE.
    pub disk_size: Written<DiskSize>,
    /// DISK_PATH.
    pub disk_path: Written<PathBuf>,
    /// IMAGE.
    pub image: Written<ImageSource>,
    /// BOX.
    pub vagrant_box: Written<VagrantBox>,
    /// ISO.
    pub iso: Written<PathBuf>,
    /// KERNEL.
    pub kernel: Written<PathBuf>,
    /// INITRD.
    pub initrd: Written<PathBuf>,
    /// APPEND.
    pub append: Written<String>,
    /// FIRMWARE.
    pub firmware: Written<Firmware>,
    /// CLOUD_INIT.
    pub cloud_init: Written<CloudInit>,
    /// NETWORK_MODE.
    pub network_mode: Written<NetworkMode>,
    /// BRIDGE.
    pub bridge: Written<String>,
    /// IP_ADDRESS.
    pub ip_address: Written<HostAddress>,
    /// GATEWAY.
    pub gateway: Written<Ipv4Addr>,
    /// DNS.
    pub dns: Vec<Sourced<Ipv4Addr>>,
    /// MAC_ADDRESS.
    pub mac_address: Written<MacAddress>,
    /// PORTS, in the order in which they were written.
    pub ports: Vec<Sourced<PortRule>>,
    /// PORT_POOL.
    pub port_pool: Written<PortPool>,
    /// MOUNTS, in the order in which they were written.
    pub mounts: Vec<Sourced<Mount>>,
    /// COMMAND.
    pub command: Written<MainProcess>,
    /// QEMU_ARGS, as words.
    pub qemu_args: Written<Vec<String>>,
    /// DISPLAY_MODE.
    pub display_mode: Written<DisplayMode>,
    /// SSH_HOST.
    pub ssh_host: Written<String>,
    /// SSH_USER.
    pub ssh_user: Written<String>,
    /// SSH_KEY.
    pub ssh_key: Written<PathBuf>,
    /// SSH_AUTHORIZED_KEYS, one key each, without options.
    pub ssh_authorized_keys: Written<Secret<Vec<String>>>,
    /// SSH_PORT.
    pub ssh_port: Written<u16>,
    /// WAIT_FOR.
    pub wait_for: Written<WaitFor>,
    /// BOOT_TIMEOUT.
    pub boot_timeout: Written<Seconds>,
    /// STOP_TIMEOUT.
    pub stop_timeout: Written<Seconds>,
    /// SSH_TIMEOUT.
    pub ssh_timeout: Written<Seconds>,
    /// PROVISIONING_PLAYBOOK, in order.
    pub playbooks: Vec<Sourced<Playbook>>,
    /// PROVISIONING_VARS.
    pub provisioning_vars: Written<PathBuf>,
    /// PROVISIONING_EXTRA_VARS.
    pub extra_vars: Written<Secret<BTreeMap<String, serde_json::Value>>>,
    /// PROVISIONING_BOOTSTRAP.
    pub provisioning_bootstrap: Written<bool>,
    /// ROLLBACK_ON_FAILURE.
    pub rollback_on_failure: Written<bool>,
    /// REQUIRE_OS.
    pub require_os: Vec<Sourced<OsRequirement>>,
    /// REQUIRE_MEMORY.
    pub require_memory: Written<Memory>,
    /// REQUIRE_DISK.
    pub require_disk: Written<DiskSize>,
    /// AUTOSTART.
    pub autostart: Written<bool>,
    /// INFRA_TTL.
    pub infra_ttl: Written<Ttl>,
    /// The files that say what the next `up` does: `.env*`, `vagrantp.env`, playbooks and the like,
    /// as far as they exist; real paths, sorted. What runs inside does not get to write them.
    pub guarded: Vec<PathBuf>,
    /// The files that were read because they were there, where `--env-file` names none; real paths.
    pub found: Vec<PathBuf>,
}

impl Config {
    /// The kind of instance.
    #[must_use]
    pub fn kind(&self) -> Option<InfraType> {
        self.infra_type.as_ref().map(|kind| kind.value)
    }

    /// What runs it, as written or as follows from the kind of instance.
    #[must_use]
    pub fn provider_kind(&self) -> Option<ProviderKind> {
        match (&self.provider, self.kind()) {
            (Some(provider), _) => Some(provider.value),
            (None, Some(InfraType::Container)) => Some(ProviderKind::Podman),
            (None, _) => None,
        }
    }
}

/// Something that is handed on and never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret<T>(pub T);

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<T> Serialize for Secret<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

/// A Vagrant box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VagrantBox {
    /// `user/box`, or a box's name alone.
    pub name: String,
    /// Its version, where one was written.
    pub version: Option<String>,
}

/// One of PROVISIONING_PLAYBOOK.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Playbook {
    /// A file of the user's.
    File(PathBuf),
    /// One that comes with vagrantp.
    Shipped(String),
}

/// One of REQUIRE_OS: the guest's os-release has to say this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OsRequirement {
    /// `ID` of os-release.
    pub id: String,
    /// `VERSION_ID` of os-release, where one was written.
    pub version: Option<String>,
}

/// A closed set of words that a key may say.
pub(super) trait Word: Copy + Sized + 'static {
    /// The words, with what they mean.
    const WORDS: &'static [(&'static str, Self)];
}

impl Word for InfraType {
    const WORDS: &'static [(&'static str, Self)] =
        &[("vm", InfraType::Vm), ("container", InfraType::Container)];
}

impl Word for ProviderKind {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("podman", ProviderKind::Podman),
        ("libvirt", ProviderKind::Libvirt),
        ("qemu", ProviderKind::Qemu),
        ("virtualbox", ProviderKind::Virtualbox),
        ("ssh", ProviderKind::Ssh),
    ];
}

impl Word for NetworkMode {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("default", NetworkMode::Default),
        ("nat", NetworkMode::Default),
        ("bridge", NetworkMode::Bridge),
    ];
}

impl Word for Firmware {
    const WORDS: &'static [(&'static str, Self)] =
        &[("auto", Firmware::Auto), ("bios", Firmware::Bios), ("uefi", Firmware::Uefi)];
}

impl Word for DisplayMode {
    const WORDS: &'static [(&'static str, Self)] =
        &[("none", DisplayMode::None), ("gtk", DisplayMode::Gtk), ("spice", DisplayMode::Spice)];
}

impl Word for WaitFor {
    const WORDS: &'static [(&'static str, Self)] =
        &[("ssh", WaitFor::Ssh), ("boot", WaitFor::Boot)];
}
