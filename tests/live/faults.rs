//! Every fault at every point: a call is killed, interrupted or failed right before and right after
//! each single thing that it does to the world.
//!
//! The gate tries a sample, chosen by VAGRANTP_SEED. `make prove` tries all of them:
//! VAGRANTP_FAULTS=all, or how many of each story. VAGRANTP_FAULT_STORY and VAGRANTP_FAULT_KIND
//! choose among them by a part of their names.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use vagrantp::deed::{FAULTS, Fault, Order, Side};

use self::story::{STORIES, Scene, Story};
use crate::cli_support::variable;
use crate::machine::note;

mod story;
mod trial;

/// How many trials of a story the gate makes.
const SAMPLE: usize = 1;

/// What came of a story.
struct Row {
    story: &'static str,
    points: usize,
    possible: usize,
    tried: usize,
    converged: usize,
    failures: Vec<String>,
}

/// The faults that are tried at a point of those that were passed.
fn faults_at(points: &[(String, Side)], number: usize) -> Vec<Fault> {
    let (deed, side) = &points[number];
    // Between two deeds nothing happens: whether a call is killed after the one or before the other
    // makes no difference.
    let is_new = number == 0 || *side == Side::After;
    // One signal is handled as another is, and a deed that is done many times is done in one place.
    let same = |other: &(String, Side)| *other == points[number];
    let is_end = !points[..number].iter().any(same) || !points[number + 1..].iter().any(same);
    let is_tried = |fault: &Fault| match fault {
        Fault::Kill | Fault::Interrupt => is_new,
        Fault::Twice | Fault::Terminate | Fault::Hangup | Fault::Halt => is_new && is_end,
        // What was written is written: a file system says so before, or never.
        Fault::Fail => *side == Side::Before || !deed.starts_with("store."),
        // A thread that ends says nothing of a process; that is for the provider in memory.
        Fault::Crash => false,
    };
    FAULTS.into_iter().map(|(fault, _)| fault).filter(is_tried).collect()
}

/// Every order for the points that were passed.
fn orders(points: &[(String, Side)]) -> Vec<Order> {
    let kind = variable("VAGRANTP_FAULT_KIND").unwrap_or_default();
    let mut orders = Vec::new();
    for (number, (deed, side)) in points.iter().enumerate() {
        let before = points[..number].iter().filter(|point| **point == (deed.clone(), *side));
        let time = before.count() + 1;
        for fault in faults_at(points, number) {
            let order = Order { deed: deed.clone(), side: *side, time, fault };
            if order.to_string().contains(&kind) {
                orders.push(order);
            }
        }
    }
    orders
}

/// So many of them, by chance, the same for the same seed.
fn sample(mut orders: Vec<Order>, count: usize, seed: u64) -> Vec<Order> {
    let mut state = seed;
    let mut chosen = Vec::new();
    while !orders.is_empty() && chosen.len() < count {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = (state >> 33) % u64::try_from(orders.len()).expect("not so many");
        chosen.push(orders.swap_remove(usize::try_from(at).expect("not so many")));
    }
    chosen
}

fn tell(story: &'static Story, number: usize) -> Option<Row> {
    let seed = variable("VAGRANTP_SEED").and_then(|text| text.parse().ok()).unwrap_or(1);
    let count = match variable("VAGRANTP_FAULTS").as_deref() {
        Some("all") => usize::MAX,
        Some(text) => text.parse().expect("VAGRANTP_FAULTS is `all` or a number"),
        None => SAMPLE,
    };
    let mut scene = Scene::new(story, 0)?;
    let points = trial::record(&scene);
    let orders = orders(&points);
    let mut row = Row {
        story: story.name,
        points: points.len(),
        possible: orders.len(),
        tried: 0,
        converged: 0,
        failures: Vec::new(),
    };
    for order in sample(orders, count, seed + number as u64) {
        match catch_unwind(AssertUnwindSafe(|| trial::attempt(&scene, &order))) {
            Ok(true) => {
                row.tried += 1;
                row.converged += 1;
            }
            Ok(false) => note(&format!("not passed this time: {} at {order}", story.name)),
            Err(_) => {
                row.tried += 1;
                let failure = format!("{} at {order}", story.name);
                note(&format!("not converged: {failure}"));
                row.failures.push(failure);
                // By podman's own hand, whatever state it is in; and another one for the next trial.
                let next = Scene::new(story, row.tried);
                drop(std::mem::replace(&mut scene, next?));
            }
        }
    }
    Some(row)
}

fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<22} {:>6} {:>8} {:>6} {:>9}\n",
        "story", "points", "possible", "tried", "converged"
    );
    let mut line = |row: &Row| {
        let _ = writeln!(
            text,
            "{:<22} {:>6} {:>8} {:>6} {:>9}",
            row.story, row.points, row.possible, row.tried, row.converged
        );
    };
    let sum = |of: fn(&Row) -> usize| rows.iter().map(of).sum();
    rows.iter().for_each(&mut line);
    line(&Row {
        story: "all",
        points: sum(|row| row.points),
        possible: sum(|row| row.possible),
        tried: sum(|row| row.tried),
        converged: sum(|row| row.converged),
        failures: Vec::new(),
    });
    text
}

#[test]
fn whatever_happens_at_whichever_point_the_next_up_converges() {
    let wanted = variable("VAGRANTP_FAULT_STORY").unwrap_or_default();
    let stories: Vec<&'static Story> =
        STORIES.iter().filter(|story| story.name.contains(&wanted)).collect();
    let (next, rows) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(story) = stories.get(number) else { return };
                    if let Some(row) = tell(story, number) {
                        rows.lock().expect("nobody died with it").push((number, row));
                    }
                }
            });
        }
    });
    let mut rows = rows.into_inner().expect("nobody died with it");
    rows.sort_by_key(|(number, _)| *number);
    let rows: Vec<Row> = rows.into_iter().map(|(_, row)| row).collect();
    note(&format!("faults on podman\n{}", table(&rows)));
    assert!(rows.iter().all(|row| row.tried > 0), "each story was tried");
    let failures: Vec<&String> = rows.iter().flat_map(|row| &row.failures).collect();
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn a_sample_is_of_each_order_at_most_once_and_the_same_for_a_seed() {
    let points = ["a", "b", "a"].map(|deed| [Side::Before, Side::After].map(|s| (deed.into(), s)));
    let orders = orders(&points.concat());
    let unique: BTreeSet<String> = orders.iter().map(Order::to_string).collect();
    assert_eq!(unique.len(), orders.len());
    assert!(unique.contains("a:after:2:kill") && !unique.contains("b:before:1:kill"));
    assert!(unique.contains("a:before:1:kill") && unique.contains("b:before:1:fail"));
    let some = sample(orders.clone(), 5, 7);
    assert_eq!(some, sample(orders.clone(), 5, 7));
    assert_eq!(sample(orders.clone(), usize::MAX, 7).len(), orders.len());
}
