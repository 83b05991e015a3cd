//! What every verb gets: the host, the global options, and where to report.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use miette::Diagnostic;
use thiserror::Error;
use tokio::sync::watch;

use crate::apply::{ApplyError, apply, journal_steps};
use crate::config::{self, LoadRequest, Loaded, Setting};
use crate::model::code::Code;
use crate::model::desired::Desired;
use crate::model::host::HostFacts;
use crate::model::id::{Identity, ProjectDir};
use crate::model::problem::Problem;
use crate::model::source::{Place, Sources};
use crate::plan::Plan;
use crate::provider::{Provider, registry};
use crate::report::{Document, Reporter, json};
use crate::resolve;
use crate::store::Store;
use crate::store::history::Subject;

use super::host;
use super::{Failure, Global};

/// What every verb gets.
pub struct Context<'a> {
    /// The host.
    pub facts: HostFacts,
    /// The global options.
    pub global: Global,
    /// Where to report.
    pub reporter: &'a Reporter,
    /// What is kept on disk.
    pub store: Store,
    /// The number of a signal that came, or 0.
    pub signal: watch::Receiver<i32>,
    /// Whether a plan is being carried out: then the signal is for [`crate::apply`].
    pub applying: AtomicBool,
    /// Whether a plan with anything in it was carried out, or begun to be.
    pub changed: AtomicBool,
}

/// A complete wish, and what was said on the way to it.
pub struct Wish {
    /// The wish.
    pub desired: Desired,
    /// What is worth saying and stops nothing.
    pub warnings: Vec<Problem>,
    /// The texts that places point into.
    pub sources: Sources,
    /// Every key of ours as understood.
    pub settings: Vec<Setting>,
}

/// A directory that cannot be a project.
#[derive(Debug, Error, Diagnostic)]
enum DirectoryError {
    #[error("the directory {} cannot be used", path.display())]
    #[diagnostic(
        code(vagrantp::usage::directory),
        help("give an existing directory with -C, or go to one that you may read")
    )]
    Unusable {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("the directory's path is not UTF-8: {}", path.display())]
    #[diagnostic(
        code(vagrantp::usage::directory_not_text),
        help("rename the directory, and those above it, so that its path is UTF-8 text")
    )]
    NotText { path: PathBuf },
}

/// A key that is read and checked, and that nothing acts on yet.
#[derive(Debug, Error, Diagnostic)]
#[error("this version of vagrantp does not act on {key} yet")]
#[diagnostic(
    code(vagrantp::config::not_acted_on),
    severity(Warning),
    help("the line is checked and may stay; what it asks for is not done")
)]
struct NotActedOn {
    key: &'static str,
    #[label(collection, "not acted on")]
    place: Option<Place>,
}

/// The keys that a later version acts on. Ignoring one without a word would be worse.
pub(super) const UNBUILT: [&str; 8] = [
    "PROVISIONING_PLAYBOOK",
    "PROVISIONING_VARS",
    "PROVISIONING_EXTRA_VARS",
    "PROVISIONING_BOOTSTRAP",
    "ROLLBACK_ON_FAILURE",
    "REQUIRE_OS",
    "REQUIRE_MEMORY",
    "REQUIRE_DISK",
];

fn unbuilt(mut warnings: Vec<Problem>, settings: &[Setting]) -> Vec<Problem> {
    let written = settings
        .iter()
        .filter(|setting| UNBUILT.contains(&setting.key) && !setting.origin.is_default());
    warnings.extend(written.map(|setting| {
        let place = setting.origin.place();
        let error = NotActedOn { key: setting.key, place: place.cloned() };
        Problem::new(Code::Unsupported, error).at(setting.key, place)
    }));
    Problem::sort(&mut warnings);
    warnings
}

impl Context<'_> {
    /// How long to wait for a lock.
    #[must_use]
    pub fn lock_timeout(&self) -> Duration {
        Duration::from_secs(self.global.lock_timeout)
    }

    /// Says which machine the command is about, before anything slow.
    pub fn begin(&self, identity: &Identity) {
        let Identity { id, infra_type, provider, .. } = identity;
        self.reporter.begin(&format!("{id} ({infra_type} on {provider})"));
    }

    /// The project's directory: `-C`, else the current one, with symlinks resolved.
    ///
    /// # Errors
    /// It is not there, may not be entered, or its path is not UTF-8.
    pub fn project(&self) -> Result<ProjectDir, Failure> {
        let written = self.global.directory.clone().unwrap_or_else(|| PathBuf::from("."));
        let unusable = |cause| {
            let error = DirectoryError::Unusable { path: written.clone(), cause };
            Failure::from(Problem::new(Code::ConfigInvalid, error))
        };
        let base = host::current_dir().map_err(unusable)?;
        let path = base.join(&written).canonicalize().map_err(unusable)?;
        // Labels, records and JSON hold the path as text, and it has to be this directory's alone.
        if path.to_str().is_none() {
            return Err(Problem::new(Code::ConfigInvalid, DirectoryError::NotText { path }).into());
        }
        let metadata = path.metadata().map_err(unusable)?;
        if !metadata.is_dir() {
            return Err(unusable(std::io::ErrorKind::NotADirectory.into()));
        }
        let mount = host::mounts::mount_of(&path);
        Ok(ProjectDir { path, device: metadata.dev(), inode: metadata.ino(), mount })
    }

    /// Reads the configuration of the project.
    #[must_use]
    pub fn load(&self, project: &ProjectDir) -> Loaded {
        config::load(&LoadRequest {
            dir: &project.path,
            env_files: &self.global.env_file,
            set: &self.global.set,
            facts: &self.facts,
        })
    }

    /// The complete wish of the project.
    ///
    /// # Errors
    /// Every mistake of every file at once.
    pub fn wish(&self, project: &ProjectDir) -> Result<Wish, Failure> {
        let loaded = self.load(project);
        let failure = |problems, sources, warnings| Failure {
            problems,
            warnings,
            sources,
            ..Failure::default()
        };
        let Some(config) = loaded.config else {
            return Err(failure(loaded.errors, loaded.sources, loaded.warnings));
        };
        match resolve::resolve(&config, project, &self.facts) {
            Ok(desired) => Ok(Wish {
                desired,
                warnings: unbuilt(loaded.warnings, &loaded.settings),
                sources: loaded.sources,
                settings: loaded.settings,
            }),
            Err(problems) => Err(failure(problems, loaded.sources, loaded.warnings)),
        }
    }

    /// Carries a plan out, written down in the instance's journal. While it lasts, signals are for
    /// it; before and after, a signal ends the command at once.
    ///
    /// # Errors
    /// The step that could not be done. The journal stays only where a signal came.
    pub async fn carry_out(
        &self,
        verb: &'static str,
        identity: &Identity,
        plan: &Plan,
        provider: &dyn Provider,
    ) -> Result<(), ApplyError> {
        let signal = self.signal.clone();
        self.carry_out_heeding(verb, identity, plan, provider, signal).await
    }

    /// The same, with the signals that interrupt it.
    ///
    /// # Errors
    /// As for [`Context::carry_out`].
    pub async fn carry_out_heeding(
        &self,
        verb: &'static str,
        identity: &Identity,
        plan: &Plan,
        provider: &dyn Provider,
        mut signal: watch::Receiver<i32>,
    ) -> Result<(), ApplyError> {
        let store = self.store.instance(identity.uuid);
        let subject = Subject {
            uuid: identity.uuid,
            infra_id: identity.id.to_string(),
            project: identity.project.path.clone(),
            user: self.facts.user.clone().unwrap_or_else(|| self.facts.uid.to_string()),
            verb,
        };
        let history = self.store.history(subject, self.reporter);
        // One that nobody can read is set aside, and is not in the way of the next.
        drop(store.journal());
        // Who stops or removes something makes room: a full disk must not be in the way of that.
        let frees = matches!(verb, "stop" | "rm" | "gc");
        let steps = journal_steps(plan);
        let mut journal =
            if frees { store.begin_where_room(verb, steps) } else { store.begin(verb, steps) }?;
        self.applying.store(true, Ordering::Relaxed);
        self.changed.fetch_or(!plan.is_empty(), Ordering::Relaxed);
        let applied = apply(plan, provider, &mut journal, &history, &mut signal).await;
        // How it failed is still to be told, and what it left to be looked after: no signal cuts in.
        // What is stale is planned again, and may be asked about.
        let is_over = matches!(applied, Ok(()) | Err(ApplyError::Stale { .. }));
        self.applying.store(!is_over, Ordering::Relaxed);
        if let Some(error) = journal.lacking() {
            self.reporter.warn(&format!(
                "{error}: there is no room left, so it was not written down what was being done"
            ));
        }
        let may_have_left = match applied {
            Err(ApplyError::Interrupted { .. }) => true,
            // Not all can be taken back: what stays is not what a glance at the machine shows.
            Err(_) if !is_over => journal.has_done(),
            _ => false,
        };
        if !may_have_left && let Err(error) = journal.close() {
            // What was done is done: the next call finds that out, and removes it.
            self.reporter.warn(&format!("the journal cannot be closed: {error}"));
        }
        applied
    }

    /// A failure on the way to this wish, with all that is known about it: which lines it is about,
    /// and what its provider cannot do in any case.
    #[must_use]
    pub fn failed(&self, failure: Failure, wish: Wish) -> Failure {
        let capabilities = registry::capabilities(wish.desired.identity.provider);
        failure
            .with_refusals(&wish.desired, capabilities.as_ref())
            .located(&wish.settings)
            .with_sources(&wish.sources, wish.warnings)
    }

    /// A document that carries the warnings.
    #[must_use]
    pub fn document(&self, warnings: &[Problem]) -> Document {
        Document { warnings: warnings.iter().map(json::warning).collect(), ..Document::default() }
    }
}
