//! From a wish to a machine that is so: look, lock, look again, plan, agree, apply, look.
//!
//! `up` and `adopt` are this with different goals; `plan` and `--dry-run` stop before the lock.

use std::sync::atomic::Ordering;

use crate::apply::{ApplyError, take_all_back};
use crate::model::desired::Desired;
use crate::model::observed::{Instance, Observed, Power};
use crate::model::problem::Problem;
use crate::model::state::State;
use crate::model::vm::WaitFor;
use crate::plan::action::Fetch;
use crate::plan::ports::{Forwards, ssh_settled_already};
use crate::plan::saved::{SavedPlan, SavedPlanError};
use crate::plan::steps::{Recreate, Twin};
use crate::plan::{Plan, diff};
use crate::provider::{Depth, Provider, ProviderError, Query};
use crate::store::InstanceStore;

use super::consent::{self, Agreed};
use super::planning::make_plan;
pub use super::planning::now;
use super::remember::{Life, Made, remember};
use super::settle::{self, Claim};
use super::{Context, Failure, holder, reach, saved_plan};

/// What `up` and `adopt` were asked.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// The verb, for locks, journal and history.
    pub verb: &'static str,
    /// Whether to start from the image again.
    pub recreate: Recreate,
    /// Whether to fetch the image although it is there.
    pub fetch: Fetch,
    /// Whether to start the instance.
    pub start: bool,
    /// What to do about an instance from another path.
    pub twin: Twin,
    /// The moment that stamps carry; none for that of the planning.
    pub moment: Option<&'a str>,
    /// The plan that has to come out: `up --plan`.
    pub saved: Option<Handed<'a>>,
}

/// A plan that was handed over.
#[derive(Clone, Copy, Debug)]
pub struct Handed<'a> {
    /// The file that it is from.
    pub file: &'a str,
    /// What it holds.
    pub plan: &'a SavedPlan,
    /// What is written outside of the files now, as the plan holds it.
    pub given: &'a [String],
}

impl Handed<'_> {
    /// Why it cannot be carried out, where it is not the plan of the moment.
    fn outdated(&self, desired: &Desired, plan: &Plan, observed: &Observed) -> Option<Problem> {
        let difference = self.plan.difference(plan, &saved_plan::seen(desired, observed))?;
        let help = match self.plan.lacking(self.given).as_slice() {
            [] => "look at a new one: `vagrantp plan --json > plan.json`".to_owned(),
            lacking => format!(
                "the plan was made with {}, which this call lacks: a plan carries no values of its \
                 own, so give the same again",
                lacking.join(", ")
            ),
        };
        let file = self.file.to_owned();
        Some(SavedPlanError::Outdated { file, difference, help }.into())
    }
}

/// What came of it.
pub struct Converged {
    /// The plan that was carried out; empty where there was nothing to do.
    pub plan: Plan,
    /// The instance afterwards.
    pub instance: Option<Instance>,
}

/// How often a plan is made anew because the world changed under it.
const TRIES: usize = 3;
/// How often another port is picked where somebody binds the one that was picked before the start.
const PICKS: usize = 5;

/// Whether a glance is enough: a journal means that somebody is at it, or has not come to the end and
/// may have left something.
#[must_use]
pub fn is_quiet(context: &Context<'_>, desired: &Desired) -> bool {
    context.store.instance(desired.identity.uuid).journal().value.is_none()
}

/// Looks without a lock: the instance, where it is as wanted and there is nothing to do.
///
/// # Errors
/// The provider cannot be asked.
pub async fn glance(
    desired: &Desired,
    provider: &dyn Provider,
    options: &Options<'_>,
) -> Result<Option<Instance>, Failure> {
    let always = options.recreate == Recreate::Always || options.fetch == Fetch::Always;
    if always || options.saved.is_some() {
        return Ok(None);
    }
    let query = Query { identity: &desired.identity, image: None, depth: Depth::Glance };
    let mut observed = provider.observe(&query).await?;
    reach::look(&mut observed).await;
    let ([instance], None) = (&observed.instances[..], &observed.stranger) else { return Ok(None) };
    let own = settle::own_ports(Some(instance));
    let Some(ports) = crate::plan::ports::settled_already(&desired.ports, &own) else {
        return Ok(None);
    };
    let Some(ssh) = ssh_settled_already(desired, instance.ssh_port()) else { return Ok(None) };
    let forwards = Forwards { ports: &ports, ssh };
    let awaits_ssh = desired.vm.as_ref().is_some_and(|vm| vm.wait_for.value == WaitFor::Ssh);
    let runs = State::of_instance(Some(instance), awaits_ssh, None) == State::Running;
    let as_wanted = runs || !options.start;
    let name = desired.identity.id.as_str();
    let capabilities = provider.capabilities();
    let changes =
        diff::diff(desired, forwards, name, instance, None, &observed.engine, &capabilities);
    Ok((as_wanted && changes.is_empty()).then(|| instance.clone()))
}

/// What is to be said of an instance that is as it is wanted.
#[must_use]
pub fn to_say(instance: &Instance) -> Vec<String> {
    instance.unlimited_text().into_iter().chain(instance.unguarded_text()).collect()
}

/// There is nothing to do, but there may be something to say.
fn settled(context: &Context<'_>, instance: Instance) -> Converged {
    for warning in to_say(&instance) {
        context.reporter.warn(&warning);
    }
    Converged { plan: Plan::default(), instance: Some(instance) }
}

/// Makes it so.
///
/// # Errors
/// Whatever stops it; what was begun has been taken back where that was possible.
pub async fn converge(
    context: &Context<'_>,
    desired: &Desired,
    provider: &dyn Provider,
    options: &Options<'_>,
    agreed: Agreed<'_>,
) -> Result<Converged, Failure> {
    let identity = &desired.identity;
    let store = context.store.instance(identity.uuid);
    let quiet = is_quiet(context, desired);
    let seen = if quiet { glance(desired, provider, options).await? } else { None };
    let life = Life::Renewed(desired.ttl.as_ref().map(|ttl| ttl.value));
    let is_there = seen.is_some();
    if let Some(instance) = seen
        && !life.is_news(store.record().value.as_ref(), &instance)
    {
        return Ok(settled(context, instance));
    }
    let lock = store.lock(options.verb, context.lock_timeout(), context.reporter).await?;
    // Its time begins again, where nobody has taken it away while this call waited.
    if is_there && let Some(instance) = glance(desired, provider, options).await? {
        remember(context, &store, identity, &instance, Made::Nothing, life);
        return Ok(settled(context, instance));
    }
    let (mut tries, mut picked) = (0, 0);
    let outcome = loop {
        // Whoever held the lock before may have done all of it.
        let planned = make_plan(context, desired, provider, options, Claim::Keep).await;
        let (plan, observed, ports) = match planned {
            Ok(planned) => planned,
            Err(failure) => break Err(failure),
        };
        for warning in plan.warnings.iter().filter(|_| tries + picked == 0) {
            context.reporter.warn(warning);
        }
        let handed = options.saved.as_ref();
        if let Some(problem) = handed.and_then(|handed| handed.outdated(desired, &plan, &observed))
        {
            break Err(problem.into());
        }
        if plan.is_empty() {
            if !quiet {
                // Nothing is left of what was interrupted: its journal is at its end.
                store.begin(options.verb, [])?.close()?;
            }
            let instance = observed.instance().cloned();
            break Ok((plan, instance));
        }
        if let Err(failure) = consent::to_change(context, &plan, agreed).await {
            break Err(failure);
        }
        match context.carry_out(options.verb, identity, &plan, provider).await {
            Ok(()) => {
                let instance = look_again(desired, provider).await?;
                match instance {
                    // It outlived its start by a moment only.
                    Some(ended) if options.start && ended.state == Power::Stopped => {
                        let error = ended_at_once(provider, &ended).await;
                        let mut signal = context.signal.clone();
                        context.applying.store(true, Ordering::Relaxed);
                        take_all_back(&plan, provider, context.reporter, &mut signal).await;
                        break Err(error.into());
                    }
                    instance => break Ok((plan, instance)),
                }
            }
            Err(ApplyError::Stale { found, .. })
                if tries + 1 < TRIES && options.saved.is_none() =>
            {
                tries += 1;
                context.reporter.begin(&format!("looking again: {found}"));
            }
            Err(ApplyError::Provider(error))
                if picked < PICKS
                    && options.saved.is_none()
                    && settle::was_picked_now(&error, &ports.ports, observed.instance()) =>
            {
                picked += 1;
                context.reporter.begin(&format!("picking another port: {error}"));
            }
            Err(error) => {
                break Err(holder::named(
                    error.into(),
                    identity.uuid,
                    Some(desired),
                    &ports.ports,
                    provider,
                )
                .await);
            }
        }
    };
    match outcome {
        Ok((plan, instance)) => {
            if let Some(instance) = &instance {
                let made = if plan.is_empty() { Made::Nothing } else { Made::Changes };
                remember(context, &store, identity, instance, made, life);
            }
            drop(lock);
            Ok(Converged { plan, instance })
        }
        Err(failure) => {
            forget_if_nothing(context, desired, provider, &store, lock).await;
            Err(failure)
        }
    }
}

/// A failed `up` that leaves no instance leaves nothing of vagrantp's either.
async fn forget_if_nothing(
    context: &Context<'_>,
    desired: &Desired,
    provider: &dyn Provider,
    store: &InstanceStore,
    lock: crate::store::lock::Lock,
) {
    let query = Query { identity: &desired.identity, image: None, depth: Depth::Glance };
    let nothing = provider
        .observe(&query)
        .await
        .is_ok_and(|observed| observed.instances.is_empty() && observed.network.is_none());
    if nothing {
        let uuid = desired.identity.uuid;
        let _ = context.store.release(uuid, context.lock_timeout(), context.reporter).await;
        let _ = store.remove(lock);
    }
}

/// How much of the last output an error holds.
const LINES: usize = 20;

async fn ended_at_once(provider: &dyn Provider, ended: &Instance) -> ProviderError {
    ProviderError::EndedAtOnce {
        name: ended.name.clone(),
        status: ended.exit_status.unwrap_or_default(),
        output: provider.last_output(ended, LINES).await.unwrap_or_default(),
        help: match ended.vm {
            Some(_) => "`vagrantp logs` shows what it wrote on its console",
            None => {
                "COMMAND has to be a program that stays up; delete the line to have one that does"
            }
        }
        .to_owned(),
    }
}

async fn look_again(
    desired: &Desired,
    provider: &dyn Provider,
) -> Result<Option<Instance>, Failure> {
    let query = Query { identity: &desired.identity, image: None, depth: Depth::Glance };
    Ok(provider.observe(&query).await?.instance().cloned())
}
