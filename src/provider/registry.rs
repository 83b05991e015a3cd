//! Which room runs what. The only file that names rooms, or the features that they are built with.

use std::ffi::OsString;

use crate::model::capability::Capabilities;
use crate::model::host::HostFacts;
use crate::model::id::{InfraType, ProviderKind};

use super::{Provider, ProviderError};

/// The providers of this build that run instances of this type, the usual one first.
#[must_use]
pub fn built(infra_type: InfraType) -> Vec<ProviderKind> {
    match infra_type {
        InfraType::Container if cfg!(feature = "podman") => vec![ProviderKind::Podman],
        InfraType::Vm if cfg!(feature = "qemu") => vec![ProviderKind::Qemu],
        InfraType::Container | InfraType::Vm => Vec::new(),
    }
}

/// Reaches a provider, and starts its service where that is its way.
///
/// # Errors
/// It is not part of this build, not installed, not running, or not this user's to use.
pub async fn open(
    kind: ProviderKind,
    facts: &HostFacts,
) -> Result<Box<dyn Provider>, ProviderError> {
    match kind {
        #[cfg(feature = "podman")]
        ProviderKind::Podman => {
            let settings = super::podman::Settings::from_facts(facts);
            Ok(Box::new(super::podman::Podman::connect(settings).await?))
        }
        #[cfg(feature = "qemu")]
        ProviderKind::Qemu => {
            let settings = super::qemu::Settings::from_facts(facts);
            Ok(Box::new(super::qemu::Qemu::open(settings)?))
        }
        kind => {
            let _ = facts;
            Err(not_built(kind))
        }
    }
}

/// What a provider of this build can do, without asking it; none for one that is not built.
#[must_use]
pub fn capabilities(kind: ProviderKind) -> Option<Capabilities> {
    match kind {
        #[cfg(feature = "podman")]
        ProviderKind::Podman => Some(super::podman::capabilities()),
        #[cfg(feature = "qemu")]
        ProviderKind::Qemu => Some(super::qemu::capabilities()),
        _ => None,
    }
}

fn not_built(provider: ProviderKind) -> ProviderError {
    let mut there: Vec<_> = built(InfraType::Container);
    there.extend(built(InfraType::Vm));
    let help = if there.is_empty() {
        "build vagrantp with a provider: `cargo build --release`".to_owned()
    } else {
        let names: Vec<_> = there.iter().map(|kind| kind.as_str()).collect();
        format!(
            "this version runs containers (INFRA_TYPE=container) on: {}; the providers of VMs are \
             not built yet",
            names.join(", ")
        )
    };
    ProviderError::NotBuilt { provider, help }
}

/// Does what vagrantp calls itself for, where the first argument is such a verb; none where it is
/// not.
///
/// # Errors
/// What the task came to instead; its stderr is a log.
#[must_use]
pub fn hidden(arguments: &[OsString]) -> Option<Result<(), String>> {
    #[cfg(feature = "podman")]
    if let Some((verb, rest)) = arguments.split_first() {
        use super::podman;
        if verb == podman::ACTIVATE_VERB {
            // It replaces this process: coming back at all is its failure.
            return Some(Err(podman::activate(rest).to_string()));
        }
        if verb == podman::WATCH_VERB {
            return Some(podman::watch(rest).map_err(|error| error.to_string()));
        }
    }
    #[cfg(feature = "qemu")]
    if arguments.first().is_some_and(|verb| verb == super::qemu::LAUNCH_VERB) {
        return Some(Err(super::qemu::launch().to_string()));
    }
    let _ = arguments;
    None
}
