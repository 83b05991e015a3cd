//! Field by field: what is different from what is wanted, and what the change costs.

mod machine;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::model::capability::{Capabilities, Cost, Field};
use crate::model::desired::Desired;
use crate::model::observed::{EngineFacts, Instance, ObservedNetwork};
use crate::model::source::Place;

use super::network::{Wanted, first_host};
use super::outside;
use super::ports::Forwards;

/// One field's difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Which field.
    pub field: Field,
    /// What the instance has.
    pub found: String,
    /// What is wanted.
    pub wanted: String,
    /// Where that is written; none for a default.
    pub place: Option<Place>,
    /// What the change costs.
    pub cost: Cost,
}

/// Every difference between the wish and the instance, in the order of [`Field::ALL`].
///
/// `name` is the name that the instance should have, `network` the project's network that it is in,
/// where that was observed.
#[must_use]
pub fn diff(
    desired: &Desired,
    forwards: Forwards<'_>,
    name: &str,
    instance: &Instance,
    network: Option<&ObservedNetwork>,
    engine: &EngineFacts,
    capabilities: &Capabilities,
) -> Vec<Change> {
    let asked = &instance.stamp.asked;
    let mut changes = Vec::new();
    let mut compare = |field: Field, found: String, wanted: String, place: Option<&Place>| {
        if found != wanted {
            let cost = match capabilities.cost(field) {
                // Another range is another network, and an instance is made in its network.
                Cost::Live if field == Field::Address && found.contains('/') => Cost::Replace,
                cost => cost,
            };
            changes.push(Change { field, found, wanted, place: place.cloned(), cost });
        }
    };
    let same_name = instance.name == name
        || !desired.identity.id_is_explicit
            && instance.name == desired.identity.fallback_name()
            && instance.stamp.infra_id == desired.identity.id;
    if !same_name {
        compare(Field::Name, instance.name.clone(), name.to_owned(), desired.id_origin.place());
    }
    // An engine that cannot limit shows no limits: that is told as a warning, not as drift.
    let none = || "no limit".to_owned();
    if !engine.unlimited.contains(&Field::Memory) {
        let memory = instance.memory.map_or_else(none, |memory| memory.to_string());
        compare(Field::Memory, memory, desired.memory.value.to_string(), desired.memory.place());
    }
    if !engine.unlimited.contains(&Field::Cpus) {
        let cpus = instance.millicpus.map_or_else(none, cpus_text);
        let wanted = cpus_text(desired.cpus.value.0.saturating_mul(1000));
        compare(Field::Cpus, cpus, wanted, desired.cpus.place());
    }
    let place = desired.ports.first().and_then(|rule| rule.place());
    compare(Field::Ports, set_text(&instance.ports), set_text(forwards.ports), place);
    let mounts: Vec<_> = desired.mounts.iter().map(|mount| &mount.value).collect();
    let place = desired.mounts.iter().find_map(|mount| mount.place());
    compare(Field::Mounts, set_text(&instance.mounts), set_text(mounts), place);
    if desired.vm.is_none() && asked.command != desired.command.value {
        let (mut found, wanted) = (asked.command.to_string(), desired.command.value.to_string());
        if found == wanted {
            // The text is the same, and what it refers to is not: that is not for showing.
            found.push_str(", which stood for something else");
        }
        compare(Field::Command, found, wanted, desired.command.place());
    }
    compare(
        Field::Image,
        asked.image.to_string(),
        desired.image.value.to_string(),
        desired.image.place(),
    );
    let in_network = Wanted::of(desired);
    if desired.vm.is_some() {
        let found = instance.vm.as_ref().and_then(|vm| vm.settings.fixed.as_ref());
        let found = found.map(|fixed| fixed.address).or(asked.address);
        let wanted = desired.network.address.as_ref();
        let text = |address: Option<Ipv4Addr>| {
            address.map_or_else(|| "assigned".to_owned(), |address| address.to_string())
        };
        let wanted_text = text(wanted.map(|wanted| wanted.value.address));
        compare(Field::Address, text(found), wanted_text, wanted.and_then(|w| w.place()));
        let gateway = desired.network.gateway.as_ref();
        let text = |gateway: Option<Ipv4Addr>| {
            gateway.map_or_else(|| "none".to_owned(), |gateway| gateway.to_string())
        };
        let wanted_text = text(gateway.map(|gateway| gateway.value));
        compare(Field::Gateway, text(asked.gateway), wanted_text, gateway.and_then(|g| g.place()));
    } else if let (Some(wanted), Some(wanted_range)) = (&desired.network.address, in_network.subnet)
    {
        // A stopped instance shows no address: there the stamp speaks.
        let found = instance.address.or(asked.address);
        let range = asked.subnet.or(network.and_then(|network| network.subnet));
        let other_range = range.filter(|range| *range != wanted_range);
        let text = |address: Ipv4Addr, range: Ipv4Net| match other_range {
            Some(_) => format!("{address}/{}", range.prefix_len()),
            None => address.to_string(),
        };
        let found = match (found, other_range) {
            (Some(found), range) => text(found, range.unwrap_or(wanted_range)),
            (None, Some(range)) => format!("assigned in {range}"),
            (None, None) => "assigned".to_owned(),
        };
        let wanted_text = text(wanted.value.address, wanted_range);
        compare(Field::Address, found, wanted_text, wanted.place());
        let gateway = desired.network.gateway.as_ref();
        if asked.gateway.is_some() || gateway.is_some() {
            let text = |written: Option<Ipv4Addr>, range: Ipv4Net| {
                let address = written.or(first_host(range));
                address.map_or_else(|| "none".to_owned(), |address| address.to_string())
            };
            compare(
                Field::Gateway,
                text(asked.gateway, range.unwrap_or(wanted_range)),
                text(gateway.map(|gateway| gateway.value), wanted_range),
                gateway.and_then(|gateway| gateway.place()),
            );
        }
    }
    let servers = desired.network.dns.iter().map(|server| server.value);
    let place = desired.network.dns.first().and_then(|server| server.place());
    compare(Field::Dns, set_text(&asked.dns), set_text(servers), place);
    let kind = |bridge: &Option<String>| match bridge {
        Some(bridge) => format!("bridge {bridge}"),
        None => "default".to_owned(),
    };
    let bridge = desired.network.bridge.as_ref().and_then(|bridge| bridge.place());
    let place = bridge.or(desired.network.mode.place());
    // From one bridge to another is a change of that line alone.
    let field = match (&asked.bridge, &in_network.bridge) {
        (Some(_), Some(_)) => Field::Bridge,
        _ => Field::Network,
    };
    compare(field, kind(&asked.bridge), kind(&in_network.bridge), place);
    if capabilities.autostart {
        let text = |autostart: bool| if autostart { "on" } else { "off" }.to_owned();
        compare(
            Field::Autostart,
            text(instance.autostart),
            text(desired.autostart.value),
            desired.autostart.place(),
        );
    }
    if let (Some(wanted), Some(seen)) = (&desired.vm, &instance.vm) {
        for row in machine::compared(desired, wanted, forwards.ssh, instance, seen) {
            if row.found != row.wanted {
                changes.push(Change {
                    field: row.field,
                    found: row.found,
                    wanted: row.wanted,
                    place: row.place.cloned(),
                    cost: row.cost.unwrap_or_else(|| capabilities.cost(row.field)),
                });
            }
        }
        changes.sort_by_key(|change| change.field);
        return changes;
    }
    // As it was asked for and yet not so: somebody changed it.
    let told = [Field::Address, Field::Gateway, Field::Network, Field::Bridge];
    let is_told = |change: &Change| told.contains(&change.field) && change.cost >= Cost::Replace;
    if let Some(network) = network.filter(|network| !in_network.fits(network))
        && !changes.iter().any(is_told)
    {
        changes.push(Change {
            field: Field::Network,
            found: format!("{}, which was changed", network.name),
            wanted: kind(&in_network.bridge),
            place: place.cloned(),
            cost: capabilities.cost(Field::Network),
        });
    }
    changes.extend(outside::changes(desired, instance));
    changes.sort_by_key(|change| change.field);
    changes
}

pub(super) fn cpus_text(millicpus: u32) -> String {
    if millicpus.is_multiple_of(1000) {
        (millicpus / 1000).to_string()
    } else {
        format!("{}.{:03}", millicpus / 1000, millicpus % 1000)
    }
}

/// The members in a fixed order, so that the order in which they were written never matters.
fn set_text<T: ToString>(members: impl IntoIterator<Item = T>) -> String {
    let members: BTreeSet<String> = members.into_iter().map(|member| member.to_string()).collect();
    if members.is_empty() {
        return "none".to_owned();
    }
    members.into_iter().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::model::command::MainProcess;
    use crate::model::image::ImageSource;
    use crate::model::mount::{Mount, MountAccess};
    use crate::model::network::{DEFAULT_BIND, HostAddress, PortForward, Protocol};
    use crate::model::observed::Power;
    use crate::model::units::{CpuCount, Memory};
    use crate::plan::fixture::{desired, instance, written};
    use crate::provider::memory::capabilities;

    #[test]
    fn a_command_is_compared_by_what_it_means() {
        let masked = |token: &str, written: &str| {
            let command = MainProcess::parse(&format!("serve {token}")).expect("a command");
            command.masked(written.to_owned())
        };
        let mut found = instance(&desired(), Power::Running);
        found.stamp.asked.command = masked("hunter2", "serve $TOKEN");
        for (command, changes) in [
            (masked("hunter2", "serve $TOKEN"), vec![]),
            (masked("hunter2", "serve ${SECRET}"), vec![]),
            (MainProcess::parse("serve hunter2").expect("a command"), vec![]),
            (
                masked("hunter3", "serve $TOKEN"),
                vec![("serve $TOKEN, which stood for something else", "serve $TOKEN")],
            ),
            (MainProcess::Image, vec![("serve $TOKEN", "image")]),
        ] {
            let mut wanted = desired();
            wanted.command = written(command);
            let engine = EngineFacts::default();
            let name = wanted.identity.id.as_str();
            let said =
                diff(&wanted, Forwards::default(), name, &found, None, &engine, &capabilities());
            let said = said.iter().filter(|change| change.field == Field::Command);
            let said: Vec<_> = said.map(|c| (c.found.as_str(), c.wanted.as_str())).collect();
            assert_eq!(said, changes);
        }
    }

    fn fields(wanted: &Desired, ports: &[PortForward], found: &Instance) -> Vec<Field> {
        let engine = EngineFacts::default();
        let name = wanted.identity.id.as_str();
        diff(wanted, Forwards { ports, ssh: None }, name, found, None, &engine, &capabilities())
            .into_iter()
            .map(|change| change.field)
            .collect()
    }

    #[test]
    fn what_is_as_wanted_has_no_changes() {
        let wanted = desired();
        for state in [Power::Running, Power::Stopped, Power::Paused, Power::Created] {
            assert_eq!(fields(&wanted, &[], &instance(&wanted, state)), []);
        }
    }

    #[test]
    fn every_field_that_differs_is_a_change() {
        let found = instance(&desired(), Power::Running);
        let edit = |edit: fn(&mut Desired)| {
            let mut wanted = desired();
            edit(&mut wanted);
            fields(&wanted, &[], &found)
        };
        let image = ImageSource::Registry("docker.io/library/debian:12".to_owned());
        let address = HostAddress { address: Ipv4Addr::new(10, 77, 0, 5), prefix: None };
        let mut seen = vec![
            edit(|wanted| wanted.memory = written(Memory(4096))),
            edit(|wanted| wanted.cpus = written(CpuCount(1))),
            edit(|wanted| {
                wanted.mounts = vec![written(Mount {
                    host: PathBuf::from("/projects/web"),
                    guest: PathBuf::from("/work"),
                    access: MountAccess::ReadWrite,
                })];
            }),
            edit(|wanted| wanted.command = written(MainProcess::Image)),
            edit(|wanted| wanted.autostart = written(true)),
        ];
        let mut wanted = desired();
        wanted.image = written(image);
        seen.push(fields(&wanted, &[], &found));
        let mut wanted = desired();
        wanted.network.address = Some(written(address));
        seen.push(fields(&wanted, &[], &found));
        let port = PortForward {
            bind: DEFAULT_BIND,
            host: 8080,
            guest: 80,
            protocol: Protocol::Tcp,
            auto: false,
        };
        seen.push(fields(&desired(), &[port], &found));
        let renamed = Instance { name: "api".to_owned(), ..found.clone() };
        seen.push(fields(&desired(), &[], &renamed));
        let mut wanted = desired();
        wanted.network.address = Some(written(address));
        let at_address = instance(&wanted, Power::Running);
        wanted.network.gateway = Some(written(Ipv4Addr::new(10, 77, 0, 1)));
        assert_eq!(fields(&wanted, &[], &at_address), [], "the first is the default");
        wanted.network.gateway = Some(written(Ipv4Addr::new(10, 77, 0, 254)));
        seen.push(fields(&wanted, &[], &at_address));
        let mut wanted = desired();
        wanted.network.dns = vec![written(Ipv4Addr::new(9, 9, 9, 9))];
        seen.push(fields(&wanted, &[], &found));
        let mut bridged = desired();
        bridged.network.bridge = Some(written("br0".to_owned()));
        let on_a_bridge = instance(&bridged, Power::Running);
        bridged.network.bridge = Some(written("br1".to_owned()));
        assert_eq!(fields(&bridged, &[], &on_a_bridge), [Field::Bridge]);
        let elsewhere = Instance { networks: vec!["podman".to_owned()], ..found };
        seen.push(fields(&desired(), &[], &elsewhere));
        assert!(seen.iter().all(|fields| fields.len() == 1), "one change each: {seen:?}");
        let mut seen: Vec<Field> = seen.concat();
        seen.sort();
        let mut all = Field::ALL.to_vec();
        all.sort();
        // Those behind it are of bridges, and of VMs.
        let of_vms = all.iter().position(|field| *field == Field::Bridge).unwrap();
        assert_eq!(seen, all[..of_vms]);
    }

    #[test]
    fn an_engine_that_cannot_limit_has_no_drift_of_limits() {
        let wanted = desired();
        let found = Instance { memory: None, millicpus: None, ..instance(&wanted, Power::Running) };
        let engine =
            EngineFacts { unlimited: vec![Field::Memory, Field::Cpus], ..EngineFacts::default() };
        assert_eq!(
            diff(&wanted, Forwards::default(), "web", &found, None, &engine, &capabilities()),
            []
        );
        let engine = EngineFacts { unlimited: vec![Field::Cpus], ..EngineFacts::default() };
        let changes =
            diff(&wanted, Forwards::default(), "web", &found, None, &engine, &capabilities());
        assert_eq!(changes.iter().map(|change| change.field).collect::<Vec<_>>(), [Field::Memory]);
        assert_eq!(fields(&wanted, &[], &found), [Field::Memory, Field::Cpus]);
    }
}
