//! The lock inside an object. A leaf: it is held for a few instructions and never while script
//! code, another object's lock, a blocking call or the drop of a value can run.
//!
//! While one thread is all there is, taking it costs a load of the world's sharing flag.

use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering, fence};

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
        } else if cfg!(debug_assertions) {
            // Also flagged with one thread, so that a nested lock is found in debug builds.
            assert!(
                !self.locked.load(Ordering::Relaxed),
                "an object's lock is taken while it is held"
            );
            self.locked.store(true, Ordering::Relaxed);
        }
        Guard { owner: self }
    }

    /// What `act` makes of the contents, as whoever takes the lock does, but asks once only whether there are
    /// others. It does no more than the holder of the lock may do.
    #[inline(always)]
    pub fn with<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        if cfg!(debug_assertions) || world::is_shared() {
            return self.with_lock(act);
        }
        // SAFETY: no other thread, and `act` runs nothing else.
        act(unsafe { &mut *self.contents.get() })
    }

    #[inline(never)]
    fn with_lock<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        act(&mut self.lock())
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

    /// The contents, for the only thread there is or one that only copies bits.
    #[inline(always)]
    pub fn as_ptr(&self) -> *mut T {
        self.contents.get()
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
        // Nobody starts a second thread while a lock is held.
        if cfg!(debug_assertions) || world::is_shared() {
            self.owner.locked.store(false, Ordering::Release);
        }
    }
}

/// How often a look without the lock is tried before the lock is taken.
const LOOKS: usize = 16;

/// Contents behind a lock that can also be looked at without taking it: the lock is a number that
/// every change makes odd and then even again, so that whoever reads can tell whether what it
/// read belongs together (Lameter, "Effective synchronization on Linux/NUMA systems", 2005). For
/// what many threads read and few change: readers write nothing.
pub struct Versioned<T> {
    version: AtomicU32,
    contents: UnsafeCell<T>,
}

// SAFETY: as for `Guarded`; what is read without the lock is copied as plain bits, and used only
// when no change came in between.
unsafe impl<T: Send> Sync for Versioned<T> {}
// SAFETY: moving the whole moves the contents.
unsafe impl<T: Send> Send for Versioned<T> {}

impl<T> Versioned<T> {
    /// Unlocked contents.
    pub const fn new(contents: T) -> Self {
        Versioned {
            version: AtomicU32::new(0),
            contents: UnsafeCell::new(contents),
        }
    }

    /// Takes the lock. The same holds for the guard as for that of [`Guarded`].
    #[inline(always)]
    pub fn lock(&self) -> VersionedGuard<'_, T> {
        if world::is_shared() {
            self.lock_shared();
        } else if cfg!(debug_assertions) {
            let version = self.version.load(Ordering::Relaxed);
            assert!(
                version & 1 == 0,
                "an object's lock is taken while it is held"
            );
            self.version.store(version | 1, Ordering::Relaxed);
        }
        VersionedGuard { owner: self }
    }

    #[inline]
    fn lock_shared(&self) {
        let version = self.version.load(Ordering::Relaxed);
        if version & 1 != 0
            || self
                .version
                .compare_exchange(version, version | 1, Ordering::Acquire, Ordering::Relaxed)
                .is_err()
        {
            self.lock_contended();
        }
        // No change may be seen before the odd number.
        fence(Ordering::Release);
    }

    #[cold]
    #[inline(never)]
    fn lock_contended(&self) {
        let mut turns = 0u32;
        loop {
            let version = self.version.load(Ordering::Relaxed);
            if version & 1 == 0
                && self
                    .version
                    .compare_exchange_weak(
                        version,
                        version | 1,
                        Ordering::Acquire,
                        Ordering::Relaxed,
                    )
                    .is_ok()
            {
                return;
            }
            turns += 1;
            if turns < 64 {
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
    }

    /// The same as [`Guarded::with`].
    #[inline(always)]
    pub fn with<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        if cfg!(debug_assertions) || world::is_shared() {
            return self.with_lock(act);
        }
        // SAFETY: no other thread, and `act` runs nothing else.
        act(unsafe { &mut *self.contents.get() })
    }

    #[inline(never)]
    fn with_lock<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        act(&mut self.lock())
    }

    /// Puts other contents in the place of these, which it gives back.
    #[inline(always)]
    pub fn replace(&self, contents: T) -> T {
        self.with(|place| std::mem::replace(place, contents))
    }

    /// Reads without the lock, while several threads live: `None` when a change came in between.
    /// `look` gets a pointer to contents that may be changing, so it may only copy bits, by
    /// volatile reads, and believe nothing of what they say.
    #[inline(always)]
    pub fn peek<R: Copy>(&self, look: impl FnOnce(*const T) -> R) -> Option<R> {
        let version = self.version.load(Ordering::Acquire);
        if version & 1 != 0 {
            return None;
        }
        let seen = look(self.contents.get());
        fence(Ordering::Acquire);
        (self.version.load(Ordering::Relaxed) == version).then_some(seen)
    }

    /// Begins a read without the lock that looks several times: the number that
    /// [`Versioned::is_unchanged`] compares with; `None` while somebody changes the contents. As with
    /// [`Versioned::peek`], what is copied between is believed only when nothing has changed since.
    #[inline(always)]
    fn begin(&self) -> Option<u32> {
        let version = self.version.load(Ordering::Acquire);
        (version & 1 == 0).then_some(version)
    }

    /// Whether nobody has changed the contents since [`Versioned::begin`]: then all that was copied
    /// until now was there together.
    #[inline(always)]
    pub fn is_unchanged(&self, version: u32) -> bool {
        fence(Ordering::Acquire);
        self.version.load(Ordering::Relaxed) == version
    }

    /// Makes a view of the contents without the lock, and has `look` look at it with the number that
    /// [`Versioned::is_unchanged`] compares with; again when it says nothing, because the contents have
    /// changed. `None` when that went on for too long: the lock is needed.
    #[inline(always)]
    pub fn look<V, R>(
        &self,
        view: impl Fn(*const T) -> V,
        mut look: impl FnMut(V, u32) -> Option<R>,
    ) -> Option<R> {
        for _ in 0..LOOKS {
            if let Some(result) = self.look_once(&view, &mut look) {
                return Some(result);
            }
            std::hint::spin_loop();
        }
        None
    }

    /// The same, but when the contents are being changed, that is all.
    #[inline(always)]
    pub fn look_once<V, R>(
        &self,
        view: impl FnOnce(*const T) -> V,
        look: impl FnOnce(V, u32) -> Option<R>,
    ) -> Option<R> {
        let version = self.begin()?;
        let view = view(self.contents.get());
        if !self.is_unchanged(version) {
            return None;
        }
        look(view, version)
    }

    /// The contents, for the only thread there is or one that only copies bits.
    #[inline(always)]
    pub fn as_ptr(&self) -> *mut T {
        self.contents.get()
    }

    /// The contents of an object that nobody else can see.
    pub fn get_mut(&mut self) -> &mut T {
        self.contents.get_mut()
    }
}

impl<T: Default> Default for Versioned<T> {
    fn default() -> Self {
        Versioned::new(T::default())
    }
}

/// Holds the lock of a [`Versioned`].
pub struct VersionedGuard<'a, T> {
    owner: &'a Versioned<T>,
}

impl<T> Deref for VersionedGuard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the guard holds the lock.
        unsafe { &*self.owner.contents.get() }
    }
}

impl<T> DerefMut for VersionedGuard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard holds the lock, and it is borrowed mutably.
        unsafe { &mut *self.owner.contents.get() }
    }
}

impl<T> Drop for VersionedGuard<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        if cfg!(debug_assertions) || world::is_shared() {
            let version = self.owner.version.load(Ordering::Relaxed);
            self.owner
                .version
                .store(version.wrapping_add(1), Ordering::Release);
        }
    }
}
