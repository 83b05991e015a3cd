//! A saved plan that is no plan any more: `up --plan` refuses it, and the machine stays as it was.

use std::io::Write;

use serde_json::Value;

use crate::machine::{Machine, text};

#[test]
fn a_damaged_plan_changes_nothing() {
    let Some(machine) = Machine::new("badplan", &[]) else { return };
    machine.ok(&["up"]);
    machine.env(&[("MEMORY", "600M")]);
    // As it is printed: a call's output has the test's own paths taken out.
    let printed = machine.command(&["plan", "--json"]).output().expect("it runs").stdout;
    let plan = String::from_utf8(printed).expect("text");
    let seen = || machine.inspect("{{.Id}} {{.State.StartedAt}} {{.HostConfig.Memory}}");
    let before = seen();
    let changed = |change: fn(&mut Value)| {
        let mut document: Value = serde_json::from_str(&plan).expect("JSON");
        change(&mut document);
        document.to_string().into_bytes()
    };
    let mut binary = plan.clone().into_bytes();
    binary.extend([0, 0xff, 0xfe]);
    let huge = format!("{plan}{}", " ".repeat(64 << 20));
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("truncated", plan.as_bytes()[..plan.len() / 2].to_vec()),
        ("less its last byte", plan.trim_end().as_bytes()[..plan.trim_end().len() - 1].to_vec()),
        ("binary", b"\0\xff\xfe\x1b[2J".repeat(100)),
        ("binary behind it", binary),
        ("twice", plan.repeat(2).into_bytes()),
        ("of a later version", changed(|plan| plan["schema"] = 99.into())),
        ("of a later version inside", changed(|plan| plan["saved"]["schema"] = 99.into())),
        ("another document", b"{\"schema\":1,\"success\":true}".to_vec()),
        ("huge", huge.into_bytes()),
    ];
    for (what, content) in cases {
        std::fs::File::create(machine.dir().join("plan.json"))
            .and_then(|mut file| file.write_all(&content))
            .expect("written");
        let failure = machine.fails(&["up", "-y", "--plan", "plan.json"], 2, "USAGE");
        let error = &failure["error"];
        assert!(text(&error["message"]).contains("plan.json"), "{what}: {failure:#}");
        assert!(text(&error["suggestion"]).contains("vagrantp plan --json"), "{what}: {failure:#}");
        assert!(failure.to_string().len() < 10_000, "{what}");
        assert_eq!(seen(), before, "{what}");
    }
    // The whole one does what it says.
    std::fs::write(machine.dir().join("plan.json"), &plan).expect("written");
    machine.ok(&["up", "--plan", "plan.json"]);
    machine.settled();
    machine.rm();
}
