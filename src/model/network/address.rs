//! IPv4 addresses, with the prefix of their network where one is written.

use std::fmt;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use miette::{Diagnostic, SourceSpan};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::model::units::{NumberError, plain_digits, whole_number};

/// Why a text is not an address. Spans count within the text.
#[derive(Clone, Debug, PartialEq, Eq, Error, Diagnostic)]
pub enum AddressError {
    /// Not four numbers.
    #[error("must be an IPv4 address")]
    #[diagnostic(
        code(vagrantp::config::not_an_address),
        help("write four numbers from 0 to 255 without leading zeros, such as `192.168.77.10`")
    )]
    NotAnAddress {
        /// The text.
        #[label("expected an IPv4 address")]
        at: SourceSpan,
    },
    /// IPv6.
    #[error("must be an IPv4 address, and this is IPv6")]
    #[diagnostic(
        code(vagrantp::config::address_is_ipv6),
        help("write an IPv4 address, such as `192.168.77.10`")
    )]
    Ipv6 {
        /// The text.
        #[label("IPv6 is not supported here")]
        at: SourceSpan,
    },
    /// A prefix that is no number from 8 to 30.
    #[error("has a network prefix that leaves no room for machines")]
    #[diagnostic(
        code(vagrantp::config::bad_prefix),
        help("write a prefix from /8 to /30, such as `/24`")
    )]
    BadPrefix {
        /// The prefix.
        #[label("expected 8 to 30")]
        at: SourceSpan,
    },
    /// An address that no machine can have.
    #[error("is an address that no machine can have")]
    #[diagnostic(
        code(vagrantp::config::address_not_usable),
        help("write an address of a private network, such as `192.168.77.10`")
    )]
    NotUsable {
        /// The address.
        #[label("{kind}")]
        at: SourceSpan,
        /// What it is instead.
        kind: &'static str,
    },
    /// The address of the network itself, or of everybody in it.
    #[error("is the {kind} address of its network")]
    #[diagnostic(
        code(vagrantp::config::address_not_a_host),
        help("write an address between the first and the last of {network}")
    )]
    NotAHost {
        /// The address.
        #[label("the {kind} address of {network}")]
        at: SourceSpan,
        /// `network` or `broadcast`.
        kind: &'static str,
        /// The network.
        network: Ipv4Net,
    },
    /// A digit that only looks like one.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Digit(NumberError),
}

/// An IPv4 address.
pub fn parse_ipv4(text: &str) -> Result<Ipv4Addr, AddressError> {
    let at = SourceSpan::from(0..text.len());
    plain_digits(text).map_err(AddressError::Digit)?;
    text.parse().map_err(|_| match text.parse::<std::net::Ipv6Addr>() {
        Ok(_) => AddressError::Ipv6 { at },
        Err(_) => AddressError::NotAnAddress { at },
    })
}

/// An address that a machine can have, of any network.
fn usable(address: Ipv4Addr, at: SourceSpan) -> Result<(), AddressError> {
    let kind = match address {
        a if a.octets()[0] == 0 => "an address of no network",
        a if a.is_loopback() => "a loopback address",
        a if a.is_multicast() => "a multicast address",
        a if a.octets()[0] >= 240 => "a reserved address",
        a if a.is_link_local() => "a link-local address",
        _ => return Ok(()),
    };
    Err(AddressError::NotUsable { at, kind })
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
    /// Reads `a.b.c.d[/prefix]`. With a prefix the address has to be one of a host in its network;
    /// without, that is decided by who knows the network.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        plain_digits(text).map_err(AddressError::Digit)?;
        let (address, prefix) = match text.split_once('/') {
            None => (text, None),
            Some((address, prefix)) => {
                let at = (address.len() + 1..text.len()).into();
                match whole_number(prefix) {
                    Ok(length @ 8..=30) => (address, Some(length as u8)),
                    _ => return Err(AddressError::BadPrefix { at }),
                }
            }
        };
        let at = SourceSpan::from(0..address.len());
        let parsed = HostAddress { address: parse_ipv4(address)?, prefix };
        usable(parsed.address, at)?;
        match prefix {
            Some(prefix) => parsed.check_host(prefix, at).map(|()| parsed),
            None => Ok(parsed),
        }
    }

    /// Whether a machine can have the address in its network, given a prefix for where none was
    /// written.
    pub fn check_host(&self, default_prefix: u8, at: SourceSpan) -> Result<(), AddressError> {
        let Some(network) = self.network(default_prefix) else { return Ok(()) };
        let kind = match self.address {
            address if address == network.network() => "network",
            address if address == network.broadcast() => "broadcast",
            _ => return Ok(()),
        };
        Err(AddressError::NotAHost { at, kind, network })
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_that_a_machine_can_have() {
        for text in ["10.0.0.5", "192.168.1.10/24", "172.16.0.255/16", "10.0.0.2/30"] {
            assert_eq!(HostAddress::parse(text).expect(text).to_string(), text);
        }
        for text in ["999.1.1.1", "1.2.3", "010.0.0.1", "", "10.0.0.1.1", "a", "10.0.0.1 "] {
            let parsed = HostAddress::parse(text);
            assert!(matches!(parsed, Err(AddressError::NotAnAddress { .. })), "{text}");
        }
        assert!(matches!(HostAddress::parse("::1"), Err(AddressError::Ipv6 { .. })));
        for text in ["10.0.0.1/", "10.0.0.1/7", "10.0.0.1/31", "10.0.0.1/33", "10.0.0.1/x"] {
            let parsed = HostAddress::parse(text);
            assert!(matches!(parsed, Err(AddressError::BadPrefix { .. })), "{text}");
        }
        for text in ["10.0.0.0/24", "10.0.0.255/24", "10.1.255.255/16", "10.0.0.3/30"] {
            let parsed = HostAddress::parse(text);
            assert!(matches!(parsed, Err(AddressError::NotAHost { .. })), "{text}");
        }
        for text in ["0.1.2.3", "127.0.0.1", "224.0.0.1", "255.255.255.255", "169.254.1.1"] {
            let parsed = HostAddress::parse(text);
            assert!(matches!(parsed, Err(AddressError::NotUsable { .. })), "{text}");
        }
    }

    #[test]
    fn digits_of_other_scripts_are_told_from_our_own() {
        let third = AddressError::Digit(NumberError::LookAlike { at: (3, 3).into() });
        assert_eq!(parse_ipv4("10.\u{ff10}.0.1"), Err(third.clone()));
        assert_eq!(HostAddress::parse("10.\u{ff10}.0.1/24"), Err(third));
    }

    #[test]
    fn addresses_read_back_as_they_print() {
        for text in ["10.9.0.5", "192.168.77.10/24", "10.0.0.255/16", "172.16.0.9/30"] {
            let address = HostAddress::parse(text).expect(text);
            assert_eq!(address.to_string(), text);
        }
    }
}
