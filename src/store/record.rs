//! What vagrantp remembers of an instance. A convenience: the provider is asked for what counts.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::model::id::{InfraId, InfraType, InstanceUuid, ProviderKind};

use super::file::{self, Loaded};
use super::{InstanceStore, StoreError};

/// The record of one instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The record's own format.
    pub schema: u32,
    /// The instance's uuid.
    pub uuid: InstanceUuid,
    /// INFRA_ID when it was last changed.
    pub infra_id: InfraId,
    /// A VM or a container.
    pub infra_type: InfraType,
    /// What runs it.
    pub provider: ProviderKind,
    /// The project's real path.
    pub project: PathBuf,
    /// When it was made (RFC 3339).
    pub created_at: String,
    /// When vagrantp last changed it.
    pub updated_at: String,
    /// When vagrantp last started it.
    pub last_started: Option<String>,
    /// When vagrantp last stopped it.
    pub last_stopped: Option<String>,
}

impl Record {
    /// The format that this version writes.
    pub const SCHEMA: u32 = 1;
}

impl InstanceStore {
    /// The record, where there is one.
    #[must_use]
    pub fn record(&self) -> Loaded<Record> {
        file::read_json(&self.dir.join("record.json"))
    }

    /// Writes the record.
    ///
    /// # Errors
    /// The file cannot be written; the old one is intact.
    pub fn save_record(&self, record: &Record) -> Result<(), StoreError> {
        file::write_json(&self.dir.join("record.json"), record)
    }
}
