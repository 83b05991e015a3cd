//! What vagrantp keeps can be deleted or spoiled at any moment: the provider knows.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::machine::{Machine, files_below, text};

#[test]
fn an_empty_state_directory_says_nothing() {
    let Some(machine) = Machine::new("empty", &[]) else { return };
    machine.ok(&["up"]);
    let id = machine.id();
    std::fs::remove_dir_all(machine.kept_in()).expect("it was there");
    assert_eq!(machine.state(), "running");
    let (exit, document) = machine.json(&["up"]);
    assert_eq!((exit, &document["changed"]), (0, &Value::Bool(false)));
    assert_eq!(machine.id(), id);
}

#[test]
fn every_verb_works_after_all_files_are_gone() {
    let lines = [("PORTS", "auto:80"), ("PORT_POOL", "23300-23309")];
    let Some(machine) = Machine::new("lost", &lines) else { return };
    let forget = || {
        for dir in ["state", "data", "cache", "config"] {
            let _ = std::fs::remove_dir_all(machine.root().join(dir));
        }
    };
    machine.ok(&["up"]);
    machine.inside("echo kept > /root/note");
    for (verb, state) in [
        (&["status"][..], "running"),
        (&["plan", "--exit-code"], "running"),
        (&["up"], "running"),
        (&["stop"], "stopped"),
        (&["status"], "stopped"),
        (&["stop"], "stopped"),
        (&["up"], "running"),
        (&["validate"], "running"),
        (&["list"], "running"),
    ] {
        forget();
        machine.ok(verb);
        assert_eq!(machine.state(), state, "{verb:?}");
    }
    forget();
    machine.env(&[lines[0], lines[1], ("MEMORY", "600M")]);
    machine.ok(&["up", "-y"]);
    assert_eq!(machine.inside("cat /root/note"), "kept");
    let ports = machine.inspect("{{.HostConfig.PortBindings}}");
    assert!(ports.contains("23300"), "the pick is kept: {ports}");
    forget();
    std::fs::remove_file(machine.dir().join(".env")).expect("it was there");
    machine.rm();
}

#[test]
fn torn_and_binary_files_are_warned_of_and_overcome() {
    let Some(machine) = Machine::new("torn", &[("PORTS", "auto:80")]) else { return };
    for (name, spoiled) in [("torn", &b"{\"schema\":1,"[..]), ("binary", b"\0\xff\xfe\x1b[2J")] {
        machine.ok(&["up"]);
        let files = files_below(&machine.kept_in());
        assert!(files.iter().any(|file| file.ends_with("record.json")), "{files:?}");
        for file in files {
            std::fs::write(machine.kept_in().join(file), spoiled).expect("spoiled");
        }
        assert_eq!(machine.state(), "running", "{name}");
        for verb in [&["up"][..], &["stop"], &["up"], &["list"]] {
            let ran = machine.ok(verb);
            assert!(!(ran.stdout + &ran.stderr).contains('\x1b'), "{name}: {verb:?}");
        }
        machine.ok(&["rm", "-y"]);
        assert_eq!(machine.objects(), [""; 0]);
        // What could not be read may be of use to somebody, and is set aside.
        assert!(machine.kept().iter().all(|file| file.contains("unreadable")), "{name}");
    }
}

#[test]
fn files_that_cannot_be_read_do_not_stop_a_reader() {
    let Some(machine) = Machine::new("unread", &[]) else { return };
    machine.ok(&["up"]);
    for file in files_below(&machine.kept_in()) {
        let path = machine.kept_in().join(file);
        std::fs::remove_file(&path).expect("it was there");
        std::fs::create_dir(&path).expect("a directory in its place");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).expect("private");
    }
    assert_eq!(machine.state(), "running");
    machine.ok(&["up"]);
    machine.ok(&["list"]);
}

#[test]
fn a_whole_life_without_memory() {
    let lines = [("PORTS", "auto:80"), ("PORT_POOL", "23310-23319"), ("INFRA_TTL", "8h")];
    let Some(machine) = Machine::new("amnesia", &lines) else { return };
    // Somebody has the first of the pool when the port is picked, and not any more afterwards.
    let first = std::net::TcpListener::bind("127.0.0.1:23310").expect("it is free");
    let forget = || {
        for dir in ["state", "data", "cache", "config"] {
            let _ = std::fs::remove_dir_all(machine.root().join(dir));
        }
    };
    machine.ok(&["up"]);
    drop(first);
    let check = |name: &str, state: &str| {
        forget();
        let (exit, document) = machine.json(&["status"]);
        let shape = &document["infrastructure"];
        assert_eq!((exit, &shape["state"]), (0, &state.into()), "{name}: {document:#}");
        let ports = &shape["networking"]["ports"];
        assert_eq!(ports[0]["host_port"], 23311, "{name}: the pick is kept");
        assert_eq!(shape["ttl"], "8h", "{name}");
        assert!(text(&shape["expires_at"]).ends_with('Z'), "{name}");
        forget();
    };
    check("up", "running");
    machine.ok(&["ssh", "-c", "echo kept > /root/note"]);
    check("ssh", "running");
    let verbs: [(&[&str], &str); 10] = [
        (&["stop"], "stopped"),
        (&["up"], "running"),
        (&["up", "-y"], "running"),
        (&["snapshot", "create", "one"], "running"),
        (&["snapshot", "list"], "running"),
        (&["snapshot", "revert", "one", "-y"], "running"),
        (&["restart"], "running"),
        (&["suspend"], "suspended"),
        (&["resume"], "running"),
        (&["gc"], "running"),
    ];
    for (verb, state) in verbs {
        if verb == ["up", "-y"] {
            machine.env(&[lines[0], lines[1], lines[2], ("MEMORY", "600M")]);
        }
        match verb {
            // On a shared engine, other tests may have something to collect.
            ["gc"] => drop(machine.ok(&["gc", "--dry-run"])),
            _ => drop(machine.ok(verb)),
        }
        check(&verb.join(" "), state);
        if state == "running" {
            assert_eq!(machine.ok(&["ssh", "-c", "cat /root/note"]).stdout, "kept\n", "{verb:?}");
            forget();
        }
    }
    // Renamed, as the .env asks.
    let renamed = format!("{}-r", machine.name);
    machine.env(&[lines[0], lines[1], lines[2], ("MEMORY", "600M"), ("INFRA_ID", &renamed)]);
    machine.ok(&["up", "-y"]);
    check("renamed", "running");
    let (exit, document) = machine.json(&["plan", "--exit-code"]);
    assert_eq!(exit, 0, "{document:#}");
    forget();
    machine.rm();
}
