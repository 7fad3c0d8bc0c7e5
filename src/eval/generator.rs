//! Generators. Most are suspended at statements only (see `suspending.rs`) and own no more than the
//! slots of their frame. The others run on a native stack of their own, so that a tree walker can
//! suspend them anywhere. It must not know nodes.
//!
//! A generator with a stack has a [`Context`] of its own, which gets the resumer's thread at every
//! resume: whatever the body does after a `yield` happens on the thread that resumed it last. It is
//! closed by resuming it with `GeneratorExit`, never by unwinding its native stack by force.

use corosensei::CoroutineResult;

use super::call::{enter_frame, leave_frame, native_stack_need, run_frame};
use super::context::Context;
use super::fiber::{self, Body, Fiber, Sent};
use super::function::Function;
use super::handle::Thrown;
use super::observer::Observer;
use super::stack::{FrameRecord, ValueStack, native_stack_position};
use super::statement::Flow;
use super::{abandoned, answer, suspending, turns};
use crate::resolve::tree::{Code, Slot, Suspension};
use crate::value::exception::{ExceptionKind, Raised, runtime_error, type_error, value_error};
use crate::value::lock::Guarded;
use crate::value::name::{Name, known};
use crate::value::object::{Object, Ref};
use crate::value::value_block::ValueBlock;
use crate::value::{Outcome, Value};

/// A generator.
pub struct Generator {
    function: Ref<Function>,
    state: Guarded<State>,
    ways: &'static Ways,
}

/// How the evaluator with the session's observer is entered.
struct Ways {
    /// Runs the body in its frame, on a stack of its own.
    body: Body,
    /// Gives the next item of a generator expression that is evaluated turn by turn.
    turn: Turn,
    /// Starts or goes on with a generator that is suspended at statements.
    resume: Resumption,
}

struct WaysOf<O>(std::marker::PhantomData<O>);

impl<O: Observer> WaysOf<O> {
    const WAYS: &'static Ways = &Ways {
        body: run_frame::<O>,
        turn: turns::next::<O>,
        resume: suspending::resume::<O>,
    };
}

/// Starts or goes on with a generator whose slots these are.
pub(super) type Resumption = fn(&mut Context, &Function, *mut Value) -> answer::Step;

/// Looks for the next item in a frame with these slots; `Unbound` when there is none.
type Turn = fn(&mut Context, &Function, *mut Value, &Value) -> Outcome<Value>;

/// A generator expression that is evaluated turn by turn on the stack of whoever asks: see
/// [`turns`].
struct Turns {
    slots: Vec<Value>,
    iterator: Value,
    started: bool,
}

enum State {
    /// Not yet started: the values of its parameters.
    Fresh(Vec<Value>),
    /// A generator expression between two turns.
    Turns(Box<Turns>),
    /// One that is suspended at statements, with its slots: not yet started, or waiting.
    Slots {
        slots: ValueBlock,
        /// Whether it is being evaluated. The slots stay here, but belong to whoever does that.
        running: bool,
        /// Where in them is the generator that it delegates to, if it waits for one.
        delegate: Slot,
    },
    /// Waiting at a `yield`.
    Suspended(Box<Fiber>),
    /// Being evaluated, by this thread or another.
    Running,
    /// Finished, closed or failed.
    Done,
}

/// The slot of a generator that delegates to none.
pub(super) const NO_DELEGATE: Slot = Slot::MAX;

impl State {
    fn slots(slots: ValueBlock) -> State {
        State::Slots {
            slots,
            running: false,
            delegate: NO_DELEGATE,
        }
    }

    /// Whether it can be given up as it stands: none of its code would see to anything.
    fn has_nothing_to_end(&self, code: &Code) -> bool {
        match self {
            State::Fresh(_) | State::Turns(_) => true,
            State::Slots { slots, running, .. } => {
                !running && !suspending::must_be_closed(code, slots)
            }
            _ => false,
        }
    }
}

/// How a generator is resumed.
pub enum Resume {
    /// `next`.
    Next,
    /// `send`.
    Send(Value),
    /// `throw`.
    Throw(Raised),
}

/// What a generator did when it was resumed.
pub enum Step {
    /// It yielded.
    Yielded(Value),
    /// It returned.
    Returned(Value),
}

/// A generator of this function, with the values of its parameters, which are taken off the stack.
///
/// # Safety
/// They must be the topmost values.
pub(super) unsafe fn make<O: Observer>(
    cx: &mut Context,
    function: Ref<Function>,
    parameters: usize,
) -> Value {
    let state = match function.code.suspension {
        // SAFETY: moved out, and the stack is lowered below them.
        Suspension::Positions(_) => unsafe {
            let first = cx.stack.top().sub(parameters);
            let slots = ValueBlock::moved(first, parameters, function.code.slots());
            cx.stack.lower(first);
            State::slots(slots)
        },
        // SAFETY: by contract.
        _ => State::Fresh(unsafe { cx.stack.pop_many(parameters) }),
    };
    of_state::<O>(function, state)
}

fn of_state<O: Observer>(function: Ref<Function>, state: State) -> Value {
    Value::Generator(Ref::new(Generator {
        function,
        state: Guarded::new(state),
        ways: WaysOf::<O>::WAYS,
    }))
}

/// The generator of a generator expression, with the iterator that its first clause goes over.
pub(super) fn make_expression<O: Observer>(function: Ref<Function>, iterator: Value) -> Value {
    let count = function.code.slots();
    let state = match function.code.suspension {
        Suspension::Turns => State::Turns(Box::new(Turns {
            slots: vec![Value::Unbound; count],
            iterator,
            started: false,
        })),
        Suspension::Positions(_) => State::slots(ValueBlock::of(iterator, count)),
        Suspension::Stack => State::Fresh(vec![iterator]),
    };
    of_state::<O>(function, state)
}

impl Generator {
    /// The function it came from.
    pub fn function(&self) -> &Ref<Function> {
        &self.function
    }

    /// Whether it is being evaluated.
    pub fn is_running(&self) -> bool {
        matches!(
            *self.state.lock(),
            State::Running | State::Slots { running: true, .. }
        )
    }

    /// Whether it waits at a `yield`.
    pub fn is_suspended(&self) -> bool {
        match &*self.state.lock() {
            State::Suspended(_) => true,
            State::Turns(turns) => turns.started,
            State::Slots {
                slots,
                running: false,
                ..
            } => suspending::is_started(&self.function.code, slots),
            _ => false,
        }
    }

    /// Notes that it waits again, which it did not while it was evaluated.
    #[inline(always)]
    fn put_back(&self, state: State) {
        let old = std::mem::replace(&mut *self.state.lock(), state);
        // There is nothing in it to drop.
        debug_assert!(matches!(old, State::Running));
        std::mem::forget(old);
    }

    /// Whether it has to be closed before it can be given up: it has a stack of its own, or waits
    /// within something that has an end to see to.
    pub fn must_be_closed(&self) -> bool {
        match &*self.state.lock() {
            State::Suspended(_) => true,
            State::Slots {
                slots,
                running: false,
                ..
            } => suspending::must_be_closed(&self.function.code, slots),
            _ => false,
        }
    }

    /// Begins to evaluate one that is suspended at statements: where its slots are, and where in them
    /// it delegates to. They stay there, and nobody else uses them, until [`Generator::pause`] or
    /// [`Generator::finish`].
    #[inline(always)]
    fn begin(&self) -> Option<(*mut Value, Slot)> {
        match &mut *self.state.lock() {
            State::Slots {
                slots,
                running: running @ false,
                delegate,
            } => {
                *running = true;
                Some((slots.as_mut_ptr(), *delegate))
            }
            _ => None,
        }
    }

    /// It waits again.
    #[inline(always)]
    fn pause(&self, waits_for: Slot) {
        match &mut *self.state.lock() {
            State::Slots {
                running, delegate, ..
            } => {
                debug_assert!(*running);
                *running = false;
                *delegate = waits_for;
            }
            _ => debug_assert!(false, "a generator without its slots"),
        }
    }

    /// It is over: its slots are given up.
    fn finish(&self) {
        let slots = std::mem::replace(&mut *self.state.lock(), State::Done);
        drop(slots);
    }
}

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
    match generator.begin() {
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
pub(super) fn no_stop(raised: Raised) -> Raised {
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

/// Attributes of generators besides their methods.
pub(super) fn attribute(generator: &Generator, name: Name) -> Option<Value> {
    let names = known();
    if name == names.name {
        return Some(generator.function.name().value());
    }
    if name == names.qualname {
        return Some(generator.function.qualified_name().value());
    }
    match name.as_str() {
        "gi_running" => Some(Value::Bool(generator.is_running())),
        "gi_suspended" => Some(Value::Bool(generator.is_suspended())),
        "gi_frame" => {
            let is_over = matches!(&*generator.state.lock(), State::Done);
            let code = super::intrinsic::code_value(&generator.function.code);
            Some(match is_over {
                true => Value::None,
                false => super::intrinsic::frame_value(code),
            })
        }
        "gi_code" => Some(super::intrinsic::code_value(&generator.function.code)),
        _ => None,
    }
}

/// About how much of its native stack a suspended generator has touched, and its context.
const TOUCHED: usize = 16 << 10;

impl Object for Generator {
    const CLOSES_CYCLES: bool = true;
    const IS_HEAVY: bool = true;

    fn weight(&self) -> usize {
        match &*self.state.lock() {
            State::Suspended(_) => TOUCHED,
            State::Slots { slots, .. } => size_of_val(&**slots),
            _ => 0,
        }
    }

    fn into_value(this: Ref<Self>) -> Option<Value> {
        Some(Value::Generator(this))
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        self.function.visit(Value::Function, visit);
        match &*self.state.lock() {
            State::Fresh(values) => values.iter().for_each(visit),
            State::Turns(turns) => {
                turns.slots.iter().for_each(&mut *visit);
                visit(&turns.iterator);
            }
            State::Slots {
                slots,
                running: false,
                ..
            } => slots.iter().for_each(visit),
            State::Slots { .. } => {}
            State::Suspended(fiber) => {
                // The body on its native stack owns another count.
                self.function.visit(Value::Function, visit);
                fiber.traverse(visit);
            }
            State::Running | State::Done => {}
        }
    }

    fn clear(&self) {
        let mut state = self.state.lock();
        // One that must be closed was closed before. If it would not end, it stays.
        if state.has_nothing_to_end(&self.function.code) {
            let given_up = std::mem::replace(&mut *state, State::Done);
            drop(state);
            drop(given_up);
        }
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        let state = std::mem::replace(self.state.get_mut(), State::Done);
        // Stands for this one, which nobody can have any more, where an error is told.
        let ended = || {
            Value::Generator(Ref::new(Generator {
                function: self.function.clone(),
                state: Guarded::new(State::Done),
                ways: self.ways,
            }))
        };
        match state {
            State::Suspended(fiber) => abandoned::end_fiber(fiber, &self.function, ended),
            State::Slots { slots, .. }
                if suspending::must_be_closed(&self.function.code, &slots) =>
            {
                abandoned::end_slots(slots, &self.function, self.ways.resume, ended);
            }
            _ => {}
        }
    }
}
