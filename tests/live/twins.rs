//! One directory for several, and several for one: under sudo, two users on one engine, and two
//! containers that share its socket.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Child;

use serde_json::Value;

use crate::cli_support::variable;
use crate::machine::{Machine, files_below, skipped, text, until};

/// The user that VAGRANTP_TEST_USER names, for root to be.
fn other_user() -> Option<u32> {
    let user = variable("VAGRANTP_TEST_USER");
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let mut entries = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let entry = entries.find(|fields| user.as_deref() == Some(fields[0]));
    let uid = entry.and_then(|fields| fields.get(2)?.parse().ok());
    if uid.is_none() || !rustix::process::getuid().is_root() {
        skipped("it takes root, and VAGRANTP_TEST_USER to name another user");
        return None;
    }
    uid
}

fn give(path: &Path, uid: u32, mode: u32) {
    chown(path, Some(uid), Some(uid)).expect("root may do that");
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("root may do that");
}

/// Every file of a directory with its owner, to be compared.
fn owners(dir: &Path) -> Vec<(String, u32, u32)> {
    let of = |name: String| {
        let facts = fs::symlink_metadata(dir.join(&name)).expect("it is there");
        (name, facts.uid(), facts.mode())
    };
    files_below(dir).into_iter().map(of).collect()
}

#[test]
fn under_sudo_the_project_stays_the_users() {
    let Some(uid) = other_user() else { return };
    let Some(machine) = Machine::new("sudo", &[]) else { return };
    for entry in [".env", "rootfs.tar"] {
        give(&machine.dir().join(entry), uid, 0o644);
    }
    give(machine.dir(), uid, 0o755);
    let home = machine.root().join("theirs");
    fs::create_dir(&home).expect("a home");
    give(&home, uid, 0o755);
    let before = owners(machine.dir());
    let sudo = |arguments: &[&str], home: Option<&Path>| {
        let mut command = machine.command(arguments);
        command.env("SUDO_USER", "somebody").env("SUDO_UID", uid.to_string());
        command.env("SUDO_GID", uid.to_string());
        if let Some(home) = home {
            // As `sudo -E` has it, or a sudo that keeps HOME.
            command.env("HOME", home).env_remove("XDG_STATE_HOME");
        }
        machine.ran(command.output().expect("it runs"))
    };
    // Root's machine, of root's engine, in root's own books.
    let ran = sudo(&["up"], None);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let stamp: Value =
        serde_json::from_str(&machine.inspect("{{index .Config.Labels \"io.vagrantp.stamp\"}}"))
            .expect("a stamp");
    assert_eq!(stamp["uid"], 0, "{stamp}");
    assert_eq!(owners(machine.dir()), before, "not a file of the project's is another's now");
    assert_eq!(machine.dir().metadata().expect("facts").uid(), uid);
    // In the user's home nothing is made that the user could not use.
    for verb in [&["up"][..], &["status"], &["rm", "-y"]] {
        let ran = sudo(&[&["--json"][..], verb].concat(), Some(&home));
        let document: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        let error = &document["error"];
        assert_eq!((ran.status, &error["code"]), (1, &"PERMISSION_DENIED".into()), "{document:#}");
        assert!(text(&error["suggestion"]).contains("without sudo"), "{document:#}");
    }
    assert_eq!(files_below(&home), [""; 0]);
    assert_eq!(fs::read_dir(&home).expect("a home").count(), 0);
    let ran = sudo(&["rm", "-y"], None);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert_eq!(owners(machine.dir()), before);
    assert_eq!(machine.objects(), [""; 0]);
}

/// A service of root's that others may use, ended with the test.
struct Shared {
    service: Child,
    socket: PathBuf,
}

impl Shared {
    fn begun(machine: &Machine) -> Shared {
        let socket = machine.root().join("shared.sock");
        let address = format!("unix://{}", socket.display());
        let service = machine
            .program("podman")
            .args(["system", "service", "--time", "0", &address])
            .spawn()
            .expect("it can be run");
        until("the service listens", || socket.exists());
        fs::set_permissions(&socket, PermissionsExt::from_mode(0o666)).expect("root may do that");
        Shared { service, socket }
    }

    fn address(&self) -> String {
        format!("unix://{}", self.socket.display())
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let _ = self.service.kill();
        let _ = self.service.wait();
    }
}

#[test]
fn two_users_of_one_engine_leave_each_others_machines_alone() {
    let Some(uid) = other_user() else { return };
    let Some(machine) = Machine::new("users", &[]) else { return };
    fs::set_permissions(machine.root(), PermissionsExt::from_mode(0o755)).expect("ours");
    let shared = Shared::begun(&machine);
    let program = machine.root().join("vagrantp");
    fs::copy(env!("CARGO_BIN_EXE_vagrantp"), &program).expect("copied");
    fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("ours");
    // The other's project has the very same lines, and a home of its own.
    let theirs = machine.beside("theirs", &[]);
    for path in [&theirs, &machine.root().join("their-home")] {
        fs::create_dir_all(path).expect("a directory");
        give(path, uid, 0o755);
    }
    for entry in [".env", "rootfs.tar"] {
        give(&theirs.join(entry), uid, 0o644);
    }
    let own_env = |id: &str| {
        fs::write(theirs.join(".env"), machine.text(&[("INFRA_ID", id)])).expect("written");
    };
    let they = |dir: &Path, arguments: &[&str]| -> (i32, Value) {
        let mut command = machine.program(&program.display().to_string());
        command.arg("--json").args(arguments).current_dir(dir).uid(uid).gid(uid);
        for (name, place) in [
            ("HOME", ""),
            ("XDG_STATE_HOME", "state"),
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_DATA_HOME", "data"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_RUNTIME_DIR", "run"),
        ] {
            command.env(name, machine.root().join("their-home").join(place));
        }
        command.env("CONTAINER_HOST", shared.address());
        let ran = machine.ran(command.output().expect("it runs"));
        let document = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
        (ran.status, document)
    };
    machine.ok(&["up"]);
    let seen = |name: &str| machine.podman(&["inspect", "--format", FACTS, name]);
    let before = seen(&machine.name);
    for dir in [theirs.as_path(), machine.dir()] {
        let (status, document) = they(dir, &["up"]);
        assert_eq!((status, &document["error"]["code"]), (3, &"INFRA_EXISTS".into()));
        let message = text(&document["error"]["message"]);
        assert!(message.ends_with("belongs to another user's project (uid 0)"), "{message}");
        for verb in [&["stop"][..], &["restart"], &["suspend"], &["adopt", "-y"]] {
            let (status, document) = they(dir, verb);
            let expected = if verb[0] == "adopt" { 3 } else { 1 };
            let found = (status, &document["success"]);
            assert_eq!(found, (expected, &false.into()), "{verb:?} {document:#}");
        }
        for verb in [&["rm", "-y"][..], &["rm", "--all", "--force"], &["status"], &["gc", "-y"]] {
            let (status, document) = they(dir, verb);
            assert_eq!(status, 0, "{verb:?} {document:#}");
            assert_ne!(document["changed"], true, "{document:#}");
        }
        let (_, document) = they(dir, &["status"]);
        let warnings = document["warnings"].to_string();
        assert!(warnings.contains("another user's project (uid 0): that is left alone"));
        assert_eq!(seen(&machine.name), before);
    }
    // Under a name of its own it is a machine of its own, and neither shows in the other's list.
    let other = format!("{}-b", machine.name);
    own_env(&other);
    let (status, document) = they(&theirs, &["up"]);
    assert_eq!(status, 0, "{document:#}");
    let theirs_seen = seen(&other);
    for (document, name) in
        [(they(&theirs, &["list"]).1, &other), (machine.json(&["list"]).1, &machine.name)]
    {
        let list = document["instances"].as_array().expect("a list").clone();
        let ours = [&other, &machine.name];
        let names: Vec<String> = list.iter().map(|one| text(&one["name"])).collect();
        let shown: Vec<_> = names.iter().filter(|name| ours.contains(name)).collect();
        assert_eq!(shown, [name], "{document:#}");
    }
    for verb in [&["gc", "--dry-run", "--orphans"][..], &["-C", "../theirs", "rm", "-y"]] {
        machine.run(verb);
    }
    assert_eq!((seen(&machine.name), seen(&other)), (before, theirs_seen));
    let (status, document) = they(&theirs, &["rm", "-y"]);
    assert_eq!((status, &document["changed"]), (0, &true.into()), "{document:#}");
    machine.rm();
}

const FACTS: &str = "{{.Id}} {{.State.StartedAt}} {{.State.Status}} {{.Config.Labels}}";

/// Runs a line in a place where the projects' directory shows something else: as in a container that
/// has the engine's socket.
fn in_container(machine: &Machine, show: &Path, at: &Path, id: &str, line: &str) -> (i32, String) {
    let machine_id = machine.root().join(format!("machine-id-{id}"));
    fs::write(&machine_id, format!("{id:0>32}\n")).expect("written");
    let script = format!(
        "set -e; mount --bind '{}' /etc/machine-id; mount --bind '{}' '{}'; cd '{}'; exec {line}",
        machine_id.display(),
        show.display(),
        at.display(),
        at.display()
    );
    let mut command = machine.program("unshare");
    command.args(["--mount", "sh", "-c", &script]);
    let ran = machine.ran(command.output().expect("it runs"));
    (ran.status, format!("{}{}", ran.stdout, ran.stderr))
}

#[test]
fn two_containers_with_one_socket_are_two_hosts() {
    let Some(machine) = Machine::new("socket", &[]) else { return };
    if !rustix::process::getuid().is_root() || !fs::exists("/etc/machine-id").unwrap_or_default() {
        return skipped("it takes root to mount, and a machine-id to mount over");
    }
    let shared = Shared::begun(&machine);
    let program = env!("CARGO_BIN_EXE_vagrantp");
    let call =
        |arguments: &str| format!("env CONTAINER_HOST={} {program} {arguments}", shared.address());
    let (a, b) = (machine.dir().to_owned(), machine.beside("b", &[]));
    let there = machine.root().join("src");
    fs::create_dir(&there).expect("a directory");
    let run = |show: &Path, id: &str, arguments: &str| {
        in_container(&machine, show, &there, id, &call(arguments))
    };
    if in_container(&machine, &a, &there, "a", "true").0 != 0 {
        return skipped("nothing may be mounted here");
    }
    // One path, two directories, two containers: the second does not take the first's machine.
    let (status, said) = run(&a, "a", "up");
    assert_eq!(status, 0, "{said}");
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let facts = || machine.podman(&["inspect", "--format", FACTS, &machine.name]);
        let before = facts();
        for (arguments, expected) in [
            ("up", 3),
            ("up --recreate -y", 3),
            ("stop", 1),
            ("restart", 1),
            ("rm -y", 0),
            ("rm --all --force", 0),
        ] {
            let (status, said) = run(&b, "b", arguments);
            assert_eq!(status, expected, "{arguments}: {said}");
            assert!(said.contains(&machine.name), "{arguments} names it: {said}");
            assert_eq!(facts(), before, "{arguments}: {said}");
        }
        // The first one's directory at another path, in another container and on the host: it is
        // the machine of a project that moved, and is left alone.
        for (id, arguments, expected) in [("b", "up", 3), ("b", "stop", 1), ("b", "rm -y", 0)] {
            let elsewhere = machine.root().join("elsewhere");
            fs::create_dir_all(&elsewhere).expect("a directory");
            let (status, said) = in_container(&machine, &a, &elsewhere, id, &call(arguments));
            assert_eq!(status, expected, "{arguments}: {said}");
            let said = said.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>();
            let said = said.join(" ");
            assert!(said.contains("was made for this project when it was at"), "{said}");
            assert!(said.contains("`vagrantp adopt`"), "{said}");
            assert_eq!(facts(), before, "{arguments}: {said}");
        }
        // The container that made it finds it again.
        let (status, said) = run(&a, "a", "status");
        assert!(status == 0 && said.contains("running"), "{said}");
    }));
    let (status, said) = run(&a, "a", "rm -y");
    assert!(outcome.is_ok(), "{outcome:?}");
    assert_eq!(status, 0, "{said}");
    let left = machine.podman_output(&["container", "exists", &machine.name]);
    assert!(!left.status.success(), "it is gone");
}
