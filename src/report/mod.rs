//! The only code that prints: events, plans, answers and problems → text or JSON.
//!
//! Data goes to stdout, everything else to stderr. With `--json`, stdout gets exactly one JSON
//! document on every way out.

use std::collections::HashSet;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::event::{Event, Listener};
use crate::model::problem::Problem;
use crate::model::source::Sources;

pub mod clean;
pub mod ended;
mod excerpt;
pub mod human;
pub mod infrastructure;
pub mod json;
pub mod output;
pub mod progress;

pub use infrastructure::Infrastructure;
pub use json::Document;

use progress::Progress;

/// How to report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// JSON instead of text.
    pub json: bool,
    /// Nothing but the answer and errors.
    pub quiet: bool,
    /// More detail.
    pub verbose: u8,
    /// Whether stderr may carry colours and a spinner.
    pub rich: bool,
    /// The width of the terminal in characters.
    pub width: usize,
    /// Whether events are written to stderr as JSON lines as well.
    pub stream: bool,
}

/// What a verb answers.
#[derive(Debug, Default)]
pub struct Answer {
    /// For machines.
    pub document: Document,
    /// For people, on stdout.
    pub text: String,
    /// The exit status.
    pub exit: u8,
}

/// Prints.
pub struct Reporter {
    style: Style,
    progress: Progress,
    /// Warnings that have to be in the JSON document, whichever that will be.
    noted: Mutex<Vec<Value>>,
    /// Every warning that was given.
    warned: Mutex<HashSet<String>>,
    /// Whether the document is one line, as those before it were.
    one_line: AtomicBool,
    /// Whether the one document has been handed over to stdout.
    answered: AtomicBool,
    /// What the step says that is under way.
    under_way: Mutex<Option<String>>,
}

impl Reporter {
    /// A reporter of this style.
    #[must_use]
    pub fn new(style: Style) -> Self {
        Reporter {
            style,
            progress: Progress::new(style),
            noted: Mutex::default(),
            warned: Mutex::default(),
            one_line: AtomicBool::new(false),
            answered: AtomicBool::new(false),
            under_way: Mutex::default(),
        }
    }

    /// The style.
    #[must_use]
    pub fn style(&self) -> Style {
        self.style
    }

    /// From now on the document, should there be one, is one line: the verb prints lines of JSON.
    pub fn in_lines(&self) {
        self.one_line.store(true, Ordering::Relaxed);
    }

    /// What is being done at the moment, as the plan says it; none between two steps.
    #[must_use]
    pub fn under_way(&self) -> Option<String> {
        self.step().clone()
    }

    /// Says why everything is left at once: in JSON the document, unless there has been one, else one
    /// line on stderr.
    pub fn last_words(&self, document: &Document, line: &str) {
        if self.style.json {
            if !self.answered.load(Ordering::Relaxed) {
                let _ = self.print(document);
            }
            return;
        }
        self.progress.end();
        self.progress.line(&clean::line(line));
    }

    /// Says what begins, before anything slow.
    pub fn begin(&self, text: &str) {
        if !self.style.json && !self.style.quiet {
            self.progress.line(&clean::line(text));
        }
    }

    /// Shows something on stderr that the user needs in order to answer a question.
    pub fn show(&self, text: &str) {
        self.progress.line(&clean::block(text.trim_end()));
    }

    /// Asks on the terminal and returns the line that was typed, in lower case; none at the end of
    /// the input. The caller has made sure that there is a terminal.
    ///
    /// The typing is waited for on another thread, so that a signal still gets through.
    pub async fn ask(&self, question: &str) -> Option<String> {
        self.progress.suspend(|| {
            let mut stderr = anstream::stderr();
            let _ = write!(stderr, "{} ", clean::line(question));
            let _ = stderr.flush();
        });
        let typed = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            match std::io::stdin().read_line(&mut line) {
                Ok(0) | Err(_) => None,
                Ok(_) => Some(line.trim().to_lowercase()),
            }
        });
        typed.await.ok().flatten()
    }

    /// Prints warnings.
    pub fn warnings(&self, warnings: &[Problem], sources: &Sources) {
        if self.style.json || self.style.quiet {
            return;
        }
        let (few, more) = human::few(warnings);
        for warning in few {
            self.progress.line(&human::problem(warning, sources, self.style));
        }
        for line in more {
            self.progress.line(&format!("{}\n", clean::line(&line)));
        }
    }

    /// Prints a warning that belongs to no line; each once, however many come upon it.
    pub fn warn(&self, message: &str) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if !warned.insert(message.to_owned()) {
            return;
        }
        drop(warned);
        if self.style.json {
            self.noted().push(message.into());
            return;
        }
        if self.style.quiet {
            return;
        }
        self.progress.line(&format!("warning: {}", clean::line(message)));
    }

    /// Prints what a verb answers.
    ///
    /// # Errors
    /// It did not get to where stdout leads. Whoever closed the pipe wants no more of it, and that
    /// is none.
    pub fn answer(&self, answer: &Answer) -> io::Result<()> {
        self.progress.end();
        if self.style.json {
            self.print(&answer.document)
        } else {
            self.data(&clean::block(&answer.text))
        }
    }

    /// Prints why a verb failed.
    ///
    /// # Errors
    /// As with [`Reporter::answer`]; with `--json` alone, since nothing else goes to stdout.
    pub fn failure(
        &self,
        document: &Document,
        problems: &[Problem],
        sources: &Sources,
    ) -> io::Result<()> {
        self.progress.end();
        if self.style.json {
            return self.print(document);
        }
        let mut stderr = anstream::stderr();
        let (few, more) = human::few(problems);
        for (index, problem) in few.into_iter().enumerate() {
            let space = if index == 0 { "" } else { "\n" };
            let _ = write!(stderr, "{space}{}", human::problem(problem, sources, self.style));
        }
        for line in more {
            let _ = writeln!(stderr, "\n{}", clean::line(&line));
        }
        let _ = stderr.flush();
        Ok(())
    }

    /// Says on stderr that stdout could not be written, whatever the style: nothing else is left.
    pub fn lost(&self, problem: &Problem) {
        let text = human::problem(problem, &Sources::default(), self.style);
        let _ = write!(anstream::stderr(), "{text}");
    }

    fn data(&self, text: &str) -> io::Result<()> {
        let mut stdout = anstream::stdout();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            outcome => outcome,
        }
    }

    /// Prints the document, with the warnings that came on the way. One that has no form in JSON is
    /// replaced by the document of that failure, which is then the outcome as well.
    fn print(&self, document: &Document) -> io::Result<()> {
        self.answered.store(true, Ordering::Relaxed);
        let mut document = document.clone();
        document.warnings.append(&mut self.noted());
        let is_line = self.one_line.load(Ordering::Relaxed);
        let text = if is_line { json::line(&document) } else { json::text(&document) };
        match text {
            Ok(text) => self.data(&format!("{text}\n")),
            Err(unwritable) => {
                self.data(&format!("{}\n", unwritable.document))?;
                Err(io::Error::other(unwritable))
            }
        }
    }

    fn step(&self) -> MutexGuard<'_, Option<String>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn noted(&self) -> MutexGuard<'_, Vec<Value>> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener for Reporter {
    fn hear(&self, event: &Event) {
        match event {
            Event::StepStarted { says, .. } => *self.step() = Some(says.clone()),
            Event::StepDone { .. } | Event::StepFailed { .. } => *self.step() = None,
            _ => {}
        }
        if self.style.stream {
            if let Ok(line) = serde_json::to_string(event) {
                let mut stderr = std::io::stderr().lock();
                let _ = writeln!(stderr, "{}", json::escaped(line));
            }
            return;
        }
        match event {
            Event::Warning { message } if self.style.json => {
                self.noted().push(message.as_str().into())
            }
            _ if self.style.json => {}
            _ => self.progress.hear(event),
        }
    }
}

/// Whether stderr is a terminal that a spinner and colours may be drawn on.
#[must_use]
pub fn stderr_is_terminal() -> bool {
    std::io::stderr().is_terminal()
}
