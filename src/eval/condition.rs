//! Conditions and comparisons: expressions of which only the truth matters. It must not know
//! statements.

use super::answer::{Answer, Truth};
use super::context::Context;
use super::expression::evaluate;
use super::observer::{Access, Observer, Place};
use super::operand::{Operand, operand};
use super::stack::{At, Frame};
use super::variable::unbound_local;
use crate::resolve::tree::{Chain, ChainOperator, Expr, ExprKind, NodeId};
use crate::value::operator::Comparison;
use crate::value::{Outcome, Value, compare, sequence, truth};

/// Evaluates an expression for its truth alone.
#[inline(always)]
pub(super) fn condition<O: Observer>(cx: &mut Context, frame: Frame, expr: &Expr) -> Outcome<bool> {
    test::<O>(cx, frame, expr).outcome()
}

/// Evaluates an expression for its truth alone.
#[inline(always)]
pub(super) fn test<O: Observer>(cx: &mut Context, frame: Frame, expr: &Expr) -> Truth {
    if let ExprKind::CompareLocalConstant(op, slot, constant, _) = &expr.kind
        && let Value::Int(value) = frame.peek(*slot)
    {
        return Truth::of(op.holds_for(*value, *constant));
    }
    other_test::<O>(cx, frame, expr)
}

#[inline(never)]
fn other_test<O: Observer>(cx: &mut Context, frame: Frame, expr: &Expr) -> Truth {
    match &expr.kind {
        ExprKind::Compare(op, operands) => compare_test::<O>(cx, frame, expr.id, *op, operands),
        ExprKind::Not(operand) => not_test::<O>(cx, frame, operand),
        ExprKind::And(operands) => and_test::<O>(cx, frame, operands),
        ExprKind::Or(operands) => or_test::<O>(cx, frame, operands),
        ExprKind::Is(operands, negated) => is_test::<O>(cx, frame, operands, *negated),
        ExprKind::In(operands, negated) => in_test::<O>(cx, frame, expr.id, operands, *negated),
        ExprKind::Chain(chain) => chain_test::<O>(cx, frame, expr.id, chain),
        _ => value_test::<O>(cx, frame, expr),
    }
}

#[inline(never)]
fn not_test<O: Observer>(cx: &mut Context, frame: Frame, operand: &Expr) -> Truth {
    test::<O>(cx, frame, operand).not()
}

#[inline(never)]
fn and_test<O: Observer>(cx: &mut Context, frame: Frame, operands: &[Expr]) -> Truth {
    for operand in operands {
        let truth = test::<O>(cx, frame, operand);
        if truth != Truth::YES {
            return truth;
        }
    }
    Truth::YES
}

#[inline(never)]
fn or_test<O: Observer>(cx: &mut Context, frame: Frame, operands: &[Expr]) -> Truth {
    for operand in operands {
        let truth = test::<O>(cx, frame, operand);
        if truth != Truth::NO {
            return truth;
        }
    }
    Truth::NO
}

#[inline(never)]
fn is_test<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    operands: &(Expr, Expr),
    negated: bool,
) -> Truth {
    let left = operand::<O>(cx, frame, &operands.0);
    if left.is_error() {
        return Truth::error_in(left.answer);
    }
    let right = operand::<O>(cx, frame, &operands.1);
    if right.is_error() {
        left.discard();
        return Truth::error_in(right.answer);
    }
    Truth::of(left.held().same(&right.held()) != negated)
}

#[inline(never)]
fn value_test<O: Observer>(cx: &mut Context, frame: Frame, expr: &Expr) -> Truth {
    let value = operand::<O>(cx, frame, expr);
    if value.answer.is_bool() {
        return Truth::of(value.answer.as_bool());
    }
    if value.is_error() {
        return Truth::error_in(value.answer);
    }
    truth_of(cx, frame, expr.id, value)
}

#[inline(never)]
fn truth_of(cx: &mut Context, frame: Frame, id: NodeId, value: Operand) -> Truth {
    Truth::from(truth::truthy(cx, &value.held()).at(frame, id))
}

#[inline(never)]
fn in_test<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    operands: &(Expr, Expr),
    negated: bool,
) -> Truth {
    let item = operand::<O>(cx, frame, &operands.0);
    if item.is_error() {
        return Truth::error_in(item.answer);
    }
    let item = item.held();
    let container = operand::<O>(cx, frame, &operands.1);
    if container.is_error() {
        return Truth::error_in(container.answer);
    }
    let container = container.held();
    O::access(Place::Element(&container), Access::Read, id);
    let found = sequence::contains(cx, &container, &item).at(frame, id);
    Truth::from(found.map(|found| found != negated))
}

#[inline(never)]
fn chain_test<O: Observer>(cx: &mut Context, frame: Frame, id: NodeId, chain: &Chain) -> Truth {
    let mut left = operand::<O>(cx, frame, &chain.first);
    if left.is_error() {
        return Truth::error_in(left.answer);
    }
    for (op, expr) in &chain.rest {
        let right = operand::<O>(cx, frame, expr);
        if right.is_error() {
            left.discard();
            return Truth::error_in(right.answer);
        }
        let truth = match op {
            ChainOperator::Compare(op) if left.answer.is_int() && right.answer.is_int() => {
                Truth::of(op.holds_for(left.answer.as_int(), right.answer.as_int()))
            }
            _ => {
                // Looked at here, owned below.
                let (one, other) = (left.looked_at(), right.looked_at());
                let holds = match op {
                    ChainOperator::Compare(op) => compare::compare_bool(cx, *op, &one, &other),
                    ChainOperator::Is(negated) => Ok(one.same(&other) != *negated),
                    ChainOperator::In(negated) => {
                        sequence::contains(cx, &other, &one).map(|found| found != *negated)
                    }
                };
                Truth::from(holds.at(frame, id))
            }
        };
        left.discard();
        left = right;
        if truth != Truth::YES {
            left.discard();
            return truth;
        }
    }
    left.discard();
    Truth::YES
}

#[inline(never)]
fn compare_test<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    op: Comparison,
    operands: &(Expr, Expr),
) -> Truth {
    let left = operand::<O>(cx, frame, &operands.0);
    if left.is_error() {
        return Truth::error_in(left.answer);
    }
    let right = operand::<O>(cx, frame, &operands.1);
    if right.is_error() {
        left.discard();
        return Truth::error_in(right.answer);
    }
    if left.answer.is_int() && right.answer.is_int() {
        return Truth::of(op.holds_for(left.answer.as_int(), right.answer.as_int()));
    }
    if left.answer.is_float() && right.answer.is_float() {
        let (left, right) = (left.answer.as_float(), right.answer.as_float());
        return Truth::of(compare::compare_floats(op, left, right));
    }
    compare_test_slowly(cx, frame, id, op, left, right)
}

#[inline(never)]
fn compare_test_slowly(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    op: Comparison,
    left: Operand,
    right: Operand,
) -> Truth {
    let (left, right) = (left.held(), right.held());
    Truth::from(compare::compare_bool(cx, op, &left, &right).at(frame, id))
}

/// Whether a value counts as true.
#[inline(always)]
pub(super) fn is_true(cx: &mut Context, value: &Value) -> Outcome<bool> {
    match value {
        Value::Bool(flag) => Ok(*flag),
        other => truth::truthy(cx, other),
    }
}

#[inline(never)]
pub(super) fn compare_node<O: Observer>(cx: &mut Context, frame: Frame, expr: &Expr) -> Answer {
    match &expr.kind {
        ExprKind::CompareLocalConstant(op, slot, constant, place) => {
            if let Value::Int(value) = frame.peek(*slot) {
                return Answer::bool(op.holds_for(*value, *constant));
            }
            let left = frame.get(*slot);
            if left.is_unbound() {
                return Answer::error(unbound_local(frame, *slot, *place));
            }
            let result = compare_values(cx, *op, &left, &Value::Int(*constant));
            Answer::from(result.at(frame, expr.id))
        }
        ExprKind::Compare(op, operands) => {
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
                let holds = op.holds_for(left.answer.as_int(), right.answer.as_int());
                return Answer::bool(holds);
            }
            let (left, right) = (left.held(), right.held());
            Answer::from(compare_values(cx, *op, &left, &right).at(frame, expr.id))
        }
        _ => Answer::none(),
    }
}

#[inline(always)]
fn compare_values(cx: &mut Context, op: Comparison, a: &Value, b: &Value) -> Outcome<Value> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Ok(Value::Bool(op.holds_for(*a, *b))),
        _ => compare::compare(cx, op, a, b),
    }
}

pub(super) fn evaluate_chain<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    chain: &Chain,
) -> Outcome<Value> {
    let mut left = evaluate::<O>(cx, frame, &chain.first)?;
    let mut result = Value::Bool(true);
    for (position, (op, operand)) in chain.rest.iter().enumerate() {
        let right = evaluate::<O>(cx, frame, operand)?;
        result = match op {
            ChainOperator::Compare(op) => compare_values(cx, *op, &left, &right).at(frame, id)?,
            ChainOperator::Is(negated) => Value::Bool(left.same(&right) != *negated),
            ChainOperator::In(negated) => {
                Value::Bool(sequence::contains(cx, &right, &left).at(frame, id)? != *negated)
            }
        };
        if position + 1 < chain.rest.len() && !is_true(cx, &result).at(frame, id)? {
            break;
        }
        left = right;
    }
    Ok(result)
}
