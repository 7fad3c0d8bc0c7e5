//! Generators. Most are suspended at statements only (see `suspending`) and own no more than the
//! slots of their frame. The others run on a native stack of their own, so that a tree walker can
//! suspend them anywhere. It must not know nodes.
//!
//! A generator with a stack has a [`Context`] of its own, which gets the resumer's thread at every
//! resume: whatever the body does after a `yield` happens on the thread that resumed it last. It is
//! closed by resuming it with `GeneratorExit`, never by unwinding its native stack by force.

mod resume;

pub(super) use self::resume::no_stop;
pub use self::resume::{advance, close, close_with_value, next, resume};
use super::call::run_frame;
use super::context::Context;
use super::fiber::{Body, Fiber};
use super::function::Function;
use super::observer::Observer;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{abandoned, answer, suspending, turns};
use crate::resolve::tree::{Code, Slot, Suspension};
use crate::runtime::world;
use crate::value::exception::Raised;
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
    /// See [`Generator::begin`].
    #[inline(always)]
    fn begin(&mut self) -> Option<(*mut Value, Slot)> {
        match self {
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

/// Whether there ever was a generator in this process.
static WERE_MADE: AtomicBool = AtomicBool::new(false);

/// Whether there ever was a generator in this process, so that a look for those that wait is worth it.
pub(super) fn were_made() -> bool {
    WERE_MADE.load(Ordering::Relaxed)
}

fn of_state<O: Observer>(function: Ref<Function>, state: State) -> Value {
    // Threads need not write where they all read.
    if !were_made() {
        WERE_MADE.store(true, Ordering::Relaxed);
    }
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
        self.state.lock().begin()
    }

    /// The same while there is no other thread, where that is known.
    #[inline(always)]
    fn begin_alone(&self) -> Option<(*mut Value, Slot)> {
        debug_assert!(!world::is_shared());
        // SAFETY: there is no other thread, and nothing else runs meanwhile.
        unsafe { &mut *self.state.as_ptr() }.begin()
    }

    /// It waits again.
    #[inline(always)]
    fn pause(&self, waits_for: Slot) {
        self.state.with(|state| match state {
            State::Slots {
                running, delegate, ..
            } => {
                debug_assert!(*running);
                *running = false;
                *delegate = waits_for;
            }
            _ => debug_assert!(false, "a generator without its slots"),
        });
    }

    /// It is over: its slots are given up.
    fn finish(&self) {
        let slots = std::mem::replace(&mut *self.state.lock(), State::Done);
        drop(slots);
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
