//! What an access to an attribute remembers: for the few shapes it met last, one number each: the
//! slot, or the shape that adding the attribute leads to. Each entry is one atomic word, so threads
//! share a cache without a lock. It must not know what the numbers mean.

use std::sync::atomic::{AtomicU64, Ordering};

/// Shapes that are remembered at once.
const ENTRIES: usize = 4;

/// A shape's number in the upper half of each word, what is remembered of it in the lower; 0 is
/// empty, for no shape has that number.
#[derive(Default)]
pub struct SlotCache {
    words: [AtomicU64; ENTRIES],
}

impl SlotCache {
    /// What is remembered of a shape.
    #[inline(always)]
    pub fn find(&self, shape: u32) -> Option<u32> {
        let word = self.words[0].load(Ordering::Relaxed);
        if (word >> 32) as u32 == shape {
            return Some(word as u32);
        }
        self.find_further(shape)
    }

    /// The same, if the shape is the one that was met last.
    #[inline(always)]
    pub fn find_last(&self, shape: u32) -> Option<u32> {
        let word = self.words[0].load(Ordering::Relaxed);
        ((word >> 32) as u32 == shape).then_some(word as u32)
    }

    #[inline(always)]
    fn find_further(&self, shape: u32) -> Option<u32> {
        for word in &self.words[1..] {
            let word = word.load(Ordering::Relaxed);
            if (word >> 32) as u32 == shape {
                return Some(word as u32);
            }
            // Nothing is behind an empty place.
            if word == 0 {
                return None;
            }
        }
        None
    }

    /// Remembers something of a shape; what has been there longest is forgotten.
    #[cold]
    #[inline(never)]
    pub fn add(&self, shape: u32, what: u32) {
        let mut word = u64::from(shape) << 32 | u64::from(what);
        for place in &self.words {
            // Two threads at once may lose an entry, which is found again.
            word = place.swap(word, Ordering::Relaxed);
            if word == 0 || (word >> 32) as u32 == shape {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_shapes_are_remembered() {
        let cache = SlotCache::default();
        assert_eq!(cache.find(7), None);
        for shape in 1..=5 {
            cache.add(shape, shape * 10);
        }
        assert_eq!(cache.find(1), None);
        for shape in 2..=5 {
            assert_eq!(cache.find(shape), Some(shape * 10));
        }
        cache.add(5, 99);
        assert_eq!(cache.find(5), Some(99));
        assert_eq!(cache.find(2), Some(20));
    }
}
