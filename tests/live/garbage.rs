//! `gc`: what is left over goes, and nothing else.

use crate::machine::{Machine, text};
use crate::registry::engine_of_its_own;

fn names(machine: &Machine, arguments: &[&str]) -> Vec<String> {
    let (exit, document) = machine.json(arguments);
    assert_eq!(exit, 0, "{document:#}");
    let leftovers = document["leftovers"].as_array().expect("a list").clone();
    leftovers.iter().map(|leftover| text(&leftover["name"])).collect()
}

#[test]
fn what_no_machine_stands_behind_goes_and_nothing_else() {
    let machine = Machine::made("gc", &[], |project| engine_of_its_own(project, &[]));
    let Some(machine) = machine else { return };
    assert_eq!(machine.ok(&["gc"]).stdout, "There is nothing to remove.\n");
    machine.podman(&["import", "rootfs.tar", "localhost/mine:1"]);
    machine.podman(&["network", "create", "mine"]);
    machine.ok(&["up", "--no-start"]);

    // Another project, whose container somebody removed.
    let other = machine.beside("other", &[("INFRA_ID", "vpl-gc-other"), ("PORTS", "auto:80")]);
    std::fs::write(other.join("rootfs.tar"), rootfs(&machine)).expect("another image");
    let dir = other.display().to_string();
    machine.ok(&["-C", &dir, "up", "--no-start"]);
    machine.env(&[("MEMORY", "600M")]);
    machine.ok(&["up", "--no-start"]);
    assert_eq!(machine.ok(&["gc"]).stdout, "There is nothing to remove.\n", "both have machines");
    let before = machine.objects();
    machine.podman(&["rm", "-f", "vpl-gc-other"]);

    let found = names(&machine, &["gc", "--dry-run"]);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].starts_with("localhost/vagrantp/rootfs:"), "{found:?}");
    assert!(found[1].starts_with("vagrantp-"), "{found:?}");
    assert_eq!(found[2], "{root}/other");
    let document = machine.fails(&["gc"], 1, "CONFIRMATION_REQUIRED");
    assert_eq!(document["leftovers"].as_array().map(Vec::len), Some(3), "{document:#}");
    assert_eq!(names(&machine, &["gc", "--dry-run"]), found, "nothing was removed");

    let ran = machine.ok(&["gc", "-y"]);
    assert!(ran.stdout.starts_with("3 things removed"), "{}", ran.stdout);
    assert_eq!(machine.ok(&["gc"]).stdout, "There is nothing to remove.\n");
    let mut left = machine.objects();
    left.sort();
    let mut kept: Vec<String> =
        before.into_iter().filter(|object| !object.contains("gc-other")).collect();
    kept.retain(|object| *object != format!("network {}", found[1]));
    kept.sort();
    assert_eq!(left, kept, "the machine that there is has all of its own");
    machine.podman(&["image", "exists", "localhost/mine:1"]);
    machine.podman(&["network", "exists", "mine"]);
    assert!(!machine.kept_in().join("leases.json").exists(), "the port is free again");
    let (_, document) = machine.json(&["plan"]);
    assert_eq!(crate::machine::actions(&document), ["start"], "{document:#}");
    // The image that it was made from is needed no more when it is gone.
    machine.ok(&["rm", "-y"]);
    let found = names(&machine, &["gc", "-y"]);
    assert_eq!(found.len(), 1, "{found:?}");
    let images = machine.podman(&["images", "--all", "--format", "{{.Repository}}"]);
    assert_eq!(images, "localhost/mine");
}

/// A root file system that is another one by a byte at its end.
fn rootfs(machine: &Machine) -> Vec<u8> {
    let mut content = std::fs::read(machine.dir().join("rootfs.tar")).expect("it is there");
    content.extend([0; 512]);
    content
}
