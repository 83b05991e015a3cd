//! `up`: makes the machine so as the `.env` says.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use jiff::Timestamp;

use crate::exit;
use crate::model::capability::Cost;
use crate::model::desired::Desired;
use crate::model::lifetime::Lifetime;
use crate::model::observed::{Instance, Power};
use crate::model::state::State;
use crate::model::vm::WaitFor;
use crate::plan::Plan;
use crate::plan::action::Fetch;
use crate::plan::describe;
use crate::plan::steps::{Recreate, Twin};
use crate::provider::registry;
use crate::report::{Answer, Infrastructure, infrastructure, json};

use super::consent::Agreed;
use super::context::Wish;
use super::converge::{self, Handed, Options};
use super::foreground::{self, Ending};
use super::settle::Claim;
use super::{Context, Failure, planning, reach, saved_plan, status};

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
    /// Stay with the machine until it ends; Ctrl+C stops it.
    #[arg(long, conflicts_with_all = ["dry_run", "no_start"])]
    pub foreground: bool,
    /// Agree to start from the image again; everything written in the machine is lost.
    #[arg(long)]
    pub recreate: bool,
    /// Fetch the image again although it is there; takes effect with --recreate.
    #[arg(long, requires = "recreate")]
    pub pull: bool,
    /// Carry out exactly the plan that `vagrantp plan --json` printed, or nothing; - for stdin. What
    /// it stops is agreed to by that; what it destroys needs --recreate as well. It carries no values of --set or of the
    /// environment: give the same again.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dry_run", "pull", "no_start", "new"])]
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
    let saved = args.plan.as_deref().map(|file| saved_plan::load(file, identity.uuid)).transpose();
    let saved = match saved {
        Ok(saved) => saved,
        Err(failure) => return Err(context.failed(failure, wish).warned()),
    };
    let given = saved_plan::given(&wish.settings);
    let always = if args.recreate { Recreate::Always } else { Recreate::WhereNeeded };
    let fetch = if args.pull { Fetch::Always } else { Fetch::IfMissing };
    let options = Options {
        verb: "up",
        // Of a plan that was handed over, `--recreate` only agrees to what it says.
        recreate: saved.as_ref().map_or(always, |(_, saved)| saved.recreate),
        fetch: saved.as_ref().map_or(fetch, |(_, saved)| saved.fetch),
        start: !args.no_start,
        twin: if args.new { Twin::Allow } else { Twin::Refuse },
        moment: saved.as_ref().map(|(_, saved)| saved.made_at.as_str()),
        saved: saved.as_ref().map(|(file, plan)| Handed { file, plan, given: &given }),
    };
    match make_so(context, args, &wish, options, begun).await {
        Ok(answer) => Ok(answer),
        Err(failure) => Err(context.failed(failure, wish).warned()),
    }
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
            planning::make_plan(context, desired, &*provider, &options, Claim::Forget).await?;
        let mut document = context.document(&wish.warnings);
        saved_plan::show(&mut document, &plan);
        for warning in &plan.warnings {
            context.reporter.warn(warning);
        }
        let text = describe::plan_text(&plan);
        return Ok(Answer { document, text, exit: exit::SUCCESS });
    }
    // Who hands over a plan has seen what it stops; what it destroys takes a word of its own.
    let handed = args.plan.as_deref();
    let agreed =
        Agreed { restart: context.global.yes || handed.is_some(), recreate: args.recreate, handed };
    let mut done = converge::converge(context, desired, &*provider, &options, agreed).await?;
    if let Some(instance) = &mut done.instance {
        reach::look_at(instance).await;
        reach::write_known_hosts(context, instance)?;
        // It is up, whatever becomes of its check.
        let health = provider.check_health(instance, status::CHECK_WITHIN).await;
        instance.life.health = health.unwrap_or_else(|_| instance.life.health.clone());
    }
    let answer = answer(context, wish, &done, begun);
    let runs = done.instance.as_ref().is_some_and(|instance| instance.state == Power::Running);
    if args.foreground && runs {
        context.reporter.show(&answer.text);
        context.reporter.begin("Ctrl+C stops it");
        let (ending, instance) = foreground::stay(context, desired, &*provider).await?;
        return Ok(ended(context, wish, &done, ending, instance.as_ref()));
    }
    Ok(answer)
}

/// The answer of a call that stayed to the end.
fn ended(
    context: &Context<'_>,
    wish: &Wish,
    done: &converge::Converged,
    ending: Ending,
    instance: Option<&Instance>,
) -> Answer {
    let infrastructure = shape(context, &wish.desired, instance);
    let id = &infrastructure.id;
    let message = match (ending, instance) {
        (Ending::Signal, _) => format!("{id} was stopped."),
        (Ending::Itself, Some(_)) => format!("{id} has ended: it is {}.", infrastructure.state),
        (Ending::Itself, None) => format!("{id} was removed."),
    };
    let mut document = context.document(&wish.warnings);
    document.message = Some(message.clone());
    document.changed = Some(true);
    document.plan = Some(json::steps(&done.plan));
    document.infrastructure = Some(infrastructure);
    document.next_steps = vec!["vagrantp up".to_owned()];
    Answer { document, text: format!("{message}\n"), exit: exit::SUCCESS }
}

fn answer(
    context: &Context<'_>,
    wish: &Wish,
    done: &converge::Converged,
    begun: Instant,
) -> Answer {
    let desired = &wish.desired;
    let instance = done.instance.as_ref();
    let infrastructure = shape(context, desired, instance);
    let state = infrastructure.state;
    let id = &infrastructure.id;
    let happened = what_happened(&done.plan);
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

/// What the plan's dearest step says of the whole, for the message.
fn what_happened(plan: &Plan) -> &'static str {
    let has = |action: &str| plan.steps.iter().any(|step| step.action.name() == action);
    if plan.is_empty() {
        "nothing to do"
    } else if plan.cost() == Cost::Recreate {
        "recreated"
    } else if has("save_files") {
        "replaced, with its files"
    } else if has("create") {
        "created"
    } else if has("configure") && has("start") {
        "changed, and started again"
    } else if has("start") {
        "started"
    } else if has("resume") {
        "resumed"
    } else {
        "changed"
    }
}

/// The instance in the one shape, right after it was made so.
pub(super) fn shape(
    context: &Context<'_>,
    desired: &Desired,
    instance: Option<&Instance>,
) -> Infrastructure {
    let awaits_ssh = desired.vm.as_ref().is_some_and(|vm| vm.wait_for.value == WaitFor::Ssh);
    let state = State::of_instance(instance, awaits_ssh, None);
    let access = instance.and_then(|instance| reach::access_of(context, instance, desired));
    let way = access.as_ref().map(status::shown);
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
            access: way.as_ref(),
            user: &desired.user.value,
            // It began just now.
            lifetime: desired.ttl.as_ref().filter(|_| instance.is_some()).map(|ttl| {
                let now = Timestamp::now();
                (Lifetime { ttl: ttl.value, since: now }, now)
            }),
        },
    )
}
