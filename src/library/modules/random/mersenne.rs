//! The Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998), with the numbers that CPython's
//! `random` takes from it. It must not know values.

use num_bigint::{BigUint, Sign};

/// Words of state.
const WORDS: usize = 624;
const MIDDLE: usize = 397;

/// The generator.
#[derive(Clone)]
pub(super) struct Twister {
    state: Box<[u32; WORDS]>,
    /// Words of the state that were used; all of them at the start.
    used: usize,
}

impl Twister {
    /// Seeded by one word, as the other seedings begin.
    fn from_word(seed: u32) -> Twister {
        let mut state = Box::new([0; WORDS]);
        state[0] = seed;
        for index in 1..WORDS {
            let before = state[index - 1];
            state[index] = 1_812_433_253u32
                .wrapping_mul(before ^ (before >> 30))
                .wrapping_add(index as u32);
        }
        Twister { state, used: WORDS }
    }

    /// Seeded by words, at least one.
    pub(super) fn from_words(key: &[u32]) -> Twister {
        let mut twister = Twister::from_word(19_650_218);
        let state = &mut twister.state;
        let (mut i, mut j) = (1, 0);
        let mix = |before: u32, factor: u32| (before ^ (before >> 30)).wrapping_mul(factor);
        for _ in 0..WORDS.max(key.len()) {
            state[i] = (state[i] ^ mix(state[i - 1], 1_664_525))
                .wrapping_add(key.get(j).copied().unwrap_or(0))
                .wrapping_add(j as u32);
            i += 1;
            j += 1;
            if i >= WORDS {
                state[0] = state[WORDS - 1];
                i = 1;
            }
            if j >= key.len() {
                j = 0;
            }
        }
        for _ in 1..WORDS {
            state[i] = (state[i] ^ mix(state[i - 1], 1_566_083_941)).wrapping_sub(i as u32);
            i += 1;
            if i >= WORDS {
                state[0] = state[WORDS - 1];
                i = 1;
            }
        }
        state[0] = 0x8000_0000;
        twister
    }

    /// Seeded by a number, as `seed(number)` does for its absolute value.
    pub(super) fn from_number(number: &BigUint) -> Twister {
        let mut key = number.to_u32_digits();
        if key.is_empty() {
            key.push(0);
        }
        Twister::from_words(&key)
    }

    /// The next 32 bits.
    #[inline]
    pub(super) fn next_word(&mut self) -> u32 {
        if self.used >= WORDS {
            self.refill();
        }
        let mut word = self.state[self.used];
        self.used += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    #[inline(never)]
    fn refill(&mut self) {
        const UPPER: u32 = 0x8000_0000;
        let state = &mut self.state;
        for index in 0..WORDS {
            let joined = (state[index] & UPPER) | (state[(index + 1) % WORDS] & !UPPER);
            let odd = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
            state[index] = state[(index + MIDDLE) % WORDS] ^ (joined >> 1) ^ odd;
        }
        self.used = 0;
    }

    /// A float from 0 up to 1, with 53 bits.
    #[inline]
    pub(super) fn next_float(&mut self) -> f64 {
        let high = self.next_word() >> 5;
        let low = self.next_word() >> 6;
        (f64::from(high) * 67_108_864.0 + f64::from(low)) * (1.0 / 9_007_199_254_740_992.0)
    }

    /// A number of at most 64 bits.
    #[inline]
    pub(super) fn next_bits(&mut self, bits: u32) -> u64 {
        match bits {
            0 => 0,
            1..=32 => u64::from(self.next_word() >> (32 - bits)),
            _ => {
                let low = u64::from(self.next_word());
                low | u64::from(self.next_word() >> (64 - bits.min(64))) << 32
            }
        }
    }

    /// The words of a number of this many bits, the lowest first; room for them has been made.
    pub(super) fn fill_bits(&mut self, bits: usize, words: &mut Vec<u32>) {
        let mut left = bits;
        while left > 0 {
            let word = self.next_word();
            words.push(if left < 32 { word >> (32 - left) } else { word });
            left = left.saturating_sub(32);
        }
    }

    /// The state: its words, and how many were used.
    pub(super) fn state(&self) -> (&[u32], usize) {
        (&self.state[..], self.used)
    }

    /// A generator in this state; `None` when it is none.
    pub(super) fn in_state(words: &[u32], used: usize) -> Option<Twister> {
        let state: [u32; WORDS] = words.try_into().ok()?;
        (used <= WORDS).then(|| Twister {
            state: Box::new(state),
            used,
        })
    }
}

/// The number that these words are, the lowest first.
pub(super) fn number(words: Vec<u32>) -> num_bigint::BigInt {
    num_bigint::BigInt::from_biguint(Sign::Plus, BigUint::new(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_give_cpythons_numbers() {
        let mut twister = Twister::from_number(&BigUint::from(42u32));
        assert_eq!(twister.next_float(), 0.639_426_798_457_883_7);
        assert_eq!(twister.next_float(), 0.025_010_755_222_666_936);
        let mut twister = Twister::from_number(&BigUint::from(0u32));
        assert_eq!(twister.next_float(), 0.844_421_851_525_048_1);
        let mut twister = Twister::from_number(&(BigUint::from(1u32) << 100));
        assert_eq!(twister.next_bits(32), BITS_OF_2_TO_100);
        assert_eq!(twister.next_bits(50), MORE_BITS_OF_2_TO_100);
    }

    const BITS_OF_2_TO_100: u64 = 3258412053;
    const MORE_BITS_OF_2_TO_100: u64 = 254021891403144;

    #[test]
    fn a_state_goes_on_where_it_was() {
        let mut twister = Twister::from_words(&[1, 2, 3]);
        for _ in 0..1000 {
            twister.next_word();
        }
        let (words, used) = twister.state();
        let mut copy = Twister::in_state(words, used).unwrap();
        assert_eq!(copy.next_word(), twister.next_word());
        assert!(Twister::in_state(&[1], 0).is_none());
    }
}
