//! Writes down what a verb has made of an instance.

use jiff::Timestamp;

use crate::model::id::Identity;
use crate::model::observed::{Instance, Power};
use crate::store::InstanceStore;
use crate::store::record::Record;

use super::Context;
use super::converge::warn_of;

/// What a verb has made of the instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// Nothing: it was as it should be.
    Nothing,
    /// What the `.env` asks for.
    Changes,
    /// It was running, and was stopped.
    Stopped,
}

/// Writes the record; one that cannot be written is a warning, since nothing depends on it.
pub fn remember(
    context: &Context<'_>,
    store: &InstanceStore,
    identity: &Identity,
    instance: &Instance,
    made: Made,
) {
    let loaded = store.record();
    warn_of(context, loaded.warning);
    let before = loaded.value;
    if made == Made::Nothing && before.is_some() {
        return;
    }
    let now = Timestamp::now().to_string();
    // What is frozen was not stopped.
    let running = matches!(instance.state, Power::Running | Power::Paused);
    let record = Record {
        schema: Record::SCHEMA,
        uuid: identity.uuid,
        infra_id: identity.id.clone(),
        infra_type: identity.infra_type,
        provider: identity.provider,
        project: identity.project.path.clone(),
        created_at: instance.stamp.created_at.clone(),
        updated_at: now.clone(),
        last_started: if running {
            instance.started_at.clone().or(Some(now.clone()))
        } else {
            before.as_ref().and_then(|record| record.last_started.clone())
        },
        last_stopped: match made {
            Made::Stopped => instance.finished_at.clone().or(Some(now)),
            Made::Nothing | Made::Changes => before.and_then(|record| record.last_stopped),
        },
    };
    if let Err(error) = store.save_record(&record) {
        context.reporter.warn(&format!("the record cannot be written: {error}"));
    }
}
