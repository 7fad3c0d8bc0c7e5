//! Operators on constants, worked out before the program runs. Only what cannot raise, what gives
//! the very value that the evaluator would give, and what stays small. It must not know nodes.

use num_bigint::BigInt;
use num_integer::Integer;

use super::constant;
use crate::value::Value;
use crate::value::operator::{BinaryOperator, UnaryOperator};
use crate::value::string::Str;

/// The largest folded integer, in bits: enough for `2**64 - 1` and for hash moduli, and no source
/// text of one line can make a program of megabytes.
const MAX_BITS: u64 = 1024;

/// The longest folded string, in bytes: what CPython folds, too.
const MAX_TEXT: usize = 4096;

/// Integers up to here are floats exactly, so that their quotient is rounded once.
const MAX_EXACT: u64 = 1 << 53;

/// The value of a unary operator on a constant, if it is to be folded.
pub(super) fn unary(op: UnaryOperator, operand: &Value) -> Option<Value> {
    match (op, operand) {
        (UnaryOperator::Negate, Value::Float(value)) => Some(Value::Float(-value)),
        (UnaryOperator::Plus, Value::Float(value)) => Some(Value::Float(*value)),
        (_, Value::Int(_) | Value::BigInt(_)) => {
            let number = integer(operand)?;
            Some(constant::integer(match op {
                UnaryOperator::Negate => -number,
                UnaryOperator::Plus => number,
                UnaryOperator::Invert => -number - 1,
            }))
        }
        _ => None,
    }
}

/// The value of a binary operator on two constants, if it is to be folded.
pub(super) fn binary(op: BinaryOperator, left: &Value, right: &Value) -> Option<Value> {
    match (left, right) {
        (Value::Int(_) | Value::BigInt(_), Value::Int(_) | Value::BigInt(_)) => {
            integers(op, &integer(left)?, &integer(right)?)
        }
        (Value::Float(left), Value::Float(right)) => floats(op, *left, *right),
        (Value::Float(left), Value::Int(right)) => floats(op, *left, exact(*right)?),
        (Value::Int(left), Value::Float(right)) => floats(op, exact(*left)?, *right),
        (Value::Str(left), Value::Str(right)) if op == BinaryOperator::Add => {
            text(format!("{}{}", left.as_str(), right.as_str()))
        }
        (Value::Str(part), Value::Int(count)) | (Value::Int(count), Value::Str(part))
            if op == BinaryOperator::Multiply =>
        {
            let count = usize::try_from(*count).unwrap_or(0);
            let length = part.as_str().len().checked_mul(count)?;
            (length <= MAX_TEXT).then(|| text(part.as_str().repeat(count)))?
        }
        _ => None,
    }
}

fn text(text: String) -> Option<Value> {
    (text.len() <= MAX_TEXT).then(|| Value::Str(Str::immortal(&text)))
}

fn integer(value: &Value) -> Option<BigInt> {
    match value {
        Value::Int(number) => Some(BigInt::from(*number)),
        Value::BigInt(number) => Some(number.get().clone()),
        _ => None,
    }
}

/// An integer as a float, if it is one exactly.
fn exact(number: i64) -> Option<f64> {
    (number.unsigned_abs() <= MAX_EXACT).then_some(number as f64)
}

fn integers(op: BinaryOperator, left: &BigInt, right: &BigInt) -> Option<Value> {
    let zero = BigInt::ZERO;
    if left.bits() > MAX_BITS || right.bits() > MAX_BITS {
        return None;
    }
    let result = match op {
        BinaryOperator::Add => left + right,
        BinaryOperator::Subtract => left - right,
        BinaryOperator::Multiply => left * right,
        BinaryOperator::Divide => {
            let (left, right) = (i64::try_from(left).ok()?, i64::try_from(right).ok()?);
            let (left, right) = (exact(left)?, exact(right)?);
            return (right != 0.0).then(|| Value::Float(left / right));
        }
        BinaryOperator::FloorDivide if *right != zero => left.div_floor(right),
        BinaryOperator::Modulo if *right != zero => left.mod_floor(right),
        BinaryOperator::Power => {
            let exponent = u32::try_from(right).ok()?;
            let bits = left.bits().checked_mul(u64::from(exponent))?;
            if bits > MAX_BITS {
                return None;
            }
            left.pow(exponent)
        }
        BinaryOperator::ShiftLeft => {
            let shift = u64::try_from(right).ok()?;
            if left.bits().checked_add(shift)? > MAX_BITS {
                return None;
            }
            left << shift
        }
        BinaryOperator::ShiftRight => left >> u64::try_from(right).ok()?,
        BinaryOperator::BitAnd => left & right,
        BinaryOperator::BitOr => left | right,
        BinaryOperator::BitXor => left ^ right,
        _ => return None,
    };
    (result.bits() <= MAX_BITS).then(|| constant::integer(result))
}

fn floats(op: BinaryOperator, left: f64, right: f64) -> Option<Value> {
    let result = match op {
        BinaryOperator::Add => left + right,
        BinaryOperator::Subtract => left - right,
        BinaryOperator::Multiply => left * right,
        BinaryOperator::Divide if right != 0.0 => left / right,
        // The others round in ways that only the evaluator knows.
        _ => return None,
    };
    Some(Value::Float(result))
}
