//! Expressions. It must not know statements, nor what operators do with values.

use super::access::{attribute_node, slice_parts, subscript};
use super::answer::Answer;
use super::condition::{compare_node, condition, evaluate_chain, is_true};
use super::context::Context;
use super::definition::make_function;
use super::display::{dict_display, format_parts, spread};
use super::invoke::{call_keywords, call_method, call_node, call_spread, call_super};
use super::observer::Observer;
use super::operation::{
    add, binary_node, local_constant, local_constant_slowly, local_local, multiply, subtract,
};
use super::stack::{At, Frame};
use super::variable::{captured, global, local_cell, unbound_answer};
use super::{class, comprehension, delegation, fiber, generator, target};
use crate::resolve::tree::{Expr, ExprKind, NodeId};
use crate::value::exception;
use crate::value::object::Ref;
use crate::value::{Outcome, Set, Value, arithmetic, iterate};

/// Evaluates an expression.
#[inline(always)]
pub(super) fn evaluate<O: Observer>(cx: &mut Context, frame: Frame, expr: &Expr) -> Outcome<Value> {
    walk::<O>(cx, frame, expr).outcome()
}

/// Evaluates an expression. Each kind of node has a function of its own, so that none pays for the
/// registers and native stack that another one needs; this one only jumps there.
///
/// Its arms end in calls in tail position, or do so little that it saves no registers.
pub(super) fn walk<O: Observer>(cx: &mut Context, frame: Frame, expr: &Expr) -> Answer {
    match &expr.kind {
        ExprKind::Constant(value) => Answer::copy(value),
        ExprKind::Local(slot) | ExprKind::LocalKept(slot) => {
            let value = frame.peek(*slot);
            if value.is_unbound() {
                return unbound_answer(frame, *slot, expr.id);
            }
            Answer::copy(value)
        }
        ExprKind::AddLocalConstant(_, slot, constant, _) => {
            if let Value::Int(value) = frame.peek(*slot)
                && let Some(result) = value.checked_add(*constant)
            {
                return Answer::int(result);
            }
            local_constant_slowly(cx, frame, expr)
        }
        ExprKind::LocalConstant(..) => local_constant(cx, frame, expr),
        ExprKind::LocalLocal(..) => local_local(cx, frame, expr),
        ExprKind::Add(operands) => add::<O>(cx, frame, expr.id, operands),
        ExprKind::Subtract(operands) => subtract::<O>(cx, frame, expr.id, operands),
        ExprKind::Multiply(operands) => multiply::<O>(cx, frame, expr.id, operands),
        ExprKind::Binary(op, operands) => binary_node::<O>(cx, frame, expr.id, *op, operands),
        ExprKind::Global(index) | ExprKind::Trade(index) => global::<O>(frame, *index, expr.id),
        ExprKind::Compare(..) | ExprKind::CompareLocalConstant(..) => {
            compare_node::<O>(cx, frame, expr)
        }
        ExprKind::Call(call) => call_node::<O>(cx, frame, expr.id, call),
        ExprKind::CallMethod(call) => call_method::<O>(cx, frame, expr.id, call),
        ExprKind::Attribute(node) => attribute_node::<O>(cx, frame, expr.id, node),
        ExprKind::Subscript(operands) => subscript::<O>(cx, frame, expr.id, operands),
        ExprKind::LocalCell(slot) => local_cell(frame, *slot, expr.id),
        ExprKind::Captured(index) => captured::<O>(frame, *index, expr.id),
        _ => evaluate_rare::<O>(cx, frame, expr),
    }
}

#[inline(never)]
fn and_node<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    operands: &[Expr],
) -> Outcome<Value> {
    let mut value = Value::None;
    for (position, operand) in operands.iter().enumerate() {
        value = evaluate::<O>(cx, frame, operand)?;
        if position + 1 < operands.len() && !is_true(cx, &value).at(frame, id)? {
            break;
        }
    }
    Ok(value)
}

#[inline(never)]
fn or_node<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    operands: &[Expr],
) -> Outcome<Value> {
    let mut value = Value::None;
    for (position, operand) in operands.iter().enumerate() {
        value = evaluate::<O>(cx, frame, operand)?;
        if position + 1 < operands.len() && is_true(cx, &value).at(frame, id)? {
            break;
        }
    }
    Ok(value)
}

/// The kinds of expression that are seldom on a hot path.
#[inline(never)]
fn evaluate_rare<O: Observer>(cx: &mut Context, frame: Frame, expr: &Expr) -> Answer {
    Answer::from(rare::<O>(cx, frame, expr))
}

/// The kinds of expression that are seldom on a hot path: kept apart, so that the common ones
/// need less native stack and registers.
#[inline(never)]
fn rare<O: Observer>(cx: &mut Context, frame: Frame, expr: &Expr) -> Outcome<Value> {
    match &expr.kind {
        ExprKind::Tuple(items) => match &**items {
            [first] => Ok(Value::tuple_of([evaluate::<O>(cx, frame, first)?])),
            [first, second] => {
                let first = evaluate::<O>(cx, frame, first)?;
                let second = evaluate::<O>(cx, frame, second)?;
                Ok(Value::tuple_of([first, second]))
            }
            [first, second, third] => {
                let first = evaluate::<O>(cx, frame, first)?;
                let second = evaluate::<O>(cx, frame, second)?;
                let third = evaluate::<O>(cx, frame, third)?;
                Ok(Value::tuple_of([first, second, third]))
            }
            items => Ok(Value::tuple(evaluate_all::<O>(cx, frame, items)?)),
        },
        ExprKind::List(items) => Ok(Value::list(evaluate_all::<O>(cx, frame, items)?)),
        ExprKind::Not(_) | ExprKind::In(..) | ExprKind::Is(..) => {
            condition::<O>(cx, frame, expr).map(Value::Bool)
        }
        ExprKind::And(operands) => and_node::<O>(cx, frame, expr.id, operands),
        ExprKind::Or(operands) => or_node::<O>(cx, frame, expr.id, operands),
        ExprKind::Conditional(parts) => {
            if condition::<O>(cx, frame, &parts.0)? {
                evaluate::<O>(cx, frame, &parts.1)
            } else {
                evaluate::<O>(cx, frame, &parts.2)
            }
        }
        ExprKind::ClassLocal(slot, fallback) => {
            let value = frame.peek(*slot);
            if value.is_unbound() {
                evaluate::<O>(cx, frame, fallback)
            } else {
                Ok(value.clone())
            }
        }
        ExprKind::Set(items) => {
            let set = Set::new();
            for item in items {
                let value = evaluate::<O>(cx, frame, item)?;
                set.add(cx, value).at(frame, item.id)?;
            }
            Ok(Value::Set(Ref::new(set)))
        }
        ExprKind::ConstantSet(constant) => match constant {
            Value::FrozenSet(set) => Ok(Value::Set(Ref::new(set.copy()?))),
            other => Ok(other.clone()),
        },
        ExprKind::Spread(kind, items) => spread::<O>(cx, frame, *kind, items),
        ExprKind::Dict(items) => dict_display::<O>(cx, frame, items),
        ExprKind::Unary(op, operand) => {
            let value = evaluate::<O>(cx, frame, operand)?;
            arithmetic::unary(cx, *op, &value).at(frame, expr.id)
        }
        ExprKind::Chain(chain) => evaluate_chain::<O>(cx, frame, expr.id, chain),
        ExprKind::CallKeywords(call) => call_keywords::<O>(cx, frame, expr.id, call),
        ExprKind::CallSpread(call) => call_spread::<O>(cx, frame, expr.id, call),
        ExprKind::Super(call) => call_super::<O>(cx, frame, expr.id, call),
        ExprKind::Slice(parts) => {
            let slice = slice_parts::<O>(cx, frame, parts)?;
            Ok(Value::Slice(Ref::new(slice)))
        }
        ExprKind::MakeFunction(make) => make_function::<O>(cx, frame, make),
        ExprKind::MakeClass(make) => class::make::<O>(cx, frame, expr.id, make),
        ExprKind::Comprehension(node) => comprehension::evaluate::<O>(cx, frame, expr.id, node),
        ExprKind::MakeGenerator(parts) => {
            let iterable = evaluate::<O>(cx, frame, &parts.1)?;
            let iterator = iterate::iterate(cx, &iterable).at(frame, parts.1.id)?;
            let Value::Function(function) = make_function::<O>(cx, frame, &parts.0)? else {
                return Err(exception::system_error(
                    "a generator expression without code",
                ));
            };
            Ok(generator::make_expression::<O>(function, iterator))
        }
        ExprKind::Named(parts) => {
            let value = evaluate::<O>(cx, frame, &parts.1)?;
            target::assign::<O>(cx, frame, &parts.0, value.clone())?;
            Ok(value)
        }
        ExprKind::Yield(operand) => {
            let value = evaluate::<O>(cx, frame, operand)?;
            fiber::yield_value(cx, value).at(frame, expr.id)
        }
        ExprKind::YieldFrom(operand) => {
            let value = evaluate::<O>(cx, frame, operand)?;
            delegation::yield_from(cx, value).at(frame, expr.id)
        }
        ExprKind::FormatString(parts) => {
            let mut result = String::new();
            format_parts::<O>(cx, frame, parts, &mut result)?;
            Ok(Value::str(result))
        }
        // The others are the common ones above.
        _ => walk::<O>(cx, frame, expr).outcome(),
    }
}

/// Evaluates a list of expressions.
pub(super) fn evaluate_all<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    items: &[Expr],
) -> Outcome<Vec<Value>> {
    let mut values = Vec::with_capacity(items.len());
    for item in items {
        values.push(evaluate::<O>(cx, frame, item)?);
    }
    Ok(values)
}
