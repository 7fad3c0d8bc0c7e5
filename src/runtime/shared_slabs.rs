//! Slabs: blocks cut into pieces of one size, for small extents and for the heads of objects.
//!
//! A slab for heads keeps its kind for ever: heads hold mutexes, in which the kernel may set a bit
//! after they are given up, so their memory must not become anything else. Other slabs are given
//! back when empty. It must not know what the pieces hold.

use super::arena::{Arena, ArenaError, BLOCK, Offset};
use super::extent::{
    self, FREE, LARGEST_SMALL, Owner, RESERVED, SLAB, block_of, description, offset_of, owner_word,
};
use super::shared_blocks;
use super::shared_object::{self, Kind};
use super::slot::my_tag;
use std::sync::atomic::{AtomicU64, Ordering};

/// Smallest piece; each list of general slabs doubles it.
const SMALLEST: u64 = 64;
/// 64 bytes to 16 KiB.
const GENERAL_LISTS: u64 = 9;
/// Lists of slabs for the heads of objects start here, one for each kind.
const FIRST_KIND: u64 = 16;

#[repr(C)]
struct Slab {
    list: AtomicU64,
    size: AtomicU64,
    capacity: AtomicU64,
    /// From the start of the slab to the first piece.
    first: AtomicU64,
    /// First free piece, plus one.
    free: AtomicU64,
    used: AtomicU64,
    _room: [AtomicU64; 2],
}

/// What is kept about each piece. `next` of a free piece is the next free one, plus one.
#[repr(C)]
struct Piece {
    owner: AtomicU64,
    next: AtomicU64,
}

/// A general extent of at least `length` bytes.
pub(crate) fn allocate(arena: &Arena, length: u64) -> Result<Offset, ArenaError> {
    debug_assert!(length <= LARGEST_SMALL);
    let size = length.next_power_of_two().max(SMALLEST);
    let list = u64::from(size.trailing_zeros() - SMALLEST.trailing_zeros());
    allocate_from(arena, list, size, None)
}

/// The head of an object.
pub(crate) fn allocate_head(arena: &Arena, kind: Kind) -> Result<Offset, ArenaError> {
    let list = FIRST_KIND + kind as u64;
    allocate_from(arena, list, shared_object::head_size(kind), Some(kind))
}

fn allocate_from(
    arena: &Arena,
    list: u64,
    size: u64,
    kind: Option<Kind>,
) -> Result<Offset, ArenaError> {
    let head = &arena.header().open_slabs[list as usize];
    loop {
        let mut tables = arena.lock();
        let first = head.load(Ordering::Relaxed);
        if first == 0 {
            drop(tables);
            open_slab(arena, list, size, kind)?;
            continue;
        }
        let block = first - 1;
        let slab = slab(arena, block);
        let index = slab.free.load(Ordering::Relaxed) - 1;
        let piece = piece(arena, block, index);
        let next = piece.next.load(Ordering::Relaxed);
        let change = &mut tables.change;
        change.set(&slab.free, next);
        change.set(&slab.used, slab.used.load(Ordering::Relaxed) + 1);
        change.set(&piece.owner, owner_word(RESERVED, 0, my_tag()));
        if next == 0 {
            shared_blocks::remove(&mut tables, arena, head, block);
        }
        tables.change.commit();
        return Ok(offset_of(arena, block)
            + slab.first.load(Ordering::Relaxed)
            + index * slab.size.load(Ordering::Relaxed));
    }
}

/// Frees a piece that belongs to this process.
pub(crate) fn free(arena: &Arena, offset: Offset) {
    let block = block_of(arena, offset);
    let slab = slab(arena, block);
    let index = index_of(arena, block, offset);
    let list = slab.list.load(Ordering::Relaxed);
    let head = &arena.header().open_slabs[list as usize];
    let mut tables = arena.lock();
    let piece = piece(arena, block, index);
    let next = slab.free.load(Ordering::Relaxed);
    let used = slab.used.load(Ordering::Relaxed) - 1;
    tables.change.set(&piece.owner, FREE);
    tables.change.set(&piece.next, next);
    tables.change.set(&slab.free, index + 1);
    tables.change.set(&slab.used, used);
    if next == 0 {
        shared_blocks::push(&mut tables, arena, head, block);
    }
    // The last one of its list stays: whoever frees one and makes one would else pay for a slab
    // each time.
    let alone = head.load(Ordering::Relaxed) == block + 1
        && description(arena, block).list.load(Ordering::Relaxed) == 0;
    let empty = used == 0 && list < GENERAL_LISTS && !alone;
    if empty {
        shared_blocks::remove(&mut tables, arena, head, block);
        let run = description(arena, block);
        tables
            .change
            .set(&run.owner, owner_word(RESERVED, 0, my_tag()));
    }
    tables.change.commit();
    drop(tables);
    if empty {
        shared_blocks::free(arena, block);
    }
}

/// Makes a new slab and puts it into its list.
fn open_slab(arena: &Arena, list: u64, size: u64, kind: Option<Kind>) -> Result<(), ArenaError> {
    let block = shared_blocks::allocate(arena, BLOCK)?;
    let offset = offset_of(arena, block);
    if let Err(error) = extent::make_real(offset, 0, BLOCK) {
        shared_blocks::free(arena, block);
        return Err(error);
    }
    let slab = slab(arena, block);
    let capacity = (BLOCK - size_of::<Slab>() as u64 - 64) / (size + size_of::<Piece>() as u64);
    let pieces_end = size_of::<Slab>() as u64 + capacity * size_of::<Piece>() as u64;
    let first = pieces_end.next_multiple_of(64);
    slab.list.store(list, Ordering::Relaxed);
    slab.size.store(size, Ordering::Relaxed);
    slab.capacity.store(capacity, Ordering::Relaxed);
    slab.first.store(first, Ordering::Relaxed);
    slab.free.store(1, Ordering::Relaxed);
    slab.used.store(0, Ordering::Relaxed);
    for index in 0..capacity {
        let piece = piece(arena, block, index);
        let next = if index + 1 < capacity { index + 2 } else { 0 };
        piece.owner.store(FREE, Ordering::Relaxed);
        piece.next.store(next, Ordering::Relaxed);
        if let Some(kind) = kind {
            shared_object::prepare_head(arena, kind, offset + first + index * size);
        }
    }
    let mut tables = arena.lock();
    let head = &arena.header().open_slabs[list as usize];
    shared_blocks::push(&mut tables, arena, head, block);
    tables
        .change
        .set(&description(arena, block).owner, owner_word(SLAB, 0, 0));
    tables.change.commit();
    Ok(())
}

/// The word that says whose a piece is.
pub(crate) fn owner_of(arena: &Arena, offset: Offset) -> &'static AtomicU64 {
    let block = block_of(arena, offset);
    &piece(arena, block, index_of(arena, block, offset)).owner
}

/// Whether a slab is one for the heads of objects.
pub(crate) fn holds_heads(arena: &Arena, block: u64) -> bool {
    slab(arena, block).list.load(Ordering::Relaxed) >= FIRST_KIND
}

/// Whether an offset, which may come from anywhere, is where an object's head is or was.
pub(crate) fn is_head(arena: &Arena, object: Offset) -> bool {
    let header = arena.header();
    let data = header.data_at.load(Ordering::Relaxed);
    if object < data || object >= arena.reservation() {
        return false;
    }
    let block = block_of(arena, object);
    let _tables = arena.lock();
    if block >= header.top.load(Ordering::Relaxed)
        || Owner(description(arena, block).owner.load(Ordering::Acquire)).state() != SLAB
        || !holds_heads(arena, block)
    {
        return false;
    }
    let slab = slab(arena, block);
    let first = offset_of(arena, block) + slab.first.load(Ordering::Relaxed);
    let size = slab.size.load(Ordering::Relaxed);
    let end = first + size * slab.capacity.load(Ordering::Relaxed);
    object >= first && object < end && (object - first).is_multiple_of(size)
}

/// The size of a slab's pieces.
pub(crate) fn object_size(arena: &Arena, block: u64) -> u64 {
    slab(arena, block).size.load(Ordering::Relaxed)
}

/// Pieces of a slab whose owner word passes the test. The arena's lock is held.
pub(crate) fn find(arena: &Arena, block: u64, test: impl Fn(Owner) -> bool) -> Vec<Offset> {
    let slab = slab(arena, block);
    let first = offset_of(arena, block) + slab.first.load(Ordering::Relaxed);
    let size = slab.size.load(Ordering::Relaxed);
    (0..slab.capacity.load(Ordering::Relaxed))
        .filter(|&index| {
            test(Owner(
                piece(arena, block, index).owner.load(Ordering::Acquire),
            ))
        })
        .map(|index| first + index * size)
        .collect()
}

fn slab(arena: &Arena, block: u64) -> &'static Slab {
    // SAFETY: slabs are real, and start with this.
    unsafe { arena.at(offset_of(arena, block)) }
}

fn piece(arena: &Arena, block: u64, index: u64) -> &'static Piece {
    let place = size_of::<Slab>() as u64 + index * size_of::<Piece>() as u64;
    // SAFETY: slabs are real; indices are below its capacity.
    unsafe { arena.at(offset_of(arena, block) + place) }
}

fn index_of(arena: &Arena, block: u64, offset: Offset) -> u64 {
    let slab = slab(arena, block);
    let from = offset - offset_of(arena, block) - slab.first.load(Ordering::Relaxed);
    from / slab.size.load(Ordering::Relaxed)
}
