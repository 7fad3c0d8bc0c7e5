//! Events between processes: a flag that can be waited for. Nobody owns it, so nobody's death
//! matters.

use super::arena::{self, ArenaError, Offset};
use super::blocking::{Outcome, Reason, ReasonKind};
use super::handle::Handle;
use super::pending::Pending;
use super::shared_object::{Head, Kind};
use super::shared_spin::Budget;
use super::shared_wait::{Sleepers, Until};
use super::thread::ThreadHandle;
use std::sync::atomic::{AtomicU64, Ordering};

/// An event in shared memory; a handle to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SharedEvent {
    handle: Handle,
}

#[repr(C, align(64))]
pub(crate) struct EventHead {
    head: Head,
    /// How often it was set or cleared; odd is set. So that who is woken knows that it was set,
    /// even if it is not any more.
    changes: AtomicU64,
    sleepers: Sleepers,
    _room: [AtomicU64; 6],
}

static BUDGET: Budget = Budget::new();

impl SharedEvent {
    /// An event that is not set.
    pub fn new() -> Result<Self, ArenaError> {
        let handle = Handle::create(Kind::Event, |object| {
            event_head(object).changes.store(0, Ordering::Release);
            Ok(())
        })?;
        Ok(Self { handle })
    }

    /// The event that a handle names, if it names one.
    pub fn from_handle(handle: Handle) -> Option<Self> {
        (handle.kind() == Kind::Event).then_some(Self { handle })
    }

    /// The handle.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    fn head(&self) -> &'static EventHead {
        event_head(self.handle.object())
    }

    /// Whether it is set.
    pub fn is_set(&self) -> bool {
        self.head().changes.load(Ordering::Acquire) & 1 == 1
    }

    /// Sets it, and wakes all who wait.
    pub fn set(&self) {
        if self.change(0) {
            self.head().sleepers.wake_all();
        }
    }

    /// Clears it.
    pub fn clear(&self) {
        self.change(1);
    }

    /// Turns it round if its lowest bit is `from`.
    fn change(&self, from: u64) -> bool {
        let changes = &self.head().changes;
        let mut found = changes.load(Ordering::Acquire);
        while found & 1 == from {
            match changes.compare_exchange_weak(
                found,
                found + 1,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return true,
                Err(now) => found = now,
            }
        }
        // Whoever set it may have been killed before it woke anybody.
        from == 0
    }

    /// Waits until it is set; false if it was not in time.
    pub fn wait(&self, thread: &ThreadHandle, until: Until) -> Result<bool, Pending> {
        let head = self.head();
        let found = head.changes.load(Ordering::Acquire);
        // Set now, or set meanwhile.
        let is_over = || {
            let now = head.changes.load(Ordering::Acquire);
            now & 1 == 1 || now != found
        };
        let reason = Reason::new(ReasonKind::Event).about_shared(self.handle.object());
        loop {
            if is_over() {
                return Ok(true);
            }
            if until == Until::Now {
                return Ok(false);
            }
            if BUDGET.spin(is_over) {
                return Ok(true);
            }
            match head
                .sleepers
                .sleep(thread, &reason, until.as_deadline(), is_over)
            {
                Outcome::Woken => {}
                Outcome::TimedOut => return Ok(is_over()),
                Outcome::Interrupted(bits) => return Err(bits),
            }
        }
    }
}

/// Whether an event is set.
pub(super) fn is_set(object: Offset) -> bool {
    event_head(object).changes.load(Ordering::SeqCst) & 1 == 1
}

fn event_head(object: Offset) -> &'static EventHead {
    // SAFETY: the head of an object of this kind.
    unsafe { arena::here().at(object) }
}
