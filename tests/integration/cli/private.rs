//! What is kept is this user's alone: a link, another owner or a mode that lets others write is refused
//! before anything is read or written there, and what it leads to stays as it was.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Engine, Project, engined, project};

fn machine() -> (Project, Engine) {
    engined(Project::new("INFRA_TYPE=container\nMEMORY=512\nCPUS=1\nPORTS=auto:80\n"))
}

/// The one directory of the one machine.
fn instance(project: &Project) -> PathBuf {
    let mut entries = fs::read_dir(project.state().join("instances")).expect("is there").flatten();
    entries.next().expect("a machine").path()
}

/// A directory of the frame; without a name, the whole.
fn part_of(project: &Project, name: &str) -> PathBuf {
    project.state().join(name).components().collect()
}

/// Moves it away, and puts a link to it in its place.
fn linked(path: &Path, elsewhere: &Path) {
    fs::rename(path, elsewhere).expect("moved");
    symlink(elsewhere, path).expect("a symlink");
}

fn refused(project: &Project, verb: &[&str], words: &str) {
    let (status, document) = project.json(verb);
    let error = &document["error"];
    assert_eq!(
        (status, &error["code"]),
        (1, &"PERMISSION_DENIED".into()),
        "{verb:?}: {document:#}"
    );
    assert_eq!(error["errors"][0]["rule"], "vagrantp::store::untrusted");
    let message = error["message"].as_str().expect("a message");
    assert!(message.contains(words), "{message}");
    assert!(error["suggestion"].as_str().is_some_and(|help| help.contains("XDG_STATE_HOME")));
}

const VERBS: &[&[&str]] =
    &[&["up"], &["status"], &["plan"], &["list"], &["stop"], &["gc", "--dry-run"], &["rm", "-y"]];

#[test]
fn a_frame_that_is_a_link_is_refused_by_every_verb() {
    for part in ["", "instances", "history"] {
        let (project, engine) = machine();
        project.ok(&["up"]);
        let elsewhere = project.root().join("elsewhere");
        linked(&part_of(&project, part), &elsewhere);
        let before = engine.containers();
        let files = |dir: &Path| fs::read_dir(dir).expect("is there").count();
        let kept = files(&elsewhere);
        for verb in VERBS {
            refused(&project, verb, "is a symlink");
        }
        assert_eq!((engine.containers(), files(&elsewhere)), (before, kept), "{part}");
        // Verbs that have no machine go on.
        project.ok(&["validate"]);
        fs::remove_file(part_of(&project, part)).expect("the link goes");
        project.ok(&["up"]);
    }
}

#[test]
fn a_frame_that_others_may_write_or_that_is_not_ours_is_refused() {
    for part in ["", "instances", "history"] {
        let (project, _engine) = machine();
        project.ok(&["up"]);
        let path = part_of(&project, part);
        for mode in [0o777, 0o770, 0o702] {
            fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("ours");
            for verb in VERBS {
                refused(&project, verb, "can be written by others");
            }
        }
        fs::set_permissions(&path, PermissionsExt::from_mode(0o700)).expect("ours");
        if rustix::process::getuid().is_root() {
            chown(&path, Some(12345), None).expect("root may do that");
            for verb in VERBS {
                refused(&project, verb, "belongs to the user with the id 12345");
            }
            chown(&path, Some(0), None).expect("root may do that");
        }
        project.ok(&["up"]);
    }
    // Where everybody may rename what is in it, anybody may put another one there.
    let (project, _engine) = machine();
    project.ok(&["up"]);
    let base = project.root().join("state");
    fs::set_permissions(&base, PermissionsExt::from_mode(0o777)).expect("ours");
    refused(&project, &["up"], "can be written by others");
    fs::set_permissions(&base, PermissionsExt::from_mode(0o1777)).expect("ours");
    project.ok(&["up"]);
}

#[test]
fn a_machines_directory_that_is_a_link_keeps_what_it_leads_to() {
    let (project, _engine) = machine();
    project.ok(&["up"]);
    let precious = project.root().join("precious");
    linked(&instance(&project), &precious);
    fs::write(precious.join("thesis"), "years of work").expect("a file");
    for verb in [&["stop"][..], &["rm", "-y"], &["rm", "--force"]] {
        refused(&project, verb, "is a symlink");
    }
    assert_eq!(fs::read_to_string(precious.join("thesis")).expect("still there"), "years of work");
    project.ok(&["status"]);
}

#[test]
fn a_file_that_is_a_link_or_a_pipe_is_not_read_not_written_and_not_waited_for() {
    let foreign = "{\"schema\":1,\"owner\":{\"pid\":1,\"started\":0}}";
    for (name, recovers) in [
        ("record.json", true),
        ("journal.json", true),
        ("lock", false),
        ("../../leases.json", true),
    ] {
        let (project, _engine) = machine();
        project.ok(&["up"]);
        let path = instance(&project).join(name);
        let target = project.root().join("target");
        fs::write(&target, foreign).expect("a file");
        for kind in ["link", "pipe", "open"] {
            let _ = fs::remove_file(&path);
            match kind {
                "link" => symlink(&target, &path).expect("a symlink"),
                "pipe" => {
                    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
                    rustix::fs::mkfifoat(rustix::fs::CWD, &path, mode).expect("a pipe");
                }
                _ => {
                    fs::write(&path, foreign).expect("a file");
                    fs::set_permissions(&path, PermissionsExt::from_mode(0o666)).expect("ours");
                }
            }
            // It tells the truth at once, and a writer puts a file of its own there, or says why not.
            let (status, document) = project.json(&["status"]);
            assert_eq!(status, 0, "{name}, {kind}: {document:#}");
            assert_ne!(document["infrastructure"]["state"], "creating", "{name}, {kind}");
            let ran = project.run(&["stop"]);
            assert_eq!(ran.status == 0, recovers, "{name}, {kind}: {}", ran.stderr);
            project.ok(&["up"]);
            let content = fs::read_to_string(&target).expect("still there");
            assert_eq!(content, foreign, "{name}, {kind}");
        }
        let _ = fs::remove_file(&path);
        project.ok(&["rm", "-y"]);
    }
}

#[test]
fn history_is_not_written_through_a_link() {
    let (project, _engine) = machine();
    project.ok(&["up"]);
    let (path, target) = (project.state().join("history/events.jsonl"), project.root().join("t"));
    linked(&path, &target);
    let before = fs::metadata(&target).expect("is there").size();
    let ran = project.ok(&["stop"]);
    assert!(ran.stderr.contains("is a symlink"), "{}", ran.stderr);
    assert_eq!(fs::metadata(&target).expect("is there").size(), before);
}

/// A call that looks for an engine where vagrantp would have one of its own.
fn distrusts(project: &Project, words: &str) {
    let (status, document) = project.json(&["up"]);
    let error: &Value = &document["error"];
    assert_eq!((status, &error["code"]), (5, &"PROVIDER_NOT_AVAILABLE".into()), "{document:#}");
    let message = error["message"].as_str().expect("a message");
    assert!(message.contains(words), "{message}");
    assert_eq!(error["errors"][0]["rule"], "vagrantp::provider::untrusted");
}

#[test]
fn a_socket_of_our_own_is_ours_or_is_not_used() {
    let project = || Project::new("INFRA_TYPE=container\n");
    let run = |project: &Project| project.root().join("run");
    let make = |path: &Path, mode: u32| {
        fs::create_dir_all(path).expect("a directory");
        fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("ours");
    };
    for (mode, words) in [(0o777, "can be written by others"), (0o770, "can be written by others")]
    {
        let project = project();
        make(&run(&project).join("vagrantp"), mode);
        // Somebody waits there already.
        let engine = Engine::listen(&run(&project).join("vagrantp/podman.sock"));
        distrusts(&project, words);
        assert_eq!(engine.world().requests, [""; 0], "nothing was said there");
    }
    let other = project();
    make(&other.root().join("elsewhere"), 0o700);
    make(&run(&other), 0o700);
    symlink(other.root().join("elsewhere"), run(&other).join("vagrantp")).expect("a symlink");
    distrusts(&other, "is a symlink");
    let other = project();
    make(&run(&other).join("vagrantp"), 0o700);
    let engine = Engine::listen(&other.root().join("elsewhere.sock"));
    symlink(engine.path(), run(&other).join("vagrantp/podman.sock")).expect("a symlink");
    distrusts(&other, "is a symlink");
    assert_eq!(engine.world().requests, [""; 0], "nothing was said there");
    let other = project();
    make(&run(&other), 0o777);
    make(&run(&other).join("vagrantp"), 0o700);
    distrusts(&other, "can be written by others");
}

#[test]
fn an_engine_of_another_user_is_not_talked_to() {
    if !rustix::process::getuid().is_root() {
        return;
    }
    use rustix::process::{Uid, getuid};
    use rustix::thread::set_thread_res_uid;
    let project = project("INFRA_TYPE=container\n");
    let dir = project.root().join("theirs");
    fs::create_dir(&dir).expect("a directory");
    fs::set_permissions(&dir, PermissionsExt::from_mode(0o777)).expect("ours");
    // Who listens is whoever this thread is at that moment.
    let become_user = |id: u32| set_thread_res_uid(getuid(), Uid::from_raw(id), getuid());
    become_user(12345).expect("root may do that");
    let engine = Engine::listen(&dir.join("podman.sock"));
    become_user(0).expect("it still may");
    let project = project.with("CONTAINER_HOST", &format!("unix://{}", engine.path().display()));
    distrusts(&project, "is served by a process of the user with the id 12345");
    assert_eq!(engine.world().requests, [""; 0], "nothing was said there");
}

#[test]
fn a_file_that_is_left_where_it_is_gets_one_warning() {
    let (project, _engine) = machine();
    project.ok(&["up"]);
    let record = instance(&project).join("record.json");
    for verb in [&["status"][..], &["up"], &["stop"], &["up"]] {
        fs::set_permissions(&record, PermissionsExt::from_mode(0o666)).expect("ours");
        let ran = project.run(verb);
        assert_eq!(ran.status, 0, "{verb:?}: {}", ran.stderr);
        assert_eq!(
            ran.stderr.matches("warning: cannot read").count(),
            1,
            "{verb:?}: {}",
            ran.stderr
        );
        fs::set_permissions(&record, PermissionsExt::from_mode(0o666)).expect("ours");
        let (_, document) = project.json(&["status"]);
        let warnings = document["warnings"].as_array().expect("a list");
        assert_eq!(warnings.len(), 1, "{document:#}");
    }
}

#[test]
fn a_socket_whose_path_is_too_long_is_told_with_the_limit_and_the_variable() {
    let long = format!("/tmp/{}", "long/".repeat(30));
    let of = |project: Project| {
        let (status, document) = project.json(&["up"]);
        let error = &document["error"];
        assert_eq!((status, &error["code"]), (5, &"PROVIDER_NOT_AVAILABLE".into()), "{document:#}");
        error["suggestion"].as_str().expect("a help").to_owned()
    };
    let text = "INFRA_TYPE=container\n";
    let set = format!("unix://{long}x.sock");
    let help = of(Project::new(text).with("CONTAINER_HOST", &set));
    assert!(help.contains("107 bytes") && help.contains("CONTAINER_HOST name"), "{help}");
    if std::fs::symlink_metadata("/run/podman/podman.sock").is_err() {
        let help = of(Project::new(text).with("XDG_RUNTIME_DIR", &long));
        assert!(help.contains("107 bytes") && help.contains("XDG_RUNTIME_DIR name"), "{help}");
    }
}
