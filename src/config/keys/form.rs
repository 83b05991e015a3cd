//! What a value of each key looks like: told so that schema, completion and `explain` can use it.
//! The parsers stay the judges; a test holds every form to what they take.

use super::Key;
use crate::config::types::Word;
use crate::model::units::{Memory, Seconds};

/// The form of a value.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// One of these words, in any case.
    Words(fn() -> Vec<&'static str>),
    /// A hostname label.
    Label,
    /// An amount of memory; a bare number counts MiB.
    Memory {
        /// The least, in MiB.
        least: u64,
    },
    /// An amount of disk; a bare number counts GiB.
    Disk {
        /// The least, in MiB.
        least: u64,
    },
    /// A whole number from 1 on.
    Count,
    /// Seconds, from 1 to 3600.
    Seconds,
    /// A whole number and `m`, `h` or `d`.
    Duration,
    /// An IPv4 address.
    Address,
    /// An IPv4 address, with a prefix or without.
    HostAddress,
    /// IPv4 addresses with commas between.
    Addresses,
    /// A unicast MAC address.
    Mac,
    /// A port.
    Port,
    /// The first and the last port.
    PortRange,
    /// Port rules with commas between.
    PortRules,
    /// Mounts with commas between.
    Mounts,
    /// A registry reference, a path or a URL; which, depends on INFRA_TYPE.
    Image,
    /// A Vagrant box.
    Box,
    /// The name of a network interface.
    Interface,
    /// A host's name or address.
    Host,
    /// A user's name.
    User,
    /// Playbooks with commas between.
    Playbooks,
    /// Operating systems with commas between.
    Systems,
    /// The path of a file.
    Path,
    /// Words, split as a shell would.
    Command,
    /// Public keys, or a file of them.
    PublicKeys,
    /// Variables, as pairs or as JSON.
    Variables,
    /// Any text.
    Text,
}

impl Form {
    /// One word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Form::Words(_) => "word",
            Form::Label => "hostname_label",
            Form::Memory { .. } => "memory",
            Form::Disk { .. } => "disk",
            Form::Count => "count",
            Form::Seconds => "seconds",
            Form::Duration => "duration",
            Form::Address => "address",
            Form::HostAddress => "address_with_prefix",
            Form::Addresses => "addresses",
            Form::Mac => "mac_address",
            Form::Port => "port",
            Form::PortRange => "port_range",
            Form::PortRules => "port_rules",
            Form::Mounts => "mounts",
            Form::Image => "image",
            Form::Box => "box",
            Form::Interface => "interface",
            Form::Host => "host",
            Form::User => "user",
            Form::Playbooks => "playbooks",
            Form::Systems => "systems",
            Form::Path => "path",
            Form::Command => "command",
            Form::PublicKeys => "public_keys",
            Form::Variables => "variables",
            Form::Text => "text",
        }
    }

    /// The words of a closed set; empty for every other form.
    #[must_use]
    pub fn words(self) -> Vec<&'static str> {
        match self {
            Form::Words(words) => words(),
            _ => Vec::new(),
        }
    }
}

/// The words that a closed set takes.
pub(super) fn words<T: Word>() -> Vec<&'static str> {
    T::WORDS.iter().map(|(word, _)| *word).collect()
}

impl Key {
    /// A value of this key's, as [`Setting`](crate::config::Setting) has it, for people: amounts
    /// with their unit, lists with commas between.
    #[must_use]
    pub fn readable(&self, value: &serde_json::Value) -> String {
        match (self.form, value.as_u64()) {
            (Form::Memory { .. } | Form::Disk { .. }, Some(amount)) => Memory(amount).to_string(),
            (Form::Seconds, Some(seconds)) => {
                Seconds(u32::try_from(seconds).unwrap_or(u32::MAX)).to_string()
            }
            _ => readable(value),
        }
    }
}

/// A value as people write it: lists with commas between, ports with colons.
#[must_use]
pub fn readable(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(readable).collect::<Vec<_>>().join(", "),
        Value::Object(port) if port.contains_key("container_port") => {
            let part = |name: &str| port.get(name).map(readable).unwrap_or_default();
            let auto = port.get("auto").and_then(Value::as_bool) == Some(true);
            let host = if auto { "auto".to_owned() } else { part("host_port") };
            let bind = part("bind");
            let bind = if bind.contains(':') { format!("[{bind}]") } else { bind };
            format!("{bind}:{host}:{}/{}", part("container_port"), part("protocol"))
        }
        other => other.to_string(),
    }
}
