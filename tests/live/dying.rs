//! The moment in which Podman reports a state that it reports at no other time, many times over:
//! ten machines whose main processes end and are started again, under everybody's eyes.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::machine::{Machine, go, go_to, once_told, until};

const MACHINES: usize = 10;
const WATCHED: Duration = Duration::from_secs(4);

#[test]
fn dying_machines_are_never_answered_wrongly() {
    let command = once_told("sleep 1.6; exit 1");
    let lines = [("AUTOSTART", "true"), ("COMMAND", command.as_str())];
    let Some(machine) = Machine::new("dying", &lines) else { return };
    let mut dirs: Vec<PathBuf> = vec![machine.dir().to_owned()];
    for number in 1..MACHINES {
        let name = format!("{}-{number}", machine.name);
        let changes = [lines[0], lines[1], ("INFRA_ID", name.as_str())];
        dirs.push(machine.beside(&format!("p{number}"), &changes));
    }
    let each = |verb: &[&str]| {
        let start =
            |dir: &PathBuf| machine.start(&[&["-C", &dir.display().to_string()], verb].concat());
        let calls: Vec<_> = dirs.iter().map(start).collect();
        for call in calls {
            let ran = machine.end(call);
            assert_eq!(ran.status, 0, "{verb:?}: {} {}", ran.stdout, ran.stderr);
        }
    };
    each(&["up"]);
    for number in 0..MACHINES {
        let name = match number {
            0 => machine.name.clone(),
            _ => format!("{}-{number}", machine.name),
        };
        go_to(&machine, &name);
    }
    let at = |dir: &PathBuf, verb: &[&str]| {
        let dir = dir.display().to_string();
        let (exit, document) = machine.json(&[&["-C", &dir], verb].concat());
        assert_eq!(exit, 0, "{verb:?}: {document:#}");
        document
    };
    let begun = Instant::now();
    let (mut calls, mut restarts) = (0, 0);
    while begun.elapsed() < WATCHED {
        for dir in &dirs {
            let status = at(dir, &["status"]);
            let infrastructure = &status["infrastructure"];
            assert_eq!(infrastructure["state"], "running", "{status:#}");
            restarts = restarts.max(infrastructure["restarts"].as_u64().expect("a number"));
            let up = at(dir, &["up"]);
            assert_eq!(up["changed"], false, "nobody has to start it: {up:#}");
            let list = at(dir, &["list"]);
            let listed = list["instances"].as_array().expect("a list");
            let ours = listed
                .iter()
                .filter(|one| one["id"].as_str().is_some_and(|id| id.starts_with(&machine.name)));
            assert_eq!(ours.count(), MACHINES, "{list:#}");
            calls += 3;
        }
    }
    assert!(restarts >= 1 && calls >= 3 * MACHINES, "{restarts} restarts, {calls} calls");
    // And each of them is stopped and removed in the middle of it.
    each(&["stop"]);
    each(&["rm", "-y"]);
    until("nothing is left", || machine.objects().is_empty());
}

#[test]
fn what_dies_once_is_stopped_at_once_and_started_by_up() {
    let command = once_told("busybox rm /tmp/go; exit 7");
    let Some(machine) = Machine::new("once", &[("COMMAND", &command)]) else { return };
    for _ in 0..3 {
        machine.ok(&["up"]);
        go(&machine);
        let mut seen = Vec::new();
        until("it ends", || {
            let (exit, document) = machine.json(&["status"]);
            assert_eq!(exit, 0, "{document:#}");
            let infrastructure = &document["infrastructure"];
            seen.push(infrastructure["state"].as_str().expect("a state").to_owned());
            let stopped = infrastructure["state"] == "stopped";
            if stopped {
                assert_eq!(infrastructure["ended"]["status"], 7, "{document:#}");
            }
            stopped
        });
        assert!(seen.iter().all(|state| state == "running" || state == "stopped"), "{seen:?}");
    }
}
