//! A shell, or one command, inside an instance.

use std::path::PathBuf;

/// What to run inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShellRequest {
    /// The provider's id of the instance.
    pub id: String,
    /// The user to be inside.
    pub user: String,
    /// The directory to start in.
    pub workdir: Option<PathBuf>,
    /// What to run.
    pub run: ShellCommand,
    /// The terminal to give it: only where the caller's stdin is one.
    pub terminal: Option<Terminal>,
}

/// A login shell or one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShellCommand {
    /// The user's login shell, or `sh` where there is none.
    Login,
    /// One line for the guest's own `sh -c`, as `ssh HOST LINE` has it.
    Line(String),
    /// A program with its arguments, with no shell in between.
    Argv(Vec<String>),
}

/// The caller's terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// Its size at the start.
    pub size: TerminalSize,
    /// `TERM`.
    pub term: String,
}

/// A terminal's size in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalSize {
    /// Lines.
    pub rows: u16,
    /// Characters a line.
    pub columns: u16,
}
