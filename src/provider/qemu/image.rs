//! Images of disks, by way of what all rooms for VMs share.

use super::{Qemu, fault};
use crate::event::Listener;
use crate::guest::GuestError;
use crate::guest::image::{Image, Source};
use crate::model::code::Code;
use crate::model::image::ImageSource;
use crate::model::observed::ObservedImage;
use crate::plan::action::{Fetch, Outcome};
use crate::provider::ProviderError;

/// Whether the image is on the host, and which it is.
pub(super) fn there(room: &Qemu, image: &ImageSource) -> Option<ObservedImage> {
    if *image == ImageSource::Blank {
        // An empty disk is nothing that has to be had.
        return Some(ObservedImage { id: String::new(), architecture: None, outdated: false });
    }
    let (source, sha256) = source(image)?;
    let known = room.settings.images().known(&source, sha256)?;
    let id = format!("sha256:{}", known.sha256);
    Some(ObservedImage { id, architecture: None, outdated: false })
}

/// Brings the image to the host.
pub(super) async fn fetch(
    room: &Qemu,
    image: &ImageSource,
    fetch: Fetch,
    listener: &dyn Listener,
) -> Result<Outcome, ProviderError> {
    let afresh = fetch == Fetch::Always;
    if !afresh && there(room, image).is_some() {
        return Ok(Outcome::AlreadyDone);
    }
    had(room, image, afresh, listener).await.map(|_| Outcome::Done)
}

/// The image, which is fetched where it is not on the host.
pub(super) async fn had(
    room: &Qemu,
    image: &ImageSource,
    afresh: bool,
    listener: &dyn Listener,
) -> Result<Option<Image>, ProviderError> {
    if *image == ImageSource::Blank {
        return Ok(None);
    }
    let Some((source, sha256)) = source(image) else { return Err(no_disk(image)) };
    let fetched = room.settings.images().fetch(&source, sha256, afresh, listener).await;
    fetched.map(Some).map_err(|error| fault::guest(GuestError::from(error)))
}

fn source(image: &ImageSource) -> Option<(Source, Option<&str>)> {
    match image {
        ImageSource::DiskFile { path, sha256 } => {
            Some((Source::File(path.clone()), sha256.as_deref()))
        }
        ImageSource::DiskUrl { url, sha256 } => Some((Source::Url(url.clone()), sha256.as_deref())),
        _ => None,
    }
}

fn no_disk(image: &ImageSource) -> ProviderError {
    let says = format!("{image} is no disk image");
    let help = "IMAGE of a VM is a qcow2 or raw image: a path, or an http, https or file URL";
    fault::with("fetch the image", &says, help, Code::Unsupported)
}
