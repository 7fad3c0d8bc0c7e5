//! Which modules are being loaded, and by which threads: another thread that imports one waits until it is whole. It
//! must not know how a module is loaded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::context::Context;
use super::interrupt;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::thread::ThreadId;
use crate::runtime::thread_lock::{LockError, ThreadLock};
use crate::value::Outcome;
use crate::value::name::Name;

/// The modules of a session that are being loaded.
#[derive(Default)]
pub struct Imports {
    /// How many there are, for a look without the lock.
    count: AtomicUsize,
    state: LeafLock<State>,
}

#[derive(Default)]
struct State {
    loading: Vec<Loading>,
    /// Which module a thread waits for.
    waiting: Vec<(ThreadId, Name)>,
}

struct Loading {
    name: Name,
    by: ThreadId,
    /// Held by that thread.
    lock: Arc<ThreadLock>,
}

impl State {
    fn loader(&self, name: Name) -> Option<&Loading> {
        self.loading.iter().find(|loading| loading.name == name)
    }

    /// Whether waiting for the module would be for this thread itself, perhaps through others.
    fn would_wait_for(&self, name: Name, thread: ThreadId) -> bool {
        let mut name = name;
        for _ in 0..=self.waiting.len() {
            let Some(loading) = self.loader(name) else {
                return false;
            };
            if loading.by == thread {
                return true;
            }
            match self
                .waiting
                .iter()
                .find(|(waiter, _)| *waiter == loading.by)
            {
                Some((_, next)) => name = *next,
                None => return false,
            }
        }
        false
    }
}

/// What became of the wish to load a module.
pub(super) enum Turn {
    /// It is this thread's to load; to be ended by [`Imports::end`].
    Ours(Arc<ThreadLock>),
    /// This thread is loading it already, or whoever does waits for this thread: what there is of it must do.
    AsFarAsItIs,
    /// Another thread has finished with it: look again.
    LookAgain,
}

impl Imports {
    /// Whether a module may be only partly there.
    pub(super) fn is_loading(&self, name: Name) -> bool {
        self.count.load(Ordering::Acquire) > 0 && self.state.lock().loader(name).is_some()
    }

    /// Asks for the right to load a module, and waits while another thread loads it.
    ///
    /// # Errors
    /// An interrupt.
    pub(super) fn begin(&self, cx: &mut Context, name: Name) -> Outcome<Turn> {
        let thread = cx.thread.id();
        let lock = {
            let made = Arc::new(ThreadLock::new());
            let mut state = self.state.lock();
            if state.would_wait_for(name, thread) {
                return Ok(Turn::AsFarAsItIs);
            }
            match state.loader(name) {
                Some(loading) => {
                    let lock = loading.lock.clone();
                    state.waiting.push((thread, name));
                    lock
                }
                None => {
                    made.try_acquire(&cx.thread);
                    state.loading.push(Loading {
                        name,
                        by: thread,
                        lock: made.clone(),
                    });
                    self.count.fetch_add(1, Ordering::Release);
                    return Ok(Turn::Ours(made));
                }
            }
        };
        let result = lock.acquire(&cx.thread, None);
        let mut state = self.state.lock();
        state.waiting.retain(|(waiter, _)| *waiter != thread);
        drop(state);
        match result {
            Ok(_) => {
                lock.release();
            }
            Err(LockError::Interrupted(_)) => interrupt::at_safepoint(cx)?,
            Err(LockError::OwnerGone(_)) => {
                // The thread was left behind by a fork, and its half of the module with it.
                self.end(name, &lock);
                let partial = cx.session.modules.lock().remove(&name);
                drop(partial);
            }
        }
        Ok(Turn::LookAgain)
    }

    /// Ends what [`Imports::begin`] gave the right to.
    pub(super) fn end(&self, name: Name, lock: &Arc<ThreadLock>) {
        let mut state = self.state.lock();
        let before = state.loading.len();
        state
            .loading
            .retain(|loading| loading.name != name || !Arc::ptr_eq(&loading.lock, lock));
        let gone = before - state.loading.len();
        drop(state);
        self.count.fetch_sub(gone, Ordering::Release);
        lock.release();
    }
}
