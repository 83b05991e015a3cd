//! What a value of each key looks like: told so that schema, completion and `explain` can use it.
//! The parsers stay the judges; a test holds every form to what they take.

use serde_json::Value;

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

    /// Whether a value has items with commas between.
    #[must_use]
    pub fn is_list(self) -> bool {
        matches!(
            self,
            Form::Addresses | Form::PortRules | Form::Mounts | Form::Playbooks | Form::Systems
        )
    }

    /// Whether the parser looks at files, which come and go.
    pub(crate) fn names_files(self) -> bool {
        matches!(self, Form::Path | Form::Image | Form::Mounts | Form::Playbooks | Form::PublicKeys)
    }

    /// Whether a value can be any text, so that what a reference in it stands for cannot be told
    /// from the application's secrets.
    #[must_use]
    pub fn is_free(self) -> bool {
        matches!(self, Form::Command | Form::PublicKeys | Form::Variables | Form::Text)
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
    /// with their unit, lists with commas between, everything else as it would be written.
    #[must_use]
    pub fn readable(&self, value: &Value) -> String {
        let text = |value: &Value| value.as_str().map(str::to_owned).unwrap_or_default();
        let versioned = |value: &Value, name: &str, between: &str| match &value["version"] {
            Value::String(version) => format!("{}{between}{version}", text(&value[name])),
            _ => text(&value[name]),
        };
        let each = |one: &dyn Fn(&Value) -> String| -> String {
            let items = value.as_array().into_iter().flatten();
            items.map(one).collect::<Vec<_>>().join(", ")
        };
        match (self.form, value.as_u64()) {
            (Form::Memory { .. } | Form::Disk { .. }, Some(amount)) => Memory(amount).to_string(),
            (Form::Seconds, Some(seconds)) => {
                Seconds(u32::try_from(seconds).unwrap_or(u32::MAX)).to_string()
            }
            (Form::Box, _) => versioned(value, "name", "@"),
            (Form::Systems, _) => each(&|system| versioned(system, "id", ":")),
            (Form::Playbooks, _) => each(&|playbook| match &playbook["shipped"] {
                Value::String(name) => format!("vagrantp:{name}"),
                _ => text(&playbook["file"]),
            }),
            (Form::Command, _) => {
                let words = value.get("argv").unwrap_or(value).as_array();
                let words = words.map(|words| words.iter().filter_map(Value::as_str));
                let line = words.and_then(|words| shlex::try_join(words).ok());
                line.unwrap_or_else(|| readable(value))
            }
            _ => readable(value),
        }
    }
}

/// A value as people write it: lists with commas between, ports with colons.
#[must_use]
pub fn readable(value: &Value) -> String {
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

#[cfg(test)]
mod tests {
    use crate::config::keys::find;
    use crate::config::tests::Project;

    #[test]
    fn values_read_as_they_are_written() {
        let read = |env: &str, name: &str| {
            let settings = Project::new(env).load().settings;
            let setting = settings.iter().find(|setting| setting.key == name);
            find(name).expect("a key").readable(&setting.expect("it is understood").value)
        };
        for (name, written, wanted) in [
            ("MEMORY", "1G", "1 GiB"),
            ("CPUS", "3", "3"),
            ("STOP_TIMEOUT", "9", "9 s"),
            ("PORTS", "'8080:80, [::1]:auto:53/udp'", "127.0.0.1:8080:80/tcp, [::1]:auto:53/udp"),
            ("COMMAND", "\"sh -c 'a b'\"", "sh -c 'a b'"),
            ("COMMAND", "image", "image"),
            ("REQUIRE_OS", "debian:12,arch", "debian:12, arch"),
            ("PROVISIONING_PLAYBOOK", "vagrantp:base", "vagrantp:base"),
            ("PROVISIONING_EXTRA_VARS", "token=hunter2", "***"),
            ("INFRA_TTL", "480m", "8h"),
        ] {
            let env = format!("INFRA_TYPE=container\n{name}={written}\n");
            assert_eq!(read(&env, name), wanted, "{name}={written}");
        }
        let vm = "INFRA_TYPE=vm\nPROVIDER=libvirt\nBOX=debian/bookworm64@12.1\n";
        assert_eq!(read(vm, "BOX"), "debian/bookworm64@12.1");
    }
}
