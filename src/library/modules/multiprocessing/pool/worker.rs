//! What a worker of a pool does: takes tasks and answers them until nothing more comes, or its
//! owner is gone.

use std::sync::Arc;
use std::time::Duration;

use super::core::{Core, answer, mode};
use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::library::message;
use crate::library::modules::multiprocessing::{child, failure};
use crate::runtime::clock::Deadline;
use crate::runtime::shared_queue::{Message, QueueError};
use crate::runtime::shared_wait::Until;
use crate::value::exception::{ExceptionKind, Raised, value_error};
use crate::value::{Outcome, Value, iterate, text};

/// How often an idle worker looks whether its owner lives.
const LOOK: Duration = Duration::from_millis(100);

/// The whole life of the worker at a place; its exit code.
pub fn work(cx: &mut Context, object: &Value, core: &Arc<Core>, place: usize) -> i32 {
    let outcome = serve(cx, core, place);
    child::end_code(cx, object, &outcome)
}

fn serve(cx: &mut Context, core: &Core, place: usize) -> Outcome<Value> {
    if !core.initializer.is_none()
        && let Err(raised) = child::call(cx, &core.initializer, &core.initargs, &Value::None)
    {
        if raised.exception().is_none() {
            return Err(raised);
        }
        let packed = failure::packed(cx, &raised);
        send(cx, core, &packed, place as u64, answer::NOT_READY)?;
        return Ok(Value::None);
    }
    let mut message = Message::default();
    let mut done = 0u64;
    loop {
        let until = Until::Deadline(Deadline::after(LOOK));
        // It may wait for a task for ever, and nobody need be told.
        let idle = (cx.thread.looking(), cx.thread.serving());
        let got = core
            .tasks
            .get_and_note(&cx.thread, &mut message, until, core.note(place));
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
        let number = core
            .note(place)
            .map_or(0, |note| note.load(std::sync::atomic::Ordering::Relaxed));
        let outcome = run(cx, &message.bytes);
        reply(cx, core, number, outcome)?;
        done += 1;
        if core.most_tasks.is_some_and(|most| done >= most) {
            send(cx, core, &Value::None, place as u64, answer::BYE)?;
            return Ok(Value::None);
        }
    }
}

fn run(cx: &mut Context, bytes: &[u8]) -> Outcome<Value> {
    let damaged = || value_error("a task is damaged");
    let (mode, body) = bytes.split_last().ok_or_else(damaged)?;
    let work = message::decode(cx, body)?;
    let Value::Tuple(parts) = &work else {
        return Err(damaged());
    };
    match (*mode, parts.items()) {
        (mode::APPLY, [function, args, kwargs]) => child::call(cx, function, args, kwargs),
        (mode::MAP, [function, Value::List(items)]) => {
            let mut results = Vec::with_capacity(items.len());
            for item in items.snapshot() {
                results.push(cx.call(function, &[item])?);
                cx.safepoint()?;
            }
            Ok(Value::list(results))
        }
        (mode::STARMAP, [function, Value::List(items)]) => {
            let mut results = Vec::with_capacity(items.len());
            for item in items.snapshot() {
                let args = iterate::collect(cx, &item)?;
                results.push(cx.call(function, &args)?);
                cx.safepoint()?;
            }
            Ok(Value::list(results))
        }
        (mode::MAP_EACH, [function, Value::List(items)]) => {
            let mut results = Vec::with_capacity(items.len());
            for item in items.snapshot() {
                let result = match cx.call(function, &[item]) {
                    Ok(value) => value,
                    Err(raised) => match raised.exception() {
                        Some(exception) if !raised.is(ExceptionKind::SystemExit) => {
                            Value::Instance(exception.clone())
                        }
                        _ => return Err(raised),
                    },
                };
                results.push(result);
            }
            Ok(Value::list(results))
        }
        _ => Err(damaged()),
    }
}

fn reply(cx: &mut Context, core: &Core, number: u64, outcome: Outcome<Value>) -> Outcome<()> {
    let (value, kind) = match outcome {
        Ok(value) => (value, answer::VALUE),
        Err(raised) if raised.exception().is_none() => return Err(raised),
        Err(raised) if raised.is(ExceptionKind::SystemExit) => {
            (child::exit_argument(&raised), answer::EXIT)
        }
        Err(raised) => (failure::packed(cx, &raised), answer::EXCEPTION),
    };
    match send(cx, core, &value, number, kind) {
        Err(raised) if raised.exception().is_some() => {
            let told = in_words(cx, &value, &raised, kind)?;
            send(cx, core, &told, number, answer::UNSENDABLE)
        }
        sent => sent,
    }
}

/// What is said of a value that cannot travel.
fn in_words(cx: &mut Context, value: &Value, raised: &Raised, kind: u8) -> Outcome<Value> {
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
    Ok(Value::tuple(vec![Value::str(shown), Value::str(reason)]))
}

fn send(cx: &mut Context, core: &Core, value: &Value, number: u64, kind: u8) -> Outcome<()> {
    let (mut bytes, handles) = message::encode_for_queue(cx, value, core.receiver)?;
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes.push(kind);
    loop {
        match core
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
