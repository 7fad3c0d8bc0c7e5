//! `os.environ` and its functions: a dict whose changes reach the process.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::sync::OnceLock;

use super::os::c_string;
use crate::eval::context::Context;
use crate::library::arguments::{self, Signature, receiver};
use crate::library::define::{self, Entries};
use crate::library::environment;
use crate::library::exceptions::from_io;
use crate::library::methods::dict;
use crate::value::class::{Class, Layout, Wrapped};
use crate::value::exception::{key_error, type_error, value_error};
use crate::value::function::Args;
use crate::value::instance::{Instance, Payload};
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Dict, Outcome, Value, text};

/// The functions.
pub(super) const FUNCTIONS: Entries<'_> = &[
    ("getenv", getenv),
    ("getenvb", getenvb),
    ("putenv", putenv),
    ("unsetenv", unsetenv),
];

/// The classes of `environ` and `environb`.
fn classes() -> &'static [Ref<Class>; 2] {
    static CLASSES: OnceLock<[Ref<Class>; 2]> = OnceLock::new();
    CLASSES.get_or_init(|| [(); 2].map(|()| class()))
}

fn class() -> Ref<Class> {
    let class = Class::builtin_with(
        "os._Environ",
        vec![types().dict.clone()],
        Layout::Wrapper(Wrapped::Dict),
    );
    define::methods(
        &class,
        &[
            ("__contains__", contains),
            ("__getitem__", get_item),
            ("__setitem__", set_item),
            ("__delitem__", delete_item),
            ("__ior__", update_in_place),
            ("__repr__", repr),
            ("clear", clear),
            ("copy", copy),
            ("get", get),
            ("pop", pop),
            ("popitem", pop_item),
            ("setdefault", set_default),
            ("update", update),
        ],
    );
    class
}

/// The environment as it is now, as an object whose changes reach the process.
pub(super) fn environ(cx: &mut Context, as_bytes: bool) -> Outcome<Value> {
    let dict = Dict::new();
    for (name, value) in environment::all() {
        let show = |bytes: &[u8]| {
            if as_bytes {
                Value::bytes(bytes)
            } else {
                Value::str(String::from_utf8_lossy(bytes).into_owned())
            }
        };
        dict.set(cx, show(name.as_bytes()), show(value.as_bytes()))?;
    }
    let class = &classes()[usize::from(as_bytes)];
    Ok(Value::Instance(Instance::new(
        class.clone(),
        Payload::Value(Value::Dict(Ref::new(dict))),
    )))
}

/// The text or bytes of a name or value, as the C library takes it.
fn native(this: &Value, value: &Value) -> Outcome<CString> {
    let wants_bytes = this.class().same(&classes()[1]);
    match value.unwrapped() {
        Value::Str(text) if !wants_bytes => c_string(text.as_str().as_bytes()),
        Value::Bytes(bytes) if wants_bytes => c_string(bytes.get()),
        other => Err(type_error(format!(
            "{} expected, not {}",
            if wants_bytes { "bytes" } else { "str" },
            other.type_name()
        ))),
    }
}

fn change(this: &Value, name: &Value, value: &Value) -> Outcome<()> {
    let (name, value) = (native(this, name)?, native(this, value)?);
    check_name(&name)?;
    environment::set(&name, &value).map_err(|error| from_io(&error, None))
}

fn check_name(name: &CString) -> Outcome<()> {
    if name.as_bytes().contains(&b'=') {
        return Err(value_error("illegal environment variable name"));
    }
    if name.as_bytes().is_empty() {
        let error = std::io::Error::from_raw_os_error(libc::EINVAL);
        return Err(from_io(&error, None));
    }
    Ok(())
}

fn forget(this: &Value, name: &Value) -> Outcome<()> {
    let name = native(this, name)?;
    environment::remove(&name).map_err(|error| from_io(&error, None))
}

type Receiver = Ref<Dict>;

fn contains(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (dict, rest) = receiver::<Receiver>(args, "__contains__")?;
    let [name] = arguments::exactly("__contains__", rest)?;
    native(&args.values[0], name)?;
    dict.contains(cx, name).map(Value::Bool)
}

fn get_item(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (dict, rest) = receiver::<Receiver>(args, "__getitem__")?;
    let [name] = arguments::exactly("__getitem__", rest)?;
    native(&args.values[0], name)?;
    dict.get(cx, name)?.ok_or_else(|| key_error(name.clone()))
}

fn get(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (dict, rest) = receiver::<Receiver>(args, "get")?;
    let values = arguments::between("get", rest, 1, 2)?;
    native(&args.values[0], &values[0])?;
    match dict.get(cx, &values[0])? {
        Some(value) => Ok(value),
        None => Ok(values.get(1).cloned().unwrap_or_default()),
    }
}

fn set_item(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (dict, rest) = receiver::<Receiver>(args, "__setitem__")?;
    let [name, value] = arguments::exactly("__setitem__", rest)?;
    change(&args.values[0], name, value)?;
    dict.set(cx, name.clone(), value.clone())?;
    Ok(Value::None)
}

fn delete_item(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (dict, rest) = receiver::<Receiver>(args, "__delitem__")?;
    let [name] = arguments::exactly("__delitem__", rest)?;
    native(&args.values[0], name)?;
    match dict.remove(cx, name)? {
        Some(_) => {
            forget(&args.values[0], name)?;
            Ok(Value::None)
        }
        None => Err(key_error(name.clone())),
    }
}

fn clear(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (dict, _) = receiver::<Receiver>(args, "clear")?;
    while let Some((name, _)) = dict.pop_last() {
        forget(&args.values[0], &name)?;
    }
    Ok(Value::None)
}

fn copy(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (dict, _) = receiver::<Receiver>(args, "copy")?;
    Ok(Value::Dict(Ref::new(dict.copy()?)))
}

fn pop(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (dict, rest) = receiver::<Receiver>(args, "pop")?;
    let values = arguments::between("pop", rest, 1, 2)?;
    native(&args.values[0], &values[0])?;
    match (dict.remove(cx, &values[0])?, values.get(1)) {
        (Some((name, value)), _) => {
            forget(&args.values[0], &name)?;
            Ok(value)
        }
        (None, Some(default)) => Ok(default.clone()),
        (None, None) => Err(key_error(values[0].clone())),
    }
}

fn pop_item(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (dict, _) = receiver::<Receiver>(args, "popitem")?;
    match dict.pop_last() {
        Some((name, value)) => {
            forget(&args.values[0], &name)?;
            Ok(Value::tuple_of([name, value]))
        }
        None => Err(key_error("popitem(): dictionary is empty".into())),
    }
}

fn set_default(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (dict, rest) = receiver::<Receiver>(args, "setdefault")?;
    let [name, value] = arguments::exactly("setdefault", rest)?;
    if let Some(known) = dict.get(cx, name)? {
        return Ok(known);
    }
    change(&args.values[0], name, value)?;
    dict.insert_if_missing(cx, name.clone(), value.clone())
}

fn update(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (dict, rest) = receiver::<Receiver>(args, "update")?;
    let new = Ref::new(Dict::new());
    dict::update_with(cx, &new, "update", rest)?;
    for (name, value) in new.entries()? {
        change(&args.values[0], &name, &value)?;
        dict.set(cx, name, value)?;
    }
    Ok(Value::None)
}

fn update_in_place(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    update(cx, args)?;
    Ok(args.values[0].clone())
}

fn repr(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (dict, _) = receiver::<Receiver>(args, "__repr__")?;
    let inner = text::repr(cx, &Value::Dict(dict.clone()))?;
    Ok(Value::str(format!("environ({inner})")))
}

// ---- functions ----

const GETENV: Signature<2> = Signature::new("getenv", ["key", "default"]).required(1);

/// The session's own `os.environ`, which may have been changed without the process knowing.
fn lookup(cx: &mut Context, args: Args<'_>, attribute: &str) -> Outcome<Value> {
    let [key, default] = GETENV.bind(args)?;
    let key = key.cloned().unwrap_or_default();
    let os = crate::eval::import::module(cx, Name::new("os"))?;
    let environ = os.get(Name::new(attribute)).unwrap_or_default();
    if environ.class().same(&classes()[0]) || environ.class().same(&classes()[1]) {
        native(&environ, &key)?;
    }
    match crate::value::sequence::contains(cx, &environ, &key)? {
        true => crate::value::sequence::get_item(cx, &environ, &key),
        false => Ok(default.cloned().unwrap_or_default()),
    }
}

fn getenv(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    lookup(cx, args, "environ")
}

fn getenvb(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    lookup(cx, args, "environb")
}

fn either(value: &Value) -> Outcome<CString> {
    match value.unwrapped() {
        Value::Str(text) => c_string(text.as_str().as_bytes()),
        Value::Bytes(bytes) => c_string(bytes.get()),
        other => Err(type_error(format!(
            "expected str, bytes or os.PathLike object, not {}",
            other.type_name()
        ))),
    }
}

fn putenv(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [name, value] = arguments::exactly("putenv", args)?;
    let (name, value) = (either(name)?, either(value)?);
    check_name(&name)?;
    environment::set(&name, &value).map_err(|error| from_io(&error, None))?;
    Ok(Value::None)
}

fn unsetenv(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let name = either(arguments::one("posix.unsetenv", args)?)?;
    environment::remove(&name).map_err(|error| from_io(&error, None))?;
    Ok(Value::None)
}
