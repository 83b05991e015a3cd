//! What cannot be planned because the provider cannot do it, or because it is not ours.

use crate::model::capability::{Capabilities, ImageKind};
use crate::model::command::MainProcess;
use crate::model::desired::Desired;
use crate::model::id::InfraType;
use crate::model::image::ImageSource;
use crate::model::network::{NetworkMode, PortRule};
use crate::model::observed::{EngineFacts, Observed};
use crate::model::source::{Place, Sourced};

use super::beside;
use super::error::PlanError;
use super::steps::Twin;

/// What the provider cannot do, found before anything is touched.
#[must_use]
pub fn refusals(
    desired: &Desired,
    engine: &EngineFacts,
    capabilities: &Capabilities,
) -> Vec<PlanError> {
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
    if desired.network.mode.value == NetworkMode::Bridge && capabilities.bridge && engine.rootless {
        refuse(
            "NETWORK_MODE",
            "join a bridge of the host's without root's rights",
            "use NETWORK_MODE=default and forward what is needed with PORTS, or run vagrantp as root",
            desired.network.mode.place(),
        );
    }
    // As root the kernel forwards, which it does for the network's own kind of address alone.
    let kernel_forwards = capabilities.runs == InfraType::Container && !engine.rootless;
    let of_ipv6 = |rule: &&Sourced<PortRule>| rule.value.bind.is_ipv6() && kernel_forwards;
    if let Some(rule) = desired.ports.iter().find(of_ipv6) {
        refuse(
            "PORTS",
            "forward a port from an IPv6 address as root: what connects there would wait in vain",
            "write an IPv4 address, or none for 127.0.0.1; without root's rights it works",
            rule.place(),
        );
    }
    if let Some(address) = &desired.network.address
        && desired.network.mode.value == NetworkMode::Default
        && !capabilities.fixed_address
    {
        refuse(
            "IP_ADDRESS",
            "give a machine behind the host an address of its own",
            "delete the line, and forward what is needed with PORTS; on a bridge \
             (NETWORK_MODE=bridge) it can have one",
            address.place(),
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
        ImageSource::Blank | ImageSource::DiskFile { .. } | ImageSource::DiskUrl { .. } => {
            (ImageKind::Disk, "use a disk image")
        }
    };
    if kind == ImageKind::Rootfs && desired.command.value == MainProcess::Image {
        refuse(
            "COMMAND",
            "run the image's own program: a tarball of a root file system names none",
            "write the program that is to run, or delete the line to have a process that stays up",
            desired.command.place(),
        );
    }
    if !capabilities.images.contains(&kind) {
        let help = match capabilities.runs {
            InfraType::Container => "give a registry reference or a tarball of a root file system",
            InfraType::Vm => {
                "give the path or the URL of a disk image (qcow2 or raw), or take \
                 INFRA_TYPE=container"
            }
        };
        refuse("IMAGE", what, help, desired.image.place());
    }
    errors
}

/// The name that the instance gets: INFRA_ID, or the fallback where a stranger has a name that
/// nobody chose.
pub(super) fn instance_name(
    desired: &Desired,
    observed: &Observed,
    twin: Twin,
) -> Result<String, PlanError> {
    let identity = &desired.identity;
    let Some(stranger) = &observed.stranger else { return Ok(identity.id.to_string()) };
    let former = observed.moved.as_ref().map(|moved| moved.stamp.uuid);
    let is_former = former.is_some() && stranger.stamp.as_ref().map(|stamp| stamp.uuid) == former;
    if is_former && twin != Twin::Allow && observed.instance().is_none() {
        // Its name is that of the one which takes its place; where it may not, another error says so.
        return Ok(identity.id.to_string());
    }
    if !identity.id_is_explicit {
        return Ok(identity.fallback_name());
    }
    Err(PlanError::NameTaken {
        name: stranger.name.clone(),
        owner: beside::owner(stranger, identity.uid),
        place: desired.id_origin.place().cloned(),
    })
}

/// What has the name that the project's network would get is not this project's.
pub(super) fn network_refusal(observed: &Observed) -> Option<PlanError> {
    let network = observed.network.as_ref()?;
    (!network.ours).then(|| PlanError::NetworkTaken { name: network.name.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::fixture::{desired, written};
    use crate::provider::memory;

    #[test]
    fn a_bare_tarball_has_no_program_of_its_own() {
        let mut wish = desired();
        let refused = |wish: &Desired| {
            let engine = EngineFacts::default();
            refusals(wish, &engine, &memory::capabilities())
                .into_iter()
                .map(|e| e.to_string())
                .collect()
        };
        wish.command = written(MainProcess::Image);
        assert_eq!(refused(&wish), Vec::<String>::new());
        wish.image = written(ImageSource::Rootfs("/p/rootfs.tar".into()));
        let said: Vec<String> = refused(&wish);
        assert!(said.len() == 1 && said[0].contains("names none"), "{said:?}");
        wish.command = written(MainProcess::Idle);
        assert_eq!(refused(&wish), Vec::<String>::new());
    }
}
