//! What the built-in exception classes can do beyond carrying arguments: their constructors,
//! texts and fields. It must not know how an uncaught exception is shown.
//!
//! A field such as `StopIteration.value` lives in the instance once it was set; before that it
//! is read from the arguments, so that an exception made by native code needs no constructor.

use crate::eval::attribute;
use crate::eval::context::Context;
use crate::library::methods::construct::class_argument;
use crate::library::{arguments, define};
use crate::value::class::{Class, Layout};
use crate::value::exception::{ExceptionData, ExceptionKind, type_error};
use crate::value::function::{Args, NativeCall};
use crate::value::instance::{Instance, Payload};
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::types::{Types, types};
use crate::value::{Outcome, Value, text};

mod group;
mod os_error;
mod own;
mod unicode_error;

pub use os_error::{describe, from_io, os_error, os_error_saying};
pub use own::OwnError;

/// Makes an exception class of a module of the library.
pub fn class_of_module(module: &str, name: &str, bases: Vec<Ref<Class>>) -> Ref<Class> {
    let class = Class::builtin_with(name, bases, Layout::Exception);
    class.set(known().module, Value::str(module));
    class
}

/// Adds a note to an exception.
pub fn note(exception: &Instance, text: &str) {
    let notes = known().notes;
    match exception.get(notes) {
        Some(Value::List(list)) => list.push(Value::str(text)),
        _ => {
            exception.set(notes, Value::list(vec![Value::str(text)]));
        }
    }
}

/// Puts the methods of the exceptions into their classes.
pub fn install(types: &Types) {
    let class = |kind| &**types.exception(kind);
    let base = class(ExceptionKind::BaseException);
    define::static_methods(base, &[("__new__", new)]);
    define::methods(
        base,
        &[
            ("__init__", init),
            ("__repr__", repr),
            ("__str__", to_str),
            ("__reduce__", reduce),
            ("__setstate__", set_state),
            ("add_note", add_note),
            ("with_traceback", with_traceback),
        ],
    );
    define::methods(
        class(ExceptionKind::KeyError),
        &[("__str__", key_error_str)],
    );
    field(
        class(ExceptionKind::StopIteration),
        "value",
        |_, args| get_field(args, "value", |args| args.first().cloned()),
        |_, args| set_field(args, "value"),
    );
    field(
        class(ExceptionKind::SystemExit),
        "code",
        |_, args| get_field(args, "code", exit_code),
        |_, args| set_field(args, "code"),
    );
    install_named(types);
    install_syntax_error(class(ExceptionKind::SyntaxError));
    os_error::install(types);
    unicode_error::install(types);
    group::install(types);
}

/// Gives a class a field.
fn field(class: &Class, name: &'static str, get: NativeCall, set: NativeCall) {
    define::accessor(class, name, get, Some(set));
}

/// Fields that are read from an argument until they are set.
macro_rules! fields {
    ($class:expr; $($name:literal $default:expr),* $(,)?) => {$(
        $crate::library::exceptions::field(
            $class,
            $name,
            |_, args| $crate::library::exceptions::get_field(args, $name, $default),
            |_, args| $crate::library::exceptions::set_field(args, $name),
        );
    )*};
}
use fields;

/// The exception that is the receiver, and the arguments after it.
fn receiver<'a>(
    args: Args<'a>,
    method: &'static str,
) -> Outcome<(&'a Ref<Instance>, &'a ExceptionData, Args<'a>)> {
    let instance = args.positional().first().and_then(Value::as_instance);
    match instance.and_then(|instance| Some((instance, instance.exception()?))) {
        Some((instance, data)) => Ok((instance, data, args.rest())),
        None => Err(arguments::bad_receiver("BaseException", method, args)),
    }
}

/// A field's value: what was set, else what the arguments say, else `None`.
fn get_field(
    args: Args<'_>,
    name: &'static str,
    default: fn(&[Value]) -> Option<Value>,
) -> Outcome<Value> {
    let (instance, data, _) = receiver(args, name)?;
    Ok(field_of(instance, data, name, default))
}

fn field_of(
    instance: &Instance,
    data: &ExceptionData,
    name: &str,
    default: fn(&[Value]) -> Option<Value>,
) -> Value {
    let set = Name::find(name).and_then(|name| instance.get(name));
    set.or_else(|| default(&data.args())).unwrap_or(Value::None)
}

fn set_field(args: Args<'_>, name: &'static str) -> Outcome<Value> {
    let (instance, _, rest) = receiver(args, name)?;
    if let [value] = rest.values {
        instance.set(Name::new(name), value.clone());
    }
    Ok(Value::None)
}

fn exit_code(args: &[Value]) -> Option<Value> {
    match args {
        [] => None,
        [code] => Some(code.clone()),
        several => Some(Value::tuple(several.to_vec())),
    }
}

// ---- construction ----

/// An exception of this class with these arguments, as `__new__` makes it.
fn blank(class: &Ref<Class>, args: &[Value]) -> Ref<Instance> {
    Instance::new(
        class.clone(),
        Payload::Exception(Box::new(ExceptionData::new(args.to_vec()))),
    )
}

fn new(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let base = types().exception(ExceptionKind::BaseException);
    let (class, args) = class_argument(base, args)?;
    Ok(Value::Instance(blank(class, args.positional())))
}

fn init(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (instance, data, args) = receiver(args, "__init__")?;
    no_keywords(instance, args)?;
    set_args(data, args.values);
    Ok(Value::None)
}

/// Changes the arguments, unless they are these already.
fn set_args(data: &ExceptionData, new: &[Value]) {
    let old = data.args();
    let unchanged = old.len() == new.len() && old.iter().zip(new).all(|(a, b)| a.same(b));
    if !unchanged {
        data.set_args(new.to_vec());
    }
}

fn no_keywords(instance: &Instance, args: Args<'_>) -> Outcome<()> {
    if args.names.is_empty() {
        return Ok(());
    }
    Err(type_error(format!(
        "{}() takes no keyword arguments",
        instance.class().name()
    )))
}

/// `ImportError`, `AttributeError`, `NameError`: fields that are given by keyword.
fn install_named(types: &Types) {
    let import_error = types.exception(ExceptionKind::ImportError);
    define::methods(
        import_error,
        &[
            ("__init__", |_, args| {
                init_named(args, "ImportError", &["name", "path", "name_from"])
            }),
            ("__str__", import_error_str),
        ],
    );
    fields!(import_error;
        "name" |_| None,
        "path" |_| None,
        "name_from" |_| None,
        "msg" |args| match args {
            [message] => Some(message.clone()),
            _ => None,
        },
    );
    let attribute_error = types.exception(ExceptionKind::AttributeError);
    define::methods(
        attribute_error,
        &[("__init__", |_, args| {
            init_named(args, "AttributeError", &["name", "obj"])
        })],
    );
    fields!(attribute_error; "name" |_| None, "obj" |_| None);
    let name_error = types.exception(ExceptionKind::NameError);
    define::methods(
        name_error,
        &[("__init__", |_, args| {
            init_named(args, "NameError", &["name"])
        })],
    );
    fields!(name_error; "name" |_| None);
}

fn init_named(args: Args<'_>, class: &str, names: &[&'static str]) -> Outcome<Value> {
    let (instance, data, args) = receiver(args, "__init__")?;
    set_args(data, args.positional());
    for (name, value) in args.keywords() {
        if !names.contains(&name.as_str()) {
            return Err(type_error(format!(
                "{class}() got an unexpected keyword argument '{name}'"
            )));
        }
        instance.set(name, value.clone());
    }
    Ok(Value::None)
}

fn import_error_str(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (_, data, _) = receiver(args, "__str__")?;
    match &data.args()[..] {
        [message @ Value::Str(_)] => Ok(message.clone()),
        all => plain_text(cx, all).map(Value::from),
    }
}

/// `SyntaxError(message, (filename, lineno, offset, text, end_lineno, end_offset))`.
fn install_syntax_error(class: &Class) {
    /// The part of the second argument at an index.
    fn detail(args: &[Value], index: usize) -> Option<Value> {
        match args {
            [_, Value::Tuple(details)] => details.items().get(index).cloned(),
            _ => None,
        }
    }
    fields!(class;
        "msg" |args| args.first().cloned(),
        "filename" |args| detail(args, 0),
        "lineno" |args| detail(args, 1),
        "offset" |args| detail(args, 2),
        "text" |args| detail(args, 3),
        "end_lineno" |args| detail(args, 4),
        "end_offset" |args| detail(args, 5),
        "print_file_and_line" |_| None,
    );
    define::methods(
        class,
        &[
            ("__init__", init_syntax_error),
            ("__str__", syntax_error_str),
        ],
    );
}

fn init_syntax_error(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (instance, data, args) = receiver(args, "__init__")?;
    no_keywords(instance, args)?;
    if let [_, Value::Tuple(details)] = args.values {
        let count = details.items().len();
        if count < 4 {
            return Err(type_error(format!(
                "function takes at least 4 arguments ({count} given)"
            )));
        }
        if count > 6 {
            return Err(type_error(format!(
                "function takes at most 6 arguments ({count} given)"
            )));
        }
    }
    set_args(data, args.values);
    Ok(Value::None)
}

fn syntax_error_str(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let this = args.values.first().cloned().unwrap_or_default();
    receiver(args, "__str__")?;
    let message = attribute::get(cx, &this, Name::new("msg"))?;
    let message = text::to_str(cx, &message)?;
    let file = attribute::get(cx, &this, Name::new("filename"))?;
    let line = attribute::get(cx, &this, Name::new("lineno"))?;
    let file = file
        .as_str()
        .map(|path| path.rsplit('/').next().unwrap_or(path).to_owned());
    Ok(Value::from(match (file, line) {
        (Some(file), Value::Int(line)) => format!("{message} ({file}, line {line})"),
        (Some(file), _) => format!("{message} ({file})"),
        (None, Value::Int(line)) => format!("{message} (line {line})"),
        (None, _) => message,
    }))
}

// ---- texts ----

/// The text of an exception that has no text form of its own: nothing, the one argument, or all.
fn plain_text(cx: &mut Context, args: &[Value]) -> Outcome<String> {
    match args {
        [] => Ok(String::new()),
        [one] => text::to_str(cx, one),
        several => text::repr(cx, &Value::tuple(several.to_vec())),
    }
}

/// The text of an exception, what `str` gives; asks a script's `__str__` first.
///
/// # Errors
/// Whatever the texts of the arguments raise.
pub fn str_of(cx: &mut Context, exception: &Ref<Instance>) -> Outcome<String> {
    let value = Value::Instance(exception.clone());
    match exception.class().lookup(known().str) {
        Some(method) => {
            let result = cx.call_found(&method, &value, &[])?;
            match result.unwrapped() {
                Value::Str(text) => Ok(text.as_str().to_owned()),
                _ => Err(type_error(format!(
                    "__str__ returned non-string (type {})",
                    result.type_name()
                ))),
            }
        }
        None => text::to_str(cx, &value),
    }
}

fn to_str(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (_, data, _) = receiver(args, "__str__")?;
    plain_text(cx, &data.args()).map(Value::from)
}

fn key_error_str(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (_, data, _) = receiver(args, "__str__")?;
    // A key is shown as it is written: an empty text would say nothing.
    match &data.args()[..] {
        [key] => text::repr(cx, key),
        several => plain_text(cx, several),
    }
    .map(Value::from)
}

fn repr(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (instance, data, _) = receiver(args, "__repr__")?;
    let name = instance.class().name();
    Ok(Value::from(match &data.args()[..] {
        [one] => format!("{name}({})", text::repr(cx, one)?),
        several => format!("{name}{}", text::repr(cx, &Value::tuple(several.to_vec()))?),
    }))
}

// ---- other methods ----

fn reduce(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (instance, data, args) = receiver(args, "__reduce__")?;
    arguments::none("BaseException.__reduce__", args)?;
    let class = Value::Class(instance.class().clone());
    let arguments = Value::tuple(os_error::all_args(instance, data));
    Ok(Value::tuple_of([class, arguments]))
}

fn set_state(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (instance, _, rest) = receiver(args, "__setstate__")?;
    let this = Value::Instance(instance.clone());
    match arguments::one("BaseException.__setstate__", rest)?.unwrapped() {
        Value::None => {}
        Value::Dict(state) => {
            for (name, value) in state.entries()? {
                let name = Name::new(arguments::text(&name, "attribute name")?.as_str());
                attribute::set(cx, &this, name, value)?;
            }
        }
        _ => return Err(type_error("state is not a dictionary")),
    }
    Ok(Value::None)
}

fn add_note(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (instance, _, args) = receiver(args, "add_note")?;
    let note = arguments::one("BaseException.add_note", args)?;
    if !matches!(note.unwrapped(), Value::Str(_)) {
        return Err(type_error(format!(
            "note must be a str, not '{}'",
            note.type_name()
        )));
    }
    match instance.get(known().notes) {
        Some(Value::List(notes)) => notes.push(note.clone()),
        Some(_) => return Err(type_error("Cannot add note: __notes__ is not a list")),
        None => {
            instance.set(known().notes, Value::list(vec![note.clone()]));
        }
    }
    Ok(Value::None)
}

fn with_traceback(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (instance, _, args) = receiver(args, "with_traceback")?;
    let traceback = arguments::one("BaseException.with_traceback", args)?;
    let this = Value::Instance(instance.clone());
    attribute::set(cx, &this, known().traceback, traceback.clone())?;
    Ok(this)
}
