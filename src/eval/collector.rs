//! When unreachable cycles are collected, and what is done about the script's code among them:
//! generators to close, weak references to tell. It must not know how they are found.
//!
//! A collection happens at a safepoint of the thread that finds the request, when there are
//! sufficiently more objects than the last one found in use: as many again, or three times as many if
//! it found little to free. So a program that only builds pays for each object a bounded number of
//! visits, and one that leaves cycles behind keeps its size within a factor of two.
//!
//! Other threads go on while one frees what it found. What they leave behind meanwhile does not count
//! as in use, or a collection would allow the next one to be larger, and so on without end; and
//! whoever makes many objects meanwhile frees some as well, several for each that it makes.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use super::context::Context;
use super::extensions::Part;
use super::generator::{self, Generator};
use super::module::Module;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::{fork, thread, world};
use crate::value::cycles::{self, Unreachable};
use crate::value::exception::Unwind;
use crate::value::object::Ref;
use crate::value::registry::{self, LEAST_GROWTH};
use crate::value::{Dict, Outcome, Value, credit, reclaim};

/// Whether a collection is under way: the process that works at it, by its generation, plus one. A
/// child of a fork does not inherit it, since the thread that works at it stayed behind.
static AT_WORK: AtomicU32 = AtomicU32::new(0);

/// How many more objects there must be at least, as a script set it.
static GROWTH: AtomicUsize = AtomicUsize::new(LEAST_GROWTH);

/// How many objects are freed between two safepoints.
const AT_ONCE: usize = 512;

static COLLECTIONS: AtomicU64 = AtomicU64::new(0);
static COLLECTED: AtomicU64 = AtomicU64::new(0);

/// What scripts want to be called before and after each collection: `gc.callbacks`.
#[derive(Default)]
pub struct Watchers(pub LeafLock<Option<Value>>);

/// Collects if that was asked for.
///
/// # Errors
/// A stop that arrives meanwhile.
#[cold]
#[inline(never)]
pub(super) fn collect_if_due(cx: &mut Context) -> Outcome<()> {
    if !world::take_collection_request() || !registry::is_enabled() {
        return Ok(());
    }
    collect(cx).map(drop)
}

/// Collects; how many objects were unreachable. Nothing while a collection is under way.
///
/// # Errors
/// A stop that arrives meanwhile. What the script's code raises is shown and goes no further.
pub fn collect(cx: &mut Context) -> Outcome<usize> {
    let own = fork::generation() + 1;
    let before = AT_WORK.load(Ordering::SeqCst);
    if before == own
        || AT_WORK
            .compare_exchange(before, own, Ordering::SeqCst, Ordering::SeqCst)
            .is_err()
    {
        help(cx);
        return Ok(0);
    }
    let result = collect_alone(cx);
    // In a child that forked in the middle of it, it is the child's by now.
    AT_WORK.store(0, Ordering::SeqCst);
    result
}

/// Frees some of what another thread has found. It is asked for again when a thread has made a few
/// hundred objects more (see [`registry`]), so it keeps pace with any of them.
fn help(cx: &mut Context) {
    if cycles::free_some(AT_ONCE) {
        cx.thread.pass();
        reclaim::collect();
    }
}

fn collect_alone(cx: &mut Context) -> Outcome<usize> {
    notify(cx, "start", 0)?;
    cx.forget_lookups();
    // Counts in store would make what this thread let go of look as if it were in use.
    credit::flush();
    reclaim::collect();
    let mut found = world::stop_the_world(&cx.thread.clone(), |world| {
        let found = cycles::find(world);
        // While nobody makes objects, so that only those of before count.
        set_limit(&found);
        found
    });
    let unreachable = found.len();
    found.tell_weak_references();
    let closed = close_generators(cx, &mut found);
    found.leave_to_all();
    while cycles::free_some(AT_ONCE) {
        // Others may wait for this thread meanwhile.
        cx.thread.pass();
        reclaim::collect();
    }
    COLLECTIONS.fetch_add(1, Ordering::Relaxed);
    COLLECTED.fetch_add(unreachable as u64, Ordering::Relaxed);
    closed?;
    notify(cx, "stop", unreachable)?;
    Ok(unreachable)
}

fn set_limit(found: &Unreachable) {
    // Found little: the program builds.
    let factor = if found.len() < found.examined / 8 {
        3
    } else {
        1
    };
    let growth = (found.in_use * factor).max(GROWTH.load(Ordering::Relaxed));
    registry::set_limit(registry::count().saturating_sub(found.to_free), growth);
}

/// Closes the suspended generators among what is unreachable, and takes out what became reachable
/// by that.
fn close_generators(cx: &mut Context, found: &mut Unreachable) -> Outcome<()> {
    let suspended: Vec<_> = found
        .values()
        .filter_map(|value| match value {
            Value::Generator(generator) if generator.must_be_closed() => Some(generator),
            _ => None,
        })
        .collect();
    if suspended.is_empty() {
        return Ok(());
    }
    let result = close_each(cx, &suspended);
    drop(suspended);
    world::stop_the_world(&cx.thread.clone(), |world| {
        found.look_again(
            world,
            |value| matches!(value, Value::Generator(generator) if generator.must_be_closed()),
        );
    });
    result
}

/// Closes them one after the other. What they raise is told; a stop ends it.
fn close_each(cx: &mut Context, generators: &[Ref<Generator>]) -> Outcome<()> {
    for generator in generators {
        if let Err(raised) = generator::close(cx, generator) {
            match raised.unwind() {
                Unwind::Stop(_) => return Err(raised),
                Unwind::Exception(_) => {
                    let show_ignored = cx.session.show_ignored;
                    let value = Value::Generator(generator.clone());
                    show_ignored(cx, &raised, &value);
                }
            }
        }
    }
    Ok(())
}

/// At the end of a program: closes every generator that waits within something that has an end to see
/// to, as if all objects had become unreachable. First come those that variables of `main` hold, in the
/// order in which these were set. None is closed while a thread is left that would not stop: it might never
/// let the world be stopped.
///
/// # Errors
/// A stop that arrives meanwhile.
pub fn close_all_generators(cx: &mut Context, main: &Module) -> Outcome<()> {
    if !generator::were_made() || thread::count() > 1 {
        return Ok(());
    }
    let mut suspended = world::stop_the_world(&cx.thread.clone(), |world| {
        cycles::registered(world, |value| match value {
            Value::Generator(generator) if generator.must_be_closed() => Some(generator.clone()),
            _ => None,
        })
    });
    if suspended.is_empty() {
        return Ok(());
    }
    let held = main.values();
    suspended.sort_by_cached_key(|generator| {
        let holds = |value: &Value| matches!(value, Value::Generator(held) if held.same(generator));
        held.iter().position(holds).unwrap_or(held.len())
    });
    drop(held);
    close_each(cx, &suspended)
}

fn notify(cx: &mut Context, phase: &str, collected: usize) -> Outcome<()> {
    let watchers: Part<Watchers> = cx.session.extensions.get();
    let list = watchers.0.lock().clone();
    let Some(Value::List(list)) = list else {
        return Ok(());
    };
    for watcher in list.snapshot() {
        let information = [
            ("generation", Value::Int(2)),
            ("collected", Value::size(collected)),
            ("uncollectable", Value::Int(0)),
        ];
        let information = Dict::from_names(
            information.map(|(name, value)| (crate::value::name::Name::new(name), value)),
        );
        let args = [Value::str(phase), Value::Dict(Ref::new(information))];
        if let Err(raised) = cx.call(&watcher, &args) {
            if matches!(raised.unwind(), Unwind::Stop(_)) {
                return Err(raised);
            }
            let show_ignored = cx.session.show_ignored;
            show_ignored(cx, &raised, &watcher);
        }
    }
    Ok(())
}

/// How many collections there were, and how many objects they found unreachable.
pub fn statistics() -> (u64, u64) {
    (
        COLLECTIONS.load(Ordering::Relaxed),
        COLLECTED.load(Ordering::Relaxed),
    )
}

/// Sets how many more objects there must be at least before the next collection.
pub fn set_growth(growth: usize) {
    GROWTH.store(growth, Ordering::Relaxed);
    registry::set_limit(registry::count(), growth);
}

/// All objects that scripts can see and that may be part of a cycle.
pub fn objects(cx: &mut Context) -> Vec<Value> {
    world::stop_the_world(&cx.thread.clone(), |world| cycles::registered(world, Some))
}
