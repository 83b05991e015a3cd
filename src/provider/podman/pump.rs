//! Copies between the caller's descriptors and a command's connection, in threads of their own: where
//! one end blocks, the rest of a session goes on.
//!
//! The engine sends pieces of 8 KiB and is the slowest link of the chain. What is spent here is
//! missing there on a host with few processors, so the kernel copies where it can, and pieces are
//! collected before they are written on.

use std::fs::File;
use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, fstat, sendfile};
use rustix::io::Errno;
use rustix::pipe::{SpliceFlags, splice};
use tokio::sync::oneshot;

use super::frames::{Frames, Stream};

/// How much is read at once. A socket holds about as much.
const BUFFER: usize = 256 << 10;

/// How much the kernel is asked to copy at once.
const BY_KERNEL: usize = 1 << 20;

/// A read of at least this much is part of something big.
const MUCH: usize = 4 << 10;

/// A read of at least this much was worth its while.
const ENOUGH: usize = 128 << 10;

/// How long pieces are let to gather: shorter than a full socket lasts at 500 MiB/s, and too short to
/// be felt.
const NAP: Duration = Duration::from_micros(200);

/// Ends both directions of a connection with its session, so that no thread stays behind.
pub(super) struct Ends(pub(super) UnixStream);

impl Drop for Ends {
    fn drop(&mut self) {
        // Ended by the other side is as good.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// The caller's input, to its end or to the command's. A command that reads no more is no failure.
/// The thread stays as long as the caller's end says nothing, at most until the process ends.
pub(super) fn feed(from: OwnedFd, to: UnixStream) {
    std::thread::spawn(move || {
        if hand_on(from, &to).is_ok() {
            let _ = to.shutdown(Shutdown::Write);
        }
    });
}

fn hand_on(from: OwnedFd, to: &UnixStream) -> io::Result<()> {
    let kind = FileType::from_raw_mode(fstat(&from)?.st_mode);
    loop {
        let copied = match kind {
            FileType::Fifo => splice(&from, None, to, None, BY_KERNEL, SpliceFlags::MORE),
            FileType::RegularFile => sendfile(to, &from, None, BY_KERNEL),
            _ => Err(Errno::INVAL),
        };
        match copied {
            Ok(0) => return Ok(()),
            Ok(_) | Err(Errno::INTR) => {}
            // Someone else made the stream non-blocking; it is shared with other processes.
            Err(Errno::AGAIN) => wait(&from, PollFlags::IN)?,
            // Not every kernel and file system can do it. Nothing was taken by then.
            Err(Errno::INVAL | Errno::NOSYS) => return copy(&mut File::from(from), to),
            Err(error) => return Err(error.into()),
        }
    }
}

fn copy(from: &mut File, mut to: &UnixStream) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => to.write_all(&buffer[..count])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait(from, PollFlags::IN)?,
            Err(error) => return Err(error),
        }
    }
}

/// How long words wait that may be the last ones: a program that has failed ends at once.
const LAST_WORDS: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// What a program writes to its stderr, as it comes. Where it begins with `last_words`, and ends with
/// them, they are kept back, and are what comes out.
pub(super) fn errors(
    mut from: io::PipeReader,
    to: OwnedFd,
    last_words: &'static [u8],
) -> oneshot::Receiver<io::Result<Vec<u8>>> {
    let (done, ended) = oneshot::channel();
    std::thread::spawn(move || {
        let mut copy = || {
            let mut buffer = vec![0; BUFFER];
            let mut held = Vec::new();
            let mut is_silent = true;
            loop {
                let count = match from.read(&mut buffer) {
                    Ok(0) => return Ok(held),
                    Ok(count) => count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(error),
                };
                held.extend_from_slice(&buffer[..count]);
                let may_be_last = is_silent && held.starts_with(last_words) && held.len() < BUFFER;
                let mut more = [PollFd::new(&from, PollFlags::IN)];
                if may_be_last && poll(&mut more, Some(&LAST_WORDS)).is_ok_and(|ready| ready > 0) {
                    continue;
                }
                is_silent = false;
                write(&to, &held)?;
                held.clear();
            }
        };
        let copied = copy();
        // Who asked may have gone.
        let _ = done.send(copied);
    });
    ended
}

/// Writes all of it, however long that takes.
pub(super) fn write(to: &OwnedFd, bytes: &[u8]) -> io::Result<()> {
    let mut to = File::from(to.try_clone()?);
    write_all(&mut to, &mut [IoSlice::new(bytes)])
}

/// How the copying of a command's output ended.
pub(super) type Copied = oneshot::Receiver<io::Result<()>>;

/// The output of a terminal, as it comes.
pub(super) fn terminal(from: UnixStream, early: Vec<u8>, to: OwnedFd) -> Copied {
    let mut to = File::from(to);
    copying(from, early, move |bytes| write_all(&mut to, &mut [IoSlice::new(bytes)]))
}

/// The output of a command without a terminal: frames of two streams.
pub(super) fn frames(from: UnixStream, early: Vec<u8>, out: OwnedFd, err: OwnedFd) -> Copied {
    let (mut out, mut err) = (File::from(out), File::from(err));
    let mut frames = Frames::default();
    copying(from, early, move |bytes| {
        let parts = frames.take_apart(bytes);
        for parts in parts.chunk_by(|(one, _), (next, _)| one == next) {
            let to = if parts[0].0 == Stream::Errors { &mut err } else { &mut out };
            let mut slices: Vec<_> = parts.iter().map(|(_, part)| IoSlice::new(part)).collect();
            write_all(to, &mut slices)?;
        }
        Ok(())
    })
}

fn copying(
    mut from: UnixStream,
    early: Vec<u8>,
    mut write: impl FnMut(&[u8]) -> io::Result<()> + Send + 'static,
) -> Copied {
    let (done, ended) = oneshot::channel();
    std::thread::spawn(move || {
        let mut copy = || {
            write(&early)?;
            let mut buffer = vec![0; BUFFER];
            loop {
                match from.read(&mut buffer) {
                    Ok(0) => return Ok(()),
                    Ok(count) => {
                        write(&buffer[..count])?;
                        if (MUCH..ENOUGH).contains(&count) {
                            std::thread::sleep(NAP);
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        };
        let copied = copy();
        // Who asked may have gone.
        let _ = done.send(copied);
    });
    ended
}

fn write_all(to: &mut File, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
    /// As many as the kernel takes at once (`IOV_MAX`).
    const MOST: usize = 1024;
    IoSlice::advance_slices(&mut slices, 0);
    while !slices.is_empty() {
        let most = slices.len().min(MOST);
        match to.write_vectored(&slices[..most]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => IoSlice::advance_slices(&mut slices, count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait(to, PollFlags::OUT)?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Until there is something to read, or room to write.
fn wait(stream: &impl AsFd, what: PollFlags) -> io::Result<()> {
    let mut streams = [PollFd::new(stream, what)];
    match poll(&mut streams, None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, SeekFrom};

    use super::*;

    fn much() -> Vec<u8> {
        (0..1_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
    }

    fn non_blocking(stream: impl AsFd) {
        let flags = rustix::fs::fcntl_getfl(&stream).expect("it has flags");
        rustix::fs::fcntl_setfl(&stream, flags | rustix::fs::OFlags::NONBLOCK)
            .expect("it takes them");
    }

    /// What a command reads whose caller's stdin is this.
    fn fed(from: OwnedFd) -> Vec<u8> {
        let (ours, mut theirs) = UnixStream::pair().expect("a pair");
        feed(from, ours);
        let mut read = Vec::new();
        theirs.read_to_end(&mut read).expect("it ends");
        read
    }

    #[test]
    fn input_of_every_kind_arrives_whole_and_ends() {
        let bytes = much();
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&bytes).expect("room");
        file.seek(SeekFrom::Start(0)).expect("it can");
        assert!(fed(file.into()) == bytes);

        for flag in [false, true] {
            let (reader, mut writer) = io::pipe().expect("a pipe");
            if flag {
                non_blocking(&reader);
            }
            let sent = bytes.clone();
            let write = std::thread::spawn(move || writer.write_all(&sent));
            assert!(fed(reader.into()) == bytes);
            write.join().expect("no panic").expect("it is read");
        }

        let (reader, mut writer) = UnixStream::pair().expect("a pair");
        let sent = bytes.clone();
        let write = std::thread::spawn(move || writer.write_all(&sent));
        assert!(fed(reader.into()) == bytes);
        write.join().expect("no panic").expect("it is read");

        let nothing = File::open("/dev/null").expect("every host has it");
        assert_eq!(fed(nothing.into()), b"");
    }

    #[test]
    fn frames_go_where_they_belong_through_full_pipes() {
        let bytes = much();
        let (ours, mut theirs) = UnixStream::pair().expect("a pair");
        let (mut out, to_out) = io::pipe().expect("a pipe");
        let (mut err, to_err) = io::pipe().expect("a pipe");
        non_blocking(&to_out);
        let sent = bytes.clone();
        let send = std::thread::spawn(move || {
            for piece in sent.chunks(8192) {
                for stream in [1, 2] {
                    let length = (piece.len() as u32).to_be_bytes();
                    theirs.write_all(&[stream, 0, 0, 0])?;
                    theirs.write_all(&length)?;
                    theirs.write_all(piece)?;
                }
            }
            io::Result::Ok(())
        });
        let copied = frames(ours, Vec::new(), to_out.into(), to_err.into());
        let read = std::thread::spawn(move || {
            let mut all = Vec::new();
            err.read_to_end(&mut all).map(|_| all)
        });
        let mut all = Vec::new();
        out.read_to_end(&mut all).expect("it can be read");
        assert!(all == bytes && read.join().expect("no panic").expect("it can be read") == bytes);
        send.join().expect("no panic").expect("it is read");
        copied.blocking_recv().expect("it says how it ended").expect("well");
    }

    #[test]
    fn last_words_are_kept_back_and_no_others() {
        for (said, written, kept) in [
            (&["Error: why\n"][..], "", "Error: why\n"),
            (&["Error: ", "why\n"], "", "Error: why\n"),
            (&["so\n", "Error: why\n"], "so\nError: why\n", ""),
            (&["Error: a\n", "", "and on\n"], "Error: a\nand on\n", ""),
            (&[], "", ""),
        ] {
            let (from, mut sender) = io::pipe().expect("a pipe");
            let (mut out, to) = io::pipe().expect("a pipe");
            let held = errors(from, to.into(), b"Error: ");
            for piece in said {
                // An empty piece stands for a program that goes on.
                let pause = if piece.is_empty() { 400 } else { 20 };
                sender.write_all(piece.as_bytes()).expect("it is read");
                std::thread::sleep(Duration::from_millis(pause));
            }
            drop(sender);
            let held = held.blocking_recv().expect("it says how it ended").expect("well");
            let mut passed = String::new();
            out.read_to_string(&mut passed).expect("it can be read");
            assert_eq!((passed.as_str(), held.as_slice()), (written, kept.as_bytes()), "{said:?}");
        }
    }

    #[test]
    fn nothing_stays_when_the_session_ends() {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        let ends = Ends(ours.try_clone().expect("a copy"));
        let (_out, to_out) = io::pipe().expect("a pipe");
        let copied = terminal(ours, b"early".to_vec(), to_out.into());
        drop(ends);
        copied.blocking_recv().expect("it says how it ended").expect("well");
        drop(theirs);
    }
}
