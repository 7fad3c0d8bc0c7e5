//! Changes of several words of shared memory that are done wholly or not at all, even if the
//! process is killed between two of them.
//!
//! An undo log: the old value of a word is written down before the new one is stored, and emptying
//! the log is the commit. Whoever finds the log not empty puts the old values back. Knows nothing
//! of what the words mean.

use super::shared_steps::step;
use std::sync::atomic::{AtomicU64, Ordering, compiler_fence};

/// The most words that one change may touch. Merging or splitting through all 26 orders of the
/// block allocator touches fewer than 200.
const CAPACITY: usize = 500;

#[repr(C)]
struct Entry {
    /// Distance of the word from the start of the arena.
    place: AtomicU64,
    old: AtomicU64,
}

/// The log itself, in shared memory, guarded by the lock of what it describes.
#[repr(C)]
pub(crate) struct Journal {
    length: AtomicU64,
    entries: [Entry; CAPACITY],
}

impl Journal {
    /// Puts every word back that a dead process left changed. `base` is where the arena starts.
    pub(crate) fn undo(&self, base: *mut u8) {
        let mut length = self.length.load(Ordering::Acquire).min(CAPACITY as u64);
        while length > 0 {
            length -= 1;
            let entry = &self.entries[length as usize];
            let place = entry.place.load(Ordering::Relaxed) as usize;
            // SAFETY: places are only written by `Change::set`, from references to words of the
            // same mapping.
            let word = unsafe { &*base.add(place).cast::<AtomicU64>() };
            word.store(entry.old.load(Ordering::Relaxed), Ordering::Release);
            step();
            // One by one, so that a death in here repeats at most one harmless store.
            self.length.store(length, Ordering::Release);
            step();
        }
    }
}

/// A change under way. Dropped without [`Change::commit`], it is undone.
pub(crate) struct Change<'a> {
    journal: &'a Journal,
    base: *mut u8,
    length: u64,
}

impl<'a> Change<'a> {
    /// Starts a change; the caller holds the lock that guards the journal.
    pub(crate) fn new(journal: &'a Journal, base: *mut u8) -> Self {
        Self {
            journal,
            base,
            length: 0,
        }
    }

    /// Sets a word of the arena.
    pub(crate) fn set(&mut self, word: &AtomicU64, value: u64) {
        let entry = &self.journal.entries[self.length as usize];
        let place = word.as_ptr() as u64 - self.base as u64;
        entry.place.store(place, Ordering::Relaxed);
        entry
            .old
            .store(word.load(Ordering::Relaxed), Ordering::Relaxed);
        self.length += 1;
        // A kill falls between two instructions, so the order of the program is what counts: the
        // compiler must keep the entry before the length, and the length before the word.
        self.journal.length.store(self.length, Ordering::Release);
        compiler_fence(Ordering::SeqCst);
        step();
        word.store(value, Ordering::Release);
        step();
    }

    /// Makes everything set since the start, or the last commit, final.
    pub(crate) fn commit(&mut self) {
        compiler_fence(Ordering::SeqCst);
        self.length = 0;
        self.journal.length.store(0, Ordering::Release);
        step();
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        if self.length > 0 {
            self.journal.undo(self.base);
        }
    }
}
