//! The part of `os` that makes children besides `fork` itself: what is to be called around every fork,
//! and other programs started as children. It must not know `multiprocessing`.

use std::sync::atomic::{AtomicBool, Ordering};

use super::os_exec::execute;
use super::os_wait::{exit_code_of, wait_for};
use super::sys;
use crate::eval::context::Context;
use crate::eval::extensions::Part;
use crate::library::arguments::{self, Signature};
use crate::library::define::Entries;
use crate::library::exceptions::from_io;
use crate::library::files;
use crate::runtime::fork::{self, ForkError, ForkSide};
use crate::runtime::idle_threads;
use crate::runtime::leaf_lock::LeafLock;
use crate::value::exception::{type_error, value_error};
use crate::value::function::Args;
use crate::value::{Outcome, Value, text};

use super::multiprocessing::process::fork_failed;

/// The functions.
pub(super) const FUNCTIONS: Entries<'_> = &[
    ("getpriority", get_priority),
    ("register_at_fork", register),
    ("setpriority", set_priority),
    ("spawnl", |cx, args| {
        spawn_listed(cx, "spawnl", args, false, false)
    }),
    ("spawnle", |cx, args| {
        spawn_listed(cx, "spawnle", args, false, true)
    }),
    ("spawnlp", |cx, args| {
        spawn_listed(cx, "spawnlp", args, true, false)
    }),
    ("spawnlpe", |cx, args| {
        spawn_listed(cx, "spawnlpe", args, true, true)
    }),
    ("spawnv", |cx, args| spawn_vector(cx, "spawnv", args, false)),
    ("spawnve", |cx, args| {
        spawn_vector(cx, "spawnve", args, false)
    }),
    ("spawnvp", |cx, args| {
        spawn_vector(cx, "spawnvp", args, true)
    }),
    ("spawnvpe", |cx, args| {
        spawn_vector(cx, "spawnvpe", args, true)
    }),
];

/// The constants.
pub(super) const CONSTANTS: &[(&str, i64)] = &[
    ("PRIO_PROCESS", libc::PRIO_PROCESS as i64),
    ("PRIO_PGRP", libc::PRIO_PGRP as i64),
    ("PRIO_USER", libc::PRIO_USER as i64),
];

/// The mode of a spawn that does not wait.
const NO_WAIT: i64 = 1;

/// What is to be called around every fork.
#[derive(Default)]
struct AroundForks {
    before: LeafLock<Vec<Value>>,
    in_child: LeafLock<Vec<Value>>,
    in_parent: LeafLock<Vec<Value>>,
}

/// Whether anything was ever registered, in any session.
static REGISTERED: AtomicBool = AtomicBool::new(false);

fn around_forks(cx: &Context) -> Part<AroundForks> {
    cx.session.extensions.get::<AroundForks>()
}

fn register(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const PARAMETERS: Signature<3> = Signature::new(
        "register_at_fork",
        ["before", "after_in_child", "after_in_parent"],
    );
    if !args.positional().is_empty() {
        return Err(type_error(
            "register_at_fork() takes no positional arguments",
        ));
    }
    let given = PARAMETERS.bind(args)?;
    if given.iter().all(Option::is_none) {
        return Err(type_error("At least one argument is required."));
    }
    let names = ["before", "after_in_child", "after_in_parent"];
    for (function, name) in given.iter().zip(names) {
        if let Some(function) = function
            && !crate::eval::is_callable(function)
        {
            return Err(type_error(format!(
                "'{name}' must be callable, not {}",
                function.type_name()
            )));
        }
    }
    let hooks = around_forks(cx);
    REGISTERED.store(true, Ordering::Relaxed);
    let [before, in_child, in_parent] = given;
    for (list, function) in [
        (&hooks.before, before),
        (&hooks.in_child, in_child),
        (&hooks.in_parent, in_parent),
    ] {
        list.lock().extend(function.cloned());
    }
    Ok(Value::None)
}

/// Calls what is to be called before a fork, the last registered first. To be called by whoever
/// forks, at a safepoint, like the other two.
pub fn before_fork(cx: &mut Context) {
    let mut functions = registered(cx, |hooks| &hooks.before);
    functions.reverse();
    call_all(cx, functions);
}

/// What is registered in one of the lists; looked at without a lock where nothing ever was, since a
/// child has to copy each page that it takes a lock in.
fn registered(cx: &Context, list: fn(&AroundForks) -> &LeafLock<Vec<Value>>) -> Vec<Value> {
    if !REGISTERED.load(Ordering::Relaxed) {
        return Vec::new();
    }
    list(&around_forks(cx)).lock().clone()
}

/// Calls what is to be called afterwards in the parent, also if the fork failed.
pub fn after_fork_in_parent(cx: &mut Context) {
    let functions = registered(cx, |hooks| &hooks.in_parent);
    call_all(cx, functions);
}

/// Calls what is to be called afterwards in the child.
pub fn after_fork_in_child(cx: &mut Context) {
    let functions = registered(cx, |hooks| &hooks.in_child);
    call_all(cx, functions);
}

/// One that fails is shown, and the fork goes on.
fn call_all(cx: &mut Context, functions: Vec<Value>) {
    for function in functions {
        if let Err(raised) = cx.call(&function, &[]) {
            let shown = text::repr(cx, &function).unwrap_or_default();
            sys::show_unraisable(cx, &raised, format!("ignored in {shown}"), Value::None);
        }
    }
}

/// Forks a child that is the script's own business, with what is registered around forks.
///
/// # Errors
/// What the system refused, as the runtime says it.
pub fn fork_script(cx: &mut Context) -> Result<ForkSide, ForkError> {
    before_fork(cx);
    files::flush_all(cx);
    let thread = cx.thread.clone();
    let forked = fork::fork(&thread);
    match forked {
        Ok(ForkSide::Child) => after_fork_in_child(cx),
        _ => after_fork_in_parent(cx),
    }
    forked
}

fn spawn_listed(
    cx: &mut Context,
    function: &str,
    args: Args<'_>,
    search: bool,
    with_environment: bool,
) -> Outcome<Value> {
    let values = arguments::at_least(function, args, 2)?;
    let (mode, file, mut list) = (&values[0], &values[1], &values[2..]);
    let mut environment = None;
    if with_environment {
        let Some((last, rest)) = list.split_last() else {
            return Err(value_error("argv first element cannot be empty"));
        };
        (environment, list) = (Some(last), rest);
    }
    spawn(cx, mode, file, list, environment, search)
}

fn spawn_vector(
    cx: &mut Context,
    function: &'static str,
    args: Args<'_>,
    search: bool,
) -> Outcome<Value> {
    let with_environment = usize::from(function.ends_with('e'));
    let values = arguments::between(function, args, 3 + with_environment, 3 + with_environment)?;
    let list = match values[2].unwrapped() {
        Value::Tuple(items) => items.items().to_vec(),
        Value::List(items) => items.snapshot(),
        _ => return Err(type_error("argv must be a tuple or a list")),
    };
    spawn(cx, &values[0], &values[1], &list, values.get(3), search)
}

/// Starts a program as a child, and waits for its end unless the mode says otherwise.
fn spawn(
    cx: &mut Context,
    mode: &Value,
    file: &Value,
    list: &[Value],
    environment: Option<&Value>,
    search: bool,
) -> Outcome<Value> {
    let mode = arguments::integer(cx, mode)?;
    match list.first() {
        Some(first) if arguments::truth(cx, first)? => {}
        _ => return Err(value_error("argv first element cannot be empty")),
    }
    let pid = match fork_script(cx) {
        Ok(ForkSide::Parent { pid }) => pid,
        Ok(ForkSide::Child) => {
            // It comes back only with an error, for which there is a status.
            let _ = execute(cx, file, list, environment, search);
            // SAFETY: ends the process; nothing of it is used afterwards.
            unsafe { libc::_exit(127) }
        }
        Err(error) => return Err(fork_failed(error)),
    };
    if mode == NO_WAIT {
        return Ok(Value::Int(pid.into()));
    }
    let status = match wait_for(cx, pid, 0)? {
        Value::Tuple(pair) => pair.items().get(1).cloned().unwrap_or_default(),
        other => other,
    };
    let status = arguments::integer32(cx, &status)?;
    exit_code_of(status)
}

fn get_priority(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [which, who] = arguments::exactly("getpriority", args)?;
    let which = arguments::integer32(cx, which)?;
    let who = arguments::integer32(cx, who)?;
    // SAFETY: errno is this thread's own; -1 is a valid answer, so only it tells.
    let (priority, error) = unsafe {
        *libc::__errno_location() = 0;
        let priority = libc::getpriority(which as _, who as libc::id_t);
        (priority, *libc::__errno_location())
    };
    match error {
        0 => Ok(Value::Int(priority.into())),
        error => Err(from_io(&std::io::Error::from_raw_os_error(error), None)),
    }
}

fn set_priority(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [which, who, priority] = arguments::exactly("setpriority", args)?;
    let which = arguments::integer32(cx, which)?;
    let who = arguments::integer32(cx, who)?;
    let priority = arguments::integer32(cx, priority)?;
    // SAFETY: no pointers are involved.
    match unsafe { libc::setpriority(which as _, who as libc::id_t, priority) } {
        0 => {
            idle_threads::stop_reuse();
            Ok(Value::None)
        }
        _ => Err(from_io(&std::io::Error::last_os_error(), None)),
    }
}
