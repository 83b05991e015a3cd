//! Snapshots: what they hold, what they leave alone, and that nothing is lost on the way.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::machine::{Machine, actions, text};

/// The names that `snapshot list` shows.
fn names(machine: &Machine) -> Vec<String> {
    let (exit, document) = machine.json(&["snapshot", "list"]);
    assert_eq!(exit, 0, "{document:#}");
    let list = document["snapshots"].as_array().expect("a list");
    list.iter().map(|snapshot| text(&snapshot["name"])).collect()
}

#[test]
fn going_back_restores_the_files_and_nothing_else() {
    let Some(machine) = Machine::new("back", &[]) else { return };
    // An image with a volume.
    let image = format!("localhost/{}:1", machine.name);
    machine.podman(&["import", "-q", "-c", "VOLUME /data", &rootfs(&machine), &image]);
    std::fs::create_dir(machine.dir().join("shared")).expect("a directory to share");
    let asked = [("IMAGE", image.as_str()), ("PORTS", "auto:80"), ("MOUNTS", "./shared:/shared")];
    machine.env(&asked);
    machine.ok(&["up"]);
    machine.inside("echo old > /root/note; mkdir -p /srv/a; touch /srv/a/gone; echo 1 > /data/n; echo 1 > /shared/n");
    let (exit, document) =
        machine.json(&["snapshot", "create", "before", "--description", "as \"it\" was = $HOME"]);
    assert_eq!((exit, actions(&document)), (0, vec!["take_snapshot".to_owned()]), "{document:#}");
    assert_eq!(document["snapshot"]["description"], "as \"it\" was = $HOME");
    assert!(document["snapshot"]["size_bytes"].as_u64().is_some_and(|size| size > 0));
    let warning = text(&document["warnings"][0]);
    assert!(warning.ends_with("when one is gone back to: /data, /shared"), "{warning}");
    assert_eq!(machine.inspect("{{.State.Status}}"), "running", "it goes on");
    machine.inside("echo new > /root/note; rm -r /srv/a; touch /root/more; echo 2 > /data/n; echo 2 > /shared/n");

    let facts = "{{.Name}} {{.HostConfig.PortBindings}} {{.HostConfig.Memory}} \
                 {{.HostConfig.NanoCpus}} {{range .NetworkSettings.Networks}}{{.IPAddress}} \
                 {{.MacAddress}}{{end}}";
    let (id, before) = (machine.id(), machine.inspect(facts));
    let document = machine.fails(&["snapshot", "revert", "before"], 1, "CONFIRMATION_REQUIRED");
    assert!(actions(&document).contains(&"remove".to_owned()), "what would be lost is shown");
    assert_eq!(machine.id(), id, "nothing was done");
    let (exit, document) = machine.json(&["snapshot", "revert", "before", "-y"]);
    assert_eq!((exit, &document["changed"]), (0, &Value::Bool(true)), "{document:#}");
    assert_eq!(document["infrastructure"]["state"], "running");
    assert_eq!(
        machine.inside("cat /root/note; ls /root /srv/a"),
        "old\n/root:\nnote\n\n/srv/a:\ngone"
    );
    assert_eq!(machine.inside("cat /data/n /shared/n"), "2\n2", "these are not in it");
    assert_eq!(machine.inspect(facts), before);
    machine.settled();
    assert_eq!(
        machine.podman(&["volume", "ls", "-q", "--filter", &volume(&machine)]).lines().count(),
        1
    );

    // There and back, as often as one likes; a stopped machine stays stopped.
    machine.ok(&["snapshot", "create", "second"]);
    machine.inside("echo third > /root/note");
    machine.ok(&["stop"]);
    machine.ok(&["snapshot", "revert", "second", "-y"]);
    assert_eq!(machine.state(), "stopped");
    machine.ok(&["up"]);
    assert_eq!(machine.inside("cat /root/note"), "old");
    assert_eq!(names(&machine), ["before", "second"]);
    machine.rm();
    machine.podman(&["rmi", &image]);
}

fn rootfs(machine: &Machine) -> String {
    machine.dir().join("rootfs.tar").display().to_string()
}

/// A filter for the volume that the container has.
fn volume(machine: &Machine) -> String {
    let format = "{{range .Mounts}}{{if eq .Type \"volume\"}}{{.Name}}{{end}}{{end}}";
    format!("name=^{}$", machine.inspect(format))
}

#[test]
fn snapshots_outlive_every_change_and_go_with_the_machine() {
    let Some(machine) = Machine::new("outlive", &[]) else { return };
    machine.ok(&["up"]);
    machine.inside("echo first > /root/note");
    machine.ok(&["snapshot", "create", "a"]);
    machine.fails(&["snapshot", "create", "a"], 1, "SNAPSHOT_EXISTS");
    let document = machine.fails(&["snapshot", "revert", "b", "-y"], 1, "SNAPSHOT_NOT_FOUND");
    assert_eq!(document["error"]["suggestion"], "there are: a");
    machine.fails(&["snapshot", "create", "../a"], 2, "USAGE");
    for memory in ["600M", "620M", "640M"] {
        machine.env(&[("MEMORY", memory)]);
        machine.inside("echo later >> /root/note");
        machine.ok(&["up"]);
    }
    machine.ok(&["up", "--recreate", "-y"]);
    assert_eq!(names(&machine), ["a"]);
    machine.ok(&["snapshot", "revert", "a", "-y"]);
    assert_eq!(machine.inside("cat /root/note"), "first");
    assert_eq!(machine.inspect("{{.HostConfig.Memory}}"), "671088640", "the limits are today's");
    machine.settled();
    // It can go while the container is made from it, which is replaced as ever.
    machine.fails(&["snapshot", "rm", "a"], 1, "CONFIRMATION_REQUIRED");
    machine.ok(&["snapshot", "rm", "a", "-y"]);
    assert_eq!(names(&machine), [""; 0]);
    machine.fails(&["snapshot", "rm", "a", "-y"], 1, "SNAPSHOT_NOT_FOUND");
    machine.env(&[]);
    machine.ok(&["up"]);
    assert_eq!(machine.inside("cat /root/note"), "first");
    assert_eq!(
        machine.objects().len(),
        3,
        "container, network, its files: {:?}",
        machine.objects()
    );

    // `rm` says before that they go, and they do.
    machine.ok(&["snapshot", "create", "b"]);
    let document = machine.fails(&["rm"], 1, "CONFIRMATION_REQUIRED");
    let says = document["plan"].as_array().expect("a plan").iter().map(|step| text(&step["says"]));
    assert!(
        says.into_iter().any(|says| says.starts_with("DELETE the snapshot b ")),
        "{document:#}"
    );
    machine.rm();
}

#[test]
fn a_snapshot_can_be_taken_in_every_state_that_lasts() {
    let Some(machine) = Machine::new("states", &[]) else { return };
    machine.ok(&["up", "--no-start"]);
    for (prepare, status) in [
        (&["snapshot", "list"][..], "created"),
        (&["up"], "running"),
        (&["suspend"], "paused"),
        (&["stop"], "exited"),
    ] {
        machine.ok(prepare);
        assert_eq!(machine.inspect("{{.State.Status}}"), status);
        machine.ok(&["snapshot", "create", status]);
        assert_eq!(machine.inspect("{{.State.Status}}"), status, "it is left as it was");
    }
    assert_eq!(names(&machine), ["created", "running", "paused", "exited"]);
    machine.ok(&["up"]);
    machine.ok(&["suspend"]);
    machine.ok(&["snapshot", "revert", "running", "-y", "--force"]);
    assert_eq!(machine.state(), "stopped", "its memory belonged to other files");
    machine.rm();
}

#[test]
fn a_way_back_that_is_killed_loses_nothing() {
    let Some(machine) = Machine::new("killed-revert", &[]) else { return };
    machine.ok(&["up"]);
    machine.inside("echo old > /root/note");
    machine.ok(&["snapshot", "create", "old"]);
    for delay in [50, 150, 250, 350] {
        machine.inside("echo new > /root/note");
        let mut revert = machine.start(&["snapshot", "revert", "old", "-y", "--force"]);
        std::thread::sleep(Duration::from_millis(delay));
        revert.kill().expect("it is our own");
        machine.end(revert);
        machine.ok(&["up"]);
        let note = machine.inside("cat /root/note");
        assert!(["old", "new"].contains(&note.as_str()), "after {delay} ms: {note}");
        machine.settled();
        let mut objects = machine.objects();
        objects.retain(|object| object.starts_with("container"));
        assert_eq!(objects.len(), 1, "exactly one: {objects:?}");
        assert_eq!(names(&machine), ["old"]);
    }
    machine.ok(&["snapshot", "revert", "old", "-y"]);
    assert_eq!(machine.inside("cat /root/note"), "old");
    machine.rm();
}

#[test]
fn what_a_moved_project_kept_comes_along() {
    let Some(machine) = Machine::new("moved-snapshots", &[]) else { return };
    let name = format!("{}-m", machine.name);
    let (from, to) = (machine.beside(&name, &[("INFRA_ID", &name)]), machine.root().join("to"));
    machine.also_at(&to);
    let at = |place: &Path, arguments: &[&str]| {
        let place = place.display().to_string();
        let mut all = vec!["-C", &place];
        all.extend(arguments);
        machine.ok(&all)
    };
    let inside = |line: &str| machine.podman(&["exec", &name, "sh", "-c", line]);
    at(&from, &["up"]);
    inside("echo old > /root/note");
    at(&from, &["snapshot", "create", "old"]);
    inside("echo new > /root/note");
    std::fs::rename(&from, &to).expect("it can be moved");
    at(&to, &["adopt"]);
    at(&to, &["up"]);
    assert_eq!(inside("cat /root/note"), "new");
    at(&to, &["snapshot", "revert", "old", "-y"]);
    assert_eq!(inside("cat /root/note"), "old");
    at(&to, &["rm", "-y"]);
    assert_eq!(machine.objects(), [""; 0], "neither here nor there");
}
