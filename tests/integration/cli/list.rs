//! `list`: what the provider has, of every project.

use insta::assert_snapshot;

use super::{Project, engined};

#[test]
fn machines_of_all_projects_are_listed() {
    let (project, engine) = engined(Project::new("INFRA_TYPE=container\nMEMORY=512\n"));
    assert_snapshot!(project.ok(&["list"]).stdout, @"There are no machines.");
    project.ok(&["up"]);
    let other = project.sibling("api", "INFRA_TYPE=container\nMEMORY=512\n");
    let other = other.display().to_string();
    project.ok(&["-C", &other, "up"]);
    project.ok(&["-C", &other, "stop"]);
    engine.stranger("somebody-elses");
    assert_snapshot!(project.ok(&["list"]).stdout, @"
    NAME     STATE    TYPE       PROVIDER  PORTS  PROJECT
    api      stopped  container  podman    -      {root}/api
    project  running  container  podman    -      {root}/project
    ");
    assert_snapshot!(project.ok(&["list", "--filter", "stopped"]).stdout, @"
    NAME  STATE    TYPE       PROVIDER  PORTS  PROJECT
    api   stopped  container  podman    -      {root}/api
    ");
    let ran = project.run(&["list", "--filter", "asleep"]);
    assert_eq!((ran.status, &*ran.stdout), (2, ""));
    assert_snapshot!(ran.stderr, @"
    vagrantp::usage::arguments

      × `asleep` is no state
      help: one of: not_created, creating, starting, running, stopping, stopped,
            suspending, suspended, resuming, removing, error, unknown
    ");
}

#[test]
fn a_machine_is_listed_also_without_its_directory_and_any_file_of_ours() {
    let (project, _engine) = engined(Project::new("INFRA_TYPE=container\nMEMORY=512\n"));
    let gone = project.sibling("gone", "INFRA_TYPE=container\nMEMORY=512\n");
    project.ok(&["-C", &gone.display().to_string(), "up"]);
    std::fs::remove_dir_all(&gone).unwrap();
    std::fs::remove_dir_all(project.state()).unwrap();
    assert_snapshot!(project.ok(&["list"]).stdout, @"
    NAME  STATE    TYPE       PROVIDER  PORTS  PROJECT
    gone  running  container  podman    -      {root}/gone
    ");
}
