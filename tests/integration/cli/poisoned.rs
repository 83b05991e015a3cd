//! An engine that means ill: whatever it answers, in whatever field, steers no terminal, and JSON stays
//! JSON. So does what other programs' containers are called.

use vagrantp::model::plain::is_unsafe;

use super::{Engine, Project, engined, terminal};

/// What a terminal would obey, what turns text around, what hides, and the end of a line.
const POISON: &str =
    "\u{1b}[2J\u{1b}]0;x\u{7}\u{9b}31m\u{202e}\u{2066}\u{200b}\u{feff}\r\u{7f}\u{e0041}\n!";

/// Fields without which nothing is found, so that no verb gets far.
const IDENTITY: &[&str] = &["Id", "Name", "name", "Names", "Labels", "labels"];
/// Fields that decide what the rest of a verb is about.
const STATE: &[&str] = &[
    "Id",
    "Name",
    "name",
    "Names",
    "Labels",
    "labels",
    "Status",
    "State",
    "StartedAt",
    "FinishedAt",
    "Created",
    "Source",
    "Destination",
    "Type",
    "HostIp",
    "HostPort",
    "IPAddress",
    "RepoTags",
];

const VERBS: &[&[&str]] = &[
    &["validate"],
    &["plan"],
    &["up", "--dry-run"],
    &["up", "-v"],
    &["up"],
    &["status"],
    &["list"],
    &["list", "--all"],
    &["render"],
    &["logs", "--tail", "3"],
    &["ssh", "-c", "true"],
    &["ssh", "--info"],
    &["snapshot", "create", "one"],
    &["snapshot", "list"],
    &["snapshot", "revert", "one", "-y"],
    &["snapshot", "rm", "one", "-y"],
    &["suspend"],
    &["status"],
    &["resume"],
    &["restart"],
    &["gc", "--dry-run"],
    &["gc", "-y"],
    &["adopt"],
    &["stop"],
    &["up", "--recreate", "-y"],
    &["rm", "-y"],
];

fn assert_clean(text: &str, call: &[&str]) {
    let bad = text.chars().find(|c| !matches!(c, '\n' | '\t') && is_unsafe(*c));
    assert_eq!(bad, None, "{call:?}: {text:?}");
}

/// Every verb, for people and for programs.
fn lived_through(project: &Project) {
    VERBS.iter().for_each(|verb| {
        clean_in_both_forms(project, verb);
    });
}

/// How often the end of the poison was shown to people, which is harmless.
fn clean_in_both_forms(project: &Project, verb: &[&str]) -> usize {
    let ran = project.run(verb);
    // What a main process writes to a pipe is handed over as it is.
    if verb[0] != "logs" {
        assert_clean(&ran.stdout, verb);
    }
    assert_clean(&ran.stderr, verb);
    let shown = (ran.stdout + &ran.stderr).matches('!').count();
    let ran = project.run(&[&["--json"], verb].concat());
    if !verb.contains(&"-c") {
        ran.document();
        assert!(!ran.stdout.contains(|c| c != '\n' && is_unsafe(c)), "{verb:?}");
    }
    assert_clean(&ran.stderr, verb);
    for line in ran.stderr.lines().filter(|line| line.starts_with('{')) {
        serde_json::from_str::<serde_json::Value>(line).expect("events are JSON");
    }
    shown
}

fn machine() -> (Project, Engine) {
    let env = "INFRA_TYPE=container\nINFRA_ID=web\nMEMORY=512\nCPUS=1\nMOUNTS=.:/work\n";
    let (project, engine) = engined(Project::new(env));
    engine.stranger(&format!("other{POISON}"));
    (project, engine)
}

#[test]
fn whatever_an_engine_answers_steers_no_terminal() {
    for but in [&[][..], IDENTITY, STATE] {
        let (project, engine) = machine();
        // Made before the engine was poisoned, so that there is something to be told of.
        project.ok(&["up"]);
        engine.world().poison = Some((POISON, but));
        lived_through(&project);
    }
}

#[test]
fn whatever_an_engine_refuses_with_steers_no_terminal() {
    let mut shown = 0;
    for request in ["POST /containers", "POST /networks", "DELETE", "GET"] {
        let (project, engine) = machine();
        project.ok(&["up"]);
        engine.world().refused.push((request, POISON));
        // A list that cannot be had is asked for again, for a while: a few verbs show that as well.
        let some = VERBS.iter().step_by(if request == "GET" { 5 } else { 1 });
        shown += some.map(|verb| clean_in_both_forms(&project, verb)).sum::<usize>();
    }
    assert!(shown > 10, "the engine's words were shown, and clean: {shown}");
}

#[test]
fn a_stranger_with_a_hostile_name_and_labels_is_told_of_cleanly() {
    let (project, engine) = machine();
    project.ok(&["up"]);
    engine.world().relabel(&[
        ("io.vagrantp.project", &format!("/home/{POISON}")),
        ("io.vagrantp.snapshot", POISON),
        ("io.vagrantp.uuid", POISON),
    ]);
    lived_through(&project);
    let (project, engine) = machine();
    project.ok(&["up"]);
    engine.world().restamp("project", &format!("/home/{POISON}"));
    let (exit, document) = project.json(&["list"]);
    assert_eq!(exit, 0, "{document:#}");
    assert!(document.to_string().contains("[2J"), "the path is told: {document:#}");
    lived_through(&project);
}

#[test]
fn a_terminal_gets_colours_of_ours_and_nothing_of_the_engines() {
    let (project, engine) = machine();
    project.ok(&["up"]);
    engine.world().refused.push(("POST /containers", POISON));
    for verb in [&["stop"][..], &["status"], &["list"], &["logs"]] {
        let shown = terminal::shown(project.command(verb), b"");
        // Colours, a spinner's line, and the hiding of the cursor are ours.
        let ours = ["\u{1b}[", "m", "\r"];
        let rest: String = shown.replace(ours[2], "").split(ours[0]).enumerate().map(own).collect();
        assert_clean(&rest, verb);
        for theirs in ["\u{1b}[2J\u{1b}]0", "\u{1b}]", "\u{9b}", "\u{202e}", "\u{7}"] {
            assert!(!shown.contains(theirs), "{verb:?}: {shown:?}");
        }
    }
}

/// What follows an escape sequence of ours: a colour, or the end of a line that is drawn again.
fn own((index, part): (usize, &str)) -> &str {
    let rest = part.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, ';' | '?'));
    match index {
        0 => part,
        _ => rest.strip_prefix(['m', 'K', 'h', 'l', 'A', 'B', 'G', 'J']).unwrap_or(part),
    }
}
