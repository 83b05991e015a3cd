//! Exit statuses: one case for each that can be reached without a VM, and what belongs to usage.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use insta::assert_snapshot;
use rustix::process::{Pid, Signal, kill_process};
use vagrantp::exit::status;
use vagrantp::model::code::Code;

use super::{Engine, Project, engined, project, unwrapped};

/// Codes that nothing can reach yet, with the issue that brings what fails so.
const OWED: [(Code, u8); 6] = [
    (Code::SshConnectionFailed, 7),
    (Code::BootFailed, 7),
    (Code::DependencyMissing, 8),
    (Code::ProvisioningFailed, 8),
    (Code::RollbackFailed, 8),
    (Code::VerificationFailed, 8),
];

/// Codes that take more than a call to be met, with the test below that meets them.
const ELSEWHERE: [(Code, &str); 4] = [
    (Code::PortConflict, "a_taken_port_is_exit_6_and_names_who_has_it"),
    (Code::Locked, "a_held_lock_is_exit_10_and_names_who_holds_it"),
    (Code::Interrupted, "a_signal_is_its_number_and_128"),
    (Code::PermissionDenied, "a_directory_that_may_not_be_written_is_told_apart"),
];

/// A code, and how a user comes to meet it: a `.env`, what is done first, and the call that fails.
struct Case {
    code: Code,
    env: String,
    prepare: fn(&Project, &Engine),
    call: &'static [&'static str],
}

fn case(
    code: Code,
    env: &str,
    prepare: fn(&Project, &Engine),
    call: &'static [&'static str],
) -> Case {
    Case { code, env: format!("INFRA_TYPE=container\n{env}\n"), prepare, call }
}

#[test]
fn an_answer_that_gets_nowhere_is_no_success() {
    let project = project("INFRA_TYPE=container\n");
    for arguments in [
        &["validate", "--json"][..],
        &["validate"],
        &["schema"],
        &["explain", "MEMORY"],
        &["completions", "bash"],
        &["--version"],
        &["--help"],
    ] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let mut command = project.command(arguments);
        let ran = project.ran(command.stdout(full).output().unwrap());
        assert_eq!(ran.status, 1, "{arguments:?}\n{}", ran.stderr);
        assert!(ran.stderr.contains("stdout"), "{arguments:?}\n{}", ran.stderr);
    }
    // A failure keeps its own status, and says both.
    project.file(".env", "INFRA_TYPE=pod\n");
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let ran = project.command(&["validate", "--json"]).stdout(full).output().unwrap();
    assert_eq!(ran.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("stdout"));
}

#[test]
fn whoever_closes_the_pipe_wants_no_more_of_it() {
    let project = project("INFRA_TYPE=container\n");
    for arguments in [&["schema"][..], &["validate", "--json"], &["--help"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ran = project.ran(project.command(arguments).stdout(writer).output().unwrap());
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{arguments:?}");
    }
}

fn nothing(_: &Project, _: &Engine) {}

fn running(project: &Project, _: &Engine) {
    project.ok(&["up"]);
}

fn without_image(_: &Project, engine: &Engine) {
    engine.world().images.clear();
    engine.world().refused.push(("POST /images/create", "manifest unknown"));
}

fn cases() -> Vec<Case> {
    vec![
        case(Code::InfraNotFound, "", nothing, &["stop"]),
        case(
            Code::InfraNotRunning,
            "",
            |project, _| {
                project.ok(&["up", "--no-start"]);
            },
            &["ssh", "--", "true"],
        ),
        case(
            Code::InvalidState,
            "",
            |_, engine| {
                // The network vanishes between the plan and the step, each time.
                engine.world().forgetful = true;
            },
            &["up"],
        ),
        case(
            Code::NetworkFailed,
            "",
            |_, engine| {
                engine.world().refused.push(("POST /networks/create", "odd"));
            },
            &["up"],
        ),
        case(
            Code::CreateFailed,
            "",
            |_, engine| {
                engine.world().refused.push(("POST /containers/create", "odd"));
            },
            &["up"],
        ),
        case(Code::ImageUnavailable, "", without_image, &["up"]),
        case(Code::SnapshotNotFound, "", running, &["snapshot", "revert", "x"]),
        case(
            Code::SnapshotExists,
            "",
            |project, _| {
                project.ok(&["up"]);
                project.ok(&["snapshot", "create", "x"]);
            },
            &["snapshot", "create", "x"],
        ),
        case(Code::ConfirmationRequired, "", running, &["rm"]),
        case(
            Code::Internal,
            "",
            |_, engine| {
                engine.world().garbled = true;
            },
            &["status"],
        ),
        case(
            Code::ConfigMissing,
            "",
            |project, _| {
                std::fs::remove_file(project.dir().join(".env")).unwrap();
            },
            &["up"],
        ),
        case(Code::ConfigInvalid, "CPUS=many", nothing, &["up"]),
        case(Code::Unsupported, "", running, &["rm", "--preserve-disk", "-y"]),
        case(Code::Usage, "", nothing, &["up", "--sideways"]),
        case(Code::InfraExists, "INFRA_ID=theirs", |_, engine| engine.stranger("theirs"), &["up"]),
        case(
            Code::RecreateRequired,
            "",
            |project, _| {
                project.ok(&["up"]);
                project.file(".env", "INFRA_TYPE=container\nIMAGE=docker.io/library/debian:12\n");
            },
            &["up"],
        ),
        case(
            Code::RestartRequired,
            "",
            |project, engine| {
                project.ok(&["up"]);
                // More than is copied without a question.
                engine.world().written = (1 << 30) + 1;
            },
            &["up", "--set", "MEMORY=600M"],
        ),
        case(Code::InsufficientResources, "MEMORY=4096G", nothing, &["up"]),
        case(
            Code::ProviderNotAvailable,
            "",
            |_, engine| {
                std::fs::remove_file(engine.path()).unwrap();
            },
            &["up"],
        ),
        case(
            Code::AddressConflict,
            "",
            |_, engine| {
                let words = "IPAM error: requested ip address 10.89.0.2 is already allocated";
                engine.world().refused.push(("POST /containers/0", words));
            },
            &["up"],
        ),
    ]
}

#[test]
fn each_exit_status_has_its_case() {
    for Case { code, env, prepare, call } in cases() {
        let (project, engine) = engined(Project::new(&env));
        prepare(&project, &engine);
        let ssh = call[0] == "ssh";
        let ran = project.run(call);
        let exit = if ssh { 255 } else { i32::from(status(code)) };
        assert_eq!((ran.status, &*ran.stdout), (exit, ""), "{code}: {}", ran.stderr);
        assert!(ran.stderr.contains("help: ") || code == Code::Usage, "{code}: {}", ran.stderr);
        assert!(!ran.stderr.contains('\u{1b}'), "{code}: {}", ran.stderr);
        if !ssh {
            let (exit, document) = project.json(call);
            assert_eq!(document["error"]["code"], code.as_str(), "{document:#}");
            assert_eq!(exit, i32::from(status(code)), "{document:#}");
        }
    }
}

#[test]
fn every_code_is_reached_or_owed() {
    let here = include_str!("exits.rs");
    for (code, test) in ELSEWHERE {
        let (_, body) = here.split_once(&format!("fn {test}()")).unwrap_or_default();
        let body = body.split_once("\n#[").map_or(body, |(body, _)| body);
        assert!(body.contains(code.as_str()), "{test} is no test of {code}");
    }
    let mut reached: Vec<Code> = cases().iter().map(|case| case.code).collect();
    reached.extend(ELSEWHERE.map(|(code, _)| code));
    reached.extend(OWED.map(|(code, _)| code));
    let names: BTreeSet<&str> = reached.iter().map(|code| code.as_str()).collect();
    let all: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(names, all);
    assert_eq!(reached.len(), all.len(), "a code is listed twice");
}

#[test]
fn a_taken_port_is_exit_6_and_names_who_has_it() {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port();
    let (project, engine) =
        engined(Project::new(&format!("INFRA_TYPE=container\nPORTS={port}:80\n")));
    let (exit, document) = project.json(&["up"]);
    assert_eq!((exit, &document["error"]["code"]), (6, &"PORT_CONFLICT".into()), "{document:#}");
    assert_eq!(document["error"]["field"], "PORTS");
    assert_eq!(document["error"]["line"], 2);
    let details = document["error"]["details"].to_string();
    assert!(details.contains(&format!("(pid {})", std::process::id())), "{details}");
    assert_eq!(engine.containers(), []);
}

#[tokio::test]
async fn a_held_lock_is_exit_10_and_names_who_holds_it() {
    let (project, engine) = engined(Project::new("INFRA_TYPE=container\n"));
    project.ok(&["up"]);
    let (_, document) = project.json(&["status"]);
    let uuid = serde_json::from_value(document["infrastructure"]["uuid"].clone()).unwrap();
    let store = vagrantp::store::Store::new(&project.state()).instance(uuid);
    let silence = &vagrantp::event::Silence;
    let lock = store.lock("up", Duration::from_secs(1), silence).await.unwrap();
    let ran = project.run(&["--lock-timeout", "0", "stop"]);
    assert_eq!(ran.status, 10, "{}", ran.stderr);
    let holder = format!("`vagrantp up` (pid {}, for 0 s)", std::process::id());
    assert!(unwrapped(&ran.stderr).contains(&holder), "{}", ran.stderr);
    let (_, document) = project.json(&["--lock-timeout", "0", "stop"]);
    assert_eq!(document["error"]["code"], "LOCKED", "{document:#}");
    let details = &document["error"]["details"];
    assert_eq!((&details["pid"], &details["verb"]), (&std::process::id().into(), &"up".into()));
    assert!(details["age_seconds"].as_u64().is_some_and(|age| age < 60), "{details}");
    assert!(details["user"].is_string(), "{details}");
    // Readers never wait.
    project.ok(&["status"]);
    project.ok(&["plan"]);
    project.ok(&["list"]);
    project.ok(&["up"]);
    drop(lock);
    project.ok(&["stop"]);
    assert_eq!(engine.containers(), [("project".to_owned(), "exited".to_owned())]);
}

#[test]
fn a_directory_that_may_not_be_written_is_told_apart() {
    // Nobody may make directories there, not even root.
    let (project, _engine) = engined(Project::new("INFRA_TYPE=container\n"));
    let project = project.with("XDG_STATE_HOME", "/sys");
    let (exit, document) = project.json(&["up"]);
    assert_eq!((exit, &document["error"]["code"]), (1, &"PERMISSION_DENIED".into()));
}

#[test]
fn something_to_do_is_exit_20_where_that_is_asked_for() {
    let (project, _engine) = engined(Project::new("INFRA_TYPE=container\n"));
    assert_eq!(project.run(&["plan", "--exit-code"]).status, 20);
    assert_eq!(project.run(&["plan"]).status, 0);
    project.ok(&["up"]);
    assert_eq!(project.run(&["plan", "--exit-code"]).status, 0);
    project.file(".env", "INFRA_TYPE=container\nCPUS=1\n");
    assert_eq!(project.run(&["plan", "--exit-code"]).status, 20);
}

#[test]
fn a_signal_is_its_number_and_128() {
    for (signal, number) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let (project, engine) = engined(Project::new("INFRA_TYPE=container\n"));
        engine.world().slow.push(("POST /networks/create", Duration::from_millis(400)));
        let mut command = project.command(&["--json", "up"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        engine.wait_for("POST /networks/create");
        kill_process(Pid::from_child(&child), signal).unwrap();
        let ran = project.ran(child.wait_with_output().unwrap());
        assert_eq!(ran.status, number, "{}", ran.stderr);
        let document = ran.document();
        assert_eq!(document["error"]["code"], "INTERRUPTED", "{document:#}");
        assert_eq!(document["error"]["details"]["signal"], number - 128);
        // The step under way was finished, and the next call goes on from there.
        assert_eq!((engine.networks().len(), engine.containers().len()), (1, 0));
        project.ok(&["up"]);
    }
}

#[test]
fn a_positional_argument_is_a_usage_error() {
    let project = project("INFRA_TYPE=container\n");
    assert_snapshot!(usage(&project, &["up", "web"]), @"
    error: unexpected argument 'web' found

    Usage: vagrantp up [OPTIONS]

    For more information, try '--help'.
    ");
    assert_snapshot!(usage(&project, &["destroy"]), @"
    error: unrecognized subcommand 'destroy'

      tip: a similar subcommand exists: 'restart'

    Usage: vagrantp [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
    assert_snapshot!(usage(&project, &["ssh", "-c", "id", "--info"]), @"
    error: the argument '--command <CMD>' cannot be used with '--info'

    Usage: vagrantp ssh --command <CMD> [-- <ARGS>...]

    For more information, try '--help'.
    ");
    assert_eq!(project.run(&[]).status, 2);
    for arguments in [&["up", "web"][..], &["destroy"], &["rm", "--forced"], &[]] {
        let (exit, document) = project.json(arguments);
        assert_eq!((exit, &document["error"]["code"]), (2, &"USAGE".into()), "{document:#}");
    }
    // What runs inside may have an option of that name.
    assert_eq!(project.run(&["destroy", "--", "--json"]).stdout, "");
}

fn usage(project: &Project, arguments: &[&str]) -> String {
    let ran = project.run(arguments);
    assert_eq!((ran.status, &*ran.stdout), (2, ""), "{arguments:?}: {}", ran.stderr);
    ran.stderr
}

#[test]
fn a_mistake_in_set_is_shown_where_it_is() {
    let project = project("INFRA_TYPE=container\n");
    assert_snapshot!(usage(&project, &["validate", "--set", "MEMORY"]), @"
    vagrantp::config::set_not_an_assignment

      × `--set` takes KEY=VALUE
       ╭─[--set:1:1]
     1 │ MEMORY
       · ───┬──
       ·    ╰── no `=`
       ╰────
      help: write it as `--set MEMORY=4G`
    ");
    assert_snapshot!(usage(&project, &["validate", "--set", "MEMRY=1G"]), @"
    vagrantp::config::set_unknown_key

      × `--set` names no key of vagrantp
       ╭─[--set:1:1]
     1 │ MEMRY
       · ──┬──
       ·   ╰── not a key
       ╰────
      help: did you mean `--set MEMORY=…`?
    ");
    assert_snapshot!(usage(&project, &["validate", "--set", "MEMORY=some"]), @"
    vagrantp::config::not_a_size

      × MEMORY must be a size
       ╭─[--set:1:8]
     1 │ MEMORY=some
       ·        ──┬─
       ·          ╰── expected a whole number, then M or G
       ╰────
      help: write a whole number and M or G, such as `4G`; half a GiB is `512M`
    ");
}

#[test]
fn help_and_version_exit_0() {
    let project = Project::named("project");
    let version = format!("vagrantp {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(project.ok(&["--version"]).stdout, version);
    let help = project.ok(&["--help"]).stdout;
    assert!(help.contains("Exit status:") && help.contains("Environment:"), "{help}");
    assert!(help.matches("\n  vagrantp ").count() >= 3, "{help}");
    for verb in ["up", "ssh", "stop", "rm", "plan", "status", "validate", "render", "list", "adopt"]
    {
        assert!(help.contains(&format!("\n  {verb} ")), "{verb} is not in the help");
        let own = project.ok(&[verb, "--help"]);
        assert_eq!(own.stderr, "");
        for line in own.stdout.lines().chain(help.lines()) {
            assert!(line.chars().count() <= 80, "{verb}: {line}");
        }
    }
    assert!(!project.state().exists());
}
