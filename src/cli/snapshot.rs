//! `snapshot create|list|revert|rm`: the machine's files as they were at a moment.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::model::snapshot::{Snapshot, SnapshotName};
use crate::model::state::State;
use crate::model::units::Bytes;
use crate::plan::limits::{self, HostRoom};
use crate::plan::snapshots::{own, to_reverted, to_snapshot, to_snapshot_gone};
use crate::plan::steps::stop_mode;
use crate::plan::{Plan, PlanError};
use crate::provider::Depth;
use crate::report::{Answer, Infrastructure};

use super::consent::{self, Loss};
use super::locate::{self, Found, Search};
use super::planning::{now, room};
use super::power::{self, Reached};
use super::{Context, Failure, reach, status};

/// How long a description may be, in characters.
const LONGEST_DESCRIPTION: usize = 200;

/// The options of `snapshot`.
#[derive(Debug, Args)]
#[command(after_help = "\
A snapshot holds what was written in the machine. Mounts and volumes are not in
it. Snapshots stay through `stop`, `up` and every change of the .env; `rm`
removes them with the machine. Those of a VM are in its disk, and go with that
when it is recreated; taken while it runs, they hold its memory as well.

Examples:
  vagrantp snapshot create before-upgrade
  vagrantp snapshot list
  vagrantp snapshot revert before-upgrade
  vagrantp snapshot rm before-upgrade")]
pub struct SnapshotArgs {
    /// What to do.
    #[command(subcommand)]
    pub verb: SnapshotVerb,
}

/// What can be done with snapshots.
#[derive(Debug, Subcommand)]
pub enum SnapshotVerb {
    /// Keep the machine's files as they are now.
    Create(CreateArgs),
    /// Show the snapshots that there are.
    List(ListArgs),
    /// Go back to a snapshot; what was written since is lost.
    Revert(RevertArgs),
    /// Remove a snapshot; the machine stays as it is.
    Rm(RmArgs),
}

/// The options of `snapshot create`.
#[derive(Debug, Args)]
#[command(after_help = "\
A container that runs is frozen while its files are copied, and goes on: they
are then as after a power cut, so stop a database first, or the machine. A VM
that runs is kept with its memory, and `snapshot revert` lets it run on there.")]
pub struct CreateArgs {
    /// Its name: letters, digits and _ . - (default: the date and time).
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// A line about it, shown by `snapshot list`.
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
}

/// The options of `snapshot list`.
#[derive(Debug, Args)]
pub struct ListArgs {}

/// The options of `snapshot revert`.
#[derive(Debug, Args)]
#[command(after_help = "\
Asks first on a terminal; elsewhere it takes -y. Ports, limits, mounts and
volumes stay as they are. A machine that runs is stopped and runs afterwards;
one that is stopped or suspended is stopped afterwards.")]
pub struct RevertArgs {
    /// Which snapshot.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Kill what runs instead of asking it to end.
    #[arg(long)]
    pub force: bool,
}

/// The options of `snapshot rm`.
#[derive(Debug, Args)]
#[command(after_help = "Asks first on a terminal; elsewhere it takes -y.")]
pub struct RmArgs {
    /// Which snapshot.
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// Runs `snapshot`.
///
/// # Errors
/// There is no instance or no such snapshot, nobody agreed, or a step cannot be done.
pub async fn run(context: &Context<'_>, args: &SnapshotArgs) -> Result<Answer, Failure> {
    match &args.verb {
        SnapshotVerb::Create(args) => create(context, args).await,
        SnapshotVerb::List(_) => list(context).await,
        SnapshotVerb::Revert(args) => revert(context, args).await,
        SnapshotVerb::Rm(args) => remove(context, args).await,
    }
}

async fn create(context: &Context<'_>, args: &CreateArgs) -> Result<Answer, Failure> {
    let now = now();
    let name = match &args.name {
        Some(name) => name_of(name)?,
        None => SnapshotName::of_moment(&now),
    };
    let description = args.description.as_deref().map(description_of).transpose()?;
    let search = locate::search(context)?;
    search.warn(context);
    let reached = power::reach(context, &search, "snapshot create", Depth::Full, |found| {
        let can = found.provider.capabilities();
        let plan = to_snapshot(&found.observed, &name, description, &now, &can)?;
        let copied = plan.copied.unwrap_or(Bytes(0));
        let room: HostRoom = room(context, &found.observed);
        limits::disk(&room, copied).map_or(Ok(plan), Err)
    })
    .await?;
    let of = reached.found.identity.uuid;
    let taken = own(&reached.found.observed, of).find(|snapshot| snapshot.name == name).cloned();
    let message = format!("The snapshot {name} of {} was taken.", reached.found.identity.id);
    let next = format!("vagrantp snapshot revert {name}");
    let mut answer = answer(context, &search, &reached, message, &next);
    if let Some(taken) = taken {
        answer.document.more.insert("snapshot", shape(&taken));
    }
    Ok(answer)
}

async fn list(context: &Context<'_>) -> Result<Answer, Failure> {
    let search = locate::search(context)?;
    search.warn(context);
    let Some(found) = locate::find(context, &search, Depth::Full).await? else {
        return Err(PlanError::NotFound.into());
    };
    let of = found.identity.uuid;
    let snapshots: Vec<_> = own(&found.observed, of).collect();
    if snapshots.is_empty() && found.observed.instances.is_empty() {
        return Err(PlanError::NotFound.into());
    }
    let id = &found.identity.id;
    let mut document = context.document(&[]);
    document.message = Some(match snapshots.len() {
        0 => format!("{id} has no snapshots."),
        1 => format!("{id} has 1 snapshot."),
        count => format!("{id} has {count} snapshots."),
    });
    let text = match snapshots[..] {
        [] => format!("{id} has no snapshots.\n  next       vagrantp snapshot create\n"),
        _ => table(&snapshots),
    };
    document.changed = Some(false);
    let shapes: Vec<Value> = snapshots.into_iter().map(shape).collect();
    document.more.insert("snapshots", json!(shapes));
    document.infrastructure = Some(infrastructure(context, &search, &found));
    Ok(Answer { document, text, ..Answer::default() })
}

async fn revert(context: &Context<'_>, args: &RevertArgs) -> Result<Answer, Failure> {
    let now = now();
    let name = name_of(&args.name)?;
    let search = locate::search(context)?;
    search.warn(context);
    let mode = stop_mode(args.force, search.stop_timeout());
    let way = |found: &Found| {
        let of = found.identity.uuid;
        let ready = reach::readiness(found.observed.instance(), search.config.as_ref());
        let plan = to_reverted(&found.observed, of, &name, mode, &now, ready.as_ref())?;
        power::mounts_are_there(found, "revert").map(|()| plan)
    };
    let found = agreed(context, &search, Loss::SinceSnapshot, way).await?;
    let reached = power::reach_from(context, found, "snapshot revert", Depth::Full, way).await?;
    power::warn_of_drift(context, &search, &reached.found, "snapshot revert");
    let state = infrastructure(context, &search, &reached.found).state;
    let id = &reached.found.identity.id;
    let message = format!("{id} is back at the snapshot {name}, and is {state}.");
    let next = if state == State::Running { "vagrantp ssh" } else { "vagrantp up" };
    Ok(answer(context, &search, &reached, message, next))
}

async fn remove(context: &Context<'_>, args: &RmArgs) -> Result<Answer, Failure> {
    let name = name_of(&args.name)?;
    let search = locate::search(context)?;
    search.warn(context);
    let way = |found: &Found| to_snapshot_gone(&found.observed, found.identity.uuid, &name);
    let found = agreed(context, &search, Loss::Snapshot, way).await?;
    let reached = power::reach_from(context, found, "snapshot rm", Depth::Full, way).await?;
    let message = format!("The snapshot {name} was removed.");
    Ok(answer(context, &search, &reached, message, "vagrantp snapshot list"))
}

/// What was found, once it is agreed to what is done to it.
async fn agreed(
    context: &Context<'_>,
    search: &Search,
    loss: Loss,
    way: impl Fn(&Found) -> Result<Plan, PlanError>,
) -> Result<Found, Failure> {
    let Some(found) = locate::find(context, search, Depth::Full).await? else {
        return Err(PlanError::NotFound.into());
    };
    consent::to_lose(context, &way(&found)?, loss).await?;
    Ok(found)
}

fn answer(
    context: &Context<'_>,
    search: &Search,
    reached: &Reached,
    message: String,
    next: &str,
) -> Answer {
    let infrastructure = infrastructure(context, search, &reached.found);
    reached.answer(context, infrastructure, message, &[], &[next])
}

fn infrastructure(context: &Context<'_>, search: &Search, found: &Found) -> Infrastructure {
    let instance = found.observed.instance();
    status::shape(context, &found.identity, instance, search.config.as_ref())
}

fn name_of(text: &str) -> Result<SnapshotName, Failure> {
    SnapshotName::new(text).ok_or_else(|| {
        super::failure::usage_problem(
            format!("`{text}` cannot name a snapshot"),
            format!(
                "take letters, digits and _ . -, up to {} of them, beginning with a letter or a \
                 digit",
                SnapshotName::LONGEST
            ),
        )
    })
}

fn description_of(text: &str) -> Result<&str, Failure> {
    let fits = text.chars().count() <= LONGEST_DESCRIPTION && !text.contains(char::is_control);
    fits.then_some(text).ok_or_else(|| {
        super::failure::usage_problem(
            "the description is too long, or more than a line".to_owned(),
            format!("write up to {LONGEST_DESCRIPTION} characters on one line"),
        )
    })
}

fn shape(snapshot: &Snapshot) -> Value {
    json!({
        "name": snapshot.name,
        "created_at": snapshot.created_at,
        "description": snapshot.description,
        "size_bytes": snapshot.size,
        "image": snapshot.image.to_string(),
        "memory": snapshot.memory,
    })
}

fn table(snapshots: &[&Snapshot]) -> String {
    let longest = snapshots.iter().map(|snapshot| snapshot.name.as_str().len()).max();
    let width = longest.unwrap_or(0).max("NAME".len());
    let row = |name: &str, taken: &str, size: &str, description: &str| {
        let line = format!("{name:<width$}  {taken:<20}  {size:<9}  {description}");
        format!("{}\n", line.trim_end())
    };
    let mut text = row("NAME", "TAKEN", "SIZE", "DESCRIPTION");
    for snapshot in snapshots {
        let taken = snapshot.taken();
        let size = snapshot.size.map_or_else(|| "-".to_owned(), |size| size.to_string());
        let description = snapshot.description.as_deref().unwrap_or_default();
        text.push_str(&row(snapshot.name.as_str(), &taken, &size, description));
    }
    text
}
