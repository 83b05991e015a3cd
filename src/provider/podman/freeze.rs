//! Freezes a container, and lets it go on.

use super::Podman;
use super::client::CHANGE;
use super::execute::{Found, Seen, doing, find, stale, state};
use crate::deed;
use crate::model::code::Code;
use crate::model::id::ProviderKind;
use crate::model::observed::Power;
use crate::plan::action::{Outcome, Target};
use crate::provider::ProviderError;

pub(super) async fn suspend(room: &Podman, target: &Target) -> Result<Outcome, ProviderError> {
    let seen = match seen(room, target, Power::Running, Power::Paused).await? {
        Ok(seen) => seen,
        Err(outcome) => return Ok(outcome),
    };
    let docker = room.client.docker(CHANGE)?;
    match deed::around("podman.pause", docker.pause_container(&seen.instance.id)).await {
        Ok(()) => Ok(Outcome::Done),
        Err(_) if state(room, target).await? == Some(Power::Paused) => Ok(Outcome::Done),
        Err(error) => {
            let error = room.said(&format!("suspend {}", target.name), CHANGE, error);
            Err(cannot_freeze(error, "`vagrantp stop` stops it instead; its files stay"))
        }
    }
}

pub(super) async fn resume(room: &Podman, target: &Target) -> Result<Outcome, ProviderError> {
    let seen = match seen(room, target, Power::Paused, Power::Running).await? {
        Ok(seen) => seen,
        Err(outcome) => return Ok(outcome),
    };
    let docker = room.client.docker(CHANGE)?;
    match deed::around("podman.unpause", docker.unpause_container(&seen.instance.id)).await {
        Ok(()) => Ok(Outcome::Done),
        Err(_) if state(room, target).await? == Some(Power::Running) => Ok(Outcome::Done),
        Err(error) => Err(room.said(&format!("resume {}", target.name), CHANGE, error)),
    }
}

/// The container where it is in the state `from`, else what there is to answer.
async fn seen(
    room: &Podman,
    target: &Target,
    from: Power,
    to: Power,
) -> Result<Result<Box<Seen>, Outcome>, ProviderError> {
    Ok(match find(room, target).await? {
        Found::It(seen) if seen.instance.state == from => Ok(seen),
        Found::It(seen) if seen.instance.state == to => Err(Outcome::AlreadyDone),
        Found::It(seen) => Err(stale(format!("{} {}", target.name, doing(seen.instance.state)))),
        Found::Nothing => Err(stale(format!("{} is gone", target.name))),
        Found::Other(outcome) => Err(outcome),
    })
}

/// Without root's rights and with version 1 of cgroups, there is nothing to freeze a container by.
pub(super) fn cannot_freeze(error: ProviderError, help: &str) -> ProviderError {
    match error {
        ProviderError::Refused { operation, message, .. }
            if message.contains("does not have a cgroup") || message.contains("cgroup V1") =>
        {
            ProviderError::Refused {
                provider: ProviderKind::Podman,
                operation,
                message: "rootless containers cannot be frozen here, which takes version 2 of \
                          cgroups"
                    .to_owned(),
                help: help.to_owned(),
                code: Code::Unsupported,
            }
        }
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::podman::fault;

    #[test]
    fn an_engine_that_cannot_freeze_is_told_from_one_that_failed() {
        let old = "can not pause containers on rootless containers with cgroup V1: this container \
                   does not have a cgroup";
        let code = |message| cannot_freeze(fault::refused("suspend web", message), "stop").code();
        assert_eq!(code(old), Code::Unsupported);
        assert_eq!(code("odd"), Code::Internal);
    }
}
