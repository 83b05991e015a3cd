//! The table, as Markdown.

use std::time::Duration;

use crate::measure::{Pair, median};

/// A line of the table.
pub(crate) struct Row {
    work: String,
    against: String,
    figures: Figures,
}

enum Figures {
    /// Medians, and how many times the other's time it may take.
    Ratio { ours: Duration, theirs: Duration, limit: f64 },
    /// Mebibytes at most.
    Peak { mebibytes: f64, limit: f64 },
    /// No figures, and why.
    Failed(String),
}

impl Row {
    pub(crate) fn ratio(work: &str, against: &str, limit: f64, pair: &Pair) -> Row {
        let figures =
            Figures::Ratio { ours: median(&pair.ours), theirs: median(&pair.theirs), limit };
        Row { work: work.to_owned(), against: against.to_owned(), figures }
    }

    pub(crate) fn peak(work: &str, kibibytes: u64, limit: f64) -> Row {
        #[expect(clippy::cast_precision_loss, reason = "a process has less than 2^52 KiB")]
        let mebibytes = kibibytes as f64 / 1024.0;
        let figures = Figures::Peak { mebibytes, limit };
        Row { work: work.to_owned(), against: String::new(), figures }
    }

    pub(crate) fn failed(work: &str, why: &str) -> Row {
        let figures = Figures::Failed(why.lines().next().unwrap_or_default().to_owned());
        Row { work: work.to_owned(), against: String::new(), figures }
    }

    /// Whether it keeps to its limit. What could not be measured does not.
    pub(crate) fn is_met(&self) -> bool {
        match &self.figures {
            Figures::Ratio { ours, theirs, limit } => ratio(*ours, *theirs) <= *limit,
            Figures::Peak { mebibytes, limit } => mebibytes <= limit,
            Figures::Failed(_) => false,
        }
    }

    fn cells(&self) -> [String; 7] {
        let met = if self.is_met() { "yes" } else { "**no**" }.to_owned();
        let (work, against) = (self.work.clone(), self.against.clone());
        match &self.figures {
            Figures::Ratio { ours, theirs, limit } => [
                work,
                milliseconds(*ours),
                against,
                milliseconds(*theirs),
                format!("{:.2}", ratio(*ours, *theirs)),
                limit.to_string(),
                met,
            ],
            Figures::Peak { mebibytes, limit } => [
                work,
                format!("{mebibytes:.1} MiB"),
                against,
                String::new(),
                String::new(),
                format!("{limit} MiB"),
                met,
            ],
            Figures::Failed(why) => [
                work,
                "not measured".to_owned(),
                why.replace('|', "/"),
                String::new(),
                String::new(),
                String::new(),
                met,
            ],
        }
    }
}

fn ratio(ours: Duration, theirs: Duration) -> f64 {
    ours.as_secs_f64() / theirs.as_secs_f64().max(f64::EPSILON)
}

fn milliseconds(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1000.0;
    if milliseconds < 100.0 {
        format!("{milliseconds:.1} ms")
    } else {
        format!("{milliseconds:.0} ms")
    }
}

/// All of it, with the columns in line.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let head = ["Work", "vagrantp", "Against", "podman", "Ratio", "At most", "Met"];
    let cells: Vec<[String; 7]> =
        std::iter::once(head.map(str::to_owned)).chain(rows.iter().map(Row::cells)).collect();
    let widths: [usize; 7] = std::array::from_fn(|column| {
        cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
    });
    let line = |row: &[String; 7]| -> String {
        let padded = row.iter().zip(widths).map(|(cell, width)| format!(" {cell:width$} |"));
        format!("|{}", padded.collect::<String>())
    };
    let rule = widths.map(|width| "-".repeat(width));
    let mut lines = vec![line(&cells[0]), line(&rule)];
    lines.extend(cells[1..].iter().map(line));
    lines.join("\n")
}
