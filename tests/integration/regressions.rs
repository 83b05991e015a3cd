//! Mistakes that were made before, by the program that this one takes the place of and by this one.

use crate::cli::cli_support::Project;
use crate::cli::{container, engined, project, remembered, without_provider};

/// One block for each bug of the original.
#[test]
fn the_originals_bugs_stay_away() {
    // It read the status from lines that it never got: everything was `not_created`.
    let (machine, engine) = engined(Project::new("INFRA_TYPE=container\nMEMORY=512\n"));
    machine.ok(&["up"]);
    assert_eq!(machine.json(&["status"]).1["infrastructure"]["state"], "running");

    // It printed success whatever the tool that it called had said.
    let (broken, refusing) = engined(Project::new("INFRA_TYPE=container\nMEMORY=512\n"));
    refusing.world().refused.push(("POST /containers/0", "something is wrong"));
    let ran = broken.run(&["up"]);
    assert_eq!((ran.status, &*ran.stdout), (1, ""), "{}", ran.stderr);
    assert_eq!((refusing.containers(), refusing.networks()), (vec![], vec![]));
    assert_eq!(remembered(&broken), 0);

    // A program that was not installed was a traceback, and so was a missing `.env`.
    let bare = Project::new("INFRA_TYPE=container\n").with("PATH", "/nowhere");
    let own = format!("unix://{}", bare.root().join("no.sock").display());
    let bare = bare.with("CONTAINER_HOST", &own);
    let ran = bare.run(&["up"]);
    assert_eq!((ran.status, &*ran.stdout), (5, ""));
    assert!(ran.stderr.contains("help: ") && !ran.stderr.contains("panicked"), "{}", ran.stderr);
    let empty = without_provider(Project::named("project"));
    let ran = empty.run(&["up"]);
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("help: ") && !ran.stderr.contains("panicked"), "{}", ran.stderr);

    // Its templates were handed on as they were, with their markers in them.
    let rendered = machine.ok(&["render"]).stdout;
    assert!(!rendered.contains("<%") && !rendered.contains("{{"), "{rendered}");
    let document: serde_json::Value = serde_json::from_str(&rendered).expect("it is JSON");
    assert_eq!(document["resource_limits"]["memory"]["limit"], 512 * 1024 * 1024);

    // Its look at ports found every port free.
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port();
    let (taken, _engine) =
        engined(Project::new(&format!("INFRA_TYPE=container\nPORTS={port}:80\n")));
    assert_eq!(taken.run(&["up"]).status, 6);

    // It attached containers to a network named `default`, which there was not.
    assert!(engine.networks().iter().all(|name| name.starts_with("vagrantp-")), "{document:#}");
    assert!(document["Networks"].as_object().is_some_and(|n| !n.contains_key("default")));
}

#[test]
fn an_env_that_reads_itself_ends() {
    let ran = container("A=${A}${A}\nA=${A}${A}\nMEMORY=${MEMORY:-512}").run(&["validate"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    // Each name stands for twice the one before it.
    let growing: String = (0..40).map(|n| format!("K{}=${{K{n}}}${{K{n}}}\n", n + 1)).collect();
    let project = project(&format!(
        "K0=0123456789\n{growing}INFRA_TYPE=container\nINFRA_ID=${{K16}}${{K16}}\n"
    ));
    let ran = project.run(&["validate"]);
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("INFRA_ID becomes too long"), "{}", ran.stderr);
}

#[test]
fn a_closed_pipe_is_no_panic() {
    let project = project("INFRA_TYPE=container\n");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = project.command(&["validate", "-v"]);
    let output = command.stdout(writer).stderr(std::process::Stdio::piped()).output().unwrap();
    let ran = project.ran(output);
    assert!(!ran.stderr.contains("bug"), "{}", ran.stderr);
}
