//! Who waits for one and the same thing, one by one and in order, so that they can be woken one by
//! one and the dead among them be passed over. For conditions and barriers; it must not know what
//! is waited for.

use super::blocking::{Outcome, Reason, Wait, blocking_in_slices};
use super::clock::Deadline;
use super::futex;
use super::pending::Pending;
use super::shared_steps::step;
use super::shared_wait::next_look;
use super::slot::{self, SlotId, my_tag};
use super::thread::ThreadHandle;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// The most who can wait at once; with them an object takes 4 KiB.
pub const MOST_WAITERS: usize = 240;

/// Nobody's.
pub(crate) const FREE: u32 = 0;
/// Its owner waits. The values above are the business of whoever wakes.
pub(crate) const WAITING: u32 = 1;

/// One who waits. All but the release of a cell by its owner happens under the object's mutex, and
/// each is one store.
#[repr(C)]
pub(crate) struct Cell {
    state: AtomicU32,
    tag: AtomicU32,
    /// Orders the waiters; afterwards what the waker has to say.
    pub(crate) ticket: AtomicU64,
}

#[repr(C)]
pub(crate) struct Cells {
    next: AtomicU64,
    cells: [Cell; MOST_WAITERS],
}

impl Cells {
    /// As in a new object.
    pub(crate) fn reset(&self) {
        for cell in &self.cells {
            cell.state.store(FREE, Ordering::Relaxed);
        }
    }

    /// A cell for the calling thread, behind all others; `None` if there is none. The mutex is
    /// held.
    pub(crate) fn enter(&self) -> Option<&Cell> {
        let free = || {
            self.cells
                .iter()
                .find(|cell| cell.state.load(Ordering::Acquire) == FREE)
        };
        let cell = free().or_else(|| {
            self.drop_dead();
            free()
        })?;
        cell.tag.store(my_tag(), Ordering::Relaxed);
        cell.ticket
            .store(self.next.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        step();
        cell.state.store(WAITING, Ordering::Release);
        step();
        Some(cell)
    }

    /// Forgets those who died. The mutex is held.
    pub(crate) fn drop_dead(&self) {
        for cell in &self.cells {
            if cell.state.load(Ordering::Acquire) != FREE && !cell.is_alive() {
                cell.state.store(FREE, Ordering::Release);
                step();
            }
        }
    }

    /// Whether nobody is in a state.
    pub(crate) fn none_in_state(&self, state: u32) -> bool {
        let mut states = self.cells.iter();
        !states.any(|cell| cell.state.load(Ordering::SeqCst) == state)
    }

    /// Those in a state, oldest first. The mutex is held.
    pub(crate) fn in_state(&self, state: u32) -> Vec<&Cell> {
        let mut found: Vec<_> = self
            .cells
            .iter()
            .filter(|cell| cell.state.load(Ordering::Acquire) == state)
            .collect();
        found.sort_by_key(|cell| cell.ticket.load(Ordering::Relaxed));
        found
    }
}

impl Cell {
    pub(crate) fn state(&self) -> u32 {
        self.state.load(Ordering::Acquire)
    }

    pub(crate) fn is_alive(&self) -> bool {
        SlotId::from_tag(self.tag.load(Ordering::Relaxed)).is_some_and(slot::is_alive)
    }

    /// Whether this process waits in it: not the parent, in whose name the child of a fork began to wait.
    pub(crate) fn is_mine(&self) -> bool {
        self.tag.load(Ordering::Relaxed) == my_tag()
    }

    /// Changes the state, unless its owner has just left. The mutex is held.
    pub(crate) fn change(&self, from: u32, to: u32) -> bool {
        let changed = self
            .state
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok();
        step();
        changed
    }

    /// Wakes the owner, after a change.
    pub(crate) fn wake(&self) {
        futex::wake(&self.state, 1, true);
    }

    /// Gives the own cell back; returns the state that it was in.
    pub(crate) fn leave(&self) -> u32 {
        self.state.swap(FREE, Ordering::AcqRel)
    }

    /// Sleeps once while the state is `state`. `TimedOut` is only said of the deadline.
    pub(crate) fn sleep(
        &self,
        thread: &ThreadHandle,
        reason: &Reason,
        deadline: Option<Deadline>,
        state: u32,
    ) -> Outcome {
        let wait = Wait::Word {
            word: &self.state,
            expected: state,
            shared: true,
        };
        let slice = (deadline, next_look(deadline));
        match blocking_in_slices(thread, reason, slice, wait, Pending::ALL) {
            Outcome::TimedOut if !deadline.is_some_and(Deadline::has_passed) => Outcome::Woken,
            outcome => outcome,
        }
    }
}
