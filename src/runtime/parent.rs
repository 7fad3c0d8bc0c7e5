//! The end of a process whose parent has died, or ends because somebody interrupted it: what `Process`, a
//! pool or a manager started does not outlive the process that started it. A child of a plain fork is the
//! script's own business.
//!
//! The kernel sends the signal of `PR_SET_PDEATHSIG` when the *thread* that forked ends, and hands
//! the child over to another thread of its parent, if there is one; then that one's end sends it
//! again. So the handler asks whether the parent is still the one that it was: the last thread to
//! end tells the truth, whichever of them forked. Must not know what a process runs.

use super::fork;
use super::pending::Pending;
use super::signal;
use super::thread;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// The process that this one must not outlive; 0 if there is none. Process-wide, since fork makes it
/// so.
static PARENT: AtomicI32 = AtomicI32::new(0);

/// Whether this process is ending: the parent was found dead, or said so.
static ENDING: AtomicBool = AtomicBool::new(false);

/// What the kernel sends at the parent's death: one that scripts have no name for.
const SIGNAL: i32 = 63;

/// What a parent sends that ends itself, and a timer when the grace is over: another one without a name.
pub(super) const END: i32 = 62;

/// How long `finally` and `with` have from then on, in seconds.
const GRACE: i64 = 2;

/// How long the main thread has after that to say what takes it so long, in nanoseconds.
const LAST_WORDS: i64 = 300_000_000;

/// Whether a living parent looks after this process: it was started by `Process`, a pool or a
/// manager, and whoever did so lives.
pub fn looks_after_this_process() -> bool {
    let parent = PARENT.load(Ordering::Relaxed);
    // A parent outside the container has number 0, too.
    parent != 0 && parent == parent_now()
}

/// Whether this process is ending because its parent has died or ends.
pub fn is_gone() -> bool {
    ENDING.load(Ordering::Relaxed)
}

const HANDLERS: [(i32, extern "C" fn(libc::c_int)); 2] =
    [(SIGNAL, parent_may_have_died), (END, parent_ends)];

/// Before the fork of a child that shall not outlive this process: what the child inherits, it need not
/// set up. Where the process is its host's, only the child has the handlers, and where somebody has
/// found a use for such a signal, or ignores it, its parent goes on with that.
pub(super) fn prepare() {
    if !fork::owns_process() {
        return;
    }
    for (number, handler) in HANDLERS {
        // The child tries again.
        let _ = signal::handle_by_where_default(number, handler);
    }
}

/// In a child that shall not outlive its parent, after the fork.
pub(super) fn watch() {
    for (number, handler) in HANDLERS {
        // Cannot fail for a signal that exists; and if it did, only an early end would be missed.
        let _ = signal::handle_by(number, handler);
    }
    // SAFETY: no pointers are involved.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, SIGNAL) };
    // It may have died before the kernel knew whom to tell.
    look();
}

/// In every child of a fork, while no handler can run: the process that it must not outlive, as that one
/// knew its own number before the fork, if it is such a child. Of an earlier one the kernel has forgotten it, too.
pub(super) fn enter_child(parent: Option<i32>) {
    PARENT.store(parent.unwrap_or(0), Ordering::SeqCst);
    ENDING.store(false, Ordering::SeqCst);
}

extern "C" fn parent_may_have_died(number: libc::c_int) {
    if has_parent_or_dies(number) {
        keeping_errno(look);
    }
}

extern "C" fn parent_ends(number: libc::c_int) {
    if has_parent_or_dies(number) {
        keeping_errno(|| {
            if !end() {
                // The timer: the grace is over.
                thread::interrupt_main(Pending::OVERDUE);
            }
        });
    }
}

/// A process that has the handlers for its children's sake alone is ended by the signal, as if it had no
/// handler. Async-signal-safe.
fn has_parent_or_dies(number: libc::c_int) -> bool {
    if PARENT.load(Ordering::SeqCst) != 0 {
        return true;
    }
    // SAFETY: all three are async-signal-safe. The signal comes again when the handler has returned. The
    // first process of a container is ended by no such signal, and keeps its handler.
    unsafe {
        if libc::getpid() != 1 {
            libc::signal(number, libc::SIG_DFL);
            libc::raise(number);
        }
    }
    false
}

fn keeping_errno(work: impl FnOnce()) {
    // SAFETY: errno is this thread's own; the code it interrupted finds it unchanged.
    let saved = unsafe { *libc::__errno_location() };
    work();
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = saved };
}

/// Async-signal-safe.
fn look() {
    let parent = PARENT.load(Ordering::SeqCst);
    if parent != 0 && parent != parent_now() {
        end();
    }
}

/// Has the main thread end this process; false if it was told before. Async-signal-safe.
fn end() -> bool {
    if ENDING.swap(true, Ordering::SeqCst) {
        return false;
    }
    // Whatever holds this process up, it will not be for long.
    send_later(END, 0);
    send_later(libc::SIGKILL, LAST_WORDS);
    thread::interrupt_main(Pending::STOP);
    true
}

/// Has a signal sent so many nanoseconds after the grace.
fn send_later(signal: i32, nanoseconds: i64) {
    // SAFETY: all zero is valid for both; what matters is filled in. The calls themselves, because
    // the library's are not promised to be safe in a handler.
    unsafe {
        let mut event = std::mem::zeroed::<libc::sigevent>();
        event.sigev_notify = libc::SIGEV_SIGNAL;
        event.sigev_signo = signal;
        let mut timer: libc::c_int = 0;
        let clock = libc::CLOCK_MONOTONIC;
        if libc::syscall(libc::SYS_timer_create, clock, &mut event, &mut timer) != 0 {
            return;
        }
        let mut time = std::mem::zeroed::<libc::itimerspec>();
        time.it_value.tv_sec = GRACE;
        time.it_value.tv_nsec = nanoseconds;
        let old = null_mut::<libc::itimerspec>();
        libc::syscall(libc::SYS_timer_settime, timer, 0, &time, old);
    }
}

fn parent_now() -> i32 {
    // SAFETY: no arguments.
    unsafe { libc::getppid() }
}
