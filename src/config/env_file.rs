//! The scanner: a `.env`'s text → its entries, with the place of every part.
//!
//! It owns the lines, the quotes and the spans, as `docs/reference/env-file.md` has the grammar. It
//! knows no key by name, decodes no value (that is [`super::expand`]) and never stops at a mistake:
//! what is wrong with one line is a [`Fault`], and the next line is read as if nothing had happened.

use std::ops::Range;

/// How a value was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quoting {
    /// Up to a blank and `#`, or the end of the line.
    None,
    /// `'…'`.
    Single,
    /// `"…"`.
    Double,
}

/// One `KEY=value`, as byte ranges of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The key.
    pub(super) key: Range<usize>,
    /// The value between its quotes.
    pub(super) value: Range<usize>,
    /// Its quotes.
    pub(super) quoting: Quoting,
}

impl Entry {
    /// From the key to the closing quote.
    pub(super) fn whole(&self) -> Range<usize> {
        let quote = usize::from(self.quoting != Quoting::None);
        self.key.start..self.value.end + quote
    }
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultKind {
    /// Not of the form `KEY=value`.
    NotAnAssignment,
    /// Something other than a comment after the closing quote.
    AfterQuote,
    /// The same, but lines further down than the quote opened.
    AfterQuoteBelow,
    /// The quote is not closed before the file ends.
    Unterminated,
}

/// A line that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// What is wrong.
    pub(super) kind: FaultKind,
    /// The word that stands where the key belongs, if it could be one.
    pub(super) key: Option<Range<usize>>,
    /// Where it is wrong: the quote that opens, the first character that does not belong.
    pub(super) at: Range<usize>,
}

/// Everything in the text but blank lines and comments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scan {
    /// The assignments, in order.
    pub(super) entries: Vec<Entry>,
    /// The lines that are none.
    pub(super) faults: Vec<Fault>,
    /// The keys that stand alone on their line, and assign nothing.
    pub(super) bare: Vec<Range<usize>>,
}

impl Scan {
    /// The word that stands where the key belongs, of each line that has one.
    pub(super) fn words(&self) -> impl Iterator<Item = Range<usize>> {
        let entries = self.entries.iter().map(|entry| entry.key.clone());
        let faults = self.faults.iter().filter_map(|fault| fault.key.clone());
        entries.chain(faults).chain(self.bare.iter().cloned())
    }
}

/// Scans a whole text, which has no NUL and no byte order mark.
pub(super) fn scan(text: &str) -> Scan {
    let mut scan = Scan::default();
    let mut at = 0;
    while at < text.len() {
        let end = line_end(text, at);
        at = match entry(text, at, end) {
            Line::Nothing => end + 1,
            Line::Bare(key) => {
                scan.bare.push(key);
                end + 1
            }
            Line::Entry(entry, next) => {
                scan.entries.push(entry);
                next
            }
            Line::Fault(fault) => {
                scan.faults.push(fault);
                end + 1
            }
        };
    }
    scan
}

/// Where in a value a line starts that reads like an assignment: it may be the application's, taken
/// in by a quote that was left open and that a quote of its own closes.
pub(super) fn taken_in(value: &str) -> Option<usize> {
    let mut starts = value.match_indices('\n').map(|(at, _)| at + 1);
    starts.find(|start| match entry(value, *start, line_end(value, *start)) {
        Line::Entry(..) => true,
        Line::Fault(fault) => fault.kind != FaultKind::NotAnAssignment,
        Line::Nothing | Line::Bare(_) => false,
    })
}

enum Line {
    Nothing,
    Bare(Range<usize>),
    Entry(Entry, usize),
    Fault(Fault),
}

/// Reads the line `text[from..end]`, and those that a quoted value spans.
fn entry(text: &str, from: usize, end: usize) -> Line {
    let mut key_from = skip_blanks(text, from, end);
    if key_from == end || text[key_from..].starts_with('#') {
        return Line::Nothing;
    }
    let mut key = key_from..key_end(text, key_from, end);
    let mut equals = skip_blanks(text, key.end, end);
    if &text[key.clone()] == "export" && equals > key.end && !text[equals..].starts_with('=') {
        key_from = equals;
        key = key_from..key_end(text, key_from, end);
        equals = skip_blanks(text, key.end, end);
    }
    let named = (!key.is_empty()).then(|| key.clone());
    let comment = equals > key.end && text[equals..].starts_with('#');
    if named.is_some() && (equals == end || comment) {
        // A bare `KEY` (`export KEY`) hands a variable on and assigns nothing.
        return Line::Bare(key);
    }
    let Some(key) = named.clone().filter(|_| text[equals..end].starts_with('=')) else {
        let wrong = next_char(text, equals, end);
        return Line::Fault(Fault { kind: FaultKind::NotAnAssignment, key: named, at: wrong });
    };
    let value_from = skip_blanks(text, equals + 1, end);
    let quoting = match text[value_from..end].chars().next() {
        Some('\'') => Quoting::Single,
        Some('"') => Quoting::Double,
        _ => {
            // A comment needs a blank before it, and the blanks after `=` count as such.
            let value = unquoted(text, equals + 1, end);
            return Line::Entry(Entry { key, value, quoting: Quoting::None }, end + 1);
        }
    };
    quoted(text, key, value_from, quoting)
}

/// Reads a value whose quote opens at `open`.
fn quoted(text: &str, key: Range<usize>, open: usize, quoting: Quoting) -> Line {
    let fault = |kind, at| Line::Fault(Fault { kind, key: Some(key.clone()), at });
    let Some(close) = closing_quote(text, open + 1, quoting) else {
        return fault(FaultKind::Unterminated, open..open + 1);
    };
    let end = line_end(text, close);
    let rest = skip_blanks(text, close + 1, end);
    if rest < end && !text[rest..].starts_with('#') {
        return if text[open..close].contains('\n') {
            fault(FaultKind::AfterQuoteBelow, open..open + 1)
        } else {
            fault(FaultKind::AfterQuote, next_char(text, rest, end))
        };
    }
    Line::Entry(Entry { key, value: open + 1..close, quoting }, end + 1)
}

fn closing_quote(text: &str, from: usize, quoting: Quoting) -> Option<usize> {
    let quote = if quoting == Quoting::Single { b'\'' } else { b'"' };
    let mut bytes = text.bytes().enumerate().skip(from);
    while let Some((index, byte)) = bytes.next() {
        if byte == quote {
            return Some(index);
        }
        if byte == b'\\' && quoting == Quoting::Double {
            bytes.next();
        }
    }
    None
}

/// The unquoted value after the `=`: up to a blank and `#`, trimmed. A `${…}` is one piece, so that
/// its default may hold a ` #`.
fn unquoted(text: &str, from: usize, end: usize) -> Range<usize> {
    let bytes = text.as_bytes();
    let mut stop = end;
    let mut at = from;
    while at < end {
        match bytes[at] {
            b'#' if at > from && is_blank(bytes[at - 1]) => {
                stop = at;
                break;
            }
            b'$' => at = super::dollar::reference_end(&text[..end], at).unwrap_or(at + 1),
            _ => at += 1,
        }
    }
    let value_from = skip_blanks(text, from, stop);
    let value = text[value_from..stop].trim_end_matches([' ', '\t', '\r']);
    value_from..value_from + value.len()
}

/// Where the LF of the line that `at` is in stands; the CR of a CRLF counts as a blank before it.
fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |length| at + length)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

fn skip_blanks(text: &str, from: usize, end: usize) -> usize {
    let blanks = text.as_bytes()[from.min(end)..end].iter().take_while(|byte| is_blank(**byte));
    from.min(end) + blanks.count()
}

fn key_end(text: &str, from: usize, end: usize) -> usize {
    let bytes = &text.as_bytes()[from..end];
    let starts = bytes.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    let inner = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
    if starts { from + bytes.iter().take_while(inner).count() } else { from }
}

fn next_char(text: &str, at: usize, end: usize) -> Range<usize> {
    at..at + text[at..end].chars().next().map_or(0, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each entry as `key|value` (with its quotes), each fault as `kind@line-part`.
    fn read(text: &str) -> (Vec<String>, Vec<String>) {
        let scan = scan(text);
        let show = |entry: &Entry| {
            let quote = match entry.quoting {
                Quoting::None => "",
                Quoting::Single => "'",
                Quoting::Double => "\"",
            };
            let (key, value) = (&text[entry.key.clone()], &text[entry.value.clone()]);
            format!("{key}|{quote}{value}{quote}")
        };
        let fault = |fault: &Fault| {
            let key = fault.key.clone().map_or("-", |key| &text[key]);
            format!("{:?} {key} {}", fault.kind, &text[fault.at.clone()])
        };
        (scan.entries.iter().map(show).collect(), scan.faults.iter().map(fault).collect())
    }

    #[test]
    fn assignments_are_found_in_every_spelling() {
        for (text, entry) in [
            ("A=1", "A|1"),
            ("  A = 1  ", "A|1"),
            ("export A=1", "A|1"),
            ("export=2", "export|2"),
            ("export = 2", "export|2"),
            ("A.B_c9=1", "A.B_c9|1"),
            ("A=", "A|"),
            ("A=   # c", "A|"),
            ("A=#n", "A|#n"),
            ("A=1#n", "A|1#n"),
            ("A=1 #n", "A|1"),
            ("A=1\t# don't", "A|1"),
            ("A=a b  c", "A|a b  c"),
            ("A=don't", "A|don't"),
            ("A=C:\\x\\", "A|C:\\x\\"),
            ("A='a # b' # c", "A|'a # b'"),
            ("A='C:\\dir\\'", "A|'C:\\dir\\'"),
            ("A=\"a \\\" b\"#c", "A|\"a \\\" b\""),
            ("A=\"a\nb # x\n\"\n", "A|\"a\nb # x\n\""),
            ("A=1\r\n", "A|1"),
            ("A='1'\r\n", "A|'1'"),
            ("A={\"a\": 1}", "A|{\"a\": 1}"),
            ("A=${B:-x # y} # z", "A|${B:-x # y}"),
            ("A=$(id) `id`", "A|$(id) `id`"),
            ("A=b=c", "A|b=c"),
        ] {
            assert_eq!(read(text), (vec![entry.to_owned()], vec![]), "{text}");
        }
    }

    #[test]
    fn blank_lines_comments_and_bare_keys_are_nothing() {
        for text in ["", "\n\n", "# A=1", "  # x", "A", "export A", "A # c", "\t\r\n", "export"] {
            assert_eq!(read(text), (vec![], vec![]), "{text:?}");
        }
    }

    #[test]
    fn a_comment_with_an_apostrophe_loses_no_key() {
        let (entries, faults) = read("A=1  # don't\nB=2  # can't\nC=3");
        assert_eq!(entries, ["A|1", "B|2", "C|3"]);
        assert!(faults.is_empty());
    }

    #[test]
    fn what_is_no_assignment_is_a_fault_of_its_line_alone() {
        for (line, fault) in [
            ("A-B=2", "NotAnAssignment A -"),
            ("1X=1", "NotAnAssignment - 1"),
            ("=x", "NotAnAssignment - ="),
            ("A: 1", "NotAnAssignment A :"),
            ("A 1", "NotAnAssignment A 1"),
            ("export A 1", "NotAnAssignment A 1"),
            ("A#c", "NotAnAssignment A #"),
            ("ä=1", "NotAnAssignment - ä"),
            ("A='x' y", "AfterQuote A y"),
            ("A='x'y", "AfterQuote A y"),
        ] {
            let text = format!("X=1\n{line}\nY=2\n");
            let entries = vec!["X|1".to_owned(), "Y|2".to_owned()];
            assert_eq!(read(&text), (entries, vec![fault.to_owned()]), "{line}");
        }
    }

    #[test]
    fn an_open_quote_is_reported_where_it_opens_and_loses_one_line() {
        let (entries, faults) = read("A=\"x\nB=2\n");
        assert_eq!(entries, ["B|2"]);
        assert_eq!(faults, ["Unterminated A \""]);
        let (entries, faults) = read("A=\"x\nB=2\nC=\"y\"\n");
        assert_eq!(entries, ["B|2", "C|\"y\""]);
        assert_eq!(faults, ["AfterQuoteBelow A \""]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_scanned_to_its_end(text in "[A-Ca='\"$#{}:\\\\ \r\n\té-]{0,60}") {
            let scan = scan(&text);
            let mut last = 0;
            for entry in &scan.entries {
                assert!(entry.key.start >= last && entry.key.end <= entry.value.start);
                last = entry.value.end;
                assert!(text.is_char_boundary(entry.value.start) && text.is_char_boundary(last));
            }
            for fault in &scan.faults {
                assert!(text.get(fault.at.clone()).is_some());
            }
        }
    }
}
