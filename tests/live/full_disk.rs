//! A file system that is really full, under vagrantp's own files: what makes room works there.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use crate::machine::{Machine, skipped};

/// A small file system in memory, where the state goes; unmounted with the test.
struct Disk<'a> {
    machine: &'a Machine,
    at: PathBuf,
}

impl<'a> Disk<'a> {
    /// Nothing where none can be mounted.
    fn mounted(machine: &'a Machine) -> Option<Disk<'a>> {
        if !rustix::process::getuid().is_root() {
            skipped("it takes root to mount");
            return None;
        }
        let at = machine.root().join("state");
        fs::create_dir_all(&at).expect("a directory");
        let place = at.display().to_string();
        let options = "size=256k,nr_inodes=64,mode=700";
        let arguments = ["-t", "tmpfs", "-o", options, "none", &place];
        let mounted = machine.program("mount").args(arguments).output().expect("it can be run");
        if !mounted.status.success() {
            skipped("nothing may be mounted here");
            return None;
        }
        Some(Disk { machine, at })
    }

    /// Takes all of its room; with `names`, so that not even an empty file can be made.
    fn fill(&self, names: bool) {
        let mut filler = fs::File::create(self.at.join("filler")).expect("the first file");
        while filler.write_all(&[b'x'; 512]).is_ok() {}
        let mut number = 0;
        while names && fs::File::create(self.at.join(format!("filler-{number}"))).is_ok() {
            number += 1;
        }
        assert!(!names || number > 0);
    }

    fn empty(&self) {
        for entry in fs::read_dir(&self.at).expect("a directory").flatten() {
            if entry.file_name().to_string_lossy().starts_with("filler") {
                fs::remove_file(entry.path()).expect("removed");
            }
        }
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let place = self.at.display().to_string();
        let unmounted = self.machine.program("umount").arg(&place).output();
        assert!(std::thread::panicking() || unmounted.is_ok_and(|it| it.status.success()));
    }
}

#[test]
fn a_full_disk_refuses_what_needs_room_and_lets_what_makes_some() {
    let lines = [("PORTS", "auto:80"), ("PORT_POOL", "23370-23379"), ("STOP_TIMEOUT", "1")];
    let Some(machine) = Machine::new("full", &lines) else { return };
    let Some(disk) = Disk::mounted(&machine) else { return };
    for names in [false, true] {
        // Nothing is begun that cannot be written down.
        disk.fill(names);
        let failure = machine.fails(&["up"], 4, "INSUFFICIENT_RESOURCES");
        let help = failure["error"]["suggestion"].as_str().expect("a help");
        assert!(help.contains("free some disk space"), "{help}");
        assert_eq!(machine.objects(), [""; 0]);
        disk.empty();

        machine.ok(&["up"]);
        disk.fill(names);
        assert_eq!(machine.state(), "running");
        machine.ok(&["up"]);
        let ran = machine.ok(&["stop"]);
        assert!(ran.stderr.contains("no room left"), "{}", ran.stderr);
        assert_eq!(machine.inspect("{{.State.Status}}"), "exited");
        assert_eq!(machine.state(), "stopped");
        machine.fails(&["up"], 4, "INSUFFICIENT_RESOURCES");
        assert_eq!(machine.state(), "stopped");
        let (status, document) = machine.json(&["rm", "-y"]);
        assert_eq!(status, 0, "{document:#}");
        let warnings = document["warnings"].to_string();
        assert!(warnings.contains("no room left"), "{warnings}");
        assert_eq!(machine.objects(), [""; 0]);
        disk.empty();

        // All memory lost, and no room to have any: not even for a lock.
        machine.ok(&["up"]);
        fs::remove_dir_all(machine.kept_in()).expect("it was there");
        disk.fill(names);
        let ran = machine.ok(&["stop"]);
        assert_eq!(ran.stderr.contains("nobody else is kept out"), names, "{}", ran.stderr);
        machine.ok(&["rm", "-y"]);
        assert_eq!(machine.objects(), [""; 0]);
        disk.empty();
    }
    assert_eq!(machine.kept(), [""; 0]);
    drop(disk);
}
