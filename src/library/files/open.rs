//! `open`: modes, and what becomes of them.

use std::cell::UnsafeCell;
use std::io;
use std::sync::Arc;

use super::raw::{Raw, mode_of};
use super::text::{Newline, Text};
use super::{File, State, classes, object, register};
use crate::eval::context::Context;
use crate::library::arguments::{self, Signature};
use crate::library::exceptions::{from_io, os_error};
use crate::library::modules::os_descriptors::open_at;
use crate::library::paths;
use crate::runtime::thread_lock::ThreadLock;
use crate::value::exception::{type_error, value_error};
use crate::value::function::Args;
use crate::value::{Outcome, Value, codec, sequence, text};

/// What a mode asks for.
#[derive(Clone, Copy, Default)]
struct Mode {
    read: bool,
    write: bool,
    append: bool,
    create: bool,
    update: bool,
    binary: bool,
}

impl Mode {
    fn parse(cx: &mut Context, mode: &str) -> Outcome<Mode> {
        let mut parsed = Mode::default();
        let mut is_text = false;
        for (place, letter) in mode.char_indices() {
            let known = match letter {
                'r' => &mut parsed.read,
                'w' => &mut parsed.write,
                'a' => &mut parsed.append,
                'x' => &mut parsed.create,
                '+' => &mut parsed.update,
                'b' => &mut parsed.binary,
                't' => &mut is_text,
                _ => return Err(invalid_mode(cx, mode)?),
            };
            *known = true;
            if mode[..place].contains(letter) {
                return Err(invalid_mode(cx, mode)?);
            }
        }
        if is_text && parsed.binary {
            return Err(value_error("can't have text and binary mode at once"));
        }
        let kinds = [parsed.read, parsed.write, parsed.append, parsed.create];
        if kinds.iter().filter(|&&kind| kind).count() != 1 {
            return Err(value_error(if kinds.contains(&true) {
                "must have exactly one of create/read/write/append mode"
            } else {
                "Must have exactly one of create/read/write/append mode and at most one plus"
            }));
        }
        Ok(parsed)
    }

    fn readable(self) -> bool {
        self.read || self.update
    }

    fn writable(self) -> bool {
        !self.read || self.update
    }

    /// As binary files show it.
    fn shown(self) -> &'static str {
        match (self.read, self.write, self.append, self.update) {
            (true, _, _, false) => "rb",
            (_, true, _, false) => "wb",
            (_, _, true, false) => "ab",
            (_, _, true, true) => "ab+",
            (true, _, _, true) | (_, true, _, true) => "rb+",
            (.., false) => "xb",
            (.., true) => "xb+",
        }
    }
}

fn invalid_mode(cx: &mut Context, mode: &str) -> Outcome<crate::value::exception::Raised> {
    let shown = text::repr(cx, &Value::str(mode))?;
    Ok(value_error(format!("invalid mode: {shown}")))
}

const OPEN: Signature<8> = Signature::new(
    "open",
    [
        "file",
        "mode",
        "buffering",
        "encoding",
        "errors",
        "newline",
        "closefd",
        "opener",
    ],
)
.required(1);

/// `open(file, mode, …)`.
pub(super) fn open(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [
        file,
        mode,
        buffering,
        encoding,
        errors,
        newline,
        close,
        opener,
    ] = OPEN.bind(args)?;
    let file = paths::as_named(cx, &file.cloned().unwrap_or_default());
    let mode_text = match mode {
        Some(mode) => arguments::text(mode, "open() argument 'mode'")?.as_str(),
        None => "r",
    };
    let buffering = match buffering {
        Some(buffering) => arguments::integer(cx, buffering)?,
        None => -1,
    };
    let optional = |value: Option<&Value>, name: &str| -> Outcome<Option<String>> {
        match value.map(Value::unwrapped) {
            None | Some(Value::None) => Ok(None),
            Some(Value::Str(text)) => Ok(Some(text.as_str().to_owned())),
            Some(other) => Err(type_error(format!(
                "open() argument '{name}' must be str or None, not {}",
                arguments::type_name(other)
            ))),
        }
    };
    let encoding = optional(encoding, "encoding")?;
    let errors = optional(errors, "errors")?;
    let newline = optional(newline, "newline")?;
    let mode = Mode::parse(cx, mode_text)?;
    if mode.binary {
        for (given, name) in [
            (encoding.is_some(), "an encoding"),
            (errors.is_some(), "an errors"),
            (newline.is_some(), "a newline"),
        ] {
            if given {
                return Err(value_error(format!(
                    "binary mode doesn't take {name} argument"
                )));
            }
        }
    } else if buffering == 0 {
        return Err(value_error("can't have unbuffered text I/O"));
    }
    let newline = match newline.as_deref() {
        None => Newline::Universal,
        Some("") => Newline::Untranslated,
        Some("\n") => Newline::Only("\n"),
        Some("\r") => Newline::Only("\r"),
        Some("\r\n") => Newline::Only("\r\n"),
        Some(other) => return Err(value_error(format!("illegal newline value: {other}"))),
    };
    if let Some(encoding) = encoding.as_ref().filter(|encoding| *encoding != "locale") {
        // An unknown one is told before anything is created.
        codec::encode("", encoding, "strict")?;
    }
    let close = arguments::flag(cx, close, true)?;
    let opener = opener.filter(|opener| !opener.is_none());
    let (fd, owned) = descriptor(cx, &file, mode, close, opener)?;
    let raw = Raw::new(fd, owned, buffering == 0);
    let encoding = encoding
        .filter(|encoding| encoding != "locale")
        .unwrap_or_else(|| "UTF-8".to_owned());
    let errors = errors.unwrap_or_else(|| "strict".to_owned());
    let text = (!mode.binary).then(|| Text::new(&encoding, &errors, newline));
    let mut state = State { raw, text };
    // SAFETY: plain call.
    let is_terminal = unsafe { libc::isatty(state.raw.fd()?) } == 1;
    if mode.append && state.raw.is_seekable() {
        let end = state.raw.seek(cx, 0, libc::SEEK_END)?;
        if let Some(text) = &mut state.text
            && end > 0
        {
            text.set_begun();
        }
    }
    let is_text = state.text.is_some();
    let unbuffered = state.raw.is_unbuffered();
    let file = Arc::new(File {
        name: file,
        encoding,
        errors,
        mode: if is_text {
            mode_text.to_owned()
        } else {
            mode.shown().to_owned()
        },
        readable: mode.readable(),
        writable: mode.writable(),
        line_buffered: buffering == 1 || is_terminal,
        lock: ThreadLock::new(),
        state: UnsafeCell::new(state),
    });
    if mode.writable() {
        register(&file);
    }
    let classes = classes();
    let class = match (is_text, mode.readable(), mode.writable()) {
        (true, ..) => &classes.text,
        _ if unbuffered => &classes.raw,
        (_, true, true) => &classes.random,
        (_, true, false) => &classes.reader,
        _ => &classes.writer,
    };
    Ok(object(class, file, is_text))
}

/// The descriptor for what `open` was given, and whether the file object closes it.
fn descriptor(
    cx: &mut Context,
    file: &Value,
    mode: Mode,
    close: bool,
    opener: Option<&Value>,
) -> Outcome<(i32, bool)> {
    if let Some(number) = sequence::try_index(cx, file)? {
        let fd = arguments::integer32(cx, &number)?;
        if fd < 0 {
            return Err(value_error("negative file descriptor"));
        }
        if mode_of(fd).is_none() {
            return Err(from_io(&io::Error::last_os_error(), None));
        }
        return Ok((fd, close));
    }
    if !close {
        return Err(value_error("Cannot use closefd=False with file name"));
    }
    let path = paths::c_path(cx, file)?;
    if let Some(opener) = opener {
        let flags = open_flags(mode);
        let fd = cx.call(opener, &[file.clone(), Value::Int(i64::from(flags))])?;
        let fd = arguments::integer32(cx, &fd)?;
        if fd < 0 {
            return Err(value_error(format!("opener returned {fd}")));
        }
        return Ok((fd, true));
    }
    let fd = match open_at(cx, libc::AT_FDCWD, &path, open_flags(mode), 0o666)? {
        Ok(opened) => opened,
        Err(error) => return Err(from_io(&error, Some(file.clone()))),
    };
    if mode_of(fd).is_some_and(|mode| mode & libc::S_IFMT == libc::S_IFDIR) {
        // SAFETY: it was opened just now and nobody else has it.
        unsafe { libc::close(fd) };
        return Err(os_error(libc::EISDIR, Some(file.clone())));
    }
    Ok((fd, true))
}

fn open_flags(mode: Mode) -> i32 {
    let access = match (mode.readable(), mode.writable()) {
        (true, true) => libc::O_RDWR,
        (true, false) => libc::O_RDONLY,
        _ => libc::O_WRONLY,
    };
    let create = if mode.write {
        libc::O_CREAT | libc::O_TRUNC
    } else if mode.append {
        libc::O_CREAT | libc::O_APPEND
    } else if mode.create {
        libc::O_CREAT | libc::O_EXCL
    } else {
        0
    };
    access | create | libc::O_CLOEXEC
}

/// A file object for a descriptor, as `os.fdopen` and pipes want it.
///
/// # Errors
/// As `open`.
pub fn open_file(cx: &mut Context, fd: i32, mode: &str) -> Outcome<Value> {
    let file = Value::Int(i64::from(fd));
    open(cx, Args::positional_only(&[file, Value::str(mode)]))
}
