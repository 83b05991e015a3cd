//! `machine.json`: what a machine is made of, while nobody runs it. Pure.
//!
//! The file is written whole, and last when a machine is made: a directory without one is no machine.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::model::id::{InstanceUuid, ProviderKind};
use crate::model::snapshot::Snapshot;
use crate::model::spec::InstanceSpec;
use crate::model::vm::Acceleration;

/// What a machine is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Definition {
    /// The format of this file.
    pub(super) format: u32,
    /// What was asked for.
    pub(super) spec: InstanceSpec,
    /// The versioned name of the machine type: another one would be other hardware, and a memory that
    /// was kept is of no use on it.
    pub(super) machine: String,
    /// Where the disk is.
    pub(super) disk: PathBuf,
    /// By what the guest knows that it was told everything already: another one makes it begin anew.
    pub(super) instance_id: String,
    /// What was settled on for UEFI; none boots by BIOS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) uefi: Option<Uefi>,
    /// What is known of its snapshots beyond what the disk knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) snapshots: Vec<Kept>,
}

/// The firmware of UEFI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Uefi {
    /// The code, which is shared and never written.
    pub(super) code: PathBuf,
    /// What the machine's own variables began as.
    pub(super) template: PathBuf,
}

/// A snapshot, and how it is gone back to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// The snapshot.
    pub(super) snapshot: Snapshot,
    /// What it was made with, where its memory was kept too: that goes on with this alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) memory: Option<Hardware>,
}

/// What a kept memory needs to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hardware {
    /// What ran its instructions.
    pub(super) acceleration: Acceleration,
    /// The arguments that it ran with, less those that may change.
    pub(super) fingerprint: String,
}

/// What a file said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// It is one of ours.
    Ours(Box<Definition>),
    /// A newer vagrantp made it, in a form that this one does not know.
    Newer {
        /// The name that the machine has there.
        name: String,
        /// The version that made it.
        version: String,
    },
    /// It is nothing that vagrantp wrote.
    Strange,
}

/// What every format has in common.
#[derive(Deserialize)]
struct Heading {
    format: u32,
    spec: HeadingSpec,
}

#[derive(Deserialize)]
struct HeadingSpec {
    name: String,
    stamp: HeadingStamp,
}

#[derive(Deserialize)]
struct HeadingStamp {
    uuid: InstanceUuid,
    version: String,
}

impl Definition {
    /// The format that this version writes.
    pub(super) const FORMAT: u32 = 1;

    /// What a file says that lies in the directory of the machine with this uuid.
    pub(super) fn read(text: &[u8], uuid: InstanceUuid) -> Read {
        let Ok(heading) = serde_json::from_slice::<Heading>(text) else { return Read::Strange };
        if heading.spec.stamp.uuid != uuid {
            return Read::Strange;
        }
        if heading.format > Self::FORMAT {
            let (name, version) = (heading.spec.name, heading.spec.stamp.version);
            return Read::Newer { name, version };
        }
        match serde_json::from_slice::<Definition>(text) {
            Ok(definition)
                if definition.spec.stamp.provider == ProviderKind::Qemu
                    && definition.spec.vm.is_some() =>
            {
                Read::Ours(Box::new(definition))
            }
            _ => Read::Strange,
        }
    }

    /// As it is written.
    pub(super) fn text(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).expect("it holds nothing that JSON cannot");
        text.push(b'\n');
        text
    }

    /// What the VM is made of.
    pub(super) fn vm(&self) -> &crate::model::vm::VmSettings {
        self.spec.vm.as_deref().expect("a definition without it is not read, and none is made")
    }

    /// The same, to be changed.
    pub(super) fn vm_mut(&mut self) -> &mut crate::model::vm::VmSettings {
        self.spec.vm.as_deref_mut().expect("a definition without it is not read, and none is made")
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::provider::qemu::fixture;

    #[test]
    fn a_definition_reads_back_as_it_was_written() {
        let definition = fixture::definition();
        let uuid = definition.spec.stamp.uuid;
        let read = Definition::read(&definition.text(), uuid);
        assert_eq!(read, Read::Ours(Box::new(definition)));
    }

    #[test]
    fn what_is_not_ours_is_strange_and_what_is_later_is_newer() {
        let definition = fixture::definition();
        let uuid = definition.spec.stamp.uuid;
        for text in ["", "{}", "[]", "{\"format\":1}", "\0"] {
            assert_eq!(Definition::read(text.as_bytes(), uuid), Read::Strange, "{text}");
        }
        let other = fixture::uuid("/projects/other");
        assert_eq!(Definition::read(&definition.text(), other), Read::Strange);
        let mut foreign = definition.clone();
        foreign.spec.stamp.provider = ProviderKind::Libvirt;
        assert_eq!(Definition::read(&foreign.text(), uuid), Read::Strange);
        let mut container = definition.clone();
        container.spec.vm = None;
        assert_eq!(Definition::read(&container.text(), uuid), Read::Strange);

        let mut later = serde_json::to_value(&definition).expect("JSON");
        later["format"] = (Definition::FORMAT + 1).into();
        later["spec"]["cpus"] = "of another shape".into();
        let read = Definition::read(later.to_string().as_bytes(), uuid);
        let (name, version) = (definition.spec.name, definition.spec.stamp.version);
        assert_eq!(read, Read::Newer { name, version });
    }
}
