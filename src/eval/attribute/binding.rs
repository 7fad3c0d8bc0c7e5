//! Binding what was found on a class to the object it was asked of, and look-ups for calls, which
//! bind nothing. It must not know nodes beyond the word of cache that they lend.

use super::get;
use crate::eval::context::Context;
use crate::eval::traits::Traits;
use crate::value::class::Class;
use crate::value::exception::attribute_error;
use crate::value::function::{Binding, BoundMethod};
use crate::value::instance::Payload;
use crate::value::method_cache::MethodCache;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::{Outcome, Value};

/// What a look-up for a call found.
pub(in crate::eval) enum Found {
    /// To be called with the object as first argument.
    Method(Value),
    /// To be called as it is.
    Value(Value),
}

/// Binds what was found on a class to an instance of it.
///
/// # Errors
/// What a property's getter raises.
pub fn bind(cx: &mut Context, found: &Value, receiver: &Value) -> Outcome<Value> {
    match found {
        Value::Function(_) => Ok(method_value(found, receiver)),
        Value::Native(function) => Ok(match function.binding {
            Binding::Function => found.clone(),
            Binding::Method => method_value(found, receiver),
            Binding::ClassMethod => method_value(found, &Value::Class(receiver.class().clone())),
        }),
        Value::Instance(instance) => match instance.payload() {
            Payload::Property(parts) => {
                if parts[0].is_none() {
                    return Err(attribute_error(format!(
                        "property{} of '{}' object has no getter",
                        name_of(found, receiver.class()),
                        receiver.type_name()
                    )));
                }
                cx.call(&parts[0], std::slice::from_ref(receiver))
            }
            Payload::StaticMethod(inner) => Ok(inner.clone()),
            Payload::ClassMethod(inner) => {
                let class = Value::Class(receiver.class().clone());
                bind_class_method(cx, inner, &class)
            }
            _ => match instance.class().lookup(known().get) {
                Some(get)
                    if !instance.class().is_builtin()
                        || matches!(instance.payload(), Payload::Native(_)) =>
                {
                    let class = Value::Class(receiver.class().clone());
                    cx.call_found(&get, found, &[receiver.clone(), class])
                }
                _ => Ok(found.clone()),
            },
        },
        _ => Ok(found.clone()),
    }
}

/// The name under which a class has an attribute, quoted for a message.
#[cold]
fn name_of(attribute: &Value, class: &Ref<Class>) -> String {
    std::iter::once(class)
        .chain(class.ancestors())
        .flat_map(|class| class.entries())
        .find(|(_, value)| value.same(attribute))
        .map(|(name, _)| format!(" '{name}'"))
        .unwrap_or_default()
}

fn bind_class_method(cx: &mut Context, inner: &Value, class: &Value) -> Outcome<Value> {
    match inner {
        Value::Function(_) | Value::Native(_) => Ok(method_value(inner, class)),
        other => bind(cx, other, class),
    }
}

fn method_value(function: &Value, receiver: &Value) -> Value {
    Value::Method(Ref::new(BoundMethod {
        function: function.clone(),
        receiver: receiver.clone(),
    }))
}

/// Binds what was found on a class when the class itself was asked.
pub(super) fn bind_to_class(found: &Value, class: &Ref<Class>) -> Outcome<Value> {
    Ok(match found {
        Value::Native(function) if function.binding == Binding::ClassMethod => {
            method_value(found, &Value::Class(class.clone()))
        }
        Value::Instance(instance) => match instance.payload() {
            Payload::StaticMethod(inner) => inner.clone(),
            Payload::ClassMethod(inner) => method_value(inner, &Value::Class(class.clone())),
            _ => found.clone(),
        },
        _ => found.clone(),
    })
}

/// Looks an attribute up for a call, remembering a method.
#[inline(never)]
pub(in crate::eval) fn method_with_cache(
    cx: &mut Context,
    object: &Value,
    name: Name,
    cache: &MethodCache,
) -> Outcome<Found> {
    // Before the class is asked: if it changes meanwhile, the key is of no use to anyone.
    let key = MethodCache::key(object);
    let found = method(cx, object, name)?;
    if let (Some(key), Found::Method(method)) = (key, &found)
        && MethodCache::key(object) == Some(key)
    {
        cache.add(key, method);
    }
    Ok(found)
}

/// Looks an attribute up for a call: a method stays apart from its receiver, so that no bound
/// method need be made.
pub(in crate::eval) fn method(cx: &mut Context, object: &Value, name: Name) -> Outcome<Found> {
    match object {
        Value::Instance(instance) => {
            if matches!(instance.payload(), Payload::Super(..)) {
                return get(cx, object, name).map(Found::Value);
            }
            let class = instance.class();
            let found = cx.lookup(class, name);
            match found {
                Some(found @ (Value::Function(_) | Value::Native(_)))
                    if is_method(&found) && !instance.has(name) =>
                {
                    if Traits::of(class).has(Traits::OWN_LOOK_UP) {
                        return get(cx, object, name).map(Found::Value);
                    }
                    Ok(Found::Method(found))
                }
                _ => get(cx, object, name).map(Found::Value),
            }
        }
        Value::Class(_)
        | Value::Module(_)
        | Value::Function(_)
        | Value::Method(_)
        | Value::Native(_) => get(cx, object, name).map(Found::Value),
        _ => match cx.lookup(object.class(), name) {
            Some(found) if is_method(&found) => Ok(Found::Method(found)),
            _ => get(cx, object, name).map(Found::Value),
        },
    }
}

fn is_method(found: &Value) -> bool {
    match found {
        Value::Function(_) => true,
        Value::Native(function) => function.binding == Binding::Method,
        _ => false,
    }
}
