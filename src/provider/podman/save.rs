//! Saves a container's files as a local image, for the container that replaces it.

use super::Podman;
use super::client::{COPY, LIBPOD, escape};
use super::execute::{Found, Seen, doing, find, stale};
use super::image;
use super::label;
use super::reply::{Container, Image, Made};
use crate::deed;
use crate::model::units::Bytes;
use crate::plan::action::{Outcome, Target};
use crate::provider::ProviderError;

/// From here on the layers are made one: each costs time at every start, and past 128 a container
/// starts no more.
const MANY_LAYERS: usize = 20;

pub(super) async fn save(
    room: &Podman,
    target: &Target,
    name: &str,
) -> Result<Outcome, ProviderError> {
    let seen = match find(room, target).await? {
        Found::It(seen) => seen,
        Found::Nothing => return Ok(stale(format!("{} is gone", target.name))),
        Found::Other(outcome) => return Ok(outcome),
    };
    if seen.instance.state.is_up() {
        // What it writes after the copy would be lost.
        return Ok(stale(format!("{} {}", target.name, doing(seen.instance.state))));
    }
    let operation = format!("save the files of {}", target.name);
    let Some((repository, tag)) =
        name.strip_prefix(image::OURS).and_then(|_| name.rsplit_once(':'))
    else {
        return Err(super::fault::internal(
            &operation,
            "the image's name is not one of vagrantp's",
        ));
    };
    if let Some(saved) = image::find(&room.client, name).await?
        && holds_all_of(&saved, &seen)
    {
        return Ok(Outcome::AlreadyDone);
    }
    let to = Commit { repository, tag, pause: false, label: None };
    commit(room, &seen, &to, &operation).await.map(|()| Outcome::Done)
}

/// How a container's files become an image.
pub(super) struct Commit<'a> {
    pub(super) repository: &'a str,
    pub(super) tag: &'a str,
    /// Whether what runs is frozen meanwhile.
    pub(super) pause: bool,
    /// What the image says of itself as a snapshot.
    pub(super) label: Option<&'a str>,
}

pub(super) async fn commit(
    room: &Podman,
    seen: &Seen,
    to: &Commit<'_>,
    operation: &str,
) -> Result<(), ProviderError> {
    let base = image::find(&room.client, &seen.container.image).await?.unwrap_or_default();
    let mut path = format!(
        "{LIBPOD}/commit?container={}&repo={}&tag={}&pause={}",
        escape(&seen.instance.id),
        escape(to.repository),
        escape(to.tag),
        to.pause
    );
    let snapshot = format!("LABEL {}={}", label::SNAPSHOT, to.label.unwrap_or_default());
    for change in changes(&base).iter().chain([&snapshot]) {
        path.push_str("&changes=");
        path.push_str(&escape(change));
    }
    if is_squashed(&base) {
        path.push_str("&squash=true");
    }
    let copying = room.client.post(&path, None, COPY);
    let reply = deed::around("podman.commit", copying).await?.success(operation)?;
    reply.parse::<Made>(operation).map(drop)
}

/// Whether a container that was made from this image is saved as one layer.
fn is_squashed(base: &Image) -> bool {
    base.root_fs.layers.len() >= MANY_LAYERS
}

/// How much saving the files of a container copies: what was written since it was made, and where
/// its layers are made one, what they hold besides. The engine counts a hole like what is written,
/// and copies it so. Nothing where the container was not asked for its size.
pub(super) async fn copied(
    room: &Podman,
    container: &Container,
) -> Result<Option<Bytes>, ProviderError> {
    let bytes = |size: Option<i64>| size.and_then(|size| u64::try_from(size).ok());
    let Some(written) = bytes(container.size_rw) else { return Ok(None) };
    let base = image::find(&room.client, &container.image).await?.unwrap_or_default();
    let below = bytes(container.size_root_fs).filter(|_| is_squashed(&base)).unwrap_or(0);
    Ok(Some(Bytes(written.saturating_add(below))))
}

/// Whether the image was made after the container had ended for the last time.
fn holds_all_of(saved: &Image, seen: &Seen) -> bool {
    let at = |text: &str| text.parse::<jiff::Timestamp>().ok();
    let ended = seen.instance.finished_at.as_deref().and_then(at);
    matches!((at(&saved.created), ended), (Some(saved), Some(ended)) if saved > ended)
}

/// What the image must not take from the container. Whose it is: a label cannot be taken away here,
/// only emptied. And the main process, which is the container's: a COMMAND=image that comes later
/// means the one of the image that all began with.
fn changes(base: &Image) -> Vec<String> {
    let mut changes: Vec<String> =
        label::ON_CONTAINERS.iter().map(|label| format!("LABEL {label}=")).collect();
    let argv = |argv: &[String]| serde_json::to_string(argv).expect("text is always JSON");
    changes.push(format!("ENTRYPOINT {}", argv(&base.config.entrypoint)));
    changes.push(format!("CMD {}", argv(&base.config.cmd)));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_made_one_before_they_are_too_many() {
        let of = |layers: usize| {
            let mut base = Image::default();
            base.root_fs.layers = vec![String::new(); layers];
            is_squashed(&base)
        };
        assert!(!of(1) && !of(19) && of(20) && of(128));
    }

    #[test]
    fn the_image_keeps_its_own_main_process_and_no_owner() {
        let mut base = Image::default();
        base.config.cmd = vec!["/bin/sh".to_owned(), "a \"b\"".to_owned()];
        let changes = changes(&base);
        assert!(changes.contains(&"LABEL io.vagrantp.uuid=".to_owned()));
        assert!(changes.contains(&"ENTRYPOINT []".to_owned()));
        assert!(changes.contains(&r#"CMD ["/bin/sh","a \"b\""]"#.to_owned()));
    }
}
