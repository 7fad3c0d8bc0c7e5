//! Displays with stars, dict displays and f-strings. It must not know statements.

use super::attribute;
use super::context::Context;
use super::expression::evaluate;
use super::observer::Observer;
use super::stack::{At, Frame};
use crate::resolve::tree::{Expr, FormatPart, SpreadItem, SpreadKind};
use crate::runtime::memory;
use crate::syntax::ast::Conversion;
use crate::value::exception::{self};
use crate::value::object::Ref;
use crate::value::{Dict, Outcome, Set, Value, format, iterate, room, text};

pub(super) fn spread<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    kind: SpreadKind,
    items: &[SpreadItem],
) -> Outcome<Value> {
    let values = spread_items::<O>(cx, frame, items, |iterable| {
        format!(
            "Value after * must be an iterable, not {}",
            iterable.type_name()
        )
    })?;
    Ok(match kind {
        SpreadKind::List => Value::list(values),
        SpreadKind::Tuple => Value::tuple(values),
        SpreadKind::Set => {
            let set = Set::new();
            for value in values {
                set.add(cx, value)?;
            }
            Value::Set(Ref::new(set))
        }
    })
}

/// The values of items, of which some stand for all that their value has; `refusal` says that one has
/// none.
pub(super) fn spread_items<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    items: &[SpreadItem],
    refusal: impl Fn(&Value) -> String,
) -> Outcome<Vec<Value>> {
    let mut values = Vec::new();
    for item in items {
        match item {
            SpreadItem::One(expr) => values.push(evaluate::<O>(cx, frame, expr)?),
            SpreadItem::Many(expr) => {
                let iterable = evaluate::<O>(cx, frame, expr)?;
                // What `*rest` is.
                if let Value::Tuple(items) = &iterable {
                    values.extend_from_slice(items.items());
                    continue;
                }
                let Some(iterator) = iterate::try_iterate(cx, &iterable).at(frame, expr.id)? else {
                    return Err(exception::type_error(refusal(&iterable))).at(frame, expr.id);
                };
                values.extend(iterate::collect_rest(cx, &iterator).at(frame, expr.id)?);
            }
        }
    }
    Ok(values)
}

pub(super) fn dict_display<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    items: &[(Option<Expr>, Expr)],
) -> Outcome<Value> {
    let dict = Dict::with_capacity(items.len());
    for (key, value) in items {
        match key {
            Some(key) => {
                let place = key.id;
                let key = evaluate::<O>(cx, frame, key)?;
                let value = evaluate::<O>(cx, frame, value)?;
                dict.set(cx, key, value).at(frame, place)?;
            }
            None => {
                let mapping = evaluate::<O>(cx, frame, value)?;
                attribute::update_from_mapping(cx, &dict, &mapping).at(frame, value.id)?;
            }
        }
    }
    Ok(Value::Dict(Ref::new(dict)))
}

pub(super) fn format_parts<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    parts: &[FormatPart],
    result: &mut String,
) -> Outcome<()> {
    for part in parts {
        match part {
            FormatPart::Text(text) => {
                if result.capacity() - result.len() < text.len() {
                    memory::grow_text(result, text.len());
                }
                result.push_str(text);
            }
            FormatPart::Field(field) => {
                let mut value = evaluate::<O>(cx, frame, &field.value)?;
                let place = field.value.id;
                value = match field.conversion {
                    None => value,
                    Some(Conversion::Str) => text::str_value(cx, &value).at(frame, place)?,
                    Some(Conversion::Repr) => Value::str(text::repr(cx, &value).at(frame, place)?),
                    Some(Conversion::Ascii) => {
                        Value::str(text::ascii(cx, &value).at(frame, place)?)
                    }
                };
                match (&value, field.format.is_empty()) {
                    (Value::Str(text), true) => {
                        room::append_text(result, text.as_str()).at(frame, place)?;
                    }
                    (Value::Int(_) | Value::Float(_) | Value::Bool(_) | Value::None, true) => {
                        text::write_str(cx, result, &value).at(frame, place)?;
                    }
                    (_, true) => {
                        let text = format::format(cx, &value, "").at(frame, place)?;
                        room::append_text(result, &text).at(frame, place)?;
                    }
                    (_, false) => {
                        let mut spec = String::new();
                        format_parts::<O>(cx, frame, &field.format, &mut spec)?;
                        let text = format::format(cx, &value, &spec).at(frame, place)?;
                        room::append_text(result, &text).at(frame, place)?;
                    }
                }
            }
        }
    }
    Ok(())
}
