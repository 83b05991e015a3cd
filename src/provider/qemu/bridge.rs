//! A machine on a bridge of the host's: QEMU's own helper attaches it, which is the one program here
//! that has root's rights where the caller has none.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use crate::deed;
use crate::exec::{ChildInput, Program};

/// Where distributions keep the helper.
const HOMES: [&str; 4] = [
    "/usr/lib/qemu/qemu-bridge-helper",
    "/usr/libexec/qemu-bridge-helper",
    "/usr/lib/qemu-bridge-helper",
    "/usr/local/libexec/qemu-bridge-helper",
];

/// Which bridges the helper may attach to.
const ALLOWED: &str = "/etc/qemu/bridge.conf";

fn helper() -> Option<PathBuf> {
    HOMES.iter().map(PathBuf::from).find(|path| path.exists())
}

/// Why a machine could not be attached to this bridge, as far as it can be told before it is tried,
/// with what to do about it.
pub(super) fn obstacle(bridge: &str) -> Option<(String, String)> {
    let Some(helper) = helper() else {
        let help = "install it: on Debian it is in qemu-system-common, on Fedora in qemu-common";
        return Some(("qemu-bridge-helper is not installed".to_owned(), help.to_owned()));
    };
    let is_root = rustix::process::geteuid().is_root();
    let facts = std::fs::metadata(&helper).ok();
    let setuid =
        facts.is_some_and(|facts| facts.uid() == 0 && facts.permissions().mode() & 0o4000 != 0);
    if !is_root && !setuid {
        let path = helper.display();
        return Some((
            format!("{path} has to have root's rights to attach anything, and has not"),
            format!("give it these: sudo chmod u+s {path}; or call vagrantp as root"),
        ));
    }
    let refusal = match std::fs::read_to_string(ALLOWED) {
        Ok(rules) => match verdict(&rules, bridge) {
            Some(true) => return None,
            Some(false) => format!("{ALLOWED} forbids {bridge}"),
            None => format!("{ALLOWED} does not allow {bridge}"),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            format!("there is no {ALLOWED}, which says what machines may be attached to")
        }
        // Whoever may not read it learns what stands there from the helper.
        Err(_) => return None,
    };
    let help = format!("allow it: echo 'allow {bridge}' | sudo tee -a {ALLOWED}");
    Some((refusal, help))
}

/// What the rules say of a bridge: one that denies it counts before any that allows it, and those of
/// included files are the helper's to read.
fn verdict(rules: &str, bridge: &str) -> Option<bool> {
    let mut verdict = None;
    for line in rules.lines() {
        let line = line.trim();
        let Some((word, names)) = line.split_once(char::is_whitespace) else { continue };
        let about = |name: &str| name == bridge || name == "all";
        match word {
            "deny" if names.split_whitespace().any(about) => return Some(false),
            "allow" if names.split_whitespace().any(about) => verdict = Some(true),
            "include" => verdict = Some(true),
            _ => {}
        }
    }
    verdict
}

/// Has the helper make an interface on the bridge, and takes it over. What is returned in words is
/// what the helper said.
pub(super) fn attach(bridge: &str) -> Result<OwnedFd, String> {
    let helper = helper().ok_or("qemu-bridge-helper is not installed")?;
    attach_with(&helper, bridge).map_err(|error| error.to_string())
}

fn attach_with(helper: &Path, bridge: &str) -> io::Result<OwnedFd> {
    let (ours, theirs) = UnixStream::pair()?;
    rustix::io::fcntl_setfd(&theirs, rustix::io::FdFlags::empty())?;
    let arguments =
        ["--use-vnet".to_owned(), format!("--fd={}", theirs.as_raw_fd()), format!("--br={bridge}")];
    let log = io::stderr().as_fd().try_clone_to_owned()?;
    let started = deed::at_once("qemu.attach", || {
        Program::at(helper).spawn_detached(&arguments, &[], ChildInput::Nothing, Some(log.into()))
    });
    let mut helper = started.map_err(io::Error::other)?;
    drop(theirs);
    let received = receive(&ours);
    let ended = helper.wait()?;
    match received? {
        Some(tap) if ended.success() => Ok(tap),
        _ => Err(io::Error::other(format!("qemu-bridge-helper could not attach it to {bridge}"))),
    }
}

fn receive(from: &UnixStream) -> io::Result<Option<OwnedFd>> {
    use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let mut parts = [io::IoSliceMut::new(&mut byte)];
    recvmsg(from, &mut parts, &mut beside, RecvFlags::CMSG_CLOEXEC)?;
    let files = beside.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut files) => files.next(),
        _ => None,
    });
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_denies_counts_before_one_that_allows() {
        let of = |rules: &str| verdict(rules, "br0");
        assert_eq!(of(""), None);
        assert_eq!(of("# allow br0\nallow virbr0"), None);
        assert_eq!(of("deny all\nallow br0"), Some(false));
        assert_eq!(of("allow all\n deny br0"), Some(false));
        assert_eq!(of("include /etc/qemu/mine.conf"), Some(true));
    }
}
