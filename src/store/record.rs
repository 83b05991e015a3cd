//! What vagrantp remembers of an instance. A convenience: the provider is asked for what counts.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::id::{InfraId, InfraType, InstanceUuid, ProviderKind};
use crate::model::lifetime::Ttl;

use super::file::{self, Document, Loaded};
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
    /// What the last `up` said of its time to live; none where no `up` said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewed: Option<Renewal>,
}

/// What an `up` says of an instance's time to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewal {
    /// INFRA_TTL at that time; none for as long as it likes.
    pub ttl: Option<Ttl>,
    /// When.
    pub at: Timestamp,
}

impl Record {
    /// The format that this version writes.
    pub const SCHEMA: u32 = 1;
}

impl Document for Record {
    const SCHEMA: u32 = Record::SCHEMA;
}

impl InstanceStore {
    /// The record, where there is one.
    #[must_use]
    pub fn record(&self) -> Loaded<Record> {
        file::read_json(&self.dir.join("record.json"), &self.warnings)
    }

    /// Writes the record.
    ///
    /// # Errors
    /// The file cannot be written; the old one is intact.
    pub fn save_record(&self, record: &Record) -> Result<(), StoreError> {
        file::write_json(&self.dir.join("record.json"), record)
    }
}
