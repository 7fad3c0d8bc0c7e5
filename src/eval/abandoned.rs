//! Generators that nobody can resume any more: their `finally` blocks run where the last reference is
//! dropped, and what they raise is told, since nobody can catch it. It must not know how a generator
//! is made, nor who let go of it.

use std::cell::RefCell;

use corosensei::CoroutineResult;

use super::answer;
use super::context::Context;
use super::fiber::Fiber;
use super::function::Function;
use super::generator::{NO_DELEGATE, Resumption, no_stop};
use super::handle::Thrown;
use crate::runtime::thread::ThreadHandle;
use crate::value::exception::{ExceptionKind, Raised, Unwind, runtime_error};
use crate::value::object::Ref;
use crate::value::value_block::ValueBlock;
use crate::value::{Outcome, Value};

thread_local! {
    /// The thread that evaluates here, for the one place that has no context: the drop of a
    /// suspended generator, whose `finally` blocks must run.
    static CURRENT: RefCell<Option<ThreadHandle>> = const { RefCell::new(None) };
}

/// Tells on which thread generators that are dropped here are closed. Called when a session is
/// entered and left.
pub fn set_current_thread(thread: Option<ThreadHandle>) -> Option<ThreadHandle> {
    CURRENT.with_borrow_mut(|current| std::mem::replace(current, thread))
}

/// The thread that evaluates here.
pub(super) fn current_thread() -> Option<ThreadHandle> {
    CURRENT.with_borrow(Clone::clone)
}

/// How often a body that yields instead of ending is asked, before it is given up.
const ASKED: usize = 100;

/// Tells what an abandoned generator raised, and which one it was; that it ended is no error.
fn tell(cx: &mut Context, raised: &Raised, generator: impl FnOnce() -> Value) {
    if !raised.is(ExceptionKind::GeneratorExit) && matches!(raised.unwind(), Unwind::Exception(_)) {
        let show = cx.session.show_ignored;
        show(cx, raised, &generator());
    }
}

/// Asks a body to end until it does: `resume` raises this where it waits, and gives how it ended, or `None` if it
/// yields instead. The first thing that goes wrong is told. Whether it has ended.
fn ask_to_end<C>(
    context: &mut C,
    mut resume: impl FnMut(&mut C, Raised) -> Option<Outcome<()>>,
    tell: impl Fn(&mut C, &Raised),
) -> bool {
    for asked in 0..ASKED {
        let exit = Raised::with_args(ExceptionKind::GeneratorExit, Vec::new());
        let ended = resume(context, exit);
        if asked == 0 {
            match &ended {
                Some(Ok(())) => {}
                Some(Err(raised)) => tell(context, raised),
                None => tell(context, &runtime_error("generator ignored GeneratorExit")),
            }
        }
        if ended.is_some() {
            return true;
        }
    }
    false
}

/// Ends a generator that is suspended at statements, in a context that is made for that. `shown`
/// stands for it in what is told.
#[cold]
pub(super) fn end_slots(
    mut slots: ValueBlock,
    function: &Ref<Function>,
    resume: Resumption,
    shown: impl Fn() -> Value,
) {
    function.linked.home.enter(|cx| {
        let resume = |cx: &mut Context, exit| {
            cx.thrown = Some(Thrown::new(cx, exit));
            let step = resume(cx, function, slots.as_mut_ptr());
            if step != answer::Step::YIELD {
                return Some(step.outcome().map(drop).map_err(no_stop));
            }
            cx.delegate = NO_DELEGATE;
            cx.returned.take().discard();
            None
        };
        ask_to_end(cx, resume, |cx, raised| tell(cx, raised, &shown));
        drop(slots);
    });
}

/// Ends a generator with a stack of its own, likewise.
#[cold]
pub(super) fn end_fiber(
    mut fiber: Box<Fiber>,
    function: &Ref<Function>,
    shown: impl Fn() -> Value,
) {
    let Some(thread) = current_thread() else {
        // Dropped outside any session: nothing can be evaluated, so what it holds is given up.
        std::mem::forget(fiber);
        return;
    };
    let resume = |fiber: &mut Box<Fiber>, exit| {
        let none = std::ptr::null();
        match fiber.step(&thread, 0, none, &Value::None, None, Err(exit)) {
            CoroutineResult::Return(result) => Some(result.map(drop).map_err(no_stop)),
            CoroutineResult::Yield(_) => None,
        }
    };
    let tell = |_: &mut Box<Fiber>, raised: &Raised| {
        function.linked.home.enter(|cx| tell(cx, raised, &shown));
    };
    if !ask_to_end(&mut fiber, resume, tell) {
        // Nothing but its own code can end what is on its stack.
        std::mem::forget(fiber);
    }
}
