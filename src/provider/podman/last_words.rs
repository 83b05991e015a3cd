//! The last that a main process wrote.

use std::time::Duration;

use jiff::Timestamp;

use super::client::{Client, LIBPOD, escape};
use crate::model::observed::Instance;
use crate::provider::ProviderError;

/// How much before the end of a main process its output is looked at, in seconds.
const LAST_MINUTE: i64 = 60;
const READ_OUTPUT_WITHIN: Duration = Duration::from_secs(1);

/// The last lines that the main process wrote, on either stream.
pub(super) async fn last_output(
    client: &Client,
    instance: &Instance,
    lines: usize,
) -> Result<String, ProviderError> {
    let second = |time: Option<&str>| Some(time?.parse::<Timestamp>().ok()?.as_second());
    // The start is noted a moment after the first words.
    let started = second(instance.started_at.as_deref()).map_or(0, |time| time - 5);
    let ended = second(instance.finished_at.as_deref()).map_or(0, |time| time - LAST_MINUTE);
    let path = format!("{LIBPOD}/containers/{}/logs?stdout=true&stderr=true", escape(&instance.id));
    let since = format!("{path}&since={}", started.max(ended));
    let all = tokio::time::timeout(READ_OUTPUT_WITHIN, client.get(&since)).await;
    let reply = match all {
        Ok(Ok(reply)) if !unframed(&reply.body).is_empty() => reply,
        // Podman's own `tail` is quick however long the output is, and puts lines together in the
        // wrong order that were written in pieces: for what has been silent, or loud, for long.
        _ => client.get(&format!("{path}&tail={lines}")).await?,
    };
    let reply = reply.success("read a container's output")?;
    let text = String::from_utf8_lossy(&unframed(&reply.body)).into_owned();
    Ok(crate::exec::last_lines(&text, lines))
}

/// Takes the payload out of frames of one byte for the stream, three of nothing, four of length.
fn unframed(mut body: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(body.len());
    while let Some((head, rest)) = body.split_first_chunk::<8>() {
        let length = u32::from_be_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let (payload, next) = rest.split_at(length.min(rest.len()));
        text.extend_from_slice(payload);
        body = next;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_taken_off_and_a_torn_one_keeps_what_it_has() {
        let body = b"\x01\0\0\0\0\0\0\x03ab\n\x02\0\0\0\0\0\0\x05c\n";
        assert_eq!(unframed(body), b"ab\nc\n");
        assert_eq!(unframed(b"\x01\0"), b"");
    }
}
