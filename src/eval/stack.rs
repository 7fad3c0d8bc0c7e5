//! Frames: where the local variables of active calls live, and the records that let the
//! collector, the debugger and tracebacks walk them. It must not know nodes.

use std::cell::Cell;
use std::mem::MaybeUninit;

use super::function::Function;
use super::module::GlobalCell;
use crate::value::Value;

/// A contiguous stack of values. Arguments are evaluated straight into the slots of the call
/// they are for.
pub struct ValueStack {
    /// The first free slot. Everything below it, down to the base, is initialised.
    pub(super) top: *mut Value,
    /// The end of the memory.
    pub(super) limit: *mut Value,
    /// Owns the memory. Reserved, not touched: pages become real when frames reach them.
    _memory: Box<[MaybeUninit<Value>]>,
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
            _memory: memory,
        }
    }
}

/// One active call. Lives on the native stack of the evaluation function; linked to its caller.
pub struct FrameRecord {
    /// The caller, or null.
    pub(super) previous: *const FrameRecord,
    /// The function, whose count the call holds.
    pub(super) function: *const Function,
    /// The local variables.
    pub(super) base: *mut Value,
    /// The cells of the module's global variables, by number.
    pub(super) globals: *const *const GlobalCell,
    /// The node that was last known to be evaluated: set by calls, for whoever walks the frames.
    pub(super) node: Cell<u32>,
}

/// A handle on the call being evaluated, copied through the evaluator in registers.
#[derive(Clone, Copy)]
pub struct Frame {
    pub(super) base: *mut Value,
    pub(super) record: *const FrameRecord,
}

/// An address close to the present end of the native stack, which grows downwards.
#[inline(always)]
pub fn native_stack_position() -> usize {
    let marker = 0u8;
    std::hint::black_box(&raw const marker) as usize
}
