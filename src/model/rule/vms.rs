//! Rules about virtual machines: what is asked of one that is there, and the way into it.

use super::{Rule, failure};
use crate::model::code::Code;

pub(super) const RULES: &[Rule] = &[
    failure(
        "plan::disk_shrinks",
        &[Code::ConfigInvalid],
        "DISK_SIZE is less than the disk has. What is on its far end cannot be kept in a smaller one.",
        "Write the size that it has, or more; `vagrantp rm` and `vagrantp up` make a smaller one.",
    ),
    failure(
        "plan::ssh_port_taken",
        &[Code::PortConflict],
        "SSH_PORT is a port of the host that somebody else has.",
        "Free the port, write another, or delete the line to have a free one picked.",
    ),
    failure(
        "ssh::no_banner",
        &[Code::SshConnectionFailed],
        "The machine is up and its SSH server said nothing within SSH_TIMEOUT.",
        "`vagrantp logs` shows what the machine wrote on its console.",
    ),
    failure(
        "ssh::no_client",
        &[Code::DependencyMissing],
        "`vagrantp ssh` takes a VM's caller inside with the system's own `ssh`, which is not there.",
        "Install OpenSSH's client.",
    ),
];
