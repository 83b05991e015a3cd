//! Images that cannot be had, and why.

use std::path::PathBuf;

use miette::Diagnostic;
use thiserror::Error;

use crate::model::code::Code;

/// Why an image cannot be had. URLs are shown without names, passwords and queries.
#[derive(Debug, Error, Diagnostic)]
pub enum FetchError {
    /// The server knows no such file.
    #[error("there is nothing at {url} (HTTP status {status})")]
    #[diagnostic(
        code(vagrantp::fetch::not_found),
        help(
            "look at the URL in IMAGE: publishers remove older versions when newer ones come out"
        )
    )]
    NotFound {
        /// Where.
        url: String,
        /// 404 or 410.
        status: u16,
    },
    /// The server wants to know who asks.
    #[error("the server does not hand out {url} to whoever asks (HTTP status {status})")]
    #[diagnostic(
        code(vagrantp::fetch::denied),
        help(
            "where it takes a name and a password, write them into the URL through a variable: \
             IMAGE=https://${{IMAGE_LOGIN}}@host/…; or fetch it yourself and name the file"
        )
    )]
    Denied {
        /// Where.
        url: String,
        /// 401, 403, 407.
        status: u16,
    },
    /// The server cannot do it at the moment, or does something else.
    #[error("the server of {url} answers with HTTP status {status}")]
    #[diagnostic(
        code(vagrantp::fetch::server),
        help(
            "try again later; what was fetched so far is kept, and the next `up` goes on from there"
        )
    )]
    Server {
        /// Where.
        url: String,
        /// Its status.
        status: u16,
    },
    /// Nobody answers there.
    #[error("{url} cannot be reached: {said}")]
    #[diagnostic(
        code(vagrantp::fetch::unreachable),
        help(
            "look at the URL in IMAGE, at the network, and at a proxy (HTTPS_PROXY, NO_PROXY); a file \
             works without a network: IMAGE=./image.qcow2"
        )
    )]
    Unreachable {
        /// Where.
        url: String,
        /// What was seen.
        said: String,
    },
    /// Its certificate is not one that this host trusts.
    #[error("the server of {url} cannot be trusted: {said}")]
    #[diagnostic(
        code(vagrantp::fetch::insecure),
        help(
            "where the server is your own, have this host trust its authority \
             (`update-ca-certificates`, or SSL_CERT_FILE); else mind who may stand in between"
        )
    )]
    Insecure {
        /// Where.
        url: String,
        /// What is wrong.
        said: String,
    },
    /// It is sent from one place to the next, or to one that is less safe.
    #[error("{url} leads astray: {said}")]
    #[diagnostic(
        code(vagrantp::fetch::redirects),
        help("write the address that it should lead to into IMAGE")
    )]
    Redirects {
        /// Where it began.
        url: String,
        /// What happened.
        said: String,
    },
    /// It broke off again and again, or nothing came any more.
    #[error("the download of {url} broke off {tries} times, at last after {done}: {said}")]
    #[diagnostic(
        code(vagrantp::fetch::broken_off),
        help("run `vagrantp up` again: what was fetched is kept, and it goes on from there")
    )]
    BrokenOff {
        /// Where.
        url: String,
        /// How often.
        tries: u32,
        /// How much there was by then.
        done: String,
        /// What was seen the last time.
        said: String,
    },
    /// It is not what was asked for.
    #[error("{image} has another sha256 than was asked for: {found}")]
    #[diagnostic(
        code(vagrantp::fetch::wrong_sum),
        help(
            "it is not the file that `#sha256:{wanted}` stands for: compare with what the publisher \
             says now, and correct the sum only where you trust the change"
        )
    )]
    WrongSum {
        /// The URL or the file.
        image: String,
        /// The sum that was asked for.
        wanted: String,
        /// The one that it has.
        found: String,
    },
    /// It is larger than any image.
    #[error("{url} has {size}, and more than {most} no image has")]
    #[diagnostic(code(vagrantp::fetch::too_large), help("look at the URL in IMAGE"))]
    TooLarge {
        /// Where.
        url: String,
        /// How large it is, or has become.
        size: String,
        /// What is taken.
        most: String,
    },
    /// The disk of the cache is full.
    #[error("{image} needs {needs} in {}, and {has} are free", place.display())]
    #[diagnostic(
        code(vagrantp::fetch::no_room),
        help("free some there, or have the cache elsewhere with XDG_CACHE_HOME")
    )]
    NoRoom {
        /// The URL or the file.
        image: String,
        /// Where it would go.
        place: PathBuf,
        /// What it needs.
        needs: String,
        /// What there is.
        has: String,
    },
    /// The file of IMAGE cannot be read.
    #[error("the image {} cannot be read", path.display())]
    #[diagnostic(
        code(vagrantp::fetch::unreadable),
        help("look at the path in IMAGE, and who may read the file (`ls -l`)")
    )]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// The file changed while it was read.
    #[error("the image {} changed while it was copied", path.display())]
    #[diagnostic(
        code(vagrantp::fetch::changed_meanwhile),
        help("wait until whoever writes it is done, then run `vagrantp up` again")
    )]
    ChangedMeanwhile {
        /// Which file.
        path: PathBuf,
    },
    /// The cache cannot be used.
    #[error("the image cache cannot be used: {} cannot be {operation}", path.display())]
    #[diagnostic(
        code(vagrantp::fetch::cache),
        help("see who owns it and whether its disk is full; XDG_CACHE_HOME names another place")
    )]
    Cache {
        /// `read`, `written`.
        operation: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
}

impl FetchError {
    /// The stable code.
    #[must_use]
    pub fn stable_code(&self) -> Code {
        match self {
            FetchError::NoRoom { .. } => Code::InsufficientResources,
            FetchError::Cache { .. } => Code::PermissionDenied,
            _ => Code::ImageUnavailable,
        }
    }

    /// The key of the `.env` that it is about.
    #[must_use]
    pub fn field(&self) -> Option<&'static str> {
        match self {
            FetchError::Cache { .. } => None,
            _ => Some("IMAGE"),
        }
    }
}
