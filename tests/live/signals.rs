//! Signals during what takes long: a build, a stop. The first ends the call within five seconds and
//! says where things stand, the second at once.

use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::machine::{Machine, text, until};

/// Five seconds for the step under way, and what a busy host adds.
const SOON: Duration = Duration::from_secs(8);
/// A main process that hears nothing but SIGKILL.
const DEAF: &str = "sh -c 'trap \"\" TERM; while true; do sleep 0.1; done'";

fn send(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process");
    kill_process(pid, signal).expect("it is our own");
}

/// Whether a process on this host was called with these words.
fn runs(words: &str) -> bool {
    let entries = std::fs::read_dir("/proc").expect("there is /proc").flatten();
    let mut lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.any(|line| {
        let line: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        line.join(&b' ').windows(words.len()).any(|window| window == words.as_bytes())
    })
}

#[test]
fn an_interrupted_build_ends_the_call_at_once_and_is_not_in_the_way_of_the_next() {
    let Some(machine) = Machine::new("sigbuild", &[("IMAGE", "./Containerfile")]) else { return };
    let recipe = |line: &str| {
        machine.file(
            "Containerfile",
            format!("FROM scratch\nADD rootfs.tar /\nRUN [\"/bin/busybox\", {line}]\n"),
        );
    };
    machine.file(".containerignore", "*\n!rootfs.tar\n");
    // Each known among all processes by its number, and over by itself when nobody ends it.
    let seconds = |status: i32| format!("sleep 6.{}{status}", std::process::id());
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        recipe(&format!("\"{}\"", seconds(status).replace(' ', "\", \"")));
        let up = machine.start(&["up"]);
        until("the build runs", || runs(&seconds(status)));
        let begun = Instant::now();
        send(&up, signal);
        let ran = machine.end(up);
        assert_eq!(ran.status, status, "{}", ran.stderr);
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
        for words in
            ["0 of 4 steps are done", "was under way: Build", "not begun: Create the network"]
        {
            let said = ran.stderr.split_whitespace().filter(|word| *word != "│");
            let said = said.collect::<Vec<_>>().join(" ");
            assert!(said.contains(words), "{words:?}: {said}");
        }
        assert_eq!(machine.objects(), [""; 0]);
    }
    // Podman 4.3 lets a step of a build go on to its end when nobody waits for it any more.
    recipe("\"true\"");
    machine.ok(&["up"]);
    machine.settled();
    until("what the builds ran has ended", || [130, 143, 129].iter().all(|n| !runs(&seconds(*n))));
    machine.rm();
}

#[test]
fn the_first_signal_waits_five_seconds_for_a_stop_and_the_second_not_at_all() {
    let lines = [("COMMAND", DEAF), ("STOP_TIMEOUT", "25")];
    let Some(machine) = Machine::new("sigstop", &lines) else { return };
    machine.ok(&["up"]);
    let stop = |verb: &[&str], signals: &[Signal]| {
        let call = machine.start(verb);
        std::thread::sleep(Duration::from_millis(700));
        let begun = Instant::now();
        for signal in signals {
            send(&call, *signal);
            std::thread::sleep(Duration::from_millis(200));
        }
        (machine.end(call), begun.elapsed())
    };
    let (ran, took) = stop(&["stop"], &[Signal::INT]);
    assert_eq!(ran.status, 130, "{}", ran.stderr);
    assert!(took > Duration::from_secs(4) && took < SOON, "{took:?}");
    let at_once = "finishing the step under way (5 s at most); Ctrl+C again stops at once";
    assert!(ran.stderr.lines().any(|line| line == at_once), "{}", ran.stderr);
    assert!(ran.stderr.contains("was under way: Stop"), "{}", ran.stderr);
    assert!(ran.stderr.contains("help: `vagrantp up`"), "{}", ran.stderr);
    assert!(["running", "stopping"].contains(&machine.state().as_str()));
    for (verb, signals, status) in [
        (&["stop"][..], [Signal::TERM, Signal::INT], 130),
        (&["stop", "--quiet"], [Signal::INT, Signal::HUP], 129),
        (&["stop", "--json"], [Signal::INT, Signal::TERM], 143),
    ] {
        let (ran, took) = stop(verb, &signals);
        assert_eq!(ran.status, status, "{verb:?}: {}", ran.stderr);
        assert!(took < Duration::from_secs(3), "{verb:?}: {took:?}");
        let left = format!("this was left under way: Stop the container {}", machine.name);
        let words =
            ["interrupted again, and stopped at once", &left, "`vagrantp up` looks at what"];
        if verb.contains(&"--json") {
            assert_eq!(ran.stderr, "");
            let document: Value = serde_json::from_str(&ran.stdout).expect("one document");
            let error = &document["error"];
            assert_eq!(
                (&document["success"], &error["code"]),
                (&false.into(), &"INTERRUPTED".into())
            );
            assert_eq!(error["details"]["signal"], 15, "{document:#}");
            assert!(text(&error["message"]).contains(&left), "{document:#}");
            assert!(text(&error["suggestion"]).starts_with(words[2]), "{document:#}");
        } else {
            let line = ran.stderr.lines().last().expect("a line");
            assert!(words.iter().all(|word| line.contains(word)), "{}", ran.stderr);
            let asked = ran.stderr.contains("another signal stops at once");
            assert_eq!(asked, verb == ["stop"], "{verb:?}: {}", ran.stderr);
            assert!(verb == ["stop"] || ran.stderr.lines().count() == 1, "{}", ran.stderr);
        }
    }
    machine.ok(&["rm", "--force"]);
    assert_eq!(machine.objects(), [""; 0]);
    assert_eq!(machine.kept(), [""; 0]);
}
