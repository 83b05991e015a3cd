//! What a URL or a file led to the last time. It only saves work: what is missing or does not fit is
//! found out again.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Source, url};
use crate::guest::file;
use crate::private;

/// What is known of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    /// The content that it led to.
    pub(super) sha256: String,
    pub(super) size: u64,
    /// What a server said of its version.
    pub(super) validator: Option<Validator>,
    /// What a file was like.
    pub(super) stat: Option<Stat>,
}

/// What a server knows a version of a file by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Validator {
    Etag(String),
    LastModified(String),
}

impl Validator {
    pub(super) fn text(&self) -> &str {
        match self {
            Validator::Etag(text) | Validator::LastModified(text) => text,
        }
    }
}

/// What changes when a file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stat {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stat {
    pub(super) fn of(facts: &std::fs::Metadata) -> Stat {
        Stat {
            device: facts.dev(),
            inode: facts.ino(),
            size: facts.size(),
            modified: (facts.mtime(), facts.mtime_nsec()),
            changed: (facts.ctime(), facts.ctime_nsec()),
        }
    }
}

/// The name of a source among others; a URL's may be a secret and is not in it.
pub(super) fn key(source: &Source) -> Option<String> {
    let text = match source {
        Source::File(path) => format!("file {}", path.to_str()?),
        Source::Url(text) => match url::file_of(text) {
            Some(path) => format!("file {}", path.to_str()?),
            None => format!("url {text}"),
        },
    };
    Some(hex(&Sha256::digest(text)))
}

pub(super) fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is known of a source, where it still holds.
pub(super) fn read(root: &Path, key: &str, source: &Source) -> Option<Known> {
    let known: Known = serde_json::from_slice(&private::read(&place(root, key)).ok()?).ok()?;
    let path = match source {
        Source::File(path) => Some(path.clone()),
        Source::Url(text) => url::file_of(text),
    };
    let holds = match path {
        Some(path) => Some(Stat::of(&std::fs::metadata(path).ok()?)) == known.stat,
        None => known.stat.is_none(),
    };
    holds.then_some(known)
}

pub(super) fn write(root: &Path, key: &str, known: &Known) -> io::Result<()> {
    file::write(&place(root, key), &serde_json::to_vec_pretty(known)?)
}

fn place(root: &Path, key: &str) -> PathBuf {
    root.join("known").join(key)
}
