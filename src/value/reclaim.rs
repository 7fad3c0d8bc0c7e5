//! What becomes of an object whose count reached zero. Knows counts and epochs; it must not know
//! kinds of objects.
//!
//! With one thread an object is freed at once. Freeing may drop further objects; past a small
//! depth these wait in a list, so that a chain of a million links does not overflow the native
//! stack. With several threads every object waits until all attached threads have passed a
//! safepoint.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};

use super::object::Header;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::standing::assert_attached;
use crate::runtime::{memory, world};

/// How deep the freeing of one object may free others on the native stack.
const DEPTH: u32 = 100;

/// In the present depth: something waits to be freed by the outermost drop.
const HAS_DEEP: u32 = 1 << 31;

/// How many retired objects a thread gathers before it asks for a grace period: enough to make
/// the request rare, few enough to keep the memory in the cache of the allocator.
const GATHER: usize = 512;

/// How many retired objects share a tag.
const BATCH: usize = 64;

/// How many bytes of memory the objects gathered may own before a grace period is asked for, few as
/// they may be.
const GATHER_BYTES: usize = 1 << 20;

/// How many bytes of memory may wait for a grace period before the thread that lets go of so much should
/// give others the time to pass.
const FLOOD: usize = 16 << 20;

/// About how many bytes an object has itself.
const OWN: usize = 64;

thread_local! {
    static DEPTH_NOW: Cell<u32> = const { Cell::new(0) };
    static WAITING: RefCell<Waiting> = const { RefCell::new(Waiting::new()) };
}

struct Waiting {
    /// Dropped too deep in the native stack; freed by the outermost drop.
    deep: Vec<NonNull<Header>>,
    /// Retired while several threads live, and not yet in a batch.
    open: Vec<NonNull<Header>>,
    /// How many bytes of memory those in `open` own.
    open_weight: usize,
    /// Oldest first.
    batches: VecDeque<Batch>,
    /// How many objects are in `batches`.
    count: usize,
    /// How many bytes of memory they own.
    weight: usize,
    /// The count at which the next grace period is asked for.
    next_request: usize,
    /// The weight at which it is.
    next_weight: usize,
    /// The weight at which the thread should wait a moment.
    next_pause: usize,
    /// An empty list, kept for the next batch.
    spare: Vec<NonNull<Header>>,
}

/// Retired objects with an epoch that is not before any of their retirements. One tag serves many
/// objects, because all threads take theirs from the same counter.
struct Batch {
    epoch: u64,
    weight: usize,
    objects: Vec<NonNull<Header>>,
}

impl Waiting {
    const fn new() -> Self {
        Waiting {
            deep: Vec::new(),
            open: Vec::new(),
            open_weight: 0,
            batches: VecDeque::new(),
            count: 0,
            weight: 0,
            next_request: GATHER,
            next_weight: GATHER_BYTES,
            next_pause: FLOOD,
            spare: Vec::new(),
        }
    }

    /// Makes a batch of what was retired last.
    fn close(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let spare = std::mem::take(&mut self.spare);
        let objects = std::mem::replace(&mut self.open, spare);
        let weight = std::mem::take(&mut self.open_weight);
        self.count += objects.len();
        self.weight = self.weight.saturating_add(weight);
        let epoch = world::retire_epoch();
        self.batches.push_back(Batch {
            epoch,
            weight,
            objects,
        });
    }

    /// Says when the next grace period is to be asked for.
    fn expect_more(&mut self) {
        self.next_request = self.count + GATHER;
        self.next_weight = self.weight.saturating_add(GATHER_BYTES);
    }

    /// Takes the oldest batch, if its epoch is before the limit.
    fn take_free(&mut self, limit: u64) -> Option<Vec<NonNull<Header>>> {
        if self.batches.front()?.epoch >= limit {
            return None;
        }
        let batch = self.batches.pop_front()?;
        self.count -= batch.objects.len();
        self.weight = self.weight.saturating_sub(batch.weight);
        Some(batch.objects)
    }
}

/// Frees an object whose count reached zero, and which no other thread can be reading.
#[cold]
#[inline(never)]
pub(super) fn free(object: NonNull<Header>) {
    // SAFETY: its count reached zero, so nobody changes the object.
    if unsafe { object.as_ref() }.is_leaf() {
        // SAFETY: as below; nothing else is freed by this.
        return unsafe { Header::destroy(object) };
    }
    let depth = DEPTH_NOW.get();
    if depth & !HAS_DEEP >= DEPTH {
        WAITING.with_borrow_mut(|waiting| {
            if waiting.deep.len() == waiting.deep.capacity() {
                memory::grow_while_freeing(&mut waiting.deep, 1);
            }
            waiting.deep.push(object);
        });
        DEPTH_NOW.set(depth | HAS_DEEP);
        return;
    }
    DEPTH_NOW.set(depth + 1);
    // SAFETY: its count reached zero, and either no other thread exists or all have passed a
    // safepoint since.
    unsafe { Header::destroy(object) };
    let now = DEPTH_NOW.get();
    if now == HAS_DEEP | 1 {
        free_deep();
    } else {
        DEPTH_NOW.set(now - 1);
    }
}

/// Frees what was put off, in the outermost call.
#[cold]
#[inline(never)]
fn free_deep() {
    while let Some(next) = WAITING.with_borrow_mut(|waiting| waiting.deep.pop()) {
        // SAFETY: as above: it was put off by a nested call of `free`.
        unsafe { Header::destroy(next) };
    }
    DEPTH_NOW.set(0);
}

/// Frees an object whose count reached zero, once no thread can be reading it.
pub(super) fn retire(object: NonNull<Header>) {
    if queue(object) {
        world::request_grace_period();
        collect();
    }
}

/// Frees an object whose count reached zero: at once with one thread, at a later safepoint with
/// several. For callers that cannot bear that other objects are freed meanwhile.
pub(super) fn retire_later(object: NonNull<Header>) {
    if world::is_shared() {
        if queue(object) {
            world::request_grace_period();
        }
    } else {
        free(object);
    }
}

/// Puts an object among those that wait; whether a grace period is due.
fn queue(object: NonNull<Header>) -> bool {
    // SAFETY: it is not freed before it has been in the queue.
    let header = unsafe { object.as_ref() };
    assert_attached();
    let weight = header.weight().saturating_add(OWN);
    header.forgotten();
    WAITING.with_borrow_mut(|waiting| {
        waiting.open.push(object);
        waiting.open_weight = waiting.open_weight.saturating_add(weight);
        if waiting.open.len() < BATCH && waiting.open_weight < GATHER_BYTES / 4 {
            return false;
        }
        waiting.close();
        let due = waiting.count >= waiting.next_request || waiting.weight >= waiting.next_weight;
        if due {
            waiting.expect_more();
        }
        due
    })
}

/// Frees what every thread has let go of by now. Called at safepoints, when the world asks.
pub fn collect() {
    WAITING.with_borrow_mut(Waiting::close);
    loop {
        let limit = free_limit();
        let next = WAITING.with_borrow_mut(|waiting| {
            let next = waiting.take_free(limit);
            if next.is_none() {
                waiting.expect_more();
            }
            next
        });
        match next {
            Some(mut batch) => {
                batch.drain(..).for_each(free);
                WAITING.with_borrow_mut(|waiting| waiting.spare = batch);
            }
            None => {
                if HAS_ORPHANS.load(Ordering::Relaxed) {
                    adopt();
                }
                return;
            }
        }
    }
}

/// Tags below this are free. Asked anew for each batch: a `finally` that runs when an object is freed may
/// start the second thread.
fn free_limit() -> u64 {
    if world::is_shared() {
        world::free_epoch()
    } else {
        u64::MAX
    }
}

/// Whether the calling thread lets go of memory faster than others let it be freed; said once for each
/// further part of it.
pub fn take_flood() -> bool {
    WAITING.with_borrow_mut(|waiting| {
        let is_flood = waiting.weight >= waiting.next_pause;
        if is_flood {
            waiting.next_pause = waiting.weight.saturating_add(FLOOD / 4);
        } else if waiting.weight < FLOOD / 2 {
            waiting.next_pause = FLOOD;
        }
        is_flood
    })
}

/// What a thread does with what it keeps before it blocks: gives back the counts that it has in
/// store, and gives what it let go of the tag of now, which passes while it is away.
pub fn before_detach() {
    super::credit::flush();
    WAITING.with_borrow_mut(Waiting::close);
}

/// Has what the calling thread let go of, and what others left behind, freed soon, few as it may be: for threads
/// that are about to idle, or that count what is left.
pub fn expedite() {
    super::credit::flush();
    if has_waiting() || HAS_ORPHANS.load(Ordering::Relaxed) {
        // Before the request, whose goal is to let go of every tag given out so far.
        WAITING.with_borrow_mut(Waiting::close);
        world::request_grace_period();
        collect();
    }
}

/// Has what this thread let go of freed soon, and what threads that have ended left behind: for who asks for a
/// collection, and then looks at what is gone.
pub fn settle() {
    super::credit::flush();
    WAITING.with_borrow_mut(Waiting::close);
    if has_waiting() || HAS_ORPHANS.load(Ordering::Relaxed) {
        world::request_grace_period();
        collect();
    }
}

/// Objects that threads left behind when they ended, with the epoch of the hand-over: at least as
/// late as that of each retirement.
static ORPHANS: LeafLock<Vec<Orphans>> = LeafLock::new(Vec::new());

/// Whether there are any, readable without the lock.
static HAS_ORPHANS: AtomicBool = AtomicBool::new(false);

struct Orphans {
    epoch: u64,
    objects: Vec<NonNull<Header>>,
}

// SAFETY: objects may be freed by any thread; the list owns them.
unsafe impl Send for Orphans {}

/// Frees what the calling thread still keeps, or leaves it to the other threads. The last thing that
/// a thread does with objects.
pub fn hand_over() {
    super::credit::flush();
    collect();
    // What was freed may have taken counts of objects that many threads use.
    super::credit::flush();
    super::registry::give_back_all();
    super::blocks::give_back_all();
    let waiting = WAITING.with_borrow_mut(|waiting| {
        waiting.close();
        waiting.count = 0;
        waiting.weight = 0;
        waiting.expect_more();
        std::mem::take(&mut waiting.batches)
    });
    if waiting.is_empty() {
        return;
    }
    let objects = waiting
        .into_iter()
        .flat_map(|batch| batch.objects)
        .collect();
    let epoch = world::retire_epoch();
    let mut orphans = ORPHANS.lock();
    orphans.push(Orphans { epoch, objects });
    HAS_ORPHANS.store(true, Ordering::Relaxed);
    let due = orphans.iter().map(|part| part.objects.len()).sum::<usize>() >= GATHER;
    drop(orphans);
    if due {
        world::request_grace_period();
    }
}

#[cold]
fn adopt() {
    loop {
        let limit = free_limit();
        let mut orphans = ORPHANS.lock();
        let position = orphans.iter().position(|part| part.epoch < limit);
        let part = position.map(|position| orphans.swap_remove(position));
        HAS_ORPHANS.store(!orphans.is_empty(), Ordering::Relaxed);
        drop(orphans);
        match part {
            Some(part) => part.objects.into_iter().for_each(free),
            None => return,
        }
    }
}

/// Whether this thread still has objects that wait for a grace period.
pub fn has_waiting() -> bool {
    WAITING.with_borrow(|waiting| !waiting.open.is_empty() || !waiting.batches.is_empty())
}
