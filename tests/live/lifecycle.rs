//! One machine from nothing to nothing, and every verb in every place of its life.

use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::machine::{Machine, actions, files_below, text, until};

/// The container's processes on the host: its monitor, and those of its execs.
fn processes_of(id: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").expect("there is /proc").flatten();
    let command = |entry: std::fs::DirEntry| std::fs::read(entry.path().join("cmdline")).ok();
    let lines = entries.filter_map(command).map(|line| String::from_utf8_lossy(&line).into_owned());
    lines.filter(|line| line.contains(id)).collect()
}

fn time(document: &Value, field: &str) -> String {
    text(&document["infrastructure"][field])
}

#[test]
fn a_whole_life() {
    let Some(machine) = Machine::new("life", &[("PORTS", "auto:80"), ("PORT_POOL", "23100-23109")])
    else {
        return;
    };
    let up = machine.ok(&["up"]);
    insta::assert_snapshot!(machine.plain(&up.stderr), @r"
    {name} (container on podman)
    [1/4] Fetch the image {root}/project/rootfs.tar
    [2/4] Create the network vagrantp-{uuid}
    [3/4] Create the container {name} from {root}/project/rootfs.tar (512 MiB, 1 CPU)
    [4/4] Start the container {name}
    ");
    insta::assert_snapshot!(machine.plain(&up.stdout), @r"
    {name} is ready (created, {time}).
      resources  512 MiB of memory, 1 CPU
      address    {address}
      port       127.0.0.1:23100 → 80  (picked by vagrantp)
      next       vagrantp ssh   http://127.0.0.1:23100
    ");
    assert_eq!(machine.inspect("{{.State.Status}}"), "running");
    let status = machine.ok(&["status"]);
    insta::assert_snapshot!(machine.plain(&status.stdout), @r"
    {name}: running (container on podman)
      resources  512 MiB of memory, 1 CPU
      address    {address}
      port       127.0.0.1:23100 → 80  (picked by vagrantp)
      project    {root}/project
      next       vagrantp ssh
    ");
    let list = machine.ok(&["list"]);
    let row = list.stdout.lines().find(|row| row.starts_with(&machine.name)).expect("its row");
    let row: Vec<_> = row.split_whitespace().skip(1).collect();
    assert_eq!(row, ["running", "container", "podman", "23100→80", "{root}/project"]);
    machine.settled();

    let stop = machine.ok(&["stop"]);
    insta::assert_snapshot!(machine.plain(&(stop.stderr + &stop.stdout)), @r"
    {name} (container on podman)
    [1/1] Stop the container {name} (killed after 30 s)
    {name} is stopped.
      next       vagrantp up   vagrantp rm
    ");
    assert_eq!(machine.inspect("{{.State.Status}}"), "exited");
    assert_eq!(machine.state(), "stopped");
    let up = machine.ok(&["up"]);
    insta::assert_snapshot!(machine.plain(&(up.stderr + &up.stdout)), @r"
    {name} (container on podman)
    [1/1] Start the container {name}
    {name} is ready (started, {time}).
      resources  512 MiB of memory, 1 CPU
      address    {address}
      port       127.0.0.1:23100 → 80  (picked by vagrantp)
      next       vagrantp ssh   http://127.0.0.1:23100
    ");
    assert_eq!(machine.state(), "running");

    let rm = machine.ok(&["rm", "-y"]);
    insta::assert_snapshot!(machine.plain(&(rm.stderr + &rm.stdout)), @r"
    {name} (container on podman)
    [1/3] Stop the container {name} (killed after 30 s)
    [2/3] DELETE the container {name} with everything written in it
    [3/3] Remove the network vagrantp-{uuid}
    {name} was removed.
    ");
    assert_eq!(machine.state(), "not_created");
    assert_eq!(machine.objects(), [""; 0]);
}

#[test]
fn every_verb_can_be_called_again() {
    let Some(machine) = Machine::new("again", &[]) else { return };
    let failure = machine.fails(&["stop"], 1, "INFRA_NOT_FOUND");
    assert_eq!(failure["error"]["suggestion"], "`vagrantp up` makes one");
    for verb in [&["rm", "-y"][..], &["rm", "--force"], &["rm"]] {
        let (exit, document) = machine.json(verb);
        assert_eq!((exit, &document["changed"]), (0, &Value::Bool(false)), "{document:#}");
    }
    let changed = |verb: &[&str]| {
        let (exit, document) = machine.json(verb);
        assert_eq!(exit, 0, "{verb:?}: {document:#}");
        document["changed"].as_bool().expect("it says so")
    };
    for (verb, expected) in [
        (&["up"][..], true),
        (&["up"], false),
        (&["stop"], true),
        (&["stop"], false),
        (&["stop", "--force"], false),
        (&["up"], true),
        (&["up"], false),
        (&["rm", "-y"], true),
        (&["rm", "-y"], false),
        (&["up"], true),
    ] {
        assert_eq!(changed(verb), expected, "{verb:?}");
    }
    machine.rm();
}

#[test]
fn a_second_up_changes_nothing_and_says_what_next() {
    let Some(machine) = Machine::new("second", &[]) else { return };
    machine.ok(&["up"]);
    let before = (machine.id(), machine.inspect("{{.State.StartedAt}} {{.State.Pid}}"));
    let (exit, again) = machine.json(&["up"]);
    assert_eq!((exit, &again["changed"]), (0, &Value::Bool(false)));
    assert_eq!(actions(&again), [""; 0]);
    let said = machine.ok(&["up"]);
    insta::assert_snapshot!(machine.plain(&said.stdout), @r"
    {name} is running already: there is nothing to do. `vagrantp ssh` goes inside, `vagrantp stop` stops it.
      resources  512 MiB of memory, 1 CPU
      address    {address}
      next       vagrantp ssh
    ");
    let after = (machine.id(), machine.inspect("{{.State.StartedAt}} {{.State.Pid}}"));
    assert_eq!(after, before);
    assert_eq!(machine.objects().len(), 2, "one container, one network: {:?}", machine.objects());
}

#[test]
fn up_needs_no_terminal() {
    // Nothing on stdin, nothing of a terminal's on the way out.
    let Some(machine) = Machine::new("quiet", &[]) else { return };
    let up = machine.run_with(&["up"], b"");
    assert_eq!(up.status, 0, "{}", up.stderr);
    assert!(!(up.stdout + &up.stderr).contains(['\x1b', '\r']));
}

#[test]
fn a_dry_run_touches_nothing() {
    let Some(machine) = Machine::new("dry", &[("PORTS", "auto:80")]) else { return };
    for verb in [&["up", "--dry-run"][..], &["plan"], &["render"], &["status"], &["list"]] {
        let (exit, document) = machine.json(verb);
        assert_eq!((exit, &document["changed"]), (0, &Value::Bool(false)), "{document:#}");
    }
    let (_, plan) = machine.json(&["plan"]);
    assert_eq!(actions(&plan), ["fetch_image", "create_network", "create", "start"]);
    assert_eq!(machine.run(&["plan", "--exit-code"]).status, 20);
    assert_eq!(machine.objects(), [""; 0]);
    assert_eq!(files_below(&machine.kept_in()), [""; 0], "not even a file of its own");

    machine.ok(&["up"]);
    let before = (machine.id(), machine.inspect("{{.HostConfig.Memory}}"));
    machine.env(&[("PORTS", "auto:80"), ("MEMORY", "600M")]);
    let (exit, document) = machine.json(&["up", "--dry-run"]);
    assert_eq!((exit, &document["changed"]), (0, &Value::Bool(false)));
    assert!(actions(&document).contains(&"save_files".to_owned()), "{document:#}");
    assert_eq!((machine.id(), machine.inspect("{{.HostConfig.Memory}}")), before);
}

#[test]
fn no_start_makes_without_starting() {
    let Some(machine) = Machine::new("nostart", &[]) else { return };
    let (exit, document) = machine.json(&["up", "--no-start"]);
    assert_eq!(exit, 0, "{document:#}");
    assert_eq!(actions(&document), ["fetch_image", "create_network", "create"]);
    assert_eq!(machine.inspect("{{.State.Status}}"), "created");
    assert_eq!(machine.state(), "stopped");
    let (_, again) = machine.json(&["up", "--no-start"]);
    assert_eq!(again["changed"], false);
    let id = machine.id();
    machine.ok(&["up"]);
    assert_eq!((machine.id(), machine.state()), (id, "running".to_owned()));
    let (_, running) = machine.json(&["up", "--no-start"]);
    assert_eq!((&running["changed"], machine.state()), (&Value::Bool(false), "running".into()));
    machine.rm();
}

#[test]
fn up_after_stop_keeps_the_files() {
    let Some(machine) = Machine::new("files", &[]) else { return };
    machine.ok(&["up"]);
    let id = machine.id();
    machine.inside("echo kept > /root/note");
    machine.ok(&["stop"]);
    machine.ok(&["up"]);
    assert_eq!(machine.inside("cat /root/note"), "kept");
    assert_eq!(machine.id(), id, "the same container, not another one");
}

#[test]
fn stopping_keeps_created_at_and_moves_updated_at() {
    let Some(machine) = Machine::new("times", &[]) else { return };
    machine.ok(&["up"]);
    let (_, before) = machine.json(&["status"]);
    machine.ok(&["stop"]);
    let (_, after) = machine.json(&["status"]);
    assert_eq!(time(&before, "created_at"), time(&after, "created_at"));
    assert!(time(&before, "updated_at") < time(&after, "updated_at"), "{before:#} {after:#}");
}

#[test]
fn status_knows_when_it_was_started_and_stopped() {
    let Some(machine) = Machine::new("when", &[]) else { return };
    machine.ok(&["up"]);
    let (_, up) = machine.json(&["status"]);
    assert_eq!(up["infrastructure"]["last_stopped"], Value::Null);
    machine.ok(&["stop"]);
    let (_, stopped) = machine.json(&["status"]);
    assert_eq!(time(&stopped, "last_started"), time(&up, "last_started"));
    assert!(time(&stopped, "last_stopped") > time(&up, "last_started"), "{stopped:#}");
    machine.ok(&["up"]);
    let (_, again) = machine.json(&["status"]);
    assert_eq!(time(&again, "last_stopped"), time(&stopped, "last_stopped"));
    assert!(time(&again, "last_started") > time(&again, "last_stopped"), "{again:#}");
}

#[test]
fn stop_waits_until_it_is_down() {
    // Half a second to tidy up, once it is told to end.
    let command = "sh -c 'trap \"sleep 0.5; exit 7\" TERM; while true; do sleep 0.05; done'";
    let Some(machine) = Machine::new("waits", &[("COMMAND", command)]) else { return };
    machine.ok(&["up"]);
    let begun = Instant::now();
    machine.ok(&["stop"]);
    assert!(begun.elapsed() >= Duration::from_millis(500));
    assert_eq!(machine.inspect("{{.State.Status}} {{.State.ExitCode}}"), "exited 7");
}

/// Does not end when it is told to.
const DEAF: &str = "sh -c 'trap \"\" TERM; while true; do sleep 0.1; done'";

#[test]
fn stop_kills_when_the_time_is_over() {
    let lines = [("COMMAND", DEAF), ("STOP_TIMEOUT", "1")];
    let Some(machine) = Machine::new("deaf", &lines) else { return };
    machine.ok(&["up"]);
    let begun = Instant::now();
    let stop = machine.ok(&["stop"]);
    assert!(stop.stderr.contains("(killed after 1 s)"), "{}", stop.stderr);
    assert!(begun.elapsed() >= Duration::from_secs(1) && begun.elapsed() < Duration::from_secs(9));
    assert_eq!(machine.inspect("{{.State.Status}} {{.State.ExitCode}}"), "exited 137");
}

#[test]
fn stop_with_force_does_not_wait() {
    let Some(machine) = Machine::new("force", &[("COMMAND", DEAF)]) else { return };
    machine.ok(&["up"]);
    let begun = Instant::now();
    machine.ok(&["stop", "--force"]);
    assert!(begun.elapsed() < Duration::from_secs(9), "its 30 s are not waited for");
    assert_eq!(machine.inspect("{{.State.Status}} {{.State.ExitCode}}"), "exited 137");
}

#[test]
fn rm_with_force_removes_what_runs() {
    let Some(machine) = Machine::new("rmforce", &[("COMMAND", DEAF)]) else { return };
    machine.ok(&["up"]);
    let begun = Instant::now();
    let (exit, document) = machine.json(&["rm", "--force"]);
    assert_eq!((exit, &document["changed"]), (0, &Value::Bool(true)));
    assert!(begun.elapsed() < Duration::from_secs(9), "its 30 s are not waited for");
    assert_eq!(machine.objects(), [""; 0]);
    assert_eq!(machine.kept(), [""; 0]);
}

#[test]
fn rm_stops_what_runs() {
    // It ends of its own accord, and leaves its word in a mount.
    let command =
        "sh -c 'trap \"echo tidy > /work/word; exit 0\" TERM; while true; do sleep 0.05; done'";
    let lines = [("COMMAND", command), ("MOUNTS", "./shared:/work")];
    let Some(machine) = Machine::new("rmstops", &lines) else { return };
    std::fs::create_dir(machine.dir().join("shared")).expect("a directory to share");
    machine.ok(&["up"]);
    machine.rm();
    let word = std::fs::read_to_string(machine.dir().join("shared/word"));
    assert_eq!(word.expect("it was told to end before it was removed"), "tidy\n");
}

#[test]
fn without_a_terminal_nothing_is_removed_unasked() {
    let Some(machine) = Machine::new("unasked", &[]) else { return };
    machine.ok(&["up"]);
    let id = machine.id();
    let failure = machine.fails(&["rm"], 1, "CONFIRMATION_REQUIRED");
    assert_eq!(actions(&failure), ["stop", "remove", "remove_network"]);
    assert_eq!(machine.run_with(&["rm"], b"yes\n").status, 1, "a pipe is nobody who agrees");
    assert_eq!((machine.id(), machine.state()), (id, "running".to_owned()));
}

#[test]
fn rm_leaves_nothing() {
    let Some(machine) = Machine::new("nothing", &[("PORTS", "auto:80")]) else { return };
    machine.ok(&["up"]);
    let id = machine.id();
    machine.inside("touch /root/layer");
    machine.env(&[("PORTS", "auto:80"), ("MEMORY", "600M")]);
    machine.ok(&["up", "-y"]);
    let saved = machine.objects();
    assert_eq!(saved.len(), 3, "a container, a network and its saved files: {saved:?}");
    let (exit, document) = machine.json(&["rm", "-y"]);
    assert_eq!((exit, &document["infrastructure"]["state"]), (0, &"not_created".into()));
    assert_eq!(machine.objects(), [""; 0]);
    assert_eq!(machine.kept(), [""; 0]);
    until("the container's processes end", || processes_of(&id).is_empty());
    let claims = std::fs::read_to_string(machine.kept_in().join("leases.json"));
    assert!(claims.is_err(), "{claims:?}");
    assert!(!machine.ok(&["list"]).stdout.contains(&machine.name));
}

#[test]
fn rm_needs_no_env() {
    let Some(machine) = Machine::new("noenv", &[]) else { return };
    for (name, change) in [
        ("broken", Some("INFRA_TYPE=contai\nMEMORY=lots\n".to_owned())),
        ("renamed", Some(machine.text(&[("INFRA_ID", "another-name")]))),
        ("gone", None),
    ] {
        machine.env(&[]);
        machine.ok(&["up"]);
        match change {
            Some(text) => drop(machine.file(".env", text)),
            None => std::fs::remove_file(machine.dir().join(".env")).expect("removed"),
        }
        let ran = machine.run(&["stop"]);
        assert_eq!(ran.status, 0, "{name}: {}", ran.stderr);
        assert_eq!(machine.inspect("{{.State.Status}}"), "exited", "{name}");
        machine.rm();
    }
}

#[test]
fn the_project_directory_stays_as_it_was() {
    let Some(machine) = Machine::new("dir", &[]) else { return };
    let look = || {
        let facts = |name: String| {
            let metadata = std::fs::metadata(machine.dir().join(&name)).expect("it is there");
            (name, metadata.ino(), metadata.mtime_nsec(), metadata.mode(), metadata.len())
        };
        let directory = std::fs::metadata(machine.dir()).expect("it is there");
        let files: Vec<_> = files_below(machine.dir()).into_iter().map(facts).collect();
        (directory.mtime_nsec(), files)
    };
    let before = look();
    for verb in [&["up"][..], &["status"], &["stop"], &["up"], &["rm", "-y"]] {
        machine.ok(verb);
    }
    assert_eq!(look(), before);
}

#[test]
fn directories_are_for_their_owner_alone() {
    let Some(machine) = Machine::new("modes", &[("PORTS", "auto:80")]) else { return };
    machine.ok(&["up"]);
    machine.ok(&["stop"]);
    let mut open = vec![machine.kept_in()];
    let mut files = 0;
    while let Some(path) = open.pop() {
        let metadata = std::fs::symlink_metadata(&path).expect("it is there");
        let mode = metadata.mode() & 0o7777;
        if metadata.is_dir() {
            assert_eq!(mode, 0o700, "{}", path.display());
            let entries = std::fs::read_dir(&path).expect("it can be read").flatten();
            open.extend(entries.map(|entry| entry.path()));
        } else {
            assert_eq!(mode, 0o600, "{}", path.display());
            files += 1;
        }
    }
    assert!(files >= 3, "a record, a claim on a port, a history: {files}");
}
