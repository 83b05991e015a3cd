//! The only place that talks to Podman: bollard for what changes things, and a small lenient HTTP
//! client for what is read. bollard's types know a closed list of states and fail on the others,
//! and one container in such a state would hide all of them.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, Docker};
use bytes::Bytes;
use futures_util::Stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::UnixStream;

use super::answer::{Head, Reply};
use super::settings::Settings;
use super::{fault, service};
use crate::deed::MadeUp;
use crate::model::id::ProviderKind;
use crate::provider::ProviderError;

/// How long somebody who only wants to know is kept waiting. A busy engine needs a second or two.
pub(super) const READ: Duration = Duration::from_secs(20);
/// How long a question may take on the way to a change. While Podman copies the files of any
/// container, it answers few questions: its storage is locked.
pub(super) const BUSY: Duration = Duration::from_secs(300);
/// How long a change may take that moves no data.
pub(super) const CHANGE: Duration = Duration::from_secs(120);
/// How long a change may take that copies files: commit, import, pull.
pub(super) const COPY: Duration = Duration::from_secs(3600);

/// The version in the paths of Podman's own endpoints: the oldest that is supported.
pub(super) const LIBPOD: &str = "/v4.0.0/libpod";

/// When a question is asked again that a service which was ending did not answer.
const AGAIN: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(20),
    Duration::from_millis(100),
    Duration::from_millis(400),
];

/// The largest answer that is read into memory.
pub(super) const LARGEST: usize = 64 << 20;

/// A connection to one engine.
#[derive(Debug)]
pub(super) struct Client {
    socket: PathBuf,
    /// The connection that showed that somebody listens; the first request takes it.
    first: Mutex<Option<UnixStream>>,
    known: AtomicBool,
    version: Mutex<Option<String>>,
    /// Set where the service is one that we start: it ends when nobody has called for a while, which
    /// may be between two calls of ours, as when a person thinks about a question.
    own: Option<Settings>,
    /// Which service it was that listened at first.
    generation: Option<u64>,
}

pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

impl Client {
    pub(super) fn new(socket: PathBuf, first: UnixStream, own: Option<Settings>) -> Client {
        Client {
            generation: service::generation(&socket),
            socket,
            first: Mutex::new(Some(first)),
            known: AtomicBool::new(false),
            version: Mutex::new(None),
            own,
        }
    }

    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    /// The engine's version, once it has answered.
    pub(super) fn version(&self) -> Option<String> {
        self.version.lock().ok().and_then(|version| version.clone())
    }

    /// bollard, with a time limit for each of its requests: it counts until the head of the answer.
    pub(super) fn docker(&self, limit: Duration) -> Result<Docker, ProviderError> {
        let path = self.socket.to_str().ok_or_else(|| self.unreachable(None))?;
        Docker::connect_with_unix(path, limit.as_secs(), API_DEFAULT_VERSION)
            .map_err(|error| fault::of_bollard("connect", limit, self.socket(), error))
    }

    pub(super) async fn get(&self, path: &str) -> Result<Reply, ProviderError> {
        let mut answer = self.send(Method::GET, path, None, BUSY).await;
        // A service that ends, of idleness or killed, may take a connection and never answer it; one
        // of several processes may do so after another of them has gone. A later connection starts
        // another service; a reading request may be repeated.
        for pause in AGAIN {
            if !matches!(answer, Err(ProviderError::Unreachable { .. })) {
                break;
            }
            tokio::time::sleep(pause).await;
            answer = self.send(Method::GET, path, None, BUSY).await;
        }
        match answer {
            Err(error @ ProviderError::Timeout { .. }) if self.own.is_some() => {
                self.replace_service().await?;
                self.send(Method::GET, path, None, READ).await.map_err(|_| error)
            }
            Ok(reply) if self.own.is_some() && reply.is_of_lost_storage() => {
                self.replace_service().await?;
                self.send(Method::GET, path, None, READ).await
            }
            other => other,
        }
    }

    async fn replace_service(&self) -> Result<(), ProviderError> {
        let Some(settings) = &self.own else { return Ok(()) };
        drop(self.first.lock().ok().and_then(|mut first| first.take()));
        service::replace(settings, self.generation).await
    }

    /// What is there, or nothing where the engine says that there is no such thing.
    pub(super) async fn find<T: DeserializeOwned>(
        &self,
        what: &str,
        path: &str,
    ) -> Result<Option<T>, ProviderError> {
        let reply = self.get(path).await?;
        if reply.status == 404 {
            return Ok(None);
        }
        reply.success(what)?.parse(what).map(Some)
    }

    pub(super) async fn post(
        &self,
        path: &str,
        body: Option<&Value>,
        limit: Duration,
    ) -> Result<Reply, ProviderError> {
        let body = body.map(|value| Bytes::from(value.to_string()));
        self.send(Method::POST, path, body, limit).await
    }

    pub(super) async fn delete(&self, path: &str, limit: Duration) -> Result<Reply, ProviderError> {
        self.send(Method::DELETE, path, None, limit).await
    }

    /// Sends a stream of bytes, such as a tarball.
    pub(super) async fn upload(
        &self,
        path: &str,
        stream: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
        limit: Duration,
    ) -> Result<Reply, ProviderError> {
        use futures_util::TryStreamExt;
        let body = StreamBody::new(stream.map_ok(Frame::data)).boxed_unsync();
        self.exchange(Method::POST, path, "application/x-tar", body, limit).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
        limit: Duration,
    ) -> Result<Reply, ProviderError> {
        let body =
            Full::new(body.unwrap_or_default()).map_err(|never| match never {}).boxed_unsync();
        self.exchange(method, path, "application/json", body, limit).await
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        content: &'static str,
        body: Body,
        limit: Duration,
    ) -> Result<Reply, ProviderError> {
        let request = request(method, path, content, body)?;
        let operation = name_of(&request);
        let answer = self.answer(request, async |incoming: Incoming| {
            let body = http_body_util::Limited::new(incoming, LARGEST).collect().await?;
            Ok(body.to_bytes())
        });
        let (head, body) = within(limit, operation, answer).await?;
        Ok(Reply { status: head.status, body })
    }

    /// Sends a request, and has `read` take what comes after the head of the answer.
    pub(super) async fn answer<T>(
        &self,
        request: Request<Body>,
        read: impl AsyncFnOnce(Incoming) -> Result<T, Box<dyn Error + Send + Sync>>,
    ) -> Result<(Head, T), ProviderError> {
        let stream = self.connection().await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.unreachable(Some(io::Error::other(error))))?;
        // The connection's own future moves the bytes; it ends with the request.
        let exchange = async move {
            let response = sender.send_request(request).await?;
            let head = Head::of(&response);
            Ok::<_, hyper::Error>((head, read(response.into_body()).await))
        };
        tokio::pin!(connection);
        tokio::pin!(exchange);
        let (head, body) = tokio::select! {
            answer = &mut exchange => answer,
            ended = &mut connection => match ended {
                Ok(()) => exchange.await,
                Err(error) => Err(error),
            },
        }
        .map_err(|error| self.unreachable(Some(io::Error::other(error))))?;
        self.meet(&head)?;
        let body = body.map_err(|error| self.unreachable(Some(io::Error::other(error))))?;
        Ok((head, body))
    }

    /// Podman says who it is in every answer, so that asking costs nothing.
    pub(super) fn meet(&self, head: &Head) -> Result<(), ProviderError> {
        if self.known.load(Ordering::Relaxed) {
            return Ok(());
        }
        if let Some(version) = &head.podman {
            if let Ok(mut known) = self.version.lock() {
                *known = Some(version.clone());
            }
            self.known.store(true, Ordering::Relaxed);
            return Ok(());
        }
        Err(ProviderError::NotTheProvider {
            provider: ProviderKind::Podman,
            address: self.socket.display().to_string(),
            found: head.server.clone().unwrap_or_else(|| "it does not say what it is".to_owned()),
            help: "vagrantp works with Podman alone: unset DOCKER_HOST, or set \
                   CONTAINER_HOST=unix:///path/to/podman.sock"
                .to_owned(),
        })
    }

    /// A fresh connection, for requests whose connection becomes the stream of a process.
    pub(super) async fn connection(&self) -> Result<UnixStream, ProviderError> {
        let waiting = self.first.lock().ok().and_then(|mut first| first.take());
        if let Some(stream) = waiting {
            return Ok(stream);
        }
        match service::connect(&self.socket).await {
            Ok(stream) => Ok(stream),
            Err(cause) if service::nobody_listens(&cause) => match &self.own {
                Some(settings) => service::begin(settings).await,
                None => Err(fault::of_connect(&self.socket, cause)),
            },
            Err(cause) => Err(fault::of_connect(&self.socket, cause)),
        }
    }

    pub(super) fn unreachable(&self, cause: Option<io::Error>) -> ProviderError {
        let last = self
            .own
            .as_ref()
            .and_then(|_| std::fs::read_to_string(service::log_of(&self.socket)).ok())
            .map(|text| crate::exec::last_lines(&text, 3))
            .filter(|text| !text.is_empty());
        fault::unreachable(&self.socket, cause, last.as_deref())
    }
}

impl MadeUp for bollard::errors::Error {
    /// As if the engine had refused.
    fn made_up(deed: &str) -> Self {
        let message = format!("{deed}: a test asked for it");
        bollard::errors::Error::DockerResponseServerError { status_code: 500, message }
    }
}

pub(super) fn request(
    method: Method,
    path: &str,
    content: &'static str,
    body: Body,
) -> Result<Request<Body>, ProviderError> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, "podman")
        .header(CONTENT_TYPE, content)
        .body(body);
    request.map_err(|error| fault::internal(&crate::exec::printable(path), &error.to_string()))
}

pub(super) fn name_of(request: &Request<Body>) -> String {
    format!("{} {}", request.method(), crate::exec::printable(&request.uri().to_string()))
}

pub(super) async fn within<T>(
    limit: Duration,
    operation: String,
    answer: impl Future<Output = Result<T, ProviderError>>,
) -> Result<T, ProviderError> {
    tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| {
        Err(ProviderError::Timeout {
            provider: ProviderKind::Podman,
            operation,
            seconds: limit.as_secs(),
            help: fault::TIMEOUT_HELP.to_owned(),
        })
    })
}

/// A value inside of a request's path or query: everything but letters, digits and `-._~` as `%XX`.
pub(super) fn escape(text: &str) -> String {
    use std::fmt::Write;
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "%{byte:02X}").expect("writing to a String does not fail");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_a_path_cannot_leave_it() {
        assert_eq!(escape("web-1.a_b~"), "web-1.a_b~");
        assert_eq!(escape("../x?y=z&\n\u{e9}"), "..%2Fx%3Fy%3Dz%26%0A%C3%A9");
    }
}
