//! Every fault at every point: a call is killed, interrupted or failed right before and right after
//! each single thing that it does to the world.
//!
//! The gate tries a sample, chosen by VAGRANTP_SEED. `scripts/faults.sh` tries all of them:
//! VAGRANTP_FAULTS is `all`, `ends` (less of what differs least) or how many of each story.
//! VAGRANTP_FAULT_STORY and VAGRANTP_FAULT_KIND choose among them by a part of their names,
//! VAGRANTP_FAULT_RESULTS is a directory that keeps what came of each, so that a run can be gone on
//! with, and VAGRANTP_FAULT_THREADS is how many are tried at once.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use vagrantp::deed::Order;

use self::choice::{Extent, orders, sample};
use self::story::{STORIES, Scene, Story};
use self::table::{Outcome, Row, keep, known, table};
use crate::cli_support::variable;
use crate::killed::number;
use crate::machine::note;

mod choice;
mod hangup;
mod look;
mod story;
mod table;
mod trial;

/// How many trials are made in one scene: after these, another thread may have the next ones.
const PART: usize = 40;

/// Trials of a story that are to be made; none as long as its points are not known.
struct Job {
    place: usize,
    story: &'static Story,
    orders: Option<Vec<Order>>,
}

/// A run over several stories, by several threads.
struct Run {
    extent: Extent,
    seed: u64,
    kind: String,
    results: Option<PathBuf>,
    jobs: Mutex<VecDeque<Job>>,
    /// How many jobs are being done, each of which may lead to more.
    busy: AtomicUsize,
    scenes: AtomicUsize,
    /// Whether this host has no podman, which has been said.
    is_skipped: AtomicBool,
    rows: Mutex<BTreeMap<usize, Row>>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nobody dies with it")
}

impl Run {
    fn new(stories: &[&'static Story]) -> Run {
        let job = |(place, story): (usize, &&'static Story)| Job { place, story, orders: None };
        Run {
            extent: Extent::asked(),
            seed: number("VAGRANTP_SEED").unwrap_or(1),
            kind: variable("VAGRANTP_FAULT_KIND").unwrap_or_default(),
            results: variable("VAGRANTP_FAULT_RESULTS").map(PathBuf::from),
            jobs: Mutex::new(stories.iter().enumerate().map(job).collect()),
            busy: AtomicUsize::new(0),
            scenes: AtomicUsize::new(0),
            is_skipped: AtomicBool::new(false),
            rows: Mutex::default(),
        }
    }

    /// The next job; none once all are done.
    fn next(&self) -> Option<Job> {
        loop {
            let mut jobs = held(&self.jobs);
            if let Some(job) = jobs.pop_front() {
                self.busy.fetch_add(1, Ordering::SeqCst);
                return Some(job);
            }
            if self.busy.load(Ordering::SeqCst) == 0 {
                return None;
            }
            drop(jobs);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn work(&self) {
        while let Some(job) = self.next() {
            let name = job.story.name;
            if catch_unwind(AssertUnwindSafe(|| self.tell(job))).is_err() {
                note(&format!("given up: {name}"));
            }
            self.busy.fetch_sub(1, Ordering::SeqCst);
        }
    }

    fn scene(&self, story: &'static Story) -> Option<Scene> {
        let scene = Scene::new(story, self.scenes.fetch_add(1, Ordering::SeqCst));
        self.is_skipped.fetch_or(scene.is_none(), Ordering::SeqCst);
        scene
    }

    /// Makes the trials of a job, or those of its story's first part.
    fn tell(&self, job: Job) -> Option<()> {
        let (place, story) = (job.place, job.story);
        let mut scene = self.scene(story)?;
        let orders = job.orders.unwrap_or_else(|| self.begin(&scene, place));
        for order in orders {
            let outcome = match catch_unwind(AssertUnwindSafe(|| trial::attempt(&scene, &order))) {
                Ok(true) => Outcome::Converged,
                Ok(false) => Outcome::NotPassed,
                Err(_) => Outcome::Failed,
            };
            if outcome != Outcome::Converged {
                note(&format!("{outcome:?}: {} at {order}", story.name));
            }
            if let Some(dir) = &self.results {
                keep(dir, story, &order, outcome);
            }
            if let Some(row) = held(&self.rows).get_mut(&place) {
                row.outcomes.insert(order.to_string(), outcome);
            }
            if outcome == Outcome::Failed {
                // By podman's own hand, whatever state it is in; another one for the next trial.
                let next = self.scene(story);
                drop(std::mem::replace(&mut scene, next?));
            }
        }
        Some(())
    }

    /// Finds out a story's points, and chooses; all but the first part is left for whoever comes.
    fn begin(&self, scene: &Scene, place: usize) -> Vec<Order> {
        let story = scene.story;
        let points = trial::record(scene);
        let mut all = orders(&points, self.extent);
        all.retain(|order| order.to_string().contains(&self.kind));
        let mut outcomes = self.results.as_ref().map(|dir| known(dir, story)).unwrap_or_default();
        let possible = all.len();
        let mut chosen = sample(all, self.extent, self.seed + place as u64);
        chosen.retain(|order| {
            outcomes.get(&order.to_string()).is_none_or(|known| *known == Outcome::Failed)
        });
        outcomes.retain(|_, outcome| *outcome != Outcome::NotPassed);
        held(&self.rows).insert(place, Row { story, points, possible, outcomes });
        let mut parts = chosen.chunks(PART).map(<[Order]>::to_vec);
        let first = parts.next().unwrap_or_default();
        let job = |part| Job { place, story, orders: Some(part) };
        held(&self.jobs).extend(parts.map(job));
        first
    }
}

#[test]
fn whatever_happens_at_whichever_point_the_next_up_converges() {
    let wanted = variable("VAGRANTP_FAULT_STORY").unwrap_or_default();
    let is_exact = STORIES.iter().any(|story| story.name == wanted);
    let is_wanted = |story: &&Story| match is_exact {
        true => story.name == wanted,
        false => story.name.contains(&wanted),
    };
    let stories: Vec<&'static Story> = STORIES.iter().filter(is_wanted).collect();
    let run = Run::new(&stories);
    std::thread::scope(|scope| {
        for _ in 0..number("VAGRANTP_FAULT_THREADS").unwrap_or(2) {
            scope.spawn(|| run.work());
        }
    });
    if run.is_skipped.into_inner() {
        return;
    }
    let rows: Vec<Row> = std::mem::take(&mut *held(&run.rows)).into_values().collect();
    note(&format!("faults on podman, seed {}\n{}", run.seed, table(&rows)));
    assert_eq!(rows.len(), stories.len(), "each story has begun");
    let failed = |row: &Row| {
        let failed = row.outcomes.iter().filter(|(_, outcome)| **outcome == Outcome::Failed);
        failed.map(|(order, _)| format!("{} at {order}", row.story.name)).collect::<Vec<_>>()
    };
    let failures: Vec<String> = rows.iter().flat_map(failed).collect();
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(rows.iter().all(|row| !row.outcomes.is_empty()), "each story was tried");
}
