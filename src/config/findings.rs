//! Mistakes and doubts as they are found: a file of nothing else is answered with the first of them
//! and the number of the rest.

use miette::Diagnostic;
use thiserror::Error;

use crate::model::code::Code;
use crate::model::problem::Problem;

/// So many are kept. Who has mended these calls again.
const MOST: usize = 500;

/// What stands for the rest.
#[derive(Debug, Error, Diagnostic)]
enum Rest {
    #[error("{count} more mistakes are left out")]
    #[diagnostic(
        code(vagrantp::config::more_mistakes),
        help("correct those that are listed, then call it again; is it the right file?")
    )]
    Mistakes { count: usize },
    #[error("{count} more warnings are left out")]
    #[diagnostic(
        code(vagrantp::config::more_warnings),
        severity(Warning),
        help("see to those that are listed, then call it again; is it the right file?")
    )]
    Warnings { count: usize },
}

/// The first of what was found, and how much there was besides.
#[derive(Debug, Default)]
pub(super) struct Findings {
    kept: Vec<Problem>,
    left_out: usize,
}

impl Findings {
    /// Adds one. It is made only where it is kept.
    pub(super) fn add(&mut self, make: impl FnOnce() -> Problem) {
        if self.kept.len() < MOST {
            self.kept.push(make());
        } else {
            self.left_out += 1;
        }
    }

    /// Adds one that is there.
    pub(super) fn push(&mut self, problem: Problem) {
        self.add(|| problem);
    }

    /// Adds those of another look.
    pub(super) fn append(&mut self, other: Findings) {
        self.left_out += other.left_out;
        other.kept.into_iter().for_each(|problem| self.push(problem));
    }

    /// Whether nothing was found.
    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Those that were kept.
    pub(super) fn kept(self) -> Vec<Problem> {
        self.kept
    }

    /// Mistakes, by their place, and what stands for the rest.
    pub(super) fn mistakes(self) -> Vec<Problem> {
        self.sorted(|count| Rest::Mistakes { count })
    }

    /// Doubts, by their place, and what stands for the rest.
    pub(super) fn warnings(self) -> Vec<Problem> {
        self.sorted(|count| Rest::Warnings { count })
    }

    fn sorted(self, rest: impl FnOnce(usize) -> Rest) -> Vec<Problem> {
        let Findings { mut kept, left_out } = self;
        Problem::sort(&mut kept);
        if left_out > 0 {
            let problem = Problem::new(Code::ConfigInvalid, rest(left_out));
            kept.push(problem.with("left_out", left_out));
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_the_first_are_kept_and_the_rest_is_counted() {
        let problem = || Problem::new(Code::ConfigInvalid, Rest::Mistakes { count: 1 });
        let mut findings = Findings::default();
        assert!(findings.is_empty());
        for _ in 0..MOST {
            findings.add(problem);
        }
        findings.add(|| unreachable!("nobody would read it"));
        let mut more = Findings::default();
        more.push(problem());
        findings.append(more);
        let mistakes = findings.mistakes();
        assert_eq!(mistakes.len(), MOST + 1);
        assert_eq!(mistakes[MOST].message(), "2 more mistakes are left out");
        assert_eq!(mistakes[MOST].details["left_out"], 2);
        assert_eq!(Findings::default().warnings().len(), 0);
    }
}
