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
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::object::Header;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::world;

/// How deep the freeing of one object may free others on the native stack.
const DEPTH: u32 = 100;

/// In the present depth: something waits to be freed by the outermost drop.
const HAS_DEEP: u32 = 1 << 31;

/// How many retired objects a thread gathers before it asks for a grace period: enough to make
/// the request rare, few enough to keep the memory in the cache of the allocator.
const GATHER: usize = 512;

/// How many things there are that others see from outside, and that are therefore to go soon after the
/// last reference to them went: open files, sockets.
static RESOURCES: AtomicUsize = AtomicUsize::new(0);

/// One of these things, while it lives.
pub struct Resource(());

impl Resource {
    /// Notes that there is one more.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Resource {
        RESOURCES.fetch_add(1, Ordering::Relaxed);
        Resource(())
    }
}

impl Drop for Resource {
    fn drop(&mut self) {
        RESOURCES.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How often a thread that is about to block frees what it let go of, while there are such things: what
/// was in it is let go of by that.
const ROUNDS: u32 = 4;

/// How many retired objects share a tag.
const BATCH: usize = 64;

thread_local! {
    static DEPTH_NOW: Cell<u32> = const { Cell::new(0) };
    static WAITING: RefCell<Waiting> = const { RefCell::new(Waiting::new()) };
}

struct Waiting {
    /// Dropped too deep in the native stack; freed by the outermost drop.
    deep: Vec<NonNull<Header>>,
    /// Retired while several threads live, and not yet in a batch.
    open: Vec<NonNull<Header>>,
    /// Batches with an epoch that is not before any of their retirements, oldest first. One tag
    /// serves many objects, because all threads take theirs from the same counter.
    batches: VecDeque<(u64, Vec<NonNull<Header>>)>,
    /// How many objects are in `batches`.
    count: usize,
    /// The count at which the next grace period is asked for.
    next_request: usize,
    /// An empty list, kept for the next batch.
    spare: Vec<NonNull<Header>>,
}

impl Waiting {
    const fn new() -> Self {
        Waiting {
            deep: Vec::new(),
            open: Vec::new(),
            batches: VecDeque::new(),
            count: 0,
            next_request: GATHER,
            spare: Vec::new(),
        }
    }

    /// Makes a batch of what was retired last.
    fn close(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let spare = std::mem::take(&mut self.spare);
        let batch = std::mem::replace(&mut self.open, spare);
        self.count += batch.len();
        self.batches.push_back((world::retire_epoch(), batch));
    }
}

/// Frees an object whose count reached zero, now or when no thread can be reading it.
#[cold]
#[inline(never)]
pub(super) fn retire(object: NonNull<Header>) {
    if world::is_shared() {
        retire_shared(object);
    } else {
        destroy(object);
    }
}

fn destroy(object: NonNull<Header>) {
    // SAFETY: its count reached zero, so nobody changes the object.
    if unsafe { object.as_ref() }.is_leaf() {
        // SAFETY: as below; nothing else is freed by this.
        return unsafe { Header::destroy(object) };
    }
    let depth = DEPTH_NOW.get();
    if depth & !HAS_DEEP >= DEPTH {
        WAITING.with_borrow_mut(|waiting| waiting.deep.push(object));
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
        // SAFETY: as above: it was put off by a nested call of `destroy`.
        unsafe { Header::destroy(next) };
    }
    DEPTH_NOW.set(0);
}

fn retire_shared(object: NonNull<Header>) {
    if queue(object) {
        world::request_grace_period();
        collect();
    }
}

/// Frees an object whose count reached zero: at once with one thread, at a later safepoint with
/// several. For callers that cannot bear that other objects are freed meanwhile.
pub(super) fn retire_later(object: NonNull<Header>) {
    if world::is_shared() {
        queue(object);
    } else {
        destroy(object);
    }
}

/// Puts an object among those that wait; whether a grace period is due.
fn queue(object: NonNull<Header>) -> bool {
    WAITING.with_borrow_mut(|waiting| {
        waiting.open.push(object);
        if waiting.open.len() < BATCH {
            return false;
        }
        waiting.close();
        let due = waiting.count >= waiting.next_request;
        if due {
            waiting.next_request = waiting.count + GATHER;
        }
        due
    })
}

/// Frees what every thread has let go of by now. Called at safepoints, when the world asks.
pub fn collect() {
    WAITING.with_borrow_mut(Waiting::close);
    loop {
        let limit = if world::is_shared() {
            world::free_epoch()
        } else {
            u64::MAX
        };
        let next = WAITING.with_borrow_mut(|waiting| match waiting.batches.front() {
            Some(&(epoch, _)) if epoch < limit => {
                let batch = waiting.batches.pop_front().map(|(_, batch)| batch);
                waiting.count -= batch.as_ref().map_or(0, Vec::len);
                batch
            }
            _ => {
                waiting.next_request = waiting.count + GATHER;
                None
            }
        });
        match next {
            Some(mut batch) => {
                batch.drain(..).for_each(destroy);
                WAITING.with_borrow_mut(|waiting| waiting.spare = batch);
            }
            None => {
                if HAS_ORPHANS.load(Ordering::Relaxed) {
                    adopt(limit);
                }
                return;
            }
        }
    }
}

/// What a thread does with what it keeps before it blocks: gives back the counts that it has in
/// store, and gives what it let go of the tag of now, which passes while it is away.
/// Whether it wants to have passed a safepoint and to be called again, for resources.
pub fn before_detach(round: u32) -> bool {
    super::credit::flush();
    if RESOURCES.load(Ordering::Relaxed) == 0 {
        WAITING.with_borrow_mut(Waiting::close);
        return false;
    }
    if round > 0 {
        collect();
    }
    WAITING.with_borrow_mut(Waiting::close);
    if round < ROUNDS && has_waiting() {
        return true;
    }
    // The others look after the rest: this thread may be away for long.
    leave_to_others();
    false
}

/// Whether a resource may be among what this thread let go of.
pub fn has_resources() -> bool {
    RESOURCES.load(Ordering::Relaxed) > 0 && has_waiting()
}

/// Has what the calling thread let go of freed soon, few as it may be: for threads that are about to
/// idle, or that count what is left.
pub fn expedite() {
    super::credit::flush();
    if has_waiting() {
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
    super::registry::give_back_all();
    super::blocks::give_back_all();
    leave_to_others();
}

/// Leaves what the calling thread still keeps to the other threads.
fn leave_to_others() {
    let waiting = WAITING.with_borrow_mut(|waiting| {
        waiting.close();
        waiting.next_request = GATHER;
        waiting.count = 0;
        std::mem::take(&mut waiting.batches)
    });
    if waiting.is_empty() {
        return;
    }
    let objects = waiting.into_iter().flat_map(|(_, batch)| batch).collect();
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
fn adopt(limit: u64) {
    loop {
        let mut orphans = ORPHANS.lock();
        let position = orphans.iter().position(|part| part.epoch < limit);
        let part = position.map(|position| orphans.swap_remove(position));
        HAS_ORPHANS.store(!orphans.is_empty(), Ordering::Relaxed);
        drop(orphans);
        match part {
            Some(part) => part.objects.into_iter().for_each(destroy),
            None => return,
        }
    }
}

/// Whether this thread still has objects that wait for a grace period.
pub fn has_waiting() -> bool {
    WAITING.with_borrow(|waiting| !waiting.open.is_empty() || !waiting.batches.is_empty())
}
