//! Conditions between the threads of one process. Each waiter has a word of its own, so that
//! `notify` wakes exactly as many as it says, the longest waiting first. Must not know which lock
//! goes with it: the caller releases and acquires that.

use super::blocking::{Outcome, Reason, ReasonKind, Wait, blocking};
use super::clock::Deadline;
use super::fork;
use super::futex;
use super::leaf_lock::LeafLock;
use super::pending::Pending;
use super::thread::{ThreadHandle, ThreadId};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

const WAITING: u32 = 0;
const NOTIFIED: u32 = 1;

/// A place to wait until another thread says that something has changed.
#[derive(Debug, Default)]
pub struct ThreadCondition {
    waiters: LeafLock<VecDeque<Arc<Waiter>>>,
}

#[derive(Debug)]
struct Waiter {
    word: AtomicU32,
    thread: ThreadId,
    /// In which process it began to wait: in the child of a fork no waiter came along.
    generation: u32,
}

/// A thread's place among the waiters; given up when dropped.
#[derive(Debug)]
pub struct Place<'a> {
    condition: &'a ThreadCondition,
    waiter: Arc<Waiter>,
    kind: ReasonKind,
}

impl ThreadCondition {
    /// A condition nobody waits for.
    pub const fn new() -> Self {
        Self {
            waiters: LeafLock::new(VecDeque::new()),
        }
    }

    /// Enters the calling thread among the waiters. To be done while it still holds the lock that
    /// goes with the condition; then it releases the lock, calls [`Place::wait`], and acquires the
    /// lock again.
    pub fn enrol(&self, thread: &ThreadHandle) -> Place<'_> {
        self.enrol_as(thread, ReasonKind::Condition)
    }

    /// The same for what is made of a condition: that is what the thread is said to wait for.
    pub fn enrol_as(&self, thread: &ThreadHandle, kind: ReasonKind) -> Place<'_> {
        let waiter = Arc::new(Waiter {
            word: AtomicU32::new(WAITING),
            thread: thread.id(),
            generation: fork::generation(),
        });
        self.waiters.lock().push_back(waiter.clone());
        Place {
            condition: self,
            waiter,
            kind,
        }
    }

    /// Wakes up to `count` waiters; returns how many.
    pub fn notify(&self, count: usize) -> usize {
        let generation = fork::generation();
        let mut woken = 0;
        while woken < count {
            let Some(waiter) = self.waiters.lock().pop_front() else {
                break;
            };
            if waiter.generation != generation {
                continue;
            }
            waiter.word.store(NOTIFIED, Ordering::Release);
            futex::wake(&waiter.word, 1, false);
            woken += 1;
        }
        woken
    }

    /// Wakes all that wait now; returns how many.
    pub fn notify_all(&self) -> usize {
        let waiting = self.waiters.lock().len();
        self.notify(waiting)
    }

    /// How many wait.
    pub fn count(&self) -> usize {
        let generation = fork::generation();
        let waiters = self.waiters.lock();
        let here = waiters
            .iter()
            .filter(|waiter| waiter.generation == generation);
        here.count()
    }

    /// Who waits, the longest waiting first.
    pub fn waiting(&self) -> Vec<ThreadId> {
        let generation = fork::generation();
        let waiters = self.waiters.lock();
        let here = waiters
            .iter()
            .filter(|waiter| waiter.generation == generation);
        here.map(|waiter| waiter.thread).collect()
    }
}

impl Place<'_> {
    /// Waits to be notified; false if the deadline came first. After an interrupt it may be called
    /// again.
    pub fn wait(&self, thread: &ThreadHandle, deadline: Option<Deadline>) -> Result<bool, Pending> {
        let reason = Reason::new(self.kind).about(std::ptr::from_ref(self.condition) as u64);
        while !self.is_notified() {
            let wait = Wait::Word {
                word: &self.waiter.word,
                expected: WAITING,
                shared: false,
            };
            match blocking(thread, &reason, deadline, wait) {
                Outcome::Woken => {}
                Outcome::TimedOut => return Ok(!self.withdraw()),
                // Notified at the same moment: that counts, the interrupt stays pending.
                Outcome::Interrupted(_) if self.is_notified() => return Ok(true),
                // The place stays: whoever goes on waiting misses no notification.
                Outcome::Interrupted(bits) => return Err(bits),
            }
        }
        Ok(true)
    }

    /// Whether somebody has notified this thread.
    pub fn is_notified(&self) -> bool {
        self.waiter.word.load(Ordering::Acquire) == NOTIFIED
    }

    /// Leaves the waiters; false if this one was taken out already, to be notified.
    fn withdraw(&self) -> bool {
        let mut waiters = self.condition.waiters.lock();
        let place = waiters
            .iter()
            .position(|waiter| Arc::ptr_eq(waiter, &self.waiter));
        let taken = place.and_then(|place| waiters.remove(place));
        drop(waiters);
        taken.is_some()
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !self.is_notified() {
            self.withdraw();
        }
    }
}
