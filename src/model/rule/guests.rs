//! Rules about what virtual machines are made of.

use super::{Rule, failure, mistake};
use crate::model::code::Code;

pub(super) const RULES: &[Rule] = &[
    failure(
        "guest::bad_key",
        &[Code::InvalidState],
        "A file that holds a key of the machine's is damaged.",
        "Put it back from a backup, or make the machine anew with `vagrantp up --recreate`.",
    ),
    failure(
        "guest::key_io",
        &[Code::PermissionDenied],
        "A key of the machine's cannot be read or written.",
        "See who owns the directory and whether its disk is full.",
    ),
    mistake(
        "guest::cloud_init_not_yaml",
        "The file of CLOUD_INIT is no YAML.",
        "Correct the line; `cloud-init schema --config-file FILE` checks the whole of it.",
    ),
    mistake(
        "guest::cloud_init_not_config",
        "The file of CLOUD_INIT is none of cloud-config: a script, or a list.",
        "Write a mapping of YAML that starts with `#cloud-config`; scripts go under `runcmd`.",
    ),
    mistake(
        "guest::cloud_init_locks_out",
        "Something in the file of CLOUD_INIT would keep vagrantp from logging in.",
        "Delete the key that the message names.",
    ),
    mistake(
        "guest::seed_too_large",
        "What the guest is to be told is larger than any guest takes.",
        "Move what is large out of the file of CLOUD_INIT.",
    ),
    failure(
        "guest::seed_io",
        &[Code::CreateFailed],
        "The seed cannot be written.",
        "See who owns the directory and whether its disk is full.",
    ),
];
