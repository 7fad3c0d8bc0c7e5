//! Runs of blocks: a buddy allocator over the arena's blocks of 64 KiB.
//!
//! A run of order `n` is `2^n` blocks and starts at a multiple of its size; blocks from `top` on
//! were never used and belong to no run. All changes are journalled under the arena's lock; memory
//! is given back to the system outside it. It must not know what a run is used for.

use super::arena::{Arena, ArenaError, BLOCK, ORDERS, Tables};
use super::extent::{
    self, DESCRIPTION_SIZE, FREE, INSIDE, Owner, RESERVED, description, owner_word, real_blocks,
};
use super::shared_sweep;
use super::slot::my_tag;
use std::sync::atomic::Ordering;

/// Free blocks that stay real: 8 MiB, so that large messages sent one after the other do not each
/// pay for fresh pages. Guarded by the test that drains a queue of a million messages.
const MOST_IDLE: u64 = (8 << 20) / BLOCK;

/// A run that could not be taken.
enum Missing {
    /// The tables must be real for so many blocks first.
    Tables(u64),
    /// There is no run of that size, and no room to grow.
    Room,
}

/// A run of at least `length` bytes, RESERVED for this process; returns its first block.
pub(crate) fn allocate(arena: &Arena, length: u64) -> Result<u64, ArenaError> {
    let blocks = length.div_ceil(BLOCK).max(1);
    let order = blocks.next_power_of_two().trailing_zeros();
    if order as usize >= ORDERS {
        return Err(ArenaError::Full);
    }
    let mut swept = false;
    loop {
        let mut tables = arena.lock();
        match take(&mut tables, arena, order) {
            Ok(block) => {
                let run = description(arena, block);
                tables
                    .change
                    .set(&run.owner, owner_word(RESERVED, order, my_tag()));
                tables.change.commit();
                return Ok(block);
            }
            Err(Missing::Tables(blocks)) => {
                drop(tables);
                make_tables_real(arena, blocks)?;
            }
            Err(Missing::Room) => {
                drop(tables);
                if std::mem::replace(&mut swept, true) {
                    return Err(ArenaError::Full);
                }
                shared_sweep::sweep_all(arena);
            }
        }
    }
}

/// Frees a run that is RESERVED for this process.
pub(crate) fn free(arena: &Arena, block: u64) {
    let order = Owner(description(arena, block).owner.load(Ordering::Relaxed)).order();
    let count = 1 << order;
    let idle = &arena.header().idle_blocks;
    loop {
        let real = real_blocks(arena, block, count);
        let fits = || real == 0 || idle.load(Ordering::Relaxed) + real <= MOST_IDLE;
        // The system is called without the lock; with it the answer may be another one.
        if fits() {
            let mut tables = arena.lock();
            if fits() {
                tables.change.set(idle, idle.load(Ordering::Relaxed) + real);
                give(&mut tables, arena, block, order);
                tables.change.commit();
                return;
            }
        }
        extent::make_unreal(arena, block, count);
    }
}

/// Takes a run of that order out of the lists, growing the arena if there is none.
fn take(tables: &mut Tables<'_>, arena: &Arena, order: u32) -> Result<u64, Missing> {
    let header = arena.header();
    loop {
        let found = (order..ORDERS as u32)
            .find(|&order| header.free_runs[order as usize].load(Ordering::Relaxed) != 0);
        let Some(mut larger) = found else {
            grow(tables, arena, order)?;
            continue;
        };
        let block = header.free_runs[larger as usize].load(Ordering::Relaxed) - 1;
        unlist(tables, arena, block, larger);
        while larger > order {
            larger -= 1;
            enlist(tables, arena, block + (1 << larger), larger);
        }
        let real = real_blocks(arena, block, 1 << order);
        let idle = header.idle_blocks.load(Ordering::Relaxed);
        tables
            .change
            .set(&header.idle_blocks, idle.saturating_sub(real));
        return Ok(block);
    }
}

/// Adds never used blocks as free runs until one of that order is among them.
fn grow(tables: &mut Tables<'_>, arena: &Arena, order: u32) -> Result<(), Missing> {
    let header = arena.header();
    let count = header.block_count.load(Ordering::Relaxed);
    let start = header
        .top
        .load(Ordering::Relaxed)
        .next_multiple_of(1 << order);
    let end = start + (1 << order);
    if end > count {
        return Err(Missing::Room);
    }
    if end > tables_real_for(arena) {
        return Err(Missing::Tables(end));
    }
    loop {
        let top = header.top.load(Ordering::Relaxed);
        let piece = if top == 0 {
            order
        } else {
            top.trailing_zeros().min(order)
        };
        tables.change.set(&header.top, top + (1 << piece));
        give(tables, arena, top, piece);
        // Each piece on its own is a valid state.
        tables.change.commit();
        if top + (1 << piece) >= end {
            return Ok(());
        }
    }
}

/// Puts a run into the lists, merged with its free neighbours.
fn give(tables: &mut Tables<'_>, arena: &Arena, block: u64, order: u32) {
    let (mut block, mut order) = (block, order);
    while order as usize + 1 < ORDERS {
        let buddy = block ^ (1 << order);
        if buddy + (1 << order) > arena.header().top.load(Ordering::Relaxed) {
            break;
        }
        let other = Owner(description(arena, buddy).owner.load(Ordering::Relaxed));
        if other.state() != FREE || other.order() != order {
            break;
        }
        unlist(tables, arena, buddy, order);
        let second = block.max(buddy);
        tables.change.set(&description(arena, second).owner, INSIDE);
        block = block.min(buddy);
        order += 1;
    }
    enlist(tables, arena, block, order);
}

fn enlist(tables: &mut Tables<'_>, arena: &Arena, block: u64, order: u32) {
    let head = &arena.header().free_runs[order as usize];
    push(tables, arena, head, block);
    tables
        .change
        .set(&description(arena, block).owner, owner_word(FREE, order, 0));
}

fn unlist(tables: &mut Tables<'_>, arena: &Arena, block: u64, order: u32) {
    let head = &arena.header().free_runs[order as usize];
    remove(tables, arena, head, block);
}

/// Puts a block at the head of a list.
pub(crate) fn push(
    tables: &mut Tables<'_>,
    arena: &Arena,
    head: &std::sync::atomic::AtomicU64,
    block: u64,
) {
    let first = head.load(Ordering::Relaxed);
    if first != 0 {
        let list = &description(arena, first - 1).list;
        let (next, _) = unpack(list.load(Ordering::Relaxed));
        tables.change.set(list, pack(next, block + 1));
    }
    tables
        .change
        .set(&description(arena, block).list, pack(first, 0));
    tables.change.set(head, block + 1);
}

/// Takes a block out of a list.
pub(crate) fn remove(
    tables: &mut Tables<'_>,
    arena: &Arena,
    head: &std::sync::atomic::AtomicU64,
    block: u64,
) {
    let (next, previous) = unpack(description(arena, block).list.load(Ordering::Relaxed));
    if previous == 0 {
        tables.change.set(head, next);
    } else {
        let list = &description(arena, previous - 1).list;
        let (_, before) = unpack(list.load(Ordering::Relaxed));
        tables.change.set(list, pack(next, before));
    }
    if next != 0 {
        let list = &description(arena, next - 1).list;
        let (after, _) = unpack(list.load(Ordering::Relaxed));
        tables.change.set(list, pack(after, previous));
    }
}

fn pack(next: u64, previous: u64) -> u64 {
    next | previous << 32
}

fn unpack(list: u64) -> (u64, u64) {
    (list & 0xffff_ffff, list >> 32)
}

fn tables_real_for(arena: &Arena) -> u64 {
    let header = arena.header();
    let descriptions = header.descriptions_backed.load(Ordering::Acquire) / DESCRIPTION_SIZE;
    descriptions.min(header.backing_backed.load(Ordering::Acquire))
}

/// Makes the tables real for so many blocks.
fn make_tables_real(arena: &Arena, blocks: u64) -> Result<(), ArenaError> {
    let header = arena.header();
    let tables = [
        (
            &header.descriptions_backed,
            &header.descriptions_at,
            blocks * DESCRIPTION_SIZE,
        ),
        (&header.backing_backed, &header.backing_at, blocks),
    ];
    for (backed, start, needed) in tables {
        let needed = needed.next_multiple_of(4096);
        let real = backed.load(Ordering::Acquire);
        if needed > real {
            arena.back(start.load(Ordering::Relaxed) + real, needed - real)?;
            // Making the same range real twice is harmless, so nobody else is kept out.
            backed.fetch_max(needed, Ordering::AcqRel);
        }
    }
    Ok(())
}

/// Gives back to the system what free runs still hold. Returns whether there was any.
pub(crate) fn release_idle(arena: &Arena) -> bool {
    let mut released = false;
    for order in (0..ORDERS as u32).rev() {
        // A run is taken out of its list, emptied and put back: nobody can be in it meanwhile.
        while arena.header().idle_blocks.load(Ordering::Relaxed) > 0 {
            let mut tables = arena.lock();
            let Some(block) = real_free_run(arena, order) else {
                break;
            };
            unlist(&mut tables, arena, block, order);
            let header = arena.header();
            let real = real_blocks(arena, block, 1 << order);
            let idle = header.idle_blocks.load(Ordering::Relaxed);
            tables
                .change
                .set(&header.idle_blocks, idle.saturating_sub(real));
            let run = description(arena, block);
            tables
                .change
                .set(&run.owner, owner_word(RESERVED, order, my_tag()));
            tables.change.commit();
            drop(tables);
            extent::make_unreal(arena, block, 1 << order);
            free(arena, block);
            released = true;
        }
    }
    released
}

fn real_free_run(arena: &Arena, order: u32) -> Option<u64> {
    let mut next = arena.header().free_runs[order as usize].load(Ordering::Relaxed);
    while next != 0 {
        let block = next - 1;
        if real_blocks(arena, block, 1 << order) > 0 {
            return Some(block);
        }
        (next, _) = unpack(description(arena, block).list.load(Ordering::Relaxed));
    }
    None
}
