//! Hands over what the main process wrote, and what it goes on to write.

use http_body_util::BodyExt;
use tokio::sync::mpsc;

use super::Podman;
use super::client::{LIBPOD, escape};
use super::frames::{Frames, Stream};
use crate::model::observed::Instance;
use crate::model::output::{OutputPiece, OutputRequest, OutputStream};
use crate::provider::ProviderError;

/// The engine's own `tail` is not used: it puts lines that were written in pieces together in the
/// wrong order.
pub(super) async fn output(
    room: &Podman,
    instance: &Instance,
    request: OutputRequest,
    to: mpsc::Sender<OutputPiece>,
) -> Result<(), ProviderError> {
    let mut path = format!(
        "{LIBPOD}/containers/{}/logs?stdout=true&stderr=true&follow={}",
        escape(&instance.id),
        request.follow
    );
    if let Some(since) = request.since {
        path.push_str(&format!("&since={since}"));
    }
    let mut answer = room.client.stream(&path, "read a container's output").await?;
    let mut frames = Frames::default();
    while let Some(frame) = answer.body.frame().await {
        let frame =
            frame.map_err(|error| room.client.unreachable(Some(std::io::Error::other(error))))?;
        let Ok(data) = frame.into_data() else { continue };
        for (stream, bytes) in frames.take_apart(&data) {
            let stream = match stream {
                Stream::Output => OutputStream::Output,
                Stream::Errors => OutputStream::Errors,
            };
            if to.send(OutputPiece { stream, bytes: bytes.to_vec() }).await.is_err() {
                // Nobody wants more of it.
                return Ok(());
            }
        }
    }
    Ok(())
}
