//! The real binary, with its whole output in view. No provider is needed: where one has to answer,
//! a socket of the test's own does, which it takes the feature `podman` to talk to.

use serde_json::Value;

mod completions;
mod config_errors;
mod contract;
#[cfg(feature = "podman")]
mod damage;
mod env_files;
#[cfg(feature = "podman")]
mod exits;
mod explain;
mod init;
#[cfg(feature = "podman")]
mod json;
#[cfg(feature = "podman")]
mod limits;
mod lines;
#[cfg(feature = "podman")]
mod list;
mod network_errors;
mod path_errors;
#[cfg(feature = "podman")]
mod plain;
#[cfg(feature = "podman")]
mod plan;
#[cfg(feature = "podman")]
mod poisoned;
#[cfg(feature = "podman")]
mod private;
#[cfg(feature = "podman")]
mod progress;
#[cfg(feature = "podman")]
mod rm;
mod schema;
#[cfg(feature = "podman")]
mod secrets;
#[cfg(feature = "podman")]
mod ssh;
#[cfg(feature = "podman")]
mod states;
#[cfg(feature = "podman")]
mod status;
#[cfg(feature = "podman")]
mod terminal;
mod validate;
#[cfg(feature = "podman")]
mod verbs;

#[cfg_attr(not(feature = "podman"), expect(dead_code, reason = "it is for what needs a machine"))]
#[path = "../support/cli.rs"]
pub(crate) mod cli_support;
#[cfg(feature = "podman")]
#[path = "../support/engine.rs"]
mod engine;

use cli_support::Project;
#[cfg(feature = "podman")]
use engine::Engine;

/// A project of its own whose provider is out of reach: a call that needs one fails with 5.
pub(crate) fn project(env: &str) -> Project {
    without_provider(Project::new(env))
}

/// A container with more lines.
pub(crate) fn container(lines: &str) -> Project {
    project(&format!("INFRA_TYPE=container\n{lines}\n"))
}

/// A VM with what it needs, and more lines.
fn vm(lines: &str) -> Project {
    project(&format!("INFRA_TYPE=vm\nPROVIDER=libvirt\nBOX=debian/bookworm64\n{lines}\n"))
}

pub(crate) fn without_provider(project: Project) -> Project {
    let socket = format!("unix://{}", project.root().join("no.sock").display());
    project.with("CONTAINER_HOST", &socket)
}

/// A project whose provider is an [`Engine`] of its own.
#[cfg(feature = "podman")]
pub(crate) fn engined(project: Project) -> (Project, Engine) {
    let socket = project.root().join("podman.sock");
    let engine = Engine::listen(&socket);
    let project = project.with("CONTAINER_HOST", &format!("unix://{}", socket.display()));
    (project, engine)
}

/// How many instances vagrantp keeps something of.
#[cfg(feature = "podman")]
pub(crate) fn remembered(project: &Project) -> usize {
    std::fs::read_dir(project.state().join("instances")).map_or(0, Iterator::count)
}

/// What `validate` says of a configuration that cannot be: its whole stderr. The same call with
/// `--json` has to name the same mistakes.
fn refused(project: &Project) -> String {
    let ran = project.run(&["validate"]);
    assert_eq!((ran.status, &*ran.stdout), (2, ""), "{}", ran.stderr);
    for mistake in mistakes(project) {
        let said = mistake["message"].as_str().expect("a mistake has a message");
        assert!(unwrapped(&ran.stderr).contains(&unwrapped(said)), "{said}\n{}", ran.stderr);
    }
    ran.stderr
}

/// The mistakes that `validate --json` lists; its `error` has to repeat the first.
fn mistakes(project: &Project) -> Vec<Value> {
    let (status, document) = project.json(&["validate"]);
    assert_eq!(status, 2, "{document:#}");
    assert_eq!((&document["success"], &document["valid"]), (&false.into(), &false.into()));
    let error = &document["error"];
    let mistakes = error["errors"].as_array().expect("a list of mistakes").clone();
    assert_eq!(document["errors"], error["errors"]);
    for field in ["code", "message", "field", "line"] {
        assert_eq!(error[field], mistakes[0][field], "{field} in {document:#}");
    }
    assert_eq!(error["suggestion"], mistakes[0]["help"], "{document:#}");
    mistakes
}

/// `FIELD line:column message` of each mistake, one a line.
fn places(project: &Project) -> String {
    let of = |mistake: Value| {
        let text = |name: &str| match &mistake[name] {
            Value::String(text) => text.clone(),
            Value::Null => "-".to_owned(),
            other => other.to_string(),
        };
        format!(
            "{}:{}:{} {}: {}",
            text("file"),
            text("line"),
            text("column"),
            text("field"),
            text("message")
        )
    };
    mistakes(project).into_iter().map(of).collect::<Vec<_>>().join("\n")
}

/// What `validate` understood, `KEY: value` a line, for the keys that are named.
fn understood(project: &Project, keys: &[&str]) -> String {
    let (status, document) = project.json(&["validate"]);
    assert_eq!(status, 0, "{document:#}");
    let line = |key: &&str| format!("{key}: {}", document["config"][*key]["value"]);
    keys.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What a valid configuration is warned of: the whole stderr of `validate`.
fn warned(project: &Project) -> String {
    let ran = project.ok(&["validate"]);
    assert!(ran.stdout.starts_with("The configuration is valid"), "{}", ran.stdout);
    ran.stderr
}

/// Text without its line ends and the bars that the renderer puts before wrapped lines.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
}

/// Text with the digits of uuids replaced, which follow from the place of the test's directory.
#[cfg(feature = "podman")]
fn scrubbed(text: &str) -> String {
    let mut words = text.split("vagrantp-");
    let mut scrubbed = words.next().unwrap_or_default().to_owned();
    for word in words {
        let digits = word.bytes().take_while(u8::is_ascii_hexdigit).count();
        let (uuid, rest) = word.split_at(digits);
        scrubbed.push_str(if uuid.len() == 12 { "vagrantp-{uuid}" } else { "vagrantp-" });
        scrubbed.push_str(if uuid.len() == 12 { rest } else { word });
    }
    scrubbed
}

/// Everything before the help, which for some mistakes depends on the host.
fn without_help(text: &str) -> &str {
    text.split("  help: ").next().unwrap_or(text)
}
