//! The command line: clap's types, and the way from arguments to an exit status.
//!
//! One small file a verb; each joins the stages of the way of the data and returns an [`Answer`]
//! or a [`Failure`]. Nothing here decides anything about machines.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Args, Parser, Subcommand};

use crate::exit;
use crate::provider::registry;
use crate::report::{Answer, Reporter, Style};
use crate::store::Store;

pub mod adopt;
pub mod completions;
pub mod consent;
pub mod context;
pub mod converge;
pub mod explain;
pub mod failure;
pub mod gc;
pub mod holder;
pub mod host;
pub mod init;
pub mod left_alone;
pub mod lifetime;
pub mod list;
pub mod locate;
pub mod logs;
pub mod plan;
pub mod power;
pub mod remember;
pub mod render;
pub mod restart;
pub mod resume;
pub mod rm;
pub mod saved_plan;
pub mod schema;
pub mod settle;
pub mod signals;
pub mod snapshot;
pub mod ssh;
pub mod status;
pub mod stop;
pub mod suspend;
pub mod up;
pub mod validate;

pub use context::Context;
pub use failure::Failure;

const EXAMPLES: &str = "\
Examples:
  vagrantp up                     make the machine that .env asks for
  vagrantp ssh                    a shell inside
  vagrantp ssh -c 'uname -a'      one command inside
  vagrantp plan                   what `up` would do, and why
  vagrantp -C ../api stop         stop another project's machine
  vagrantp rm -y                  remove it, without a question

Exit status:
  0 done   1 failed   2 .env or usage   3 needs consent, or a name is taken
  4 too little memory, CPU or disk   5 provider missing   6 port or address taken
  7 provisioning   8 rollback   9 verification   10 locked
  20 `plan --exit-code` found something to do   129, 130, 143 signal

Environment:
  VAGRANTP_<KEY>      overrides KEY of the .env
  CONTAINER_HOST      Podman's socket: unix://PATH
  XDG_STATE_HOME, XDG_RUNTIME_DIR   where vagrantp keeps its own files
  NO_COLOR            no colours";

/// Makes the machine that a project's .env asks for.
#[derive(Debug, Parser)]
#[command(name = "vagrantp", version, about, after_help = EXAMPLES, max_term_width = 80)]
#[command(disable_help_subcommand = true, subcommand_required = true)]
pub struct Cli {
    /// What holds for every verb.
    #[command(flatten)]
    pub global: Global,
    /// The verb.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What holds for every verb.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// The project's directory, instead of the current one.
    #[arg(short = 'C', long = "directory", value_name = "DIR", global = true)]
    pub directory: Option<PathBuf>,
    /// Read this file instead of vagrantp.env, .env and .env.local; may be repeated.
    #[arg(long, value_name = "PATH", global = true)]
    pub env_file: Vec<PathBuf>,
    /// Override a key of the .env for this call; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", global = true)]
    pub set: Vec<String>,
    /// Answer with one JSON document on stdout.
    #[arg(long, global = true)]
    pub json: bool,
    /// No colours, no spinner, even on a terminal.
    #[arg(long, global = true)]
    pub plain: bool,
    /// Say more; twice for even more.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    /// Say nothing but the answer and errors.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Agree to restarts and removals without being asked.
    #[arg(short, long, global = true)]
    pub yes: bool,
    /// How long to wait for another vagrantp that is at work on the same machine.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, global = true)]
    pub lock_timeout: u64,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Write a .env that describes a machine, or add to the one that is there.
    Init(init::InitArgs),
    /// Make the machine so as the .env says, and start it.
    Up(up::UpArgs),
    /// A shell inside, or one command.
    Ssh(ssh::SshArgs),
    /// Stop the machine; its files stay.
    Stop(stop::StopArgs),
    /// Stop the machine and start it again, as it is.
    Restart(restart::RestartArgs),
    /// Freeze the machine: what runs in it stays in memory and waits.
    Suspend(suspend::SuspendArgs),
    /// Let a suspended machine go on.
    Resume(resume::ResumeArgs),
    /// Remove the machine with everything in it.
    Rm(rm::RmArgs),
    /// Keep the machine's files under a name, and go back to them.
    Snapshot(snapshot::SnapshotArgs),
    /// What the machine's main process wrote.
    Logs(logs::LogsArgs),
    /// Show what `up` would do, step by step, and why.
    Plan(plan::PlanArgs),
    /// Show the machine as its provider sees it.
    Status(status::StatusArgs),
    /// Check the .env, and show how it is understood.
    Validate(validate::ValidateArgs),
    /// Print what would be handed to the provider.
    Render(render::RenderArgs),
    /// All machines of this user's.
    List(list::ListArgs),
    /// Take over the machine of a directory that was moved here.
    Adopt(adopt::AdoptArgs),
    /// Remove machines that have outlived their INFRA_TTL, and what no machine stands behind.
    Gc(gc::GcArgs),
    /// Tell of a key, a code or a rule all there is to know.
    Explain(explain::ExplainArgs),
    /// Print the JSON Schema of the keys.
    Schema(schema::SchemaArgs),
    /// Print what makes a shell complete verbs, options and keys.
    Completions(completions::CompletionsArgs),
}

impl Verb {
    /// Whether it looks at what is kept of machines.
    fn has_a_machine(&self) -> bool {
        !matches!(
            self,
            Verb::Init(_)
                | Verb::Validate(_)
                | Verb::Explain(_)
                | Verb::Schema(_)
                | Verb::Completions(_)
        )
    }

    /// The verb's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Verb::Init(_) => "init",
            Verb::Up(_) => "up",
            Verb::Ssh(_) => "ssh",
            Verb::Stop(_) => "stop",
            Verb::Restart(_) => "restart",
            Verb::Suspend(_) => "suspend",
            Verb::Resume(_) => "resume",
            Verb::Rm(_) => "rm",
            Verb::Snapshot(_) => "snapshot",
            Verb::Logs(_) => "logs",
            Verb::Plan(_) => "plan",
            Verb::Status(_) => "status",
            Verb::Validate(_) => "validate",
            Verb::Render(_) => "render",
            Verb::List(_) => "list",
            Verb::Adopt(_) => "adopt",
            Verb::Gc(_) => "gc",
            Verb::Explain(_) => "explain",
            Verb::Schema(_) => "schema",
            Verb::Completions(_) => "completions",
        }
    }
}

/// The whole program: arguments in, exit status out.
#[must_use]
pub fn run() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let Some(outcome) = registry::hidden(&arguments) {
        return failure::of_hidden_verb(outcome);
    }
    let facts = host::facts();
    #[cfg(debug_assertions)]
    if let Err(error) = host::arm(&facts) {
        return failure::of_hidden_verb(Err(error));
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return failure::usage(&error),
    };
    failure::on_panic(cli.global.json);
    let streams = matches!(cli.verb, Verb::Up(_));
    let no_color = facts.environment.get("NO_COLOR").is_some_and(|value| !value.is_empty());
    let reporter = Arc::new(Reporter::new(Style {
        json: cli.global.json,
        quiet: cli.global.quiet,
        verbose: cli.global.verbose,
        rich: crate::report::stderr_is_terminal() && !cli.global.plain && !no_color,
        width: host::width(),
        stream: cli.global.json && streams,
    }));
    let is_ssh = matches!(cli.verb, Verb::Ssh(_));
    let is_logs = matches!(cli.verb, Verb::Logs(_));
    let in_lines = cli.global.json && matches!(&cli.verb, Verb::Logs(args) if args.follow);
    if in_lines {
        reporter.in_lines();
    }
    // One thread starts fastest; a shell's two directions are worth a second one, and so is a
    // signal while a reader of the logs is slow.
    let mut runtime = if is_ssh || is_logs {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2);
        builder
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    let runtime = match runtime.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return report_failure(&reporter, Failure::internal("start its runtime", &error), 1);
        }
    };
    let store = Store::new(&facts.places.state);
    let outcome = runtime.block_on(async {
        let context = Context {
            facts,
            global: cli.global,
            reporter: &reporter,
            store: store.clone(),
            signal: signals::listen(is_ssh, &reporter),
            applying: AtomicBool::new(false),
            changed: AtomicBool::new(false),
        };
        let outcome = tokio::select! {
            outcome = dispatch(&context, cli.verb) => outcome,
            signal = signals::outside_of_apply(&context) => {
                Err(Failure::interrupted(signal, context.changed.load(Ordering::Relaxed)))
            }
        };
        // Whoever interrupted it does not want what comes next, as in `vagrantp stop && …`.
        if outcome.is_ok()
            && let Some(signal) = signals::came_at_the_end(&context).await
        {
            return Err(Failure::interrupted(signal, true));
        }
        outcome
    });
    for warning in store.take_warnings() {
        reporter.warn(&warning);
    }
    // A thread that still waits for the terminal's next line must not keep the process.
    runtime.shutdown_background();
    match outcome {
        Ok(answer) => {
            // What goes through is all that there is to say.
            let silent = is_ssh && answer.text.is_empty() && !reporter.style().json || in_lines;
            if !silent && let Err(error) = reporter.answer(&answer) {
                return answer_lost(&reporter, &error, if is_ssh { exit::SSH_FAILURE } else { 1 });
            }
            ExitCode::from(answer.exit)
        }
        Err(failure) => {
            let exit = if is_ssh { exit::SSH_FAILURE } else { failure.exit() };
            // Ctrl+C is how one stops to follow.
            if is_logs && failure.signal.is_some() && !reporter.style().json {
                return ExitCode::from(exit);
            }
            report_failure(&reporter, failure, exit)
        }
    }
}

async fn dispatch(context: &Context<'_>, verb: Verb) -> Result<Answer, Failure> {
    if verb.has_a_machine() {
        context.store.check()?;
    }
    match verb {
        Verb::Init(args) => init::run(context, &args),
        Verb::Up(args) => up::run(context, &args).await,
        Verb::Ssh(args) => ssh::run(context, &args).await,
        Verb::Stop(args) => stop::run(context, &args).await,
        Verb::Restart(args) => restart::run(context, &args).await,
        Verb::Suspend(args) => suspend::run(context, &args).await,
        Verb::Resume(args) => resume::run(context, &args).await,
        Verb::Rm(args) => rm::run(context, &args).await,
        Verb::Snapshot(args) => snapshot::run(context, &args).await,
        Verb::Logs(args) => logs::run(context, &args).await,
        Verb::Plan(args) => plan::run(context, &args).await,
        Verb::Status(args) => status::run(context, &args).await,
        Verb::Validate(args) => validate::run(context, &args),
        Verb::Render(args) => render::run(context, &args).await,
        Verb::List(args) => list::run(context, &args).await,
        Verb::Adopt(args) => adopt::run(context, &args).await,
        Verb::Gc(args) => gc::run(context, &args).await,
        Verb::Explain(args) => explain::run(context, &args).await,
        Verb::Schema(args) => Ok(schema::run(context, &args)),
        Verb::Completions(args) => Ok(completions::run(context, &args)),
    }
}

fn report_failure(reporter: &Reporter, failure: Failure, exit: u8) -> ExitCode {
    if !failure.warned {
        reporter.warnings(&failure.warnings, &failure.sources);
    }
    let (document, problems) = (failure.document(), &failure.problems);
    if let Err(error) = reporter.failure(&document, problems, &failure.sources) {
        return answer_lost(reporter, &error, exit);
    }
    ExitCode::from(exit)
}

fn answer_lost(reporter: &Reporter, error: &std::io::Error, exit: u8) -> ExitCode {
    if exit != exit::SSH_FAILURE && host::terminal_is_gone() {
        // Whether the signal came as well or not: that is why, and nobody is left to be told more.
        return ExitCode::from(exit::of_signal(signals::HANGUP));
    }
    for problem in &Failure::answer_lost(error).problems {
        reporter.lost(problem);
    }
    ExitCode::from(exit)
}
