//! QEMU's syntax of options: `kind,key=value,key=value`, with a comma inside of a value doubled.
//! Pure. What is written here can be read back, whatever a value holds.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// One argument of options, put together.
#[derive(Clone, Debug, Default)]
pub(super) struct Options(Vec<u8>);

impl Options {
    /// Begins with the kind: `user` of `-netdev user,id=net0`.
    pub(super) fn of(kind: &str) -> Options {
        Options(kind.as_bytes().to_vec())
    }

    /// Begins with nothing: every part has a key.
    pub(super) fn new() -> Options {
        Options::default()
    }

    /// Adds `key=value`.
    #[must_use]
    pub(super) fn with(mut self, key: &str, value: impl AsRef<OsStr>) -> Options {
        if !self.0.is_empty() {
            self.0.push(b',');
        }
        self.0.extend_from_slice(key.as_bytes());
        self.0.push(b'=');
        for byte in value.as_ref().as_bytes() {
            if *byte == b',' {
                self.0.push(b',');
            }
            self.0.push(*byte);
        }
        self
    }
}

impl From<Options> for OsString {
    fn from(options: Options) -> OsString {
        OsString::from_vec(options.0)
    }
}

/// The parts of an argument of options, as QEMU takes them apart: the first without a key is the
/// kind, and has an empty one here.
pub(super) fn parts(text: &OsStr) -> Vec<(String, OsString)> {
    let mut parts = vec![Vec::new()];
    let mut bytes = text.as_bytes().iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let last = parts.last_mut().expect("there is one from the start");
        match byte {
            b',' if bytes.peek() == Some(&b',') => {
                bytes.next();
                last.push(b',');
            }
            b',' => parts.push(Vec::new()),
            byte => last.push(byte),
        }
    }
    let part = |part: Vec<u8>| match part.iter().position(|byte| *byte == b'=') {
        Some(at) => {
            let key = String::from_utf8_lossy(&part[..at]).into_owned();
            (key, OsString::from_vec(part[at + 1..].to_vec()))
        }
        None => (String::new(), OsString::from_vec(part)),
    };
    parts.into_iter().map(part).collect()
}

/// The value of a key of an argument of options.
pub(super) fn value(text: &OsStr, key: &str) -> Option<OsString> {
    parts(text).into_iter().find(|(name, _)| name == key).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn commas_are_doubled_and_nothing_else_is_touched() {
        let text: OsString = Options::of("local")
            .with("id", "a")
            .with("path", "/a,b=c, readonly=off,,")
            .with("y", "1")
            .into();
        assert_eq!(text, "local,id=a,path=/a,,b=c,, readonly=off,,,,,y=1");
        assert_eq!(value(&text, "path").unwrap(), "/a,b=c, readonly=off,,");
        assert_eq!(value(&text, "y").unwrap(), "1");
        assert_eq!(value(&text, "readonly"), None);
        assert_eq!(value(&text, "").unwrap(), "local");
    }

    proptest! {
        #[test]
        fn a_value_can_be_no_other_option(values in prop::collection::vec(prop::collection::vec(1u8.., 0..12), 1..5)) {
            let mut options = Options::of("kind");
            for (number, value) in values.iter().enumerate() {
                options = options.with(&format!("k{number}"), OsStr::from_bytes(value));
            }
            let read = parts(&OsString::from(options));
            prop_assert_eq!(read.len(), values.len() + 1);
            for (number, value) in values.iter().enumerate() {
                prop_assert_eq!(&read[number + 1].0, &format!("k{number}"));
                prop_assert_eq!(read[number + 1].1.as_bytes(), value.as_slice());
            }
        }
    }
}
