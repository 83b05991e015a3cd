//! Entries → what they mean, each with what the names before it stand for.
//!
//! Only what is asked for is decoded, and what that refers to: the application's other values are
//! left as they stand.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::dollar;
use super::env_file::Scan;
use super::expand::{self, ExpandError, LONGEST_VALUE, Meaning, Unclear, Value};
use super::text::Text;

/// An entry: of which file, and which of its entries.
pub(super) type Position = (usize, usize);

/// The values of `roots` and of all that they refer to.
pub(super) fn decode(
    texts: &[Text],
    scans: &[Scan],
    roots: impl Iterator<Item = Position>,
    environment: &BTreeMap<String, String>,
) -> BTreeMap<Position, Result<Value, ExpandError>> {
    let mut by_name: HashMap<&str, Vec<Position>> = HashMap::new();
    for at in positions(scans) {
        by_name.entry(word(texts, scans, at)).or_default().push(at);
    }
    let before = |name: &str, at: Position| {
        let known = by_name.get(name)?;
        known[..known.partition_point(|position| *position < at)].last().copied()
    };
    let raw = |(file, entry): Position| {
        let entry = &scans[file].entries[entry];
        (texts[file].text.as_str(), entry.value.clone(), entry.quoting)
    };
    let mut needed: BTreeSet<Position> = BTreeSet::new();
    let mut open: Vec<Position> = roots.collect();
    while let Some(at) = open.pop() {
        if needed.insert(at) {
            let (text, value, quoting) = raw(at);
            let names = dollar::references(text, value, quoting);
            open.extend(names.into_iter().filter_map(|name| before(name, at)));
        }
    }
    // In the order of the files each one refers only to what is decoded already.
    let mut decoded: BTreeMap<Position, Result<Value, ExpandError>> = BTreeMap::new();
    let mut spent = 0;
    for at in needed {
        let (text, value, quoting) = raw(at);
        let lookup = |name: &str| match before(name, at) {
            Some(earlier) => match decoded.get(&earlier) {
                Some(Ok(value)) => Meaning::Text(&value.text),
                Some(Err(error)) => {
                    let undefined = match error {
                        ExpandError::Undefined { .. } => true,
                        ExpandError::Unclear { undefined, .. } => *undefined,
                        _ => false,
                    };
                    let (file, entry) = earlier;
                    let key = scans[file].entries[entry].key.clone();
                    Meaning::Unclear(Unclear { line: texts[file].place(key).line, undefined })
                }
                None => Meaning::Unset,
            },
            None => environment.get(name).map_or(Meaning::Unset, |text| Meaning::Text(text)),
        };
        let mut result = expand::expand(text, value.clone(), quoting, &lookup);
        spent += result.as_ref().map_or(0, |value| value.text.len());
        if spent > 4 * LONGEST_VALUE {
            result = Err(ExpandError::TooLong { at: value });
        }
        decoded.insert(at, result);
    }
    decoded
}

/// All entries, in the order of the files.
pub(super) fn positions(scans: &[Scan]) -> impl Iterator<Item = Position> {
    let of_file = |(file, scan): (usize, &Scan)| {
        (0..scan.entries.len()).map(move |entry| (file, entry)).collect::<Vec<_>>()
    };
    scans.iter().enumerate().flat_map(of_file)
}

/// The key of an entry.
pub(super) fn word<'a>(texts: &'a [Text], scans: &[Scan], (file, entry): Position) -> &'a str {
    &texts[file].text[scans[file].entries[entry].key.clone()]
}
