//! Expressions. It must not know statements, nor what operators do with values.

use std::sync::atomic::Ordering;

use super::call::call_pushed;
use super::context::Context;
use super::observer::{Access, Observer, Place};
use super::stack::{At, Frame};
use super::{attribute, class, comprehension, generator, target};
use crate::resolve::tree::{
    Call, CallKeywords, CallMethod, CallSpread, Chain, ChainOperator, CodeKind, Expr, ExprKind,
    FormatPart, MakeFunction, NodeId, Slot, SpreadItem, SpreadKind, SuperCall,
};
use crate::syntax::ast::Conversion;
use crate::value::exception::{self, ExceptionKind, Raised};
use crate::value::function::Cell;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::operator::{BinaryOperator, Comparison};
use crate::value::scalar::Slice;
use crate::value::{Dict, Outcome, Set, Value};
use crate::value::{arithmetic, compare, format, iterate, sequence, text, truth};

/// Evaluates an expression.
pub(super) fn evaluate<O: Observer>(cx: &mut Context, frame: Frame, expr: &Expr) -> Outcome<Value> {
    match &expr.kind {
        ExprKind::Constant(value) => Ok(value.clone()),
        ExprKind::Local(slot) => {
            let value = frame.peek(*slot);
            if value.is_unbound() {
                return Err(unbound_local(frame, *slot, expr.id));
            }
            Ok(value.clone())
        }
        ExprKind::Global(index) | ExprKind::Trade(index) => {
            O::access(Place::Global(*index), Access::Read, expr.id);
            let value = frame.global(*index).get();
            if value.is_unbound() {
                return Err(unknown_name(frame, *index, expr.id));
            }
            Ok(value)
        }
        ExprKind::LocalConstant(op, slot, constant) => {
            local_constant(cx, frame, expr.id, *op, *slot, *constant)
        }
        ExprKind::LocalLocal(op, left, right) => {
            local_local(cx, frame, expr.id, *op, *left, *right)
        }
        ExprKind::Binary(op, operands) => {
            let left = evaluate::<O>(cx, frame, &operands.0)?;
            let right = evaluate::<O>(cx, frame, &operands.1)?;
            binary(cx, *op, &left, &right).at(frame, expr.id)
        }
        ExprKind::Compare(..) | ExprKind::CompareLocalConstant(..) => {
            compare_value::<O>(cx, frame, expr)
        }
        ExprKind::Call(call) => evaluate_call::<O>(cx, frame, expr.id, call),
        ExprKind::CallMethod(call) => call_method::<O>(cx, frame, expr.id, call),
        ExprKind::Attribute(node) => {
            // A local instance needs no count of its own for a look at its slots.
            if let ExprKind::Local(slot) = &node.object.kind
                && let Value::Instance(instance) = frame.peek(*slot)
            {
                O::access(
                    Place::Attribute(frame.peek(*slot), node.name),
                    Access::Read,
                    expr.id,
                );
                if let Some(value) = attribute::get_cached(instance, &node.cache) {
                    return Ok(value);
                }
            }
            let object = evaluate::<O>(cx, frame, &node.object)?;
            O::access(Place::Attribute(&object, node.name), Access::Read, expr.id);
            attribute::get_with_cache(cx, &object, node.name, &node.cache).at(frame, expr.id)
        }
        ExprKind::Subscript(operands) => subscript::<O>(cx, frame, expr.id, operands),
        ExprKind::LocalCell(slot) => {
            let value = frame.local_cell(*slot).get();
            if value.is_unbound() {
                return Err(unbound_local(frame, *slot, expr.id));
            }
            Ok(value)
        }
        ExprKind::Captured(index) => {
            O::access(Place::Captured(*index), Access::Read, expr.id);
            let value = frame.captured(*index).get();
            if value.is_unbound() {
                return Err(unbound_captured(frame, *index, expr.id));
            }
            Ok(value)
        }
        ExprKind::Not(_) | ExprKind::In(..) | ExprKind::Is(..) => {
            condition::<O>(cx, frame, expr).map(Value::Bool)
        }
        ExprKind::And(operands) => {
            let mut value = Value::None;
            for (position, operand) in operands.iter().enumerate() {
                value = evaluate::<O>(cx, frame, operand)?;
                if position + 1 < operands.len() && !is_true(cx, &value).at(frame, expr.id)? {
                    break;
                }
            }
            Ok(value)
        }
        ExprKind::Or(operands) => {
            let mut value = Value::None;
            for (position, operand) in operands.iter().enumerate() {
                value = evaluate::<O>(cx, frame, operand)?;
                if position + 1 < operands.len() && is_true(cx, &value).at(frame, expr.id)? {
                    break;
                }
            }
            Ok(value)
        }
        ExprKind::Conditional(parts) => {
            if condition::<O>(cx, frame, &parts.0)? {
                evaluate::<O>(cx, frame, &parts.1)
            } else {
                evaluate::<O>(cx, frame, &parts.2)
            }
        }
        ExprKind::Tuple(items) => Ok(Value::tuple(evaluate_all::<O>(cx, frame, items)?)),
        ExprKind::List(items) => Ok(Value::list(evaluate_all::<O>(cx, frame, items)?)),
        _ => evaluate_rare::<O>(cx, frame, expr),
    }
}

/// The kinds of expression that are seldom on a hot path: kept apart, so that the common ones
/// need less native stack and registers.
#[inline(never)]
fn evaluate_rare<O: Observer>(cx: &mut Context, frame: Frame, expr: &Expr) -> Outcome<Value> {
    match &expr.kind {
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
        _ => evaluate::<O>(cx, frame, expr),
    }
}

/// Evaluates an expression for its truth alone.
#[inline]
pub(super) fn condition<O: Observer>(cx: &mut Context, frame: Frame, expr: &Expr) -> Outcome<bool> {
    match &expr.kind {
        ExprKind::CompareLocalConstant(op, slot, constant) => {
            if let Value::Int(value) = frame.peek(*slot) {
                return Ok(op.holds(value.cmp(constant)));
            }
            let value = compare_value::<O>(cx, frame, expr)?;
            is_true(cx, &value).at(frame, expr.id)
        }
        ExprKind::Compare(op, operands) => {
            let left = evaluate::<O>(cx, frame, &operands.0)?;
            let right = evaluate::<O>(cx, frame, &operands.1)?;
            match (&left, &right) {
                (Value::Int(a), Value::Int(b)) => Ok(op.holds(a.cmp(b))),
                _ => compare::compare_bool(cx, *op, &left, &right).at(frame, expr.id),
            }
        }
        ExprKind::Not(operand) => Ok(!condition::<O>(cx, frame, operand)?),
        ExprKind::And(operands) => {
            for operand in operands {
                if !condition::<O>(cx, frame, operand)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        ExprKind::Or(operands) => {
            for operand in operands {
                if condition::<O>(cx, frame, operand)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        ExprKind::Is(operands, negated) => {
            let left = evaluate::<O>(cx, frame, &operands.0)?;
            let right = evaluate::<O>(cx, frame, &operands.1)?;
            Ok(left.same(&right) != *negated)
        }
        ExprKind::In(operands, negated) => {
            let item = evaluate::<O>(cx, frame, &operands.0)?;
            let container = evaluate::<O>(cx, frame, &operands.1)?;
            O::access(Place::Element(&container), Access::Read, expr.id);
            let found = sequence::contains(cx, &container, &item).at(frame, expr.id)?;
            Ok(found != *negated)
        }
        _ => {
            let value = evaluate::<O>(cx, frame, expr)?;
            is_true(cx, &value).at(frame, expr.id)
        }
    }
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

#[inline(always)]
fn binary(cx: &mut Context, op: BinaryOperator, left: &Value, right: &Value) -> Outcome<Value> {
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => {
            if let Some(value) = small(op, *a, *b) {
                return Ok(Value::Int(value));
            }
        }
        (Value::Float(a), Value::Float(b)) => {
            if let Some(value) = floating(op, *a, *b) {
                return Ok(Value::Float(value));
            }
        }
        _ => {}
    }
    arithmetic::binary(cx, op, left, right)
}

/// The result on small integers, unless it overflows or is an error.
#[inline(always)]
fn small(op: BinaryOperator, a: i64, b: i64) -> Option<i64> {
    match op {
        BinaryOperator::Add => a.checked_add(b),
        BinaryOperator::Subtract => a.checked_sub(b),
        BinaryOperator::Multiply => a.checked_mul(b),
        BinaryOperator::BitAnd => Some(a & b),
        BinaryOperator::BitOr => Some(a | b),
        BinaryOperator::BitXor => Some(a ^ b),
        BinaryOperator::Modulo if b > 0 => Some(a.rem_euclid(b)),
        BinaryOperator::FloorDivide if b > 0 => Some(a.div_euclid(b)),
        _ => None,
    }
}

#[inline(always)]
fn floating(op: BinaryOperator, a: f64, b: f64) -> Option<f64> {
    match op {
        BinaryOperator::Add => Some(a + b),
        BinaryOperator::Subtract => Some(a - b),
        BinaryOperator::Multiply => Some(a * b),
        BinaryOperator::Divide if b != 0.0 => Some(a / b),
        _ => None,
    }
}

#[inline]
fn local_constant(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    op: BinaryOperator,
    slot: Slot,
    constant: i64,
) -> Outcome<Value> {
    if let Value::Int(value) = frame.peek(slot)
        && let Some(result) = small(op, *value, constant)
    {
        return Ok(Value::Int(result));
    }
    let left = frame.get(slot);
    if left.is_unbound() {
        return Err(unbound_local(frame, slot, id));
    }
    arithmetic::binary(cx, op, &left, &Value::Int(constant)).at(frame, id)
}

#[inline]
fn local_local(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    op: BinaryOperator,
    left: Slot,
    right: Slot,
) -> Outcome<Value> {
    match (frame.peek(left), frame.peek(right)) {
        (Value::Int(a), Value::Int(b)) => {
            if let Some(result) = small(op, *a, *b) {
                return Ok(Value::Int(result));
            }
        }
        (Value::Float(a), Value::Float(b)) => {
            if let Some(result) = floating(op, *a, *b) {
                return Ok(Value::Float(result));
            }
        }
        _ => {}
    }
    let (a, b) = (frame.get(left), frame.get(right));
    for (value, slot) in [(&a, left), (&b, right)] {
        if value.is_unbound() {
            return Err(unbound_local(frame, slot, id));
        }
    }
    arithmetic::binary(cx, op, &a, &b).at(frame, id)
}

#[inline]
fn compare_value<O: Observer>(cx: &mut Context, frame: Frame, expr: &Expr) -> Outcome<Value> {
    match &expr.kind {
        ExprKind::CompareLocalConstant(op, slot, constant) => {
            let left = frame.get(*slot);
            if left.is_unbound() {
                return Err(unbound_local(frame, *slot, expr.id));
            }
            compare_values(cx, *op, &left, &Value::Int(*constant)).at(frame, expr.id)
        }
        ExprKind::Compare(op, operands) => {
            let left = evaluate::<O>(cx, frame, &operands.0)?;
            let right = evaluate::<O>(cx, frame, &operands.1)?;
            compare_values(cx, *op, &left, &right).at(frame, expr.id)
        }
        _ => Ok(Value::None),
    }
}

#[inline(always)]
fn compare_values(cx: &mut Context, op: Comparison, a: &Value, b: &Value) -> Outcome<Value> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Ok(Value::Bool(op.holds(a.cmp(b)))),
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

#[inline]
fn subscript<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    operands: &(Expr, Expr),
) -> Outcome<Value> {
    // A local list needs no count of its own when the index runs no code.
    if let ExprKind::Local(slot) = &operands.0.kind
        && let ExprKind::Local(index) = &operands.1.kind
        && let (Value::List(list), Value::Int(index)) = (frame.peek(*slot), frame.peek(*index))
    {
        O::access(Place::Element(frame.peek(*slot)), Access::Read, id);
        if let Some(value) = list.get_signed(*index) {
            return Ok(value);
        }
    }
    let object = evaluate::<O>(cx, frame, &operands.0)?;
    let index = evaluate::<O>(cx, frame, &operands.1)?;
    O::access(Place::Element(&object), Access::Read, id);
    if let (Value::List(list), Value::Int(index)) = (&object, &index)
        && let Some(value) = list.get_signed(*index)
    {
        return Ok(value);
    }
    sequence::get_item(cx, &object, &index).at(frame, id)
}

/// Pushes evaluated arguments; on an error, what was pushed is taken off again.
#[inline(always)]
fn push_arguments<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    arguments: &[Expr],
    base: *mut Value,
) -> Outcome<()> {
    for argument in arguments {
        match evaluate::<O>(cx, frame, argument) {
            // SAFETY: a frame is entered with room for all arguments that can be pending.
            Ok(value) => unsafe { cx.stack.push(value) },
            Err(raised) => {
                // SAFETY: `base` was the top before the first argument.
                unsafe { cx.stack.truncate(base) };
                return Err(raised);
            }
        }
    }
    Ok(())
}

fn evaluate_call<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    call: &Call,
) -> Outcome<Value> {
    let callee = evaluate::<O>(cx, frame, &call.callee)?;
    let base = cx.stack.top();
    push_arguments::<O>(cx, frame, &call.arguments, base)?;
    frame.record().node.set(id);
    call_pushed::<O>(cx, &callee, call.arguments.len(), &[]).at(frame, id)
}

fn call_method<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    call: &CallMethod,
) -> Outcome<Value> {
    let object = evaluate::<O>(cx, frame, &call.object)?;
    match attribute::method(cx, &object, call.name).at(frame, call.attribute)? {
        attribute::Found::Method(method) => {
            let base = cx.stack.top();
            // SAFETY: a frame is entered with room for the receiver as well.
            unsafe { cx.stack.push(object) };
            push_arguments::<O>(cx, frame, &call.arguments, base)?;
            frame.record().node.set(id);
            call_pushed::<O>(cx, &method, call.arguments.len() + 1, &[]).at(frame, id)
        }
        attribute::Found::Value(callee) => {
            let base = cx.stack.top();
            push_arguments::<O>(cx, frame, &call.arguments, base)?;
            frame.record().node.set(id);
            call_pushed::<O>(cx, &callee, call.arguments.len(), &[]).at(frame, id)
        }
    }
}

fn call_keywords<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    call: &CallKeywords,
) -> Outcome<Value> {
    let callee = evaluate::<O>(cx, frame, &call.callee)?;
    let base = cx.stack.top();
    push_arguments::<O>(cx, frame, &call.arguments, base)?;
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

fn call_super<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    call: &SuperCall,
) -> Outcome<Value> {
    let callee = evaluate::<O>(cx, frame, &call.callee)?;
    let is_builtin = matches!(&callee, Value::Class(class)
        if class.same(&crate::value::types::types().super_));
    if !is_builtin {
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
