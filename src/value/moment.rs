//! Moments: numbers that grow with every global variable set for the first time and every class
//! made, so that one can tell what existed at an earlier moment. Copied by fork, so parent and
//! child agree on everything before it.

use std::sync::atomic::{AtomicU64, Ordering};

static NOW: AtomicU64 = AtomicU64::new(1);

/// Takes the next number.
pub fn next() -> u64 {
    NOW.fetch_add(1, Ordering::Relaxed) + 1
}

/// The last number taken.
pub fn now() -> u64 {
    NOW.load(Ordering::Relaxed)
}
