//! Iterators that go once through others: `chain`, `islice`, `takewhile`, …. It must not know who
//! asks them.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{arguments, only_keyword};
use crate::eval::context::Context;
use crate::library::arguments::{Signature, exactly, no_keywords};
use crate::value::exception::value_error;
use crate::value::function::Args;
use crate::value::iterator::{Iterate, NativeIterator};
use crate::value::lock::Guarded;
use crate::value::operator::BinaryOperator;
use crate::value::{Outcome, Value, arithmetic, iterate, slice, truth};

// ---- chain ----

struct Chain {
    /// The iterables that are left, and the iterator of the present one.
    state: Guarded<(Option<Value>, Option<Value>)>,
}

pub(super) fn chain(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let rest = arguments("itertools.chain", args)?;
    let iterables = no_keywords("chain", rest)?;
    chained(cx, &Value::tuple(iterables.to_vec()))
}

pub(super) fn from_iterable(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [_, iterables] = exactly("from_iterable", args)?;
    chained(cx, iterables)
}

fn chained(cx: &mut Context, iterables: &Value) -> Outcome<Value> {
    let iterables = iterate::iterate(cx, iterables)?;
    Ok(NativeIterator::value(Chain {
        state: Guarded::new((Some(iterables), None)),
    }))
}

impl Iterate for Chain {
    fn next(&self, cx: &mut Context) -> Outcome<Option<Value>> {
        loop {
            let (iterables, present) = {
                let state = self.state.lock();
                (state.0.clone(), state.1.clone())
            };
            if let Some(present) = present {
                if let Some(item) = iterate::next(cx, &present)? {
                    return Ok(Some(item));
                }
                let mut state = self.state.lock();
                let ended = match &state.1 {
                    Some(now) if now.same(&present) => state.1.take(),
                    _ => None,
                };
                drop(state);
                drop(ended);
                continue;
            }
            let Some(iterables) = iterables else {
                return Ok(None);
            };
            match iterate::next(cx, &iterables)? {
                Some(iterable) => {
                    let iterator = iterate::iterate(cx, &iterable)?;
                    let old = self.state.lock().1.replace(iterator);
                    drop(old);
                }
                None => {
                    let ended = self.state.lock().0.take();
                    drop(ended);
                    return Ok(None);
                }
            }
        }
    }

    fn type_name(&self) -> &'static str {
        "itertools.chain"
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        let state = self.state.lock();
        state.0.iter().for_each(&mut *visit);
        state.1.iter().for_each(visit);
    }
}

// ---- compress, dropwhile, takewhile, filterfalse, starmap: a source and something to ask ----

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Compress,
    DropWhile,
    TakeWhile,
    FilterFalse,
    StarMap,
}

struct Selecting {
    way: Way,
    source: Value,
    /// The selectors of `compress`, the function of the others.
    by: Value,
    /// Whether `dropwhile` has begun, or `takewhile` ended.
    turned: AtomicBool,
}

const COMPRESS: Signature<2> = Signature::new("compress", ["data", "selectors"]).required(2);

pub(super) fn compress(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let rest = arguments("itertools.compress", args)?;
    let [data, selectors] = COMPRESS.bind(rest)?;
    let (data, selectors) = (
        data.cloned().unwrap_or_default(),
        selectors.cloned().unwrap_or_default(),
    );
    let source = iterate::iterate(cx, &data)?;
    let by = iterate::iterate(cx, &selectors)?;
    Ok(selecting(Way::Compress, source, by))
}

fn selecting(way: Way, source: Value, by: Value) -> Value {
    NativeIterator::value(Selecting {
        way,
        source,
        by,
        turned: AtomicBool::new(false),
    })
}

fn with_function(
    cx: &mut Context,
    way: Way,
    class: &'static str,
    name: &str,
    args: Args<'_>,
) -> Outcome<Value> {
    let rest = arguments(class, args)?;
    let [function, iterable] = exactly(name, rest)?;
    let source = iterate::iterate(cx, iterable)?;
    Ok(selecting(way, source, function.clone()))
}

pub(super) fn dropwhile(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    with_function(cx, Way::DropWhile, "itertools.dropwhile", "dropwhile", args)
}

pub(super) fn takewhile(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    with_function(cx, Way::TakeWhile, "itertools.takewhile", "takewhile", args)
}

pub(super) fn filterfalse(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    with_function(
        cx,
        Way::FilterFalse,
        "itertools.filterfalse",
        "filterfalse",
        args,
    )
}

pub(super) fn starmap(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    with_function(cx, Way::StarMap, "itertools.starmap", "starmap", args)
}

impl Selecting {
    fn holds(&self, cx: &mut Context, item: &Value) -> Outcome<bool> {
        if self.by.is_none() {
            return truth::truthy(cx, item);
        }
        let result = cx.call(&self.by, std::slice::from_ref(item))?;
        truth::truthy(cx, &result)
    }
}

impl Iterate for Selecting {
    fn next(&self, cx: &mut Context) -> Outcome<Option<Value>> {
        loop {
            if self.way == Way::TakeWhile && self.turned.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let Some(item) = iterate::next(cx, &self.source)? else {
                return Ok(None);
            };
            match self.way {
                Way::Compress => {
                    let Some(selector) = iterate::next(cx, &self.by)? else {
                        return Ok(None);
                    };
                    if truth::truthy(cx, &selector)? {
                        return Ok(Some(item));
                    }
                }
                Way::DropWhile => {
                    if self.turned.load(Ordering::Relaxed) {
                        return Ok(Some(item));
                    }
                    if !self.holds(cx, &item)? {
                        self.turned.store(true, Ordering::Relaxed);
                        return Ok(Some(item));
                    }
                }
                Way::TakeWhile => {
                    if self.holds(cx, &item)? {
                        return Ok(Some(item));
                    }
                    self.turned.store(true, Ordering::Relaxed);
                    return Ok(None);
                }
                Way::FilterFalse => {
                    if !self.holds(cx, &item)? {
                        return Ok(Some(item));
                    }
                }
                Way::StarMap => {
                    let values = iterate::collect(cx, &item)?;
                    return cx.call(&self.by, &values).map(Some);
                }
            }
            cx.safepoint()?;
        }
    }

    fn type_name(&self) -> &'static str {
        match self.way {
            Way::Compress => "itertools.compress",
            Way::DropWhile => "itertools.dropwhile",
            Way::TakeWhile => "itertools.takewhile",
            Way::FilterFalse => "itertools.filterfalse",
            Way::StarMap => "itertools.starmap",
        }
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.source);
        visit(&self.by);
    }
}

// ---- islice ----

struct Slicing {
    state: Guarded<SliceState>,
    stop: Option<usize>,
    step: usize,
}

struct SliceState {
    source: Option<Value>,
    /// How many items were taken from the source, and at which the next one is given.
    count: usize,
    next: usize,
}

pub(super) fn islice(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let rest = arguments("itertools.islice", args)?;
    let values = crate::library::arguments::between("islice", rest, 2, 4)?;
    const STOP: &str =
        "Stop argument for islice() must be None or an integer: 0 <= x <= sys.maxsize.";
    const INDICES: &str = "Indices for islice() must be None or an integer: 0 <= x <= sys.maxsize.";
    const STEP: &str = "Step for islice() must be a positive integer or None.";
    let mut number = |value: &Value, message: &str| -> Outcome<Option<usize>> {
        if value.is_none() {
            return Ok(None);
        }
        match slice::try_index(cx, value)? {
            Some(Value::Int(number)) if number >= 0 => Ok(Some(number as usize)),
            _ => Err(value_error(message)),
        }
    };
    let (start, stop, step) = match values {
        [_, stop] => (0, number(stop, STOP)?, 1),
        [_, start, stop, rest @ ..] => (
            number(start, INDICES)?.unwrap_or(0),
            number(stop, STOP)?,
            match rest.first() {
                Some(step) => number(step, STEP)?.unwrap_or(1),
                None => 1,
            },
        ),
        _ => (0, None, 1),
    };
    if step == 0 {
        return Err(value_error(STEP));
    }
    let source = iterate::iterate(cx, &values[0])?;
    Ok(NativeIterator::value(Slicing {
        state: Guarded::new(SliceState {
            source: Some(source),
            count: 0,
            next: start,
        }),
        stop,
        step,
    }))
}

impl Iterate for Slicing {
    fn next(&self, cx: &mut Context) -> Outcome<Option<Value>> {
        loop {
            let (source, give) = {
                let mut state = self.state.lock();
                let Some(source) = state.source.clone() else {
                    return Ok(None);
                };
                let ended = match self.stop {
                    // What is left out at the start is taken all the same.
                    Some(stop) => state.next >= stop && state.count >= stop,
                    None => false,
                };
                if ended {
                    let source = state.source.take();
                    drop(state);
                    drop(source);
                    return Ok(None);
                }
                let give =
                    state.count == state.next && self.stop.is_none_or(|stop| state.count < stop);
                state.count += 1;
                if give {
                    state.next = state.next.saturating_add(self.step);
                }
                (source, give)
            };
            match iterate::next(cx, &source)? {
                Some(item) if give => return Ok(Some(item)),
                Some(_) => {}
                None => {
                    let ended = self.state.lock().source.take();
                    drop(ended);
                    return Ok(None);
                }
            }
            cx.safepoint()?;
        }
    }

    fn type_name(&self) -> &'static str {
        "itertools.islice"
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        self.state.lock().source.iter().for_each(visit);
    }
}

// ---- accumulate ----

struct Accumulating {
    source: Value,
    function: Option<Value>,
    /// The total so far, and whether it is still to be given as it is.
    state: Guarded<(Option<Value>, bool)>,
}

const ACCUMULATE: Signature<3> = Signature::new("accumulate", ["iterable", "func", "initial"])
    .required(1)
    .positional(2);

pub(super) fn accumulate(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let rest = arguments("itertools.accumulate", args)?;
    let [iterable, function, initial] = ACCUMULATE.bind(rest)?;
    let iterable = iterable.cloned().unwrap_or_default();
    let given = |value: Option<&Value>| value.filter(|value| !value.is_none()).cloned();
    let initial = given(initial);
    let fresh = initial.is_some();
    Ok(NativeIterator::value(Accumulating {
        source: iterate::iterate(cx, &iterable)?,
        function: given(function),
        state: Guarded::new((initial, fresh)),
    }))
}

impl Iterate for Accumulating {
    fn next(&self, cx: &mut Context) -> Outcome<Option<Value>> {
        let (total, fresh) = {
            let mut state = self.state.lock();
            (state.0.clone(), std::mem::take(&mut state.1))
        };
        if fresh {
            return Ok(total);
        }
        let Some(item) = iterate::next(cx, &self.source)? else {
            return Ok(None);
        };
        let total = match (total, &self.function) {
            (None, _) => item,
            (Some(total), Some(function)) => cx.call(function, &[total, item])?,
            (Some(total), None) => arithmetic::binary(cx, BinaryOperator::Add, &total, &item)?,
        };
        let old = self.state.lock().0.replace(total.clone());
        drop(old);
        Ok(Some(total))
    }

    fn type_name(&self) -> &'static str {
        "itertools.accumulate"
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.source);
        self.function.iter().for_each(&mut *visit);
        self.state.lock().0.iter().for_each(visit);
    }
}

// ---- zip_longest ----

struct ZipLongest {
    /// `None` for one that has ended.
    sources: Guarded<Vec<Option<Value>>>,
    fill: Value,
}

pub(super) fn zip_longest(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let rest = arguments("itertools.zip_longest", args)?;
    let (iterables, fill) = only_keyword("zip_longest", rest, "fillvalue")?;
    let mut sources = Vec::with_capacity(iterables.len());
    for iterable in iterables {
        sources.push(Some(iterate::iterate(cx, iterable)?));
    }
    Ok(NativeIterator::value(ZipLongest {
        sources: Guarded::new(sources),
        fill: fill.cloned().unwrap_or_default(),
    }))
}

impl Iterate for ZipLongest {
    fn next(&self, cx: &mut Context) -> Outcome<Option<Value>> {
        let sources = self.sources.lock().clone();
        let mut items = Vec::with_capacity(sources.len());
        let mut active = 0;
        for (place, source) in sources.iter().enumerate() {
            let item = match source {
                Some(source) => iterate::next(cx, source)?,
                None => None,
            };
            match item {
                Some(item) => {
                    active += 1;
                    items.push(item);
                }
                None => {
                    let ended = self.sources.lock()[place].take();
                    drop(ended);
                    items.push(self.fill.clone());
                }
            }
        }
        Ok((active > 0).then(|| Value::tuple(items)))
    }

    fn type_name(&self) -> &'static str {
        "itertools.zip_longest"
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        self.sources.lock().iter().flatten().for_each(&mut *visit);
        visit(&self.fill);
    }
}
