//! A mutex in shared memory whose holder may be killed: the next one in is told, and repairs.
//!
//! It is a leaf: held for the few instructions of one change, never over anything that blocks,
//! calls back or takes long. Waiting for a script is not its business.

use super::leaf_lock;
use super::shared_steps::step;
use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// A process-shared, robust mutex. Lives in the arena and never moves; its memory is never used for
/// anything else, since the kernel may set a bit in it when a former holder dies.
#[repr(C, align(8))]
pub(crate) struct SharedMutex {
    inner: UnsafeCell<MaybeUninit<libc::pthread_mutex_t>>,
}

// SAFETY: a pthread mutex is made to be used by many threads; only its functions touch the bytes.
unsafe impl Sync for SharedMutex {}

impl SharedMutex {
    /// Makes the mutex usable. Once in the life of its memory, before anyone else can see it.
    pub(crate) fn initialize(&self) {
        let mut attributes = MaybeUninit::<libc::pthread_mutexattr_t>::uninit();
        // SAFETY: the attributes are initialised before use and destroyed after it, and the mutex
        // is nobody else's yet. None of these calls can fail with constant, valid arguments.
        unsafe {
            libc::pthread_mutexattr_init(attributes.as_mut_ptr());
            libc::pthread_mutexattr_setpshared(
                attributes.as_mut_ptr(),
                libc::PTHREAD_PROCESS_SHARED,
            );
            libc::pthread_mutexattr_setrobust(attributes.as_mut_ptr(), libc::PTHREAD_MUTEX_ROBUST);
            libc::pthread_mutex_init((*self.inner.get()).as_mut_ptr(), attributes.as_ptr());
            libc::pthread_mutexattr_destroy(attributes.as_mut_ptr());
        }
    }

    /// Takes the mutex. If its last holder died in it, `repair` runs first; a death in `repair`
    /// leaves the mutex as it was, for the next one to repair.
    #[inline]
    pub(crate) fn lock(&self, repair: impl FnOnce()) -> SharedMutexGuard<'_> {
        // SAFETY: the mutex was initialised when its memory was laid out.
        let result = unsafe { libc::pthread_mutex_lock((*self.inner.get()).as_mut_ptr()) };
        if result != 0 {
            self.take_over(result, repair);
        }
        leaf_lock::note_lock_taken();
        step();
        SharedMutexGuard {
            mutex: self,
            _stays: PhantomData,
        }
    }

    #[cold]
    #[inline(never)]
    fn take_over(&self, result: libc::c_int, repair: impl FnOnce()) {
        // The other codes (no such mutex, given up by all, held by this thread) need a defect in
        // this crate; going on without the lock would spoil the memory of every process.
        assert_eq!(result, libc::EOWNERDEAD, "a shared mutex is broken");
        step();
        repair();
        step();
        // SAFETY: this thread holds the mutex and was told that its last holder died.
        unsafe { libc::pthread_mutex_consistent((*self.inner.get()).as_mut_ptr()) };
    }
}

/// Holds a [`SharedMutex`] until dropped.
pub(crate) struct SharedMutexGuard<'a> {
    mutex: &'a SharedMutex,
    /// A mutex is unlocked by the thread that locked it: no `Send`.
    _stays: PhantomData<*const ()>,
}

impl Drop for SharedMutexGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        step();
        leaf_lock::note_lock_released();
        // SAFETY: this thread locked the mutex when it made the guard; guards stay in their thread.
        unsafe { libc::pthread_mutex_unlock((*self.mutex.inner.get()).as_mut_ptr()) };
        step();
    }
}
