//! `for` loops. It must not know what the statements of a body do.

use super::answer::Step;
use super::call::safepoint;
use super::context::Context;
use super::expression::walk;
use super::invoke::call_method_of;
use super::observer::{Access, Observer, Place};
use super::stack::{At, Frame};
use super::statement::run_block;
use super::target;
use crate::resolve::tree::{Call, CallMethod, Expr, ExprKind, For, Target};
use crate::value::iterator::NativeIterator;
use crate::value::list::List;
use crate::value::name::known;
use crate::value::object::Ref;
use crate::value::scalar::RangeObject;
use crate::value::types::types;
use crate::value::view::Part;
use crate::value::{Outcome, Value, iterate};

#[inline(never)]
pub(super) fn for_node<O: Observer>(cx: &mut Context, frame: Frame, node: &For) -> Step {
    if node.counted
        && let ExprKind::Call(call) = &node.iterable.kind
    {
        match counted_range::<O>(cx, frame, &node.iterable, call) {
            Ok(Counted::Range(range)) => return count::<O>(cx, frame, node, &range),
            Ok(Counted::Other(iterable)) => return held_loop::<O>(cx, frame, node, iterable),
            Err(raised) => return Step::from(Err(raised)),
        }
    }
    if let ExprKind::CallMethod(call) = &node.iterable.kind
        && let Some(part) = view_part(call)
    {
        return match view::<O>(cx, frame, &node.iterable, call, part) {
            Ok(iterable) => held_loop::<O>(cx, frame, node, iterable),
            Err(raised) => Step::from(Err(raised)),
        };
    }
    let iterable = walk::<O>(cx, frame, &node.iterable);
    if iterable.is_error() {
        return Step::error_in(iterable);
    }
    held_loop::<O>(cx, frame, node, iterable.into_value())
}

/// What a loop goes over, evaluated: of a view of a dict its iterator.
pub(super) fn iterable_of<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    node: &For,
) -> Outcome<Value> {
    match &node.iterable.kind {
        ExprKind::Call(call) if node.counted => {
            return Ok(match counted_range::<O>(cx, frame, &node.iterable, call)? {
                Counted::Range(range) => Value::Range(Ref::new(range)),
                Counted::Other(iterable) => iterable,
            });
        }
        ExprKind::CallMethod(call) => {
            if let Some(part) = view_part(call) {
                return view::<O>(cx, frame, &node.iterable, call, part);
            }
        }
        _ => {}
    }
    walk::<O>(cx, frame, &node.iterable).outcome()
}

#[inline(always)]
fn held_loop<O: Observer>(cx: &mut Context, frame: Frame, node: &For, iterable: Value) -> Step {
    let held = cx.held();
    let step = over::<O>(cx, frame, node, iterable);
    cx.let_go(held);
    step
}

/// What of a dict `….items()` and its like show.
#[inline]
fn view_part(call: &CallMethod) -> Option<Part> {
    if !call.arguments.is_empty() || matches!(call.object.kind, ExprKind::Super(_)) {
        return None;
    }
    let names = known();
    if call.name == names.items {
        Some(Part::Items)
    } else if call.name == names.values {
        Some(Part::Values)
    } else if call.name == names.keys {
        Some(Part::Keys)
    } else {
        None
    }
}

/// What a loop over `object.items()` goes over: of a dict its iterator, without a view.
#[inline(never)]
fn view<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    iterable: &Expr,
    call: &CallMethod,
    part: Part,
) -> Outcome<Value> {
    let object = walk::<O>(cx, frame, &call.object).outcome()?;
    if let Value::Dict(dict) = &object {
        return Ok(iterate::dict_iterator(dict, part));
    }
    call_method_of::<O>(cx, frame, iterable.id, call, object).outcome()
}

/// What a call of the global `range` gave.
enum Counted {
    /// It is the built-in one: its numbers, without a range object.
    Range(RangeObject),
    /// It was called.
    Other(Value),
}

/// Evaluates `range(…)` where the name is that of a global variable.
#[inline(never)]
fn counted_range<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    iterable: &Expr,
    call: &Call,
) -> Outcome<Counted> {
    let callee = walk::<O>(cx, frame, &call.callee).outcome()?;
    let mut values = [Value::Unbound, Value::Unbound, Value::Unbound];
    for (place, argument) in values.iter_mut().zip(&call.arguments) {
        *place = walk::<O>(cx, frame, argument).outcome()?;
    }
    if matches!(&callee, Value::Class(class) if class.same(&types().range)) {
        let bounds = match &values {
            [Value::Int(stop), Value::Unbound, _] => Some((0, *stop, 1)),
            [Value::Int(start), Value::Int(stop), Value::Unbound] => Some((*start, *stop, 1)),
            [Value::Int(start), Value::Int(stop), Value::Int(step)] if *step != 0 => {
                Some((*start, *stop, *step))
            }
            _ => None,
        };
        if let Some((start, stop, step)) = bounds {
            return Ok(Counted::Range(RangeObject { start, stop, step }));
        }
    }
    let count = call.arguments.len();
    frame.record().node.set(iterable.id);
    cx.call(&callee, &values[..count])
        .at(frame, iterable.id)
        .map(Counted::Other)
}

/// The rest of a turn, once the target has its value.
macro_rules! body {
    ($cx:expr, $frame:expr, $node:expr) => {{
        match run_block::<O>($cx, $frame, &$node.body) {
            Step::NEXT | Step::CONTINUE => {}
            Step::BREAK => return Step::NEXT,
            other => return other,
        }
        if let Err(raised) = safepoint($cx).at($frame, $node.iterable.id) {
            return Step::from(Err(raised));
        }
    }};
}

/// One turn of a loop with this value.
macro_rules! turn {
    ($cx:expr, $frame:expr, $node:expr, $value:expr) => {{
        match &$node.target {
            Target::Local(slot) => $frame.set(*slot, $value),
            target => {
                if let Err(raised) = target::assign::<O>($cx, $frame, target, $value) {
                    return Step::from(Err(raised));
                }
            }
        }
        body!($cx, $frame, $node);
    }};
}

/// A loop over the numbers of a range.
#[inline(never)]
fn count<O: Observer>(cx: &mut Context, frame: Frame, node: &For, range: &RangeObject) -> Step {
    let (mut next, step) = (range.start, range.step);
    for _ in 0..range.len() {
        turn!(cx, frame, node, Value::Int(next));
        // The step after the last number may leave the 64 bits; it is not used.
        next = next.wrapping_add(step);
    }
    run_block::<O>(cx, frame, &node.otherwise)
}

#[inline(never)]
fn over<O: Observer>(cx: &mut Context, frame: Frame, node: &For, iterable: Value) -> Step {
    let place = node.iterable.id;
    match &iterable {
        Value::Range(range) => return count::<O>(cx, frame, node, range),
        Value::List(list) => {
            // SAFETY: it stays where it is until the loop has ended, and the caller lets go of it.
            unsafe { cx.hold(&iterable) };
            let mut index = 0;
            loop {
                O::access(Place::Element(&iterable), Access::Read, place);
                let Some(value) = List::get_from(list, index) else {
                    break;
                };
                index += 1;
                turn!(cx, frame, node, value);
            }
        }
        Value::Tuple(tuple) => {
            // SAFETY: as above.
            unsafe { cx.hold(&iterable) };
            for value in tuple.items() {
                turn!(cx, frame, node, value.clone());
            }
        }
        _ => {
            let iterator = match iterate::iterate(cx, &iterable).at(frame, place) {
                Ok(iterator) => iterator,
                Err(raised) => return Step::from(Err(raised)),
            };
            drop(iterable);
            // SAFETY: as above.
            unsafe { cx.hold(&iterator) };
            if let Value::Iterator(pairs) = &iterator
                && let Some(targets) = two_targets(&node.target)
                && pairs.kind().gives_pairs()
            {
                return over_pairs::<O>(cx, frame, node, pairs, targets);
            }
            loop {
                match iterate::next(cx, &iterator).at(frame, place) {
                    Ok(Some(value)) => turn!(cx, frame, node, value),
                    Ok(None) => break,
                    Err(raised) => return Step::from(Err(raised)),
                }
            }
        }
    }
    run_block::<O>(cx, frame, &node.otherwise)
}

/// `first, second`.
pub(super) fn two_targets(target: &Target) -> Option<[&Target; 2]> {
    match target {
        Target::Unpack(node) if node.star.is_none() => match &*node.before {
            [first, second] => Some([first, second]),
            _ => None,
        },
        _ => None,
    }
}

/// A loop that takes apart what it gets: no tuple is made.
#[inline(never)]
fn over_pairs<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    node: &For,
    pairs: &Ref<NativeIterator>,
    targets: [&Target; 2],
) -> Step {
    let place = node.iterable.id;
    loop {
        match pairs.kind().next_pair(cx).at(frame, place) {
            Ok(Some(pair)) => {
                if let Err(raised) = assign_pair::<O>(cx, frame, targets, pair) {
                    return Step::from(Err(raised));
                }
                body!(cx, frame, node);
            }
            Ok(None) => break,
            Err(raised) => return Step::from(Err(raised)),
        }
    }
    run_block::<O>(cx, frame, &node.otherwise)
}

/// Assigns both parts of a pair.
#[inline(always)]
pub(super) fn assign_pair<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    targets: [&Target; 2],
    (first, second): (Value, Value),
) -> Outcome<()> {
    target::assign::<O>(cx, frame, targets[0], first)?;
    target::assign::<O>(cx, frame, targets[1], second)
}
