//! What a change of each key costs on each provider: one table, as data.
//!
//! A room reads its own column; `plan`, `explain` and the reference follow from that. The columns of
//! providers that are not built yet are what their rooms will be held to.

use super::capability::Cost;
use super::id::ProviderKind;

/// What becomes of a machine when a key is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The machine is changed, at this cost.
    Costs(Cost),
    /// It grows at this cost, and never shrinks.
    Grows(Cost),
    /// The machine stays as it is.
    Nothing,
    /// The provider has no use for the key.
    NotUsed,
    /// It cannot be done there.
    Refused,
}

/// The columns of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The keys that it holds for.
    pub keys: &'static [&'static str],
    /// On Podman.
    pub podman: Change,
    /// On libvirt.
    pub libvirt: Change,
    /// On plain QEMU.
    pub qemu: Change,
    /// On VirtualBox, through Vagrant.
    pub vagrant: Change,
}

const LIVE: Change = Change::Costs(Cost::Live);
const RESTART: Change = Change::Costs(Cost::Restart);
const REPLACE: Change = Change::Costs(Cost::Replace);
const RECREATE: Change = Change::Costs(Cost::Recreate);

const fn row(
    keys: &'static [&'static str],
    podman: Change,
    libvirt: Change,
    qemu: Change,
    vagrant: Change,
) -> Row {
    Row { keys, podman, libvirt, qemu, vagrant }
}

/// The table.
pub const TABLE: &[Row] = {
    use Change::{Grows, NotUsed, Nothing, Refused};
    &[
        row(&["INFRA_ID"], LIVE, RESTART, RESTART, RECREATE),
        row(&["MEMORY", "CPUS", "MOUNTS", "COMMAND"], REPLACE, RESTART, RESTART, RESTART),
        row(&["DISK_SIZE"], NotUsed, Grows(Cost::Live), Grows(Cost::Live), Grows(Cost::Restart)),
        row(&["PORTS"], REPLACE, LIVE, LIVE, RESTART),
        // The project's network is made with its range; an address in it changes live.
        row(&["IP_ADDRESS"], LIVE, RESTART, RESTART, RESTART),
        row(&["NETWORK_MODE", "BRIDGE"], REPLACE, RESTART, RESTART, RESTART),
        row(&["GATEWAY", "DNS"], Refused, RESTART, RESTART, RESTART),
        row(
            &[
                "MAC_ADDRESS",
                "KERNEL",
                "INITRD",
                "APPEND",
                "ISO",
                "FIRMWARE",
                "DISPLAY_MODE",
                "QEMU_ARGS",
                "SSH_PORT",
            ],
            NotUsed,
            RESTART,
            RESTART,
            RESTART,
        ),
        row(&["IMAGE", "BOX"], RECREATE, RECREATE, RECREATE, RECREATE),
        row(&["DISK_PATH", "CLOUD_INIT"], NotUsed, RECREATE, RECREATE, RECREATE),
        row(&["SSH_USER", "SSH_AUTHORIZED_KEYS"], Nothing, RECREATE, RECREATE, RECREATE),
        row(&["AUTOSTART"], REPLACE, LIVE, Refused, Refused),
        row(&["INFRA_TYPE"], Nothing, Nothing, Nothing, Nothing),
        row(&["PROVIDER"], RECREATE, RECREATE, RECREATE, RECREATE),
        row(
            &[
                "PORT_POOL",
                "SSH_HOST",
                "SSH_KEY",
                "WAIT_FOR",
                "BOOT_TIMEOUT",
                "STOP_TIMEOUT",
                "SSH_TIMEOUT",
                "PROVISIONING_PLAYBOOK",
                "PROVISIONING_VARS",
                "PROVISIONING_EXTRA_VARS",
                "PROVISIONING_BOOTSTRAP",
                "ROLLBACK_ON_FAILURE",
                "REQUIRE_OS",
                "REQUIRE_MEMORY",
                "REQUIRE_DISK",
                "INFRA_TTL",
            ],
            Nothing,
            Nothing,
            Nothing,
            Nothing,
        ),
    ]
};

/// What a change of `key` does on `provider`; none for a key that is not in the table.
#[must_use]
pub fn of(key: &str, provider: ProviderKind) -> Option<Change> {
    let row = TABLE.iter().find(|row| row.keys.contains(&key))?;
    Some(match provider {
        ProviderKind::Podman | ProviderKind::Memory => row.podman,
        ProviderKind::Libvirt => row.libvirt,
        ProviderKind::Qemu => row.qemu,
        ProviderKind::Virtualbox => row.vagrant,
        // Nothing is made there, so nothing is changed.
        ProviderKind::Ssh => Change::Nothing,
    })
}

impl Change {
    /// What it costs the machine.
    #[must_use]
    pub fn cost(self) -> Cost {
        match self {
            Change::Costs(cost) | Change::Grows(cost) => cost,
            Change::Nothing | Change::NotUsed => Cost::None,
            Change::Refused => Cost::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::capability::Field;

    #[test]
    fn a_key_has_one_row() {
        let mut keys: Vec<_> = TABLE.iter().flat_map(|row| row.keys).collect();
        let all = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), all);
    }

    #[test]
    fn every_field_that_can_differ_is_in_the_table() {
        for field in Field::ALL {
            assert!(of(field.key(), ProviderKind::Podman).is_some(), "{field:?}");
        }
    }
}
