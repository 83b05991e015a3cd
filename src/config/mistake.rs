//! What can be wrong with one value, looked at alone or with the file that it names.
//!
//! As with the nouns of the model, each message goes on where the key's name ends, and the spans
//! count within the value; [`ValueError`] puts both where they belong.

use std::io;

use miette::{Diagnostic, LabeledSpan, SourceSpan};
use thiserror::Error;

use crate::model::plain::quoted;
use crate::model::source::Place;

/// A mistake in a key's value, at its place.
#[derive(Debug, Error)]
#[error("{key} {mistake}")]
pub(super) struct ValueError {
    pub(super) key: String,
    pub(super) mistake: Box<dyn Diagnostic + Send + Sync>,
    /// The labels of `mistake`, moved to where the value stands.
    pub(super) labels: Vec<(String, Place)>,
    pub(super) help: Option<String>,
}

impl Diagnostic for ValueError {
    fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.mistake.code()
    }

    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn std::fmt::Display>)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = |(text, place): &(String, Place)| {
            LabeledSpan::new_with_span(Some(text.clone()), SourceSpan::from(place))
        };
        Some(Box::new(self.labels.iter().map(label)))
    }
}

/// What is wrong with a value that is no file.
#[derive(Debug, Error, Diagnostic)]
pub(super) enum Mistake {
    #[error("must be one of {words}")]
    #[diagnostic(code(vagrantp::config::not_one_of), help("{help}"))]
    NotOneOf {
        #[label("expected {words}")]
        at: SourceSpan,
        words: String,
        help: String,
    },
    #[error("has a control character: {what}")]
    #[diagnostic(
        code(vagrantp::config::control_character),
        help("delete the character and type the value again")
    )]
    ControlCharacter {
        #[label("{what}")]
        at: SourceSpan,
        what: String,
    },
    #[error("has an empty item")]
    #[diagnostic(code(vagrantp::config::empty_item), help("delete the comma that is too many"))]
    EmptyItem {
        #[label("nothing between two commas")]
        at: SourceSpan,
    },
    #[error("must be a hostname label")]
    #[diagnostic(
        code(vagrantp::config::bad_infra_id),
        help(
            "write `{suggestion}`: 1 to 63 lower-case letters, digits and hyphens, no hyphen first \
             or last"
        )
    )]
    BadInfraId {
        #[label("not a hostname label")]
        at: SourceSpan,
        suggestion: String,
    },
    #[error("must be a user's name")]
    #[diagnostic(
        code(vagrantp::config::bad_user),
        help(
            "write a name of lower-case letters, digits, `_` and `-`, such as `root` or `debian`"
        )
    )]
    BadUser {
        #[label("expected a user's name")]
        at: SourceSpan,
    },
    #[error("must be a host's name or address")]
    #[diagnostic(
        code(vagrantp::config::bad_host),
        help("write a name or an address alone, such as `build.example.org` or `192.0.2.7`")
    )]
    BadHost {
        #[label("expected a host's name or address")]
        at: SourceSpan,
    },
    #[error("must be the name of a bridge")]
    #[diagnostic(
        code(vagrantp::config::bad_bridge),
        help("write the name as `ip link` shows it, such as `br0`")
    )]
    BadBridge {
        #[label("expected up to 15 characters without blanks and slashes")]
        at: SourceSpan,
    },
    #[error("must be the name of a Vagrant box")]
    #[diagnostic(
        code(vagrantp::config::bad_box),
        help(
            "write `user/name`, with `@version` after it where one is meant, such as `debian/bookworm64`"
        )
    )]
    BadBox {
        #[label("expected `user/name` or `user/name@version`")]
        at: SourceSpan,
    },
    #[error("must be an operating system")]
    #[diagnostic(
        code(vagrantp::config::bad_os),
        help("write ID and VERSION_ID as the guest's os-release has them, such as `debian:12`")
    )]
    BadOs {
        #[label("expected `id` or `id:version`")]
        at: SourceSpan,
    },
    #[error("must be a span of time")]
    #[diagnostic(
        code(vagrantp::config::bad_duration),
        help("write a whole number and m, h or d, from `1m` to `3650d`, such as `8h`")
    )]
    BadDuration {
        #[label("expected a number, then m, h or d")]
        at: SourceSpan,
    },
    #[error("must be variables")]
    #[diagnostic(
        code(vagrantp::config::bad_extra_vars),
        help(
            "write `name=value` pairs with commas between, or a JSON object: '{{\"name\": \"value\"}}'"
        )
    )]
    BadExtraVars {
        #[label("{what}")]
        at: SourceSpan,
        what: &'static str,
    },
    #[error("has a line that is not a public key")]
    #[diagnostic(
        code(vagrantp::config::bad_public_key),
        help(
            "write the content of a `.pub` file, one key a line: it starts with `ssh-ed25519`, \
             `ssh-rsa` or `ecdsa-sha2-`"
        )
    )]
    BadPublicKey {
        #[label("{what}")]
        at: SourceSpan,
        what: String,
    },
    #[error("names a playbook that cannot be")]
    #[diagnostic(
        code(vagrantp::config::bad_playbook_name),
        help("after `vagrantp:` comes a name of lower-case letters, digits and hyphens")
    )]
    BadPlaybookName {
        #[label("expected a playbook's name")]
        at: SourceSpan,
    },
}

/// What is wrong with a file that a value names.
#[derive(Debug, Error, Diagnostic)]
pub(super) enum FileMistake {
    #[error("names a file that does not exist")]
    #[diagnostic(
        code(vagrantp::config::file_missing),
        help("create it, or correct the path; it is looked for at `{path}`")
    )]
    Missing {
        #[label("no such file")]
        at: SourceSpan,
        path: String,
    },
    #[error("names a file that cannot be read")]
    #[diagnostic(
        code(vagrantp::config::file_unreadable),
        help("see who may read it with `ls -ld {}`", quoted(path))
    )]
    Unreadable {
        #[label("cannot be read")]
        at: SourceSpan,
        path: String,
        #[source]
        cause: io::Error,
    },
    #[error("names a directory where a file belongs")]
    #[diagnostic(code(vagrantp::config::file_is_directory), help("name the file inside of it"))]
    Directory {
        #[label("a directory")]
        at: SourceSpan,
    },
    #[error("names something that is not a regular file")]
    #[diagnostic(
        code(vagrantp::config::file_not_regular),
        help("name a regular file, not a device, a pipe or a socket")
    )]
    NotRegular {
        #[label("not a regular file")]
        at: SourceSpan,
    },
    #[error("names an empty file")]
    #[diagnostic(code(vagrantp::config::file_empty), help("name a file that has a content"))]
    Empty {
        #[label("empty")]
        at: SourceSpan,
    },
    #[error("names a file that is not {wanted}")]
    #[diagnostic(code(vagrantp::config::file_of_wrong_kind), help("{help}"))]
    WrongKind {
        #[label("not {wanted}")]
        at: SourceSpan,
        wanted: &'static str,
        help: &'static str,
    },
    #[error("names a file that is not valid YAML")]
    #[diagnostic(
        code(vagrantp::config::bad_yaml),
        help("correct line {line}, column {column} of `{path}`: {reason}")
    )]
    BadYaml {
        #[label("does not parse")]
        at: SourceSpan,
        path: String,
        line: u64,
        column: u64,
        reason: &'static str,
    },
    #[error("names a file with a suffix that playbooks don't have")]
    #[diagnostic(
        code(vagrantp::config::playbook_suffix),
        help("name a playbook that ends in `.yml` or `.yaml`")
    )]
    PlaybookSuffix {
        #[label("expected `.yml` or `.yaml`")]
        at: SourceSpan,
    },
    #[error("names a private key that others may read")]
    #[diagnostic(code(vagrantp::config::key_readable), help("run `chmod 600 {}`", quoted(path)))]
    KeyReadable {
        #[label("its mode is {mode:o}")]
        at: SourceSpan,
        path: String,
        mode: u32,
    },
    #[error("names a directory that does not exist")]
    #[diagnostic(
        code(vagrantp::config::mount_missing),
        help("create it with `mkdir -p {}`, or correct the path", quoted(path))
    )]
    MountMissing {
        #[label("does not exist")]
        at: SourceSpan,
        path: String,
    },
    #[error("leads out of the project through a symlink")]
    #[diagnostic(
        code(vagrantp::config::mount_leads_out),
        help("write where it leads to, `{target}`, if that is what shall be mounted")
    )]
    LeadsOut {
        #[label("leads to `{target}`")]
        at: SourceSpan,
        target: String,
    },
}
