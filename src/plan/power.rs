//! What `restart`, `suspend` and `resume` come to in every state.

use crate::model::capability::Cost;
use crate::model::id::ProviderKind;
use crate::model::observed::{Instance, Observed, Power};
use crate::model::vm::Readiness;

use super::action::{Action, StopMode, Target};
use super::error::PlanError;
use super::steps::down;
use super::{Cause, Plan, Step};

/// What helps where the instance does not run.
const UP_STARTS: &str = "`vagrantp up` starts it";
/// What helps where the instance is between two states.
pub(super) const WAIT: &str = "`vagrantp status` shows when that is over; then call it again";

/// The way to an instance that was stopped and started, as it is: nothing of the `.env` is applied.
///
/// One that is suspended goes down like one that runs: what it had in memory ends there. One that
/// does not run is started.
///
/// # Errors
/// There is none, or the provider says something that vagrantp does not know.
pub fn to_restarted(
    observed: &Observed,
    mode: StopMode,
    ready: Option<&Readiness>,
) -> Result<Plan, PlanError> {
    let instance = observed.instance().ok_or(PlanError::NotFound)?;
    let cause = Cause::asked();
    let mut steps = Vec::new();
    match instance.state {
        Power::Unknown => return Err(PlanError::UnknownState { found: instance.state }),
        Power::Removing => return Err(invalid("restart", instance, WAIT)),
        Power::Created | Power::Stopped => {}
        Power::Running | Power::Paused | Power::Stopping => {
            let down = down(instance, mode, &cause);
            steps.extend(down.into_iter().map(|step| Step { cost: Cost::Restart, ..step }));
        }
    }
    steps.push(Step::free(Action::Start { target: Target::of(instance) }, cause.clone()));
    steps.extend(await_ready(instance, ready, &cause));
    Ok(Plan { steps, ..Plan::default() })
}

/// What is waited for once a VM goes on; nothing for a container.
pub(super) fn await_ready(
    instance: &Instance,
    ready: Option<&Readiness>,
    cause: &Cause,
) -> Option<Step> {
    let readiness = ready.filter(|_| instance.vm.is_some())?.clone();
    let target = Target::of(instance);
    Some(Step::free(Action::AwaitReady { target, readiness }, cause.clone()))
}

/// The way to a frozen instance.
///
/// # Errors
/// There is none, it does not run, or `provider` cannot freeze one (`can` says so).
pub fn to_suspended(
    observed: &Observed,
    provider: ProviderKind,
    can: bool,
) -> Result<Plan, PlanError> {
    let instance = observed.instance().ok_or(PlanError::NotFound)?;
    let steps = match instance.state {
        Power::Paused => Vec::new(),
        Power::Running if can => {
            vec![Step::free(Action::Suspend { target: Target::of(instance) }, Cause::asked())]
        }
        Power::Running => {
            return Err(PlanError::Unsupported {
                provider,
                key: "suspend",
                what: "freeze a machine".to_owned(),
                help: "`vagrantp stop` stops it; its files stay".to_owned(),
                place: None,
            });
        }
        Power::Created | Power::Stopped => return Err(invalid("suspend", instance, UP_STARTS)),
        Power::Stopping | Power::Removing => return Err(invalid("suspend", instance, WAIT)),
        Power::Unknown => return Err(PlanError::UnknownState { found: instance.state }),
    };
    Ok(Plan { steps, ..Plan::default() })
}

/// The way from a frozen instance to a running one.
///
/// # Errors
/// There is none, or it is neither frozen nor running.
pub fn to_resumed(observed: &Observed, ready: Option<&Readiness>) -> Result<Plan, PlanError> {
    let instance = observed.instance().ok_or(PlanError::NotFound)?;
    let cause = Cause::asked();
    let steps = match instance.state {
        Power::Running => Vec::new(),
        Power::Paused => {
            let resume = Action::Resume { target: Target::of(instance) };
            let first = Step::free(resume, cause.clone());
            std::iter::once(first).chain(await_ready(instance, ready, &cause)).collect()
        }
        Power::Created | Power::Stopped => return Err(invalid("resume", instance, UP_STARTS)),
        Power::Stopping | Power::Removing => return Err(invalid("resume", instance, WAIT)),
        Power::Unknown => return Err(PlanError::UnknownState { found: instance.state }),
    };
    Ok(Plan { steps, ..Plan::default() })
}

pub(super) fn invalid(verb: &'static str, instance: &Instance, help: &str) -> PlanError {
    PlanError::InvalidState {
        verb,
        name: instance.stamp.infra_id.to_string(),
        doing: doing(instance.state).to_owned(),
        help: help.to_owned(),
    }
}

/// The state in a sentence, after the instance's name.
fn doing(state: Power) -> &'static str {
    match state {
        Power::Created => "was never started",
        Power::Running => "is running",
        Power::Paused => "is suspended",
        Power::Stopping => "is being stopped",
        Power::Stopped => "is stopped",
        Power::Removing => "is being removed",
        Power::Unknown => "is in a state that vagrantp does not know",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::code::Code;
    use crate::plan::check::contradictions;
    use crate::plan::fixture::{desired, observed};

    /// The names of the steps, or the code.
    fn comes_to(plan: Result<Plan, PlanError>) -> Result<Vec<&'static str>, Code> {
        let plan = plan.map_err(|error| error.code())?;
        assert_eq!(contradictions(&plan), Vec::<String>::new());
        Ok(plan.steps.iter().map(|step| step.action.name()).collect())
    }

    #[test]
    fn every_state_and_verb_is_decided() {
        const NO: Code = Code::InvalidState;
        let wish = desired();
        let mode = StopMode::Kill;
        let again = Ok(vec!["stop", "start"]);
        for (power, restart, suspend, resume) in [
            (Power::Created, Ok(vec!["start"]), Err(NO), Err(NO)),
            (Power::Running, again.clone(), Ok(vec!["suspend"]), Ok(vec![])),
            (Power::Paused, again.clone(), Ok(vec![]), Ok(vec!["resume"])),
            (Power::Stopping, again, Err(NO), Err(NO)),
            (Power::Stopped, Ok(vec!["start"]), Err(NO), Err(NO)),
            (Power::Removing, Err(NO), Err(NO), Err(NO)),
            (Power::Unknown, Err(NO), Err(NO), Err(NO)),
        ] {
            let seen = observed(&wish, power);
            let kind = ProviderKind::Memory;
            assert_eq!(comes_to(to_restarted(&seen, mode, None)), restart, "restart of {power:?}");
            assert_eq!(comes_to(to_suspended(&seen, kind, true)), suspend, "suspend of {power:?}");
            assert_eq!(comes_to(to_resumed(&seen, None)), resume, "resume of {power:?}");
        }
        let nothing = Observed::default();
        for plan in [
            to_restarted(&nothing, mode, None),
            to_suspended(&nothing, ProviderKind::Memory, true),
            to_resumed(&nothing, None),
        ] {
            assert_eq!(plan, Err(PlanError::NotFound));
        }
    }

    #[test]
    fn what_a_provider_cannot_freeze_is_refused_and_what_is_frozen_is_no_matter() {
        let wish = desired();
        let of = |power| to_suspended(&observed(&wish, power), ProviderKind::Memory, false);
        assert_eq!(comes_to(of(Power::Running)), Err(Code::Unsupported));
        assert_eq!(comes_to(of(Power::Paused)), Ok(vec![]));
    }
}
