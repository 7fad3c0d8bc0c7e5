//! The binary and unary operators of all values: what the built-in types do, and in which order
//! special methods are asked. It must not know how an operator is written or evaluated.

use super::dict::Dict;
use super::exception::{Raised, type_error};
use super::name::{Name, known};
use super::object::Ref;
use super::operator::{BinaryOperator, UnaryOperator};
use super::set::Set;
use super::{
    Outcome, Value, concatenate, convert, float, generic, integer, percent, room, special,
};
use crate::eval::context::Context;

/// The result of a binary operator.
///
/// # Errors
/// `TypeError` when the values do not have it, the errors of arithmetic, or what the values' own
/// methods raise.
#[inline]
pub fn binary(cx: &mut Context, op: BinaryOperator, left: &Value, right: &Value) -> Outcome<Value> {
    match quick(op, left, right) {
        Some(result) => Ok(result),
        None => binary_slowly(cx, op, left, right),
    }
}

/// The result of an operator on two numbers of one type where nothing unusual happens.
#[inline(always)]
fn quick(op: BinaryOperator, left: &Value, right: &Value) -> Option<Value> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => integer::quick(op, *left, *right),
        (Value::Float(left), Value::Float(right)) => float::quick(op, *left, *right),
        (Value::Float(left), Value::Int(right)) => float::quick(op, *left, *right as f64),
        (Value::Int(left), Value::Float(right)) => float::quick(op, *left as f64, *right),
        _ => None,
    }
}

#[inline(never)]
fn binary_slowly(
    cx: &mut Context,
    op: BinaryOperator,
    left: &Value,
    right: &Value,
) -> Outcome<Value> {
    let result = ask_both(cx, Asked::Operator(op), left, right)?;
    if !matches!(result, Value::NotImplemented) {
        return Ok(result);
    }
    if op == BinaryOperator::Multiply
        && let Some(result) = repeat_class(cx, left, right)?
    {
        return Ok(result);
    }
    concatenate::join_sequences(cx, op, left, right)?
        .ok_or_else(|| unsupported(op.symbol(), left, right))
}

/// What a class says of `class * length` and `length * class`, where a metaclass would say it.
fn repeat_class(cx: &mut Context, left: &Value, right: &Value) -> Outcome<Option<Value>> {
    let (class, value, length) = match (left, right) {
        (Value::Class(class), _) => (class, left, right),
        (_, Value::Class(class)) => (class, right, left),
        _ => return Ok(None),
    };
    match class.lookup(known().class_multiply) {
        Some(method) => cx.call(&method, &[value.clone(), length.clone()]).map(Some),
        None => Ok(None),
    }
}

/// The result of an operator of augmented assignment, which changes the left value itself where
/// its type allows that.
///
/// # Errors
/// As [`binary`].
#[inline]
pub fn in_place(
    cx: &mut Context,
    op: BinaryOperator,
    left: &Value,
    right: &Value,
) -> Outcome<Value> {
    match quick(op, left, right) {
        Some(result) => Ok(result),
        None => in_place_slowly(cx, op, left, right),
    }
}

#[inline(never)]
fn in_place_slowly(
    cx: &mut Context,
    op: BinaryOperator,
    left: &Value,
    right: &Value,
) -> Outcome<Value> {
    // A method written in a script, or that of a native class.
    if let Value::Instance(instance) = left
        && let Some(method) = special::method(cx, instance, op.in_place())
    {
        let result = cx.call_found(&method, left, std::slice::from_ref(right))?;
        if !matches!(result, Value::NotImplemented) {
            return Ok(result);
        }
    }
    let changed = match (left.unwrapped(), right.unwrapped()) {
        (Value::Set(left), Value::Set(right) | Value::FrozenSet(right)) => {
            update_set(cx, op, left, right)?
        }
        (Value::Dict(dict), other) if op == BinaryOperator::BitOr => {
            match other {
                Value::Dict(other) => dict.merge(cx, other)?,
                _ => {
                    cx.call_method(left, "update", std::slice::from_ref(right))?;
                }
            }
            true
        }
        _ => false,
    };
    if changed {
        return Ok(left.clone());
    }
    let result = ask_both(cx, Asked::InPlace(op), left, right)?;
    if !matches!(result, Value::NotImplemented) {
        return Ok(result);
    }
    if let Value::List(list) = left.unwrapped() {
        match op {
            BinaryOperator::Add => {
                concatenate::extend(cx, list, right)?;
                return Ok(left.clone());
            }
            BinaryOperator::Multiply => {
                let count = concatenate::repetitions(cx, right)?;
                concatenate::repeat_in_place(list, count)?;
                return Ok(left.clone());
            }
            _ => {}
        }
    }
    // A container that cannot be repeated hides the sequence on the right.
    let joined = match (op, left.unwrapped()) {
        (
            BinaryOperator::Multiply,
            Value::Dict(_) | Value::Set(_) | Value::FrozenSet(_) | Value::Range(_),
        ) => None,
        _ => concatenate::join_sequences(cx, op, left, right)?,
    };
    joined.ok_or_else(|| {
        let symbol = format!("{}=", op.symbol());
        unsupported(&symbol, left, right)
    })
}

/// `divmod(left, right)`.
///
/// # Errors
/// As [`binary`].
pub fn divide_with_rest(cx: &mut Context, left: &Value, right: &Value) -> Outcome<Value> {
    let result = ask_both(cx, Asked::DivideWithRest, left, right)?;
    if matches!(result, Value::NotImplemented) {
        return Err(unsupported("divmod()", left, right));
    }
    Ok(result)
}

/// `pow(base, exponent)`.
///
/// # Errors
/// As [`binary`].
pub fn power(cx: &mut Context, base: &Value, exponent: &Value) -> Outcome<Value> {
    binary(cx, BinaryOperator::Power, base, exponent)
}

/// `pow(base, exponent, modulus)`.
///
/// # Errors
/// `TypeError` for anything but integers, `ValueError` for a modulus of 0 or without inverse.
pub fn power_modulo(
    cx: &mut Context,
    base: &Value,
    exponent: &Value,
    modulus: &Value,
) -> Outcome<Value> {
    if modulus.is_none() {
        return power(cx, base, exponent);
    }
    if let Value::Instance(instance) = base
        && let Some(method) = special::method(cx, instance, known().pow)
    {
        return cx.call_found(&method, base, &[exponent.clone(), modulus.clone()]);
    }
    let values = [base.unwrapped(), exponent.unwrapped(), modulus.unwrapped()];
    if let [Some(base), Some(exponent), Some(modulus)] = values.map(integer::any_size) {
        return integer::power_modulo(&base, &exponent, &modulus);
    }
    if values.iter().any(|value| matches!(value, Value::Float(_)))
        && values
            .iter()
            .all(|value| matches!(value, Value::Float(_)) || integer::any_size(value).is_some())
    {
        return Err(type_error(
            "pow() 3rd argument not allowed unless all arguments are integers",
        ));
    }
    Err(type_error(format!(
        "unsupported operand type(s) for ** or pow(): '{}', '{}', '{}'",
        base.type_name(),
        exponent.type_name(),
        modulus.type_name()
    )))
}

#[cold]
fn unsupported(symbol: &str, left: &Value, right: &Value) -> Raised {
    let symbol = if symbol == "**" {
        "** or pow()"
    } else {
        symbol
    };
    type_error(format!(
        "unsupported operand type(s) for {symbol}: '{}' and '{}'",
        left.type_name(),
        right.type_name()
    ))
}

pub use super::convert::truncate as float_to_integer;
pub use super::float::round_to as round_float;

// ---- the order in which the values are asked ----

/// What the two values are asked for.
#[derive(Clone, Copy)]
enum Asked {
    Operator(BinaryOperator),
    /// As `Operator`, after the left value's in-place method was asked.
    InPlace(BinaryOperator),
    DivideWithRest,
}

impl Asked {
    fn method(self) -> Name {
        match self {
            Asked::Operator(op) | Asked::InPlace(op) => op.method(),
            Asked::DivideWithRest => known().divmod,
        }
    }

    fn reflected(self) -> Name {
        match self {
            Asked::Operator(op) | Asked::InPlace(op) => op.reflected(),
            Asked::DivideWithRest => known().rdivmod,
        }
    }

    /// What the built-in types do.
    fn builtin(self, cx: &mut Context, left: &Value, right: &Value) -> Outcome<Value> {
        match self {
            // What `+=` and `*=` do to a list makes no new one.
            Asked::InPlace(BinaryOperator::Add | BinaryOperator::Multiply)
                if matches!(left, Value::List(_)) =>
            {
                Ok(Value::NotImplemented)
            }
            Asked::Operator(op) | Asked::InPlace(op) => builtin(cx, op, left, right),
            Asked::DivideWithRest => divide_builtin(left, right),
        }
    }
}

/// Asks both values' special methods in CPython's order; `NotImplemented` when none answers.
fn ask_both(cx: &mut Context, asked: Asked, left: &Value, right: &Value) -> Outcome<Value> {
    if !matches!(left, Value::Instance(_)) && !matches!(right, Value::Instance(_)) {
        return asked.builtin(cx, left, right);
    }
    cx.check_stack("")?;
    let (left_class, right_class) = (left.class(), right.class());
    if left_class.same(right_class) {
        return ask_left(cx, asked, left, right);
    }
    // The right value goes first when its class is the more special one and has a method of its
    // own.
    let mut right_asked = false;
    if right_class.derives_from(left_class) {
        let own = cx.lookup(right_class, asked.reflected());
        let inherited = cx.lookup(left_class, asked.reflected());
        let overridden = match (&own, &inherited) {
            (Some(own), Some(inherited)) => !own.same(inherited),
            (own, _) => own.is_some(),
        };
        if overridden {
            right_asked = true;
            let result = ask_right(cx, asked, left, right)?;
            if !matches!(result, Value::NotImplemented) {
                return Ok(result);
            }
        }
    }
    let result = ask_left(cx, asked, left, right)?;
    if right_asked || !matches!(result, Value::NotImplemented) {
        return Ok(result);
    }
    ask_right(cx, asked, left, right)
}

fn ask_left(cx: &mut Context, asked: Asked, left: &Value, right: &Value) -> Outcome<Value> {
    let Value::Instance(instance) = left else {
        return asked.builtin(cx, left, operand(asked, left, right));
    };
    match (
        special::method(cx, instance, asked.method()),
        instance.wrapped(),
    ) {
        (Some(method), _) => cx.call_found(&method, left, std::slice::from_ref(right)),
        (None, Some(wrapped)) => asked.builtin(cx, wrapped, operand(asked, wrapped, right)),
        // Classes as members of a union.
        (None, None) => asked.builtin(cx, left, operand(asked, left, right)),
    }
}

/// The right value as the built-in types take it: what it wraps, but for `%` of texts, which shows
/// it by its own `__str__` or `__repr__`.
fn operand<'a>(asked: Asked, left: &Value, right: &'a Value) -> &'a Value {
    match (asked, left) {
        (
            Asked::Operator(BinaryOperator::Modulo) | Asked::InPlace(BinaryOperator::Modulo),
            Value::Str(_) | Value::Bytes(_),
        ) => right,
        _ => right.unwrapped(),
    }
}

fn ask_right(cx: &mut Context, asked: Asked, left: &Value, right: &Value) -> Outcome<Value> {
    let Value::Instance(instance) = right else {
        return asked.builtin(cx, left.unwrapped(), right);
    };
    match (
        special::method(cx, instance, asked.reflected()),
        instance.wrapped(),
    ) {
        (Some(method), _) => cx.call_found(&method, right, std::slice::from_ref(left)),
        (None, Some(wrapped)) => asked.builtin(cx, left.unwrapped(), wrapped),
        (None, None) => Ok(Value::NotImplemented),
    }
}

// ---- what the built-in types do ----

fn builtin(cx: &mut Context, op: BinaryOperator, left: &Value, right: &Value) -> Outcome<Value> {
    match (op, left, right) {
        (BinaryOperator::Add, Value::Str(left), Value::Str(right)) => {
            concatenate::texts(left, right)
        }
        (_, Value::Int(_) | Value::BigInt(_) | Value::Bool(_), _)
        | (
            _,
            Value::Float(_),
            Value::Int(_) | Value::BigInt(_) | Value::Bool(_) | Value::Float(_),
        ) => numbers(op, left, right),
        (BinaryOperator::Modulo, Value::Str(_) | Value::Bytes(_), _) => {
            percent::percent(cx, left, right)
        }
        (
            BinaryOperator::Multiply,
            Value::Str(_) | Value::List(_) | Value::Tuple(_),
            Value::Int(count),
        ) => concatenate::repeat(left, *count),
        (BinaryOperator::Add, Value::List(left), Value::List(right)) => {
            concatenate::lists(left, right)
        }
        (BinaryOperator::Add, Value::Tuple(left), Value::Tuple(right)) => {
            let mut items = room::with_room(left.items().len() + right.items().len())?;
            items.extend_from_slice(left.items());
            items.extend_from_slice(right.items());
            Ok(Value::tuple(items))
        }
        (
            BinaryOperator::BitOr
            | BinaryOperator::BitAnd
            | BinaryOperator::BitXor
            | BinaryOperator::Subtract,
            Value::Set(first) | Value::FrozenSet(first),
            Value::Set(second) | Value::FrozenSet(second),
        ) => {
            let result = Ref::new(combine_sets(cx, op, first, second)?);
            Ok(match left {
                Value::FrozenSet(_) => Value::FrozenSet(result),
                _ => Value::Set(result),
            })
        }
        (BinaryOperator::BitOr, Value::Dict(left), Value::Dict(right)) => {
            let result: Dict = left.copy()?;
            result.merge(cx, right)?;
            Ok(Value::Dict(Ref::new(result)))
        }
        (BinaryOperator::BitOr, _, _) => Ok(unite(left, right)),
        _ => Ok(Value::NotImplemented),
    }
}

/// The operation on two numbers of any types; `NotImplemented` when one of them is none.
fn numbers(op: BinaryOperator, left: &Value, right: &Value) -> Outcome<Value> {
    match (left, right) {
        (Value::Float(_), _) | (_, Value::Float(_)) => {
            if !matches!(
                op,
                BinaryOperator::Add
                    | BinaryOperator::Subtract
                    | BinaryOperator::Multiply
                    | BinaryOperator::Divide
                    | BinaryOperator::FloorDivide
                    | BinaryOperator::Modulo
                    | BinaryOperator::Power
            ) {
                return Ok(Value::NotImplemented);
            }
            match (to_float(left)?, to_float(right)?) {
                (Some(left), Some(right)) => float::binary(op, left, right),
                _ => Ok(Value::NotImplemented),
            }
        }
        _ => integer::binary(op, left, right),
    }
}

/// The float that a number is; `None` for other values.
fn to_float(value: &Value) -> Outcome<Option<f64>> {
    match value {
        Value::Float(number) => Ok(Some(*number)),
        Value::Int(number) => Ok(Some(*number as f64)),
        Value::Bool(truth) => Ok(Some(f64::from(*truth))),
        Value::BigInt(number) => convert::big_to_float(number.get()).map(Some),
        _ => Ok(None),
    }
}

fn divide_builtin(left: &Value, right: &Value) -> Outcome<Value> {
    match (left, right) {
        (Value::Float(_), _) | (_, Value::Float(_)) => match (to_float(left)?, to_float(right)?) {
            (Some(left), Some(right)) => float::divide_with_rest(left, right),
            _ => Ok(Value::NotImplemented),
        },
        _ => integer::divide_with_rest(left, right),
    }
}

fn combine_sets(cx: &mut Context, op: BinaryOperator, left: &Set, right: &Set) -> Outcome<Set> {
    match op {
        BinaryOperator::BitOr => left.union(cx, right),
        BinaryOperator::BitAnd => left.intersection(cx, right),
        BinaryOperator::BitXor => left.symmetric_difference(cx, right),
        _ => left.difference(cx, right),
    }
}

/// Changes a set in place; `false` when the operator means nothing for sets.
fn update_set(cx: &mut Context, op: BinaryOperator, set: &Set, other: &Set) -> Outcome<bool> {
    match op {
        BinaryOperator::BitOr => set.update(cx, other)?,
        BinaryOperator::Subtract => set.difference_update(cx, other)?,
        BinaryOperator::BitXor => set.symmetric_difference_update(cx, other)?,
        BinaryOperator::BitAnd => {
            let common = set.intersection(cx, other)?;
            set.become_set(common);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// `int | None`; `NotImplemented` when one of the values is no type.
fn unite(left: &Value, right: &Value) -> Value {
    // `None` stands for its type only beside another.
    if left.is_none() && right.is_none() {
        return Value::NotImplemented;
    }
    generic::union(left, right).unwrap_or(Value::NotImplemented)
}

// ---- unary operators ----

/// The result of a unary operator.
///
/// # Errors
/// `TypeError` when the value does not have it, or what its own method raises.
#[inline]
pub fn unary(cx: &mut Context, op: UnaryOperator, value: &Value) -> Outcome<Value> {
    match (op, value) {
        (UnaryOperator::Negate, Value::Int(number)) if *number != i64::MIN => {
            Ok(Value::Int(-number))
        }
        (UnaryOperator::Negate, Value::Float(number)) => Ok(Value::Float(-number)),
        (UnaryOperator::Invert, Value::Int(number)) => Ok(Value::Int(!number)),
        _ => unary_slowly(cx, op, value),
    }
}

#[cold]
#[inline(never)]
fn unary_slowly(cx: &mut Context, op: UnaryOperator, value: &Value) -> Outcome<Value> {
    if let Value::Instance(instance) = value {
        let name = match op {
            UnaryOperator::Negate => known().neg,
            UnaryOperator::Plus => known().pos,
            UnaryOperator::Invert => known().invert,
        };
        if let Some(method) = special::method(cx, instance, name) {
            return cx.call_found(&method, value, &[]);
        }
    }
    match (op, value.unwrapped()) {
        (UnaryOperator::Plus, Value::Float(number)) => Ok(Value::Float(*number)),
        (UnaryOperator::Negate, Value::Float(number)) => Ok(Value::Float(-number)),
        (_, inner) => match (op, integer::any_size(inner)) {
            (UnaryOperator::Negate, Some(number)) => Ok(Value::integer(-number.into_owned())),
            (UnaryOperator::Plus, Some(number)) => Ok(Value::integer(number.into_owned())),
            (UnaryOperator::Invert, Some(number)) => Ok(Value::integer(!number.into_owned())),
            (_, None) => Err(type_error(format!(
                "bad operand type for unary {}: '{}'",
                match op {
                    UnaryOperator::Negate => "-",
                    UnaryOperator::Plus => "+",
                    UnaryOperator::Invert => "~",
                },
                value.type_name()
            ))),
        },
    }
}
