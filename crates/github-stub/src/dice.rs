//! Chance that repeats: what a name is dealt depends on the name alone, not on who asked before.

/// A stream of numbers fixed by what it was made from (SplitMix64, seeded by FNV-1a).
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The dice of the `nth` asking for `name`, under `seed`. GitHub's names know no case, nor do these.
    pub(crate) fn of(seed: u64, name: &str, nth: u64) -> Dice {
        let mut hash = 0xcbf2_9ce4_8422_2325 ^ seed;
        for byte in name.bytes().map(|b| b.to_ascii_lowercase()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        let mut dice = Dice(hash);
        Dice(dice.roll() ^ nth.wrapping_mul(0xd605_1d8d_f2b7_6ba5))
    }

    /// The next number.
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The next number, from 0 to below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    /// The next number, from 0 to below 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.roll() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// The next number of a normal distribution with mean 0 and deviation 1 (Box and Muller's way).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// One of `choices`.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}
