//! A container on one of the host's bridges, with an address of its own there.

use crate::machine::{Machine, actions, text};
use crate::namespaces::{BOTH, Lan, NEITHER, answer, of_container, of_host, reached};

#[test]
fn a_container_joins_a_bridge_and_leaves_it_with_its_files() {
    let Some(machine) = Machine::new("bridged", &[("PORTS", "auto:80")]) else { return };
    let Some(lan) = Lan::new(&machine) else { return };
    machine.ok(&["up"]);
    machine.inside("echo kept > /root/note");
    let address = lan.address(9);
    let gateway = lan.address(1);
    let bridged = [
        ("NETWORK_MODE", "bridge"),
        ("BRIDGE", &lan.bridge),
        ("IP_ADDRESS", &address),
        ("GATEWAY", &gateway),
        ("DNS", "9.9.9.9"),
        ("PORTS", "auto:80"),
    ];
    machine.env(&bridged);
    let (exit, document) = machine.json(&["up", "-y"]);
    assert_eq!(exit, 0, "{document:#}");
    assert!(actions(&document).contains(&"change_network".to_owned()), "{document:#}");
    let networking = &document["infrastructure"]["networking"];
    assert_eq!(
        (text(&networking["mode"]), text(&networking["ip_address"]), networking["ports"].clone()),
        ("bridge".to_owned(), address.clone(), serde_json::json!([]))
    );
    machine.settled();
    assert_eq!(machine.inside("cat /root/note"), "kept");
    assert!(machine.inside("cat /etc/resolv.conf").contains("nameserver 9.9.9.9"));
    assert!(machine.inside("ip route").contains(&format!("default via {gateway}")));
    assert!(machine.inside("ip addr show eth0").contains(&format!("inet {address}/24")));

    // The neighbour reaches it, and the host itself does not: it is told so.
    let here = of_container(&machine, &machine.name);
    answer(&here, "0.0.0.0:80");
    let direct = format!("{address}:80");
    assert_eq!(reached(&lan.neighbour(), &direct), BOTH);
    assert_eq!(reached(&of_host(), &direct), NEITHER);
    let shown = machine.run(&["status"]);
    let line =
        format!("  network    bridge {}: reached from there, not from this host", lan.bridge);
    assert!(shown.stdout.contains(&line), "{}", shown.stdout);
    let warned = machine.run(&["validate"]);
    assert!(warned.stderr.contains("PORTS has no effect"), "{} {}", warned.stdout, warned.stderr);

    // Another address is given as it runs, and the card stays the same over a restart.
    let card = |machine: &Machine| machine.inside("cat /sys/class/net/eth0/address");
    let before = card(&machine);
    let next = lan.address(10);
    machine.env(&[&bridged[..2], &[("IP_ADDRESS", &next)], &bridged[3..]].concat());
    let (_, document) = machine.json(&["up"]);
    assert_eq!(actions(&document), ["change_address"]);
    assert!(machine.inside("ip addr show eth0").contains(&format!("inet {next}/24")));
    machine.ok(&["stop"]);
    machine.ok(&["up"]);
    assert_eq!(card(&machine), before);

    // Who has an address there already is named.
    let other = format!("{}-o", machine.name);
    machine.env(&[("INFRA_ID", &other)]);
    let dir = machine.beside("o", &[&bridged[..], &[("INFRA_ID", &other)]].concat());
    machine.env(&bridged);
    machine.ok(&["up", "-y"]);
    let failure = machine.fails(&["-C", &dir.display().to_string(), "up"], 6, "ADDRESS_CONFLICT");
    let holder = text(&failure["error"]["details"]["holder"]);
    assert!(holder.starts_with(&format!("the project `{}`", machine.name)), "{holder}");

    machine.env(&[("PORTS", "auto:80")]);
    let (exit, document) = machine.json(&["up", "-y"]);
    assert_eq!(
        (exit, text(&document["infrastructure"]["networking"]["mode"]).as_str()),
        (0, "default")
    );
    assert_eq!(machine.inside("cat /root/note"), "kept");
    assert_eq!(document["infrastructure"]["networking"]["ports"].as_array().map(Vec::len), Some(1));
    machine.settled();
    machine.rm();
}

#[test]
fn the_host_fills_what_it_knows_of_the_bridge() {
    let Some(machine) = Machine::new("gaps", &[]) else { return };
    let Some(lan) = Lan::new(&machine) else { return };
    let (address, elsewhere) = (lan.address(9), "10.99.98.9");
    let lines =
        |address| [("NETWORK_MODE", "bridge"), ("BRIDGE", &*lan.bridge), ("IP_ADDRESS", address)];
    // The host has an address there and no way out.
    machine.env(&lines(&address));
    let failure = machine.fails(&["up"], 2, "CONFIG_INVALID");
    assert_eq!(failure["error"]["field"], "GATEWAY", "{failure:#}");
    machine.env(&lines(elsewhere));
    let failure = machine.fails(&["up"], 2, "CONFIG_INVALID");
    let message = text(&failure["error"]["message"]);
    assert!(message.contains(&format!("the host is in {}/24 there", lan.address(0))), "{message}");
    // The host's own address is the host's.
    let own = format!("{}/24", lan.address(1));
    let gateway = lan.address(2);
    machine.env(&[&lines(&own)[..], &[("GATEWAY", &gateway)]].concat());
    let failure = machine.fails(&["up"], 6, "ADDRESS_CONFLICT");
    assert_eq!(failure["error"]["details"]["holder"], "this host");
    assert_eq!(machine.objects(), [""; 0]);
    machine.env(&[&lines(&address)[..], &[("GATEWAY", &gateway)]].concat());
    machine.ok(&["up"]);
    assert!(machine.inside("ip addr show eth0").contains(&format!("inet {address}/24")));
    machine.rm();
}
