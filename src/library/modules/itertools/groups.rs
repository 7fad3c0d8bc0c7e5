//! Iterators that give items together: `groupby`, `pairwise`, `batched`, and `tee`, which gives
//! each item several times. It must not know who asks them.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{arguments, size};
use crate::eval::context::Context;
use crate::library::arguments::{Signature, between, exactly, flag};
use crate::value::exception::value_error;
use crate::value::function::Args;
use crate::value::iterator::{Iterate, NativeIterator};
use crate::value::lock::Guarded;
use crate::value::room::filled;
use crate::value::{Outcome, Value, compare, iterate};

// ---- pairwise ----

struct Pairs {
    source: Value,
    last: Guarded<Option<Value>>,
}

pub(super) fn pairwise(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let rest = arguments("itertools.pairwise", args)?;
    let [iterable] = exactly("pairwise", rest)?;
    Ok(NativeIterator::value(Pairs {
        source: iterate::iterate(cx, iterable)?,
        last: Guarded::new(None),
    }))
}

impl Iterate for Pairs {
    fn next(&self, cx: &mut Context) -> Outcome<Option<Value>> {
        let last = self.last.lock().clone();
        let first = match last {
            Some(last) => last,
            None => match iterate::next(cx, &self.source)? {
                Some(first) => first,
                None => return Ok(None),
            },
        };
        let next = iterate::next(cx, &self.source)?;
        let old = std::mem::replace(&mut *self.last.lock(), next.clone());
        drop(old);
        Ok(next.map(|next| Value::tuple_of([first, next])))
    }

    fn type_name(&self) -> &'static str {
        "itertools.pairwise"
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.source);
        self.last.lock().iter().for_each(visit);
    }
}

// ---- batched ----

struct Batches {
    source: Value,
    size: usize,
    strict: bool,
}

const BATCHED: Signature<3> = Signature::new("batched", ["iterable", "n", "strict"])
    .required(2)
    .positional(2);

pub(super) fn batched(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let rest = arguments("itertools.batched", args)?;
    let [Some(iterable), Some(count), strict] = BATCHED.bind(rest)? else {
        return Ok(Value::None);
    };
    let size = size(cx, count, "n must be at least one")?;
    if size == 0 {
        return Err(value_error("n must be at least one"));
    }
    Ok(NativeIterator::value(Batches {
        source: iterate::iterate(cx, iterable)?,
        size,
        strict: flag(cx, strict, false)?,
    }))
}

impl Iterate for Batches {
    fn next(&self, cx: &mut Context) -> Outcome<Option<Value>> {
        let mut items = Vec::new();
        while items.len() < self.size {
            match iterate::next(cx, &self.source)? {
                Some(item) => items.push(item),
                None => break,
            }
            cx.safepoint()?;
        }
        if items.is_empty() {
            return Ok(None);
        }
        if self.strict && items.len() < self.size {
            return Err(value_error("batched(): incomplete batch"));
        }
        Ok(Some(Value::tuple(items)))
    }

    fn type_name(&self) -> &'static str {
        "itertools.batched"
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.source);
    }
}

// ---- groupby ----

struct Groups {
    shared: Arc<GroupSource>,
}

struct GroupSource {
    source: Value,
    key: Value,
    state: Guarded<GroupState>,
}

#[derive(Default)]
struct GroupState {
    /// The item that was looked at and belongs to a group not yet begun, or not yet given.
    ahead: Option<(Value, Value)>,
    /// The key of the present group.
    present: Option<Value>,
    /// The number of the present group: older ones are at their end.
    number: u64,
}

struct Group {
    shared: Arc<GroupSource>,
    key: Value,
    number: u64,
}

const GROUPBY: Signature<2> = Signature::new("groupby", ["iterable", "key"]).required(1);

pub(super) fn groupby(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let rest = arguments("itertools.groupby", args)?;
    let [iterable, key] = GROUPBY.bind(rest)?;
    let iterable = iterable.cloned().unwrap_or_default();
    Ok(NativeIterator::value(Groups {
        shared: Arc::new(GroupSource {
            source: iterate::iterate(cx, &iterable)?,
            key: key.cloned().unwrap_or_default(),
            state: Guarded::default(),
        }),
    }))
}

impl GroupSource {
    /// The next item with its key.
    fn pull(&self, cx: &mut Context) -> Outcome<Option<(Value, Value)>> {
        let ahead = self.state.lock().ahead.take();
        if ahead.is_some() {
            return Ok(ahead);
        }
        let Some(item) = iterate::next(cx, &self.source)? else {
            return Ok(None);
        };
        let key = if self.key.is_none() {
            item.clone()
        } else {
            cx.call(&self.key, std::slice::from_ref(&item))?
        };
        Ok(Some((key, item)))
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.source);
        visit(&self.key);
        let state = self.state.lock();
        if let Some((key, item)) = &state.ahead {
            visit(key);
            visit(item);
        }
        state.present.iter().for_each(visit);
    }
}

impl Iterate for Groups {
    fn next(&self, cx: &mut Context) -> Outcome<Option<Value>> {
        let shared = &self.shared;
        let (old, number) = {
            let mut state = shared.state.lock();
            state.number += 1;
            (state.present.clone(), state.number)
        };
        loop {
            let Some((key, item)) = shared.pull(cx)? else {
                return Ok(None);
            };
            // What is left of the group before.
            if let Some(old) = &old
                && compare::identical_or_equal(cx, old, &key)?
            {
                cx.safepoint()?;
                continue;
            }
            let mut state = shared.state.lock();
            let before = (
                state.ahead.replace((key.clone(), item)),
                state.present.replace(key.clone()),
            );
            drop(state);
            drop(before);
            let group = NativeIterator::value(Group {
                shared: shared.clone(),
                key: key.clone(),
                number,
            });
            return Ok(Some(Value::tuple_of([key, group])));
        }
    }

    fn type_name(&self) -> &'static str {
        "itertools.groupby"
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        if Arc::strong_count(&self.shared) == 1 {
            self.shared.traverse(visit);
        }
    }
}

impl Iterate for Group {
    fn next(&self, cx: &mut Context) -> Outcome<Option<Value>> {
        if self.shared.state.lock().number != self.number {
            return Ok(None);
        }
        let Some((key, item)) = self.shared.pull(cx)? else {
            return Ok(None);
        };
        if compare::identical_or_equal(cx, &self.key, &key)? {
            return Ok(Some(item));
        }
        let old = self.shared.state.lock().ahead.replace((key, item));
        drop(old);
        Ok(None)
    }

    fn type_name(&self) -> &'static str {
        "itertools._grouper"
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.key);
        if Arc::strong_count(&self.shared) == 1 {
            self.shared.traverse(visit);
        }
    }
}

// ---- tee ----

struct TeeSource {
    source: Value,
    state: Guarded<TeeState>,
}

#[derive(Default)]
struct TeeState {
    /// The items that some branch has not had yet; `first` is the number of the first of them.
    items: VecDeque<Value>,
    first: usize,
    /// How far each branch has come.
    places: Vec<usize>,
    ended: bool,
}

struct Branch {
    shared: Arc<TeeSource>,
    number: usize,
}

pub(super) fn tee(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let values = between("tee", args, 1, 2)?;
    let count = match values.get(1) {
        Some(count) => size(cx, count, "n must be >= 0")?,
        None => 2,
    };
    let source = iterate::iterate(cx, &values[0])?;
    let shared = Arc::new(TeeSource {
        source,
        state: Guarded::new(TeeState {
            places: filled(0, count)?,
            ..TeeState::default()
        }),
    });
    let branches = (0..count).map(|number| {
        NativeIterator::value(Branch {
            shared: shared.clone(),
            number,
        })
    });
    Ok(Value::tuple(branches.collect()))
}

impl Iterate for Branch {
    fn next(&self, cx: &mut Context) -> Outcome<Option<Value>> {
        loop {
            let mut state = self.shared.state.lock();
            let place = state.places[self.number];
            let known = state.items.get(place.wrapping_sub(state.first)).cloned();
            if let Some(item) = known {
                state.places[self.number] = place + 1;
                let least = state.places.iter().copied().min().unwrap_or(place);
                let count = least.saturating_sub(state.first).min(state.items.len());
                let gone: Vec<Value> = state.items.drain(..count).collect();
                state.first += count;
                drop(state);
                drop(gone);
                return Ok(Some(item));
            }
            if state.ended {
                return Ok(None);
            }
            drop(state);
            match iterate::next(cx, &self.shared.source)? {
                Some(item) => self.shared.state.lock().items.push_back(item),
                None => {
                    self.shared.state.lock().ended = true;
                    return Ok(None);
                }
            }
        }
    }

    fn type_name(&self) -> &'static str {
        "itertools._tee"
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        if Arc::strong_count(&self.shared) == 1 {
            visit(&self.shared.source);
            self.shared.state.lock().items.iter().for_each(visit);
        }
    }
}

impl Drop for Branch {
    fn drop(&mut self) {
        // It holds nothing back any more.
        self.shared.state.lock().places[self.number] = usize::MAX;
    }
}
