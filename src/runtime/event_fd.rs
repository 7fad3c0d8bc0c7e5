//! The eventfd by which a thread in `poll` is interrupted: one for each thread that ever polls.
//!
//! They are never closed while the process lives, only reused: whoever interrupts a thread writes
//! to its descriptor without a lock (it may be a signal handler), so the number must never come to
//! mean something else. A late write costs the next owner one needless look.
//!
//! A forked child shares the descriptors' counters with its parent, so it closes all and starts anew.

use super::leaf_lock::LeafLock;
use std::io;
use std::os::fd::RawFd;

struct Pool {
    all: Vec<RawFd>,
    idle: Vec<RawFd>,
}

static POOL: LeafLock<Pool> = LeafLock::new(Pool {
    all: Vec::new(),
    idle: Vec::new(),
});

/// A descriptor for the calling thread until it gives it back.
pub(super) fn take() -> io::Result<RawFd> {
    let mut pool = POOL.lock();
    if let Some(descriptor) = pool.idle.pop() {
        drop(pool);
        drain(descriptor);
        return Ok(descriptor);
    }
    // SAFETY: no pointers are involved.
    let descriptor = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    pool.all.push(descriptor);
    Ok(descriptor)
}

/// Gives a descriptor back for another thread's use.
pub(super) fn give_back(descriptor: RawFd) {
    POOL.lock().idle.push(descriptor);
}

/// Makes `descriptor` readable. Safe in a signal handler.
pub(super) fn raise(descriptor: RawFd) {
    let one = 1_u64.to_ne_bytes();
    // SAFETY: eight valid bytes. The counter cannot overflow in any lifetime; if it could, the
    // descriptor would be readable anyway.
    let _ = unsafe { libc::write(descriptor, one.as_ptr().cast(), one.len()) };
}

/// Makes `descriptor` unreadable again.
pub(super) fn drain(descriptor: RawFd) {
    let mut count = [0_u8; 8];
    // SAFETY: eight writable bytes; the descriptor does not block.
    let _ = unsafe { libc::read(descriptor, count.as_mut_ptr().cast(), count.len()) };
}

/// In the child of a fork: the descriptors belong to the parent's threads.
pub(super) fn forget_in_child() {
    let mut pool = POOL.lock();
    pool.idle.clear();
    for descriptor in pool.all.drain(..) {
        // SAFETY: this pool opened it, and the threads that knew it did not come along.
        unsafe { libc::close(descriptor) };
    }
}
