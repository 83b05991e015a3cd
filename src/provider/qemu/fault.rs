//! What QEMU says went wrong, sorted into the errors that vagrantp knows. Its words decide: there are
//! no others.

use std::io;
use std::path::Path;
use std::time::Duration;

use crate::exec::{ExecError, printable};
use crate::model::code::Code;
use crate::model::id::ProviderKind;
use crate::private::Untrusted;
use crate::provider::ProviderError;

const QEMU: ProviderKind = ProviderKind::Qemu;

/// A program that is not there.
pub(super) fn missing(program: &str, distribution: &[String]) -> ProviderError {
    ProviderError::MissingProgram {
        provider: QEMU,
        program: program.to_owned(),
        install: install_line(program, distribution),
    }
}

/// The command that installs a program of QEMU's on this distribution.
fn install_line(program: &str, distribution: &[String]) -> String {
    let is_disk_tool = program == "qemu-img";
    let x86 = program.ends_with("x86_64");
    let debian = match (is_disk_tool, x86) {
        (true, _) => "apt-get install qemu-utils",
        (false, true) => "apt-get install qemu-system-x86",
        (false, false) => "apt-get install qemu-system-arm",
    };
    let fedora = if is_disk_tool { "dnf install qemu-img" } else { "dnf install qemu-kvm" };
    let suse = if is_disk_tool { "zypper install qemu-tools" } else { "zypper install qemu" };
    let arch = if is_disk_tool { "pacman -S qemu-img" } else { "pacman -S qemu-base" };
    let alpine = if is_disk_tool { "apk add qemu-img" } else { "apk add qemu-system-x86_64" };
    let lines = [
        ("debian", debian),
        ("ubuntu", debian),
        ("fedora", fedora),
        ("rhel", fedora),
        ("centos", fedora),
        ("arch", arch),
        ("suse", suse),
        ("opensuse", suse),
        ("alpine", alpine),
    ];
    let found = distribution.iter().find_map(|id| {
        let fits = |name: &str| {
            id == name || id.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'))
        };
        lines.iter().find(|(name, _)| fits(name)).map(|(_, line)| *line)
    });
    match found {
        Some(line) => format!("install it with: sudo {line}"),
        None => "https://www.qemu.org/download/ says how to install it".to_owned(),
    }
}

/// QEMU said no to something.
pub(super) fn refused(operation: &str, message: &str) -> ProviderError {
    with(operation, message, help_for(message), code_for(operation, message))
}

/// A failure with its own remedy.
pub(super) fn with(operation: &str, message: &str, help: &str, code: Code) -> ProviderError {
    ProviderError::Refused {
        provider: QEMU,
        operation: operation.to_owned(),
        message: printable(message),
        help: help.to_owned(),
        code,
    }
}

fn code_for(operation: &str, message: &str) -> Code {
    if is_full(message) {
        return Code::InsufficientResources;
    }
    match operation.split(' ').next() {
        Some("create" | "start") => Code::CreateFailed,
        _ => Code::Internal,
    }
}

fn is_full(message: &str) -> bool {
    message.contains("No space left on device") || message.contains("Disk quota exceeded")
}

fn help_for(message: &str) -> &'static str {
    if is_full(message) {
        "free some room on the disk that the machine is on; `vagrantp gc` removes what is left over"
    } else if message.contains("Permission denied") {
        "see who owns the path, and whether you may read and write it"
    } else {
        "the machine's qemu.log may say more: `vagrantp show` names it"
    }
}

/// Something could not be done on the host's disk.
pub(super) fn io(operation: &str, path: &Path, cause: &io::Error) -> ProviderError {
    if let Some(untrusted) = Untrusted::behind(cause) {
        return ProviderError::Untrusted {
            provider: QEMU,
            reason: untrusted.to_string(),
            help: untrusted.help("XDG_DATA_HOME"),
        };
    }
    let message = format!("{}: {cause}", path.display());
    let code = match cause.kind() {
        io::ErrorKind::PermissionDenied => Code::PermissionDenied,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Code::InsufficientResources,
        _ => code_for(operation, &message),
    };
    let help = match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "No space left on device",
        io::ErrorKind::PermissionDenied => "Permission denied",
        _ => "",
    };
    with(operation, &message, help_for(help), code)
}

/// A program that QEMU comes with failed.
pub(super) fn exec(operation: &str, error: &ExecError) -> ProviderError {
    refused(operation, &error.to_string())
}

/// What the rooms for VMs share failed.
pub(super) fn guest(error: crate::guest::GuestError) -> ProviderError {
    ProviderError::Guest(error)
}

/// The monitor went away in the middle.
pub(super) fn lost(operation: &str, cause: &io::Error) -> ProviderError {
    let message = format!("its monitor does not answer any more ({cause})");
    let help = "look with `vagrantp status` how it fares; the machine's qemu.log may say more";
    with(operation, &message, help, Code::Internal)
}

/// The monitor says nothing.
pub(super) fn silent(operation: &str, limit: Duration) -> ProviderError {
    ProviderError::Timeout {
        provider: QEMU,
        operation: operation.to_owned(),
        seconds: limit.as_secs(),
        help:
            "its process may be stopped, or the host be overloaded; `vagrantp stop --force` ends it"
                .to_owned(),
    }
}

/// A path that is too long for a socket.
pub(super) fn long_socket(path: &Path) -> ProviderError {
    let message = format!(
        "a socket's path has at most {} bytes, and {} has {}",
        super::place::LONGEST_SOCKET,
        path.display(),
        path.as_os_str().len()
    );
    with("start the machine", &message, "set XDG_RUNTIME_DIR to a shorter path", Code::Unsupported)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_apart() {
        let full = refused("create a disk", "qemu-img: write: No space left on device");
        assert_eq!(full.code(), Code::InsufficientResources);
        let other = refused("create a disk", "something else");
        assert_eq!(other.code(), Code::CreateFailed);
        let cause = io::Error::from_raw_os_error(28);
        assert_eq!(io("write it", "/x".as_ref(), &cause).code(), Code::InsufficientResources);
        let cause = io::ErrorKind::PermissionDenied.into();
        assert_eq!(io("write it", "/x".as_ref(), &cause).code(), Code::PermissionDenied);
    }

    #[test]
    fn every_family_of_distributions_has_its_own_line() {
        for (id, word) in [
            ("debian", "apt-get install qemu-system-x86"),
            ("fedora", "dnf install qemu-kvm"),
            ("opensuse-leap", "zypper install qemu"),
            ("arch", "pacman"),
            ("unheard-of", "qemu.org"),
        ] {
            let line = install_line("qemu-system-x86_64", &[id.to_owned()]);
            assert!(line.contains(word), "{line}");
        }
    }
}
