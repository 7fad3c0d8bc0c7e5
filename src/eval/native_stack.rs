//! Native stacks besides the thread's own: for generators, and for calls that would use up the
//! one they are on. Kept for reuse when they are given back.
//!
//! The pool is one for the process: a generator may end on another thread than it began on. Its
//! lock is a leaf.

use corosensei::stack::{DefaultStack, Stack, StackPointer};

use super::context::Context;
use crate::runtime::leaf_lock::LeafLock;
use crate::value::{Outcome, Value};

/// The size of most stacks: enough for a call of ordinary code with its reserve. Only pages that
/// are used become real.
#[cfg(debug_assertions)]
const ORDINARY: usize = 2 * 1024 * 1024;
#[cfg(not(debug_assertions))]
const ORDINARY: usize = 256 * 1024;

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

/// Runs the whole of an evaluation on a large stack, so that deep recursion seldom needs another.
/// Falls back to the stack it is called on when there is no memory for it.
pub fn run_on_large<R>(bytes: usize, work: impl FnOnce(usize) -> R, here: usize) -> R {
    match DefaultStack::new(bytes) {
        Ok(stack) => {
            let lowest = stack.limit().get() + GUARD;
            corosensei::on_stack(stack, || work(lowest))
        }
        Err(_) => work(here),
    }
}
