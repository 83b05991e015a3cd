//! A command that holds what stands at other keys: run as it is meant, shown as it is written.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The words to run, which nothing prints and nothing keeps.
///
/// What a `${…}` stands for is the application's. On its way out of the process a command has the
/// text that the user wrote, and a digest by which a later call can tell whether it is the same.
#[derive(Clone, Serialize, Deserialize)]
pub struct Masked {
    written: String,
    digest: String,
    #[serde(skip)]
    argv: Vec<String>,
}

impl Masked {
    /// A command that was written as `written` and means `argv`.
    #[must_use]
    pub fn new(written: String, argv: Vec<String>) -> Self {
        Masked { written, digest: digest(&argv), argv }
    }

    /// What to run; empty where the command was read back from an object's stamp.
    #[must_use]
    pub fn argv(&self) -> &[String] {
        &self.argv
    }

    /// The text that the user wrote.
    #[must_use]
    pub fn written(&self) -> &str {
        &self.written
    }

    /// A text of somebody else's, who may have repeated what it was told, with what stands at other
    /// keys taken out. Less than four characters are no secret, and would spoil every text.
    #[must_use]
    pub fn hidden_in(&self, text: &str) -> String {
        let mut secrets: Vec<&str> = self.secrets().filter(|secret| secret.len() >= 4).collect();
        // A long one may have a shorter one in it.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }

    /// What of each word does not stand in what was written.
    fn secrets(&self) -> impl Iterator<Item = &str> {
        let written = super::split_words(&self.written).unwrap_or_default();
        let same_count = written.len() == self.argv.len();
        let own = move |(index, word): (usize, &'_ String)| {
            if !same_count {
                return if written.contains(word) { 0..0 } else { 0..word.len() };
            }
            let shown = &written[index];
            let alike = |(a, b): &((usize, char), char)| a.1 == *b;
            let start = word.char_indices().zip(shown.chars()).take_while(alike);
            let start = start.last().map_or(0, |((at, c), _)| at + c.len_utf8());
            let end = word[start..].char_indices().rev().zip(shown.chars().rev());
            let end = end.take_while(alike).last().map_or(word.len(), |((at, _), _)| start + at);
            start..end
        };
        self.argv.iter().enumerate().map(move |(index, word)| &word[own((index, word))])
    }

    pub(super) fn means(&self, argv: &[String]) -> bool {
        self.digest == digest(argv)
    }
}

/// Two commands are the same where they mean the same, however they are written.
impl PartialEq for Masked {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Masked {}

impl fmt::Debug for Masked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Masked").field(&self.written).finish()
    }
}

fn digest(argv: &[String]) -> String {
    let mut hash = Sha256::new();
    for word in argv {
        // With its length in front, so that no two lists of words come to the same bytes.
        hash.update(word.len().to_le_bytes());
        hash.update(word);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_repeats_is_taken_out_of_what_he_says() {
        let of = |written: &str, argv: &[&str]| {
            Masked::new(written.to_owned(), argv.iter().map(|word| (*word).to_owned()).collect())
        };
        let one = of("serve --tok=${T} ${U}", &["serve", "--tok=hunter2", "hunter2-long"]);
        assert_eq!(
            one.hidden_in("cannot exec \"serve\" \"--tok=hunter2\" hunter2-long, hunter2"),
            "cannot exec \"serve\" \"--tok=***\" ***, ***"
        );
        // More words than were written: each that was not is one.
        let split = of("serve ${T}", &["serve", "hunter2", "é"]);
        assert_eq!(split.hidden_in("serve hunter2 é"), "serve *** é");
        let same = of("serve x${T}", &["serve", "xéé"]);
        assert_eq!(same.hidden_in("xéé serve"), "x*** serve");
    }
}
