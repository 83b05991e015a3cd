//! Which socket to talk to. A choice, made from values; nothing is tried here.

use std::path::{Path, PathBuf};

use crate::model::id::ProviderKind;
use crate::provider::ProviderError;

/// Where the system's Podman listens, which is root's own.
pub(super) const SYSTEM: &str = "/run/podman/podman.sock";

/// Who said which socket it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chosen {
    /// A variable of the environment: nothing else will do where this one is dead.
    ByVariable(&'static str),
    /// Nobody: the places where Podman has it, then a service of our own.
    ByDefault,
}

/// A socket, or several to be tried in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) chosen: Chosen,
    pub(super) paths: Vec<PathBuf>,
}

/// What the choice is made from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clues<'a> {
    pub(super) container_host: Option<&'a str>,
    pub(super) docker_host: Option<&'a str>,
    pub(super) runtime_dir: Option<&'a str>,
    pub(super) uid: u32,
    /// Where vagrantp itself has the service listen that it starts.
    pub(super) own: &'a Path,
}

/// Chooses. CONTAINER_HOST is Podman's own variable; DOCKER_HOST may name a Podman too, which only
/// its answer can tell.
pub(super) fn choose(clues: Clues<'_>) -> Result<Choice, ProviderError> {
    let said =
        |value: Option<&str>| value.map(str::trim).filter(|v| !v.is_empty()).map(str::to_owned);
    if let Some(url) = said(clues.container_host) {
        return named("CONTAINER_HOST", &url);
    }
    if let Some(url) = said(clues.docker_host) {
        return named("DOCKER_HOST", &url);
    }
    let mut paths = Vec::new();
    if clues.uid == 0 {
        paths.push(PathBuf::from(SYSTEM));
    } else {
        let runtime = match said(clues.runtime_dir) {
            Some(dir) => PathBuf::from(dir),
            None => PathBuf::from(format!("/run/user/{}", clues.uid)),
        };
        paths.push(runtime.join("podman/podman.sock"));
    }
    paths.push(clues.own.to_owned());
    Ok(Choice { chosen: Chosen::ByDefault, paths })
}

fn named(variable: &'static str, url: &str) -> Result<Choice, ProviderError> {
    let path = url.strip_prefix("unix://").map(PathBuf::from).filter(|path| path.is_absolute());
    match path {
        Some(path) => Ok(Choice { chosen: Chosen::ByVariable(variable), paths: vec![path] }),
        None => Err(ProviderError::NotTheProvider {
            provider: ProviderKind::Podman,
            address: crate::exec::printable(url),
            found: format!("{variable} names no local socket"),
            help: format!(
                "vagrantp talks to Podman on this host: set {variable}=unix:///path/to/podman.sock, \
                 or unset it"
            ),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clues(own: &Path) -> Clues<'_> {
        Clues { container_host: None, docker_host: None, runtime_dir: None, uid: 1000, own }
    }

    fn paths(clues: Clues<'_>) -> Vec<String> {
        let choice = choose(clues).expect("a choice");
        choice.paths.iter().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn a_variable_is_the_last_word() {
        let both = Clues {
            container_host: Some("unix:///a.sock"),
            docker_host: Some("unix:///b.sock"),
            ..clues(Path::new("/o"))
        };
        assert_eq!(paths(both), ["/a.sock"]);
        assert_eq!(
            paths(Clues { docker_host: Some("unix:///b.sock"), ..clues(Path::new("/o")) }),
            ["/b.sock"]
        );
        assert_eq!(paths(Clues { container_host: Some(" "), ..clues(Path::new("/o")) }).len(), 2);
    }

    #[test]
    fn the_users_socket_comes_before_our_own() {
        let own = Path::new("/run/user/1000/vagrantp/podman.sock");
        let expected = ["/x/podman/podman.sock", "/run/user/1000/vagrantp/podman.sock"];
        assert_eq!(paths(Clues { runtime_dir: Some("/x"), ..clues(own) }), expected);
        assert_eq!(paths(Clues { uid: 0, ..clues(own) })[0], "/run/podman/podman.sock");
    }

    #[test]
    fn other_schemes_are_refused_with_the_variable_named() {
        for url in ["tcp://localhost:2375", "ssh://me@there/run/podman.sock", "unix://relative"] {
            let refusal =
                choose(Clues { docker_host: Some(url), ..clues(Path::new("/o")) }).expect_err(url);
            assert!(refusal.to_string().contains("DOCKER_HOST"), "{refusal}");
        }
    }
}
