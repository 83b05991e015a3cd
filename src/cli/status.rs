//! `status`: the machine as its provider sees it, never from memory.

use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use crate::exit;
use crate::guest::ssh;
use crate::model::id::Identity;
use crate::model::observed::{Instance, Observed};
use crate::model::state::{State, UnderWay};
use crate::provider::Depth;
use crate::report::{Answer, Infrastructure, clean, infrastructure};
use crate::store::journal::Entry;

use super::lifetime::{self, Written};
use super::locate::{self, Found, Search};
use super::{Context, Failure, left_alone, reach};

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
        Err(identity) => return Ok(answer(context, &search, identity, None, None)),
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
    if let Some(warning) = instance.and_then(Instance::unguarded_text) {
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
    if let Some(found) = found.as_ref().filter(|found| !found.observed.instances.is_empty()) {
        left_alone::tell_seen(context, found);
    }
    let mut instance = instance.cloned();
    let mut last_output = None;
    if let (Some(found), Some(instance)) = (&found, &mut instance) {
        reach::look_at(instance).await;
        instance.life.health = found.provider.check_health(instance, CHECK_WITHIN).await?;
        let shape = shape(context, identity, Some(instance), None);
        if shape.ended.is_some_and(|ended| ended.is_unasked()) {
            // What cannot be read is no reason to show nothing.
            last_output = found.provider.last_output(instance, LINES).await.ok();
        }
    }
    Ok(answer(context, &search, identity, instance.as_ref(), last_output))
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
/// How long a health check is waited for.
pub(super) const CHECK_WITHIN: Duration = Duration::from_secs(1);

/// How many of the last lines are shown of what ended by itself.
const LINES: usize = 10;

fn answer(
    context: &Context<'_>,
    search: &Search,
    identity: &Identity,
    instance: Option<&Instance>,
    last_output: Option<String>,
) -> Answer {
    let mut shape = shape(context, identity, instance, search.config.as_ref());
    let mut message = format!("{} is {}.", shape.id, shape.state);
    let mut text =
        format!("{}: {} ({} on {})\n", shape.id, shape.state, shape.infra_type, shape.provider);
    if instance.is_some() {
        for (name, value) in shape.lines() {
            text.push_str(&format!("  {name:<10} {value}\n"));
        }
        if let Some(ended) = &mut shape.ended {
            let says = ended.says(Timestamp::now());
            text.push_str(&format!("  {:<10} {says}\n", "ended"));
            if ended.is_unasked() {
                message = format!("{} is {}: {says}.", shape.id, shape.state);
            }
            for (index, line) in last_output.iter().flat_map(|output| output.lines()).enumerate() {
                let name = if index == 0 { "last words" } else { "" };
                text.push_str(&format!("  {name:<10} {line}\n"));
            }
            ended.last_output = last_output;
        }
    }
    let project = clean::line(&shape.project_path.display().to_string());
    text.push_str(&format!("  {:<10} {project}\n", "project"));
    let next = match shape.state {
        State::Running => "vagrantp ssh",
        State::Error if shape.trouble.is_none() => "vagrantp up --recreate",
        State::Starting => "vagrantp logs",
        State::Suspended => "vagrantp resume",
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
    let open = store.journal().value.filter(Entry::is_open);
    let awaits_ssh = instance.is_some_and(|instance| reach::awaits_ssh(instance, config));
    let state = State::of_instance(instance, awaits_ssh, open.as_ref().and_then(under_way));
    let access = instance.and_then(|instance| reach::access(context, instance, config));
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
            access: access.as_ref().map(shown).as_ref(),
            user: user.map_or("root", |user| user.value.as_str()),
            lifetime: instance
                .and_then(|instance| lifetime::of(record.as_ref(), instance, Written::of(config)))
                .map(|lifetime| (lifetime, Timestamp::now())),
        },
    )
}

/// What leads into a VM, as it is shown.
pub(super) fn shown(access: &ssh::Access) -> infrastructure::Way {
    infrastructure::Way {
        host: access.host.to_string(),
        port: access.port,
        user: access.user.clone(),
        key: access.identity.as_ref().map(|key| key.display().to_string()),
        command: ssh::command_line(access),
    }
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
