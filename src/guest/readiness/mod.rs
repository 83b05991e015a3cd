//! Waiting until a machine that was started can be used, told stage by stage: it runs, has an address,
//! something answers on the port, it is an SSH server, it lets the user in, cloud-init is done.
//!
//! What is seen is kept apart from what it means: [`seen`] is a value that probes fill and that
//! `meaning` turns into an error, without a clock or a network.

mod log;
mod login;
mod meaning;
mod probe;
mod seen;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

pub use log::last_lines;
pub use seen::Stage;

use self::log::Log;
use self::login::{Answer, CloudInit};
use self::seen::Seen;
use super::error::{BootError, Told};
use super::ssh::Access;
use crate::event::{Event, Listener};
use crate::exec::Program;

/// Between two looks at what costs next to nothing.
const OFTEN: Duration = Duration::from_millis(50);
/// Between two looks at whether the machine still runs.
const ALIVE: Duration = Duration::from_millis(100);
/// A machine that is not to be waited for has to run for so long.
const STAYS: Duration = Duration::from_millis(300);
/// How many lines of the console an error quotes.
const LINES: usize = 15;

/// What a room knows of its machine. Both are asked often: each has to be quick.
#[async_trait]
pub trait Machine: Send + Sync {
    /// Whether it still runs.
    async fn is_alive(&self) -> bool;

    /// Where its SSH port is, as soon as that is known. A room that can tell whether the guest has
    /// taken its network device into use says nothing before: connections that a forwarder holds
    /// for a guest that is not there yet cost both.
    async fn address(&self) -> Option<SocketAddr>;
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// It runs, and stays so for a moment.
    Boot,
    /// It lets the user in, and cloud-init, where it is there, is done.
    Ssh,
}

/// How it is waited.
#[derive(Clone, Debug)]
pub struct Wait {
    /// The machine's name, for what is told.
    pub name: String,
    /// What for.
    pub until: Until,
    /// How long.
    pub timeout: Duration,
    /// The way in; address and port of it are taken from the machine.
    pub access: Access,
    /// The system's ssh.
    pub ssh: Program,
    /// The file that the serial console is written to, and how long it was before this start.
    pub console: Option<(PathBuf, u64)>,
}

/// A machine that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    /// Where its SSH port is.
    pub address: Option<SocketAddr>,
    /// What cloud-init took note of, in its words.
    pub warnings: Vec<String>,
}

/// Waits until the machine can be used.
///
/// # Errors
/// It ended, its kernel gave up, cloud-init failed, or the time is over: the error says how far it
/// came and what hindered it.
pub async fn wait(
    machine: &dyn Machine,
    wait: &Wait,
    listener: &dyn Listener,
) -> Result<Ready, BootError> {
    let begun = Instant::now();
    let seen = Mutex::new(Seen::default());
    let hint = Notify::new();
    let failed = |seen: Seen, log: &mut Log| {
        let told = Told {
            name: wait.name.clone(),
            seconds: begun.elapsed().as_secs(),
            stage: seen.stage.says(),
            log: log.last_lines(LINES),
        };
        meaning::of(seen, &wait.access.user, log.text(), told)
    };
    let now = || seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut log = Log::new(wait.console.clone());
    if wait.until == Until::Boot {
        sleep(STAYS).await;
        if machine.is_alive().await {
            return Ok(Ready { address: machine.address().await, warnings: Vec::new() });
        }
        return Err(failed(Seen { ended: true, ..now() }, &mut log));
    }
    tokio::select! {
        ready = reach(machine, wait, &seen, &hint, listener) => {
            ready.map_err(|()| failed(now(), &mut log))
        }
        () = watch(machine, &seen, &hint, &mut log) => Err(failed(now(), &mut log)),
        () = sleep_until(begun + wait.timeout) => Err(failed(now(), &mut log)),
    }
}

/// Ends when there is nothing more to wait for: the machine has ended, or its kernel has.
async fn watch(machine: &dyn Machine, seen: &Mutex<Seen>, hint: &Notify, log: &mut Log) {
    loop {
        if !machine.is_alive().await {
            note(seen, |seen| seen.ended = true);
            return;
        }
        if meaning::hints_at_a_server(log.read()) {
            hint.notify_one();
        }
        if meaning::panic(log.text()).is_some() {
            // Its last lines are on their way.
            sleep(ALIVE).await;
            return;
        }
        sleep(ALIVE).await;
    }
}

fn note(seen: &Mutex<Seen>, change: impl FnOnce(&mut Seen)) {
    change(&mut seen.lock().unwrap_or_else(PoisonError::into_inner));
}

/// Goes from stage to stage. An error is one that waiting does not mend; what it is stands in what
/// was seen.
async fn reach(
    machine: &dyn Machine,
    wait: &Wait,
    seen: &Mutex<Seen>,
    hint: &Notify,
    listener: &dyn Listener,
) -> Result<Ready, ()> {
    let enter = |stage: Stage| {
        note(seen, |seen| seen.stage = stage);
        listener.hear(&Event::Progress {
            item: wait.name.clone(),
            done: stage.number(),
            total: Some(Stage::COUNT),
            says: stage.waiting_for().to_owned(),
        });
    };
    enter(Stage::Address);
    let address = loop {
        if let Some(address) = machine.address().await {
            break address;
        }
        sleep(OFTEN).await;
    };
    note(seen, |seen| seen.port = Some(address.port()));
    enter(Stage::Banner);
    probe::banner(address, hint, &|outcome| note(seen, |seen| seen.heard(outcome))).await;
    enter(Stage::Login);
    let access = Access { host: address.ip(), port: address.port(), ..wait.access.clone() };
    let mut pause = OFTEN;
    let mut is_in = false;
    loop {
        // Once inside, the guest itself waits for cloud-init, and says so when it is done.
        let patience = if is_in { login::PATIENCE } else { Duration::ZERO };
        match login::ask(&wait.ssh, &access, patience).await {
            Ok(CloudInit::Running) => {
                if !is_in {
                    is_in = true;
                    enter(Stage::CloudInit);
                }
                note(seen, |seen| seen.login = None);
            }
            Ok(CloudInit::Failed(reason)) => {
                note(seen, |seen| seen.cloud_init = Some(reason));
                return Err(());
            }
            Ok(CloudInit::Absent) => {
                return Ok(Ready { address: Some(address), warnings: Vec::new() });
            }
            Ok(CloudInit::Done(warnings)) => {
                for warning in &warnings {
                    let message = format!("cloud-init of {}: {warning}", wait.name);
                    listener.hear(&Event::Warning { message });
                }
                return Ok(Ready { address: Some(address), warnings });
            }
            Err(Answer::Retry(outcome)) => {
                note(seen, |seen| seen.login = Some(outcome));
                sleep(pause).await;
                // A server that is asked too often by who may not come in stops answering.
                pause = (pause * 2).min(login::LONGEST_PAUSE);
            }
        }
    }
}

#[cfg(test)]
mod tests;
