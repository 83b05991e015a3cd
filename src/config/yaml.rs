//! Whether a text is YAML: the one place that knows which library reads it.

use serde::de::IgnoredAny;
use serde_saphyr::DuplicateKeyPolicy;

/// Where a text stops being YAML.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) line: u64,
    pub(super) column: u64,
    pub(super) reason: &'static str,
}

/// Reads all documents of `text` and keeps none. A key that stands twice in one mapping is taken,
/// as Ansible takes it.
pub(super) fn check(text: &str) -> Result<(), Fault> {
    read(text, DuplicateKeyPolicy::LastWins)
}

/// Where a key stands for the second time in one mapping of a text that is YAML.
pub(super) fn key_twice(text: &str) -> Option<(u64, u64)> {
    let fault = read(text, DuplicateKeyPolicy::Error).err()?;
    Some((fault.line, fault.column))
}

fn read(text: &str, duplicate_keys: DuplicateKeyPolicy) -> Result<(), Fault> {
    let options = serde_saphyr::options! { duplicate_keys: duplicate_keys };
    let read: Result<Vec<IgnoredAny>, _> = serde_saphyr::from_multiple_with_options(text, options);
    read.map(|_| ()).map_err(|error| {
        let (line, column) =
            error.location().map_or((1, 1), |location| (location.line(), location.column()));
        Fault { line, column, reason: reason(&error.without_snippet().to_string()) }
    })
}

/// What is wrong, in words of ours: those of the library hold words of the file, and options of its
/// own that nobody here can set.
fn reason(words: &str) -> &'static str {
    const REASONS: [(&str, &str); 6] = [
        ("quote", "a quote is not closed"),
        ("tab", "a tab stands where blanks belong"),
        ("indent", "the indentation does not fit"),
        ("anchor", "an alias has no anchor"),
        ("alias", "an alias has no anchor"),
        ("bracket", "a bracket or a brace is not closed"),
    ];
    let words = words.to_lowercase();
    let known = REASONS.iter().find(|(word, _)| words.contains(word));
    known.map_or("what stands there does not go on as YAML", |(_, reason)| reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_is_told_from_what_is_none() {
        for text in
            ["", "- hosts: all\n  tasks: []\n", "a: !vault |\n  x\n", "---\na: 1\n---\nb: 2\n"]
        {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        let fault = check("a: 1\n  b: [\n").expect_err("an open list");
        assert!(fault.line >= 2, "{fault:?}");
        for text in ["a: 1\na: 2\n", "- {a: 1, b: 2, a: 3}\n", "hunter2: 1\nhunter2: 2\n"] {
            assert_eq!(check(text), Ok(()), "{text}");
            assert!(key_twice(text).is_some(), "{text}");
        }
        assert_eq!(key_twice("a: 1\nb: {a: 1}\n--- \na: 1\n"), None);
        for text in ["hunter2: [\n", "a: *hunter2\n", "hunter2:\n\t- a\n", "a: b: hunter2\n"] {
            let fault = check(text).expect_err(text);
            assert!(!fault.reason.contains("hunter2") && !fault.reason.is_empty(), "{fault:?}");
        }
        let fault = check("a: 1\nsecret: 'hunter2\n").expect_err("an open quote");
        assert!(!fault.reason.contains("hunter2"), "{fault:?}");
    }
}
