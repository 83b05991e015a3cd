//! An answer of the engine's as it comes: its head, its status, its body.

use bytes::Bytes;
use hyper::Response;
use hyper::body::Incoming;
use hyper::header::SERVER;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::fault;
use crate::provider::ProviderError;

/// An answer, whatever its status.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Bytes,
}

/// What is kept of an answer's head.
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) podman: Option<String>,
    pub(super) server: Option<String>,
}

impl Head {
    pub(super) fn of(response: &Response<Incoming>) -> Head {
        let header = |name: &str| {
            let value = response.headers().get(name)?.to_str().ok()?;
            Some(crate::exec::printable(value))
        };
        let server = header(SERVER.as_str());
        let from_server = server.as_deref().and_then(|text| {
            let version = text.strip_prefix("Libpod/")?;
            version.split_whitespace().next().map(str::to_owned)
        });
        Head {
            status: response.status().as_u16(),
            podman: header("libpod-api-version").or(from_server),
            server,
        }
    }
}

impl Reply {
    /// Whether the engine did it.
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status) || self.status == 304
    }

    /// Whether the engine's storage was taken away under it. It does not recover from that.
    pub(super) fn is_of_lost_storage(&self) -> bool {
        let lost = ["opening database", "open database", "not found in DB"];
        self.status == 500 && lost.iter().any(|words| self.message().contains(words))
    }

    /// Itself where the engine did it, else what the engine said.
    pub(super) fn success(self, operation: &str) -> Result<Reply, ProviderError> {
        if self.is_success() { Ok(self) } else { Err(fault::refused(operation, &self.message())) }
    }

    /// The body as JSON.
    pub(super) fn parse<T: DeserializeOwned>(&self, operation: &str) -> Result<T, ProviderError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            fault::internal(operation, &format!("its answer is not understood: {error}"))
        })
    }

    /// What the engine said went wrong.
    pub(super) fn message(&self) -> String {
        let value: Option<Value> = serde_json::from_slice(&self.body).ok();
        let text =
            value.as_ref().and_then(|value| value.get("message")?.as_str().map(str::to_owned));
        let text = text.unwrap_or_else(|| String::from_utf8_lossy(&self.body).into_owned());
        let text = crate::exec::printable(text.trim());
        if text.is_empty() { format!("status {}", self.status) } else { text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_speaks_the_engines_words_without_control_characters() {
        let reply = |body: &'static str| Reply { status: 500, body: Bytes::from(body) };
        let text = r#"{"cause":"x","message":"no \u001b[31mroom\n","response":500}"#;
        assert_eq!(reply(text).message(), "no [31mroom");
        assert_eq!(reply("plain").message(), "plain");
        assert_eq!(reply("").message(), "status 500");
    }
}
