//! How the guest gets its address: a network-config of version 2.

use std::net::IpAddr;

use ipnet::Ipv4Net;
use serde_json::{Value, json};

/// How a guest gets its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addressing {
    /// It asks; with these name servers instead of those that it is told, where there are any.
    Dhcp {
        /// Name servers; empty for those of the network.
        dns: Vec<IpAddr>,
    },
    /// It has it.
    Static {
        /// The address with the length of its network.
        address: Ipv4Net,
        /// The way out.
        gateway: Option<IpAddr>,
        /// Name servers.
        dns: Vec<IpAddr>,
    },
}

/// The device is known by its MAC address: its name differs from guest to guest.
pub(super) fn config(mac: &str, addressing: &Addressing) -> Value {
    let mut device = json!({ "match": { "macaddress": mac.to_ascii_lowercase() } });
    let dns = match addressing {
        Addressing::Dhcp { dns } => {
            device["dhcp4"] = json!(true);
            if !dns.is_empty() {
                device["dhcp4-overrides"] = json!({ "use-dns": false });
            }
            dns
        }
        Addressing::Static { address, gateway, dns } => {
            device["dhcp4"] = json!(false);
            device["addresses"] = json!([address.to_string()]);
            if let Some(gateway) = gateway {
                // The older way to write it, which every renderer knows.
                let key = if gateway.is_ipv4() { "gateway4" } else { "gateway6" };
                device[key] = json!(gateway.to_string());
            }
            dns
        }
    };
    if !dns.is_empty() {
        let dns: Vec<String> = dns.iter().map(ToString::to_string).collect();
        device["nameservers"] = json!({ "addresses": dns });
    }
    json!({ "version": 2, "ethernets": { "vagrantp0": device } })
}
