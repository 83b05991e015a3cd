//! `stop`: stops the machine; its files stay.

use clap::Args;
use miette::Diagnostic;
use thiserror::Error;

use crate::exit;
use crate::model::code::Code;
use crate::model::problem::Problem;
use crate::model::state::State;
use crate::plan::PlanError;
use crate::plan::steps::{stop_mode, to_stopped};
use crate::provider::{Depth, Query};
use crate::report::{Answer, json};

use super::locate::{self, Found};
use super::remember::{Life, Made, remember};
use super::{Context, Failure, status};

/// The options of `stop`.
#[derive(Debug, Args)]
pub struct StopArgs {
    /// Kill it instead of asking it to end.
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Error, Diagnostic)]
enum StopError {
    #[error("`{id}` was told to stop, and runs again")]
    #[diagnostic(
        code(vagrantp::stop::runs_again),
        help(
            "something starts it each time: `vagrantp logs` shows its runs, `vagrantp rm` removes it"
        )
    )]
    RunsAgain { id: String },
}

/// Runs `stop`. An instance that is stopped already is a success.
///
/// # Errors
/// There is no instance, or it cannot be stopped.
pub async fn run(context: &Context<'_>, args: &StopArgs) -> Result<Answer, Failure> {
    let search = locate::search(context)?;
    search.warn(context);
    let found = locate::find(context, &search, Depth::Glance).await?;
    let Some(found) = found.filter(|found| !found.observed.instances.is_empty()) else {
        return Err(PlanError::NotFound.into());
    };
    let mode = stop_mode(args.force, search.stop_timeout());
    let Found { identity, provider, observed } = found;
    let idle = to_stopped(&observed, mode)?;
    if idle.is_empty() && observed.instances.len() == 1 {
        return Ok(answer(context, &identity, observed.instance(), &idle));
    }
    context.begin(&identity);
    let store = context.store.instance(identity.uuid);
    let _lock = store.lock_where_room("stop", context.lock_timeout(), context.reporter).await?;
    let query = Query { identity: &identity, image: None, depth: Depth::Glance };
    let plan = to_stopped(&provider.observe(&query).await?, mode)?;
    context.carry_out("stop", &identity, &plan, &*provider).await?;
    let after = provider.observe(&query).await?;
    if to_stopped(&after, mode).is_ok_and(|left| !left.is_empty()) {
        let error = StopError::RunsAgain { id: identity.id.to_string() };
        return Err(Problem::new(Code::InvalidState, error).into());
    }
    if let Some(instance) = after.instance() {
        let made = if plan.is_empty() { Made::Nothing } else { Made::Stopped };
        remember(context, &store, &identity, instance, made, Life::Kept);
    }
    Ok(answer(context, &identity, after.instance(), &plan))
}

fn answer(
    context: &Context<'_>,
    identity: &crate::model::id::Identity,
    instance: Option<&crate::model::observed::Instance>,
    plan: &crate::plan::Plan,
) -> Answer {
    let infrastructure = status::shape(context, identity, instance, None);
    let message = if plan.is_empty() && infrastructure.state == State::Error {
        format!("{} does not run: no action needed.", identity.id)
    } else if plan.is_empty() {
        format!("{} is {} already: no action needed.", identity.id, infrastructure.state)
    } else {
        format!("{} is {}.", identity.id, infrastructure.state)
    };
    let mut document = context.document(&[]);
    document.message = Some(message.clone());
    document.changed = Some(!plan.is_empty());
    document.plan = Some(json::steps(plan));
    document.infrastructure = Some(infrastructure);
    document.next_steps = vec!["vagrantp up".to_owned(), "vagrantp rm".to_owned()];
    Answer {
        document,
        text: format!("{message}\n  next       vagrantp up   vagrantp rm\n"),
        exit: exit::SUCCESS,
    }
}
