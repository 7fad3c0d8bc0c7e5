//! The methods and properties of process objects. It must not know how a child is started.

use super::*;

pub(super) fn run(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (process, rest) = receiver::<ProcessObject>(args, "run")?;
    let [] = Parameters::method("BaseProcess.run", []).bind(rest)?;
    let (target, args, kwargs) = process.work();
    if target.is_none() || !arguments::truth(cx, &target)? {
        return Ok(Value::None);
    }
    child::call(cx, &target, &args, &kwargs)
}

/// The error of a method of a subclass whose `__init__` did not call this one's.
fn checked<'a>(args: Args<'a>, method: &'static str) -> Outcome<&'a ProcessObject> {
    let (process, _) = receiver::<ProcessObject>(args, method)?;
    match process.check_closed() {
        Err(error) if error.is(ExceptionKind::AttributeError) => {
            let class = args.values[0].type_name();
            Err(attribute_error(format!(
                "'{class}' object has no attribute '_closed'"
            )))
        }
        Err(error) => Err(error),
        Ok(()) => Ok(process),
    }
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
    child::start_script(cx, &object)?;
    Ok(Value::None)
}

const JOIN: Parameters<1> = Parameters::method("BaseProcess.join", ["timeout"]);

pub(super) fn join(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let process = checked(args, "join")?;
    let [timeout] = JOIN.bind(args.rest())?;
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
    if wait_for(cx, &child, deadline)?.is_some() {
        note_end(cx, &args.values[0]);
    }
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
    let (process, rest) = receiver::<ProcessObject>(args, "close")?;
    let [] = Parameters::method("BaseProcess.close", []).bind(rest)?;
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
    let process = checked(args, "result")?;
    let [timeout] = RESULT.bind(args.rest())?;
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
        return Err(raise(&errors().timeout, None));
    };
    note_end(cx, &args.values[0]);
    process.observe(cx);
    let report = process.state.lock().result.clone();
    child::read_report(cx, &process.name(), child.pid(), status, report.as_deref())
}

pub(super) fn get_name(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let process = of(args, "name")?;
    let state = process.state.lock();
    if !state.ready {
        drop(state);
        return Err(attribute_error(format!(
            "'{}' object has no attribute '_name'",
            args.values[0].type_name()
        )));
    }
    Ok(state.name.clone())
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
    let process = of(args, "daemon")?;
    let daemon = process.state.lock().daemon.clone();
    Ok(match daemon {
        Value::None => Value::Bool(false),
        daemon => daemon,
    })
}

pub(super) fn set_daemon(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let process = of(args, "daemon")?;
    if process.child().is_some() {
        return Err(assertion_error("process has already started"));
    }
    let value = args.values.get(1).cloned().unwrap_or_default();
    let old = std::mem::replace(&mut process.state.lock().daemon, value);
    drop(old);
    Ok(Value::None)
}

pub(super) fn get_authkey(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    Ok(of(args, "authkey")?.state.lock().authkey.clone())
}

pub(super) fn set_authkey(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let process = of(args, "authkey")?;
    let value = args.values.get(1).cloned().unwrap_or_default();
    let old = std::mem::replace(&mut process.state.lock().authkey, value);
    drop(old);
    Ok(Value::None)
}

pub(super) fn repr(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let object = &args.values[0];
    let process = of(args, "__repr__")?;
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
