//! The main process: what it is, what becomes of its children, and how its end is told.

use serde_json::Value;

use crate::machine::{Machine, go, once_told, text, until};

/// The states of all processes inside, by the kernel's letters.
fn states(machine: &Machine) -> String {
    let list = "for p in /proc/[0-9]*; do cat $p/stat 2>/dev/null; done";
    let letter = |line: &str| line.rsplit_once(')')?.1.trim_start().chars().next();
    machine.inside(list).lines().filter_map(letter).collect()
}

fn ended(machine: &Machine) -> Value {
    let (exit, document) = machine.json(&["status"]);
    assert_eq!(exit, 0, "{document:#}");
    document["infrastructure"]["ended"].clone()
}

#[test]
fn an_init_buries_the_dead() {
    let Some(machine) = Machine::new("zombies", &[]) else { return };
    machine.ok(&["up"]);
    // Its parent is gone when it ends, so that nobody but the first process can bury it.
    machine.inside("for i in 1 2 3 4 5; do (sleep 1.5 &); done");
    assert!(machine.inside("ps").contains("sleep 1.5"), "they live for a moment");
    until("its orphans end", || !machine.inside("ps").contains("sleep 1.5"));
    let states = states(&machine);
    assert!(!states.contains('Z') && states.len() >= 2, "{states}");
    assert!(machine.inside("cat /proc/1/cmdline").contains("init"));
}

#[test]
fn a_command_is_split_as_a_shell_would_and_run_without_one() {
    let command =
        r#"sh -c 'printf "<%s>" "$0" "$@"; echo; exec sleep 1000' 'a  b' * "~/x" ';' a\ b"#;
    let Some(machine) = Machine::new("split", &[("COMMAND", command)]) else { return };
    machine.ok(&["up"]);
    assert_eq!(machine.podman(&["logs", &machine.name]), "<a  b><*><~/x><;><a b>");
}

#[test]
fn an_end_of_its_own_is_told_with_its_last_words() {
    let command = once_told(r#"echo first; printf "last \033[31mwords\007\n"; exit 3"#);
    let Some(machine) = Machine::new("ends", &[("COMMAND", &command)]) else { return };
    machine.ok(&["up"]);
    go(&machine);
    until("it ends", || machine.state() == "stopped");
    let end = ended(&machine);
    assert_eq!((&end["status"], &end["cause"]), (&3.into(), &"exited".into()), "{end:#}");
    assert_eq!(end["last_output"], "first\nlast [31mwords");
    let status = machine.ok(&["status"]).stdout;
    assert!(!status.contains(['\x1b', '\x07']), "{status:?}");
    let line = status.lines().find(|line| line.starts_with("  ended ")).expect("a line");
    let line = regex::Regex::new("[0-9]+ s").expect("it is one").replace(line, "{time}");
    let expected = "  ended      its main process ended by itself {time} ago, with exit status 3";
    assert_eq!(line, expected);
    assert!(status.contains("  last words first\n             last [31mwords\n"), "{status}");
    // What vagrantp stopped needs no last words.
    machine.env(&[]);
    machine.ok(&["up"]);
    machine.ok(&["stop", "--force"]);
    let end = ended(&machine);
    assert_eq!((&end["cause"], &end["last_output"]), (&"stopped".into(), &Value::Null), "{end:#}");
}

#[test]
fn long_output_costs_no_memory_and_little_time() {
    // More than half a million lines, of which the last are wanted.
    let command = once_told("yes 0123456789 | head -n 600000; echo the end; exit 4");
    let Some(machine) = Machine::new("loud", &[("COMMAND", &command)]) else { return };
    machine.ok(&["up"]);
    go(&machine);
    until("it ends", || machine.state() == "stopped");
    let words = text(&ended(&machine)["last_output"]);
    assert_eq!(words.lines().count(), 10, "{words}");
    assert!(words.ends_with("0123456789\nthe end"), "{words}");
}

#[test]
fn a_want_of_memory_is_told_as_such() {
    let command = once_told("exec dd if=/dev/zero of=/dev/null bs=900M");
    let Some(machine) = Machine::new("oom", &[("COMMAND", &command)]) else { return };
    machine.ok(&["up"]);
    go(&machine);
    until("it is killed", || machine.state() == "stopped");
    let end = ended(&machine);
    assert_eq!(end["status"], 137, "{end:#}");
    // Not every engine notices on every host why it was.
    assert!(end["cause"] == "out_of_memory" || end["cause"] == "killed", "{end:#}");
    let status = machine.ok(&["status"]).stdout;
    assert!(status.contains("it wanted more memory than its 512 MiB (MEMORY)"), "{status}");
}

#[test]
fn what_is_started_again_for_ever_is_told_and_stays_running() {
    let command = once_told("sleep 0.8; exit 3");
    let lines = [("AUTOSTART", "true"), ("COMMAND", command.as_str())];
    let Some(machine) = Machine::new("loop", &lines) else { return };
    let up = machine.ok(&["up"]);
    if !std::path::Path::new("/run/systemd/system").exists() {
        assert!(up.stderr.contains("warning: AUTOSTART: nothing starts"), "{}", up.stderr);
    }
    go(&machine);
    let restarts = || {
        let (_, document) = machine.json(&["status"]);
        // Between two runs it is nobody's to start, and not stopped.
        assert_eq!(document["infrastructure"]["state"], "running", "{document:#}");
        document["infrastructure"]["restarts"].as_u64().expect("a number")
    };
    until("it is started again twice", || restarts() >= 2);
    let (exit, document) = machine.json(&["up"]);
    assert_eq!((exit, &document["changed"]), (0, &Value::Bool(false)), "{document:#}");
    let status = machine.ok(&["status"]).stdout;
    assert!(status.contains("its main process ends, and podman starts it again"), "{status}");
    machine.ok(&["stop"]);
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert_eq!(machine.inspect("{{.State.Status}}"), "exited");
    assert_eq!(machine.state(), "stopped");
}

#[test]
fn what_ends_at_once_is_not_started_for_ever() {
    let lines = [("AUTOSTART", "true"), ("COMMAND", "sh -c 'echo useless; exit 3'")];
    let Some(machine) = Machine::new("useless", &lines) else { return };
    // However often: each time the engine is about to start it again when it is taken away.
    for _ in 0..3 {
        let failure = machine.fails(&["up"], 1, "CREATE_FAILED");
        let said = text(&failure["error"]["details"]["last_output"]);
        assert!(said.contains("useless"), "{failure:#}");
        assert_eq!(machine.objects(), [""; 0]);
    }
}

#[test]
fn what_ends_a_moment_after_its_start_leaves_nothing_either() {
    // Around the last look that `up` takes at it, and with a restart policy or without.
    let Some(machine) = Machine::new("late", &[]) else { return };
    for (autostart, life) in
        ["0.3", "0.36", "0.42"].iter().flat_map(|life| [("false", life), ("true", life)])
    {
        let command = format!("sh -c 'sleep {life}; exit 3'");
        machine.env(&[("COMMAND", &command), ("AUTOSTART", autostart)]);
        let (exit, document) = machine.json(&["up"]);
        if exit == 0 {
            machine.rm();
        } else {
            assert_eq!(document["error"]["code"], "CREATE_FAILED", "{life}: {document:#}");
            assert_eq!(machine.objects(), [""; 0], "{life}, AUTOSTART={autostart}");
            assert_eq!(machine.kept(), [""; 0], "{life}, AUTOSTART={autostart}");
        }
    }
}

#[test]
fn a_loop_is_stopped_and_removed_between_any_two_of_its_runs() {
    // After its first run, which `up` sees, each is over before anybody can look.
    let command = once_told("exit 3");
    let lines = [("AUTOSTART", "true"), ("COMMAND", command.as_str())];
    let Some(machine) = Machine::new("quickloop", &lines) else { return };
    for verb in ["stop", "rm"] {
        machine.ok(&["up"]);
        go(&machine);
        let again = || machine.inspect("{{.RestartCount}}") != "0";
        until("it is started again", again);
        machine.ok(&[verb, "-y"]);
        let state = if verb == "stop" { "stopped" } else { "not_created" };
        assert_eq!(machine.state(), state);
        std::thread::sleep(std::time::Duration::from_millis(500));
        assert_eq!(machine.state(), state, "and it stays so");
        machine.rm();
    }
}
