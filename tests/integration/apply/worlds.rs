//! Worlds that nobody planned: what others did, what crashes left, what belongs to strangers. From
//! each of them the way leads to a plan of nothing, or is refused with nothing touched.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use proptest::prelude::*;
use tokio::runtime::Builder;
use vagrantp::event::Silence;
use vagrantp::model::capability::Cost;
use vagrantp::model::desired::Desired;
use vagrantp::model::id::{InfraType, InstanceUuid};
use vagrantp::model::life::Limits;
use vagrantp::model::observed::{Instance, Power};
use vagrantp::model::units::Memory as MemorySize;
use vagrantp::plan::action::Action;
use vagrantp::plan::{Plan, PlanError, Step};
use vagrantp::provider::memory::World as Everything;

use super::quiet;
use super::spy::World;
use super::wishes::{bytes, config, loses_nothing_silently, wish};

/// What may have happened to what `up` made.
#[derive(Clone, Debug)]
enum Mishap {
    State(Power),
    /// A second object of the same uuid: so many generations apart, in this state.
    Twin(u32, Power),
    Gone,
    NetworkGone,
    NetworkOfAnother,
    InOtherNetworks(bool),
    ImageGone,
    SavedFiles,
    Memory(u32),
    Limited,
    NoPorts,
    NoMounts,
    Autostart,
    Renamed,
    /// Somebody's with a name of its own, or with the one that is wanted.
    Stranger(bool),
    /// Another project's, beside it or from this directory's former place.
    Another {
        here: bool,
        named_so: bool,
    },
}

fn power() -> impl Strategy<Value = Power> {
    prop::sample::select(vec![
        Power::Created,
        Power::Running,
        Power::Paused,
        Power::Stopping,
        Power::Stopped,
        Power::Removing,
        Power::Unknown,
    ])
}

fn mishap() -> impl Strategy<Value = Mishap> {
    prop_oneof![
        3 => power().prop_map(Mishap::State),
        3 => (0_u32..3, power()).prop_map(|(after, state)| Mishap::Twin(after, state)),
        1 => Just(Mishap::Gone),
        1 => Just(Mishap::NetworkGone),
        1 => Just(Mishap::NetworkOfAnother),
        1 => any::<bool>().prop_map(Mishap::InOtherNetworks),
        1 => Just(Mishap::ImageGone),
        1 => Just(Mishap::SavedFiles),
        1 => (512_u32..1024).prop_map(Mishap::Memory),
        1 => Just(Mishap::Limited),
        1 => Just(Mishap::NoPorts),
        1 => Just(Mishap::NoMounts),
        1 => Just(Mishap::Autostart),
        1 => Just(Mishap::Renamed),
        1 => any::<bool>().prop_map(Mishap::Stranger),
        2 => any::<(bool, bool)>().prop_map(|(here, named_so)| Mishap::Another { here, named_so }),
    ]
}

fn happens(world: &mut Everything, mishap: &Mishap, wanted: &Desired) {
    let identity = &wanted.identity;
    let (uuid, name) = (identity.uuid, identity.id.to_string());
    let another = InstanceUuid::derive("m", 7, "/elsewhere".as_ref(), InfraType::Container);
    let twin = |of: &Instance| Instance { id: format!("{}-twin", of.id), ..of.clone() };
    match mishap {
        Mishap::Gone => world.instances.retain(|instance| instance.stamp.uuid != uuid),
        Mishap::NetworkGone => world.networks.clear(),
        Mishap::NetworkOfAnother => {
            world.networks.iter_mut().for_each(|(_, owner)| *owner = another);
        }
        Mishap::ImageGone => world.images.clear(),
        Mishap::SavedFiles => world.saved.push(format!("localhost/vagrantp/{uuid}:77-1")),
        Mishap::Stranger(named_so) => {
            world.strangers.push(if *named_so { name } else { "somebody".to_owned() });
        }
        Mishap::Another { here, named_so } => {
            let Some(of) = world.instances.first().cloned() else { return };
            let mut other = twin(&of);
            other.id = "another".to_owned();
            other.name = if *named_so { name } else { "another".to_owned() };
            other.stamp.uuid = another;
            if !here {
                (other.stamp.uid, other.stamp.device) = (7, 99);
            }
            world.instances.push(other);
        }
        of_own => {
            let Some(own) = world.instances.iter_mut().find(|own| own.stamp.uuid == uuid) else {
                return;
            };
            match of_own {
                Mishap::State(state) => own.state = *state,
                Mishap::Twin(after, state) => {
                    let mut second = twin(own);
                    second.name = format!("{}-replaced-{}", own.name, own.stamp.generation);
                    second.stamp.generation += after;
                    second.state = *state;
                    if world.instances.iter().all(|held| held.id != second.id) {
                        world.instances.push(second);
                    }
                }
                Mishap::InOtherNetworks(too) => {
                    if !too {
                        own.networks.clear();
                    }
                    own.networks.push("other".to_owned());
                }
                Mishap::Memory(memory) => own.memory = Some(MemorySize(u64::from(*memory))),
                Mishap::Limited => {
                    let memory = Some(MemorySize(64));
                    own.life.limits = Some(Limits { memory, millicpus: None });
                }
                Mishap::NoPorts => own.ports.clear(),
                Mishap::NoMounts => own.mounts.clear(),
                Mishap::Autostart => own.autostart = !own.autostart,
                Mishap::Renamed => own.name = "renamed".to_owned(),
                _ => unreachable!("those that are about others came before"),
            }
        }
    }
}

/// All that is not this project's.
fn others(world: &World, uuid: InstanceUuid) -> String {
    world.provider.with(|world| {
        let mut instances = world.instances.clone();
        instances.retain(|instance| instance.stamp.uuid != uuid);
        let mut networks = world.networks.clone();
        networks.retain(|(_, owner)| *owner != uuid);
        format!("{instances:?} {networks:?} {:?}", world.strangers)
    })
}

fn touches_its_own_alone(plan: &Plan, uuid: InstanceUuid) {
    for step in &plan.steps {
        let whose = match &step.action {
            Action::FetchImage { .. } => continue,
            Action::CreateNetwork { network } => network.uuid,
            Action::RemoveNetwork { uuid, .. } | Action::RemoveDisk { uuid, .. } => *uuid,
            Action::Create { spec } => spec.stamp.uuid,
            Action::RemoveImage { image } => {
                assert!(image.contains(&uuid.to_string()), "{image}");
                continue;
            }
            // It may be of the machine that is taken over.
            Action::MoveSnapshot { to, .. } => *to,
            Action::UseSnapshot { snapshot, .. } | Action::RemoveSnapshot { snapshot } => {
                snapshot.of
            }
            Action::Start { target }
            | Action::Resume { target }
            | Action::AwaitReady { target, .. }
            | Action::Configure { target, .. }
            | Action::ChangePorts { target, .. }
            | Action::GrowDisk { target, .. }
            | Action::AuthorizeKeys { target, .. }
            | Action::RevertSnapshot { target, .. }
            | Action::Suspend { target }
            | Action::Stop { target, .. }
            | Action::Rename { target, .. }
            | Action::SaveFiles { target, .. }
            | Action::TakeSnapshot { target, .. }
            | Action::ChangeNetwork { target, .. }
            | Action::ChangeAddress { target, .. }
            | Action::JoinNetwork { target, .. }
            | Action::LeaveNetwork { target, .. }
            | Action::SetLimits { target, .. }
            | Action::SetAutostart { target, .. }
            | Action::Remove { target, .. } => target.uuid,
        };
        assert_eq!(whose, uuid, "{:?}", step.action);
    }
}

/// What a plan does and why, wherever that is written.
fn without_places(plan: &Plan) -> String {
    let mut plan = plan.clone();
    plan.steps.iter_mut().for_each(|step| step.cause.place = None);
    plan.changes.iter_mut().for_each(|change| change.place = None);
    bytes(&plan)
}

/// Whether a container that somebody else removes already is all that is lost.
fn is_lost_already(plan: &Plan) -> bool {
    let mut destroys = plan.steps.iter().filter(|step| step.cost >= Cost::Recreate).peekable();
    let already = |step: &Step| {
        let found = step.cause.found.as_deref().unwrap_or_default();
        step.cost == Cost::Destroy && found.starts_with("it is being removed already")
    };
    destroys.peek().is_some() && destroys.all(already)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_world_is_put_right_or_refused_untouched(
        before in wish(),
        after in prop::option::of(wish()),
        mishaps in prop::collection::vec(mishap(), 0..4),
        seed in any::<u64>(),
    ) {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            let made = world.desired(&before);
            world.up(&before).await;
            world.provider.with(|all| {
                mishaps.iter().for_each(|mishap| happens(all, mishap, &made));
            });
            let wanted = after.as_ref().unwrap_or(&before);
            let told = format!("{before} {mishaps:?} {wanted}");
            let uuid = made.identity.uuid;
            let foreign = others(&world, uuid);
            let mut tries = 0;
            loop {
                let desired = world.desired(wanted);
                let was = world.summary();
                let planned = world.plan_with(&world.provider, &desired).await;
                let again = world.plan_with(&world.provider, &desired).await;
                let text = |planned: &Result<Plan, Vec<PlanError>>| match planned {
                    Ok(plan) => bytes(plan),
                    Err(errors) => format!("{errors:?}"),
                };
                assert_eq!(text(&planned), text(&again), "the same input: {told}");
                assert_eq!(world.summary(), was, "planning changes nothing: {told}");
                let Ok(plan) = planned else { break };
                // Another order of the lines is the same wish.
                let mixed = world.desired(&mixed(wanted, seed));
                let other = world.plan_with(&world.provider, &mixed).await.unwrap();
                assert_eq!(without_places(&plan), without_places(&other), "{told}");
                touches_its_own_alone(&plan, uuid);
                if !is_lost_already(&plan) {
                    loses_nothing_silently(&plan);
                }
                if plan.is_empty() {
                    break;
                }
                tries += 1;
                assert_eq!(tries, 1, "one plan is enough: {told}: {plan:#?}");
                let applied =
                    world.apply(&world.provider, &plan, &Silence, &mut quiet().1).await;
                assert!(applied.is_ok(), "{told}: {:?}\n{plan:#?}", applied.err());
            }
            assert_eq!(others(&world, uuid), foreign, "what is not ours: {told}");
        });
    }
}

/// The same lines in another order.
fn mixed(env: &str, seed: u64) -> String {
    let mut lines: Vec<&str> = env.lines().collect();
    let mut seed = seed;
    for index in (1..lines.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let other = usize::try_from((seed >> 33) % (index as u64 + 1)).unwrap();
        lines.swap(index, other);
    }
    lines.join("\n") + "\n"
}
