//! Instances that carry native data: making them, and finding the data of a method's receiver. It
//! must not know any kind of data.

use super::arguments::bad_receiver;
use crate::value::class::Class;
use crate::value::function::Args;
use crate::value::instance::{Instance, NativeData, Payload};
use crate::value::object::Ref;
use crate::value::{Outcome, Value};

/// The data of a method's receiver, and the arguments after it. `class` and `method` are as
/// messages give them.
///
/// # Errors
/// `TypeError` when the receiver is missing or of another class.
#[inline(always)]
pub fn receiver<'a, T: NativeData>(
    args: Args<'a>,
    class: &'static str,
    method: &'static str,
) -> Outcome<(&'a T, Args<'a>)> {
    if let Some(Value::Instance(instance)) = args.positional().first()
        && let Some(data) = instance.native()
    {
        return Ok((data, args.rest()));
    }
    Err(bad_receiver(class, method, args))
}

/// The data of a method's receiver where that is the only argument, as it is in most calls: for methods
/// that go another way with more.
#[inline(always)]
pub fn alone<T: NativeData>(args: Args<'_>) -> Option<&T> {
    match args.values {
        [Value::Instance(instance)] => instance.native(),
        _ => None,
    }
}

/// What `__new__` of a native class does: an instance of the class that is the first argument, with
/// this data. The other arguments are `__init__`'s business.
///
/// # Errors
/// `TypeError` when the first argument is no class derived from `own`.
pub fn new(own: &Class, args: Args<'_>, data: impl NativeData) -> Outcome<Value> {
    let (class, _) = super::methods::construct::class_argument(own, args)?;
    Ok(instance(class, data))
}

/// An instance of a class with this data.
pub fn instance(class: &Ref<Class>, data: impl NativeData) -> Value {
    Value::Instance(Instance::new(
        class.clone(),
        Payload::Native(Box::new(data)),
    ))
}
