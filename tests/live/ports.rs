//! Forwarded ports: who has which, who gets which, and where they listen.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;

use procfs::net::TcpState;
use serde_json::Value;

use crate::machine::{Machine, text, until};
use crate::podman_host::free_port;

fn host_ports(document: &Value) -> Vec<u64> {
    let ports = document["infrastructure"]["networking"]["ports"].as_array().expect("a list");
    ports.iter().map(|port| port["host_port"].as_u64().expect("a number")).collect()
}

/// `up` in another directory; its host ports.
fn up_in(machine: &Machine, dir: &Path) -> Vec<u64> {
    let (exit, document) = machine.json(&["-C", &dir.display().to_string(), "up"]);
    assert_eq!(exit, 0, "{document:#}");
    host_ports(&document)
}

#[test]
fn a_port_of_a_process_is_refused_with_its_name_and_pid() {
    let Some(machine) = Machine::new("process", &[]) else { return };
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    machine.env(&[("PORTS", &format!("{port}:80"))]);
    let failure = machine.fails(&["up"], 6, "PORT_CONFLICT");
    let error = &failure["error"];
    assert_eq!((&error["field"], &error["line"]), (&"PORTS".into(), &6.into()));
    assert_eq!(error["details"]["port"], port);
    let name = std::fs::read_to_string("/proc/self/comm").expect("its own name");
    let holder = format!("the process `{}` (pid {})", name.trim(), std::process::id());
    assert_eq!(error["details"]["holder"], holder);
    let shown = machine.run(&["up"]);
    assert_eq!(shown.status, 6);
    for line in [&format!(" 6 │ PORTS={port}:80"), &format!("╰── taken by {holder}")] {
        assert!(shown.stderr.contains(line.as_str()), "{line}: {}", shown.stderr);
    }
    assert_eq!(machine.objects(), [""; 0]);
    assert_eq!(machine.kept(), [""; 0]);

    // Another protocol and another address are other ports.
    machine.env(&[("PORTS", &format!("{port}:80/udp,127.0.0.2:{port}:80"))]);
    machine.ok(&["up"]);
    machine.rm();
}

#[test]
fn a_port_of_another_project_is_refused_with_its_name() {
    let port = free_port().to_string();
    let rule = format!("{port}:80");
    let Some(machine) = Machine::new("theirs", &[("PORTS", &rule)]) else { return };
    let other = format!("{}-o", machine.name);
    let dir = machine.beside("other", &[("INFRA_ID", &other), ("PORTS", &rule)]);
    up_in(&machine, &dir);
    let holder = format!("the project `{other}` ({{root}}/other)");
    // It keeps its port while it is stopped, and gives it up when it is removed.
    let at = dir.display().to_string();
    for _ in 0..2 {
        let failure = machine.fails(&["up"], 6, "PORT_CONFLICT");
        assert_eq!(text(&failure["error"]["details"]["holder"]), holder);
        machine.ok(&["-C", &at, "stop"]);
    }
    machine.ok(&["-C", &at, "rm", "-y"]);
    machine.ok(&["up"]);
    machine.rm();
}

#[test]
fn auto_ports_differ_and_stay() {
    let lines = [("PORTS", "auto:80"), ("PORT_POOL", "23200-23202")];
    let Some(machine) = Machine::new("auto", &lines) else { return };
    let named = |name: &str| {
        let id = format!("{}-{name}", machine.name);
        machine.beside(name, &[lines[0], lines[1], ("INFRA_ID", &id)])
    };
    let dirs = ["a", "b", "c"].map(named);
    let calls = dirs.each_ref().map(|dir| machine.start(&["-C", &dir.display().to_string(), "up"]));
    for call in calls {
        let ran = machine.end(call);
        assert_eq!(ran.status, 0, "{}", ran.stderr);
    }
    let ports = dirs.each_ref().map(|dir| up_in(&machine, dir));
    let mut all = ports.concat();
    all.sort_unstable();
    assert_eq!(all, [23200, 23201, 23202], "one each");
    let failure = machine.fails(&["up"], 6, "PORT_CONFLICT");
    assert_eq!(failure["error"]["message"], "no port of the pool 23200-23202 is free");

    // A port is kept while its project is stopped, whatever else comes and goes.
    for dir in &dirs {
        machine.ok(&["-C", &dir.display().to_string(), "stop"]);
    }
    machine.fails(&["up"], 6, "PORT_CONFLICT");
    for (dir, ports) in dirs.iter().zip(&ports).rev() {
        assert_eq!(up_in(&machine, dir), *ports);
    }
    machine.ok(&["-C", &dirs[1].display().to_string(), "rm", "-y"]);
    let (_, document) = machine.json(&["up"]);
    assert_eq!(host_ports(&document), ports[1], "what was given up is free");
}

#[test]
fn a_pick_survives_a_replacement() {
    let lines = [("PORTS", "auto:80"), ("PORT_POOL", "23210-23219")];
    let Some(machine) = Machine::new("pick", &lines) else { return };
    // The first of the pool is taken when the pick is made, and free when it is made again.
    let first = TcpListener::bind("127.0.0.1:23210").expect("the first of the pool");
    let (_, document) = machine.json(&["up"]);
    assert_eq!(host_ports(&document), [23211]);
    drop(first);
    machine.env(&[lines[0], lines[1], ("MEMORY", "600M")]);
    let (_, document) = machine.json(&["up", "-y"]);
    assert_eq!(host_ports(&document), [23211]);
    machine.env(&[lines[1], ("PORTS", "auto:80,auto:81")]);
    let (_, document) = machine.json(&["up", "-y"]);
    let shown = machine.inspect("{{(index .HostConfig.PortBindings \"80/tcp\") }}");
    assert_eq!(shown, "[{127.0.0.1 23211}]");
    assert_eq!(host_ports(&document).iter().max(), Some(&23211));
    machine.settled();
}

#[test]
fn ports_listen_where_asked_and_on_loopback_otherwise() {
    let (open, udp) = (free_port(), free_port());
    let rules = format!("auto:80,0.0.0.0:{open}:80,{udp}:53/udp");
    let lines = [
        ("PORTS", rules.as_str()),
        ("PORT_POOL", "23220-23229"),
        ("COMMAND", "httpd -f -p 80 -h /etc"),
    ];
    let Some(machine) = Machine::new("listen", &lines) else { return };
    machine.ok(&["up"]);
    let listening = |port: u16| {
        let entries = procfs::net::tcp().into_iter().chain(procfs::net::tcp6()).flatten();
        let own = entries.filter(|entry| entry.state == TcpState::Listen);
        let own = own.map(|entry| entry.local_address);
        own.filter(|address| address.port() == port).map(|address| address.ip()).collect::<Vec<_>>()
    };
    assert_eq!(listening(23220), [Ipv4Addr::LOCALHOST]);
    let everywhere = listening(open);
    assert!(everywhere.iter().all(|address| address.is_unspecified()), "{everywhere:?}");
    assert_eq!(everywhere.len(), 1);
    let taken = UdpSocket::bind(("127.0.0.1", udp)).expect_err("it is forwarded");
    assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
    for port in [23220, open] {
        let mut answer = String::new();
        until("the server answers", || {
            answer.clear();
            let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
            let patience = Some(std::time::Duration::from_secs(2));
            stream.set_read_timeout(patience).expect("a time");
            let asked = stream.write_all(b"GET /issue HTTP/1.0\r\n\r\n");
            asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && !answer.is_empty()
        });
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("listen "), "{answer}");
    }
    machine.settled();
}

#[test]
fn a_port_taken_after_the_plan_is_a_conflict_and_leaves_nothing() {
    let port = free_port();
    let rule = format!("{port}:80");
    let Some(machine) = Machine::new("race", &[("PORTS", &rule)]) else { return };
    let mut up = machine.start(&["--json", "up"]);
    let mut events = BufReader::new(up.stderr.take().expect("a pipe"));
    let mut line = String::new();
    while !line.contains(r#""step_started","number":2"#) {
        line.clear();
        assert_ne!(events.read_line(&mut line).expect("an event"), 0, "it came to step 2");
    }
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("it is free until the start");
    events.read_to_string(&mut line).expect("text");
    let ran = machine.end(up);
    drop(listener);
    let document = ran.document();
    assert_eq!((ran.status, &document["error"]["code"]), (6, &"PORT_CONFLICT".into()), "{line}");
    let details = &document["error"]["details"];
    let own = format!("(pid {})", std::process::id());
    assert_eq!(details["port"], port);
    assert!(text(&details["holder"]).ends_with(&own), "who took it is named: {details}");
    assert_eq!(document["error"]["line"], 6);
    assert_eq!(machine.objects(), [""; 0]);
    assert_eq!(machine.kept(), [""; 0]);

    // What starts the machine as it is says it as well.
    machine.ok(&["up"]);
    machine.ok(&["stop"]);
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("it is free");
    let (status, document) = machine.json(&["restart"]);
    drop(listener);
    assert_eq!((status, &document["error"]["code"]), (6, &"PORT_CONFLICT".into()));
    assert!(text(&document["error"]["details"]["holder"]).ends_with(&own), "{document:#}");
    machine.rm();
}

#[test]
fn a_port_that_answers_nobody_is_refused() {
    let rule = format!("[::1]:{}:80", free_port());
    let Some(machine) = Machine::new("six", &[("PORTS", &rule)]) else { return };
    if !rustix::process::getuid().is_root() {
        crate::machine::skipped("without root's rights IPv6 is forwarded");
        return;
    }
    let failure = machine.fails(&["up"], 2, "UNSUPPORTED");
    let error = &failure["error"];
    assert_eq!((&error["field"], &error["line"]), (&"PORTS".into(), &6.into()));
    assert_eq!(machine.objects(), [""; 0]);
}

#[test]
fn a_pick_that_somebody_binds_before_the_start_is_made_again() {
    let lines = [("PORTS", "auto:80"), ("PORT_POOL", "23230-23239")];
    let Some(machine) = Machine::new("repick", &lines) else { return };
    let mut up = machine.start(&["--json", "up"]);
    let mut events = BufReader::new(up.stderr.take().expect("a pipe"));
    let mut line = String::new();
    while !line.contains(r#""step_started","number":2"#) {
        line.clear();
        assert_ne!(events.read_line(&mut line).expect("an event"), 0, "it came to step 2");
    }
    let listener = TcpListener::bind(("127.0.0.1", 23230)).expect("it is free until the start");
    events.read_to_string(&mut line).expect("text");
    let ran = machine.end(up);
    drop(listener);
    assert_eq!(ran.status, 0, "{}\n{line}", ran.stdout);
    assert_eq!(host_ports(&ran.document()), [23231]);
    assert!(line.contains(r#""event":"step_failed""#), "it was the first that was picked: {line}");
    assert_eq!(machine.objects().len(), 2, "{:?}", machine.objects());
    machine.settled();
    machine.rm();
}
