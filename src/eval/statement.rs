//! Statements and the flow of control. It must not know what operators do with values, nor how
//! an error is shown.

use super::access::list_and_index;
use super::answer::{Answer, Step, Truth};
use super::call::safepoint;
use super::condition::{condition, test};
use super::context::Context;
use super::expression::{evaluate, walk};
use super::invoke::{call_method, call_node};
use super::loops::for_node;
use super::observer::{Access, Observer, Place};
use super::operand::operand;
use super::stack::{At, Frame};
use super::with::execute_with;
use super::{handle, import, pattern, target};
use crate::resolve::tree::{
    Augmented, Block, Expr, ExprKind, Match, NodeId, Slot, Stmt, StmtKind, Target,
};
use crate::runtime::world;
use crate::value::exception::{self, Raised};
use crate::value::operator::BinaryOperator;
use crate::value::{Outcome, Value};
use crate::value::{arithmetic, concatenate, sequence};

/// How a statement ended, when it did not raise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// Go on with the next one.
    Next,
    /// `break`.
    Break,
    /// `continue`.
    Continue,
    /// `return`; the value waits in the context.
    Return,
}

/// Executes statements in order.
#[inline]
pub(super) fn execute_block<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    block: &[Stmt],
) -> Outcome<Flow> {
    run_block::<O>(cx, frame, block).outcome()
}

#[inline(always)]
pub(super) fn run_block<O: Observer>(cx: &mut Context, frame: Frame, block: &[Stmt]) -> Step {
    for stmt in block {
        let step = execute::<O>(cx, frame, stmt);
        if step != Step::NEXT {
            return step;
        }
    }
    Step::NEXT
}

/// Executes the body of a function. A `return` on its top level, and one that is all there is to an
/// `if` there, hands its value over directly.
#[inline(always)]
pub(super) fn run_body<O: Observer>(cx: &mut Context, frame: Frame, block: &[Stmt]) -> Answer {
    for stmt in block {
        match &stmt.kind {
            StmtKind::Return(expr) => return walk::<O>(cx, frame, expr),
            StmtKind::IfReturn(parts) => {
                let truth = test::<O>(cx, frame, &parts.0);
                if truth == Truth::YES {
                    return walk::<O>(cx, frame, &parts.1);
                }
                if truth.is_error() {
                    return Answer::error_of(truth);
                }
            }
            _ => {
                let step = execute::<O>(cx, frame, stmt);
                if step == Step::RETURN {
                    return Answer::from(Ok(cx.returned.take()));
                }
                // Neither `break` nor `continue` stands outside a loop.
                if step != Step::NEXT {
                    return Answer::error_from(step);
                }
            }
        }
    }
    Answer::none()
}

/// Executes a statement: jumps to the function for its kind.
pub(super) fn execute<O: Observer>(cx: &mut Context, frame: Frame, stmt: &Stmt) -> Step {
    match &stmt.kind {
        StmtKind::Expr(expr) => execute_expression::<O>(cx, frame, expr),
        StmtKind::SetLocal(slot, expr) => set_local::<O>(cx, frame, *slot, expr),
        StmtKind::Assign(targets, expr) => assign::<O>(cx, frame, targets, expr),
        StmtKind::Augmented(node) => augmented::<O>(cx, frame, node, stmt.id),
        StmtKind::AddLocal(slot, constant, place) => {
            if let Value::Int(value) = frame.peek(*slot)
                && let Some(result) = value.checked_add(*constant)
            {
                // SAFETY: the slot holds an integer, which needs no drop.
                unsafe { frame.put(*slot, Value::Int(result)) };
                return Step::NEXT;
            }
            add_to_local(cx, frame, *slot, *constant, [*place, stmt.id])
        }
        StmtKind::Return(expr) => execute_return::<O>(cx, frame, expr),
        StmtKind::IfReturn(parts) => if_return::<O>(cx, frame, parts),
        StmtKind::If(branches, otherwise) => execute_if::<O>(cx, frame, branches, otherwise),
        StmtKind::While(parts) => execute_while::<O>(cx, frame, parts, stmt.id),
        StmtKind::With(node) => execute_with::<O>(cx, frame, node),
        StmtKind::For(node) => for_node::<O>(cx, frame, node),
        StmtKind::Break => Step::BREAK,
        StmtKind::Continue => Step::CONTINUE,
        StmtKind::Nothing => Step::NEXT,
        _ => execute_rarely::<O>(cx, frame, stmt),
    }
}

#[inline(never)]
fn execute_expression<O: Observer>(cx: &mut Context, frame: Frame, expr: &Expr) -> Step {
    // Most are calls.
    let answer = match &expr.kind {
        ExprKind::CallMethod(call) => call_method::<O>(cx, frame, expr.id, call),
        ExprKind::Call(call) => call_node::<O>(cx, frame, expr.id, call),
        _ => walk::<O>(cx, frame, expr),
    };
    if answer.is_error() {
        return Step::error_in(answer);
    }
    answer.discard();
    Step::NEXT
}

#[inline(never)]
fn set_local<O: Observer>(cx: &mut Context, frame: Frame, slot: Slot, expr: &Expr) -> Step {
    let answer = walk::<O>(cx, frame, expr);
    if answer.is_error() {
        return Step::error_in(answer);
    }
    frame.set(slot, answer.into_value());
    Step::NEXT
}

#[inline(never)]
fn execute_return<O: Observer>(cx: &mut Context, frame: Frame, expr: &Expr) -> Step {
    let answer = walk::<O>(cx, frame, expr);
    if answer.is_error() {
        return Step::error_in(answer);
    }
    cx.returned = answer.into_value();
    Step::RETURN
}

#[inline(never)]
fn execute_rarely<O: Observer>(cx: &mut Context, frame: Frame, stmt: &Stmt) -> Step {
    Step::from(execute_rare::<O>(cx, frame, stmt))
}

#[inline(never)]
fn if_return<O: Observer>(cx: &mut Context, frame: Frame, parts: &(Expr, Expr)) -> Step {
    let truth = test::<O>(cx, frame, &parts.0);
    if truth == Truth::NO {
        return Step::NEXT;
    }
    if truth.is_error() {
        return Step::error_of(truth);
    }
    let answer = walk::<O>(cx, frame, &parts.1);
    if answer.is_error() {
        return Step::error_in(answer);
    }
    cx.returned = answer.into_value();
    Step::RETURN
}

#[inline(never)]
fn execute_if<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    branches: &[(Expr, Block)],
    otherwise: &[Stmt],
) -> Step {
    for (condition, body) in branches {
        let truth = test::<O>(cx, frame, condition);
        if truth == Truth::YES {
            return run_block::<O>(cx, frame, body);
        }
        if truth.is_error() {
            return Step::error_of(truth);
        }
    }
    run_block::<O>(cx, frame, otherwise)
}

#[inline(never)]
fn execute_while<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    parts: &(Expr, Block, Block),
    id: u32,
) -> Step {
    let (condition, body, otherwise) = parts;
    loop {
        let truth = test::<O>(cx, frame, condition);
        if truth != Truth::YES {
            if truth.is_error() {
                return Step::error_of(truth);
            }
            break;
        }
        match run_block::<O>(cx, frame, body) {
            Step::NEXT | Step::CONTINUE => {}
            Step::BREAK => return Step::NEXT,
            other => return other,
        }
        if let Err(raised) = safepoint(cx).at(frame, id) {
            return Step::from(Err(raised));
        }
    }
    run_block::<O>(cx, frame, otherwise)
}

#[inline(never)]
fn assign<O: Observer>(cx: &mut Context, frame: Frame, targets: &[Target], expr: &Expr) -> Step {
    // `a, b = b, a`: without a tuple.
    if let ([Target::Unpack(node)], ExprKind::Tuple(items)) = (targets, &expr.kind)
        && let ([first, second], None, [left, right]) = (&*node.before, &node.star, &**items)
    {
        return assign_two::<O>(cx, frame, [first, second], [left, right]);
    }
    let answer = walk::<O>(cx, frame, expr);
    if answer.is_error() {
        return Step::error_in(answer);
    }
    let value = answer.into_value();
    // The commonest item to set: of a list that a look finds.
    if let [Target::Subscript(node)] = targets
        && !world::is_shared()
        && let Some((list, index)) =
            // SAFETY: setting the item is all that happens.
            unsafe { list_and_index::<O>(frame, &node.object, &node.index) }
        && let Some(place) = list.place(index)
    {
        // SAFETY: no other thread; the old value goes when the new one is in its place.
        let old = unsafe { std::ptr::replace(place.cast_mut(), value) };
        old.discard();
        return Step::NEXT;
    }
    let done = if let [only] = targets {
        target::assign::<O>(cx, frame, only, value)
    } else {
        targets
            .iter()
            .try_for_each(|target| target::assign::<O>(cx, frame, target, value.clone()))
    };
    Step::from(done.map(|()| Flow::Next))
}

/// `first, second = left, right`.
#[inline(never)]
fn assign_two<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    targets: [&Target; 2],
    values: [&Expr; 2],
) -> Step {
    let first = walk::<O>(cx, frame, values[0]);
    if first.is_error() {
        return Step::error_in(first);
    }
    let second = walk::<O>(cx, frame, values[1]);
    if second.is_error() {
        first.discard();
        return Step::error_in(second);
    }
    let (first, second) = (first.into_value(), second.into_value());
    if let [Target::Local(one), Target::Local(other)] = targets {
        frame.set(*one, first);
        frame.set(*other, second);
        return Step::NEXT;
    }
    let done = target::assign::<O>(cx, frame, targets[0], first)
        .and_then(|()| target::assign::<O>(cx, frame, targets[1], second));
    Step::from(done.map(|()| Flow::Next))
}

/// `local += constant` where the value is no small integer, or the sum is none.
#[cold]
#[inline(never)]
fn add_to_local(
    cx: &mut Context,
    frame: Frame,
    slot: Slot,
    constant: i64,
    places: [NodeId; 2],
) -> Step {
    Step::from(added_to_local(cx, frame, slot, constant, places))
}

fn added_to_local(
    cx: &mut Context,
    frame: Frame,
    slot: Slot,
    constant: i64,
    [place, id]: [NodeId; 2],
) -> Outcome<Flow> {
    let left = frame.get(slot);
    if left.is_unbound() {
        return Err(super::variable::unbound_local(frame, slot, place));
    }
    let right = Value::Int(constant);
    let result = arithmetic::in_place(cx, BinaryOperator::Add, &left, &right).at(frame, id)?;
    drop(left);
    frame.set(slot, result);
    Ok(Flow::Next)
}

#[inline(never)]
fn execute_rare<O: Observer>(cx: &mut Context, frame: Frame, stmt: &Stmt) -> Outcome<Flow> {
    match &stmt.kind {
        StmtKind::Show(expr) => {
            let value = evaluate::<O>(cx, frame, expr)?;
            let show = cx.session.show;
            show(cx, &value).at(frame, stmt.id)?;
        }
        StmtKind::Delete(targets) => {
            for (target, place) in targets {
                target::delete::<O>(cx, frame, target, *place)?;
            }
        }
        StmtKind::Raise(exception, cause) => {
            let raised = match exception {
                None => handle::raise_again(cx, frame),
                Some(exception) => {
                    let exception = evaluate::<O>(cx, frame, exception)?;
                    let cause = match cause {
                        Some(cause) => Some(evaluate::<O>(cx, frame, cause)?),
                        None => None,
                    };
                    handle::raise(cx, &exception, cause)
                }
            };
            return Err(raised).at(frame, stmt.id);
        }
        StmtKind::Assert(test, message) => {
            if !condition::<O>(cx, frame, test)? {
                let args = match message {
                    Some(message) => vec![evaluate::<O>(cx, frame, message)?],
                    None => Vec::new(),
                };
                return Err(Raised::with_args(
                    exception::ExceptionKind::AssertionError,
                    args,
                ))
                .at(frame, test.id);
            }
        }
        StmtKind::Try(node) => return handle::execute_try::<O>(cx, frame, node),
        StmtKind::Finally(body, cleanup) => {
            return handle::execute_finally::<O>(cx, frame, body, cleanup);
        }
        StmtKind::Import(node) => {
            import::import::<O>(cx, frame, node).at(frame, stmt.id)?;
        }
        StmtKind::ImportFrom(node) => {
            import::import_from::<O>(cx, frame, node).at(frame, stmt.id)?;
        }
        StmtKind::Match(node) => {
            if let Some(case) = find_case::<O>(cx, frame, node)? {
                return execute_block::<O>(cx, frame, &node.cases[case].2);
            }
        }
        StmtKind::Suspending(_) => {
            return Err(exception::system_error(
                "a generator's statement outside its generator",
            ));
        }
        // The others are the common ones above.
        _ => return execute::<O>(cx, frame, stmt).outcome(),
    }
    Ok(Flow::Next)
}

/// The number of the case of a `match` that is to be executed.
pub(super) fn find_case<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    node: &Match,
) -> Outcome<Option<usize>> {
    let subject = evaluate::<O>(cx, frame, &node.subject)?;
    for (case, (pattern, guard, _)) in node.cases.iter().enumerate() {
        if !pattern::matches::<O>(cx, frame, pattern, &subject)? {
            continue;
        }
        if let Some(guard) = guard
            && !condition::<O>(cx, frame, guard)?
        {
            continue;
        }
        return Ok(Some(case));
    }
    Ok(None)
}

#[inline(never)]
fn augmented<O: Observer>(cx: &mut Context, frame: Frame, node: &Augmented, id: u32) -> Step {
    let (Target::Local(slot), None) = (&node.target, &node.present) else {
        return target::augmented::<O>(cx, frame, node, id);
    };
    if frame.peek(*slot).is_unbound() {
        return Step::from(Err(super::variable::unbound_local(
            frame, *slot, node.place,
        )));
    }
    let right = operand::<O>(cx, frame, &node.value);
    if right.is_error() {
        return Step::error_in(right.answer);
    }
    let done = match frame.peek(*slot) {
        Value::Int(left) if right.answer.is_int() => {
            super::operation::small(node.op, *left, right.answer.as_int()).map(Value::Int)
        }
        Value::Float(left) if right.answer.is_float() => {
            super::operation::floating(node.op, *left, right.answer.as_float()).map(Value::Float)
        }
        _ => None,
    };
    if let Some(result) = done {
        // SAFETY: the slot holds a number, which needs no drop.
        unsafe { frame.put(*slot, result) };
        return Step::NEXT;
    }
    let right = right.held();
    Step::from(augmented_slowly(cx, frame, *slot, node.op, &right, id))
}

#[inline(never)]
fn augmented_slowly(
    cx: &mut Context,
    frame: Frame,
    slot: Slot,
    op: BinaryOperator,
    right: &Value,
    id: u32,
) -> Outcome<Flow> {
    if let (Value::Str(_), Value::Str(more), BinaryOperator::Add) = (frame.peek(slot), right, op) {
        // Out of the slot, the string may have no other owner and can grow in its place.
        let mut left = frame.take(slot);
        let done = concatenate::append_text(&mut left, more);
        frame.set(slot, left);
        if done {
            return Ok(Flow::Next);
        }
    }
    let left = frame.get(slot);
    let result = arithmetic::in_place(cx, op, &left, right).at(frame, id)?;
    drop(left);
    frame.set(slot, result);
    Ok(Flow::Next)
}

/// Element assignment from a target.
pub(super) fn set_element<O: Observer>(
    cx: &mut Context,
    object: &Value,
    index: &Value,
    value: Value,
    id: u32,
) -> Outcome<()> {
    O::access(Place::Element(object), Access::Write, id);
    if let (Value::List(list), Value::Int(position)) = (object, index) {
        return match list.set_signed(*position, value) {
            Ok(()) => Ok(()),
            Err(_) => Err(exception::index_error("list assignment index out of range")),
        };
    }
    sequence::set_item(cx, object, index, value)
}
