//! The client for HTTP: TLS with the roots that this host trusts, proxies as they are given, and
//! redirects only to where it is no less safe.

use std::error::Error;

use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, NoProxy, Proxy};

use super::{Limits, Proxies, url};
use crate::guest::error::FetchError;

/// From one place to the next, and not further.
const HOPS: usize = 10;
const TOO_MANY: &str = "it is sent on more than 10 times";
const LESS_SAFE: &str = "it is sent on from https to plain http";

pub(super) fn client(
    proxies: &Proxies,
    limits: Limits,
    address: &str,
) -> Result<Client, FetchError> {
    // The second of two calls has nothing to install.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(concat!("vagrantp/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(limits.connect)
        .read_timeout(limits.idle)
        .redirect(Policy::custom(follow))
        // What the environment says comes in as a value.
        .no_proxy();
    let none = proxies.none.as_deref().and_then(NoProxy::from_string);
    let ways = [
        (&proxies.http, Proxy::http as fn(String) -> _),
        (&proxies.https, Proxy::https),
        (&proxies.all, Proxy::all),
    ];
    for (way, make) in ways {
        let Some(way) = way.as_ref().filter(|way| !way.is_empty()) else { continue };
        // As curl has it: without a scheme it is http.
        let way = if way.contains("://") { way.clone() } else { format!("http://{way}") };
        let proxy = make(way).map_err(|error| failure(address, &error))?;
        builder = builder.proxy(proxy.no_proxy(none.clone()));
    }
    builder.build().map_err(|error| failure(address, &error))
}

fn follow(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let was_safe = attempt.previous().iter().any(|url| url.scheme() == "https");
    if attempt.previous().len() > HOPS {
        attempt.error(TOO_MANY)
    } else if was_safe && attempt.url().scheme() != "https" {
        attempt.error(LESS_SAFE)
    } else {
        attempt.follow()
    }
}

/// What an error of the client's means for whoever wrote the URL.
pub(super) fn failure(address: &str, error: &reqwest::Error) -> FetchError {
    let url = url::shown(address);
    let said = words(error);
    if error.is_redirect() {
        return FetchError::Redirects { url, said };
    }
    let low = said.to_lowercase();
    if ["certificate", "corrupt message", "handshake", "peer is incompatible"]
        .iter()
        .any(|word| low.contains(word))
    {
        return FetchError::Insecure { url, said };
    }
    FetchError::Unreachable { url, said }
}

/// The innermost cause: the outer ones say that something failed, and name the URL.
pub(super) fn words(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "nothing came for too long".to_owned();
    }
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let text = cause.to_string();
    let clean: String =
        text.chars().filter(|c| !crate::model::plain::is_unsafe(*c)).take(200).collect();
    clean.replace("Connection refused (os error 111)", "nobody listens there")
}
