//! `ssh`: a shell inside, or one command. Nothing of ours reaches stdout, and the exit status is
//! the command's; failures of our own exit with 255, as OpenSSH's do.

use clap::Args;
use miette::Diagnostic;
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::exit;
use crate::model::code::Code;
use crate::model::observed::Power;
use crate::model::problem::Problem;
use crate::model::shell::{ShellCommand, ShellRequest, TerminalSize};
use crate::model::state::State;
use crate::plan::PlanError;
use crate::provider::{Depth, ShellIo};
use crate::report::Answer;

use super::host::{self, RawMode, stdio};
use super::locate;
use super::{Context, Failure, status};

mod machine;

/// The options of `ssh`.
#[derive(Debug, Args)]
pub struct SshArgs {
    /// Run this line with the machine's own `sh`, and exit with its status.
    #[arg(short = 'c', long, value_name = "CMD", conflicts_with = "args")]
    pub command: Option<String>,
    /// Show how to reach the machine, and do not go there.
    #[arg(long, conflicts_with_all = ["command", "args"])]
    pub info: bool,
    /// A program and its arguments, with no shell in between.
    #[arg(last = true, value_name = "ARGS")]
    pub args: Vec<String>,
}

#[derive(Debug, Error, Diagnostic)]
enum SshError {
    #[error("`{id}` is up, and {why} within {seconds} s")]
    #[diagnostic(code(vagrantp::ssh::no_banner), help("{help}"))]
    NoBanner { id: String, why: String, seconds: u32, help: String },
    #[error("there is no program `ssh` on the PATH")]
    #[diagnostic(
        code(vagrantp::ssh::no_client),
        help(
            "install OpenSSH's client; the package is called openssh-client, openssh-clients or openssh"
        )
    )]
    NoClient,
    #[error("`{id}` is {state}")]
    #[diagnostic(code(vagrantp::ssh::not_running), help("`vagrantp {verb}` {what}"))]
    NotRunning { id: String, state: State, verb: &'static str, what: &'static str },
    #[error("`ssh` has no JSON: what runs inside has stdout for itself")]
    #[diagnostic(
        code(vagrantp::ssh::no_json),
        help("leave out --json, or ask for `vagrantp ssh --info --json`")
    )]
    NoJson,
}

/// Runs `ssh`.
///
/// # Errors
/// There is no running instance, or it cannot be entered.
pub async fn run(context: &Context<'_>, args: &SshArgs) -> Result<Answer, Failure> {
    if context.global.json && !args.info {
        return Err(Problem::new(Code::Usage, SshError::NoJson).into());
    }
    let search = locate::search(context)?;
    let found = locate::find(context, &search, Depth::Glance).await?;
    let Some(found) = found else {
        return Err(search.into_failure());
    };
    let Some(instance) = found.observed.instance() else {
        // A broken `.env` is why nothing was found, where it is broken.
        return Err(if search.config.is_none() {
            search.into_failure()
        } else {
            PlanError::NotFound.into()
        });
    };
    let shape = status::shape(context, &found.identity, Some(instance), search.config.as_ref());
    if args.info {
        return Ok(info(context, shape));
    }
    let goes_on = instance.vm.as_ref().is_some_and(|vm| vm.trouble.is_none());
    if instance.state != Power::Running || instance.vm.is_some() && !goes_on {
        let (verb, what) = match shape.state {
            State::Suspended => ("resume", "lets it go on"),
            _ => ("up", "starts it"),
        };
        let error = SshError::NotRunning { id: shape.id, state: shape.state, verb, what };
        return Err(Problem::new(Code::InfraNotRunning, error).into());
    }
    let run = match &args.command {
        Some(line) => ShellCommand::Line(line.clone()),
        None if args.args.is_empty() => ShellCommand::Login,
        None => ShellCommand::Argv(args.args.clone()),
    };
    let interactive = run == ShellCommand::Login;
    // A terminal only if stdin is one; a command whose output is piped on gets none either, since a
    // terminal would alter what passes.
    let terminal =
        host::terminal(&context.facts).filter(|_| interactive || host::stdout_is_terminal());
    if instance.vm.is_some() {
        let config = search.config.as_ref();
        return machine::enter(context, instance, config, &run, terminal.is_some()).await;
    }
    let request = ShellRequest {
        id: instance.id.clone(),
        user: shape.access.user.unwrap_or_else(|| "root".to_owned()),
        workdir: locate::workdir(instance),
        run,
        terminal,
    };
    let has_terminal = request.terminal.is_some();
    let closed = |error| Failure::internal("use its streams", &error);
    let io = ShellIo {
        stdin: stdio::stdin().map_err(closed)?,
        stdout: stdio::stdout().map_err(closed)?,
        stderr: stdio::stderr().map_err(closed)?,
        resizes: resizes(has_terminal),
        signals: signals(has_terminal),
    };
    let raw = has_terminal.then(RawMode::enter).flatten();
    let ended = found.provider.shell(&request, io).await;
    drop(raw);
    let status = ended?;
    Ok(Answer { exit: u8::try_from(status).unwrap_or(exit::SSH_FAILURE), ..Answer::default() })
}

fn info(context: &Context<'_>, shape: crate::report::Infrastructure) -> Answer {
    let access = &shape.access;
    let mut text = format!("{}: {}\n", shape.id, shape.state);
    let mut line = |name: &str, value: &str| text.push_str(&format!("  {name:<10} {value}\n"));
    line("command", &access.command);
    if let Some(command) = &access.ssh_command {
        line("directly", command);
    }
    if let Some(user) = &access.user {
        line("user", user);
    }
    let mut document = context.document(&[]);
    document.changed = Some(false);
    document.message = Some(format!("{} is {}.", shape.id, shape.state));
    document.more.insert("access", serde_json::json!(shape.access));
    document.infrastructure = Some(shape);
    Answer { document, text, exit: exit::SUCCESS }
}

/// The terminal's new sizes, as they come.
fn resizes(has_terminal: bool) -> mpsc::Receiver<TerminalSize> {
    let (sender, receiver) = mpsc::channel(4);
    if has_terminal && let Ok(mut changed) = signal(SignalKind::window_change()) {
        tokio::spawn(async move {
            while changed.recv().await.is_some() {
                if let Some(size) = host::terminal_size()
                    && sender.send(size).await.is_err()
                {
                    return;
                }
            }
        });
    }
    receiver
}

/// The signals to pass on. With a terminal, Ctrl+C is a character and reaches the program as one.
fn signals(has_terminal: bool) -> mpsc::Receiver<i32> {
    let (sender, receiver) = mpsc::channel(4);
    let mut kinds = vec![SignalKind::terminate(), SignalKind::hangup()];
    if !has_terminal {
        kinds.extend([
            SignalKind::interrupt(),
            SignalKind::quit(),
            SignalKind::user_defined1(),
            SignalKind::user_defined2(),
        ]);
    }
    for kind in kinds {
        let Ok(mut came) = signal(kind) else { continue };
        let sender = sender.clone();
        tokio::spawn(async move {
            while came.recv().await.is_some() {
                if sender.send(kind.as_raw_value()).await.is_err() {
                    return;
                }
            }
        });
    }
    receiver
}
