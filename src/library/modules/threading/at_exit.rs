//! The end of a program, or of a process that a fork made: threads that are no daemons are waited
//! for, the others are stopped.

use std::time::Duration;

use super::state;
use super::thread::{ThreadObject, data_of, wait_for_end};
use crate::eval::context::Context;
use crate::library::deadlock;
use crate::library::modules::concurrent;
use crate::runtime::clock::Deadline;
use crate::runtime::report;
use crate::runtime::thread::{self as runtime, ThreadHandle};
use crate::value::Value;
use crate::value::exception::Raised;

/// How long threads may keep a failed program alive before it says which ones do.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long daemon threads have for their `finally`.
const GRACE: Duration = Duration::from_secs(2);

/// Ends the threads of a session: waits for those that are no daemons, also for those started
/// meanwhile, then stops the others. `failed` says that the main thread ended by an error. An
/// interrupt that arrives during the wait ends it, as in CPython; it is returned.
pub fn join_all_at_exit(cx: &mut Context, failed: bool) -> Option<Raised> {
    concurrent::begin_exit(cx);
    let report_at = failed.then(|| Deadline::after(PATIENCE));
    let interrupted = wait_for_others(cx, report_at);
    stop_others(cx);
    interrupted
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
    let objects = state::threads(cx).living();
    objects
        .into_iter()
        .map(Value::Instance)
        .filter_map(|object| {
            let data: &ThreadObject = data_of(&object)?;
            let handle = data.handle()?;
            let waited = handle != cx.thread && !data.is_daemon() && handle.is_alive();
            waited.then(|| (handle, data.name().as_deref().unwrap_or("?").to_owned()))
        })
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
