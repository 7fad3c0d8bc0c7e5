//! The nodes of `object.name` and `object[index]`, where they are read. It must not know how an
//! attribute is found.

use super::answer::Answer;
use super::attribute;
use super::call::{call_pushed, with_room};
use super::context::Context;
use super::expression::evaluate;
use super::observer::{Access, Observer, Place};
use super::operand::operand;
use super::operation::small;
use super::stack::{At, Frame};
use crate::resolve::tree::{Attribute, Expr, ExprKind, NodeId};
use crate::runtime::world;
use crate::value::bits::Bits;
use crate::value::instance::{Instance, Payload};
use crate::value::list::List;
use crate::value::method_cache::MethodCache;
use crate::value::object::Ref;
use crate::value::scalar::Slice;
use crate::value::slice::place;
use crate::value::{Outcome, Value, sequence};

/// An attribute. That of the instance in a local variable, where the node met such an instance last and there is no
/// other thread, is found at once.
#[inline(always)]
pub(super) fn attribute<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    node: &Attribute,
) -> Answer {
    if let ExprKind::Local(slot) = &node.object.kind
        && let object = frame.peek(*slot)
        && let Value::Instance(instance) = object
    {
        if world::is_shared() {
            return attribute_shared::<O>(cx, frame, id, node);
        }
        if let Some(place) = instance.place_of(&node.cache) {
            O::access(Place::Attribute(object, node.name), Access::Read, id);
            // SAFETY: nothing has run since the place was found.
            return Answer::copy_alone(unsafe { &*place });
        }
        return attribute_of_other_shape::<O>(cx, frame, id, node);
    }
    attribute_of_object::<O>(cx, frame, id, node)
}

#[inline(never)]
pub(super) fn attribute_node<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    node: &Attribute,
) -> Answer {
    attribute::<O>(cx, frame, id, node)
}

/// The attribute of the instance in a local variable that has another shape than the last, but perhaps one that the
/// node knows. Only while there is no other thread.
#[inline(never)]
fn attribute_of_other_shape<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    node: &Attribute,
) -> Answer {
    if let ExprKind::Local(slot) = &node.object.kind
        && let object = frame.peek(*slot)
        && let Value::Instance(instance) = object
    {
        O::access(Place::Attribute(object, node.name), Access::Read, id);
        // What is only looked at needs no count of its own.
        if let Some(place) = instance.known_place_of(&node.cache) {
            // SAFETY: nothing has run since the place was found.
            return Answer::copy_alone(unsafe { &*place });
        }
        return attribute_beyond_slots::<O>(cx, frame, id, node, object, instance);
    }
    attribute_of_object::<O>(cx, frame, id, node)
}

/// [`attribute`] while there are other threads, for what is at hand.
#[inline(never)]
fn attribute_shared<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    node: &Attribute,
) -> Answer {
    if let ExprKind::Local(slot) = &node.object.kind
        && let object = frame.peek(*slot)
        && let Value::Instance(instance) = object
        // SAFETY: no safepoint comes before the count; this function is never inlined, and what it calls else it
        // ends with.
        && let Some(answer) = unsafe { Answer::at_hand(instance.bits_of(&node.cache)) }
    {
        O::access(Place::Attribute(object, node.name), Access::Read, id);
        return answer;
    }
    attribute_counted::<O>(cx, frame, id, node)
}

/// The attribute of an instance in a local variable with a count of its own, while there are other threads.
#[inline(never)]
fn attribute_counted<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    node: &Attribute,
) -> Answer {
    if let ExprKind::Local(slot) = &node.object.kind
        && let object = frame.peek(*slot)
        && let Value::Instance(instance) = object
        && let Some(value) = attribute::get_cached(instance, &node.cache)
    {
        O::access(Place::Attribute(object, node.name), Access::Read, id);
        return Answer::from(Ok(value));
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
    if let Value::Instance(instance) = &*object
        && !world::is_shared()
    {
        if let Some(place) = instance.known_place_of(&node.cache) {
            // SAFETY: nothing has run since the place was found.
            return Answer::copy_alone(unsafe { &*place });
        }
        return attribute_beyond_slots::<O>(cx, frame, id, node, &object, instance);
    }
    Answer::from(attribute::get_with_cache(cx, &object, node.name, &node.cache).at(frame, id))
}

/// The attribute of an instance where the node knows no slot of it: of a property, or a plain one of its class,
/// or one that is looked up whole. Only while there is no other thread. The object may be what a local variable
/// holds: while its methods run nobody sets that variable, see `operand`.
#[inline(never)]
fn attribute_beyond_slots<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    node: &Attribute,
    object: &Value,
    instance: &Ref<Instance>,
) -> Answer {
    let key = MethodCache::key(object);
    if let Some(property) = key.and_then(|key| node.properties.find_key(key)) {
        return ask_property::<O>(cx, frame, id, &property, object);
    }
    if let Some(value) = attribute::plain_of_class(cx, instance, node.name) {
        return Answer::from(Ok(value));
    }
    remember_property(cx, instance, node, key);
    Answer::from(attribute::get_with_cache(cx, object, node.name, &node.cache).at(frame, id))
}

/// A look at what an expression stands for, where that takes nothing but looking: no code runs and
/// nothing is counted. Only while there is no other thread, and until anything else runs. What is
/// found may be unbound.
fn look<O: Observer>(frame: Frame, expr: &Expr) -> Option<*const Value> {
    match &expr.kind {
        ExprKind::Local(slot) => Some(frame.peek(*slot)),
        ExprKind::Captured(index) => {
            O::access(Place::Captured(*index), Access::Read, expr.id);
            Some(frame.captured(*index).place())
        }
        ExprKind::LocalCell(slot) => Some(frame.local_cell(*slot).place()),
        ExprKind::Global(index) => {
            O::access(Place::Global(*index), Access::Read, expr.id);
            Some(frame.global(*index).place())
        }
        ExprKind::Attribute(node) => {
            // SAFETY: nothing has run since the look.
            let object = unsafe { &*look::<O>(frame, &node.object)? };
            let Value::Instance(instance) = object else {
                return None;
            };
            O::access(Place::Attribute(object, node.name), Access::Read, expr.id);
            instance.place_of(&node.cache).map(<*mut Value>::cast_const)
        }
        ExprKind::Subscript(operands) => {
            let index = quiet_index(frame, &operands.1)?;
            // SAFETY: nothing has run since the look.
            let container = unsafe { &*look::<O>(frame, &operands.0)? };
            O::access(Place::Element(container), Access::Read, expr.id);
            match container {
                Value::List(list) => list.place(index),
                Value::Tuple(tuple) => place(index, tuple.items().len())
                    .map(|place| std::ptr::from_ref(&tuple.items()[place])),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The list that an expression stands for, and the integer that an index is, where a look tells
/// them.
///
/// # Safety
/// There is no other thread, and nothing runs while the list is used that could drop it.
#[inline(always)]
pub(super) unsafe fn list_and_index<'l, O: Observer>(
    frame: Frame,
    object: &Expr,
    index: &Expr,
) -> Option<(&'l List, i64)> {
    let index = quiet_index(frame, index)?;
    // SAFETY: by contract.
    match unsafe { &*look::<O>(frame, object)? } {
        Value::List(list) => {
            // SAFETY: by contract.
            Some((unsafe { &*std::ptr::from_ref::<List>(list) }, index))
        }
        _ => None,
    }
}

#[inline(never)]
pub(super) fn subscript<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    operands: &(Expr, Expr),
) -> Answer {
    if world::is_shared() {
        return subscript_shared::<O>(cx, frame, id, operands);
    }
    if let Some(index) = quiet_index(frame, &operands.1)
        && let Some(container) = look::<O>(frame, &operands.0)
    {
        // SAFETY: nothing has run since the look.
        let container = unsafe { &*container };
        O::access(Place::Element(container), Access::Read, id);
        match container {
            Value::List(list) => {
                if let Some(place) = list.place(index) {
                    // SAFETY: as above.
                    return Answer::copy_alone(unsafe { &*place });
                }
            }
            Value::Tuple(tuple) => {
                if let Some(place) = place(index, tuple.items().len()) {
                    return Answer::copy_alone(&tuple.items()[place]);
                }
            }
            Value::Str(text) => {
                if let Some(place) = place(index, text.len())
                    && let Some(found) = text.character(place)
                {
                    return Answer::from(Ok(sequence::character(found)));
                }
            }
            _ => {}
        }
    }
    subscript_slowly::<O>(cx, frame, id, operands)
}

/// The item while there are other threads, for those of lists that are at hand.
#[inline(never)]
fn subscript_shared<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    operands: &(Expr, Expr),
) -> Answer {
    if let Some(index) = quiet_index(frame, &operands.1) {
        let bits = match &operands.0.kind {
            ExprKind::Local(slot) => list_bits::<O>(frame.peek(*slot), index, id),
            ExprKind::Global(global) => {
                O::access(Place::Global(*global), Access::Read, id);
                // SAFETY: nothing changed the bits, and taking an item of a list is no safepoint.
                let container = frame
                    .global(*global)
                    .bits()
                    .map(|bits| unsafe { bits.borrow() });
                container.and_then(|container| list_bits::<O>(&container, index, id))
            }
            _ => None,
        };
        // SAFETY: no safepoint comes before the count; this function is never inlined, and what it calls else it
        // ends with.
        if let Some(answer) = unsafe { Answer::at_hand(bits) } {
            return answer;
        }
    }
    subscript_slowly::<O>(cx, frame, id, operands)
}

#[inline(always)]
fn list_bits<O: Observer>(container: &Value, index: i64, id: NodeId) -> Option<Bits> {
    let Value::List(list) = container else {
        return None;
    };
    O::access(Place::Element(container), Access::Read, id);
    list.bits(index)
}

#[inline(never)]
fn subscript_slowly<O: Observer>(
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
    if let ExprKind::Slice(parts) = &operands.1.kind {
        return slice_of::<O>(cx, frame, id, &object, parts);
    }
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
        ExprKind::AddLocalConstant(_, slot, constant, _) => match frame.peek(*slot) {
            Value::Int(value) => value.checked_add(*constant),
            _ => None,
        },
        ExprKind::LocalConstant(op, slot, constant, _) => match frame.peek(*slot) {
            Value::Int(value) => small(*op, *value, *constant),
            _ => None,
        },
        _ => None,
    }
}

/// Remembers a property of the instance's class for instances of this shape, if it is one whose
/// getter is a function and nothing else has a say in it.
#[cold]
#[inline(never)]
fn remember_property(
    cx: &mut Context,
    instance: &Ref<Instance>,
    node: &Attribute,
    key: Option<u64>,
) {
    let class = instance.class();
    if let Some(key) = key
        && let Some(Value::Instance(found)) = cx.lookup(class, node.name)
        && let Payload::Property(parts) = found.payload()
        && let getter @ Value::Function(_) = &parts[0]
        && attribute::has_plain_look_up(cx, class)
        && MethodCache::key(&Value::Instance(instance.clone())) == Some(key)
    {
        node.properties.add(key, getter);
    }
}

/// Calls the getter of a property.
#[inline(never)]
fn ask_property<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    getter: &Value,
    object: &Value,
) -> Answer {
    frame.record().node.set(id);
    let result = with_room(cx, 2, |cx| {
        // SAFETY: room was made.
        unsafe { cx.stack.push(object.clone()) };
        call_pushed::<O>(cx, getter, 1, &[])
    });
    Answer::from(result.at(frame, id))
}

/// `object[start:stop:step]`: the built-in sequences need no slice object.
#[inline(never)]
fn slice_of<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    object: &Value,
    parts: &(Expr, Expr, Expr),
) -> Answer {
    let slice = match slice_parts::<O>(cx, frame, parts) {
        Ok(slice) => slice,
        Err(raised) => return Answer::from(Err(raised)),
    };
    O::access(Place::Element(object), Access::Read, id);
    let part = match sequence::get_slice(cx, object, &slice).at(frame, id) {
        Ok(Some(part)) => return Answer::from(Ok(part)),
        Ok(None) => Value::Slice(Ref::new(slice)),
        Err(raised) => return Answer::from(Err(raised)),
    };
    Answer::from(sequence::get_item(cx, object, &part).at(frame, id))
}

/// The parts of a slice, evaluated.
pub(super) fn slice_parts<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    parts: &(Expr, Expr, Expr),
) -> Outcome<Slice> {
    Ok(Slice {
        start: evaluate::<O>(cx, frame, &parts.0)?,
        stop: evaluate::<O>(cx, frame, &parts.1)?,
        step: evaluate::<O>(cx, frame, &parts.2)?,
    })
}
