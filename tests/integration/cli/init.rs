//! `init`: the file that it writes, and what it leaves alone.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use super::cli_support::Project;
use super::{schema, without_provider};

fn empty() -> Project {
    without_provider(Project::named("project"))
}

fn env(project: &Project) -> String {
    fs::read_to_string(project.dir().join(".env")).unwrap()
}

/// What there is in the project's directory.
fn names(project: &Project) -> Vec<String> {
    let entries = fs::read_dir(project.dir()).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The code and the rule of a call that is refused, which must leave every file as it is.
fn refused(project: &Project, arguments: &[&str]) -> (i32, String, String) {
    let before = names(project);
    let (status, document) = project.json(arguments);
    schema::check(&document);
    assert_eq!(names(project), before);
    let mistake = &document["error"]["errors"][0];
    let word = |field: &str| mistake[field].as_str().unwrap_or_default().to_owned();
    (status, word("code"), word("rule").replace("vagrantp::config::", ""))
}

#[test]
fn an_empty_directory_gets_a_file_that_is_valid() {
    let project = empty();
    let ran = project.ok(&["init"]);
    assert_eq!(ran.stderr, "");
    assert!(ran.stdout.starts_with("Wrote .env: a container on podman.\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("vagrantp up"), "{}", ran.stdout);
    assert_eq!(names(&project), [".env"]);
    let text = env(&project);
    for line in ["INFRA_TYPE=container", "IMAGE=docker.io/library/debian:12", "MOUNTS=.:/work"] {
        assert!(text.lines().any(|written| written == line), "{line}\n{text}");
    }
    assert!(text.contains("\n#PORTS="), "{text}");
    let (status, document) = project.json(&["validate"]);
    assert_eq!((status, document.get("warnings")), (0, None), "{document:#}");
    assert_eq!(document["config"]["CPUS"]["source"], "file");
    assert_eq!(document["config"]["MEMORY"]["source"], "file");
    let (_, document) = project.json(&["-C", "..", "--env-file", "a b.env", "init", "--dry-run"]);
    assert_eq!(document["next_steps"][1], "vagrantp -C .. --env-file 'a b.env' up");
    // Nothing is kept anywhere else.
    assert!(!project.state().exists());
}

#[test]
fn a_project_that_is_described_is_refused_and_stays() {
    let project = empty();
    project.ok(&["init"]);
    let before = env(&project);
    let ran = project.run(&["init"]);
    assert_eq!((ran.status, &*ran.stdout), (2, ""));
    assert!(ran.stderr.contains(".env says already"), "{}", ran.stderr);
    assert!(ran.stderr.contains("vagrantp validate"), "{}", ran.stderr);
    let described = (2, "CONFIG_INVALID".to_owned(), "described_already".to_owned());
    assert_eq!(refused(&project, &["init"]), described);
    assert_eq!(refused(&project, &["init", "--template", "ci", "-y"]), described);
    assert_eq!(env(&project), before);
    // A team's file counts as well, and another file can be named.
    let project = empty();
    project.file("vagrantp.env", "INFRA_TYPE=container\n");
    assert_eq!(refused(&project, &["init"]), described);
    project.ok(&["--env-file", "other.env", "init"]);
    assert_eq!(names(&project), ["other.env", "vagrantp.env"]);
    project.ok(&["--env-file", "other.env", "validate"]);
}

#[test]
fn an_applications_file_keeps_every_byte_and_its_rights() {
    let theirs = "API_KEY=hunter2\r\nIMAGE=./logo.png\r\nPORTS=none";
    let project = without_provider(Project::new(theirs));
    let path = project.dir().join(".env");
    fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    let (status, document) = project.json(&["init"]);
    schema::check(&document);
    assert_eq!(status, 0, "{document:#}");
    assert_eq!(document["written"]["added"], true);
    assert_eq!(document["written"]["left"], serde_json::json!(["IMAGE", "PORTS"]));
    assert!(!document.to_string().contains("hunter2"));
    let text = env(&project);
    let added = text.strip_prefix(theirs).expect("what stood there is as it was");
    assert!(added.contains("\r\nVAGRANTP_INFRA_TYPE=container\r\n"), "{added}");
    assert!(!added.replace("\r\n", "").contains(['\r', '\n']), "{added:?}");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    assert_eq!(names(&project), [".env"]);
    let (status, document) = project.json(&["validate"]);
    assert_eq!(status, 0, "{document:#}");
    assert_eq!(document["config"]["IMAGE"]["value"], "docker.io/library/debian:12");
    assert_eq!(project.run(&["init"]).status, 2);
}

#[test]
fn values_are_typed_and_checked_before_anything_is_written() {
    let project = empty();
    for (arguments, rule) in [
        (&["init", "--set", "MEMORY=1"][..], "memory_too_small"),
        (&["init", "--set", "MEMROY=1G"], "set_unknown_key"),
        (&["init", "--set", "MEMORY"], "set_not_an_assignment"),
        (&["init", "--set", "INFRA_TYPE=vm"], "provider_missing"),
        (&["init", "--set", "MOUNTS=./missing:/x"], "mount_missing"),
    ] {
        let (status, code, found) = refused(&project, arguments);
        assert_eq!((status, &*code, &*found), (2, "CONFIG_INVALID", rule), "{arguments:?}");
    }
    assert_eq!(refused(&project, &["--env-file=a", "--env-file=b", "init"]).1, "USAGE");
    assert_eq!(project.run(&["init", "--template", "huge"]).status, 2);
    assert_eq!(names(&project), Vec::<String>::new());
    let command = "COMMAND=sh -c 'echo \"$HOME\"'";
    project.ok(&["init", "--set", command, "--set", "VAGRANTP_PORTS=auto:80", "--set", "MOUNTS="]);
    let (_, document) = project.json(&["validate"]);
    let argv = &document["config"]["COMMAND"]["value"]["argv"];
    assert_eq!(*argv, serde_json::json!(["sh", "-c", "echo \"$HOME\""]));
    assert_eq!(document["config"]["PORTS"]["source"], "file");
    assert_eq!(document["config"]["MOUNTS"], serde_json::Value::Null);
}

#[test]
fn templates_say_how_large_the_machine_is() {
    for (template, memory, cpus, disk) in [
        ("minimal", "2G", "1", "20G"),
        ("development", "4G", "2", "40G"),
        ("production", "8G", "4", "80G"),
    ] {
        let project = empty();
        project.ok(&["init", "--template", template, "--set", "PROVIDER=qemu"]);
        let text = env(&project);
        let wanted = format!("\nMEMORY={memory}\nCPUS={cpus}\nDISK_SIZE={disk}\n");
        assert!(text.contains(&wanted), "{text}");
        let project = empty();
        project.ok(&["init", "--template", template]);
        let (status, document) = project.json(&["validate"]);
        assert_eq!((status, document.get("warnings")), (0, None), "{document:#}");
        assert!(env(&project).contains(&format!("\nMEMORY={memory}\nCPUS={cpus}\nIMAGE=")));
    }
    let project = empty();
    project.ok(&["init", "--template", "agent", "--set", "INFRA_TTL=2h"]);
    assert!(env(&project).contains("\nINFRA_TTL=2h\n"));
}

#[test]
fn a_dry_run_prints_what_would_be_written() {
    for arguments in [&["init"][..], &["init", "--every-key"]] {
        let project = empty();
        let mut dry = arguments.to_vec();
        dry.push("--dry-run");
        let printed = project.ok(&dry).stdout;
        let (_, document) = project.json(&dry);
        schema::check(&document);
        assert_eq!(
            (&document["changed"], document["written"]["text"].as_str()),
            (&false.into(), Some(&*printed))
        );
        assert_eq!(names(&project), Vec::<String>::new());
        project.ok(arguments);
        assert_eq!(env(&project), printed);
    }
}

#[test]
fn links_lead_to_files_of_the_project_alone() {
    let project = empty();
    let outside = project.root().join("outside.env");
    fs::write(&outside, "A=1\n").unwrap();
    for target in [outside.to_str().unwrap(), "nowhere"] {
        symlink(target, project.dir().join(".env")).unwrap();
        assert_eq!(refused(&project, &["init"]).2, "env_file_leads_out", "{target}");
        fs::remove_file(project.dir().join(".env")).unwrap();
    }
    assert_eq!(fs::read_to_string(&outside).unwrap(), "A=1\n");
    project.file("config/app.env", "A=1\n");
    symlink("config/app.env", project.dir().join(".env")).unwrap();
    project.ok(&["init"]);
    assert!(fs::symlink_metadata(project.dir().join(".env")).unwrap().is_symlink());
    assert!(env(&project).starts_with("A=1\n\n# "));
    project.ok(&["validate"]);
}

#[test]
fn what_cannot_be_written_says_why() {
    let project = empty();
    let (status, code, rule) = refused(&project, &["--env-file", "no/x.env", "init"]);
    assert_eq!((status, &*code, &*rule), (2, "CONFIG_MISSING", "env_file_unwritable"));
    project.file(".env", "A='1\nB=2\n");
    assert_eq!(refused(&project, &["init"]).2, "unterminated_quote");
    project.file(".env", format!("A={}\n", "x".repeat((1 << 20) - 4)));
    let (status, code, _) = refused(&project, &["init"]);
    assert_eq!((status, &*code), (4, "INSUFFICIENT_RESOURCES"));
    // Root may write anywhere.
    if rustix::process::getuid().is_root() {
        return;
    }
    let path = project.file(".env", "A=1\n");
    fs::set_permissions(&path, PermissionsExt::from_mode(0o444)).unwrap();
    let (status, code, rule) = refused(&project, &["init"]);
    assert_eq!((status, &*code, &*rule), (1, "PERMISSION_DENIED", "env_file_unwritable"));
    fs::remove_file(&path).unwrap();
    fs::set_permissions(project.dir(), PermissionsExt::from_mode(0o555)).unwrap();
    let (status, code, _) = refused(&project, &["init"]);
    fs::set_permissions(project.dir(), PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!((status, &*code), (1, "PERMISSION_DENIED"));
}

#[test]
fn more_than_the_host_has_is_said() {
    let project = empty();
    let (status, document) = project.json(&["init", "--set", "CPUS=4000"]);
    schema::check(&document);
    assert_eq!(status, 0, "{document:#}");
    let warning = document["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with("CPUS is 4000, and this host has "), "{warning}");
}

/// Killed at any point of its work, the next call writes the file, and nothing else is left.
#[cfg(debug_assertions)]
#[test]
fn a_killed_call_leaves_the_file_whole_and_nothing_after_the_next() {
    for before in [None, Some("A=1\n")] {
        for point in ["init.create", "init.rights", "init.write", "init.place"] {
            for side in ["before", "after"] {
                let project = empty();
                before.map(|text| project.file(".env", text));
                let fault = format!("{point}:{side}:1:kill");
                let killed = project.command(&["init"]).env("VAGRANTP_FAULT", &fault).output();
                let killed = project.ran(killed.unwrap());
                let passed = before.is_some() || point != "init.rights";
                assert_eq!(killed.status, if passed { 128 + 9 } else { 0 }, "{fault}");
                let is_whole = fs::read_to_string(project.dir().join(".env")).ok();
                let done = point == "init.place" && side == "after" || !passed;
                if done {
                    assert!(is_whole.unwrap().contains("INFRA_TYPE=container\n"), "{fault}");
                } else {
                    assert_eq!(is_whole.as_deref(), before, "{fault}");
                    project.ok(&["init"]);
                }
                assert_eq!(names(&project), [".env"], "{fault}");
                project.ok(&["validate"]);
            }
        }
    }
}

#[test]
fn of_many_at_once_one_writes() {
    let project = without_provider(Project::new("A=1\n"));
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let mut command = project.command(&["init"]);
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
            command.spawn().unwrap()
        })
        .collect();
    let ends: Vec<_> =
        calls.into_iter().map(|mut call| call.wait().unwrap().code().unwrap()).collect();
    assert_eq!(ends.iter().filter(|status| **status == 0).count(), 1, "{ends:?}");
    assert_eq!(env(&project).matches("VAGRANTP_INFRA_TYPE=").count(), 1);
    assert_eq!(names(&project), [".env"]);
}
