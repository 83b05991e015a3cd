//! Chance with a seed: the same seed makes the same files on every host.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// A stream of numbers (SplitMix64).
pub(crate) struct Chance(u64);

impl Chance {
    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let high = u128::from(mixed ^ (mixed >> 31)) * end as u128;
        (high >> 64) as usize
    }

    /// From `first` to `last`.
    pub(crate) fn between(&mut self, first: u64, last: u64) -> u64 {
        first + self.below((last - first + 1) as usize) as u64
    }

    /// One of them.
    pub(crate) fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// Once in `times`.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// Up to `most` pieces, one after the other.
    pub(crate) fn pieces(&mut self, of: &[&str], most: usize) -> String {
        (0..self.below(most + 1)).map(|_| self.one(of)).collect()
    }
}

/// Runs `case` that many times. VAGRANTP_SEED starts elsewhere; a failure tells the seed of its case,
/// with which that case comes first.
#[expect(clippy::disallowed_methods, reason = "only the person at the test chooses a seed")]
#[expect(clippy::print_stderr, reason = "the seed of a failure is for the person at the test")]
pub(crate) fn cases(count: u64, mut case: impl FnMut(&mut Chance)) {
    let first = std::env::var("VAGRANTP_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    for seed in first..first + count {
        let mut chance = Chance(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| case(&mut chance))) {
            eprintln!("again with VAGRANTP_SEED={seed}");
            resume_unwind(panic);
        }
    }
}
