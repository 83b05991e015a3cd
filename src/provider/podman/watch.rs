//! Ends what runs inside when its caller goes away.
//!
//! A client that disappears leaves its command running: the engine does not mind. So beside each
//! command there is a small process that holds one end of a pipe. Where the command ends first, it
//! gets a byte and goes. Where the pipe closes without that (an error, a cancelled call, SIGKILL),
//! it ends the command: SIGHUP, as a terminal that is closed sends it, and SIGKILL to what is left.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use serde::de::DeserializeOwned;

use super::client::{LIBPOD, escape};
use super::processes;
use super::reply::{ExecSession, Executing};
use crate::deed;
use crate::exec::{ChildInput, Program};

/// The hidden verb that [`watch`] stands behind.
pub const WATCH_VERB: &str = "__watch";

/// How long the command has after SIGHUP.
const GRACE: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(50);
/// How long a command may take from its creation to its first process.
const STARTS_WITHIN: Duration = Duration::from_secs(5);

/// Which command is watched.
#[derive(Clone, Debug)]
pub(super) enum Watched {
    /// The one of this exec session.
    Session(String),
    /// The one in this container whose exec session has these detach keys, once there is one.
    ByKeys { container: String, keys: String },
}

/// The watcher of one command.
#[derive(Debug)]
pub(super) struct Watcher {
    pipe: io::PipeWriter,
    child: Child,
}

impl Watcher {
    /// Starts it, before the command: it has to outlive us from the first moment.
    pub(super) fn start(helper: &Path, socket: &Path, watched: &Watched) -> io::Result<Watcher> {
        let (reader, pipe) = io::pipe()?;
        let mut arguments: Vec<&OsStr> = vec![WATCH_VERB.as_ref(), socket.as_os_str()];
        match watched {
            Watched::Session(session) => arguments.push(session.as_ref()),
            Watched::ByKeys { container, keys } => {
                arguments.extend([OsStr::new(container), OsStr::new(keys)]);
            }
        }
        let input = ChildInput::Descriptor(reader.into());
        let child = deed::at_once("podman.start_watcher", || {
            Program::at(helper).spawn_detached(&arguments, &[], input, None)
        });
        let child = child.map_err(io::Error::other)?;
        Ok(Watcher { pipe, child })
    }

    /// The command has ended; there is nothing left to watch.
    pub(super) fn release(mut self) {
        if self.pipe.write_all(b".").is_ok() {
            drop(self.pipe);
            let _ = self.child.wait();
        }
    }
}

/// Waits on stdin for the end of the caller, and ends the command where the caller ended first.
/// The arguments are the socket, and either the exec session's id or the container's and the
/// session's detach keys. This is what the hidden verb [`WATCH_VERB`] does.
///
/// # Errors
/// The arguments are not these, or the engine does not answer any more.
pub fn watch(arguments: &[OsString]) -> io::Result<()> {
    let text = |argument: &OsString| argument.to_string_lossy().into_owned();
    let (socket, watched) = match arguments {
        [socket, session] => (socket, Watched::Session(text(session))),
        [socket, container, keys] => {
            (socket, Watched::ByKeys { container: text(container), keys: text(keys) })
        }
        _ => {
            let expected = "expected a socket and a session";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, expected));
        }
    };
    // Away from the terminal: its signals are the caller's, and its end is when this is needed.
    let _ = rustix::process::setsid();
    let mut byte = [0];
    if io::stdin().read(&mut byte)? > 0 {
        return Ok(());
    }
    match process(Path::new(socket), &watched)? {
        Some(pid) => {
            end(pid);
            Ok(())
        }
        None => Ok(()),
    }
}

/// The command's process, once there is one; nothing where it has ended.
fn process(socket: &Path, watched: &Watched) -> io::Result<Option<Pid>> {
    let mut waited = Duration::ZERO;
    loop {
        let found = match watched {
            Watched::Session(session) => {
                inspect(socket, session)?.map(|state| (session.clone(), state))
            }
            Watched::ByKeys { container, keys } => with_keys(socket, container, keys)?,
        };
        match found {
            Some((_, state)) if state.has_ended() => return Ok(None),
            Some((session, state)) => {
                let pid = processes::of_session(state.pid, &session);
                if let Some(pid) = pid.or_else(|| processes::under_monitor_of(&session)) {
                    return Ok(Some(pid));
                }
            }
            // A session that was made for it is gone with it; one of Podman's own may be to come.
            None if matches!(watched, Watched::Session(_)) => return Ok(None),
            None => {}
        }
        if waited >= STARTS_WITHIN {
            return Ok(None);
        }
        std::thread::sleep(LOOK);
        waited += LOOK;
    }
}

fn with_keys(
    socket: &Path,
    container: &str,
    keys: &str,
) -> io::Result<Option<(String, ExecSession)>> {
    let path = format!("{LIBPOD}/containers/{}/json", escape(container));
    let executing: Executing = ask(socket, &path)?.unwrap_or_default();
    for session in executing.exec_ids {
        if let Some(state) = inspect(socket, &session)?.filter(|state| state.detach_keys == keys) {
            return Ok(Some((session, state)));
        }
    }
    Ok(None)
}

fn end(pid: Pid) {
    let all = processes::session_of(pid);
    processes::signal_all(&all, Signal::HUP);
    // A stopped process hears nothing else.
    processes::signal_all(&all, Signal::CONT);
    let mut waited = Duration::ZERO;
    while waited < GRACE {
        std::thread::sleep(LOOK);
        waited += LOOK;
        if processes::session_of(pid).is_empty() {
            return;
        }
    }
    processes::signal_all(&processes::session_of(pid), Signal::KILL);
}

fn inspect(socket: &Path, session: &str) -> io::Result<Option<ExecSession>> {
    ask(socket, &format!("{LIBPOD}/exec/{}/json", escape(session)))
}

/// One question, without a runtime: the watcher is meant to cost next to nothing.
fn ask<T: DeserializeOwned>(socket: &Path, path: &str) -> io::Result<Option<T>> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: podman\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(1 << 20).read_to_end(&mut answer)?;
    let body = answer.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4);
    let body = body.and_then(|at| answer.get(at..)).unwrap_or_default();
    Ok(serde_json::from_slice(body).ok())
}
