//! Sorting, stable, as `sorted` and `list.sort` do it. Keys that are all integers, all strings or
//! all floats are compared directly; for others the comparison may run script code, raise, or
//! contradict itself, and the merge sort here (after Peters' timsort, without its galloping)
//! stays sound whatever it answers.

use crate::eval::context::Context;
use crate::value::operator::Comparison;
use crate::value::{Outcome, Value, compare};

/// Runs shorter than this are made longer by insertion.
const SHORT: usize = 64;

/// Which direct comparison suits all keys.
enum Keys {
    Integers,
    Texts,
    Floats,
    Other,
}

fn classify<'a>(mut keys: impl Iterator<Item = &'a Value>) -> Keys {
    match keys.next() {
        Some(Value::Int(_)) if keys.all(|key| matches!(key, Value::Int(_))) => Keys::Integers,
        Some(Value::Str(_)) if keys.all(|key| matches!(key, Value::Str(_))) => Keys::Texts,
        Some(Value::Float(first))
            if !first.is_nan()
                && keys.all(|key| matches!(key, Value::Float(number) if !number.is_nan())) =>
        {
            Keys::Floats
        }
        _ => Keys::Other,
    }
}

fn integer(key: &Value) -> i64 {
    match key {
        Value::Int(number) => *number,
        _ => 0,
    }
}

fn float(key: &Value) -> f64 {
    match key {
        Value::Float(number) => *number,
        _ => 0.0,
    }
}

fn string(key: &Value) -> &str {
    key.as_str().unwrap_or_default()
}

/// Sorts when all keys can be compared without running any script code; tells whether it did.
/// Neither drops nor counts a value, so it may run under a list's lock.
pub fn sort_directly<T>(items: &mut [T], key: impl Fn(&T) -> &Value, reverse: bool) -> bool {
    let turn = |ordering: std::cmp::Ordering| {
        if reverse {
            ordering.reverse()
        } else {
            ordering
        }
    };
    match classify(items.iter().map(&key)) {
        Keys::Integers => {
            items.sort_by(|a, b| turn(integer(key(a)).cmp(&integer(key(b)))));
        }
        Keys::Texts => items.sort_by(|a, b| turn(string(key(a)).cmp(string(key(b))))),
        Keys::Floats => items.sort_by(|a, b| {
            // No NaN is among them, so any two are ordered; 0.0 and -0.0 are equal.
            turn(
                float(key(a))
                    .partial_cmp(&float(key(b)))
                    .unwrap_or(std::cmp::Ordering::Equal),
            )
        }),
        Keys::Other => return items.len() < 2,
    }
    true
}

/// Sorts values, by what `key` gives for each if there is one. On an error the values are in
/// `items` in some order.
///
/// # Errors
/// Whatever comparing or `key` raises.
pub fn sort(
    cx: &mut Context,
    items: &mut Vec<Value>,
    key: Option<&Value>,
    reverse: bool,
) -> Outcome<()> {
    let Some(key) = key else {
        if sort_directly(items, |item| item, reverse) {
            return Ok(());
        }
        return in_direction(items, reverse, |items| {
            merge_sort(cx, items, &|item: &Value| item)
        });
    };
    let mut keys = Vec::with_capacity(items.len());
    for item in items.iter() {
        keys.push(cx.call(key, std::slice::from_ref(item))?);
        cx.safepoint()?;
    }
    let mut pairs: Vec<(Value, Value)> = keys.into_iter().zip(items.drain(..)).collect();
    let result = if sort_directly(&mut pairs, |pair| &pair.0, reverse) {
        Ok(())
    } else {
        in_direction(&mut pairs, reverse, |pairs| {
            merge_sort(cx, pairs, &|pair: &(Value, Value)| &pair.0)
        })
    };
    let mut keys = Vec::with_capacity(pairs.len());
    for (key, item) in pairs {
        keys.push(key);
        items.push(item);
    }
    result
}

/// Equal items keep their order in both directions: reversed before and after.
fn in_direction<T>(
    items: &mut [T],
    reverse: bool,
    sort: impl FnOnce(&mut [T]) -> Outcome<()>,
) -> Outcome<()> {
    if reverse {
        items.reverse();
    }
    let result = sort(items);
    if reverse {
        items.reverse();
    }
    result
}

#[inline]
fn less(cx: &mut Context, a: &Value, b: &Value) -> Outcome<bool> {
    compare::compare_bool(cx, Comparison::Less, a, b)
}

/// A stable merge sort of sorted runs. Whatever the comparison answers, the result is a
/// permutation of the items.
fn merge_sort<T>(cx: &mut Context, items: &mut [T], key: &impl Fn(&T) -> &Value) -> Outcome<()> {
    // Sorted are places, not items, so that an error in the middle loses none.
    let mut order: Vec<usize> = (0..items.len()).collect();
    let result = sort_order(cx, &mut order, |cx, a, b| {
        less(cx, key(&items[a]), key(&items[b]))
    });
    permute(items, order);
    result
}

/// Moves the item at `order[n]` to place `n`.
fn permute<T>(items: &mut [T], mut order: Vec<usize>) {
    for start in 0..order.len() {
        let mut place = start;
        loop {
            let from = order[place];
            order[place] = place;
            if from == start {
                break;
            }
            items.swap(place, from);
            place = from;
        }
    }
}

type Less<'a> = dyn FnMut(&mut Context, usize, usize) -> Outcome<bool> + 'a;

fn sort_order(
    cx: &mut Context,
    order: &mut [usize],
    mut less: impl FnMut(&mut Context, usize, usize) -> Outcome<bool>,
) -> Outcome<()> {
    let less: &mut Less<'_> = &mut less;
    let length = order.len();
    let shortest = shortest_run(length);
    let mut runs: Vec<(usize, usize)> = Vec::new();
    let mut start = 0;
    while start < length {
        let mut end = run_end(cx, order, start, less)?;
        if end - start < shortest {
            let forced = (start + shortest).min(length);
            insert(cx, &mut order[start..forced], end - start, less)?;
            end = forced;
        }
        runs.push((start, end));
        while let Some(place) = unbalanced(&runs) {
            merge_runs(cx, order, &mut runs, place, less)?;
        }
        start = end;
    }
    while runs.len() > 1 {
        let last = runs.len() - 2;
        let place = match runs.len() {
            2 => 0,
            _ if size(runs[last - 1]) < size(runs[last + 1]) => last - 1,
            _ => last,
        };
        merge_runs(cx, order, &mut runs, place, less)?;
    }
    Ok(())
}

fn size(run: (usize, usize)) -> usize {
    run.1 - run.0
}

/// Between 32 and 64, so that the number of runs is a power of two or a little less.
fn shortest_run(mut length: usize) -> usize {
    let mut rest = 0;
    while length >= SHORT {
        rest |= length & 1;
        length >>= 1;
    }
    length + rest
}

/// The place of the run to merge with the one after it, as long as the lengths do not fall fast
/// enough towards the end.
fn unbalanced(runs: &[(usize, usize)]) -> Option<usize> {
    let count = runs.len();
    if count < 2 {
        return None;
    }
    let last = count - 2;
    let length = |place: usize| size(runs[place]);
    let too_long = (last > 0 && length(last - 1) <= length(last) + length(last + 1))
        || (last > 1 && length(last - 2) <= length(last - 1) + length(last));
    if too_long {
        return Some(if length(last - 1) < length(last + 1) {
            last - 1
        } else {
            last
        });
    }
    (length(last) <= length(last + 1)).then_some(last)
}

/// Where the run that begins at `start` ends; one that falls is turned round. Equal items within
/// a falling run keep their order.
fn run_end(
    cx: &mut Context,
    order: &mut [usize],
    start: usize,
    less: &mut Less<'_>,
) -> Outcome<usize> {
    let length = order.len();
    let mut end = start + 1;
    while end < length && !less(cx, order[end], order[end - 1])? {
        end += 1;
    }
    if end == length {
        return Ok(end);
    }
    if end > start + 1 {
        if less(cx, order[start], order[end - 1])? {
            return Ok(end);
        }
        // All are equal so far: they stand in reverse order already, once turned round.
        order[start..end].reverse();
    }
    end += 1;
    let mut equal = 0;
    while end < length {
        if less(cx, order[end], order[end - 1])? {
            turn_equal(order, end, &mut equal);
        } else if less(cx, order[end - 1], order[end])? {
            break;
        } else {
            equal += 1;
        }
        end += 1;
    }
    turn_equal(order, end, &mut equal);
    order[start..end].reverse();
    while end < length && !less(cx, order[end], order[end - 1])? {
        end += 1;
    }
    Ok(end)
}

/// Turns the stretch of equal items round that ends here.
fn turn_equal(order: &mut [usize], end: usize, equal: &mut usize) {
    if *equal > 0 {
        order[end - *equal - 1..end].reverse();
        *equal = 0;
    }
}

/// Sorts by binary insertion; the first `sorted` are sorted already.
fn insert(
    cx: &mut Context,
    order: &mut [usize],
    sorted: usize,
    less: &mut Less<'_>,
) -> Outcome<()> {
    for place in sorted..order.len() {
        let pivot = order[place];
        let (mut low, mut high) = (0, place);
        while low < high {
            let middle = (low + high) / 2;
            if less(cx, pivot, order[middle])? {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        order[low..=place].rotate_right(1);
    }
    Ok(())
}

fn merge_runs(
    cx: &mut Context,
    order: &mut [usize],
    runs: &mut Vec<(usize, usize)>,
    place: usize,
    less: &mut Less<'_>,
) -> Outcome<()> {
    let (start, middle) = runs[place];
    let (_, end) = runs.remove(place + 1);
    runs[place] = (start, end);
    cx.safepoint()?;
    merge(cx, &mut order[start..end], middle - start, less)
}

/// Merges two sorted halves. On an error what is not merged yet keeps its order.
fn merge(cx: &mut Context, order: &mut [usize], middle: usize, less: &mut Less<'_>) -> Outcome<()> {
    let first: Vec<usize> = order[..middle].to_vec();
    let (mut left, mut right, mut place) = (0, middle, 0);
    while left < first.len() && right < order.len() {
        let take_right = match less(cx, order[right], first[left]) {
            Ok(answer) => answer,
            Err(raised) => {
                order[place..right].copy_from_slice(&first[left..]);
                return Err(raised);
            }
        };
        if take_right {
            order[place] = order[right];
            right += 1;
        } else {
            order[place] = first[left];
            left += 1;
        }
        place += 1;
    }
    let rest = first.len() - left;
    order[place..place + rest].copy_from_slice(&first[left..]);
    Ok(())
}
