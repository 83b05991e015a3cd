//! Until when an instance may live: by the record, and where that is lost by what is left of its
//! project and of itself.

use jiff::Timestamp;

use crate::config::{self, Config, LoadRequest};
use crate::model::host::HostFacts;
use crate::model::lifetime::{Lifetime, Ttl};
use crate::model::observed::Instance;
use crate::plan::garbage::Ground;
use crate::store::record::Record;

use super::Context;

/// What a project's files say of INFRA_TTL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// They can be read, and say this.
    Says(Option<Ttl>),
    /// They are gone, and the directory with them.
    Gone,
    /// Nobody knows: they were not read, or could not be.
    Unknown,
}

impl Written {
    /// What a configuration says; none was read, or it could not be.
    #[must_use]
    pub fn of(config: Option<&Config>) -> Self {
        config.map_or(Written::Unknown, |config| {
            Written::Says(config.infra_ttl.as_ref().map(|ttl| ttl.value))
        })
    }
}

/// The lifetime of an instance; none where it may live for as long as it likes, and where that
/// cannot be told.
#[must_use]
pub fn of(record: Option<&Record>, instance: &Instance, written: Written) -> Option<Lifetime> {
    if let Some(renewal) = record.and_then(|record| record.renewed) {
        return renewal.ttl.map(|ttl| Lifetime { ttl, since: renewal.at });
    }
    let ttl = match written {
        Written::Says(ttl) => ttl,
        Written::Gone => instance.stamp.asked.ttl,
        Written::Unknown => None,
    }?;
    let times = [instance.started_at.as_deref(), instance.created_at.as_deref()];
    let since: Timestamp = times.into_iter().flatten().find_map(|time| time.parse().ok())?;
    Some(Lifetime { ttl, since })
}

/// The lifetime of any instance of this user's, wherever its project is. Its files are read only
/// where the record does not know.
#[must_use]
pub fn looked_up(context: &Context<'_>, instance: &Instance, ground: &Ground) -> Option<Lifetime> {
    let record = context.store.instance(instance.stamp.uuid).record().value;
    let is_known = record.as_ref().is_some_and(|record| record.renewed.is_some());
    let written = match ground {
        _ if is_known => Written::Unknown,
        Ground::There => {
            // What the caller's environment overrides is meant for the caller's project.
            let mut environment = context.facts.environment.clone();
            environment.retain(|name, _| !name.starts_with("VAGRANTP_"));
            let facts = HostFacts { environment, ..context.facts.clone() };
            let dir = &instance.stamp.project;
            let request = LoadRequest { dir, env_files: &[], set: &[], facts: &facts };
            Written::of(config::load(&request).config.as_ref())
        }
        Ground::Bare { .. } => Written::Gone,
        Ground::Unknown => Written::Unknown,
    };
    of(record.as_ref(), instance, written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observed::Power;
    use crate::plan::fixture;
    use crate::store::record::Renewal;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn the_record_counts_and_then_the_project_and_then_the_object() {
        let wish = fixture::desired();
        let mut machine = fixture::observed(&wish, Power::Running).instances.remove(0);
        machine.started_at = Some("2026-01-02T00:00:00Z".to_owned());
        machine.stamp.asked.ttl = Some(Ttl(60));
        let renewed = |ttl: Option<Option<Ttl>>| {
            let renewed = ttl.map(|ttl| Renewal { ttl, at: at("2026-01-05T00:00:00Z") });
            Record {
                schema: Record::SCHEMA,
                uuid: wish.identity.uuid,
                infra_id: wish.identity.id.clone(),
                infra_type: wish.identity.infra_type,
                provider: wish.identity.provider,
                project: wish.identity.project.path.clone(),
                created_at: String::new(),
                updated_at: String::new(),
                last_started: None,
                last_stopped: None,
                renewed,
            }
        };
        let (known, endless) = (renewed(Some(Some(Ttl(30)))), renewed(Some(None)));
        let older = renewed(None);
        let started = |ttl| Some(Lifetime { ttl, since: at("2026-01-02T00:00:00Z") });
        let says = |ttl| Written::Says(Some(Ttl(ttl)));
        for (record, written, expected) in [
            (
                Some(&known),
                says(5),
                Some(Lifetime { ttl: Ttl(30), since: at("2026-01-05T00:00:00Z") }),
            ),
            (Some(&endless), says(5), None),
            (Some(&older), says(5), started(Ttl(5))),
            (None, says(5), started(Ttl(5))),
            (None, Written::Says(None), None),
            (None, Written::Gone, started(Ttl(60))),
            (None, Written::Unknown, None),
        ] {
            assert_eq!(of(record, &machine, written), expected, "{written:?}");
        }
        // One that was never started counts from its making, one that shows nothing never ends.
        machine.started_at = None;
        machine.created_at = Some("2026-01-01T00:00:00Z".to_owned());
        let made = Some(Lifetime { ttl: Ttl(60), since: at("2026-01-01T00:00:00Z") });
        assert_eq!(of(None, &machine, Written::Gone), made);
        machine.created_at = None;
        assert_eq!(of(None, &machine, Written::Gone), None);
    }
}
