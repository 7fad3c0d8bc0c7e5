//! Native threads that wait a moment for another function (`src/runtime/idle_threads.rs`): whoever changes the word of
//! the place from idle has the thread to itself, be it the thread that has waited long enough, or the one that has a
//! function for it.

#[cfg(test)]
mod tests {
    use crate::explore;
    use loom::cell::UnsafeCell;
    use loom::sync::atomic::{AtomicU32, Ordering};
    use loom::sync::{Condvar, Mutex};
    use std::sync::Arc;

    const FREE: u32 = 0;
    const TAKEN: u32 = 1;
    const HANDED: u32 = 2;
    const IDLE: u32 = 3;

    #[derive(Clone, Copy, PartialEq)]
    enum LeftOut {
        Nothing,
        /// Whoever hands something over wakes nobody.
        Wake,
        /// Who has waited long enough does not ask whether somebody has something for it.
        Question,
    }

    struct Place {
        state: AtomicU32,
        start: UnsafeCell<u32>,
        /// The kernel's: whoever sleeps on the word looks at it once more under this lock.
        kernel: Mutex<()>,
        asleep: Condvar,
        left_out: LeftOut,
    }

    impl Place {
        fn change(&self, from: u32, to: u32) -> bool {
            let order = Ordering::AcqRel;
            self.state
                .compare_exchange(from, to, order, Ordering::Relaxed)
                .is_ok()
        }

        fn sleep(&self, expected: u32) {
            let kernel = self.kernel.lock().unwrap();
            if self.state.load(Ordering::Relaxed) == expected {
                drop(self.asleep.wait(kernel).unwrap());
            }
        }

        /// What it was handed, or nothing if it need not wait any longer and nobody had anything.
        fn wait(&self, mut is_patient: bool) -> Option<u32> {
            loop {
                match self.state.load(Ordering::Acquire) {
                    HANDED => break,
                    now if is_patient => self.sleep(now),
                    _ if self.left_out == LeftOut::Question => {
                        self.state.store(FREE, Ordering::Relaxed);
                        return None;
                    }
                    _ if self.change(IDLE, FREE) => return None,
                    _ => is_patient = true,
                }
            }
            // SAFETY: as in the interpreter: the one that hands it over has stored it before the word.
            let start = self.start.with(|start| unsafe { *start });
            self.state.store(FREE, Ordering::Release);
            Some(start)
        }

        fn hand(&self, start: u32) -> bool {
            if !self.change(IDLE, TAKEN) {
                return false;
            }
            // SAFETY: the place was taken.
            self.start.with_mut(|place| unsafe { *place = start });
            self.state.store(HANDED, Ordering::Release);
            let _kernel = self.kernel.lock().unwrap();
            if self.left_out != LeftOut::Wake {
                self.asleep.notify_all();
            }
            true
        }
    }

    /// One thread waits, patiently or not, and two have something for it.
    fn run(is_patient: bool, left_out: LeftOut) {
        explore(3, move || {
            let place = Arc::new(Place {
                state: AtomicU32::new(IDLE),
                start: UnsafeCell::new(0),
                kernel: Mutex::new(()),
                asleep: Condvar::new(),
                left_out,
            });
            let givers: Vec<_> = [1, 2]
                .map(|start| {
                    let place = place.clone();
                    loom::thread::spawn(move || place.hand(start).then_some(start))
                })
                .into_iter()
                .collect();
            let got = place.wait(is_patient);
            let given: Vec<u32> = givers
                .into_iter()
                .filter_map(|giver| giver.join().unwrap())
                .collect();
            assert_eq!(
                got.into_iter().collect::<Vec<_>>(),
                given,
                "run once, or by its giver"
            );
            assert_eq!(place.state.load(Ordering::Relaxed), FREE);
        });
    }

    #[test]
    fn what_is_handed_over_is_run_once() {
        run(true, LeftOut::Nothing);
        run(false, LeftOut::Nothing);
    }

    #[test]
    #[should_panic]
    fn without_a_wake_it_sleeps_on() {
        run(true, LeftOut::Wake);
    }

    #[test]
    #[should_panic]
    fn without_the_question_a_function_is_lost() {
        run(false, LeftOut::Question);
    }
}
