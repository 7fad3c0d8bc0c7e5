//! `with`: entering a context manager, the body, and leaving it. It must not know what managers do.

use super::answer::{Answer, Step};
use super::context::Context;
use super::expression::{evaluate, walk};
use super::observer::Observer;
use super::stack::{At, Frame, Located};
use super::statement::{Flow, execute_block, run_block};
use super::{attribute, handle, target};
use crate::resolve::tree::With;
use crate::value::exception::{self, Raised};
use crate::value::function::{Args, Binding};
use crate::value::name::known;
use crate::value::{Outcome, Value};

#[inline(never)]
pub(super) fn execute_with<O: Observer>(cx: &mut Context, frame: Frame, node: &With) -> Step {
    let manager = walk::<O>(cx, frame, &node.context);
    if manager.is_error() {
        return Step::error_in(manager);
    }
    let manager = manager.into_value();
    if let Some((enter, exit)) = native_methods(cx, &manager) {
        return with_native::<O>(cx, frame, node, manager, &enter, exit);
    }
    Step::from(with_found::<O>(cx, frame, node, manager))
}

#[inline(never)]
fn with_found<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    node: &With,
    manager: Value,
) -> Outcome<Flow> {
    let (manager, exit, entered) = enter_found::<O>(cx, frame, node, manager)?;
    let held = cx.held();
    // SAFETY: they stay where they are until they are let go of.
    unsafe {
        cx.hold(&manager);
        cx.hold(&exit);
    }
    let result = with_body::<O>(cx, frame, node, entered);
    let result = end_with::<O>(cx, frame, &manager, &exit, result, node.context.id);
    cx.let_go(held);
    result
}

/// `__enter__` and `__exit__` of a manager where both are native methods, as those of locks and files.
#[inline(always)]
fn native_methods(cx: &mut Context, manager: &Value) -> Option<(Value, Value)> {
    let class = manager.class();
    let enter = cx.lookup(class, known().enter)?;
    if !is_native_method(&enter) {
        enter.discard();
        return None;
    }
    let exit = cx.lookup(class, known().exit)?;
    if !is_native_method(&exit) {
        exit.discard();
        return None;
    }
    Some((enter, exit))
}

/// A `with` whose manager's methods are native: they are given the manager, and nothing is bound.
#[inline(always)]
fn with_native<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    node: &With,
    manager: Value,
    enter: &Value,
    exit: Value,
) -> Step {
    let place = node.context.id;
    frame.record().node.set(place);
    let entered = call_native::<O>(cx, enter, std::slice::from_ref(&manager));
    let entered = Answer::from(entered.at(frame, place));
    if entered.is_error() {
        return Step::error_in(entered);
    }
    let held = cx.held();
    // SAFETY: they stay where they are until they are let go of.
    unsafe {
        cx.hold(&manager);
        cx.hold(&exit);
    }
    let mut step = Step::NEXT;
    match &node.target {
        Some(target) => {
            if let Err(raised) = target::assign::<O>(cx, frame, target, entered.into_value()) {
                step = Step::from(Err(raised));
            }
        }
        None => entered.discard(),
    }
    if step == Step::NEXT {
        step = run_block::<O>(cx, frame, &node.body);
    }
    step = if step.is_error() {
        let ended = end_with::<O>(cx, frame, &manager, &exit, step.outcome(), place);
        Step::from(ended)
    } else {
        let returned = cx.returned.take();
        // SAFETY: the copy of the manager owns no count, and is not dropped.
        let arguments = std::mem::ManuallyDrop::new([
            unsafe { std::ptr::read(&raw const manager) },
            Value::None,
            Value::None,
            Value::None,
        ]);
        match call_native::<O>(cx, &exit, &*arguments).at(frame, place) {
            Ok(answer) => {
                answer.discard();
                cx.returned = returned;
                step
            }
            Err(raised) => {
                returned.discard();
                Step::from(Err(raised))
            }
        }
    };
    cx.let_go(held);
    manager.discard();
    exit.discard();
    step
}

/// Enters the context manager of a `with`: the manager, its `__exit__`, and what `__enter__` gave.
/// The manager is `Unbound` where the method is bound to it; of one whose methods are native, as
/// those of locks, nothing is bound.
pub(super) fn enter_with<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    node: &With,
) -> Outcome<(Value, Value, Value)> {
    let manager = evaluate::<O>(cx, frame, &node.context)?;
    enter_found::<O>(cx, frame, node, manager)
}

fn enter_found<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    node: &With,
    manager: Value,
) -> Outcome<(Value, Value, Value)> {
    let place = node.context.id;
    let class = manager.class();
    let enter = cx.lookup(class, known().enter);
    let exit = cx.lookup(class, known().exit);
    let (Some(enter), Some(exit)) = (&enter, exit.clone()) else {
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
    if is_native_method(enter) && is_native_method(&exit) {
        frame.record().node.set(place);
        let arguments = std::slice::from_ref(&manager);
        let entered = call_native::<O>(cx, enter, arguments).at(frame, place)?;
        return Ok((manager, exit, entered));
    }
    let exit = attribute::bind(cx, &exit, &manager).at(frame, place)?;
    frame.record().node.set(place);
    let entered = cx.call_found(enter, &manager, &[]).at(frame, place)?;
    Ok((Value::Unbound, exit, entered))
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

/// Leaves the context manager of a `with` whose body has ended so.
pub(super) fn end_with<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    manager: &Value,
    exit: &Value,
    result: Outcome<Flow>,
    place: u32,
) -> Outcome<Flow> {
    match result {
        Ok(flow) => {
            let returned = cx.returned.take();
            if manager.is_unbound() {
                cx.call(exit, &[Value::None, Value::None, Value::None])
                    .at(frame, place)?;
            } else {
                let arguments = [manager.clone(), Value::None, Value::None, Value::None];
                call_native::<O>(cx, exit, &arguments).at(frame, place)?;
            }
            cx.returned = returned;
            Ok(flow)
        }
        Err(raised) if manager.is_unbound() => leave_with(cx, frame, exit, raised, place),
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
    let Some(exception) = handle::begin_catching(cx, frame, &raised) else {
        // A stop: the manager is left as if nothing had happened, and cannot hold it up.
        let done = cx.call(exit, &[Value::None, Value::None, Value::None]);
        drop(done);
        return Err(raised);
    };
    let arguments = [
        Value::Class(exception.class().clone()),
        Value::Instance(exception.clone()),
        handle::traceback_value(&exception),
    ];
    let previous = std::mem::replace(&mut cx.handled, Value::Instance(exception));
    let answer = cx.call(exit, &arguments);
    let suppressed = answer.and_then(|answer| super::condition::is_true(cx, &answer));
    match handle::end_handling(cx, previous, suppressed) {
        Ok(true) => Ok(Flow::Next),
        Ok(false) => {
            frame.record().located.set(Located::Entered);
            Err(raised)
        }
        Err(error) => Err(error).at(frame, place),
    }
}
