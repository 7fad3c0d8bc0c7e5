//! A lock between the threads of one process, as scripts hold it: for long, across blocking
//! operations, and perhaps released by another thread than took it. Must not know what it protects.
//!
//! Uncontended it costs one compare-and-swap; while the process has one thread, a load and a store.

use super::blocking::{Outcome, Reason, ReasonKind, Wait, blocking_unless};
use super::clock::Deadline;
use super::fork;
use super::futex;
use super::pending::Pending;
use super::thread::{self, ThreadHandle, ThreadId};
use super::world;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

const FREE: u32 = 0;
const HELD: u32 = 1;
/// Held, and somebody may sleep on the word.
const CONTENDED: u32 = 2;

/// How often a waiter looks before it sleeps, where another processor may be about to release:
/// a few microseconds, a tenth of what a sleep and a wake-up cost.
const LOOKS: u32 = 100;

/// Why a lock was not acquired although the deadline did not pass.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LockError {
    /// Something is pending for the calling thread.
    Interrupted(Pending),
    /// This thread holds the lock and does not exist in this process: it was left behind by a fork,
    /// so nobody will release it.
    OwnerGone(GoneOwner),
}

/// A thread that holds a lock and was left behind by a fork.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GoneOwner {
    /// Its name.
    pub name: Arc<str>,
    /// Where in the script it took the lock, as a number; 0 if that is not known.
    pub place: u64,
}

/// A lock between threads.
#[derive(Debug, Default)]
pub struct ThreadLock {
    word: AtomicU32,
    /// The number of the thread that acquired it, 0 for none. Written right after the word, with no
    /// safepoint in between, so at the instant of a fork the two agree.
    owner: AtomicU64,
    /// Where in the script it was acquired, for whoever asks why it is not free. Means nothing while it
    /// is.
    place: AtomicU64,
}

impl ThreadLock {
    /// A free lock.
    pub const fn new() -> Self {
        Self {
            word: AtomicU32::new(FREE),
            owner: AtomicU64::new(0),
            place: AtomicU64::new(0),
        }
    }

    /// Acquires the lock if it is free.
    #[inline]
    pub fn try_acquire(&self, thread: &ThreadHandle) -> bool {
        self.try_acquire_at(thread, 0)
    }

    /// The same, and keeps the place in the script.
    #[inline]
    pub fn try_acquire_at(&self, thread: &ThreadHandle, place: u64) -> bool {
        let free = if world::is_shared() {
            self.word
                .compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
        } else {
            let free = self.word.load(Ordering::Relaxed) == FREE;
            if free {
                self.word.store(HELD, Ordering::Relaxed);
            }
            free
        };
        if free {
            self.own(thread, place);
        }
        free
    }

    #[inline]
    fn own(&self, thread: &ThreadHandle, place: u64) {
        self.owner.store(thread.id().get(), Ordering::Relaxed);
        self.place.store(place, Ordering::Relaxed);
    }

    /// Acquires the lock if it is free, for nobody: the caller releases it before its next safepoint.
    pub fn try_hold(&self) -> bool {
        self.word
            .compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Acquires the lock; false if the deadline came first.
    #[inline]
    pub fn acquire(
        &self,
        thread: &ThreadHandle,
        deadline: Option<Deadline>,
    ) -> Result<bool, LockError> {
        self.acquire_at(thread, deadline, 0)
    }

    /// The same, and keeps the place in the script.
    #[inline]
    pub fn acquire_at(
        &self,
        thread: &ThreadHandle,
        deadline: Option<Deadline>,
        place: u64,
    ) -> Result<bool, LockError> {
        if self.try_acquire_at(thread, place) {
            return Ok(true);
        }
        self.acquire_contended(thread, deadline, ReasonKind::Lock, Pending::ALL, place)
    }

    #[cold]
    pub(super) fn acquire_contended(
        &self,
        thread: &ThreadHandle,
        deadline: Option<Deadline>,
        kind: ReasonKind,
        interrupts: Pending,
        place: u64,
    ) -> Result<bool, LockError> {
        if self.acquire_spinning(thread, place) {
            return Ok(true);
        }
        let reason = Reason::new(kind)
            .about(std::ptr::from_ref(self) as u64)
            .held(&self.owner, &self.place);
        loop {
            // Whoever has slept takes the lock as contended: others may sleep as well.
            if self.word.swap(CONTENDED, Ordering::Acquire) == FREE {
                self.own(thread, place);
                return Ok(true);
            }
            if let Some(gone) = self.vanished_owner() {
                return Err(LockError::OwnerGone(gone));
            }
            let wait = Wait::Word {
                word: &self.word,
                expected: CONTENDED,
                shared: false,
            };
            match blocking_unless(thread, &reason, deadline, wait, interrupts) {
                Outcome::Woken => {}
                Outcome::TimedOut => {
                    self.leave();
                    return Ok(false);
                }
                Outcome::Interrupted(bits) => {
                    self.leave();
                    return Err(LockError::Interrupted(bits));
                }
            }
        }
    }

    fn acquire_spinning(&self, thread: &ThreadHandle, place: u64) -> bool {
        if !another_processor() {
            return false;
        }
        for _ in 0..LOOKS {
            match self.word.load(Ordering::Relaxed) {
                FREE if self.try_acquire_at(thread, place) => return true,
                // Others sleep already: the holder is slow.
                CONTENDED => return false,
                _ => std::hint::spin_loop(),
            }
        }
        false
    }

    /// Leaves the wait without the lock. The wake-up may have been for this thread: then it goes to
    /// the next one.
    fn leave(&self) {
        if self.word.load(Ordering::SeqCst) != CONTENDED {
            futex::wake(&self.word, 1, false);
        }
    }

    /// Releases the lock, whoever holds it; false if nobody does.
    #[inline]
    pub fn release(&self) -> bool {
        if self.word.load(Ordering::Relaxed) == FREE {
            return false;
        }
        self.owner.store(0, Ordering::Relaxed);
        if !world::is_shared() {
            self.word.store(FREE, Ordering::Relaxed);
            return true;
        }
        match self.word.swap(FREE, Ordering::Release) {
            CONTENDED => {
                futex::wake(&self.word, 1, false);
                true
            }
            before => before == HELD,
        }
    }

    /// Whether anybody holds it.
    #[inline]
    pub fn is_locked(&self) -> bool {
        self.word.load(Ordering::Relaxed) != FREE
    }

    /// Who acquired it, if it is held.
    pub fn owner(&self) -> Option<ThreadId> {
        ThreadId::from_number(self.owner.load(Ordering::Relaxed))
    }

    /// Makes it free whatever it was: for locks of which a fork left the holder behind.
    pub fn reset(&self) {
        self.release();
    }

    /// Makes `thread` the holder if a fork left the holder behind: for locks whose contents are whole
    /// wherever a fork can come. Of several threads that try, one succeeds.
    pub fn take_over(&self, thread: &ThreadHandle) -> bool {
        let Some(owner) = self.owner() else {
            return false;
        };
        thread::vanished_name(owner).is_some()
            && self
                .owner
                .compare_exchange(
                    owner.get(),
                    thread.id().get(),
                    Ordering::Acquire,
                    Ordering::Relaxed,
                )
                .is_ok()
    }

    /// The holder if a fork left it behind.
    pub fn vanished_owner(&self) -> Option<GoneOwner> {
        if fork::generation() == 0 {
            return None;
        }
        let name = self.owner().and_then(thread::vanished_name)?;
        // Written by the holder before the fork, which no thread meets between two safepoints.
        let place = self.place.load(Ordering::Relaxed);
        Some(GoneOwner { name, place })
    }
}

/// Whether this process may run on more than one processor, so that waiting awake can help.
pub fn another_processor() -> bool {
    // Completed by whoever asks first; its closure reaches no safepoint, so no fork meets it half-way.
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| std::thread::available_parallelism().is_ok_and(|count| count.get() > 1))
}

/// A lock that its holder may acquire again.
#[derive(Debug, Default)]
pub struct ThreadReentrantLock {
    lock: ThreadLock,
    /// How often the holder acquired it. Only the holder writes it.
    count: AtomicU64,
}

impl ThreadReentrantLock {
    /// A free lock.
    pub const fn new() -> Self {
        Self {
            lock: ThreadLock::new(),
            count: AtomicU64::new(0),
        }
    }

    /// Whether `thread` holds it.
    #[inline]
    pub fn is_owned_by(&self, thread: &ThreadHandle) -> bool {
        // Only the thread itself makes this true or false for itself.
        self.lock.owner.load(Ordering::Relaxed) == thread.id().get()
    }

    /// Acquires the lock if it is free or held by `thread`.
    #[inline]
    pub fn try_acquire(&self, thread: &ThreadHandle) -> bool {
        self.try_acquire_at(thread, 0)
    }

    /// The same, and keeps the place in the script where it was free.
    #[inline]
    pub fn try_acquire_at(&self, thread: &ThreadHandle, place: u64) -> bool {
        self.is_owned_by(thread) && self.add(1)
            || self.lock.try_acquire_at(thread, place) && self.set(1)
    }

    /// Acquires the lock; false if the deadline came first.
    #[inline]
    pub fn acquire(
        &self,
        thread: &ThreadHandle,
        deadline: Option<Deadline>,
    ) -> Result<bool, LockError> {
        self.acquire_at(thread, deadline, 0)
    }

    /// The same, and keeps the place in the script.
    #[inline]
    pub fn acquire_at(
        &self,
        thread: &ThreadHandle,
        deadline: Option<Deadline>,
        place: u64,
    ) -> Result<bool, LockError> {
        if self.try_acquire_at(thread, place) {
            return Ok(true);
        }
        let kind = ReasonKind::ReentrantLock;
        let acquired = self
            .lock
            .acquire_contended(thread, deadline, kind, Pending::ALL, place)?;
        Ok(acquired && self.set(1))
    }

    /// Takes back one acquisition; false if `thread` does not hold the lock.
    #[inline]
    pub fn release(&self, thread: &ThreadHandle) -> bool {
        if !self.is_owned_by(thread) {
            return false;
        }
        let count = self.count();
        if count > 1 {
            self.set(count - 1)
        } else {
            self.set(0) && self.lock.release()
        }
    }

    /// Takes back all acquisitions of `thread` and returns their number; `None` if it holds none.
    pub fn release_all(&self, thread: &ThreadHandle) -> Option<u64> {
        if !self.is_owned_by(thread) {
            return None;
        }
        let count = self.count();
        self.set(0);
        self.lock.release();
        Some(count)
    }

    /// Acquires the lock as often as [`ThreadReentrantLock::release_all`] took back. Only a stop can
    /// interrupt it.
    pub fn restore(&self, thread: &ThreadHandle, count: u64) -> Result<(), LockError> {
        self.lock.reacquire(thread, ReasonKind::ReentrantLock)?;
        self.set(count);
        Ok(())
    }

    /// The same whatever is pending; false if the deadline came first.
    pub fn restore_until(&self, thread: &ThreadHandle, count: u64, deadline: Deadline) -> bool {
        self.lock.reacquire_until(thread, deadline) && self.set(count)
    }

    /// How often it is held; 0 if it is free.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Who holds it.
    pub fn owner(&self) -> Option<ThreadId> {
        self.lock.owner()
    }

    /// Makes it free whatever it was.
    pub fn reset(&self) {
        self.set(0);
        self.lock.reset();
    }

    fn set(&self, count: u64) -> bool {
        self.count.store(count, Ordering::Relaxed);
        true
    }

    fn add(&self, more: u64) -> bool {
        self.set(self.count() + more)
    }
}

impl ThreadLock {
    /// Acquires the lock, whatever is pending, or gives up at the deadline: for a thread that is being
    /// stopped and should leave the lock as whoever unwinds expects it.
    pub fn reacquire_until(&self, thread: &ThreadHandle, deadline: Deadline) -> bool {
        self.try_acquire(thread)
            || self
                .acquire_contended(
                    thread,
                    Some(deadline),
                    ReasonKind::Lock,
                    Pending::NONE,
                    thread.place(),
                )
                .unwrap_or(false)
    }

    /// Acquires the lock where the caller must have it before it can go on: only a stop that scripts
    /// cannot catch interrupts that.
    pub fn reacquire(&self, thread: &ThreadHandle, kind: ReasonKind) -> Result<(), LockError> {
        if self.try_acquire_at(thread, thread.place()) {
            return Ok(());
        }
        self.acquire_contended(thread, None, kind, Pending::STOP, thread.place())
            .map(drop)
    }
}
