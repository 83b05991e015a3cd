//! The application's values are nobody's business: not on the screen, not in JSON, not on disk, not
//! at the provider.

use std::path::Path;

use super::{Project, engined};

const CANARY: &str = "canary-7f3a";

/// Lines of the application's, well-formed and not, next to which ours may be wrong.
fn with_secrets(ours: &str) -> String {
    format!(
        "A_SECRET={CANARY}\n{ours}\nB_SECRET='{CANARY}'\n\
         C_SECRET=\"{CANARY}\nmore {CANARY}\n\"\nMEMROY={CANARY}\n\
         ${{{CANARY}}}\nexport D_SECRET={CANARY} # {CANARY}\n\
         {CANARY} is no assignment\n"
    )
}

fn held_back(project: &Project, arguments: &[&str]) {
    let ran = project.run(arguments);
    for text in [&ran.stdout, &ran.stderr] {
        assert!(!text.contains(CANARY), "{arguments:?}: {text}");
    }
}

fn all_files(dir: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => all_files(&path, found),
            Ok(kind) if kind.is_file() => {
                found.push((path.display().to_string(), std::fs::read(&path).expect("readable")));
            }
            _ => {}
        }
    }
}

#[test]
fn canaries_appear_nowhere() {
    let (project, engine) = engined(Project::new(&with_secrets(
        "INFRA_TYPE=container\nMEMORY=512\nPROVISIONING_EXTRA_VARS=password=canary-7f3a",
    )));
    for verb in [
        &["validate"][..],
        &["validate", "-v"],
        &["plan"],
        &["render"],
        &["up", "-v"],
        &["status"],
        &["list"],
        &["ssh", "--info"],
        &["stop"],
        &["rm", "-y"],
    ] {
        held_back(&project, verb);
        let mut json = vec!["--json"];
        json.extend(verb);
        held_back(&project, &json);
    }
    project.ok(&["up"]);
    let mut files = Vec::new();
    for place in ["state", "data", "cache", "config", "run", "home"] {
        all_files(&project.root().join(place), &mut files);
    }
    assert!(!files.is_empty(), "`up` writes a record and history");
    for (path, content) in files {
        assert!(!String::from_utf8_lossy(&content).contains(CANARY), "{path}");
    }
    let sent = engine.bodies();
    assert!(!sent.is_empty() && !sent.contains(CANARY), "{sent}");
}

#[test]
fn mistakes_beside_secrets_show_our_lines_alone() {
    for ours in [
        "INFRA_TYPE=pod",
        "INFRA_TYPE=container\nMEMORY=lots\nCPUS: 2",
        "INFRA_TYPE=container\nMEMORY=\"1G",
        "INFRA_TYPE=container\nMEMORY='1G' CPUS=2",
        "INFRA_TYPE=container\nCPUS=1\nCPUS=2",
        "INFRA_TYPE=container\nINFRA_ID=${NOT_DEFINED}",
        "INFRA_TYPE=container\nOTHER='canary-7f3a\nMEMORY=1G",
        "INFRA_TYPE=container\nPROVISIONING_EXTRA_VARS='canary-7f3a",
        "INFRA_TYPE=container\nPROVISIONING_EXTRA_VARS=canary-7f3a",
        "INFRA_TYPE=vm\nSSH_AUTHORIZED_KEYS='ssh-ed25519 canary-7f3a'",
    ] {
        let (project, _engine) = engined(Project::new(&with_secrets(ours)));
        for verb in ["validate", "up", "status", "stop", "rm"] {
            held_back(&project, &[verb]);
            held_back(&project, &["--json", verb]);
        }
        assert_ne!(project.run(&["validate"]).status, 0, "{ours}");
    }
}

#[test]
fn a_value_of_ours_may_come_from_a_secret_and_is_not_explained_by_it() {
    let (project, _engine) =
        engined(Project::new(&format!("SECRET={CANARY}\nINFRA_TYPE=container\nMEMORY=$SECRET\n")));
    for verb in [&["validate"][..], &["--json", "validate"], &["up"]] {
        held_back(&project, verb);
    }
}

#[test]
fn what_a_command_refers_to_is_run_and_told_nobody() {
    let env = |token: &str| {
        format!("TOKEN={token}\nINFRA_TYPE=container\nCOMMAND=\"serve --tok ${{TOKEN}}\"\n")
    };
    let (project, engine) = engined(Project::new(&env(CANARY)));
    for verb in [
        &["validate"][..],
        &["plan"],
        &["explain", "COMMAND"],
        &["render"],
        &["up", "-v"],
        &["status"],
        &["list"],
    ] {
        held_back(&project, verb);
        let mut json = vec!["--json"];
        json.extend(verb);
        held_back(&project, &json);
    }
    assert!(project.ok(&["render"]).stdout.contains("\"${TOKEN}\""));
    // The engine is told what to run, and nothing more: the stamp knows the command by a digest.
    let sent = engine.bodies();
    let run = format!("\"entrypoint\":[\"serve\",\"--tok\",\"{CANARY}\"]");
    assert!(sent.contains(&run), "{sent}");
    assert!(!sent.replace(&run, "").contains(CANARY), "{sent}");
    assert_eq!(project.run(&["plan", "--exit-code"]).status, 0);
    project.file(".env", env("another"));
    let changed = project.run(&["plan", "--exit-code"]);
    assert_eq!(changed.status, 20, "{}", changed.stdout);
    assert!(changed.stdout.contains("stood for something else"), "{}", changed.stdout);
}

#[test]
fn an_engine_that_repeats_what_it_was_told_is_not_repeated() {
    let words = "OCI runtime: cannot exec [\"serve\" \"--tok=canary-7f3a\"]: canary-7f3a";
    for request in ["POST /containers/create", "POST /containers"] {
        let env =
            format!("TOKEN={CANARY}\nINFRA_TYPE=container\nCOMMAND=\"serve --tok=${{TOKEN}}\"\n");
        let (project, engine) = engined(Project::new(&env));
        engine.world().refused.push((request, words));
        held_back(&project, &["up", "-v"]);
        held_back(&project, &["--json", "up"]);
        let ran = project.run(&["up"]);
        assert!(ran.status != 0 && ran.stderr.contains("--tok=***"), "{}", ran.stderr);
        let mut files = Vec::new();
        all_files(&project.state(), &mut files);
        let told = |content: &[u8]| String::from_utf8_lossy(content).contains(CANARY);
        assert!(!files.iter().any(|(_, content)| told(content)), "it is in no file");
    }
}
