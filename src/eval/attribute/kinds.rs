//! What classes and functions tell of themselves as attributes. It must not know nodes.

use super::binding::{bind, bind_to_class};
use crate::eval::context::Context;
use crate::eval::function::Function;
use crate::value::class::Class;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Dict, Outcome, Value};

pub(super) fn class_module(class: &Class) -> Option<Value> {
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

pub(super) fn find_on_class(
    cx: &mut Context,
    class: &Ref<Class>,
    name: Name,
) -> Outcome<Option<Value>> {
    let names = known();
    if name == names.name {
        return Ok(Some(bare_name(class)));
    }
    if name == names.dict {
        return crate::eval::intrinsic::class_dict(cx, class).map(Some);
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

pub(super) fn find_on_function(
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
        crate::eval::intrinsic::function_dict(function)
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
        crate::eval::module::Module::dict(&function.linked.module)
    } else {
        return Ok(crate::eval::intrinsic::code_attribute(function, name));
    };
    Ok(Some(value))
}

/// A dict of these names and values.
pub(in crate::eval) fn dict_of(cx: &mut Context, entries: Vec<(Name, Value)>) -> Outcome<Value> {
    let dict = Dict::with_capacity(entries.len());
    for (name, value) in entries {
        dict.set(cx, name.value(), value)?;
    }
    Ok(Value::Dict(Ref::new(dict)))
}
