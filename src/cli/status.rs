//! `status`: the machine as its provider sees it, never from memory.

use std::time::Duration;

use clap::Args;

use crate::exit;
use crate::model::id::Identity;
use crate::model::observed::{Instance, Observed};
use crate::model::state::{State, UnderWay};
use crate::provider::Depth;
use crate::report::{Answer, Infrastructure, infrastructure};
use crate::store::journal::Entry;

use super::locate::{self, Found, Search};
use super::{Context, Failure};

/// The step that keeps an engine from answering.
const SAVING: &str = "save_files";
/// How long an engine that is at it is waited for: it may be done at any moment.
const PATIENCE: Duration = Duration::from_secs(1);

/// The options of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {}

/// Runs `status`. No lock is waited for.
///
/// # Errors
/// The provider cannot be asked: the state is then `unknown`, and the exit status 5.
pub async fn run(context: &Context<'_>, _: &StatusArgs) -> Result<Answer, Failure> {
    let search = locate::search(context)?;
    let found = match ask(context, &search).await {
        Err(identity) => return Ok(answer(context, &search, identity, None)),
        Ok(Ok(found)) => found,
        Ok(Err(mut failure)) => {
            if let Some(identity) = search.candidates.first() {
                let mut shape = shape(context, identity, None, search.config.as_ref());
                shape.state = State::Unknown;
                failure.base.infrastructure = Some(shape);
            }
            return Err(failure.with_sources(&search.sources, Vec::new()));
        }
    };
    let observed = found.as_ref().map(|found| &found.observed);
    let instance = observed.and_then(Observed::instance);
    if let Some(warning) = observed.and_then(|observed| observed.engine.unlimited_text())
        && instance.is_some()
    {
        context.reporter.warn(&warning);
    }
    // Without a `.env` and without a machine, the missing file is what there is to say.
    if instance.is_none() && search.config.is_none() {
        return Err(search.into_failure());
    }
    search.warn(context);
    let identity = match (&found, search.candidates.first()) {
        (Some(found), _) => &found.identity,
        (None, Some(identity)) => identity,
        (None, None) => return Err(search.into_failure()),
    };
    Ok(answer(context, &search, identity, instance))
}

/// The provider's answer, or whose files it copies: it answers no question about that one meanwhile.
type Asked<'a> = Result<Result<Option<Found>, Failure>, &'a Identity>;

async fn ask<'a>(context: &Context<'_>, search: &'a Search) -> Asked<'a> {
    let found = locate::find(context, search, Depth::Glance);
    let copied = search.candidates.iter().find(|identity| {
        let journal = context.store.instance(identity.uuid).journal().value;
        journal.is_some_and(|entry| entry.is_open() && entry.is_at(SAVING))
    });
    let Some(identity) = copied else { return Ok(found.await) };
    tokio::time::timeout(PATIENCE, found).await.map_err(|_| identity)
}

fn answer(
    context: &Context<'_>,
    search: &Search,
    identity: &Identity,
    instance: Option<&Instance>,
) -> Answer {
    let shape = shape(context, identity, instance, search.config.as_ref());
    let message = format!("{} is {}.", shape.id, shape.state);
    let mut text =
        format!("{}: {} ({} on {})\n", shape.id, shape.state, shape.infra_type, shape.provider);
    if instance.is_some() {
        for (name, value) in shape.lines() {
            text.push_str(&format!("  {name:<10} {value}\n"));
        }
        if let Some(status) = instance.and_then(|instance| instance.exit_status)
            && shape.state == State::Stopped
        {
            text.push_str(&format!("  {:<10} its main process ended with {status}\n", "ended"));
        }
    }
    text.push_str(&format!("  {:<10} {}\n", "project", shape.project_path.display()));
    let next = match shape.state {
        State::Running => "vagrantp ssh",
        _ => "vagrantp up",
    };
    text.push_str(&format!("  {:<10} {next}\n", "next"));
    let mut document = context.document(&search.warnings);
    document.message = Some(message);
    document.changed = Some(false);
    document.infrastructure = Some(shape);
    document.next_steps = vec![next.to_owned()];
    Answer { document, text, exit: exit::SUCCESS }
}

/// The instance in the one shape, with what the store knows besides.
pub(super) fn shape(
    context: &Context<'_>,
    identity: &Identity,
    instance: Option<&Instance>,
    config: Option<&crate::config::Config>,
) -> Infrastructure {
    let store = context.store.instance(identity.uuid);
    let power = instance.map(|instance| instance.state);
    let open = store.journal().value.filter(Entry::is_open);
    let state = State::of(power, open.as_ref().and_then(under_way));
    let record = store.record().value;
    let user = config.and_then(|config| config.ssh_user.as_ref());
    let disk = config.and_then(|config| config.disk_size.as_ref());
    Infrastructure::new(
        identity,
        infrastructure::Facts {
            instance,
            state,
            disk_gb: disk.map_or(20, |disk| disk.value.gibibytes_up()),
            wanted: infrastructure::Resources {
                memory_mb: config
                    .and_then(|config| config.memory.as_ref())
                    .map_or(2048, |memory| memory.value.0),
                cpus: config.and_then(|config| config.cpus.as_ref()).map_or(2, |cpus| cpus.value.0),
                ..infrastructure::Resources::default()
            },
            updated_at: record.as_ref().map(|record| record.updated_at.as_str()),
            last_stopped: record.as_ref().and_then(|record| record.last_stopped.as_deref()),
            user: user.map_or("root", |user| user.value.as_str()),
        },
    )
}

/// What an open journal says is being done.
fn under_way(entry: &Entry) -> Option<UnderWay> {
    match entry.verb.as_str() {
        "up" | "adopt" if entry.intends("create") => Some(UnderWay::Creating),
        "up" | "restart" => Some(UnderWay::Starting),
        "stop" => Some(UnderWay::Stopping),
        "suspend" => Some(UnderWay::Suspending),
        "resume" => Some(UnderWay::Resuming),
        "rm" => Some(UnderWay::Removing),
        _ => None,
    }
}
