//! Texts of several processes that go to one pipe or terminal, each whole. The kernel keeps a short
//! text together by itself. A long one goes out in pieces, so whoever writes one holds a lock of its
//! destination, in the arena; others wait until it is out.
//!
//! Short texts take no lock, lest a process that is stopped while it prints stop all others: they
//! are announced, which costs two additions, and a long text waits until those under way are out.
//! It must not know streams or what is written.

use super::arena::{self, Arena};
use super::blocking::{Outcome, Reason, ReasonKind, sleep_until};
use super::clock::Deadline;
use super::pending::Pending;
use super::shared_wait::Sleepers;
use super::slot::{self, SlotId, my_tag};
use super::thread::ThreadHandle;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// So many destinations can have a long text under way, each a place by its number.
pub(crate) const OUTPUT_LOCKS: usize = 8;

/// How long a long text waits for a short one: that takes no longer than a moment, unless its process
/// was stopped just then.
const PATIENCE: Duration = Duration::from_millis(100);

/// Looks at a short text under way before sleeping between two.
const LOOKS: u32 = 100;

/// The lock of a destination.
#[repr(C)]
pub(crate) struct OutputLock {
    /// The destination above, the tag of the process that writes below; 0 if nobody does.
    state: AtomicU64,
    sleepers: Sleepers,
}

/// The right to write a long text, until dropped.
pub(super) struct LongText(&'static OutputLock);

/// The announcement of a short text, until dropped.
pub(super) struct ShortText(&'static AtomicU64);

/// Waits until nobody else writes to where `fd` leads, and has others wait. `None` if there is nobody
/// else, or more destinations than locks: then the text may be torn, but never waits for one that
/// goes elsewhere, which could be for ever.
pub(super) fn begin_long(thread: &ThreadHandle, fd: RawFd) -> Result<Option<LongText>, Pending> {
    let (Some(arena), Some(destination)) = (arena::existing(), destination(fd)) else {
        return Ok(None);
    };
    let tag = my_tag();
    if tag == 0 {
        return Ok(None);
    }
    let lock = &arena.header().output_locks[destination as usize % OUTPUT_LOCKS];
    let mine = destination << 32 | u64::from(tag);
    loop {
        let found = lock.state.load(Ordering::Acquire);
        if found == 0 {
            let taken = lock
                .state
                .compare_exchange(0, mine, Ordering::SeqCst, Ordering::Relaxed);
            if taken.is_err() {
                continue;
            }
            let text = LongText(lock);
            wait_for_short_texts(thread, arena)?;
            return Ok(Some(text));
        }
        if found >> 32 != destination {
            return Ok(None);
        }
        lock.wait(thread, found)?;
    }
}

/// Announces a short text that is about to go to where `fd` leads, when no long one is under way
/// there. To be dropped when it is out, or when there is no room for it.
pub(super) fn begin_short(thread: &ThreadHandle, fd: RawFd) -> Result<Option<ShortText>, Pending> {
    let (Some(arena), Some(id)) = (arena::existing(), slot::current()) else {
        return Ok(None);
    };
    let writing = &slot::slot(arena, id).writing;
    loop {
        // Either this sees the long text's lock, or the long text sees this.
        writing.fetch_add(1, Ordering::SeqCst);
        let announced = ShortText(writing);
        if arena.header().output_locks.iter().all(OutputLock::is_free) {
            return Ok(Some(announced));
        }
        let Some(destination) = destination(fd) else {
            return Ok(Some(announced));
        };
        let lock = &arena.header().output_locks[destination as usize % OUTPUT_LOCKS];
        let found = lock.state.load(Ordering::SeqCst);
        if found == 0 || found >> 32 != destination {
            return Ok(Some(announced));
        }
        drop(announced);
        lock.wait(thread, found)?;
    }
}

impl OutputLock {
    fn is_free(&self) -> bool {
        self.state.load(Ordering::SeqCst) == 0
    }

    /// Waits until the state is no longer the one that was found; takes the lock from the dead.
    fn wait(&self, thread: &ThreadHandle, found: u64) -> Result<(), Pending> {
        let holder = SlotId::from_tag(found as u32);
        if !holder.is_some_and(slot::is_alive) {
            // Fails if another one was faster.
            let _ = self
                .state
                .compare_exchange(found, 0, Ordering::SeqCst, Ordering::Relaxed);
            self.sleepers.wake_all();
            return Ok(());
        }
        let reason = Reason::new(ReasonKind::Write);
        let over = || self.state.load(Ordering::SeqCst) != found;
        match self.sleepers.sleep(thread, &reason, None, over) {
            Outcome::Interrupted(bits) => {
                self.sleepers.pass_on(over);
                Err(bits)
            }
            Outcome::Woken | Outcome::TimedOut => Ok(()),
        }
    }
}

impl Drop for LongText {
    fn drop(&mut self) {
        self.0.state.store(0, Ordering::SeqCst);
        self.0.sleepers.wake_all();
    }
}

impl Drop for ShortText {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Waits until the short texts that were announced before the lock was taken are out. Those of the
/// dead do not count, nor, after a while, those of whoever was stopped in the middle.
fn wait_for_short_texts(thread: &ThreadHandle, arena: &Arena) -> Result<(), Pending> {
    let patience = Deadline::after(PATIENCE);
    for id in slot::occupied(arena, 1, slot::MOST_SLOTS) {
        let writing = &slot::slot(arena, id).writing;
        let mut looks = 0;
        while writing.load(Ordering::SeqCst) != 0 {
            looks += 1;
            if looks < LOOKS {
                std::thread::yield_now();
                continue;
            }
            if patience.has_passed() || !slot::is_alive(id) {
                break;
            }
            sleep_until(thread, Deadline::after(Duration::from_millis(1)))?;
        }
    }
    Ok(())
}

/// Where a descriptor leads, as a number of 32 bits that is never 0. That two destinations have the
/// same is possible, and as good as never.
fn destination(fd: RawFd) -> Option<u64> {
    // SAFETY: all zero is a valid stat.
    let mut status = unsafe { std::mem::zeroed::<libc::stat>() };
    // SAFETY: `status` is a valid place.
    if unsafe { libc::fstat(fd, &mut status) } != 0 {
        return None;
    }
    let mixed = (status.st_dev ^ status.st_ino.rotate_left(20)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Some((mixed >> 32).max(1))
}
