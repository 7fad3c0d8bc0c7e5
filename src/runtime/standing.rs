//! Where a thread stands towards the interpreter, as debug builds check it: whether it is attached, detached or none of
//! the interpreter's, and whether it is a visitor (see [`super::sharing`]). Release builds note nothing. It must not
//! know threads, nor what they are about to touch.

#[cfg(debug_assertions)]
mod noted {
    use std::cell::Cell;

    #[derive(Clone, Copy, PartialEq, Eq)]
    pub enum Standing {
        /// It is not one of the interpreter's.
        Outside,
        Attached,
        Detached,
    }

    thread_local! {
        pub static STANDING: Cell<Standing> = const { Cell::new(Standing::Outside) };
        pub static VISITS: Cell<bool> = const { Cell::new(false) };
    }
}

#[cfg(debug_assertions)]
use noted::{STANDING, Standing, VISITS};

/// The calling thread is one of the interpreter's, and attached.
#[inline(always)]
pub(super) fn note_attached() {
    #[cfg(debug_assertions)]
    STANDING.set(Standing::Attached);
}

/// The calling thread is one of the interpreter's, and detached.
#[inline(always)]
pub(super) fn note_detached() {
    #[cfg(debug_assertions)]
    STANDING.set(Standing::Detached);
}

/// The calling thread is not one of the interpreter's any more.
#[inline(always)]
pub(super) fn note_outside() {
    #[cfg(debug_assertions)]
    STANDING.set(Standing::Outside);
}

/// The calling thread begins a visit, or ends it.
#[inline(always)]
pub(super) fn note_visit(_visits: bool) {
    #[cfg(debug_assertions)]
    VISITS.set(_visits);
}

/// Panics in a debug build if this thread of the interpreter is detached, or one that it started has ended: it is
/// about to touch what a stop of the world, a fork and a grace period believe to be at rest.
#[inline(always)]
#[track_caller]
pub fn assert_attached() {
    #[cfg(debug_assertions)]
    assert!(
        STANDING.get() != Standing::Detached,
        "a detached thread takes an internal lock, which a fork would leave locked, or touches an object"
    );
}

/// Panics in a debug build if this thread may not touch values: it is no visitor, and is detached, or values are shared
/// and it is not attached.
#[inline(always)]
#[track_caller]
pub(super) fn assert_may_touch(_is_shared: impl FnOnce() -> bool) {
    #[cfg(debug_assertions)]
    if !VISITS.get() {
        assert_attached();
        assert!(
            STANDING.get() == Standing::Attached || !_is_shared(),
            "a thread from outside touches an object"
        );
    }
}

/// Panics in a debug build if this thread is a visitor.
#[inline(always)]
#[track_caller]
pub(super) fn assert_no_visit() {
    #[cfg(debug_assertions)]
    assert!(!VISITS.get(), "a visitor visits again, or starts a thread");
}
