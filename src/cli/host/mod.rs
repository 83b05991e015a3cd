//! The one reader of ambient facts: environment, current directory, terminal, `/proc`, `/sys`.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::model::host::{HostFacts, OwnKey, Places};
use crate::model::shell::{Terminal, TerminalSize};
use crate::model::units::{Bytes, Memory};
use crate::plan::seen::FileFacts;

pub mod mounts;
pub mod networks;
pub mod ports;
pub mod stdio;

/// Reads the facts.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the process environment"
)]
#[must_use]
pub fn facts() -> HostFacts {
    // Names and values that are no UTF-8 cannot be referred to from a `.env`.
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let uid = rustix::process::getuid().as_raw();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let entry = passwd
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.get(2).and_then(|field| field.parse::<u32>().ok()) == Some(uid));
    let home = environment
        .get("HOME")
        .map(String::as_str)
        .filter(|home| home.starts_with('/'))
        .or_else(|| entry.as_ref().and_then(|fields| fields.get(5).copied()))
        .unwrap_or("/");
    let home = PathBuf::from(home);
    let bridges = bridges();
    let (memory_available, memory_total) = memory();
    HostFacts {
        uid,
        gid: rustix::process::getgid().as_raw(),
        user: entry
            .as_ref()
            .and_then(|fields| fields.first())
            .map(|name| (*name).to_owned())
            .or_else(|| environment.get("USER").cloned()),
        machine_id: machine_id(),
        cpus: std::thread::available_parallelism()
            .map_or(1, |cpus| u32::try_from(cpus.get()).unwrap_or(u32::MAX)),
        memory_available,
        memory_total,
        first_unprivileged_port: first_unprivileged_port(uid),
        attached: networks::attached(&bridges),
        bridges,
        places: places(&environment, &home, uid),
        distribution: distribution(),
        own_key: own_key(&home),
        home,
        environment,
    }
}

/// The caller's key, in the order in which the design names them. One whose public half lies not beside
/// it is passed over: telling it would take reading the private one.
fn own_key(home: &Path) -> Option<OwnKey> {
    ["id_ed25519", "id_ecdsa", "id_rsa"].iter().find_map(|name| {
        let private = home.join(".ssh").join(name);
        let public = private.with_extension("pub");
        // Nobody waits here for the writer of a pipe.
        if !private.is_file() || !public.is_file() {
            return None;
        }
        let text = std::fs::read_to_string(public).ok()?;
        let public = text.lines().next()?.trim().to_owned();
        (!public.is_empty()).then_some(OwnKey { private, public })
    })
}

/// The directory that the caller stands in.
///
/// # Errors
/// It was removed, or may not be read.
#[expect(clippy::disallowed_methods, reason = "this is the one place that asks for it")]
pub fn current_dir() -> std::io::Result<PathBuf> {
    std::env::current_dir()
}

/// Has a development build do what VAGRANTP_FAULT says at the point that it names, and write to
/// the file of VAGRANTP_FAULT_LOG which points it passes.
///
/// # Errors
/// What it says cannot be understood.
#[cfg(debug_assertions)]
pub fn arm(facts: &HostFacts) -> Result<(), String> {
    let of = |name| facts.environment.get(name);
    crate::deed::arm(of("VAGRANTP_FAULT"), of("VAGRANTP_FAULT_LOG"))
}

fn places(environment: &BTreeMap<String, String>, home: &Path, uid: u32) -> Places {
    // The specification tells to ignore relative paths.
    let base = |name: &str, fallback: PathBuf| {
        environment
            .get(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .unwrap_or(fallback)
            .join("vagrantp")
    };
    let run_user = PathBuf::from(format!("/run/user/{uid}"));
    let runtime = if run_user.is_dir() {
        run_user
    } else if uid == 0 {
        PathBuf::from("/run")
    } else {
        home.join(".cache/vagrantp-run")
    };
    Places {
        state: base("XDG_STATE_HOME", home.join(".local/state")),
        data: base("XDG_DATA_HOME", home.join(".local/share")),
        cache: base("XDG_CACHE_HOME", home.join(".cache")),
        runtime: base("XDG_RUNTIME_DIR", runtime),
    }
}

fn machine_id() -> String {
    // machine-id(5); a host without one is told apart by its name.
    let id = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
    let id = id.trim();
    if id.is_empty() {
        rustix::system::uname().nodename().to_string_lossy().into_owned()
    } else {
        id.to_owned()
    }
}

/// MemAvailable and MemTotal; where the kernel says nothing, nothing is held against a wish.
fn memory() -> (Memory, Memory) {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kibibytes = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
    };
    let of = |name| kibibytes(name).map_or(Memory(u64::MAX), |amount| Memory(amount / 1024));
    (of("MemAvailable"), of("MemTotal"))
}

fn first_unprivileged_port(uid: u32) -> u16 {
    if uid == 0 {
        return 1;
    }
    std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(1024)
}

fn bridges() -> Vec<String> {
    let Ok(entries) = std::fs::read_dir("/sys/class/net") else { return Vec::new() };
    let mut bridges: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.path().join("bridge").is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    bridges.sort();
    bridges
}

/// `ID` and then the words of `ID_LIKE`, from os-release(5).
fn distribution() -> Vec<String> {
    let text = std::fs::read_to_string("/etc/os-release")
        .or_else(|_| std::fs::read_to_string("/usr/lib/os-release"))
        .unwrap_or_default();
    let value = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
            .map(|value| value.trim_matches(['"', '\'']).to_owned())
            .unwrap_or_default()
    };
    let mut words = vec![value("ID")];
    words.extend(value("ID_LIKE").split_whitespace().map(str::to_owned));
    words.retain(|word| !word.is_empty());
    words
}

/// What is free in the file system that holds `path`, or the nearest directory above that exists.
#[must_use]
pub fn disk_free(path: &Path) -> Option<(PathBuf, Bytes)> {
    let there = path.ancestors().find(|ancestor| ancestor.is_dir())?;
    let stat = rustix::fs::statvfs(there).ok()?;
    Some((there.to_owned(), Bytes(stat.f_bavail.saturating_mul(stat.f_frsize))))
}

/// What tells this version of the file from another; none where it cannot be looked at.
#[must_use]
pub fn file_facts(path: &Path) -> Option<FileFacts> {
    let facts = std::fs::metadata(path).ok()?;
    Some(FileFacts {
        device: facts.dev(),
        inode: facts.ino(),
        size: facts.size(),
        modified: facts.mtime(),
        modified_nanos: facts.mtime_nsec(),
    })
}

/// Whether somebody can be asked: stdin and stderr are a terminal, and this is no CI job.
#[must_use]
pub fn can_ask(facts: &HostFacts) -> bool {
    let ci = facts.environment.get("CI").is_some_and(|ci| !ci.is_empty() && ci != "false");
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal() && !ci
}

/// Whether a terminal that this process was given has hung up since: nobody reads there any more, and
/// nobody types.
#[must_use]
pub fn terminal_is_gone() -> bool {
    let (input, output, errors) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    // Whatever is no terminal says so, and one that is there answers.
    [input.as_fd(), output.as_fd(), errors.as_fd()]
        .into_iter()
        .any(|stream| rustix::termios::tcgetattr(stream).is_err_and(|error| error == Errno::IO))
}

/// Whether stdin is a terminal.
#[must_use]
pub fn stdin_is_terminal() -> bool {
    std::io::stdin().is_terminal()
}

/// Whether stdout is a terminal.
#[must_use]
pub fn stdout_is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// The terminal on stdin, where there is one.
#[must_use]
pub fn terminal(facts: &HostFacts) -> Option<Terminal> {
    if !stdin_is_terminal() {
        return None;
    }
    let term = facts.environment.get("TERM").filter(|term| !term.is_empty());
    Some(Terminal {
        size: terminal_size().unwrap_or(TerminalSize { rows: 24, columns: 80 }),
        term: term.cloned().unwrap_or_else(|| "xterm".to_owned()),
    })
}

/// The size of the terminal on stdin.
#[must_use]
pub fn terminal_size() -> Option<TerminalSize> {
    let size = rustix::termios::tcgetwinsize(std::io::stdin()).ok()?;
    let known = size.ws_row > 0 && size.ws_col > 0;
    known.then_some(TerminalSize { rows: size.ws_row, columns: size.ws_col })
}

/// The width that text on stderr may have.
#[must_use]
pub fn width() -> usize {
    rustix::termios::tcgetwinsize(std::io::stderr())
        .ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|width| *width >= 40)
        .unwrap_or(80)
}

/// Puts the terminal on stdin into raw mode until the value is dropped.
pub struct RawMode {
    before: rustix::termios::Termios,
}

impl RawMode {
    /// Raw from here on; none where stdin is no terminal.
    #[must_use]
    pub fn enter() -> Option<Self> {
        let before = rustix::termios::tcgetattr(std::io::stdin()).ok()?;
        let mut raw = before.clone();
        raw.make_raw();
        let now = rustix::termios::OptionalActions::Now;
        rustix::termios::tcsetattr(std::io::stdin(), now, &raw).ok()?;
        Some(RawMode { before })
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        let drain = rustix::termios::OptionalActions::Drain;
        let _ = rustix::termios::tcsetattr(std::io::stdin(), drain, &self.before);
    }
}
