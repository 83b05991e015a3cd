//! Text of others: which of its characters may be shown. One answer for every way to a screen.

use std::path::Path;

/// Whether a character would steer a terminal, turn around the order of what it shows, or take no
/// room in it so that two texts look alike. Line ends and tabs count among them: who lets them
/// through says so.
#[must_use]
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            // Zero width, and the marks of direction.
            | '\u{200b}'..='\u{200f}'
            // Separators of lines and paragraphs, then embeddings and overrides of direction.
            | '\u{2028}'..='\u{202e}'
            // Invisible operators, isolates of direction, and what Unicode has given up.
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
            // Musical controls, and the invisible twins of ASCII.
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// A path on one line, whatever is in its name: what would steer, turn or hide is written by its
/// escape, as in `a\nb`.
#[must_use]
pub fn one_line(path: &Path) -> String {
    let mut line = String::new();
    for c in path.display().to_string().chars() {
        if is_unsafe(c) { line.extend(c.escape_default()) } else { line.push(c) }
    }
    line
}

/// A text as one word of a command that somebody may paste into a shell: a quote in it ends nothing.
#[must_use]
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_text_is_one_word_for_a_shell() {
        for text in ["/a b", "/it's", "'; touch /tmp/x; '", "$(id) `id` \\", ""] {
            assert_eq!(shlex::split(&quoted(text)), Some(vec![text.to_owned()]));
        }
        assert_eq!(quoted("/a b"), "'/a b'");
    }

    #[test]
    fn a_path_stays_on_its_line() {
        assert_eq!(one_line(Path::new("/a b/é\n\u{202e}x")), "/a b/é\\n\\u{202e}x");
    }

    #[test]
    fn what_steers_turns_or_hides_is_told_from_what_is_read() {
        for c in "\0\u{7}\u{8}\t\n\r\u{1b}\u{7f}\u{85}\u{9b}\u{ad}\u{200b}\u{200d}\u{200f}\u{2028}\
                  \u{202e}\u{2066}\u{2069}\u{61c}\u{feff}\u{e0041}"
            .chars()
        {
            assert!(is_unsafe(c), "{c:?}");
        }
        for c in " ~aé€я語🦀\u{301}\u{fe0f}\u{fffd}\u{2400}\u{a0}…←".chars() {
            assert!(!is_unsafe(c), "{c:?}");
        }
    }
}
