//! The service that vagrantp starts where none answers.

use std::os::fd::OwnedFd;
use std::time::Duration;

use vagrantp::model::code::Code;
use vagrantp::model::shell::{ShellCommand, ShellRequest};
use vagrantp::provider::podman::Podman;
use vagrantp::provider::{Depth, Provider, ProviderError, Query, ShellIo};

use crate::podman_host::{Host, identity};

/// Everything that belongs to this test's service: its own process, and the monitors of execs.
fn processes(host: &Host, word: &str) -> Vec<String> {
    let sockets = host.settings.sockets.display().to_string();
    let mut found = Vec::new();
    for process in procfs::process::all_processes().expect("there is /proc").flatten() {
        let arguments = process.cmdline().unwrap_or_default().join(" ");
        let variables = process.environ().unwrap_or_default();
        let ours = variables.values().any(|value| value.to_string_lossy().starts_with(&sockets));
        if ours && arguments.contains(word) {
            found.push(arguments);
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_at_once_start_one_service_and_a_dead_socket_is_replaced() {
    let Some(host) = Host::new("service").await else { return };
    let own = host.settings.sockets.join("podman.sock");
    // As after an idle end: the file stays and refuses.
    for process in procfs::process::all_processes().expect("there is /proc").flatten() {
        let is_service =
            process.cmdline().is_ok_and(|line| line.iter().any(|word| word == "service"));
        let sockets = host.settings.sockets.display().to_string();
        let ours = process.environ().is_ok_and(|variables| {
            variables.values().any(|value| value.to_string_lossy().starts_with(&sockets))
        });
        if is_service && ours {
            let pid = rustix::process::Pid::from_raw(process.pid).expect("a process has a number");
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it is ours");
        }
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(own.exists() && std::os::unix::net::UnixStream::connect(&own).is_err());

    // A room that had its answer before goes on with another service.
    host.observe(Depth::Glance).await;

    let identity = identity("service", &host.project);
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let (settings, identity) = (host.settings.clone(), identity.clone());
        callers.spawn(async move {
            let room = Podman::connect(settings).await?;
            let query = Query { identity: &identity, image: None, depth: Depth::Glance };
            room.observe(&query).await
        });
    }
    while let Some(answer) = callers.join_next().await {
        let observed = answer.expect("no panic").expect("every caller is answered");
        assert_eq!(observed.engine.version.as_deref().map(|text| text.contains('.')), Some(true));
    }
    assert_eq!(processes(&host, "system service").len(), 1);
}

fn nothing() -> OwnedFd {
    let device = std::fs::File::options().read(true).write(true).open("/dev/null");
    device.expect("every host has it").into()
}

#[tokio::test]
async fn an_exec_leaves_no_processes_behind() {
    let Some(host) = Host::new("quiet").await else { return };
    host.up(host.spec()).await;
    let (_resizes, resized) = tokio::sync::mpsc::channel(1);
    let (_signals, signalled) = tokio::sync::mpsc::channel(1);
    let request = ShellRequest {
        id: host.instance().await.id,
        user: "root".to_owned(),
        workdir: None,
        run: ShellCommand::Argv(vec!["true".to_owned()]),
        terminal: None,
    };
    let io = ShellIo {
        stdin: nothing(),
        stdout: nothing(),
        stderr: nothing(),
        resizes: resized,
        signals: signalled,
    };
    assert_eq!(host.room.shell(&request, io).await.expect("it runs"), 0);
    tokio::time::sleep(Duration::from_secs(4)).await;
    let monitors = procfs::process::all_processes().expect("there is /proc").flatten();
    let left = monitors
        .filter_map(|process| process.cmdline().ok())
        .filter(|line| {
            line.contains(&request.id) && line.iter().any(|word| word == "--exec-attach")
        })
        .count();
    assert_eq!((left, processes(&host, "__watch").len()), (0, 0));
}

#[tokio::test]
async fn what_cannot_be_used_says_why() {
    let Some(host) = Host::new("odd").await else { return };
    let connect = |change: &dyn Fn(&mut vagrantp::provider::podman::Settings)| {
        let mut settings = host.settings.clone();
        change(&mut settings);
        Podman::connect(settings)
    };
    let dead = host.project.join("dead.sock");
    drop(std::os::unix::net::UnixListener::bind(&dead).expect("a socket"));
    let url = format!("unix://{}", dead.display());
    let failure = connect(&|settings| settings.container_host = Some(url.clone())).await;
    assert!(matches!(failure, Err(ProviderError::Unreachable { .. })), "no other is taken instead");

    let missing = connect(&|settings| {
        settings.path = Some("/nowhere".to_owned());
        settings.sockets = host.project.join("none");
        settings.distribution = vec!["fedora".to_owned()];
    });
    match missing.await {
        Err(error @ ProviderError::NotInstalled { .. }) => {
            assert_eq!(error.code(), Code::ProviderNotAvailable);
        }
        other => panic!("{other:?}"),
    }

    // A Docker, or anything else that speaks HTTP there.
    let other = host.project.join("other.sock");
    let listener = tokio::net::UnixListener::bind(&other).expect("a socket");
    let docker = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut stream, _) = listener.accept().await.expect("a caller");
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await;
        let answer = "HTTP/1.1 404 Not Found\r\nServer: Docker/24.0\r\nContent-Length: 2\r\n\r\n{}";
        stream.write_all(answer.as_bytes()).await.expect("it is heard");
    });
    let url = format!("unix://{}", other.display());
    let room =
        connect(&|settings| settings.docker_host = Some(url.clone())).await.expect("listens");
    let query = Query { identity: &host.identity, image: None, depth: Depth::Glance };
    match room.observe(&query).await {
        Err(ProviderError::NotTheProvider { found, .. }) => assert_eq!(found, "Docker/24.0"),
        other => panic!("{other:?}"),
    }
    docker.await.expect("it answered");
}
