//! Who is who: the project, its instance, and the names that they go by.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The namespace of all instance uuids; made once, for this purpose.
const NAMESPACE: Uuid = Uuid::from_u128(0x5d1f_6ff6_0f6c_4b5e_9a58_7a67_7261_6e74);

/// A VM or a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InfraType {
    /// A virtual machine.
    Vm,
    /// A container.
    Container,
}

impl InfraType {
    /// Reads the word of the `.env`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [InfraType::Vm, InfraType::Container].into_iter().find(|kind| kind.as_str() == text)
    }

    /// As the `.env` spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            InfraType::Vm => "vm",
            InfraType::Container => "container",
        }
    }

    /// As it stands in a sentence.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            InfraType::Vm => "virtual machine",
            InfraType::Container => "container",
        }
    }
}

impl fmt::Display for InfraType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What runs instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// Podman containers.
    Podman,
    /// VMs through libvirt.
    Libvirt,
    /// VMs through `qemu-system-*` alone.
    Qemu,
    /// VMs through VirtualBox, by Vagrant.
    Virtualbox,
    /// A machine that exists already.
    Ssh,
    /// The in-memory provider of the tests.
    Memory,
}

impl ProviderKind {
    /// Those that a `.env` may name; the in-memory one is for tests.
    pub const WRITTEN: [ProviderKind; 5] = [
        ProviderKind::Libvirt,
        ProviderKind::Qemu,
        ProviderKind::Virtualbox,
        ProviderKind::Ssh,
        ProviderKind::Podman,
    ];

    /// Reads the word of the `.env`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        ProviderKind::WRITTEN.into_iter().find(|kind| kind.as_str() == text)
    }

    /// What it runs.
    #[must_use]
    pub fn infra_type(self) -> InfraType {
        match self {
            ProviderKind::Podman | ProviderKind::Memory => InfraType::Container,
            ProviderKind::Libvirt
            | ProviderKind::Qemu
            | ProviderKind::Virtualbox
            | ProviderKind::Ssh => InfraType::Vm,
        }
    }

    /// As the `.env` spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ProviderKind::Podman => "podman",
            ProviderKind::Libvirt => "libvirt",
            ProviderKind::Qemu => "qemu",
            ProviderKind::Virtualbox => "virtualbox",
            ProviderKind::Ssh => "ssh",
            ProviderKind::Memory => "memory",
        }
    }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The instance's name: a hostname label of 1 to 63 lower-case letters, digits and inner hyphens
/// (RFC 1123, section 2.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct InfraId(String);

impl InfraId {
    /// The name, if it is a hostname label.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        let valid = (1..=63).contains(&text.len())
            && text.bytes().all(inner)
            && !text.starts_with('-')
            && !text.ends_with('-');
        valid.then(|| InfraId(text.to_owned()))
    }

    /// The nearest hostname label to any text: `My_Proj` becomes `my-proj`. None where no letter
    /// or digit is left.
    #[must_use]
    pub fn nearest(text: &str) -> Option<Self> {
        let mut label = String::new();
        for c in text.chars().flat_map(char::to_lowercase) {
            if c.is_ascii_lowercase() || c.is_ascii_digit() {
                label.push(c);
            } else if !label.is_empty() && !label.ends_with('-') {
                label.push('-');
            }
            if label.len() == 63 {
                break;
            }
        }
        InfraId::new(label.trim_end_matches('-'))
    }

    /// The label.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InfraId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for InfraId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        InfraId::new(&text).ok_or_else(|| serde::de::Error::custom("not a hostname label"))
    }
}

/// What an instance is known by for as long as its project stays where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InstanceUuid(pub Uuid);

impl InstanceUuid {
    /// UUIDv5 of the machine, the user, the project's real path and the kind of instance: the same
    /// again after every record was lost, another one for a copy of the directory.
    #[must_use]
    pub fn derive(
        machine_id: &str,
        uid: u32,
        project: &std::path::Path,
        infra_type: InfraType,
    ) -> Self {
        use std::os::unix::ffi::OsStrExt;
        let mut name = Vec::new();
        name.extend_from_slice(machine_id.trim().as_bytes());
        name.push(0);
        name.extend_from_slice(uid.to_string().as_bytes());
        name.push(0);
        name.extend_from_slice(project.as_os_str().as_bytes());
        name.push(0);
        name.extend_from_slice(infra_type.as_str().as_bytes());
        InstanceUuid(Uuid::new_v5(&NAMESPACE, &name))
    }

    /// The first name that a network of the instance's may have.
    #[must_use]
    pub fn network_name(&self) -> String {
        format!("vagrantp-{}", self.short(12))
    }

    /// Whether a network of the instance's may have this name.
    #[must_use]
    pub fn names_network(&self, name: &str) -> bool {
        let rest = name.strip_prefix(&self.network_name());
        let number = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_digit());
        rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix('-').is_some_and(number))
    }

    /// The first `count` hexadecimal digits, for names that have to be short.
    #[must_use]
    pub fn short(&self, count: usize) -> String {
        self.0.simple().to_string().chars().take(count).collect()
    }
}

impl fmt::Display for InstanceUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// A project's directory: its real path, and what stays the same when it is moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectDir {
    /// The path with every symlink resolved.
    pub path: PathBuf,
    /// `st_dev` of the directory.
    pub device: u64,
    /// `st_ino` of the directory.
    pub inode: u64,
    /// Where the file system is mounted that it is in, where that is known.
    #[serde(default)]
    pub mount: Option<PathBuf>,
}

/// Which instance is meant: enough for `stop` and `rm`, also where the `.env` is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The instance's uuid.
    pub uuid: InstanceUuid,
    /// INFRA_ID, or the name made from the directory's.
    pub id: InfraId,
    /// Whether the user chose the name: a chosen name is never altered on a clash.
    pub id_is_explicit: bool,
    /// The project.
    pub project: ProjectDir,
    /// The calling user.
    pub uid: u32,
    /// The kind of instance.
    pub infra_type: InfraType,
    /// What runs it.
    pub provider: ProviderKind,
}

impl Identity {
    /// The name to fall back to where someone else has the defaulted one: `web-5f3a9c`.
    #[must_use]
    pub fn fallback_name(&self) -> String {
        let suffix = self.uuid.short(6);
        let id = self.id.as_str();
        let head = &id[..id.len().min(63 - 7)];
        format!("{}-{suffix}", head.trim_end_matches('-'))
    }

    /// The name of the project's own network.
    #[must_use]
    pub fn network_name(&self) -> String {
        self.uuid.network_name()
    }

    /// The names that networks of the project's may have, the likeliest first: a network that takes
    /// the place of another cannot have its name.
    pub fn network_names(&self) -> impl Iterator<Item = String> {
        let name = self.network_name();
        (1u32..).map(move |number| match number {
            1 => name.clone(),
            number => format!("{name}-{number}"),
        })
    }

    /// Whether a network of the project's may have this name.
    #[must_use]
    pub fn names_network(&self, name: &str) -> bool {
        self.uuid.names_network(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_directory_name_becomes_a_hostname_label() {
        for (text, label) in [
            ("My_Proj", Some("my-proj")),
            ("web", Some("web")),
            ("--a--b--", Some("a-b")),
            ("Übung 7", Some("bung-7")),
            ("...", None),
            ("", None),
        ] {
            assert_eq!(InfraId::nearest(text).as_ref().map(InfraId::as_str), label, "{text}");
        }
        assert_eq!(InfraId::nearest(&"x".repeat(99)).map(|id| id.as_str().len()), Some(63));
    }

    #[test]
    fn only_hostname_labels_are_ids() {
        for text in ["a_b", "-a", "a-", "A", "../x", "a b", "", "a.b", "é"] {
            assert_eq!(InfraId::new(text), None, "{text}");
        }
        assert!(InfraId::new("a-1").is_some());
    }

    #[test]
    fn every_part_of_the_identity_changes_the_uuid() {
        let of = |machine: &str, uid, path: &str, kind| {
            InstanceUuid::derive(machine, uid, Path::new(path), kind)
        };
        let first = of("m\n", 0, "/p", InfraType::Container);
        assert_eq!(first, of("m", 0, "/p", InfraType::Container));
        for other in [
            of("n", 0, "/p", InfraType::Container),
            of("m", 1, "/p", InfraType::Container),
            of("m", 0, "/q", InfraType::Container),
            of("m", 0, "/p", InfraType::Vm),
        ] {
            assert_ne!(first, other);
        }
    }
}
