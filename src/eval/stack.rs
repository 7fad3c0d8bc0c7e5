//! Frames: where the local variables of active calls live, and the records that let the
//! collector, the debugger and tracebacks walk them. It must not know nodes.
//!
//! Invariants of a [`ValueStack`]: `base ≤ top ≤ limit`; every slot from the base up to `top` is
//! initialised; slots above `top` are not. A call's frame is the slots from its `base` on; while
//! the call is active nothing else writes there, and the frame is dropped before the call returns.

use std::cell::Cell;
use std::mem::MaybeUninit;
use std::sync::Arc;

use corosensei::stack::DefaultStack;

use super::context::Context;
use super::function::Function;
use super::global_cell::GlobalCell;
use crate::resolve::tree::Slot;
use crate::value::function::{Args, Cell as VariableCell};
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Outcome, Value};

/// A contiguous stack of values. Arguments are evaluated straight into the slots of the call
/// they are for.
pub struct ValueStack {
    top: *mut Value,
    limit: *mut Value,
    memory: Memory,
}

/// Where the slots are. Reserved, not touched: pages become real when frames reach them.
enum Memory {
    /// The stack's own.
    Boxed(Box<[MaybeUninit<Value>]>),
    /// From here on, within what this keeps.
    Kept(
        *mut Value,
        #[expect(dead_code, reason = "only kept")] Arc<DefaultStack>,
    ),
    /// The unused end of another stack.
    Rest,
}

impl Memory {
    /// The first slot, unless what lies below it is another stack's.
    fn base(&self) -> Option<*mut Value> {
        match self {
            Memory::Boxed(slots) => Some(slots.as_ptr().cast_mut().cast()),
            Memory::Kept(base, _) => Some(*base),
            Memory::Rest => None,
        }
    }
}

// SAFETY: the memory belongs to the stack, which one thread at a time uses.
unsafe impl Send for ValueStack {}

impl ValueStack {
    /// A stack with room for this many values.
    pub fn new(slots: usize) -> Self {
        let mut memory = Box::new_uninit_slice(slots);
        let range = memory.as_mut_ptr_range();
        ValueStack {
            top: range.start.cast(),
            limit: range.end.cast(),
            memory: Memory::Boxed(memory),
        }
    }

    /// A stack in memory that something keeps.
    ///
    /// # Safety
    /// The memory must be aligned for values, be used by nobody else, and stay as long as what keeps it.
    pub(super) unsafe fn within(
        memory: *mut [MaybeUninit<Value>],
        keeper: Arc<DefaultStack>,
    ) -> Self {
        let base: *mut Value = memory.cast();
        ValueStack {
            top: base,
            limit: base.wrapping_add(memory.len()),
            memory: Memory::Kept(base, keeper),
        }
    }

    /// The unused end of another stack, which must not be used meanwhile.
    pub(super) fn borrow_rest(other: &ValueStack) -> ValueStack {
        ValueStack {
            top: other.top,
            limit: other.limit,
            memory: Memory::Rest,
        }
    }

    /// Whether this many more values fit.
    #[inline(always)]
    pub(super) fn has_room(&self, slots: usize) -> bool {
        (self.limit as usize) - (self.top as usize) >= slots * size_of::<Value>()
    }

    /// The first free slot.
    #[inline(always)]
    pub(super) fn top(&self) -> *mut Value {
        self.top
    }

    /// Pushes a value.
    ///
    /// # Safety
    /// There must be room for it.
    #[inline(always)]
    pub(super) unsafe fn push(&mut self, value: Value) {
        debug_assert!(self.has_room(1), "a push beyond the end of the value stack");
        // SAFETY: there is room by contract, and the slot is not initialised.
        unsafe {
            self.top.write(value);
            self.top = self.top.add(1);
        }
    }

    /// Takes the values from `base` up off, without dropping them.
    ///
    /// # Safety
    /// `base` must be within the initialised part, and the values have been moved out.
    #[inline(always)]
    pub(super) unsafe fn lower(&mut self, base: *mut Value) {
        self.top = base;
    }

    /// Drops the values from `base` up.
    ///
    /// # Safety
    /// `base` must be within the initialised part.
    #[inline(always)]
    pub(super) unsafe fn truncate(&mut self, base: *mut Value) {
        while self.top > base {
            // SAFETY: initialised by contract; `top` goes first, so that a drop that runs a
            // destructor never sees the slot again.
            unsafe {
                self.top = self.top.sub(1);
                self.top.read().discard();
            }
        }
    }

    /// Inserts a value below the topmost `count` ones.
    ///
    /// # Safety
    /// There must be room for one more, and at least `count` values.
    #[inline(always)]
    pub(super) unsafe fn insert_below(&mut self, count: usize, value: Value) {
        debug_assert!(self.has_room(1), "a push beyond the end of the value stack");
        // SAFETY: by contract.
        unsafe {
            let place = self.top.sub(count);
            std::ptr::copy(place, place.add(1), count);
            place.write(value);
            self.top = self.top.add(1);
        }
    }

    /// The topmost `count` values as arguments.
    ///
    /// # Safety
    /// There must be that many, and they must stay until the arguments are no longer used.
    #[inline(always)]
    pub(super) unsafe fn arguments<'a>(&self, count: usize, names: &'a [Name]) -> Args<'a> {
        Args {
            // SAFETY: by contract.
            values: unsafe { std::slice::from_raw_parts(self.top.sub(count), count) },
            names,
        }
    }

    /// Takes the topmost `count` values off, without dropping them.
    ///
    /// # Safety
    /// There must be that many.
    pub(super) unsafe fn pop_many(&mut self, count: usize) -> Vec<Value> {
        let mut values = Vec::with_capacity(count);
        // SAFETY: moved out bit by bit; the slots count as uninitialised afterwards.
        unsafe {
            self.top = self.top.sub(count);
            std::ptr::copy_nonoverlapping(self.top, values.as_mut_ptr(), count);
            values.set_len(count);
        }
        values
    }
}

impl ValueStack {
    /// Calls `visit` for every value of a stack that has memory of its own.
    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        let Some(base) = self.memory.base() else {
            return;
        };
        // SAFETY: initialised from the base up to the top.
        let count = unsafe { self.top.offset_from(base) };
        for position in 0..usize::try_from(count).unwrap_or(0) {
            // SAFETY: as above.
            visit(unsafe { &*base.add(position) });
        }
    }
}

impl Drop for ValueStack {
    fn drop(&mut self) {
        if let Some(base) = self.memory.base() {
            // SAFETY: what is left is initialised, and nobody uses it any more.
            unsafe { self.truncate(base) };
        }
    }
}

/// One active call. Lives on the native stack of the evaluation function; linked to its caller.
pub struct FrameRecord {
    /// The caller, or null. Changes for a generator, with whoever resumes it.
    pub(super) previous: Cell<*const FrameRecord>,
    /// The function, which the caller keeps alive for the time of the call.
    pub(super) function: *const Function,
    /// The local variables.
    pub(super) base: *mut Value,
    /// The cells of the module's global variables, by number.
    pub(super) globals: *const *const GlobalCell,
    /// The node that was last known to be evaluated: set by calls, for whoever walks the frames,
    /// and by the node that failed.
    pub(super) node: Cell<u32>,
    /// How far an error in flight has been located in this call.
    pub(super) located: Cell<Located>,
}

impl FrameRecord {
    /// The record of a call that begins, of a function whose slots begin at `base`.
    #[inline(always)]
    pub(super) fn new(cx: &Context, function: &Function, base: *mut Value) -> FrameRecord {
        FrameRecord {
            previous: Cell::new(cx.frames),
            function,
            base,
            globals: function.linked.cells(),
            node: Cell::new(function.code.node),
            located: Cell::new(Located::No),
        }
    }

    /// The record of a call that waits at a node, only to say where that is.
    pub(super) fn waiting(function: &Function, node: u32) -> FrameRecord {
        FrameRecord {
            previous: Cell::new(std::ptr::null()),
            function,
            base: std::ptr::null_mut(),
            globals: function.linked.cells(),
            node: Cell::new(node),
            located: Cell::new(Located::Node),
        }
    }

    fn function(&self) -> &Function {
        // SAFETY: whoever made the call keeps the function alive.
        unsafe { &*self.function }
    }

    /// The number of the node evaluated last, see [`super::place`].
    #[inline(always)]
    pub(super) fn place(&self) -> u64 {
        self.function().code.places + u64::from(self.node.get())
    }

    /// What it looks like from outside.
    pub(super) fn view(&self) -> FrameView {
        FrameView {
            code: self.function().code.clone(),
            node: self.node.get(),
        }
    }

    /// The module whose globals it uses.
    pub(super) fn module(&self) -> Ref<super::module::Module> {
        self.function().linked.module.clone()
    }

    /// Its local variables that are set; `None` at a module's top level.
    pub(super) fn local_variables(&self) -> Option<Vec<(Name, Value)>> {
        let function = self.function();
        let code = &function.code;
        if code.kind == crate::resolve::tree::CodeKind::Module {
            return None;
        }
        let mut variables = Vec::new();
        for (slot, &name) in code.slot_names.iter().enumerate() {
            // SAFETY: the slots of an active call are initialised; the call is on this thread.
            let value = match unsafe { &*self.base.add(slot) } {
                Value::Cell(cell) => cell.get(),
                value => value.clone(),
            };
            if !value.is_unbound()
                && name
                    .as_str()
                    .starts_with(|c: char| c.is_alphabetic() || c == '_')
            {
                variables.push((name, value));
            }
        }
        for (cell, &name) in function.cells.iter().zip(&code.capture_names) {
            let value = cell.get();
            if !value.is_unbound() {
                variables.push((name, value));
            }
        }
        Some(variables)
    }
}

/// How far an error in flight has been located in a call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Located {
    /// No error, or not yet.
    No,
    /// `node` is the innermost node that failed.
    Node,
    /// The traceback already has this call's line.
    Entered,
}

/// A handle on the call being evaluated, copied through the evaluator in registers.
#[derive(Clone, Copy)]
pub struct Frame {
    base: *mut Value,
    record: *const FrameRecord,
}

impl Frame {
    /// The frame of a record.
    ///
    /// # Safety
    /// The record must stay in place, and its slots initialised, as long as the frame or a copy
    /// of it is used.
    #[inline(always)]
    pub(super) unsafe fn of(record: &FrameRecord) -> Frame {
        Frame {
            base: record.base,
            record,
        }
    }

    /// The record.
    #[inline(always)]
    pub(super) fn record(&self) -> &FrameRecord {
        // SAFETY: it stays in place by the contract of `of`.
        unsafe { &*self.record }
    }

    /// The function being called.
    #[inline(always)]
    pub(super) fn function(&self) -> &Function {
        // SAFETY: whoever made the call keeps the function alive.
        unsafe { &*self.record().function }
    }

    /// A look at a local variable. The slot may not be set while the reference lives, which only the frame's own
    /// code does.
    #[inline(always)]
    pub(super) fn peek(&self, slot: Slot) -> &Value {
        // SAFETY: the resolver numbers slots below the frame's size.
        unsafe { &*self.base.add(slot as usize) }
    }

    /// The value of a local variable, `Unbound` while it is unset.
    #[inline(always)]
    pub(super) fn get(&self, slot: Slot) -> Value {
        self.peek(slot).clone()
    }

    /// Changes a local variable.
    #[inline(always)]
    pub(super) fn set(&self, slot: Slot, value: Value) {
        // SAFETY: as in `peek`. The old value is dropped after the new one is in place, because
        // the drop may run a destructor that looks at the frame.
        let old = unsafe { std::ptr::replace(self.base.add(slot as usize), value) };
        old.discard();
    }

    /// Changes a local variable whose value needs no drop.
    ///
    /// # Safety
    /// The slot must not hold a counted value.
    #[inline(always)]
    pub(super) unsafe fn put(&self, slot: Slot, value: Value) {
        // SAFETY: as in `peek`; nothing is leaked by contract.
        unsafe { self.base.add(slot as usize).write(value) };
    }

    /// Takes the value of a local variable, which is unset then.
    #[inline(always)]
    pub(super) fn take(&self, slot: Slot) -> Value {
        // SAFETY: as in `peek`.
        unsafe { std::ptr::replace(self.base.add(slot as usize), Value::Unbound) }
    }

    /// The cell in a local slot.
    #[inline(always)]
    pub(super) fn local_cell(&self, slot: Slot) -> &Ref<VariableCell> {
        match self.peek(slot) {
            Value::Cell(cell) => cell,
            // Slots of captured variables get their cell when the frame is entered.
            _ => unreachable!("a captured variable without its cell"),
        }
    }

    /// The captured variable with this number.
    #[inline(always)]
    pub(super) fn captured(&self, index: u32) -> &Ref<VariableCell> {
        &self.function().cells[index as usize]
    }

    /// The global variable with this number.
    #[inline(always)]
    pub(super) fn global(&self, index: u32) -> &GlobalCell {
        // SAFETY: the resolver numbers globals below the size of the linked table, whose cells
        // live as long as the module, which the function keeps alive.
        unsafe { &**self.record().globals.add(index as usize) }
    }

    /// Notes which node failed, unless an inner one has been noted.
    #[cold]
    pub(super) fn locate(&self, node: u32) {
        let record = self.record();
        if record.located.get() == Located::No {
            record.located.set(Located::Node);
            record.node.set(node);
        }
    }
}

/// Lets an error say where in this call it came from.
pub(super) trait At<T> {
    /// Notes the node if this is an error.
    fn at(self, frame: Frame, node: u32) -> Outcome<T>;
}

impl<T> At<T> for Outcome<T> {
    #[inline(always)]
    fn at(self, frame: Frame, node: u32) -> Outcome<T> {
        if self.is_err() {
            frame.locate(node);
        }
        self
    }
}

/// What an active call looks like to whoever walks the frames.
pub struct FrameView {
    /// The function.
    pub code: Arc<crate::resolve::tree::Code>,
    /// The node evaluated last.
    pub node: u32,
}

/// An address close to the present end of the native stack, which grows downwards.
#[inline(always)]
pub fn native_stack_position() -> usize {
    let marker = 0u8;
    std::hint::black_box(&raw const marker) as usize
}
