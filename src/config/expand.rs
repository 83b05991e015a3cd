//! Values: quotes, escapes and `$` forms → the text that is meant, with a way back to the places.
//!
//! The grammar is ours and the decoding is dotenvy's: each value is put into dotenvy's dialect,
//! with the `$` forms resolved and what that dialect does not know escaped, and handed over as one
//! line. dotenvy reads `${X:-d}` as nothing, cuts `$MY_VAR` at the underscore and lets the process
//! environment win over the file, so none of its own substitution is ever asked for.

use std::ops::Range;

use super::dollar::{Dollar, Reference, dollar};
use super::env_file::Quoting;
use super::value::Kind;
pub(super) use super::value::Value;

/// No value may grow past this by what it refers to.
pub(super) const LONGEST_VALUE: usize = 1 << 20;

/// How deep a default may hold references of its own.
pub(super) const DEEPEST: usize = 8;

/// What a name means at some point of the files.
pub(super) enum Meaning<'a> {
    /// It is set nowhere.
    Unset,
    /// It is set to this.
    Text(&'a str),
    /// It is set on this line, to something that cannot be told.
    Unclear(Unclear),
}

/// A name that is set to something that cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unclear {
    /// Where it is set.
    pub(super) line: u32,
    /// Whether it refers to a name that is set nowhere, and to nothing worse.
    pub(super) undefined: bool,
}

/// What is wrong with a reference; ranges are bytes of the source's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ExpandError {
    /// The name is defined nowhere, and no default is given.
    Undefined { at: Range<usize>, name: String },
    /// The name is defined, on this line, and what it is set to cannot be told.
    Unclear { at: Range<usize>, name: String, line: u32, undefined: bool },
    /// References in defaults of references, more than [`DEEPEST`] of them.
    TooDeep { at: Range<usize> },
    /// `${X` without an end, `${X?}`, `${X-d}`.
    BadForm { at: Range<usize> },
    /// What comes out is too long.
    TooLong { at: Range<usize> },
}

/// Decodes `text[value]`. `lookup` knows what names mean at that point of the files.
pub(super) fn expand<'a>(
    text: &str,
    value: Range<usize>,
    quoting: Quoting,
    lookup: &dyn Fn(&str) -> Meaning<'a>,
) -> Result<Value, ExpandError> {
    let mut decoder = Decoder {
        text: &text[..value.end],
        quoting,
        lookup,
        value: Value::empty(value.clone()),
        line: "V=\"".to_owned(),
    };
    decoder.walk(value.start)?;
    let Decoder { mut value, mut line, .. } = decoder;
    line.push('"');
    value.text = decode_line(&line);
    debug_assert_eq!(
        value.text.len(),
        value.decoded_length(),
        "pieces do not fit {:?}",
        value.text
    );
    Ok(value)
}

/// What dotenvy makes of one line in its own dialect.
fn decode_line(line: &str) -> String {
    // A reader in memory does not fail, and everything special was escaped.
    let mut entries = dotenvy::from_read_iter(line.as_bytes());
    match entries.next() {
        Some(Ok((_, value))) => value,
        _ => String::new(),
    }
}

struct Decoder<'t, 'l, 'a> {
    text: &'t str,
    quoting: Quoting,
    lookup: &'l dyn Fn(&str) -> Meaning<'a>,
    value: Value,
    /// The line for dotenvy.
    line: String,
}

impl Decoder<'_, '_, '_> {
    fn walk(&mut self, from: usize) -> Result<(), ExpandError> {
        let text = self.text;
        let mut at = from;
        while let Some(c) = text[at..].chars().next() {
            let next = at + c.len_utf8();
            at = match c {
                '$' if self.quoting != Quoting::Single => self.dollar(at)?,
                '\\' if self.quoting == Quoting::Double => self.escape(at),
                // A line break inside quotes is one LF, whatever the file's line breaks are.
                '\r' if text[next..].starts_with('\n') => {
                    self.piece(at..next + 1, "\\n", 1);
                    next + 1
                }
                _ => {
                    self.value.push(at..next, c.len_utf8(), Kind::Literal);
                    push_escaped(&mut self.line, c);
                    next
                }
            };
        }
        Ok(())
    }

    fn piece(&mut self, raw: Range<usize>, line: &str, decoded: usize) {
        self.value.push(raw, decoded, Kind::Escape);
        self.line.push_str(line);
    }

    fn escape(&mut self, at: usize) -> usize {
        let (line, decoded) = match self.text.as_bytes().get(at + 1) {
            Some(b'n') => ("\\n", 1),
            Some(b'\\') => ("\\\\", 1),
            Some(b'"') => ("\\\"", 1),
            Some(b'$') => ("\\$", 1),
            // dotenvy knows neither, and takes the characters themselves.
            Some(b'r') => ("\r", 1),
            Some(b't') => ("\t", 1),
            _ => {
                self.value.push(at..at + 1, 1, Kind::Literal);
                self.line.push_str("\\\\");
                return at + 1;
            }
        };
        self.piece(at..at + 2, line, decoded);
        at + 2
    }

    fn dollar(&mut self, at: usize) -> Result<usize, ExpandError> {
        match dollar(self.text, at) {
            Dollar::Plain => {
                self.value.push(at..at + 1, 1, Kind::Literal);
                self.line.push_str("\\$");
                Ok(at + 1)
            }
            Dollar::Bad(range) => Err(ExpandError::BadForm { at: range }),
            Dollar::Reference(reference) => {
                let whole = at..reference.end;
                let found = self.resolve(&whole, &reference, 0)?;
                if self.value.decoded_length() + found.len() > LONGEST_VALUE {
                    return Err(ExpandError::TooLong { at: whole });
                }
                for c in found.chars() {
                    push_escaped(&mut self.line, c);
                }
                self.value.push(whole, found.len(), Kind::Reference);
                self.value.refers = true;
                Ok(reference.end)
            }
        }
    }

    /// What a reference stands for; `whole` is the outermost one, which is what gets underlined.
    fn resolve(
        &mut self,
        whole: &Range<usize>,
        reference: &Reference,
        depth: usize,
    ) -> Result<String, ExpandError> {
        let name = &self.text[reference.name.clone()];
        let (at, named) = (whole.clone(), name.to_owned());
        let default = match ((self.lookup)(name), reference.default.clone()) {
            (Meaning::Text(found), None) => return Ok(found.to_owned()),
            (Meaning::Text(found), Some(_)) if !found.is_empty() => return Ok(found.to_owned()),
            (Meaning::Unset, None) => return Err(ExpandError::Undefined { at, name: named }),
            (Meaning::Unclear(Unclear { line, undefined: true }), Some(default)) => {
                self.value.replaced.push((named, at.clone(), line));
                default
            }
            (Meaning::Unclear(Unclear { line, undefined }), _) => {
                return Err(ExpandError::Unclear { at, name: named, line, undefined });
            }
            (Meaning::Text(_) | Meaning::Unset, Some(default)) => default,
        };
        if depth == DEEPEST {
            return Err(ExpandError::TooDeep { at });
        }
        let mut out = String::new();
        let mut at = default.start;
        while let Some(found) = self.text[at..default.end].find('$') {
            let here = at + found;
            out.push_str(&self.text[at..here]);
            at = match dollar(&self.text[..default.end], here) {
                Dollar::Plain => {
                    out.push('$');
                    here + 1
                }
                Dollar::Bad(range) => return Err(ExpandError::BadForm { at: range }),
                Dollar::Reference(inner) => {
                    out.push_str(&self.resolve(whole, &inner, depth + 1)?);
                    inner.end
                }
            };
            if out.len() > LONGEST_VALUE {
                return Err(ExpandError::TooLong { at: whole.clone() });
            }
        }
        out.push_str(&self.text[at..default.end]);
        Ok(out)
    }
}

/// A character that dotenvy shall take as it is, inside double quotes.
fn push_escaped(line: &mut String, c: char) {
    match c {
        '\n' => line.push_str("\\n"),
        '\\' | '"' | '$' => {
            line.push('\\');
            line.push(c);
        }
        _ => line.push(c),
    }
}

#[cfg(test)]
mod tests {
    use super::super::env_file::scan;
    use super::*;

    fn names(name: &str) -> Meaning<'static> {
        let text = match name {
            "X" => Some("ex"),
            "MY_VAR" => Some("mine"),
            "EMPTY" => Some(""),
            "A.B" => Some("dotted"),
            "NASTY" => Some("a\"b\\n$X'`\u{e9}"),
            _ => None,
        };
        text.map_or(Meaning::Unset, Meaning::Text)
    }

    fn decode(value: &str) -> Result<Value, ExpandError> {
        let text = format!("K={value}");
        let scan = scan(&text);
        let entry = scan.entries.first().expect("one entry").clone();
        expand(&text, entry.value, entry.quoting, &names)
    }

    #[test]
    fn values_mean_what_the_grammar_says() {
        for (value, meant) in [
            ("", ""),
            ("a b", "a b"),
            ("don't", "don't"),
            (r"C:\x\n", r"C:\x\n"),
            ("a\"b", "a\"b"),
            ("'a$X \\n #b'", "a$X \\n #b"),
            (r#""a\nb\t\r\"\\\$X""#, "a\nb\t\r\"\\$X"),
            (r#""\d\ \'""#, r"\d\ \'"),
            ("\"a\nb\"", "a\nb"),
            ("'a\r\nb'", "a\nb"),
            ("$X", "ex"),
            ("${X}y", "exy"),
            ("$MY_VAR", "mine"),
            ("$Xy${X}", "ERROR"),
            ("${A.B} $A.B", "ERROR"),
            ("${A.B}", "dotted"),
            ("${EMPTY}", ""),
            ("${NO:-d e}", "d e"),
            ("${EMPTY:-d}", "d"),
            ("${X:-d}", "ex"),
            ("${NO:-}", ""),
            ("${NO:-a${X}b$MY_VAR}", "aexbmine"),
            ("${NO:-${ALSO_NO:-$X}}!", "ex!"),
            ("pa$$w0rd$", "ERROR"),
            ("5$ 3$.5 $(id) `id` ${} ${1} $1", "5$ 3$.5 $(id) `id` ${} ${1} $1"),
            ("$NASTY", "a\"b\\n$X'`\u{e9}"),
            ("\"$NASTY\"", "a\"b\\n$X'`\u{e9}"),
            ("é\u{1f980}", "é\u{1f980}"),
        ] {
            let text = decode(value).map_or_else(|_| "ERROR".to_owned(), |value| value.text);
            assert_eq!(text, meant, "{value}");
        }
        assert_eq!(decode("$$X").map(|value| value.text).as_deref(), Ok("$ex"));
    }

    #[test]
    fn undefined_names_and_strange_forms_say_where() {
        let undefined = |at, name: &str| Err(ExpandError::Undefined { at, name: name.to_owned() });
        assert_eq!(decode("a${NO}b"), undefined(3..8, "NO"));
        assert_eq!(decode("\"$NO\""), undefined(3..6, "NO"));
        assert_eq!(decode("${NO:-$ALSO}"), undefined(2..14, "ALSO"));
        for (value, at) in [
            ("a${X", 3..6),
            ("${X:?m} b", 2..9),
            ("${X-d}", 2..8),
            ("${X:?${Y}}z", 2..12),
            ("\"${X?\n}\"", 3..7),
        ] {
            assert_eq!(decode(value), Err(ExpandError::BadForm { at }), "{value}");
        }
    }

    #[test]
    fn a_name_that_cannot_be_told_is_not_taken_for_unset() {
        let unclear = |undefined| {
            let lookup = move |_: &str| Meaning::Unclear(Unclear { line: 7, undefined });
            move |value: &str| {
                let text = format!("K={value}");
                expand(&text, 2..text.len(), Quoting::None, &lookup)
            }
        };
        let error = |at, undefined| {
            Err(ExpandError::Unclear { at, name: "X".to_owned(), line: 7, undefined })
        };
        assert_eq!(unclear(true)("a$X"), error(3..5, true));
        assert_eq!(unclear(false)("${X}"), error(2..6, false));
        assert_eq!(unclear(false)("${X:-d}"), error(2..9, false));
        let value = unclear(true)("${X:-d}").expect("has a default");
        assert_eq!(
            (value.text.as_str(), &value.replaced[..]),
            ("d", &[("X".to_owned(), 2..9, 7)][..])
        );
    }

    #[test]
    fn places_survive_escapes_and_references() {
        let value = decode(r#""ab\tcd${X}ef""#).expect("decodes");
        assert_eq!(value.text, "ab\tcdexef");
        // K="ab\tcd${X}ef" : `ab` from 3, `\t` from 5, `cd` from 7, `${X}` from 9, `ef` from 13.
        for (decoded, raw) in [
            (0..2, 3..5),
            (2..3, 5..7),
            (3..5, 7..9),
            (5..6, 9..13),
            (6..8, 9..14),
            (7..9, 13..15),
            (9..9, 15..15),
            (3..3, 7..7),
        ] {
            assert_eq!(value.raw(decoded.clone()), raw, "{decoded:?}");
        }
        assert!(value.refers);
        assert_eq!(Value::verbatim("abc", 10).raw(1..2), 11..12);
    }

    proptest::proptest! {
        #[test]
        fn a_single_quoted_value_is_itself(text in "[^'\u{0}\r]{0,40}") {
            let value = decode(&format!("'{text}'")).expect("nothing to resolve");
            proptest::prop_assert_eq!(&value.text, &text);
            proptest::prop_assert_eq!(value.raw(0..text.len()).len(), text.len());
        }
    }
}
