//! Looks: which questions are asked of the engine, in which order. Nothing here changes anything.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::{join3, join4, try_join_all};
use serde_json::{Value, json};

use super::client::{Client, LIBPOD, READ, escape};
use super::moved::{Moved, may_have_moved};
use super::observe;
use super::reply::{Container, Listed, Network};
use super::{
    Podman, autostart, cgroup, fault, guards, image, label, life, lists, local, networks, save,
    snapshot,
};
use crate::model::capability::Field;
use crate::model::id::{Identity, ProviderKind};
use crate::model::life::Limits;
use crate::model::observed::{EngineFacts, Instance, Observed};
use crate::provider::{Depth, ProviderError, Query};

/// Whether the size of what was written is asked for: the engine has to walk the files for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    Wanted,
    NotWanted,
}

/// One container by its name or id.
pub(super) async fn container(
    client: &Client,
    name: &str,
    size: Size,
) -> Result<Option<Container>, ProviderError> {
    const WHAT: &str = "look at a container";
    let query = if size == Size::Wanted { "?size=true" } else { "" };
    let path = format!("{LIBPOD}/containers/{}/json{query}", escape(name));
    let mut refusal = None;
    for pause in AGAIN {
        tokio::time::sleep(pause).await;
        let reply = client.get(&path).await?;
        if reply.status == 404 {
            return Ok(None);
        }
        if reply.is_success() {
            let found: Container = reply.parse(WHAT)?;
            // The engine takes the beginning of an id for a name.
            return Ok(Some(found).filter(|found| found.name == name || found.id == name));
        }
        // One that is being removed is half there; one whose storage is damaged stays so.
        refusal = Some(reply);
    }
    let Some(refusal) = refusal else { return Ok(None) };
    let why = refusal.message();
    match in_list(client, name).await? {
        Some(entry) => Ok(Some(life::unreadable(entry, why))),
        None => refusal.success(WHAT).map(|_| None),
    }
}

/// When a question is asked again that the engine could not answer.
const AGAIN: [Duration; 3] =
    [Duration::ZERO, Duration::from_millis(50), Duration::from_millis(150)];

/// One container by its name or id, as the list shows it.
async fn in_list(client: &Client, name: &str) -> Result<Option<Listed>, ProviderError> {
    let is_id = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let filter = if is_id { json!({ "id": [name] }) } else { json!({ "name": [name] }) };
    let found = list_by(client, &filter).await?;
    // A name in a filter is a part of a name.
    Ok(found.into_iter().find(|entry| entry.id == name || entry.names.iter().any(|n| n == name)))
}

pub(super) async fn listed(client: &Client, label: &str) -> Result<Vec<Listed>, ProviderError> {
    list_by(client, &json!({ "label": [label] })).await
}

async fn list_by(client: &Client, filters: &Value) -> Result<Vec<Listed>, ProviderError> {
    const WHAT: &str = "list containers";
    let path =
        format!("{LIBPOD}/containers/json?all=true&filters={}", escape(&filters.to_string()));
    let mut reply = client.get(&path).await?;
    // One container that goes away meanwhile can spoil the answer about all of them.
    for pause in &AGAIN[1..] {
        if reply.is_success() {
            break;
        }
        tokio::time::sleep(*pause).await;
        reply = client.get(&path).await?;
    }
    reply.success(WHAT)?.parse(WHAT)
}

/// One container by its name or id, looked at until it is in a state that lasts. One that the engine
/// starts again whenever it ends is down for a moment between two runs, and nobody has stopped it.
async fn settled(
    client: &Client,
    name: &str,
    size: Size,
) -> Result<Option<Container>, ProviderError> {
    let mut found = container(client, name, size).await?;
    for _ in 0..LOOKS {
        if !found.as_ref().is_some_and(life::is_between_two_runs) {
            break;
        }
        tokio::time::sleep(LOOK).await;
        found = container(client, name, size).await?;
    }
    Ok(found)
}

/// The engine takes up to a third of a second to clear up after a container, seconds under load.
const LOOKS: usize = 75;
const LOOK: Duration = Duration::from_millis(40);

/// A container of ours, with what the kernel says of it.
pub(super) fn instance(found: &Container) -> Option<Instance> {
    let mut instance = observe::instance(found)?;
    let made_with = Limits { memory: instance.memory, millicpus: instance.millicpus };
    instance.life.limits = cgroup::in_force(found).filter(|limits| *limits != made_with);
    instance.unguarded = guards::lost(found, &instance.mounts);
    Some(instance)
}

pub(super) async fn network(client: &Client, name: &str) -> Result<Option<Network>, ProviderError> {
    let path = format!("{LIBPOD}/networks/{}/json", escape(name));
    let found: Option<Network> = client.find("look at a network", &path).await?;
    Ok(found.filter(|found| found.name == name))
}

/// Every network of the engine's: what the project's own are to be, others must not be.
async fn networks(client: &Client) -> Result<Vec<Network>, ProviderError> {
    let path = format!("{LIBPOD}/networks/json");
    client.get(&path).await?.success("list networks")?.parse("list networks")
}

/// Whether no more than one network is kept apart from others; no where that cannot be said.
pub(super) async fn is_alone(client: &Client) -> bool {
    let found = networks(client).await;
    found.is_ok_and(|networks| {
        networks.iter().filter(|network| networks::is_isolated(network)).nth(1).is_none()
    })
}

/// Whether there is no network of vagrantp's any more, of nobody's; no where that cannot be said.
pub(super) async fn is_last_network_gone(client: &Client) -> bool {
    let found = networks(client).await;
    found.is_ok_and(|networks| {
        !networks.iter().any(|network| network.labels.contains_key(label::UUID))
    })
}

pub(super) async fn observe(room: &Podman, query: &Query<'_>) -> Result<Observed, ProviderError> {
    let mut observed = match query.depth {
        Depth::Glance => within(READ, "look", glance(room, query.identity)).await?,
        Depth::Full => full(room, query).await?,
    };
    observed.engine = engine(room);
    if query.depth == Depth::Full {
        observed.engine.autostart_lacks = autostart::lacks(&room.settings, room.engine_uid);
    }
    for instance in observed.instances.iter_mut().chain(&mut observed.moved) {
        instance.unlimited = observed.engine.unlimited.clone();
    }
    Ok(observed)
}

/// An answer, or that there was none in time.
pub(super) async fn within<T>(
    limit: Duration,
    operation: &str,
    answer: impl Future<Output = Result<T, ProviderError>>,
) -> Result<T, ProviderError> {
    let late = |_| ProviderError::Timeout {
        provider: ProviderKind::Podman,
        operation: operation.to_owned(),
        seconds: limit.as_secs(),
        help: fault::TIMEOUT_HELP.to_owned(),
    };
    tokio::time::timeout(limit, answer).await.map_err(late)?
}

/// One question where the expected name is ours.
async fn glance(room: &Podman, identity: &Identity) -> Result<Observed, ProviderError> {
    let client = &room.client;
    let mut observed = Observed::default();
    let mut names = vec![identity.id.as_str().to_owned()];
    if !identity.id_is_explicit {
        names.push(identity.fallback_name());
    }
    for name in names {
        let Some(found) = settled(client, &name, Size::NotWanted).await? else { continue };
        match instance(&found).filter(|found| observe::is_ours(found, identity)) {
            Some(ours) => {
                observed.instances.push(ours);
                return Ok(observed);
            }
            None if name == identity.id.as_str() => {
                observed.stranger = Some(observe::stranger(&name, &found));
            }
            None => {}
        }
    }
    let entries = listed(client, &format!("{}={}", label::UUID, identity.uuid)).await?;
    observed.newer = observe::newer(entries.iter().map(labelled), identity);
    (observed.instances, observed.copies) = ours(room, identity, &entries, Size::NotWanted).await?;
    Ok(observed)
}

/// The containers of ours in a list, each looked at: the list shows no limits and no mounts. And the
/// names of those that are copies of them.
async fn ours(
    room: &Podman,
    identity: &Identity,
    entries: &[Listed],
    size: Size,
) -> Result<(Vec<Instance>, Vec<String>), ProviderError> {
    let ids = entries.iter().filter(|entry| {
        observe::listed(entry).is_some_and(|found| observe::is_ours(&found, identity))
    });
    let found = try_join_all(ids.map(|entry| settled(&room.client, &entry.id, size))).await?;
    let found: Vec<Container> = found.into_iter().flatten().collect();
    let (mut instances, copies) = lists::tell_apart(&found);
    for ours in instances.iter_mut().filter(|_| size == Size::Wanted) {
        if let Some(seen) = found.iter().find(|seen| seen.id == ours.id) {
            ours.written = save::copied(room, seen).await?;
        }
    }
    Ok((instances, copies))
}

async fn full(room: &Podman, query: &Query<'_>) -> Result<Observed, ProviderError> {
    let client = &room.client;
    let identity = query.identity;
    let uid = format!("{}={}", label::UID, identity.uid);
    let wanted_image = async {
        match query.image {
            Some(source) => image::observed(room, source).await,
            None => Ok(None),
        }
    };
    let (entries, named, networks, (image, saved, snapshots)) = join4(
        listed(client, &uid),
        container(client, identity.id.as_str(), Size::NotWanted),
        networks(client),
        join3(
            wanted_image,
            local::saved(client, identity.uuid),
            snapshot::list(client, identity.uuid),
        ),
    )
    .await;
    let (entries, named) = (entries?, named?);
    let (instances, copies) = ours(room, identity, &entries, Size::Wanted).await?;
    let moved = moved(room, identity, &entries).await?;
    let mut snapshots = snapshots?;
    let mut former_images = Vec::new();
    if let Some(moved) = &moved {
        former_images = local::saved(client, moved.stamp.uuid).await?;
        snapshots.extend(snapshot::list(client, moved.stamp.uuid).await?);
    }
    let named_ours = |id: &str| instances.iter().any(|instance: &Instance| instance.id == id);
    let stranger = named
        .filter(|found| !named_ours(&found.id))
        .map(|found| observe::stranger(identity.id.as_str(), &found));
    let (mut expected, mut networks): (Vec<_>, Vec<_>) =
        networks::networks(&networks?, &entries, identity.uuid)
            .into_iter()
            .partition(|network| network.name == identity.network_name());
    for network in expected.iter_mut().chain(&mut networks).filter(|network| network.ours) {
        network.shared_with = members(client, &network.name, &instances).await?;
    }
    Ok(Observed {
        stranger,
        moved,
        network: expected.pop(),
        networks,
        image: image?,
        saved_images: saved?,
        former_images,
        snapshots,
        built_images: local::built(client, identity, &instances, &entries).await?,
        newer: observe::newer(entries.iter().map(labelled), identity),
        instances,
        copies,
        kept_disk: None,
        engine: EngineFacts::default(),
    })
}

/// What an entry of a list goes by, and what is written on it.
fn labelled(entry: &Listed) -> (&str, &HashMap<String, String>) {
    (entry.names.first().map_or("", String::as_str), &entry.labels)
}

/// The names of those in a network that are not the project's own.
async fn members(
    client: &Client,
    network: &str,
    own: &[Instance],
) -> Result<Vec<String>, ProviderError> {
    let attached = list_by(client, &json!({ "network": [network] })).await?;
    let others = attached.into_iter().filter(|entry| own.iter().all(|own| own.id != entry.id));
    Ok(others.filter_map(|entry| entry.names.into_iter().next()).collect())
}

async fn moved(
    room: &Podman,
    identity: &Identity,
    entries: &[Listed],
) -> Result<Option<Instance>, ProviderError> {
    let is_candidate =
        |entry: &&Listed| match observe::listed(entry).map(|one| may_have_moved(&one, identity)) {
            Some(Moved::SameDirectory) => true,
            Some(Moved::SameName) => {
                observe::listed(entry).is_some_and(|one| !one.stamp.project.exists())
            }
            Some(Moved::No) | None => false,
        };
    for entry in entries.iter().filter(is_candidate) {
        let Some(found) = container(&room.client, &entry.id, Size::Wanted).await? else { continue };
        // A copy moved nowhere.
        let Some(instance) = observe::instance(&found) else { continue };
        let written = save::copied(room, &found).await?;
        let unguarded = guards::lost(&found, &instance.mounts);
        return Ok(Some(Instance { written, unguarded, ..instance }));
    }
    Ok(None)
}

/// What is known of the engine without asking: its version stands in every answer, its user at the
/// other end of the socket.
fn engine(room: &Podman) -> EngineFacts {
    let rootless = room.engine_uid.is_some_and(|uid| uid != 0);
    EngineFacts {
        version: room.client.version(),
        autostart_lacks: Vec::new(),
        rootless,
        storage: Some(room.settings.storage.clone()),
        unlimited: unlimited(room),
    }
}

/// The limits that the engine cannot enforce. `podman info` knows too, and takes a quarter of a
/// second.
pub(super) fn unlimited(room: &Podman) -> Vec<Field> {
    let uid = room.engine_uid.unwrap_or_default();
    let path =
        format!("/sys/fs/cgroup/user.slice/user-{uid}.slice/user@{uid}.service/cgroup.controllers");
    observe::unlimited(uid != 0, std::fs::read_to_string(path).ok().as_deref())
}
