//! Arithmetic of floating-point numbers, with CPython's rules for signs, zeros and errors. It
//! must not know other kinds of values.

use std::sync::atomic::{AtomicU64, Ordering};

use super::exception::{ExceptionKind, Raised, overflow_error, value_error, zero_division};
use super::operator::BinaryOperator;
use super::{Outcome, Value};

/// The same number; a "not a number" with bits that no other one has had. They tell whether two
/// are the same object, which decides if a container finds one, as no two of them are equal.
pub fn distinct(number: f64) -> f64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    if !number.is_nan() {
        return number;
    }
    let own = NEXT.fetch_add(1, Ordering::Relaxed) & NAN_BITS;
    f64::from_bits(f64::NAN.to_bits() | own).copysign(number)
}

/// The bits that are free in a quiet "not a number".
pub(super) const NAN_BITS: u64 = (1 << 51) - 1;

/// The operation on two floats where it cannot fail. `None` leaves the rest to [`binary`].
#[inline(always)]
pub fn quick(op: BinaryOperator, left: f64, right: f64) -> Option<Value> {
    match op {
        BinaryOperator::Add => Some(Value::Float(left + right)),
        BinaryOperator::Subtract => Some(Value::Float(left - right)),
        BinaryOperator::Multiply => Some(Value::Float(left * right)),
        BinaryOperator::Divide if right != 0.0 => Some(Value::Float(left / right)),
        _ => None,
    }
}

/// The operation on two floats; `NotImplemented` when the operator means nothing for them.
///
/// # Errors
/// `ZeroDivisionError`, `OverflowError`.
pub fn binary(op: BinaryOperator, left: f64, right: f64) -> Outcome<Value> {
    Ok(Value::Float(match op {
        BinaryOperator::Add => left + right,
        BinaryOperator::Subtract => left - right,
        BinaryOperator::Multiply => left * right,
        BinaryOperator::Divide => {
            if right == 0.0 {
                return Err(zero_division("float division by zero"));
            }
            left / right
        }
        BinaryOperator::FloorDivide => {
            if right == 0.0 {
                return Err(zero_division("float floor division by zero"));
            }
            floor_with_rest(left, right).0
        }
        BinaryOperator::Modulo => {
            if right == 0.0 {
                return Err(zero_division("float modulo by zero"));
            }
            rest(left, right)
        }
        BinaryOperator::Power => power(left, right)?,
        _ => return Ok(Value::NotImplemented),
    }))
}

/// The rest of a division, which has the sign of the divisor.
fn rest(left: f64, right: f64) -> f64 {
    let rest = left % right;
    if rest == 0.0 {
        0.0f64.copysign(right)
    } else if (right < 0.0) != (rest < 0.0) {
        rest + right
    } else {
        rest
    }
}

/// The floor quotient and the rest; the divisor is not zero.
fn floor_with_rest(left: f64, right: f64) -> (f64, f64) {
    let mut rest = left % right;
    let mut quotient = (left - rest) / right;
    if rest == 0.0 {
        rest = 0.0f64.copysign(right);
    } else if (right < 0.0) != (rest < 0.0) {
        rest += right;
        quotient -= 1.0;
    }
    let floor = if quotient == 0.0 {
        0.0f64.copysign(left / right)
    } else {
        // The quotient is nearly an integer: the nearest one is meant.
        let floor = quotient.floor();
        if quotient - floor > 0.5 {
            floor + 1.0
        } else {
            floor
        }
    };
    (floor, rest)
}

/// The floor quotient and the rest, what `divmod` gives.
///
/// # Errors
/// `ZeroDivisionError`.
pub fn divide_with_rest(left: f64, right: f64) -> Outcome<Value> {
    if right == 0.0 {
        return Err(zero_division("float divmod()"));
    }
    let (quotient, rest) = floor_with_rest(left, right);
    Ok(Value::tuple_of([
        Value::Float(quotient),
        Value::Float(rest),
    ]))
}

/// `base ** exponent`.
///
/// # Errors
/// `ZeroDivisionError` for a negative power of zero, `OverflowError`, and `ValueError` where the
/// result would be a complex number.
pub fn power(base: f64, exponent: f64) -> Outcome<f64> {
    // These are the rules of C99, except for the errors.
    if base == 0.0 && exponent < 0.0 {
        return Err(zero_division("0.0 cannot be raised to a negative power"));
    }
    if base < 0.0 && base.is_finite() && exponent.is_finite() && exponent.floor() != exponent {
        return Err(value_error(
            "conc has no complex numbers: a negative number cannot be raised to a fractional power",
        ));
    }
    let result = base.powf(exponent);
    if result.is_infinite() && base.is_finite() && exponent.is_finite() {
        return Err(Raised::with_args(
            ExceptionKind::OverflowError,
            vec![Value::Int(34), Value::str("Numerical result out of range")],
        ));
    }
    Ok(result)
}

/// The float rounded to so many decimal places, to tens, hundreds, … when negative; a tie in the
/// exact decimal value goes to the even digit.
///
/// # Errors
/// `OverflowError` when the result is beyond the floats.
pub fn round_to(number: f64, places: i64) -> Outcome<f64> {
    // No float has more places than these, nor as many digits before the point.
    const MOST_PLACES: i64 = 323;
    const MOST_DIGITS: i64 = 309;
    if !number.is_finite() || number == 0.0 || places > MOST_PLACES {
        return Ok(number);
    }
    if places < -MOST_DIGITS {
        return Ok(0.0f64.copysign(number));
    }
    // Formatting with a precision works on the exact decimal value.
    let text = if places >= 0 {
        format!("{number:.*}", places as usize)
    } else {
        let scientific = format!("{:e}", number.abs());
        let exponent: i64 = scientific
            .split_once('e')
            .and_then(|(_, exponent)| exponent.parse().ok())
            .unwrap_or(0);
        // Digits that are kept.
        match exponent + 1 + places {
            kept if kept > 0 => format!("{number:.*e}", kept as usize - 1),
            0 => {
                // 0 or one unit: more than half of it, or not. Numbers so large are integers, or
                // far from the tie.
                let half: f64 = format!("5e{}", -places - 1).parse().unwrap_or(f64::MAX);
                let unit = if number.abs() > half {
                    format!("1e{}", -places)
                } else {
                    "0".to_owned()
                };
                format!("{}{unit}", if number < 0.0 { "-" } else { "" })
            }
            _ => return Ok(0.0f64.copysign(number)),
        }
    };
    let rounded: f64 = text.parse().unwrap_or(number);
    if rounded.is_infinite() {
        return Err(overflow_error("rounded value too large to represent"));
    }
    Ok(rounded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(op: BinaryOperator, left: f64, right: f64) -> f64 {
        match binary(op, left, right).unwrap() {
            Value::Float(number) => number,
            _ => unreachable!(),
        }
    }

    #[test]
    fn division_keeps_the_signs_of_cpython() {
        for (left, right, quotient, rest) in [
            (7.5, 2.0, 3.0, 1.5),
            (-7.5, 2.0, -4.0, 0.5),
            (7.5, -2.0, -4.0, -0.5),
            (-7.5, -2.0, 3.0, -1.5),
            (0.0, -2.0, -0.0, -0.0),
            (-0.0, 2.0, -0.0, 0.0),
            (1e300, 1e-300, f64::INFINITY, 4.891554850853602e-301),
            (5.0, f64::INFINITY, 0.0, 5.0),
            (-5.0, f64::INFINITY, -1.0, f64::INFINITY),
        ] {
            let floor = result(BinaryOperator::FloorDivide, left, right);
            let modulo = result(BinaryOperator::Modulo, left, right);
            assert_eq!(floor.to_bits(), quotient.to_bits(), "{left} // {right}");
            assert_eq!(modulo.to_bits(), rest.to_bits(), "{left} % {right}");
        }
    }

    #[test]
    fn rounding_works_on_the_decimal_value() {
        for (number, places, rounded) in [
            (2.675, 2, 2.67),
            (1.005, 2, 1.0),
            (0.15, 1, 0.1),
            (0.25, 1, 0.2),
            (0.35, 1, 0.3),
            (15.0, -1, 20.0),
            (25.0, -1, 20.0),
            (50.0, -2, 0.0),
            (51.0, -2, 100.0),
            (150.0, -2, 200.0),
            (1e22, -22, 1e22),
            (123.0, -5, 0.0),
            (5e-324, 400, 5e-324),
        ] {
            assert_eq!(round_to(number, places).unwrap(), rounded, "{number}");
            assert_eq!(round_to(-number, places).unwrap(), -rounded, "-{number}");
        }
        assert!(round_to(1.7e308, -308).is_err());
    }

    #[test]
    fn no_two_nans_are_the_same() {
        let (one, other) = (distinct(f64::NAN), distinct(f64::NAN));
        assert!(one.is_nan() && other.is_nan());
        assert!(!Value::Float(one).same(&Value::Float(other)));
        assert!(Value::Float(one).same(&Value::Float(one)));
    }
}
