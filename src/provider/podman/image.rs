//! Images by their local names: which one is wanted, how it comes here, what takes it away.
//!
//! What comes from a registry keeps its name and is the user's. What is imported or built has a
//! name of vagrantp's own, and may be removed.

use super::client::{CHANGE, Client, LIBPOD, escape};
use super::import::{self, Kind};
use super::reply::Image;
use super::{Podman, build, fault, label, observe, pull};
use crate::deed;
use crate::event::Listener;
use crate::model::code::Code;
use crate::model::id::ProviderKind;
use crate::model::image::{ImageSource, LocalImage};
use crate::model::observed::ObservedImage;
use crate::plan::action::{Fetch, Outcome};
use crate::provider::ProviderError;

/// What every local image of vagrantp's is called by.
pub(super) const OURS: &str = "localhost/vagrantp/";

/// How often an image is given a name that somebody else's naming may take from it.
const NAMINGS: usize = 3;

pub(super) async fn find(client: &Client, name: &str) -> Result<Option<Image>, ProviderError> {
    let path = format!("{LIBPOD}/images/{}/json", escape(name));
    client.find("look at an image", &path).await
}

/// The wanted image, where it is on the host.
pub(super) async fn observed(
    room: &Podman,
    source: &ImageSource,
) -> Result<Option<ObservedImage>, ProviderError> {
    let name = known_as(source)?;
    let Some(image) = find(&room.client, &name).await? else { return Ok(None) };
    let mut observed = observe::image(&image);
    if let ImageSource::Containerfile(recipe) = source {
        observed.outdated = build::is_outdated(recipe, &image.repo_tags).await;
    }
    Ok(Some(observed))
}

/// The local name of an image.
pub(super) fn known_as(source: &ImageSource) -> Result<String, ProviderError> {
    match source {
        ImageSource::Registry(reference) => Ok(reference.clone()),
        ImageSource::Rootfs(path) => import::file_name(Kind::Rootfs, path),
        ImageSource::OciArchive(path) => import::file_name(Kind::Archive, path),
        ImageSource::Containerfile(recipe) => Ok(build::name(recipe)),
        ImageSource::Blank | ImageSource::DiskFile { .. } | ImageSource::DiskUrl { .. } => {
            Err(of_a_vm(source))
        }
    }
}

pub(super) async fn fetch(
    room: &Podman,
    source: &ImageSource,
    fetch: Fetch,
    listener: &dyn Listener,
) -> Result<Outcome, ProviderError> {
    let missing_only = fetch == Fetch::IfMissing && !source.is_built();
    if missing_only && find(&room.client, &known_as(source)?).await?.is_some() {
        return Ok(Outcome::AlreadyDone);
    }
    match source {
        ImageSource::Registry(reference) => pull::pull(room, reference, listener).await,
        ImageSource::Rootfs(path) => import::import(room, Kind::Rootfs, path, listener).await,
        ImageSource::OciArchive(path) => import::import(room, Kind::Archive, path, listener).await,
        ImageSource::Containerfile(recipe) => build::build(room, recipe, fetch, listener).await,
        ImageSource::Blank | ImageSource::DiskFile { .. } | ImageSource::DiskUrl { .. } => {
            Err(of_a_vm(source))
        }
    }
}

/// The name under which a container is made from an image: people who look at `podman ps` see the
/// one that says what is in it. Nothing for one that was imported and is not there any more.
pub(super) async fn shown_as(
    client: &Client,
    source: &ImageSource,
) -> Result<Option<String>, ProviderError> {
    let name = known_as(source)?;
    match source {
        ImageSource::Rootfs(_) | ImageSource::OciArchive(_) => {
            let found = find(client, &name).await?;
            Ok(found.map(|image| import::by_content(&image.repo_tags).unwrap_or(name)))
        }
        _ => Ok(Some(name)),
    }
}

fn of_a_vm(source: &ImageSource) -> ProviderError {
    ProviderError::Refused {
        provider: ProviderKind::Podman,
        operation: format!("take {source} as an image"),
        message: "it is the disk of a VM".to_owned(),
        help: "IMAGE takes a registry reference, a tarball or a Containerfile".to_owned(),
        code: Code::Unsupported,
    }
}

/// Gives an image one more name.
pub(super) async fn tag(client: &Client, image: &str, name: &str) -> Result<(), ProviderError> {
    let (repository, tag) = name.rsplit_once(':').unwrap_or((name, "latest"));
    let path = format!(
        "{LIBPOD}/images/{}/tag?repo={}&tag={}",
        escape(image),
        escape(repository),
        escape(tag)
    );
    // Of two who name an image at the same time, the engine may forget the name of the first.
    for _ in 0..NAMINGS {
        deed::around("podman.tag", client.post(&path, None, CHANGE))
            .await?
            .success("name an image")?;
        if find(client, name).await?.is_some() {
            break;
        }
    }
    Ok(())
}

/// Takes a name from an image; the image goes with its last name, unless something needs it.
pub(super) async fn untag(client: &Client, name: &str) -> Result<(), ProviderError> {
    let path = format!("{LIBPOD}/images/{}", escape(name));
    deed::around("podman.untag", client.delete(&path, CHANGE)).await.map(drop)
}

/// Removes a local image that vagrantp made. One that others came to use stays; what holds saved
/// files is used by the machine alone.
pub(super) async fn remove(room: &Podman, name: &str) -> Result<Outcome, ProviderError> {
    let operation = format!("remove the image {name}");
    if let Some(id) = name.strip_prefix(build::PARTS) {
        return remove_part(room, id, &operation).await;
    }
    if !name.starts_with(OURS) {
        return Err(fault::internal(&operation, "its name is not one that vagrantp gives"));
    }
    let client = &room.client;
    let Some(image) = find(client, name).await? else { return Ok(Outcome::AlreadyDone) };
    // The names that only say what an image was made from go along with the one that it goes by.
    for other in image.repo_tags.iter().filter(|other| is_alias(other, name)) {
        untag(client, other).await?;
    }
    let path = format!("{LIBPOD}/images/{}", escape(name));
    let reply = deed::around("podman.remove_image", client.delete(&path, CHANGE)).await?;
    if reply.is_success() || find(client, name).await?.is_none() {
        return Ok(Outcome::Done);
    }
    let needed = reply.status == 409 || reply.message().contains("in use");
    if needed && !matches!(LocalImage::of(name), LocalImage::Saved | LocalImage::Snapshot) {
        return Ok(Outcome::AlreadyDone);
    }
    Err(fault::refused(&operation, &reply.message()))
}

/// A part of a build: without a name, with vagrantp's mark, and used by nothing.
async fn remove_part(room: &Podman, id: &str, operation: &str) -> Result<Outcome, ProviderError> {
    let client = &room.client;
    let Some(image) = find(client, id).await? else { return Ok(Outcome::AlreadyDone) };
    if !image.repo_tags.is_empty() || !image.config.labels.contains_key(label::BUILD) {
        return Ok(Outcome::Stale { found: format!("{id} is no part of a build any more") });
    }
    let path = format!("{LIBPOD}/images/{}", escape(id));
    let reply = deed::around("podman.remove_image", client.delete(&path, CHANGE)).await?;
    let needed = reply.status == 409 || reply.message().contains("in use");
    if reply.is_success() || find(client, id).await?.is_none() {
        return Ok(Outcome::Done);
    }
    if needed { Ok(Outcome::AlreadyDone) } else { Err(fault::refused(operation, &reply.message())) }
}

fn is_alias(name: &str, of: &str) -> bool {
    match LocalImage::of(of) {
        LocalImage::Built => name.starts_with(build::CONTEXTS),
        LocalImage::Imported => name.starts_with(OURS) && name.contains(":file-") && name != of,
        LocalImage::Saved | LocalImage::Snapshot => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_goes_with_the_names_that_say_where_it_is_from() {
        let content = "localhost/vagrantp/rootfs:0a";
        assert!(is_alias("localhost/vagrantp/rootfs:file-0b", content));
        assert!(!is_alias("localhost/vagrantp/rootfs:0c", content));
        assert!(!is_alias("docker.io/library/debian:file-12", content), "a name of the user's");
        let built = "localhost/vagrantp/built:0a";
        assert!(is_alias("localhost/vagrantp/context:0a-0b-0c", built));
        assert!(!is_alias(built, built));
        assert!(!is_alias(content, "localhost/vagrantp/11111111-2222:1-2"));
    }
}
