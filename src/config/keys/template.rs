//! The text of a new `.env`: every key that the provider has a use for, explained, and those lines
//! live that the machine needs.

use std::fmt::Write as _;

use super::{Default, Key, PREFIX, all};
use crate::config::print::quoted;
use crate::model::id::{InfraType, ProviderKind};

/// How the keys are called in the new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// By their names, for a file of vagrantp's own.
    Plain,
    /// With `VAGRANTP_` in front, for a file that the application has already.
    Prefixed,
}

/// A `.env` that is to be written: the lines that count, and how much is told besides.
#[derive(Clone, Debug)]
pub struct Draft {
    provider: ProviderKind,
    names: Names,
    values: Vec<(&'static str, String)>,
}

/// Keys that a new file shows without using them, with a word on each. Their examples are the
/// table's.
const COMMON: [(&str, &str); 6] = [
    ("INFRA_ID", "its name; else that of the directory"),
    ("PORTS", "host:inside; `auto` picks a free one"),
    ("COMMAND", "its main process; else one waits"),
    ("SSH_USER", "who `vagrantp ssh` is inside"),
    ("AUTOSTART", "whether it starts with the host"),
    ("INFRA_TTL", "how long it may live after its last `up`"),
];

impl Draft {
    /// The lines that a machine of this provider's needs.
    #[must_use]
    pub fn new(provider: ProviderKind, names: Names) -> Self {
        let live = |key: &Key| live(key, provider).map(|value| (key.name, value.to_owned()));
        let values = all().filter(|key| key.used_by.contains(&provider)).filter_map(live).collect();
        Draft { provider, names, values }
    }

    /// Has a line say this; an empty value takes the line out. A key that is none is left out.
    pub fn set(&mut self, key: &str, value: &str) {
        let Some(key) = super::find(key) else { return };
        self.values.retain(|(name, _)| *name != key.name);
        if !value.is_empty() {
            self.values.push((key.name, value.to_owned()));
        }
    }

    /// The lines that count, in the order of the table.
    pub fn lines(&self) -> impl Iterator<Item = (&'static str, &str)> {
        all().filter_map(|key| self.value(key.name).map(|value| (key.name, value)))
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }

    fn prefix(&self) -> &'static str {
        match self.names {
            Names::Plain => "",
            Names::Prefixed => PREFIX,
        }
    }

    /// A small file: the lines that count, and a few that could.
    #[must_use]
    pub fn short(&self) -> String {
        let prefix = self.prefix();
        let mut text = "\
# This project's machine. `vagrantp up` makes it so, `vagrantp plan` shows how,
# `vagrantp explain KEY` tells all of a key.\n"
            .to_owned();
        for (name, value) in self.lines() {
            let _ = writeln!(text, "{prefix}{name}={}", quoted(value));
        }
        let unused = |(name, word): &(&str, &'static str)| {
            let key = super::find(name).filter(|key| key.used_by.contains(&self.provider))?;
            self.value(key.name).is_none().then_some((key, *word))
        };
        let unused: Vec<_> = COMMON.iter().filter_map(unused).collect();
        if !unused.is_empty() {
            text.push_str("\n# More that it can have, without the first `#`:\n");
        }
        for (key, word) in unused {
            let line = format!("#{prefix}{}={}", key.name, quoted(key.example));
            let _ = writeln!(text, "{line:<36}  # {word}");
        }
        text
    }

    /// Every key that the provider has a use for, explained.
    #[must_use]
    pub fn every(&self) -> String {
        let prefix = self.prefix();
        let mut text = "\
# Which machine this project wants. `vagrantp up` makes it so, `vagrantp explain KEY` tells more of
# a key. Lines that start with `#KEY=` show the default, or an example where there is none.\n"
            .to_owned();
        let used =
            |key: &&Key| key.used_by.contains(&self.provider) || self.value(key.name).is_some();
        for key in all().filter(used) {
            let live = self.value(key.name);
            let value = live.unwrap_or(match key.default {
                Default::Value(value) => value,
                _ => key.example,
            });
            let expected = match key.default {
                Default::Depends(words) => format!("{} Default: {words}.", sentence(key.expected)),
                _ => sentence(key.expected),
            };
            text.push('\n');
            for paragraph in [key.doc, &expected] {
                for line in wrapped(paragraph, 98) {
                    let _ = writeln!(text, "# {line}");
                }
            }
            let off = if live.is_some() { "" } else { "#" };
            let _ = writeln!(text, "{off}{prefix}{}={}", key.name, quoted(value));
        }
        text
    }
}

/// The value of a key that the new file says, where it says one.
fn live(key: &Key, provider: ProviderKind) -> Option<&'static str> {
    match (key.name, provider) {
        ("INFRA_TYPE", provider) => Some(provider.infra_type().as_str()),
        ("PROVIDER", provider) if provider.infra_type() == InfraType::Vm => Some(provider.as_str()),
        ("IMAGE", ProviderKind::Libvirt | ProviderKind::Qemu) => Some(
            "https://cloud.debian.org/images/cloud/bookworm/latest/\
             debian-12-genericcloud-amd64.qcow2",
        ),
        ("BOX", ProviderKind::Virtualbox) => Some("debian/bookworm64"),
        ("SSH_HOST", ProviderKind::Ssh) => Some("build.example.org"),
        ("MOUNTS", ProviderKind::Ssh) => None,
        ("MOUNTS", _) => Some(".:/work"),
        _ => None,
    }
}

fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

/// The words of a text in lines of at most `width` characters.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always one");
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            let space = if line.is_empty() { "" } else { " " };
            line.push_str(space);
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::Project;

    fn template(provider: ProviderKind, names: Names) -> String {
        Draft::new(provider, names).every()
    }

    /// The keys that a template shows, live or not, in their order.
    fn shown(text: &str) -> Vec<&str> {
        text.lines()
            .filter(|line| !line.starts_with("# ") && !line.is_empty())
            .map(|line| line.trim_start_matches('#').split('=').next().unwrap_or_default())
            .collect()
    }

    #[test]
    fn a_new_file_is_a_valid_configuration() {
        for provider in ProviderKind::WRITTEN {
            for names in [Names::Plain, Names::Prefixed] {
                let draft = Draft::new(provider, names);
                for text in [draft.every(), draft.short()] {
                    let loaded = Project::new(&text).load();
                    assert!(loaded.errors.is_empty(), "{provider}: {:?}", loaded.errors);
                    assert!(loaded.warnings.is_empty(), "{provider}: {:?}", loaded.warnings);
                    let config = loaded.config.expect("no error, so a configuration");
                    assert_eq!(config.provider_kind(), Some(provider));
                }
            }
        }
    }

    #[test]
    fn a_new_file_has_every_key_of_its_provider_and_no_other() {
        let mut everywhere = Vec::new();
        for provider in ProviderKind::WRITTEN {
            let text = template(provider, Names::Plain);
            let used: Vec<_> = all().filter(|key| key.used_by.contains(&provider)).collect();
            assert_eq!(shown(&text), used.iter().map(|key| key.name).collect::<Vec<_>>());
            let comments: String =
                text.lines().filter_map(|line| line.strip_prefix("# ")).collect();
            let bare = |text: &str| text.split_whitespace().collect::<String>();
            for key in &used {
                assert!(bare(&comments).contains(&bare(key.doc)), "{}", key.name);
            }
            everywhere.extend(used.into_iter().map(|key| key.name));
            let prefixed = template(provider, Names::Prefixed);
            assert!(shown(&prefixed).iter().all(|name| name.starts_with(PREFIX)), "{prefixed}");
            assert!(
                text.lines().all(|line| line.chars().count() <= 100 || !line.starts_with("# "))
            );
        }
        assert!(all().all(|key| everywhere.contains(&key.name)));
    }

    #[test]
    fn what_a_short_file_offers_can_be_taken() {
        for provider in ProviderKind::WRITTEN {
            let text = Draft::new(provider, Names::Prefixed).short();
            let offered = text.lines().filter_map(|line| line.strip_prefix("#VAGRANTP_"));
            let mut count = 0;
            for line in offered {
                let name = line.split('=').next().expect("a name");
                let taken = text.replace(&format!("#VAGRANTP_{line}"), &format!("VAGRANTP_{line}"));
                let loaded = Project::new(&taken).load();
                assert!(loaded.errors.is_empty(), "{provider} {line}: {:?}", loaded.errors);
                let written = loaded.settings.iter().find(|setting| setting.key == name);
                let written =
                    written.expect("it is written").origin.place().map(|place| place.line);
                assert!(written.is_some(), "{provider} {line}");
                count += 1;
            }
            let told = text.lines().filter(|line| line.starts_with('#'));
            assert!(count > 0, "{text}");
            told.for_each(|line| assert!(line.chars().count() <= 80, "{line}"));
        }
    }

    #[test]
    fn what_is_set_stands_in_the_order_of_the_table() {
        let mut draft = Draft::new(ProviderKind::Podman, Names::Plain);
        for (key, value) in [("COMMAND", "sh -c 'a b'"), ("CPUS", "1"), ("MOUNTS", ""), ("NO", "1")]
        {
            draft.set(key, value);
        }
        draft.set("CPUS", "2");
        let lines: Vec<_> = draft.lines().collect();
        assert_eq!(lines, [("INFRA_TYPE", "container"), ("CPUS", "2"), ("COMMAND", "sh -c 'a b'")]);
        assert!(draft.short().contains("\nCOMMAND=\"sh -c 'a b'\"\n"), "{}", draft.short());
    }

    #[test]
    fn a_default_that_is_uncommented_changes_nothing() {
        for key in all().filter(|key| key.used_by.contains(&ProviderKind::Podman)) {
            let Default::Value(value) = key.default else { continue };
            let text = template(ProviderKind::Podman, Names::Plain);
            let line = format!("\n#{}={}\n", key.name, quoted(value));
            assert!(text.contains(&line), "{line}");
            let text = text.replace(&line, &line.replacen('#', "", 1));
            let project = Project::new(&text);
            let settings = project.load().settings;
            let setting = settings.iter().find(|setting| setting.key == key.name);
            let written = setting.expect("it is written").value.clone();
            let defaults = Project::new("INFRA_TYPE=container\n").load().settings;
            let default = defaults.into_iter().find(|setting| setting.key == key.name);
            assert_eq!(Some(written), default.map(|setting| setting.value), "{}", key.name);
            assert!(project.config().infra_type.is_some());
        }
    }
}
