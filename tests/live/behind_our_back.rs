//! What others do to the machine with podman's own hand: `status` is right at once, `plan` says what
//! will be done, `up` does it.

use std::time::Duration;

use crate::machine::{Machine, actions, text, until};

/// After something was done: the state that shows, the plan, and that `up` brings all of it about.
fn mended(machine: &Machine, what: &str, state: &str, plan: &[&str]) {
    assert_eq!(machine.state(), state, "{what}");
    let (exit, document) = machine.json(&["plan"]);
    assert_eq!((exit, actions(&document)), (0, strings(plan)), "{what}");
    let ran = machine.run(&["up"]);
    assert_eq!(ran.status, 0, "{what}: {}", ran.stderr);
    assert_eq!(machine.state(), "running", "{what}");
    machine.settled();
}

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|item| (*item).to_owned()).collect()
}

fn network(machine: &Machine) -> String {
    let objects = machine.objects();
    let name = objects.iter().find_map(|object| object.strip_prefix("network "));
    name.unwrap_or_else(|| panic!("no network: {objects:?}")).to_owned()
}

#[test]
fn stopped_killed_paused_renamed_deleted() {
    let Some(machine) = Machine::new("deeds", &[]) else { return };
    machine.ok(&["up"]);
    machine.inside("echo kept > /root/note");
    let (id, name) = (machine.id(), machine.name.clone());
    machine.podman(&["stop", "-t", "1", &name]);
    mended(&machine, "stopped", "stopped", &["start"]);
    // No moment of rest after the kill: the engine is still clearing up.
    machine.podman(&["kill", "-s", "KILL", &name]);
    mended(&machine, "killed", "stopped", &["start"]);
    machine.podman(&["pause", &name]);
    mended(&machine, "paused", "suspended", &["resume"]);
    let other = format!("{name}-other");
    machine.podman(&["rename", &name, &other]);
    mended(&machine, "renamed", "running", &["rename"]);
    machine.podman(&["rename", &name, &other]);
    machine.podman(&["stop", "-t", "1", &other]);
    mended(&machine, "renamed and stopped", "stopped", &["rename", "start"]);
    assert_eq!((machine.id(), machine.inside("cat /root/note")), (id.clone(), "kept".to_owned()));
    machine.podman(&["rm", "-f", "-t", "0", &name]);
    mended(&machine, "deleted", "not_created", &["create", "start"]);
    assert_ne!(machine.id(), id);
    // Its main process alone, by the host's hand.
    let pid = machine.inspect("{{.State.Pid}}").parse().expect("a process");
    let pid = rustix::process::Pid::from_raw(pid).expect("a process");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it is ours");
    until("its end is seen", || machine.state() == "stopped");
    mended(&machine, "killed from the host", "stopped", &["start"]);
    machine.rm();
}

#[test]
fn its_image_is_removed() {
    let Some(machine) = Machine::new("rmi", &[]) else { return };
    machine.ok(&["up"]);
    // Podman takes the container along.
    machine.forget_image();
    mended(&machine, "its image removed", "not_created", &["fetch_image", "create", "start"]);
    machine.rm();
}

#[test]
fn its_limits_are_changed() {
    let Some(machine) = Machine::new("update", &[]) else { return };
    machine.ok(&["up"]);
    let before = machine.inspect("{{.Id}} {{.State.Pid}}");
    let limit = || {
        machine.inside(
            "cat /sys/fs/cgroup/memory/memory.limit_in_bytes || \
                                   cat /sys/fs/cgroup/memory.max",
        )
    };
    machine.podman(&["update", "--memory", "256m", "--cpus", "2", &machine.name]);
    assert_eq!(limit(), "268435456");
    let (_, document) = machine.json(&["status"]);
    let resources = &document["infrastructure"]["resources"];
    assert_eq!((&resources["memory_mb"], &resources["cpus"]), (&256.into(), &2.into()));
    let (_, plan) = machine.json(&["plan"]);
    let found = text(&plan["plan"][0]["cause"]["found"]);
    assert_eq!(
        (found.as_str(), &plan["plan"][0]["cost"]),
        ("256 MiB until it is started again", &"live".into())
    );
    mended(&machine, "updated", "running", &["set_limits"]);
    assert_eq!(limit(), (512 << 20).to_string());
    assert_eq!(machine.inspect("{{.Id}} {{.State.Pid}}"), before, "it ran on");
    machine.rm();
}

#[test]
fn its_networks_are_changed() {
    let command = "sh -c 'mkdir -p /www; echo hello > /www/index.html; exec httpd -f -h /www'";
    let lines = [("COMMAND", command), ("PORTS", "auto:80"), ("PORT_POOL", "23200-23209")];
    let Some(machine) = Machine::new("netdeeds", &lines) else { return };
    machine.ok(&["up"]);
    let (own, name) = (network(&machine), machine.name.clone());
    let before = machine.inspect("{{.Id}} {{.State.Pid}}");
    let address = || {
        let (_, document) = machine.json(&["status"]);
        document["infrastructure"]["networking"]["ip_address"].to_string()
    };
    let first = address();
    machine.podman(&["network", "disconnect", &own, &name]);
    mended(&machine, "disconnected", "running", &["join_network"]);
    assert_eq!(address(), first);
    machine.podman(&["network", "disconnect", &own, &name]);
    machine.podman(&["network", "rm", &own]);
    let plan = ["create_network", "join_network"];
    mended(&machine, "disconnected, its network removed", "running", &plan);

    let shared = format!("{name}-shared");
    machine.podman(&["network", "create", &shared]);
    machine.podman(&["network", "connect", &shared, &name]);
    // The address is that in its own network, whatever the others are called.
    let own_address =
        machine.inspect(&format!("{{{{(index .NetworkSettings.Networks \"{own}\").IPAddress}}}}"));
    let (_, document) = machine.json(&["status"]);
    assert_eq!(document["infrastructure"]["networking"]["ip_address"], own_address.as_str());
    mended(&machine, "connected elsewhere", "running", &["leave_network"]);
    machine.podman(&["network", "connect", &shared, &name]);
    machine.podman(&["network", "disconnect", &own, &name]);
    let plan = ["join_network", "leave_network"];
    mended(&machine, "moved to another network", "running", &plan);
    machine.podman(&["network", "rm", &shared]);

    assert_eq!(machine.inspect("{{.Id}} {{.State.Pid}}"), before, "it ran on all the time");
    let (_, document) = machine.json(&["status"]);
    let port = &document["infrastructure"]["networking"]["ports"][0]["host_port"];
    let page = page_at(port.as_u64().expect("a port"));
    assert!(page.ends_with("hello\n"), "its port is forwarded again: {page:?}");
    let joined = address();
    machine.ok(&["restart"]);
    machine.ok(&["restart"]);
    assert_eq!(address(), joined, "it is still the same at later starts");
    // By force, podman takes the container along.
    machine.podman(&["network", "rm", "-f", "-t", "0", &own]);
    let plan = ["create_network", "create", "start"];
    mended(&machine, "its network removed by force", "not_created", &plan);
    machine.rm();
}

/// One page, as plainly as can be.
fn page_at(port: u64) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(format!("127.0.0.1:{port}")).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a limit");
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("it reads");
    let mut page = String::new();
    stream.read_to_string(&mut page).expect("it answers");
    page
}

#[test]
fn stop_and_rm_in_every_odd_state() {
    let deaf = "sh -c 'trap \"\" TERM; while true; do sleep 0.1; done'";
    let Some(machine) = Machine::new("odd", &[("COMMAND", deaf), ("STOP_TIMEOUT", "1")]) else {
        return;
    };
    let name = machine.name.clone();
    let podman = |arguments: &[&str]| drop(machine.podman(arguments));
    let children = std::cell::RefCell::new(Vec::new());
    type Deed<'a> = (&'a str, &'a str, Box<dyn Fn() + 'a>);
    let deeds: Vec<Deed<'_>> = vec![
        ("created", "stopped", Box::new(|| {})),
        ("initialized", "stopped", Box::new(|| podman(&["init", &name]))),
        ("running", "stopped", Box::new(|| podman(&["start", &name]))),
        (
            "paused",
            "stopped",
            Box::new(|| {
                podman(&["start", &name]);
                podman(&["pause", &name]);
            }),
        ),
        (
            "stopping",
            "stopped",
            Box::new(|| {
                podman(&["start", &name]);
                let mut stop = machine.program("podman");
                let stop = stop.args(["stop", "-t", "2", &name]);
                let stop = stop.stdout(std::process::Stdio::null()).spawn();
                children.borrow_mut().push(stop.expect("it can be run"));
                until("it is stopping", || machine.inspect("{{.State.Status}}") == "stopping");
            }),
        ),
        (
            "exited",
            "stopped",
            Box::new(|| {
                podman(&["start", &name]);
                podman(&["kill", &name]);
                until("it has ended", || machine.inspect("{{.State.Status}}") == "exited");
            }),
        ),
        (
            "just killed",
            "stopped",
            Box::new(|| {
                podman(&["start", &name]);
                podman(&["kill", &name]);
            }),
        ),
    ];
    for (state, after, deed) in &deeds {
        machine.ok(&["up", "--no-start"]);
        deed();
        machine.ok(&["stop"]);
        assert_eq!(machine.state(), *after, "stop of what is {state}");
        assert_eq!(machine.inspect("{{.State.Running}} {{.State.Paused}}"), "false false");
        machine.rm();
        machine.ok(&["up", "--no-start"]);
        deed();
        machine.rm();
    }
    drop(deeds);
    for mut child in children.into_inner() {
        child.wait().expect("it ends, whatever it came to");
    }
}
