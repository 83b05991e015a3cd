//! `completions`: what makes a shell complete verbs, options, keys and their words.
//!
//! clap_complete knows the verbs and options; the keys, their words and the states come from the
//! tables, here.

use clap::builder::PossibleValuesParser;
use clap::{Args, Command, CommandFactory, ValueEnum, ValueHint};
use clap_complete::aot;

use crate::config::keys;
use crate::exit;
use crate::model::state::State;
use crate::report::Answer;

use super::{Cli, Context, explain};

mod assignments;

/// The options of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Which shell.
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// A shell that can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// Bash: source the output from ~/.bashrc.
    Bash,
    /// Zsh: write the output to a file `_vagrantp` in a directory of $fpath.
    Zsh,
    /// Fish: write the output to ~/.config/fish/completions/vagrantp.fish.
    Fish,
}

impl Shell {
    /// As it is typed.
    fn name(self) -> &'static str {
        match self {
            Shell::Bash => "bash",
            Shell::Zsh => "zsh",
            Shell::Fish => "fish",
        }
    }
}

/// Runs `completions`: the script on stdout.
#[must_use]
pub fn run(context: &Context<'_>, args: &CompletionsArgs) -> Answer {
    let text = script(args.shell);
    let mut document = context.document(&[]);
    document.message = Some("This is what the shell has to read.".to_owned());
    document.changed = Some(false);
    document.more.insert("script", text.as_str().into());
    Answer { document, text, exit: exit::SUCCESS }
}

/// What stands in clap's script where KEY=VALUE is completed, until ours takes its place.
const ASSIGNMENT: &str = "VAGRANTP_ASSIGNMENT";

/// The script for a shell.
fn script(shell: Shell) -> String {
    let mut command = command();
    let mut out = Vec::new();
    match shell {
        Shell::Bash => aot::generate(aot::Bash, &mut command, "vagrantp", &mut out),
        Shell::Zsh => aot::generate(aot::Zsh, &mut command, "vagrantp", &mut out),
        Shell::Fish => aot::generate(aot::Fish, &mut command, "vagrantp", &mut out),
    }
    let script = String::from_utf8_lossy(&out);
    match shell {
        Shell::Bash => assignments::bash(&script),
        Shell::Zsh => assignments::zsh(&script),
        Shell::Fish => assignments::fish(&script),
    }
}

/// The command line, with the values that an option or argument may have.
fn command() -> Command {
    let states = State::ALL.map(State::as_str);
    let topics: Vec<&str> = explain::topics().collect();
    Cli::command()
        .mut_arg("set", |arg| arg.value_parser(PossibleValuesParser::new([ASSIGNMENT])))
        .mut_arg("directory", |arg| arg.value_hint(ValueHint::DirPath))
        .mut_arg("env_file", |arg| arg.value_hint(ValueHint::FilePath))
        .mut_subcommand("list", |list| {
            list.mut_arg("filter", |arg| arg.value_parser(PossibleValuesParser::new(states)))
        })
        .mut_subcommand("explain", |explain| {
            explain.mut_arg("topic", |arg| arg.value_parser(PossibleValuesParser::new(topics)))
        })
}

/// The keys with a `=` behind, as they start a `--set`.
fn assignable() -> String {
    keys::all().map(|key| format!("{}=", key.name)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_is_told_of_every_key_and_of_its_words() {
        for shell in Shell::value_variants() {
            let script = script(*shell);
            assert!(!script.contains(ASSIGNMENT), "{shell:?}: a place was not filled in");
            for key in keys::all() {
                assert!(script.contains(&format!("{}=", key.name)), "{shell:?}: {}", key.name);
                if let Some(word) = key.form.words().last() {
                    assert!(script.contains(word), "{shell:?}: {word}");
                }
            }
            for state in State::ALL {
                assert!(script.contains(state.as_str()), "{shell:?}: {state}");
            }
            for verb in Cli::command().get_subcommands() {
                assert!(script.contains(verb.get_name()), "{shell:?}: {}", verb.get_name());
            }
        }
    }
}
