//! `ssh`, as far as it goes without anything to go into: the real one is tested on a real engine.

use std::time::{Duration, Instant};

use insta::assert_snapshot;

use super::{Project, engined, project, schema};

#[test]
fn info_shows_the_way_in() {
    let (project, _engine) =
        engined(Project::new("INFRA_TYPE=container\nMEMORY=512\nSSH_USER=dev\n"));
    project.ok(&["up"]);
    assert_snapshot!(project.ok(&["ssh", "--info"]).stdout, @"
    project: running
      command    vagrantp -C {root}/project ssh
      directly   podman exec -it project sh -l
      user       dev
    ");
    let (_, document) = project.json(&["ssh", "--info"]);
    schema::check(&document);
    assert_eq!(document["access"], document["infrastructure"]["access"]);
    assert_snapshot!(format!("{:#}", document["access"]).replace(&project.root().display().to_string(), "{root}"), @r#"
    {
      "command": "vagrantp -C {root}/project ssh",
      "host": null,
      "key": null,
      "port": null,
      "ssh_command": "podman exec -it project sh -l",
      "user": "dev",
      "web_urls": []
    }
    "#);
}

#[test]
fn failures_of_our_own_are_255_and_leave_stdout_alone() {
    let (project, _engine) = engined(Project::new("INFRA_TYPE=container\nMEMORY=512\n"));
    let ran = project.run(&["ssh", "-c", "true"]);
    assert_eq!((ran.status, &*ran.stdout), (255, ""));
    assert_snapshot!(ran.stderr, @"
    vagrantp::plan::not_found

      × there is no instance of this project
      help: `vagrantp up` makes one
    ");
    project.ok(&["up"]);
    project.ok(&["stop"]);
    let ran = project.run(&["ssh", "-c", "true"]);
    assert_eq!((ran.status, &*ran.stdout), (255, ""));
    assert_snapshot!(ran.stderr, @"
    vagrantp::ssh::not_running

      × `project` is stopped
      help: `vagrantp up` starts it
    ");
}

#[test]
fn a_failed_connection_has_troubleshooting() {
    let project = project("INFRA_TYPE=container\n");
    let ran = project.run(&["ssh", "-c", "true"]);
    assert_eq!((ran.status, &*ran.stdout), (255, ""));
    assert_snapshot!(ran.stderr, @"
    vagrantp::provider::unreachable

      × podman does not answer at {root}/no.sock
      help: `podman info` shows whether Podman works at all; where CONTAINER_HOST
            or DOCKER_HOST names this socket, start its service, or unset the
            variable
      because: No such file or directory (os error 2)
    ");
    let (status, document) = project.json(&["ssh", "--info"]);
    assert_eq!((status, &document["error"]["code"]), (255, &"PROVIDER_NOT_AVAILABLE".into()));
}

#[test]
fn a_dead_provider_fails_at_once() {
    // Somebody listened there once: the socket is left, and nobody answers.
    let project = Project::new("INFRA_TYPE=container\n");
    let path = project.root().join("podman.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let project = project.with("CONTAINER_HOST", &format!("unix://{}", path.display()));
    let begun = Instant::now();
    assert_eq!(project.run(&["ssh", "-c", "true"]).status, 255);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}
