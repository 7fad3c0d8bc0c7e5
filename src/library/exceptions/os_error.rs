//! `OSError` and its subclasses: which number means which class, and where the names of files
//! are kept. It must not know any call of the operating system.

use super::{blank, field_of, fields, no_keywords, plain_text, receiver, set_args};
use crate::eval::context::Context;
use crate::library::define;
use crate::library::methods::construct::class_argument;
use crate::value::exception::{ExceptionData, ExceptionKind, Raised, attribute_error};
use crate::value::function::Args;
use crate::value::instance::Instance;
use crate::value::name::Name;
use crate::value::types::{Types, types};
use crate::value::{Outcome, Value, text};

pub(super) fn install(types: &Types) {
    let class = types.exception(ExceptionKind::OSError);
    define::static_methods(class, &[("__new__", new)]);
    define::methods(class, &[("__init__", init), ("__str__", to_str)]);
    fields!(class;
        "errno" |args| args.first().filter(|_| described(args)).cloned(),
        "strerror" |args| args.get(1).filter(|_| described(args)).cloned(),
        "filename" |args| args.get(2).filter(|_| described(args)).cloned(),
        "filename2" |args| args.get(4).filter(|_| described(args)).cloned(),
    );
    let blocking = types.exception(ExceptionKind::BlockingIOError);
    super::field(
        blocking,
        "characters_written",
        |_, args| {
            let (instance, _, _) = receiver(args, "characters_written")?;
            instance
                .get(Name::new("characters_written"))
                .ok_or_else(|| attribute_error("characters_written"))
        },
        |_, args| super::set_field(args, "characters_written"),
    );
}

/// Whether the arguments are a number, a text and perhaps files.
fn described(args: &[Value]) -> bool {
    (2..=5).contains(&args.len())
}

/// The class that stands for an error number; `OSError` for most.
pub fn kind_of(code: i32) -> ExceptionKind {
    match code {
        libc::EAGAIN | libc::EALREADY | libc::EINPROGRESS => ExceptionKind::BlockingIOError,
        libc::EPIPE | libc::ESHUTDOWN => ExceptionKind::BrokenPipeError,
        libc::ECHILD => ExceptionKind::ChildProcessError,
        libc::ECONNABORTED => ExceptionKind::ConnectionAbortedError,
        libc::ECONNREFUSED => ExceptionKind::ConnectionRefusedError,
        libc::ECONNRESET => ExceptionKind::ConnectionResetError,
        libc::EEXIST => ExceptionKind::FileExistsError,
        libc::ENOENT => ExceptionKind::FileNotFoundError,
        libc::EISDIR => ExceptionKind::IsADirectoryError,
        libc::ENOTDIR => ExceptionKind::NotADirectoryError,
        libc::EINTR => ExceptionKind::InterruptedError,
        libc::EACCES | libc::EPERM => ExceptionKind::PermissionError,
        libc::ESRCH => ExceptionKind::ProcessLookupError,
        libc::ETIMEDOUT => ExceptionKind::TimeoutError,
        _ => ExceptionKind::OSError,
    }
}

/// What the system says about an error number: `No such file or directory`.
pub fn describe(code: i32) -> String {
    let text = std::io::Error::from_raw_os_error(code).to_string();
    match text.rfind(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// The exception for an error number, with the file that it is about.
#[cold]
pub fn os_error(code: i32, filename: Option<Value>) -> Raised {
    let args = vec![Value::Int(i64::from(code)), Value::from(describe(code))];
    let raised = Raised::with_args(kind_of(code), args);
    if let (Some(instance), Some(filename)) = (raised.exception(), filename) {
        instance.set(Name::new("filename"), filename);
    }
    raised
}

/// The exception for an error number whose text goes on to say more.
#[cold]
pub fn os_error_saying(code: i32, more: &str) -> Raised {
    let text = format!("{}: {more}", describe(code));
    let args = vec![Value::Int(i64::from(code)), Value::str(text)];
    Raised::with_args(kind_of(code), args)
}

/// The exception for an error of the standard library, with the file that it is about.
#[cold]
pub fn from_io(error: &std::io::Error, filename: Option<Value>) -> Raised {
    match error.raw_os_error() {
        Some(code) => os_error(code, filename),
        None => Raised::new(ExceptionKind::OSError, error.to_string()),
    }
}

fn new(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let types = types();
    let own = types.exception(ExceptionKind::OSError);
    let (class, args) = class_argument(own, args)?;
    let values = args.positional();
    let class = match values.first() {
        Some(Value::Int(code)) if described(values) && class.same(own) => {
            types.exception(kind_of(i32::try_from(*code).unwrap_or(0)))
        }
        _ => class,
    };
    let made = blank(class, values);
    if let Some(data) = made.exception() {
        describe_by(&made, data, values);
    }
    Ok(Value::Instance(made))
}

fn init(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (instance, data, args) = receiver(args, "__init__")?;
    no_keywords(instance, args)?;
    describe_by(instance, data, args.values);
    Ok(Value::None)
}

/// Takes the files out of the arguments into fields.
fn describe_by(instance: &Instance, data: &ExceptionData, values: &[Value]) {
    for name in ["filename", "filename2"] {
        instance.remove(Name::new(name));
    }
    if !described(values) || values.len() == 2 {
        set_args(data, values);
        return;
    }
    let is_blocking = instance
        .class()
        .derives_from(types().exception(ExceptionKind::BlockingIOError));
    if is_blocking && let count @ Value::Int(_) = &values[2] {
        instance.set(Name::new("characters_written"), count.clone());
    } else if !values[2].is_none() {
        instance.set(Name::new("filename"), values[2].clone());
        if let Some(second) = values.get(4).filter(|second| !second.is_none()) {
            instance.set(Name::new("filename2"), second.clone());
        }
    } else {
        set_args(data, values);
        return;
    }
    set_args(data, &values[..2]);
}

/// The arguments with the files, as the class would be called to make the exception again.
pub(super) fn all_args(instance: &Instance, data: &ExceptionData) -> Vec<Value> {
    let mut args = data.args().to_vec();
    let os_error = types().exception(ExceptionKind::OSError);
    if args.len() == 2
        && instance.class().derives_from(os_error)
        && let Some(filename) = instance.get(Name::new("filename"))
    {
        args.push(filename);
        if let Some(second) = instance.get(Name::new("filename2")) {
            args.push(Value::None);
            args.push(second);
        }
    }
    args
}

fn to_str(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (instance, data, _) = receiver(args, "__str__")?;
    let get = |name: &str, default| field_of(instance, data, name, default);
    let code = get("errno", |args| {
        args.first().filter(|_| described(args)).cloned()
    });
    let message = get("strerror", |args| {
        args.get(1).filter(|_| described(args)).cloned()
    });
    let file = get("filename", |_| None);
    let second = get("filename2", |_| None);
    if code.is_none() && message.is_none() && file.is_none() {
        return plain_text(cx, &data.args()).map(Value::from);
    }
    let (code, message) = (text::to_str(cx, &code)?, text::to_str(cx, &message)?);
    let mut shown = format!("[Errno {code}] {message}");
    if !file.is_none() {
        shown = format!("{shown}: {}", text::repr(cx, &file)?);
        if !second.is_none() {
            shown = format!("{shown} -> {}", text::repr(cx, &second)?);
        }
    }
    Ok(Value::from(shown))
}
