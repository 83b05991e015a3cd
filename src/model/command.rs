//! The container's main process.

mod masked;

use std::fmt;

use miette::{Diagnostic, SourceSpan};
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use masked::Masked;

/// Why a text is not a command. Spans count within the text.
#[derive(Clone, Debug, PartialEq, Eq, Error, Diagnostic)]
pub enum CommandError {
    /// A quote stays open, or a backslash ends the text.
    #[error("cannot be split into words")]
    #[diagnostic(
        code(vagrantp::config::not_a_command),
        help(
            "close the quote inside the value, or write `\\\\` for a backslash; the words are split \
             as a shell would, but no shell runs them"
        )
    )]
    Unbalanced {
        /// The text.
        #[label("a quote or a backslash is left open")]
        at: SourceSpan,
    },
    /// No program to run.
    #[error("names no program")]
    #[diagnostic(
        code(vagrantp::config::empty_command),
        help("write a program and its arguments, or `image` for the image's own command")
    )]
    NoProgram {
        /// The text.
        #[label("the first word is empty")]
        at: SourceSpan,
    },
}

/// The words of `text`, split as a shell would split them, with nothing expanded.
pub fn split_words(text: &str) -> Result<Vec<String>, CommandError> {
    shlex::split(&without_comments(text))
        .ok_or_else(|| CommandError::Unbalanced { at: (0..text.len()).into() })
}

/// A shell starts a comment at a `#`, which would lose the words after it in silence: here each `#`
/// at the start of a word gets a backslash.
fn without_comments(text: &str) -> String {
    let mut quote = None;
    let mut escaped = false;
    let mut word_starts = true;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '#' && word_starts {
            out.push('\\');
        }
        out.push(c);
        word_starts = quote.is_none() && !escaped && c.is_ascii_whitespace();
        match (c, quote) {
            _ if escaped => escaped = false,
            ('\\', None | Some('"')) => escaped = true,
            ('\'' | '"', None) => quote = Some(c),
            (_, Some(open)) if open == c => quote = None,
            _ => {}
        }
    }
    out
}

/// COMMAND, as understood.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MainProcess {
    /// A process that does nothing and stays up, so that there is something to `ssh` into.
    Idle,
    /// What the image itself would run: its entry point and command.
    Image,
    /// This program with these arguments, without a shell and without the image's entry point.
    Argv(Vec<String>),
    /// The same, where some of it stands at other keys.
    Masked(Masked),
}

impl PartialEq for MainProcess {
    fn eq(&self, other: &Self) -> bool {
        use MainProcess::{Argv, Idle, Image, Masked};
        match (self, other) {
            (Idle, Idle) | (Image, Image) => true,
            (Argv(one), Argv(other)) => one == other,
            (Masked(one), Masked(other)) => one == other,
            (Masked(masked), Argv(argv)) | (Argv(argv), Masked(masked)) => masked.means(argv),
            _ => false,
        }
    }
}

impl Eq for MainProcess {}

impl MainProcess {
    /// What [`MainProcess::Idle`] runs; `sleep` is in every image that has a shell.
    pub const IDLE_ARGV: [&'static str; 2] = ["sleep", "infinity"];

    /// Reads COMMAND: `image`, or words as a shell would split them.
    pub fn parse(text: &str) -> Result<Self, CommandError> {
        if text == "image" {
            return Ok(MainProcess::Image);
        }
        let argv = split_words(text)?;
        if argv.first().is_none_or(String::is_empty) {
            return Err(CommandError::NoProgram { at: (0..text.len()).into() });
        }
        Ok(MainProcess::Argv(argv))
    }

    /// The same command, shown as `written` from now on.
    #[must_use]
    pub fn masked(self, written: String) -> Self {
        match self {
            MainProcess::Argv(argv) => MainProcess::Masked(Masked::new(written, argv)),
            other => other,
        }
    }

    /// A command that may be printed in its place: what stands at other keys is not in it.
    #[must_use]
    pub fn printable(&self) -> Self {
        match self {
            MainProcess::Masked(masked) => {
                let written = masked.written();
                let words = split_words(written).unwrap_or_else(|_| vec![written.to_owned()]);
                MainProcess::Argv(words)
            }
            other => other.clone(),
        }
    }
}

impl fmt::Display for MainProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MainProcess::Idle => f.write_str("a process that stays up"),
            MainProcess::Image => f.write_str("image"),
            MainProcess::Masked(masked) => f.write_str(masked.written()),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(text: &str) -> Vec<String> {
        match MainProcess::parse(text) {
            Ok(MainProcess::Argv(argv)) => argv,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn words_are_split_and_nothing_is_expanded() {
        assert_eq!(argv("nginx -g 'daemon off;'"), ["nginx", "-g", "daemon off;"]);
        assert_eq!(argv("sh -c \"echo $HOME; id\""), ["sh", "-c", "echo $HOME; id"]);
        assert_eq!(
            argv("echo $(touch x) `id` * > y"),
            ["echo", "$(touch", "x)", "`id`", "*", ">", "y"]
        );
        assert_eq!(argv("a '' b"), ["a", "", "b"]);
        assert_eq!(MainProcess::parse("image"), Ok(MainProcess::Image));
    }

    #[test]
    fn a_hash_is_no_comment() {
        assert_eq!(argv("irc #channel"), ["irc", "#channel"]);
        assert_eq!(argv("sh -c 'a # b' \"c # d\" e\\ #f"), ["sh", "-c", "a # b", "c # d", "e #f"]);
        assert_eq!(argv("#a"), ["#a"]);
    }

    #[test]
    fn what_stands_elsewhere_is_run_and_not_shown() {
        let masked = |value: &str| {
            let command = MainProcess::parse(&format!("serve --tok {value}"));
            command.expect("a command").masked("serve --tok ${TOKEN}".to_owned())
        };
        let command = masked("hunter2");
        let MainProcess::Masked(run) = &command else { panic!("{command:?}") };
        assert_eq!(run.argv(), ["serve", "--tok", "hunter2"]);
        let json = serde_json::to_string(&command).expect("has a form");
        for shown in [command.to_string(), format!("{command:?}"), json.clone()] {
            assert!(shown.contains("${TOKEN}") && !shown.contains("hunter2"), "{shown}");
        }
        assert_eq!(
            argv("serve --tok ${TOKEN}"),
            match command.printable() {
                MainProcess::Argv(argv) => argv,
                other => panic!("{other:?}"),
            }
        );
        // What was kept knows the command again by what it means.
        let kept: MainProcess = serde_json::from_str(&json).expect("was written");
        assert_eq!(kept, command);
        assert_eq!(kept, MainProcess::parse("serve --tok hunter2").expect("a command"));
        assert_ne!(kept, masked("hunter3"));
        assert_ne!(kept, MainProcess::parse("serve --tokhunter2").expect("a command"));
        assert_eq!(MainProcess::Image.masked("$X".to_owned()), MainProcess::Image);
    }

    #[test]
    fn an_open_quote_is_refused() {
        for text in ["sh -c 'x", "a \"b", "a\\"] {
            let at = (0..text.len()).into();
            assert_eq!(MainProcess::parse(text), Err(CommandError::Unbalanced { at }));
        }
        assert!(matches!(MainProcess::parse("'' x"), Err(CommandError::NoProgram { .. })));
    }
}
