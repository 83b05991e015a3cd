//! Parsers of the values that only the configuration knows: text → typed, nothing else looked at.

use std::collections::BTreeMap;

use super::mistake::Mistake;
use super::types::{OsRequirement, Secret, VagrantBox};
use crate::model::id::InfraId;

/// The longest name of a network interface (`IFNAMSIZ` less its end).
const LONGEST_INTERFACE: usize = 15;

pub(super) fn infra_id(text: &str) -> Result<InfraId, Mistake> {
    InfraId::new(text).ok_or_else(|| Mistake::BadInfraId {
        at: (0..text.len()).into(),
        suggestion: suggested_id(text),
    })
}

/// A name that would do, made from one that does not.
pub(super) fn suggested_id(text: &str) -> String {
    InfraId::nearest(text).map_or_else(|| "my-machine".to_owned(), |id| id.to_string())
}

pub(super) fn user(text: &str) -> Result<String, Mistake> {
    let starts = |byte: &u8| byte.is_ascii_lowercase() || *byte == b'_';
    let inner = |byte: u8| starts(&byte) || byte.is_ascii_digit() || byte == b'-';
    let good =
        text.as_bytes().first().is_some_and(starts) && text.bytes().all(inner) && text.len() <= 32;
    if good { Ok(text.to_owned()) } else { Err(Mistake::BadUser { at: (0..text.len()).into() }) }
}

pub(super) fn bridge(text: &str) -> Result<String, Mistake> {
    let good = (1..=LONGEST_INTERFACE).contains(&text.len())
        && !text.contains(|c: char| c.is_whitespace() || c == '/' || c == ':')
        && text != "."
        && text != "..";
    if good { Ok(text.to_owned()) } else { Err(Mistake::BadBridge { at: (0..text.len()).into() }) }
}

pub(super) fn vagrant_box(text: &str) -> Result<VagrantBox, Mistake> {
    let bad = || Mistake::BadBox { at: (0..text.len()).into() };
    let (name, version) = match text.split_once('@') {
        Some((name, version)) => (name, Some(version)),
        None => (text, None),
    };
    let word = |part: &str| {
        !part.is_empty()
            && !part.starts_with(['-', '.'])
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let parts: Vec<_> = name.split('/').collect();
    if parts.len() > 2 || !parts.into_iter().all(word) || !version.is_none_or(word) {
        return Err(bad());
    }
    Ok(VagrantBox { name: name.to_owned(), version: version.map(str::to_owned) })
}

pub(super) fn os(text: &str) -> Result<OsRequirement, Mistake> {
    let (id, version) = match text.split_once(':') {
        Some((id, version)) => (id, Some(version)),
        None => (text, None),
    };
    let word = |part: &str| {
        let inner =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
        !part.is_empty() && part.bytes().all(inner)
    };
    if !word(id) || !version.is_none_or(word) {
        return Err(Mistake::BadOs { at: (0..text.len()).into() });
    }
    Ok(OsRequirement { id: id.to_owned(), version: version.map(str::to_owned) })
}

/// `name=value` pairs with commas between, or one JSON object.
pub(super) fn extra_vars(
    text: &str,
) -> Result<Secret<BTreeMap<String, serde_json::Value>>, Mistake> {
    let bad = |from, to, what| Err(Mistake::BadExtraVars { at: (from..to).into(), what });
    if text.trim_start().starts_with('{') {
        let parsed: Result<BTreeMap<String, serde_json::Value>, _> = serde_json::from_str(text);
        return match parsed {
            Ok(vars) if vars.keys().all(|name| is_variable(name)) => Ok(Secret(vars)),
            Ok(_) => bad(0, text.len(), "a name that no variable can have"),
            Err(_) => bad(0, text.len(), "not a JSON object"),
        };
    }
    let mut vars = BTreeMap::new();
    let mut from = 0;
    for pair in text.split(',') {
        let to = from + pair.len();
        let Some((name, value)) = pair.split_once('=') else {
            return bad(from, to, "expected `name=value`");
        };
        let name = name.trim();
        if !is_variable(name) {
            return bad(from, to, "a name that no variable can have");
        }
        if vars.insert(name.to_owned(), value.trim().into()).is_some() {
            return bad(from, to, "a name that stands twice");
        }
        from = to + 1;
    }
    Ok(Secret(vars))
}

/// What Ansible takes as the name of a variable.
fn is_variable(name: &str) -> bool {
    let starts = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
    name.as_bytes().first().is_some_and(starts)
        && name.bytes().all(|byte| starts(&byte) || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_what_is_none() {
        assert!(user("root").is_ok() && user("_a-1").is_ok());
        for text in ["Root", "1a", "-a", "a b", "", "a;id", &"a".repeat(33)] {
            assert!(user(text).is_err(), "{text}");
        }
        assert!(bridge("br0").is_ok());
        for text in ["", "br 0", "a/b", "..", "sixteen-letters-"] {
            assert!(bridge(text).is_err(), "{text}");
        }
        for text in ["debian/bookworm64", "name", "a/b@12.1"] {
            assert!(vagrant_box(text).is_ok(), "{text}");
        }
        for text in ["", "a/b/c", "/b", "a/", "a/b@", "a b", "../x", "-x"] {
            assert!(vagrant_box(text).is_err(), "{text}");
        }
        assert!(os("debian:12").is_ok() && os("arch").is_ok());
        for text in ["", "debian:", ":12", "Debian:12", "a:b:c"] {
            assert!(os(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_id_that_is_none_comes_with_one_that_is() {
        match infra_id("My_App") {
            Err(Mistake::BadInfraId { suggestion, .. }) => assert_eq!(suggestion, "my-app"),
            other => panic!("{other:?}"),
        }
        assert_eq!(suggested_id("$(touch pwn)"), "touch-pwn");
        assert_eq!(suggested_id("___"), "my-machine");
    }

    #[test]
    fn variables_are_pairs_or_json() {
        let vars = |text| extra_vars(text).map(|vars| vars.0);
        let pairs = vars("a=1, b = x=y").expect("pairs");
        assert_eq!((&pairs["a"], &pairs["b"]), (&"1".into(), &"x=y".into()));
        let json = vars("{\"a\": [1, null]}").expect("JSON");
        assert_eq!(json["a"], serde_json::json!([1, null]));
        for text in ["a", "a=1,", "1a=2", "a=1,a=2", "{\"a\":}", "{\"a b\": 1}", "=x"] {
            assert!(vars(text).is_err(), "{text}");
        }
        assert_eq!(format!("{:?}", extra_vars("a=hunter2")), "Ok(***)");
    }
}
