//! What can be wrong with a configuration besides single values: its files, its lines, and keys
//! that do not go together. One variant a mistake, with the fix in its help.

use std::io;

use miette::Diagnostic;
use thiserror::Error;

use crate::model::code::Code;
use crate::model::plain::quoted;
use crate::model::problem::Problem;
use crate::model::source::Place;

/// A file that cannot be read at all.
#[derive(Debug, Error, Diagnostic)]
pub(super) enum FileError {
    #[error("configuration file .env not found in {dir}")]
    #[diagnostic(
        code(vagrantp::config::no_env_file),
        help(
            "`vagrantp init` writes one, or create a file `.env` there that says which machine the \
             project wants, such as\n\
             \n    INFRA_TYPE=container\n    IMAGE=docker.io/library/debian:12\n    MOUNTS=.:/work\n\n\
             or name the project's directory with `-C DIR`"
        )
    )]
    NoEnvFile { dir: String },
    #[error("configuration file {path} not found")]
    #[diagnostic(
        code(vagrantp::config::env_file_missing),
        help("correct the path after `--env-file`, or leave it out to read the project's `.env`")
    )]
    Missing { path: String },
    #[error("{path} is a directory")]
    #[diagnostic(code(vagrantp::config::env_file_is_directory), help("{help}"))]
    Directory { path: String, help: String },
    #[error("{path} is not a regular file")]
    #[diagnostic(
        code(vagrantp::config::env_file_not_regular),
        help("write the keys into a regular file, and name that one")
    )]
    NotRegular { path: String },
    #[error("{path} cannot be read")]
    #[diagnostic(
        code(vagrantp::config::env_file_unreadable),
        help("see who may read it with `ls -l {}`, or run vagrantp as that user", quoted(path))
    )]
    Unreadable {
        path: String,
        #[source]
        cause: io::Error,
    },
    #[error("{path} is larger than 1 MiB")]
    #[diagnostic(
        code(vagrantp::config::env_file_too_large),
        help(
            "a configuration file holds lines such as `INFRA_TYPE=container`: is it the right file?"
        )
    )]
    TooLarge { path: String },
    #[error("{path} is not UTF-8 text")]
    #[diagnostic(
        code(vagrantp::config::env_file_not_utf8),
        help("save the file as UTF-8; line {}, column {} is where it stops being that", place.line, place.column)
    )]
    NotUtf8 {
        path: String,
        #[label("not UTF-8 from here on")]
        place: Place,
    },
    #[error("{path} holds a NUL byte")]
    #[diagnostic(
        code(vagrantp::config::env_file_nul),
        help("a text file has none: is it the right file? Delete the byte at line {}, column {}", place.line, place.column)
    )]
    Nul {
        path: String,
        #[label("a NUL byte")]
        place: Place,
    },
    #[error("{path} is a symlink, and leads to no file of the project's: {target}")]
    #[diagnostic(
        code(vagrantp::config::env_file_leads_out),
        help(
            "nothing was written: name the file that is meant with `--env-file`, or put one in the \
             link's place"
        )
    )]
    LeadsOut { path: String, target: String },
    #[error("{path} says already which machine the project wants")]
    #[diagnostic(
        code(vagrantp::config::described_already),
        help(
            "edit what stands there; `vagrantp validate` shows how it is understood. To start anew, \
             delete vagrantp's lines from {path} first; for a second file, name it with `--env-file`"
        )
    )]
    Described {
        path: String,
        #[label("here")]
        place: Place,
    },
}

impl FileError {
    pub(super) fn into_problem(self) -> Problem {
        let code = match self {
            FileError::NoEnvFile { .. } | FileError::Missing { .. } => Code::ConfigMissing,
            _ => Code::ConfigInvalid,
        };
        let place = match &self {
            FileError::NotUtf8 { place, .. }
            | FileError::Nul { place, .. }
            | FileError::Described { place, .. } => Some(place.clone()),
            _ => None,
        };
        let mut problem = Problem::new(code, self);
        problem.place = place;
        problem
    }
}

/// A line that cannot be read, or says something twice.
#[derive(Debug, Error, Diagnostic)]
pub(super) enum LineError {
    #[error("a quote is not closed")]
    #[diagnostic(
        code(vagrantp::config::unterminated_quote),
        help("put a `{quote}` at the end of the value")
    )]
    Unterminated {
        #[label("it opens here")]
        place: Place,
        quote: char,
    },
    #[error("a quote takes in the lines after it")]
    #[diagnostic(
        code(vagrantp::config::swallowed_lines),
        help(
            "put a `{quote}` at the end of the value; if the value is meant to span lines, nothing \
             but a comment may follow the quote that closes it"
        )
    )]
    Swallowed {
        #[label("it opens here, and something follows where it closes")]
        place: Place,
        quote: char,
    },
    #[error("{key} is not assigned")]
    #[diagnostic(
        code(vagrantp::config::not_an_assignment),
        help("write `{key}=` and the value on one line")
    )]
    NotAnAssignment {
        key: String,
        #[label("this line is not of the form `{key}=value`")]
        place: Place,
    },
    #[error("something follows the value of {key}")]
    #[diagnostic(
        code(vagrantp::config::text_after_quote),
        help("end the value with its quote, and start a comment with `#`")
    )]
    AfterQuote {
        key: String,
        #[label("only a comment may stand here")]
        place: Place,
    },
    #[error("{key} stands twice in one file")]
    #[diagnostic(code(vagrantp::config::duplicate_key), help("delete one of the two lines"))]
    Duplicate {
        key: String,
        #[label("here first")]
        first: Place,
        #[label("and here again")]
        place: Place,
    },
    #[error("{key} refers to {name}, which is not defined")]
    #[diagnostic(
        code(vagrantp::config::undefined_name),
        help(
            "define {name} further up, or give a default: `${{{name}:-default}}`; for a plain `$`, put \
             the value in single quotes"
        )
    )]
    Undefined {
        key: String,
        name: String,
        #[label("{name} is not defined before this line, nor in the environment")]
        place: Place,
    },
    #[error("{key} refers to {name}, whose own value cannot be told")]
    #[diagnostic(
        code(vagrantp::config::unclear_name),
        help(
            "look at line {line}, where {name} is set: what it refers to is not defined, not of a \
             known form or too long; for a plain `$`, put that value in single quotes"
        )
    )]
    Unclear {
        key: String,
        name: String,
        line: u32,
        #[label("line {line} sets {name} to something that cannot be told")]
        place: Place,
    },
    #[error("{key} has defaults in defaults, more than {most} deep")]
    #[diagnostic(
        code(vagrantp::config::nested_too_deep),
        help("set a name to the inner part on a line further up, and refer to that")
    )]
    TooDeep {
        key: String,
        most: usize,
        #[label("more than {most} references inside of each other")]
        place: Place,
    },
    #[error("{key} has a `${{…}}` of a form that is not known")]
    #[diagnostic(
        code(vagrantp::config::bad_reference),
        help(
            "write `${{NAME}}` or `${{NAME:-default}}`; for a plain `$`, put the value in single quotes"
        )
    )]
    BadReference {
        key: String,
        #[label("expected `${{NAME}}` or `${{NAME:-default}}`")]
        place: Place,
    },
    #[error("{key} becomes too long by what it refers to")]
    #[diagnostic(
        code(vagrantp::config::value_too_long),
        help("write the value out, or refer to something shorter")
    )]
    TooLong {
        key: String,
        #[label("more than 1 MiB")]
        place: Place,
    },
    #[error("`--set` takes KEY=VALUE")]
    #[diagnostic(
        code(vagrantp::config::set_not_an_assignment),
        help("write it as `--set MEMORY=4G`")
    )]
    SetNotAnAssignment {
        #[label("no `=`")]
        place: Place,
    },
    #[error("`--set` names no key of vagrantp")]
    #[diagnostic(code(vagrantp::config::set_unknown_key), help("{help}"))]
    SetUnknownKey {
        #[label("not a key")]
        place: Place,
        help: String,
    },
}

impl LineError {
    pub(super) fn into_problem(self) -> Problem {
        let (field, place) = match &self {
            LineError::Unterminated { place, .. }
            | LineError::Swallowed { place, .. }
            | LineError::SetNotAnAssignment { place }
            | LineError::SetUnknownKey { place, .. } => (None, place.clone()),
            LineError::NotAnAssignment { key, place }
            | LineError::AfterQuote { key, place }
            | LineError::Duplicate { key, place, .. }
            | LineError::Undefined { key, place, .. }
            | LineError::Unclear { key, place, .. }
            | LineError::TooDeep { key, place, .. }
            | LineError::BadReference { key, place }
            | LineError::TooLong { key, place } => (Some(key.clone()), place.clone()),
        };
        let mut problem = Problem::new(Code::ConfigInvalid, self);
        problem.field = field;
        problem.place = Some(place);
        problem
    }
}
