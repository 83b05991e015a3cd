//! Holds the grammar of the `.env` to `tests/conformance/table.json`: each row is a test.
//!
//! A row has the files, what each value is and where it stands (line, column in characters, length
//! in bytes), or which rule is broken where; and for each of the programs that read such files too
//! whether they read the same (`same`), something else (`differs: …`), or nobody has looked
//! (`unknown`). What is stated of dotenvy, which is linked, is tried on every row that needs no
//! environment. Where one differs the row says why, by codes that have to fit. The others were run, or their parsers, on the versions that [`READERS`] names.
//!
//! `docs/reference/env-file.md` shows the table; `VAGRANTP_BLESS=1` writes it there anew.

#[path = "conformance/difference.rs"]
mod difference;
#[path = "conformance/page.rs"]
mod page;
#[path = "conformance/reasons.rs"]
mod reasons;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use libtest_mimic::{Arguments, Failed, Trial};
use serde::Deserialize;

use vagrantp::config::grammar::{self, Reading};

/// The other readers, in the order of the columns, with the versions that were looked at.
const READERS: [(&str, &str); 7] = [
    ("compose-go", "2.13.0 (docker compose), its parser"),
    ("dotenvy", "0.15.7 (Rust), run by this test"),
    ("motdotla", "dotenv 17.4.2 (JavaScript), run"),
    ("bkeepers", "dotenv 3 (Ruby), its parser"),
    ("node", "Node 20.20 `--env-file`, run"),
    ("docker", "Docker 28.2 `--env-file`, run"),
    ("podman", "Podman 4.3.1 `--env-file`, run"),
];

/// Rows of one kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    title: String,
    /// Why the grammar is as it is here, and others differ.
    why: String,
    rows: Vec<Row>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    files: Vec<String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default)]
    gives: Vec<Gives>,
    #[serde(default)]
    errors: Vec<Error>,
    peers: BTreeMap<String, String>,
    /// Why they differ: for each that does, codes of [`reasons::all`].
    #[serde(default)]
    reasons: BTreeMap<String, Vec<String>>,
    /// What else there is to say about it.
    why: Option<String>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Gives {
    key: String,
    value: String,
    #[serde(default = "first")]
    file: usize,
    line: u32,
    column: u32,
    length: usize,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Error {
    rule: String,
    #[serde(default = "first")]
    file: usize,
    line: u32,
    column: u32,
    length: usize,
}

fn first() -> usize {
    1
}

fn main() {
    let arguments = Arguments::from_args();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/table.json");
    let table = fs::read_to_string(path).expect("the table is there");
    let groups: Vec<Group> = serde_json::from_str(&table).expect("the table is in form");
    let mut trials = Vec::new();
    for group in &groups {
        for (number, row) in (1..).zip(&group.rows) {
            let name = format!("{} {number}: {}", group.title, page::input(&row.files));
            let row = row.clone();
            trials.push(Trial::test(name, move || run(&row)));
        }
    }
    let all: Vec<Row> = groups.iter().flat_map(|group| group.rows.clone()).collect();
    let rows = all.clone();
    trials.push(Trial::test("every_difference_has_its_reason", move || reasons::check(&rows)));
    let rows = all.clone();
    trials.push(Trial::test("a_wrong_reason_is_found", move || wrong_reasons(&rows)));
    trials.push(Trial::test("the_table_is_whole", move || whole(&all)));
    trials.push(Trial::test("the_page_shows_the_table", move || page::check(&groups)));
    libtest_mimic::run(&arguments, trials).exit();
}

fn run(row: &Row) -> Result<(), Failed> {
    let reading = read(&row.files, &row.environment);
    let gives: Vec<Gives> = reading
        .entries
        .iter()
        .map(|entry| Gives {
            key: entry.key.clone(),
            value: entry.value.clone(),
            file: entry.place.source + 1,
            line: entry.place.line,
            column: entry.place.column,
            length: entry.place.length,
        })
        .collect();
    equal("what it gives", &gives, &row.gives)?;
    let errors: Vec<Error> = reading
        .faults
        .iter()
        .map(|fault| {
            let place = fault.place.as_ref().ok_or("an error without a place")?;
            Ok(Error {
                rule: fault.rule.clone(),
                file: place.source + 1,
                line: place.line,
                column: place.column,
                length: place.length,
            })
        })
        .collect::<Result<_, Failed>>()?;
    equal("its errors", &errors, &row.errors)?;
    if row.environment.is_empty() {
        let stated = row.peers.get("dotenvy").map(String::as_str);
        equal("dotenvy", &Some(dotenvy(row).as_str()), &stated)?;
    }
    Ok(())
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, stated: &T) -> Result<(), Failed> {
    if found == stated {
        return Ok(());
    }
    Err(format!("{what}\n   is: {found:?}\ntable: {stated:?}").into())
}

fn read(files: &[String], environment: &BTreeMap<String, String>) -> Reading {
    let files: Vec<(&str, &[u8])> = files.iter().map(|text| (".env", text.as_bytes())).collect();
    grammar::read(&files, environment)
}

/// How dotenvy's reading compares, in the words of the table.
fn dotenvy(row: &Row) -> String {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for file in &row.files {
        for entry in dotenvy::from_read_iter(file.as_bytes()) {
            match entry {
                Ok((key, value)) => found.insert(key, value),
                Err(_) if row.errors.is_empty() => return "differs: error".to_owned(),
                Err(_) => return "same".to_owned(),
            };
        }
    }
    let mut ours: BTreeMap<&str, &str> = BTreeMap::new();
    let mut order = Vec::new();
    for gives in &row.gives {
        if ours.insert(&gives.key, &gives.value).is_none() {
            order.push(gives.key.as_str());
        }
    }
    let json = |text: &str| serde_json::Value::from(text).to_string();
    let mut differs = Vec::new();
    for key in order {
        match found.get(key) {
            None => differs.push(format!("no {key}")),
            Some(value) if value != ours[key] => differs.push(format!("{key}={}", json(value))),
            Some(_) => {}
        }
    }
    let others = found.iter().filter(|(key, _)| !ours.contains_key(key.as_str()));
    differs.extend(others.map(|(key, value)| format!("also {key}={}", json(value))));
    match (differs.is_empty(), row.errors.is_empty()) {
        (false, _) => format!("differs: {}", differs.join(", ")),
        (true, false) => "differs: no error".to_owned(),
        (true, true) => "same".to_owned(),
    }
}

/// Whether the check notices a cell that has no reason, one of another kind, or one too many.
fn wrong_reasons(rows: &[Row]) -> Result<(), Failed> {
    let at = rows.iter().position(|row| row.files == ["A=1#note"]).ok_or("the row is gone")?;
    let codes = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>();
    for (reader, reasons) in [
        ("node", codes(&[])),
        ("node", codes(&["comment_kept"])),
        ("node", codes(&["quotes_kept"])),
        ("node", codes(&["hash_is_comment", "blanks_kept"])),
        ("node", codes(&["no_such_reason"])),
        ("docker", codes(&["hash_is_comment"])),
    ] {
        let mut rows = rows.to_vec();
        rows[at].reasons.insert(reader.to_owned(), reasons.clone());
        if reasons::check(&rows).is_ok() {
            return Err(format!("{reader} may have {reasons:?}").into());
        }
    }
    Ok(())
}

/// What holds of the table as a whole.
fn whole(rows: &[Row]) -> Result<(), Failed> {
    if rows.len() < 200 {
        return Err(format!("{} rows", rows.len()).into());
    }
    let readers: BTreeSet<&str> = READERS.iter().map(|(name, _)| *name).collect();
    let mut seen = BTreeSet::new();
    for row in rows {
        let shown = page::input(&row.files);
        if !seen.insert((&row.files, &row.environment)) {
            return Err(format!("{shown} stands twice").into());
        }
        let stated: BTreeSet<&str> = row.peers.keys().map(String::as_str).collect();
        equal(&shown, &stated, &readers)?;
        for (reader, says) in &row.peers {
            if says != "same" && says != "unknown" && !says.starts_with("differs: ") {
                return Err(format!("{shown}: {reader}: {says}").into());
            }
        }
    }
    for rule in [
        "bad_reference",
        "env_file_nul",
        "not_an_assignment",
        "swallowed_lines",
        "text_after_quote",
        "undefined_name",
        "unterminated_quote",
    ] {
        if !rows.iter().any(|row| row.errors.iter().any(|error| error.rule == rule)) {
            return Err(format!("no row breaks {rule}").into());
        }
    }
    Ok(())
}
