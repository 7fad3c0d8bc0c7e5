//! What a child of `Process` does from its fork to its end, and what it leaves for its parent.

use std::time::Duration;

use super::errors::{errors, from_arena, raise, set_field};
use super::process::{ProcessObject, code_text, ending, fork_failed, report_queue, wait_for};
use super::state::processes;
use super::{failure, logger, manager, pool, shared_memory};
use crate::eval::attribute;
use crate::eval::context::Context;
use crate::library::deadlock;
use crate::library::message::{self, Programs, Receiver};
use crate::library::modules::atexit;
use crate::library::modules::threading::at_exit::{self, join_all_at_exit, stop_all_at_exit};
use crate::library::modules::{concurrent, os_children};
use crate::library::{files, unseen};
use crate::runtime::clock::Deadline;
use crate::runtime::process::{self, ExitStatus};
use crate::runtime::shared_queue::SharedQueue;
use crate::runtime::shared_wait::Until;
use crate::runtime::{null_device, parent};
use crate::value::exception::{ExceptionKind, Raised, Stop, Unwind};
use crate::value::function::Args;
use crate::value::name::Name;
use crate::value::{Outcome, Value, text};

/// How long a daemon child has to end after it was told to, at the end of its parent.
const GRACE: Duration = Duration::from_secs(2);

/// Calls a value with a tuple and a dict of arguments.
///
/// # Errors
/// What the call raises.
pub fn call(cx: &mut Context, callee: &Value, args: &Value, kwargs: &Value) -> Outcome<Value> {
    let mut values = match args.unwrapped() {
        Value::Tuple(items) => items.items().to_vec(),
        other => crate::value::iterate::collect(cx, other)?,
    };
    let mut names = Vec::new();
    if let Value::Dict(dict) = kwargs.unwrapped() {
        for (key, value) in dict.entries()? {
            let Some(key) = key.as_str() else {
                return Err(crate::value::exception::type_error(
                    "keywords must be strings",
                ));
            };
            names.push(Name::new(key));
            values.push(value);
        }
    }
    cx.call_with(
        callee,
        Args {
            values: &values,
            names: &names,
        },
    )
}

/// Starts the child of a script's process object.
///
/// # Errors
/// That no child could be had.
pub fn start_script(cx: &mut Context, object: &Value) -> Outcome<()> {
    let report = report_queue();
    let there = report.clone();
    // All that the child knows at its fork.
    let receiver = Receiver {
        baseline: cx.session.extensions.get::<Programs>().baseline(),
    };
    // Looked up here, the names lie in pages that the child need not touch.
    let run = Name::new("run");
    start(cx, object, report, move |cx, object| {
        let outcome = attribute::get(cx, object, run).and_then(|run| cx.call(&run, &[]));
        let code = end_code(cx, object, &outcome);
        if let Some(report) = &there {
            leave_report(cx, report, &outcome, receiver);
        }
        code
    })?;
    if let Some(process) = ProcessObject::of(object) {
        process.forget_work();
    }
    Ok(())
}

/// Starts a child that runs `body`, which gives its exit code.
///
/// # Errors
/// That no child could be had.
pub fn start(
    cx: &mut Context,
    object: &Value,
    report: Option<SharedQueue>,
    body: impl FnOnce(&mut Context, &Value) -> i32,
) -> Outcome<()> {
    let Some(process) = ProcessObject::of(object) else {
        return Ok(());
    };
    os_children::before_fork(cx);
    files::flush_all(cx);
    // What the child will ask for: made there, it would cost the child pages of its own.
    logger::module_name();
    at_exit::prepare(cx);
    null_device::prepare();
    let thread = cx.thread.clone();
    let started = process::spawn_named_child(&thread, &process.name(), |_| {
        processes(cx).enter_child(object);
        atexit::clear(cx);
        manager::entered_child(cx);
        // A child has no input: what is typed is for the parent. Without the device it would read that.
        let _ = null_device::put_in_place_of(0);
        os_children::after_fork_in_child(cx);
        logger::tell(cx, format_args!("child process calling self.run()"));
        let code = body(cx, object);
        logger::tell(cx, format_args!("process exiting with exitcode {code}"));
        logger::tell(cx, format_args!("process shutting down"));
        finish(cx, &process.name(), code)
    });
    os_children::after_fork_in_parent(cx);
    match started {
        Ok(child) => {
            process.started(child, report);
            processes(cx).add_child(object.clone());
            Ok(())
        }
        Err(error) => Err(fork_failed(error)),
    }
}

/// What is left to do when the work of a process is over; the exit code.
fn finish(cx: &mut Context, name: &str, mut code: i32) -> i32 {
    if parent::is_gone() {
        // Nobody waits for what is not done yet: neither threads nor children go on.
        stop_all_at_exit(cx);
    }
    let interrupted = join_all_at_exit(cx, code != 0);
    if let Err(raised) = atexit::run(cx) {
        failure::show(cx, name, &raised);
        code = 1;
    }
    let ended = finish_at_exit(cx, interrupted.is_some() || parent::is_gone());
    for raised in interrupted.into_iter().chain(ended.err()) {
        failure::show(cx, name, &raised);
        code = 1;
    }
    files::flush_all(cx);
    code
}

/// At the end of a process: ends its daemon children, waits for the others, and for all. `interrupted`
/// says that it ends by an interrupt from the terminal, which its children left to it: then all of
/// them end.
///
/// # Errors
/// What an interrupt raises.
pub fn finish_at_exit(cx: &mut Context, interrupted: bool) -> Outcome<()> {
    let processes = processes(cx);
    for core in processes.take_kept_pools() {
        if !interrupted {
            pool::finish_at_exit(cx, &core)?;
        }
    }
    for core in processes.pools() {
        pool::answers_at_exit(cx, &core, interrupted)?;
    }
    for (task, raised) in processes.take_unseen_errors() {
        unseen::add(cx);
        failure::show_task(cx, &task, &raised);
    }
    concurrent::show_unseen_failures(cx);
    let mut daemons = Vec::new();
    let mut others = Vec::new();
    for object in processes.living_children(cx) {
        let Some(process) = ProcessObject::of(&object) else {
            continue;
        };
        let Some(child) = process.child() else {
            continue;
        };
        // One that has just ended takes no notice.
        if interrupted {
            let _ = child.end_in_order();
            daemons.push(child);
        } else if process.is_daemon(cx) {
            let _ = child.signal(libc::SIGTERM);
            daemons.push(child);
        } else {
            others.push(child);
        }
    }
    for child in others {
        // In a deadlock the child has been told as well, and ends; if it does not, it is ended.
        let mut told = false;
        while let Err(raised) = wait_for(cx, &child, None) {
            if !deadlock::is(&raised) {
                return Err(raised);
            }
            if told {
                let _ = child.signal(libc::SIGTERM);
                daemons.push(child);
                break;
            }
            told = true;
        }
    }
    // Who ends in order has as much time by itself, and then some for its last words.
    let grace = if interrupted { 2 * GRACE } else { GRACE };
    let deadline = (!daemons.is_empty()).then(|| Deadline::after(grace));
    for child in &daemons {
        if wait_for(cx, child, deadline)?.is_none() {
            let _ = child.signal(libc::SIGKILL);
            wait_for(cx, child, None)?;
        }
    }
    processes.living_children(cx);
    shared_memory::finish(cx);
    Ok(())
}

/// The exit code that an outcome stands for; what is to be said about it is said.
pub fn end_code(cx: &mut Context, object: &Value, outcome: &Outcome<Value>) -> i32 {
    let Err(raised) = outcome else {
        return 0;
    };
    match raised.unwind() {
        Unwind::Stop(Stop::Exit(code)) => *code,
        Unwind::Stop(_) => 1,
        Unwind::Exception(_) if raised.is(ExceptionKind::SystemExit) => {
            match exit_argument(raised) {
                Value::None => 0,
                Value::Bool(flag) => i32::from(flag),
                Value::Int(code) => code as i32,
                other => {
                    let shown = text::to_str(cx, &other).unwrap_or_default();
                    // Nobody is left to be told of an error.
                    let _ = say(cx, &format!("{shown}\n"));
                    1
                }
            }
        }
        Unwind::Exception(_) => {
            let name = ProcessObject::of(object).map(ProcessObject::name);
            failure::show(cx, &name.unwrap_or_default(), raised);
            1
        }
    }
}

/// Writes to what the script has as `sys.stderr`.
fn say(cx: &mut Context, text: &str) -> Outcome<()> {
    let sys = crate::eval::import::module(cx, Name::new("sys"))?;
    let file = sys.get(Name::new("stderr")).unwrap_or_default();
    match attribute::find(cx, &file, Name::new("write"))? {
        Some(write) => cx.call(&write, &[Value::str(text)]).map(drop),
        None => Ok(()),
    }
}

/// What `sys.exit` was called with.
pub fn exit_argument(raised: &Raised) -> Value {
    let Some(data) = raised.data() else {
        return Value::None;
    };
    match &data.args()[..] {
        [] => Value::None,
        [one] => one.clone(),
        several => Value::tuple(several.to_vec()),
    }
}

/// Leaves what came of the work for `result()` in the parent.
fn leave_report(
    cx: &mut Context,
    report: &SharedQueue,
    outcome: &Outcome<Value>,
    receiver: Receiver,
) {
    let (kind, value) = match outcome {
        // What most return goes without saying: see `read_report`.
        Ok(Value::None) => return,
        Ok(value) => (ending::VALUE, value.clone()),
        Err(raised) if raised.exception().is_none() => return,
        Err(raised) if raised.is(ExceptionKind::SystemExit) => {
            (ending::EXIT, exit_argument(raised))
        }
        Err(raised) => (ending::EXCEPTION, failure::packed(cx, raised)),
    };
    let mut bytes = match message::encode(cx, &value, receiver) {
        Ok(mut bytes) => {
            bytes.push(kind);
            bytes
        }
        Err(_) if kind == ending::EXCEPTION => vec![kind],
        Err(_) => vec![ending::UNSENDABLE],
    };
    if report.put(&cx.thread, &bytes, &[], Until::Now).is_err() {
        // No memory for it: that it failed is still worth knowing.
        let kind = bytes.pop().unwrap_or(ending::UNSENDABLE);
        let _ = report.put(&cx.thread, &[kind], &[], Until::Now);
    }
}

/// What `result()` gives for what a child left.
///
/// # Errors
/// The exception that the child left, or that it ended otherwise.
pub fn read_report(
    cx: &mut Context,
    name: &str,
    pid: i32,
    status: ExitStatus,
    report: Option<&[u8]>,
) -> Outcome<Value> {
    let code = status.exit_code();
    let Some((kind, bytes)) = report.and_then(<[u8]>::split_last) else {
        if code == 0 {
            return Ok(Value::None);
        }
        let raised = raise(
            &errors().worker_died,
            Some(format!(
                "process '{name}' (pid {pid}) died with exit code {}",
                code_text(code)
            )),
        );
        set_field(&raised, "pid", Value::Int(i64::from(pid)));
        set_field(&raised, "exitcode", Value::Int(i64::from(code)));
        return Err(raised);
    };
    let value = match bytes {
        [] => Value::None,
        bytes => message::decode(cx, bytes)?,
    };
    match *kind {
        ending::VALUE => Ok(value),
        ending::EXCEPTION if !bytes.is_empty() => Err(failure::unpacked(&value)),
        ending::EXIT => {
            let shown = text::repr(cx, &value)?;
            let raised = raise(
                &errors().task_exit,
                Some(format!("process '{name}' called sys.exit({shown})")),
            );
            set_field(&raised, "code", value);
            Err(raised)
        }
        ending::UNSENDABLE => Err(crate::value::exception::type_error(format!(
            "what process '{name}' returned cannot be sent to another process"
        ))),
        _ => Err(raise(
            &errors().process,
            Some(format!("process '{name}' failed with what cannot be sent")),
        )),
    }
}

/// An object in shared memory, or the exception that there is none.
///
/// # Errors
/// `MemoryError`, `OSError`.
pub fn shared<T>(made: Result<T, crate::runtime::arena::ArenaError>) -> Outcome<T> {
    made.map_err(from_arena)
}
