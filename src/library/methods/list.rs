//! `list`.

use super::construct::{class_argument, class_getitem, without_own_keywords, wrap};
use super::special::{Install, ListKind, operators};
use crate::eval::context::Context;
use crate::library::arguments::{self, Signature, receiver};
use crate::library::{define, sort};
use crate::value::compare::{identical_or_equal, quick_same_or_equal};
use crate::value::exception::{index_error, type_error, value_error};
use crate::value::function::Args;
use crate::value::list::List;
use crate::value::name::known;
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value, iterate, sequence, text};

/// Puts the methods into the class.
pub fn install() {
    let class = &types().list;
    define::static_methods(class, &[("__new__", new)]);
    define::class_methods(class, &[("__class_getitem__", class_getitem)]);
    define::methods(
        class,
        &[
            ("__init__", init),
            ("__reversed__", reversed),
            ("append", append),
            ("clear", clear),
            ("copy", copy),
            ("count", count),
            ("extend", extend),
            ("index", index),
            ("insert", insert),
            ("pop", pop),
            ("remove", remove),
            ("reverse", reverse),
            ("sort", sort_in_place),
        ],
    );
    Install::<ListKind>::into(class)
        .shown()
        .unhashable()
        .container()
        .indexed()
        .changeable()
        .ordered()
        .operator::<operators::Add>()
        .both::<operators::Multiply>()
        .in_place::<operators::Add>()
        .in_place::<operators::Multiply>();
}

type Receiver = Ref<List>;

fn new(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let own = &types().list;
    let (class, _) = class_argument(own, args)?;
    Ok(wrap(class, own, Value::list(Vec::new())))
}

fn init(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (list, rest) = receiver::<Receiver>(args, "__init__")?;
    let class = args.values[0].class();
    let rest = without_own_keywords(class, &types().list, known().new, rest);
    if !rest.names.is_empty() {
        return Err(type_error("list() takes no keyword arguments"));
    }
    let values = arguments::between("list", rest, 0, 1)?;
    drop(list.replace(Vec::new()));
    if let [iterable] = values {
        extend_list(cx, list, iterable)?;
    }
    Ok(Value::None)
}

fn append(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (list, rest) = receiver::<Receiver>(args, "append")?;
    let item = arguments::one("list.append", rest)?;
    list.push(item.clone());
    Ok(Value::None)
}

fn clear(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (list, rest) = receiver::<Receiver>(args, "clear")?;
    arguments::none("list.clear", rest)?;
    drop(list.replace(Vec::new()));
    Ok(Value::None)
}

fn copy(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (list, rest) = receiver::<Receiver>(args, "copy")?;
    arguments::none("list.copy", rest)?;
    Ok(Value::list(list.copied()?))
}

fn count(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (list, rest) = receiver::<Receiver>(args, "count")?;
    let item = arguments::one("list.count", rest)?;
    let mut count = 0;
    let mut start = 0;
    while let Some(place) = sequence::find_in_list(cx, list, item, start, usize::MAX)? {
        count += 1;
        start = place + 1;
    }
    Ok(Value::size(count))
}

fn extend(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (list, rest) = receiver::<Receiver>(args, "extend")?;
    let iterable = arguments::one("list.extend", rest)?;
    extend_list(cx, list, iterable)?;
    Ok(Value::None)
}

/// Appends the items of an iterable: those of a built-in container in one step, others as they
/// come, so that those before an error stay.
///
/// # Errors
/// Whatever the iteration raises.
pub fn extend_list(cx: &mut Context, list: &List, iterable: &Value) -> Outcome<()> {
    match iterable {
        Value::Iterator(_) | Value::Generator(_) | Value::Instance(_) => {
            let iterator = iterate::iterate(cx, iterable)?;
            while let Some(item) = iterate::next(cx, &iterator)? {
                list.push(item);
                cx.safepoint()?;
            }
        }
        other => {
            let items = iterate::collect(cx, other)?;
            list.append_all(items)?;
        }
    }
    Ok(())
}

fn insert(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (list, rest) = receiver::<Receiver>(args, "insert")?;
    let [index, item] = arguments::exactly("insert", rest)?;
    let index = arguments::integer(cx, index)?;
    let item = item.clone();
    let mut items = list.lock();
    let length = items.len() as i64;
    let place = if index < 0 {
        index.saturating_add(length).max(0)
    } else {
        index.min(length)
    };
    items.insert(place as usize, item);
    Ok(Value::None)
}

fn pop(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (list, rest) = receiver::<Receiver>(args, "pop")?;
    let index = match arguments::between("pop", rest, 0, 1)? {
        [index] => arguments::integer(cx, index)?,
        _ => -1,
    };
    let mut items = list.lock();
    if index == -1
        && let Some(item) = items.pop()
    {
        return Ok(item);
    }
    match sequence::place(index, items.len()) {
        Some(place) => Ok(items.remove(place)),
        None => {
            let empty = items.is_empty();
            drop(items);
            Err(index_error(if empty {
                "pop from empty list"
            } else {
                "pop index out of range"
            }))
        }
    }
}

fn remove(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (list, rest) = receiver::<Receiver>(args, "remove")?;
    let item = arguments::one("list.remove", rest)?;
    let mut place = 0;
    loop {
        let mut items = list.lock();
        let mut uncertain = None;
        while let Some(known) = items.get(place) {
            match quick_same_or_equal(known, item) {
                Some(true) => {
                    let removed = items.remove(place);
                    drop(items);
                    drop(removed);
                    return Ok(Value::None);
                }
                Some(false) => place += 1,
                None => {
                    uncertain = Some(known.clone());
                    break;
                }
            }
        }
        drop(items);
        let Some(known) = uncertain else {
            return Err(value_error("list.remove(x): x not in list"));
        };
        if !identical_or_equal(cx, &known, item)? {
            place += 1;
            continue;
        }
        let mut items = list.lock();
        if items.get(place).is_some_and(|now| now.same(&known)) {
            let removed = items.remove(place);
            drop(items);
            drop(removed);
            return Ok(Value::None);
        }
        // It moved while it was compared: look again from the start.
        drop(items);
        place = 0;
        cx.safepoint()?;
    }
}

fn reverse(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (list, rest) = receiver::<Receiver>(args, "reverse")?;
    arguments::none("list.reverse", rest)?;
    list.lock().reverse();
    Ok(Value::None)
}

fn reversed(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (list, rest) = receiver::<Receiver>(args, "__reversed__")?;
    arguments::none("list.__reversed__", rest)?;
    Ok(iterate::list_reversed(list))
}

/// The bounds of `index(value, start, stop)` in a sequence of this length.
///
/// # Errors
/// `TypeError` for a bound that is no integer.
pub fn search_bounds(
    cx: &mut Context,
    start: Option<&Value>,
    stop: Option<&Value>,
    length: usize,
) -> Outcome<(usize, usize)> {
    let mut bound = |value: Option<&Value>, default: i64| -> Outcome<usize> {
        let Some(value) = value else {
            return Ok(default as usize);
        };
        let number = match sequence::try_index(cx, value)? {
            Some(Value::Int(number)) => number,
            Some(Value::BigInt(number)) => match number.get().sign() {
                num_bigint::Sign::Minus => i64::MIN,
                _ => i64::MAX,
            },
            _ => {
                return Err(type_error(
                    "slice indices must be integers or have an __index__ method",
                ));
            }
        };
        let length = length as i64;
        Ok(if number < 0 {
            number.saturating_add(length).max(0)
        } else {
            number.min(length)
        } as usize)
    };
    Ok((bound(start, 0)?, bound(stop, length as i64)?))
}

fn index(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (list, rest) = receiver::<Receiver>(args, "index")?;
    let values = arguments::between("index", rest, 1, 3)?;
    let (start, stop) = search_bounds(cx, values.get(1), values.get(2), list.len())?;
    // Without a bound the search goes to the end even if the list grows meanwhile.
    let stop = if values.len() < 3 { usize::MAX } else { stop };
    match sequence::find_in_list(cx, list, &values[0], start, stop)? {
        Some(place) => Ok(Value::size(place)),
        None => {
            let item = text::repr(cx, &values[0])?;
            Err(value_error(format!("{item} is not in list")))
        }
    }
}

const SORT: Signature<2> = Signature::new("sort", ["key", "reverse"]).positional(0);

fn sort_in_place(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (list, rest) = receiver::<Receiver>(args, "sort")?;
    let [key, reverse] = SORT.bind(rest)?;
    let reverse = arguments::flag(cx, reverse, false)?;
    let key = key.filter(|key| !key.is_none());
    if key.is_none() && sort::sort_directly(&mut list.lock(), |item| item, reverse) {
        return Ok(Value::None);
    }
    // Comparing may run script code, which finds the list empty.
    let mut items = list.replace(Vec::new()).into_vec();
    let result = sort::sort(cx, &mut items, key, reverse);
    let added = list.replace(items);
    result?;
    if !added.is_empty() {
        return Err(value_error("list modified during sort"));
    }
    Ok(Value::None)
}
