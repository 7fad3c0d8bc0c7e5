//! The flag that says whether threads share values (`src/runtime/sharing.rs`): it is read plainly, and changed only
//! while nobody visits.

#[cfg(test)]
mod tests {
    use crate::explore;
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicU32, Ordering};

    const CHANGING: u32 = 1 << 31;

    struct Sharing {
        visitors: AtomicU32,
        flag: UnsafeCell<bool>,
        /// Whether who changes the flag waits for the visitors.
        waits: bool,
    }

    // SAFETY: that nobody changes the flag while another reads it is what the model shows.
    unsafe impl Sync for Sharing {}

    impl Sharing {
        fn visit(&self) {
            loop {
                let now = self.visitors.load(Ordering::SeqCst);
                if now & CHANGING == 0
                    && self
                        .visitors
                        .compare_exchange(now, now + 1, Ordering::SeqCst, Ordering::Relaxed)
                        .is_ok()
                {
                    break;
                }
                loom::thread::yield_now();
            }
            // SAFETY: as above.
            let first = self.flag.with(|flag| unsafe { *flag });
            let second = self.flag.with(|flag| unsafe { *flag });
            assert_eq!(first, second);
            self.visitors.fetch_sub(1, Ordering::SeqCst);
        }

        fn change(&self) {
            // One changes it at a time here.
            self.visitors.fetch_or(CHANGING, Ordering::SeqCst);
            while self.waits && self.visitors.load(Ordering::SeqCst) != CHANGING {
                loom::thread::yield_now();
            }
            // SAFETY: as above.
            self.flag.with_mut(|flag| unsafe { *flag = !*flag });
            self.visitors.store(0, Ordering::SeqCst);
        }
    }

    fn run(waits: bool) {
        explore(3, move || {
            let sharing = Arc::new(Sharing {
                visitors: AtomicU32::new(0),
                flag: UnsafeCell::new(false),
                waits,
            });
            let visited = sharing.clone();
            let visitor = loom::thread::spawn(move || visited.visit());
            sharing.change();
            sharing.visit();
            visitor.join().unwrap();
        });
    }

    #[test]
    fn the_flag_changes_only_while_nobody_visits() {
        run(true);
    }

    #[test]
    #[should_panic]
    fn whoever_does_not_wait_changes_it_under_a_visitor() {
        run(false);
    }
}
