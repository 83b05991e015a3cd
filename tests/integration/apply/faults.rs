//! The provider in memory, with a fault at each point that a plan passes: a crash of the process, or
//! a deed that fails. What the live tests do to real machines is done here to each kind of plan.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::runtime::Builder;
use vagrantp::deed::{self, Fault, Order, Side};
use vagrantp::event::Silence;
use vagrantp::model::observed::{Instance, Power};
use vagrantp::model::state::State;

use super::quiet;
use super::spy::World;

/// A verb, what was there before it, and what the `.env` asks for.
struct Story {
    name: &'static str,
    before: Option<&'static str>,
    /// What is called before the verb.
    first: Option<&'static str>,
    wanted: &'static str,
    verb: &'static str,
}

const SMALL: &str = "INFRA_TYPE=container\nMEMORY=512\nCPUS=1\nPORTS=auto:80\n";
const LARGE: &str = "INFRA_TYPE=container\nMEMORY=1024\nCPUS=1\nPORTS=auto:80\n";
const OTHER: &str = "INFRA_TYPE=container\nMEMORY=512\nCPUS=1\nPORTS=auto:80\nIMAGE=debian:12\n";
const ADDRESS: &str =
    "INFRA_TYPE=container\nMEMORY=512\nCPUS=1\nPORTS=auto:80\nIP_ADDRESS=10.77.0.9/24\n";

const NAMED: &str = "INFRA_TYPE=container\nMEMORY=512\nCPUS=1\nPORTS=auto:80\nINFRA_ID=other\n";

const STORIES: &[Story] = &[
    story("up from nothing", None, None, SMALL, "up"),
    story("up, replaced", Some(SMALL), None, LARGE, "up"),
    story("up, recreated", Some(SMALL), None, OTHER, "up"),
    story("up, another network", Some(SMALL), None, ADDRESS, "up"),
    story("up, started again", Some(SMALL), Some("stop"), SMALL, "up"),
    story("up, renamed", Some(SMALL), None, NAMED, "up"),
    story("up --recreate", Some(SMALL), None, SMALL, "up --recreate"),
    story("stop", Some(SMALL), None, SMALL, "stop"),
    story("restart", Some(SMALL), None, SMALL, "restart"),
    story("suspend", Some(SMALL), None, SMALL, "suspend"),
    story("resume", Some(SMALL), Some("suspend"), SMALL, "resume"),
    story("snapshot create", Some(SMALL), None, SMALL, "snapshot create"),
    story("snapshot revert", Some(SMALL), Some("snapshot create"), SMALL, "snapshot revert"),
    story("snapshot rm", Some(SMALL), Some("snapshot create"), SMALL, "snapshot rm"),
    story("adopt", Some(SMALL), Some("snapshot create"), SMALL, "adopt"),
    story("rm", Some(SMALL), None, SMALL, "rm"),
    story("rm --force", Some(SMALL), None, SMALL, "rm --force"),
];

const fn story(
    name: &'static str,
    before: Option<&'static str>,
    first: Option<&'static str>,
    wanted: &'static str,
    verb: &'static str,
) -> Story {
    Story { name, before, first, wanted, verb }
}

/// What came of a call.
enum Ended {
    Done,
    Failed,
    Crashed,
}

fn runtime() -> tokio::runtime::Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// The world as the story's verb finds it.
fn begin(story: &Story) -> World {
    let mut world = World::new();
    let runtime = runtime();
    if let Some(before) = story.before {
        runtime.block_on(world.up(before));
    }
    if let Some(first) = story.first {
        runtime.block_on(carried_out(&world, first, story.wanted));
    }
    if story.verb == "adopt" {
        world.moved();
    }
    world
}

/// A verb that nothing happens to.
async fn carried_out(world: &World, verb: &str, env: &str) {
    let plan = world.plan_of(verb, &world.desired(env)).await.unwrap();
    world.apply(&world.provider, &plan, &Silence, &mut quiet().1).await.unwrap();
}

/// Calls the story's verb, with a fault at one point; the points that it passed.
fn call(world: &World, story: &Story, order: Option<Order>) -> (Ended, Vec<(&'static str, Side)>) {
    let runtime = runtime();
    let desired = world.desired(story.wanted);
    let plan = runtime.block_on(world.plan_of(story.verb, &desired)).unwrap();
    deed::arm_here(order);
    let run = || {
        runtime.block_on(async {
            let _lock =
                world.store().lock("up", std::time::Duration::from_secs(9), &Silence).await?;
            world.apply(&world.provider, &plan, &Silence, &mut quiet().1).await
        })
    };
    let ended = match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(())) => Ended::Done,
        Ok(Err(_)) => Ended::Failed,
        Err(why) if why.is::<Fault>() => Ended::Crashed,
        Err(why) => std::panic::resume_unwind(why),
    };
    (ended, deed::passed_here())
}

/// What `status` shows is what the provider has: the machine is the instance that is up, or the
/// newest; and what vagrantp has written down can be read.
fn tells_the_truth(world: &World, story: &Story, at: &str) {
    let desired = world.desired(story.wanted);
    let observed = runtime().block_on(world.observed(&world.provider, &desired));
    let uuid = desired.identity.uuid;
    let truth = world.provider.with(|world| {
        let ours = world.instances.iter().filter(|instance| instance.stamp.uuid == uuid);
        let rank = |one: &&Instance| {
            (matches!(one.state, Power::Running | Power::Paused), one.stamp.generation)
        };
        ours.max_by_key(rank).map(|one| (one.id.clone(), one.state))
    });
    let shown = observed.instance().map(|one| (one.id.clone(), one.state));
    assert_eq!(shown, truth, "{at}");
    let expected = match truth {
        None => State::NotCreated,
        Some((_, Power::Running)) => State::Running,
        Some((_, Power::Paused)) => State::Suspended,
        Some(_) => State::Stopped,
    };
    assert_eq!(State::of(shown.map(|(_, power)| power), None), expected, "{at}");
    let whole = world.whole_store();
    let store = whole.instance(uuid);
    let _ = (store.journal(), store.record());
    assert_eq!(whole.take_warnings(), [""; 0], "{at}");
}

/// From whatever there is, `up` gets there at once, and `rm` leaves nothing.
fn converges(world: &World, story: &Story, at: &str) {
    runtime().block_on(async {
        if story.verb == "adopt" {
            // Before it has taken the machine over, `up` refuses to make a twin.
            carried_out(world, "adopt", story.wanted).await;
        }
        world.up(story.wanted).await;
        let desired = world.desired(story.wanted);
        assert_eq!(world.plan(&desired).await.steps, [], "{at}");
        let summary = world.summary();
        assert_eq!(world.provider.with(|world| world.instances.len()), 1, "{at}: {summary}");
        assert!(summary.contains("Running"), "{at}: {summary}");
        let rm = world.plan_of("rm", &desired).await.unwrap();
        world.apply(&world.provider, &rm, &Silence, &mut quiet().1).await.unwrap();
        let store = world.store();
        let lock = store.lock("rm", std::time::Duration::from_secs(9), &Silence).await.unwrap();
        store.remove(lock).unwrap();
        assert!(!store.dir().exists(), "{at}");
    });
    world.provider.with(|world| {
        assert!(world.instances.is_empty() && world.networks.is_empty(), "{at}");
        assert_eq!(world.saved, [""; 0], "{at}");
        assert_eq!(world.snapshots, [], "{at}");
    });
}

#[test]
#[expect(clippy::print_stdout, reason = "the table is for whoever reads the gate's output")]
fn whatever_happens_at_whichever_point_the_next_up_converges() {
    println!("faults in memory      points  fail  crash, all of which converge");
    for story in STORIES {
        let (ended, points) = call(&begin(story), story, None);
        assert!(matches!(ended, Ended::Done), "{}", story.name);
        assert!(points.iter().any(|(deed, _)| *deed == "memory.execute"), "{points:?}");
        let mut tried = [0, 0];
        for (number, (deed, side)) in points.iter().enumerate() {
            let before = points[..number].iter().filter(|point| **point == (*deed, *side));
            let time = before.count() + 1;
            for fault in [Fault::Fail, Fault::Crash] {
                // Between two deeds nothing happens, and what was written is written.
                let is_same = *side == Side::Before && number > 0;
                let is_written = *side == Side::After && deed.starts_with("store.");
                if fault == Fault::Crash && is_same || fault == Fault::Fail && is_written {
                    continue;
                }
                let order = Order { deed: (*deed).to_owned(), side: *side, time, fault };
                let at = format!("{}: {order}", story.name);
                let world = begin(story);
                let (ended, passed) = call(&world, story, Some(order));
                assert!(passed.contains(&(deed, *side)), "{at}");
                match (fault, ended) {
                    (Fault::Crash, Ended::Crashed) | (Fault::Fail, _) => {}
                    _ => panic!("{at}: it did not crash"),
                }
                tells_the_truth(&world, story, &at);
                converges(&world, story, &at);
                tried[usize::from(fault == Fault::Crash)] += 1;
            }
        }
        let [failed, crashed] = tried;
        println!("{:<20}  {:>6}  {failed:>4}  {crashed:>5}", story.name, points.len());
    }
}

/// A fault that nobody hears of would make the table above worth nothing.
#[test]
fn a_failed_deed_fails_the_call_and_a_crash_ends_it() {
    let at = |order: &str| call(&begin(&STORIES[0]), &STORIES[0], Some(order.parse().unwrap())).0;
    assert!(matches!(at("memory.execute:before:3:fail"), Ended::Failed));
    assert!(matches!(at("store.rename:before:1:fail"), Ended::Failed));
    assert!(matches!(at("memory.execute:after:3:crash"), Ended::Crashed));
    assert!(matches!(at("memory.execute:after:99:crash"), Ended::Done));
}
