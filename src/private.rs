//! What vagrantp keeps is its user's alone. A file, a directory or a socket of ours that is a symlink,
//! belongs to somebody else or can be written by others is refused, wherever it came from: what
//! stands in it could be anybody's words, and what is written there could land anywhere.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::model::plain::{one_line, quoted};

/// More than anything that vagrantp keeps in one file.
const LARGEST: u64 = 64 << 20;
/// What others could do with something of this mode: write it.
const OTHERS_WRITE: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// Why something is not trusted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{} {why}", path.display())]
pub struct Untrusted {
    path: PathBuf,
    why: Why,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
enum Why {
    #[error("is a symlink")]
    Symlink,
    #[error("is no {0}")]
    Kind(&'static str),
    #[error("belongs to the user with the id {0}")]
    Owner(u32),
    #[error("can be written by others (its mode is {0:03o})")]
    Writable(u32),
    #[error("is served by a process of the user with the id {0}")]
    Server(u32),
}

impl Untrusted {
    /// What to do about it; `variable` names another place for it.
    #[must_use]
    pub fn help(&self, variable: &str) -> String {
        let path = quoted(&one_line(&self.path));
        match &self.why {
            Why::Symlink => format!(
                "vagrantp follows no links among its own files: remove it (`rm {path}`), or name \
                 the place that it leads to with {variable}"
            ),
            Why::Kind(_) => {
                format!("move it away, or name another place with {variable}")
            }
            Why::Owner(_) => format!(
                "run vagrantp as that user, without sudo; if it is yours, take it back with `sudo \
                 chown -R \"$(id -u)\" {path}`; else name another place with {variable}"
            ),
            Why::Writable(_) => format!(
                "see whether what is in it is yours, then run `chmod go-w {path}`; or name another \
                 place with {variable}"
            ),
            Why::Server(_) => format!(
                "run vagrantp as that user, or unset {variable} to use an engine of your own"
            ),
        }
    }

    /// Whether it is about who listens at a socket.
    #[must_use]
    pub fn is_about_a_server(&self) -> bool {
        matches!(self.why, Why::Server(_))
    }

    /// The reason behind an error of the system's, where it is one of these.
    #[must_use]
    pub fn behind(error: &io::Error) -> Option<&Untrusted> {
        error.get_ref()?.downcast_ref()
    }
}

impl From<Untrusted> for io::Error {
    fn from(error: Untrusted) -> Self {
        io::Error::new(io::ErrorKind::PermissionDenied, error)
    }
}

/// The user that this process acts as.
fn myself() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn judge(path: &Path, facts: &Metadata, me: u32, wanted: &'static str) -> Result<(), Untrusted> {
    let kind = facts.file_type();
    let fits = match wanted {
        "directory" => kind.is_dir(),
        "socket" => kind.is_socket(),
        _ => kind.is_file(),
    };
    let mode = facts.mode() & 0o777;
    let why = if kind.is_symlink() {
        Why::Symlink
    } else if !fits {
        Why::Kind(wanted)
    } else if facts.uid() != me {
        Why::Owner(facts.uid())
    } else if mode & OTHERS_WRITE != 0 && wanted != "socket" {
        // A socket is as open as the directory that it is in.
        Why::Writable(mode)
    } else {
        return Ok(());
    };
    Err(Untrusted { path: path.to_owned(), why })
}

/// Looks at a directory of ours; one that is not there is no harm.
///
/// # Errors
/// It is not ours alone, with an [`Untrusted`] inside; or it cannot be looked at.
pub fn check_directory(path: &Path) -> io::Result<()> {
    check(path, "directory")
}

/// Looks at a socket of ours; one that is not there is no harm.
///
/// # Errors
/// As for [`check_directory`].
pub fn check_socket(path: &Path) -> io::Result<()> {
    check(path, "socket")
}

fn check(path: &Path, wanted: &'static str) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(facts) => Ok(judge(path, &facts, myself(), wanted)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Looks at the directory that ours is in: who may rename what is in it could put another one into
/// its place. It may be a symlink, and be root's; a place that everybody may write is fine where it
/// is sticky, as `/tmp` is. Where it is still to be made, the nearest one above is not a stranger's:
/// root, called by `sudo` with a user's HOME, makes nothing there that the user could not use later.
///
/// # Errors
/// As for [`check_directory`].
pub fn check_base(path: &Path) -> io::Result<()> {
    let facts = match fs::metadata(path) {
        Ok(facts) => facts,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let above = path.ancestors().find_map(|above| Some((above, fs::metadata(above).ok()?)));
            return match above {
                Some((above, facts)) if facts.uid() != 0 && facts.uid() != myself() => {
                    let why = Why::Owner(facts.uid());
                    Err(Untrusted { path: above.to_owned(), why }.into())
                }
                _ => Ok(()),
            };
        }
        Err(error) => return Err(error),
    };
    let why = match facts.uid() {
        uid if uid != 0 && uid != myself() => Why::Owner(uid),
        _ if facts.mode() & 0o002 != 0 && facts.mode() & STICKY == 0 => {
            Why::Writable(facts.mode() & 0o777)
        }
        _ => return Ok(()),
    };
    Err(Untrusted { path: path.to_owned(), why }.into())
}

/// Makes a directory for the owner alone, whatever the umask, and those above it; one that is there
/// has to be ours.
///
/// # Errors
/// As for [`check_directory`], or it cannot be made.
pub fn make_directory(path: &Path) -> io::Result<()> {
    // A link that leads nowhere would be in the way without being named.
    check_directory(path)?;
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    check_directory(path)
}

/// Opens a file of ours, with no link followed, and nothing waited for: in the place of a file may
/// stand a pipe. Where the options make it, it is for the owner alone.
///
/// # Errors
/// As for [`check_directory`], or it cannot be opened.
pub fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    use rustix::fs::OFlags;
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = match options.mode(0o600).custom_flags(flags).open(path) {
        Ok(file) => file,
        // The system's own words for a link (ELOOP) or a socket say less.
        Err(error) => {
            check(path, "regular file")?;
            return Err(error);
        }
    };
    judge(path, &file.metadata()?, myself(), "regular file")?;
    Ok(file)
}

/// The whole content of a file of ours.
///
/// # Errors
/// As for [`open`], or it is larger than anything that vagrantp keeps.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    open(path, OpenOptions::new().read(true))?.take(LARGEST + 1).read_to_end(&mut content)?;
    if content.len() as u64 > LARGEST {
        return Err(io::Error::other("it is larger than anything that vagrantp keeps"));
    }
    Ok(content)
}

/// Writes a whole file of ours, over what stands in it.
///
/// # Errors
/// As for [`open`].
pub fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = open(path, options.write(true).create(true).truncate(true))?;
    io::Write::write_all(&mut file, content)
}

/// Whether what is said at a socket is to be believed: whoever listens there is this user or root.
///
/// # Errors
/// Somebody else listens, with an [`Untrusted`] inside.
pub fn check_server(path: &Path, uid: u32) -> io::Result<()> {
    let full = || is_outside_every_namespace(&fs::read_to_string("/proc/self/uid_map").ok());
    if uid == 0 || uid == myself() || (uid == unmapped() && !full()) {
        return Ok(());
    }
    Err(Untrusted { path: path.to_owned(), why: Why::Server(uid) }.into())
}

/// The id that stands for users who have none in this namespace: inside of a container, those
/// outside of it.
fn unmapped() -> u32 {
    let text = fs::read_to_string("/proc/sys/kernel/overflowuid").unwrap_or_default();
    text.trim().parse().unwrap_or(65534)
}

/// Whether this map of user ids leaves nobody out.
fn is_outside_every_namespace(map: &Option<String>) -> bool {
    map.as_ref().is_none_or(|map| {
        let words: Vec<&str> = map.split_whitespace().collect();
        words == ["0", "0", "4294967295"]
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn why<T: std::fmt::Debug>(result: io::Result<T>) -> Why {
        let error = result.expect_err("is refused");
        Untrusted::behind(&error).unwrap_or_else(|| panic!("{error}")).why.clone()
    }

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_directory_is_ours_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (ours, link) = (dir.path().join("a/b"), dir.path().join("link"));
        make_directory(&ours).unwrap();
        assert_eq!(fs::metadata(&ours).unwrap().mode() & 0o777, 0o700);
        for (path, target) in [(&link, ours.as_path()), (&dir.path().join("gone"), Path::new("x"))]
        {
            symlink(target, path).unwrap();
            assert_eq!(why(make_directory(path)), Why::Symlink);
        }
        fs::write(dir.path().join("file"), "").unwrap();
        assert_eq!(why(check_directory(&dir.path().join("file"))), Why::Kind("directory"));
        for open in [0o770, 0o702, 0o777, 0o720] {
            mode(&ours, open);
            assert_eq!(why(make_directory(&ours)), Why::Writable(open));
        }
        mode(&ours, 0o755);
        make_directory(&ours).unwrap();
        check_directory(&dir.path().join("missing")).unwrap();
        let facts = fs::metadata(&ours).unwrap();
        let owner = judge(&ours, &facts, facts.uid() + 1, "directory").unwrap_err();
        assert_eq!(owner.why, Why::Owner(facts.uid()));
    }

    #[test]
    fn a_file_is_no_link_no_pipe_and_nobody_elses() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        write(&path("a"), b"1").unwrap();
        assert_eq!(read(&path("a")).unwrap(), b"1");
        assert_eq!(fs::metadata(path("a")).unwrap().mode() & 0o777, 0o600);
        symlink("a", path("link")).unwrap();
        symlink("nowhere", path("dead")).unwrap();
        for link in ["link", "dead"] {
            assert_eq!(why(read(&path(link))), Why::Symlink);
            assert_eq!(why(write(&path(link), b"2")), Why::Symlink);
        }
        assert_eq!(read(&path("a")).unwrap(), b"1");
        assert!(!path("nowhere").exists());
        rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe"), rustix::fs::Mode::RUSR).unwrap();
        assert_eq!(why(read(&path("pipe"))), Why::Kind("regular file"));
        let _listener = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        assert_eq!(why(read(&path("socket"))), Why::Kind("regular file"));
        check_socket(&path("socket")).unwrap();
        assert_eq!(why(check_socket(&path("a"))), Why::Kind("socket"));
        mode(&path("a"), 0o666);
        assert_eq!(why(read(&path("a"))), Why::Writable(0o666));
        assert_eq!(read(&path("missing")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn what_ours_stands_in_cannot_be_exchanged_by_others() {
        let dir = tempfile::tempdir().unwrap();
        check_base(dir.path()).unwrap();
        for (open, fine) in [(0o775, true), (0o777, false), (0o1777, true)] {
            mode(dir.path(), open);
            assert_eq!(check_base(dir.path()).is_ok(), fine, "{open:o}");
        }
        check_base(Path::new("/tmp")).unwrap();
        check_base(Path::new("/nonexistent/x")).unwrap();
        check_base(&dir.path().join("a/b/c")).unwrap();
        if myself() == 0 {
            std::os::unix::fs::chown(dir.path(), Some(12345), None).unwrap();
            assert_eq!(why(check_base(&dir.path().join("a/b/c"))), Why::Owner(12345));
        }
    }

    #[test]
    fn an_engine_is_ours_or_roots() {
        let socket = Path::new("/s");
        for uid in [0, myself()] {
            check_server(socket, uid).unwrap();
        }
        assert_eq!(why(check_server(socket, myself() + 7)), Why::Server(myself() + 7));
        assert!(is_outside_every_namespace(&Some("  0  0 4294967295\n".to_owned())));
        assert!(!is_outside_every_namespace(&Some("0 1000 1\n1 100000 65536\n".to_owned())));
    }

    #[test]
    fn each_reason_has_its_remedy() {
        for (why, words) in [
            (Why::Symlink, "rm '/s/x'"),
            (Why::Kind("directory"), "move it away"),
            (Why::Owner(7), "sudo chown -R"),
            (Why::Writable(0o777), "chmod go-w '/s/x'"),
            (Why::Server(7), "as that user"),
        ] {
            let error = Untrusted { path: "/s/x".into(), why };
            let help = error.help("XDG_STATE_HOME");
            assert!(help.contains(words) && help.contains("XDG_STATE_HOME"), "{help}");
        }
    }
}
