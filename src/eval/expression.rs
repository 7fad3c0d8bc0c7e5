//! Expressions. It must not know statements, nor what operators do with values.

use std::sync::atomic::Ordering;

use super::answer::{Answer, Truth};
use super::call::{call_function, call_native, call_pushed};
use super::context::Context;
use super::observer::{Access, Observer, Place};
use super::operand::{Operand, operand};
use super::stack::{At, Frame};
use super::{attribute, class, comprehension, generator, target};
use crate::resolve::tree::{
    Attribute, Call, CallKeywords, CallMethod, CallSpread, Chain, ChainOperator, CodeKind, Expr,
    ExprKind, FormatPart, MakeFunction, NodeId, Slot, SpreadItem, SpreadKind, SuperCall,
};
use crate::syntax::ast::Conversion;
use crate::value::exception::{self, ExceptionKind, Raised};
use crate::value::function::Cell;
use crate::value::list::List;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::operator::{BinaryOperator, Comparison};
use crate::value::scalar::Slice;
use crate::value::{Dict, Outcome, Set, Value};
use crate::value::{arithmetic, compare, format, iterate, sequence, text, truth};

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
        ExprKind::AddLocalConstant(_, slot, constant) => {
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

#[cold]
#[inline(never)]
pub(super) fn unbound_answer(frame: Frame, slot: Slot, id: NodeId) -> Answer {
    Answer::error(unbound_local(frame, slot, id))
}

#[inline(never)]
fn local_cell(frame: Frame, slot: Slot, id: NodeId) -> Answer {
    let value = frame.local_cell(slot).get();
    if value.is_unbound() {
        return Answer::error(unbound_local(frame, slot, id));
    }
    Answer::from(Ok(value))
}

#[inline(never)]
fn captured<O: Observer>(frame: Frame, index: u32, id: NodeId) -> Answer {
    O::access(Place::Captured(index), Access::Read, id);
    let value = frame.captured(index).get();
    if value.is_unbound() {
        return Answer::error(unbound_captured(frame, index, id));
    }
    Answer::from(Ok(value))
}

#[inline(never)]
fn global<O: Observer>(frame: Frame, index: u32, id: NodeId) -> Answer {
    O::access(Place::Global(index), Access::Read, id);
    let value = frame.global(index).get();
    if value.is_unbound() {
        return Answer::error(unknown_name(frame, index, id));
    }
    Answer::from(Ok(value))
}

#[inline(never)]
fn attribute_node<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    node: &Attribute,
) -> Answer {
    // What is only looked at needs no count of its own.
    if let ExprKind::Local(slot) = &node.object.kind {
        let object = frame.peek(*slot);
        O::access(Place::Attribute(object, node.name), Access::Read, id);
        if let Value::Instance(instance) = object
            && let Some(value) = attribute::get_cached(instance, &node.cache)
        {
            return Answer::from(Ok(value));
        }
    }
    attribute_of_object::<O>(cx, frame, id, node)
}

#[inline(never)]
fn attribute_of_object<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    node: &Attribute,
) -> Answer {
    if let ExprKind::Global(index) = &node.object.kind {
        O::access(Place::Global(*index), Access::Read, id);
        // SAFETY: a look at an attribute runs no code and drops nothing.
        let object = unsafe { frame.global(*index).look() };
        if let Value::Instance(instance) = &*object
            && let Some(value) = attribute::get_cached(instance, &node.cache)
        {
            O::access(Place::Attribute(&object, node.name), Access::Read, id);
            return Answer::from(Ok(value));
        }
    }
    let object = operand::<O>(cx, frame, &node.object);
    if object.is_error() {
        return object.answer;
    }
    let object = object.held();
    O::access(Place::Attribute(&object, node.name), Access::Read, id);
    Answer::from(attribute::get_with_cache(cx, &object, node.name, &node.cache).at(frame, id))
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

#[inline(never)]
fn binary_node<O: Observer>(
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
    Answer::from(arithmetic::binary(cx, op, &left, &right).at(frame, id))
}

/// The commonest operators have nodes of their own: one jump less.
macro_rules! operator_node {
    ($name:ident, $op:expr) => {
        #[inline(never)]
        fn $name<O: Observer>(
            cx: &mut Context,
            frame: Frame,
            id: NodeId,
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
                if let Some(value) = small($op, left.answer.as_int(), right.answer.as_int()) {
                    return Answer::int(value);
                }
            } else if left.answer.is_float()
                && right.answer.is_float()
                && let Some(value) = floating($op, left.answer.as_float(), right.answer.as_float())
            {
                return Answer::float(value);
            }
            binary_slowly(cx, frame, id, $op, left, right)
        }
    };
}

operator_node!(add, BinaryOperator::Add);
operator_node!(subtract, BinaryOperator::Subtract);
operator_node!(multiply, BinaryOperator::Multiply);

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
        ExprKind::Tuple(items) => Ok(Value::tuple(evaluate_all::<O>(cx, frame, items)?)),
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
            Value::FrozenSet(set) => Ok(Value::Set(Ref::new(set.copy()))),
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
            let start = evaluate::<O>(cx, frame, &parts.0)?;
            let stop = evaluate::<O>(cx, frame, &parts.1)?;
            let step = evaluate::<O>(cx, frame, &parts.2)?;
            Ok(Value::Slice(Ref::new(Slice { start, stop, step })))
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
            Ok(generator::make::<O>(function, vec![iterator]))
        }
        ExprKind::Named(parts) => {
            let value = evaluate::<O>(cx, frame, &parts.1)?;
            target::assign::<O>(cx, frame, &parts.0, value.clone())?;
            Ok(value)
        }
        ExprKind::Yield(operand) => {
            let value = evaluate::<O>(cx, frame, operand)?;
            generator::yield_value(cx, value).at(frame, expr.id)
        }
        ExprKind::YieldFrom(operand) => {
            let value = evaluate::<O>(cx, frame, operand)?;
            generator::yield_from(cx, value).at(frame, expr.id)
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

/// Evaluates an expression for its truth alone.
#[inline(always)]
pub(super) fn condition<O: Observer>(cx: &mut Context, frame: Frame, expr: &Expr) -> Outcome<bool> {
    test::<O>(cx, frame, expr).outcome()
}

/// Evaluates an expression for its truth alone.
#[inline(always)]
pub(super) fn test<O: Observer>(cx: &mut Context, frame: Frame, expr: &Expr) -> Truth {
    if let ExprKind::CompareLocalConstant(op, slot, constant) = &expr.kind
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
fn local_constant(cx: &mut Context, frame: Frame, expr: &Expr) -> Answer {
    if let ExprKind::LocalConstant(op, slot, constant) = &expr.kind
        && let Value::Int(value) = frame.peek(*slot)
        && let Some(result) = small(*op, *value, *constant)
    {
        return Answer::int(result);
    }
    local_constant_slowly(cx, frame, expr)
}

#[inline(never)]
fn local_constant_slowly(cx: &mut Context, frame: Frame, expr: &Expr) -> Answer {
    let (op, slot, constant) = match &expr.kind {
        ExprKind::LocalConstant(op, slot, constant) => (*op, *slot, *constant),
        ExprKind::AddLocalConstant(BinaryOperator::Subtract, slot, constant) => {
            (BinaryOperator::Subtract, *slot, -*constant)
        }
        ExprKind::AddLocalConstant(op, slot, constant) => (*op, *slot, *constant),
        // It is called for these alone.
        _ => return Answer::none(),
    };
    let left = frame.get(slot);
    if left.is_unbound() {
        return unbound_answer(frame, slot, expr.id);
    }
    Answer::from(arithmetic::binary(cx, op, &left, &Value::Int(constant)).at(frame, expr.id))
}

#[inline(never)]
fn local_local(cx: &mut Context, frame: Frame, expr: &Expr) -> Answer {
    let ExprKind::LocalLocal(op, left, right) = &expr.kind else {
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
    let ExprKind::LocalLocal(op, left, right) = &expr.kind else {
        // It is called for these alone.
        return Answer::none();
    };
    let (a, b) = (frame.get(*left), frame.get(*right));
    for (value, slot) in [(&a, *left), (&b, *right)] {
        if value.is_unbound() {
            return unbound_answer(frame, slot, expr.id);
        }
    }
    Answer::from(arithmetic::binary(cx, *op, &a, &b).at(frame, expr.id))
}

#[inline(never)]
fn compare_node<O: Observer>(cx: &mut Context, frame: Frame, expr: &Expr) -> Answer {
    match &expr.kind {
        ExprKind::CompareLocalConstant(op, slot, constant) => {
            if let Value::Int(value) = frame.peek(*slot) {
                return Answer::bool(op.holds_for(*value, *constant));
            }
            let left = frame.get(*slot);
            if left.is_unbound() {
                return Answer::error(unbound_local(frame, *slot, expr.id));
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

fn evaluate_chain<O: Observer>(
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

#[inline(never)]
fn subscript<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    operands: &(Expr, Expr),
) -> Answer {
    // A global list needs no count of its own when the index runs no code.
    if let ExprKind::Global(global) = &operands.0.kind
        && let Some(index) = quiet_index(frame, &operands.1)
    {
        O::access(Place::Global(*global), Access::Read, id);
        // SAFETY: taking an item of a list runs no code.
        let object = unsafe { frame.global(*global).look() };
        if let Value::List(list) = &*object
            && let Some(value) = List::get_from(list, index)
        {
            O::access(Place::Element(&object), Access::Read, id);
            return Answer::from(Ok(value));
        }
    }
    let object = operand::<O>(cx, frame, &operands.0);
    if object.is_error() {
        return object.answer;
    }
    let object = object.held();
    let index = operand::<O>(cx, frame, &operands.1);
    if index.is_error() {
        return index.answer;
    }
    O::access(Place::Element(&object), Access::Read, id);
    if let Value::List(list) = &*object
        && index.answer.is_int()
        && let Some(value) = List::get_from(list, index.answer.as_int())
    {
        return Answer::from(Ok(value));
    }
    let index = index.held();
    Answer::from(sequence::get_item(cx, &object, &index).at(frame, id))
}

/// The integer that an index is, if that can be told without running code.
#[inline(always)]
fn quiet_index(frame: Frame, expr: &Expr) -> Option<i64> {
    match &expr.kind {
        ExprKind::Constant(Value::Int(index)) => Some(*index),
        ExprKind::Local(slot) => match frame.peek(*slot) {
            Value::Int(index) => Some(*index),
            _ => None,
        },
        ExprKind::AddLocalConstant(_, slot, constant) => match frame.peek(*slot) {
            Value::Int(value) => value.checked_add(*constant),
            _ => None,
        },
        ExprKind::LocalConstant(op, slot, constant) => match frame.peek(*slot) {
            Value::Int(value) => small(*op, *value, *constant),
            _ => None,
        },
        _ => None,
    }
}

/// Pushes evaluated arguments; on an error, which it gives back, what was pushed is taken off again.
#[inline(always)]
fn push_arguments<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    arguments: &[Expr],
    base: *mut Value,
) -> Option<Answer> {
    for argument in arguments {
        let answer = walk::<O>(cx, frame, argument);
        if answer.is_error() {
            // SAFETY: `base` was the top before the first argument.
            unsafe { cx.stack.truncate(base) };
            return Some(answer);
        }
        // SAFETY: a frame is entered with room for all arguments that can be pending.
        unsafe { cx.stack.push(answer.into_value()) };
    }
    None
}

#[inline(never)]
fn call_node<O: Observer>(cx: &mut Context, frame: Frame, id: NodeId, call: &Call) -> Answer {
    let callee = walk::<O>(cx, frame, &call.callee);
    if callee.is_error() {
        return callee;
    }
    let callee = callee.into_value();
    let base = cx.stack.top();
    if let Some(error) = push_arguments::<O>(cx, frame, &call.arguments, base) {
        callee.discard();
        return error;
    }
    frame.record().node.set(id);
    let count = call.arguments.len();
    let answer = match &callee {
        Value::Function(function) => call_function::<O>(cx, function, count, &[]),
        Value::Native(function) => {
            O::native_call(&callee, id);
            Answer::from(call_native(cx, function, count))
        }
        _ => Answer::from(call_pushed::<O>(cx, &callee, count, &[])),
    };
    if answer.is_error() {
        frame.locate(id);
    }
    callee.discard();
    answer
}

#[inline(never)]
fn call_method<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    call: &CallMethod,
) -> Answer {
    if let ExprKind::Super(parts) = &call.object.kind {
        return call_method_of_super::<O>(cx, frame, id, call, parts);
    }
    let object = walk::<O>(cx, frame, &call.object);
    if object.is_error() {
        return object;
    }
    call_method_of::<O>(cx, frame, id, call, object.into_value())
}

/// `super().name(…)`: without a `super` object where the look-up is an ordinary one.
#[inline(never)]
fn call_method_of_super<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    call: &CallMethod,
    parts: &SuperCall,
) -> Answer {
    let callee = walk::<O>(cx, frame, &parts.callee);
    if callee.is_error() {
        return callee;
    }
    if is_builtin_super(&callee.into_value())
        && let ExprKind::Captured(index) = &parts.class.kind
    {
        let class = frame.captured(*index).get();
        let receiver = match &parts.receiver.kind {
            ExprKind::Local(slot) => frame.get(*slot),
            _ => Value::Unbound,
        };
        if let Some(method) = class::method_of_super(&class, &receiver, call.name, &call.cache) {
            return call_found_method::<O>(cx, frame, id, call, method, receiver);
        }
    }
    let object = walk::<O>(cx, frame, &call.object);
    if object.is_error() {
        return object;
    }
    call_method_generally::<O>(cx, frame, id, call, object.into_value())
}

#[inline(always)]
fn call_method_of<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    call: &CallMethod,
    object: Value,
) -> Answer {
    match call.cache.find(&object) {
        Some(method) => call_found_method::<O>(cx, frame, id, call, method, object),
        None => call_method_generally::<O>(cx, frame, id, call, object),
    }
}

#[inline(never)]
fn call_method_generally<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    call: &CallMethod,
    object: Value,
) -> Answer {
    let found =
        attribute::method_with_cache(cx, &object, call.name, &call.cache).at(frame, call.attribute);
    match found {
        Ok(attribute::Found::Method(method)) => {
            call_found_method::<O>(cx, frame, id, call, method, object)
        }
        Ok(attribute::Found::Value(callee)) => {
            let base = cx.stack.top();
            if let Some(error) = push_arguments::<O>(cx, frame, &call.arguments, base) {
                return error;
            }
            frame.record().node.set(id);
            let count = call.arguments.len();
            Answer::from(call_pushed::<O>(cx, &callee, count, &[]).at(frame, id))
        }
        Err(raised) => Answer::error(raised),
    }
}

#[inline(always)]
fn call_found_method<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    call: &CallMethod,
    method: Value,
    receiver: Value,
) -> Answer {
    let base = cx.stack.top();
    // SAFETY: a frame is entered with room for the receiver as well.
    unsafe { cx.stack.push(receiver) };
    if let Some(error) = push_arguments::<O>(cx, frame, &call.arguments, base) {
        method.discard();
        return error;
    }
    frame.record().node.set(id);
    let count = call.arguments.len() + 1;
    let answer = match &method {
        Value::Function(function) => call_function::<O>(cx, function, count, &[]),
        Value::Native(function) => {
            O::native_call(&method, id);
            Answer::from(call_native(cx, function, count))
        }
        _ => Answer::from(call_pushed::<O>(cx, &method, count, &[])),
    };
    if answer.is_error() {
        frame.locate(id);
    }
    method.discard();
    answer
}

fn call_keywords<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    call: &CallKeywords,
) -> Outcome<Value> {
    let callee = evaluate::<O>(cx, frame, &call.callee)?;
    let base = cx.stack.top();
    if let Some(error) = push_arguments::<O>(cx, frame, &call.arguments, base) {
        return error.outcome();
    }
    frame.record().node.set(id);
    call_pushed::<O>(cx, &callee, call.arguments.len(), &call.names).at(frame, id)
}

#[inline(never)]
fn call_spread<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    call: &CallSpread,
) -> Outcome<Value> {
    let callee = evaluate::<O>(cx, frame, &call.callee)?;
    let mut values = Vec::new();
    for item in &call.positional {
        match item {
            SpreadItem::One(expr) => values.push(evaluate::<O>(cx, frame, expr)?),
            SpreadItem::Many(expr) => {
                let iterable = evaluate::<O>(cx, frame, expr)?;
                let Some(iterator) = iterate::try_iterate(cx, &iterable).at(frame, expr.id)? else {
                    return Err(exception::type_error(format!(
                        "{} argument after * must be an iterable, not {}",
                        attribute::callee_text(&callee),
                        iterable.type_name()
                    )))
                    .at(frame, expr.id);
                };
                values.extend(iterate::collect_rest(cx, &iterator).at(frame, expr.id)?);
            }
        }
    }
    let mut names: Vec<Name> = Vec::new();
    for (name, expr) in &call.keywords {
        let value = evaluate::<O>(cx, frame, expr)?;
        match name {
            Some(name) => {
                add_keyword(&callee, &mut names, &mut values, *name, value).at(frame, expr.id)?
            }
            None => {
                let text = || attribute::callee_text(&callee);
                let pairs = attribute::keyword_pairs(cx, text, &value).at(frame, expr.id)?;
                for (name, value) in pairs {
                    add_keyword(&callee, &mut names, &mut values, name, value)
                        .at(frame, expr.id)?;
                }
            }
        }
    }
    frame.record().node.set(id);
    super::call::call::<O>(
        cx,
        &callee,
        crate::value::function::Args {
            values: &values,
            names: &names,
        },
    )
    .at(frame, id)
}

fn add_keyword(
    callee: &Value,
    names: &mut Vec<Name>,
    values: &mut Vec<Value>,
    name: Name,
    value: Value,
) -> Outcome<()> {
    if names.contains(&name) {
        return Err(exception::type_error(format!(
            "{} got multiple values for keyword argument '{name}'",
            attribute::callee_text(callee)
        )));
    }
    names.push(name);
    values.push(value);
    Ok(())
}

fn is_builtin_super(callee: &Value) -> bool {
    matches!(callee, Value::Class(class) if class.same(&crate::value::types::types().super_))
}

fn call_super<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    call: &SuperCall,
) -> Outcome<Value> {
    let callee = evaluate::<O>(cx, frame, &call.callee)?;
    if !is_builtin_super(&callee) {
        return cx.call(&callee, &[]).at(frame, id);
    }
    let class = evaluate::<O>(cx, frame, &call.class)
        .map_err(|_| exception::runtime_error("super(): empty __class__ cell"))
        .at(frame, id)?;
    let receiver = evaluate::<O>(cx, frame, &call.receiver)
        .map_err(|_| exception::runtime_error("super(): arg[0] deleted"))
        .at(frame, id)?;
    class::make_super(&class, &receiver).at(frame, id)
}

/// Makes a function from its node.
pub(super) fn make_function<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    make: &MakeFunction,
) -> Outcome<Value> {
    let defaults = evaluate_all::<O>(cx, frame, &make.defaults)?;
    let mut keyword_defaults = Vec::with_capacity(make.keyword_defaults.len());
    for default in &make.keyword_defaults {
        keyword_defaults.push(match default {
            Some(expr) => evaluate::<O>(cx, frame, expr)?,
            None => Value::Unbound,
        });
    }
    let mut function = super::function::Function::new(
        make.code.clone(),
        frame.function().linked.clone(),
        capture(frame, &make.code),
        defaults.into(),
        keyword_defaults.into(),
    );
    if let Some(annotations) = &make.annotations {
        function.annotate(evaluate::<O>(cx, frame, annotations)?);
    }
    let function = Ref::new(function);
    if make.top_level && !make.made.swap(true, Ordering::Relaxed) {
        // Called by every thread all the time: nobody counts it, so nobody fights for its count.
        function.make_immortal();
    }
    Ok(Value::Function(function))
}

/// The cells that a code captures from the frame it is made in.
pub(super) fn capture(frame: Frame, code: &crate::resolve::tree::Code) -> Box<[Ref<Cell>]> {
    use crate::resolve::tree::Capture;
    code.captures
        .iter()
        .map(|capture| match capture {
            Capture::Local(slot) => frame.local_cell(*slot).clone(),
            Capture::Captured(index) => frame.captured(*index).clone(),
        })
        .collect()
}

fn spread<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    kind: SpreadKind,
    items: &[SpreadItem],
) -> Outcome<Value> {
    let mut values = Vec::new();
    for item in items {
        match item {
            SpreadItem::One(expr) => values.push(evaluate::<O>(cx, frame, expr)?),
            SpreadItem::Many(expr) => {
                let iterable = evaluate::<O>(cx, frame, expr)?;
                let Some(iterator) = iterate::try_iterate(cx, &iterable).at(frame, expr.id)? else {
                    return Err(exception::type_error(format!(
                        "Value after * must be an iterable, not {}",
                        iterable.type_name()
                    )))
                    .at(frame, expr.id);
                };
                values.extend(iterate::collect_rest(cx, &iterator).at(frame, expr.id)?);
            }
        }
    }
    Ok(match kind {
        SpreadKind::List => Value::list(values),
        SpreadKind::Tuple => Value::tuple(values),
        SpreadKind::Set => {
            let set = Set::new();
            for value in values {
                set.add(cx, value)?;
            }
            Value::Set(Ref::new(set))
        }
    })
}

fn dict_display<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    items: &[(Option<Expr>, Expr)],
) -> Outcome<Value> {
    let dict = Dict::with_capacity(items.len());
    for (key, value) in items {
        match key {
            Some(key) => {
                let place = key.id;
                let key = evaluate::<O>(cx, frame, key)?;
                let value = evaluate::<O>(cx, frame, value)?;
                dict.set(cx, key, value).at(frame, place)?;
            }
            None => {
                let mapping = evaluate::<O>(cx, frame, value)?;
                attribute::update_from_mapping(cx, &dict, &mapping).at(frame, value.id)?;
            }
        }
    }
    Ok(Value::Dict(Ref::new(dict)))
}

fn format_parts<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    parts: &[FormatPart],
    result: &mut String,
) -> Outcome<()> {
    for part in parts {
        match part {
            FormatPart::Text(text) => result.push_str(text),
            FormatPart::Field(field) => {
                let mut value = evaluate::<O>(cx, frame, &field.value)?;
                let place = field.value.id;
                value = match field.conversion {
                    None => value,
                    Some(Conversion::Str) => text::str_value(cx, &value).at(frame, place)?,
                    Some(Conversion::Repr) => Value::str(text::repr(cx, &value).at(frame, place)?),
                    Some(Conversion::Ascii) => {
                        Value::str(text::ascii(cx, &value).at(frame, place)?)
                    }
                };
                match (&value, field.format.is_empty()) {
                    (Value::Str(text), true) => result.push_str(text.as_str()),
                    (_, true) => {
                        result.push_str(&format::format(cx, &value, "").at(frame, place)?);
                    }
                    (_, false) => {
                        let mut spec = String::new();
                        format_parts::<O>(cx, frame, &field.format, &mut spec)?;
                        result.push_str(&format::format(cx, &value, &spec).at(frame, place)?);
                    }
                }
            }
        }
    }
    Ok(())
}

#[cold]
#[inline(never)]
pub(super) fn unbound_local(frame: Frame, slot: Slot, id: NodeId) -> Raised {
    frame.locate(id);
    let code = &frame.function().code;
    let name = code.slot_names[slot as usize];
    if code.kind == CodeKind::Class {
        // The variables of a class body are looked for among the global ones, too.
        return name_exception(
            ExceptionKind::NameError,
            format!("name '{name}' is not defined"),
            name,
        );
    }
    name_exception(
        ExceptionKind::UnboundLocalError,
        format!("cannot access local variable '{name}' where it is not associated with a value"),
        name,
    )
}

#[cold]
#[inline(never)]
pub(super) fn unbound_captured(frame: Frame, index: u32, id: NodeId) -> Raised {
    frame.locate(id);
    let name = frame.function().code.capture_names[index as usize];
    name_exception(
        ExceptionKind::NameError,
        format!(
            "cannot access free variable '{name}' where it is not associated with a value in enclosing scope"
        ),
        name,
    )
}

#[cold]
#[inline(never)]
pub(super) fn unknown_name(frame: Frame, index: u32, id: NodeId) -> Raised {
    frame.locate(id);
    let name = frame.global(index).name();
    name_exception(
        ExceptionKind::NameError,
        format!("name '{name}' is not defined"),
        name,
    )
}

fn name_exception(kind: ExceptionKind, message: String, name: Name) -> Raised {
    let raised = Raised::new(kind, message);
    if let Some(instance) = raised.exception() {
        instance.set(Name::new("name"), name.value());
    }
    raised
}
