//! What is kept on disk. None of it is trusted over the provider; all of it may be deleted.
//!
//! `instances/<uuid>/` holds the [`record`], the [`journal`] and the [`lock`] of one instance and
//! goes with `rm`; `leases.json` holds this user's claims on ports ([`lease`]); `history/` stays.
//! Every write is atomic ([`mod@file`]), every file readable by its owner alone.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::deed;
use crate::model::id::InstanceUuid;
use crate::private::{self, Untrusted};

pub mod error;
pub mod file;
pub mod history;
pub mod holder;
pub mod journal;
pub mod lease;
pub mod lock;
pub mod owner;
pub mod record;

pub use error::StoreError;

use self::file::Warnings;

/// The state directory.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
    warnings: Warnings,
}

impl Store {
    /// The store in `$XDG_STATE_HOME/vagrantp`. Nothing is made until something is written.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Store { root: root.to_owned(), warnings: Warnings::default() }
    }

    /// Whether what is here may be read and written: all of it is this user's alone.
    ///
    /// # Errors
    /// [`StoreError::Untrusted`].
    pub fn check(&self) -> Result<(), StoreError> {
        let mut looks = vec![self.root.parent().map_or(Ok(()), private::check_base)];
        let dirs = [self.root.clone(), self.root.join("instances"), self.history_dir()];
        looks.extend(dirs.iter().map(|dir| private::check_directory(dir)));
        // What cannot be looked at cannot be read either, and who writes there is told why not.
        let cause = looks.iter().find_map(|look| Untrusted::behind(look.as_ref().err()?));
        cause.map_or(Ok(()), |cause| Err(StoreError::Untrusted { cause: cause.clone() }))
    }

    /// The part of one instance.
    #[must_use]
    pub fn instance(&self, uuid: InstanceUuid) -> InstanceStore {
        let dir = self.root.join("instances").join(uuid.to_string());
        InstanceStore { dir, warnings: self.warnings.clone() }
    }

    /// The instances of which something is kept, in a fixed order.
    #[must_use]
    pub fn instances(&self) -> Vec<InstanceUuid> {
        let entries = std::fs::read_dir(self.root.join("instances")).into_iter().flatten();
        let names = entries.flatten().map(|entry| entry.file_name().into_string());
        let uuids = names.flatten().filter_map(|name| name.parse().ok().map(InstanceUuid));
        let mut uuids: Vec<InstanceUuid> = uuids.collect();
        uuids.sort_unstable();
        uuids
    }

    /// What has to be said about files that were set aside since the last call, each once.
    #[must_use]
    pub fn take_warnings(&self) -> Vec<String> {
        self.warnings.take()
    }

    /// Where the history is.
    #[must_use]
    pub fn history_dir(&self) -> PathBuf {
        self.root.join("history")
    }

    fn leases_path(&self) -> PathBuf {
        self.root.join("leases.json")
    }
}

/// What is kept of one instance.
#[derive(Clone, Debug)]
pub struct InstanceStore {
    dir: PathBuf,
    warnings: Warnings,
}

impl InstanceStore {
    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where `ssh` reads by which key the instance is known.
    #[must_use]
    pub fn known_hosts_path(&self) -> PathBuf {
        self.dir.join("known_hosts")
    }

    /// Writes that file, where it says something else.
    ///
    /// # Errors
    /// It cannot be written; what was there is intact.
    pub fn keep_known_hosts(&self, text: &str) -> Result<(), StoreError> {
        let path = self.known_hosts_path();
        let there = crate::private::read(&path).ok();
        if there.as_deref() == Some(text.as_bytes()) {
            return Ok(());
        }
        file::write(&path, text.as_bytes())
    }

    /// When something was last written here; none where there is nothing.
    #[must_use]
    pub fn touched(&self) -> Option<Timestamp> {
        let entries = std::fs::read_dir(&self.dir).ok()?;
        let times = entries.flatten().filter_map(|entry| entry.metadata().ok()?.modified().ok());
        times.filter_map(|time| Timestamp::try_from(time).ok()).max()
    }

    /// Removes all that is kept of the instance. The caller holds the lock, whose file goes last;
    /// there is none where there was no room for it.
    ///
    /// # Errors
    /// A file that cannot be removed.
    pub fn remove(&self, lock: impl Into<Option<lock::Lock>>) -> Result<(), StoreError> {
        let failed = |error| StoreError::io("remove", &self.dir, error);
        let entries = match std::fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error)),
        };
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            if path == self.lock_path() {
                continue;
            }
            let removed = deed::at_once("store.remove", || {
                if path.is_dir() {
                    std::fs::remove_dir_all(&path)
                } else {
                    std::fs::remove_file(&path)
                }
            });
            match removed {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(StoreError::io("remove", &path, error));
                }
                _ => {}
            }
        }
        if let Some(lock) = lock.into() {
            let of_lock = |error| StoreError::io("remove", &self.lock_path(), error);
            lock.remove_file().map_err(of_lock)?;
        }
        // Somebody may be waiting and have made the file anew: then the directory is theirs. The
        // one above goes with the last instance.
        let _ = deed::at_once("store.remove_dir", || {
            std::fs::remove_dir(&self.dir)?;
            self.dir.parent().map_or(Ok(()), std::fs::remove_dir)
        });
        Ok(())
    }

    fn lock_path(&self) -> PathBuf {
        self.dir.join("lock")
    }
}
