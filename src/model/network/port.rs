//! Ports: what forwards them, and how they are written.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use miette::{Diagnostic, SourceSpan};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::model::units::{NumberError, whole_number};

/// Why a text is not a port, a port rule or a range of ports. Spans count within the text.
#[derive(Clone, Debug, PartialEq, Eq, Error, Diagnostic)]
pub enum PortError {
    /// Not of the form of a rule.
    #[error("must be a list of `host:guest` ports")]
    #[diagnostic(
        code(vagrantp::config::not_a_port_rule),
        help(
            "write `8080:80`, or `auto:80` for a free port of the host; an address in front \
             (`0.0.0.0:8080:80`, `[::1]:8080:80`) says who may connect, `/udp` at the end the protocol"
        )
    )]
    NotARule {
        /// The rule.
        #[label("expected `host:guest`")]
        at: SourceSpan,
    },
    /// The bind address is none.
    #[error("binds to what is not an address")]
    #[diagnostic(
        code(vagrantp::config::bad_bind_address),
        help("write an IPv4 address (`127.0.0.1`) or an IPv6 address in brackets (`[::1]`)")
    )]
    BadBind {
        /// The address.
        #[label("expected an IP address")]
        at: SourceSpan,
    },
    /// Neither TCP nor UDP.
    #[error("has a protocol that cannot be forwarded")]
    #[diagnostic(
        code(vagrantp::config::bad_protocol),
        help("the protocols are `tcp`, which is meant where none is written, and `udp`")
    )]
    BadProtocol {
        /// The protocol.
        #[label("expected `tcp` or `udp`")]
        at: SourceSpan,
    },
    /// A number outside of 1 to 65535.
    #[error("has a port out of range")]
    #[diagnostic(
        code(vagrantp::config::port_out_of_range),
        help("ports go from 1 to 65535; for a free port of the host, write `auto`")
    )]
    OutOfRange {
        /// The number.
        #[label("expected 1 to 65535")]
        at: SourceSpan,
    },
    /// A port that is no number.
    #[error("has a port that is not a number")]
    #[diagnostic(
        code(vagrantp::config::not_a_port),
        help("write a port from 1 to 65535; for a free port of the host, PORTS takes `auto`")
    )]
    NotAPort {
        /// The text.
        #[label("expected a port")]
        at: SourceSpan,
    },
    /// Not of the form of a range.
    #[error("must be a range of ports")]
    #[diagnostic(
        code(vagrantp::config::not_a_port_range),
        help("write the first and the last port, such as `8100-8900`")
    )]
    NotARange {
        /// The text.
        #[label("expected `first-last`")]
        at: SourceSpan,
    },
    /// The end comes before the start.
    #[error("ends before it starts")]
    #[diagnostic(code(vagrantp::config::port_range_reversed), help("write `{last}-{first}`"))]
    Reversed {
        /// The text.
        #[label("{last} is less than {first}")]
        at: SourceSpan,
        /// The first port.
        first: u16,
        /// The last port.
        last: u16,
    },
    /// A digit that only looks like one.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Number(NumberError),
}

/// The port that `text[from..to]` writes.
pub(super) fn port(text: &str, from: usize, to: usize) -> Result<u16, PortError> {
    let at = SourceSpan::from(from..to);
    match whole_number(&text[from..to]) {
        Ok(number @ 1..=65535) => Ok(number as u16),
        Ok(_) | Err(NumberError::TooLarge { .. }) => Err(PortError::OutOfRange { at }),
        Err(NumberError::NotANumber { .. }) => Err(PortError::NotAPort { at }),
        Err(NumberError::LookAlike { at: within }) => {
            let at = (from + within.offset(), within.len()).into();
            Err(PortError::Number(NumberError::LookAlike { at }))
        }
    }
}

/// A port from 1 to 65535.
pub fn parse_port(text: &str) -> Result<u16, PortError> {
    port(text, 0, text.len())
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

/// Where an SSH server listens.
pub(super) const SSH_PORT: u16 = 22;

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

impl PortRule {
    /// Reads `[bind:]host|auto:guest[/tcp|udp]`; the bind address is IPv6 only in brackets.
    pub fn parse(text: &str) -> Result<Self, PortError> {
        let (ports_end, protocol) = match text.rfind('/') {
            None => (text.len(), Protocol::Tcp),
            Some(slash) => match text[slash + 1..].to_ascii_lowercase().as_str() {
                "tcp" => (slash, Protocol::Tcp),
                "udp" => (slash, Protocol::Udp),
                _ => {
                    return Err(PortError::BadProtocol { at: (slash + 1..text.len()).into() });
                }
            },
        };
        let not_a_rule = PortError::NotARule { at: (0..text.len()).into() };
        let rule = &text[..ports_end];
        let Some(guest_colon) = rule.rfind(':') else { return Err(not_a_rule) };
        let (host_from, bind) = match rule[..guest_colon].rfind(':') {
            None => (0, DEFAULT_BIND),
            // `[::1]:80` has an address and one port.
            Some(colon) if rule[colon..guest_colon].contains(']') => return Err(not_a_rule),
            Some(colon) => {
                let bad = PortError::BadBind { at: (0..colon).into() };
                (colon + 1, parse_bind(&rule[..colon]).ok_or(bad)?)
            }
        };
        if rule[host_from..guest_colon].is_empty() || rule[guest_colon + 1..].is_empty() {
            return Err(not_a_rule);
        }
        let host = match &rule[host_from..guest_colon] {
            word if word.eq_ignore_ascii_case("auto") => HostPort::Auto,
            _ => HostPort::Fixed(port(rule, host_from, guest_colon)?),
        };
        Ok(PortRule { bind, host, guest: port(rule, guest_colon + 1, ports_end)?, protocol })
    }
}

fn parse_bind(text: &str) -> Option<IpAddr> {
    match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => inner.parse().ok().map(IpAddr::V6),
        None => text.parse().ok().map(IpAddr::V4),
    }
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
    /// What leads to a VM's SSH server.
    #[must_use]
    pub fn to_ssh(host: u16) -> Self {
        PortForward {
            bind: DEFAULT_BIND,
            host,
            guest: SSH_PORT,
            protocol: Protocol::Tcp,
            auto: false,
        }
    }

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

    #[test]
    fn port_rules_read_back_as_they_print() {
        for (text, printed) in [
            ("8080:80", "8080:80"),
            ("127.0.0.1:8080:80/tcp", "8080:80"),
            ("0.0.0.0:8080:80", "0.0.0.0:8080:80"),
            ("[::1]:8080:80/UDP", "[::1]:8080:80/udp"),
            ("auto:80", "auto:80"),
            ("0.0.0.0:AUTO:53/udp", "0.0.0.0:auto:53/udp"),
            ("1:65535", "1:65535"),
        ] {
            let rule = PortRule::parse(text).expect(text);
            assert_eq!(rule.to_string(), printed);
            assert_eq!(PortRule::parse(printed), Ok(rule));
        }
    }

    #[test]
    fn bad_port_rules_say_where() {
        let at = |range: std::ops::Range<usize>| SourceSpan::from(range);
        let not_a_port = |range| PortError::NotAPort { at: at(range) };
        for (text, error) in [
            ("8080", PortError::NotARule { at: at(0..4) }),
            ("8080:", PortError::NotARule { at: at(0..5) }),
            (":80", PortError::NotARule { at: at(0..3) }),
            ("[::1]:80", PortError::NotARule { at: at(0..8) }),
            ("a:80", not_a_port(0..1)),
            ("80:80a", not_a_port(3..6)),
            ("8080:70000", PortError::OutOfRange { at: at(5..10) }),
            ("0:80", PortError::OutOfRange { at: at(0..1) }),
            ("65536:80", PortError::OutOfRange { at: at(0..5) }),
            ("localhost:80:80", PortError::BadBind { at: at(0..9) }),
            ("::1:80:80", PortError::BadBind { at: at(0..3) }),
            ("80:80/sctp", PortError::BadProtocol { at: at(6..10) }),
            ("80:80/", PortError::BadProtocol { at: at(6..6) }),
        ] {
            assert_eq!(PortRule::parse(text), Err(error), "{text}");
        }
        let wide = PortError::Number(NumberError::LookAlike { at: at(3..6) });
        assert_eq!(PortRule::parse("80:\u{ff18}0"), Err(wide));
    }
}
