//! What `restart`, `suspend`, `resume` and `snapshot` have in common: they act on what exists, whatever the
//! `.env` says, and reach a state that one plan leads to.

use crate::apply::ApplyError;
use crate::model::observed::{Instance, Observed, Power};
use crate::plan::ports::{Forwards, ssh_settled_already};
use crate::plan::{Plan, PlanError, diff};
use crate::provider::{Depth, Provider, Query};
use crate::report::{Answer, Infrastructure, json};
use crate::resolve;
use crate::store::journal::Entry;

use super::locate::{self, Found, Search};
use super::remember::{Life, Made, remember};
use super::{Context, Failure, holder, settle, status};

/// How often a plan is made anew because the world changed under it.
const TRIES: usize = 3;

/// What a verb came to.
pub struct Reached {
    /// The instance, with what runs it.
    pub found: Found,
    /// What was done.
    pub plan: Plan,
}

/// Brings the instance into the state that `way` leads to.
///
/// # Errors
/// There is none, `way` has no plan for its state, or a step cannot be done.
pub async fn reach(
    context: &Context<'_>,
    search: &Search,
    verb: &'static str,
    depth: Depth,
    way: impl Fn(&Found) -> Result<Plan, PlanError>,
) -> Result<Reached, Failure> {
    let Some(found) = locate::find(context, search, depth).await? else {
        return Err(PlanError::NotFound.into());
    };
    reach_from(context, found, verb, depth, way).await
}

/// The same, from what was found before.
///
/// # Errors
/// As for [`reach`].
pub async fn reach_from(
    context: &Context<'_>,
    mut found: Found,
    verb: &'static str,
    depth: Depth,
    way: impl Fn(&Found) -> Result<Plan, PlanError>,
) -> Result<Reached, Failure> {
    let store = context.store.instance(found.identity.uuid);
    // Somebody who is at it may be about to bring the state that makes sense.
    let alone = !store.journal().value.is_some_and(|entry: Entry| entry.is_open());
    let at_once = way(&found);
    match at_once {
        Ok(plan) if plan.is_empty() => return Ok(Reached { found, plan }),
        Err(error) if alone => return Err(error.into()),
        _ => {}
    }
    context.begin(&found.identity);
    let _lock = store.lock(verb, context.lock_timeout(), context.reporter).await?;
    let mut tries = 0;
    let plan = loop {
        found.observed = look(&found, depth).await?;
        let plan = way(&found)?;
        match context.carry_out(verb, &found.identity, &plan, &*found.provider).await {
            Ok(()) => break plan,
            Err(ApplyError::Stale { found, .. }) if tries + 1 < TRIES => {
                tries += 1;
                context.reporter.begin(&format!("looking again: {found}"));
            }
            Err(error) => {
                let (failure, uuid) = (error.into(), found.identity.uuid);
                let ports = settle::own_ports(found.observed.instance());
                return Err(holder::named(failure, uuid, None, &ports, &*found.provider).await);
            }
        }
    };
    found.observed = look(&found, depth).await?;
    if let Some(instance) = found.observed.instance() {
        let made = match instance.state {
            _ if plan.is_empty() => Made::Nothing,
            Power::Stopped => Made::Stopped,
            _ => Made::Changes,
        };
        remember(context, &store, &found.identity, instance, made, Life::Kept);
    }
    Ok(Reached { found, plan })
}

async fn look(found: &Found, depth: Depth) -> Result<Observed, Failure> {
    let query = Query { identity: &found.identity, image: None, depth };
    Ok(found.provider.observe(&query).await?)
}

impl Reached {
    /// The instance in the one shape.
    #[must_use]
    pub fn shape(&self, context: &Context<'_>, search: &Search) -> Infrastructure {
        let instance = self.found.observed.instance();
        status::shape(context, &self.found.identity, instance, search.config.as_ref())
    }

    /// The answer, with this sentence and these lines below it.
    #[must_use]
    pub fn answer(
        &self,
        context: &Context<'_>,
        infrastructure: Infrastructure,
        message: String,
        lines: &[(String, String)],
        next: &[&str],
    ) -> Answer {
        let mut text = format!("{message}\n");
        for (name, value) in lines {
            text.push_str(&format!("  {name:<10} {value}\n"));
        }
        text.push_str(&format!("  {:<10} {}\n", "next", next.join("   ")));
        let mut document = context.document(&[]);
        document.message = Some(message);
        document.changed = Some(!self.plan.is_empty());
        document.plan = Some(json::steps(&self.plan));
        document.infrastructure = Some(infrastructure);
        document.next_steps = next.iter().map(|next| (*next).to_owned()).collect();
        Answer { document, text, ..Answer::default() }
    }
}

/// Whether the instance could start again with the mounts that it has. A verb that stops it asks
/// first: where a directory is gone, it would not come up.
///
/// # Errors
/// The first that is gone.
pub fn mounts_are_there(found: &Found, verb: &'static str) -> Result<(), PlanError> {
    let Some(instance) = found.observed.instance() else { return Ok(()) };
    let gone = instance.mounts.iter().find(|mount| {
        let there = mount.host.symlink_metadata();
        there.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
    });
    gone.map_or(Ok(()), |mount| {
        Err(PlanError::InvalidState {
            verb,
            name: found.identity.id.to_string(),
            doing: format!("mounts {}, which is gone", mount.host.display()),
            help: "put it back; or change MOUNTS, and `vagrantp up` makes the machine without it"
                .to_owned(),
        })
    })
}

/// Says where the `.env` asks for something else than the instance is, to verbs that leave it so.
pub fn warn_of_drift(context: &Context<'_>, search: &Search, found: &Found, verb: &str) {
    let Some(instance) = found.observed.instance() else { return };
    let drift = drift(context, search, &found.observed, instance, &*found.provider);
    if !drift.is_empty() {
        context.reporter.warn(&format!(
            "the .env asks for something else, which `{verb}` does not apply and `vagrantp up` \
             does: {}",
            drift.join("; ")
        ));
    }
}

/// The differences, each as people read it. None where the `.env` cannot be used, or names another
/// provider: then it says nothing of this instance.
fn drift(
    context: &Context<'_>,
    search: &Search,
    observed: &Observed,
    instance: &Instance,
    provider: &dyn Provider,
) -> Vec<String> {
    let Some(config) = &search.config else { return Vec::new() };
    let Ok(desired) = resolve::resolve(config, &search.project, &context.facts) else {
        return Vec::new();
    };
    if desired.identity.uuid != instance.stamp.uuid || desired.identity.provider != provider.kind()
    {
        return Vec::new();
    }
    let own = settle::own_ports(Some(instance));
    let settled = crate::plan::ports::settled_already(&desired.ports, &own);
    let name = desired.identity.id.as_str();
    let ports = settled.as_deref().unwrap_or(&own);
    let has = instance.ssh_port();
    let forwards = Forwards { ports, ssh: ssh_settled_already(&desired, has).unwrap_or(has) };
    let capabilities = provider.capabilities();
    let changes =
        diff::diff(&desired, forwards, name, instance, None, &observed.engine, &capabilities);
    let mut texts: Vec<_> = changes.iter().map(crate::plan::describe::change_text).collect();
    if settled.is_none() {
        texts.push("PORTS".to_owned());
    }
    texts
}
