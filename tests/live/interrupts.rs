//! Killed at any instant: the next `up` converges, and `rm` leaves nothing.

use std::io::{BufRead, BufReader};
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use vagrantp::plan::action::Action;

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

#[test]
fn every_action_of_a_life_was_interrupted_somewhere() {
    // Holds the tests above together with the closed set of actions: a new kind needs a new test.
    let interrupted = [
        "fetch_image",
        "create_network",
        "create",
        "start",
        "stop",
        "save_files",
        "rename",
        "remove",
        "remove_image",
        "remove_network",
    ];
    let elsewhere = ["resume", "suspend", "change_address", "set_autostart"];
    let mut all: Vec<_> = interrupted.into_iter().chain(elsewhere).collect();
    let mut names = Action::NAMES.to_vec();
    all.sort_unstable();
    names.sort_unstable();
    assert_eq!(all, names);
}
