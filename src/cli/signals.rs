//! Signals: the first asks to finish, the second ends at once.

use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::{Context, Failure};
use crate::report::Reporter;

/// How long the last words may take: whoever reads them may have gone.
const LAST_WORDS: Duration = Duration::from_millis(300);
/// How long a signal takes at most to be heard of here.
const HEARD_WITHIN: Duration = Duration::from_millis(1);

/// SIGHUP: the terminal is gone.
pub const HANGUP: i32 = 1;

/// Listens from now on. The channel holds the number of the first signal that came.
///
/// `ssh` passes signals on to what runs inside and listens itself.
#[must_use]
pub fn listen(passed_on: bool, reporter: &Arc<Reporter>) -> watch::Receiver<i32> {
    let (sender, receiver) = watch::channel(0);
    if passed_on {
        // The sender has to live on, else waiting for a signal would end at once.
        std::mem::forget(sender);
        return receiver;
    }
    let reporter = Arc::clone(reporter);
    tokio::spawn(async move {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [interrupt, terminate, hangup] = kinds.map(signal);
        let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) = (interrupt, terminate, hangup)
        else {
            return;
        };
        loop {
            let number = tokio::select! {
                _ = interrupt.recv() => 2,
                _ = terminate.recv() => 15,
                _ = hangup.recv() => HANGUP,
            };
            if *sender.borrow() != 0 {
                leave(number, &reporter);
            }
            let _ = sender.send(number);
        }
    });
    receiver
}

/// Ends when a signal came that is not for [`crate::apply`]: before a plan is carried out there is
/// nothing to finish, so the command just ends.
pub async fn outside_of_apply(context: &Context<'_>) -> i32 {
    let mut signal = context.signal.clone();
    let came = match signal.wait_for(|number| *number != 0).await {
        Ok(number) => *number,
        Err(_) => std::future::pending().await,
    };
    if context.applying.load(Ordering::Relaxed) {
        // What is under way says itself how it ended.
        std::future::pending::<()>().await;
    }
    came
}

/// The signal that came while a plan was carried out to its end; none where nothing was changed, or
/// no signal came.
pub async fn came_at_the_end(context: &Context<'_>) -> Option<i32> {
    if !context.changed.load(Ordering::Relaxed) {
        return None;
    }
    // One that came this very moment has to get from its handler to the channel.
    tokio::time::sleep(HEARD_WITHIN).await;
    Some(*context.signal.borrow()).filter(|signal| *signal != 0)
}

/// Says what is left as it is, and ends. Nobody is waited for: not for a reader that is stuck, and
/// not for who holds a stream.
#[expect(clippy::exit, reason = "the second signal means: now")]
fn leave(number: i32, reporter: &Arc<Reporter>) {
    let failure = Failure::cut_off(number, reporter.under_way().as_deref());
    let (exit, document, line) = (failure.exit(), failure.document(), failure.line());
    let (done, said) = mpsc::channel();
    let reporter = Arc::clone(reporter);
    std::thread::spawn(move || {
        reporter.last_words(&document, &line);
        let _ = done.send(());
    });
    let _ = said.recv_timeout(LAST_WORDS);
    std::process::exit(i32::from(exit));
}
