//! Writes down what a verb has made of an instance.

use jiff::Timestamp;

use crate::model::id::Identity;
use crate::model::lifetime::Ttl;
use crate::model::observed::{Instance, Power};
use crate::store::InstanceStore;
use crate::store::record::{Record, Renewal};

use super::Context;

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

/// What a verb has to say of the instance's time to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Nothing: it is as it was.
    Kept,
    /// It begins again, with this INFRA_TTL: `up`.
    Renewed(Option<Ttl>),
}

impl Life {
    /// Whether the record has to say something that it does not. That there is no end is said where
    /// there was one.
    #[must_use]
    pub fn is_news(self, record: Option<&Record>, instance: &Instance) -> bool {
        let known = record.and_then(|record| record.renewed);
        match self {
            Life::Kept => false,
            Life::Renewed(Some(_)) => true,
            Life::Renewed(None) => match known {
                Some(renewal) => renewal.ttl.is_some(),
                None => instance.stamp.asked.ttl.is_some(),
            },
        }
    }
}

/// Writes the record; one that cannot be written is a warning, since nothing depends on it.
pub fn remember(
    context: &Context<'_>,
    store: &InstanceStore,
    identity: &Identity,
    instance: &Instance,
    made: Made,
    life: Life,
) {
    let before = store.record().value;
    let renews = life.is_news(before.as_ref(), instance);
    if made == Made::Nothing && before.is_some() && !renews {
        return;
    }
    let moment = Timestamp::now();
    let now = moment.to_string();
    let renewed = match life {
        Life::Renewed(ttl) => Some(Renewal { ttl, at: moment }),
        Life::Kept => before.as_ref().and_then(|record| record.renewed),
    };
    let updated_at = match &before {
        Some(before) if made == Made::Nothing => before.updated_at.clone(),
        _ => now.clone(),
    };
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
        updated_at,
        renewed,
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
