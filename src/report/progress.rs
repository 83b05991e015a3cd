//! Events as they happen, on stderr: a line a step, and a spinner only on a terminal.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::event::Event;

use super::{Style, clean};

/// Shows events.
pub(super) struct Progress {
    style: Style,
    spinner: Mutex<Option<ProgressBar>>,
}

impl Progress {
    pub(super) fn new(style: Style) -> Self {
        Progress { style, spinner: Mutex::new(None) }
    }

    /// A line of its own above the spinner.
    pub(super) fn line(&self, text: &str) {
        self.suspend(|| {
            let mut stderr = anstream::stderr();
            let _ = writeln!(stderr, "{text}");
        });
    }

    /// Runs something that writes to the terminal, with the spinner out of the way.
    pub(super) fn suspend(&self, write: impl FnOnce()) {
        match &*self.lock() {
            Some(spinner) => spinner.suspend(write),
            None => write(),
        }
    }

    /// Takes the spinner away.
    pub(super) fn end(&self) {
        if let Some(spinner) = self.lock().take() {
            spinner.finish_and_clear();
        }
    }

    pub(super) fn hear(&self, event: &Event) {
        match event {
            Event::StepStarted { number, of, says, .. } => {
                let text = format!("[{number}/{of}] {}", clean::line(says));
                if self.style.rich && !self.style.quiet {
                    *self.lock() = Some(spinner(&text));
                } else if !self.style.quiet {
                    self.line(&text);
                }
            }
            Event::StepDone { milliseconds, already, .. } => {
                let Some(spinner) = self.lock().take() else { return };
                let text = spinner.message();
                spinner.finish_and_clear();
                let note = if *already { ", was done already" } else { "" };
                self.line(&format!(
                    "\u{1b}[32m✓\u{1b}[0m {text} \u{1b}[2m({}{note})\u{1b}[0m",
                    duration(*milliseconds)
                ));
            }
            Event::StepFailed { .. } => {
                let Some(spinner) = self.lock().take() else { return };
                let text = spinner.message();
                spinner.finish_and_clear();
                self.line(&format!("\u{1b}[31m✗\u{1b}[0m {text}"));
            }
            Event::Progress { item, done, total, says } => {
                if let Some(spinner) = &*self.lock() {
                    spinner.set_prefix(detail(item, *done, *total, says));
                }
            }
            Event::Output { line } => self.output(&clean::line(line)),
            Event::Waiting { says } if !self.style.quiet => self.line(&clean::line(says)),
            Event::Waiting { .. } => {}
            Event::Warning { message } => self.line(&format!("warning: {}", clean::line(message))),
        }
    }

    /// A log keeps every line; a terminal shows the newest one, and all of them where more is wanted.
    fn output(&self, line: &str) {
        if let Some(spinner) = &*self.lock() {
            spinner.set_prefix(line.to_owned());
        }
        if !self.style.quiet && (!self.style.rich || self.style.verbose > 0) {
            self.line(&format!("      {line}"));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<ProgressBar>> {
        self.spinner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn spinner(text: &str) -> ProgressBar {
    let spinner = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {prefix:.dim}") {
        spinner.set_style(style);
    }
    spinner.set_message(text.to_owned());
    spinner.enable_steady_tick(Duration::from_millis(100));
    spinner
}

fn detail(item: &str, done: u64, total: Option<u64>, says: &str) -> String {
    let mut text = format!("{} {}", clean::line(says), clean::line(item));
    if let Some(total) = total.filter(|total| *total > 0) {
        let _ = write!(text, " {} %", done.min(total).saturating_mul(100) / total);
    }
    text
}

/// A duration for people: `0.13 s`, `1 min 5 s`.
pub(super) fn duration(milliseconds: u64) -> String {
    match milliseconds {
        0..=9_999 => format!("{:.2} s", milliseconds as f64 / 1000.0),
        10_000..=59_999 => format!("{} s", milliseconds / 1000),
        _ => format!("{} min {} s", milliseconds / 60_000, milliseconds / 1000 % 60),
    }
}
