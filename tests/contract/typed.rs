//! Values of every type, by chance: written, printed into a file, read back, the same.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use vagrantp::config::types::{OsRequirement, Ttl};
use vagrantp::config::{Config, print};
use vagrantp::model::command::MainProcess;
use vagrantp::model::network::{HostAddress, HostPort, MacAddress, PortPool, PortRule, Protocol};
use vagrantp::model::source::Sourced;

use super::generate::{Chance, cases};
use super::project::{Project, rules};

/// Pieces of free text that no other character class would miss.
const TEXT: [&str; 22] = [
    "a", "Z", "0", " ", "  ", "'", "\"", "\\", "$", "$X", "${X}", "#", " #", "=", ":", "é", "日",
    "`", "$(id)", "\\n", "%", "~",
];

fn port(chance: &mut Chance) -> u16 {
    chance.between(1024, 65535) as u16
}

fn address(chance: &mut Chance) -> Ipv4Addr {
    // `.1` would be the gateway.
    let mut octet = || chance.between(2, 254) as u8;
    Ipv4Addr::new(10, octet(), octet(), octet())
}

fn port_rule(chance: &mut Chance) -> PortRule {
    let bind = match chance.below(4) {
        0 => IpAddr::V4(address(chance)),
        1 => IpAddr::V6(Ipv6Addr::from(u128::from(chance.between(1, 1 << 40)) << 64 | 1)),
        _ => IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    let host = if chance.once_in(3) { HostPort::Auto } else { HostPort::Fixed(port(chance)) };
    let protocol = chance.one(&[Protocol::Tcp, Protocol::Udp]);
    PortRule { bind, host, guest: chance.between(1, 65535) as u16, protocol }
}

/// A size in MiB, spelled in one of its ways.
fn size(chance: &mut Chance, gibibytes: u64) -> (String, u64) {
    let unit = chance.one(&["M", "m", "MB", "MiB", " mib"]);
    match chance.below(2) {
        0 => (format!("{}{unit}", gibibytes * 1024 + 1), gibibytes * 1024 + 1),
        _ => (format!("{gibibytes}{}", chance.one(&["G", "g", "GB", " GiB"])), gibibytes * 1024),
    }
}

fn list<T: ToString>(chance: &mut Chance, items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join(chance.one(&[",", ", ", " , "]))
}

fn values<T: Clone>(items: &[Sourced<T>]) -> Vec<T> {
    items.iter().map(|item| item.value.clone()).collect()
}

/// A word as a shell would have to be given it.
fn shell_word(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// What is written in a file, key by key, and whether the configuration says the same.
type Check = Box<dyn Fn(&Config) -> bool>;
type Lines = Vec<(&'static str, String, Check)>;

fn container(chance: &mut Chance) -> Lines {
    let ports: Vec<PortRule> = (0..chance.between(1, 4)).map(|_| port_rule(chance)).collect();
    // The same port twice would be a mistake.
    let ports: Vec<PortRule> = ports
        .iter()
        .enumerate()
        .filter(|(at, rule)| ports[..*at].iter().all(|before| before.host != rule.host))
        .map(|(_, rule)| *rule)
        .collect();
    let first = chance.between(1024, 60_000) as u16;
    let pool = PortPool { first, last: first + chance.between(9, 5000) as u16 };
    let dns: Vec<Ipv4Addr> = (0..chance.between(1, 3)).map(|_| address(chance)).collect();
    let (memory, mebibytes) = {
        let n = chance.between(1, 64);
        size(chance, n)
    };
    let words: Vec<String> =
        (0..chance.between(1, 4)).map(|_| format!("w{}", chance.pieces(&TEXT, 6))).collect();
    let command: Vec<String> = words.iter().map(|word| shell_word(word)).collect();
    let oses: Vec<OsRequirement> = (0..chance.between(1, 3))
        .map(|number| OsRequirement {
            id: format!("os-{number}"),
            version: (!chance.once_in(2))
                .then(|| format!("{}.{}", chance.below(30), chance.below(9))),
        })
        .collect();
    let os = |os: &OsRequirement| match &os.version {
        Some(version) => format!("{}:{version}", os.id),
        None => os.id.clone(),
    };
    let os_text: Vec<String> = oses.iter().map(os).collect();
    let ttl = Ttl(chance.between(1, 3650 * 1440) as u32);
    let (word, flag) = chance.one(&[("true", true), ("NO", false), ("on", true), ("0", false)]);
    let variables =
        serde_json::json!({ "a": chance.pieces(&TEXT, 8), "b": [1, null, { "c": true }] });
    let guest = format!("/m/{}", chance.pieces(&["a", "é", "日", " b", "-", "_"], 5));
    let guest_path = guest.trim_end().trim_end_matches('/').to_owned();
    let name = format!("n{}", chance.pieces(&["a", "b0", "x-1"], 8));
    let wanted = name.clone();
    vec![
        ("PORTS", list(chance, &ports), Box::new(move |c| values(&c.ports) == ports)),
        (
            "PORT_POOL",
            pool.to_string(),
            Box::new(move |c| c.port_pool.as_ref().is_some_and(|p| p.value == pool)),
        ),
        ("DNS", list(chance, &dns), Box::new(move |c| values(&c.dns) == dns)),
        (
            "MEMORY",
            memory,
            Box::new(move |c| c.memory.as_ref().is_some_and(|m| m.value.0 == mebibytes)),
        ),
        (
            "COMMAND",
            command.join(" "),
            Box::new(move |c| {
                c.command.as_ref().is_some_and(|c| c.value == MainProcess::Argv(words.clone()))
            }),
        ),
        ("REQUIRE_OS", list(chance, &os_text), Box::new(move |c| values(&c.require_os) == oses)),
        (
            "INFRA_TTL",
            ttl.to_string(),
            Box::new(move |c| c.infra_ttl.as_ref().is_some_and(|t| t.value == ttl)),
        ),
        (
            "AUTOSTART",
            word.to_owned(),
            Box::new(move |c| c.autostart.as_ref().is_some_and(|a| a.value == flag)),
        ),
        (
            "PROVISIONING_EXTRA_VARS",
            variables.to_string(),
            Box::new(move |c| {
                let found =
                    c.extra_vars.as_ref().and_then(|vars| serde_json::to_value(&vars.value.0).ok());
                found.as_ref() == Some(&variables)
            }),
        ),
        (
            "MOUNTS",
            format!(".:{guest}"),
            Box::new(move |c| {
                c.mounts
                    .first()
                    .is_some_and(|mount| mount.value.guest.to_str() == Some(&guest_path))
            }),
        ),
        (
            "INFRA_ID",
            name,
            Box::new(move |c| c.infra_id.as_ref().is_some_and(|id| id.value.as_str() == wanted)),
        ),
    ]
}

fn vm(chance: &mut Chance) -> Lines {
    let mut byte = || chance.below(256) as u8;
    let mac = MacAddress([0x52, byte(), byte(), byte(), byte(), byte()]);
    let (disk, mebibytes) = {
        let n = chance.between(5, 900);
        size(chance, n)
    };
    let host = address(chance);
    let wanted = HostAddress { address: host, prefix: (!chance.once_in(3)).then_some(24) };
    let [boot, stop, ssh] = [(); 3].map(|()| chance.between(1, 3600) as u32);
    let ssh_port = port(chance);
    let cpus = chance.between(1, 4096) as u32;
    let append = format!("x{}", chance.pieces(&TEXT, 8)).trim_end().to_owned();
    let append_wanted = append.clone();
    let user = format!("u{}", chance.pieces(&["a", "_", "-", "7"], 9));
    let user_wanted = user.clone();
    vec![
        (
            "MAC_ADDRESS",
            mac.to_string(),
            Box::new(move |c| c.mac_address.as_ref().is_some_and(|m| m.value == mac)),
        ),
        (
            "DISK_SIZE",
            disk,
            Box::new(move |c| c.disk_size.as_ref().is_some_and(|d| d.value.0 == mebibytes)),
        ),
        (
            "IP_ADDRESS",
            wanted.to_string(),
            Box::new(move |c| c.ip_address.as_ref().is_some_and(|a| a.value == wanted)),
        ),
        (
            "BOOT_TIMEOUT",
            boot.to_string(),
            Box::new(move |c| c.boot_timeout.as_ref().is_some_and(|t| t.value.0 == boot)),
        ),
        (
            "STOP_TIMEOUT",
            stop.to_string(),
            Box::new(move |c| c.stop_timeout.as_ref().is_some_and(|t| t.value.0 == stop)),
        ),
        (
            "SSH_TIMEOUT",
            ssh.to_string(),
            Box::new(move |c| c.ssh_timeout.as_ref().is_some_and(|t| t.value.0 == ssh)),
        ),
        (
            "SSH_PORT",
            ssh_port.to_string(),
            Box::new(move |c| c.ssh_port.as_ref().is_some_and(|p| p.value == ssh_port)),
        ),
        (
            "CPUS",
            cpus.to_string(),
            Box::new(move |c| c.cpus.as_ref().is_some_and(|n| n.value.0 == cpus)),
        ),
        (
            "SSH_USER",
            user,
            Box::new(move |c| c.ssh_user.as_ref().is_some_and(|u| u.value == user_wanted)),
        ),
        (
            "KERNEL",
            "./.env".to_owned(),
            Box::new(|c| c.kernel.as_ref().is_some_and(|k| k.value.ends_with(".env"))),
        ),
        (
            "APPEND",
            append,
            Box::new(move |c| c.append.as_ref().is_some_and(|a| a.value == append_wanted)),
        ),
    ]
}

#[test]
fn values_of_every_type_read_back_as_they_were_written() {
    let project = Project::new("");
    let mut values = 0;
    cases(2_000, |chance| {
        let (head, lines) = match chance.below(2) {
            0 => (vec![("INFRA_TYPE", "container")], container(chance)),
            _ => (vec![("INFRA_TYPE", "vm"), ("PROVIDER", "libvirt")], vm(chance)),
        };
        let written = lines.iter().map(|(key, value, _)| (*key, value.as_str()));
        let text = print::file(head.into_iter().chain(written)).expect("can be written");
        project.write(".env", &text);
        let loaded = project.load();
        assert_eq!(rules(&loaded.errors), Vec::<String>::new(), "{text}");
        let config = loaded.config.expect("no error");
        for (key, value, check) in &lines {
            assert!(check(&config), "{key}={value}\n{text}");
        }
        values += lines.len();
    });
    assert!(values > 20_000, "{values}");
}
