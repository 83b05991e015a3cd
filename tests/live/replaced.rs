//! Made again around its files: what a replacement keeps, how long it takes, what it leaves.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, XattrFlags, makedev, mknodat, setxattr};

use crate::cli_support::variable;
use crate::machine::{Machine, skipped};
use crate::tree::{differences, tree};

/// The container's files as the host sees them, while it runs.
fn files(machine: &Machine) -> PathBuf {
    machine.inspect("{{.GraphDriver.Data.MergedDir}}").into()
}

/// One of everything that a file can be.
fn write_all_kinds(root: &Path) {
    let home = root.join("root");
    let file = |name: &str, content: &[u8]| {
        let path = home.join(name);
        std::fs::write(&path, content).expect("written");
        path
    };
    file("note", b"kept\n");
    let mode = |path: &Path, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("its own");
    };
    // The owner first: a change of it takes the right away to run as another.
    let program = file("as-somebody", b"#!/bin/sh\n");
    chown(&program, Some(1000), Some(7)).expect("root may do that");
    mode(&program, 0o6755);
    mode(&file("secret", b"x"), 0o000);
    std::fs::create_dir(home.join("shared")).expect("made");
    mode(&home.join("shared"), 0o1777);
    std::fs::hard_link(home.join("note"), home.join("shared/the-same-note")).expect("linked");
    symlink("../no/such place", home.join("nowhere")).expect("linked");
    let odd = OsStr::from_bytes(b"new\nline and \xff");
    std::fs::write(home.join(odd), b"odd").expect("written");
    file(&"long".repeat(60), b"a long name");
    let attributed = file("attributed", b"");
    setxattr(&attributed, "user.note", b"kept \0 too", XattrFlags::empty()).expect("set");
    // CAP_NET_RAW, effective and permitted, in the kernel's second format.
    let capability = [1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let capable = file("capable", b"");
    setxattr(&capable, "security.capability", &capability, XattrFlags::empty()).expect("set");
    let hole = std::fs::File::create(home.join("hole")).expect("made");
    hole.set_len(8 << 20).expect("grown");
    let node = |name: &str, kind, device| {
        mknodat(CWD, home.join(name), kind, Mode::from_raw_mode(0o640), device).expect("made");
    };
    node("pipe", FileType::Fifo, 0);
    node("null", FileType::CharacterDevice, makedev(1, 3));
    // Of the image's own files one goes, one becomes a directory, and a directory becomes a file.
    std::fs::remove_file(root.join("bin/httpd")).expect("it was there");
    std::fs::remove_file(root.join("bin/nc")).expect("it was there");
    std::fs::create_dir(root.join("bin/nc")).expect("made");
    std::fs::remove_dir(root.join("home")).expect("it was there");
    std::fs::write(root.join("home"), b"a file now").expect("written");
    let long_ago = std::time::UNIX_EPOCH + Duration::from_secs(86_400);
    let old = std::fs::File::options().write(true).open(file("old", b"old")).expect("there");
    old.set_modified(long_ago).expect("its own");
}

#[test]
fn every_kind_of_file_is_kept() {
    let Some(machine) = Machine::new("kinds", &[]) else { return };
    if !rustix::process::getuid().is_root() {
        return skipped("only root sees a container's files from outside and makes devices");
    }
    machine.ok(&["up"]);
    write_all_kinds(&files(&machine));
    let before = tree(&files(&machine));
    assert!(before.len() > 40, "{} files", before.len());
    for memory in ["600M", "512M"] {
        machine.env(&[("MEMORY", memory)]);
        machine.ok(&["up"]);
        assert_eq!(differences(&before, &tree(&files(&machine))), [""; 0]);
    }
    // From inside, what rights mean.
    assert_eq!(machine.inside("cat /root/shared/the-same-note"), "kept");
    machine.inside("test ! -e /bin/httpd && test -p /root/pipe && test -c /root/null");
    machine.rm();
}

/// The image of a machine, with a volume in it.
struct WithVolume(Machine, String);

impl WithVolume {
    fn new(name: &str) -> Option<WithVolume> {
        let machine = Machine::new(name, &[])?;
        let image = format!("localhost/{}:1", machine.name);
        let rootfs = machine.dir().join("rootfs.tar").display().to_string();
        machine.podman(&["import", "-q", "--change", "VOLUME /data", &rootfs, &image]);
        Some(WithVolume(machine, image))
    }

    fn volume(&self) -> String {
        self.0.inspect("{{range .Mounts}}{{.Type}} {{.Name}} {{.Destination}}{{end}}")
    }
}

impl Drop for WithVolume {
    fn drop(&mut self) {
        let WithVolume(machine, image) = self;
        machine.podman_output(&["rm", "-f", "-v", "-t", "0", &machine.name]);
        machine.podman_output(&["rmi", "-f", image]);
    }
}

#[test]
fn volumes_come_along_and_go_with_rm() {
    let Some(with) = WithVolume::new("volumes") else { return };
    let (machine, image) = (&with.0, with.1.as_str());
    machine.env(&[("IMAGE", image)]);
    machine.ok(&["up"]);
    machine.inside("echo kept > /data/note; echo kept > /root/note");
    let options = machine.inside("grep ' /data ' /proc/self/mountinfo").split(" - ").count();
    assert_eq!(options, 2, "the volume is mounted");
    let volume = with.volume();
    assert!(volume.starts_with("volume ") && volume.ends_with(" /data"), "{volume}");
    for memory in ["600M", "512M", "600M"] {
        machine.env(&[("IMAGE", image), ("MEMORY", memory)]);
        machine.ok(&["up"]);
        assert_eq!(machine.inside("cat /data/note /root/note"), "kept\nkept");
        assert_eq!(with.volume(), volume);
        machine.settled();
    }
    machine.rm();
    let name = volume.split(' ').nth(1).expect("a name");
    let exists = machine.podman_output(&["volume", "exists", name]);
    assert!(!exists.status.success(), "nothing could reach it any more");
}

#[test]
fn what_is_written_while_it_stops_is_kept() {
    let goodbye = "sh -c 'trap \"sleep 0.3; echo last > /root/last; echo last > /data/last; exit 0\" \
                   TERM; while true; do sleep 0.05; done'";
    let Some(with) = WithVolume::new("goodbye") else { return };
    let (machine, image) = (&with.0, with.1.as_str());
    machine.env(&[("IMAGE", image), ("COMMAND", goodbye)]);
    machine.ok(&["up"]);
    machine.env(&[("IMAGE", image), ("COMMAND", goodbye), ("MEMORY", "600M")]);
    machine.ok(&["up"]);
    assert_eq!(machine.inside("cat /root/last /data/last"), "last\nlast");
    machine.rm();
}

#[test]
fn one_that_will_not_stop_is_killed_in_time() {
    let deaf = "sh -c 'trap \"\" TERM; while true; do sleep 0.05; done'";
    let Some(machine) = Machine::new("deaf", &[("COMMAND", deaf), ("STOP_TIMEOUT", "1")]) else {
        return;
    };
    machine.ok(&["up"]);
    machine.inside("echo kept > /root/note");
    machine.env(&[("COMMAND", deaf), ("STOP_TIMEOUT", "1"), ("MEMORY", "600M")]);
    let begun = Instant::now();
    machine.ok(&["up"]);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert_eq!(machine.inside("cat /root/note"), "kept");
    machine.rm();
}

#[test]
fn status_answers_while_files_are_copied() {
    let Some(machine) = Machine::new("copied", &[]) else { return };
    machine.ok(&["up"]);
    machine.inside("dd if=/dev/zero of=/root/much bs=1M count=0 seek=256");
    machine.env(&[("MEMORY", "600M")]);
    let mut up = machine.start(&["--json", "up"]);
    let mut lines = BufReader::new(up.stderr.take().expect("a pipe")).lines();
    let saving = r#""step_started","number":2"#;
    assert!(lines.by_ref().map_while(Result::ok).any(|line| line.contains(saving)));
    std::thread::sleep(Duration::from_millis(300));
    let begun = Instant::now();
    let state = machine.state();
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(["creating", "running"].contains(&state.as_str()), "{state}");
    for _ in lines.by_ref().map_while(Result::ok) {}
    assert_eq!(machine.end(up).status, 0);
    assert_eq!(machine.state(), "running");
    machine.rm();
}

/// The container's two addresses, as it has them.
fn addresses(machine: &Machine) -> String {
    machine.inside("cat /sys/class/net/eth0/address; ip -4 -o addr show eth0 | cut -d' ' -f7")
}

#[test]
fn addresses_and_picked_ports_stay() {
    let ports = ("PORTS", "auto:80");
    let Some(machine) = Machine::new("addresses", &[ports]) else { return };
    machine.ok(&["up"]);
    let bound = "{{.HostConfig.PortBindings}}";
    let before = (addresses(&machine), machine.inspect(bound));
    machine.ok(&["stop"]);
    machine.ok(&["up"]);
    assert_eq!((addresses(&machine), machine.inspect(bound)), before, "after a stop");
    machine.env(&[ports, ("MEMORY", "600M")]);
    machine.ok(&["up"]);
    assert_eq!((addresses(&machine), machine.inspect(bound)), before, "after a replacement");
    machine.ok(&["stop"]);
    machine.env(&[ports, ("MEMORY", "512M")]);
    machine.ok(&["up"]);
    assert_eq!((addresses(&machine), machine.inspect(bound)), before, "replaced while stopped");
    // One that was asked for once is kept when nobody asks any more.
    let address = before.0.lines().last().and_then(|text| text.rsplit_once('.')).expect("four");
    let fixed = format!("{}.77", address.0);
    machine.env(&[ports, ("IP_ADDRESS", &fixed)]);
    machine.ok(&["up"]);
    let changed = addresses(&machine);
    assert!(changed.contains(&fixed), "{changed}");
    assert_eq!(changed.lines().next(), before.0.lines().next(), "the other address stays");
    machine.env(&[ports, ("MEMORY", "600M")]);
    machine.ok(&["up"]);
    assert_eq!(addresses(&machine), changed);
    machine.settled();
    machine.rm();
}

/// Ids of images, for what no name is left of.
fn image_is_there(machine: &Machine, id: &str) -> bool {
    machine.podman_output(&["image", "exists", id]).status.success()
}

/// How many layers there are when they are made one, that of the image included.
const LAYERS: usize = 20;

#[test]
fn many_in_a_row_stay_quick_and_leave_nothing() {
    let Some(machine) = Machine::new("many", &[]) else { return };
    // Enough to see layers made one and what comes after; `make prove` takes all fifty.
    let of = variable("VAGRANTP_REPLACEMENTS").and_then(|n| n.parse().ok()).unwrap_or(24_usize);
    machine.ok(&["up"]);
    let before = rustix::process::getuid().is_root().then(|| {
        write_all_kinds(&files(&machine));
        tree(&files(&machine))
    });
    let mut shown = 0;
    let mut images = Vec::new();
    let mut times = Vec::new();
    let mut most_layers = 0;
    for number in 1..=of {
        let memory = format!("{}M", 512 + number);
        machine.env(&[("MEMORY", &memory)]);
        if number == LAYERS {
            // All of it is copied now, and the plan says so: more than the image alone has.
            let plan = machine.ok(&["plan"]).stdout;
            shown = usize::from(plan.contains(" MiB are copied"));
        }
        let begun = Instant::now();
        machine.ok(&["up"]);
        times.push(begun.elapsed());
        if number % 10 == 1 {
            machine.inside(&format!("echo {number} >> /root/log"));
        }
        let image = machine.inspect("{{.Image}}");
        let count = "{{len .RootFS.Layers}}";
        let layers = machine.podman(&["image", "inspect", "--format", count, &image]);
        most_layers = most_layers.max(layers.parse().expect("a number"));
        images.push(image);
    }
    let log: Vec<String> = (1..=of).step_by(10).map(|number| number.to_string()).collect();
    assert_eq!(machine.inside("cat /root/log"), log.join("\n"));
    if let Some(mut before) = before {
        let mut after = tree(&files(&machine));
        // What was written since, and the directory that it was written in.
        for path in ["root/log", "root"] {
            before.remove(Path::new(path));
            after.remove(Path::new(path));
        }
        assert_eq!(differences(&before, &after), [""; 0]);
    }
    assert!(shown == 1 || of < LAYERS, "the plan of a copy of everything says what it copies");
    assert!(most_layers <= LAYERS + 4, "layers pile up: {most_layers}");
    assert_eq!(machine.objects().len(), 3, "{:?}", machine.objects());
    let last = images.pop().expect("at least one");
    images.retain(|id| *id != last && image_is_there(&machine, id));
    assert_eq!(images, [""; 0], "images of replaced containers");
    // No slower than the first ones by more than a busy host explains.
    let median = |times: &[Duration]| {
        let mut times = times.to_vec();
        times.sort();
        times[times.len() / 2]
    };
    let tenth = (of / 5).max(1);
    let (first, end) = (median(&times[..tenth]), median(&times[of - tenth..]));
    assert!(end < first * 4 + Duration::from_secs(1), "{first:?} at first, {end:?} at the end");
    machine.rm();
    assert!(!image_is_there(&machine, &last));
}
