//! Stops a container, also one that ends and is started again all the time.

use std::time::{Duration, Instant};

use bollard::query_parameters::{KillContainerOptions, StopContainerOptions};

use super::client::CHANGE;
use super::execute::{Found, Seen, find, gone, state, the};
use super::{Podman, life};
use crate::deed;
use crate::model::observed::Power;
use crate::plan::action::{Outcome, StopMode, Target};
use crate::provider::ProviderError;

/// Stops it.
pub(super) async fn stop(
    room: &Podman,
    target: &Target,
    mode: StopMode,
) -> Result<Outcome, ProviderError> {
    let seen = the!(room, target);
    if life::is_between_two_runs(&seen.container) {
        return stop_between_two_runs(room, target, mode).await;
    }
    if !seen.instance.state.is_up() {
        return Ok(Outcome::AlreadyDone);
    }
    stop_seen(room, target, &seen, mode).await?;
    if life::is_started_again(&seen.container) {
        // It may have ended by itself before it heard.
        return stop_between_two_runs(room, target, mode).await;
    }
    Ok(Outcome::Done)
}

/// How long what ends and is started again is told to stop, and after how many times it is looked
/// at, whether it rests.
const TOLD_FOR: Duration = Duration::from_secs(4);
const TOLD: usize = 8;

/// Stops what has just ended by itself. An engine before 4.6 does not hear a stop in that moment,
/// and starts it again; a run can be so short that only a stop which already waits when it begins
/// meets it. So it is told without a pause until it rests.
async fn stop_between_two_runs(
    room: &Podman,
    target: &Target,
    mode: StopMode,
) -> Result<Outcome, ProviderError> {
    let begun = Instant::now();
    let (grace, limit) = time_for(mode);
    loop {
        let seen = the!(room, target);
        let rests = !life::is_between_two_runs(&seen.container) && !seen.instance.state.is_up();
        if rests || begun.elapsed() > TOLD_FOR {
            return Ok(Outcome::Done);
        }
        let docker = room.client.docker(limit)?;
        for _ in 0..TOLD {
            // Whether it worked shows in the next look.
            let stopping = docker.stop_container(&seen.instance.id, Some(within(grace)));
            drop(deed::around("podman.stop", stopping).await);
        }
    }
}

/// The time that a stop gives, and the longest that the engine may take over it.
fn time_for(mode: StopMode) -> (Duration, Duration) {
    let grace = match mode {
        StopMode::Graceful { grace } => grace,
        StopMode::Kill => Duration::ZERO,
    };
    (grace, grace + CHANGE)
}

fn within(grace: Duration) -> StopContainerOptions {
    let seconds = i32::try_from(grace.as_secs()).unwrap_or(i32::MAX);
    StopContainerOptions { t: Some(seconds), ..StopContainerOptions::default() }
}

async fn stop_seen(
    room: &Podman,
    target: &Target,
    seen: &Seen,
    mode: StopMode,
) -> Result<Outcome, ProviderError> {
    let id = &seen.instance.id;
    let (grace, limit) = time_for(mode);
    let docker = room.client.docker(limit)?;
    if seen.instance.state == Power::Paused {
        // A frozen process hears no signal. Killing it needs no thaw, stopping it does.
        let thawed = match mode {
            StopMode::Graceful { .. } => {
                deed::around("podman.unpause", docker.unpause_container(id)).await
            }
            StopMode::Kill => {
                let options = KillContainerOptions { signal: "KILL".to_owned() };
                deed::around("podman.kill", docker.kill_container(id, Some(options))).await
            }
        };
        // Whether it worked shows in the stop that follows.
        drop(thawed);
    }
    let stopping = docker.stop_container(id, Some(within(grace)));
    match deed::around("podman.stop", stopping).await {
        Ok(()) => Ok(Outcome::Done),
        Err(error) => match state(room, target).await? {
            Some(state) if state.is_up() => {
                Err(room.said(&format!("stop {}", target.name), limit, error))
            }
            _ => Ok(Outcome::Done),
        },
    }
}
