//! A terminal that hangs up, as when its window is closed: beside the signal, nobody reads and nobody
//! types any more. What is said then cannot be written, and that is not why a call ends.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use vagrantp::deed::{Fault, Order, Side};
use vagrantp::exec::Program;

use super::choice::{Extent, Point, sample};
use super::look;
use super::story::{STORIES, Scene};
use super::trial;
use crate::cli_support::variable;
use crate::killed::number;
use crate::machine::{note, skipped};

/// The two ends of a pseudo-terminal: who holds the first one is the window.
fn terminal() -> (File, File) {
    let window = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
        .expect("a pseudo-terminal");
    grantpt(&window).and_then(|()| unlockpt(&window)).expect("its other end");
    let name = ptsname(&window, Vec::new()).expect("a name").into_string().expect("plain text");
    // Of this process it must not become the controlling one.
    use std::os::unix::fs::OpenOptionsExt;
    let flags = i32::try_from(rustix::fs::OFlags::NOCTTY.bits()).expect("a small number");
    let end = File::options().read(true).write(true).custom_flags(flags).open(name);
    (File::from(window), end.expect("its other end"))
}

/// A call with all three streams on a terminal; where it leads its session, the kernel tells it of the
/// terminal's end.
fn called(scene: &Scene, call: &[&str], order: Option<&Order>, leads: bool) -> (File, Child) {
    let (window, end) = terminal();
    let vagrantp = scene.machine.command(&scene.arguments(call));
    let mut command = match leads {
        true => {
            let mut command: Command = scene.machine.program("setsid");
            command.arg("--ctty").arg(vagrantp.get_program()).args(vagrantp.get_args());
            command
        }
        false => vagrantp,
    };
    command.envs(order.map(|order| ("VAGRANTP_FAULT", order.to_string())));
    let stream = || OwnedFd::from(end.try_clone().expect("a descriptor"));
    command.stdin(stream()).stdout(stream()).stderr(stream()).env("TERM", "xterm-256color");
    (window, command.spawn().expect("it can be run"))
}

/// How it ended; one that does not would keep everybody waiting.
fn status(mut child: Child) -> Option<i32> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("it is our own") {
            return status.code();
        }
        if begun.elapsed() > Duration::from_secs(60) {
            let _ = child.kill();
            panic!("it does not end: {:?}", child.wait());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn scene(name: &str, number: usize) -> Option<Scene> {
    if Program::find("setsid", variable("PATH").as_deref()).is_err() {
        skipped("there is no setsid");
        return None;
    }
    let story = STORIES.iter().find(|story| story.name == name).expect("it is one of them");
    Scene::new(story, number)
}

/// At each place where it may stand: `up` is halted, the window closed, and what the kernel then does
/// to the session lets it go on.
#[test]
fn an_up_whose_terminal_hangs_up_ends_as_the_signal_has_it_and_the_next_converges() {
    let Some(scene) = scene("up from nothing", 190) else { return };
    let points = trial::record(&scene);
    let order = |(number, (deed, side)): (usize, &Point)| {
        let before = points[..number].iter().filter(|(other, at)| (other, at) == (deed, side));
        Order { deed: deed.clone(), side: *side, time: before.count() + 1, fault: Fault::Halt }
    };
    let all: Vec<Order> =
        points.iter().enumerate().map(order).filter(|order| order.side == Side::After).collect();
    let (mut tried, possible) = (0, all.len());
    for order in sample(all, Extent::asked(), number("VAGRANTP_SEED").unwrap_or(1)) {
        scene.begin();
        let (window, child) = called(&scene, &["up", "-y"], Some(&order), true);
        let is_halted = trial::halts(&child);
        drop(window);
        let status = status(child);
        assert!(!is_halted || status == Some(129), "{order}: {status:?}");
        trial::tells_the_truth(&scene, &order.to_string());
        trial::finish(&scene);
        tried += usize::from(is_halted);
    }
    note(&format!("a terminal's end during up: {tried}/{tried} of {possible} converged"));
    assert!(tried > 0, "one was halted");
}

/// At the question nothing is done: whoever leads the session hears a signal, others see no more than
/// that the terminal is gone, and both mean the same.
#[test]
fn a_question_whose_terminal_hangs_up_is_not_answered() {
    let Some(scene) = scene("rm", 191) else { return };
    scene.begin();
    let before = look::containers(&scene, &scene.at());
    for leads in [true, false] {
        let (mut window, child) = called(&scene, &["rm"], None, leads);
        let mut shown = Vec::new();
        while !String::from_utf8_lossy(&shown).contains("[yes/no/explain]: ") {
            let mut bytes = [0; 4096];
            let count = window.read(&mut bytes).expect("it asks");
            shown.extend_from_slice(&bytes[..count]);
        }
        drop(window);
        assert_eq!(status(child), Some(129), "leads its session: {leads}");
        assert_eq!(look::containers(&scene, &scene.at()), before, "nothing was done");
    }
    trial::tells_the_truth(&scene, "after the question");
    trial::finish(&scene);
}

/// An answer that cannot be written is a failure where it leads to a file, and none where the window
/// was closed over it.
#[test]
fn an_answer_that_nobody_is_left_to_read_is_a_hangup() {
    let Some(scene) = scene("stop", 192) else { return };
    let points = trial::record(&scene);
    let (deed, side) = points.last().expect("it passes one").clone();
    let time = points.iter().filter(|point| **point == (deed.clone(), side)).count();
    let last = Order { deed, side, time, fault: Fault::Halt };
    scene.begin();
    let (window, child) = called(&scene, &["stop"], Some(&last), false);
    assert!(trial::halts(&child), "{last}");
    drop(window);
    trial::goes_on(&child);
    assert_eq!(status(child), Some(129), "{last}");
    assert_eq!(look::state(&look::containers(&scene, &scene.at())), "stopped");
    trial::finish(&scene);
}
