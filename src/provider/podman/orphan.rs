//! What a service that was killed in the middle of its work leaves in the way of the next call.
//! Podman itself knows nothing of it any more, and answers every later call with the same error.

use super::client::LIBPOD;
use super::execute::{Seen, delete};
use super::outside::{connect, disconnect};
use super::reply::Listed;
use super::{Podman, image};
use crate::deed;
use crate::exec::Program;
use crate::model::observed::Power;
use crate::plan::action::{Outcome, Target};
use crate::provider::ProviderError;

/// Takes away what may stand in the way of a start that failed with this error. Whether there was
/// something, so that it is worth another try.
pub(super) async fn clear_the_way(
    room: &Podman,
    target: &Target,
    seen: &Seen,
    error: &ProviderError,
) -> bool {
    match error {
        // Given out, and never given back. Where a person asked for this very address, it is theirs
        // to say which other one.
        ProviderError::AddressConflict { .. } if seen.instance.stamp.asked.address.is_none() => {
            readdress(room, target, seen).await.is_ok()
        }
        ProviderError::Refused { message, .. } if is_half_made(message) => {
            forget(room, &seen.container.oci_runtime, &seen.instance.id).await
        }
        _ => false,
    }
}

/// Whether the runtime below Podman has a container that Podman is about to have it make.
fn is_half_made(message: &str) -> bool {
    let lower = message.to_lowercase();
    [
        "container with given id already exists",
        "container with id exists already",
        "` already exists",
    ]
    .iter()
    .any(|words| lower.contains(words))
}

/// Has the engine pick another address for one that does not run.
async fn readdress(
    room: &Podman,
    target: &Target,
    seen: &Seen,
) -> Result<(), bollard::errors::Error> {
    let id = &seen.instance.id;
    for network in &seen.instance.networks {
        disconnect(room, id, network).await?;
        connect(room, target, id, network, None).await?;
    }
    Ok(())
}

/// Takes away what a creation that was cut short left in Podman's storage, where Podman itself
/// knows of no such container. It is known by the image that it was made from: nobody but this
/// project has that. Whether there was something.
pub(super) async fn clear_storage(room: &Podman, saved: &str) -> Result<bool, ProviderError> {
    let path = format!("{LIBPOD}/containers/json?all=true&external=true");
    let reply = room.client.get(&path).await?.success("list containers")?;
    let found: Vec<Listed> = reply.parse("list containers")?;
    let half_made =
        |entry: &&Listed| entry.image == saved && entry.state.eq_ignore_ascii_case(STORED);
    let mut any = false;
    for entry in found.iter().filter(half_made) {
        delete(room, &entry.id, false).await?;
        any = true;
    }
    Ok(any)
}

/// Removes saved files, also where a creation from them was cut short.
pub(super) async fn remove_image(room: &Podman, saved: &str) -> Result<Outcome, ProviderError> {
    match image::remove(room, saved).await {
        Err(_) if clear_storage(room, saved).await? => image::remove(room, saved).await,
        other => other,
    }
}

/// The state of what is in Podman's storage and not among its containers.
const STORED: &str = "storage";

/// After the removal of one that never ran: a start that was cut short may have left its first
/// process, which would wait for ever.
pub(super) async fn follow(room: &Podman, removed: &Seen) -> Outcome {
    if removed.instance.state == Power::Created {
        forget(room, &removed.container.oci_runtime, &removed.instance.id).await;
    }
    Outcome::Done
}

/// Has the runtime forget a container that never ran.
async fn forget(room: &Podman, runtime: &str, id: &str) -> bool {
    let Ok(runtime) = Program::find(runtime, room.settings.path.as_deref()) else { return false };
    deed::around("podman.forget", runtime.run(&["delete", "--force", id])).await.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_runtimes_say_it_in_their_own_words() {
        let runc = "runc: runc create failed: container with given ID already exists: OCI runtime \
                    error";
        let crun = "crun: container `0a1b` already exists: OCI runtime error";
        assert!(is_half_made(runc) && is_half_made(crun));
        assert!(!is_half_made("runc: exec: \"x\": executable file not found in $PATH"));
    }
}
