//! Directories of the host inside the instance.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use miette::{Diagnostic, SourceSpan};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a text is not a mount. Spans count within the text.
#[derive(Clone, Debug, PartialEq, Eq, Error, Diagnostic)]
pub enum MountError {
    /// Not of the form of a mount.
    #[error("must be a list of `host:guest` directories")]
    #[diagnostic(
        code(vagrantp::config::not_a_mount),
        help("write the host's path and the path inside, such as `.:/work` or `./data:/data:ro`")
    )]
    NotAMount {
        /// The entry.
        #[label("expected `host:guest` or `host:guest:ro`")]
        at: SourceSpan,
    },
    /// An option that is neither `ro` nor `rw`.
    #[error("has a mount option that is not known")]
    #[diagnostic(
        code(vagrantp::config::bad_mount_option),
        help("write `:ro` where the guest may only read, and nothing else")
    )]
    BadOption {
        /// The option.
        #[label("expected `ro`")]
        at: SourceSpan,
    },
    /// A guest path that is relative, the root or the kernel's, or climbs.
    #[error("mounts onto what is not a directory inside")]
    #[diagnostic(
        code(vagrantp::config::bad_guest_path),
        help("write an absolute path without `..` that is not `/` itself, such as `/work`")
    )]
    BadGuest {
        /// The path.
        #[label("{what}")]
        at: SourceSpan,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// A mount as it was written; nobody has looked yet whether the host's path is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenMount<'a> {
    /// The host's path, relative or absolute.
    pub host: &'a str,
    /// The absolute path inside, normalised.
    pub guest: PathBuf,
    /// Whether the guest may write.
    pub access: MountAccess,
}

impl<'a> WrittenMount<'a> {
    /// Reads `host:guest[:ro]`.
    pub fn parse(text: &'a str) -> Result<Self, MountError> {
        let not_a_mount = MountError::NotAMount { at: (0..text.len()).into() };
        let mut parts = text.split(':');
        let (Some(host), Some(guest)) = (parts.next(), parts.next()) else {
            return Err(not_a_mount);
        };
        let guest_from = host.len() + 1;
        let option_from = guest_from + guest.len() + 1;
        let access = match parts.next() {
            None | Some("rw") => MountAccess::ReadWrite,
            Some("ro") => MountAccess::ReadOnly,
            Some(_) => return Err(MountError::BadOption { at: (option_from..text.len()).into() }),
        };
        if host.is_empty() || guest.is_empty() || parts.next().is_some() {
            return Err(not_a_mount);
        }
        let at = SourceSpan::from(guest_from..guest_from + guest.len());
        Ok(WrittenMount { host, guest: guest_path(guest, at)?, access })
    }
}

/// An absolute path inside, without `.`, doubled or trailing slashes.
fn guest_path(text: &str, at: SourceSpan) -> Result<PathBuf, MountError> {
    let bad = |what| Err(MountError::BadGuest { at, what });
    if !text.starts_with('/') {
        return bad("expected an absolute path");
    }
    if text.chars().any(char::is_control) {
        return bad("a control character is in it");
    }
    if text.split('/').any(|part| part == "..") {
        return bad("`..` is in it");
    }
    let parts = text.split('/').filter(|part| !part.is_empty() && *part != ".");
    let path: PathBuf = std::iter::once("/").chain(parts).collect();
    if path.as_os_str() == "/" {
        return bad("the whole file system of the guest");
    }
    let kernels = ["/proc", "/sys", "/dev"].iter().any(|own| path.as_os_str() == *own);
    if kernels || path.starts_with("/proc") || path.starts_with("/sys") {
        return bad("this belongs to the guest's kernel");
    }
    Ok(path)
}

/// Whether the guest may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MountAccess {
    /// The guest may read and write.
    ReadWrite,
    /// The guest may read.
    ReadOnly,
}

/// One entry of MOUNTS: `host:guest[:ro]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mount {
    /// The absolute path inside.
    pub guest: PathBuf,
    /// The absolute path on the host, symlinks resolved.
    pub host: PathBuf,
    /// Whether the guest may write.
    pub access: MountAccess,
}

impl fmt::Display for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host.display(), self.guest.display())?;
        match self.access {
            MountAccess::ReadWrite => Ok(()),
            MountAccess::ReadOnly => f.write_str(":ro"),
        }
    }
}

/// A path as the kernel's tables of mounts have it: blanks, tabs, line ends and backslashes stand as three octal digits (proc(5)).
#[must_use]
pub fn unescaped(text: &[u8]) -> PathBuf {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let code = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code.filter(|_| *first == b'\\') {
            Some(code) => {
                plain.push(code);
                rest = &after[3..];
            }
            None => {
                plain.push(*first);
                rest = after;
            }
        }
    }
    PathBuf::from(OsString::from_vec(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_read_and_normalised() {
        let mount = |text| WrittenMount::parse(text).expect("a mount");
        assert_eq!(mount(".:/work").host, ".");
        assert_eq!(mount(".:/work").access, MountAccess::ReadWrite);
        assert_eq!(mount("./a b:/x//y/./z/:ro").guest, PathBuf::from("/x/y/z"));
        assert_eq!(mount("a:/b:ro").access, MountAccess::ReadOnly);
        assert_eq!(mount("a:/dev/shm/x").guest, PathBuf::from("/dev/shm/x"));
        assert_eq!(mount("a:/b:rw").access, MountAccess::ReadWrite);
    }

    #[test]
    fn the_kernels_spelling_of_a_path_is_read() {
        assert_eq!(unescaped(b"/a\\040b\\134c\\9"), PathBuf::from("/a b\\c\\9"));
    }

    #[test]
    fn bad_mounts_say_where() {
        for text in ["", ".", ".:", ":/x", ".:/x:ro:ro"] {
            let parsed = WrittenMount::parse(text);
            assert!(matches!(parsed, Err(MountError::NotAMount { .. })), "{text}: {parsed:?}");
        }
        let option = WrittenMount::parse(".:/x:Z");
        assert_eq!(option, Err(MountError::BadOption { at: (5..6).into() }));
        for text in
            [".:work", ".:/", ".:/.", ".:/a/../b", ".:/a\u{7}", ".:/proc/x", ".:/sys/", ".:/dev/."]
        {
            match WrittenMount::parse(text) {
                Err(MountError::BadGuest { at, .. }) => assert_eq!(at.offset(), 2, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
