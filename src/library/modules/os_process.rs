//! The part of `os` that concerns processes and descriptors. It must not know how children are waited
//! for, nor how other programs are run.

use super::multiprocessing::process::fork_failed;
use super::os_children::fork_script;
use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::library::arguments::{self, Signature};
use crate::library::define::Entries;
use crate::library::exceptions::{from_io, os_error};
use crate::runtime::arena;
use crate::runtime::blocking::{Outcome as Waited, Reason, ReasonKind, Wait, blocking};
use crate::runtime::fork::ForkSide;
use crate::runtime::idle_threads;
use crate::runtime::output;
use crate::runtime::pipe_write;
use crate::value::exception::{Raised, type_error, value_error};
use crate::value::function::Args;
use crate::value::object::Ref;
use crate::value::room::{filled, with_room};
use crate::value::{Outcome, Set, Value, iterate, sequence};

/// The functions.
pub const FUNCTIONS: Entries<'_> = &[
    ("fork", fork),
    ("getpid", |_, args| {
        number("getpid", args, || unsafe_id(Id::Process))
    }),
    ("getppid", |_, args| {
        number("getppid", args, || unsafe_id(Id::Parent))
    }),
    ("getuid", |_, args| {
        number("getuid", args, || unsafe_id(Id::User))
    }),
    ("geteuid", |_, args| {
        number("geteuid", args, || unsafe_id(Id::EffectiveUser))
    }),
    ("getgid", |_, args| {
        number("getgid", args, || unsafe_id(Id::Group))
    }),
    ("getegid", |_, args| {
        number("getegid", args, || unsafe_id(Id::EffectiveGroup))
    }),
    ("getpgrp", |_, args| {
        number("getpgrp", args, || unsafe_id(Id::ProcessGroup))
    }),
    ("_exit", exit_now),
    ("abort", abort),
    ("kill", kill),
    ("killpg", killpg),
    ("getpgid", getpgid),
    ("setpgid", setpgid),
    ("getsid", getsid),
    ("setsid", setsid),
    ("nice", nice),
    ("cpu_count", cpu_count),
    ("process_cpu_count", process_cpu_count),
    ("sched_getaffinity", sched_getaffinity),
    ("sched_setaffinity", sched_setaffinity),
    ("sched_yield", sched_yield),
    ("getloadavg", getloadavg),
    ("pipe", pipe),
    ("read", read),
    ("write", write),
    ("close", close),
    ("dup", dup),
    ("dup2", dup2),
    ("fdopen", fdopen),
    ("isatty", isatty),
    ("set_blocking", set_blocking),
    ("get_blocking", get_blocking),
    ("set_inheritable", set_inheritable),
    ("get_inheritable", get_inheritable),
    ("urandom", urandom),
    ("umask", umask),
];

/// The constants.
pub const CONSTANTS: &[(&str, i64)] = &[("P_NOWAIT", 1), ("P_WAIT", 0)];

enum Id {
    Process,
    Parent,
    User,
    EffectiveUser,
    Group,
    EffectiveGroup,
    ProcessGroup,
}

fn unsafe_id(id: Id) -> i64 {
    // SAFETY: none of them has arguments, and none can fail.
    unsafe {
        match id {
            Id::Process => libc::getpid().into(),
            Id::Parent => libc::getppid().into(),
            Id::User => libc::getuid().into(),
            Id::EffectiveUser => libc::geteuid().into(),
            Id::Group => libc::getgid().into(),
            Id::EffectiveGroup => libc::getegid().into(),
            Id::ProcessGroup => libc::getpgrp().into(),
        }
    }
}

fn number(name: &'static str, args: Args<'_>, get: fn() -> i64) -> Outcome<Value> {
    arguments::none(&posix(name), args)?;
    Ok(Value::Int(get()))
}

fn posix(name: &str) -> String {
    format!("posix.{name}")
}

/// The error that the last call left.
#[cold]
pub(super) fn last_error() -> Raised {
    from_io(&std::io::Error::last_os_error(), None)
}

/// The result of a call, or the error that it left.
fn checked(result: libc::c_int) -> Outcome<Value> {
    match result {
        -1 => Err(last_error()),
        _ => Ok(Value::None),
    }
}

/// `os.fork()`, which is the built-in `fork()` too.
pub fn fork(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("posix.fork", args)?;
    // A signal that has already come is the parent's.
    cx.safepoint()?;
    match fork_script(cx) {
        Ok(ForkSide::Parent { pid }) => Ok(Value::Int(pid.into())),
        Ok(ForkSide::Child) => Ok(Value::Int(0)),
        Err(error) => Err(fork_failed(error)),
    }
}

fn exit_now(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const PARAMETERS: Signature<1> = Signature::new("_exit", ["status"]).required(1);
    let [Some(status)] = PARAMETERS.bind(args)? else {
        return Ok(Value::None);
    };
    let status = arguments::integer32(cx, status)?;
    // SAFETY: ends the process; nothing of it is used afterwards.
    unsafe { libc::_exit(status) }
}

fn abort(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("posix.abort", args)?;
    std::process::abort()
}

fn kill(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [pid, signal] = arguments::exactly("kill", args)?;
    let pid = arguments::integer32(cx, pid)?;
    let signal = arguments::integer32(cx, signal)?;
    // SAFETY: no pointers are involved.
    let result = unsafe { libc::kill(pid, signal) };
    let result = checked(result)?;
    // One sent to this very process has arrived when the call returns.
    cx.safepoint()?;
    Ok(result)
}

fn killpg(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [group, signal] = arguments::exactly("killpg", args)?;
    let group = arguments::integer32(cx, group)?;
    let signal = arguments::integer32(cx, signal)?;
    // SAFETY: no pointers are involved.
    let result = unsafe { libc::killpg(group, signal) };
    let result = checked(result)?;
    cx.safepoint()?;
    Ok(result)
}

fn getpgid(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const PARAMETERS: Signature<1> = Signature::new("getpgid", ["pid"]).required(1);
    let [Some(pid)] = PARAMETERS.bind(args)? else {
        return Ok(Value::None);
    };
    let pid = arguments::integer32(cx, pid)?;
    // SAFETY: no pointers are involved.
    match unsafe { libc::getpgid(pid) } {
        -1 => Err(last_error()),
        group => Ok(Value::Int(group.into())),
    }
}

fn setpgid(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [pid, group] = arguments::exactly("setpgid", args)?;
    let pid = arguments::integer32(cx, pid)?;
    let group = arguments::integer32(cx, group)?;
    // SAFETY: no pointers are involved.
    let result = unsafe { libc::setpgid(pid, group) };
    checked(result)
}

fn getsid(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let pid = arguments::one("posix.getsid", args)?;
    let pid = arguments::integer32(cx, pid)?;
    // SAFETY: no pointers are involved.
    match unsafe { libc::getsid(pid) } {
        -1 => Err(last_error()),
        session => Ok(Value::Int(session.into())),
    }
}

fn setsid(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("posix.setsid", args)?;
    // SAFETY: no arguments.
    let result = unsafe { libc::setsid() };
    checked(result)
}

fn nice(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let increment = arguments::one("posix.nice", args)?;
    let increment = arguments::integer32(cx, increment)?;
    // SAFETY: errno is this thread's own; -1 is also a valid result.
    let (result, error) = unsafe {
        *libc::__errno_location() = 0;
        let result = libc::nice(increment);
        (result, *libc::__errno_location())
    };
    if result == -1 && error != 0 {
        return Err(os_error(error, None));
    }
    if increment != 0 {
        idle_threads::stop_reuse();
    }
    Ok(Value::Int(result.into()))
}

fn cpu_count(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("posix.cpu_count", args)?;
    // SAFETY: no pointers are involved.
    let count = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
    Ok(match count {
        1.. => Value::Int(count),
        _ => Value::None,
    })
}

/// The processors that a process may use; 0 for this one.
fn affinity(pid: i32) -> Option<Vec<i64>> {
    // SAFETY: all zero is a valid set, which the call fills in.
    let set = unsafe {
        let mut set = std::mem::zeroed::<libc::cpu_set_t>();
        if libc::sched_getaffinity(pid, size_of::<libc::cpu_set_t>(), &mut set) != 0 {
            return None;
        }
        set
    };
    let processors = 0..libc::CPU_SETSIZE as usize;
    Some(
        processors
            // SAFETY: the number is below the size of the set.
            .filter(|&processor| unsafe { libc::CPU_ISSET(processor, &set) })
            .map(|processor| processor as i64)
            .collect(),
    )
}

/// How many processors this process may use; at least one.
pub fn usable_processors() -> usize {
    affinity(0).map_or(1, |list| list.len().max(1))
}

fn process_cpu_count(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("process_cpu_count", args)?;
    Ok(Value::size(usable_processors()))
}

fn sched_getaffinity(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let pid = arguments::one("posix.sched_getaffinity", args)?;
    let pid = arguments::integer32(cx, pid)?;
    let Some(processors) = affinity(pid) else {
        return Err(last_error());
    };
    let set = Set::new();
    for processor in processors {
        set.add(cx, Value::Int(processor))?;
    }
    Ok(Value::Set(Ref::new(set)))
}

fn sched_setaffinity(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [pid, mask] = arguments::exactly("sched_setaffinity", args)?;
    let pid = arguments::integer32(cx, pid)?;
    // SAFETY: all zero is a valid set.
    let mut set = unsafe { std::mem::zeroed::<libc::cpu_set_t>() };
    for processor in iterate::collect(cx, mask)? {
        let processor = arguments::integer32(cx, &processor)?;
        match usize::try_from(processor) {
            // SAFETY: the number is below the size of the set.
            Ok(processor) if processor < libc::CPU_SETSIZE as usize => unsafe {
                libc::CPU_SET(processor, &mut set);
            },
            Ok(_) => return Err(os_error(libc::EINVAL, None)),
            Err(_) => return Err(value_error("negative CPU number")),
        }
    }
    // SAFETY: a valid set of that size.
    let result = unsafe { libc::sched_setaffinity(pid, size_of::<libc::cpu_set_t>(), &set) };
    idle_threads::stop_reuse();
    checked(result)
}

fn sched_yield(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("posix.sched_yield", args)?;
    std::thread::yield_now();
    Ok(Value::None)
}

fn getloadavg(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("posix.getloadavg", args)?;
    let mut averages = [0.0f64; 3];
    // SAFETY: room for three numbers.
    if unsafe { libc::getloadavg(averages.as_mut_ptr(), 3) } != 3 {
        return Err(last_error());
    }
    Ok(Value::tuple(averages.map(Value::Float).to_vec()))
}

fn pipe(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("posix.pipe", args)?;
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
        return Err(last_error());
    }
    Ok(Value::tuple(
        ends.map(|end| Value::Int(end.into())).to_vec(),
    ))
}

/// A descriptor that a script names, which may also be an object with `fileno`.
fn descriptor(cx: &mut Context, value: &Value) -> Outcome<i32> {
    match sequence::try_index(cx, value)? {
        Some(_) => arguments::integer32(cx, value),
        None => Err(type_error(format!(
            "'{}' object cannot be interpreted as an integer",
            value.type_name()
        ))),
    }
}

/// Waits until a descriptor is ready, serving interrupts.
///
/// # Errors
/// What an interrupt raises.
pub fn wait_ready(cx: &mut Context, fd: i32, events: i16, kind: ReasonKind) -> Outcome<()> {
    cx.note_place();
    let reason = Reason::new(kind).about(fd as u64);
    loop {
        let thread = cx.thread.clone();
        match blocking(&thread, &reason, None, Wait::Descriptor { fd, events }) {
            Waited::Woken | Waited::TimedOut => return Ok(()),
            Waited::Interrupted(_) => interrupt::at_safepoint(cx)?,
        }
    }
}

fn read(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [fd, length] = arguments::exactly("read", args)?;
    let fd = descriptor(cx, fd)?;
    let length = arguments::integer(cx, length)?;
    let Ok(length) = usize::try_from(length) else {
        return Err(os_error(libc::EINVAL, None));
    };
    read_bytes(cx, fd, length.min(0x7fff_f000)).map(Value::bytes)
}

/// One read of at most so many bytes, once there is something.
///
/// # Errors
/// `MemoryError`, `OSError`, and what an interrupt raises.
pub(super) fn read_bytes(cx: &mut Context, fd: i32, length: usize) -> Outcome<Vec<u8>> {
    if is_blocking(fd) {
        wait_ready(cx, fd, libc::POLLIN, ReasonKind::Read)?;
    }
    let mut bytes: Vec<u8> = with_room(length)?;
    loop {
        let thread = cx.thread.clone();
        let room = bytes.spare_capacity_mut();
        let room = (room.as_mut_ptr() as usize, length);
        let count = thread.detached(|| {
            // SAFETY: the vector has room for that many bytes and nobody else uses it.
            size_or_error(unsafe { libc::read(fd, room.0 as *mut libc::c_void, room.1) })
        });
        match count {
            Ok(count) => {
                // SAFETY: the system wrote so many.
                unsafe { bytes.set_len(count) };
                return Ok(bytes);
            }
            Err(error) if error.kind() != std::io::ErrorKind::Interrupted => {
                return Err(from_io(&error, None));
            }
            Err(_) => interrupt::at_safepoint(cx)?,
        }
    }
}

/// The result of a read or write, or the error that it left: to be asked for at once, since attaching
/// again calls the system, too.
pub(super) fn size_or_error(count: libc::ssize_t) -> std::io::Result<usize> {
    usize::try_from(count).map_err(|_| std::io::Error::last_os_error())
}

/// Whether a read or write of it waits.
pub(super) fn is_blocking(fd: i32) -> bool {
    // SAFETY: no pointers are involved.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
    flags >= 0 && flags & libc::O_NONBLOCK == 0
}

fn write(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [fd, data] = arguments::exactly("write", args)?;
    let fd = descriptor(cx, fd)?;
    let Some(bytes) = sequence::bytes_like(data) else {
        return Err(type_error(format!(
            "a bytes-like object is required, not '{}'",
            data.type_name()
        )));
    };
    let bytes = bytes.into_owned();
    write_bytes(cx, fd, &bytes).map(Value::size)
}

/// One write, once there is room; to a pipe that waits, all of it. How many bytes were written.
///
/// # Errors
/// `OSError`, and what an interrupt raises.
pub(super) fn write_bytes(cx: &mut Context, fd: i32, bytes: &[u8]) -> Outcome<usize> {
    // What was printed before comes first, whichever way it goes out.
    output::flush_all(&cx.thread);
    if is_blocking(fd) {
        if !bytes.is_empty() && pipe_write::is_pipe(fd) {
            return write_to_pipe(cx, fd, bytes);
        }
        wait_ready(cx, fd, libc::POLLOUT, ReasonKind::Write)?;
    }
    loop {
        let thread = cx.thread.clone();
        let count = thread.detached(|| {
            // SAFETY: the buffer is valid for its length.
            size_or_error(unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) })
        });
        match count {
            Ok(count) => return Ok(count),
            Err(error) if error.kind() != std::io::ErrorKind::Interrupted => {
                return Err(from_io(&error, None));
            }
            Err(_) => interrupt::at_safepoint(cx)?,
        }
    }
}

/// Writes all of it, as write(2) does to a pipe that may wait.
fn write_to_pipe(cx: &mut Context, fd: i32, bytes: &[u8]) -> Outcome<usize> {
    let mut done = 0;
    loop {
        // Also before nothing is written: so it fails where there is no reader, or no pipe any more.
        wait_ready(cx, fd, libc::POLLOUT, ReasonKind::Write)?;
        let rest = &bytes[done..];
        let thread = cx.thread.clone();
        match thread.detached(|| pipe_write::write_some(fd, rest)) {
            Ok(count) => done += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {
                interrupt::at_safepoint(cx)?;
            }
            // What is in the pipe stays there.
            Err(_) if done > 0 => return Ok(done),
            Err(error) => return Err(from_io(&error, None)),
        }
        if done == bytes.len() {
            return Ok(done);
        }
    }
}

/// A descriptor that a script may close or replace: not those by which other processes see that
/// this one lives.
pub(super) fn replaceable(fd: i32) -> Outcome<i32> {
    let is_ours = arena::existing().is_some_and(|arena| arena.descriptors().contains(&fd));
    if is_ours {
        return Err(os_error(libc::EBADF, None));
    }
    Ok(fd)
}

fn close(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const PARAMETERS: Signature<1> = Signature::new("close", ["fd"]).required(1);
    let [Some(fd)] = PARAMETERS.bind(args)? else {
        return Ok(Value::None);
    };
    let fd = descriptor(cx, fd)?;
    let fd = replaceable(fd)?;
    output::flush_all(&cx.thread);
    // SAFETY: the script's own descriptor.
    let result = unsafe { libc::close(fd) };
    checked(result)
}

fn dup(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let fd = arguments::one("posix.dup", args)?;
    let fd = descriptor(cx, fd)?;
    // SAFETY: no pointers are involved.
    match unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 0) } {
        -1 => Err(last_error()),
        fd => Ok(Value::Int(fd.into())),
    }
}

fn dup2(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const PARAMETERS: Signature<3> =
        Signature::new("dup2", ["fd", "fd2", "inheritable"]).required(2);
    let [Some(from), Some(to), inheritable] = PARAMETERS.bind(args)? else {
        return Ok(Value::None);
    };
    let from = descriptor(cx, from)?;
    let to = descriptor(cx, to)?;
    let to = replaceable(to)?;
    let inheritable = arguments::flag(cx, inheritable, true)?;
    // What was printed before goes where it was meant to.
    output::flush_all(&cx.thread);
    let result = match inheritable || from == to {
        // SAFETY: no pointers are involved.
        true => unsafe { libc::dup2(from, to) },
        // SAFETY: as above.
        false => unsafe { libc::dup3(from, to, libc::O_CLOEXEC) },
    };
    match result {
        -1 => Err(last_error()),
        fd => Ok(Value::Int(fd.into())),
    }
}

fn fdopen(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let Some(fd) = args.positional().first() else {
        return Err(type_error(
            "fdopen() missing 1 required positional argument: 'fd'",
        ));
    };
    if sequence::try_index(cx, fd)?.is_none() {
        return Err(type_error(format!(
            "invalid fd type ({}, expected integer)",
            crate::value::text::repr(cx, &Value::Class(fd.class().clone()))?
        )));
    }
    let open = crate::library::builtin(crate::value::name::Name::new("open"));
    cx.call_with(&open, args)
}

fn isatty(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let fd = arguments::one("posix.isatty", args)?;
    let fd = descriptor(cx, fd)?;
    // SAFETY: no pointers are involved.
    Ok(Value::Bool(unsafe { libc::isatty(fd) } == 1))
}

fn set_blocking(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [fd, flag] = arguments::exactly("set_blocking", args)?;
    let fd = descriptor(cx, fd)?;
    let blocking = arguments::truth(cx, flag)?;
    // SAFETY: no pointers are involved.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
    if flags < 0 {
        return Err(last_error());
    }
    let flags = match blocking {
        true => flags & !libc::O_NONBLOCK,
        false => flags | libc::O_NONBLOCK,
    };
    // SAFETY: as above.
    let result = unsafe { libc::fcntl(fd, libc::F_SETFL, flags) };
    checked(result)
}

fn get_blocking(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let fd = arguments::one("posix.get_blocking", args)?;
    let fd = descriptor(cx, fd)?;
    // SAFETY: no pointers are involved.
    match unsafe { libc::fcntl(fd, libc::F_GETFL) } {
        -1 => Err(last_error()),
        flags => Ok(Value::Bool(flags & libc::O_NONBLOCK == 0)),
    }
}

fn set_inheritable(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [fd, flag] = arguments::exactly("set_inheritable", args)?;
    let fd = descriptor(cx, fd)?;
    let flags = match arguments::truth(cx, flag)? {
        true => 0,
        false => libc::FD_CLOEXEC,
    };
    // SAFETY: no pointers are involved.
    let result = unsafe { libc::fcntl(fd, libc::F_SETFD, flags) };
    checked(result)
}

fn get_inheritable(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let fd = arguments::one("posix.get_inheritable", args)?;
    let fd = descriptor(cx, fd)?;
    // SAFETY: no pointers are involved.
    match unsafe { libc::fcntl(fd, libc::F_GETFD) } {
        -1 => Err(last_error()),
        flags => Ok(Value::Bool(flags & libc::FD_CLOEXEC == 0)),
    }
}

fn urandom(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let count = arguments::one("posix.urandom", args)?;
    let count = arguments::integer(cx, count)?;
    let Ok(count) = usize::try_from(count) else {
        return Err(value_error("negative argument not allowed"));
    };
    let mut bytes = filled(0, count)?;
    super::multiprocessing::fill_with_random(&mut bytes);
    Ok(Value::bytes(bytes))
}

fn umask(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let mask = arguments::one("posix.umask", args)?;
    let mask = arguments::integer32(cx, mask)?;
    // SAFETY: no pointers are involved.
    let old = unsafe { libc::umask(mask as libc::mode_t) };
    Ok(Value::Int(old.into()))
}
