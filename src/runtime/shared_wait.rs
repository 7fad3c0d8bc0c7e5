//! Sleeping on a word of shared memory until somebody makes a condition true, through the one door
//! for blocking.
//!
//! Who makes it true commits, then looks at `flag`; who sleeps sets `flag`, then looks at the
//! condition. With a sequentially consistent fence between the two on both sides, at least one sees
//! the other. The waker clears the flag and whoever was woken sets it again, since others may sleep
//! too: a flag and not a count, because a count would never be right again after a kill. Whoever is
//! woken and leaves without using it up passes it on. It must not know the condition.

use super::blocking::{Outcome, Reason, Wait, Word, blocking_in_slices};
use super::clock::Deadline;
use super::futex;
use super::pending::Pending;
use super::shared_spin;
use super::shared_steps::step;
use super::thread::ThreadHandle;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use std::time::Duration;

/// How often a sleeper looks for itself, because whoever should have woken it may have been killed
/// in between. No wake-up of the living relies on it.
const SLICE: Duration = Duration::from_millis(100);

/// In nanoseconds; 0 if switched off.
static SLICE_LENGTH: AtomicU64 = AtomicU64::new(SLICE.as_nanos() as u64);

/// Switches looking for oneself off or on, in this process and the children it forks from now on.
/// For tests that no wake-up is lost.
#[doc(hidden)]
pub fn set_liveness_slices(on: bool) {
    let length = if on { SLICE.as_nanos() as u64 } else { 0 };
    SLICE_LENGTH.store(length, Ordering::SeqCst);
}

/// When to look next, if not woken.
pub(crate) fn next_look(deadline: Option<Deadline>) -> Option<Deadline> {
    let length = SLICE_LENGTH.load(Ordering::Relaxed);
    if length == 0 {
        return deadline;
    }
    let slice = Deadline::after(Duration::from_nanos(length));
    Some(deadline.map_or(slice, |deadline| deadline.min(slice)))
}

/// How long an operation may block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Until {
    /// Not at all.
    Now,
    /// Until then.
    Deadline(Deadline),
    /// As long as it takes.
    Forever,
}

impl Until {
    /// For those who have an optional deadline.
    pub fn deadline(deadline: Option<Deadline>) -> Self {
        deadline.map_or(Self::Forever, Self::Deadline)
    }

    pub(crate) fn as_deadline(self) -> Option<Deadline> {
        match self {
            Self::Deadline(deadline) => Some(deadline),
            Self::Now | Self::Forever => None,
        }
    }
}

/// A word to sleep on, and whether anyone may be sleeping.
#[repr(C)]
pub(crate) struct Sleepers {
    word: AtomicU32,
    flag: AtomicU32,
}

impl Sleepers {
    /// For a word of this process's own memory, which threads sleep on together with shared ones.
    pub(crate) const fn new() -> Self {
        Self {
            word: AtomicU32::new(0),
            flag: AtomicU32::new(0),
        }
    }

    /// After a commit that may have made the condition true for one.
    #[inline]
    pub(crate) fn wake_one(&self) {
        fence(Ordering::SeqCst);
        if self.flag.load(Ordering::Relaxed) != 0 {
            self.wake(1);
        }
    }

    /// After a commit that may have made it true for all.
    #[inline]
    pub(crate) fn wake_all(&self) {
        // Whatever the flag says: one who cleared it may have woken only one.
        fence(Ordering::SeqCst);
        self.wake(u32::MAX);
    }

    /// After a commit that may have made it true for so many.
    #[inline]
    pub(crate) fn wake_some(&self, count: u32) {
        fence(Ordering::SeqCst);
        if self.flag.load(Ordering::Relaxed) != 0 {
            self.wake(count);
        }
    }

    /// Whether anyone may be sleeping. For passing a wake-up on.
    #[inline]
    pub(crate) fn may_sleep(&self) -> bool {
        self.flag.load(Ordering::Relaxed) != 0
    }

    #[cold]
    fn wake(&self, count: u32) {
        step();
        self.flag.store(0, Ordering::SeqCst);
        self.word.fetch_add(1, Ordering::SeqCst);
        step();
        futex::wake(&self.word, count, true);
    }

    /// Sleeps once, unless `is_over`; then the caller looks again. `TimedOut` is only said of the
    /// deadline.
    pub(crate) fn sleep(
        &self,
        thread: &ThreadHandle,
        reason: &Reason,
        deadline: Option<Deadline>,
        is_over: impl Fn() -> bool,
    ) -> Outcome {
        let expected = self.word.load(Ordering::Acquire);
        self.flag.store(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if is_over() {
            return Outcome::Woken;
        }
        shared_spin::look_for_dead_permits();
        let wait = Wait::Word {
            word: &self.word,
            expected,
            shared: true,
        };
        let slice = (deadline, next_look(deadline));
        let outcome = blocking_in_slices(thread, reason, slice, wait, Pending::ALL);
        // Before anything else: the next one to commit must see that others may still sleep.
        self.flag.store(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        match outcome {
            Outcome::TimedOut if !deadline.is_some_and(Deadline::has_passed) => Outcome::Woken,
            outcome => outcome,
        }
    }

    /// As [`Sleepers::sleep`] for whichever of several comes first.
    pub(crate) fn sleep_any(
        list: &[&Self],
        thread: &ThreadHandle,
        reason: &Reason,
        deadline: Option<Deadline>,
        is_over: impl Fn() -> bool,
    ) -> Outcome {
        let set_flags = || {
            for sleepers in list {
                sleepers.flag.store(1, Ordering::SeqCst);
            }
            fence(Ordering::SeqCst);
        };
        let words: Vec<Word<'_>> = list
            .iter()
            .map(|sleepers| Word {
                word: &sleepers.word,
                expected: sleepers.word.load(Ordering::Acquire),
                shared: true,
            })
            .collect();
        set_flags();
        if is_over() {
            return Outcome::Woken;
        }
        let slice = (deadline, next_look(deadline));
        let wait = Wait::Words(&words);
        let outcome = blocking_in_slices(thread, reason, slice, wait, Pending::ALL);
        set_flags();
        match outcome {
            Outcome::TimedOut if !deadline.is_some_and(Deadline::has_passed) => Outcome::Woken,
            outcome => outcome,
        }
    }

    /// On the way out without what was waited for: a wake-up may have been used up for nothing.
    pub(crate) fn pass_on(&self, is_over: impl Fn() -> bool) {
        fence(Ordering::SeqCst);
        if self.may_sleep() && is_over() {
            self.wake(1);
        }
    }
}
