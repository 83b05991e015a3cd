//! What is whose: names, strangers, directories that move, and hands other than vagrantp's.

use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::machine::{Machine, actions, text, until};

#[test]
fn an_explicit_name_of_another_project_is_refused() {
    let Some(machine) = Machine::new("taken", &[]) else { return };
    let other = machine.beside("other", &[]);
    machine.ok(&["-C", &other.display().to_string(), "up"]);
    let id = machine.id();
    let failure = machine.fails(&["up"], 3, "INFRA_EXISTS");
    let expected = format!("the name `{}` belongs to the project in {{root}}/other", machine.name);
    assert_eq!(failure["error"]["message"], expected);
    assert_eq!(
        (&failure["error"]["field"], &failure["error"]["line"]),
        (&"INFRA_ID".into(), &2.into())
    );
    for verb in [&["stop"][..], &["rm", "-y"], &["rm", "--force"]] {
        machine.run(verb);
    }
    assert_eq!((machine.id(), machine.inspect("{{.State.Status}}")), (id, "running".to_owned()));
}

#[test]
fn what_vagrantp_did_not_make_is_never_touched() {
    let Some(machine) = Machine::new("foreign", &[]) else { return };
    machine.ok(&["up"]);
    let image = machine.inspect("{{.Image}}");
    let network =
        machine.inspect("{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}");
    machine.ok(&["rm", "-y"]);

    machine.podman(&["create", "--name", &machine.name, &image, "sleep", "9"]);
    let id = machine.id();
    let failure = machine.fails(&["up"], 3, "INFRA_EXISTS");
    assert!(text(&failure["error"]["message"]).ends_with("something that vagrantp did not make"));
    assert_eq!(machine.state(), "not_created");
    machine.fails(&["stop"], 1, "INFRA_NOT_FOUND");
    machine.ok(&["rm", "--force"]);
    assert_eq!(machine.id(), id);
    machine.podman(&["rm", "-f", &machine.name]);

    machine.podman(&["network", "create", &network]);
    let failure = machine.fails(&["up"], 1, "NETWORK_FAILED");
    machine.ok(&["rm", "-y"]);
    let still = machine.podman(&["network", "ls", "--format", "{{.Name}}"]);
    machine.podman(&["network", "rm", &network]);
    assert!(still.lines().any(|name| name == network), "{still}");
    assert!(text(&failure["error"]["message"]).contains(&network), "{failure:#}");
    assert_eq!(machine.objects(), [""; 0]);
}

#[test]
fn two_directories_of_one_name_both_come_up() {
    let Some(machine) = Machine::new("twins", &[]) else { return };
    let dirs = ["a", "b"]
        .map(|parent| machine.beside(&format!("{parent}/{}", machine.name), &[("INFRA_ID", "")]));
    let [a, b] = dirs.each_ref().map(|dir| dir.display().to_string());
    let up = |dir: &str| {
        let (exit, document) = machine.json(&["-C", dir, "up"]);
        assert_eq!(exit, 0, "{document:#}");
        let shape = &document["infrastructure"];
        (text(&shape["id"]), text(&shape["name"]), text(&shape["uuid"]))
    };
    let (first, second) = (up(&a), up(&b));
    assert_eq!((&first.0, &first.1), (&machine.name, &machine.name));
    assert_eq!(second.0, machine.name, "its id is its directory's name");
    let uuid: String = second.2.chars().filter(char::is_ascii_hexdigit).take(6).collect();
    assert_eq!(second.1, format!("{}-{uuid}", machine.name));
    for dir in [&a, &b] {
        assert_eq!(machine.run(&["-C", dir, "plan", "--exit-code"]).status, 0);
    }
    // The one without its own name is found all the same, and keeps the name that it has.
    machine.ok(&["-C", &a, "rm", "-y"]);
    let (exit, document) = machine.json(&["-C", &b, "status"]);
    assert_eq!((exit, &document["infrastructure"]["state"]), (0, &"running".into()));
    machine.ok(&["-C", &b, "stop"]);
    machine.ok(&["-C", &b, "rm", "-y"]);
    assert_eq!(machine.objects(), [""; 0]);
}

#[test]
fn rm_touches_no_other_project() {
    let Some(machine) = Machine::new("others", &[]) else { return };
    let other = format!("{}-o", machine.name);
    let dir = machine.beside("other", &[("INFRA_ID", &other)]);
    machine.ok(&["-C", &dir.display().to_string(), "up"]);
    let format = "{{.Id}} {{.State.StartedAt}} {{.State.Status}}";
    let before = machine.podman(&["inspect", "--format", format, &other]);
    machine.ok(&["up"]);
    for verb in [&["stop"][..], &["up"], &["rm", "--all", "-y"]] {
        machine.ok(verb);
    }
    assert_eq!(machine.podman(&["inspect", "--format", format, &other]), before);
    assert_eq!(
        machine.objects().len(),
        2,
        "its container and its network: {:?}",
        machine.objects()
    );
}

#[test]
fn a_symlink_to_the_directory_is_the_same_project() {
    let Some(machine) = Machine::new("link", &[]) else { return };
    let link = machine.root().join("elsewhere");
    symlink(machine.dir(), &link).expect("a symlink");
    machine.ok(&["up"]);
    let (exit, document) = machine.json(&["-C", &link.display().to_string(), "up"]);
    assert_eq!((exit, &document["changed"]), (0, &Value::Bool(false)), "{document:#}");
    machine.ok(&["-C", &link.display().to_string(), "rm", "-y"]);
    assert_eq!(machine.objects(), [""; 0]);
}

#[test]
fn a_moved_directory_gets_its_machine_by_adopt_and_another_by_new() {
    let Some(machine) = Machine::new("moved", &[]) else { return };
    for (step, id) in [("adopt", ""), ("new", "")] {
        let from = machine.beside(&format!("{}-{step}", machine.name), &[("INFRA_ID", id)]);
        let to = machine.root().join(format!("now-{}-{step}", machine.name));
        machine.also_at(&to);
        let name = format!("{}-{step}", machine.name);
        machine.ok(&["-C", &from.display().to_string(), "up"]);
        machine.podman(&["exec", &name, "sh", "-c", "echo kept > /root/note"]);
        std::fs::rename(&from, &to).expect("moved");
        let at = to.display().to_string();

        let failure = machine.fails(&["-C", &at, "up"], 3, "INFRA_EXISTS");
        let message = format!("`{name}` was made for this project when it was at {{root}}/{name}");
        assert_eq!(failure["error"]["message"], message);
        assert!(text(&failure["error"]["suggestion"]).starts_with("`vagrantp adopt`"));
        // Nothing to remove here, and the one that runs is named with the ways to get hold of it.
        let words = format!("{message}, and is left alone: `vagrantp adopt` takes it over");
        for (verb, exit) in [(&["rm", "-y"][..], 0), (&["status"], 0), (&["stop"], 1)] {
            let (status, document) = machine.json(&[&["-C", &at][..], verb].concat());
            assert_eq!(status, exit, "{verb:?}: {document:#}");
            let said = text(&document["warnings"][0]);
            assert!(said.starts_with(&words) && said.contains("gc --orphans"), "{said}");
        }
        let (_, document) = machine.json(&["list"]);
        let gone = format!("the directory of {name}, {{root}}/{name}, is gone");
        assert!(document["warnings"].to_string().contains(&gone), "{document:#}");
        if step == "adopt" {
            machine.ok(&["-C", &at, "adopt", "-y"]);
            machine.ok(&["-C", &at, "up"]);
            let (_, document) = machine.json(&["-C", &at, "status"]);
            let name = text(&document["infrastructure"]["name"]);
            assert_eq!(machine.podman(&["exec", &name, "cat", "/root/note"]), "kept");
            assert_eq!(machine.run(&["-C", &at, "plan", "--exit-code"]).status, 0);
            let (exit, again) = machine.json(&["-C", &at, "adopt"]);
            assert_eq!((exit, &again["changed"]), (0, &Value::Bool(false)), "{again:#}");
            machine.ok(&["-C", &at, "rm", "-y"]);
            assert_eq!(machine.objects(), [""; 0]);
        } else {
            let (exit, document) = machine.json(&["-C", &at, "up", "--new"]);
            assert_eq!((exit, &document["changed"]), (0, &Value::Bool(true)), "{document:#}");
            let new = text(&document["infrastructure"]["name"]);
            assert_eq!(machine.podman(&["exec", &new, "ls", "/root"]), "");
            assert_eq!(machine.podman(&["exec", &name, "cat", "/root/note"]), "kept");
        }
    }
}

#[test]
fn killed_from_outside_is_stopped() {
    let Some(machine) = Machine::new("killed", &[]) else { return };
    machine.ok(&["up"]);
    let id = machine.id();
    machine.inside("touch /root/note");
    machine.podman(&["kill", &machine.name]);
    until("the engine has noticed", || machine.inspect("{{.State.Status}}") == "exited");
    let status = machine.run(&["status"]);
    assert_eq!(status.status, 0, "{}", status.stderr);
    let (_, document) = machine.json(&["status"]);
    assert_eq!(document["infrastructure"]["state"], "stopped");
    let (_, document) = machine.json(&["stop"]);
    assert_eq!(document["changed"], false);
    machine.ok(&["up"]);
    assert_eq!((machine.id(), machine.inside("ls /root")), (id, "note".to_owned()));
}

#[test]
fn removed_renamed_and_paused_from_outside_is_mended() {
    let Some(machine) = Machine::new("outside", &[]) else { return };
    machine.ok(&["up"]);
    machine.podman(&["rm", "-f", "-t", "0", &machine.name]);
    assert_eq!(machine.state(), "not_created");
    machine.fails(&["stop"], 1, "INFRA_NOT_FOUND");
    let (exit, document) = machine.json(&["up"]);
    assert_eq!((exit, actions(&document)), (0, vec!["create".to_owned(), "start".to_owned()]));

    let id = machine.id();
    machine.podman(&["rename", &machine.name, &format!("{}-x", machine.name)]);
    assert_eq!(machine.state(), "running", "it is found under any name");
    let (exit, document) = machine.json(&["up"]);
    assert_eq!((exit, actions(&document)), (0, vec!["rename".to_owned()]), "{document:#}");
    assert_eq!(machine.id(), id);

    machine.podman(&["pause", &machine.name]);
    assert_eq!(machine.state(), "suspended");
    machine.ok(&["up"]);
    assert_eq!(machine.inspect("{{.State.Status}}"), "running");
    machine.podman(&["pause", &machine.name]);
    machine.ok(&["stop"]);
    assert_eq!(machine.state(), "stopped");

    machine.ok(&["up"]);
    machine.podman(&["rename", &machine.name, &format!("{}-y", machine.name)]);
    machine.rm();
}

#[test]
fn a_copied_directory_is_a_project_of_its_own() {
    let Some(machine) = Machine::new("copied", &[]) else { return };
    let dir = machine.beside(&format!("a/{}", machine.name), &[("INFRA_ID", "")]);
    machine.ok(&["-C", &dir.display().to_string(), "up"]);
    machine.inside("echo first > /root/note");
    let copy = machine.root().join(format!("b/{}", machine.name));
    std::fs::create_dir_all(copy.parent().expect("it has one")).expect("a directory");
    let copied = machine.program("cp").arg("-a").args([&dir, &copy]).output().expect("it runs");
    assert!(copied.status.success());
    machine.also_at(&copy);
    let at = copy.display().to_string();
    let (exit, document) = machine.json(&["-C", &at, "up"]);
    assert_eq!((exit, &document["changed"]), (0, &Value::Bool(true)), "{document:#}");
    let second = text(&document["infrastructure"]["name"]);
    assert!(second.starts_with(&format!("{}-", machine.name)), "{second}");
    assert_eq!(machine.podman(&["exec", &second, "ls", "/root"]), "", "it has files of its own");
    machine.ok(&["-C", &at, "rm", "-y"]);
    assert_eq!(machine.inside("cat /root/note"), "first");
}

#[test]
fn a_directory_that_is_mounted_twice_gets_no_second_machine_unasked() {
    let Some(machine) = Machine::new("mounted", &[("INFRA_ID", "")]) else { return };
    if !rustix::process::getuid().is_root() {
        return crate::machine::skipped("it takes root to mount");
    }
    let there = machine.root().join("mounted");
    std::fs::create_dir(&there).expect("a directory");
    machine.also_at(&there);
    let (from, at) = (machine.dir().display().to_string(), there.display().to_string());
    let mounted = machine.program("mount").args(["--bind", &from, &at]).output().expect("it runs");
    if !mounted.status.success() {
        return crate::machine::skipped("nothing may be mounted here");
    }
    let name = format!("project-{}", std::process::id());
    let set = format!("INFRA_ID={name}");
    machine.ok(&["--set", &set, "up"]);
    let seen = || machine.podman(&["inspect", &name]);
    let before = seen();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let failure = machine.fails(&["-C", &at, "--set", &set, "up"], 3, "INFRA_EXISTS");
        let message = text(&failure["error"]["message"]);
        assert!(message.contains("{root}/project"), "{message}");
        for verb in [&["stop"][..], &["rm", "-y"], &["rm", "--all", "--force"]] {
            let ran = machine.run(&[&["-C", &at, "--set", &set][..], verb].concat());
            let help = "`vagrantp -C '{root}/project' rm` removes it";
            assert!(ran.stderr.contains(help), "{verb:?}: {}", ran.stderr);
            assert_eq!(seen(), before, "{verb:?}");
        }
    }));
    let unmounted = machine.program("umount").arg(&at).output().expect("it runs");
    assert!(unmounted.status.success() && outcome.is_ok(), "{outcome:?}");
    machine.ok(&["--set", &set, "rm", "-y"]);
}
