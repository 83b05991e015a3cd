//! Configurations by chance, with the application's lines between: whatever is wrong with them, no
//! word of those is said.

use super::generate::cases;
use super::project::{Project, said};

#[test]
fn whatever_is_wrong_is_told_without_a_word_of_the_applications() {
    const CANARY: &str = "c4n4ry";
    const OURS: [&str; 24] = [
        "INFRA_TYPE",
        "INFRA_ID",
        "PROVIDER",
        "MEMORY",
        "CPUS",
        "DISK_SIZE",
        "IMAGE",
        "BOX",
        "ISO",
        "NETWORK_MODE",
        "BRIDGE",
        "IP_ADDRESS",
        "GATEWAY",
        "DNS",
        "MAC_ADDRESS",
        "PORTS",
        "PORT_POOL",
        "MOUNTS",
        "COMMAND",
        "SSH_USER",
        "SSH_PORT",
        "INFRA_TTL",
        "REQUIRE_OS",
        "PROVISIONING_PLAYBOOK",
    ];
    const SAID: [&str; 26] = [
        "container",
        "vm",
        "64",
        "2G",
        "none",
        "a",
        ",",
        ",",
        ":",
        "8080:80",
        "auto:1",
        "/",
        ".",
        "-",
        "10.0.0.1",
        "/24",
        "::1",
        "bridge",
        "'",
        "\"",
        "\\",
        "$",
        "$(id)",
        "é",
        "\u{661}",
        " # ",
    ];
    let project = Project::new("");
    let mut problems = 0;
    cases(2_500, |chance| {
        let mut text = String::new();
        for _ in 0..chance.between(1, 14) {
            match chance.below(8) {
                0 => text.push_str(&format!("APP_{}={CANARY}", chance.below(9))),
                1 => text.push_str(&format!("# {CANARY}")),
                2 => text.push_str(&format!("{CANARY} {CANARY}")),
                3 => {
                    let key = chance.one(&OURS);
                    text.push_str(&format!("{key}=${{APP_{}:-}}", chance.below(9)));
                    text.push_str(&chance.pieces(&SAID, 2));
                }
                4 => text.push_str(&format!("APP='{CANARY}{}", chance.one(&["", "'", "' x"]))),
                _ => {
                    let (key, value) = (chance.one(&OURS), chance.pieces(&SAID, 5));
                    text.push_str(&format!("{key}{}{value}", chance.one(&["=", "=", "=", ": "])));
                }
            }
            text.push_str(chance.one(&["\n", "\n", "\r\n", "\n\n"]));
        }
        project.write(".env", &text);
        let loaded = project.load();
        assert_eq!(loaded.config.is_some(), loaded.errors.is_empty());
        problems += loaded.errors.len() + loaded.warnings.len();
        let said = said(&loaded);
        assert!(!said.contains(CANARY), "{text}\n---\n{said}");
        assert!(!said.contains("failed to read contents"), "{text}\n---\n{said}");
    });
    assert!(problems > 8_000, "{problems}");
}
