//! A pseudo-terminal, for what is only done where somebody looks.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::Command;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// Runs a command whose three streams are a terminal of 80 columns, types `input`, and returns all
/// that the terminal was sent, without the terminal's own line ends and with the run's directory
/// as it is.
pub(super) fn shown(mut command: Command, input: &[u8]) -> String {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
    grantpt(&master).and_then(|()| unlockpt(&master)).expect("its other end");
    let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&master, size).expect("a size");
    let name = ptsname(&master, Vec::new()).expect("a name").into_string().expect("plain text");
    let end = File::options().read(true).write(true).open(name).expect("its other end");
    let clone = || OwnedFd::from(end.try_clone().expect("a descriptor"));
    command.stdin(clone()).stdout(clone()).stderr(clone()).env("TERM", "xterm-256color");
    let mut master = File::from(master);
    // Typed ahead, so that its echo comes first.
    master.write_all(input).expect("it can be typed");
    let mut child = command.spawn().expect("it can be run");
    // As long as this process has the other end open, reading never ends.
    drop((command, end));
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    // Reading fails once nobody has the other end any more.
    while let Ok(count @ 1..) = master.read(&mut buffer) {
        bytes.extend_from_slice(&buffer[..count]);
    }
    child.wait().expect("it ends");
    String::from_utf8_lossy(&bytes).replace("\r\n", "\n")
}
