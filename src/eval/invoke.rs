//! The nodes of calls: callee, arguments, and methods that are found without being bound. It must
//! not know how a frame is entered.

use std::mem::ManuallyDrop;

use super::answer::Answer;
use super::call::{call_function, call_native, call_pushed};
use super::context::Context;
use super::display::spread_items;
use super::expression::{evaluate, walk};
use super::function::Function;
use super::observer::{Access, Observer, Place};
use super::operand::Held;
use super::stack::{At, Frame};
use super::{attribute, class};
use crate::resolve::tree::{
    Call, CallKeywords, CallMethod, CallSpread, Expr, ExprKind, NodeId, Slot, SuperCall,
};
use crate::runtime::world;
use crate::value::bits::Borrowed;
use crate::value::exception::{self};
use crate::value::function::{Args, NativeCall, NativeFunction};
use crate::value::method_cache::Entry;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Outcome, Value};

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
pub(super) fn call_node<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    call: &Call,
) -> Answer {
    if let ExprKind::Global(index) = &call.callee.kind {
        // SAFETY: only looked at.
        let first = unsafe { frame.global(*index).first() };
        let mut function = kept_function(&first);
        if first.is_unbound() && world::is_shared() {
            function = kept_global_shared(frame, *index);
        }
        if let Some(function) = function {
            O::access(Place::Global(*index), Access::Read, call.callee.id);
            return call_kept::<O>(cx, frame, id, call, &function);
        }
    }
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
        Value::Class(class) => Answer::from(class::instantiate::<O>(cx, class, count, &[])),
        _ => Answer::from(call_pushed::<O>(cx, &callee, count, &[])),
    };
    if answer.is_error() {
        frame.locate(id);
    }
    callee.discard();
    answer
}

/// The function that a value is, if it is never freed.
#[inline(always)]
fn kept_function(value: &Value) -> Option<ManuallyDrop<Ref<Function>>> {
    match value {
        Value::Function(function) => function.kept(),
        _ => None,
    }
}

/// The same for a global variable while there are other threads. Out of the way of those that have none: a pointer
/// is all that comes back.
#[inline(never)]
fn kept_global_shared(frame: Frame, index: u32) -> Option<ManuallyDrop<Ref<Function>>> {
    // SAFETY: only looked at.
    let value = unsafe { frame.global(index).look_shared() };
    kept_function(&value)
}

/// The commonest call: of a function that is never freed.
#[inline(always)]
fn call_kept<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    call: &Call,
    function: &Ref<Function>,
) -> Answer {
    let base = cx.stack.top();
    if let Some(error) = push_arguments::<O>(cx, frame, &call.arguments, base) {
        return error;
    }
    frame.record().node.set(id);
    let answer = call_function::<O>(cx, function, call.arguments.len(), &[]);
    if answer.is_error() {
        frame.locate(id);
    }
    answer
}

#[inline(never)]
pub(super) fn call_method<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    call: &CallMethod,
) -> Answer {
    // The least first, in a few registers: nothing is called but at the end.
    if let ExprKind::Local(slot) = &call.object.kind
        && let receiver = frame.peek(*slot)
        && let Some(entry) = call.cache.look(receiver)
    {
        if call.arguments.is_empty()
            && let Some((native, method)) = entry.plain()
        {
            frame.record().node.set(id);
            O::native_call(&method, id);
            return call_plain_on_local(cx, frame, id, receiver, native);
        }
        return call_found_on_local::<O>(cx, frame, id, call, entry);
    }
    call_method_further::<O>(cx, frame, id, call)
}

/// A native method without arguments of what a local variable holds: the variable is all that it is
/// given, and keeps the receiver alive.
#[inline(never)]
fn call_plain_on_local(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    receiver: &Value,
    native: NativeCall,
) -> Answer {
    let base = cx.stack.top();
    // Only the frame's own code sets the variable, and it goes on when this call has ended.
    let result = native(cx, Args::positional_only(std::slice::from_ref(receiver)));
    if cx.stack.top() != base {
        tidy_stack(cx, base);
    }
    let answer = Answer::from(result);
    if answer.is_error() {
        frame.locate(id);
    }
    answer
}

#[cold]
#[inline(never)]
fn tidy_stack(cx: &mut Context, base: *mut Value) {
    // SAFETY: it was the top before the call, so nothing below is the function's.
    unsafe { cx.stack.truncate(base) };
}

#[inline(never)]
fn call_found_on_local<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    call: &CallMethod,
    entry: &Entry,
) -> Answer {
    let ExprKind::Local(slot) = call.object.kind else {
        return call_method_further::<O>(cx, frame, id, call);
    };
    if let Some(native) = entry.native() {
        return call_native_on_local::<O>(cx, frame, id, call, slot, native);
    }
    let receiver = frame.get(slot);
    call_remembered::<O>(cx, frame, id, call, entry, receiver)
}

#[inline(never)]
fn call_method_further<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    call: &CallMethod,
) -> Answer {
    if let ExprKind::Super(parts) = &call.object.kind {
        return call_method_of_super::<O>(cx, frame, id, call, parts);
    }
    if let ExprKind::Global(index) = call.object.kind
        && let Some(callee) = variable_of_module(frame, index, call.name)
    {
        O::access(Place::Global(index), Access::Read, call.object.id);
        return call_value::<O>(cx, frame, id, call, &callee);
    }
    let object = walk::<O>(cx, frame, &call.object);
    if object.is_error() {
        return object;
    }
    call_method_of::<O>(cx, frame, id, call, object.into_value())
}

/// What a module calls by a name, if a global variable holds a module. The module is not counted: its count would be
/// the only thing that a call of `os.getpid` writes to. Only while there is no other thread.
fn variable_of_module(frame: Frame, index: u32, name: Name) -> Option<Value> {
    // SAFETY: a look into a module runs no code of a script and drops nothing.
    let object = unsafe { frame.global(index).first() };
    match &*object {
        Value::Module(module) => module.get(name),
        _ => None,
    }
}

/// Calls what was found in the place of a method.
fn call_value<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    call: &CallMethod,
    callee: &Value,
) -> Answer {
    let base = cx.stack.top();
    if let Some(error) = push_arguments::<O>(cx, frame, &call.arguments, base) {
        return error;
    }
    frame.record().node.set(id);
    let count = call.arguments.len();
    Answer::from(call_pushed::<O>(cx, callee, count, &[]).at(frame, id))
}

/// A native method of what a local variable holds, which keeps the receiver alive: it is not
/// counted. No argument assigns the variable: the resolver gives it another node then.
#[inline(always)]
fn call_native_on_local<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    call: &CallMethod,
    slot: Slot,
    (native, method): (&NativeFunction, Borrowed),
) -> Answer {
    let base = cx.stack.top();
    // SAFETY: a frame is entered with room for the receiver as well. A generator that is suspended
    // by an argument has nothing there yet that the collector could count twice.
    unsafe { cx.stack.push(Value::Unbound) };
    if let Some(error) = push_arguments::<O>(cx, frame, &call.arguments, base) {
        return error;
    }
    frame.record().node.set(id);
    O::native_call(&method, id);
    // SAFETY: the place was pushed above. The value there owns no count, and is taken off without
    // being dropped; as long as it is there the variable is not set, since only the frame's own code
    // sets it.
    let result = unsafe {
        std::ptr::copy_nonoverlapping(frame.peek(slot), base, 1);
        let args = cx.stack.arguments(call.arguments.len() + 1, &[]);
        let result = native.call(cx, args);
        cx.stack.truncate(base.add(1));
        cx.stack.lower(base);
        result
    };
    let answer = Answer::from(result);
    if answer.is_error() {
        frame.locate(id);
    }
    answer
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
            return call_found_method::<O>(cx, frame, id, call, Held::owned(method), receiver);
        }
    }
    let object = walk::<O>(cx, frame, &call.object);
    if object.is_error() {
        return object;
    }
    call_method_generally::<O>(cx, frame, id, call, object.into_value())
}

#[inline(always)]
pub(super) fn call_method_of<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    call: &CallMethod,
    object: Value,
) -> Answer {
    if let Some(entry) = call.cache.look(&object) {
        if let Some(native) = entry.native() {
            return call_native_method::<O>(cx, frame, id, call, native, object);
        }
        return call_remembered::<O>(cx, frame, id, call, entry, object);
    }
    call_method_generally::<O>(cx, frame, id, call, object)
}

/// The method that was found for receivers like this one, which is no native one that is never freed.
#[inline(always)]
fn call_remembered<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    call: &CallMethod,
    entry: &Entry,
    receiver: Value,
) -> Answer {
    if let Some(method) = entry.kept() {
        return call_found_method::<O>(cx, frame, id, call, Held::kept(method), receiver);
    }
    match entry.method() {
        Some(method) => call_found_method::<O>(cx, frame, id, call, Held::owned(method), receiver),
        None => call_method_generally::<O>(cx, frame, id, call, receiver),
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
            call_found_method::<O>(cx, frame, id, call, Held::owned(method), object)
        }
        Ok(attribute::Found::Value(callee)) => call_value::<O>(cx, frame, id, call, &callee),
        Err(raised) => Answer::error(raised),
    }
}

#[inline(always)]
fn call_native_method<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    call: &CallMethod,
    (native, method): (&NativeFunction, Borrowed),
    receiver: Value,
) -> Answer {
    let base = cx.stack.top();
    // SAFETY: a frame is entered with room for the receiver as well.
    unsafe { cx.stack.push(receiver) };
    if let Some(error) = push_arguments::<O>(cx, frame, &call.arguments, base) {
        return error;
    }
    frame.record().node.set(id);
    O::native_call(&method, id);
    let answer = Answer::from(call_native(cx, native, call.arguments.len() + 1));
    if answer.is_error() {
        frame.locate(id);
    }
    answer
}

#[inline(always)]
fn call_found_method<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    call: &CallMethod,
    method: Held,
    receiver: Value,
) -> Answer {
    let base = cx.stack.top();
    // SAFETY: a frame is entered with room for the receiver as well.
    unsafe { cx.stack.push(receiver) };
    if let Some(error) = push_arguments::<O>(cx, frame, &call.arguments, base) {
        return error;
    }
    frame.record().node.set(id);
    let count = call.arguments.len() + 1;
    let answer = match &*method {
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
    answer
}

pub(super) fn call_keywords<O: Observer>(
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
pub(super) fn call_spread<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    call: &CallSpread,
) -> Outcome<Value> {
    let callee = evaluate::<O>(cx, frame, &call.callee)?;
    let mut values = spread_items::<O>(cx, frame, &call.positional, |iterable| {
        format!(
            "{} argument after * must be an iterable, not {}",
            attribute::callee_text(&callee),
            iterable.type_name()
        )
    })?;
    let mut names: Vec<Name> = Vec::new();
    for (name, expr) in &call.keywords {
        let value = evaluate::<O>(cx, frame, expr)?;
        match name {
            Some(name) => {
                add_keyword(&callee, &mut names, &mut values, *name, value).at(frame, expr.id)?
            }
            // What `**more` often is.
            None if matches!(&value, Value::Dict(more) if more.is_empty()) => {}
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
        Args {
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

pub(super) fn call_super<O: Observer>(
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
