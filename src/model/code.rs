//! The stable codes that every failure carries, in text and in JSON.
//!
//! A code, once released, keeps its meaning. [`crate::exit`] turns codes into exit statuses.

use std::fmt;

use serde::{Serialize, Serializer};

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// What kind of failure this is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)+];

            /// The code as it stands in JSON and in messages.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $name,)+ }
            }

            /// What the code means, in one sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Code::$variant => concat!($($doc,)+).trim_ascii(),)+ }
            }
        }
    };
}

codes! {
    /// There is no instance of this project.
    InfraNotFound = "INFRA_NOT_FOUND",
    /// The instance exists and is not running.
    InfraNotRunning = "INFRA_NOT_RUNNING",
    /// What was asked makes no sense in the state that the instance is in.
    InvalidState = "INVALID_STATE",
    /// The instance runs and cannot be reached for a shell.
    SshConnectionFailed = "SSH_CONNECTION_FAILED",
    /// The machine was started and did not become reachable in time.
    BootFailed = "BOOT_FAILED",
    /// A network could not be made, joined or removed.
    NetworkFailed = "NETWORK_FAILED",
    /// The instance could not be made, or ended right after its start.
    CreateFailed = "CREATE_FAILED",
    /// The image does not exist, cannot be reached, or may not be read.
    ImageUnavailable = "IMAGE_UNAVAILABLE",
    /// There is no snapshot of that name.
    SnapshotNotFound = "SNAPSHOT_NOT_FOUND",
    /// A snapshot of that name exists already.
    SnapshotExists = "SNAPSHOT_EXISTS",
    /// The step needs a yes, and there was nobody to give it.
    ConfirmationRequired = "CONFIRMATION_REQUIRED",
    /// A file, a directory or a service may not be used by this user.
    PermissionDenied = "PERMISSION_DENIED",
    /// Something that vagrantp did not foresee: a bug, or a machine in trouble.
    Internal = "INTERNAL",
    /// There is no `.env`, or the file that was named does not exist.
    ConfigMissing = "CONFIG_MISSING",
    /// The `.env` says something that cannot be meant.
    ConfigInvalid = "CONFIG_INVALID",
    /// The provider cannot do what is asked of it.
    Unsupported = "UNSUPPORTED",
    /// The command line is not one of vagrantp's.
    Usage = "USAGE",
    /// The name belongs to someone else, or the instance to another directory.
    InfraExists = "INFRA_EXISTS",
    /// The change loses data, and was not asked for with `--recreate`.
    RecreateRequired = "RECREATE_REQUIRED",
    /// The change restarts the instance, and was not agreed to.
    RestartRequired = "RESTART_REQUIRED",
    /// The host has less memory, disk or CPUs than is asked for.
    InsufficientResources = "INSUFFICIENT_RESOURCES",
    /// The provider is not installed, not running, or not part of this build.
    ProviderNotAvailable = "PROVIDER_NOT_AVAILABLE",
    /// A program or a collection that the work needs is not installed.
    DependencyMissing = "DEPENDENCY_MISSING",
    /// A host port is taken.
    PortConflict = "PORT_CONFLICT",
    /// An address or its network is taken.
    AddressConflict = "ADDRESS_CONFLICT",
    /// The playbook failed.
    ProvisioningFailed = "PROVISIONING_FAILED",
    /// What provisioning did could not be taken back.
    RollbackFailed = "ROLLBACK_FAILED",
    /// The machine is not what it was verified against.
    VerificationFailed = "VERIFICATION_FAILED",
    /// Another vagrantp held the instance's lock for longer than `--lock-timeout`.
    Locked = "LOCKED",
    /// A signal ended the command.
    Interrupted = "INTERRUPTED",
}

impl Code {
    /// What to do about it, in one sentence; the message at hand knows more of its own case.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Code::InfraNotFound => {
                "`vagrantp up` makes the instance; `vagrantp list` shows others."
            }
            Code::InfraNotRunning => "`vagrantp up` starts it.",
            Code::InvalidState => "Look with `vagrantp status`, then call the command again.",
            Code::SshConnectionFailed => {
                "Look with `vagrantp status` whether it runs, and at SSH_USER."
            }
            Code::BootFailed => "Give it longer with BOOT_TIMEOUT, or look at its console.",
            Code::NetworkFailed => "See what the provider's own tools say of its networks.",
            Code::CreateFailed => "Read what the message quotes, and correct COMMAND or IMAGE.",
            Code::ImageUnavailable => {
                "Correct IMAGE, log in to its registry, or see whether that can be reached."
            }
            Code::SnapshotNotFound => "`vagrantp snapshot list` shows those that there are.",
            Code::SnapshotExists => "Take another name, or remove that snapshot first.",
            Code::ConfirmationRequired => "Add `-y` where nobody can be asked.",
            Code::PermissionDenied => "See who owns what the message names.",
            Code::Internal => "Report it with its message; `vagrantp status` shows what there is.",
            Code::ConfigMissing => {
                "`vagrantp init` writes a `.env`; or name the project's directory with `-C`."
            }
            Code::ConfigInvalid => {
                "Correct the lines; `vagrantp validate` shows all mistakes at once."
            }
            Code::Unsupported => {
                "Change the line that the message names, or take another provider."
            }
            Code::Usage => "`vagrantp --help` and `vagrantp VERB --help` show what there is.",
            Code::InfraExists => {
                "Choose another INFRA_ID; where the project moved, `vagrantp adopt` takes it over."
            }
            Code::RecreateRequired => {
                "`vagrantp plan` shows what is lost; `vagrantp up --recreate` agrees to it."
            }
            Code::RestartRequired => "`vagrantp up -y` agrees to it.",
            Code::InsufficientResources => "Ask for less, or free what the message names.",
            Code::ProviderNotAvailable => "Install or start the provider as the message says.",
            Code::DependencyMissing => "Install what the message names.",
            Code::PortConflict => {
                "Free the port, write another into PORTS, or `auto` to have one picked."
            }
            Code::AddressConflict => "Change IP_ADDRESS, or delete the line to have one picked.",
            Code::ProvisioningFailed => "Correct the playbook at the task that the message names.",
            Code::RollbackFailed => "See what the message lists as left, and take it back by hand.",
            Code::VerificationFailed => "Run `vagrantp provision` again, or correct the playbook.",
            Code::Locked => "Wait for the other call, or wait longer with `--lock-timeout`.",
            Code::Interrupted => "Call the command again; nothing has to be cleared away first.",
        }
    }

    /// The code of that name, in any case.
    #[must_use]
    pub fn named(text: &str) -> Option<Code> {
        Code::ALL.iter().copied().find(|code| code.as_str().eq_ignore_ascii_case(text))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_upper_case() {
        let mut names: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert!(names.iter().all(|name| name.chars().all(|c| c.is_ascii_uppercase() || c == '_')));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Code::ALL.len());
    }
}
