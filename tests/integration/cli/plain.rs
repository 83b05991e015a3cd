//! Where output goes, and what is in it: no colour and no prompt unless somebody looks.

use insta::assert_snapshot;

use super::{Engine, Project, container, engined, project, schema, scrubbed, terminal};

fn machine() -> (Project, Engine) {
    engined(Project::new("INFRA_TYPE=container\nMEMORY=512\nCPUS=1\n"))
}

#[test]
fn data_and_diagnostics_go_their_own_ways() {
    let (project, _engine) = machine();
    let ran = project.ok(&["plan"]);
    assert_eq!(ran.stderr, "");
    assert!(ran.stdout.contains("Create the container project"));
    let ran = project.ok(&["up"]);
    assert!(ran.stdout.starts_with("project is ready"), "{}", ran.stdout);
    assert!(ran.stderr.starts_with("project (container on podman)\n"), "{}", ran.stderr);
    assert!(!ran.stdout.contains("[1/"), "{}", ran.stdout);
    let project = container("MEMORY=1");
    let ran = project.run(&["up"]);
    assert_eq!((ran.status, &*ran.stdout), (2, ""));
    assert!(ran.stderr.contains("MEMORY must be at least"), "{}", ran.stderr);
}

#[test]
fn no_escape_code_without_a_terminal() {
    let (project, engine) = machine();
    engine.world().refused.push(("DELETE /networks", "no \u{1b}[31mway"));
    for call in [
        &["plan"][..],
        &["up"],
        &["up"],
        &["status"],
        &["list"],
        &["validate"],
        &["render"],
        &["--help"],
        &["ssh", "--info"],
        &["stop"],
        &["rm"],
        &["rm", "-y"],
        &["up", "--wrong"],
    ] {
        let ran = project.run(call);
        for text in [&ran.stdout, &ran.stderr] {
            assert!(!text.contains(['\u{1b}', '\r', '\u{7}']), "{call:?}: {text:?}");
        }
    }
}

#[test]
fn plain_and_no_color_are_honoured() {
    let (project, _engine) = machine();
    let on_a_terminal = terminal::shown(project.command(&["up"]), b"");
    assert!(on_a_terminal.contains("\u{1b}[32m✓"), "{on_a_terminal:?}");
    project.ok(&["rm", "-y"]);
    let plain = terminal::shown(project.command(&["--plain", "up"]), b"");
    assert!(!plain.contains('\u{1b}'), "{plain:?}");
    project.ok(&["rm", "-y"]);
    let mut command = project.command(&["up"]);
    command.env("NO_COLOR", "1");
    let colourless = terminal::shown(command, b"");
    assert!(!colourless.contains('\u{1b}'), "{colourless:?}");
    let broken = container("MEMORY=1");
    let coloured = terminal::shown(broken.command(&["up"]), b"");
    assert!(coloured.contains('\u{1b}'), "{coloured:?}");
    let plain = terminal::shown(broken.command(&["--plain", "up"]), b"");
    assert!(!plain.contains('\u{1b}'), "{plain:?}");
}

#[test]
fn no_prompt_without_a_terminal() {
    let (project, engine) = machine();
    project.ok(&["up"]);
    let ran = project.run_with(&["rm"], b"yes\nyes\n");
    assert_eq!(ran.status, 1);
    assert!(!ran.stderr.contains("Type 'yes'"), "{}", ran.stderr);
    // Neither where a program asks for JSON, nor in a CI job that has a terminal.
    let shown = terminal::shown(project.command(&["--json", "rm"]), b"yes\n");
    assert!(shown.contains("CONFIRMATION_REQUIRED"), "{shown}");
    let mut command = project.command(&["rm"]);
    command.env("CI", "true");
    let shown = terminal::shown(command, b"yes\n");
    assert!(!shown.contains("Type 'yes'"), "{shown}");
    assert_eq!(engine.containers().len(), 1);
}

#[test]
fn on_a_terminal_the_plan_is_shown_and_a_yes_asked_for() {
    let (project, engine) = machine();
    project.ok(&["up"]);
    let shown = terminal::shown(project.command(&["--plain", "rm"]), b"no\n");
    assert_snapshot!(scrubbed(&shown), @"
    no
      1. Stop the container project (killed after 30 s)
      2. [destroy] DELETE the container project with everything written in it
      3. Remove the network vagrantp-{uuid}
    3 steps: the container and everything written in it are deleted.
    Type 'yes' to confirm [yes/no/explain]: vagrantp::consent::declined

      × nothing was done: the answer was not yes
      help: call it again to be asked again
    ");
    assert_eq!(engine.containers().len(), 1);
    let shown = terminal::shown(project.command(&["--plain", "rm"]), b"explain\nyes\n");
    assert_snapshot!(scrubbed(&shown), @"
    explain
    yes
      1. Stop the container project (killed after 30 s)
      2. [destroy] DELETE the container project with everything written in it
      3. Remove the network vagrantp-{uuid}
    3 steps: the container and everything written in it are deleted.
    Type 'yes' to confirm [yes/no/explain]:   1. Stop the container project (killed after 30 s)
         why: it was asked for
         cost: what runs inside is stopped
      2. DELETE the container project with everything written in it
         why: it was asked for
         cost: it is deleted with everything written in it
      3. Remove the network vagrantp-{uuid}
         why: it was asked for
         cost: nothing is lost
    Type 'yes' to confirm [yes/no/explain]: project (container on podman)
    [1/3] Stop the container project (killed after 30 s)
    [2/3] DELETE the container project with everything written in it
    [3/3] Remove the network vagrantp-{uuid}
    project was removed.
    ");
    assert_eq!(engine.containers(), []);
}

#[test]
fn a_restart_or_recreate_asks_on_a_terminal() {
    let (project, engine) = machine();
    project.ok(&["up"]);
    engine.world().images.push("docker.io/library/debian:12".to_owned());
    project.file(".env", "INFRA_TYPE=container\nMEMORY=512\nCPUS=1\nIMAGE=debian:12\n");
    let shown = terminal::shown(project.command(&["--plain", "up"]), b"no\n");
    assert!(shown.contains("Type 'yes' to confirm [yes/no/explain]:"), "{shown}");
    project.ok(&["status"]);
    let before = engine.world().requests.len();
    terminal::shown(project.command(&["--plain", "up"]), b"yes\n");
    let requests = engine.world().requests.split_off(before);
    assert!(requests.iter().any(|request| request == "POST /containers/create"), "{requests:?}");
}

#[test]
fn help_and_version_are_json_where_that_was_asked_for() {
    let project = project("");
    for arguments in [["--json", "--help"], ["--json", "--version"], ["--help", "--json"]] {
        let ran = project.run(&arguments);
        assert_eq!(ran.status, 0, "{}", ran.stderr);
        let document = serde_json::from_str(&ran.stdout).expect("one document");
        schema::check(&document);
        let message = document["message"].as_str().expect("a message");
        assert!(message.contains("vagrantp"), "{message}");
    }
    assert!(project.run(&["--version"]).stdout.starts_with("vagrantp "));
}
