//! Builds images from Containerfiles.
//!
//! A built image has the name of its Containerfile's place. Beside it stands a name of the context
//! that it was built from, by which a later look knows whether that has changed; and where a newer
//! build took its name, it has one more until nothing needs it.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::build_output::{Heard, failed};
use super::client::{COPY, escape};
use super::context::Context;
use super::credentials::Logins;
use super::execute::Seen;
use super::image::{find, tag, untag};
use super::import::short;
use super::reply::Image;
use super::upload::written_by;
use super::{Podman, label};
use crate::deed;
use crate::event::{Event, Listener};
use crate::exec::printable;
use crate::model::units::Bytes;
use crate::plan::action::{Fetch, Outcome};
use crate::provider::{ImageFault, ProviderError};

/// The repository of what is built.
pub(super) const BUILT: &str = "localhost/vagrantp/built";
/// How the names begin that say which context an image was built from.
pub(super) const CONTEXTS: &str = "localhost/vagrantp/context:";

/// How a part of a build that came to no end is called, which has no name of its own: before its id.
pub(super) const PARTS: &str = "localhost/vagrantp/built@";

/// A context that is larger is worth a word: most of it may not be meant to be there.
const LARGE: u64 = 512 << 20;
/// How often a build is begun that nothing of its own has failed.
const TRIES: usize = 5;

/// The local name of what is built from a Containerfile.
pub(super) fn name(recipe: &Path) -> String {
    format!("{BUILT}:{}", place(recipe))
}

fn place(recipe: &Path) -> String {
    let mut hash = Sha256::new();
    hash.update(recipe.as_os_str().as_encoded_bytes());
    short(hash)
}

/// The names of what was built from a Containerfile, among those of local images.
pub(super) fn names_of<'a>(recipe: &Path, names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let name = name(recipe);
    let of_recipe = |tag: &&String| {
        tag.strip_prefix(&name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    names.filter(of_recipe).cloned().collect()
}

/// Whether the context has changed since the image of these names was built. What cannot be read
/// now is the next build's to report.
pub(super) async fn is_outdated(recipe: &Path, names: &[String]) -> bool {
    let prefix = format!("{CONTEXTS}{}-", place(recipe));
    let Some(sums) = names.iter().find_map(|name| name.strip_prefix(&prefix)) else {
        return false;
    };
    let (facts, content) = sums.split_once('-').unwrap_or((sums, ""));
    let (facts, content) = (facts.to_owned(), content.to_owned());
    let recipe = recipe.to_owned();
    let look = move || {
        let context = Context::of(&recipe)?;
        Ok(context.facts()?.sum != facts && context.content()? != content)
    };
    let looked = tokio::task::spawn_blocking(look).await;
    looked.unwrap_or_else(|error| Err(io::Error::other(error))).unwrap_or(true)
}

pub(super) async fn build(
    room: &Podman,
    recipe: &Path,
    fetch: Fetch,
    listener: &dyn Listener,
) -> Result<Outcome, ProviderError> {
    let client = &room.client;
    let name = name(recipe);
    let context = Context::of(recipe).map_err(fault_in)?;
    let look = {
        let context = context.clone();
        tokio::task::spawn_blocking(move || context.facts()).await
    };
    let facts = look.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(fault_in)?;
    if facts.size > LARGE {
        listener.hear(&Event::Warning {
            message: format!(
                "{} go to the build; a .containerignore beside the Containerfile leaves out what \
                 it does not need",
                Bytes(facts.size)
            ),
        });
    }
    let before = find(client, &name).await?;
    if let Some(before) = &before {
        // It keeps a name of ours while a container is made from it.
        tag(client, &before.id, &former(&name, before)).await?;
    }
    let mut tries = 0;
    let content = loop {
        tries += 1;
        match run(room, recipe, &name, &context, facts.size, fetch, listener).await {
            Err(error) if tries < TRIES && is_of_another_image(&error.to_string()) => {}
            done => break done?,
        }
    };
    let Some(built) = find(client, &name).await? else {
        return Err(failed(recipe, "the build", "the engine does not have what it built", &[]));
    };
    let current = format!("{CONTEXTS}{}-{}-{content}", place(recipe), facts.sum);
    for image in [Some(&built), before.as_ref()].into_iter().flatten() {
        let others = image.repo_tags.iter().filter(|tag| **tag != current);
        for old in others.filter(|tag| tag.starts_with(CONTEXTS)) {
            untag(client, old).await?;
        }
    }
    tag(client, &built.id, &current).await?;
    match before {
        Some(before) => {
            // With this it goes, unless something is made from it.
            untag(client, &former(&name, &before)).await?;
            let same = before.id == built.id;
            Ok(if same { Outcome::AlreadyDone } else { Outcome::Done })
        }
        None => Ok(Outcome::Done),
    }
}

/// Whether a build failed over an image that has nothing to do with it: to find what it has built
/// before, the engine looks through all images, and stumbles where one is removed meanwhile.
fn is_of_another_image(error: &str) -> bool {
    error.contains("checking if cached image exists") && error.contains("not known")
}

/// Removes what a container that is gone was built as, if a newer build took its name and nothing
/// needs it any more.
pub(super) async fn forget_former(room: &Podman, gone: &Seen) -> Result<(), ProviderError> {
    if !gone.instance.stamp.asked.image.is_built() {
        return Ok(());
    }
    let (client, id) = (&room.client, &gone.container.image);
    let Some(image) = find(client, id).await? else { return Ok(()) };
    let short: String = id.trim_start_matches("sha256:").chars().take(12).collect();
    let is_former = |tag: &String| tag.starts_with(BUILT) && tag.ends_with(&format!("-{short}"));
    if let [only] = &image.repo_tags[..]
        && is_former(only)
    {
        untag(client, only).await?;
    }
    Ok(())
}

/// The name of an image whose own a newer build took.
fn former(name: &str, image: &Image) -> String {
    let id: String = image.id.trim_start_matches("sha256:").chars().take(12).collect();
    format!("{name}-{id}")
}

/// Sends the context and hears what comes of it; the checksum of what was sent.
async fn run(
    room: &Podman,
    recipe: &Path,
    name: &str,
    context: &Context,
    size: u64,
    fetch: Fetch,
    listener: &dyn Listener,
) -> Result<String, ProviderError> {
    let path = format!(
        "/v1.41/build?dockerfile={}&t={}&rm=1&forcerm=1&labels={}&pull={}",
        escape(context.recipe()),
        escape(name),
        escape(&json!({ label::BUILD: room.settings.uid.to_string() }).to_string()),
        u8::from(fetch == Fetch::Always)
    );
    let sent = Arc::new(AtomicU64::new(0));
    let (upload, stream) = {
        let (context, sent) = (context.clone(), Arc::clone(&sent));
        written_by(move |out| context.write(out, &mut |done| sent.store(done, Ordering::Relaxed)))
    };
    let item = printable(&recipe.display().to_string());
    let progress = |done| Event::Progress {
        item: item.clone(),
        done,
        total: Some(size).filter(|size| *size > 0),
        says: "sending the files beside".to_owned(),
    };
    listener.hear(&progress(0));
    let mut heard = Heard::default();
    let answer = {
        let hear = |line: Value| {
            for line in heard.take(&line) {
                listener.hear(&Event::Output { line });
            }
        };
        let login = Logins::read(&room.settings).header();
        let follow = room.client.follow(&path, login, stream, COPY, hear);
        let follow = deed::around("podman.build", follow);
        tokio::pin!(follow);
        let mut told = 0;
        loop {
            tokio::select! {
                answer = &mut follow => break answer,
                () = tokio::time::sleep(std::time::Duration::from_millis(200)) => {
                    let done = sent.load(Ordering::Relaxed);
                    if done > told {
                        listener.hear(&progress(done));
                        told = done;
                    }
                }
            }
        }
    };
    let (content, reply) = upload.end(answer).await?;
    let refused = (!reply.is_success()).then(|| reply.message());
    match (heard.error.take().or(refused), content) {
        (Some(error), _) => Err(heard.fault(room, recipe, &error).await),
        (None, Some(content)) => Ok(content),
        (None, None) => Err(failed(recipe, "the build", "the engine took half of the files", &[])),
    }
}

fn fault_in(error: io::Error) -> ProviderError {
    match error.downcast::<ImageFault>() {
        Ok(fault) => fault.into(),
        Err(error) => super::fault::internal("read the files of a build", &error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_that_is_removed_meanwhile_fails_no_build() {
        let removed = "checking if cached image exists from a previous build: getting top layer \
                       info: layer not known";
        assert!(is_of_another_image(removed));
        assert!(!is_of_another_image("step 2/3 `FROM nothing` failed: image not known"));
        assert!(!is_of_another_image("checking if cached image exists: permission denied"));
    }

    #[test]
    fn a_containerfile_knows_what_was_built_from_it() {
        let (one, other) = (Path::new("/p/Containerfile"), Path::new("/q/Containerfile"));
        let names = [name(one), format!("{}-0123456789ab", name(one)), name(other)];
        assert_eq!(names_of(one, names.iter()), names[..2]);
        assert_eq!(names_of(other, names.iter()), names[2..]);
    }
}
