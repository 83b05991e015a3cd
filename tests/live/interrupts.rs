//! Killed at any instant: the next `up` converges, and `rm` leaves nothing.

use std::io::{BufRead, BufReader};
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use vagrantp::plan::action::Action;
use vagrantp::store::journal::Entry;

use crate::cli_support::Ran;
use crate::machine::{Machine, files_below};

fn send(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process");
    kill_process(pid, signal).expect("it is our own");
}

/// Starts an `up`, and sends it a signal when it says this of a step.
fn up_until(machine: &Machine, event: &str, signal: Signal) -> Ran {
    machine.forget_image();
    let mut up = machine.start(&["--json", "up", "-y"]);
    let mut lines = BufReader::new(up.stderr.take().expect("a pipe")).lines();
    let came = lines.by_ref().map_while(Result::ok).any(|line| line.contains(event));
    assert!(came, "it ended before {event}");
    send(&up, signal);
    // What else it says is not of interest, but it must not stand before a full pipe.
    for _ in lines.by_ref().map_while(Result::ok) {}
    machine.end(up)
}

/// What a temporary file of vagrantp's is called: something that no reader looks for.
fn temporary(machine: &Machine) -> Vec<String> {
    let known =
        ["record.json", "journal.json", "lock", "events.jsonl", "leases.json", "leases.lock"];
    let mut files = files_below(&machine.kept_in());
    files.retain(|file| !known.iter().any(|name| file.rsplit('/').next() == Some(name)));
    files
}

#[test]
fn signals_have_their_exit_status() {
    let Some(machine) = Machine::new("signals", &[]) else { return };
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let ran = up_until(&machine, r#""step_started","number":2"#, signal);
        assert_eq!(ran.status, status, "{} {}", ran.stdout, ran.stderr);
        let document = ran.document();
        assert_eq!(document["error"]["code"], "INTERRUPTED", "{document:#}");
        let state = machine.state();
        assert!(["not_created", "stopped", "running"].contains(&state.as_str()), "{state}");
        machine.rm();
    }
}

#[test]
fn an_interrupted_up_is_taken_up_by_the_next() {
    let Some(machine) = Machine::new("taken-up", &[]) else { return };
    for signal in [Signal::INT, Signal::TERM] {
        for step in 1..=4 {
            let event = format!(r#""step_started","number":{step}"#);
            let ran = up_until(&machine, &event, signal);
            assert!([0, 130, 143].contains(&ran.status), "step {step}: {}", ran.stdout);
            machine.ok(&["up"]);
            machine.settled();
            machine.rm();
        }
    }
}

/// Kills an `up` at the start of each of its steps, and a little later.
fn kill_at_each_step(machine: &Machine, steps: usize, before: impl Fn(), after: impl Fn()) {
    for step in 1..=steps {
        for delay in [0, 20] {
            before();
            let event = format!(r#""step_started","number":{step},"of":{steps}"#);
            let mut up = machine.start(&["--json", "up", "-y"]);
            let mut lines = BufReader::new(up.stderr.take().expect("a pipe")).lines();
            let came = lines.by_ref().map_while(Result::ok).any(|line| line.contains(&event));
            assert!(came, "it ended before {event}");
            std::thread::sleep(Duration::from_millis(delay));
            // It may have ended by now, which is an instant as good as any.
            let _ = up.kill();
            up.wait().expect("it ends");
            let state = machine.state();
            assert!(
                ["not_created", "stopped", "running"].contains(&state.as_str()),
                "a dead owner leaves no transient state: {state}"
            );
            machine.ok(&["up", "-y"]);
            machine.settled();
            after();
        }
    }
}

#[test]
fn killed_at_any_step_the_next_up_converges() {
    let Some(machine) = Machine::new("killed-up", &[]) else { return };
    kill_at_each_step(&machine, 4, || machine.forget_image(), || machine.rm());
}

#[test]
fn killed_in_a_replacement_the_files_survive() {
    let Some(machine) = Machine::new("killed-repl", &[]) else { return };
    machine.ok(&["up"]);
    machine.inside("echo kept > /root/note");
    let even = std::cell::Cell::new(true);
    let edit = || {
        even.set(!even.get());
        let memory = if even.get() { "512M" } else { "600M" };
        // From the second replacement on there is one more step: the saved files of the first go.
        machine.env(&[("MEMORY", memory)]);
    };
    edit();
    machine.ok(&["up", "-y"]);
    kill_at_each_step(&machine, 7, edit, || {
        assert_eq!(machine.inside("cat /root/note"), "kept");
        assert_eq!(machine.objects().len(), 3, "{:?}", machine.objects());
    });
    machine.rm();
}

#[test]
fn killed_in_rm_the_next_rm_leaves_nothing() {
    let Some(machine) = Machine::new("killed-rm", &[]) else { return };
    for delay in [5, 30, 100, 300, 450] {
        machine.ok(&["up"]);
        let mut rm = machine.start(&["rm", "-y"]);
        std::thread::sleep(Duration::from_millis(delay));
        let _ = rm.kill();
        rm.wait().expect("it ends");
        machine.rm();
    }
}

#[test]
fn no_temporary_file_is_left() {
    let Some(machine) = Machine::new("temporary", &[("PORTS", "auto:80")]) else { return };
    for signal in [Signal::INT, Signal::KILL] {
        for step in 1..=4 {
            up_until(&machine, &format!(r#""step_started","number":{step}"#), signal);
            machine.ok(&["up"]);
            assert_eq!(temporary(&machine), [""; 0]);
            machine.rm();
        }
        machine.ok(&["up"]);
        assert_eq!(temporary(&machine), [""; 0]);
        machine.rm();
    }
}

#[test]
fn a_killed_owner_holds_no_lock() {
    let command = "sh -c 'trap \"\" TERM; while true; do sleep 0.1; done'";
    let Some(machine) = Machine::new("owner", &[("COMMAND", command), ("STOP_TIMEOUT", "20")])
    else {
        return;
    };
    machine.ok(&["up"]);
    let mut stop = machine.start(&["stop"]);
    std::thread::sleep(Duration::from_millis(500));
    let failure = machine.fails(&["--lock-timeout", "0", "rm", "-y"], 10, "LOCKED");
    let message = failure["error"]["message"].as_str().expect("a message");
    let holder = format!("`vagrantp stop` (pid {}", stop.id());
    assert!(message.contains(&holder), "{message}");
    stop.kill().expect("it still waits");
    stop.wait().expect("it ends");
    let begun = Instant::now();
    machine.ok(&["--lock-timeout", "0", "rm", "--force"]);
    assert!(begun.elapsed() < Duration::from_secs(15));
    assert_eq!(machine.objects(), [""; 0]);
}

/// How often something is done again that was over before it could be killed.
const TRIES: usize = 8;

/// Kills a call as soon as its journal says that this action is under way; whether that was seen.
fn kill_at(machine: &Machine, arguments: &[&str], action: &str) -> bool {
    let mut call = machine.start(arguments);
    let open = || {
        let journals = files_below(&machine.kept_in());
        journals.iter().filter(|file| file.ends_with("journal.json")).any(|file| {
            let text = std::fs::read(machine.kept_in().join(file)).unwrap_or_default();
            serde_json::from_slice::<Entry>(&text).is_ok_and(|entry| entry.is_at(action))
        })
    };
    let mut seen = open();
    while !seen && call.try_wait().expect("it is our own").is_none() {
        seen = open();
    }
    let _ = call.kill();
    machine.end(call);
    seen
}

#[test]
fn killed_at_what_mends_a_running_machine() {
    let Some(machine) = Machine::new("killed-mend", &[]) else { return };
    machine.ok(&["up"]);
    let objects = machine.objects();
    let network = objects.iter().find_map(|object| object.strip_prefix("network "));
    let (own, name) = (network.expect("it has one").to_owned(), machine.name.clone());
    let before = machine.inspect("{{.Id}} {{.State.Pid}}");
    let shared = format!("{name}-shared");
    machine.podman(&["network", "create", &shared]);
    let address = machine.inspect("{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}");
    let (range, _) = address.rsplit_once('.').expect("four numbers");
    let number = std::cell::Cell::new(70);
    let other_address = || {
        number.set(number.get() + 1);
        machine.env(&[("IP_ADDRESS", &format!("{range}.{}", number.get()))]);
    };
    type Deed<'a> = (&'a str, Box<dyn Fn() + 'a>);
    let deeds: [Deed<'_>; 5] = [
        ("join_network", {
            let deed = || drop(machine.podman(&["network", "disconnect", &own, &name]));
            Box::new(deed)
        }),
        ("leave_network", {
            let deed = || drop(machine.podman(&["network", "connect", &shared, &name]));
            Box::new(deed)
        }),
        ("set_limits", {
            let deed = || drop(machine.podman(&["update", "--memory", "256m", &name]));
            Box::new(deed)
        }),
        ("change_address", Box::new(other_address)),
        ("resume", Box::new(|| drop(machine.podman(&["pause", &name])))),
    ];
    for (action, deed) in deeds {
        let seen = (0..TRIES).any(|_| {
            deed();
            kill_at(&machine, &["up"], action)
        });
        assert!(seen, "{action} was under way");
        machine.ok(&["up"]);
        assert_eq!(machine.state(), "running", "{action}");
        machine.settled();
        assert_eq!(machine.inspect("{{.Id}} {{.State.Pid}}"), before, "{action}: it ran on");
    }
    let seen = (0..TRIES).any(|_| {
        machine.ok(&["resume"]);
        kill_at(&machine, &["suspend"], "suspend")
    });
    assert!(seen, "it was about to be suspended");
    machine.ok(&["suspend"]);
    assert_eq!(machine.state(), "suspended");
    machine.podman(&["network", "rm", &shared]);
    machine.rm();
}

#[test]
fn killed_at_each_thing_done_to_a_snapshot() {
    let Some(machine) = Machine::new("killed-snap", &[]) else { return };
    let name = format!("{}-m", machine.name);
    let (from, to) = (machine.beside(&name, &[("INFRA_ID", &name)]), machine.root().join("to"));
    machine.also_at(&to);
    let mut places = [from.display().to_string(), to.display().to_string()];
    let inside = |line: &str| machine.podman(&["exec", &name, "sh", "-c", line]);
    let snapshots = |place: &str| {
        let (exit, document) = machine.json(&["-C", place, "snapshot", "list"]);
        assert_eq!(exit, 0, "{document:#}");
        document["snapshots"].as_array().expect("a list").len()
    };
    let at = &places[0];
    machine.ok(&["-C", at, "up"]);
    inside("echo old > /root/note");
    let create = ["-C", at, "snapshot", "create", "kept"];
    assert!(kill_at(&machine, &create, "take_snapshot"), "it copies files, and takes its time");
    // What was under way may have happened: there is one, whole, or there is none.
    if snapshots(at) == 0 {
        machine.ok(&create);
    }
    assert_eq!(snapshots(at), 1);
    inside("echo new > /root/note");

    let revert = ["-C", at, "snapshot", "revert", "kept", "-y"];
    let killed = (0..TRIES).any(|_| kill_at(&machine, &revert, "use_snapshot"));
    assert!(killed, "it was about to go back");
    machine.ok(&["-C", at, "up", "-y"]);
    machine.ok(&revert);
    assert_eq!(inside("cat /root/note"), "old");

    // There, and where it was over too soon, back and there again.
    let killed = (0..TRIES).any(|_| {
        std::fs::rename(&places[0], &places[1]).expect("it can be moved");
        places.swap(0, 1);
        let at = &places[0];
        let killed = kill_at(&machine, &["-C", at, "adopt"], "move_snapshot");
        machine.run(&["-C", at, "adopt"]);
        machine.ok(&["-C", at, "up", "-y"]);
        assert_eq!((snapshots(at), inside("cat /root/note")), (1, "old".to_owned()));
        killed
    });
    assert!(killed, "the snapshot was about to be moved");

    let at = &places[0];
    let killed = (0..TRIES).any(|_| {
        let remove = ["-C", at, "snapshot", "rm", "kept", "-y"];
        let killed = kill_at(&machine, &remove, "remove_snapshot");
        if snapshots(at) == 1 {
            machine.ok(&remove);
        }
        assert_eq!(snapshots(at), 0);
        killed || {
            machine.ok(&["-C", at, "snapshot", "create", "kept"]);
            false
        }
    });
    assert!(killed, "the snapshot was about to be removed");
    machine.ok(&["-C", at, "rm", "-y"]);
    assert_eq!(machine.objects(), [""; 0]);
    assert_eq!(machine.kept(), [""; 0]);
}

/// Which test interrupts which actions.
const INTERRUPTED: &[(&str, &str, &[&str])] = &[
    (
        "interrupts.rs",
        "killed_at_any_step_the_next_up_converges",
        &["fetch_image", "create_network", "create", "start"],
    ),
    (
        "interrupts.rs",
        "killed_in_a_replacement_the_files_survive",
        &["stop", "save_files", "rename", "remove", "remove_image"],
    ),
    ("interrupts.rs", "killed_in_rm_the_next_rm_leaves_nothing", &["remove_network"]),
    (
        "interrupts.rs",
        "killed_at_what_mends_a_running_machine",
        &["join_network", "leave_network", "set_limits", "change_address", "resume", "suspend"],
    ),
    (
        "interrupts.rs",
        "killed_at_each_thing_done_to_a_snapshot",
        &["take_snapshot", "use_snapshot", "move_snapshot", "remove_snapshot"],
    ),
    ("ranges.rs", "a_failed_or_killed_change_of_network_leads_back_or_on", &["change_network"]),
];

/// Podman settles it when a container is made: no plan of its ever has this step.
const NEVER_PLANNED: &[&str] = &["set_autostart"];

#[test]
fn every_action_of_a_life_was_interrupted_somewhere() {
    // Holds the tests together with the closed set of actions: a new kind needs a new test.
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live");
    let mut all = NEVER_PLANNED.to_vec();
    for (file, function, actions) in INTERRUPTED {
        let text = std::fs::read_to_string(here.join(file)).expect("a file of tests");
        let head = format!("#[test]\nfn {function}() {{");
        assert!(text.contains(&head), "there is no test {function} in {file}");
        all.extend_from_slice(actions);
    }
    let mut names = Action::NAMES.to_vec();
    all.sort_unstable();
    names.sort_unstable();
    assert_eq!(all, names);
}
