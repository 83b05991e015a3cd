//! `suspend`: freezes the machine; what runs in it stays in memory and waits.

use clap::Args;

use crate::plan::power::to_suspended;
use crate::provider::Depth;
use crate::report::Answer;

use super::{Context, Failure, locate, power};

/// The options of `suspend`.
#[derive(Debug, Args)]
#[command(after_help = "\
A suspended container takes no CPU and keeps its memory, ports and address; its
connections stay open and get no answer. It ends where the host goes down.
A suspended VM takes neither CPU nor memory: what it had in memory is on disk,
and outlives a restart of the host. `vagrantp stop` lets it go on first, so that
it can end by itself; `vagrantp stop --force` drops what it had in memory.
`vagrantp resume` or `vagrantp up` lets it go on.")]
pub struct SuspendArgs {}

/// Runs `suspend`. An instance that is suspended already is a success.
///
/// # Errors
/// There is no instance, or it does not run.
pub async fn run(context: &Context<'_>, _: &SuspendArgs) -> Result<Answer, Failure> {
    let search = locate::search(context)?;
    search.warn(context);
    let reached = power::reach(context, &search, "suspend", Depth::Glance, |found| {
        let can = found.provider.capabilities().suspend;
        to_suspended(&found.observed, found.identity.provider, can)
    })
    .await?;
    let shape = reached.shape(context, &search);
    let message = if reached.plan.is_empty() {
        format!("{} is {} already: no action needed.", shape.id, shape.state)
    } else {
        format!("{} is {}.", shape.id, shape.state)
    };
    Ok(reached.answer(context, shape, message, &[], &["vagrantp resume"]))
}
