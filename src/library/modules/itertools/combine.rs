//! `product`, `permutations`, `combinations` and `combinations_with_replacement`: indices into
//! pools that step from one arrangement to the next, in lexicographic order. It must not know who
//! asks them.

use super::{arguments, only_keyword, size};
use crate::eval::context::Context;
use crate::library::arguments::Signature;
use crate::value::exception::{memory_error, type_error};
use crate::value::function::Args;
use crate::value::iterator::{Iterate, NativeIterator};
use crate::value::lock::Guarded;
use crate::value::{Outcome, Value, iterate};

/// Places of one arrangement: more there is no memory for, or nobody's time.
const MOST: usize = 1 << 24;

/// Which arrangements.
#[derive(Clone, Copy)]
enum Kind {
    Product,
    Permutations,
    Combinations,
    WithReplacement,
}

struct Arrangements {
    kind: Kind,
    /// One pool for each place of a product, one for all others.
    pools: Vec<Vec<Value>>,
    /// The places of the next arrangement in the pools; `None` at the end. Of permutations all
    /// places of the pool, of which the first `length` count, with a countdown for each.
    state: Guarded<Option<(Vec<usize>, Vec<usize>)>>,
    length: usize,
}

pub(super) fn product(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let rest = arguments("itertools.product", args)?;
    let (iterables, repeat) = only_keyword("product", rest, "repeat")?;
    let repeat = match repeat {
        Some(repeat) => size(cx, repeat, "repeat argument cannot be negative")?,
        None => 1,
    };
    let mut once = Vec::with_capacity(iterables.len());
    for iterable in iterables {
        once.push(iterate::collect(cx, iterable)?);
    }
    let length = once
        .len()
        .checked_mul(repeat)
        .filter(|length| *length < MOST)
        .ok_or_else(|| memory_error(""))?;
    let mut pools = Vec::with_capacity(length);
    while pools.len() < length {
        pools.extend(once.iter().cloned());
    }
    let first = pools
        .iter()
        .all(|pool| !pool.is_empty())
        .then(|| (vec![0; length], Vec::new()));
    Ok(NativeIterator::value(Arrangements {
        kind: Kind::Product,
        pools,
        state: Guarded::new(first),
        length,
    }))
}

fn from_pool(
    cx: &mut Context,
    kind: Kind,
    iterable: &Value,
    length: Option<&Value>,
) -> Outcome<Value> {
    let pool = iterate::collect(cx, iterable)?;
    let count = pool.len();
    let length = match length {
        None | Some(Value::None) if matches!(kind, Kind::Permutations) => count,
        Some(length) => {
            if matches!(kind, Kind::Permutations)
                && crate::value::slice::try_index(cx, length)?.is_none()
            {
                return Err(type_error("Expected int as r"));
            }
            size(cx, length, "r must be non-negative")?
        }
        None => 0,
    };
    let first = match kind {
        Kind::Permutations => (length <= count).then(|| {
            let cycles = (0..length).map(|place| count - place).collect();
            ((0..count).collect(), cycles)
        }),
        Kind::Combinations => (length <= count).then(|| ((0..length).collect(), Vec::new())),
        // Few items make arrangements of any length.
        _ if length >= MOST => return Err(memory_error("")),
        _ => (length == 0 || count > 0).then(|| (vec![0; length], Vec::new())),
    };
    Ok(NativeIterator::value(Arrangements {
        kind,
        pools: vec![pool],
        state: Guarded::new(first),
        length,
    }))
}

const PERMUTATIONS: Signature<2> = Signature::new("permutations", ["iterable", "r"]).required(1);
const COMBINATIONS: Signature<2> = Signature::new("combinations", ["iterable", "r"]).required(2);
const WITH_REPLACEMENT: Signature<2> =
    Signature::new("combinations_with_replacement", ["iterable", "r"]).required(2);

pub(super) fn permutations(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [iterable, length] = PERMUTATIONS.bind(arguments("itertools.permutations", args)?)?;
    let iterable = iterable.cloned().unwrap_or_default();
    from_pool(cx, Kind::Permutations, &iterable, length)
}

pub(super) fn combinations(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [iterable, length] = COMBINATIONS.bind(arguments("itertools.combinations", args)?)?;
    let iterable = iterable.cloned().unwrap_or_default();
    from_pool(cx, Kind::Combinations, &iterable, length)
}

pub(super) fn combinations_with_replacement(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let rest = arguments("itertools.combinations_with_replacement", args)?;
    let [iterable, length] = WITH_REPLACEMENT.bind(rest)?;
    let iterable = iterable.cloned().unwrap_or_default();
    from_pool(cx, Kind::WithReplacement, &iterable, length)
}

impl Arrangements {
    /// Steps to the next arrangement; `false` when there is none.
    fn advance(&self, places: &mut [usize], cycles: &mut [usize]) -> bool {
        match self.kind {
            Kind::Product => {
                for place in (0..self.length).rev() {
                    places[place] += 1;
                    if places[place] < self.pools[place].len() {
                        return true;
                    }
                    places[place] = 0;
                }
                false
            }
            Kind::Permutations => {
                let count = places.len();
                for place in (0..self.length).rev() {
                    cycles[place] -= 1;
                    if cycles[place] == 0 {
                        places[place..].rotate_left(1);
                        cycles[place] = count - place;
                    } else {
                        places.swap(place, count - cycles[place]);
                        return true;
                    }
                }
                false
            }
            Kind::Combinations => {
                let count = self.pools[0].len();
                for place in (0..self.length).rev() {
                    if places[place] < count - self.length + place {
                        let first = places[place] + 1;
                        for (offset, slot) in places[place..].iter_mut().enumerate() {
                            *slot = first + offset;
                        }
                        return true;
                    }
                }
                false
            }
            Kind::WithReplacement => {
                let count = self.pools[0].len();
                for place in (0..self.length).rev() {
                    if places[place] + 1 < count {
                        let value = places[place] + 1;
                        places[place..].fill(value);
                        return true;
                    }
                }
                false
            }
        }
    }
}

impl Iterate for Arrangements {
    fn next(&self, _: &mut Context) -> Outcome<Option<Value>> {
        let mut state = self.state.lock();
        let Some((places, cycles)) = &mut *state else {
            return Ok(None);
        };
        let chosen: Vec<usize> = places[..self.length].to_vec();
        if !self.advance(places, cycles) {
            *state = None;
        }
        drop(state);
        let items = chosen.into_iter().enumerate().map(|(at, place)| {
            let pool = if self.pools.len() == 1 { 0 } else { at };
            self.pools[pool][place].clone()
        });
        Ok(Some(Value::tuple(items.collect())))
    }

    fn type_name(&self) -> &'static str {
        match self.kind {
            Kind::Product => "itertools.product",
            Kind::Permutations => "itertools.permutations",
            Kind::Combinations => "itertools.combinations",
            Kind::WithReplacement => "itertools.combinations_with_replacement",
        }
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        self.pools.iter().flatten().for_each(visit);
    }
}
