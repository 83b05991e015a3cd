//! The process's own streams, without a detour: tokio's hand each piece to another thread and back,
//! which for a stream of 8 KiB pieces costs more than the copying.
//!
//! A write blocks the task that does it while the reader is slow. Rooms therefore copy in a task
//! of their own, on a runtime with more than one thread.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;

/// One of the process's own streams, to be written to.
#[derive(Debug)]
pub struct Direct(File);

/// The process's stdout.
///
/// # Errors
/// It is closed.
pub fn stdout() -> io::Result<Direct> {
    io::stdout().as_fd().try_clone_to_owned().map(|stream| Direct(stream.into()))
}

/// The process's stderr.
///
/// # Errors
/// It is closed.
pub fn stderr() -> io::Result<Direct> {
    io::stderr().as_fd().try_clone_to_owned().map(|stream| Direct(stream.into()))
}

impl AsyncWrite for Direct {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.0.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Someone else made the stream non-blocking; it is shared with other processes.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait(&self.0)?,
                written => return Poll::Ready(written),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Until there is room again.
fn wait(stream: &File) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, poll};
    let mut streams = [PollFd::new(stream, PollFlags::OUT)];
    match poll(&mut streams, None) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use tokio::io::AsyncWriteExt;

    #[tokio::test]
    async fn a_full_pipe_that_does_not_block_loses_nothing() {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        let flags = rustix::fs::fcntl_getfl(&writer).expect("it has flags");
        rustix::fs::fcntl_setfl(&writer, flags | rustix::fs::OFlags::NONBLOCK)
            .expect("it takes them");
        let mut direct = Direct(File::from(std::os::fd::OwnedFd::from(writer)));
        let read = std::thread::spawn(move || {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).map(|_| all)
        });
        let bytes: Vec<u8> = (0..1_000_000u32).map(|n| (n % 251) as u8).collect();
        direct.write_all(&bytes).await.expect("it is read");
        drop(direct);
        assert!(read.join().expect("no panic").expect("it can be read") == bytes);
    }
}
