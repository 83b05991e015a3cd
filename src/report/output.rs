//! What the main process wrote → stdout and stderr. It was written by somebody else: a terminal gets
//! it with control characters shown and not obeyed; a file or a pipe gets every byte as it was.

use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::model::output::{Lines, OutputPiece, OutputStream};

use super::{clean, json};

/// Prints output as it comes.
#[derive(Debug)]
pub struct OutputPrinter {
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// Each stream to its own, cleaned where that is a terminal.
    Streams { output: Option<Cleaner>, errors: Option<Cleaner> },
    /// One JSON value a line, on stdout.
    Json(Lines),
}

/// One line as JSON has it.
#[derive(Clone, Debug, Serialize)]
pub struct OutputLine {
    /// The version of this shape.
    pub schema: u32,
    /// Which stream it was written to.
    pub stream: OutputStream,
    /// The line without its end; bytes that are no UTF-8 are replaced.
    pub text: String,
}

impl OutputLine {
    /// The JSON form of a line.
    #[must_use]
    pub fn of(line: &OutputPiece) -> Self {
        let text = line.bytes.strip_suffix(b"\n").unwrap_or(&line.bytes);
        let text = String::from_utf8_lossy(text).into_owned();
        OutputLine { schema: 1, stream: line.stream, text }
    }
}

impl OutputPrinter {
    /// A printer to this process's stdout and stderr.
    #[must_use]
    pub fn new(json: bool) -> Self {
        let cleaner = |terminal: bool| terminal.then(Cleaner::default);
        let form = if json {
            Form::Json(Lines::default())
        } else {
            Form::Streams {
                output: cleaner(io::stdout().is_terminal()),
                errors: cleaner(io::stderr().is_terminal()),
            }
        };
        OutputPrinter { form }
    }

    /// Prints a piece.
    ///
    /// # Errors
    /// Nobody reads any more, or the disk is full.
    pub fn print(&mut self, piece: &OutputPiece) -> io::Result<()> {
        match &mut self.form {
            Form::Json(lines) => {
                let mut text = String::new();
                lines.push(piece, |line| json_line(&mut text, &line));
                to(OutputStream::Output, text.as_bytes())
            }
            Form::Streams { output, errors } => {
                let cleaner = match piece.stream {
                    OutputStream::Output => output,
                    OutputStream::Errors => errors,
                };
                match cleaner {
                    Some(cleaner) => to(piece.stream, cleaner.push(&piece.bytes).as_bytes()),
                    None => to(piece.stream, &piece.bytes),
                }
            }
        }
    }

    /// Prints what was held back since more might have come.
    ///
    /// # Errors
    /// As for [`OutputPrinter::print`].
    pub fn end(mut self) -> io::Result<()> {
        match &mut self.form {
            Form::Json(lines) => {
                let mut text = String::new();
                lines.rest().for_each(|line| json_line(&mut text, &line));
                to(OutputStream::Output, text.as_bytes())
            }
            Form::Streams { output, errors } => {
                let ends = [(OutputStream::Output, output), (OutputStream::Errors, errors)];
                for (stream, cleaner) in ends {
                    if let Some(cleaner) = cleaner {
                        to(stream, cleaner.end().as_bytes())?;
                    }
                }
                Ok(())
            }
        }
    }
}

fn json_line(text: &mut String, line: &OutputPiece) {
    if let Ok(value) = serde_json::to_string(&OutputLine::of(line)) {
        text.push_str(&json::escaped(value));
        text.push('\n');
    }
}

fn to(stream: OutputStream, bytes: &[u8]) -> io::Result<()> {
    fn write(mut to: impl Write, bytes: &[u8]) -> io::Result<()> {
        to.write_all(bytes)?;
        to.flush()
    }
    match stream {
        _ if bytes.is_empty() => Ok(()),
        OutputStream::Output => write(io::stdout().lock(), bytes),
        OutputStream::Errors => write(io::stderr().lock(), bytes),
    }
}

/// Cleans text that comes in pieces, which may end inside of a character or of a line's end.
#[derive(Debug, Default)]
struct Cleaner {
    held: Vec<u8>,
}

impl Cleaner {
    fn push(&mut self, bytes: &[u8]) -> String {
        self.held.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.held) {
            // Of a character whose end is still to come; what is wrong for good is replaced below.
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => self.held.len(),
        };
        let whole =
            if whole == self.held.len() && self.held.ends_with(b"\r") { whole - 1 } else { whole };
        let rest = self.held.split_off(whole);
        cleaned(&std::mem::replace(&mut self.held, rest))
    }

    fn end(&mut self) -> String {
        cleaned(&std::mem::take(&mut self.held))
    }
}

fn cleaned(bytes: &[u8]) -> String {
    clean::block(&String::from_utf8_lossy(bytes).replace("\r\n", "\n"))
}

/// The last lines of what passes.
#[derive(Debug)]
pub struct Tail {
    limit: usize,
    lines: Lines,
    last: VecDeque<OutputPiece>,
    /// How many bytes have passed, on both streams.
    pub seen: u64,
}

impl Tail {
    /// Keeps as many lines.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Tail { limit, lines: Lines::default(), last: VecDeque::new(), seen: 0 }
    }

    /// Lets a piece pass.
    pub fn push(&mut self, piece: &OutputPiece) {
        self.seen += piece.bytes.len() as u64;
        let (last, limit) = (&mut self.last, self.limit);
        self.lines.push(piece, |line| keep(last, limit, line));
    }

    /// The lines that were kept; one without an end is a line too.
    pub fn lines(mut self) -> impl Iterator<Item = OutputPiece> {
        for line in self.lines.rest() {
            keep(&mut self.last, self.limit, line);
        }
        self.last.into_iter()
    }
}

fn keep(last: &mut VecDeque<OutputPiece>, limit: usize, line: OutputPiece) {
    last.push_back(line);
    if last.len() > limit {
        last.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(text: &str) -> OutputPiece {
        OutputPiece { stream: OutputStream::Output, bytes: text.as_bytes().to_vec() }
    }

    #[test]
    fn a_terminal_gets_no_control_characters_however_they_are_cut() {
        let text = "é\x1b[2Jred\r\nbar\rover\tx\x07\u{9b}1m\n".as_bytes();
        let expected = "é␛[2Jred\nbar␍over\tx␇\u{fffd}1m\n";
        for cut in 0..=text.len() {
            let mut cleaner = Cleaner::default();
            let mut shown = cleaner.push(&text[..cut]);
            shown.push_str(&cleaner.push(&text[cut..]));
            shown.push_str(&cleaner.end());
            assert_eq!(shown, expected, "cut at {cut}");
        }
    }

    #[test]
    fn what_is_no_text_is_replaced_and_what_is_half_a_character_waits() {
        let mut cleaner = Cleaner::default();
        assert_eq!(cleaner.push(b"a\xff\xfeb\xc3"), "a\u{fffd}\u{fffd}b\u{fffd}");
        assert_eq!(cleaner.push(b"x\xe2\x82"), "x");
        assert_eq!(cleaner.push(b"\xac"), "€");
        cleaner.push(b"\xe2");
        assert_eq!(cleaner.end(), "\u{fffd}");
    }

    #[test]
    fn the_last_lines_are_whole_and_the_unfinished_one_counts() {
        let last = |limit: usize| -> String {
            let mut tail = Tail::new(limit);
            for text in ["one\ntwo\nth", "ree\n", "$ "] {
                tail.push(&piece(text));
            }
            assert_eq!(tail.seen, 16);
            let bytes: Vec<u8> = tail.lines().flat_map(|line| line.bytes).collect();
            String::from_utf8(bytes).unwrap()
        };
        assert_eq!(last(0), "");
        assert_eq!(last(1), "$ ");
        assert_eq!(last(2), "three\n$ ");
        assert_eq!(last(9), "one\ntwo\nthree\n$ ");
    }

    #[test]
    fn a_line_is_one_value_of_json() {
        let mut text = String::new();
        json_line(&mut text, &piece("a \"b\"\x1b\n"));
        assert_eq!(text, "{\"schema\":1,\"stream\":\"stdout\",\"text\":\"a \\\"b\\\"\\u001b\"}\n");
    }
}
