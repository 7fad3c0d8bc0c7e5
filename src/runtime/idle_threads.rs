//! Native threads whose function has returned, kept a moment for the next thread that is started: to hand a function
//! to one that is there takes less than half of what making one does. It must not know what threads run.
//!
//! The kernel's number of a thread is that of an earlier one then; else there is no difference. What a new thread takes
//! over from the one that starts it must not come from another: once a script changes any of that, none is used again
//! ([`stop_reuse`]), and in the process of a host, whose functions may do so unseen, none ever is. (What another process
//! changes, as by `taskset -p`, reaches new threads after a tenth of a second.) What the kernel counts is counted from the
//! beginning of each ([`super::thread_usage`]). One that is idle takes no signal.

use super::clock::Deadline;
use super::fork;
use super::futex::{self, Waited};
use super::signal::SignalMask;
use super::thread::ThreadHandle;
use super::thread_registry;
use super::thread_start::Start;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};
use std::time::Duration;

/// So many are kept at most.
const MOST: usize = 8;

/// How long one is kept: a program that starts one thread after the other finds it, and one that has other things to
/// do is soon rid of it.
const KEPT_FOR: Duration = Duration::from_millis(10);

/// No native thread is kept that is older: the stack of one that is used again and again would never shrink.
pub(super) const OLDEST: Duration = Duration::from_millis(100);

/// Where one idle thread waits. There is no lock: a thread waits here when it has left the world, and no fork would
/// wait until it has given a lock back.
struct Place {
    /// What the thread sleeps on: [`FREE`], [`TAKEN`], [`HANDED`] or what [`idle`] gives. From that last state the
    /// thread itself changes it when it has waited long enough, or somebody who has something for it: whoever
    /// succeeds goes on alone.
    state: AtomicU32,
    /// What it is to run, while the state is [`HANDED`]; null if it is to end.
    start: AtomicPtr<Start>,
    /// The kernel's number of the thread.
    native_id: AtomicU32,
}

static PLACES: [Place; MOST] = [const {
    Place {
        state: AtomicU32::new(FREE),
        start: AtomicPtr::new(null_mut()),
        native_id: AtomicU32::new(0),
    }
}; MOST];

const FREE: u32 = 0;
/// Somebody is about to hand something to the thread, or the thread is about to be idle.
const TAKEN: u32 = 1;
const HANDED: u32 = 2;

/// The state of a place with an idle thread, whose native stack has so many bytes; `None` for one that is not kept.
fn idle(stack_size: usize) -> Option<u32> {
    let pages = u32::try_from(stack_size >> 12).ok()?;
    Some(pages.checked_mul(4)? | 3)
}

fn is_idle(state: u32) -> bool {
    state & 3 == 3
}

static NONE_KEPT: AtomicBool = AtomicBool::new(false);

/// From now on a new native thread may differ from those that there are, as it takes over what the calling thread has
/// changed: its priority, its processors, its signal mask. None of those is used again.
pub fn stop_reuse() {
    NONE_KEPT.store(true, Ordering::SeqCst);
}

fn may_keep() -> bool {
    fork::owns_process() && !NONE_KEPT.load(Ordering::SeqCst)
}

impl Place {
    fn change(&self, from: u32, to: u32) -> bool {
        let relaxed = Ordering::Relaxed;
        self.state.load(relaxed) == from
            && self
                .state
                .compare_exchange(from, to, Ordering::AcqRel, relaxed)
                .is_ok()
    }

    /// Wakes the thread, which the caller has to itself, with what it is to do.
    fn give(&self, start: *mut Start) {
        self.start.store(start, Ordering::Relaxed);
        self.state.store(HANDED, Ordering::Release);
        futex::wake_all(&self.state, false);
    }
}

/// The calling thread, about to be idle. Not yet waiting, it may be handed something already.
pub(super) struct Idle {
    place: &'static Place,
    state: u32,
}

impl Idle {
    /// The calling thread, of this number, can be handed another function from now on; `None` if it had better end.
    pub(super) fn offer(native_id: u32, stack_size: usize) -> Option<Self> {
        if !may_keep() {
            return None;
        }
        let state = idle(stack_size)?;
        let place = PLACES.iter().find(|place| place.change(FREE, TAKEN))?;
        place.native_id.store(native_id, Ordering::Relaxed);
        place.state.store(state, Ordering::Release);
        Some(Self { place, state })
    }

    /// Waits a moment for something to run, which is to have these signals kept away.
    pub(super) fn wait(self, signals: SignalMask) -> Option<Box<Start>> {
        let place = self.place;
        let mut deadline = Some(Deadline::after(KEPT_FOR));
        loop {
            match place.state.load(Ordering::Acquire) {
                HANDED => break,
                now => match futex::wait(&place.state, now, false, deadline) {
                    Waited::TimedOut if place.change(self.state, FREE) => return None,
                    // Somebody has something for it.
                    Waited::TimedOut => deadline = None,
                    _ => {}
                },
            }
        }
        let start = place.start.swap(null_mut(), Ordering::Relaxed);
        place.state.store(FREE, Ordering::Release);
        if start.is_null() {
            return None;
        }
        signals.restore();
        // SAFETY: `hand` made it from a box, and only one thread is handed it.
        Some(unsafe { Box::from_raw(start) })
    }
}

/// Has an idle thread with such a stack run it; gives it back if there is none.
pub(super) fn hand(start: Box<Start>, stack_size: usize) -> Result<(), Box<Start>> {
    let state = idle(stack_size).filter(|_| may_keep());
    let fits = |place: &&Place| state.is_some_and(|state| place.change(state, TAKEN));
    let Some(place) = PLACES.iter().find(fits) else {
        return Err(start);
    };
    // Known before it runs: a look for threads that are not the interpreter's finds it either here or there.
    start.note_native_id(place.native_id.load(Ordering::Relaxed));
    place.give(Box::into_raw(start));
    Ok(())
}

/// Whether the native thread of this number is idle.
pub(super) fn has(native_id: u32) -> bool {
    PLACES.iter().any(|place| {
        place.native_id.load(Ordering::Relaxed) == native_id
            && place.state.load(Ordering::Acquire) != FREE
    })
}

/// Has all idle threads end, where the system has no room for another thread or process, and waits until they are gone,
/// as well as those that have just ended by themselves: whether there were any. The calling thread is at a safepoint.
pub(super) fn send_away(thread: &ThreadHandle) -> bool {
    let mut leaving = thread_registry::leaving();
    leaving.retain(|&native_id| exists(native_id));
    for place in &PLACES {
        let state = place.state.load(Ordering::Relaxed);
        if is_idle(state) && place.change(state, TAKEN) {
            place.give(null_mut());
        }
    }
    // They have nothing else to do, so it is a matter of being scheduled. If they are not, the system refuses once more.
    thread.detached(|| {
        for _ in 0..100 {
            if !leaving.iter().any(|&native_id| exists(native_id)) {
                break;
            }
            std::thread::sleep(Duration::from_micros(100));
        }
    });
    !leaving.is_empty()
}

/// Whether this process has a native thread of this number.
fn exists(native_id: u32) -> bool {
    // SAFETY: numbers only; no signal is sent.
    unsafe { libc::syscall(libc::SYS_tgkill, std::process::id(), native_id, 0) == 0 }
}

/// In the child of a fork nobody is idle: those threads are the parent's.
pub(super) fn forget_in_child() {
    for place in &PLACES {
        // Where it is, nothing is written: the page would be copied for that.
        if place.state.load(Ordering::Relaxed) != FREE {
            place.state.store(FREE, Ordering::Relaxed);
        }
    }
}
