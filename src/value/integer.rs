//! Arithmetic of integers of any size. Small ones take checked machine instructions; what leaves
//! the 64 bits goes on as a large integer. It must not know other kinds of values.

use std::borrow::Cow;

use num_bigint::{BigInt, Sign};
use num_integer::Integer;
use num_traits::{One, Pow, Signed, ToPrimitive, Zero};

use super::convert::big_to_float;
use super::exception::{memory_error, overflow_error, value_error, zero_division};
use super::operator::BinaryOperator;
use super::{Outcome, Value, float};

/// Results with more bits than this, 2 GiB, are refused: making them would take the memory of
/// everybody else.
const MOST_BITS: u64 = 1 << 34;

/// The operation on two small integers where the result is small too. `None` leaves the rest,
/// errors included, to [`binary`].
#[inline(always)]
pub fn quick(op: BinaryOperator, left: i64, right: i64) -> Option<Value> {
    match op {
        BinaryOperator::Add => left.checked_add(right).map(Value::Int),
        BinaryOperator::Subtract => left.checked_sub(right).map(Value::Int),
        BinaryOperator::Multiply => left.checked_mul(right).map(Value::Int),
        BinaryOperator::Divide => {
            // Both are exact as floats, so the quotient is rounded once.
            const EXACT: u64 = 1 << 53;
            (right != 0 && left.unsigned_abs() <= EXACT && right.unsigned_abs() <= EXACT)
                .then(|| Value::Float(left as f64 / right as f64))
        }
        BinaryOperator::FloorDivide => {
            let quotient = left.checked_div(right)?;
            let inexact = left % right != 0;
            let below = inexact && (left < 0) != (right < 0);
            Some(Value::Int(quotient - i64::from(below)))
        }
        BinaryOperator::Modulo => {
            let rest = left.checked_rem(right)?;
            let across = rest != 0 && (rest < 0) != (right < 0);
            Some(Value::Int(if across { rest + right } else { rest }))
        }
        BinaryOperator::Power => left.checked_pow(u32::try_from(right).ok()?).map(Value::Int),
        BinaryOperator::ShiftLeft => {
            if !(0..63).contains(&right) {
                return None;
            }
            let shifted = left << right;
            (shifted >> right == left).then_some(Value::Int(shifted))
        }
        BinaryOperator::ShiftRight => (right >= 0).then(|| Value::Int(left >> right.min(63))),
        BinaryOperator::BitAnd => Some(Value::Int(left & right)),
        BinaryOperator::BitOr => Some(Value::Int(left | right)),
        BinaryOperator::BitXor => Some(Value::Int(left ^ right)),
        BinaryOperator::MatrixMultiply => None,
    }
}

/// The small integer that a value is, booleans included.
#[inline(always)]
pub fn small(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        Value::Bool(truth) => Some(i64::from(*truth)),
        _ => None,
    }
}

/// The integer of any size that a value is, booleans included.
pub fn any_size(value: &Value) -> Option<Cow<'_, BigInt>> {
    match value {
        Value::BigInt(number) => Some(Cow::Borrowed(number.get())),
        other => small(other).map(|number| Cow::Owned(BigInt::from(number))),
    }
}

/// The operation on two integers of any size, booleans included; `NotImplemented` when one of
/// the values is none, or the operator means nothing for integers.
///
/// # Errors
/// `ZeroDivisionError`, `ValueError` for negative shifts, `OverflowError` and `MemoryError`.
#[inline(never)]
pub fn binary(op: BinaryOperator, left: &Value, right: &Value) -> Outcome<Value> {
    if let (Value::Bool(left), Value::Bool(right)) = (left, right) {
        match op {
            BinaryOperator::BitAnd => return Ok(Value::Bool(left & right)),
            BinaryOperator::BitOr => return Ok(Value::Bool(left | right)),
            BinaryOperator::BitXor => return Ok(Value::Bool(left ^ right)),
            _ => {}
        }
    }
    if let (Some(left), Some(right)) = (small(left), small(right))
        && let Some(result) = quick(op, left, right)
    {
        return Ok(result);
    }
    let (Some(left), Some(right)) = (any_size(left), any_size(right)) else {
        return Ok(Value::NotImplemented);
    };
    large(op, &left, &right)
}

fn large(op: BinaryOperator, left: &BigInt, right: &BigInt) -> Outcome<Value> {
    Ok(Value::integer(match op {
        BinaryOperator::Add => left + right,
        BinaryOperator::Subtract => left - right,
        BinaryOperator::Multiply => {
            check_size(left.bits().saturating_add(right.bits()))?;
            left * right
        }
        BinaryOperator::Divide => return true_divide(left, right).map(Value::Float),
        BinaryOperator::FloorDivide => {
            if right.is_zero() {
                return Err(zero_division("integer division or modulo by zero"));
            }
            left.div_floor(right)
        }
        BinaryOperator::Modulo => {
            if right.is_zero() {
                return Err(zero_division("integer modulo by zero"));
            }
            left.mod_floor(right)
        }
        BinaryOperator::Power => return power(left, right),
        BinaryOperator::ShiftLeft => return shift_left(left, right),
        BinaryOperator::ShiftRight => {
            if right.is_negative() {
                return Err(negative_shift());
            }
            match right.to_u64() {
                Some(bits) if bits < left.bits() => left >> bits,
                // Everything is shifted out but the sign.
                _ if left.is_negative() => -BigInt::one(),
                _ => BigInt::zero(),
            }
        }
        BinaryOperator::BitAnd => left & right,
        BinaryOperator::BitOr => left | right,
        BinaryOperator::BitXor => left ^ right,
        BinaryOperator::MatrixMultiply => return Ok(Value::NotImplemented),
    }))
}

#[cold]
fn negative_shift() -> super::exception::Raised {
    value_error("negative shift count")
}

/// Whether a result of so many bits may be made.
fn check_size(bits: u64) -> Outcome<()> {
    if bits > MOST_BITS {
        return Err(memory_error(""));
    }
    Ok(())
}

fn shift_left(left: &BigInt, right: &BigInt) -> Outcome<Value> {
    if right.is_negative() {
        return Err(negative_shift());
    }
    if left.is_zero() {
        return Ok(Value::Int(0));
    }
    let Some(bits) = right.to_u64() else {
        return Err(overflow_error("too many digits in integer"));
    };
    check_size(left.bits().saturating_add(bits))?;
    Ok(Value::integer(left << bits))
}

fn power(base: &BigInt, exponent: &BigInt) -> Outcome<Value> {
    if exponent.is_negative() {
        return float::power(big_to_float(base)?, big_to_float(exponent)?).map(Value::Float);
    }
    if exponent.is_zero() || base.is_one() {
        return Ok(Value::Int(1));
    }
    if base.is_zero() {
        return Ok(Value::Int(0));
    }
    if base.magnitude().is_one() {
        return Ok(Value::Int(if exponent.is_even() { 1 } else { -1 }));
    }
    let Some(exponent) = exponent.to_u64() else {
        return Err(memory_error(""));
    };
    // The result has at least this many bits.
    check_size((base.bits() - 1).saturating_mul(exponent))?;
    Ok(Value::integer(Pow::pow(base, exponent)))
}

/// The quotient as the nearest float, rounded once.
fn true_divide(left: &BigInt, right: &BigInt) -> Outcome<f64> {
    /// Bits of the integer quotient: more than a float has, fewer than a machine word.
    const BITS: i64 = 62;
    if right.is_zero() {
        return Err(zero_division("division by zero"));
    }
    let negative = left.is_negative() != right.is_negative();
    let signed = |float: f64| if negative { -float } else { float };
    if left.is_zero() {
        return Ok(signed(0.0));
    }
    let (left, right) = (left.magnitude(), right.magnitude());
    let scale = BITS - (left.bits() as i64 - right.bits() as i64);
    if scale > BITS + 1200 {
        return Ok(signed(0.0));
    }
    let (quotient, rest) = if scale >= 0 {
        (left << scale).div_rem(right)
    } else {
        left.div_rem(&(right << -scale))
    };
    // What was cut off counts only as "a little more".
    let quotient = quotient.to_u64().unwrap_or(u64::MAX) | u64::from(!rest.is_zero());
    match scaled(quotient, -scale) {
        Some(float) => Ok(signed(float)),
        None => Err(overflow_error(
            "integer division result too large for a float",
        )),
    }
}

/// `mantissa * 2^exponent` as the nearest float, ties to even. `None` beyond the floats. The
/// mantissa has more bits than a float's.
fn scaled(mantissa: u64, exponent: i64) -> Option<f64> {
    let highest = 63 - i64::from(mantissa.leading_zeros()) + exponent;
    if highest > 1023 {
        return None;
    }
    let lowest = (highest - 52).max(-1074);
    let cut = lowest - exponent;
    if cut > 63 {
        return Some(0.0);
    }
    let (kept, rest) = (mantissa >> cut, mantissa & ((1 << cut) - 1));
    let half = 1u64 << (cut - 1);
    let kept = kept + u64::from(rest > half || rest == half && kept & 1 == 1);
    let unit = if lowest >= -1022 {
        f64::from_bits(((lowest + 1023) as u64) << 52)
    } else {
        f64::from_bits(1 << (lowest + 1074))
    };
    let float = kept as f64 * unit;
    float.is_finite().then_some(float)
}

/// `base ** exponent % modulus`, as `pow` with three arguments gives it.
///
/// # Errors
/// `ValueError` when the modulus is 0, or the exponent negative and there is no inverse.
pub fn power_modulo(base: &BigInt, exponent: &BigInt, modulus: &BigInt) -> Outcome<Value> {
    if modulus.is_zero() {
        return Err(value_error("pow() 3rd argument cannot be 0"));
    }
    let magnitude = modulus.abs();
    if magnitude.is_one() {
        return Ok(Value::Int(0));
    }
    let mut base = base.mod_floor(&magnitude);
    if exponent.is_negative() {
        let found = base.extended_gcd(&magnitude);
        if !found.gcd.is_one() {
            return Err(value_error("base is not invertible for the given modulus"));
        }
        base = found.x.mod_floor(&magnitude);
    }
    let exponent = exponent.magnitude();
    let result = match (base.to_u64(), exponent.to_u64(), magnitude.to_u64()) {
        (Some(base), Some(exponent), Some(modulus)) => {
            BigInt::from(power_modulo_small(base, exponent, modulus))
        }
        _ => base.modpow(
            &BigInt::from_biguint(Sign::Plus, exponent.clone()),
            &magnitude,
        ),
    };
    Ok(Value::integer(result.mod_floor(modulus)))
}

fn power_modulo_small(base: u64, mut exponent: u64, modulus: u64) -> u64 {
    let modulus = u128::from(modulus);
    let (mut result, mut square) = (1 % modulus, u128::from(base) % modulus);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = result * square % modulus;
        }
        square = square * square % modulus;
        exponent >>= 1;
    }
    // Smaller than the modulus.
    result as u64
}

/// The floor quotient and the rest, what `divmod` gives; `NotImplemented` when one of the values
/// is no integer.
///
/// # Errors
/// `ZeroDivisionError`.
pub fn divide_with_rest(left: &Value, right: &Value) -> Outcome<Value> {
    let (quotient, rest) = match (small(left), small(right)) {
        (Some(left), Some(right)) if right != 0 && !(left == i64::MIN && right == -1) => (
            quick(BinaryOperator::FloorDivide, left, right),
            quick(BinaryOperator::Modulo, left, right),
        ),
        _ => (None, None),
    };
    if let (Some(quotient), Some(rest)) = (quotient, rest) {
        return Ok(Value::tuple_of([quotient, rest]));
    }
    let (Some(left), Some(right)) = (any_size(left), any_size(right)) else {
        return Ok(Value::NotImplemented);
    };
    if right.is_zero() {
        return Err(zero_division("integer division or modulo by zero"));
    }
    let (quotient, rest) = left.div_mod_floor(&right);
    Ok(Value::tuple_of([
        Value::integer(quotient),
        Value::integer(rest),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::number_repr::integer_digits;

    fn number(text: &str) -> Value {
        Value::integer(text.parse().unwrap())
    }

    fn shown(op: BinaryOperator, left: &str, right: &str) -> String {
        match binary(op, &number(left), &number(right)) {
            Ok(Value::Int(number)) => number.to_string(),
            Ok(Value::BigInt(number)) => integer_digits(number.get()).unwrap(),
            Ok(Value::Float(number)) => format!("{number:?}"),
            Ok(_) => unreachable!(),
            Err(error) => format!("{error:?}"),
        }
    }

    #[test]
    fn results_at_the_edges_of_64_bits() {
        use BinaryOperator as Op;
        let (least, most) = ("-9223372036854775808", "9223372036854775807");
        for (op, left, right, expected) in [
            (Op::Add, most, "1", "9223372036854775808"),
            (Op::Subtract, least, "1", "-9223372036854775809"),
            (Op::Subtract, "9223372036854775808", "1", most),
            (Op::Multiply, least, "-1", "9223372036854775808"),
            (Op::FloorDivide, least, "-1", "9223372036854775808"),
            (Op::Modulo, least, "-1", "0"),
            (Op::FloorDivide, "-7", "2", "-4"),
            (Op::Modulo, "-7", "2", "1"),
            (Op::Modulo, "7", "-2", "-1"),
            (Op::ShiftLeft, "1", "62", "4611686018427387904"),
            (Op::ShiftLeft, "1", "63", "9223372036854775808"),
            (Op::ShiftLeft, "-1", "63", least),
            (Op::ShiftRight, "-1", "1000", "-1"),
            (Op::ShiftRight, least, "63", "-1"),
            (Op::Power, "-2", "63", least),
            (Op::Power, "2", "64", "18446744073709551616"),
            (Op::Power, "2", "-2", "0.25"),
            (Op::Divide, "9007199254740993", "1", "9007199254740992.0"),
            (Op::Divide, "1", "3", "0.3333333333333333"),
            (
                Op::FloorDivide,
                "1",
                "0",
                "ZeroDivisionError: integer division or modulo by zero",
            ),
            (
                Op::Modulo,
                "1",
                "0",
                "ZeroDivisionError: integer modulo by zero",
            ),
            (Op::Divide, "1", "0", "ZeroDivisionError: division by zero"),
            (Op::ShiftLeft, "1", "-1", "ValueError: negative shift count"),
            (
                Op::Power,
                "0",
                "-1",
                "ZeroDivisionError: 0.0 cannot be raised to a negative power",
            ),
            (
                Op::ShiftLeft,
                "1",
                "99999999999999999999999",
                "OverflowError: too many digits in integer",
            ),
        ] {
            assert_eq!(
                shown(op, left, right),
                expected,
                "{left} {} {right}",
                op.symbol()
            );
        }
    }

    #[test]
    fn results_that_would_take_all_memory_are_refused() {
        use BinaryOperator as Op;
        assert!(binary(Op::ShiftLeft, &Value::Int(1), &Value::Int(1 << 60)).is_err());
        assert!(binary(Op::Power, &Value::Int(3), &Value::Int(1 << 60)).is_err());
        assert!(binary(Op::Power, &Value::Int(3), &number("99999999999999999999")).is_err());
    }

    #[test]
    fn quotients_are_rounded_once() {
        let two = |bits: u32| BigInt::from(2).pow(bits);
        for (left, right, expected) in [
            (BigInt::from(3), two(1075), 1e-323),
            (BigInt::from(1), two(1074), 5e-324),
            (BigInt::from(1), two(1075), 0.0),
            (two(1000), BigInt::from(3), 3.5716953572875575e300),
            (two(54) + 3, BigInt::from(1), 18_014_398_509_481_988.0),
            (two(1024) - two(970) - 1, BigInt::from(1), f64::MAX),
        ] {
            assert_eq!(true_divide(&left, &right).unwrap(), expected);
        }
        assert!(true_divide(&two(1024), &BigInt::from(1)).is_err());
    }

    #[test]
    fn powers_modulo() {
        for (base, exponent, modulus, expected) in [
            (2, 3, 5, Some(3)),
            (-2, 3, 5, Some(2)),
            (2, 3, -5, Some(-2)),
            (2, -1, 5, Some(3)),
            (2, -1, 4, None),
            (2, 3, 0, None),
            (7, 0, 1, Some(0)),
            (i64::MAX, i64::MAX, i64::MAX - 1, Some(1)),
        ] {
            let [base, exponent, modulus] = [base, exponent, modulus].map(BigInt::from);
            let result = power_modulo(&base, &exponent, &modulus);
            match expected {
                Some(expected) => assert!(result.unwrap().same(&Value::Int(expected))),
                None => assert!(result.is_err()),
            }
        }
    }
}
