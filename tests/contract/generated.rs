//! Files by chance, well over a hundred thousand of them and of values: nothing panics, places stay
//! in the file, what is printed reads back, and dotenvy agrees where the grammars do.

use std::collections::BTreeMap;

use vagrantp::config::{grammar, print};

use super::generate::{Chance, cases};
use super::project::{Project, said};

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

#[test]
fn any_text_is_read_to_its_end_with_places_inside_of_it() {
    let mut entries = 0;
    cases(60_000, |chance| {
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
        entries += reading.entries.len();
    });
    assert!(entries > 20_000, "{entries}");
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
    cases(3_000, |chance| {
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
    assert!(values > 40_000 && alike > 20_000, "{values} {alike}");
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
    cases(2_500, |chance| {
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
    assert!(entries > 20_000, "{entries}");
}

#[test]
fn whatever_is_wrong_is_told_without_a_word_of_the_applications() {
    const CANARY: &str = "c4n4ry";
    const OURS: [&str; 24] = [
        "INFRA_TYPE",
        "INFRA_ID",
        "PROVIDER",
        "MEMORY",
        "CPUS",
        "DISK_SIZE",
        "IMAGE",
        "BOX",
        "ISO",
        "NETWORK_MODE",
        "BRIDGE",
        "IP_ADDRESS",
        "GATEWAY",
        "DNS",
        "MAC_ADDRESS",
        "PORTS",
        "PORT_POOL",
        "MOUNTS",
        "COMMAND",
        "SSH_USER",
        "SSH_PORT",
        "INFRA_TTL",
        "REQUIRE_OS",
        "PROVISIONING_PLAYBOOK",
    ];
    const SAID: [&str; 26] = [
        "container",
        "vm",
        "64",
        "2G",
        "none",
        "a",
        ",",
        ",",
        ":",
        "8080:80",
        "auto:1",
        "/",
        ".",
        "-",
        "10.0.0.1",
        "/24",
        "::1",
        "bridge",
        "'",
        "\"",
        "\\",
        "$",
        "$(id)",
        "é",
        "\u{661}",
        " # ",
    ];
    let project = Project::new("");
    let mut problems = 0;
    cases(2_500, |chance| {
        let mut text = String::new();
        for _ in 0..chance.between(1, 14) {
            match chance.below(8) {
                0 => text.push_str(&format!("APP_{}={CANARY}", chance.below(9))),
                1 => text.push_str(&format!("# {CANARY}")),
                2 => text.push_str(&format!("{CANARY} {CANARY}")),
                3 => {
                    let key = chance.one(&OURS);
                    text.push_str(&format!("{key}=${{APP_{}:-}}", chance.below(9)));
                    text.push_str(&chance.pieces(&SAID, 2));
                }
                4 => text.push_str(&format!("APP='{CANARY}{}", chance.one(&["", "'", "' x"]))),
                _ => {
                    let (key, value) = (chance.one(&OURS), chance.pieces(&SAID, 5));
                    text.push_str(&format!("{key}{}{value}", chance.one(&["=", "=", "=", ": "])));
                }
            }
            text.push_str(chance.one(&["\n", "\n", "\r\n", "\n\n"]));
        }
        project.write(".env", &text);
        let loaded = project.load();
        assert_eq!(loaded.config.is_some(), loaded.errors.is_empty());
        problems += loaded.errors.len() + loaded.warnings.len();
        let said = said(&loaded);
        assert!(!said.contains(CANARY), "{text}\n---\n{said}");
        assert!(!said.contains("failed to read contents"), "{text}\n---\n{said}");
    });
    assert!(problems > 8_000, "{problems}");
}
