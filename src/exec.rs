//! The one way to run programs: found on a given PATH, started without a shell, with their output
//! kept and their failure explained.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use thiserror::Error;

use crate::deed;
use crate::model::plain::is_unsafe;

pub mod confine;

/// A program that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    path: PathBuf,
}

/// Why a program could not do its work.
#[derive(Debug, Error)]
pub enum ExecError {
    /// It is not installed, or not on the PATH.
    #[error("there is no program {name} on the PATH")]
    NotFound {
        /// What was looked for.
        name: String,
    },
    /// It is there and cannot be started.
    #[error("{program} cannot be started")]
    Start {
        /// Which.
        program: String,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// It ended with something else than success.
    #[error("{command} ended with {status}: {said}")]
    Failed {
        /// The program and its arguments.
        command: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// The last lines that it wrote.
        said: String,
    },
}

/// What a program wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Byte for byte what stood on its stdout.
    pub stdout: Vec<u8>,
    /// Byte for byte what stood on its stderr.
    pub stderr: Vec<u8>,
}

/// Where a child that outlives its caller gets its stdin from.
#[derive(Debug)]
pub enum ChildInput {
    /// Nowhere.
    Nothing,
    /// This descriptor, whatever it is.
    Descriptor(OwnedFd),
}

impl deed::MadeUp for ExecError {
    fn made_up(deed: &str) -> Self {
        let cause = deed::MadeUp::made_up(deed);
        ExecError::Start { program: deed.to_owned(), cause }
    }
}

impl Program {
    /// Looks for a program in the directories of a PATH.
    ///
    /// # Errors
    /// There is none.
    pub fn find(name: &str, path: Option<&str>) -> Result<Program, ExecError> {
        which::which_in(name, path, "/")
            .map(|path| Program { path })
            .map_err(|_| ExecError::NotFound { name: name.to_owned() })
    }

    /// A program whose place is known.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Program {
        Program { path: path.into() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs it to its end, with nothing on its stdin. It does not outlive its caller: where nobody
    /// waits for it any more it is killed, and where vagrantp itself ends, in whatever way, it gets
    /// SIGTERM from the kernel.
    ///
    /// # Errors
    /// It cannot be started, or it failed.
    pub async fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Result<Output, ExecError> {
        let mut command = self.command(arguments);
        die_with_us(&mut command);
        let mut command = tokio::process::Command::from(command);
        command.stdin(Stdio::null()).kill_on_drop(true);
        let output = command.output().await.map_err(|cause| self.cannot_start(cause))?;
        if output.status.success() {
            return Ok(Output { stdout: output.stdout, stderr: output.stderr });
        }
        let said = if output.stderr.is_empty() { &output.stdout } else { &output.stderr };
        Err(ExecError::Failed {
            command: self.line(arguments),
            status: output.status,
            said: last_lines(&String::from_utf8_lossy(said), 5),
        })
    }

    /// Starts it as a child that goes on when its caller ends: `/` as directory, nothing on
    /// stdout, and on stderr the log where there is one. The variables are added to those that are
    /// passed on.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn spawn_detached<A: AsRef<OsStr>>(
        &self,
        arguments: &[A],
        variables: &[(OsString, OsString)],
        input: ChildInput,
        log: Option<std::fs::File>,
    ) -> Result<Child, ExecError> {
        let input = match input {
            ChildInput::Nothing => Stdio::null(),
            ChildInput::Descriptor(descriptor) => Stdio::from(descriptor),
        };
        self.command(arguments)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            .stdin(input)
            .stdout(Stdio::null())
            .stderr(log.map_or_else(Stdio::null, Stdio::from))
            .spawn()
            .map_err(|cause| self.cannot_start(cause))
    }

    /// Starts it with these as stdin, stdout and stderr. It is in a process group of its own, so that
    /// the signals of a terminal reach the caller alone, and ends with the value that is returned.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn spawn_with<A: AsRef<OsStr>>(
        &self,
        arguments: &[A],
        [stdin, stdout, stderr]: [OwnedFd; 3],
    ) -> Result<tokio::process::Child, ExecError> {
        let mut command = tokio::process::Command::from(self.command(arguments));
        command.current_dir("/").process_group(0).kill_on_drop(true);
        command.stdin(stdin).stdout(stdout).stderr(stderr);
        command.spawn().map_err(|cause| self.cannot_start(cause))
    }

    /// Becomes this program: on success there is nothing left that could return.
    #[must_use]
    pub fn replace_this_process<A: AsRef<OsStr>>(
        &self,
        arguments: &[A],
        variables: &[(OsString, OsString)],
        input: ChildInput,
    ) -> ExecError {
        let mut command = self.command(arguments);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        match input {
            ChildInput::Nothing => command.stdin(Stdio::null()),
            ChildInput::Descriptor(descriptor) => command.stdin(Stdio::from(descriptor)),
        };
        self.cannot_start(command.exec())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that starts programs, and says what they inherit"
    )]
    fn command<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        let mut command = Command::new(&self.path);
        let inherited = std::env::vars_os().filter(|(name, _)| is_passed_on(name));
        command.env_clear().envs(inherited).args(arguments);
        command
    }

    fn cannot_start(&self, cause: std::io::Error) -> ExecError {
        ExecError::Start { program: printable(&self.to_string()), cause }
    }

    fn line<A: AsRef<OsStr>>(&self, arguments: &[A]) -> String {
        let mut line = self.to_string();
        for argument in arguments {
            let argument = argument.as_ref().to_string_lossy();
            line.push(' ');
            line.push_str(&shlex::try_quote(&argument).unwrap_or(argument.clone()));
        }
        printable(&line)
    }
}

/// What programs get to see of the caller's environment: what they need to find their files, their
/// language and their network. The rest is the application's, or says what the machine shall be: its
/// secrets would stand in `/proc/PID/environ` of a service for as long as that runs.
const PASSED_ON: &[&str] = &[
    "DOCKER_CONFIG",
    "GNUPGHOME",
    "HOME",
    "HOSTNAME",
    "LANG",
    "LANGUAGE",
    "LOGNAME",
    "PATH",
    "SHELL",
    "TERM",
    "TMPDIR",
    "TZ",
    "USER",
    // A proxy that the engine has to go through, with its password where it has one: without it
    // nothing can be fetched.
    "ALL_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "all_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// The beginnings of further names.
const PASSED_ON_FAMILIES: &[&str] = &[
    "BUILDAH_",
    "CONTAINERS_",
    "DBUS_",
    "GODEBUG",
    "GOMAXPROCS",
    "LC_",
    "LD_",
    "LLVM_PROFILE_",
    "NETAVARK_",
    "PODMAN_",
    "REGISTRY_",
    "SSL_CERT_",
    "STORAGE_",
    "XDG_",
    "_CONTAINERS_",
];

fn is_passed_on(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| {
        PASSED_ON.contains(&name)
            || PASSED_ON_FAMILIES.iter().any(|family| name.starts_with(family))
    })
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

/// Has the kernel end a child when the thread that started it ends, which is vagrantp's first one,
/// and with it vagrantp.
#[expect(
    unsafe_code,
    reason = "what a child does between fork and exec; it makes two system calls"
)]
fn die_with_us(command: &mut Command) {
    use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};
    let parent = getpid();
    let before_exec = move || {
        set_parent_process_death_signal(Some(Signal::TERM))?;
        // It may have ended before this was said.
        if getppid() == Some(parent) { Ok(()) } else { Err(std::io::ErrorKind::Interrupted.into()) }
    };
    // SAFETY: prctl(2) and getppid(2) may be called there; nothing is allocated and no lock is taken.
    unsafe { command.pre_exec(before_exec) };
}

/// Text of someone else's, fit for a terminal: of the characters that steer one, or that hide in it,
/// the end of a line and the tab alone survive.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().filter(|c| matches!(c, '\n' | '\t') || !is_unsafe(*c)).collect()
}

/// The last lines of what a program wrote, fit for a terminal.
#[must_use]
pub fn last_lines(text: &str, count: usize) -> String {
    let text = printable(text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        assert_eq!(printable("a\x1b[31mb\r\nc\td\u{9b}e\x07\u{202e}"), "a[31mb\nc\tde");
        assert_eq!(last_lines("one\n\ntwo\nthree\n", 2), "two\nthree");
    }

    #[test]
    fn a_program_is_looked_for_where_it_is_said() {
        assert!(matches!(
            Program::find("sh", Some("/nowhere")),
            Err(ExecError::NotFound { name }) if name == "sh"
        ));
        assert!(Program::find("sh", Some("/nowhere:/bin:/usr/bin")).is_ok());
    }

    #[test]
    fn the_applications_environment_stays_with_the_caller() {
        let passed = |name: &str| is_passed_on(OsStr::new(name));
        for name in ["PATH", "HOME", "XDG_RUNTIME_DIR", "CONTAINERS_CONF", "LC_ALL", "https_proxy"]
        {
            assert!(passed(name), "{name}");
        }
        for name in ["VAGRANTP_COMMAND", "TOKEN", "DATABASE_URL", "AWS_SECRET_ACCESS_KEY", "PATHS"]
        {
            assert!(!passed(name), "{name}");
        }
    }

    #[tokio::test]
    async fn a_failure_names_the_arguments_and_what_was_said() {
        let shell = Program::find("sh", Some("/bin:/usr/bin")).expect("every host has sh");
        let failure = shell.run(&["-c", "echo first; echo \"\x1b]0;last\" >&2; exit 3"]).await;
        let text = failure.expect_err("it exits 3").to_string();
        assert!(text.contains("exit status: 3") && text.ends_with("]0;last"), "{text}");
        assert_eq!(shell.run(&["-c", "printf x"]).await.expect("it exits 0").stdout, b"x");
    }

    #[test]
    fn a_child_ends_with_the_thread_that_waits_for_it() {
        let shell = Program::find("sh", Some("/bin:/usr/bin")).expect("every host has sh");
        let place = tempfile::tempdir().expect("a directory");
        let file = place.path().join("pid");
        let line = format!("echo $$ > {}; exec sleep 60", file.display());
        let read = || std::fs::read_to_string(&file).ok()?.trim().parse::<i32>().ok();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("a runtime").block_on(async {
                    let arguments = ["-c", line.as_str()];
                    // Left running and never dropped, as when the process is killed.
                    let mut running = std::mem::ManuallyDrop::new(Box::pin(shell.run(&arguments)));
                    while read().is_none() {
                        let pause = tokio::time::sleep(std::time::Duration::from_millis(20));
                        tokio::select! {
                            _ = &mut *running => {}
                            () = pause => {}
                        }
                    }
                });
            });
        });
        let pid = read().expect("it had begun");
        for _ in 0..500 {
            let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            // Nobody waits for it here: what is left of it is a zombie.
            if state.is_empty() || state.contains(") Z ") {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("the child goes on");
    }
}
