//! Every call that changes the world is a deed: it stands inside of one of the two functions of
//! `src/deed.rs`, so that a test can have a process die right before it and right after.

use std::collections::BTreeMap;

use super::source::{Token, group_end, tokens, without_tests};
use super::{is_at, sources};

/// Calls of methods that change something: the client's that send anything but GET, bollard's, and
/// those that start a program or write a file.
const METHODS: &[&str] = &[
    // The client of the podman room.
    "post",
    "delete",
    "upload",
    "follow",
    // bollard's, those that are used and those that might be.
    "connect_network",
    "create_container",
    "create_exec",
    "create_image",
    "create_network",
    "create_volume",
    "disconnect_network",
    "kill_container",
    "load_image",
    "pause_container",
    "prune_containers",
    "prune_images",
    "prune_networks",
    "prune_volumes",
    "remove_container",
    "remove_image",
    "remove_network",
    "remove_volume",
    "rename_container",
    "restart_container",
    "start_container",
    "start_exec",
    "stop_container",
    "tag_image",
    "unpause_container",
    "update_container",
    "upload_to_container",
    // The monitor of the qemu room.
    "tell",
    "tell_line",
    "tell_with",
    // Programs; that no other way leads to one, clippy sees to.
    "run",
    "rule",
    "spawn_detached",
    // Files.
    "persist",
    "set_len",
    "set_permissions",
    "tempfile_in",
    "write_all",
];

/// The last two words of functions that change something.
const FUNCTIONS: &[[&str; 2]] = &[
    ["File", "create"],
    ["File", "create_new"],
    ["File", "options"],
    ["DirBuilder", "new"],
    ["OpenOptions", "new"],
    ["UnixListener", "bind"],
    ["NamedTempFile", "new_in"],
    ["fs", "copy"],
    ["fs", "create_dir"],
    ["fs", "create_dir_all"],
    ["fs", "hard_link"],
    ["fs", "remove_dir"],
    ["fs", "remove_dir_all"],
    ["fs", "remove_file"],
    ["fs", "rename"],
    ["fs", "set_permissions"],
    ["fs", "symlink"],
    ["fs", "write"],
    ["private", "make_directory"],
    ["private", "open"],
    ["private", "write"],
];

/// Where such a call is no deed, and why: the file, the call, how often.
const NO_DEEDS: &[(&str, &str, usize, &str)] = &[
    ("src/deed/point.rs", "OpenOptions::new", 1, "the log of the points themselves"),
    ("src/guest/disk/mod.rs", "run", 2, "info, check and dd into a temporary file only ask"),
    ("src/guest/readiness/login.rs", "run", 1, "only asks"),
    ("src/exec/confine.rs", "fs::write", 3, "who a process is within its own namespace"),
    ("src/provider/qemu/agent.rs", "write_all", 1, "the request of a deed, or a question"),
    ("src/provider/qemu/client.rs", "write_all", 1, "the request of a deed, or a question"),
    ("src/provider/qemu/client.rs", "tell", 1, "what `tell_line` is made of"),
    ("src/provider/qemu/host.rs", "OpenOptions::new", 1, "asks whether it may be used"),
    ("src/provider/qemu/host.rs", "run", 1, "asks for the types of machines"),
    ("src/provider/qemu/launch.rs", "write_all", 1, "into memory of the deed that follows"),
    ("src/provider/qemu/memory.rs", "private::open", 1, "to be read"),
    ("src/provider/qemu/memory.rs", "File::options", 1, "to be read"),
    ("src/provider/qemu/output.rs", "private::open", 2, "to be read"),
    ("src/provider/qemu/output.rs", "File::options", 2, "to be read"),
    ("src/provider/qemu/virtiofs.rs", "run", 1, "asks what it can"),
    ("src/provider/podman/import.rs", "write_all", 1, "into the body of a deed's request"),
    ("src/provider/podman/pump.rs", "write_all", 1, "hands on what a command writes"),
    ("src/provider/podman/shell.rs", "write_all", 1, "the request of the deed that follows"),
    ("src/provider/podman/watch.rs", "write_all", 1, "tells a process of ours to end"),
    ("src/provider/podman/wall.rs", "rule", 1, "-C only asks"),
    (
        "src/provider/podman/wall.rs",
        "run",
        3,
        "-S only asks; the others are what `rule` is made of",
    ),
];

/// A call that changes something.
#[derive(Debug, PartialEq, Eq)]
struct Call {
    line: usize,
    name: String,
    /// Whether it stands inside of a deed.
    is_deed: bool,
}

/// The places in a file where `deed::around` and `deed::at_once` are called: from the word to the
/// closing bracket.
fn deeds(tokens: &[Token]) -> Vec<std::ops::Range<usize>> {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    (0..tokens.len())
        .filter(|&at| {
            let called = matches!(text(at + 2), "around" | "at_once") && text(at + 3) == "(";
            text(at) == "deed" && text(at + 1) == "::" && called
        })
        .map(|at| at..group_end(tokens, at + 3))
        .collect()
}

/// The values that a deed is made of and that were put together before it: `let name = ...;`, where
/// `name` stands in the deed that follows.
fn is_of_a_later_deed(tokens: &[Token], call: usize, deeds: &[std::ops::Range<usize>]) -> bool {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    // Back to the beginning of the statement.
    let mut begin = call;
    let mut depth = 0_i32;
    while begin > 0 && !(depth == 0 && text(begin) == "let") {
        match text(begin - 1) {
            ")" | "]" | "}" => depth += 1,
            "(" | "[" => depth -= 1,
            "{" if depth <= 0 => break,
            "{" => depth -= 1,
            ";" if depth <= 0 => break,
            _ => {}
        }
        begin -= 1;
    }
    if text(begin) != "let" {
        return false;
    }
    let name = if text(begin + 1) == "mut" { text(begin + 2) } else { text(begin + 1) };
    // Awaited at once, it is done, whatever becomes of the value.
    let mut end = call;
    while !matches!(text(end), ";" | "") {
        if text(end) == "await" {
            return false;
        }
        end = if matches!(text(end), "(" | "[" | "{") { group_end(tokens, end) } else { end + 1 };
    }
    let next = deeds.iter().find(|deed| deed.start > call);
    next.is_some_and(|deed| {
        tokens[deed.clone()].iter().any(|token| token.text == name) && deed.start < end + 40
    })
}

fn calls(text: &str) -> Vec<Call> {
    let (tokens, _) = without_tests(&tokens(text));
    let deeds = deeds(&tokens);
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let mut calls = Vec::new();
    for at in 0..tokens.len() {
        let method = text(at) == "." && text(at + 2) == "(" && METHODS.contains(&text(at + 1));
        let function = text(at + 1) == "::"
            && matches!(text(at + 3), "(" | ")" | ",")
            && FUNCTIONS.contains(&[text(at), text(at + 2)]);
        let name = match (method, function) {
            (true, _) => text(at + 1).to_owned(),
            (_, true) => format!("{}::{}", text(at), text(at + 2)),
            _ => continue,
        };
        let inside = deeds.iter().any(|deed| deed.contains(&at));
        let is_deed = inside || is_of_a_later_deed(&tokens, at, &deeds);
        calls.push(Call { line: tokens[at].line, name, is_deed });
    }
    calls
}

/// The names of a file's deeds.
fn names(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in text.split("deed::").skip(1) {
        let called = part.strip_prefix("around(").or_else(|| part.strip_prefix("at_once("));
        let name = called.and_then(|rest| rest.trim_start().strip_prefix('"')?.split_once('"'));
        found.extend(name.map(|(name, _)| name.to_owned()));
    }
    found
}

/// Whether a file is at the rim, where the world can be changed at all.
fn is_at_the_rim(file: &str) -> bool {
    ["src/store", "src/provider", "src/exec", "src/deed", "src/cli", "src/apply", "src/guest"]
        .iter()
        .any(|rim| is_at(file, rim))
}

#[test]
fn every_call_that_changes_the_world_is_a_deed() {
    let mut wrong = Vec::new();
    for (file, text) in sources().iter().filter(|(file, _)| is_at_the_rim(file)) {
        let mut others: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for call in calls(text).into_iter().filter(|call| !call.is_deed) {
            others.entry(call.name).or_default().push(call.line);
        }
        for (name, lines) in others {
            let excused = NO_DEEDS.iter().find(|(at, call, ..)| at == file && *call == name);
            if excused.is_none_or(|(_, _, count, _)| *count != lines.len()) {
                wrong.push(format!("{file}: `{name}` outside of a deed, lines {lines:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
#[expect(clippy::print_stdout, reason = "the count is for whoever reads the gate's output")]
fn deeds_are_named_after_where_they_are() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (file, text) in sources() {
        for name in names(&text) {
            let room = name.split('.').next().unwrap_or_default().to_owned();
            let home = match room.as_str() {
                "store" => "src/store".to_owned(),
                "init" => "src/cli/init".to_owned(),
                "guest" => "src/guest".to_owned(),
                room => format!("src/provider/{room}"),
            };
            assert!(is_at(&file, &home), "{file} has the deed {name}");
            *counts.entry(room).or_default() += 1;
        }
    }
    for (room, count) in &counts {
        println!("deeds of {room}: {count} places, {} points", 2 * count);
    }
    assert!(
        counts
            .keys()
            .map(String::as_str)
            .eq(["guest", "init", "memory", "podman", "qemu", "store"]),
        "{counts:?}"
    );
}

#[test]
fn a_planted_call_is_found() {
    let outside = |text: &str| {
        let calls = calls(text);
        assert_eq!(calls.len(), 1, "{calls:?}");
        !calls[0].is_deed
    };
    assert!(outside("fn f() { client.post(&path).await }"));
    assert!(outside("fn f() { std::fs::remove_file(&path) }"));
    assert!(outside("fn f() { let _ = path.map(fs::remove_dir); }"));
    assert!(outside("fn f() { let a = x.post(&path).await; deed::around(\"a\", a).await; }"));
    assert!(outside("fn f() { let a = x.post(&path); deed::around(\"a\", b).await; }"));
    assert!(!outside("fn f() { deed::around(\"a\", client.post(&path)).await }"));
    assert!(!outside("fn f() { let a = x.post(&p); let b = deed::around(\"a\", a).await?; }"));
    assert!(!outside("fn f() { deed::at_once(\"a\", || { let x = 1; fs::write(p, x) })?; }"));
    assert_eq!(calls("fn f() { a.get(&path); fs::read(p); file.write(b) }"), []);
}
