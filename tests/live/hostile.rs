//! The corpus of hostile values on a real machine: what it was made from is in the object to the
//! letter, seen with podman's own eyes and from inside. And a short life under any umask.

use std::collections::BTreeSet;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use serde_json::Value;

use crate::machine::{Machine, files_below, text};

#[path = "../support/hostile.rs"]
mod corpus;

/// What the kernel writes of a path in `/proc/self/mounts`.
fn escaped(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        match byte {
            b' ' | b'\t' | b'\n' | b'\\' => out.push_str(&format!("\\{byte:03o}")),
            // Bytes of UTF-8 are put together below.
            _ => out.push(char::from(byte)),
        }
    }
    let bytes: Vec<u8> = out.chars().map(|c| u8::try_from(u32::from(c)).expect("a byte")).collect();
    String::from_utf8(bytes).expect("as it was")
}

#[test]
fn every_value_is_in_the_real_object_to_the_letter() {
    let Some(machine) = Machine::new("corpus", &[]) else { return };
    let batch = corpus::batch(machine.dir());
    let head = format!("INFRA_ID={}\nIMAGE=./rootfs.tar\nMEMORY=512M\nCPUS=1\n", machine.name);
    machine.file(".env", batch.env(&head));
    machine.ok(&["up"]);
    machine.settled();

    // Podman's eyes.
    let found: Value = serde_json::from_str(&machine.podman(&["inspect", &machine.name]))
        .expect("inspect is JSON");
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let arguments: Vec<String> = list(&found[0]["Args"]).iter().map(text).collect();
    let at = arguments.iter().position(|word| word == "corpus").expect("the main process");
    assert_eq!(arguments[at + 1..], batch.words);
    let field = |mount: &Value, name: &str| text(&mount[name]);
    let mounts: BTreeSet<(String, String)> = list(&found[0]["Mounts"])
        .iter()
        .map(|mount| (field(mount, "Source"), field(mount, "Destination")))
        .collect();
    for wanted in &batch.mounts {
        assert!(mounts.contains(wanted), "{wanted:?}");
    }
    let labels = found[0]["Config"]["Labels"].as_object().expect("labels");
    assert!(labels.keys().all(|name| name.starts_with("io.vagrantp.")), "{labels:?}");
    assert_eq!(found[0]["HostConfig"]["Privileged"], false);

    // From inside: the argument list of the main process, and what is mounted where.
    let output = machine.podman_output(&["exec", &machine.name, "cat", "/proc/1/cmdline"]);
    let words: Vec<&[u8]> = output.stdout.split(|byte| *byte == 0).collect();
    let at = words.iter().position(|word| *word == b"corpus").expect("the main process");
    let words: Vec<&str> =
        words[at + 1..].iter().map(|word| std::str::from_utf8(word).expect("is text")).collect();
    assert_eq!(words[..batch.words.len()], batch.words);
    let table = machine.podman(&["exec", &machine.name, "cat", "/proc/self/mounts"]);
    let places: BTreeSet<&str> = table.lines().filter_map(|line| line.split(' ').nth(1)).collect();
    let mut marks: Vec<String> = Vec::new();
    for (_, guest) in &batch.mounts {
        assert!(places.contains(&*escaped(guest)), "{guest:?}: {table}");
        marks.push(format!("{guest}/here"));
    }
    let mut read = vec!["exec", &machine.name, "cat"];
    read.extend(marks.iter().map(String::as_str));
    let numbers: String = (0..batch.mounts.len()).map(|number| number.to_string()).collect();
    assert_eq!(machine.podman(&read), numbers, "each mount has the directory that was meant");

    // Nothing of it ran, neither here nor there.
    for place in [machine.dir().join("pwned"), machine.root().join("pwned"), "/pwned".into()] {
        assert!(!place.is_file(), "{}", place.display());
    }
    let inside = machine.podman_output(&["exec", &machine.name, "ls", "/pwned", "/root/pwned"]);
    assert!(!inside.status.success() && inside.stdout.is_empty());
    machine.rm();
}

/// A call under a umask.
fn under(machine: &Machine, umask: &str, arguments: &[&str]) {
    let line = format!("umask {umask}; exec \"$@\"");
    let mut command = machine.program("sh");
    command.args(["-c", &line, "sh", env!("CARGO_BIN_EXE_vagrantp")]).args(arguments);
    let ran = machine.ran(command.output().expect("it can be run"));
    assert_eq!(ran.status, 0, "umask {umask}, {arguments:?}\n{}\n{}", ran.stdout, ran.stderr);
}

/// Everything of vagrantp's own is for its owner alone.
fn assert_private(root: &Path) -> usize {
    let mut seen = 0;
    let dirs: Vec<_> = walk(root);
    for path in dirs {
        let facts = std::fs::symlink_metadata(&path).expect("it is there");
        let wanted = if facts.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(facts.mode() & 0o7777, wanted, "{}", path.display());
        seen += usize::from(facts.is_file() || facts.file_type().is_socket());
    }
    seen
}

fn walk(root: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    if root.exists() {
        found.push(root.to_owned());
    }
    for name in files_below(root) {
        let path = root.join(name);
        found.extend(path.ancestors().skip(1).take_while(|dir| *dir != root).map(Path::to_owned));
        found.push(path);
    }
    found
}

#[test]
fn no_umask_opens_or_shuts_what_is_kept() {
    for umask in ["000", "077"] {
        let name = format!("umask{umask}");
        let Some(machine) = Machine::new(&name, &[("PORTS", "auto:80")]) else { return };
        for verb in [
            &["up"][..],
            &["status"],
            &["stop"],
            &["up"],
            &["snapshot", "create", "one"],
            &["snapshot", "rm", "one", "-y"],
        ] {
            under(&machine, umask, verb);
            let kept = assert_private(&machine.kept_in());
            assert!(kept >= 3, "a record, a claim on a port, a history: {kept}");
            if rustix::process::getuid().is_root() {
                // The service's socket, lock, log and configuration.
                assert!(assert_private(&machine.root().join("run/vagrantp")) >= 3);
            }
        }
        under(&machine, umask, &["rm", "-y"]);
        assert_eq!(machine.objects(), [""; 0]);
        assert_eq!(machine.kept(), [""; 0]);
    }
}
