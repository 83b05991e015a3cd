//! The whole way against a port of the test's own, without a guest.

use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::*;
use crate::event::Silence;

struct Fake {
    alive: AtomicBool,
    address: StdMutex<Option<SocketAddr>>,
}

#[async_trait]
impl Machine for Fake {
    async fn is_alive(&self) -> bool {
        self.alive.load(Ordering::SeqCst)
    }

    async fn address(&self) -> Option<SocketAddr> {
        *self.address.lock().unwrap()
    }
}

fn fake(address: Option<SocketAddr>) -> Fake {
    Fake { alive: AtomicBool::new(true), address: StdMutex::new(address) }
}

/// A program in ssh's place that says this and ends with the status.
fn ssh(dir: &std::path::Path, says: &str, status: i32) -> Program {
    use std::os::unix::fs::PermissionsExt;
    let path = dir.join("ssh");
    let redirect = if status == 0 { "" } else { " >&2" };
    std::fs::write(&path, format!("#!/bin/sh\necho '{says}'{redirect}\nexit {status}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    Program::at(path)
}

fn plan(ssh: Program, milliseconds: u64, console: Option<PathBuf>) -> Wait {
    Wait {
        name: "shop".to_owned(),
        until: Until::Ssh,
        timeout: Duration::from_millis(milliseconds),
        access: Access {
            host: "127.0.0.1".parse().unwrap(),
            port: 0,
            user: "ada".to_owned(),
            known_hosts: "/nonexistent".into(),
            alias: "shop".to_owned(),
            identity: None,
            timeout: 5,
        },
        ssh,
        console: console.map(|path| (path, 0)),
    }
}

/// A server that says this to each who comes.
async fn server(says: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.write_all(says).await;
                // Who says nothing keeps it open.
                sleep(Duration::from_secs(if says.is_empty() { 60 } else { 0 })).await;
            });
        }
    });
    address
}

/// The stages that were told.
#[derive(Default)]
struct Heard(StdMutex<Vec<String>>);

impl Listener for Heard {
    fn hear(&self, event: &Event) {
        let mut heard = self.0.lock().unwrap();
        match event {
            Event::Progress { says, .. } => heard.push(says.clone()),
            Event::Warning { message } => heard.push(message.clone()),
            _ => {}
        }
    }
}

#[tokio::test]
async fn each_stage_is_told_and_warnings_are() {
    let dir = tempfile::tempdir().unwrap();
    let says = r#"done
{"v1": {"init": {"recoverable_errors": {"WARNING": ["old key"]}}}}"#;
    let plan = plan(ssh(dir.path(), says, 0), 20_000, None);
    let machine = fake(None);
    let heard = Heard::default();
    let address = server(b"SSH-2.0-test\r\n").await;
    let later = async {
        sleep(Duration::from_millis(120)).await;
        *machine.address.lock().unwrap() = Some(address);
        std::future::pending().await
    };
    let ready = tokio::select! {
        ready = wait(&machine, &plan, &heard) => ready.unwrap(),
        () = later => unreachable!("it does not end"),
    };
    assert_eq!(ready, Ready { address: Some(address), warnings: vec!["old key".to_owned()] });
    assert_eq!(
        *heard.0.lock().unwrap(),
        [
            "waiting for an address",
            "waiting for its SSH server",
            "logging in",
            "cloud-init of shop: old key",
        ]
    );
}

#[tokio::test]
async fn a_server_that_starts_late_is_found_within_a_moment() {
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(ssh(dir.path(), "absent", 0), 20_000, None);
    let unbound = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let machine = fake(Some(unbound));
    let begin = async {
        sleep(Duration::from_millis(400)).await;
        let listener = TcpListener::bind(unbound).await.unwrap();
        let begun = Instant::now();
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"hello\r\nSSH-2.0-test\r\n").await.unwrap();
        sleep(Duration::from_secs(5)).await;
        begun
    };
    let begun = Instant::now();
    tokio::select! {
        ready = wait(&machine, &plan, &Silence) => drop(ready.unwrap()),
        _ = begin => panic!("it was not found"),
    }
    // The figure is measured elsewhere; here it only has to be no matter of seconds.
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn the_end_of_a_machine_ends_the_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(ssh(dir.path(), "absent", 0), 60_000, None);
    let machine = fake(None);
    let end = async {
        sleep(Duration::from_millis(50)).await;
        machine.alive.store(false, Ordering::SeqCst);
        std::future::pending().await
    };
    let begun = Instant::now();
    let failed = tokio::select! {
        failed = wait(&machine, &plan, &Silence) => failed.unwrap_err(),
        () = end => unreachable!("it does not end"),
    };
    assert!(matches!(failed, BootError::Ended { .. }), "{failed}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    let boot = Wait { until: Until::Boot, ..plan };
    assert!(matches!(wait(&machine, &boot, &Silence).await, Err(BootError::Ended { .. })));
    assert_eq!(wait(&fake(None), &boot, &Silence).await.unwrap().address, None);
}

#[tokio::test]
async fn a_panic_on_the_console_ends_the_waiting_and_is_quoted() {
    let dir = tempfile::tempdir().unwrap();
    let console = dir.path().join("console.log");
    std::fs::write(&console, "one\n\u{1b}[31mKernel panic - not syncing: no init\n---\n").unwrap();
    let plan = plan(ssh(dir.path(), "absent", 0), 60_000, Some(console));
    match wait(&fake(None), &plan, &Silence).await {
        Err(BootError::KernelPanic { reason, told }) => {
            assert_eq!(reason, "no init");
            assert_eq!(told.log, ["one", "Kernel panic - not syncing: no init", "---"]);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn when_the_time_is_over_the_stage_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let denied = ssh(dir.path(), "Permission denied (publickey).", 255);
    let unbound = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let failed = async |address, milliseconds| {
        let plan = plan(denied.clone(), milliseconds, None);
        wait(&fake(address), &plan, &Silence).await.expect_err("the time is over")
    };
    let address = failed(None, 100).await;
    assert!(matches!(address, BootError::NoAddress { .. }), "{address}");
    assert_eq!(address.told().stage, "address");
    let refused = failed(Some(unbound), 300).await;
    assert!(matches!(refused, BootError::Refused { .. }), "{refused}");
    let silent = failed(Some(server(b"").await), 300).await;
    assert!(matches!(silent, BootError::NoAnswer { .. }), "{silent}");
    let words = failed(Some(server(b"HTTP/1.1 200 OK\r\n").await), 500).await;
    assert!(matches!(words, BootError::NoBanner { .. }), "{words}");
    let key = failed(Some(server(b"SSH-2.0-test\r\n").await), 3000).await;
    assert!(matches!(key, BootError::KeyRefused { .. }), "{key}");
    assert_eq!(key.told().stage, "login");
}
