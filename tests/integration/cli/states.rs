//! The states of an instance as others see them, while the engine takes its time.

use std::process::{Child, Stdio};
use std::time::Duration;

use super::{Engine, Project, engined};

const DOCUMENTED: [&str; 12] = [
    "not_created",
    "creating",
    "starting",
    "running",
    "stopping",
    "stopped",
    "suspending",
    "suspended",
    "resuming",
    "removing",
    "error",
    "unknown",
];

fn slow(request: &'static str) -> (Project, Engine) {
    let (project, engine) = engined(Project::new("INFRA_TYPE=container\nMEMORY=512\n"));
    engine.world().slow.push((request, Duration::from_millis(1500)));
    (project, engine)
}

fn begin(project: &Project, arguments: &[&str]) -> Child {
    let mut command = project.command(arguments);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it can be run")
}

fn state(project: &Project) -> String {
    let (status, document) = project.json(&["status"]);
    assert_eq!(status, 0, "{document:#}");
    let state = document["infrastructure"]["state"].as_str().expect("a state").to_owned();
    assert!(DOCUMENTED.contains(&&*state), "{state}");
    state
}

#[test]
fn a_whole_life_shows_documented_states_only() {
    let (project, engine) = engined(Project::new("INFRA_TYPE=container\nMEMORY=512\n"));
    let mut seen = vec![state(&project)];
    for verb in [&["up"][..], &["up"], &["stop"], &["stop"], &["up"], &["rm", "-y"], &["rm"]] {
        project.ok(verb);
        seen.push(state(&project));
    }
    assert_eq!(
        seen,
        [
            "not_created",
            "running",
            "running",
            "stopped",
            "stopped",
            "running",
            "not_created",
            "not_created"
        ]
    );
    assert_eq!((engine.containers(), engine.networks()), (Vec::new(), Vec::new()));
}

#[test]
fn a_slow_create_is_seen_as_creating() {
    let (project, engine) = slow("POST /containers/create");
    let mut up = begin(&project, &["up"]);
    engine.wait_for("POST /containers/create");
    assert_eq!(state(&project), "creating");
    assert!(up.wait().unwrap().success());
    assert_eq!(state(&project), "running");
}

#[test]
fn a_slow_start_is_seen_as_starting() {
    // It is started by its id.
    let (project, engine) = slow("POST /containers/0");
    project.ok(&["up", "--no-start"]);
    let mut up = begin(&project, &["up"]);
    engine.wait_for("POST /containers/0");
    assert_eq!(state(&project), "starting");
    assert!(up.wait().unwrap().success());
}

#[test]
fn a_slow_rm_is_seen_as_removing() {
    let (project, engine) = slow("DELETE /containers/");
    project.ok(&["up"]);
    let mut rm = begin(&project, &["rm", "-y"]);
    engine.wait_for("DELETE /containers/");
    assert_eq!(state(&project), "removing");
    assert!(rm.wait().unwrap().success());
    assert_eq!(state(&project), "not_created");
}

#[test]
fn a_dead_owner_leaves_no_transient_state() {
    let (project, engine) = slow("POST /containers/create");
    let mut up = begin(&project, &["up"]);
    engine.wait_for("POST /containers/create");
    up.kill().unwrap();
    up.wait().unwrap();
    assert_eq!(state(&project), "not_created");
    engine.world().slow.clear();
    project.ok(&["up"]);
    assert_eq!(state(&project), "running");
}
