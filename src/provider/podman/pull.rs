//! Fetches images from registries, and tells apart why that does not work.

use futures_util::stream;
use serde_json::Value;

use super::Podman;
use super::client::{COPY, Client, LIBPOD, escape};
use super::credentials::Logins;
use super::image::find;
use super::reply::{FoundTag, Image};
use crate::deed;
use crate::event::{Event, Listener};
use crate::exec::{last_lines, printable};
use crate::plan::action::Outcome;
use crate::provider::{ImageFault, ProviderError};

/// How many tags a message names.
const TAGS: usize = 5;

/// How many tags are looked through for one that is like the one that there is not.
const LISTED: usize = 1000;

pub(super) async fn pull(
    room: &Podman,
    reference: &str,
    listener: &dyn Listener,
) -> Result<Outcome, ProviderError> {
    let before = find(&room.client, reference).await?;
    let login = Logins::read(&room.settings).header_for(reference);
    let path = format!("/v1.41/images/create?fromImage={}", escape(reference));
    let mut failure = None;
    let hear = |line: Value| match error_of(&line) {
        Some(error) => failure = Some(error),
        None => listener.hear(&progress(&line, reference)),
    };
    let pulling = room.client.follow(&path, login, stream::empty(), COPY, hear);
    let reply = deed::around("podman.pull", pulling).await?;
    if let Some(message) = failure.or_else(|| (!reply.is_success()).then(|| reply.message())) {
        return Err(fault(&room.client, reference, &message).await);
    }
    let Some(image) = find(&room.client, reference).await? else {
        let message = "the engine says it is pulled and does not have it";
        return Err(other(reference, message));
    };
    if let Some(found) = wrong_architecture(&image) {
        if before.is_none() {
            // It would be taken for good the next time.
            super::image::untag(&room.client, reference).await?;
        }
        return Err(ImageFault::WrongArchitecture {
            image: reference.to_owned(),
            found,
            host: std::env::consts::ARCH.to_owned(),
        }
        .into());
    }
    let is_new = before.is_none_or(|before| before.id != image.id);
    Ok(if is_new { Outcome::Done } else { Outcome::AlreadyDone })
}

/// What a line of the engine's says went wrong.
pub(super) fn error_of(line: &Value) -> Option<String> {
    let error = line.get("error").or_else(|| line.get("errorDetail")?.get("message"))?;
    Some(printable(error.as_str()?.trim()))
}

fn progress(line: &Value, reference: &str) -> Event {
    let text = |name: &str| line.get(name).and_then(Value::as_str).map(str::trim);
    let count = |name: &str| line.get("progressDetail")?.get(name)?.as_u64();
    Event::Progress {
        item: printable(text("id").unwrap_or(reference)),
        done: count("current").unwrap_or_default(),
        total: count("total").filter(|total| *total > 0),
        says: printable(text("status").unwrap_or("downloading")),
    }
}

/// A kind of failure that the engine's words show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    Missing,
    NotAllowed,
    TooMany,
    PlainHttp,
    Certificate,
    Unreachable,
    Architecture,
    NoRoom,
    Other,
}

/// Sorted by the words, the surest first: a message that names a status of 404 in passing is about
/// something else where it says so.
fn why(message: &str) -> Why {
    const WORDS: &[(Why, &[&str])] = &[
        (Why::NoRoom, &["no space left", "disk quota exceeded"]),
        (Why::Architecture, &["no image found in"]),
        (Why::PlainHttp, &["gave http response to https client"]),
        (Why::Certificate, &["x509:", "tls: ", "certificate"]),
        (Why::TooMany, &["toomanyrequests", "too many requests"]),
        (Why::Missing, &["manifest unknown", "name unknown", "repository not found"]),
        (
            Why::NotAllowed,
            &[
                "unauthorized",
                "denied",
                "authentication required",
                "invalid username/password",
                "403 (forbidden)",
                "401 (unauthorized)",
            ],
        ),
        (
            Why::Unreachable,
            &[
                "no such host",
                "dial tcp",
                "timeout",
                "connection refused",
                "connection reset",
                "network is unreachable",
                "server misbehaving",
                "proxyconnect",
                "pinging container registry",
            ],
        ),
        (Why::Missing, &["404 (not found)"]),
    ];
    let lower = message.to_lowercase();
    let has = |words: &&[&str]| words.iter().any(|word| lower.contains(word));
    WORDS.iter().find(|(_, words)| has(words)).map_or(Why::Other, |(why, _)| *why)
}

/// Why an image cannot be had, by the engine's words; a registry that says that there is no such
/// thing is asked what there is.
pub(super) async fn fault(client: &Client, reference: &str, message: &str) -> ProviderError {
    match why(message) {
        Why::Missing => {
            let tags = tags(client, reference).await;
            missing(reference, tags).into()
        }
        why => sorted(why, reference, message),
    }
}

fn sorted(why: Why, reference: &str, message: &str) -> ProviderError {
    let image = reference.to_owned();
    let host = host(reference).to_owned();
    let said = said(message);
    match why {
        Why::NotAllowed => {
            let help = format!(
                "log in with `podman login {host}`, or correct IMAGE: some registries answer so \
                 where there is no such image"
            );
            ImageFault::NotAllowed { image, host, said, help }.into()
        }
        Why::TooMany => ImageFault::TooManyRequests { host, said }.into(),
        Why::PlainHttp => {
            let why = "it speaks plain HTTP, which anybody on the way can change".to_owned();
            let help = format!(
                "where that is meant, write to /etc/containers/registries.conf: [[registry]] \
                 location = \"{host}\" insecure = true"
            );
            ImageFault::Insecure { image, host, why, help }.into()
        }
        Why::Certificate => {
            let why = format!("its certificate is not trusted ({said})");
            let help = format!(
                "put the certificate of its authority into /etc/containers/certs.d/{host}/ca.crt"
            );
            ImageFault::Insecure { image, host, why, help }.into()
        }
        Why::Unreachable => ImageFault::Unreachable { image, host, said }.into(),
        Why::Architecture => ImageFault::WrongArchitecture {
            image,
            found: "other processors".to_owned(),
            host: std::env::consts::ARCH.to_owned(),
        }
        .into(),
        Why::NoRoom => ImageFault::NoRoom { image, said }.into(),
        Why::Missing | Why::Other => other(reference, &said),
    }
}

fn other(reference: &str, message: &str) -> ProviderError {
    ProviderError::ImageUnavailable {
        image: reference.to_owned(),
        reason: message.to_owned(),
        help: format!("try: podman pull {reference}"),
    }
}

/// The tags that the registry has of this name.
enum Tags {
    Some(Vec<String>),
    NoSuchName,
    /// It does not tell.
    Unknown,
}

async fn tags(client: &Client, reference: &str) -> Tags {
    let repository = repository(reference).0;
    let path =
        format!("{LIBPOD}/images/search?listTags=true&limit={LISTED}&term={}", escape(repository));
    let Ok(reply) = client.get(&path).await else { return Tags::Unknown };
    match reply.parse::<Vec<FoundTag>>("list tags") {
        Ok(found) if reply.is_success() => {
            Tags::Some(found.into_iter().map(|found| found.tag).collect())
        }
        _ if reply.message().contains("404") => Tags::NoSuchName,
        _ => Tags::Unknown,
    }
}

fn missing(reference: &str, tags: Tags) -> ImageFault {
    let (repository, version) = repository(reference);
    let (image, repository_name) = (reference.to_owned(), repository.to_owned());
    let help = match tags {
        Tags::NoSuchName => {
            return ImageFault::NoSuchImage {
                host: host(reference).to_owned(),
                repository: repository[host(reference).len()..].trim_matches('/').to_owned(),
                image,
            };
        }
        Tags::Some(tags) if !tags.is_empty() => {
            let tag = version.trim_start_matches("tag ");
            format!("it has: {}", nearest(tag, tags).join(", "))
        }
        Tags::Some(_) => "it has no tags at all: was it removed?".to_owned(),
        Tags::Unknown => "look at IMAGE: is its name or tag misspelt?".to_owned(),
    };
    ImageFault::NoSuchTag { image, repository: repository_name, version, help }
}

/// Those most like the one that was asked for.
fn nearest(wanted: &str, mut tags: Vec<String>) -> Vec<String> {
    let likeness = |tag: &String| strsim::jaro_winkler(wanted, tag);
    tags.sort_by(|a, b| likeness(b).total_cmp(&likeness(a)).then_with(|| a.cmp(b)));
    let more = tags.len() > TAGS;
    tags.truncate(TAGS);
    let mut names: Vec<String> = tags.iter().map(|tag| printable(tag)).collect();
    if more {
        names.push("…".to_owned());
    }
    names
}

/// The registry of a full reference.
fn host(reference: &str) -> &str {
    reference.split('/').next().unwrap_or(reference)
}

/// A full reference without its version, and the version in words.
fn repository(reference: &str) -> (&str, String) {
    if let Some((repository, digest)) = reference.split_once('@') {
        return (repository, format!("digest {digest}"));
    }
    match reference.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, format!("tag {tag}")),
        _ => (reference, "tag latest".to_owned()),
    }
}

/// The end of the engine's sentence: what comes before tells its way there.
pub(super) fn said(message: &str) -> String {
    let line = last_lines(message, 1);
    let end = line.rsplit_once("\": ").map_or(line.as_str(), |(_, end)| end);
    let end = match end.find(": reading manifest ") {
        Some(at) => end[at..].rsplit_once("/").map_or(end, |(_, rest)| rest),
        None => end,
    };
    let end = end.split_once(": ").filter(|(before, _)| !before.contains(' ')).map_or(end, |e| e.1);
    end.trim().to_owned()
}

fn wrong_architecture(image: &Image) -> Option<String> {
    let ours = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64le",
        "x86" => "386",
        other => other,
    };
    let found = image.architecture.as_str();
    (!found.is_empty() && found != ours).then(|| found.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Podman 4.3 says it.
    const SAID: &[(Why, &str, &str)] = &[
        (
            Why::Missing,
            "initializing source docker://example.test/team/web:9: reading manifest 9 in example.test/team/web: manifest unknown: manifest unknown",
            "manifest unknown",
        ),
        (
            Why::NotAllowed,
            "initializing source docker://example.test/team/web:1: reading manifest 1 in example.test/team/web: unauthorized: authentication required",
            "authentication required",
        ),
        (
            Why::NotAllowed,
            "initializing source docker://docker.io/x/y:1: reading manifest 1 in docker.io/x/y: errors: denied: requested access to the resource is denied",
            "denied",
        ),
        (
            Why::PlainHttp,
            "initializing source docker://example.test/team/web:1: pinging container registry example.test: Get \"https://example.test/v2/\": http: server gave HTTP response to HTTPS client",
            "server gave HTTP response to HTTPS client",
        ),
        (
            Why::Unreachable,
            "initializing source docker://example.test/team/web:1: pinging container registry example.test: Get \"https://example.test/v2/\": dial tcp 127.0.0.1:15999: connect: connection refused",
            "connection refused",
        ),
        (
            Why::Unreachable,
            "initializing source docker://example.test/a:1: pinging container registry example.test: Get \"https://example.test/v2/\": dial tcp: lookup example.test on 10.0.0.1:53: no such host",
            "no such host",
        ),
        (
            Why::Certificate,
            "pinging container registry example.test: Get \"https://example.test/v2/\": x509: certificate signed by unknown authority",
            "unknown authority",
        ),
        (
            Why::Architecture,
            "choosing an image from manifest list docker://example.test/a:1: no image found in manifest list for architecture amd64, variant \"\", OS linux",
            "",
        ),
        (Why::TooMany, "toomanyrequests: You have reached your pull rate limit", "rate limit"),
        (Why::NoRoom, "writing blob: storing blob: write /var/x: no space left on device", "space"),
        (Why::Other, "odd", "odd"),
    ];

    #[test]
    fn why_a_pull_failed_is_told_apart_and_said_shortly() {
        for (kind, message, short) in SAID {
            assert_eq!(why(message), *kind, "{message}");
            let said = said(message);
            assert!(said.contains(short), "{said}");
            assert!(said.len() < 90 || *kind == Why::Architecture, "{said}");
        }
    }

    #[test]
    fn each_reason_has_a_remedy_of_its_own() {
        use miette::Diagnostic;
        let mut helps = Vec::new();
        for (kind, message, _) in SAID.iter().filter(|(kind, ..)| *kind != Why::Missing) {
            let error = sorted(*kind, "example.test/team/web:1", message);
            helps.push((*kind, error.help().expect("a remedy").to_string()));
        }
        helps.dedup();
        let mut texts: Vec<_> = helps.iter().map(|(_, help)| help).collect();
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), helps.len(), "{helps:?}");
        assert!(helps.iter().any(|(_, help)| help.contains("podman login example.test")));
    }

    #[test]
    fn a_missing_tag_is_not_a_missing_image() {
        let reference = "example.test:5000/team/web:bookwrm";
        let tags = |tags: &[&str]| Tags::Some(tags.iter().map(|tag| (*tag).to_owned()).collect());
        let text = |fault: ImageFault| {
            use miette::Diagnostic;
            format!("{fault} · {}", fault.help().expect("a remedy"))
        };
        let near = tags(&["1", "2", "3", "bookworm", "4", "trixie", "bullseye"]);
        assert_eq!(
            text(missing(reference, near)),
            "example.test:5000/team/web has no tag bookwrm · it has: bookworm, bullseye, 1, \
             2, 3, …"
        );
        assert_eq!(
            missing(reference, Tags::NoSuchName).to_string(),
            "there is no image example.test:5000/team/web:bookwrm: example.test:5000 does not \
             know team/web"
        );
        let pinned = format!("example.test/a@sha256:{}", "0".repeat(64));
        assert!(missing(&pinned, tags(&[])).to_string().contains("has no digest sha256:000"));
    }
}
