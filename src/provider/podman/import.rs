//! Imports tarballs: of a root file system, or of a whole image.
//!
//! An imported image has two local names. One says its content, so that equal tarballs are one
//! image; the other says which file that was, by its place, size and times, so that a tarball of
//! gigabytes is read once and not at every look.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::Podman;
use super::archive::{bad_file, without_names};
use super::client::{COPY, LIBPOD, escape};
use super::image::{find, tag};
use super::reply::{Loaded, Made};
use super::upload::written_by;
use crate::deed;
use crate::event::{Event, Listener};
use crate::exec::printable;
use crate::plan::action::Outcome;
use crate::provider::{ImageFault, ProviderError};

/// How much of a tarball is read at once.
const CHUNK: usize = 128 << 10;

/// What a tarball holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Rootfs,
    Archive,
}

impl Kind {
    fn repository(self) -> &'static str {
        match self {
            Kind::Rootfs => "localhost/vagrantp/rootfs",
            Kind::Archive => "localhost/vagrantp/archive",
        }
    }

    const ALL: [Kind; 2] = [Kind::Rootfs, Kind::Archive];
}

/// The name of the image of this file as it stands.
pub(super) fn file_name(kind: Kind, path: &Path) -> Result<String, ProviderError> {
    let facts = std::fs::metadata(path).map_err(|cause| unreadable(path, &cause))?;
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
    Ok(format!("{}:file-{}", kind.repository(), short(hash)))
}

fn content_name(kind: Kind, path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(format!("{}:{}", kind.repository(), short(hash))),
            count => hash.update(&buffer[..count]),
        }
    }
}

/// Enough of a checksum to tell the files of one host apart.
pub(super) fn short(hash: Sha256) -> String {
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Of several names of an imported image the one that says its content.
pub(super) fn by_content(names: &[String]) -> Option<String> {
    let says_content = |name: &&String| {
        Kind::ALL.iter().any(|kind| {
            let tag = name.strip_prefix(kind.repository()).and_then(|tag| tag.strip_prefix(':'));
            tag.is_some_and(|tag| !tag.contains('-'))
        })
    };
    names.iter().find(says_content).cloned()
}

fn unreadable(path: &Path, cause: &io::Error) -> ProviderError {
    ImageFault::BadFile {
        file: printable(&path.display().to_string()),
        reason: format!("it cannot be read: {cause}"),
        help: "look at it, or change IMAGE".to_owned(),
    }
    .into()
}

pub(super) async fn import(
    room: &Podman,
    kind: Kind,
    path: &Path,
    listener: &dyn Listener,
) -> Result<Outcome, ProviderError> {
    let by_file = file_name(kind, path)?;
    let by_content = {
        let path = path.to_owned();
        let hashed = tokio::task::spawn_blocking(move || content_name(kind, &path)).await;
        hashed.unwrap_or_else(|error| Err(io::Error::other(error)))
    }
    .map_err(|cause| unreadable(path, &cause))?;
    let outcome = if find(&room.client, &by_content).await?.is_some() {
        Outcome::AlreadyDone
    } else {
        let total = std::fs::metadata(path).map(|facts| facts.len()).ok();
        let item = printable(&path.display().to_string());
        listener.hear(&Event::Progress { item, done: 0, total, says: "importing".to_owned() });
        match kind {
            Kind::Rootfs => send(room, path, &by_content).await?,
            Kind::Archive => load(room, path, &by_content).await?,
        }
        Outcome::Done
    };
    tag(&room.client, &by_content, &by_file).await?;
    Ok(outcome)
}

/// A root file system becomes an image of one layer.
async fn send(room: &Podman, path: &Path, name: &str) -> Result<(), ProviderError> {
    let file = path.to_owned();
    let (upload, stream) = written_by(move |out| copy(&file, out));
    let target = format!("{LIBPOD}/images/import?reference={}", escape(name));
    let sending = room.client.upload(&target, stream, COPY);
    let answer = deed::around("podman.import", sending).await;
    let (_, reply) = upload.end(answer).await?;
    if !reply.is_success() {
        return Err(refused(path, &reply.message()));
    }
    reply.parse::<Made>("import an image").map(drop)
}

fn copy(path: &Path, out: &mut dyn Write) -> io::Result<()> {
    let unreadable =
        |error: io::Error| bad_file(path, format!("it cannot be read: {error}"), "look at it");
    let mut file = File::open(path).map_err(unreadable)?;
    let mut buffer = vec![0; CHUNK];
    loop {
        match file.read(&mut buffer).map_err(unreadable)? {
            0 => return Ok(()),
            count => out.write_all(&buffer[..count])?,
        }
    }
}

/// A whole image keeps its configuration. It has no name until it is given one of vagrantp's.
async fn load(room: &Podman, path: &Path, name: &str) -> Result<(), ProviderError> {
    let file = path.to_owned();
    let (upload, stream) = written_by(move |out| without_names(&file, out));
    let target = format!("{LIBPOD}/images/load");
    let sending = room.client.upload(&target, stream, COPY);
    let answer = deed::around("podman.load", sending).await;
    let (_, reply) = upload.end(answer).await?;
    if !reply.is_success() {
        return Err(refused(path, &reply.message()));
    }
    let loaded: Loaded = reply.parse("load an image")?;
    let Some(id) = loaded.names.first() else {
        return Err(refused(path, "the engine found no image in it"));
    };
    tag(&room.client, id.trim_start_matches("sha256:"), name).await
}

/// Why the engine does not take a tarball, by its words.
fn refused(path: &Path, message: &str) -> ProviderError {
    let lower = message.to_lowercase();
    let any = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let file = printable(&path.display().to_string());
    if any(&["no space left", "disk quota exceeded"]) {
        return ImageFault::NoRoom { image: file, said: super::pull::said(message) }.into();
    }
    let (reason, help) = if any(&["unexpected eof", "cut short"]) {
        ("it is cut short, or no tarball".to_owned(), "make or fetch it again")
    } else if any(&["invalid tar header", "corrupt", "invalid checksum", "magic number"]) {
        ("it is damaged, or no tarball".to_owned(), "make or fetch it again")
    } else if any(&["operation not permitted", "insufficient uids", "lchown"]) {
        (
            format!("the engine may not unpack it: {message}"),
            "without root, device files cannot be made and user ids need a range in /etc/subuid; \
             make the tarball without /dev",
        )
    } else {
        (
            message.to_owned(),
            "IMAGE takes a tarball of a root file system, plain or with gzip, bzip2, xz or zstd, \
             or one of an image as podman save writes it",
        )
    };
    ImageFault::BadFile { file, reason, help: help.to_owned() }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_file_at_the_same_place_is_another_image() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("rootfs.tar");
        std::fs::write(&path, "one").expect("writable");
        let names = |kind| {
            (file_name(kind, &path).expect("there"), content_name(kind, &path).expect("there"))
        };
        let (before, content) = names(Kind::Rootfs);
        assert_eq!(before, names(Kind::Rootfs).0);
        assert_eq!(content, "localhost/vagrantp/rootfs:7692c3ad3540bb80");
        assert_eq!(names(Kind::Archive).1, "localhost/vagrantp/archive:7692c3ad3540bb80");
        std::fs::write(&path, "three").expect("writable");
        assert_ne!(before, names(Kind::Rootfs).0);
        assert_ne!(content, names(Kind::Rootfs).1);
    }

    #[test]
    fn the_name_by_content_is_the_one_to_show() {
        let names = ["a/b:1", "localhost/vagrantp/rootfs:file-0a", "localhost/vagrantp/archive:0b"];
        let names = names.map(str::to_owned);
        assert_eq!(by_content(&names).as_deref(), Some("localhost/vagrantp/archive:0b"));
        assert_eq!(by_content(&names[..2]), None);
    }

    #[test]
    fn a_tarball_that_is_refused_says_why() {
        let reason = |message: &str| refused(Path::new("/p/a.tar"), message).to_string();
        for (message, words) in [
            ("unable to import tarball: writing blob: unexpected EOF", "cut short"),
            ("processing tar file(archive/tar: invalid tar header): exit status 1", "no tarball"),
            ("potentially insufficient UIDs or GIDs available", "may not unpack"),
            ("write /x: no space left on device", "no room"),
            ("odd", "odd"),
        ] {
            assert!(reason(message).contains(words), "{message}: {}", reason(message));
        }
    }
}
