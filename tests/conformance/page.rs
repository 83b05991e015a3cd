//! The table as `docs/reference/env-file.md` shows it.

use std::fmt::Write as _;
use std::fs;

use libtest_mimic::Failed;

use super::{Group, READERS, Row, reasons};

const BEGIN: &str = "<!-- The table from here on is made from tests/conformance/table.json. -->\n";
const END: &str = "<!-- The table ends here. -->\n";

/// Whether the page shows the table, which it is made to do where VAGRANTP_BLESS is set.
#[expect(clippy::disallowed_methods, reason = "only the person at the test decides to rewrite")]
pub(crate) fn check(groups: &[Group]) -> Result<(), Failed> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference/env-file.md");
    let page = fs::read_to_string(path)?;
    let (before, rest) = page.split_once(BEGIN).ok_or("the page has no mark of the start")?;
    let (_, after) = rest.split_once(END).ok_or("the page has no mark of the end")?;
    let wanted = format!("{before}{BEGIN}{}{END}{after}", tables(groups));
    if wanted == page {
        return Ok(());
    }
    if std::env::var_os("VAGRANTP_BLESS").is_none() {
        return Err("run `VAGRANTP_BLESS=1 cargo test --test conformance`".into());
    }
    fs::write(path, wanted)?;
    Ok(())
}

fn tables(groups: &[Group]) -> String {
    let mut out = "\n### Why they differ\n\nEach difference below names its reasons; a test holds \
                   them to it.\n\n| Reason | Who | |\n|---|---|---|\n"
        .to_owned();
    for reason in reasons::all() {
        let named = |row: &Row, reader: &str| {
            row.reasons
                .get(reader)
                .is_some_and(|codes| codes.iter().any(|code| code == reason.code))
        };
        let rows = || groups.iter().flat_map(|group| &group.rows);
        let who: Vec<&str> = READERS
            .iter()
            .map(|(reader, _)| *reader)
            .filter(|reader| rows().any(|row| named(row, reader)))
            .collect();
        writeln!(out, "| {} | {} | {} |", reason.code, who.join(", "), reason.why)
            .expect("a string takes it");
    }
    for group in groups {
        write!(out, "\n### {}\n\n{}\n\n| Line | vagrantp |", group.title, group.why)
            .expect("a string takes it");
        for (reader, _) in READERS {
            write!(out, " {reader} |").expect("a string takes it");
        }
        out.push_str("\n|---|---|");
        out.push_str(&"---|".repeat(READERS.len()));
        out.push('\n');
        let mut notes = String::new();
        for row in &group.rows {
            line(&mut out, row);
            if let Some(why) = &row.why {
                writeln!(notes, "- {}: {why}", code(&input(&row.files)))
                    .expect("a string takes it");
            }
        }
        if !notes.is_empty() {
            write!(out, "\n{notes}").expect("a string takes it");
        }
    }
    out.push('\n');
    out
}

fn line(out: &mut String, row: &Row) {
    let mut given = String::new();
    for (name, value) in &row.environment {
        write!(given, "{name}={value} ").expect("a string takes it");
    }
    let given = if given.is_empty() { given } else { format!("{} and ", code(given.trim_end())) };
    write!(out, "| {given}{} | {} |", code(&input(&row.files)), ours(row))
        .expect("a string takes it");
    for (reader, _) in READERS {
        let cell = match row.peers.get(reader).map_or("unknown", String::as_str) {
            "same" => "=".to_owned(),
            "unknown" => "?".to_owned(),
            "differs: error" => "error".to_owned(),
            "differs: no error" => "nothing".to_owned(),
            other => code(&visible(other.trim_start_matches("differs: "))),
        };
        let reasons = row.reasons.get(reader).map_or(&[][..], Vec::as_slice);
        let reasons = match reasons {
            [] => String::new(),
            codes => format!(" ({})", codes.join(", ")),
        };
        write!(out, " {cell}{reasons} |").expect("a string takes it");
    }
    out.push('\n');
}

/// What vagrantp reads: every value, then every error.
fn ours(row: &Row) -> String {
    let value = |gives: &super::Gives| {
        let value = serde_json::Value::from(gives.value.as_str()).to_string();
        code(&visible(&format!("{}={value}", gives.key)))
    };
    let mut parts: Vec<String> = row.gives.iter().map(value).collect();
    parts.extend(row.errors.iter().map(|error| {
        format!("{} at {}:{}", error.rule.replace('_', " "), error.line, error.column)
    }));
    if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
}

/// Files on one line, with what cannot be seen made visible.
pub(crate) fn input(files: &[String]) -> String {
    let files: Vec<String> = files.iter().map(|text| visible(text)).collect();
    let all = files.join(" then ");
    if all.is_empty() { "(empty)".to_owned() } else { all }
}

fn visible(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\n' => out.push('⏎'),
            '\r' => out.push('␍'),
            '\t' => out.push('⇥'),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{a0}' | '\u{200b}'..='\u{200f}' | '\u{feff}' => {
                write!(out, "⟨{:04X}⟩", u32::from(c)).expect("a string takes it");
            }
            _ => out.push(c),
        }
    }
    out
}

/// Text as code within a cell of a table.
fn code(text: &str) -> String {
    let fence = if text.contains("``") {
        "```"
    } else if text.contains('`') {
        "``"
    } else {
        "`"
    };
    let at_edge = text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']);
    let pad = if at_edge { " " } else { "" };
    format!("{fence}{pad}{}{pad}{fence}", text.replace('|', "\\|"))
}
