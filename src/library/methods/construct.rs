//! What the constructors of built-in types share. `T.__new__(cls, …)` makes a value of `T`, or
//! for a class derived from it an instance that wraps one.

use crate::library::arguments;
use crate::value::Value;
use crate::value::class::Class;
use crate::value::exception::type_error;
use crate::value::function::Args;
use crate::value::instance::{Instance, Payload};
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Outcome, generic};

/// The class that is the first argument of `__new__`, and the arguments after it.
///
/// # Errors
/// `TypeError` when it is missing or does not derive from `own`.
pub fn class_argument<'a>(own: &Class, args: Args<'a>) -> Outcome<(&'a Ref<Class>, Args<'a>)> {
    let name = own.name();
    match args.positional().first() {
        Some(Value::Class(class)) if class.derives_from(own) => Ok((class, args.rest())),
        None => Err(type_error(format!(
            "{name}.__new__(): not enough arguments"
        ))),
        Some(Value::Class(other)) => {
            let other = other.name();
            Err(type_error(format!(
                "{name}.__new__({other}): {other} is not a subtype of {name}"
            )))
        }
        Some(other) => Err(type_error(format!(
            "{name}.__new__(X): X is not a type object ({})",
            other.type_name()
        ))),
    }
}

/// The arguments of a built-in class's `__new__` or `__init__` without keywords, where a derived class has the other of the
/// two itself and takes them there; `other` is the other one's name.
pub fn without_own_keywords<'a>(
    class: &Class,
    own: &Class,
    other: Name,
    args: Args<'a>,
) -> Args<'a> {
    if args.names.is_empty() || std::ptr::eq(class, own) {
        return args;
    }
    let takes_them = match (class.lookup(other), own.lookup(other)) {
        (Some(found), Some(built_in)) => !found.same(&built_in),
        _ => false,
    };
    if !takes_them {
        return args;
    }
    Args {
        values: args.positional(),
        names: &[],
    }
}

/// The value itself for the built-in class, an instance that wraps it for a derived one.
pub fn wrap(class: &Ref<Class>, own: &Class, value: Value) -> Value {
    if std::ptr::eq(&**class, own) {
        value
    } else {
        Value::Instance(Instance::new(class.clone(), Payload::Value(value)))
    }
}

/// `T.__class_getitem__`: `list[int]`.
///
/// # Errors
/// `TypeError` for a wrong number of arguments.
pub fn class_getitem(_: &mut crate::eval::context::Context, args: Args<'_>) -> Outcome<Value> {
    let [class, parameters] = arguments::exactly("__class_getitem__", args)?;
    Ok(generic::alias(class.clone(), parameters.clone()))
}
