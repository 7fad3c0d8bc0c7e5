//! The methods and properties of process objects. It must not know how a child is started.

use super::*;

pub(super) fn run(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let process = initialised(args, "run", "_target")?;
    let [] = Parameters::method("BaseProcess.run", []).bind(args.rest())?;
    let (target, args, kwargs) = process.work();
    if target.is_none() || !arguments::truth(cx, &target)? {
        return Ok(Value::None);
    }
    child::call(cx, &target, &args, &kwargs)
}

/// The process, which a subclass whose `__init__` does not call this one's fails to make: CPython then lacks the
/// attribute that the method looks for first.
fn initialised<'a>(
    args: Args<'a>,
    method: &'static str,
    attribute: &str,
) -> Outcome<&'a ProcessObject> {
    let process = of(args, method)?;
    if process.state.lock().ready {
        return Ok(process);
    }
    let class = args.values[0].type_name();
    let raised = attribute_error(format!("'{class}' object has no attribute '{attribute}'"));
    let help = format!("help: `__init__` of `{class}` must call `super().__init__()` first");
    add_note(&raised, &help);
    Err(raised)
}

fn checked<'a>(args: Args<'a>, method: &'static str) -> Outcome<&'a ProcessObject> {
    let process = initialised(args, method, "_closed")?;
    process.check_closed()?;
    Ok(process)
}

/// The end of the child, for `join` and `result`; `None` if the time was over before, and where another process is
/// its parent.
fn wait_for_end(
    cx: &mut Context,
    args: Args<'_>,
    method: &'static str,
    parameters: Parameters<1>,
) -> Outcome<Option<(Child, ExitStatus)>> {
    let process = checked(args, method)?;
    let [timeout] = parameters.bind(args.rest())?;
    if !process.is_own() {
        return Err(assertion_error("can only join a child process"));
    }
    let Some(child) = process.child() else {
        return Err(misuse::error(
            ExceptionKind::AssertionError,
            ExceptionKind::RuntimeError,
            "can only join a started process",
        ));
    };
    let deadline = waiting::deadline(cx, timeout)?;
    let Some(status) = wait_for(cx, &child, deadline)? else {
        return Ok(None);
    };
    note_end(cx, &args.values[0]);
    Ok(Some((child, status)))
}

pub(super) fn start(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let process = checked(args, "start")?;
    const START: Parameters<0> = Parameters::method("BaseProcess.start", []);
    START.bind(args.rest())?;
    if process.child().is_some() {
        return Err(assertion_error("cannot start a process twice"));
    }
    if !process.is_own() {
        return Err(assertion_error(
            "can only start a process object created by current process",
        ));
    }
    processes(cx).living_children(cx);
    let object = args.values[0].clone();
    if Method::of_process(&object).is_none() {
        processes(cx).settle_start_method();
    }
    child::start_script(cx, &object)?;
    Ok(Value::None)
}

const JOIN: Parameters<1> = Parameters::method("BaseProcess.join", ["timeout"]);

pub(super) fn join(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    wait_for_end(cx, args, "join", JOIN)?;
    Ok(Value::None)
}

pub(super) fn is_alive(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let process = checked(args, "is_alive")?;
    const IS_ALIVE: Parameters<0> = Parameters::method("BaseProcess.is_alive", []);
    IS_ALIVE.bind(args.rest())?;
    if args.values[0].same(&processes(cx).current()) {
        return Ok(Value::Bool(true));
    }
    if args.values[0].class().same(&class().parent) {
        // SAFETY: no arguments.
        let parent = unsafe { libc::getppid() };
        return Ok(Value::Bool(process.state.lock().parent_pid == parent));
    }
    if !process.is_own() {
        return Err(assertion_error("can only test a child process"));
    }
    if process.child().is_none() {
        return Ok(Value::Bool(false));
    }
    let alive = process.poll_alive();
    if !alive {
        note_end(cx, &args.values[0]);
    }
    Ok(Value::Bool(alive))
}

pub(super) fn terminate(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    signal(args, "terminate", libc::SIGTERM)
}

pub(super) fn kill(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    signal(args, "kill", libc::SIGKILL)
}

fn signal(args: Args<'_>, method: &'static str, number: i32) -> Outcome<Value> {
    let process = checked(args, method)?;
    let [] = Parameters::method("BaseProcess.terminate", []).bind(args.rest())?;
    let Some(child) = process.child() else {
        return Err(misuse::error(
            ExceptionKind::AttributeError,
            ExceptionKind::AssertionError,
            format!("can only {method} a started process"),
        ));
    };
    match child.signal(number) {
        Ok(()) => Ok(Value::None),
        Err(error) => Err(crate::library::exceptions::from_io(&error, None)),
    }
}

pub(super) fn close(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let process = initialised(args, "close", "_popen")?;
    let [] = Parameters::method("BaseProcess.close", []).bind(args.rest())?;
    if let Some(child) = process.child() {
        if child.is_own() && child.is_alive() {
            return Err(value_error(
                "Cannot close a process while it is still running. \
                 You should first call join() or terminate().",
            ));
        }
        process.observe(cx);
        note_end(cx, &args.values[0]);
    }
    let old = {
        let mut state = process.state.lock();
        state.closed = true;
        (state.child.take(), state.report.take(), state.ended.take())
    };
    drop(old);
    Ok(Value::None)
}

pub(super) fn ident(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let process = checked(args, "ident")?;
    if args.values[0].same(&processes(cx).current()) {
        return Ok(Value::Int(i64::from(own_pid())));
    }
    if args.values[0].class().same(&class().parent) {
        return Ok(Value::Int(i64::from(process.state.lock().parent_pid)));
    }
    Ok(match process.child() {
        Some(child) => Value::Int(i64::from(child.pid())),
        None => Value::None,
    })
}

pub(super) fn exit_code(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let process = checked(args, "exitcode")?;
    let Some(child) = process.child() else {
        return Ok(Value::None);
    };
    if !child.is_own() {
        return Ok(Value::None);
    }
    let code = child.exit_code();
    if code.is_some() {
        note_end(cx, &args.values[0]);
        process.observe(cx);
    }
    Ok(code.map_or(Value::None, |code| Value::Int(i64::from(code))))
}

pub(super) fn sentinel(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let process = checked(args, "sentinel")?;
    let Some(child) = process.child() else {
        return Err(value_error("process not started"));
    };
    if let Ok(descriptor) = child.descriptor() {
        return Ok(Value::Int(i64::from(descriptor)));
    }
    // It ended before anybody asked: the read end of a pipe that nobody writes to is as good.
    let (read, write) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)
        .map_err(|error| crate::library::exceptions::os_error(error as i32, None))?;
    drop(write);
    use std::os::fd::AsRawFd;
    let mut state = process.state.lock();
    let descriptor = state.ended.get_or_insert(read).as_raw_fd();
    Ok(Value::Int(i64::from(descriptor)))
}

/// `result()`: what `run` returned, or the exception that left it.
pub(super) fn result(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const RESULT: Parameters<1> = Parameters::method("BaseProcess.result", ["timeout"]);
    let Some((child, status)) = wait_for_end(cx, args, "result", RESULT)? else {
        return Err(raise(&errors().timeout, None));
    };
    let process = of(args, "result")?;
    process.observe(cx);
    let report = process.state.lock().result.clone();
    child::read_report(cx, &process.name(), child.pid(), status, report.as_deref())
}

pub(super) fn get_name(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let process = initialised(args, "name", "_name")?;
    Ok(process.state.lock().name.clone())
}

pub(super) fn set_name(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let process = of(args, "name")?;
    let value = args.values.get(1).cloned().unwrap_or_default();
    let Some(name) = value.unwrapped().as_str() else {
        return Err(assertion_error("name must be a string"));
    };
    if args.values[0].same(&processes(cx).current()) {
        crate::runtime::slot::set_name(name);
    }
    let old = std::mem::replace(&mut process.state.lock().name, value.clone());
    drop(old);
    Ok(Value::None)
}

pub(super) fn get_daemon(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let process = initialised(args, "daemon", "_config")?;
    let daemon = process.state.lock().daemon.clone();
    Ok(match daemon {
        Value::None => Value::Bool(false),
        daemon => daemon,
    })
}

pub(super) fn set_daemon(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let process = initialised(args, "daemon", "_popen")?;
    if process.child().is_some() {
        return Err(assertion_error("process has already started"));
    }
    let value = args.values.get(1).cloned().unwrap_or_default();
    let old = std::mem::replace(&mut process.state.lock().daemon, value);
    drop(old);
    Ok(Value::None)
}

pub(super) fn get_authkey(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let process = initialised(args, "authkey", "_config")?;
    Ok(process.state.lock().authkey.clone())
}

pub(super) fn set_authkey(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let process = initialised(args, "authkey", "_config")?;
    let value = args.values.get(1).cloned().unwrap_or_default();
    let old = std::mem::replace(&mut process.state.lock().authkey, value);
    drop(old);
    Ok(Value::None)
}

pub(super) fn repr(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let object = &args.values[0];
    let process = initialised(args, "__repr__", "_closed")?;
    let (name, parent_pid, is_closed, child) = {
        let state = process.state.lock();
        (
            state.name.clone(),
            state.parent_pid,
            state.closed,
            state.child.clone(),
        )
    };
    let is_current = object.same(&processes(cx).current());
    let is_parent = object.class().same(&class().parent);
    let exit_code = match &child {
        Some(child) if !is_current && child.is_own() => child.exit_code(),
        _ => None,
    };
    let status = if is_current {
        "started"
    } else if is_closed {
        "closed"
    } else if parent_pid != own_pid() {
        "unknown"
    } else if child.is_none() {
        "initial"
    } else if exit_code.is_some() {
        "stopped"
    } else {
        "started"
    };
    let mut shown = format!("<{} name={}", object.type_name(), text::repr(cx, &name)?);
    if let Some(child) = &child
        && !is_current
    {
        shown.push_str(&format!(" pid={}", child.pid()));
    }
    match parent_pid {
        _ if is_parent => shown.push_str(" parent=None"),
        0 => shown.push_str(" parent=None"),
        pid => shown.push_str(&format!(" parent={pid}")),
    }
    shown.push(' ');
    shown.push_str(status);
    if let Some(code) = exit_code {
        shown.push_str(&format!(" exitcode={}", code_text(code)));
    }
    if process.is_daemon(cx) {
        shown.push_str(" daemon");
    }
    shown.push('>');
    Ok(Value::str(shown))
}
