//! Images: from a path or a URL to a file that no one changes. They are kept once for all projects of
//! a user, by their content:
//!
//! ```text
//! images/sha256/<hex>   the images, 0400
//!        known/<hex>    what a URL or a file led to the last time
//!        partial/<hex>  what is being fetched, with its lock
//! ```
//!
//! A file of the user's is copied too, as a clone where the file system can: a disk that reads from a
//! file breaks when that file changes, and nobody would know why. A second look at an unchanged file
//! costs one `stat`.
//!
//! The whole of it may be deleted at any moment: a machine keeps its image by a link of its own
//! ([`keep`]).

mod client;
mod clone;
mod download;
mod known;
mod url;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use clone::keep;
pub use url::shown;

use super::error::FetchError;
use crate::deed;
use crate::event::Listener;
use crate::private;

/// Where an image comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file of this host's.
    File(PathBuf),
    /// An `http`, `https` or `file` URL.
    Url(String),
}

/// Through whom the network is reached, each as its variable has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// For `http` URLs.
    pub http: Option<String>,
    /// For `https` URLs.
    pub https: Option<String>,
    /// For what the others say nothing of.
    pub all: Option<String>,
    /// Hosts that are reached without one.
    pub none: Option<String>,
}

/// What is put up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a connection may take to be made.
    pub connect: Duration,
    /// How long nothing may come.
    pub idle: Duration,
    /// How often in a row it may break off with nothing new.
    pub tries: u32,
    /// The largest image, in bytes.
    pub largest: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connect: Duration::from_secs(20),
            idle: Duration::from_secs(60),
            tries: 4,
            largest: 1 << 40,
        }
    }
}

/// The images of a user.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
    proxies: Proxies,
    limits: Limits,
}

/// An image in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its file; nobody writes to it.
    pub path: PathBuf,
    /// Its SHA-256, in lower-case hexadecimal.
    pub sha256: String,
    /// Its size, in bytes.
    pub size: u64,
}

impl Cache {
    /// The images in this directory, which need not exist.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>, proxies: Proxies, limits: Limits) -> Cache {
        Cache { root: root.into(), proxies, limits }
    }

    /// Where it is.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The image of a source, as far as it is there without a network and without reading it whole:
    /// for plans.
    #[must_use]
    pub fn known(&self, source: &Source, sha256: Option<&str>) -> Option<Image> {
        if let Some(image) = sha256.and_then(|sum| self.by_sum(sum)) {
            return Some(image);
        }
        let known = known::read(&self.root, &known::key(source)?, source)?;
        let image = self.by_sum(&known.sha256).filter(|image| image.size == known.size)?;
        sha256.is_none_or(|sum| sum == image.sha256).then_some(image)
    }

    /// Has the image of a source in the cache. One that is known is not asked for again, unless
    /// `afresh`: then its server says whether it is still the same.
    ///
    /// # Errors
    /// It cannot be had, or is not what `sha256` says.
    pub async fn fetch(
        &self,
        source: &Source,
        sha256: Option<&str>,
        afresh: bool,
        listener: &dyn Listener,
    ) -> Result<Image, FetchError> {
        let file = match source {
            Source::File(path) => Some(path.clone()),
            Source::Url(text) => url::file_of(text),
        };
        if let Some(image) = self.known(source, sha256).filter(|_| !afresh || file.is_some()) {
            return Ok(image);
        }
        for part in ["sha256", "known", "partial"] {
            let dir = self.root.join(part);
            let make = || private::make_directory(&dir);
            deed::at_once("guest.make_cache", make).map_err(|cause| FetchError::Cache {
                operation: "written",
                path: dir,
                cause,
            })?;
        }
        let (image, known) = match (file, source) {
            (Some(path), _) => clone::take_up(self, &path, sha256, listener).await?,
            (None, Source::Url(text)) => {
                download::run(self, text, sha256, afresh, listener).await?
            }
            (None, Source::File(path)) => clone::take_up(self, path, sha256, listener).await?,
        };
        // It only saves the next call a look: one that cannot be written is no harm.
        if let Some(key) = known::key(source) {
            let _ = known::write(&self.root, &key, &known);
        }
        Ok(image)
    }

    fn by_sum(&self, sha256: &str) -> Option<Image> {
        let path = self.root.join("sha256").join(sha256);
        let facts = fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_file)?;
        Some(Image { path, sha256: sha256.to_owned(), size: facts.len() })
    }

    /// Gives a whole file its place by its content.
    fn place(&self, whole: &Path, sha256: &str) -> Result<Image, FetchError> {
        use std::os::unix::fs::PermissionsExt;
        let path = self.root.join("sha256").join(sha256);
        let written = |cause| FetchError::Cache { operation: "written", path: path.clone(), cause };
        if let Some(image) = self.by_sum(sha256) {
            let remove = || fs::remove_file(whole);
            deed::at_once("guest.drop_double", remove).map_err(written)?;
            return Ok(image);
        }
        let give = || {
            fs::set_permissions(whole, fs::Permissions::from_mode(0o400))?;
            fs::rename(whole, &path)
        };
        deed::at_once("guest.place_image", give).map_err(written)?;
        fs::File::open(self.root.join("sha256")).and_then(|dir| dir.sync_all()).map_err(written)?;
        self.by_sum(sha256).ok_or_else(|| written(io::Error::from(io::ErrorKind::NotFound)))
    }

    /// Whether so many bytes more fit into the cache.
    fn check_room(&self, image: &str, needs: u64) -> Result<(), FetchError> {
        use super::disk::Size;
        let Ok(facts) = rustix::fs::statvfs(&self.root) else { return Ok(()) };
        let has = facts.f_bavail.saturating_mul(facts.f_frsize);
        if needs <= has {
            return Ok(());
        }
        Err(FetchError::NoRoom {
            image: image.to_owned(),
            place: self.root.clone(),
            needs: Size(needs).to_string(),
            has: Size(has).to_string(),
        })
    }
}

/// Compares a sum with the one that was asked for.
fn check_sum(image: &str, wanted: Option<&str>, found: &str) -> Result<(), FetchError> {
    match wanted {
        Some(wanted) if wanted != found => Err(FetchError::WrongSum {
            image: image.to_owned(),
            wanted: wanted.to_owned(),
            found: found.to_owned(),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
