//! Many callers at once: writers queue, readers never wait.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cli_support::Ran;
use crate::killed::{Chance, number};
use crate::machine::{Machine, note, text};

#[test]
fn parallel_ups_make_one_container() {
    let Some(machine) = Machine::new("crowd", &[("PORTS", "auto:80")]) else { return };
    let calls: Vec<_> = (0..50).map(|_| machine.start(&["--json", "up"])).collect();
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

/// How many callers there are at a time.
const CALLERS: usize = 16;

/// What a call may come to, beside success: somebody else's wish came between.
const OUTCOMES: [(i32, &str); 4] =
    [(1, "INFRA_NOT_FOUND"), (1, "INFRA_NOT_RUNNING"), (1, "INVALID_STATE"), (10, "LOCKED")];

/// Sixteen callers, each with another wish as soon as its last one is over.
#[test]
fn callers_of_many_minds_leave_what_the_last_one_asked_for() {
    let lines = [("PORTS", "auto:80"), ("PORT_POOL", "23900-23909")];
    let Some(machine) = Machine::new("storm", &lines) else { return };
    let seconds = number("VAGRANTP_STORM").unwrap_or(3);
    let seed = number("VAGRANTP_SEED").unwrap_or(1);
    note(&format!("seed {seed}, {seconds} s"));
    let chance = Chance(Cell::new(seed));
    let verbs: [&[&str]; 4] = [&["up", "-y"], &["stop"], &["rm", "-y"], &["restart"]];
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut came_to: BTreeMap<String, usize> = BTreeMap::new();
    let mut callers: Vec<(usize, Child)> = Vec::new();
    loop {
        let (ended, running): (Vec<_>, Vec<_>) = callers
            .into_iter()
            .map(|(verb, mut call)| (call.try_wait().expect("a child").is_some(), verb, call))
            .partition(|(ended, ..)| *ended);
        callers = running.into_iter().map(|(_, verb, call)| (verb, call)).collect();
        for (_, verb, call) in ended {
            let outcome = outcome(&machine.end(call), verbs[verb]);
            *came_to.entry(format!("{} {outcome}", verbs[verb][0])).or_default() += 1;
        }
        let is_time = Instant::now() < until;
        while is_time && callers.len() < CALLERS {
            let verb = usize::try_from(chance.below(4)).expect("below four");
            let mut arguments = vec!["--json", "--lock-timeout", "20"];
            arguments.extend(verbs[verb]);
            callers.push((verb, machine.start(&arguments)));
        }
        if callers.is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    note(&format!("{came_to:?}"));
    // The history is written under the lock: its last line is the last call that did anything.
    let history = machine.kept_in().join("history/events.jsonl");
    let history = std::fs::read_to_string(history).expect("something was done");
    let last: Value = serde_json::from_str(history.lines().last().expect("a line")).expect("JSON");
    let wanted = match text(&last["verb"]).as_str() {
        "up" | "restart" => "running",
        "stop" => "stopped",
        "rm" => "not_created",
        other => panic!("nobody called {other}"),
    };
    assert_eq!((&last["event"], machine.state().as_str()), (&"step_done".into(), wanted), "{last}");
    let most = usize::from(wanted != "not_created");
    let of_containers = |object: &&String| object.starts_with("container ");
    assert_eq!(machine.objects().iter().filter(of_containers).count(), most);
    machine.ok(&["up"]);
    machine.settled();
    machine.rm();
}

/// The code of a call, which has to be one of those that may be.
fn outcome(ran: &Ran, verb: &[&str]) -> String {
    if ran.status == 0 {
        return "ok".to_owned();
    }
    let code = text(&ran.document()["error"]["code"]);
    let is_known = OUTCOMES.contains(&(ran.status, code.as_str()));
    assert!(is_known, "{verb:?}: {} {}\n{}", ran.status, ran.stdout, ran.stderr);
    code
}

/// Each project has a port of its own, keeps it, and gives it back.
#[test]
fn many_projects_pick_their_ports_at_once() {
    let lines = [("PORTS", "auto:80"), ("PORT_POOL", "24000-24199")];
    let Some(machine) = Machine::new("ports", &lines) else { return };
    let projects = number("VAGRANTP_PROJECTS").unwrap_or(6);
    let names: Vec<String> = (0..projects).map(|n| format!("{}-{n}", machine.name)).collect();
    let dirs: Vec<String> = names
        .iter()
        .map(|name| {
            let lines = [lines[0], lines[1], ("INFRA_ID", name), ("MEMORY", "512M")];
            machine.beside(name, &lines).display().to_string()
        })
        .collect();
    let all = |verb: &[&str]| -> Vec<Value> {
        let call = |dir: &String| {
            let mut arguments = vec!["--json", "-C", dir];
            arguments.extend(verb);
            machine.start(&arguments)
        };
        let calls: Vec<Child> = dirs.iter().map(call).collect();
        let end = |call| {
            let ran = machine.end(call);
            assert_eq!(ran.status, 0, "{verb:?}: {}\n{}", ran.stdout, ran.stderr);
            ran.document()
        };
        calls.into_iter().map(end).collect()
    };
    let ports = |documents: &[Value]| -> Vec<u64> {
        let port = |document: &Value| {
            let ports = &document["infrastructure"]["networking"]["ports"];
            ports[0]["host_port"].as_u64().unwrap_or_else(|| panic!("no port: {document:#}"))
        };
        documents.iter().map(port).collect()
    };
    let first = ports(&all(&["up"]));
    let mut distinct = first.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), first.len(), "one each: {first:?}");
    all(&["stop"]);
    assert_eq!(ports(&all(&["up"])), first, "kept over stop and up");
    all(&["rm", "-y", "--force"]);
    for port in distinct {
        let port = u16::try_from(port).expect("a port");
        std::net::TcpListener::bind(("127.0.0.1", port)).expect("it is free again");
    }
    assert!(!machine.kept_in().join("leases.json").exists(), "nobody claims anything");
    assert_eq!(machine.objects(), [""; 0]);
}

/// The least of some times that a call takes: what a busy host adds is not in it.
fn least(mut call: impl FnMut()) -> Duration {
    let one = |_| {
        let begun = Instant::now();
        call();
        begun.elapsed()
    };
    (0..3).map(one).min().expect("three")
}

#[test]
fn readers_do_not_wait_for_a_writer() {
    let command = "sh -c 'trap \"\" TERM; while true; do sleep 0.1; done'";
    let lines = [("COMMAND", command), ("STOP_TIMEOUT", "60")];
    let Some(machine) = Machine::new("readers", &lines) else { return };
    machine.ok(&["up"]);
    let readers: [&[&str]; 6] = [
        &["status"],
        &["plan"],
        &["list"],
        &["validate"],
        &["ssh", "--info"],
        &["up", "--dry-run"],
    ];
    let read = || {
        for verb in readers {
            machine.ok(verb);
        }
    };
    let usual = least(read);
    let mut stop = machine.start(&["stop"]);
    crate::machine::until("it is stopping", || machine.state() == "stopping");
    let meanwhile = least(read);
    note(&format!("readers: {usual:?}, and {meanwhile:?} beside a writer"));
    // Whoever waited for the writer would take a hundred times as long.
    assert!(meanwhile < usual * 10, "{usual:?} and {meanwhile:?}");
    assert!(stop.try_wait().expect("a child").is_none(), "the writer was at it all the time");
    let failure = machine.fails(&["--lock-timeout", "1", "rm", "-y"], 10, "LOCKED");
    let holder = format!("`vagrantp stop` (pid {}", stop.id());
    let message = text(&failure["error"]["message"]);
    assert!(message.contains(&holder), "{failure:#}");
    let age = message.rsplit_once(", for ").and_then(|(_, age)| age.strip_suffix(" s)"));
    assert!(age.is_some_and(|age| age.parse::<u32>().is_ok_and(|age| age < 60)), "{message}");
    machine.podman(&["kill", &machine.name]);
    assert_eq!(machine.end(stop).status, 0);
}
