//! Which files there are, and their text: the only IO on the `.env` itself.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::FileError;
use super::keys::PREFIX;
use super::text::{Text, shown};
use crate::model::problem::Problem;

/// No configuration file is larger.
pub(super) const LARGEST: usize = 1 << 20;

/// The files that are read where none is given, the strongest last.
pub(super) const DEFAULT_FILES: [&str; 3] = ["vagrantp.env", ".env", ".env.local"];

/// A file to read: its name as the user would type it, and where it is.
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) path: PathBuf,
}

/// The files of a run: those given, else those of the directory that exist.
pub(super) fn wanted(dir: &Path, given: &[PathBuf]) -> Result<Vec<Wanted>, Problem> {
    if !given.is_empty() {
        let wanted =
            |path: &PathBuf| Wanted { name: path.display().to_string(), path: dir.join(path) };
        return Ok(given.iter().map(wanted).collect());
    }
    // A dangling symlink is there, and then says what is wrong with it.
    let exists = |name: &&str| fs::symlink_metadata(dir.join(name)).is_ok();
    let names: Vec<&str> = DEFAULT_FILES.into_iter().filter(exists).collect();
    if !names.iter().any(|name| *name != ".env.local") {
        // A directory that may not be looked into is not one without a `.env`.
        if let Err(cause) = fs::metadata(dir.join(".env"))
            && cause.kind() == io::ErrorKind::PermissionDenied
        {
            let path = shown(&dir.join(".env").display().to_string());
            return Err(FileError::Unreadable { path, cause }.into_problem());
        }
        let dir = shown(&dir.display().to_string());
        return Err(FileError::NoEnvFile { dir }.into_problem());
    }
    let wanted = |name: &str| Wanted { name: name.to_owned(), path: dir.join(name) };
    Ok(names.into_iter().map(wanted).collect())
}

/// What there is of a file.
pub(super) struct Found {
    /// Its text, without a byte order mark. Of a file that cannot be read there is at most an empty
    /// one, which has room for the place of what is wrong.
    pub(super) text: Text,
    /// Why it cannot be read.
    pub(super) problem: Option<Problem>,
    /// Whether it cannot be read, and says even so that only prefixed names are vagrantp's.
    pub(super) prefixed: bool,
}

/// Reads one file.
pub(super) fn read(source: usize, wanted: &Wanted) -> Found {
    let path = shown(&wanted.name);
    match bytes(&wanted.path, &path) {
        Ok(bytes) if bytes.len() <= LARGEST => {
            let (text, problem) = text_of(source, &wanted.name, &bytes);
            let prefixed = problem.is_some() && names_prefixed_type(&bytes);
            Found { text, problem, prefixed }
        }
        read => {
            let prefixed = read.as_ref().is_ok_and(|bytes| names_prefixed_type(bytes));
            let error = read.err().unwrap_or(FileError::TooLarge { path });
            let text = Text::new(source, &wanted.name, String::new());
            Found { text, problem: Some(error.into_problem()), prefixed }
        }
    }
}

/// Whether a line of bytes that are no text starts with `VAGRANTP_INFRA_TYPE`. NULs do not count:
/// every other byte of UTF-16, which some editors write, is one.
fn names_prefixed_type(bytes: &[u8]) -> bool {
    let bytes: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
    bytes.split(|byte| matches!(byte, b'\n' | b'\r')).any(|line| {
        // The marks of UTF-8 and UTF-16, and whatever else stands in front and is no ASCII.
        let skipped = |byte: &u8| byte.is_ascii_whitespace() || !byte.is_ascii();
        let start = line.iter().position(|byte| !skipped(byte)).unwrap_or(line.len());
        let line = &line[start..];
        let exported =
            line.strip_prefix(b"export").filter(|rest| rest.first().is_some_and(skipped));
        let word = exported.unwrap_or(line).trim_ascii_start();
        let word = word.strip_prefix(PREFIX.as_bytes());
        let rest = word.and_then(|word| word.strip_prefix(b"INFRA_TYPE"));
        let in_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
        rest.is_some_and(|rest| !rest.first().is_some_and(in_name))
    })
}

/// The text that the bytes of a file are, without a byte order mark.
pub(super) fn text_of(source: usize, name: &str, bytes: &[u8]) -> (Text, Option<Problem>) {
    let path = shown(name);
    let text = |text: String| Text::new(source, name, text);
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let (valid, invalid) = match std::str::from_utf8(bytes) {
        Ok(valid) => (valid, None),
        Err(error) => {
            let end = error.valid_up_to();
            (std::str::from_utf8(&bytes[..end]).unwrap_or_default(), Some(end))
        }
    };
    let nul = valid.find('\0');
    let Some(at) = nul.or(invalid) else { return (text(valid.to_owned()), None) };
    let place = text(format!("{} ", &valid[..at])).place(at..at + 1);
    let error = match nul {
        Some(_) => FileError::Nul { path, place },
        None => FileError::NotUtf8 { path, place },
    };
    let blank = |byte: u8| if byte == b'\n' { '\n' } else { ' ' };
    let room = valid.bytes().take(at).chain([b' ']).map(blank).collect();
    (text(room), Some(error.into_problem()))
}

/// The bytes of a file; of one that is too large, one more than it may have.
pub(super) fn bytes(path: &Path, name: &str) -> Result<Vec<u8>, FileError> {
    let path_shown = || name.to_owned();
    let failed = |cause: io::Error| match cause.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            FileError::Missing { path: path_shown() }
        }
        _ => FileError::Unreadable { path: path_shown(), cause },
    };
    // Looked at before it is opened: opening a pipe would wait for its other end.
    let metadata = fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        let help = match name {
            "vagrantp.env" | ".env" | ".env.local" => format!(
                "rename the directory and create a file `{name}` in its place; a line in it looks \
                 like `INFRA_TYPE=container`"
            ),
            _ => "name the file inside of it after `--env-file`, or the project with `-C DIR`"
                .to_owned(),
        };
        return Err(FileError::Directory { path: path_shown(), help });
    }
    if !metadata.is_file() {
        return Err(FileError::NotRegular { path: path_shown() });
    }
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0).min(LARGEST));
    file.take(LARGEST as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}
