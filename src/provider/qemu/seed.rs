//! What a machine is told at its start, and the keys that go with it, by way of what all rooms for VMs
//! share.

use std::net::IpAddr;
use std::path::Path;

use ipnet::Ipv4Net;

use super::definition::Definition;
use super::fault;
use super::place::Place;
use super::share::shares;
use super::spec::{self, Sharing};
use crate::guest::keys::{self, KeyPair};
use crate::guest::seed::{self, Addressing, Mount, Seed};
use crate::guest::{GuestError, ssh};
use crate::model::mount::MountAccess;
use crate::private;
use crate::provider::ProviderError;

/// The name that a machine's host key stands under in `known_hosts`.
pub(super) fn alias(definition: &Definition) -> String {
    format!("vagrantp-{}", definition.spec.stamp.uuid.short(12))
}

/// The machine's two pairs of keys, which are made where they are missing: the one that it is known
/// by, and the one that opens it.
pub(super) fn keep_keys(
    place: &Place,
    definition: &Definition,
) -> Result<(KeyPair, KeyPair), ProviderError> {
    let comment = format!("vagrantp {}", definition.spec.name);
    let keep = |path: &Path| {
        keys::keep(path, &comment).map_err(|error| fault::guest(GuestError::from(error)))
    };
    let (host, own) = (keep(&place.host_key())?, keep(&place.key())?);
    let line = ssh::known_hosts_line(&alias(definition), &host.public);
    if private::read(&place.known_hosts()).ok().as_deref() != Some(line.as_bytes()) {
        super::files::write(&place.known_hosts(), line.as_bytes())?;
    }
    Ok((host, own))
}

/// The public half of the key that a machine is known by.
pub(super) fn host_key(place: &Place) -> Option<String> {
    let text = private::read(&keys::public_of(&place.host_key())).ok()?;
    let text = String::from_utf8(text).ok()?;
    Some(text.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
}

/// Writes the seed; what is said of it is worth knowing for the user.
pub(super) fn write(
    place: &Place,
    definition: &Definition,
    sharing: Sharing,
    can_guard: bool,
) -> Result<Vec<String>, ProviderError> {
    let (host_key, own) = keep_keys(place, definition)?;
    let vm = definition.vm();
    let mut authorized_keys = vm.authorized_keys.clone();
    authorized_keys.push(own.public);
    let additions = match &vm.cloud_init {
        None => None,
        Some(file) => Some(
            std::fs::read_to_string(&file.path)
                .map_err(|error| fault::io("read CLOUD_INIT", &file.path, &error))?,
        ),
    };
    let seed = Seed {
        instance_id: definition.instance_id.clone(),
        hostname: definition.spec.hostname.clone(),
        user: vm.user.clone(),
        authorized_keys,
        host_key,
        mac: vm.mac.to_string(),
        addressing: match &vm.fixed {
            None => Addressing::Dhcp { dns: Vec::new() },
            Some(fixed) => {
                let address = Ipv4Net::new(fixed.address, fixed.prefix);
                Addressing::Static {
                    address: address.unwrap_or_else(|_| Ipv4Net::from(fixed.address)),
                    gateway: fixed.gateway.map(IpAddr::from),
                    dns: fixed.dns.iter().copied().map(IpAddr::from).collect(),
                }
            }
        },
        mounts: mounts(definition, sharing, can_guard),
        additions,
    };
    let written = seed::write(&place.seed(), &seed);
    written.map(|rendered| rendered.warnings).map_err(|error| fault::guest(error.into()))
}

fn mounts(definition: &Definition, sharing: Sharing, can_guard: bool) -> Vec<Mount> {
    let shares = shares(&definition.spec.mounts);
    let mount = |share: &super::share::Share| {
        let access = match spec::access(share, can_guard) {
            MountAccess::ReadOnly => "ro",
            MountAccess::ReadWrite => "rw",
        };
        let (filesystem, options) = match sharing {
            // Large messages, or each read is a hundred.
            Sharing::NineP => {
                ("9p", format!("trans=virtio,version=9p2000.L,msize=262144,{access}"))
            }
            Sharing::Virtiofs => ("virtiofs", access.to_owned()),
        };
        Mount { tag: share.tag.clone(), target: share.mount.guest.clone(), filesystem, options }
    };
    shares.iter().map(mount).collect()
}
