//! `property`, `staticmethod`, `classmethod`.

use super::construct::class_argument;
use crate::eval::attribute;
use crate::eval::context::Context;
use crate::library::arguments::{self, Signature};
use crate::library::define;
use crate::value::exception::attribute_error;
use crate::value::function::Args;
use crate::value::instance::{Instance, Payload};
use crate::value::name::known;
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value, text};

/// Puts the methods into the classes.
pub fn install() {
    let class = &types().property;
    define::static_methods(class, &[("__new__", new)]);
    define::methods(
        class,
        &[
            ("getter", |_, args| changed(args, "getter", 0)),
            ("setter", |_, args| changed(args, "setter", 1)),
            ("deleter", |_, args| changed(args, "deleter", 2)),
            ("__get__", get),
            ("__set__", set),
            ("__delete__", delete),
        ],
    );
    define::getters(
        class,
        &[
            ("fget", |_, args| part(args, "fget", 0)),
            ("fset", |_, args| part(args, "fset", 1)),
            ("fdel", |_, args| part(args, "fdel", 2)),
            ("__doc__", |_, args| part(args, "__doc__", 3)),
        ],
    );
    for class in [&types().staticmethod, &types().classmethod] {
        define::methods(
            class,
            &[("__repr__", repr_function), ("__get__", get_function)],
        );
        define::getters(class, &[("__func__", function), ("__wrapped__", function)]);
    }
    define::static_methods(&types().staticmethod, &[("__new__", new_static)]);
    define::methods(&types().staticmethod, &[("__call__", call_static)]);
    define::static_methods(&types().classmethod, &[("__new__", new_class_method)]);
}

const PROPERTY: Signature<4> = Signature::new("property", ["fget", "fset", "fdel", "doc"]);

fn new(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (class, rest) = class_argument(&types().property, args)?;
    let parts = PROPERTY.bind(rest)?;
    let mut parts = parts.map(|part| part.cloned().unwrap_or_default());
    if parts[3].is_none() && !parts[0].is_none() {
        // The property is documented by its getter.
        parts[3] = attribute::find(cx, &parts[0], known().doc)?.unwrap_or_default();
    }
    Ok(Value::Instance(Instance::new(
        class.clone(),
        Payload::Property(Box::new(parts)),
    )))
}

fn parts<'a>(
    args: Args<'a>,
    method: &'static str,
) -> Outcome<(&'a Ref<Instance>, &'a [Value; 4], Args<'a>)> {
    let instance = args.positional().first().and_then(Value::as_instance);
    match instance.map(|instance| (instance, instance.payload())) {
        Some((instance, Payload::Property(parts))) => Ok((instance, parts, args.rest())),
        _ => Err(arguments::bad_receiver("property", method, args)),
    }
}

fn part(args: Args<'_>, method: &'static str, place: usize) -> Outcome<Value> {
    let (_, parts, _) = parts(args, method)?;
    Ok(parts[place].clone())
}

/// A copy with another function at this place.
fn changed(args: Args<'_>, method: &'static str, place: usize) -> Outcome<Value> {
    let (instance, parts, rest) = parts(args, method)?;
    let function = arguments::one(&format!("property.{method}"), rest)?;
    let mut parts = parts.clone();
    parts[place] = function.clone();
    Ok(Value::Instance(Instance::new(
        instance.class().clone(),
        Payload::Property(Box::new(parts)),
    )))
}

fn get(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (_, parts, rest) = parts(args, "__get__")?;
    let values = arguments::between("__get__", rest, 1, 2)?;
    if values[0].is_none() {
        return Ok(args.values[0].clone());
    }
    match &parts[0] {
        Value::None => Err(attribute_error("unreadable attribute")),
        get => cx.call(get, &values[..1]),
    }
}

fn set(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (_, parts, rest) = parts(args, "__set__")?;
    let values = arguments::exactly::<2>("__set__", rest)?;
    match &parts[1] {
        Value::None => Err(attribute_error("can't set attribute")),
        set => cx.call(set, values),
    }
}

fn delete(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (_, parts, rest) = parts(args, "__delete__")?;
    let values = arguments::exactly::<1>("__delete__", rest)?;
    match &parts[2] {
        Value::None => Err(attribute_error("can't delete attribute")),
        delete => cx.call(delete, values),
    }
}

fn new_static(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (class, rest) = class_argument(&types().staticmethod, args)?;
    let [function] = arguments::exactly("staticmethod", rest)?;
    Ok(Value::Instance(Instance::new(
        class.clone(),
        Payload::StaticMethod(function.clone()),
    )))
}

fn new_class_method(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (class, rest) = class_argument(&types().classmethod, args)?;
    let [function] = arguments::exactly("classmethod", rest)?;
    Ok(Value::Instance(Instance::new(
        class.clone(),
        Payload::ClassMethod(function.clone()),
    )))
}

fn wrapped<'a>(args: Args<'a>, method: &'static str) -> Outcome<(&'a Value, Args<'a>)> {
    let payload = args
        .positional()
        .first()
        .and_then(Value::as_instance)
        .map(|instance| instance.payload());
    match payload {
        Some(Payload::StaticMethod(function) | Payload::ClassMethod(function)) => {
            Ok((function, args.rest()))
        }
        _ => Err(arguments::bad_receiver("staticmethod", method, args)),
    }
}

fn function(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    Ok(wrapped(args, "__func__")?.0.clone())
}

fn call_static(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (function, rest) = wrapped(args, "__call__")?;
    cx.call_with(function, rest)
}

fn get_function(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (_, rest) = wrapped(args, "__get__")?;
    let values = arguments::between("__get__", rest, 1, 2)?;
    let receiver = match values {
        [Value::None, class] => {
            return match args.values[0].as_instance().map(|found| found.payload()) {
                Some(Payload::ClassMethod(function)) => Ok(Value::Method(Ref::new(
                    crate::value::function::BoundMethod {
                        function: function.clone(),
                        receiver: class.clone(),
                    },
                ))),
                _ => Ok(wrapped(args, "__get__")?.0.clone()),
            };
        }
        values => &values[0],
    };
    attribute::bind(cx, &args.values[0], receiver)
}

fn repr_function(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (function, _) = wrapped(args, "__repr__")?;
    let inner = text::repr(cx, function)?;
    Ok(Value::str(format!(
        "<{}({inner})>",
        args.values[0].type_name()
    )))
}
