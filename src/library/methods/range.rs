//! `range`.

use num_bigint::BigInt;
use num_traits::{ToPrimitive, Zero};

use super::construct::class_argument;
use crate::eval::context::Context;
use crate::library::arguments::{self, bad_receiver};
use crate::library::define;
use crate::value::big_range::BigRange;
use crate::value::compare::{self, identical_or_equal};
use crate::value::exception::{index_error, overflow_error, type_error, value_error};
use crate::value::function::Args;
use crate::value::object::Ref;
use crate::value::scalar::RangeObject;
use crate::value::types::types;
use crate::value::{Outcome, Value, hash, iterate, sequence, text};

/// Puts the methods into the class.
pub fn install() {
    let class = &types().range;
    define::static_methods(class, &[("__new__", new)]);
    define::methods(
        class,
        &[
            ("__bool__", |_, args| {
                Ok(Value::Bool(!this(args, "__bool__")?.0.is_empty()))
            }),
            ("__contains__", contains),
            ("__eq__", |cx, args| equal(cx, args, "__eq__", true)),
            ("__getitem__", get_item),
            ("__hash__", hash_of),
            ("__iter__", iter),
            ("__len__", len),
            ("__ne__", |cx, args| equal(cx, args, "__ne__", false)),
            ("__repr__", repr),
            ("__reversed__", reversed),
            ("count", count),
            ("index", index),
        ],
    );
    define::getters(
        class,
        &[
            ("start", |_, args| {
                Ok(Value::integer(this(args, "start")?.0.start))
            }),
            ("stop", |_, args| {
                Ok(Value::integer(this(args, "stop")?.0.stop))
            }),
            ("step", |_, args| {
                Ok(Value::integer(this(args, "step")?.0.step))
            }),
        ],
    );
}

/// The receiver, of whichever kind, and the arguments after it.
fn this<'a>(args: Args<'a>, method: &'static str) -> Outcome<(BigRange, Args<'a>)> {
    match args.positional().first().and_then(BigRange::of) {
        Some(range) => Ok((range, args.rest())),
        None => Err(bad_receiver("range", method, args)),
    }
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
        [Value::Int(stop)] => (0, *stop, 1),
        [Value::Int(start), Value::Int(stop)] => (*start, *stop, 1),
        [Value::Int(start), Value::Int(stop), Value::Int(step)] if *step != 0 => {
            (*start, *stop, *step)
        }
        _ => return make_big(cx, values),
    };
    Ok(Value::Range(Ref::new(RangeObject { start, stop, step })))
}

#[cold]
fn make_big(cx: &mut Context, values: &[Value]) -> Outcome<Value> {
    let mut numbers = Vec::with_capacity(3);
    for value in values {
        numbers.push(arguments::big_integer(cx, value)?);
    }
    let mut numbers = numbers.into_iter();
    let first = numbers.next().unwrap_or_default();
    let (start, stop) = match numbers.next() {
        Some(stop) => (first, stop),
        None => (BigInt::ZERO, first),
    };
    let step = numbers.next().unwrap_or_else(|| 1.into());
    if step.is_zero() {
        return Err(value_error("range() arg 3 must not be zero"));
    }
    Ok(BigRange { start, stop, step }.value())
}

/// An iterator over a range from its end.
pub fn iterate_reversed(cx: &mut Context, range: BigRange) -> Outcome<Value> {
    iterate::iterate(cx, &range.reversed().value())
}

fn reversed(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (range, rest) = this(args, "__reversed__")?;
    arguments::none("range.__reversed__", rest)?;
    iterate_reversed(cx, range)
}

fn iter(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    match args.values {
        [range @ Value::Range(_)] => iterate::iterate(cx, range),
        _ => Ok(this(args, "__iter__")?.0.iterate()),
    }
}

fn len(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (range, _) = this(args, "__len__")?;
    match range.len().to_i64() {
        Some(length) => Ok(Value::Int(length)),
        None => Err(overflow_error(
            "Python int too large to convert to C ssize_t",
        )),
    }
}

fn repr(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (range, _) = this(args, "__repr__")?;
    let BigRange { start, stop, step } = range;
    Ok(Value::str(if step == 1.into() {
        format!("range({start}, {stop})")
    } else {
        format!("range({start}, {stop}, {step})")
    }))
}

/// What decides whether two ranges are equal: how many numbers, the first, and the distance, as
/// far as they matter.
fn identity(range: &BigRange) -> Value {
    let length = range.len();
    let one = length == 1.into();
    let (start, step) = match (length.is_zero(), one) {
        (true, _) => (Value::None, Value::None),
        (false, true) => (Value::integer(range.start.clone()), Value::None),
        _ => (
            Value::integer(range.start.clone()),
            Value::integer(range.step.clone()),
        ),
    };
    Value::tuple_of([Value::integer(length), start, step])
}

fn equal(cx: &mut Context, args: Args<'_>, method: &'static str, wanted: bool) -> Outcome<Value> {
    let (range, rest) = this(args, method)?;
    match BigRange::of(arguments::one(method, rest)?) {
        Some(other) => {
            let same = compare::equal(cx, &identity(&range), &identity(&other))?;
            Ok(Value::Bool(same == wanted))
        }
        None => Ok(Value::NotImplemented),
    }
}

fn hash_of(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (range, _) = this(args, "__hash__")?;
    hash::hash(cx, &identity(&range)).map(Value::Int)
}

fn get_item(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (range, rest) = this(args, "__getitem__")?;
    let key = arguments::one("range.__getitem__", rest)?;
    match key {
        Value::Slice(slice) => range.part(cx, slice),
        key => match sequence::try_index(cx, key)? {
            Some(number) => {
                let number = arguments::big_integer(cx, &number)?;
                match range.get(&number) {
                    Some(number) => Ok(Value::integer(number)),
                    None => Err(index_error("range object index out of range")),
                }
            }
            None => Err(type_error(format!(
                "range indices must be integers or slices, not {}",
                key.type_name()
            ))),
        },
    }
}

/// The place of a number, when the value is one.
fn place(range: &BigRange, value: &Value) -> Option<Option<BigInt>> {
    let number = match value {
        Value::Int(number) => BigInt::from(*number),
        Value::Bool(flag) => BigInt::from(i64::from(*flag)),
        Value::BigInt(number) => number.get().clone(),
        _ => return None,
    };
    Some(range.place(&number))
}

fn search(cx: &mut Context, range: &BigRange, value: &Value) -> Outcome<Option<BigInt>> {
    let mut number = range.start.clone();
    let mut place = BigInt::ZERO;
    let length = range.len();
    while place < length {
        if identical_or_equal(cx, &Value::integer(number.clone()), value)? {
            return Ok(Some(place));
        }
        number += &range.step;
        place += 1;
        cx.safepoint()?;
    }
    Ok(None)
}

fn find(cx: &mut Context, range: &BigRange, value: &Value) -> Outcome<Option<BigInt>> {
    match place(range, value) {
        Some(place) => Ok(place),
        None => search(cx, range, value),
    }
}

fn contains(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (range, rest) = this(args, "__contains__")?;
    let value = arguments::one("range.__contains__", rest)?;
    Ok(Value::Bool(find(cx, &range, value)?.is_some()))
}

fn count(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (range, rest) = this(args, "count")?;
    let value = arguments::one("range.count", rest)?;
    let found = find(cx, &range, value)?;
    Ok(Value::Int(i64::from(found.is_some())))
}

fn index(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (range, rest) = this(args, "index")?;
    let value = arguments::one("range.index", rest)?;
    match place(&range, value) {
        Some(Some(place)) => Ok(Value::integer(place)),
        Some(None) => Err(value_error(format!(
            "{} is not in range",
            text::repr(cx, value)?
        ))),
        None => match search(cx, &range, value)? {
            Some(place) => Ok(Value::integer(place)),
            None => Err(value_error("sequence.index(x): x not in sequence")),
        },
    }
}
