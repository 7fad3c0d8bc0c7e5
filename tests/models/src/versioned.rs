//! Reading a table without its lock (`Versioned` in `src/value/lock.rs`, `src/value/dict/table.rs`): the
//! lock is a number that each change makes odd and then even again; who reads copies where the table
//! lies, then what stands there, and believes it if the number is still the same; memory that is left
//! is given back when the reader has passed a safepoint.

#[cfg(test)]
mod tests {
    use crate::explore;
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering, fence};

    /// An entry: the two belong together.
    struct Memory {
        key: AtomicUsize,
        value: AtomicUsize,
        /// Written by whoever gives the memory back.
        life: UnsafeCell<bool>,
    }

    impl Memory {
        fn new(content: usize) -> Memory {
            Memory {
                key: AtomicUsize::new(content),
                value: AtomicUsize::new(content),
                life: UnsafeCell::new(true),
            }
        }
    }

    /// A step that is left out.
    #[derive(Clone, Copy, PartialEq)]
    enum Without {
        Nothing,
        SecondLook,
        Fence,
        Grace,
    }

    struct Table {
        version: AtomicU32,
        place: AtomicUsize,
        memory: [Memory; 2],
        /// The reader has passed a safepoint since.
        passed: AtomicBool,
        without: Without,
    }

    // SAFETY: that the scheme makes this true is what the model shows.
    unsafe impl Sync for Table {}

    impl Table {
        fn change(&self, change: impl FnOnce()) {
            while self
                .version
                .compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed)
                .is_err()
                && self
                    .version
                    .compare_exchange(2, 3, Ordering::Acquire, Ordering::Relaxed)
                    .is_err()
            {
                loom::thread::yield_now();
            }
            if self.without != Without::Fence {
                fence(Ordering::Release);
            }
            change();
            let version = self.version.load(Ordering::Relaxed);
            self.version.store(version + 1, Ordering::Release);
        }

        fn begin(&self) -> Option<u32> {
            let version = self.version.load(Ordering::Acquire);
            (version & 1 == 0).then_some(version)
        }

        fn is_unchanged(&self, version: u32) -> bool {
            fence(Ordering::Acquire);
            self.without == Without::SecondLook || self.version.load(Ordering::Relaxed) == version
        }

        fn read(&self) -> Option<usize> {
            let version = self.begin()?;
            let place = self.place.load(Ordering::Relaxed);
            if !self.is_unchanged(version) {
                return None;
            }
            let memory = &self.memory[place];
            // SAFETY: as above; loom reports it where the memory is being given back.
            assert!(memory.life.with(|life| unsafe { *life }));
            let key = memory.key.load(Ordering::Relaxed);
            let value = memory.value.load(Ordering::Relaxed);
            if !self.is_unchanged(version) {
                return None;
            }
            assert_eq!(key, value);
            Some(value)
        }
    }

    fn run(without: Without) {
        explore(3, move || {
            let table = Arc::new(Table {
                version: AtomicU32::new(0),
                place: AtomicUsize::new(0),
                memory: [Memory::new(1), Memory::new(0)],
                passed: AtomicBool::new(false),
                without,
            });
            let other = table.clone();
            let reader = loom::thread::spawn(move || {
                if let Some(value) = other.read() {
                    assert!(value == 1 || value == 2);
                }
                other.passed.store(true, Ordering::Release);
            });
            // In its place.
            table.change(|| {
                table.memory[0].key.store(2, Ordering::Relaxed);
                table.memory[0].value.store(2, Ordering::Relaxed);
            });
            // To other memory.
            table.change(|| {
                table.memory[1].key.store(2, Ordering::Relaxed);
                table.memory[1].value.store(2, Ordering::Relaxed);
                table.place.store(1, Ordering::Relaxed);
            });
            if without != Without::Grace {
                while !table.passed.load(Ordering::Acquire) {
                    loom::thread::yield_now();
                }
            }
            // SAFETY: nobody reads it any more.
            table.memory[0]
                .life
                .with_mut(|life| unsafe { *life = false });
            reader.join().unwrap();
        });
    }

    #[test]
    fn what_is_believed_was_there() {
        run(Without::Nothing);
    }

    #[test]
    #[should_panic]
    fn without_a_second_look_it_was_not() {
        run(Without::SecondLook);
    }

    #[test]
    #[should_panic]
    fn without_a_fence_before_the_change_it_was_not() {
        run(Without::Fence);
    }

    #[test]
    #[should_panic]
    fn without_a_grace_period_the_memory_is_gone() {
        run(Without::Grace);
    }
}
