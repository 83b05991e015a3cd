//! More than the host has is refused before anything is made, with both numbers.

use super::{Project, container, engined, remembered, unwrapped};

#[test]
fn more_memory_than_the_host_has_is_exit_4() {
    let (project, engine) =
        engined(Project::new("INFRA_TYPE=container\nMEMORY=4096G\nCPUS=5000\n"));
    let ran = project.run(&["up"]);
    assert_eq!((ran.status, &*ran.stdout), (4, ""));
    let (_, document) = project.json(&["up"]);
    let details = &document["error"]["details"];
    assert_eq!(details["required_mb"], 4096 * 1024);
    assert!(details["available_mb"].as_u64().is_some_and(|mb| mb > 0), "{details}");
    let second = &document["error"]["errors"][1];
    assert_eq!((&second["field"], &second["line"]), (&"CPUS".into(), &3.into()));
    let made = |request: &String| request.starts_with("POST");
    assert!(!engine.world().requests.iter().any(made), "{:?}", engine.world().requests);
    assert_eq!(remembered(&project), 0, "a refused `up` left something");
}

#[test]
fn a_copy_that_does_not_fit_on_the_disk_is_exit_4() {
    let (project, engine) = engined(Project::new("INFRA_TYPE=container\nMEMORY=512\n"));
    project.ok(&["up"]);
    engine.world().written = 1 << 60;
    project.file(".env", "INFRA_TYPE=container\nMEMORY=600\n");
    let (status, document) = project.json(&["-y", "up"]);
    assert_eq!((status, &document["error"]["code"]), (4, &"INSUFFICIENT_RESOURCES".into()));
    let details = &document["error"]["details"];
    assert!(details["required_bytes"].as_u64() > Some(1 << 60), "{details}");
    assert!(details["available_bytes"].is_u64(), "{details}");
    assert_eq!(engine.containers(), [("project".to_owned(), "running".to_owned())]);
}

#[test]
fn what_the_own_instance_has_counts_as_free() {
    let (project, _engine) = engined(Project::new("INFRA_TYPE=container\nMEMORY=512\nCPUS=1\n"));
    project.ok(&["up"]);
    project.file(".env", "INFRA_TYPE=container\nMEMORY=512\nCPUS=5000\n");
    let ran = project.run(&["up"]);
    assert_eq!(ran.status, 4);
    assert!(ran.stderr.contains("CPUS") && !ran.stderr.contains("MEMORY"), "{}", ran.stderr);
    let cpus = std::thread::available_parallelism().unwrap();
    let says = format!("5000 CPUs are asked for and the host has {cpus}");
    assert!(ran.stderr.contains(&says), "{}", ran.stderr);
}

#[test]
fn many_mistakes_on_a_long_line_stay_readable() {
    let items: Vec<String> =
        (0..3000).map(|n| format!("wrong-{n:04}-{}", "x".repeat(20))).collect();
    let project = container(&format!("PORTS={}\nDNS={}", items.join(","), items.join(",")));
    let begun = std::time::Instant::now();
    let ran = project.run(&["validate"]);
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.len() < 200_000, "{}", ran.stderr.len());
    assert!(
        ran.stderr.contains("and 450 more in .env, which `--json` lists"),
        "{}",
        ran.stderr.len()
    );
    assert!(ran.stderr.lines().all(|line| line.chars().count() < 400));
    let (_, document) = project.json(&["validate"]);
    let errors = document["error"]["errors"].as_array().expect("a list");
    assert_eq!((errors.len(), &document["error"]["details"]["left_out"]), (501, &5500.into()));
    assert_eq!(errors[500]["rule"], "vagrantp::config::more_mistakes");
    assert_eq!(errors[500]["message"], "5500 more mistakes are left out");
    assert!(unwrapped(&ran.stderr).contains("5500 more mistakes are left out"));
    assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn a_file_of_nothing_but_mistakes_is_answered_in_little() {
    let lines = |line: &str| line.repeat((1 << 20) / line.len() - 30);
    for (text, status, rule) in [
        (lines("MEMORY=x\n"), 2, "vagrantp::config::more_mistakes"),
        (format!("PORTS={}", lines("x,")), 2, "vagrantp::config::more_mistakes"),
        (lines("MEMROY=1\n"), 0, "vagrantp::config::more_warnings"),
        (format!("MEMORY=1 2\n{}", lines("=\n")), 2, "vagrantp::config::more_warnings"),
    ] {
        let head: String = text.chars().take(20).collect();
        let project = container(&text);
        let output = project.command(&["--json", "validate"]).output().expect("it runs");
        assert_eq!(output.status.code(), Some(status), "{head:?}");
        assert!(output.stdout.len() < 1_000_000, "{head:?}: {}", output.stdout.len());
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let list = match rule {
            "vagrantp::config::more_warnings" => &document["warnings"],
            _ => &document["errors"],
        };
        let list = list.as_array().expect("a list");
        assert_eq!(list.len(), 501, "{head:?}");
        assert!(list.iter().any(|one| one["rule"] == rule), "{head:?}");
    }
}
