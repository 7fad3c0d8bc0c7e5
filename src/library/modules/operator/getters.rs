//! `itemgetter`, `attrgetter`, `methodcaller`: functions that look something up in their argument.
//! It must not know what they are used for.

use std::sync::OnceLock;

use crate::eval::attribute;
use crate::eval::context::Context;
use crate::library::arguments::{at_least, one};
use crate::library::message::Codec;
use crate::library::methods::construct::class_argument;
use crate::library::{define, native_object};
use crate::value::class::Class;
use crate::value::exception::{type_error, value_error};
use crate::value::function::Args;
use crate::value::instance::NativeData;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Dict, Outcome, Value, sequence, text};

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Item,
    Attribute,
    Method,
}

struct Getter {
    kind: Kind,
    /// The items or attributes, or a method's arguments.
    values: Vec<Value>,
    /// The dotted names of attributes, or the name of a method.
    paths: Vec<Vec<Name>>,
    /// The names of the last of a method's arguments.
    names: Vec<Name>,
}

impl NativeData for Getter {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        self.values.iter().for_each(visit);
    }
}

const NAMES: [&str; 3] = [
    "operator.itemgetter",
    "operator.attrgetter",
    "operator.methodcaller",
];

/// The classes.
pub(super) fn classes() -> &'static [Ref<Class>; 3] {
    static CLASSES: OnceLock<[Ref<Class>; 3]> = OnceLock::new();
    CLASSES.get_or_init(|| {
        let class = |kind: Kind| {
            let name = NAMES[kind as usize];
            let class = Class::native(name);
            let new: crate::value::function::NativeCall = match kind {
                Kind::Item => |_, args| new(args, Kind::Item),
                Kind::Attribute => |_, args| new(args, Kind::Attribute),
                Kind::Method => |_, args| new(args, Kind::Method),
            };
            define::static_methods(&class, &[("__new__", new)]);
            define::methods(
                &class,
                &[
                    ("__init__", |_, _| Ok(Value::None)),
                    ("__call__", call),
                    ("__repr__", repr),
                    ("__reduce__", reduce),
                ],
            );
            class
        };
        [
            class(Kind::Item),
            class(Kind::Attribute),
            class(Kind::Method),
        ]
    })
}

fn path(name: &Value, message: &str) -> Outcome<Vec<Name>> {
    match name.unwrapped().as_str() {
        Some(text) => Ok(text.split('.').map(Name::new).collect()),
        None => Err(type_error(message)),
    }
}

fn new(args: Args<'_>, kind: Kind) -> Outcome<Value> {
    let (class, rest) = class_argument(&classes()[kind as usize], args)?;
    make(class, rest, kind)
}

fn make(class: &Ref<Class>, rest: Args<'_>, kind: Kind) -> Outcome<Value> {
    let mut getter = Getter {
        kind,
        values: rest.values.to_vec(),
        paths: Vec::new(),
        names: rest.names.to_vec(),
    };
    match kind {
        Kind::Item => {
            if rest.positional().is_empty() {
                return Err(type_error("itemgetter expected 1 argument, got 0"));
            }
            at_least("itemgetter", rest, 1)?;
        }
        Kind::Attribute => {
            if rest.positional().is_empty() {
                return Err(type_error("attrgetter expected 1 argument, got 0"));
            }
            for name in at_least("attrgetter", rest, 1)? {
                getter
                    .paths
                    .push(path(name, "attribute name must be a string")?);
            }
        }
        Kind::Method => {
            if rest.positional().is_empty() {
                return Err(type_error(
                    "methodcaller needs at least one argument, the method name",
                ));
            }
            let name = getter.values.remove(0);
            match name.unwrapped().as_str() {
                Some(text) => getter.paths.push(vec![Name::new(text)]),
                None => return Err(type_error("method name must be a string")),
            }
        }
    }
    Ok(native_object::instance(class, getter))
}

fn this<'a>(args: Args<'a>) -> Outcome<(&'a Getter, Args<'a>)> {
    native_object::receiver(args, "operator.itemgetter", "__call__")
}

fn call(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (getter, rest) = this(args)?;
    match getter.kind {
        Kind::Item => {
            let object = one_object(rest, "itemgetter")?;
            if let [key] = &getter.values[..] {
                return sequence::get_item(cx, object, key);
            }
            let mut found = Vec::with_capacity(getter.values.len());
            for key in &getter.values {
                found.push(sequence::get_item(cx, object, key)?);
            }
            Ok(Value::tuple(found))
        }
        Kind::Attribute => {
            let object = one_object(rest, "attrgetter")?;
            let mut found = Vec::with_capacity(getter.paths.len());
            for path in &getter.paths {
                let mut value = object.clone();
                for &name in path {
                    value = attribute::get(cx, &value, name)?;
                }
                found.push(value);
            }
            if found.len() == 1 {
                return Ok(found.pop().unwrap_or_default());
            }
            Ok(Value::tuple(found))
        }
        Kind::Method => {
            let object = one_object(rest, "methodcaller")?;
            let method = attribute::get(cx, object, getter.paths[0][0])?;
            cx.call_with(
                &method,
                Args {
                    values: &getter.values,
                    names: &getter.names,
                },
            )
        }
    }
}

fn one_object<'a>(args: Args<'a>, function: &str) -> Outcome<&'a Value> {
    if let ([value], []) = (args.values, args.names) {
        return Ok(value);
    }
    if !args.names.is_empty() {
        return one(function, args);
    }
    Err(type_error(format!(
        "{function} expected 1 argument, got {}",
        args.values.len()
    )))
}

fn repr(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (getter, _) = this(args)?;
    let mut parts = Vec::new();
    if getter.kind == Kind::Method {
        parts.push(text::repr(cx, &getter.paths[0][0].value())?);
    }
    let plain = getter.values.len() - getter.names.len();
    for value in &getter.values[..plain] {
        parts.push(text::repr(cx, value)?);
    }
    for (name, value) in getter.names.iter().zip(&getter.values[plain..]) {
        parts.push(format!("{name}={}", text::repr(cx, value)?));
    }
    Ok(Value::str(format!(
        "{}({})",
        NAMES[getter.kind as usize],
        parts.join(", ")
    )))
}

/// Kind, positional arguments of the class, keyword arguments.
fn parts(value: &Value) -> Option<(Kind, Vec<Value>, Value)> {
    let getter: &Getter = value.as_instance()?.native()?;
    let plain = getter.values.len() - getter.names.len();
    let mut positional = Vec::new();
    if getter.kind == Kind::Method {
        positional.push(getter.paths[0][0].value());
    }
    positional.extend_from_slice(&getter.values[..plain]);
    let pairs = getter
        .names
        .iter()
        .copied()
        .zip(getter.values[plain..].iter().cloned());
    let keywords = Value::Dict(Ref::new(Dict::from_names(pairs)));
    Some((getter.kind, positional, keywords))
}

fn reduce(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (kind, positional, _) =
        parts(&args.values[0]).ok_or_else(|| type_error("an operator.itemgetter is needed"))?;
    Ok(Value::tuple_of([
        Value::Class(classes()[kind as usize].clone()),
        Value::tuple(positional),
    ]))
}

/// How they travel.
pub const CODEC: Codec = Codec {
    kind: "operator getter",
    pack: |_, value| {
        let (kind, positional, keywords) = parts(value)?;
        Some(Ok(Value::tuple_of([
            Value::Int(kind as i64),
            Value::tuple(positional),
            keywords,
        ])))
    },
    unpack: |_, packed| {
        let damaged = || value_error("a message is damaged: a getter is not as it should be");
        let Value::Tuple(parts) = &packed else {
            return Err(damaged());
        };
        let [
            Value::Int(kind),
            Value::Tuple(positional),
            Value::Dict(keywords),
        ] = parts.items()
        else {
            return Err(damaged());
        };
        let kind = match kind {
            0 => Kind::Item,
            1 => Kind::Attribute,
            2 => Kind::Method,
            _ => return Err(damaged()),
        };
        let mut values = positional.items().to_vec();
        let mut names = Vec::new();
        for (name, value) in keywords.entries()? {
            names.push(Name::new(name.as_str().ok_or_else(damaged)?));
            values.push(value);
        }
        let args = Args {
            values: &values,
            names: &names,
        };
        make(&classes()[kind as usize], args, kind)
    },
};
