//! The world token: which threads may touch interpreter objects, and how all of them are stopped.
//!
//! A thread runs *attached*. While it blocks, and whenever it is not the interpreter's code that
//! runs, it is *detached*: it touches no object that another thread could see. Whoever needs the
//! world for itself (fork, the cycle collector) suspends the detached threads without their help
//! and waits until each attached one reaches a safepoint. This file knows the states of threads and
//! the flags they poll; it must not know what they run.
//!
//! # Why it is sound
//! * A stopper first makes `STOPS` odd and sets the stop bit of the poll word, then looks at each
//!   thread's state; a thread first stores its state, then looks at the poll word. All four are
//!   sequentially consistent, so of the two at least one sees the other: the stopper finds the
//!   thread detached, or the thread wakes the stopper.
//! * A detached thread is suspended by compare-and-swap on the same word by which it attaches:
//!   either the stopper wins and the attach waits, or the thread wins and the stopper waits.
//! * A thread enters the registry (under its lock) before it attaches. If a stopper's look at the
//!   registry missed it, the registry lock orders its attach after `STOPS` became odd, and it
//!   waits.
//! * A thread that a stop keeps out counts itself in `RETURNING` before it sleeps on `STOPS`; who starts
//!   the world makes `STOPS` even before it looks at the count. Of the two at least one sees the other:
//!   the thread finds the number changed, or is woken.
//! * A stop never gives up waiting. After a second it says which thread it waits for.
//!
//! # Grace periods
//! Between two safepoints a thread may use shared objects without counting them. An object that was
//! unlinked therefore lives until every attached thread has passed a safepoint since; detached
//! threads hold no such borrow. [`retire_epoch`] ends an epoch by an increment that releases the
//! unlinking before it; a thread that passes a safepoint acquires the current epoch and publishes
//! it in its `seen`. If every attached thread's `seen` is above a tag, each has acquired an epoch
//! that begins after the tag's unlinking and can no longer find the object, and what it did with it
//! before is released by the publication. A thread that is found detached and attaches right
//! afterwards is ordered by the fences in `free_epoch`'s scan and in `attach`: the scan's fence came
//! first, so the thread sees every unlinking that the scan's epoch covers.

use super::clock::Deadline;
use super::futex;
use super::leaf_lock::assert_no_lock_held;
pub use super::sharing::is_shared;
use super::sharing::{self, is_shared_at_once, set_shared};
use super::standing::{note_attached, note_detached};
use super::thread::{self, Thread, ThreadHandle};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use std::time::Duration;

/// Not inside the interpreter.
pub(super) const DETACHED: u32 = 0;
/// May touch objects.
pub(super) const ATTACHED: u32 = 1;
/// Detached, and may not attach until the world starts again.
pub(super) const SUSPENDED: u32 = 2;

/// A stopper waits for attached threads.
const STOP: u32 = 1;
/// Somebody waits for a grace period.
const GRACE: u32 = 2;
/// Memory ran short: some thread must raise the error.
const SHORTAGE: u32 = 4;
/// Part of the reserve of memory is gone, and to be filled up again.
const LOW_RESERVE: u32 = 8;
/// Unreachable objects may be many: some thread must collect them.
const COLLECTION: u32 = 16;
/// From here on the poll word counts the threads that have something pending.
const PENDING_THREAD: u32 = 0x100;

/// What every thread reads all the time and hardly anybody writes, on a cache line of its own: the poll word.
#[repr(align(128))]
struct Flags {
    poll: AtomicU32,
}

static FLAGS: Flags = Flags {
    poll: AtomicU32::new(0),
};

/// Counts beginnings and ends of stops: odd while the world is stopped or being stopped. Those who
/// may not attach sleep on it.
static STOPS: AtomicU32 = AtomicU32::new(0);
/// Bumped by every thread that leaves the attached state during a stop; the stopper sleeps on it.
static PROGRESS: AtomicU32 = AtomicU32::new(0);
/// Who may stop the world, in the order of arrival: the next ticket, and the ticket whose turn it is.
/// Those who wait for their turn sleep on the latter.
static NEXT_STOPPER: AtomicU32 = AtomicU32::new(0);
static STOPPERS_TURN: AtomicU32 = AtomicU32::new(0);
/// How many threads a stop keeps, or kept, from attaching. The next stopper lets them in first, or
/// stops one after the other would starve them.
static RETURNING: AtomicU32 = AtomicU32::new(0);
/// The thread that has stopped the world or is doing so; 0 for none.
static STOPPER: AtomicU64 = AtomicU64::new(0);

/// The current epoch.
#[repr(align(128))]
struct Epoch(AtomicU64);
static EPOCH: Epoch = Epoch(AtomicU64::new(1));
/// Tags below this one are free.
static FREE: AtomicU64 = AtomicU64::new(1);
/// The epoch that all attached threads shall have seen.
static GOAL: AtomicU64 = AtomicU64::new(0);

/// How long a stopper lets those in whom the stop before kept out: enough for each to be scheduled
/// once, and a bound where there are more threads than processors.
const COURTESY: Duration = Duration::from_millis(2);

/// How long a stop may take before it says for whom it waits.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether some thread has something to do at its next safepoint. One relaxed load.
#[inline(always)]
pub fn poll_requested() -> bool {
    FLAGS.poll.load(Ordering::Relaxed) != 0
}

/// Clears the flag of [`is_shared`] if the calling thread is the only one left, and says whether it
/// did. Only a program that owns every thread may call it, at a safepoint.
pub fn clear_shared_if_alone(thread: &ThreadHandle) -> bool {
    assert_no_lock_held();
    // Under the registry lock: a thread that registers later finds the flag clear and stops the
    // world to set it.
    thread::with_registry(|threads| {
        let alone = matches!(threads, [only] if only.id() == thread.id());
        if alone {
            // It hardly waits: such a program's own threads visit to let go of a program, and no visitor takes this lock.
            set_shared(false);
        }
        alone
    })
}

/// Counts a thread that has something pending into the poll word. Safe in a signal handler.
pub(super) fn add_pending_thread() {
    FLAGS.poll.fetch_add(PENDING_THREAD, Ordering::SeqCst);
}

/// Takes a thread with nothing pending any more out of the poll word. The count may wrap for a
/// moment, when the thread is faster than the one that counts it in.
pub(super) fn remove_pending_thread() {
    FLAGS.poll.fetch_sub(PENDING_THREAD, Ordering::SeqCst);
}

/// Notes that a piece of the reserve of memory was given up. Called by the allocator.
pub(super) fn report_shortage() {
    FLAGS
        .poll
        .fetch_or(SHORTAGE | LOW_RESERVE, Ordering::SeqCst);
}

/// Notes that a large request was refused, and something smaller found.
pub(super) fn report_shortage_of_room() {
    FLAGS.poll.fetch_or(SHORTAGE, Ordering::SeqCst);
}

/// Asks some thread to collect unreachable objects at its next safepoint.
pub fn request_collection() {
    FLAGS.poll.fetch_or(COLLECTION, Ordering::SeqCst);
}

/// Takes that request: one thread gets it.
pub fn take_collection_request() -> bool {
    let poll = FLAGS.poll.load(Ordering::Relaxed);
    poll & COLLECTION != 0 && FLAGS.poll.fetch_and(!COLLECTION, Ordering::SeqCst) & COLLECTION != 0
}

/// Whether there is a note that memory ran short.
#[inline(always)]
pub(super) fn is_short() -> bool {
    FLAGS.poll.load(Ordering::Relaxed) & SHORTAGE != 0
}

/// Takes the note that memory ran short.
pub(super) fn take_shortage() -> bool {
    let poll = FLAGS.poll.load(Ordering::Relaxed);
    poll & SHORTAGE != 0 && FLAGS.poll.fetch_and(!SHORTAGE, Ordering::SeqCst) & SHORTAGE != 0
}

/// Whether part of the reserve of memory is gone.
pub(super) fn has_low_reserve() -> bool {
    FLAGS.poll.load(Ordering::Relaxed) & LOW_RESERVE != 0
}

/// Notes that the reserve of memory is whole again.
pub(super) fn end_shortage() {
    FLAGS.poll.fetch_and(!LOW_RESERVE, Ordering::SeqCst);
}

/// Makes `thread` attached; waits while the world is stopped.
pub(super) fn attach(thread: &Thread) {
    assert_no_lock_held();
    let mut waited = false;
    loop {
        let stops = STOPS.load(Ordering::SeqCst);
        if stops & 1 == 1 {
            if !waited {
                waited = true;
                RETURNING.fetch_add(1, Ordering::SeqCst);
            }
            futex::wait(&STOPS, stops, false, None);
            continue;
        }
        // Before the state: whoever sees the thread attached sees at least this epoch.
        let epoch = EPOCH.0.load(Ordering::Acquire);
        thread.seen.store(epoch, Ordering::Relaxed);
        if thread
            .state
            .compare_exchange(DETACHED, ATTACHED, Ordering::SeqCst, Ordering::Relaxed)
            .is_ok()
        {
            break;
        }
        // Suspended by a stop that began in between.
        std::hint::spin_loop();
    }
    fence(Ordering::SeqCst);
    note_attached();
    if waited && RETURNING.fetch_sub(1, Ordering::SeqCst) == 1 {
        futex::wake_all(&RETURNING, false);
    }
}

/// What a thread does before it detaches, while several threads may live.
static BEFORE_DETACH: OnceLock<fn()> = OnceLock::new();

/// Sets what every thread does before it detaches: giving back what it keeps for itself of things
/// that all share. It may take no time and run no script code. The first one stays.
pub fn set_before_detach(work: fn()) {
    // A second engine in the process sets the same again.
    let _ = BEFORE_DETACH.set(work);
}

/// Makes `thread` detached. It must hold no lock and no uncounted borrow.
pub(super) fn detach(thread: &Thread) {
    assert_no_lock_held();
    prepare_to_detach();
    leave(thread);
}

/// The part of detaching that touches objects. The thread is attached and in the registry.
pub(super) fn prepare_to_detach() {
    // A newcomer that waits to stop the world detaches while the flag may change.
    if is_shared_at_once()
        && let Some(work) = BEFORE_DETACH.get()
    {
        work();
    }
}

/// The part of detaching that touches none. A thread that has left the registry may do no more than
/// this: no stop of the world waits for it and no grace period knows of it, and whoever is left may
/// already count plainly.
pub(super) fn leave(thread: &Thread) {
    note_detached();
    thread.state.store(DETACHED, Ordering::SeqCst);
    let poll = FLAGS.poll.load(Ordering::SeqCst);
    if poll & (STOP | GRACE) != 0 {
        left_attached(poll);
    }
}

#[cold]
fn left_attached(poll: u32) {
    if poll & STOP != 0 {
        PROGRESS.fetch_add(1, Ordering::SeqCst);
        futex::wake_all(&PROGRESS, false);
    }
    if poll & GRACE != 0 {
        end_grace_period();
    }
}

/// The part of a safepoint that concerns the world: parks while it is stopped and publishes that
/// the thread passed.
pub(super) fn pass_safepoint(thread: &Thread) {
    assert_no_lock_held();
    let poll = FLAGS.poll.load(Ordering::SeqCst);
    if poll & STOP != 0 && !is_stopper(thread) {
        detach(thread);
        attach(thread);
    }
    if poll & GRACE != 0 {
        let goal = GOAL.load(Ordering::Acquire);
        let before = thread.seen.load(Ordering::Relaxed);
        let epoch = EPOCH.0.load(Ordering::Acquire);
        thread.seen.store(epoch, Ordering::SeqCst);
        // Whoever has passed before leaves the rest to the others: the last one ends it.
        if before < goal {
            end_grace_period();
        }
    }
}

fn is_stopper(thread: &Thread) -> bool {
    STOPPER.load(Ordering::Relaxed) == thread.id.get()
}

// ---- Grace periods --------------------------------------------------------------------------

/// Ends the current epoch and returns its number: the tag for objects that the caller has just
/// unlinked. One tag serves a whole batch; take it after the last of them was unlinked.
pub fn retire_epoch() -> u64 {
    EPOCH.0.fetch_add(1, Ordering::SeqCst)
}

/// Objects with a tag below this may be freed: every attached thread has passed a safepoint since.
pub fn free_epoch() -> u64 {
    FREE.load(Ordering::Acquire)
}

/// Asks every attached thread to pass a safepoint, so that [`free_epoch`] rises above every tag
/// given out so far. The caller is attached.
pub fn request_grace_period() {
    let goal = EPOCH.0.load(Ordering::SeqCst);
    GOAL.fetch_max(goal, Ordering::SeqCst);
    FLAGS.poll.fetch_or(GRACE, Ordering::SeqCst);
}

/// Looks how far all threads are, and takes the request back if that is far enough. Every thread
/// that passes a safepoint or detaches while a request stands comes here; the registry lock puts
/// them in an order, and the last one sees all others past.
fn end_grace_period() {
    thread::with_registry(scan_epochs);
}

fn scan_epochs(threads: &[ThreadHandle]) {
    let mut least = EPOCH.0.load(Ordering::SeqCst);
    fence(Ordering::SeqCst);
    for other in threads {
        let other = other.thread();
        if other.state.load(Ordering::SeqCst) == ATTACHED {
            least = least.min(other.seen.load(Ordering::SeqCst));
        }
    }
    FREE.fetch_max(least, Ordering::SeqCst);
    if least >= GOAL.load(Ordering::SeqCst) {
        FLAGS.poll.fetch_and(!GRACE, Ordering::SeqCst);
        // A request that came between the two lines stands.
        if least < GOAL.load(Ordering::SeqCst) {
            FLAGS.poll.fetch_or(GRACE, Ordering::SeqCst);
        }
    }
}

// ---- Stopping -------------------------------------------------------------------------------

/// The world while one thread has it for itself.
pub struct StoppedWorld<'a> {
    thread: &'a ThreadHandle,
}

impl StoppedWorld<'_> {
    /// The thread that stopped the world.
    pub fn stopper(&self) -> &ThreadHandle {
        self.thread
    }

    /// Every registered thread, the stopper included.
    pub fn threads(&self) -> Vec<ThreadHandle> {
        thread::enumerate()
    }

    /// Panics in a debug build if another thread is attached: for those who are lost if it is.
    pub(super) fn assert_others_stopped(&self) {
        if cfg!(debug_assertions) {
            thread::with_registry(|threads| {
                for other in threads.iter().filter(|other| *other != self.thread) {
                    let state = other.thread().state.load(Ordering::SeqCst);
                    assert!(
                        state != ATTACHED,
                        "thread `{}` runs in a stopped world",
                        other.name()
                    );
                }
            });
            assert!(STOPS.load(Ordering::SeqCst) & 1 == 1 && is_stopper(self.thread.thread()));
        }
    }

    /// Makes every tag given out so far free: no other thread is attached, and the stopper says
    /// that it has no uncounted borrow either.
    pub fn everything_is_free(&self) -> u64 {
        let epoch = EPOCH.0.load(Ordering::SeqCst);
        self.thread.thread().seen.store(epoch, Ordering::SeqCst);
        end_grace_period();
        free_epoch()
    }

    /// Says that values are shared no longer: in the child of a fork, which has one thread.
    pub(super) fn clear_shared(&self) {
        sharing::clear_in_child();
    }

    /// Makes everything as it is in a process with one thread, in the child of a fork.
    pub(super) fn reset_in_child(&self) {
        let pending = self.thread.thread().pending.load(Ordering::SeqCst) != 0;
        let stays =
            FLAGS.poll.load(Ordering::SeqCst) & (GRACE | SHORTAGE | LOW_RESERVE | COLLECTION);
        let poll = STOP | stays | if pending { PENDING_THREAD } else { 0 };
        FLAGS.poll.store(poll, Ordering::SeqCst);
        // Nobody who waited came along.
        RETURNING.store(0, Ordering::SeqCst);
        let turn = STOPPERS_TURN.load(Ordering::SeqCst);
        NEXT_STOPPER.store(turn.wrapping_add(1), Ordering::SeqCst);
    }
}

/// Stops every other thread, runs `action`, and starts them again. `thread` is the calling thread,
/// attached and at a safepoint: while it waits for another stopper it may itself be stopped.
pub fn stop_the_world<R>(thread: &ThreadHandle, action: impl FnOnce(&StoppedWorld<'_>) -> R) -> R {
    assert_no_lock_held();
    debug_assert!(!is_stopper(thread.thread()), "the world is stopped already");
    wait_for_turn(thread.thread());
    let_others_in();
    STOPPER.store(thread.id().get(), Ordering::SeqCst);
    STOPS.fetch_add(1, Ordering::SeqCst);
    FLAGS.poll.fetch_or(STOP, Ordering::SeqCst);
    // From here on the world starts again even if `action` panics.
    let restart = Restart(thread.thread());
    wait_until_stopped(thread.thread());
    let result = action(&StoppedWorld { thread });
    drop(restart);
    result
}

fn wait_for_turn(thread: &Thread) {
    let ticket = NEXT_STOPPER.fetch_add(1, Ordering::SeqCst);
    if STOPPERS_TURN.load(Ordering::SeqCst) == ticket {
        return;
    }
    // Detached: the one whose turn it is needs this thread out of the way.
    detach(thread);
    loop {
        let turn = STOPPERS_TURN.load(Ordering::SeqCst);
        if turn == ticket {
            break;
        }
        futex::wait(&STOPPERS_TURN, turn, false, None);
    }
    // The stop before has ended, and only this thread can begin another.
    attach(thread);
}

fn let_others_in() {
    let mut end = None;
    loop {
        let returning = RETURNING.load(Ordering::SeqCst);
        if returning == 0 || end.is_some_and(Deadline::has_passed) {
            return;
        }
        let end = *end.get_or_insert_with(|| Deadline::after(COURTESY));
        futex::wait(&RETURNING, returning, false, Some(end));
    }
}

fn end_turn() {
    let turn = STOPPERS_TURN.fetch_add(1, Ordering::SeqCst);
    if NEXT_STOPPER.load(Ordering::SeqCst) != turn.wrapping_add(1) {
        futex::wake_all(&STOPPERS_TURN, false);
    }
}

fn wait_until_stopped(stopper: &Thread) {
    // The clock is only read if there is anybody to wait for.
    let mut not_begun = Some(PATIENCE);
    let mut report_at = None;
    loop {
        let progress = PROGRESS.load(Ordering::SeqCst);
        let Some(late) = thread::with_registry(|threads| first_attached(threads, stopper)) else {
            return;
        };
        if let Some(patience) = not_begun.take() {
            report_at = Some(Deadline::after(patience));
        }
        if report_at.is_some_and(Deadline::has_passed) {
            report_at = None;
            super::report::warn(&format!(
                "waiting for thread `{}` (id {}) to reach a safepoint",
                late.name(),
                late.native_id(),
            ));
        }
        futex::wait(&PROGRESS, progress, false, report_at);
    }
}

/// Suspends what is detached; returns one of those that are still attached.
fn first_attached(threads: &[ThreadHandle], stopper: &Thread) -> Option<ThreadHandle> {
    let mut late = None;
    for handle in threads {
        let other = handle.thread();
        if other.id == stopper.id {
            continue;
        }
        let suspended =
            other
                .state
                .compare_exchange(DETACHED, SUSPENDED, Ordering::SeqCst, Ordering::SeqCst);
        if suspended == Err(ATTACHED) {
            late.get_or_insert_with(|| handle.clone());
        }
    }
    late
}

/// Starts the world again when dropped.
struct Restart<'a>(&'a Thread);

impl Drop for Restart<'_> {
    fn drop(&mut self) {
        thread::with_registry(|threads| {
            for other in threads {
                if other.id() != self.0.id {
                    // Those that wait in `attach` sleep on STOPS; their state only has to be right
                    // before that word is even again.
                    let _ = other.thread().state.compare_exchange(
                        SUSPENDED,
                        DETACHED,
                        Ordering::SeqCst,
                        Ordering::SeqCst,
                    );
                }
            }
        });
        FLAGS.poll.fetch_and(!STOP, Ordering::SeqCst);
        STOPPER.store(0, Ordering::SeqCst);
        STOPS.fetch_add(1, Ordering::SeqCst);
        // Whoever is not counted yet finds the number changed and does not go to sleep.
        if RETURNING.load(Ordering::SeqCst) != 0 {
            futex::wake_all(&STOPS, false);
        }
        end_turn();
    }
}
