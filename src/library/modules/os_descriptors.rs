//! The functions of `os` that are about file descriptors.

use std::ffi::CStr;
use std::io;
use std::os::fd::RawFd;

use super::os_process::replaceable;
use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::library::arguments::{self, Signature};
use crate::library::define::Entries;
use crate::library::exceptions::from_io;
use crate::library::paths;
use crate::value::exception::{type_error, value_error};
use crate::value::function::Args;
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
        // SAFETY: plain call.
        unsafe { libc::sync() };
        Ok(Value::None)
    }),
];

/// The exception for the calling thread's last error.
pub(super) fn last_error(file: Option<Value>) -> crate::value::exception::Raised {
    from_io(&io::Error::last_os_error(), file)
}

/// A descriptor argument: an integer, or an object with `fileno`.
///
/// # Errors
/// `TypeError` for what is neither.
pub(super) fn descriptor(cx: &mut Context, value: &Value) -> Outcome<RawFd> {
    arguments::integer32(cx, value)
}

fn check(result: i32) -> Outcome<i32> {
    if result < 0 {
        Err(last_error(None))
    } else {
        Ok(result)
    }
}

fn close_range(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [low, high] = arguments::exactly("closerange", args)?;
    let (low, high) = (descriptor(cx, low)?, descriptor(cx, high)?);
    for fd in low.max(0)..high.min(1 << 20) {
        if let Ok(fd) = replaceable(fd) {
            // SAFETY: the script's own descriptor.
            unsafe { libc::close(fd) };
        }
    }
    Ok(Value::None)
}

fn synchronise(cx: &mut Context, args: Args<'_>, function: &str) -> Outcome<Value> {
    let file = arguments::one(function, args)?;
    let fd = file_descriptor(cx, file)?;
    // SAFETY: plain call.
    check(unsafe { libc::fsync(fd) })?;
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
    // SAFETY: plain call.
    check(unsafe { libc::ftruncate(fd, length) })?;
    Ok(Value::None)
}

fn seek(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [fd, offset, whence] = arguments::exactly("lseek", args)?;
    let fd = descriptor(cx, fd)?;
    let offset = arguments::integer(cx, offset)?;
    let whence = arguments::integer32(cx, whence)?;
    // SAFETY: plain call.
    match unsafe { libc::lseek(fd, offset, whence) } {
        place if place < 0 => Err(last_error(None)),
        place => Ok(Value::Int(place)),
    }
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
    let mut ends = [0; 2];
    // SAFETY: there is room for two.
    check(unsafe { libc::pipe2(ends.as_mut_ptr(), flags) })?;
    Ok(Value::tuple(ends.map(|end| Value::Int(end.into())).into()))
}

/// Makes a call that signals may interrupt.
fn retried(cx: &mut Context, mut call: impl FnMut() -> isize) -> Outcome<usize> {
    loop {
        let result = call();
        if result >= 0 {
            return Ok(result as usize);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(from_io(&error, None));
        }
        cx.safepoint()?;
    }
}

fn buffer(count: i64) -> Outcome<Vec<u8>> {
    let Ok(count) = usize::try_from(count) else {
        return Err(from_io(&io::Error::from_raw_os_error(libc::EINVAL), None));
    };
    let mut buffer = Vec::new();
    if buffer.try_reserve_exact(count).is_err() {
        return Err(crate::value::exception::memory_error(""));
    }
    buffer.resize(count, 0);
    Ok(buffer)
}

fn read_at(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [fd, count, offset] = arguments::exactly("pread", args)?;
    let (fd, count) = (descriptor(cx, fd)?, arguments::integer(cx, count)?);
    let offset = arguments::integer(cx, offset)?;
    let mut bytes = buffer(count)?;
    let got = retried(cx, || {
        // SAFETY: the buffer is valid for its length.
        unsafe { libc::pread(fd, bytes.as_mut_ptr().cast(), bytes.len(), offset) }
    })?;
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
    let written = retried(cx, || {
        // SAFETY: the bytes are valid for their length.
        unsafe { libc::pwrite(fd, bytes.as_ptr().cast(), bytes.len(), offset) }
    })?;
    Ok(Value::size(written))
}
