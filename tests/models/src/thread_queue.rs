//! Queues of threads (`src/library/modules/queue/channel.rs`): whoever finds nothing leaves a word
//! among the waiters and sleeps on it; whoever puts an item in takes the first word out and wakes it.
//! A waiter that gives up takes its word out, unless a wake-up was faster.

#[cfg(test)]
mod tests {
    use crate::explore;
    use loom::sync::atomic::{AtomicU32, Ordering};
    use loom::sync::{Condvar, Mutex};
    use std::collections::VecDeque;
    use std::sync::Arc;

    const WAITING: u32 = 0;
    const NOTIFIED: u32 = 1;

    /// A word and those who sleep on it, as the kernel keeps them: it sleeps only if the word has
    /// the expected value, and nobody comes in between.
    struct Waiter {
        /// Whether the kernel looks at the word again before it lets anybody sleep.
        looks: bool,
        word: AtomicU32,
        kernel: Mutex<()>,
        sleepers: Condvar,
    }

    impl Waiter {
        fn new(looks: bool) -> Arc<Waiter> {
            Arc::new(Waiter {
                looks,
                word: AtomicU32::new(WAITING),
                kernel: Mutex::new(()),
                sleepers: Condvar::new(),
            })
        }

        fn wake(&self) {
            self.word.store(NOTIFIED, Ordering::Release);
            let _kernel = self.kernel.lock().unwrap();
            self.sleepers.notify_one();
        }

        fn sleep(&self) {
            while self.word.load(Ordering::Acquire) == WAITING {
                let kernel = self.kernel.lock().unwrap();
                if !self.looks || self.word.load(Ordering::Acquire) == WAITING {
                    drop(self.sleepers.wait(kernel).unwrap());
                }
            }
        }
    }

    #[derive(Default)]
    struct State {
        items: VecDeque<u32>,
        getters: VecDeque<Arc<Waiter>>,
    }

    struct Queue {
        state: Mutex<State>,
        looks: bool,
    }

    impl Queue {
        fn put(&self, item: u32) {
            let mut state = self.state.lock().unwrap();
            state.items.push_back(item);
            let waiter = state.getters.pop_front();
            drop(state);
            if let Some(waiter) = waiter {
                waiter.wake();
            }
        }

        /// An impatient one's deadline comes at once; it may get nothing.
        fn get(&self, patient: bool) -> Option<u32> {
            let mut late = false;
            loop {
                let mut state = self.state.lock().unwrap();
                if let Some(item) = state.items.pop_front() {
                    return Some(item);
                }
                if late {
                    return None;
                }
                let waiter = Waiter::new(self.looks);
                state.getters.push_back(waiter.clone());
                drop(state);
                if patient {
                    waiter.sleep();
                    continue;
                }
                let mut state = self.state.lock().unwrap();
                let place = state
                    .getters
                    .iter()
                    .position(|other| Arc::ptr_eq(other, &waiter));
                let withdrawn = place
                    .and_then(|place| state.getters.remove(place))
                    .is_some();
                drop(state);
                late = withdrawn;
            }
        }
    }

    fn run(looks: bool, patient: bool) {
        explore(2, move || {
            let queue = Arc::new(Queue {
                state: Mutex::new(State::default()),
                looks,
            });
            let getters: Vec<_> = [true, patient]
                .into_iter()
                .map(|patient| {
                    let queue = queue.clone();
                    loom::thread::spawn(move || queue.get(patient))
                })
                .collect();
            queue.put(1);
            queue.put(2);
            let mut got: Vec<_> = getters
                .into_iter()
                .filter_map(|getter| getter.join().unwrap())
                .collect();
            got.extend(queue.state.lock().unwrap().items.drain(..));
            got.sort_unstable();
            assert_eq!(got, [1, 2]);
            assert!(queue.state.lock().unwrap().getters.is_empty());
        });
    }

    #[test]
    fn every_item_reaches_somebody() {
        run(true, true);
    }

    #[test]
    fn a_getter_that_gives_up_takes_no_wake_up_along() {
        run(true, false);
    }

    #[test]
    #[should_panic]
    fn sleeping_without_a_last_look_loses_wake_ups() {
        run(false, true);
    }
}
