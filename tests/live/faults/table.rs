//! The table: points, verbs and faults, and how many of them converged.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use vagrantp::deed::{FAULTS, Fault, Order};

use super::choice::Point;
use super::story::Story;

/// What came of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Converged,
    Failed,
    /// The call did not come by the point this time: what others do on the host decides about a few.
    NotPassed,
}

const OUTCOMES: [(Outcome, &str); 3] = [
    (Outcome::Converged, "converged"),
    (Outcome::Failed, "failed"),
    (Outcome::NotPassed, "not passed"),
];

/// What came of a story.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) story: &'static Story,
    pub(super) points: Vec<Point>,
    pub(super) possible: usize,
    pub(super) outcomes: BTreeMap<String, Outcome>,
}

/// The file that keeps a story's outcomes, so that a run can be ended and gone on with.
fn file(dir: &Path, story: &Story) -> PathBuf {
    dir.join(format!("{}.tsv", story.name.replace([' ', ','], "_")))
}

/// What earlier runs came to; what failed there is tried again.
pub(super) fn known(dir: &Path, story: &Story) -> BTreeMap<String, Outcome> {
    let text = std::fs::read_to_string(file(dir, story)).unwrap_or_default();
    let line = |line: &str| {
        let (order, name) = line.split_once('\t')?;
        let (outcome, _) = OUTCOMES.into_iter().find(|(_, known)| *known == name)?;
        Some((order.to_owned(), outcome))
    };
    text.lines().filter_map(line).collect()
}

/// Keeps an outcome.
pub(super) fn keep(dir: &Path, story: &Story, order: &Order, outcome: Outcome) {
    let name = OUTCOMES.iter().find(|(one, _)| *one == outcome).map_or("", |(_, name)| name);
    let open = std::fs::OpenOptions::new().append(true).create(true).open(file(dir, story));
    let mut file = open.expect("VAGRANTP_FAULT_RESULTS is a directory");
    writeln!(file, "{order}\t{name}").expect("it can be written");
}

/// Lines of the table: what they are of, and their rows.
type Group<'a> = (String, Vec<&'a Row>);

/// A line for each story and each verb, and one for all.
pub(super) fn table(rows: &[Row]) -> String {
    let faults: Vec<(Fault, &str)> =
        FAULTS.into_iter().filter(|(fault, _)| *fault != Fault::Crash).collect();
    let mut text = String::new();
    let mut section = |title: &str, groups: &[Group<'_>]| {
        let _ = write!(text, "{title:<20} {:>11} {:>6}", "deeds", "points");
        for (_, name) in &faults {
            let _ = write!(text, " {name:>9}");
        }
        let _ = writeln!(text, " {:>11}  of", "all");
        for (name, rows) in groups {
            let _ = write!(text, "{name:<20} {:>11} {:>6}", deeds(rows), points(rows));
            for (fault, _) in &faults {
                let _ = write!(text, " {:>9}", converged(rows, Some(*fault)));
            }
            let possible: usize = rows.iter().map(|row| row.possible).sum();
            let _ = writeln!(text, " {:>11}  {possible}", converged(rows, None));
        }
    };
    let stories: Vec<Group<'_>> =
        rows.iter().map(|row| (row.story.name.to_owned(), vec![row])).collect();
    section("story", &stories);
    let mut verbs: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        verbs.entry(row.story.verb()).or_default().push(row);
    }
    let mut verbs: Vec<Group<'_>> = verbs.into_iter().collect();
    verbs.push(("all".to_owned(), rows.iter().collect()));
    section("\nverb", &verbs);
    text
}

/// How many different deeds are done: the provider's, and those of vagrantp's own files.
fn deeds(rows: &[&Row]) -> String {
    let deeds: BTreeSet<&String> =
        rows.iter().flat_map(|row| row.points.iter().map(|(deed, _)| deed)).collect();
    let own = deeds.iter().filter(|deed| deed.starts_with("store.")).count();
    format!("{} + {own}", deeds.len() - own)
}

fn points(rows: &[&Row]) -> usize {
    rows.iter().map(|row| row.points.len()).sum()
}

/// How many converged, of how many that were tried.
fn converged(rows: &[&Row], fault: Option<Fault>) -> String {
    let mut counts = (0, 0);
    for (order, outcome) in rows.iter().flat_map(|row| &row.outcomes) {
        let is_of = |order: Order| fault.is_none_or(|fault| order.fault == fault);
        if *outcome != Outcome::NotPassed && order.parse().is_ok_and(is_of) {
            counts.0 += usize::from(*outcome == Outcome::Converged);
            counts.1 += 1;
        }
    }
    if counts.1 == 0 { "-".to_owned() } else { format!("{}/{}", counts.0, counts.1) }
}

#[test]
fn the_table_counts_by_story_by_verb_and_by_fault() {
    let rows: Vec<Row> = super::story::STORIES[..2]
        .iter()
        .map(|story| Row {
            story,
            points: ["podman.a:before", "store.b:after", "store.b:after"]
                .map(|point| {
                    let (deed, side) = point.split_once(':').expect("a deed and a side");
                    (deed.to_owned(), side.parse().expect("a side"))
                })
                .to_vec(),
            possible: 9,
            outcomes: [
                ("podman.a:before:1:kill", Outcome::Converged),
                ("store.b:after:1:kill", Outcome::Failed),
                ("store.b:after:2:halt", Outcome::Converged),
                ("store.b:after:2:term", Outcome::NotPassed),
            ]
            .map(|(order, outcome)| (order.to_owned(), outcome))
            .into(),
        })
        .collect();
    let text = table(&rows);
    let squeezed: Vec<String> = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect();
    let head = "deeds points kill int int-int term hup fail halt all of";
    assert_eq!(squeezed[0], format!("story {head}"));
    assert_eq!(squeezed[1], "up from nothing 1 + 1 3 1/2 - - - - - 1/1 2/3 9");
    assert_eq!(squeezed[3], format!("verb {head}"));
    assert_eq!(squeezed[4], "up 1 + 1 6 2/4 - - - - - 2/2 4/6 18");
    assert_eq!(squeezed[5], "all 1 + 1 6 2/4 - - - - - 2/2 4/6 18");
}
