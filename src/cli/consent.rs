//! Nothing that runs is stopped, and nothing is lost, without a yes.

use std::path::{Path, PathBuf};

use miette::Diagnostic;
use thiserror::Error;

use crate::config::print::quoted;
use crate::model::capability::Cost;
use crate::model::code::Code;
use crate::model::problem::Problem;
use crate::model::source::Place;
use crate::model::units::Bytes;
use crate::plan::action::{Action, Volumes};
use crate::plan::{Consent, Plan, describe};
use crate::report::{clean, json};

use super::signals::HANGUP;
use super::{Context, Failure, host};

/// What the command line agreed to already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed<'a> {
    /// `--yes`, or a plan that was handed over.
    pub restart: bool,
    /// `--recreate`.
    pub recreate: bool,
    /// The file of the plan that was handed over.
    pub handed: Option<&'a Path>,
}

#[derive(Debug, Error, Diagnostic)]
enum ConsentError {
    #[error("this needs the {noun} to be recreated: everything written in it would be lost")]
    #[diagnostic(
        code(vagrantp::consent::recreate_required),
        help("`vagrantp up {handed}--recreate` agrees to that; `vagrantp plan` shows each step")
    )]
    Recreate {
        noun: &'static str,
        handed: String,
        #[label(collection, "asked for here")]
        place: Option<Place>,
    },
    #[error("{}", restart_text(noun, *copied))]
    #[diagnostic(
        code(vagrantp::consent::restart_required),
        help("`vagrantp up -y` agrees to that; `vagrantp plan` shows each step")
    )]
    Restart {
        noun: &'static str,
        copied: Option<Bytes>,
        #[label(collection, "asked for here")]
        place: Option<Place>,
    },
    #[error(
        "nobody knows who wrote what this does: {} may be the work of what runs inside",
        named(files)
    )]
    #[diagnostic(
        code(vagrantp::consent::unguarded),
        help(
            "read the plan; `vagrantp up -y` agrees to it. After a `vagrantp restart`, nothing \
             inside can write {} any more", if files.len() == 1 { "it" } else { "them" }
        )
    )]
    Unguarded {
        files: Vec<PathBuf>,
        #[label(collection, "asked for here")]
        place: Option<Place>,
    },
    #[error("{what}, and nobody agreed")]
    #[diagnostic(
        code(vagrantp::consent::confirmation_required),
        help("`vagrantp rm -y` stops and removes it, `vagrantp rm --force` kills and removes it")
    )]
    Remove { what: String },
    #[error("going back deletes what was written since the snapshot, and nobody agreed")]
    #[diagnostic(
        code(vagrantp::consent::confirmation_required),
        help("add -y, which agrees to that; a snapshot taken now would keep what there is")
    )]
    SinceSnapshot,
    #[error("removing the snapshot deletes what it alone holds, and nobody agreed")]
    #[diagnostic(
        code(vagrantp::consent::confirmation_required),
        help("add -y, which agrees to that")
    )]
    Snapshot,
    #[error("nobody agreed to remove what is left over")]
    #[diagnostic(
        code(vagrantp::consent::leftovers_kept),
        help("`vagrantp gc -y` removes it, `vagrantp gc --dry-run` shows it")
    )]
    Leftovers,
    #[error("nothing was done: the answer was not yes")]
    #[diagnostic(code(vagrantp::consent::declined), help("call it again to be asked again"))]
    Declined,
}

fn named(files: &[PathBuf]) -> String {
    let named: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    named.join(" and ")
}

/// What a restart comes to; a replacement is one, and its copy takes its time.
fn restart_text(noun: &str, copied: Option<Bytes>) -> String {
    match copied {
        Some(copied) => format!(
            "this stops what runs in the {noun}, copies {copied} of its files, and starts it again"
        ),
        None => format!("this stops what runs in the {noun} and starts it again"),
    }
}

/// Gets the consent that a plan of `up` needs, or says what would give it.
///
/// # Errors
/// RECREATE_REQUIRED or RESTART_REQUIRED, with nothing done.
pub async fn to_change(
    context: &Context<'_>,
    plan: &Plan,
    agreed: Agreed<'_>,
) -> Result<(), Failure> {
    let consent = plan.consent();
    let (given, cost) = match consent {
        Consent::None => return Ok(()),
        Consent::Restart | Consent::Unguarded => (agreed.restart || agreed.recreate, plan.cost()),
        Consent::Recreate => (agreed.recreate, Cost::Recreate),
    };
    if given {
        return Ok(());
    }
    let cause = plan.steps.iter().find(|step| step.cost == cost).map(|step| &step.cause);
    let place = cause.and_then(|cause| cause.place.clone());
    if can_ask(context) {
        context.reporter.show(&describe::plan_text(plan));
        return if ask(context, plan).await { Ok(()) } else { Err(declined(cost)) };
    }
    let noun = describe::noun(plan);
    let (code, error) = match cost {
        Cost::Recreate => {
            let handed = agreed
                .handed
                .map(|file| format!("--plan {} ", quoted(&file.display().to_string())));
            let (handed, place) = (handed.unwrap_or_default(), place.clone());
            (Code::RecreateRequired, ConsentError::Recreate { noun, handed, place })
        }
        _ if consent == Consent::Unguarded => {
            if !context.global.json {
                context.reporter.show(&describe::plan_text(plan));
            }
            let (files, place) = (plan.unguarded.clone(), place.clone());
            (Code::RestartRequired, ConsentError::Unguarded { files, place })
        }
        _ => {
            let place = place.clone();
            (Code::RestartRequired, ConsentError::Restart { noun, copied: plan.copied, place })
        }
    };
    let mut problem = Problem::new(code, error);
    if let Some(copied) = plan.copied {
        problem = problem.with("copied_bytes", copied.0);
    }
    if let Some(key) = cause.and_then(|cause| cause.key.clone()) {
        problem = problem.at(key, place.as_ref());
    }
    let mut failure = Failure::from(problem);
    failure.base.plan = Some(json::steps(plan));
    failure.base.changed = Some(false);
    Err(failure)
}

/// Gets the consent to remove.
///
/// # Errors
/// CONFIRMATION_REQUIRED, with nothing done.
pub async fn to_remove(context: &Context<'_>, plan: &Plan, force: bool) -> Result<(), Failure> {
    let noun = describe::noun(plan);
    let kept = plan
        .steps
        .iter()
        .any(|step| matches!(step.action, Action::Remove { volumes: Volumes::KeepDisk, .. }));
    let what = match kept {
        true => format!("removing the {noun} leaves its disk alone of it"),
        false => format!("removing the {noun} deletes everything written in it"),
    };
    agreed_to_loss(context, plan, context.global.yes || force, ConsentError::Remove { what }).await
}

async fn agreed_to_loss(
    context: &Context<'_>,
    plan: &Plan,
    given: bool,
    error: ConsentError,
) -> Result<(), Failure> {
    if given || plan.cost() < Cost::Recreate {
        return Ok(());
    }
    if can_ask(context) {
        context.reporter.show(&describe::plan_text(plan));
        return if ask(context, plan).await { Ok(()) } else { Err(declined(Cost::Destroy)) };
    }
    let mut failure = Failure::from(Problem::new(Code::ConfirmationRequired, error));
    failure.base.plan = Some(json::steps(plan));
    failure.base.changed = Some(false);
    Err(failure)
}

/// What a verb about snapshots loses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// What was written since the snapshot.
    SinceSnapshot,
    /// The snapshot.
    Snapshot,
}

/// Gets the consent to lose what a verb about snapshots loses.
///
/// # Errors
/// CONFIRMATION_REQUIRED, with nothing done.
pub async fn to_lose(context: &Context<'_>, plan: &Plan, loss: Loss) -> Result<(), Failure> {
    let error = match loss {
        Loss::SinceSnapshot => ConsentError::SinceSnapshot,
        Loss::Snapshot => ConsentError::Snapshot,
    };
    agreed_to_loss(context, plan, context.global.yes, error).await
}

/// Gets the consent to remove what is left over, as `text` lists it.
///
/// # Errors
/// CONFIRMATION_REQUIRED, with nothing done.
pub async fn to_collect(context: &Context<'_>, text: &str) -> Result<(), Failure> {
    if context.global.yes {
        return Ok(());
    }
    if can_ask(context) {
        context.reporter.show(&clean::block(text));
        let answer = context.reporter.ask("Type 'yes' to confirm:").await;
        return match answer.as_deref() {
            Some("yes" | "y") => Ok(()),
            _ => Err(declined(Cost::Destroy)),
        };
    }
    let problem = Problem::new(Code::ConfirmationRequired, ConsentError::Leftovers);
    let mut failure = Failure::from(problem);
    failure.base.changed = Some(false);
    Err(failure)
}

fn can_ask(context: &Context<'_>) -> bool {
    !context.global.json && host::can_ask(&context.facts)
}

fn declined(cost: Cost) -> Failure {
    if host::terminal_is_gone() {
        // That is no answer. The kernel tells the session's leader alone, so that the signal may be
        // on its way, or meant for the shell.
        return Failure::interrupted(HANGUP, false);
    }
    let code = match cost {
        Cost::Recreate => Code::RecreateRequired,
        Cost::Destroy => Code::ConfirmationRequired,
        _ => Code::RestartRequired,
    };
    let mut failure = Failure::from(Problem::new(code, ConsentError::Declined));
    failure.base.changed = Some(false);
    failure
}

/// Asks until the answer is yes, or something that is neither yes nor explain.
async fn ask(context: &Context<'_>, plan: &Plan) -> bool {
    loop {
        match context.reporter.ask("Type 'yes' to confirm [yes/no/explain]:").await.as_deref() {
            Some("yes" | "y") => return true,
            Some("explain" | "e") => context.reporter.show(&describe::explanation(plan)),
            _ => return false,
        }
    }
}
