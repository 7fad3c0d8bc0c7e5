//! Tuples whose items have names: `os.stat_result`, `time.struct_time`, `sys.version_info`. It
//! must not know any of them.

use std::sync::Arc;

use super::arguments::{self, Signature};
use super::methods::construct::class_argument;
use crate::eval::context::Context;
use crate::value::class::{Class, Layout, Wrapped};
use crate::value::exception::{attribute_error, type_error};
use crate::value::function::{Args, Binding, NativeBody, NativeFunction};
use crate::value::instance::{Instance, Payload};
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value, iterate, text};

/// The shape of such a type.
#[derive(Clone, Copy)]
pub struct Description {
    /// The module and the name: `os.stat_result`.
    pub name: &'static str,
    /// The names of the fields; the first `visible` are also the items of the tuple.
    pub fields: &'static [&'static str],
    /// How many are items of the tuple.
    pub visible: usize,
}

/// Makes the class of such a type.
pub fn class(description: &'static Description) -> Ref<Class> {
    let types = types();
    let class = Class::builtin_with(
        description.name,
        vec![types.tuple.clone()],
        Layout::Wrapper(Wrapped::Tuple),
    );
    class.complete_later(move |class| complete(class, description));
    class
}

/// Puts in what such a class has.
fn complete(class: &Class, description: &'static Description) {
    let types = types();
    for (place, &field) in description.fields.iter().enumerate() {
        let get = move |_: &mut Context, args: Args<'_>| match args.values {
            [Value::Instance(instance)] => {
                match (place < description.visible, instance.wrapped()) {
                    (true, Some(Value::Tuple(tuple))) => Ok(tuple.items()[place].clone()),
                    _ => Ok(instance.get(Name::new(field)).unwrap_or_default()),
                }
            }
            _ => Err(attribute_error(field)),
        };
        let getter = Value::Native(Ref::immortal(NativeFunction {
            name: field,
            owner: description.name,
            binding: Binding::Function,
            body: NativeBody::Closure(Arc::new(get)),
        }));
        let parts = [getter, Value::None, Value::None, Value::None];
        let property = Instance::new(types.property.clone(), Payload::Property(Box::new(parts)));
        property.make_immortal();
        class.set(Name::new(field), Value::Instance(property));
    }
    let new = move |cx: &mut Context, args: Args<'_>| new(cx, args, description);
    let repr = move |cx: &mut Context, args: Args<'_>| repr(cx, args, description);
    for (name, binding, body) in [
        (
            "__new__",
            Binding::Function,
            NativeBody::Closure(Arc::new(new)),
        ),
        (
            "__repr__",
            Binding::Method,
            NativeBody::Closure(Arc::new(repr)),
        ),
    ] {
        let function = NativeFunction {
            name,
            owner: description.name,
            binding,
            body,
        };
        class.set(Name::new(name), Value::Native(Ref::immortal(function)));
    }
    for (name, count) in [
        ("n_fields", description.fields.len()),
        ("n_sequence_fields", description.visible),
        ("n_unnamed_fields", 0),
    ] {
        class.set(Name::new(name), Value::size(count));
    }
    let names = description.fields[..description.visible]
        .iter()
        .map(|&field| Value::str(field));
    class.set(known().match_args, Value::tuple(names.collect()));
}

/// A value of the type, with one value for each field.
pub fn make(class: &Ref<Class>, description: &Description, mut values: Vec<Value>) -> Value {
    let hidden = values.split_off(description.visible.min(values.len()));
    let instance = Instance::new(class.clone(), Payload::Value(Value::tuple(values)));
    for (&field, value) in description.fields[description.visible..].iter().zip(hidden) {
        instance.set(Name::new(field), value);
    }
    Value::Instance(instance)
}

fn new(cx: &mut Context, args: Args<'_>, description: &Description) -> Outcome<Value> {
    let (class, rest) = class_argument(&types().tuple, args)?;
    let name = description.name;
    let signature = Signature::new(
        name.rsplit('.').next().unwrap_or(name),
        ["sequence", "dict"],
    );
    let [sequence, _] = signature.required(1).bind(rest)?;
    let values = match sequence {
        Some(sequence) => iterate::collect_or(cx, sequence, "constructor requires a sequence")?,
        None => Vec::new(),
    };
    let (least, most) = (description.visible, description.fields.len());
    if !(least..=most).contains(&values.len()) {
        let (bound, limit) = match (values.len() < least, least == most) {
            (_, true) => ("a", most),
            (true, _) => ("an at least", least),
            (false, _) => ("an at most", most),
        };
        return Err(type_error(format!(
            "{name}() takes {bound} {limit}-sequence ({}-sequence given)",
            values.len()
        )));
    }
    Ok(make(class, description, values))
}

fn repr(cx: &mut Context, args: Args<'_>, description: &Description) -> Outcome<Value> {
    let items = match args.values.first().map(Value::unwrapped) {
        Some(Value::Tuple(tuple)) => tuple.clone(),
        _ => return Err(arguments::bad_receiver(description.name, "__repr__", args)),
    };
    let mut parts = Vec::new();
    for (field, item) in description.fields.iter().zip(items.items()) {
        parts.push(format!("{field}={}", text::repr(cx, item)?));
    }
    Ok(Value::str(format!(
        "{}({})",
        description.name,
        parts.join(", ")
    )))
}

/// Puts a class into a module under its last name.
pub fn add_to(module: &crate::eval::module::Module, class: &Ref<Class>) {
    let name = class.name().as_str();
    let last = name.rsplit('.').next().unwrap_or(name);
    module.set(Name::new(last), Value::Class(class.clone()));
}
