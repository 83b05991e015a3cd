//! Mistakes in addresses, bridges and ports.

use insta::assert_snapshot;

use super::{container, places, refused, understood, without_help};

#[test]
fn network_modes_and_their_synonym() {
    assert_snapshot!(refused(&container("NETWORK_MODE=host")), @"
    vagrantp::config::not_one_of

      × NETWORK_MODE must be one of default, nat, bridge
       ╭─[.env:2:14]
     2 │ NETWORK_MODE=host
       ·              ──┬─
       ·                ╰── expected default, nat, bridge
       ╰────
      help: write one of default, nat, bridge
    ");
    assert_eq!(
        understood(&container("NETWORK_MODE=nat"), &["NETWORK_MODE"]),
        "NETWORK_MODE: \"default\""
    );
    assert_eq!(understood(&container(""), &["NETWORK_MODE"]), "NETWORK_MODE: \"default\"");
}

#[test]
fn an_address_outside_of_its_network_is_refused() {
    assert_snapshot!(refused(&container("IP_ADDRESS=192.168.77.255")), @"
    vagrantp::config::address_not_a_host

      × IP_ADDRESS is the broadcast address of its network
       ╭─[.env:2:12]
     2 │ IP_ADDRESS=192.168.77.255
       ·            ───────┬──────
       ·                   ╰── the broadcast address of 192.168.77.0/24
       ╰────
      help: write an address between the first and the last of 192.168.77.0/24
    ");
    assert_snapshot!(
        refused(&container("IP_ADDRESS=192.168.77.10\nGATEWAY=192.168.78.1")), @"
    vagrantp::config::gateway_outside

      × GATEWAY is no host of IP_ADDRESS's network
       ╭─[.env:2:12]
     2 │ IP_ADDRESS=192.168.77.10
       ·            ──────┬──────
       ·                  ╰── this is in 192.168.77.0/24
     3 │ GATEWAY=192.168.78.1
       ·         ──────┬─────
       ·               ╰── not a host of 192.168.77.0/24
       ╰────
      help: write an address of 192.168.77.0/24, such as 192.168.77.1
    "
    );
    assert_snapshot!(places(&container("IP_ADDRESS=192.168.77.1")), @".env:2:12 IP_ADDRESS: IP_ADDRESS is the address of the gateway");
    assert_snapshot!(places(&container("IP_ADDRESS=127.0.0.1")), @".env:2:12 IP_ADDRESS: IP_ADDRESS is an address that no machine can have");
}

#[test]
fn a_bridge_that_is_not_there_is_refused() {
    let project =
        container("NETWORK_MODE=bridge\nIP_ADDRESS=192.168.1.50/24\nBRIDGE=no-such-bridge");
    let said = refused(&project);
    assert_snapshot!(without_help(&said), @"
    vagrantp::config::unknown_bridge

      × BRIDGE names no bridge of this host
       ╭─[.env:4:8]
     4 │ BRIDGE=no-such-bridge
       ·        ───────┬──────
       ·               ╰── no such bridge
       ╰────
    ");
    // The help names those that there are.
    let there = std::fs::read_dir("/sys/class/net").unwrap().flatten();
    let there = there.filter(|entry| entry.path().join("bridge").is_dir());
    // Podman's own are nobody's to join.
    let names: Vec<_> = there
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|name| !name.starts_with("podman"))
        .collect();
    assert!(names.iter().all(|name| said.contains(name.as_str())), "{names:?}\n{said}");
    assert!(!names.is_empty() || said.contains("this host has no bridge"), "{said}");
    assert!(!std::path::Path::new("/sys/class/net/no-such-bridge").exists());
}

#[test]
fn a_port_cannot_be_forwarded_twice() {
    assert_snapshot!(refused(&container("PORTS=8080:80,0.0.0.0:8080:81")), @"
    vagrantp::config::port_twice

      × PORTS forwards one host port twice
       ╭─[.env:2:7]
     2 │ PORTS=8080:80,0.0.0.0:8080:81
       ·       ───┬─── ───────┬───────
       ·          │           ╰── the same address, port and protocol
       ·          ╰── here first
       ╰────
      help: give one of them another host port, or `auto`
    ");
    assert_eq!(
        places(&container("PORT_POOL=8100-8101\nPORTS=auto:1,auto:2,auto:3")),
        ".env:2:11 PORT_POOL: PORT_POOL has fewer ports than PORTS asks for"
    );
}
