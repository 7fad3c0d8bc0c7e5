//! The flag that says whether threads share values (`src/runtime/sharing.rs`): it is read plainly, and changed only
//! while nobody visits. And what moves with it: a global variable (`src/eval/module.rs`), whose first place is read
//! plainly by everybody and holds its value only while there is one thread.

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

    struct Variable {
        alone: UnsafeCell<Option<u32>>,
        shared: loom::sync::Mutex<Option<u32>>,
    }

    // SAFETY: that nobody changes the first place while another reads it is what the model shows.
    unsafe impl Sync for Variable {}

    impl Variable {
        fn share(&self) {
            // SAFETY: as above.
            let value = self.alone.with_mut(|place| unsafe { (*place).take() });
            if value.is_some() {
                *self.shared.lock().unwrap() = value;
            }
        }

        fn come_back(&self) {
            let value = self.shared.lock().unwrap().take();
            // SAFETY: as above.
            self.alone.with_mut(|place| unsafe { *place = value });
        }

        fn get(&self) -> Option<u32> {
            // SAFETY: as above.
            let first = self.alone.with(|place| unsafe { *place });
            first.or_else(|| *self.shared.lock().unwrap())
        }
    }

    fn move_variable(in_time: bool) {
        explore(3, move || {
            let variable = Arc::new(Variable {
                alone: UnsafeCell::new(Some(1)),
                shared: loom::sync::Mutex::new(None),
            });
            assert_eq!(variable.get(), Some(1));
            if in_time {
                variable.share();
            }
            let theirs = variable.clone();
            let other = loom::thread::spawn(move || {
                assert_eq!(theirs.get(), Some(1));
                *theirs.shared.lock().unwrap() = Some(2);
            });
            if !in_time {
                variable.share();
            }
            let seen = variable.get();
            assert!(seen == Some(1) || seen == Some(2));
            other.join().unwrap();
            // One thread again.
            variable.come_back();
            assert_eq!(variable.get(), Some(2));
        });
    }

    #[test]
    fn a_variable_moves_before_a_second_thread_starts() {
        move_variable(true);
    }

    #[test]
    #[should_panic]
    fn moving_it_later_is_too_late() {
        move_variable(false);
    }
}
