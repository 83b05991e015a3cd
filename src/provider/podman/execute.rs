//! One function an action. Each looks first, and again where the engine says no.

use std::net::Ipv4Addr;
use std::time::Duration;

use bollard::query_parameters::{
    RemoveContainerOptions, RenameContainerOptions, StartContainerOptions,
};

use super::client::{CHANGE, escape};
use super::look::{self, Size};
use super::outside::{self, bollard_for_changes, connect, disconnect};
use super::reply::Container;
use super::{
    Podman, attach, build, fault, freeze, image, make, networks, observe, orphan, save, snapshot,
    start, stop, wall,
};
use crate::deed;
use crate::event::Listener;
use crate::model::code::Code;
use crate::model::id::{InstanceUuid, ProviderKind};
use crate::model::observed::{Instance, Power};
use crate::plan::action::{Action, Outcome, Target, Volumes};
use crate::provider::ProviderError;

pub(super) async fn execute(
    room: &Podman,
    action: &Action,
    listener: &dyn Listener,
) -> Result<Outcome, ProviderError> {
    match action {
        Action::FetchImage { image, fetch } => image::fetch(room, image, *fetch, listener).await,
        Action::CreateNetwork { network } => make::network(room, network).await,
        Action::Create { spec } => make::container(room, spec).await,
        Action::Start { target } => start::start(room, target, listener).await,
        Action::Resume { target } => freeze::resume(room, target).await,
        Action::Suspend { target } => freeze::suspend(room, target).await,
        Action::Stop { target, mode } => stop::stop(room, target, *mode).await,
        Action::Rename { target, to } => rename(room, target, to).await,
        Action::SaveFiles { target, image } => save::save(room, target, image).await,
        Action::TakeSnapshot { target, snapshot } => {
            snapshot::take(room, target, snapshot, listener).await
        }
        Action::UseSnapshot { snapshot, image } => snapshot::make_base(room, snapshot, image).await,
        Action::RemoveSnapshot { snapshot } => snapshot::remove(room, snapshot).await,
        Action::MoveSnapshot { snapshot, to } => snapshot::hand_over(room, snapshot, *to).await,
        Action::ChangeAddress { target, network, address } => {
            change_address(room, target, network, *address).await
        }
        Action::ChangeNetwork { target, from, to, address, .. } => {
            attach::change_network(room, target, from, to, *address).await
        }
        Action::JoinNetwork { target, network, address } => {
            outside::join(room, target, network, *address).await
        }
        Action::LeaveNetwork { target, network } => outside::leave(room, target, network).await,
        Action::SetLimits { target, memory, cpus } => {
            outside::set_limits(room, target, *memory, *cpus).await
        }
        Action::SetAutostart { target, autostart } => set_autostart(room, target, *autostart).await,
        Action::AwaitReady { .. }
        | Action::Configure { .. }
        | Action::ChangePorts { .. }
        | Action::GrowDisk { .. }
        | Action::AuthorizeKeys { .. }
        | Action::RevertSnapshot { .. }
        | Action::RemoveDisk { .. } => {
            Err(fault::internal(action.name(), "that is for virtual machines"))
        }
        Action::Remove { target, volumes } => remove(room, target, *volumes).await,
        Action::RemoveNetwork { name, uuid } => remove_network(room, name, *uuid).await,
        Action::RemoveImage { image } => orphan::remove_image(room, image).await,
    }
}

/// What was found where an action's target should be.
pub(super) enum Found {
    /// The very object.
    It(Box<Seen>),
    /// Nothing.
    Nothing,
    /// Something else.
    Other(Outcome),
}

/// An object that is ours, as it is now.
pub(super) struct Seen {
    pub(super) instance: Instance,
    pub(super) container: Container,
}

pub(super) fn stale(found: impl Into<String>) -> Outcome {
    Outcome::Stale { found: found.into() }
}

/// Looks an action's target up, and checks that it is the one that the action is about.
pub(super) async fn find(room: &Podman, target: &Target) -> Result<Found, ProviderError> {
    find_named(room, target, target.id.as_deref().unwrap_or(&target.name)).await
}

async fn find_named(room: &Podman, target: &Target, name: &str) -> Result<Found, ProviderError> {
    let Some(container) = look::container(&room.client, name, Size::NotWanted).await? else {
        return Ok(Found::Nothing);
    };
    let found = match observe::instance(&container) {
        Some(instance)
            if instance.stamp.uuid == target.uuid
                && instance.stamp.generation == target.generation =>
        {
            Found::It(Box::new(Seen { instance, container }))
        }
        Some(instance) if instance.stamp.uuid == target.uuid => Found::Other(stale(format!(
            "{} is replacement {} of its machine, not {}",
            instance.name, instance.stamp.generation, target.generation
        ))),
        _ => Found::Other(stale(format!("{} is not this project's", target.name))),
    };
    Ok(found)
}

/// Looks until the object is in a state that lasts: right after its end by itself, a container is
/// neither up nor cleared away.
pub(super) async fn state(room: &Podman, target: &Target) -> Result<Option<Power>, ProviderError> {
    for _ in 0..20 {
        match find(room, target).await? {
            Found::It(seen) if seen.instance.state == Power::Stopping => {}
            Found::It(seen) => return Ok(Some(seen.instance.state)),
            Found::Nothing | Found::Other(_) => return Ok(None),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(Some(Power::Stopping))
}

pub(super) fn gone(target: &Target) -> Outcome {
    stale(format!("{} is gone", target.name))
}

pub(super) fn doing(state: Power) -> &'static str {
    match state {
        Power::Created => "was never started",
        Power::Running => "is running",
        Power::Paused => "is suspended",
        Power::Stopping => "is stopping",
        Power::Stopped => "is stopped",
        Power::Removing => "is being removed",
        Power::Unknown => "is in a state that vagrantp does not know",
    }
}

/// The object, or the outcome that says why there is nothing to act on.
macro_rules! the {
    ($room:expr, $target:expr) => {
        match find($room, $target).await? {
            Found::It(seen) => seen,
            Found::Nothing => return Ok(gone($target)),
            Found::Other(outcome) => return Ok(outcome),
        }
    };
}
pub(super) use the;

impl Podman {
    pub(super) fn said(
        &self,
        operation: &str,
        limit: Duration,
        error: bollard::errors::Error,
    ) -> ProviderError {
        fault::of_bollard(operation, limit, self.client.socket(), error)
    }
}

async fn rename(room: &Podman, target: &Target, to: &str) -> Result<Outcome, ProviderError> {
    let seen = match find(room, target).await? {
        Found::It(seen) => seen,
        // Where the plan knew no id, the object may have its new name already.
        Found::Nothing => match find_named(room, target, to).await? {
            Found::It(_) => return Ok(Outcome::AlreadyDone),
            Found::Nothing | Found::Other(_) => return Ok(gone(target)),
        },
        Found::Other(outcome) => return Ok(outcome),
    };
    if seen.instance.name == to {
        return Ok(Outcome::AlreadyDone);
    }
    let options = RenameContainerOptions { name: to.to_owned() };
    let docker = room.client.docker(CHANGE)?;
    let renaming = docker.rename_container(&seen.instance.id, options);
    let renamed = deed::around("podman.rename", renaming).await;
    let Err(error) = renamed else { return Ok(Outcome::Done) };
    match look::container(&room.client, to, Size::NotWanted).await? {
        Some(found) if found.id == seen.instance.id => Ok(Outcome::Done),
        Some(_) => Err(ProviderError::NameTaken { name: to.to_owned() }),
        None => Err(room.said(&format!("rename {} to {to}", target.name), CHANGE, error)),
    }
}

async fn change_address(
    room: &Podman,
    target: &Target,
    network: &str,
    address: Option<Ipv4Addr>,
) -> Result<Outcome, ProviderError> {
    let seen = the!(room, target);
    let attached = seen.instance.networks.iter().any(|name| name == network);
    if attached && address.is_some() && seen.instance.address == address {
        return Ok(Outcome::AlreadyDone);
    }
    let range = match look::network(&room.client, network).await? {
        Some(found) if networks::belongs_to(&found, target.uuid) => {
            networks::network(&found, target.uuid).subnet
        }
        Some(_) => return Ok(stale(format!("the network {network} is not this project's"))),
        None => return Ok(stale(format!("the network {network} is gone"))),
    };
    // Asked of the engine, this would cost the connection first.
    if let (Some(address), Some(range)) = (address, range)
        && !range.contains(&address)
    {
        return Err(ProviderError::AddressConflict {
            reason: format!("{address} is not in the range {range} of the network {network}"),
        });
    }
    let operation = format!("change the address of {}", target.name);
    let id = &seen.instance.id;
    if attached {
        let left = disconnect(room, id, network).await;
        left.map_err(|error| room.said(&operation, CHANGE, error))?;
    }
    let Err(error) = connect(room, target, id, network, address).await else {
        return Ok(Outcome::Done);
    };
    // Without this it would be cut off from everything.
    let before = seen.instance.address.or(seen.instance.stamp.asked.address);
    // One that failed half-way is in the engine's books, and in the way of another.
    drop(disconnect(room, id, network).await);
    let back = connect(room, target, id, network, before).await;
    let error = room.said(&operation, CHANGE, error);
    match back {
        Ok(()) => Err(error),
        Err(again) => Err(ProviderError::Refused {
            provider: ProviderKind::Podman,
            operation,
            message: format!("{error}; and it could not get its old address back: {again}"),
            help: format!("try: podman network connect {network} {}", target.name),
            code: Code::NetworkFailed,
        }),
    }
}

async fn set_autostart(
    room: &Podman,
    target: &Target,
    autostart: bool,
) -> Result<Outcome, ProviderError> {
    let seen = the!(room, target);
    if seen.instance.autostart == autostart {
        return Ok(Outcome::AlreadyDone);
    }
    Err(ProviderError::Refused {
        provider: ProviderKind::Podman,
        operation: format!("change whether {} comes back", target.name),
        message: "the restart policy of a container is settled when it is made".to_owned(),
        help: "the container has to be replaced".to_owned(),
        code: Code::Unsupported,
    })
}

async fn remove(
    room: &Podman,
    target: &Target,
    volumes: Volumes,
) -> Result<Outcome, ProviderError> {
    let seen = match find(room, target).await? {
        Found::It(seen) => seen,
        Found::Nothing => return Ok(Outcome::AlreadyDone),
        Found::Other(outcome) => return Ok(outcome),
    };
    // What counts its restarts runs by the engine's own doing, and was stopped before: whoever
    // starts it by hand sets the count to zero.
    let by_itself = seen.instance.state == Power::Running && seen.container.restart_count > 0;
    if matches!(seen.instance.state, Power::Running | Power::Paused) && !by_itself {
        return Ok(stale(format!("{} {}", target.name, doing(seen.instance.state))));
    }
    delete(room, &seen.instance.id, volumes == Volumes::Remove).await?;
    build::forget_former(room, &seen).await?;
    Ok(orphan::follow(room, &seen).await)
}

/// Removes a container that was looked at. It is forced, for one that has just ended and is not
/// cleared away yet.
pub(super) async fn delete(room: &Podman, id: &str, volumes: bool) -> Result<(), ProviderError> {
    let options = RemoveContainerOptions { v: volumes, force: true, link: false };
    let docker = room.client.docker(CHANGE)?;
    let removing = docker.remove_container(id, Some(options));
    match deed::around("podman.remove", removing).await {
        Ok(()) => Ok(()),
        Err(error) => match look::container(&room.client, id, Size::NotWanted).await? {
            None => Ok(()),
            Some(_) => Err(room.said("remove the container", CHANGE, error)),
        },
    }
}

pub(super) async fn remove_network(
    room: &Podman,
    name: &str,
    uuid: InstanceUuid,
) -> Result<Outcome, ProviderError> {
    match look::network(&room.client, name).await? {
        None => return Ok(Outcome::AlreadyDone),
        Some(found) if !networks::belongs_to(&found, uuid) => {
            return Ok(stale(format!("the network {name} is not this project's")));
        }
        Some(_) => {}
    }
    let (docker, name_there) = (room.client.docker(CHANGE)?, escape(name));
    match deed::around("podman.remove_network", docker.remove_network(&name_there)).await {
        Ok(()) => {
            wall::take_down(room).await;
            Ok(Outcome::Done)
        }
        Err(error) => match look::network(&room.client, name).await? {
            None => Ok(Outcome::Done),
            Some(_) => Err(room.said(&format!("remove the network {name}"), CHANGE, error)),
        },
    }
}

/// Starts a container by its id; for [`start`], which decides what came of it.
pub(super) async fn start_by_id(room: &Podman, id: &str) -> Result<(), bollard::errors::Error> {
    let docker = bollard_for_changes(room)?;
    let starting = docker.start_container(id, None::<StartContainerOptions>);
    deed::around("podman.start", starting).await
}
