//! Generators that nobody can resume any more: their `finally` blocks run where the last reference is
//! dropped, and what they raise is told, since nobody can catch it. It must not know how a generator
//! is made, nor who let go of it.

use std::cell::RefCell;

use corosensei::CoroutineResult;

use super::answer;
use super::context::Context;
use super::fiber::Fiber;
use super::function::Function;
use super::generator::{NO_DELEGATE, Resumption};
use crate::runtime::thread::ThreadHandle;
use crate::value::Value;
use crate::value::exception::{ExceptionKind, Raised, Unwind, runtime_error};
use crate::value::object::Ref;
use crate::value::value_block::ValueBlock;

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

fn generator_exit() -> Raised {
    Raised::with_args(ExceptionKind::GeneratorExit, Vec::new())
}

/// Tells what an abandoned generator raised, and which one it was; that it ended is no error.
fn tell(cx: &mut Context, raised: &Raised, generator: impl FnOnce() -> Value) {
    let ended = raised.is(ExceptionKind::GeneratorExit) || raised.is(ExceptionKind::StopIteration);
    if !ended && matches!(raised.unwind(), Unwind::Exception(_)) {
        let show = cx.session.show_ignored;
        show(cx, raised, &generator());
    }
}

fn ignored_exit() -> Raised {
    runtime_error("generator ignored GeneratorExit")
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
        for asked in 0..ASKED {
            cx.thrown = Some(generator_exit());
            let step = resume(cx, function, slots.as_mut_ptr());
            if step != answer::Step::YIELD {
                if let Err(raised) = step.outcome()
                    && asked == 0
                {
                    tell(cx, &raised, &shown);
                }
                break;
            }
            cx.delegate = NO_DELEGATE;
            cx.returned.take().discard();
            if asked == 0 {
                tell(cx, &ignored_exit(), &shown);
            }
        }
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
    let tell = |raised: &Raised| function.linked.home.enter(|cx| tell(cx, raised, &shown));
    for asked in 0..ASKED {
        let thrown = Err(generator_exit());
        match fiber.step(&thread, 0, std::ptr::null(), &Value::None, None, thrown) {
            CoroutineResult::Return(result) => {
                if let Err(raised) = result
                    && asked == 0
                {
                    tell(&raised);
                }
                return;
            }
            CoroutineResult::Yield(_) if asked == 0 => tell(&ignored_exit()),
            CoroutineResult::Yield(_) => {}
        }
    }
    std::mem::forget(fiber);
}
