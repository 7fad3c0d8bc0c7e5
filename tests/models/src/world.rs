//! The world token (`src/runtime/world.rs`): who stops the world has it alone; whoever is detached is
//! suspended without its help, and whoever is attached is waited for.

#[cfg(test)]
mod tests {
    use crate::explore;
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicU32, Ordering};

    const DETACHED: u32 = 0;
    const ATTACHED: u32 = 1;
    const SUSPENDED: u32 = 2;
    const STOP: u32 = 1;

    struct World {
        stops: AtomicU32,
        poll: AtomicU32,
        state: AtomicU32,
        /// What only attached threads may touch, and the stopper alone during a stop.
        objects: UnsafeCell<u32>,
        /// Whether a thread looks at the poll word when it passes a safepoint.
        polls: bool,
    }

    // SAFETY: that the token makes this true is what the model shows.
    unsafe impl Sync for World {}

    impl World {
        fn attach(&self) {
            loop {
                let stops = self.stops.load(Ordering::SeqCst);
                if stops & 1 == 1 {
                    // Asleep on the word until the world starts again.
                    loom::thread::yield_now();
                    continue;
                }
                if self
                    .state
                    .compare_exchange(DETACHED, ATTACHED, Ordering::SeqCst, Ordering::Relaxed)
                    .is_ok()
                {
                    return;
                }
                loom::thread::yield_now();
            }
        }

        fn detach(&self) {
            self.state.store(DETACHED, Ordering::SeqCst);
        }

        fn safepoint(&self) {
            if self.polls && self.poll.load(Ordering::SeqCst) & STOP != 0 {
                self.detach();
                self.attach();
            }
        }

        fn touch(&self) {
            // SAFETY: as above; loom reports two at once.
            self.objects.with_mut(|objects| unsafe { *objects += 1 });
        }

        fn stop(&self, waits: bool) {
            self.stops.fetch_add(1, Ordering::SeqCst);
            self.poll.fetch_or(STOP, Ordering::SeqCst);
            while self.state.compare_exchange(
                DETACHED,
                SUSPENDED,
                Ordering::SeqCst,
                Ordering::SeqCst,
            ) == Err(ATTACHED)
                && waits
            {
                loom::thread::yield_now();
            }
            self.touch();
            // The start comes before the next attach.
            let _ = self.state.compare_exchange(
                SUSPENDED,
                DETACHED,
                Ordering::SeqCst,
                Ordering::SeqCst,
            );
            self.poll.fetch_and(!STOP, Ordering::SeqCst);
            self.stops.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn run(polls: bool, waits: bool) {
        explore(2, move || {
            let world = Arc::new(World {
                stops: AtomicU32::new(0),
                poll: AtomicU32::new(0),
                state: AtomicU32::new(DETACHED),
                objects: UnsafeCell::new(0),
                polls,
            });
            let theirs = world.clone();
            let worker = loom::thread::spawn(move || {
                theirs.attach();
                theirs.touch();
                theirs.safepoint();
                theirs.touch();
                // It blocks for a while.
                theirs.detach();
                theirs.attach();
                theirs.touch();
                theirs.detach();
            });
            world.stop(waits);
            worker.join().unwrap();
            world.stop(waits);
            // SAFETY: the worker has ended.
            assert_eq!(world.objects.with(|objects| unsafe { *objects }), 5);
        });
    }

    #[test]
    fn a_stopper_is_alone() {
        run(true, true);
    }

    #[test]
    fn a_safepoint_is_not_needed_where_a_thread_blocks() {
        run(false, true);
    }

    #[test]
    #[should_panic]
    fn a_stopper_that_does_not_wait_is_not_alone() {
        run(true, false);
    }
}
