//! Why an image cannot be had: a variant for each reason that wants another remedy.

use miette::Diagnostic;
use thiserror::Error;

use crate::model::code::Code;

/// Why an image cannot be had.
#[derive(Debug, Error, Diagnostic)]
pub enum ImageFault {
    /// The registry has nothing of that name.
    #[error("there is no image {image}: {host} does not know {repository}")]
    #[diagnostic(
        code(vagrantp::image::no_such_image),
        help(
            "look at the name in IMAGE; what needs a login can look like this too: podman login {host}"
        )
    )]
    NoSuchImage {
        /// The whole reference.
        image: String,
        /// The registry.
        host: String,
        /// The reference without its tag.
        repository: String,
    },
    /// The registry has the image, without this tag or digest.
    #[error("{repository} has no {version}")]
    #[diagnostic(code(vagrantp::image::no_such_tag), help("{help}"))]
    NoSuchTag {
        /// The whole reference.
        image: String,
        /// The reference without its tag.
        repository: String,
        /// What was asked for: `tag 13`, `digest sha256:…`.
        version: String,
        /// Those that there are.
        help: String,
    },
    /// The registry says no to who asks.
    #[error("{host} does not hand out {image} to whoever asks ({said})")]
    #[diagnostic(code(vagrantp::image::not_allowed), help("{help}"))]
    NotAllowed {
        /// The whole reference.
        image: String,
        /// The registry.
        host: String,
        /// The registry's own words.
        said: String,
        /// How to log in.
        help: String,
    },
    /// Nobody answers there.
    #[error("the registry {host} cannot be reached for {image} ({said})")]
    #[diagnostic(
        code(vagrantp::image::registry_unreachable),
        help(
            "look at the network, at a proxy (HTTPS_PROXY) and at the registry's name; a local \
             tarball works without a network: IMAGE=./rootfs.tar"
        )
    )]
    Unreachable {
        /// The whole reference.
        image: String,
        /// The registry.
        host: String,
        /// What the engine saw.
        said: String,
    },
    /// The registry speaks plain HTTP, or shows a certificate that nobody vouches for.
    #[error("the registry {host} cannot be trusted with {image}: {why}")]
    #[diagnostic(code(vagrantp::image::registry_insecure), help("{help}"))]
    Insecure {
        /// The whole reference.
        image: String,
        /// The registry.
        host: String,
        /// What is wrong with its TLS.
        why: String,
        /// How to have the engine trust it.
        help: String,
    },
    /// The registry wants fewer questions.
    #[error("the registry {host} gives out no more for now ({said})")]
    #[diagnostic(
        code(vagrantp::image::too_many_requests),
        help("try again later; who has logged in may ask more often: podman login {host}")
    )]
    TooManyRequests {
        /// The registry.
        host: String,
        /// The registry's own words.
        said: String,
    },
    /// It is built for another processor.
    #[error("{image} is built for {found}, and this host is {host}")]
    #[diagnostic(
        code(vagrantp::image::wrong_architecture),
        help("take an image that is built for {host}, or change IMAGE")
    )]
    WrongArchitecture {
        /// Which image.
        image: String,
        /// What it is built for.
        found: String,
        /// What would run here.
        host: String,
    },
    /// The disk is full.
    #[error("there is no room for {image} ({said})")]
    #[diagnostic(
        code(vagrantp::image::no_room),
        help(
            "free some: `vagrantp gc` removes what is left over, `podman system df` shows what takes it"
        )
    )]
    NoRoom {
        /// Which image.
        image: String,
        /// The engine's own words.
        said: String,
    },
    /// A file that is the image, or belongs to it, is of no use.
    #[error("{file} cannot be taken as an image: {reason}")]
    #[diagnostic(code(vagrantp::image::bad_file), help("{help}"))]
    BadFile {
        /// Which file.
        file: String,
        /// What is wrong with it.
        reason: String,
        /// What to do.
        help: String,
    },
    /// The files that an image is built from cannot be sent to the engine.
    #[error("the directory {context} cannot be sent to the build: {reason}")]
    #[diagnostic(code(vagrantp::image::bad_context), help("{help}"))]
    BadContext {
        /// The directory of the Containerfile.
        context: String,
        /// What is wrong with it.
        reason: String,
        /// What to do.
        help: String,
    },
    /// A step of a build failed.
    #[error("{file} cannot be built: {step} failed: {reason}")]
    #[diagnostic(code(vagrantp::image::build_failed), help("{help}"))]
    BuildFailed {
        /// The Containerfile.
        file: String,
        /// Which step: ``step 4/5 `RUN make` ``.
        step: String,
        /// Why, in the engine's words.
        reason: String,
        /// The last lines that the build wrote.
        output: String,
        /// What to do.
        help: String,
    },
}

impl ImageFault {
    /// The stable code.
    #[must_use]
    pub fn stable_code(&self) -> Code {
        match self {
            ImageFault::NoRoom { .. } => Code::InsufficientResources,
            _ => Code::ImageUnavailable,
        }
    }

    /// What is worth knowing beside the message: the output of a build.
    #[must_use]
    pub fn output(&self) -> Option<&str> {
        match self {
            ImageFault::BuildFailed { output, .. } => Some(output),
            _ => None,
        }
    }
}
