//! Setting and deleting attributes. It must not know nodes beyond the words of cache that they lend.

use super::{missing, storage, with_details};
use crate::eval::builtin_scope;
use crate::eval::context::Context;
use crate::eval::function::Function;
use crate::eval::traits::{Traits, is_objects_own};
use crate::runtime::world;
use crate::value::exception::{Raised, attribute_error, type_error};
use crate::value::instance::{Instance, Located, Payload};
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::slot_cache::SlotCache;
use crate::value::{Outcome, Value};

/// Sets an attribute.
///
/// # Errors
/// `AttributeError`, `TypeError`, or what a property's setter or `__setattr__` raises.
pub fn set(cx: &mut Context, object: &Value, name: Name, value: Value) -> Outcome<()> {
    match object {
        Value::Instance(instance) => set_on_instance(cx, object, instance, name, value, None),
        _ => set_on_other(cx, object, name, value),
    }
}

/// What an assignment to an attribute remembers: where instances have the attribute, and what adding
/// it makes of their shape.
#[derive(Clone, Copy)]
pub(in crate::eval) struct SetCaches<'a> {
    /// Shape and slot.
    pub(in crate::eval) there: &'a SlotCache,
    /// Shape before and shape after.
    pub(in crate::eval) added: &'a SlotCache,
}

/// Sets an attribute, remembering where it is.
#[inline]
pub(in crate::eval) fn set_with_cache(
    cx: &mut Context,
    object: &Value,
    name: Name,
    value: Value,
    caches: SetCaches<'_>,
) -> Outcome<()> {
    let Value::Instance(instance) = object else {
        return set_on_other(cx, object, name, value);
    };
    if world::is_shared() {
        return set_with_cache_shared(cx, object, instance, name, value, caches);
    }
    let shape = instance.shape_id();
    let value = if let Some(slot) = caches.there.find(shape) {
        // SAFETY: the instance has the shape, of which the cache knows a slot, and there is no other thread.
        unsafe { instance.set_cached_alone(slot, value) };
        return Ok(());
    } else if let Some(to) = caches.added.find(shape) {
        // SAFETY: there is no other thread.
        match unsafe { instance.add_cached_alone(shape, to, value) } {
            Ok(()) => return Ok(()),
            Err(value) => value,
        }
    } else {
        value
    };
    set_on_instance(cx, object, instance, name, value, Some(caches))
}

/// The same while there are other threads.
#[inline(never)]
fn set_with_cache_shared(
    cx: &mut Context,
    object: &Value,
    instance: &Ref<Instance>,
    name: Name,
    value: Value,
    caches: SetCaches<'_>,
) -> Outcome<()> {
    let shape = instance.shape_id();
    let set = if let Some(slot) = caches.there.find(shape) {
        // SAFETY: the cache knows a slot of the shape.
        unsafe { instance.set_cached_shared(shape, slot, value) }
    } else if let Some(to) = caches.added.find(shape) {
        instance.add_cached_shared(shape, to, value)
    } else {
        Err(value)
    };
    match set {
        Ok(()) => Ok(()),
        Err(value) => set_on_instance(cx, object, instance, name, value, Some(caches)),
    }
}

#[inline(never)]
fn set_on_other(cx: &mut Context, object: &Value, name: Name, value: Value) -> Outcome<()> {
    match object {
        Value::Class(class) => {
            if class.is_builtin() {
                return Err(type_error(format!(
                    "cannot set '{name}' attribute of immutable type '{}'",
                    class.name()
                )));
            }
            if name == known().name
                && let Some(text) = value.as_str()
            {
                class.set_name(Name::new(text));
                return Ok(());
            }
            if let Some(method) = cx.lookup(class, known().class_setattr) {
                let allowed = cx.call(&method, &[object.clone(), name.value(), value.clone()])?;
                if !allowed.is_none() {
                    return Ok(());
                }
            }
            class.set(name, value);
            Ok(())
        }
        Value::Module(module) => {
            if builtin_scope::is_scope(module) {
                builtin_scope::change(cx, name, value.clone());
            }
            module.set(name, value);
            Ok(())
        }
        Value::Function(function) => set_on_function(function, name, value),
        _ => Err(cannot_set(object, name)),
    }
}

#[cold]
fn cannot_set(object: &Value, name: Name) -> Raised {
    let class = object.class();
    let message = match (class.lookup(name), object) {
        (Some(Value::Instance(_)), Value::Range(_) | Value::Slice(_)) => {
            "readonly attribute".to_owned()
        }
        (Some(Value::Instance(_)), _) => format!(
            "attribute '{name}' of '{}' objects is not writable",
            object.type_name()
        ),
        (Some(_), _) => format!(
            "'{}' object attribute '{name}' is read-only",
            object.type_name()
        ),
        (None, _) => format!(
            "'{}' object has no attribute '{name}' and no __dict__ for setting new attributes",
            object.type_name()
        ),
    };
    with_details(attribute_error(message), object, name)
}

fn set_on_function(function: &Ref<Function>, name: Name, value: Value) -> Outcome<()> {
    let names = known();
    if name == names.name || name == names.qualname {
        let Some(text) = value.as_str() else {
            return Err(type_error(format!("{name} must be set to a string object")));
        };
        if name == names.name {
            function.set_name(Name::new(text));
        } else {
            function.set_qualified_name(Name::new(text));
        }
        return Ok(());
    }
    if name == names.defaults {
        match &value {
            Value::None => Function::set_defaults(function, std::sync::Arc::new([])),
            Value::Tuple(values) => Function::set_defaults(function, values.items().into()),
            _ => return Err(type_error("__defaults__ must be set to a tuple object")),
        }
        return Ok(());
    }
    Function::set_attribute(function, name, value);
    Ok(())
}

fn set_on_instance(
    cx: &mut Context,
    object: &Value,
    instance: &Ref<Instance>,
    name: Name,
    value: Value,
    caches: Option<SetCaches<'_>>,
) -> Outcome<()> {
    // Before the class is asked: if it changes meanwhile, the number is of no use to anyone.
    let shape = instance.shape_id();
    let class = instance.class();
    if Traits::of(class).has(Traits::OWN_SETTING)
        && let Some(method) = cx.lookup(class, known().setattr)
    {
        cx.call(&method, &[object.clone(), name.value(), value])?;
        return Ok(());
    }
    let located = set_located(cx, object, instance, name, value)?;
    if let (Some(caches), Payload::None) = (caches, instance.payload()) {
        match located {
            Some(Located::There { shape: found, slot }) if found == shape => {
                caches.there.add(shape, slot);
            }
            Some(Located::Added { from, to }) if from == shape => caches.added.add(shape, to),
            _ => {}
        }
    }
    Ok(())
}

/// What `object.__setattr__` does.
///
/// # Errors
/// `AttributeError`, or what a property's setter raises.
pub fn set_plainly(
    cx: &mut Context,
    object: &Value,
    instance: &Ref<Instance>,
    name: Name,
    value: Value,
) -> Outcome<()> {
    set_located(cx, object, instance, name, value).map(|_| ())
}

/// The same; tells where the attribute is now, if it is an ordinary one.
fn set_located(
    cx: &mut Context,
    object: &Value,
    instance: &Ref<Instance>,
    name: Name,
    value: Value,
) -> Outcome<Option<Located>> {
    let class = instance.class();
    if Traits::of(class).has(Traits::DATA_DESCRIPTORS)
        && let Some(found) = cx.lookup(class, name)
        && let Value::Instance(descriptor) = &found
    {
        match descriptor.payload() {
            Payload::Property(parts) => {
                if parts[1].is_none() {
                    if matches!(parts[0], Value::Native(_)) {
                        return Err(cannot_set(object, name));
                    }
                    return Err(attribute_error(format!(
                        "property '{name}' of '{}' object has no setter",
                        class.name()
                    )));
                }
                cx.call(&parts[1], &[object.clone(), value])?;
                return Ok(None);
            }
            Payload::None if !descriptor.class().is_builtin() => {
                if let Some(set) = descriptor.class().lookup(known().set) {
                    cx.call_found(&set, &found, &[object.clone(), value])?;
                    return Ok(None);
                }
            }
            _ => {}
        }
    }
    if instance.exception().is_some() {
        match crate::eval::intrinsic::set_exception_attribute(instance, name, value)? {
            None => return Ok(None),
            Some(value) => {
                instance.set(name, value);
                return Ok(None);
            }
        }
    }
    if name == known().class {
        let Value::Class(other) = &value else {
            return Err(type_error(format!(
                "__class__ must be set to a class, not '{}' object",
                value.type_name()
            )));
        };
        if class.is_builtin() || other.is_builtin() {
            return Err(type_error(
                "__class__ assignment only supported for mutable types or ModuleType subclasses",
            ));
        }
        if class.layout() != other.layout() {
            return Err(type_error(format!(
                "__class__ assignment: '{}' object layout differs from '{}'",
                other.name(),
                class.name()
            )));
        }
        instance.set_class(other.clone());
        return Ok(None);
    }
    if name == known().dict {
        let Value::Dict(dict) = &value else {
            return Err(type_error(format!(
                "__dict__ must be set to a dictionary, not a '{}'",
                value.type_name()
            )));
        };
        let entries = dict.entries()?;
        let storage = storage(cx, object, instance)?;
        for (key, _) in storage.entries() {
            drop(storage.remove(key));
        }
        for (key, value) in entries {
            if let Some(text) = key.as_str() {
                storage.set(Name::new(text), value);
            }
        }
        return Ok(None);
    }
    if !crate::eval::intrinsic::has_attributes(instance)
        || Traits::of(class).has(Traits::SLOTTED) && !crate::eval::slots::allow(class, name)
    {
        return Err(cannot_set(object, name));
    }
    Ok(storage(cx, object, instance)?.set(name, value))
}

/// Deletes an attribute.
///
/// # Errors
/// `AttributeError`, or what a property's deleter or `__delattr__` raises.
pub fn delete(cx: &mut Context, object: &Value, name: Name) -> Outcome<()> {
    match object {
        Value::Instance(instance) => {
            let class = instance.class().clone();
            if let Some(method) = cx.lookup(&class, known().delattr)
                && !is_objects_own(&method, known().delattr)
            {
                cx.call(&method, &[object.clone(), name.value()])?;
                return Ok(());
            }
            delete_plainly(cx, object, instance, name)
        }
        Value::Class(class) if !class.is_builtin() => match class.remove(name) {
            Some(_) => Ok(()),
            None => Err(missing(object, name)),
        },
        Value::Module(module) => {
            if module.cell(name).unset().is_unbound() {
                return Err(missing(object, name));
            }
            if builtin_scope::is_scope(module) {
                builtin_scope::change(cx, name, Value::Unbound);
            }
            Ok(())
        }
        Value::Function(function) => match function.remove_attribute(name) {
            Some(_) => Ok(()),
            None => Err(missing(object, name)),
        },
        _ => Err(cannot_set(object, name)),
    }
}

/// What `object.__delattr__` does.
///
/// # Errors
/// `AttributeError`, or what a property's deleter raises.
pub fn delete_plainly(
    cx: &mut Context,
    object: &Value,
    instance: &Ref<Instance>,
    name: Name,
) -> Outcome<()> {
    let class = instance.class();
    if let Some(Value::Instance(descriptor)) = cx.lookup(class, name)
        && let Payload::Property(parts) = descriptor.payload()
    {
        if parts[2].is_none() {
            if matches!(parts[0], Value::Native(_)) {
                return Err(cannot_set(object, name));
            }
            return Err(attribute_error(format!(
                "property '{name}' of '{}' object has no deleter",
                class.name()
            )));
        }
        cx.call(&parts[2], std::slice::from_ref(object))?;
        return Ok(());
    }
    match storage(cx, object, instance)?.remove(name) {
        Some(_) => Ok(()),
        None => Err(missing(object, name)),
    }
}
