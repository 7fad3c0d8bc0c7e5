//! The state of one line of evaluation: a thread of a script, or a generator, which has a native
//! stack of its own. Every evaluation function and every native function gets it handed in;
//! nothing here is found through thread-local variables, because a generator may be resumed by
//! another thread than the one that started it.
//!
//! It must not know nodes: calling a script's function goes through a function pointer that the
//! evaluator sets.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::fiber::FiberLink;
use super::generator::NO_DELEGATE;
use super::handle::Thrown;
use super::module::Linked;
use super::native_stack::Stacks;
use super::session::SessionState;
use super::stack::{FrameRecord, FrameView, ValueStack};
use crate::resolve::tree::Slot;
use crate::runtime::thread::ThreadHandle;
use crate::value::class::{Class, is_plain};
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
    /// Runs the top level of a program.
    pub run: fn(&mut Context, Arc<Linked>) -> Outcome<Value>,
}

/// Values on the stack of a short call. If it needs more it takes another chunk.
const BRIEF_SLOTS: usize = 256;

/// Entries of the cache of class look-ups: a power of two.
const CACHED: usize = 1024;

/// The same at first: many threads do little, and need not make and drop all of it.
const CACHED_FIRST: usize = 64;

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
    /// The exception being handled, `None` outside `except` and `finally`; in the context of a
    /// generator what its body handles itself. See [`Context::handled_value`].
    pub(super) handled: Value,
    /// The value of a `return` on its way out.
    pub(super) returned: Value,
    /// What is thrown into the generator that is being resumed.
    pub(super) thrown: Option<Thrown>,
    /// Where the generator that yields keeps the generator that it delegates to; see
    /// [`super::generator::NO_DELEGATE`].
    pub(super) delegate: Slot,
    /// How that generator ended, for the one that goes on.
    pub(super) delegated: Option<Outcome<Value>>,
    /// How the generator it belongs to, if any, reaches its resumer.
    pub(super) fiber: Option<FiberLink>,
    /// The addresses of the containers whose text form is being made: one that contains itself
    /// is shown as `[...]`.
    pub shown: Vec<usize>,
    /// What recent look-ups in classes found.
    lookups: Box<[Lookup]>,
    /// How often a first cache of look-ups had not got what was asked for.
    missed: u32,
}

/// A remembered look-up. What was found is one of three: a plain value, which is valid for one
/// version of the class; something that matters to how attributes are found, or nothing, which are
/// valid as long as the class's shape has its number. Neither number is ever reused.
struct Lookup {
    version: u32,
    shape: u32,
    name: Option<Name>,
    found: Option<Value>,
}

fn no_lookups(count: usize) -> Box<[Lookup]> {
    (0..count)
        .map(|_| Lookup {
            version: 0,
            shape: 0,
            name: None,
            found: None,
        })
        .collect()
}

/// A call's module, and its local variables with their values.
pub type CallVariables = (Ref<super::module::Module>, Option<Vec<(Name, Value)>>);

impl Context {
    /// The context of a thread that enters a session.
    // Apart, so that it is made in its place: a second one would stay on the stack.
    #[inline(never)]
    pub fn new(
        thread: ThreadHandle,
        session: Arc<SessionState>,
        entry: Entry,
        stacks: Stacks,
    ) -> Context {
        Context {
            thread,
            session,
            entry,
            stack: stacks.values,
            frames: std::ptr::null(),
            depth: 0,
            stack_limit: stacks.lowest,
            handled: Value::None,
            returned: Value::None,
            thrown: None,
            delegate: NO_DELEGATE,
            delegated: None,
            fiber: None,
            shown: Vec::new(),
            lookups: no_lookups(CACHED_FIRST),
            missed: 0,
        }
    }

    /// The context of a short call from where no context is at hand.
    pub(super) fn brief(thread: ThreadHandle, session: Arc<SessionState>, entry: Entry) -> Context {
        Context {
            thread,
            session,
            entry,
            stack: ValueStack::new(BRIEF_SLOTS),
            frames: std::ptr::null(),
            depth: 0,
            stack_limit: 0,
            handled: Value::None,
            returned: Value::None,
            thrown: None,
            delegate: NO_DELEGATE,
            delegated: None,
            fiber: None,
            shown: Vec::new(),
            lookups: no_lookups(16),
            missed: 0,
        }
    }

    /// The context of a generator that is started here.
    pub(super) fn for_generator(&self, stack: ValueStack, stack_limit: usize) -> Context {
        Context {
            thread: self.thread.clone(),
            session: self.session.clone(),
            entry: self.entry,
            stack,
            frames: std::ptr::null(),
            depth: self.depth,
            stack_limit,
            handled: Value::None,
            returned: Value::None,
            thrown: None,
            delegate: NO_DELEGATE,
            delegated: None,
            fiber: None,
            // Bodies of generators are short: a few entries serve them.
            shown: Vec::new(),
            lookups: no_lookups(16),
            missed: 0,
        }
    }

    /// How this session's evaluator is entered: for contexts of further threads.
    pub fn entry(&self) -> Entry {
        self.entry
    }

    /// Lets a value wait in `returned`.
    #[inline(always)]
    pub(super) fn hand_over(&mut self, value: Value) {
        std::mem::replace(&mut self.returned, value).discard();
    }

    /// How deep calls may nest.
    #[inline(always)]
    pub(super) fn recursion_limit(&self) -> u32 {
        self.session.recursion_limit.load(Ordering::Relaxed)
    }

    /// In a generator: the unused end of the resumer's stack, if it has room and nobody uses it yet.
    pub(super) fn take_spare_stack(&mut self, slots: usize) -> Option<ValueStack> {
        self.fiber.as_mut().and_then(|link| link.take_rest(slots))
    }

    /// Puts it back.
    pub(super) fn put_spare_stack(&mut self, rest: ValueStack) {
        if let Some(link) = &mut self.fiber {
            link.put_rest(rest);
        }
    }

    /// The attribute of a class or of its ancestors, remembered.
    #[inline]
    pub fn lookup(&mut self, class: &Ref<Class>, name: Name) -> Option<Value> {
        let shape = class.shape().id();
        let index = self.place_of_lookup(shape, name);
        let entry = &self.lookups[index];
        if entry.name == Some(name) && (entry.shape == shape || entry.version == class.version()) {
            return entry.found.clone();
        }
        self.lookup_slow(class, name, shape, index)
    }

    #[inline(always)]
    fn place_of_lookup(&self, shape: u32, name: Name) -> usize {
        (shape as usize)
            .wrapping_mul(31)
            .wrapping_add(name.address() >> 4)
            & (self.lookups.len() - 1)
    }

    #[inline(never)]
    fn lookup_slow(
        &mut self,
        class: &Ref<Class>,
        name: Name,
        shape: u32,
        mut index: usize,
    ) -> Option<Value> {
        if self.lookups.len() == CACHED_FIRST {
            self.missed += 1;
            if self.missed as usize > 2 * CACHED_FIRST {
                let old = std::mem::replace(&mut self.lookups, no_lookups(CACHED));
                drop(old);
                index = self.place_of_lookup(shape, name);
            }
        }
        // Both numbers are read before the look-up: a change in between makes the entry useless,
        // not wrong.
        let version = class.version();
        let found = class.lookup(name);
        let (version, shape) = match &found {
            Some(value) if is_plain(value) => (version, 0),
            _ => (0, shape),
        };
        let old = std::mem::replace(
            &mut self.lookups[index],
            Lookup {
                version,
                shape,
                name: Some(name),
                found: found.clone(),
            },
        );
        drop(old);
        found
    }

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
        let class = instance.class().clone();
        let Some(method) = self.lookup(&class, name) else {
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
                // One or two arguments are the rule.
                match args {
                    [] => return self.call(method, std::slice::from_ref(receiver)),
                    [one] => return self.call(method, &[receiver.clone(), one.clone()]),
                    _ => {}
                }
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
    pub fn call_method(&mut self, receiver: &Value, name: &str, args: &[Value]) -> Outcome<Value> {
        let method = super::attribute::get(self, receiver, Name::new(name))?;
        self.call(&method, args)
    }

    /// Guards a recursive operation of the interpreter (`repr` of a nested list, comparison,
    /// serialising, …): an error when the native stack is nearly used up. `doing` ends the
    /// message: ` while getting the repr of an object`.
    ///
    /// # Errors
    /// `RecursionError`.
    #[inline]
    pub fn check_stack(&self, doing: &str) -> Outcome<()> {
        let position = super::stack::native_stack_position();
        if position < self.stack_limit + LEFT_FOR_ERRORS {
            return Err(too_deep(doing));
        }
        // The record of the innermost call lies on the native stack: below it is what natives use
        // by themselves. On another stack the difference says nothing.
        let used = (self.frames as usize).wrapping_sub(position);
        if used > NATIVE_MOST && used < ONE_STACK {
            return Err(too_deep(doing));
        }
        Ok(())
    }

    /// The exception being handled.
    pub fn handled(&self) -> Option<&Ref<Instance>> {
        self.handled_value().as_instance()
    }

    /// The exception being handled, or `None`: in the body of a generator its own, or else that of
    /// whoever resumed it.
    pub fn handled_value(&self) -> &Value {
        match &self.fiber {
            Some(link) if self.handled.is_none() => link.handled(),
            _ => &self.handled,
        }
    }

    /// The active calls, innermost first.
    pub fn active_calls(&self) -> Vec<FrameView> {
        let mut views = Vec::new();
        let mut current = self.frames;
        // SAFETY: records stay in place while their calls are active, and link to their callers.
        while let Some(record) = unsafe { current.as_ref() } {
            views.push(record.view());
            current = record.previous.get();
        }
        views
    }

    /// Where the innermost call is, as a number: see [`super::place`]. 0 outside any call.
    #[inline(always)]
    pub fn place(&self) -> u64 {
        // SAFETY: the record of an active call.
        match unsafe { self.frames.as_ref() } {
            Some(record) => record.place(),
            None => 0,
        }
    }

    /// Notes where the thread is, before it waits.
    #[inline]
    pub fn note_place(&self) {
        self.thread.note_place(self.place());
    }

    /// The local variables of the innermost call, in order; `None` at a module's top level.
    pub fn local_variables(&self) -> Option<Vec<(Name, Value)>> {
        // SAFETY: as above.
        unsafe { self.frames.as_ref() }?.local_variables()
    }

    /// The modules and local variables of all active calls, innermost first; `None` for those at a module's top level.
    pub fn variables_of_calls(&self) -> Vec<CallVariables> {
        let mut found = Vec::new();
        // SAFETY: records stay in place while their calls are active, and link to their callers.
        let mut current = unsafe { self.frames.as_ref() };
        while let Some(record) = current {
            found.push((record.module(), record.local_variables()));
            // SAFETY: as above.
            current = unsafe { record.previous.get().as_ref() };
        }
        found
    }

    /// The module whose globals the innermost call uses.
    pub fn current_module(&self) -> Ref<super::module::Module> {
        // SAFETY: as above.
        match unsafe { self.frames.as_ref() } {
            Some(record) => record.module(),
            None => self.session.main.clone(),
        }
    }

    /// The module of a caller: of the innermost call for 0, of whoever called that for 1, ….
    pub fn caller_module(&self, depth: usize) -> Option<Ref<super::module::Module>> {
        let mut current = self.frames;
        for _ in 0..depth {
            // SAFETY: records stay in place while their calls are active, and link to their callers.
            current = unsafe { current.as_ref() }?.previous.get();
        }
        // SAFETY: as above.
        unsafe { current.as_ref() }.map(|record| record.module())
    }

    /// Looks after whatever asks for it: stops, interrupts, signals. For natives that run long.
    ///
    /// # Errors
    /// What a signal handler raises; a stop.
    pub fn safepoint(&mut self) -> Outcome<()> {
        super::call::safepoint(self)
    }

    /// Calls `visit` for every value that it owns a count of: a suspended generator's.
    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        self.stack.traverse(visit);
        visit(&self.handled);
        visit(&self.returned);
        for lookup in &self.lookups {
            lookup.found.iter().for_each(&mut *visit);
        }
        if let Some(link) = &self.fiber {
            link.traverse(visit);
        }
    }

    /// How many values are held.
    #[inline(always)]
    pub(super) fn held(&mut self) -> usize {
        self.fiber.as_mut().map_or(0, |link| link.held().len())
    }

    /// Lets the collector see a value that the body of a generator has on its native stack, where a
    /// `yield` may suspend it: without that the value is in use for ever, even if it is part of an
    /// unreachable cycle. Elsewhere nothing is done.
    ///
    /// # Safety
    /// The value must own a count, and be neither moved nor dropped until [`Context::let_go`].
    #[inline(always)]
    pub(super) unsafe fn hold(&mut self, value: &Value) {
        if let Some(link) = &mut self.fiber {
            link.held().push(value);
        }
    }

    /// Lets go of all values but the first `held` ones.
    #[inline(always)]
    pub(super) fn let_go(&mut self, held: usize) {
        if let Some(link) = &mut self.fiber {
            link.held().truncate(held);
        }
    }

    /// Forgets what look-ups in classes found, which would keep classes that nobody else has.
    pub(super) fn forget_lookups(&mut self) {
        let fresh = no_lookups(self.lookups.len());
        let old = std::mem::replace(&mut self.lookups, fresh);
        drop(old);
    }
}

/// Native stack that recursive operations may use without a call of a script's function between:
/// room for about ten thousand levels, CPython's limit.
#[cfg(debug_assertions)]
const NATIVE_MOST: usize = 32 * 1024 * 1024;
#[cfg(not(debug_assertions))]
const NATIVE_MOST: usize = 4 * 1024 * 1024;

/// Larger than any native stack.
const ONE_STACK: usize = 1 << 32;

/// Native stack that a failing guard leaves for making and handling its error.
const LEFT_FOR_ERRORS: usize = 48 * 1024;

#[cold]
fn too_deep(doing: &str) -> Raised {
    exception::recursion_error(format!("maximum recursion depth exceeded{doing}"))
}
