//! Why the others differ: for each cell of the table that does, the rule of our grammar behind it.
//!
//! A reason holds for a kind of difference, and is tried on every cell that names it: each thing
//! that a reader makes otherwise has a reason that fits, and no cell names one that explains
//! nothing.

use std::collections::{BTreeMap, BTreeSet};

use libtest_mimic::Failed;

use super::difference::Difference;
use super::{Row, page};

#[path = "reasons/lines.rs"]
mod lines;
#[path = "reasons/values.rs"]
mod values;

/// One rule of ours that some others do not have.
pub(crate) struct Reason {
    pub(crate) code: &'static str,
    /// What vagrantp does, what they do, and what is bad about that.
    pub(crate) why: &'static str,
    /// Whether it can be behind this difference, of those that the cell has.
    fits: fn(&Row, &Difference, &[Difference]) -> bool,
}

/// All reasons, in the order of the page.
pub(crate) fn all() -> impl Iterator<Item = &'static Reason> {
    lines::REASONS.iter().chain(&values::REASONS)
}

const QUOTES: [char; 2] = ['\'', '"'];

fn is_key(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(inner)
}

/// A name without the `export` and the blanks that some keep in it.
fn bare(name: &str) -> &str {
    let name = name.trim();
    name.strip_prefix("export").map(str::trim_start).filter(|rest| !rest.is_empty()).unwrap_or(name)
}

/// Whether some of these characters of ours are lost, or with them the whole file.
fn fewer(difference: &Difference, wanted: char) -> bool {
    let count = |text: &str| text.chars().filter(|c| *c == wanted).count();
    match difference {
        Difference::Refused => true,
        Difference::Value { value, ours: Some(ours), .. } => count(value) < count(ours),
        _ => false,
    }
}

impl Row {
    fn text(&self) -> String {
        self.files.join("\n")
    }

    fn breaks(&self, rule: &str) -> bool {
        self.errors.iter().any(|error| error.rule == rule)
    }

    /// What follows each `${`, up to the end.
    fn braces(&self) -> impl Iterator<Item = String> {
        let text = self.text();
        let starts: Vec<usize> = text.match_indices("${").map(|(at, _)| at + 2).collect();
        starts.into_iter().map(move |at| text[at..].to_owned())
    }
}

/// Whether every difference has a reason that can be behind it, and every reason is one.
pub(crate) fn check(rows: &[Row]) -> Result<(), Failed> {
    let known: BTreeMap<&str, &Reason> = all().map(|reason| (reason.code, reason)).collect();
    let mut used = BTreeSet::new();
    for row in rows {
        let shown = page::input(&row.files);
        if let Some(reader) = row.reasons.keys().find(|reader| !row.differs(reader)) {
            return Err(format!("{shown}: a reason for {reader}, which does not differ").into());
        }
        for reader in row.peers.keys().filter(|reader| row.differs(reader)) {
            let wrong = |what: String| Failed::from(format!("{shown}: {reader}: {what}"));
            let differences = Difference::all(row, &row.peers[reader]).map_err(wrong)?;
            let mut reasons = Vec::new();
            for code in row.reasons.get(reader).into_iter().flatten() {
                let reason = known.get(code.as_str()).ok_or_else(|| wrong(format!("{code}?")))?;
                if !differences.iter().any(|one| (reason.fits)(row, one, &differences)) {
                    return Err(wrong(format!("{code} explains nothing of it")));
                }
                used.insert(reason.code);
                reasons.push(reason);
            }
            let fits = |one| reasons.iter().any(|reason| (reason.fits)(row, one, &differences));
            if let Some(open) = differences.iter().find(|one| !fits(one)) {
                return Err(wrong(format!("no reason for {open:?}")));
            }
        }
    }
    match known.keys().find(|code| !used.contains(*code)) {
        Some(code) => Err(format!("no cell is explained by {code}").into()),
        None => Ok(()),
    }
}
