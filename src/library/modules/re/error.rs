//! `re.PatternError`: what is wrong with a pattern, and where. It must not know patterns.

use std::sync::OnceLock;

use super::tree::Wrong;
use crate::eval::context::Context;
use crate::library::arguments::{self, Signature};
use crate::library::define;
use crate::value::class::{Class, Layout};
use crate::value::exception::{
    self, ExceptionKind, Raised, overflow_error, type_error, value_error,
};
use crate::value::function::Args;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value};

/// The class.
pub fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let base = types().exception(ExceptionKind::Exception);
        let class = Class::builtin("PatternError", Some(base), Layout::Exception);
        class.set(crate::value::name::known().module, Value::str("re"));
        define::methods(&class, &[("__init__", init)]);
        class
    })
}

const INIT: Signature<3> = Signature::new("PatternError", ["msg", "pattern", "pos"]).required(1);

fn init(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let Some(Value::Instance(instance)) = args.positional().first() else {
        return Err(type_error("descriptor '__init__' needs an argument"));
    };
    let [message, pattern, position] = INIT.bind(args.rest())?;
    let message = crate::value::text::to_str(cx, &message.cloned().unwrap_or_default())?;
    let position = match position {
        Some(position) if !position.is_none() => {
            usize::try_from(arguments::integer(cx, position)?).ok()
        }
        _ => None,
    };
    let text = describe(
        instance,
        &message,
        pattern.unwrap_or(&Value::None),
        position,
    );
    if let Some(data) = instance.exception() {
        data.set_args(vec![Value::str(text)]);
    }
    Ok(Value::None)
}

/// Sets the attributes of an error; its text.
fn describe(
    instance: &crate::value::instance::Instance,
    message: &str,
    pattern: &Value,
    position: Option<usize>,
) -> String {
    let mut text = message.to_owned();
    let mut place = (Value::None, Value::None, Value::None);
    if let Some(position) = position {
        let characters: Vec<u32> = match pattern.unwrapped() {
            Value::Str(text) => text.as_str().chars().map(|c| c as u32).collect(),
            other => crate::value::membership::bytes_like(other)
                .unwrap_or_default()
                .iter()
                .map(|b| u32::from(*b))
                .collect(),
        };
        let before = &characters[..position.min(characters.len())];
        let lines = before.iter().filter(|c| **c == 10).count() + 1;
        let column = before.len() - before.iter().rposition(|c| *c == 10).map_or(0, |p| p + 1) + 1;
        text = format!("{message} at position {position}");
        if characters.contains(&10) {
            text.push_str(&format!(" (line {lines}, column {column})"));
        }
        place = (
            Value::size(position),
            Value::size(lines),
            Value::size(column),
        );
    }
    for (name, value) in [
        ("msg", Value::str(message)),
        ("pattern", pattern.clone()),
        ("pos", place.0),
        ("lineno", place.1),
        ("colno", place.2),
    ] {
        instance.set(Name::new(name), value);
    }
    text
}

/// The error.
#[cold]
pub fn raise(message: &str, pattern: &Value, position: Option<usize>) -> Raised {
    let instance = exception::make(class().clone(), Vec::new());
    let text = describe(&instance, message, pattern, position);
    if let Some(data) = instance.exception() {
        data.set_args(vec![Value::str(text)]);
    }
    Raised::instance(instance)
}

/// The error for what the parser found.
#[cold]
pub fn wrong(wrong: &Wrong, pattern: &Value) -> Raised {
    let message = wrong.message.as_str();
    if let Some(message) = message.strip_prefix('!') {
        return value_error(message);
    }
    if let Some(message) = message.strip_prefix('^') {
        if message.contains("too large") {
            return overflow_error(message);
        }
        return raise(message, pattern, None);
    }
    raise(message, pattern, Some(wrong.position))
}
