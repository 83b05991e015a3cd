//! YAML in and out: the one place of the seed that knows the library. A document is a value of JSON's
//! kinds in between, since cloud-init reads nothing else.

use serde_json::Value;
use serde_saphyr::DuplicateKeyPolicy;

use crate::guest::error::SeedError;

/// Reads a text of the user's. Numbers and words are what they are to cloud-init, whose YAML is of
/// version 1.1: `0644` is octal and `yes` is true.
pub(super) fn read(text: &str) -> Result<Value, SeedError> {
    if let Some(found) = other_kind(text) {
        return Err(SeedError::NotConfig { found: found.to_owned() });
    }
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::Error,
        legacy_octal_numbers: true,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let (line, column) =
            error.location().map_or((1, 1), |location| (location.line(), location.column()));
        // The library's words may quote the file, and the file may hold secrets.
        let words = error.without_snippet().to_string();
        let twice = words.contains("duplicate");
        let reason = if twice { "a key stands there twice" } else { "it does not go on as YAML" };
        SeedError::NotYaml { line, column, reason: reason.to_owned() }
    })
}

/// What cloud-init would take the text for, where that is not cloud-config.
fn other_kind(text: &str) -> Option<&'static str> {
    let first = text.trim_start_matches('\u{feff}').lines().next().unwrap_or_default();
    let kinds = [
        ("#!", "a script"),
        ("#include", "a list of URLs"),
        ("#cloud-boothook", "a boot hook"),
        ("#cloud-config-archive", "an archive"),
        ("#cloud-config-jsonp", "a patch"),
        ("#part-handler", "a part handler"),
        ("#upstart-job", "an Upstart job"),
        ("## template:", "a template"),
        ("Content-Type:", "a MIME message"),
        ("MIME-Version:", "a MIME message"),
    ];
    let lower = first.to_ascii_lowercase();
    let found = kinds.iter().find(|(start, _)| lower.starts_with(&start.to_ascii_lowercase()));
    found.map(|(_, kind)| *kind)
}

/// A document, after a first line. What an older reader would take for a number, a date or a truth is
/// quoted where it is a string.
pub(super) fn write(head: &str, value: &Value) -> String {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    let body = serde_saphyr::to_string_with_options(value, options)
        .expect("what is of JSON's kinds can be written as YAML");
    format!("{head}{body}")
}
