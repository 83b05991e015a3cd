//! The process's own streams, as descriptors that a program or a room can be given.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// The process's stdin.
///
/// # Errors
/// It is closed.
pub fn stdin() -> io::Result<OwnedFd> {
    io::stdin().as_fd().try_clone_to_owned()
}

/// The process's stdout.
///
/// # Errors
/// It is closed.
pub fn stdout() -> io::Result<OwnedFd> {
    io::stdout().as_fd().try_clone_to_owned()
}

/// The process's stderr.
///
/// # Errors
/// It is closed.
pub fn stderr() -> io::Result<OwnedFd> {
    io::stderr().as_fd().try_clone_to_owned()
}
