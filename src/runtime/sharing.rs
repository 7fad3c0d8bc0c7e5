//! Whether threads share values: the flag by which counts and locks know that they can be plain, and how it is
//! changed while nobody looks at it. It must not know threads: who may change it, and when, is the world's business.
//!
//! # Why it is sound
//! The flag is looked at by plain loads, so no thread may look at it while another changes it.
//! * *Attached* threads look at it all the time. It is changed by a thread that has stopped the world: what lets
//!   the others go on happens after the change. Or by one that was the only one inside: whoever comes in beside it
//!   looks at the flag by an atomic load until it has stopped the world itself or seen the change.
//! * Any thread, also one that is not the interpreter's, touches values when a host compiles a program, lets go of
//!   one, or makes a session: those that it makes, which nobody else can see yet, and those that are never counted.
//!   Meanwhile it is a *visitor*: whoever changes the flag waits until none is left, and lets none in before that is
//!   done. A visitor neither waits for the world nor visits again, registers, starts a thread or runs code of a
//!   script, so its visit ends. What a host drops of a session's values waits for a thread that is inside.
//! * A fork waits until no visitor is left, too: what a visitor is making is whole in the child, and its locks are free.
//! * Before the first thread is registered nobody changes the flag.
//!
//! A host that makes its first second thread while another one compiles a long program waits for that; after it
//! the flag stays set. So does each fork, with the world stopped.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::futex;
use super::standing::{assert_may_touch, assert_no_visit, note_visit};

/// What every thread reads all the time and hardly anybody writes, on a cache line of its own: where plain
/// counts end, see [`plain_counts_end`].
#[repr(align(128))]
struct Flag(AtomicU32);
static PLAIN_COUNTS_END: Flag = Flag(AtomicU32::new(ALONE));

/// Where plain counts end while there is one thread: no count that is ever changed reaches it.
pub const ALONE: u32 = 1 << 31;
/// The same while a second thread may exist.
const SHARED: u32 = 0;

/// How many visitors there are, with the two bits below.
static VISITORS: AtomicU32 = AtomicU32::new(0);
/// Visitors are kept out.
const CLOSED: u32 = 1 << 31;
/// Somebody waits until they are not.
const AWAITED: u32 = 1 << 30;

/// Whether a second thread may exist: if not, reference counts and object locks can be plain loads
/// and stores. It is set while every other thread is at a safepoint or detached, or has just come, so a value
/// loaded between two safepoints stays true until the next. Only attached threads and visitors may ask.
///
/// It is asked for every value that is counted and every object that is locked, so it is a plain load:
/// one that may be compared where it stands, and need not be repeated where nothing can have changed it.
///
/// A build with `--cfg single_thread` knows that there is none, and so has neither this look nor what
/// depends on it: `benches/atomics` measures with it what threads cost those who have none.
#[inline(always)]
pub fn is_shared() -> bool {
    plain_counts_end() == SHARED
}

/// Where the counts end that are changed by plain loads and stores: above every count that is ever changed while
/// there is one thread, at zero while a second one may exist. So whoever counts asks for both by one comparison,
/// of the count that it needs anyway: whether the object is counted, and whether others may count it. May be asked
/// by whom [`is_shared`] may.
#[inline(always)]
pub fn plain_counts_end() -> u32 {
    assert_may_touch(is_shared_at_once);
    if cfg!(single_thread) {
        return ALONE;
    }
    // SAFETY: nobody changes it meanwhile, as is said at the top.
    unsafe { *PLAIN_COUNTS_END.0.as_ptr() }
}

/// The same for threads beside which it may change.
pub(super) fn is_shared_at_once() -> bool {
    PLAIN_COUNTS_END.0.load(Ordering::Acquire) == SHARED
}

/// What is done before threads share values.
static BEFORE_SHARING: OnceLock<fn()> = OnceLock::new();

/// Has `prepare` called whenever threads are about to share values: nobody else touches any meanwhile, neither
/// another thread nor a visitor. It takes no lock that is held across a safepoint. There is one such function; the
/// first one that is told stays.
pub fn before_sharing(prepare: fn()) {
    BEFORE_SHARING.get_or_init(|| prepare);
}

/// Changes what [`is_shared`] says, once there is no visitor. The caller is attached, at a safepoint, and alone
/// in the world or its stopper.
pub(super) fn set_shared(shared: bool) {
    if cfg!(single_thread) && shared {
        unreachable!("this build is for scripts without threads");
    }
    let _gate = keep_visitors_out();
    if shared && let Some(prepare) = BEFORE_SHARING.get() {
        prepare();
    }
    let end = if shared { SHARED } else { ALONE };
    PLAIN_COUNTS_END.0.store(end, Ordering::SeqCst);
}

/// No visitor is there as long as this lives.
pub(super) struct Gate;

/// Keeps visitors out, and waits until those that are there have left.
pub(super) fn keep_visitors_out() -> Gate {
    assert_no_visit();
    loop {
        let now = VISITORS.load(Ordering::SeqCst);
        if now & CLOSED != 0 {
            wait_for_opening(now);
        } else if VISITORS
            .compare_exchange(now, now | CLOSED, Ordering::SeqCst, Ordering::Relaxed)
            .is_ok()
        {
            break;
        }
    }
    loop {
        let now = VISITORS.load(Ordering::SeqCst);
        if now & !(CLOSED | AWAITED) == 0 {
            return Gate;
        }
        futex::wait(&VISITORS, now, false, None);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        if VISITORS.swap(0, Ordering::SeqCst) & AWAITED != 0 {
            futex::wake_all(&VISITORS, false);
        }
    }
}

/// Waits until visitors are let in, if they still are not: `now` is what was seen.
fn wait_for_opening(now: u32) {
    let awaited = now | AWAITED;
    if now == awaited
        || VISITORS
            .compare_exchange(now, awaited, Ordering::SeqCst, Ordering::Relaxed)
            .is_ok()
    {
        futex::wait(&VISITORS, awaited, false, None);
    }
}

/// Clears the flag in the child of a fork that owns its process: it has one thread.
pub(super) fn clear_in_child() {
    // A page that is not written to need not be copied.
    if is_shared_at_once() {
        PLAIN_COUNTS_END.0.store(ALONE, Ordering::SeqCst);
    }
}

/// Does work that touches values on a thread that may be none of the interpreter's, as is said at the top. The work
/// must not wait for the world, visit again, register, start threads or run code of a script.
pub fn visit<R>(work: impl FnOnce() -> R) -> R {
    let _visit = Visit::begin();
    work()
}

struct Visit;

impl Visit {
    fn begin() -> Visit {
        assert_no_visit();
        loop {
            let now = VISITORS.load(Ordering::SeqCst);
            if now & CLOSED != 0 {
                wait_for_opening(now);
            } else if VISITORS
                .compare_exchange(now, now + 1, Ordering::SeqCst, Ordering::Relaxed)
                .is_ok()
            {
                note_visit(true);
                return Visit;
            }
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        note_visit(false);
        let before = VISITORS.fetch_sub(1, Ordering::SeqCst);
        if before & CLOSED != 0 && before & !(CLOSED | AWAITED) == 1 {
            futex::wake_all(&VISITORS, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;
    use crate::runtime::testing::in_fresh_process;

    #[test]
    fn it_changes_only_while_nobody_visits() {
        in_fresh_process(
            module_path!(),
            "it_changes_only_while_nobody_visits",
            || {
                static INSIDE: AtomicU32 = AtomicU32::new(0);
                std::thread::scope(|scope| {
                    for _ in 0..3 {
                        scope.spawn(|| {
                            for _ in 0..2000 {
                                visit(|| {
                                    INSIDE.fetch_add(1, Ordering::SeqCst);
                                    let before = is_shared_at_once();
                                    std::thread::yield_now();
                                    assert_eq!(
                                        before,
                                        is_shared_at_once(),
                                        "changed during a visit"
                                    );
                                    INSIDE.fetch_sub(1, Ordering::SeqCst);
                                });
                            }
                        });
                    }
                    for _ in 0..2 {
                        scope.spawn(|| {
                            for turn in 0..2000 {
                                set_shared(turn % 2 == 0);
                            }
                        });
                    }
                });
                assert_eq!(INSIDE.load(Ordering::SeqCst), 0);
                assert_eq!(VISITORS.load(Ordering::SeqCst), 0);
            },
        );
    }

    #[test]
    fn a_visit_that_panics_ends() {
        in_fresh_process(module_path!(), "a_visit_that_panics_ends", || {
            let panicked = std::panic::catch_unwind(|| visit(|| panic!("on purpose")));
            assert!(panicked.is_err());
            set_shared(true);
            assert!(is_shared_at_once());
            set_shared(false);
        });
    }
}
