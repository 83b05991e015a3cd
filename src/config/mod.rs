//! The `.env` → [`Config`]: what the user wrote, typed, with a place for every value.
//!
//! [`load`] is the one door. Behind it: `read` (the files) → `env_file` (their entries) → `expand`
//! (what the values mean) → `layers` (which file, variable or option says what) → `reader` and
//! `keys` (each value through the parser of its key) → `check` (rules between keys). Nothing stops
//! at the first mistake. `docs/reference/env-file.md` has the grammar, `config.md` the keys.

mod archive;
mod boolean;
mod check;
mod decode;
mod dollar;
mod duration;
mod env_file;
mod error;
mod expand;
mod files;
mod findings;
pub mod grammar;
pub mod ground;
mod host_name;
pub mod keys;
mod layers;
mod list;
mod mistake;
mod path;
pub mod print;
mod public_keys;
mod read;
mod reader;
#[cfg(test)]
mod reference;
pub(crate) mod rules;
#[cfg(test)]
pub(crate) mod tests;
mod text;
pub mod types;
mod value;
mod values;
mod warning;
mod yaml;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use duration::span;
pub use types::Config;

use crate::model::host::HostFacts;
use crate::model::problem::Problem;
use crate::model::source::{Layer, Origin, Place, Sources};
use error::LineError;
use expand::ExpandError;
use findings::Findings;
use keys::Key;
use layers::{Candidate, Layers};
use reader::{Reader, Surroundings};
use text::Text;
use types::Playbook;
use warning::Doubt;

/// What to load.
#[derive(Clone, Copy, Debug)]
pub struct LoadRequest<'a> {
    /// The project's directory.
    pub dir: &'a Path,
    /// `--env-file`, in order, relative to the project's directory; where there is none, the
    /// default files are read.
    pub env_files: &'a [PathBuf],
    /// `--set KEY=VALUE`, in order.
    pub set: &'a [String],
    /// The host and the process environment.
    pub facts: &'a HostFacts,
}

/// What was loaded: a configuration, or everything that is wrong with it.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration, if there is no error.
    pub config: Option<Config>,
    /// All mistakes, by their place.
    pub errors: Vec<Problem>,
    /// All doubts, by their place.
    pub warnings: Vec<Problem>,
    /// The texts that the places point into, in the form that may be shown.
    pub sources: Sources,
    /// Every key that was written and understood, or has a default, in the order of the table.
    pub settings: Vec<Setting>,
}

/// A key with its value as understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The key, without a prefix.
    pub key: &'static str,
    /// The value; that of a secret is masked.
    pub value: serde_json::Value,
    /// Who said it.
    pub origin: Origin,
}

/// Reads the configuration of a project.
#[must_use]
pub fn load(request: &LoadRequest<'_>) -> Loaded {
    let dir = std::fs::canonicalize(request.dir).unwrap_or_else(|_| request.dir.to_owned());
    let mut files = Files::default();
    match read::wanted(&dir, request.env_files) {
        Err(problem) => files.errors.push(problem),
        Ok(wanted) => {
            for file in wanted {
                let found = read::read(files.texts.len(), &file);
                files.texts.push(found.text);
                found.problem.into_iter().for_each(|problem| files.errors.push(problem));
                files.prefixed |= found.prefixed;
                files.paths.push(file.path);
            }
        }
    }
    understand(&dir, files, request)
}

/// What `--set` alone would come to, in a project without any file and a process without variables:
/// the values of a file that is still to be written are tried like this.
#[must_use]
pub fn load_set(request: &LoadRequest<'_>) -> Loaded {
    let dir = std::fs::canonicalize(request.dir).unwrap_or_else(|_| request.dir.to_owned());
    let facts = HostFacts { environment: BTreeMap::new(), ..request.facts.clone() };
    understand(&dir, Files::default(), &LoadRequest { facts: &facts, ..*request })
}

/// The files of a project as they were read.
#[derive(Default)]
struct Files {
    texts: Vec<Text>,
    paths: Vec<PathBuf>,
    errors: Findings,
    /// Whether one that cannot be read says that only prefixed names are vagrantp's.
    prefixed: bool,
}

fn understand(dir: &Path, files: Files, request: &LoadRequest<'_>) -> Loaded {
    let Files { texts, paths, mut errors, prefixed } = files;
    // What is missing can be said only where everything was read.
    let all_read = errors.is_empty();
    let mut layers = Layers::collect(texts, prefixed, &request.facts.environment, request.set);
    errors.append(std::mem::take(&mut layers.errors));
    let mut warnings = std::mem::take(&mut layers.warnings);
    let surroundings = Surroundings { dir, home: &request.facts.home };
    let mut typed = Typed {
        layers: &layers,
        surroundings: &surroundings,
        config: Config::default(),
        places: layers.unread.clone(),
        settings: Vec::new(),
        errors: &mut errors,
        warnings: &mut warnings,
    };
    typed.read();
    let Typed { mut config, places, settings, .. } = typed;
    if all_read {
        if !places.contains_key("INFRA_TYPE") {
            let prefix = if layers.prefixed { keys::PREFIX } else { "" };
            errors.push(rules::RuleError::TypeMissing { prefix }.into_problem());
        }
        let (errors, warnings) = (&mut errors, &mut warnings);
        let (config, places, facts) = (&config, &places, request.facts);
        check::Check { config, places, facts, errors, warnings }.all();
    }
    config.guarded = guarded(dir, &paths, &config);
    if request.env_files.is_empty() {
        config.found = paths.iter().filter_map(|path| std::fs::canonicalize(path).ok()).collect();
    }
    Loaded {
        config: errors.is_empty().then_some(config),
        errors: errors.mistakes(),
        warnings: warnings.warnings(),
        sources: Sources(layers.sources().collect()),
        settings,
    }
}

/// Values on their way from the layers into a [`Config`].
struct Typed<'a> {
    layers: &'a Layers,
    surroundings: &'a Surroundings<'a>,
    config: Config,
    /// Where each key stands that was written, whether or not its value could be read.
    places: check::Places,
    settings: Vec<Setting>,
    errors: &'a mut Findings,
    warnings: &'a mut Findings,
}

impl Typed<'_> {
    fn read(&mut self) {
        for key in keys::all() {
            let candidates = self.layers.candidates.get(key.name).map_or(&[][..], Vec::as_slice);
            // An empty value is the same as none.
            let says = |candidate: &&Candidate| {
                candidate.value.as_ref().map_or(true, |value| !value.text.is_empty())
            };
            let mut said = candidates.iter().rev().filter(says);
            match said.next() {
                Some(winner) => {
                    self.written(key, winner);
                    said.for_each(|loser| self.overridden(key, loser, winner));
                }
                None => self.defaulted(key),
            }
        }
    }

    fn written(&mut self, key: &'static Key, winner: &Candidate) {
        let text = &self.layers.texts[winner.text];
        let value = match &winner.value {
            Ok(value) => value,
            Err(error) => {
                let (problem, place) = reference_error(&winner.name, error, text);
                self.errors.push(problem);
                self.places.insert(key.name, place);
                return;
            }
        };
        for (name, at, line) in &value.replaced {
            let (key, name, place) = (winner.name.clone(), name.clone(), text.place(at.clone()));
            self.warnings.push(Doubt::Replaced { key, name, line: *line, place }.into_problem());
        }
        let place = text.place(value.whole());
        self.places.insert(key.name, place.clone());
        let mut reader = Reader {
            key,
            name: &winner.name,
            value,
            text,
            layer: winner.layer,
            surroundings: self.surroundings,
            errors: self.errors,
            warnings: self.warnings,
        };
        reader.read(&mut self.config);
        let as_written = reader.as_written().filter(|_| key.form.is_free() && !key.secret);
        if let Some(value) = (key.show)(&self.config) {
            let value = as_written.map_or(value, serde_json::Value::String);
            let origin = Origin::Written { layer: winner.layer, place };
            self.settings.push(Setting { key: key.name, value, origin });
        }
    }

    /// Says of a value that does not count that it would be a mistake where it did.
    fn overridden(&mut self, key: &'static Key, loser: &Candidate, winner: &Candidate) {
        let Ok(value) = &loser.value else { return };
        // Of a key that stands twice in one file, that is the mistake.
        let same_file = loser.text == winner.text;
        if key.form.names_files() || loser.layer != Layer::File || same_file {
            return;
        }
        let text = &self.layers.texts[loser.text];
        let mut mistakes = Findings::default();
        let mut config = Config { infra_type: self.config.infra_type.clone(), ..Config::default() };
        let mut reader = Reader {
            key,
            name: &loser.name,
            value,
            text,
            layer: loser.layer,
            surroundings: self.surroundings,
            errors: &mut mistakes,
            warnings: &mut Findings::default(),
        };
        reader.read(&mut config);
        let places = mistakes.kept().into_iter().filter_map(|mistake| mistake.place);
        places.for_each(|place| {
            let by = self.layers.texts[winner.text].name.to_string();
            let (key, expected) = (loser.name.clone(), key.expected);
            self.warnings.push(Doubt::Overridden { key, by, expected, place }.into_problem());
        });
    }

    /// Shows the default of a key that the machine has a use for.
    fn defaulted(&mut self, key: &'static Key) {
        let keys::Default::Value(default) = key.default else { return };
        if self.places.contains_key(key.name)
            || !self.config.provider_kind().is_some_and(|kind| key.used_by.contains(&kind))
        {
            return;
        }
        let mut config = Config::default();
        let text = Text::new(0, "default", default.to_owned());
        let mut reader = Reader {
            key,
            name: key.name,
            value: &expand::Value::verbatim(default, 0),
            text: &text,
            layer: Layer::File,
            surroundings: self.surroundings,
            errors: &mut Findings::default(),
            warnings: &mut Findings::default(),
        };
        reader.read(&mut config);
        if let Some(value) = (key.show)(&config) {
            self.settings.push(Setting { key: key.name, value, origin: Origin::Default });
        }
    }
}

/// A `$` form that could not be resolved, as a mistake of the key that has it.
fn reference_error(key: &str, error: &ExpandError, text: &Text) -> (Problem, Place) {
    let key = key.to_owned();
    let (ExpandError::Undefined { at, .. }
    | ExpandError::Unclear { at, .. }
    | ExpandError::BadForm { at }
    | ExpandError::TooDeep { at }
    | ExpandError::TooLong { at }) = error;
    let place = text.place(at.clone());
    let error = match error {
        ExpandError::Undefined { name, .. } => {
            LineError::Undefined { key, name: name.clone(), place: place.clone() }
        }
        ExpandError::Unclear { name, line, .. } => {
            LineError::Unclear { key, name: name.clone(), line: *line, place: place.clone() }
        }
        ExpandError::TooDeep { .. } => {
            LineError::TooDeep { key, most: expand::DEEPEST, place: place.clone() }
        }
        ExpandError::BadForm { .. } => LineError::BadReference { key, place: place.clone() },
        ExpandError::TooLong { .. } => LineError::TooLong { key, place: place.clone() },
    };
    (error.into_problem(), place)
}

/// The files that decide what the next `up` does, as far as they exist.
fn guarded(dir: &Path, read: &[PathBuf], config: &Config) -> Vec<PathBuf> {
    let named_like_one = |name: &std::ffi::OsStr| {
        name.as_encoded_bytes().starts_with(b".env") || name == "vagrantp.env"
    };
    let beside = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let beside =
        beside.filter(|entry| named_like_one(&entry.file_name())).map(|entry| entry.path());
    let playbooks = config.playbooks.iter().filter_map(|playbook| match &playbook.value {
        Playbook::File(path) => Some(path.clone()),
        Playbook::Shipped(_) => None,
    });
    let vars = config.provisioning_vars.iter().map(|path| path.value.clone());
    let cloud_init = config.cloud_init.iter().map(|file| file.value.path.clone());
    let others = vars.chain(cloud_init);
    let mut files: Vec<PathBuf> = beside
        .chain(read.iter().cloned())
        .chain(playbooks)
        .chain(others)
        .filter_map(|path| std::fs::canonicalize(path).ok())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files.dedup();
    files
}
