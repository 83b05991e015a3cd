//! Starts Podman's service where none answers, by socket activation.
//!
//! A service that is told its socket removes whatever stands there, when it starts and when it
//! ends, so that of several starters some become unreachable. Here vagrantp itself binds and
//! listens, under a lock, and hands the listening socket over: who connects waits in its backlog
//! until the service is up, and nobody has to poll. After the service has ended of idleness the
//! file stays and refuses connections; the next caller replaces it, under the same lock.

use std::ffi::OsString;
use std::fs::{File, Permissions};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use tokio::net::UnixStream;

use super::settings::Settings;
use super::{conf, fault};
use crate::deed;
use crate::exec::{ChildInput, ExecError, Program};
use crate::private;
use crate::provider::ProviderError;

/// How long the service stays without a caller. It costs 54 MB, and its start 50 ms.
const IDLE_SECONDS: u32 = 300;

/// The hidden verb that [`activate`] stands behind.
pub const ACTIVATE_VERB: &str = "__activate";

/// Where a listening socket has to be for a program that is activated by it.
const FIRST_DESCRIPTOR: i32 = 3;

/// What the start of a service needs.
#[derive(Clone, Debug)]
pub(super) struct Start {
    pub(super) podman: PathBuf,
    /// vagrantp itself, which becomes the service.
    pub(super) helper: PathBuf,
    pub(super) socket: PathBuf,
    pub(super) conf: conf::Surroundings,
}

/// The last words of the service that was started last.
pub(super) fn log_of(socket: &Path) -> PathBuf {
    socket.with_extension("log")
}

/// Whether the error says that a socket may be taken.
pub(super) fn nobody_listens(cause: &io::Error) -> bool {
    matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

/// Starts the service where none answers, and connects to it.
pub(super) async fn begin(settings: &Settings) -> Result<UnixStream, ProviderError> {
    let how = settings.service()?;
    let socket = how.socket.clone();
    let started = tokio::task::spawn_blocking(move || start(&how, None)).await;
    let started = started.unwrap_or_else(|error| Err(io::Error::other(error)));
    started.map_err(|cause| fault::of_connect(&socket, cause))?;
    connect(&socket).await.map_err(|cause| fault::of_connect(&socket, cause))
}

/// Connects to an engine, if it is one that may be believed.
pub(super) async fn connect(socket: &Path) -> io::Result<UnixStream> {
    let stream = UnixStream::connect(socket).await?;
    private::check_server(socket, stream.peer_cred()?.uid())?;
    Ok(stream)
}

/// Looks at the place of a socket of our own before anything is said there.
pub(super) fn check_place(socket: &Path) -> io::Result<()> {
    if let Some(directory) = socket.parent() {
        directory.parent().map_or(Ok(()), private::check_base)?;
        private::check_directory(directory)?;
    }
    private::check_socket(socket)
}

/// Which file a socket is: another one once another service listens there.
pub(super) fn generation(socket: &Path) -> Option<u64> {
    std::fs::symlink_metadata(socket).ok().map(|metadata| metadata.ino())
}

/// Puts another service into the place of one that answers no more: its storage was taken away
/// under it, as `podman system reset` does. The old one ends of idleness, now that nobody finds it.
/// Where somebody was quicker, theirs is taken.
pub(super) async fn replace(settings: &Settings, old: Option<u64>) -> Result<(), ProviderError> {
    let how = settings.service()?;
    let socket = how.socket.clone();
    let started = tokio::task::spawn_blocking(move || start(&how, old)).await;
    let started = started.unwrap_or_else(|error| Err(io::Error::other(error)));
    started.map_err(|cause| fault::of_connect(&socket, cause))
}

/// Has somebody listen at the socket, who is not the one that is known to be of no use. Blocks while
/// others do the same.
fn start(start: &Start, useless: Option<u64>) -> io::Result<()> {
    let directory = start.socket.parent().unwrap_or(Path::new("/"));
    deed::at_once("podman.service_dir", || private::make_directory(directory))?;
    let lock = deed::at_once("podman.service_lock", || {
        let mut options = File::options();
        options.create(true).truncate(false).write(true);
        private::open(&start.socket.with_extension("lock"), &mut options)
    })?;
    lock.lock()?;
    let is_useless = useless.is_some() && generation(&start.socket) == useless;
    if !is_useless && std::os::unix::net::UnixStream::connect(&start.socket).is_ok() {
        return Ok(());
    }
    match deed::at_once("podman.service_clear", || std::fs::remove_file(&start.socket)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let variables = conf::variables(&start.conf, directory)?;
    let log = deed::at_once("podman.service_log", || {
        let mut options = File::options();
        options.create(true).truncate(true).write(true);
        private::open(&log_of(&start.socket), &mut options)
    })?;
    let listener = deed::at_once("podman.service_bind", || {
        let listener = UnixListener::bind(&start.socket)?;
        // Nobody else gets into the directory; and where the umask is open, nobody is invited.
        std::fs::set_permissions(&start.socket, Permissions::from_mode(0o600))?;
        Ok::<_, io::Error>(listener)
    })?;
    let idle = IDLE_SECONDS.to_string();
    let podman = start.podman.to_string_lossy();
    let arguments = [ACTIVATE_VERB, &podman, "system", "service", "--time", &idle];
    let input = ChildInput::Descriptor(listener.into());
    let started = deed::at_once("podman.service_start", || {
        Program::at(&start.helper).spawn_detached(&arguments, &variables, input, Some(log))
    });
    started.map(drop).map_err(|error| {
        // Nobody would ever take a connection from its backlog.
        let _ = deed::at_once("podman.service_clear", || std::fs::remove_file(&start.socket));
        io::Error::other(error)
    })
}

/// Becomes the program that is named by the first argument, with the socket that stands on stdin
/// handed over as systemd does: as descriptor 3, in a session of its own, with nothing else
/// inherited. Returns only where that fails.
///
/// This is what the hidden verb [`ACTIVATE_VERB`] does. It needs to be a process of its own since
/// LISTEN_PID has to be the number of the process that listens. Call it before any other thread
/// runs.
#[must_use]
pub fn activate(arguments: &[OsString]) -> io::Error {
    match hand_over(arguments) {
        Ok(error) => io::Error::other(error),
        Err(error) => error,
    }
}

fn hand_over(arguments: &[OsString]) -> io::Result<ExecError> {
    let Some((program, rest)) = arguments.split_first() else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "no program to hand the socket to",
        ));
    };
    // What the caller's caller left open must not live on in a service: the other end of a pipe
    // would wait for it.
    close_fds::set_fds_cloexec(FIRST_DESCRIPTOR, &[]);
    let stdin = io::stdin();
    let socket = rustix::io::fcntl_dupfd_cloexec(stdin.as_fd(), FIRST_DESCRIPTOR)?;
    if socket.as_raw_fd() != FIRST_DESCRIPTOR {
        // Something that was inherited is in the way. It closes on exec, and stdin stays.
        let stdin = ChildInput::Descriptor(stdin.as_fd().try_clone_to_owned()?);
        let mut again = vec![OsString::from(ACTIVATE_VERB)];
        again.extend_from_slice(arguments);
        return Ok(Program::at("/proc/self/exe").replace_this_process(&again, &[], stdin));
    }
    // Fails only for a process that leads its group, which then has what this is for.
    let _ = rustix::process::setsid();
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::empty())?;
    let variables = [
        (OsString::from("LISTEN_FDS"), OsString::from("1")),
        (OsString::from("LISTEN_PID"), OsString::from(std::process::id().to_string())),
    ];
    Ok(Program::at(program).replace_this_process(rest, &variables, ChildInput::Nothing))
}
