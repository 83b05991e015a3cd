//! The documentation: its links lead somewhere, and what can be written from the code is.
//! `VAGRANTP_BLESS=1` writes the generated pages anew.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use vagrantp::cli::Cli;
use vagrantp::exit;
use vagrantp::model::code::Code;
use vagrantp::model::rule::Rule;

const GENERATED: &str =
    "<!-- Written by `VAGRANTP_BLESS=1 cargo test --test integration docs`; edits get lost. -->\n";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Holds a page to what the code says.
#[track_caller]
fn holds(page: &str, text: &str) {
    let path = root().join(page);
    if crate::cli::cli_support::variable("VAGRANTP_BLESS").is_some() {
        fs::create_dir_all(path.parent().expect("it has one")).expect("a directory");
        fs::write(&path, text).expect("a page");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == text,
        "{page} is not what the code says; VAGRANTP_BLESS=1 writes it anew\n{text}"
    );
}

fn pages(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            pages(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

/// The targets of `[text](target)` outside of code.
fn links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        let mut rest = if in_code { "" } else { line };
        while let Some(at) = rest.find("](") {
            rest = &rest[at + 2..];
            let end = rest.find(')').unwrap_or(rest.len());
            links.push(rest[..end].to_owned());
        }
    }
    links
}

/// A heading as the part of a link after `#`.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_link_to_a_file_leads_there() {
    let mut found = vec![root().join("README.md"), root().join("CONTRIBUTING.md")];
    for dir in ["docs", "examples", "tests/requirements"] {
        pages(&root().join(dir), &mut found);
    }
    let mut dead = Vec::new();
    let mut checked = 0;
    for page in found {
        let text = fs::read_to_string(&page).unwrap_or_else(|e| panic!("{}: {e}", page.display()));
        for link in links(&text).into_iter().filter(|link| !link.contains("://")) {
            checked += 1;
            let (path, fragment) = link.split_once('#').unwrap_or((&link, ""));
            let target =
                if path.is_empty() { page.clone() } else { page.parent().unwrap().join(path) };
            let text = fs::read_to_string(&target).unwrap_or_default();
            let mut headings = text.lines().filter(|line| line.starts_with('#'));
            let there = target.exists()
                && (fragment.is_empty() || headings.any(|line| anchor(line) == fragment));
            if !there {
                dead.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
    assert!(checked > 10, "{checked} links were looked at");
}

#[test]
fn the_reference_of_errors_is_what_the_code_says() {
    let mut text = format!(
        "{GENERATED}\n# Codes and exit statuses\n\n\
         Every failure has a code, which keeps its meaning, in the `error.code` of `--json`. The\n\
         code decides the exit status. Where a call fails for several reasons, 2 comes before 5\n\
         before 4 before 6 before 3 before the others. A signal's status is 128 and its number.\n\n\
         `vagrantp ssh` exits with the status of what ran inside, and with {} where the failure is\n\
         vagrantp's own. `vagrantp plan --exit-code` exits with {} where there is something to do.\n\n\
         | Code | Exit status | Meaning |\n|---|---|---|\n",
        exit::SSH_FAILURE,
        exit::SOMETHING_TO_DO
    );
    for code in Code::ALL {
        let anchor = anchor(code.as_str());
        let _ = writeln!(
            text,
            "| [{code}](#{anchor}) | {} | {} |",
            exit::status_text(*code),
            code.meaning()
        );
    }
    text.push_str(
        "\n`vagrantp explain CODE` and `vagrantp explain RULE` say in a terminal what follows.\n",
    );
    for code in Code::ALL {
        let (status, meaning, remedy) = (exit::status_text(*code), code.meaning(), code.remedy());
        let _ = write!(text, "\n## {code}\n\nExit status {status}. {meaning} {remedy}\n");
        let rules: Vec<_> = Rule::all().filter(|rule| rule.codes.contains(code)).collect();
        if !rules.is_empty() {
            text.push_str("\nRules:\n\n");
        }
        for rule in rules {
            let (name, anchor) = (rule.full_name(), anchor(&rule.full_name()));
            let _ = writeln!(text, "- [{name}](#{anchor})");
        }
    }
    text.push_str(
        "\n# Rules\n\nWhat exactly is wrong: the first line of a message, and `rule` in `--json`.\n",
    );
    for rule in Rule::all() {
        let codes: Vec<String> =
            rule.codes.iter().map(|code| format!("[{code}](#{})", anchor(code.as_str()))).collect();
        let comes_as = if rule.is_warning() { "a warning".to_owned() } else { codes.join(", ") };
        let _ = write!(
            text,
            "\n## {}\n\nComes as {comes_as}. {} {}\n",
            rule.full_name(),
            rule.meaning,
            rule.remedy
        );
    }
    holds("docs/reference/errors.md", &text);
}

/// Every rule that a file of `src/` raises: `code(vagrantp::…)` of a diagnostic, or the name itself.
fn rules_in(text: &str) -> Vec<String> {
    let starts = ["code(vagrantp::", "with_code(\"vagrantp::"];
    let named = |start: &str| -> Vec<String> {
        let after = text.split(start).skip(1);
        let name = |rest: &str| {
            let inner =
                |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == ':';
            rest.chars().take_while(|c| inner(*c)).collect()
        };
        after.map(name).collect()
    };
    starts.into_iter().flat_map(named).collect()
}

#[test]
fn every_rule_of_the_code_is_in_the_table_and_no_other() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    let mut raised = BTreeSet::new();
    for file in files {
        raised.extend(rules_in(&fs::read_to_string(&file).expect("a source file is text")));
    }
    let known: BTreeSet<String> = Rule::all().map(|rule| rule.name.to_owned()).collect();
    let missing: Vec<_> = raised.difference(&known).collect();
    let unraised: Vec<_> = known.difference(&raised).collect();
    assert!(missing.is_empty(), "not in src/model/rule/: {missing:#?}");
    assert!(unraised.is_empty(), "nothing in src/ raises: {unraised:#?}");
    assert_eq!(rules_in("code(vagrantp::a::b_1), with_code(\"vagrantp::c\")"), ["a::b_1", "c"]);
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("src/ can be listed").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn the_reference_of_verbs_is_what_help_says() {
    let mut text = format!(
        "{GENERATED}\n# Verbs and options\n\nWhat `vagrantp --help` and `vagrantp VERB --help` say.\n"
    );
    let mut command = Cli::command().term_width(80);
    command.build();
    let mut add = |name: &str, help: String| {
        let help = help.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        let _ = write!(text, "\n## `{name}`\n\n```text\n{}\n```\n", help.trim_end());
    };
    add("vagrantp", command.render_long_help().to_string());
    for verb in command.get_subcommands_mut().filter(|verb| !verb.is_hide_set()) {
        let name = format!("vagrantp {}", verb.get_name());
        add(&name, verb.render_long_help().to_string());
        for inner in verb.get_subcommands_mut().filter(|inner| !inner.is_hide_set()) {
            add(&format!("{name} {}", inner.get_name()), inner.render_long_help().to_string());
        }
    }
    holds("docs/reference/cli.md", &text);
}

#[test]
fn links_are_found_outside_of_code_alone() {
    let text = "[a](b.md) and [c](d.md#e)\n```\n[no](no.md)\n```\n";
    assert_eq!(links(text), ["b.md", "d.md#e"]);
    assert_eq!(anchor("## Who may import whom?"), "who-may-import-whom");
}
