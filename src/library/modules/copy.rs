//! `copy`: objects once more, with what they refer to or without.

use std::sync::OnceLock;

use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::builtins::classes::identity;
use crate::library::define;
use crate::library::message::{Reduction, codecs, complete, reduction, set_state, state_of};
use crate::library::parameters::Parameters;
use crate::value::class::{Class, Layout};
use crate::value::exception::{ExceptionData, ExceptionKind, Raised, type_error};
use crate::value::function::{Args, BoundMethod};
use crate::value::instance::{Instance, Payload};
use crate::value::list::List;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Dict, Outcome, Set, Value};

const FUNCTIONS: define::Entries<'_> = &[
    ("copy", |cx, args| {
        const COPY: Parameters<1> = Parameters::function("copy", ["x"]).required(1);
        let [value] = COPY.bind(args)?;
        shallow(cx, value.unwrap_or(&Value::None))
    }),
    ("deepcopy", |cx, args| {
        const DEEPCOPY: Parameters<3> =
            Parameters::function("deepcopy", ["x", "memo", "_nil"]).required(1);
        let [value, memo, _] = DEEPCOPY.bind(args)?;
        let memo = match memo {
            Some(Value::Dict(memo)) => memo.clone(),
            None | Some(Value::None) => Ref::new(Dict::new()),
            Some(other) => {
                return Err(type_error(format!(
                    "the memo must be a dict, not '{}'",
                    other.type_name()
                )));
            }
        };
        deep(cx, value.unwrap_or(&Value::None), &memo)
    }),
    ("replace", replace),
];

fn error_class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let base = types().exception(ExceptionKind::Exception).clone();
        let class = Class::builtin_with("Error", vec![base], Layout::Exception);
        class.set(known().module, Value::str("copy"));
        class
    })
}

/// `replace(obj, /, **changes)`.
fn replace(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let Some(object) = args.positional().first() else {
        return Err(type_error(
            "replace() missing 1 required positional argument: 'obj'",
        ));
    };
    let class = object.class().clone();
    match class.lookup(Name::new("__replace__")) {
        Some(method) => {
            let bound = crate::eval::attribute::bind(cx, &method, object)?;
            cx.call_with(&bound, args.rest())
        }
        None => Err(type_error(format!(
            "replace() does not support {} objects",
            class.name()
        ))),
    }
}

/// Whether a value is its own copy: nothing of it can change, or it stands for itself.
fn is_atom(value: &Value) -> bool {
    match value {
        Value::None
        | Value::Unbound
        | Value::Ellipsis
        | Value::NotImplemented
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::BigInt(_)
        | Value::Str(_)
        | Value::Bytes(_)
        | Value::Range(_)
        | Value::Function(_)
        | Value::Native(_)
        | Value::Class(_) => true,
        Value::Instance(instance) => matches!(instance.payload(), Payload::Property(_)),
        _ => false,
    }
}

/// A method of an object's class under this name.
fn method(value: &Value, name: Name) -> Option<Value> {
    match value {
        Value::Instance(instance) => instance.class().lookup(name),
        _ => None,
    }
}

/// `copy.copy`.
///
/// # Errors
/// `TypeError` for what cannot be copied, or what the object's methods raise.
pub fn shallow(cx: &mut Context, value: &Value) -> Outcome<Value> {
    if is_atom(value) {
        return Ok(value.clone());
    }
    match value {
        Value::Tuple(_) | Value::FrozenSet(_) | Value::Slice(_) | Value::Method(_) => {
            return Ok(value.clone());
        }
        Value::List(list) => return Ok(Value::list(list.copied()?)),
        Value::Dict(dict) => return Ok(Value::Dict(Ref::new(dict.copy()?))),
        Value::Set(set) => {
            let copy = Ref::new(Set::new());
            for item in set.snapshot()? {
                copy.add(cx, item)?;
            }
            return Ok(Value::Set(copy));
        }
        _ => {}
    }
    if let Some(copy) = method(value, known().copy) {
        return cx.call_found(&copy, value, &[]);
    }
    if let Some(reduction) = reduction(cx, value)? {
        return match reduction {
            Reduction::Global(_) => Ok(value.clone()),
            Reduction::Call(parts) => {
                let args = tuple_items(&parts.args);
                let made = cx.call(&parts.callable, &args)?;
                complete(
                    cx,
                    &made,
                    parts.state,
                    &parts.set_state,
                    parts.items,
                    parts.pairs,
                )?;
                Ok(made)
            }
        };
    }
    let Value::Instance(instance) = value else {
        return Err(refuse(value));
    };
    let payload = match instance.payload() {
        Payload::None => Payload::None,
        Payload::Value(inner) => Payload::Value(shallow(cx, inner)?),
        Payload::Exception(data) => {
            Payload::Exception(Box::new(ExceptionData::new(data.args().to_vec())))
        }
        Payload::StaticMethod(inner) => Payload::StaticMethod(inner.clone()),
        Payload::ClassMethod(inner) => Payload::ClassMethod(inner.clone()),
        Payload::Native(_) => return by_codec(cx, value, None),
        _ => return Err(refuse(value)),
    };
    let made = blank(value, instance, payload)?;
    let state = state_of(cx, value)?;
    if !state.is_none() {
        set_state(cx, &made, state)?;
    }
    Ok(made)
}

fn blank(value: &Value, instance: &Ref<Instance>, payload: Payload) -> Outcome<Value> {
    let class = instance.class();
    if class.layout() == Layout::Sealed {
        return Err(refuse(value));
    }
    Ok(Value::Instance(Instance::new(class.clone(), payload)))
}

#[cold]
fn refuse(value: &Value) -> Raised {
    type_error(format!("cannot pickle '{}' object", value.type_name()))
}

/// Objects of native modules are copied the way they travel.
fn by_codec(cx: &mut Context, value: &Value, memo: Option<&Ref<Dict>>) -> Outcome<Value> {
    for codec in codecs() {
        if let Some(packed) = (codec.pack)(cx, value) {
            let mut packed = packed?;
            if let Some(memo) = memo {
                packed = deep(cx, &packed, memo)?;
            }
            return (codec.unpack)(cx, packed);
        }
    }
    Err(refuse(value))
}

fn tuple_items(value: &Value) -> Vec<Value> {
    match value.unwrapped() {
        Value::Tuple(items) => items.items().to_vec(),
        _ => Vec::new(),
    }
}

/// `copy.deepcopy`. `memo` has the copies by the identity of what they are copies of.
///
/// # Errors
/// As [`shallow`]; `RecursionError`.
pub fn deep(cx: &mut Context, value: &Value, memo: &Ref<Dict>) -> Outcome<Value> {
    if is_atom(value) {
        return Ok(value.clone());
    }
    cx.check_stack(" while copying an object")?;
    let key = Value::Int(identity(value));
    if let Some(copy) = memo.get(cx, &key)? {
        return Ok(copy);
    }
    let made = deep_new(cx, value, &key, memo)?;
    if !made.same(value) {
        memo.set(cx, key, made.clone())?;
        keep(cx, value, memo)?;
    }
    Ok(made)
}

/// Keeps what was copied as long as the memo, so that nothing else gets its identity.
fn keep(cx: &mut Context, value: &Value, memo: &Ref<Dict>) -> Outcome<()> {
    let own = Value::Int(identity(&Value::Dict(memo.clone())));
    match memo.get(cx, &own)? {
        Some(Value::List(kept)) => {
            kept.push(value.clone());
            Ok(())
        }
        _ => memo
            .set(cx, own, Value::list(vec![value.clone()]))
            .map(drop),
    }
}

fn deep_all(cx: &mut Context, items: &[Value], memo: &Ref<Dict>) -> Outcome<Vec<Value>> {
    items.iter().map(|item| deep(cx, item, memo)).collect()
}

fn deep_new(cx: &mut Context, value: &Value, key: &Value, memo: &Ref<Dict>) -> Outcome<Value> {
    match value {
        Value::Tuple(tuple) => {
            let items = deep_all(cx, tuple.items(), memo)?;
            // A cycle through the tuple has made its copy meanwhile.
            if let Some(copy) = memo.get(cx, key)? {
                return Ok(copy);
            }
            let unchanged = items
                .iter()
                .zip(tuple.items())
                .all(|(copy, item)| copy.same(item));
            return Ok(match unchanged {
                true => value.clone(),
                false => Value::tuple(items),
            });
        }
        Value::List(list) => {
            let copy = Ref::new(List::new(Vec::new()));
            memo.set(cx, key.clone(), Value::List(copy.clone()))?;
            for item in list.copied()? {
                let item = deep(cx, &item, memo)?;
                copy.push(item);
            }
            return Ok(Value::List(copy));
        }
        Value::Dict(dict) => {
            let copy = Ref::new(Dict::new());
            memo.set(cx, key.clone(), Value::Dict(copy.clone()))?;
            for (key, item) in dict.entries()? {
                let key = deep(cx, &key, memo)?;
                let item = deep(cx, &item, memo)?;
                copy.set(cx, key, item)?;
            }
            return Ok(Value::Dict(copy));
        }
        Value::Set(set) | Value::FrozenSet(set) => {
            let items = deep_all(cx, &set.snapshot()?, memo)?;
            let copy = Ref::new(Set::new());
            for item in items {
                copy.add(cx, item)?;
            }
            return Ok(match value {
                Value::Set(_) => Value::Set(copy),
                _ => Value::FrozenSet(copy),
            });
        }
        Value::Method(bound) => {
            let receiver = deep(cx, &bound.receiver, memo)?;
            let function = bound.function.clone();
            return Ok(Value::Method(Ref::new(BoundMethod { function, receiver })));
        }
        Value::Slice(_) => return Ok(value.clone()),
        _ => {}
    }
    if let Some(deepcopy) = method(value, known().deepcopy) {
        return cx.call_found(&deepcopy, value, &[Value::Dict(memo.clone())]);
    }
    if let Some(reduction) = reduction(cx, value)? {
        return match reduction {
            Reduction::Global(_) => Ok(value.clone()),
            Reduction::Call(parts) => {
                let args = deep_all(cx, &tuple_items(&parts.args), memo)?;
                let made = cx.call(&parts.callable, &args)?;
                memo.set(cx, key.clone(), made.clone())?;
                let state = deep(cx, &parts.state, memo)?;
                let items = match parts.items {
                    Some(items) => Some(deep_all(cx, &items, memo)?),
                    None => None,
                };
                let mut pairs = parts.pairs;
                for (key, item) in pairs.iter_mut().flatten() {
                    *key = deep(cx, key, memo)?;
                    *item = deep(cx, item, memo)?;
                }
                complete(cx, &made, state, &parts.set_state, items, pairs)?;
                Ok(made)
            }
        };
    }
    let Value::Instance(instance) = value else {
        return Err(refuse(value));
    };
    let payload = match instance.payload() {
        Payload::None => Payload::None,
        Payload::Value(inner) => Payload::Value(deep(cx, inner, memo)?),
        Payload::Exception(data) => {
            let args = deep_all(cx, &data.args(), memo)?;
            Payload::Exception(Box::new(ExceptionData::new(args)))
        }
        Payload::StaticMethod(_) | Payload::ClassMethod(_) => return Ok(value.clone()),
        Payload::Native(_) => return by_codec(cx, value, Some(memo)),
        _ => return Err(refuse(value)),
    };
    let made = blank(value, instance, payload)?;
    memo.set(cx, key.clone(), made.clone())?;
    let state = state_of(cx, value)?;
    if !state.is_none() {
        let state = deep(cx, &state, memo)?;
        set_state(cx, &made, state)?;
    }
    Ok(made)
}

/// `copy`.
///
/// # Errors
/// None today.
pub fn module(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = super::with_functions("copy", FUNCTIONS);
    for name in ["Error", "error"] {
        module.set(Name::new(name), Value::Class(error_class().clone()));
    }
    Ok(module)
}
