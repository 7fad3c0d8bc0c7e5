//! Generator expressions of one clause, evaluated turn by turn on the native stack of whoever asks
//! for the next item: nothing in them can be suspended but the loop itself. It must not know who
//! keeps their state.

use super::call::{
    enter_frame, leave_frame, leave_trace as leave_trace_of, native_stack_need, safepoint,
    with_room,
};
use super::condition::condition;
use super::context::Context;
use super::expression::evaluate;
use super::function::Function;
use super::loops::{assign_pair, two_targets};
use super::native_stack;
use super::observer::Observer;
use super::stack::{At, Frame, FrameRecord, native_stack_position};
use super::target;
use crate::resolve::tree::{Block, Code, ExprKind, For, NodeId, StmtKind, Target};
use crate::value::exception::{self, Raised};
use crate::value::{Outcome, Value, iterate};

fn loop_of(code: &Code) -> Option<&For> {
    match &*code.body {
        [only] => match &only.kind {
            StmtKind::For(node) => Some(node),
            _ => None,
        },
        _ => None,
    }
}

/// The place of the `yield` within the conditions of the one clause.
fn yield_of(mut body: &Block) -> Option<NodeId> {
    loop {
        let [only] = &**body else { return None };
        body = match &only.kind {
            StmtKind::If(branches, otherwise) if otherwise.is_empty() => match &**branches {
                [(_, inner)] => inner,
                _ => return None,
            },
            StmtKind::Expr(expr) if matches!(expr.kind, ExprKind::Yield(_)) => {
                return Some(expr.id);
            }
            _ => return None,
        };
    }
}

/// Looks for the next item, in a frame with these slots; `Unbound` when there is none.
pub(super) fn next<O: Observer>(
    cx: &mut Context,
    function: &Function,
    slots: *mut Value,
    iterator: &Value,
) -> Outcome<Value> {
    let code = &*function.code;
    if cx.depth >= cx.recursion_limit() {
        return Err(exception::recursion_error(
            "maximum recursion depth exceeded",
        ));
    }
    let room = code.scratch as usize + 2;
    let need = native_stack_need(code);
    if native_stack_position() >= cx.stack_limit + need && cx.stack.has_room(room) {
        return next_here::<O>(cx, function, slots, iterator);
    }
    with_room(cx, room, |cx| {
        if native_stack_position() >= cx.stack_limit + need {
            return next_here::<O>(cx, function, slots, iterator);
        }
        let Some(stack) = native_stack::take(need) else {
            return Err(exception::recursion_error(
                "maximum recursion depth exceeded (no memory for more native stack)",
            ));
        };
        native_stack::run_on(stack, cx, |cx| {
            next_here::<O>(cx, function, slots, iterator)
        })
    })
}

#[inline(always)]
fn next_here<O: Observer>(
    cx: &mut Context,
    function: &Function,
    slots: *mut Value,
    iterator: &Value,
) -> Outcome<Value> {
    let record = FrameRecord::new(cx, function, slots);
    // SAFETY: the record stays on this native stack frame until the call is left; the slots are
    // initialised and belong to the generator, which is marked as running.
    let frame = unsafe { enter_frame(cx, &record) };
    let result = search::<O>(cx, frame, &function.code, iterator);
    leave_frame(cx, &record);
    if let Err(raised) = &result {
        leave_trace_of(&record, raised);
    }
    result
}

#[inline(always)]
fn search<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    code: &Code,
    iterator: &Value,
) -> Outcome<Value> {
    let Some(node) = loop_of(code) else {
        return Ok(Value::Unbound);
    };
    let place = node.iterable.id;
    let pairs = match (iterator, two_targets(&node.target)) {
        (Value::Iterator(pairs), Some(targets)) if pairs.kind().gives_pairs() => {
            Some((pairs, targets))
        }
        _ => None,
    };
    loop {
        if let Some((pairs, targets)) = pairs {
            match pairs.kind().next_pair(cx).at(frame, place)? {
                Some(pair) => assign_pair::<O>(cx, frame, targets, pair)?,
                None => return Ok(Value::Unbound),
            }
        } else {
            let Some(value) = iterate::next(cx, iterator).at(frame, place)? else {
                return Ok(Value::Unbound);
            };
            match &node.target {
                Target::Local(slot) => frame.set(*slot, value),
                target => target::assign::<O>(cx, frame, target, value)?,
            }
        }
        let mut body = &node.body;
        while let Some(stmt) = body.first() {
            match &stmt.kind {
                StmtKind::If(branches, _) => {
                    let (test, inner) = &branches[0];
                    if !condition::<O>(cx, frame, test)? {
                        break;
                    }
                    body = inner;
                }
                StmtKind::Expr(expr) => {
                    if let ExprKind::Yield(element) = &expr.kind {
                        return evaluate::<O>(cx, frame, element);
                    }
                    break;
                }
                _ => break,
            }
        }
        safepoint(cx).at(frame, place)?;
    }
}

/// Adds the line of a generator expression that waits to the traceback of what is thrown into it.
#[cold]
pub(super) fn leave_trace(function: &Function, raised: &Raised) {
    let code = &*function.code;
    let waits = loop_of(code).and_then(|node| yield_of(&node.body));
    let record = FrameRecord::waiting(function, waits.unwrap_or(code.node));
    leave_trace_of(&record, raised);
}
