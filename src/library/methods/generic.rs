//! `list[int]` and `int | None` as values: what annotations make of them.

use crate::eval::context::Context;
use crate::library::arguments;
use crate::library::define;
use crate::value::function::Args;
use crate::value::generic::{GenericAlias, Union, alias, union};
use crate::value::types::types;
use crate::value::{Outcome, Set, Value, compare, text};

/// Puts the methods into the class.
pub fn install() {
    let class = &types().generic_alias;
    define::static_methods(class, &[("__new__", new)]);
    define::methods(
        class,
        &[
            ("__call__", call),
            ("__repr__", repr),
            ("__eq__", equal),
            ("__hash__", hash),
            ("__getitem__", |_, args| {
                let [origin, parameters] = arguments::exactly("__getitem__", args)?;
                Ok(alias(origin.clone(), parameters.clone()))
            }),
            ("__or__", |_, args| unite(args, false)),
            ("__ror__", |_, args| unite(args, true)),
        ],
    );
    define::getters(
        class,
        &[
            ("__origin__", |_, args| {
                Ok(this(args, "__origin__")?.origin.clone())
            }),
            ("__args__", |_, args| {
                Ok(this(args, "__args__")?.parameters.clone())
            }),
        ],
    );
    let class = &types().union_type;
    define::methods(
        class,
        &[
            ("__repr__", repr_union),
            ("__eq__", equal_unions),
            ("__hash__", hash_union),
            ("__or__", |_, args| unite(args, false)),
            ("__ror__", |_, args| unite(args, true)),
        ],
    );
    define::getters(
        class,
        &[("__args__", |_, args| {
            Ok(Value::tuple(members(args, "__args__")?.to_vec()))
        })],
    );
}

fn new(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [_, origin, parameters] = arguments::exactly("GenericAlias", args)?;
    Ok(alias(origin.clone(), parameters.clone()))
}

fn unite(args: Args<'_>, reflected: bool) -> Outcome<Value> {
    let [one, other] = arguments::exactly("__or__", args)?;
    let (left, right) = if reflected {
        (other, one)
    } else {
        (one, other)
    };
    Ok(union(left, right).unwrap_or(Value::NotImplemented))
}

fn members<'a>(args: Args<'a>, method: &'static str) -> Outcome<&'a [Value]> {
    args.positional()
        .first()
        .and_then(|value| value.as_instance()?.native::<Union>())
        .map(|union| &union.members[..])
        .ok_or_else(|| arguments::bad_receiver("types.UnionType", method, args))
}

fn repr_union(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let mut parts = Vec::new();
    for member in members(args, "__repr__")? {
        parts.push(match member {
            Value::Class(class) if class.same(&types().none) => "None".to_owned(),
            other => name_of(cx, other)?,
        });
    }
    Ok(Value::str(parts.join(" | ")))
}

/// Unions are equal when they have the same members in any order.
fn equal_unions(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let left = members(args, "__eq__")?;
    let Some(right) = args
        .values
        .get(1)
        .and_then(|value| value.as_instance()?.native::<Union>())
    else {
        return Ok(Value::NotImplemented);
    };
    let left = Set::from_items(cx, left.iter().cloned())?;
    let right = Set::from_items(cx, right.members.iter().cloned())?;
    Ok(Value::Bool(
        left.len() == right.len() && left.is_subset(cx, &right)?,
    ))
}

fn hash_union(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let members = members(args, "__hash__")?;
    Ok(Value::Int(
        Set::from_items(cx, members.iter().cloned())?.hash(),
    ))
}

fn this<'a>(args: Args<'a>, method: &'static str) -> Outcome<&'a GenericAlias> {
    args.positional()
        .first()
        .and_then(|value| value.as_instance()?.native::<GenericAlias>())
        .ok_or_else(|| arguments::bad_receiver("types.GenericAlias", method, args))
}

/// Calling `list[int]` makes a list.
fn call(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let origin = this(args, "__call__")?.origin.clone();
    cx.call_with(&origin, args.rest())
}

fn equal(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let left = this(args, "__eq__")?;
    let right = args
        .values
        .get(1)
        .and_then(|value| value.as_instance()?.native::<GenericAlias>());
    match right {
        Some(right) => Ok(Value::Bool(
            compare::equal(cx, &left.origin, &right.origin)?
                && compare::equal(cx, &left.parameters, &right.parameters)?,
        )),
        None => Ok(Value::NotImplemented),
    }
}

fn hash(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let alias = this(args, "__hash__")?;
    let pair = Value::tuple_of([alias.origin.clone(), alias.parameters.clone()]);
    crate::value::hash::hash(cx, &pair).map(Value::Int)
}

fn repr(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let alias = this(args, "__repr__")?;
    let mut parts = Vec::new();
    if let Value::Tuple(parameters) = &alias.parameters {
        for parameter in parameters.items() {
            parts.push(name_of(cx, parameter)?);
        }
    }
    let origin = name_of(cx, &alias.origin)?;
    let parameters = if parts.is_empty() {
        "()".to_owned()
    } else {
        parts.join(", ")
    };
    Ok(Value::str(format!("{origin}[{parameters}]")))
}

/// A class by its name alone, as annotations are written.
fn name_of(cx: &mut Context, value: &Value) -> Outcome<String> {
    match value {
        Value::Class(class) if class.is_builtin() => Ok(class.name().as_str().to_owned()),
        Value::Ellipsis => Ok("...".to_owned()),
        Value::Class(class) => {
            let module =
                crate::eval::attribute::find(cx, value, crate::value::name::known().module)?;
            Ok(match module {
                Some(Value::Str(module)) => format!("{}.{}", module.as_str(), class.name()),
                _ => class.name().as_str().to_owned(),
            })
        }
        other => text::repr(cx, other),
    }
}
