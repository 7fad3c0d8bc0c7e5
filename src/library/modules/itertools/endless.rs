//! `count`, `cycle`, `repeat`. It must not know who asks them.

use std::sync::atomic::{AtomicI64, Ordering};

use super::arguments;
use crate::eval::context::Context;
use crate::library::arguments::Signature;
use crate::value::exception::type_error;
use crate::value::function::Args;
use crate::value::iterator::{Iterate, NativeIterator};
use crate::value::lock::Guarded;
use crate::value::operator::BinaryOperator;
use crate::value::{Outcome, Value, arithmetic, iterate, slice};

/// Counts in small integers: each number goes to one caller.
struct SmallCount {
    next: AtomicI64,
    step: i64,
}

/// Counts in anything that can be added.
struct Count {
    next: Guarded<Value>,
    step: Value,
}

const COUNT: Signature<2> = Signature::new("count", ["start", "step"]);

pub(super) fn count(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let rest = arguments("itertools.count", args)?;
    let [start, step] = COUNT.bind(rest)?;
    let start = start.cloned().unwrap_or(Value::Int(0));
    let step = step.cloned().unwrap_or(Value::Int(1));
    for value in [&start, &step] {
        let is_number = matches!(
            value.unwrapped(),
            Value::Int(_) | Value::BigInt(_) | Value::Float(_) | Value::Bool(_)
        ) || value.as_instance().is_some_and(|instance| {
            ["__float__", "__index__", "__int__"].iter().any(|name| {
                instance
                    .class()
                    .lookup(crate::value::name::Name::new(name))
                    .is_some()
            })
        });
        if !is_number {
            return Err(type_error("a number is required"));
        }
    }
    // Beyond these the fast form could overflow before a thread's lifetime is over.
    const LARGE: i64 = 1 << 40;
    if let (Value::Int(start), Value::Int(step)) = (&start, &step)
        && start.abs() < LARGE
        && step.abs() < 1 << 16
    {
        return Ok(NativeIterator::value(SmallCount {
            next: AtomicI64::new(*start),
            step: *step,
        }));
    }
    Ok(NativeIterator::value(Count {
        next: Guarded::new(start),
        step,
    }))
}

impl Iterate for SmallCount {
    fn next(&self, _: &mut Context) -> Outcome<Option<Value>> {
        Ok(Some(Value::Int(
            self.next.fetch_add(self.step, Ordering::Relaxed),
        )))
    }

    fn call_form(&self) -> Option<(&'static str, Vec<Value>)> {
        let next = Value::Int(self.next.load(Ordering::Relaxed));
        Some((
            "count",
            match self.step {
                1 => vec![next],
                step => vec![next, Value::Int(step)],
            },
        ))
    }

    fn type_name(&self) -> &'static str {
        "itertools.count"
    }
}

impl Iterate for Count {
    fn next(&self, cx: &mut Context) -> Outcome<Option<Value>> {
        loop {
            let present = self.next.lock().clone();
            let following = arithmetic::binary(cx, BinaryOperator::Add, &present, &self.step)?;
            let mut next = self.next.lock();
            // Another thread may have taken this one meanwhile.
            if next.same(&present) {
                let old = std::mem::replace(&mut *next, following);
                drop(next);
                return Ok(Some(old));
            }
            drop(next);
            cx.safepoint()?;
        }
    }

    fn call_form(&self) -> Option<(&'static str, Vec<Value>)> {
        let next = self.next.lock().clone();
        Some((
            "count",
            match self.step {
                Value::Int(1) => vec![next],
                ref step => vec![next, step.clone()],
            },
        ))
    }

    fn type_name(&self) -> &'static str {
        "itertools.count"
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.next.lock());
        visit(&self.step);
    }
}

struct Cycle {
    state: Guarded<Cycling>,
}

struct Cycling {
    /// Until it has ended.
    source: Option<Value>,
    saved: Vec<Value>,
    place: usize,
}

pub(super) fn cycle(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let rest = arguments("itertools.cycle", args)?;
    let [iterable] = crate::library::arguments::exactly("cycle", rest)?;
    Ok(NativeIterator::value(Cycle {
        state: Guarded::new(Cycling {
            source: Some(iterate::iterate(cx, iterable)?),
            saved: Vec::new(),
            place: 0,
        }),
    }))
}

impl Iterate for Cycle {
    fn next(&self, cx: &mut Context) -> Outcome<Option<Value>> {
        let source = self.state.lock().source.clone();
        if let Some(source) = source {
            if let Some(item) = iterate::next(cx, &source)? {
                self.state.lock().saved.push(item.clone());
                return Ok(Some(item));
            }
            let ended = self.state.lock().source.take();
            drop(ended);
        }
        let mut state = self.state.lock();
        let place = state.place;
        let item = state.saved.get(place).cloned();
        state.place = if place + 1 >= state.saved.len() {
            0
        } else {
            place + 1
        };
        Ok(item)
    }

    fn type_name(&self) -> &'static str {
        "itertools.cycle"
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        let state = self.state.lock();
        state.source.iter().for_each(&mut *visit);
        state.saved.iter().for_each(visit);
    }
}

struct Repeat {
    item: Value,
    /// Negative for ever.
    left: AtomicI64,
}

const REPEAT: Signature<2> = Signature::new("repeat", ["object", "times"]).required(1);

pub(super) fn repeat(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let rest = arguments("itertools.repeat", args)?;
    let [item, times] = REPEAT.bind(rest)?;
    let left = match times {
        Some(times) => slice::index(cx, times)?.max(0),
        None => -1,
    };
    Ok(NativeIterator::value(Repeat {
        item: item.cloned().unwrap_or_default(),
        left: AtomicI64::new(left),
    }))
}

impl Iterate for Repeat {
    fn next(&self, _: &mut Context) -> Outcome<Option<Value>> {
        if self.left.load(Ordering::Relaxed) < 0 {
            return Ok(Some(self.item.clone()));
        }
        let taken = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                (left > 0).then(|| left - 1)
            });
        Ok(taken.is_ok().then(|| self.item.clone()))
    }

    fn call_form(&self) -> Option<(&'static str, Vec<Value>)> {
        let item = self.item.clone();
        Some((
            "repeat",
            match self.left.load(Ordering::Relaxed) {
                left @ 0.. => vec![item, Value::Int(left)],
                _ => vec![item],
            },
        ))
    }

    fn type_name(&self) -> &'static str {
        "itertools.repeat"
    }

    fn length_hint(&self) -> Option<usize> {
        usize::try_from(self.left.load(Ordering::Relaxed)).ok()
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.item);
    }
}
