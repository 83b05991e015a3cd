//! A mistake or a failure on its way to the person who can mend it.
//!
//! Each layer has its own error enum, with one variant a mistake, its wording and its label beside
//! the code that raises it. A [`Problem`] wraps such an error with what JSON and the exit status
//! need besides.

use std::collections::BTreeMap;
use std::fmt;

use miette::Diagnostic;
use serde_json::Value;

use super::code::Code;
use super::source::Place;

/// Any error of ours, with what a report needs of it.
pub struct Problem {
    /// The stable code.
    pub code: Code,
    /// The error itself: message, rule (`vagrantp::config::…`), labels, help, causes.
    pub diagnostic: Box<dyn Diagnostic + Send + Sync + 'static>,
    /// The key of the `.env` that it is about.
    pub field: Option<String>,
    /// Where that stands.
    pub place: Option<Place>,
    /// Facts for machines: numbers, names, sizes.
    pub details: BTreeMap<&'static str, Value>,
    /// Steps that find the cause, where it cannot be told from here.
    pub troubleshooting: Vec<String>,
}

impl Problem {
    /// A problem with nothing but its code and its wording.
    pub fn new(code: Code, diagnostic: impl Diagnostic + Send + Sync + 'static) -> Self {
        Problem {
            code,
            diagnostic: Box::new(diagnostic),
            field: None,
            place: None,
            details: BTreeMap::new(),
            troubleshooting: Vec::new(),
        }
    }

    /// Adds the key and the place that it is about.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>, place: Option<&Place>) -> Self {
        self.field = Some(field.into());
        self.place = place.cloned();
        self
    }

    /// Adds a fact for machines.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.details.insert(name, value.into());
        self
    }

    /// Adds steps that find the cause.
    #[must_use]
    pub fn troubleshoot<S: Into<String>>(mut self, steps: impl IntoIterator<Item = S>) -> Self {
        self.troubleshooting.extend(steps.into_iter().map(Into::into));
        self
    }

    /// The message without its labels and help.
    #[must_use]
    pub fn message(&self) -> String {
        self.diagnostic.to_string()
    }

    /// The line that holds the fix.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        self.diagnostic.help().map(|help| help.to_string())
    }

    /// The rule that was broken, as in `docs/reference/errors.md`.
    #[must_use]
    pub fn rule(&self) -> Option<String> {
        self.diagnostic.code().map(|code| code.to_string())
    }

    /// Sorts by file and position; problems without a place come last, in their own order.
    pub fn sort(problems: &mut [Problem]) {
        problems.sort_by(|a, b| match (&a.place, &b.place) {
            (Some(a), Some(b)) => a.cmp(b),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (None, None) => std::cmp::Ordering::Equal,
        });
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Problem")
            .field("code", &self.code)
            .field("rule", &self.rule())
            .field("message", &self.message())
            .field("field", &self.field)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}
