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
use super::vm::{DesiredVm, FixedAddress, VmSettings};

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
    /// The keys of VMs; none for a container.
    pub vm: Option<DesiredVm>,
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

impl Desired {
    /// What a VM is to be made of; none for a container. `ssh_port` is the forwarded port that was
    /// settled on.
    #[must_use]
    pub fn vm_settings(&self, ssh_port: Option<u16>) -> Option<VmSettings> {
        let vm = self.vm.as_ref()?;
        Some(VmSettings {
            disk_size: self.disk_size.value,
            disk_path: value(&vm.disk_path),
            iso: value(&vm.iso),
            kernel: value(&vm.kernel),
            initrd: value(&vm.initrd),
            append: value(&vm.append),
            firmware: vm.firmware.value,
            cloud_init: value(&vm.cloud_init),
            mac: vm.mac.value,
            display: vm.display.value,
            qemu_args: vm.qemu_args.value.clone(),
            user: self.user.value.clone(),
            authorized_keys: vm.authorized_keys.value.clone(),
            ssh_port: ssh_port.filter(|_| self.network.bridge.is_none()),
            bridge: value(&self.network.bridge),
            fixed: self.network.fixed(),
        })
    }
}

impl DesiredNetwork {
    /// The address that is fixed in the guest, where one is written with its prefix.
    #[must_use]
    pub fn fixed(&self) -> Option<FixedAddress> {
        let address = self.address.as_ref()?.value;
        Some(FixedAddress {
            address: address.address,
            prefix: address.prefix?,
            gateway: self.gateway.as_ref().map(|gateway| gateway.value),
            dns: self.dns.iter().map(|server| server.value).collect(),
        })
    }
}

fn value<T: Clone>(written: &Option<Sourced<T>>) -> Option<T> {
    written.as_ref().map(|written| written.value.clone())
}
