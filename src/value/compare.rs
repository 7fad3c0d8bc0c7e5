//! Equality and order of values. Knows how the built-in types compare and in which order special
//! methods are asked; it must not know where a comparison is written.
//!
//! What can be told without running script code and without taking any lock is told by the
//! `quick_` functions, so that dicts and sets can compare keys while they hold their own lock.

use std::cmp::Ordering;

use num_bigint::BigInt;
use num_traits::{FromPrimitive, ToPrimitive, Zero};

use super::dict::Dict;
use super::exception::type_error;
use super::hash::SHALLOW;
use super::instance::Instance;
use super::object::Ref;
use super::operator::Comparison;
use super::scalar::{RangeObject, Slice};
use super::set::Set;
use super::truth::truthy;
use super::{Outcome, Value, special};
use crate::eval::context::Context;

/// Said when a comparison goes too deep.
const DOING: &str = " in comparison";

/// The result of a comparison operator.
///
/// # Errors
/// `TypeError` when the values have no order, or what their own methods raise.
#[inline]
pub fn compare(
    cx: &mut Context,
    comparison: Comparison,
    left: &Value,
    right: &Value,
) -> Outcome<Value> {
    match quick_compare(comparison, left, right) {
        Some(holds) => Ok(Value::Bool(holds)),
        None => compare_slowly(cx, comparison, left, right),
    }
}

/// Whether a comparison holds.
///
/// # Errors
/// As [`compare`].
#[inline]
pub fn compare_bool(
    cx: &mut Context,
    comparison: Comparison,
    left: &Value,
    right: &Value,
) -> Outcome<bool> {
    match quick_compare(comparison, left, right) {
        Some(holds) => Ok(holds),
        None => {
            let result = compare_slowly(cx, comparison, left, right)?;
            truthy(cx, &result)
        }
    }
}

/// Whether `left == right`.
///
/// # Errors
/// What the values' own methods raise.
#[inline]
pub fn equal(cx: &mut Context, left: &Value, right: &Value) -> Outcome<bool> {
    match quick_equal(left, right) {
        Some(equal) => Ok(equal),
        None => {
            let result = compare_slowly(cx, Comparison::Equal, left, right)?;
            truthy(cx, &result)
        }
    }
}

/// Whether two values are the same object or equal: how containers look for an item.
///
/// # Errors
/// What the values' own methods raise.
#[inline]
pub fn identical_or_equal(cx: &mut Context, left: &Value, right: &Value) -> Outcome<bool> {
    if left.same(right) {
        return Ok(true);
    }
    equal(cx, left, right)
}

/// The frequent comparisons of numbers and strings, and equality where it is quick.
#[inline(always)]
fn quick_compare(comparison: Comparison, left: &Value, right: &Value) -> Option<bool> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => Some(comparison.holds(left.cmp(right))),
        (Value::Float(left), Value::Float(right)) => {
            Some(compare_floats(comparison, *left, *right))
        }
        _ => quick_compare_others(comparison, left, right),
    }
}

fn quick_compare_others(comparison: Comparison, left: &Value, right: &Value) -> Option<bool> {
    match comparison {
        Comparison::Equal => quick_equal(left, right),
        Comparison::NotEqual => quick_equal(left, right).map(|equal| !equal),
        _ => match (left, right) {
            (Value::Str(left), Value::Str(right)) => {
                // The order of UTF-8 is that of the characters.
                Some(comparison.holds(left.as_str().cmp(right.as_str())))
            }
            (Value::Bytes(left), Value::Bytes(right)) => {
                Some(comparison.holds(left.get().cmp(right.get())))
            }
            (Value::Tuple(left), Value::Tuple(right)) => {
                quick_order(comparison, left.items(), right.items())
            }
            _ if is_number(left) && is_number(right) => Some(
                compare_numbers(left, right).is_some_and(|ordering| comparison.holds(ordering)),
            ),
            _ => None,
        },
    }
}

/// The order of two tuples, where the first items that differ are numbers or strings: most keys of
/// sorts are like that.
fn quick_order(comparison: Comparison, left: &[Value], right: &[Value]) -> Option<bool> {
    for (one, other) in left.iter().zip(right) {
        match (one, other) {
            (Value::Int(a), Value::Int(b)) if a == b => continue,
            (Value::Str(a), Value::Str(b)) if a.as_str() == b.as_str() => continue,
            (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) => {
                // Not-a-number is equal to itself here, and that takes more than a look.
                match compare_numbers(one, other)? {
                    Ordering::Equal => continue,
                    ordering => return Some(comparison.holds(ordering)),
                }
            }
            (Value::Str(a), Value::Str(b)) => {
                return Some(comparison.holds(a.as_str().cmp(b.as_str())));
            }
            _ => return None,
        }
    }
    Some(comparison.holds(left.len().cmp(&right.len())))
}

/// Whether a comparison of two floats holds.
#[inline(always)]
pub fn compare_floats(comparison: Comparison, left: f64, right: f64) -> bool {
    match comparison {
        Comparison::Equal => left == right,
        Comparison::NotEqual => left != right,
        Comparison::Less => left < right,
        Comparison::LessEqual => left <= right,
        Comparison::Greater => left > right,
        Comparison::GreaterEqual => left >= right,
    }
}

/// Whether two values are equal, where that can be told without running script code nor taking
/// a lock.
#[inline]
pub fn quick_equal(left: &Value, right: &Value) -> Option<bool> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => Some(left == right),
        (Value::Str(left), Value::Str(right)) => {
            Some(left.same(right) || left.as_str() == right.as_str())
        }
        _ => quick_equal_nested(left, right, SHALLOW),
    }
}

/// Whether two values are the same or equal, as [`quick_equal`] can tell.
#[inline]
pub fn quick_same_or_equal(left: &Value, right: &Value) -> Option<bool> {
    if left.same(right) {
        return Some(true);
    }
    quick_equal(left, right)
}

fn quick_equal_nested(left: &Value, right: &Value, depth: u32) -> Option<bool> {
    match (left, right) {
        (Value::Instance(_), _) | (_, Value::Instance(_)) => None,
        (Value::Str(left), Value::Str(right)) => {
            Some(left.same(right) || left.as_str() == right.as_str())
        }
        (Value::Bytes(left), Value::Bytes(right)) => Some(left.get() == right.get()),
        (Value::Tuple(left), Value::Tuple(right)) => {
            let (left, right) = (left.items(), right.items());
            if left.len() != right.len() {
                // The items before the end are still to be compared if they run script code.
                return (left.is_empty() || right.is_empty()).then_some(false);
            }
            if depth == 0 {
                return None;
            }
            for (left, right) in left.iter().zip(right) {
                if !left.same(right) && !quick_equal_nested(left, right, depth - 1)? {
                    return Some(false);
                }
            }
            Some(true)
        }
        (Value::Range(left), Value::Range(right)) => Some(ranges_equal(left, right)),
        (Value::List(_), Value::List(_))
        | (Value::Dict(_), Value::Dict(_))
        | (Value::Slice(_), Value::Slice(_))
        | (Value::Set(_) | Value::FrozenSet(_), Value::Set(_) | Value::FrozenSet(_)) => None,
        (Value::Method(left), Value::Method(right)) => {
            Some(left.receiver.same(&right.receiver) && left.function.same(&right.function))
        }
        _ if is_number(left) && is_number(right) => {
            Some(compare_numbers(left, right) == Some(Ordering::Equal))
        }
        // Values of different built-in types, or compared by identity.
        _ => Some(left.same(right)),
    }
}

#[inline(always)]
fn is_number(value: &Value) -> bool {
    matches!(
        value,
        Value::Int(_) | Value::Float(_) | Value::Bool(_) | Value::BigInt(_)
    )
}

/// The exact order of two numbers; `None` when one is no number or "not a number".
pub fn compare_numbers(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Bool(truth), _) => compare_numbers(&Value::Int(i64::from(*truth)), right),
        (_, Value::Bool(truth)) => compare_numbers(left, &Value::Int(i64::from(*truth))),
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Float(left), Value::Float(right)) => left.partial_cmp(right),
        (Value::Int(left), Value::Float(right)) => compare_with_float(*left, *right),
        (Value::Float(left), Value::Int(right)) => {
            compare_with_float(*right, *left).map(Ordering::reverse)
        }
        (Value::BigInt(left), Value::BigInt(right)) => Some(left.get().cmp(right.get())),
        // A large integer is beyond all small ones.
        (Value::BigInt(left), Value::Int(_)) => Some(sign(left.get())),
        (Value::Int(_), Value::BigInt(right)) => Some(sign(right.get()).reverse()),
        (Value::BigInt(left), Value::Float(right)) => compare_big_with_float(left.get(), *right),
        (Value::Float(left), Value::BigInt(right)) => {
            compare_big_with_float(right.get(), *left).map(Ordering::reverse)
        }
        _ => None,
    }
}

fn sign(number: &BigInt) -> Ordering {
    number.cmp(&BigInt::zero())
}

/// Two to the 63rd: the first float beyond all 64-bit integers.
const BEYOND: f64 = 9_223_372_036_854_775_808.0;

fn compare_with_float(integer: i64, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    if float >= BEYOND {
        return Some(Ordering::Less);
    }
    if float < -BEYOND {
        return Some(Ordering::Greater);
    }
    let whole = float.trunc();
    Some(
        integer
            .cmp(&(whole as i64))
            .then_with(|| whole.partial_cmp(&float).unwrap_or(Ordering::Equal)),
    )
}

fn compare_big_with_float(integer: &BigInt, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    if let Some(small) = integer.to_i64() {
        return compare_with_float(small, float);
    }
    // Infinite floats have no integer; all others so large have no fraction.
    match BigInt::from_f64(float.trunc()) {
        Some(whole) => Some(integer.cmp(&whole)),
        None => 0.0.partial_cmp(&float),
    }
}

fn ranges_equal(left: &RangeObject, right: &RangeObject) -> bool {
    let length = left.len();
    length == right.len()
        && (length == 0 || left.start == right.start && (length == 1 || left.step == right.step))
}

/// The whole protocol: special methods in the order CPython asks them.
#[cold]
#[inline(never)]
fn compare_slowly(
    cx: &mut Context,
    comparison: Comparison,
    left: &Value,
    right: &Value,
) -> Outcome<Value> {
    cx.check_stack(DOING)?;
    let result = if !matches!(left, Value::Instance(_)) && !matches!(right, Value::Instance(_)) {
        compare_builtin(cx, comparison, left, right)?
    } else {
        compare_instances(cx, comparison, left, right)?
    };
    if !matches!(result, Value::NotImplemented) {
        return Ok(result);
    }
    match comparison {
        Comparison::Equal => Ok(Value::Bool(left.same(right))),
        Comparison::NotEqual => Ok(Value::Bool(!left.same(right))),
        _ => Err(type_error(format!(
            "'{}' not supported between instances of '{}' and '{}'",
            comparison.symbol(),
            left.type_name(),
            right.type_name()
        ))),
    }
}

fn compare_instances(
    cx: &mut Context,
    comparison: Comparison,
    left: &Value,
    right: &Value,
) -> Outcome<Value> {
    let (left_class, right_class) = (left.class(), right.class());
    // The right operand's method goes first when its class is the more special one.
    let right_first = !left_class.same(right_class) && right_class.derives_from(left_class);
    if right_first {
        let result = compare_by_method(cx, comparison.swapped(), right, left)?;
        if !matches!(result, Value::NotImplemented) {
            return Ok(result);
        }
    }
    let result = compare_by_method(cx, comparison, left, right)?;
    if !matches!(result, Value::NotImplemented) || right_first {
        return Ok(result);
    }
    compare_by_method(cx, comparison.swapped(), right, left)
}

/// What the receiver's special method says, `NotImplemented` when it has none.
fn compare_by_method(
    cx: &mut Context,
    comparison: Comparison,
    receiver: &Value,
    other: &Value,
) -> Outcome<Value> {
    let Value::Instance(instance) = receiver else {
        return compare_builtin(cx, comparison, receiver, other.unwrapped());
    };
    match special::method(cx, instance, comparison.method()) {
        None => compare_default(cx, comparison, instance, receiver, other),
        Some(method) => cx.call_found(&method, receiver, std::slice::from_ref(other)),
    }
}

/// What the language's own methods say of an instance: those of the type it is derived from, or
/// those of `object`.
fn compare_default(
    cx: &mut Context,
    comparison: Comparison,
    instance: &Ref<Instance>,
    receiver: &Value,
    other: &Value,
) -> Outcome<Value> {
    match instance.wrapped() {
        Some(wrapped) => compare_builtin(cx, comparison, wrapped, other.unwrapped()),
        None => compare_object(cx, comparison, receiver, other),
    }
}

/// The comparisons of `object` itself: equal when identical, otherwise `NotImplemented`; `!=` is
/// the opposite of what the value's `__eq__` says.
///
/// # Errors
/// What the value's own `__eq__` raises.
pub fn compare_object(
    cx: &mut Context,
    comparison: Comparison,
    left: &Value,
    right: &Value,
) -> Outcome<Value> {
    match comparison {
        Comparison::Equal if left.same(right) => Ok(Value::Bool(true)),
        Comparison::NotEqual => {
            let result = match left {
                Value::Instance(_) => compare_by_method(cx, Comparison::Equal, left, right)?,
                _ => compare_builtin(cx, Comparison::Equal, left, right)?,
            };
            match result {
                Value::NotImplemented => Ok(Value::NotImplemented),
                result => Ok(Value::Bool(!truthy(cx, &result)?)),
            }
        }
        _ => Ok(Value::NotImplemented),
    }
}

/// The comparison that the left value's built-in type makes, `NotImplemented` where it has none
/// for the right one. Neither value is an instance of a class derived from a built-in type: see
/// [`Value::unwrapped`].
///
/// # Errors
/// What the items' own methods raise.
pub fn compare_builtin(
    cx: &mut Context,
    comparison: Comparison,
    left: &Value,
    right: &Value,
) -> Outcome<Value> {
    match (left, right) {
        (Value::Tuple(left), Value::Tuple(right)) => {
            let (left, right) = (left.items(), right.items());
            compare_sequences(
                cx,
                comparison,
                |index| left.get(index).cloned(),
                |index| right.get(index).cloned(),
                || (left.len(), right.len()),
            )
        }
        (Value::List(left), Value::List(right)) => {
            if is_equality(comparison) && left.len() != right.len() {
                return Ok(Value::Bool(comparison == Comparison::NotEqual));
            }
            compare_sequences(
                cx,
                comparison,
                |index| left.get(index),
                |index| right.get(index),
                || (left.len(), right.len()),
            )
        }
        (Value::Slice(left), Value::Slice(right)) => {
            let (left, right) = (slice_parts(left), slice_parts(right));
            compare_sequences(
                cx,
                comparison,
                |index| left.get(index).cloned(),
                |index| right.get(index).cloned(),
                || (3, 3),
            )
        }
        (Value::Dict(left), Value::Dict(right)) if is_equality(comparison) => {
            let equal = dicts_equal(cx, left, right)?;
            Ok(Value::Bool(equal == (comparison == Comparison::Equal)))
        }
        (
            Value::Set(left) | Value::FrozenSet(left),
            Value::Set(right) | Value::FrozenSet(right),
        ) => compare_sets(cx, comparison, left, right).map(Value::Bool),
        // Integers leave it to the float.
        (Value::Int(_) | Value::BigInt(_) | Value::Bool(_), Value::Float(_)) => {
            Ok(Value::NotImplemented)
        }
        _ => Ok(match quick_compare(comparison, left, right) {
            // Two values of unlike types are not "unequal" yet: the other one may know better.
            Some(false) if comparison == Comparison::Equal && !comparable(left, right) => {
                Value::NotImplemented
            }
            Some(true) if comparison == Comparison::NotEqual && !comparable(left, right) => {
                Value::NotImplemented
            }
            Some(holds) => Value::Bool(holds),
            None => Value::NotImplemented,
        }),
    }
}

/// Whether the first value's type knows how to compare itself with the second.
fn comparable(left: &Value, right: &Value) -> bool {
    is_number(left) && is_number(right)
        || matches!(
            (left, right),
            (Value::Str(_), Value::Str(_))
                | (Value::Bytes(_), Value::Bytes(_))
                | (Value::Range(_), Value::Range(_))
                | (Value::Method(_), Value::Method(_))
        )
}

fn is_equality(comparison: Comparison) -> bool {
    matches!(comparison, Comparison::Equal | Comparison::NotEqual)
}

fn slice_parts(slice: &Slice) -> [Value; 3] {
    [slice.start.clone(), slice.stop.clone(), slice.step.clone()]
}

/// Compares item by item. The sequences may change meanwhile.
fn compare_sequences(
    cx: &mut Context,
    comparison: Comparison,
    left: impl Fn(usize) -> Option<Value>,
    right: impl Fn(usize) -> Option<Value>,
    lengths: impl Fn() -> (usize, usize),
) -> Outcome<Value> {
    cx.check_stack(DOING)?;
    let mut index = 0;
    while let (Some(left), Some(right)) = (left(index), right(index)) {
        if !identical_or_equal(cx, &left, &right)? {
            return match comparison {
                Comparison::Equal => Ok(Value::Bool(false)),
                Comparison::NotEqual => Ok(Value::Bool(true)),
                _ => compare(cx, comparison, &left, &right),
            };
        }
        index += 1;
    }
    let (left, right) = lengths();
    Ok(Value::Bool(comparison.holds(left.cmp(&right))))
}

fn dicts_equal(cx: &mut Context, left: &Dict, right: &Dict) -> Outcome<bool> {
    if std::ptr::eq(left, right) {
        return Ok(true);
    }
    if left.len() != right.len() {
        return Ok(false);
    }
    cx.check_stack(DOING)?;
    for (key, value) in left.entries()? {
        match right.get(cx, &key)? {
            Some(other) if identical_or_equal(cx, &value, &other)? => {}
            _ => return Ok(false),
        }
    }
    Ok(true)
}

fn compare_sets(
    cx: &mut Context,
    comparison: Comparison,
    left: &Set,
    right: &Set,
) -> Outcome<bool> {
    let (left_length, right_length) = (left.len(), right.len());
    Ok(match comparison {
        Comparison::Equal => left_length == right_length && left.is_subset(cx, right)?,
        Comparison::NotEqual => left_length != right_length || !left.is_subset(cx, right)?,
        Comparison::Less => left_length < right_length && left.is_subset(cx, right)?,
        Comparison::LessEqual => left.is_subset(cx, right)?,
        Comparison::Greater => left_length > right_length && right.is_subset(cx, left)?,
        Comparison::GreaterEqual => right.is_subset(cx, left)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn big(text: &str) -> Value {
        Value::integer(text.parse().unwrap())
    }

    #[test]
    fn numbers_of_different_types_are_compared_exactly() {
        for (left, right, expected) in [
            (Value::Int(1), Value::Float(1.0), Some(Ordering::Equal)),
            (
                Value::Int(9_007_199_254_740_993),
                Value::Float(9_007_199_254_740_992.0),
                Some(Ordering::Greater),
            ),
            (
                Value::Int(i64::MAX),
                Value::Float(9_223_372_036_854_775_808.0),
                Some(Ordering::Less),
            ),
            (
                Value::Int(i64::MIN),
                Value::Float(-9_223_372_036_854_775_808.0),
                Some(Ordering::Equal),
            ),
            (Value::Int(0), Value::Float(f64::NAN), None),
            (Value::Int(-1), Value::Float(-0.5), Some(Ordering::Less)),
            (Value::Int(0), Value::Float(-0.0), Some(Ordering::Equal)),
            (
                big("1000000000000000000000"),
                Value::Float(1e21),
                Some(Ordering::Equal),
            ),
            (
                big("1000000000000000000001"),
                Value::Float(1e21),
                Some(Ordering::Greater),
            ),
            (
                big("-1000000000000000000000"),
                Value::Float(f64::NEG_INFINITY),
                Some(Ordering::Greater),
            ),
            (
                big("9223372036854775808"),
                Value::Int(i64::MAX),
                Some(Ordering::Greater),
            ),
            (Value::Bool(true), Value::Float(1.0), Some(Ordering::Equal)),
        ] {
            assert_eq!(compare_numbers(&left, &right), expected);
            assert_eq!(
                compare_numbers(&right, &left),
                expected.map(Ordering::reverse)
            );
        }
    }

    #[test]
    fn what_needs_no_script_code_is_told_at_once() {
        let tuple = |items: &[Value]| Value::tuple(items.to_vec());
        let one = tuple(&[Value::Int(1), Value::str("a")]);
        assert_eq!(
            quick_equal(&one, &tuple(&[Value::Float(1.0), Value::str("a")])),
            Some(true)
        );
        assert_eq!(
            quick_equal(&one, &tuple(&[Value::Int(1), Value::str("b")])),
            Some(false)
        );
        assert_eq!(quick_equal(&Value::str("1"), &Value::Int(1)), Some(false));
        let list = Value::list(vec![Value::Int(1)]);
        assert_eq!(quick_equal(&list, &Value::list(Vec::new())), None);
        assert_eq!(quick_equal(&list, &Value::Int(1)), Some(false));
        let nan = Value::Float(f64::NAN);
        assert_eq!(quick_equal(&nan, &nan), Some(false));
        assert_eq!(quick_same_or_equal(&nan, &nan), Some(true));
        assert_eq!(
            quick_equal(&tuple(std::slice::from_ref(&nan)), &tuple(&[nan])),
            Some(true)
        );
    }
}
