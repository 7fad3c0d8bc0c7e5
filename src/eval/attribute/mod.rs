//! Attributes: looking them up, binding methods, setting and deleting. It must not know nodes
//! beyond the word of cache that they lend.
//!
//! What they remember is keyed by the number of a shape, which belongs to one class and is another
//! one after the class changed. So a hit says that the class is the one for which the entry was made,
//! and that no data descriptor stands in the way.

mod binding;
mod change;
mod kinds;
mod spread;

pub use self::binding::bind;
pub(super) use self::binding::{Found, method_with_cache};
pub(super) use self::change::{SetCaches, set_with_cache};
pub use self::change::{delete, delete_plainly, set, set_plainly};
pub(super) use self::kinds::dict_of;
pub use self::spread::call_spread;
pub(super) use self::spread::{callee_text, keyword_pairs, update_from_mapping};

use std::borrow::Cow;

use self::binding::bind_to_class;
use self::kinds::{class_module, find_on_class, find_on_function};
use super::context::Context;
use super::traits::{Traits, is_data_descriptor};
use crate::value::class::{Class, is_plain};
use crate::value::exception::{ExceptionKind, Raised, attribute_error};
use crate::value::function::Binding;
use crate::value::instance::{Instance, Payload};
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::slot_cache::SlotCache;
use crate::value::types::types;
use crate::value::{Outcome, Value};

/// The attribute of an instance if the cache knows where it is.
#[inline(always)]
pub(super) fn get_cached(instance: &Ref<Instance>, cache: &SlotCache) -> Option<Value> {
    let shape = instance.shape_id();
    let slot = cache.find(shape)?;
    // SAFETY: the instance has just been found to have the shape, of which the cache knows a slot.
    unsafe { Instance::get_cached(instance, shape, slot) }
}

/// The attribute of a value.
///
/// # Errors
/// `AttributeError`, or what a property or `__getattr__` raises.
pub(super) fn get_with_cache(
    cx: &mut Context,
    object: &Value,
    name: Name,
    cache: &SlotCache,
) -> Outcome<Value> {
    if let Value::Instance(instance) = object {
        if let Some(value) = get_cached(instance, cache) {
            return Ok(value);
        }
        // Before the class is asked: if it changes meanwhile, the number is of no use to anyone.
        let shape = instance.shape_id();
        if matches!(instance.payload(), Payload::None)
            && let Some((value, located)) = instance.get_located(name)
            && may_read_slot(cx, instance.class(), name)
        {
            if let Some((found, slot)) = located
                && found == shape
            {
                cache.add(shape, slot);
            }
            return Ok(value);
        }
    }
    get(cx, object, name)
}

/// An attribute that an instance has from its class, if it is a value that reading does nothing with but
/// give it: the commonest, such as a number or a text. It is looked up each time, for a class says nothing
/// of such a value that is put in the place of another.
pub(super) fn plain_of_class(
    cx: &mut Context,
    instance: &Ref<Instance>,
    name: Name,
) -> Option<Value> {
    let class = instance.class();
    if !matches!(instance.payload(), Payload::None)
        || Traits::of(class).has(Traits::OWN_LOOK_UP)
        || instance.has(name)
    {
        return None;
    }
    cx.lookup(class, name).filter(is_plain)
}

/// Whether the instance's own attribute of a name is what a look-up finds.
#[inline]
fn may_read_slot(cx: &mut Context, class: &Ref<Class>, name: Name) -> bool {
    let traits = Traits::of(class);
    if traits.has(Traits::OWN_LOOK_UP) {
        return false;
    }
    !traits.has(Traits::DATA_DESCRIPTORS)
        || cx
            .lookup(class, name)
            .is_none_or(|found| !is_data_descriptor(&found))
}

/// Whether no method of a script has a say in how attributes of the class's instances are found.
pub(super) fn has_plain_look_up(cx: &mut Context, class: &Ref<Class>) -> bool {
    !Traits::of(class).has(Traits::OWN_LOOK_UP) && cx.lookup(class, known().getattr).is_none()
}

/// The attribute of a value.
///
/// # Errors
/// `AttributeError`, or what a property or `__getattr__` raises.
pub fn get(cx: &mut Context, object: &Value, name: Name) -> Outcome<Value> {
    // What a module's `__getattr__` says of what is not there is for the script to read.
    if let Value::Module(module) = object
        && let Some(getattr) = module.get(known().getattr)
        && module.get(name).is_none()
        && name != known().dict
        && name != known().class
    {
        let result = cx.call(&getattr, &[name.value()]);
        return result.map_err(|raised| {
            if raised.is(ExceptionKind::AttributeError) {
                with_details(raised, object, name)
            } else {
                raised
            }
        });
    }
    match find(cx, object, name)? {
        Some(value) => Ok(value),
        None => Err(missing(object, name)),
    }
}

#[cold]
fn missing(object: &Value, name: Name) -> Raised {
    let message = match object {
        Value::Class(class) => {
            format!("type object '{}' has no attribute '{name}'", class.name())
        }
        Value::Module(module) => {
            format!("module '{}' has no attribute '{name}'", module.name())
        }
        Value::Instance(instance) => match instance.payload() {
            Payload::Super(..) => format!("'super' object has no attribute '{name}'"),
            _ => format!("'{}' object has no attribute '{name}'", object.type_name()),
        },
        _ => format!("'{}' object has no attribute '{name}'", object.type_name()),
    };
    with_details(attribute_error(message), object, name)
}

/// Notes on an `AttributeError` what was asked of whom, for suggestions.
fn with_details(raised: Raised, object: &Value, name: Name) -> Raised {
    if let Some(instance) = raised.exception() {
        instance.set(Name::new("name"), name.value());
        instance.set(Name::new("obj"), object.clone());
    }
    raised
}

/// The attribute of a value, `None` when it has none of that name.
///
/// # Errors
/// What a property or `__getattr__` raises; an `AttributeError` of `__getattr__` is `None`.
pub fn find(cx: &mut Context, object: &Value, name: Name) -> Outcome<Option<Value>> {
    match object {
        Value::Instance(instance) => find_on_instance(cx, object, instance, name),
        Value::Class(class) => find_on_class(cx, class, name),
        Value::Module(module) => {
            if let Some(value) = module.get(name) {
                return Ok(Some(value));
            }
            if name == known().dict {
                return Ok(Some(super::module::Module::dict(module)));
            }
            if name == known().class {
                return Ok(Some(Value::Class(types().module.clone())));
            }
            if let Some(getattr) = module.get(known().getattr) {
                return absent_if_attribute_error(cx.call(&getattr, &[name.value()]));
            }
            Ok(None)
        }
        Value::Function(function) => {
            if let Some(value) = find_on_function(cx, function, name)? {
                return Ok(Some(value));
            }
            find_by_class(cx, object, name)
        }
        Value::Method(method) => {
            let known = known();
            if name == known.self_ {
                return Ok(Some(method.receiver.clone()));
            }
            if name == known.func {
                return Ok(Some(method.function.clone()));
            }
            if name == known.class {
                return find_by_class(cx, object, name);
            }
            match find(cx, &method.function, name)? {
                Some(value) => Ok(Some(value)),
                None => Err(missing(&method.function, name)),
            }
        }
        Value::Native(function) => {
            let known = known();
            if name == known.name {
                return Ok(Some(Value::str(function.name)));
            }
            if name == known.qualname {
                return Ok(Some(Value::str(
                    if function.binding == Binding::Function || function.owner.is_empty() {
                        function.name.to_owned()
                    } else {
                        format!("{}.{}", function.owner, function.name)
                    },
                )));
            }
            if name == known.module {
                return Ok(Some(match function.binding {
                    Binding::Function if !function.owner.is_empty() => Value::str(function.owner),
                    Binding::Function => Value::str("builtins"),
                    _ => Value::None,
                }));
            }
            if name == known.doc {
                return Ok(Some(Value::str(format!(
                    "The built-in `{}`.",
                    function.name
                ))));
            }
            find_by_class(cx, object, name)
        }
        Value::Generator(generator) => {
            if let Some(value) = super::generator::attribute(generator, name) {
                return Ok(Some(value));
            }
            find_by_class(cx, object, name)
        }
        _ => find_by_class(cx, object, name),
    }
}

fn find_by_class(cx: &mut Context, object: &Value, name: Name) -> Outcome<Option<Value>> {
    let class = object.class();
    if let Some(found) = cx.lookup(class, name) {
        return bind(cx, &found, object).map(Some);
    }
    if name == known().class {
        return Ok(Some(Value::Class(class.clone())));
    }
    if name == known().doc {
        return Ok(Some(Value::None));
    }
    Ok(super::intrinsic::attribute(object, name))
}

fn find_on_instance(
    cx: &mut Context,
    object: &Value,
    instance: &Ref<Instance>,
    name: Name,
) -> Outcome<Option<Value>> {
    let class = instance.class();
    if let Payload::Super(after, receiver) = instance.payload() {
        return find_on_super(cx, after, receiver, name);
    }
    let known = known();
    if Traits::of(class).has(Traits::OWN_LOOK_UP)
        && let Some(method) = cx.lookup(class, known.getattribute)
    {
        let result = cx.call(&method, &[object.clone(), name.value()]);
        return match absent_if_attribute_error(result)? {
            Some(value) => Ok(Some(value)),
            None => ask_getattr(cx, object, class, name),
        };
    }
    match find_plainly(cx, object, instance, name) {
        Ok(Some(value)) => Ok(Some(value)),
        Ok(None) => ask_getattr(cx, object, class, name),
        // A property that fails this way counts as missing for `__getattr__`.
        Err(raised)
            if raised.is(ExceptionKind::AttributeError)
                && cx.lookup(class, known.getattr).is_some() =>
        {
            ask_getattr(cx, object, class, name)
        }
        Err(raised) => Err(raised),
    }
}

fn ask_getattr(
    cx: &mut Context,
    object: &Value,
    class: &Ref<Class>,
    name: Name,
) -> Outcome<Option<Value>> {
    match cx.lookup(class, known().getattr) {
        Some(getattr) => {
            let bound = bind(cx, &getattr, object)?;
            // What `__getattr__` raises is shown as it is.
            cx.call(&bound, &[name.value()]).map(Some)
        }
        None => Ok(None),
    }
}

/// The instance that an object's own attributes are in: itself, but for kinds that keep them
/// elsewhere.
#[inline]
fn storage<'a>(
    cx: &mut Context,
    object: &Value,
    instance: &'a Ref<Instance>,
) -> Outcome<Cow<'a, Ref<Instance>>> {
    if let Payload::Native(data) = instance.payload()
        && let Some(other) = data.stand_in(cx, object)?
    {
        return Ok(Cow::Owned(other));
    }
    Ok(Cow::Borrowed(instance))
}

/// What `object.__getattribute__` does.
///
/// # Errors
/// What a property raises.
pub fn find_plainly(
    cx: &mut Context,
    object: &Value,
    instance: &Ref<Instance>,
    name: Name,
) -> Outcome<Option<Value>> {
    let class = instance.class();
    let found = cx.lookup(class, name);
    if let Some(found) = &found
        && is_data_descriptor(found)
    {
        return bind(cx, found, object).map(Some);
    }
    if let Some(value) = storage(cx, object, instance)?.get(name) {
        return Ok(Some(value));
    }
    if let Some(found) = found {
        // Whatever has attributes of its own by its nature answers before a method of the class.
        if let Some(value) = super::intrinsic::exception_attribute(instance, name) {
            return Ok(Some(value));
        }
        return bind(cx, &found, object).map(Some);
    }
    let known = known();
    if name == known.dict {
        let storage = storage(cx, object, instance)?;
        let has =
            super::intrinsic::has_attributes(instance) && !Traits::of(class).has(Traits::SLOTTED);
        return Ok(has.then(|| super::intrinsic::instance_dict(&storage)));
    }
    if name == known.class {
        return Ok(Some(Value::Class(class.clone())));
    }
    if name == known.doc {
        return Ok(Some(Value::None));
    }
    if name == known.module {
        return Ok(class_module(class));
    }
    if let Some(value) = super::intrinsic::exception_attribute(instance, name) {
        return Ok(Some(value));
    }
    if let Some(value) = super::intrinsic::attribute(object, name) {
        return Ok(Some(value));
    }
    match instance.wrapped() {
        Some(inner) => Ok(super::intrinsic::attribute(inner, name)),
        None => Ok(None),
    }
}

fn find_on_super(
    cx: &mut Context,
    after: &Ref<Class>,
    receiver: &Value,
    name: Name,
) -> Outcome<Option<Value>> {
    // Within a class method the receiver is a class: its own order is what counts.
    let (start, bound_to_class) = match receiver {
        Value::Class(class) if class.derives_from(after) => (class.clone(), true),
        other => (other.class().clone(), false),
    };
    if name == known().class {
        return Ok(Some(Value::Class(types().super_.clone())));
    }
    let Some(found) = start.lookup_after(after, name) else {
        if let Value::Instance(instance) = receiver
            && let Some(value) = super::intrinsic::exception_attribute(instance, name)
        {
            return Ok(Some(value));
        }
        return Ok(None);
    };
    if bound_to_class {
        bind_to_class(&found, &start).map(Some)
    } else {
        bind(cx, &found, receiver).map(Some)
    }
}

fn absent_if_attribute_error(result: Outcome<Value>) -> Outcome<Option<Value>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(raised) if raised.is(ExceptionKind::AttributeError) => Ok(None),
        Err(raised) => Err(raised),
    }
}
