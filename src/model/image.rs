//! What an instance is made from.

use std::fmt;
use std::path::PathBuf;

use miette::{Diagnostic, SourceSpan};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The registry that names without one belong to.
const DEFAULT_REGISTRY: &str = "docker.io";

/// Why a text does not name an image. Spans count within the text.
#[derive(Clone, Debug, PartialEq, Eq, Error, Diagnostic)]
pub enum ImageError {
    /// Not of the form of a reference.
    #[error("does not name an image")]
    #[diagnostic(
        code(vagrantp::config::bad_image_reference),
        help(
            "write a registry reference, such as `docker.io/library/debian:12`; a file starts with \
             `./`, `../`, `/` or `~/`"
        )
    )]
    NotAReference {
        /// The part that is wrong.
        #[label("{what}")]
        at: SourceSpan,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Capitals in the name.
    #[error("has capital letters in its name")]
    #[diagnostic(code(vagrantp::config::image_name_upper_case), help("write `{suggestion}`"))]
    UpperCase {
        /// The name.
        #[label("image names are lower-case")]
        at: SourceSpan,
        /// The same in lower case.
        suggestion: String,
    },
    /// A fragment that is no SHA-256.
    #[error("has a checksum that is none")]
    #[diagnostic(
        code(vagrantp::config::bad_checksum),
        help("write `#sha256:` and 64 hexadecimal digits after the image, or nothing")
    )]
    BadChecksum {
        /// The fragment.
        #[label("expected `sha256:` and 64 hexadecimal digits")]
        at: SourceSpan,
    },
}

/// How a text that is an IMAGE of a VM names it: before anybody has looked whether it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskReference<'a> {
    /// A file, as it was written.
    File {
        /// The path, relative or absolute.
        path: &'a str,
        /// The SHA-256 that it must have, in lower-case hexadecimal.
        sha256: Option<String>,
    },
    /// A URL.
    Url {
        /// An `http`, `https` or `file` URL.
        url: &'a str,
        /// The SHA-256 that it must have, in lower-case hexadecimal.
        sha256: Option<String>,
    },
}

impl<'a> DiskReference<'a> {
    /// Reads a path or a URL with an optional `#sha256:…`.
    pub fn parse(text: &'a str) -> Result<Self, ImageError> {
        let (image, sha256) = match text.rsplit_once('#') {
            None => (text, None),
            Some((image, fragment)) => {
                let at = (image.len() + 1..text.len()).into();
                let digest = fragment.strip_prefix("sha256:").filter(|hex| is_sha256(hex));
                let digest = digest.ok_or(ImageError::BadChecksum { at })?;
                (image, Some(digest.to_ascii_lowercase()))
            }
        };
        let at = SourceSpan::from(0..image.len());
        match image.split_once("://") {
            Some((scheme, rest)) => match scheme.to_ascii_lowercase().as_str() {
                "http" | "https" | "file" if !rest.is_empty() => {
                    Ok(DiskReference::Url { url: image, sha256 })
                }
                _ => Err(ImageError::NotAReference {
                    at,
                    what: "expected an `http`, `https` or `file` URL, or a path",
                }),
            },
            None if image.is_empty() => {
                Err(ImageError::NotAReference { at, what: "expected a path or a URL" })
            }
            None => Ok(DiskReference::File { path: image, sha256 }),
        }
    }
}

fn is_sha256(hex: &str) -> bool {
    hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether an IMAGE of a container is a file rather than a registry reference: told by its start
/// alone, never by what happens to lie in the directory.
#[must_use]
pub fn is_path(text: &str) -> bool {
    ["/", "./", "../", "~/"].iter().any(|start| text.starts_with(start))
}

/// The full form of a registry reference: `alpine` is `docker.io/library/alpine:latest`. The rules
/// are those of the distribution project's reference grammar; a digest makes the tag superfluous.
pub fn normalise_reference(text: &str) -> Result<String, ImageError> {
    let wrong = |from: usize, to: usize, what: &'static str| {
        Err(ImageError::NotAReference { at: (from..to).into(), what })
    };
    let (named, digest) = match text.split_once('@') {
        None => (text, None),
        Some((named, digest)) => {
            if !digest.strip_prefix("sha256:").is_some_and(is_sha256) {
                let what = "expected `sha256:` and 64 hexadecimal digits";
                return wrong(named.len() + 1, text.len(), what);
            }
            (named, Some(digest.to_ascii_lowercase()))
        }
    };
    let (name, tag) = match named.rfind(':') {
        Some(colon) if !named[colon..].contains('/') => {
            let tag = &named[colon + 1..];
            if !is_tag(tag) {
                let what = "expected a tag: letters, digits, `_`, `.` and `-`";
                return wrong(colon + 1, named.len(), what);
            }
            (&named[..colon], Some(tag))
        }
        _ => (named, None),
    };
    let (registry, path) = match name.split_once('/') {
        Some((first, rest)) if is_registry(first) => (first.to_ascii_lowercase(), rest),
        _ => (DEFAULT_REGISTRY.to_owned(), name),
    };
    let path_from = name.len() - path.len();
    if !is_host(&registry) {
        return wrong(0, path_from.saturating_sub(1), "expected a registry's host name");
    }
    if path.bytes().any(|byte| byte.is_ascii_uppercase()) {
        let at = (path_from..name.len()).into();
        let suggestion = format!("{}{}", text[..name.len()].to_lowercase(), &text[name.len()..]);
        // Advice has to help: what would still be refused has another fault, which is told below.
        if normalise_reference(&suggestion).is_ok() {
            return Err(ImageError::UpperCase { at, suggestion });
        }
    }
    let mut from = path_from;
    for component in path.split('/') {
        if !is_component(component) {
            let what =
                "expected lower-case letters and digits, with single `.`, `_` or `-` between";
            return wrong(from, from + component.len(), what);
        }
        from += component.len() + 1;
    }
    if path.len() > 255 {
        return wrong(path_from, name.len(), "longer than 255 characters");
    }
    let library = if registry == DEFAULT_REGISTRY && !path.contains('/') { "library/" } else { "" };
    let version = match digest {
        Some(digest) => format!("@{digest}"),
        None => format!(":{}", tag.unwrap_or("latest")),
    };
    Ok(format!("{registry}/{library}{path}{version}"))
}

/// Whether the first part of a name is a registry: the rule that the engines have.
fn is_registry(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost"
}

fn is_host(registry: &str) -> bool {
    let (host, port) = registry.split_once(':').unwrap_or((registry, "443"));
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.split('.').all(label)
        && !port.starts_with('+')
        && port.parse().is_ok_and(|port: u16| port > 0)
}

fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=128).contains(&tag.len())
        && tag.bytes().all(|byte| word(byte) || byte == b'.' || byte == b'-')
        && tag.bytes().next().is_some_and(word)
}

fn is_component(component: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separators = component.split(alphanumeric).filter(|between| !between.is_empty());
    let good = |separator: &str| {
        matches!(separator, "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-')
    };
    separators.into_iter().all(good)
        && component.starts_with(alphanumeric)
        && component.ends_with(alphanumeric)
}

/// What a local image of vagrantp's holds, told by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalImage {
    /// The files of a replaced instance.
    Saved,
    /// A tarball that was imported.
    Imported,
    /// What was built from a Containerfile.
    Built,
    /// A snapshot of an instance.
    Snapshot,
}

impl LocalImage {
    /// What the image of this name, or of these first parts of one, holds.
    #[must_use]
    pub fn of(name: &str) -> LocalImage {
        let own = name.strip_prefix("localhost/vagrantp/").unwrap_or(name);
        match own.split_once(':').map_or(own, |(repository, _)| repository) {
            "rootfs" | "archive" => LocalImage::Imported,
            "built" | "context" => LocalImage::Built,
            layer if layer.starts_with("built@") => LocalImage::Built,
            repository if repository.ends_with("/snapshot") => LocalImage::Snapshot,
            _ => LocalImage::Saved,
        }
    }
}

/// IMAGE, as understood.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageSource {
    /// A registry reference, fully spelled out: `docker.io/library/alpine:latest`.
    Registry(String),
    /// A tarball of a root file system, by its absolute path.
    Rootfs(PathBuf),
    /// A tarball of one whole image: in the layout of the OCI, or as `podman save` writes it.
    OciArchive(PathBuf),
    /// A Containerfile; its directory is the context.
    Containerfile(PathBuf),
    /// No image: the machine starts with an empty disk (VMs that boot from ISO or KERNEL).
    Blank,
    /// A disk image in a file (VMs).
    DiskFile {
        /// The absolute path.
        path: PathBuf,
        /// The SHA-256 that it must have, in lower-case hexadecimal.
        sha256: Option<String>,
    },
    /// A disk image to be downloaded (VMs).
    DiskUrl {
        /// An `http`, `https` or `file` URL.
        url: String,
        /// The SHA-256 that it must have, in lower-case hexadecimal.
        sha256: Option<String>,
    },
}

impl ImageSource {
    /// Whether it is made here from a recipe: then making an instance makes the image as well.
    #[must_use]
    pub fn is_built(&self) -> bool {
        matches!(self, ImageSource::Containerfile(_))
    }
}

impl fmt::Display for ImageSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ImageSource::Registry(text) => f.write_str(text),
            ImageSource::Rootfs(path)
            | ImageSource::OciArchive(path)
            | ImageSource::Containerfile(path)
            | ImageSource::DiskFile { path, .. } => write!(f, "{}", path.display()),
            ImageSource::DiskUrl { url, .. } => f.write_str(url),
            ImageSource::Blank => f.write_str("an empty disk"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_spelled_out() {
        let digest = "sha256:".to_owned() + &"0a".repeat(32);
        for (text, full) in [
            ("alpine", "docker.io/library/alpine:latest"),
            ("alpine:3.20", "docker.io/library/alpine:3.20"),
            ("foo/bar", "docker.io/foo/bar:latest"),
            ("docker.io/alpine", "docker.io/library/alpine:latest"),
            ("quay.io/a/b/c:v1", "quay.io/a/b/c:v1"),
            ("localhost/x", "localhost/x:latest"),
            ("localhost:5000/x", "localhost:5000/x:latest"),
            ("Quay.IO/a__b-c.d", "quay.io/a__b-c.d:latest"),
        ] {
            assert_eq!(normalise_reference(text).as_deref(), Ok(full), "{text}");
            assert_eq!(normalise_reference(full).as_deref(), Ok(full), "{full}");
        }
        let pinned = format!("docker.io/library/alpine@{digest}");
        assert_eq!(normalise_reference(&format!("alpine:3@{digest}")), Ok(pinned));
    }

    #[test]
    fn what_is_no_reference_says_where() {
        for (text, from, to) in [
            ("", 0, 0),
            ("a b", 0, 3),
            ("foo//bar", 4, 4),
            ("foo/-bar", 4, 8),
            ("alpine:", 7, 7),
            ("alpine:a b", 7, 10),
            ("alpine@sha256:12", 7, 16),
            ("a..b", 0, 4),
            ("reg:99999/x", 0, 9),
            ("$(touch pwn)", 0, 12),
        ] {
            match normalise_reference(text) {
                Err(ImageError::NotAReference { at, .. }) => {
                    assert_eq!(at, SourceSpan::from(from..to), "{text}");
                }
                other => panic!("{text}: {other:?}"),
            }
        }
        for text in ["a b/X", "a/x Y", "a//X", "a/\u{65e5}X"] {
            let found = normalise_reference(text);
            assert!(matches!(found, Err(ImageError::NotAReference { .. })), "{found:?}");
        }
        let upper = normalise_reference("quay.io/Foo/Bar:V1");
        let suggestion = "quay.io/foo/bar:V1".to_owned();
        assert_eq!(upper, Err(ImageError::UpperCase { at: (8..15).into(), suggestion }));
    }

    #[test]
    fn only_the_start_makes_a_path() {
        for path in ["./a", "../a", "/a", "~/a"] {
            assert!(is_path(path), "{path}");
        }
        for reference in ["foo/bar", "a.tar", "~a/b", ".a/b", "quay.io/a"] {
            assert!(!is_path(reference), "{reference}");
        }
    }

    #[test]
    fn disks_are_files_or_urls_with_a_checksum() {
        let hex = "AB".repeat(32);
        let sha256 = Some(hex.to_lowercase());
        let written = format!("https://example.org/a.qcow2#sha256:{hex}");
        let url = DiskReference::Url { url: "https://example.org/a.qcow2", sha256 };
        assert_eq!(DiskReference::parse(&written), Ok(url));
        let file = DiskReference::File { path: "a b.qcow2", sha256: None };
        assert_eq!(DiskReference::parse("a b.qcow2"), Ok(file));
        assert!(matches!(DiskReference::parse("ftp://x/y"), Err(ImageError::NotAReference { .. })));
        let checksum = DiskReference::parse("a.qcow2#md5:1");
        assert_eq!(checksum, Err(ImageError::BadChecksum { at: (8..13).into() }));
    }
}
