//! The nodes of binary operators. What operators do with values other than small integers and
//! floats it must not know.

use super::answer::Answer;
use super::context::Context;
use super::observer::Observer;
use super::operand::{Operand, operand};
use super::stack::{At, Frame};
use super::variable::unbound_answer;
use crate::resolve::tree::{Expr, ExprKind, NodeId};
use crate::value::operator::BinaryOperator;
use crate::value::{Value, arithmetic, concatenate};

#[inline(never)]
pub(super) fn binary_node<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    op: BinaryOperator,
    operands: &(Expr, Expr),
) -> Answer {
    binary::<O>(cx, frame, id, op, operands)
}

/// Inlined, so that a node whose operator is fixed has only that operator's code.
#[inline(always)]
fn binary<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    op: BinaryOperator,
    operands: &(Expr, Expr),
) -> Answer {
    let left = operand::<O>(cx, frame, &operands.0);
    if left.is_error() {
        return left.answer;
    }
    let right = operand::<O>(cx, frame, &operands.1);
    if right.is_error() {
        left.discard();
        return right.answer;
    }
    if left.answer.is_int() && right.answer.is_int() {
        if let Some(value) = small(op, left.answer.as_int(), right.answer.as_int()) {
            return Answer::int(value);
        }
    } else if left.answer.is_float()
        && right.answer.is_float()
        && let Some(value) = floating(op, left.answer.as_float(), right.answer.as_float())
    {
        return Answer::float(value);
    }
    binary_slowly(cx, frame, id, op, left, right)
}

#[inline(never)]
fn binary_slowly(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    op: BinaryOperator,
    left: Operand,
    right: Operand,
) -> Answer {
    let (left, right) = (left.held(), right.held());
    if let (BinaryOperator::Add, Value::Str(left), Value::Str(right)) = (op, &*left, &*right) {
        return Answer::from(concatenate::texts(left, right).at(frame, id));
    }
    Answer::from(arithmetic::binary(cx, op, &left, &right).at(frame, id))
}

/// The commonest operators have nodes of their own: one jump less.
macro_rules! operator_node {
    ($name:ident, $op:expr) => {
        #[inline(never)]
        pub(super) fn $name<O: Observer>(
            cx: &mut Context,
            frame: Frame,
            id: NodeId,
            operands: &(Expr, Expr),
        ) -> Answer {
            binary::<O>(cx, frame, id, $op, operands)
        }
    };
}

operator_node!(add, BinaryOperator::Add);

operator_node!(subtract, BinaryOperator::Subtract);

operator_node!(multiply, BinaryOperator::Multiply);

/// The result on small integers, unless it overflows or is an error.
#[inline(always)]
pub(super) fn small(op: BinaryOperator, a: i64, b: i64) -> Option<i64> {
    match op {
        BinaryOperator::Add => a.checked_add(b),
        BinaryOperator::Subtract => a.checked_sub(b),
        BinaryOperator::Multiply => a.checked_mul(b),
        BinaryOperator::BitAnd => Some(a & b),
        BinaryOperator::BitOr => Some(a | b),
        BinaryOperator::BitXor => Some(a ^ b),
        // A division of 32 bits takes a fraction of the time of one of 64.
        BinaryOperator::Modulo if b > 0 => Some(if (a | b) as u64 >> 32 == 0 {
            i64::from(a as u32 % b as u32)
        } else {
            a.rem_euclid(b)
        }),
        BinaryOperator::FloorDivide if b > 0 => Some(if (a | b) as u64 >> 32 == 0 {
            i64::from(a as u32 / b as u32)
        } else {
            a.div_euclid(b)
        }),
        _ => None,
    }
}

#[inline(always)]
pub(super) fn floating(op: BinaryOperator, a: f64, b: f64) -> Option<f64> {
    match op {
        BinaryOperator::Add => Some(a + b),
        BinaryOperator::Subtract => Some(a - b),
        BinaryOperator::Multiply => Some(a * b),
        BinaryOperator::Divide if b != 0.0 => Some(a / b),
        _ => None,
    }
}

#[inline(never)]
pub(super) fn local_constant(cx: &mut Context, frame: Frame, expr: &Expr) -> Answer {
    if let ExprKind::LocalConstant(op, slot, constant, _) = &expr.kind
        && let Value::Int(value) = frame.peek(*slot)
        && let Some(result) = small(*op, *value, *constant)
    {
        return Answer::int(result);
    }
    local_constant_slowly(cx, frame, expr)
}

#[inline(never)]
pub(super) fn local_constant_slowly(cx: &mut Context, frame: Frame, expr: &Expr) -> Answer {
    let (op, slot, constant, place) = match &expr.kind {
        ExprKind::AddLocalConstant(BinaryOperator::Subtract, slot, constant, place) => {
            (BinaryOperator::Subtract, *slot, -*constant, *place)
        }
        ExprKind::LocalConstant(op, slot, constant, place)
        | ExprKind::AddLocalConstant(op, slot, constant, place) => (*op, *slot, *constant, *place),
        // It is called for these alone.
        _ => return Answer::none(),
    };
    let left = frame.get(slot);
    if left.is_unbound() {
        return unbound_answer(frame, slot, place);
    }
    Answer::from(arithmetic::binary(cx, op, &left, &Value::Int(constant)).at(frame, expr.id))
}

#[inline(never)]
pub(super) fn local_local(cx: &mut Context, frame: Frame, expr: &Expr) -> Answer {
    let ExprKind::LocalLocal(op, [left, right], _) = &expr.kind else {
        // It is called for these alone.
        return Answer::none();
    };
    match (frame.peek(*left), frame.peek(*right)) {
        (Value::Int(a), Value::Int(b)) => {
            if let Some(result) = small(*op, *a, *b) {
                return Answer::int(result);
            }
        }
        (Value::Float(a), Value::Float(b)) => {
            if let Some(result) = floating(*op, *a, *b) {
                return Answer::float(result);
            }
        }
        _ => {}
    }
    local_local_slowly(cx, frame, expr)
}

#[inline(never)]
fn local_local_slowly(cx: &mut Context, frame: Frame, expr: &Expr) -> Answer {
    let ExprKind::LocalLocal(op, slots, places) = &expr.kind else {
        // It is called for these alone.
        return Answer::none();
    };
    let [a, b] = slots.map(|slot| frame.get(slot));
    for (value, (slot, place)) in [&a, &b].into_iter().zip(slots.iter().zip(places)) {
        if value.is_unbound() {
            return unbound_answer(frame, *slot, *place);
        }
    }
    Answer::from(arithmetic::binary(cx, *op, &a, &b).at(frame, expr.id))
}
