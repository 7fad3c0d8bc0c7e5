//! Attributes that values have by their nature, without a class putting them there: the parts of
//! slices and ranges, what an exception carries, what a function's code tells. It must not know
//! nodes.

use std::sync::OnceLock;

use super::context::Context;
use super::function::Function;
use crate::library::methods::dict_view::MappingProxy;
use crate::resolve::tree::CodeKind;
use crate::value::class::{Class, Layout};
use crate::value::exception::type_error;
use crate::value::instance::{Instance, Payload};
use crate::value::name::{Name, known};
use crate::value::namespace::{self, Namespace};
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value};

/// Such an attribute of a built-in value.
pub(super) fn attribute(object: &Value, name: Name) -> Option<Value> {
    let text = name.as_str();
    match object {
        Value::Slice(slice) => match text {
            "start" => Some(slice.start.clone()),
            "stop" => Some(slice.stop.clone()),
            "step" => Some(slice.step.clone()),
            _ => None,
        },
        Value::Range(range) => match text {
            "start" => Some(Value::Int(range.start)),
            "stop" => Some(Value::Int(range.stop)),
            "step" => Some(Value::Int(range.step)),
            _ => None,
        },
        Value::Int(_) | Value::BigInt(_) => match text {
            "real" | "numerator" => Some(object.clone()),
            "imag" => Some(Value::Int(0)),
            "denominator" => Some(Value::Int(1)),
            _ => None,
        },
        Value::Bool(flag) => match text {
            "real" | "numerator" => Some(Value::Int(i64::from(*flag))),
            "imag" => Some(Value::Int(0)),
            "denominator" => Some(Value::Int(1)),
            _ => None,
        },
        Value::Float(_) => match text {
            "real" => Some(object.clone()),
            "imag" => Some(Value::Float(0.0)),
            _ => None,
        },
        Value::Instance(instance) => super::traceback::attribute(instance, name),
        Value::Cell(cell) if text == "cell_contents" => {
            let value = cell.get();
            (!value.is_unbound()).then_some(value)
        }
        _ => None,
    }
}

/// Whether scripts may set attributes on an instance.
pub(super) fn has_attributes(instance: &Instance) -> bool {
    let class = instance.class();
    !(class.is_builtin() && matches!(class.layout(), Layout::Object | Layout::Sealed))
}

impl Namespace for Ref<Instance> {
    fn entries(&self) -> Vec<(Name, Value)> {
        Instance::entries(self)
    }

    fn set(&self, name: Name, value: Value) {
        Instance::set(self, name, value);
    }

    fn remove(&self, name: Name) {
        drop(Instance::remove(self, name));
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        Ref::visit(self, Value::Instance, visit);
    }
}

impl Namespace for Ref<Function> {
    fn entries(&self) -> Vec<(Name, Value)> {
        self.attributes()
    }

    fn set(&self, name: Name, value: Value) {
        Function::set_attribute(self, name, value);
    }

    fn remove(&self, name: Name) {
        drop(self.remove_attribute(name));
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        Ref::visit(self, Value::Function, visit);
    }
}

/// The attributes of an instance as a dict that stands for them.
pub(super) fn instance_dict(instance: &Ref<Instance>) -> Value {
    Value::Dict(Ref::new(namespace::dict_of(instance.clone())))
}

/// The attributes of a function as a dict that stands for them.
pub(super) fn function_dict(function: &Ref<Function>) -> Value {
    Value::Dict(Ref::new(namespace::dict_of(function.clone())))
}

/// What an exception carries.
pub(super) fn exception_attribute(instance: &Ref<Instance>, name: Name) -> Option<Value> {
    let data = instance.exception()?;
    let names = known();
    if name == names.args {
        return Some(Value::tuple(data.args().to_vec()));
    }
    if name == names.cause {
        return Some(data.cause());
    }
    if name == names.context {
        return Some(data.context());
    }
    if name == names.suppress_context {
        return Some(Value::Bool(data.suppresses_context()));
    }
    if name == names.traceback {
        return Some(super::handle::traceback_value(instance));
    }
    None
}

/// Changes what an exception carries; gives the value back when the name is an ordinary one.
pub(super) fn set_exception_attribute(
    instance: &Ref<Instance>,
    name: Name,
    value: Value,
) -> Outcome<Option<Value>> {
    let Some(data) = instance.exception() else {
        return Ok(Some(value));
    };
    let names = known();
    let is_exception = |value: &Value| {
        value
            .as_instance()
            .is_some_and(|instance| instance.exception().is_some())
    };
    if name == names.cause {
        if !value.is_none() && !is_exception(&value) {
            return Err(type_error(
                "exception cause must be None or derive from BaseException",
            ));
        }
        data.set_cause(value);
    } else if name == names.context {
        if !value.is_none() && !is_exception(&value) {
            return Err(type_error(
                "exception context must be None or derive from BaseException",
            ));
        }
        data.set_context(value);
        data.settle_context();
    } else if name == names.suppress_context {
        data.set_suppress_context(matches!(value, Value::Bool(true)));
    } else if name == names.traceback {
        match super::traceback::entries(&value) {
            Some(entries) => data.set_trace(entries),
            None if value.is_none() => data.set_trace(Vec::new()),
            None => return Err(type_error("__traceback__ must be a traceback or None")),
        }
    } else if name == names.args {
        data.set_args(match &value {
            Value::Tuple(items) => items.items().to_vec(),
            Value::List(items) => items.snapshot(),
            other => {
                return Err(type_error(format!(
                    "'{}' object is not iterable",
                    other.type_name()
                )));
            }
        });
    } else {
        return Ok(Some(value));
    }
    Ok(None)
}

/// A call as scripts see it, as far as its code tells of it.
pub fn frame_value(code: Value) -> Value {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    let class =
        CLASS.get_or_init(|| Class::builtin("frame", Some(&types().object), Layout::Object));
    let frame = Instance::new(class.clone(), Payload::None);
    frame.set(Name::new("f_code"), code);
    Value::Instance(frame)
}

/// What a function's `__code__` tells.
pub(super) fn code_attribute(function: &Function, name: Name) -> Option<Value> {
    (name == known().code).then(|| code_value(&function.code))
}

/// A code as scripts see it.
pub fn code_value(code: &crate::resolve::tree::Code) -> Value {
    let instance = Instance::new(types().code.clone(), Payload::None);
    let layout = &code.parameters;
    let names: Vec<Value> = code.slot_names.iter().map(|name| name.value()).collect();
    let line = match code.kind {
        CodeKind::Module => 1,
        _ => code.origin.source.line(code.origin.span(code.node).start),
    };
    // As CPython numbers them: optimised, new locals; `*rest`, `**keyword_rest`, a generator.
    let flags = 3
        | i64::from(layout.rest.is_some()) << 2
        | i64::from(layout.keyword_rest.is_some()) << 3
        | i64::from(code.is_generator) << 5;
    for (name, value) in [
        ("co_name", code.name.value()),
        ("co_qualname", code.qualified_name.value()),
        ("co_filename", Value::str(code.origin.source.name())),
        ("co_firstlineno", Value::size(line)),
        ("co_flags", Value::Int(flags)),
        ("co_argcount", Value::size(layout.positional)),
        ("co_posonlyargcount", Value::size(layout.positional_only)),
        ("co_kwonlyargcount", Value::size(layout.keyword_only)),
        ("co_nlocals", Value::size(names.len())),
        ("co_varnames", Value::tuple(names)),
        (
            "co_freevars",
            Value::tuple(code.capture_names.iter().map(|name| name.value()).collect()),
        ),
    ] {
        instance.set(Name::new(name), value);
    }
    Value::Instance(instance)
}

/// The attributes of a class as `__dict__` shows them.
pub(super) fn class_dict(cx: &mut Context, class: &Ref<Class>) -> Outcome<Value> {
    let attributes = super::attribute::dict_of(cx, class.entries())?;
    Ok(MappingProxy::value(attributes))
}
