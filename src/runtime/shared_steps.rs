//! A place for a test to die at: every change of shared memory calls [`step`] between its single
//! stores. Outside the unit tests this is nothing at all.

/// Marks one step of a change; a test may have this process killed at the N-th.
#[inline(always)]
pub(crate) fn step() {
    #[cfg(test)]
    testing::count_down();
}

#[cfg(test)]
pub(crate) mod testing {
    use std::sync::atomic::{AtomicI64, Ordering};

    static LEFT: AtomicI64 = AtomicI64::new(i64::MAX);

    /// Has this process killed at its `steps`-th step from now on.
    pub(crate) fn die_at(steps: i64) {
        LEFT.store(steps, Ordering::SeqCst);
    }

    /// Lets this process live.
    pub(crate) fn live_on() {
        LEFT.store(i64::MAX, Ordering::SeqCst);
    }

    pub(super) fn count_down() {
        let left = LEFT.load(Ordering::Relaxed);
        if left == i64::MAX {
            return;
        }
        if LEFT.fetch_sub(1, Ordering::SeqCst) <= 1 {
            // SAFETY: kills this very process, with nothing run on the way: that is the point.
            unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
            loop {
                std::hint::spin_loop();
            }
        }
    }
}
