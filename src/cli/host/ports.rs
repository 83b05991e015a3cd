//! Who listens on this host: `/proc/net`, and a trial bind where that shows nothing.

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};

use procfs::net::{TcpState, UdpState};

use crate::model::network::{PortForward, Protocol};
use crate::plan::ports::{Holder, TakenPort};

/// A socket that is open for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listening {
    address: SocketAddr,
    protocol: Protocol,
    inode: u64,
}

/// Every listening socket of this network namespace, whoever's it is.
#[must_use]
pub fn listening() -> Vec<Listening> {
    let tcp = procfs::net::tcp().into_iter().chain(procfs::net::tcp6()).flatten();
    let tcp = tcp.filter(|entry| entry.state == TcpState::Listen).map(|entry| Listening {
        address: entry.local_address,
        protocol: Protocol::Tcp,
        inode: entry.inode,
    });
    let udp = procfs::net::udp().into_iter().chain(procfs::net::udp6()).flatten();
    // A connected UDP socket is a client's; it keeps nobody from binding elsewhere.
    let udp = udp.filter(|entry| entry.state != UdpState::Established).map(|entry| Listening {
        address: entry.local_address,
        protocol: Protocol::Udp,
        inode: entry.inode,
    });
    tcp.chain(udp).collect()
}

/// What is taken, as the plan wants it. The holder of a port that one of `wanted` asks for is
/// looked up; that takes a walk over all processes and is not done for the others.
#[must_use]
pub fn taken(listening: &[Listening], wanted: &[u16]) -> Vec<TakenPort> {
    let taken = |socket: &Listening| TakenPort {
        bind: canonical(socket.address.ip()),
        port: socket.address.port(),
        protocol: socket.protocol,
        by: if wanted.contains(&socket.address.port()) {
            holder(socket.inode)
        } else {
            Holder::Unknown
        },
    };
    listening.iter().map(taken).collect()
}

/// `::ffff:127.0.0.1` is 127.0.0.1.
fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// The process that has the socket open, as far as this user may see.
fn holder(inode: u64) -> Holder {
    let processes = procfs::process::all_processes().into_iter().flatten().flatten();
    for process in processes {
        let has_it = process.fd().into_iter().flatten().flatten().any(
            |fd| matches!(fd.target, procfs::process::FDTarget::Socket(socket) if socket == inode),
        );
        if has_it {
            let name = process.stat().map(|stat| stat.comm).unwrap_or_default();
            let pid = u32::try_from(process.pid).unwrap_or_default();
            return Holder::Process { name, pid };
        }
    }
    Holder::Unknown
}

/// Why a forward's host side cannot be bound, where it cannot.
#[must_use]
pub fn trial_bind(forward: &PortForward) -> Option<std::io::Error> {
    let address = SocketAddr::new(forward.bind, forward.host);
    match forward.protocol {
        Protocol::Tcp => TcpListener::bind(address).err(),
        Protocol::Udp => UdpSocket::bind(address).err(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_found_with_its_process() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken = taken(&listening(), &[port]);
        let found = taken.iter().find(|taken| taken.port == port).expect("it listens");
        match &found.by {
            Holder::Process { pid, .. } => assert_eq!(*pid, std::process::id()),
            other => panic!("{other:?}"),
        }
        let forward = PortForward {
            bind: IpAddr::from([127, 0, 0, 1]),
            host: port,
            guest: 80,
            protocol: Protocol::Tcp,
            auto: false,
        };
        assert!(trial_bind(&forward).is_some());
        drop(listener);
        assert!(trial_bind(&forward).is_none());
    }
}
