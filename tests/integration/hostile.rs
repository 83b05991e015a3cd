//! The corpus of hostile values, one by one: each is refused by the rule that its row names, or taken
//! to the letter, and none runs.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::Value;
use vagrantp::config::keys;
use vagrantp::config::print::assignment;
use vagrantp::model::id::ProviderKind;
use vagrantp::model::plain::is_unsafe;

use crate::cli::cli_support::Project;
use crate::cli::without_provider;

#[path = "../support/hostile.rs"]
pub(crate) mod corpus;

use corpus::{Entry, corpus, word};

/// A project in which every entry can be tried: what the paths of the corpus lead to is there.
fn project(name: &str) -> Project {
    let project = without_provider(Project::named(name));
    let dir = project.dir();
    std::fs::create_dir(dir.join("inside")).expect("a directory");
    for (link, target) in [("sym_out", "/etc"), ("sym_in", "inside"), ("sym_loop", "sym_loop")] {
        symlink(target, dir.join(link)).expect("a symlink");
    }
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, dir.join("pipe"), mode).expect("a pipe");
    project
}

/// The `.env` that has the value in its field, and where `validate` shows it.
fn env(entry: &Entry) -> Vec<u8> {
    let line = |key: &str, value: &str| {
        assignment(key, value).unwrap_or_else(|| panic!("{key} cannot be {value:?}"))
    };
    let (key, value) = match &*entry.field {
        "FILE" => return entry.value.clone(),
        "COMMAND.arg" => ("COMMAND", format!("echo {}", word(entry.text()))),
        "QEMU_ARGS.arg" => ("QEMU_ARGS", word(entry.text())),
        "MOUNTS.host" if entry.text().starts_with('/') => {
            ("MOUNTS", format!("{}:/mnt", entry.text()))
        }
        "MOUNTS.host" => ("MOUNTS", format!("./{}:/mnt", entry.text())),
        "MOUNTS.guest" => ("MOUNTS", format!(".:{}", entry.text())),
        "APP" => ("APP_TITLE", entry.text().to_owned()),
        "PROJECT" => ("INFRA_ID", "web".to_owned()),
        key => (key, entry.text().to_owned()),
    };
    let providers = keys::find(key).map_or(&[ProviderKind::Podman][..], |key| key.used_by);
    let head = match key {
        "INFRA_TYPE" => "",
        "PROVIDER" => "INFRA_TYPE=container\n",
        "APPEND" | "INITRD" => "INFRA_TYPE=vm\nPROVIDER=qemu\nIMAGE=https://e.org/x\nKERNEL=.env\n",
        "BOX" => "INFRA_TYPE=vm\nPROVIDER=virtualbox\n",
        "KERNEL" | "ISO" => "INFRA_TYPE=vm\nPROVIDER=qemu\n",
        _ if providers.contains(&ProviderKind::Podman) => "INFRA_TYPE=container\n",
        _ if providers.contains(&ProviderKind::Qemu) => {
            "INFRA_TYPE=vm\nPROVIDER=qemu\nIMAGE=https://e.org/x\n"
        }
        _ => "INFRA_TYPE=vm\nPROVIDER=ssh\n",
    };
    format!("{head}{}\n", line(key, &value)).into_bytes()
}

/// What came of it: `carried`, or the rules that it breaks.
fn outcome(document: &Value) -> String {
    if document["valid"] == true {
        return "carried".to_owned();
    }
    let rule = |error: &Value| {
        let rule = error["rule"].as_str().expect("every mistake has a rule");
        rule.trim_start_matches("vagrantp::config::").to_owned()
    };
    let errors = document["errors"].as_array().expect("every mistake");
    let rules: BTreeSet<String> = errors.iter().map(rule).collect();
    rules.into_iter().collect::<Vec<_>>().join("+")
}

/// `carried` where what was understood is what was written, to the letter.
fn read_back(entry: &Entry, project: &Project, config: &Value) -> String {
    let of = |key: &str| config[key]["value"].clone();
    let (found, wanted) = match &*entry.field {
        "FILE" | "APP" | "PROJECT" => return "carried".to_owned(),
        "COMMAND.arg" => (of("COMMAND")["argv"][1].clone(), entry.text().to_owned()),
        "QEMU_ARGS.arg" => (of("QEMU_ARGS")[0].clone(), entry.text().to_owned()),
        "MOUNTS.host" => {
            let path = project.dir().join(entry.text()).canonicalize().expect("it is there");
            (of("MOUNTS")[0].clone(), format!("{}:/mnt", path.display()))
        }
        "MOUNTS.guest" => {
            let parts = entry.text().split('/').filter(|part| !part.is_empty() && *part != ".");
            let guest: String = parts.map(|part| format!("/{part}")).collect();
            (of("MOUNTS")[0].clone(), format!("{}:{guest}", project.dir().display()))
        }
        "PROVISIONING_EXTRA_VARS" | "SSH_AUTHORIZED_KEYS" => (of(&entry.field), "***".to_owned()),
        "IMAGE" | "DISK_PATH" | "KERNEL" | "INITRD" | "AUTOSTART" => {
            // Made absolute or complete: what was written is the end of it.
            let found = of(&entry.field).as_str().map(str::to_owned).unwrap_or_default();
            let end = entry.text().trim_start_matches("./");
            let found = if found.ends_with(end) { entry.text().to_owned() } else { found };
            (Value::String(found), entry.text().to_owned())
        }
        key => (of(key), entry.text().to_owned()),
    };
    // What is printed has the test's own directory left out.
    if found.is_array() || found.is_object() {
        return "list".to_owned();
    }
    let wanted = wanted.replace(&project.root().display().to_string(), "{root}");
    if found == Value::String(wanted) { "carried".to_owned() } else { format!("as-{found}") }
}

/// Tries one entry, and returns what came of it.
fn tried(entry: &Entry, project: &Project) -> String {
    project.file(".env", env(entry));
    let host = entry.text_or_nothing();
    let is_to_be_made = !host.starts_with("sym_") && !host.starts_with('/') && !host.contains("..");
    if entry.field == "MOUNTS.host" && is_to_be_made {
        std::fs::create_dir_all(project.dir().join(host)).expect("a directory");
    }
    let ran = project.run(&["--json", "validate"]);
    let document = ran.document();
    for text in [&ran.stdout, &ran.stderr] {
        assert_harmless(text, entry);
    }
    // For people the same is said once more where there is something to be cleaned.
    if String::from_utf8_lossy(&entry.value).chars().any(|c| c != '\n' && is_unsafe(c)) {
        let ran = project.run(&["validate"]);
        assert_harmless(&(ran.stdout + &ran.stderr), entry);
    }
    let outcome = outcome(&document);
    if outcome == "carried" { read_back(entry, project, &document["config"]) } else { outcome }
}

impl Entry {
    fn text_or_nothing(&self) -> &str {
        std::str::from_utf8(&self.value).unwrap_or_default()
    }
}

fn assert_harmless(text: &str, entry: &Entry) {
    let harmful = |c: char| c != '\n' && is_unsafe(c);
    assert!(!text.contains(harmful), "{entry:?}: {text:?}");
}

#[test]
fn each_value_is_refused_by_its_rule_or_taken_to_the_letter() {
    let (ordinary, mut wrong) = (project("project"), Vec::new());
    let entries = corpus();
    for entry in &entries {
        let named = (entry.field == "PROJECT").then(|| project(entry.text()));
        let project = named.as_ref().unwrap_or(&ordinary);
        let outcome = tried(entry, project);
        if outcome != entry.outcome {
            wrong.push((entry.class.clone(), entry.field.clone(), entry.value.clone(), outcome));
        }
        let pwned = [project.dir(), &project.root(), Path::new("/")].map(|dir| dir.join("pwned"));
        assert!(!pwned.iter().any(|path| path.is_file()), "{entry:?} was run");
    }
    let shown = |(class, field, value, outcome): &(String, String, Vec<u8>, String)| {
        let value = serde_json::to_string(&String::from_utf8_lossy(value)).expect("is text");
        let value: String = value.chars().take(120).collect();
        format!("{class}.txt: {field} {value}: {outcome}\n")
    };
    let list: String = wrong.iter().map(shown).collect();
    assert!(wrong.is_empty(), "{} of {}:\n{list}", wrong.len(), entries.len());
}

#[test]
fn every_key_and_every_way_out_is_tried() {
    let entries = corpus();
    assert!(entries.len() >= 150, "{}", entries.len());
    let fields: BTreeSet<&str> = entries.iter().map(|entry| &*entry.field).collect();
    let is_tried = |key: &str| fields.iter().any(|field| field.split('.').next() == Some(key));
    let missing: Vec<_> = keys::all().map(|key| key.name).filter(|key| !is_tried(key)).collect();
    assert_eq!(missing, Vec::<&str>::new());
    for field in ["COMMAND.arg", "MOUNTS.host", "MOUNTS.guest", "PROJECT", "APP", "FILE"] {
        assert!(fields.contains(field), "{field}");
    }
    for class in [
        "closed",
        "files",
        "handlebars",
        "ini",
        "json",
        "paths",
        "ruby",
        "shell",
        "terminal",
        "unicode",
        "xml",
        "yaml",
    ] {
        let count = entries.iter().filter(|entry| entry.class == class).count();
        assert!(count >= 10, "{class}: {count}");
    }
    let carried = entries.iter().filter(|entry| entry.is_carried()).count();
    assert!(carried > 50 && entries.len() - carried > 50, "{carried} of {}", entries.len());
}

#[cfg(feature = "podman")]
/// The words of the main process in a container's rendered spec, or in the body of a request.
fn argv(spec: &Value) -> Vec<String> {
    let list = |name: &str| spec[name].as_array().cloned().unwrap_or_default();
    let words = list("entrypoint").into_iter().chain(list("command"));
    words.map(|word| word.as_str().expect("a word").to_owned()).collect()
}

#[cfg(feature = "podman")]
/// Where each mount comes from and goes to, in the same place.
fn mounts(spec: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("a path").to_owned();
    let mounts = spec["mounts"].as_array().cloned().unwrap_or_default();
    mounts.iter().map(|mount| (text(&mount["source"]), text(&mount["destination"]))).collect()
}

#[cfg(feature = "podman")]
#[test]
fn what_is_rendered_and_what_is_asked_for_hold_each_value_to_the_letter() {
    let (project, engine) = crate::cli::engined(Project::named("project"));
    let everything = corpus::batch(project.dir());
    assert!(everything.words.len() > 50 && everything.mounts.len() > 50);
    project.file(".env", everything.env(""));
    let root = project.root().display().to_string();
    let rendered = project.ok(&["render"]).stdout.replace("{root}", &root);
    let rendered: Value = serde_json::from_str(&rendered).expect("is JSON");
    project.ok(&["up"]);
    let made = engine.asked_for();
    for spec in [&rendered, &made] {
        assert_eq!(argv(spec)[4..], everything.words);
        let found = mounts(spec);
        for wanted in &everything.mounts {
            assert!(found.contains(wanted), "{wanted:?}");
        }
        // Nothing got into a field of its own: all that there is are the fields that a harmless
        // machine has, with one label of each name.
        let fields: BTreeSet<&String> = spec.as_object().expect("an object").keys().collect();
        let harmless: BTreeSet<&String> = rendered.as_object().expect("an object").keys().collect();
        assert_eq!(fields, harmless);
        assert_eq!(spec.get("privileged"), None);
        assert_eq!(spec["labels"].as_object().map(serde_json::Map::len), Some(4));
    }
    assert_eq!(project.run(&["plan", "--exit-code"]).status, 0, "what was read back is the same");
}

#[cfg(feature = "podman")]
#[test]
fn a_directory_of_any_name_is_a_project() {
    for entry in corpus().iter().filter(|entry| entry.field == "PROJECT") {
        let (project, engine) = crate::cli::engined(Project::named(entry.text()));
        project.file(".env", "INFRA_TYPE=container\nINFRA_ID=web\nMOUNTS=.:/work\n");
        let path = project.dir().display().to_string();
        for verb in ["up", "status", "list"] {
            let ran = project.ok(&[verb]);
            assert_harmless(&ran.stdout, entry);
            assert_harmless(&ran.stderr, entry);
        }
        let made = engine.asked_for();
        let label = |name: &str| made["labels"][name].as_str().expect("a label").to_owned();
        assert_eq!(label("io.vagrantp.project"), path, "{entry:?}");
        let stamp: Value = serde_json::from_str(&label("io.vagrantp.stamp")).expect("a stamp");
        assert_eq!(stamp["project"], path.as_str());
        assert!(mounts(&made).contains(&(path.clone(), "/work".to_owned())));
        let shown = project.json(&["status"]).1;
        let shown = shown["infrastructure"]["project_path"].as_str().map(str::to_owned);
        let root = project.root().display().to_string();
        assert_eq!(shown.map(|shown| shown.replace("{root}", &root)), Some(path));
        project.ok(&["rm", "-y"]);
    }
}
