//! vagrantp's own files, damaged in every way: each verb says so, sets them aside and does its work.
//! And a disk that is full at any of its writes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};

use tempfile::TempDir;

use super::{Engine, Project, engined};

/// Each test has ports of its own to pick from: projects of different users look whether a port can be
/// bound without knowing of each other, and for that moment it can not.
fn env() -> String {
    static NEXT: AtomicU16 = AtomicU16::new(23800);
    thread_local! {
        static FIRST: u16 = NEXT.fetch_add(5, Ordering::Relaxed);
    }
    let first = FIRST.with(|first| *first);
    let last = first + 4;
    format!("INFRA_TYPE=container\nMEMORY=512\nPORTS=auto:80\nPORT_POOL={first}-{last}\n")
}

/// How a file can be damaged: with what is in it then, or none for a directory in its place.
const DAMAGES: &[(&str, Option<&[u8]>)] = &[
    ("empty", Some(b"")),
    ("torn", Some(b"{\"schema\":1,\"uuid\":\"")),
    ("truncated", Some(b"{\"schema\":1}")),
    ("binary", Some(b"\0\xff\xfe\x1b[2J\x1b]0;x\x07")),
    ("of a later version", Some(b"{\"schema\":99,\"leases\":{},\"owner\":7}")),
    ("a directory", None),
];

/// The verbs, in an order in which each has something to do.
const VERBS: &[&[&str]] = &[
    &["up"],
    &["status"],
    &["plan"],
    &["list"],
    &["up"],
    &["restart"],
    &["stop"],
    &["status"],
    &["up", "-y"],
    &["rm", "-y"],
];

/// A project whose state is, where that can be, in memory: what is written is synced, each time.
struct Kept {
    project: Project,
    engine: Engine,
    state: TempDir,
}

impl std::ops::Deref for Kept {
    type Target = Project;

    fn deref(&self) -> &Project {
        &self.project
    }
}

impl Kept {
    fn state(&self) -> PathBuf {
        self.state.path().join("vagrantp")
    }
}

fn machine() -> Kept {
    let state = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let state = state.expect("a directory");
    let place = state.path().display().to_string();
    let (project, engine) = engined(Project::new(&env()).with("XDG_STATE_HOME", &place));
    Kept { project, engine, state }
}

/// The instance's directory, whether it is there or not.
fn instance(project: &Kept) -> PathBuf {
    let (_, document) = project.json(&["status"]);
    let uuid = document["infrastructure"]["uuid"].as_str().expect("a uuid").to_owned();
    project.state().join("instances").join(uuid)
}

fn damage(path: &Path, content: Option<&[u8]>) {
    let _ = fs::remove_dir_all(path);
    let _ = fs::remove_file(path);
    fs::create_dir_all(path.parent().expect("it has one")).expect("made");
    match content {
        Some(content) => fs::write(path, content).expect("written"),
        None => fs::create_dir(path).expect("made"),
    }
}

/// Each verb does its work with each damage to the file; at least one comes upon it, and says so.
fn survives(file: &str, is_of_instance: bool) {
    for (how, content) in DAMAGES {
        let project = machine();
        let place = if is_of_instance { instance(&project) } else { project.state() };
        let path = place.join(file);
        let mut warned = 0;
        for verb in VERBS {
            damage(&path, *content);
            let ran = project.run(verb);
            let at = format!("{file}, {how}, {verb:?}: {}{}", ran.stdout, ran.stderr);
            assert_eq!(ran.status, 0, "{at}");
            assert!(!at.contains(['\x1b', '\x07']), "{at}");
            let says = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
            warned += usize::from(says.contains(file) && says.contains("set aside as"));
        }
        let is_content_read = file.ends_with(".json");
        assert!(warned >= 1 || !is_content_read && content.is_some(), "{file}, {how}: no warning");
        damage(&path, *content);
        project.ok(&["rm", "-y"]);
        let left = if is_of_instance { place.exists() } else { false };
        assert!(!left, "{file}, {how}: rm leaves {}", place.display());
    }
}

#[test]
fn a_damaged_record_stops_no_verb() {
    survives("record.json", true);
}

#[test]
fn a_damaged_journal_stops_no_verb() {
    survives("journal.json", true);
}

#[test]
fn damaged_leases_stop_no_verb() {
    survives("leases.json", false);
}

#[test]
fn a_damaged_lock_stops_no_verb() {
    survives("lock", true);
    survives("leases.lock", false);
}

#[test]
fn a_damaged_history_stops_no_verb_and_is_gone_on_with() {
    survives("history/events.jsonl", false);
    let project = machine();
    let path = project.state().join("history/events.jsonl");
    damage(&path, Some(b"{\"at\":\"2026-01-02T03:0"));
    project.ok(&["up"]);
    let text = fs::read_to_string(&path).expect("it is text");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("{\"at\":\"2026-01-02T03:0"));
    assert!(lines.clone().count() > 3, "{text}");
    assert!(lines.all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{text}");
}

#[test]
fn a_dead_owners_journal_is_taken_over_and_a_living_one_of_another_start_is_dead() {
    let project = machine();
    let journal = instance(&project).join("journal.json");
    let mine = vagrantp::store::owner::Owner::myself();
    for owner in [(i32::MAX, 1), (mine.pid, mine.started + 1), (1, u64::MAX)] {
        let text = format!(
            "{{\"schema\":1,\"verb\":\"up\",\"owner\":{{\"pid\":{},\"started\":{}}},\
             \"since\":\"2026-01-02T03:04:05Z\",\"steps\":[{{\"action\":\"create\",\
             \"says\":\"x\",\"progress\":\"begun\"}}]}}",
            owner.0, owner.1
        );
        damage(&journal, Some(text.as_bytes()));
        let (_, document) = project.json(&["status"]);
        assert_eq!(document["infrastructure"]["state"], "not_created", "{document:#}");
        project.ok(&["--lock-timeout", "0", "up"]);
        assert!(!journal.exists(), "what was interrupted is over");
        project.ok(&["rm", "-y"]);
    }
}

#[cfg(debug_assertions)]
/// Every file of the state directory but the history, with what is in it.
fn kept(project: &Kept) -> Vec<(PathBuf, Vec<u8>)> {
    let (mut open, mut found) = (vec![project.state()], Vec::new());
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                found.push((path.clone(), fs::read(&path).expect("it can be read")));
            }
        }
    }
    found.sort();
    found
}

#[cfg(debug_assertions)]
/// The points of the store that a call passes, each as often as it does.
fn points(project: &Kept, arguments: &[&str]) -> Vec<(String, usize)> {
    let log = project.root().join("points");
    let mut command = project.command(arguments);
    let output = command.env("VAGRANTP_FAULT_LOG", &log).output().expect("it can be run");
    assert!(output.status.success(), "{output:?}");
    let mut points: Vec<(String, usize)> = Vec::new();
    for line in fs::read_to_string(&log).expect("a log").lines() {
        let Some(deed) = line.strip_suffix(":before") else { continue };
        if deed.starts_with("store.") {
            let time = points.iter().filter(|(known, _)| known == deed).count() + 1;
            points.push((deed.to_owned(), time));
        }
    }
    fs::remove_file(&log).expect("it is there");
    points
}

#[cfg(debug_assertions)]
#[test]
fn a_full_disk_at_any_write_is_said_and_leaves_the_old_content() {
    let project = machine();
    let passed = points(&project, &["up"]);
    assert!(passed.len() > 10, "{passed:?}");
    for (deed, time) in passed {
        project.ok(&["rm", "-y"]);
        let order = format!("{deed}:before:{time}:fail");
        let mut command = project.command(&["up"]);
        let output = command.env("VAGRANTP_FAULT", &order).output().expect("it can be run");
        let ran = project.ran(output);
        let said = format!("{order}: {}{}", ran.stdout, ran.stderr);
        // What is a convenience is warned of at most; without the rest, nothing is begun.
        match ran.status {
            0 => assert!(ran.stdout.contains("is ready"), "{said}"),
            4 => {
                assert!(said.contains("No space left on device"), "{said}");
                assert!(said.contains("help: free some disk space"), "{said}");
                assert_eq!(project.engine.containers(), [], "nothing half-made stays: {said}");
            }
            _ => panic!("{said}"),
        }
        project.ok(&["up"]);
        let before = kept(&project);
        assert!(!before.is_empty(), "{order}: the ports are claimed");
        for verb in [&["stop"][..], &["up"]] {
            let mut command = project.command(verb);
            let output = command.env("VAGRANTP_FAULT", &order).output().expect("it can be run");
            let ran = project.ran(output);
            // Who stops something makes room, and needs none.
            let fine: &[i32] = if verb == ["stop"] { &[0] } else { &[0, 4] };
            assert!(fine.contains(&ran.status), "{order}, {verb:?}: {}", ran.stderr);
            for (path, content) in &before {
                let now = fs::read(path).unwrap_or_default();
                let is_whole = serde_json::from_slice::<serde_json::Value>(&now).is_ok();
                assert!(is_whole, "{order}, {verb:?}: {} is torn", path.display());
                assert!(!content.is_empty());
            }
        }
    }
}

#[cfg(debug_assertions)]
#[test]
fn a_full_disk_keeps_nobody_from_making_room() {
    let project = machine();
    project.ok(&["up"]);
    let mut passed = points(&project, &["rm", "-y"]);
    project.ok(&["up"]);
    passed.extend(points(&project, &["stop"]));
    // What takes something away needs no room.
    passed.retain(|(deed, _)| !deed.starts_with("store.remove"));
    passed.sort();
    passed.dedup();
    let mut warned = 0;
    for (deed, time) in passed {
        project.ok(&["up"]);
        let order = format!("{deed}:before:{time}:fail");
        for verb in [&["stop"][..], &["rm", "-y"]] {
            let mut command = project.command(verb);
            let output = command.env("VAGRANTP_FAULT", &order).output().expect("it can be run");
            let ran = project.ran(output);
            assert_eq!(ran.status, 0, "{order}, {verb:?}: {}{}", ran.stdout, ran.stderr);
            warned += usize::from(ran.stderr.contains("no room left"));
        }
        assert_eq!(project.engine.containers(), [], "{order}");
        // A claim that could not be struck out means nothing any more, and goes with the next.
        if !kept(&project).is_empty() {
            project.ok(&["gc", "-y"]);
        }
        assert_eq!(kept(&project), [], "{order}");
    }
    assert!(warned > 5, "{warned}");
}
