//! Conditions between processes: wait for a notice with a lock given up meanwhile. Waiters are
//! woken in the order in which they came; the dead among them are passed over.

use super::arena::{self, ArenaError, Offset};
use super::blocking::{Outcome, Reason, ReasonKind};
use super::handle::{self, Handle};
use super::pending::Pending;
use super::shared_cells::{Cells, FREE, WAITING};
use super::shared_lock::{OwnerDied, SharedLock, SharedLockError};
use super::shared_mutex::SharedMutex;
use super::shared_object::{Head, Kind};
use super::shared_wait::Until;
use super::thread::ThreadHandle;
use std::sync::atomic::{AtomicU64, Ordering};

const NOTIFIED: u32 = 2;

/// Why a wait for a condition, or a notice, failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConditionError {
    /// The calling thread does not hold the lock.
    NotOwner,
    /// More wait than a condition has room for.
    TooManyWaiters,
    /// Something is pending for the calling thread. The lock is held again.
    Interrupted(Pending),
    /// The lock could not be acquired again because a stop is pending that no script can catch.
    Stopped(Pending),
    /// The lock could not be acquired again: its holder died.
    OwnerDied(OwnerDied),
}

/// A condition in shared memory, with its lock; a handle to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SharedCondition {
    handle: Handle,
    lock: SharedLock,
}

#[repr(C, align(64))]
pub(crate) struct ConditionHead {
    head: Head,
    mutex: SharedMutex,
    /// The lock, which the condition keeps alive.
    lock: AtomicU64,
    cells: Cells,
}

impl SharedCondition {
    /// A condition with its lock.
    pub fn new(lock: SharedLock) -> Result<Self, ArenaError> {
        let handle = Handle::create(Kind::Condition, |object| {
            let head = condition_head(object);
            head.cells.reset();
            handle::attach(&head.lock, lock.handle());
            Ok(())
        })?;
        Ok(Self { handle, lock })
    }

    /// The condition that a handle names, if it names one.
    pub fn from_handle(handle: Handle) -> Result<Option<Self>, ArenaError> {
        if handle.kind() != Kind::Condition {
            return Ok(None);
        }
        let lock = condition_head(handle.object()).lock.load(Ordering::Acquire);
        let lock = SharedLock::from_handle(Handle::adopt(lock)?);
        Ok(lock.map(|lock| Self { handle, lock }))
    }

    /// The handle.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Its lock.
    pub fn lock(&self) -> &SharedLock {
        &self.lock
    }

    fn head(&self) -> &'static ConditionHead {
        condition_head(self.handle.object())
    }

    /// Gives the lock up, waits for a notice, and acquires the lock again. False if none came in
    /// time.
    pub fn wait(&self, thread: &ThreadHandle, until: Until) -> Result<bool, ConditionError> {
        self.wait_through(thread, until, &mut |_| false)
    }

    /// The same; `goes_on` serves what interrupts the wait, and says whether it goes on. Until then the
    /// thread keeps its place among those who wait, so no notice is lost meanwhile, and the lock stays
    /// given up.
    pub fn wait_through(
        &self,
        thread: &ThreadHandle,
        until: Until,
        goes_on: &mut dyn FnMut(Pending) -> bool,
    ) -> Result<bool, ConditionError> {
        let head = self.head();
        if !self.lock.is_held_by(thread) {
            return Err(ConditionError::NotOwner);
        }
        let enter = || {
            let _guard = head.mutex.lock(|| {});
            head.cells.enter().ok_or(ConditionError::TooManyWaiters)
        };
        let mut cell = enter()?;
        let held = self.lock.release_wholly();
        let reason = Reason::new(ReasonKind::Condition).about_shared(self.handle.object());
        let mut interrupted = None;
        while cell.state() == WAITING && until != Until::Now {
            match cell.sleep(thread, &reason, until.as_deadline(), WAITING) {
                Outcome::Woken => {}
                Outcome::TimedOut => break,
                Outcome::Interrupted(bits) => {
                    let goes_on = goes_on(bits);
                    if !cell.is_mine() {
                        // This is a child that was forked meanwhile: the place is the parent's.
                        cell = enter()?;
                    }
                    if !goes_on {
                        interrupted = Some(bits);
                        break;
                    }
                }
            }
        }
        let notified = cell.leave() == NOTIFIED;
        if notified && interrupted.is_some() {
            // The notice was for one who makes use of it.
            self.wake(1);
        }
        match self.lock.acquire_again(thread, held) {
            Ok(()) => {}
            Err(SharedLockError::Interrupted(bits)) => return Err(ConditionError::Stopped(bits)),
            Err(SharedLockError::OwnerDied(died)) => return Err(ConditionError::OwnerDied(died)),
        }
        match interrupted {
            Some(bits) => Err(ConditionError::Interrupted(bits)),
            None => Ok(notified),
        }
    }

    /// Wakes the `count` who have waited longest. The calling thread holds the lock.
    pub fn notify(&self, thread: &ThreadHandle, count: usize) -> Result<(), ConditionError> {
        if !self.lock.is_held_by(thread) {
            return Err(ConditionError::NotOwner);
        }
        self.wake(count);
        Ok(())
    }

    /// Wakes all who wait. The calling thread holds the lock.
    pub fn notify_all(&self, thread: &ThreadHandle) -> Result<(), ConditionError> {
        self.notify(thread, usize::MAX)
    }

    /// How many wait.
    pub fn waiters(&self) -> usize {
        let head = self.head();
        let _guard = head.mutex.lock(|| {});
        head.cells.drop_dead();
        head.cells.in_state(WAITING).len()
    }

    fn wake(&self, count: usize) {
        let head = self.head();
        let mut woken = Vec::new();
        {
            let _guard = head.mutex.lock(|| {});
            for cell in head.cells.in_state(WAITING) {
                if woken.len() == count {
                    break;
                }
                if !cell.is_alive() {
                    cell.change(WAITING, FREE);
                } else if cell.change(WAITING, NOTIFIED) {
                    woken.push(cell);
                }
            }
        }
        for cell in woken {
            cell.wake();
        }
    }
}

/// The lock that goes with a condition.
pub(super) fn lock_of(object: Offset) -> Offset {
    condition_head(object).lock.load(Ordering::SeqCst)
}

pub(crate) fn condition_head(object: Offset) -> &'static ConditionHead {
    // SAFETY: the head of an object of this kind.
    unsafe { arena::here().at(object) }
}

impl ConditionHead {
    /// Once in the life of the memory.
    pub(crate) fn prepare(&self) {
        self.mutex.initialize();
    }
}

/// Gives the lock up.
pub(super) fn take_apart(object: Offset, doomed: &mut Vec<Offset>) {
    handle::detach(&condition_head(object).lock, doomed);
}
