//! `object`: what every value has.

use std::collections::HashSet;

use crate::eval::attribute;
use crate::eval::class::{abstract_methods, blank};
use crate::eval::context::Context;
use crate::library::arguments;
use crate::library::define;
use crate::value::class::{Class, Layout};
use crate::value::exception::{attribute_error, memory_error, type_error};
use crate::value::function::{Args, NativeCall};
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::operator::Comparison;
use crate::value::types::types;
use crate::value::{Outcome, Value, compare, hash, text};

/// Puts the methods into the class.
pub fn install() {
    let types = types();
    for (class, new) in [
        (&types.none, new_none as NativeCall),
        (&types.ellipsis, new_ellipsis),
        (&types.not_implemented, new_not_implemented),
    ] {
        define::static_methods(class, &[("__new__", new)]);
    }
    for class in [&types.none, &types.ellipsis, &types.not_implemented] {
        define::methods(class, &[("__repr__", repr_constant)]);
    }
    define::methods(&types.none, &[("__bool__", |_, _| Ok(Value::Bool(false)))]);
    let class = &types.object;
    define::static_methods(class, &[("__new__", new)]);
    define::class_methods(
        class,
        &[
            ("__init_subclass__", init_subclass),
            ("__subclasshook__", |_, _| Ok(Value::NotImplemented)),
        ],
    );
    define::methods(
        class,
        &[
            ("__init__", init),
            ("__repr__", repr),
            ("__str__", str_of),
            ("__hash__", hash_of),
            ("__format__", format),
            ("__getattribute__", getattribute),
            ("__setattr__", setattr),
            ("__delattr__", delattr),
            ("__dir__", dir),
            ("__sizeof__", memory_size),
        ],
    );
    define::comparisons!(class, compared);
}

fn receiver<'a>(args: Args<'a>, method: &str) -> Outcome<(&'a Value, Args<'a>)> {
    match args.positional().first() {
        Some(receiver) => Ok((receiver, args.rest())),
        None => Err(type_error(format!(
            "descriptor '{method}' of 'object' object needs an argument"
        ))),
    }
}

/// Whether a class finds under this name something else than `object` has.
fn overridden(class: &Class, name: Name) -> bool {
    match (class.lookup(name), types().object.own(name)) {
        (Some(found), Some(own)) => !found.same(&own),
        _ => false,
    }
}

fn new(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (class, rest) = super::construct::class_argument(&types().object, args)?;
    if let missing @ [_, ..] = &abstract_methods(cx, class)?[..] {
        let names: Vec<String> = missing.iter().map(|name| format!("'{name}'")).collect();
        return Err(type_error(format!(
            "Can't instantiate abstract class {} without an implementation for abstract method{} {}",
            class.name(),
            if names.len() == 1 { "" } else { "s" },
            names.join(", ")
        )));
    }
    if !rest.values.is_empty() {
        if overridden(class, known().new) {
            return Err(type_error(
                "object.__new__() takes exactly one argument (the type to instantiate)",
            ));
        }
        if !overridden(class, known().init) {
            return Err(type_error(format!("{}() takes no arguments", class.name())));
        }
    }
    match class.layout() {
        Layout::Object => Ok(Value::Instance(blank(class))),
        _ => {
            let name = storage_base(class).name();
            Err(type_error(format!(
                "object.__new__({}) is not safe, use {name}.__new__()",
                class.name()
            )))
        }
    }
}

/// The one value of a class that has no other.
fn only(own: &Class, args: Args<'_>, value: Value) -> Outcome<Value> {
    let (class, rest) = super::construct::class_argument(own, args)?;
    if rest.values.is_empty() {
        Ok(value)
    } else {
        Err(type_error(format!("{} takes no arguments", class.name())))
    }
}

fn repr_constant(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (receiver, _) = receiver(args, "__repr__")?;
    text::repr(cx, receiver).map(Value::str)
}

fn new_none(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    only(&types().none, args, Value::None)
}

fn new_ellipsis(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    only(&types().ellipsis, args, Value::Ellipsis)
}

fn new_not_implemented(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    only(&types().not_implemented, args, Value::NotImplemented)
}

/// The built-in class that a class's storage comes from.
fn storage_base(class: &Ref<Class>) -> &Ref<Class> {
    if class.is_builtin() {
        return class;
    }
    class
        .ancestors()
        .iter()
        .find(|base| base.is_builtin() && base.layout() == class.layout())
        .unwrap_or(class)
}

fn init(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (receiver, rest) = receiver(args, "__init__")?;
    if !rest.values.is_empty() {
        let class = receiver.class();
        if overridden(class, known().init) || !overridden(class, known().new) {
            return Err(type_error(
                "object.__init__() takes exactly one argument (the instance to initialize)",
            ));
        }
    }
    Ok(Value::None)
}

fn init_subclass(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let class = match args.values.first() {
        Some(Value::Class(class)) => class.name().as_str(),
        _ => "object",
    };
    arguments::none(&format!("{class}.__init_subclass__"), args.rest())?;
    Ok(Value::None)
}

fn repr(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (receiver, rest) = receiver(args, "__repr__")?;
    arguments::none("object.__repr__", rest)?;
    text::repr_default(cx, receiver).map(Value::str)
}

fn str_of(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (receiver, rest) = receiver(args, "__str__")?;
    arguments::none("object.__str__", rest)?;
    text::repr(cx, receiver).map(Value::str)
}

fn hash_of(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (receiver, rest) = receiver(args, "__hash__")?;
    arguments::none("object.__hash__", rest)?;
    Ok(Value::Int(hash::identity(receiver)))
}

fn format(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (receiver, rest) = receiver(args, "__format__")?;
    let spec = arguments::one("object.__format__", rest)?;
    if !arguments::text(spec, "__format__() argument")?.is_empty() {
        return Err(type_error(format!(
            "unsupported format string passed to {}.__format__",
            receiver.type_name()
        )));
    }
    text::to_str(cx, receiver).map(Value::str)
}

fn compared(cx: &mut Context, args: Args<'_>, comparison: Comparison) -> Outcome<Value> {
    let name = comparison.method().as_str();
    let (receiver, rest) = receiver(args, name)?;
    let other = arguments::exactly::<1>("", rest)?;
    compare::compare_object(cx, comparison, receiver, &other[0])
}

/// The attribute name that an argument is.
///
/// # Errors
/// `TypeError` when it is no string, `MemoryError` for one more name than there is memory for.
pub fn attribute_name(value: &Value) -> Outcome<Name> {
    match value.unwrapped() {
        Value::Str(text) => Name::try_new(text.as_str()).ok_or_else(|| memory_error("")),
        other => Err(type_error(format!(
            "attribute name must be string, not '{}'",
            other.type_name()
        ))),
    }
}

fn getattribute(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (receiver, rest) = receiver(args, "__getattribute__")?;
    let name = attribute_name(arguments::one("object.__getattribute__", rest)?)?;
    let found = match receiver {
        Value::Instance(instance) => attribute::find_plainly(cx, receiver, instance, name)?,
        other => attribute::find(cx, other, name)?,
    };
    found.ok_or_else(|| {
        attribute_error(format!(
            "'{}' object has no attribute '{name}'",
            receiver.type_name()
        ))
    })
}

fn setattr(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (receiver, rest) = receiver(args, "__setattr__")?;
    let [name, value] = arguments::exactly("", rest)?;
    let name = attribute_name(name)?;
    match receiver {
        Value::Instance(instance) => {
            attribute::set_plainly(cx, receiver, instance, name, value.clone())?;
        }
        other => attribute::set(cx, other, name, value.clone())?,
    }
    Ok(Value::None)
}

fn delattr(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (receiver, rest) = receiver(args, "__delattr__")?;
    let name = attribute_name(arguments::one("object.__delattr__", rest)?)?;
    match receiver {
        Value::Instance(instance) => attribute::delete_plainly(cx, receiver, instance, name)?,
        other => attribute::delete(cx, other, name)?,
    }
    Ok(Value::None)
}

fn dir(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (receiver, rest) = receiver(args, "__dir__")?;
    arguments::none("object.__dir__", rest)?;
    Ok(Value::list(
        names_of(receiver).into_iter().map(Name::value).collect(),
    ))
}

/// The names of a value's own attributes and those of its class.
pub fn names_of(value: &Value) -> Vec<Name> {
    let mut names = Vec::new();
    let mut known = HashSet::new();
    let mut add = |name: Name| {
        if known.insert(name) {
            names.push(name);
        }
    };
    match value {
        Value::Instance(instance) => {
            instance.entries().iter().for_each(|entry| add(entry.0));
        }
        Value::Function(function) => {
            function.attributes().iter().for_each(|entry| add(entry.0));
        }
        Value::Module(module) => {
            module.entries().iter().for_each(|entry| add(entry.0));
            return names;
        }
        Value::Class(class) => {
            for class in std::iter::once(class).chain(class.ancestors()) {
                class.entries().iter().for_each(|entry| add(entry.0));
            }
            return names;
        }
        _ => {}
    }
    let class = value.class();
    for class in std::iter::once(class).chain(class.ancestors()) {
        class.entries().iter().for_each(|entry| add(entry.0));
    }
    add(Name::new("__class__"));
    add(Name::new("__doc__"));
    names
}

fn memory_size(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (receiver, rest) = receiver(args, "__sizeof__")?;
    arguments::none("object.__sizeof__", rest)?;
    Ok(Value::size(bytes_of(receiver)))
}

/// About how many bytes of memory a value takes by itself.
pub fn bytes_of(value: &Value) -> usize {
    let word = size_of::<Value>();
    let header = word;
    match value.unwrapped() {
        Value::Str(text) => header + 3 * word + text.as_str().len(),
        Value::Bytes(bytes) => header + word + bytes.get().len(),
        Value::BigInt(number) => header + word + number.get().bits().div_ceil(8) as usize,
        Value::Tuple(tuple) => header + word + size_of_val(tuple.items()),
        Value::List(list) => header + 2 * word + list.len() * word,
        Value::Dict(dict) => header + 4 * word + dict.len() * 3 * word,
        Value::Set(set) | Value::FrozenSet(set) => header + 4 * word + set.len() * 2 * word,
        Value::Instance(instance) => header + 6 * word + instance.entries().len() * word,
        other if other.is_object() => header + 4 * word,
        _ => word,
    }
}
