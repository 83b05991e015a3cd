//! Files, environment and `--set` → what each key says in each layer, and what may be shown.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::decode::{self, Position};
use super::env_file::{self, Entry, Fault, FaultKind, Scan};
use super::error::LineError;
use super::expand::{ExpandError, Value};
use super::findings::Findings;
use super::keys::{self, Key, PREFIX};
use super::text::{Show, Text};
use super::warning::Doubt;
use crate::model::source::{Layer, Place, Source};

/// What one layer says about a key.
pub(super) struct Candidate {
    /// The key as it was written.
    pub(super) name: String,
    pub(super) layer: Layer,
    /// Which of the texts it stands in.
    pub(super) text: usize,
    pub(super) value: Result<Value, ExpandError>,
}

/// Everything that was written, key by key; later candidates are stronger.
#[derive(Default)]
pub(super) struct Layers {
    pub(super) texts: Vec<Text>,
    shown: Vec<Vec<(Range<usize>, Show)>>,
    pub(super) candidates: HashMap<&'static str, Vec<Candidate>>,
    /// Keys whose line could not be read: nothing can be said about their absence.
    pub(super) unread: BTreeMap<&'static str, Place>,
    /// Whether prefixed names alone are read.
    pub(super) prefixed: bool,
    pub(super) errors: Findings,
    pub(super) warnings: Findings,
}

impl Layers {
    /// Takes the files' texts, and whether one that could not be read says `VAGRANTP_INFRA_TYPE`.
    pub(super) fn collect(
        files: Vec<Text>,
        unread: bool,
        environment: &BTreeMap<String, String>,
        set: &[String],
    ) -> Self {
        let mut layers = Layers { shown: vec![Vec::new(); files.len()], ..Layers::default() };
        let scans: Vec<Scan> = files.iter().map(|file| env_file::scan(&file.text)).collect();
        // A line that cannot be read says whose the names are as well: where it did not count, the
        // application's own PORTS would be taken for ours, and shown.
        let read = |(file, scan): (&Text, &Scan)| {
            scan.words().any(|word| file.text[word].strip_prefix(PREFIX) == Some("INFRA_TYPE"))
        };
        let prefixed = unread || files.iter().zip(&scans).any(read);
        layers.texts = files;
        layers.prefixed = prefixed;
        let names = Names { prefixed };
        for (index, scan) in scans.iter().enumerate() {
            layers.faults(index, &scan.faults, names);
            layers.entries(index, &scan.entries, names);
        }
        layers.expand(&scans, names, environment);
        layers.environment(environment);
        layers.set(set);
        layers
    }

    /// The texts in the form that may be shown.
    pub(super) fn sources(&self) -> impl Iterator<Item = Source> {
        self.texts.iter().zip(&self.shown).map(|(text, shown)| text.visible(shown))
    }

    fn faults(&mut self, index: usize, faults: &[Fault], names: Names) {
        for fault in faults {
            let text = &self.texts[index];
            let word = fault.key.clone().map(|key| &text.text[key]);
            let key = word.and_then(|word| names.find(word));
            let word = word.unwrap_or_default().to_owned();
            let place = text.place(fault.at.clone());
            let quote = text.text[fault.at.clone()].chars().next().unwrap_or('"');
            let error = match (fault.kind, key) {
                (FaultKind::Unterminated, _) => LineError::Unterminated { place, quote },
                (FaultKind::AfterQuoteBelow, _) => LineError::Swallowed { place, quote },
                (FaultKind::NotAnAssignment, Some(_)) => {
                    LineError::NotAnAssignment { key: word, place }
                }
                (FaultKind::AfterQuote, Some(_)) => LineError::AfterQuote { key: word, place },
                (FaultKind::NotAnAssignment | FaultKind::AfterQuote, None) => {
                    // Of a line that is not ours the key alone is shown, and of one that only might
                    // have a key (it may be the middle of somebody's secret) the number.
                    let named = fault.kind == FaultKind::AfterQuote
                        || text.text[fault.at.clone()].starts_with(':');
                    let start = fault.key.as_ref().map_or(fault.at.start, |key| key.start);
                    let at = fault.key.clone().filter(|_| named).unwrap_or(start..start);
                    let place = || text.place(at.clone());
                    self.warnings.add(|| Doubt::SkippedLine { place: place() }.into_problem());
                    self.shown[index].push((at, Show::Plain));
                    continue;
                }
            };
            if let Some(key) = key {
                self.unread.insert(key.name, text.place(fault.at.clone()));
            }
            self.errors.push(error.into_problem());
            let quote = matches!(fault.kind, FaultKind::Unterminated | FaultKind::AfterQuoteBelow);
            let shown = &mut self.shown[index];
            match fault.key.clone() {
                Some(key) if quote => shown.push((key.start..fault.at.end, Show::Plain)),
                Some(key) => shown.push((key, Show::Plain)),
                None => {}
            }
            if self.texts[index].text[fault.at.clone()].starts_with(':') {
                shown.push((fault.at.clone(), Show::Plain));
            }
        }
    }

    fn entries(&mut self, index: usize, entries: &[Entry], names: Names) {
        let mut first_of: HashMap<&'static str, Range<usize>> = HashMap::new();
        for entry in entries {
            let text = &self.texts[index];
            let word = &text.text[entry.key.clone()];
            let Some(key) = names.find(word) else {
                if let Some(doubt) = names.doubt(word, || text.place(entry.key.clone())) {
                    self.shown[index].push((entry.key.clone(), Show::Plain));
                    self.warnings.push(doubt.into_problem());
                }
                continue;
            };
            // Lines after the first may be the application's, taken in by a quote that was left open.
            let whole = entry.whole();
            let line = text.text[whole.clone()].find('\n').map_or(whole.end, |at| whole.start + at);
            self.shown[index].push((whole.start..line, Show::Plain));
            if key.secret {
                self.shown[index].push((entry.value.clone(), Show::Masked));
            }
            if let Some(at) = env_file::taken_in(&text.text[entry.value.clone()]) {
                let start = entry.value.start + at;
                let (key, place) = (word.to_owned(), text.place(entry.key.clone()));
                let line = text.place(start..start).line;
                self.warnings.push(Doubt::TakenIn { key, line, place }.into_problem());
            }
            if let Some(first) = first_of.insert(key.name, entry.key.clone()) {
                self.errors.add(|| {
                    let (key, first) = (word.to_owned(), text.place(first));
                    let place = text.place(entry.key.clone());
                    LineError::Duplicate { key, first, place }.into_problem()
                });
            }
        }
    }

    /// Decodes the entries of ours, and of the others those alone that they refer to.
    fn expand(&mut self, scans: &[Scan], names: Names, environment: &BTreeMap<String, String>) {
        let word = |at| decode::word(&self.texts, scans, at);
        let ours: Vec<(Position, &'static Key)> = decode::positions(scans)
            .filter_map(|at| names.find(word(at)).map(|key| (at, key)))
            .collect();
        let roots = ours.iter().map(|(at, _)| *at);
        let mut decoded = decode::decode(&self.texts, scans, roots, environment);
        let mut candidates: Vec<(&'static str, Candidate)> = Vec::new();
        for (at, key) in ours {
            let Some(value) = decoded.remove(&at) else { continue };
            let name = word(at).to_owned();
            candidates.push((key.name, Candidate { name, layer: Layer::File, text: at.0, value }));
        }
        for (key, candidate) in candidates {
            self.candidates.entry(key).or_default().push(candidate);
        }
    }

    fn environment(&mut self, environment: &BTreeMap<String, String>) {
        let written = keys::all().filter_map(|key| {
            let name = format!("{PREFIX}{}", key.name);
            environment.get(&name).map(|value| (key, name, value.as_str()))
        });
        self.assignments("environment", Layer::Environment, written.collect());
    }

    fn set(&mut self, set: &[String]) {
        let mut good = Vec::new();
        for assignment in set {
            // Mistakes get a source of their own, in which nothing but the name is shown.
            let name = assignment.split('=').next().unwrap_or_default();
            let key = keys::find(name.strip_prefix(PREFIX).unwrap_or(name));
            match (key, assignment.split_once('=')) {
                (Some(key), Some((name, value))) => good.push((key, name.to_owned(), value)),
                (key, value) => {
                    let text = Text::new(self.texts.len(), "--set", name.to_owned());
                    let place = text.place(0..name.len());
                    let error = match (key, value) {
                        (None, Some(_)) => {
                            LineError::SetUnknownKey { place, help: nearest_key(name) }
                        }
                        _ => LineError::SetNotAnAssignment { place },
                    };
                    self.errors.push(error.into_problem());
                    self.texts.push(text);
                    self.shown.push(vec![(0..name.len(), Show::Plain)]);
                }
            }
        }
        self.assignments("--set", Layer::Set, good);
    }

    /// Values that are meant as they stand, as a source of their own.
    fn assignments(
        &mut self,
        source: &str,
        layer: Layer,
        written: Vec<(&'static Key, String, &str)>,
    ) {
        if written.is_empty() {
            return;
        }
        let mut all = String::new();
        let mut shown = Vec::new();
        let index = self.texts.len();
        for (key, name, value) in written {
            let start = all.len();
            all.push_str(&name);
            all.push('=');
            let value_start = all.len();
            all.push_str(value);
            shown.push((start..all.len(), Show::Plain));
            if key.secret {
                shown.push((value_start..all.len(), Show::Masked));
            }
            all.push('\n');
            let value = Ok(Value::verbatim(value, value_start));
            let candidate = Candidate { name, layer, text: index, value };
            self.candidates.entry(key.name).or_default().push(candidate);
        }
        self.texts.push(Text::new(index, source, all));
        self.shown.push(shown);
    }
}

/// How our keys are called in the files.
#[derive(Clone, Copy)]
struct Names {
    prefixed: bool,
}

impl Names {
    fn find(self, word: &str) -> Option<&'static Key> {
        match (self.prefixed, word.strip_prefix(PREFIX)) {
            (true, Some(name)) => keys::find(name),
            (false, _) => keys::find(word),
            (true, None) => None,
        }
    }

    /// The doubt about a name that is not ours, where there is one.
    fn doubt(self, word: &str, place: impl Fn() -> Place) -> Option<Doubt> {
        let (name, prefix) = match (self.prefixed, word.strip_prefix(PREFIX)) {
            (true, Some(name)) => (name, PREFIX),
            (true, None) => return None,
            (false, Some(name)) if keys::find(name).is_some() => {
                let key = keys::find(name)?.name;
                return Some(Doubt::PrefixAlone { name: word.to_owned(), key, place: place() });
            }
            (false, _) => (word, ""),
        };
        if let Some((_, key, hint)) = keys::OLD_NAMES.iter().find(|(old, ..)| *old == name) {
            let key = format!("{prefix}{key}");
            return Some(Doubt::OldName { name: word.to_owned(), key, hint, place: place() });
        }
        let near = |key: &&Key| {
            name.len() >= 5
                && name.len().abs_diff(key.name.len()) <= 1
                && strsim::osa_distance(name, key.name) == 1
        };
        let key = format!("{prefix}{}", keys::all().find(near)?.name);
        Some(Doubt::Lookalike { name: word.to_owned(), key, place: place() })
    }
}

fn nearest_key(name: &str) -> String {
    let upper = name.to_uppercase();
    let near = keys::all()
        .map(|key| (strsim::osa_distance(&upper, key.name), key.name))
        .min()
        .filter(|(distance, _)| *distance <= 2);
    match near {
        Some((_, key)) => format!("did you mean `--set {key}=…`?"),
        None => "the keys are those of the `.env`, such as `--set MEMORY=4G`".to_owned(),
    }
}
