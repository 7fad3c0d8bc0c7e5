//! Clearing away what dead processes left: entries in tables, extents that they had reserved,
//! objects that they were taking apart, permits to spin.
//!
//! Every step is a valid state and can be done again, so a sweeper may be killed too, and the next
//! one finishes for both. It must not know what objects are.

use super::arena::{self, Arena, Offset};
use super::extent::{self, DYING, Owner, RESERVED, SLAB, description, offset_of};
use super::slot::{self, SlotId, my_tag};
use super::{handle, shared_blocks, shared_object, shared_slabs, shared_spin};
use std::sync::atomic::{AtomicU64, Ordering};

/// Slots looked at each time a process forks: enough that the dead do not pile up, few enough not
/// to be felt.
const A_FEW: u64 = 4;

/// Blocks looked at under one hold of the arena's lock.
const CHUNK: u64 = 256;

/// Looks at the next few slots in turn.
pub(super) fn sweep_a_few(arena: &Arena) {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let used = arena.header().slots_used.load(Ordering::Acquire);
    let from = 1 + NEXT.fetch_add(A_FEW, Ordering::Relaxed) % used.max(1);
    for id in slot::occupied(arena, from, A_FEW) {
        if !slot::is_alive(id) {
            sweep(arena, id);
        }
    }
}

/// Looks at all slots. Returns whether anything was cleared away.
pub(super) fn sweep_all(arena: &Arena) -> bool {
    let mut found = false;
    for id in slot::occupied(arena, 1, slot::MOST_SLOTS) {
        if !slot::is_alive(id) {
            found |= sweep(arena, id);
        }
    }
    found
}

/// Clears away what every dead process left. Done by itself when memory or slots run out and, bit
/// by bit, at every fork; a long-lived process without children may ask for it.
pub fn sweep_dead() -> bool {
    arena::existing().is_some_and(sweep_all)
}

/// Everything that can be done to find memory.
pub(super) fn reclaim(arena: &Arena) -> bool {
    sweep_all(arena) | shared_blocks::release_idle(arena)
}

/// Clears away what a process left that is dead or never came to be. Returns whether it did.
pub(super) fn sweep(arena: &Arena, id: SlotId) -> bool {
    if !slot::begin_sweep(arena, id) {
        return false;
    }
    // First of all the objects that it may have died in: an extent that it was about to link, or
    // had just unlinked, is RESERVED or LINKED by what they say.
    for object in handle::objects(arena, id) {
        shared_object::bring_into_order(object);
    }
    handle::release_table(arena, id);
    // For the same reason the objects that it was making or taking apart come before the rest.
    sweep_extents(arena, id, true);
    sweep_extents(arena, id, false);
    shared_spin::return_permits(arena, id);
    slot::finish(arena, id);
    true
}

/// Frees what is RESERVED for a dead process, or was being taken apart by it: heads of objects, or
/// all else.
fn sweep_extents(arena: &Arena, id: SlotId, heads: bool) {
    let is_left =
        |owner: Owner| owner.tag() == id.tag() && matches!(owner.state(), RESERVED | DYING);
    let mut block = 0;
    loop {
        let tables = arena.lock();
        let top = arena.header().top.load(Ordering::Relaxed);
        let end = (block + CHUNK).min(top);
        let mut left: Vec<Offset> = Vec::new();
        while block < end {
            let owner = Owner(description(arena, block).owner.load(Ordering::Acquire));
            if owner.state() == SLAB {
                if shared_slabs::holds_heads(arena, block) == heads {
                    left.extend(shared_slabs::find(arena, block, is_left));
                }
            } else if !heads && is_left(owner) {
                left.push(offset_of(arena, block));
            }
            // Runs have their size, slabs order 0.
            block += 1 << owner.order();
        }
        drop(tables);
        for extent in left {
            take_over(arena, extent);
            if heads {
                shared_object::destroy_all(vec![extent]);
            } else {
                extent::free(extent);
            }
        }
        if block >= top {
            return;
        }
    }
}

/// Makes what a dead process left this process's own, in case that this one is killed before it is
/// done.
fn take_over(arena: &Arena, extent: Offset) {
    let word = extent::owner_of(arena, extent);
    let found = word.load(Ordering::Relaxed);
    word.store(
        found & 0xffff | u64::from(my_tag()) << 16,
        Ordering::Release,
    );
}
