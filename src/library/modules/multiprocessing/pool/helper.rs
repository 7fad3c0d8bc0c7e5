//! The thread of a pool that calls what scripts want called when a task is done. It exists only while
//! there is something to call: a pool whose results are asked for has none. Must not know what is
//! called.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::core::Core;
use super::job::Job;
use crate::eval::context::Context;
use crate::library::modules::threading;
use crate::runtime::clock::Deadline;
use crate::runtime::leaf_lock::LeafLock;
use crate::value::Outcome;

/// How long the thread stays when there is nothing left to do, so that a pool that gets one task
/// after the other does not start one for each.
const LINGER: Duration = Duration::from_millis(200);

/// What a pool keeps for its thread.
#[derive(Default)]
pub struct Helper {
    state: LeafLock<State>,
    /// How many jobs with callbacks have not come to their end.
    callbacks: AtomicUsize,
    /// Whether everything that is out is to be collected without anybody waiting.
    wanted: AtomicBool,
}

#[derive(Default)]
struct State {
    running: bool,
    /// Jobs that are done and whose callbacks are to be run, in the order in which they came.
    done: VecDeque<Arc<Job>>,
}

impl Helper {
    fn has_work(&self) -> bool {
        !self.state.lock().done.is_empty()
    }

    /// In the thread, which has found nothing to do for a while: whether it ends.
    fn is_over(&self, core: &Core) -> bool {
        self.state.lock().running = false;
        // Whoever came before that relies on this thread, whoever comes after starts another.
        let needed = core.is_busy() || self.has_work();
        !needed || std::mem::replace(&mut self.state.lock().running, true)
    }

    fn next(&self) -> Option<Arc<Job>> {
        self.state.lock().done.pop_front()
    }
}

impl Core {
    /// A job with callbacks is about to be submitted.
    ///
    /// # Errors
    /// That no thread is to be had.
    pub fn expect_callback(self: &Arc<Core>, cx: &mut Context) -> Outcome<()> {
        self.helper.callbacks.fetch_add(1, Ordering::SeqCst);
        let started = self.start_helper(cx);
        if started.is_err() {
            self.callback_is_done();
        }
        started
    }

    /// From now on what is out is collected, though nobody waits.
    ///
    /// # Errors
    /// That no thread is to be had.
    pub fn run_by_itself(self: &Arc<Core>, cx: &mut Context) -> Outcome<()> {
        self.helper.wanted.store(true, Ordering::SeqCst);
        self.start_helper(cx)
    }

    /// A job is done: its callbacks are run by the pool's thread.
    ///
    /// # Errors
    /// That no thread is to be had.
    pub fn call_later(self: &Arc<Core>, cx: &mut Context, job: Arc<Job>) -> Outcome<()> {
        self.helper.state.lock().done.push_back(job);
        // It may have ended when nothing seemed to be left.
        let started = self.start_helper(cx);
        self.announce();
        started
    }

    /// A job with callbacks has come to its end.
    pub fn callback_is_done(&self) {
        self.helper.callbacks.fetch_sub(1, Ordering::SeqCst);
    }

    /// Whether callbacks are still to be run.
    pub fn has_callbacks(&self) -> bool {
        self.helper.callbacks.load(Ordering::SeqCst) > 0 || self.helper.has_work()
    }

    fn start_helper(self: &Arc<Core>, cx: &mut Context) -> Outcome<()> {
        if std::mem::replace(&mut self.helper.state.lock().running, true) {
            return Ok(());
        }
        let core = self.clone();
        let thread = threading::make_thread(cx, &self.helper_name, true, move |cx| {
            let lived = live(cx, &core);
            if lived.is_err() {
                core.helper.state.lock().running = false;
            }
            lived
        });
        let started = thread.and_then(|thread| threading::start_thread(cx, &thread));
        if started.is_err() {
            self.helper.state.lock().running = false;
        }
        started
    }

    fn is_busy(&self) -> bool {
        self.helper.callbacks.load(Ordering::SeqCst) > 0
            || self.helper.wanted.load(Ordering::SeqCst) && !self.is_idle()
    }
}

fn live(cx: &mut Context, core: &Arc<Core>) -> Outcome<()> {
    let helper = &core.helper;
    loop {
        let busy = core.is_busy();
        let deadline = (!busy).then(|| Deadline::after(LINGER));
        let serving = cx.thread.serving();
        let woken =
            core.wait_until(cx, deadline, || helper.has_work() || busy != core.is_busy())?;
        drop(serving);
        while let Some(job) = helper.next() {
            job.complete(cx, core)?;
        }
        if !woken && helper.is_over(core) {
            return Ok(());
        }
    }
}
