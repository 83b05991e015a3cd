//! MAC addresses of single machines.

use std::fmt;

use miette::{Diagnostic, SourceSpan};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::model::id::InstanceUuid;
use crate::model::units::{NumberError, plain_digits};

/// Why a text is not a MAC address. Spans count within the text.
#[derive(Clone, Debug, PartialEq, Eq, Error, Diagnostic)]
pub enum MacError {
    /// Not six pairs of hexadecimal digits.
    #[error("must be a MAC address")]
    #[diagnostic(
        code(vagrantp::config::not_a_mac_address),
        help("write six pairs of hexadecimal digits, such as `52:54:00:12:34:56`")
    )]
    NotAMac {
        /// The text.
        #[label("expected six pairs of hexadecimal digits")]
        at: SourceSpan,
    },
    /// A MAC address of a group, or of nobody.
    #[error("is a MAC address that no machine can have")]
    #[diagnostic(
        code(vagrantp::config::mac_not_unicast),
        help("let it start with `52:54:00`, or delete the line: one is made and kept")
    )]
    MacNotUnicast {
        /// The text.
        #[label("a group's address, or all zeros")]
        at: SourceSpan,
    },
    /// A digit that only looks like one.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Digit(NumberError),
}

/// A unicast MAC address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    /// The address that an instance has for as long as it exists, wherever its engine would pick
    /// another one at each start: made of its uuid, and marked as given out locally.
    #[must_use]
    pub fn of_instance(uuid: InstanceUuid) -> Self {
        let bytes = uuid.0.as_bytes();
        let mut mac = [0; 6];
        mac.copy_from_slice(&bytes[10..16]);
        mac[0] = mac[0] & 0b1111_1100 | 0b0000_0010;
        MacAddress(mac)
    }

    /// Reads six pairs of hexadecimal digits with `:` or `-` between them.
    pub fn parse(text: &str) -> Result<Self, MacError> {
        let at = SourceSpan::from(0..text.len());
        plain_digits(text).map_err(MacError::Digit)?;
        let mut bytes = [0; 6];
        let mut pairs = text.split(if text.contains('-') { '-' } else { ':' });
        for byte in &mut bytes {
            *byte = pairs
                .next()
                .filter(|pair| pair.len() == 2 && pair.bytes().all(|c| c.is_ascii_hexdigit()))
                .and_then(|pair| u8::from_str_radix(pair, 16).ok())
                .ok_or(MacError::NotAMac { at })?;
        }
        if pairs.next().is_some() {
            return Err(MacError::NotAMac { at });
        }
        if bytes[0] & 1 == 1 || bytes == [0; 6] {
            return Err(MacError::MacNotUnicast { at });
        }
        Ok(MacAddress(bytes))
    }
}

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
    fn mac_addresses_belong_to_one_machine() {
        let mac = MacAddress::parse("52-54-00-AB-cd-ef").expect("a MAC address");
        assert_eq!(mac.to_string(), "52:54:00:ab:cd:ef");
        assert_eq!(MacAddress::parse(&mac.to_string()), Ok(mac));
        for text in [
            "zz",
            "52:54:00:ab:cd",
            "52:54:00:ab:cd:ef:00",
            "5:54:00:ab:cd:ef1",
            "+2:54:00:ab:cd:ef",
        ] {
            assert!(matches!(MacAddress::parse(text), Err(MacError::NotAMac { .. })), "{text}");
        }
        for text in ["01:00:5e:00:00:01", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"] {
            let parsed = MacAddress::parse(text);
            assert!(matches!(parsed, Err(MacError::MacNotUnicast { .. })), "{text}");
        }
    }

    #[test]
    fn an_instance_has_an_address_of_its_own_that_a_machine_can_have() {
        let uuid = |text: &str| InstanceUuid(text.parse().expect("a uuid"));
        let one = MacAddress::of_instance(uuid("11111111-2222-5333-8444-ff5555555555"));
        assert_eq!(one.to_string(), "fe:55:55:55:55:55");
        assert_eq!(MacAddress::parse(&one.to_string()), Ok(one));
        let other = uuid("11111111-2222-5333-8444-ff5555555556");
        assert_ne!(MacAddress::of_instance(other), one);
    }

    #[test]
    fn digits_of_other_scripts_are_told_from_our_own() {
        let third = MacError::Digit(NumberError::LookAlike { at: (3, 3).into() });
        assert_eq!(MacAddress::parse("52:\u{ff15}4:00:12:34:56"), Err(third));
    }
}
