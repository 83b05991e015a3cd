//! `up --foreground`: stays with the machine until that ends, and ends it when it is told to go.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;

use crate::model::desired::Desired;
use crate::model::observed::{Instance, Power};
use crate::plan::action::StopMode;
use crate::plan::steps::to_stopped;
use crate::provider::{Depth, Provider, Query};

use super::remember::{Life, Made, remember};
use super::{Context, Failure};

/// How often the machine is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// How it came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By itself, or by another's hand.
    Itself,
    /// A signal came, and it was stopped.
    Signal,
}

/// Waits for the end of a machine that runs. A signal is taken for the wish to stop it; a second one
/// ends the wait for that as well.
///
/// # Errors
/// The provider cannot be asked any more, or the machine not be stopped.
pub async fn stay(
    context: &Context<'_>,
    desired: &Desired,
    provider: &dyn Provider,
) -> Result<(Ending, Option<Instance>), Failure> {
    // From here on a signal is for this.
    context.applying.store(true, Ordering::Relaxed);
    let mut signal = context.signal.clone();
    let ended = tokio::select! {
        ended = until_it_ends(desired, provider) => Some(ended?),
        _ = signal.wait_for(|number| *number != 0) => None,
    };
    if let Some(instance) = ended {
        return Ok((Ending::Itself, instance));
    }
    let identity = &desired.identity;
    let store = context.store.instance(identity.uuid);
    let _lock = store.lock("stop", context.lock_timeout(), context.reporter).await?;
    let mode = StopMode::Graceful { grace: desired.stop_timeout.value.duration() };
    let query = Query { identity, image: None, depth: Depth::Glance };
    let observed = provider.observe(&query).await?;
    if observed.instances.is_empty() {
        return Ok((Ending::Signal, None));
    }
    let plan = to_stopped(&observed, mode)?;
    // The signal that came has been heard: it does not interrupt what it asked for.
    let (_quiet, unheard) = watch::channel(0);
    context.carry_out_heeding("stop", identity, &plan, provider, unheard).await?;
    let after = provider.observe(&query).await?;
    if let Some(instance) = after.instance() {
        remember(context, &store, identity, instance, Made::Stopped, Life::Kept);
    }
    Ok((Ending::Signal, after.instance().cloned()))
}

async fn until_it_ends(
    desired: &Desired,
    provider: &dyn Provider,
) -> Result<Option<Instance>, Failure> {
    let query = Query { identity: &desired.identity, image: None, depth: Depth::Glance };
    loop {
        tokio::time::sleep(EVERY).await;
        let observed = provider.observe(&query).await?;
        // One that is frozen, or on its way down, is still there.
        match observed.instance() {
            Some(instance) if instance.state.is_up() && instance.state != Power::Stopping => {}
            instance => return Ok(instance.cloned()),
        }
    }
}
