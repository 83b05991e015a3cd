//! A network for each project, and no way from one to the other: every row of the table in
//! `docs/providers/podman.md`, tried over TCP and UDP.

use crate::machine::{Machine, until};
use crate::namespaces::{
    BOTH, Lan, NEITHER, answer, may_look_inside, of_container, of_host, reached,
};
use crate::podman_host::free_port;

const ADDRESS: &str = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
const GATEWAY: &str = "{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}";

fn of(machine: &Machine, name: &str, what: &str) -> String {
    machine.podman(&["inspect", "--type", "container", "--format", what, name])
}

/// Another project, up; its container's name.
fn beside(machine: &Machine, name: &str, lines: &[(&str, &str)]) -> String {
    let other = format!("{}-{name}", machine.name);
    let id = [("INFRA_ID", other.as_str())];
    let dir = machine.beside(name, &[&id, lines].concat());
    machine.ok(&["-C", &dir.display().to_string(), "up"]);
    other
}

#[test]
fn two_projects_do_not_reach_each_other() {
    let port = free_port();
    let rules = format!("0.0.0.0:{port}:80,0.0.0.0:{port}:80/udp");
    let Some(machine) = Machine::new("apart", &[("PORTS", &rules)]) else { return };
    if !may_look_inside() {
        return;
    }
    machine.ok(&["up"]);
    let other = beside(&machine, "o", &[]);
    let (here, there) = (of_container(&machine, &machine.name), of_container(&machine, &other));
    answer(&here, "0.0.0.0:80");
    let address = of(&machine, &machine.name, ADDRESS);
    let direct = format!("{address}:80");
    // It answers itself and the host, so that silence means something.
    assert_eq!(reached(&here, &direct), BOTH);
    assert_eq!(reached(&of_host(), &direct), BOTH);
    assert_eq!(reached(&of_host(), &format!("127.0.0.1:{port}")), BOTH);
    assert_eq!(reached(&there, &direct), NEITHER, "by its address");
    for host in [of(&machine, &other, GATEWAY), of(&machine, &machine.name, GATEWAY)] {
        let forwarded = format!("{host}:{port}");
        assert_eq!(reached(&there, &forwarded), NEITHER, "by its forwarded ports");
    }
    // And it has no name there.
    for name in [machine.name.clone(), format!("{}.dns.podman", machine.name)] {
        let line = format!("echo | nc -w 2 {name} 80");
        let asked = machine.podman_output(&["exec", &other, "sh", "-c", &line]);
        assert!(!asked.status.success() && asked.stdout.is_empty(), "{asked:?}");
    }
}

#[test]
fn the_wall_stands_whoever_comes_and_goes() {
    let Some(machine) = Machine::new("wall", &[]) else { return };
    if !may_look_inside() {
        return;
    }
    machine.ok(&["up"]);
    let [other, third] = ["o", "t"].map(|name| beside(&machine, name, &[]));
    let (here, there) = (of_container(&machine, &machine.name), of_container(&machine, &other));
    answer(&here, "0.0.0.0:80");
    let direct = format!("{}:80", of(&machine, &machine.name, ADDRESS));
    assert_eq!(reached(&here, &direct), BOTH);
    assert_eq!(reached(&there, &direct), NEITHER);
    // A third one ends, stopped by vagrantp, and by itself: netavark clears up after it.
    let third_at = machine.root().join("t").display().to_string();
    machine.ok(&["-C", &third_at, "stop"]);
    assert_eq!(reached(&there, &direct), NEITHER, "the third was stopped");
    machine.ok(&["-C", &third_at, "up"]);
    machine.podman(&["kill", &third]);
    until("it is cleared away", || {
        of(&machine, &third, "{{.State.Status}}") == "exited"
            && of(&machine, &third, "{{.State.Pid}}") == "0"
    });
    assert_eq!(reached(&there, &direct), NEITHER, "the third ended");
    machine.ok(&["-C", &third_at, "rm", "-y"]);
    assert_eq!(reached(&there, &direct), NEITHER, "the third is gone");
}

#[test]
fn what_stays_reachable_is_what_the_page_says() {
    let port = free_port();
    let (open, closed) = (free_port(), free_port());
    let rules = format!("0.0.0.0:{open}:80,0.0.0.0:{open}:80/udp,{closed}:80,{closed}:80/udp");
    let Some(machine) = Machine::new("reach", &[("PORTS", &rules)]) else { return };
    let Some(lan) = Lan::new(&machine) else { return };
    machine.ok(&["up"]);
    let here = of_container(&machine, &machine.name);
    answer(&here, "0.0.0.0:80");
    let direct = format!("{}:80", of(&machine, &machine.name, ADDRESS));
    let gateway = of(&machine, &machine.name, GATEWAY);

    // What listens on the host, everywhere and on the loopback address alone.
    answer(&of_host(), &format!("0.0.0.0:{port}"));
    for host in [&gateway, &lan.address(1)] {
        assert_eq!(reached(&here, &format!("{host}:{port}")), BOTH, "{host}");
    }
    let loopback = free_port();
    answer(&of_host(), &format!("127.0.0.1:{loopback}"));
    for host in [gateway.as_str(), &lan.address(1), "127.0.0.1"] {
        assert_eq!(reached(&here, &format!("{host}:{loopback}")), NEITHER, "{host}");
    }

    // The host's networks, and from there what was forwarded for everybody.
    answer(&lan.neighbour(), "0.0.0.0:90");
    assert_eq!(reached(&here, &format!("{}:90", lan.address(2))), BOTH);
    let from_outside = |port: u16| reached(&lan.neighbour(), &format!("{}:{port}", lan.address(1)));
    assert_eq!(from_outside(open), BOTH);
    assert_eq!(from_outside(closed), NEITHER);

    // Networks that are not isolated, in both directions.
    let plain = format!("{}-plain", machine.name);
    machine.podman(&["network", "create", &plain]);
    let image = machine.podman(&["inspect", "--format", "{{.Image}}", &machine.name]);
    machine.podman(&["run", "-d", "--name", &plain, "--network", &plain, &image, "sleep", "99"]);
    let there = of_container(&machine, &plain);
    answer(&there, "0.0.0.0:80");
    let (out, back) = (
        reached(&here, &format!("{}:80", of(&machine, &plain, ADDRESS))),
        reached(&there, &direct),
    );
    machine.podman(&["rm", "-f", "-t", "0", &plain]);
    machine.podman(&["network", "rm", &plain]);
    assert_eq!((out.as_slice(), back.as_slice()), (&BOTH[..], &BOTH[..]));
}
