//! Queues of messages between any number of processes and threads, which survive the death of any
//! of them at any instruction.
//!
//! A message is bytes and references to shared objects. A put that returned is in the queue whatever becomes
//! of the putter; a get takes a message at most once: if the getter dies right
//! after, the message is gone with it. Messages of one putter keep their order. It must not know what the bytes mean.

use super::arena::{self, ArenaError, Offset};
use super::blocking::{Outcome, Reason, ReasonKind};
use super::extent;
use super::handle::{self, Handle};
use super::pending::Pending;
use super::shared_object::{Head, Kind};
use super::shared_ring::{self as ring, LONGEST_INLINE, Large, Payload, Record, Ring, Side, State};
use super::shared_spin::Budget;
use super::shared_steps::step;
use super::shared_wait::{Sleepers, Until};
use super::thread::ThreadHandle;
use std::sync::atomic::{AtomicU64, Ordering};

/// A drained queue gives its ring back from this size on. Below, the next burst finds it ready.
const LARGE_RING: u64 = 4 << 20;

/// How much of a ring is made real at a time.
const REAL_STEP: u64 = 256 * 1024;

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

/// What a queue hands over. Kept between calls of [`SharedQueue::get`], it saves an allocation for each.
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

#[repr(C, align(64))]
pub(crate) struct QueueHead {
    head: Head,
    /// 0 is unbounded.
    most: AtomicU64,
    closed: AtomicU64,
    /// The first ring, where the put side came from none.
    start: AtomicU64,
    done: AtomicU64,
    items: Sleepers,
    space: Sleepers,
    all_done: Sleepers,
    _room: AtomicU64,
    put: Side,
    get: Side,
}

const _: () = assert!(size_of::<QueueHead>() == 512);

const OPEN: u64 = 0;
const CLOSED: u64 = 1;

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
            (ReasonKind::QueuePut, &PUT_BUDGET, QueueError::Full),
            is_over,
            || head.put_once(payload),
        );
        if result.is_ok() {
            head.items.wake_one();
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
        (kind, budget, not_yet): (ReasonKind, &Budget, QueueError),
        is_over: impl Fn() -> bool,
        mut attempt: impl FnMut() -> Result<(), QueueError>,
    ) -> Result<(), QueueError> {
        let mut last = until == Until::Now;
        loop {
            match attempt() {
                Err(error) if error == not_yet && !last => {}
                result => return result,
            }
            if budget.spin(&is_over) {
                continue;
            }
            let reason = Reason::new(kind).about(self.handle.object());
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
        let head = self.head();
        message.bytes.clear();
        message.handles.clear();
        let is_over = || head.has_items() || head.is_closed();
        let result = self.repeat(
            thread,
            until,
            &head.items,
            (ReasonKind::QueueGet, &GET_BUDGET, QueueError::Empty),
            is_over,
            || self.get_once(message),
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

    fn get_once(&self, message: &mut Message) -> Result<(), QueueError> {
        loop {
            match self.head().get_once(message, true)? {
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
            while self.get_once(&mut message).is_ok() {
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
        let reason = Reason::new(ReasonKind::QueueJoin).about(self.handle.object());
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

/// What a get came to under the lock.
enum Taken {
    /// The message is in the caller's hands.
    Whole,
    /// It is in an extent that is this process's now.
    Large(Large),
    /// Nothing yet: this process's table needs room for so many handles first.
    NeedsRoom(u64),
}

pub(crate) fn queue_head(object: Offset) -> &'static QueueHead {
    // SAFETY: the head of an object of this kind.
    unsafe { arena::here().at(object) }
}

impl QueueHead {
    /// Once in the life of the memory.
    pub(crate) fn prepare(&self) {
        self.put.prepare();
        self.get.prepare();
    }

    fn lock_put(&self) -> super::shared_mutex::SharedMutexGuard<'_> {
        self.put.lock(|| self.wake_everybody())
    }

    fn lock_get(&self) -> super::shared_mutex::SharedMutexGuard<'_> {
        self.get.lock(|| self.wake_everybody())
    }

    /// Somebody died who may have owed a wake-up.
    #[cold]
    fn wake_everybody(&self) {
        self.items.wake_all();
        self.space.wake_all();
    }

    fn is_bounded(&self) -> bool {
        self.most.load(Ordering::Relaxed) != 0
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire) != OPEN
    }

    /// Never says no if there has been a message all the time.
    fn has_items(&self) -> bool {
        let taken = self.get.look().0.count;
        self.put.look().0.count > taken
    }

    /// Never says no if there has been room all the time.
    fn has_space(&self) -> bool {
        let most = self.most.load(Ordering::Relaxed);
        let put = self.put.look().0.count;
        most == 0 || put.saturating_sub(self.get.look().0.count) < most
    }

    fn is_done(&self) -> bool {
        let done = self.done.load(Ordering::Acquire);
        self.put.look().0.count <= done
    }

    fn length(&self) -> u64 {
        for _ in 0..64 {
            let (put, put_change) = self.put.look();
            let (get, _) = self.get.look();
            // If the put side has not changed, both were valid when the get side was read.
            if self.put.look().1 == put_change {
                return put.count - get.count;
            }
        }
        let _put = self.lock_put();
        let _get = self.lock_get();
        self.put.state().count - self.get.state().count
    }

    fn put_once(&self, payload: Payload<'_>) -> Result<(), QueueError> {
        let size = payload.size();
        let mut spare = Ring::NONE;
        let mut reclaimed = false;
        let result = loop {
            let guard = self.lock_put();
            let state = self.put.state();
            if let Err(error) = self.may_put(state) {
                break Err(error);
            }
            if let Some(start) = self.find_place(state, size) {
                let real = ring::real_end(state.ring, start, size);
                let hollow = real > self.put.real() && state.ring.size() > extent::LARGEST_SMALL;
                if hollow && let Err(error) = self.make_real(state.ring, real) {
                    drop(guard);
                    // Needs the locks of queues, so not under this one.
                    let again = !std::mem::replace(&mut reclaimed, true)
                        && super::shared_sweep::reclaim(arena::here());
                    if again {
                        continue;
                    }
                    break Err(error.into());
                }
                ring::write(state.ring, state.position, start, payload);
                self.commit_put(
                    State {
                        ring: state.ring,
                        position: ring::after(start, payload),
                        count: state.count + 1,
                    },
                    payload,
                    Ring::NONE,
                );
                break Ok(());
            }
            let wanted = (state.ring.size() * 2).max((size + 64) * 2);
            if spare.size() < wanted {
                drop(guard);
                if spare != Ring::NONE {
                    extent::free(spare.extent());
                    spare = Ring::NONE;
                }
                match new_ring(wanted, size) {
                    Ok(ring) => spare = ring,
                    Err(error) => break Err(error.into()),
                }
                continue;
            }
            self.put_into_next(state, spare, payload);
            spare = Ring::NONE;
            break Ok(());
        };
        if spare != Ring::NONE {
            extent::free(spare.extent());
        }
        result
    }

    /// The bound and the close, under the lock.
    #[inline]
    fn may_put(&self, state: State) -> Result<(), QueueError> {
        if self.closed.load(Ordering::Relaxed) != OPEN {
            return Err(QueueError::Closed);
        }
        let most = self.most.load(Ordering::Relaxed);
        if most != 0
            && state.count - self.put.seen().count >= most
            && state.count - self.put.see(&self.get).count >= most
        {
            return Err(QueueError::Full);
        }
        Ok(())
    }

    /// Where a message fits into the put side's ring.
    #[inline]
    fn find_place(&self, state: State, size: u64) -> Option<u64> {
        let fits = |seen: State| {
            // What the get side has not come to yet has been used by nobody else.
            let taken = if seen.ring == state.ring {
                seen.position
            } else {
                0
            };
            ring::place(state.ring, taken, state.position, size)
        };
        fits(self.put.seen()).or_else(|| fits(self.put.see(&self.get)))
    }

    /// Makes more of the put side's ring real, under its lock: only the lock keeps the ring from
    /// being left and freed meanwhile. A step is some 50 µs.
    fn make_real(&self, ring: Ring, needed: u64) -> Result<(), ArenaError> {
        let end = needed.next_multiple_of(REAL_STEP).min(ring.size());
        extent::make_real_now(ring.extent(), self.put.real(), end)?;
        self.put.set_real(end);
        Ok(())
    }

    /// Puts a message into a new ring, to which the get side is led from the old one.
    fn put_into_next(&self, state: State, next: Ring, payload: Payload<'_>) {
        match state.ring {
            Ring::NONE => self.start.store(next.0, Ordering::Release),
            ring => ring::write_link(ring, state.position, next),
        }
        step();
        ring::write(next, 0, 0, payload);
        // The new ring may lie where an old one did that was seen once.
        self.put.forget_seen();
        self.put.set_real(0);
        let state = State {
            ring: next,
            position: ring::after(0, payload),
            count: state.count + 1,
        };
        self.commit_put(state, payload, next);
    }

    #[inline]
    fn commit_put(&self, state: State, payload: Payload<'_>, next: Ring) {
        let large = match payload {
            Payload::Inline(_) => 0,
            Payload::Large(large) => large.extent,
        };
        match (large, next.extent()) {
            (0, 0) => self.put.commit(state),
            (large, next) => self.put.commit_with(state, [large, next], true),
        }
    }

    /// Takes one message, or hands it over in its extent. `adopt` if its references are to be entered.
    fn get_once(&self, message: &mut Message, adopt: bool) -> Result<Taken, QueueError> {
        // Before the look for messages: after a close none is put.
        let closed = self.is_closed();
        let guard = self.lock_get();
        let state = self.get.state();
        if state.count >= self.get.seen().count && state.count >= self.get.see(&self.put).count {
            return Err(match closed {
                true => QueueError::Closed,
                false => QueueError::Empty,
            });
        }
        let State {
            mut ring,
            mut position,
            count,
        } = state;
        let mut left = Ring::NONE;
        let (payload_end, taken) = loop {
            if ring == Ring::NONE {
                ring = Ring(self.start.load(Ordering::Acquire));
                position = 0;
            }
            match ring::read(ring, position) {
                Record::Inline(length) => {
                    ring::copy_out(ring, position, length, &mut message.bytes);
                    let size = (8 + length as u64).next_multiple_of(16);
                    break (position + size, Taken::Whole);
                }
                Record::Large(large) => {
                    let carried = large.start.saturating_sub(8) / 8;
                    if adopt && carried > 0 && !handle::has_room(carried) {
                        return Ok(Taken::NeedsRoom(carried));
                    }
                    break (
                        ring::after(position, Payload::Large(large)),
                        Taken::Large(large),
                    );
                }
                Record::Skip => position = ring::after_skip(ring, position),
                Record::Link(next) => {
                    // A ring that is linked to has a message in it, so at most one is left here.
                    left = ring;
                    ring = next;
                    position = 0;
                }
            }
        };
        let state = State {
            ring,
            position: payload_end,
            count: count + 1,
        };
        let large = match &taken {
            Taken::Large(large) => large.extent,
            _ => 0,
        };
        match (large, left.extent()) {
            (0, 0) => self.get.commit(state),
            (large, left) => self.get.commit_with(state, [large, left], false),
        }
        let drained = ring.size() >= LARGE_RING && state.count >= self.get.seen().count;
        drop(guard);
        if left != Ring::NONE {
            extent::free(left.extent());
        }
        if drained {
            self.give_back_ring();
        }
        Ok(taken)
    }

    /// Gives the ring back if the queue is empty and both sides are in it.
    fn give_back_ring(&self) {
        let put_guard = self.lock_put();
        let get_guard = self.lock_get();
        let (put, get) = (self.put.state(), self.get.state());
        if put.count != get.count || get.ring == Ring::NONE {
            return;
        }
        // The put side may have left it already, and been killed before the get side did.
        if put.ring != Ring::NONE {
            ring::write_link(put.ring, put.position, Ring::NONE);
            self.put.forget_seen();
            self.put.commit(State {
                ring: Ring::NONE,
                position: 0,
                ..put
            });
        }
        let state = State {
            ring: Ring::NONE,
            position: 0,
            ..get
        };
        self.get.commit_with(state, [get.ring.extent(), 0], false);
        drop(get_guard);
        drop(put_guard);
        extent::free(get.ring.extent());
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

/// A ring whose start is real, for a first message of `size` bytes.
#[cold]
fn new_ring(wanted: u64, size: u64) -> Result<Ring, ArenaError> {
    let ring = Ring::reserve(wanted)?;
    let end = ring::real_end(ring, 0, size);
    if let Err(error) = extent::make_real(ring.extent(), 0, end) {
        extent::free(ring.extent());
        return Err(error);
    }
    Ok(ring)
}

/// Decides what the last changes of the dead came to.
pub(super) fn bring_into_order(object: Offset) {
    let head = queue_head(object);
    drop(head.lock_put());
    drop(head.lock_get());
}

/// Frees all that a queue holds. It may have been begun before, by one who died in it.
pub(super) fn take_apart(object: Offset, doomed: &mut Vec<Offset>) {
    let head = queue_head(object);
    bring_into_order(object);
    let mut message = Message::default();
    loop {
        message.bytes.clear();
        match head.get_once(&mut message, false) {
            Ok(Taken::Large(large)) => extent::free_into(large.extent, doomed),
            Ok(Taken::Whole) => {}
            Ok(Taken::NeedsRoom(_)) | Err(_) => break,
        }
    }
    head.give_back_ring();
}
