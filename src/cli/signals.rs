//! Signals: the first asks to finish, the second ends at once.

use std::sync::atomic::Ordering;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::Context;

/// Listens from now on. The channel holds the number of the first signal that came.
///
/// `ssh` passes signals on to what runs inside and listens itself.
#[must_use]
pub fn listen(passed_on: bool) -> watch::Receiver<i32> {
    let (sender, receiver) = watch::channel(0);
    if passed_on {
        // The sender has to live on, else waiting for a signal would end at once.
        std::mem::forget(sender);
        return receiver;
    }
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
                _ = hangup.recv() => 1,
            };
            if *sender.borrow() != 0 {
                leave(number);
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

#[expect(clippy::exit, reason = "the second signal means: now")]
fn leave(number: i32) {
    std::process::exit(128 + number);
}
