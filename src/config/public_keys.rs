//! SSH_AUTHORIZED_KEYS: public keys, or a file of them.

use std::fs::File;
use std::io::Read;
use std::ops::Range;

use ssh_key::PublicKey;

use super::files;
use super::mistake::{FileMistake, Mistake};
use super::reader::{Surroundings, Wrong};
use super::text::shown;

/// The kinds that are taken, as they stand in front of the key.
const KINDS: [&str; 5] =
    ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"];

/// No file of public keys is larger.
const LARGEST: u64 = 1 << 20;

/// A value without blanks names a file; a key never is one word.
pub(super) fn is_file(text: &str) -> bool {
    !text.trim().contains(char::is_whitespace)
}

/// The keys in the file that `text` names.
pub(super) fn from_file(around: &Surroundings<'_>, text: &str) -> Result<Vec<String>, Wrong> {
    let at = (0..text.len()).into();
    let path = files::existing(around, text)?;
    let unreadable =
        |cause| FileMistake::Unreadable { at, path: shown(&path.display().to_string()), cause };
    let mut content = Vec::new();
    let file = File::open(&path).map_err(unreadable)?;
    file.take(LARGEST).read_to_end(&mut content).map_err(unreadable)?;
    let content = String::from_utf8(content).map_err(|_| FileMistake::WrongKind {
        at,
        wanted: "a list of public keys",
        help: "name a `.pub` file, or an `authorized_keys` file",
    })?;
    // Of the file's mistakes the first is told, at the value that names the file.
    parse(&content).map_err(|mistakes| match mistakes.into_iter().next() {
        Some(Mistake::BadPublicKey { what, .. }) => Mistake::BadPublicKey { at, what }.into(),
        other => other.map_or_else(|| FileMistake::Empty { at }.into(), Wrong::from),
    })
}

/// The keys of a text, one a line, with their options left out; or all lines that hold none.
pub(super) fn parse(text: &str) -> Result<Vec<String>, Vec<Mistake>> {
    let mut keys = Vec::new();
    let mut mistakes = Vec::new();
    let mut from = 0;
    for (number, line) in (1..).zip(text.split('\n')) {
        let range = from..from + line.len();
        from = range.end + 1;
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match key(line) {
            Ok(key) => keys.push(key),
            Err(what) => mistakes.push(bad(range, number, what)),
        }
    }
    if keys.is_empty() && mistakes.is_empty() {
        mistakes.push(bad(0..text.len(), 1, "no key at all"));
    }
    if mistakes.is_empty() { Ok(keys) } else { Err(mistakes) }
}

fn bad(range: Range<usize>, number: usize, what: &str) -> Mistake {
    Mistake::BadPublicKey { at: range.into(), what: format!("line {number}: {what}") }
}

/// `[options] kind base64 [comment]`, without the options.
fn key(line: &str) -> Result<String, &'static str> {
    let bare = KINDS
        .iter()
        .filter_map(|kind| word_at(line, kind))
        .min()
        .map(|start| &line[start..])
        .ok_or("not of the kinds ssh-ed25519, ssh-rsa, ecdsa-sha2-*")?;
    let key = PublicKey::from_openssh(bare).map_err(|_| "the key is cut off or mistyped")?;
    if !bare.starts_with(key.algorithm().as_str()) {
        return Err("the key is of another kind than it says");
    }
    Ok(bare.to_owned())
}

/// Where `word` stands as a word of its own, outside of the quotes of an option.
fn word_at(line: &str, word: &str) -> Option<usize> {
    line.match_indices(word).map(|(index, _)| index).find(|index| {
        let before = &line[..*index];
        let quotes = before.matches('"').count() - before.matches("\\\"").count();
        (before.is_empty() || before.ends_with([' ', '\t']))
            && line[index + word.len()..].starts_with([' ', '\t'])
            && quotes.is_multiple_of(2)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO64S3eLhihKiRz/wfFpK6NWBZVqn2c9IZ9utYyxeEHM me@host";

    const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBNLz5xGMNOh+thuScJCCfL+i6HYz81FUVU+It9oC03ASDcX9wJc5JOOk7+/vl7Z5UUdupX6fsDQWYZrhRgEyQs4=";

    #[test]
    fn keys_are_taken_without_their_options() {
        let text = format!(
            "# mine\n{ED25519}\n\nfrom=\"10.0.0.0/8\",command=\"a ssh-rsa b\" {ED25519}\r\n"
        );
        assert_eq!(parse(&text).expect("two keys"), [ED25519, ED25519]);
        assert_eq!(parse(ECDSA).expect("a key"), [ECDSA]);
    }

    #[test]
    fn what_is_no_key_is_told_by_its_line() {
        for text in
            ["", "# none", "ssh-dss AAAA x", "ssh-ed25519 AAAAC3Nz x", "ssh-rsa x", "hello world"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
        let renamed = ED25519.replace("ssh-ed25519 ", "ssh-rsa ");
        assert!(parse(&renamed).is_err());
        let mistakes =
            parse(&format!("{ED25519}\nssh-rsa x\nnothing here")).expect_err("two lines");
        assert_eq!(mistakes.len(), 2);
    }

    #[test]
    fn one_word_is_a_file() {
        assert!(is_file("~/.ssh/id_ed25519.pub") && is_file("keys"));
        assert!(!is_file(ED25519));
    }
}
