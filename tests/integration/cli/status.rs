//! `status`: the instance as its provider sees it.

use insta::assert_snapshot;

use super::{Project, engined, project, schema};

#[test]
fn status_has_the_documented_shape() {
    let (project, _engine) =
        engined(Project::new("INFRA_TYPE=container\nMEMORY=512\nCPUS=1\nMOUNTS=.:/work\n"));
    assert_snapshot!(project.ok(&["status"]).stdout, @"
    project: not created (container on podman)
      project    {root}/project
      next       vagrantp up
    ");
    project.ok(&["up"]);
    assert_snapshot!(project.ok(&["status"]).stdout, @"
    project: running (container on podman)
      resources  512 MiB of memory, 1 CPU
      address    10.89.0.2
      project    {root}/project
      next       vagrantp ssh
    ");
    let (_, document) = project.json(&["status"]);
    schema::check(&document);
    assert_eq!(document["infrastructure"]["state"], "running");
    assert_eq!(document["changed"], false);
    project.ok(&["stop"]);
    let days = regex::Regex::new("[0-9]+ days").unwrap();
    assert_snapshot!(days.replace(&project.ok(&["status"]).stdout, "{days}"), @"
    project: stopped (container on podman)
      resources  512 MiB of memory, 1 CPU
      ended      stopped by vagrantp {days} ago
      project    {root}/project
      next       vagrantp up
    ");
}

#[test]
fn the_project_path_is_absolute() {
    let (project, _engine) = engined(Project::new("INFRA_TYPE=container\nMEMORY=512\n"));
    project.sibling("other", "INFRA_TYPE=container\n");
    std::os::unix::fs::symlink(project.dir(), project.root().join("link")).unwrap();
    for dir in [".", "../project", "../other/../project", "../link"] {
        let (_, document) = project.json(&["-C", dir, "status"]);
        let path = document["infrastructure"]["project_path"].as_str();
        assert_eq!(path, Some("{root}/project"), "{dir}");
    }
}

#[test]
fn a_provider_that_cannot_be_asked_reads_unknown() {
    let project = project("INFRA_TYPE=container\n");
    let (status, document) = project.json(&["status"]);
    schema::check(&document);
    assert_eq!((status, &document["infrastructure"]["state"]), (5, &"unknown".into()));
    let ran = project.run(&["status"]);
    assert_eq!((ran.status, &*ran.stdout), (5, ""));
    assert_snapshot!(ran.stderr, @"
    vagrantp::provider::unreachable

      × podman does not answer at {root}/no.sock
      help: `podman info` shows whether Podman works at all; where CONTAINER_HOST
            or DOCKER_HOST names this socket, start its service, or unset the
            variable
      because: No such file or directory (os error 2)
    ");
}

#[test]
fn a_service_that_ends_while_it_is_asked_is_asked_again() {
    // One that was killed may take a few connections yet, and answers none of them.
    let (project, engine) = engined(Project::new("INFRA_TYPE=container\n"));
    for hang_ups in 1..=4 {
        engine.world().hang_ups = hang_ups;
        let (status, document) = project.json(&["status"]);
        assert_eq!((status, &document["infrastructure"]["state"]), (0, &"not_created".into()));
        assert_eq!(engine.world().hang_ups, 0, "nobody called so often");
    }
    engine.world().hang_ups = 1000;
    let (status, document) = project.json(&["status"]);
    assert_eq!((status, &document["error"]["code"]), (5, &"PROVIDER_NOT_AVAILABLE".into()));
}
