//! One function an action. Each looks first.

use super::look::{self, Found, Machine};
use super::{
    Qemu, change, create, fault, image, keys, ready, remove, snapshot, start, stop, suspend,
};
use crate::event::Listener;
use crate::plan::action::{Action, Outcome, Target};
use crate::provider::ProviderError;

pub(super) async fn execute(
    room: &Qemu,
    action: &Action,
    listener: &dyn Listener,
) -> Result<Outcome, ProviderError> {
    match action {
        Action::FetchImage { image, fetch } => image::fetch(room, image, *fetch, listener).await,
        Action::Create { spec } => create::create(room, spec, listener).await,
        Action::Start { target } => start::start(room, target, listener).await,
        Action::AwaitReady { target, readiness } => {
            ready::wait(room, target, readiness, listener).await
        }
        Action::Configure { target, spec } => change::configure(room, target, spec).await,
        Action::ChangePorts { target, ports } => change::ports(room, target, ports).await,
        Action::GrowDisk { target, size } => change::grow(room, target, *size).await,
        Action::AuthorizeKeys { target, keys, readiness } => {
            keys::authorize(room, target, keys, readiness).await
        }
        Action::Resume { target } => suspend::resume(room, target, listener).await,
        Action::Suspend { target } => suspend::suspend(room, target, listener).await,
        Action::Stop { target, mode } => stop::stop(room, target, *mode).await,
        Action::Rename { target, to } => change::rename(room, target, to),
        Action::TakeSnapshot { target, snapshot } => snapshot::take(room, target, snapshot).await,
        Action::RevertSnapshot { target, snapshot } => {
            snapshot::revert(room, target, snapshot, listener).await
        }
        Action::RemoveSnapshot { snapshot } => snapshot::remove(room, snapshot).await,
        Action::Remove { target, volumes } => remove::remove(room, target, *volumes).await,
        Action::RemoveDisk { path, uuid } => remove::disk(room, path, *uuid),
        Action::CreateNetwork { .. }
        | Action::SaveFiles { .. }
        | Action::UseSnapshot { .. }
        | Action::MoveSnapshot { .. }
        | Action::ChangeAddress { .. }
        | Action::JoinNetwork { .. }
        | Action::LeaveNetwork { .. }
        | Action::SetLimits { .. }
        | Action::ChangeNetwork { .. }
        | Action::SetAutostart { .. }
        | Action::RemoveNetwork { .. }
        | Action::RemoveImage { .. } => {
            let says = "that is for containers";
            let help = "this is not expected; please report it with the command's output";
            Err(fault::with(action.name(), says, help, crate::model::code::Code::Internal))
        }
    }
}

pub(super) fn stale(found: impl Into<String>) -> Outcome {
    Outcome::Stale { found: found.into() }
}

pub(super) fn gone(target: &Target) -> Outcome {
    stale(format!("{} is gone", target.name))
}

/// Looks an action's target up, and checks that it is the one that the action is about.
pub(super) fn find(
    room: &Qemu,
    target: &Target,
) -> Result<Result<Machine, Outcome>, ProviderError> {
    let machine = match look::find(room, target.uuid)? {
        Found::Machine(machine) => *machine,
        Found::Newer(newer) => {
            let found = format!("vagrantp {} made {}", newer.version, newer.name);
            return Ok(Err(stale(found)));
        }
        Found::Disk(_) | Found::Nothing => return Ok(Err(gone(target))),
    };
    let stamp = &machine.definition.spec.stamp;
    if stamp.generation != target.generation {
        return Ok(Err(stale(format!(
            "{} is replacement {} of its machine, not {}",
            target.name, stamp.generation, target.generation
        ))));
    }
    Ok(Ok(machine))
}

/// The machine, or the outcome that says why there is nothing to act on.
macro_rules! the {
    ($room:expr, $target:expr) => {
        match $crate::provider::qemu::execute::find($room, $target)? {
            Ok(machine) => machine,
            Err(outcome) => return Ok(outcome),
        }
    };
}
pub(super) use the;
