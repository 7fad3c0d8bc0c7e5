//! Which objects exist that can close a cycle of references: the collector has no other way to find
//! them. Knows addresses and numbers; it must not know kinds of objects.
//!
//! An object has a number, its place in a table of addresses. Each thread keeps a few free numbers
//! at hand, so that entering and leaving are a few instructions without a lock; threads trade free
//! numbers in batches. The number of objects is known to within a batch for each thread, and only
//! counted where batches are traded: that is also where it is noticed that a collection is due.

use std::alloc::{Layout, alloc_zeroed};
use std::cell::UnsafeCell;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

use super::object::Header;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::{memory, world};

/// How many numbers are traded at once.
const BATCH: usize = 128;

/// Addresses for each piece of the table.
const CHUNK: usize = 1 << 13;

/// Pieces at most: an object beyond them is not registered, and a cycle of such objects is never
/// collected.
const CHUNKS: usize = 1 << 14;

/// How many more objects than after the last collection there must be before the next.
pub const LEAST_GROWTH: usize = 10_000;

static TABLE: [AtomicPtr<AtomicPtr<Header>>; CHUNKS] =
    [const { AtomicPtr::new(std::ptr::null_mut()) }; CHUNKS];

/// Free numbers that no thread keeps, and the first that was never given out. Number 0 is none.
static FREE: LeafLock<Free> = LeafLock::new(Free {
    numbers: Vec::new(),
    next: 1,
});

/// Numbers that threads have: those of objects, and the few that each keeps.
static GIVEN: AtomicUsize = AtomicUsize::new(0);
/// At how many given numbers a collection is due.
static LIMIT: AtomicUsize = AtomicUsize::new(LEAST_GROWTH);
/// How many numbers were given after the last collection.
static AFTER_LAST: AtomicUsize = AtomicUsize::new(0);
/// Whether collections are asked for at all.
static ENABLED: AtomicBool = AtomicBool::new(true);

struct Free {
    numbers: Vec<u32>,
    next: usize,
}

/// By how many objects more than at the limit, at least, the collector is late.
const LATE: usize = 2 * LEAST_GROWTH;

/// The free numbers that a thread keeps.
struct Kept {
    count: usize,
    /// The thread has made objects while the collector was late.
    hurries: bool,
    numbers: [u32; 2 * BATCH],
}

thread_local! {
    static KEPT: UnsafeCell<Kept> = const {
        UnsafeCell::new(Kept {
            count: 0,
            hurries: false,
            numbers: [0; 2 * BATCH],
        })
    };
}

#[inline(always)]
fn place(number: u32) -> &'static AtomicPtr<Header> {
    let number = number as usize;
    let chunk = TABLE[(number / CHUNK) % CHUNKS].load(Ordering::Relaxed);
    // SAFETY: a number that was given out lies in a piece that was made before, and pieces stay.
    unsafe { &*chunk.add(number % CHUNK) }
}

/// Registers an object; its number, or 0 when there is no room.
#[inline(always)]
pub(super) fn enter(object: NonNull<Header>) -> u32 {
    KEPT.with(|kept| {
        // SAFETY: the thread's own, and nothing below comes back here.
        let kept = unsafe { &mut *kept.get() };
        if kept.count == 0 && !refill(kept) {
            return 0;
        }
        kept.count -= 1;
        let number = kept.numbers[kept.count];
        place(number).store(object.as_ptr(), Ordering::Release);
        number
    })
}

/// Takes an object out again; 0 is none.
#[inline(always)]
pub(super) fn leave(number: u32) {
    if number == 0 {
        return;
    }
    place(number).store(std::ptr::null_mut(), Ordering::Release);
    KEPT.with(|kept| {
        // SAFETY: as in `enter`.
        let kept = unsafe { &mut *kept.get() };
        if kept.count == kept.numbers.len() {
            give_back(kept, BATCH);
        }
        kept.numbers[kept.count] = number;
        kept.count += 1;
    });
}

#[cold]
#[inline(never)]
fn refill(kept: &mut Kept) -> bool {
    // Objects may be made under a lock, and this lock is within every other.
    let mut free = FREE.lock_within();
    while kept.count < BATCH {
        let number = match free.numbers.pop() {
            Some(number) => number,
            None => match free.fresh() {
                Some(number) => number,
                None => break,
            },
        };
        kept.numbers[kept.count] = number;
        kept.count += 1;
    }
    drop(free);
    let given = GIVEN.fetch_add(kept.count, Ordering::Relaxed) + kept.count;
    let limit = LIMIT.load(Ordering::Relaxed);
    if given >= limit && ENABLED.load(Ordering::Relaxed) {
        world::request_collection();
        let growth = limit.saturating_sub(AFTER_LAST.load(Ordering::Relaxed));
        kept.hurries = given >= limit + growth.max(LATE);
    }
    kept.count > 0
}

/// Whether the calling thread has made objects faster than they are collected, since it was asked last.
pub fn take_hurry() -> bool {
    KEPT.with(|kept| {
        // SAFETY: as in `enter`.
        let kept = unsafe { &mut *kept.get() };
        std::mem::take(&mut kept.hurries)
    })
}

#[cold]
#[inline(never)]
fn give_back(kept: &mut Kept, count: usize) {
    kept.count -= count;
    let numbers = &mut FREE.lock_within().numbers;
    if numbers.capacity() - numbers.len() < count {
        memory::grow_while_freeing(numbers, count);
    }
    numbers.extend_from_slice(&kept.numbers[kept.count..kept.count + count]);
    GIVEN.fetch_sub(count, Ordering::Relaxed);
}

impl Free {
    fn fresh(&mut self) -> Option<u32> {
        let number = self.next;
        if number >= CHUNK * CHUNKS {
            return None;
        }
        let chunk = &TABLE[number / CHUNK];
        if chunk.load(Ordering::Relaxed).is_null() {
            let layout = Layout::new::<[AtomicPtr<Header>; CHUNK]>();
            // SAFETY: the layout has a size; null is a valid address of nothing.
            let made = unsafe { alloc_zeroed(layout) };
            if made.is_null() {
                return None;
            }
            chunk.store(made.cast(), Ordering::Release);
        }
        self.next += 1;
        u32::try_from(number).ok()
    }
}

/// Gives back what the calling thread keeps: it ends.
pub(super) fn give_back_all() {
    KEPT.with(|kept| {
        // SAFETY: as in `enter`.
        let kept = unsafe { &mut *kept.get() };
        if kept.count > 0 {
            give_back(kept, kept.count);
        }
        kept.hurries = false;
    });
}

/// Calls `visit` with every registered object. The world is stopped, so none is made or freed
/// meanwhile.
pub(super) fn for_each(mut visit: impl FnMut(NonNull<Header>)) {
    let end = FREE.lock_within().next;
    for number in 1..end {
        let number = number as u32;
        if let Some(object) = NonNull::new(place(number).load(Ordering::Acquire)) {
            visit(object);
        }
    }
}

/// About how many objects are registered.
pub fn count() -> usize {
    GIVEN.load(Ordering::Relaxed)
}

/// How many more there are than after the last collection, or fewer (then 0).
pub fn growth() -> usize {
    count().saturating_sub(AFTER_LAST.load(Ordering::Relaxed))
}

/// Says how many numbers stay given when what was found unreachable is freed, and at how many more
/// the next collection is due.
pub fn set_limit(stay: usize, growth: usize) {
    LIMIT.store(stay + growth, Ordering::Relaxed);
    AFTER_LAST.store(stay, Ordering::Relaxed);
}

/// Whether collections happen by themselves.
pub fn is_enabled() -> bool {
    ENABLED.load(Ordering::Relaxed)
}

/// Sets whether collections happen by themselves.
pub fn set_enabled(enabled: bool) {
    ENABLED.store(enabled, Ordering::Relaxed);
    if enabled && count() >= LIMIT.load(Ordering::Relaxed) {
        world::request_collection();
    }
}
