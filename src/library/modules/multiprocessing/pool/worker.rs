//! What a worker of a pool does: takes tasks and answers them until nothing more comes, or its
//! owner is gone.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::core::{Core, Shared, Style, error_value};
use super::protocol::{answer, claim, mode};
use super::task_errors;
use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::library::exceptions::from_io;
use crate::library::message;
use crate::library::modules::concurrent;
use crate::library::modules::multiprocessing::{child, failure};
use crate::runtime::clock::Deadline;
use crate::runtime::shared_queue::{Message, QueueError};
use crate::runtime::shared_wait::Until;
use crate::runtime::task_timer::TaskTimer;
use crate::value::exception::{ExceptionKind, Raised, value_error};
use crate::value::{Outcome, Value, iterate, room, text};

/// How often an idle worker looks whether its owner lives.
const LOOK: Duration = Duration::from_millis(100);

/// The whole life of the worker at a place; its exit code.
pub fn work(cx: &mut Context, object: &Value, core: &Arc<Core>, place: usize) -> i32 {
    let outcome = serve(cx, core, place);
    child::end_code(cx, object, &outcome)
}

fn serve(cx: &mut Context, core: &Core, place: usize) -> Outcome<Value> {
    let Some(shared) = core.shared() else {
        return Ok(Value::None);
    };
    cx.session.extensions.get::<message::Received>().begin();
    if !core.initializer.is_none()
        && let Err(raised) = child::call(cx, &core.initializer, &core.initargs, &Value::None)
    {
        if raised.exception().is_none() {
            return Err(raised);
        }
        if core.style == Style::Executor {
            concurrent::log_exception(cx, "critical", "Exception in initializer:", &raised)?;
        }
        let packed = failure::packed(cx, &raised);
        send(cx, shared, &packed, place as u64, answer::NOT_READY)?;
        return Ok(Value::None);
    }
    if let Some(ready) = shared.ready(place) {
        ready.store(1, Ordering::Release);
    }
    let mut message = Message::default();
    let mut done = 0u64;
    loop {
        let until = Until::Deadline(Deadline::after(LOOK));
        // It may wait for a task for ever, and nobody need be told.
        let idle = (cx.thread.looking(), cx.thread.serving());
        let got = shared
            .tasks
            .get_and_note(&cx.thread, &mut message, until, shared.note(place));
        drop(idle);
        match got {
            Ok(()) => {}
            Err(QueueError::Empty) => {
                // SAFETY: no arguments.
                if unsafe { libc::getppid() } != core.owner {
                    return Ok(Value::None);
                }
                continue;
            }
            Err(QueueError::Interrupted(_)) => {
                interrupt::at_safepoint(cx)?;
                continue;
            }
            Err(_) => return Ok(Value::None),
        }
        // Nobody but this worker writes the note.
        let number = shared
            .note(place)
            .map_or(0, |note| note.load(Ordering::Relaxed));
        serve_one(cx, shared, place, number, &message.bytes)?;
        done += 1;
        if core.most_tasks.is_some_and(|most| done >= most) {
            send(cx, shared, &Value::None, place as u64, answer::BYE)?;
            return Ok(Value::None);
        }
    }
}

/// Runs a task and says what came of it.
fn serve_one(
    cx: &mut Context,
    shared: &Shared,
    place: usize,
    number: u64,
    bytes: &[u8],
) -> Outcome<()> {
    let Some((&flags, mut body)) = bytes.split_last() else {
        return Err(damaged());
    };
    let is_future = flags & mode::FUTURE != 0;
    if is_future {
        match begin(shared, number) {
            Begin::Run => {}
            Begin::Leave => return Ok(()),
            Begin::Ask => return send(cx, shared, &Value::None, number, answer::NOT_RUN),
        }
    }
    let mut limit = None;
    if flags & mode::LIMITED != 0 {
        let (rest, nanoseconds) = body.split_last_chunk::<8>().ok_or_else(damaged)?;
        body = rest;
        limit = Some(u64::from_le_bytes(*nanoseconds));
    }
    let mode = flags & !(mode::FUTURE | mode::LIMITED);
    let outcome = match limit {
        None => run(cx, mode, body),
        Some(limit) => match TaskTimer::start(limit) {
            Ok(timer) => {
                if let Some(word) = shared.limit(place) {
                    word.store(timer.end(), Ordering::Release);
                }
                let outcome = run(cx, mode, body);
                drop(timer);
                if let Some(word) = shared.limit(place) {
                    word.store(0, Ordering::Release);
                }
                outcome
            }
            Err(error) => Err(from_io(&error, None)),
        },
    };
    reply(cx, shared, number, outcome, flags)
}

/// What to do with a task that may have been cancelled.
enum Begin {
    Run,
    Leave,
    Ask,
}

fn begin(shared: &Shared, number: u64) -> Begin {
    let Some(word) = shared.claim(number) else {
        return Begin::Run;
    };
    let changed = word.compare_exchange(
        number << 2 | claim::OPEN,
        number << 2 | claim::BEGUN,
        Ordering::AcqRel,
        Ordering::Acquire,
    );
    match changed {
        Ok(_) => Begin::Run,
        Err(now) if now == (number << 2 | claim::CANCELLED) => Begin::Leave,
        // The word serves another task already: only the owner knows.
        Err(_) => Begin::Ask,
    }
}

#[cold]
fn damaged() -> Raised {
    value_error("a task is damaged")
}

fn run(cx: &mut Context, mode: u8, body: &[u8]) -> Outcome<Value> {
    let work = message::decode(cx, body)?;
    perform(cx, mode, &work)
}

/// Does the work of a task.
///
/// # Errors
/// What the task raises.
pub fn perform(cx: &mut Context, mode: u8, work: &Value) -> Outcome<Value> {
    let Value::Tuple(parts) = work else {
        return Err(damaged());
    };
    match (mode, parts.items()) {
        (mode::APPLY, [function, args, kwargs]) => child::call(cx, function, args, kwargs),
        (mode::MAP, [function, Value::Range(range)]) => {
            let mut results = room::with_room(range.len())?;
            let mut number = range.start;
            for _ in 0..range.len() {
                results.push(cx.call(function, &[Value::Int(number)])?);
                // Not beyond the last one, which fits.
                number = number.wrapping_add(range.step);
                cx.safepoint()?;
            }
            Ok(Value::list(results))
        }
        (mode::MAP, [function, Value::List(items)]) => {
            let mut results = Vec::with_capacity(items.len());
            for item in items.copied()? {
                results.push(cx.call(function, std::slice::from_ref(&item))?);
                cx.safepoint()?;
            }
            Ok(Value::list(results))
        }
        (mode::STARMAP, [function, items]) => {
            let items = iterate::collect(cx, items)?;
            let mut results = Vec::with_capacity(items.len());
            for item in items {
                let args = iterate::collect(cx, &item)?;
                results.push(cx.call(function, &args)?);
                cx.safepoint()?;
            }
            Ok(Value::list(results))
        }
        (mode::MAP_EACH, [function, items]) => {
            let items = iterate::collect(cx, items)?;
            let mut results = Vec::with_capacity(items.len());
            for item in items {
                cx.safepoint()?;
                results.push(match cx.call(function, &[item]) {
                    Ok(value) => value,
                    Err(raised) if raised.exception().is_none() => return Err(raised),
                    Err(raised) if raised.is(ExceptionKind::SystemExit) => {
                        let code = child::exit_argument(&raised);
                        error_value(&task_errors::left(cx, function, code)?)
                    }
                    Err(raised) => error_value(&raised),
                });
            }
            Ok(Value::list(results))
        }
        _ => Err(damaged()),
    }
}

fn reply(
    cx: &mut Context,
    shared: &Shared,
    number: u64,
    outcome: Outcome<Value>,
    flags: u8,
) -> Outcome<()> {
    let is_future = flags & mode::FUTURE != 0;
    let (value, kind) = match outcome {
        Ok(value) => (value, answer::VALUE),
        Err(raised) if raised.exception().is_none() => return Err(raised),
        Err(raised) if !is_future && raised.is(ExceptionKind::SystemExit) => {
            (child::exit_argument(&raised), answer::EXIT)
        }
        Err(raised) => (failure::packed(cx, &raised), answer::EXCEPTION),
    };
    match send(cx, shared, &value, number, kind) {
        Err(raised) if raised.exception().is_some() => {
            if flags == mode::MAP_EACH
                && kind == answer::VALUE
                && let Value::List(items) = &value
            {
                let sendable = each_sendable(cx, shared, items.copied()?)?;
                return send(cx, shared, &sendable, number, kind);
            }
            let (shown, reason) = in_words(cx, &value, &raised, kind)?;
            let told = Value::tuple_of([Value::str(shown), Value::str(reason)]);
            send(cx, shared, &told, number, answer::UNSENDABLE)
        }
        sent => sent,
    }
}

/// The results of a map that gathers errors, with an error in the place of each that cannot travel.
fn each_sendable(cx: &mut Context, shared: &Shared, mut items: Vec<Value>) -> Outcome<Value> {
    for item in &mut items {
        if let Err(raised) = message::encode_for_queue(cx, item, shared.receiver) {
            if raised.exception().is_none() {
                return Err(raised);
            }
            let (shown, reason) = in_words(cx, item, &raised, answer::VALUE)?;
            *item = error_value(&task_errors::unsendable(&shown, &reason));
        }
    }
    Ok(Value::list(items))
}

/// What is said of a value that cannot travel: the value, and why.
fn in_words(
    cx: &mut Context,
    value: &Value,
    raised: &Raised,
    kind: u8,
) -> Outcome<(String, String)> {
    let value = match (kind, value) {
        (answer::EXCEPTION, Value::Tuple(parts)) => {
            parts.items().first().cloned().unwrap_or_default()
        }
        _ => value.clone(),
    };
    let shown = text::repr(cx, &value).unwrap_or_else(|_| format!("a {}", value.type_name()));
    let reason = match raised.exception() {
        Some(exception) => text::repr(cx, &Value::Instance(exception.clone()))?,
        None => String::new(),
    };
    Ok((shown, reason))
}

fn send(cx: &mut Context, shared: &Shared, value: &Value, number: u64, kind: u8) -> Outcome<()> {
    let (mut bytes, handles) = message::encode_for_queue(cx, value, shared.receiver)?;
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes.push(kind);
    loop {
        match shared
            .results
            .put(&cx.thread, &bytes, &handles, Until::Forever)
        {
            Ok(()) => return Ok(()),
            Err(QueueError::Interrupted(_)) => interrupt::at_safepoint(cx)?,
            Err(QueueError::Memory(error)) => {
                return Err(crate::library::modules::multiprocessing::errors::from_arena(error));
            }
            // The pool is over: nobody waits for it.
            Err(_) => return Ok(()),
        }
    }
}
