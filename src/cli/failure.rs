//! Why a verb failed: every problem, and the exit status that they come to.

use std::io::Write;
use std::process::ExitCode;

use miette::{Diagnostic, MietteDiagnostic};
use thiserror::Error;

use crate::apply::ApplyError;
use crate::config::Setting;
use crate::exit;
use crate::model::capability::Capabilities;
use crate::model::code::Code;
use crate::model::desired::Desired;
use crate::model::observed::EngineFacts;
use crate::model::plain::is_unsafe;
use crate::model::problem::Problem;
use crate::model::source::Sources;
use crate::plan::PlanError;
use crate::plan::refuse::refusals;
use crate::provider::ProviderError;
use crate::report::{Document, clean, json};
use crate::store::StoreError;

/// A failed verb.
#[derive(Debug, Default)]
pub struct Failure {
    /// Every problem.
    pub problems: Vec<Problem>,
    /// What was worth saying besides.
    pub warnings: Vec<Problem>,
    /// Whether people have read the warnings already.
    pub warned: bool,
    /// The texts that places point into.
    pub sources: Sources,
    /// What the document says beside the error.
    pub base: Box<Document>,
    /// The signal that ended it.
    pub signal: Option<i32>,
}

impl Failure {
    /// A failure that nobody foresaw.
    #[must_use]
    pub fn internal(operation: &str, error: &dyn std::error::Error) -> Self {
        let diagnostic = MietteDiagnostic::new(format!("vagrantp could not {operation}: {error}"))
            .with_code("vagrantp::internal")
            .with_help("this is a bug, or a host in trouble; please report it with this message");
        Problem::new(Code::Internal, diagnostic).into()
    }

    /// The verb did what it was asked, and its answer did not get to where stdout leads.
    #[must_use]
    pub fn answer_lost(error: &std::io::Error) -> Self {
        let diagnostic =
            MietteDiagnostic::new(format!("the answer cannot be written to stdout: {error}"))
                .with_code("vagrantp::internal")
                .with_help("make room where stdout leads, or send it elsewhere, and call it again");
        Problem::new(Code::Internal, diagnostic).into()
    }

    /// A signal came before anything was begun.
    #[must_use]
    pub fn interrupted(signal: i32, changed: bool) -> Self {
        let (says, help) = if changed {
            ("interrupted after all steps were done", "`vagrantp status` shows what came of them")
        } else {
            (
                "interrupted before anything was changed",
                "call it again; nothing has to be cleared away first",
            )
        };
        let diagnostic =
            MietteDiagnostic::new(says).with_code("vagrantp::interrupted").with_help(help);
        let problem = Problem::new(Code::Interrupted, diagnostic).with("signal", signal);
        Failure { signal: Some(signal), ..Failure::from(problem) }
    }

    /// A second signal came: nothing was waited for any more, not even what was `under_way`.
    #[must_use]
    pub fn cut_off(signal: i32, under_way: Option<&str>) -> Self {
        let left = under_way.map(|step| format!("; this was left under way: {step}"));
        let says = format!("interrupted again, and stopped at once{}", left.unwrap_or_default());
        let diagnostic = MietteDiagnostic::new(says).with_code("vagrantp::interrupted").with_help(
            "`vagrantp up` looks at what came of it and makes the machine that the .env asks for; \
             `vagrantp rm` clears it away",
        );
        let mut problem = Problem::new(Code::Interrupted, diagnostic).with("signal", signal);
        if let Some(step) = under_way {
            problem = problem.with("under_way", step);
        }
        Failure { signal: Some(signal), ..Failure::from(problem) }
    }

    /// The same, with the texts that places point into, and what was said on the way.
    #[must_use]
    pub fn with_sources(mut self, sources: &Sources, warnings: Vec<Problem>) -> Self {
        self.sources = sources.clone();
        self.warnings = warnings;
        self
    }

    /// The same, where people have read the warnings already; programs have not.
    #[must_use]
    pub fn warned(mut self) -> Self {
        self.warned = true;
        self
    }

    /// The same, with what the provider cannot do in any case, where it could not be asked: that
    /// comes first, and needs nobody's answer.
    #[must_use]
    pub fn with_refusals(mut self, desired: &Desired, capabilities: Option<&Capabilities>) -> Self {
        let unreached = |problem: &Problem| {
            exit::status(problem.code) == exit::status(Code::ProviderNotAvailable)
        };
        if let Some(capabilities) = capabilities
            && self.problems.iter().any(unreached)
        {
            // What depends on the engine is told once it answers.
            let engine = EngineFacts::default();
            let refused = refusals(desired, &engine, capabilities).into_iter().map(Problem::from);
            self.problems.extend(refused);
            Problem::sort(&mut self.problems);
        }
        self
    }

    /// The same, with the line of its key for every problem that knows its key alone: what the
    /// provider says no to was asked for somewhere.
    #[must_use]
    pub fn located(mut self, settings: &[Setting]) -> Self {
        for problem in self.problems.iter_mut().filter(|problem| problem.place.is_none()) {
            let setting = problem
                .field
                .as_ref()
                .and_then(|field| settings.iter().find(|setting| setting.key == field.as_str()));
            problem.place = setting.and_then(|setting| setting.origin.place()).cloned();
        }
        self
    }

    /// All of it in one line: what happened, and what to do.
    #[must_use]
    pub fn line(&self) -> String {
        let words = |problem: &Problem| match problem.help() {
            Some(help) => format!("{}. {help}", problem.message()),
            None => problem.message(),
        };
        self.problems.iter().map(words).collect::<Vec<_>>().join("; ")
    }

    /// The exit status.
    #[must_use]
    pub fn exit(&self) -> u8 {
        match self.signal {
            Some(signal) => exit::of_signal(signal),
            None => exit::deciding(&self.problems).map_or(1, |problem| exit::status(problem.code)),
        }
    }

    /// The JSON document.
    #[must_use]
    pub fn document(&self) -> Document {
        Document {
            success: false,
            error: failed(&self.problems).error,
            warnings: self.warnings.iter().map(json::warning).collect(),
            ..(*self.base).clone()
        }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Failure { problems: vec![problem], ..Failure::default() }
    }
}

impl From<Vec<Problem>> for Failure {
    fn from(problems: Vec<Problem>) -> Self {
        Failure { problems, ..Failure::default() }
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        Problem::from(error).into()
    }
}

impl From<Vec<PlanError>> for Failure {
    fn from(errors: Vec<PlanError>) -> Self {
        errors.into_iter().map(Problem::from).collect::<Vec<_>>().into()
    }
}

impl From<ProviderError> for Failure {
    fn from(error: ProviderError) -> Self {
        Problem::from(error).into()
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Problem::from(error).into()
    }
}

impl From<ApplyError> for Failure {
    fn from(error: ApplyError) -> Self {
        let signal = match &error {
            ApplyError::Interrupted { signal, .. } => Some(*signal),
            _ => None,
        };
        Failure { signal, ..Failure::from(Problem::from(error)) }
    }
}

/// A document of nothing but texts, as text.
fn written(document: &Document) -> String {
    json::text(document).unwrap_or_else(|unwritable| unwritable.document)
}

/// The document of these problems.
fn failed(problems: &[Problem]) -> Document {
    json::failure(problems, exit::deciding(problems))
}

#[derive(Debug, Error, Diagnostic)]
#[error("{message}")]
#[diagnostic(code(vagrantp::usage::arguments), help("`vagrantp --help` shows what there is"))]
struct UsageError {
    message: String,
}

/// Reports what clap has to say: help and version on stdout with success, mistakes as usage
/// errors, in JSON where that was asked for.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind;
    let asked_for = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if asked_for && json_was_asked_for() {
        let text = error.render().to_string();
        let message = Some(text.trim_end().to_owned());
        let document = Document { message, changed: Some(false), ..Document::default() };
        let _ = writeln!(anstream::stdout(), "{}", written(&document));
        return ExitCode::from(exit::SUCCESS);
    }
    if asked_for || !json_was_asked_for() {
        let printed = print(error, asked_for);
        let lost = printed.err().filter(|error| error.kind() != std::io::ErrorKind::BrokenPipe);
        return ExitCode::from(match (asked_for, lost) {
            (true, None) => exit::SUCCESS,
            (true, Some(error)) => {
                let _ = writeln!(std::io::stderr(), "vagrantp: stdout cannot be written: {error}");
                exit::status(Code::Internal)
            }
            (false, _) => exit::status(Code::Usage),
        });
    }
    let rendered = error.render().to_string();
    let message = rendered.lines().next().unwrap_or_default();
    let message = message.strip_prefix("error: ").unwrap_or(message).to_owned();
    let problem = Problem::new(Code::Usage, UsageError { message });
    let document = failed(&[problem]);
    let mut stdout = anstream::stdout();
    let _ = writeln!(stdout, "{}", written(&document));
    ExitCode::from(exit::status(Code::Usage))
}

/// As clap prints it, unless what was typed would steer the terminal: clap repeats it as it is.
fn print(error: &clap::Error, asked_for: bool) -> std::io::Result<()> {
    let typed = std::env::args_os().skip(1);
    let harmless = |argument: std::ffi::OsString| {
        argument.to_str().is_some_and(|text| !text.chars().any(is_unsafe))
    };
    if asked_for || typed.into_iter().all(harmless) {
        return error.print();
    }
    write!(anstream::stderr(), "{}", clean::block(&error.render().to_string()))
}

/// Whether `--json` stands among the arguments, before a `--`.
fn json_was_asked_for() -> bool {
    std::env::args_os().take_while(|argument| argument != "--").any(|argument| argument == "--json")
}

/// A bug is reported as one, without a backtrace, and in JSON where that was asked for.
pub(super) fn on_panic(json: bool) {
    std::panic::set_hook(Box::new(move |panic| {
        let at = panic.location().map(|at| format!(" ({}:{})", at.file(), at.line()));
        let text = panic
            .payload()
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.payload().downcast_ref::<&str>().copied())
            .unwrap_or("no reason was given");
        let message = format!("a bug in vagrantp: {text}{}", at.unwrap_or_default());
        let help = "nothing was lost: `vagrantp status` shows what there is; please report this";
        if json {
            let diagnostic =
                MietteDiagnostic::new(message).with_code("vagrantp::internal").with_help(help);
            let document = failed(&[Problem::new(Code::Internal, diagnostic)]);
            let _ = writeln!(anstream::stdout(), "{}", written(&document));
        } else {
            let message = clean::block(&message);
            let _ = writeln!(anstream::stderr(), "error: {message}\n  help: {help}");
        }
        // Unwinding through an async runtime helps nobody; the kernel gives the locks back.
        leave();
    }));
}

#[expect(clippy::exit, reason = "a bug has just been reported; there is nothing left to do")]
fn leave() {
    std::process::exit(i32::from(exit::status(Code::Internal)));
}

/// A mistake on the command line that clap cannot find.
pub(super) fn usage_problem(message: String, help: String) -> Failure {
    let diagnostic =
        MietteDiagnostic::new(message).with_code("vagrantp::usage::arguments").with_help(help);
    Problem::new(Code::Usage, diagnostic).into()
}

/// The end of a process that vagrantp started of itself: its stderr is a log.
pub(super) fn of_hidden_verb(outcome: Result<(), String>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::from(exit::SUCCESS),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "vagrantp: {error}");
            ExitCode::from(exit::status(Code::Internal))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::ProviderKind;
    use crate::plan::fixture::{desired, written};
    use crate::provider::memory::capabilities;

    #[test]
    fn what_cannot_be_in_any_case_comes_before_who_cannot_be_asked() {
        let unreached = || {
            let (provider, help) = (ProviderKind::Memory, "start it".to_owned());
            Failure::from(ProviderError::NotBuilt { provider, help })
        };
        let mut wish = desired();
        wish.autostart = written(true);
        let unable = Capabilities { autostart: false, ..capabilities() };
        let failure = unreached().with_refusals(&wish, Some(&unable));
        let codes: Vec<_> = failure.problems.iter().map(|problem| problem.code).collect();
        assert!(codes.contains(&Code::Unsupported), "{codes:?}");
        assert!(codes.contains(&Code::ProviderNotAvailable), "{codes:?}");
        assert_eq!(failure.exit(), 2);
        assert_eq!(failure.document().error.expect("failed").code, "UNSUPPORTED");
        assert_eq!(unreached().with_refusals(&wish, Some(&capabilities())).exit(), 5);
        assert_eq!(unreached().with_refusals(&wish, None).exit(), 5);
        // Where it was asked, the plan has said it.
        let asked = Failure::from(PlanError::NotFound).with_refusals(&wish, Some(&unable));
        assert_eq!(asked.problems.len(), 1);
    }
}
