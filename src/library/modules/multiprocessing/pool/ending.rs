//! How a pool comes to its end: `close`, `join`, `terminate`, the end of a `with`, and that of the program. It
//! must not know how tasks are put in.

use std::sync::Arc;
use std::time::Duration;

use super::core::{Core, Phase, Side, error_value};
use super::{core_of, function_name, results};
use crate::eval::context::Context;
use crate::library::modules::multiprocessing::errors::{errors, raise};
use crate::library::modules::multiprocessing::process::wait_for;
use crate::library::modules::multiprocessing::state::processes;
use crate::library::modules::threading;
use crate::library::output;
use crate::library::parameters::Parameters;
use crate::runtime::clock::Deadline;
use crate::runtime::output::WriteMode;
use crate::value::exception::value_error;
use crate::value::function::Args;
use crate::value::{Outcome, Value};

/// How long workers have to end after they were told to.
const GRACE: Duration = Duration::from_secs(2);

/// After so long a wait at the end of a `with`, it is said what is waited for.
const SAY_SO: Duration = Duration::from_secs(1);

pub(super) fn none(
    args: Args<'_>,
    method: &'static str,
    parameters: Parameters<0>,
) -> Outcome<Arc<Core>> {
    let (core, rest) = core_of(args, method)?;
    parameters.bind(rest)?;
    Ok(core)
}

pub(super) fn close(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let core = none(args, "close", Parameters::method("Pool.close", []))?;
    core.check_owner()?;
    close_core(&core);
    Ok(Value::None)
}

/// Takes no more tasks, and ends the workers when all is done.
pub fn close_core(core: &Arc<Core>) {
    {
        let mut state = core.state.lock();
        if state.phase == Phase::Run {
            state.phase = Phase::Close;
        }
    }
    core.drain_if_closed();
}

pub(super) fn join(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let core = none(args, "join", Parameters::method("Pool.join", []))?;
    core.check_owner()?;
    if core.state.lock().phase == Phase::Run {
        return Err(value_error("Pool is still running"));
    }
    finish(cx, &core)?;
    Ok(Value::None)
}

/// Waits for all tasks and then for the workers.
///
/// # Errors
/// What an interrupt raises.
pub fn finish(cx: &mut Context, core: &Arc<Core>) -> Outcome<()> {
    let streams = core.state.lock().streams.clone();
    let is_done = || core.is_idle() && !core.has_callbacks();
    results::wait_and_feed(cx, core, None, &streams, is_done)?;
    if let Side::Threads(crew) = &core.side {
        for thread in crew.threads() {
            threading::join_thread(cx, &thread)?;
        }
        return Ok(());
    }
    for child in core.children() {
        wait_for(cx, &child, None)?;
    }
    core.look_after_workers(cx)?;
    processes(cx).living_children(cx);
    Ok(())
}

/// At the end of the program: does what an executor was asked for.
///
/// # Errors
/// What an interrupt raises.
pub fn finish_at_exit(cx: &mut Context, core: &Arc<Core>) -> Outcome<()> {
    if core.check_owner().is_err() {
        return Ok(());
    }
    close_core(core);
    finish(cx, core)
}

/// At the end of the program: enters what came of tasks, and says which of them came to nothing, unless an
/// interrupt has ended everything.
///
/// # Errors
/// What an interrupt raises.
pub fn answers_at_exit(cx: &mut Context, core: &Arc<Core>, interrupted: bool) -> Outcome<()> {
    if core.check_owner().is_ok() {
        core.enter_answers(cx)?;
        if !interrupted {
            core.tell_undone();
        }
    }
    Ok(())
}

pub(super) fn terminate(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let core = none(args, "terminate", Parameters::method("Pool.terminate", []))?;
    core.check_owner()?;
    end_with(cx, &core, libc::SIGTERM)?;
    Ok(Value::None)
}

/// Ends the workers by a signal, whatever they do.
///
/// # Errors
/// What an interrupt raises.
pub fn end_with(cx: &mut Context, core: &Arc<Core>, signal: i32) -> Outcome<()> {
    {
        let mut state = core.state.lock();
        state.phase = Phase::Terminate;
        state.drained = true;
    }
    match &core.side {
        Side::Processes(shared) => {
            shared.tasks.close(true);
            end_workers(cx, core, signal)?;
        }
        Side::Threads(crew) => {
            // One that runs cannot be stopped; it ends with what it does.
            crew.clear();
            crew.close();
        }
    }
    let error = raise(
        &errors().process,
        Some("the pool was terminated before the task was done".to_owned()),
    );
    core.abandon_tasks(cx, &error_value(&error));
    processes(cx).living_children(cx);
    Ok(())
}

pub(super) fn end_workers(cx: &mut Context, core: &Arc<Core>, signal: i32) -> Outcome<()> {
    let children = core.children();
    for child in &children {
        // One that has ended takes no notice.
        let _ = child.signal(signal);
    }
    let deadline = Deadline::after(GRACE);
    for child in &children {
        if wait_for(cx, child, Some(deadline))?.is_none() {
            let _ = child.signal(libc::SIGKILL);
            wait_for(cx, child, None)?;
        }
    }
    Ok(())
}

/// The end of a `with`: without an exception it waits for what was handed out, with one it does not.
pub(super) fn exit(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (core, rest) = core_of(args, "__exit__")?;
    if core.check_owner().is_err() {
        return Ok(Value::None);
    }
    let failed = rest.values.first().is_some_and(|class| !class.is_none());
    if !failed && core.state.lock().phase != Phase::Terminate {
        wait_for_handed_out(cx, &core)?;
    }
    end_with(cx, &core, libc::SIGTERM)?;
    Ok(Value::None)
}

fn wait_for_handed_out(cx: &mut Context, core: &Arc<Core>) -> Outcome<()> {
    let deadline = Deadline::after(SAY_SO);
    let streams = core.unasked_streams();
    let is_read = || streams.iter().all(|job| !core.reads(job));
    let is_done = || core.has_nothing_out() && is_read() && !core.has_callbacks();
    if results::wait_and_feed(cx, core, Some(deadline), &streams, is_done)? {
        return Ok(());
    }
    let stderr = cx.session.stderr.clone();
    let more = match is_read() {
        true => "",
        false => ", and for more: the input of a lazy map has not come to its end",
    };
    let message = format!(
        "conc: the end of `with Pool` waits for {}{more}\n",
        waited_for(&core.handed_out())
    );
    output::write(cx, &stderr, message.as_bytes(), WriteMode::Flushed)?;
    results::wait_and_feed(cx, core, None, &streams, is_done)?;
    Ok(())
}

/// What the end of a `with` waits for.
fn waited_for(functions: &[Value]) -> String {
    match functions {
        [] => "callbacks".to_owned(),
        functions => named(functions),
    }
}

/// Tasks in words: how many, and of what.
pub(super) fn named(functions: &[Value]) -> String {
    let mut names: Vec<String> = functions.iter().map(function_name).collect();
    let count = names.len();
    names.sort();
    names.dedup();
    let shown: Vec<String> = names
        .iter()
        .take(3)
        .map(|name| format!("`{name}`"))
        .collect();
    match count {
        1 => format!("1 task: {}", shown.join(", ")),
        _ => format!("{count} tasks: {}", shown.join(", ")),
    }
}
