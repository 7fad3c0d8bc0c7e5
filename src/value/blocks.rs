//! Memory of small objects. Each thread keeps some blocks that objects left, for the next ones of
//! about that size: most objects live shortly, and to ask the allocator twice for each costs more
//! than what is done with them. It must not know objects.

use std::alloc::{Layout, alloc, dealloc};
use std::cell::UnsafeCell;
use std::ptr::null_mut;
use std::sync::{Mutex, PoisonError};

/// Sizes are rounded up to multiples of this, which is also the alignment of all blocks.
const UNIT: usize = 16;
/// Blocks of up to this many units are kept.
const KINDS: usize = 16;
/// Bytes that are kept of each size at most: little beside what a thread's stacks take.
const MOST: usize = 16 * 1024;

/// A block that is kept; the next one of its size.
struct Kept {
    next: *mut Kept,
}

#[derive(Clone, Copy)]
struct List {
    first: *mut Kept,
    count: usize,
}

thread_local! {
    static LISTS: UnsafeCell<[List; KINDS]> = const {
        UnsafeCell::new([List { first: null_mut(), count: 0 }; KINDS])
    };
}

/// What is asked of the allocator for a block of this many units.
#[inline(always)]
fn block(units: usize) -> Layout {
    // SAFETY: the alignment is a power of two, and the sizes are small.
    unsafe { Layout::from_size_align_unchecked(units * UNIT, UNIT) }
}

/// The number of units of a block, if blocks of the size are kept.
#[inline(always)]
fn units(layout: Layout) -> Option<usize> {
    // Under a sanitizer each block is the allocator's, so that a use after its end is seen.
    if cfg!(fuzzing) {
        return None;
    }
    let units = layout.size().div_ceil(UNIT);
    (units <= KINDS && layout.align() <= UNIT).then_some(units)
}

/// Memory of this layout, whose size is not 0; null when there is none.
#[inline(always)]
pub(super) fn take(layout: Layout) -> *mut u8 {
    let Some(units) = units(layout) else {
        // SAFETY: the size is not zero.
        return unsafe { alloc(layout) };
    };
    let kept = LISTS.with(|lists| {
        // SAFETY: the thread's own, and nothing here comes back to it.
        let list = unsafe { &mut (&mut *lists.get())[units - 1] };
        let kept = list.first;
        if !kept.is_null() {
            // SAFETY: a block that is kept begins with the next one.
            list.first = unsafe { (*kept).next };
            list.count -= 1;
        }
        kept
    });
    if kept.is_null() {
        return ask(units);
    }
    kept.cast()
}

#[inline(never)]
fn ask(units: usize) -> *mut u8 {
    // SAFETY: the size is not zero.
    unsafe { alloc(block(units)) }
}

/// What is cut up for things that are never given back.
struct Chunk {
    free: *mut u8,
    left: usize,
}
// SAFETY: memory that nobody else knows of, and that belongs to no thread.
unsafe impl Send for Chunk {}

/// A part of this that is left over when a chunk is used up is lost.
const CHUNK: usize = 32 * 1024;

/// Memory of this layout for something that is never given back; null when there is none. Such things lie beside each
/// other, without what an allocator puts between, and apart from what is written to: every child of a fork copies
/// the map of these pages, and the pages on which it or its parent writes.
pub(super) fn take_for_good(layout: Layout) -> *mut u8 {
    // Nothing waits while it holds this lock, and no thread of the interpreter is inside while it forks.
    static CHUNKS: Mutex<Chunk> = Mutex::new(Chunk {
        free: null_mut(),
        left: 0,
    });
    let size = layout.size().next_multiple_of(UNIT);
    if cfg!(fuzzing) || size > CHUNK / 8 || layout.align() > UNIT {
        // SAFETY: the size is not zero.
        return unsafe { alloc(layout) };
    }
    let mut chunk = CHUNKS.lock().unwrap_or_else(PoisonError::into_inner);
    if chunk.left < size {
        // SAFETY: the size is not zero.
        let fresh = unsafe { alloc(Layout::from_size_align_unchecked(CHUNK, UNIT)) };
        if fresh.is_null() {
            return fresh;
        }
        *chunk = Chunk {
            free: fresh,
            left: CHUNK,
        };
    }
    let taken = chunk.free;
    chunk.free = taken.wrapping_add(size);
    chunk.left -= size;
    taken
}

/// Puts something beside such things, for good.
pub(super) fn keep_for_good<T: Sync>(value: T) -> &'static T {
    const { assert!(size_of::<T>() > 0) };
    let layout = Layout::new::<T>();
    let place = take_for_good(layout).cast::<T>();
    if place.is_null() {
        std::alloc::handle_alloc_error(layout);
    }
    // SAFETY: memory of this layout that nobody else knows of, and that is never given back.
    unsafe {
        place.write(value);
        &*place
    }
}

/// Gives memory back.
///
/// # Safety
/// It must be from [`take`] with the same layout, and not be used again.
#[inline(always)]
pub(super) unsafe fn give_back(memory: *mut u8, layout: Layout) {
    let Some(units) = units(layout) else {
        // SAFETY: by contract.
        return unsafe { dealloc(memory, layout) };
    };
    let is_kept = LISTS.with(|lists| {
        // SAFETY: as in `take`.
        let list = unsafe { &mut (&mut *lists.get())[units - 1] };
        if list.count >= MOST / (units * UNIT) {
            return false;
        }
        let kept = memory.cast::<Kept>();
        // SAFETY: by contract the memory is nobody's, and it has room for a pointer.
        unsafe { kept.write(Kept { next: list.first }) };
        list.first = kept;
        list.count += 1;
        true
    });
    if !is_kept {
        // SAFETY: by contract; `take` asked for such a block.
        unsafe { dealloc(memory, block(units)) };
    }
}

/// Gives back all that the calling thread keeps: it ends.
pub(super) fn give_back_all() {
    for units in 1..=KINDS {
        loop {
            let kept = LISTS.with(|lists| {
                // SAFETY: as in `take`.
                let list = unsafe { &mut (&mut *lists.get())[units - 1] };
                let kept = list.first;
                if !kept.is_null() {
                    // SAFETY: a block that is kept begins with the next one.
                    list.first = unsafe { (*kept).next };
                    list.count -= 1;
                }
                kept
            });
            if kept.is_null() {
                break;
            }
            // SAFETY: a kept block, taken off its list.
            unsafe { dealloc(kept.cast(), block(units)) };
        }
    }
}
