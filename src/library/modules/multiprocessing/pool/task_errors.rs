//! The errors of tasks that came to nothing: their workers died, left, took too long, or had a result that cannot
//! travel. It must not know how a pool finds that out.

use super::core::{Style, Task, Worker};
use crate::eval::context::Context;
use crate::library::modules::concurrent;
use crate::library::modules::multiprocessing::errors::{errors, raise, set_field};
use crate::library::modules::multiprocessing::process::code_text;
use crate::value::exception::Raised;
use crate::value::{Outcome, Value, text};

/// The error of a task whose result cannot travel: the result and the reason in words.
pub fn unsendable(shown: &str, reason: &str) -> Raised {
    raise(
        &errors().maybe_encoding,
        Some(format!("Error sending result: '{shown}'. Reason: {reason}")),
    )
}

/// The error of a call of this function that called `sys.exit` with this value.
///
/// # Errors
/// What showing the value raises.
pub fn left(cx: &mut Context, function: &Value, value: Value) -> Outcome<Raised> {
    let raised = raise(
        &errors().task_exit,
        Some(format!(
            "`{}` called sys.exit({})",
            super::function_name(function),
            text::repr(cx, &value)?
        )),
    );
    set_field(&raised, "code", value);
    Ok(raised)
}

/// What a task is called in messages.
fn task_text(task: &Task) -> String {
    format!("`{}`", super::function_name(&task.function))
}

/// How a process ended, in words.
pub(super) fn how(code: i32) -> String {
    match code {
        0.. => format!("exit code {code}"),
        _ => format!("signal {}", code_text(code).trim_start_matches('-')),
    }
}

pub(super) fn died(style: Style, worker: &Worker, code: i32, task: &Task) -> Raised {
    let what = task_text(task);
    let pid = worker.child.pid();
    let class = match style {
        Style::Pool => &errors().worker_died,
        Style::Executor => concurrent::worker_died_class(),
    };
    let raised = raise(
        class,
        Some(format!(
            "worker {} (pid {pid}) died by {} while it ran {what}",
            worker.name,
            how(code)
        )),
    );
    set_field(&raised, "exitcode", Value::Int(code.into()));
    let signal = match code {
        0.. => Value::None,
        _ => Value::Int((-code).into()),
    };
    set_field(&raised, "signal", signal);
    describe(&raised, worker, task);
    raised
}

pub(super) fn took_too_long(worker: &Worker, task: &Task, limit: f64) -> Raised {
    let raised = raise(
        &errors().task_timeout,
        Some(format!(
            "{} took longer than {} seconds; worker {} (pid {}) was killed",
            task_text(task),
            crate::value::number_repr::float_repr(limit),
            worker.name,
            worker.child.pid()
        )),
    );
    describe(&raised, worker, task);
    raised
}

fn describe(raised: &Raised, worker: &Worker, task: &Task) {
    set_field(raised, "pid", Value::Int(worker.child.pid().into()));
    set_field(raised, "task", task.function.clone());
}
