//! Runs a plan against a provider: one step after the other, each written down first.
//!
//! A step that fails before the plan's instance is up takes back what was done before it, so that
//! nothing half-made stays. A signal lets the step under way finish and ends there: the next `up`
//! goes on from what it finds.

use std::time::{Duration, Instant};

use miette::Diagnostic;
use thiserror::Error;
use tokio::sync::watch;

use crate::event::{Event, Listener};
use crate::model::code::Code;
use crate::model::command::MainProcess;
use crate::model::problem::Problem;
use crate::plan::Plan;
use crate::plan::action::{Action, Outcome};
use crate::plan::describe::says;
use crate::plan::undo::way_back_from;
use crate::provider::{Provider, ProviderError};
use crate::store::StoreError;
use crate::store::journal::{Journal, StepEntry, StepProgress};

/// How long a step under way is waited for after the first signal.
const FINISH_WITHIN: Duration = Duration::from_secs(5);
/// The signal that Ctrl+C sends.
const SIGINT: i32 = 2;

/// Why a plan was not carried out.
#[derive(Debug, Error, Diagnostic)]
pub enum ApplyError {
    /// The world changed between the plan and the step; plan again.
    #[error("the instance changed while `{step}` was about to run: {found}")]
    #[diagnostic(
        code(vagrantp::apply::stale),
        help("call the same command again: it looks again and goes on from there")
    )]
    Stale {
        /// What was about to be done.
        step: String,
        /// What was found instead.
        found: String,
    },
    /// A signal came.
    #[error("interrupted: {done} of {of} steps are done{under_way}{left}")]
    #[diagnostic(
        code(vagrantp::apply::interrupted),
        help(
            "`vagrantp up` looks at what there is and makes the machine that the .env asks for from \
             it; `vagrantp rm` clears it away"
        )
    )]
    Interrupted {
        /// The signal's number.
        signal: i32,
        /// How many steps are done.
        done: usize,
        /// Of how many.
        of: usize,
        /// What was under way and could not be waited for.
        under_way: String,
        /// What was not begun any more.
        left: String,
    },
    /// The provider said no. It becomes a problem by itself, with its own code and help.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The journal cannot be written.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Store(#[from] StoreError),
}

impl From<ApplyError> for Problem {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Provider(error) => error.into(),
            ApplyError::Store(error) => error.into(),
            ApplyError::Stale { .. } => Problem::new(Code::InvalidState, error),
            ApplyError::Interrupted { signal, .. } => {
                Problem::new(Code::Interrupted, error).with("signal", signal)
            }
        }
    }
}

/// The plan's steps as the journal holds them.
#[must_use]
pub fn journal_steps(plan: &Plan) -> Vec<StepEntry> {
    let entry = |action: &Action| StepEntry {
        action: action.name().to_owned(),
        says: says(action),
        progress: StepProgress::Pending,
    };
    plan.steps.iter().map(|step| entry(&step.action)).collect()
}

/// Carries a plan out. `signal` holds the number of a signal that came, or 0.
///
/// # Errors
/// The first step that could not be done; what was done before it has been taken back where that
/// was possible.
pub async fn apply(
    plan: &Plan,
    provider: &dyn Provider,
    journal: &mut Journal,
    listener: &dyn Listener,
    signal: &mut watch::Receiver<i32>,
) -> Result<(), ApplyError> {
    let of = plan.steps.len();
    for (index, step) in plan.steps.iter().enumerate() {
        let number = index + 1;
        let action = step.action.name();
        let interrupted = |signal, under_way, next| {
            let left = not_begun(plan, next);
            ApplyError::Interrupted { signal, done: index, of, under_way, left }
        };
        // A signal that came during the step before has to get to the channel.
        tokio::task::yield_now().await;
        let came = *signal.borrow();
        if came != 0 {
            return Err(interrupted(came, String::new(), index));
        }
        if let Err(error) = journal.mark(index, StepProgress::Begun) {
            // Not begun, since nobody could tell: what was done before it is no machine yet.
            take_back(plan, index, provider, listener, signal).await;
            return Err(error.into());
        }
        let sentence = says(&step.action);
        listener.hear(&Event::StepStarted {
            number,
            of,
            action: action.to_owned(),
            says: sentence.clone(),
        });
        let begun = Instant::now();
        let outcome = tokio::select! {
            biased;
            outcome = provider.execute(&step.action, listener) => outcome,
            came = overdue(signal, &step.action, listener) => {
                let goes_on = goes_on(&step.action);
                let under_way = format!(", and this was under way: {sentence}{goes_on}");
                return Err(interrupted(came, under_way, number));
            }
        };
        let mut already = false;
        let error = match outcome {
            Ok(Outcome::Done) => None,
            Ok(Outcome::AlreadyDone) => {
                already = true;
                None
            }
            Ok(Outcome::Stale { found }) => Some(ApplyError::Stale { step: sentence, found }),
            Err(error) => {
                let error = discreet(plan, error);
                listener.hear(&Event::StepFailed {
                    number,
                    action: action.to_owned(),
                    code: error.code().to_string(),
                    message: error.to_string(),
                });
                take_back(plan, index, provider, listener, signal).await;
                // Why it failed counts for more than that this cannot be written down.
                let _ = journal.mark(index, StepProgress::Failed);
                return Err(error.into());
            }
        };
        if let Some(error) = error {
            take_back(plan, index, provider, listener, signal).await;
            let _ = journal.mark(index, StepProgress::Failed);
            return Err(error);
        }
        journal.mark(index, StepProgress::Done)?;
        listener.hear(&Event::StepDone {
            number,
            action: action.to_owned(),
            milliseconds: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            already,
        });
    }
    Ok(())
}

/// The error without what COMMAND says by a `${…}`: a provider may repeat what it was asked to run.
fn discreet(plan: &Plan, error: ProviderError) -> ProviderError {
    let masked = plan.steps.iter().find_map(|step| match &step.action {
        Action::Create { spec } => match &spec.command {
            MainProcess::Masked(masked) => Some(masked),
            _ => None,
        },
        _ => None,
    });
    match masked {
        Some(masked) => error.with_words(|words| masked.hidden_in(words)),
        None => error,
    }
}

/// What a plan has to do from a step on, as the end of a sentence.
fn not_begun(plan: &Plan, next: usize) -> String {
    let left: Vec<String> = plan.steps.iter().skip(next).map(|step| says(&step.action)).collect();
    if left.is_empty() { String::new() } else { format!("; not begun: {}", left.join("; ")) }
}

/// What an engine does with a step after its caller has gone, as the end of a sentence.
fn goes_on(action: &Action) -> &'static str {
    match action {
        Action::FetchImage { image, .. } if image.is_built() => {
            " (the engine ends the instruction that it is at by itself; the next build, or \
             `vagrantp gc`, removes what that leaves)"
        }
        _ => "",
    }
}

/// Ends when a signal came and the step had its time to finish. A download is not waited for, and
/// neither is a wait: they leave nothing behind that matters.
async fn overdue(
    signal: &mut watch::Receiver<i32>,
    action: &Action,
    listener: &dyn Listener,
) -> i32 {
    if matches!(action, Action::FetchImage { .. } | Action::AwaitReady { .. }) {
        return arrival(signal).await;
    }
    too_long(signal, listener).await
}

/// Ends when a signal came.
async fn arrival(signal: &mut watch::Receiver<i32>) -> i32 {
    match signal.wait_for(|number| *number != 0).await {
        Ok(number) => *number,
        // Nobody can send a signal any more: there is all the time that is needed.
        Err(_) => std::future::pending().await,
    }
}

/// Ends when a signal came and what is under way had its time. Whoever sent it is told at once what
/// is waited for, and how to wait no longer.
pub async fn too_long(signal: &mut watch::Receiver<i32>, listener: &dyn Listener) -> i32 {
    let came = arrival(signal).await;
    let again = if came == SIGINT { "Ctrl+C again" } else { "another signal" };
    let seconds = FINISH_WITHIN.as_secs();
    let says = format!("finishing the step under way ({seconds} s at most); {again} stops at once");
    listener.hear(&Event::Waiting { says });
    tokio::time::sleep(FINISH_WITHIN).await;
    came
}

/// Takes back a plan that was carried out whole and made an instance that did not live to see its
/// end. Where something old was removed on the way there is none, and the new one stays as it is.
pub async fn take_all_back(
    plan: &Plan,
    provider: &dyn Provider,
    listener: &dyn Listener,
    signal: &mut watch::Receiver<i32>,
) {
    if let Some(last) = plan.steps.len().checked_sub(1) {
        take_back(plan, last, provider, listener, signal).await;
    }
}

/// Takes back what a plan did that was to make an instance and failed at step `failed`. What cannot
/// be taken back is found by the next call, and so is what a signal leaves no time for.
async fn take_back(
    plan: &Plan,
    failed: usize,
    provider: &dyn Provider,
    listener: &dyn Listener,
    signal: &mut watch::Receiver<i32>,
) {
    let way = way_back_from(plan, failed);
    let all = async {
        for action in &way {
            if let Err(error) = provider.execute(action, listener).await {
                let error = discreet(plan, error);
                let message = format!("this could not be taken back: {} ({error})", says(action));
                listener.hear(&Event::Warning { message });
            }
        }
    };
    tokio::select! {
        biased;
        () = all => {}
        _ = too_long(signal, listener) => {
            let message = "interrupted before all was taken back; `vagrantp up` finds what is left";
            listener.hear(&Event::Warning { message: message.to_owned() });
        }
    }
}
