//! The functions of `os` that are about file descriptors.

use std::ffi::CStr;
use std::io;
use std::os::fd::{BorrowedFd, IntoRawFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::uio;
use nix::unistd;

use super::os_process::replaceable;
use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::library::arguments::{self, Signature};
use crate::library::define::Entries;
use crate::library::exceptions::from_io;
use crate::library::paths;
use crate::value::exception::{Raised, type_error, value_error};
use crate::value::function::Args;
use crate::value::room::filled;
use crate::value::{Outcome, Value, sequence};

/// The functions.
pub(super) const FUNCTIONS: Entries<'_> = &[
    ("closerange", close_range),
    ("fdatasync", |cx, args| {
        synchronise(cx, args, "posix.fdatasync")
    }),
    ("fsync", |cx, args| synchronise(cx, args, "posix.fsync")),
    ("ftruncate", truncate),
    ("lseek", seek),
    ("open", open),
    ("pipe2", pipe),
    ("pread", read_at),
    ("pwrite", write_at),
    ("sync", |_, args| {
        arguments::none("posix.sync", args)?;
        unistd::sync();
        Ok(Value::None)
    }),
];

fn failed(error: Errno) -> Raised {
    from_io(&error.into(), None)
}

/// A script's descriptor for one call of the system. That it may be closed, or never was open, is what the call
/// will say.
///
/// # Errors
/// `EBADF` for a negative number, which names none.
pub(super) fn borrowed<'fd>(fd: RawFd) -> nix::Result<BorrowedFd<'fd>> {
    if fd < 0 {
        return Err(Errno::EBADF);
    }
    // SAFETY: not -1. Scripts deal in bare numbers, and the system checks each: a number that is closed or reused
    // meanwhile is another file of the script's own, nothing that this program's memory depends on.
    Ok(unsafe { BorrowedFd::borrow_raw(fd) })
}

/// A descriptor argument: an integer, or an object with `fileno`.
///
/// # Errors
/// `TypeError` for what is neither.
pub(super) fn descriptor(cx: &mut Context, value: &Value) -> Outcome<RawFd> {
    arguments::integer32(cx, value)
}

fn close_range(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [low, high] = arguments::exactly("closerange", args)?;
    let (low, high) = (descriptor(cx, low)?, descriptor(cx, high)?);
    for fd in low.max(0)..high.min(1 << 20) {
        if let Ok(fd) = replaceable(fd) {
            // One that is not open is none of the range.
            let _ = unistd::close(fd);
        }
    }
    Ok(Value::None)
}

fn synchronise(cx: &mut Context, args: Args<'_>, function: &str) -> Outcome<Value> {
    let file = arguments::one(function, args)?;
    let fd = file_descriptor(cx, file)?;
    borrowed(fd).and_then(unistd::fsync).map_err(failed)?;
    Ok(Value::None)
}

/// A descriptor, or that of a file object.
pub(super) fn file_descriptor(cx: &mut Context, value: &Value) -> Outcome<RawFd> {
    if let Value::Instance(instance) = value
        && instance.wrapped().is_none()
    {
        let number = cx.call_method(value, "fileno", &[])?;
        return descriptor(cx, &number);
    }
    descriptor(cx, value)
}

fn truncate(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [fd, length] = arguments::exactly("ftruncate", args)?;
    let (fd, length) = (descriptor(cx, fd)?, arguments::integer(cx, length)?);
    let result = borrowed(fd).and_then(|fd| unistd::ftruncate(fd, length));
    result.map_err(failed)?;
    Ok(Value::None)
}

fn seek(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [fd, offset, whence] = arguments::exactly("lseek", args)?;
    let fd = descriptor(cx, fd)?;
    let offset = arguments::integer(cx, offset)?;
    let whence = arguments::integer32(cx, whence)?;
    // SAFETY: plain call; `whence` may be any number, which the system checks.
    let place = Errno::result(unsafe { libc::lseek(fd, offset, whence) });
    place.map(Value::Int).map_err(failed)
}

const OPEN: Signature<4> = Signature::new("open", ["path", "flags", "mode", "dir_fd"]).required(2);

fn open(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [path, flags, mode, folder] = OPEN.bind(args)?;
    let path = path.cloned().unwrap_or_default();
    let name = paths::c_path(cx, &path)?;
    let flags = arguments::integer32(cx, flags.unwrap_or(&Value::None))?;
    let mode = match mode {
        Some(mode) => arguments::integer32(cx, mode)?,
        None => 0o777,
    };
    let folder = match folder.filter(|folder| !folder.is_none()) {
        Some(folder) => descriptor(cx, folder)?,
        None => libc::AT_FDCWD,
    };
    match open_at(cx, folder, &name, flags, mode)? {
        Ok(fd) => Ok(Value::Int(fd.into())),
        Err(error) => Err(from_io(&error, Some(paths::as_named(cx, &path)))),
    }
}

/// Opens a file. One end of a named pipe waits for the other, so nobody waits for this thread.
///
/// # Errors
/// What an interrupt raises; the inner error is the system's.
pub fn open_at(
    cx: &mut Context,
    folder: i32,
    name: &CStr,
    flags: i32,
    mode: i32,
) -> Outcome<io::Result<i32>> {
    let flags = flags | libc::O_CLOEXEC;
    loop {
        let opened = cx.thread.detached(|| {
            // SAFETY: the name is a C string.
            match unsafe { libc::openat(folder, name.as_ptr(), flags, mode as libc::c_uint) } {
                fd if fd < 0 => Err(io::Error::last_os_error()),
                fd => Ok(fd),
            }
        });
        match opened {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                interrupt::at_safepoint(cx)?;
            }
            opened => return Ok(opened),
        }
    }
}

fn pipe(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let flags = arguments::integer32(cx, arguments::one("posix.pipe2", args)?)?;
    let (read, write) = unistd::pipe2(OFlag::from_bits_retain(flags)).map_err(failed)?;
    let ends = [read, write].map(|end| Value::Int(end.into_raw_fd().into()));
    Ok(Value::tuple(ends.into()))
}

/// Makes a call that signals may interrupt.
fn retried(cx: &mut Context, mut call: impl FnMut() -> nix::Result<usize>) -> Outcome<usize> {
    loop {
        match call() {
            Ok(count) => return Ok(count),
            Err(Errno::EINTR) => cx.safepoint()?,
            Err(error) => return Err(failed(error)),
        }
    }
}

fn buffer(count: i64) -> Outcome<Vec<u8>> {
    let Ok(count) = usize::try_from(count) else {
        return Err(failed(Errno::EINVAL));
    };
    filled(0, count)
}

fn read_at(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [fd, count, offset] = arguments::exactly("pread", args)?;
    let (fd, count) = (descriptor(cx, fd)?, arguments::integer(cx, count)?);
    let offset = arguments::integer(cx, offset)?;
    let mut bytes = buffer(count)?;
    let got = retried(cx, || uio::pread(borrowed(fd)?, &mut bytes, offset))?;
    bytes.truncate(got);
    Ok(Value::bytes(bytes))
}

fn bytes_argument(value: &Value) -> Outcome<Vec<u8>> {
    match sequence::bytes_like(value) {
        Some(bytes) => Ok(bytes.into_owned()),
        None => Err(type_error(format!(
            "a bytes-like object is required, not '{}'",
            value.type_name()
        ))),
    }
}

fn write_at(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [fd, data, offset] = arguments::exactly("pwrite", args)?;
    let fd = descriptor(cx, fd)?;
    let bytes = bytes_argument(data)?;
    let offset = arguments::integer(cx, offset)?;
    if offset < 0 {
        return Err(value_error("negative offset"));
    }
    let written = retried(cx, || uio::pwrite(borrowed(fd)?, &bytes, offset))?;
    Ok(Value::size(written))
}
