//! What looks wrong and may be meant.

use miette::Diagnostic;
use thiserror::Error;

use crate::model::code::Code;
use crate::model::id::ProviderKind;
use crate::model::problem::Problem;
use crate::model::source::Place;

/// A doubt about a line.
#[derive(Debug, Error, Diagnostic)]
#[diagnostic(severity(Warning))]
pub(super) enum Doubt {
    #[error("`{name}` is not a key of vagrantp")]
    #[diagnostic(
        code(vagrantp::config::lookalike_key),
        help("did you mean `{key}`? If the name is the application's own, nothing is wrong")
    )]
    Lookalike {
        name: String,
        key: String,
        #[label("one letter off `{key}`")]
        place: Place,
    },
    #[error("`{name}` is an older name that is no longer read")]
    #[diagnostic(code(vagrantp::config::old_key), help("write `{key}` instead: {hint}"))]
    OldName {
        name: String,
        key: String,
        hint: &'static str,
        #[label("not read")]
        place: Place,
    },
    #[error("`{name}` is not read, since INFRA_TYPE has no prefix")]
    #[diagnostic(
        code(vagrantp::config::prefix_alone),
        help(
            "write `{key}`, or give all keys of vagrantp the prefix, `VAGRANTP_INFRA_TYPE` first"
        )
    )]
    PrefixAlone {
        name: String,
        key: &'static str,
        #[label("not read")]
        place: Place,
    },
    #[error("{key} is not used with {provider}")]
    #[diagnostic(
        code(vagrantp::config::unused_key),
        help("delete the line; nothing changes by it")
    )]
    Unused {
        key: &'static str,
        provider: ProviderKind,
        #[label("has no effect")]
        place: Place,
    },
    #[error("{key} has no unit")]
    #[diagnostic(code(vagrantp::config::bare_disk_size), help("write `{number}G`"))]
    BareDiskSize {
        key: &'static str,
        number: u64,
        #[label("taken as {number} GiB")]
        place: Place,
    },
    #[error("{key} is {more_or_less} than a vm usually has")]
    #[diagnostic(
        code(vagrantp::config::unusual_size),
        help("if it is meant, nothing is wrong; usual are {usual}")
    )]
    Unusual {
        key: &'static str,
        more_or_less: &'static str,
        usual: &'static str,
        #[label("usual are {usual}")]
        place: Place,
    },
    #[error("a line is not an assignment, and is skipped")]
    #[diagnostic(
        code(vagrantp::config::skipped_line),
        help("if line {} of {} is meant for vagrantp, write it as `KEY=value`", place.line, place.file)
    )]
    SkippedLine {
        #[label("not of the form `KEY=value`")]
        place: Place,
    },
    #[error("{key} takes a default, since the value of {name} cannot be told")]
    #[diagnostic(
        code(vagrantp::config::default_taken),
        help("look at line {line}, where {name} is set: it refers to what is not defined")
    )]
    Replaced {
        key: String,
        name: String,
        line: u32,
        #[label("the default counts here")]
        place: Place,
    },
    #[error("{key} is wrong here as well, and overridden in {by}")]
    #[diagnostic(
        code(vagrantp::config::overridden_mistake),
        help(
            "correct or delete the line: where {by} does not set {key}, it fails; expected is {expected}"
        )
    )]
    Overridden {
        key: String,
        by: String,
        expected: &'static str,
        #[label("not accepted")]
        place: Place,
    },
    #[error("{key} names a file in which a key stands twice")]
    #[diagnostic(
        code(vagrantp::config::yaml_key_twice),
        help(
            "delete one of the two in `{path}`: the second is at line {line}, column {column}, and counts"
        )
    )]
    YamlKeyTwice {
        key: String,
        path: String,
        line: u64,
        column: u64,
        #[label("a key of it stands twice")]
        place: Place,
    },
    #[error("{key} takes in line {line}, which reads like an assignment of its own")]
    #[diagnostic(
        code(vagrantp::config::taken_in_line),
        help(
            "if line {line} is not meant, close the quote of {key} on line {}; what it says is not shown",
            place.line
        )
    )]
    TakenIn {
        key: String,
        line: u32,
        #[label("goes on to line {line} and further")]
        place: Place,
    },
    #[error("{key} has no effect without {needs}")]
    #[diagnostic(code(vagrantp::config::without_effect), help("add `{needs}`, or delete the line"))]
    WithoutEffect {
        key: &'static str,
        needs: &'static str,
        #[label("has no effect")]
        place: Place,
    },
    #[error("IMAGE is read as a registry reference, and a file of that name is here")]
    #[diagnostic(
        code(vagrantp::config::image_is_also_file),
        help("if the file is meant, write `./` in front of its name")
    )]
    ImageIsAlsoFile {
        #[label("read as `{reference}`")]
        place: Place,
        reference: String,
    },
}

impl Doubt {
    pub(super) fn into_problem(self) -> Problem {
        let (field, place) = match &self {
            Doubt::Lookalike { name, place, .. }
            | Doubt::OldName { name, place, .. }
            | Doubt::TakenIn { key: name, place, .. }
            | Doubt::YamlKeyTwice { key: name, place, .. }
            | Doubt::Replaced { key: name, place, .. }
            | Doubt::Overridden { key: name, place, .. }
            | Doubt::PrefixAlone { name, place, .. } => (name.clone(), place.clone()),
            Doubt::Unused { key, place, .. }
            | Doubt::BareDiskSize { key, place, .. }
            | Doubt::Unusual { key, place, .. }
            | Doubt::WithoutEffect { key, place, .. } => ((*key).to_owned(), place.clone()),
            Doubt::ImageIsAlsoFile { place, .. } => ("IMAGE".to_owned(), place.clone()),
            Doubt::SkippedLine { place } => {
                let mut problem =
                    Problem::new(Code::ConfigInvalid, Doubt::SkippedLine { place: place.clone() });
                problem.place = Some(place.clone());
                return problem;
            }
        };
        Problem::new(Code::ConfigInvalid, self).at(field, Some(&place))
    }
}
