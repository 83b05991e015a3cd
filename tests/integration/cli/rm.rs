//! `rm`: nothing goes without a yes, and then everything does.

use insta::assert_snapshot;

use super::{Project, engined, remembered, scrubbed};

#[test]
fn without_a_terminal_rm_needs_a_yes() {
    let (project, engine) = engined(Project::new("INFRA_TYPE=container\nMEMORY=512\n"));
    project.ok(&["up"]);
    // What stands on stdin is no answer.
    let ran = project.run_with(&["rm"], b"yes\n");
    assert_eq!((ran.status, &*ran.stdout), (1, ""));
    assert_snapshot!(ran.stderr, @"
    vagrantp::consent::confirmation_required

      × removing the container deletes everything written in it, and nobody agreed
      help: `vagrantp rm -y` stops and removes it, `vagrantp rm --force` kills and
            removes it
    ");
    assert_eq!(engine.containers(), [("project".to_owned(), "running".to_owned())]);
    let ran = project.ok(&["rm", "-y"]);
    assert_snapshot!(scrubbed(&format!("{}{}", ran.stderr, ran.stdout)), @"
    project (container on podman)
    [1/3] Stop the container project (killed after 30 s)
    [2/3] DELETE the container project with everything written in it
    [3/3] Remove the network vagrantp-{uuid}
    project was removed.
    ");
    assert_eq!((engine.containers(), engine.networks()), (vec![], vec![]));
    assert_snapshot!(project.ok(&["rm"]).stdout, @"There is nothing to remove.");
    assert_eq!(remembered(&project), 0);
}

#[test]
fn rm_with_force_kills_and_does_not_ask() {
    let (project, engine) = engined(Project::new("INFRA_TYPE=container\nMEMORY=512\n"));
    project.ok(&["up"]);
    let ran = project.ok(&["rm", "--force"]);
    assert!(ran.stderr.contains("Kill the container project"), "{}", ran.stderr);
    assert_eq!(engine.containers(), []);
}

#[test]
fn what_exists_goes_also_when_the_env_is_broken_or_gone() {
    for env in [Some("INFRA_TYPE=banana\n"), Some("INFRA_TYPE=container\nINFRA_ID=renamed\n"), None]
    {
        let (project, engine) = engined(Project::new("INFRA_TYPE=container\nMEMORY=512\n"));
        project.ok(&["up"]);
        std::fs::remove_dir_all(project.state()).unwrap();
        match env {
            Some(text) => drop(project.file(".env", text)),
            None => std::fs::remove_file(project.dir().join(".env")).unwrap(),
        }
        project.ok(&["stop"]);
        assert_eq!(engine.containers(), [("project".to_owned(), "exited".to_owned())], "{env:?}");
        project.ok(&["rm", "-y"]);
        assert_eq!((engine.containers(), engine.networks()), (vec![], vec![]), "{env:?}");
    }
}

#[test]
fn what_is_not_ours_is_never_touched() {
    let (project, engine) = engined(Project::new("INFRA_TYPE=container\nINFRA_ID=web\n"));
    engine.stranger("web");
    for verb in [&["rm", "--force"][..], &["rm", "-y"], &["stop"], &["up"]] {
        project.run(verb);
    }
    assert_eq!(engine.containers(), [("web".to_owned(), "running".to_owned())]);
    let changed = |request: &String| !request.starts_with("GET");
    let requests = engine.world().requests.clone();
    assert!(!requests.iter().any(changed), "{requests:?}");
}

#[test]
fn what_was_left_of_a_machine_is_named_as_that() {
    let (project, engine) = engined(Project::new("INFRA_TYPE=container\nMEMORY=512\n"));
    project.ok(&["up"]);
    engine.lose_containers();
    let says = "There was no project; what was left of it was removed: its network.";
    assert_eq!(project.ok(&["rm", "-y"]).stdout.trim_end(), says);
    assert_eq!(engine.networks(), [""; 0]);
    assert_eq!(project.ok(&["rm", "-y"]).stdout.trim_end(), "There is nothing to remove.");
}
