//! The text of one source, and the places within it.
//!
//! A [`Text`] knows where its lines start, so that a byte range becomes a [`Place`] with line and
//! column; and it makes the form of itself that may be shown, in which every byte that nobody
//! asked for is blank.

use std::ops::Range;
use std::sync::Arc;

use crate::model::plain::is_unsafe;
use crate::model::source::{Place, Source};

/// How a stretch of a text may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Show {
    /// As it stands.
    Plain,
    /// As asterisks.
    Masked,
}

/// One source's text, without a byte order mark.
#[derive(Clone, Debug)]
pub(super) struct Text {
    /// Which of the sources it is.
    pub(super) source: usize,
    /// The source's name as the user would type it.
    pub(super) name: Arc<str>,
    /// The text itself: it may hold secrets of the application, and is never shown.
    pub(super) text: String,
    line_starts: Vec<usize>,
    /// How many characters begin before each block of [`BLOCK`] bytes.
    counted: Vec<usize>,
}

/// Every so many bytes the characters are counted ahead: a long line of many items asks for the
/// column of each of them.
const BLOCK: usize = 256;

impl Text {
    pub(super) fn new(source: usize, name: &str, text: String) -> Self {
        let after_newline = |(index, byte): (usize, u8)| (byte == b'\n').then_some(index + 1);
        let line_starts =
            std::iter::once(0).chain(text.bytes().enumerate().filter_map(after_newline)).collect();
        // The name can be a path that was typed; control characters must not reach a terminal.
        let name: String =
            name.chars().map(|c| if is_unsafe(c) { '\u{fffd}' } else { c }).collect();
        let mut all = 0;
        let counted = text.as_bytes().chunks(BLOCK).map(|block| {
            let before = all;
            all += characters(block);
            before
        });
        let counted = counted.chain([text.chars().count()]).collect();
        Text { source, name: name.into(), text, line_starts, counted }
    }

    /// The place of a byte range.
    pub(super) fn place(&self, range: Range<usize>) -> Place {
        let line = self.line_starts.partition_point(|start| *start <= range.start);
        let start = self.line_starts[line - 1];
        let column = self.characters_before(range.start) - self.characters_before(start) + 1;
        Place {
            source: self.source,
            offset: range.start,
            length: range.len(),
            file: Arc::clone(&self.name),
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
        }
    }

    fn characters_before(&self, at: usize) -> usize {
        let block = at / BLOCK;
        self.counted[block] + characters(&self.text.as_bytes()[block * BLOCK..at])
    }

    /// What may be shown: blanks, but for the given stretches. Later stretches win.
    pub(super) fn visible(&self, shown: &[(Range<usize>, Show)]) -> Source {
        let blank = |byte: u8| if byte == b'\n' { b'\n' } else { b' ' };
        let mut visible: Vec<u8> = self.text.bytes().map(blank).collect();
        for (range, show) in shown {
            for (index, c) in self.text[range.clone()].char_indices() {
                let at = range.start + index..range.start + index + c.len_utf8();
                match show {
                    _ if c == '\n' => {}
                    Show::Plain if c == '\t' => visible[at].fill(b'\t'),
                    Show::Masked => visible[at].fill(b'*'),
                    // With as many bytes and as many characters as it has.
                    Show::Plain if is_unsafe(c) => match at.len() {
                        1 => visible[at].fill(b'?'),
                        2 => visible[at].copy_from_slice("\u{bf}".as_bytes()),
                        3 => visible[at].copy_from_slice("\u{fffd}".as_bytes()),
                        _ => visible[at].copy_from_slice("\u{1f6ab}".as_bytes()),
                    },
                    Show::Plain => visible[at.clone()].copy_from_slice(&self.text.as_bytes()[at]),
                }
            }
        }
        let visible = String::from_utf8(visible).expect("whole characters were copied or filled");
        Source { name: Arc::clone(&self.name), visible: visible.into() }
    }
}

/// How many characters begin among these bytes.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| (**byte as i8) >= -0x40).count()
}

/// Untrusted text for a message: nothing that steers a terminal, and no more than a line's worth.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    let safe = |c: char| if is_unsafe(c) { '\u{fffd}' } else { c };
    let mut out: String = text.chars().take(LONGEST).map(safe).collect();
    if text.chars().nth(LONGEST).is_some() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters() {
        let text = Text::new(3, ".env", "A=ü\nBÄ=12\n\nC=".to_owned());
        let place = text.place(9..11);
        assert_eq!((place.source, place.offset, place.length), (3, 9, 2));
        assert_eq!((place.line, place.column), (2, 4));
        let end = text.place(text.text.len()..text.text.len());
        assert_eq!((end.line, end.column), (4, 3));
        assert_eq!((text.place(5..5).line, text.place(5..5).column), (2, 1));
    }

    #[test]
    fn columns_are_counted_ahead() {
        for length in [0, 254, 255, 256, 257, 1000] {
            let text = Text::new(0, ".env", format!("A=é\n{}🦀x", "ü".repeat(length)));
            let end = text.text.len();
            assert_eq!(text.place(end..end).column as usize, length + 3);
            assert_eq!(text.place(end - 1..end).column as usize, length + 2);
        }
    }

    #[test]
    fn only_what_is_given_is_visible() {
        let text = Text::new(
            0,
            ".env",
            "S=gehéim\nA=\u{1b}[1mé\u{9b}\u{200d}\u{e0041}\nK=se\ncret\n".to_owned(),
        );
        let key = text.text.find("K=").expect("is there");
        let shown = [
            (10..text.text.find("\nK").expect("is there"), Show::Plain),
            (key..key + 2, Show::Plain),
            (key + 2..text.text.len() - 1, Show::Masked),
        ];
        let visible = text.visible(&shown).visible;
        assert_eq!(&*visible, "         \nA=?[1mé\u{bf}\u{fffd}\u{1f6ab}\nK=**\n****\n");
        assert_eq!(visible.len(), text.text.len());
    }

    #[test]
    fn messages_cannot_steer_a_terminal() {
        assert_eq!(shown("a\u{1b}[31mb\u{202e}c\n"), "a\u{fffd}[31mb\u{fffd}c\u{fffd}");
        assert_eq!(shown(&"x".repeat(70)).chars().count(), 61);
    }
}
