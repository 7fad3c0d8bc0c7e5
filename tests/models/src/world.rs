//! The world token (`src/runtime/world.rs`): who stops the world has it alone; whoever is detached is
//! suspended without its help, and whoever is attached is waited for.

#[cfg(test)]
mod tests {
    use crate::explore;
    use loom::cell::UnsafeCell;
    use loom::sync::atomic::{AtomicU32, Ordering, fence};
    use loom::sync::{Arc, Condvar, Mutex};

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

    /// The end of a stop and a thread that it kept out: who starts the world again wakes sleepers only if
    /// any are counted.
    struct Restart {
        stops: AtomicU32,
        returning: AtomicU32,
        /// The kernel's: whoever sleeps on the number looks at it once more under this lock.
        kernel: Mutex<()>,
        asleep: Condvar,
    }

    impl Restart {
        fn wait_in_attach(&self) {
            let mut waited = false;
            loop {
                let stops = self.stops.load(Ordering::SeqCst);
                if stops & 1 == 0 {
                    break;
                }
                if !waited {
                    waited = true;
                    self.returning.fetch_add(1, Ordering::SeqCst);
                    // What sequential consistency gives the code, loom gives fences only.
                    fence(Ordering::SeqCst);
                }
                let kernel = self.kernel.lock().unwrap();
                if self.stops.load(Ordering::SeqCst) == stops {
                    drop(self.asleep.wait(kernel).unwrap());
                }
            }
            if waited {
                self.returning.fetch_sub(1, Ordering::SeqCst);
            }
        }

        fn start_world(&self, looks_first: bool) {
            let seen = looks_first.then(|| self.returning.load(Ordering::SeqCst));
            self.stops.fetch_add(1, Ordering::SeqCst);
            fence(Ordering::SeqCst);
            let returning = seen.unwrap_or_else(|| self.returning.load(Ordering::SeqCst));
            if returning != 0 {
                let _kernel = self.kernel.lock().unwrap();
                self.asleep.notify_all();
            }
        }
    }

    fn run_restart(looks_first: bool) {
        explore(3, move || {
            let restart = Arc::new(Restart {
                stops: AtomicU32::new(1),
                returning: AtomicU32::new(0),
                kernel: Mutex::new(()),
                asleep: Condvar::new(),
            });
            let threads: Vec<_> = (0..2)
                .map(|_| {
                    let restart = restart.clone();
                    loom::thread::spawn(move || restart.wait_in_attach())
                })
                .collect();
            restart.start_world(looks_first);
            for thread in threads {
                thread.join().unwrap();
            }
            assert_eq!(restart.returning.load(Ordering::SeqCst), 0);
        });
    }

    #[test]
    fn whoever_a_stop_keeps_out_goes_on_after_it() {
        run_restart(false);
    }

    #[test]
    #[should_panic]
    fn a_look_for_sleepers_before_the_end_misses_one() {
        run_restart(true);
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
