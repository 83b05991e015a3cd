//! Where a machine can be reached: through the host's forwarded port, or on its bridge at the address
//! that it has there.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::definition::Definition;
use super::place::Place;
use super::spec::SSH;

/// Where the machine's SSH port is, as far as that is known now.
pub(super) async fn ssh(place: &Place, definition: &Definition) -> Option<SocketAddr> {
    let vm = definition.vm();
    if vm.bridge.is_none() {
        return Some((Ipv4Addr::LOCALHOST, vm.ssh_port?).into());
    }
    let address = match on_bridge(definition) {
        Some(address) => address,
        None => super::agent::address(&place.agent(), &vm.mac.to_string()).await?,
    };
    Some((IpAddr::from(address), SSH).into())
}

/// The machine's address on its bridge: the one that it was given, or the one that the host has heard
/// it use.
pub(super) fn on_bridge(definition: &Definition) -> Option<Ipv4Addr> {
    let vm = definition.vm();
    let bridge = vm.bridge.as_deref()?;
    if let Some(fixed) = &vm.fixed {
        return Some(fixed.address);
    }
    let table = std::fs::read_to_string("/proc/net/arp").unwrap_or_default();
    neighbour(&table, bridge, &vm.mac.to_string())
}

/// The address that the host's table of neighbours has for a MAC (proc(5)).
fn neighbour(table: &str, bridge: &str, mac: &str) -> Option<Ipv4Addr> {
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [address, _, flags, hardware, _, device] = fields[..] else { return None };
        // Without the second bit, it was asked for and nobody answered.
        let is_complete = flags != "0x0";
        (is_complete && device == bridge && hardware.eq_ignore_ascii_case(mac))
            .then(|| address.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_neighbour_is_known_by_its_mac() {
        let table = "IP address       HW type     Flags       HW address            Mask     Device\n\
                     10.1.1.7         0x1         0x0         52:54:00:aa:bb:cc     *        br0\n\
                     10.1.1.8         0x1         0x2         52:54:00:aa:bb:cc     *        br1\n\
                     10.1.1.9         0x1         0x2         52:54:00:aa:bb:cc     *        br0\n";
        let mac = "52:54:00:AA:BB:CC";
        assert_eq!(neighbour(table, "br0", mac), Some(Ipv4Addr::new(10, 1, 1, 9)));
        assert_eq!(neighbour(table, "br2", mac), None);
    }
}
