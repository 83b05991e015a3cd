//! Snapshots: local images with a label of their own, one for each name.
//!
//! A container is never made from a snapshot's name but from a name of saved files that is put
//! beside it: so a snapshot can go while the container stays, and the files of that container are
//! cleared away as those of every other are.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Podman;
use super::client::{CHANGE, Client, LIBPOD, escape};
use super::execute::{Found, Seen, doing, find, stale};
use super::freeze::cannot_freeze;
use super::reply::{Image, ListedImage};
use super::save::{Commit, commit};
use super::{fault, image, label, local};
use crate::deed;
use crate::event::{Event, Listener};
use crate::exec::printable;
use crate::model::id::InstanceUuid;
use crate::model::image::ImageSource;
use crate::model::observed::Power;
use crate::model::snapshot::{Snapshot, SnapshotName};
use crate::model::units::Bytes;
use crate::plan::action::{Outcome, Target};
use crate::provider::ProviderError;

/// What stands on the image. Whose it is says its name alone, which changes when a project moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    schema: u32,
    created_at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    image: ImageSource,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    image_id: Option<String>,
}

impl Mark {
    fn of(snapshot: &Snapshot) -> Mark {
        Mark {
            schema: 1,
            created_at: snapshot.created_at.clone(),
            description: snapshot.description.clone(),
            image: snapshot.image.clone(),
            image_id: snapshot.image_id.clone(),
        }
    }

    fn read(text: Option<&String>) -> Option<Mark> {
        serde_json::from_str(text?).ok()
    }
}

fn repository(of: InstanceUuid) -> String {
    format!("{}{of}/snapshot", image::OURS)
}

fn image_name(snapshot: &Snapshot) -> String {
    format!("{}:{}", repository(snapshot.of), snapshot.name)
}

/// The snapshots of an instance, the oldest first.
pub(super) async fn list(
    client: &Client,
    of: InstanceUuid,
) -> Result<Vec<Snapshot>, ProviderError> {
    Ok(listed(&local::images(client, &repository(of)).await?, of))
}

/// Those that carry the label: what somebody else put there under such a name is not ours.
fn listed(images: &[ListedImage], of: InstanceUuid) -> Vec<Snapshot> {
    let prefix = format!("{}:", repository(of));
    let mut snapshots = Vec::new();
    for image in images {
        let Some(mark) = Mark::read(image.labels.get(label::SNAPSHOT)) else { continue };
        let tags = image.repo_tags.iter().filter_map(|name| name.strip_prefix(&prefix));
        for name in tags.filter_map(SnapshotName::new) {
            snapshots.push(Snapshot {
                name,
                of,
                created_at: mark.created_at.clone(),
                description: mark.description.clone(),
                image: mark.image.clone(),
                image_id: mark.image_id.clone(),
                size: u64::try_from(image.size).ok().map(Bytes),
                memory: false,
            });
        }
    }
    snapshots.sort_by(|a, b| (&a.created_at, &a.name).cmp(&(&b.created_at, &b.name)));
    snapshots
}

/// What has a snapshot's name.
enum Named {
    /// The snapshot.
    It(Image),
    /// Nothing.
    Nothing,
    /// Something else: another snapshot, or what somebody else put there.
    Other(Outcome),
}

async fn named(room: &Podman, snapshot: &Snapshot) -> Result<Named, ProviderError> {
    let name = image_name(snapshot);
    let Some(found) = image::find(&room.client, &name).await? else { return Ok(Named::Nothing) };
    Ok(match Mark::read(found.config.labels.get(label::SNAPSHOT)) {
        Some(mark) if mark.created_at == snapshot.created_at => Named::It(found),
        Some(_) => Named::Other(stale(format!("there is another snapshot {}", snapshot.name))),
        None => Named::Other(stale(format!("{name} is no snapshot of vagrantp's"))),
    })
}

/// Keeps the container's files. What runs is frozen meanwhile, so that they are of one moment.
pub(super) async fn take(
    room: &Podman,
    target: &Target,
    snapshot: &Snapshot,
    listener: &dyn Listener,
) -> Result<Outcome, ProviderError> {
    let seen = match find(room, target).await? {
        Found::It(seen) => seen,
        Found::Nothing => return Ok(stale(format!("{} is gone", target.name))),
        Found::Other(outcome) => return Ok(outcome),
    };
    match seen.instance.state {
        Power::Created | Power::Running | Power::Paused | Power::Stopped => {}
        other => return Ok(stale(format!("{} {}", target.name, doing(other)))),
    }
    match named(room, snapshot).await? {
        Named::It(_) => return Ok(Outcome::AlreadyDone),
        Named::Nothing => {}
        Named::Other(outcome) => return Ok(outcome),
    }
    let mark = serde_json::to_string(&Mark::of(snapshot)).expect("a mark has no keys but text");
    let repository = repository(snapshot.of);
    let pause = seen.instance.state == Power::Running;
    let to =
        Commit { repository: &repository, tag: snapshot.name.as_str(), pause, label: Some(&mark) };
    let operation = format!("take a snapshot of {}", target.name);
    let Err(error) = commit(room, &seen, &to, &operation).await else {
        warn_of_the_rest(&seen, listener);
        return Ok(Outcome::Done);
    };
    match named(room, snapshot).await? {
        Named::It(_) => Ok(Outcome::Done),
        _ => Err(cannot_freeze(error, "`vagrantp stop` stops it; then take the snapshot")),
    }
}

/// Mounts and volumes are not among the container's files.
fn warn_of_the_rest(seen: &Seen, listener: &dyn Listener) {
    let places = outermost(seen.container.mounts.iter().map(|mount| &*mount.destination));
    if places.is_empty() {
        return;
    }
    let places: Vec<String> = places.into_iter().map(printable).collect();
    let message = format!(
        "mounts and volumes are not in a snapshot, and stay as they are when one is gone back to: \
         {}",
        places.join(", ")
    );
    listener.hear(&Event::Warning { message });
}

/// The paths that lie in no other of them, in order.
fn outermost<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut paths: Vec<&str> = paths.collect();
    paths.sort_unstable();
    let mut outer: Vec<&str> = Vec::new();
    for path in paths {
        if !outer.iter().any(|outer| Path::new(path).starts_with(outer)) {
            outer.push(path);
        }
    }
    outer
}

/// Gives the snapshot's image the name that the container is to be made from.
pub(super) async fn make_base(
    room: &Podman,
    snapshot: &Snapshot,
    base: &str,
) -> Result<Outcome, ProviderError> {
    let found = match named(room, snapshot).await? {
        Named::It(found) => found,
        Named::Nothing => return Ok(gone(snapshot)),
        Named::Other(outcome) => return Ok(outcome),
    };
    name_also(room, &image_name(snapshot), &found, base).await
}

fn gone(snapshot: &Snapshot) -> Outcome {
    stale(format!("the snapshot {} is gone", snapshot.name))
}

async fn name_also(
    room: &Podman,
    from: &str,
    image: &Image,
    to: &str,
) -> Result<Outcome, ProviderError> {
    let operation = format!("name the files {to}");
    let named = to.strip_prefix(image::OURS).and_then(|_| to.rsplit_once(':'));
    let Some((repository, tag)) = named else {
        return Err(fault::internal(&operation, "the name is not one of vagrantp's"));
    };
    if let Some(there) = image::find(&room.client, to).await? {
        return if there.id == image.id {
            Ok(Outcome::AlreadyDone)
        } else {
            Ok(stale(format!("{to} is there with other files")))
        };
    }
    let path = format!(
        "{LIBPOD}/images/{}/tag?repo={}&tag={}",
        escape(from),
        escape(repository),
        escape(tag)
    );
    let answer = deed::around("podman.tag", room.client.post(&path, None, CHANGE)).await;
    match image::find(&room.client, to).await? {
        Some(there) if there.id == image.id => Ok(Outcome::Done),
        _ => answer?.success(&operation).map(|_| stale(format!("{to} vanished"))),
    }
}

/// Takes the snapshot's name away; the files go with it where nothing else has them.
pub(super) async fn remove(room: &Podman, snapshot: &Snapshot) -> Result<Outcome, ProviderError> {
    match named(room, snapshot).await? {
        Named::It(_) => image::remove(room, &image_name(snapshot)).await,
        Named::Nothing => Ok(Outcome::AlreadyDone),
        Named::Other(outcome) => Ok(outcome),
    }
}

/// Makes it the snapshot of another instance: the new name first, so that it always has one.
pub(super) async fn hand_over(
    room: &Podman,
    snapshot: &Snapshot,
    to: InstanceUuid,
) -> Result<Outcome, ProviderError> {
    let moved = Snapshot { of: to, ..snapshot.clone() };
    match named(room, snapshot).await? {
        Named::It(found) => {
            let named = name_also(room, &image_name(snapshot), &found, &image_name(&moved)).await?;
            if matches!(named, Outcome::Stale { .. }) {
                return Ok(named);
            }
            image::remove(room, &image_name(snapshot)).await.map(|_| Outcome::Done)
        }
        Named::Nothing => Ok(match named(room, &moved).await? {
            Named::It(_) => Outcome::AlreadyDone,
            Named::Nothing | Named::Other(_) => gone(snapshot),
        }),
        Named::Other(outcome) => Ok(outcome),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_below_another_needs_no_mention() {
        let paths = ["/work/.env", "/work", "/data", "/workshop", "/data"];
        assert_eq!(outermost(paths.into_iter()), ["/data", "/work", "/workshop"]);
    }

    #[test]
    fn what_is_listed_is_ours_by_its_name_and_by_its_label() {
        let of = InstanceUuid(uuid::Uuid::from_u128(7));
        let other = InstanceUuid(uuid::Uuid::from_u128(8));
        let snapshot = Snapshot {
            name: SnapshotName::new("before").expect("a name"),
            of,
            created_at: "2026-11-21T11:00:00Z".to_owned(),
            description: Some("a \"b\" = $HOME".to_owned()),
            image: ImageSource::Registry("docker.io/library/alpine:latest".to_owned()),
            image_id: Some("sha256:1".to_owned()),
            size: Some(Bytes(5)),
            memory: false,
        };
        let mark = serde_json::to_string(&Mark::of(&snapshot)).expect("it has a form in JSON");
        let image = |names: &[String], mark: &str| ListedImage {
            repo_tags: names.to_vec(),
            labels: [(label::SNAPSHOT.to_owned(), mark.to_owned())].into(),
            size: 5,
            ..ListedImage::default()
        };
        let saved = format!("localhost/vagrantp/{of}:2-20261121");
        let elsewhere = image_name(&Snapshot { of: other, ..snapshot.clone() });
        let images = [
            image(&[image_name(&snapshot), saved.clone(), elsewhere], &mark),
            image(&[format!("{}:emptied", repository(of))], ""),
            image(&[saved], &mark),
            ListedImage { repo_tags: vec![image_name(&snapshot)], ..ListedImage::default() },
        ];
        assert_eq!(listed(&images, of), [snapshot]);
    }
}
