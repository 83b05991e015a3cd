//! What can go wrong with what virtual machines share, a variant a reason that wants another remedy.

mod disk;
mod seed;

use miette::Diagnostic;
use thiserror::Error;

pub use disk::DiskError;
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
    /// About disks and the files that they are made from.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Disk(#[from] DiskError),
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
            GuestError::Disk(error) => error.stable_code(),
            GuestError::Seed(error) => error.stable_code(),
        }
    }

    /// The key of the `.env` that it is about.
    #[must_use]
    pub fn field(&self) -> Option<&'static str> {
        match self {
            GuestError::Key(_) => None,
            GuestError::Disk(error) => error.field(),
            GuestError::Seed(error) => error.field(),
        }
    }
}

impl From<GuestError> for Problem {
    fn from(error: GuestError) -> Self {
        let (code, field) = (error.stable_code(), error.field());
        let mut problem = Problem::new(code, error);
        problem.field = field.map(str::to_owned);
        problem
    }
}
