//! `logs`: every byte, each stream on its own, as it comes, and nothing left behind.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::machine::{Machine, text, until};

/// Writes what a terminal obeys, what is no text, and lines in pieces, and stays.
const SAYS: &str = r#"sh -c "echo one; echo oops >&2; printf pie; sleep 0.1; echo ce; printf '\033[31mred\r\n\377\000\n'; printf end; sleep 1000""#;
const SAID: &[u8] = b"one\npiece\n\x1b[31mred\r\n\xff\0\nend";
/// Says a number every now and then.
const COUNTS: &str = r#"'sh -c "n=0; while :; do n=$((n+1)); echo $n; sleep 0.005; done"'"#;

fn started(name: &str, command: &str) -> Option<Machine> {
    let machine = Machine::new(name, &[("COMMAND", command)])?;
    machine.ok(&["up"]);
    Some(machine)
}

/// Stdout and stderr of a call, as bytes.
fn bytes(machine: &Machine, arguments: &[&str]) -> (Vec<u8>, Vec<u8>) {
    let output = machine.command(arguments).output().expect("it can be run");
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    (output.stdout, output.stderr)
}

#[test]
fn a_pipe_gets_every_byte_and_each_stream_its_own() {
    let Some(machine) = started("said", SAYS) else { return };
    until("it has said all", || bytes(&machine, &["logs"]).0.ends_with(b"end"));
    assert_eq!(bytes(&machine, &["logs"]), (SAID.to_vec(), b"oops\n".to_vec()));
    let last = |count: &str| bytes(&machine, &["logs", "--tail", count]).0;
    assert_eq!(last("0"), b"");
    assert_eq!(last("1"), b"end");
    assert_eq!(last("4"), b"piece\n\x1b[31mred\r\n\xff\0\nend");
    assert_eq!(last("99"), SAID);

    let (exit, document) = machine.json(&["logs"]);
    assert_eq!(exit, 0, "{document:#}");
    let lines: Vec<_> = document["lines"].as_array().expect("lines").iter().collect();
    let said = |stream: &str| -> Vec<String> {
        let of = lines.iter().filter(|line| line["stream"] == stream);
        of.map(|line| text(&line["text"])).collect()
    };
    assert_eq!(said("stdout"), ["one", "piece", "\u{1b}[31mred\r", "\u{fffd}\0", "end"]);
    assert_eq!(said("stderr"), ["oops"]);

    machine.ok(&["stop", "--force"]);
    assert_eq!(bytes(&machine, &["logs"]).0, SAID, "what is stopped has said it all the same");
    let followed = bytes(&machine, &["logs", "--follow"]).0;
    assert_eq!(followed, SAID, "there is nothing more to wait for");
    let kept = machine.kept();
    assert!(!kept.iter().any(|file| file.contains("log")), "{kept:?}");
    machine.rm();
}

#[test]
fn a_terminal_is_shown_control_characters_and_obeys_none() {
    let Some(machine) = started("shown", SAYS) else { return };
    until("it has said all", || bytes(&machine, &["logs"]).0.ends_with(b"end"));
    let line = format!("{} logs 2>/dev/null", env!("CARGO_BIN_EXE_vagrantp"));
    let mut command = machine.program("timeout");
    command.env("SHELL", "/bin/sh").args(["30", "script", "-qec", &line, "/dev/null"]);
    let output = command.stdin(Stdio::null()).output().expect("there is script");
    let screen = String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n");
    assert!(screen.contains("piece\n␛[31mred\n\u{fffd}␀\nend"), "{screen:?}");
    assert!(!screen.contains('\u{1b}'), "{screen:?}");
}

#[test]
fn what_is_followed_comes_at_once_and_ends_with_the_machine() {
    let Some(machine) = started("followed", COUNTS) else { return };
    let before = machine.kept();
    let mut follow = machine.start(&["logs", "--follow", "--tail", "1"]);
    let mut lines = BufReader::new(follow.stdout.take().expect("a pipe")).lines();
    let mut next = || -> u64 {
        let line = lines.next().expect("it goes on").expect("it can be read");
        line.parse().unwrap_or_else(|_| panic!("no number: {line}"))
    };
    let first = next();
    for number in 1..200 {
        assert_eq!(next(), first + number, "nothing is lost and nothing comes twice");
    }
    let last: u64 =
        machine.podman(&["logs", "--tail", "1", &machine.name]).parse().expect("a number");
    let begun = Instant::now();
    while next() < last {}
    assert!(begun.elapsed() < Duration::from_secs(1), "it is late");
    machine.ok(&["stop", "--force"]);
    for line in lines.by_ref() {
        line.expect("it can be read");
    }
    let ran = machine.end(follow);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    let mut after = machine.kept();
    after.retain(|file| !before.contains(file));
    assert_eq!(after, [""; 0], "following leaves no file");
    machine.rm();
}

#[test]
fn following_ends_with_ctrl_c_or_with_the_reader() {
    let Some(machine) = started("unfollowed", COUNTS) else { return };
    for (arguments, quiet) in
        [(&["logs", "-f"][..], true), (&["logs", "-f", "--json", "--tail", "2"], false)]
    {
        let mut follow = machine.start(arguments);
        let mut out = BufReader::new(follow.stdout.take().expect("a pipe"));
        let mut line = String::new();
        out.read_line(&mut line).expect("it comes");
        let pid = i32::try_from(follow.id()).ok().and_then(Pid::from_raw).expect("a process");
        kill_process(pid, Signal::INT).expect("it is our own");
        let mut rest = String::new();
        out.read_to_string(&mut rest).expect("it can be read");
        let ran = machine.end(follow);
        assert_eq!((ran.status, ran.stderr.as_str()), (130, ""));
        if quiet {
            continue;
        }
        let values: Vec<Value> = (line + &rest)
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}")))
            .collect();
        let (end, lines) = values.split_last().expect("there are some");
        assert_eq!(end["error"]["code"], "INTERRUPTED");
        assert!(lines.iter().all(|line| line["schema"] == 1 && line["stream"] == "stdout"));
    }
    // A reader that has enough, such as `head`.
    let mut follow = machine.start(&["logs", "-f"]);
    let mut out = BufReader::new(follow.stdout.take().expect("a pipe"));
    out.read_line(&mut String::new()).expect("it comes");
    drop(out);
    assert_eq!(machine.end(follow).status, 0);
    // One that takes nothing: that is no end, but a failure.
    for call in [&["logs"][..], &["logs", "-f"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("a device");
        let mut command = machine.command(call);
        let ran = command.stdout(full).output().expect("it can be run");
        let said = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(1), "{call:?}: {said}");
        assert!(said.contains("cannot be written to stdout"), "{call:?}: {said}");
    }
}

#[test]
fn only_what_came_since_a_moment() {
    let Some(machine) = started("since", "sh -c 'echo early; sleep 3; echo late; sleep 1000'")
    else {
        return;
    };
    until("it has said all", || bytes(&machine, &["logs"]).0.ends_with(b"late\n"));
    let since = |time: &str| {
        String::from_utf8_lossy(&bytes(&machine, &["logs", "--since", time]).0).into_owned()
    };
    assert_eq!(since("2s"), "late\n");
    assert_eq!(since("1h"), "early\nlate\n");
    assert_eq!(since("2999-01-01T00:00:00Z"), "");
    machine.fails(&["logs", "--since", "yesterday"], 2, "USAGE");
    // What never ran has said nothing, and says so.
    machine.rm();
    machine.ok(&["up", "--no-start"]);
    let ran = machine.ok(&["logs", "-f"]);
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("was never started"), "{}", ran.stderr);
}
