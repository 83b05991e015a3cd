//! `resume`: lets a suspended machine go on.

use clap::Args;

use crate::plan::power::to_resumed;
use crate::provider::Depth;
use crate::report::Answer;

use super::{Context, Failure, locate, power, reach};

/// The options of `resume`.
#[derive(Debug, Args)]
#[command(after_help = "\
Nothing of the .env is applied: that is `vagrantp up`, which resumes as well.")]
pub struct ResumeArgs {}

/// Runs `resume`. An instance that runs already is a success.
///
/// # Errors
/// There is no instance, or it is neither suspended nor running.
pub async fn run(context: &Context<'_>, _: &ResumeArgs) -> Result<Answer, Failure> {
    let search = locate::search(context)?;
    search.warn(context);
    let reached = power::reach(context, &search, "resume", Depth::Glance, |found| {
        let ready = reach::readiness(found.observed.instance(), search.config.as_ref());
        to_resumed(&found.observed, ready.as_ref())
    })
    .await?;
    let shape = reached.shape(context, &search);
    let message = if reached.plan.is_empty() {
        format!("{} is {} already: no action needed.", shape.id, shape.state)
    } else {
        format!("{} is {} (resumed).", shape.id, shape.state)
    };
    Ok(reached.answer(context, shape, message, &[], &["vagrantp ssh"]))
}
