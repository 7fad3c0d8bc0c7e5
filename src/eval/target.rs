//! Assignment, augmented assignment and deletion of targets. It must not know statements.

use super::answer::{Answer, Step};
use super::context::Context;
use super::expression::evaluate;
use super::observer::{Access, Observer, Place};
use super::operand::{held, operand};
use super::stack::{At, Frame};
use super::statement::{Flow, set_element};
use super::variable::{unbound_local, unknown_name};
use super::{attribute, operation, variable};
use crate::resolve::tree::{
    AttributeTarget, Augmented, ExprKind, NodeId, SubscriptTarget, Target, UnpackTarget,
};
use crate::runtime::world;
use crate::value::exception::{type_error, value_error};
use crate::value::list::List;
use crate::value::operator::BinaryOperator;
use crate::value::{Outcome, Value};
use crate::value::{arithmetic, iterate, sequence};

/// `target = value`.
pub(super) fn assign<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    target: &Target,
    value: Value,
) -> Outcome<()> {
    match target {
        Target::Local(slot) => frame.set(*slot, value),
        Target::Global(index, id) => {
            O::access(Place::Global(*index), Access::Write, *id);
            frame.global(*index).set(value);
        }
        Target::Attribute(node) => {
            let object = held::<O>(cx, frame, &node.object)?;
            O::access(Place::Attribute(&object, node.name), Access::Write, node.id);
            attribute::set_with_cache(cx, &object, node.name, value, caches(node))
                .at(frame, node.id)?;
        }
        Target::Subscript(node) => {
            let object = held::<O>(cx, frame, &node.object)?;
            let index = held::<O>(cx, frame, &node.index)?;
            set_element::<O>(cx, &object, &index, value, node.id).at(frame, node.id)?;
        }
        Target::LocalCell(slot) => frame.local_cell(*slot).set(value),
        Target::Captured(index) => {
            O::access(Place::Captured(*index), Access::Write, 0);
            frame.captured(*index).set(value);
        }
        Target::Unpack(node) => unpack::<O>(cx, frame, node, &value)?,
    }
    Ok(())
}

#[inline(always)]
fn caches(node: &AttributeTarget) -> attribute::SetCaches<'_> {
    attribute::SetCaches {
        there: &node.cache,
        added: &node.added,
    }
}

fn unpack<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    node: &UnpackTarget,
    value: &Value,
) -> Outcome<()> {
    let (before, after) = (node.before.len(), node.after.len());
    // The commonest case needs no copy of the items.
    if let (Value::Tuple(tuple), None) = (value, &node.star) {
        if tuple.items().len() != before {
            return Err(wrong_count(tuple.items().len(), node)).at(frame, node.id);
        }
        for (target, item) in node.before.iter().zip(tuple.items()) {
            match target {
                Target::Local(slot) => frame.set(*slot, item.clone()),
                target => assign::<O>(cx, frame, target, item.clone())?,
            }
        }
        return Ok(());
    }
    let mut items = if let Value::List(list) = value {
        list.snapshot()
    } else {
        let Some(iterator) = iterate::try_iterate(cx, value).at(frame, node.id)? else {
            return Err(type_error(format!(
                "cannot unpack non-iterable {} object",
                value.type_name()
            )))
            .at(frame, node.id);
        };
        if node.star.is_some() {
            iterate::collect_rest(cx, &iterator).at(frame, node.id)?
        } else {
            // One item too many is enough to know, and an endless iterator must end.
            let mut items = Vec::with_capacity(before + 1);
            while items.len() <= before
                && let Some(item) = iterate::next(cx, &iterator).at(frame, node.id)?
            {
                items.push(item);
            }
            items
        }
    };
    match &node.star {
        None if items.len() != before => {
            return Err(wrong_count(items.len(), node)).at(frame, node.id);
        }
        Some(_) if items.len() < before + after => {
            return Err(value_error(format!(
                "not enough values to unpack (expected at least {}, got {})",
                before + after,
                items.len()
            )))
            .at(frame, node.id);
        }
        _ => {}
    }
    let last = items.split_off(items.len() - after);
    let middle = items.split_off(before);
    for (target, item) in node.before.iter().zip(items) {
        assign::<O>(cx, frame, target, item)?;
    }
    if let Some(star) = &node.star {
        assign::<O>(cx, frame, star, Value::list(middle))?;
    }
    for (target, item) in node.after.iter().zip(last) {
        assign::<O>(cx, frame, target, item)?;
    }
    Ok(())
}

#[cold]
fn wrong_count(got: usize, node: &UnpackTarget) -> crate::value::exception::Raised {
    let expected = node.before.len();
    if got < expected {
        value_error(format!(
            "not enough values to unpack (expected {expected}, got {got})"
        ))
    } else {
        value_error(format!("too many values to unpack (expected {expected})"))
    }
}

/// `target op= value`, where the target is no local variable.
pub(super) fn augmented<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    node: &Augmented,
    id: NodeId,
) -> Step {
    let done = match &node.target {
        Target::Attribute(target) => {
            if let Some(left) = number_at_once(frame, target) {
                return augmented_number::<O>(cx, frame, node, target, left, id);
            }
            augmented_attribute::<O>(cx, frame, node, target, id)
        }
        Target::Subscript(target) => augmented_item::<O>(cx, frame, node, target, id),
        Target::Global(index, _) if node.present.is_none() => {
            if let Some(left) = integer_at_once(frame, *index) {
                return augmented_integer::<O>(cx, frame, node, *index, left, id);
            }
            augmented_variable::<O>(cx, frame, node, id)
        }
        _ => augmented_variable::<O>(cx, frame, node, id),
    };
    Step::from(done.map(|()| Flow::Next))
}

/// The global variable if it is an integer.
#[inline(always)]
fn integer_at_once(frame: Frame, index: u32) -> Option<i64> {
    // SAFETY: no safepoint comes before the integer is copied.
    match &*unsafe { frame.global(index).look() } {
        Value::Int(integer) => Some(*integer),
        _ => None,
    }
}

#[inline(never)]
fn augmented_integer<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    node: &Augmented,
    index: u32,
    left: i64,
    id: NodeId,
) -> Step {
    O::access(Place::Global(index), Access::Read, id);
    let right = operand::<O>(cx, frame, &node.value);
    if right.is_error() {
        return Step::error_in(right.answer);
    }
    if right.answer.is_int()
        && let Some(result) = operation::small(node.op, left, right.answer.as_int())
    {
        O::access(Place::Global(index), Access::Write, id);
        frame.global(index).set(Value::Int(result));
        return Step::NEXT;
    }
    let right = right.held();
    let done = combined(cx, node.op, &Value::Int(left), &right)
        .at(frame, id)
        .and_then(|result| assign::<O>(cx, frame, &node.target, result));
    Step::from(done.map(|()| Flow::Next))
}

/// The attribute of the instance in a local variable if that is a number which is found at once.
#[inline(always)]
fn number_at_once(frame: Frame, target: &AttributeTarget) -> Option<Answer> {
    if let ExprKind::Local(slot) = &target.object.kind
        && let Value::Instance(instance) = frame.peek(*slot)
        && !world::is_shared()
        && let Some(place) = instance.place_of(&target.read_cache)
    {
        // SAFETY: nothing has run since the place was found.
        let left = Answer::peek(unsafe { &*place });
        return (left.is_int() || left.is_float()).then_some(left);
    }
    None
}

/// The same for such an attribute. The variable stays what it is while the right-hand side is
/// evaluated, see `operand`.
#[inline(never)]
fn augmented_number<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    node: &Augmented,
    target: &AttributeTarget,
    left: Answer,
    id: NodeId,
) -> Step {
    let ExprKind::Local(slot) = &target.object.kind else {
        // It is called for these alone.
        return Step::NEXT;
    };
    O::access(
        Place::Attribute(frame.peek(*slot), target.name),
        Access::Read,
        id,
    );
    let right = operand::<O>(cx, frame, &node.value);
    if right.is_error() {
        return Step::error_in(right.answer);
    }
    let result = if left.is_float() && right.answer.is_float() {
        operation::floating(node.op, left.as_float(), right.answer.as_float()).map(Value::Float)
    } else if left.is_int() && right.answer.is_int() {
        operation::small(node.op, left.as_int(), right.answer.as_int()).map(Value::Int)
    } else {
        None
    };
    let object = frame.peek(*slot);
    O::access(Place::Attribute(object, target.name), Access::Write, id);
    let result = match result {
        Some(result) => {
            if let Value::Instance(instance) = object
                && !world::is_shared()
                && let Some(place) = instance.place_of(&target.cache)
            {
                // SAFETY: nothing has run since the place was found.
                let old = unsafe { std::ptr::replace(place, result) };
                old.discard();
                return Step::NEXT;
            }
            result
        }
        None => {
            let right = right.held();
            match combined(cx, node.op, &left.into_value(), &right).at(frame, id) {
                Ok(result) => result,
                Err(raised) => return Step::from(Err(raised)),
            }
        }
    };
    let object = frame.get(*slot);
    let done = attribute::set_with_cache(cx, &object, target.name, result, caches(target))
        .at(frame, target.id);
    Step::from(done.map(|()| Flow::Next))
}

#[inline(never)]
fn augmented_attribute<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    node: &Augmented,
    target: &AttributeTarget,
    id: NodeId,
) -> Outcome<()> {
    let object = held::<O>(cx, frame, &target.object)?;
    O::access(Place::Attribute(&object, target.name), Access::Read, id);
    let left = attribute::get_with_cache(cx, &object, target.name, &target.read_cache)
        .at(frame, target.id)?;
    let right = held::<O>(cx, frame, &node.value)?;
    let result = combined(cx, node.op, &left, &right).at(frame, id)?;
    O::access(Place::Attribute(&object, target.name), Access::Write, id);
    left.discard();
    attribute::set_with_cache(cx, &object, target.name, result, caches(target)).at(frame, target.id)
}

#[inline(never)]
fn augmented_item<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    node: &Augmented,
    target: &SubscriptTarget,
    id: NodeId,
) -> Outcome<()> {
    let object = held::<O>(cx, frame, &target.object)?;
    let index = held::<O>(cx, frame, &target.index)?;
    O::access(Place::Element(&object), Access::Read, id);
    let left = match (&*object, &*index) {
        (Value::List(list), Value::Int(index)) => List::get_from(list, *index),
        _ => None,
    };
    let left = match left {
        Some(left) => left,
        None => sequence::get_item(cx, &object, &index).at(frame, target.id)?,
    };
    let right = held::<O>(cx, frame, &node.value)?;
    let result = combined(cx, node.op, &left, &right).at(frame, id)?;
    left.discard();
    set_element::<O>(cx, &object, &index, result, id).at(frame, target.id)
}

#[inline(never)]
fn augmented_variable<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    node: &Augmented,
    id: NodeId,
) -> Outcome<()> {
    let left = match &node.present {
        Some(present) => evaluate::<O>(cx, frame, present)?,
        None => read::<O>(frame, &node.target, node.place)?,
    };
    let right = held::<O>(cx, frame, &node.value)?;
    let result = combined(cx, node.op, &left, &right).at(frame, id)?;
    left.discard();
    assign::<O>(cx, frame, &node.target, result)
}

/// The result of `left op= right`.
#[inline(always)]
fn combined(cx: &mut Context, op: BinaryOperator, left: &Value, right: &Value) -> Outcome<Value> {
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => {
            if let Some(result) = operation::small(op, *a, *b) {
                return Ok(Value::Int(result));
            }
        }
        (Value::Float(a), Value::Float(b)) => {
            if let Some(result) = operation::floating(op, *a, *b) {
                return Ok(Value::Float(result));
            }
        }
        _ => {}
    }
    arithmetic::in_place(cx, op, left, right)
}

/// The present value of a variable target.
fn read<O: Observer>(frame: Frame, target: &Target, id: NodeId) -> Outcome<Value> {
    let value = match target {
        Target::Local(slot) => {
            let value = frame.get(*slot);
            if value.is_unbound() {
                return Err(unbound_local(frame, *slot, id));
            }
            value
        }
        Target::LocalCell(slot) => {
            let value = frame.local_cell(*slot).get();
            if value.is_unbound() {
                return Err(unbound_local(frame, *slot, id));
            }
            value
        }
        Target::Captured(index) => {
            let value = frame.captured(*index).get();
            if value.is_unbound() {
                return Err(variable::unbound_captured(frame, *index, id));
            }
            value
        }
        Target::Global(index, id) => {
            O::access(Place::Global(*index), Access::Read, *id);
            let value = frame.global(*index).get();
            if value.is_unbound() {
                return Err(unknown_name(frame, *index, *id));
            }
            value
        }
        // The resolver makes no other augmented targets.
        _ => Value::None,
    };
    Ok(value)
}

/// `del target`.
pub(super) fn delete<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    target: &Target,
    id: NodeId,
) -> Outcome<()> {
    match target {
        Target::Attribute(node) => {
            let object = evaluate::<O>(cx, frame, &node.object)?;
            O::access(Place::Attribute(&object, node.name), Access::Write, node.id);
            attribute::delete(cx, &object, node.name).at(frame, node.id)
        }
        Target::Subscript(node) => {
            let object = evaluate::<O>(cx, frame, &node.object)?;
            let index = evaluate::<O>(cx, frame, &node.index)?;
            O::access(Place::Element(&object), Access::Write, node.id);
            sequence::delete_item(cx, &object, &index).at(frame, node.id)
        }
        Target::Unpack(node) => {
            for target in node.before.iter().chain(&node.star).chain(&node.after) {
                delete::<O>(cx, frame, target, id)?;
            }
            Ok(())
        }
        Target::Global(index, id) => {
            O::access(Place::Global(*index), Access::Write, *id);
            if frame.global(*index).unset().is_unbound() {
                return Err(unknown_name(frame, *index, *id));
            }
            Ok(())
        }
        variable => {
            drop(read::<O>(frame, variable, id)?);
            unset::<O>(frame, variable);
            Ok(())
        }
    }
}

/// Unsets a variable, set or not.
pub(super) fn unset<O: Observer>(frame: Frame, target: &Target) {
    match target {
        Target::Local(slot) => frame.set(*slot, Value::Unbound),
        Target::LocalCell(slot) => frame.local_cell(*slot).set(Value::Unbound),
        Target::Captured(index) => frame.captured(*index).set(Value::Unbound),
        Target::Global(index, id) => {
            O::access(Place::Global(*index), Access::Write, *id);
            drop(frame.global(*index).unset());
        }
        _ => {}
    }
}
