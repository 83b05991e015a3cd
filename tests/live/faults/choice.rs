//! Which faults are tried at which points, and which of all these a run makes.

use std::collections::BTreeSet;

use vagrantp::deed::{FAULTS, Fault, Order, Side};

use crate::cli_support::variable;

/// How many trials of a story the gate makes.
const SAMPLE: usize = 1;

/// A point as it was passed.
pub(super) type Point = (String, Side);

/// How much is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// So many of each story, by chance.
    Some(usize),
    /// Kill, interrupt and failure everywhere; the other faults where a deed is done for the first
    /// and for the last time.
    Ends,
    /// Every fault at every point.
    All,
}

impl Extent {
    /// What VAGRANTP_FAULTS asks for.
    pub(super) fn asked() -> Extent {
        match variable("VAGRANTP_FAULTS").as_deref() {
            Some("all") => Extent::All,
            Some("ends") => Extent::Ends,
            Some(text) => {
                Extent::Some(text.parse().expect("VAGRANTP_FAULTS is `all`, `ends` or a number"))
            }
            None => Extent::Some(SAMPLE),
        }
    }
}

/// The faults that are tried at a point of those that were passed.
fn faults_at(points: &[Point], number: usize, extent: Extent) -> Vec<Fault> {
    let (deed, side) = &points[number];
    // From one deed to the next, nothing is changed: a process that is killed after the one has done
    // the same as one that is killed before the other. One that lives on may not: at the one point a
    // question comes next, at the other the deed is under way.
    let is_new = number == 0 || *side == Side::After;
    let same = |other: &Point| *other == points[number];
    let is_end = !points[..number].iter().any(same) || !points[number + 1..].iter().any(same);
    let is_all = extent != Extent::Ends;
    let is_tried = |fault: &Fault| match fault {
        Fault::Kill => is_new,
        Fault::Interrupt => is_all || is_new,
        Fault::Twice | Fault::Terminate | Fault::Hangup | Fault::Halt => is_all || is_new && is_end,
        // What was written is written: a file system says so before, or never.
        Fault::Fail => *side == Side::Before || !deed.starts_with("store."),
        // A thread that ends says nothing of a process; that is for the provider in memory.
        Fault::Crash => false,
    };
    FAULTS.into_iter().map(|(fault, _)| fault).filter(is_tried).collect()
}

/// Every order for the points that were passed.
pub(super) fn orders(points: &[Point], extent: Extent) -> Vec<Order> {
    let mut orders = Vec::new();
    for (number, (deed, side)) in points.iter().enumerate() {
        let before = points[..number].iter().filter(|point| **point == (deed.clone(), *side));
        let time = before.count() + 1;
        let order = |fault| Order { deed: deed.clone(), side: *side, time, fault };
        orders.extend(faults_at(points, number, extent).into_iter().map(order));
    }
    orders
}

/// So many of them, by chance, the same for the same seed.
pub(super) fn sample(mut orders: Vec<Order>, extent: Extent, seed: u64) -> Vec<Order> {
    let Extent::Some(count) = extent else { return orders };
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

#[test]
fn a_sample_is_of_each_order_at_most_once_and_the_same_for_a_seed() {
    let points = ["a", "b", "a"].map(|deed| [Side::Before, Side::After].map(|s| (deed.into(), s)));
    let points = points.concat();
    let all = orders(&points, Extent::All);
    let unique: BTreeSet<String> = all.iter().map(Order::to_string).collect();
    assert_eq!(unique.len(), all.len());
    assert!(unique.contains("a:after:2:kill") && !unique.contains("b:before:1:kill"));
    assert!(unique.contains("a:before:1:kill") && unique.contains("b:before:1:fail"));
    // All of it is all but what is the same: a kill after each of three and before the first, and
    // the six others at six points.
    assert_eq!(all.len(), 4 + 6 * 6);
    let ends = orders(&points, Extent::Ends);
    assert!(ends.len() < all.len() && ends.iter().all(|order| all.contains(order)));
    assert!(!ends.iter().any(|order| order.to_string() == "b:before:1:term"));
    let some = sample(all.clone(), Extent::Some(5), 7);
    assert_eq!(some.len(), 5);
    assert_eq!(some, sample(all.clone(), Extent::Some(5), 7));
    assert_eq!(sample(all.clone(), Extent::All, 7), all);
}
