//! Chance that can be repeated: SplitMix64 from a seed that is printed and can be given.

/// A sequence of numbers that look random.
pub(crate) struct Random(u64);

impl Random {
    /// Returns the sequence that `TAKOPI_TEST_SEED` names, or a new one; prints how to have it again.
    pub(crate) fn seeded() -> Self {
        let given = std::env::var("TAKOPI_TEST_SEED").ok();
        let seed = match given {
            Some(seed) => seed.parse().expect("TAKOPI_TEST_SEED is a number"),
            None => u64::from(uuid::Uuid::new_v4().as_fields().0),
        };
        eprintln!("to have this again: TAKOPI_TEST_SEED={seed}");
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Returns a sequence of its own, for another thread.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.next())
    }
}
