//! The serial console's file, as far as it is about this start.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::model::plain::is_unsafe;

/// What is kept of it: the newest part.
const KEPT: usize = 256 << 10;

/// What was read of it so far.
#[derive(Debug)]
pub(super) struct Log {
    place: Option<(PathBuf, u64)>,
    text: String,
}

impl Log {
    pub(super) fn new(place: Option<(PathBuf, u64)>) -> Log {
        Log { place, text: String::new() }
    }

    /// Reads on, and gives what is new. A file that cannot be read has nothing to say.
    pub(super) fn read(&mut self) -> &str {
        let Some((path, from)) = &mut self.place else { return "" };
        let mut fresh = Vec::new();
        let read = || -> std::io::Result<usize> {
            let mut file = File::open(path)?;
            let length = file.metadata()?.len();
            if length < *from {
                // It was begun anew.
                *from = 0;
            }
            // Of a guest that writes without end the newest part.
            *from = (*from).max(length.saturating_sub(KEPT as u64));
            file.seek(SeekFrom::Start(*from))?;
            file.take(KEPT as u64).read_to_end(&mut fresh)
        };
        let Ok(count) = { read }() else { return "" };
        *from += count as u64;
        let fresh = String::from_utf8_lossy(&fresh).into_owned();
        self.text.push_str(&fresh);
        if self.text.len() > 2 * KEPT {
            let mut cut = self.text.len() - KEPT;
            while !self.text.is_char_boundary(cut) {
                cut += 1;
            }
            self.text.drain(..cut);
        }
        &self.text[self.text.len().saturating_sub(fresh.len())..]
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn last_lines(&mut self, count: usize) -> Vec<String> {
        self.read();
        lines(&self.text, count)
    }
}

/// The last lines of a serial console's file, without what steers a terminal.
#[must_use]
pub fn last_lines(path: &Path, count: usize) -> Vec<String> {
    Log::new(Some((path.to_owned(), 0))).last_lines(count)
}

fn lines(text: &str, count: usize) -> Vec<String> {
    let clean = without_sequences(text);
    let lines = clean.lines().map(|line| {
        // A line may have been written over from its beginning.
        let line = line.rsplit('\r').find(|part| !part.trim().is_empty()).unwrap_or_default();
        let line: String = line.chars().filter(|c| !is_unsafe(*c)).collect();
        line.trim_end().to_owned()
    });
    let mut kept: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
    kept.drain(..kept.len().saturating_sub(count));
    kept
}

/// The text without escape sequences: of each only the visible rest would be left.
fn without_sequences(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            clean.push(c);
            continue;
        }
        match chars.next() {
            // Up to a letter: colours, movements.
            Some('[') => {
                while chars.next_if(|c| !('@'..='~').contains(c) && *c != '\n').is_some() {}
                chars.next_if(|c| *c != '\n');
            }
            // Up to a bell: titles.
            Some(']') => {
                while chars.next_if(|c| !matches!(c, '\u{7}' | '\u{1b}' | '\n')).is_some() {}
                chars.next_if(|c| *c == '\u{7}');
            }
            Some('\n') => clean.push('\n'),
            _ => {}
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_last_lines_steer_no_terminal() {
        let text = "\u{1b}c\u{1b}[2J\u{1b}[1;31mred\u{1b}[0m one\r\nold\rnew two\n\n\u{1b}]0;title\u{7}\
                    three\u{202e}\u{8}\nfour\u{1b}[";
        assert_eq!(lines(text, 9), ["red one", "new two", "three", "four"]);
        assert_eq!(lines(text, 2), ["three", "four"]);
        assert_eq!(lines("", 3), Vec::<String>::new());
    }

    #[test]
    fn it_is_read_from_this_start_on_and_goes_on_growing() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"Kernel panic of last time\n").unwrap();
        let from = file.as_file().metadata().unwrap().len();
        let mut log = Log::new(Some((file.path().to_owned(), from)));
        log.read();
        assert_eq!(log.text(), "");
        file.write_all(b"one\n").unwrap();
        log.read();
        file.write_all(b"two\n").unwrap();
        assert_eq!(log.last_lines(5), ["one", "two"]);
        file.write_all(&vec![b'x'; 3 * KEPT]).unwrap();
        log.read();
        assert!(log.text().len() <= 2 * KEPT);
        file.as_file().set_len(0).unwrap();
        std::fs::write(file.path(), "anew\n").unwrap();
        assert_eq!(log.last_lines(1)[0].rsplit('x').next(), Some("anew"));
        assert_eq!(last_lines(Path::new("/nonexistent"), 3), Vec::<String>::new());
    }
}
