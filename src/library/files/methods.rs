//! The methods of file objects.

use super::raw::Raw;
use super::text::Text;
use super::{File, Handle, State, classes, object, unsupported};
use crate::eval::context::Context;
use crate::eval::{attribute, import};
use crate::library::arguments::{self, Signature, bad_receiver};
use crate::library::define;
use crate::library::methods::memoryview;
use crate::value::buffer::View;
use crate::value::class::Class;
use crate::value::exception::{Raised, stop_iteration, type_error, value_error};
use crate::value::function::Args;
use crate::value::instance::{Instance, Payload};
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Outcome, Value, iterate, sequence, text};

/// Puts the methods into the classes, when somebody asks for one.
pub(super) fn install() {
    let classes = classes();
    for class in [
        &classes.raw,
        &classes.reader,
        &classes.writer,
        &classes.random,
    ] {
        class.complete_later(install_bytes);
    }
    classes.text.complete_later(install_text);
}

fn install_bytes(class: &Class) {
    install_common(class);
    define::methods(
        class,
        &[
            ("read1", read_once),
            ("readinto", read_into),
            ("peek", peek),
        ],
    );
}

fn install_text(class: &Class) {
    install_common(class);
    define::getters(
        class,
        &[
            ("encoding", |_, args| text_part(args, "encoding")),
            ("errors", |_, args| text_part(args, "errors")),
            ("newlines", newlines),
            ("line_buffering", |_, args| {
                let (handle, _) = this(args, "line_buffering")?;
                Ok(Value::Bool(handle.file.line_buffered))
            }),
            ("buffer", buffer),
        ],
    );
    define::methods(class, &[("reconfigure", reconfigure)]);
    define::static_methods(class, &[("__new__", new_text)]);
}

/// Text over a file of bytes that a script has: the module `io` knows how.
fn new_text(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let own = &classes().text;
    let (class, rest) = crate::library::methods::construct::class_argument(own, args)?;
    if !class.same(own) {
        return Ok(Value::Instance(Instance::new(class.clone(), Payload::None)));
    }
    let module = import::module(cx, Name::new("io"))?;
    let wrap = attribute::get(cx, &Value::Module(module), Name::new("_wrap_text"))?;
    cx.call_with(&wrap, rest)
}

fn install_common(class: &Class) {
    define::methods(
        class,
        &[
            ("__enter__", enter),
            ("__exit__", exit),
            ("__iter__", iter),
            ("__next__", next),
            ("__repr__", repr),
            ("close", close),
            ("detach", detach),
            ("fileno", fileno),
            ("flush", flush),
            ("isatty", is_terminal),
            ("read", read),
            ("readable", readable),
            ("readline", read_line),
            ("readlines", read_lines),
            ("seek", seek),
            ("seekable", seekable),
            ("tell", tell),
            ("truncate", truncate),
            ("writable", writable),
            ("write", write),
            ("writelines", write_lines),
        ],
    );
    define::getters(
        class,
        &[
            ("name", |_, args| {
                Ok(this(args, "name")?.0.file.name.clone())
            }),
            ("mode", |_, args| {
                Ok(Value::str(&*this(args, "mode")?.0.shown_mode()))
            }),
            ("closed", closed),
        ],
    );
}

impl Handle {
    /// The mode as this object shows it: the bytes behind a text have a binary one.
    fn shown_mode(&self) -> String {
        let mode = &self.file.mode;
        if self.is_text || mode.contains('b') {
            return mode.clone();
        }
        let kind = mode.chars().next().unwrap_or('r');
        let update = if mode.contains('+') { "+" } else { "" };
        format!("{kind}b{update}")
    }

    /// The error of using the object after it was closed.
    fn check_open(&self, cx: &mut Context) -> Outcome<()> {
        self.file.with(cx, |_, state| state.raw.fd().map(drop))
    }

    /// Refuses what the mode does not allow.
    fn check_readable(&self) -> Outcome<()> {
        match (self.file.readable, self.is_text) {
            (true, _) => Ok(()),
            (false, true) => Err(unsupported("not readable")),
            (false, false) => Err(unsupported("read")),
        }
    }

    fn check_writable(&self) -> Outcome<()> {
        match (self.file.writable, self.is_text) {
            (true, _) => Ok(()),
            (false, true) => Err(unsupported("not writable")),
            (false, false) => Err(unsupported("write")),
        }
    }
}

fn this<'a>(args: Args<'a>, method: &'static str) -> Outcome<(&'a Handle, Args<'a>)> {
    let handle = args
        .positional()
        .first()
        .and_then(|value| value.as_instance()?.native::<Handle>());
    match handle {
        Some(handle) => Ok((handle, args.rest())),
        None => Err(bad_receiver("_io._IOBase", method, args)),
    }
}

fn enter(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (handle, _) = this(args, "__enter__")?;
    handle.check_open(cx)?;
    Ok(args.values[0].clone())
}

fn exit(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (handle, _) = this(args, "__exit__")?;
    handle.file.with(cx, |cx, state| state.raw.close(cx))?;
    Ok(Value::None)
}

fn close(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (handle, rest) = this(args, "close")?;
    arguments::none("close", rest)?;
    handle.file.with(cx, |cx, state| state.raw.close(cx))?;
    Ok(Value::None)
}

fn closed(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (handle, _) = this(args, "closed")?;
    handle
        .file
        .with(cx, |_, state| Ok(Value::Bool(state.raw.is_closed())))
}

/// The descriptor; this message alone has no full stop.
fn descriptor(cx: &mut Context, handle: &Handle) -> Outcome<i32> {
    handle.file.with(cx, |_, state| {
        if state.raw.is_closed() {
            return Err(value_error("I/O operation on closed file"));
        }
        state.raw.fd()
    })
}

fn fileno(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (handle, _) = this(args, "fileno")?;
    Ok(Value::Int(i64::from(descriptor(cx, handle)?)))
}

fn is_terminal(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (handle, _) = this(args, "isatty")?;
    let fd = descriptor(cx, handle)?;
    // SAFETY: plain call.
    Ok(Value::Bool(unsafe { libc::isatty(fd) } == 1))
}

fn flush(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (handle, _) = this(args, "flush")?;
    handle.file.with(cx, |cx, state| {
        state.raw.fd()?;
        state.raw.flush(cx)
    })?;
    Ok(Value::None)
}

fn detach(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (handle, _) = this(args, "detach")?;
    if !handle.is_text {
        return Err(unsupported("detach"));
    }
    let buffer = buffer(cx, args)?;
    handle.file.with(cx, |cx, state| {
        state.raw.flush(cx)?;
        state.text = None;
        Ok(())
    })?;
    Ok(buffer)
}

fn readable(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (handle, _) = this(args, "readable")?;
    handle.check_open(cx)?;
    Ok(Value::Bool(handle.file.readable))
}

fn writable(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (handle, _) = this(args, "writable")?;
    handle.check_open(cx)?;
    Ok(Value::Bool(handle.file.writable))
}

fn seekable(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (handle, _) = this(args, "seekable")?;
    handle.file.with(cx, |_, state| {
        state.raw.fd()?;
        Ok(Value::Bool(state.raw.is_seekable()))
    })
}

/// The size argument of `read`: `None` for all.
fn size(cx: &mut Context, value: Option<&Value>) -> Outcome<Option<usize>> {
    match value {
        None | Some(Value::None) => Ok(None),
        Some(value) => match sequence::try_index(cx, value)? {
            Some(Value::Int(number)) => Ok(usize::try_from(number).ok()),
            Some(_) => Err(crate::value::exception::overflow_error(
                "cannot fit 'int' into an index-sized integer",
            )),
            None => Err(type_error(format!(
                "argument should be integer or None, not '{}'",
                value.type_name()
            ))),
        },
    }
}

fn no_longer_open(state: &State, doing: &str) -> Outcome<()> {
    if state.raw.is_closed() {
        return Err(value_error(format!("{doing} of closed file")));
    }
    Ok(())
}

fn read(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (handle, rest) = this(args, "read")?;
    let values = arguments::between("read", rest, 0, 1)?;
    let count = size(cx, values.first())?;
    if handle.is_text {
        handle.check_open(cx)?;
        handle.check_readable()?;
        let text = handle
            .file
            .with_text(cx, |cx, raw, text| text.read(cx, raw, count))?;
        return Ok(Value::str(text));
    }
    let bytes = handle.file.with(cx, |cx, state| {
        no_longer_open(state, "read")?;
        handle.check_readable()?;
        match count {
            Some(count) => state.raw.read(cx, count, state.raw.is_unbuffered()),
            None => state.raw.read_all(cx),
        }
    })?;
    Ok(Value::bytes(bytes))
}

fn read_once(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (handle, rest) = this(args, "read1")?;
    let values = arguments::between("read1", rest, 0, 1)?;
    let count = size(cx, values.first())?.unwrap_or(8192);
    let bytes = handle.file.with(cx, |cx, state| {
        no_longer_open(state, "read")?;
        handle.check_readable()?;
        state.raw.read(cx, count, true)
    })?;
    Ok(Value::bytes(bytes))
}

fn peek(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (handle, _) = this(args, "peek")?;
    let bytes = handle.file.with(cx, |cx, state| {
        no_longer_open(state, "peek")?;
        handle.check_readable()?;
        state.raw.peek(cx)
    })?;
    Ok(Value::bytes(bytes))
}

/// Reads into a `bytearray` or the like, by assigning its items.
fn read_into(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (handle, rest) = this(args, "readinto")?;
    let target = arguments::one("readinto", rest)?;
    let shown = memoryview::of(target).map_err(|_| not_writable(target))?;
    let view = shown.as_instance().and_then(|view| view.native::<View>());
    let Some(view) = view.filter(|view| !view.read_only && view.is_contiguous()) else {
        return Err(not_writable(target));
    };
    let room = view.size();
    let bytes = handle.file.with(cx, |cx, state| {
        no_longer_open(state, "read")?;
        handle.check_readable()?;
        state.raw.read(cx, room, state.raw.is_unbuffered())
    })?;
    let count = bytes.len().min(room);
    if let Some(source) = view.source() {
        source.write(view.start, &bytes[..count]);
    }
    Ok(Value::size(count))
}

fn not_writable(target: &Value) -> Raised {
    type_error(format!(
        "readinto() argument must be read-write bytes-like object, not {}",
        target.type_name()
    ))
}

/// The next line; empty at the end.
fn line(cx: &mut Context, handle: &Handle, most: Option<usize>) -> Outcome<Value> {
    if handle.is_text {
        handle.check_open(cx)?;
        handle.check_readable()?;
        let line = handle
            .file
            .with_text(cx, |cx, raw, text| text.read_line(cx, raw, most))?;
        return Ok(Value::str(line));
    }
    let line = handle.file.with(cx, |cx, state| {
        no_longer_open(state, "readline")?;
        handle.check_readable()?;
        state.raw.read_line(cx, most.unwrap_or(usize::MAX))
    })?;
    Ok(Value::bytes(line))
}

fn is_empty(line: &Value) -> bool {
    match line {
        Value::Str(line) => line.is_empty(),
        Value::Bytes(line) => line.get().is_empty(),
        _ => true,
    }
}

fn read_line(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (handle, rest) = this(args, "readline")?;
    let values = arguments::between("readline", rest, 0, 1)?;
    let most = size(cx, values.first())?;
    line(cx, handle, most)
}

fn read_lines(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (handle, rest) = this(args, "readlines")?;
    let values = arguments::between("readlines", rest, 0, 1)?;
    let most = size(cx, values.first())?.filter(|&most| most > 0);
    handle.check_open(cx)?;
    let mut lines = Vec::new();
    let mut total = 0;
    loop {
        let next = line(cx, handle, None)?;
        if is_empty(&next) {
            break;
        }
        total += sequence::length(cx, &next)?;
        lines.push(next);
        if most.is_some_and(|most| total >= most) {
            break;
        }
        cx.safepoint()?;
    }
    Ok(Value::list(lines))
}

fn iter(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (handle, _) = this(args, "__iter__")?;
    handle.check_open(cx)?;
    Ok(args.values[0].clone())
}

fn next(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (handle, _) = this(args, "__next__")?;
    let next = line(cx, handle, None)?;
    if is_empty(&next) {
        return Err(stop_iteration(Value::None));
    }
    Ok(next)
}

fn write(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (handle, rest) = this(args, "write")?;
    let value = arguments::one("write", rest)?;
    write_value(cx, handle, value)
}

fn write_value(cx: &mut Context, handle: &Handle, value: &Value) -> Outcome<Value> {
    if handle.is_text {
        let Value::Str(text) = value.unwrapped() else {
            return Err(type_error(format!(
                "write() argument must be str, not {}",
                value.type_name()
            )));
        };
        handle.check_open(cx)?;
        handle.check_writable()?;
        let line_buffered = handle.file.line_buffered;
        handle.file.with_text(cx, |cx, raw, side| {
            side.write(cx, raw, text.as_str())?;
            if line_buffered && text.as_str().contains(['\n', '\r']) {
                raw.flush(cx)?;
            }
            Ok(())
        })?;
        return Ok(Value::size(text.len()));
    }
    let Some(bytes) = sequence::bytes_like(value) else {
        return Err(type_error(format!(
            "a bytes-like object is required, not '{}'",
            value.type_name()
        )));
    };
    handle.file.with(cx, |cx, state| {
        if state.raw.is_closed() {
            return Err(value_error("write to closed file"));
        }
        handle.check_writable()?;
        state.raw.write(cx, &bytes)
    })?;
    Ok(Value::size(bytes.len()))
}

fn write_lines(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (handle, rest) = this(args, "writelines")?;
    let lines = arguments::one("writelines", rest)?;
    handle.check_open(cx)?;
    iterate::for_each(cx, lines, |cx, line| {
        write_value(cx, handle, &line).map(drop)
    })?;
    Ok(Value::None)
}

const SEEK: Signature<2> = Signature::new("seek", ["cookie", "whence"])
    .required(1)
    .positional_only(2);

fn seek(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (handle, rest) = this(args, "seek")?;
    let [offset, whence] = SEEK.bind(rest)?;
    let offset = match offset {
        Some(offset) => arguments::integer(cx, offset)?,
        None => 0,
    };
    let whence = match whence {
        Some(whence) => arguments::integer32(cx, whence)?,
        None => 0,
    };
    if handle.is_text {
        handle.check_open(cx)?;
        match (whence, offset) {
            (0, offset) if offset < 0 => {
                return Err(value_error(format!("negative seek position {offset}")));
            }
            (1, offset) if offset != 0 => {
                return Err(unsupported("can't do nonzero cur-relative seeks"));
            }
            (2, offset) if offset != 0 => {
                return Err(unsupported("can't do nonzero end-relative seeks"));
            }
            (0..=2, _) => {}
            _ => {
                return Err(value_error(format!(
                    "invalid whence ({whence}, should be 0, 1 or 2)"
                )));
            }
        }
        let place = handle.file.with_text(cx, |cx, raw, text| {
            if whence == libc::SEEK_CUR {
                return text_place(cx, raw, text);
            }
            text.forget();
            raw.seek(cx, offset, whence)
        })?;
        return Ok(Value::Int(place as i64));
    }
    let place = handle.file.with(cx, |cx, state| {
        no_longer_open(state, "seek")?;
        state.raw.seek(cx, offset, whence)
    })?;
    Ok(Value::Int(place as i64))
}

fn text_place(_: &mut Context, raw: &mut Raw, text: &mut Text) -> Outcome<u64> {
    let ahead = text.ahead()?;
    Ok(raw.tell()?.saturating_sub(ahead))
}

fn tell(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (handle, _) = this(args, "tell")?;
    let place = if handle.is_text {
        handle.file.with_text(cx, text_place)?
    } else {
        descriptor(cx, handle)?;
        handle.file.with(cx, |_, state| state.raw.tell())?
    };
    Ok(Value::Int(place as i64))
}

fn truncate(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (handle, rest) = this(args, "truncate")?;
    let values = arguments::between("truncate", rest, 0, 1)?;
    let length = match values.first() {
        None | Some(Value::None) => None,
        Some(length) => Some(arguments::integer(cx, length)?),
    };
    handle.check_open(cx)?;
    if !handle.file.writable {
        return Err(unsupported("truncate"));
    }
    let length = handle.file.with(cx, |cx, state| {
        let length = match length {
            Some(length) => u64::try_from(length)
                .map_err(|_| value_error(format!("negative truncate position {length}")))?,
            None => {
                let ahead = match &state.text {
                    Some(text) => text.ahead()?,
                    None => 0,
                };
                state.raw.tell()?.saturating_sub(ahead)
            }
        };
        state.raw.truncate(cx, length)?;
        Ok(length)
    })?;
    Ok(Value::Int(length as i64))
}

/// The line ends that were read so far: none, one, or a tuple of them.
fn newlines(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (handle, _) = this(args, "newlines")?;
    let ends: Vec<Value> = handle.file.with(cx, |_, state| {
        let ends = state.text.iter().flat_map(|text| text.line_ends());
        Ok(ends.map(Value::str).collect())
    })?;
    Ok(match &ends[..] {
        [] => Value::None,
        [end] => end.clone(),
        _ => Value::tuple(ends),
    })
}

fn text_part(args: Args<'_>, part: &'static str) -> Outcome<Value> {
    let (handle, _) = this(args, part)?;
    Ok(Value::str(match part {
        "encoding" => &*handle.file.encoding,
        _ => &*handle.file.errors,
    }))
}

/// The bytes behind a text.
fn buffer(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (handle, _) = this(args, "buffer")?;
    let classes = classes();
    let class: &Ref<Class> = match (handle.file.readable, handle.file.writable) {
        (true, true) => &classes.random,
        (true, false) => &classes.reader,
        _ => &classes.writer,
    };
    Ok(object(class, handle.file.clone(), false))
}

/// What can be changed of an open text file is only when it is written out, and that is up to
/// `flush`: accepted, for programs that ask for it at their start.
fn reconfigure(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (handle, _) = this(args, "reconfigure")?;
    handle.file.with(cx, |cx, state| state.raw.flush(cx))?;
    Ok(Value::None)
}

fn repr(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (handle, _) = this(args, "__repr__")?;
    let file: &File = &handle.file;
    let name = text::repr(cx, &file.name)?;
    let class = args.values[0].type_name();
    Ok(Value::str(if handle.is_text {
        format!(
            "<{class} name={name} mode='{}' encoding='{}'>",
            file.mode, file.encoding
        )
    } else if std::ptr::eq(&**args.values[0].class(), &*classes().raw) {
        format!(
            "<{class} name={name} mode='{}' closefd=True>",
            handle.shown_mode()
        )
    } else {
        format!("<{class} name={name}>")
    }))
}
