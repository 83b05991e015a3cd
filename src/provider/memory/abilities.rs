//! What the in-memory provider can do, as data.

use crate::model::capability::{Capabilities, Cost, Field, ImageKind};
use crate::model::changes::{self, Change};
use crate::model::id::{InfraType, ProviderKind};

/// What the in-memory provider can do with containers: its costs are those of the table.
#[must_use]
pub fn capabilities() -> Capabilities {
    capabilities_of(InfraType::Container)
}

/// What the in-memory provider can do: with VMs, what plain QEMU can.
#[must_use]
pub fn capabilities_of(runs: InfraType) -> Capabilities {
    let is_vm = runs == InfraType::Vm;
    let column = if is_vm { ProviderKind::Qemu } else { ProviderKind::Memory };
    let cost = |field: Field| {
        let change = changes::of(field.key(), column)?;
        Some(match (field, change) {
            // The address is changed in the network that stays, keys where the guest answers.
            (Field::Address | Field::AuthorizedKeys, Change::LiveElse(_)) => Cost::Live,
            (_, change) => change.cost(),
        })
    };
    let images = match runs {
        InfraType::Vm => vec![ImageKind::Disk],
        InfraType::Container => vec![
            ImageKind::Registry,
            ImageKind::Rootfs,
            ImageKind::OciArchive,
            ImageKind::Containerfile,
        ],
    };
    Capabilities {
        costs: Field::ALL.into_iter().filter_map(|field| Some((field, cost(field)?))).collect(),
        runs,
        bridge: true,
        fixed_address: !is_vm,
        snapshots: true,
        keeps_disk: is_vm,
        suspend: true,
        autostart: !is_vm,
        images,
    }
}
