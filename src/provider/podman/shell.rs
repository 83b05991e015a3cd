//! Runs a shell or a command inside, with the caller's streams.

use std::convert::Infallible;
use std::io;
use std::os::unix::net;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::sync::mpsc;

use super::client::{CHANGE, Client, LIBPOD, READ, escape};
use super::look::{self, Size};
use super::reply::{ExecSession, Made};
use super::watch::{Watched, Watcher};
use super::{Podman, carried, fault, processes, pump};
use crate::deed;
use crate::model::code::Code;
use crate::model::id::ProviderKind;
use crate::model::shell::{ShellCommand, ShellRequest, TerminalSize};
use crate::provider::{ProviderError, ShellIo};

/// The engine leaves a session when it reads these keys one by one. There is no way to have none,
/// so they are some that nobody types in a row. The first is held back until the next key comes,
/// which is least felt with one that does nothing by itself.
const DETACH_KEYS: &str = "ctrl-@,ctrl-^,ctrl-@,ctrl-_,ctrl-],ctrl-@,ctrl-^,ctrl-_";

/// What a shell says of a program that was ended by SIGPIPE.
const NOBODY_READS: i32 = 141;

/// The longest head of an answer.
const LONGEST_HEAD: usize = 16 << 10;

pub(super) async fn run(
    room: &Podman,
    request: &ShellRequest,
    io: ShellIo,
) -> Result<i32, ProviderError> {
    let client = &room.client;
    let argv = argv(client, request).await?;
    let mut io = io;
    if let Some(podman) = carried::carrier(room, request, &io)
        && let Some(status) = carried::run(room, request, &argv, &podman, &mut io).await?
    {
        return Ok(status);
    }
    let session = create(client, request, &argv).await?;
    let watched = Watched::Session(session.clone());
    let watcher = Watcher::start(&room.settings.helper, client.socket(), &watched)
        .map_err(|error| fault::internal("watch over a command", &error.to_string()))?;
    let size = request.terminal.as_ref().map(|terminal| terminal.size);
    let (stream, early) = start(client, &session, size).await?;

    let ShellIo { stdin, stdout, stderr, resizes, signals } = io;
    let (reader, writer, _ends) = threefold(stream).map_err(|cause| lost(&cause))?;
    pump::feed(stdin, writer);
    let copied = if size.is_some() {
        pump::terminal(reader, early, stdout)
    } else {
        pump::frames(reader, early, stdout, stderr)
    };
    // No error stands for a caller that reads no more.
    let output = async {
        match copied.await.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(None),
            copied => copied.map_err(|error| Some(lost(&error))),
        }
    };
    let status = async { status(client, &session).await.map_err(Some) };
    let finished = async { tokio::try_join!(output, status).map(|((), status)| status) };
    let finished = tokio::select! {
        finished = finished => finished,
        never = control(client, &session, resizes, signals) => match never {},
    };
    let status = match finished {
        Ok(status) => status,
        // What still runs is the watcher's.
        Err(None) => return Ok(NOBODY_READS),
        Err(Some(error)) => return Err(error),
    };
    watcher.release();
    Ok(status)
}

/// The connection for three: who reads it, who writes to it, and who ends it.
fn threefold(stream: UnixStream) -> io::Result<(net::UnixStream, net::UnixStream, pump::Ends)> {
    let stream = stream.into_std()?;
    stream.set_nonblocking(false)?;
    Ok((stream.try_clone()?, stream.try_clone()?, pump::Ends(stream)))
}

async fn argv(client: &Client, request: &ShellRequest) -> Result<Vec<String>, ProviderError> {
    Ok(match &request.run {
        ShellCommand::Argv(argv) => argv.clone(),
        ShellCommand::Line(line) => vec!["sh".to_owned(), "-c".to_owned(), line.clone()],
        ShellCommand::Login => {
            let container = look::container(client, &request.id, Size::NotWanted).await?;
            let shell = container.and_then(|found| {
                let state = &found.state;
                processes::login_shell(state.pid, state.conmon_pid, &found.id, &request.user)
            });
            vec![shell.unwrap_or_else(|| "sh".to_owned()), "-l".to_owned()]
        }
    })
}

async fn create(
    client: &Client,
    request: &ShellRequest,
    argv: &[String],
) -> Result<String, ProviderError> {
    let mut body = json!({
        "AttachStdin": true,
        "AttachStdout": true,
        "AttachStderr": true,
        "Tty": request.terminal.is_some(),
        "DetachKeys": DETACH_KEYS,
        "Cmd": argv,
        "User": request.user,
    });
    if let Some(directory) = &request.workdir {
        body["WorkingDir"] = json!(directory);
    }
    if let Some(terminal) = &request.terminal {
        body["Env"] = json!([format!("TERM={}", terminal.term)]);
    }
    let path = format!("{LIBPOD}/containers/{}/exec", escape(&request.id));
    let create = client.post(&path, Some(&body), READ);
    let reply = deed::around("podman.create_session", create).await?;
    if reply.is_success() {
        return reply.parse::<Made>("enter the container").map(|made| made.id);
    }
    Err(not_entered(reply.message(), reply.status == 404))
}

/// The engine would not let a command in.
pub(super) fn not_entered(message: String, is_gone: bool) -> ProviderError {
    let (code, help) = if is_gone {
        (Code::InfraNotFound, "`vagrantp up` makes it")
    } else if message.contains("state improper") || message.contains("not running") {
        (Code::InfraNotRunning, "`vagrantp up` starts it")
    } else {
        (Code::SshConnectionFailed, "look at SSH_USER, and with `podman ps` whether it runs")
    };
    refused(message, help, code)
}

pub(super) fn refused(message: String, help: &str, code: Code) -> ProviderError {
    ProviderError::Refused {
        provider: ProviderKind::Podman,
        operation: "enter the container".to_owned(),
        message,
        help: help.to_owned(),
        code,
    }
}

pub(super) fn lost(cause: &io::Error) -> ProviderError {
    refused(
        format!("the connection broke: {cause}"),
        "what ran inside is being ended; `vagrantp status` shows whether the machine still runs",
        Code::SshConnectionFailed,
    )
}

/// Starts the command; from there on the connection carries its streams. What came after the head
/// of the answer belongs to them already.
async fn start(
    client: &Client,
    session: &str,
    size: Option<TerminalSize>,
) -> Result<(UnixStream, Vec<u8>), ProviderError> {
    let body: Value = match size {
        Some(size) => json!({ "Detach": false, "Tty": true, "h": size.rows, "w": size.columns }),
        None => json!({ "Detach": false, "Tty": false }),
    };
    let body = body.to_string();
    let head = format!(
        "POST {LIBPOD}/exec/{}/start HTTP/1.1\r\nHost: podman\r\nConnection: Upgrade\r\n\
         Upgrade: tcp\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        escape(session),
        body.len()
    );
    let mut stream = client.connection().await?;
    let exchange = async {
        stream.write_all(head.as_bytes()).await?;
        let mut answer = Vec::with_capacity(1024);
        loop {
            if let Some(at) = answer.windows(4).position(|window| window == b"\r\n\r\n") {
                let rest = answer.split_off(at + 4);
                return Ok::<_, io::Error>((answer, rest));
            }
            if stream.read_buf(&mut answer).await? == 0 || answer.len() > LONGEST_HEAD {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    };
    let exchange = deed::around("podman.start_session", exchange);
    let (head, mut rest) = match tokio::time::timeout(CHANGE, exchange).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(cause)) => return Err(client.unreachable(Some(cause))),
        Err(_) => {
            return Err(ProviderError::Timeout {
                provider: ProviderKind::Podman,
                operation: "start a command inside".to_owned(),
                seconds: CHANGE.as_secs(),
                help: fault::TIMEOUT_HELP.to_owned(),
            });
        }
    };
    let code: Option<u16> = head
        .get(9..12)
        .and_then(|code| std::str::from_utf8(code).ok())
        .and_then(|c| c.parse().ok());
    if matches!(code, Some(101 | 200)) {
        return Ok((stream, rest));
    }
    // The engine says why, and may leave the connection open after that.
    let _ = tokio::time::timeout(Duration::from_secs(1), stream.read_to_end(&mut rest)).await;
    let said: Option<Value> = serde_json::from_slice(&rest).ok();
    let message = said.as_ref().and_then(|said| said.get("message")?.as_str());
    let message = crate::exec::printable(message.unwrap_or("the command could not be started"));
    let help = "look whether the directory and the user are there inside";
    Err(refused(message, help, Code::SshConnectionFailed))
}

/// The command's exit status. The engine forgets a session a second after its end, and its output
/// may take longer than that to be read; so the end is waited for and not the output's.
async fn status(client: &Client, session: &str) -> Result<i32, ProviderError> {
    let path = format!("{LIBPOD}/exec/{}/json", escape(session));
    let mut pause = Duration::from_millis(2);
    loop {
        let state: Option<ExecSession> = client.find("look at a command", &path).await?;
        let Some(state) = state else {
            return Err(refused(
                "the engine forgot the command before it said how it ended".to_owned(),
                "the container was removed, or the engine is overloaded",
                Code::SshConnectionFailed,
            ));
        };
        if state.has_ended() {
            return Ok(state.exit_code);
        }
        // Nothing is ever read from it: it is waited for, which is the same with a pipe.
        let process = processes::of_session(state.pid, session).and_then(processes::ending);
        match process.and_then(|end| pipe::Receiver::from_owned_fd_unchecked(end).ok()) {
            Some(process) => {
                let _ = process.readable().await;
                pause = Duration::from_millis(2);
            }
            None => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_millis(400));
            }
        }
    }
}

/// Hands on what happens to the caller's terminal and the signals that it gets. Never ends by
/// itself.
async fn control(
    client: &Client,
    session: &str,
    mut resizes: mpsc::Receiver<TerminalSize>,
    mut signals: mpsc::Receiver<i32>,
) -> Infallible {
    loop {
        tokio::select! {
            Some(size) = resizes.recv() => {
                let path = format!(
                    "{LIBPOD}/exec/{}/resize?h={}&w={}",
                    escape(session), size.rows, size.columns
                );
                // The next size will do as well.
                let _ = deed::around("podman.resize", client.post(&path, None, READ)).await;
            }
            Some(number) = signals.recv() => {
                let path = format!("{LIBPOD}/exec/{}/json", escape(session));
                let state = client.find::<ExecSession>("look at a command", &path).await;
                let pid = state.ok().flatten().filter(|state| state.running);
                if let Some(pid) = pid.and_then(|state| processes::of_session(state.pid, session)) {
                    processes::signal(pid, number);
                }
            }
            else => std::future::pending().await,
        }
    }
}
