//! What rooms for virtual machines share, put together and started: a disk, a seed, keys, and the way
//! in, which is strict from the first connection on.
//!
//! VAGRANTP_BOOTS=all starts a guest for each failure; else one of them is, in turn by the day, and
//! with VAGRANTP_BOOTS=debian the one of Debian with cloud-init as well.

use std::time::{Duration, Instant, SystemTime};

use vagrantp::guest::error::BootError;
use vagrantp::guest::keys;
use vagrantp::guest::ssh::{self, Access};

use crate::guest_host::{Asked, Guest, tools, variable};

/// Software emulation on a busy host takes its time.
const PATIENCE: u64 = 240;

fn boots() -> String {
    variable("VAGRANTP_BOOTS").unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_is_reached_strictly_and_keeps_what_is_written() {
    let Some(tools) = tools() else { return };
    let asked = Asked::default();
    let guest = Guest::start(&tools, &asked).await;
    guest.wait(PATIENCE).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        guest.heard.lock().unwrap()[..3],
        ["waiting for an address", "waiting for its SSH server", "logging in"]
    );
    assert_eq!(guest.inside("id -un; hostname; pwd").await, "ada\nsmall-guest\n/home/ada");
    assert_eq!(guest.inside("sudo -n id -u").await, "0");
    assert_eq!(guest.inside("cat .ssh/authorized_keys").await, guest.own_key.public);
    // Somebody else's key, and a host key that is not the one that was handed over.
    let dir = tempfile::tempdir().unwrap();
    let other = dir.path().join("other");
    let other_key = keys::keep(&other, "other").unwrap();
    let stranger = Access { identity: Some(other), ..guest.access.clone() };
    let refused = guest.wait_as(stranger, 5).await.unwrap_err();
    assert!(matches!(refused, BootError::KeyRefused { .. }), "{refused}");
    let known_hosts = dir.path().join("it's 100% another");
    std::fs::write(&known_hosts, ssh::known_hosts_line("guest-test", &other_key.public)).unwrap();
    let impostor = Access { known_hosts, ..guest.access.clone() };
    let refused = guest.wait_as(impostor, 5).await.unwrap_err();
    assert!(matches!(refused, BootError::OtherHostKey { .. }), "{refused}");
    // The root disk has grown to its size, and what is written stays.
    let blocks: u64 =
        guest.inside("df -k / | tail -n 1 | awk '{ print $2 }'").await.parse().unwrap();
    assert!(blocks > 4 << 20, "{blocks} KiB");
    guest.inside("sudo sh -c 'echo kept >/root/marker; sync'").await;
    guest.power_off();
    let ended = guest.wait(5).await.unwrap_err();
    assert!(matches!(ended, BootError::Ended { .. }), "{ended}");
    guest.start_again(&tools, &asked);
    let begun = Instant::now();
    guest.wait(PATIENCE).await.unwrap_or_else(|error| panic!("{error}"));
    let waited = begun.elapsed();
    assert_eq!(guest.inside("sudo cat /root/marker").await, "kept");
    assert!(waited < Duration::from_secs(PATIENCE));
}

/// A failure, how long it is waited for, and what it has to be told as.
type Failure = (&'static str, u64, &'static str);

const FAILURES: [Failure; 6] = [
    ("network", 40, "no_address"),
    ("answer", 40, "no_answer"),
    ("sshd", 40, "refused"),
    ("key", 60, "key_refused"),
    ("config", PATIENCE, "cloud_init_failed"),
    ("kernel", PATIENCE, "kernel_panic"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_are_told_apart() {
    let Some(tools) = tools() else { return };
    let day = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() / 86_400;
    let sample = (day % FAILURES.len() as u64) as usize;
    let chosen = if boots() == "all" { &FAILURES[..] } else { &FAILURES[sample..=sample] };
    // All of them are tried, whatever the first one comes to.
    let mut wrong = Vec::new();
    for (word, seconds, wanted) in chosen {
        let append = format!("guest.no={word}");
        let guest = Guest::start(&tools, &Asked { append: &append, ..Asked::default() }).await;
        let error = match guest.wait(*seconds).await {
            Err(error) => error,
            Ok(ready) => {
                wrong.push(format!("{word}: {ready:?}"));
                continue;
            }
        };
        let code = miette::Diagnostic::code(&error).unwrap().to_string();
        if code != format!("vagrantp::boot::{wanted}") {
            wrong.push(format!("{word}: {error}"));
        }
        let told = error.told();
        assert!(!told.log.is_empty(), "its console is quoted");
        assert!(!told.log.concat().contains('\x1b'), "{:?}", told.log);
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn debian_with_cloud_init_takes_up_its_seed() {
    if !matches!(boots().as_str(), "all" | "debian") {
        return;
    }
    let Some(tools) = tools() else { return };
    assert!(
        tools.images.join("debian.qcow2").exists(),
        "scripts/test-guests.sh --debian builds it"
    );
    let additions = "#cloud-config\nwrite_files:\n- path: /etc/marker\n  permissions: '0640'\n  \
                     content: |\n    it's mine\nssh_pwauth: no\nusers:\n- default\n- name: bob\n";
    let asked =
        Asked { guest: "debian", additions: Some(additions), memory: 1024, ..Asked::default() };
    let guest = Guest::start(&tools, &asked).await;
    let ready = guest.wait(600).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(ready.warnings, Vec::<String>::new());
    let heard = guest.heard.lock().unwrap().clone();
    assert!(heard.contains(&"waiting for cloud-init".to_owned()) || heard.len() == 3, "{heard:?}");
    assert_eq!(guest.inside("id -un; hostname; echo $SHELL").await, "ada\nsmall-guest\n/bin/bash");
    assert_eq!(guest.inside("sudo -n id -u; id -un bob").await, "0\nbob");
    assert_eq!(
        guest.inside("sudo cat /etc/marker; sudo stat -c %a /etc/marker").await,
        "it's mine\n640"
    );
    let verdict = guest.inside("sudo cloud-init schema --system").await;
    assert!(verdict.contains("Valid cloud-config"), "{verdict}");
    let blocks = guest.inside("df -k --output=size / | tail -n 1").await;
    assert!(blocks.trim().parse::<u64>().unwrap() > 4 << 20, "{blocks} KiB");
    guest.power_off();
}
