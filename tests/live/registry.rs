//! A registry of a test's own, on the loopback address, and an engine of its own that knows it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use vagrantp::exec::Program;

use crate::cli_support::{Project, variable};
use crate::machine::skipped;
use crate::podman_host::free_port;

/// Who may use a registry that wants to know, with a password whose header is not the same in both
/// alphabets of base64.
pub(crate) const USER: &str = "me";
pub(crate) const PASSWORD: &str = "hush???>>>~~~??a";
/// The same as htpasswd keeps it.
const HTPASSWD: &str = "me:$2y$05$abcdefghijklmnopqrstuuaA6jd4fw6EhhjoZ1QeRmot5hUC2GdjS";

/// Whether it wants to know who asks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Open,
    Login,
}

pub(crate) struct Registry {
    child: Child,
    port: u16,
}

impl Registry {
    /// Nothing where there is no program for it.
    pub(crate) fn new(root: &Path, door: Door) -> Option<Registry> {
        let Ok(program) = Program::find("docker-registry", variable("PATH").as_deref()) else {
            skipped("docker-registry is not installed");
            return None;
        };
        let port = free_port();
        let dir = root.join(format!("registry-{port}"));
        std::fs::create_dir(&dir).expect("a directory");
        let mut conf = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage:\n  filesystem: {{rootdirectory: {}}}\n\
             http: {{addr: '127.0.0.1:{port}'}}\n",
            dir.join("store").display()
        );
        if door == Door::Login {
            let users = dir.join("htpasswd");
            std::fs::write(&users, HTPASSWD).expect("written");
            conf.push_str(&format!(
                "auth:\n  htpasswd: {{realm: test, path: {}}}\n",
                users.display()
            ));
        }
        let file = dir.join("conf.yml");
        std::fs::write(&file, conf).expect("written");
        #[expect(clippy::disallowed_methods, reason = "a test runs what it tests against")]
        let child = std::process::Command::new(program.path())
            .arg("serve")
            .arg(file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it can be run");
        let registry = Registry { child, port };
        let begun = Instant::now();
        while !registry.answers() {
            assert!(begun.elapsed() < Duration::from_secs(20), "the registry does not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(registry)
    }

    /// As it stands in references.
    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return false };
        let mut answer = [0; 9];
        stream.write_all(b"GET /v2/ HTTP/1.0\r\n\r\n").is_ok()
            && stream.read_exact(&mut answer).is_ok()
            && answer.starts_with(b"HTTP/1.")
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An engine that has nothing in common with the host's: what a test finds, pulls or removes there
/// is its own. Its networks are not: start nothing in it.
pub(crate) fn engine_of_its_own(project: Project, trusted: &[&Registry]) -> Project {
    let root = project.root();
    let place = |name: &str| root.join("engine").join(name).display().to_string();
    std::fs::create_dir(root.join("engine")).expect("a directory");
    let storage = format!(
        "[storage]\ndriver = \"vfs\"\ngraphroot = \"{}\"\nrunroot = \"{}\"\n",
        place("store"),
        place("run")
    );
    let engine = format!(
        "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=4096:4096\"]\n[engine]\n\
         {}lock_type = \"file\"\ntmp_dir = \"{}\"\nstatic_dir = \"{}\"\nvolume_path = \"{}\"\n\
         [network]\nnetwork_backend = \"netavark\"\nnetwork_config_dir = \"{}\"\n",
        if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
            ""
        } else {
            "runtime = \"runc\"\n"
        },
        place("tmp"),
        place("store/libpod"),
        place("store/volumes"),
        place("networks")
    );
    let trusted: String = trusted
        .iter()
        .map(|registry| {
            format!("[[registry]]\nlocation = \"{}\"\ninsecure = true\n", registry.host())
        })
        .collect();
    let mut project = project;
    for (variable, file, text) in [
        ("CONTAINERS_STORAGE_CONF", "storage.conf", storage),
        ("CONTAINERS_CONF", "containers.conf", engine),
        ("CONTAINERS_REGISTRIES_CONF", "registries.conf", trusted),
    ] {
        let path = root.join("engine").join(file);
        std::fs::write(&path, text).expect("written");
        project = project.with(variable, &path.display().to_string());
    }
    project
}
