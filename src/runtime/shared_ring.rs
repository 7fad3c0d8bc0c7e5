//! The two sides of a queue in shared memory, and the rings that the messages lie in. Knows how a
//! message is stored and how a side's state changes in one store, not when anyone waits.
//!
//! A side's state exists twice; the lowest bit of `current` says which copy is valid. Under the
//! side's lock the other copy is written, then one release store of `current` commits. A kill at
//! any instruction leaves the old state or the new one.

use super::arena::{Offset, here};
use super::extent;
use super::shared_mutex::{SharedMutex, SharedMutexGuard};
use super::shared_steps::step;
use std::sync::atomic::{AtomicU64, Ordering, fence};

/// Room of the first ring.
pub(crate) const FIRST_RING: u64 = 4096;

/// Longer messages lie in an extent of their own, so that no lock is held while they are copied.
pub(crate) const LONGEST_INLINE: usize = 64 * 1024;

/// Messages start at multiples of this, so that any free place has room for [`Record::Link`].
const ALIGNMENT: u64 = 16;

/// A ring: where it is, and in the low bits the logarithm of its size. 0 is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ring(pub(crate) u64);

impl Ring {
    pub(crate) const NONE: Self = Self(0);

    /// Reserves a ring of at least `size` bytes.
    pub(crate) fn reserve(size: u64) -> Result<Self, super::arena::ArenaError> {
        let size = size.next_power_of_two().max(FIRST_RING);
        let size = match size > extent::LARGEST_SMALL {
            true => size.max(super::arena::BLOCK),
            false => size,
        };
        let extent = extent::allocate_bare(size)?;
        Ok(Self(extent | u64::from(size.trailing_zeros())))
    }

    pub(crate) fn extent(self) -> Offset {
        self.0 & !63
    }

    pub(crate) fn size(self) -> u64 {
        match self.0 {
            0 => 0,
            ring => 1 << (ring & 63),
        }
    }

    fn index(self, position: u64) -> u64 {
        position & (self.size() - 1)
    }

    fn word(self, position: u64, index: u64) -> &'static AtomicU64 {
        // SAFETY: positions are multiples of 16, so that two words fit before the end; the
        // putter made the place real before it wrote there.
        unsafe { here().at(self.extent() + self.index(position) + 8 * index) }
    }

    /// How many bytes from a position are left before the ring starts again.
    fn left(self, position: u64) -> u64 {
        self.size() - self.index(position)
    }
}

/// A side's state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct State {
    pub(crate) ring: Ring,
    /// Bytes put into, or taken out of, this ring since it was made.
    pub(crate) position: u64,
    /// Messages put, or taken, since the queue was made.
    pub(crate) count: u64,
}

#[repr(C)]
struct Copy {
    ring: AtomicU64,
    position: AtomicU64,
    count: AtomicU64,
}

/// One side: its lock and what only the lock's holder looks at, its state, and what it is in the
/// middle of.
#[repr(C, align(64))]
pub(crate) struct Side {
    mutex: SharedMutex,
    /// What was last seen of the other side. Only ever behind, never ahead.
    seen_ring: AtomicU64,
    seen_position: AtomicU64,
    seen_count: AtomicU64,
    current: AtomicU64,
    copies: [Copy; 2],
    /// Bytes of the ring that are real.
    real: AtomicU64,
    /// What `current` will be when the extents below have changed hands.
    pending_current: AtomicU64,
    pending: [AtomicU64; 2],
    /// 1 if they are being linked, 0 if they are being given up.
    pending_link: AtomicU64,
    _room: [AtomicU64; 3],
}

impl Side {
    /// Once in the life of the memory.
    pub(crate) fn prepare(&self) {
        self.mutex.initialize();
    }

    /// Takes the side's lock; if its holder died in it, first decides what its last change came to.
    /// `broadcast` then wakes everybody, since that one may have owed a wake-up.
    #[inline]
    pub(crate) fn lock(&self, broadcast: impl FnOnce()) -> SharedMutexGuard<'_> {
        self.mutex.lock(|| {
            self.repair();
            broadcast();
        })
    }

    #[cold]
    fn repair(&self) {
        let committed =
            self.current.load(Ordering::Acquire) == self.pending_current.load(Ordering::Relaxed);
        for pending in &self.pending {
            let extent = pending.load(Ordering::Acquire);
            if extent == 0 {
                continue;
            }
            if !committed {
                match self.pending_link.load(Ordering::Relaxed) {
                    0 => extent::link(extent),
                    _ => extent::unlink(extent),
                }
            }
            pending.store(0, Ordering::Release);
            step();
        }
        self.forget_seen();
        self.real.store(0, Ordering::Relaxed);
    }

    /// A fresh queue's side; the lock is held.
    pub(crate) fn reset(&self) {
        self.commit(State {
            ring: Ring::NONE,
            position: 0,
            count: 0,
        });
        self.forget_seen();
        self.real.store(0, Ordering::Relaxed);
    }

    /// The state, for the lock's holder.
    #[inline]
    pub(crate) fn state(&self) -> State {
        self.copy(self.current.load(Ordering::Relaxed))
    }

    #[inline]
    fn copy(&self, current: u64) -> State {
        let copy = &self.copies[(current & 1) as usize];
        State {
            ring: Ring(copy.ring.load(Ordering::Relaxed)),
            position: copy.position.load(Ordering::Relaxed),
            count: copy.count.load(Ordering::Relaxed),
        }
    }

    /// The state as it is at some moment of this call, without the lock, and the number of the
    /// change that made it.
    #[inline]
    pub(crate) fn look(&self) -> (State, u64) {
        loop {
            let current = self.current.load(Ordering::Acquire);
            let state = self.copy(current);
            fence(Ordering::Acquire);
            if self.current.load(Ordering::Relaxed) == current {
                return (state, current);
            }
            std::hint::spin_loop();
        }
    }

    /// Makes a new state valid; the lock is held.
    #[inline]
    pub(crate) fn commit(&self, state: State) {
        let next = self.current.load(Ordering::Relaxed) + 1;
        let copy = &self.copies[(next & 1) as usize];
        // Readers without the lock must not see these before the last `current`.
        fence(Ordering::Release);
        copy.ring.store(state.ring.0, Ordering::Relaxed);
        step();
        copy.position.store(state.position, Ordering::Relaxed);
        step();
        copy.count.store(state.count, Ordering::Relaxed);
        step();
        self.current.store(next, Ordering::Release);
        step();
    }

    /// As [`Side::commit`], with extents that change hands at that very moment.
    pub(crate) fn commit_with(&self, state: State, extents: [Offset; 2], link: bool) {
        let next = self.current.load(Ordering::Relaxed) + 1;
        self.pending_current.store(next, Ordering::Relaxed);
        self.pending_link.store(u64::from(link), Ordering::Relaxed);
        for (pending, extent) in self.pending.iter().zip(extents) {
            if extent == 0 {
                continue;
            }
            step();
            pending.store(extent, Ordering::Release);
            step();
            // Before the commit: after it, the other side may already have freed the extent, and
            // somebody else have got it.
            match link {
                true => extent::link(extent),
                false => extent::reserve(extent),
            }
        }
        self.commit(state);
        for pending in &self.pending {
            pending.store(0, Ordering::Release);
        }
        step();
    }

    /// What was last seen of the other side.
    #[inline]
    pub(crate) fn seen(&self) -> State {
        State {
            ring: Ring(self.seen_ring.load(Ordering::Relaxed)),
            position: self.seen_position.load(Ordering::Relaxed),
            count: self.seen_count.load(Ordering::Relaxed),
        }
    }

    /// Looks at the other side; the lock of this one is held.
    #[inline]
    pub(crate) fn see(&self, other: &Self) -> State {
        let (state, _) = other.look();
        // In this order, and forgotten after a death in between: a ring with another's
        // position would be worse than none.
        self.seen_ring.store(0, Ordering::Relaxed);
        self.seen_position.store(state.position, Ordering::Relaxed);
        self.seen_count.store(state.count, Ordering::Relaxed);
        self.seen_ring.store(state.ring.0, Ordering::Relaxed);
        state
    }

    /// Forgets what was seen of the other side's place: before a ring may come back as another.
    pub(crate) fn forget_seen(&self) {
        self.seen_ring.store(0, Ordering::Relaxed);
        self.seen_count.store(0, Ordering::Relaxed);
    }

    /// How many bytes of the ring are real.
    #[inline]
    pub(crate) fn real(&self) -> u64 {
        self.real.load(Ordering::Relaxed)
    }

    pub(crate) fn set_real(&self, real: u64) {
        self.real.store(real, Ordering::Relaxed);
    }
}

/// What lies at a place of a ring. Kind in the high half of the first word, length in the low one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Record {
    /// A message of so many bytes, which follow.
    Inline(usize),
    /// A message in an extent.
    Large(Large),
    /// Nothing up to the end of the ring.
    Skip,
    /// The messages go on in another ring.
    Link(Ring),
}

/// A message in an extent of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Large {
    pub(crate) extent: Offset,
    /// From the start of the extent, after the references that it carries.
    pub(crate) start: u64,
    pub(crate) length: u64,
}

const INLINE: u64 = 1;
const LARGE: u64 = 2;
const SKIP: u64 = 3;
const LINK: u64 = 4;

/// Bytes that a [`Record::Link`] takes; a ring is never filled up to less.
const LINK_SIZE: u64 = 16;

/// A message to be stored.
#[derive(Clone, Copy)]
pub(crate) enum Payload<'a> {
    Inline(&'a [u8]),
    Large(Large),
}

impl Payload<'_> {
    #[inline]
    pub(crate) fn size(&self) -> u64 {
        let length = match self {
            Self::Inline(bytes) => 8 + bytes.len() as u64,
            Self::Large(_) => 32,
        };
        length.next_multiple_of(ALIGNMENT)
    }
}

/// Where a message of `size` bytes would start in a ring of which the bytes from `taken` to
/// `put` are in use; `None` if it does not fit.
#[inline]
pub(crate) fn place(ring: Ring, taken: u64, put: u64, size: u64) -> Option<u64> {
    if ring == Ring::NONE {
        return None;
    }
    let left = ring.left(put);
    let start = if size <= left { put } else { put + left };
    (start + size + LINK_SIZE <= taken + ring.size()).then_some(start)
}

/// The end of what must be real for a message at `start`, counted from the start of the ring.
#[inline]
pub(crate) fn real_end(ring: Ring, start: u64, size: u64) -> u64 {
    if start >= ring.size() {
        // The second time round.
        return ring.size();
    }
    (start + size + LINK_SIZE).min(ring.size())
}

/// Writes a message at `start`, and what leads there from `put`. Nothing of it is visible before
/// the commit.
#[inline]
pub(crate) fn write(ring: Ring, put: u64, start: u64, payload: Payload<'_>) {
    if start != put {
        ring.word(put, 0).store(SKIP << 32, Ordering::Relaxed);
        step();
    }
    match payload {
        Payload::Inline(bytes) => {
            let header = INLINE << 32 | bytes.len() as u64;
            ring.word(start, 0).store(header, Ordering::Relaxed);
            step();
            let to = here().address(ring.extent() + ring.index(start) + 8);
            // SAFETY: the place was found free and contiguous by `place`, and is this putter's
            // alone until the commit.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        }
        Payload::Large(large) => {
            ring.word(start, 0).store(LARGE << 32, Ordering::Relaxed);
            for (index, word) in [large.extent, large.start, large.length]
                .into_iter()
                .enumerate()
            {
                step();
                ring.word(start, 1 + index as u64)
                    .store(word, Ordering::Relaxed);
            }
        }
    }
    step();
}

/// Writes at `put` that the messages go on elsewhere.
pub(crate) fn write_link(ring: Ring, put: u64, next: Ring) {
    ring.word(put, 0).store(LINK << 32, Ordering::Relaxed);
    step();
    ring.word(put, 1).store(next.0, Ordering::Relaxed);
    step();
}

/// What lies at a place that the put side has passed.
#[inline]
pub(crate) fn read(ring: Ring, position: u64) -> Record {
    let header = ring.word(position, 0).load(Ordering::Relaxed);
    match header >> 32 {
        INLINE => Record::Inline((header & 0xffff_ffff) as usize),
        LARGE => Record::Large(Large {
            extent: ring.word(position, 1).load(Ordering::Relaxed),
            start: ring.word(position, 2).load(Ordering::Relaxed),
            length: ring.word(position, 3).load(Ordering::Relaxed),
        }),
        SKIP => Record::Skip,
        _ => Record::Link(Ring(ring.word(position, 1).load(Ordering::Relaxed))),
    }
}

/// Appends the bytes of a message at `position` to a buffer.
#[inline]
pub(crate) fn copy_out(ring: Ring, position: u64, length: usize, buffer: &mut Vec<u8>) {
    let from = here().address(ring.extent() + ring.index(position) + 8);
    // SAFETY: the message is committed, lies there as a whole, and stays until the get side, whose
    // lock is held, has passed it.
    buffer.extend_from_slice(unsafe { std::slice::from_raw_parts(from, length) });
}

/// Where the next message starts after one at `position`.
#[inline]
pub(crate) fn after(position: u64, payload: Payload<'_>) -> u64 {
    position + payload.size()
}

/// Where the ring starts again after a [`Record::Skip`] at `position`.
pub(crate) fn after_skip(ring: Ring, position: u64) -> u64 {
    position + ring.left(position)
}

/// Copies a large message's bytes, which only this process can reach, into the arena.
pub(crate) fn fill(large: Large, bytes: &[u8]) {
    let to = here().address(large.extent + large.start);
    // SAFETY: the extent was allocated with room for them and belongs to this process.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
}

/// Appends a large message's bytes to a buffer.
pub(crate) fn empty_out(large: Large, buffer: &mut Vec<u8>) {
    let from = here().address(large.extent + large.start);
    // SAFETY: the message was committed whole, and the extent is this process's now.
    buffer.extend_from_slice(unsafe { std::slice::from_raw_parts(from, large.length as usize) });
}
