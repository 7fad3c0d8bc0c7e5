//! Queues of messages between any number of processes and threads, which survive the death of any
//! of them at any instruction.
//!
//! A message is bytes and references to shared objects. A put that returned is in the queue
//! whatever becomes of the putter; a get takes a message at most once: if the getter dies right
//! after, the message is gone with it. Messages of one putter keep their order. It must not know
//! what the bytes mean.

use super::arena::{ArenaError, Offset};
use super::blocking::{Outcome, Reason, ReasonKind};
use super::child_bell;
use super::extent;
use super::handle::{self, Handle};
use super::pending::Pending;
use super::shared_object::Kind;
use super::shared_queue_sides::{CLOSED, OPEN, QueueHead, Taken, queue_head};
use super::shared_ring::{self as ring, LONGEST_INLINE, Large, Payload};
use super::shared_spin::{Budget, Spinner};
use super::shared_wait::{Sleepers, Until};
use super::thread::ThreadHandle;
use std::sync::atomic::{AtomicU64, Ordering};

/// Why a queue did not do what it was asked to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum QueueError {
    /// No room, and none came in time.
    #[error("queue is full")]
    Full,
    /// No message, and none came in time.
    #[error("queue is empty")]
    Empty,
    /// The queue is closed: nothing more goes in, or nothing more will come out.
    #[error("queue is closed")]
    Closed,
    /// `task_done` was called more often than messages were put.
    #[error("task_done() called too many times")]
    TooManyDone,
    /// Tasks are left and the time is over.
    #[error("tasks are not done")]
    Unfinished,
    /// Something is pending for the calling thread.
    #[error("interrupted")]
    Interrupted(Pending),
    /// There is no memory.
    #[error(transparent)]
    Memory(#[from] ArenaError),
}

/// What a queue hands over. Kept between calls of [`SharedQueue::get`], it saves an allocation for
/// each.
#[derive(Debug, Default)]
pub struct Message {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The objects that the message names.
    pub handles: Vec<Handle>,
}

/// A queue in shared memory; a handle to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SharedQueue {
    handle: Handle,
}

static GET_BUDGET: Budget = Budget::new();
static PUT_BUDGET: Budget = Budget::new();

impl SharedQueue {
    /// A queue for at most so many messages; `None` or 0 for as many as there is memory for.
    pub fn new(most: Option<u64>) -> Result<Self, ArenaError> {
        let handle = Handle::create(Kind::Queue, |object| {
            let head = queue_head(object);
            head.most.store(most.unwrap_or(0), Ordering::Relaxed);
            head.closed.store(OPEN, Ordering::Relaxed);
            head.start.store(0, Ordering::Relaxed);
            head.done.store(0, Ordering::Relaxed);
            let _put = head.lock_put();
            let _get = head.lock_get();
            head.put.reset();
            head.get.reset();
            Ok(())
        })?;
        Ok(Self { handle })
    }

    /// The queue that a handle names, if it names one.
    pub fn from_handle(handle: Handle) -> Option<Self> {
        (handle.kind() == Kind::Queue).then_some(Self { handle })
    }

    /// The handle.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    #[inline]
    fn head(&self) -> &'static QueueHead {
        queue_head(self.handle.object())
    }

    /// Puts a message in. When this returns `Ok`, the message is there for good.
    #[inline]
    pub fn put(
        &self,
        thread: &ThreadHandle,
        bytes: &[u8],
        handles: &[Handle],
        until: Until,
    ) -> Result<(), QueueError> {
        if bytes.len() <= LONGEST_INLINE && handles.is_empty() {
            return self.put_payload(thread, Payload::Inline(bytes), until);
        }
        let large = make_large(bytes, handles)?;
        let result = self.put_payload(thread, Payload::Large(large), until);
        if result.is_err() {
            extent::free(large.extent);
        }
        result
    }

    fn put_payload(
        &self,
        thread: &ThreadHandle,
        payload: Payload<'_>,
        until: Until,
    ) -> Result<(), QueueError> {
        let head = self.head();
        let is_over = || head.has_space() || head.is_closed();
        let result = self.repeat(
            thread,
            until,
            &head.space,
            (ReasonKind::QueuePut, &PUT_BUDGET, None, QueueError::Full),
            is_over,
            || head.put_once(payload),
        );
        if result.is_ok() {
            head.wake_getter();
        }
        if head.is_bounded() && head.space.may_sleep() {
            head.space.pass_on(is_over);
        }
        result
    }

    /// Tries until it works out, or fails otherwise than by `not_yet`, or it is time.
    #[inline]
    fn repeat(
        &self,
        thread: &ThreadHandle,
        until: Until,
        sleepers: &Sleepers,
        (kind, budget, spinner, not_yet): (ReasonKind, &Budget, Option<&Spinner>, QueueError),
        is_over: impl Fn() -> bool,
        mut attempt: impl FnMut() -> Result<(), QueueError>,
    ) -> Result<(), QueueError> {
        let mut last = until == Until::Now;
        loop {
            match attempt() {
                Err(error) if error == not_yet && !last => {}
                result => return result,
            }
            if budget.spin_for(&is_over, spinner) {
                continue;
            }
            let reason = Reason::new(kind).about_shared(self.handle.object());
            match sleepers.sleep(thread, &reason, until.as_deadline(), &is_over) {
                Outcome::Woken => {}
                Outcome::TimedOut => last = true,
                Outcome::Interrupted(bits) => return Err(QueueError::Interrupted(bits)),
            }
        }
    }

    /// Takes the oldest message out, into `message`, whose former content is dropped.
    #[inline]
    pub fn get(
        &self,
        thread: &ThreadHandle,
        message: &mut Message,
        until: Until,
    ) -> Result<(), QueueError> {
        self.get_and_note(thread, message, until, None)
    }

    /// The same, and says in `note`, a word in shared memory, which message it is about to take:
    /// its number in the order of the puts, from 1. It says so before the message is taken, so
    /// whoever finds the note of a dead process knows what went with it: the message of that number,
    /// if [`SharedQueue::taken`] has come to it and no other process has the same note.
    #[inline]
    pub fn get_and_note(
        &self,
        thread: &ThreadHandle,
        message: &mut Message,
        until: Until,
        note: Option<&AtomicU64>,
    ) -> Result<(), QueueError> {
        let head = self.head();
        message.bytes.clear();
        message.handles.clear();
        let is_over = || head.has_items() || head.is_closed();
        let result = self.repeat(
            thread,
            until,
            &head.items,
            (
                ReasonKind::QueueGet,
                &GET_BUDGET,
                Some(&head.spinner),
                QueueError::Empty,
            ),
            is_over,
            || self.get_once(message, note),
        );
        if result.is_ok() && head.is_bounded() {
            head.space.wake_one();
        }
        // One wake-up may have been meant for several, or have come to one who leaves without.
        if head.items.may_sleep() {
            head.items.pass_on(is_over);
        }
        result
    }

    /// As [`SharedQueue::get`], and gives up with [`QueueError::Empty`] as soon as a child of this
    /// process ends: when the bell has rung another number of times than `rung`; and when `is_stirred`,
    /// of which `stirrers` is told.
    pub(crate) fn get_unless_rung(
        &self,
        thread: &ThreadHandle,
        message: &mut Message,
        until: Until,
        rung: u32,
        (stirrers, is_stirred): (&Sleepers, &dyn Fn() -> bool),
    ) -> Result<(), QueueError> {
        let head = self.head();
        message.bytes.clear();
        message.handles.clear();
        let gives_up = || child_bell::count() != rung || is_stirred();
        let is_over = || head.has_items() || head.is_closed() || gives_up();
        let mut last = until == Until::Now;
        let result = loop {
            match self.get_once(message, None) {
                Err(QueueError::Empty) if !last => {}
                result => break result,
            }
            if gives_up() {
                last = true;
                continue;
            }
            if GET_BUDGET.spin_for(is_over, Some(&head.spinner)) {
                continue;
            }
            let reason = Reason::new(ReasonKind::Result).about_shared(self.handle.object());
            let sleepers = [&head.items, child_bell::sleepers(), stirrers];
            match Sleepers::sleep_any(&sleepers, thread, &reason, until.as_deadline(), is_over) {
                Outcome::Woken => {}
                Outcome::TimedOut => last = true,
                Outcome::Interrupted(bits) => break Err(QueueError::Interrupted(bits)),
            }
        };
        if result.is_ok() && head.is_bounded() {
            head.space.wake_one();
        }
        if head.items.may_sleep() {
            head.items.pass_on(|| head.has_items() || head.is_closed());
        }
        result
    }

    fn get_once(&self, message: &mut Message, note: Option<&AtomicU64>) -> Result<(), QueueError> {
        loop {
            match self.head().get_once(message, true, note)? {
                Taken::Whole => return Ok(()),
                Taken::Large(large) => {
                    ring::empty_out(large, &mut message.bytes);
                    let objects = match large.start {
                        0 => Vec::new(),
                        _ => extent::carried_objects(large.extent),
                    };
                    let adopted: Result<Vec<_>, _> =
                        objects.into_iter().map(Handle::adopt).collect();
                    // Only now: until here the extent kept the objects alive.
                    extent::free(large.extent);
                    message.handles = adopted?;
                    return Ok(());
                }
                Taken::NeedsRoom(count) => handle::make_room(count)?,
            }
        }
    }

    /// Waits until one of the queues has a message, or is closed; which one. Somebody else may be
    /// quicker to take it. `None` if there was none in time.
    pub fn wait_any(
        queues: &[&Self],
        thread: &ThreadHandle,
        until: Until,
    ) -> Result<Option<usize>, Pending> {
        let ready = || {
            queues.iter().position(|queue| {
                let head = queue.head();
                head.has_items() || head.is_closed()
            })
        };
        let sleepers: Vec<&Sleepers> = queues.iter().map(|queue| &queue.head().items).collect();
        let reason = Reason::new(ReasonKind::QueueGet);
        let mut last = until == Until::Now;
        let result = loop {
            if let Some(index) = ready() {
                break Ok(Some(index));
            }
            if last {
                break Ok(None);
            }
            let deadline = until.as_deadline();
            let is_over = || ready().is_some();
            match Sleepers::sleep_any(&sleepers, thread, &reason, deadline, is_over) {
                Outcome::Woken => {}
                Outcome::TimedOut => last = true,
                Outcome::Interrupted(bits) => break Err(bits),
            }
        };
        // Nothing was taken: whoever else could take it must not sleep on.
        for queue in queues {
            let head = queue.head();
            head.items.pass_on(|| head.has_items());
        }
        result
    }

    /// How many messages have been taken out so far.
    pub fn taken(&self) -> u64 {
        self.head().taken()
    }

    /// How many messages there are: exact at some moment of this call.
    pub fn len(&self) -> u64 {
        self.head().length()
    }

    /// Whether there is no message: exact at some moment of this call.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there are as many messages as may be: exact at some moment of this call.
    pub fn is_full(&self) -> bool {
        self.most().is_some_and(|most| self.len() >= most)
    }

    /// How many messages there may be; `None` if there is no bound.
    pub fn most(&self) -> Option<u64> {
        let most = self.head().most.load(Ordering::Relaxed);
        (most != 0).then_some(most)
    }

    /// Nothing more can be put in; what is in can still be taken out, unless it is to be dropped.
    pub fn close(&self, drop_messages: bool) {
        let head = self.head();
        {
            let _put = head.lock_put();
            head.closed.store(CLOSED, Ordering::Release);
        }
        if drop_messages {
            let mut message = Message::default();
            while self.get_once(&mut message, None).is_ok() {
                message.bytes.clear();
                message.handles.clear();
                // As if they had been worked on: who waits for them need not wait for ever.
                let _ = self.task_done();
            }
        }
        head.items.wake_all();
        head.space.wake_all();
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.head().is_closed()
    }

    /// Says that the work on one message is done.
    pub fn task_done(&self) -> Result<(), QueueError> {
        let head = self.head();
        let mut done = head.done.load(Ordering::Acquire);
        loop {
            if done >= head.put.look().0.count {
                return Err(QueueError::TooManyDone);
            }
            let next = done + 1;
            match head
                .done
                .compare_exchange_weak(done, next, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => {
                    if head.is_done() {
                        head.all_done.wake_all();
                    }
                    return Ok(());
                }
                Err(now) => done = now,
            }
        }
    }

    /// How many messages were put of which nobody said that they are done.
    pub fn unfinished(&self) -> u64 {
        let head = self.head();
        let done = head.done.load(Ordering::Acquire);
        head.put.look().0.count.saturating_sub(done)
    }

    /// Waits until every message that was put is done.
    pub fn join(&self, thread: &ThreadHandle, until: Until) -> Result<(), QueueError> {
        let head = self.head();
        let reason = Reason::new(ReasonKind::QueueJoin).about_shared(self.handle.object());
        loop {
            if head.is_done() {
                return Ok(());
            }
            if until == Until::Now {
                return Err(QueueError::Unfinished);
            }
            let is_over = || head.is_done();
            match head
                .all_done
                .sleep(thread, &reason, until.as_deadline(), is_over)
            {
                Outcome::Woken => {}
                Outcome::TimedOut if head.is_done() => {}
                Outcome::TimedOut => return Err(QueueError::Unfinished),
                // Whoever is done wakes all, so nothing is passed on.
                Outcome::Interrupted(bits) => return Err(QueueError::Interrupted(bits)),
            }
        }
    }
}

/// An extent with a message in it, which belongs to this process.
#[cold]
fn make_large(bytes: &[u8], handles: &[Handle]) -> Result<Large, ArenaError> {
    let length = bytes.len() as u64;
    let large = if handles.is_empty() {
        Large {
            extent: extent::allocate(length)?,
            start: 0,
            length,
        }
    } else {
        let objects: Vec<Offset> = handles.iter().map(Handle::object).collect();
        Large {
            extent: extent::allocate_carrying(&objects, length)?,
            start: extent::carried_size(objects.len() as u64),
            length,
        }
    };
    ring::fill(large, bytes);
    Ok(large)
}
