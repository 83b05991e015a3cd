//! What was done, by whom: kept when the machine is gone.

use serde_json::Value;

use crate::machine::{Machine, text};

fn history(machine: &Machine) -> Vec<Value> {
    let path = machine.kept_in().join("history/events.jsonl");
    let lines = std::fs::read_to_string(path).expect("there is a history");
    let event = |line: &str| serde_json::from_str(line).expect("one document a line");
    lines.lines().map(event).collect()
}

#[test]
fn each_verb_leaves_one_event() {
    let Some(machine) = Machine::new("history", &[]) else { return };
    for verb in [&["up"][..], &["stop"], &["up"], &["rm", "-y"]] {
        machine.ok(verb);
    }
    let events = history(&machine);
    let done: Vec<_> = events.iter().filter(|event| event["event"] == "step_done").collect();
    let said: Vec<_> =
        done.iter().map(|event| (text(&event["verb"]), text(&event["action"]))).collect();
    let expected = [
        ("up", "fetch_image"),
        ("up", "create_network"),
        ("up", "create"),
        ("up", "start"),
        ("stop", "stop"),
        ("up", "start"),
        ("rm", "stop"),
        ("rm", "remove"),
        ("rm", "remove_network"),
    ];
    let expected: Vec<_> =
        expected.map(|(verb, action)| (verb.to_owned(), action.to_owned())).into();
    assert_eq!(said, expected);
    let output = machine.program("id").arg("-un").output().expect("there is id");
    let user = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    for event in &events {
        assert_eq!(event["user"], user.as_str(), "{event}");
        assert_eq!(event["infra_id"], machine.name.as_str());
        assert!(text(&event["at"]).ends_with('Z'));
    }
    let mut times: Vec<_> = events.iter().map(|event| text(&event["at"])).collect();
    let written = times.clone();
    times.sort();
    assert_eq!(times, written, "in their order");
}

#[test]
fn readers_leave_no_history() {
    let Some(machine) = Machine::new("reads", &[]) else { return };
    machine.ok(&["up"]);
    let before = history(&machine).len();
    for verb in [&["status"][..], &["plan"], &["up"], &["list"], &["validate"], &["render"]] {
        machine.ok(verb);
    }
    assert_eq!(history(&machine).len(), before);
}
