//! Files by chance, well over a hundred thousand of them and of values: nothing panics, places stay
//! in the file, what is printed reads back, and dotenvy agrees where the grammars do.

use std::collections::BTreeMap;

use vagrantp::config::{grammar, print};

use super::generate::{Chance, cases};

const NO_ENVIRONMENT: BTreeMap<String, String> = BTreeMap::new();

/// What makes files break: the words and marks of the grammar, and what looks like them.
const PIECES: [&str; 48] = [
    "A",
    "B",
    "X",
    "_y",
    "MEMORY",
    "PORTS",
    "export ",
    "export",
    "=",
    " = ",
    "=",
    "=",
    "'",
    "'",
    "\"",
    "\"",
    "\\",
    "\\n",
    "\\\"",
    "\\$",
    "$",
    "${",
    "${X}",
    "$X",
    "${X:-",
    "${NO:-d}",
    "${X?}",
    "}",
    "#",
    " #",
    "# ",
    " ",
    "\t",
    "\n",
    "\n",
    "\n",
    "\r\n",
    "\r",
    ":",
    "-",
    ".",
    "1",
    "é",
    "日",
    "👩\u{200d}💻",
    "e\u{301}",
    "\u{feff}",
    "`",
];

/// Up to `most` lines, most of which begin like an assignment.
fn lines(chance: &mut Chance, most: usize) -> String {
    let mut text = String::new();
    for _ in 0..chance.below(most + 1) {
        if !chance.once_in(4) {
            text.push_str(chance.one(&[
                "A=",
                "B=",
                "X=",
                "A = ",
                "export Y=",
                "X='",
                "A=\"",
                "Z=$",
            ]));
        }
        text.push_str(&chance.pieces(&PIECES, 8));
        text.push_str(chance.one(&["\n", "\n", "\r\n", "'\n", "\"\n", ""]));
    }
    text
}

/// Marks that the two grammars do not read alike.
const FOREIGN: [char; 6] = ['$', '\\', '\r', '\u{feff}', '\t', '#'];

/// Whether both grammars say the same of a file: none of [`FOREIGN`], no quote but around a
/// value, no blank inside of an unquoted one, no line that only one of them can read.
fn both_grammars_fit(text: &str, reading: &grammar::Reading) -> bool {
    let plain = |entry: &grammar::Entry| {
        let quoted = text[..entry.place.offset].ends_with(['\'', '"']);
        quoted || !entry.value.contains(['\'', '"', ' ', '\t', '#', '`'])
    };
    reading.faults.is_empty() && reading.entries.iter().all(plain)
}

/// What dotenvy reads, and nothing where it stops at a line.
fn dotenvys(text: &str) -> Option<Vec<(String, String)>> {
    dotenvy::from_read_iter(text.as_bytes()).collect::<Result<_, _>>().ok()
}

fn pairs(reading: grammar::Reading) -> Vec<(String, String)> {
    reading.entries.into_iter().map(|entry| (entry.key, entry.value)).collect()
}

/// What was read is printed and read back the same, whatever it is.
fn reads_back(reading: grammar::Reading) {
    let assignments = reading.entries.iter().map(|e| (e.key.as_str(), e.value.as_str()));
    let written = print::file(assignments).expect("what was read can be written");
    let again = grammar::read(&[(".env", written.as_bytes())], &NO_ENVIRONMENT);
    assert_eq!(again.faults, [], "{written}");
    assert_eq!(pairs(again), pairs(reading), "{written}");
}

/// Says how much was looked at: `cargo test -- --nocapture`.
#[expect(clippy::print_stderr, reason = "the figures are for the person at the test")]
fn counted(what: &str, count: usize) {
    eprintln!("{count} {what}");
}

#[test]
fn any_text_is_read_to_its_end_with_places_inside_of_it() {
    let (mut files_read, mut entries, mut printed, mut alike) = (0, 0, 0, 0);
    cases(50_000, |chance| {
        let mut text = lines(chance, 8);
        if chance.once_in(50) {
            text.push('\0');
        }
        let mut bytes = text.clone().into_bytes();
        if chance.once_in(50) {
            bytes.push(0xff);
        }
        let second = lines(chance, 3);
        let files: [(&str, &[u8]); 2] = [(".env", &bytes), (".env.local", second.as_bytes())];
        let reading = grammar::read(&files, &NO_ENVIRONMENT);
        let texts = [text.strip_prefix('\u{feff}').unwrap_or(&text), {
            second.strip_prefix('\u{feff}').unwrap_or(&second)
        }];
        for entry in &reading.entries {
            let text = texts[entry.place.source];
            let at = entry.place.offset..entry.place.offset + entry.place.length;
            assert!(text.get(at.clone()).is_some(), "{entry:?} of {text:?}");
            let key = entry.key_place.offset..entry.key_place.offset + entry.key_place.length;
            assert_eq!(text.get(key), Some(entry.key.as_str()));
            assert_eq!(entry.characters.len(), entry.value.chars().count());
            let mut last = at.start;
            for (c, from) in entry.value.chars().zip(&entry.characters) {
                let raw = text.get(from.clone()).expect("within the text");
                assert!(last <= from.start && from.end <= at.end, "{entry:?} of {text:?}");
                last = from.start;
                // A character comes from itself, from an escape, a reference or a line break.
                assert!(raw.starts_with([c, '\\', '$', '\r']), "{c:?} from {raw:?} of {text:?}");
            }
            let line = text[..entry.place.offset].matches('\n').count() + 1;
            assert_eq!(entry.place.line as usize, line);
        }
        for fault in &reading.faults {
            let place = fault.place.as_ref().expect("all have one");
            let text = texts[place.source];
            let broken_file = fault.rule.starts_with("env_file");
            let end = place.offset + place.length;
            assert!(broken_file || text.get(place.offset..end).is_some(), "{fault:?} of {text:?}");
        }
        files_read += 2;
        entries += reading.entries.len();
        if chance.once_in(3) {
            printed += reading.entries.len();
            reads_back(reading);
        }
        for text in [text.as_str(), second.as_str()] {
            if text.contains(FOREIGN) {
                continue;
            }
            let reading = grammar::read(&[(".env", text.as_bytes())], &NO_ENVIRONMENT);
            if reading.entries.is_empty() || !both_grammars_fit(text, &reading) {
                continue;
            }
            if let Some(theirs) = dotenvys(text) {
                alike += theirs.len();
                assert_eq!(theirs, pairs(reading), "{text:?}");
            }
        }
    });
    counted("files by chance were read", files_read);
    counted("values of them were placed", entries);
    counted("values of them were printed and read back", printed);
    counted("values of them are the same to dotenvy", alike);
    assert!(files_read >= 100_000, "{files_read}");
    assert!(entries > 90_000 && printed > 25_000, "{entries} {printed}");
    assert!(alike > 1_000, "{alike}");
}

/// Values of every kind that people write, and of kinds that nobody would.
const VALUES: [&str; 40] = [
    "a",
    "Z",
    "0",
    "9",
    "_",
    "-",
    ".",
    "/",
    ":",
    ",",
    "@",
    "%",
    "+",
    "=",
    " ",
    "  ",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "'",
    "\"",
    "\\",
    "\\\\",
    "\\n",
    "$",
    "$$",
    "${X}",
    "$X",
    "$(id)",
    "`id`",
    "#",
    " #",
    "!",
    "é",
    "日",
    "👩\u{200d}💻",
    "\u{feff}",
    "\u{1b}[1m",
    "\u{202e}",
];

#[test]
fn what_is_printed_reads_back() {
    let (mut values, mut alike) = (0, 0);
    cases(7_000, |chance| {
        let pairs: Vec<(String, String)> = (0..chance.between(1, 30))
            .map(|number| (format!("K{number}_{}", chance.below(9)), chance.pieces(&VALUES, 12)))
            .collect();
        let assignments = pairs.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let text = print::file(assignments).expect("keys and no NUL");
        let reading = grammar::read(&[(".env", text.as_bytes())], &NO_ENVIRONMENT);
        assert_eq!(reading.faults, [], "{text}");
        let back: Vec<(String, String)> =
            reading.entries.into_iter().map(|entry| (entry.key, entry.value)).collect();
        assert_eq!(back, pairs, "{text}");
        values += pairs.len();
        // dotenvy knows no escapes for these two, and keeps no carriage return at a line's end.
        for (key, value) in pairs.iter().filter(|(_, value)| !value.contains(['\t', '\r'])) {
            let line = print::assignment(key, value).expect("can be written");
            let found: Vec<_> = dotenvy::from_read_iter(line.as_bytes()).collect();
            match found.as_slice() {
                [Ok((_, found))] => assert_eq!(found, value, "{line}"),
                other => panic!("{line}: {other:?}"),
            }
            alike += 1;
        }
    });
    counted("values by chance were printed and read back", values);
    counted("values by chance were printed and are the same to dotenvy", alike);
    assert!(values > 100_000 && alike > 50_000, "{values} {alike}");
}

/// An entry whose meaning both grammars share, with what it is.
fn shared(chance: &mut Chance, number: usize, known: &[(String, String)]) -> (String, String) {
    const BARE: [&str; 16] =
        ["a", "B", "7", "_", "-", ".", "/", ":", ",", "@", "%", "+", "=", "é", "日", "x#y"];
    const SINGLE: [&str; 14] =
        ["a", " ", "  ", "\"", "$X", "${X}", "#", " # ", "\n", "é", "=", "`", "$(id)", "\t"];
    const DOUBLE: [(&str, &str); 14] = [
        ("a", "a"),
        (" ", " "),
        ("'", "'"),
        ("\\n", "\n"),
        ("\\\"", "\""),
        ("\\\\", "\\"),
        ("\\$", "$"),
        ("#", "#"),
        (" # ", " # "),
        ("\n", "\n"),
        ("é", "é"),
        ("=", "="),
        ("`", "`"),
        ("日", "日"),
    ];
    let blanks = chance.one(&["", "", " ", "  "]);
    let mut value = String::new();
    let mut written = String::new();
    let reference = |chance: &mut Chance, written: &mut String, value: &mut String| {
        if !known.is_empty() && chance.once_in(5) {
            let (key, meant) = &known[chance.below(known.len())];
            written.push_str(&format!("${{{key}}}"));
            value.push_str(meant);
        }
    };
    match chance.below(3) {
        0 => {
            value = chance.pieces(&BARE, 10);
            // A comment would start at a `#` in front.
            value = value.trim_start_matches('#').to_owned();
            written.push_str(&value);
            reference(chance, &mut written, &mut value);
        }
        1 => {
            value = chance.pieces(&SINGLE, 10);
            written = format!("'{value}'");
        }
        _ => {
            written.push('"');
            for _ in 0..chance.below(10) {
                let (raw, meant) = chance.one(&DOUBLE);
                written.push_str(raw);
                value.push_str(meant);
                reference(chance, &mut written, &mut value);
            }
            written.push('"');
        }
    }
    let export = chance.one(&["", "", "", "export "]);
    let comment = if chance.once_in(4) { " # a note" } else { "" };
    let key = format!("Q{number}");
    (format!("{export}{key}{blanks}={blanks}{written}{comment}\n"), value)
}

#[test]
fn dotenvy_agrees_where_the_grammars_do() {
    let mut entries = 0;
    cases(3_000, |chance| {
        let mut text = String::new();
        let mut known: Vec<(String, String)> = Vec::new();
        for number in 0..chance.below(25) {
            let (line, value) = shared(chance, number, &known);
            text.push_str(&line);
            known.push((format!("Q{number}"), value));
            text.push_str(chance.one(&["", "", "\n", "# a note\n", "  \n"]));
        }
        let reading = grammar::read(&[(".env", text.as_bytes())], &NO_ENVIRONMENT);
        assert_eq!(reading.faults, [], "{text}");
        let ours: Vec<(String, String)> =
            reading.entries.into_iter().map(|entry| (entry.key, entry.value)).collect();
        assert_eq!(ours, known, "{text}");
        let theirs: Result<Vec<(String, String)>, _> =
            dotenvy::from_read_iter(text.as_bytes()).collect();
        assert_eq!(theirs.expect("dotenvy reads it too"), ours, "{text}");
        entries += ours.len();
    });
    counted("entries that both grammars have are the same to dotenvy", entries);
    assert!(entries > 30_000, "{entries}");
}
