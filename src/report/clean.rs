//! Text of others before it reaches a terminal: control characters are shown, not obeyed.

use crate::model::plain::is_unsafe;

/// One line: control characters become their visible form, line ends become blanks.
#[must_use]
pub fn line(text: &str) -> String {
    text.chars().map(|c| if c == '\n' { ' ' } else { visible(c) }).collect()
}

/// A block of lines: as [`line()`], with line ends and tabs kept.
#[must_use]
pub fn block(text: &str) -> String {
    text.chars().map(|c| if matches!(c, '\n' | '\t') { c } else { visible(c) }).collect()
}

/// As [`block`], with as many bytes for each character as it had: places keep pointing where they
/// did.
#[must_use]
pub fn source(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\n' | '\t') || visible(c) == c {
            clean.push(c);
        } else {
            clean.extend(std::iter::repeat_n(' ', c.len_utf8()));
        }
    }
    clean
}

/// The character itself, or for a control character its picture from the Unicode block "Control
/// Pictures"; those that reorder text, or that hide in it, become a replacement character.
fn visible(c: char) -> char {
    match c {
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        other if is_unsafe(other) => '\u{fffd}',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_that_it_would_obey() {
        assert_eq!(line("a\x1b[2Jb\nc\u{9b}d\u{202e}"), "a␛[2Jb c\u{fffd}d\u{fffd}");
        assert_eq!(line("a\u{200b}\u{200f}b\u{2028}"), "a\u{fffd}\u{fffd}b\u{fffd}");
        assert_eq!(block("a\tb\nc\r"), "a\tb\nc␍");
        assert_eq!(source("é\r\n\u{9b}\u{202e}x"), "é \n     x");
    }
}
