//! A plan error as a problem: with its key, its place, and the numbers that programs look for.

use super::PlanError;
use crate::model::problem::Problem;

impl From<PlanError> for Problem {
    fn from(error: PlanError) -> Self {
        let field = error.field().map(|(key, place)| (key, place.cloned()));
        let mut problem = Problem::new(error.code(), error.clone());
        if let Some((key, place)) = field {
            problem = problem.at(key, place.as_ref());
        }
        match error {
            PlanError::MemoryShort { wanted, available, .. } => {
                problem.with("required_mb", wanted.0).with("available_mb", available.0)
            }
            PlanError::CpusShort { wanted, available, .. } => {
                problem.with("required_cpus", wanted.0).with("available_cpus", available.0)
            }
            PlanError::DiskShort { wanted, available, .. } => {
                problem.with("required_bytes", wanted.0).with("available_bytes", available.0)
            }
            PlanError::DiskShrinks { found, wanted, .. } => {
                problem.with("found_mb", found.0).with("wanted_mb", wanted.0)
            }
            PlanError::SshPortTaken { port, holder, .. }
            | PlanError::PortTaken { port, holder, .. } => {
                problem.with("port", port).with("holder", holder)
            }
            PlanError::RangeTaken { theirs, by, .. } => {
                problem.with("range", theirs.to_string()).with("holder", by)
            }
            PlanError::AddressTaken { by, .. } => problem.with("holder", by),
            PlanError::NameTaken { owner, .. } => problem.with("owner", owner),
            PlanError::Moved { from, .. } => problem.with("from", from.display().to_string()),
            _ => problem,
        }
    }
}
