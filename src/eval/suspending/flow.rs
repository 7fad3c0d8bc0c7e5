//! `if`, `while` and `for` around a `yield`. The position says in which of their blocks it is; a loop keeps behind it
//! what it goes over, and how far it has come.

use super::super::answer::{Step, Truth};
use super::super::call::safepoint;
use super::super::condition::test;
use super::super::context::Context;
use super::super::loops::{assign_pair, iterable_of, two_targets};
use super::super::observer::{Access, Observer, Place};
use super::super::stack::{At, Frame};
use super::super::target;
use super::{BODY, Kept, OTHERWISE, position, run};
use crate::resolve::tree::{Block, Expr, For, Slot, Stmt, Target};
use crate::value::list::List;
use crate::value::{Outcome, Value, iterate};

#[inline(never)]
pub(super) fn if_node<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    branches: &[(Expr, Block)],
    otherwise: &[Stmt],
    slot: Slot,
    resuming: bool,
) -> Step {
    let chosen = if resuming {
        position(frame, slot).0
    } else {
        let mut chosen = branches.len();
        for (branch, (condition, _)) in branches.iter().enumerate() {
            let truth = test::<O>(cx, frame, condition);
            if truth == Truth::YES {
                chosen = branch;
                break;
            }
            if truth.is_error() {
                return Step::error_of(truth);
            }
        }
        chosen as i64
    };
    let body = match branches.get(chosen as usize) {
        Some((_, body)) => body,
        None => otherwise,
    };
    run::<O>(cx, frame, body, Kept::new(slot, chosen, resuming))
}

#[inline(never)]
pub(super) fn while_node<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    parts: &(Expr, Block, Block),
    id: u32,
    slot: Slot,
    mut resuming: bool,
) -> Step {
    let (condition, body, otherwise) = parts;
    if resuming && position(frame, slot).0 == OTHERWISE {
        return run_otherwise::<O>(cx, frame, otherwise, slot, true);
    }
    loop {
        if !resuming {
            let truth = test::<O>(cx, frame, condition);
            if truth != Truth::YES {
                if truth.is_error() {
                    return Step::error_of(truth);
                }
                break;
            }
        }
        match run::<O>(cx, frame, body, Kept::new(slot, BODY, resuming)) {
            Step::NEXT | Step::CONTINUE => {}
            Step::BREAK => return Step::NEXT,
            other => return other,
        }
        resuming = false;
        if let Err(raised) = safepoint(cx).at(frame, id) {
            return Step::from(Err(raised));
        }
    }
    run_otherwise::<O>(cx, frame, otherwise, slot, false)
}

#[inline]
pub(super) fn run_otherwise<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    otherwise: &[Stmt],
    slot: Slot,
    resuming: bool,
) -> Step {
    if otherwise.is_empty() {
        return Step::NEXT;
    }
    run::<O>(cx, frame, otherwise, Kept::new(slot, OTHERWISE, resuming))
}

#[inline(never)]
pub(super) fn for_node<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    node: &For,
    slot: Slot,
    mut resuming: bool,
) -> Step {
    let place = node.iterable.id;
    // Of a range the next number, of a list or tuple the next index.
    let mut next = 0;
    let iterable = if resuming {
        if position(frame, slot).0 == OTHERWISE {
            return run_otherwise::<O>(cx, frame, &node.otherwise, slot, true);
        }
        if let Value::Int(number) = frame.peek(slot + 2) {
            next = *number;
        }
        frame.take(slot + 1)
    } else {
        match start_of_loop::<O>(cx, frame, node) {
            Ok(iterable) => {
                if let Value::Range(range) = &iterable {
                    next = range.start;
                }
                iterable
            }
            Err(raised) => return Step::from(Err(raised)),
        }
    };
    let pair = two_targets(&node.target)
        .filter(|_| matches!(&iterable, Value::Iterator(pairs) if pairs.kind().gives_pairs()));
    loop {
        if !resuming {
            let value = match &iterable {
                Value::Range(range) => {
                    let is_there = if range.step > 0 {
                        next < range.stop
                    } else {
                        next > range.stop
                    };
                    if !is_there {
                        break;
                    }
                    let number = next;
                    // Behind the last number that there is, nothing is there either.
                    next = number.saturating_add(range.step);
                    Value::Int(number)
                }
                Value::List(list) => {
                    O::access(Place::Element(&iterable), Access::Read, place);
                    let Some(value) = List::get_from(list, next) else {
                        break;
                    };
                    next += 1;
                    value
                }
                Value::Tuple(tuple) => {
                    let Some(value) = tuple.items().get(next as usize) else {
                        break;
                    };
                    next += 1;
                    value.clone()
                }
                iterator => match (iterator, pair) {
                    (Value::Iterator(pairs), Some(targets)) => {
                        let done = match pairs.kind().next_pair(cx).at(frame, place) {
                            Ok(Some(pair)) => assign_pair::<O>(cx, frame, targets, pair),
                            Ok(None) => break,
                            Err(raised) => Err(raised),
                        };
                        if let Err(raised) = done {
                            return Step::from(Err(raised));
                        }
                        Value::Unbound
                    }
                    _ => match iterate::next(cx, iterator).at(frame, place) {
                        Ok(Some(value)) => value,
                        Ok(None) => break,
                        Err(raised) => return Step::from(Err(raised)),
                    },
                },
            };
            match &node.target {
                Target::Local(slot) => frame.set(*slot, value),
                // Assigned already.
                _ if value.is_unbound() => {}
                target => {
                    if let Err(raised) = target::assign::<O>(cx, frame, target, value) {
                        return Step::from(Err(raised));
                    }
                }
            }
        }
        match run::<O>(cx, frame, &node.body, Kept::new(slot, BODY, resuming)) {
            Step::NEXT | Step::CONTINUE => {}
            Step::BREAK => return Step::NEXT,
            Step::YIELD => {
                // SAFETY: what counted value was in the first was taken out; the second holds none.
                unsafe {
                    frame.put(slot + 1, iterable);
                    frame.put(slot + 2, Value::Int(next));
                }
                return Step::YIELD;
            }
            other => return other,
        }
        resuming = false;
        if let Err(raised) = safepoint(cx).at(frame, place) {
            return Step::from(Err(raised));
        }
    }
    drop(iterable);
    run_otherwise::<O>(cx, frame, &node.otherwise, slot, false)
}

/// What a loop goes over: a list, tuple or range, or an iterator.
#[inline(never)]
fn start_of_loop<O: Observer>(cx: &mut Context, frame: Frame, node: &For) -> Outcome<Value> {
    let iterable = iterable_of::<O>(cx, frame, node)?;
    match &iterable {
        Value::Range(_) | Value::List(_) | Value::Tuple(_) | Value::Generator(_) => Ok(iterable),
        other => iterate::iterate(cx, other).at(frame, node.iterable.id),
    }
}
