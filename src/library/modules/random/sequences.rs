//! `choice`, `choices`, `sample`, `shuffle`. It must not know how numbers are drawn.

use num_traits::ToPrimitive;

use super::source::Source;
use super::{below, length, receiver};
use crate::eval::context::Context;
use crate::library::arguments;
use crate::library::define;
use crate::library::parameters::Parameters;
use crate::value::exception::{index_error, memory_error, type_error, value_error};
use crate::value::function::Args;
use crate::value::name::{Name, known};
use crate::value::operator::BinaryOperator;
use crate::value::{Outcome, Value, arithmetic, iterate, room, sequence};

pub(super) const METHODS: define::Entries<'static> = &[
    ("choice", choice),
    ("choices", choices),
    ("sample", sample),
    ("shuffle", shuffle),
];

const CHOICE: Parameters<1> = Parameters::method("Random.choice", ["seq"]).required(1);

fn choice(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (source, args) = receiver(args, "choice")?;
    let [Some(items)] = CHOICE.bind(args)? else {
        return Err(type_error("choice() missing required argument"));
    };
    let count = length(cx, items)?;
    if count == 0 {
        return Err(index_error("Cannot choose from an empty sequence"));
    }
    let drawn = below(cx, &source, count)?;
    sequence::get_item(cx, items, &Value::size(drawn))
}

const SHUFFLE: Parameters<1> = Parameters::method("Random.shuffle", ["x"]).required(1);

fn shuffle(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (source, args) = receiver(args, "shuffle")?;
    let [Some(items)] = SHUFFLE.bind(args)? else {
        return Err(type_error("shuffle() missing required argument"));
    };
    let count = length(cx, items)?;
    if let Value::List(list) = items {
        for place in (1..count).rev() {
            let other = below(cx, &source, place + 1)?;
            let mut items = list.lock();
            if place >= items.len() {
                drop(items);
                return Err(index_error("list index out of range"));
            }
            items.swap(place, other);
        }
        return Ok(Value::None);
    }
    for place in (1..count).rev() {
        let other = Value::size(below(cx, &source, place + 1)?);
        let place = Value::size(place);
        let (here, there) = (
            sequence::get_item(cx, items, &place)?,
            sequence::get_item(cx, items, &other)?,
        );
        sequence::set_item(cx, items, &place, there)?;
        sequence::set_item(cx, items, &other, here)?;
    }
    Ok(Value::None)
}

/// Whether it is a sequence and not another collection.
fn is_sequence(value: &Value) -> bool {
    match value.unwrapped() {
        Value::List(_) | Value::Tuple(_) | Value::Str(_) | Value::Bytes(_) | Value::Range(_) => {
            true
        }
        Value::Instance(instance) => {
            let class = instance.class();
            let has = |name: Name| class.lookup(name).is_some();
            has(known().getitem) && has(known().len) && !has(Name::new("keys"))
        }
        _ => false,
    }
}

const SAMPLE: Parameters<3> = Parameters::method("Random.sample", ["population", "k", "counts"])
    .positional(2)
    .required(2);

fn sample(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (source, args) = receiver(args, "sample")?;
    let [Some(population), Some(wanted), counts] = SAMPLE.bind(args)? else {
        return Err(type_error("sample() missing required argument"));
    };
    if !is_sequence(population) {
        return Err(type_error(
            "Population must be a sequence.  For dicts or sets, use sorted(d).",
        ));
    }
    let count = length(cx, population)?;
    let wanted = arguments::integer(cx, wanted)?;
    if let Some(counts) = counts.filter(|counts| !counts.is_none()) {
        return sample_counted(cx, &source, population, count, wanted, counts);
    }
    let places = sample_places(cx, &source, count, wanted)?;
    let mut result = Vec::with_capacity(places.len());
    for place in places {
        result.push(sequence::get_item(cx, population, &Value::size(place))?);
    }
    Ok(Value::list(result))
}

/// `wanted` different numbers below `count`.
fn sample_places(
    cx: &mut Context,
    source: &Source<'_>,
    count: usize,
    wanted: i64,
) -> Outcome<Vec<usize>> {
    let Some(wanted) = usize::try_from(wanted)
        .ok()
        .filter(|&wanted| wanted <= count)
    else {
        return Err(value_error("Sample larger than population or is negative"));
    };
    let refused = |_| memory_error("");
    let mut result = Vec::new();
    result.try_reserve_exact(wanted).map_err(refused)?;
    // The bound that CPython uses decides how many numbers are drawn, so it is part of what a
    // seed means.
    let mut table = 21usize;
    if wanted > 5 {
        let power = ((wanted as f64 * 3.0).ln() / 4f64.ln()).ceil();
        table = table.saturating_add(4f64.powf(power) as usize);
    }
    if count <= table {
        let mut pool: Vec<usize> = Vec::new();
        pool.try_reserve_exact(count).map_err(refused)?;
        pool.extend(0..count);
        for taken in 0..wanted {
            let drawn = below(cx, source, count - taken)?;
            result.push(pool[drawn]);
            pool[drawn] = pool[count - taken - 1];
        }
    } else {
        let mut selected = std::collections::HashSet::new();
        selected.try_reserve(wanted).map_err(|_| memory_error(""))?;
        for _ in 0..wanted {
            cx.safepoint()?;
            let mut drawn = below(cx, source, count)?;
            while !selected.insert(drawn) {
                drawn = below(cx, source, count)?;
            }
            result.push(drawn);
        }
    }
    Ok(result)
}

/// A sample where each item stands for as many as `counts` says.
fn sample_counted(
    cx: &mut Context,
    source: &Source<'_>,
    population: &Value,
    count: usize,
    wanted: i64,
    counts: &Value,
) -> Outcome<Value> {
    let mut ends = Vec::new();
    let mut total = 0i64;
    for item in iterate::collect(cx, counts)? {
        if !matches!(item.unwrapped(), Value::Int(_) | Value::Bool(_)) {
            return Err(type_error("Counts must be integers"));
        }
        total = total.saturating_add(arguments::integer(cx, &item)?);
        ends.push(total);
    }
    if ends.len() != count {
        return Err(value_error(
            "The number of counts does not match the population",
        ));
    }
    if total <= 0 {
        return Err(value_error("Total of counts must be greater than zero"));
    }
    let total = total.to_usize().unwrap_or(usize::MAX);
    let mut result = Vec::new();
    for place in sample_places(cx, source, total, wanted)? {
        let index = ends.partition_point(|&end| end <= place as i64);
        result.push(sequence::get_item(cx, population, &Value::size(index))?);
    }
    Ok(Value::list(result))
}

const CHOICES: Parameters<4> = Parameters::method(
    "Random.choices",
    ["population", "weights", "cum_weights", "k"],
)
.positional(2)
.required(1);

fn choices(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (source, args) = receiver(args, "choices")?;
    let [Some(population), weights, cumulative, wanted] = CHOICES.bind(args)? else {
        return Err(type_error("choices() missing required argument"));
    };
    let weights = weights.filter(|weights| !weights.is_none());
    let cumulative = cumulative.filter(|weights| !weights.is_none());
    let wanted = wanted.map_or(Ok(1), |wanted| arguments::integer(cx, wanted))?;
    let wanted = usize::try_from(wanted).unwrap_or(0);
    let count = length(cx, population)?;
    let ends = match (weights, cumulative) {
        (None, None) => None,
        (Some(_), Some(_)) => {
            return Err(type_error(
                "Cannot specify both weights and cumulative weights",
            ));
        }
        (None, Some(ends)) => Some(iterate::collect(cx, ends)?),
        (Some(Value::Int(k)), None) => {
            return Err(type_error(format!(
                "The number of choices must be a keyword argument: k={k}"
            )));
        }
        (Some(weights), None) => Some(accumulated(cx, weights)?),
    };
    let mut result = room::with_room(wanted)?;
    let Some(ends) = ends else {
        for _ in 0..wanted {
            let place = (source.float(cx)? * count as f64) as usize;
            result.push(sequence::get_item(cx, population, &Value::size(place))?);
            cx.safepoint()?;
        }
        return Ok(Value::list(result));
    };
    if ends.len() != count {
        return Err(value_error(
            "The number of weights does not match the population",
        ));
    }
    let mut bounds = Vec::with_capacity(ends.len());
    for end in &ends {
        bounds.push(arguments::float(cx, end)?);
    }
    let Some(&total) = bounds.last() else {
        return Err(index_error("list index out of range"));
    };
    if total <= 0.0 {
        return Err(value_error("Total of weights must be greater than zero"));
    }
    if !total.is_finite() {
        return Err(value_error("Total of weights must be finite"));
    }
    for _ in 0..wanted {
        let drawn = source.float(cx)? * total;
        let place = bounds[..count - 1].partition_point(|&bound| bound <= drawn);
        result.push(sequence::get_item(cx, population, &Value::size(place))?);
        cx.safepoint()?;
    }
    Ok(Value::list(result))
}

/// The sums of the first weights.
fn accumulated(cx: &mut Context, weights: &Value) -> Outcome<Vec<Value>> {
    let mut sums: Vec<Value> = Vec::new();
    for weight in iterate::collect(cx, weights)? {
        let sum = match sums.last() {
            None => weight,
            Some(before) => arithmetic::binary(cx, BinaryOperator::Add, before, &weight)?,
        };
        sums.push(sum);
    }
    Ok(sums)
}
