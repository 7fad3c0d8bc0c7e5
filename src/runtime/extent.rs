//! Room in the arena, of any size: handed out, made real, given back, and never lost when a
//! process is killed in the middle.
//!
//! Every extent says in a word of its own who it belongs to: RESERVED for a process, which will
//! free or link it, or LINKED into an object, or DYING, an object that a process is taking apart.
//! What the dead left RESERVED or DYING is found by that word (`shared_sweep`). Up to 16 KiB
//! extents come from slabs, above that they are runs of blocks. It must not know what is kept in an
//! extent, save that some carry references to objects, which are given up with it.

use super::arena::{self, Arena, ArenaError, BLOCK, Offset};
use super::shared_steps::step;
use super::slot::my_tag;
use super::{handle, shared_blocks, shared_object, shared_slabs, shared_sweep};
use std::ops::Range;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// The largest extent that comes from a slab.
pub(crate) const LARGEST_SMALL: u64 = 16 * 1024;

/// What an extent is, in the low bits of its owner word.
pub(crate) const INSIDE: u64 = 0;
pub(crate) const FREE: u64 = 1;
pub(crate) const RESERVED: u64 = 2;
pub(crate) const LINKED: u64 = 3;
pub(crate) const DYING: u64 = 4;
pub(crate) const SLAB: u64 = 5;
const STATE_MASK: u64 = 0xf;
/// The extent starts with references to objects: a count, then as many offsets.
const CARRIES: u64 = 0x10;
const ORDER_SHIFT: u32 = 8;
const ORDER_MASK: u64 = 0xff << ORDER_SHIFT;
const TAG_SHIFT: u32 = 16;

/// Composes an owner word.
pub(crate) fn owner_word(state: u64, order: u32, tag: u32) -> u64 {
    state | u64::from(order) << ORDER_SHIFT | u64::from(tag) << TAG_SHIFT
}

/// An owner word's parts.
#[derive(Clone, Copy)]
pub(crate) struct Owner(pub(crate) u64);

impl Owner {
    pub(crate) fn state(self) -> u64 {
        self.0 & STATE_MASK
    }

    pub(crate) fn order(self) -> u32 {
        ((self.0 & ORDER_MASK) >> ORDER_SHIFT) as u32
    }

    pub(crate) fn tag(self) -> u32 {
        (self.0 >> TAG_SHIFT) as u32
    }

    fn with(self, state: u64, tag: u32) -> u64 {
        self.0 & (ORDER_MASK | CARRIES) | state | u64::from(tag) << TAG_SHIFT
    }
}

/// What the arena keeps about a block: the first of a run, or a slab.
#[repr(C)]
pub(crate) struct Description {
    pub(crate) owner: AtomicU64,
    /// Neighbours in a list of free runs or open slabs: next in the low half, previous in the high
    /// one, block numbers plus one.
    pub(crate) list: AtomicU64,
    _room: [AtomicU64; 2],
}

/// Bytes of one [`Description`].
pub(crate) const DESCRIPTION_SIZE: u64 = size_of::<Description>() as u64;

pub(crate) fn description(arena: &Arena, block: u64) -> &'static Description {
    let start = arena.header().descriptions_at.load(Ordering::Relaxed);
    // SAFETY: blocks below `top` have real descriptions, which are atomics only.
    unsafe { arena.at(start + block * DESCRIPTION_SIZE) }
}

pub(crate) fn block_of(arena: &Arena, offset: Offset) -> u64 {
    (offset - arena.header().data_at.load(Ordering::Relaxed)) / BLOCK
}

pub(crate) fn offset_of(arena: &Arena, block: u64) -> Offset {
    arena.header().data_at.load(Ordering::Relaxed) + block * BLOCK
}

/// The word that says whose an extent is.
pub(crate) fn owner_of(arena: &Arena, extent: Offset) -> &'static AtomicU64 {
    let run = description(arena, block_of(arena, extent));
    if Owner(run.owner.load(Ordering::Acquire)).state() == SLAB {
        return shared_slabs::owner_of(arena, extent);
    }
    &run.owner
}

/// An extent of at least `length` bytes, RESERVED for this process, all of it real.
pub(crate) fn allocate(length: u64) -> Result<Offset, ArenaError> {
    let extent = allocate_bare(length)?;
    if let Err(error) = make_real(extent, 0, length) {
        free(extent);
        return Err(error);
    }
    Ok(extent)
}

/// As [`allocate`], but only small ones are real; of others, parts are made so by [`make_real`].
pub(crate) fn allocate_bare(length: u64) -> Result<Offset, ArenaError> {
    let arena = arena::arena()?;
    if length <= LARGEST_SMALL {
        shared_slabs::allocate(arena, length)
    } else {
        let block = shared_blocks::allocate(arena, length)?;
        Ok(offset_of(arena, block))
    }
}

/// How many bytes an extent has room for.
pub(crate) fn capacity(extent: Offset) -> u64 {
    let arena = arena::here();
    let block = block_of(arena, extent);
    let owner = Owner(description(arena, block).owner.load(Ordering::Acquire));
    if owner.state() == SLAB {
        shared_slabs::object_size(arena, block)
    } else {
        BLOCK << owner.order()
    }
}

/// Says that an object names the extent; as part of a change of that object which, if it comes to
/// nothing, is taken back by [`unlink`].
pub(crate) fn link(extent: Offset) {
    let word = owner_of(arena::here(), extent);
    let owner = Owner(word.load(Ordering::Relaxed));
    word.store(owner.with(LINKED, owner.tag()), Ordering::Release);
    step();
}

/// Takes [`link`] back: the extent is RESERVED for whoever linked it, be it alive or dead.
pub(crate) fn unlink(extent: Offset) {
    let word = owner_of(arena::here(), extent);
    let owner = Owner(word.load(Ordering::Relaxed));
    word.store(owner.with(RESERVED, owner.tag()), Ordering::Release);
    step();
}

/// Makes the extent RESERVED for this process, as part of a change by which an object gives it up.
/// If that comes to nothing, [`link`] takes it back.
pub(crate) fn reserve(extent: Offset) {
    let word = owner_of(arena::here(), extent);
    let owner = Owner(word.load(Ordering::Relaxed));
    word.store(owner.with(RESERVED, my_tag()), Ordering::Release);
    step();
}

/// Frees an extent that belongs to this process, or to an object that is this process's alone, and
/// what it alone kept alive.
pub(crate) fn free(extent: Offset) {
    let mut doomed = Vec::new();
    free_into(extent, &mut doomed);
    shared_object::destroy_all(doomed);
}

/// As [`free`], but objects that nothing names any more are left to the caller.
pub(crate) fn free_into(extent: Offset, doomed: &mut Vec<Offset>) {
    let arena = arena::here();
    let owner = Owner(owner_of(arena, extent).load(Ordering::Relaxed));
    if owner.state() != RESERVED || owner.tag() != my_tag() {
        reserve(extent);
    }
    if owner.0 & CARRIES != 0 {
        while let Some(last) = carried(arena, extent).checked_sub(1) {
            handle::give_up_carried(arena, count_word(arena, extent), last, extent, doomed);
        }
    }
    let block = block_of(arena, extent);
    if Owner(description(arena, block).owner.load(Ordering::Acquire)).state() == SLAB {
        shared_slabs::free(arena, extent);
    } else {
        shared_blocks::free(arena, block);
    }
}

/// An extent for a message of `length` bytes that names objects. The references count from now on,
/// and are given up when the extent is freed, by whomever.
pub(crate) fn allocate_carrying(objects: &[Offset], length: u64) -> Result<Offset, ArenaError> {
    let arena = arena::arena()?;
    let room = carried_size(objects.len() as u64) + length;
    let extent = allocate(room)?;
    count_word(arena, extent).store(0, Ordering::Release);
    let owner = owner_of(arena, extent);
    owner.store(owner.load(Ordering::Relaxed) | CARRIES, Ordering::Release);
    step();
    for (index, &object) in objects.iter().enumerate() {
        handle::carry(
            arena,
            count_word(arena, extent),
            index as u64,
            extent,
            object,
        );
    }
    Ok(extent)
}

/// Bytes before the message proper in an extent that carries so many references.
pub(crate) fn carried_size(count: u64) -> u64 {
    8 + 8 * count
}

/// The objects that an extent names.
pub(crate) fn carried_objects(extent: Offset) -> Vec<Offset> {
    let arena = arena::here();
    (0..carried(arena, extent))
        .map(|index| carried_word(arena, extent, index).load(Ordering::Relaxed))
        .collect()
}

pub(crate) fn carried_word(arena: &Arena, extent: Offset, index: u64) -> &'static AtomicU64 {
    // SAFETY: extents that carry references are real and start with these words.
    unsafe { arena.at(extent + 8 + 8 * index) }
}

fn count_word(arena: &Arena, extent: Offset) -> &'static AtomicU64 {
    // SAFETY: as above.
    unsafe { arena.at(extent) }
}

fn carried(arena: &Arena, extent: Offset) -> u64 {
    count_word(arena, extent).load(Ordering::Acquire)
}

/// Makes the bytes `from..to` of an extent real. What is real stays as it is. Clears away what the
/// dead left, and asks again, if memory is short: not to be called with the lock of an object held.
pub(crate) fn make_real(extent: Offset, from: u64, to: u64) -> Result<(), ArenaError> {
    match make_real_now(extent, from, to) {
        Err(ArenaError::Full) if shared_sweep::reclaim(arena::here()) => {
            make_real_now(extent, from, to)
        }
        other => other,
    }
}

/// As [`make_real`], with nothing but what the system gives at once.
pub(crate) fn make_real_now(extent: Offset, from: u64, to: u64) -> Result<(), ArenaError> {
    let arena = arena::here();
    let first = block_of(arena, extent);
    if Owner(description(arena, first).owner.load(Ordering::Acquire)).state() == SLAB {
        return Ok(());
    }
    let last = first + to.div_ceil(BLOCK);
    let mut block = first + from / BLOCK;
    while block < last {
        if is_noted(arena, block, REAL) {
            block += 1;
            continue;
        }
        let mut end = block + 1;
        while end < last && end - block < 16 && !is_noted(arena, end, REAL) {
            end += 1;
        }
        note(arena, block..end, CHANGING);
        arena.back(offset_of(arena, block), (end - block) * BLOCK)?;
        note(arena, block..end, REAL);
        block = end;
    }
    Ok(())
}

/// Gives the memory of a run's blocks back to the system; whoever calls owns the run.
pub(crate) fn make_unreal(arena: &Arena, block: u64, count: u64) {
    let end = block + count;
    let mut block = block;
    while block < end {
        if is_noted(arena, block, UNREAL) {
            block += 1;
            continue;
        }
        let start = block;
        while block < end && !is_noted(arena, block, UNREAL) {
            block += 1;
        }
        note(arena, start..block, CHANGING);
        arena.punch(offset_of(arena, start), (block - start) * BLOCK);
        note(arena, start..block, UNREAL);
    }
}

/// How many of a run's blocks are real, or may be.
pub(crate) fn real_blocks(arena: &Arena, block: u64, count: u64) -> u64 {
    (block..block + count)
        .filter(|&block| !is_noted(arena, block, UNREAL))
        .count() as u64
}

/// What is noted of a block that the system has given no memory for.
const UNREAL: u8 = 0;

/// All of the block is there.
const REAL: u8 = 1;

/// It is being made one or the other; whoever did so may have been killed. Made real once more
/// before it is used, since believing a hole to be real would be deadly, and counted as real until
/// it is given back, since the memory may be there.
const CHANGING: u8 = 2;

fn is_noted(arena: &Arena, block: u64, state: u8) -> bool {
    backing(arena, block).load(Ordering::Acquire) == state
}

fn note(arena: &Arena, blocks: Range<u64>, state: u8) {
    for block in blocks {
        backing(arena, block).store(state, Ordering::Release);
    }
    step();
}

/// Where it is noted whether a block is real. Changed only by the owner of its run.
fn backing(arena: &Arena, block: u64) -> &'static AtomicU8 {
    let start = arena.header().backing_at.load(Ordering::Relaxed);
    // SAFETY: blocks below `top` have a real note.
    unsafe { arena.at(start + block) }
}
