//! Values → the text of a `.env` that says them, read alike by as many programs as can be.

/// `KEY=value` as a line of a file, without a line end; `None` where no line can say that: the key is
/// no key, or the value holds a NUL, which no file may.
#[must_use]
pub fn assignment(key: &str, value: &str) -> Option<String> {
    let starts = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
    let inner = |byte: u8| starts(&byte) || byte.is_ascii_digit() || byte == b'.';
    let is_key = key.as_bytes().first().is_some_and(starts) && key.bytes().all(inner);
    (is_key && !value.contains('\0')).then(|| format!("{key}={}", quoted(value)))
}

/// A whole file of assignments, one after the other; `None` where one of them cannot be written.
#[must_use]
pub fn file<'a>(assignments: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<String> {
    assignments.into_iter().map(|(key, value)| Some(assignment(key, value)? + "\n")).collect()
}

/// A value as it has to be written.
///
/// Bare where nothing in it could mean anything to anybody, in single quotes else: those are taken
/// literally by all that read such files. A `'`, which cannot stand in them, and a carriage return,
/// which would be lost before a line end, ask for double quotes and their escapes. So does a
/// backslash at the end: several other readers take `\'` as an escape even there.
#[must_use]
pub fn quoted(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:,@%+".contains(&byte);
    if value.bytes().all(plain) {
        return value.to_owned();
    }
    if !value.contains(['\'', '\r']) && !value.ends_with('\\') {
        return format!("'{value}'");
    }
    let mut out = "\"".to_owned();
    for c in value.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '"' | '\\' | '$' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_bare_then_single_then_double_quoted() {
        for (value, written) in [
            ("", ""),
            ("8080:80,auto:443/tcp", "8080:80,auto:443/tcp"),
            ("a b", "'a b'"),
            ("#x", "'#x'"),
            ("$X", "'$X'"),
            ("a\nb", "'a\nb'"),
            ("say \"hi\"", "'say \"hi\"'"),
            ("don't", "\"don't\""),
            ("it's $5 \\ \"x\"\r\n\t", r#""it's \$5 \\ \"x\"\r\n\t""#),
            ("C:\\dir\\", r#""C:\\dir\\""#),
            ("é", "'é'"),
        ] {
            assert_eq!(quoted(value), written);
        }
    }

    #[test]
    fn what_no_file_can_say_is_not_written() {
        assert_eq!(assignment("A.b_1", "x y").as_deref(), Some("A.b_1='x y'"));
        for (key, value) in [("", "x"), ("1A", "x"), ("A-B", "x"), ("é", "x"), ("A", "\0")] {
            assert_eq!(assignment(key, value), None, "{key:?}");
        }
        assert_eq!(file([("A", "1"), ("B", "")]).as_deref(), Some("A=1\nB=\n"));
        assert_eq!(file([("A", "1"), ("B C", "")]), None);
    }
}
