//! Resuming generators: whatever state one is in, on whatever stack its body runs, and what comes of it. It must not
//! know nodes.

use corosensei::CoroutineResult;

use super::super::call::{enter_frame, leave_frame, native_stack_need};
use super::super::context::Context;
use super::super::fiber::{self, Fiber, Sent};
use super::super::handle::Thrown;
use super::super::stack::{FrameRecord, ValueStack, native_stack_position};
use super::super::statement::Flow;
use super::super::{answer, suspending, turns};
use super::{Generator, NO_DELEGATE, Resume, State, Step, Turns};
use crate::resolve::tree::Slot;
use crate::runtime::world;
use crate::value::exception::{ExceptionKind, Raised, runtime_error, type_error, value_error};
use crate::value::object::Ref;
use crate::value::{Outcome, Value};

/// The next value of a generator; `None` when it is finished, whatever it returned.
///
/// # Errors
/// What the body raises, and `ValueError` while it is already being evaluated.
#[inline]
pub fn next(cx: &mut Context, generator: &Ref<Generator>) -> Outcome<Option<Value>> {
    match advance(cx, generator)? {
        Step::Yielded(value) => Ok(Some(value)),
        Step::Returned(_) => Ok(None),
    }
}

/// Resumes a generator with `None`.
///
/// # Errors
/// As [`next`].
pub fn advance(cx: &mut Context, generator: &Ref<Generator>) -> Outcome<Step> {
    if world::is_shared() {
        return advance_shared(cx, generator);
    }
    advance_from(cx, generator, generator.begin_alone())
}

#[inline(never)]
fn advance_shared(cx: &mut Context, generator: &Ref<Generator>) -> Outcome<Step> {
    advance_from(cx, generator, generator.begin())
}

/// Goes on with what [`Generator::begin`] has given.
#[inline(always)]
fn advance_from(
    cx: &mut Context,
    generator: &Ref<Generator>,
    begun: Option<(*mut Value, Slot)>,
) -> Outcome<Step> {
    match begun {
        Some((slots, NO_DELEGATE)) => go_on_with(cx, generator, slots, Value::None),
        Some((slots, delegate)) => go_on_through(cx, generator, slots, delegate),
        None => advance_otherwise(cx, generator),
    }
}

fn advance_otherwise(cx: &mut Context, generator: &Ref<Generator>) -> Outcome<Step> {
    let mut state = generator.state.lock();
    if !matches!(&*state, State::Turns(_)) {
        drop(state);
        return resume(cx, generator, Resume::Next);
    }
    let waiting = std::mem::replace(&mut *state, State::Running);
    drop(state);
    match waiting {
        State::Turns(turns) => run_turn(cx, generator, turns),
        other => {
            generator.put_back(other);
            resume(cx, generator, Resume::Next)
        }
    }
}

/// Resumes a generator that waits for one that it delegates to: that one is resumed, and the body
/// of this one only when that has ended.
fn go_on_through(
    cx: &mut Context,
    generator: &Ref<Generator>,
    slots: *mut Value,
    delegate: Slot,
) -> Outcome<Step> {
    let function = &generator.function;
    // SAFETY: the slots are initialised, belong to whoever evaluates the generator, and the
    // resolver gave the iterator one of them and the place the next.
    let kept = unsafe {
        let at = slots.add(delegate as usize);
        (&*at, &*at.add(1))
    };
    let (Value::Generator(inner), Value::Int(place)) = kept else {
        return go_on_with(cx, generator, slots, Value::None);
    };
    if cx.depth >= cx.recursion_limit()
        || native_stack_position() < cx.stack_limit + native_stack_need(&function.code)
    {
        return go_on_with(cx, generator, slots, Value::None);
    }
    let record = FrameRecord::new(cx, function, slots);
    record.node.set(*place as u32);
    // SAFETY: the record stays here until the call is left; the slots are initialised, and nobody
    // changes them meanwhile: the generator is marked as running.
    unsafe { enter_frame(cx, &record) };
    let step = advance(cx, inner);
    leave_frame(cx, &record);
    cx.delegated = Some(match step {
        Ok(Step::Yielded(value)) => {
            generator.pause(delegate);
            return Ok(Step::Yielded(value));
        }
        Ok(Step::Returned(value)) => Ok(value),
        Err(raised) => Err(raised),
    });
    go_on_with(cx, generator, slots, Value::None)
}

/// Resumes a generator.
///
/// # Errors
/// What the body raises, and `ValueError` while it is already being evaluated.
pub fn resume(cx: &mut Context, generator: &Ref<Generator>, how: Resume) -> Outcome<Step> {
    if let Some((slots, _)) = generator.begin() {
        return go_on(cx, generator, slots, how);
    }
    let state = {
        let mut state = generator.state.lock();
        match &*state {
            // One with slots that could not begin is running.
            State::Running | State::Slots { .. } => None,
            State::Done => Some(State::Done),
            _ => Some(std::mem::replace(&mut *state, State::Running)),
        }
    };
    match state {
        None | Some(State::Running | State::Slots { .. }) => {
            Err(value_error("generator already executing"))
        }
        Some(State::Done) => match how {
            Resume::Throw(raised) => Err(raised),
            _ => Ok(Step::Returned(Value::None)),
        },
        Some(State::Fresh(parameters)) => match how {
            Resume::Throw(raised) => {
                *generator.state.lock() = State::Done;
                drop(parameters);
                Err(raised)
            }
            Resume::Send(value) if !value.is_none() => {
                *generator.state.lock() = State::Fresh(parameters);
                Err(type_error(
                    "can't send non-None value to a just-started generator",
                ))
            }
            _ => match fiber::start(cx, &generator.function, generator.ways.body, parameters) {
                Ok(fiber) => run(cx, generator, fiber, Ok(Value::None)),
                Err(raised) => {
                    *generator.state.lock() = State::Done;
                    Err(raised)
                }
            },
        },
        Some(State::Turns(turns)) => match how {
            Resume::Throw(raised) => {
                *generator.state.lock() = State::Done;
                let started = turns.started;
                drop(turns);
                if started {
                    turns::leave_trace(&generator.function, &raised);
                }
                Err(raised)
            }
            Resume::Send(value) if !turns.started && !value.is_none() => {
                *generator.state.lock() = State::Turns(turns);
                Err(type_error(
                    "can't send non-None value to a just-started generator",
                ))
            }
            _ => run_turn(cx, generator, turns),
        },
        Some(State::Suspended(fiber)) => {
            let sent = match how {
                Resume::Next => Ok(Value::None),
                Resume::Send(value) => Ok(value),
                Resume::Throw(raised) => Err(raised),
            };
            run(cx, generator, fiber, sent)
        }
    }
}

/// Resumes a generator that is suspended at statements, and has begun.
fn go_on(
    cx: &mut Context,
    generator: &Ref<Generator>,
    slots: *mut Value,
    how: Resume,
) -> Outcome<Step> {
    let code = &generator.function.code;
    // SAFETY: so many slots there are, and they belong to whoever evaluates the generator.
    let is_started = suspending::is_started(code, unsafe {
        std::slice::from_raw_parts(slots, code.slots())
    });
    match how {
        Resume::Next => {}
        Resume::Send(value) => {
            if !value.is_none() && !is_started {
                generator.pause(NO_DELEGATE);
                return Err(type_error(
                    "can't send non-None value to a just-started generator",
                ));
            }
            return go_on_with(cx, generator, slots, value);
        }
        Resume::Throw(raised) => {
            if !is_started {
                generator.finish();
                return Err(raised);
            }
            cx.thrown = Some(Thrown::new(cx, raised));
        }
    }
    go_on_with(cx, generator, slots, Value::None)
}

/// Goes on with this as the value of the `yield`, unless an exception waits to be thrown.
#[inline]
fn go_on_with(
    cx: &mut Context,
    generator: &Ref<Generator>,
    slots: *mut Value,
    sent: Value,
) -> Outcome<Step> {
    debug_assert!(!cx.returned.is_object());
    if cx.depth >= cx.recursion_limit() {
        generator.pause(NO_DELEGATE);
        drop((cx.thrown.take(), cx.delegated.take()));
        return Err(crate::value::exception::recursion_error(
            "maximum recursion depth exceeded",
        ));
    }
    cx.hand_over(sent);
    let step = (generator.ways.resume)(cx, &generator.function, slots);
    if step == answer::Step::YIELD {
        generator.pause(std::mem::replace(&mut cx.delegate, NO_DELEGATE));
        return Ok(Step::Yielded(cx.returned.take()));
    }
    end(cx, generator, step)
}

/// The end of a generator that was suspended at statements.
#[inline(never)]
fn end(cx: &mut Context, generator: &Ref<Generator>, step: answer::Step) -> Outcome<Step> {
    let result = match step.outcome() {
        Ok(Flow::Return) => Ok(Step::Returned(cx.returned.take())),
        Ok(_) => Ok(Step::Returned(Value::None)),
        Err(raised) => Err(raised),
    };
    generator.finish();
    result.map_err(no_stop)
}

fn run_turn(cx: &mut Context, generator: &Ref<Generator>, mut turns: Box<Turns>) -> Outcome<Step> {
    turns.started = true;
    let slots = turns.slots.as_mut_ptr();
    match (generator.ways.turn)(cx, &generator.function, slots, &turns.iterator) {
        Ok(Value::Unbound) => {
            *generator.state.lock() = State::Done;
            drop(turns);
            Ok(Step::Returned(Value::None))
        }
        Ok(value) => {
            generator.put_back(State::Turns(turns));
            Ok(Step::Yielded(value))
        }
        Err(raised) => {
            *generator.state.lock() = State::Done;
            drop(turns);
            Err(no_stop(raised))
        }
    }
}

fn run(
    cx: &mut Context,
    generator: &Ref<Generator>,
    mut fiber: Box<Fiber>,
    sent: Sent,
) -> Outcome<Step> {
    if cx.depth >= cx.recursion_limit() {
        *generator.state.lock() = State::Suspended(fiber);
        return Err(crate::value::exception::recursion_error(
            "maximum recursion depth exceeded",
        ));
    }
    let rest = ValueStack::borrow_rest(&cx.stack);
    let result = fiber.step(
        &cx.thread,
        cx.depth,
        cx.frames,
        cx.handled_value(),
        Some(rest),
        sent,
    );
    match result {
        CoroutineResult::Yield(value) => {
            generator.put_back(State::Suspended(fiber));
            Ok(Step::Yielded(value))
        }
        CoroutineResult::Return(result) => {
            *generator.state.lock() = State::Done;
            drop(fiber);
            result.map(Step::Returned).map_err(no_stop)
        }
    }
}

/// What leaves the body of a generator: not a `StopIteration`, which its resumer would take for the end.
#[cold]
pub(in super::super) fn no_stop(raised: Raised) -> Raised {
    if !raised.is(ExceptionKind::StopIteration) {
        return raised;
    }
    let error = runtime_error("generator raised StopIteration");
    if let (Some(data), Some(stop)) = (error.data(), raised.exception()) {
        data.set_cause(Value::Instance(stop.clone()));
        data.set_context(Value::Instance(stop.clone()));
        data.set_trace(
            stop.exception()
                .map(|stop| stop.trace())
                .unwrap_or_default(),
        );
    }
    error
}

/// `close`: raises `GeneratorExit` where the generator waits.
///
/// # Errors
/// `RuntimeError` when it yields instead of ending, or whatever else its body raises.
pub fn close(cx: &mut Context, generator: &Ref<Generator>) -> Outcome<()> {
    close_with_value(cx, generator).map(drop)
}

/// `close`, with the value that the generator returned.
///
/// # Errors
/// As [`close`].
pub fn close_with_value(cx: &mut Context, generator: &Ref<Generator>) -> Outcome<Value> {
    {
        let mut state = generator.state.lock();
        if state.has_nothing_to_end(&generator.function.code) {
            let given_up = std::mem::replace(&mut *state, State::Done);
            drop(state);
            drop(given_up);
            return Ok(Value::None);
        }
        if matches!(&*state, State::Done) {
            return Ok(Value::None);
        }
    }
    let exit = Raised::with_args(ExceptionKind::GeneratorExit, Vec::new());
    match resume(cx, generator, Resume::Throw(exit)) {
        Ok(Step::Yielded(_)) => Err(runtime_error("generator ignored GeneratorExit")),
        Ok(Step::Returned(value)) => Ok(value),
        Err(raised)
            if raised.is(ExceptionKind::GeneratorExit)
                || raised.is(ExceptionKind::StopIteration) =>
        {
            Ok(Value::None)
        }
        Err(raised) => Err(raised),
    }
}
