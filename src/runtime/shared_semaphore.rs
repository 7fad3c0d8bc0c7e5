//! Semaphores between processes, with a bound or without. A unit has no owner, since it may be
//! released by another than took it, except where the caller says so: then it comes back if its
//! owner is killed.

use super::arena::{self, ArenaError, Offset};
use super::blocking::{Outcome, Reason, ReasonKind};
use super::handle::Handle;
use super::pending::Pending;
use super::shared_mutex::{SharedMutex, SharedMutexGuard};
use super::shared_object::{Head, Kind};
use super::shared_spin::Budget;
use super::shared_steps::step;
use super::shared_wait::{Sleepers, Until};
use super::slot::{self, SlotId, my_tag};
use super::thread::ThreadHandle;
use std::sync::atomic::{AtomicU64, Ordering};

/// Owned units that are kept account of; one that is taken beyond that has no owner.
const MOST_OWNED: usize = 110;

/// More would be released than the bound allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReleasedTooOften;

/// A semaphore in shared memory; a handle to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SharedSemaphore {
    handle: Handle,
}

#[repr(C, align(64))]
pub(crate) struct SemaphoreHead {
    head: Head,
    mutex: SharedMutex,
    /// The most there may be; `u64::MAX` without a bound.
    most: AtomicU64,
    sleepers: Sleepers,
    value: AtomicU64,
    /// A change of value and owner that is decided; done again by whoever finds it.
    decided: AtomicU64,
    next_value: AtomicU64,
    next_cell: AtomicU64,
    next_owner: AtomicU64,
    _room: [AtomicU64; 4],
    /// The owners of units: tag below, low half of the thread's number above.
    owners: [AtomicU64; MOST_OWNED],
}

/// In the place of a cell's number.
const NO_CELL: u64 = u64::MAX;

static BUDGET: Budget = Budget::new();

impl SharedSemaphore {
    /// A semaphore of so many units; with a bound, there can never be more.
    pub fn new(value: u64, bounded: bool) -> Result<Self, ArenaError> {
        let handle = Handle::create(Kind::Semaphore, |object| {
            let head = semaphore_head(object);
            let most = if bounded { value } else { u64::MAX };
            head.most.store(most, Ordering::Relaxed);
            for owner in &head.owners {
                owner.store(0, Ordering::Relaxed);
            }
            head.value.store(value, Ordering::Release);
            Ok(())
        })?;
        Ok(Self { handle })
    }

    /// The semaphore that a handle names, if it names one.
    pub fn from_handle(handle: Handle) -> Option<Self> {
        (handle.kind() == Kind::Semaphore).then_some(Self { handle })
    }

    /// The handle.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    fn head(&self) -> &'static SemaphoreHead {
        semaphore_head(self.handle.object())
    }

    /// Takes a unit; false if there was none in time. An `owned` one is to be given back by
    /// [`SharedSemaphore::release_owned`] of the same thread, and comes back by itself if this
    /// process is killed.
    pub fn acquire(
        &self,
        thread: &ThreadHandle,
        until: Until,
        owned: bool,
    ) -> Result<bool, Pending> {
        let head = self.head();
        let has_units = || head.value.load(Ordering::Acquire) > 0;
        let reason = Reason::new(ReasonKind::Semaphore).about_shared(self.handle.object());
        let mut last = until == Until::Now;
        let result = loop {
            if head.take(owned.then(|| owner(thread))) {
                break Ok(true);
            }
            if head.recover_units() {
                continue;
            }
            if last {
                break Ok(false);
            }
            if BUDGET.spin(has_units) {
                continue;
            }
            match head
                .sleepers
                .sleep(thread, &reason, until.as_deadline(), has_units)
            {
                Outcome::Woken => {}
                Outcome::TimedOut => last = true,
                Outcome::Interrupted(bits) => break Err(bits),
            }
        };
        if head.sleepers.may_sleep() {
            head.sleepers.pass_on(has_units);
        }
        result
    }

    /// Gives `count` units.
    pub fn release(&self, count: u64) -> Result<(), ReleasedTooOften> {
        let head = self.head();
        {
            let _guard = head.lock();
            let value = head.value.load(Ordering::Relaxed);
            let next = value.checked_add(count).ok_or(ReleasedTooOften)?;
            if next > head.most.load(Ordering::Relaxed) {
                return Err(ReleasedTooOften);
            }
            head.change(next, NO_CELL, 0);
        }
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        head.sleepers.wake_some(count);
        Ok(())
    }

    /// Gives a unit back that this thread owns; if it has none, as [`SharedSemaphore::release`].
    pub fn release_owned(&self, thread: &ThreadHandle) -> Result<(), ReleasedTooOften> {
        let head = self.head();
        {
            let _guard = head.lock();
            let owner = owner(thread);
            let cell = head
                .owners
                .iter()
                .position(|cell| cell.load(Ordering::Relaxed) == owner);
            let value = head.value.load(Ordering::Relaxed);
            let next = value.checked_add(1).ok_or(ReleasedTooOften)?;
            if next > head.most.load(Ordering::Relaxed) {
                return Err(ReleasedTooOften);
            }
            head.change(next, cell.map_or(NO_CELL, |cell| cell as u64), 0);
        }
        head.sleepers.wake_one();
        Ok(())
    }

    /// How many units there are.
    pub fn value(&self) -> u64 {
        self.head().value.load(Ordering::Acquire)
    }

    /// The bound.
    pub fn most(&self) -> Option<u64> {
        let most = self.head().most.load(Ordering::Relaxed);
        (most != u64::MAX).then_some(most)
    }
}

fn owner(thread: &ThreadHandle) -> u64 {
    u64::from(my_tag()) | thread.id().get() << 32
}

pub(crate) fn semaphore_head(object: Offset) -> &'static SemaphoreHead {
    // SAFETY: the head of an object of this kind.
    unsafe { arena::here().at(object) }
}

/// Whether a semaphore has no unit, and none that would come back from the dead.
pub(super) fn is_used_up(object: Offset) -> bool {
    let head = semaphore_head(object);
    let is_dead =
        |owner: u64| SlotId::from_tag(owner as u32).is_some_and(|owner| !slot::is_alive(owner));
    head.value.load(Ordering::SeqCst) == 0
        && head.decided.load(Ordering::SeqCst) == 0
        && !head
            .owners
            .iter()
            .any(|owner| is_dead(owner.load(Ordering::Relaxed)))
}

impl SemaphoreHead {
    /// Once in the life of the memory.
    pub(crate) fn prepare(&self) {
        self.mutex.initialize();
    }

    fn lock(&self) -> SharedMutexGuard<'_> {
        self.mutex.lock(|| {
            self.carry_out();
            // Whoever died may have owed a wake-up.
            self.sleepers.wake_all();
        })
    }

    /// Changes value and one owner, both or neither; the lock is held.
    fn change(&self, value: u64, cell: u64, owner: u64) {
        self.next_value.store(value, Ordering::Relaxed);
        self.next_cell.store(cell, Ordering::Relaxed);
        self.next_owner.store(owner, Ordering::Relaxed);
        step();
        self.decided.store(1, Ordering::Release);
        step();
        self.carry_out();
    }

    /// Does what is decided. Doing it twice is doing it once.
    fn carry_out(&self) {
        if self.decided.load(Ordering::Acquire) == 0 {
            return;
        }
        let cell = self.next_cell.load(Ordering::Relaxed);
        if let Some(cell) = self.owners.get(cell as usize) {
            cell.store(self.next_owner.load(Ordering::Relaxed), Ordering::Release);
            step();
        }
        self.value
            .store(self.next_value.load(Ordering::Relaxed), Ordering::Release);
        step();
        self.decided.store(0, Ordering::Release);
        step();
    }

    fn take(&self, owner: Option<u64>) -> bool {
        // Without the lock only if no change is half done: its owner may be dead.
        if self.value.load(Ordering::Acquire) == 0 && self.decided.load(Ordering::Acquire) == 0 {
            return false;
        }
        let _guard = self.lock();
        let Some(left) = self.value.load(Ordering::Relaxed).checked_sub(1) else {
            return false;
        };
        let cell = owner.and_then(|_| {
            let free = |cell: &AtomicU64| cell.load(Ordering::Relaxed) == 0;
            self.owners.iter().position(free)
        });
        self.change(
            left,
            cell.map_or(NO_CELL, |cell| cell as u64),
            owner.unwrap_or(0),
        );
        true
    }

    /// Takes back what dead owners had. Returns whether there was any.
    fn recover_units(&self) -> bool {
        let is_dead = |owner: u64| {
            SlotId::from_tag(owner as u32).is_some_and(|process| !slot::is_alive(process))
        };
        let mut found = false;
        for (index, cell) in self.owners.iter().enumerate() {
            // A look without the lock first: mostly there are none.
            if cell.load(Ordering::Relaxed) == 0 || !is_dead(cell.load(Ordering::Relaxed)) {
                continue;
            }
            let _guard = self.lock();
            if is_dead(cell.load(Ordering::Relaxed)) {
                let value = self.value.load(Ordering::Relaxed);
                self.change(value + 1, index as u64, 0);
                found = true;
            }
        }
        found
    }
}
