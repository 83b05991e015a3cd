//! What cannot be planned because the provider cannot do it, or because it is not ours.

use crate::model::capability::{Capabilities, ImageKind};
use crate::model::desired::Desired;
use crate::model::image::ImageSource;
use crate::model::network::NetworkMode;
use crate::model::observed::Observed;
use crate::model::source::Place;

use super::error::PlanError;

/// What the provider cannot do, found before anything is touched.
#[must_use]
pub fn refusals(desired: &Desired, capabilities: &Capabilities) -> Vec<PlanError> {
    let provider = desired.identity.provider;
    let mut errors = Vec::new();
    let mut refuse = |key, what: &str, help: &str, place: Option<&Place>| {
        errors.push(PlanError::Unsupported {
            provider,
            key,
            what: what.to_owned(),
            help: help.to_owned(),
            place: place.cloned(),
        });
    };
    if desired.network.mode.value == NetworkMode::Bridge && !capabilities.bridge {
        refuse(
            "NETWORK_MODE",
            "join a bridge of the host's",
            "use NETWORK_MODE=default and forward what is needed with PORTS",
            desired.network.mode.place(),
        );
    }
    if desired.autostart.value && !capabilities.autostart {
        refuse(
            "AUTOSTART",
            "start the instance with the host",
            "set AUTOSTART=false, and call `vagrantp up` when the host has started",
            desired.autostart.place(),
        );
    }
    let (kind, what) = match &desired.image.value {
        ImageSource::Registry(_) => (ImageKind::Registry, "use a registry reference"),
        ImageSource::Rootfs(_) => (ImageKind::Rootfs, "use a tarball of a root file system"),
        ImageSource::OciArchive(_) => (ImageKind::OciArchive, "use an OCI archive"),
        ImageSource::Containerfile(_) => (ImageKind::Containerfile, "build a Containerfile"),
        ImageSource::DiskFile { .. } | ImageSource::DiskUrl { .. } => {
            (ImageKind::Disk, "use a disk image")
        }
    };
    if !capabilities.images.contains(&kind) {
        refuse(
            "IMAGE",
            what,
            "give a registry reference or a tarball of a root file system",
            desired.image.place(),
        );
    }
    errors
}

/// The name that the instance gets: INFRA_ID, or the fallback where a stranger has a name that
/// nobody chose.
pub(super) fn instance_name(desired: &Desired, observed: &Observed) -> Result<String, PlanError> {
    let identity = &desired.identity;
    let Some(stranger) = &observed.stranger else { return Ok(identity.id.to_string()) };
    if !identity.id_is_explicit {
        return Ok(identity.fallback_name());
    }
    let owner = match &stranger.stamp {
        Some(stamp) if stamp.uid == identity.uid => {
            format!("the project in {}", stamp.project.display())
        }
        Some(stamp) => format!("another user's project (uid {})", stamp.uid),
        None => "something that vagrantp did not make".to_owned(),
    };
    Err(PlanError::NameTaken {
        name: stranger.name.clone(),
        owner,
        place: desired.id_origin.place().cloned(),
    })
}

/// The project's network is not what it has to be, and cannot be changed.
pub(super) fn network_refusal(desired: &Desired, observed: &Observed) -> Option<PlanError> {
    let network = observed.network.as_ref()?;
    if !network.ours {
        return Some(PlanError::NetworkTaken { name: network.name.clone() });
    }
    let wanted = desired.network.address.as_ref()?;
    let subnet = network.subnet.filter(|subnet| !subnet.contains(&wanted.value.address))?;
    Some(PlanError::AddressElsewhere {
        address: wanted.value.address,
        network: subnet.to_string(),
        place: wanted.place().cloned(),
    })
}
