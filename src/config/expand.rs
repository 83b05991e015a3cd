//! Values: quotes, escapes and `$` forms → the text that is meant, with a way back to the places.
//!
//! The grammar is ours and the decoding is dotenvy's: each value is put into dotenvy's dialect,
//! with the `$` forms resolved and what that dialect does not know escaped, and handed over as one
//! line. dotenvy reads `${X:-d}` as nothing, cuts `$MY_VAR` at the underscore and lets the process
//! environment win over the file, so none of its own substitution is ever asked for.

use std::ops::Range;

use super::dollar::{Dollar, Reference, dollar};
use super::env_file::Quoting;

/// No value may grow past this by what it refers to.
pub(super) const LONGEST_VALUE: usize = 1 << 20;

/// How deep a default may hold references of its own.
const DEEPEST: usize = 8;

/// What is wrong with a reference; ranges are bytes of the source's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ExpandError {
    /// The name is defined nowhere, and no default is given.
    Undefined { at: Range<usize>, name: String },
    /// `${X` without an end, `${X?}`, `${X-d}`.
    BadForm { at: Range<usize> },
    /// What comes out is too long.
    TooLong { at: Range<usize> },
}

/// A stretch of the decoded text and the one of the source that it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    decoded: Range<usize>,
    raw: Range<usize>,
    /// Byte by byte the same; else the piece is one whole: an escape, a reference.
    literal: bool,
}

/// A decoded value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Value {
    /// The text that is meant.
    pub(super) text: String,
    /// Whether some of it stands elsewhere: then it may be the application's, and is not shown.
    pub(super) refers: bool,
    pieces: Vec<Piece>,
    whole: Range<usize>,
}

impl Value {
    /// A value that is meant as it stands, from `start` of its source.
    pub(super) fn verbatim(text: &str, start: usize) -> Self {
        let mut value = Value { whole: start..start + text.len(), ..Value::default() };
        value.push(value.whole.clone(), text.len(), true);
        text.clone_into(&mut value.text);
        value
    }

    /// Where a range of the decoded text stands in the source.
    pub(super) fn raw(&self, decoded: Range<usize>) -> Range<usize> {
        if decoded.is_empty() && decoded.start == self.text.len() {
            return self.whole.end..self.whole.end;
        }
        let start = self.piece_at(decoded.start).map_or(self.whole.start, |piece| {
            let within = if piece.literal { decoded.start - piece.decoded.start } else { 0 };
            piece.raw.start + within
        });
        if decoded.is_empty() {
            return start..start;
        }
        let end = self.piece_at(decoded.end - 1).map_or(self.whole.end, |piece| {
            if piece.literal {
                piece.raw.start + (decoded.end - piece.decoded.start)
            } else {
                piece.raw.end
            }
        });
        start..end.max(start)
    }

    /// All of it in the source, without the quotes.
    pub(super) fn whole(&self) -> Range<usize> {
        self.whole.clone()
    }

    fn piece_at(&self, index: usize) -> Option<&Piece> {
        let after = self.pieces.partition_point(|piece| piece.decoded.end <= index);
        self.pieces.get(after)
    }

    fn decoded_length(&self) -> usize {
        self.pieces.last().map_or(0, |piece| piece.decoded.end)
    }

    fn push(&mut self, raw: Range<usize>, decoded: usize, literal: bool) {
        let start = self.decoded_length();
        match self.pieces.last_mut() {
            Some(last) if literal && last.literal && last.raw.end == raw.start => {
                last.raw.end = raw.end;
                last.decoded.end += decoded;
            }
            _ => self.pieces.push(Piece { decoded: start..start + decoded, raw, literal }),
        }
    }
}

/// Decodes `text[value]`. `lookup` knows what names mean at that point of the files.
pub(super) fn expand<'a>(
    text: &str,
    value: Range<usize>,
    quoting: Quoting,
    lookup: &dyn Fn(&str) -> Option<&'a str>,
) -> Result<Value, ExpandError> {
    let mut decoder = Decoder {
        text: &text[..value.end],
        quoting,
        lookup,
        value: Value { whole: value.clone(), ..Value::default() },
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
    lookup: &'l dyn Fn(&str) -> Option<&'a str>,
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
                    self.value.push(at..next, c.len_utf8(), true);
                    push_escaped(&mut self.line, c);
                    next
                }
            };
        }
        Ok(())
    }

    fn piece(&mut self, raw: Range<usize>, line: &str, decoded: usize) {
        self.value.push(raw, decoded, false);
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
                self.value.push(at..at + 1, 1, true);
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
                self.value.push(at..at + 1, 1, true);
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
                self.value.push(whole, found.len(), false);
                self.value.refers = true;
                Ok(reference.end)
            }
        }
    }

    /// What a reference stands for; `whole` is the outermost one, which is what gets underlined.
    fn resolve(
        &self,
        whole: &Range<usize>,
        reference: &Reference,
        depth: usize,
    ) -> Result<String, ExpandError> {
        let name = &self.text[reference.name.clone()];
        let found = (self.lookup)(name);
        let Some(default) = reference.default.clone() else {
            return found.map(str::to_owned).ok_or_else(|| ExpandError::Undefined {
                at: whole.clone(),
                name: name.to_owned(),
            });
        };
        if let Some(found) = found.filter(|found| !found.is_empty()) {
            return Ok(found.to_owned());
        }
        if depth == DEEPEST {
            return Err(ExpandError::BadForm { at: whole.clone() });
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

    fn names(name: &str) -> Option<&'static str> {
        match name {
            "X" => Some("ex"),
            "MY_VAR" => Some("mine"),
            "EMPTY" => Some(""),
            "A.B" => Some("dotted"),
            "NASTY" => Some("a\"b\\n$X'`\u{e9}"),
            _ => None,
        }
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
        for (value, at) in [("a${X", 3..6), ("${X:?m} b", 2..9), ("${X-d}", 2..8)] {
            assert_eq!(decode(value), Err(ExpandError::BadForm { at }), "{value}");
        }
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
