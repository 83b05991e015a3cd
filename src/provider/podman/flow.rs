//! Answers that are read as they come, while the engine is at work.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{HOST, HeaderValue};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::task::JoinSet;

use super::answer::{Head, Reply};
use super::client::{Client, LARGEST, name_of, request, within};
use super::fault;
use crate::provider::ProviderError;

/// No line of an answer is longer.
const LARGEST_LINE: usize = 1 << 20;

/// An answer under way.
pub(super) struct Flow {
    pub(super) body: Incoming,
    /// The connection's own future, which moves the bytes and ends with this.
    _moving: JoinSet<()>,
}

impl Client {
    /// An answer that is read as it comes, for however long it comes.
    pub(super) async fn stream(&self, path: &str, what: &str) -> Result<Flow, ProviderError> {
        let failed = |error| self.unreachable(Some(io::Error::other(error)));
        let request = Request::get(path)
            .header(HOST, "podman")
            .body(Full::new(Bytes::new()))
            .map_err(|error| fault::internal(what, &error.to_string()))?;
        let stream = TokioIo::new(self.connection().await?);
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(stream).await.map_err(failed)?;
        let mut moving = JoinSet::new();
        moving.spawn(async move { drop(connection.await) });
        let response = sender.send_request(request).await.map_err(failed)?;
        let head = Head::of(&response);
        self.meet(&head)?;
        let body = response.into_body();
        if head.status >= 300 {
            let body = http_body_util::Limited::new(body, LARGEST).collect();
            let body =
                body.await.map_err(|error| self.unreachable(Some(io::Error::other(error))))?;
            let reply = Reply { status: head.status, body: body.to_bytes() };
            return Err(fault::refused(what, &reply.message()));
        }
        Ok(Flow { body, _moving: moving })
    }

    /// Sends a request whose answer comes in lines of JSON while the engine is at work, and hands
    /// on each of them. The reply has what was no JSON, as a refusal is.
    pub(super) async fn follow(
        &self,
        path: &str,
        login: Option<HeaderValue>,
        stream: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
        limit: Duration,
        mut hear: impl FnMut(Value) + Send,
    ) -> Result<Reply, ProviderError> {
        use futures_util::TryStreamExt;
        let body = StreamBody::new(stream.map_ok(Frame::data)).boxed_unsync();
        let mut request = request(Method::POST, path, "application/x-tar", body)?;
        let operation = name_of(&request);
        if let Some(login) = login {
            request.headers_mut().insert("x-registry-config", login);
        }
        let mut rest = Vec::new();
        let mut take = |data: &[u8]| {
            rest.extend_from_slice(data);
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                if let Ok(value) = serde_json::from_slice(&rest[..end]) {
                    hear(value);
                }
                rest.drain(..=end);
            }
            if rest.len() > LARGEST_LINE {
                rest.clear();
            }
        };
        let answer = self.answer(request, async |mut incoming: Incoming| {
            while let Some(frame) = incoming.frame().await {
                if let Some(data) = frame?.data_ref() {
                    take(data);
                }
            }
            Ok(())
        });
        let (head, ()) = within(limit, operation, answer).await?;
        Ok(Reply { status: head.status, body: rest.into() })
    }
}
