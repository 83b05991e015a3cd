//! What hindered a machine, by what was seen of it and what its console says. Pure.

use super::seen::{LoginOutcome, Outcome, Seen, Stage};
use crate::guest::error::{BootError, Told};
use crate::model::plain::is_unsafe;

/// What a firmware, a boot loader or an initramfs says that finds nothing to start.
const NO_SYSTEM: [&str; 11] = [
    "No bootable device",
    "not a bootable disk",
    "could not read the boot disk",
    "UEFI Interactive Shell",
    "BdsDxe: failed to load",
    "BdsDxe: No bootable option",
    "grub rescue>",
    "Dropping to a shell!",
    "You are in emergency mode",
    "Give root password for maintenance",
    "error: no such partition",
];

/// What DHCP clients say that nobody answered.
const NO_LEASE: [&str; 6] = [
    "udhcpc: no lease",
    "No DHCPOFFERS received",
    "No working leases in persistent database",
    "Failed to start networking",
    "DHCPv4 client: Failed",
    "dhcpcd: timed out",
];

/// Why a machine is not reachable.
pub(super) fn of(seen: Seen, user: &str, log: &str, told: Told) -> BootError {
    let user = user.to_owned();
    if let Some(reason) = panic(log) {
        return BootError::KernelPanic { reason, told };
    }
    if seen.ended {
        return BootError::Ended { told };
    }
    if let Some(reason) = seen.cloud_init {
        return BootError::CloudInitFailed { reason, told };
    }
    let port = seen.port.unwrap_or_default();
    match (seen.stage, seen.login) {
        (Stage::CloudInit, _) => BootError::CloudInitUnfinished { told },
        (Stage::Login, Some(LoginOutcome::OtherHostKey)) => BootError::OtherHostKey { told },
        (Stage::Login, Some(LoginOutcome::KeyRefused(said))) => {
            BootError::KeyRefused { user, said, told }
        }
        (Stage::Login, Some(LoginOutcome::Broken(said) | LoginOutcome::Other(said))) => {
            BootError::LoginFailed { user, said, told }
        }
        (Stage::Login, None) => {
            let said = "ssh did not come to an end".to_owned();
            BootError::LoginFailed { user, said, told }
        }
        (Stage::Machine | Stage::Address | Stage::Banner, _) => match seen.last {
            Some(Outcome::Words(said)) => BootError::NoBanner { port, said, told },
            Some(Outcome::Refused | Outcome::Banner) => BootError::Refused { port, told },
            Some(Outcome::Silence | Outcome::NoWay) | None => silent(&seen.port, log, told),
        },
    }
}

/// Nothing came back at all: its console may say why.
fn silent(port: &Option<u16>, log: &str, told: Told) -> BootError {
    if let Some(reason) = line_with(log, &NO_SYSTEM) {
        return BootError::NoSystem { reason, told };
    }
    match port {
        Some(port) if line_with(log, &NO_LEASE).is_none() && !devices_are_down(log) => {
            BootError::NoAnswer { port: *port, told }
        }
        _ => BootError::NoAddress { told },
    }
}

/// Whether new words of the console say that an SSH server may be there by now: its own start, or the
/// prompt that comes after all others.
pub(super) fn hints_at_a_server(fresh: &str) -> bool {
    let low = fresh.to_ascii_lowercase();
    ["ssh", "secure shell", "dropbear", "login:"].iter().any(|word| low.contains(word))
}

/// The kernel's last word, where it has given up.
pub(super) fn panic(log: &str) -> Option<String> {
    const WORDS: &str = "Kernel panic - not syncing";
    let line = log.lines().find(|line| line.contains(WORDS))?;
    let reason = line.split(WORDS).nth(1).unwrap_or_default().trim_start_matches(':');
    Some(shown(reason))
}

fn line_with(log: &str, words: &[&str]) -> Option<String> {
    let line = log.lines().rev().find(|line| words.iter().any(|word| line.contains(word)))?;
    Some(shown(line))
}

/// cloud-init's table of devices, where none but the loopback has an address.
fn devices_are_down(log: &str) -> bool {
    let rows = log.lines().filter_map(|line| line.split_once("ci-info: |"));
    let mut devices = rows.map(|(_, row)| row.split('|').map(str::trim).collect::<Vec<_>>());
    let mut found = false;
    let up = devices.any(|row| match row[..] {
        ["lo", ..] | ["Device", ..] => false,
        [_, up @ ("True" | "False"), address, ..] => {
            found = true;
            up == "True" && address.contains('.') && address.len() > 1
        }
        _ => false,
    });
    found && !up
}

fn shown(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !is_unsafe(*c)).take(160).collect();
    clean.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told() -> Told {
        Told { name: "shop".to_owned(), seconds: 300, stage: "banner", log: Vec::new() }
    }

    fn means(seen: Seen, log: &str) -> BootError {
        of(seen, "ada", log, told())
    }

    fn at(stage: Stage, last: Option<Outcome>, login: Option<LoginOutcome>) -> Seen {
        let port = (stage > Stage::Address).then_some(22);
        Seen { stage, last, login, port, ..Seen::default() }
    }

    #[test]
    fn six_failures_are_told_apart() {
        let silent = || at(Stage::Banner, Some(Outcome::Silence), None);
        assert!(matches!(
            means(silent(), "udhcpc: no lease, failing"),
            BootError::NoAddress { .. }
        ));
        assert!(matches!(means(silent(), "login:"), BootError::NoAnswer { port: 22, .. }));
        let refused = at(Stage::Banner, Some(Outcome::Refused), None);
        assert!(matches!(means(refused, "udhcpc: no lease"), BootError::Refused { .. }));
        let denied = Some(LoginOutcome::KeyRefused("no".to_owned()));
        let denied = at(Stage::Login, Some(Outcome::Banner), denied);
        assert!(matches!(means(denied, ""), BootError::KeyRefused { .. }));
        let failed = Seen { cloud_init: Some("x".to_owned()), ..at(Stage::CloudInit, None, None) };
        assert!(matches!(means(failed, ""), BootError::CloudInitFailed { .. }));
        let log = "[ 1.0] Kernel panic - not syncing: VFS: Unable to mount root fs\n[ 1.1] more";
        match means(silent(), log) {
            BootError::KernelPanic { reason, .. } => {
                assert_eq!(reason, "VFS: Unable to mount root fs");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_else_hinders_has_its_own_words() {
        let address = at(Stage::Address, None, None);
        assert!(matches!(means(address, ""), BootError::NoAddress { .. }));
        let silent = || at(Stage::Banner, Some(Outcome::Silence), None);
        assert!(matches!(means(silent(), "No bootable device."), BootError::NoSystem { .. }));
        let other = at(Stage::Login, None, Some(LoginOutcome::OtherHostKey));
        assert!(matches!(means(other, ""), BootError::OtherHostKey { .. }));
        let words = at(Stage::Banner, Some(Outcome::Words("`HTTP/1.1`".to_owned())), None);
        assert!(matches!(means(words, ""), BootError::NoBanner { .. }));
        let slow = at(Stage::CloudInit, Some(Outcome::Banner), None);
        assert!(matches!(means(slow, ""), BootError::CloudInitUnfinished { .. }));
        let ended = Seen { ended: true, ..silent() };
        assert!(matches!(means(ended, ""), BootError::Ended { .. }));
        for login in [None, Some(LoginOutcome::Broken("x".to_owned()))] {
            let failed = at(Stage::Login, Some(Outcome::Banner), login);
            assert!(matches!(means(failed, ""), BootError::LoginFailed { .. }));
        }
    }

    #[test]
    fn cloud_inits_table_tells_a_device_without_an_address() {
        let table = |row: &str| {
            format!(
                "ci-info: +++Net device info+++\n\
                 ci-info: | Device |   Up  |  Address  | Mask | Scope | Hw-Address |\n{row}\n\
                 ci-info: |   lo   |  True | 127.0.0.1 |  .   |   .   |     .      |\n"
            )
        };
        assert!(devices_are_down(&table("[  9.1] ci-info: | ens3 | False | . | . | . | 52:54 |")));
        assert!(!devices_are_down(&table("ci-info: | ens3 | True | 10.0.2.15 | . | . | 52:54 |")));
        assert!(!devices_are_down(&table("")));
    }

    #[test]
    fn silence_does_not_hide_what_was_heard() {
        let mut seen = Seen::default();
        seen.heard(Outcome::Silence);
        seen.heard(Outcome::Refused);
        seen.heard(Outcome::Silence);
        seen.heard(Outcome::NoWay);
        assert_eq!(seen.last, Some(Outcome::Refused));
    }
}
