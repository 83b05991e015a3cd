//! Starts a container, and looks whether it stays up.

use std::time::Duration;

use futures_util::future::join;

use super::client::CHANGE;
use super::execute::{Found, doing, find, stale, start_by_id};
use super::last_words;
use super::{Podman, execute, orphan, stop, wall};
use crate::event::Listener;
use crate::model::command::MainProcess;
use crate::model::observed::{Instance, Power};
use crate::plan::action::{Outcome, StopMode, Target};
use crate::provider::ProviderError;

/// When it is looked at again after its start. A main process that is of no use ends within the
/// first tenths of a second; the idle one, which is vagrantp's own, ends at once or never.
const LOOKS: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(150),
];

/// How much of the last output an error holds.
const LINES: usize = 20;

pub(super) async fn start(
    room: &Podman,
    target: &Target,
    listener: &dyn Listener,
) -> Result<Outcome, ProviderError> {
    let seen = match find(room, target).await? {
        Found::It(seen) => seen,
        Found::Nothing => return Ok(stale(format!("{} is gone", target.name))),
        Found::Other(outcome) => return Ok(outcome),
    };
    match seen.instance.state {
        Power::Running => return Ok(Outcome::AlreadyDone),
        Power::Created | Power::Stopped | Power::Unknown => {}
        other => return Ok(stale(format!("{} {}", target.name, doing(other)))),
    }
    if let Err(error) = begin(room, target, &seen.instance.id).await? {
        if !orphan::clear_the_way(room, target, &seen, &error).await {
            return Err(error);
        }
        begin(room, target, &seen.instance.id).await??;
    }
    let asked = &seen.instance.stamp.asked;
    let walled = async {
        if asked.bridge.is_none() {
            wall::keep(room, listener).await;
        }
    };
    let (stays, ()) = join(stays_up(room, target, &asked.command), walled).await;
    stays
}

/// Looks at it until it is known to stay up.
async fn stays_up(
    room: &Podman,
    target: &Target,
    command: &MainProcess,
) -> Result<Outcome, ProviderError> {
    let looks = match command {
        MainProcess::Idle => &LOOKS[..1],
        MainProcess::Image | MainProcess::Argv(_) | MainProcess::Masked(_) => &LOOKS[..],
    };
    for pause in looks {
        tokio::time::sleep(*pause).await;
        let Found::It(seen) = find(room, target).await? else {
            return Ok(stale(format!("{} is gone", target.name)));
        };
        let restarts = seen.container.restart_count;
        if seen.instance.state != Power::Running || restarts > 0 {
            return Err(ended(room, target, &seen.instance, restarts).await);
        }
    }
    Ok(Outcome::Done)
}

/// Starts it; what the engine said, where it does not run after that.
async fn begin(
    room: &Podman,
    target: &Target,
    id: &str,
) -> Result<Result<(), ProviderError>, ProviderError> {
    let Err(error) = start_by_id(room, id).await else { return Ok(Ok(())) };
    if execute::state(room, target).await? == Some(Power::Running) {
        return Ok(Ok(()));
    }
    Ok(Err(room.said(&format!("start {}", target.name), CHANGE, error)))
}

async fn ended(
    room: &Podman,
    target: &Target,
    instance: &Instance,
    restarts: u32,
) -> ProviderError {
    if instance.autostart || restarts > 0 {
        // The engine would start it again for ever.
        let stopped = stop::stop(room, target, StopMode::Graceful { grace: Duration::ZERO }).await;
        drop(stopped);
    }
    let output = last_words::last_output(&room.client, instance, LINES).await.unwrap_or_default();
    let status = instance.exit_status.unwrap_or_default();
    let help = help(&output, &instance.stamp.asked.command);
    ProviderError::EndedAtOnce { name: target.name.clone(), status, output, help }
}

fn help(output: &str, command: &MainProcess) -> String {
    let missing = ["failed to exec", "executable file not found", "no such file or directory"];
    let lower = output.to_lowercase();
    let program = match command {
        MainProcess::Idle => MainProcess::IDLE_ARGV[0],
        MainProcess::Argv(argv) => argv.first().map_or("COMMAND", String::as_str),
        MainProcess::Masked(masked) => masked.written().split(' ').next().unwrap_or("COMMAND"),
        MainProcess::Image => {
            return "the image's own program ends at once: delete COMMAND to have a process that \
                    stays up"
                .to_owned();
        }
    };
    if missing.iter().any(|words| lower.contains(words)) {
        format!(
            "the image has no program {}: change COMMAND, or take an image that has it",
            crate::exec::printable(program)
        )
    } else {
        "COMMAND has to be a program that stays up; delete the line to have one that does"
            .to_owned()
    }
}
