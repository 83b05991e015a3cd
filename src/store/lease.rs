//! This user's claims on host ports. The truth is what instances hold and what can be bound; a
//! lease only closes the gap between choosing a port and binding it.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::Listener;
use crate::model::id::{InstanceUuid, ProviderKind};
use crate::model::network::PortForward;

use super::file::{self, Document};
use super::lock::Lock;
use super::owner::Owner;
use super::{Store, StoreError};

/// The claims of one instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Whose.
    pub uuid: InstanceUuid,
    /// Its INFRA_ID, for those who find the port taken.
    pub infra_id: String,
    /// Its directory.
    pub project: PathBuf,
    /// What runs it.
    pub provider: ProviderKind,
    /// Who made the claim.
    pub owner: Owner,
    /// The ports.
    pub ports: Vec<PortForward>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct LeaseFile {
    schema: u32,
    leases: Vec<Lease>,
}

impl Document for LeaseFile {
    const SCHEMA: u32 = 1;
}

/// All leases, with nobody else writing.
#[derive(Debug)]
pub struct Leases {
    path: PathBuf,
    leases: Vec<Lease>,
    lock: Option<Lock>,
}

impl Drop for Leases {
    /// Where nobody claims anything, the lock's file has nothing to guard.
    fn drop(&mut self) {
        if let Some(lock) = self.lock.take()
            && self.leases.is_empty()
        {
            // The next one who lets go of it tries again; nothing is in the way meanwhile.
            let _ = lock.remove_file();
        }
    }
}

impl Store {
    /// Waits for the leases and holds them until the value is dropped.
    ///
    /// # Errors
    /// The lock cannot be had.
    pub async fn leases(
        &self,
        timeout: Duration,
        listener: &dyn Listener,
    ) -> Result<Leases, StoreError> {
        let lock = self.lock_leases(timeout, listener).await?;
        let path = self.leases_path();
        file::sweep(&self.root)?;
        let file: LeaseFile = file::read_json(&path, &self.warnings).value.unwrap_or_default();
        Ok(Leases { path, leases: file.leases, lock: Some(lock) })
    }

    /// The leases as they are, without waiting: for `plan` and `--dry-run`.
    #[must_use]
    pub fn leases_unlocked(&self) -> Vec<Lease> {
        let file = file::read_json::<LeaseFile>(&self.leases_path(), &self.warnings);
        file.value.unwrap_or_default().leases
    }

    /// Removes what a call that was killed or failed has left of the leases: a lock that guards
    /// nothing, half a file. Somebody who is at work on them does it himself.
    ///
    /// # Errors
    /// It cannot be removed.
    pub async fn tidy(&self, listener: &dyn Listener) -> Result<(), StoreError> {
        match self.release(InstanceUuid(uuid::Uuid::nil()), Duration::ZERO, listener).await {
            Err(StoreError::Locked { .. }) => Ok(()),
            outcome => outcome,
        }
    }

    /// Gives up what one instance claims. Where there is no room to write that down, the claim stays
    /// and means nothing: its instance is gone.
    ///
    /// # Errors
    /// The lock cannot be had, or the file cannot be written.
    pub async fn release(
        &self,
        uuid: InstanceUuid,
        timeout: Duration,
        listener: &dyn Listener,
    ) -> Result<(), StoreError> {
        let leases = self.leases_unlocked();
        // Somebody who was killed may have left a lock that guards nothing, or half a file.
        let is_tidy = !leases.is_empty() || !self.leases_lock_path().exists();
        let is_swept = file::unfinished(&self.root).is_empty();
        if leases.iter().all(|lease| lease.uuid != uuid) && is_tidy && is_swept {
            return Ok(());
        }
        let rewrite = async {
            let mut leases = self.leases(timeout, listener).await?;
            leases.leases.retain(|lease| lease.uuid != uuid);
            leases.write()
        };
        match rewrite.await {
            Err(error) if error.is_about_room() => Ok(()),
            outcome => outcome,
        }
    }
}

/// The claims that still mean something to `uuid`: not its own, and not those of an instance that
/// its provider (which showed `visible`) does not have and that nobody is making.
#[must_use]
pub fn standing(
    leases: &[Lease],
    uuid: InstanceUuid,
    provider: ProviderKind,
    visible: &[InstanceUuid],
) -> Vec<Lease> {
    let stands = |lease: &&Lease| {
        lease.uuid != uuid
            && (lease.provider != provider
                || visible.contains(&lease.uuid)
                || lease.owner.is_alive())
    };
    leases.iter().filter(stands).cloned().collect()
}

impl Leases {
    /// Every lease.
    #[must_use]
    pub fn all(&self) -> &[Lease] {
        &self.leases
    }

    /// Replaces what one instance claims; of the others' claims those that stand are kept.
    ///
    /// # Errors
    /// The file cannot be written; the old one is intact.
    pub fn claim(&mut self, lease: Lease, standing: &[Lease]) -> Result<(), StoreError> {
        self.leases = standing.to_vec();
        if !lease.ports.is_empty() {
            self.leases.push(lease);
        }
        self.write()
    }

    fn write(&self) -> Result<(), StoreError> {
        if self.leases.is_empty() {
            return file::remove(&self.path);
        }
        file::write_json(&self.path, &LeaseFile { schema: 1, leases: self.leases.clone() })
    }
}
