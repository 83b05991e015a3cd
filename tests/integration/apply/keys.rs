//! Every key × changed or not × running, stopped, suspended: what the plan does is what the table
//! of costs says, from one base.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

use vagrantp::config::keys;
use vagrantp::model::capability::Cost;
use vagrantp::model::changes;
use vagrantp::model::id::ProviderKind;
use vagrantp::model::observed::Power;
use vagrantp::plan::{Consent, Plan};

use super::spy::World;

const BASE: &str = "INFRA_TYPE=container\n";

/// What an edit comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comes {
    /// What the table of costs says.
    AsInTable,
    /// To this, which is less than the most that the table allows.
    To(Cost),
    /// The new value is refused, with the key named.
    Refused,
    /// Nobody asks what it is: no container has a use for it.
    NotUsed,
}
use Comes::{AsInTable, NotUsed, Refused, To};

/// A key, what it was and is to be, what else has to be there, and what comes of it.
type Row = (&'static str, &'static str, &'static str, &'static str, Comes);

const ROWS: &[Row] = &[
    ("INFRA_TYPE", "container", "vm", "", Refused),
    ("INFRA_ID", "web", "api", "", AsInTable),
    ("PROVIDER", "podman", "libvirt", "", Refused),
    ("MEMORY", "512", "600", "", AsInTable),
    ("CPUS", "1", "2", "", AsInTable),
    ("DISK_SIZE", "20G", "30G", "", NotUsed),
    ("DISK_PATH", "./a.qcow2", "./b.qcow2", "", NotUsed),
    ("IMAGE", "alpine:latest", "debian:12", "", AsInTable),
    ("BOX", "debian/bookworm64", "debian/trixie64", "", NotUsed),
    ("ISO", "./a.iso", "./b.iso", "", NotUsed),
    ("KERNEL", "./a", "./b", "", NotUsed),
    ("INITRD", "./a", "./b", "", NotUsed),
    ("APPEND", "quiet", "debug", "", NotUsed),
    ("FIRMWARE", "bios", "uefi", "", NotUsed),
    ("CLOUD_INIT", "./a.yml", "./b.yml", "", NotUsed),
    ("NETWORK_MODE", "default", "bridge", "BRIDGE=br0\nIP_ADDRESS=192.168.7.50\n", AsInTable),
    ("BRIDGE", "br0", "br1", "", To(Cost::None)),
    ("IP_ADDRESS", "192.168.77.10", "192.168.77.11", "", To(Cost::Live)),
    ("GATEWAY", "192.168.77.1", "192.168.77.254", "IP_ADDRESS=192.168.77.10\n", AsInTable),
    ("DNS", "9.9.9.9", "1.1.1.1", "", AsInTable),
    ("MAC_ADDRESS", "02:00:00:00:00:01", "02:00:00:00:00:02", "", NotUsed),
    ("PORTS", "20001:80", "20002:80", "", AsInTable),
    ("PORT_POOL", "8100-8110", "8200-8210", "PORTS=auto:80\n", AsInTable),
    ("MOUNTS", ".:/work:ro", ".:/src:ro", "", AsInTable),
    ("COMMAND", "'sleep 1'", "'sleep 2'", "", AsInTable),
    ("QEMU_ARGS", "-s", "-S", "", NotUsed),
    ("DISPLAY_MODE", "gtk", "spice", "", NotUsed),
    ("AUTOSTART", "false", "true", "", AsInTable),
    ("INFRA_TTL", "8h", "2d", "", AsInTable),
    ("SSH_HOST", "a", "b", "", NotUsed),
    ("SSH_USER", "root", "dev", "", AsInTable),
    ("SSH_KEY", "./key", "./other", "", NotUsed),
    ("SSH_AUTHORIZED_KEYS", "./key.pub", "./other.pub", "", NotUsed),
    ("SSH_PORT", "22221", "22222", "", NotUsed),
    ("WAIT_FOR", "ssh", "boot", "", NotUsed),
    ("BOOT_TIMEOUT", "100", "200", "", NotUsed),
    ("STOP_TIMEOUT", "10", "20", "", AsInTable),
    ("SSH_TIMEOUT", "10", "20", "", NotUsed),
    ("PROVISIONING_PLAYBOOK", "./a.yml", "./b.yml", "", AsInTable),
    ("PROVISIONING_VARS", "./a.yml", "./b.yml", "", AsInTable),
    ("PROVISIONING_EXTRA_VARS", "a=1", "a=2", "", AsInTable),
    ("PROVISIONING_BOOTSTRAP", "false", "true", "", AsInTable),
    ("ROLLBACK_ON_FAILURE", "false", "true", "", AsInTable),
    ("REQUIRE_OS", "debian:12", "debian:13", "", AsInTable),
    ("REQUIRE_MEMORY", "1G", "2G", "", AsInTable),
    ("REQUIRE_DISK", "1G", "2G", "", AsInTable),
];

/// A project with every file that a row names.
fn world() -> World {
    let world = World::new();
    for name in ["a.yml", "b.yml"] {
        std::fs::write(world.dir().join(name), "- hosts: all\n  tasks: []\n").unwrap();
    }
    for name in ["a", "b", "key", "other"] {
        let file = world.dir().join(name);
        std::fs::write(&file, "x").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    world
}

fn env(key: &str, value: &str, more: &str) -> String {
    match key {
        "INFRA_TYPE" => format!("INFRA_TYPE={value}\n{more}"),
        key => format!("{BASE}{more}{key}={value}\n"),
    }
}

const STATES: [Power; 3] = [Power::Running, Power::Stopped, Power::Paused];

/// A world with a machine of this `.env`, in this state.
async fn made(env: &str, state: Power) -> World {
    let world = world();
    world.up(env).await;
    world.provider.with(|world| world.instances[0].state = state);
    world
}

/// The steps that bring up what is as wanted.
fn brings_up(plan: &Plan, state: Power) {
    let names: Vec<_> = plan.steps.iter().map(|step| step.action.name()).collect();
    let wanted: &[&str] = match state {
        Power::Running => &[],
        Power::Paused => &["resume"],
        _ => &["start"],
    };
    assert_eq!(names, wanted);
    assert_eq!((plan.cost(), plan.consent()), (Cost::None, Consent::None));
}

#[test]
fn every_key_has_a_row() {
    let all: BTreeSet<&str> = keys::all().map(|key| key.name).collect();
    let rows: BTreeSet<&str> = ROWS.iter().map(|row| row.0).collect();
    assert_eq!(rows, all);
    assert_eq!(ROWS.len(), all.len(), "a row each");
    let wrong = ROWS.iter().filter(|(name, .., comes)| {
        let used = keys::find(name).unwrap().used_by.contains(&ProviderKind::Podman);
        used == (*comes == NotUsed)
    });
    assert_eq!(wrong.collect::<Vec<_>>(), [] as [&Row; 0]);
}

#[tokio::test]
async fn the_same_value_again_changes_nothing_in_any_state() {
    for (key, before, _, more, comes) in ROWS {
        for state in STATES {
            let base = if *comes == NotUsed { BASE.to_owned() } else { env(key, before, more) };
            let world = made(&base, state).await;
            let plan = world.plan(&world.desired(&base)).await;
            brings_up(&plan, state);
        }
    }
}

#[tokio::test]
async fn an_edit_costs_what_the_table_says_in_any_state() {
    for (key, before, after, more, comes) in ROWS {
        for state in STATES {
            let before = if *comes == NotUsed { BASE.to_owned() } else { env(key, before, more) };
            let world = made(&before, state).await;
            let after = env(key, after, more);
            let about = format!("{key} while {state:?}");
            let desired = match world.understood(&after) {
                Ok(desired) => desired,
                Err(problems) => {
                    assert!(matches!(comes, Refused | NotUsed), "{about}: {problems:?}");
                    assert!(
                        problems.iter().all(|problem| problem.field.is_some()),
                        "{about}: {problems:?}"
                    );
                    continue;
                }
            };
            let planned = world.plan_with(&world.provider, &desired).await;
            let cost = match comes {
                Refused => {
                    let errors = planned.expect_err(&about);
                    let fields: Vec<_> = errors.iter().filter_map(|error| error.field()).collect();
                    assert!(fields.iter().any(|(field, _)| field == key), "{about}: {errors:?}");
                    continue;
                }
                NotUsed => Cost::None,
                To(cost) => *cost,
                AsInTable => changes::of(key, ProviderKind::Podman).expect("a row").cost(),
            };
            let plan = planned.unwrap_or_else(|errors| panic!("{about}: {errors:?}"));
            assert_eq!(plan.cost(), cost, "{about}: {plan:#?}");
            let stops = plan.steps.iter().any(|step| step.action.name() == "stop");
            let replaces = matches!(cost, Cost::Replace | Cost::Recreate);
            assert_eq!(stops, replaces && state.is_up(), "{about}: {plan:#?}");
            if cost == Cost::None {
                brings_up(&plan, state);
                continue;
            }
            let line = plan.steps.iter().find_map(|step| step.cause.place.as_ref());
            assert!(line.is_some(), "{about}: no line asks for it");
            world.up(&after).await;
            assert_eq!(world.plan(&world.desired(&after)).await.steps, [], "{about}");
        }
    }
}
