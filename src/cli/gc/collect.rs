//! Removes what was found, an instance's share at a time and under its lock.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::apply::{ApplyError, too_long};
use crate::event::{Event, Listener};
use crate::model::id::InstanceUuid;
use crate::model::problem::Problem;
use crate::model::units::Bytes;
use crate::plan::action::{Action, Outcome};
use crate::plan::describe::says;
use crate::plan::garbage::{Leftover, Question, Verdict};
use crate::provider::{Depth, Provider, Query};
use crate::store::StoreError;

use super::super::{Context, Failure};
use super::look::{self, Found, Machine, Notes};

/// How much went.
#[derive(Clone, Copy, Debug)]
pub(super) struct Removed {
    pub(super) count: usize,
    pub(super) size: Bytes,
}

/// How far it is.
struct Done<'a, 'b> {
    context: &'a Context<'b>,
    question: &'a Question,
    number: usize,
    of: usize,
    removed: Removed,
    problems: Vec<Problem>,
}

/// Removes it.
pub(super) async fn collect(
    context: &Context<'_>,
    found: &Found,
    question: &Question,
) -> Result<Removed, Failure> {
    let of = found.count() - found.machines().count();
    let (removed, problems) = (Removed { count: 0, size: Bytes(0) }, Vec::new());
    let mut done = Done { context, question, number: 0, of, removed, problems };
    let mut freed = false;
    for heap in &found.heaps {
        for machine in &heap.machines {
            freed |= done.machine(&*heap.provider, machine).await?;
        }
    }
    if freed {
        // What only those were made from is in nobody's use now.
        let after = look::look(context, question, Some(&found.cache)).await?;
        done.of = after.leftovers().count() + after.notes.len();
        done.rest(&after).await?;
    } else {
        done.rest(found).await?;
    }
    // What could go is gone; what could not says why.
    if done.problems.is_empty() { Ok(done.removed) } else { Err(done.problems.into()) }
}

/// The lock, where nobody is at work.
fn free<T>(lock: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match lock {
        Ok(lock) => Ok(Some(lock)),
        Err(StoreError::Locked { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Done<'_, '_> {
    /// One machine, as `rm` does it. It is looked at again under its lock: an `up` may have come
    /// between.
    async fn machine(
        &mut self,
        provider: &dyn Provider,
        machine: &Machine,
    ) -> Result<bool, Failure> {
        self.stop_here()?;
        let context = self.context;
        let identity = &machine.identity;
        let store = context.store.instance(identity.uuid);
        let Some(lock) = free(store.lock_where_room("gc", Duration::ZERO, context.reporter).await)?
        else {
            self.pass_over(&machine.name);
            return Ok(false);
        };
        let query = Query { identity, image: None, depth: Depth::Glance };
        let observed = provider.observe(&query).await?;
        let Some(instance) = observed.instance() else { return Ok(false) };
        let verdict = look::verdict(context, self.question, instance);
        if !matches!(verdict, Verdict::Expired(_) | Verdict::Orphan) {
            context.reporter.warn(&format!("left alone: {} is wanted again", machine.name));
            return Ok(false);
        }
        let Some(now) = look::machine(provider, instance, verdict).await? else { return Ok(false) };
        context.reporter.begin(&format!("{}  ← {}", now.says(), now.why()));
        let applied = context.carry_out("gc", identity, &now.plan, provider).await;
        context.applying.store(true, Ordering::Relaxed);
        match applied {
            Ok(()) => {}
            Err(error @ ApplyError::Interrupted { .. }) => return Err(error.into()),
            Err(error) => {
                self.problems.push(error.into());
                return Ok(false);
            }
        }
        context.store.release(identity.uuid, context.lock_timeout(), context.reporter).await?;
        store.remove(lock)?;
        self.removed.count += 1;
        Ok(true)
    }

    /// Images, networks and notes.
    async fn rest(&mut self, found: &Found) -> Result<(), Failure> {
        for heap in &found.heaps {
            let mut shares: BTreeMap<Option<InstanceUuid>, Vec<&Leftover>> = BTreeMap::new();
            for leftover in &heap.leftovers {
                shares.entry(leftover.owner).or_default().push(leftover);
            }
            // Those of one instance first: what they were made from can go after them.
            let nobodys = shares.remove(&None).unwrap_or_default();
            for (owner, share) in shares {
                let Some(uuid) = owner else { continue };
                self.share(&*heap.provider, uuid, &share).await?;
            }
            for leftover in nobodys {
                self.leftover(&*heap.provider, leftover).await?;
            }
        }
        for notes in &found.notes {
            self.forget(notes).await?;
        }
        Ok(())
    }

    async fn share(
        &mut self,
        provider: &dyn Provider,
        uuid: InstanceUuid,
        share: &[&Leftover],
    ) -> Result<(), Failure> {
        let store = self.context.store.instance(uuid);
        let was_there = store.dir().exists();
        let lock = store.lock_where_room("gc", Duration::ZERO, self.context.reporter).await;
        let Some(lock) = free(lock)? else {
            self.number += share.len();
            self.pass_over(&uuid.to_string());
            return Ok(());
        };
        for leftover in share {
            self.leftover(provider, leftover).await?;
        }
        if !was_there {
            // Only the lock itself is in it.
            store.remove(lock)?;
        }
        Ok(())
    }

    async fn forget(&mut self, notes: &Notes) -> Result<(), Failure> {
        let context = self.context;
        let store = context.store.instance(notes.uuid);
        let Some(lock) = free(store.lock_where_room("gc", Duration::ZERO, context.reporter).await)?
        else {
            self.number += 1;
            self.pass_over(&notes.uuid.to_string());
            return Ok(());
        };
        self.begin("forget", &notes.says())?;
        let begun = Instant::now();
        context.store.release(notes.uuid, context.lock_timeout(), context.reporter).await?;
        store.remove(lock)?;
        self.end("forget", begun, true);
        Ok(())
    }

    async fn leftover(
        &mut self,
        provider: &dyn Provider,
        leftover: &Leftover,
    ) -> Result<(), Failure> {
        let action: &Action = &leftover.step.action;
        self.begin(action.name(), &says(action))?;
        let begun = Instant::now();
        let mut signal = self.context.signal.clone();
        let outcome = tokio::select! {
            biased;
            outcome = provider.execute(action, self.context.reporter) => outcome,
            came = too_long(&mut signal, self.context.reporter) => {
                return Err(self.interrupted(came, Some(&says(action))));
            }
        };
        match outcome {
            Ok(outcome) => {
                let done = outcome == Outcome::Done;
                let size = leftover.size.filter(|_| done).unwrap_or(Bytes(0));
                self.removed.size = Bytes(self.removed.size.0.saturating_add(size.0));
                self.end(action.name(), begun, done);
            }
            Err(error) => {
                let problem = Problem::from(error);
                self.context.reporter.hear(&Event::StepFailed {
                    number: self.number,
                    action: action.name().to_owned(),
                    code: problem.code.to_string(),
                    message: problem.message(),
                });
                self.problems.push(problem);
            }
        }
        Ok(())
    }

    /// A signal is heeded between two steps.
    fn stop_here(&self) -> Result<(), Failure> {
        let signal = *self.context.signal.borrow();
        if signal == 0 { Ok(()) } else { Err(self.interrupted(signal, None)) }
    }

    fn interrupted(&self, signal: i32, step: Option<&str>) -> Failure {
        let under_way = step.map(|step| format!(", and this was under way: {step}"));
        // What is begun is counted, and not done.
        let done = self.number.saturating_sub(usize::from(step.is_some()));
        let (of, left, under_way) = (self.of, String::new(), under_way.unwrap_or_default());
        ApplyError::Interrupted { signal, done, of, under_way, left }.into()
    }

    fn begin(&mut self, action: &str, says: &str) -> Result<(), Failure> {
        self.stop_here()?;
        self.number += 1;
        self.context.reporter.hear(&Event::StepStarted {
            number: self.number,
            of: self.of,
            action: action.to_owned(),
            says: says.to_owned(),
        });
        Ok(())
    }

    fn end(&mut self, action: &str, begun: Instant, removed: bool) {
        self.removed.count += usize::from(removed);
        self.context.reporter.hear(&Event::StepDone {
            number: self.number,
            action: action.to_owned(),
            milliseconds: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            already: !removed,
        });
    }

    fn pass_over(&self, whose: &str) {
        self.context.reporter.warn(&format!("left alone: somebody is at work on {whose}"));
    }
}
