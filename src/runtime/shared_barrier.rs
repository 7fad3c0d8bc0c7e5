//! Barriers between processes: all wait until so many have come. Who dies at the barrier is no
//! longer counted.

use super::arena::{self, ArenaError, Offset};
use super::blocking::{Outcome, Reason, ReasonKind};
use super::handle::Handle;
use super::pending::Pending;
use super::shared_cells::{Cell, Cells, MOST_WAITERS, WAITING};
use super::shared_mutex::SharedMutex;
use super::shared_object::{Head, Kind};
use super::shared_wait::{Sleepers, Until};
use super::slot::{self, SlotId, my_tag};
use super::thread::ThreadHandle;
use std::sync::atomic::{AtomicU64, Ordering};

/// All have come; the last one runs the action.
const FULL: u32 = 2;
/// It is done.
const RELEASED: u32 = 3;
/// The barrier was broken or reset.
const BROKEN: u32 = 4;

/// Why a wait at a barrier failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BarrierError {
    /// The barrier is broken: somebody's time was over, or it was reset or aborted.
    Broken,
    /// More wait than there is room for.
    TooManyWaiters,
    /// Something is pending for the calling thread.
    Interrupted(Pending),
}

/// How one passes a barrier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arrival {
    /// All have come. This is how many came before this thread.
    Released(usize),
    /// This thread was the last; the others wait until it calls [`SharedBarrier::open`]. The number
    /// as above.
    Last(usize),
}

/// A barrier in shared memory; a handle to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SharedBarrier {
    handle: Handle,
}

#[repr(C, align(64))]
pub(crate) struct BarrierHead {
    head: Head,
    mutex: SharedMutex,
    parties: AtomicU64,
    broken: AtomicU64,
    /// The tag of who runs the action, 0 for nobody. The next round waits for the end of that.
    runner: AtomicU64,
    gate: Sleepers,
    cells: Cells,
}

impl SharedBarrier {
    /// A barrier for so many; `None` if that is 0, or more than it has room for.
    pub fn new(parties: usize) -> Result<Option<Self>, ArenaError> {
        if parties == 0 || parties > MOST_WAITERS {
            return Ok(None);
        }
        let handle = Handle::create(Kind::Barrier, |object| {
            let head = barrier_head(object);
            head.cells.reset();
            head.parties.store(parties as u64, Ordering::Relaxed);
            head.broken.store(0, Ordering::Relaxed);
            head.runner.store(0, Ordering::Relaxed);
            Ok(())
        })?;
        Ok(Some(Self { handle }))
    }

    /// The barrier that a handle names, if it names one.
    pub fn from_handle(handle: Handle) -> Option<Self> {
        (handle.kind() == Kind::Barrier).then_some(Self { handle })
    }

    /// The handle.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    fn head(&self) -> &'static BarrierHead {
        barrier_head(self.handle.object())
    }

    /// Waits until all have come. If the time is over before, the barrier is broken for all.
    pub fn wait(&self, thread: &ThreadHandle, until: Until) -> Result<Arrival, BarrierError> {
        self.wait_through(thread, until, &mut |_| false)
    }

    /// The same; `goes_on` serves what interrupts the wait, and says whether it goes on. Until then the
    /// thread counts as one who has come.
    pub fn wait_through(
        &self,
        thread: &ThreadHandle,
        until: Until,
        goes_on: &mut dyn FnMut(Pending) -> bool,
    ) -> Result<Arrival, BarrierError> {
        loop {
            if let Some(arrival) = self.arrive_and_wait(thread, until, goes_on)? {
                return Ok(arrival);
            }
        }
    }

    /// Nothing if this is the child of a fork that happened meanwhile: the place was the parent's.
    fn arrive_and_wait(
        &self,
        thread: &ThreadHandle,
        until: Until,
        goes_on: &mut dyn FnMut(Pending) -> bool,
    ) -> Result<Option<Arrival>, BarrierError> {
        let head = self.head();
        let reason = Reason::new(ReasonKind::Barrier).about_shared(self.handle.object());
        let cell = loop {
            match head.arrive()? {
                Entered::Last(index) => return Ok(Some(Arrival::Last(index))),
                Entered::Waits(cell) => break cell,
                Entered::Gate => {}
            }
            let is_open = || head.running().is_none();
            let outcome = match until {
                Until::Now => Outcome::TimedOut,
                _ => head
                    .gate
                    .sleep(thread, &reason, until.as_deadline(), is_open),
            };
            match outcome {
                Outcome::Woken => {}
                Outcome::TimedOut => {
                    head.break_up(true);
                    return Err(BarrierError::Broken);
                }
                Outcome::Interrupted(bits) if goes_on(bits) => {}
                Outcome::Interrupted(bits) => return Err(BarrierError::Interrupted(bits)),
            }
        };
        loop {
            let state = cell.state();
            match state {
                RELEASED => {
                    let index = cell.ticket.load(Ordering::Relaxed) as usize;
                    cell.leave();
                    return Ok(Some(Arrival::Released(index)));
                }
                BROKEN => {
                    cell.leave();
                    return Err(BarrierError::Broken);
                }
                FULL if head.running().is_none() => {
                    // Who was to open it is dead, or has opened it just now.
                    head.finish(false, true);
                    continue;
                }
                _ => {}
            }
            // Once all have come, only the action is waited for.
            let deadline = match state {
                WAITING => until.as_deadline(),
                _ => None,
            };
            let outcome = match (state, until) {
                (WAITING, Until::Now) => Outcome::TimedOut,
                _ => cell.sleep(thread, &reason, deadline, state),
            };
            match outcome {
                Outcome::Woken => {}
                Outcome::TimedOut => {
                    let _guard = head.mutex.lock(|| {});
                    if cell.state() == WAITING {
                        head.break_up_locked(true);
                    }
                }
                Outcome::Interrupted(bits) => {
                    let goes_on = goes_on(bits);
                    if !cell.is_mine() {
                        if goes_on {
                            return Ok(None);
                        }
                        return Err(BarrierError::Interrupted(bits));
                    }
                    if !goes_on {
                        let _guard = head.mutex.lock(|| {});
                        cell.leave();
                        return Err(BarrierError::Interrupted(bits));
                    }
                }
            }
        }
    }

    /// Lets the others through after [`Arrival::Last`]; or breaks the barrier, if what was to be
    /// done before has failed.
    pub fn open(&self, success: bool) {
        self.head().finish(success, false);
    }

    /// Breaks the barrier for those who wait, and is ready for a new start.
    pub fn reset(&self) {
        self.head().break_up(false);
    }

    /// Breaks the barrier for those who wait and those to come.
    pub fn abort(&self) {
        self.head().break_up(true);
    }

    /// How many must come.
    pub fn parties(&self) -> usize {
        self.head().parties.load(Ordering::Relaxed) as usize
    }

    /// How many wait.
    pub fn waiters(&self) -> usize {
        let head = self.head();
        let _guard = head.mutex.lock(|| {});
        head.cells.drop_dead();
        head.cells.in_state(WAITING).len()
    }

    /// Whether it is broken.
    pub fn is_broken(&self) -> bool {
        self.head().broken.load(Ordering::Acquire) != 0
    }
}

enum Entered {
    Waits(&'static Cell),
    Last(usize),
    /// The round before is not over.
    Gate,
}

impl BarrierHead {
    /// Once in the life of the memory.
    pub(crate) fn prepare(&self) {
        self.mutex.initialize();
    }

    /// Who runs the action, if it lives.
    fn running(&self) -> Option<SlotId> {
        SlotId::from_tag(self.runner.load(Ordering::Acquire) as u32)
            .filter(|&runner| slot::is_alive(runner))
    }

    fn arrive(&'static self) -> Result<Entered, BarrierError> {
        let _guard = self.mutex.lock(|| {});
        if self.broken.load(Ordering::Relaxed) != 0 {
            return Err(BarrierError::Broken);
        }
        if self.running().is_some() {
            return Ok(Entered::Gate);
        }
        self.cells.drop_dead();
        let waiting = self.cells.in_state(WAITING);
        if waiting.len() as u64 + 1 < self.parties.load(Ordering::Relaxed) {
            let cell = self.cells.enter().ok_or(BarrierError::TooManyWaiters)?;
            return Ok(Entered::Waits(cell));
        }
        self.runner.store(u64::from(my_tag()), Ordering::Release);
        let index = waiting.len();
        for (index, cell) in waiting.into_iter().enumerate() {
            cell.ticket.store(index as u64, Ordering::Relaxed);
            cell.change(WAITING, FULL);
        }
        Ok(Entered::Last(index))
    }

    /// Ends a round. `instead` of a dead one: unless it is over already.
    fn finish(&self, success: bool, instead: bool) {
        let _guard = self.mutex.lock(|| {});
        if instead && (self.runner.load(Ordering::Acquire) == 0 || self.running().is_some()) {
            return;
        }
        for cell in self.cells.in_state(FULL) {
            if cell.change(FULL, if success { RELEASED } else { BROKEN }) {
                cell.wake();
            }
        }
        self.runner.store(0, Ordering::Release);
        if !success {
            self.break_up_locked(true);
        }
        self.gate.wake_all();
    }

    fn break_up(&self, for_good: bool) {
        let _guard = self.mutex.lock(|| {});
        self.break_up_locked(for_good);
    }

    fn break_up_locked(&self, for_good: bool) {
        self.broken.store(u64::from(for_good), Ordering::Release);
        for cell in self.cells.in_state(WAITING) {
            if cell.change(WAITING, BROKEN) {
                cell.wake();
            }
        }
        self.gate.wake_all();
    }
}

/// Whether those who wait at a barrier wait for the living, and not for one who died while it let them
/// through, nor for a gate that is open.
pub(super) fn has_no_dead_runner(object: Offset) -> bool {
    let head = barrier_head(object);
    match SlotId::from_tag(head.runner.load(Ordering::SeqCst) as u32) {
        Some(runner) => slot::is_alive(runner),
        None => head.cells.none_in_state(FULL),
    }
}

pub(crate) fn barrier_head(object: Offset) -> &'static BarrierHead {
    // SAFETY: the head of an object of this kind.
    unsafe { arena::here().at(object) }
}
