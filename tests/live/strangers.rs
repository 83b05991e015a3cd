//! What looks like vagrantp's and is not: every verb is tried on each, and podman's own eyes see the
//! same before and after.

use std::cell::Cell;

use serde_json::Value;

use crate::killed::{Chance, number};
use crate::machine::{Machine, note, text};
use crate::registry::engine_of_its_own;

/// Every verb that could change something, and some that look.
const VERBS: [&[&str]; 24] = [
    &["up", "-y"],
    &["up", "--recreate", "-y"],
    &["up", "--new", "-y"],
    &["up", "--no-start"],
    &["stop"],
    &["stop", "--force"],
    &["restart"],
    &["suspend"],
    &["resume"],
    &["snapshot", "create", "one"],
    &["snapshot", "revert", "one", "-y"],
    &["snapshot", "rm", "one", "-y"],
    &["adopt", "-y"],
    &["ssh", "-c", "touch /root/was-here"],
    &["logs"],
    &["status"],
    &["plan"],
    &["list"],
    &["gc", "-y"],
    &["gc", "--orphans", "-y"],
    &["gc", "--older-than", "1m", "-y"],
    &["rm", "-y"],
    &["rm", "--force"],
    &["rm", "--all", "-y"],
];

/// An object of somebody else's, and how podman shows it.
struct Stranger {
    kind: &'static str,
    name: String,
}

impl Stranger {
    fn container(name: &str) -> Self {
        Stranger { kind: "container", name: name.to_owned() }
    }

    /// All that podman says of it, less what its network's other members are called.
    fn seen(&self, machine: &Machine) -> Value {
        let shown = machine.podman(&[self.kind, "inspect", &self.name]);
        let mut shown: Value = serde_json::from_str(&shown).expect("JSON");
        let networks = &mut shown[0]["NetworkSettings"]["Networks"];
        for network in networks.as_object_mut().into_iter().flatten() {
            network.1["Aliases"].take();
        }
        shown
    }
}

/// Tries verbs on what stands there: all of them, or where nobody asked for that, some by chance.
fn tried(machine: &Machine, what: &str, strangers: &[Stranger]) {
    let seed = number("VAGRANTP_SEED").unwrap_or(1);
    let chance = Chance(Cell::new(seed ^ u64::try_from(what.len()).expect("short")));
    let all = number("VAGRANTP_STRANGERS").is_some();
    let before: Vec<Value> = strangers.iter().map(|one| one.seen(machine)).collect();
    for verb in VERBS {
        if !all && chance.below(4) != 0 {
            continue;
        }
        note(&format!("seed {seed}, {what}: {verb:?}"));
        let ran = machine.run(verb);
        let is_known = matches!(ran.status, 0..=10 | 255) && !ran.stderr.contains("panicked");
        assert!(is_known, "{what}, {verb:?}: {} {}", ran.status, ran.stderr);
        for (stranger, before) in strangers.iter().zip(&before) {
            assert_eq!(stranger.seen(machine), *before, "{what}, {verb:?}: {}", ran.stderr);
        }
    }
}

/// What verbs that look for the machine say of what is there in its place, in words and in JSON.
fn told(machine: &Machine, what: &str, words: &[&str]) {
    for (verb, exit, code) in [
        (&["status"][..], 0, Value::Null),
        (&["stop"], 1, "INFRA_NOT_FOUND".into()),
        (&["suspend"], 1, "INFRA_NOT_FOUND".into()),
        (&["rm", "-y"], 0, Value::Null),
    ] {
        let (status, document) = machine.json(verb);
        let found = (status, &document["error"]["code"]);
        assert_eq!(found, (exit, &code), "{what}, {verb:?}: {document:#}");
        let warnings = document["warnings"].as_array().cloned().unwrap_or_default();
        let ran = machine.run(verb);
        for word in words {
            let named = warnings.iter().filter(|it| text(it).contains(word)).count();
            assert_eq!(named, 1, "{what}, {verb:?}, {word:?}: {document:#}");
            let said = ran.stderr.lines().filter(|line| line.contains(word)).count();
            assert_eq!(said, 1, "{what}, {verb:?}, {word:?}: {}", ran.stderr);
        }
    }
}

/// What `list` says of copies.
fn listed(machine: &Machine, copies: &[&str]) {
    let (_, document) = machine.json(&["list"]);
    let warnings = document["warnings"].as_array().cloned().unwrap_or_default();
    for copy in copies {
        let words = format!("{copy} carries labels of vagrantp's and is not of its making");
        let named = warnings.iter().filter(|it| text(it).starts_with(&words)).count();
        assert_eq!(named, 1, "{copy}: {document:#}");
    }
}

#[test]
fn no_verb_changes_what_is_somebody_elses() {
    let machine = Machine::made("strange", &[], |project| engine_of_its_own(project, &[]));
    let Some(machine) = machine else { return };
    let (name, other) = (machine.name.clone(), format!("{}-other", machine.name));
    machine.ok(&["up"]);
    let image = machine.inspect("{{.Image}}");
    let network =
        machine.inspect("{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}");
    let label = |key: &str| {
        let value = machine.inspect(&format!("{{{{index .Config.Labels \"{key}\"}}}}"));
        format!("{key}={value}")
    };
    let labels =
        ["uuid", "uid", "project", "stamp"].map(|key| label(&format!("io.vagrantp.{key}")));
    let labelled: Vec<&str> = labels.iter().flat_map(|label| ["--label", label.as_str()]).collect();
    let run = |extra: &[&str], name: &str| {
        let mut arguments = vec!["run", "-d", "--name", name];
        arguments.extend(extra);
        arguments.extend([image.as_str(), "sleep", "1000"]);
        machine.podman(&arguments);
        Stranger::container(name)
    };
    let gone = |strangers: &[Stranger]| {
        for stranger in strangers {
            machine.podman(&["rm", "-f", "-t", "0", &stranger.name]);
        }
    };

    // Copies beside the machine itself, in every way in which podman copies labels.
    machine.podman(&["container", "clone", &name, &other]);
    machine.podman(&["commit", "-q", &name, "localhost/mine:1"]);
    machine.podman(&["run", "-d", "--name", &format!("{other}-2"), "localhost/mine:1"]);
    let copies = [
        Stranger::container(&other),
        Stranger::container(&format!("{other}-2")),
        run(&labelled, &format!("{other}-3")),
    ];
    let seen = machine.ok(&["list"]).stdout;
    assert_eq!(seen.lines().count(), 2, "the machine alone: {seen}");
    let copied = [other.clone(), format!("{other}-2"), format!("{other}-3")];
    let copied = copied.each_ref().map(String::as_str);
    listed(&machine, &copied);
    tried(&machine, "copies beside the machine", &copies);
    machine.ok(&["rm", "-y"]);
    assert_eq!(machine.state(), "not_created");
    listed(&machine, &copied);
    let carries = copied.map(|copy| format!("{copy} carries the labels of this project's"));
    told(&machine, "copies alone", &carries.each_ref().map(String::as_str));
    tried(&machine, "copies alone", &copies);
    machine.ok(&["rm", "-y"]);
    // The copy has the name; the machine may not have it.
    machine.podman(&["rename", &other, &name]);
    let copies = [Stranger::container(&name), Stranger::container(&format!("{other}-2"))];
    let failure = machine.fails(&["up"], 3, "INFRA_EXISTS");
    let message = text(&failure["error"]["message"]);
    assert!(message.ends_with("something that vagrantp did not make"), "{message}");
    let owned = format!(
        "the name `{name}` belongs to something that vagrantp did not make: that is left alone"
    );
    told(&machine, "a copy with the name", &[&owned, carries[1].as_str()]);
    tried(&machine, "a copy with the name", &copies);
    gone(&copies);
    machine.podman(&["rm", "-f", "-t", "0", &format!("{other}-3")]);
    machine.podman(&["rmi", "-f", "localhost/mine:1"]);
    machine.ok(&["gc", "-y"]);

    // Without any mark, with the marks of another project, and with half of the project's.
    let foreign = another(&labels);
    let foreign: Vec<&str> = foreign.iter().flat_map(|label| ["--label", label.as_str()]).collect();
    for (what, labels) in [
        ("no label", &[][..]),
        ("another's label", &foreign),
        ("the label and no stamp", &labelled[..2]),
    ] {
        let image = machine.podman(&["import", "-q", "rootfs.tar", "localhost/theirs:1"]);
        let mut arguments = vec!["run", "-d", "--name", &name];
        arguments.extend(labels);
        arguments.extend([image.as_str(), "sleep", "1000"]);
        machine.podman(&arguments);
        let stranger = [Stranger::container(&name)];
        for verb in ["up", "plan"] {
            let failure = machine.fails(&[verb], 3, "INFRA_EXISTS");
            let message = text(&failure["error"]["message"]);
            assert!(message.ends_with("something that vagrantp did not make"), "{message}");
        }
        told(&machine, what, &[&owned]);
        tried(&machine, what, &stranger);
        gone(&stranger);
    }

    // Networks: with the name and no mark, and with the mark and another name.
    machine.podman(&["network", "create", &network]);
    let marked = format!("{other}-net");
    machine.podman(&["network", "create", "--label", &labels[0], "--label", &labels[1], &marked]);
    let networks =
        [network.as_str(), &marked].map(|name| Stranger { kind: "network", name: name.to_owned() });
    let named = format!("the network {network} has the name of this project's and is not its own");
    told(&machine, "networks", &[&named]);
    machine.fails(&["up"], 1, "NETWORK_FAILED");
    tried(&machine, "networks", &networks);
    for network in &networks {
        machine.podman(&["network", "rm", "-f", &network.name]);
    }

    // An image under a name that a snapshot would have.
    let (_, document) = machine.json(&["status"]);
    let uuid = text(&document["infrastructure"]["uuid"]);
    let tag = format!("localhost/vagrantp/{uuid}/snapshot:one");
    machine.podman(&["import", "-q", "rootfs.tar", &tag]);
    let images = [Stranger { kind: "image", name: tag.clone() }];
    tried(&machine, "an image with a snapshot's name", &images);
    machine.podman(&["rmi", "-f", &tag]);
    machine.ok(&["rm", "-y"]);
}

/// The same labels with another uuid: those of another project.
fn another(labels: &[String; 4]) -> [String; 4] {
    let uuid = labels[0].split_once('=').expect("a label").1.to_owned();
    let digits = if uuid.starts_with('0') { "1" } else { "0" };
    let theirs = format!("{digits}{}", &uuid[1..]);
    labels.clone().map(|label| label.replace(&uuid, &theirs))
}

/// Somebody removed half of it: the container's files are gone, its entry is there.
#[test]
fn what_is_half_deleted_and_somebody_elses_is_left_alone() {
    let machine = Machine::made("half", &[], |project| engine_of_its_own(project, &[]));
    let Some(machine) = machine else { return };
    let image = machine.podman(&["import", "-q", "rootfs.tar", "localhost/theirs:1"]);
    machine.podman(&["create", "--name", &machine.name, &image, "sleep", "9"]);
    let id = machine.id();
    let store = machine.root().join("engine/store");
    let config = store.join(format!("vfs-containers/{id}/userdata/config.json"));
    let _ = std::fs::remove_file(config);
    let layer = machine.inspect("{{index .GraphDriver.Data \"UpperDir\"}}");
    assert!(layer.is_empty() || layer.contains("no value"), "vfs has one directory: {layer}");
    let dirs = std::fs::read_dir(store.join("vfs/dir")).expect("layers");
    for dir in dirs.flatten() {
        let _ = std::fs::remove_dir_all(dir.path());
    }
    let listed = || machine.podman(&["ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Names}}"]);
    let before = listed();
    for verb in VERBS {
        machine.run(verb);
        assert_eq!(listed(), before, "{verb:?}");
    }
    machine.podman(&["rm", "-f", "-t", "0", &machine.name]);
}
