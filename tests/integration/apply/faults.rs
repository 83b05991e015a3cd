//! The provider in memory, with a fault at each point that a plan passes: a crash of the process, or
//! a deed that fails. What the live tests do to real machines is done here to each kind of plan.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::runtime::Builder;
use vagrantp::deed::{self, Fault, Order, Side};
use vagrantp::event::Silence;

use super::quiet;
use super::spy::World;

/// A verb, what was there before it, and what the `.env` asks for.
struct Story {
    name: &'static str,
    before: Option<&'static str>,
    wanted: &'static str,
    verb: &'static str,
}

const SMALL: &str = "INFRA_TYPE=container\nMEMORY=512\nCPUS=1\nPORTS=auto:80\n";
const LARGE: &str = "INFRA_TYPE=container\nMEMORY=1024\nCPUS=1\nPORTS=auto:80\n";
const OTHER: &str = "INFRA_TYPE=container\nMEMORY=512\nCPUS=1\nPORTS=auto:80\nIMAGE=debian:12\n";
const ADDRESS: &str =
    "INFRA_TYPE=container\nMEMORY=512\nCPUS=1\nPORTS=auto:80\nIP_ADDRESS=10.77.0.9/24\n";

const STORIES: &[Story] = &[
    Story { name: "up from nothing", before: None, wanted: SMALL, verb: "up" },
    Story { name: "up, replaced", before: Some(SMALL), wanted: LARGE, verb: "up" },
    Story { name: "up, recreated", before: Some(SMALL), wanted: OTHER, verb: "up" },
    Story { name: "up, another network", before: Some(SMALL), wanted: ADDRESS, verb: "up" },
    Story { name: "up --recreate", before: Some(SMALL), wanted: SMALL, verb: "up --recreate" },
    Story { name: "stop", before: Some(SMALL), wanted: SMALL, verb: "stop" },
    Story { name: "rm", before: Some(SMALL), wanted: SMALL, verb: "rm" },
];

/// What came of a call.
enum Ended {
    Done,
    Failed,
    Crashed,
}

/// Calls the story's verb, with a fault at one point; the points that it passed.
fn call(world: &World, story: &Story, order: Option<Order>) -> (Ended, Vec<(&'static str, Side)>) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    if let Some(before) = story.before {
        runtime.block_on(world.up(before));
    }
    let desired = world.desired(story.wanted);
    let plan = runtime.block_on(world.plan_of(story.verb, &desired)).unwrap();
    deed::arm_here(order);
    let run = || {
        runtime.block_on(async {
            let _lock = world.store().lock("up", std::time::Duration::ZERO, &Silence).await?;
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

/// From whatever there is, `up` gets there at once, and `rm` leaves nothing.
fn converges(world: &World, story: &Story, at: &str) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        world.up(story.wanted).await;
        let desired = world.desired(story.wanted);
        assert_eq!(world.plan(&desired).await.steps, [], "{at}");
        let summary = world.summary();
        assert_eq!(world.provider.with(|world| world.instances.len()), 1, "{at}: {summary}");
        assert!(summary.contains("Running"), "{at}: {summary}");
        let rm = world.plan_of("rm", &desired).await.unwrap();
        world.apply(&world.provider, &rm, &Silence, &mut quiet().1).await.unwrap();
        let store = world.store();
        let lock = store.lock("rm", std::time::Duration::ZERO, &Silence).await.unwrap();
        store.remove(lock).unwrap();
        assert!(!store.dir().exists(), "{at}");
    });
    world.provider.with(|world| {
        assert!(world.instances.is_empty() && world.networks.is_empty(), "{at}");
        assert_eq!(world.saved, [""; 0], "{at}");
    });
}

#[test]
#[expect(clippy::print_stdout, reason = "the table is for whoever reads the gate's output")]
fn whatever_happens_at_whichever_point_the_next_up_converges() {
    println!("faults in memory      points  tried  converged");
    for story in STORIES {
        let (ended, points) = call(&World::new(), story, None);
        assert!(matches!(ended, Ended::Done), "{}", story.name);
        assert!(points.iter().any(|(deed, _)| *deed == "memory.execute"), "{points:?}");
        let mut tried = 0;
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
                let world = World::new();
                let (ended, passed) = call(&world, story, Some(order));
                assert!(passed.contains(&(deed, *side)), "{at}");
                match (fault, ended) {
                    (Fault::Crash, Ended::Crashed) | (Fault::Fail, _) => {}
                    _ => panic!("{at}: it did not crash"),
                }
                converges(&world, story, &at);
                tried += 1;
            }
        }
        println!("{:<20}  {:>6}  {tried:>5}  {tried:>9}", story.name, points.len());
    }
}

/// A fault that nobody hears of would make the table above worth nothing.
#[test]
fn a_failed_deed_fails_the_call_and_a_crash_ends_it() {
    let at = |order: &str| call(&World::new(), &STORIES[0], Some(order.parse().unwrap())).0;
    assert!(matches!(at("memory.execute:before:3:fail"), Ended::Failed));
    assert!(matches!(at("store.rename:before:1:fail"), Ended::Failed));
    assert!(matches!(at("memory.execute:after:3:crash"), Ended::Crashed));
    assert!(matches!(at("memory.execute:after:99:crash"), Ended::Done));
}
