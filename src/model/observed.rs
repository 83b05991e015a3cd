//! What the provider has, normalised: same meaning, same value, whatever the spelling.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::capability::Field;
use super::life::Life;
use super::mount::Mount;
use super::network::PortForward;
use super::snapshot::Snapshot;
use super::stamp::Stamp;
use super::units::{Bytes, Memory};
use super::vm::{KeptDisk, ObservedVm};

/// What was found when looking for one project's instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// The objects that carry the project's uuid; more than one only after a crash.
    #[serde(default)]
    pub instances: Vec<Instance>,
    /// The names of objects that carry the project's stamp and that vagrantp did not make: whoever
    /// copies an object copies what is written on it.
    #[serde(default)]
    pub copies: Vec<String>,
    /// An object of the project's whose stamp a newer vagrantp wrote, in a form that this one does
    /// not know.
    #[serde(default)]
    pub newer: Option<Newer>,
    /// What has the wanted name and is not this project's.
    #[serde(default)]
    pub stranger: Option<Stranger>,
    /// An object of this user's that was made in this very directory when that lay elsewhere, or
    /// under the same name in a directory that is gone.
    #[serde(default)]
    pub moved: Option<Instance>,
    /// The project's network, or what has the name that it would get.
    #[serde(default)]
    pub network: Option<ObservedNetwork>,
    /// The engine's other networks: the project's own from before a change, and everybody else's.
    #[serde(default)]
    pub networks: Vec<ObservedNetwork>,
    /// Whether the wanted image is on the host.
    #[serde(default)]
    pub image: Option<ObservedImage>,
    /// Local images that hold the files of replaced containers of this project.
    #[serde(default)]
    pub saved_images: Vec<String>,
    /// The same of the instance that moved: they are of use until it is taken over.
    #[serde(default)]
    pub former_images: Vec<String>,
    /// The snapshots of this project's instance, and of one that moved.
    #[serde(default)]
    pub snapshots: Vec<Snapshot>,
    /// Local images that were built for this project's instances and that no other's uses.
    #[serde(default)]
    pub built_images: Vec<String>,
    /// The disk that was kept of a VM of this project's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_disk: Option<KeptDisk>,
    /// What the engine says of itself.
    #[serde(default)]
    pub engine: EngineFacts,
}

impl Observed {
    /// The object that counts: of several with one uuid the running one, else the newest. One that
    /// is being removed counts only where there is no other: it has no files to go on with.
    #[must_use]
    pub fn instance(&self) -> Option<&Instance> {
        self.instances.iter().max_by_key(|instance| {
            let stays = instance.state != Power::Removing;
            (stays, instance.state.is_up(), instance.stamp.generation)
        })
    }

    /// Every network of the project's.
    pub fn own_networks(&self) -> impl Iterator<Item = &ObservedNetwork> {
        self.network.iter().chain(&self.networks).filter(|network| network.ours)
    }

    /// The objects that a crash left beside the one that counts.
    pub fn leftovers(&self) -> impl Iterator<Item = &Instance> {
        let counts = self.instance().map(|instance| &instance.id);
        self.instances.iter().filter(move |instance| Some(&instance.id) != counts)
    }
}

/// One object of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// The provider's own id.
    pub id: String,
    /// The provider's name for it.
    pub name: String,
    /// What it is doing.
    pub state: Power,
    /// How its main process ended, where it has.
    #[serde(default)]
    pub exit_status: Option<i32>,
    /// The stamp on it.
    pub stamp: Stamp,
    /// The memory limit that it was made with; none where there is no limit, or the engine cannot set one.
    #[serde(default)]
    pub memory: Option<Memory>,
    /// The CPU limit that it was made with, in thousandths of a CPU.
    #[serde(default)]
    pub millicpus: Option<u32>,
    /// The forwarded ports.
    #[serde(default)]
    pub ports: Vec<PortForward>,
    /// The mounts of host directories.
    #[serde(default)]
    pub mounts: Vec<Mount>,
    /// The networks that it is attached to.
    #[serde(default)]
    pub networks: Vec<String>,
    /// Its address, while it runs.
    #[serde(default)]
    pub address: Option<Ipv4Addr>,
    /// Whether it comes back when the host starts.
    #[serde(default)]
    pub autostart: bool,
    /// The host's process id of its main process, while it runs.
    #[serde(default)]
    pub pid: Option<u32>,
    /// The processor architecture, as the kernel names it: `x86_64`.
    #[serde(default)]
    pub arch: Option<String>,
    /// When this object was made (RFC 3339).
    #[serde(default)]
    pub created_at: Option<String>,
    /// When it was last started (RFC 3339).
    #[serde(default)]
    pub started_at: Option<String>,
    /// When it last ended (RFC 3339).
    #[serde(default)]
    pub finished_at: Option<String>,
    /// How much was written since it was made: what a replacement copies. None where not asked.
    #[serde(default)]
    pub written: Option<Bytes>,
    /// The limits that its engine cannot enforce: of memory, of CPUs.
    #[serde(default)]
    pub unlimited: Vec<Field>,
    /// The files on the host whose read-only mounts are gone since it was started: what runs inside
    /// could have written them. None where that cannot be seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unguarded: Vec<PathBuf>,
    /// How its main process fares.
    #[serde(default)]
    pub life: Life,
    /// What is known of a VM; none for a container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vm: Option<Box<ObservedVm>>,
}

impl Instance {
    /// What is to be said of files that lost their protection; nothing where none did.
    #[must_use]
    pub fn unguarded_text(&self) -> Option<String> {
        unguarded_text(&self.name, &self.unguarded)
    }
}

/// That these files can be written by what runs inside of `name`, and what to do about it.
fn unguarded_text(name: &str, files: &[PathBuf]) -> Option<String> {
    let named: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    let (is, it, its) = match named.len() {
        0 => return None,
        1 => ("is", "it", "its"),
        _ => ("are", "them", "their"),
    };
    Some(format!(
        "{} {is} open to what runs inside of {name}, which may have written {it}: {its} read-only \
         mount went when an edit on the host put a new file in {its} place. Look at {it}; \
         `vagrantp restart` protects {it} again",
        named.join(" and ")
    ))
}

/// What the provider says an object is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    /// Made, never started.
    Created,
    /// Its main process runs.
    Running,
    /// Frozen, with its memory kept.
    Paused,
    /// On its way down.
    Stopping,
    /// Ended.
    Stopped,
    /// On its way out.
    Removing,
    /// The provider says something that vagrantp does not know.
    Unknown,
}

impl Power {
    /// Whether there are processes of it.
    #[must_use]
    pub fn is_up(self) -> bool {
        matches!(self, Power::Running | Power::Paused | Power::Stopping)
    }
}

/// An object that a newer vagrantp made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newer {
    /// The provider's name for it.
    pub name: String,
    /// The version that made it, as its stamp has it.
    pub version: String,
}

/// An object that is not this project's and has a name that this project wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stranger {
    /// The name that both want.
    pub name: String,
    /// Whose it is, where it carries a stamp of vagrantp's.
    #[serde(default)]
    pub stamp: Option<Stamp>,
}

/// A network of the engine's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedNetwork {
    /// The provider's name for it.
    pub name: String,
    /// Whether it carries this project's uuid.
    pub ours: bool,
    /// Its range.
    #[serde(default)]
    pub subnet: Option<Ipv4Net>,
    /// Whether other networks are kept out.
    pub isolated: bool,
    /// Its gateway, where the provider shows one.
    #[serde(default)]
    pub gateway: Option<Ipv4Addr>,
    /// The bridge of the host's that it is on; none for a network of its own behind the host.
    #[serde(default)]
    pub bridge: Option<String>,
    /// Whose it is, in words, where it is another project's of this user.
    #[serde(default)]
    pub owner: Option<String>,
    /// The address that the other project's instance has there.
    #[serde(default)]
    pub address: Option<Ipv4Addr>,
    /// Of a network of the project's: what else is attached to it, by name. It cannot go meanwhile.
    #[serde(default)]
    pub shared_with: Vec<String>,
}

/// An image on the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedImage {
    /// The provider's id of it.
    pub id: String,
    /// Its architecture, in the OCI's words: `amd64`.
    #[serde(default)]
    pub architecture: Option<String>,
    /// Whether what it was built from is not what it was; never for images that are not built.
    #[serde(default)]
    pub outdated: bool,
}

/// What the engine says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineFacts {
    /// Its version.
    #[serde(default)]
    pub version: Option<String>,
    /// Whether it runs without root's rights.
    #[serde(default)]
    pub rootless: bool,
    /// The limits that take no effect there: of memory, of CPUs.
    #[serde(default)]
    pub unlimited: Vec<Field>,
    /// What is lacking for an instance to come back with the host, one sentence each.
    #[serde(default)]
    pub autostart_lacks: Vec<String>,
    /// Where it keeps images and containers.
    #[serde(default)]
    pub storage: Option<PathBuf>,
}

impl EngineFacts {
    /// What is to be said of limits that take no effect; nothing where all do.
    #[must_use]
    pub fn unlimited_text(&self) -> Option<String> {
        unlimited_text(&self.unlimited)
    }
}

impl Instance {
    /// The same, as it is known from the instance.
    #[must_use]
    pub fn unlimited_text(&self) -> Option<String> {
        unlimited_text(&self.unlimited)
    }
}

fn unlimited_text(unlimited: &[Field]) -> Option<String> {
    let keys: Vec<&str> = unlimited.iter().map(|field| field.key()).collect();
    let (keys, verb) = match keys.as_slice() {
        [] => return None,
        [key] => ((*key).to_owned(), "has"),
        keys => (keys.join(" and "), "have"),
    };
    Some(format!(
        "{keys} {verb} no effect here: without root's rights, the engine sets limits only on \
             cgroup v2, where the host hands their controllers on to the user"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_without_their_protection_are_named() {
        assert_eq!(unguarded_text("web", &[]), None);
        let one = unguarded_text("web", &["/p/.env".into()]).unwrap_or_default();
        assert!(one.starts_with("/p/.env is open to what runs inside of web, "), "{one}");
        let two = unguarded_text("web", &["/p/.env".into(), "/p/site.yml".into()]);
        let two = two.unwrap_or_default();
        assert!(two.starts_with("/p/.env and /p/site.yml are open to "), "{two}");
        assert!(two.contains("`vagrantp restart` protects them again"), "{two}");
    }

    #[test]
    fn limits_without_effect_are_named() {
        let text = |unlimited: &[Field]| {
            let engine = EngineFacts { unlimited: unlimited.to_vec(), ..EngineFacts::default() };
            engine.unlimited_text()
        };
        assert_eq!(text(&[]), None);
        assert!(text(&[Field::Cpus]).is_some_and(|text| text.starts_with("CPUS has no effect")));
        let both = text(&[Field::Memory, Field::Cpus]);
        assert!(both.is_some_and(|text| text.starts_with("MEMORY and CPUS have no effect")));
    }
}
