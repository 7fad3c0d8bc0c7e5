//! `fcntl`: locks on files, and what else one asks of an open descriptor. It must not know file objects.

use std::io;

use super::os_descriptors::file_descriptor;
use super::os_process::replaceable;
use super::with_functions;
use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::eval::module::Module;
use crate::library::arguments::{self, Signature};
use crate::library::define::Entries;
use crate::library::exceptions::from_io;
use crate::runtime::output;
use crate::value::exception::{type_error, value_error};
use crate::value::function::Args;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Outcome, Value, sequence};

const FUNCTIONS: Entries<'_> = &[
    ("fcntl", control),
    ("flock", lock_file),
    ("ioctl", device_control),
    ("lockf", lock_range),
];

const CONSTANTS: &[(&str, i64)] = &[
    ("FD_CLOEXEC", libc::FD_CLOEXEC as i64),
    ("F_ADD_SEALS", libc::F_ADD_SEALS as i64),
    ("F_DUPFD", libc::F_DUPFD as i64),
    ("F_DUPFD_CLOEXEC", libc::F_DUPFD_CLOEXEC as i64),
    ("F_EXLCK", 4),
    ("F_GETFD", libc::F_GETFD as i64),
    ("F_GETFL", libc::F_GETFL as i64),
    ("F_GETLK", libc::F_GETLK as i64),
    ("F_GETOWN", libc::F_GETOWN as i64),
    ("F_GETPIPE_SZ", libc::F_GETPIPE_SZ as i64),
    ("F_GET_SEALS", libc::F_GET_SEALS as i64),
    ("F_OFD_GETLK", libc::F_OFD_GETLK as i64),
    ("F_OFD_SETLK", libc::F_OFD_SETLK as i64),
    ("F_OFD_SETLKW", libc::F_OFD_SETLKW as i64),
    ("F_RDLCK", libc::F_RDLCK as i64),
    ("F_SEAL_GROW", libc::F_SEAL_GROW as i64),
    ("F_SEAL_SEAL", libc::F_SEAL_SEAL as i64),
    ("F_SEAL_SHRINK", libc::F_SEAL_SHRINK as i64),
    ("F_SEAL_WRITE", libc::F_SEAL_WRITE as i64),
    ("F_SETFD", libc::F_SETFD as i64),
    ("F_SETFL", libc::F_SETFL as i64),
    ("F_SETLK", libc::F_SETLK as i64),
    ("F_SETLKW", libc::F_SETLKW as i64),
    ("F_SETOWN", libc::F_SETOWN as i64),
    ("F_SETPIPE_SZ", libc::F_SETPIPE_SZ as i64),
    ("F_SHLCK", 8),
    ("F_UNLCK", libc::F_UNLCK as i64),
    ("F_WRLCK", libc::F_WRLCK as i64),
    ("LOCK_EX", libc::LOCK_EX as i64),
    ("LOCK_NB", libc::LOCK_NB as i64),
    ("LOCK_SH", libc::LOCK_SH as i64),
    ("LOCK_UN", libc::LOCK_UN as i64),
];

/// The questions to a descriptor that a number answers.
const WITH_NUMBERS: &[i32] = &[
    libc::F_ADD_SEALS,
    libc::F_DUPFD,
    libc::F_DUPFD_CLOEXEC,
    libc::F_GETFD,
    libc::F_GETFL,
    libc::F_GETOWN,
    libc::F_GETPIPE_SZ,
    libc::F_GET_SEALS,
    libc::F_SETFD,
    libc::F_SETFL,
    libc::F_SETOWN,
    libc::F_SETPIPE_SZ,
];

/// Those that a record of a lock goes with.
const WITH_LOCKS: &[i32] = &[
    libc::F_GETLK,
    libc::F_SETLK,
    libc::F_SETLKW,
    libc::F_OFD_GETLK,
    libc::F_OFD_SETLK,
    libc::F_OFD_SETLKW,
];

/// Makes the module.
pub(super) fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_functions("fcntl", FUNCTIONS);
    for &(name, value) in CONSTANTS {
        module.set(Name::new(name), Value::Int(value));
    }
    Ok(module)
}

/// The descriptor of a script's argument: none of those by which processes know of each other.
fn descriptor(cx: &mut Context, value: &Value) -> Outcome<i32> {
    let fd = match value.unwrapped() {
        Value::Int(_) | Value::Bool(_) | Value::BigInt(_) => arguments::integer32(cx, value)?,
        Value::Instance(_) => file_descriptor(cx, value)?,
        _ => {
            return Err(type_error(
                "argument must be an int, or have a fileno() method.",
            ));
        }
    };
    if fd < 0 {
        return Err(value_error(format!(
            "file descriptor cannot be a negative integer ({fd})"
        )));
    }
    replaceable(fd)
}

/// Makes a call that may wait for whoever holds a lock: nobody waits for this thread meanwhile, and a signal's handler
/// runs in between.
pub(super) fn waiting(
    cx: &mut Context,
    mut call: impl FnMut() -> libc::c_int,
) -> Outcome<libc::c_int> {
    // What was printed is to be seen while this waits.
    output::flush_all(&cx.thread);
    loop {
        cx.note_place();
        let result = cx.thread.detached(|| match call() {
            result if result < 0 => Err(io::Error::last_os_error()),
            result => Ok(result),
        });
        match result {
            Ok(result) => return Ok(result),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                interrupt::at_safepoint(cx)?;
            }
            Err(error) => return Err(from_io(&error, None)),
        }
    }
}

fn lock_file(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [fd, operation] = arguments::exactly("flock", args)?;
    let fd = descriptor(cx, fd)?;
    let operation = arguments::integer32(cx, operation)?;
    // SAFETY: no pointers are involved.
    waiting(cx, || unsafe { libc::flock(fd, operation) })?;
    Ok(Value::None)
}

fn lock_range(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let values = arguments::between("lockf", args, 2, 5)?;
    let fd = descriptor(cx, &values[0])?;
    let operation = arguments::integer32(cx, &values[1])?;
    let mut number = |place: usize| match values.get(place) {
        Some(Value::None) | None => Ok(0),
        Some(value) => arguments::integer(cx, value),
    };
    let (length, start, whence) = (number(2)?, number(3)?, number(4)?);
    let kind = if operation == libc::LOCK_UN {
        libc::F_UNLCK
    } else if operation & libc::LOCK_SH != 0 {
        libc::F_RDLCK
    } else if operation & libc::LOCK_EX != 0 {
        libc::F_WRLCK
    } else {
        return Err(value_error("unrecognized lockf argument"));
    };
    // SAFETY: all zeros is a valid record.
    let mut record = unsafe { std::mem::zeroed::<libc::flock>() };
    record.l_type = kind as libc::c_short;
    record.l_whence = whence as libc::c_short;
    record.l_start = start;
    record.l_len = length;
    let command = match operation & libc::LOCK_NB {
        0 => libc::F_SETLKW,
        _ => libc::F_SETLK,
    };
    // SAFETY: a valid record.
    waiting(cx, || unsafe {
        libc::fcntl(fd, command, &raw const record)
    })?;
    Ok(Value::None)
}

const CONTROL: Signature<3> = Signature::new("fcntl", ["fd", "cmd", "arg"]).required(2);

fn control(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [Some(fd), Some(command), given] = CONTROL.bind(args)? else {
        return Ok(Value::None);
    };
    let fd = descriptor(cx, fd)?;
    let command = arguments::integer32(cx, command)?;
    let record = given.and_then(|given| {
        let is_text = matches!(given, Value::Str(_));
        (!is_text).then(|| sequence::bytes_like(given)).flatten()
    });
    if let Some(record) = record {
        let size = size_of::<libc::flock>();
        if !WITH_LOCKS.contains(&command) || record.len() < size {
            return Err(value_error(format!(
                "conc's fcntl() takes bytes only for locks, and then {size} of them"
            )));
        }
        let mut bytes = record.into_owned();
        // Words, so that the record is aligned.
        let mut words = vec![0u64; bytes.len().div_ceil(8)];
        for (word, piece) in words.iter_mut().zip(bytes.chunks(8)) {
            let mut whole = [0; 8];
            whole[..piece.len()].copy_from_slice(piece);
            *word = u64::from_ne_bytes(whole);
        }
        let pointer = words.as_mut_ptr().cast::<libc::flock>();
        // SAFETY: aligned memory with room for a record.
        waiting(cx, || unsafe { libc::fcntl(fd, command, pointer) })?;
        for (word, piece) in words.iter().zip(bytes.chunks_mut(8)) {
            piece.copy_from_slice(&word.to_ne_bytes()[..piece.len()]);
        }
        return Ok(Value::bytes(bytes));
    }
    let number = match given {
        Some(given) => arguments::integer32(cx, given)?,
        None => 0,
    };
    if !WITH_NUMBERS.contains(&command) {
        return Err(value_error(format!(
            "conc's fcntl() has no command {command} with a number"
        )));
    }
    // SAFETY: a command whose argument is a number.
    let result = waiting(cx, || unsafe { libc::fcntl(fd, command, number) })?;
    Ok(Value::Int(result.into()))
}

/// What can be asked of a device: how many bytes wait to be read, the size of a terminal.
fn device_control(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let values = arguments::between("ioctl", args, 2, 4)?;
    let fd = descriptor(cx, &values[0])?;
    let request = arguments::integer(cx, &values[1])?;
    let size = match u64::try_from(request) {
        Ok(request) if request == libc::FIONREAD => 4,
        Ok(request) if request == libc::TIOCGWINSZ => 8,
        _ => {
            return Err(value_error(
                "conc's ioctl() knows FIONREAD and TIOCGWINSZ only",
            ));
        }
    };
    let mut answer = [0u8; 8];
    // SAFETY: the answer to either has at most 8 bytes.
    waiting(cx, || unsafe {
        libc::ioctl(fd, request as libc::c_ulong, answer.as_mut_ptr())
    })?;
    Ok(Value::bytes(&answer[..size]))
}

/// `os.lockf(fd, cmd, len)`: what `lockf` of C does from where the descriptor stands.
pub(super) fn lock_here(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [fd, command, length] = arguments::exactly("lockf", args)?;
    let fd = replaceable(arguments::integer32(cx, fd)?)?;
    let command = arguments::integer32(cx, command)?;
    let length = arguments::integer(cx, length)?;
    // SAFETY: no pointers are involved.
    waiting(cx, || unsafe { libc::lockf(fd, command, length) })?;
    Ok(Value::None)
}
