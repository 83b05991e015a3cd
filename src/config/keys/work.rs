//! The keys that say what to wait for and what to do inside.

use super::form::{Form, words};
use super::machine::yaml;
use super::{ALL, ANY_VM, Default, Key, MADE, MADE_VM, NoMistake, key, list, one};
use crate::config::reader::Reader;
use crate::config::types::{Config, Playbook, Secret, WaitFor};
use crate::config::values;
use crate::config::{files, public_keys};
use crate::model::units::{Memory, Seconds};

pub(super) const KEYS: &[Key] = &[
    key!("WAIT_FOR": Form::Words(words::<WaitFor>), "`ssh` or `boot`", Default::Depends("`ssh`; `boot` where only ISO or KERNEL is given"), MADE_VM,
        "What `up` waits for.", eg "ssh",
        read |r, c| c.wait_for = r.word(), show |c| one(&c.wait_for)),
    key!("BOOT_TIMEOUT": Form::Seconds, "seconds, from 1 to 3600", Default::Value("300"), MADE_VM,
        "How long a vm may take until it can be reached.", eg "120",
        read |r, c| c.boot_timeout = r.one(Seconds::parse), show |c| one(&c.boot_timeout)),
    key!("STOP_TIMEOUT": Form::Seconds, "seconds, from 1 to 3600", Default::Value("30"), MADE,
        "How long the machine may take to stop before it is killed.", eg "10",
        read |r, c| c.stop_timeout = r.one(Seconds::parse), show |c| one(&c.stop_timeout)),
    key!("SSH_TIMEOUT": Form::Seconds, "seconds, from 1 to 3600", Default::Value("30"), ANY_VM,
        "How long `ssh` waits for an answer.", eg "30",
        read |r, c| c.ssh_timeout = r.one(Seconds::parse), show |c| one(&c.ssh_timeout)),
    key!("PROVISIONING_PLAYBOOK": Form::Playbooks, "paths to playbooks (`.yml`, `.yaml`), or `vagrantp:NAME` for one that comes with vagrantp, with commas between", Default::None, ALL,
        "The Ansible playbooks to run inside, in this order.", eg "playbooks/site.yml",
        read playbooks, show |c| list(&c.playbooks, |playbook| serde_json::to_value(playbook).unwrap_or_default())),
    key!("PROVISIONING_VARS": Form::Path, "a path to a file of YAML", Default::None, ALL,
        "Variables for the playbooks.", eg "./vars.yml",
        read |r, c| c.provisioning_vars = yaml(r), show |c| one(&c.provisioning_vars)),
    key!("PROVISIONING_EXTRA_VARS": Form::Variables, "`name=value` pairs with commas between, or a JSON object", Default::None, ALL,
        "More variables for the playbooks, which win over all others.", eg "release=12,debug=false",
        read |r, c| c.extra_vars = r.one(values::extra_vars), show |c| one(&c.extra_vars), secret, multiline),
    key!("PROVISIONING_BOOTSTRAP": Form::Words(words::<bool>), "`true` or `false`", Default::Value("false"), ALL,
        "Whether to install Python inside where it is missing.", eg "true",
        read |r, c| c.provisioning_bootstrap = r.word(), show |c| one(&c.provisioning_bootstrap)),
    key!("ROLLBACK_ON_FAILURE": Form::Words(words::<bool>), "`true` or `false`", Default::Value("false"), ALL,
        "Whether a playbook that fails is taken back.", eg "true",
        read |r, c| c.rollback_on_failure = r.word(), show |c| one(&c.rollback_on_failure)),
    key!("REQUIRE_OS": Form::Systems, "`id` or `id:version` as in os-release, with commas between", Default::None, ALL,
        "What has to run inside before the playbooks do.", eg "debian:12,debian:13",
        read |r, c| c.require_os = r.list(values::os),
        show |c| list(&c.require_os, |os| serde_json::to_value(os).unwrap_or_default())),
    key!("REQUIRE_MEMORY": Form::Memory { least: 0 }, "a size; a bare number counts MiB", Default::None, ALL,
        "How much memory there has to be inside before the playbooks run.", eg "1G",
        read |r, c| c.require_memory = r.one(Memory::parse), show |c| one(&c.require_memory)),
    key!("REQUIRE_DISK": Form::Disk { least: 0 }, "a size; a bare number counts GiB, with a warning", Default::None, ALL,
        "How much of the disk has to be free inside before the playbooks run.", eg "5G",
        read |r, c| c.require_disk = super::disk_size(r), show |c| one(&c.require_disk)),
];

fn playbooks(reader: &mut Reader<'_>, config: &mut Config) {
    let around = reader.surroundings;
    config.playbooks = reader.list(|item| files::playbook(around, item));
    for playbook in &config.playbooks {
        if let Playbook::File(path) = &playbook.value {
            reader.yaml(path, playbook.place());
        }
    }
}

/// SSH_AUTHORIZED_KEYS: each line that holds no key is a mistake of its own.
pub(super) fn authorized_keys(reader: &mut Reader<'_>, config: &mut Config) {
    let around = reader.surroundings;
    let value = reader.value;
    if !public_keys::is_file(&value.text) {
        match public_keys::parse(&value.text) {
            Ok(keys) => {
                config.ssh_authorized_keys = reader.one(|_| Ok::<_, NoMistake>(Secret(keys)))
            }
            Err(mistakes) => {
                let all = 0..value.text.len();
                mistakes.into_iter().for_each(|mistake| reader.fail(all.clone(), mistake));
            }
        }
        return;
    }
    config.ssh_authorized_keys =
        reader.one(|text| public_keys::from_file(around, text).map(Secret));
}
