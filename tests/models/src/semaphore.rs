//! Semaphores of threads (`src/runtime/thread_semaphore.rs`): units and the mark that somebody may sleep, in one word.
//! Who gives units back clears the mark and wakes as many; who was woken sets it again, and wakes another one if it
//! leaves units.

#[cfg(test)]
mod tests {
    use crate::explore;
    use loom::sync::atomic::{AtomicU32, Ordering};
    use loom::sync::{Condvar, Mutex};
    use std::sync::Arc;

    const SLEEPERS: u32 = 1 << 31;

    struct Semaphore {
        word: AtomicU32,
        /// The kernel's: whoever sleeps on the word looks at it once more under this lock.
        kernel: Mutex<()>,
        asleep: Condvar,
        /// Whether who leaves units wakes another one.
        passes_on: bool,
    }

    impl Semaphore {
        fn wake(&self) {
            let _kernel = self.kernel.lock().unwrap();
            self.asleep.notify_one();
        }

        fn sleep(&self) {
            let kernel = self.kernel.lock().unwrap();
            if self.word.load(Ordering::Acquire) == SLEEPERS {
                drop(self.asleep.wait(kernel).unwrap());
            }
        }

        fn take(&self, mark: u32) -> Option<u32> {
            let take = |word: u32| (word & !SLEEPERS > 0).then(|| (word - 1) | mark);
            let before = self
                .word
                .fetch_update(Ordering::Acquire, Ordering::Relaxed, take);
            before.ok().map(|before| (before & !SLEEPERS) - 1)
        }

        fn acquire(&self) {
            let mut taken = self.take(0).map(|_| 0);
            while taken.is_none() {
                let marked =
                    self.word
                        .compare_exchange(0, SLEEPERS, Ordering::AcqRel, Ordering::Acquire);
                if marked.is_ok() || marked == Err(SLEEPERS) {
                    self.sleep();
                }
                taken = self.take(SLEEPERS);
            }
            if self.passes_on && taken > Some(0) {
                self.wake();
            }
        }

        fn release(&self) {
            let give = |word: u32| Some((word & !SLEEPERS) + 1);
            let before = self
                .word
                .fetch_update(Ordering::Release, Ordering::Relaxed, give);
            if before.unwrap() & SLEEPERS != 0 {
                self.wake();
            }
        }
    }

    fn run(passes_on: bool) {
        explore(3, move || {
            let semaphore = Arc::new(Semaphore {
                word: AtomicU32::new(0),
                kernel: Mutex::new(()),
                asleep: Condvar::new(),
                passes_on,
            });
            let threads: Vec<_> = (0..2)
                .map(|_| {
                    let semaphore = semaphore.clone();
                    loom::thread::spawn(move || semaphore.acquire())
                })
                .collect();
            semaphore.release();
            semaphore.release();
            for thread in threads {
                thread.join().unwrap();
            }
            assert_eq!(semaphore.word.load(Ordering::Relaxed) & !SLEEPERS, 0);
        });
    }

    #[test]
    fn every_unit_reaches_somebody() {
        run(true);
    }

    #[test]
    #[should_panic]
    fn units_that_come_one_after_the_other_are_not_passed_on() {
        run(false);
    }
}
