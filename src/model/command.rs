//! The container's main process.

use std::fmt;

use serde::{Deserialize, Serialize};

/// COMMAND, as understood.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MainProcess {
    /// A process that does nothing and stays up, so that there is something to `ssh` into.
    Idle,
    /// What the image itself would run: its entry point and command.
    Image,
    /// This program with these arguments, without a shell and without the image's entry point.
    Argv(Vec<String>),
}

impl MainProcess {
    /// What [`MainProcess::Idle`] runs; `sleep` is in every image that has a shell.
    pub const IDLE_ARGV: [&'static str; 2] = ["sleep", "infinity"];
}

impl fmt::Display for MainProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MainProcess::Idle => f.write_str("a process that stays up"),
            MainProcess::Image => f.write_str("image"),
            MainProcess::Argv(argv) => {
                let words = argv.iter().map(String::as_str);
                match shlex::try_join(words) {
                    Ok(line) => f.write_str(&line),
                    Err(_) => write!(f, "{argv:?}"),
                }
            }
        }
    }
}
