//! `range`.

use super::construct::class_argument;
use super::special::{Install, RangeKind};
use crate::eval::context::Context;
use crate::library::arguments::{self, receiver};
use crate::library::define;
use crate::value::compare::identical_or_equal;
use crate::value::exception::value_error;
use crate::value::function::Args;
use crate::value::object::Ref;
use crate::value::scalar::RangeObject;
use crate::value::types::types;
use crate::value::{Outcome, Value, iterate, sequence, text};

/// Puts the methods into the class.
pub fn install() {
    let class = &types().range;
    define::static_methods(class, &[("__new__", new)]);
    define::methods(
        class,
        &[
            ("__reversed__", reversed),
            ("count", count),
            ("index", index),
        ],
    );
    define::getters(
        class,
        &[
            ("start", |_, args| part(args, "start", |range| range.start)),
            ("stop", |_, args| part(args, "stop", |range| range.stop)),
            ("step", |_, args| part(args, "step", |range| range.step)),
        ],
    );
    Install::<RangeKind>::into(class)
        .shown()
        .hashed()
        .truth()
        .container()
        .indexed()
        .equatable();
}

type Receiver = Ref<RangeObject>;

fn part(
    args: Args<'_>,
    name: &'static str,
    part: impl FnOnce(&RangeObject) -> i64,
) -> Outcome<Value> {
    let (range, _) = receiver::<Receiver>(args, name)?;
    Ok(Value::Int(part(range)))
}

fn new(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (_, rest) = class_argument(&types().range, args)?;
    make(cx, rest)
}

/// `range(…)`.
///
/// # Errors
/// `TypeError` for what is no integer, `ValueError` for a step of 0.
pub fn make(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let values = arguments::between("range", args, 1, 3)?;
    let (start, stop, step) = match values {
        [stop] => (0, arguments::integer(cx, stop)?, 1),
        [start, stop] => (
            arguments::integer(cx, start)?,
            arguments::integer(cx, stop)?,
            1,
        ),
        _ => {
            let start = arguments::integer(cx, &values[0])?;
            let stop = arguments::integer(cx, &values[1])?;
            (start, stop, arguments::integer(cx, &values[2])?)
        }
    };
    if step == 0 {
        return Err(value_error("range() arg 3 must not be zero"));
    }
    Ok(Value::Range(Ref::new(RangeObject { start, stop, step })))
}

/// A range with the same numbers from the end.
///
/// The bound behind the first number may leave the 64 bits; it is then cut to a number that the
/// steps do not reach either.
pub fn reverse(range: &RangeObject) -> RangeObject {
    let count = range.len();
    let Some(last) = count.checked_sub(1).and_then(|last| range.get(last)) else {
        return RangeObject {
            start: range.start,
            stop: range.start,
            step: range.step.saturating_neg(),
        };
    };
    RangeObject {
        start: last,
        stop: range.start.saturating_sub(range.step),
        step: range.step.saturating_neg(),
    }
}

fn reversed(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (range, rest) = receiver::<Receiver>(args, "__reversed__")?;
    arguments::none("range.__reversed__", rest)?;
    iterate::iterate(cx, &Value::Range(Ref::new(reverse(range))))
}

/// The place of a number, when the value is one.
fn place(range: &RangeObject, value: &Value) -> Option<Option<usize>> {
    match value {
        Value::Int(number) => Some(sequence::range_place(range, *number)),
        Value::Bool(flag) => Some(sequence::range_place(range, i64::from(*flag))),
        Value::BigInt(_) => Some(None),
        _ => None,
    }
}

fn search(cx: &mut Context, range: &RangeObject, value: &Value) -> Outcome<Option<usize>> {
    let mut number = range.start;
    for place in 0..range.len() {
        if identical_or_equal(cx, &Value::Int(number), value)? {
            return Ok(Some(place));
        }
        number = number.wrapping_add(range.step);
        cx.safepoint()?;
    }
    Ok(None)
}

fn count(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (range, rest) = receiver::<Receiver>(args, "count")?;
    let value = arguments::one("range.count", rest)?;
    let found = match place(range, value) {
        Some(place) => place,
        None => search(cx, range, value)?,
    };
    Ok(Value::Int(i64::from(found.is_some())))
}

fn index(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (range, rest) = receiver::<Receiver>(args, "index")?;
    let value = arguments::one("range.index", rest)?;
    match place(range, value) {
        Some(Some(place)) => Ok(Value::size(place)),
        Some(None) => Err(value_error(format!(
            "{} is not in range",
            text::repr(cx, value)?
        ))),
        None => match search(cx, range, value)? {
            Some(place) => Ok(Value::size(place)),
            None => Err(value_error("sequence.index(x): x not in sequence")),
        },
    }
}
