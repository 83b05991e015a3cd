//! `gc`: what is left over goes, and nothing else.

use std::os::unix::process::CommandExt;
use std::process::Stdio;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::machine::{Machine, files_below, note, text, until};
use crate::registry::engine_of_its_own;

fn names(machine: &Machine, arguments: &[&str]) -> Vec<String> {
    let (exit, document) = machine.json(arguments);
    assert_eq!(exit, 0, "{document:#}");
    let leftovers = document["leftovers"].as_array().expect("a list").clone();
    leftovers.iter().map(|leftover| text(&leftover["name"])).collect()
}

#[test]
fn what_no_machine_stands_behind_goes_and_nothing_else() {
    let machine = Machine::made("gc", &[], |project| engine_of_its_own(project, &[]));
    let Some(machine) = machine else { return };
    assert_eq!(machine.ok(&["gc"]).stdout, "There is nothing to remove.\n");
    machine.podman(&["import", "rootfs.tar", "localhost/mine:1"]);
    machine.podman(&["network", "create", "mine"]);
    machine.ok(&["up", "--no-start"]);

    // Another project, whose container somebody removed.
    let other = machine.beside("other", &[("INFRA_ID", "vpl-gc-other"), ("PORTS", "auto:80")]);
    std::fs::write(other.join("rootfs.tar"), rootfs(&machine)).expect("another image");
    let dir = other.display().to_string();
    machine.ok(&["-C", &dir, "up", "--no-start"]);
    machine.env(&[("MEMORY", "600M")]);
    machine.ok(&["up", "--no-start"]);
    assert_eq!(machine.ok(&["gc"]).stdout, "There is nothing to remove.\n", "both have machines");
    let before = machine.objects();
    machine.podman(&["rm", "-f", "vpl-gc-other"]);

    // The image is cache: the other project's next `up` may use it.
    let (_, document) = machine.json(&["gc", "--dry-run"]);
    assert_eq!(document["leftovers"].as_array().map(Vec::len), Some(2), "{document:#}");
    let says = text(&document["kept"][0]["says"]);
    assert!(says.contains("the next `up` may use; `vagrantp gc --orphans`"), "{says}");
    let found = names(&machine, &["gc", "--orphans", "--dry-run"]);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].starts_with("localhost/vagrantp/rootfs:"), "{found:?}");
    assert!(found[1].starts_with("vagrantp-"), "{found:?}");
    assert_eq!(found[2], "{root}/other");
    let document = machine.fails(&["gc", "--orphans"], 1, "CONFIRMATION_REQUIRED");
    assert_eq!(document["leftovers"].as_array().map(Vec::len), Some(3), "{document:#}");
    assert_eq!(names(&machine, &["gc", "--orphans", "--dry-run"]), found, "nothing was removed");

    let ran = machine.ok(&["gc", "-y"]);
    assert!(ran.stdout.starts_with("2 things removed"), "{}", ran.stdout);
    let ran = machine.ok(&["gc", "--orphans", "-y"]);
    assert!(ran.stdout.starts_with("1 thing removed"), "{}", ran.stdout);
    assert_eq!(machine.ok(&["gc"]).stdout, "There is nothing to remove.\n");
    let mut left = machine.objects();
    left.sort();
    let mut kept: Vec<String> =
        before.into_iter().filter(|object| !object.contains("gc-other")).collect();
    kept.retain(|object| *object != format!("network {}", found[1]));
    kept.sort();
    assert_eq!(left, kept, "the machine that there is has all of its own");
    machine.podman(&["image", "exists", "localhost/mine:1"]);
    machine.podman(&["network", "exists", "mine"]);
    assert!(!machine.kept_in().join("leases.json").exists(), "the port is free again");
    let (_, document) = machine.json(&["plan"]);
    assert_eq!(crate::machine::actions(&document), ["start"], "{document:#}");
    // The image that it was made from is needed no more when it is gone, or tomorrow.
    machine.ok(&["rm", "-y"]);
    assert_eq!(names(&machine, &["gc", "-y"]), [""; 0]);
    let found = names(&machine, &["gc", "--orphans", "-y"]);
    assert_eq!(found.len(), 1, "{found:?}");
    let images = machine.podman(&["images", "--all", "--format", "{{.Repository}}"]);
    assert_eq!(images, "localhost/mine");
}

/// A root file system that is another one by a byte at its end.
fn rootfs(machine: &Machine) -> Vec<u8> {
    let mut content = std::fs::read(machine.dir().join("rootfs.tar")).expect("it is there");
    content.extend([0; 512]);
    content
}

/// The record of the machine, changed as if so much time had passed since the last `up`.
fn renewed_before(machine: &Machine, hours: i64) {
    let record =
        files_below(&machine.kept_in()).into_iter().find(|file| file.ends_with("record.json"));
    let path = machine.kept_in().join(record.expect("there is one"));
    let mut record: Value =
        serde_json::from_slice(&std::fs::read(&path).expect("a record")).expect("JSON");
    let then = Timestamp::now() - SignedDuration::from_hours(hours);
    record["renewed"]["at"] = then.to_string().into();
    std::fs::write(path, record.to_string()).expect("written");
}

fn kinds(machine: &Machine, arguments: &[&str]) -> Vec<String> {
    let (exit, document) = machine.json(arguments);
    assert_eq!(exit, 0, "{document:#}");
    let leftovers = document["leftovers"].as_array().expect("a list").clone();
    leftovers.iter().map(|leftover| text(&leftover["kind"])).collect()
}

#[test]
fn a_machine_goes_when_its_time_is_over_and_each_up_renews_it() {
    let lines = [("INFRA_TTL", "2h"), ("PORTS", "auto:80"), ("PORT_POOL", "23350-23359")];
    let machine = Machine::made("ttl", &lines, |project| engine_of_its_own(project, &[]));
    let Some(machine) = machine else { return };
    let ran = machine.ok(&["up"]);
    assert!(!ran.stderr.contains("warning"), "the key is acted on: {}", ran.stderr);
    machine.ok(&["snapshot", "create", "one"]);
    let shown = machine.ok(&["status"]).stdout;
    assert!(shown.contains("(INFRA_TTL=2h); each `vagrantp up` renews it"), "{shown}");
    assert_eq!(kinds(&machine, &["gc", "--dry-run"]), [""; 0]);

    renewed_before(&machine, 3);
    let shown = machine.ok(&["status"]).stdout;
    assert!(shown.contains("60 min ago (INFRA_TTL=2h): `vagrantp gc` removes it"), "{shown}");
    assert_eq!(kinds(&machine, &["gc", "--dry-run"]), ["machine"]);
    machine.fails(&["gc"], 1, "CONFIRMATION_REQUIRED");
    assert_eq!(kinds(&machine, &["gc", "--older-than", "2h", "-y"]), [""; 0], "an hour ago");
    let id = machine.id();
    let (_, document) = machine.json(&["up"]);
    assert_eq!((&document["changed"], machine.id()), (&false.into(), id), "only its time is new");
    assert_eq!(kinds(&machine, &["gc", "-y"]), [""; 0]);

    // Who is at work on it is not disturbed, whatever the time.
    renewed_before(&machine, 3);
    machine.env(&[lines[0], lines[1], lines[2], ("STOP_TIMEOUT", "60"), ("COMMAND", DEAF)]);
    machine.ok(&["up", "-y"]);
    renewed_before(&machine, 3);
    let stop = machine.start(&["stop"]);
    until("it is stopping", || machine.state() == "stopping");
    let (_, document) = machine.json(&["gc", "-y"]);
    assert_eq!(document["leftovers"].as_array().map(Vec::len), Some(0), "{document:#}");
    assert!(text(&document["kept"][0]["says"]).starts_with("left alone: somebody is at work on"));
    machine.podman(&["kill", &machine.name]);
    machine.end(stop);

    // Without the record, the project and the last start say so.
    std::fs::remove_dir_all(machine.kept_in()).expect("it was there");
    assert_eq!(kinds(&machine, &["gc", "--dry-run"]), [""; 0], "it was started just now");
    machine.ok(&["up"]);
    renewed_before(&machine, 3);
    let ran = machine.ok(&["gc", "-y"]);
    assert!(ran.stdout.contains("removed"), "{}", ran.stdout);
    nothing_is_left(&machine);
    // A wish without an end is one, also where it was one with an end before.
    machine.env(&[lines[0]]);
    machine.ok(&["up"]);
    machine.env(&[]);
    machine.ok(&["up"]);
    assert_eq!(kinds(&machine, &["gc", "-y"]), [""; 0]);
    let (_, document) = machine.json(&["status"]);
    assert_eq!(document["infrastructure"]["expires_at"], Value::Null);
    machine.rm();
}

const DEAF: &str = "sh -c 'trap \"\" TERM; while true; do sleep 0.1; done'";

/// Neither podman nor the folders have a byte of it; the history of what was done stays.
fn nothing_is_left(machine: &Machine) {
    assert_eq!(machine.podman(&["ps", "-aq", "--external"]), "");
    assert_eq!(machine.podman(&["images", "-aq"]), "");
    assert_eq!(machine.podman(&["volume", "ls", "-q"]), "");
    let networks = machine.podman(&["network", "ls", "--format", "{{.Name}}"]);
    assert_eq!(networks, "podman", "podman's own");
    for place in ["state", "data", "cache", "config"] {
        let mut files = files_below(&machine.root().join(place));
        files.retain(|file| !file.starts_with("vagrantp/history/"));
        assert_eq!(files, [""; 0], "{place}");
    }
}

#[test]
fn orphans_go_when_asked_for_and_never_with_their_disk() {
    let machine = Machine::made("orphan", &[], |project| engine_of_its_own(project, &[]));
    let Some(machine) = machine else { return };
    let id = format!("{}-gone", machine.name);
    let dir = machine.beside("gone", &[("INFRA_ID", &id)]);
    machine.ok(&["-C", &dir.display().to_string(), "up"]);
    assert_eq!(kinds(&machine, &["gc", "--orphans", "--dry-run"]), [""; 0], "it is there");
    // Moved, it is gone from where it was; adopted, it is not.
    let moved = machine.root().join("moved");
    std::fs::rename(&dir, &moved).expect("moved");
    machine.also_at(&moved);
    let (_, document) = machine.json(&["gc", "--dry-run"]);
    assert_eq!(document["leftovers"].as_array().map(Vec::len), Some(0), "{document:#}");
    let says = text(&document["kept"][0]["says"]);
    assert!(says.contains("is gone; `vagrantp gc --orphans` takes it too"), "{says}");
    let (_, document) = machine.json(&["gc", "--orphans", "--dry-run"]);
    assert_eq!(document["leftovers"][0]["project"], "{root}/gone");
    machine.ok(&["-C", &moved.display().to_string(), "adopt", "-y"]);
    let found = kinds(&machine, &["gc", "--orphans", "--dry-run"]);
    assert!(!found.contains(&"machine".to_owned()), "it was adopted: {found:?}");

    std::fs::remove_dir_all(&moved).expect("removed");
    assert_eq!(kinds(&machine, &["gc", "--orphans", "--older-than", "1h", "-y"]), [""; 0]);
    assert!(!kinds(&machine, &["gc", "-y"]).contains(&"machine".to_owned()), "not unasked");
    machine.fails(&["gc", "--orphans"], 1, "CONFIRMATION_REQUIRED");
    // And the image that it was first made from, which it has not needed since it was adopted.
    assert_eq!(kinds(&machine, &["gc", "--orphans", "-y"]), ["machine", "image"]);
    assert_eq!(machine.objects(), [""; 0]);
    nothing_is_left(&machine);
}

#[test]
fn a_disk_that_is_not_mounted_is_no_directory_that_was_removed() {
    let machine = Machine::made("disk", &[], |project| engine_of_its_own(project, &[]));
    let Some(machine) = machine else { return };
    if !rustix::process::getuid().is_root() {
        return crate::machine::skipped("it takes root to mount");
    }
    // A disk of its own, and a bind mount: the same disk in another place.
    let (there, source) = (machine.root().join("disk"), machine.root().join("source"));
    for dir in [&there, &source] {
        std::fs::create_dir_all(dir).expect("a directory");
    }
    let (at, from) = (there.display().to_string(), source.display().to_string());
    let mounts: [&[&str]; 2] = [&["-t", "tmpfs", "none", &at], &["--bind", &from, &at]];
    for arguments in mounts {
        let mounted = machine.program("mount").args(arguments).output().expect("it can be run");
        if !mounted.status.success() {
            return crate::machine::skipped("nothing may be mounted here");
        }
        let dir = machine.beside("disk/web", &[("INFRA_ID", &format!("{}-d", machine.name))]);
        let dir = dir.display().to_string();
        machine.ok(&["-C", &dir, "up", "--no-start"]);
        let unmount = || machine.program("umount").arg(&at).output().expect("it can be run");
        assert!(unmount().status.success());
        let (_, document) = machine.json(&["gc", "--orphans", "-y"]);
        assert_eq!(document["leftovers"].as_array().map(Vec::len), Some(0), "{document:#}");
        let says = text(&document["kept"][0]["says"]);
        assert!(says.ends_with("is not to be seen; its disk may not be mounted"), "{says}");
        // Mounted again, without the directory: now it was removed.
        machine.program("mount").args(arguments).output().expect("it can be run");
        let _ = std::fs::remove_dir_all(&dir);
        let found = kinds(&machine, &["gc", "--orphans", "-y"]);
        // A tmpfs may be another device each time, of which nothing is known.
        let is_same_disk = arguments[0] == "--bind";
        assert!(found.contains(&"machine".to_owned()) || !is_same_disk, "{found:?}");
        assert!(unmount().status.success());
        machine.podman(&["rm", "-fa"]);
        machine.ok(&["gc", "-y"]);
        std::fs::remove_dir_all(&source).expect("it was there");
        std::fs::create_dir_all(&source).expect("a directory");
    }
}

#[test]
fn a_killed_ci_job_leaves_no_byte_behind_gc() {
    let machine = Machine::made("ci", &[], |project| engine_of_its_own(project, &[]));
    let Some(machine) = machine else { return };
    let seed = crate::killed::number("VAGRANTP_SEED").unwrap_or(1);
    let kills = crate::killed::number("VAGRANTP_CI_KILLS").unwrap_or(3);
    let chance = crate::killed::Chance(std::cell::Cell::new(seed));
    for kill in 0..kills {
        let builds = kill % 2 == 0;
        let id = format!("{}-{kill}", machine.name);
        let lines = [("INFRA_ID", id.as_str()), ("PORTS", "auto:80"), ("PORT_POOL", "23360-23379")];
        let image = [("IMAGE", if builds { "./Containerfile" } else { "./rootfs.tar" })];
        let dir = machine.beside(&format!("job-{kill}"), &[&lines[..], &image].concat());
        std::fs::write(
            dir.join("Containerfile"),
            "FROM scratch\nADD rootfs.tar /\nRUN touch /one\nRUN touch /two\nRUN touch /three\n",
        )
        .expect("a file");
        let mut command = machine.command(&["-C", &dir.display().to_string(), "up"]);
        let mut job = command
            .process_group(0)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        let after = Duration::from_millis(chance.below(if builds { 2500 } else { 900 }));
        note(&format!("seed {seed}, kill {kill} after {after:?}"));
        std::thread::sleep(after);
        let group = i32::try_from(job.id()).ok().and_then(rustix::process::Pid::from_raw);
        let _ = rustix::process::kill_process_group(
            group.expect("a process"),
            rustix::process::Signal::KILL,
        );
        job.wait().expect("it ends");
        std::fs::remove_dir_all(&dir).expect("the workspace is cleared");
    }
    // What the service is still at for a caller that is gone comes to its end.
    until("it is quiet", || {
        machine.run(&["gc", "--orphans", "-y"]).stdout == "There is nothing to remove.\n"
            && machine.podman(&["images", "-aq"]).is_empty()
    });
    nothing_is_left(&machine);
}

#[test]
fn the_snapshots_of_a_machine_that_others_removed_go_where_asked() {
    let machine = Machine::made("snapgc", &[], |project| engine_of_its_own(project, &[]));
    let Some(machine) = machine else { return };
    machine.ok(&["up", "--no-start"]);
    machine.ok(&["snapshot", "create", "one"]);
    assert_eq!(kinds(&machine, &["gc", "-y"]), [""; 0], "it has its machine");
    machine.podman(&["rm", "-f", &machine.name]);
    // Made again in time, the machine has its snapshots still.
    machine.ok(&["up", "--no-start"]);
    assert_eq!(kinds(&machine, &["gc", "-y"]), [""; 0]);
    machine.podman(&["rm", "-f", &machine.name]);
    let kept = machine.ok(&["gc", "-y"]);
    assert!(kept.stderr.contains("/snapshot:one (") && kept.stderr.contains("--orphans"));
    assert!(kinds(&machine, &["gc", "--orphans", "-y"]).contains(&"snapshot".to_owned()));
    nothing_is_left(&machine);
}
