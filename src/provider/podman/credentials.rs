//! Who the caller is to a registry: what `podman login` wrote down, read where it writes it.
//!
//! The engine's service looks into these files too, but with its own environment: one that systemd
//! started knows nothing of the caller's XDG_RUNTIME_DIR, and none of them heeds REGISTRY_AUTH_FILE.
//! So what is found here goes along with the request. What is kept by a credential helper is left
//! to the service. Nothing here can be printed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use hyper::header::HeaderValue;
use serde::Deserialize;
use serde_json::json;

use super::settings::Settings;

/// What a registry wants to know of its caller.
#[derive(Clone, PartialEq, Eq)]
struct Login {
    user: String,
    password: String,
}

/// Every login that was found, by what it is for: a registry, or the beginning of a name on one.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Logins(BTreeMap<String, Login>);

#[derive(Deserialize)]
struct AuthFile {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    auth: String,
}

/// The files in which logins are looked for, the first that knows a registry first.
pub(super) fn files(
    explicit: Option<&str>,
    runtime_dir: Option<&str>,
    uid: u32,
    config_home: &Path,
    home: &Path,
) -> Vec<PathBuf> {
    if let Some(explicit) = explicit {
        return vec![PathBuf::from(explicit)];
    }
    let below = |dir: PathBuf| dir.join("containers/auth.json");
    runtime_dir
        .map(|dir| below(PathBuf::from(dir)))
        .into_iter()
        .chain([
            PathBuf::from(format!("/run/containers/{uid}/auth.json")),
            below(config_home.to_owned()),
            home.join(".docker/config.json"),
        ])
        .collect()
}

impl Logins {
    /// Reads them all. A file that is missing, or that is none, knows nobody.
    pub(super) fn read(settings: &Settings) -> Logins {
        let mut logins = Logins::default();
        for file in &settings.auth_files {
            let Ok(text) = std::fs::read_to_string(file) else { continue };
            for (key, login) in Logins::parse(&text).0 {
                logins.0.entry(key).or_insert(login);
            }
        }
        logins
    }

    fn parse(text: &str) -> Logins {
        let file = serde_json::from_str(text).unwrap_or(AuthFile { auths: BTreeMap::new() });
        let login = |entry: &Entry| {
            let decoded = STANDARD.decode(&entry.auth).ok()?;
            let text = String::from_utf8(decoded).ok()?;
            let (user, password) = text.trim_end_matches('\0').split_once(':')?;
            Some(Login { user: user.to_owned(), password: password.to_owned() })
        };
        let found = file.auths.iter().filter_map(|(key, entry)| Some((plain(key), login(entry)?)));
        Logins(found.collect())
    }

    /// The one for an image, as the engine's header wants it: the longest beginning counts.
    pub(super) fn header_for(&self, reference: &str) -> Option<HeaderValue> {
        let host = reference.split('/').next().unwrap_or(reference);
        let (_, login) = self
            .0
            .iter()
            .filter(|(key, _)| {
                let rest = reference.strip_prefix(key.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ':', '@']))
            })
            .filter(|(key, _)| key.len() >= host.len())
            .max_by_key(|(key, _)| key.len())?;
        header(&BTreeMap::from([(host, login)]))
    }

    /// All of them: what a build starts from is known when the engine reads the Containerfile.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        header(&self.0.iter().map(|(key, login)| (key.as_str(), login)).collect())
    }
}

/// The key without what older programs put around it.
fn plain(key: &str) -> String {
    let bare = key.trim_start_matches("https://").trim_start_matches("http://");
    let bare = match bare.split_once('/') {
        Some((host, _)) if bare.len() < key.len() => host,
        _ => bare.trim_end_matches('/'),
    };
    match bare {
        "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
        other => other.to_owned(),
    }
}

/// The engine decodes this in the alphabet for URLs, and refuses the other one.
fn header(logins: &BTreeMap<&str, &Login>) -> Option<HeaderValue> {
    if logins.is_empty() {
        return None;
    }
    let of = |login: &Login| json!({ "username": login.user, "password": login.password });
    let map: BTreeMap<_, _> = logins.iter().map(|(key, login)| (key, of(login))).collect();
    let mut value = HeaderValue::from_str(&URL_SAFE.encode(json!(map).to_string())).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logins(keys: &[(&str, &str)]) -> Logins {
        let auths: BTreeMap<_, _> = keys
            .iter()
            .map(|(key, pair)| (key, json!({ "auth": STANDARD.encode(pair) })))
            .collect();
        Logins::parse(&json!({ "auths": auths, "credHelpers": { "x": "y" } }).to_string())
    }

    fn sent(header: Option<HeaderValue>) -> Option<serde_json::Value> {
        let decoded = URL_SAFE.decode(header?.as_bytes()).expect("base64");
        Some(serde_json::from_slice(&decoded).expect("JSON"))
    }

    #[test]
    fn the_closest_login_goes_with_an_image_and_no_other_does() {
        let logins = logins(&[
            ("example.test", "me:all"),
            ("example.test/team", "me:team"),
            ("https://index.docker.io/v1/", "hub:x:y"),
        ]);
        let password = |reference: &str| {
            let sent = sent(logins.header_for(reference))?;
            let host = reference.split('/').next().unwrap_or_default();
            Some(sent[host]["password"].as_str().unwrap_or_default().to_owned())
        };
        assert_eq!(password("example.test/team/web:1").as_deref(), Some("team"));
        assert_eq!(password("example.test/teamwork/web:1").as_deref(), Some("all"));
        assert_eq!(password("docker.io/library/alpine:latest").as_deref(), Some("x:y"));
        assert_eq!(password("example.test.evil/web:1"), None);
        assert_eq!(password("other.test/web:1"), None);
        assert_eq!(
            sent(logins.header()).map(|all| all.as_object().map(|all| all.len())),
            Some(Some(3))
        );
    }

    #[test]
    fn a_header_is_in_the_alphabet_of_urls_and_shows_nothing() {
        let header = logins(&[("h", "u:a???>>>~~~??aa")]).header().expect("one login");
        let text = header.to_str().expect("ASCII");
        assert!(!text.contains(['+', '/']), "{text}");
        assert!(!format!("{header:?}").contains(text), "it is marked as a secret");
    }

    #[test]
    fn what_is_no_login_is_none() {
        assert!(Logins::parse("{").header().is_none());
        assert!(Logins::parse(r#"{"auths":{"h":{}},"credsStore":"s"}"#).header().is_none());
        assert!(Logins::parse(r#"{"auths":{"h":{"auth":"*"}}}"#).header().is_none());
    }

    #[test]
    fn an_explicit_file_is_the_only_one() {
        let of = |explicit, runtime| {
            files(explicit, runtime, 7, Path::new("/c"), Path::new("/h"))
                .iter()
                .map(|path| path.display().to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(of(Some("/a"), Some("/r")), ["/a"]);
        assert_eq!(
            of(None, Some("/r")),
            [
                "/r/containers/auth.json",
                "/run/containers/7/auth.json",
                "/c/containers/auth.json",
                "/h/.docker/config.json"
            ]
        );
    }
}
