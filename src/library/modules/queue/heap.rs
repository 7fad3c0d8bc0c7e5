//! The order of a priority queue: the binary heap of CPython's `heapq`, step for step, so that items
//! that compare equal come out in the same order. Items are compared with no lock held but the one
//! that keeps other threads from the order; they move by exchanges only, so all of them are in their
//! places at every moment.

use super::channel::Channel;
use crate::eval::context::Context;
use crate::value::operator::Comparison;
use crate::value::{Outcome, Value, compare};

fn item(channel: &Channel, place: usize) -> Option<Value> {
    channel.state.lock().items.get(place).cloned()
}

fn exchange(channel: &Channel, a: usize, b: usize) {
    let mut state = channel.state.lock();
    if a.max(b) < state.items.len() {
        state.items.swap(a, b);
    }
}

fn is_less(cx: &mut Context, channel: &Channel, a: usize, b: usize) -> Outcome<bool> {
    match (item(channel, a), item(channel, b)) {
        (Some(a), Some(b)) => compare::compare_bool(cx, Comparison::Less, &a, &b),
        _ => Ok(false),
    }
}

/// Moves the last item, which is new, to its place.
pub(super) fn lift_last(cx: &mut Context, channel: &Channel) -> Outcome<()> {
    let last = channel.len().saturating_sub(1);
    lift(cx, channel, 0, last)
}

/// Moves an item towards the root, not above `top`.
fn lift(cx: &mut Context, channel: &Channel, top: usize, mut place: usize) -> Outcome<()> {
    while place > top {
        let parent = (place - 1) / 2;
        if !is_less(cx, channel, place, parent)? {
            break;
        }
        exchange(channel, place, parent);
        place = parent;
    }
    Ok(())
}

/// Moves the item at `top` down to a leaf along the smaller children, then up to its place: fewer
/// comparisons than stopping on the way.
fn sink(cx: &mut Context, channel: &Channel, top: usize) -> Outcome<()> {
    let end = channel.len();
    let mut place = top;
    while 2 * place + 1 < end {
        let mut child = 2 * place + 1;
        if child + 1 < end && !is_less(cx, channel, child, child + 1)? {
            child += 1;
        }
        exchange(channel, place, child);
        place = child;
    }
    lift(cx, channel, top, place)
}

/// Takes the smallest item out.
pub(super) fn pop(cx: &mut Context, channel: &Channel) -> Outcome<Option<Value>> {
    let mut state = channel.state.lock();
    let Some(last) = state.items.pop_back() else {
        return Ok(None);
    };
    channel.note_length(&state);
    let Some(first) = state.items.front_mut() else {
        return Ok(Some(last));
    };
    let smallest = std::mem::replace(first, last);
    drop(state);
    sink(cx, channel, 0)?;
    Ok(Some(smallest))
}

/// Puts all items into the order of a heap.
pub(super) fn restore(cx: &mut Context, channel: &Channel) -> Outcome<()> {
    for place in (0..channel.len() / 2).rev() {
        sink(cx, channel, place)?;
    }
    Ok(())
}
