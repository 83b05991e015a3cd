//! Plans carried out against the provider in memory, with the real store: what is written down
//! when, what is taken back, and that an applied wish plans nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::watch;
use vagrantp::apply::{ApplyError, journal_steps};
use vagrantp::event::{Event, Listener, Silence};
use vagrantp::plan::Plan;
use vagrantp::plan::action::Outcome;
use vagrantp::store::history::Subject;
use vagrantp::store::journal::StepProgress;

#[cfg(debug_assertions)]
mod faults;
mod keys;
mod machines;
#[path = "../support/merge.rs"]
mod merge;
mod spy;
mod wishes;
mod worlds;

use spy::{Spy, World};

/// Keeps the names of the events.
#[derive(Default)]
struct Ears(Mutex<Vec<String>>);

impl Listener for Ears {
    fn hear(&self, event: &Event) {
        let said = match event {
            Event::StepStarted { number, of, action, .. } => format!("{number}/{of} {action}"),
            Event::StepDone { action, already, .. } => {
                format!("done {action}{}", if *already { " already" } else { "" })
            }
            Event::StepFailed { action, code, .. } => format!("failed {action}: {code}"),
            other => format!("{other:?}"),
        };
        self.0.lock().unwrap().push(said);
    }
}

/// A signal that never comes.
fn quiet() -> (watch::Sender<i32>, watch::Receiver<i32>) {
    watch::channel(0)
}

const UP: &str = "INFRA_TYPE=container\nMEMORY=512\nCPUS=1\n";
const REPLACED: &str = "INFRA_TYPE=container\nMEMORY=1024\nCPUS=1\n";
const RECREATED: &str = "INFRA_TYPE=container\nMEMORY=512\nCPUS=1\nIMAGE=debian:12\n";

#[tokio::test]
async fn up_goes_through_its_stages_in_order() {
    let world = World::new();
    let desired = world.desired(UP);
    let spy = Spy::new(&world);
    let plan = world.plan_with(&spy, &desired).await.unwrap();
    let ears = Ears::default();
    world.apply(&spy, &plan, &ears, &mut quiet().1).await.unwrap();
    assert_eq!(world.plan_with(&spy, &desired).await.unwrap().steps, []);
    // What the provider was asked, with the journal as it stood on disk at that moment.
    assert_eq!(
        spy.calls(),
        [
            "observe",
            "fetch_image while [Begun, Pending, Pending, Pending]",
            "create_network while [Done, Begun, Pending, Pending]",
            "create while [Done, Done, Begun, Pending]",
            "start while [Done, Done, Done, Begun]",
            "observe",
        ]
    );
    assert_eq!(
        *ears.0.lock().unwrap(),
        [
            "1/4 fetch_image",
            "done fetch_image",
            "2/4 create_network",
            "done create_network",
            "3/4 create",
            "done create",
            "4/4 start",
            "done start",
        ]
    );
    assert!(world.store().journal().value.is_none(), "the journal is closed");
}

#[tokio::test]
async fn what_is_done_already_is_told_and_no_failure() {
    let world = World::new();
    let plan = world.plan(&world.desired(UP)).await;
    let spy = Spy::new(&world);
    world.apply(&spy, &plan, &Silence, &mut quiet().1).await.unwrap();
    let ears = Ears::default();
    world.apply(&spy, &plan, &ears, &mut quiet().1).await.unwrap();
    let done = ears.0.lock().unwrap().iter().filter(|said| said.ends_with(" already")).count();
    assert_eq!(done, plan.steps.len());
    assert_eq!(world.provider.with(|world| world.made), 1);
}

/// Fails a plan at each of its steps in turn. After each failure the world is as it was before, as
/// long as there is a way back; in any case the next `up` gets there.
async fn fails_at_each_step(before: Option<&str>, wanted: &str, no_way_back_from: usize) {
    let steps = {
        let world = World::new();
        if let Some(before) = before {
            world.up(before).await;
        }
        world.plan(&world.desired(wanted)).await.steps.len()
    };
    for failing in 0..steps {
        let world = World::new();
        if let Some(before) = before {
            world.up(before).await;
        }
        let plan = world.plan(&world.desired(wanted)).await;
        let was = world.summary();
        let action = plan.steps[failing].action.name();
        let spy = Spy::failing(&world, failing);
        let ears = Ears::default();
        let error = world.apply(&spy, &plan, &ears, &mut quiet().1).await.unwrap_err();
        assert!(matches!(error, ApplyError::Provider(_)), "{error}");
        let heard = ears.0.lock().unwrap().clone();
        assert!(heard.contains(&format!("failed {action}: INTERNAL")), "{heard:?}");
        if failing < no_way_back_from {
            assert_eq!(world.summary(), was, "after a failed {action}");
        }
        let journal = world.store().journal().value.expect("the caller closes it");
        assert_eq!(journal.steps[failing].progress, StepProgress::Failed);
        world.up(wanted).await;
        assert_eq!(world.plan(&world.desired(wanted)).await.steps, [], "after a failed {action}");
        assert_eq!(world.provider.with(|world| world.instances.len()), 1);
    }
}

#[tokio::test]
async fn a_failed_creation_leaves_nothing() {
    fails_at_each_step(None, UP, usize::MAX).await;
}

#[tokio::test]
async fn a_failed_replacement_leaves_the_old_one_running() {
    // stop, save_files, rename, create, start: from here on the old one is only in the way.
    fails_at_each_step(Some(UP), REPLACED, 5).await;
}

#[tokio::test]
async fn a_failed_recreation_is_gone_on_with_by_the_next_up() {
    // fetch_image, stop, remove: what was removed with consent cannot be had back.
    fails_at_each_step(Some(UP), RECREATED, 3).await;
}

#[tokio::test]
async fn a_world_that_changed_is_stale_and_taken_back() {
    for stale in 0..4 {
        let world = World::new();
        let plan = world.plan(&world.desired(UP)).await;
        let was = world.summary();
        let outcome = Outcome::Stale { found: "somebody was faster".to_owned() };
        let spy = Spy::answering(&world, stale, outcome);
        let error = world.apply(&spy, &plan, &Silence, &mut quiet().1).await.unwrap_err();
        assert!(matches!(error, ApplyError::Stale { .. }), "{error}");
        assert!(error.to_string().contains("somebody was faster"), "{error}");
        assert_eq!(world.summary(), was, "stale at {stale}");
    }
}

#[tokio::test]
async fn a_failed_stop_does_not_start_what_it_could_not_stop() {
    let world = World::new();
    world.up(UP).await;
    let plan = world.stop_plan(&world.desired(UP)).await;
    let spy = Spy::failing(&world, 0);
    world.apply(&spy, &plan, &Silence, &mut quiet().1).await.unwrap_err();
    assert_eq!(spy.calls(), ["stop while [Begun]"]);
}

#[tokio::test]
async fn a_signal_ends_it_between_two_steps_and_takes_nothing_back() {
    for at in 0..3 {
        let world = World::new();
        let plan = world.plan(&world.desired(UP)).await;
        let (sender, mut receiver) = quiet();
        let spy = Spy::signalling(&world, at, sender);
        let error = world.apply(&spy, &plan, &Silence, &mut receiver).await.unwrap_err();
        match error {
            ApplyError::Interrupted { signal, done, of, under_way, left } => {
                assert_eq!((signal, done, of, &*under_way), (2, at + 1, 4, ""));
                assert_eq!(left.matches("Start the container").count(), 1, "{left}");
            }
            other => panic!("{other}"),
        }
        assert_eq!(spy.calls().len(), at + 1, "{:?}", spy.calls());
        // The journal stays, and says how far it came.
        assert!(world.store().journal().value.is_some());
        world.up(UP).await;
        assert_eq!(world.plan(&world.desired(UP)).await.steps, []);
    }
}

#[tokio::test]
async fn a_download_is_not_waited_for() {
    let world = World::new();
    let plan = world.plan(&world.desired(UP)).await;
    let (sender, mut receiver) = quiet();
    let spy = Spy::hanging(&world, 0, sender);
    let ended = world.apply(&spy, &plan, &Silence, &mut receiver);
    let error = tokio::time::timeout(Duration::from_secs(3), ended).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("Fetch the image"), "{error}");
}

#[tokio::test]
async fn history_has_a_line_an_event() {
    let world = World::new();
    let desired = world.desired(UP);
    let plan = world.plan(&desired).await;
    let subject = Subject {
        uuid: desired.identity.uuid,
        infra_id: desired.identity.id.to_string(),
        project: desired.identity.project.path.clone(),
        user: "dev".to_owned(),
        verb: "up",
    };
    let ears = Ears::default();
    {
        let whole = world.whole_store();
        let history = whole.history(subject, &ears);
        world.apply(&Spy::new(&world), &plan, &history, &mut quiet().1).await.unwrap();
    }
    let dir = world.whole_store().history_dir();
    let files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(files.len(), 1);
    let text = std::fs::read_to_string(&files[0]).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), ears.0.lock().unwrap().len());
    for line in &lines {
        assert_eq!((&line["user"], &line["verb"]), (&"dev".into(), &"up".into()), "{line}");
        assert!(line["at"].is_string() && line["event"].is_string(), "{line}");
    }
}

/// The plan's steps are what the journal holds, by name and sentence.
#[tokio::test]
async fn the_journal_says_what_the_plan_says() {
    let world = World::new();
    let plan: Plan = world.plan(&world.desired(UP)).await;
    let steps = journal_steps(&plan);
    let names: Vec<_> = steps.iter().map(|step| step.action.as_str()).collect();
    assert_eq!(names, ["fetch_image", "create_network", "create", "start"]);
    assert!(steps.iter().all(|step| step.progress == StepProgress::Pending));
}
