//! `init`: writes the `.env` of a project that has no lines of vagrantp's yet.

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use crate::config::ground::{self, Ground};
use crate::config::keys::template::{Draft, Names};
use crate::config::keys::{self, PREFIX};
use crate::config::{self, LoadRequest};
use crate::exit;
use crate::model::desired::Desired;
use crate::model::host::HostFacts;
use crate::model::id::{Identity, ProjectDir, ProviderKind};
use crate::model::problem::Problem;
use crate::model::units::Memory;
use crate::report::Answer;
use crate::resolve;

use super::failure::usage_problem;
use super::{Context, Failure};

mod write;

/// The options of `init`.
#[derive(Debug, Args)]
#[command(after_help = "\
A key of the new file gets its value by --set, and none by an empty one:
  vagrantp init --set IMAGE=docker.io/library/node:22 --set PORTS=auto:3000
  vagrantp init --template ci --set INFRA_ID=tests
  vagrantp init --dry-run --every-key")]
pub struct InitArgs {
    /// How large a machine, and for how long.
    #[arg(long, value_name = "NAME")]
    template: Option<Template>,
    /// Show every key, with what it is for.
    #[arg(long)]
    every_key: bool,
    /// Print the lines, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

/// What a machine is for, and so how large it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Template {
    /// 2 GiB of memory, 1 CPU
    Minimal,
    /// 4 GiB, 2 CPUs
    Development,
    /// 8 GiB, 4 CPUs
    Production,
    /// 2 GiB, 2 CPUs, for 8 hours
    Agent,
    /// 2 GiB, 2 CPUs, for 1 hour
    Ci,
}

impl Template {
    /// Key and value, strongest last.
    fn lines(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Template::Minimal => &[("MEMORY", "2G"), ("CPUS", "1"), ("DISK_SIZE", "20G")],
            Template::Development => &[("MEMORY", "4G"), ("CPUS", "2"), ("DISK_SIZE", "40G")],
            Template::Production => &[("MEMORY", "8G"), ("CPUS", "4"), ("DISK_SIZE", "80G")],
            Template::Agent => &[("MEMORY", "2G"), ("CPUS", "2"), ("INFRA_TTL", "8h")],
            Template::Ci => &[("MEMORY", "2G"), ("CPUS", "2"), ("INFRA_TTL", "1h")],
        }
    }
}

/// Runs `init`.
///
/// # Errors
/// The project is described already, a value of `--set` is wrong, or the file cannot be written.
pub fn run(context: &Context<'_>, args: &InitArgs) -> Result<Answer, Failure> {
    let given = match &context.global.env_file[..] {
        [] => None,
        [one] => Some(one.as_path()),
        _ => {
            return Err(usage_problem(
                "`init` writes one file, and several are named".to_owned(),
                "give `--env-file` once, or leave it out to write `.env`".to_owned(),
            ));
        }
    };
    let project = context.project()?;
    let looked = ground::ground(&project.path, given);
    let ground = looked.map_err(|refusal| Failure {
        problems: refusal.problems,
        sources: refusal.sources,
        ..Failure::default()
    })?;
    let draft = draft(&context.facts, ground.names, args.template, &context.global.set);
    let (identity, warnings) = check(context, &project, &draft)?;
    let block = if args.every_key { draft.every() } else { draft.short() };
    if !args.dry_run {
        write::write(&ground, &block)?;
    }
    let mut answer = answer(context, args, &ground, &draft, &identity, block);
    answer.document.warnings = context.document(&warnings).warnings;
    Ok(answer)
}

/// The lines to write. What `--set` says wrong is not among them: [`check`] finds it.
fn draft(facts: &HostFacts, names: Names, template: Option<Template>, set: &[String]) -> Draft {
    let set: Vec<(&str, &str)> = set
        .iter()
        .filter_map(|assignment| assignment.split_once('='))
        .map(|(name, value)| (name.strip_prefix(PREFIX).unwrap_or(name), value))
        .collect();
    let said = |key: &str| set.iter().rev().find(|(name, _)| *name == key).map(|(_, value)| *value);
    let provider = said("PROVIDER").and_then(ProviderKind::parse).unwrap_or(ProviderKind::Podman);
    let mut draft = Draft::new(provider, names);
    let is_container = said("INFRA_TYPE").is_none_or(|word| word == "container");
    let has = |name: &str| keys::find(name).is_some_and(|key| key.used_by.contains(&provider));
    if provider == ProviderKind::Podman && is_container {
        draft.set("IMAGE", "docker.io/library/debian:12");
        let small = facts.memory_available < Memory(2048);
        draft.set("MEMORY", if small { "512M" } else { "1G" });
        draft.set("CPUS", if facts.cpus < 2 { "1" } else { "2" });
    }
    let lines = template.map(Template::lines).unwrap_or_default();
    lines.iter().filter(|(name, _)| has(name)).for_each(|(name, value)| draft.set(name, value));
    // Each of these takes the place of the image.
    if ["BOX", "ISO", "KERNEL"].iter().any(|name| said(name).is_some()) {
        draft.set("IMAGE", "");
        draft.set("BOX", "");
    }
    for (name, value) in set {
        draft.set(name, value);
    }
    draft
}

/// Holds the lines against all rules, as if they stood after `--set`.
fn check(
    context: &Context<'_>,
    project: &ProjectDir,
    draft: &Draft,
) -> Result<(Identity, Vec<Problem>), Failure> {
    // What was typed comes as it was typed: mistakes show it.
    let typed = |name: &str| {
        let is = |assignment: &String| {
            let written = assignment.split('=').next().unwrap_or_default();
            written.strip_prefix(PREFIX).unwrap_or(written) == name
        };
        context.global.set.iter().any(is)
    };
    let ours = draft.lines().filter(|(name, _)| !typed(name));
    let ours = ours.map(|(name, value)| format!("{name}={value}"));
    let set: Vec<String> = context.global.set.iter().cloned().chain(ours).collect();
    let loaded = config::load_set(&LoadRequest {
        dir: &project.path,
        env_files: &[],
        set: &set,
        facts: &context.facts,
    });
    let failed = |problems, sources| Failure { problems, sources, ..Failure::default() };
    let Some(config) = loaded.config else { return Err(failed(loaded.errors, loaded.sources)) };
    match resolve::resolve(&config, project, &context.facts) {
        Ok(desired) => {
            context.reporter.warnings(&loaded.warnings, &loaded.sources);
            too_much(&desired, &context.facts).iter().for_each(|text| context.reporter.warn(text));
            Ok((desired.identity, loaded.warnings))
        }
        Err(problems) => Err(failed(problems, loaded.sources)),
    }
}

/// What this host has less of than the lines ask for: the file may be meant for another.
fn too_much(desired: &Desired, facts: &HostFacts) -> Vec<String> {
    let (cpus, memory) = (desired.cpus.value, desired.memory.value);
    let mut found = Vec::new();
    if cpus.0 > facts.cpus {
        found.push(format!(
            "CPUS is {}, and this host has {}: `up` refuses that here",
            cpus.0, facts.cpus
        ));
    }
    if memory > facts.memory_total {
        found.push(format!(
            "MEMORY is {memory}, and this host has {}: `up` refuses that here",
            facts.memory_total
        ));
    }
    found
}

/// The verb for this very project and file, as it can be typed.
fn call(context: &Context<'_>, verb: &str) -> String {
    let mut words = vec!["vagrantp".to_owned()];
    let global = &context.global;
    if let Some(dir) = &global.directory {
        words.extend(["-C".to_owned(), dir.display().to_string()]);
    }
    if let Some(file) = global.env_file.first() {
        words.extend(["--env-file".to_owned(), file.display().to_string()]);
    }
    words.push(verb.to_owned());
    shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| format!("vagrantp {verb}"))
}

fn answer(
    context: &Context<'_>,
    args: &InitArgs,
    ground: &Ground,
    draft: &Draft,
    identity: &Identity,
    block: String,
) -> Answer {
    let (name, added) = (&ground.name, ground.content.is_some());
    let machine = format!("a {} on {}", identity.infra_type, identity.provider);
    let message = match (args.dry_run, added) {
        (true, false) => format!("{name} would be written: {machine}."),
        (true, true) => format!("Lines would be added to {name}: {machine}."),
        (false, false) => format!("Wrote {name}: {machine}."),
        (false, true) => {
            format!("Added lines to the end of {name}: {machine}. What stood there is as it was.")
        }
    };
    let prefix = if ground.names == Names::Prefixed { PREFIX } else { "" };
    let next = [call(context, "plan"), call(context, "up")];
    let mut text = format!("{message}\n");
    for (key, value) in draft.lines() {
        let key = format!("{prefix}{key}");
        text.push_str(&format!("  {key:<24} {}\n", shown(key.trim_start_matches(PREFIX), value)));
    }
    let left: Vec<&str> = ground.left.iter().map(String::as_str).collect();
    if !left.is_empty() {
        text.push_str(&format!(
            "  left to the application: {} (vagrantp reads names with {PREFIX} here)\n",
            left.join(", ")
        ));
    }
    if args.dry_run {
        text.clone_from(&block);
    } else {
        text.push_str(&format!(
            "  next  `{}` shows the steps, `{}` takes them\n",
            next[0], next[1]
        ));
    }
    let keys: Map<String, Value> = draft
        .lines()
        .map(|(key, value)| (format!("{prefix}{key}"), shown(key, value).into()))
        .collect();
    let mut document = context.document(&[]);
    document.message = Some(message);
    document.changed = Some(!args.dry_run);
    document.next_steps = next.to_vec();
    let written = json!({
        "file": ground.path.display().to_string(),
        "added": added,
        "keys": keys,
        "left": left,
        "text": block,
    });
    document.more.insert("written", written);
    Answer { document, text, exit: exit::SUCCESS }
}

/// A value for the screen; that of a secret is masked.
fn shown(key: &str, value: &str) -> String {
    let secret = keys::find(key).is_some_and(|key| key.secret);
    if secret { "***".to_owned() } else { value.replace('\n', " ") }
}
