//! The JSON Schema of the keys (draft 2020-12), made from the table.
//!
//! It describes a `.env` as editors and CI jobs see it: an object with a text for each name, values
//! decoded, layers merged. Names that are not vagrantp's are let pass, whatever their value.

use serde_json::{Map, Value, json};

use super::{Default, Key, PREFIX, all, pattern};
use crate::model::id::{InfraType, ProviderKind};

/// What the schema is known by. It changes when a value that was fine is so no longer.
pub const ID: &str = "urn:vagrantp:env:1";

/// What the parsers refuse and no schema can: each with the rules that are left out for it.
pub const BEYOND: &[(&str, &[&str])] = &[
    (
        "whether a file or a directory is there, and is what it has to be",
        &[
            "file_missing",
            "file_unreadable",
            "file_is_directory",
            "file_not_regular",
            "file_empty",
            "file_of_wrong_kind",
            "bad_yaml",
            "key_readable",
            "mount_missing",
            "mount_leads_out",
        ],
    ),
    (
        "what this host has and lets the caller do: bridges, ports below 1024",
        &["unknown_bridge", "port_privileged"],
    ),
    (
        "two numbers held against each other: a range's end before its start, an address that is its \
         network's own or the gateway's",
        &[
            "address_is_gateway",
            "address_not_a_host",
            "address_not_usable",
            "gateway_outside",
            "pool_too_small",
            "port_range_reversed",
        ],
    ),
    ("two items that exclude each other", &["mount_twice", "port_twice"]),
    ("a path inside the machine that leads out of `/`", &["bad_guest_path"]),
    ("an address of a card that is nobody's alone", &["mac_not_unicast"]),
    (
        "what NETWORK_MODE=bridge needs besides, as far as the host does not say it",
        &[
            "bridge_needs_address",
            "bridge_needs_dns",
            "bridge_needs_gateway",
            "bridge_needs_prefix",
        ],
    ),
    (
        "quotes inside of COMMAND and QEMU_ARGS that stay open, and an empty first word",
        &["not_a_command", "empty_command"],
    ),
    ("names and pairs within PROVISIONING_EXTRA_VARS", &["bad_extra_vars"]),
    ("whether SSH_AUTHORIZED_KEYS holds keys", &["bad_public_key"]),
    ("the `#sha256:` of a vm's IMAGE", &["bad_checksum"]),
    ("that the name in an IMAGE has 255 characters at most", &[]),
];

/// The schema.
#[must_use]
pub fn schema() -> Value {
    let keys: Map<String, Value> = all().map(|key| (key.name.to_owned(), of(key))).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "The keys of vagrantp in a .env",
        "description": description(),
        "type": "object",
        "additionalProperties": { "type": "string" },
        "if": { "required": [format!("{PREFIX}INFRA_TYPE")] },
        "then": names(PREFIX),
        "else": names(""),
        "$defs": keys,
    })
}

fn description() -> String {
    let beyond: Vec<&str> = BEYOND.iter().map(|(what, _)| *what).collect();
    format!(
        "Names and decoded values of a project's .env files, the strongest layer winning. Where \
         VAGRANTP_INFRA_TYPE is among them, prefixed names alone are vagrantp's. Only vagrantp itself \
         (`vagrantp validate`) can tell: {}.",
        beyond.join("; ")
    )
}

/// The keys under names with this prefix, and what holds between them.
fn names(prefix: &str) -> Value {
    let reference = |key: &Key| {
        (format!("{prefix}{}", key.name), json!({ "$ref": format!("#/$defs/{}", key.name) }))
    };
    let properties: Map<String, Value> = all().map(reference).collect();
    json!({ "properties": properties, "allOf": between(&Names { prefix }) })
}

/// One key.
fn of(key: &Key) -> Value {
    let value = pattern::of(key.form, key.multiline);
    // An empty value is the same as none, which a required key cannot do with.
    let pattern = match key.default {
        Default::Required => format!("^{value}$"),
        _ => format!("^(?:{value})?$"),
    };
    let mut schema = json!({
        "type": "string",
        "description": key.doc,
        "examples": [key.example],
        "x-vagrantp-form": key.form.as_str(),
        "x-vagrantp-expected": key.expected,
        "x-vagrantp-used-by": key.used_by,
    });
    let words = key.form.words();
    if words.is_empty() {
        schema["pattern"] = pattern.into();
    } else {
        // The words are what an editor offers; the pattern takes them in any case.
        schema["anyOf"] = json!([{ "enum": words }, { "pattern": pattern }]);
    }
    match key.default {
        Default::Required => schema["x-vagrantp-required"] = true.into(),
        Default::None => {}
        Default::Value(value) => schema["default"] = value.into(),
        Default::Depends(words) => schema["x-vagrantp-default"] = words.into(),
    }
    if key.secret {
        schema["x-vagrantp-secret"] = true.into();
    }
    schema
}

/// Writes conditions about keys under names with a prefix.
struct Names<'a> {
    prefix: &'a str,
}

impl Names<'_> {
    fn matches(&self, key: &str, pattern: &str) -> Value {
        let name = format!("{}{key}", self.prefix);
        json!({ "required": [name], "properties": { name: { "pattern": pattern } } })
    }

    fn has(&self, key: &str) -> Value {
        self.matches(key, ".")
    }

    /// The key is one of these words, in any case.
    fn is(&self, key: &str, words: &[&str]) -> Value {
        let words: Vec<String> = words.iter().map(|word| pattern::any_case(word)).collect();
        self.matches(key, &format!("^(?:{})$", words.join("|")))
    }

    /// Where the key is written, it is like this.
    fn like(&self, key: &str, pattern: &str) -> Value {
        let name = format!("{}{key}", self.prefix);
        json!({ "properties": { name: { "pattern": format!("^(?:{pattern})?$") } } })
    }
}

/// What holds between keys, as far as a schema can say it.
fn between(names: &Names<'_>) -> Value {
    let words = |kind: InfraType| -> Vec<&str> {
        let of_kind = ProviderKind::WRITTEN.iter().filter(|provider| provider.infra_type() == kind);
        of_kind.map(|provider| provider.as_str()).collect()
    };
    let vm = names.is("INFRA_TYPE", &["vm"]);
    let container = names.is("INFRA_TYPE", &["container"]);
    let ssh = names.is("PROVIDER", &["ssh"]);
    let any = |keys: &[&str]| -> Value {
        json!({ "anyOf": keys.iter().map(|key| names.has(key)).collect::<Vec<_>>() })
    };
    let made_of = any(&["IMAGE", "BOX", "ISO", "KERNEL"]);
    let (container_words, vm_words) = (words(InfraType::Container), words(InfraType::Vm));
    let provider_pattern = container_words.iter().map(|word| pattern::any_case(word));
    let provider_pattern = provider_pattern.collect::<Vec<_>>().join("|");
    json!([
        names.has("INFRA_TYPE"),
        {
            "if": container,
            "then": { "allOf": [
                names.like("PROVIDER", &provider_pattern),
                names.like("IMAGE", &pattern::container_image()),
            ] },
        },
        {
            "if": vm,
            "then": { "allOf": [
                names.is("PROVIDER", &vm_words),
                { "if": ssh, "then": names.has("SSH_HOST"), "else": made_of },
                {
                    "if": names.has("BOX"),
                    "then": { "not": any(&["IMAGE", "ISO"]) },
                },
                {
                    "if": any(&["INITRD", "APPEND"]),
                    "then": names.has("KERNEL"),
                },
            ] },
        },
        {
            "if": { "not": ssh },
            "then": names.like("SSH_PORT", &pattern::number(1024, 65535)),
        },
    ])
}

/// The schema as it is printed.
#[must_use]
pub fn text() -> String {
    format!("{:#}\n", schema())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::Form;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "only the person at the test decides to rewrite")]
    fn the_committed_schema_is_that_of_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference/schema.json");
        if std::env::var_os("VAGRANTP_BLESS").is_some() {
            std::fs::write(path, text()).expect("the schema can be written");
        }
        let written = std::fs::read_to_string(path).expect("the schema is there");
        assert!(
            written == text(),
            "docs/reference/schema.json is not that of the table: \
             run `VAGRANTP_BLESS=1 cargo test --lib schema`"
        );
    }

    #[test]
    fn every_key_is_in_the_schema_and_no_other() {
        let schema = schema();
        let names = |value: &Value, prefix: &str| -> Vec<String> {
            let names = value.as_object().expect("an object").keys();
            let bare = names.map(|name| name.strip_prefix(prefix).expect("has it").to_owned());
            bare.collect()
        };
        let mut known: Vec<String> = all().map(|key| key.name.to_owned()).collect();
        known.sort();
        assert_eq!(names(&schema["$defs"], ""), known);
        assert_eq!(names(&schema["else"]["properties"], ""), known);
        assert_eq!(names(&schema["then"]["properties"], PREFIX), known);
        for key in all() {
            let of = &schema["$defs"][key.name];
            assert_eq!(of["description"], key.doc, "{}", key.name);
            assert_eq!(of["examples"], json!([key.example]), "{}", key.name);
            assert_eq!(of["x-vagrantp-used-by"], json!(key.used_by), "{}", key.name);
            let default = match key.default {
                Default::Value(value) => json!(value),
                _ => Value::Null,
            };
            assert_eq!(of["default"], default, "{}", key.name);
            let closed = matches!(key.form, Form::Words(_));
            assert_eq!(of["anyOf"].is_array(), closed, "{}", key.name);
            assert_eq!(of["pattern"].is_string(), !closed, "{}", key.name);
        }
    }
}
