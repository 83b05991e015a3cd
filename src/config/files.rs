//! Parsers of the values that name files: they look whether the file is there and is what it has
//! to be. Nothing is written, and of a private key only the first bytes are looked at.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use miette::SourceSpan;

use super::archive::{self, Archive};
use super::mistake::{FileMistake, Mistake};
use super::path::{absolute, lexically};
use super::reader::{Surroundings, Wrong};
use super::text::shown;
use super::types::Playbook;
use super::yaml;
use crate::model::image::{DiskReference, ImageSource};
use crate::model::mount::{Mount, WrittenMount};

/// No playbook or vars file is larger.
const LARGEST_YAML: u64 = 4 << 20;

/// A path as a message may show it.
fn named(path: &Path) -> String {
    shown(&path.display().to_string())
}

/// The regular, readable, non-empty file at `path`; `at` is what to underline if it is none.
fn regular(path: &Path, at: SourceSpan) -> Result<(File, Metadata), FileMistake> {
    let unreadable = |cause: io::Error| match cause.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            FileMistake::Missing { at, path: named(path) }
        }
        _ => FileMistake::Unreadable { at, path: named(path), cause },
    };
    // Looked at before it is opened: opening a pipe would wait for its other end.
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(FileMistake::Directory { at });
    }
    if !metadata.is_file() {
        return Err(FileMistake::NotRegular { at });
    }
    let file = File::open(path).map_err(unreadable)?;
    if metadata.len() == 0 {
        return Err(FileMistake::Empty { at });
    }
    Ok((file, metadata))
}

fn span(text: &str) -> SourceSpan {
    (0..text.len()).into()
}

/// Any file that is there and has a content.
pub(super) fn existing(around: &Surroundings<'_>, text: &str) -> Result<PathBuf, FileMistake> {
    let path = absolute(around, text);
    regular(&path, span(text)).map(|_| path)
}

/// A file with an ISO 9660 file system: its volume descriptors start at sector 16.
pub(super) fn iso(around: &Surroundings<'_>, text: &str) -> Result<PathBuf, FileMistake> {
    let path = absolute(around, text);
    let (mut file, _) = regular(&path, span(text))?;
    let mut magic = [0; 5];
    let read = file.seek(SeekFrom::Start(16 * 2048 + 1)).and_then(|_| file.read_exact(&mut magic));
    if read.is_err() || &magic != b"CD001" {
        return Err(FileMistake::WrongKind {
            at: span(text),
            wanted: "an ISO 9660 image",
            help: "name an installation or live image; a disk image goes into IMAGE",
        });
    }
    Ok(path)
}

/// A file of YAML.
pub(super) fn yaml_file(around: &Surroundings<'_>, text: &str) -> Result<PathBuf, FileMistake> {
    let path = absolute(around, text);
    let at = span(text);
    let (file, _) = regular(&path, at)?;
    let content = read_text(file, &path, at)?;
    yaml::check(&content).map(|()| path.clone()).map_err(|fault| FileMistake::BadYaml {
        at,
        path: named(&path),
        line: fault.line,
        column: fault.column,
        reason: fault.reason,
    })
}

/// Where in a file of YAML a key stands twice in one mapping.
pub(super) fn yaml_key_twice(path: &Path) -> Option<(u64, u64)> {
    let text = File::open(path).ok().and_then(|file| read_text(file, path, span("")).ok())?;
    yaml::key_twice(&text)
}

/// The SHA-256 of a small file, in hexadecimal.
pub(super) fn sha256(path: &Path) -> io::Result<String> {
    use sha2::{Digest, Sha256};
    let mut content = Vec::new();
    File::open(path)?.take(LARGEST_YAML).read_to_end(&mut content)?;
    Ok(Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect())
}

fn read_text(file: File, path: &Path, at: SourceSpan) -> Result<String, FileMistake> {
    let wrong = |wanted, help| FileMistake::WrongKind { at, wanted, help };
    let mut content = Vec::new();
    file.take(LARGEST_YAML + 1)
        .read_to_end(&mut content)
        .map_err(|cause| FileMistake::Unreadable { at, path: named(path), cause })?;
    if content.len() as u64 > LARGEST_YAML {
        return Err(wrong("smaller than 4 MiB", "is it the right file?"));
    }
    String::from_utf8(content).map_err(|_| wrong("UTF-8 text", "save it as UTF-8"))
}

/// One of PROVISIONING_PLAYBOOK.
pub(super) fn playbook(around: &Surroundings<'_>, text: &str) -> Result<Playbook, Wrong> {
    if let Some(name) = text.strip_prefix("vagrantp:") {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || !name.bytes().all(inner) {
            return Err(Mistake::BadPlaybookName { at: (9..text.len()).into() }.into());
        }
        return Ok(Playbook::Shipped(name.to_owned()));
    }
    let suffix = Path::new(text).extension().and_then(|suffix| suffix.to_str());
    if !matches!(suffix, Some("yml" | "yaml")) {
        return Err(FileMistake::PlaybookSuffix { at: span(text) }.into());
    }
    Ok(yaml_file(around, text).map(Playbook::File)?)
}

/// A private key that nobody else may read, as `ssh` itself asks for.
pub(super) fn private_key(around: &Surroundings<'_>, text: &str) -> Result<PathBuf, FileMistake> {
    let path = absolute(around, text);
    let at = span(text);
    let (file, metadata) = regular(&path, at)?;
    let mut start = Vec::new();
    let read = file.take(64).read_to_end(&mut start);
    let first_line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let private = first_line.starts_with(b"-----BEGIN ")
        && first_line.windows(11).any(|window| window == b"PRIVATE KEY");
    if read.is_err() || !private {
        return Err(FileMistake::WrongKind {
            at,
            wanted: "a private key",
            help: "name the private one of the pair: it has no `.pub` at its end",
        });
    }
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(FileMistake::KeyReadable { at, path: named(&path), mode });
    }
    Ok(path)
}

/// The file that an IMAGE of a container names, with its kind told by its content.
pub(super) fn container_image(
    around: &Surroundings<'_>,
    text: &str,
) -> Result<ImageSource, FileMistake> {
    let path = absolute(around, text);
    let at = span(text);
    let (mut file, _) = regular(&path, at)?;
    let path = fs::canonicalize(&path).map_err(|cause| FileMistake::Unreadable {
        at,
        path: named(&path),
        cause,
    })?;
    let name = Path::new(text).file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    if matches!(name.as_str(), "containerfile" | "dockerfile") || name.ends_with(".containerfile") {
        return Ok(ImageSource::Containerfile(path));
    }
    match archive::kind(&mut file) {
        Ok(Some(Archive::Image)) => Ok(ImageSource::OciArchive(path)),
        Ok(Some(Archive::Rootfs)) => Ok(ImageSource::Rootfs(path)),
        Ok(None) => Err(FileMistake::WrongKind {
            at,
            wanted: "a Containerfile or a tarball",
            help: "name a tarball of a root file system (also with gzip, bzip2, xz or zstd), an \
                   OCI archive, or a file called `Containerfile`, `Dockerfile` or `….containerfile`",
        }),
        Err(cause) => Err(FileMistake::Unreadable { at, path: named(&path), cause }),
    }
}

/// The IMAGE of a VM; a file has to be there.
pub(super) fn disk_image(
    around: &Surroundings<'_>,
    reference: DiskReference<'_>,
) -> Result<ImageSource, FileMistake> {
    match reference {
        DiskReference::Url { url, sha256 } => {
            Ok(ImageSource::DiskUrl { url: url.to_owned(), sha256 })
        }
        DiskReference::File { path, sha256 } => {
            existing(around, path).map(|path| ImageSource::DiskFile { path, sha256 })
        }
    }
}

/// The host's side of a mount: it exists, and a path written inside the project stays there.
pub(super) fn mount(
    around: &Surroundings<'_>,
    written: &WrittenMount<'_>,
) -> Result<Mount, FileMistake> {
    let at = span(written.host);
    let path = absolute(around, written.host);
    let host = fs::canonicalize(&path).map_err(|cause| match cause.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            FileMistake::MountMissing { at, path: named(&path) }
        }
        _ => FileMistake::Unreadable { at, path: named(&path), cause },
    })?;
    if lexically(&path).starts_with(around.dir) && !host.starts_with(around.dir) {
        return Err(FileMistake::LeadsOut { at, target: named(&host) });
    }
    let metadata = fs::metadata(&host).map_err(|cause| FileMistake::Unreadable {
        at,
        path: named(&host),
        cause,
    })?;
    if !metadata.is_dir() && !metadata.is_file() {
        return Err(FileMistake::NotRegular { at });
    }
    Ok(Mount { guest: written.guest.clone(), host, access: written.access })
}
