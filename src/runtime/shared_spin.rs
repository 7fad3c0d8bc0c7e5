//! Waiting awake for a moment before going to sleep: a sleep and the wake-up cost some 50 µs, what
//! is waited for often comes within one.
//!
//! It needs one of as many permits as there are processors besides the one that works: without, the
//! spinner would only keep the worker from running. Must not know what is waited for.

use super::arena::{Arena, MOST_PERMITS, existing};
use super::clock::monotonic_nanoseconds;
use super::slot::{self, SlotId, my_tag};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

/// The longest spin, in nanoseconds: about what a sleep and a wake-up cost, so that guessing wrong
/// costs at most twice the best.
const LONGEST: u32 = 50_000;
/// The shortest, to notice when things become lively again.
const SHORTEST: u32 = 1_000;
/// Looks between two looks at the clock.
const LOOKS: u32 = 16;

/// Looks for a permit that is about to come free.
const HANDOVER: u32 = 64;

/// Whether there are permits at all: not with a single processor.
fn is_possible() -> bool {
    existing().is_some_and(|arena| arena.header().permit_count.load(Ordering::Relaxed) > 0)
}

/// How long it has been worth to spin: doubled by success, halved by failure.
pub(crate) struct Budget(AtomicU32);

impl Budget {
    pub(crate) const fn new() -> Self {
        Self(AtomicU32::new(LONGEST / 2))
    }

    /// Waits awake until `done`, or until it is no longer worth it. Returns whether it is done.
    pub(crate) fn spin(&self, done: impl FnMut() -> bool) -> bool {
        self.spin_for(done, None)
    }

    /// The same, and says meanwhile in `spinner` that nobody need be woken. Whoever gave up looks
    /// once more before going to sleep, which is after that was taken back.
    pub(crate) fn spin_for(
        &self,
        mut done: impl FnMut() -> bool,
        spinner: Option<&Spinner>,
    ) -> bool {
        let Some(permit) = Permit::take_soon(&mut done) else {
            return done();
        };
        let _awake = spinner.map(|spinner| spinner.enter(&permit));
        let budget = self.0.load(Ordering::Relaxed);
        let end = monotonic_nanoseconds() + u64::from(budget);
        loop {
            for _ in 0..LOOKS {
                if done() {
                    self.0.store((budget * 2).min(LONGEST), Ordering::Relaxed);
                    return true;
                }
                std::hint::spin_loop();
            }
            if monotonic_nanoseconds() >= end {
                self.0.store((budget / 2).max(SHORTEST), Ordering::Relaxed);
                return false;
            }
        }
    }
}

/// Says who spins for something, so that nobody else is woken for it. It counts only while that one
/// has a permit: one who died in it loses that.
#[repr(transparent)]
pub(crate) struct Spinner(AtomicU64);

impl Spinner {
    fn enter(&self, permit: &Permit) -> Awake<'_> {
        let tag = u64::from(permit.0.load(Ordering::Relaxed));
        self.0.store(tag, Ordering::SeqCst);
        Awake {
            spinner: &self.0,
            tag,
        }
    }

    /// After a commit: whether somebody is awake who will see it.
    #[inline]
    pub(crate) fn is_awake(&self) -> bool {
        fence(Ordering::SeqCst);
        let tag = self.0.load(Ordering::Relaxed);
        tag != 0 && has_permit(tag as u32)
    }
}

/// Until dropped, somebody is awake.
struct Awake<'a> {
    spinner: &'a AtomicU64,
    tag: u64,
}

impl Drop for Awake<'_> {
    fn drop(&mut self) {
        // Another one may have come, who is awake now.
        let _ = self
            .spinner
            .compare_exchange(self.tag, 0, Ordering::SeqCst, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }
}

fn has_permit(tag: u32) -> bool {
    existing().is_some_and(|arena| {
        let header = arena.header();
        let count = header.permit_count.load(Ordering::Relaxed) as usize;
        header.permits[..count.min(MOST_PERMITS)]
            .iter()
            .any(|permit| permit.load(Ordering::Relaxed) == tag)
    })
}

/// The right to spin, until dropped. It names its holder, so that it comes back if that one dies.
struct Permit(&'static AtomicU32);

impl Permit {
    /// A permit, if one can be had at once or in about a microsecond: the one whom this thread has
    /// just given what it waited for needs a moment to notice, and to give its own back.
    fn take_soon(done: &mut impl FnMut() -> bool) -> Option<Self> {
        if !is_possible() {
            return None;
        }
        for _ in 0..HANDOVER {
            if let Some(permit) = Self::take() {
                return Some(permit);
            }
            if done() {
                return None;
            }
            std::hint::spin_loop();
        }
        None
    }

    fn take() -> Option<Self> {
        let arena = existing()?;
        let header = arena.header();
        let count = header.permit_count.load(Ordering::Relaxed) as usize;
        let tag = my_tag();
        header.permits[..count.min(MOST_PERMITS)]
            .iter()
            .find(|permit| {
                permit.load(Ordering::Relaxed) == 0
                    && permit
                        .compare_exchange(0, tag, Ordering::Relaxed, Ordering::Relaxed)
                        .is_ok()
            })
            .map(Self)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// Takes the permits of a dead process back.
pub(super) fn return_permits(arena: &Arena, id: SlotId) {
    for permit in &arena.header().permits {
        // Fails if there is nothing to take back.
        let _ = permit.compare_exchange(id.tag(), 0, Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// Takes back permits of processes of whose death nobody has heard yet. For those who go to sleep
/// anyway.
pub(super) fn look_for_dead_permits() {
    let Some(arena) = existing() else { return };
    for permit in &arena.header().permits {
        let tag = permit.load(Ordering::Relaxed);
        if SlotId::from_tag(tag).is_some_and(|id| !slot::is_alive(id)) {
            let _ = permit.compare_exchange(tag, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
    }
}

/// How many processes may spin at once: one less than there are processors for this tree.
pub(super) fn permits() -> u64 {
    let allowed = std::thread::available_parallelism().map_or(1, |count| count.get());
    (allowed as u64 - 1).min(MOST_PERMITS as u64)
}

#[cfg(test)]
mod tests {
    use super::super::arena::arena;
    use super::super::shared_testing::{fork, tests_alone};
    use super::*;
    use std::time::{Duration, Instant};

    tests_alone! {
        fn a_permit_comes_back_from_the_dead(_thread) {
            let header = arena().unwrap().header();
            // As on a machine with many processors.
            header.permit_count.store(2, Ordering::Relaxed);
            let taken = || header.permits.iter().filter(|permit| permit.load(Ordering::SeqCst) != 0);
            let child = fork(|| {
                let _permit = Permit::take().unwrap();
                loop {
                    std::thread::sleep(Duration::from_secs(1));
                }
            });
            let limit = Instant::now() + Duration::from_secs(60);
            while taken().count() == 0 {
                assert!(Instant::now() < limit, "it never took one");
                std::thread::sleep(Duration::from_millis(1));
            }
            look_for_dead_permits();
            assert_eq!(taken().count(), 1, "its holder lives");
            child.kill();
            child.wait_silently();
            look_for_dead_permits();
            assert_eq!(taken().count(), 0);
        }
    }
}
