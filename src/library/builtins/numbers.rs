//! `abs`, `round`, `divmod`, `pow`, `sum`.

use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{Signed, ToPrimitive};

use crate::eval::context::Context;
use crate::library::arguments::{self, Signature};
use crate::library::define::Entries;
use crate::value::exception::type_error;
use crate::value::function::Args;
use crate::value::name::known;
use crate::value::operator::BinaryOperator;
use crate::value::{Outcome, Value, arithmetic, convert, float, iterate, sequence};

/// The functions.
pub const FUNCTIONS: Entries<'_> = &[
    ("abs", abs),
    ("round", round),
    ("divmod", divmod),
    ("pow", pow),
    ("sum", sum),
];

fn abs(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let value = arguments::one("abs", args)?;
    if let Value::Instance(instance) = value
        && let Some(method) = sequence::special(instance, known().abs)
    {
        return cx.call_found(&method, value, &[]);
    }
    match value.unwrapped() {
        Value::Int(number) => Ok(match number.checked_abs() {
            Some(number) => Value::Int(number),
            None => Value::integer(BigInt::from(*number).abs()),
        }),
        Value::Float(number) => Ok(Value::Float(number.abs())),
        Value::Bool(flag) => Ok(Value::Int(i64::from(*flag))),
        Value::BigInt(number) => Ok(Value::integer(number.get().abs())),
        _ => Err(type_error(format!(
            "bad operand type for abs(): '{}'",
            value.type_name()
        ))),
    }
}

const ROUND: Signature<2> = Signature::new("round", ["number", "ndigits"]).required(1);

fn round(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [number, digits] = ROUND.bind(args)?;
    let value = number.cloned().unwrap_or_default();
    let digits = digits.filter(|digits| !digits.is_none());
    if let Value::Instance(instance) = &value
        && let Some(method) = sequence::special(instance, known().round)
    {
        return match digits {
            Some(digits) => cx.call_found(&method, &value, std::slice::from_ref(digits)),
            None => cx.call_found(&method, &value, &[]),
        };
    }
    round_number(cx, value.unwrapped(), digits)
        .transpose()
        .unwrap_or_else(|| {
            Err(type_error(format!(
                "type {} doesn't define __round__ method",
                value.type_name()
            )))
        })
}

/// A built-in number rounded; `None` for any other value. This is `__round__` of `int` and
/// `float`.
///
/// # Errors
/// `TypeError` for digits that are no integer, `OverflowError` and `ValueError` for what has no
/// integer.
pub fn round_number(
    cx: &mut Context,
    value: &Value,
    digits: Option<&Value>,
) -> Outcome<Option<Value>> {
    Ok(Some(match value {
        Value::Int(_) | Value::BigInt(_) | Value::Bool(_) => {
            let number = arguments::big_integer(cx, value)?;
            match digits {
                None => Value::integer(number),
                Some(digits) => round_integer(number, arguments::big_integer(cx, digits)?),
            }
        }
        Value::Float(number) => match digits {
            None => convert::truncate(number.round_ties_even())?,
            Some(digits) => {
                let digits = arguments::big_integer(cx, digits)?;
                let places = digits.to_i64().unwrap_or(if digits.is_negative() {
                    i64::MIN
                } else {
                    i64::MAX
                });
                Value::Float(float::round_to(*number, places)?)
            }
        },
        _ => return Ok(None),
    }))
}

/// To the nearest multiple of a power of ten; ties to an even one.
fn round_integer(number: BigInt, digits: BigInt) -> Value {
    if !digits.is_negative() {
        return Value::integer(number);
    }
    // A power with more digits than the number has makes it 0.
    let places = (-digits).to_u64().unwrap_or(u64::MAX);
    if places > number.bits() {
        return Value::Int(0);
    }
    let unit = BigInt::from(10).pow(places as u32);
    let (quotient, rest) = number.div_mod_floor(&unit);
    let twice = &rest * 2;
    let up = twice > unit || (twice == unit && quotient.is_odd());
    let quotient = if up { quotient + 1 } else { quotient };
    Value::integer(quotient * unit)
}

fn divmod(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [left, right] = arguments::exactly("divmod", args)?;
    arithmetic::divide_with_rest(cx, left, right)
}

const POW: Signature<3> = Signature::new("pow", ["base", "exp", "mod"]).required(2);

fn pow(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [Some(base), Some(exponent), modulus] = POW.bind(args)? else {
        // Both are required.
        return Ok(Value::None);
    };
    match modulus {
        None => arithmetic::power(cx, base, exponent),
        Some(modulus) => arithmetic::power_modulo(cx, base, exponent, modulus),
    }
}

const SUM: Signature<2> = Signature::new("sum", ["iterable", "start"])
    .required(1)
    .positional_only(1);

fn sum(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [iterable, start] = SUM.bind(args)?;
    let iterable = iterable.cloned().unwrap_or_default();
    let start = start.cloned().unwrap_or(Value::Int(0));
    match start.unwrapped() {
        Value::Str(_) => {
            return Err(type_error(
                "sum() can't sum strings [use ''.join(seq) instead]",
            ));
        }
        Value::Bytes(_) => {
            return Err(type_error(
                "sum() can't sum bytes [use b''.join(seq) instead]",
            ));
        }
        _ if start.type_name() == "bytearray" => {
            return Err(type_error(
                "sum() can't sum bytearray [use b''.join(seq) instead]",
            ));
        }
        _ => {}
    }
    let mut total = Total::from(start);
    iterate::for_each(cx, &iterable, |cx, item| total.add(cx, item))?;
    Ok(total.finish())
}

/// A sum so far. Small integers and floats are added without making values; floats with the
/// compensation of Neumaier (1974), as CPython does since 3.12.
enum Total {
    Small(i64),
    Float { sum: f64, compensation: f64 },
    Other(Value),
}

impl From<Value> for Total {
    fn from(start: Value) -> Total {
        match start {
            Value::Int(number) => Total::Small(number),
            Value::Float(sum) => Total::Float {
                sum,
                compensation: 0.0,
            },
            other => Total::Other(other),
        }
    }
}

impl Total {
    #[inline]
    fn add(&mut self, cx: &mut Context, item: Value) -> Outcome<()> {
        match (&mut *self, &item) {
            (Total::Small(total), Value::Int(number)) => {
                if let Some(sum) = total.checked_add(*number) {
                    *total = sum;
                    return Ok(());
                }
            }
            (Total::Small(total), Value::Bool(flag)) => {
                if let Some(sum) = total.checked_add(i64::from(*flag)) {
                    *total = sum;
                    return Ok(());
                }
            }
            (Total::Small(total), Value::Float(number)) => {
                *self = Total::Float {
                    sum: *total as f64 + number,
                    compensation: 0.0,
                };
                return Ok(());
            }
            (Total::Float { sum, compensation }, Value::Float(number)) => {
                let next = *sum + number;
                *compensation += if sum.abs() >= number.abs() {
                    (*sum - next) + number
                } else {
                    (number - next) + *sum
                };
                *sum = next;
                return Ok(());
            }
            (Total::Float { sum, .. }, Value::Int(number)) => {
                *sum += *number as f64;
                return Ok(());
            }
            (Total::Float { sum, .. }, Value::Bool(flag)) => {
                *sum += f64::from(u8::from(*flag));
                return Ok(());
            }
            _ => {}
        }
        let total = std::mem::replace(self, Total::Small(0)).finish();
        let sum = arithmetic::binary(cx, BinaryOperator::Add, &total, &item)?;
        // A sum that left the small integers may come back to them, as in CPython.
        *self = match sum {
            Value::Float(_) => Total::from(sum),
            other => Total::Other(other),
        };
        Ok(())
    }

    fn finish(self) -> Value {
        match self {
            Total::Small(number) => Value::Int(number),
            Total::Float { sum, compensation } => {
                // An infinite or undefined sum must not be spoilt by its compensation.
                if compensation != 0.0 && compensation.is_finite() {
                    Value::Float(sum + compensation)
                } else {
                    Value::Float(sum)
                }
            }
            Total::Other(value) => value,
        }
    }
}
