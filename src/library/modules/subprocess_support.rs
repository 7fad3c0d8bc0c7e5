//! `_subprocess`: starting other programs, waiting for their end, and speaking with them through pipes, for the module
//! `subprocess`, which is written in conc.

use std::collections::HashMap;
use std::ffi::CString;

use super::select::wait_for_descriptors;
use super::with_functions;
use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::eval::module::Module;
use crate::library::arguments;
use crate::library::define::Entries;
use crate::library::exceptions::{from_io, os_error};
use crate::library::modules::threading::timeout;
use crate::library::paths;
use crate::runtime::blocking::{Descriptor, ReasonKind};
use crate::runtime::clock::Deadline;
use crate::runtime::command::{self, Command, Stage};
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::process::{self, Child, ChildError, ExitStatus};
use crate::value::exception::type_error;
use crate::value::function::Args;
use crate::value::object::Ref;
use crate::value::{Outcome, Value, iterate, room, sequence};

const FUNCTIONS: Entries<'_> = &[
    ("adopt", adopt),
    ("exchange", exchange),
    ("signal", signal),
    ("start", start),
    ("wait", wait),
];

/// Makes the module.
pub(super) fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    Ok(with_functions("_subprocess", FUNCTIONS))
}

/// The programs that were started and not yet seen to end.
#[derive(Default)]
struct Started {
    children: LeafLock<HashMap<i32, Child>>,
}

impl Started {
    fn find(&self, pid: i32) -> Option<Child> {
        self.children.lock().get(&pid).cloned()
    }

    fn forget(&self, pid: i32) {
        let child = self.children.lock().remove(&pid);
        drop(child);
    }
}

fn strings(cx: &mut Context, value: &Value) -> Outcome<Vec<CString>> {
    let items = iterate::collect(cx, value)?;
    items.iter().map(|item| paths::c_path(cx, item)).collect()
}

fn numbers(cx: &mut Context, value: &Value) -> Outcome<Vec<i32>> {
    let items = iterate::collect(cx, value)?;
    let number = |item| arguments::integer32(cx, item);
    items.iter().map(number).collect()
}

fn given<T>(
    cx: &mut Context,
    value: &Value,
    read: impl FnOnce(&mut Context, &Value) -> Outcome<T>,
) -> Outcome<Option<T>> {
    match value {
        Value::None => Ok(None),
        value => read(cx, value).map(Some),
    }
}

/// Starts a program: files to try, arguments, environment, folder, standard descriptors, further ones, whether others
/// are closed, whether signals are set back, whether it leads a session, its process group, the mask of its files. Its
/// number; or error number and whether the folder is to blame.
fn start(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [
        executables,
        arguments,
        environment,
        folder,
        standard,
        pass,
        close,
        restore,
        session,
        group,
        mask,
    ] = arguments::exactly("start", args)?;
    let standard = match numbers(cx, standard)?[..] {
        [input, output, error] => [input, output, error],
        _ => return Err(type_error("start() needs three standard descriptors")),
    };
    let mut pass = numbers(cx, pass)?;
    pass.sort_unstable();
    let command = Command {
        executables: strings(cx, executables)?,
        arguments: strings(cx, arguments)?,
        environment: given(cx, environment, strings)?,
        folder: given(cx, folder, paths::c_path)?,
        standard,
        pass,
        close_others: arguments::truth(cx, close)?,
        restore_signals: arguments::truth(cx, restore)?,
        new_session: arguments::truth(cx, session)?,
        process_group: given(cx, group, arguments::integer32)?,
        file_mask: match given(cx, mask, arguments::integer32)? {
            Some(mask) => u32::try_from(mask).ok(),
            None => None,
        },
    };
    let started = cx.session.extensions.get::<Started>();
    match command::start(&cx.thread, &command) {
        Ok(child) => {
            let pid = child.pid();
            let old = started.children.lock().insert(pid, child);
            drop(old);
            Ok(Value::Int(pid.into()))
        }
        Err(error) if error.stage == Stage::Fork => Err(from_io(&error.error, None)),
        Err(error) => Ok(Value::tuple_of([
            Value::Int(error.error.raw_os_error().unwrap_or(0).into()),
            Value::Bool(error.stage == Stage::Folder),
            Value::Bool(error.stage == Stage::Preparation),
        ])),
    }
}

fn pid_argument(cx: &mut Context, value: &Value) -> Outcome<i32> {
    arguments::integer32(cx, value)
}

/// Takes a child that the script forked for one of the programs.
fn adopt(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let pid = pid_argument(cx, arguments::one("adopt", args)?)?;
    if let Some(child) = process::find(pid) {
        let started = cx.session.extensions.get::<Started>();
        let old = started.children.lock().insert(pid, child);
        drop(old);
    }
    Ok(Value::None)
}

/// Waits for the end of a program: its exit code, or `None` if the timeout in seconds came first. One that somebody
/// else saw end has the code that it had, 0 where nobody knows.
fn wait(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [pid, limit] = arguments::exactly("wait", args)?;
    let pid = pid_argument(cx, pid)?;
    let deadline = timeout::deadline(cx, Some(limit))?;
    let started = cx.session.extensions.get::<Started>();
    let Some(child) = started.find(pid) else {
        return Ok(Value::Int(0));
    };
    loop {
        let thread = cx.thread.clone();
        match child.wait(&thread, deadline) {
            Ok(None) => return Ok(Value::None),
            Ok(Some(status)) => {
                started.forget(pid);
                let code = match status {
                    ExitStatus::Unknown => 0,
                    status => status.exit_code(),
                };
                return Ok(Value::Int(code.into()));
            }
            Err(ChildError::Interrupted(_)) => interrupt::at_safepoint(cx)?,
            Err(ChildError::Os(error)) => return Err(from_io(&error, None)),
            Err(ChildError::NoChild | ChildError::OfAnother) => return Ok(Value::Int(0)),
        }
    }
}

/// Sends a program a signal; one that has ended takes no notice.
fn signal(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [pid, number] = arguments::exactly("signal", args)?;
    let (pid, number) = (pid_argument(cx, pid)?, arguments::integer32(cx, number)?);
    let started = cx.session.extensions.get::<Started>();
    if let Some(child) = started.find(pid) {
        child
            .signal(number)
            .map_err(|error| from_io(&error, None))?;
    }
    Ok(Value::None)
}

/// What a pipe takes without blocking once it is ready to be written (`PIPE_BUF`).
const PIECE: usize = 4096;
/// How much is read at once.
const ROOM: usize = 32 * 1024;

/// Writes to one pipe while it reads from others, until all is written or all is read or the timeout comes. Takes the
/// descriptor to write to with the bytes and how many of them are written already, and those to read from; -1 for none.
/// Gives how many bytes are written, what was read from each, and which of these are at their end.
fn exchange(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [input, bytes, written, output, error, limit] = arguments::exactly("exchange", args)?;
    let input = arguments::integer32(cx, input)?;
    let Some(bytes) = sequence::bytes_like(bytes).map(|bytes| bytes.into_owned()) else {
        return Err(type_error(format!(
            "a bytes-like object is required, not '{}'",
            bytes.type_name()
        )));
    };
    let mut written = arguments::integer(cx, written)?.max(0) as usize;
    let deadline = timeout::deadline(cx, Some(limit))?;
    let writing = if written < bytes.len() { input } else { -1 };
    let mut reading = [
        arguments::integer32(cx, output)?,
        arguments::integer32(cx, error)?,
    ];
    let mut read = [Vec::new(), Vec::new()];
    loop {
        if writing >= 0 && written >= bytes.len() {
            // For the caller to close.
            break;
        }
        let mut list = Vec::with_capacity(3);
        if writing >= 0 {
            list.push(Descriptor::new(writing, libc::POLLOUT));
        }
        let open = reading.iter().filter(|fd| **fd >= 0);
        list.extend(open.map(|&fd| Descriptor::new(fd, libc::POLLIN)));
        if list.is_empty() {
            break;
        }
        if !wait_for_descriptors(cx, &mut list, deadline, ReasonKind::Read)? {
            break;
        }
        for ready in list.iter().filter(|descriptor| descriptor.ready != 0) {
            if ready.fd == writing {
                let end = bytes.len().min(written + PIECE);
                match write_some(cx, ready.fd, &bytes[written..end])? {
                    Some(count) => written += count,
                    // Nobody reads any more: what is left is not wanted.
                    None => written = bytes.len(),
                }
                continue;
            }
            for (fd, read) in reading.iter_mut().zip(&mut read) {
                if *fd == ready.fd && !read_some(cx, *fd, read)? {
                    *fd = -1;
                }
            }
        }
        if deadline.is_some_and(Deadline::has_passed) {
            break;
        }
    }
    let [out, err] = read;
    Ok(Value::tuple_of([
        Value::size(written),
        Value::bytes(out),
        Value::bytes(err),
        Value::Bool(reading[0] < 0),
        Value::Bool(reading[1] < 0),
    ]))
}

/// How many bytes went out; `None` when nobody reads them.
fn write_some(cx: &mut Context, fd: i32, bytes: &[u8]) -> Outcome<Option<usize>> {
    // SAFETY: the slice is valid for its length.
    let count = unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
    if let Ok(count) = usize::try_from(count) {
        return Ok(Some(count));
    }
    let error = std::io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EPIPE) => Ok(None),
        Some(libc::EAGAIN) => Ok(Some(0)),
        Some(libc::EINTR) => {
            interrupt::at_safepoint(cx)?;
            Ok(Some(0))
        }
        Some(code) => Err(os_error(code, None)),
        None => Err(from_io(&error, None)),
    }
}

/// Whether there may be more.
fn read_some(cx: &mut Context, fd: i32, into: &mut Vec<u8>) -> Outcome<bool> {
    let before = into.len();
    room::for_more(into, ROOM)?;
    let room = into.spare_capacity_mut();
    // SAFETY: the vector has that much room.
    let count = unsafe { libc::read(fd, room.as_mut_ptr().cast(), ROOM) };
    if let Ok(count) = usize::try_from(count) {
        // SAFETY: the system wrote so many.
        unsafe { into.set_len(before + count) };
        return Ok(count > 0);
    }
    let error = std::io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EAGAIN) => Ok(true),
        Some(libc::EINTR) => {
            interrupt::at_safepoint(cx)?;
            Ok(true)
        }
        _ => Err(from_io(&error, None)),
    }
}
