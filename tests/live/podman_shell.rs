//! Shells and commands inside a real container.

use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::sync::mpsc;
use vagrantp::model::shell::{ShellCommand, ShellRequest, Terminal, TerminalSize};
use vagrantp::model::units::Memory;
use vagrantp::provider::podman::Podman;
use vagrantp::provider::{Provider, ProviderError, ShellIo};

use crate::podman_host::{Host, podman};

/// The caller's ends of a shell's streams.
struct Caller {
    stdin: pipe::Sender,
    stdout: pipe::Receiver,
    stderr: pipe::Receiver,
    resizes: mpsc::Sender<TerminalSize>,
    signals: mpsc::Sender<i32>,
}

fn streams() -> (Caller, ShellIo) {
    let (stdin, in_) = pipe::pipe().expect("a pipe");
    let (out, stdout) = pipe::pipe().expect("a pipe");
    let (err, stderr) = pipe::pipe().expect("a pipe");
    let (resizes, resized) = mpsc::channel(4);
    let (signals, signalled) = mpsc::channel(4);
    let io = ShellIo {
        stdin: in_.into_nonblocking_fd().expect("a descriptor"),
        stdout: out.into_nonblocking_fd().expect("a descriptor"),
        stderr: err.into_nonblocking_fd().expect("a descriptor"),
        resizes: resized,
        signals: signalled,
    };
    (Caller { stdin, stdout, stderr, resizes, signals }, io)
}

async fn request(host: &Host, run: ShellCommand) -> ShellRequest {
    let id = host.instance().await.id;
    ShellRequest { id, user: "root".to_owned(), workdir: None, run, terminal: None }
}

fn line(text: &str) -> ShellCommand {
    ShellCommand::Line(text.to_owned())
}

/// Runs to the end with an input, and returns status, output, errors.
async fn run(
    room: &Podman,
    request: &ShellRequest,
    input: Vec<u8>,
) -> Result<(i32, Vec<u8>, String), ProviderError> {
    let (caller, io) = streams();
    let Caller { mut stdin, mut stdout, mut stderr, resizes, signals } = caller;
    let feed = async move {
        let _ = stdin.write_all(&input).await;
        drop(stdin);
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let (status, (), read, read_errors) = tokio::join!(
        room.shell(request, io),
        feed,
        stdout.read_to_end(&mut out),
        stderr.read_to_end(&mut err)
    );
    drop((resizes, signals));
    read.expect("the output can be read");
    read_errors.expect("the errors can be read");
    Ok((status?, out, String::from_utf8_lossy(&err).into_owned()))
}

#[tokio::test]
async fn commands_get_their_streams_and_give_their_status() {
    let Some(host) = Host::new("shell").await else { return };
    host.up(host.spec()).await;
    for room in [&host.room, &host.by_variable().await] {
        commands(&host, room).await;
    }
}

async fn commands(host: &Host, room: &Podman) {
    let ask = request(host, line("echo out; echo err >&2; exit 7")).await;
    let (status, out, err) = run(room, &ask, Vec::new()).await.expect("it runs");
    assert_eq!((status, out.as_slice(), err.as_str()), (7, &b"out\n"[..], "err\n"));

    let mut ask = request(host, line("id -un; pwd; tty; echo $HOME")).await;
    ask.user = "dev".to_owned();
    ask.workdir = Some(PathBuf::from("/tmp"));
    let (status, out, _) = run(room, &ask, Vec::new()).await.expect("it runs");
    assert_eq!(
        (status, String::from_utf8_lossy(&out)),
        (0, "dev\n/tmp\nnot a tty\n/home\n".into())
    );

    let ask = request(host, ShellCommand::Argv(vec!["no-such-program".to_owned()])).await;
    let (status, out, _) = run(room, &ask, Vec::new()).await.expect("it is answered");
    assert_eq!((status, out.len()), (127, 0));

    let ask = request(host, line("kill -9 $$")).await;
    assert_eq!(run(room, &ask, Vec::new()).await.expect("it runs").0, 137);

    let ask = request(host, ShellCommand::Login).await;
    let (status, out, _) = run(room, &ask, b"echo $0; exit 4\n".to_vec()).await.expect("it runs");
    assert_eq!((status, String::from_utf8_lossy(&out)), (4, "/bin/sh\n".into()));

    let mut ask = request(host, line("true")).await;
    ask.workdir = Some(PathBuf::from("/not/there"));
    let outcome = run(room, &ask, Vec::new()).await;
    assert!(!matches!(outcome, Ok((0, _, _))), "{outcome:?}");

    // Words like those of the engine's own failures, which they are not.
    let ask = request(host, line("echo Error: mine >&2; exit 125")).await;
    let (status, _, err) = run(room, &ask, Vec::new()).await.expect("it runs");
    assert_eq!((status, err.as_str()), (125, "Error: mine\n"));
    // A Podman inside that does not know some container: nothing is run a second time.
    let nested = "echo run >> /tmp/runs; echo 'Error: no container with name or ID \"x\" found: no \
                  such container' >&2; exit 125";
    let (status, _, _) =
        run(room, &request(host, line(nested)).await, Vec::new()).await.expect("runs");
    let count = request(host, line("wc -l < /tmp/runs; rm /tmp/runs")).await;
    let (_, out, _) = run(room, &count, Vec::new()).await.expect("it runs");
    assert_eq!((status, String::from_utf8_lossy(&out).trim()), (125, "1"));
    // A user that is not there is vagrantp's to explain.
    let mut ask = request(host, line("true")).await;
    ask.user = "nobody-knows".to_owned();
    let error = run(room, &ask, Vec::new()).await.expect_err("there is no such user");
    assert!(error.to_string().contains("unable to find user nobody-knows"), "{error}");
}

#[tokio::test]
async fn streams_are_exact_to_the_byte_both_ways() {
    let Some(host) = Host::new("bytes").await else { return };
    let mut spec = host.spec();
    spec.memory = Memory(512);
    host.up(spec).await;
    for room in [&host.room, &host.by_variable().await] {
        bytes(&host, room).await;
    }
}

async fn bytes(host: &Host, room: &Podman) {
    // Every byte, the detach keys among them, and more of it than all buffers hold.
    let input: Vec<u8> =
        (0..(5u32 << 20)).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let ask = request(host, line("cat")).await;
    let (status, output, errors) = run(room, &ask, input.clone()).await.expect("it runs");
    assert_eq!((status, errors.as_str()), (0, ""));
    assert!(output == input, "{} bytes came back of {}", output.len(), input.len());

    // Output that is read later than the engine remembers the command.
    let ask = request(host, line("head -c 3000000 /dev/zero; exit 5")).await;
    let (caller, io) = streams();
    let Caller { stdin, mut stdout, stderr, resizes, signals } = caller;
    let slow = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let mut out = Vec::new();
        stdout.read_to_end(&mut out).await.expect("it can be read");
        out.len()
    };
    let (status, count) = tokio::join!(room.shell(&ask, io), slow);
    drop((stdin, stderr, resizes, signals));
    assert_eq!((status.expect("it runs"), count), (5, 3_000_000));
}

#[tokio::test]
async fn a_terminal_has_its_size_and_its_changes() {
    let Some(host) = Host::new("tty").await else { return };
    host.up(host.spec()).await;
    let mut ask = request(&host, line("stty size; echo $TERM; read x; stty size; exit 3")).await;
    let size = TerminalSize { rows: 41, columns: 97 };
    ask.terminal = Some(Terminal { size, term: "xterm-odd".to_owned() });
    let (caller, io) = streams();
    let Caller { mut stdin, mut stdout, stderr, resizes, signals } = caller;
    let talk = async {
        let mut seen = Vec::new();
        let mut changed = false;
        while stdout.read_buf(&mut seen).await.expect("it can be read") > 0 {
            if !changed && String::from_utf8_lossy(&seen).contains("xterm-odd") {
                let size = TerminalSize { rows: 12, columns: 34 };
                resizes.send(size).await.expect("the shell listens");
                tokio::time::sleep(Duration::from_millis(300)).await;
                stdin.write_all(b"\r").await.expect("the shell listens");
                changed = true;
            }
        }
        String::from_utf8_lossy(&seen).into_owned()
    };
    let (status, seen) = tokio::join!(host.room.shell(&ask, io), talk);
    drop((stderr, signals));
    assert_eq!(status.expect("it runs"), 3);
    assert!(seen.contains("41 97\r\n") && seen.contains("12 34\r\n"), "{seen:?}");
}

#[tokio::test]
async fn signals_arrive_and_nothing_outlives_its_caller() {
    let Some(host) = Host::new("signal").await else { return };
    host.up(host.spec()).await;
    let name = host.instance().await.name;

    let ask = request(
        &host,
        line("trap 'echo got it; exit 9' TERM; echo ready; while :; do sleep 0.1; done"),
    )
    .await;
    let (caller, io) = streams();
    let Caller { stdin, mut stdout, stderr, resizes, signals } = caller;
    let talk = async {
        let mut seen = Vec::new();
        let mut sent = false;
        while stdout.read_buf(&mut seen).await.expect("it can be read") > 0 {
            if !sent {
                signals.send(15).await.expect("the shell listens");
                sent = true;
            }
        }
        String::from_utf8_lossy(&seen).into_owned()
    };
    let (status, seen) = tokio::join!(host.room.shell(&ask, io), talk);
    drop((stdin, stderr, resizes));
    assert_eq!((status.expect("it runs"), seen.as_str()), (9, "ready\ngot it\n"));

    // One that hears nothing, and one of its children.
    let ask =
        request(&host, line("trap '' HUP TERM; sleep 1234 & echo ready; sleep 1234; wait")).await;
    let (caller, io) = streams();
    let Caller { stdin, mut stdout, stderr, resizes, signals } = caller;
    let mut word = [0; 6];
    tokio::select! {
        status = host.room.shell(&ask, io) => panic!("it ended by itself: {status:?}"),
        read = stdout.read_exact(&mut word) => drop(read.expect("it can be read")),
    }
    drop((stdin, stderr, resizes, signals));
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let processes = podman(&host.settings, &["top", &name, "args"]);
        if !processes.contains("1234") {
            return;
        }
    }
    panic!("it runs without its caller");
}

#[tokio::test]
async fn whoever_reads_no_more_ends_what_runs_inside() {
    let Some(host) = Host::new("reader").await else { return };
    host.up(host.spec()).await;
    let name = host.instance().await.name;
    for room in [&host.room, &host.by_variable().await] {
        let ask = request(&host, line("yes 'again and again'")).await;
        let (caller, io) = streams();
        let Caller { stdin, mut stdout, stderr, resizes, signals } = caller;
        let talk = async move {
            let mut first = [0; 15];
            stdout.read_exact(&mut first).await.expect("it says something");
            first
        };
        let (status, first) = tokio::join!(room.shell(&ask, io), talk);
        drop((stdin, stderr, resizes, signals));
        // As a shell says it of what a closed pipe has ended.
        assert_eq!((status.expect("it runs"), &first), (141, b"again and again"));
        let mut seen = String::new();
        for _ in 0..100 {
            seen = podman(&host.settings, &["top", &name, "args"]);
            if !seen.contains("again") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(!seen.contains("again"), "{seen}");
    }
}
