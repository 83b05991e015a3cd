//! The one table of keys. It feeds the parser, the defaults, the warnings about keys that a provider
//! has no use for, `explain`, completion, the [`schema`], the [`template`] of a new file, and
//! `docs/reference/config.md`; a test holds each of them to it.

pub mod effect;
mod form;
mod machine;
mod pattern;
pub mod schema;
pub mod template;
mod work;

use serde_json::Value;

pub use form::{Form, readable};

use super::reader::Reader;
use super::types::{Config, Written};
use super::warning::Doubt;
use crate::model::id::ProviderKind;
use crate::model::source::Sourced;
use crate::model::units::{DiskSize, Unit};

/// One key of the `.env`.
#[derive(Debug)]
pub struct Key {
    /// Its name, without a prefix.
    pub name: &'static str,
    /// What a value looks like.
    pub form: Form,
    /// What is expected after the `=`.
    pub expected: &'static str,
    /// What is taken where nothing is written, as it would be written.
    pub default: Default,
    /// The providers that have a use for it.
    pub used_by: &'static [ProviderKind],
    /// What it is for, in a sentence.
    pub doc: &'static str,
    /// A value that can be written.
    pub example: &'static str,
    /// Whether its value is never shown.
    pub secret: bool,
    /// Whether its value may span lines.
    pub multiline: bool,
    pub(super) read: fn(&mut Reader<'_>, &mut Config),
    pub(super) show: fn(&Config) -> Option<Value>,
}

/// What is taken where nothing is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// The key has to be written.
    Required,
    /// Nothing: the machine does without.
    None,
    /// The same as if this were written.
    Value(&'static str),
    /// Something that depends on the rest, in words.
    Depends(&'static str),
}

/// What VAGRANTP_ stands for in front of a key.
pub const PREFIX: &str = "VAGRANTP_";

const ALL: &[ProviderKind] = &[
    ProviderKind::Podman,
    ProviderKind::Libvirt,
    ProviderKind::Qemu,
    ProviderKind::Virtualbox,
    ProviderKind::Ssh,
];
const MADE: &[ProviderKind] =
    &[ProviderKind::Podman, ProviderKind::Libvirt, ProviderKind::Qemu, ProviderKind::Virtualbox];
const MADE_VM: &[ProviderKind] =
    &[ProviderKind::Libvirt, ProviderKind::Qemu, ProviderKind::Virtualbox];
const ANY_VM: &[ProviderKind] =
    &[ProviderKind::Libvirt, ProviderKind::Qemu, ProviderKind::Virtualbox, ProviderKind::Ssh];
const HYPERVISOR: &[ProviderKind] = &[ProviderKind::Libvirt, ProviderKind::Qemu];

/// All keys, in the order of the documentation.
pub fn all() -> impl Iterator<Item = &'static Key> {
    machine::KEYS.iter().chain(work::KEYS)
}

/// The key of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Key> {
    all().find(|key| key.name == name)
}

/// Names that earlier tools read, with what stands in their place.
pub(super) const OLD_NAMES: [(&str, &str, &str); 4] = [
    ("DISK", "DISK_SIZE", "a size such as `20G`"),
    ("NETWORK_TYPE", "NETWORK_MODE", "`default` or `bridge`"),
    ("FIXED_IP", "IP_ADDRESS", "an address such as `192.168.77.10`"),
    ("PROVISION_SCRIPT", "PROVISIONING_PLAYBOOK", "an Ansible playbook takes the script's place"),
];

/// The key that stands in the place of a name that earlier tools read.
#[must_use]
pub fn successor(old: &str) -> Option<&'static Key> {
    let (_, key, _) = OLD_NAMES.iter().find(|(name, ..)| *name == old)?;
    find(key)
}

/// A row of the table; what most keys have in common is filled in here.
macro_rules! key {
    (
        $name:literal: $form:expr, $expected:expr, $default:expr, $used_by:expr,
        $doc:literal, eg $example:literal,
        read $read:expr, show $show:expr $(, $flag:ident)*
    ) => {
        Key {
            $($flag: true,)*
            ..Key {
                name: $name,
                form: $form,
                expected: $expected,
                default: $default,
                used_by: $used_by,
                doc: $doc,
                example: $example,
                secret: false,
                multiline: false,
                read: $read,
                show: $show,
            }
        }
    };
}
use key;

/// A single value as JSON.
fn one<T: serde::Serialize>(written: &Written<T>) -> Option<Value> {
    written.as_ref().and_then(|value| serde_json::to_value(&value.value).ok())
}

/// A single value as it prints.
fn text<T: std::fmt::Display>(written: &Written<T>) -> Option<Value> {
    written.as_ref().map(|value| value.value.to_string().into())
}

/// A list, item by item.
fn list<T>(items: &[Sourced<T>], show: impl Fn(&T) -> Value) -> Option<Value> {
    (!items.is_empty()).then(|| items.iter().map(|item| show(&item.value)).collect())
}

/// What a parser answers that takes any text.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
enum NoMistake {}

/// A size of a disk, with a doubt about one that has no unit.
fn disk_size(reader: &mut Reader<'_>) -> Written<DiskSize> {
    let size = reader.one(DiskSize::parse)?;
    let (value, unit) = size.value;
    if unit == Unit::Assumed {
        let place = reader.whole();
        reader.doubt(Doubt::BareDiskSize { key: reader.key.name, number: value.0 / 1024, place });
    }
    Some(Sourced { value, origin: size.origin })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_change_costs_is_known_of_every_key() {
        use crate::model::changes::{TABLE, of};
        for key in all() {
            assert!(of(key.name, ProviderKind::Libvirt).is_some(), "{}", key.name);
        }
        let known = |name: &&&str| find(name).is_none();
        let strangers: Vec<_> = TABLE.iter().flat_map(|row| row.keys).filter(known).collect();
        assert_eq!(strangers, Vec::<&&str>::new());
    }

    #[test]
    fn names_are_distinct_and_upper_case() {
        let mut names: Vec<_> = all().map(|key| key.name).collect();
        assert!(names.iter().all(|name| name.bytes().all(|c| c.is_ascii_uppercase() || c == b'_')));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert_eq!(count, 46);
    }

    #[test]
    fn no_key_looks_like_another_to_the_warning() {
        for (_, new, _) in OLD_NAMES {
            assert!(find(new).is_some(), "{new}");
        }
        for key in all() {
            assert!(OLD_NAMES.iter().all(|(old, ..)| *old != key.name), "{}", key.name);
            assert!(!key.used_by.is_empty(), "{}", key.name);
        }
    }
}
