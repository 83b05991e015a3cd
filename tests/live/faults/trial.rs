//! One fault at one point of one story: how the call ends, what is seen right afterwards, whether
//! the next `up` gets there, and what `rm` leaves.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use serde_json::Value;
use vagrantp::deed::{Fault, Order, Side};

use super::story::{After, Scene};
use crate::cli_support::Ran;
use crate::machine::{text, until};
use crate::podman_host::services;

/// How soon a call has ended after its first signal: five seconds for the step under way, and what
/// a busy host adds.
const ENDS_WITHIN: Duration = Duration::from_secs(9);

/// The points that the story's call passes, in order.
pub(super) fn record(scene: &Scene) -> Vec<(String, Side)> {
    // Podman's service is there from here on, as it is in every trial.
    scene.machine.run(&["status"]);
    scene.begin();
    let log = scene.machine.root().join("points");
    let _ = std::fs::remove_file(&log);
    let ran = run(scene, &[("VAGRANTP_FAULT_LOG", &log.display().to_string())], Fault::Interrupt);
    assert_eq!(ran.status, 0, "{}: {} {}", scene.story.name, ran.stdout, ran.stderr);
    let text = std::fs::read_to_string(&log).expect("it passes at least one point");
    let point = |line: &str| {
        let (deed, side) = line.split_once(':').expect("a deed and a side");
        (deed.to_owned(), side.parse().expect("a side"))
    };
    let points = text.lines().map(point).collect();
    finish(scene);
    points
}

/// Tries whether it converges, and panics with what does not hold. Whether the point was passed at
/// all: what others do on the host decides about a few.
pub(super) fn attempt(scene: &Scene, order: &Order) -> bool {
    scene.begin();
    let log = scene.machine.root().join("points");
    let _ = std::fs::remove_file(&log);
    let place = log.display().to_string();
    let variables = [("VAGRANTP_FAULT", order.to_string()), ("VAGRANTP_FAULT_LOG", place)];
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let begun = Instant::now();
    let ran = run(scene, &variables, order.fault);
    let took = begun.elapsed();
    let passed = std::fs::read_to_string(&log).unwrap_or_default();
    let point = format!("{}:{}", order.deed, order.side);
    if passed.lines().filter(|line| *line == point).count() < order.time {
        assert_eq!(ran.status, 0, "{order} was not passed: {} {}", ran.stdout, ran.stderr);
        finish(scene);
        return false;
    }
    let said = format!("{order}: {} {}", ran.stdout, ran.stderr);
    assert!(!ran.stderr.contains("panicked"), "{said}");
    match order.fault {
        Fault::Kill => assert_eq!(ran.status, 137, "{said}"),
        // Where all was done already, it may say so.
        Fault::Interrupt => assert!([0, 130].contains(&ran.status), "{said}"),
        Fault::Twice => assert!([0, 130].contains(&ran.status), "{said}"),
        Fault::Terminate => assert!([0, 143].contains(&ran.status), "{said}"),
        Fault::Hangup => assert!([0, 129].contains(&ran.status), "{said}"),
        Fault::Fail | Fault::Halt => {
            assert!([0, 1, 2, 3, 4, 5, 6].contains(&ran.status), "{said}");
            assert!(ran.status == 0 || ran.stderr.contains("help: "), "{said}");
        }
        Fault::Crash => {}
    }
    assert!(took < ENDS_WITHIN || order.fault == Fault::Halt, "{took:?}: {said}");
    tells_the_truth(scene, &said);
    finish(scene);
    true
}

/// The story's call, with a point armed. Where it is halted, Podman's service is killed meanwhile.
fn run(scene: &Scene, variables: &[(&str, &str)], fault: Fault) -> Ran {
    let machine = &scene.machine;
    let mut command = machine.command(&scene.call());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.envs(variables.iter().copied()).spawn().expect("it can be run");
    if fault == Fault::Halt && halts(&child) {
        for service in services(&machine.root()) {
            let _ = kill_process(service, Signal::KILL);
        }
        kill_process(pid(&child), Signal::CONT).expect("it is our own");
    }
    machine.end(child)
}

fn pid(child: &Child) -> Pid {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process")
}

/// Waits until it stands still, or has ended.
fn halts(child: &Child) -> bool {
    let options = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    let status =
        waitid(WaitId::Pid(pid(child)), options).expect("it is our own").expect("a status");
    status.stopped()
}

/// `status` says at once what podman says; what the engine was at may come to its end meanwhile.
fn tells_the_truth(scene: &Scene, said: &str) {
    let machine = &scene.machine;
    if scene.story.after == After::Collected {
        return;
    }
    let mut seen = Vec::new();
    for _ in 0..20 {
        let before = states(scene);
        let arguments = scene.arguments(&["status"]);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (exit, document) = machine.json(&arguments);
        let found = document["infrastructure"]["state"].as_str().unwrap_or_default().to_owned();
        if exit == 0 && [before.clone(), states(scene)].iter().any(|now| fits(&found, now)) {
            return;
        }
        seen.push(format!("{exit} {found} {before:?}"));
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("status is not what podman says: {seen:?}\n{said}");
}

/// Whether a state is that of one of the containers.
fn fits(state: &str, containers: &[String]) -> bool {
    let one = |container: &String| match container.as_str() {
        "running" => state == "running",
        "paused" => state == "suspended",
        // One that was never started, or has ended by itself.
        "created" | "configured" | "exited" | "stopped" => state == "stopped" || state == "error",
        _ => false,
    };
    match containers {
        [] => state == "not_created",
        _ => containers.iter().any(one),
    }
}

/// What podman says of the project's containers.
fn states(scene: &Scene) -> Vec<String> {
    let of_project = format!("label=io.vagrantp.project={}", scene.at().display());
    let list = ["ps", "-a", "--filter", &of_project, "--format", "json"];
    for _ in 0..5 {
        // One that goes away meanwhile can spoil the list.
        let output = scene.machine.podman_output(&list);
        if output.status.success() {
            let found: Vec<Value> = serde_json::from_slice(&output.stdout).expect("a list");
            return found.iter().map(|one| text(&one["State"])).collect();
        }
    }
    panic!("podman cannot list containers");
}

/// From wherever it is: `up` gets there in one call, and `rm` leaves nothing.
fn finish(scene: &Scene) {
    let machine = &scene.machine;
    let ok = |call: &[&str]| {
        let arguments = scene.arguments(call);
        machine.ok(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    if scene.story.after == After::Collected {
        ok(&["gc", "-y"]);
        assert_eq!(machine.objects(), [""; 0], "after gc");
        assert_eq!(left(scene), [""; 0], "after gc");
        scene.end();
        return;
    }
    let adopts = scene.story.name == "adopt";
    if adopts {
        // Before it has taken the machine over, `up` refuses to make an empty twin.
        ok(&["adopt"]);
    }
    ok(&["up", "-y"]);
    ok(&["plan", "--exit-code"]);
    let containers = states(scene);
    assert_eq!(containers, ["running"], "one machine, and no other");
    let note = || machine.inside("cat /root/note");
    match scene.story.after {
        After::Kept => assert_eq!(note(), "kept"),
        After::KeptOrReverted => assert!(["kept", "since"].contains(&note().as_str())),
        After::Made | After::Collected => {}
    }
    ok(&["rm", "-y"]);
    until("what the engine was at is over", || {
        machine.objects().is_empty() || !machine.ok(&["rm", "-y"]).stdout.is_empty()
    });
    assert_eq!(machine.objects(), [""; 0], "after rm");
    assert_eq!(left(scene), [""; 0], "after rm");
    scene.end();
}

/// What vagrantp keeps on disk beside the history, and whatever it has not finished writing.
fn left(scene: &Scene) -> Vec<String> {
    let mut left = crate::machine::files_below(&scene.machine.kept_in());
    left.retain(|path| !path.starts_with("history/"));
    left
}
