//! What the room has to know about the caller and the host, taken from [`HostFacts`].

use std::path::PathBuf;

use super::{conf, credentials, service};
use crate::exec::Program;
use crate::model::host::HostFacts;
use crate::model::id::ProviderKind;
use crate::provider::ProviderError;

/// What the room has to know about the caller and the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The caller's user id.
    pub uid: u32,
    /// The caller's name.
    pub user: Option<String>,
    /// CONTAINER_HOST.
    pub container_host: Option<String>,
    /// DOCKER_HOST.
    pub docker_host: Option<String>,
    /// XDG_RUNTIME_DIR.
    pub runtime_dir: Option<String>,
    /// CONTAINERS_CONF.
    pub containers_conf: Option<String>,
    /// Whether CONTAINERS_CONF_OVERRIDE is set.
    pub has_containers_conf_override: bool,
    /// `$XDG_CONFIG_HOME`, else `~/.config`.
    pub config_home: PathBuf,
    /// Where `podman login` keeps its logins, the first that knows a registry first.
    pub auth_files: Vec<PathBuf>,
    /// PATH.
    pub path: Option<String>,
    /// `ID` and `ID_LIKE` of os-release.
    pub distribution: Vec<String>,
    /// Where the engine keeps images and containers, if nobody configured another place.
    pub storage: PathBuf,
    /// Where vagrantp's own sockets are.
    pub sockets: PathBuf,
    /// The program with the hidden verbs: vagrantp itself.
    pub helper: PathBuf,
}

impl Settings {
    /// Picks what matters here out of the host's facts.
    #[must_use]
    pub fn from_facts(facts: &HostFacts) -> Self {
        let variable = |name: &str| facts.environment.get(name).filter(|v| !v.is_empty()).cloned();
        let config_home =
            variable("XDG_CONFIG_HOME").map_or_else(|| facts.home.join(".config"), PathBuf::from);
        Settings {
            uid: facts.uid,
            user: facts.user.clone(),
            container_host: variable("CONTAINER_HOST"),
            docker_host: variable("DOCKER_HOST"),
            runtime_dir: variable("XDG_RUNTIME_DIR"),
            containers_conf: variable("CONTAINERS_CONF"),
            has_containers_conf_override: variable("CONTAINERS_CONF_OVERRIDE").is_some(),
            auth_files: credentials::files(
                variable("REGISTRY_AUTH_FILE").as_deref(),
                variable("XDG_RUNTIME_DIR").as_deref(),
                facts.uid,
                &config_home,
                &facts.home,
            ),
            config_home,
            path: variable("PATH"),
            distribution: facts.distribution.clone(),
            storage: if facts.uid == 0 {
                PathBuf::from("/var/lib/containers/storage")
            } else {
                variable("XDG_DATA_HOME")
                    .map_or_else(|| facts.home.join(".local/share"), PathBuf::from)
                    .join("containers/storage")
            },
            sockets: facts.places.runtime.clone(),
            helper: PathBuf::from("/proc/self/exe"),
        }
    }

    /// The socket of a service that vagrantp starts.
    pub(super) fn own_socket(&self) -> PathBuf {
        self.sockets.join("podman.sock")
    }

    /// What it takes to start the service.
    pub(super) fn service(&self) -> Result<service::Start, ProviderError> {
        let podman = Program::find("podman", self.path.as_deref()).map_err(|_| {
            ProviderError::NotInstalled {
                provider: ProviderKind::Podman,
                install: install_line(&self.distribution).to_owned(),
            }
        })?;
        Ok(service::Start {
            podman: podman.path().to_owned(),
            helper: self.helper.clone(),
            socket: self.own_socket(),
            conf: conf::Surroundings {
                only: self.containers_conf.clone().map(PathBuf::from),
                has_override: self.has_containers_conf_override,
                user: self.config_home.join("containers"),
            },
        })
    }
}

/// The command that installs Podman on this distribution.
fn install_line(distribution: &[String]) -> &'static str {
    let lines = [
        ("debian", "install it with: sudo apt-get install podman"),
        ("ubuntu", "install it with: sudo apt-get install podman"),
        ("fedora", "install it with: sudo dnf install podman"),
        ("rhel", "install it with: sudo dnf install podman"),
        ("centos", "install it with: sudo dnf install podman"),
        ("arch", "install it with: sudo pacman -S podman"),
        ("suse", "install it with: sudo zypper install podman"),
        ("opensuse", "install it with: sudo zypper install podman"),
        ("alpine", "install it with: sudo apk add podman"),
    ];
    distribution
        .iter()
        .find_map(|id| {
            let fits = |name: &str| {
                id == name || id.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'))
            };
            lines.iter().find(|(name, _)| fits(name)).map(|(_, line)| *line)
        })
        .unwrap_or("https://podman.io/docs/installation says how to install it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_of_distributions_has_its_own_line() {
        for (ids, word) in [
            (["debian", ""], "apt-get"),
            (["linuxmint", "ubuntu"], "apt-get"),
            (["fedora", ""], "dnf"),
            (["rocky", "rhel"], "dnf"),
            (["manjaro", "arch"], "pacman"),
            (["opensuse-tumbleweed", "suse"], "zypper"),
            (["unheard-of", ""], "podman.io"),
        ] {
            let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
            assert!(install_line(&ids).contains(word), "{ids:?}");
        }
    }
}
