//! `restart`, `suspend`, `resume`, `snapshot` and `logs`: their documents, and what they say.

use insta::assert_snapshot;
use serde_json::Value;

use super::{Engine, Project, engined, schema, scrubbed};

fn machine() -> (Project, Engine) {
    engined(Project::new("INFRA_TYPE=container\nMEMORY=512\n"))
}

#[test]
fn every_way_out_is_one_document() {
    let (project, engine) = machine();
    let calls: [(&[&str], i32, Option<&str>); 25] = [
        (&["restart"], 1, Some("INFRA_NOT_FOUND")),
        (&["snapshot", "list"], 1, Some("INFRA_NOT_FOUND")),
        (&["logs"], 1, Some("INFRA_NOT_FOUND")),
        (&["restart", "--soon"], 2, Some("USAGE")),
        (&["snapshot"], 2, Some("USAGE")),
        (&["up", "--no-start"], 0, None),
        (&["suspend"], 1, Some("INVALID_STATE")),
        (&["resume"], 1, Some("INVALID_STATE")),
        (&["restart"], 0, None),
        (&["restart", "--force"], 0, None),
        (&["suspend"], 0, None),
        (&["suspend"], 0, None),
        (&["ssh", "--info"], 0, None),
        (&["resume"], 0, None),
        (&["resume"], 0, None),
        (&["snapshot", "create", "a", "--description", "first"], 0, None),
        (&["snapshot", "create", "a"], 1, Some("SNAPSHOT_EXISTS")),
        (&["snapshot", "create", "a/b"], 2, Some("USAGE")),
        (&["snapshot", "create", "b", "--description", "a\nb"], 2, Some("USAGE")),
        (&["snapshot", "list"], 0, None),
        (&["snapshot", "revert", "b"], 1, Some("SNAPSHOT_NOT_FOUND")),
        (&["snapshot", "revert", "a"], 1, Some("CONFIRMATION_REQUIRED")),
        (&["snapshot", "rm", "a"], 1, Some("CONFIRMATION_REQUIRED")),
        (&["logs", "--tail", "1"], 0, None),
        (&["logs", "--since", "soon"], 2, Some("USAGE")),
    ];
    for (call, exit, code) in calls {
        let mut all = vec!["--json"];
        all.extend(call);
        let ran = project.run(&all);
        let document: Value = serde_json::from_str(&ran.stdout)
            .unwrap_or_else(|error| panic!("{call:?}: {error}\n{}", ran.stdout));
        schema::check(&document);
        let found = (ran.status, document["error"]["code"].as_str());
        assert_eq!(found, (exit, code), "{call:?}: {document:#}");
        assert!(call[0] == "up" || ran.stderr.is_empty(), "{call:?}: {}", ran.stderr);
    }
    assert_eq!(engine.containers().len(), 1);
    let (_, list) = project.json(&["snapshot", "list"]);
    let first = &list["snapshots"][0];
    assert_eq!((&first["name"], &first["description"]), (&"a".into(), &"first".into()));
}

#[test]
fn followed_logs_are_lines_of_json_and_a_failure_is_one_more() {
    let (project, _engine) = machine();
    let ran = project.run(&["--json", "logs", "--follow"]);
    assert_eq!((ran.status, ran.stdout.lines().count()), (1, 1), "{}", ran.stdout);
    schema::check(&ran.document());
    project.ok(&["up"]);
    let ran = project.ok(&["--json", "logs", "--follow"]);
    assert_eq!(
        ran.stdout,
        "{\"schema\":1,\"stream\":\"stdout\",\"text\":\"one\"}\n\
         {\"schema\":1,\"stream\":\"stderr\",\"text\":\"oops\"}\n"
    );
    let ran = project.ok(&["logs"]);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("one\n", "oops\n"));
}

#[test]
fn what_makes_no_sense_says_what_helps() {
    let (project, _engine) = machine();
    project.ok(&["up"]);
    project.ok(&["stop"]);
    assert_snapshot!(scrubbed(&project.run(&["suspend"]).stderr), @"
    vagrantp::plan::invalid_state

      × cannot suspend `project`: it is stopped
      help: `vagrantp up` starts it
    ");
    project.ok(&["up"]);
    project.ok(&["suspend"]);
    assert_snapshot!(scrubbed(&project.run(&["ssh", "-c", "true"]).stderr), @"
    vagrantp::ssh::not_running

      × `project` is suspended
      help: `vagrantp resume` lets it go on
    ");
    assert_snapshot!(scrubbed(&project.run(&["snapshot", "revert", "x"]).stderr), @"
    vagrantp::plan::snapshot_not_found

      × there is no snapshot `x`
      help: there are none: `vagrantp snapshot create` takes one
    ");
    assert_snapshot!(scrubbed(&project.ok(&["snapshot", "create", "x"]).stdout), @"
    The snapshot x of project was taken.
      next       vagrantp snapshot revert x
    ");
    assert_snapshot!(scrubbed(&project.run(&["snapshot", "revert", "x"]).stderr), @"
    vagrantp::consent::confirmation_required

      × going back deletes what was written since the snapshot, and nobody agreed
      help: add -y, which agrees to that; a snapshot taken now would keep what
            there is
    ");
}

#[test]
fn a_stop_that_does_not_last_is_no_success() {
    let (project, engine) = machine();
    project.ok(&["up"]);
    engine.world().restless = true;
    let ran = project.run(&["stop"]);
    assert_eq!(ran.status, 1);
    assert_snapshot!(scrubbed(&ran.stderr), @"
    project (container on podman)
    [1/1] Stop the container project (killed after 30 s)
    vagrantp::stop::runs_again

      × `project` was told to stop, and runs again
      help: something starts it each time: `vagrantp logs` shows its runs,
            `vagrantp rm` removes it
    ");
    engine.world().restless = false;
    project.ok(&["stop"]);
}
