//! `up`: makes the machine so as the `.env` says.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;

use crate::exit;
use crate::model::desired::Desired;
use crate::model::id::InstanceUuid;
use crate::model::observed::{Instance, Power};
use crate::model::problem::Problem;
use crate::model::state::State;
use crate::plan::action::Fetch;
use crate::plan::describe;
use crate::plan::saved::{SavedPlan, SavedPlanError};
use crate::plan::steps::{Recreate, Twin};
use crate::provider::registry;
use crate::report::{Answer, Infrastructure, infrastructure, json};

use super::consent::Agreed;
use super::context::Wish;
use super::converge::{self, Options};
use super::settle::Claim;
use super::{Context, Failure, status};

/// The options of `up`.
#[derive(Debug, Args)]
pub struct UpArgs {
    /// Show what would be done, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Do not run the playbooks.
    #[arg(long)]
    pub no_provision: bool,
    /// Make the machine without starting it.
    #[arg(long)]
    pub no_start: bool,
    /// Agree to start from the image again; everything written in the machine is lost.
    #[arg(long)]
    pub recreate: bool,
    /// Fetch the image again although it is there; takes effect with --recreate.
    #[arg(long, requires = "recreate")]
    pub pull: bool,
    /// Carry out exactly the plan that `vagrantp plan --json` printed, or nothing; - for stdin.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dry_run", "recreate", "pull", "no_start", "new"])]
    pub plan: Option<PathBuf>,
    /// Make another machine although one was made for this directory at its former path.
    #[arg(long)]
    pub new: bool,
}

/// Runs `up`.
///
/// # Errors
/// Everything that keeps the machine from being so.
pub async fn run(context: &Context<'_>, args: &UpArgs) -> Result<Answer, Failure> {
    let begun = Instant::now();
    let project = context.project()?;
    let wish = context.wish(&project)?;
    let identity = &wish.desired.identity;
    context.begin(identity);
    context.reporter.warnings(&wish.warnings, &wish.sources);
    let saved = args.plan.as_deref().map(|file| saved_plan(file, identity.uuid)).transpose()?;
    let always = if args.recreate { Recreate::Always } else { Recreate::WhereNeeded };
    let fetch = if args.pull { Fetch::Always } else { Fetch::IfMissing };
    let options = Options {
        verb: "up",
        recreate: saved.as_ref().map_or(always, |(_, saved)| saved.recreate),
        fetch: saved.as_ref().map_or(fetch, |(_, saved)| saved.fetch),
        start: !args.no_start,
        twin: if args.new { Twin::Allow } else { Twin::Refuse },
        moment: saved.as_ref().map(|(_, saved)| saved.made_at.as_str()),
        saved: saved.as_ref().map(|(file, saved)| (file.as_str(), saved)),
    };
    match make_so(context, args, &wish, options, begun).await {
        Ok(answer) => Ok(answer),
        Err(failure) => {
            Err(failure.located(&wish.settings).with_sources(&wish.sources, wish.warnings))
        }
    }
}

/// Reads a saved plan, which has to be about this instance.
fn saved_plan(file: &Path, uuid: InstanceUuid) -> Result<(String, SavedPlan), Failure> {
    let name = file.display().to_string();
    let text = if name == "-" {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(file)
    };
    let text = text.map_err(|cause| {
        let file = name.clone();
        Problem::from(SavedPlanError::Unreadable { file, cause })
    })?;
    let saved = SavedPlan::read(&name, &text).map_err(Problem::from)?;
    if saved.uuid != uuid {
        return Err(Problem::from(SavedPlanError::Elsewhere { file: name }).into());
    }
    Ok((name, saved))
}

async fn make_so(
    context: &Context<'_>,
    args: &UpArgs,
    wish: &Wish,
    options: Options<'_>,
    begun: Instant,
) -> Result<Answer, Failure> {
    let desired = &wish.desired;
    let provider = registry::open(desired.identity.provider, &context.facts).await?;
    if args.dry_run {
        let (plan, _, _) =
            converge::make_plan(context, desired, &*provider, &options, Claim::Forget).await?;
        let mut document = context.document(&wish.warnings);
        document.plan = Some(json::steps(&plan));
        document.more.insert("changes", json::changes(&plan));
        document.changed = Some(false);
        document.message = Some(describe::summary(&plan));
        for warning in &plan.warnings {
            context.reporter.warn(warning);
        }
        let text = describe::plan_text(&plan);
        return Ok(Answer { document, text, exit: exit::SUCCESS });
    }
    // Who hands over a plan has seen what it says.
    let seen = options.saved.is_some();
    let agreed = Agreed { restart: context.global.yes || seen, recreate: args.recreate || seen };
    let mut done = converge::converge(context, desired, &*provider, &options, agreed).await?;
    if let Some(instance) = &mut done.instance {
        // It is up, whatever becomes of its check.
        let health = provider.check_health(instance, status::CHECK_WITHIN).await;
        instance.life.health = health.unwrap_or_else(|_| instance.life.health.clone());
    }
    Ok(answer(context, wish, &done, begun))
}

fn answer(
    context: &Context<'_>,
    wish: &Wish,
    done: &converge::Converged,
    begun: Instant,
) -> Answer {
    let desired = &wish.desired;
    let instance = done.instance.as_ref();
    let infrastructure = shape(desired, instance);
    let state = infrastructure.state;
    let id = &infrastructure.id;
    let happened = converge::what_happened(&done.plan);
    let message = if done.plan.is_empty() {
        format!(
            "{id} is {state} already: there is nothing to do. `vagrantp ssh` goes inside, \
             `vagrantp stop` stops it."
        )
    } else if state == State::Running {
        format!("{id} is ready ({happened}, {:.1} s).", begun.elapsed().as_secs_f64())
    } else {
        format!("{id} is {state} ({happened}).")
    };
    let mut text = format!("{message}\n");
    for (name, value) in infrastructure.lines() {
        text.push_str(&format!("  {name:<10} {value}\n"));
    }
    let next = if state == State::Running {
        let mut next = vec!["vagrantp ssh".to_owned()];
        next.extend(infrastructure.access.web_urls.iter().cloned());
        next
    } else {
        vec!["vagrantp up".to_owned()]
    };
    text.push_str(&format!("  {:<10} {}\n", "next", next.join("   ")));
    let mut document = context.document(&wish.warnings);
    document.message = Some(message);
    document.changed = Some(!done.plan.is_empty());
    document.plan = Some(json::steps(&done.plan));
    document.infrastructure = Some(infrastructure);
    document.next_steps = next;
    Answer { document, text, exit: exit::SUCCESS }
}

/// The instance in the one shape, right after it was made so.
pub(super) fn shape(desired: &Desired, instance: Option<&Instance>) -> Infrastructure {
    let power = instance.map(|instance| instance.state);
    let state = State::of(power.or(Some(Power::Created)).filter(|_| instance.is_some()), None);
    Infrastructure::new(
        &desired.identity,
        infrastructure::Facts {
            instance,
            state,
            disk_gb: desired.disk_size.value.gibibytes_up(),
            wanted: infrastructure::Resources {
                memory_mb: desired.memory.value.0,
                cpus: desired.cpus.value.0,
                disk_gb: desired.disk_size.value.gibibytes_up(),
                ..infrastructure::Resources::default()
            },
            updated_at: None,
            last_stopped: None,
            user: &desired.user.value,
        },
    )
}
