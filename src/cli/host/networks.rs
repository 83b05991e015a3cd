//! The host's own networks: its routes, what it has on its bridges, whether it knows name servers.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;

use crate::model::host::{BridgeNetwork, HostNetworks};
use crate::plan::ranges::Route;

/// Every range that the host has a route or an address in, of all its routing tables: those of
/// VPNs have tables of their own. Not the way to everywhere else.
#[must_use]
pub fn routes() -> Vec<Route> {
    let devices: Vec<(Ipv4Net, String)> = procfs::net::route()
        .unwrap_or_default()
        .into_iter()
        .filter_map(|route| Some((range(route.destination, route.mask)?, route.iface)))
        .collect();
    let text = std::fs::read_to_string("/proc/net/fib_trie").unwrap_or_default();
    let mut ranges = ranges_in(&text);
    ranges.extend(devices.iter().map(|(range, _)| *range));
    ranges.retain(|range| range.prefix_len() > 0);
    ranges.sort();
    ranges.dedup();
    let device = |range: Ipv4Net| {
        devices.iter().find(|(known, _)| *known == range).map(|(_, device)| device.clone())
    };
    ranges.into_iter().map(|range| Route { range, device: device(range) }).collect()
}

/// The leaves of the kernel's table: an address on a line of its own, then a line for each route
/// that begins there. Broadcast addresses are part of a range that is there besides.
fn ranges_in(fib_trie: &str) -> Vec<Ipv4Net> {
    let mut ranges = Vec::new();
    let mut leaf = None;
    for line in fib_trie.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address.parse::<Ipv4Addr>().ok();
        } else if let (Some(address), Some(route)) = (leaf, line.strip_prefix('/')) {
            let mut words = route.split_whitespace();
            let prefix = words.next().and_then(|prefix| prefix.parse().ok());
            if let Some(prefix) = prefix
                && !words.any(|word| word == "BROADCAST")
            {
                ranges.extend(Ipv4Net::new(address, prefix).map(|range| range.trunc()));
            }
        }
    }
    ranges
}

fn range(destination: Ipv4Addr, mask: Ipv4Addr) -> Option<Ipv4Net> {
    Ipv4Net::with_netmask(destination, mask).ok()
}

/// What the host has on these bridges.
#[must_use]
pub fn attached(bridges: &[String]) -> HostNetworks {
    let routes =
        if bridges.is_empty() { Vec::new() } else { procfs::net::route().unwrap_or_default() };
    let on_bridges = routes
        .iter()
        .filter(|route| bridges.contains(&route.iface) && route.gateway.is_unspecified())
        .filter_map(|route| {
            let range = range(route.destination, route.mask)?;
            let out = routes.iter().find(|out| {
                out.iface == route.iface
                    && out.mask.is_unspecified()
                    && range.contains(&out.gateway)
            });
            let gateway = out.map(|out| out.gateway);
            Some(BridgeNetwork { bridge: route.iface.clone(), range, gateway })
        })
        .collect();
    let has_name_servers = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"]
        .iter()
        .any(|path| std::fs::read_to_string(path).is_ok_and(|text| names_a_server(&text)));
    HostNetworks { on_bridges, has_name_servers }
}

/// Whether a resolv.conf names a server that is not the host itself.
fn names_a_server(text: &str) -> bool {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix("nameserver")?.trim().parse::<IpAddr>().ok())
        .any(|server| !server.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_of_every_table_are_read() {
        let text = "\
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 10.88.0.0/16 2 0 2
        |-- 10.88.0.0
           /16 link UNICAST
           /24 universe UNREACHABLE
        |-- 10.88.0.1
           /32 host LOCAL
        |-- 10.88.255.255
           /32 link BROADCAST
Id 52:
  |-- 100.64.0.0
     /10 universe UNICAST
";
        let found: Vec<String> = ranges_in(text).iter().map(ToString::to_string).collect();
        let expected =
            ["0.0.0.0/0", "10.88.0.0/16", "10.88.0.0/24", "10.88.0.1/32", "100.64.0.0/10"];
        assert_eq!(found, expected);
        assert_eq!(ranges_in("  |-- x\n   /8\n|-- 10.0.0.0\n /x\n /33 a\n"), []);
    }

    #[test]
    fn this_host_has_a_loopback_and_no_route_to_everywhere() {
        let routes = routes();
        assert!(routes.iter().any(|route| route.range.to_string() == "127.0.0.0/8"), "{routes:?}");
        assert!(routes.iter().all(|route| route.range.prefix_len() > 0));
    }

    #[test]
    fn a_name_server_is_not_the_host_itself() {
        assert!(names_a_server("# x\nsearch a\nnameserver 127.0.0.53\nnameserver 10.0.0.1\n"));
        assert!(names_a_server("nameserver\t2001:db8::1"));
        assert!(!names_a_server("nameserver 127.0.0.53\nnameserver ::1\n#nameserver 10.0.0.1\n"));
    }
}
