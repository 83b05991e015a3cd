//! Looks at all of vagrantp's containers at once.

use std::collections::BTreeSet;

use futures_util::future::try_join_all;

use super::client::{Client, READ};
use super::look::{Size, container, instance, listed, unlimited, within};
use super::reply::{Container, Listed};
use super::{Podman, copies, label, observe};
use crate::model::id::InstanceUuid;
use crate::model::observed::Instance;
use crate::provider::ProviderError;

/// All instances of vagrantp's, of all users, without what is a copy of one; and the names of those
/// among the doubtful ones that carry this user's stamp and are copies.
pub(super) async fn list(room: &Podman) -> Result<(Vec<Instance>, Vec<String>), ProviderError> {
    let entries = within(READ, "list", listed(&room.client, label::UUID)).await?;
    let unlimited = unlimited(room);
    let doubtful = copies::doubtful(&entries);
    let looked_at = looked_at(&room.client, doubtful.iter().copied()).await?;
    let (genuine, _) = copies::apart(looked_at.iter().filter_map(observe::instance).collect());
    let is_genuine = |entry: &&Listed| {
        !doubtful.iter().any(|other| other.id == entry.id)
            || genuine.iter().any(|instance| instance.id == entry.id)
    };
    let known = entries.iter().filter(is_genuine).filter_map(observe::listed);
    let known =
        known.map(|instance| Instance { unlimited: unlimited.clone(), ..instance }).collect();
    let copies = doubtful.iter().filter(|entry| {
        let own = |one: Instance| one.stamp.uid == room.settings.uid;
        observe::listed(entry).is_some_and(own) && !genuine.iter().any(|it| it.id == entry.id)
    });
    let names = copies.filter_map(|entry| entry.names.first().cloned()).collect();
    Ok((known, names))
}

/// Whose labels there are on containers, whatever else is written on those and whoever made them.
pub(super) async fn claimed(room: &Podman) -> Result<BTreeSet<InstanceUuid>, ProviderError> {
    let entries = listed(&room.client, label::UUID).await?;
    let uuid = |entry: &Listed| entry.labels.get(label::UUID)?.parse().ok().map(InstanceUuid);
    Ok(entries.iter().filter_map(uuid).collect())
}

/// The names of all that carries this user's stamp and that vagrantp did not make.
pub(super) async fn copies(room: &Podman, uid: u32) -> Result<Vec<String>, ProviderError> {
    let entries = listed(&room.client, &format!("{}={uid}", label::UID)).await?;
    let found = looked_at(&room.client, entries.iter().filter(|entry| is_stamped(entry))).await?;
    let (_, copies) = tell_apart(&found);
    Ok(copies)
}

fn is_stamped(entry: &Listed) -> bool {
    observe::listed(entry).is_some()
}

/// The containers behind entries of a list.
async fn looked_at<'a>(
    client: &Client,
    entries: impl Iterator<Item = &'a Listed>,
) -> Result<Vec<Container>, ProviderError> {
    let found = entries.map(|entry| container(client, &entry.id, Size::NotWanted));
    Ok(try_join_all(found).await?.into_iter().flatten().collect())
}

/// The genuine ones, and the names of the copies.
pub(super) fn tell_apart(found: &[Container]) -> (Vec<Instance>, Vec<String>) {
    let (genuine, later) = copies::apart(found.iter().filter_map(instance).collect());
    let by_hand = found.iter().filter(|container| copies::by_hand(container));
    let by_hand = by_hand.map(|container| container.name.clone());
    let mut names: Vec<String> =
        by_hand.chain(later.into_iter().map(|instance| instance.name)).collect();
    names.sort_unstable();
    (genuine, names)
}
