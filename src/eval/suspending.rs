//! Generators that are suspended at statements only: they are evaluated on the native stack of
//! whoever resumes them. To be suspended each statement around the `yield` keeps where it is in slots
//! of the frame, from the inside out; to go on, each goes on from there, from the outside in. It must
//! not know who keeps the frame.
//!
//! What goes in and out waits in the context: what is sent and what is yielded in `returned`, what is
//! thrown in `thrown`. The slots of statements hold counted values only while the generator is
//! suspended.

use super::answer::{Step, Truth};
use super::call::{
    enter_frame, leave_frame, leave_trace, make_cells, native_stack_need, safepoint, with_room,
};
use super::condition::test;
use super::context::Context;
use super::delegation::delegate_once;
use super::expression::walk;
use super::function::Function;
use super::generator;
use super::handle;
use super::loops::{assign_pair, iterable_of, two_targets};
use super::native_stack;
use super::observer::{Access, Observer, Place};
use super::stack::{At, Frame, FrameRecord, Located, native_stack_position};
use super::statement::{self, Flow, execute, find_case};
use super::target;
use crate::resolve::tree::{
    Block, Code, Expr, For, Received, Slot, Stmt, StmtKind, Suspending, SuspendingKind, Suspension,
    Target, Try, With,
};
use crate::value::arithmetic;
use crate::value::exception::{self, Raised};
use crate::value::list::List;
use crate::value::{Outcome, Value, iterate};

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

/// The error of `slot op= yield` where the slot has no value, which is found before anything is
/// yielded.
#[inline(always)]
fn unbound_before(frame: Frame, received: &Received) -> Option<Raised> {
    match received {
        Received::Augment(_, slot, place) if frame.peek(*slot).is_unbound() => {
            Some(super::variable::unbound_local(frame, *slot, *place))
        }
        _ => None,
    }
}

/// Goes on after a `yield`: with what was sent, or raising what was thrown.
#[inline(always)]
fn go_on<O: Observer>(cx: &mut Context, frame: Frame, received: &Received, place: u32) -> Step {
    if cx.thrown.is_some() {
        return raise_thrown(cx, frame, place);
    }
    match received {
        // In most cases there is nothing to drop.
        Received::Nothing if !cx.returned.is_object() => Step::NEXT,
        _ => receive::<O>(cx, frame, received, place),
    }
}

#[cold]
#[inline(never)]
fn raise_thrown(cx: &mut Context, frame: Frame, place: u32) -> Step {
    match cx.thrown.take() {
        Some(thrown) => Step::from(Err(thrown.arrive(cx)).at(frame, place)),
        None => Step::NEXT,
    }
}

/// Does with what waits in the context what stands around a `yield`.
#[inline(never)]
fn receive<O: Observer>(cx: &mut Context, frame: Frame, received: &Received, place: u32) -> Step {
    if let Received::Return = received {
        return Step::RETURN;
    }
    let value = cx.returned.take();
    let done = match received {
        Received::Nothing | Received::Return => {
            drop(value);
            Ok(())
        }
        Received::Local(slot) => {
            frame.set(*slot, value);
            Ok(())
        }
        Received::Targets(targets) => targets
            .iter()
            .try_for_each(|target| target::assign::<O>(cx, frame, target, value.clone())),
        // It had a value before the `yield`, and only this body could have taken it away.
        Received::Augment(op, slot, _) => {
            let left = frame.get(*slot);
            arithmetic::in_place(cx, *op, &left, &value)
                .at(frame, place)
                .map(|result| frame.set(*slot, result))
        }
    };
    Step::from(done.map(|()| Flow::Next))
}

#[inline(never)]
fn yield_from<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    received: &Received,
    operand: &Expr,
    place: u32,
    slot: Slot,
    resuming: bool,
) -> Step {
    let mut around = None;
    let (iterator, sent) = if resuming {
        if let Some(ended) = cx.delegated.take() {
            drop(frame.take(slot));
            return match ended.at(frame, place) {
                Ok(value) => {
                    cx.hand_over(value);
                    receive::<O>(cx, frame, received, place)
                }
                Err(raised) => Step::from(Err(raised)),
            };
        }
        let sent = match cx.thrown.take() {
            Some(thrown) => {
                let (raised, resumers) = thrown.pass_on();
                around = Some(resumers);
                Err(raised)
            }
            None => Ok(cx.returned.take()),
        };
        (frame.take(slot), sent)
    } else {
        if let Some(raised) = unbound_before(frame, received) {
            return Step::from(Err(raised));
        }
        let answer = walk::<O>(cx, frame, operand);
        if answer.is_error() {
            return Step::error_in(answer);
        }
        let value = answer.into_value();
        if let Value::Generator(_) | Value::Iterator(_) = &value {
            (value, Ok(Value::None))
        } else {
            match iterate::iterate(cx, &value).at(frame, place) {
                Ok(iterator) => (iterator, Ok(Value::None)),
                Err(raised) => return Step::from(Err(raised)),
            }
        }
    };
    frame.record().node.set(place);
    match delegate_once(cx, &iterator, sent).at(frame, place) {
        Ok(generator::Step::Yielded(item)) => {
            if let Value::Generator(_) = &iterator {
                cx.delegate = slot;
            }
            // SAFETY: nothing is in it unless the generator is suspended; the place needs no drop.
            unsafe {
                frame.put(slot, iterator);
                frame.put(slot + 1, Value::Int(i64::from(place)));
            }
            cx.hand_over(item);
            Step::YIELD
        }
        Ok(generator::Step::Returned(value)) => {
            cx.hand_over(value);
            receive::<O>(cx, frame, received, place)
        }
        Err(raised) => {
            if let Some(around) = &around {
                handle::came_back(cx, &raised, around);
            }
            Step::from(Err(raised))
        }
    }
}

#[inline(never)]
fn if_node<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    branches: &[(Expr, Block)],
    otherwise: &[Stmt],
    slot: Slot,
    resuming: bool,
) -> Step {
    let chosen = if resuming {
        position(frame, slot).0
    } else {
        let mut chosen = branches.len();
        for (branch, (condition, _)) in branches.iter().enumerate() {
            let truth = test::<O>(cx, frame, condition);
            if truth == Truth::YES {
                chosen = branch;
                break;
            }
            if truth.is_error() {
                return Step::error_of(truth);
            }
        }
        chosen as i64
    };
    let body = match branches.get(chosen as usize) {
        Some((_, body)) => body,
        None => otherwise,
    };
    run::<O>(cx, frame, body, Kept::new(slot, chosen, resuming))
}

#[inline(never)]
fn while_node<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    parts: &(Expr, Block, Block),
    id: u32,
    slot: Slot,
    mut resuming: bool,
) -> Step {
    let (condition, body, otherwise) = parts;
    if resuming && position(frame, slot).0 == OTHERWISE {
        return run_otherwise::<O>(cx, frame, otherwise, slot, true);
    }
    loop {
        if !resuming {
            let truth = test::<O>(cx, frame, condition);
            if truth != Truth::YES {
                if truth.is_error() {
                    return Step::error_of(truth);
                }
                break;
            }
        }
        match run::<O>(cx, frame, body, Kept::new(slot, BODY, resuming)) {
            Step::NEXT | Step::CONTINUE => {}
            Step::BREAK => return Step::NEXT,
            other => return other,
        }
        resuming = false;
        if let Err(raised) = safepoint(cx).at(frame, id) {
            return Step::from(Err(raised));
        }
    }
    run_otherwise::<O>(cx, frame, otherwise, slot, false)
}

#[inline]
fn run_otherwise<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    otherwise: &[Stmt],
    slot: Slot,
    resuming: bool,
) -> Step {
    if otherwise.is_empty() {
        return Step::NEXT;
    }
    run::<O>(cx, frame, otherwise, Kept::new(slot, OTHERWISE, resuming))
}

#[inline(never)]
fn for_node<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    node: &For,
    slot: Slot,
    mut resuming: bool,
) -> Step {
    let place = node.iterable.id;
    // Of a range the next number, of a list or tuple the next index.
    let mut next = 0;
    let iterable = if resuming {
        if position(frame, slot).0 == OTHERWISE {
            return run_otherwise::<O>(cx, frame, &node.otherwise, slot, true);
        }
        if let Value::Int(number) = frame.peek(slot + 2) {
            next = *number;
        }
        frame.take(slot + 1)
    } else {
        match start_of_loop::<O>(cx, frame, node) {
            Ok(iterable) => {
                if let Value::Range(range) = &iterable {
                    next = range.start;
                }
                iterable
            }
            Err(raised) => return Step::from(Err(raised)),
        }
    };
    let pair = two_targets(&node.target)
        .filter(|_| matches!(&iterable, Value::Iterator(pairs) if pairs.kind().gives_pairs()));
    loop {
        if !resuming {
            let value = match &iterable {
                Value::Range(range) => {
                    let is_there = if range.step > 0 {
                        next < range.stop
                    } else {
                        next > range.stop
                    };
                    if !is_there {
                        break;
                    }
                    let number = next;
                    // Behind the last number that there is, nothing is there either.
                    next = number.saturating_add(range.step);
                    Value::Int(number)
                }
                Value::List(list) => {
                    O::access(Place::Element(&iterable), Access::Read, place);
                    let Some(value) = List::get_from(list, next) else {
                        break;
                    };
                    next += 1;
                    value
                }
                Value::Tuple(tuple) => {
                    let Some(value) = tuple.items().get(next as usize) else {
                        break;
                    };
                    next += 1;
                    value.clone()
                }
                iterator => match (iterator, pair) {
                    (Value::Iterator(pairs), Some(targets)) => {
                        let done = match pairs.kind().next_pair(cx).at(frame, place) {
                            Ok(Some(pair)) => assign_pair::<O>(cx, frame, targets, pair),
                            Ok(None) => break,
                            Err(raised) => Err(raised),
                        };
                        if let Err(raised) = done {
                            return Step::from(Err(raised));
                        }
                        Value::Unbound
                    }
                    _ => match iterate::next(cx, iterator).at(frame, place) {
                        Ok(Some(value)) => value,
                        Ok(None) => break,
                        Err(raised) => return Step::from(Err(raised)),
                    },
                },
            };
            match &node.target {
                Target::Local(slot) => frame.set(*slot, value),
                // Assigned already.
                _ if value.is_unbound() => {}
                target => {
                    if let Err(raised) = target::assign::<O>(cx, frame, target, value) {
                        return Step::from(Err(raised));
                    }
                }
            }
        }
        match run::<O>(cx, frame, &node.body, Kept::new(slot, BODY, resuming)) {
            Step::NEXT | Step::CONTINUE => {}
            Step::BREAK => return Step::NEXT,
            Step::YIELD => {
                // SAFETY: what counted value was in the first was taken out; the second holds none.
                unsafe {
                    frame.put(slot + 1, iterable);
                    frame.put(slot + 2, Value::Int(next));
                }
                return Step::YIELD;
            }
            other => return other,
        }
        resuming = false;
        if let Err(raised) = safepoint(cx).at(frame, place) {
            return Step::from(Err(raised));
        }
    }
    drop(iterable);
    run_otherwise::<O>(cx, frame, &node.otherwise, slot, false)
}

/// What a loop goes over: a list, tuple or range, or an iterator.
#[inline(never)]
fn start_of_loop<O: Observer>(cx: &mut Context, frame: Frame, node: &For) -> Outcome<Value> {
    let iterable = iterable_of::<O>(cx, frame, node)?;
    match &iterable {
        Value::Range(_) | Value::List(_) | Value::Tuple(_) | Value::Generator(_) => Ok(iterable),
        other => iterate::iterate(cx, other).at(frame, node.iterable.id),
    }
}

#[inline(never)]
fn try_node<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    node: &Try,
    slot: Slot,
    resuming: bool,
) -> Step {
    let block = if resuming {
        position(frame, slot).0
    } else {
        BODY
    };
    if block == OTHERWISE {
        return run_otherwise::<O>(cx, frame, &node.otherwise, slot, true);
    }
    if block >= HANDLERS {
        let exception = frame.take(slot + 1);
        let previous = std::mem::replace(&mut cx.handled, exception);
        return handler::<O>(cx, frame, node, slot, block, true, previous);
    }
    let step = run::<O>(cx, frame, &node.body, Kept::new(slot, BODY, resuming));
    match step {
        Step::NEXT => run_otherwise::<O>(cx, frame, &node.otherwise, slot, false),
        Step::BREAK | Step::CONTINUE | Step::RETURN | Step::YIELD => step,
        error => match error.outcome() {
            Ok(flow) => Step::from(Ok(flow)),
            Err(raised) => catch::<O>(cx, frame, node, slot, raised),
        },
    }
}

#[cold]
#[inline(never)]
fn catch<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    node: &Try,
    slot: Slot,
    raised: Raised,
) -> Step {
    let Some(exception) = raised.exception().cloned() else {
        return Step::from(Err(raised));
    };
    leave_trace(frame.record(), &raised);
    frame.record().located.set(Located::No);
    handle::chain_context(&exception, cx.handled_value());
    let previous = std::mem::replace(&mut cx.handled, Value::Instance(exception.clone()));
    match handle::find_handler::<O>(cx, frame, node, &exception) {
        Ok(Some(number)) => {
            let block = HANDLERS + number as i64;
            handler::<O>(cx, frame, node, slot, block, false, previous)
        }
        Ok(None) => {
            cx.handled = previous;
            frame.record().located.set(Located::Entered);
            Step::from(Err(raised))
        }
        Err(error) => {
            let handled = std::mem::replace(&mut cx.handled, previous);
            if let Some(newer) = error.exception() {
                handle::chain_context(newer, &handled);
            }
            Step::from(Err(error))
        }
    }
}

/// Runs a handler's body, or goes on with it, while the exception that it is
/// about counts as handled. `previous` is what was handled before.
fn handler<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    node: &Try,
    slot: Slot,
    block: i64,
    resuming: bool,
    previous: Value,
) -> Step {
    let handler = &node.handlers[(block - HANDLERS) as usize];
    let bound = match &handler.target {
        Some(target) if !resuming => target::assign::<O>(cx, frame, target, cx.handled.clone()),
        _ => Ok(()),
    };
    let step = match bound {
        Ok(()) => {
            let step = run::<O>(cx, frame, &handler.body, Kept::new(slot, block, resuming));
            if step == Step::YIELD {
                let exception = std::mem::replace(&mut cx.handled, previous);
                // SAFETY: what was in it was taken out.
                unsafe { frame.put(slot + 1, exception) };
                return step;
            }
            if let Some(target) = &handler.target {
                target::unset::<O>(frame, target);
            }
            step
        }
        Err(raised) => Step::from(Err(raised)),
    };
    let handled = std::mem::replace(&mut cx.handled, previous);
    match step {
        Step::NEXT | Step::BREAK | Step::CONTINUE | Step::RETURN => step,
        error => {
            let outcome = error.outcome();
            if let Err(error) = &outcome
                && let Some(newer) = error.exception()
            {
                handle::chain_context(newer, &handled);
            }
            Step::from(outcome)
        }
    }
}

#[inline(never)]
fn with_node<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    node: &With,
    slot: Slot,
    resuming: bool,
) -> Step {
    let place = node.context.id;
    let kept = Kept::new(slot, BODY, resuming);
    let (manager, exit, step) = if resuming {
        let (manager, exit) = (frame.take(slot + 1), frame.take(slot + 2));
        let step = run::<O>(cx, frame, &node.body, kept);
        (manager, exit, step)
    } else {
        let (manager, exit, entered) = match statement::enter_with::<O>(cx, frame, node) {
            Ok(parts) => parts,
            Err(raised) => return Step::from(Err(raised)),
        };
        let bound = match &node.target {
            Some(target) => target::assign::<O>(cx, frame, target, entered),
            None => {
                drop(entered);
                Ok(())
            }
        };
        let step = match bound {
            Ok(()) => run::<O>(cx, frame, &node.body, kept),
            Err(raised) => Step::from(Err(raised)),
        };
        (manager, exit, step)
    };
    if step == Step::YIELD {
        // SAFETY: what was in them was taken out.
        unsafe {
            frame.put(slot + 1, manager);
            frame.put(slot + 2, exit);
        }
        return step;
    }
    let ended = statement::end_with::<O>(cx, frame, &manager, &exit, step.outcome(), place);
    Step::from(ended)
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
