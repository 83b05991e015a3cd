//! Whether a text is YAML: the one place that knows which library reads it.

/// Where a text stops being YAML.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) line: u64,
    pub(super) column: u64,
    pub(super) reason: String,
}

/// Reads all documents of `text` and keeps none.
pub(super) fn check(text: &str) -> Result<(), Fault> {
    let read: Result<Vec<serde::de::IgnoredAny>, _> = serde_saphyr::from_multiple(text);
    read.map(|_| ()).map_err(|error| {
        let (line, column) =
            error.location().map_or((1, 1), |location| (location.line(), location.column()));
        // The library's own words, without the lines of the file that it quotes.
        let words = error.without_snippet().to_string();
        let reason = super::text::shown(words.lines().next().unwrap_or_default());
        Fault { line, column, reason }
    })
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
        let fault = check("a: 1\nsecret: 'hunter2\n").expect_err("an open quote");
        assert!(!fault.reason.contains("hunter2"), "{fault:?}");
    }
}
