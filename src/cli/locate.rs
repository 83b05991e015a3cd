//! Which instance is meant, for verbs that act on what exists: also where the `.env` has since been
//! edited, broken or deleted.

use std::path::PathBuf;

use crate::config::Config;
use crate::model::id::{Identity, InfraId, InfraType, InstanceUuid, ProjectDir, ProviderKind};
use crate::model::observed::{Instance, Observed};
use crate::model::problem::Problem;
use crate::model::source::Sources;
use crate::model::units::Seconds;
use crate::plan::steps::known;
use crate::provider::{Depth, Provider, Query, registry};
use crate::resolve;

use super::{Context, Failure, left_alone};

/// How long `stop` waits where the `.env` does not say.
pub(super) const STOP_TIMEOUT: Seconds = Seconds(30);

/// What was found out before any provider is asked.
pub struct Search {
    /// The identities that the instance may have, the likeliest first.
    pub candidates: Vec<Identity>,
    /// What the `.env` says, where it can be read.
    pub config: Option<Config>,
    /// What is wrong with the `.env`.
    pub errors: Vec<Problem>,
    /// What is worth saying of it.
    pub warnings: Vec<Problem>,
    /// The texts that places point into.
    pub sources: Sources,
    /// The project.
    pub project: ProjectDir,
}

/// An identity with what its provider has of it.
pub struct Found {
    /// Whose.
    pub identity: Identity,
    /// What runs it.
    pub provider: Box<dyn Provider>,
    /// What was observed.
    pub observed: Observed,
}

impl Search {
    /// STOP_TIMEOUT, where the `.env` can be read.
    #[must_use]
    pub fn stop_timeout(&self) -> std::time::Duration {
        let written = self.config.as_ref().and_then(|config| config.stop_timeout.as_ref());
        written.map_or(STOP_TIMEOUT, |timeout| timeout.value).duration()
    }

    /// Says that the `.env` was not used, and why, where that is so.
    pub fn warn(&self, context: &Context<'_>) {
        if self.config.is_some() || self.errors.is_empty() {
            return;
        }
        context.reporter.warn(&format!(
            "the .env is not used: {} (`vagrantp validate` shows it all)",
            self.errors[0].message()
        ));
    }

    /// The failure of a verb that found nothing and has a `.env` that cannot be used.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        Failure {
            problems: self.errors,
            warnings: self.warnings,
            sources: self.sources,
            ..Failure::default()
        }
    }
}

/// Reads what can be read, and derives the identities that the instance may have.
///
/// # Errors
/// The directory cannot be used.
pub fn search(context: &Context<'_>) -> Result<Search, Failure> {
    let project = context.project()?;
    let loaded = context.load(&project);
    let mut errors = loaded.errors;
    let mut candidates = Vec::new();
    if let Some(config) = &loaded.config {
        match resolve::identity(config, &project, &context.facts) {
            Ok(identity) => candidates.push(identity),
            Err(problem) => errors.push(problem),
        }
    }
    for infra_type in [InfraType::Container, InfraType::Vm] {
        if candidates.iter().any(|known| known.infra_type == infra_type) {
            continue;
        }
        candidates.extend(derived(context, &project, infra_type));
    }
    Ok(Search {
        candidates,
        config: loaded.config,
        errors,
        warnings: loaded.warnings,
        sources: loaded.sources,
        project,
    })
}

/// The identities of this directory's instance of one type, without the `.env`: the record knows
/// its name and provider, else every provider of this build may have it.
fn derived(context: &Context<'_>, project: &ProjectDir, infra_type: InfraType) -> Vec<Identity> {
    let facts = &context.facts;
    let uuid = InstanceUuid::derive(&facts.machine_id, facts.uid, &project.path, infra_type);
    let record = context.store.instance(uuid).record().value;
    let name = project.path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let id = record
        .as_ref()
        .map(|record| record.infra_id.clone())
        .or_else(|| InfraId::nearest(&name))
        .or_else(|| InfraId::new("machine"));
    let Some(id) = id else { return Vec::new() };
    let providers = match &record {
        Some(record) => vec![record.provider],
        None => registry::built(infra_type),
    };
    let identity = |provider: ProviderKind| Identity {
        uuid,
        id: id.clone(),
        id_is_explicit: false,
        project: project.clone(),
        uid: facts.uid,
        infra_type,
        provider,
    };
    providers.into_iter().map(identity).collect()
}

/// Asks each candidate's provider, and returns the first that has an instance; where none has, the
/// answer of the likeliest one, and says what is there in its place.
///
/// # Errors
/// The likeliest candidate's provider cannot be asked.
pub async fn find(
    context: &Context<'_>,
    search: &Search,
    depth: Depth,
) -> Result<Option<Found>, Failure> {
    let mut first = None;
    let mut failure = None;
    for (index, identity) in search.candidates.iter().enumerate() {
        match look(context, identity, depth).await {
            Ok(found) if !found.observed.instances.is_empty() => return Ok(Some(found)),
            Ok(found) => {
                first.get_or_insert(found);
            }
            Err(error) if index == 0 => failure = Some(error),
            // A guess that cannot be asked says nothing.
            Err(_) => {}
        }
    }
    if let Some(failure) = failure {
        return Err(failure);
    }
    if let Some(found) = &first {
        left_alone::tell(context, found, depth).await;
    }
    Ok(first)
}

async fn look(context: &Context<'_>, identity: &Identity, depth: Depth) -> Result<Found, Failure> {
    let provider = registry::open(identity.provider, &context.facts).await?;
    let observed = provider.observe(&Query { identity, image: None, depth }).await?;
    known(&observed)?;
    Ok(Found { identity: named(identity, observed.instance()), provider, observed })
}

/// The identity under the name that the instance goes by.
fn named(identity: &Identity, instance: Option<&Instance>) -> Identity {
    let id = instance.map_or(&identity.id, |instance| &instance.stamp.infra_id);
    Identity { id: id.clone(), ..identity.clone() }
}

/// Where inside the instance the project is mounted, by what the instance itself has.
#[must_use]
pub fn workdir(instance: &Instance) -> Option<PathBuf> {
    let project = &instance.stamp.project;
    instance.mounts.iter().find(|mount| mount.host == *project).map(|mount| mount.guest.clone())
}
