//! What the engine has of vagrantp's beside containers, and whether something needs it.

use std::collections::BTreeSet;

use futures_util::future::{join4, try_join_all};
use jiff::Timestamp;
use serde_json::json;

use super::client::{LIBPOD, escape};
use super::reply::{Listed, ListedImage, Network};
use super::{Podman, build, image, import, label, lists, local};
use crate::model::garbage::{Inventory, OwnImage, OwnNetwork};
use crate::model::id::InstanceUuid;
use crate::model::image::LocalImage;
use crate::model::observed::Instance;
use crate::model::units::Bytes;
use crate::provider::ProviderError;

pub(super) async fn inventory(room: &Podman, uid: u32) -> Result<Inventory, ProviderError> {
    let (instances, images, networks, copies) = join4(
        lists::list(room),
        local::images(&room.client, &format!("{}*", image::OURS)),
        networks(room, uid),
        lists::copies(room, uid),
    )
    .await;
    let (instances, _) = instances?;
    // An image carries no user. Where the engine is another's, those in it may be of others.
    let images = if room.engine_uid == Some(uid) {
        let (mut images, snapshots) = (images?, snapshots(room).await?);
        images.extend(snapshots);
        images
    } else {
        Vec::new()
    };
    let mut images = own_images(&images, &wanted(&instances));
    images.extend(parts(room, uid).await?);
    // A copy of a machine, or one that a newer vagrantp made, may be of use to somebody with these.
    let claimed = lists::claimed(room).await?;
    for image in &mut images {
        image.used |= image.owner.is_some_and(|owner| claimed.contains(&owner));
    }
    Ok(Inventory { images, networks: networks?, copies: copies? })
}

/// What was built of images that never came to be. The engine has no name for them.
async fn parts(room: &Podman, uid: u32) -> Result<Vec<OwnImage>, ProviderError> {
    let filters = json!({ "dangling": ["true"], "label": [format!("{}={uid}", label::BUILD)] });
    let found = local::listed(&room.client, &filters).await?;
    let part = |image: ListedImage| OwnImage {
        name: format!("{}{}", build::PARTS, image.id.trim_start_matches("sha256:")),
        holds: LocalImage::Built,
        made_at: Timestamp::from_second(image.created).ok(),
        unfinished: true,
        size: Bytes(u64::try_from(image.size).unwrap_or_default()),
        used: image.containers > 0,
        owner: None,
    };
    Ok(found.into_iter().filter(|image| image.repo_tags.is_empty()).map(part).collect())
}

/// A star in a reference stands for no slash.
async fn snapshots(room: &Podman) -> Result<Vec<ListedImage>, ProviderError> {
    local::images(&room.client, &format!("{}*/snapshot", image::OURS)).await
}

/// The names and ids of what living instances were made from, and would be again.
fn wanted(instances: &[Instance]) -> BTreeSet<String> {
    let mut wanted = BTreeSet::new();
    for instance in instances {
        let asked = &instance.stamp.asked;
        wanted.extend(asked.image_id.clone());
        wanted.extend(image::known_as(&asked.image).ok());
    }
    wanted
}

fn own_images(found: &[ListedImage], wanted: &BTreeSet<String>) -> Vec<OwnImage> {
    let own = |image: &ListedImage| {
        let ours = image.repo_tags.iter().filter(|name| name.starts_with(image::OURS));
        // What somebody else put there under such a name carries no mark.
        let marked = image.labels.contains_key(label::SNAPSHOT);
        let ours = ours.filter(|name| LocalImage::of(name) != LocalImage::Snapshot || marked);
        let names: Vec<&String> = ours.collect();
        let is_wanted = names.iter().any(|name| wanted.contains(*name))
            || wanted.contains(&image.id)
            || image.containers > 0;
        let all: Vec<String> = names.iter().map(|name| (*name).clone()).collect();
        let primary: Vec<String> = match import::by_content(&all) {
            Some(name) => vec![name],
            None => {
                // The name of a context goes with the one that the image goes by.
                let by_itself = names.iter().all(|name| name.starts_with(build::CONTEXTS));
                all.into_iter()
                    .filter(|name| by_itself || !name.starts_with(build::CONTEXTS))
                    .collect()
            }
        };
        let made_at = Timestamp::from_second(image.created).ok();
        let size = Bytes(u64::try_from(image.size).unwrap_or_default());
        primary.into_iter().map(move |name| OwnImage {
            unfinished: false,
            owner: owner(&name),
            holds: LocalImage::of(&name),
            made_at,
            used: is_wanted,
            size,
            name,
        })
    };
    found.iter().flat_map(own).collect()
}

/// The instance whose files an image holds, by its name.
fn owner(name: &str) -> Option<InstanceUuid> {
    let (repository, _) = name.strip_prefix(image::OURS)?.split_once(':')?;
    let uuid = match LocalImage::of(name) {
        LocalImage::Saved => repository,
        LocalImage::Snapshot => repository.strip_suffix("/snapshot")?,
        LocalImage::Imported | LocalImage::Built => return None,
    };
    uuid.parse().ok().map(InstanceUuid)
}

async fn networks(room: &Podman, uid: u32) -> Result<Vec<OwnNetwork>, ProviderError> {
    let client = &room.client;
    let filters = json!({ "label": [format!("{}={uid}", label::UID)] }).to_string();
    let path = format!("{LIBPOD}/networks/json?filters={}", escape(&filters));
    let found: Vec<Network> =
        client.get(&path).await?.success("list networks")?.parse("list networks")?;
    let own = found.iter().filter_map(|network| {
        let owner = network.labels.get(label::UUID)?.parse().ok().map(InstanceUuid)?;
        // Its name has to be one that it would have been given.
        owner.names_network(&network.name).then_some((network, owner))
    });
    try_join_all(own.map(async |(network, owner)| {
        let name = network.name.clone();
        let filters = json!({ "network": [name] }).to_string();
        let path = format!("{LIBPOD}/containers/json?all=true&filters={}", escape(&filters));
        let attached: Vec<Listed> =
            client.get(&path).await?.success("list containers")?.parse("list containers")?;
        let made_at = network.created.parse().ok();
        Ok(OwnNetwork { name, made_at, owner, used: !attached.is_empty() })
    }))
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_counted_once_by_the_name_that_it_goes_by() {
        let uuid = "11111111-2222-5333-8444-555555555555";
        let image = |id: &str, containers, names: &[&str]| ListedImage {
            id: id.to_owned(),
            containers,
            size: 7,
            repo_tags: names.iter().map(|name| format!("localhost/vagrantp/{name}")).collect(),
            ..ListedImage::default()
        };
        let snapshot = format!("{uuid}/snapshot:before");
        let saved = format!("{uuid}:2-20261121");
        let mut shared = image("d", 0, &["built:0a-0123456789ab"]);
        shared.repo_tags.push("localhost/mine:1".to_owned());
        let mut marked = image("i", 0, &[&format!("{uuid}/snapshot:mine")]);
        marked.labels.insert(label::SNAPSHOT.to_owned(), "{}".to_owned());
        let mine = format!("{uuid}/snapshot:mine");
        let found = [
            marked,
            image("a", 0, &["rootfs:file-01", "rootfs:0a", "rootfs:file-02"]),
            image("b", 1, &["built:0a", "context:0a-0b-0c"]),
            image("c", 0, &[&saved]),
            image("h", 0, &[&snapshot]),
            shared,
            image("e", 0, &["context:0d-0b-0c"]),
            image("f", 0, &["archive:file-03"]),
            image("g", 0, &["rootfs:file-04"]),
        ];
        let wanted = ["localhost/vagrantp/archive:file-03", "g"].map(str::to_owned).into();
        let own = own_images(&found, &wanted);
        let shown: Vec<_> = own
            .iter()
            .map(|image| {
                let name = image.name.strip_prefix("localhost/vagrantp/").expect("ours");
                (name, image.used, image.owner.is_some())
            })
            .collect();
        assert_eq!(
            shown,
            [
                (mine.as_str(), false, true),
                ("rootfs:0a", false, false),
                ("built:0a", true, false),
                (saved.as_str(), false, true),
                ("built:0a-0123456789ab", false, false),
                ("context:0d-0b-0c", false, false),
                ("archive:file-03", true, false),
                ("rootfs:file-04", true, false),
            ]
        );
    }
}
