//! What the room has to know about the caller and the host, taken from [`HostFacts`].

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::fault;
use crate::exec::Program;
use crate::guest::image::{Cache, Limits, Proxies};
use crate::model::host::HostFacts;
use crate::model::id::InstanceUuid;
use crate::provider::ProviderError;

use super::place::Place;

/// What the room has to know about the caller and the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The caller's user id.
    pub uid: u32,
    /// Where the machines' directories are.
    pub data: PathBuf,
    /// Where the machines' sockets are.
    pub runtime: PathBuf,
    /// Where images are kept.
    pub cache: PathBuf,
    /// `$XDG_CONFIG_HOME`, else `~/.config`.
    pub config_home: PathBuf,
    /// PATH.
    pub path: Option<String>,
    /// `ID` and `ID_LIKE` of os-release.
    pub distribution: Vec<String>,
    /// Through whom the network is reached.
    pub proxies: Proxies,
    /// What a window needs of the environment: DISPLAY and its like.
    pub desktop: BTreeMap<String, String>,
    /// The device through which the processor runs guests itself.
    pub kvm: PathBuf,
    /// The program with the hidden verbs: vagrantp itself.
    pub helper: PathBuf,
}

/// What a program needs to open a window.
const DESKTOP: [&str; 3] = ["DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY"];

impl Settings {
    /// Picks what matters here out of the host's facts.
    #[must_use]
    pub fn from_facts(facts: &HostFacts) -> Self {
        let variable = |name: &str| facts.environment.get(name).filter(|v| !v.is_empty()).cloned();
        let either = |name: &str, other: &str| variable(name).or_else(|| variable(other));
        let desktop = |name: &&str| Some(((*name).to_owned(), variable(name)?));
        Settings {
            uid: facts.uid,
            data: facts.places.data.clone(),
            runtime: facts.places.runtime.clone(),
            cache: facts.places.cache.clone(),
            config_home: variable("XDG_CONFIG_HOME")
                .map_or_else(|| facts.home.join(".config"), PathBuf::from),
            path: variable("PATH"),
            distribution: facts.distribution.clone(),
            proxies: Proxies {
                http: either("http_proxy", "HTTP_PROXY"),
                https: either("https_proxy", "HTTPS_PROXY"),
                all: either("all_proxy", "ALL_PROXY"),
                none: either("no_proxy", "NO_PROXY"),
            },
            desktop: DESKTOP.iter().filter_map(desktop).collect(),
            kvm: PathBuf::from("/dev/kvm"),
            helper: PathBuf::from("/proc/self/exe"),
        }
    }

    /// Where the machine with this uuid is.
    pub(super) fn place(&self, uuid: InstanceUuid) -> Place {
        Place::new(self.data.join(uuid.to_string()), self.runtime.join(uuid.short(12)))
    }

    /// Where images are kept once for all machines of this user's.
    pub(super) fn images(&self) -> Cache {
        Cache::new(self.cache.join("images"), self.proxies.clone(), Limits::default())
    }

    /// The emulator of the host's own architecture.
    pub(super) fn emulator(&self) -> Result<Program, ProviderError> {
        self.program(&format!("qemu-system-{}", std::env::consts::ARCH))
    }

    /// The program that makes and changes disks.
    pub(super) fn disk_tool(&self) -> Result<Program, ProviderError> {
        self.program("qemu-img")
    }

    fn program(&self, name: &str) -> Result<Program, ProviderError> {
        let found = Program::find(name, self.path.as_deref());
        found.map_err(|_| fault::missing(name, &self.distribution))
    }

    /// The server of shared directories that is quicker than 9p, where it is installed.
    pub(super) fn virtiofsd(&self) -> Option<Program> {
        // Distributions keep it outside of PATH: it is a part of QEMU's to them.
        const HOMES: [&str; 3] = ["/usr/libexec", "/usr/lib/qemu", "/usr/lib"];
        let path = self.path.as_deref().into_iter().chain(HOMES).collect::<Vec<_>>().join(":");
        Program::find("virtiofsd", Some(&path)).ok()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Settings with every place beneath one directory.
    pub(in super::super) fn below(root: &std::path::Path) -> Settings {
        Settings {
            uid: 1000,
            data: root.join("data"),
            runtime: root.join("run"),
            cache: root.join("cache"),
            config_home: root.join("config"),
            path: Some("/usr/bin:/bin".to_owned()),
            distribution: vec!["debian".to_owned()],
            proxies: Proxies::default(),
            desktop: BTreeMap::new(),
            kvm: PathBuf::from("/nonexistent"),
            helper: PathBuf::from("/nonexistent"),
        }
    }

    #[test]
    fn a_missing_program_is_named_with_its_package() {
        let mut settings = below("/s".as_ref());
        settings.path = Some("/nowhere".to_owned());
        let error = settings.disk_tool().expect_err("there is none");
        let help = miette::Diagnostic::help(&error).expect("it has a remedy").to_string();
        assert!(error.to_string().contains("qemu-img"), "{error}");
        assert!(help.contains("apt-get install qemu-utils"), "{help}");
    }
}
