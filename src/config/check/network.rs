//! Rules of the network keys: bridges, addresses, gateways.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use miette::SourceSpan;

use super::Check;
use crate::config::mistake::ValueError;
use crate::config::rules::RuleError;
use crate::config::warning::Doubt;
use crate::model::code::Code;
use crate::model::host::HostFacts;
use crate::model::id::ProviderKind;
use crate::model::network::{AddressError, HostAddress, NetworkMode};
use crate::model::problem::Problem;
use crate::model::source::Place;

/// The length of the prefix of a project's own network, where none is written.
const DEFAULT_PREFIX: u8 = 24;

impl Check<'_> {
    pub(super) fn network(&mut self) {
        let config = self.config;
        let provider = config.provider_kind();
        let bridged =
            config.network_mode.as_ref().map(|mode| mode.value) == Some(NetworkMode::Bridge);
        // A mode that was not understood says nothing about the other keys.
        let mode_known = config.network_mode.is_some() || !self.places.contains_key("NETWORK_MODE");
        if let Some(bridge) = &config.bridge {
            let place = bridge.place().cloned();
            if !self.facts.bridges.contains(&bridge.value) {
                self.broken(RuleError::UnknownBridge { place, help: bridge_help(self.facts) });
            } else if let (false, true, Some(place)) = (bridged, mode_known, place) {
                let needs = "NETWORK_MODE=bridge";
                self.doubt(Doubt::WithoutEffect { key: "BRIDGE", needs, place });
            }
        } else if bridged
            && !self.places.contains_key("BRIDGE")
            && self.facts.only_bridge().is_none()
        {
            let place = self.place("NETWORK_MODE");
            self.broken(RuleError::BridgeMissing { place, help: bridge_help(self.facts) });
        }
        if let (true, Some(ProviderKind::Podman), Some(place)) =
            (bridged, provider, self.place("PORTS"))
        {
            self.doubt(Doubt::WithoutEffect { key: "PORTS", needs: "NETWORK_MODE=default", place });
        }
        let Some(address) = &config.ip_address else {
            if bridged
                && provider == Some(ProviderKind::Podman)
                && self.place("IP_ADDRESS").is_none()
            {
                let place = self.place("NETWORK_MODE");
                self.broken(RuleError::BridgeNeedsAddress { place });
            }
            if let (Some(place), true) = (self.place("GATEWAY"), self.place("IP_ADDRESS").is_none())
            {
                self.doubt(Doubt::WithoutEffect { key: "GATEWAY", needs: "IP_ADDRESS", place });
            }
            return;
        };
        let place = address.place().cloned();
        if !bridged && mode_known && provider == Some(ProviderKind::Qemu) {
            self.broken(RuleError::AddressOnQemu { place });
            return;
        }
        let gateway = config.gateway.as_ref().map(|gateway| gateway.value);
        if bridged {
            if let Some((network, gateway)) = self.on_bridge(address.value, gateway) {
                self.in_network(address.value, network, gateway);
            }
        } else if let Some(network) = address.value.network(DEFAULT_PREFIX) {
            let first = network.hosts().next().unwrap_or(network.network());
            self.in_network(address.value, network, gateway.unwrap_or(first));
        }
    }

    /// The network and the gateway of an address on a bridge: what is written, else what the host
    /// itself has there. Nothing where one of it is missing, which is told.
    fn on_bridge(
        &mut self,
        address: HostAddress,
        gateway: Option<Ipv4Addr>,
    ) -> Option<(Ipv4Net, Ipv4Addr)> {
        let written = self.config.bridge.as_ref().map(|bridge| &bridge.value);
        let bridge = written.or(self.facts.only_bridge())?.clone();
        if !self.facts.bridges.contains(&bridge) {
            return None;
        }
        let there = self.facts.on_bridge(&bridge, address.address);
        let place = self.place("IP_ADDRESS");
        if self.config.dns.is_empty()
            && !self.facts.attached.has_name_servers
            && self.place("DNS").is_none()
        {
            self.broken(RuleError::BridgeNeedsDns { place: place.clone() });
        }
        let network = match (address.prefix, there) {
            (Some(_), _) => address.network(DEFAULT_PREFIX)?,
            (None, Some(there)) => there.range,
            (None, None) => {
                let host = self.facts.attached.on_bridges.iter();
                let mut ranges =
                    host.filter(|on| on.bridge == bridge).map(|on| on.range.to_string());
                let found = match ranges.next() {
                    Some(range) => format!("the host is in {range} there"),
                    None => "the host has no address there".to_owned(),
                };
                let suggestion = format!("{}/24", address.address);
                self.broken(RuleError::BridgeNeedsPrefix { place, bridge, found, suggestion });
                return None;
            }
        };
        let own = there.and_then(|there| there.gateway);
        match gateway.or(own.filter(|gateway| network.contains(gateway))) {
            Some(gateway) => Some((network, gateway)),
            // Written and wrong is another mistake, and told already.
            None if self.place("GATEWAY").is_some() => None,
            None => {
                let suggestion = network.hosts().find(|host| *host != address.address)?;
                let rule = RuleError::BridgeNeedsGateway { place, bridge, suggestion };
                self.broken(rule);
                None
            }
        }
    }

    fn in_network(&mut self, address: HostAddress, network: Ipv4Net, gateway: Ipv4Addr) {
        let place = self.place("IP_ADDRESS");
        let prefix = network.prefix_len();
        if let Err(mistake) = address.check_host(prefix, SourceSpan::from(0..0)) {
            self.errors.push(not_a_host(mistake, place));
            return;
        }
        if gateway == address.address {
            let first = network.hosts().next().unwrap_or(network.network());
            let suggestion = network.hosts().find(|host| *host != gateway).unwrap_or(first);
            self.broken(RuleError::AddressIsGateway { place, network, suggestion });
            return;
        }
        let edge = [network.network(), network.broadcast()].contains(&gateway);
        if !network.contains(&gateway) || edge {
            let suggestion = network.hosts().find(|host| *host != address.address);
            let suggestion = suggestion.unwrap_or(network.network());
            let (at, address) = (self.place("GATEWAY"), place);
            self.broken(RuleError::GatewayOutside { place: at, address, network, suggestion });
        }
    }
}

/// An address that is none of a host, at the place where it was written.
fn not_a_host(mistake: AddressError, place: Option<Place>) -> Problem {
    let label = match &mistake {
        AddressError::NotAHost { kind, network, .. } => format!("the {kind} address of {network}"),
        other => other.to_string(),
    };
    let help = miette::Diagnostic::help(&mistake).map(|help| help.to_string());
    let error = ValueError {
        key: "IP_ADDRESS".to_owned(),
        mistake: Box::new(mistake),
        labels: place.clone().map(|place| (label, place)).into_iter().collect(),
        help,
    };
    Problem::new(Code::ConfigInvalid, error).at("IP_ADDRESS", place.as_ref())
}

fn bridge_help(facts: &HostFacts) -> String {
    let bridges: Vec<&str> = facts.bridges_to_join().map(String::as_str).collect();
    match bridges.as_slice() {
        [] => {
            "this host has no bridge, and vagrantp makes none: set NETWORK_MODE=default, or make \
               a bridge with the host's own tools"
                .to_owned()
        }
        [only] => format!("write `BRIDGE={only}`, the only bridge of this host"),
        [first, ..] => {
            format!("write `BRIDGE={first}`, or another of {}", bridges.join(", "))
        }
    }
}
