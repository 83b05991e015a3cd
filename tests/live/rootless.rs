//! The same life without root's rights: as the caller, or as the user that VAGRANTP_TEST_USER names.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use crate::cli_support::variable;
use crate::machine::{note, skipped};
use crate::podman_host::{containers_conf, end_service, write_rootfs};

/// A user without root's rights, with a home, an engine and a copy of vagrantp for one test.
pub(crate) struct Rootless {
    root: TempDir,
    user: String,
    uid: u32,
    pub(crate) name: String,
}

impl Rootless {
    /// Nothing where there is no such user, or no podman for it.
    pub(crate) fn new(name: &str) -> Option<Rootless> {
        let Some(user) = variable("VAGRANTP_TEST_USER") else {
            skipped("VAGRANTP_TEST_USER names no user to be rootless as");
            return None;
        };
        if !rustix::process::getuid().is_root() {
            skipped("only root can be somebody else");
            return None;
        }
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let entry = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let entry = entry.into_iter().find(|fields| fields[0] == user);
        let Some(uid) = entry.and_then(|fields| fields[2].parse().ok()) else {
            skipped(&format!("there is no user {user}"));
            return None;
        };
        let tun = std::fs::metadata("/dev/net/tun").map(|tun| tun.permissions().mode());
        if tun.is_ok_and(|mode| mode & 0o006 != 0o006) {
            // slirp4netns cannot be without it; devices of most hosts are for everybody (0666).
            skipped("/dev/net/tun is for root alone, and rootless networks need it");
            return None;
        }
        let root = tempfile::Builder::new().prefix("vpr").tempdir().expect("a directory");
        let name = format!("vpl-{name}-{}", std::process::id());

        let rootless = Rootless { root, user, uid, name };
        for dir in ["home", "project", "run", "bin", "state"] {
            rootless.own(&rootless.path(dir), None);
        }
        std::fs::copy(env!("CARGO_BIN_EXE_vagrantp"), rootless.path("bin/vagrantp"))
            .expect("copied");
        rootless.own(&rootless.path("bin/vagrantp"), Some(0o755));
        let rootfs = rootless.path("project/rootfs.tar");
        write_rootfs(&rootfs, "rootless");
        rootless.own(&rootfs, Some(0o644));
        rootless.own(rootless.root.path(), Some(0o755));
        rootless.env("");
        if !rootless.podman(&["info"]).status.success() {
            skipped("podman does not work for that user");
            return None;
        }
        Some(rootless)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Gives a file to the user, or makes a directory of its own where no mode is said.
    fn own(&self, path: &Path, mode: Option<u32>) {
        if mode.is_none() {
            std::fs::create_dir_all(path).expect("a directory");
        }
        chown(path, Some(self.uid), Some(self.uid)).expect("root may do that");
        let mode = std::fs::Permissions::from_mode(mode.unwrap_or(0o700));
        std::fs::set_permissions(path, mode).expect("root may do that");
    }

    /// The directory that holds everything of this test's.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    pub(crate) fn env(&self, more: &str) {
        let text = format!(
            "INFRA_TYPE=container\nINFRA_ID={}\nIMAGE=./rootfs.tar\nMEMORY=512M\nCPUS=1\n{more}",
            self.name
        );
        std::fs::write(self.path("project/.env"), text).expect("written");
        self.own(&self.path("project/.env"), Some(0o644));
    }

    /// A program that is to run as the user.
    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        #[expect(clippy::disallowed_methods, reason = "a test runs the program that it tests")]
        let mut command = Command::new("setpriv");
        let id = self.uid.to_string();
        command.args(["--reuid", &id, "--regid", &id, "--init-groups", "--inh-caps=-all", "--"]);
        command.arg(program).args(arguments);
        command.current_dir(self.path("project")).env_clear();
        command.env("PATH", variable("PATH").unwrap_or_default());
        command.env("HOME", self.path("home")).env("USER", &self.user);
        command.env("XDG_RUNTIME_DIR", self.path("run")).env("XDG_STATE_HOME", self.path("state"));
        if let Some(conf) = containers_conf(self.root.path()) {
            let own = self.path("containers.conf");
            std::fs::copy(&conf, &own).ok();
            self.own(&own, Some(0o644));
            command.env("CONTAINERS_CONF", own);
        }
        command
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        self.command(program, arguments).output().expect("setpriv can be run")
    }

    /// Starts a call and returns while it runs; `setpriv` makes way for it.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        let program = self.path("bin/vagrantp").display().to_string();
        let mut command = self.command(&program, arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it can be run")
    }

    fn podman(&self, arguments: &[&str]) -> Output {
        self.run("podman", arguments)
    }

    pub(crate) fn said(&self, arguments: &[&str]) -> String {
        let output = self.podman(arguments);
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    pub(crate) fn vagrantp(&self, arguments: &[&str]) -> String {
        let output = self.run(&self.path("bin/vagrantp").display().to_string(), arguments);
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let (out, errors) = (text(&output.stdout), text(&output.stderr));
        if !output.status.success() {
            let said = format!("{arguments:?}: {} {out} {errors}", output.status);
            // Said at once as well: what a report of many tests is cut to has it then.
            note(&said);
            panic!("{said}");
        }
        out
    }
}

impl Drop for Rootless {
    fn drop(&mut self) {
        self.podman(&["rm", "-a", "-f", "-t", "0"]);
        // Its storage is its own and goes with the directory; what holds its namespaces ends here.
        end_service(self.root.path());
        self.podman(&["system", "migrate"]);
    }
}

#[test]
fn a_whole_life_without_root() {
    let Some(user) = Rootless::new("noroot") else { return };
    let up = user.vagrantp(&["up"]);
    assert!(up.contains(&format!("{} is ready (created", user.name)), "{up}");
    assert_eq!(user.said(&["inspect", "--format", "{{.State.Status}}", &user.name]), "running");
    let again = user.vagrantp(&["--json", "up"]);
    assert!(again.contains("\"changed\": false"), "{again}");
    user.vagrantp(&["plan", "--exit-code"]);
    assert_eq!(user.vagrantp(&["ssh", "-c", "id -u; echo kept > /root/note"]), "0\n");
    user.vagrantp(&["stop"]);
    user.vagrantp(&["up"]);
    user.env("MOUNTS=.:/work\nPORTS=auto:80\n");
    user.vagrantp(&["up", "-y"]);
    user.vagrantp(&["plan", "--exit-code"]);
    assert_eq!(user.vagrantp(&["ssh", "-c", "cat /root/note; pwd"]), "kept\n/work\n");
    user.vagrantp(&["rm", "-y"]);
    assert_eq!(user.said(&["ps", "-aq"]), "");
    assert_eq!(user.said(&["network", "ls", "-q", "--filter", "label=io.vagrantp.uuid"]), "");
}

#[test]
fn limits_that_have_no_effect_are_said() {
    let Some(user) = Rootless::new("unlimited") else { return };
    let up = user.vagrantp(&["up"]);
    let status: serde_json::Value =
        serde_json::from_str(&user.vagrantp(&["--json", "status"])).expect("a document");
    let resources = &status["infrastructure"]["resources"];
    let limit = user.said(&["inspect", "--format", "{{.HostConfig.Memory}}", &user.name]);
    let shown = user.vagrantp(&["status"]);
    if resources["not_enforced"].as_array().expect("a list").is_empty() {
        assert_eq!(limit, (512_u64 << 20).to_string());
        assert!(!shown.contains("not enforced"), "{shown}");
    } else {
        assert_eq!(resources["not_enforced"][0], "memory", "{status:#}");
        assert_eq!(limit, "0");
        for text in [&up, &shown] {
            assert!(text.contains("512 MiB of memory, 1 CPU  (memory and CPUs not enforced)"));
        }
        let warning = status["warnings"][0].as_str().unwrap_or_else(|| panic!("{status:#}"));
        assert!(warning.starts_with("MEMORY and CPUS have no effect here"), "{warning}");
        // An edit that nothing comes of is told as well.
        for call in ["plan", "up"] {
            let said = user.vagrantp(&["--json", "--set", "MEMORY=700M", call]);
            let answer: serde_json::Value = serde_json::from_str(&said).expect("a document");
            let warning = answer["warnings"][0].as_str().unwrap_or_else(|| panic!("{answer:#}"));
            assert!(warning.starts_with("MEMORY and CPUS have no effect here"), "{warning}");
        }
    }
    user.vagrantp(&["rm", "-y"]);
}

#[test]
fn files_belong_to_the_caller() {
    let Some(user) = Rootless::new("owner") else { return };
    user.env("MOUNTS=.:/work\n");
    user.vagrantp(&["up"]);
    user.vagrantp(&["ssh", "-c", "echo made inside > /work/note"]);
    let mut open = vec![user.path("state"), user.path("run/vagrantp"), user.path("project/note")];
    let mut seen = 0;
    while let Some(path) = open.pop() {
        let metadata = std::fs::symlink_metadata(&path).expect("it is there");
        assert_eq!(metadata.uid(), user.uid, "{}", path.display());
        seen += 1;
        if metadata.is_dir() {
            let entries = std::fs::read_dir(&path).expect("it can be read").flatten();
            open.extend(entries.map(|entry| entry.path()));
        }
    }
    assert!(seen > 6, "state, run and project: {seen}");
    // The kernel's table of mounts is as readable without root's rights.
    let unguarded = || {
        let document = user.vagrantp(&["status", "--json"]);
        let document: serde_json::Value = serde_json::from_str(&document).expect("JSON");
        document["infrastructure"]["unguarded"].as_array().map(Vec::len)
    };
    assert_eq!(unguarded(), Some(0));
    let env = user.path("project/.env");
    std::fs::copy(&env, user.path("project/.new")).expect("copied");
    std::fs::rename(user.path("project/.new"), &env).expect("renamed");
    assert_eq!(unguarded(), Some(1));
    user.vagrantp(&["rm", "-y"]);
}

#[test]
fn what_cannot_be_frozen_is_refused_and_what_is_stopped_has_snapshots() {
    let Some(user) = Rootless::new("frozen") else { return };
    user.vagrantp(&["up"]);
    user.vagrantp(&["restart", "--force"]);
    user.vagrantp(&["ssh", "-c", "echo old > /root/note"]);
    if std::path::Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
        skipped("with version 2 of cgroups what is rootless can be frozen");
    } else {
        let program = user.path("bin/vagrantp").display().to_string();
        for arguments in [&["suspend", "--json"][..], &["snapshot", "create", "x", "--json"]] {
            let output = user.run(&program, arguments);
            let said = String::from_utf8_lossy(&output.stdout);
            assert_eq!(output.status.code(), Some(2), "{said}");
            assert!(said.contains("\"code\": \"UNSUPPORTED\""), "{said}");
            assert!(said.contains("`vagrantp stop` stops it"), "{said}");
        }
    }
    let state = ["inspect", "--format", "{{.State.Status}}", &user.name];
    assert_eq!(user.said(&state), "running", "it was left alone");
    user.vagrantp(&["stop", "--force"]);
    user.vagrantp(&["snapshot", "create", "old"]);
    user.vagrantp(&["up"]);
    user.vagrantp(&["ssh", "-c", "echo new > /root/note"]);
    user.vagrantp(&["snapshot", "revert", "old", "-y", "--force"]);
    assert_eq!(user.vagrantp(&["ssh", "-c", "cat /root/note"]), "old\n");
    user.vagrantp(&["rm", "-y"]);
    let left = user.said(&["images", "--format", "{{.Repository}}"]);
    assert!(!left.contains("/snapshot"), "{left}");
}

#[test]
fn networks_without_root_are_what_they_can_be() {
    let Some(user) = Rootless::new("rootnet") else { return };
    // The engine's own forwarder listens on IPv6 as well, and answers there.
    let [six, four] = [(); 2].map(|()| crate::podman_host::free_port());
    let ports = format!("PORTS=[::1]:{six}:80,{four}:80\nCOMMAND=httpd -f -p 80 -h /etc\n");
    user.env(&ports);
    user.vagrantp(&["up"]);
    for address in [format!("[::1]:{six}"), format!("127.0.0.1:{four}")] {
        let mut answer = String::new();
        crate::machine::until("it answers", || {
            use std::io::{Read, Write};
            answer.clear();
            let Ok(mut stream) = std::net::TcpStream::connect(&address) else { return false };
            let asked = stream.write_all(b"GET /issue HTTP/1.0\r\n\r\n");
            asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && !answer.is_empty()
        });
        assert!(answer.contains("rootless"), "{address}: {answer}");
    }
    // Alone there is nothing to keep apart.
    let forward = ["unshare", "--rootless-netns", "iptables", "-w", "-S", "FORWARD"];
    assert!(!user.said(&forward).contains("vagrantp"));
    user.said(&["network", "create", "--opt", "isolate=true", "second"]);
    user.vagrantp(&["restart"]);
    let rules = user.said(&forward);
    user.said(&["network", "rm", "second"]);
    let jump = rules.find("vagrantp keeps projects apart");
    let accepts = rules.find("-j NETAVARK_FORWARD");
    if rules.contains("NETAVARK_ISOLATION_1") {
        assert!(jump.is_some() && jump < accepts, "{rules}");
    }
    user.vagrantp(&["rm", "-y"]);

    user.env("PORTS=80:80\n");
    let vagrantp = user.path("bin/vagrantp").display().to_string();
    let refused = user.run(&vagrantp, &["--json", "up"]);
    let said = String::from_utf8_lossy(&refused.stdout).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("config::port_privileged"), "{said}");

    // A bridge of the host's is root's: said with the line, before anything is made.
    if !ip(&["link", "add", "vpbroot", "type", "bridge"]) {
        skipped("no bridge can be made here");
        return;
    }
    user.env("NETWORK_MODE=bridge\nBRIDGE=vpbroot\nIP_ADDRESS=10.179.1.5/24\nGATEWAY=10.179.1.1\n");
    let refused = user.run(&vagrantp, &["--json", "up"]);
    ip(&["link", "del", "vpbroot"]);
    let said = String::from_utf8_lossy(&refused.stdout).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    for part in ["UNSUPPORTED", "\"field\": \"NETWORK_MODE\"", "\"line\": 6"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(user.said(&["network", "ls", "-q", "--filter", "label=io.vagrantp.uuid"]), "");
}

/// Runs `ip` as root; whether it did it.
fn ip(arguments: &[&str]) -> bool {
    #[expect(clippy::disallowed_methods, reason = "a test makes what it needs of the host")]
    let mut command = Command::new("ip");
    command.args(arguments).output().is_ok_and(|output| output.status.success())
}
