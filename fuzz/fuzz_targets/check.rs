//! What has to hold for any bytes. The fuzzer calls it without end, and an ordinary test with a
//! corpus by chance, so that it is compiled and run with every other test.

use std::collections::BTreeMap;

use vagrantp::config::{grammar, print};

/// Bytes → two files → the grammar: no panic, places inside of the text and between characters, and
/// what was read is printed and read back the same. Tells how many values that were.
pub(crate) fn check(bytes: &[u8]) -> usize {
    let half = bytes.len() / 2;
    let (first, second) = bytes.split_at(half);
    let environment: BTreeMap<String, String> = [("H".to_owned(), "host".to_owned())].into();
    let reading = grammar::read(&[(".env", first), (".env.local", second)], &environment);
    let files = [first, second].map(|file| file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file));
    for entry in &reading.entries {
        let file = files[entry.place.source];
        let value = &file[entry.place.offset..entry.place.offset + entry.place.length];
        assert!(std::str::from_utf8(value).is_ok());
        assert_eq!(entry.characters.len(), entry.value.chars().count());
    }
    let pairs = reading.entries.iter().map(|entry| (entry.key.as_str(), entry.value.as_str()));
    let text = print::file(pairs).expect("what was read can be written");
    let again = grammar::read(&[(".env", text.as_bytes())], &environment);
    assert!(again.faults.is_empty(), "{text}");
    assert_eq!(again.entries.len(), reading.entries.len());
    for (before, after) in reading.entries.iter().zip(&again.entries) {
        assert_eq!((&before.key, &before.value), (&after.key, &after.value));
    }
    reading.entries.len()
}
