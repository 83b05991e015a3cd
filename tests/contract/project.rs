//! A project's directory with what a caller brings along, and what comes of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use vagrantp::config::{LoadRequest, Loaded, Setting, load};
use vagrantp::model::host::{HostFacts, Places};
use vagrantp::model::problem::Problem;
use vagrantp::model::units::Memory;
use vagrantp::report::{Style, human, json};

/// A project.
pub(crate) struct Project {
    dir: tempfile::TempDir,
    pub(crate) facts: HostFacts,
    pub(crate) set: Vec<String>,
    pub(crate) env_files: Vec<PathBuf>,
}

impl Project {
    pub(crate) fn new(env: &str) -> Self {
        let nowhere = PathBuf::from("/nonexistent");
        let project = Project {
            dir: tempfile::tempdir().expect("a directory"),
            facts: HostFacts {
                uid: 1000,
                gid: 1000,
                user: Some("me".to_owned()),
                home: nowhere.clone(),
                machine_id: "m".to_owned(),
                cpus: 2,
                memory_available: Memory(4096),
                memory_total: Memory(8192),
                first_unprivileged_port: 1024,
                bridges: vec!["br0".to_owned(), "virbr0".to_owned()],
                attached: Default::default(),
                places: Places {
                    state: nowhere.clone(),
                    data: nowhere.clone(),
                    cache: nowhere.clone(),
                    runtime: nowhere,
                },
                environment: BTreeMap::new(),
                own_key: None,
                distribution: Vec::new(),
            },
            set: Vec::new(),
            env_files: Vec::new(),
        };
        project.write(".env", env);
        project
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.dir.path().join(name), content).expect("a file");
    }

    pub(crate) fn load(&self) -> Loaded {
        load(&LoadRequest {
            dir: self.dir.path(),
            env_files: &self.env_files,
            set: &self.set,
            facts: &self.facts,
        })
    }
}

/// How a person without a terminal reads it.
pub(crate) const PLAIN: Style =
    Style { json: false, quiet: false, verbose: 0, rich: false, width: 100, stream: false };

/// Everything that can be said of what was loaded, in text and in JSON, with the plain and with the
/// rich theme.
pub(crate) fn said(loaded: &Loaded) -> String {
    let rich = Style { rich: true, width: 40, ..PLAIN };
    let mut out = String::new();
    for problem in loaded.errors.iter().chain(&loaded.warnings) {
        out.push_str(&human::problem(problem, &loaded.sources, PLAIN));
        out.push_str(&human::problem(problem, &loaded.sources, rich));
        out.push_str(&format!("{problem:?}"));
    }
    let warnings = loaded.warnings.iter().map(|warning| json::warning(warning).to_string());
    out.extend(warnings);
    if !loaded.errors.is_empty() {
        out.push_str(
            &json::text(&json::failure(&loaded.errors, loaded.errors.first())).expect("JSON"),
        );
    }
    out
}

/// How the keys are said to be understood.
pub(crate) fn understood(loaded: &Loaded) -> String {
    let line = |setting: &Setting| format!("{}={}\n", setting.key, setting.value);
    loaded.settings.iter().map(line).collect()
}

/// The rule of a problem, without its prefix.
pub(crate) fn rule(problem: &Problem) -> String {
    let rule = problem.rule().expect("every problem has a rule");
    rule.trim_start_matches("vagrantp::config::").to_owned()
}

/// `rule@file:line:column` of every problem.
pub(crate) fn rules(problems: &[Problem]) -> Vec<String> {
    let one = |problem: &Problem| match &problem.place {
        Some(place) => format!("{}@{}:{}:{}", rule(problem), place.file, place.line, place.column),
        None => rule(problem),
    };
    problems.iter().map(one).collect()
}
