//! The standard streams as scripts see them. Output goes the session's one way out; input is a
//! file like any other, over descriptor 0.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::raw::Raw;
use super::text::{Newline, Text};
use super::{File, State, classes, object, unsupported};
use crate::eval::context::Context;
use crate::library::arguments::{self, bad_receiver};
use crate::library::define;
use crate::library::output;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::output::{Output, WriteMode};
use crate::runtime::thread_lock::ThreadLock;
use crate::value::class::{Class, Layout};
use crate::value::exception::{type_error, value_error};
use crate::value::function::Args;
use crate::value::instance::{Instance, NativeData, Payload};
use crate::value::object::Ref;
use crate::value::{Outcome, Value, iterate, sequence};

/// One of the standard streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard input.
    Input,
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// What the object of an output stream carries.
struct Standard {
    stream: Stream,
    is_text: bool,
    /// Closed for those who write to this object; the session's stream stays, for errors.
    closed: AtomicBool,
}

impl NativeData for Standard {}

/// The objects of a session's streams, made when they are first asked for.
#[derive(Default)]
struct Objects(LeafLock<[Option<Value>; 3]>);

/// The object of a standard stream, as `sys` has it at first.
pub fn standard_file(cx: &Context, stream: Stream) -> Value {
    let objects = cx.session.extensions.get::<Objects>();
    let known = objects.0.lock()[stream as usize].clone();
    if let Some(known) = known {
        return known;
    }
    let made = match stream {
        Stream::Input => input(),
        stream => standard(stream, true),
    };
    let mut kept = objects.0.lock();
    kept[stream as usize].get_or_insert(made).clone()
}

/// The output stream behind an object of [`standard_file`] that is open.
#[inline]
pub fn standard_stream(value: &Value) -> Option<Stream> {
    let standard = value.as_instance()?.native::<Standard>()?;
    (standard.is_text && !standard.is_closed()).then_some(standard.stream)
}

fn standard(stream: Stream, is_text: bool) -> Value {
    let classes = stream_classes();
    let class = if is_text { &classes.0 } else { &classes.1 };
    Value::Instance(Instance::new(
        class.clone(),
        Payload::Native(Box::new(Standard {
            stream,
            is_text,
            closed: AtomicBool::new(false),
        })),
    ))
}

fn input() -> Value {
    let file = File {
        name: Value::str("<stdin>"),
        mode: "r".to_owned(),
        encoding: "utf-8".to_owned(),
        errors: "surrogateescape".to_owned(),
        readable: true,
        writable: false,
        line_buffered: false,
        lock: ThreadLock::new(),
        state: UnsafeCell::new(State {
            raw: Raw::new(0, false, false),
            text: Some(Text::new("utf-8", "surrogateescape", Newline::Universal)),
        }),
    };
    object(&classes().text, Arc::new(file), true)
}

/// The classes of the text and the byte side.
fn stream_classes() -> &'static (Ref<Class>, Ref<Class>) {
    static CLASSES: OnceLock<(Ref<Class>, Ref<Class>)> = OnceLock::new();
    CLASSES.get_or_init(|| {
        let known = classes();
        let make = |name: &'static str, base: &Ref<Class>| {
            Class::builtin(name, Some(base), Layout::Native("file"))
        };
        (
            make("_io.TextIOWrapper", &known.text),
            make("_io.BufferedWriter", &known.writer),
        )
    })
}

/// Puts the methods into the classes.
pub(super) fn install() {
    let (text, bytes) = stream_classes();
    for class in [text, bytes] {
        define::methods(
            class,
            &[
                ("__enter__", |_, args| Ok(args.values[0].clone())),
                ("__exit__", close),
                ("__repr__", repr),
                ("close", close),
                ("fileno", fileno),
                ("flush", flush),
                ("isatty", is_terminal),
                ("read", not_readable),
                ("readline", not_readable),
                ("readlines", not_readable),
                ("readable", |_, _| Ok(Value::Bool(false))),
                ("seekable", |_, _| Ok(Value::Bool(false))),
                ("writable", |_, _| Ok(Value::Bool(true))),
                ("write", write),
                ("writelines", write_lines),
            ],
        );
        define::getters(
            class,
            &[
                ("closed", |_, args| {
                    Ok(Value::Bool(this(args, "closed")?.is_closed()))
                }),
                ("name", |_, args| Ok(Value::str(this(args, "name")?.name()))),
                ("mode", |_, args| {
                    let text = this(args, "mode")?.is_text;
                    Ok(Value::str(if text { "w" } else { "wb" }))
                }),
            ],
        );
    }
    define::getters(
        text,
        &[
            ("encoding", |_, _| Ok(Value::str("utf-8"))),
            ("errors", |_, args| {
                Ok(Value::str(match this(args, "errors")?.stream {
                    Stream::Error => "backslashreplace",
                    _ => "strict",
                }))
            }),
            ("newlines", |_, _| Ok(Value::None)),
            ("line_buffering", |cx, args| {
                let standard = this(args, "line_buffering")?;
                Ok(Value::Bool(standard.output(cx).is_terminal()))
            }),
            ("buffer", |_, args| {
                Ok(standard_bytes(this(args, "buffer")?.stream))
            }),
        ],
    );
    // Whatever is asked for, each `print` goes out whole and in order.
    define::methods(text, &[("reconfigure", flush)]);
}

fn standard_bytes(stream: Stream) -> Value {
    standard(stream, false)
}

impl Standard {
    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    fn check_open(&self) -> Outcome<()> {
        if self.is_closed() {
            return Err(value_error("I/O operation on closed file."));
        }
        Ok(())
    }

    fn name(&self) -> &'static str {
        match self.stream {
            Stream::Error => "<stderr>",
            _ => "<stdout>",
        }
    }

    fn output(&self, cx: &Context) -> Output {
        match self.stream {
            Stream::Error => cx.session.stderr.clone(),
            _ => cx.session.stdout.clone(),
        }
    }
}

fn this<'a>(args: Args<'a>, method: &'static str) -> Outcome<&'a Standard> {
    args.positional()
        .first()
        .and_then(|value| value.as_instance()?.native::<Standard>())
        .ok_or_else(|| bad_receiver("_io.TextIOWrapper", method, args))
}

fn repr(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let standard = this(args, "__repr__")?;
    let name = standard.name();
    Ok(Value::str(if standard.is_text {
        format!("<_io.TextIOWrapper name='{name}' mode='w' encoding='utf-8'>")
    } else {
        format!("<_io.BufferedWriter name='{name}'>")
    }))
}

fn fileno(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    Ok(Value::Int(match this(args, "fileno")?.stream {
        Stream::Error => 2,
        _ => 1,
    }))
}

fn is_terminal(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let standard = this(args, "isatty")?;
    Ok(Value::Bool(standard.output(cx).is_terminal()))
}

fn not_readable(_: &mut Context, _: Args<'_>) -> Outcome<Value> {
    Err(unsupported("not readable"))
}

fn flush(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let standard = this(args, "flush")?;
    standard.check_open()?;
    let output = standard.output(cx);
    output::flush(cx, &output)?;
    Ok(Value::None)
}

fn close(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let standard = this(args, "close")?;
    standard.closed.store(true, Ordering::Relaxed);
    let output = standard.output(cx);
    output::flush(cx, &output)?;
    Ok(Value::None)
}

fn write(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let standard = this(args, "write")?;
    let value = arguments::one("write", args.rest())?;
    write_value(cx, standard, value)
}

fn write_value(cx: &mut Context, standard: &Standard, value: &Value) -> Outcome<Value> {
    standard.check_open()?;
    let output = standard.output(cx);
    if standard.is_text {
        let Value::Str(text) = value.unwrapped() else {
            return Err(type_error(format!(
                "write() argument must be str, not {}",
                value.type_name()
            )));
        };
        output::write(cx, &output, text.as_str().as_bytes(), WriteMode::Buffered)?;
        return Ok(Value::size(text.len()));
    }
    let Some(bytes) = sequence::bytes_like(value) else {
        return Err(type_error(format!(
            "a bytes-like object is required, not '{}'",
            value.type_name()
        )));
    };
    output::write(cx, &output, &bytes, WriteMode::Buffered)?;
    Ok(Value::size(bytes.len()))
}

fn write_lines(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let standard = this(args, "writelines")?;
    let lines = arguments::one("writelines", args.rest())?;
    iterate::for_each(cx, lines, |cx, line| {
        write_value(cx, standard, &line).map(drop)
    })?;
    Ok(Value::None)
}
