//! The end of a program, or of a process that a fork made: threads that are no daemons are waited
//! for, the others are stopped.

use std::time::Duration;

use super::state;
use super::thread::{ThreadObject, data_of, wait_for_end};
use crate::eval::context::Context;
use crate::eval::session::UncaughtIn;
use crate::library::deadlock;
use crate::library::modules::concurrent;
use crate::library::modules::functools::partial;
use crate::runtime::clock::Deadline;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::report;
use crate::runtime::thread::{self as runtime, ThreadHandle};
use crate::value::exception::{Raised, runtime_error};
use crate::value::function::Args;
use crate::value::{Outcome, Value};

/// How long threads may keep a failed program alive before it says which ones do.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long daemon threads have for their `finally`.
const GRACE: Duration = Duration::from_secs(2);

/// Makes what the end of a process asks for, before a fork.
pub fn prepare(cx: &Context) {
    state::threads(cx);
    cx.session.extensions.get::<Registered>();
    concurrent::prepare(cx);
}

/// Ends the threads of a session: waits for those that are no daemons, also for those started
/// meanwhile, then stops the others. `failed` says that the main thread ended by an error. An
/// interrupt that arrives during the wait ends it, as in CPython; it is returned.
pub fn join_all_at_exit(cx: &mut Context, failed: bool) -> Option<Raised> {
    if cx.thread.is_main() {
        cx.thread.leave();
    }
    concurrent::begin_exit(cx);
    run_registered(cx);
    let report_at = failed.then(|| Deadline::after(PATIENCE));
    let interrupted = wait_for_others(cx, report_at);
    stop_others(cx);
    interrupted
}

/// What `threading._register_atexit` was given; `None` once the end has begun.
struct Registered(LeafLock<Option<Vec<Value>>>);

impl Default for Registered {
    fn default() -> Self {
        Registered(LeafLock::new(Some(Vec::new())))
    }
}

/// `threading._register_atexit(function, *args, **kwargs)`: has it called before threads are waited for at the end.
pub(super) fn register(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let bound = cx.call_with(&Value::Class(partial::class().clone()), args)?;
    let registered = cx.session.extensions.get::<Registered>();
    let mut list = registered.0.lock();
    if let Some(list) = list.as_mut() {
        list.push(bound);
        return Ok(Value::None);
    }
    drop(list);
    drop(bound);
    Err(runtime_error("can't register atexit after shutdown"))
}

/// Calls what was registered, the last first. A failure is shown, and the next one's turn comes.
pub(super) fn run_registered(cx: &mut Context) {
    let registered = cx.session.extensions.get::<Registered>();
    let calls = registered.0.lock().take();
    for call in calls.into_iter().flatten().rev() {
        if let Err(raised) = cx.call(&call, &[])
            && raised.exception().is_some()
        {
            let show = cx.session.show_uncaught;
            let place =
                UncaughtIn::Other("ignored in a function of threading._register_atexit".into());
            show(cx, &raised, &place);
        }
    }
}

/// Waits for the threads that are no daemons; what interrupted that.
pub(super) fn wait_for_others(cx: &mut Context, mut report_at: Option<Deadline>) -> Option<Raised> {
    // Whether it has come out that it waits in vain.
    let mut told = false;
    while let Some((handle, _)) = waited_for(cx).into_iter().next() {
        match wait_for_end(cx, &handle, report_at) {
            Ok(true) => {}
            Ok(false) => {
                report_at = None;
                report_waiting(cx);
            }
            // The threads have been told as well, and will end.
            Err(raised) if deadlock::is(&raised) && !told => told = true,
            Err(raised) => return Some(raised),
        }
    }
    None
}

/// The threads that keep the program alive.
fn waited_for(cx: &Context) -> Vec<(ThreadHandle, String)> {
    let threads = state::threads(cx);
    let bare = threads.kept_alive().into_iter();
    let bare = bare.filter(|handle| *handle != cx.thread);
    let objects = threads.living();
    let objects = objects
        .into_iter()
        .map(Value::Instance)
        .filter_map(|object| {
            let data: &ThreadObject = data_of(&object)?;
            let handle = data.handle()?;
            let waited = handle != cx.thread && !data.is_daemon() && handle.is_alive();
            waited.then(|| (handle, data.name().as_deref().unwrap_or("?").to_owned()))
        });
    objects
        .chain(bare.map(|handle| {
            let name = handle.name().to_string();
            (handle, name)
        }))
        .collect()
}

fn report_waiting(cx: &Context) {
    let names: Vec<String> = waited_for(cx)
        .into_iter()
        .map(|(_, name)| format!("`{name}`"))
        .collect();
    if !names.is_empty() {
        report::warn(&format!(
            "the main thread has failed, and the program goes on until these threads end: {}",
            names.join(", ")
        ));
    }
}

/// Stops all other threads, daemons or not, when there is no time to wait for any.
pub fn stop_all_at_exit(cx: &mut Context) {
    stop_others(cx);
}

/// Stops all other threads at their next safepoints; after the grace it says who is still there.
fn stop_others(cx: &mut Context) {
    if runtime::count() == 1 {
        return;
    }
    let left = runtime::stop_others(&cx.thread, Deadline::after(GRACE), |thread| {
        thread.kind() == runtime::ThreadKind::Spawned
    });
    for thread in left {
        report::warn(&format!(
            "thread `{}` did not stop within {} seconds; the program ends without it",
            thread.name(),
            GRACE.as_secs()
        ));
    }
}
