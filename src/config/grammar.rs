//! The grammar by itself: files → all their entries, whoever's they are.
//!
//! [`super::load`] never decodes what is the application's. This is the same scanner and the same
//! decoder without that reserve, for those who hold the grammar to `docs/reference/env-file.md`:
//! the conformance table, the generated files, the fuzzer.

use std::collections::BTreeMap;
use std::ops::Range;

use super::decode;
use super::env_file::{self, FaultKind, Scan};
use super::expand::ExpandError;
use super::read;
use super::text::Text;
use crate::model::source::Place;

/// What the files say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The assignments that have a value, in the order of the files.
    pub entries: Vec<Entry>,
    /// What cannot be read, in the order of the files.
    pub faults: Vec<Fault>,
}

/// One assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// What it is set to.
    pub value: String,
    /// Where the key stands.
    pub key_place: Place,
    /// Where the value stands, without its quotes.
    pub place: Place,
    /// The bytes of the file's text that each character of the value comes from.
    pub characters: Vec<Range<usize>>,
}

/// Something that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The rule that is broken, as in the codes of the errors, without `vagrantp::config::`.
    pub rule: String,
    /// Where.
    pub place: Option<Place>,
}

/// Reads the files one after the other, by their names and contents.
#[must_use]
pub fn read(files: &[(&str, &[u8])], environment: &BTreeMap<String, String>) -> Reading {
    let mut reading = Reading::default();
    let mut texts = Vec::new();
    for (source, (name, bytes)) in files.iter().enumerate() {
        let (text, problem) = read::text_of(source, name, bytes);
        texts.push(text);
        reading.faults.extend(problem.map(|problem| Fault {
            rule: short(&problem.rule().unwrap_or_default()).to_owned(),
            place: problem.place,
        }));
    }
    let scans: Vec<Scan> = texts.iter().map(|text| env_file::scan(&text.text)).collect();
    for (text, scan) in texts.iter().zip(&scans) {
        reading.faults.extend(scan.faults.iter().map(|fault| {
            let rule = match fault.kind {
                FaultKind::NotAnAssignment => "not_an_assignment",
                FaultKind::AfterQuote => "text_after_quote",
                FaultKind::AfterQuoteBelow => "swallowed_lines",
                FaultKind::Unterminated => "unterminated_quote",
            };
            Fault { rule: rule.to_owned(), place: Some(text.place(fault.at.clone())) }
        }));
    }
    let decoded = decode::decode(&texts, &scans, decode::positions(&scans), environment);
    for ((file, entry), value) in decoded {
        let text = &texts[file];
        match value {
            Ok(value) => reading.entries.push(Entry {
                key: decode::word(&texts, &scans, (file, entry)).to_owned(),
                key_place: text.place(scans[file].entries[entry].key.clone()),
                place: text.place(value.whole()),
                characters: value
                    .text
                    .char_indices()
                    .map(|(at, c)| value.raw(at..at + c.len_utf8()))
                    .collect(),
                value: value.text,
            }),
            Err(error) => reading.faults.push(unresolved(&error, text)),
        }
    }
    reading.faults.sort_by(|a, b| a.place.cmp(&b.place));
    reading
}

fn short(rule: &str) -> &str {
    rule.trim_start_matches("vagrantp::config::")
}

fn unresolved(error: &ExpandError, text: &Text) -> Fault {
    let (rule, at) = match error {
        ExpandError::Undefined { at, .. } => ("undefined_name", at),
        ExpandError::Unclear { at, .. } => ("unclear_name", at),
        ExpandError::TooDeep { at } => ("nested_too_deep", at),
        ExpandError::BadForm { at } => ("bad_reference", at),
        ExpandError::TooLong { at } => ("value_too_long", at),
    };
    Fault { rule: rule.to_owned(), place: Some(text.place(at.clone())) }
}
