//! Reference counts (`src/value/object.rs`, `src/value/reclaim.rs`): plain while there is one thread
//! and atomic from before a second one starts; and an object that another thread may use uncounted is
//! freed when every attached thread has passed a safepoint.

#[cfg(test)]
mod tests {
    use crate::explore;
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};

    struct Counted {
        shared: AtomicBool,
        count: AtomicU32,
        /// Written by whoever frees the object, read by whoever uses it.
        contents: UnsafeCell<bool>,
    }

    // SAFETY: what is shown is that the contents are never used by two at once.
    unsafe impl Sync for Counted {}

    impl Counted {
        fn retain(&self) {
            if self.shared.load(Ordering::Relaxed) {
                self.count.fetch_add(1, Ordering::Relaxed);
            } else {
                let count = self.count.load(Ordering::Relaxed);
                self.count.store(count + 1, Ordering::Relaxed);
            }
        }

        fn release(&self) {
            let last = if self.shared.load(Ordering::Relaxed) {
                let last = self.count.fetch_sub(1, Ordering::Release) == 1;
                if last {
                    fence(Ordering::Acquire);
                }
                last
            } else {
                let count = self.count.load(Ordering::Relaxed);
                self.count.store(count - 1, Ordering::Relaxed);
                count == 1
            };
            if last {
                // SAFETY: nobody else has the object; loom reports it where somebody does.
                self.contents.with_mut(|freed| unsafe {
                    assert!(!*freed, "freed twice");
                    *freed = true;
                });
            }
        }

        fn read(&self) {
            // SAFETY: as above.
            self.contents
                .with(|freed| assert!(!unsafe { *freed }, "used after it was freed"));
        }
    }

    fn switch(in_time: bool) {
        explore(3, move || {
            let object = Arc::new(Counted {
                shared: AtomicBool::new(false),
                count: AtomicU32::new(1),
                contents: UnsafeCell::new(false),
            });
            // One thread: plain.
            object.retain();
            object.release();
            if in_time {
                object.shared.store(true, Ordering::SeqCst);
            }
            // The thread takes a count along.
            object.retain();
            let theirs = object.clone();
            let other = loom::thread::spawn(move || {
                theirs.retain();
                theirs.read();
                theirs.release();
                theirs.release();
            });
            if !in_time {
                object.shared.store(true, Ordering::SeqCst);
            }
            object.retain();
            object.read();
            object.release();
            object.release();
            other.join().unwrap();
            assert_eq!(object.count.load(Ordering::Relaxed), 0);
            // SAFETY: the other thread has ended.
            assert!(object.contents.with(|freed| unsafe { *freed }), "a leak");
        });
    }

    #[test]
    fn counts_switch_before_a_second_thread_starts() {
        switch(true);
    }

    #[test]
    #[should_panic]
    fn switching_later_is_too_late() {
        switch(false);
    }

    /// A shared place with an object in it, that one thread reads without counting and another one
    /// replaces.
    struct Place {
        epoch: AtomicU64,
        /// What the reader published at its last safepoint.
        seen: AtomicU64,
        current: AtomicUsize,
        freed: [UnsafeCell<bool>; 2],
    }

    // SAFETY: as above.
    unsafe impl Sync for Place {}

    fn grace(wait: bool) {
        explore(3, move || {
            let place = Arc::new(Place {
                epoch: AtomicU64::new(1),
                seen: AtomicU64::new(1),
                current: AtomicUsize::new(0),
                freed: [UnsafeCell::new(false), UnsafeCell::new(false)],
            });
            let theirs = place.clone();
            let reader = loom::thread::spawn(move || {
                for _ in 0..2 {
                    // Between two safepoints: found, and used without a count.
                    let found = theirs.current.load(Ordering::Acquire);
                    // SAFETY: that nobody frees it meanwhile is what is shown.
                    theirs.freed[found].with(|freed| assert!(!unsafe { *freed }));
                    let epoch = theirs.epoch.load(Ordering::Acquire);
                    theirs.seen.store(epoch, Ordering::SeqCst);
                }
                // Detached: it uses nothing.
                theirs.seen.store(u64::MAX, Ordering::SeqCst);
            });
            place.current.store(1, Ordering::Release);
            let tag = place.epoch.fetch_add(1, Ordering::SeqCst);
            while wait && place.seen.load(Ordering::SeqCst) <= tag {
                loom::thread::yield_now();
            }
            // SAFETY: as above.
            place.freed[0].with_mut(|freed| unsafe { *freed = true });
            reader.join().unwrap();
        });
    }

    #[test]
    fn a_borrower_is_waited_for() {
        grace(true);
    }

    #[test]
    #[should_panic]
    fn freeing_at_once_is_too_early() {
        grace(false);
    }
}
