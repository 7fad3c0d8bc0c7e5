//! The lock inside an object. A leaf: it is held for a few instructions and never while script
//! code, another object's lock, a blocking call or the drop of a value can run.
//!
//! While one thread is all there is, taking it costs a load of the world's sharing flag.

use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::runtime::world;

/// Contents that only the holder of the lock may see.
pub struct Guarded<T> {
    locked: AtomicBool,
    contents: UnsafeCell<T>,
}

// SAFETY: the contents are only reached through the lock, or by the only thread there is.
unsafe impl<T: Send> Sync for Guarded<T> {}
// SAFETY: moving the whole moves the contents.
unsafe impl<T: Send> Send for Guarded<T> {}

impl<T> Guarded<T> {
    /// Unlocked contents.
    pub const fn new(contents: T) -> Self {
        Guarded {
            locked: AtomicBool::new(false),
            contents: UnsafeCell::new(contents),
        }
    }

    /// Takes the lock. The guard must not live across anything that can run script code, block,
    /// or drop a value: take values out, let the guard go, then drop them.
    #[inline(always)]
    pub fn lock(&self) -> Guard<'_, T> {
        if world::is_shared() {
            self.lock_shared();
        } else {
            // Also flagged with one thread, so that a nested lock is found in debug builds.
            debug_assert!(
                !self.locked.load(Ordering::Relaxed),
                "an object's lock is taken while it is held"
            );
            self.locked.store(true, Ordering::Relaxed);
        }
        Guard { owner: self }
    }

    #[inline]
    fn lock_shared(&self) {
        if self
            .locked
            .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            self.lock_contended();
        }
    }

    #[cold]
    #[inline(never)]
    fn lock_contended(&self) {
        let mut turns = 0u32;
        loop {
            while self.locked.load(Ordering::Relaxed) {
                turns += 1;
                // The holder needs a few instructions, unless the kernel took its core away:
                // after a while give it ours.
                if turns < 64 {
                    std::hint::spin_loop();
                } else {
                    std::thread::yield_now();
                }
            }
            if self
                .locked
                .compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
            {
                return;
            }
        }
    }

    /// The contents of an object that nobody else can see.
    pub fn get_mut(&mut self) -> &mut T {
        self.contents.get_mut()
    }

    /// The contents, by value.
    pub fn into_inner(self) -> T {
        self.contents.into_inner()
    }
}

impl<T: Default> Default for Guarded<T> {
    fn default() -> Self {
        Guarded::new(T::default())
    }
}

/// Holds the lock of a [`Guarded`].
pub struct Guard<'a, T> {
    owner: &'a Guarded<T>,
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the guard holds the lock.
        unsafe { &*self.owner.contents.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard holds the lock, and it is borrowed mutably.
        unsafe { &mut *self.owner.contents.get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        self.owner.locked.store(false, Ordering::Release);
    }
}
