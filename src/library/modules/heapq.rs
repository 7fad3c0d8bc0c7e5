//! `_heapq`: the heap of `heapq` on lists, the binary heap of CPython's step for step, so that items
//! that compare equal come out in the same order. Items move by exchanges and are compared with the
//! list unlocked, so that comparing may do anything. The rest of `heapq` is written in conc.

use super::with_functions;
use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::arguments;
use crate::library::define::Entries;
use crate::value::exception::{index_error, type_error};
use crate::value::function::Args;
use crate::value::list::List;
use crate::value::object::Ref;
use crate::value::operator::Comparison;
use crate::value::{Outcome, Value, compare};

const FUNCTIONS: Entries<'_> = &[
    ("heappush", push),
    ("heappop", pop),
    ("heapify", heapify),
    ("heapreplace", replace),
    ("heappushpop", push_pop),
    ("_heappop_max", |cx, args| {
        pop_by(cx, args, "_heappop_max", true)
    }),
    ("_heapify_max", |cx, args| {
        heapify_by(cx, args, "_heapify_max", true)
    }),
    ("_heapreplace_max", |cx, args| {
        replace_by(cx, args, "_heapreplace_max", true)
    }),
];

/// Makes the module.
pub fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    Ok(with_functions("_heapq", FUNCTIONS))
}

fn list<'a>(value: &'a Value, function: &str) -> Outcome<&'a Ref<List>> {
    match value.unwrapped() {
        Value::List(list) => Ok(list),
        _ => {
            // Those of one argument do not number it.
            let number = if function.contains("push") || function.contains("replace") {
                " 1"
            } else {
                ""
            };
            Err(type_error(format!(
                "{function}() argument{number} must be list, not {}",
                arguments::type_name(value)
            )))
        }
    }
}

/// Whether the item at `a` comes out before the one at `b`.
fn before(cx: &mut Context, list: &List, a: usize, b: usize, most: bool) -> Outcome<bool> {
    match (list.get(a), list.get(b)) {
        (Some(a), Some(b)) if most => compare::compare_bool(cx, Comparison::Less, &b, &a),
        (Some(a), Some(b)) => compare::compare_bool(cx, Comparison::Less, &a, &b),
        _ => Err(index_error("list index out of range")),
    }
}

fn exchange(list: &List, a: usize, b: usize) {
    let mut items = list.lock();
    if a.max(b) < items.len() {
        items.swap(a, b);
    }
}

/// Moves an item towards the root, not above `top`.
fn lift(cx: &mut Context, list: &List, top: usize, mut place: usize, most: bool) -> Outcome<()> {
    while place > top {
        let parent = (place - 1) / 2;
        if !before(cx, list, place, parent, most)? {
            break;
        }
        exchange(list, place, parent);
        place = parent;
    }
    Ok(())
}

/// Moves the item at `top` down to a leaf along the children that come out first, then up to its
/// place.
fn sink(cx: &mut Context, list: &List, top: usize, most: bool) -> Outcome<()> {
    let end = list.len();
    let mut place = top;
    while 2 * place + 1 < end {
        let mut child = 2 * place + 1;
        if child + 1 < end && !before(cx, list, child, child + 1, most)? {
            child += 1;
        }
        exchange(list, place, child);
        place = child;
    }
    lift(cx, list, top, place, most)
}

fn push(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [heap, item] = arguments::exactly("heappush", args)?;
    let list = list(heap, "heappush")?;
    list.push(item.clone());
    let last = list.len().saturating_sub(1);
    lift(cx, list, 0, last, false)?;
    Ok(Value::None)
}

fn pop(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    pop_by(cx, args, "heappop", false)
}

fn pop_by(cx: &mut Context, args: Args<'_>, function: &'static str, most: bool) -> Outcome<Value> {
    let heap = arguments::one(&format!("_heapq.{function}"), args)?;
    let list = list(heap, function)?;
    let mut items = list.lock();
    let Some(last) = items.pop() else {
        drop(items);
        return Err(index_error("index out of range"));
    };
    let Some(first) = items.first_mut() else {
        return Ok(last);
    };
    let top = std::mem::replace(first, last);
    drop(items);
    sink(cx, list, 0, most)?;
    Ok(top)
}

fn heapify(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    heapify_by(cx, args, "heapify", false)
}

fn heapify_by(
    cx: &mut Context,
    args: Args<'_>,
    function: &'static str,
    most: bool,
) -> Outcome<Value> {
    let heap = arguments::one(&format!("_heapq.{function}"), args)?;
    let list = list(heap, function)?;
    for place in (0..list.len() / 2).rev() {
        sink(cx, list, place, most)?;
        cx.safepoint()?;
    }
    Ok(Value::None)
}

fn replace(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    replace_by(cx, args, "heapreplace", false)
}

fn replace_by(
    cx: &mut Context,
    args: Args<'_>,
    function: &'static str,
    most: bool,
) -> Outcome<Value> {
    let [heap, item] = arguments::exactly(function, args)?;
    let list = list(heap, function)?;
    let mut items = list.lock();
    let Some(first) = items.first_mut() else {
        drop(items);
        return Err(index_error("index out of range"));
    };
    let top = std::mem::replace(first, item.clone());
    drop(items);
    sink(cx, list, 0, most)?;
    Ok(top)
}

fn push_pop(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [heap, item] = arguments::exactly("heappushpop", args)?;
    let list = list(heap, "heappushpop")?;
    match list.get(0) {
        Some(first) if compare::compare_bool(cx, Comparison::Less, &first, item)? => {
            replace_by(cx, args, "heapreplace", false)
        }
        _ => Ok(item.clone()),
    }
}
