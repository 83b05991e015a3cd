//! Lists of local images: what was saved of a project's containers, and built for them.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Client, LIBPOD, escape};
use super::reply::{Listed, ListedImage};
use super::{build, image, observe};
use crate::model::id::{Identity, InstanceUuid};
use crate::model::image::ImageSource;
use crate::model::observed::Instance;
use crate::provider::ProviderError;

/// How often a list of images is asked for once more, where it takes long: three seconds.
const LISTINGS: usize = 60;

/// What was built for this project's instances, where no other project is made from the same
/// Containerfile.
pub(super) async fn built(
    client: &Client,
    identity: &Identity,
    instances: &[Instance],
    entries: &[Listed],
) -> Result<Vec<String>, ProviderError> {
    let recipe = |instance: &Instance| match &instance.stamp.asked.image {
        ImageSource::Containerfile(recipe) => Some(recipe.clone()),
        _ => None,
    };
    let mut own: Vec<PathBuf> = instances.iter().filter_map(recipe).collect();
    let others: Vec<PathBuf> = entries
        .iter()
        .filter_map(observe::listed)
        .filter(|other| !observe::is_ours(other, identity))
        .filter_map(|other| recipe(&other))
        .collect();
    own.retain(|recipe| !others.contains(recipe));
    if own.is_empty() {
        return Ok(Vec::new());
    }
    let names = names(client, build::BUILT).await?;
    own.dedup();
    Ok(own.iter().flat_map(|recipe| build::names_of(recipe, names.iter())).collect())
}

/// The files of an instance's replaced containers.
pub(super) async fn saved(
    client: &Client,
    uuid: InstanceUuid,
) -> Result<Vec<String>, ProviderError> {
    let names = names(client, &format!("{}{uuid}", image::OURS)).await?;
    Ok(observe::saved_images(names.iter(), uuid))
}

/// The names of all local images in a repository.
async fn names(client: &Client, repository: &str) -> Result<Vec<String>, ProviderError> {
    let found = images(client, repository).await?;
    Ok(found.into_iter().flat_map(|image| image.repo_tags).collect())
}

/// The local images that have a name in a repository; `*` stands for any part of it.
pub(super) async fn images(
    client: &Client,
    reference: &str,
) -> Result<Vec<ListedImage>, ProviderError> {
    listed(client, &json!({ "reference": [reference] })).await
}

/// The local images that these filters let through.
///
/// One that is removed at that moment, or whose parts are still being written, spoils the list, whoever's
/// it is: it is asked for again until that is over.
pub(super) async fn listed(
    client: &Client,
    filters: &Value,
) -> Result<Vec<ListedImage>, ProviderError> {
    let path = format!("{LIBPOD}/images/json?filters={}", escape(&filters.to_string()));
    for _ in 0..LISTINGS {
        let reply = client.get(&path).await?;
        if reply.is_success() {
            return reply.parse("list images");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    client.get(&path).await?.success("list images")?.parse("list images")
}
