//! The files that a build is made from: the Containerfile's directory without what is ignored.
//! Walked in a fixed order, sent as a tarball that is never whole in memory, and told again by
//! two checksums: one of the files' facts, quickly had, and one of their content.

use std::fs::{self, File, FileType, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::ignore::Ignore;
use super::import::short;
use crate::exec::printable;
use crate::provider::ImageFault;

/// The files that say what is left out; the first that there is counts.
const IGNORE_FILES: [&str; 2] = [".containerignore", ".dockerignore"];

/// How much of a file is read at once.
const CHUNK: usize = 128 << 10;

/// A build's context.
#[derive(Clone, Debug)]
pub(super) struct Context {
    dir: PathBuf,
    recipe: String,
    ignore: Ignore,
    ignore_file: Option<&'static str>,
}

/// What is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// How many bytes.
    pub(super) size: u64,
    /// A checksum of names, sizes, rights and times.
    pub(super) sum: String,
}

/// Something in it.
struct Entry<'a> {
    /// Its path from the context's root.
    name: &'a str,
    path: &'a Path,
    facts: &'a Metadata,
}

impl Context {
    /// The context of a Containerfile.
    pub(super) fn of(recipe: &Path) -> io::Result<Context> {
        let dir = recipe.parent().unwrap_or(Path::new("/")).to_owned();
        let name = recipe.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for file in IGNORE_FILES {
            match fs::read_to_string(dir.join(file)) {
                Ok(text) => {
                    let ignore = Ignore::parse(&text);
                    return Ok(Context { dir, recipe: name, ignore, ignore_file: Some(file) });
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(bad(&dir, file, &error)),
            }
        }
        Ok(Context { dir, recipe: name, ignore: Ignore::default(), ignore_file: None })
    }

    /// The Containerfile's name within.
    pub(super) fn recipe(&self) -> &str {
        &self.recipe
    }

    /// What is in it, without reading a file.
    pub(super) fn facts(&self) -> io::Result<Facts> {
        let mut hash = Sha256::new();
        let mut size = 0;
        self.walk(&mut |entry| {
            size += length(entry);
            if is_wish(entry.name) {
                return Ok(());
            }
            describe(&mut hash, entry)?;
            for number in [entry.facts.mtime(), entry.facts.mtime_nsec(), entry.facts.ctime()] {
                hash.update(number.to_le_bytes());
            }
            hash.update(length(entry).to_le_bytes());
            Ok(())
        })?;
        Ok(Facts { size, sum: short(hash) })
    }

    /// A checksum of all that a build can see of it, less the files of the wish.
    pub(super) fn content(&self) -> io::Result<String> {
        self.read(None, &mut |_| {})
    }

    /// Writes it as a tarball, with the bytes so far told to `hear`; the checksum of its content.
    pub(super) fn write(
        &self,
        to: &mut dyn Write,
        hear: &mut dyn FnMut(u64),
    ) -> io::Result<String> {
        let mut tar = tar::Builder::new(to);
        let sum = self.read(Some(&mut tar), hear)?;
        tar.into_inner()?;
        Ok(sum)
    }

    fn read(
        &self,
        mut tar: Option<&mut tar::Builder<&mut dyn Write>>,
        hear: &mut dyn FnMut(u64),
    ) -> io::Result<String> {
        let mut hash = Sha256::new();
        let mut done = 0;
        self.walk(&mut |entry| {
            let mut aside = Sha256::new();
            let hash = if is_wish(entry.name) { &mut aside } else { &mut hash };
            describe(hash, entry)?;
            let file = entry.facts.is_file();
            if file {
                let file = File::open(entry.path).map_err(|e| bad(&self.dir, entry.name, &e))?;
                let mut data = Exactly {
                    file,
                    left: entry.facts.len(),
                    hash,
                    bad: &|error| bad(&self.dir, entry.name, error),
                };
                match tar.as_deref_mut() {
                    Some(tar) => tar.append_data(&mut header(entry), entry.name, &mut data)?,
                    None => drop(io::copy(&mut data, &mut io::sink())?),
                }
                done += entry.facts.len();
                hear(done);
            } else if let Some(tar) = tar.as_deref_mut() {
                let mut header = header(entry);
                if entry.facts.is_symlink() {
                    tar.append_link(&mut header, entry.name, fs::read_link(entry.path)?)?;
                } else {
                    tar.append_data(&mut header, entry.name, io::empty())?;
                }
            }
            Ok(())
        })?;
        Ok(short(hash))
    }

    fn walk(&self, visit: &mut dyn FnMut(&Entry<'_>) -> io::Result<()>) -> io::Result<()> {
        self.walk_below(&self.dir, "", visit)
    }

    fn walk_below(
        &self,
        dir: &Path,
        above: &str,
        visit: &mut dyn FnMut(&Entry<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let here = if above.is_empty() { "." } else { above.trim_end_matches('/') };
        let failed = |error: &io::Error| bad(&self.dir, here, error);
        let mut names = Vec::new();
        for entry in fs::read_dir(dir).map_err(|error| failed(&error))? {
            names.push(entry.map_err(|error| failed(&error))?.file_name());
        }
        names.sort_unstable();
        for name in names {
            let path = dir.join(&name);
            let Some(text) = name.to_str() else {
                let error = io::Error::other("its name is not UTF-8");
                let name = format!("{above}{}", name.to_string_lossy());
                if self.ignore.leaves_out(&name) {
                    continue;
                }
                return Err(bad(&self.dir, &name, &error));
            };
            let name = format!("{above}{text}");
            let needed = name == self.recipe || Some(name.as_str()) == self.ignore_file;
            let out = !needed && self.ignore.leaves_out(&name);
            if out && self.ignore.is_final() {
                continue;
            }
            let facts = fs::symlink_metadata(&path).map_err(|e| bad(&self.dir, &name, &e))?;
            if !out && is_sent(facts.file_type()) {
                visit(&Entry { name: &name, path: &path, facts: &facts })?;
            }
            if facts.is_dir() {
                self.walk_below(&path, &format!("{name}/"), visit)?;
            }
        }
        Ok(())
    }
}

/// The files that say what machine is wanted lie in the project's directory, which most contexts are.
/// They are sent like any other; that one was edited makes no image outdated.
fn is_wish(name: &str) -> bool {
    matches!(name, ".env" | ".env.local" | "vagrantp.env")
}

/// Sockets, pipes and devices mean nothing elsewhere.
fn is_sent(kind: FileType) -> bool {
    let special = kind.is_socket() || kind.is_fifo();
    !(special || kind.is_block_device() || kind.is_char_device())
}

fn length(entry: &Entry<'_>) -> u64 {
    if entry.facts.is_file() { entry.facts.len() } else { 0 }
}

/// What every checksum is of. A name is told apart from what follows it.
fn describe(hash: &mut Sha256, entry: &Entry<'_>) -> io::Result<()> {
    hash.update(entry.name.as_bytes());
    hash.update([0]);
    let mode = entry.facts.permissions().mode() & 0o7777;
    let kind = u32::from(entry.facts.is_dir()) + 2 * u32::from(entry.facts.is_symlink());
    // The rights of a link are nobody's.
    hash.update(
        [kind, if entry.facts.is_symlink() { 0 } else { mode }].map(u32::to_le_bytes).concat(),
    );
    if entry.facts.is_symlink() {
        hash.update(fs::read_link(entry.path)?.as_os_str().as_encoded_bytes());
        hash.update([0]);
    }
    Ok(())
}

/// As Podman sends it: the files are root's, whoever they belong to here.
fn header(entry: &Entry<'_>) -> tar::Header {
    let facts = entry.facts;
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(if facts.is_dir() {
        tar::EntryType::Directory
    } else if facts.is_symlink() {
        tar::EntryType::Symlink
    } else {
        tar::EntryType::Regular
    });
    header.set_mode(facts.permissions().mode() & 0o7777);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(u64::try_from(facts.mtime()).unwrap_or_default());
    header.set_size(length(entry));
    header
}

fn bad(dir: &Path, name: &str, error: &io::Error) -> io::Error {
    let name = printable(name);
    let help = format!("make it readable, or leave it out: a line `{name}` in .containerignore");
    io::Error::other(ImageFault::BadContext {
        context: printable(&dir.display().to_string()),
        reason: format!("{name} cannot be read: {error}"),
        help,
    })
}

/// A file of the length that was announced, whatever becomes of it meanwhile.
struct Exactly<'a> {
    file: File,
    left: u64,
    hash: &'a mut Sha256,
    bad: &'a dyn Fn(&io::Error) -> io::Error,
}

impl Read for Exactly<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len()).min(CHUNK);
        if most == 0 {
            return Ok(0);
        }
        let count = self.file.read(&mut buffer[..most]).map_err(|error| (self.bad)(&error))?;
        if count == 0 {
            return Err((self.bad)(&io::Error::other("it became shorter while it was sent")));
        }
        self.left -= count as u64;
        self.hash.update(&buffer[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a directory");
        for (name, text) in [
            ("Containerfile", "FROM scratch"),
            (".containerignore", "*.log\nsecret\n.containerignore\nContainerfile\n"),
            (".dockerignore", "src\n"),
            ("src/main.c", "int main;"),
            ("src/deep/er.log", "x"),
            ("a.log", "x"),
            ("secret/key", "x"),
        ] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, text).expect("written");
        }
        std::os::unix::fs::symlink("../..", dir.path().join("src/up")).expect("linked");
        drop(std::os::unix::net::UnixListener::bind(dir.path().join("sock")).expect("bound"));
        dir
    }

    fn of(dir: &tempfile::TempDir) -> Context {
        Context::of(&dir.path().join("Containerfile")).expect("readable")
    }

    #[test]
    fn it_is_sent_without_what_is_ignored_and_belongs_to_root() {
        let dir = project();
        let mut body = Vec::new();
        let mut heard = Vec::new();
        let context = of(&dir);
        let sum = context.write(&mut body, &mut |done| heard.push(done)).expect("written");
        let mut archive = tar::Archive::new(body.as_slice());
        let mut names = Vec::new();
        for entry in archive.entries().expect("a tarball") {
            let entry = entry.expect("an entry");
            let header = entry.header();
            assert_eq!((header.uid().ok(), header.gid().ok()), (Some(0), Some(0)));
            let kind = header.entry_type();
            let mark = if kind.is_dir() {
                "/"
            } else if kind.is_symlink() {
                "@"
            } else {
                ""
            };
            names.push(format!("{}{mark}", entry.path().expect("a name").display()));
        }
        assert_eq!(
            names,
            [
                ".containerignore",
                ".dockerignore",
                "Containerfile",
                "src/",
                "src/deep/",
                "src/deep/er.log",
                "src/main.c",
                "src/up@"
            ]
        );
        let facts = context.facts().expect("readable");
        assert_eq!(heard.last(), Some(&facts.size));
        assert_eq!(context.content().expect("readable"), sum);
    }

    #[test]
    fn what_a_build_sees_changes_the_sum_and_what_it_does_not_see_does_not() {
        let dir = project();
        let sums = || {
            let context = of(&dir);
            (context.facts().expect("readable").sum, context.content().expect("readable"))
        };
        let before = sums();
        fs::write(dir.path().join("secret/key"), "another").expect("written");
        assert_eq!(sums(), before);
        fs::write(dir.path().join(".env"), "CPUS=1").expect("written");
        assert_eq!(sums(), before, "the wish is not the image");
        let main = dir.path().join("src/main.c");
        fs::write(&main, "int main;").expect("written");
        let again = sums();
        assert_ne!(again.0, before.0, "its time is another");
        assert_eq!(again.1, before.1, "its content is not");
        fs::write(&main, "int niam;").expect("written");
        assert_ne!(sums().1, before.1);
        fs::write(&main, "int main;").expect("written");
        fs::set_permissions(&main, fs::Permissions::from_mode(0o755)).expect("set");
        assert_ne!(sums().1, before.1);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let dir = project();
        let name = std::ffi::OsStr::new("gone");
        std::os::unix::fs::symlink("nowhere", dir.path().join(name)).expect("linked");
        of(&dir).content().expect("a link is sent as a link, wherever it leads");
        let context = of(&dir);
        fs::remove_dir_all(dir.path()).expect("removed");
        let error = context.facts().expect_err("it is gone").downcast::<ImageFault>();
        assert!(matches!(error, Ok(ImageFault::BadContext { .. })), "{error:?}");
    }
}
