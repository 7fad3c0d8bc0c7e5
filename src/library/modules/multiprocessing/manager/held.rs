//! What a manager holds: the kinds of objects that can be asked for, and those that only it has.

use std::sync::OnceLock;

use crate::eval::context::Context;
use crate::eval::import;
use crate::library::modules::multiprocessing::child;
use crate::library::parameters::Parameters;
use crate::library::{arguments, define};
use crate::value::class::Class;
use crate::value::exception::{attribute_error, type_error};
use crate::value::function::Args;
use crate::value::instance::{Instance, Payload};
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value, iterate, sequence, text};

/// The kinds.
pub const TYPES: &[&str] = &[
    "Queue",
    "JoinableQueue",
    "Event",
    "Lock",
    "RLock",
    "Semaphore",
    "BoundedSemaphore",
    "Condition",
    "Barrier",
    "Pool",
    "list",
    "dict",
    "Value",
    "Array",
    "Namespace",
];

/// Makes an object of a kind.
///
/// # Errors
/// Whatever its constructor raises.
pub fn make(cx: &mut Context, kind: &str, args: &Value, kwargs: &Value) -> Outcome<Value> {
    let callable = match kind {
        "Queue" | "JoinableQueue" => of_module(cx, "queue", "Queue")?,
        "Event" | "Lock" | "RLock" | "Semaphore" | "BoundedSemaphore" | "Condition" | "Barrier" => {
            of_module(cx, "threading", kind)?
        }
        "Pool" => of_module(cx, "multiprocessing.pool", "Pool")?,
        "list" => Value::Class(types().list.clone()),
        "dict" => Value::Class(types().dict.clone()),
        "Value" => Value::Class(value_class().clone()),
        "Array" => Value::Class(array_class().clone()),
        "Namespace" => Value::Class(namespace().clone()),
        _ => return Err(attribute_error(format!("a manager has no type '{kind}'"))),
    };
    child::call(cx, &callable, args, kwargs)
}

fn of_module(cx: &mut Context, module: &str, name: &str) -> Outcome<Value> {
    let module = import::module(cx, Name::new(module))?;
    module
        .get(Name::new(name))
        .ok_or_else(|| attribute_error(format!("a manager has no type '{name}'")))
}

fn class(
    cell: &'static OnceLock<Ref<Class>>,
    module: &'static str,
    name: &'static str,
    fill: fn(&Class),
) -> &'static Ref<Class> {
    cell.get_or_init(|| {
        let class = Class::native(name);
        class.set(known().module, Value::str(module));
        fill(&class);
        class
    })
}

fn blank(class: &Ref<Class>) -> Ref<Instance> {
    Instance::new(class.clone(), Payload::None)
}

fn instance<'a>(args: Args<'a>) -> Outcome<&'a Ref<Instance>> {
    match args.values.first() {
        Some(Value::Instance(instance)) => Ok(instance),
        _ => Err(type_error("an object of a manager is needed")),
    }
}

fn field(args: Args<'_>, name: &str) -> Outcome<Value> {
    Ok(instance(args)?.get(Name::new(name)).unwrap_or_default())
}

/// `multiprocessing.managers.Namespace`.
pub fn namespace() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    class(&CLASS, "multiprocessing.managers", "Namespace", |class| {
        define::static_methods(
            class,
            &[("__new__", |_, args| {
                if args.positional().len() > 1 {
                    return Err(type_error(format!(
                        "Namespace.__init__() takes 1 positional argument but {} were given",
                        args.positional().len()
                    )));
                }
                let made = blank(namespace());
                for (name, value) in args.keywords() {
                    made.set(name, value.clone());
                }
                Ok(Value::Instance(made))
            })],
        );
        define::methods(
            class,
            &[("__repr__", |cx, args| {
                let mut shown = Vec::new();
                for (name, value) in instance(args)?.entries() {
                    if !name.as_str().starts_with('_') {
                        shown.push(format!("{name}={}", text::repr(cx, &value)?));
                    }
                }
                shown.sort();
                Ok(Value::str(format!("Namespace({})", shown.join(", "))))
            })],
        );
    })
}

fn value_class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    class(&CLASS, "multiprocessing.managers", "Value", |class| {
        define::static_methods(
            class,
            &[("__new__", |_, args| {
                const NEW: Parameters<3> =
                    Parameters::method("Value.__init__", ["typecode", "value", "lock"]).required(2);
                let [code, value, _] = NEW.bind(args.rest())?;
                let made = blank(value_class());
                made.set(Name::new("_typecode"), code.cloned().unwrap_or_default());
                made.set(Name::new("_value"), value.cloned().unwrap_or_default());
                Ok(Value::Instance(made))
            })],
        );
        define::methods(
            class,
            &[
                ("get", |_, args| field(args, "_value")),
                ("set", set_value),
                ("__repr__", |cx, args| {
                    let (code, value) = (field(args, "_typecode")?, field(args, "_value")?);
                    let (code, value) = (text::repr(cx, &code)?, text::repr(cx, &value)?);
                    Ok(Value::str(format!("Value({code}, {value})")))
                }),
            ],
        );
        define::accessor(
            class,
            "value",
            |_, args| field(args, "_value"),
            Some(set_value),
        );
    })
}

fn set_value(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [_, value] = arguments::exactly("set", args)?;
    instance(args)?.set(Name::new("_value"), value.clone());
    Ok(Value::None)
}

/// `array('i', [1, 2])`: numbers of one kind, in a list.
fn array_class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    class(&CLASS, "array", "array", |class| {
        define::static_methods(
            class,
            &[("__new__", |cx, args| {
                const NEW: Parameters<3> =
                    Parameters::function("Array", ["typecode", "sequence", "lock"]).required(2);
                let [code, items, _] = NEW.bind(args.rest())?;
                let items = iterate::collect(cx, &items.cloned().unwrap_or_default())?;
                let code = code.cloned().unwrap_or_default();
                for item in &items {
                    check_item(cx, &code, item)?;
                }
                let made = blank(array_class());
                made.set(Name::new("typecode"), code);
                made.set(Name::new("_items"), Value::list(items));
                Ok(Value::Instance(made))
            })],
        );
        define::methods(
            class,
            &[
                ("__len__", |cx, args| {
                    let items = field(args, "_items")?;
                    Ok(Value::size(sequence::length(cx, &items)?))
                }),
                ("__getitem__", |cx, args| {
                    let [_, key] = arguments::exactly("__getitem__", args)?;
                    let items = field(args, "_items")?;
                    let found = sequence::get_item(cx, &items, key)?;
                    if !matches!(key, Value::Slice(_)) {
                        return Ok(found);
                    }
                    let part = blank(array_class());
                    part.set(Name::new("typecode"), field(args, "typecode")?);
                    part.set(Name::new("_items"), found);
                    Ok(Value::Instance(part))
                }),
                ("__setitem__", |cx, args| {
                    let [_, key, value] = arguments::exactly("__setitem__", args)?;
                    let code = field(args, "typecode")?;
                    match key {
                        Value::Slice(_) => {
                            for item in iterate::collect(cx, value)? {
                                check_item(cx, &code, &item)?;
                            }
                        }
                        _ => check_item(cx, &code, value)?,
                    }
                    let items = field(args, "_items")?;
                    sequence::set_item(cx, &items, key, value.clone())?;
                    Ok(Value::None)
                }),
                ("__repr__", |cx, args| {
                    let (code, items) = (field(args, "typecode")?, field(args, "_items")?);
                    let (code, items) = (text::repr(cx, &code)?, text::repr(cx, &items)?);
                    Ok(Value::str(format!("array({code}, {items})")))
                }),
            ],
        );
    })
}

fn check_item(cx: &mut Context, code: &Value, item: &Value) -> Outcome<()> {
    match code.as_str() {
        Some("f" | "d") => arguments::float(cx, item).map(drop),
        Some("u" | "w") => Ok(()),
        _ => match item.unwrapped() {
            Value::Int(_) | Value::Bool(_) | Value::BigInt(_) => Ok(()),
            other => Err(type_error(format!(
                "'{}' object cannot be interpreted as an integer",
                other.type_name()
            ))),
        },
    }
}
