//! One fault at one point of one story: how the call ends, what is seen right afterwards, whether
//! the next `up` gets there, and what `rm` leaves.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use vagrantp::deed::{Fault, Order};

use super::choice::Point;
use super::look;
use super::story::{After, Scene};
use crate::cli_support::Ran;
use crate::podman_host::services;

/// How soon a call has ended after its first signal: five seconds for the step under way, and what
/// a busy host adds.
const ENDS_WITHIN: Duration = Duration::from_secs(9);

/// The points that the story's call passes, in order.
pub(super) fn record(scene: &Scene) -> Vec<Point> {
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
        Fault::Interrupt | Fault::Twice => assert_eq!(ran.status, 130, "{said}"),
        Fault::Terminate => assert_eq!(ran.status, 143, "{said}"),
        Fault::Hangup => assert_eq!(ran.status, 129, "{said}"),
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
        goes_on(&child);
    }
    machine.end(child)
}

fn pid(child: &Child) -> Pid {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process")
}

/// Lets a process go on that stands still.
pub(super) fn goes_on(child: &Child) {
    kill_process(pid(child), Signal::CONT).expect("it is our own");
}

/// Waits until it stands still, or has ended.
pub(super) fn halts(child: &Child) -> bool {
    let options = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    let status =
        waitid(WaitId::Pid(pid(child)), options).expect("it is our own").expect("a status");
    status.stopped()
}

/// The first `status` says what podman says. Podman may go on meanwhile with what it was asked, and
/// then shows one thing before and another one after; nothing else is allowed.
pub(super) fn tells_the_truth(scene: &Scene, said: &str) {
    let look = || look::state(&look::containers(scene, &scene.at()));
    let before = look();
    let arguments = scene.arguments(&["status"]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (exit, document) = scene.machine.json(&arguments);
    let after = look();
    let found = document["infrastructure"]["state"].as_str().unwrap_or_default();
    assert!(
        exit == 0 && [before, after].contains(&found),
        "status says {exit} {found}, podman {before} and then {after}\n{said}\n{document:#}"
    );
}

/// From wherever it is: `up` gets there in one call, and one `rm` leaves nothing.
pub(super) fn finish(scene: &Scene) {
    let ok = |call: &[&str]| {
        let arguments = scene.arguments(call);
        scene.machine.ok(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let at = scene.at();
    match scene.story.after {
        After::Collected => {
            ok(&["gc", "-y"]);
            assert_eq!(look::objects(scene, &at), [], "after gc");
            assert_eq!(left(scene), [""; 0], "after gc");
            // In an engine that shares its networks' names with another one, nothing is started.
            ok(&["up", "--no-start"]);
            let containers = look::containers(scene, &at);
            assert_eq!(containers.len(), 1, "{containers:?}");
            let again = ok(&["up", "--no-start"]);
            assert_eq!(look::containers(scene, &at), containers, "{}", again.stdout);
        }
        after => {
            if scene.story.verb() == "adopt" {
                // Before it has taken the machine over, `up` refuses to make an empty twin.
                ok(&["adopt"]);
            }
            ok(&["up", "-y"]);
            ok(&["plan", "--exit-code"]);
            let containers = look::containers(scene, &at);
            let [machine] = &containers[..] else { panic!("no one machine: {containers:?}") };
            assert_eq!(machine.state, "running");
            let note = machine.note();
            let allowed: &[Option<&str>] = match after {
                After::Kept => &[Some("kept")],
                After::KeptOrReverted => &[Some("kept"), Some("since")],
                After::KeptOrMade => &[Some("kept"), None],
                After::Made | After::Collected => &[None, Some("kept")],
            };
            assert!(allowed.contains(&note.as_deref()), "{note:?} is not one of {allowed:?}");
        }
    }
    let removed = ok(&["rm", "-y"]);
    assert_eq!(look::objects(scene, &at), [], "after rm: {} {}", removed.stdout, removed.stderr);
    if at != scene.machine.dir() {
        assert_eq!(look::objects(scene, scene.machine.dir()), [], "of where it was, after rm");
    }
    assert_eq!(left(scene), [""; 0], "after rm");
    scene.end();
}

/// What vagrantp keeps on disk beside the history, and whatever it has not finished writing.
fn left(scene: &Scene) -> Vec<String> {
    let mut left = crate::machine::files_below(&scene.machine.kept_in());
    let neighbour = scene.neighbour().map(|dir| scene.machine.uuid_of(dir));
    let is_neighbours = |path: &String| {
        neighbour.as_ref().is_some_and(|uuid| path.starts_with(&format!("instances/{uuid}/")))
    };
    left.retain(|path| !path.starts_with("history/") && !is_neighbours(path));
    left
}
