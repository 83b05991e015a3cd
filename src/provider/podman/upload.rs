//! A body that is written while it is sent: whatever its size, little of it is in memory.

use std::io::{self, Write};

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::provider::{ImageFault, ProviderError};

/// How much goes on the way at once.
const CHUNK: usize = 128 << 10;

/// How many chunks may wait for the engine.
const WAITING: usize = 4;

/// What writes a body, on a thread of its own.
pub(super) struct Upload<T>(JoinHandle<io::Result<T>>);

/// Has `write` write a body, which the stream hands on as it comes.
pub(super) fn written_by<T: Send + 'static>(
    write: impl FnOnce(&mut dyn Write) -> io::Result<T> + Send + 'static,
) -> (Upload<T>, impl Stream<Item = io::Result<Bytes>> + Send + 'static) {
    let (sender, mut receiver) = mpsc::channel(WAITING);
    let task = tokio::task::spawn_blocking(move || {
        let mut body = Sender { sender, chunk: BytesMut::with_capacity(CHUNK) };
        let written = write(&mut body).and_then(|written| body.flush().map(|()| written));
        if written.is_err() {
            // The engine must not take half of it for the whole.
            let _ = body.sender.blocking_send(Err(io::Error::other("not sent to its end")));
        }
        written
    });
    (Upload(task), futures_util::stream::poll_fn(move |context| receiver.poll_recv(context)))
}

impl<T> Upload<T> {
    /// What the engine answered, unless the body could not be written: then that is why.
    pub(super) async fn end<R>(
        self,
        answer: Result<R, ProviderError>,
    ) -> Result<(Option<T>, R), ProviderError> {
        let written = self.0.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        match written {
            Ok(written) => Ok((Some(written), answer?)),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok((None, answer?)),
            Err(error) => match error.downcast::<ImageFault>() {
                Ok(fault) => Err(fault.into()),
                Err(error) => Err(super::fault::internal("send a file", &error.to_string())),
            },
        }
    }
}

struct Sender {
    sender: mpsc::Sender<io::Result<Bytes>>,
    chunk: BytesMut,
}

impl Write for Sender {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let count = data.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(&data[..count]);
        if self.chunk.len() == CHUNK {
            self.flush()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let full = std::mem::replace(&mut self.chunk, BytesMut::with_capacity(CHUNK));
        let sent = self.sender.blocking_send(Ok(full.freeze()));
        sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
