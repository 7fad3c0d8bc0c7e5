//! The functions of `os` that move bytes between descriptors and buffers, and that make descriptors of unusual kinds. It must
//! not know file objects.

use std::ffi::CString;

use super::fcntl::waiting;
use super::os_descriptors::file_descriptor;
use super::os_process::{
    is_blocking, last_error, read_bytes, replaceable, size_or_error, wait_ready, write_bytes,
};
use crate::eval::context::Context;
use crate::library::arguments::{self, Signature};
use crate::library::define::Entries;
use crate::library::exceptions::{from_io, os_error};
use crate::library::methods::memoryview;
use crate::library::paths;
use crate::runtime::blocking::ReasonKind;
use crate::value::buffer::View;
use crate::value::exception::{ExceptionKind, Raised, type_error};
use crate::value::function::Args;
use crate::value::room::filled;
use crate::value::{Outcome, Value, iterate, sequence};

/// The functions.
pub(super) const FUNCTIONS: Entries<'_> = &[
    ("copy_file_range", copy_range),
    ("eventfd", event),
    ("eventfd_read", read_event),
    ("eventfd_write", write_event),
    ("fchmod", change_mode),
    ("fchown", change_owner),
    ("getrandom", random),
    ("lchown", change_owner_of_link),
    ("memfd_create", nameless_file),
    ("openpty", pseudo_terminal),
    ("posix_fadvise", |cx, args| {
        let [fd, offset, length, advice] = arguments::exactly("posix_fadvise", args)?;
        let (fd, offset, length) = range(cx, fd, offset, length)?;
        let advice = arguments::integer32(cx, advice)?;
        // SAFETY: no pointers are involved.
        said(unsafe { libc::posix_fadvise(fd, offset, length, advice) })
    }),
    ("posix_fallocate", |cx, args| {
        let [fd, offset, length] = arguments::exactly("posix_fallocate", args)?;
        let (fd, offset, length) = range(cx, fd, offset, length)?;
        // SAFETY: no pointers are involved.
        let result = cx
            .thread
            .detached(|| unsafe { libc::posix_fallocate(fd, offset, length) });
        said(result)
    }),
    ("readv", read_into),
    ("sendfile", send_file),
    ("tcgetpgrp", |cx, args| {
        let fd = descriptor(cx, arguments::one("posix.tcgetpgrp", args)?)?;
        // SAFETY: no pointers are involved.
        number(unsafe { libc::tcgetpgrp(fd) }.into())
    }),
    ("tcsetpgrp", |cx, args| {
        let [fd, group] = arguments::exactly("tcsetpgrp", args)?;
        let (fd, group) = (descriptor(cx, fd)?, arguments::integer32(cx, group)?);
        // SAFETY: no pointers are involved.
        number(unsafe { libc::tcsetpgrp(fd, group) }.into())?;
        Ok(Value::None)
    }),
    ("ttyname", terminal_name),
    ("writev", write_from),
];

/// The constants.
pub(super) const CONSTANTS: &[(&str, i64)] = &[
    ("EFD_CLOEXEC", libc::EFD_CLOEXEC as i64),
    ("EFD_NONBLOCK", libc::EFD_NONBLOCK as i64),
    ("EFD_SEMAPHORE", libc::EFD_SEMAPHORE as i64),
    ("EX_CANTCREAT", 73),
    ("EX_CONFIG", 78),
    ("EX_DATAERR", 65),
    ("EX_IOERR", 74),
    ("EX_NOHOST", 68),
    ("EX_NOINPUT", 66),
    ("EX_NOPERM", 77),
    ("EX_NOUSER", 67),
    ("EX_OSERR", 71),
    ("EX_OSFILE", 72),
    ("EX_PROTOCOL", 76),
    ("EX_SOFTWARE", 70),
    ("EX_TEMPFAIL", 75),
    ("EX_UNAVAILABLE", 69),
    ("EX_USAGE", 64),
    ("F_LOCK", 1),
    ("F_TEST", 3),
    ("F_TLOCK", 2),
    ("F_ULOCK", 0),
    ("GRND_NONBLOCK", libc::GRND_NONBLOCK as i64),
    ("GRND_RANDOM", libc::GRND_RANDOM as i64),
    ("MFD_ALLOW_SEALING", libc::MFD_ALLOW_SEALING as i64),
    ("MFD_CLOEXEC", libc::MFD_CLOEXEC as i64),
    ("O_ACCMODE", libc::O_ACCMODE as i64),
    ("O_ASYNC", libc::O_ASYNC as i64),
    ("O_DIRECT", libc::O_DIRECT as i64),
    ("O_FSYNC", libc::O_SYNC as i64),
    ("O_LARGEFILE", 0),
    ("O_NOATIME", libc::O_NOATIME as i64),
    ("O_PATH", libc::O_PATH as i64),
    ("O_RSYNC", libc::O_RSYNC as i64),
    ("O_TMPFILE", libc::O_TMPFILE as i64),
    ("POSIX_FADV_DONTNEED", libc::POSIX_FADV_DONTNEED as i64),
    ("POSIX_FADV_NOREUSE", libc::POSIX_FADV_NOREUSE as i64),
    ("POSIX_FADV_NORMAL", libc::POSIX_FADV_NORMAL as i64),
    ("POSIX_FADV_RANDOM", libc::POSIX_FADV_RANDOM as i64),
    ("POSIX_FADV_SEQUENTIAL", libc::POSIX_FADV_SEQUENTIAL as i64),
    ("POSIX_FADV_WILLNEED", libc::POSIX_FADV_WILLNEED as i64),
    ("POSIX_SPAWN_CLOSE", 1),
    ("POSIX_SPAWN_CLOSEFROM", 3),
    ("POSIX_SPAWN_DUP2", 2),
    ("POSIX_SPAWN_OPEN", 0),
    ("P_NOWAITO", 1),
    ("SEEK_DATA", libc::SEEK_DATA as i64),
    ("SEEK_HOLE", libc::SEEK_HOLE as i64),
    ("TMP_MAX", 238_328),
];

/// A descriptor of the script's: none of those by which processes know of each other.
fn descriptor(cx: &mut Context, value: &Value) -> Outcome<i32> {
    let fd = file_descriptor(cx, value)?;
    replaceable(fd)
}

/// The result of a call, or the error that it left.
fn number(result: i64) -> Outcome<Value> {
    match result {
        result if result < 0 => Err(last_error()),
        result => Ok(Value::Int(result)),
    }
}

/// The result of a call that gives back its error.
fn said(code: i32) -> Outcome<Value> {
    match code {
        0 => Ok(Value::None),
        code => Err(os_error(code, None)),
    }
}

fn range(cx: &mut Context, fd: &Value, offset: &Value, length: &Value) -> Outcome<(i32, i64, i64)> {
    let fd = descriptor(cx, fd)?;
    let (offset, length) = (
        arguments::integer(cx, offset)?,
        arguments::integer(cx, length)?,
    );
    Ok((fd, offset, length))
}

/// `readv(fd, buffers)`: one read, spread over the buffers.
fn read_into(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [fd, buffers] = arguments::exactly("readv", args)?;
    let fd = descriptor(cx, fd)?;
    let mut views = Vec::new();
    for buffer in iterate::collect(cx, buffers)? {
        views.push(memoryview::of(&buffer)?);
    }
    let view = |value: &Value| -> Outcome<(usize, bool)> {
        let view = value.as_instance().and_then(|view| view.native::<View>());
        let view = view.ok_or_else(|| type_error("readv() arg 2 must be a sequence"))?;
        Ok((view.size(), view.read_only || !view.is_contiguous()))
    };
    let mut size = 0;
    for value in &views {
        let (length, unfit) = view(value)?;
        if unfit {
            return Err(Raised::new(
                ExceptionKind::BufferError,
                "Object is not writable.",
            ));
        }
        size += length;
    }
    let bytes = read_bytes(cx, fd, size)?;
    let mut rest = &bytes[..];
    for value in &views {
        let Some(view) = value.as_instance().and_then(|view| view.native::<View>()) else {
            continue;
        };
        let (piece, after) = rest.split_at(rest.len().min(view.size()));
        if let Some(source) = view.source() {
            source.write(view.start, piece);
        }
        rest = after;
    }
    Ok(Value::size(bytes.len()))
}

/// `writev(fd, buffers)`: one write of all of them.
fn write_from(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [fd, buffers] = arguments::exactly("writev", args)?;
    let fd = descriptor(cx, fd)?;
    let mut bytes = Vec::new();
    for buffer in iterate::collect(cx, buffers)? {
        let Some(more) = sequence::bytes_like(&buffer) else {
            return Err(type_error(format!(
                "a bytes-like object is required, not '{}'",
                buffer.type_name()
            )));
        };
        bytes.extend_from_slice(&more);
    }
    write_bytes(cx, fd, &bytes).map(Value::size)
}

const SEND: Signature<4> =
    Signature::new("sendfile", ["out_fd", "in_fd", "offset", "count"]).required(4);

fn send_file(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [Some(to), Some(from), Some(offset), Some(count)] = SEND.bind(args)? else {
        return Ok(Value::None);
    };
    let (to, from) = (descriptor(cx, to)?, descriptor(cx, from)?);
    let offset = match offset {
        Value::None => None,
        offset => Some(arguments::integer(cx, offset)?),
    };
    let count = arguments::integer(cx, count)?;
    let Ok(count) = usize::try_from(count) else {
        return Err(os_error(libc::EINVAL, None));
    };
    if is_blocking(to) {
        wait_ready(cx, to, libc::POLLOUT, ReasonKind::Write)?;
    }
    loop {
        let sent = cx.thread.detached(|| {
            let mut place = offset.unwrap_or(0);
            let pointer = match offset {
                Some(_) => &raw mut place,
                None => std::ptr::null_mut(),
            };
            // SAFETY: the place is valid, or absent.
            size_or_error(unsafe { libc::sendfile(to, from, pointer, count) })
        });
        match sent {
            Ok(sent) => return Ok(Value::size(sent)),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => cx.safepoint()?,
            Err(error) => return Err(from_io(&error, None)),
        }
    }
}

const COPY: Signature<5> = Signature::new(
    "copy_file_range",
    ["src", "dst", "count", "offset_src", "offset_dst"],
)
.required(3);

fn copy_range(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [Some(from), Some(to), Some(count), from_offset, to_offset] = COPY.bind(args)? else {
        return Ok(Value::None);
    };
    let (from, to) = (descriptor(cx, from)?, descriptor(cx, to)?);
    let Ok(count) = usize::try_from(arguments::integer(cx, count)?) else {
        return Err(os_error(libc::EINVAL, None));
    };
    let mut offsets = [None, None];
    for (offset, given) in offsets.iter_mut().zip([from_offset, to_offset]) {
        if let Some(given) = given.filter(|given| !given.is_none()) {
            *offset = Some(arguments::integer(cx, given)?);
        }
    }
    let result = cx.thread.detached(|| {
        let mut places = offsets.map(|offset| offset.unwrap_or(0));
        let [a, b] = &mut places;
        let pointer = |offset: Option<i64>, place: *mut i64| match offset {
            Some(_) => place,
            None => std::ptr::null_mut(),
        };
        let (a, b) = (pointer(offsets[0], a), pointer(offsets[1], b));
        // SAFETY: the places are valid, or absent.
        size_or_error(unsafe { libc::copy_file_range(from, a, to, b, count, 0) })
    });
    match result {
        Ok(copied) => Ok(Value::size(copied)),
        Err(error) => Err(from_io(&error, None)),
    }
}

const EVENT: Signature<2> = Signature::new("eventfd", ["initval", "flags"]).required(1);

fn event(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [Some(first), flags] = EVENT.bind(args)? else {
        return Ok(Value::None);
    };
    let first = arguments::integer(cx, first)?;
    let flags = match flags {
        Some(flags) => arguments::integer32(cx, flags)?,
        None => libc::EFD_CLOEXEC,
    };
    // SAFETY: no pointers are involved.
    number(unsafe { libc::eventfd(first as libc::c_uint, flags) }.into())
}

fn read_event(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let fd = descriptor(cx, arguments::one("posix.eventfd_read", args)?)?;
    let mut word = [0u8; 8];
    let bytes = read_bytes(cx, fd, word.len())?;
    word[..bytes.len()].copy_from_slice(&bytes);
    Ok(Value::integer(u64::from_ne_bytes(word).into()))
}

fn write_event(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [fd, more] = arguments::exactly("eventfd_write", args)?;
    let fd = descriptor(cx, fd)?;
    let more = arguments::integer(cx, more)? as u64;
    write_bytes(cx, fd, &more.to_ne_bytes())?;
    Ok(Value::None)
}

fn change_mode(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [fd, mode] = arguments::exactly("fchmod", args)?;
    let (fd, mode) = (descriptor(cx, fd)?, arguments::integer32(cx, mode)?);
    // SAFETY: no pointers are involved.
    number(unsafe { libc::fchmod(fd, mode as libc::mode_t) }.into())?;
    Ok(Value::None)
}

fn change_owner(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [fd, user, group] = arguments::exactly("fchown", args)?;
    let fd = descriptor(cx, fd)?;
    let (user, group) = (
        arguments::integer32(cx, user)?,
        arguments::integer32(cx, group)?,
    );
    // SAFETY: no pointers are involved; -1 leaves what is.
    number(unsafe { libc::fchown(fd, user as u32, group as u32) }.into())?;
    Ok(Value::None)
}

fn change_owner_of_link(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [path, user, group] = arguments::exactly("lchown", args)?;
    let name = paths::c_path(cx, path)?;
    let (user, group) = (
        arguments::integer32(cx, user)?,
        arguments::integer32(cx, group)?,
    );
    // SAFETY: the name is a C string; -1 leaves what is.
    if unsafe { libc::lchown(name.as_ptr(), user as u32, group as u32) } != 0 {
        let error = std::io::Error::last_os_error();
        return Err(from_io(&error, Some(paths::as_named(cx, path))));
    }
    Ok(Value::None)
}

const RANDOM: Signature<2> = Signature::new("getrandom", ["size", "flags"]).required(1);

fn random(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [Some(size), flags] = RANDOM.bind(args)? else {
        return Ok(Value::None);
    };
    let Ok(size) = usize::try_from(arguments::integer(cx, size)?) else {
        return Err(os_error(libc::EINVAL, None));
    };
    let flags = match flags {
        Some(flags) => arguments::integer32(cx, flags)?,
        None => 0,
    };
    let mut bytes = filled(0, size)?;
    let place = bytes.as_mut_ptr() as usize;
    let count = waiting(cx, || {
        // SAFETY: the vector has that much room, and stays until the call is over.
        unsafe {
            libc::getrandom(place as *mut libc::c_void, size, flags as libc::c_uint) as libc::c_int
        }
    })?;
    bytes.truncate(count as usize);
    Ok(Value::bytes(bytes))
}

const NAMELESS: Signature<2> = Signature::new("memfd_create", ["name", "flags"]).required(1);

fn nameless_file(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [Some(name), flags] = NAMELESS.bind(args)? else {
        return Ok(Value::None);
    };
    let name: CString = paths::c_path(cx, name)?;
    let flags = match flags {
        Some(flags) => arguments::integer32(cx, flags)? as libc::c_uint,
        None => libc::MFD_CLOEXEC,
    };
    // SAFETY: the name is a C string.
    number(unsafe { libc::memfd_create(name.as_ptr(), flags) }.into())
}

fn pseudo_terminal(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("posix.openpty", args)?;
    let (mut owner, mut terminal) = (0, 0);
    // SAFETY: two valid places; nothing else is asked for.
    let result = unsafe {
        libc::openpty(
            &mut owner,
            &mut terminal,
            std::ptr::null_mut(),
            std::ptr::null(),
            std::ptr::null(),
        )
    };
    number(result.into())?;
    for fd in [owner, terminal] {
        // SAFETY: made just now.
        unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    let ends = [owner, terminal].map(|fd| Value::Int(fd.into()));
    Ok(Value::tuple(ends.into()))
}

fn terminal_name(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let fd = descriptor(cx, arguments::one("posix.ttyname", args)?)?;
    let mut name = [0u8; 256];
    // SAFETY: room for so many bytes.
    match unsafe { libc::ttyname_r(fd, name.as_mut_ptr().cast(), name.len()) } {
        0 => {
            let end = name
                .iter()
                .position(|byte| *byte == 0)
                .unwrap_or(name.len());
            Ok(Value::str(String::from_utf8_lossy(&name[..end])))
        }
        code => Err(os_error(code, None)),
    }
}
