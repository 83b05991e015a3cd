//! Runs every folder of `tests/scenarios/`: a `.env` and what was observed, and the plan that comes
//! of it. A new case is a new folder; each shows as a test of its own.
//!
//! * `before.env`: what the instance was made from; without it there is none.
//! * `observed.json`: what has happened since, merged into what was observed (lists by position).
//! * `spec.env`: what is wanted now.
//! * `verb`: `up` (the default), `up --recreate`, `up --no-start`, `up --new`, `adopt`, `stop`,
//!   `stop --force`, `rm`, `rm --force`, `restart`, `restart --force`, `suspend`, `resume`,
//!   `snapshot create NAME`, `snapshot revert NAME`, `snapshot rm NAME`.
//! * `plan.txt`: the plan, or the errors. `VAGRANTP_BLESS=1` writes it anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

use vagrantp::config::{self, LoadRequest};
use vagrantp::event::Silence;
use vagrantp::model::desired::Desired;
use vagrantp::model::host::{BridgeNetwork, HostFacts, HostNetworks, Places};
use vagrantp::model::id::{InstanceUuid, ProjectDir};
use vagrantp::model::observed::Observed;
use vagrantp::model::problem::Problem;
use vagrantp::model::snapshot::SnapshotName;
use vagrantp::model::source::Sources;
use vagrantp::model::units::Memory as MemorySize;
use vagrantp::plan::action::Fetch;
use vagrantp::plan::machine::readiness;
use vagrantp::plan::ports::{settle, settle_ssh};
use vagrantp::plan::power::{to_restarted, to_resumed, to_suspended};
use vagrantp::plan::snapshots::{to_reverted, to_snapshot, to_snapshot_gone};
use vagrantp::plan::steps::{
    Recreate, RunningGoal, Twin, stop_mode, to_absent, to_disk, to_running, to_stopped,
};
use vagrantp::plan::{Plan, PlanError, check, describe};
use vagrantp::provider::memory::{Memory, World};
use vagrantp::provider::{Depth, Provider, Query};
use vagrantp::report::{Style, human, json};

#[path = "support/merge.rs"]
mod merge;
use merge::merge;

fn main() {
    let arguments = Arguments::from_args();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut folders: Vec<PathBuf> = fs::read_dir(&root)
        .expect("the scenarios are there")
        .map(|entry| entry.expect("a readable entry").path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    let mut trials: Vec<Trial> = folders
        .iter()
        .map(|folder| {
            let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let folder = folder.clone();
            Trial::test(name, move || run(&folder))
        })
        .collect();
    let all = folders.clone();
    trials.push(Trial::test("the_order_of_keys_never_matters", move || any_order(&all)));
    trials.push(Trial::test("every_action_is_in_some_scenario", move || every_action(&folders)));
    libtest_mimic::run(&arguments, trials).exit();
}

/// A host that is the same everywhere.
fn facts() -> HostFacts {
    let place = |name: &str| PathBuf::from("/home/dev/xdg").join(name);
    HostFacts {
        uid: 1000,
        gid: 1000,
        user: Some("dev".to_owned()),
        home: PathBuf::from("/home/dev"),
        machine_id: "0123456789abcdef0123456789abcdef".to_owned(),
        cpus: 8,
        memory_available: MemorySize(16384),
        memory_total: MemorySize(32768),
        first_unprivileged_port: 1024,
        bridges: vec!["br0".to_owned(), "br1".to_owned()],
        attached: HostNetworks {
            on_bridges: vec![BridgeNetwork {
                bridge: "br0".to_owned(),
                range: "192.168.7.0/24".parse().expect("a range"),
                gateway: Some("192.168.7.1".parse().expect("an address")),
            }],
            has_name_servers: true,
        },
        places: Places {
            state: place("state"),
            data: place("data"),
            cache: place("cache"),
            runtime: place("run"),
        },
        environment: [("PATH".to_owned(), "/nowhere".to_owned())].into(),
        own_key: None,
        distribution: vec!["debian".to_owned()],
    }
}

struct Scenario {
    plan: Result<Plan, Vec<Problem>>,
    sources: Sources,
    uuid: Option<InstanceUuid>,
}

fn run(folder: &Path) -> Result<(), Failed> {
    let scenario = scenario(folder)?;
    let text = match &scenario.plan {
        Ok(plan) => {
            let wrong = check::contradictions(plan);
            if !wrong.is_empty() {
                return Err(format!("the plan contradicts itself: {wrong:?}").into());
            }
            // Whatever is planned has a form in JSON and reads back as what it was.
            let saved = serde_json::to_string(plan)?;
            let again: Plan = serde_json::from_str(&saved)?;
            if serde_json::to_string(&again)? != saved
                || json::steps(plan).len() != plan.steps.len()
            {
                return Err("a saved plan does not read back".into());
            }
            describe::plan_text(plan)
        }
        Err(problems) => render(problems, &scenario.sources),
    };
    let path = folder.canonicalize()?;
    let text = text.replace(&*path.to_string_lossy(), "{dir}");
    // The uuid follows from the directory, which is another one in every clone.
    let text = match scenario.uuid {
        Some(uuid) => text
            .replace(&uuid.to_string(), "{uuid}")
            .replace(&uuid.short(12), "{12 of the uuid}")
            .replace(&uuid.short(6), "{6 of the uuid}"),
        None => text,
    };
    let golden = folder.join("plan.txt");
    if bless() {
        fs::write(&golden, &text)?;
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    if expected == text {
        Ok(())
    } else {
        Err(format!("--- plan.txt\n{expected}\n--- this plan\n{text}").into())
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's own switch")]
fn bless() -> bool {
    std::env::var_os("VAGRANTP_BLESS").is_some()
}

fn render(problems: &[Problem], sources: &Sources) -> String {
    let style =
        Style { json: false, quiet: false, verbose: 0, rich: false, width: 100, stream: false };
    problems
        .iter()
        .map(|problem| format!("{}\n{}", problem.code, human::problem(problem, sources, style)))
        .collect::<Vec<_>>()
        .join("\n")
}

fn scenario(folder: &Path) -> Result<Scenario, Failed> {
    scenario_of(folder, &folder.join("spec.env"))
}

/// The scenario of a folder, with its wish read from this file.
fn scenario_of(folder: &Path, spec: &Path) -> Result<Scenario, Failed> {
    let project =
        ProjectDir { path: folder.canonicalize()?, device: 2049, inode: 7_000_000, mount: None };
    let verb = fs::read_to_string(folder.join("verb")).unwrap_or_else(|_| "up".to_owned());
    let verb = verb.trim();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (wanted, sources) = wish(folder, spec, &project)?;
    let wanted = match wanted {
        Ok(wanted) => wanted,
        Err(problems) => return Ok(Scenario { plan: Err(problems), sources, uuid: None }),
    };
    let provider = Memory::of(wanted.identity.infra_type, World::default());
    if folder.join("before.env").exists() {
        let (before, _) = wish(folder, &folder.join("before.env"), &project)?;
        let before = before.map_err(|problems| format!("before.env: {problems:?}"))?;
        runtime.block_on(make(&provider, &before))?;
    }
    let query =
        Query { identity: &wanted.identity, image: Some(&wanted.image.value), depth: Depth::Full };
    let observed = runtime.block_on(provider.observe(&query))?;
    let observed = happened_since(folder, observed, &wanted)?;
    let plan = plan(verb, &wanted, &observed, &provider);
    let plan = plan.map_err(|errors| errors.into_iter().map(Problem::from).collect());
    Ok(Scenario { plan, sources, uuid: Some(wanted.identity.uuid) })
}

fn wish(
    folder: &Path,
    file: &Path,
    project: &ProjectDir,
) -> Result<(Result<Desired, Vec<Problem>>, Sources), Failed> {
    let facts = facts();
    let loaded = config::load(&LoadRequest {
        dir: folder,
        env_files: &[file.to_owned()],
        set: &[],
        facts: &facts,
    });
    let desired = match loaded.config {
        None => Err(loaded.errors),
        Some(config) => vagrantp::resolve::resolve(&config, project, &facts),
    };
    Ok((desired, loaded.sources))
}

/// Brings the world of `before.env` about, with the product's own plan.
async fn make(provider: &Memory, before: &Desired) -> Result<(), Failed> {
    let query =
        Query { identity: &before.identity, image: Some(&before.image.value), depth: Depth::Full };
    let observed = provider.observe(&query).await?;
    let plan = plan("up", before, &observed, provider)
        .map_err(|errors| format!("before.env: {errors:?}"))?;
    for step in &plan.steps {
        provider.execute(&step.action, &Silence).await?;
    }
    Ok(())
}

fn plan(
    verb: &str,
    wanted: &Desired,
    observed: &Observed,
    provider: &Memory,
) -> Result<Plan, Vec<PlanError>> {
    let words: Vec<_> = verb.split_whitespace().collect();
    let has = |option: &str| words.contains(&option);
    let mode = stop_mode(has("--force"), Duration::from_secs(30));
    let ready = wanted.vm.as_ref().map(|vm| readiness(wanted, vm));
    match words[0] {
        "rm" if has("--preserve-disk") => {
            let capabilities = provider.capabilities();
            let planned = to_disk(&wanted.identity, observed, mode, &capabilities);
            return planned.map_err(|error| vec![error]);
        }
        "stop" => return to_stopped(observed, mode).map_err(|error| vec![error]),
        "rm" => return Ok(to_absent(&wanted.identity, observed, mode)),
        "restart" => {
            return to_restarted(observed, mode, ready.as_ref()).map_err(|error| vec![error]);
        }
        "suspend" => {
            let (kind, can) = (wanted.identity.provider, provider.capabilities().suspend);
            return to_suspended(observed, kind, can).map_err(|error| vec![error]);
        }
        "snapshot" => {
            let name = SnapshotName::new(words[2]).expect("a name");
            let (of, now) = (wanted.identity.uuid, "2026-11-21T12:00:00Z");
            let planned = match words[1] {
                "create" => to_snapshot(observed, &name, None, now, &provider.capabilities()),
                "revert" => to_reverted(observed, of, &name, mode, now, ready.as_ref()),
                _ => to_snapshot_gone(observed, of, &name),
            };
            return planned.map_err(|error| vec![error]);
        }
        "resume" => return to_resumed(observed, ready.as_ref()).map_err(|error| vec![error]),
        _ => {}
    }
    let own = observed.instance().map(|instance| instance.stamp.asked.ports.clone());
    let ports = settle(&wanted.ports, wanted.port_pool.value, &own.unwrap_or_default(), &[])?;
    let has_ssh = observed.instance().and_then(|instance| instance.ssh_port());
    let ssh = settle_ssh(wanted, has_ssh, &ports, &[]).map_err(|error| vec![error])?;
    let goal = RunningGoal {
        desired: wanted,
        ports: &ports,
        ssh_port: ssh,
        recreate: if has("--recreate") { Recreate::Always } else { Recreate::WhereNeeded },
        fetch: if has("--pull") { Fetch::Always } else { Fetch::IfMissing },
        start: !has("--no-start") && words[0] == "up",
        twin: match words[0] {
            "adopt" => Twin::Adopt,
            _ if has("--new") => Twin::Allow,
            _ => Twin::Refuse,
        },
        now: "2026-11-21T12:00:00Z",
    };
    let mut plan = to_running(&goal, observed, &provider.capabilities())?;
    plan.copied = observed.instance().and_then(|instance| instance.written);
    Ok(plan)
}

/// Merges `observed.json` into what was observed.
fn happened_since(folder: &Path, observed: Observed, wanted: &Desired) -> Result<Observed, Failed> {
    let Ok(text) = fs::read_to_string(folder.join("observed.json")) else { return Ok(observed) };
    let text = text
        .replace("{uuid}", &wanted.identity.uuid.to_string())
        .replace("{network}", &wanted.identity.network_name())
        .replace("{dir}", &folder.canonicalize()?.to_string_lossy());
    let mut whole = serde_json::to_value(&observed)?;
    merge(&mut whole, serde_json::from_str(&text)?);
    Ok(serde_json::from_value(whole)?)
}

/// The same lines from the last to the first are the same wish: the same actions, at the same
/// costs, for the same reasons but for the number of the line.
fn any_order(folders: &[PathBuf]) -> Result<(), Failed> {
    for folder in folders {
        let Ok(plan) = scenario(folder)?.plan else { continue };
        let text = fs::read_to_string(folder.join("spec.env"))?;
        // A mount of the project is guarded by the name of the file that was read.
        if text.contains("MOUNTS") {
            continue;
        }
        let reversed: String = text.lines().rev().map(|line| format!("{line}\n")).collect();
        let file = tempfile::Builder::new().suffix(".env").tempfile()?;
        fs::write(file.path(), reversed)?;
        let again = scenario_of(folder, file.path())?;
        let again = again.plan.map_err(|errors| format!("{}: {errors:?}", folder.display()))?;
        let bare = |plan: &Plan| -> Result<String, Failed> {
            let mut value = serde_json::to_value(plan)?;
            without_places(&mut value);
            Ok(value.to_string())
        };
        let (forth, back) = (bare(&plan)?, bare(&again)?);
        if forth != back {
            return Err(format!("{}\n{forth}\n{back}", folder.display()).into());
        }
    }
    Ok(())
}

fn without_places(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("place");
            fields.values_mut().for_each(without_places);
        }
        Value::Array(items) => items.iter_mut().for_each(without_places),
        _ => {}
    }
}

/// Actions that no scenario leads to, with the test that does: no verb suspends yet, and AUTOSTART
/// is live on other providers than that of the scenarios.
const ELSEWHERE: [(&str, &str, &str); 1] = [(
    "set_autostart",
    "src/cli/saved_plan/tests.rs",
    "todays_plans_have_the_form_of_the_fixtures_and_those_still_read",
)];

fn every_action(folders: &[PathBuf]) -> Result<(), Failed> {
    let mut seen = std::collections::BTreeSet::new();
    for folder in folders {
        if let Ok(plan) = scenario(folder)?.plan {
            seen.extend(plan.steps.iter().map(|step| step.action.name()));
        }
    }
    for (action, file, function) in ELSEWHERE {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file))?;
        if seen.contains(action) || !text.contains(&format!("fn {function}(")) {
            return Err(format!("{action} is in a scenario, or not in {file}::{function}").into());
        }
        seen.insert(action);
    }
    let missing: Vec<_> =
        vagrantp::plan::action::Action::NAMES.iter().filter(|name| !seen.contains(*name)).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("in no scenario: {missing:?}").into()) }
}
