//! A command inside whose streams Podman's own program carries.
//!
//! Through the service every byte passes one process more, and where something big passes on a host
//! of two processors, that is a quarter to a half of the time. So where there is no terminal and the
//! engine is the caller's own, `podman exec` gets the caller's descriptors. All else stays with the
//! service: who signals the command, asks for it or ends it finds its session by the detach keys,
//! which are no other session's.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, SystemTime};

use rustix::fs::{FileType, fstat};
use rustix::termios::isatty;

use super::client::{Client, LIBPOD, escape};
use super::reply::{ExecSession, Executing};
use super::shell::{lost, not_entered};
use super::watch::{Watched, Watcher};
use super::{Podman, fault, processes, pump};
use crate::exec::{Program, printable};
use crate::model::shell::ShellRequest;
use crate::provider::{ProviderError, ShellIo};

/// What Podman ends with where the failure is its own.
const OWN_FAILURE: i32 = 125;

/// What it ends with where the container does not run.
const NOT_RUNNING: i32 = 255;

/// How a message of Podman's begins, and nothing else of it does on stderr.
const OWN_WORDS: &str = "Error: ";

/// How often a session is looked for that a signal is meant for.
const LOOK: Duration = Duration::from_millis(50);

/// The program that carries a session's streams, where one can and is worth its start: what a person
/// types at a terminal is short, and the service is quicker to begin.
pub(super) fn carrier(room: &Podman, request: &ShellRequest, io: &ShellIo) -> Option<Program> {
    let settings = &room.settings;
    let is_own = room.engine_uid == Some(settings.uid)
        && settings.container_host.is_none()
        && settings.docker_host.is_none();
    let may_be_much = !isatty(&io.stdout) || carries(&io.stdin);
    if !is_own || request.terminal.is_some() || !may_be_much {
        return None;
    }
    Program::find("podman", settings.path.as_deref()).ok()
}

/// Whether this is something that bytes are put into by another program or by a file.
fn carries(stream: impl AsFd) -> bool {
    let kind = fstat(stream).map(|stat| FileType::from_raw_mode(stat.st_mode));
    matches!(kind, Ok(FileType::Fifo | FileType::RegularFile | FileType::Socket))
}

/// Runs the command to its end; nothing where Podman's program does not know the container, so that
/// the service has to do it. Nothing was read from the caller then.
pub(super) async fn run(
    room: &Podman,
    request: &ShellRequest,
    argv: &[String],
    podman: &Program,
    io: &mut ShellIo,
) -> Result<Option<i32>, ProviderError> {
    let keys = keys();
    let session = Watched::ByKeys { container: request.id.clone(), keys: keys.clone() };
    let watcher = Watcher::start(&room.settings.helper, room.client.socket(), &session)
        .map_err(|error| fault::internal("watch over a command", &error.to_string()))?;
    let copy = |stream: &OwnedFd| stream.try_clone().map_err(|cause| lost(&cause));
    let (errors, to_errors) = io::pipe().map_err(|cause| lost(&cause))?;
    let input = input(&io.stdin).map_err(|cause| lost(&cause))?;
    let arguments = arguments(request, argv, &keys);
    let streams = [input, copy(&io.stdout)?, to_errors.into()];
    let mut child = podman
        .spawn_with(&arguments, streams)
        .map_err(|error| fault::internal("enter the container", &error.to_string()))?;
    let held = pump::errors(errors, copy(&io.stderr)?, OWN_WORDS.as_bytes());
    let ended = tokio::select! {
        ended = child.wait() => ended.map_err(|cause| lost(&cause))?,
        never = hand_on(&room.client, &request.id, &keys, &mut io.signals) => match never {},
    };
    let held = held.await.unwrap_or_else(|error| Err(io::Error::other(error)));
    let held = held.map_err(|cause| lost(&cause))?;
    let said = String::from_utf8_lossy(&held);
    match ended.code() {
        Some(OWN_FAILURE) if is_of_another_engine(&said, &request.id) => {
            watcher.release();
            Ok(None)
        }
        Some(OWN_FAILURE | NOT_RUNNING) if is_podmans(&said, &request.user) => {
            let said = said.trim_start_matches(OWN_WORDS).trim();
            // The watcher sees to whatever may run.
            Err(not_entered(printable(said), false))
        }
        Some(status) => {
            pump::write(&io.stderr, &held).map_err(|cause| lost(&cause))?;
            watcher.release();
            Ok(Some(status))
        }
        // Nobody reads the output any more, or somebody ended Podman. The watcher ends the rest.
        None => Ok(Some(128 + ended.signal().unwrap_or_default())),
    }
}

/// Whether Podman's program says that it does not know this container, and so has run nothing. The id
/// has to be this one: what runs inside may call a Podman of its own, and must not be run twice.
fn is_of_another_engine(said: &str, id: &str) -> bool {
    said.starts_with(&format!("{OWN_WORDS}no container with name or ID \"{id}\""))
}

/// Whether these are Podman's words for a command that could not begin. Any other words, and the
/// status with them, are the command's own.
fn is_podmans(said: &str, user: &str) -> bool {
    said.strip_prefix(OWN_WORDS).is_some_and(|said| {
        said.starts_with("can only create exec sessions on running containers")
            || said.starts_with(&format!("unable to find user {user}: "))
    })
}

/// Keys that no other session has, and that nobody types: see `DETACH_KEYS` of the service's way.
fn keys() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let unique = format!("{:x}{:x}", std::process::id(), now.as_nanos());
    let letters: String = unique.chars().flat_map(|digit| [',', digit]).collect();
    format!("ctrl-@,ctrl-^,ctrl-@,ctrl-_{letters}")
}

/// What Podman's program reads. It is no part of the terminal's foreground, and would be stopped if
/// it read from one.
fn input(stdin: &OwnedFd) -> io::Result<OwnedFd> {
    let stdin = stdin.try_clone()?;
    if !isatty(&stdin) {
        return Ok(stdin);
    }
    let (ours, theirs) = UnixStream::pair()?;
    pump::feed(stdin, ours);
    Ok(theirs.into())
}

fn arguments(request: &ShellRequest, argv: &[String], keys: &str) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["exec".into(), "--interactive".into()];
    arguments.push(format!("--detach-keys={keys}").into());
    arguments.push(format!("--user={}", request.user).into());
    if let Some(directory) = &request.workdir {
        let mut option = OsString::from("--workdir=");
        option.push(directory);
        arguments.push(option);
    }
    arguments.push(request.id.clone().into());
    arguments.extend(argv.iter().map(OsString::from));
    arguments
}

/// Hands signals on to the command. Never ends by itself.
async fn hand_on(
    client: &Client,
    container: &str,
    keys: &str,
    signals: &mut tokio::sync::mpsc::Receiver<i32>,
) -> std::convert::Infallible {
    loop {
        let Some(number) = signals.recv().await else { std::future::pending().await };
        loop {
            if let Some(pid) = process(client, container, keys).await {
                processes::signal(pid, number);
                break;
            }
            // It is about to be started, or has ended.
            tokio::time::sleep(LOOK).await;
        }
    }
}

async fn process(client: &Client, container: &str, keys: &str) -> Option<rustix::process::Pid> {
    let path = format!("{LIBPOD}/containers/{}/json", escape(container));
    let found: Executing = client.find("look at the commands", &path).await.ok()??;
    for session in found.exec_ids {
        let path = format!("{LIBPOD}/exec/{}/json", escape(&session));
        let state = client.find::<ExecSession>("look at a command", &path).await.ok().flatten();
        if let Some(state) = state.filter(|state| state.detach_keys == keys) {
            return processes::of_session(state.pid, &session);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::model::shell::ShellCommand;

    #[test]
    fn nothing_of_the_callers_is_taken_for_an_option() {
        let argv = ["--privileged".to_owned(), "a b".to_owned()];
        let request = ShellRequest {
            id: "0123".to_owned(),
            user: "--tty".to_owned(),
            workdir: Some(PathBuf::from("/-d, e")),
            run: ShellCommand::Argv(argv.to_vec()),
            terminal: None,
        };
        assert_eq!(
            arguments(&request, &argv, "a,b"),
            [
                "exec",
                "--interactive",
                "--detach-keys=a,b",
                "--user=--tty",
                "--workdir=/-d, e",
                "0123",
                "--privileged",
                "a b"
            ]
        );
    }

    #[test]
    fn words_of_the_commands_own_are_not_podmans() {
        let other = "Error: no container with name or ID \"0123\" found: no such container\n";
        assert!(is_of_another_engine(other, "0123"));
        assert!(!is_of_another_engine(other, "4567"), "a Podman inside says it of another");
        assert!(!is_of_another_engine(&format!("x\n{other}"), "0123"));
        let stopped = "Error: can only create exec sessions on running containers: container state \
                       improper\n";
        let user = "Error: unable to find user web: no matching entries in passwd file\n";
        assert!(is_podmans(stopped, "root") && is_podmans(user, "web") && !is_podmans(user, "dev"));
        for own in ["", "Error: mine\n", other, "can only create exec sessions"] {
            assert!(!is_podmans(own, "root"), "{own}");
        }
    }

    #[test]
    fn no_two_sessions_have_the_same_keys() {
        let all: std::collections::BTreeSet<String> = (0..1000).map(|_| keys()).collect();
        assert!(all.len() > 990, "the clock has nanoseconds: {}", all.len());
    }
}
