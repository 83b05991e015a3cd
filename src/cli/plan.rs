//! `plan`: what `up` would do, and why.

use clap::Args;

use crate::exit;
use crate::plan::action::Fetch;
use crate::plan::saved::SavedPlan;
use crate::plan::steps::{Recreate, Twin};
use crate::plan::{Plan, describe};
use crate::provider::registry;
use crate::report::Answer;

use super::converge::{self, Options};
use super::settle::Claim;
use super::{Context, Failure, planning, saved_plan};

/// The options of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Exit with 20 where there is something to do, with 0 where there is nothing.
    #[arg(long)]
    pub exit_code: bool,
    /// Plan to start from the image again.
    #[arg(long)]
    pub recreate: bool,
}

/// Runs `plan`. Nothing is changed, and no lock is waited for.
///
/// # Errors
/// What cannot be planned.
pub async fn run(context: &Context<'_>, args: &PlanArgs) -> Result<Answer, Failure> {
    let project = context.project()?;
    let wish = context.wish(&project)?;
    let made_at = converge::now();
    let options = Options {
        verb: "plan",
        recreate: if args.recreate { Recreate::Always } else { Recreate::WhereNeeded },
        fetch: Fetch::IfMissing,
        start: true,
        twin: Twin::Refuse,
        moment: Some(&made_at),
        saved: None,
    };
    context.reporter.warnings(&wish.warnings, &wish.sources);
    let planned = async {
        let provider = registry::open(wish.desired.identity.provider, &context.facts).await?;
        // Whether an image that is built would be another one now takes the closer look.
        let built = wish.desired.image.value.is_built();
        let settled = match converge::is_quiet(context, &wish.desired) && !built {
            true => converge::glance(&wish.desired, &*provider, &options).await?,
            false => None,
        };
        if let Some(instance) = settled {
            let warnings = converge::to_say(&instance);
            return Ok((Plan { warnings, ..Plan::default() }, None));
        }
        planning::make_plan(context, &wish.desired, &*provider, &options, Claim::Forget)
            .await
            .map(|(plan, observed, _)| (plan, Some(observed)))
    };
    let (plan, observed) = match planned.await {
        Ok(planned) => planned,
        Err(failure) => return Err(context.failed(failure, wish).warned()),
    };
    let mut document = context.document(&wish.warnings);
    let saved = SavedPlan {
        schema: SavedPlan::SCHEMA,
        uuid: wish.desired.identity.uuid,
        made_at: made_at.clone(),
        recreate: options.recreate,
        fetch: options.fetch,
        given: saved_plan::given(&wish.settings),
        seen: observed.map(|observed| saved_plan::seen(&wish.desired, &observed)),
        steps: plan.steps.clone(),
        changes: plan.changes.clone(),
        copied: plan.copied,
    };
    saved_plan::write(&mut document, &saved);
    for warning in &plan.warnings {
        context.reporter.warn(warning);
    }
    let exit =
        if args.exit_code && !plan.is_empty() { exit::SOMETHING_TO_DO } else { exit::SUCCESS };
    Ok(Answer { document, text: describe::plan_text(&plan), exit })
}
