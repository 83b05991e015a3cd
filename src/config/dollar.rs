//! The `$` forms of a value, as text: where they are and what they name, not what it stands for.

use std::ops::Range;

use super::env_file::Quoting;

/// How far a default may reach.
const LONGEST_DEFAULT: usize = 4096;

/// A `$` form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) name: Range<usize>,
    pub(super) default: Option<Range<usize>>,
    pub(super) end: usize,
}

/// A `$` at some place.
pub(super) enum Dollar {
    /// It starts no name.
    Plain,
    Reference(Reference),
    /// It starts a name and goes on in a way that is not known; the range to underline.
    Bad(Range<usize>),
}

/// What the `$` at `at` is.
pub(super) fn dollar(text: &str, at: usize) -> Dollar {
    let bytes = text.as_bytes();
    let braced = bytes.get(at + 1) == Some(&b'{');
    let from = at + 1 + usize::from(braced);
    let starts = bytes.get(from).is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    if !starts {
        return Dollar::Plain;
    }
    let inner =
        |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_' || (braced && **byte == b'.');
    let name = from..from + bytes[from..].iter().take_while(inner).count();
    if !braced {
        return Dollar::Reference(Reference { end: name.end, name, default: None });
    }
    let rest = &text[name.end..];
    if rest.starts_with('}') {
        return Dollar::Reference(Reference { end: name.end + 1, name, default: None });
    }
    let default_from = name.end + 2;
    match rest.strip_prefix(":-").and_then(|_| closing_brace(text, default_from)) {
        Some(close) => {
            let default = Some(default_from..close);
            Dollar::Reference(Reference { name, default, end: close + 1 })
        }
        None => {
            // Up to its own brace, where that is on the same line: references inside have theirs.
            let line = text[at..].find('\n').map_or(text.len(), |length| at + length);
            let close = closing_brace(text, name.end).filter(|close| *close < line);
            Dollar::Bad(at..close.map_or(line, |close| close + 1))
        }
    }
}

/// The brace that closes a default which starts at `from`; references inside have braces too.
fn closing_brace(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut open = 0_usize;
    for index in from..bytes.len().min(from + LONGEST_DEFAULT) {
        match bytes[index] {
            b'{' if index > 0 && bytes[index - 1] == b'$' => open += 1,
            b'}' if open == 0 => return Some(index),
            b'}' => open -= 1,
            _ => {}
        }
    }
    None
}

/// Where the `$` form that starts at `at` ends, if there is one.
pub(super) fn reference_end(text: &str, at: usize) -> Option<usize> {
    match dollar(text, at) {
        Dollar::Reference(reference) => Some(reference.end),
        Dollar::Plain | Dollar::Bad(_) => None,
    }
}

/// The names that a raw value refers to, those in defaults included.
pub(super) fn references(text: &str, value: Range<usize>, quoting: Quoting) -> Vec<&str> {
    let mut names = Vec::new();
    if quoting == Quoting::Single {
        return names;
    }
    let inside = &text[..value.end];
    let mut at = value.start;
    while let Some(found) = inside[at..].find('$') {
        let here = at + found;
        at = here + 1;
        if let Dollar::Reference(reference) = dollar(inside, here) {
            names.push(&text[reference.name.clone()]);
            // On into the default, where there is one.
            at = reference.default.map_or(reference.end, |default| default.start);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_defaults_are_references_too() {
        let text = r"A=$X ${Y:-${Z}w$V} $ $1";
        assert_eq!(references(text, 2..text.len(), Quoting::None), ["X", "Y", "Z", "V"]);
        assert!(references(text, 2..text.len(), Quoting::Single).is_empty());
    }
}
