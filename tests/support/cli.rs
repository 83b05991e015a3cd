//! The real binary in a project of its own, with an environment that holds nothing of the
//! caller's but what is listed here.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A project with directories of its own for everything that vagrantp keeps.
pub(crate) struct Project {
    root: TempDir,
    dir: PathBuf,
    variables: Vec<(String, String)>,
}

/// What a call came to.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit status; 128 plus the number where a signal ended it.
    pub(crate) status: i32,
    /// What it wrote to stdout, with the project's paths replaced.
    pub(crate) stdout: String,
    /// What it wrote to stderr, with the project's paths replaced.
    pub(crate) stderr: String,
}

impl Project {
    /// A directory named `project` with this `.env`.
    pub(crate) fn new(env: &str) -> Self {
        let project = Project::named("project");
        project.file(".env", env);
        project
    }

    /// An empty directory of this name.
    pub(crate) fn named(name: &str) -> Self {
        // Always as long: messages are wrapped after the paths in them.
        let root = tempfile::Builder::new().prefix("vp").tempdir_in("/tmp").expect("a directory");
        let dir = root.path().canonicalize().expect("a real path").join(name);
        std::fs::create_dir(&dir).expect("a project");
        Project { root, dir, variables: Vec::new() }
    }

    /// Another project that shares this one's home, state and provider.
    pub(crate) fn sibling(&self, name: &str, env: &str) -> PathBuf {
        let dir = self.root().join(name);
        std::fs::create_dir_all(&dir).expect("a project");
        std::fs::write(dir.join(".env"), env).expect("a file");
        dir
    }

    /// Sets a variable of the environment for every later call.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The project's directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The directory that holds everything of this test's.
    pub(crate) fn root(&self) -> PathBuf {
        self.root.path().canonicalize().expect("a real path")
    }

    /// `$XDG_STATE_HOME/vagrantp`.
    pub(crate) fn state(&self) -> PathBuf {
        self.root().join("state/vagrantp")
    }

    /// Writes a file of the project's.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir.join(name);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("a directory");
        std::fs::write(&path, content).expect("a file");
        path
    }

    /// A call that is not started yet.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        let mut command = self.program(env!("CARGO_BIN_EXE_vagrantp"));
        command.args(arguments);
        command
    }

    /// Another program, in the same surroundings as the calls.
    pub(crate) fn program(&self, program: &str) -> Command {
        #[expect(clippy::disallowed_methods, reason = "a test runs the program that it tests")]
        let mut command = Command::new(program);
        let root = self.root();
        command.current_dir(&self.dir).env_clear().stdin(Stdio::null());
        for (name, place) in [
            ("HOME", "home"),
            ("XDG_STATE_HOME", "state"),
            ("XDG_DATA_HOME", "data"),
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_RUNTIME_DIR", "run"),
        ] {
            command.env(name, root.join(place));
        }
        for name in ["PATH", "CONTAINERS_CONF", "LLVM_PROFILE_FILE"] {
            command.envs(variable(name).map(|value| (name, value)));
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a call to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().expect("it can be run");
        self.ran(output)
    }

    /// Runs a call to its end, with this on its stdin.
    pub(crate) fn run_with(&self, arguments: &[&str], stdin: &[u8]) -> Ran {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it can be run");
        let mut pipe = child.stdin.take().expect("a pipe");
        let stdin = stdin.to_owned();
        let writer = std::thread::spawn(move || pipe.write_all(&stdin));
        let output = child.wait_with_output().expect("it ends");
        let _ = writer.join();
        self.ran(output)
    }

    /// The outcome of a call, with this test's paths replaced by `{root}`.
    pub(crate) fn ran(&self, output: Output) -> Ran {
        use std::os::unix::process::ExitStatusExt;
        let root = self.root().display().to_string();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).replace(&root, "{root}");
        let status = output.status;
        Ran {
            status: status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default()),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Runs a call that has to succeed.
    pub(crate) fn ok(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        if ran.status != 0 {
            let said = format!("{arguments:?}: {}\n{}\n{}", ran.status, ran.stdout, ran.stderr);
            // Said at once as well: what a report of many tests is cut to has it then.
            let _ = writeln!(std::io::stderr(), "{said}");
            panic!("{said}");
        }
        ran
    }

    /// Runs a call with `--json`, which has to answer with one document.
    pub(crate) fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let mut all = vec!["--json"];
        all.extend(arguments);
        let ran = self.run(&all);
        (ran.status, ran.document())
    }
}

impl Ran {
    /// Stdout as one JSON document.
    pub(crate) fn document(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}\n{}\n{}", self.stdout, self.stderr))
    }
}

/// A variable of the test's own environment.
#[expect(clippy::disallowed_methods, reason = "a test takes its surroundings from who runs it")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
