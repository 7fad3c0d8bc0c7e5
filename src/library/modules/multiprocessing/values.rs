//! The objects of `Value`, `Array`, `RawValue` and `RawArray`. It must not know how the types of C are stored, nor how an
//! array is read and written as one text.

use std::sync::{Arc, OnceLock};

use super::child::shared;
use super::locks::{self, LockObject, acquire_until};
use super::numbers::{KINDS, Kind};
use super::value_text::{get_raw, get_text, set_raw, set_text};
use crate::eval::context::Context;
use crate::eval::{attribute, import};
use crate::library::arguments::{self, Receiver, receiver};
use crate::library::parameters::Parameters;
use crate::library::{define, native_object};
use crate::runtime::shared_block::SharedBlock;
use crate::runtime::shared_wait::Until;
use crate::value::buffer::{ItemFormat, Items, Memory};
use crate::value::class::{Class, Layout};
use crate::value::exception::{
    ExceptionKind, Raised, attribute_error, index_error, type_error, value_error,
};
use crate::value::function::Args;
use crate::value::instance::NativeData;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value, iterate, sequence, text};

/// What one number, or an array of them, in shared memory carries.
pub struct NumberObject {
    pub(super) block: SharedBlock,
    pub(super) kind: Kind,
    /// The name of the type.
    pub(super) name: &'static str,
    /// How many; `None` for a single one.
    length: Option<usize>,
}

/// What a wrapper with a lock carries.
pub struct SynchronizedObject {
    /// The number or array.
    object: Value,
    lock: Value,
}

impl NativeData for NumberObject {
    fn bytes(&self) -> Option<Vec<u8>> {
        let mut bytes = vec![0; self.block.len()];
        self.block.read(0, &mut bytes).then_some(bytes)
    }

    fn memory(&self) -> Option<Arc<dyn Memory>> {
        Some(Arc::new(BlockMemory {
            block: self.block.clone(),
            kind: self.kind,
            is_array: self.length.is_some(),
        }))
    }
}

/// Numbers in shared memory as views have them.
struct BlockMemory {
    block: SharedBlock,
    kind: Kind,
    is_array: bool,
}

impl Memory for BlockMemory {
    fn items(&self) -> Items {
        Items {
            format: ItemFormat::Other(self.kind.format().into()),
            size: self.kind.size(),
            dimensions: usize::from(self.is_array),
        }
    }

    fn len(&self) -> usize {
        self.block.len()
    }

    fn read(&self, start: usize, to: &mut [u8]) {
        // Views stay within what there is.
        let _ = self.block.read(start, to);
    }

    fn write(&self, start: usize, from: &[u8]) {
        let _ = self.block.write(start, from);
    }
}

impl NativeData for SynchronizedObject {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.object);
        visit(&self.lock);
    }
}

impl Receiver for NumberObject {
    const CLASS: &'static str = "_SimpleCData";

    fn of(value: &Value) -> Option<&Self> {
        value.as_instance()?.native::<Self>()
    }
}

impl Receiver for SynchronizedObject {
    const CLASS: &'static str = "SynchronizedBase";

    fn of(value: &Value) -> Option<&Self> {
        value.as_instance()?.native::<Self>()
    }
}

/// The functions.
pub const FUNCTIONS: define::Entries<'_> = &[
    ("Value", value),
    ("Array", array),
    ("RawValue", raw_value),
    ("RawArray", raw_array),
];

/// What `multiprocessing.sharedctypes` has besides.
pub const MORE_FUNCTIONS: define::Entries<'_> =
    &[("synchronized", synchronized_call), ("copy", copy)];

/// The module that makes shared objects of classes with a layout.
const STRUCTURES: &str = "_shared_structures";

/// Whether a type is a structure or an array of `ctypes`.
fn is_structure(code: &Value) -> bool {
    matches!(code, Value::Class(class) if class.lookup(Name::new("_layout_")).is_some())
        && Kind::of(code).is_err()
}

/// The class of a wrapper for an object of `ctypes`; `None` for one with fields, whose wrapper has the same.
fn wrapper_of(object: &Value) -> Option<&'static Ref<Class>> {
    let instance = object.as_instance()?;
    let find = |name| instance.class().lookup(Name::new(name));
    match (find("_length_"), find("_type_")) {
        (Some(_), Some(kind)) => match Kind::of(&kind) {
            Ok((Kind::Char, _)) => Some(&classes().synchronized_string),
            _ => Some(&classes().synchronized_array),
        },
        (None, Some(_)) => Some(&classes().synchronized),
        _ => None,
    }
}

fn call_structures(cx: &mut Context, name: &'static str, args: &[Value]) -> Outcome<Value> {
    let module = import::module(cx, Name::new(STRUCTURES))?;
    let function = module.get(Name::new(name)).unwrap_or_default();
    cx.call(&function, args)
}

struct Classes {
    /// A class for each kind of number.
    simple: Vec<Ref<Class>>,
    array: Ref<Class>,
    synchronized: Ref<Class>,
    synchronized_array: Ref<Class>,
    synchronized_string: Ref<Class>,
}

fn classes() -> &'static Classes {
    static CLASSES: OnceLock<Classes> = OnceLock::new();
    CLASSES.get_or_init(|| {
        let make = |module: &'static str, name: &str, base: &Ref<Class>, layout: &'static str| {
            let class = Class::builtin(name, Some(base), Layout::Native(layout));
            class.set(known().module, Value::str(module));
            class
        };
        let object = &types().object;
        let simple_base = make("_ctypes", "_SimpleCData", object, "_SimpleCData");
        define::accessor(&simple_base, "value", get_number, Some(set_number));
        define::methods(&simple_base, &[("__repr__", repr_number)]);
        let array = make("_ctypes", "Array", object, "_SimpleCData");
        define::methods(
            &array,
            &[
                ("__len__", array_len),
                ("__getitem__", array_get),
                ("__setitem__", array_set),
                ("__iter__", array_iter),
                ("__repr__", repr_number),
            ],
        );
        define::accessor(&array, "value", get_text, Some(set_text));
        define::accessor(&array, "raw", get_raw, Some(set_raw));
        let module = "multiprocessing.sharedctypes";
        let base = make(module, "SynchronizedBase", object, "SynchronizedBase");
        define::methods(
            &base,
            &[
                ("get_obj", |_, args| {
                    Ok(wrapper(args, "get_obj")?.object.clone())
                }),
                ("get_lock", |_, args| {
                    Ok(wrapper(args, "get_lock")?.lock.clone())
                }),
                ("acquire", |cx, args| lock_call(cx, args, "acquire")),
                ("release", |cx, args| lock_call(cx, args, "release")),
                ("__enter__", |cx, args| lock_call(cx, args, "__enter__")),
                ("__exit__", |cx, args| lock_call(cx, args, "__exit__")),
                ("__repr__", repr_wrapper),
            ],
        );
        let synchronized = make(module, "Synchronized", &base, "SynchronizedBase");
        define::accessor(
            &synchronized,
            "value",
            wrapped_value,
            Some(set_wrapped_value),
        );
        let synchronized_array = make(module, "SynchronizedArray", &base, "SynchronizedBase");
        define::methods(
            &synchronized_array,
            &[
                ("__len__", |cx, args| {
                    let object = wrapper(args, "__len__")?.object.clone();
                    Ok(Value::size(sequence::length(cx, &object)?))
                }),
                ("__getitem__", wrapped_get),
                ("__setitem__", wrapped_set),
            ],
        );
        let synchronized_string = make(
            module,
            "SynchronizedString",
            &synchronized_array,
            "SynchronizedBase",
        );
        for (name, get, set) in [
            (
                "value",
                wrapped_value as crate::value::function::NativeCall,
                set_wrapped_value as crate::value::function::NativeCall,
            ),
            ("raw", wrapped_raw, set_wrapped_raw),
        ] {
            define::accessor(&synchronized_string, name, get, Some(set));
        }
        Classes {
            simple: KINDS
                .iter()
                .map(|(_, _, name)| make("ctypes", name, &simple_base, "_SimpleCData"))
                .collect(),
            array,
            synchronized,
            synchronized_array,
            synchronized_string,
        }
    })
}

/// The classes of wrappers, for `multiprocessing.sharedctypes`.
pub fn wrapper_classes() -> [(&'static str, &'static Ref<Class>); 3] {
    let classes = classes();
    [
        ("Synchronized", &classes.synchronized),
        ("SynchronizedArray", &classes.synchronized_array),
        ("SynchronizedString", &classes.synchronized_string),
    ]
}

// ---- construction ----

fn new_number(cx: &mut Context, code: &Value, args: &[Value]) -> Outcome<Value> {
    if is_structure(code) {
        let all: Vec<Value> = std::iter::once(code).chain(args).cloned().collect();
        return call_structures(cx, "new_value", &all);
    }
    let (kind, name) = Kind::of(code)?;
    if args.len() > 1 {
        return Err(type_error(format!(
            "{name} expected at most 1 argument, got {}",
            args.len()
        )));
    }
    let object = NumberObject {
        block: shared(SharedBlock::new(kind.size()))?,
        kind,
        name,
        length: None,
    };
    if let [value] = args {
        kind.write(cx, &object.block, 0, value)?;
    }
    let place = KINDS.iter().position(|(_, _, known)| *known == name);
    let class = &classes().simple[place.unwrap_or(0)];
    Ok(native_object::instance(class, object))
}

fn new_array(cx: &mut Context, code: &Value, given: &Value) -> Outcome<Value> {
    if is_structure(code) {
        return call_structures(cx, "new_array", &[code.clone(), given.clone()]);
    }
    let (kind, name) = Kind::of(code)?;
    let (length, items) = match given.unwrapped() {
        Value::Int(length) => match usize::try_from(*length) {
            Ok(length) => (length, Vec::new()),
            Err(_) => {
                return Err(value_error(format!(
                    "Array length must be >= 0, not {length}"
                )));
            }
        },
        Value::Bytes(bytes) if kind == Kind::Char => {
            let items = bytes.get().iter().map(|byte| Value::bytes([*byte]));
            (bytes.get().len(), items.collect())
        }
        _ => {
            let length = sequence::length(cx, given)?;
            (length, iterate::collect(cx, given)?)
        }
    };
    let Some(size) = length.checked_mul(kind.size()) else {
        return Err(crate::value::exception::memory_error(""));
    };
    let object = NumberObject {
        block: shared(SharedBlock::new(size))?,
        kind,
        name,
        length: Some(length),
    };
    for (index, item) in items.iter().take(length).enumerate() {
        kind.write(cx, &object.block, index, item)?;
    }
    Ok(native_object::instance(&classes().array, object))
}

fn raw_value(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let Some((code, rest)) = args.positional().split_first() else {
        return Err(type_error(
            "BaseContext.RawValue() missing 1 required positional argument: 'typecode_or_type'",
        ));
    };
    new_number(cx, code, rest)
}

fn raw_array(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const ARRAY: Parameters<2> = Parameters::method(
        "BaseContext.RawArray",
        ["typecode_or_type", "size_or_initializer"],
    )
    .required(2);
    let [code, given] = ARRAY.bind(args)?;
    new_array(
        cx,
        code.unwrap_or(&Value::None),
        given.unwrap_or(&Value::None),
    )
}

fn value(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let Some((code, rest)) = args.positional().split_first() else {
        return Err(type_error(
            "BaseContext.Value() missing 1 required positional argument: 'typecode_or_type'",
        ));
    };
    let mut lock = None;
    for (name, given) in args.keywords() {
        if name.as_str() != "lock" {
            return Err(type_error(format!(
                "BaseContext.Value() got an unexpected keyword argument '{name}'"
            )));
        }
        lock = Some(given);
    }
    let made = new_number(cx, code, rest)?;
    synchronized(made, lock, cx)
}

fn array(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const ARRAY: Parameters<3> = Parameters::method(
        "BaseContext.Array",
        ["typecode_or_type", "size_or_initializer", "lock"],
    )
    .required(2)
    .positional(2);
    let [code, given, lock] = ARRAY.bind(args)?;
    let made = new_array(
        cx,
        code.unwrap_or(&Value::None),
        given.unwrap_or(&Value::None),
    )?;
    synchronized(made, lock, cx)
}

/// Puts a wrapper with a lock around it, unless `lock` is false.
fn synchronized(object: Value, lock: Option<&Value>, cx: &mut Context) -> Outcome<Value> {
    let lock = match lock {
        Some(Value::Bool(false)) => return Ok(object),
        None | Some(Value::None | Value::Bool(true)) => locks::new_reentrant()?,
        Some(lock) => {
            if attribute::find(cx, lock, Name::new("acquire"))?.is_none() {
                return Err(attribute_error(format!(
                    "{} has no method 'acquire'",
                    text::repr(cx, lock)?
                )));
            }
            lock.clone()
        }
    };
    let classes = classes();
    let class = match NumberObject::of(&object) {
        Some(number) if number.length.is_none() => &classes.synchronized,
        Some(number) if number.kind == Kind::Char => &classes.synchronized_string,
        Some(_) => &classes.synchronized_array,
        None => match wrapper_of(&object) {
            Some(class) => class,
            None => return call_structures(cx, "synchronized", &[object, lock]),
        },
    };
    Ok(native_object::instance(
        class,
        SynchronizedObject { object, lock },
    ))
}

fn synchronized_call(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const SYNCHRONIZED: Parameters<3> =
        Parameters::method("synchronized", ["obj", "lock", "ctx"]).required(1);
    let [object, lock, _] = SYNCHRONIZED.bind(args)?;
    let object = object.cloned().unwrap_or_default();
    if SynchronizedObject::of(&object).is_some() {
        return Err(Raised::with_args(
            ExceptionKind::AssertionError,
            vec![Value::str("object already synchronized")],
        ));
    }
    synchronized(object, lock, cx)
}

/// `copy(obj)`: a shared object of its own with the same contents.
fn copy(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let given = arguments::one("copy", args)?;
    let Some(number) = NumberObject::of(given) else {
        let has_layout = given.as_instance().is_some_and(|instance| {
            let class = instance.class();
            class.lookup(Name::new("_layout_")).is_some()
        });
        if has_layout {
            return call_structures(cx, "copy", std::slice::from_ref(given));
        }
        return Err(type_error(format!(
            "a shared number or array is needed, not '{}'",
            given.type_name()
        )));
    };
    let object = NumberObject {
        block: shared(SharedBlock::new(number.block.len()))?,
        kind: number.kind,
        name: number.name,
        length: number.length,
    };
    if let Some(bytes) = number.bytes() {
        // It has the same length.
        let _ = object.block.write(0, &bytes);
    }
    let class = given.as_instance().map(|instance| instance.class());
    Ok(native_object::instance(
        class.unwrap_or(&classes().array),
        object,
    ))
}

// ---- numbers ----

pub(super) fn number<'a>(args: Args<'a>, method: &'static str) -> Outcome<&'a NumberObject> {
    Ok(receiver::<NumberObject>(args, method)?.0)
}

fn get_number(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let number = number(args, "value")?;
    Ok(number.kind.read(&number.block, 0))
}

fn set_number(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let number = number(args, "value")?;
    let value = args.values.get(1).cloned().unwrap_or_default();
    number.kind.write(cx, &number.block, 0, &value)?;
    Ok(Value::None)
}

fn repr_number(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let object = number(args, "__repr__")?;
    Ok(Value::str(match object.length {
        None => {
            let value = object.kind.read(&object.block, 0);
            format!("{}({})", object.name, text::repr(cx, &value)?)
        }
        Some(length) => format!(
            "<multiprocessing.sharedctypes.{}_Array_{length} object at {:#x}>",
            object.name,
            text::address(&args.values[0])
        ),
    }))
}

// ---- arrays ----

impl NumberObject {
    pub(super) fn len(&self) -> usize {
        self.length.unwrap_or(1)
    }

    /// The items of these indices: a text or bytes where the items are characters or bytes.
    pub(super) fn read_all(&self, indices: impl Iterator<Item = usize>) -> Value {
        if self.kind == Kind::Char {
            let bytes: Vec<u8> = indices
                .map(|index| {
                    let mut byte = [0];
                    let _ = self.block.read(index, &mut byte);
                    byte[0]
                })
                .collect();
            return Value::bytes(bytes);
        }
        let items = indices.map(|index| self.kind.read(&self.block, index));
        if self.kind == Kind::WideChar {
            let mut text = String::new();
            for item in items {
                text.push_str(item.as_str().unwrap_or_default());
            }
            return Value::from(text);
        }
        Value::list(items.collect())
    }

    fn index(&self, cx: &mut Context, key: &Value) -> Outcome<usize> {
        let Some(index) = sequence::try_index(cx, key)? else {
            return Err(type_error("indices must be integers"));
        };
        let index = arguments::integer(cx, &index)?;
        sequence::place(index, self.len()).ok_or_else(|| index_error("invalid index"))
    }
}

fn array_len(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    Ok(Value::size(number(args, "__len__")?.len()))
}

fn array_get(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [_, key] = arguments::exactly("__getitem__", args)?;
    let array = number(args, "__getitem__")?;
    if let Value::Slice(slice) = key {
        let indices = slice.indices(cx, array.len())?;
        return Ok(array.read_all(indices.places()));
    }
    let index = array.index(cx, key)?;
    Ok(array.kind.read(&array.block, index))
}

fn array_set(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [_, key, value] = arguments::exactly("__setitem__", args)?;
    let array = number(args, "__setitem__")?;
    if let Value::Slice(slice) = key {
        let indices = slice.indices(cx, array.len())?;
        let items = match value.unwrapped() {
            Value::Bytes(bytes) if array.kind == Kind::Char => bytes
                .get()
                .iter()
                .map(|byte| Value::bytes([*byte]))
                .collect(),
            _ => iterate::collect(cx, value)?,
        };
        let places: Vec<usize> = indices.places().collect();
        if items.len() != places.len() {
            return Err(value_error("Can only assign sequence of same size"));
        }
        for (index, item) in places.into_iter().zip(&items) {
            array.kind.write(cx, &array.block, index, item)?;
        }
        return Ok(Value::None);
    }
    let index = array.index(cx, key)?;
    array.kind.write(cx, &array.block, index, value)?;
    Ok(Value::None)
}

fn array_iter(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let array = number(args, "__iter__")?;
    let items = (0..array.len()).map(|index| array.kind.read(&array.block, index));
    let items = Value::list(items.collect());
    iterate::iterate(cx, &items)
}

// ---- wrappers ----

fn wrapper<'a>(args: Args<'a>, method: &'static str) -> Outcome<&'a SynchronizedObject> {
    Ok(receiver::<SynchronizedObject>(args, method)?.0)
}

fn lock_call(cx: &mut Context, args: Args<'_>, method: &'static str) -> Outcome<Value> {
    let lock = wrapper(args, method)?.lock.clone();
    let method = attribute::get(cx, &lock, Name::new(method))?;
    cx.call_with(&method, args.rest())
}

/// Does something while the wrapper's lock is held.
fn locked(
    cx: &mut Context,
    wrapper: &SynchronizedObject,
    work: impl FnOnce(&mut Context, &Value) -> Outcome<Value>,
) -> Outcome<Value> {
    let Some(own) = LockObject::of(&wrapper.lock) else {
        let lock = wrapper.lock.clone();
        cx.call_method(&lock, "acquire", &[])?;
        let result = work(cx, &wrapper.object);
        cx.call_method(&lock, "release", &[])?;
        return result;
    };
    acquire_until(cx, &own.lock, Until::Forever)?;
    let result = work(cx, &wrapper.object);
    // This thread acquired it.
    let _ = own.lock.release(&cx.thread);
    result
}

fn wrapped_value(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    get_wrapped(cx, args, "value")
}

fn wrapped_raw(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    get_wrapped(cx, args, "raw")
}

fn get_wrapped(cx: &mut Context, args: Args<'_>, name: &'static str) -> Outcome<Value> {
    let wrapper = wrapper(args, name)?;
    locked(cx, wrapper, |cx, object| {
        match NumberObject::of(object) {
            // The common case needs no look-up.
            Some(number) if number.length.is_none() => Ok(number.kind.read(&number.block, 0)),
            _ => attribute::get(cx, object, Name::new(name)),
        }
    })
}

fn set_wrapped_value(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    set_wrapped(cx, args, "value")
}

fn set_wrapped_raw(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    set_wrapped(cx, args, "raw")
}

fn set_wrapped(cx: &mut Context, args: Args<'_>, name: &'static str) -> Outcome<Value> {
    let wrapper = wrapper(args, name)?;
    let value = args.values.get(1).cloned().unwrap_or_default();
    locked(cx, wrapper, |cx, object| {
        attribute::set(cx, object, Name::new(name), value)?;
        Ok(Value::None)
    })
}

fn wrapped_get(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [_, key] = arguments::exactly("__getitem__", args)?;
    let wrapper = wrapper(args, "__getitem__")?;
    locked(cx, wrapper, |cx, object| {
        let args = [object.clone(), key.clone()];
        match NumberObject::of(object) {
            Some(_) => array_get(cx, Args::positional_only(&args)),
            None => cx.call_method(object, "__getitem__", &args[1..]),
        }
    })
}

fn wrapped_set(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [_, key, value] = arguments::exactly("__setitem__", args)?;
    let wrapper = wrapper(args, "__setitem__")?;
    locked(cx, wrapper, |cx, object| {
        let args = [object.clone(), key.clone(), value.clone()];
        match NumberObject::of(object) {
            Some(_) => array_set(cx, Args::positional_only(&args)),
            None => cx.call_method(object, "__setitem__", &args[1..]),
        }
    })
}

fn repr_wrapper(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let wrapper = wrapper(args, "__repr__")?;
    Ok(Value::str(format!(
        "<{} wrapper for {}>",
        args.values[0].type_name(),
        text::to_str(cx, &wrapper.object)?
    )))
}
