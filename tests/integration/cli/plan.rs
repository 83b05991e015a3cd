//! `plan`: what `up` would do, and why.

use insta::assert_snapshot;

use serde_json::Value;

use super::{Engine, Project, engined, schema, scrubbed};

#[test]
fn the_id_is_the_directorys_unless_the_env_says_otherwise() {
    let (project, engine) = engined(Project::named("My Project_1"));
    project.file(".env", "INFRA_TYPE=container\nMEMORY=512\nCPUS=1\n");
    assert_snapshot!(scrubbed(&project.ok(&["plan"]).stdout), @"
      1. Create the network vagrantp-{uuid}  ← no network of the project's
      2. Create the container my-project-1 from docker.io/library/alpine:latest (512 MiB, 1 CPU)  ← no instance of the project's
      3. Start the container my-project-1
    3 steps.
    ");
    project.file(".env", "INFRA_TYPE=container\nMEMORY=512\nCPUS=1\nINFRA_ID=web\n");
    assert_snapshot!(scrubbed(&project.ok(&["plan"]).stdout), @"
      1. Create the network vagrantp-{uuid}  ← no network of the project's
      2. Create the container web from docker.io/library/alpine:latest (512 MiB, 1 CPU)  ← no instance of the project's
      3. Start the container web
    3 steps.
    ");
    assert_eq!(engine.containers(), []);
    assert!(!project.state().exists(), "a look wrote something");
}

#[test]
fn an_edit_is_planned_with_its_line_and_its_cost() {
    let (project, _engine) = engined(Project::new("INFRA_TYPE=container\nMEMORY=512\nCPUS=1\n"));
    project.ok(&["up"]);
    assert_snapshot!(scrubbed(&project.ok(&["plan"]).stdout), @"Nothing to do.");
    project.file(".env", "INFRA_TYPE=container\n\nMEMORY=600\nCPUS=1\n");
    assert_snapshot!(scrubbed(&project.ok(&["plan"]).stdout), @"
      1. [replace] Stop the container project (killed after 30 s)  ← MEMORY: 512 MiB → 600 MiB (.env:3)
      2. [replace] Save the files of the container project
      3. Rename the container project to project-replaced-1
      4. [replace] Create the container project again with its files (600 MiB, 1 CPU)
      5. Start the container project
      6. Remove the old container project-replaced-1 (its files are kept)
    6 steps: what runs inside is restarted; files stay (0 B are copied).
    ");
    project.file(".env", "INFRA_TYPE=container\nIMAGE=debian:12\nMEMORY=512\nCPUS=1\n");
    assert_snapshot!(scrubbed(&project.ok(&["plan"]).stdout), @"
      1. Fetch the image docker.io/library/debian:12  ← IMAGE: docker.io/library/alpine:latest → docker.io/library/debian:12 (.env:2)
      2. [recreate] Stop the container project (killed after 30 s)
      3. [recreate] DELETE the container project with everything written in it
      4. Create the container project from docker.io/library/debian:12 (512 MiB, 1 CPU)
      5. Start the container project
    5 steps: EVERYTHING WRITTEN IN THE CONTAINER IS LOST.
    ");
    assert_eq!(project.ok(&["up", "--dry-run"]).stdout, project.ok(&["plan"]).stdout);
}

#[test]
fn every_difference_is_in_the_json_with_its_line_and_cost() {
    let (project, _engine) = engined(Project::new("INFRA_TYPE=container\nMEMORY=512\nCPUS=1\n"));
    project.ok(&["up"]);
    project.file(".env", "INFRA_TYPE=container\nMEMORY=600\nCPUS=2\n");
    let (_, document) = project.json(&["plan"]);
    schema::check(&document);
    let changes = document["changes"].as_array().unwrap();
    let line = |change: &serde_json::Value| {
        let text = |name: &str| change[name].to_string().replace('"', "");
        let fields = ["key", "found", "wanted", "cost", "file", "line"];
        fields.map(text).join(" | ")
    };
    assert_snapshot!(changes.iter().map(line).collect::<Vec<_>>().join("\n"), @"
    MEMORY | 512 MiB | 600 MiB | replace | .env | 2
    CPUS | 1 | 2 | replace | .env | 3
    ");
}

#[test]
fn a_saved_plan_is_carried_out_as_it_was_seen_or_not_at_all() {
    let (project, engine) = engined(Project::new("INFRA_TYPE=container\nMEMORY=512\nCPUS=1\n"));
    let saved = project.ok(&["--json", "plan"]).stdout.replace("{root}", &root(&project));
    project.file("plan.json", &saved);
    project.file(".env", "INFRA_TYPE=container\nMEMORY=600\nCPUS=1\n");
    let ran = project.run(&["up", "--plan", "plan.json"]);
    assert_eq!((ran.status, &*ran.stdout), (1, ""));
    assert_snapshot!(ran.stderr, @"
    project (container on podman)
    vagrantp::plan::saved_outdated

      × the plan plan.json does not fit any more: step 2 was `Create the container
      │ project from docker.io/library/alpine:latest (512 MiB, 1 CPU)` and would
      │ be `Create the container project from docker.io/library/alpine:latest (600
      │ MiB, 1 CPU)` now
      help: nothing was done; look at a new one: `vagrantp plan --json >
            plan.json`
    ");
    assert_eq!((engine.containers(), engine.networks()), (vec![], vec![]));
    project.file(".env", "INFRA_TYPE=container\nMEMORY=512\nCPUS=1\n");
    let ran = project.run_with(&["up", "--plan", "-"], saved.as_bytes());
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert_eq!(engine.containers(), [("project".to_owned(), "running".to_owned())]);
    // It was for a world without the container.
    project.ok(&["stop"]);
    let ran = project.run(&["up", "--plan", "plan.json"]);
    assert_eq!((ran.status, &*ran.stdout), (1, ""), "{}", ran.stderr);
    assert_eq!(engine.containers(), [("project".to_owned(), "exited".to_owned())]);
}

#[test]
fn what_is_no_plan_of_this_project_is_refused() {
    let (project, engine) = engined(Project::new("INFRA_TYPE=container\nMEMORY=512\n"));
    let refused = |status: i32| {
        let ran = project.run(&["up", "--plan", "plan.json"]);
        assert_eq!((ran.status, &*ran.stdout), (status, ""), "{}", ran.stderr);
        ran.stderr
    };
    assert_snapshot!(refused(2), @"
    project (container on podman)
    vagrantp::plan::saved_unreadable

      × the plan plan.json cannot be read
      help: make one with `vagrantp plan --json > plan.json`
      because: No such file or directory (os error 2)
    ");
    project.file("plan.json", "hello");
    assert_snapshot!(refused(2), @"
    project (container on podman)
    vagrantp::plan::saved_not_a_plan

      × plan.json is no saved plan: expected value at line 1 column 1
      help: make one with `vagrantp plan --json > plan.json`
    ");
    project.file("plan.json", "{\"schema\": 1, \"saved\": {\"schema\": 99}}");
    assert_snapshot!(refused(2), @"
    project (container on podman)
    vagrantp::plan::saved_format

      × the plan plan.json has the format 99, and this version knows 1
      help: make it again with this version: `vagrantp plan --json > plan.json`
    ");
    let other = project.sibling("other", "INFRA_TYPE=container\nMEMORY=512\n");
    let other = other.display().to_string();
    let theirs = project.ok(&["--json", "-C", &other, "plan"]).stdout;
    project.file("plan.json", theirs.replace("{root}", &root(&project)));
    assert_snapshot!(refused(1), @"
    project (container on podman)
    vagrantp::plan::saved_elsewhere

      × the plan plan.json was made for another project
      help: go to the directory that it was made in, or make one here
    ");
    assert_eq!(engine.containers(), []);
}

/// A machine, and a plan of what its `.env` asks for now, in `plan.json`.
fn planned(wanted: &str, options: &[&str]) -> (Project, Engine) {
    let (project, engine) = engined(Project::new("INFRA_TYPE=container\nMEMORY=512\nCPUS=1\n"));
    project.ok(&["up"]);
    engine.world().images.push("docker.io/library/debian:12".to_owned());
    project.file(".env", wanted);
    save(&project, options);
    (project, engine)
}

fn save(project: &Project, options: &[&str]) -> Value {
    let plan = project.ok(&[&["--json", "plan"], options].concat()).stdout;
    let plan = plan.replace("{root}", &root(project));
    project.file("plan.json", &plan);
    serde_json::from_str(&plan).expect("a document")
}

const RECREATED: &str = "INFRA_TYPE=container\nMEMORY=512\nCPUS=1\nIMAGE=debian:12\n";
const REPLACED: &str = "INFRA_TYPE=container\nMEMORY=600\nCPUS=1\n";

/// That `up --plan` does nothing, and what it says.
fn refused(project: &Project, engine: &Engine, arguments: &[&str], status: i32) -> String {
    let before = engine.world().requests.len();
    let ran = project.run(&[&["up", "--plan", "plan.json"], arguments].concat());
    assert_eq!((ran.status, &*ran.stdout), (status, ""), "{}", ran.stderr);
    let requests = engine.world().requests.split_off(before);
    assert!(requests.iter().all(|request| request.starts_with("GET")), "{requests:?}");
    ran.stderr.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
}

#[test]
fn a_saved_plan_that_destroys_takes_a_word_of_its_own() {
    let (project, engine) = planned(RECREATED, &[]);
    let says = refused(&project, &engine, &["-y"], 3);
    assert!(says.contains("`vagrantp up --plan plan.json --recreate` agrees to that"), "{says}");
    let ran = project.run(&["up", "--plan", "plan.json", "--recreate"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(engine.bodies().contains("debian:12"), "{}", engine.bodies());
    // With a plan, the option agrees, and asks for nothing.
    let plan = save(&project, &[]);
    assert_eq!(plan["plan"], serde_json::json!([]));
    let ran = project.run(&["up", "--plan", "plan.json", "--recreate", "--json"]);
    assert!(ran.stdout.contains("\"changed\": false"), "{}", ran.stdout);
}

#[test]
fn a_plan_that_shows_something_else_than_it_does_is_refused() {
    let (project, engine) = planned(RECREATED, &[]);
    let honest = save(&project, &[]);
    let tampered = |change: &dyn Fn(&mut Value)| {
        let mut plan = honest.clone();
        change(&mut plan);
        project.file("plan.json", plan.to_string());
        refused(&project, &engine, &["--recreate"], 2)
    };
    let harmless = tampered(&|plan| {
        plan["plan"] = serde_json::json!([]);
        plan["changes"] = serde_json::json!([]);
        plan["message"] = "Nothing to do.".into();
    });
    assert!(harmless.contains("vagrantp::plan::saved_altered"), "{harmless}");
    assert!(tampered(&|plan| plan["saved"]["extra"] = 1.into()).contains("saved_altered"));
    assert!(tampered(&|plan| plan["schema"] = 7.into()).contains("saved_format"));
    let moment = tampered(&|plan| plan["saved"]["made_at"] = "not-a-time\u{1b}[31m".into());
    assert!(moment.contains("its `made_at` is no moment"), "{moment}");
    // The same in another spelling is the same.
    project.file("plan.json", honest.to_string());
    let ran = project.run(&["up", "--plan", "plan.json", "--recreate"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
}

#[test]
fn a_plan_is_for_the_world_that_it_was_made_for() {
    let (project, engine) = planned(REPLACED, &[]);
    engine.world().written = 1100 << 20;
    let says = refused(&project, &engine, &[], 1);
    assert!(
        says.contains(
            "what is written in the container project was at most 1.0 GiB and is at most 2.0 GiB now"
        ),
        "{says}"
    );
    engine.world().written = 0;
    project.ok(&["stop"]);
    let says = refused(&project, &engine, &[], 1);
    assert!(says.contains("the container project was running and is stopped now"), "{says}");
}

#[test]
fn the_file_of_an_image_is_the_one_that_was_seen() {
    let (project, engine) =
        engined(Project::new("INFRA_TYPE=container\nMEMORY=512\nIMAGE=./root.tar\n"));
    let tarball = |size: usize| {
        let mut bytes = vec![0; size];
        bytes[257..262].copy_from_slice(b"ustar");
        bytes
    };
    project.file("root.tar", tarball(1024));
    save(&project, &[]);
    project.file("root.tar", tarball(2048));
    let says = refused(&project, &engine, &[], 1);
    assert!(says.contains("the file that IMAGE names was changed since"), "{says}");
}

#[test]
fn a_line_of_the_applications_makes_no_other_plan() {
    let (project, engine) = planned(REPLACED, &[]);
    project.file(".env", format!("DATABASE_URL=x\n\n{REPLACED}"));
    let before = engine.world().requests.len();
    let ran = project.run(&["up", "--plan", "plan.json"]);
    // This engine cannot save files; that it is asked to shows that the plan was taken.
    assert!(!ran.stderr.contains("saved_outdated"), "{}", ran.stderr);
    let requests = engine.world().requests.split_off(before);
    assert!(requests.iter().any(|request| request.contains("/stop")), "{requests:?}");
}

#[test]
fn a_plan_says_what_was_given_to_it_and_carries_no_values() {
    let made = "INFRA_TYPE=container\nMEMORY=512\nCPUS=1\n";
    let (project, engine) = planned(made, &["--set", "MEMORY=1G"]);
    let plan = save(&project, &["--set", "MEMORY=1G"]);
    assert_eq!(plan["saved"]["given"], serde_json::json!(["--set MEMORY"]));
    let says = refused(&project, &engine, &[], 1);
    assert!(says.contains("the plan was made with --set MEMORY, which this call lacks"), "{says}");
    let ran = project.run(&["up", "--plan", "plan.json", "--set", "MEMORY=1G"]);
    assert!(!ran.stderr.contains("saved_outdated"), "{}", ran.stderr);
}

#[test]
fn a_warning_is_said_once() {
    let (project, engine) = engined(Project::new("INFRA_TYPE=container\nDISK_SIZE=30G\n"));
    engine.stranger("web");
    for verb in [&["plan"][..], &["up"], &["up", "--plan", "no-such-file"]] {
        let ran = project.run(&[verb, &["--set", "INFRA_ID=web"]].concat());
        assert_ne!(ran.status, 0);
        let times = ran.stderr.matches("DISK_SIZE").count();
        let shown = ran.stderr.matches("30G").count();
        assert_eq!(shown, 1, "{times}: {}", ran.stderr);
        let ran = project.run(&[&["--json"], verb, &["--set", "INFRA_ID=web"]].concat());
        assert_eq!(ran.stdout.matches("\"DISK_SIZE\"").count(), 1, "{}", ran.stdout);
    }
}

#[test]
fn what_has_no_effect_is_not_refused() {
    let (project, _engine) = engined(Project::new("INFRA_TYPE=container\nMEMORY=512\nCPUS=1\n"));
    project.ok(&["up"]);
    let ran = project.ok(&["plan", "--set", "GATEWAY=10.1.2.3"]);
    assert_eq!(ran.stdout, "Nothing to do.\n");
    assert!(ran.stderr.contains("GATEWAY has no effect without IP_ADDRESS"), "{}", ran.stderr);
}

fn root(project: &Project) -> String {
    project.root().display().to_string()
}
