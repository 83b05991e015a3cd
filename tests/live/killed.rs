//! A replacement that is killed at any moment, by chance: vagrantp, Podman's service, or both.

use std::cell::Cell;
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::cli_support::variable;
use crate::machine::{Machine, note};
use crate::podman_host::services;
use crate::rootless::Rootless;

/// Even enough over its range, and the same for the same seed.
pub(crate) struct Chance(pub(crate) Cell<u64>);

impl Chance {
    /// A number below `end`.
    pub(crate) fn below(&self, end: u64) -> u64 {
        let next = self.0.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.0.set(next);
        (next >> 33) % end.max(1)
    }
}

/// A number that whoever runs the tests asks for.
pub(crate) fn number(name: &str) -> Option<u64> {
    variable(name).and_then(|text| text.parse().ok())
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).expect("short")
}

#[test]
fn a_replacement_killed_by_chance_keeps_one_machine_with_its_files() {
    let Some(machine) = Machine::new("chance", &[]) else { return };
    let seed = number("VAGRANTP_SEED").unwrap_or(1);
    let kills = number("VAGRANTP_KILLS").unwrap_or(8);
    let chance = Chance(Cell::new(seed));
    machine.ok(&["up"]);
    machine.inside("echo kept > /root/note");
    machine.env(&[("MEMORY", "600M")]);
    let begun = Instant::now();
    machine.ok(&["up", "-y"]);
    let whole = milliseconds(begun.elapsed());
    for kill in 0..kills {
        let after = Duration::from_millis(chance.below(whole));
        let context = format!("seed {seed}, kill {kill} after {after:?} of {whole} ms");
        // Said at once, so that it stands there when a line below fails.
        note(&context);
        machine.env(&[("MEMORY", &format!("{}M", 520 + kill))]);
        let mut up = machine.start(&["up", "-y"]);
        std::thread::sleep(after);
        // It may have ended by now, which is an instant as good as any.
        let _ = up.kill();
        machine.end(up);
        let state = machine.state();
        assert!(["stopped", "running"].contains(&state.as_str()), "{context}: {state}");
        machine.ok(&["up", "-y"]);
        machine.settled();
        assert_eq!(machine.inside("cat /root/note"), "kept", "{context}");
        assert_eq!(machine.objects().len(), 3, "{context}: {:?}", machine.objects());
    }
    machine.rm();
}

/// What is killed beside Podman's service.
fn also_vagrantp(up: &Child) {
    let id = i32::try_from(up.id()).ok().and_then(Pid::from_raw).expect("a process");
    let _ = kill_process(id, Signal::KILL);
}

/// In an engine of its own: a service that is killed while it writes its storage can leave an image
/// there that `podman images` stumbles over, whoever calls it.
#[test]
fn a_service_killed_by_chance_costs_nothing_either() {
    let Some(user) = Rootless::new("service") else { return };
    let seed = number("VAGRANTP_SEED").unwrap_or(1);
    let kills = number("VAGRANTP_KILLS").unwrap_or(6);
    let chance = Chance(Cell::new(seed));
    let command = |number: u64| user.env(&format!("COMMAND=sleep {}\n", 1000 + number));
    user.vagrantp(&["up"]);
    user.vagrantp(&["ssh", "-c", "echo kept > /root/note"]);
    command(0);
    let begun = Instant::now();
    user.vagrantp(&["up", "-y"]);
    let whole = milliseconds(begun.elapsed());
    for kill in 0..kills {
        let after = Duration::from_millis(chance.below(whole));
        let context = format!("seed {seed}, kill {kill} after {after:?} of {whole} ms");
        note(&context);
        command(kill + 1);
        let mut up = user.start(&["up", "-y"]);
        std::thread::sleep(after);
        if kill % 2 == 0 {
            also_vagrantp(&up);
        }
        for pid in services(user.root()) {
            let _ = kill_process(pid, Signal::KILL);
        }
        up.wait().expect("it ends");
        user.vagrantp(&["up", "-y"]);
        user.vagrantp(&["plan", "--exit-code"]);
        assert_eq!(user.vagrantp(&["ssh", "-c", "cat /root/note"]), "kept\n", "{context}");
        let containers = user.said(&["ps", "-a", "--format", "{{.Names}}"]);
        assert_eq!(containers, user.name, "{context}");
        let status: Value =
            serde_json::from_str(&user.vagrantp(&["--json", "status"])).expect("a document");
        assert_eq!(status["infrastructure"]["state"], "running", "{context}");
    }
    user.vagrantp(&["rm", "-y"]);
    assert_eq!(user.said(&["ps", "-a", "-q"]), "");
}
