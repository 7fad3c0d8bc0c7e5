//! The methods of `collections.deque`. It must not know how the items are kept beyond their lock.

use std::collections::VecDeque;

use super::deque::{Deque, Items, class, of};
use crate::eval::context::Context;
use crate::library::arguments::{self, Signature, between, exactly, one};
use crate::library::define;
use crate::library::methods::construct::class_getitem;
use crate::library::native_object;
use crate::value::class::Class;
use crate::value::exception::{index_error, memory_error, type_error, value_error};
use crate::value::function::Args;
use crate::value::instance::Instance;
use crate::value::iterator::NativeIterator;
use crate::value::name::known;
use crate::value::object::Ref;
use crate::value::operator::Comparison;
use crate::value::{Outcome, Value, compare, iterate, room, slice, text};

/// Puts the methods into the class.
pub(super) fn install(class: &Class) {
    define::static_methods(
        class,
        &[("__new__", |_, args| {
            native_object::new(self::class(), args, Deque::default())
        })],
    );
    define::class_methods(class, &[("__class_getitem__", class_getitem)]);
    define::methods(
        class,
        &[
            ("__init__", init),
            ("append", |_, args| push(args, "append", false)),
            ("appendleft", |_, args| push(args, "appendleft", true)),
            ("pop", |_, args| pop(args, "pop", false)),
            ("popleft", |_, args| pop(args, "popleft", true)),
            ("extend", |cx, args| extend(cx, args, "extend", false)),
            ("extendleft", |cx, args| {
                extend(cx, args, "extendleft", true)
            }),
            ("clear", clear),
            ("copy", copy),
            ("__copy__", copy),
            ("count", count),
            ("index", index),
            ("insert", insert),
            ("remove", remove),
            ("reverse", reverse),
            ("rotate", rotate),
            ("__len__", |_, args| {
                Ok(Value::size(this(args, "__len__")?.0.lock().items.len()))
            }),
            ("__getitem__", get_item),
            ("__setitem__", set_item),
            ("__delitem__", delete_item),
            ("__contains__", contains),
            ("__iter__", |_, args| iterator(args, "__iter__", false)),
            ("__reversed__", |_, args| {
                iterator(args, "__reversed__", true)
            }),
            ("__repr__", repr),
            ("__add__", add),
            ("__iadd__", add_in_place),
            ("__mul__", multiply),
            ("__rmul__", multiply),
            ("__imul__", multiply_in_place),
            ("__reduce__", reduce),
        ],
    );
    define::getters(
        class,
        &[("maxlen", |_, args| {
            let most = this(args, "maxlen")?.0.lock().most;
            Ok(most.map_or(Value::None, Value::size))
        })],
    );
    define::comparisons!(class, compared);
    class.set(known().hash, Value::None);
}

#[inline(always)]
fn this<'a>(args: Args<'a>, method: &'static str) -> Outcome<(&'a Deque, Args<'a>)> {
    native_object::receiver(args, "collections.deque", method)
}

/// The receiver as an instance.
fn instance<'a>(args: Args<'a>, method: &'static str) -> Outcome<&'a Ref<Instance>> {
    match args.values.first() {
        Some(Value::Instance(instance)) if instance.native::<Deque>().is_some() => Ok(instance),
        _ => Err(arguments::bad_receiver("collections.deque", method, args)),
    }
}

const INIT: Signature<2> = Signature::new("deque", ["iterable", "maxlen"]);

fn init(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (deque, rest) = this(args, "__init__")?;
    let [iterable, most] = INIT.bind(rest)?;
    let most = match most {
        None | Some(Value::None) => None,
        Some(most) => match slice::try_index(cx, most)? {
            Some(Value::Int(most)) if most >= 0 => Some(most as usize),
            Some(_) => return Err(value_error("maxlen must be non-negative")),
            None => return Err(type_error("an integer is required")),
        },
    };
    deque.replace(VecDeque::new(), most);
    if let Some(iterable) = iterable {
        fill(cx, deque, iterable, false)?;
    }
    Ok(Value::None)
}

fn fill(cx: &mut Context, deque: &Deque, iterable: &Value, left: bool) -> Outcome<()> {
    // A deque is extended by what it had at the start.
    if let Some(other) = of(iterable) {
        for item in other.snapshot()? {
            deque.push(item, left)?;
        }
        return Ok(());
    }
    iterate::for_each(cx, iterable, |_, item| deque.push(item, left))
}

fn push(args: Args<'_>, method: &'static str, left: bool) -> Outcome<Value> {
    let (deque, rest) = this(args, method)?;
    let item = match (rest.values, rest.names) {
        ([item], []) => item,
        _ => one(&format!("deque.{method}"), rest)?,
    };
    deque.push(item.clone(), left)?;
    Ok(Value::None)
}

fn pop(args: Args<'_>, method: &'static str, left: bool) -> Outcome<Value> {
    let (deque, rest) = this(args, method)?;
    if !rest.values.is_empty() {
        arguments::none(&format!("deque.{method}"), rest)?;
    }
    let mut state = deque.lock();
    let item = if left {
        state.items.pop_front()
    } else {
        state.items.pop_back()
    };
    if item.is_some() {
        state.version += 1;
    }
    drop(state);
    item.ok_or_else(|| index_error("pop from an empty deque"))
}

fn extend(cx: &mut Context, args: Args<'_>, method: &'static str, left: bool) -> Outcome<Value> {
    let (deque, rest) = this(args, method)?;
    let iterable = one(&format!("deque.{method}"), rest)?;
    fill(cx, deque, iterable, left)?;
    Ok(Value::None)
}

fn clear(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (deque, rest) = this(args, "clear")?;
    arguments::none("deque.clear", rest)?;
    let most = deque.lock().most;
    deque.replace(VecDeque::new(), most);
    Ok(Value::None)
}

fn copy(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (deque, _) = this(args, "copy")?;
    let most = deque.lock().most;
    let class = instance(args, "copy")?.class().clone();
    like(cx, &class, deque.snapshot()?, most)
}

/// A deque of a class with these items.
fn like(
    cx: &mut Context,
    class: &Ref<Class>,
    items: Vec<Value>,
    most: Option<usize>,
) -> Outcome<Value> {
    if class.same(self::class()) {
        return Ok(native_object::instance(
            class,
            Deque::new(items.into(), most),
        ));
    }
    let mut values = vec![Value::list(items)];
    values.extend(most.map(Value::size));
    cx.call(&Value::Class(class.clone()), &values)
}

/// An item by its place now; `None` beyond the end.
fn item(deque: &Deque, place: usize) -> Option<Value> {
    deque.lock().items.get(place).cloned()
}

/// Does something with each item; an error when the deque changes meanwhile.
fn each<T>(
    cx: &mut Context,
    deque: &Deque,
    mut work: impl FnMut(&mut Context, usize, &Value) -> Outcome<Option<T>>,
) -> Outcome<Option<T>> {
    let version = deque.lock().version;
    let mut place = 0;
    while let Some(item) = item(deque, place) {
        if let Some(found) = work(cx, place, &item)? {
            return Ok(Some(found));
        }
        if deque.lock().version != version {
            return Err(crate::value::exception::runtime_error(
                "deque mutated during iteration",
            ));
        }
        place += 1;
    }
    Ok(None)
}

fn count(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (deque, rest) = this(args, "count")?;
    let wanted = one("deque.count", rest)?;
    let mut count = 0;
    each(cx, deque, |cx, _, item| {
        if compare::identical_or_equal(cx, item, wanted)? {
            count += 1;
        }
        Ok(None::<()>)
    })?;
    Ok(Value::size(count))
}

fn contains(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (deque, rest) = this(args, "__contains__")?;
    let wanted = one("__contains__", rest)?;
    let found = each(cx, deque, |cx, _, item| {
        Ok(compare::identical_or_equal(cx, item, wanted)?.then_some(()))
    })?;
    Ok(Value::Bool(found.is_some()))
}

fn index(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (deque, rest) = this(args, "index")?;
    let values = between("index", rest, 1, 3)?;
    let count = deque.lock().items.len();
    let mut bound = |value: Option<&Value>, default: usize| -> Outcome<usize> {
        let Some(value) = value else {
            return Ok(default);
        };
        let number = slice::index(cx, value)?;
        let number = if number < 0 {
            number.saturating_add(count as i64).max(0)
        } else {
            number
        };
        Ok(usize::try_from(number).unwrap_or(usize::MAX))
    };
    let (start, stop) = (bound(values.get(1), 0)?, bound(values.get(2), usize::MAX)?);
    let wanted = &values[0];
    let found = each(cx, deque, |cx, place, item| {
        if place < start || place >= stop {
            return Ok(None);
        }
        Ok(compare::identical_or_equal(cx, item, wanted)?.then_some(place))
    })?;
    match found {
        Some(place) => Ok(Value::size(place)),
        None => Err(value_error(format!(
            "{} is not in deque",
            text::repr(cx, wanted)?
        ))),
    }
}

fn insert(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (deque, rest) = this(args, "insert")?;
    let [place, item] = exactly("insert", rest)?;
    let place = slice::index(cx, place)?;
    let mut state = deque.lock();
    let count = state.items.len();
    if state.most.is_some_and(|most| count >= most) {
        drop(state);
        return Err(index_error("deque already at its maximum size"));
    }
    let place = if place < 0 {
        place.saturating_add(count as i64).max(0) as usize
    } else {
        (place as usize).min(count)
    };
    if state.items.try_reserve(1).is_err() {
        return Err(room::refused(state));
    }
    state.version += 1;
    state.items.insert(place, item.clone());
    Ok(Value::None)
}

fn remove(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (deque, rest) = this(args, "remove")?;
    let wanted = one("deque.remove", rest)?;
    let version = deque.lock().version;
    let mut place = 0;
    while let Some(item) = item(deque, place) {
        let is_it = compare::identical_or_equal(cx, &item, wanted)?;
        let mut state = deque.lock();
        if state.version != version {
            drop(state);
            return Err(index_error("deque mutated during remove()."));
        }
        if is_it {
            state.version += 1;
            let old = state.items.remove(place);
            drop(state);
            drop(old);
            return Ok(Value::None);
        }
        place += 1;
    }
    Err(value_error(format!(
        "{} is not in deque",
        text::repr(cx, wanted)?
    )))
}

fn reverse(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (deque, rest) = this(args, "reverse")?;
    arguments::none("deque.reverse", rest)?;
    deque.lock().items.make_contiguous().reverse();
    Ok(Value::None)
}

fn rotate(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (deque, rest) = this(args, "rotate")?;
    let steps = match between("rotate", rest, 0, 1)?.first() {
        Some(steps) => slice::index(cx, steps)?,
        None => 1,
    };
    let mut state = deque.lock();
    let count = state.items.len();
    if count > 1 {
        state.version += 1;
        state
            .items
            .rotate_right(steps.rem_euclid(count as i64) as usize);
    }
    Ok(Value::None)
}

/// The place that an index means.
fn place(cx: &mut Context, key: &Value) -> Outcome<i64> {
    match slice::try_index(cx, key)? {
        Some(Value::Int(place)) => Ok(place),
        Some(_) => Err(index_error("cannot fit 'int' into an index-sized integer")),
        None => Err(type_error(format!(
            "sequence index must be integer, not '{}'",
            key.type_name()
        ))),
    }
}

fn get_item(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (deque, rest) = this(args, "__getitem__")?;
    let place = place(cx, one("__getitem__", rest)?)?;
    let state = deque.lock();
    let found = slice::place(place, state.items.len()).and_then(|at| state.items.get(at).cloned());
    drop(state);
    found.ok_or_else(|| index_error("deque index out of range"))
}

fn set_item(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (deque, rest) = this(args, "__setitem__")?;
    let [key, value] = exactly("__setitem__", rest)?;
    let place = place(cx, key)?;
    let mut state = deque.lock();
    let count = state.items.len();
    let Some(slot) = slice::place(place, count).and_then(|at| state.items.get_mut(at)) else {
        drop(state);
        return Err(index_error("deque index out of range"));
    };
    let old = std::mem::replace(slot, value.clone());
    drop(state);
    drop(old);
    Ok(Value::None)
}

fn delete_item(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (deque, rest) = this(args, "__delitem__")?;
    let place = place(cx, one("__delitem__", rest)?)?;
    let mut state = deque.lock();
    let count = state.items.len();
    let Some(at) = slice::place(place, count) else {
        drop(state);
        return Err(index_error("deque index out of range"));
    };
    state.version += 1;
    let old = state.items.remove(at);
    drop(state);
    drop(old);
    Ok(Value::None)
}

fn iterator(args: Args<'_>, method: &'static str, reversed: bool) -> Outcome<Value> {
    let deque = instance(args, method)?;
    Ok(NativeIterator::value(Items::new(deque, reversed)))
}

fn repr(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (deque, _) = this(args, "__repr__")?;
    let value = &args.values[0];
    let class = instance(args, "__repr__")?.class().name();
    let bare = class.as_str().rsplit('.').next().unwrap_or("deque");
    let mut out = String::new();
    text::once(cx, &mut out, value, "[...]", |cx, out| {
        let items = Value::list(deque.snapshot()?);
        out.push_str(bare);
        out.push('(');
        text::write_repr(cx, out, &items)?;
        if let Some(most) = deque.lock().most {
            out.push_str(&format!(", maxlen={most}"));
        }
        out.push(')');
        Ok(())
    })?;
    Ok(Value::str(out))
}

fn compared(cx: &mut Context, args: Args<'_>, comparison: Comparison) -> Outcome<Value> {
    let (deque, rest) = this(args, comparison.method().as_str())?;
    let other = one(comparison.method().as_str(), rest)?;
    let Some(other) = of(other) else {
        return Ok(Value::NotImplemented);
    };
    if std::ptr::eq(deque, other) && matches!(comparison, Comparison::Equal | Comparison::NotEqual)
    {
        return Ok(Value::Bool(comparison == Comparison::Equal));
    }
    let (left, right) = (
        Value::list(deque.snapshot()?),
        Value::list(other.snapshot()?),
    );
    compare::compare(cx, comparison, &left, &right)
}

fn add(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (deque, rest) = this(args, "__add__")?;
    let other = one("__add__", rest)?;
    let Some(more) = of(other) else {
        return Err(type_error(format!(
            "can only concatenate deque (not \"{}\") to deque",
            other.type_name()
        )));
    };
    let most = deque.lock().most;
    let items = deque.snapshot()?;
    let class = instance(args, "__add__")?.class().clone();
    let made = like(cx, &class, items, most)?;
    if let Some(made) = of(&made) {
        for item in more.snapshot()? {
            made.push(item, false)?;
        }
    }
    Ok(made)
}

fn add_in_place(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (deque, rest) = this(args, "__iadd__")?;
    fill(cx, deque, one("__iadd__", rest)?, false)?;
    Ok(args.values[0].clone())
}

/// The items so many times, or what of them the limit leaves.
fn repeated(cx: &mut Context, deque: &Deque, times: &Value) -> Outcome<VecDeque<Value>> {
    let Some(times) = slice::try_index(cx, times)? else {
        return Err(type_error(format!(
            "can't multiply sequence by non-int of type '{}'",
            times.type_name()
        )));
    };
    let times = match times {
        Value::Int(times) => times.max(0) as usize,
        _ => return Err(memory_error("")),
    };
    let most = deque.lock().most;
    let items = deque.snapshot()?;
    let total = items
        .len()
        .checked_mul(times)
        .filter(|total| *total < 1 << 40)
        .ok_or_else(|| memory_error(""))?;
    let skipped = total - total.min(most.unwrap_or(usize::MAX));
    let mut all = room::with_room(total - skipped)?;
    for place in skipped..total {
        all.push(items[place % items.len()].clone());
    }
    Ok(all.into())
}

fn multiply(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (deque, rest) = this(args, "__mul__")?;
    let items = repeated(cx, deque, one("__mul__", rest)?)?;
    let most = deque.lock().most;
    let class = instance(args, "__mul__")?.class().clone();
    like(cx, &class, items.into(), most)
}

fn multiply_in_place(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (deque, rest) = this(args, "__imul__")?;
    let items = repeated(cx, deque, one("__imul__", rest)?)?;
    let most = deque.lock().most;
    deque.replace(items, most);
    Ok(args.values[0].clone())
}

fn reduce(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (deque, _) = this(args, "__reduce__")?;
    let class = instance(args, "__reduce__")?.class().clone();
    let most = deque.lock().most;
    let mut values = vec![Value::list(deque.snapshot()?)];
    values.extend(most.map(Value::size));
    Ok(Value::tuple_of([Value::Class(class), Value::tuple(values)]))
}
