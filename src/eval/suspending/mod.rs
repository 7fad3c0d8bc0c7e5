//! Generators that are suspended at statements only: they are evaluated on the native stack of
//! whoever resumes them. To be suspended each statement around the `yield` keeps where it is in slots
//! of the frame, from the inside out; to go on, each goes on from there, from the outside in. It must
//! not know who keeps the frame.
//!
//! What goes in and out waits in the context: what is sent and what is yielded in `returned`, what is
//! thrown in `thrown`. The slots of statements hold counted values only while the generator is
//! suspended.

mod flow;
mod guards;
mod yields;

use self::flow::{for_node, if_node, while_node};
use self::guards::{try_node, with_node};
use self::yields::{go_on, unbound_before, yield_from};
use super::answer::Step;
use super::call::{
    enter_frame, leave_frame, leave_trace, make_cells, native_stack_need, safepoint, with_room,
};
use super::context::Context;
use super::expression::walk;
use super::function::Function;
use super::observer::Observer;
use super::stack::{Frame, FrameRecord, native_stack_position};
use super::statement::{execute, find_case};
use super::{handle, native_stack};
use crate::resolve::tree::{Code, Slot, Stmt, StmtKind, Suspending, SuspendingKind, Suspension};
use crate::value::{Value, exception};

/// Which block of a statement a position is in, above the number of the statement in the block.
const BLOCK: u32 = 32;

/// The first block of a statement with several, and the one after `else` of a loop or `try`.
const BODY: i64 = 0;
const OTHERWISE: i64 = 1;
/// The first handler.
const HANDLERS: i64 = 2;

/// The slot in which the body's position is kept, for codes that are suspended so.
#[inline(always)]
pub(super) fn body_slot(code: &Code) -> Option<Slot> {
    match code.suspension {
        Suspension::Positions(slot) => Some(slot),
        _ => None,
    }
}

/// Starts a generator, or goes on with it, in a frame with these slots. What it yields or returns
/// waits in the context.
pub(super) fn resume<O: Observer>(
    cx: &mut Context,
    function: &Function,
    slots: *mut Value,
) -> Step {
    let code = &*function.code;
    let room = code.scratch as usize + 2;
    let need = native_stack_need(code);
    if native_stack_position() >= cx.stack_limit + need && cx.stack.has_room(room) {
        return resume_here::<O>(cx, function, slots);
    }
    resume_elsewhere::<O>(cx, function, slots)
}

#[cold]
#[inline(never)]
fn resume_elsewhere<O: Observer>(cx: &mut Context, function: &Function, slots: *mut Value) -> Step {
    let code = &*function.code;
    let need = native_stack_need(code);
    let mut step = Step::NEXT;
    let done = with_room(cx, code.scratch as usize + 2, |cx| {
        if native_stack_position() >= cx.stack_limit + need {
            step = resume_here::<O>(cx, function, slots);
            return Ok(Value::None);
        }
        let Some(stack) = native_stack::take(need) else {
            drop((cx.returned.take(), cx.thrown.take(), cx.delegated.take()));
            return Err(exception::recursion_error(
                "maximum recursion depth exceeded (no memory for more native stack)",
            ));
        };
        native_stack::run_on(stack, cx, |cx| {
            step = resume_here::<O>(cx, function, slots);
            Ok(Value::None)
        })
    });
    match done {
        Ok(_) => step,
        Err(raised) => Step::from(Err(raised)),
    }
}

#[inline(always)]
fn resume_here<O: Observer>(cx: &mut Context, function: &Function, slots: *mut Value) -> Step {
    let code = &*function.code;
    let record = FrameRecord::new(cx, function, slots);
    // SAFETY: the record stays on this native stack frame until the call is left; the slots are
    // initialised and belong to the generator, which is marked as running.
    let frame = unsafe { enter_frame(cx, &record) };
    let slot = body_slot(code).unwrap_or_default();
    let step = if frame.peek(slot).is_unbound() {
        start::<O>(cx, frame, code, slot)
    } else {
        run::<O>(cx, frame, &code.body, Kept::new(slot, BODY, true))
    };
    leave_frame(cx, &record);
    if step.is_error() {
        traced(&record, step)
    } else {
        step
    }
}

/// Adds the line of a generator to the traceback of an error that leaves it.
#[cold]
#[inline(never)]
fn traced(record: &FrameRecord, step: Step) -> Step {
    let outcome = step.outcome();
    if let Err(raised) = &outcome {
        leave_trace(record, raised);
    }
    Step::from(outcome)
}

#[inline(never)]
fn start<O: Observer>(cx: &mut Context, frame: Frame, code: &Code, slot: Slot) -> Step {
    if !code.cell_slots.is_empty() {
        make_cells(frame, code);
    }
    if let Err(raised) = safepoint(cx) {
        return Step::from(Err(raised));
    }
    run::<O>(cx, frame, &code.body, Kept::new(slot, BODY, false))
}

/// Where a block keeps its position, and whether it is to go on from there: one word, since it is
/// handed on at every level.
#[derive(Clone, Copy)]
struct Kept(u64);

impl Kept {
    /// In this slot, as the statement's block of this number.
    #[inline(always)]
    fn new(slot: Slot, block: i64, resuming: bool) -> Kept {
        Kept(u64::from(slot) << BLOCK | (block as u64) << 1 | u64::from(resuming))
    }

    #[inline(always)]
    fn slot(self) -> Slot {
        (self.0 >> BLOCK) as Slot
    }

    #[inline(always)]
    fn resuming(self) -> bool {
        self.0 & 1 != 0
    }

    /// The position of the statement with this number in the block.
    #[inline(always)]
    fn position(self, index: usize) -> i64 {
        let block = (self.0 as u32 >> 1) as i64;
        block << BLOCK | index as i64
    }
}

/// Executes the statements of a block: all of them, or from the one on that the generator was
/// suspended in.
fn run<O: Observer>(cx: &mut Context, frame: Frame, block: &[Stmt], kept: Kept) -> Step {
    let mut resuming = kept.resuming();
    let mut index = if resuming {
        position(frame, kept.slot()).1
    } else {
        0
    };
    while let Some(stmt) = block.get(index) {
        let step = match &stmt.kind {
            StmtKind::Suspending(node) => {
                let step = suspending::<O>(cx, frame, node, stmt.id, resuming);
                if step == Step::YIELD {
                    // SAFETY: the slot of a position holds none or another.
                    unsafe { frame.put(kept.slot(), Value::Int(kept.position(index))) };
                    return step;
                }
                step
            }
            _ => execute::<O>(cx, frame, stmt),
        };
        if step != Step::NEXT {
            return step;
        }
        resuming = false;
        index += 1;
    }
    Step::NEXT
}

/// Which block a statement was suspended in, and the number of the statement in it.
#[inline(always)]
fn position(frame: Frame, slot: Slot) -> (i64, usize) {
    match frame.peek(slot) {
        Value::Int(position) => (*position >> BLOCK, *position as u32 as usize),
        _ => unreachable!("a suspended statement without its position"),
    }
}

fn suspending<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    node: &Suspending,
    id: u32,
    resuming: bool,
) -> Step {
    match &node.kind {
        SuspendingKind::Yield(received, operand, place) => {
            if resuming {
                return go_on::<O>(cx, frame, received, *place);
            }
            if let Some(raised) = unbound_before(frame, received) {
                return Step::from(Err(raised));
            }
            let answer = walk::<O>(cx, frame, operand);
            if answer.is_error() {
                return Step::error_in(answer);
            }
            cx.hand_over(answer.into_value());
            Step::YIELD
        }
        SuspendingKind::YieldFrom(received, operand, place) => {
            yield_from::<O>(cx, frame, received, operand, *place, node.slot, resuming)
        }
        SuspendingKind::While(parts) => while_node::<O>(cx, frame, parts, id, node.slot, resuming),
        SuspendingKind::For(inner) => for_node::<O>(cx, frame, inner, node.slot, resuming),
        SuspendingKind::If(branches, otherwise) => {
            if_node::<O>(cx, frame, branches, otherwise, node.slot, resuming)
        }
        SuspendingKind::Try(inner) => try_node::<O>(cx, frame, inner, node.slot, resuming),
        SuspendingKind::Finally(body, cleanup) => {
            let kept = Kept::new(node.slot, BODY, resuming);
            let step = run::<O>(cx, frame, body, kept);
            if step == Step::YIELD {
                return step;
            }
            Step::from(handle::finish::<O>(cx, frame, step.outcome(), cleanup))
        }
        SuspendingKind::With(inner) => with_node::<O>(cx, frame, inner, node.slot, resuming),
        SuspendingKind::Match(inner) => {
            let case = if resuming {
                position(frame, node.slot).0
            } else {
                match find_case::<O>(cx, frame, inner) {
                    Ok(Some(case)) => case as i64,
                    Ok(None) => return Step::NEXT,
                    Err(raised) => return Step::from(Err(raised)),
                }
            };
            let body = &inner.cases[case as usize].2;
            run::<O>(cx, frame, body, Kept::new(node.slot, case, resuming))
        }
    }
}

/// Whether a generator with these slots was started.
#[inline(always)]
pub(super) fn is_started(code: &Code, slots: &[Value]) -> bool {
    body_slot(code).is_some_and(|slot| !slots[slot as usize].is_unbound())
}

/// Whether a generator that waits has to be closed before it can be given up: a statement around
/// where it waits would do something.
pub(super) fn must_be_closed(code: &Code, slots: &[Value]) -> bool {
    let Some(slot) = body_slot(code) else {
        return false;
    };
    let mut block = &code.body;
    let mut position = slots.get(slot as usize);
    while let Some(Value::Int(number)) = position {
        let index = *number as u32 as usize;
        let Some(StmtKind::Suspending(node)) = block.get(index).map(|stmt| &stmt.kind) else {
            return false;
        };
        let inner = slots.get(node.slot as usize);
        let inner_block = match inner {
            Some(Value::Int(number)) => (*number >> BLOCK) as usize,
            _ => 0,
        };
        block = match &node.kind {
            SuspendingKind::Yield(..) => return false,
            SuspendingKind::YieldFrom(..)
            | SuspendingKind::Try(_)
            | SuspendingKind::Finally(..)
            | SuspendingKind::With(_) => return true,
            SuspendingKind::If(branches, otherwise) => match branches.get(inner_block) {
                Some((_, body)) => body,
                None => otherwise,
            },
            SuspendingKind::While(parts) if inner_block == 0 => &parts.1,
            SuspendingKind::While(parts) => &parts.2,
            SuspendingKind::For(node) if inner_block == 0 => &node.body,
            SuspendingKind::For(node) => &node.otherwise,
            SuspendingKind::Match(node) => match node.cases.get(inner_block) {
                Some((_, _, body)) => body,
                None => return false,
            },
        };
        position = inner;
    }
    false
}
