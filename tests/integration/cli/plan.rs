//! `plan`: what `up` would do, and why.

use insta::assert_snapshot;

use super::{Project, engined, scrubbed};

#[test]
fn the_id_is_the_directorys_unless_the_env_says_otherwise() {
    let (project, engine) = engined(Project::named("My Project_1"));
    project.file(".env", "INFRA_TYPE=container\nMEMORY=512\nCPUS=1\n");
    assert_snapshot!(scrubbed(&project.ok(&["plan"]).stdout), @"
      1. Create the network vagrantp-{uuid}  ← no network of the project's
      2. Create the container my-project-1 from docker.io/library/alpine:latest (512 MiB, 1 CPU)  ← no instance of the project's
      3. Start the container my-project-1
    3 steps.
    ");
    project.file(".env", "INFRA_TYPE=container\nMEMORY=512\nCPUS=1\nINFRA_ID=web\n");
    assert_snapshot!(scrubbed(&project.ok(&["plan"]).stdout), @"
      1. Create the network vagrantp-{uuid}  ← no network of the project's
      2. Create the container web from docker.io/library/alpine:latest (512 MiB, 1 CPU)  ← no instance of the project's
      3. Start the container web
    3 steps.
    ");
    assert_eq!(engine.containers(), []);
    assert!(!project.state().exists(), "a look wrote something");
}

#[test]
fn an_edit_is_planned_with_its_line_and_its_cost() {
    let (project, _engine) = engined(Project::new("INFRA_TYPE=container\nMEMORY=512\nCPUS=1\n"));
    project.ok(&["up"]);
    assert_snapshot!(scrubbed(&project.ok(&["plan"]).stdout), @"Nothing to do.");
    project.file(".env", "INFRA_TYPE=container\n\nMEMORY=600\nCPUS=1\n");
    assert_snapshot!(scrubbed(&project.ok(&["plan"]).stdout), @"
      1. [replace] Stop the container project (killed after 30 s)  ← MEMORY: 512 MiB → 600 MiB (.env:3)
      2. [replace] Save the files of the container project
      3. Rename the container project to project-replaced-1
      4. [replace] Create the container project again with its files (600 MiB, 1 CPU)
      5. Start the container project
      6. Remove the old container project-replaced-1 (its files are kept)
    6 steps: what runs inside is restarted; files stay (0 B are copied).
    ");
    project.file(".env", "INFRA_TYPE=container\nIMAGE=debian:12\nMEMORY=512\nCPUS=1\n");
    assert_snapshot!(scrubbed(&project.ok(&["plan"]).stdout), @"
      1. Fetch the image docker.io/library/debian:12  ← IMAGE: docker.io/library/alpine:latest → docker.io/library/debian:12 (.env:2)
      2. [recreate] Stop the container project (killed after 30 s)
      3. [recreate] DELETE the container project with everything written in it
      4. Create the container project from docker.io/library/debian:12 (512 MiB, 1 CPU)
      5. Start the container project
    5 steps: EVERYTHING WRITTEN IN THE CONTAINER IS LOST.
    ");
    assert_eq!(project.ok(&["up", "--dry-run"]).stdout, project.ok(&["plan"]).stdout);
}
