//! Statements and the flow of control. It must not know what operators do with values, nor how
//! an error is shown.

use super::call::{leave_trace, safepoint};
use super::context::Context;
use super::expression::{condition, evaluate};
use super::observer::{Access, Observer, Place};
use super::stack::{At, Frame, Located};
use super::{attribute, handle, import, pattern, target};
use crate::resolve::tree::{Augmented, ExprKind, For, Stmt, StmtKind, Target, With};
use crate::value::exception::{self, Raised};
use crate::value::function::{Args, Binding};
use crate::value::name::known;
use crate::value::operator::BinaryOperator;
use crate::value::{Outcome, Value};
use crate::value::{arithmetic, concatenate, iterate, sequence};

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
    for stmt in block {
        let flow = execute::<O>(cx, frame, stmt)?;
        if flow != Flow::Next {
            return Ok(flow);
        }
    }
    Ok(Flow::Next)
}

fn execute<O: Observer>(cx: &mut Context, frame: Frame, stmt: &Stmt) -> Outcome<Flow> {
    match &stmt.kind {
        StmtKind::Expr(expr) => {
            evaluate::<O>(cx, frame, expr)?;
            Ok(Flow::Next)
        }
        StmtKind::SetLocal(slot, expr) => {
            let value = evaluate::<O>(cx, frame, expr)?;
            frame.set(*slot, value);
            Ok(Flow::Next)
        }
        StmtKind::Assign(targets, expr) => {
            let value = evaluate::<O>(cx, frame, expr)?;
            if let [only] = &**targets {
                target::assign::<O>(cx, frame, only, value)?;
            } else {
                for target in targets {
                    target::assign::<O>(cx, frame, target, value.clone())?;
                }
            }
            Ok(Flow::Next)
        }
        StmtKind::Augmented(node) => augmented::<O>(cx, frame, node, stmt.id),
        StmtKind::Return(expr) => {
            cx.returned = evaluate::<O>(cx, frame, expr)?;
            Ok(Flow::Return)
        }
        StmtKind::If(branches, otherwise) => {
            for (test, body) in branches {
                if condition::<O>(cx, frame, test)? {
                    return execute_block::<O>(cx, frame, body);
                }
            }
            execute_block::<O>(cx, frame, otherwise)
        }
        StmtKind::While(test, body, otherwise) => {
            while condition::<O>(cx, frame, test)? {
                match execute_block::<O>(cx, frame, body)? {
                    Flow::Next | Flow::Continue => {}
                    Flow::Break => return Ok(Flow::Next),
                    Flow::Return => return Ok(Flow::Return),
                }
                safepoint(cx).at(frame, stmt.id)?;
            }
            execute_block::<O>(cx, frame, otherwise)
        }
        StmtKind::For(node) => {
            let held = cx.held();
            let flow = execute_for::<O>(cx, frame, node);
            cx.let_go(held);
            flow
        }
        StmtKind::Break => Ok(Flow::Break),
        StmtKind::Continue => Ok(Flow::Continue),
        StmtKind::Nothing => Ok(Flow::Next),
        _ => execute_rare::<O>(cx, frame, stmt),
    }
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
            for target in targets {
                target::delete::<O>(cx, frame, target, stmt.id)?;
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
        StmtKind::With(node) => {
            let held = cx.held();
            let flow = execute_with::<O>(cx, frame, node);
            cx.let_go(held);
            return flow;
        }
        StmtKind::Import(node) => {
            import::import::<O>(cx, frame, node).at(frame, stmt.id)?;
        }
        StmtKind::ImportFrom(node) => {
            import::import_from::<O>(cx, frame, node).at(frame, stmt.id)?;
        }
        StmtKind::Match(node) => {
            let subject = evaluate::<O>(cx, frame, &node.subject)?;
            for (pattern, guard, body) in &node.cases {
                if !pattern::matches::<O>(cx, frame, pattern, &subject)? {
                    continue;
                }
                if let Some(guard) = guard
                    && !condition::<O>(cx, frame, guard)?
                {
                    continue;
                }
                return execute_block::<O>(cx, frame, body);
            }
        }
        // The others are the common ones above.
        _ => return execute::<O>(cx, frame, stmt),
    }
    Ok(Flow::Next)
}

#[inline]
fn augmented<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    node: &Augmented,
    id: u32,
) -> Outcome<Flow> {
    if let Target::Local(slot) = &node.target
        && node.present.is_none()
    {
        if frame.peek(*slot).is_unbound() {
            return Err(super::expression::unbound_local(frame, *slot, id));
        }
        let right = match &node.value.kind {
            ExprKind::Constant(value) => value.clone(),
            _ => evaluate::<O>(cx, frame, &node.value)?,
        };
        match (frame.peek(*slot), &right) {
            (Value::Int(a), Value::Int(b)) => {
                let result = match node.op {
                    BinaryOperator::Add => a.checked_add(*b),
                    BinaryOperator::Subtract => a.checked_sub(*b),
                    _ => None,
                };
                if let Some(result) = result {
                    frame.set(*slot, Value::Int(result));
                    return Ok(Flow::Next);
                }
            }
            (Value::Float(a), Value::Float(b)) => {
                let result = match node.op {
                    BinaryOperator::Add => Some(a + b),
                    BinaryOperator::Subtract => Some(a - b),
                    BinaryOperator::Multiply => Some(a * b),
                    _ => None,
                };
                if let Some(result) = result {
                    frame.set(*slot, Value::Float(result));
                    return Ok(Flow::Next);
                }
            }
            (Value::Str(_), Value::Str(more)) if node.op == BinaryOperator::Add => {
                // Out of the slot, the string may have no other owner and can grow in its place.
                let mut left = frame.take(*slot);
                let done = concatenate::append_text(&mut left, more);
                frame.set(*slot, left);
                if done {
                    return Ok(Flow::Next);
                }
            }
            _ => {}
        }
        let left = frame.get(*slot);
        let result = arithmetic::in_place(cx, node.op, &left, &right).at(frame, id)?;
        drop(left);
        frame.set(*slot, result);
        return Ok(Flow::Next);
    }
    target::augmented::<O>(cx, frame, node, id)?;
    Ok(Flow::Next)
}

fn execute_for<O: Observer>(cx: &mut Context, frame: Frame, node: &For) -> Outcome<Flow> {
    let place = node.iterable.id;
    let iterable = evaluate::<O>(cx, frame, &node.iterable)?;
    macro_rules! turn {
        ($value:expr) => {{
            match &node.target {
                Target::Local(slot) => frame.set(*slot, $value),
                target => target::assign::<O>(cx, frame, target, $value)?,
            }
            match execute_block::<O>(cx, frame, &node.body)? {
                Flow::Next | Flow::Continue => {}
                Flow::Break => return Ok(Flow::Next),
                Flow::Return => return Ok(Flow::Return),
            }
            safepoint(cx).at(frame, place)?;
        }};
    }
    match &iterable {
        Value::Range(range) => {
            let (mut next, step) = (range.start, range.step);
            for _ in 0..range.len() {
                turn!(Value::Int(next));
                next = next.wrapping_add(step);
            }
        }
        Value::List(list) => {
            // SAFETY: it stays where it is until the loop has ended, and the caller lets go of it.
            unsafe { cx.hold(&iterable) };
            let mut index = 0;
            loop {
                O::access(Place::Element(&iterable), Access::Read, place);
                let Some(value) = list.get(index) else { break };
                index += 1;
                turn!(value);
            }
        }
        Value::Tuple(tuple) => {
            // SAFETY: as above.
            unsafe { cx.hold(&iterable) };
            for value in tuple.items() {
                turn!(value.clone());
            }
        }
        _ => {
            let iterator = iterate::iterate(cx, &iterable).at(frame, place)?;
            drop(iterable);
            // SAFETY: as above.
            unsafe { cx.hold(&iterator) };
            while let Some(value) = iterate::next(cx, &iterator).at(frame, place)? {
                turn!(value);
            }
        }
    }
    execute_block::<O>(cx, frame, &node.otherwise)
}

fn execute_with<O: Observer>(cx: &mut Context, frame: Frame, node: &With) -> Outcome<Flow> {
    let place = node.context.id;
    let manager = evaluate::<O>(cx, frame, &node.context)?;
    // SAFETY: it stays where it is until the statement has ended, and the caller lets go of it.
    unsafe { cx.hold(&manager) };
    let class = manager.class();
    let enter = cx.lookup(class, known().enter);
    let exit = cx.lookup(class, known().exit);
    if let (Some(enter), Some(exit)) = (&enter, &exit)
        && is_native_method(enter)
        && is_native_method(exit)
    {
        return execute_native_with::<O>(cx, frame, node, &manager, enter, exit);
    }
    let (Some(enter), Some(exit)) = (enter.clone(), exit.clone()) else {
        let missing = if enter.is_none() {
            ""
        } else {
            " (missed __exit__ method)"
        };
        return Err(exception::type_error(format!(
            "'{}' object does not support the context manager protocol{missing}",
            manager.type_name()
        )))
        .at(frame, place);
    };
    let exit = attribute::bind(cx, &exit, &manager).at(frame, place)?;
    // SAFETY: as above.
    unsafe { cx.hold(&exit) };
    frame.record().node.set(place);
    let entered = cx.call_found(&enter, &manager, &[]).at(frame, place)?;
    match with_body::<O>(cx, frame, node, entered) {
        Ok(flow) => {
            let returned = cx.returned.take();
            cx.call(&exit, &[Value::None, Value::None, Value::None])
                .at(frame, place)?;
            cx.returned = returned;
            Ok(flow)
        }
        Err(raised) => leave_with(cx, frame, &exit, raised, place),
    }
}

fn with_body<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    node: &With,
    entered: Value,
) -> Outcome<Flow> {
    match &node.target {
        Some(target) => target::assign::<O>(cx, frame, target, entered)?,
        None => drop(entered),
    }
    execute_block::<O>(cx, frame, &node.body)
}

/// The same for managers whose methods are native, as those of locks: nothing is bound.
fn execute_native_with<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    node: &With,
    manager: &Value,
    enter: &Value,
    exit: &Value,
) -> Outcome<Flow> {
    let place = node.context.id;
    frame.record().node.set(place);
    let arguments = [manager.clone(), Value::None, Value::None, Value::None];
    let entered = call_native::<O>(cx, enter, &arguments[..1]).at(frame, place)?;
    match with_body::<O>(cx, frame, node, entered) {
        Ok(flow) => {
            let returned = cx.returned.take();
            call_native::<O>(cx, exit, &arguments).at(frame, place)?;
            cx.returned = returned;
            Ok(flow)
        }
        Err(raised) => {
            let exit = attribute::bind(cx, exit, manager)?;
            leave_with(cx, frame, &exit, raised, place)
        }
    }
}

fn is_native_method(value: &Value) -> bool {
    matches!(value, Value::Native(function) if function.binding == Binding::Method)
}

fn call_native<O: Observer>(cx: &mut Context, callee: &Value, values: &[Value]) -> Outcome<Value> {
    let args = Args::positional_only(values);
    match callee {
        Value::Native(function) => {
            O::native_call(callee, 0);
            function.call(cx, args)
        }
        other => cx.call_with(other, args),
    }
}

#[cold]
fn leave_with(
    cx: &mut Context,
    frame: Frame,
    exit: &Value,
    raised: Raised,
    place: u32,
) -> Outcome<Flow> {
    leave_trace(frame.record(), &raised);
    frame.record().located.set(Located::No);
    let Some(exception) = raised.exception().cloned() else {
        // A stop: the manager is left as if nothing had happened, and cannot hold it up.
        let done = cx.call(exit, &[Value::None, Value::None, Value::None]);
        drop(done);
        return Err(raised);
    };
    handle::chain_context(&exception, &cx.handled);
    let arguments = [
        Value::Class(exception.class().clone()),
        Value::Instance(exception.clone()),
        handle::traceback_value(&exception),
    ];
    let previous = std::mem::replace(&mut cx.handled, Value::Instance(exception.clone()));
    let answer = cx.call(exit, &arguments);
    let suppressed = match answer {
        Ok(answer) => super::expression::is_true(cx, &answer),
        Err(error) => Err(error),
    };
    cx.handled = previous;
    match suppressed {
        Ok(true) => Ok(Flow::Next),
        Ok(false) => {
            frame.record().located.set(Located::Entered);
            Err(raised)
        }
        Err(error) => {
            if let Some(newer) = error.exception() {
                handle::chain_context(newer, &Value::Instance(exception));
            }
            Err(error).at(frame, place)
        }
    }
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
