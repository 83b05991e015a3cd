//! The points of a development build: which was passed, and what is to happen there.

use std::cell::RefCell;
use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Mutex;
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};

use super::MadeUp;

/// How long the first of two signals has until the second comes.
const BETWEEN: Duration = Duration::from_millis(50);

/// Which side of a deed a point is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Right before it.
    Before,
    /// Right after it; where the deed failed by itself, it has none.
    After,
}

/// What happens at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// SIGKILL.
    Kill,
    /// SIGINT, as of Ctrl+C.
    Interrupt,
    /// Two of them.
    Twice,
    /// SIGTERM.
    Terminate,
    /// SIGHUP: the terminal is gone.
    Hangup,
    /// The deed fails: before it, without having been done, after it, although it was.
    Fail,
    /// SIGSTOP: whoever watches does something to the world, and has the process go on.
    Halt,
    /// The thread that does it ends, and the process with its other threads goes on.
    Crash,
}

/// Every fault with its name.
pub const FAULTS: [(Fault, &str); 8] = [
    (Fault::Kill, "kill"),
    (Fault::Interrupt, "int"),
    (Fault::Twice, "int-int"),
    (Fault::Terminate, "term"),
    (Fault::Hangup, "hup"),
    (Fault::Fail, "fail"),
    (Fault::Halt, "halt"),
    (Fault::Crash, "crash"),
];

/// A fault, and the point where it happens: `store.rename:after:2:kill` is the second time that this
/// deed is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The deed.
    pub deed: String,
    /// Before or after.
    pub side: Side,
    /// The how manieth time that the point is passed, from 1.
    pub time: usize,
    /// What happens.
    pub fault: Fault,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Before => "before",
            Side::After => "after",
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = FAULTS.iter().find(|(fault, _)| fault == self).map_or("", |(_, name)| name);
        f.write_str(name)
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}:{}", self.deed, self.side, self.time, self.fault)
    }
}

impl FromStr for Side {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "before" => Ok(Side::Before),
            "after" => Ok(Side::After),
            _ => Err(format!("`{text}` is no side of a deed")),
        }
    }
}

impl FromStr for Order {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(':').collect();
        let [deed, side, time, fault] = parts[..] else {
            return Err(format!("`{text}` is not DEED:SIDE:TIME:FAULT"));
        };
        let fault = FAULTS.iter().find(|(_, name)| *name == fault).map(|(fault, _)| *fault);
        Ok(Order {
            deed: deed.to_owned(),
            side: side.parse()?,
            time: time.parse().map_err(|_| format!("`{time}` is no number"))?,
            fault: fault.ok_or_else(|| format!("`{text}` has no known fault"))?,
        })
    }
}

/// What a process, or a thread of one, is told.
struct Armed {
    order: Option<Order>,
    /// Every point is written here as it is passed.
    log: Option<PathBuf>,
    passed: Vec<(&'static str, Side)>,
}

static PROCESS: Mutex<Option<Armed>> = Mutex::new(None);

thread_local! {
    /// Tests of the library share a process.
    static THREAD: RefCell<Option<Armed>> = const { RefCell::new(None) };
}

/// Arms this process, by the values of VAGRANTP_FAULT and VAGRANTP_FAULT_LOG.
///
/// # Errors
/// The order cannot be read.
pub fn arm(order: Option<&String>, log: Option<&String>) -> Result<(), String> {
    if order.is_none() && log.is_none() {
        return Ok(());
    }
    let order = order.map(|text| text.parse()).transpose()?;
    let armed = Armed { order, log: log.map(PathBuf::from), passed: Vec::new() };
    *PROCESS.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(armed);
    Ok(())
}

/// Arms this thread alone, or, with nothing, has it only remember what it passes.
pub fn arm_here(order: Option<Order>) {
    THREAD.set(Some(Armed { order, log: None, passed: Vec::new() }));
}

/// What this thread has passed since it was armed, which it is no more.
#[must_use]
pub fn passed_here() -> Vec<(&'static str, Side)> {
    THREAD.take().map(|armed| armed.passed).unwrap_or_default()
}

impl Armed {
    /// Remembers that a point was passed, and says what happens there.
    fn pass(&mut self, name: &'static str, side: Side) -> Option<Fault> {
        self.passed.push((name, side));
        if let Some(log) = &self.log {
            // A log that cannot be written shows as one that lacks what the test looks for.
            let file = OpenOptions::new().append(true).create(true).open(log);
            let _ = file.and_then(|mut file| writeln!(file, "{name}:{side}"));
        }
        let order = self.order.as_ref()?;
        let time = self.passed.iter().filter(|passed| **passed == (name, side)).count();
        let here = order.deed == name && order.side == side && order.time == time;
        here.then_some(order.fault)
    }
}

fn fault_at(name: &'static str, side: Side) -> Option<Fault> {
    let of_thread = THREAD.with_borrow_mut(|armed| armed.as_mut().map(|it| it.pass(name, side)));
    if let Some(fault) = of_thread {
        return fault;
    }
    let mut process = PROCESS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    process.as_mut().and_then(|armed| armed.pass(name, side))
}

fn raise(signal: Signal) {
    let _ = kill_process(getpid(), signal);
}

/// Passes a point of a deed that is over at once.
pub(super) fn pass<E: MadeUp>(name: &'static str, side: Side) -> Result<(), E> {
    let Some(fault) = fault_at(name, side) else { return Ok(()) };
    if fault == Fault::Twice {
        std::thread::spawn(|| {
            std::thread::sleep(BETWEEN);
            raise(Signal::INT);
        });
    }
    strike(fault, name)
}

/// Passes a point of a deed that takes its time.
pub(super) async fn wait_at<E: MadeUp>(name: &'static str, side: Side) -> Result<(), E> {
    let Some(fault) = fault_at(name, side) else { return Ok(()) };
    let struck = strike(fault, name);
    if fault == Fault::Twice {
        // The first is heard only where this lets others run.
        tokio::time::sleep(BETWEEN).await;
        raise(Signal::INT);
        tokio::time::sleep(BETWEEN).await;
    }
    struck
}

fn strike<E: MadeUp>(fault: Fault, name: &'static str) -> Result<(), E> {
    match fault {
        Fault::Kill => raise(Signal::KILL),
        Fault::Interrupt | Fault::Twice => raise(Signal::INT),
        Fault::Terminate => raise(Signal::TERM),
        Fault::Hangup => raise(Signal::HUP),
        Fault::Halt => raise(Signal::STOP),
        Fault::Fail => return Err(E::made_up(name)),
        Fault::Crash => std::panic::resume_unwind(Box::new(fault)),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deed::at_once;

    #[test]
    fn an_order_is_what_it_was_written_as() {
        for (fault, name) in FAULTS {
            let text = format!("store.rename:after:2:{name}");
            let order: Order = text.parse().unwrap();
            assert_eq!((order.fault, order.time), (fault, 2));
            assert_eq!(order.to_string(), text);
        }
        for wrong in ["", "a:b", "a:before:x:kill", "a:beside:1:kill", "a:before:1:hit"] {
            assert!(wrong.parse::<Order>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_deed_fails_at_the_time_that_was_asked_for() {
        let mut done = 0;
        arm_here(Some("x:before:2:fail".parse().unwrap()));
        let mut deed = || {
            at_once("x", || {
                done += 1;
                Ok::<_, std::io::Error>(())
            })
        };
        assert!(deed().is_ok());
        let error = deed().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
        assert!(deed().is_ok());
        assert_eq!(done, 2, "the one that failed before it was not done");
        assert_eq!(passed_here().len(), 5);
    }

    #[test]
    fn after_a_deed_it_was_done_all_the_same() {
        let mut done = false;
        arm_here(Some("x:after:1:fail".parse().unwrap()));
        let failed = at_once("x", || {
            done = true;
            Ok::<_, std::io::Error>(())
        });
        assert!(failed.is_err() && done);
        assert_eq!(passed_here(), [("x", Side::Before), ("x", Side::After)]);
    }
}
