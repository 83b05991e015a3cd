//! Images: pulled from a registry, or imported from a tarball of a root file system.
//!
//! An imported image has two local names. One says its content, so that equal tarballs are one
//! image; the other says which file that was, by its place, size and times, so that a tarball of
//! gigabytes is read once and not at every look.

use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::client::{CHANGE, COPY, Client, LIBPOD, READ, escape};
use super::fault;
use super::observe;
use super::reply::{Image, Made};
use super::{Podman, pull};
use crate::event::{Event, Listener};
use crate::exec::printable;
use crate::model::code::Code;
use crate::model::id::ProviderKind;
use crate::model::image::ImageSource;
use crate::model::observed::ObservedImage;
use crate::plan::action::{Fetch, Outcome};
use crate::provider::ProviderError;

/// What every local image of vagrantp's is called by.
pub(super) const OURS: &str = "localhost/vagrantp/";
const ROOTFS: &str = "localhost/vagrantp/rootfs";

/// How often an image is given a name that somebody else's naming may take from it.
const NAMINGS: usize = 3;

/// How much of a tarball is read at once.
const CHUNK: usize = 1 << 20;

pub(super) async fn find(client: &Client, name: &str) -> Result<Option<Image>, ProviderError> {
    let path = format!("{LIBPOD}/images/{}/json", escape(name));
    client.find("look at an image", &path).await
}

/// The wanted image, where it is on the host.
pub(super) async fn observed(
    room: &Podman,
    source: &ImageSource,
) -> Result<Option<ObservedImage>, ProviderError> {
    let Some(name) = known_as(source)? else { return Ok(None) };
    Ok(find(&room.client, &name).await?.as_ref().map(observe::image))
}

/// The local name of an image; nothing for the kinds that cannot be had here.
pub(super) fn known_as(source: &ImageSource) -> Result<Option<String>, ProviderError> {
    match source {
        ImageSource::Registry(reference) => Ok(Some(reference.clone())),
        ImageSource::Rootfs(path) => match file_name(path) {
            Ok(name) => Ok(Some(name)),
            Err(cause) => Err(unreadable(path, &cause)),
        },
        _ => Ok(None),
    }
}

/// The name of the image of this file as it stands.
fn file_name(path: &Path) -> io::Result<String> {
    let facts = std::fs::metadata(path)?;
    let mut hash = Sha256::new();
    hash.update(path.as_os_str().as_encoded_bytes());
    for number in [
        facts.dev().cast_signed(),
        facts.ino().cast_signed(),
        facts.size().cast_signed(),
        facts.mtime(),
        facts.mtime_nsec(),
        facts.ctime(),
        facts.ctime_nsec(),
    ] {
        hash.update(number.to_le_bytes());
    }
    Ok(format!("{ROOTFS}:file-{}", short(hash)))
}

fn short(hash: Sha256) -> String {
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn unreadable(path: &Path, cause: &io::Error) -> ProviderError {
    let path = printable(&path.display().to_string());
    ProviderError::ImageUnavailable {
        image: path.clone(),
        reason: format!("the file cannot be read: {cause}"),
        help: format!("look at {path}, or change IMAGE"),
    }
}

pub(super) async fn fetch(
    room: &Podman,
    source: &ImageSource,
    fetch: Fetch,
    listener: &dyn Listener,
) -> Result<Outcome, ProviderError> {
    if fetch == Fetch::IfMissing && observed(room, source).await?.is_some() {
        return Ok(Outcome::AlreadyDone);
    }
    match source {
        ImageSource::Registry(reference) => pull::pull(room, reference, listener).await,
        ImageSource::Rootfs(path) => import(room, path, listener).await,
        other => Err(not_yet(other)),
    }
}

/// The kinds of image that cannot be had here.
pub(super) fn not_yet(source: &ImageSource) -> ProviderError {
    ProviderError::Refused {
        provider: ProviderKind::Podman,
        operation: format!("take {source} as an image"),
        message: "this kind of image comes with a later version".to_owned(),
        help: "IMAGE takes a registry reference or a tarball of a root file system".to_owned(),
        code: Code::Unsupported,
    }
}

/// Of several names of an imported image the one that says its content.
pub(super) fn by_content(names: &[String]) -> Option<String> {
    let ours = |name: &&String| {
        name.strip_prefix(ROOTFS).is_some_and(|tag| tag.starts_with(':') && !tag.contains('-'))
    };
    names.iter().find(ours).cloned()
}

async fn import(
    room: &Podman,
    path: &Path,
    listener: &dyn Listener,
) -> Result<Outcome, ProviderError> {
    let by_file = file_name(path).map_err(|cause| unreadable(path, &cause))?;
    let by_content = {
        let path = path.to_owned();
        let hashed = tokio::task::spawn_blocking(move || content_name(&path)).await;
        hashed.unwrap_or_else(|error| Err(io::Error::other(error)))
    }
    .map_err(|cause| unreadable(path, &cause))?;
    let outcome = if find(&room.client, &by_content).await?.is_some() {
        Outcome::AlreadyDone
    } else {
        send(room, path, &by_content, listener).await?;
        Outcome::Done
    };
    let (repository, tag) = by_file.rsplit_once(':').unwrap_or((&by_file, "latest"));
    let tagging = format!(
        "{LIBPOD}/images/{}/tag?repo={}&tag={}",
        escape(&by_content),
        escape(repository),
        escape(tag)
    );
    // Of two who name an image at the same time, the engine may forget the name of the first.
    for _ in 0..NAMINGS {
        room.client.post(&tagging, None, CHANGE).await?.success("name the imported image")?;
        if find(&room.client, &by_file).await?.is_some() {
            break;
        }
    }
    Ok(outcome)
}

fn content_name(path: &Path) -> io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(format!("{ROOTFS}:{}", short(hash))),
            count => hash.update(&buffer[..count]),
        }
    }
}

async fn send(
    room: &Podman,
    path: &Path,
    name: &str,
    listener: &dyn Listener,
) -> Result<(), ProviderError> {
    let file = tokio::fs::File::open(path).await.map_err(|cause| unreadable(path, &cause))?;
    let total = file.metadata().await.map(|facts| facts.len()).ok();
    let item = printable(&path.display().to_string());
    listener.hear(&Event::Progress { item, done: 0, total, says: "importing".to_owned() });
    let stream = futures_util::stream::try_unfold(file, |mut file| async move {
        use tokio::io::AsyncReadExt;
        let mut chunk = bytes::BytesMut::with_capacity(CHUNK);
        let count = file.read_buf(&mut chunk).await?;
        Ok((count > 0).then(|| (chunk.freeze(), file)))
    });
    let target = format!("{LIBPOD}/images/import?reference={}", escape(name));
    let reply = room.client.upload(&target, stream, COPY).await?;
    if !reply.is_success() {
        return Err(ProviderError::ImageUnavailable {
            image: printable(&path.display().to_string()),
            reason: reply.message(),
            help: "IMAGE takes a tarball of a root file system, plain or compressed with gzip, \
                   bzip2, xz or zstd"
                .to_owned(),
        });
    }
    reply.parse::<Made>("import an image").map(drop)
}

/// Takes a name from an image; the image goes with its last name, unless something needs it.
pub(super) async fn untag(client: &Client, name: &str) -> Result<(), ProviderError> {
    let path = format!("{LIBPOD}/images/{}", escape(name));
    client.delete(&path, CHANGE).await.map(drop)
}

/// Removes a local image that vagrantp made.
pub(super) async fn remove(room: &Podman, name: &str) -> Result<Outcome, ProviderError> {
    let operation = format!("remove the image {name}");
    if !name.starts_with(OURS) {
        return Err(fault::internal(&operation, "its name is not one that vagrantp gives"));
    }
    if find(&room.client, name).await?.is_none() {
        return Ok(Outcome::AlreadyDone);
    }
    let docker = room.client.docker(CHANGE)?;
    let options = bollard::query_parameters::RemoveImageOptions::default();
    match docker.remove_image(name, Some(options), None).await {
        Ok(_) => Ok(Outcome::Done),
        Err(error) => {
            if find(&room.client, name).await?.is_none() {
                return Ok(Outcome::Done);
            }
            Err(fault::of_bollard(&operation, CHANGE.max(READ), room.client.socket(), error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_file_at_the_same_place_is_another_image() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("rootfs.tar");
        std::fs::write(&path, "one").expect("writable");
        let (before, content) =
            (file_name(&path).expect("there"), content_name(&path).expect("there"));
        assert_eq!(before, file_name(&path).expect("there"));
        std::fs::write(&path, "three").expect("writable");
        assert_ne!(before, file_name(&path).expect("there"));
        assert_ne!(content, content_name(&path).expect("there"));
        assert_eq!(content, "localhost/vagrantp/rootfs:7692c3ad3540bb80");
    }
}
