//! What there is to collect, from every provider and from vagrantp's own files.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::model::garbage::{Inventory, OwnImage};
use crate::model::id::{Identity, InfraType, InstanceUuid, ProviderKind};
use crate::model::observed::{Instance, Power};
use crate::model::stamp::Stamp;
use crate::plan::Plan;
use crate::plan::garbage::{Leftover, Question, Verdict, cached, leftovers, lone_snapshots};
use crate::plan::steps::{stop_mode, to_absent};
use crate::provider::{Depth, Provider, Query, registry};

use super::super::{Context, Failure, host, lifetime, list, locate};

/// A provider that answered, with what can go over there.
pub(super) struct Heap {
    pub(super) provider: Box<dyn Provider>,
    pub(super) machines: Vec<Machine>,
    pub(super) leftovers: Vec<Leftover>,
}

/// A machine that can go.
pub(super) struct Machine {
    pub(super) identity: Identity,
    /// What its provider calls it.
    pub(super) name: String,
    pub(super) state: Power,
    pub(super) verdict: Verdict,
    /// What removes all of it.
    pub(super) plan: Plan,
}

/// What is kept on disk of an instance that is gone.
pub(super) struct Notes {
    pub(super) uuid: InstanceUuid,
    pub(super) project: Option<PathBuf>,
}

/// What stays, although somebody may want to know of it.
pub(super) struct Kept {
    pub(super) uuid: Option<InstanceUuid>,
    pub(super) name: String,
    pub(super) says: String,
}

/// Everything that was found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) heaps: Vec<Heap>,
    pub(super) notes: Vec<Notes>,
    pub(super) kept: Vec<Kept>,
    /// The images that no machine is made from.
    pub(super) cache: BTreeSet<String>,
}

/// Looks at everything. `cache` are the images that nobody used before anything was removed, once
/// something was.
pub(super) async fn look(
    context: &Context<'_>,
    question: &Question,
    cache: Option<&BTreeSet<String>>,
) -> Result<Found, Failure> {
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
            Ok((provider, inventory, instances)) => {
                let own = instances.iter().map(|instance| instance.stamp.uuid).collect();
                let leftovers = leftovers(&inventory, &own, &busy, question, cache);
                if !question.orphans {
                    let snapshots = lone_snapshots(&inventory, &own, &busy);
                    found.kept.extend(snapshots.map(Kept::snapshot));
                    found.kept.extend(cached(&inventory).map(Kept::image));
                    found.cache.extend(cached(&inventory).map(|image| image.name.clone()));
                }
                found.kept.extend(inventory.copies.into_iter().map(Kept::copy));
                let mut heap = Heap { provider, machines: Vec::new(), leftovers };
                for uuid in &own {
                    let of = instances.iter().filter(|instance| instance.stamp.uuid == *uuid);
                    let own: Vec<&Instance> =
                        of.filter(|instance| instance.stamp.uid == context.facts.uid).collect();
                    let is_busy = busy.contains(uuid);
                    found.kept.extend(judge(context, question, &mut heap, &own, is_busy).await?);
                }
                living.extend(own);
                reached.insert(*kind);
                found.heaps.push(heap);
            }
            Err(error) => failure = Some(error),
        }
    }
    if let Some(failure) = failure.filter(|_| reached.is_empty()) {
        return Err(failure);
    }
    for uuid in kept {
        let store = context.store.instance(uuid);
        let record = store.record().value;
        // Where nobody knows what ran it, all of them have to say that they do not.
        let is_known_gone = match &record {
            Some(record) => reached.contains(&record.provider),
            None => reached.len() == kinds.len(),
        };
        let is_old_enough = question.is_old_enough(store.touched());
        if is_known_gone && is_old_enough && !living.contains(&uuid) && !busy.contains(&uuid) {
            found.notes.push(Notes { uuid, project: record.map(|record| record.project) });
        }
    }
    // A claim on ports without any other note: `up` was ended before it made anything.
    for lease in context.store.leases_unlocked() {
        let noted = found.notes.iter().any(|notes| notes.uuid == lease.uuid);
        let is_lost = reached.contains(&lease.provider)
            && !living.contains(&lease.uuid)
            && !lease.owner.is_alive()
            && question.is_old_enough(None);
        if is_lost && !noted && !busy.contains(&lease.uuid) {
            found.notes.push(Notes { uuid: lease.uuid, project: Some(lease.project) });
        }
    }
    Ok(found)
}

async fn ask(
    context: &Context<'_>,
    kind: ProviderKind,
) -> Result<(Box<dyn Provider>, Inventory, Vec<Instance>), Failure> {
    let provider = registry::open(kind, &context.facts).await?;
    let inventory = provider.inventory(context.facts.uid).await?;
    // After the rest: whoever made something meanwhile has an instance by now, or holds a lock.
    let instances = provider.list().await?;
    Ok((provider, inventory, instances))
}

/// Decides about the objects of one machine; what to say where it stays and somebody may wonder.
async fn judge(
    context: &Context<'_>,
    question: &Question,
    heap: &mut Heap,
    objects: &[&Instance],
    is_busy: bool,
) -> Result<Option<Kept>, Failure> {
    // Of several the one that counts is the newest; a crash left the others.
    let Some(instance) = objects.iter().max_by_key(|one| one.stamp.generation) else {
        return Ok(None);
    };
    let verdict = verdict(context, question, instance);
    let kept = Kept::of(&verdict, &instance.stamp);
    if !matches!(verdict, Verdict::Expired(_) | Verdict::Orphan) {
        return Ok(kept);
    }
    if is_busy {
        return Ok(Some(Kept::busy(&instance.stamp)));
    }
    heap.machines.extend(machine(&*heap.provider, instance, verdict).await?);
    Ok(None)
}

/// What becomes of an instance at this moment.
pub(super) fn verdict(context: &Context<'_>, question: &Question, instance: &Instance) -> Verdict {
    let ground = host::mounts::ground(&instance.stamp.project);
    let lifetime = lifetime::looked_up(context, instance, &ground);
    question.judge(instance, lifetime, &ground)
}

/// The machine with what removes it; none where it is not there any more.
pub(super) async fn machine(
    provider: &dyn Provider,
    instance: &Instance,
    verdict: Verdict,
) -> Result<Option<Machine>, Failure> {
    let identity = list::identity(&instance.stamp);
    let query = Query { identity: &identity, image: None, depth: Depth::Full };
    let observed = provider.observe(&query).await?;
    let Some(seen) = observed.instance() else { return Ok(None) };
    let plan = to_absent(&identity, &observed, stop_mode(false, locate::STOP_TIMEOUT.duration()));
    let (name, state) = (seen.name.clone(), seen.state);
    Ok(Some(Machine { identity, name, state, verdict, plan }))
}

impl Kept {
    fn of(verdict: &Verdict, stamp: &Stamp) -> Option<Kept> {
        let (id, project) = (&stamp.infra_id, stamp.project.display());
        let says = match verdict {
            Verdict::OrphanKept => format!(
                "left alone: {id}, whose directory {project} is gone; `vagrantp gc --orphans` takes \
                 it too"
            ),
            Verdict::Away => format!(
                "left alone: {id}, whose directory {project} is not to be seen; its disk may not be \
                 mounted"
            ),
            Verdict::Stays | Verdict::Expired(_) | Verdict::Orphan => return None,
        };
        Some(Kept { uuid: Some(stamp.uuid), name: id.to_string(), says })
    }

    fn busy(stamp: &Stamp) -> Kept {
        let (uuid, name) = (Some(stamp.uuid), stamp.infra_id.to_string());
        Kept { uuid, says: format!("left alone: somebody is at work on {name}"), name }
    }

    fn snapshot(image: &OwnImage) -> Kept {
        let (uuid, name) = (image.owner, image.name.clone());
        let says = format!(
            "left alone: the snapshot {name} ({}), whose machine is gone; `vagrantp gc --orphans` \
             takes it too",
            image.size
        );
        Kept { uuid, name, says }
    }

    fn image(image: &OwnImage) -> Kept {
        let says = format!(
            "left alone: the image {} ({}), which no machine is made from and the next `up` may \
             use; `vagrantp gc --orphans` takes it too",
            image.name, image.size
        );
        Kept { uuid: None, name: image.name.clone(), says }
    }

    fn copy(name: String) -> Kept {
        let says =
            format!("left alone: {name} carries labels of vagrantp's and is not of its making");
        Kept { uuid: None, name, says }
    }
}

impl Found {
    pub(super) fn machines(&self) -> impl Iterator<Item = &Machine> {
        self.heaps.iter().flat_map(|heap| &heap.machines)
    }

    pub(super) fn leftovers(&self) -> impl Iterator<Item = &Leftover> {
        self.heaps.iter().flat_map(|heap| &heap.leftovers)
    }

    pub(super) fn count(&self) -> usize {
        self.machines().count() + self.leftovers().count() + self.notes.len()
    }
}
