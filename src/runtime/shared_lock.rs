//! Locks between processes, plain and re-entrant, as scripts hold them: for long, across blocking
//! operations. Whoever asks for a lock whose holder was killed is told so, and who that was.
//!
//! One word: 0, or the tag of the process that holds it, and a bit that says that somebody may
//! sleep. It must not know what the lock protects, nor what a place number means.

use super::arena::{self, ArenaError, Offset};
use super::blocking::{Outcome, Reason, ReasonKind, Wait, blocking_in_slices};
use super::clock::Deadline;
use super::futex;
use super::handle::{self, Handle};
use super::pending::Pending;
use super::shared_object::{Head, Kind};
use super::shared_spin::Budget;
use super::shared_steps::step;
use super::shared_wait::{Until, next_look};
use super::slot::{self, SlotId, my_tag};
use super::thread::{self, ThreadHandle};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// What becomes of a lock whose holder was killed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnOwnerDeath {
    /// The next one to acquire it gets an error, and the lock is free again.
    Error,
    /// The next one to acquire it gets it.
    Release,
}

/// Whether the holder may acquire the lock again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LockStyle {
    /// It may not, and anybody may release it.
    Plain,
    /// It may, and only it may release it.
    Reentrant,
}

/// Who held a lock and is dead.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnerDied {
    /// The name of the process, if it is still known.
    pub name: Option<String>,
    /// Its number, if it is still known.
    pub pid: Option<i32>,
    /// The number of its thread.
    pub thread: u64,
    /// The place that it gave when it acquired the lock.
    pub place: u64,
}

/// Why a lock was not acquired although the time is not over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SharedLockError {
    /// Something is pending for the calling thread.
    Interrupted(Pending),
    /// The holder died.
    OwnerDied(OwnerDied),
}

/// Why a lock was not released.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReleaseError {
    /// Nobody holds it.
    NotHeld,
    /// The calling thread does not hold it.
    NotOwner,
}

/// Who holds a lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LockOwner {
    /// The process; `None` if it ended without releasing it.
    pub process: Option<SlotId>,
    /// The number of its thread.
    pub thread: u64,
    /// How often it was acquired.
    pub count: u64,
    /// The place where it was acquired first.
    pub place: u64,
}

/// What [`SharedLock::release_wholly`] gave up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    count: u64,
    place: u64,
}

/// A lock in shared memory; a handle to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SharedLock {
    handle: Handle,
}

#[repr(C, align(64))]
pub(crate) struct LockHead {
    head: Head,
    word: AtomicU32,
    reentrant: AtomicU32,
    on_owner_death: AtomicU32,
    /// The tag of a holder that ended in good order without releasing.
    former: AtomicU32,
    /// Of the holder; 0 before the word is given free. Only the holder writes.
    thread: AtomicU64,
    count: AtomicU64,
    place: AtomicU64,
    _room: [AtomicU64; 3],
}

const FREE: u32 = 0;
/// Somebody may sleep on the word.
const SLEEPERS: u32 = 1 << 31;
/// In the place of a tag: held by nobody who exists.
const ABANDONED: u32 = SLEEPERS - 1;

static BUDGET: Budget = Budget::new();

impl SharedLock {
    /// A free lock.
    pub fn new(style: LockStyle, on_owner_death: OnOwnerDeath) -> Result<Self, ArenaError> {
        let handle = Handle::create(Kind::Lock, |object| {
            let head = lock_head(object);
            let reentrant = style == LockStyle::Reentrant;
            head.reentrant
                .store(u32::from(reentrant), Ordering::Relaxed);
            let release = on_owner_death == OnOwnerDeath::Release;
            head.on_owner_death
                .store(u32::from(release), Ordering::Relaxed);
            head.former.store(0, Ordering::Relaxed);
            head.thread.store(0, Ordering::Relaxed);
            head.word.store(FREE, Ordering::Release);
            Ok(())
        })?;
        Ok(Self { handle })
    }

    /// The lock that a handle names, if it names one.
    pub fn from_handle(handle: Handle) -> Option<Self> {
        (handle.kind() == Kind::Lock).then_some(Self { handle })
    }

    /// The handle.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Whether the holder may acquire it again.
    pub fn style(&self) -> LockStyle {
        match self.head().reentrant.load(Ordering::Relaxed) {
            0 => LockStyle::Plain,
            _ => LockStyle::Reentrant,
        }
    }

    #[inline]
    fn head(&self) -> &'static LockHead {
        lock_head(self.handle.object())
    }

    /// Acquires the lock if nobody holds it.
    #[inline(always)]
    pub fn acquire_if_free(&self, thread: &ThreadHandle, place: u64) -> bool {
        let head = self.head();
        let taken = head.take(FREE, my_tag());
        if taken {
            head.own(thread, 1, place);
        }
        taken
    }

    /// Acquires the lock; false if it could not be had in time. `place` is kept for whoever asks
    /// who holds it; what it means is the caller's business.
    #[inline]
    pub fn acquire(
        &self,
        thread: &ThreadHandle,
        until: Until,
        place: u64,
    ) -> Result<bool, SharedLockError> {
        if self.acquire_if_free(thread, place) {
            return Ok(true);
        }
        self.acquire_held(thread, until, place)
    }

    /// The same for one who has just found that somebody holds the lock, perhaps itself.
    #[inline]
    pub fn acquire_held(
        &self,
        thread: &ThreadHandle,
        until: Until,
        place: u64,
    ) -> Result<bool, SharedLockError> {
        let head = self.head();
        if head.reentrant.load(Ordering::Relaxed) != 0 && head.is_held_by(thread) {
            let count = head.count.load(Ordering::Relaxed);
            head.count.store(count + 1, Ordering::Relaxed);
            return Ok(true);
        }
        self.acquire_contended(thread, until, place, Pending::ALL)
    }

    #[cold]
    fn acquire_contended(
        &self,
        thread: &ThreadHandle,
        until: Until,
        place: u64,
        interrupts: Pending,
    ) -> Result<bool, SharedLockError> {
        let head = self.head();
        let deadline = until.as_deadline();
        let kind = match self.style() {
            LockStyle::Plain => ReasonKind::Lock,
            LockStyle::Reentrant => ReasonKind::ReentrantLock,
        };
        let reason = Reason::new(kind).about_shared(self.handle.object());
        if until != Until::Now {
            BUDGET.spin(|| head.word.load(Ordering::Relaxed) == FREE);
        }
        // Whoever has slept takes the lock with the bit set: others may sleep as well.
        let mut sleepers = 0;
        let mut over = false;
        loop {
            let found = head.word.load(Ordering::Relaxed);
            if found == FREE {
                if head.take(FREE, my_tag() | sleepers) {
                    head.own(thread, 1, place);
                    return Ok(true);
                }
                continue;
            }
            if self.is_orphaned(found) {
                match self.inherit(thread, found, place) {
                    Some(result) => return result,
                    None => continue,
                }
            }
            if over || until == Until::Now {
                head.leave(sleepers != 0);
                return Ok(false);
            }
            if found & SLEEPERS == 0 && !head.take(found, found | SLEEPERS) {
                continue;
            }
            let wait = Wait::Word {
                word: &head.word,
                expected: found | SLEEPERS,
                shared: true,
            };
            let slice = (deadline, next_look(deadline));
            let outcome = blocking_in_slices(thread, &reason, slice, wait, interrupts);
            sleepers = SLEEPERS;
            match outcome {
                Outcome::Woken => {}
                Outcome::TimedOut => over = deadline.is_some_and(Deadline::has_passed),
                Outcome::Interrupted(bits) => {
                    head.leave(true);
                    return Err(SharedLockError::Interrupted(bits));
                }
            }
        }
    }

    /// Whether the lock is held by one who will never release it.
    fn is_orphaned(&self, found: u32) -> bool {
        match found & !SLEEPERS {
            // Nobody but this thread is left to release what an orderly end left behind.
            ABANDONED => handle::references(self.handle.object()) == 1 && thread::count() <= 1,
            tag => SlotId::from_tag(tag).is_some_and(|holder| !slot::is_alive(holder)),
        }
    }

    /// Takes the lock from the dead; `None` if somebody else did.
    #[cold]
    fn inherit(
        &self,
        thread: &ThreadHandle,
        found: u32,
        place: u64,
    ) -> Option<Result<bool, SharedLockError>> {
        let head = self.head();
        let tag = match found & !SLEEPERS {
            ABANDONED => head.former.load(Ordering::Relaxed),
            tag => tag,
        };
        // The dead do not write, and others only after they took the word: if that fails, this is
        // void.
        let info = SlotId::from_tag(tag).and_then(slot::info);
        let died = OwnerDied {
            name: info.as_ref().map(|info| info.name.clone()),
            pid: info.map(|info| info.pid).filter(|&pid| pid != 0),
            thread: head.thread.load(Ordering::Relaxed),
            place: head.place.load(Ordering::Relaxed),
        };
        // Held for a moment even if it is to be free: nobody is to see the old owner's record.
        if !head.take(found, my_tag() | SLEEPERS) {
            return None;
        }
        head.own(thread, 1, place);
        if head.on_owner_death.load(Ordering::Relaxed) != 0 {
            return Some(Ok(true));
        }
        head.give_free();
        Some(Err(SharedLockError::OwnerDied(died)))
    }

    /// Releases the lock once.
    #[inline]
    pub fn release(&self, thread: &ThreadHandle) -> Result<(), ReleaseError> {
        let head = self.head();
        if head.reentrant.load(Ordering::Relaxed) != 0 {
            if !head.is_held_by(thread) {
                return Err(ReleaseError::NotOwner);
            }
            let count = head.count.load(Ordering::Relaxed);
            if count > 1 {
                head.count.store(count - 1, Ordering::Relaxed);
                return Ok(());
            }
        } else if head.word.load(Ordering::Relaxed) == FREE {
            return Err(ReleaseError::NotHeld);
        }
        match head.give_free() {
            true => Ok(()),
            false => Err(ReleaseError::NotHeld),
        }
    }

    /// Releases the lock however often it was acquired; the calling thread holds it.
    pub(crate) fn release_wholly(&self) -> Held {
        let head = self.head();
        let held = Held {
            count: head.count.load(Ordering::Relaxed),
            place: head.place.load(Ordering::Relaxed),
        };
        head.give_free();
        held
    }

    /// Acquires the lock as it was held before. An interrupt does not keep it from that, save one
    /// that no script can catch.
    pub(crate) fn acquire_again(
        &self,
        thread: &ThreadHandle,
        held: Held,
    ) -> Result<(), SharedLockError> {
        let head = self.head();
        if head.take(FREE, my_tag()) {
            head.own(thread, held.count, held.place);
            return Ok(());
        }
        self.acquire_contended(thread, Until::Forever, held.place, Pending::STOP)?;
        head.count.store(held.count, Ordering::Relaxed);
        Ok(())
    }

    /// Whether anybody holds it.
    pub fn is_locked(&self) -> bool {
        self.head().word.load(Ordering::Relaxed) != FREE
    }

    /// Whether the calling thread holds it. Of a plain lock: whether it acquired it.
    pub fn is_held_by(&self, thread: &ThreadHandle) -> bool {
        self.head().is_held_by(thread)
    }

    /// Who holds it.
    pub fn owner(&self) -> Option<LockOwner> {
        let head = self.head();
        let tag = head.word.load(Ordering::Acquire) & !SLEEPERS;
        (tag != FREE).then(|| LockOwner {
            process: (tag != ABANDONED).then(|| SlotId::from_tag(tag)).flatten(),
            thread: head.thread.load(Ordering::Relaxed),
            count: head.count.load(Ordering::Relaxed),
            place: head.place.load(Ordering::Relaxed),
        })
    }
}

pub(crate) fn lock_head(object: Offset) -> &'static LockHead {
    // SAFETY: the head of an object of this kind.
    unsafe { arena::here().at(object) }
}

/// Who holds a lock: the tag of the process, the number of the thread, and the place.
pub(super) fn holder(object: Offset) -> Option<(u32, u64, u64)> {
    let head = lock_head(object);
    let tag = match head.word.load(Ordering::Acquire) & !SLEEPERS {
        FREE => return None,
        ABANDONED => head.former.load(Ordering::Relaxed),
        tag => tag,
    };
    let thread = head.thread.load(Ordering::Relaxed);
    Some((tag, thread, head.place.load(Ordering::Relaxed)))
}

/// Whether a lock is held so that nobody who waits for it can take it away from its holder.
pub(super) fn is_held_by_the_living(object: Offset) -> bool {
    match lock_head(object).word.load(Ordering::SeqCst) & !SLEEPERS {
        FREE => false,
        ABANDONED => handle::references(object) > 1,
        tag => SlotId::from_tag(tag).is_some_and(slot::is_alive),
    }
}

/// Marks a lock that a process holds as left behind by an orderly end.
pub(super) fn abandon(object: Offset, holder: SlotId) {
    let head = lock_head(object);
    loop {
        let found = head.word.load(Ordering::Acquire);
        if found & !SLEEPERS != holder.tag() {
            return;
        }
        head.former.store(holder.tag(), Ordering::Relaxed);
        if head.take(found, ABANDONED | found & SLEEPERS) {
            futex::wake_all(&head.word, true);
            return;
        }
    }
}

impl LockHead {
    #[inline]
    fn take(&self, found: u32, wanted: u32) -> bool {
        self.word
            .compare_exchange(found, wanted, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    #[inline]
    fn own(&self, thread: &ThreadHandle, count: u64, place: u64) {
        step();
        self.count.store(count, Ordering::Relaxed);
        self.place.store(place, Ordering::Relaxed);
        self.thread.store(thread.id().get(), Ordering::Relaxed);
    }

    /// The record is only this thread's if this thread wrote it: it is cleared before the word is
    /// given free, and processes are told apart by their tags.
    #[inline]
    fn is_held_by(&self, thread: &ThreadHandle) -> bool {
        self.word.load(Ordering::Relaxed) & !SLEEPERS == my_tag()
            && self.thread.load(Ordering::Relaxed) == thread.id().get()
    }

    /// False if it was free.
    #[inline]
    fn give_free(&self) -> bool {
        self.thread.store(0, Ordering::Relaxed);
        step();
        let found = self.word.swap(FREE, Ordering::AcqRel);
        step();
        if found & SLEEPERS != 0 {
            futex::wake(&self.word, 1, true);
        }
        found != FREE
    }

    /// Leaves the wait without the lock. A wake-up may have been for this thread: it goes to the
    /// next one, or whoever holds the lock now is told that somebody may sleep.
    fn leave(&self, slept: bool) {
        if !slept {
            return;
        }
        loop {
            let found = self.word.load(Ordering::Relaxed);
            if found == FREE {
                futex::wake(&self.word, 1, true);
                return;
            }
            if found & SLEEPERS != 0 || self.take(found, found | SLEEPERS) {
                return;
            }
        }
    }
}
