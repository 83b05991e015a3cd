//! The rules about images: fetching, importing, building.

use super::{Rule, failure};
use crate::model::code::Code;

pub(super) const RULES: &[Rule] = &[
    failure(
        "image::no_such_image",
        &[Code::ImageUnavailable],
        "The registry does not know the image.",
        "Correct the name in IMAGE, or log in where the registry hides what it has.",
    ),
    failure(
        "image::no_such_tag",
        &[Code::ImageUnavailable],
        "The registry has the image, and not this tag or digest of it.",
        "Take a tag that there is; the message names some.",
    ),
    failure(
        "image::not_allowed",
        &[Code::ImageUnavailable],
        "The registry does not give the image to this user, or to nobody without a login.",
        "Log in with `podman login`; some registries answer so where there is no such image.",
    ),
    failure(
        "image::registry_unreachable",
        &[Code::ImageUnavailable],
        "Nobody answers where the registry should be.",
        "See to the network, a proxy, or the registry's name.",
    ),
    failure(
        "image::registry_insecure",
        &[Code::ImageUnavailable],
        "The registry speaks plain HTTP, or its certificate is not trusted.",
        "Have the engine trust it, as the message says, or take another registry.",
    ),
    failure(
        "image::too_many_requests",
        &[Code::ImageUnavailable],
        "The registry has been asked too often from here.",
        "Try again later, or log in.",
    ),
    failure(
        "image::wrong_architecture",
        &[Code::ImageUnavailable],
        "The image is built for another processor.",
        "Take one that is built for this host's.",
    ),
    failure(
        "image::no_room",
        &[Code::InsufficientResources],
        "The disk is full where the engine keeps images.",
        "Free some: `vagrantp gc` removes what vagrantp left over.",
    ),
    failure(
        "image::bad_file",
        &[Code::ImageUnavailable],
        "The file that IMAGE names cannot be read, is damaged, or is no image.",
        "Correct the file or IMAGE, as the message says.",
    ),
    failure(
        "image::bad_context",
        &[Code::ImageUnavailable],
        "Something in the Containerfile's directory cannot be sent to the build.",
        "Make it readable, or leave it out with a .containerignore.",
    ),
    failure(
        "image::build_failed",
        &[Code::ImageUnavailable],
        "A step of the Containerfile failed.",
        "Read the build's last output, and correct that step.",
    ),
];
