//! What an instance is made from.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// IMAGE, as understood.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageSource {
    /// A registry reference, fully spelled out: `docker.io/library/alpine:latest`.
    Registry(String),
    /// A tarball of a root file system, by its absolute path.
    Rootfs(PathBuf),
    /// A tarball in the layout of the OCI image specification.
    OciArchive(PathBuf),
    /// A Containerfile; its directory is the context.
    Containerfile(PathBuf),
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

impl fmt::Display for ImageSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ImageSource::Registry(text) => f.write_str(text),
            ImageSource::Rootfs(path)
            | ImageSource::OciArchive(path)
            | ImageSource::Containerfile(path)
            | ImageSource::DiskFile { path, .. } => write!(f, "{}", path.display()),
            ImageSource::DiskUrl { url, .. } => f.write_str(url),
        }
    }
}
