//! Podman's storage damaged, and taken away as by a reset: with a storage of the test's own, and
//! everything else of Podman's besides, so that nobody but the test is hurt.

use std::path::{Path, PathBuf};

use crate::cli_support::variable;
use crate::machine::{Machine, actions, text};

/// A machine on an engine that shares nothing with the host's.
fn machine(name: &str, lines: &[(&str, &str)]) -> Option<Machine> {
    Machine::made(name, lines, |project| {
        let root = project.root();
        let given = crate::podman_host::containers_conf(&root).map(std::fs::read_to_string);
        let given = given.and_then(Result::ok).unwrap_or_default();
        let dir = |name: &str| {
            let path = root.join(name);
            std::fs::create_dir_all(&path).expect("a directory");
            path.display().to_string()
        };
        let conf = with(&given, "[engine]", &format!("tmp_dir = \"{}\"", dir("libpod")));
        let conf = with(&conf, "[network]", &format!("network_config_dir = \"{}\"", dir("nets")));
        let (graph, run) = (dir("graph"), dir("runroot"));
        let storage = format!(
            "[storage]\ndriver = \"overlay\"\ngraphroot = \"{graph}\"\nrunroot = \"{run}\"\n"
        );
        let file = |name: &str, text: &str| {
            std::fs::write(root.join(name), text).expect("a file");
            root.join(name).display().to_string()
        };
        let conf = file("own.conf", &conf);
        let storage = file("own-storage.conf", &storage);
        project.with("CONTAINERS_CONF", &conf).with("CONTAINERS_STORAGE_CONF", &storage)
    })
}

/// A line more in a table of a configuration.
fn with(conf: &str, table: &str, line: &str) -> String {
    match conf.contains(table) {
        true => conf.replace(table, &format!("{table}\n{line}")),
        false => format!("{conf}\n{table}\n{line}\n"),
    }
}

/// Unmounts what the engine mounted over its storage; rootless engines have none here.
fn unmounted(machine: &Machine) {
    let graph = machine.root().join("graph/overlay").display().to_string();
    drop(machine.program("umount").args(["-q", &graph]).output());
}

fn only_for_root() -> bool {
    let root = rustix::process::getuid().is_root();
    if !root || variable("CONTAINER_HOST").is_some() {
        crate::machine::skipped("only root's engine can be given a storage of its own");
    }
    root
}

fn remove(path: &Path) {
    std::fs::remove_dir_all(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

#[test]
fn a_container_whose_storage_is_damaged() {
    if !only_for_root() {
        return;
    }
    let Some(machine) = machine("damaged", &[]) else { return };
    machine.ok(&["up"]);
    machine.ok(&["stop"]);
    let layer = PathBuf::from(machine.inspect("{{.GraphDriver.Data.UpperDir}}"));
    remove(layer.parent().expect("a layer"));
    let (exit, document) = machine.json(&["status"]);
    assert_eq!((exit, &document["infrastructure"]["state"]), (0, &"error".into()));
    assert!(text(&document["infrastructure"]["damaged"]).contains("no such file"), "{document:#}");
    let failure = machine.fails(&["up"], 1, "INVALID_STATE");
    assert!(text(&failure["error"]["suggestion"]).contains("--recreate"), "{failure:#}");
    machine.fails(&["plan"], 1, "INVALID_STATE");
    machine.ok(&["stop"]);
    machine.ok(&["list"]);
    machine.ok(&["up", "--recreate"]);
    assert_eq!(
        (machine.state(), machine.inside("cat /etc/issue").is_empty()),
        ("running".into(), false)
    );
    machine.ok(&["stop"]);
    let layer = PathBuf::from(machine.inspect("{{.GraphDriver.Data.UpperDir}}"));
    remove(layer.parent().expect("a layer"));
    machine.rm();
    unmounted(&machine);
}

#[test]
fn podman_is_reset_under_a_running_service() {
    if !only_for_root() {
        return;
    }
    let Some(machine) = machine("reset", &[]) else { return };
    machine.ok(&["up"]);
    machine.ok(&["stop"]);
    // What `podman system reset` comes to, while a service goes on with what it knew.
    unmounted(&machine);
    for dir in ["graph", "runroot", "libpod", "nets"] {
        remove(&machine.root().join(dir));
    }
    assert_eq!(machine.state(), "not_created");
    let (_, plan) = machine.json(&["plan"]);
    assert_eq!(actions(&plan), ["fetch_image", "create_network", "create", "start"]);
    machine.ok(&["up"]);
    assert_eq!(machine.state(), "running");
    machine.settled();
    machine.rm();
    unmounted(&machine);
}

#[test]
fn a_name_that_only_the_storage_knows_is_told() {
    if !only_for_root() {
        return;
    }
    let Some(machine) = machine("external", &[]) else { return };
    machine.ok(&["up"]);
    machine.ok(&["stop"]);
    // The engine forgets its containers; what they were stored in stays.
    crate::podman_host::end_service(&machine.root());
    let books = machine.root().join("graph/libpod/bolt_state.db");
    if std::fs::remove_file(&books).is_err() {
        crate::machine::skipped("this podman keeps its books elsewhere");
        return;
    }
    assert_eq!(machine.state(), "not_created");
    let failure = machine.fails(&["up"], 3, "INFRA_EXISTS");
    let help = text(&failure["error"]["suggestion"]);
    assert!(help.contains(&format!("`podman rm {}`", machine.name)), "{failure:#}");
    machine.podman(&["rm", &machine.name]);
    machine.ok(&["up"]);
    machine.rm();
    unmounted(&machine);
}
