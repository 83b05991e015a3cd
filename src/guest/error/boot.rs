//! Machines that were started and did not become reachable: what was seen last says why.

use miette::Diagnostic;
use thiserror::Error;

use crate::model::code::Code;

/// What is told of every such machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its name.
    pub name: String,
    /// How long it was waited for, in seconds.
    pub seconds: u64,
    /// How far it came.
    pub stage: &'static str,
    /// The last lines of its serial console, without control characters.
    pub log: Vec<String>,
}

/// Why a machine did not become reachable.
#[derive(Debug, Error, Diagnostic)]
pub enum BootError {
    /// It is not running any more.
    #[error("{} ended {} s after its start", told.name, told.seconds)]
    #[diagnostic(
        code(vagrantp::boot::ended),
        help(
            "its console's last lines say whether the system itself powered it off; `vagrantp logs` \
             shows all of them"
        )
    )]
    Ended {
        /// What is told of it.
        told: Told,
    },
    /// The kernel gave up.
    #[error("the kernel of {} panicked: {reason}", told.name)]
    #[diagnostic(
        code(vagrantp::boot::kernel_panic),
        help(
            "an image whose root is not found says `unable to mount root`: correct KERNEL, INITRD and \
             APPEND; else take another IMAGE, or more MEMORY"
        )
    )]
    KernelPanic {
        /// Its last word.
        reason: String,
        /// What is told of it.
        told: Told,
    },
    /// Nothing was started from the disk.
    #[error("{} found no system to start within {} s: {reason}", told.name, told.seconds)]
    #[diagnostic(
        code(vagrantp::boot::no_system),
        help(
            "an image that starts by EFI alone needs FIRMWARE=uefi, one without a boot loader KERNEL; \
             `vagrantp console` shows where it stands"
        )
    )]
    NoSystem {
        /// What the console says.
        reason: String,
        /// What is told of it.
        told: Told,
    },
    /// It has no address.
    #[error("{} got no address within {} s", told.name, told.seconds)]
    #[diagnostic(
        code(vagrantp::boot::no_address),
        help(
            "see with `vagrantp console` whether its network device is up and asks by DHCP; a fixed \
             address is IP_ADDRESS"
        )
    )]
    NoAddress {
        /// What is told of it.
        told: Told,
    },
    /// It has an address, and nothing comes back from it.
    #[error("{} does not answer on port {port} within {} s", told.name, told.seconds)]
    #[diagnostic(
        code(vagrantp::boot::no_answer),
        help(
            "it is still starting (BOOT_TIMEOUT gives it longer), its network is not up, or a firewall \
             inside drops what comes in: `vagrantp console` shows which"
        )
    )]
    NoAnswer {
        /// The port that was tried.
        port: u16,
        /// What is told of it.
        told: Told,
    },
    /// It is there and nobody listens.
    #[error("{} refuses connections to its SSH port {port} after {} s", told.name, told.seconds)]
    #[diagnostic(
        code(vagrantp::boot::refused),
        help(
            "no SSH server runs in it: install and enable one in the IMAGE, or write WAIT_FOR=boot \
             where none is wanted; `vagrantp console` leads in"
        )
    )]
    Refused {
        /// The port that was tried.
        port: u16,
        /// What is told of it.
        told: Told,
    },
    /// Something listens, and it is no SSH server.
    #[error("what listens on port {port} of {} does not speak SSH: it says {said}", told.name)]
    #[diagnostic(
        code(vagrantp::boot::no_banner),
        help("have the SSH server of the image listen on port 22")
    )]
    NoBanner {
        /// The port that was tried.
        port: u16,
        /// What came.
        said: String,
        /// What is told of it.
        told: Told,
    },
    /// The SSH server shows another key than the one that was handed to the machine.
    #[error("{} shows another host key than the one that vagrantp gave it", told.name)]
    #[diagnostic(
        code(vagrantp::boot::other_host_key),
        help(
            "the image took no notice of its seed: it needs cloud-init (with the NoCloud source), which \
             takes the key up at the first start; others are served by WAIT_FOR=boot and \
             `vagrantp console`"
        )
    )]
    OtherHostKey {
        /// What is told of it.
        told: Told,
    },
    /// The SSH server does not take the key.
    #[error("{} does not let {user} in ({said})", told.name)]
    #[diagnostic(
        code(vagrantp::boot::key_refused),
        help(
            "look at SSH_USER, and whether the private key of SSH_KEY belongs to SSH_AUTHORIZED_KEYS; \
             one with a passphrase has to be in the agent (`ssh-add`)"
        )
    )]
    KeyRefused {
        /// Who tried.
        user: String,
        /// What ssh said.
        said: String,
        /// What is told of it.
        told: Told,
    },
    /// The login works and does not lead to a shell, or ssh fails for a reason of its own.
    #[error("the login into {} as {user} fails ({said})", told.name)]
    #[diagnostic(
        code(vagrantp::boot::login_failed),
        help("try it with `vagrantp ssh -- -v`, which shows each step")
    )]
    LoginFailed {
        /// Who tried.
        user: String,
        /// What ssh said.
        said: String,
        /// What is told of it.
        told: Told,
    },
    /// cloud-init ended with errors.
    #[error("{} runs, and its cloud-init failed: {reason}", told.name)]
    #[diagnostic(
        code(vagrantp::boot::cloud_init_failed),
        help(
            "`vagrantp ssh -c 'cloud-init status --long'` says more; correct the file of CLOUD_INIT and \
             run `vagrantp up --recreate`"
        )
    )]
    CloudInitFailed {
        /// Its first error.
        reason: String,
        /// What is told of it.
        told: Told,
    },
    /// cloud-init did not come to its end.
    #[error("cloud-init of {} was not done within {} s", told.name, told.seconds)]
    #[diagnostic(
        code(vagrantp::boot::cloud_init_unfinished),
        help(
            "the machine can be used (`vagrantp ssh`); where it installs much, write a longer \
             BOOT_TIMEOUT"
        )
    )]
    CloudInitUnfinished {
        /// What is told of it.
        told: Told,
    },
}

impl BootError {
    /// The stable code.
    #[must_use]
    pub fn stable_code(&self) -> Code {
        Code::BootFailed
    }

    /// What is told of the machine whatever happened.
    #[must_use]
    pub fn told(&self) -> &Told {
        match self {
            BootError::Ended { told }
            | BootError::KernelPanic { told, .. }
            | BootError::NoSystem { told, .. }
            | BootError::NoAddress { told }
            | BootError::NoAnswer { told, .. }
            | BootError::Refused { told, .. }
            | BootError::NoBanner { told, .. }
            | BootError::OtherHostKey { told }
            | BootError::KeyRefused { told, .. }
            | BootError::LoginFailed { told, .. }
            | BootError::CloudInitFailed { told, .. }
            | BootError::CloudInitUnfinished { told } => told,
        }
    }
}
