//! Patterns of `match`. It must not know statements.

use super::context::Context;
use super::expression::evaluate;
use super::observer::Observer;
use super::stack::{At, Frame};
use super::{attribute, target};
use crate::resolve::tree::{Pattern, PatternKind};
use crate::value::class::Class;
use crate::value::exception::type_error;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Dict, Outcome, Value};
use crate::value::{compare, iterate, sequence};

/// Whether a value matches, binding the pattern's variables as far as it does.
pub(super) fn matches<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    pattern: &Pattern,
    subject: &Value,
) -> Outcome<bool> {
    match &pattern.kind {
        PatternKind::Wildcard => Ok(true),
        PatternKind::Capture(variable) => {
            target::assign::<O>(cx, frame, variable, subject.clone())?;
            Ok(true)
        }
        PatternKind::Equal(expr) => {
            let value = evaluate::<O>(cx, frame, expr)?;
            compare::equal(cx, subject, &value).at(frame, pattern.id)
        }
        PatternKind::Same(expr) => Ok(evaluate::<O>(cx, frame, expr)?.same(subject)),
        PatternKind::Or(alternatives) => {
            for alternative in alternatives {
                if matches::<O>(cx, frame, alternative, subject)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        PatternKind::As(inner, variable) => {
            if !matches::<O>(cx, frame, inner, subject)? {
                return Ok(false);
            }
            target::assign::<O>(cx, frame, variable, subject.clone())?;
            Ok(true)
        }
        PatternKind::Sequence {
            before,
            star,
            after,
        } => {
            if !is_sequence(subject) {
                return Ok(false);
            }
            let length = sequence::length(cx, subject).at(frame, pattern.id)?;
            let least = before.len() + after.len();
            if length < least || (star.is_none() && length != least) {
                return Ok(false);
            }
            let mut items = iterate::collect(cx, subject).at(frame, pattern.id)?;
            if items.len() < least {
                return Ok(false);
            }
            let last = items.split_off(items.len() - after.len());
            let middle = items.split_off(before.len());
            for (pattern, item) in before.iter().zip(&items) {
                if !matches::<O>(cx, frame, pattern, item)? {
                    return Ok(false);
                }
            }
            if let Some(Some(variable)) = star {
                target::assign::<O>(cx, frame, variable, Value::list(middle))?;
            }
            for (pattern, item) in after.iter().zip(&last) {
                if !matches::<O>(cx, frame, pattern, item)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        PatternKind::Mapping { items, rest } => {
            let Value::Dict(dict) = subject.unwrapped() else {
                return Ok(false);
            };
            let mut keys = Vec::with_capacity(items.len());
            for (key, inner) in items {
                let place = key.id;
                let key = evaluate::<O>(cx, frame, key)?;
                let Some(value) = dict.get(cx, &key).at(frame, place)? else {
                    return Ok(false);
                };
                keys.push(key);
                if !matches::<O>(cx, frame, inner, &value)? {
                    return Ok(false);
                }
            }
            if let Some(variable) = rest {
                let left = Dict::new();
                for (key, value) in dict.entries()? {
                    left.set(cx, key, value).at(frame, pattern.id)?;
                }
                for key in &keys {
                    left.remove(cx, key).at(frame, pattern.id)?;
                }
                target::assign::<O>(cx, frame, variable, Value::Dict(Ref::new(left)))?;
            }
            Ok(true)
        }
        PatternKind::Class {
            class,
            positional,
            keyword,
        } => {
            let place = class.id;
            let class = evaluate::<O>(cx, frame, class)?;
            let Value::Class(class) = &class else {
                return Err(type_error("called match pattern must be a class")).at(frame, place);
            };
            if !subject.class().derives_from(class) {
                return Ok(false);
            }
            let mut checks: Vec<(Value, &Pattern)> = Vec::new();
            let mut taken: Vec<Name> = Vec::new();
            if !positional.is_empty() {
                if let Some((names, values)) =
                    positional_values(cx, class, subject, positional.len()).at(frame, place)?
                {
                    taken = names;
                    checks.extend(values.into_iter().zip(positional.iter()));
                } else {
                    return Ok(false);
                }
            }
            for (name, inner) in keyword {
                if taken.contains(name) {
                    return Err(type_error(format!(
                        "{}() got multiple sub-patterns for attribute '{name}'",
                        class.name()
                    )))
                    .at(frame, pattern.id);
                }
                match attribute::find(cx, subject, *name).at(frame, pattern.id)? {
                    Some(value) => checks.push((value, inner)),
                    None => return Ok(false),
                }
            }
            for (value, inner) in &checks {
                if !matches::<O>(cx, frame, inner, value)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
    }
}

fn is_sequence(value: &Value) -> bool {
    matches!(
        value.unwrapped(),
        Value::List(_) | Value::Tuple(_) | Value::Range(_)
    )
}

/// The attributes that positional patterns of a class look at, with their values; `None` when one
/// is missing.
fn positional_values(
    cx: &mut Context,
    class: &Ref<Class>,
    subject: &Value,
    count: usize,
) -> Outcome<Option<(Vec<Name>, Vec<Value>)>> {
    let types = types();
    let itself = [
        &types.bool,
        &types.bytearray,
        &types.bytes,
        &types.dict,
        &types.float,
        &types.frozenset,
        &types.int,
        &types.list,
        &types.set,
        &types.str,
        &types.tuple,
    ];
    let names = match class.lookup(known().match_args) {
        Some(Value::Tuple(names)) => names.items().to_vec(),
        Some(other) => {
            return Err(type_error(format!(
                "{}.__match_args__ must be a tuple (got {})",
                class.name(),
                other.type_name()
            )));
        }
        None if itself.iter().any(|known| class.derives_from(known)) => {
            if count > 1 {
                return Err(too_many(class, 1, count));
            }
            return Ok(Some((Vec::new(), vec![subject.clone()])));
        }
        None => Vec::new(),
    };
    if count > names.len() {
        return Err(too_many(class, names.len(), count));
    }
    let mut values = Vec::with_capacity(count);
    let mut looked_at = Vec::with_capacity(count);
    for name in &names[..count] {
        let Some(text) = name.as_str() else {
            return Err(type_error(format!(
                "__match_args__ elements must be strings (got {})",
                name.type_name()
            )));
        };
        let name = Name::new(text);
        if looked_at.contains(&name) {
            return Err(type_error(format!(
                "{}() got multiple sub-patterns for attribute '{name}'",
                class.name()
            )));
        }
        looked_at.push(name);
        match attribute::find(cx, subject, name)? {
            Some(value) => values.push(value),
            None => return Ok(None),
        }
    }
    Ok(Some((looked_at, values)))
}

fn too_many(class: &Class, allowed: usize, given: usize) -> crate::value::exception::Raised {
    type_error(format!(
        "{}() accepts {allowed} positional sub-pattern{} ({given} given)",
        class.name(),
        if allowed == 1 { "" } else { "s" }
    ))
}
