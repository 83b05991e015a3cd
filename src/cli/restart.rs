//! `restart`: stops the machine and starts it again, as it is.

use std::time::Instant;

use clap::Args;

use crate::plan::power::to_restarted;
use crate::plan::steps::stop_mode;
use crate::provider::Depth;
use crate::report::Answer;

use super::{Context, Failure, locate, power, reach};

/// The options of `restart`.
#[derive(Debug, Args)]
#[command(after_help = "\
Files and ports stay, and so does an address that IP_ADDRESS fixes. A machine
that is stopped is started; one that is suspended is stopped and started, and
what it had in memory ends. An edited .env is not applied: a warning says what
differs, and `vagrantp up` applies it.

Examples:
  vagrantp restart            ask it to end, and start it again
  vagrantp restart --force    kill it and start it again")]
pub struct RestartArgs {
    /// Kill it instead of asking it to end.
    #[arg(long)]
    pub force: bool,
}

/// Runs `restart`.
///
/// # Errors
/// There is no instance, or it cannot be stopped or started.
pub async fn run(context: &Context<'_>, args: &RestartArgs) -> Result<Answer, Failure> {
    let begun = Instant::now();
    let search = locate::search(context)?;
    search.warn(context);
    let mode = stop_mode(args.force, search.stop_timeout());
    let reached = power::reach(context, &search, "restart", Depth::Glance, |found| {
        let ready = reach::readiness(found.observed.instance(), search.config.as_ref());
        let plan = to_restarted(&found.observed, mode, ready.as_ref())?;
        power::mounts_are_there(found, "restart").map(|()| plan)
    })
    .await?;
    power::warn_of_drift(context, &search, &reached.found, "restart");
    let shape = reached.shape(context, &search);
    let stopped = reached.plan.steps.iter().any(|step| step.action.name() == "stop");
    let happened = if stopped { "restarted" } else { "started" };
    let message =
        format!("{} is ready ({happened}, {:.1} s).", shape.id, begun.elapsed().as_secs_f64());
    let lines = shape.lines();
    Ok(reached.answer(context, shape, message, &lines, &["vagrantp ssh"]))
}
