//! A bell that rings whenever a child of this process ends: for those who wait for something else and
//! must know. Only a program that owns the process may have it installed, since handlers belong to
//! the process; without it, those who wait look from time to time. It must not know the children.

use super::pending::Pending;
use super::shared_wait::Sleepers;
use super::{futex, signal, thread};
use std::io;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering};

static BELL: Sleepers = Sleepers::new();
static COUNT: AtomicU32 = AtomicU32::new(0);

/// How many look after children at the main thread's safepoints.
static WATCHERS: AtomicUsize = AtomicUsize::new(0);

/// Who may sleep on [`word`]: where that native thread has its errno.
static SLEEPER: AtomicPtr<libc::c_int> = AtomicPtr::new(null_mut());

/// Whether the handler that the process has for SIGCHLD is one that rings.
static RINGS: AtomicBool = AtomicBool::new(false);

/// Installs the handler.
pub fn install() -> io::Result<()> {
    signal::install_child_handler()
}

/// How often it has rung.
pub fn count() -> u32 {
    COUNT.load(Ordering::SeqCst)
}

/// Notes whether the handler that SIGCHLD has just been given rings.
pub(super) fn set_rings(rings: bool) {
    RINGS.store(rings, Ordering::SeqCst);
}

/// The word to sleep on until it rings, if it is sure to ring for the calling thread: that one is the
/// only one, and does not keep the signal away.
pub(super) fn word() -> Option<&'static AtomicU32> {
    let rings = RINGS.load(Ordering::SeqCst) && thread::count() == 1;
    let is_sure = rings && !signal::is_blocked(libc::SIGCHLD);
    if is_sure {
        SLEEPER.store(signal::place_of_errno(), Ordering::SeqCst);
    }
    is_sure.then_some(&COUNT)
}

/// Who sleeps until it rings.
pub(super) fn sleepers() -> &'static Sleepers {
    &BELL
}

/// From now on the main thread is also brought to a safepoint when it rings, with
/// [`Pending::CHILDREN`], until as many calls of [`unwatch`].
pub fn watch() {
    WATCHERS.fetch_add(1, Ordering::SeqCst);
}

/// Takes [`watch`] back.
pub fn unwatch() {
    WATCHERS.fetch_sub(1, Ordering::SeqCst);
}

/// In the handler of SIGCHLD: atomics, a futex wake-up, and a write to an eventfd.
pub(super) fn ring() {
    COUNT.fetch_add(1, Ordering::SeqCst);
    // The handler itself has woken the thread that it runs on, and a sleep that is about to begin finds the count changed.
    if SLEEPER.load(Ordering::SeqCst) != signal::place_of_errno() {
        futex::wake_all(&COUNT, false);
    }
    // All that sleep on this are woken each time, so the flag says whether any does.
    BELL.wake_some(u32::MAX);
    if WATCHERS.load(Ordering::SeqCst) > 0 {
        thread::interrupt_main(Pending::CHILDREN);
    }
}
