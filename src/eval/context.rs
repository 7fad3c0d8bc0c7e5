//! The state of one line of evaluation: a thread of a script, or a generator, which has a native
//! stack of its own. Every evaluation function and every native function gets it handed in;
//! nothing here is found through thread-local variables, because a generator may be resumed by
//! another thread than the one that started it.
//!
//! It must not know nodes: calling a script's function goes through a function pointer that the
//! evaluator sets.

use std::sync::Arc;

use super::session::SessionState;
use super::stack::{FrameRecord, ValueStack};
use crate::runtime::thread::ThreadHandle;
use crate::value::exception::{self, Raised};
use crate::value::function::Args;
use crate::value::instance::Instance;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Outcome, Value};

/// How the evaluator is entered from below: chosen once a session by its observer.
#[derive(Clone, Copy)]
pub struct Entry {
    /// Calls any callable value.
    pub call: fn(&mut Context, &Value, Args<'_>) -> Outcome<Value>,
}

/// The state of one line of evaluation.
pub struct Context {
    /// The thread that runs it now. A generator's context gets its resumer's at every resume.
    pub thread: ThreadHandle,
    /// The session it belongs to.
    pub session: Arc<SessionState>,
    pub(super) entry: Entry,
    /// Local variables and arguments of all active calls.
    pub(super) stack: ValueStack,
    /// The innermost active call, linked to its callers; null outside any.
    pub(super) frames: *const FrameRecord,
    /// How many calls of scripts' functions are active, callers of a generator included.
    pub depth: u32,
    /// The lowest address that a call may still use of the native stack.
    pub stack_limit: usize,
    /// The exception being handled, `None` outside `except` and `finally`.
    pub handled: Value,
    /// The value of a `return` on its way out.
    pub(super) returned: Value,
    /// The generator this context belongs to, when it runs one.
    pub(super) fiber: Option<super::generator::FiberLink>,
}

impl Context {
    /// Calls a value with positional arguments.
    ///
    /// # Errors
    /// Whatever the call raises; `TypeError` when the value cannot be called.
    pub fn call(&mut self, callee: &Value, args: &[Value]) -> Outcome<Value> {
        self.call_with(callee, Args::positional_only(args))
    }

    /// Calls a value.
    ///
    /// # Errors
    /// Whatever the call raises; `TypeError` when the value cannot be called.
    #[inline]
    pub fn call_with(&mut self, callee: &Value, args: Args<'_>) -> Outcome<Value> {
        (self.entry.call)(self, callee, args)
    }

    /// Calls the method that the receiver's class has under a special name. `None` when it has
    /// none.
    ///
    /// # Errors
    /// Whatever the call raises.
    pub fn call_special(
        &mut self,
        receiver: &Value,
        name: Name,
        args: &[Value],
    ) -> Outcome<Option<Value>> {
        // Values of built-in types have no methods written in scripts, and what their native
        // special methods do is done directly by whoever asks.
        let Value::Instance(instance) = receiver else {
            return Ok(None);
        };
        let Some(method) = instance.class().lookup(name) else {
            return Ok(None);
        };
        self.call_found(&method, receiver, args).map(Some)
    }

    /// Calls what was found on the receiver's class, with the receiver as first argument where
    /// it is a function.
    ///
    /// # Errors
    /// Whatever the call raises.
    pub fn call_found(
        &mut self,
        method: &Value,
        receiver: &Value,
        args: &[Value],
    ) -> Outcome<Value> {
        match method {
            Value::Function(_) | Value::Native(_) => {
                let mut all = Vec::with_capacity(args.len() + 1);
                all.push(receiver.clone());
                all.extend_from_slice(args);
                self.call(method, &all)
            }
            other => {
                let bound = super::attribute::bind(self, other, receiver)?;
                self.call(&bound, args)
            }
        }
    }

    /// Looks an attribute up and calls it.
    ///
    /// # Errors
    /// `AttributeError`, or whatever the call raises.
    pub fn call_method(
        &mut self,
        receiver: &Value,
        name: &str,
        args: &[Value],
    ) -> Outcome<Value> {
        let method = super::attribute::get(self, receiver, Name::new(name))?;
        self.call(&method, args)
    }

    /// Guards a recursive operation of the interpreter (`repr` of a nested list, comparison,
    /// serialising, …): an error when the native stack is nearly used up.
    ///
    /// # Errors
    /// `RecursionError`.
    #[inline]
    pub fn check_stack(&self, doing: &str) -> Outcome<()> {
        if super::stack::native_stack_position() < self.stack_limit {
            return Err(too_deep(doing));
        }
        Ok(())
    }

    /// Where a native loop lets the thread be stopped or interrupted. No lock of an object may be
    /// held.
    ///
    /// # Errors
    /// What interrupted it.
    #[inline(always)]
    pub fn safepoint(&mut self) -> Outcome<()> {
        super::call::safepoint(self)
    }

    /// The exception being handled.
    pub fn handled(&self) -> Option<&Ref<Instance>> {
        self.handled.as_instance()
    }
}

#[cold]
fn too_deep(doing: &str) -> Raised {
    exception::recursion_error(format!("maximum recursion depth exceeded{doing}"))
}
