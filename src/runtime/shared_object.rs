//! What all shared objects have in common: a head that says what they are and how often they are
//! named, and how each kind is prepared, put in order after a death, and taken apart.
//!
//! The one place that lists the kinds; how an object works is in the file of its kind.

use super::arena::{Arena, Offset, here};
use super::{
    shared_barrier, shared_block, shared_condition, shared_descriptor, shared_event, shared_lock,
    shared_queue_sides, shared_semaphore, shared_slabs,
};
use std::sync::atomic::{AtomicU64, Ordering};

/// The kinds of shared objects. The number is part of the memory's layout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum Kind {
    /// `shared_queue`
    Queue = 0,
    /// `shared_lock`
    Lock = 1,
    /// `shared_semaphore`
    Semaphore = 2,
    /// `shared_event`
    Event = 3,
    /// `shared_condition`
    Condition = 4,
    /// `shared_barrier`
    Barrier = 5,
    /// `shared_block`
    Block = 6,
    /// `shared_descriptor`
    Descriptor = 7,
}

/// The first 64 bytes of every object.
#[repr(C)]
pub(crate) struct Head {
    kind: AtomicU64,
    pub(crate) references: AtomicU64,
    pub(crate) serial: AtomicU64,
    _room: [AtomicU64; 5],
}

pub(crate) fn head(arena: &Arena, object: Offset) -> &'static Head {
    // SAFETY: objects are real and start with their head.
    unsafe { arena.at(object) }
}

pub(crate) fn kind(arena: &Arena, object: Offset) -> Kind {
    match head(arena, object).kind.load(Ordering::Relaxed) {
        0 => Kind::Queue,
        1 => Kind::Lock,
        2 => Kind::Semaphore,
        3 => Kind::Event,
        4 => Kind::Condition,
        5 => Kind::Barrier,
        7 => Kind::Descriptor,
        _ => Kind::Block,
    }
}

/// Starts a new life of a head that is RESERVED for this process.
pub(crate) fn begin(arena: &Arena, object: Offset, kind: Kind) {
    let head = head(arena, object);
    head.kind.store(kind as u64, Ordering::Relaxed);
    head.references.store(0, Ordering::Relaxed);
    let serial = arena.header().serials.fetch_add(1, Ordering::Relaxed);
    head.serial.store(serial + 1, Ordering::Relaxed);
}

/// Takes apart objects that nobody names, and what only they kept alive. Without recursion: queues
/// in messages of queues may be nested to any depth.
pub(crate) fn destroy_all(mut doomed: Vec<Offset>) {
    while let Some(object) = doomed.pop() {
        let arena = here();
        empty(kind(arena, object), object, &mut doomed);
        shared_slabs::free(arena, object);
    }
}

/// Bytes that the head of a kind takes. What a kind's heads are made of never changes while they
/// are mapped, see `shared_slabs`.
pub(crate) fn head_size(kind: Kind) -> u64 {
    let size = match kind {
        Kind::Queue => size_of::<shared_queue_sides::QueueHead>(),
        Kind::Lock => size_of::<shared_lock::LockHead>(),
        Kind::Semaphore => size_of::<shared_semaphore::SemaphoreHead>(),
        Kind::Event => size_of::<shared_event::EventHead>(),
        Kind::Condition => size_of::<shared_condition::ConditionHead>(),
        Kind::Barrier => size_of::<shared_barrier::BarrierHead>(),
        Kind::Block => size_of::<shared_block::BlockHead>(),
        Kind::Descriptor => size_of::<shared_descriptor::DescriptorHead>(),
    };
    size as u64
}

/// Prepares memory that will hold heads of a kind for ever.
pub(crate) fn prepare_head(arena: &Arena, kind: Kind, object: Offset) {
    // SAFETY: the head lies in a slab that nobody else knows yet.
    unsafe { std::ptr::write_bytes(arena.address(object), 0, head_size(kind) as usize) };
    match kind {
        Kind::Queue => shared_queue_sides::queue_head(object).prepare(),
        Kind::Semaphore => shared_semaphore::semaphore_head(object).prepare(),
        Kind::Condition => shared_condition::condition_head(object).prepare(),
        Kind::Barrier => shared_barrier::barrier_head(object).prepare(),
        Kind::Lock | Kind::Event | Kind::Block | Kind::Descriptor => {}
    }
}

/// Finishes or undoes what the dead were in the middle of in an object, as far as extents change
/// hands in it. All else waits for the next one to take the object's mutex.
pub(crate) fn bring_into_order(object: Offset) {
    if kind(here(), object) == Kind::Queue {
        shared_queue_sides::bring_into_order(object);
    }
}

/// Frees all that an object holds, except its head.
fn empty(kind: Kind, object: Offset, doomed: &mut Vec<Offset>) {
    match kind {
        Kind::Queue => shared_queue_sides::take_apart(object, doomed),
        Kind::Condition => shared_condition::take_apart(object, doomed),
        Kind::Block => shared_block::take_apart(object, doomed),
        Kind::Descriptor => shared_descriptor::take_apart(object),
        Kind::Lock | Kind::Semaphore | Kind::Event | Kind::Barrier => {}
    }
}
