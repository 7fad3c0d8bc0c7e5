//! `isinstance`, `issubclass`, `callable`, `id`, `hash`.

use crate::eval::context::Context;
use crate::eval::{attribute, is_callable};
use crate::library::arguments;
use crate::library::define::Entries;
use crate::value::class::Class;
use crate::value::exception::type_error;
use crate::value::function::Args;
use crate::value::generic::{GenericAlias, Union};
use crate::value::name::known;
use crate::value::{Outcome, Value, truth};

/// The functions.
pub const FUNCTIONS: Entries<'_> = &[
    ("isinstance", isinstance),
    ("issubclass", issubclass),
    ("callable", callable),
    ("id", id),
    ("hash", hash),
];

fn isinstance(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [value, classes] = arguments::exactly("isinstance", args)?;
    is_instance(cx, value, classes).map(Value::Bool)
}

/// Whether a value is an instance of a class, or of one of a tuple or union of classes.
///
/// # Errors
/// `TypeError` for what is no class, or whatever `__instancecheck__` raises.
pub fn is_instance(cx: &mut Context, value: &Value, classes: &Value) -> Outcome<bool> {
    if let Value::Class(class) = classes
        && value.class().derives_from(class)
    {
        return Ok(true);
    }
    is_instance_slow(cx, value, classes)
}

/// Whether a value that answers for all its attributes itself says that it is one: a proxy.
fn claims(cx: &mut Context, value: &Value, class: &Class) -> Outcome<bool> {
    let Value::Instance(instance) = value else {
        return Ok(false);
    };
    let own = instance.class();
    let answers = !own.is_builtin()
        && (matches!(
            cx.lookup(own, known().getattribute),
            Some(Value::Function(_))
        ) || matches!(own.lookup(known().class), Some(Value::Instance(_))));
    if !answers {
        return Ok(false);
    }
    match attribute::get(cx, value, known().class)? {
        Value::Class(claimed) => Ok(claimed.derives_from(class)),
        _ => Ok(false),
    }
}

#[inline(never)]
fn is_instance_slow(cx: &mut Context, value: &Value, classes: &Value) -> Outcome<bool> {
    match classes {
        Value::Class(class) => {
            if value.class().derives_from(class) || claims(cx, value, class)? {
                return Ok(true);
            }
            if class.is_builtin() {
                return Ok(false);
            }
            match cx.lookup(class, known().class_instancecheck) {
                Some(method) => {
                    let result = cx.call(&method, &[classes.clone(), value.clone()])?;
                    truth::truthy(cx, &result)
                }
                None => Ok(false),
            }
        }
        Value::Tuple(classes) => {
            cx.check_stack(" in __instancecheck__")?;
            for class in classes.items() {
                if is_instance_slow(cx, value, class)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Value::Instance(instance) => {
            if let Some(union) = instance.native::<Union>() {
                for class in &union.members {
                    if is_instance_slow(cx, value, class)? {
                        return Ok(true);
                    }
                }
                return Ok(false);
            }
            if instance.native::<GenericAlias>().is_some() {
                return Err(type_error(
                    "isinstance() argument 2 cannot be a parameterized generic",
                ));
            }
            check_by_method(
                cx,
                classes,
                known().instancecheck,
                value,
                "isinstance() arg 2 must be a type, a tuple of types, or a union",
            )
        }
        _ => Err(type_error(
            "isinstance() arg 2 must be a type, a tuple of types, or a union",
        )),
    }
}

/// Lets an object that stands for a class answer.
fn check_by_method(
    cx: &mut Context,
    classes: &Value,
    name: crate::value::name::Name,
    value: &Value,
    message: &str,
) -> Outcome<bool> {
    match cx.call_special(classes, name, std::slice::from_ref(value))? {
        Some(result) => truth::truthy(cx, &result),
        None => Err(type_error(message)),
    }
}

fn issubclass(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [class, classes] = arguments::exactly("issubclass", args)?;
    let Value::Class(known) = class else {
        return Err(type_error("issubclass() arg 1 must be a class"));
    };
    is_subclass(cx, class, known, classes).map(Value::Bool)
}

fn is_subclass(cx: &mut Context, value: &Value, class: &Class, classes: &Value) -> Outcome<bool> {
    let members = match classes {
        Value::Class(other) => {
            if class.derives_from(other) {
                return Ok(true);
            }
            if other.is_builtin() {
                return Ok(false);
            }
            return match cx.lookup(other, known().class_subclasscheck) {
                Some(method) => {
                    let result = cx.call(&method, &[classes.clone(), value.clone()])?;
                    truth::truthy(cx, &result)
                }
                None => Ok(false),
            };
        }
        Value::Tuple(members) => members.items(),
        Value::Instance(instance) => match instance.native::<Union>() {
            Some(union) => &union.members,
            None if instance.native::<GenericAlias>().is_some() => {
                return Err(type_error(
                    "issubclass() argument 2 cannot be a parameterized generic",
                ));
            }
            None => {
                return check_by_method(
                    cx,
                    classes,
                    known().subclasscheck,
                    value,
                    "issubclass() arg 2 must be a class, a tuple of classes, or a union",
                );
            }
        },
        _ => {
            return Err(type_error(
                "issubclass() arg 2 must be a class, a tuple of classes, or a union",
            ));
        }
    };
    cx.check_stack(" in __subclasscheck__")?;
    for member in members {
        if is_subclass(cx, value, class, member)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn callable(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let value = arguments::one("callable", args)?;
    Ok(Value::Bool(is_callable(value)))
}

/// The identity of a value: the address of its object, or for a value without one a number that
/// its kind and contents determine.
pub fn identity(value: &Value) -> i64 {
    match value {
        Value::None => 0x10,
        Value::Ellipsis => 0x20,
        Value::NotImplemented => 0x30,
        Value::Bool(flag) => 0x40 + 0x10 * i64::from(*flag),
        Value::Int(number) => {
            // Spread over the addresses that no object has: user space ends below 2^47.
            (1 << 48) + (number.wrapping_mul(32) & ((1 << 60) - 1))
        }
        Value::Float(number) => (1 << 61) + (number.to_bits() >> 4) as i64,
        other => other
            .header()
            .map_or(0, |header| std::ptr::from_ref(header) as i64),
    }
}

fn id(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    Ok(Value::Int(identity(arguments::one("id", args)?)))
}

fn hash(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let value = arguments::one("hash", args)?;
    crate::value::hash::hash(cx, value).map(Value::Int)
}
