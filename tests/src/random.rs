//! Numbers that look random and depend on a seed alone.
//!
//! The generator is written out (`SplitMix64`, Steele, Lea and Flood, 2014), so that a seed gives the same world with every
//! version of every crate.

/// A stream of numbers.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The stream of one thing (`stream`) under a seed: two things never share a stream.
    pub fn of(seed: u64, stream: u64) -> Self {
        let mut random = Random(seed ^ stream.wrapping_mul(0xD605_BBB5_8C8A_BBFD));
        random.next();
        random
    }

    /// The next number.
    #[expect(
        clippy::should_implement_trait,
        reason = "a stream without an end needs no Option around its numbers"
    )]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 if `end` is 0.
    pub fn below(&mut self, end: u32) -> u32 {
        u32::try_from(self.next() % u64::from(end.max(1))).unwrap_or(0)
    }

    /// A number from `from` to `to`, both included.
    pub fn between(&mut self, from: u32, to: u32) -> u32 {
        from + self.below(to.saturating_sub(from) + 1)
    }

    /// True in `percent` of 100 cases.
    pub fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// One of the things, by weight. `None` only if there is nothing of any weight.
    pub fn pick<T: Copy>(&mut self, things: &[(T, u32)]) -> Option<T> {
        let mut left = self.below(things.iter().map(|&(_, weight)| weight).sum());
        for &(thing, weight) in things {
            if left < weight {
                return Some(thing);
            }
            left -= weight;
        }
        None
    }
}
