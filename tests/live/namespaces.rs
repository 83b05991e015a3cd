//! Other networks than the host's, seen from inside: of a container, or of a neighbour on a bridge.
//! A thread goes there; a socket stays where it was made.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::machine::{Machine, skipped};

/// How long an answer may take that is expected not to come.
const PATIENCE: Duration = Duration::from_millis(700);

/// Whether a test may go into other networks; it says so where it may not.
pub(crate) fn may_look_inside() -> bool {
    let root = rustix::process::getuid().is_root();
    if !root {
        skipped("only root can look from inside of another network");
    }
    root
}

/// What there is to see in a network.
pub(crate) fn inside<T: Send>(network: &Path, look: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let there = scope.spawn(|| {
            let file = File::open(network).expect("the network is there");
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
                .expect("root may go there");
            look()
        });
        there.join().expect("it looked")
    })
}

/// The network of a container.
pub(crate) fn of_container(machine: &Machine, name: &str) -> PathBuf {
    let pid = machine.podman(&["inspect", "--format", "{{.State.Pid}}", name]);
    PathBuf::from(format!("/proc/{pid}/ns/net"))
}

/// The host's own.
pub(crate) fn of_host() -> PathBuf {
    PathBuf::from("/proc/self/ns/net")
}

/// Answers over TCP and UDP at an address, in a network, for as long as the test runs.
pub(crate) fn answer(network: &Path, at: &str) {
    let at: SocketAddr = at.parse().expect("an address");
    let (tcp, udp) = inside(network, || {
        (TcpListener::bind(at).expect("it is free"), UdpSocket::bind(at).expect("it is free"))
    });
    std::thread::spawn(move || {
        for mut stream in tcp.incoming().flatten() {
            let _ = stream.write_all(b"hello");
        }
    });
    std::thread::spawn(move || {
        let mut asked = [0; 16];
        while let Ok((_, from)) = udp.recv_from(&mut asked) {
            let _ = udp.send_to(b"hello", from);
        }
    });
}

/// Which of TCP and UDP get an answer from there.
pub(crate) fn reached(network: &Path, at: &str) -> Vec<&'static str> {
    let at: SocketAddr = at.parse().expect("an address");
    inside(network, || {
        let mut text = [0; 5];
        let mut reached = Vec::new();
        if let Ok(mut stream) = TcpStream::connect_timeout(&at, PATIENCE) {
            let _ = stream.set_read_timeout(Some(PATIENCE));
            if stream.read_exact(&mut text).is_ok() && &text == b"hello" {
                reached.push("tcp");
            }
        }
        let any = if at.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(any).expect("a port of its own");
        let _ = socket.set_read_timeout(Some(PATIENCE));
        if socket.send_to(b"who", at).is_ok() && socket.recv(&mut text).is_ok() {
            reached.push("udp");
        }
        reached
    })
}

/// Both get through.
pub(crate) const BOTH: [&str; 2] = ["tcp", "udp"];
/// Nothing does.
pub(crate) const NEITHER: [&str; 0] = [];

/// A bridge of the host's with a neighbour on it, both gone with the test.
pub(crate) struct Lan<'a> {
    machine: &'a Machine,
    /// The bridge, and the neighbour's network by the same name.
    pub(crate) bridge: String,
    net: String,
}

impl<'a> Lan<'a> {
    /// Nothing where bridges cannot be made.
    pub(crate) fn new(machine: &'a Machine) -> Option<Lan<'a>> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if !may_look_inside() {
            return None;
        }
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let number = std::process::id() % 10_000;
        let lan = Lan {
            machine,
            bridge: format!("vpb{number}x{count}"),
            net: format!("10.{}.{}", 180 + count, number % 250),
        };
        let Lan { bridge, net, .. } = &lan;
        let made = lan.ip(&format!("link add {bridge} type bridge"));
        if !made {
            skipped("no bridge can be made here");
            return None;
        }
        for line in [
            format!("addr add {net}.1/24 dev {bridge}"),
            format!("link set {bridge} up"),
            format!("netns add {bridge}"),
            format!("link add {bridge}p type veth peer name eth0 netns {bridge}"),
            format!("link set {bridge}p master {bridge} up"),
            format!("-n {bridge} addr add {net}.2/24 dev eth0"),
            format!("-n {bridge} link set eth0 up"),
            format!("-n {bridge} route add default via {net}.1"),
        ] {
            assert!(lan.ip(&line), "ip {line}");
        }
        Some(lan)
    }

    fn ip(&self, line: &str) -> bool {
        let output = self.machine.program("ip").args(line.split(' ')).output();
        output.is_ok_and(|output| output.status.success())
    }

    /// An address on the bridge: 1 is the host, 2 the neighbour.
    pub(crate) fn address(&self, host: u8) -> String {
        format!("{}.{host}", self.net)
    }

    /// The neighbour's network.
    pub(crate) fn neighbour(&self) -> PathBuf {
        PathBuf::from(format!("/run/netns/{}", self.bridge))
    }
}

impl Drop for Lan<'_> {
    fn drop(&mut self) {
        self.ip(&format!("netns del {}", self.bridge));
        self.ip(&format!("link del {}", self.bridge));
    }
}
