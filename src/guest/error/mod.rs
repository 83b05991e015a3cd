//! What can go wrong with what virtual machines share, a variant a reason that wants another remedy.

mod boot;
mod disk;
mod fetch;
mod seed;

use miette::Diagnostic;
use thiserror::Error;

pub use boot::{BootError, Told};
pub use disk::DiskError;
pub use fetch::FetchError;
pub use seed::{KeyError, SeedError};

use crate::model::code::Code;
use crate::model::problem::Problem;

/// Any failure of this module's.
#[derive(Debug, Error, Diagnostic)]
pub enum GuestError {
    /// About keys.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Key(#[from] KeyError),
    /// About a machine that did not become reachable.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Boot(#[from] BootError),
    /// About disks and the files that they are made from.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Disk(#[from] DiskError),
    /// About images.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fetch(#[from] FetchError),
    /// About the seed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Seed(#[from] SeedError),
}

impl GuestError {
    /// The stable code.
    #[must_use]
    pub fn stable_code(&self) -> Code {
        match self {
            GuestError::Key(error) => error.stable_code(),
            GuestError::Boot(error) => error.stable_code(),
            GuestError::Disk(error) => error.stable_code(),
            GuestError::Fetch(error) => error.stable_code(),
            GuestError::Seed(error) => error.stable_code(),
        }
    }

    /// The key of the `.env` that it is about.
    #[must_use]
    pub fn field(&self) -> Option<&'static str> {
        match self {
            GuestError::Boot(_) | GuestError::Key(_) => None,
            GuestError::Disk(error) => error.field(),
            GuestError::Fetch(error) => error.field(),
            GuestError::Seed(error) => error.field(),
        }
    }
}

impl From<GuestError> for Problem {
    fn from(error: GuestError) -> Self {
        let (code, field) = (error.stable_code(), error.field());
        let facts: Vec<(&'static str, serde_json::Value)> = match &error {
            GuestError::Boot(error) => {
                let told = error.told();
                vec![("stage", told.stage.into()), ("last_output", told.log.join("\n").into())]
            }
            _ => Vec::new(),
        };
        let mut problem = Problem::new(code, error);
        problem.details.extend(facts);
        problem.field = field.map(str::to_owned);
        problem
    }
}
