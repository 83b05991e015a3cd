//! Memory and CPUs: what was asked for is what the kernel enforces.

use std::path::PathBuf;

use crate::machine::{Machine, skipped};

/// Where one of the kernel's files about the container is, in either version of cgroups.
fn cgroup(machine: &Machine, controller: &str, file: &str) -> Option<PathBuf> {
    let pid = machine.inspect("{{.State.Pid}}");
    let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let fields = text.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        Some((fields.next()?, fields.next()?))
    });
    let mut found = fields.filter_map(|(controllers, path)| {
        let path = path.trim_start_matches('/');
        let file = if controllers.is_empty() {
            PathBuf::from("/sys/fs/cgroup").join(path).join(file)
        } else if controllers.split(',').any(|known| known == controller) {
            PathBuf::from("/sys/fs/cgroup").join(controller).join(path).join(file)
        } else {
            return None;
        };
        file.exists().then_some(file)
    });
    found.next()
}

fn read(machine: &Machine, controller: &str, files: [&str; 2]) -> Option<String> {
    let path = files.into_iter().find_map(|file| cgroup(machine, controller, file))?;
    std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

/// What a process inside sees of its own limit.
fn seen_from_inside(machine: &Machine) -> String {
    machine.inside(
        "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null; true",
    )
}

#[test]
fn what_goes_beyond_its_memory_is_killed() {
    let Some(machine) = Machine::new("beyond", &[]) else { return };
    machine.ok(&["up"]);
    assert_eq!(seen_from_inside(&machine), (512_u64 << 20).to_string());
    // A line of a gigabyte, held as a whole; more than there is, swap or not.
    let hog =
        ["exec", &machine.name, "sh", "-c", "x=$(dd if=/dev/zero bs=1M count=1024 | tr '\\0' x)"];
    let output = machine.podman_output(&hog);
    assert_eq!(output.status.code(), Some(137), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(machine.state(), "running", "the machine itself goes on");
    machine.rm();
}

#[test]
fn limits_are_what_was_asked_for() {
    let Some(machine) = Machine::new("limits", &[("MEMORY", "640M"), ("CPUS", "2")]) else {
        return;
    };
    machine.ok(&["up"]);
    let (_, document) = machine.json(&["status"]);
    assert_eq!(document["infrastructure"]["resources"]["memory_mb"], 640);
    assert_eq!(document["infrastructure"]["resources"]["cpus"], 2);
    let mebibytes = 1 << 20;
    let memory: u64 = machine.inspect("{{.HostConfig.Memory}}").parse().expect("a number");
    assert_eq!(memory, 640 * mebibytes);
    assert_eq!(machine.inspect("{{.HostConfig.MemorySwap}}"), memory.to_string(), "no swap beyond");
    assert_eq!(machine.inspect("{{.HostConfig.NanoCpus}}"), "2000000000");
    let Some(enforced) = read(&machine, "memory", ["memory.max", "memory.limit_in_bytes"]) else {
        return skipped("the container's cgroup cannot be seen here");
    };
    assert_eq!(enforced, memory.to_string());
    let cpu = read(&machine, "cpu", ["cpu.max", "cpu.cfs_quota_us"]).expect("beside the memory's");
    assert!(cpu == "200000" || cpu == "200000 100000", "{cpu}");
    // The first file counts swap alone, the second memory and swap.
    let none_beyond = [("memory.swap.max", 0), ("memory.memsw.limit_in_bytes", memory)];
    for (file, expected) in none_beyond {
        if let Some(swap) = read(&machine, "memory", [file, file]) {
            assert_eq!(swap, expected.to_string(), "{file}");
        }
    }
    // They hold after a stop, and after an edit.
    machine.ok(&["stop"]);
    machine.ok(&["up"]);
    let again = read(&machine, "memory", ["memory.max", "memory.limit_in_bytes"]);
    assert_eq!(again, Some(memory.to_string()));
    machine.env(&[("MEMORY", "576M")]);
    machine.ok(&["up", "-y"]);
    let edited = read(&machine, "memory", ["memory.max", "memory.limit_in_bytes"]);
    assert_eq!(edited, Some((576 * mebibytes).to_string()));
}
