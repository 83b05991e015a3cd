//! SSH_HOST: a host's name or its address.

use std::net::IpAddr;

use super::mistake::Mistake;

/// A name of up to 63 characters a label, or an address of either family.
pub(super) fn parse(text: &str) -> Result<String, Mistake> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let name = text.len() <= 253 && text.split('.').all(label);
    // Four numbers are an address or a mistake, never a name.
    let numbers = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if text.parse::<IpAddr>().is_ok() || (name && !numbers) {
        Ok(text.to_owned())
    } else {
        Err(Mistake::BadHost { at: (0..text.len()).into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_told_from_what_is_none() {
        let longest = ["a".repeat(63).as_str(), "b"].join(".");
        for text in ["build.example.org", "192.0.2.7", "::1", "a_b", "x", &longest] {
            assert_eq!(parse(text).as_deref().ok(), Some(text));
        }
        let (label, name) = ("a".repeat(64), "a.".repeat(127));
        for text in [
            "999.1.1.1",
            "1.2.3",
            "10",
            "-oProxyCommand=x",
            "a b",
            "",
            "a..b",
            ".a",
            "a.",
            "user@host",
            "host:22",
            "[::1]",
            "b\u{fc}cher",
            "\u{ff11}.2.3.4",
            &label,
            &name,
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
