//! The keys that only VMs have.

use super::or_default;
use crate::config::Config;
use crate::model::host::HostFacts;
use crate::model::id::{Identity, InfraType};
use crate::model::network::MacAddress;
use crate::model::source::Sourced;
use crate::model::vm::{DesiredVm, DisplayMode, Firmware, WaitFor};

/// The keys of VMs; none for a container.
pub(super) fn resolved(
    config: &Config,
    identity: &Identity,
    facts: &HostFacts,
) -> Option<DesiredVm> {
    if identity.infra_type == InfraType::Container {
        return None;
    }
    // Somebody who names keys that may enter knows which private one goes with them.
    let own = facts.own_key.as_ref().filter(|_| config.ssh_key.is_none());
    let public = own.map(|key| key.public.clone());
    let private = own.map(|key| Sourced::default_of(key.private.clone()));
    let authorized = config.ssh_authorized_keys.as_ref();
    // An image that somebody made for this, and not one that is only installed or booted from.
    let wait_for = if config.image.is_some() { WaitFor::Ssh } else { WaitFor::Boot };
    Some(DesiredVm {
        disk_path: config.disk_path.clone(),
        iso: config.iso.clone(),
        kernel: config.kernel.clone(),
        initrd: config.initrd.clone(),
        append: config.append.clone(),
        firmware: or_default(&config.firmware, Firmware::Auto),
        cloud_init: config.cloud_init.clone(),
        mac: or_default(&config.mac_address, MacAddress::of_instance(identity.uuid)),
        display: or_default(&config.display_mode, DisplayMode::None),
        qemu_args: or_default(&config.qemu_args, Vec::new()),
        authorized_keys: match authorized {
            Some(keys) => Sourced { value: keys.value.0.clone(), origin: keys.origin.clone() },
            None => Sourced::default_of(public.into_iter().collect()),
        },
        ssh_key: config.ssh_key.clone().or(private),
        ssh_port: config.ssh_port.clone(),
        wait_for: or_default(&config.wait_for, wait_for),
    })
}
