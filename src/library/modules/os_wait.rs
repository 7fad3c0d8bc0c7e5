//! The part of `os` that waits for children and says what became of them, through the runtime's one
//! table. It must not know who made them.

use std::sync::OnceLock;

use super::os_process::last_error;
use super::resource::shown_usage;
use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::library::arguments::{self, Signature};
use crate::library::define::Entries;
use crate::library::exceptions::{from_io, os_error};
use crate::library::struct_sequence::{self, Description};
use crate::runtime::process::{self, ChildError, Usage, Wanted};
use crate::runtime::thread::ThreadHandle;
use crate::value::class::Class;
use crate::value::exception::{type_error, value_error};
use crate::value::function::Args;
use crate::value::object::Ref;
use crate::value::{Outcome, Value};

/// The functions.
pub(super) const FUNCTIONS: Entries<'_> = &[
    ("wait", wait),
    ("waitpid", waitpid),
    ("waitstatus_to_exitcode", waitstatus_to_exitcode),
    ("WIFEXITED", |cx, args| {
        status(cx, "WIFEXITED", args, |s| Value::Bool(libc::WIFEXITED(s)))
    }),
    ("WEXITSTATUS", |cx, args| {
        status(cx, "WEXITSTATUS", args, |s| {
            Value::Int(libc::WEXITSTATUS(s).into())
        })
    }),
    ("WIFSIGNALED", |cx, args| {
        status(cx, "WIFSIGNALED", args, |s| {
            Value::Bool(libc::WIFSIGNALED(s))
        })
    }),
    ("WTERMSIG", |cx, args| {
        status(cx, "WTERMSIG", args, |s| {
            Value::Int(libc::WTERMSIG(s).into())
        })
    }),
    ("WIFSTOPPED", |cx, args| {
        status(cx, "WIFSTOPPED", args, |s| Value::Bool(libc::WIFSTOPPED(s)))
    }),
    ("WSTOPSIG", |cx, args| {
        status(cx, "WSTOPSIG", args, |s| {
            Value::Int(libc::WSTOPSIG(s).into())
        })
    }),
    ("WIFCONTINUED", |cx, args| {
        status(cx, "WIFCONTINUED", args, |s| {
            Value::Bool(libc::WIFCONTINUED(s))
        })
    }),
    ("WCOREDUMP", |cx, args| {
        status(cx, "WCOREDUMP", args, |s| Value::Bool(libc::WCOREDUMP(s)))
    }),
    ("wait3", wait3),
    ("wait4", wait4),
    ("waitid", waitid),
    ("pidfd_open", pidfd_open),
];

/// The constants.
pub(super) const CONSTANTS: &[(&str, i64)] = &[
    ("CLD_CONTINUED", libc::CLD_CONTINUED as i64),
    ("CLD_DUMPED", libc::CLD_DUMPED as i64),
    ("CLD_EXITED", libc::CLD_EXITED as i64),
    ("CLD_KILLED", libc::CLD_KILLED as i64),
    ("CLD_STOPPED", libc::CLD_STOPPED as i64),
    ("CLD_TRAPPED", libc::CLD_TRAPPED as i64),
    ("WEXITED", libc::WEXITED as i64),
    ("WNOWAIT", libc::WNOWAIT as i64),
    ("WSTOPPED", libc::WSTOPPED as i64),
    ("P_PIDFD", libc::P_PIDFD as i64),
    ("WNOHANG", libc::WNOHANG as i64),
    ("WUNTRACED", libc::WUNTRACED as i64),
    ("WCONTINUED", libc::WCONTINUED as i64),
    ("EX_OK", 0),
    ("P_ALL", libc::P_ALL as i64),
    ("P_PID", libc::P_PID as i64),
    ("P_PGID", libc::P_PGID as i64),
];

/// What `waitid` gives.
const RESULT: Description = Description {
    name: "posix.waitid_result",
    fields: &["si_pid", "si_uid", "si_signo", "si_status", "si_code"],
    visible: 5,
};

/// The class of what `waitid` gives.
pub(super) fn result_class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| struct_sequence::class(&RESULT))
}

fn wait(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("posix.wait", args)?;
    wait_for(cx, -1, 0)
}

fn waitpid(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [pid, options] = arguments::exactly("waitpid", args)?;
    let pid = arguments::integer32(cx, pid)?;
    let options = arguments::integer32(cx, options)?;
    wait_for(cx, pid, options)
}

/// The pair that `waitpid` gives; interrupts are served.
///
/// # Errors
/// `OSError`, or what an interrupt raises.
pub(super) fn wait_for(cx: &mut Context, pid: i32, options: i32) -> Outcome<Value> {
    let found = found(cx, |thread| process::wait_pid(thread, pid, options))?;
    let (pid, status) = found.unwrap_or((0, 0));
    Ok(Value::tuple_of([
        Value::Int(pid.into()),
        Value::Int(status.into()),
    ]))
}

/// What a wait gives, serving interrupts.
fn found<T>(
    cx: &mut Context,
    mut wait: impl FnMut(&ThreadHandle) -> Result<Option<T>, ChildError>,
) -> Outcome<Option<T>> {
    cx.note_place();
    loop {
        let thread = cx.thread.clone();
        match wait(&thread) {
            Ok(found) => return Ok(found),
            Err(ChildError::Interrupted(_)) => interrupt::at_safepoint(cx)?,
            Err(ChildError::Os(error)) => return Err(from_io(&error, None)),
            Err(ChildError::NoChild | ChildError::OfAnother) => {
                return Err(os_error(libc::ECHILD, None));
            }
        }
    }
}

fn wait3(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const PARAMETERS: Signature<1> = Signature::new("wait3", ["options"]).required(1);
    let [Some(options)] = PARAMETERS.bind(args)? else {
        return Ok(Value::None);
    };
    let options = arguments::integer32(cx, options)?;
    with_usage(cx, -1, options)
}

fn wait4(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const PARAMETERS: Signature<2> = Signature::new("wait4", ["pid", "options"]).required(2);
    let [Some(pid), Some(options)] = PARAMETERS.bind(args)? else {
        return Ok(Value::None);
    };
    let pid = arguments::integer32(cx, pid)?;
    let options = arguments::integer32(cx, options)?;
    with_usage(cx, pid, options)
}

fn with_usage(cx: &mut Context, pid: i32, options: i32) -> Outcome<Value> {
    let mut used = Usage::default();
    let found = found(cx, |thread| {
        process::wait_change(thread, pid, options, &mut used)
    })?;
    let (pid, status) = found.map_or((0, 0), |found| (found.pid, found.status));
    Ok(Value::tuple_of([
        Value::Int(pid.into()),
        Value::Int(status.into()),
        shown_usage(used.get()),
    ]))
}

fn waitid(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    if !args.names.is_empty() {
        return Err(type_error("posix.waitid() takes no keyword arguments"));
    }
    let [kind, id, options] = args.values else {
        return Err(type_error(format!(
            "waitid() takes exactly 3 arguments ({} given)",
            args.values.len()
        )));
    };
    let kind = arguments::integer(cx, kind)?;
    let id = arguments::integer32(cx, id)?;
    let options = arguments::integer32(cx, options)?;
    const CHANGES: i32 = libc::WEXITED | libc::WSTOPPED | libc::WCONTINUED;
    let unknown = options & !(CHANGES | libc::WNOHANG | libc::WNOWAIT);
    let pid = match u32::try_from(kind) {
        Ok(libc::P_ALL) => Some(-1),
        Ok(libc::P_PID) => (id > 0).then_some(id),
        // SAFETY: no arguments.
        Ok(libc::P_PGID) if id == 0 => Some(-unsafe { libc::getpgrp() }),
        Ok(libc::P_PGID) => (id > 0).then_some(-id),
        Ok(libc::P_PIDFD) => Some(number_of(id)?),
        _ => None,
    };
    let (Some(pid), true, 0) = (pid, options & CHANGES != 0, unknown) else {
        return Err(os_error(libc::EINVAL, None));
    };
    let wanted = Wanted {
        pid,
        ends: options & libc::WEXITED != 0,
        stops: options & libc::WSTOPPED != 0,
        continues: options & libc::WCONTINUED != 0,
        leaves: options & libc::WNOWAIT != 0,
        now: options & libc::WNOHANG != 0,
    };
    let Some(found) = found(cx, |thread| {
        process::wait_child(thread, wanted, &mut Usage::default())
    })?
    else {
        return Ok(Value::None);
    };
    let status = found.status;
    let (number, code) = if libc::WIFEXITED(status) {
        (libc::WEXITSTATUS(status), libc::CLD_EXITED)
    } else if libc::WIFSTOPPED(status) {
        (libc::WSTOPSIG(status), libc::CLD_STOPPED)
    } else if libc::WIFCONTINUED(status) {
        (libc::SIGCONT, libc::CLD_CONTINUED)
    } else if libc::WCOREDUMP(status) {
        (libc::WTERMSIG(status), libc::CLD_DUMPED)
    } else {
        (libc::WTERMSIG(status), libc::CLD_KILLED)
    };
    // SAFETY: no arguments. A child has its parent's user, unless it changed that.
    let user = unsafe { libc::getuid() };
    let values = vec![
        Value::Int(found.pid.into()),
        Value::Int(user.into()),
        Value::Int(libc::SIGCHLD.into()),
        Value::Int(number.into()),
        Value::Int(code.into()),
    ];
    Ok(struct_sequence::make(result_class(), &RESULT, values))
}

/// The number of the process that a descriptor stands for.
fn number_of(descriptor: i32) -> Outcome<i32> {
    let known = std::fs::read_to_string(format!("/proc/self/fdinfo/{descriptor}"));
    let number = known.ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("Pid:"))?;
        line.trim().parse().ok()
    });
    match number {
        Some(pid) if pid > 0 => Ok(pid),
        // It has been reaped.
        Some(_) => Err(os_error(libc::ECHILD, None)),
        None => Err(os_error(libc::EBADF, None)),
    }
}

fn pidfd_open(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const PARAMETERS: Signature<2> = Signature::new("pidfd_open", ["pid", "flags"]).required(1);
    let [Some(pid), flags] = PARAMETERS.bind(args)? else {
        return Ok(Value::None);
    };
    let pid = arguments::integer32(cx, pid)?;
    let flags = match flags {
        Some(flags) => arguments::integer32(cx, flags)?,
        None => 0,
    };
    // SAFETY: no pointers are involved. The descriptor is close-on-exec.
    match unsafe { libc::syscall(libc::SYS_pidfd_open, pid, flags) } {
        -1 => Err(last_error()),
        descriptor => Ok(Value::Int(descriptor)),
    }
}

fn waitstatus_to_exitcode(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const PARAMETERS: Signature<1> =
        Signature::new("waitstatus_to_exitcode", ["status"]).required(1);
    let [Some(status)] = PARAMETERS.bind(args)? else {
        return Ok(Value::None);
    };
    let status = arguments::integer32(cx, status)?;
    exit_code_of(status)
}

/// What a status word says as an exit code.
///
/// # Errors
/// `ValueError` for one that is not of an end.
pub(super) fn exit_code_of(status: i32) -> Outcome<Value> {
    if libc::WIFEXITED(status) {
        return Ok(Value::Int(libc::WEXITSTATUS(status).into()));
    }
    if libc::WIFSIGNALED(status) {
        return Ok(Value::Int((-libc::WTERMSIG(status)).into()));
    }
    if libc::WIFSTOPPED(status) {
        return Err(value_error(format!(
            "process stopped by delivery of signal {}",
            libc::WSTOPSIG(status)
        )));
    }
    Err(value_error(format!("invalid wait status: {status}")))
}

fn status(
    cx: &mut Context,
    name: &'static str,
    args: Args<'_>,
    get: fn(i32) -> Value,
) -> Outcome<Value> {
    let signature: Signature<1> = Signature::new(name, ["status"]).required(1);
    let [Some(status)] = signature.bind(args)? else {
        return Ok(Value::None);
    };
    arguments::integer32(cx, status).map(get)
}
