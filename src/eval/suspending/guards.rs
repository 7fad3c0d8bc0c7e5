//! `try` and `with` around a `yield`. Behind the position a handler keeps the exception that it is about, a `with` its
//! manager and the manager's `__exit__`.

use super::super::answer::Step;
use super::super::context::Context;
use super::super::observer::Observer;
use super::super::stack::Frame;
use super::super::{handle, target, with};
use super::flow::run_otherwise;
use super::{BODY, HANDLERS, Kept, OTHERWISE, position, run};
use crate::resolve::tree::{Slot, Try, With};
use crate::value::Value;
use crate::value::exception::Raised;

#[inline(never)]
pub(super) fn try_node<O: Observer>(
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
    let Some(exception) = handle::begin_catching(cx, frame, &raised) else {
        return Step::from(Err(raised));
    };
    let previous = std::mem::replace(&mut cx.handled, Value::Instance(exception.clone()));
    match handle::find_handler::<O>(cx, frame, node, &exception) {
        Ok(Some(number)) => {
            let block = HANDLERS + number as i64;
            handler::<O>(cx, frame, node, slot, block, false, previous)
        }
        Ok(None) => Step::from(Err(handle::let_pass(cx, frame, raised, previous))),
        Err(error) => Step::from(handle::end_handling(cx, previous, Err(error))),
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
    Step::from(handle::end_handling(cx, previous, step.outcome()))
}

#[inline(never)]
pub(super) fn with_node<O: Observer>(
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
        let (manager, exit, entered) = match with::enter_with::<O>(cx, frame, node) {
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
    let ended = with::end_with::<O>(cx, frame, &manager, &exit, step.outcome(), place);
    Step::from(ended)
}
