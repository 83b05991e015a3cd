//! QMP: one line of JSON there, one back. The only file that talks to QEMU.
//!
//! Own, and not a typed client: the words of QEMU grow with each version, and a state or an event that
//! an older list does not know must not keep vagrantp from reading the rest
//! (`docs/decisions/` says more). A monitor serves one caller at a time, and whoever comes second hears
//! nothing until the first is gone: each question has a time limit.

use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::fault;
use crate::private;
use crate::provider::ProviderError;

/// How long an answer may take that QEMU has at hand.
pub(super) const PROMPT: Duration = Duration::from_secs(10);

/// A line that is longer is none of QEMU's.
const LONGEST: usize = 16 << 20;

/// A connection to a monitor.
#[derive(Debug)]
pub(super) struct Monitor {
    stream: BufReader<UnixStream>,
    /// QEMU's version: major, minor, micro.
    pub(super) version: [u64; 3],
    /// What happened while an answer was waited for.
    events: Vec<Value>,
}

/// What a monitor said no to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Its class: `GenericError`, `CommandNotFound`, …
    pub(super) class: String,
    /// In words.
    pub(super) says: String,
}

/// A question's failure.
#[derive(Debug)]
pub(super) enum Failure {
    /// QEMU says no.
    Refused(Refusal),
    /// The connection is of no use any more: it ended, or was silent for too long.
    Lost(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Lost(error)
    }
}

impl crate::deed::MadeUp for Failure {
    fn made_up(deed: &str) -> Self {
        Failure::Refused(Refusal {
            class: "MadeUp".to_owned(),
            says: format!("{deed} was made to fail"),
        })
    }
}

impl Failure {
    /// As an error of what was asked for.
    pub(super) fn of(self, operation: &str) -> ProviderError {
        match self {
            Failure::Refused(refusal) => fault::refused(operation, &refusal.says),
            Failure::Lost(error) if error.kind() == io::ErrorKind::TimedOut => {
                fault::silent(operation, PROMPT)
            }
            Failure::Lost(error) => fault::lost(operation, &error),
        }
    }
}

impl Monitor {
    /// Connects to the monitor at this socket, which has to be the user's own.
    pub(super) async fn connect(path: &Path, limit: Duration) -> io::Result<Monitor> {
        let connecting = async {
            private::check_socket(path)?;
            let stream = UnixStream::connect(path).await?;
            private::check_server(path, stream.peer_cred()?.uid())?;
            let mut monitor =
                Monitor { stream: BufReader::new(stream), version: [0; 3], events: Vec::new() };
            let greeting = monitor.line().await?;
            let version = &greeting["QMP"]["version"]["qemu"];
            let part = |name: &str| version[name].as_u64();
            let (Some(major), Some(minor), Some(micro)) =
                (part("major"), part("minor"), part("micro"))
            else {
                return Err(io::Error::other("what answers is no monitor of QEMU's"));
            };
            monitor.version = [major, minor, micro];
            monitor.send(&json!({ "execute": "qmp_capabilities" }), None).await?;
            match monitor.answer().await {
                Ok(_) => Ok(monitor),
                Err(Failure::Refused(refusal)) => Err(io::Error::other(refusal.says)),
                Err(Failure::Lost(error)) => Err(error),
            }
        };
        within(limit, connecting).await
    }

    /// Asks something that changes nothing.
    pub(super) async fn ask(&mut self, command: &str, arguments: Value) -> Result<Value, Failure> {
        self.call(command, arguments, None).await
    }

    /// Says something that changes the machine.
    pub(super) async fn tell(&mut self, command: &str, arguments: Value) -> Result<Value, Failure> {
        self.call(command, arguments, None).await
    }

    /// The same, with a file handed over beside it.
    pub(super) async fn tell_with(
        &mut self,
        command: &str,
        arguments: Value,
        file: BorrowedFd<'_>,
    ) -> Result<Value, Failure> {
        self.call(command, arguments, Some(file)).await
    }

    /// Asks in the words of the monitor for people, where there are no others.
    pub(super) async fn ask_line(&mut self, line: &str) -> Result<String, Failure> {
        let said = self.ask("human-monitor-command", json!({ "command-line": line })).await?;
        Ok(said.as_str().unwrap_or_default().to_owned())
    }

    /// Says something in these words.
    pub(super) async fn tell_line(&mut self, line: &str) -> Result<String, Failure> {
        let said = self.tell("human-monitor-command", json!({ "command-line": line })).await?;
        Ok(said.as_str().unwrap_or_default().to_owned())
    }

    async fn call(
        &mut self,
        command: &str,
        arguments: Value,
        file: Option<BorrowedFd<'_>>,
    ) -> Result<Value, Failure> {
        let request = json!({ "execute": command, "arguments": arguments });
        let asking = async {
            self.send(&request, file).await?;
            self.answer().await
        };
        match timeout(PROMPT, asking).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::Lost(io::ErrorKind::TimedOut.into())),
        }
    }

    async fn send(&mut self, request: &Value, file: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let mut line = request.to_string().into_bytes();
        line.push(b'\n');
        match file {
            None => self.stream.get_mut().write_all(&line).await,
            Some(file) => {
                let stream = self.stream.get_ref();
                let sending = stream
                    .async_io(tokio::io::Interest::WRITABLE, || send_with(stream, &line, file));
                if sending.await? == line.len() {
                    Ok(())
                } else {
                    Err(io::ErrorKind::WriteZero.into())
                }
            }
        }
    }

    async fn answer(&mut self) -> Result<Value, Failure> {
        loop {
            let mut said = self.line().await?;
            if said.get("event").is_some() {
                self.events.push(said);
            } else if let Some(error) = said.get("error") {
                let text = |name: &str| error[name].as_str().unwrap_or_default();
                let says = crate::exec::printable(text("desc"));
                return Err(Failure::Refused(Refusal { class: text("class").to_owned(), says }));
            } else if said.get("return").is_some() {
                return Ok(said["return"].take());
            }
        }
    }

    async fn line(&mut self) -> io::Result<Value> {
        let mut line = Vec::new();
        loop {
            let (used, done) = {
                let there = self.stream.fill_buf().await?;
                if there.is_empty() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                let end = there.iter().position(|byte| *byte == b'\n');
                let used = end.map_or(there.len(), |end| end + 1);
                line.extend_from_slice(&there[..used]);
                (used, end.is_some())
            };
            self.stream.consume(used);
            if line.len() > LONGEST {
                return Err(io::Error::other("what answers says more than QEMU ever does"));
            }
            if done {
                return serde_json::from_slice(&line).map_err(io::Error::other);
            }
        }
    }
}

fn send_with(stream: &UnixStream, line: &[u8], file: BorrowedFd<'_>) -> io::Result<usize> {
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    let files = [file];
    beside.push(SendAncillaryMessage::ScmRights(&files));
    let parts = [io::IoSlice::new(line)];
    Ok(sendmsg(stream, &parts, &mut beside, SendFlags::NOSIGNAL)?)
}

async fn within<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(limit, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
