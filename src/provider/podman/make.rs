//! Makes containers and networks.

use futures_util::future::{join, join3};

use super::client::{CHANGE, LIBPOD};
use super::execute::{delete, stale};
use super::look::{self, Size};
use super::reply::{Container, Made};
use super::{Podman, fault, image, networks, observe, orphan, spec};
use crate::deed;
use crate::model::id::ProviderKind;
use crate::model::observed::{Instance, Power};
use crate::model::spec::{BaseImage, InstanceSpec, NetworkSpec};
use crate::plan::action::Outcome;
use crate::provider::ProviderError;

pub(super) async fn container(
    room: &Podman,
    spec: &InstanceSpec,
) -> Result<Outcome, ProviderError> {
    let (named, around) =
        join(look::container(&room.client, &spec.name, Size::NotWanted), surroundings(room, spec))
            .await;
    if let Some(found) = named? {
        return match ours(&found, spec) {
            Some(instance) if instance.stamp == spec.stamp => Ok(Outcome::AlreadyDone),
            Some(instance) => Ok(stale(format!(
                "{} is there already, as replacement {} of its machine",
                spec.name, instance.stamp.generation
            ))),
            None => Err(ProviderError::NameTaken { name: spec.name.clone() }),
        };
    }
    let around = match around? {
        Ok(around) => around,
        Err(outcome) => return Ok(outcome),
    };
    let body = spec::container(spec, &around);
    let path = format!("{LIBPOD}/containers/create");
    let operation = format!("create {}", spec.name);
    let create = || deed::around("podman.create", room.client.post(&path, Some(&body), CHANGE));
    let mut answer = create().await;
    if let BaseImage::Saved(saved) = &spec.image
        && answer.as_ref().is_ok_and(|reply| !reply.is_success())
        && orphan::clear_storage(room, saved).await?
    {
        answer = create().await;
    }
    let failure = match answer {
        Ok(reply) if reply.is_success() => {
            return reply.parse::<Made>(&operation).map(|_| Outcome::Done);
        }
        Ok(reply) if reply.status == 404 => {
            return Ok(stale(format!(
                "what {} is made from is gone: {}",
                spec.name,
                reply.message()
            )));
        }
        Ok(reply) => reply.success(&operation).err(),
        Err(error) => Some(error),
    };
    clear(room, spec).await?;
    if matches!(failure, Some(ProviderError::NameTaken { .. }))
        && look::container(&room.client, &spec.name, Size::NotWanted).await?.is_none()
    {
        return Err(fault::name_in_storage(&operation, &spec.name));
    }
    failure.map_or_else(|| Ok(stale(format!("{} could not be made", spec.name))), Err)
}

fn ours(found: &Container, spec: &InstanceSpec) -> Option<Instance> {
    observe::instance(found).filter(|instance| {
        (instance.stamp.uuid, instance.stamp.uid) == (spec.stamp.uuid, spec.stamp.uid)
    })
}

/// Removes what a failed creation left.
async fn clear(room: &Podman, spec: &InstanceSpec) -> Result<(), ProviderError> {
    let Some(found) = look::container(&room.client, &spec.name, Size::NotWanted).await? else {
        return Ok(());
    };
    match ours(&found, spec) {
        Some(half) if half.stamp == spec.stamp && half.state == Power::Created => {
            // The volumes are those of the container that is being replaced, if there is one.
            delete(room, &half.id, spec.volumes_from.is_none()).await
        }
        _ => Ok(()),
    }
}

/// What the spec refers to by name, or an outcome where one of it is gone.
async fn surroundings(
    room: &Podman,
    spec: &InstanceSpec,
) -> Result<Result<spec::Surroundings, Outcome>, ProviderError> {
    let (network, image, old) = join3(
        look::network(&room.client, &spec.network),
        local_image(room, &spec.image),
        replaced(room, spec),
    )
    .await;
    let Some(network) = network? else {
        return Ok(Err(stale(format!("the network {} is gone", spec.network))));
    };
    if !networks::belongs_to(&network, spec.stamp.uuid) {
        return Ok(Err(stale(format!("the network {} is not this project's", spec.network))));
    }
    let old = match old? {
        Ok(old) => old,
        Err(outcome) => return Ok(Err(outcome)),
    };
    let Some(image) = image? else {
        return Ok(Err(stale(format!("the image of {} is gone", spec.name))));
    };
    let address = spec::first_address_of(&network);
    let unlimited = look::unlimited(room);
    Ok(Ok(spec::Surroundings { image, address, unlimited, ..old }))
}

/// The image's local name; none for one that was imported and is not there any more.
async fn local_image(room: &Podman, base: &BaseImage) -> Result<Option<String>, ProviderError> {
    let source = match base {
        BaseImage::Saved(name) => return Ok(Some(name.clone())),
        BaseImage::Source(source) => source,
        BaseImage::KeptDisk => return Ok(None),
    };
    image::shown_as(&room.client, source).await
}

/// What is taken over from the container that is replaced. Where the project has moved, that one carries the
/// uuid of the path that it had, so only its user is looked at.
async fn replaced(
    room: &Podman,
    spec: &InstanceSpec,
) -> Result<Result<spec::Surroundings, Outcome>, ProviderError> {
    let Some(name) = &spec.volumes_from else { return Ok(Ok(spec::Surroundings::default())) };
    match look::container(&room.client, name, Size::NotWanted).await? {
        Some(old) if is_of_user(&old, spec.stamp.uid) => Ok(Ok(spec::Surroundings {
            volumes: old
                .mounts
                .into_iter()
                .filter(|mount| mount.kind == "volume" && !mount.name.is_empty())
                .map(|mount| (mount.name, mount.destination))
                .collect(),
            health_check: old.config.healthcheck,
            ..spec::Surroundings::default()
        })),
        Some(_) => Ok(Err(stale(format!("{name} is not this user's")))),
        None => Ok(Err(stale(format!("{name} is gone")))),
    }
}

fn is_of_user(found: &Container, uid: u32) -> bool {
    observe::instance(found).is_some_and(|instance| instance.stamp.uid == uid)
}

pub(super) async fn network(room: &Podman, wanted: &NetworkSpec) -> Result<Outcome, ProviderError> {
    let name = &wanted.name;
    if let Some(outcome) = present(room, wanted).await? {
        return Ok(outcome);
    }
    let path = format!("{LIBPOD}/networks/create");
    let body = spec::network(wanted);
    let create = room.client.post(&path, Some(&body), CHANGE);
    let answer = deed::around("podman.create_network", create).await;
    let failure = match answer {
        Ok(reply) if reply.is_success() => return Ok(Outcome::Done),
        Ok(reply) => reply.success(&format!("create the network {name}")).err(),
        Err(error) => Some(error),
    };
    match present(room, wanted).await? {
        Some(Outcome::AlreadyDone) => Ok(Outcome::Done),
        Some(other) => Ok(other),
        None => Err(failure.unwrap_or_else(|| ProviderError::Refused {
            provider: ProviderKind::Podman,
            operation: format!("create the network {name}"),
            message: "it says that it did, and there is none".to_owned(),
            help: "`podman network ls` shows what there is".to_owned(),
            code: crate::model::code::Code::NetworkFailed,
        })),
    }
}

async fn present(room: &Podman, wanted: &NetworkSpec) -> Result<Option<Outcome>, ProviderError> {
    let Some(found) = look::network(&room.client, &wanted.name).await? else { return Ok(None) };
    let found = networks::network(&found, wanted.uuid);
    if !found.ours {
        return Err(ProviderError::NameTaken { name: wanted.name.clone() });
    }
    let kind = found.bridge == wanted.bridge && (found.isolated || wanted.bridge.is_some());
    let gateway = wanted.gateway.is_none() || found.gateway == wanted.gateway;
    let fits = kind && gateway && wanted.subnet.is_none_or(|wanted| found.subnet == Some(wanted));
    Ok(Some(if fits {
        Outcome::AlreadyDone
    } else {
        stale(format!("the network {} is there, and is another than what is wanted", wanted.name))
    }))
}
