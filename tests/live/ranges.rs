//! IP_ADDRESS: a network made around it, and made anew around another.

use std::io::{BufRead, BufReader};

use crate::machine::{Machine, actions, text};
use crate::podman_host::free_port;

/// Ranges of this test run's own.
fn address(test: u8, host: u8) -> String {
    format!("10.{test}.{}.{host}", std::process::id() % 250)
}

fn inet(machine: &Machine) -> String {
    let shown = machine.inside("ip addr show eth0");
    let inet = shown.lines().find_map(|line| line.trim().strip_prefix("inet ")).expect("one");
    inet.split(' ').next().expect("a word").to_owned()
}

#[test]
fn another_range_is_another_network_with_the_same_files_and_ports() {
    let (first, second) = (address(190, 5), address(191, 5));
    let port = free_port();
    let rule = format!("{port}:80");
    let lines = |address: &str| {
        vec![("IP_ADDRESS".to_owned(), address.to_owned()), ("PORTS".to_owned(), rule.clone())]
    };
    let env = |machine: &Machine, lines: &[(String, String)]| {
        let lines: Vec<_> =
            lines.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        machine.env(&lines);
    };
    let Some(machine) = Machine::new("range", &[]) else { return };
    env(&machine, &lines(&first));
    machine.ok(&["up"]);
    assert_eq!(inet(&machine), format!("{first}/24"));
    machine.inside("echo kept > /root/note");
    let network = |machine: &Machine| {
        machine.inspect("{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}")
    };
    let before = network(&machine);

    // In the range it changes as it runs.
    let id = machine.id();
    let next = address(190, 6);
    env(&machine, &lines(&next));
    let (_, document) = machine.json(&["up"]);
    assert_eq!(actions(&document), ["change_address"]);
    assert_eq!((inet(&machine), machine.id()), (format!("{next}/24"), id));

    let mut wanted = vec![lines(&second), lines(&format!("{second}/20"))];
    // The same range with another gateway is another network all the same.
    let mut gateway = lines(&format!("{second}/20"));
    gateway.push(("GATEWAY".to_owned(), address(191, 77)));
    gateway.push(("DNS".to_owned(), "9.9.9.9".to_owned()));
    wanted.push(gateway);
    for (lines, prefix) in wanted.iter().zip([24, 20, 20]) {
        env(&machine, lines);
        let (exit, document) = machine.json(&["up", "-y"]);
        assert_eq!(exit, 0, "{document:#}");
        assert!(actions(&document).contains(&"change_network".to_owned()), "{document:#}");
        assert_eq!(inet(&machine), format!("{second}/{prefix}"));
        assert_eq!(machine.inside("cat /root/note"), "kept");
        let bindings = machine.inspect("{{json .HostConfig.PortBindings}}");
        assert!(bindings.contains(&format!("\"{port}\"")), "{bindings}");
        machine.settled();
        let networks = machine.objects().into_iter().filter(|name| name.starts_with("network"));
        assert_eq!(networks.count(), 1, "the one before is gone");
    }
    assert!(machine.inside("ip route").contains(&format!("default via {}", address(191, 77))));
    assert_eq!(machine.inside("cat /etc/resolv.conf"), "nameserver 9.9.9.9");
    assert_ne!(network(&machine), before);
    machine.rm();
}

#[test]
fn a_failed_or_killed_change_of_network_leads_back_or_on() {
    let (first, second) = (address(192, 5), address(193, 5));
    let Some(machine) = Machine::new("rangekill", &[("IP_ADDRESS", &first)]) else { return };
    machine.ok(&["up"]);
    machine.inside("echo kept > /root/note");

    // A start that fails brings the old network back, with the old machine in it.
    machine.env(&[("IP_ADDRESS", &second), ("COMMAND", "false")]);
    machine.fails(&["up", "-y"], 1, "CREATE_FAILED");
    assert_eq!(
        (inet(&machine), machine.inside("cat /root/note")),
        (format!("{first}/24"), "kept".into())
    );
    machine.env(&[("IP_ADDRESS", &first)]);
    machine.settled();

    // Killed at and after the step: the next `up` finds its way, also to the range of before.
    for (target, at) in [(&second, "change_network"), (&first, "create"), (&second, "remove")] {
        machine.env(&[("IP_ADDRESS", target)]);
        let mut up = machine.start(&["--json", "up", "-y"]);
        let mut events = BufReader::new(up.stderr.take().expect("a pipe"));
        let mut line = String::new();
        while !(line.contains("step_started") && line.contains(&format!("\"action\":\"{at}\""))) {
            line.clear();
            assert_ne!(events.read_line(&mut line).expect("an event"), 0, "it came to {at}");
        }
        up.kill().expect("it runs");
        machine.end(up);
        machine.ok(&["up", "-y"]);
        assert_eq!(inet(&machine), format!("{target}/24"), "{at}");
        assert_eq!(machine.inside("cat /root/note"), "kept", "{at}");
        machine.settled();
        let kinds: Vec<_> = machine.objects();
        let count = |kind: &str| kinds.iter().filter(|object| object.starts_with(kind)).count();
        assert_eq!((count("container"), count("network")), (1, 1), "{at}: {kinds:?}");
    }
    machine.rm();
}

#[test]
fn a_range_in_use_is_refused_before_anything_is_made() {
    // Whatever this host is, its loopback has a route; what it reaches is told with the line.
    let routes = procfs::net::route().expect("the kernel has a table");
    let taken = routes
        .iter()
        .find(|route| !route.destination.is_unspecified() && !route.iface.starts_with("podman"));
    let range = address(194, 5);
    let Some(machine) = Machine::new("taken", &[("IP_ADDRESS", &range)]) else { return };
    if let Some(route) = taken {
        let [a, b, c, _] = route.destination.octets();
        machine.env(&[("IP_ADDRESS", &format!("{a}.{b}.{c}.77/24"))]);
        let failure = machine.fails(&["up"], 6, "ADDRESS_CONFLICT");
        let error = &failure["error"];
        assert_eq!((&error["field"], &error["line"]), (&"IP_ADDRESS".into(), &6.into()));
        assert!(text(&error["message"]).contains(&route.iface), "{error}");
        assert_eq!(machine.objects(), [""; 0]);
        assert_eq!(machine.kept(), [""; 0]);
    }
    // Another project's range, which has no route while that is stopped.
    let other = format!("{}-o", machine.name);
    let dir = machine.beside("o", &[("INFRA_ID", &other), ("IP_ADDRESS", &range)]);
    machine.ok(&["-C", &dir.display().to_string(), "up", "--no-start"]);
    machine.env(&[("IP_ADDRESS", &format!("{}/16", address(194, 9)))]);
    let failure = machine.fails(&["up"], 6, "ADDRESS_CONFLICT");
    let holder = text(&failure["error"]["details"]["holder"]);
    assert!(holder.starts_with(&format!("the network of the project `{other}`")), "{holder}");
}
