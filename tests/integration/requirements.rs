//! Holds `tests/requirements/table.md`: every requirement has one row, and every row says truly
//! what holds it. The table explains its own columns.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

/// How many requirements each of the five systems has. The list is closed.
const SYSTEMS: [(char, u16); 5] = [('V', 120), ('K', 59), ('P', 74), ('C', 44), ('L', 58)];

/// The issues that may still bring a row.
const ISSUES: RangeInclusive<u8> = 3..=10;

/// Whether rows may name tests that are still to be written: true while an issue is worked on.
const PLANNED: Planned = Planned::IsOver;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Planned {
    MayStand,
    IsOver,
}

/// One row of the table.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    id: String,
    holds: Holds,
}

/// What holds a row.
#[derive(Debug, PartialEq, Eq)]
enum Holds {
    Tests(Vec<String>),
    Planned(Vec<String>),
    Issue,
    Out,
}

/// The rows of a table, and what is wrong with their form.
fn parse(table: &str, planned: Planned) -> (Vec<Row>, Vec<String>) {
    let (mut rows, mut complaints) = (Vec::new(), Vec::new());
    let lines = table.lines().filter(|line| line.starts_with('|'));
    for line in lines.filter(|line| !line.starts_with("| Row |") && !line.starts_with("|---")) {
        match parse_row(line, planned) {
            Ok(row) => rows.push(row),
            Err(complaint) => complaints.push(format!("{complaint}: {line}")),
        }
    }
    (rows, complaints)
}

fn parse_row(line: &str, planned: Planned) -> Result<Row, String> {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [id, requirement, fields] = cells[..] else {
        return Err("a row has three cells".into());
    };
    if requirement.is_empty() {
        return Err("the requirement is missing".into());
    }
    let mut holds = Vec::new();
    let mut rest = None;
    for field in fields.split(';') {
        let (name, value) = field.split_once('=').ok_or("a field is `name = value`")?;
        let (name, value) = (name.trim(), value.trim());
        if value.is_empty() {
            return Err(format!("`{name}` is empty"));
        }
        match name {
            "tests" => holds.push(Holds::Tests(test_names(value)?)),
            "planned" if planned == Planned::MayStand => {
                holds.push(Holds::Planned(test_names(value)?));
            }
            "planned" => return Err("`planned` tests are still to be written".into()),
            "issue" => {
                issue_number(value)?;
                holds.push(Holds::Issue);
            }
            "out" => holds.push(Holds::Out),
            "rest" => {
                if rest.replace(issue_number(value)?).is_some() {
                    return Err("`rest` stands there twice".into());
                }
            }
            other => return Err(format!("unknown field `{other}`")),
        }
    }
    let found = holds.len();
    let Some(only) = holds.pop().filter(|_| found == 1) else {
        return Err(format!("one of tests, planned, issue, out is wanted, {found} found"));
    };
    if rest.is_some() && matches!(only, Holds::Issue | Holds::Out) {
        return Err("`rest` belongs to `tests`".into());
    }
    Ok(Row { id: id.to_owned(), holds: only })
}

fn issue_number(value: &str) -> Result<u8, String> {
    value
        .parse()
        .ok()
        .filter(|number| ISSUES.contains(number))
        .ok_or_else(|| format!("`{value}` is no issue to come ({ISSUES:?})"))
}

fn test_names(value: &str) -> Result<Vec<String>, String> {
    let names: Vec<String> = value.split_whitespace().map(str::to_owned).collect();
    for name in &names {
        let well_formed = name.split_once("::").is_some_and(|(file, function)| {
            let ours = file.starts_with("src/") || file.starts_with("tests/");
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            ours && file.ends_with(".rs")
                && !file.contains("..")
                && !function.is_empty()
                && function.chars().all(plain)
        });
        if !well_formed {
            return Err(format!("`{name}` is not `file::test_name` under src/ or tests/"));
        }
    }
    Ok(names)
}

/// What is wrong with the ids: each of the closed list has to be there once, and no other.
fn check_ids(rows: &[Row]) -> Vec<String> {
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        *found.entry(row.id.as_str()).or_default() += 1;
    }
    let wanted: BTreeSet<String> = SYSTEMS
        .iter()
        .flat_map(|(letter, count)| (1..=*count).map(move |number| format!("{letter}{number}")))
        .collect();
    let mut complaints = Vec::new();
    for id in wanted.iter().filter(|id| !found.contains_key(id.as_str())) {
        complaints.push(format!("{id} has no row"));
    }
    for (id, count) in found {
        if !wanted.contains(id) {
            complaints.push(format!("{id} is no requirement"));
        } else if count > 1 {
            complaints.push(format!("{id} has {count} rows"));
        }
    }
    complaints
}

/// What is wrong with the tests that rows name. `read` gives a file of the repository.
fn check_tests(rows: &[Row], read: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let mut complaints = Vec::new();
    for row in rows {
        match &row.holds {
            Holds::Tests(names) => {
                let missing = names.iter().filter_map(|name| why_not_run(name, read));
                complaints.extend(missing.map(|why| format!("{}: {why}", row.id)));
            }
            Holds::Planned(names) => {
                if names.iter().all(|name| why_not_run(name, read).is_none()) {
                    complaints.push(format!("{}: is there now, so write `tests`", row.id));
                }
            }
            Holds::Issue | Holds::Out => {}
        }
    }
    complaints
}

/// Why a test would not be run, or nothing where it is.
fn why_not_run(name: &str, read: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let (file, function) = name.split_once("::")?;
    let Some(text) = read(file) else {
        return Some(format!("there is no file {file}"));
    };
    if !is_compiled(file, read) {
        return Some(format!("no `mod` line leads to {file}"));
    }
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let starts = [format!("fn {function}("), format!("async fn {function}(")];
    let Some(at) = lines.iter().position(|line| starts.iter().any(|start| line.starts_with(start)))
    else {
        return Some(format!("{file} has no function {function}"));
    };
    let ends_an_item = |line: &&&str| line.is_empty() || line.ends_with(['{', '}', ';']);
    let attributes: Vec<&str> =
        lines[..at].iter().rev().take_while(|line| !ends_an_item(line)).copied().collect();
    let carries = |start: &str| attributes.iter().any(|line| line.starts_with(start));
    if carries("#[ignore") {
        Some(format!("{name} is ignored"))
    } else if !["#[test]", "#[tokio::test]", "#[tokio::test("].into_iter().any(carries) {
        Some(format!("{name} is not marked as a test"))
    } else {
        None
    }
}

/// Whether `mod` lines lead from the root of a target to the file.
fn is_compiled(file: &str, read: &dyn Fn(&str) -> Option<String>) -> bool {
    let path = file.strip_suffix("/mod.rs").or(file.strip_suffix(".rs")).unwrap_or(file);
    let Some((directory, module)) = path.rsplit_once('/') else { return false };
    let is_root = matches!(file, "src/lib.rs" | "src/main.rs")
        || file.starts_with("tests/") && (directory == "tests" || module == "main");
    if is_root {
        return true;
    }
    let parents = match directory {
        "src" => vec!["src/lib.rs".into(), "src/main.rs".into()],
        other if other.starts_with("tests/") && !other["tests/".len()..].contains('/') => {
            vec![format!("{other}/main.rs")]
        }
        other => vec![format!("{other}.rs"), format!("{other}/mod.rs")],
    };
    let line = format!("mod {module};");
    parents.iter().any(|parent| {
        let declares = |text: String| {
            text.lines()
                .any(|l| l == line || l.starts_with("pub") && l.ends_with(&format!(" {line}")))
        };
        read(parent).is_some_and(declares) && is_compiled(parent, read)
    })
}

#[test]
fn every_requirement_is_held_or_owed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| fs::read_to_string(root.join(file)).ok();
    let table = read("tests/requirements/table.md").expect("the table is part of the repository");
    let (rows, mut complaints) = parse(&table, PLANNED);
    complaints.extend(check_ids(&rows));
    complaints.extend(check_tests(&rows, &read));
    assert!(complaints.is_empty(), "the table is wrong:\n{}", complaints.join("\n"));
}

#[test]
fn a_row_in_good_form_is_understood() {
    let table = "# Prose\n\n| Row | Requirement | Where |\n|---|---|---|\n\
        | V1 | a | tests = src/a.rs::b tests/c.rs::d; rest = 4 |\n\
        | V2 | a | planned = src/a.rs::b |\n| V3 | a | issue = 10 |\n| V4 | a | out = no goal |\n";
    let (rows, complaints) = parse(table, Planned::MayStand);
    assert_eq!(complaints, Vec::<String>::new());
    let holds: Vec<Holds> = rows.into_iter().map(|row| row.holds).collect();
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(
        holds,
        [
            Holds::Tests(names(&["src/a.rs::b", "tests/c.rs::d"])),
            Holds::Planned(names(&["src/a.rs::b"])),
            Holds::Issue,
            Holds::Out,
        ]
    );
}

#[test]
fn a_row_in_bad_form_is_reported() {
    for (row, why) in [
        ("| V1 | a |", "three cells"),
        ("| V1 | a | issue = 3 | b |", "three cells"),
        ("| V1 |  | issue = 3 |", "requirement is missing"),
        ("| V1 | a | |", "`name = value`"),
        ("| V1 | a | issue |", "`name = value`"),
        ("| V1 | a | out = |", "`out` is empty"),
        ("| V1 | a | owner = 3 |", "unknown field `owner`"),
        ("| V1 | a | issue = 2 |", "no issue to come"),
        ("| V1 | a | issue = 11 |", "no issue to come"),
        ("| V1 | a | issue = soon |", "no issue to come"),
        ("| V1 | a | rest = 4 |", "0 found"),
        ("| V1 | a | issue = 3; out = b |", "2 found"),
        ("| V1 | a | tests = src/a.rs::b; tests = src/a.rs::c |", "2 found"),
        ("| V1 | a | tests = src/a.rs::b; rest = 3; rest = 4 |", "twice"),
        ("| V1 | a | issue = 3; rest = 4 |", "belongs to `tests`"),
        ("| V1 | a | tests = a_test |", "not `file::test_name`"),
        ("| V1 | a | tests = docs/a.rs::b |", "not `file::test_name`"),
        ("| V1 | a | tests = tests/../a.rs::b |", "not `file::test_name`"),
        ("| V1 | a | tests = src/a.rs:: |", "not `file::test_name`"),
        ("| V1 | a | planned = src/a.rs::b |", "still to be written"),
    ] {
        let (rows, complaints) = parse(row, Planned::IsOver);
        assert!(rows.is_empty(), "{row}");
        assert!(complaints.len() == 1 && complaints[0].contains(why), "{row}: {complaints:?}");
    }
}

#[test]
fn missing_double_and_foreign_ids_are_reported() {
    let row = |id: &str| Row { id: id.into(), holds: Holds::Out };
    let all = || {
        SYSTEMS.iter().flat_map(|(letter, count)| (1..=*count).map(move |n| format!("{letter}{n}")))
    };
    let mut rows: Vec<Row> = all().map(|id| row(&id)).collect();
    assert_eq!((rows.len(), check_ids(&rows)), (355, Vec::new()));
    rows.retain(|row| row.id != "K59");
    rows.extend([row("V1"), row("V121"), row("V01")]);
    assert_eq!(
        check_ids(&rows),
        ["K59 has no row", "V01 is no requirement", "V1 has 2 rows", "V121 is no requirement"]
    );
}

#[test]
fn a_test_that_would_not_run_is_reported() {
    let read = |file: &str| {
        let text = match file {
            "src/lib.rs" => "pub mod a;\n// mod lost;\n",
            "src/a.rs" => "mod b;\n#[test]\nfn good() {}\nfn bare() {}\n",
            "src/a/b.rs" => {
                "#[tokio::test(\n    flavor = \"multi_thread\"\n)]\n/// Words.\nasync fn good() {}\n"
            }
            "src/lost.rs" => "#[test]\nfn good() {}\n",
            "tests/live/main.rs" => "mod life;\n",
            "tests/live/life.rs" => "#[test]\n#[ignore = \"slow\"]\nfn put_off() {}\n",
            _ => return None,
        };
        Some(text.to_owned())
    };
    for (name, why) in [
        ("src/a.rs::good", None),
        ("src/a/b.rs::good", None),
        ("src/a.rs::goo", Some("has no function")),
        ("src/a.rs::bare", Some("not marked as a test")),
        ("src/c.rs::good", Some("there is no file")),
        ("src/lost.rs::good", Some("no `mod` line")),
        ("tests/live/life.rs::put_off", Some("is ignored")),
    ] {
        let found = why_not_run(name, &read);
        let fits = match (&found, why) {
            (None, None) => true,
            (Some(found), Some(why)) => found.contains(why),
            _ => false,
        };
        assert!(fits, "{name}: {found:?}");
    }
    let planned = |name: &str| [Row { id: "V1".into(), holds: Holds::Planned(vec![name.into()]) }];
    assert_eq!(check_tests(&planned("src/a.rs::later"), &read), Vec::<String>::new());
    assert_eq!(
        check_tests(&planned("src/a.rs::good"), &read),
        ["V1: is there now, so write `tests`"]
    );
}
