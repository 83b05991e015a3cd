//! One key's value on its way into [`Config`]: a parser is given the text, and its mistakes are
//! put where the text stands.

use std::ops::Range;
use std::path::Path;

use miette::Diagnostic;

use super::env_file;
use super::expand::Value;
use super::files;
use super::findings::Findings;
use super::keys::Key;
use super::list::{self, Item};
use super::mistake::{Mistake, ValueError};
use super::text::{Text, shown};
use super::types::{Config, Word};
use super::warning::Doubt;
use crate::model::code::Code;
use crate::model::problem::Problem;
use crate::model::source::{Layer, Place, Sourced};

/// Any mistake in a value; its labels count within the value.
pub(super) type Wrong = Box<dyn Diagnostic + Send + Sync>;

/// What reading a value may look at.
pub(super) struct Surroundings<'a> {
    /// The project's real path.
    pub(super) dir: &'a Path,
    /// The caller's home directory.
    pub(super) home: &'a Path,
}

/// One key's value, and where its mistakes go.
pub(super) struct Reader<'a> {
    pub(super) key: &'static Key,
    /// The key as it was written: with its prefix, where it has one.
    pub(super) name: &'a str,
    pub(super) value: &'a Value,
    pub(super) text: &'a Text,
    pub(super) layer: Layer,
    pub(super) surroundings: &'a Surroundings<'a>,
    pub(super) errors: &'a mut Findings,
    pub(super) warnings: &'a mut Findings,
}

impl<'a> Reader<'a> {
    /// Reads the value into its place in the configuration.
    pub(super) fn read(&mut self, config: &mut Config) {
        if self.key.form.is_list() || !self.has_controls(0..self.value.text.len()) {
            (self.key.read)(self, config);
        }
    }

    /// Whether a stretch of the value has control characters, each of which is a mistake then.
    fn has_controls(&mut self, within: Range<usize>) -> bool {
        let multiline = self.key.multiline;
        let harmful = |c: &char| c.is_control() && !(multiline && matches!(c, '\n' | '\t'));
        let value = self.value;
        let found = value.text[within.clone()].char_indices().filter(|(_, c)| harmful(c));
        let mut any = false;
        for (index, c) in found {
            any = true;
            let at = (index, c.len_utf8()).into();
            self.fail(within.clone(), Mistake::ControlCharacter { at, what: named_control(c) });
        }
        any
    }

    /// The whole value, as `parse` reads it.
    pub(super) fn one<T, E>(
        &mut self,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Sourced<T>>
    where
        E: Into<Wrong>,
    {
        let text = &self.value.text;
        match parse(text) {
            Ok(value) => Some(Sourced::written(value, self.layer, self.place(0..text.len()))),
            Err(mistake) => {
                self.fail(0..text.len(), mistake);
                None
            }
        }
    }

    /// The items of the value between its commas, each as `parse` reads it.
    pub(super) fn list<T, E>(&mut self, parse: impl Fn(&str) -> Result<T, E>) -> Vec<Sourced<T>>
    where
        E: Into<Wrong>,
    {
        let mut read = Vec::new();
        for Item { start, text } in list::items(&self.value.text) {
            let range = start..start + text.len();
            if text.is_empty() {
                self.fail(range, Mistake::EmptyItem { at: (0, 0).into() });
                continue;
            }
            if self.has_controls(range.clone()) {
                continue;
            }
            match parse(text) {
                Ok(value) => read.push(Sourced::written(value, self.layer, self.place(range))),
                Err(mistake) => self.fail(range, mistake),
            }
        }
        read
    }

    /// One of a closed set of words, in any case.
    pub(super) fn word<T: Word>(&mut self) -> Option<Sourced<T>> {
        self.one(|text| {
            let meant = T::WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
            meant.map(|(_, value)| *value).ok_or_else(|| {
                let words: Vec<_> = T::WORDS.iter().map(|(word, _)| *word).collect();
                Mistake::NotOneOf {
                    at: (0..text.len()).into(),
                    words: words.join(", "),
                    help: nearest(text, &words),
                }
            })
        })
    }

    /// The place of a stretch of the decoded value.
    pub(super) fn place(&self, decoded: Range<usize>) -> Place {
        self.text.place(self.value.raw(decoded))
    }

    /// The place of all of the value.
    pub(super) fn whole(&self) -> Place {
        self.text.place(self.value.whole())
    }

    /// The value as it stands in the file, where what it means may be the application's and must
    /// not be shown.
    pub(super) fn as_written(&self) -> Option<String> {
        if self.layer != Layer::File {
            return None;
        }
        let raw = &self.text.text[self.value.whole()];
        match env_file::taken_in(raw) {
            Some(_) => Some(format!("{} …", raw.lines().next().unwrap_or_default())),
            None => self.value.refers.then(|| raw.to_owned()),
        }
    }

    /// Records a mistake in a part of the decoded value, from whose start its spans count.
    pub(super) fn fail(&mut self, part: Range<usize>, mistake: impl Into<Wrong>) {
        let (key, name, text, value) = (self.key, self.name, self.text, self.value);
        let whole = || text.place(value.whole());
        self.errors.add(|| {
            let mistake = mistake.into();
            let from = part.start;
            // What a `${…}` stands for may be the application's secret: no word of it is repeated.
            let refers = value.refers_within(part);
            let labels: Vec<(String, Place)> = mistake
                .labels()
                .into_iter()
                .flatten()
                .map(|label| {
                    let start = (from + label.offset()).min(value.text.len());
                    let end = (start + label.len()).min(value.text.len());
                    let says = match refers {
                        true => "what this stands for is not accepted",
                        false => label.label().unwrap_or_default(),
                    };
                    (says.to_owned(), text.place(value.raw(start..end)))
                })
                .collect();
            let place = labels.first().map_or_else(whole, |(_, place)| place.clone());
            let help = if refers {
                Some(format!("see what it refers to; expected is {}", key.expected))
            } else {
                mistake.help().map(|help| help.to_string())
            };
            let error = ValueError { key: name.to_owned(), mistake, labels, help };
            Problem::new(Code::ConfigInvalid, error).at(key.name, Some(&place))
        });
    }

    /// Records the doubt about a file of YAML in which a key stands twice.
    pub(super) fn yaml(&mut self, path: &Path, place: Option<&Place>) {
        if let (Some((line, column)), Some(place)) = (files::yaml_key_twice(path), place) {
            let (key, path) = (self.name.to_owned(), shown(&path.display().to_string()));
            self.doubt(Doubt::YamlKeyTwice { key, path, line, column, place: place.clone() });
        }
    }

    /// Records a doubt.
    pub(super) fn doubt(&mut self, doubt: Doubt) {
        self.warnings.add(|| doubt.into_problem());
    }
}

/// What a control character is called.
fn named_control(c: char) -> String {
    match c {
        '\t' => "a tab".to_owned(),
        '\n' => "a line break".to_owned(),
        '\r' => "a carriage return".to_owned(),
        '\u{1b}' => "an escape character (U+001B)".to_owned(),
        other => format!("U+{:04X}", u32::from(other)),
    }
}

/// Advice for a word that is none of those known.
fn nearest(text: &str, words: &[&str]) -> String {
    let lower = text.to_lowercase();
    let near = words
        .iter()
        .map(|word| (strsim::osa_distance(&lower, word), *word))
        .filter(|(distance, word)| *distance <= 2 && *distance < word.len())
        .min();
    match near {
        Some((_, word)) => format!("did you mean `{word}`?"),
        None => format!("write one of {}", words.join(", ")),
    }
}
