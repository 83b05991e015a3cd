//! `restart`, `suspend`, `resume`: what they do to what runs inside, and where they make no sense.

use std::time::Duration;

use serde_json::Value;

use crate::machine::{Machine, actions, text};

/// Says a number every now and then.
const COUNTS: &str = r#"'sh -c "n=0; while :; do n=$((n+1)); echo $n; sleep 0.02; done"'"#;

fn status(machine: &Machine) -> String {
    machine.inspect("{{.State.Status}}")
}

/// How many lines the main process has written.
fn lines(machine: &Machine) -> usize {
    machine.podman(&["logs", &machine.name]).lines().count()
}

#[test]
fn restart_keeps_the_machine_and_applies_nothing() {
    let Some(machine) = Machine::new("restart", &[("PORTS", "auto:80")]) else { return };
    machine.ok(&["up"]);
    machine.inside("echo kept > /root/note");
    let facts = "{{.Id}} {{.HostConfig.PortBindings}} {{.HostConfig.Memory}}";
    let (before, pid) = (machine.inspect(facts), machine.inspect("{{.State.Pid}}"));
    machine.env(&[("PORTS", "auto:80"), ("MEMORY", "600M")]);
    let (exit, document) = machine.json(&["restart"]);
    assert_eq!((exit, &document["changed"]), (0, &Value::Bool(true)), "{document:#}");
    assert_eq!(actions(&document), ["stop", "start"]);
    assert_eq!(document["infrastructure"]["state"], "running");
    let warning = text(&document["warnings"][0]);
    assert!(warning.contains("MEMORY: 512 MiB → 600 MiB (.env:4)"), "{warning}");
    assert_eq!(machine.inspect(facts), before, "the very same container");
    assert_ne!(machine.inspect("{{.State.Pid}}"), pid, "and another process in it");
    assert_eq!(machine.inside("cat /root/note"), "kept");
    machine.env(&[("PORTS", "auto:80")]);
    machine.settled();

    machine.ok(&["stop"]);
    let (_, document) = machine.json(&["restart"]);
    assert_eq!(actions(&document), ["start"], "what is stopped is started");
    assert_eq!(document["warnings"], Value::Null);
    machine.ok(&["suspend"]);
    let (_, document) = machine.json(&["restart", "--force"]);
    assert_eq!(actions(&document), ["stop", "start"], "what is suspended goes down and up");
    assert_eq!(text(&document["plan"][0]["says"]), format!("Kill the container {}", machine.name));
    assert_eq!(
        (status(&machine).as_str(), machine.inside("cat /root/note").as_str()),
        ("running", "kept")
    );
    machine.rm();
}

#[test]
fn what_is_suspended_waits_and_goes_on() {
    let Some(machine) = Machine::new("suspend", &[("COMMAND", COUNTS)]) else { return };
    machine.ok(&["up"]);
    let process = "{{.Id}} {{.State.Pid}} {{.State.StartedAt}}";
    let before = machine.inspect(process);
    let (exit, document) = machine.json(&["suspend"]);
    assert_eq!((exit, &document["changed"]), (0, &Value::Bool(true)), "{document:#}");
    let shape = &document["infrastructure"];
    assert_eq!(
        (text(&shape["state"]), text(&shape["suspend_kind"])),
        ("suspended".into(), "memory".into())
    );
    assert_eq!(shape["last_stopped"], Value::Null, "what is frozen was not stopped");
    assert_eq!(status(&machine), "paused");
    let counted = lines(&machine);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(lines(&machine), counted, "nothing runs");

    let again = machine.json(&["suspend"]);
    assert_eq!((again.0, &again.1["changed"]), (0, &Value::Bool(false)));
    assert_eq!(machine.state(), "suspended");
    let ran = machine.run(&["ssh", "-c", "true"]);
    assert_eq!(ran.status, 255);
    assert!(ran.stderr.contains("`vagrantp resume` lets it go on"), "{}", ran.stderr);

    machine.ok(&["resume"]);
    assert_eq!(machine.inspect(process), before, "the same process goes on");
    crate::machine::until("it counts on", || lines(&machine) > counted + 2);
    let again = machine.json(&["resume"]);
    assert_eq!((again.0, &again.1["changed"]), (0, &Value::Bool(false)));

    machine.ok(&["suspend"]);
    let (_, document) = machine.json(&["up"]);
    assert_eq!(actions(&document), ["resume"], "`up` resumes too");
    assert_eq!(machine.inspect(process), before);
    machine.ok(&["suspend"]);
    machine.ok(&["stop"]);
    assert_eq!(machine.state(), "stopped");
    machine.rm();
}

#[test]
fn where_a_verb_makes_no_sense_it_says_so_and_does_nothing() {
    let Some(machine) = Machine::new("senseless", &[]) else { return };
    let verbs: [&[&str]; 8] = [
        &["restart"],
        &["suspend"],
        &["resume"],
        &["logs"],
        &["snapshot", "create"],
        &["snapshot", "list"],
        &["snapshot", "revert", "x", "-y"],
        &["snapshot", "rm", "x", "-y"],
    ];
    for verb in verbs {
        machine.fails(verb, 1, "INFRA_NOT_FOUND");
    }
    assert_eq!((machine.objects(), machine.kept()), (Vec::new(), Vec::new()));
    for prepare in [&["up", "--no-start"][..], &["restart"], &["stop"]] {
        machine.ok(prepare);
        if prepare == ["restart"] {
            continue;
        }
        for verb in ["suspend", "resume"] {
            let document = machine.fails(&[verb], 1, "INVALID_STATE");
            assert_eq!(document["error"]["suggestion"], "`vagrantp up` starts it", "{verb}");
        }
        assert!(["created", "exited"].contains(&status(&machine).as_str()));
    }
    // Without the `.env` they act on what exists.
    std::fs::remove_file(machine.dir().join(".env")).expect("it was there");
    for verb in ["restart", "suspend", "resume", "restart"] {
        machine.ok(&[verb]);
    }
    assert_eq!(status(&machine), "running");
    machine.ok(&["rm", "-y"]);
}

#[test]
fn a_restart_that_is_killed_is_put_right_by_up() {
    let Some(machine) = Machine::new("killed-restart", &[]) else { return };
    machine.ok(&["up"]);
    machine.inside("echo kept > /root/note");
    for delay in [60, 120, 200] {
        let mut restart = machine.start(&["restart"]);
        std::thread::sleep(Duration::from_millis(delay));
        restart.kill().expect("it is our own");
        machine.end(restart);
        machine.ok(&["up"]);
        assert_eq!(
            (status(&machine).as_str(), machine.inside("cat /root/note").as_str()),
            ("running", "kept")
        );
        machine.settled();
    }
    machine.rm();
}

#[test]
fn callers_queue() {
    let Some(machine) = Machine::new("queue", &[]) else { return };
    machine.ok(&["up"]);
    let verbs = ["restart", "suspend", "restart", "up", "restart"];
    let calls: Vec<_> = verbs.iter().map(|verb| machine.start(&[verb, "--json"])).collect();
    for (verb, call) in verbs.iter().zip(calls) {
        let ran = machine.end(call);
        assert_eq!(ran.status, 0, "{verb}: {} {}", ran.stdout, ran.stderr);
    }
    machine.ok(&["up"]);
    machine.settled();
    machine.rm();
}

#[test]
fn what_could_not_start_again_is_not_stopped() {
    let Some(machine) = Machine::new("mounts-gone", &[("MOUNTS", "./shared:/shared")]) else {
        return;
    };
    let shared = machine.dir().join("shared");
    std::fs::create_dir(&shared).expect("a directory to share");
    machine.ok(&["up"]);
    machine.ok(&["snapshot", "create", "now"]);
    std::fs::remove_dir(&shared).expect("it was there");
    for verb in [&["restart"][..], &["snapshot", "revert", "now", "-y"]] {
        let document = machine.fails(verb, 1, "INVALID_STATE");
        let message = text(&document["error"]["message"]);
        assert!(message.ends_with("/shared, which is gone"), "{message}");
        assert_eq!(status(&machine), "running", "{verb:?}");
    }
    std::fs::create_dir(&shared).expect("it is put back");
    machine.ok(&["restart"]);
    machine.ok(&["snapshot", "revert", "now", "-y"]);
    machine.rm();
}
