//! The checker's own tests: planted breaches are found, and what is allowed is left alone.

use super::source::Path;
use super::{breaches, module_path, named, tokens, without_tests};

fn is_fine(file: &str, text: &str) {
    assert_eq!(breaches(file, text), Vec::<String>::new());
}

fn finds(file: &str, text: &str, wanted: &str) {
    let found = breaches(file, text);
    assert!(found.iter().any(|line| line.contains(wanted)), "{wanted:?} not in {found:#?}");
}

fn ours(text: &str, module: &[&str]) -> Vec<String> {
    let module: Vec<String> = module.iter().map(|part| (*part).to_owned()).collect();
    named(&tokens(text), &module, false)
        .into_iter()
        .filter_map(|named| match named.path {
            Path::Ours(path) => Some(path.join("::")),
            Path::Foreign(_) => None,
        })
        .collect()
}

#[test]
fn a_use_of_another_module_is_found() {
    finds("src/model/id.rs", "use crate::config::Config;", ":1: `model` may not use `config::");
    finds("src/plan/diff.rs", "\n\nuse crate::config::Config;", ":3: `plan` may not use");
    finds("src/apply.rs", "use crate::report::human;", "`apply` may not use `report::human`");
    is_fine("src/apply.rs", "use crate::{event::Event, plan::{Plan, action::Action}};");
}

#[test]
fn braces_are_unfolded() {
    let text = "use crate::{a, b::{self, c::*, d as e}, f::{g::{h, i}}};";
    let wanted = ["a", "b", "b::c", "b::d", "f::g::h", "f::g::i"];
    assert_eq!(ours(text, &[]), wanted);
    finds(
        "src/store/mod.rs",
        "use crate::{model::{id, stamp}, provider::{Provider, error}};",
        "may not use `provider::Provider`",
    );
}

#[test]
fn paths_in_expressions_count() {
    finds("src/plan/mod.rs", "fn f() { crate::apply::run(); }", "may not use `apply::run`");
    finds("src/plan/mod.rs", "fn f(x: Vec<crate::store::Lock>) {}", "may not use `store::Lock`");
    finds("src/config/mod.rs", "fn f() { super::super::cli::main() }", "may not use `cli::main`");
}

#[test]
fn relative_paths_are_followed() {
    assert_eq!(ours("use super::units::Memory;", &["model", "spec"]), ["model::units::Memory"]);
    assert_eq!(ours("use self::a::B;", &["model"]), ["model::a::B"]);
    assert_eq!(ours("mod a; fn f() { a::g(); }", &["plan"]), ["plan::a::g"]);
    assert_eq!(
        ours("mod inner { use super::x::Y; } use super::z::Z;", &["plan", "diff"]),
        ["plan::diff::x::Y", "plan::z::Z"]
    );
    finds("src/plan/diff.rs", "use super::super::store::Lock;", "may not use `store::Lock`");
}

#[test]
fn comments_strings_and_tests_do_not_count() {
    is_fine("src/model/a.rs", "//! [`crate::exit`]\n/* /* crate::cli::x */ crate::cli::y */");
    is_fine("src/model/a.rs", r##"const A: &str = "crate::cli::x \" crate::cli::y";"##);
    is_fine("src/model/a.rs", "const A: &str = r#\"a\" crate::cli::x\"#; const B: char = '\"';");
    is_fine("src/model/a.rs", "#[cfg(test)]\nmod tests { use crate::cli::x; fn f() {} }");
    is_fine("src/model/a.rs", "#[cfg(all(test, unix))]\n#[path = \"x\"] use crate::cli::{x, y};");
    finds("src/model/a.rs", "#[cfg(test)] mod t { } use crate::cli::x;", "may not use `cli::x`");
    finds("src/model/a.rs", "#[cfg(test)] use a::{b}; use crate::cli::x;", "`cli::x`");
    finds("src/model/a.rs", "#[cfg(not(test))] use crate::cli::x;", "may not use `cli::x`");
    finds("src/model/a.rs", "fn f<'a>(x: &'a str) -> crate::cli::X {}", "may not use `cli::X`");
    finds("src/model/a.rs", "const A: char = '\\''; use crate::cli::x;", "may not use `cli::x`");
    let (_, modules) = without_tests(&tokens("#[cfg(test)] mod tests; mod other;"));
    assert_eq!(modules, ["tests"]);
}

#[test]
fn rooms_are_named_by_the_registry_alone() {
    let text = "use crate::provider::podman::Podman;";
    is_fine("src/provider/registry.rs", text);
    is_fine(
        "src/provider/podman/execute.rs",
        "use super::client::Client; use super::super::Provider;",
    );
    finds("src/provider/qemu/mod.rs", text, "`provider/qemu` may not use `provider::podman");
    finds("src/cli/up.rs", text, "`cli` may not use `provider::podman");
    finds("src/apply.rs", text, "`apply` may not use `provider::podman");
    finds("src/provider/mod.rs", "pub mod podman; pub use podman::Podman;", "may not use");
    finds("src/provider/podman/mod.rs", "use crate::store::Lease;", "may not use `store::Lease`");
    finds("src/provider/podman/mod.rs", "use crate::plan::Plan;", "may not use `plan::Plan`");
    is_fine("src/provider/podman/mod.rs", "use crate::plan::action::{Action, Outcome};");
}

#[test]
fn nobody_uses_cli_but_the_binary() {
    is_fine("src/main.rs", "fn main() { vagrantp::cli::run(); }");
    finds("src/main.rs", "use vagrantp::plan::Plan;", "`main` may not use `plan::Plan`");
    is_fine("src/plan/mod.rs", "#[diagnostic(code(vagrantp::plan::refused))] struct A;");
    finds("src/report/human.rs", "use crate::cli::Args;", "may not use `cli::Args`");
}

#[test]
fn error_types_go_to_report_and_exit() {
    is_fine("src/report/json.rs", "use crate::config::error::Mistake; use crate::plan::Plan;");
    is_fine("src/exit.rs", "use crate::provider::ProviderError; use crate::plan::PlanError;");
    finds("src/report/json.rs", "use crate::config::Config;", "may not use `config::Config`");
    finds("src/exit.rs", "use crate::provider::Provider;", "may not use `provider::Provider`");
}

#[test]
fn the_pure_middle_is_kept_from_the_world() {
    finds("src/plan/mod.rs", "use std::{fmt, fs::read};", "kept away from `std::fs::read`");
    finds("src/plan/mod.rs", "use std::time::{Duration, Instant};", "`std::time::Instant`");
    finds("src/plan/mod.rs", "fn f() { tokio::spawn(g()) }", "kept away from `tokio::spawn`");
    finds("src/model/a.rs", "async fn f() {}", "kept away from `async`");
    finds("src/resolve.rs", "let x = jiff::Zoned::now(); Zoned::now()", "`Zoned::now`");
    is_fine("src/plan/mod.rs", "use std::time::Duration; use std::fs_not::x;");
}

#[test]
fn the_rim_keeps_its_exceptions() {
    let text = "#[expect(clippy::disallowed_methods, reason = \"x\")] fn f() {}";
    is_fine("src/exec.rs", text);
    is_fine("src/exec/detached.rs", text);
    is_fine("src/cli/host.rs", text);
    finds("src/cli/up.rs", text, "`disallowed_methods` is not to be let off here");
    finds("src/executor.rs", "mod x;", "`executor` is not in the table of modules");
    finds("src/plan/mod.rs", "#![allow(unsafe_code)]", "`unsafe_code` is not to be let off");
    is_fine("src/plan/mod.rs", "#[expect(clippy::too_many_lines, reason = \"x\")] fn f() {}");
}

#[test]
fn files_are_modules() {
    assert_eq!(module_path("src/model/id.rs"), ["model", "id"]);
    assert_eq!(module_path("src/model/mod.rs"), ["model"]);
    assert_eq!(module_path("src/apply.rs"), ["apply"]);
    assert!(module_path("src/lib.rs").is_empty());
}
