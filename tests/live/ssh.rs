//! Inside: what is typed, piped and signalled arrives, and what comes back is exact.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::cli_support::variable;
use crate::machine::{Machine, text, until};

/// Runs a line on a terminal of its own. Each text is typed once what stands before it was seen.
/// Returns the exit status, and all that a person would see.
fn on_a_terminal(machine: &Machine, line: &str, typed: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = machine.program("timeout");
    command.env("SHELL", "/bin/sh").args(["30", "script", "-qec", line, "/dev/null"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("there is script");
    let mut terminal = child.stdin.take().expect("a pipe");
    let mut screen = child.stdout.take().expect("a pipe");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let reader = {
        let seen = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count) = screen.read(&mut buffer)
                && count > 0
            {
                seen.lock().expect("no panic").extend_from_slice(&buffer[..count]);
            }
        })
    };
    let text = || String::from_utf8_lossy(&seen.lock().expect("no panic")).into_owned();
    for (before, keys) in typed {
        until(before, || text().contains(before));
        terminal.write_all(keys.as_bytes()).expect("typed");
    }
    let status = child.wait().expect("it ends");
    drop(terminal);
    reader.join().expect("no panic");
    (status.code(), text())
}

const VAGRANTP: &str = env!("CARGO_BIN_EXE_vagrantp");

/// Runs `ssh` to its end with this on its stdin, its output as bytes.
fn ssh(machine: &Machine, arguments: &[&str], stdin: &[u8]) -> Output {
    let mut all = vec!["ssh"];
    all.extend(arguments);
    let mut command = machine.command(&all);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it can be run");
    let mut pipe = child.stdin.take().expect("a pipe");
    let stdin = stdin.to_owned();
    let writer = std::thread::spawn(move || pipe.write_all(&stdin));
    let output = child.wait_with_output().expect("it ends");
    let _ = writer.join();
    output
}

#[test]
fn the_exit_status_is_the_commands() {
    let Some(machine) = Machine::new("status", &[]) else { return };
    machine.ok(&["up"]);
    for (arguments, status) in [
        (&["-c", "true"][..], 0),
        (&["-c", "exit 7"], 7),
        (&["-c", "exit 255"], 255),
        (&["-c", "kill -9 $$"], 137),
        (&["-c", "no-such-program"], 127),
        (&["--", "no-such-program"], 127),
        (&["--", "sh", "-c", "exit 9"], 9),
        (&["--", "test", "a b", "=", "a b"], 0),
    ] {
        let output = ssh(&machine, arguments, b"");
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {output:?}");
    }
}

#[test]
fn output_is_exact_to_the_byte() {
    let Some(machine) = Machine::new("bytes", &[]) else { return };
    machine.ok(&["up"]);
    // Every byte, in an order that repeats at no power of two.
    let bytes: Vec<u8> =
        (0..3_000_017_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let back = ssh(&machine, &["-c", "cat"], &bytes);
    assert!(back.stdout == bytes, "{} bytes of {}", back.stdout.len(), bytes.len());
    assert_eq!((back.status.code(), back.stderr.as_slice()), (Some(0), &b""[..]));
    let both = ssh(&machine, &["-c", "printf 'o\\0ut'; printf 'e\\377rr' >&2; exit 3"], b"");
    assert_eq!(both.stdout, b"o\0ut");
    assert_eq!(both.stderr, b"e\xffrr");
    assert_eq!(both.status.code(), Some(3));
    // The end of the input is the end of the input.
    let counted = ssh(&machine, &["-c", "wc -c"], b"12345");
    assert_eq!(String::from_utf8_lossy(&counted.stdout).trim(), "5");
}

#[test]
fn the_user_inside_is_the_one_asked_for() {
    let Some(machine) = Machine::new("user", &[]) else { return };
    machine.ok(&["up"]);
    assert_eq!(machine.ok(&["ssh", "-c", "id -un; echo $HOME"]).stdout, "root\n/root\n");
    machine.env(&[("SSH_USER", "dev")]);
    assert_eq!(machine.ok(&["ssh", "-c", "id -un; id -gn"]).stdout, "dev\ndev\n");
    machine.env(&[("SSH_USER", "nobody-knows")]);
    let ran = machine.run(&["ssh", "-c", "id"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (255, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("nobody-knows"), "{}", ran.stderr);
}

#[test]
fn it_starts_in_the_projects_mount() {
    let Some(machine) = Machine::new("mount", &[("MOUNTS", ".:/work")]) else { return };
    machine.ok(&["up"]);
    assert_eq!(
        machine.ok(&["ssh", "-c", "pwd; cat .env | head -n 1"]).stdout,
        "/work\nINFRA_TYPE=container\n"
    );
    machine.ok(&["ssh", "-c", "echo made inside > note"]);
    let note = std::fs::read_to_string(machine.dir().join("note"));
    assert_eq!(note.expect("it is the same directory"), "made inside\n");
    // What runs inside does not get to write the next `up`.
    let ran = machine.run(&["ssh", "-c", "echo INFRA_TYPE=vm > .env"]);
    assert_ne!(ran.status, 0);
    assert!(machine.text(&[]).starts_with("INFRA_TYPE=container"));
    machine.settled();
}

#[test]
fn a_stopped_instance_is_not_running() {
    let Some(machine) = Machine::new("down", &[]) else { return };
    let ran = machine.run(&["ssh", "-c", "true"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (255, ""));
    assert!(ran.stderr.contains("there is no instance of this project"), "{}", ran.stderr);
    machine.ok(&["up"]);
    machine.ok(&["stop"]);
    let ran = machine.run(&["ssh", "-c", "true"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (255, ""));
    insta::assert_snapshot!(machine.plain(&ran.stderr), @r"
    vagrantp::ssh::not_running

      × `{name}` is stopped
      help: `vagrantp up` starts it
    ");
    let (exit, document) = machine.json(&["ssh", "--info"]);
    assert_eq!((exit, &document["infrastructure"]["state"]), (0, &"stopped".into()));
}

#[test]
fn a_shell_on_a_terminal() {
    let Some(machine) = Machine::new("shell", &[]) else { return };
    machine.ok(&["up"]);
    // Twenty-four lines would be the default; these are nobody's.
    let line = format!("stty rows 33 cols 77; exec '{VAGRANTP}' ssh");
    let (status, seen) = on_a_terminal(&machine, &line, &[("# ", "stty size; tty; exit 5\n")]);
    assert_eq!(status, Some(5), "{seen}");
    assert!(seen.contains("33 77\r\n") && seen.contains("/dev/pts/"), "{seen}");
    // Ctrl-C is the program's and not ours; Ctrl-P and Ctrl-Q are nobody's.
    let line = format!("'{VAGRANTP}' ssh");
    let (status, seen) = on_a_terminal(
        &machine,
        &line,
        &[
            ("# ", "echo be''gun; sleep 99\n"),
            ("begun", "\x03"),
            ("^C", "echo a\x10\x11b; exit 6\n"),
        ],
    );
    assert_eq!(status, Some(6), "{seen}");
    // The terminal is as it was.
    let line = format!("stty -a > before; '{VAGRANTP}' ssh; stty -a > after");
    on_a_terminal(&machine, &line, &[("# ", "exit\n")]);
    let [before, after] = ["before", "after"]
        .map(|name| std::fs::read_to_string(machine.dir().join(name)).expect("it was written"));
    assert_eq!(before, after);
}

#[test]
fn the_window_may_change_its_size() {
    let Some(machine) = Machine::new("window", &[]) else { return };
    machine.ok(&["up"]);
    let inside = "stty size; while [ \"$(stty size)\" = '33 77' ]; do sleep 0.1; done; stty size";
    machine.file("inside.sh", inside);
    let line = format!(
        "stty rows 33 cols 77; (sleep 1.5; stty rows 20 cols 61 < /dev/tty) & \
         exec '{VAGRANTP}' ssh -c \"$(cat inside.sh)\""
    );
    let (status, seen) = on_a_terminal(&machine, &line, &[]);
    assert_eq!((status, seen.as_str()), (Some(0), "33 77\r\n20 61\r\n"));
}

#[test]
fn the_shown_command_works() {
    let Some(machine) = Machine::new("shown", &[]) else { return };
    machine.ok(&["up"]);
    let (_, document) = machine.json(&["ssh", "--info"]);
    let access = &document["infrastructure"]["access"];
    let root = machine.root().display().to_string();
    let command = text(&access["command"]).replace("{root}", &root);
    let ours = command.replacen("vagrantp", &format!("cd /; '{VAGRANTP}'"), 1);
    for line in [ours, text(&access["ssh_command"])] {
        let (status, seen) = on_a_terminal(&machine, &line, &[("# ", "cat /etc/issue; exit 4\n")]);
        assert_eq!(status, Some(4), "{line}: {seen}");
        assert!(seen.contains("shown "), "{line}: {seen}");
    }
}

#[test]
fn what_runs_inside_gets_signals_and_ends_with_its_caller() {
    let Some(machine) = Machine::new("caller", &[]) else { return };
    machine.ok(&["up"]);
    let line =
        "trap 'echo got it; exit 8' TERM; echo ready > /tmp/ready; while true; do sleep 0.1; done";
    let call = machine.start(&["ssh", "-c", line]);
    until("it is inside", || machine.inside("cat /tmp/ready 2>/dev/null || true") == "ready");
    let pid = i32::try_from(call.id()).ok().and_then(Pid::from_raw).expect("a process");
    kill_process(pid, Signal::TERM).expect("it is our own");
    let ran = machine.end(call);
    assert_eq!((ran.status, ran.stdout.as_str()), (8, "got it\n"), "{}", ran.stderr);

    let mut call = machine.start(&["ssh", "-c", "sleep 4242"]);
    let runs = || machine.inside("ps").contains("sleep 4242");
    until("it is inside", runs);
    call.kill().expect("it is our own");
    call.wait().expect("it ends");
    std::thread::sleep(Duration::from_millis(100));
    until("it has ended with its caller", || !runs());
}

/// A fake stands in for a Podman that is configured for another storage than the service's.
#[test]
fn a_podman_that_does_not_know_the_machine_is_not_asked_again() {
    let Some(machine) = Machine::new("stranger", &[]) else { return };
    machine.ok(&["up"]);
    let folder = machine.root().join("bin");
    std::fs::create_dir(&folder).expect("a folder");
    let fake = folder.join("podman");
    let says = "#!/bin/sh\nfor id; do case $id in ????????????????????????????????????????????????????????????????) break;; esac; done\necho \"Error: no container with name or ID \\\"$id\\\" found: no such container\" >&2\nexit 125\n";
    std::fs::write(&fake, says).expect("a file");
    std::fs::set_permissions(&fake, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    let path = format!("{}:{}", folder.display(), variable("PATH").unwrap_or_default());
    let mut command = machine.command(&["ssh", "-c", "cat; exit 6"]);
    command.env("PATH", path);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut call = command.spawn().expect("it can be run");
    call.stdin.take().expect("a pipe").write_all(b"all of it").expect("it is read");
    let ran = call.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert_eq!((ran.status.code(), ran.stdout.as_slice()), (Some(6), &b"all of it"[..]), "{said}");
    assert_eq!(said, "");
}
