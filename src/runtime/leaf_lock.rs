//! Locks for the runtime's own tables: held for a few instructions, never across anything that can
//! block, reach a safepoint, or run foreign code.
//!
//! They are safe under fork because the world stands still then and no attached thread keeps one
//! across a safepoint, and a fork waits for the visitors (see [`super::sharing`]): at its instant none is held by a
//! thread that does not come along.
//! Debug builds count what a thread holds and assert zero wherever it may be stopped, and assert that
//! a detached thread takes none.

use super::futex;
use super::standing::assert_attached;
use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU32, Ordering};

const FREE: u32 = 0;
const HELD: u32 = 1;
/// Held, and somebody may sleep on the word.
const CONTENDED: u32 = 2;

/// How often a waiter looks before it sleeps: about a microsecond, several times what any holder
/// needs.
const LOOKS: u32 = 60;

/// A lock around a table of the runtime.
#[derive(Debug, Default)]
pub struct LeafLock<T> {
    word: AtomicU32,
    value: UnsafeCell<T>,
}

// SAFETY: the word gives out one guard at a time, so the value moves between threads but is never
// touched by two at once.
unsafe impl<T: Send> Sync for LeafLock<T> {}
// SAFETY: as for the value itself.
unsafe impl<T: Send> Send for LeafLock<T> {}

impl<T> LeafLock<T> {
    /// A free lock around `value`.
    pub const fn new(value: T) -> Self {
        Self {
            word: AtomicU32::new(FREE),
            value: UnsafeCell::new(value),
        }
    }

    /// Takes the lock. A thread of the interpreter is attached when it does.
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> LeafGuard<'_, T> {
        assert_attached();
        self.lock_anywhere()
    }

    /// Takes the lock, detached or not: for the one lock that fork itself holds across the fork.
    #[inline]
    pub(super) fn lock_anywhere(&self) -> LeafGuard<'_, T> {
        if self
            .word
            .compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            self.lock_contended();
        }
        held::add();
        LeafGuard {
            lock: self,
            not_send: std::marker::PhantomData,
        }
    }

    /// Takes a lock that is within every other: its holder takes none, and neither blocks nor drops
    /// anything. It may be taken where other locks are held.
    #[inline]
    #[track_caller]
    pub fn lock_within(&self) -> LeafGuard<'_, T> {
        self.lock()
    }

    /// Takes the lock if it is free.
    pub fn try_lock(&self) -> Option<LeafGuard<'_, T>> {
        self.word
            .compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed)
            .ok()?;
        held::add();
        Some(LeafGuard {
            lock: self,
            not_send: std::marker::PhantomData,
        })
    }

    #[cold]
    fn lock_contended(&self) {
        for _ in 0..LOOKS {
            if self.word.load(Ordering::Relaxed) == FREE
                && self
                    .word
                    .compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
            {
                return;
            }
            std::hint::spin_loop();
        }
        while self.word.swap(CONTENDED, Ordering::Acquire) != FREE {
            futex::wait(&self.word, CONTENDED, false, None);
        }
    }
}

/// The lock is held while this lives.
pub struct LeafGuard<'a, T> {
    lock: &'a LeafLock<T>,
    /// The count of held locks belongs to a thread.
    not_send: std::marker::PhantomData<*const ()>,
}

impl<T> Deref for LeafGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: this guard is the only one, and the reference ends with it.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for LeafGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this guard is the only one, and it is borrowed exclusively.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for LeafGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        held::remove();
        if self.lock.word.swap(FREE, Ordering::Release) == CONTENDED {
            futex::wake(&self.lock.word, 1, false);
        }
    }
}

/// Panics in a debug build if this thread holds a leaf lock: it is about to be where the world may
/// stop. Locks of other layers that follow the same rule count themselves by [`note_lock_taken`].
#[inline(always)]
#[track_caller]
pub fn assert_no_lock_held() {
    held::assert_none();
}

/// Counts a lock of another layer as held, in debug builds.
#[inline(always)]
pub fn note_lock_taken() {
    held::add();
}

/// Takes a lock of another layer out of the count.
#[inline(always)]
pub fn note_lock_released() {
    held::remove();
}

#[cfg(debug_assertions)]
mod held {
    use std::cell::Cell;

    thread_local! {
        static HELD: Cell<u32> = const { Cell::new(0) };
    }

    pub fn add() {
        HELD.with(|held| held.set(held.get() + 1));
    }

    pub fn remove() {
        HELD.with(|held| held.set(held.get() - 1));
    }

    #[track_caller]
    pub fn assert_none() {
        let held = HELD.with(Cell::get);
        assert!(
            held == 0,
            "{held} internal locks held where the world may stop"
        );
    }
}

#[cfg(not(debug_assertions))]
mod held {
    #[inline(always)]
    pub fn add() {}
    #[inline(always)]
    pub fn remove() {}
    #[inline(always)]
    pub fn assert_none() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_excludes() {
        let lock = LeafLock::new(0_u64);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50_000 {
                        *lock.lock() += 1;
                    }
                });
            }
        });
        assert_eq!(*lock.lock(), 200_000);
    }

    #[test]
    #[cfg(debug_assertions)]
    fn holding_one_at_a_safepoint_is_noticed() {
        let lock = LeafLock::new(());
        let guard = lock.lock();
        assert!(std::panic::catch_unwind(assert_no_lock_held).is_err());
        drop(guard);
        assert_no_lock_held();
    }
}
