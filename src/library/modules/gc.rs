//! `gc`: what scripts can ask of the collector of unreachable cycles, and tell it. It must not know
//! how cycles are found.

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use super::with_functions;
use crate::eval::collector::{self, Watchers};
use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::arguments;
use crate::library::define::Entries;
use crate::library::parameters::Parameters;
use crate::value::exception::{type_error, value_error};
use crate::value::function::Args;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::registry::{self, LEAST_GROWTH};
use crate::value::{Dict, Outcome, Value, reclaim};

const FUNCTIONS: Entries<'static> = &[
    ("collect", collect),
    ("enable", enable),
    ("disable", disable),
    ("isenabled", is_enabled),
    ("get_count", get_count),
    ("get_threshold", get_threshold),
    ("set_threshold", set_threshold),
    ("get_debug", get_debug),
    ("set_debug", set_debug),
    ("get_objects", get_objects),
    ("get_referents", get_referents),
    ("get_referrers", get_referrers),
    ("get_stats", get_stats),
    ("is_tracked", is_tracked),
    ("is_finalized", is_finalized),
    ("freeze", freeze),
    ("unfreeze", unfreeze),
    ("get_freeze_count", get_freeze_count),
];

/// The flags of `set_debug`, by CPython's numbers. They are kept, and change nothing.
const FLAGS: &[(&str, i64)] = &[
    ("DEBUG_STATS", 1),
    ("DEBUG_COLLECTABLE", 2),
    ("DEBUG_UNCOLLECTABLE", 4),
    ("DEBUG_SAVEALL", 32),
    ("DEBUG_LEAK", 38),
];

static DEBUG: AtomicI64 = AtomicI64::new(0);
/// The second and third threshold: kept for who asks, since there are no generations.
static OTHER_THRESHOLDS: [AtomicUsize; 2] = [AtomicUsize::new(10), AtomicUsize::new(10)];
static FIRST_THRESHOLD: AtomicUsize = AtomicUsize::new(LEAST_GROWTH);
/// How many objects `freeze` took note of.
static FROZEN: AtomicUsize = AtomicUsize::new(0);

/// Makes the module.
///
/// # Errors
/// None.
pub fn make(cx: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_functions("gc", FUNCTIONS);
    for &(name, flag) in FLAGS {
        module.set(Name::new(name), Value::Int(flag));
    }
    module.set(Name::new("garbage"), Value::list(Vec::new()));
    let callbacks = Value::list(Vec::new());
    let watchers = cx.session.extensions.get::<Watchers>();
    let before = watchers.0.lock().replace(callbacks.clone());
    drop(before);
    module.set(Name::new("callbacks"), callbacks);
    Ok(module)
}

fn collect(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [generation] = Parameters::function("collect", ["generation"]).bind(args)?;
    if let Some(generation) = generation
        && !(0..=2).contains(&arguments::integer(cx, generation)?)
    {
        return Err(value_error("invalid generation"));
    }
    let found = collector::collect(cx)?;
    reclaim::settle();
    cx.safepoint()?;
    reclaim::collect();
    Ok(Value::size(found))
}

fn enable(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("gc.enable", args)?;
    registry::set_enabled(true);
    Ok(Value::None)
}

fn disable(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("gc.disable", args)?;
    registry::set_enabled(false);
    Ok(Value::None)
}

fn is_enabled(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("gc.isenabled", args)?;
    Ok(Value::Bool(registry::is_enabled()))
}

fn get_count(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("gc.get_count", args)?;
    let growth = registry::growth();
    Ok(Value::tuple_of([
        Value::size(growth),
        Value::Int(0),
        Value::Int(0),
    ]))
}

fn get_threshold(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("gc.get_threshold", args)?;
    let mut thresholds = vec![Value::size(FIRST_THRESHOLD.load(Ordering::Relaxed))];
    let others = OTHER_THRESHOLDS.iter();
    thresholds.extend(others.map(|other| Value::size(other.load(Ordering::Relaxed))));
    Ok(Value::tuple(thresholds))
}

/// 0 as the first threshold means never, as in CPython.
fn set_threshold(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let given = arguments::no_keywords("gc.set_threshold", args)?;
    if !(1..=3).contains(&given.len()) {
        return Err(type_error("gc.set_threshold requires 1 to 3 arguments"));
    }
    let mut numbers = [0; 3];
    for (number, value) in numbers.iter_mut().zip(given) {
        *number = arguments::integer32(cx, value)?;
    }
    let size = |number: i32| usize::try_from(number).unwrap_or(0);
    FIRST_THRESHOLD.store(size(numbers[0]), Ordering::Relaxed);
    for (other, &number) in OTHER_THRESHOLDS.iter().zip(&numbers[1..given.len()]) {
        other.store(size(number), Ordering::Relaxed);
    }
    collector::set_growth(match size(numbers[0]) {
        0 => usize::MAX / 4,
        growth => growth,
    });
    Ok(Value::None)
}

fn get_debug(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("gc.get_debug", args)?;
    Ok(Value::Int(DEBUG.load(Ordering::Relaxed)))
}

fn set_debug(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let flags = arguments::one("gc.set_debug", args)?;
    DEBUG.store(arguments::integer(cx, flags)?, Ordering::Relaxed);
    Ok(Value::None)
}

fn get_objects(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [generation] = Parameters::function("get_objects", ["generation"]).bind(args)?;
    match generation {
        None | Some(Value::None) => {}
        Some(generation) => match arguments::integer(cx, generation)? {
            // There are no generations: all objects are of the oldest.
            2 => {}
            0 | 1 => return Ok(Value::list(Vec::new())),
            ..0 => return Err(value_error("generation parameter cannot be negative")),
            _ => {
                return Err(value_error(
                    "generation parameter must be less than the number of available \
                     generations (3)",
                ));
            }
        },
    }
    Ok(Value::list(collector::objects(cx)))
}

fn get_referents(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let mut found = Vec::new();
    for object in arguments::no_keywords("gc.get_referents", args)? {
        object.traverse(&mut |value| push_visible(&mut found, value));
    }
    Ok(Value::list(found))
}

/// Adds what scripts may see: behind a cell, its contents.
fn push_visible(found: &mut Vec<Value>, value: &Value) {
    match value {
        Value::Unbound => {}
        Value::Cell(cell) => push_visible(found, &cell.get()),
        value => found.push(value.clone()),
    }
}

fn get_referrers(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let wanted: HashSet<usize> = arguments::no_keywords("gc.get_referrers", args)?
        .iter()
        .filter_map(Value::header)
        .map(|header| std::ptr::from_ref(header) as usize)
        .collect();
    let mut found = Vec::new();
    for object in collector::objects(cx) {
        let mut refers = false;
        object.traverse(&mut |value| {
            refers |= value
                .header()
                .is_some_and(|header| wanted.contains(&(std::ptr::from_ref(header) as usize)));
        });
        if refers {
            found.push(object);
        }
    }
    Ok(Value::list(found))
}

fn get_stats(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("gc.get_stats", args)?;
    let (collections, collected) = collector::statistics();
    let generation = |collections: u64, collected: u64| {
        let number = |value: u64| Value::Int(i64::try_from(value).unwrap_or(i64::MAX));
        let entries = [
            ("collections", number(collections)),
            ("collected", number(collected)),
            ("uncollectable", Value::Int(0)),
        ];
        let entries = entries.map(|(name, value)| (Name::new(name), value));
        Value::Dict(Ref::new(Dict::from_names(entries)))
    };
    Ok(Value::list(vec![
        generation(0, 0),
        generation(0, 0),
        generation(collections, collected),
    ]))
}

fn is_tracked(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    Ok(Value::Bool(match arguments::one("gc.is_tracked", args)? {
        Value::None
        | Value::Unbound
        | Value::Ellipsis
        | Value::NotImplemented
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::Str(_)
        | Value::BigInt(_)
        | Value::Bytes(_)
        | Value::Range(_)
        | Value::Slice(_) => false,
        Value::Tuple(items) => !items.items().is_empty(),
        // As long as it refers to nothing that could refer back.
        Value::Dict(dict) => {
            let mut containers = false;
            let value = Value::Dict(dict.clone());
            value.traverse(&mut |value| containers |= may_refer(value));
            containers
        }
        _ => true,
    }))
}

fn may_refer(value: &Value) -> bool {
    !matches!(
        value,
        Value::Str(_) | Value::BigInt(_) | Value::Bytes(_) | Value::Range(_)
    ) && value.header().is_some()
}

fn is_finalized(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::one("gc.is_finalized", args)?;
    Ok(Value::Bool(false))
}

/// In CPython this keeps pages shared with children of a fork. A collection here writes to every
/// object's header, so the way to that is `gc.disable()`; the number of objects is noted.
fn freeze(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("gc.freeze", args)?;
    FROZEN.store(registry::count(), Ordering::Relaxed);
    Ok(Value::None)
}

fn unfreeze(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("gc.unfreeze", args)?;
    FROZEN.store(0, Ordering::Relaxed);
    Ok(Value::None)
}

fn get_freeze_count(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("gc.get_freeze_count", args)?;
    Ok(Value::size(FROZEN.load(Ordering::Relaxed)))
}
