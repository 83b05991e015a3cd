//! A decoded value, with the way back from its text to the places that it comes from.

use std::ops::Range;

/// A stretch of the decoded text and the one of the source that it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    decoded: Range<usize>,
    raw: Range<usize>,
    kind: Kind,
}

/// How a piece comes from its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Byte by byte the same.
    Literal,
    /// One whole: an escape, a line break.
    Escape,
    /// One whole, and what it comes to stands elsewhere.
    Reference,
}

/// A decoded value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Value {
    /// The text that is meant.
    pub(super) text: String,
    /// Whether some of it stands elsewhere: then it may be the application's, and is not shown.
    pub(super) refers: bool,
    /// Names that a default stood in for, since what they are set to cannot be told: each with the
    /// range that refers to it, and the line that sets it.
    pub(super) replaced: Vec<(String, Range<usize>, u32)>,
    pieces: Vec<Piece>,
    whole: Range<usize>,
}

impl Value {
    /// A value that is meant as it stands, from `start` of its source.
    pub(super) fn verbatim(text: &str, start: usize) -> Self {
        let mut value = Value { whole: start..start + text.len(), ..Value::default() };
        value.push(value.whole.clone(), text.len(), Kind::Literal);
        text.clone_into(&mut value.text);
        value
    }

    /// Where a range of the decoded text stands in the source.
    pub(super) fn raw(&self, decoded: Range<usize>) -> Range<usize> {
        if decoded.is_empty() && decoded.start == self.text.len() {
            return self.whole.end..self.whole.end;
        }
        let start = self.piece_at(decoded.start).map_or(self.whole.start, |piece| {
            let within =
                if piece.kind == Kind::Literal { decoded.start - piece.decoded.start } else { 0 };
            piece.raw.start + within
        });
        if decoded.is_empty() {
            return start..start;
        }
        let end = self.piece_at(decoded.end - 1).map_or(self.whole.end, |piece| {
            if piece.kind == Kind::Literal {
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

    /// A value of this range of the source, with nothing in it yet.
    pub(super) fn empty(whole: Range<usize>) -> Self {
        Value { whole, ..Value::default() }
    }

    /// Whether some of a range of the decoded text stands elsewhere.
    pub(super) fn refers_within(&self, decoded: Range<usize>) -> bool {
        let touches = |piece: &Piece| {
            piece.kind == Kind::Reference
                && piece.decoded.start <= decoded.end
                && decoded.start <= piece.decoded.end
        };
        let from = self.pieces.partition_point(|piece| piece.decoded.end < decoded.start);
        let near = self.pieces[from..].iter();
        near.take_while(|piece| piece.decoded.start <= decoded.end).any(touches)
    }

    fn piece_at(&self, index: usize) -> Option<&Piece> {
        let after = self.pieces.partition_point(|piece| piece.decoded.end <= index);
        self.pieces.get(after)
    }

    pub(super) fn decoded_length(&self) -> usize {
        self.pieces.last().map_or(0, |piece| piece.decoded.end)
    }

    pub(super) fn push(&mut self, raw: Range<usize>, decoded: usize, kind: Kind) {
        let start = self.decoded_length();
        match self.pieces.last_mut() {
            Some(last)
                if kind == Kind::Literal && last.kind == kind && last.raw.end == raw.start =>
            {
                last.raw.end = raw.end;
                last.decoded.end += decoded;
            }
            _ => self.pieces.push(Piece { decoded: start..start + decoded, raw, kind }),
        }
    }
}
