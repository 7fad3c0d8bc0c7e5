//! Native threads whose function has returned, kept a moment for the next one that is started: to hand a function to
//! a thread that is there takes a third of what making one does. It must not know what threads run.
//!
//! The threads of a program that starts another kind of thread each time (see [`keep_none`]), or in which there are
//! threads of a host, end as they are told to: what such a thread has of its own, like its priority, it would take
//! along.

use super::clock::Deadline;
use super::futex::{self, Waited};
use super::thread_start::Start;
use super::{fork, leaf_lock};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};
use std::time::Duration;

/// So many are kept at most.
const MOST: usize = 8;

/// How long one is kept: a program that starts one thread after the other finds it, and one that has other things to
/// do is soon rid of it.
const KEPT_FOR: Duration = Duration::from_millis(10);

/// Where one idle thread waits. There is no lock, since a thread comes here when it has left the world, and a fork
/// would not wait for it.
struct Place {
    /// What the thread sleeps on: [`FREE`], [`TAKEN`], [`HANDED`] or what [`idle`] gives. Whoever changes it from the
    /// last has the thread to itself, be it the thread.
    state: AtomicU32,
    /// What it is to run, while the state is [`HANDED`].
    start: AtomicPtr<Start>,
}

static PLACES: [Place; MOST] = [const {
    Place {
        state: AtomicU32::new(FREE),
        start: AtomicPtr::new(null_mut()),
    }
}; MOST];

const FREE: u32 = 0;
/// Somebody is about to hand something to it.
const TAKEN: u32 = 1;
const HANDED: u32 = 2;

/// The state of a place with an idle thread, whose native stack has so many bytes; `None` for one that is not kept.
fn idle(stack_size: usize) -> Option<u32> {
    let pages = u32::try_from(stack_size >> 12).ok()?;
    Some(pages.checked_mul(4)? | 3)
}

static NONE_KEPT: AtomicBool = AtomicBool::new(false);

/// From now on a new native thread differs from those that there are, as it takes over what the calling thread is
/// changing: its priority, its processors, its signal mask. So none of those that are idle is used again.
pub fn keep_none() {
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
}

/// The calling thread, about to be idle. Not yet waiting, it may be handed something already.
pub(super) struct Idle {
    place: &'static Place,
    state: u32,
}

impl Idle {
    /// The calling thread can be handed another function from now on; `None` if it had better end.
    pub(super) fn offer(stack_size: usize) -> Option<Self> {
        if !may_keep() {
            return None;
        }
        let state = idle(stack_size)?;
        let place = PLACES.iter().find(|place| place.change(FREE, state))?;
        Some(Self { place, state })
    }

    /// Waits a moment for something to run.
    pub(super) fn wait(self) -> Option<Box<Start>> {
        leaf_lock::assert_no_lock_held();
        let Self { place, state } = self;
        let mut deadline = Some(Deadline::after(KEPT_FOR));
        loop {
            match place.state.load(Ordering::Acquire) {
                HANDED => {
                    let start = place.start.swap(null_mut(), Ordering::Relaxed);
                    place.state.store(FREE, Ordering::Release);
                    // SAFETY: `hand` made it from a box, and only one thread is handed it.
                    return Some(unsafe { Box::from_raw(start) });
                }
                now => match futex::wait(&place.state, now, false, deadline) {
                    Waited::TimedOut if place.change(state, FREE) => return None,
                    // Somebody has something for it.
                    Waited::TimedOut => deadline = None,
                    _ => {}
                },
            }
        }
    }
}

/// Has an idle thread with such a stack run it; gives it back if there is none.
pub(super) fn hand(start: Box<Start>, stack_size: usize) -> Result<(), Box<Start>> {
    let state = idle(stack_size).filter(|_| may_keep());
    let fits = |place: &&Place| state.is_some_and(|state| place.change(state, TAKEN));
    let Some(place) = PLACES.iter().find(fits) else {
        return Err(start);
    };
    place.start.store(Box::into_raw(start), Ordering::Relaxed);
    place.state.store(HANDED, Ordering::Release);
    futex::wake_all(&place.state, false);
    Ok(())
}

/// In the child of a fork nobody is idle: those threads are the parent's.
pub(super) fn forget_in_child() {
    for place in &PLACES {
        if place.state.load(Ordering::Relaxed) != FREE {
            place.state.store(FREE, Ordering::Relaxed);
        }
    }
}
