//! A semaphore between the threads of one process. Must not know what it counts.

use super::blocking::{Outcome, Reason, ReasonKind, Wait, blocking};
use super::clock::Deadline;
use super::futex;
use super::pending::Pending;
use super::thread::ThreadHandle;
use std::sync::atomic::{AtomicU32, Ordering};

/// Somebody may sleep on the word. Who clears it wakes as many as it releases units; each of them sets it again, since
/// others may still sleep, and wakes another one if it leaves units: those came while no mark stood, and woke nobody.
const SLEEPERS: u32 = 1 << 31;

/// The most units a semaphore can count.
pub const MOST_UNITS: u32 = SLEEPERS - 1;

/// A counter of units that threads take and give back.
#[derive(Debug)]
pub struct ThreadSemaphore {
    word: AtomicU32,
}

impl ThreadSemaphore {
    /// With `units` to begin with, at most [`MOST_UNITS`].
    pub fn new(units: u32) -> Self {
        Self {
            word: AtomicU32::new(units.min(MOST_UNITS)),
        }
    }

    /// How many units are left.
    pub fn units(&self) -> u32 {
        self.word.load(Ordering::Acquire) & !SLEEPERS
    }

    /// Takes a unit if there is one.
    #[inline]
    pub fn try_acquire(&self) -> bool {
        self.take(0).is_some()
    }

    /// Takes a unit, leaving `mark` in the word: how many are left.
    fn take(&self, mark: u32) -> Option<u32> {
        self.word
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, |word| {
                (word & !SLEEPERS > 0).then(|| (word - 1) | mark)
            })
            .ok()
            .map(|before| (before & !SLEEPERS) - 1)
    }

    /// The same for a thread that may have been woken.
    fn take_and_pass_on(&self) -> bool {
        let Some(left) = self.take(SLEEPERS) else {
            return false;
        };
        if left > 0 {
            futex::wake(&self.word, 1, false);
        }
        true
    }

    /// Takes a unit; false if the deadline came first.
    pub fn acquire(
        &self,
        thread: &ThreadHandle,
        deadline: Option<Deadline>,
    ) -> Result<bool, Pending> {
        if self.try_acquire() {
            return Ok(true);
        }
        let reason = Reason::new(ReasonKind::Semaphore).about(std::ptr::from_ref(self) as u64);
        loop {
            if self.take_and_pass_on() {
                return Ok(true);
            }
            if self
                .word
                .compare_exchange(0, SLEEPERS, Ordering::AcqRel, Ordering::Acquire)
                .is_err_and(|word| word != SLEEPERS)
            {
                continue;
            }
            let wait = Wait::Word {
                word: &self.word,
                expected: SLEEPERS,
                shared: false,
            };
            match blocking(thread, &reason, deadline, wait) {
                Outcome::Woken => {}
                Outcome::TimedOut => {
                    // One more look: the wake-up may have been for this thread.
                    if self.take_and_pass_on() {
                        return Ok(true);
                    }
                    self.leave();
                    return Ok(false);
                }
                Outcome::Interrupted(bits) => {
                    self.leave();
                    return Err(bits);
                }
            }
        }
    }

    /// Leaves the wait without a unit: the mark stands for those who still sleep, and if there is a
    /// unit the wake-up goes to one of them.
    fn leave(&self) {
        let before = self.word.fetch_or(SLEEPERS, Ordering::SeqCst);
        if before & !SLEEPERS > 0 {
            futex::wake(&self.word, 1, false);
        }
    }

    /// Gives back `count` units. Refused, with nothing changed, if there would be more than `most`.
    pub fn release(&self, count: u32, most: u32) -> bool {
        let most = most.min(MOST_UNITS);
        let before = self
            .word
            .fetch_update(Ordering::Release, Ordering::Relaxed, |word| {
                let units = (word & !SLEEPERS).checked_add(count)?;
                (units <= most).then_some(units)
            });
        if before.is_ok_and(|word| word & SLEEPERS != 0) {
            futex::wake(&self.word, count, false);
        }
        before.is_ok()
    }
}
