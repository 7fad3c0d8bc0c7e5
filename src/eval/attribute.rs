//! Attributes: looking them up, binding methods, setting and deleting. It must not know nodes
//! beyond the word of cache that they lend.
//!
//! What they remember is keyed by the number of a shape, which belongs to one class and is another
//! one after the class changed. So a hit says that the class is the one for which the entry was made,
//! and that no data descriptor stands in the way.

use std::borrow::Cow;

use super::builtin_scope;
use super::context::Context;
use super::function::Function;
use super::traits::{Traits, is_data_descriptor, is_objects_own};
use crate::value::class::Class;
use crate::value::exception::{ExceptionKind, Raised, attribute_error, type_error};
use crate::value::function::{Args, Binding, BoundMethod};
use crate::value::instance::{Instance, Located, Payload};
use crate::value::method_cache::MethodCache;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::slot_cache::SlotCache;
use crate::value::types::types;
use crate::value::{Dict, Outcome, Value};

/// What a look-up for a call found.
pub(super) enum Found {
    /// To be called with the object as first argument.
    Method(Value),
    /// To be called as it is.
    Value(Value),
}

/// The attribute of an instance if the cache knows where it is.
#[inline(always)]
pub(super) fn get_cached(instance: &Ref<Instance>, cache: &SlotCache) -> Option<Value> {
    let shape = instance.shape_id();
    let slot = cache.find(shape)?;
    Instance::get_cached(instance, shape, slot)
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

/// The attribute of a value.
///
/// # Errors
/// `AttributeError`, or what a property or `__getattr__` raises.
pub fn get(cx: &mut Context, object: &Value, name: Name) -> Outcome<Value> {
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
        return Ok(super::intrinsic::has_attributes(instance)
            .then(|| super::intrinsic::instance_dict(&storage)));
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

fn class_module(class: &Class) -> Option<Value> {
    if class.is_builtin()
        && class.own(known().module).is_none()
        && let Some((module, _)) = class.name().as_str().rsplit_once('.')
    {
        return Some(Value::str(module));
    }
    class
        .lookup(known().module)
        .or_else(|| class.is_builtin().then(|| Value::str("builtins")))
}

/// Whether a class says that it is of this module: those of the library that messages give with it.
fn is_module_of(class: &Class, module: &str) -> bool {
    matches!(class.own(known().module), Some(Value::Str(text)) if text.as_str() == module)
}

/// The name of a class without the module that those of native modules have in front.
fn bare_name(class: &Class) -> Value {
    match class.name().as_str().rsplit_once('.') {
        Some((module, bare)) if class.is_builtin() || is_module_of(class, module) => {
            Value::str(bare)
        }
        _ => class.name().value(),
    }
}

fn find_on_class(cx: &mut Context, class: &Ref<Class>, name: Name) -> Outcome<Option<Value>> {
    let names = known();
    if name == names.name {
        return Ok(Some(bare_name(class)));
    }
    if name == names.dict {
        return super::intrinsic::class_dict(cx, class).map(Some);
    }
    if name == names.doc {
        return Ok(Some(class.own(name).unwrap_or_else(|| {
            if class.is_builtin() {
                Value::str(format!("The built-in class `{}`.", class.name()))
            } else {
                Value::None
            }
        })));
    }
    if name == names.module {
        return Ok(class_module(class));
    }
    if name == names.annotations && class.own(name).is_none() {
        if class.is_builtin() {
            return Ok(None);
        }
        class.set(name, Value::Dict(Ref::new(Dict::new())));
    }
    if let Some(found) = cx.lookup(class, name) {
        return bind_to_class(&found, class).map(Some);
    }
    if name == names.qualname {
        return Ok(Some(bare_name(class)));
    }
    if name.as_str() == "__base__" {
        return Ok(Some(match class.bases() {
            [] => Value::None,
            bases => {
                let layout = class.layout();
                let main = bases.iter().find(|base| base.layout() == layout);
                Value::Class(main.unwrap_or(&bases[0]).clone())
            }
        }));
    }
    if name == names.bases {
        return Ok(Some(classes(class.bases())));
    }
    if name == names.mro {
        let mut order = vec![Value::Class(class.clone())];
        order.extend(class.ancestors().iter().cloned().map(Value::Class));
        return Ok(Some(Value::tuple(order)));
    }
    if name == names.class {
        return Ok(Some(Value::Class(types().type_.clone())));
    }
    // Methods of `type` itself: `mro`, `__subclasses__`, ….
    match cx.lookup(&types().type_, name) {
        Some(found) => {
            let receiver = Value::Class(class.clone());
            bind(cx, &found, &receiver).map(Some)
        }
        None => Ok(None),
    }
}

fn classes(list: &[Ref<Class>]) -> Value {
    Value::tuple(list.iter().cloned().map(Value::Class).collect())
}

fn find_on_function(
    cx: &mut Context,
    function: &Ref<Function>,
    name: Name,
) -> Outcome<Option<Value>> {
    if let Some(value) = function.attribute(name) {
        return Ok(Some(value));
    }
    let names = known();
    let value = if name == names.name {
        function.name().value()
    } else if name == names.qualname {
        function.qualified_name().value()
    } else if name == names.doc {
        function.code.doc.clone().unwrap_or(Value::None)
    } else if name == names.module {
        function
            .linked
            .module
            .get(names.name)
            .unwrap_or_else(|| function.linked.module.name().value())
    } else if name == names.dict {
        super::intrinsic::function_dict(function)
    } else if name == names.defaults {
        match &*function.defaults() {
            [] => Value::None,
            values => Value::tuple(values.to_vec()),
        }
    } else if name == names.kwdefaults {
        let layout = &function.code.parameters;
        let entries: Vec<(Name, Value)> = layout.names[layout.positional..]
            .iter()
            .copied()
            .zip(function.keyword_defaults().iter().cloned())
            .filter(|(_, value)| !value.is_unbound())
            .collect();
        if entries.is_empty() {
            Value::None
        } else {
            dict_of(cx, entries)?
        }
    } else if name == names.closure {
        if function.cells.is_empty() {
            Value::None
        } else {
            Value::tuple(function.cells.iter().cloned().map(Value::Cell).collect())
        }
    } else if name == names.annotations {
        function.annotations(cx)?
    } else if name == names.globals {
        super::module::Module::dict(&function.linked.module)
    } else {
        return Ok(super::intrinsic::code_attribute(function, name));
    };
    Ok(Some(value))
}

/// A dict of these names and values.
pub(super) fn dict_of(cx: &mut Context, entries: Vec<(Name, Value)>) -> Outcome<Value> {
    let dict = Dict::with_capacity(entries.len());
    for (name, value) in entries {
        dict.set(cx, name.value(), value)?;
    }
    Ok(Value::Dict(Ref::new(dict)))
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
fn bind_to_class(found: &Value, class: &Ref<Class>) -> Outcome<Value> {
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
pub(super) fn method_with_cache(
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
pub(super) fn method(cx: &mut Context, object: &Value, name: Name) -> Outcome<Found> {
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
pub(super) struct SetCaches<'a> {
    /// Shape and slot.
    pub(super) there: &'a SlotCache,
    /// Shape before and shape after.
    pub(super) added: &'a SlotCache,
}

/// Sets an attribute, remembering where it is.
#[inline]
pub(super) fn set_with_cache(
    cx: &mut Context,
    object: &Value,
    name: Name,
    value: Value,
    caches: SetCaches<'_>,
) -> Outcome<()> {
    let Value::Instance(instance) = object else {
        return set_on_other(cx, object, name, value);
    };
    let shape = instance.shape_id();
    let value = if let Some(slot) = caches.there.find(shape) {
        match instance.set_cached(shape, slot, value) {
            Ok(()) => return Ok(()),
            Err(value) => value,
        }
    } else if let Some(to) = caches.added.find(shape) {
        match instance.add_cached(shape, to, value) {
            Ok(()) => return Ok(()),
            Err(value) => value,
        }
    } else {
        value
    };
    set_on_instance(cx, object, instance, name, value, Some(caches))
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
            if let Some(method) = class.lookup(known().class_setattr) {
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
        match super::intrinsic::set_exception_attribute(instance, name, value)? {
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
        let storage = storage(cx, object, instance)?;
        for (key, _) in storage.entries() {
            drop(storage.remove(key));
        }
        for (key, value) in dict.entries() {
            if let Some(text) = key.as_str() {
                storage.set(Name::new(text), value);
            }
        }
        return Ok(None);
    }
    if !super::intrinsic::has_attributes(instance) {
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

/// What a message calls the thing that is called: `f()`.
pub(super) fn callee_text(callee: &Value) -> String {
    match callee {
        Value::Function(function) => {
            let module = function.linked.module.name();
            format!("{module}.{}()", function.qualified_name())
        }
        Value::Native(function) => format!("{}()", function.name),
        Value::Method(method) => callee_text(&method.function),
        Value::Class(class) => format!("{}()", class.name()),
        other => format!("{} object", other.type_name()),
    }
}

/// The pairs of `**mapping` in a call; `callee` says in a message what is called.
pub(super) fn keyword_pairs(
    cx: &mut Context,
    callee: impl FnOnce() -> String,
    mapping: &Value,
) -> Outcome<Vec<(Name, Value)>> {
    let pairs = mapping_entries(cx, mapping)?.ok_or_else(|| {
        type_error(format!(
            "{} argument after ** must be a mapping, not {}",
            callee(),
            mapping.type_name()
        ))
    })?;
    let mut named = Vec::with_capacity(pairs.len());
    for (key, value) in pairs {
        match key.unwrapped().as_str() {
            Some(text) => named.push((Name::new(text), value)),
            None => return Err(type_error("keywords must be strings")),
        }
    }
    Ok(named)
}

/// `callee(*positional, **keywords)`, for native functions that call with what they were given.
///
/// # Errors
/// `TypeError` when these cannot be spread; whatever the call raises.
pub fn call_spread(
    cx: &mut Context,
    callee: &Value,
    positional: &Value,
    keywords: &Value,
) -> Outcome<Value> {
    let mut values = match positional {
        Value::Tuple(tuple) => tuple.items().to_vec(),
        other => match crate::value::iterate::try_iterate(cx, other)? {
            Some(iterator) => crate::value::iterate::collect_rest(cx, &iterator)?,
            None => {
                return Err(type_error(format!(
                    "{} argument after * must be an iterable, not {}",
                    callee_text(callee),
                    other.type_name()
                )));
            }
        },
    };
    let pairs = keyword_pairs(cx, || callee_text(callee), keywords)?;
    let mut names = Vec::with_capacity(pairs.len());
    for (name, value) in pairs {
        names.push(name);
        values.push(value);
    }
    cx.call_with(
        callee,
        Args {
            values: &values,
            names: &names,
        },
    )
}

/// The entries of a mapping: a dict, or anything with `keys` and `__getitem__`; `None` for
/// anything else.
fn mapping_entries(cx: &mut Context, mapping: &Value) -> Outcome<Option<Vec<(Value, Value)>>> {
    if let Value::Dict(dict) = mapping.unwrapped() {
        return Ok(Some(dict.entries()));
    }
    let Some(keys) = find(cx, mapping, known().keys)? else {
        return Ok(None);
    };
    let keys = cx.call(&keys, &[])?;
    let mut entries = Vec::new();
    for key in crate::value::iterate::collect(cx, &keys)? {
        let value = crate::value::sequence::get_item(cx, mapping, &key)?;
        entries.push((key, value));
    }
    Ok(Some(entries))
}

/// `**mapping` in a dict display.
pub(super) fn update_from_mapping(cx: &mut Context, dict: &Dict, mapping: &Value) -> Outcome<()> {
    let Some(entries) = mapping_entries(cx, mapping)? else {
        return Err(type_error(format!(
            "'{}' object is not a mapping",
            mapping.type_name()
        )));
    };
    for (key, value) in entries {
        dict.set(cx, key, value)?;
    }
    Ok(())
}

fn absent_if_attribute_error(result: Outcome<Value>) -> Outcome<Option<Value>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(raised) if raised.is(ExceptionKind::AttributeError) => Ok(None),
        Err(raised) => Err(raised),
    }
}
