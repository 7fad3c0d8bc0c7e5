//! What happens to a queue under its locks: one put, one get, the way from ring to ring, and what
//! is left of a change whose maker died. Never waits; that is the business of `shared_queue`.

use super::arena::{self, ArenaError, Offset};
use super::extent;
use super::handle;
use super::shared_mutex::SharedMutexGuard;
use super::shared_object::Head;
use super::shared_queue::{Message, QueueError};
use super::shared_ring::{self as ring, Large, Payload, Record, Ring, Side, State};
use super::shared_spin::Spinner;
use super::shared_steps::step;
use super::shared_sweep;
use super::shared_wait::Sleepers;
use std::sync::atomic::{AtomicU64, Ordering};

/// A drained queue gives its ring back from this size on. Below, the next burst finds it ready.
const LARGE_RING: u64 = 4 << 20;

/// How much of a ring is made real at a time.
const REAL_STEP: u64 = 256 * 1024;

#[repr(C, align(64))]
pub(crate) struct QueueHead {
    head: Head,
    /// 0 is unbounded.
    pub(super) most: AtomicU64,
    pub(super) closed: AtomicU64,
    /// The first ring, where the put side came from none.
    pub(super) start: AtomicU64,
    pub(super) done: AtomicU64,
    pub(super) items: Sleepers,
    pub(super) space: Sleepers,
    pub(super) all_done: Sleepers,
    /// Who waits awake for a message, if anyone does.
    pub(super) spinner: Spinner,
    pub(super) put: Side,
    pub(super) get: Side,
}

const _: () = assert!(size_of::<QueueHead>() == 512);

pub(super) const OPEN: u64 = 0;
pub(super) const CLOSED: u64 = 1;

/// What a get came to under the lock.
pub(super) enum Taken {
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

    pub(super) fn lock_put(&self) -> SharedMutexGuard<'_> {
        self.put.lock(|| self.wake_everybody())
    }

    pub(super) fn lock_get(&self) -> SharedMutexGuard<'_> {
        self.get.lock(|| self.wake_everybody())
    }

    /// Somebody died who may have owed a wake-up.
    #[cold]
    fn wake_everybody(&self) {
        self.items.wake_all();
        self.space.wake_all();
    }

    /// After a put: wakes one who sleeps for a message, unless somebody waits for it awake. Whoever
    /// takes it looks whether there is another, and passes that on to the sleepers.
    #[inline]
    pub(super) fn wake_getter(&self) {
        if !self.spinner.is_awake() {
            self.items.wake_one();
        }
    }

    pub(super) fn is_bounded(&self) -> bool {
        self.most.load(Ordering::Relaxed) != 0
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire) != OPEN
    }

    /// Never says no if there has been a message all the time.
    pub(super) fn has_items(&self) -> bool {
        let taken = self.get.look().0.count;
        self.put.look().0.count > taken
    }

    /// Never says no if there has been room all the time.
    pub(super) fn has_space(&self) -> bool {
        let most = self.most.load(Ordering::Relaxed);
        let put = self.put.look().0.count;
        most == 0 || put.saturating_sub(self.get.look().0.count) < most
    }

    pub(super) fn is_done(&self) -> bool {
        let done = self.done.load(Ordering::Acquire);
        self.put.look().0.count <= done
    }

    pub(super) fn length(&self) -> u64 {
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

    pub(super) fn put_once(&self, payload: Payload<'_>) -> Result<(), QueueError> {
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
                        && shared_sweep::reclaim(arena::here());
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

    /// How many messages have been taken out. Decides what a dead taker's last change came to.
    pub(super) fn taken(&self) -> u64 {
        let _get = self.lock_get();
        self.get.state().count
    }

    /// Takes one message, or hands it over in its extent. `adopt` if its references are to be
    /// entered. `note` gets the message's number before it is taken.
    pub(super) fn get_once(
        &self,
        message: &mut Message,
        adopt: bool,
        note: Option<&AtomicU64>,
    ) -> Result<Taken, QueueError> {
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
        if let Some(note) = note {
            note.store(state.count, Ordering::Release);
            step();
        }
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
    pub(super) fn give_back_ring(&self) {
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
        match head.get_once(&mut message, false, None) {
            Ok(Taken::Large(large)) => extent::free_into(large.extent, doomed),
            Ok(Taken::Whole) => {}
            Ok(Taken::NeedsRoom(_)) | Err(_) => break,
        }
    }
    head.give_back_ring();
}
