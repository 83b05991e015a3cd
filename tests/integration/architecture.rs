//! Who may use whom: the import table of the design, held against every path that a file of `src/`
//! names outside of its tests.

use std::fs;
use std::path::{Path as FilePath, PathBuf};

use self::source::{Path, lints_let_off, named, tokens, without_tests};

mod checker;
mod deeds;
mod release;
mod source;

/// A row of the table. A module may always use itself; a provider's room is a module of its own.
struct Row {
    module: &'static str,
    /// Modules of ours: a name, `rooms`, `errors` (the error types of any module), or `all`.
    may_use: &'static [&'static str],
    /// What it is kept away from besides: the beginnings of paths in other crates, and keywords.
    never: &'static [&'static str],
}

const PURE: &[&str] = &[
    "async",
    "tokio",
    "std::env",
    "std::fs",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::UdpSocket",
    "std::os::unix::net",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
    "Zoned::now",
];

const TABLE: &[Row] = &[
    Row { module: "model", may_use: &[], never: PURE },
    Row { module: "event", may_use: &["model"], never: &["tokio"] },
    Row { module: "template", may_use: &["model"], never: &["tokio"] },
    Row { module: "deed", may_use: &[], never: &["std::env"] },
    Row { module: "exec", may_use: &["model", "deed"], never: &[] },
    Row { module: "private", may_use: &["model"], never: &["async", "tokio", "std::env"] },
    Row { module: "config", may_use: &["model"], never: &["async", "tokio", "std::env"] },
    Row { module: "resolve", may_use: &["model", "config"], never: PURE },
    Row { module: "plan", may_use: &["model"], never: PURE },
    Row { module: "store", may_use: &["model", "event", "deed", "private"], never: &["std::env"] },
    Row {
        module: "guest",
        may_use: &["model", "event", "exec", "template", "private", "deed"],
        never: &["std::env"],
    },
    Row {
        module: "provider",
        // What the rooms share fails in its own words.
        may_use: &["model", "plan/action", "event", "deed", "errors"],
        never: &["std::fs"],
    },
    Row {
        module: "provider/registry",
        may_use: &["provider", "rooms", "model", "plan/action", "event"],
        never: &["std::env"],
    },
    Row {
        module: "rooms",
        may_use: &[
            "provider",
            "model",
            "plan/action",
            "guest",
            "event",
            "exec",
            "private",
            "template",
            "deed",
        ],
        never: &["std::env"],
    },
    Row {
        module: "apply",
        may_use: &["model", "plan", "plan/action", "provider", "store", "event"],
        never: &["std::env", "std::process"],
    },
    Row {
        module: "provision",
        may_use: &["model", "store", "event", "exec", "template"],
        never: &["std::env"],
    },
    Row {
        module: "report",
        may_use: &["model", "plan", "plan/action", "event", "errors"],
        never: &["std::env", "std::process::Command"],
    },
    Row { module: "exit", may_use: &["errors", "model"], never: PURE },
    Row { module: "cli", may_use: &["all"], never: &[] },
    // The binary: parse, run, exit.
    Row { module: "main", may_use: &["cli", "exit"], never: &["std::fs", "std::env"] },
    // The crate's root: the list of modules.
    Row { module: "", may_use: &[], never: PURE },
];

/// Who may be let off from a lint that holds the rim in its place.
const LET_OFF: &[(&str, &[&str])] = &[
    // Programs are run, and the environment is read, in one place each.
    ("disallowed_methods", &["src/exec", "src/cli/host"]),
    // `report` alone prints.
    ("print_stdout", &["src/report"]),
    ("print_stderr", &["src/report"]),
    ("exit", &["src/main.rs", "src/cli/failure.rs", "src/cli/signals.rs"]),
    // What a child does between fork and exec.
    ("unsafe_code", &["src/exec"]),
    ("unwrap_used", &[]),
    ("missing_docs", &[]),
    ("todo", &[]),
    ("unimplemented", &[]),
    ("dbg_macro", &[]),
];

/// Longer than this, and there is a second idea in the file.
const LONGEST: usize = 400;

/// Files that are longer all the same, and why.
const LONGER: &[(&str, &str)] = &[];

/// The module of the table that a path of ours is about: `provider::podman::spec` is the room
/// `provider/podman`, `plan::action::Action` is `plan/action`.
fn module_of(path: &[String]) -> String {
    let parts: Vec<&str> = path.iter().map(String::as_str).collect();
    match parts[..] {
        [] => String::new(),
        // The trait's own; what it exports is named by capitals.
        ["provider"] | ["provider", "error", ..] => "provider".to_owned(),
        ["provider", inner, ..] if inner.starts_with(char::is_uppercase) => "provider".to_owned(),
        ["provider", room, ..] => format!("provider/{room}"),
        ["plan", "action", ..] => "plan/action".to_owned(),
        [first, ..] => first.to_owned(),
    }
}

fn is_room(module: &str) -> bool {
    module.starts_with("provider/") && module != "provider/registry"
}

/// An error type, wherever it lives: in a file `error`, or by its name.
fn is_error(path: &[String]) -> bool {
    path.get(1..).is_some_and(|inner| inner.iter().any(|part| part == "error"))
        || path.last().is_some_and(|last| last.ends_with("Error"))
}

fn row_of(module: &str) -> Option<&'static Row> {
    let name = match module {
        "plan/action" => "plan",
        room if is_room(room) => "rooms",
        other => other,
    };
    TABLE.iter().find(|row| row.module == name)
}

fn may_use(row: &Row, user: &str, path: &[String]) -> bool {
    let used = module_of(path);
    let own = user == used || (row.module == "plan" && used == "plan/action");
    // Rooms are named by the registry alone, `cli` included; and nobody but the binary uses `cli`.
    let listed = row.may_use.iter().any(|listed| match *listed {
        "all" => !is_room(&used),
        "rooms" => is_room(&used),
        "errors" => is_error(path),
        name => used == name,
    });
    // `crate::Thing`: nothing lives in the root.
    own || (listed && !used.is_empty())
}

/// Every breach in one file, as `file:line: what`.
fn breaches(file: &str, text: &str) -> Vec<String> {
    let (tokens, _) = without_tests(&tokens(text));
    let own_path = module_path(file);
    let user = if file == "src/main.rs" { "main".to_owned() } else { module_of(&own_path) };
    let Some(row) = row_of(&user) else {
        return vec![format!("{file}: `{user}` is not in the table of modules")];
    };
    let mut found = Vec::new();
    for named in named(&tokens, &own_path, file == "src/main.rs") {
        let line = named.line;
        match named.path {
            Path::Ours(path) if !may_use(row, &user, &path) => {
                found.push(format!("{file}:{line}: `{user}` may not use `{}`", path.join("::")));
            }
            Path::Foreign(path) => {
                let path = path.join("::");
                // What the compiler was told of the target is no reading of the environment.
                if path.starts_with("std::env::consts::") {
                    continue;
                }
                let banned = row.never.iter().find(|ban| {
                    path.strip_prefix(**ban)
                        .is_some_and(|end| end.is_empty() || end.starts_with("::"))
                });
                if banned.is_some() {
                    found.push(format!("{file}:{line}: `{user}` is kept away from `{path}`"));
                }
            }
            Path::Ours(_) => {}
        }
    }
    for token in tokens.iter().filter(|token| row.never.contains(&token.text.as_str())) {
        // A crate's name alone is caught above, as the path that it begins.
        if token.text == "async" {
            found.push(format!("{file}:{}: `{user}` is kept away from `async`", token.line));
        }
    }
    for (line, lint) in lints_let_off(&tokens) {
        let homes = LET_OFF.iter().find(|(name, _)| *name == lint).map(|(_, homes)| *homes);
        if homes.is_some_and(|homes| !homes.iter().any(|home| is_at(file, home))) {
            found.push(format!("{file}:{line}: `{lint}` is not to be let off here"));
        }
    }
    found
}

/// Whether `file` is `home`, or `home.rs`, or inside of the folder `home`.
fn is_at(file: &str, home: &str) -> bool {
    file.strip_prefix(home)
        .is_some_and(|end| end.is_empty() || end == ".rs" || end.starts_with('/'))
}

/// `src/model/id.rs` is the module `["model", "id"]`.
fn module_path(file: &str) -> Vec<String> {
    let inner = file.strip_prefix("src/").unwrap_or(file);
    let inner = inner.strip_suffix(".rs").unwrap_or(inner);
    let inner = inner.strip_suffix("mod").map_or(inner, |folder| folder.trim_end_matches('/'));
    inner
        .split('/')
        .filter(|part| !matches!(*part, "" | "lib" | "main"))
        .map(str::to_owned)
        .collect()
}

/// Every file of `src/` with its text, by its path in the repository; tests' own files left out.
fn sources() -> Vec<(String, String)> {
    let root = FilePath::new(env!("CARGO_MANIFEST_DIR"));
    let (mut folders, mut files) = (vec![root.join("src")], Vec::<PathBuf>::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("src/ can be listed") {
            let path = entry.expect("src/ can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    let named: Vec<(String, String)> = files
        .iter()
        .map(|path| {
            let name = path.strip_prefix(root).expect("it was found beneath");
            let text = fs::read_to_string(path).expect("a source file is text");
            (name.display().to_string(), text)
        })
        .collect();
    let for_tests: Vec<Vec<String>> = named
        .iter()
        .flat_map(|(file, text)| {
            let parent = module_path(file);
            let (_, modules) = without_tests(&tokens(text));
            modules
                .into_iter()
                .map(move |module| parent.iter().cloned().chain(std::iter::once(module)).collect())
        })
        .collect();
    let is_for_tests = |file: &str| {
        let path = module_path(file);
        for_tests.iter().any(|module| path.starts_with(module))
    };
    named.into_iter().filter(|(file, _)| !is_for_tests(file)).collect()
}

#[test]
fn every_file_keeps_to_the_table_of_imports() {
    let sources = sources();
    assert!(sources.len() > 20, "only {} files of src/ were found", sources.len());
    let found: Vec<String> = sources.iter().flat_map(|(file, text)| breaches(file, text)).collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn files_can_be_taken_in_at_one_look() {
    for (file, text) in sources() {
        let lines = text.lines().count();
        let excused = LONGER.iter().any(|(name, _)| *name == file);
        assert!(lines <= LONGEST || excused, "{file} has {lines} lines: look for the second idea");
        assert!(lines > LONGEST || !excused, "{file} has {lines} lines and needs no excuse");
    }
}
