//! Comprehensions, evaluated as loops within the frame they stand in. It must not know
//! statements.

use super::call::safepoint;
use super::condition::condition;
use super::context::Context;
use super::expression::evaluate as evaluate_expr;
use super::loops::{assign_pair, two_targets};
use super::observer::Observer;
use super::stack::{At, Frame};
use super::target;
use crate::resolve::tree::{Clause, Comprehension, ComprehensionKind, NodeId, Target};
use crate::runtime::memory;
use crate::value::function::Cell;
use crate::value::iterate;
use crate::value::object::Ref;
use crate::value::{Dict, Outcome, Set, Value};

enum Result {
    List(Vec<Value>),
    Set(Set),
    Dict(Dict),
}

/// Evaluates a comprehension.
pub(super) fn evaluate<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    node: &Comprehension,
) -> Outcome<Value> {
    // Evaluated before the variables are made fresh: a nested comprehension of the same shape,
    // or recursion through a generator, must not see this one's.
    let first = evaluate_expr::<O>(cx, frame, &node.clauses[0].iterable)?;
    let mut result = match &node.kind {
        ComprehensionKind::List => Result::List(Vec::new()),
        ComprehensionKind::Set => Result::Set(Set::new()),
        ComprehensionKind::Dict(_) => Result::Dict(Dict::new()),
    };
    for &slot in &node.variables {
        frame.set(slot, Value::Unbound);
    }
    for &slot in &node.cell_variables {
        frame.set(slot, Value::Cell(Ref::new(Cell::new(Value::Unbound))));
    }
    let held = cx.held();
    let done = run_clause::<O>(cx, frame, id, node, &node.clauses, Some(first), &mut result);
    cx.let_go(held);
    for &slot in node.variables.iter().chain(&node.cell_variables) {
        frame.set(slot, Value::Unbound);
    }
    done?;
    Ok(match result {
        Result::List(items) => Value::list(items),
        Result::Set(set) => Value::Set(Ref::new(set)),
        Result::Dict(dict) => Value::Dict(Ref::new(dict)),
    })
}

fn run_clause<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    node: &Comprehension,
    clauses: &[Clause],
    iterable: Option<Value>,
    result: &mut Result,
) -> Outcome<()> {
    let Some((clause, inner)) = clauses.split_first() else {
        return add::<O>(cx, frame, node, result);
    };
    let place = clause.iterable.id;
    let iterable = match iterable {
        Some(iterable) => iterable,
        None => evaluate_expr::<O>(cx, frame, &clause.iterable)?,
    };
    macro_rules! turn {
        ($value:expr) => {{
            match &clause.target {
                Target::Local(slot) => frame.set(*slot, $value),
                target => target::assign::<O>(cx, frame, target, $value)?,
            }
            turn!();
        }};
        () => {{
            let mut wanted = true;
            for test in &clause.conditions {
                if !condition::<O>(cx, frame, test)? {
                    wanted = false;
                    break;
                }
            }
            if wanted {
                if inner.is_empty() {
                    add::<O>(cx, frame, node, result)?;
                } else {
                    let held = cx.held();
                    let done = run_clause::<O>(cx, frame, id, node, inner, None, result);
                    cx.let_go(held);
                    done?;
                }
            }
            safepoint(cx).at(frame, id)?;
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
            // SAFETY: it stays where it is until the clause has run, and the caller lets go of it.
            unsafe { cx.hold(&iterable) };
            let mut index = 0;
            while let Some(value) = list.get(index) {
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
            if let Value::Iterator(pairs) = &iterator
                && let Some(targets) = two_targets(&clause.target)
                && pairs.kind().gives_pairs()
            {
                while let Some(pair) = pairs.kind().next_pair(cx).at(frame, place)? {
                    assign_pair::<O>(cx, frame, targets, pair)?;
                    turn!();
                }
                return Ok(());
            }
            while let Some(value) = iterate::next(cx, &iterator).at(frame, place)? {
                turn!(value);
            }
        }
    }
    Ok(())
}

fn add<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    node: &Comprehension,
    result: &mut Result,
) -> Outcome<()> {
    match (result, &node.kind) {
        (Result::Dict(dict), ComprehensionKind::Dict(key)) => {
            let place = key.id;
            let key = evaluate_expr::<O>(cx, frame, key)?;
            let value = evaluate_expr::<O>(cx, frame, &node.element)?;
            dict.set(cx, key, value).at(frame, place)
        }
        (Result::Set(set), _) => {
            let value = evaluate_expr::<O>(cx, frame, &node.element)?;
            set.add(cx, value).at(frame, node.element.id)?;
            Ok(())
        }
        (Result::List(items), _) => {
            let item = evaluate_expr::<O>(cx, frame, &node.element)?;
            if items.len() == items.capacity() {
                memory::grow(items, 1);
            }
            items.push(item);
            Ok(())
        }
        // A dict result is only made for a dict comprehension.
        (Result::Dict(_), _) => Ok(()),
    }
}
