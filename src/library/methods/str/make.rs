//! `str.translate` and the tables for it.

use super::receiver;
use crate::eval::context::Context;
use crate::library::{arguments, define};
use crate::value::class::Class;
use crate::value::exception::{ExceptionKind, type_error, value_error};
use crate::value::function::Args;
use crate::value::object::Ref;
use crate::value::string::Str;
use crate::value::{Dict, Outcome, Value, room, sequence};

pub(super) fn install(class: &Class) {
    define::methods(class, &[("translate", translate)]);
}

fn translate(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (text, args) = receiver(args, "translate")?;
    let table = arguments::one("str.translate", args)?;
    let mut result = room::text_with_room(text.as_str().len())?;
    for c in text.as_str().chars() {
        let key = Value::Int(i64::from(c as u32));
        let found = match table {
            Value::Dict(dict) => dict.get(cx, &key)?,
            other => match sequence::get_item(cx, other, &key) {
                Ok(found) => Some(found),
                Err(raised) if raised.is(ExceptionKind::LookupError) => None,
                Err(raised) => return Err(raised),
            },
        };
        match found.as_ref().map(Value::unwrapped) {
            None => result.push(c),
            Some(Value::None) => {}
            Some(Value::Str(text)) => room::append_text(&mut result, text.as_str())?,
            Some(Value::Int(code)) => match u32::try_from(*code).ok().and_then(char::from_u32) {
                Some(mapped) => result.push(mapped),
                None => {
                    return Err(value_error("character mapping must be in range(0x110000)"));
                }
            },
            Some(_) => {
                return Err(type_error(
                    "character mapping must return integer, None or str",
                ));
            }
        }
    }
    Ok(Value::from(result))
}

pub(super) fn maketrans(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let values = arguments::between("maketrans", args, 1, 3)?;
    let table = Dict::new();
    if let [only] = values {
        let Value::Dict(given) = only.unwrapped() else {
            return Err(type_error(
                "if you give only one argument to maketrans it must be a dict",
            ));
        };
        for (key, value) in given.entries()? {
            let key = match key.unwrapped() {
                Value::Int(_) | Value::BigInt(_) | Value::Bool(_) => key.unwrapped().clone(),
                Value::Str(text) => match (text.len(), text.as_str().chars().next()) {
                    (1, Some(c)) => Value::Int(i64::from(c as u32)),
                    _ => {
                        return Err(value_error(
                            "string keys in translate table must be of length 1",
                        ));
                    }
                },
                _ => {
                    return Err(type_error(
                        "keys in translate table must be strings or integers",
                    ));
                }
            };
            table.set(cx, key, value)?;
        }
        return Ok(Value::Dict(Ref::new(table)));
    }
    let from = match values[0].unwrapped() {
        Value::Str(from) => from,
        _ => {
            return Err(type_error(
                "first maketrans argument must be a string if there is a second argument",
            ));
        }
    };
    let to = arguments::text(&values[1], "maketrans() argument 2")?;
    if from.len() != to.len() {
        return Err(value_error(
            "the first two maketrans arguments must have equal length",
        ));
    }
    let code = |c: char| Value::Int(i64::from(c as u32));
    for (from, to) in from.as_str().chars().zip(to.as_str().chars()) {
        table.set(cx, code(from), code(to))?;
    }
    if let Some(removed) = values.get(2) {
        let removed: &Ref<Str> = arguments::text(removed, "maketrans() argument 3")?;
        for c in removed.as_str().chars() {
            table.set(cx, code(c), Value::None)?;
        }
    }
    Ok(Value::Dict(Ref::new(table)))
}
