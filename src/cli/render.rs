//! `render`: prints what would be handed to the provider.

use clap::Args;
use serde_json::Value;

use crate::exit;
use crate::plan::action::{Action, Fetch};
use crate::plan::steps::{Recreate, RunningGoal, Twin, to_running};
use crate::provider::registry;
use crate::report::{Answer, json};

use super::settle::Claim;
use super::{Context, Failure, settle};
use crate::model::observed::Observed;
use crate::provider::{Depth, Query};

/// The options of `render`.
#[derive(Debug, Args)]
pub struct RenderArgs {}

/// Runs `render`: the same `.env` gives the same bytes, but for ports that `auto` picks and the
/// time in the stamp.
///
/// # Errors
/// The `.env` cannot be used, or its ports cannot be had.
pub async fn run(context: &Context<'_>, _: &RenderArgs) -> Result<Answer, Failure> {
    let project = context.project()?;
    let wish = context.wish(&project)?;
    let desired = &wish.desired;
    let rendered = async {
        let provider = registry::open(desired.identity.provider, &context.facts).await?;
        let query = Query { identity: &desired.identity, image: None, depth: Depth::Glance };
        let observed = provider.observe(&query).await?;
        let ports =
            settle::ports(context, desired, &observed, &*provider, Claim::Forget, &[]).await?;
        let created_at = observed.instance().map(|instance| instance.stamp.created_at.clone());
        let goal = RunningGoal {
            desired,
            ports: &ports.ports,
            ssh_port: ports.ssh,
            recreate: Recreate::WhereNeeded,
            fetch: Fetch::IfMissing,
            start: true,
            twin: Twin::Allow,
            now: created_at.as_deref().unwrap_or("1970-01-01T00:00:00Z"),
        };
        // As if there were nothing yet: what is printed is the whole machine.
        let plan = to_running(&goal, &Observed::default(), &provider.capabilities())?;
        let spec = plan.steps.into_iter().find_map(|step| match step.action {
            Action::Create { spec } => Some(spec),
            _ => None,
        });
        // What a `${…}` of COMMAND stands for is handed over, and not printed.
        let spec = spec.map(|mut spec| {
            spec.command = spec.command.printable();
            spec
        });
        Ok::<_, Failure>(spec.map(|spec| provider.render(&spec)).unwrap_or_default())
    };
    let rendered = match rendered.await {
        Ok(rendered) => rendered,
        Err(failure) => return Err(context.failed(failure, wish)),
    };
    context.reporter.warnings(&wish.warnings, &wish.sources);
    let mut document = context.document(&wish.warnings);
    document.changed = Some(false);
    document.message =
        Some(format!("This is what {} would be given.", wish.desired.identity.provider));
    let parsed = serde_json::from_str::<Value>(&rendered).ok();
    // What is printed is for programs as well: JSON has a way to say every character, so that none
    // has to be replaced on its way to a terminal.
    let rendered = if parsed.is_some() { json::escaped(rendered) } else { rendered };
    let value = parsed.unwrap_or_else(|| Value::String(rendered.clone()));
    document.more.insert("rendered", value);
    Ok(Answer { document, text: format!("{}\n", rendered.trim_end()), exit: exit::SUCCESS })
}
