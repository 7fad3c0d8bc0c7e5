//! Native stacks besides the thread's own: for generators, and for calls that would use up the
//! one they are on. Kept for reuse when they are given back.
//!
//! The pool is one for the process: a generator may end on another thread than it began on. Its
//! lock is a leaf.

use std::mem::MaybeUninit;
use std::sync::Arc;

use corosensei::stack::{DefaultStack, Stack, StackPointer};

use super::context::Context;
use super::stack::ValueStack;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::{arena, arena_place};
use crate::value::{Outcome, Value};

/// The size of most stacks: enough for a call of ordinary code with its reserve. Only pages that
/// are used become real.
#[cfg(debug_assertions)]
const ORDINARY: usize = 2 * 1024 * 1024;
#[cfg(not(debug_assertions))]
const ORDINARY: usize = 256 * 1024;

/// Values on the first stack of a thread. Only what is used becomes real memory; deeper
/// recursion takes further chunks.
const STACK_SLOTS: usize = 64 * 1024;

/// How many ordinary stacks are kept. None under the fuzzer: a coroutine's first function never
/// returns, so the address sanitizer would still hold its variables dead when the stack is used
/// again; a fresh mapping has no such past.
const KEPT: usize = if cfg!(fuzzing) { 0 } else { 64 };

static POOL: LeafLock<Vec<DefaultStack>> = LeafLock::new(Vec::new());

/// A native stack that goes back to the pool.
pub(super) struct PooledStack {
    stack: Option<DefaultStack>,
}

impl PooledStack {
    /// The lowest address that may be used.
    pub(super) fn lowest(&self) -> usize {
        self.limit().get() + GUARD
    }
}

/// The guard pages that `limit` includes.
const GUARD: usize = 4096;

impl Drop for PooledStack {
    fn drop(&mut self) {
        if let Some(stack) = self.stack.take() {
            let size = stack.base().get() - stack.limit().get();
            let mut pool = POOL.lock();
            if pool.len() < KEPT && size <= ORDINARY + 2 * GUARD {
                pool.push(stack);
                return;
            }
            drop(pool);
            drop(stack);
        }
    }
}

// SAFETY: everything is passed on to a stack that fulfils the contract; it is only taken out
// when this is dropped.
unsafe impl Stack for PooledStack {
    fn base(&self) -> StackPointer {
        match &self.stack {
            Some(stack) => stack.base(),
            None => unreachable!("a stack is used after it was given back"),
        }
    }

    fn limit(&self) -> StackPointer {
        match &self.stack {
            Some(stack) => stack.limit(),
            None => unreachable!("a stack is used after it was given back"),
        }
    }
}

/// A stack with at least this many bytes to use; `None` when the system has no memory, or no
/// mapping, left.
pub(super) fn take(bytes: usize) -> Option<PooledStack> {
    let stack = if bytes <= ORDINARY / 2 {
        let kept = POOL.lock().pop();
        match kept {
            Some(stack) => stack,
            None => DefaultStack::new(ORDINARY).ok()?,
        }
    } else {
        DefaultStack::new(bytes.checked_mul(2)?).ok()?
    };
    Some(PooledStack { stack: Some(stack) })
}

/// Runs `work` on another native stack.
pub(super) fn run_on(
    stack: PooledStack,
    cx: &mut Context,
    work: impl FnOnce(&mut Context) -> Outcome<Value>,
) -> Outcome<Value> {
    let lowest = stack.lowest();
    let own = std::mem::replace(&mut cx.stack_limit, lowest);
    let result = corosensei::on_stack(stack, || work(cx));
    cx.stack_limit = own;
    result
}

/// How many bytes of slots lie on the page that they share with the native stack. What a script that forks at its top level
/// has on the native stack then, less than 3.4 KiB, lies on the same page: the child writes to no other.
const SHARED: usize = 512;

/// A native stack, and what lies above its base in the same memory: the slots of a [`ValueStack`].
struct WithSlots {
    stack: Arc<DefaultStack>,
}

impl WithSlots {
    /// The bytes of the slots. Each end begins within a page, which they share: around a fork each page that is
    /// written to is copied, and most of the time a program uses little of either.
    const SLOTS: usize = STACK_SLOTS * size_of::<Value>() + SHARED;

    fn slots(&self) -> *mut [MaybeUninit<Value>] {
        let first = self.base().get() as *mut MaybeUninit<Value>;
        std::ptr::slice_from_raw_parts_mut(first, STACK_SLOTS)
    }
}

// SAFETY: all that the contract asks for holds below any aligned address within the stack.
unsafe impl Stack for WithSlots {
    fn base(&self) -> StackPointer {
        let base = self.stack.base().get() - Self::SLOTS;
        match StackPointer::new(base) {
            Some(base) => base,
            None => unreachable!("a stack at the beginning of memory"),
        }
    }

    fn limit(&self) -> StackPointer {
        self.stack.limit()
    }
}

/// Runs the whole of an evaluation on a large stack, so that deep recursion seldom needs another, with a value
/// stack beside it. Falls back to the stack it is called on when there is no memory for it.
pub fn run_on_large<R>(bytes: usize, work: impl FnOnce(Stacks) -> R, here: usize) -> R {
    match arena_place::with_room_above(|| DefaultStack::new(bytes + WithSlots::SLOTS)) {
        Ok(stack) => {
            arena_place::wish_above(stack.base().get(), arena::ALIGNMENT);
            let stack = WithSlots {
                stack: Arc::new(stack),
            };
            let stacks = Stacks {
                lowest: stack.limit().get() + GUARD,
                // SAFETY: above the base of the native stack, so nobody's; what is mapped there is kept.
                values: unsafe { ValueStack::within(stack.slots(), stack.stack.clone()) },
            };
            corosensei::on_stack(stack, || work(stacks))
        }
        Err(_) => work(Stacks::beside(here)),
    }
}

/// What a thread evaluates on.
pub struct Stacks {
    /// The lowest address that may be used of the native stack.
    pub lowest: usize,
    /// The values.
    pub values: ValueStack,
}

impl Stacks {
    /// The native stack that the thread is on, down to this address, with a value stack of its own.
    pub fn beside(lowest: usize) -> Stacks {
        Stacks {
            lowest,
            values: ValueStack::new(STACK_SLOTS),
        }
    }
}
