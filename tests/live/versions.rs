//! Containers that other versions of vagrantp made: earlier ones work, later ones are refused.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use crate::machine::{Machine, text};
use crate::registry::engine_of_its_own;

fn stamps() -> Vec<(String, String)> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/versions");
    let folders = std::fs::read_dir(root).expect("there are some").flatten();
    let read = |folder: std::fs::DirEntry| {
        let stamp = std::fs::read_to_string(folder.path().join("stamp.json")).ok()?;
        Some((folder.file_name().into_string().ok()?, stamp.trim().to_owned()))
    };
    folders.filter_map(read).collect()
}

/// Makes a container as vagrantp makes its own: through the API. The podman program would write its
/// command line on it, by which it is known to be somebody else's.
fn make(machine: &Machine, image: &str, network: &str, labels: &Value) {
    let body = json!({
        "name": machine.name,
        "image": image,
        "labels": labels,
        "init": true,
        "netns": { "nsmode": "bridge" },
        "Networks": { network: {} },
        "entrypoint": ["sleep", "100000"],
        "command": [],
    })
    .to_string();
    machine.ok(&["list"]);
    let socket = machine.root().join("run/vagrantp/podman.sock");
    let mut stream = UnixStream::connect(socket).expect("the service answers");
    write!(
        stream,
        "POST /v4.0.0/libpod/containers/create HTTP/1.1\r\nHost: podman\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("it listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
}

#[test]
fn containers_of_earlier_versions_work_and_of_later_ones_are_refused() {
    let machine = Machine::made("versions", &[], |project| engine_of_its_own(project, &[]));
    let Some(machine) = machine else { return };
    let stamps = stamps();
    assert!(stamps.len() > 1, "one at least, and a later one");
    for (version, stamp) in stamps {
        machine.ok(&["up", "--no-start"]);
        let (_, document) = machine.json(&["status"]);
        let uuid = text(&document["infrastructure"]["uuid"]);
        let image = machine.inspect("{{.Image}}");
        let network = format!("vagrantp-{}", &uuid.replace('-', "")[..12]);
        machine.podman(&["rm", &machine.name]);
        let uid = rustix::process::getuid().as_raw().to_string();
        let project = machine.dir().display().to_string();
        let stamp =
            [("uuid", &uuid), ("uid", &uid), ("project", &project), ("name", &machine.name)]
                .iter()
                .fold(stamp, |text, (name, value)| text.replace(&format!("{{{name}}}"), value));
        let labels = json!({
            "io.vagrantp.uuid": uuid,
            "io.vagrantp.uid": uid,
            "io.vagrantp.project": project,
            "io.vagrantp.stamp": stamp,
        });
        make(&machine, &image, &network, &labels);
        if version == "later" {
            refused(&machine);
            machine.podman(&["rm", "-f", &machine.name]);
        } else {
            lives(&machine);
        }
    }
    machine.ok(&["gc", "-y"]);
    assert_eq!(machine.objects(), [""; 0]);
}

/// A whole life with what an earlier version made.
fn lives(machine: &Machine) {
    assert_eq!(machine.state(), "stopped");
    machine.podman(&["start", &machine.name]);
    machine.inside("echo kept > /root/note");
    assert_eq!(machine.state(), "running");
    assert!(machine.ok(&["list"]).stdout.contains(&machine.name));
    machine.ok(&["restart"]);
    machine.ok(&["snapshot", "create", "one"]);
    machine.ok(&["stop"]);
    // Where this version asks for more than that one did, the container is replaced.
    machine.ok(&["up", "-y"]);
    assert_eq!(machine.inside("cat /root/note"), "kept");
    machine.settled();
    machine.ok(&["snapshot", "revert", "one", "-y"]);
    assert_eq!(machine.inside("cat /root/note"), "kept");
    machine.rm();
}

/// No verb touches what a later version made, and each that is about it says why.
fn refused(machine: &Machine) {
    let before = machine.podman(&["inspect", &machine.name]);
    let verbs: [&[&str]; 11] = [
        &["up", "-y"],
        &["up", "--recreate", "-y"],
        &["stop"],
        &["restart"],
        &["suspend"],
        &["status"],
        &["snapshot", "create", "one"],
        &["rm", "-y"],
        &["rm", "--all", "--force"],
        &["logs"],
        &["adopt", "-y"],
    ];
    for verb in verbs {
        let failure = machine.fails(verb, 1, "INVALID_STATE");
        let message = text(&failure["error"]["message"]);
        assert!(message.contains("was made by vagrantp 9.0.0"), "{verb:?}: {message}");
        assert_eq!(machine.podman(&["inspect", &machine.name]), before, "{verb:?}");
    }
    machine.ok(&["gc", "--orphans", "-y"]);
    assert_eq!(machine.podman(&["inspect", &machine.name]), before);
}
