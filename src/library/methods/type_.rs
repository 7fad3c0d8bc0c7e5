//! `type`: classes as values; and `super`.

use super::construct::class_argument;
use crate::eval::class;
use crate::eval::context::Context;
use crate::library::arguments::{self, wrong_type};
use crate::library::define;
use crate::value::class::Class;
use crate::value::exception::type_error;
use crate::value::function::Args;
use crate::value::instance::{Instance, Payload};
use crate::value::name::{Name, known};
use crate::value::name_table::NameTable;
use crate::value::object::Ref;
use crate::value::operator::BinaryOperator;
use crate::value::types::types;
use crate::value::{Outcome, Value, arithmetic, text};

/// Puts the methods into the classes.
pub fn install() {
    let class = &types().type_;
    define::static_methods(class, &[("__new__", new)]);
    define::methods(
        class,
        &[
            ("__call__", call),
            ("__instancecheck__", instance_check),
            ("__subclasscheck__", subclass_check),
            ("__repr__", repr),
            ("__or__", |cx, args| union(cx, args, false)),
            ("__ror__", |cx, args| union(cx, args, true)),
            ("__subclasses__", subclasses),
            ("mro", mro),
        ],
    );
    let class = &types().super_;
    define::static_methods(class, &[("__new__", new_super)]);
    define::methods(class, &[("__repr__", repr_super)]);
}

fn receiver<'a>(args: Args<'a>, method: &'static str) -> Outcome<(&'a Ref<Class>, Args<'a>)> {
    match args.positional().first() {
        Some(Value::Class(class)) => Ok((class, args.rest())),
        _ => Err(arguments::bad_receiver("type", method, args)),
    }
}

fn new(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (_, rest) = class_argument(&types().type_, args)?;
    match rest.positional() {
        [value] if rest.names.is_empty() => Ok(Value::Class(value.class().clone())),
        [name, bases, namespace] => make_class(cx, name, bases, namespace, rest),
        _ => Err(type_error("type() takes 1 or 3 arguments")),
    }
}

fn make_class(
    cx: &mut Context,
    name: &Value,
    bases: &Value,
    namespace: &Value,
    args: Args<'_>,
) -> Outcome<Value> {
    let name = arguments::text(name, "type.__new__() argument 1")?;
    let Value::Tuple(bases) = bases.unwrapped() else {
        return Err(wrong_type(bases, "type.__new__() argument 2", "tuple"));
    };
    let Value::Dict(namespace) = namespace.unwrapped() else {
        return Err(wrong_type(namespace, "type.__new__() argument 3", "dict"));
    };
    let mut attributes = NameTable::default();
    for (key, value) in namespace.entries()? {
        if let Value::Str(key) = key.unwrapped() {
            attributes.set(Name::new(key.as_str()), value);
        }
    }
    if attributes.get(known().module).is_none() {
        let module = cx.current_module();
        attributes.set(known().module, module.name().value());
    }
    let keywords = args
        .keywords()
        .map(|(name, value)| (name, value.clone()))
        .collect();
    let name = Name::new(name.as_str());
    class::create(cx, name, bases.items(), attributes, keywords, None)
}

fn call(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (class, rest) = receiver(args, "__call__")?;
    cx.call_with(&Value::Class(class.clone()), rest)
}

fn instance_check(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (class, rest) = receiver(args, "__instancecheck__")?;
    let value = arguments::one("type.__instancecheck__", rest)?;
    Ok(Value::Bool(value.class().derives_from(class)))
}

fn subclass_check(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (class, rest) = receiver(args, "__subclasscheck__")?;
    match arguments::one("type.__subclasscheck__", rest)? {
        Value::Class(other) => Ok(Value::Bool(other.derives_from(class))),
        _ => Err(type_error("issubclass() arg 1 must be a class")),
    }
}

fn repr(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (class, rest) = receiver(args, "__repr__")?;
    arguments::none("type.__repr__", rest)?;
    text::repr(cx, &Value::Class(class.clone())).map(Value::str)
}

fn union(cx: &mut Context, args: Args<'_>, reflected: bool) -> Outcome<Value> {
    let (class, rest) = receiver(args, "__or__")?;
    let other = arguments::one("type.__or__", rest)?;
    let class = Value::Class(class.clone());
    let (left, right) = if reflected {
        (other, &class)
    } else {
        (&class, other)
    };
    arithmetic::binary(cx, BinaryOperator::BitOr, left, right)
}

fn subclasses(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (class, rest) = receiver(args, "__subclasses__")?;
    arguments::none("type.__subclasses__", rest)?;
    Ok(Value::list(
        class.subclasses().into_iter().map(Value::Class).collect(),
    ))
}

fn mro(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (class, rest) = receiver(args, "mro")?;
    arguments::none("type.mro", rest)?;
    let order = std::iter::once(class).chain(class.ancestors());
    Ok(Value::list(order.cloned().map(Value::Class).collect()))
}

fn new_super(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (_, rest) = class_argument(&types().super_, args)?;
    let values = arguments::between("super()", rest, 0, 2)?;
    match values {
        [] => Err(crate::value::exception::runtime_error(
            "super(): no arguments",
        )),
        [class, receiver] => class::make_super(class, receiver),
        [Value::Class(class)] => Ok(Value::Instance(Instance::new(
            types().super_.clone(),
            Payload::Super(class.clone(), Value::Unbound),
        ))),
        [other] | [other, ..] => Err(wrong_type(other, "super() argument 1", "a type")),
    }
}

fn repr_super(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let text = match args
        .values
        .first()
        .and_then(Value::as_instance)
        .map(|instance| instance.payload())
    {
        Some(Payload::Super(class, receiver)) => {
            let class = class.name();
            if receiver.is_unbound() {
                format!("<super: <class '{class}'>, NULL>")
            } else {
                format!(
                    "<super: <class '{class}'>, <{} object>>",
                    receiver.type_name()
                )
            }
        }
        _ => return Err(arguments::bad_receiver("super", "__repr__", args)),
    };
    Ok(Value::str(text))
}
