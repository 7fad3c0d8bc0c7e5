//! `dict`.

use super::construct::{class_argument, class_getitem, wrap};
use super::special::{DictKind, Install, operators};
use crate::eval::attribute;
use crate::eval::context::Context;
use crate::library::arguments::{self, receiver};
use crate::library::define;
use crate::value::exception::{ExceptionKind, key_error, type_error, value_error};
use crate::value::function::Args;
use crate::value::name::known;
use crate::value::object::Ref;
use crate::value::operator::BinaryOperator;
use crate::value::types::types;
use crate::value::view::{DictView, Part};
use crate::value::{Dict, Outcome, Value, iterate, sequence};

/// Puts the methods into the class.
pub fn install() {
    let class = &types().dict;
    define::static_methods(class, &[("__new__", new)]);
    define::class_methods(
        class,
        &[
            ("__class_getitem__", class_getitem),
            ("fromkeys", from_keys),
        ],
    );
    define::methods(
        class,
        &[
            ("__init__", init),
            ("__ior__", in_place_or),
            ("__reversed__", reversed),
            ("clear", clear),
            ("copy", copy),
            ("get", get),
            ("items", items),
            ("keys", keys),
            ("pop", pop),
            ("popitem", pop_item),
            ("setdefault", set_default),
            ("update", update),
            ("values", values),
        ],
    );
    Install::<DictKind>::into(class)
        .shown()
        .unhashable()
        .container()
        .indexed()
        .changeable()
        .ordered()
        .both::<operators::BitOr>();
}

type Receiver = Ref<Dict>;

fn new(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let own = &types().dict;
    let (class, _) = class_argument(own, args)?;
    Ok(wrap(class, own, Value::Dict(Ref::new(Dict::new()))))
}

fn init(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (dict, rest) = receiver::<Receiver>(args, "__init__")?;
    update_with(cx, dict, "dict", rest)
}

fn update(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (dict, rest) = receiver::<Receiver>(args, "update")?;
    update_with(cx, dict, "update", rest)
}

/// Takes over the entries of at most one positional argument, and the keyword arguments.
///
/// # Errors
/// `TypeError` and `ValueError` for what is no mapping and no sequence of pairs.
pub fn update_with(
    cx: &mut Context,
    dict: &Ref<Dict>,
    function: &str,
    args: Args<'_>,
) -> Outcome<Value> {
    let positional = Args::positional_only(args.positional());
    if let [other] = arguments::between(function, positional, 0, 1)? {
        merge(cx, dict, other)?;
    }
    for (name, value) in args.keywords() {
        dict.set(cx, name.value(), value.clone())?;
    }
    Ok(Value::None)
}

/// Takes over the entries of a mapping or the pairs of an iterable.
///
/// # Errors
/// `TypeError` and `ValueError` for what is neither.
pub fn merge(cx: &mut Context, dict: &Ref<Dict>, other: &Value) -> Outcome<()> {
    match other {
        Value::Dict(other) => return dict.merge(cx, other),
        Value::Instance(instance) => {
            if let Some(Value::Dict(inner)) = instance.wrapped()
                && sequence::special(instance, known().iter).is_none()
                && sequence::special(instance, known().keys).is_none()
            {
                return dict.merge(cx, inner);
            }
            if let Some(keys) = attribute::find(cx, other, known().keys)? {
                let keys = cx.call(&keys, &[])?;
                return iterate::for_each(cx, &keys, |cx, key| {
                    let value = sequence::get_item(cx, other, &key)?;
                    dict.set(cx, key, value)
                });
            }
        }
        _ => {}
    }
    let mut number = 0;
    iterate::for_each(cx, other, |cx, pair| {
        let (key, value) = pair_of(cx, &pair, number)?;
        number += 1;
        dict.set(cx, key, value)
    })
}

fn pair_of(cx: &mut Context, pair: &Value, number: usize) -> Outcome<(Value, Value)> {
    let parts = match iterate::collect(cx, pair) {
        Ok(parts) => parts,
        Err(raised) if raised.is(ExceptionKind::TypeError) => {
            return Err(type_error(format!(
                "cannot convert dictionary update sequence element #{number} to a sequence"
            )));
        }
        Err(raised) => return Err(raised),
    };
    match <[Value; 2]>::try_from(parts) {
        Ok([key, value]) => Ok((key, value)),
        Err(parts) => Err(value_error(format!(
            "dictionary update sequence element #{number} has length {}; 2 is required",
            parts.len()
        ))),
    }
}

fn clear(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (dict, rest) = receiver::<Receiver>(args, "clear")?;
    arguments::none("dict.clear", rest)?;
    dict.clear();
    Ok(Value::None)
}

fn copy(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (dict, rest) = receiver::<Receiver>(args, "copy")?;
    arguments::none("dict.copy", rest)?;
    Ok(Value::Dict(Ref::new(dict.copy()?)))
}

fn get(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (dict, rest) = receiver::<Receiver>(args, "get")?;
    let values = arguments::between("get", rest, 1, 2)?;
    match dict.get(cx, &values[0])? {
        Some(value) => Ok(value),
        None => Ok(values.get(1).cloned().unwrap_or_default()),
    }
}

fn pop(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (dict, rest) = receiver::<Receiver>(args, "pop")?;
    let values = arguments::between("pop", rest, 1, 2)?;
    match (dict.remove(cx, &values[0])?, values.get(1)) {
        (Some((_, value)), _) => Ok(value),
        (None, Some(default)) => Ok(default.clone()),
        (None, None) => Err(key_error(values[0].clone())),
    }
}

fn pop_item(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (dict, rest) = receiver::<Receiver>(args, "popitem")?;
    arguments::none("dict.popitem", rest)?;
    match dict.pop_last() {
        Some((key, value)) => Ok(Value::tuple_of([key, value])),
        None => Err(key_error("popitem(): dictionary is empty".into())),
    }
}

fn set_default(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (dict, rest) = receiver::<Receiver>(args, "setdefault")?;
    let values = arguments::between("setdefault", rest, 1, 2)?;
    let default = values.get(1).cloned().unwrap_or_default();
    dict.insert_if_missing(cx, values[0].clone(), default)
}

fn view(args: Args<'_>, method: &'static str, part: Part) -> Outcome<Value> {
    let (dict, rest) = receiver::<Receiver>(args, method)?;
    if !rest.values.is_empty() {
        arguments::none(&format!("dict.{method}"), rest)?;
    }
    Ok(DictView::value(dict.clone(), part))
}

fn keys(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    view(args, "keys", Part::Keys)
}

fn values(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    view(args, "values", Part::Values)
}

fn items(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    view(args, "items", Part::Items)
}

fn reversed(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (dict, rest) = receiver::<Receiver>(args, "__reversed__")?;
    arguments::none("dict.__reversed__", rest)?;
    Ok(iterate::dict_reversed(dict, Part::Keys))
}

fn in_place_or(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let name = BinaryOperator::BitOr.in_place().as_str();
    let (dict, rest) = receiver::<Receiver>(args, name)?;
    merge(cx, dict, arguments::one("dict.__ior__", rest)?)?;
    Ok(args.values[0].clone())
}

fn from_keys(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let class = &args.values[0];
    let values = arguments::between("fromkeys", args.rest(), 1, 2)?;
    let value = values.get(1).cloned().unwrap_or_default();
    let made = cx.call(class, &[])?;
    iterate::for_each(cx, &values[0], |cx, key| {
        sequence::set_item(cx, &made, &key, value.clone())
    })?;
    Ok(made)
}
