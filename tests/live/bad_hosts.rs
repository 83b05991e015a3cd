//! Hosts on which it cannot work: each with its code, its exit status and what to do about it, and
//! nothing left behind.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cli_support::Project;
use crate::machine::{Machine, files_below, text};
use crate::podman_host::end_service;

/// A project that never gets as far as podman.
fn project() -> Project {
    let project = Project::new("INFRA_TYPE=container\nINFRA_ID=nowhere\nIMAGE=./rootfs.tar\n");
    crate::podman_host::write_rootfs(&project.dir().join("rootfs.tar"), "nowhere");
    project
}

/// The error of a call that has to fail.
fn error(project: &Project, arguments: &[&str]) -> (i32, Value) {
    let (status, document) = project.json(arguments);
    assert_eq!(document["success"], false, "{document:#}");
    (status, document["error"].clone())
}

/// Takes connections at a socket and does something with each.
fn serve(path: &Path, each: fn(&mut std::os::unix::net::UnixStream)) {
    let listener = UnixListener::bind(path).expect("a socket");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || each(&mut stream));
        }
    });
}

#[test]
fn podman_missing_is_exit_5_with_the_install_line() {
    let project = project().with("PATH", "/nonexistent");
    for verb in [&["up"][..], &["status"], &["plan"], &["rm", "-y"], &["stop"], &["list"]] {
        let (status, error) = error(&project, verb);
        assert_eq!((status, &error["code"]), (5, &"PROVIDER_NOT_AVAILABLE".into()), "{verb:?}");
        assert_eq!(error["message"], "podman is not installed", "{verb:?}");
    }
    let (_, error) = error(&project, &["up"]);
    let help = text(&error["suggestion"]);
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    if release.contains("debian") || release.contains("ubuntu") {
        assert!(
            help.contains("sudo apt-get install podman") || help.contains("apt install podman"),
            "{help}"
        );
    }
    assert!(help.contains("install"), "{help}");
    assert_eq!(files_below(&project.state()), [""; 0]);
}

#[test]
fn missing_dead_and_forbidden_are_told_apart() {
    let dead = project();
    let socket = dead.root().join("dead.sock");
    drop(UnixListener::bind(&socket).expect("a socket"));
    let dead = dead.with("CONTAINER_HOST", &format!("unix://{}", socket.display()));
    let (status, said) = error(&dead, &["up"]);
    assert_eq!((status, &said["code"]), (5, &"PROVIDER_NOT_AVAILABLE".into()));
    assert!(text(&said["message"]).contains("podman does not answer at"), "{said:#}");
    assert!(text(&said["suggestion"]).contains("CONTAINER_HOST"), "{said:#}");
    assert!(said["details"]["causes"].to_string().contains("refused"), "{said:#}");
    // No falling through to another socket, or to a service of its own.
    assert!(!dead.root().join("run").exists());

    let missing = project().with("CONTAINER_HOST", "unix:///nonexistent/podman.sock");
    let (status, said) = error(&missing, &["up"]);
    assert_eq!(status, 5);
    assert!(said["details"]["causes"].to_string().contains("No such file"), "{said:#}");

    let remote = project().with("CONTAINER_HOST", "ssh://me@there/run/podman.sock");
    let (status, said) = error(&remote, &["up"]);
    assert_eq!((status, &said["code"]), (5, &"PROVIDER_NOT_AVAILABLE".into()));
    assert!(text(&said["suggestion"]).contains("CONTAINER_HOST=unix://"), "{said:#}");
}

#[test]
fn an_engine_that_is_not_podman_is_refused_with_a_sentence() {
    let project = project();
    let socket = project.root().join("docker.sock");
    serve(&socket, |stream| {
        let mut request = [0; 4096];
        let _ = stream.read(&mut request);
        let body =
            r#"{"Version":"27.3.1","ApiVersion":"1.47","Platform":{"Name":"Docker Engine"}}"#;
        let head =
            "HTTP/1.1 200 OK\r\nServer: Docker/27.3.1 (linux)\r\nContent-Type: application/json";
        let _ = write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    });
    let project = project.with("DOCKER_HOST", &format!("unix://{}", socket.display()));
    let (status, said) = error(&project, &["up"]);
    assert_eq!((status, &said["code"]), (5, &"PROVIDER_NOT_AVAILABLE".into()), "{said:#}");
    let expected = "what answers at {root}/docker.sock is not podman: Docker/27.3.1 (linux)";
    assert_eq!(said["message"], expected);
    assert!(text(&said["suggestion"]).contains("unset DOCKER_HOST"), "{said:#}");
}

#[test]
fn an_unreachable_provider_reads_unknown() {
    let Some(machine) = Machine::new("unknown", &[]) else { return };
    machine.ok(&["up"]);
    let socket = machine.root().join("dead.sock");
    drop(UnixListener::bind(&socket).expect("a socket"));
    let address = format!("unix://{}", socket.display());
    let mut status = machine.command(&["--json", "status"]);
    let ran = machine.ran(status.env("CONTAINER_HOST", &address).output().expect("it can be run"));
    let document = ran.document();
    assert_eq!((ran.status, &document["success"]), (5, &Value::Bool(false)));
    assert_eq!(document["infrastructure"]["state"], "unknown", "never not_created: {document:#}");
    assert_eq!(document["infrastructure"]["id"], machine.name.as_str());
    // It comes back, and nothing was lost.
    assert_eq!(machine.state(), "running");
}

#[test]
fn a_hung_engine_is_given_up_in_bounded_time() {
    let project = project();
    let socket = project.root().join("hung.sock");
    serve(&socket, |stream| {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    });
    let project = project.with("CONTAINER_HOST", &format!("unix://{}", socket.display()));
    let begun = Instant::now();
    let (status, document) = project.json(&["status"]);
    assert_eq!((status, &document["error"]["code"]), (5, &"PROVIDER_NOT_AVAILABLE".into()));
    assert_eq!(document["infrastructure"]["state"], "unknown");
    assert!(text(&document["error"]["message"]).contains("did not answer within"));
    assert!(begun.elapsed() < Duration::from_secs(45), "{:?}", begun.elapsed());
}

#[test]
fn an_engine_that_dies_in_the_middle_is_survived() {
    let command = "sh -c 'trap \"\" TERM; while true; do sleep 0.1; done'";
    let Some(machine) = Machine::new("dies", &[("COMMAND", command), ("STOP_TIMEOUT", "5")]) else {
        return;
    };
    machine.ok(&["up"]);
    let stop = machine.start(&["--json", "stop"]);
    std::thread::sleep(Duration::from_millis(500));
    end_service(&machine.root());
    let ran = machine.end(stop);
    // The engine may finish what it was told on its way out; else it is said that it went.
    if ran.status != 0 {
        let document = ran.document();
        assert_eq!(
            (ran.status, &document["error"]["code"]),
            (5, &"PROVIDER_NOT_AVAILABLE".into()),
            "{document:#}"
        );
    }
    machine.ok(&["stop", "--force"]);
    machine.ok(&["up"]);
    end_service(&machine.root());
    machine.ok(&["rm", "--force"]);
    assert_eq!(machine.objects(), [""; 0]);
}

#[test]
fn an_image_that_is_not_there_is_told_with_its_reason() {
    let Some(machine) = Machine::new("noimage", &[]) else { return };
    // Nobody listens there, and nobody serves that image here.
    let dead = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = dead.local_addr().expect("an address").port();
    drop(dead);
    let reference = format!("127.0.0.1:{port}/no/such:1");
    machine.env(&[("IMAGE", &reference)]);
    let failure = machine.fails(&["up"], 1, "IMAGE_UNAVAILABLE");
    let error = &failure["error"];
    assert_eq!((&error["field"], &error["line"]), (&"IMAGE".into(), &3.into()), "{error:#}");
    let unreachable = text(&error["message"]);
    let reason = format!("the registry 127.0.0.1:{port} cannot be reached for {reference} (");
    assert!(unreachable.starts_with(&reason), "{unreachable}");
    assert_eq!(machine.objects(), [""; 0]);
    assert_eq!(machine.kept(), [""; 0]);

    machine.env(&[("IMAGE", "./missing.tar")]);
    let failure = machine.fails(&["up"], 2, "CONFIG_INVALID");
    assert_eq!(failure["error"]["field"], "IMAGE");

    machine.file("empty.tar", "this is no tarball");
    machine.env(&[("IMAGE", "./empty.tar")]);
    let (status, document) = machine.json(&["up"]);
    assert_ne!(status, 0, "{document:#}");
    assert_eq!(document["error"]["field"], "IMAGE", "{document:#}");
    assert_eq!(machine.objects(), [""; 0]);
    assert_eq!(machine.kept(), [""; 0]);
}

#[test]
fn a_registry_that_says_no_is_told_from_one_that_is_away() {
    // A registry of the test's own: it knows nobody, has one image with one tag, and answers as the
    // distribution specification wants it.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let count = stream.read(&mut request).unwrap_or_default();
            let request = String::from_utf8_lossy(&request[..count]).into_owned();
            let path = request.split(' ').nth(1).unwrap_or_default();
            let refused = |status: &'static str, code: &str| {
                let words = code.replace('_', " ").to_lowercase();
                (status, format!(r#"{{"errors":[{{"code":"{code}","message":"{words}"}}]}}"#))
            };
            let (status, body) = match path {
                "/v2/" => ("200 OK", "{}".to_owned()),
                "/v2/known/one/tags/list" => {
                    ("200 OK", r#"{"name":"known/one","tags":["1"]}"#.to_owned())
                }
                path if path.contains("/secret/") => refused("401 Unauthorized", "UNAUTHORIZED"),
                path if path.ends_with("/tags/list") => refused("404 Not Found", "NAME_UNKNOWN"),
                _ => refused("404 Not Found", "MANIFEST_UNKNOWN"),
            };
            let head = "Content-Type: application/json\r\nConnection: close";
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\n{head}\r\nContent-Length: {length}\r\n\r\n{body}"
            );
        }
    });
    let Some(machine) = Machine::made("registry", &[], |project| {
        let conf = project.root().join("registries.conf");
        let text = format!("[[registry]]\nlocation = \"127.0.0.1:{port}\"\ninsecure = true\n");
        std::fs::write(&conf, text).expect("a file");
        project.with("CONTAINERS_REGISTRIES_CONF", &conf.display().to_string())
    }) else {
        return;
    };
    let here = format!("127.0.0.1:{port}");
    for (image, reason, help) in [
        ("no/such:1", "there is no image {here}/no/such:1: {here} does not know no/such", "login"),
        ("known/one:2", "{here}/known/one has no tag 2", "it has: 1"),
        ("secret/one:1", "{here} does not hand out {here}/secret/one:1", "podman login {here}"),
    ] {
        machine.env(&[("IMAGE", &format!("{here}/{image}"))]);
        let failure = machine.fails(&["up"], 1, "IMAGE_UNAVAILABLE");
        let message = text(&failure["error"]["message"]);
        assert!(message.starts_with(&reason.replace("{here}", &here)), "{message}");
        let suggestion = text(&failure["error"]["suggestion"]);
        assert!(suggestion.contains(&help.replace("{here}", &here)), "{suggestion}");
        assert_eq!(machine.objects(), [""; 0]);
        assert_eq!(machine.kept(), [""; 0]);
    }
}

#[test]
fn a_container_that_ends_at_once_is_told_with_its_last_words() {
    let Some(machine) = Machine::new("ends", &[("COMMAND", "sh -c 'echo last words; exit 3'")])
    else {
        return;
    };
    let failure = machine.fails(&["up"], 1, "CREATE_FAILED");
    let error = &failure["error"];
    assert_eq!(error["details"]["exit_status"], 3);
    assert_eq!(text(&error["details"]["last_output"]).trim(), "last words");
    assert_eq!((&error["field"], &error["line"]), (&"COMMAND".into(), &6.into()));
    let shown = machine.run(&["up"]);
    assert!(
        shown.stderr.contains("last words") && shown.stderr.contains("COMMAND="),
        "{}",
        shown.stderr
    );
    assert_eq!(machine.objects(), [""; 0]);
    assert_eq!(machine.kept(), [""; 0]);

    machine.env(&[("COMMAND", "no-such-program --flag")]);
    let failure = machine.fails(&["up"], 1, "CREATE_FAILED");
    let help = text(&failure["error"]["suggestion"]);
    assert!(help.contains("no program no-such-program"), "{failure:#}");
    assert_eq!(machine.objects(), [""; 0]);

    // A machine that works is not lost to an edit that does not.
    machine.env(&[]);
    machine.ok(&["up"]);
    machine.inside("echo kept > /root/note");
    machine.env(&[("COMMAND", "no-such-program")]);
    machine.fails(&["up", "-y"], 1, "CREATE_FAILED");
    machine.env(&[]);
    machine.ok(&["up", "-y"]);
    assert_eq!(machine.inside("cat /root/note"), "kept");
    machine.settled();
}

#[test]
fn a_state_directory_that_cannot_be_written_is_a_missing_right() {
    let Some(machine) = Machine::new("rights", &[]) else { return };
    // A file where the directory has to be: even root cannot write below it.
    std::fs::write(machine.root().join("state"), "in the way").expect("a file");
    let (status, document) = machine.json(&["up"]);
    assert_eq!(status, 1, "{document:#}");
    assert_eq!(machine.objects(), [""; 0]);
    let (status, document) = machine.json(&["status"]);
    assert_eq!((status, &document["infrastructure"]["state"]), (0, &"not_created".into()));
}
