//! The lock in each list, dict and instance (`src/value/lock.rs`): one flag, taken by
//! compare-and-swap, given back by a store. It must not know what it guards.

#[cfg(test)]
mod tests {
    use crate::explore;
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicBool, Ordering};

    struct Guarded {
        locked: AtomicBool,
        contents: UnsafeCell<u32>,
    }

    // SAFETY: that the lock makes this true is what the model shows.
    unsafe impl Sync for Guarded {}

    impl Guarded {
        fn new() -> Arc<Guarded> {
            Arc::new(Guarded {
                locked: AtomicBool::new(false),
                contents: UnsafeCell::new(0),
            })
        }

        fn add(&self, take: Ordering, give: Ordering) {
            while self
                .locked
                .compare_exchange(false, true, take, Ordering::Relaxed)
                .is_err()
            {
                loom::thread::yield_now();
            }
            // SAFETY: as above; loom reports it where it is not so.
            self.contents.with_mut(|contents| unsafe { *contents += 1 });
            self.locked.store(false, give);
        }
    }

    fn run(take: Ordering, give: Ordering) {
        explore(3, move || {
            let guarded = Guarded::new();
            let others: Vec<_> = (0..2)
                .map(|_| {
                    let guarded = guarded.clone();
                    loom::thread::spawn(move || guarded.add(take, give))
                })
                .collect();
            for other in others {
                other.join().unwrap();
            }
            guarded.add(take, give);
            // SAFETY: the others have ended.
            assert_eq!(guarded.contents.with(|contents| unsafe { *contents }), 3);
        });
    }

    #[test]
    fn it_excludes() {
        run(Ordering::Acquire, Ordering::Release);
    }

    #[test]
    #[should_panic]
    fn without_release_it_does_not() {
        run(Ordering::Acquire, Ordering::Relaxed);
    }
}
