//! Ports, addresses and how an instance is attached to them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

/// How the instance reaches the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkMode {
    /// Behind the host: the provider's own network, reached through forwarded ports.
    Default,
    /// On one of the host's bridges, with an address of its own there.
    Bridge,
}

impl NetworkMode {
    /// As the `.env` spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            NetworkMode::Default => "default",
            NetworkMode::Bridge => "bridge",
        }
    }
}

impl fmt::Display for NetworkMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// TCP or UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// As the `.env` spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where no bind address is written, forwarded ports listen here.
pub const DEFAULT_BIND: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The host's side of a port rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostPort {
    /// vagrantp picks one from PORT_POOL and keeps it.
    Auto,
    /// This one.
    Fixed(u16),
}

/// One entry of PORTS: `[bind:]host|auto:guest[/tcp|udp]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PortRule {
    /// The host address that listens.
    pub bind: IpAddr,
    /// The host's port.
    pub host: HostPort,
    /// The port inside.
    pub guest: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
}

impl fmt::Display for PortRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = match self.host {
            HostPort::Auto => "auto".to_owned(),
            HostPort::Fixed(port) => port.to_string(),
        };
        write_port(f, self.bind, &host, self.guest, self.protocol)
    }
}

/// A port rule whose host port is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PortForward {
    /// The host address that listens.
    pub bind: IpAddr,
    /// The host's port.
    pub host: u16,
    /// The port inside.
    pub guest: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// Whether vagrantp picked the host port.
    #[serde(default)]
    pub auto: bool,
}

impl PortForward {
    /// Whether both would listen on the same socket: an unspecified address takes in all others of
    /// its family, and `[::]` those of IPv4 as well.
    #[must_use]
    pub fn collides_with(&self, bind: IpAddr, port: u16, protocol: Protocol) -> bool {
        let overlap = self.bind == bind
            || self.bind.is_unspecified() && (self.bind.is_ipv6() || bind.is_ipv4())
            || bind.is_unspecified() && (bind.is_ipv6() || self.bind.is_ipv4());
        overlap && self.host == port && self.protocol == protocol
    }

    /// Equal in all that the provider can show, which does not hold who picked the port.
    #[must_use]
    pub fn same_as(&self, other: &PortForward) -> bool {
        (self.bind, self.host, self.guest, self.protocol)
            == (other.bind, other.host, other.guest, other.protocol)
    }
}

impl fmt::Display for PortForward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_port(f, self.bind, &self.host.to_string(), self.guest, self.protocol)
    }
}

fn write_port(
    f: &mut fmt::Formatter<'_>,
    bind: IpAddr,
    host: &str,
    guest: u16,
    protocol: Protocol,
) -> fmt::Result {
    match bind {
        DEFAULT_BIND => {}
        IpAddr::V4(address) => write!(f, "{address}:")?,
        IpAddr::V6(address) => write!(f, "[{address}]:")?,
    }
    write!(f, "{host}:{guest}")?;
    match protocol {
        Protocol::Tcp => Ok(()),
        Protocol::Udp => f.write_str("/udp"),
    }
}

/// PORT_POOL: where `auto` picks, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortPool {
    /// First port.
    pub first: u16,
    /// Last port.
    pub last: u16,
}

impl PortPool {
    /// The pool where none is written.
    pub const DEFAULT: PortPool = PortPool { first: 8100, last: 8900 };
}

impl fmt::Display for PortPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// An IPv4 address, with its prefix where one was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HostAddress {
    /// The address.
    pub address: Ipv4Addr,
    /// The length of its network's prefix.
    pub prefix: Option<u8>,
}

impl HostAddress {
    /// The network that the address is in, given a prefix for where none was written.
    #[must_use]
    pub fn network(&self, default_prefix: u8) -> Option<Ipv4Net> {
        Ipv4Net::new(self.address, self.prefix.unwrap_or(default_prefix))
            .ok()
            .map(|net| net.trunc())
    }
}

impl fmt::Display for HostAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        match self.prefix {
            Some(prefix) => write!(f, "/{prefix}"),
            None => Ok(()),
        }
    }
}

/// A unicast MAC address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MacAddress(pub [u8; 6]);

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_collide_with_what_they_take_in() {
        let listens = |bind: &str| PortForward {
            bind: bind.parse().expect("an address"),
            host: 80,
            guest: 80,
            protocol: Protocol::Tcp,
            auto: false,
        };
        let collide = |a: &str, b: &str| {
            let other: IpAddr = b.parse().expect("an address");
            listens(a).collides_with(other, 80, Protocol::Tcp)
        };
        assert!(collide("127.0.0.1", "127.0.0.1"));
        assert!(collide("0.0.0.0", "127.0.0.1"));
        assert!(collide("127.0.0.1", "0.0.0.0"));
        assert!(collide("::", "127.0.0.1"));
        assert!(!collide("127.0.0.1", "127.0.0.2"));
        assert!(!collide("0.0.0.0", "::1"));
        assert!(!listens("::").collides_with(DEFAULT_BIND, 80, Protocol::Udp));
    }
}
