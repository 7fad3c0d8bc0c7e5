//! The native stack of a generator that cannot be suspended at statements only: a tree walker that
//! is to be suspended anywhere has to leave its own stack behind. It must not know in which state the
//! generator is, nor nodes.

use std::ptr::NonNull;

use corosensei::{Coroutine, CoroutineResult, Yielder};

use super::call::native_stack_need;
use super::context::Context;
use super::function::Function;
use super::handle::chain_thrown;
use super::native_stack::{self, PooledStack};
use super::stack::{FrameRecord, ValueStack};
use crate::runtime::thread::ThreadHandle;
use crate::value::exception::{memory_error, runtime_error};
use crate::value::object::Ref;
use crate::value::{Outcome, Value};

/// What a resumer gives: a value for the `yield`, or an exception that it raises.
pub(super) type Sent = Outcome<Value>;
type Line = Coroutine<Sent, Value, Outcome<Value>, PooledStack>;

/// A started generator.
pub(super) struct Fiber {
    line: Line,
    /// Owned, and only reached through this pointer, of which the body has a copy.
    context: NonNull<Context>,
    /// The lowest usable address of its native stack.
    lowest: usize,
}

// SAFETY: a fiber is resumed by one thread at a time, the one that took it out of its
// generator's state; what it keeps on its stacks are values, which are `Send`, and its context,
// which gets the resumer's thread before each resume.
unsafe impl Send for Fiber {}
// SAFETY: nothing of it can be reached through a shared reference.
unsafe impl Sync for Fiber {}

impl Fiber {
    /// Runs it until it yields or returns.
    pub(super) fn step(
        &mut self,
        thread: &ThreadHandle,
        depth: u32,
        frames: *const FrameRecord,
        handled: &Value,
        rest: Option<ValueStack>,
        sent: Sent,
    ) -> CoroutineResult<Value, Outcome<Value>> {
        // SAFETY: the fiber owns it, and its body is not running.
        let own = unsafe { self.context.as_mut() };
        if !own.thread.same(thread) {
            own.thread = thread.clone();
        }
        own.depth = depth;
        own.stack_limit = self.lowest;
        match &mut own.fiber {
            // What was there before was borrowed, and owns nothing.
            Some(link) => {
                std::mem::forget(std::mem::replace(&mut link.rest, rest));
                if !link.handled.same(handled) {
                    link.handled = handled.clone();
                }
            }
            None => {
                own.fiber = Some(FiberLink {
                    yielder: std::ptr::null(),
                    rest,
                    held: Vec::new(),
                    handled: handled.clone(),
                });
            }
        }
        if self.line.started() {
            // SAFETY: a suspended body's innermost record is its own, on its own stack.
            if let Some(record) = unsafe { own.frames.as_ref() } {
                record.previous.set(frames);
            }
        } else {
            own.frames = frames;
        }
        self.line.resume(sent)
    }

    /// Calls `visit` for the values on its stacks, while it is suspended.
    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: a suspended fiber's context is used by nobody.
        unsafe { self.context.as_ref() }.traverse(visit);
    }
}

impl Drop for Fiber {
    fn drop(&mut self) {
        debug_assert!(!self.line.started() || self.line.done());
        // SAFETY: made by `Box::leak`, and the body that has a copy of the pointer is over.
        drop(unsafe { Box::from_raw(self.context.as_ptr()) });
    }
}

/// How the body of a generator reaches whoever resumed it.
pub struct FiberLink {
    yielder: *const Yielder<Sent, Value>,
    /// The unused end of the resumer's stack of values, for the calls that the body makes.
    rest: Option<ValueStack>,
    /// Values on the body's native stack: what its loops go over.
    held: Vec<*const Value>,
    /// The exception that the resumer handles.
    handled: Value,
}

// SAFETY: used only while the fiber runs, by the thread that runs it.
unsafe impl Send for FiberLink {}

impl FiberLink {
    /// Takes the unused end of the resumer's stack of values, if it has room for this many. Whoever
    /// uses it puts it back: two calls that used it at once would write over each other's values.
    pub(super) fn take_rest(&mut self, slots: usize) -> Option<ValueStack> {
        self.rest.take_if(|rest| rest.has_room(slots))
    }

    /// Puts it back, when everything on it is gone.
    pub(super) fn put_rest(&mut self, rest: ValueStack) {
        self.rest = Some(rest);
    }

    /// The exception that the resumer handles, or `None`.
    pub(super) fn handled(&self) -> &Value {
        &self.handled
    }

    /// See [`Context::hold`].
    pub(super) fn held(&mut self) -> &mut Vec<*const Value> {
        &mut self.held
    }

    /// Calls `visit` for the values on the native stack, while the body is suspended.
    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        for &value in &self.held {
            // SAFETY: what is held stays in place until it is let go of; see `Context::hold`.
            visit(unsafe { &*value });
        }
        visit(&self.handled);
    }
}

/// Runs the body of a generator in its frame.
pub(super) type Body = fn(&mut Context, &Function, *mut Value) -> Outcome<Value>;

/// A fiber for a call of this function with these values of its parameters, which has not begun.
///
/// # Errors
/// `MemoryError` when there is no memory for its stack.
pub(super) fn start(
    cx: &mut Context,
    function: &Ref<Function>,
    body: Body,
    parameters: Vec<Value>,
) -> Outcome<Box<Fiber>> {
    let code = &function.code;
    let Some(stack) = native_stack::take(native_stack_need(code)) else {
        return Err(memory_error("no memory for the stack of a generator"));
    };
    let lowest = stack.lowest();
    let slots = code.slots();
    let mut values = ValueStack::new(slots + code.scratch as usize + 2);
    let base = values.top();
    let given = parameters.len();
    for value in parameters {
        // SAFETY: parameters are the first of the frame's slots.
        unsafe { values.push(value) };
    }
    for _ in given..slots {
        // SAFETY: the segment has room for the whole frame.
        unsafe { values.push(Value::Unbound) };
    }
    let context = NonNull::from(Box::leak(Box::new(cx.for_generator(values, lowest))));
    let function = function.clone();
    let base = base as usize;
    let address = context.as_ptr() as usize;
    let line = Line::with_stack(stack, move |yielder: &Yielder<Sent, Value>, first: Sent| {
        drop(first);
        // SAFETY: the fiber that owns this stack owns the context, and nobody else uses it
        // while the body runs.
        let cx = unsafe { &mut *(address as *mut Context) };
        if let Some(link) = &mut cx.fiber {
            link.yielder = yielder;
        }
        let base = base as *mut Value;
        let result = body(cx, &function, base);
        // SAFETY: the frame is at the bottom of the segment.
        unsafe { cx.stack.truncate(base) };
        result
    });
    Ok(Box::new(Fiber {
        line,
        context,
        lowest,
    }))
}

/// `yield value`, in the body of a generator.
pub(super) fn yield_value(cx: &mut Context, value: Value) -> Outcome<Value> {
    let sent = suspend(cx, value);
    if let Err(raised) = &sent {
        chain_thrown(raised, &cx.handled);
    }
    sent
}

/// Leaves the body of a generator with a value, until it is resumed: with what was sent or thrown.
pub(super) fn suspend(cx: &mut Context, value: Value) -> Sent {
    let Some(yielder) = cx.fiber.as_ref().map(|link| link.yielder) else {
        return Err(runtime_error("`yield` outside a generator"));
    };
    // SAFETY: the yielder lives on this fiber's native stack as long as its body runs, and the
    // body is what runs here.
    let sent = unsafe { &*yielder }.suspend(value);
    // Whoever resumed set the depth of its own call; this body is one deeper.
    cx.depth += 1;
    sent
}
