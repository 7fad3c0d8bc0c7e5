//! How native functions are put into classes and modules. It must not know any of them.

use std::sync::Arc;

use crate::eval::context::Context;
use crate::value::Value;
use crate::value::class::Class;
use crate::value::exception::attribute_error;
use crate::value::function::{Args, Binding, NativeBody, NativeCall, NativeFunction};
use crate::value::instance::{Instance, Payload};
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::types::types;

/// Names with what they run.
pub type Entries<'a> = &'a [(&'static str, NativeCall)];

fn native(owner: &'static str, name: &'static str, binding: Binding, call: NativeCall) -> Value {
    Value::Native(Ref::immortal(NativeFunction {
        name,
        owner,
        binding,
        body: NativeBody::Plain(call),
    }))
}

/// Gives a class methods; the receiver is their first argument.
pub fn methods(class: &Class, entries: Entries<'_>) {
    functions(class, entries, Binding::Method);
}

/// Gives a class methods whose first argument is the class.
pub fn class_methods(class: &Class, entries: Entries<'_>) {
    functions(class, entries, Binding::ClassMethod);
}

/// Gives a class functions that are never bound. `__new__` is one: its first argument is the
/// class, given by whoever calls it.
pub fn static_methods(class: &Class, entries: Entries<'_>) {
    functions(class, entries, Binding::Function);
}

fn functions(class: &Class, entries: Entries<'_>, binding: Binding) {
    let owner = class.name().as_str();
    class.set_all(
        entries
            .iter()
            .map(|&(name, call)| (Name::new(name), native(owner, name, binding, call))),
    );
}

/// Gives a class attributes that are computed from the receiver and cannot be set.
pub fn getters(class: &Class, entries: Entries<'_>) {
    for &(name, get) in entries {
        accessor(class, name, get, None);
    }
}

/// The same for a class that CPython writes in Python, where setting them has another message.
pub fn properties(class: &Class, entries: Entries<'_>) {
    let owner = class.name().as_str();
    for &(name, get) in entries {
        let refuse = move |_: &mut Context, args: Args<'_>| {
            let class = args.values.first().map_or(owner, Value::type_name);
            Err(attribute_error(format!(
                "property '{name}' of '{class}' object has no setter"
            )))
        };
        let set = Value::Native(Ref::immortal(NativeFunction {
            name,
            owner,
            binding: Binding::Function,
            body: NativeBody::Closure(Arc::new(refuse)),
        }));
        set_property(
            class,
            name,
            native(owner, name, Binding::Function, get),
            set,
        );
    }
}

/// The same for what CPython's classes keep in ordinary attributes of their instances, under names that begin with an
/// underscore: a class derived in a script may set them to what it likes, and then they are its own.
pub fn internals(class: &Class, entries: Entries<'_>) {
    let owner = class.name().as_str();
    let function = |name, body| {
        Value::Native(Ref::immortal(NativeFunction {
            name,
            owner,
            binding: Binding::Function,
            body: NativeBody::Closure(body),
        }))
    };
    for &(name, get) in entries {
        let key = Name::new(name);
        let own_first = move |cx: &mut Context, args: Args<'_>| {
            let own = args.values.first().and_then(Value::as_instance);
            match own.and_then(|instance| instance.get(key)) {
                Some(value) => Ok(value),
                None => get(cx, args),
            }
        };
        let set = move |_: &mut Context, args: Args<'_>| {
            if let [Value::Instance(instance), value] = args.values {
                instance.set(key, value.clone());
            }
            Ok(Value::None)
        };
        set_property(
            class,
            name,
            function(name, Arc::new(own_first)),
            function(name, Arc::new(set)),
        );
    }
}

/// Gives a class an attribute that is computed from the receiver.
pub fn accessor(class: &Class, name: &'static str, get: NativeCall, set: Option<NativeCall>) {
    let owner = class.name().as_str();
    let function = |call| native(owner, name, Binding::Function, call);
    set_property(
        class,
        name,
        function(get),
        set.map_or(Value::None, function),
    );
}

fn set_property(class: &Class, name: &'static str, get: Value, set: Value) {
    let parts = [get, set, Value::None, Value::None];
    let property = Instance::new(types().property.clone(), Payload::Property(Box::new(parts)));
    property.make_immortal();
    class.set(Name::new(name), Value::Instance(property));
}

/// A function of a module; `owner` is empty for the built-in scope.
pub fn function(owner: &'static str, name: &'static str, call: NativeCall) -> Value {
    native(owner, name, Binding::Function, call)
}

/// Gives a class the six comparisons, all by one function that gets to know which it is.
macro_rules! comparisons {
    ($class:expr, $compared:path) => {{
        use $crate::value::operator::Comparison;
        $crate::library::define::methods(
            $class,
            &[
                ("__eq__", |cx, args| $compared(cx, args, Comparison::Equal)),
                ("__ne__", |cx, args| {
                    $compared(cx, args, Comparison::NotEqual)
                }),
                ("__lt__", |cx, args| $compared(cx, args, Comparison::Less)),
                ("__le__", |cx, args| {
                    $compared(cx, args, Comparison::LessEqual)
                }),
                ("__gt__", |cx, args| {
                    $compared(cx, args, Comparison::Greater)
                }),
                ("__ge__", |cx, args| {
                    $compared(cx, args, Comparison::GreaterEqual)
                }),
            ],
        );
    }};
}
pub(crate) use comparisons;
