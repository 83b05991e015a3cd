//! Many callers at once: writers queue, readers never wait.

use std::time::{Duration, Instant};

use crate::machine::Machine;

#[test]
fn parallel_ups_make_one_container() {
    let Some(machine) = Machine::new("crowd", &[("PORTS", "auto:80")]) else { return };
    let calls: Vec<_> = (0..20).map(|_| machine.start(&["--json", "up"])).collect();
    let mut changed = 0;
    for call in calls {
        let ran = machine.end(call);
        let document = ran.document();
        assert_eq!(ran.status, 0, "{document:#}\n{}", ran.stderr);
        assert_eq!(document["infrastructure"]["state"], "running");
        changed += u32::from(document["changed"] == true);
    }
    assert_eq!(changed, 1, "one made it, the others found it made");
    assert_eq!(machine.objects().len(), 2, "{:?}", machine.objects());
    machine.settled();
    let calls: Vec<_> = (0..8).map(|_| machine.start(&["--json", "rm", "-y"])).collect();
    for call in calls {
        let ran = machine.end(call);
        assert_eq!(ran.status, 0, "{}\n{}", ran.stdout, ran.stderr);
    }
    assert_eq!(machine.objects(), [""; 0]);
    assert_eq!(machine.kept(), [""; 0]);
}

#[test]
fn two_projects_come_up_at_once() {
    let Some(machine) = Machine::new("two", &[]) else { return };
    let other = format!("{}-o", machine.name);
    let dir = machine.beside("other", &[("INFRA_ID", &other)]);
    let dir = dir.display().to_string();
    let calls = [machine.start(&["up"]), machine.start(&["-C", &dir, "up"])];
    for call in calls {
        let ran = machine.end(call);
        assert_eq!(ran.status, 0, "{}", ran.stderr);
    }
    // While one of them is held up, the other is free.
    machine.podman(&["pause", &other]);
    machine.ok(&["stop"]);
    machine.ok(&["-C", &dir, "stop"]);
}

#[test]
fn ups_stops_and_rms_in_any_order_end_well() {
    let Some(machine) = Machine::new("mixed", &[]) else { return };
    let verbs: [&[&str]; 4] = [&["up"], &["stop"], &["rm", "-y"], &["status"]];
    let calls: Vec<_> = (0..12).map(|index| machine.start(verbs[index % 4])).collect();
    for (index, call) in calls.into_iter().enumerate() {
        let ran = machine.end(call);
        let fine = ran.status == 0 || verbs[index % 4] == ["stop"] && ran.status == 1;
        assert!(fine, "{:?}: {} {}", verbs[index % 4], ran.status, ran.stderr);
    }
    machine.ok(&["up"]);
    machine.settled();
    machine.rm();
}

#[test]
fn readers_do_not_wait_for_a_writer() {
    let command = "sh -c 'trap \"\" TERM; while true; do sleep 0.1; done'";
    let lines = [("COMMAND", command), ("STOP_TIMEOUT", "6")];
    let Some(machine) = Machine::new("readers", &lines) else { return };
    machine.ok(&["up"]);
    let stop = machine.start(&["stop"]);
    std::thread::sleep(Duration::from_millis(400));
    let begun = Instant::now();
    assert_eq!(machine.state(), "stopping");
    for verb in [&["plan"][..], &["list"], &["validate"], &["ssh", "--info"], &["up", "--dry-run"]]
    {
        machine.ok(verb);
    }
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    let failure = machine.fails(&["--lock-timeout", "1", "rm", "-y"], 10, "LOCKED");
    let holder = format!("`vagrantp stop` (pid {}", stop.id());
    assert!(failure["error"]["message"].to_string().contains(&holder), "{failure:#}");
    assert_eq!(machine.end(stop).status, 0);
}
