//! What every verb gets: the host, the global options, and where to report.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use miette::Diagnostic;
use thiserror::Error;
use tokio::sync::watch;

use crate::config::{self, LoadRequest, Loaded, Setting};
use crate::model::code::Code;
use crate::model::desired::Desired;
use crate::model::host::HostFacts;
use crate::model::id::ProjectDir;
use crate::model::problem::Problem;
use crate::model::source::Sources;
use crate::report::{Document, Reporter, json};
use crate::resolve;
use crate::store::Store;

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
}

impl Context<'_> {
    /// How long to wait for a lock.
    #[must_use]
    pub fn lock_timeout(&self) -> Duration {
        Duration::from_secs(self.global.lock_timeout)
    }

    /// The project's directory: `-C`, else the current one, with symlinks resolved.
    ///
    /// # Errors
    /// It is not there, or may not be entered.
    pub fn project(&self) -> Result<ProjectDir, Failure> {
        let written = self.global.directory.clone().unwrap_or_else(|| PathBuf::from("."));
        let unusable = |cause| {
            let error = DirectoryError::Unusable { path: written.clone(), cause };
            Failure::from(Problem::new(Code::ConfigInvalid, error))
        };
        let base = host::current_dir().map_err(unusable)?;
        let path = base.join(&written).canonicalize().map_err(unusable)?;
        let metadata = path.metadata().map_err(unusable)?;
        if !metadata.is_dir() {
            return Err(unusable(std::io::ErrorKind::NotADirectory.into()));
        }
        Ok(ProjectDir { path, device: metadata.dev(), inode: metadata.ino() })
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
                warnings: loaded.warnings,
                sources: loaded.sources,
                settings: loaded.settings,
            }),
            Err(problems) => Err(failure(problems, loaded.sources, loaded.warnings)),
        }
    }

    /// A document that carries the warnings.
    #[must_use]
    pub fn document(&self, warnings: &[Problem]) -> Document {
        Document { warnings: warnings.iter().map(json::warning).collect(), ..Document::default() }
    }

    /// The caller's name, for the history.
    #[must_use]
    pub fn user(&self) -> String {
        self.facts.user.clone().unwrap_or_else(|| self.facts.uid.to_string())
    }
}
