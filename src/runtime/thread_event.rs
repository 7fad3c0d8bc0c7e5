//! An event between the threads of one process: a flag to wait for. Must not know what it means.

use super::blocking::{Outcome, Reason, ReasonKind, Wait, blocking};
use super::clock::Deadline;
use super::futex;
use super::pending::Pending;
use super::thread::ThreadHandle;
use std::sync::atomic::{AtomicU32, Ordering};

const SET: u32 = 1;

/// A flag that threads wait for.
#[derive(Debug, Default)]
pub struct ThreadEvent {
    /// The flag in the lowest bit; the rest counts how often it was set, so that a waiter whose
    /// event was set and cleared again before it woke still knows.
    word: AtomicU32,
}

impl ThreadEvent {
    /// An event that is not set.
    pub const fn new() -> Self {
        Self {
            word: AtomicU32::new(0),
        }
    }

    /// Whether it is set.
    #[inline]
    pub fn is_set(&self) -> bool {
        self.word.load(Ordering::Acquire) & SET != 0
    }

    /// Sets it and wakes all that wait.
    pub fn set(&self) {
        let changed = self
            .word
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |word| {
                (word & SET == 0).then(|| word.wrapping_add(2) | SET)
            });
        if changed.is_ok() {
            futex::wake_all(&self.word, false);
        }
    }

    /// Clears it.
    pub fn clear(&self) {
        self.word.fetch_and(!SET, Ordering::AcqRel);
    }

    /// Waits until it is set; false if the deadline came first.
    pub fn wait(&self, thread: &ThreadHandle, deadline: Option<Deadline>) -> Result<bool, Pending> {
        let seen = self.word.load(Ordering::Acquire);
        if seen & SET != 0 {
            return Ok(true);
        }
        let reason = Reason::new(ReasonKind::Event).about(std::ptr::from_ref(self) as u64);
        while self.word.load(Ordering::Acquire) == seen {
            let wait = Wait::Word {
                word: &self.word,
                expected: seen,
                shared: false,
            };
            match blocking(thread, &reason, deadline, wait) {
                Outcome::Woken => {}
                Outcome::TimedOut => return Ok(self.word.load(Ordering::Acquire) != seen),
                Outcome::Interrupted(bits) => return Err(bits),
            }
        }
        Ok(true)
    }
}
