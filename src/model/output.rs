//! What the main process of an instance writes.

use serde::Serialize;

/// Which of the process's two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum OutputStream {
    /// Standard output.
    #[serde(rename = "stdout")]
    Output,
    /// Standard error.
    #[serde(rename = "stderr")]
    Errors,
}

/// Some bytes of one stream; they may begin and end anywhere, in the middle of a character too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputPiece {
    /// Which stream.
    pub stream: OutputStream,
    /// What was written, as it was written.
    pub bytes: Vec<u8>,
}

/// Which part of the output is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputRequest {
    /// Whether what is written from now on is asked for too, until the instance ends.
    pub follow: bool,
    /// Nothing that was written before this moment, in seconds since 1970.
    pub since: Option<i64>,
}

/// Output put together to whole lines, each with its stream.
#[derive(Debug, Default)]
pub struct Lines {
    output: Vec<u8>,
    errors: Vec<u8>,
}

/// A line that is longer is cut here, so that one without an end does not fill the memory.
const LONGEST: usize = 1 << 20;

impl Lines {
    /// Takes a piece, and hands every line that it completes to `take`, with its end.
    pub fn push(&mut self, piece: &OutputPiece, mut take: impl FnMut(OutputPiece)) {
        let stream = piece.stream;
        let begun = match stream {
            OutputStream::Output => &mut self.output,
            OutputStream::Errors => &mut self.errors,
        };
        for part in piece.bytes.split_inclusive(|byte| *byte == b'\n') {
            begun.extend_from_slice(part);
            if part.ends_with(b"\n") || begun.len() >= LONGEST {
                take(OutputPiece { stream, bytes: std::mem::take(begun) });
            }
        }
    }

    /// What has no end yet.
    pub fn rest(&mut self) -> impl Iterator<Item = OutputPiece> {
        let rest = [
            (OutputStream::Output, std::mem::take(&mut self.output)),
            (OutputStream::Errors, std::mem::take(&mut self.errors)),
        ];
        rest.into_iter()
            .filter(|(_, bytes)| !bytes.is_empty())
            .map(|(stream, bytes)| OutputPiece { stream, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(stream: OutputStream, text: &str) -> OutputPiece {
        OutputPiece { stream, bytes: text.as_bytes().to_vec() }
    }

    #[test]
    fn a_line_that_comes_in_pieces_is_one_line_of_its_own_stream() {
        use OutputStream::{Errors, Output};
        let mut lines = Lines::default();
        let mut whole = Vec::new();
        for (stream, text) in [
            (Output, "one\npar"),
            (Errors, "oops\n"),
            (Output, "t\n\n"),
            (Errors, "no end"),
            (Output, "$ "),
        ] {
            lines.push(&piece(stream, text), |line| whole.push(line));
        }
        let expected = [(Output, "one\n"), (Errors, "oops\n"), (Output, "part\n"), (Output, "\n")];
        assert_eq!(whole, expected.map(|(stream, text)| piece(stream, text)));
        let rest: Vec<_> = lines.rest().collect();
        assert_eq!(rest, [piece(Output, "$ "), piece(Errors, "no end")]);
        assert_eq!(lines.rest().count(), 0);
    }

    #[test]
    fn a_line_without_an_end_is_cut() {
        let mut lines = Lines::default();
        let mut whole = Vec::new();
        let long = OutputPiece { stream: OutputStream::Output, bytes: vec![b'x'; LONGEST] };
        lines.push(&long, |line| whole.push(line.bytes.len()));
        assert_eq!(whole, [LONGEST]);
    }
}
