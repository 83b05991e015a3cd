//! What is said while something takes its time.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use insta::assert_snapshot;

use super::{Project, engined, scrubbed};

#[test]
fn the_first_line_comes_before_the_provider_answers() {
    // A socket that takes connections and never says a word.
    let project = Project::new("INFRA_TYPE=container\nMEMORY=512\n");
    let path = project.root().join("podman.sock");
    let _silent = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let project = project.with("CONTAINER_HOST", &format!("unix://{}", path.display()));
    let mut command = project.command(&["up"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "project (container on podman)\n");
    assert_eq!(child.try_wait().unwrap(), None, "it still waits");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn steps_are_told_in_their_order() {
    let (project, _engine) = engined(Project::new("INFRA_TYPE=container\nMEMORY=512\nCPUS=1\n"));
    assert_snapshot!(scrubbed(&project.ok(&["up"]).stderr), @"
    project (container on podman)
    [1/3] Create the network vagrantp-{uuid}
    [2/3] Create the container project from docker.io/library/alpine:latest (512 MiB, 1 CPU)
    [3/3] Start the container project
    ");
    assert_snapshot!(project.ok(&["up"]).stderr, @"project (container on podman)");
    assert_snapshot!(project.ok(&["stop"]).stderr, @"
    project (container on podman)
    [1/1] Stop the container project (killed after 30 s)
    ");
    assert_eq!(project.ok(&["-q", "up"]).stderr, "");
}

#[test]
fn a_slow_step_shows_that_it_goes_on() {
    let (project, engine) = engined(Project::new("INFRA_TYPE=container\nMEMORY=512\nCPUS=1\n"));
    engine.world().slow.push(("POST /containers/create", Duration::from_millis(700)));
    // On a terminal the step's line moves; elsewhere it was said when the step began.
    let shown = super::terminal::shown(project.command(&["up"]), b"");
    let frames = shown.matches("Create the container project").count();
    assert!(frames >= 3, "{shown:?}");
    assert!(shown.contains('\u{1b}'), "{shown:?}");
    project.ok(&["rm", "-y"]);
    let shown = super::terminal::shown(project.command(&["--plain", "up"]), b"");
    assert_eq!(shown.matches("Create the container project").count(), 1, "{shown:?}");
}

#[test]
fn who_has_to_wait_is_told_for_whom() {
    let (project, engine) = engined(Project::new("INFRA_TYPE=container\nMEMORY=512\n"));
    engine.world().slow.push(("POST /containers/create", Duration::from_millis(1500)));
    let mut command = project.command(&["up"]);
    let mut first = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    engine.wait_for("POST /containers/create");
    let second = project.ok(&["up"]);
    let waiting = format!("waiting for `vagrantp up` (pid {}", first.id());
    assert!(second.stderr.contains(&waiting), "{}", second.stderr);
    assert!(second.stdout.contains("is running already"), "{}", second.stdout);
    assert!(first.wait().unwrap().success());
    assert_eq!(engine.containers(), [("project".to_owned(), "running".to_owned())]);
}
