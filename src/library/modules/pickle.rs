//! `pickle`: objects as bytes, and back. The bytes are those of messages, in a frame of Python's;
//! Python cannot read what is in it, nor the other way round. Functions and classes that a module
//! has a name for go by that name, others by what they are.

use std::sync::OnceLock;

use crate::eval::attribute;
use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::arguments::{self, Receiver, receiver};
use crate::library::message::{self, Destination, Parcel};
use crate::library::parameters::Parameters;
use crate::library::{define, native_object};
use crate::value::class::{Class, Layout};
use crate::value::exception::{self, ExceptionKind, Raised, type_error, value_error};
use crate::value::function::Args;
use crate::value::instance::NativeData;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value, sequence};

/// The highest protocol that is accepted; they all mean the same.
const HIGHEST: i64 = 5;
const DEFAULT: i64 = 4;

/// What every pickle begins with: a protocol of Python's, and a frame, whose length follows.
const HEAD: [u8; 3] = [0x80, 5, 0x95];

/// What every pickle ends with.
const END: u8 = b'.';

/// The exceptions.
struct Errors {
    base: Ref<Class>,
    pickling: Ref<Class>,
    unpickling: Ref<Class>,
}

fn errors() -> &'static Errors {
    static ERRORS: OnceLock<Errors> = OnceLock::new();
    ERRORS.get_or_init(|| {
        let make = |name: &str, base: &Ref<Class>| {
            let class = Class::builtin_with(name, vec![base.clone()], Layout::Exception);
            class.set(known().module, Value::str("_pickle"));
            class
        };
        let base = make("PickleError", types().exception(ExceptionKind::Exception));
        Errors {
            pickling: make("PicklingError", &base),
            unpickling: make("UnpicklingError", &base),
            base,
        }
    })
}

#[cold]
fn unpickling(message: impl Into<String>) -> Raised {
    let args = vec![Value::str(message.into())];
    Raised::instance(exception::make(errors().unpickling.clone(), args))
}

/// What an object becomes.
fn pickle(cx: &mut Context, value: &Value) -> Outcome<Vec<u8>> {
    let mut parcel = Parcel {
        destination: Destination::File,
        ..Parcel::default()
    };
    let body = message::encode_into(cx, value, message::Receiver::default(), &mut parcel)?;
    let mut bytes = Vec::with_capacity(body.len() + 12);
    bytes.extend_from_slice(&HEAD);
    bytes.extend_from_slice(&(body.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&body);
    bytes.push(END);
    Ok(bytes)
}

/// What precedes the body: how long that is.
fn length(head: &[u8]) -> Outcome<usize> {
    let Some(&first) = head.first() else {
        return Err(Raised::new(ExceptionKind::EOFError, "Ran out of input"));
    };
    if first != HEAD[0] {
        let shown = char::from(first);
        let shown = match shown.is_ascii_graphic() || shown == ' ' {
            true => format!("invalid load key, '{shown}'."),
            false => format!("invalid load key, '\\x{first:02x}'."),
        };
        return Err(unpickling(shown));
    }
    let Some((start, rest)) = head.split_first_chunk::<3>() else {
        return Err(truncated());
    };
    if *start != HEAD {
        return Err(foreign());
    }
    let Some(length) = rest.first_chunk::<8>() else {
        return Err(truncated());
    };
    usize::try_from(u64::from_le_bytes(*length)).map_err(|_| truncated())
}

#[cold]
fn truncated() -> Raised {
    unpickling("pickle data was truncated")
}

#[cold]
fn foreign() -> Raised {
    unpickling("not a pickle that conc wrote: those of Python cannot be read")
}

fn unpickle(cx: &mut Context, body: &[u8]) -> Outcome<Value> {
    message::decode(cx, body).map_err(|raised| match message::is_damage(&raised) {
        true => foreign(),
        false => raised,
    })
}

fn check_protocol(cx: &mut Context, protocol: Option<&Value>) -> Outcome<()> {
    let Some(protocol) = protocol.filter(|protocol| !protocol.is_none()) else {
        return Ok(());
    };
    match arguments::integer(cx, protocol)? {
        number if number > HIGHEST => {
            Err(value_error(format!("pickle protocol must be <= {HIGHEST}")))
        }
        _ => Ok(()),
    }
}

/// `dumps(obj, protocol=None, …)`.
fn dumps(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const DUMPS: Parameters<4> = Parameters::function(
        "dumps",
        ["obj", "protocol", "fix_imports", "buffer_callback"],
    )
    .required(1)
    .positional(2);
    let [object, protocol, ..] = DUMPS.bind(args)?;
    check_protocol(cx, protocol)?;
    let bytes = pickle(cx, object.unwrap_or(&Value::None))?;
    Ok(Value::bytes(bytes))
}

/// `dump(obj, file, protocol=None, …)`.
fn dump(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const DUMP: Parameters<5> = Parameters::function(
        "dump",
        ["obj", "file", "protocol", "fix_imports", "buffer_callback"],
    )
    .required(2)
    .positional(3);
    let [object, file, protocol, ..] = DUMP.bind(args)?;
    check_protocol(cx, protocol)?;
    write(
        cx,
        file.unwrap_or(&Value::None),
        object.unwrap_or(&Value::None),
    )
}

fn write(cx: &mut Context, file: &Value, object: &Value) -> Outcome<Value> {
    let Some(write) = attribute::find(cx, file, Name::new("write"))? else {
        return Err(type_error("file must have a 'write' attribute"));
    };
    let bytes = pickle(cx, object)?;
    cx.call(&write, &[Value::bytes(bytes)])?;
    Ok(Value::None)
}

/// `loads(data, …)`.
fn loads(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const LOADS: Parameters<5> = Parameters::function(
        "loads",
        ["data", "fix_imports", "encoding", "errors", "buffers"],
    )
    .required(1)
    .positional(1);
    let [data, ..] = LOADS.bind(args)?;
    let data = data.unwrap_or(&Value::None);
    let Some(bytes) = sequence::bytes_like(data) else {
        return Err(type_error(format!(
            "a bytes-like object is required, not '{}'",
            data.type_name()
        )));
    };
    let count = length(&bytes)?;
    let body = bytes[11..].get(..count).ok_or_else(truncated)?;
    if bytes.get(11 + count) != Some(&END) {
        return Err(truncated());
    }
    unpickle(cx, body)
}

/// `load(file, …)`.
fn load(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const LOAD: Parameters<5> = Parameters::function(
        "load",
        ["file", "fix_imports", "encoding", "errors", "buffers"],
    )
    .required(1)
    .positional(1);
    let [file, ..] = LOAD.bind(args)?;
    read(cx, file.unwrap_or(&Value::None))
}

fn read(cx: &mut Context, file: &Value) -> Outcome<Value> {
    let found = (
        attribute::find(cx, file, Name::new("read"))?,
        attribute::find(cx, file, Name::new("readline"))?,
    );
    let (Some(read), Some(_)) = found else {
        return Err(type_error(
            "file must have 'read' and 'readline' attributes",
        ));
    };
    let head = read_exactly(cx, &read, 11)?;
    let count = length(&head)?;
    // What is not there takes no memory: it is read as far as it goes.
    let rest = read_exactly(cx, &read, count.saturating_add(1))?;
    match rest.split_last() {
        Some((&END, body)) if body.len() == count => unpickle(cx, body),
        _ => Err(truncated()),
    }
}

/// So much is asked of a file at a time.
const PIECE: usize = 1 << 20;

fn read_exactly(cx: &mut Context, read: &Value, count: usize) -> Outcome<Vec<u8>> {
    let mut all = Vec::new();
    while all.len() < count {
        let piece = (count - all.len()).min(PIECE);
        let got = cx.call(read, &[Value::size(piece)])?;
        let Some(bytes) = sequence::bytes_like(&got) else {
            return Err(type_error(format!(
                "a bytes-like object is required, not '{}'",
                got.type_name()
            )));
        };
        if bytes.is_empty() {
            break;
        }
        all.extend_from_slice(&bytes);
    }
    Ok(all)
}

/// What a `Pickler` and an `Unpickler` carry.
struct FileObject {
    file: Value,
}

impl NativeData for FileObject {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.file);
    }
}

impl Receiver for FileObject {
    const CLASS: &'static str = "Pickler";

    fn of(value: &Value) -> Option<&Self> {
        value.as_instance()?.native::<Self>()
    }
}

fn pickler() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native("Pickler");
        class.set(known().module, Value::str("_pickle"));
        define::static_methods(
            &class,
            &[("__new__", |cx, args| {
                const NEW: Parameters<4> = Parameters::function(
                    "Pickler",
                    ["file", "protocol", "fix_imports", "buffer_callback"],
                )
                .required(1);
                let [file, protocol, ..] = NEW.bind(args.rest())?;
                check_protocol(cx, protocol)?;
                let file = file.cloned().unwrap_or_default();
                if attribute::find(cx, &file, Name::new("write"))?.is_none() {
                    return Err(type_error("file must have a 'write' attribute"));
                }
                native_object::new(pickler(), args, FileObject { file })
            })],
        );
        define::methods(
            &class,
            &[
                ("dump", |cx, args| {
                    let (own, rest) = receiver::<FileObject>(args, "dump")?;
                    let object = arguments::one("Pickler.dump", rest)?;
                    write(cx, &own.file, object)
                }),
                // Every pickle stands for itself.
                ("clear_memo", |_, _| Ok(Value::None)),
            ],
        );
        class
    })
}

fn unpickler() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native("Unpickler");
        class.set(known().module, Value::str("_pickle"));
        define::static_methods(
            &class,
            &[("__new__", |cx, args| {
                const NEW: Parameters<5> = Parameters::function(
                    "Unpickler",
                    ["file", "fix_imports", "encoding", "errors", "buffers"],
                )
                .required(1);
                let [file, ..] = NEW.bind(args.rest())?;
                let file = file.cloned().unwrap_or_default();
                if attribute::find(cx, &file, Name::new("read"))?.is_none() {
                    return Err(type_error(
                        "file must have 'read' and 'readline' attributes",
                    ));
                }
                native_object::new(unpickler(), args, FileObject { file })
            })],
        );
        define::methods(
            &class,
            &[("load", |cx, args| {
                let (own, rest) = receiver::<FileObject>(args, "load")?;
                arguments::none("Unpickler.load", rest)?;
                read(cx, &own.file)
            })],
        );
        class
    })
}

/// `pickle`.
///
/// # Errors
/// None today.
pub fn module(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = super::with_functions(
        "pickle",
        &[
            ("dumps", dumps),
            ("dump", dump),
            ("loads", loads),
            ("load", load),
        ],
    );
    let errors = errors();
    for (name, class) in [
        ("PickleError", &errors.base),
        ("PicklingError", &errors.pickling),
        ("UnpicklingError", &errors.unpickling),
        ("Pickler", pickler()),
        ("Unpickler", unpickler()),
    ] {
        module.set(Name::new(name), Value::Class(class.clone()));
    }
    module.set(Name::new("HIGHEST_PROTOCOL"), Value::Int(HIGHEST));
    module.set(Name::new("DEFAULT_PROTOCOL"), Value::Int(DEFAULT));
    module.set(Name::new("format_version"), Value::str("4.0"));
    Ok(module)
}
