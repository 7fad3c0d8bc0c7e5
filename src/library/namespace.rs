//! `types.SimpleNamespace`: an object for attributes, as `sys.implementation` and
//! `time.get_clock_info` give it.

use std::sync::OnceLock;

use super::define;
use crate::eval::context::Context;
use crate::value::class::{Class, Layout};
use crate::value::exception::type_error;
use crate::value::function::Args;
use crate::value::instance::{Instance, Payload};
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value, compare, iterate, sequence, text};

/// The class.
pub fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::builtin_with(
            "SimpleNamespace",
            vec![types().object.clone()],
            // Its instances have attributes, which those of a plain built-in class have not.
            Layout::Native("namespace"),
        );
        class.set(known().module, Value::str("types"));
        class.set(known().hash, Value::None);
        define::static_methods(&class, &[("__new__", new)]);
        define::methods(
            &class,
            &[("__init__", init), ("__repr__", repr), ("__eq__", equal)],
        );
        class
    })
}

/// A namespace with these attributes.
pub fn make(attributes: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let namespace = Instance::new(class().clone(), Payload::None);
    for (name, value) in attributes {
        namespace.set(Name::new(name), value);
    }
    Value::Instance(namespace)
}

fn new(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (class, _) = super::methods::construct::class_argument(class(), args)?;
    Ok(Value::Instance(Instance::new(class.clone(), Payload::None)))
}

fn this(args: Args<'_>) -> Outcome<&Ref<Instance>> {
    args.positional()
        .first()
        .and_then(Value::as_instance)
        .ok_or_else(|| type_error("SimpleNamespace needs a receiver"))
}

fn init(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let instance = this(args)?;
    match args.rest().positional() {
        [] => {}
        [mapping] => {
            let keys = iterate::collect(cx, mapping)?;
            for key in keys {
                let value = sequence::get_item(cx, mapping, &key)?;
                let Value::Str(key) = key.unwrapped() else {
                    return Err(type_error("keywords must be strings"));
                };
                instance.set(Name::new(key.as_str()), value);
            }
        }
        more => {
            return Err(type_error(format!(
                "SimpleNamespace expected at most 1 argument, got {}",
                more.len()
            )));
        }
    }
    for (name, value) in args.keywords() {
        instance.set(name, value.clone());
    }
    Ok(Value::None)
}

fn repr(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let instance = this(args)?;
    let name = if instance.class().same(class()) {
        "namespace"
    } else {
        instance.class().name().as_str()
    };
    cx.check_stack(" while getting the repr of an object")?;
    let mut parts = Vec::new();
    for (name, value) in instance.entries() {
        parts.push(format!("{name}={}", text::repr(cx, &value)?));
    }
    Ok(Value::str(format!("{name}({})", parts.join(", "))))
}

fn equal(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let left = this(args)?;
    let right = match args.values.get(1).and_then(Value::as_instance) {
        Some(right) if right.class().derives_from(class()) => right,
        _ => return Ok(Value::NotImplemented),
    };
    let (left, right) = (left.entries(), right.entries());
    if left.len() != right.len() {
        return Ok(Value::Bool(false));
    }
    for (name, value) in &left {
        let Some((_, other)) = right.iter().find(|(known, _)| known == name) else {
            return Ok(Value::Bool(false));
        };
        if !compare::identical_or_equal(cx, value, other)? {
            return Ok(Value::Bool(false));
        }
    }
    Ok(Value::Bool(true))
}
