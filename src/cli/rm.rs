//! `rm`: removes the machine with everything in it, and everything of vagrantp's about it.

use clap::Args;
use serde_json::json;

use crate::exit;
use crate::model::observed::Observed;
use crate::plan::Plan;
use crate::plan::steps::{stop_mode, to_absent, to_disk};
use crate::provider::{Depth, Query};
use crate::report::{Answer, json as report_json};

use super::locate::{self, Found, Search};
use super::{Context, Failure, consent, status};

/// The options of `rm`.
#[derive(Debug, Args)]
pub struct RmArgs {
    /// Kill it instead of stopping it first, and do not ask.
    #[arg(long)]
    pub force: bool,
    /// Keep the machine's disk for the next `up` (VMs).
    #[arg(long)]
    pub preserve_disk: bool,
    /// Remove the project's VM and its container, whichever there are.
    #[arg(long)]
    pub all: bool,
}

/// Runs `rm`. Where there is nothing, that is a success.
///
/// # Errors
/// Nobody agreed, or something cannot be removed.
pub async fn run(context: &Context<'_>, args: &RmArgs) -> Result<Answer, Failure> {
    let search = locate::search(context)?;
    search.warn(context);
    let mut answers = Vec::new();
    loop {
        let Some(found) = locate::find(context, &search, Depth::Full).await? else { break };
        let nothing = found.observed.instances.is_empty();
        answers.push(remove(context, args, &search, found).await?);
        if nothing || !args.all {
            break;
        }
    }
    match answers.len() {
        0 => Ok(nothing_there(context)),
        // The last look of `--all` finds nothing more; the first removal is the answer.
        _ => Ok(answers.swap_remove(0)),
    }
}

fn nothing_there(context: &Context<'_>) -> Answer {
    let message = "There is nothing to remove.".to_owned();
    let mut document = context.document(&[]);
    document.message = Some(message.clone());
    document.changed = Some(false);
    Answer { document, text: format!("{message}\n"), exit: exit::SUCCESS }
}

async fn remove(
    context: &Context<'_>,
    args: &RmArgs,
    search: &Search,
    found: Found,
) -> Result<Answer, Failure> {
    let Found { identity, provider, observed } = found;
    let mode = stop_mode(args.force, search.stop_timeout());
    let capabilities = provider.capabilities();
    let plan_of = |observed: &Observed| match args.preserve_disk {
        true => to_disk(&identity, observed, mode, &capabilities),
        false => Ok(to_absent(&identity, observed, mode)),
    };
    let shown = plan_of(&observed)?;
    let store = context.store.instance(identity.uuid);
    if shown.is_empty() && !store.dir().exists() {
        let mut answer = nothing_there(context);
        answer.document.infrastructure = Some(status::shape(context, &identity, None, None));
        return Ok(answer);
    }
    for warning in &shown.warnings {
        context.reporter.warn(warning);
    }
    consent::to_remove(context, &shown, args.force).await?;
    context.begin(&identity);
    let lock = store.lock_where_room("rm", context.lock_timeout(), context.reporter).await?;
    let query = Query { identity: &identity, image: None, depth: Depth::Full };
    let plan = plan_of(&provider.observe(&query).await?)?;
    context.carry_out("rm", &identity, &plan, &*provider).await?;
    context.store.release(identity.uuid, context.lock_timeout(), context.reporter).await?;
    store.remove(lock)?;
    let changed = !plan.is_empty();
    let message = if changed && args.preserve_disk {
        format!(
            "{} was removed; its disk is kept, and the next `vagrantp up` takes it up.",
            identity.id
        )
    } else if changed {
        removed_text(identity.id.as_str(), &plan)
    } else {
        "There is nothing to remove.".to_owned()
    };
    let mut document = context.document(&[]);
    document.message = Some(message.clone());
    document.changed = Some(changed);
    document.plan = Some(report_json::steps(&plan));
    document.infrastructure = Some(status::shape(context, &identity, None, None));
    document.more.insert(
        "cleanup",
        json!({
            "disk_images": !args.preserve_disk, "network_config": true, "snapshots": true, "shared_folders": true,
        }),
    );
    Ok(Answer { document, text: format!("{message}\n"), exit: exit::SUCCESS })
}

/// What went: the machine, or what was left of it.
fn removed_text(id: &str, plan: &Plan) -> String {
    let has = |action: &str| plan.steps.iter().any(|step| step.action.name() == action);
    if has("remove") {
        return format!("{id} was removed.");
    }
    let kinds = [
        ("remove_network", "its network"),
        ("remove_image", "its saved or built images"),
        ("remove_snapshot", "its snapshots"),
    ];
    let left: Vec<&str> = kinds.iter().filter(|(name, _)| has(name)).map(|(_, it)| *it).collect();
    format!("There was no {id}; what was left of it was removed: {}.", left.join(", "))
}
