//! Finding the special methods of instances. It must not know what any of them does.

use super::Value;
use super::instance::Instance;
use super::name::Name;
use crate::eval::context::Context;

/// As [`sequence::special`](super::sequence::special), remembered by the thread: the method that an instance's class has
/// under this special name, unless it is the native one of the built-in type that the instance
/// wraps a value of, or that of `object`, which whoever asks knows to do without a call.
#[inline]
pub(super) fn method(cx: &mut Context, instance: &Instance, name: Name) -> Option<Value> {
    match cx.lookup(instance.class(), name)? {
        Value::Native(function) if function.owner == "object" => None,
        method if instance.is_of_wrapped(&method) => None,
        method => Some(method),
    }
}
