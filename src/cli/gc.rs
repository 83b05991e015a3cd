//! `gc`: removes what no machine stands behind any more, of this user's and of vagrantp's alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};

use crate::apply::ApplyError;
use crate::event::{Event, Listener};
use crate::exit;
use crate::model::garbage::Inventory;
use crate::model::id::{InfraType, InstanceUuid, ProviderKind};
use crate::model::problem::Problem;
use crate::model::units::Bytes;
use crate::plan::action::{Action, Outcome};
use crate::plan::describe::{because, says};
use crate::plan::garbage::{Leftover, leftovers};
use crate::provider::{Provider, registry};
use crate::report::Answer;
use crate::store::StoreError;

use super::{Context, Failure};

/// The options of `gc`.
#[derive(Debug, Args)]
pub struct GcArgs {
    /// Show what would be removed, and remove nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// A provider that answered, with what is left over there.
struct Heap {
    provider: Box<dyn Provider>,
    leftovers: Vec<Leftover>,
}

/// What is kept on disk of an instance that is gone.
struct Notes {
    uuid: InstanceUuid,
    project: Option<PathBuf>,
}

/// Everything that is left over.
#[derive(Default)]
struct Found {
    heaps: Vec<Heap>,
    notes: Vec<Notes>,
}

/// Runs `gc`.
///
/// # Errors
/// No provider answers, nobody agreed, or something cannot be removed.
pub async fn run(context: &Context<'_>, args: &GcArgs) -> Result<Answer, Failure> {
    let found = look(context).await?;
    let count = found.count();
    if args.dry_run || count == 0 {
        return Ok(answer(context, &found, None));
    }
    if let Err(mut failure) = super::consent::to_collect(context, &found.text()).await {
        failure.base.more.insert("leftovers", json!(found.items()));
        return Err(failure);
    }
    context.applying.store(true, Ordering::Relaxed);
    let removed = collect(context, &found).await;
    context.applying.store(false, Ordering::Relaxed);
    Ok(answer(context, &found, Some(removed?)))
}

async fn look(context: &Context<'_>) -> Result<Found, Failure> {
    let kept = context.store.instances();
    let busy: BTreeSet<InstanceUuid> = kept
        .iter()
        .filter(|uuid| context.store.instance(**uuid).lock_holder().is_some())
        .copied()
        .collect();
    let mut found = Found::default();
    let mut living = BTreeSet::new();
    let mut reached = BTreeSet::new();
    let mut failure = None;
    let kinds: Vec<ProviderKind> =
        [InfraType::Container, InfraType::Vm].into_iter().flat_map(registry::built).collect();
    for kind in &kinds {
        match ask(context, *kind).await {
            Ok((provider, inventory, own)) => {
                let leftovers = leftovers(&inventory, &own, &busy);
                living.extend(own);
                reached.insert(*kind);
                found.heaps.push(Heap { provider, leftovers });
            }
            Err(error) => failure = Some(error),
        }
    }
    if let Some(failure) = failure.filter(|_| reached.is_empty()) {
        return Err(failure);
    }
    for uuid in kept {
        let record = context.store.instance(uuid).record().value;
        // Where nobody knows what ran it, all of them have to say that they do not.
        let is_known_gone = match &record {
            Some(record) => reached.contains(&record.provider),
            None => reached.len() == kinds.len(),
        };
        if is_known_gone && !living.contains(&uuid) && !busy.contains(&uuid) {
            found.notes.push(Notes { uuid, project: record.map(|record| record.project) });
        }
    }
    // A claim on ports without any other note: `up` was ended before it made anything.
    for lease in context.store.leases_unlocked() {
        let noted = found.notes.iter().any(|notes| notes.uuid == lease.uuid);
        let is_lost = reached.contains(&lease.provider)
            && !living.contains(&lease.uuid)
            && !lease.owner.is_alive();
        if is_lost && !noted && !busy.contains(&lease.uuid) {
            found.notes.push(Notes { uuid: lease.uuid, project: Some(lease.project) });
        }
    }
    Ok(found)
}

async fn ask(
    context: &Context<'_>,
    kind: ProviderKind,
) -> Result<(Box<dyn Provider>, Inventory, BTreeSet<InstanceUuid>), Failure> {
    let provider = registry::open(kind, &context.facts).await?;
    let inventory = provider.inventory(context.facts.uid).await?;
    // After the rest: whoever made something meanwhile has an instance by now, or holds a lock.
    let instances = provider.list().await?;
    let living = instances.iter().map(|instance| instance.stamp.uuid).collect();
    Ok((provider, inventory, living))
}

/// Removes it, an instance's share at a time and under its lock; how much went.
async fn collect(context: &Context<'_>, found: &Found) -> Result<usize, Failure> {
    let mut done = Done { context, number: 0, removed: 0, of: found.count(), problems: Vec::new() };
    for heap in &found.heaps {
        let mut shares: BTreeMap<Option<InstanceUuid>, Vec<&Leftover>> = BTreeMap::new();
        for leftover in &heap.leftovers {
            shares.entry(leftover.owner).or_default().push(leftover);
        }
        // Those of one instance first: what they were made from can go after them.
        let nobodys = shares.remove(&None).unwrap_or_default();
        for (owner, share) in shares {
            let Some(uuid) = owner else { continue };
            let store = context.store.instance(uuid);
            let was_there = store.dir().exists();
            let Some(lock) = free(store.lock("gc", Duration::ZERO, context.reporter).await)? else {
                done.pass_over(share.len(), uuid);
                continue;
            };
            for leftover in share {
                done.remove(&*heap.provider, &leftover.step.action).await?;
            }
            if !was_there {
                // Only the lock itself is in it.
                store.remove(lock)?;
            }
        }
        for leftover in nobodys {
            done.remove(&*heap.provider, &leftover.step.action).await?;
        }
    }
    for notes in &found.notes {
        let store = context.store.instance(notes.uuid);
        let Some(lock) = free(store.lock("gc", Duration::ZERO, context.reporter).await)? else {
            done.pass_over(1, notes.uuid);
            continue;
        };
        done.begin("forget", &notes.says())?;
        let begun = Instant::now();
        context.store.release(notes.uuid, context.lock_timeout(), context.reporter).await?;
        store.remove(lock)?;
        done.end("forget", begun, true);
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

/// How far it is.
struct Done<'a, 'b> {
    context: &'a Context<'b>,
    number: usize,
    of: usize,
    removed: usize,
    problems: Vec<Problem>,
}

impl Done<'_, '_> {
    async fn remove(&mut self, provider: &dyn Provider, action: &Action) -> Result<(), Failure> {
        self.begin(action.name(), &says(action))?;
        let begun = Instant::now();
        match provider.execute(action, self.context.reporter).await {
            Ok(outcome) => self.end(action.name(), begun, outcome == Outcome::Done),
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

    fn begin(&mut self, action: &str, says: &str) -> Result<(), Failure> {
        let signal = *self.context.signal.borrow();
        if signal != 0 {
            let (done, under_way) = (self.number, String::new());
            return Err(ApplyError::Interrupted { signal, done, of: self.of, under_way }.into());
        }
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
        self.removed += usize::from(removed);
        self.context.reporter.hear(&Event::StepDone {
            number: self.number,
            action: action.to_owned(),
            milliseconds: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            already: !removed,
        });
    }

    fn pass_over(&mut self, count: usize, uuid: InstanceUuid) {
        self.number += count;
        self.context.reporter.warn(&format!("left alone: somebody is at work on {uuid}"));
    }
}

impl Notes {
    fn says(&self) -> String {
        match &self.project {
            Some(project) => {
                format!("Forget the machine of {}, which is gone", project.display())
            }
            None => format!("Forget the machine {}, which is gone", self.uuid),
        }
    }
}

impl Found {
    fn leftovers(&self) -> impl Iterator<Item = &Leftover> {
        self.heaps.iter().flat_map(|heap| &heap.leftovers)
    }

    fn count(&self) -> usize {
        self.leftovers().count() + self.notes.len()
    }

    fn size(&self) -> Bytes {
        Bytes(self.leftovers().filter_map(|leftover| leftover.size).map(|size| size.0).sum())
    }

    /// A line each.
    fn text(&self) -> String {
        let lines = self.leftovers().map(|leftover| {
            let says = says(&leftover.step.action);
            let size = leftover.size.map(|size| format!(" ({size})")).unwrap_or_default();
            let why = because(&leftover.step.cause).unwrap_or_default();
            format!("{says}{size}  ← {why}")
        });
        let notes = self.notes.iter().map(Notes::says);
        let mut text = String::new();
        for (index, line) in lines.chain(notes).enumerate() {
            text.push_str(&format!("{:>3}. {line}\n", index + 1));
        }
        text
    }

    fn items(&self) -> Vec<Value> {
        let leftovers = self.leftovers().map(|leftover| {
            let (kind, name) = match &leftover.step.action {
                Action::RemoveNetwork { name, .. } => ("network", name.as_str()),
                Action::RemoveImage { image } => ("image", image.as_str()),
                other => (other.name(), ""),
            };
            let says = says(&leftover.step.action);
            let bytes = leftover.size.map(|size| size.0);
            json!({ "kind": kind, "name": name, "uuid": leftover.owner, "bytes": bytes, "says": says })
        });
        let notes = self.notes.iter().map(|notes| {
            let name = notes.project.as_ref().map(|path| path.display().to_string());
            let name = name.unwrap_or_else(|| notes.uuid.to_string());
            let (uuid, says) = (notes.uuid, notes.says());
            json!({ "kind": "notes", "name": name, "uuid": uuid, "bytes": null, "says": says })
        });
        leftovers.chain(notes).collect()
    }
}

/// `removed` is how much went; none where it was only shown.
fn answer(context: &Context<'_>, found: &Found, removed: Option<usize>) -> Answer {
    let things = |count: usize| match count {
        1 => "1 thing".to_owned(),
        count => format!("{count} things"),
    };
    let size = match found.size() {
        Bytes(0) => String::new(),
        size => format!(", {size} at most"),
    };
    let message = match (removed, found.count()) {
        (_, 0) => "There is nothing to remove.".to_owned(),
        (None, count) => format!("{} would be removed{size}.", things(count)),
        (Some(removed), _) => format!("{} removed{size}.", things(removed)),
    };
    let mut document = context.document(&[]);
    document.message = Some(message.clone());
    document.changed = Some(removed.is_some_and(|removed| removed > 0));
    document.more.insert("leftovers", json!(found.items()));
    let list = if removed.is_none() { found.text() } else { String::new() };
    Answer { document, text: format!("{list}{message}\n"), exit: exit::SUCCESS }
}
