//! That a handle which is handed in as the calling thread's is that: checked in debug builds, nothing at
//! all in others. It must not know what threads do.

pub(super) use checked::{assert_is, clear, set};

#[cfg(debug_assertions)]
mod checked {
    use super::super::thread::ThreadId;
    use std::cell::Cell;

    thread_local! {
        static CURRENT: Cell<Option<ThreadId>> = const { Cell::new(None) };
    }

    pub(in super::super) fn set(id: ThreadId) {
        CURRENT.with(|current| {
            assert!(current.get().is_none(), "a thread registers once");
            current.set(Some(id));
        });
    }

    pub(in super::super) fn clear() {
        CURRENT.with(|current| current.set(None));
    }

    #[track_caller]
    pub(in super::super) fn assert_is(id: ThreadId) {
        CURRENT.with(|current| {
            assert!(
                current.get() == Some(id),
                "the handle of another thread was given as the calling thread's"
            );
        });
    }
}

#[cfg(not(debug_assertions))]
mod checked {
    use super::super::thread::ThreadId;
    #[inline(always)]
    pub(in super::super) fn set(_: ThreadId) {}
    #[inline(always)]
    pub(in super::super) fn clear() {}
    #[inline(always)]
    pub(in super::super) fn assert_is(_: ThreadId) {}
}
