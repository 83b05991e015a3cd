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
    /// What runs is changed where that can be done, and the machine changed at this cost where not.
    LiveElse(Cost),
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
    use Change::{Grows, LiveElse, NotUsed, Nothing, Refused};
    &[
        row(&["INFRA_ID"], LIVE, RESTART, RESTART, RECREATE),
        // Live where the engine keeps it over a restart.
        row(&["MEMORY"], LiveElse(Cost::Replace), RESTART, RESTART, RESTART),
        // On libvirt upwards only, to the lesser of the host's CPUs and twice those at the start.
        row(&["CPUS"], LiveElse(Cost::Replace), LiveElse(Cost::Restart), RESTART, RESTART),
        row(&["MOUNTS", "COMMAND"], REPLACE, RESTART, RESTART, RESTART),
        row(&["DISK_SIZE"], NotUsed, Grows(Cost::Live), Grows(Cost::Live), Grows(Cost::Restart)),
        row(&["PORTS"], REPLACE, LIVE, LIVE, RESTART),
        // Live where the project's network stays, since the address is in its range.
        row(&["IP_ADDRESS"], LiveElse(Cost::Replace), RESTART, RESTART, RESTART),
        row(&["NETWORK_MODE", "BRIDGE"], REPLACE, RESTART, RESTART, RESTART),
        row(&["GATEWAY", "DNS"], REPLACE, RESTART, RESTART, RESTART),
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
        row(&["SSH_USER"], Nothing, RECREATE, RECREATE, RECREATE),
        // Through the guest, where it answers.
        row(
            &["SSH_AUTHORIZED_KEYS"],
            Nothing,
            LiveElse(Cost::Recreate),
            LiveElse(Cost::Recreate),
            RECREATE,
        ),
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
    /// The most that it costs the machine.
    #[must_use]
    pub fn cost(self) -> Cost {
        match self {
            Change::Costs(cost) | Change::Grows(cost) | Change::LiveElse(cost) => cost,
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
    fn what_may_be_live_is_dearer_where_it_is_not() {
        for row in TABLE {
            for change in [row.podman, row.libvirt, row.qemu, row.vagrant] {
                if let Change::LiveElse(other) = change {
                    assert!(other > Cost::Live && other < Cost::Destroy, "{:?}", row.keys);
                }
            }
        }
        assert_eq!(of("CPUS", ProviderKind::Libvirt), Some(Change::LiveElse(Cost::Restart)));
        assert_eq!(of("CPUS", ProviderKind::Qemu), Some(Change::Costs(Cost::Restart)));
    }

    #[test]
    fn every_field_that_can_differ_is_in_the_table() {
        for field in Field::ALL {
            assert!(of(field.key(), ProviderKind::Podman).is_some(), "{field:?}");
        }
    }
}
