//! The way from vagrantp to a QEMU that belongs to nobody's terminal: a hidden verb of vagrantp's own,
//! which prepares what QEMU cannot be told by arguments and then becomes it.
//!
//! It has a session of its own and nothing of the caller's open. Where files beneath a shared directory
//! are to be kept from what runs inside, it has mounts of its own in which they cannot be written; where
//! the machine is on a bridge, it has QEMU's helper attach it while that still may.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::MemfdFlags;
use serde::{Deserialize, Serialize};

use super::bridge;
use super::share::Guard;
use super::spec::BRIDGE_DESCRIPTOR;
use crate::deed;
use crate::exec::{ChildInput, Program, confine};
use crate::model::mount::MountAccess;

/// The hidden verb that [`launch`] stands behind.
pub const LAUNCH_VERB: &str = "__qemu";

/// How the line begins that says that the host allows no mounts of one's own.
pub(super) const NOT_CONFINED: &str = "vagrantp: no mounts of its own: ";

/// How the line begins that says why the machine could not be attached to its bridge.
pub(super) const NOT_BRIDGED: &str = "vagrantp: no bridge: ";

/// An order is not longer than this.
const LARGEST: u64 = 16 << 20;

/// What the hidden verb is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Order {
    /// QEMU.
    pub(super) program: OsString,
    /// What it is started with.
    pub(super) arguments: Vec<OsString>,
    /// What is put in the way of it, outer places first.
    pub(super) guards: Vec<Guard>,
    /// The bridge that the machine is attached to.
    pub(super) bridge: Option<String>,
    /// The servers of shared directories that run beside it.
    pub(super) servers: Vec<Server>,
}

/// A server of a shared directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Server {
    /// virtiofsd.
    pub(super) program: OsString,
    /// Where it listens.
    pub(super) socket: PathBuf,
    /// What it serves.
    pub(super) directory: OsString,
    /// What else it is told.
    pub(super) options: Vec<String>,
}

impl Order {
    /// The order as something to be read from stdin, which nobody else has a name for.
    pub(super) fn to_descriptor(&self) -> io::Result<OwnedFd> {
        let memory = rustix::fs::memfd_create("vagrantp", MemfdFlags::CLOEXEC)?;
        let mut file = File::from(memory);
        file.write_all(&serde_json::to_vec(self)?)?;
        file.rewind()?;
        Ok(file.into())
    }
}

/// Becomes QEMU, as the order on stdin says. Returns only where that fails.
///
/// This is what the hidden verb [`LAUNCH_VERB`] does. Call it before any other thread runs.
#[must_use]
pub fn launch() -> io::Error {
    match prepare() {
        Ok(error) => error,
        Err(error) => error,
    }
}

fn prepare() -> io::Result<io::Error> {
    // What the caller's caller left open must not live on: the other end of a pipe would wait for it.
    close_fds::set_fds_cloexec(BRIDGE_DESCRIPTOR, &[]);
    // Held open, so that nothing else gets the number.
    let reserved = rustix::io::fcntl_dupfd_cloexec(io::stdin().as_fd(), BRIDGE_DESCRIPTOR)?;
    let order = read()?;
    // Fails only for a process that leads its group, which then has what this is for.
    let _ = rustix::process::setsid();
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let tap = order.bridge.as_deref().map(bridge::attach).transpose();
    let tap = tap.map_err(|says| io::Error::other(format!("{NOT_BRIDGED}{says}")))?;
    if !order.guards.is_empty() {
        let not_confined = |error| io::Error::other(format!("{NOT_CONFINED}{error}"));
        confine::own_mounts().map_err(not_confined)?;
        for guard in &order.guards {
            put_in_the_way(guard).map_err(not_confined)?;
        }
    }
    let _servers = serve(&order.servers)?;
    drop(reserved);
    if let Some(tap) = tap {
        // At the number that QEMU is told.
        let tap = rustix::io::fcntl_dupfd_cloexec(&tap, BRIDGE_DESCRIPTOR)?;
        if tap.as_raw_fd() != BRIDGE_DESCRIPTOR {
            return Err(io::Error::other("something that was inherited is in the way"));
        }
        rustix::io::fcntl_setfd(&tap, rustix::io::FdFlags::empty())?;
        return Ok(become_it(&order, Some(tap)));
    }
    Ok(become_it(&order, None))
}

fn become_it(order: &Order, _tap: Option<OwnedFd>) -> io::Error {
    let program = Program::at(PathBuf::from(&order.program));
    io::Error::other(program.replace_this_process(&order.arguments, &[], ChildInput::Nothing))
}

fn read() -> io::Result<Order> {
    let mut text = Vec::new();
    io::stdin().lock().take(LARGEST).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

fn put_in_the_way(guard: &Guard) -> io::Result<()> {
    let path: &Path = &guard.path;
    let done = match guard.access {
        MountAccess::ReadOnly => confine::seal(path),
        MountAccess::ReadWrite => confine::pin(path),
    };
    match done {
        // It was there when the project was looked at. What is not there cannot be guarded, and is
        // seen by who reads the files the next time.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
    }
}

/// Starts the servers; each has its socket from the start, so that QEMU need not wait for it.
fn serve(servers: &[Server]) -> io::Result<Vec<std::process::Child>> {
    let mut children = Vec::new();
    for server in servers {
        let listener = deed::at_once("qemu.bind_share", || UnixListener::bind(&server.socket))?;
        let listener = rustix::io::fcntl_dupfd_cloexec(&listener, BRIDGE_DESCRIPTOR + 1)?;
        rustix::io::fcntl_setfd(&listener, rustix::io::FdFlags::empty())?;
        let mut directory = OsString::from("--shared-dir=");
        directory.push(&server.directory);
        // It sees no more than what it serves, where its user can have that.
        let is_root = rustix::process::geteuid().is_root();
        let mut arguments = vec![
            OsString::from(format!("--fd={}", listener.as_raw_fd())),
            directory,
            if is_root { "--sandbox=chroot" } else { "--sandbox=none" }.into(),
            "--log-level=warn".into(),
        ];
        arguments.extend(server.options.iter().map(OsString::from));
        let log = io::stderr().as_fd().try_clone_to_owned()?;
        let program = Program::at(PathBuf::from(&server.program));
        let child = deed::at_once("qemu.serve", || {
            program.spawn_detached(&arguments, &[], ChildInput::Nothing, Some(log.into()))
        });
        children.push(child.map_err(io::Error::other)?);
        // The descriptor closes here: who has it open besides would keep QEMU waiting for ever.
    }
    Ok(children)
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn an_order_is_read_as_it_was_given() {
        let order = Order {
            program: "/usr/bin/qemu".into(),
            arguments: vec![OsString::from_vec(b"-append \xff,\n".to_vec()), "".into()],
            guards: vec![Guard { path: "/p/.env".into(), access: MountAccess::ReadOnly }],
            bridge: Some("br0".to_owned()),
            servers: Vec::new(),
        };
        let mut text = Vec::new();
        let mut file = File::from(order.to_descriptor().expect("memory"));
        file.read_to_end(&mut text).expect("it can be read");
        assert_eq!(serde_json::from_slice::<Order>(&text).expect("an order"), order);
    }
}
