//! What can go wrong at a provider, in words that say what to do.

use miette::Diagnostic;
use thiserror::Error;

use crate::deed::MadeUp;
use crate::guest::GuestError;
use crate::model::code::Code;
use crate::model::id::ProviderKind;
use crate::model::problem::Problem;

mod image;

pub use image::ImageFault;

/// A failure at a provider.
#[derive(Debug, Error, Diagnostic)]
pub enum ProviderError {
    /// The provider's program is not installed.
    #[error("{provider} is not installed")]
    #[diagnostic(code(vagrantp::provider::not_installed), help("{install}"))]
    NotInstalled {
        /// Which provider.
        provider: ProviderKind,
        /// The command that installs it on this distribution.
        install: String,
    },
    /// A program that the provider is used through is not installed.
    #[error("{provider} is used through the program {program}, which is not installed")]
    #[diagnostic(code(vagrantp::provider::missing_program), help("{install}"))]
    MissingProgram {
        /// Which provider.
        provider: ProviderKind,
        /// The program.
        program: String,
        /// The command that installs it on this distribution.
        install: String,
    },
    /// What somebody wrote for the provider itself is not understood there.
    #[error("{provider} does not take what QEMU_ARGS says: {message}")]
    #[diagnostic(
        code(vagrantp::provider::bad_arguments),
        help("correct QEMU_ARGS, or delete the line; what it may hold is said in qemu-system(1)")
    )]
    BadArguments {
        /// Which provider.
        provider: ProviderKind,
        /// Its own words.
        message: String,
    },
    /// The provider is part of vagrantp's design, not of this build.
    #[error("this vagrantp was built without the {provider} provider")]
    #[diagnostic(code(vagrantp::provider::not_built), help("{help}"))]
    NotBuilt {
        /// Which provider.
        provider: ProviderKind,
        /// What can be used instead.
        help: String,
    },
    /// The provider is installed and does not answer.
    #[error("{provider} does not answer at {address}")]
    #[diagnostic(code(vagrantp::provider::unreachable), help("{help}"))]
    Unreachable {
        /// Which provider.
        provider: ProviderKind,
        /// The socket or URI that was asked.
        address: String,
        /// What to do.
        help: String,
        /// What the system said.
        #[source]
        cause: Option<std::io::Error>,
    },
    /// Something answers there that is not the provider.
    #[error("what answers at {address} is not {provider}: {found}")]
    #[diagnostic(code(vagrantp::provider::not_ours), help("{help}"))]
    NotTheProvider {
        /// Which provider was looked for.
        provider: ProviderKind,
        /// The socket that was asked.
        address: String,
        /// What answered.
        found: String,
        /// What to do.
        help: String,
    },
    /// The user may not talk to the provider.
    #[error("no permission to use {provider} at {address}")]
    #[diagnostic(code(vagrantp::provider::permission), help("{help}"))]
    Permission {
        /// Which provider.
        provider: ProviderKind,
        /// The socket or URI that was asked.
        address: String,
        /// What to do.
        help: String,
    },
    /// What answers, or the place where it would, is neither the user's nor root's.
    #[error("{provider} is not used: {reason}")]
    #[diagnostic(code(vagrantp::provider::untrusted), help("{help}"))]
    Untrusted {
        /// Which provider.
        provider: ProviderKind,
        /// What is wrong with which path.
        reason: String,
        /// What to do.
        help: String,
    },
    /// The provider took longer than an answer ever takes.
    #[error("{provider} did not answer within {seconds} s to: {operation}")]
    #[diagnostic(code(vagrantp::provider::timeout), help("{help}"))]
    Timeout {
        /// Which provider.
        provider: ProviderKind,
        /// What was asked.
        operation: String,
        /// How long it was waited for.
        seconds: u64,
        /// What to do.
        help: String,
    },
    /// An image cannot be had, for a reason that has no variant of [`ImageFault`].
    #[error("the image {image} cannot be had: {reason}")]
    #[diagnostic(code(vagrantp::provider::image_unavailable), help("{help}"))]
    ImageUnavailable {
        /// Which image.
        image: String,
        /// Why, in the provider's words.
        reason: String,
        /// What to do.
        help: String,
    },
    /// An image cannot be had, for a reason that has a remedy of its own.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Image(#[from] ImageFault),
    /// What the providers of VMs share failed: keys, seeds, disks, images, waiting.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Guest(#[from] GuestError),
    /// A host port was taken between the plan and the start.
    #[error("a forwarded port is taken: {reason}")]
    #[diagnostic(
        code(vagrantp::provider::port_conflict),
        help("free the port, or change PORTS; `auto` lets vagrantp pick a free one")
    )]
    PortConflict {
        /// Which port, in the provider's words.
        reason: String,
        /// The host port, where the provider names it.
        port: Option<u16>,
    },
    /// An address or a range is taken.
    #[error("the address cannot be used: {reason}")]
    #[diagnostic(
        code(vagrantp::provider::address_conflict),
        help("change IP_ADDRESS, or delete the line to have one assigned")
    )]
    AddressConflict {
        /// What the provider said.
        reason: String,
    },
    /// The instance ended right after its start.
    #[error("{name} ended right after its start, with status {status}")]
    #[diagnostic(code(vagrantp::provider::ended_at_once), help("{help}"))]
    EndedAtOnce {
        /// The instance's name.
        name: String,
        /// The exit status of its main process.
        status: i32,
        /// The last lines that it wrote.
        output: String,
        /// What to do.
        help: String,
    },
    /// The name was taken between the plan and the step.
    #[error("the name {name} was taken by something that is not this project's")]
    #[diagnostic(
        code(vagrantp::provider::name_taken),
        help("choose another name with INFRA_ID, or remove what has it")
    )]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The provider said no, for a reason of its own.
    #[error("{provider} could not {operation}: {message}")]
    #[diagnostic(code(vagrantp::provider::refused), help("{help}"))]
    Refused {
        /// Which provider.
        provider: ProviderKind,
        /// What was asked, as a verb: `create the network web`.
        operation: String,
        /// What it said, without control characters.
        message: String,
        /// What to do.
        help: String,
        /// The code that fits: CREATE_FAILED, NETWORK_FAILED, INTERNAL, …
        code: Code,
    },
}

impl ProviderError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            ProviderError::NotInstalled { .. }
            | ProviderError::NotBuilt { .. }
            | ProviderError::Unreachable { .. }
            | ProviderError::NotTheProvider { .. }
            | ProviderError::Permission { .. }
            | ProviderError::Untrusted { .. }
            | ProviderError::Timeout { .. } => Code::ProviderNotAvailable,
            ProviderError::MissingProgram { .. } => Code::DependencyMissing,
            ProviderError::BadArguments { .. } => Code::ConfigInvalid,
            ProviderError::ImageUnavailable { .. } => Code::ImageUnavailable,
            ProviderError::Image(fault) => fault.stable_code(),
            ProviderError::Guest(error) => error.stable_code(),
            ProviderError::PortConflict { .. } => Code::PortConflict,
            ProviderError::AddressConflict { .. } => Code::AddressConflict,
            ProviderError::EndedAtOnce { .. } => Code::CreateFailed,
            ProviderError::NameTaken { .. } => Code::InfraExists,
            ProviderError::Refused { code, .. } => *code,
        }
    }

    /// The same, with the provider's own words changed: it may repeat what it was told.
    #[must_use]
    pub fn with_words(mut self, change: impl Fn(&str) -> String) -> Self {
        match &mut self {
            ProviderError::Refused { message: words, .. }
            | ProviderError::ImageUnavailable { reason: words, .. }
            | ProviderError::PortConflict { reason: words, .. }
            | ProviderError::BadArguments { message: words, .. }
            | ProviderError::AddressConflict { reason: words } => *words = change(words),
            _ => {}
        }
        self
    }

    /// The key of the `.env` that such a failure belongs to.
    #[must_use]
    pub fn field(&self) -> Option<&'static str> {
        match self {
            ProviderError::NotInstalled { .. }
            | ProviderError::MissingProgram { .. }
            | ProviderError::NotBuilt { .. } => Some("PROVIDER"),
            ProviderError::BadArguments { .. } => Some("QEMU_ARGS"),
            ProviderError::ImageUnavailable { .. } | ProviderError::Image(_) => Some("IMAGE"),
            ProviderError::PortConflict { .. } => Some("PORTS"),
            ProviderError::Guest(error) => error.field(),
            ProviderError::AddressConflict { .. } => Some("IP_ADDRESS"),
            ProviderError::EndedAtOnce { .. } => Some("COMMAND"),
            ProviderError::NameTaken { .. } => Some("INFRA_ID"),
            _ => None,
        }
    }
}

impl MadeUp for ProviderError {
    /// As if the provider had refused.
    fn made_up(deed: &str) -> Self {
        let room = deed.split('.').next().unwrap_or_default();
        ProviderError::Refused {
            provider: ProviderKind::parse(room).unwrap_or(ProviderKind::Memory),
            operation: deed.to_owned(),
            message: "a test asked for it".to_owned(),
            help: "call again without VAGRANTP_FAULT".to_owned(),
            code: Code::Internal,
        }
    }
}

impl From<ProviderError> for Problem {
    fn from(error: ProviderError) -> Self {
        let (code, field) = (error.code(), error.field());
        let facts: Vec<(&'static str, serde_json::Value)> = match &error {
            ProviderError::EndedAtOnce { status, output, .. } => {
                vec![("exit_status", (*status).into()), ("last_output", output.clone().into())]
            }
            ProviderError::PortConflict { port: Some(port), .. } => vec![("port", (*port).into())],
            ProviderError::Image(fault) => {
                fault.output().map(|output| ("last_output", output.into())).into_iter().collect()
            }
            _ => Vec::new(),
        };
        let mut problem = Problem::new(code, error);
        problem.field = field.map(str::to_owned);
        problem.details.extend(facts);
        problem
    }
}
